"""Whether a campaign's numbers may be believed: six checks, in the order in which a doubt would weigh.

Red says that something is broken, and hides the verdict. A caution leaves the numbers and says what to keep in mind.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from churn_core.campaigns.balance import balance_check
from churn_core.campaigns.comparison import Outcomes
from churn_core.campaigns.measure import Measured
from churn_core.campaigns.overlap import Overlap
from churn_core.campaigns.plan import Plan
from churn_core.campaigns.readout_model import HealthCheck
from churn_core.errors import InputError
from churn_core.stats.sample_ratio import ALARM_BELOW, SampleRatio, check_sample_ratio

MOST_TWICE = 0.01
"""Share of an arm's customers who may have got something else as well before that can matter."""


def campaign_health(
    plan: Plan,
    measured: Measured,
    before: Mapping[str, Outcomes],
    met: Overlap,
    *,
    last_import: datetime | None,
    now: datetime,
) -> tuple[HealthCheck, ...]:
    """All checks of one campaign, in the order in which they are read."""
    control = plan.control.name if plan.control else None
    return (
        sample_ratio(measured.n_assigned, measured.n_complete, plan.shares),
        balance_check(before, control, [arm.name for arm in plan.treatments]),
        double_exposure(met),
        same_email(met),
        freshness(measured, last_import, now),
        windows(measured),
    )


def sample_ratio(
    n_assigned: Mapping[str, int], n_complete: Mapping[str, int], shares: Mapping[str, float]
) -> HealthCheck:
    """Arms against their planned shares: as drawn, and those whose windows are over."""
    label = "Sample ratio"
    if len(shares) < 2:
        return _check("sample_ratio", label, "ok", "There is one arm only, so there are no shares to compare.")
    found = {words: _ratio(counts, shares) for words, counts in (("drawn", n_assigned), ("compared", n_complete))}
    for words, ratio in found.items():
        if isinstance(ratio, str):
            return _check("sample_ratio", label, "red", f"The arms are not those of the plan: {ratio}")
        if ratio is not None and ratio.alarm:
            return _check("sample_ratio", label, "red", ratio_words(ratio, f"the customers {words}"))
    sizes = ", ".join(f"{arm} {n:,}" for arm, n in n_assigned.items())
    p_values = [
        f"{words} p {p_words(ratio.p_value)}" for words, ratio in found.items() if isinstance(ratio, SampleRatio)
    ]
    return _check("sample_ratio", label, "ok", f"The arms are as large as planned: {sizes} ({', '.join(p_values)}).")


def ratio_words(ratio: SampleRatio, whom: str) -> str:
    """An alarm in words, with the size of the gap."""
    side = "above" if ratio.largest_gap > 0 else "below"
    return (
        f"{ratio.arm} is {100 * abs(ratio.largest_gap):.2f} points {side} its planned share of {whom} "
        f"(p {p_words(ratio.p_value)}, alarm below {ALARM_BELOW:g}): something in assignment, export or counting is "
        "broken."
    )


def double_exposure(met: Overlap) -> HealthCheck:
    """Customers whom another campaign treated in the same days; red where that is unevenly shared between the arms."""
    name, label = "double_exposure", "Double exposure"
    n = sum(met.n_also_elsewhere.values())
    if not n:
        return _check(name, label, "ok", "Nobody was in a treatment of another campaign in the same days.")
    total = sum(met.n_assigned.values())
    others = ", ".join(f"“{entry.name}”" for entry in met.others[:3])
    shares = {arm: met.n_also_elsewhere.get(arm, 0) / size for arm, size in met.n_assigned.items() if size}
    each = ", ".join(f"{arm} {100 * share:.1f} %" for arm, share in shares.items())
    told = f"{n:,} of {total:,} customers were treated by {others} in the same days ({each})"
    if _is_uneven(met.n_also_elsewhere, met.n_assigned) and max(shares.values()) > MOST_TWICE:
        return _check(name, label, "red", f"{told}, more in one arm than in the other: the effect may be theirs.")
    return _check(
        name, label, "warn", f"{told}, alike in all arms: the effect is what came on top of the other campaign."
    )


def same_email(met: Overlap) -> HealthCheck:
    """Customers who share their address with somebody in another arm: they may have read the other arm's message."""
    name, label = "same_email", "Same e-mail in two arms"
    n, total = sum(met.n_shared_email.values()), sum(met.n_assigned.values())
    if not n:
        return _check(name, label, "ok", "No e-mail address stands in two arms.")
    told = f"{n:,} of {total:,} customers share their e-mail address with somebody in another arm"
    if n > MOST_TWICE * total:
        return _check(
            name, label, "red", f"{told}, more than {100 * MOST_TWICE:g} %: who got what is not known any more."
        )
    return _check(name, label, "warn", f"{told}; that makes the effect look a little smaller than it is.")


def freshness(measured: Measured, last_import: datetime | None, now: datetime) -> HealthCheck:
    """Up to when orders are known; a caution when windows have passed on the calendar that the data does not reach."""
    name, label = "freshness", "Data freshness"
    if measured.known_until is None:
        if measured.from_files:
            return _check(name, label, "ok", "The outcomes came in a file; there are no orders to be out of date.")
        return _check(name, label, "warn", "There are no orders in the workspace; import them, or a file of outcomes.")
    imported = f", last import on {last_import:%-d %B %Y}" if last_import else ""
    told = f"Orders are known until {last_day(measured.known_until):%-d %B %Y}{imported}"
    is_behind = bool(measured.days_left) and measured.last_end is not None and measured.last_end <= now
    if is_behind:
        return _check(
            name, label, "warn", f"{told}, but windows ended until {measured.last_end:%-d %B %Y}: import newer orders."
        )
    return _check(name, label, "ok", f"{told}.")


def windows(measured: Measured) -> HealthCheck:
    """How many customers' outcome windows are over; only these are compared."""
    name, label = "windows", "Outcome windows"
    n, total = sum(measured.n_complete.values()), sum(measured.n_assigned.values())
    days = f"{measured.window_days} days"
    if n == total:
        return _check(name, label, "ok", f"All {total:,} customers are known for their whole {days}.")
    left = f"; the last window ends in {measured.days_left} days of data" if measured.days_left else ""
    return _check(
        name,
        label,
        "warn",
        f"{n:,} of {total:,} customers are known for their whole {days}; only these are compared{left}.",
    )


def last_day(until: datetime) -> datetime:
    """The last day that is known, from the midnight after it."""
    return until - timedelta(days=1)


def p_words(p_value: float) -> str:
    """A p-value in a sentence; never 0.

    >>> p_words(0.0314), p_words(1e-9)
    ('.031', '< .001')
    """
    return "< .001" if p_value < 0.001 else f"{p_value:.3f}".removeprefix("0")


def _ratio(counts: Mapping[str, int], shares: Mapping[str, float]) -> SampleRatio | str | None:
    """None where nobody was counted yet, a sentence where arms do not match the plan."""
    if not sum(counts.values()):
        return None
    try:
        return check_sample_ratio(counts, shares)
    except InputError as error:
        return str(error)


def _is_uneven(hit: Mapping[str, int], sizes: Mapping[str, int]) -> bool:
    """Whether the customers concerned are shared between arms otherwise than all customers are."""
    expected = {arm: float(size) for arm, size in sizes.items() if size}
    counts = {arm: hit.get(arm, 0) for arm in expected}
    return len(expected) > 1 and check_sample_ratio(counts, expected).alarm


def _check(name: str, label: str, level: str, told: str) -> HealthCheck:
    return HealthCheck(name=name, label=label, level=level, told=told)
