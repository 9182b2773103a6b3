"""Guardrails: is the treatment surely not worse than the control by more than a margin stated beforehand?"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Literal

from churn_core.errors import InputError
from churn_core.stats.means import Mean


@dataclass(frozen=True, kw_only=True)
class NonInferiority:
    """One guardrail."""

    is_kept: bool
    """Whether a harm as large as the margin is refuted."""
    p_value: float
    """One-sided chance of data this good if the harm were exactly the margin."""
    worst: float
    """The worst difference (treatment minus control) still compatible with the data, one-sided."""


def not_worse(
    control: Mean,
    treatment: Mean,
    *,
    margin: float,
    direction: Literal["higher", "lower"] = "higher",
    alpha: float = 0.05,
) -> NonInferiority:
    """One-sided test against a margin (Blackwelder, 1982), uncorrected for several guardrails.

    ``direction`` says which way is better; ``margin`` is the largest harm accepted, as a positive number in the
    metric's unit. A rate goes in with its variance ``p (1 - p) / n``.
    """
    from scipy.stats import norm

    error = sqrt(control.variance + treatment.variance)
    if direction not in ("higher", "lower"):
        raise InputError(f"the direction is {direction!r}; say whether higher or lower is better.")
    if not 0 < alpha < 1:
        raise InputError(f"alpha is {alpha:g}; choose a share between 0 and 1, like 0.05.")
    if not margin > 0 or not error > 0:
        raise InputError(
            f"the margin is {margin:g} and the standard error {error:g}; both must be above zero to test a guardrail."
        )
    sign = 1.0 if direction == "higher" else -1.0
    gain = sign * (treatment.value - control.value)
    p_value = float(norm.sf((gain + margin) / error))
    worst = gain - float(norm.isf(alpha)) * error
    return NonInferiority(is_kept=p_value < alpha, p_value=p_value, worst=sign * worst)
