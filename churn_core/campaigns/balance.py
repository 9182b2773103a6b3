"""Whether the arms were alike before the start: what differs then cannot be an effect.

One question is asked of all covariates together, because one of many always differs by chance. The covariates depend
on each other (spend and orders), which the Cauchy combination allows for, so that the alarm comes about as often in
sound draws as it says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

from churn_core.campaigns.comparison import Outcomes, compare
from churn_core.campaigns.goals import OUTCOMES
from churn_core.campaigns.readout_model import HealthCheck
from churn_core.campaigns.small_strata import put_together
from churn_core.stats.moments import JointMoments, Moments, Rate
from churn_core.stats.multiple import cauchy_combined

ALARM_BELOW = 0.01
"""Combined p-value below which arms are pointed out: one sound draw in a hundred."""

LABELS: dict[str, str] = {"risk": "risk at the draw", "expected_value": "expected value at the draw"}


@dataclass(frozen=True, kw_only=True)
class Imbalance:
    """One covariate in one treatment against the control."""

    covariate: str
    arm: str
    standardised: float | None
    """Difference in standard deviations of a customer; None where nobody differs."""
    p_value: float | None


@dataclass(frozen=True, kw_only=True)
class Balance:
    """All covariates together."""

    found: tuple[Imbalance, ...]
    p_value: float | None
    """Of all together (Cauchy combination); None where nothing could be compared."""

    @property
    def worst(self) -> Imbalance | None:
        """The one that is furthest apart."""
        known = [entry for entry in self.found if entry.standardised is not None]
        return max(known, key=lambda entry: abs(entry.standardised or 0.0), default=None)


def balance(before: Mapping[str, Outcomes], control: str, treatments: Sequence[str]) -> Balance:
    """Compare every covariate in every treatment with the control, within strata where there are several."""
    found = []
    for name, outcomes in before.items():
        ready = put_together(outcomes)
        for arm in treatments:
            compared = compare(ready, control, arm)
            found.append(
                Imbalance(
                    covariate=name,
                    arm=arm,
                    standardised=_standardised(ready, control, arm, compared.difference.value),
                    p_value=compared.p_value,
                )
            )
    p_values = [entry.p_value for entry in found if entry.p_value is not None]
    return Balance(found=tuple(found), p_value=cauchy_combined(p_values) if p_values else None)


def balance_check(before: Mapping[str, Outcomes], control: str | None, treatments: Sequence[str]) -> HealthCheck:
    """The check as it is shown; it never hides the verdict, because a difference by chance is no broken draw."""
    if control is None:
        return _check("ok", "There is no control to compare with.")
    made = balance(before, control, treatments)
    worst = made.worst
    if made.p_value is None or worst is None or worst.standardised is None:
        return _check("warn", "Nothing is known of the customers before the start, so likeness cannot be checked.")
    p_value = "< .001" if made.p_value < 0.001 else f"{made.p_value:.3f}".removeprefix("0")
    label = LABELS.get(worst.covariate) or (
        f"{OUTCOMES[worst.covariate].label} before" if worst.covariate in OUTCOMES else worst.covariate
    )
    largest = f"largest difference {worst.standardised:+.3f} standard deviations, in {label}, {worst.arm}"
    n = len({entry.covariate for entry in made.found})
    covariates = f"{n} covariate{'' if n == 1 else 's'}"
    if made.p_value < ALARM_BELOW:
        return _check(
            "warn",
            f"The arms differed before the start ({largest}; p {p_value} over {covariates}, which one sound draw in "
            "100 would show): look whether customers or orders were added after the draw. Means are adjusted for "
            "the time before, rates are not.",
        )
    return _check("ok", f"The arms were alike before the start: {largest} (p {p_value} over {covariates}).")


def _standardised(outcomes: Outcomes, control: str, arm: str, difference: float | None) -> float | None:
    spread = [_variance(outcomes, name) for name in (control, arm)]
    pooled = sqrt(sum(spread) / 2)
    return None if difference is None or pooled == 0 else difference / pooled


def _variance(outcomes: Outcomes, arm: str) -> float:
    """Variance between all customers of an arm, strata together."""
    cells = list(outcomes.cells.get(arm, {}).values())
    if outcomes.metric.kind == "rate":
        rate = sum((cell for cell in cells if isinstance(cell, Rate)), Rate(n_hits=0, n=0))
        return rate.n_hits / rate.n * (1 - rate.n_hits / rate.n) if rate.n else 0.0
    nothing = Moments(n=0, mean=0.0, variance=0.0)
    return sum((cell.column(0) for cell in cells if isinstance(cell, JointMoments)), nothing).variance


def _check(level: str, told: str) -> HealthCheck:
    return HealthCheck(name="balance", label="Alike before the start", level=level, told=told)
