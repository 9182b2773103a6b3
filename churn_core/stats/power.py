"""How many customers an answer takes, and what can be found with those there are.

For rates the classical formula with the pooled variance under "no difference" and the unpooled one under the effect;
both tails are counted, alpha is split over the treatments, shares may differ. The smallest effect that can be found is
the exact inverse of the number needed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, isfinite, sqrt

from churn_core.errors import InputError

MOST_CUSTOMERS = 10**12
"""Customers beyond which an effect counts as not to be found."""


@dataclass(frozen=True, kw_only=True)
class Design:
    """What is asked of an experiment."""

    power: float = 0.8
    """Chance to find the effect if it is there."""
    alpha: float = 0.05
    """Chance to find one that is not there, two-sided, over all treatments together."""
    n_treatments: int = 1
    """Treatments compared with one control; alpha is divided by their number (Bonferroni)."""
    control_share: float | None = None
    """Share of the customers in the control arm; the treatments share the rest evenly. None for equal arms."""

    def __post_init__(self) -> None:
        if self.n_treatments < 1:
            raise InputError(f"there are {self.n_treatments} treatments; an experiment needs at least one.")
        if not 0 < self.alpha < 1 or not self.alpha < self.power < 1:
            raise InputError(
                f"power is {self.power:g} and alpha {self.alpha:g}; choose shares between 0 and 1, power above alpha."
            )
        if self.control_share is not None and not 0 < self.control_share < 1:
            raise InputError(f"the control's share is {self.control_share:g}; choose a share between 0 and 1.")

    @property
    def share_of_control(self) -> float:
        """Share of the customers in the control arm."""
        return 1 / (self.n_treatments + 1) if self.control_share is None else self.control_share

    @property
    def share_of_treatment(self) -> float:
        """Share of the customers in each treatment arm."""
        return (1 - self.share_of_control) / self.n_treatments

    @property
    def alpha_each(self) -> float:
        """Alpha of one comparison."""
        return self.alpha / self.n_treatments


@dataclass(frozen=True, kw_only=True)
class Size:
    """Customers needed."""

    n_control: int
    n_treatment: int
    """In each treatment arm."""
    n_total: int


def rate_power(control: float, treatment: float, n_control: float, n_treatment: float, *, alpha: float) -> float:
    """Chance that the pooled z-test finds the difference of two rates, in whichever direction it errs.

    Fleiss, Levin & Paik (2003), ch. 4: pooled standard error under no difference, unpooled under the effect.
    """
    from scipy.stats import norm

    pooled = (n_control * control + n_treatment * treatment) / (n_control + n_treatment)
    no_effect = sqrt(pooled * (1 - pooled) * (1 / n_control + 1 / n_treatment))
    effect = sqrt(control * (1 - control) / n_control + treatment * (1 - treatment) / n_treatment)
    if effect == 0:
        return 1.0 if control != treatment else alpha
    bound = float(norm.isf(alpha / 2)) * no_effect
    distance = treatment - control
    return float(norm.sf((bound - distance) / effect) + norm.cdf((-bound - distance) / effect))


def mean_power(difference: float, deviation: float, n_control: float, n_treatment: float, *, alpha: float) -> float:
    """Chance that the t-test finds a difference of two means of one standard deviation (noncentral t)."""
    from scipy.stats import nct, t

    freedom = n_control + n_treatment - 2
    if freedom < 1:
        return alpha
    shift = abs(difference) / (deviation * sqrt(1 / n_control + 1 / n_treatment))
    bound = float(t.isf(alpha / 2, freedom))
    if shift > 37:
        return 1.0
    wrong_side = float(nct.cdf(-bound, freedom, shift)) if shift < 5 else 0.0
    return float(nct.sf(bound, freedom, shift)) + wrong_side


def size_for_rates(control: float, treatment: float, design: Design | None = None) -> Size:
    """Customers needed to find the difference of two rates.

    >>> size_for_rates(0.50, 0.75, Design(power=0.90)).n_control
    77
    """
    design = design or Design()
    _check_rate(control)
    _check_rate(treatment)
    if control == treatment:
        raise InputError("both rates are the same, and no number of customers finds a difference of zero.")
    return _smallest(
        lambda first, second: rate_power(control, treatment, first, second, alpha=design.alpha_each), design
    )


def size_for_means(difference: float, deviation: float, design: Design | None = None) -> Size:
    """Customers needed to find a difference of means.

    >>> size_for_means(1.0, 1.0, Design(power=0.90)).n_control
    23
    """
    design = design or Design()
    if not deviation > 0 or not isfinite(difference) or difference == 0:
        raise InputError(
            f"the difference is {difference:g} and the standard deviation {deviation:g}; "
            "give a difference other than zero and a standard deviation above zero."
        )
    return _smallest(
        lambda first, second: mean_power(difference, deviation, first, second, alpha=design.alpha_each), design
    )


def smallest_rate_effect(
    control: float, n_total: float, design: Design | None = None, *, is_increase: bool = True
) -> float | None:
    """Smallest difference of rates (in points, signed) found with the power asked for; None if there is none.

    The exact inverse of :func:`size_for_rates`, for a number of customers that need not be whole.
    """
    from scipy.optimize import brentq

    design = design or Design()
    _check_rate(control)
    _check_total(n_total)
    first, second = n_total * design.share_of_control, n_total * design.share_of_treatment
    end = 1.0 if is_increase else 0.0

    def missing(treatment: float) -> float:
        return rate_power(control, treatment, first, second, alpha=design.alpha_each) - design.power

    if min(first, second) < 1 or missing(end) < 0:
        return None
    return float(brentq(missing, control, end, xtol=1e-12)) - control


def smallest_mean_effect(deviation: float, n_total: float, design: Design | None = None) -> float | None:
    """Smallest difference of means (its size) found with the power asked for; None where there is none."""
    from scipy.optimize import brentq

    design = design or Design()
    _check_total(n_total)
    first, second = n_total * design.share_of_control, n_total * design.share_of_treatment
    if not deviation > 0:
        raise InputError(f"the standard deviation is {deviation:g}; it must be above zero.")
    if min(first, second) < 1 or first + second <= 2:
        return None

    def missing(size: float) -> float:
        return mean_power(size * deviation, deviation, first, second, alpha=design.alpha_each) - design.power

    high = 1.0
    while missing(high) < 0:
        high *= 2
    return float(brentq(missing, 0.0, high, xtol=1e-12)) * deviation


def days_needed(n_total: int, per_week: float) -> int:
    """Days until enough customers have come in, at least one.

    >>> days_needed(1_500, 500), days_needed(3, 500)
    (21, 1)
    """
    if not per_week > 0:
        raise InputError(f"{per_week:g} customers a week never add up; give a number above zero.")
    return max(1, ceil(7 * n_total / per_week))


def _smallest(power: Callable[[float, float], float], design: Design) -> Size:
    """The smallest total with which the power is reached, each arm rounded up."""

    def enough(n: float) -> bool:
        return bool(power(n * design.share_of_control, n * design.share_of_treatment) >= design.power)

    low, high = 2.0, 4.0
    while not enough(high):
        low, high = high, high * 2
        if high > MOST_CUSTOMERS:
            raise InputError("the effect is too small for any number of customers; ask for a larger one.")
    while high - low > 1e-7 * high:
        middle = (low + high) / 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    n_control, n_treatment = ceil(high * design.share_of_control - 1e-4), ceil(high * design.share_of_treatment - 1e-4)
    return Size(n_control=n_control, n_treatment=n_treatment, n_total=n_control + design.n_treatments * n_treatment)


def _check_total(n_total: float) -> None:
    if not (isfinite(n_total) and n_total >= 0):
        raise InputError(f"there are {n_total:g} customers; give a number of them.")


def _check_rate(rate: float) -> None:
    if not 0 < rate < 1:
        raise InputError(f"the rate is {rate:g}; give a share between 0 and 1, like 0.1 for 10 %.")
