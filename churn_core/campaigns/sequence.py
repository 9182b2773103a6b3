"""Looking before the end: the goal's difference at every look, with intervals that hold at all looks together.

Whole outcome windows become known wave by wave; their difference has a confidence sequence, and it alone may end a
campaign early. While no window is whole the difference so far is shown, and decides nothing: what customers do in
their first week is not what they do in the whole window.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import sqrt

from churn_core.campaigns.comparison import Outcomes, with_less_noise
from churn_core.campaigns.looks import DAILY_UP_TO, Look
from churn_core.campaigns.readout_model import ArmSequence, SequencePoint, Sequential
from churn_core.campaigns.results import effect_of, is_too_small
from churn_core.campaigns.small_strata import put_together
from churn_core.stats.estimate import Estimate
from churn_core.stats.means import Mean
from churn_core.stats.rates import two_sided_z
from churn_core.stats.sequential import confidence_sequence

EARLY_SHARE = 0.2
"""Part of the plan's alpha at which the sequence of looks before the end is built; it crosses far less often."""
END_SHARE = 0.98
"""Part of the plan's alpha that the test at the end keeps where whole windows come in one after the other: looks and
end together then err in at most the plan's alpha of all campaigns, however often is looked."""

FEWEST_PER_ARM = 50
"""Customers with a whole window in either arm from which on the asymptotic sequence is told."""


@dataclass(frozen=True, kw_only=True)
class LookPlan:
    """What was planned before the first look."""

    n_drawn: Mapping[str, int]
    """Customers per arm."""
    end: date | None
    """Last day of the last outcome window; None while customers may still join."""
    window_days: int
    alpha: float
    is_in_waves: bool
    """Whether customers start on different days, so that whole windows come in one after the other."""
    is_over: bool = False
    """Whether no further outcome can change the answer, so that the test at the end has the word."""

    @property
    def n_looks(self) -> int:
        """Looks planned within one window."""
        return self.window_days if self.window_days <= DAILY_UP_TO else -(-self.window_days // 7)


def sequential(
    looks: Sequence[Look], plan: LookPlan, *, control: str, treatments: Sequence[str], label: str, unit: str
) -> Sequential | None:
    """The goal at all looks so far; None without any. Several treatments share the alpha equally."""
    if not looks:
        return None
    alone = plan.alpha / len(treatments)
    arms = []
    for arm in treatments:
        points = tuple(_point(look, plan, control, arm, alone) for look in looks)
        arms.append(ArmSequence(arm=arm, points=points, decided_on=_decided(points) if plan.is_in_waves else None))
    metric = looks[-1].outcomes.metric
    return Sequential(
        metric=metric.name,
        label=label,
        kind=metric.kind,
        unit=unit,
        method=_method(plan, len(treatments)),
        planned_n=sum(plan.n_drawn.values()),
        planned_end=plan.end,
        arms=tuple(arms),
        told=_told(arms, plan, is_over=plan.is_over or (looks[-1].is_whole_window and not plan.is_in_waves)),
    )


def end_alpha(alpha: float) -> float:
    """Alpha of the test at the end, where the looks before it used a part of the plan's.

    >>> round(end_alpha(0.05), 4)
    0.049
    """
    return alpha * END_SHARE


def latest(sequence: ArmSequence) -> Estimate | None:
    """The interval at the last look that counts whole windows; None where there is none."""
    for point in reversed(sequence.points):
        if point.is_whole_window and point.low is not None:
            return Estimate(value=point.value, low=point.low, high=point.high)
    return None


def _point(look: Look, plan: LookPlan, control: str, arm: str, alone: float) -> SequencePoint:
    outcomes = put_together(look.outcomes)
    ready = with_less_noise(outcomes) if outcomes.n_covariates else outcomes
    n = ready.n(control) + ready.n(arm)
    effect = _effect(ready, control, arm)
    low = high = p_value = None
    if effect is not None and plan.is_in_waves:
        planned = max(n, plan.n_drawn[control] + plan.n_drawn[arm])
        found = confidence_sequence(effect.value, sqrt(effect.variance), n, planned, alpha=alone * EARLY_SHARE)
        low, high, p_value = found.low, found.high, found.p_value
    elif effect is not None:
        half = two_sided_z(1 - alone / plan.n_looks) * sqrt(effect.variance)
        low, high = effect.value - half, effect.value + half
    return SequencePoint(
        day=(look.at - timedelta(days=1)).date(),
        n=n,
        is_whole_window=look.is_whole_window,
        value=None if effect is None else effect.value,
        low=low,
        high=high,
        p_value=p_value,
    )


def _effect(outcomes: Outcomes, control: str, arm: str) -> Mean | None:
    if min(outcomes.n(control), outcomes.n(arm)) < FEWEST_PER_ARM or is_too_small(outcomes, control, arm):
        return None
    effect = effect_of(outcomes, control, arm)
    return effect if effect is not None and effect.variance > 0 else None


def _decided(points: Sequence[SequencePoint]) -> date | None:
    for point in points:
        if point.low is not None and point.high is not None and point.low * point.high > 0:
            return point.day
    return None


def _method(plan: LookPlan, n_treatments: int) -> str:
    several = f", alpha shared by {n_treatments} treatments" if n_treatments > 1 else ""
    if plan.is_in_waves:
        level = 100 * (1 - plan.alpha * EARLY_SHARE)
        return (
            f"Asymptotic confidence sequence at {level:g} %{several}, narrowest at the planned number: the intervals "
            f"hold at all looks together; the test at the planned end is made at {100 * end_alpha(plan.alpha):.3g} %, "
            f"so that both together keep {100 * plan.alpha:g} %."
        )
    return (
        f"The difference so far, with {100 * (1 - plan.alpha):g} % intervals that hold at all {plan.n_looks} planned "
        f"looks together (Bonferroni{several}); only the whole window decides."
    )


def _told(arms: Sequence[ArmSequence], plan: LookPlan, *, is_over: bool) -> str:
    end = f"on {plan.end:%-d %B %Y}" if plan.end else "when nobody joins any more"
    crossed = " and ".join(f"{entry.arm} on {entry.decided_on:%-d %B %Y}" for entry in arms if entry.decided_on)
    if is_over and not (plan.is_in_waves and crossed):
        return "The last look counts whole windows; the test at the end above is the verdict."
    if is_over:
        return (
            f"The interval that holds at all looks left out zero for {crossed}; all windows are over now, and the test "
            "at the end above is the verdict."
        )
    if not plan.is_in_waves:
        return f"No outcome window is over yet: this is the difference so far, and the verdict comes {end}."
    if crossed:
        return f"The interval that holds at all looks left out zero for {crossed}; that may be acted on before the end."
    return f"At no look so far did an interval leave out zero; the verdict comes at the planned end, {end}."
