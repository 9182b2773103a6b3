"""What a calculation answers: a value with its interval, or why there is none; two arms beside each other.

Effects are always treatment minus control. Undefined is undefined: None with the reason, never 0 or infinity in place
of an answer.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A value with its two-sided interval."""

    value: float | None
    """None where it is not defined; ``reason`` says why."""
    low: float | None
    """Lower end; None where the interval has none on this side."""
    high: float | None
    """Upper end; None where the interval has none on this side."""
    reason: str = ""
    """Why the value or an end is missing, in a sentence; empty where nothing is."""

    @classmethod
    def undefined(cls, reason: str) -> Estimate:
        """No value, and why."""
        return cls(value=None, low=None, high=None, reason=reason)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A treatment arm against the control arm on one metric."""

    n_control: int
    n_treatment: int
    control: float | None
    """The metric in the control arm."""
    treatment: float | None
    """The metric in the treatment arm."""
    difference: Estimate
    """Treatment minus control, in the metric's unit (points for a rate)."""
    lift: Estimate
    """Treatment over control, minus one; its p-value is that of the difference."""
    p_value: float | None
    """Two-sided; None where there is not enough data."""
    method: str
    """The test and the intervals, in words."""
