"""What "churned" means for this shop: the gaps between its orders, a proposal, what it would count, the saved one.

Separate from features and labels because a person decides here, and everything downstream carries the version
of that decision.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from churn_core.errors import NotEnoughData
from churn_core.features.gaps import FEWEST_GAPS, GapBin, GapDistribution, gap_distribution, known_until
from churn_core.timeline import ChurnDefinition, in_label_window, past_cutoffs, seen_before
from churn_core.warehouse import Transaction, Warehouse, utc_now

__all__ = [
    "GapBin", "GapDistribution", "MonthCounts", "Proposal", "Readiness", "active_definition", "count_at",
    "first_cutoff", "gap_distribution", "known_until", "months", "propose_definition", "readiness", "save_definition",
]  # fmt: skip

FEWEST_ELIGIBLE = 1_000
"""Eligible customers that a model needs at a cutoff."""
FEWEST_CHURNED = 100
"""Churners that a model needs among them."""
FEWEST_LEARNED = 200
"""Eligible customers that models need at an earlier cutoff, to learn from before they are judged."""
STEP_DAYS = 30
"""Days between past cutoffs."""
LEAST_HISTORY_DAYS = 180
"""Longest history asked for before the first cutoff; a shorter horizon asks for as much as it is long."""
FEWEST_REPEAT_BUYERS = 200
"""Repeat buyers that BG/NBD needs."""
STEPS_DAYS: tuple[int, ...] = (7, 14, 21, 30, 45, 60, 90, 120, 150, 180, 270, 365, 540, 730)
"""Horizons and activity windows that are proposed."""
HORIZON_SHARE = 0.9
"""Share of repeat orders that come within the proposed horizon."""
ACTIVITY_SHARE = 0.95
"""Share of repeat orders that come within the proposed activity window."""

_FALLBACK = ChurnDefinition(horizon_days=90, activity_days=180)
_ROUNDING = 0.95


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A definition that fits this shop's rhythm."""

    definition: ChurnDefinition
    reason: str
    """Why, in words with numbers."""
    quantile_days: int | None
    """Days within which 90 % of repeat orders come; None when there are too few gaps to tell."""
    n_gaps: int
    """Gaps it was read from."""


@dataclass(frozen=True, kw_only=True)
class MonthCounts:
    """The customers of one cutoff."""

    cutoff: datetime
    n_eligible: int
    """Customers the question was about."""
    n_churned: int | None
    """Of these, without an order in the label window; None while the outcome is open."""
    n_stayed: int | None
    """Of these, with one; None while the outcome is open."""

    @property
    def is_known(self) -> bool:
        """Whether the outcome is known."""
        return self.n_churned is not None


@dataclass(frozen=True, kw_only=True)
class Readiness:
    """What can be done with the data under a definition."""

    method: str
    """full (models that learn from the past), bgnbd (purchase model), lateness (own rhythm) or none."""
    reason: str
    """Why this method, in one sentence with numbers."""
    missing: str
    """What would allow the next better one, in one sentence; empty when nothing is missing."""
    n_eligible: int
    """Eligible customers at the latest cutoff whose outcome is known; 0 when there is no such cutoff."""
    n_churned: int
    """Of these, churned."""
    n_repeat_buyers: int
    """Customers with orders on at least two days."""
    cutoff: datetime | None
    """That cutoff."""


def propose_definition(warehouse: Warehouse) -> Proposal:
    """Horizon and activity window from the gaps between orders.

    The horizon is the step (7, 14, 30, 60, 90 ... days) that 90 % of repeat orders come within: waiting longer
    hardly shows another returning customer. It is shortened when the history is too short for it: features look
    back up to a year, and what is left after that year must hold four horizons, to learn from and to judge by
    (of a history below two years, a quarter of a year's worth). The activity window is the step for 95 %, at most
    two horizons: whoever was silent longer has, with few exceptions, left already.
    Raises NotEnoughData without orders.
    """
    gaps = gap_distribution(warehouse)
    if not gaps.n_customers:
        raise NotEnoughData("there are no orders yet; import an order history first.")
    if gaps.n_gaps < FEWEST_GAPS:
        return _usual_start(gaps)
    at_90, at_95 = gaps.quantile(HORIZON_SHARE), gaps.quantile(ACTIVITY_SHARE)
    wanted = _step(at_90)
    horizon = min(wanted, _longest_horizon(gaps.history_days))
    activity = max(min(_step(at_95), 2 * horizon), horizon)
    reason = f"90 % of repeat orders come within {at_90} days"
    if horizon < wanted:
        within = 100 * (gaps.share_within(horizon) or 0.0)
        reason += (
            f", but the history covers only {gaps.history_days} days: a horizon of {horizon} days, within which "
            f"{within:.0f} % come, leaves enough of it to learn from"
        )
    else:
        reason += f", so a customer without an order for {horizon} days has most likely left"
    silent = 100 * (gaps.share_within(activity) or 0.0)
    reason += f"; {silent:.0f} % come within {activity} days, so customers silent for longer are left out."
    return Proposal(
        definition=ChurnDefinition(horizon_days=horizon, activity_days=activity),
        reason=reason,
        quantile_days=at_90,
        n_gaps=gaps.n_gaps,
    )


def months(
    warehouse: Warehouse, definition: ChurnDefinition, *, n_most: int = 36, include_open: bool = False
) -> list[MonthCounts]:
    """Eligible, churned and stayed customers at the first of each month, oldest first, at most ``n_most``.

    Only cutoffs whose outcome is known; with ``include_open`` also the later ones, without an outcome.
    """
    end = known_until(warehouse)
    if end is None:
        return []
    first = warehouse.value("SELECT min(order_time) FROM orders")
    cutoffs = [cutoff for cutoff in _month_starts(first, end) if include_open or _is_known(cutoff, definition, end)]
    counted = (count_at(warehouse, definition, cutoff, end=end) for cutoff in cutoffs[-n_most:])
    return [month for month in counted if month.n_eligible]


def count_at(
    warehouse: Warehouse, definition: ChurnDefinition, cutoff: datetime, *, end: datetime | None = None
) -> MonthCounts:
    """The customers of one cutoff; without an outcome when that is not known by ``end`` (default: known_until)."""
    end = end or known_until(warehouse)
    seen = seen_before("order_time", definition.activity_days)
    label = in_label_window("order_time", definition)
    n_eligible, n_stayed = warehouse.rows(
        "SELECT count(*), count(*) FILTER (stayed) FROM ("
        f"SELECT bool_or({label}) AS stayed FROM orders WHERE ({seen}) OR ({label}) "
        f"GROUP BY customer_id HAVING bool_or({seen}))",
        {"cutoff": cutoff},
    )[0]
    is_known = end is not None and _is_known(cutoff, definition, end)
    return MonthCounts(
        cutoff=cutoff,
        n_eligible=n_eligible,
        n_churned=n_eligible - n_stayed if is_known else None,
        n_stayed=n_stayed if is_known else None,
    )


def first_cutoff(warehouse: Warehouse, definition: ChurnDefinition) -> datetime | None:
    """The earliest cutoff with enough history before it: a horizon, at most 180 days. None without orders."""
    start = warehouse.value("SELECT min(order_time) FROM orders")
    if start is None:
        return None
    return start + timedelta(days=min(definition.horizon_days, LEAST_HISTORY_DAYS))


def readiness(warehouse: Warehouse, definition: ChurnDefinition, *, as_of: datetime | None = None) -> Readiness:
    """Which method the data allows, with what was known at ``as_of`` (default: with all of it).

    ``full`` needs 1,000 eligible customers and 100 churners at the latest cutoff whose outcome is known, and an
    earlier one with enough history before it whose outcome was known by then, so that what is learned can be judged.
    ``bgnbd`` needs 200 repeat buyers, ``lateness`` one.
    """
    end = as_of or known_until(warehouse)
    if end is None:
        return _ready("none", "there are no orders yet.", "Import an order history first.")
    n_repeat = warehouse.value(
        "SELECT count(DISTINCT customer_id) FILTER (gap_days IS NOT NULL) FROM orders "
        f"WHERE {seen_before('order_time')}",
        {"cutoff": end},
    )
    judged = count_at(warehouse, definition, end - timedelta(days=definition.span_days), end=end)
    learned = _latest_learned(warehouse, definition, judged.cutoff, end)
    open_now = count_at(warehouse, definition, end, end=end)
    shortfall = _shortfall(judged, learned, definition)
    if not open_now.n_eligible or not n_repeat:
        what = "nobody is eligible now" if not open_now.n_eligible else "no customer ordered on two different days"
        return _ready(
            "none", f"{what}.", "Widen the activity window or import a longer order history.", judged, n_repeat
        )
    if not shortfall:
        reason = (
            f"{judged.n_eligible:,} customers were eligible on {_day(judged.cutoff)} and {judged.n_churned:,} of them "
            "churned: enough to learn from the past and to judge it."
        )
        return _ready("full", reason, "", judged, n_repeat)
    if n_repeat >= FEWEST_REPEAT_BUYERS:
        return _ready("bgnbd", f"{shortfall}.", _remedy("Models that learn from the past"), judged, n_repeat)
    reason = f"{n_repeat:,} {'customer has' if n_repeat == 1 else 'customers have'} ordered on two different days."
    missing = (
        f"The purchase model BG/NBD needs {FEWEST_REPEAT_BUYERS} of them; import a longer history or more customers."
    )
    return _ready("lateness", reason, missing, judged, n_repeat)


def save_definition(warehouse: Warehouse, definition: ChurnDefinition) -> ChurnDefinition:
    """Make a definition the active one; the one that is active already gets no new version."""
    with warehouse.transaction() as tx:
        active = active_definition(tx)
        if active is not None and _choice(active) == _choice(definition):
            return active
        version = tx.next_number("churn_definitions", "version")
        horizon_days, activity_days, lead_days = _choice(definition)
        tx.execute(
            "INSERT INTO churn_definitions (version, horizon_days, activity_days, lead_days, saved_at) "
            "VALUES ($version, $horizon_days, $activity_days, $lead_days, $now)",
            {
                "version": version,
                "horizon_days": horizon_days,
                "activity_days": activity_days,
                "lead_days": lead_days,
                "now": utc_now(),
            },
        )
        tx.audit(
            "save churn definition",
            {"version": version, "horizon_days": horizon_days, "activity_days": activity_days, "lead_days": lead_days},
        )
    return ChurnDefinition(
        horizon_days=horizon_days, activity_days=activity_days, lead_days=lead_days or 0, version=version
    )


def active_definition(warehouse: Warehouse | Transaction) -> ChurnDefinition | None:
    """The definition saved last, or None when none was saved yet."""
    found = warehouse.records(
        "SELECT horizon_days, activity_days, lead_days, version FROM churn_definitions ORDER BY version DESC LIMIT 1"
    )
    return ChurnDefinition(**found[0]) if found else None


def _ready(
    method: str, reason: str, missing: str, judged: MonthCounts | None = None, n_repeat_buyers: int = 0
) -> Readiness:
    return Readiness(
        method=method,
        reason=reason,
        missing=missing,
        n_eligible=judged.n_eligible if judged else 0,
        n_churned=(judged.n_churned or 0) if judged else 0,
        n_repeat_buyers=n_repeat_buyers,
        cutoff=judged.cutoff if judged and judged.n_eligible else None,
    )


def _latest_learned(
    warehouse: Warehouse, definition: ChurnDefinition, judged: datetime, end: datetime
) -> MonthCounts | None:
    """The latest cutoff of the training's steps whose outcome was known at the judged one; None without history."""
    first = first_cutoff(warehouse, definition)
    steps = past_cutoffs(first=first or end, known_until=end, definition=definition, step_days=STEP_DAYS)
    known = [cutoff for cutoff in steps if definition.outcome_known_at(cutoff) <= judged]
    return count_at(warehouse, definition, known[-1], end=end) if known else None


def _shortfall(judged: MonthCounts, learned: MonthCounts | None, definition: ChurnDefinition) -> str:
    """What models lack, in words; empty when nothing."""
    if not judged.n_eligible:
        return f"the history is too short to know what became of anybody within {definition.span_days} days"
    if judged.n_eligible < FEWEST_ELIGIBLE or (judged.n_churned or 0) < FEWEST_CHURNED:
        return (
            f"{judged.n_eligible:,} customers were eligible on {_day(judged.cutoff)} and {judged.n_churned:,} of them "
            f"churned; models need {FEWEST_ELIGIBLE:,} and {FEWEST_CHURNED}"
        )
    if learned is None or learned.n_eligible < FEWEST_LEARNED or not learned.n_churned or not learned.n_stayed:
        return (
            f"the history holds only one round of {definition.span_days} days whose outcome is known; models need an "
            "earlier one to learn from, with some history before it"
        )
    return ""


def _remedy(goal: str) -> str:
    return (
        f"{goal} become possible with a longer history, more customers, a wider activity window or a shorter horizon."
    )


def _day(moment: datetime) -> str:
    return f"{moment.day} {moment:%b %Y}"


def _choice(definition: ChurnDefinition) -> tuple[int, int | None, int]:
    return definition.horizon_days, definition.activity_days, definition.lead_days


def _usual_start(gaps: GapDistribution) -> Proposal:
    return Proposal(
        definition=_FALLBACK,
        reason=(
            f"too few repeat orders are known to read a rhythm from ({gaps.n_gaps:,}; {FEWEST_GAPS} are needed), so "
            f"{_FALLBACK.horizon_days} days are a usual start for shops."
        ),
        quantile_days=None,
        n_gaps=gaps.n_gaps,
    )


def _step(days: int) -> int:
    """The first step that reaches the days; a step short of them by up to 5 % counts as reaching."""
    return next((step for step in STEPS_DAYS if step >= _ROUNDING * days), STEPS_DAYS[-1])


def _longest_horizon(history_days: int) -> int:
    """The longest step of which four fit into the history after the year that features look back."""
    usable = max(min(history_days, 365), history_days - 365)
    return max([step for step in STEPS_DAYS if 4 * step <= usable], default=STEPS_DAYS[0])


def _is_known(cutoff: datetime, definition: ChurnDefinition, end: datetime) -> bool:
    return definition.outcome_known_at(cutoff) <= end


def _month_starts(first: datetime, end: datetime) -> list[datetime]:
    """The firsts of months after the first instant and up to the end."""
    n_months = (end.year - first.year) * 12 + end.month - first.month + 1
    starts = []
    for number in range(n_months):
        year, month = divmod(first.year * 12 + first.month - 1 + number, 12)
        starts.append(datetime(year, month + 1, 1))
    return [start for start in starts if first < start <= end]
