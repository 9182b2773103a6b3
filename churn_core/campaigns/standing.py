"""Where a campaign stands, and the sentence that says so: the first status that applies, in a fixed order.

Separate from the numbers, so that what may be said is decided in one place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from churn_core.campaigns.experiment import status_of
from churn_core.campaigns.measure import Measured
from churn_core.campaigns.readout_model import ArmMoney, ArmResult, HealthCheck, Sequential
from churn_core.campaigns.results import is_too_small
from churn_core.campaigns.sequence import latest
from churn_core.campaigns.store import Campaign
from churn_core.campaigns.verdicts import result_words, verdict_words
from churn_core.stats.rates import LEAST_EXPECTED

FEWEST_KNOWN = 0.9
"""Share of the customers drawn whose outcome must be known at the end; below, the planned number was not reached."""

RED_STATUSES: dict[str, str] = {
    "sample_ratio": "invalid_srm",
    "double_exposure": "invalid_overlap",
    "same_email": "invalid_overlap",
}
"""Status of each check that can be red."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What is known when the status is decided."""

    campaign: Campaign
    measured: Measured
    health: tuple[HealthCheck, ...]
    results: tuple[ArmResult, ...]
    """Empty where there is no control, or the goal cannot be told."""
    sequential: Sequential | None = None

    @property
    def goal(self) -> str:
        """Name of the goal."""
        return self.campaign.plan.goal.outcome

    @property
    def treatments(self) -> list[str]:
        """Names of the treatments."""
        return [arm.name for arm in self.campaign.plan.treatments]

    @property
    def red(self) -> HealthCheck | None:
        """The first check that hides the verdict."""
        return next((check for check in self.health if check.level == "red"), None)

    @property
    def has_started(self) -> bool:
        """Whether anything is known since the first day."""
        until, start = self.measured.known_until, self.campaign.starts_at
        is_known = until is not None and start is not None and until > start
        return is_known or self.goal in self.measured.from_files

    @property
    def is_over(self) -> bool:
        """Whether no further outcome can change the answer: every window is known, and nobody joins any more."""
        return is_over(self.campaign, self.measured)

    @property
    def early(self) -> tuple[ArmResult, ...]:
        """The goal of treatments whose interval over all looks leaves out zero now, with that interval."""
        if self.sequential is None or self.is_over:
            return ()
        found = []
        for entry in self.sequential.arms:
            now = latest(entry) if entry.decided_on else None
            if now is None or now.low is None or now.high is None or now.low * now.high <= 0:
                continue
            result = next((one for one in self.results if one.is_primary and one.arm == entry.arm), None)
            if result is not None:
                p_value = min(point.p_value for point in entry.points if point.p_value is not None)
                seen = replace(result.comparison, difference=now)
                found.append(replace(result, comparison=seen, p_adjusted=p_value, total=None))
        return tuple(found)


def is_over(campaign: Campaign, measured: Measured) -> bool:
    """Whether no further outcome can change the answer on the goal."""
    if campaign.plan.goal.outcome in measured.from_files:
        return True
    is_closed = campaign.plan.entry == "fixed" or campaign.status != "locked"
    return is_closed and measured.days_left == 0


def status_of_campaign(standing: Standing) -> str:
    """The first status that applies."""
    control = standing.campaign.plan.control
    if control is None:
        return "not_measurable"
    if standing.red is not None:
        return RED_STATUSES[standing.red.name]
    if not standing.has_started:
        return "not_started"
    goal = standing.measured.outcomes.get(standing.goal)
    if goal is None:
        return "not_measurable"
    if _is_too_few(standing, control.name):
        return "too_small"
    if standing.is_over:
        return status_of(goal, control.name, standing.treatments, standing.results)
    gains = [_gain(result) for result in standing.early]
    return "better" if any(gain > 0 for gain in gains) else "worse" if gains else "running"


def standing_words(standing: Standing, status: str, money: Sequence[ArmMoney], currency: str) -> str:
    """The verdict, or why there is none, in plain words."""
    plan = standing.campaign.plan
    if standing.red is not None and status.startswith("invalid"):
        return f"No effect is told: {standing.red.told[:1].lower()}{standing.red.told[1:]}"
    if status == "not_measurable":
        why = standing.measured.unknown.get(standing.goal)
        if plan.control is not None:
            return f"The goal cannot be told: {why}"
        return (
            f"Nobody can tell what this campaign changed, because it has no control: {plan.no_control_reason.strip()}"
        )
    words = {"not_started": _not_started, "too_small": _too_small, "running": _running}.get(status)
    if words is not None:
        return words(standing)
    control = plan.control.name if plan.control else ""
    if standing.is_over:
        return verdict_words(standing.results, control, money, currency)
    told = " ".join(result_words(result, control, None, currency) for result in standing.early)
    return f"{told} Told before the planned end by the interval that holds at all looks together."


def _is_too_few(standing: Standing, control: str) -> bool:
    """Whether there are too few by now, or never can be enough."""
    goal, drawn = standing.measured.outcomes[standing.goal], standing.measured.n_assigned
    arms = standing.treatments
    if goal.metric.kind == "rate" and min(drawn.get(arm, 0) for arm in (control, *arms)) < 2 * LEAST_EXPECTED:
        return True
    if not standing.is_over:
        return False
    n_known, n_planned = sum(standing.measured.n_complete.values()), _n_planned(standing)
    return n_known < FEWEST_KNOWN * n_planned or any(is_too_small(goal, control, arm) for arm in arms)


def _n_planned(standing: Standing) -> int:
    return sum(standing.measured.n_assigned.values())


def _gain(result: ArmResult) -> float:
    value = result.comparison.difference.value or 0.0
    return -value if result.is_lower_better else value


def _not_started(standing: Standing) -> str:
    start, until = standing.campaign.starts_at, standing.measured.known_until
    known = f"orders are known until {until - timedelta(days=1):%-d %B %Y}" if until else "there are no orders yet"
    return f"Nothing is known of the campaign yet: it starts on {start:%-d %B %Y}, and {known}."


def _too_small(standing: Standing) -> str:
    measured = standing.measured
    n_known, n_drawn = sum(measured.n_complete.values()), _n_planned(standing)
    label = standing.results[0].label if standing.results else standing.goal
    if standing.is_over and n_known < FEWEST_KNOWN * n_drawn:
        return (
            f"Too few to tell: outcomes are known of {n_known:,} of the {n_drawn:,} customers drawn; "
            "bring the others before reading anything into the difference."
        )
    return (
        f"Too few customers or outcomes to tell anything about {label} ({n_known:,} of {n_drawn:,} customers known): "
        "in an arm fewer than 5 are expected to have it, or to lack it. A larger campaign is needed."
    )


def _running(standing: Standing) -> str:
    measured = standing.measured
    n_known, n_drawn = sum(measured.n_complete.values()), _n_planned(standing)
    is_open = standing.campaign.plan.entry == "rolling" and standing.campaign.status == "locked"
    end = (
        "while customers may join there is no planned end"
        if is_open or measured.last_end is None
        else f"the last window ends on {measured.last_end - timedelta(days=1):%-d %B %Y}"
    )
    return (
        f"Still running: {n_known:,} of {n_drawn:,} customers are known for their whole {measured.window_days} days, "
        f"and {end}. No verdict yet; what the interval allows so far is in the chart of looks."
    )
