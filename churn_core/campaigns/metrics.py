"""What is compared between arms: a rate, a mean or a ratio, and the columns it is made of."""

from __future__ import annotations

from dataclasses import dataclass

from churn_core.errors import InputError

KINDS = ("rate", "mean", "ratio")


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One outcome per customer."""

    name: str
    """As it is shown."""
    kind: str
    """rate: yes or no; mean: an amount, zeros included; ratio: one amount per another, such as spend per order."""
    column: str
    """Column of the outcome, or of the ratio's numerator."""
    denominator: str | None = None
    """Column of the ratio's denominator."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(f"the kind of metric {self.name!r} is {self.kind!r}; it is one of {', '.join(KINDS)}.")
        if (self.kind == "ratio") != (self.denominator is not None):
            raise InputError(f"metric {self.name!r} is a {self.kind}; exactly a ratio has a denominator.")

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it is made of."""
        return (self.column,) if self.denominator is None else (self.column, self.denominator)
