"""What became of a campaign's customers: every outcome as sums per arm, ready for the statistics.

Counted is everybody who was assigned, in the arm that was stored at the draw, as soon as the whole window of the
customer is known; the window has the same length for all. What a customer was sent or opened plays no part here.

Rates are compared plainly. Means (orders, spend, margin) carry what the customer did in the same number of days before
the start as covariates, which makes the comparison sharper (CUPED). The cap of the plan's goal applies to the goal
alone; the amounts as they are come beside it under ``<name>_uncapped``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from churn_core.campaigns.asked import (
    UNCAPPED,
    counted_for,
    file_kinds,
    files_of,
    is_uneven,
    one_metric,
    outcomes_of,
    unknowable,
    whole_windows,
    without_denominator,
)
from churn_core.campaigns.cells import AddUp, Cells, Wanted, added, sums
from churn_core.campaigns.comparison import Outcomes
from churn_core.campaigns.counted import AT_DRAW, Counted, Span, at_draw, from_orders
from churn_core.campaigns.goals import OUTCOMES
from churn_core.campaigns.looks import Look, measure_over_time
from churn_core.campaigns.overlap import Overlap, overlap
from churn_core.campaigns.store import Campaign
from churn_core.campaigns.windows import days_left, has_started, is_complete
from churn_core.errors import InputError, unknown_name
from churn_core.features.definition import known_until as orders_until
from churn_core.warehouse import Warehouse

__all__ = [
    "SLICES", "UNCAPPED", "Look", "Measured", "Overlap", "file_kinds", "measure", "measure_by", "measure_over_time",
    "measure_slices", "overlap", "pre_period",
]  # fmt: skip

SLICES: dict[str, str] = {"tier": "tier", "value_band": "value", "main_group": "main reason"}
"""What a readout can be cut by, with its words: what was stored of the customer at the draw."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """All that is known of a campaign's outcomes."""

    campaign_id: str
    window_days: int
    known_until: datetime | None
    """The midnight up to which orders are complete; None without orders."""
    n_assigned: Mapping[str, int]
    """Customers drawn, by arm in the order of the plan."""
    n_started: Mapping[str, int]
    """Of these, customers whose window has begun as far as the data goes."""
    n_complete: Mapping[str, int]
    """Customers who are compared on the first outcome: their whole window is known."""
    last_end: datetime | None
    """First instant after the last window of those assigned; None when nobody was."""
    days_left: int | None
    """Days of orders still to come until the last window is complete; None without orders."""
    outcomes: Mapping[str, Outcomes]
    """By name; the goal first."""
    unknown: Mapping[str, str] = field(default_factory=dict)
    """Outcomes that were asked for and cannot be told, each with the reason in one sentence."""
    from_files: tuple[str, ...] = ()
    """Outcomes that came in a file, and take the place of what the orders say where both exist."""
    is_within_strata: bool = False
    """Whether comparisons are made within the strata of the draw."""


def measure(
    warehouse: Warehouse,
    campaign: Campaign,
    names: Sequence[str] | None = None,
    *,
    within_strata: bool | None = None,
    add_up: AddUp = sums,
) -> Measured:
    """Every outcome asked for, per arm; by default the goal, its guardrails, orders, spend, margin and all files.

    Strata: the draw gives every stratum the same shares, so the plain comparison of the arms is unbiased, its numbers
    are those of the table of counts, and its p-value is the pooled z that is printed everywhere else. It errs towards
    care, never towards boldness: where the strata explain a quarter of the variance, 2.5 % of campaigns without effect
    look like one instead of 5 %. Where the shares of the arms differ between strata by more than chance (chi-square,
    p < .001) the plain comparison would be wrong; then, and only then, the cells come by stratum of the draw
    (Mantel-Haenszel, post-stratified means). Outcomes play no part in that choice; ``within_strata`` makes it by hand.

    NotFound for a name that is neither an outcome nor the metric of a file.
    """
    files = files_of(warehouse, campaign)
    filed = {name for kinds in files.values() for name in kinds}
    asked = tuple(dict.fromkeys(names if names is not None else (*_usual(campaign), *sorted(filed))))
    for name in asked:
        if name not in OUTCOMES and name not in filed:
            raise unknown_name("outcome", name, {*OUTCOMES, *filed})
    until = orders_until(warehouse)
    unknown = {name: why for name in asked if name not in filed and (why := unknowable(warehouse, campaign, name))}
    found = _measured(warehouse, campaign, [name for name in asked if name not in unknown], files, until, add_up)
    is_within = any(is_uneven(cells) for _, cells in found) if within_strata is None else within_strata
    outcomes = {entry.key: outcomes_of(campaign, entry, cells, is_within) for entry, cells in found}
    unknown |= {name: why for name, made in outcomes.items() if (why := without_denominator(made))}
    known = {name: made for name, made in outcomes.items() if name not in unknown}
    counts = _counts(warehouse, campaign, until)
    if asked and asked[0] in known:
        counts["n_complete"] = {arm: known[asked[0]].n(arm) for arm in counts["n_assigned"]}
    last_end = _last_end(warehouse, campaign)
    return Measured(
        campaign_id=campaign.campaign_id,
        window_days=campaign.plan.goal.window_days,
        known_until=until,
        last_end=last_end,
        days_left=None if last_end is None or until is None else days_left(last_end, until),
        outcomes=known,
        unknown=unknown,
        from_files=tuple(name for name in asked if name in filed),
        is_within_strata=is_within,
        **counts,
    )


def measure_by(warehouse: Warehouse, campaign: Campaign, name: str, column: str) -> dict[str, Outcomes]:
    """One outcome by slice; customers of whom the slice was not known at the draw are under the empty name.

    InputError for a column that was not stored at the draw: what was measured afterwards may itself be an effect.
    """
    if column not in SLICES:
        raise InputError(
            f"{column!r} was not stored at the draw, and what is measured afterwards may be an effect itself; "
            f"cut by {', '.join(SLICES)}."
        )
    return measure_slices(warehouse, campaign, name, (column,))[column]


def measure_slices(
    warehouse: Warehouse,
    campaign: Campaign,
    name: str,
    columns: Sequence[str] = tuple(SLICES),
    *,
    add_up: AddUp = sums,
) -> dict[str, dict[str, Outcomes]]:
    """:func:`measure_by` for several columns of SLICES at once, which reads the orders once: column -> slice."""
    entry, filed = one_metric(warehouse, campaign, name)
    part = slices_part(columns)
    parts = add_up(warehouse, campaign, whole_windows(campaign, [entry], orders_until(warehouse), filed, part=part))
    made: dict[str, dict[str, Outcomes]] = {}
    for place, column in enumerate(columns):
        slices: dict[str, Cells] = {}
        for key in sorted(parts):
            slice_ = str(json.loads(key)[place])
            slices[slice_] = added(slices.get(slice_, {}), parts[key][entry.key])
        is_within = any(is_uneven(cells) for cells in slices.values())
        made[column] = {key: outcomes_of(campaign, entry, cells, is_within) for key, cells in sorted(slices.items())}
    return made


def slices_part(columns: Sequence[str]) -> str:
    """SQL of the values of several columns of SLICES, as the text of a JSON list."""
    listed = ", ".join(f"coalesce(drawn.{column}, '')" for column in columns)
    return f"to_json([{listed}])"


def pre_period(
    warehouse: Warehouse, campaign: Campaign, *, within_strata: bool = False, add_up: AddUp = sums
) -> dict[str, Outcomes]:
    """What everybody assigned did in as many days before the start as the window has, and what was stored at the draw.

    Nothing of it can be an effect, so arms that differ here were not drawn by chance alone. ``within_strata`` keeps
    the strata of the draw apart: what was balanced there varies less than chance, and a test must know that.
    """
    counted = before_metrics(campaign)
    found = add_up(warehouse, campaign, Wanted(counted=counted)).get("", {})
    made = {entry.key: outcomes_of(campaign, entry, found.get(entry.key, {}), within_strata) for entry in counted}
    return {name: outcomes for name, outcomes in made.items() if any(outcomes.n(arm) for arm in outcomes.cells)}


def before_metrics(campaign: Campaign) -> list[Counted]:
    """What is compared of the time before the start."""
    before = Span(days=campaign.plan.goal.window_days, is_before=True)
    return [
        *(from_orders(name, before) for name in ("retained", "orders", "spend")),
        *(at_draw(name) for name in AT_DRAW),
    ]


def _usual(campaign: Campaign) -> tuple[str, ...]:
    goal = campaign.plan.goal
    return (goal.outcome, *(rail.outcome for rail in goal.guardrails), "orders", "spend", "margin")


def _measured(
    warehouse: Warehouse,
    campaign: Campaign,
    names: Sequence[str],
    files: Mapping[int, Mapping[str, str]],
    until: datetime | None,
    add_up: AddUp,
) -> list[tuple[Counted, Cells]]:
    """Every metric with its sums, in the order asked: one query for what orders tell, and one for each file."""
    filed = {name: kind for kinds in files.values() for name, kind in kinds.items()}
    place = {name: number for number, name in enumerate(filed)}
    by_name = {name: counted_for(campaign, name, filed) for name in names}
    found: dict[str, Cells] = {}
    for kinds in ({}, *files.values()):
        asked = [name for name in names if (name in kinds if kinds else name not in filed)]
        entries = [entry for name in asked for entry in by_name[name]]
        if entries:
            wanted = whole_windows(campaign, entries, until, {place[name]: name for name in asked if kinds})
            found |= add_up(warehouse, campaign, wanted).get("", {})
    return [(entry, found.get(entry.key, {})) for entries in by_name.values() for entry in entries]


def _counts(warehouse: Warehouse, campaign: Campaign, until: datetime | None) -> dict[str, dict[str, int]]:
    """Customers per arm: drawn, begun, and with a whole window as far as orders are known."""
    complete = is_complete(campaign.plan.goal.window_days)
    rows = warehouse.records(
        f"SELECT arm, count(*) AS n_assigned, count(*) FILTER ({has_started()}) AS n_started, "
        f"count(*) FILTER ({complete}) AS n_complete FROM assignments AS drawn WHERE campaign_id = $id GROUP BY arm",
        {"id": campaign.campaign_id, "data_until": until},
    )
    by_arm = {str(row["arm"]): row for row in rows}
    arms = [*campaign.plan.shares, *sorted(by_arm.keys() - campaign.plan.shares)]
    return {
        name: {arm: int(by_arm[arm][name]) if arm in by_arm else 0 for arm in arms}
        for name in ("n_assigned", "n_started", "n_complete")
    }


def _last_end(warehouse: Warehouse, campaign: Campaign) -> datetime | None:
    last = warehouse.value(
        "SELECT max(starts_at) FROM assignments WHERE campaign_id = $id", {"id": campaign.campaign_id}
    )
    return None if last is None else last + timedelta(days=campaign.plan.goal.window_days)
