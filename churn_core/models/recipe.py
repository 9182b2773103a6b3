"""What is tried in training: which estimators, with which settings, on inputs prepared how.

One frozen object that training, backtest, search and comparison of preparations hand to each other, so that what was
judged is what is fitted; it is stored with the model as plain JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from churn_core.errors import InputError, unknown_name
from churn_core.models.estimators import ESTIMATORS, Estimator, make_estimator
from churn_core.models.preparation_plan import PreparationPlan

if TYPE_CHECKING:
    from collections.abc import Sequence

ORDER_LEARNERS = ("logistic", "lightgbm")
"""Estimators that learn from an order history unless others are asked for."""
TABLE_LEARNERS = ("logistic", "lightgbm", "lightgbm_large")
"""Estimators that learn from a labelled table unless others are asked for."""
NOT_LEARNERS = ("recency", "lateness", "bgnbd", "blend", "stacking")
"""Entries of the registry that are always there, or are made of others."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Estimators, their settings and the preparation of their inputs."""

    estimators: tuple[str, ...] = ()
    """Learners to try; empty for the usual ones of the source."""
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Settings that differ from an estimator's own: name -> settings."""
    preparation: PreparationPlan = field(default_factory=PreparationPlan)
    """How inputs are prepared inside each training fold."""

    def __post_init__(self) -> None:
        for name in (*self.estimators, *self.settings):
            if name not in ESTIMATORS:
                raise unknown_name("estimator", name, ESTIMATORS)
        fixed = [name for name in self.estimators if name in NOT_LEARNERS]
        if fixed:
            raise InputError(
                f"{fixed[0]!r} is always tried or made of the others; name learners such as logistic or lightgbm."
            )

    def learners(self, usual: Sequence[str]) -> tuple[str, ...]:
        """The estimators to fit, in the order asked for, each once."""
        return tuple(dict.fromkeys(self.estimators or usual))

    def make(self, name: str, **usual: Any) -> Estimator:
        """An unfitted estimator with these settings (over the usual ones of the source) and this preparation."""
        made = make_estimator(name, **{**usual, **self.settings.get(name, {})})
        if self.preparation.is_usual or name in NOT_LEARNERS:
            return made
        from churn_core.models.prepared import Prepared

        return Prepared(plan=self.preparation, inner=made)

    def to_json(self) -> dict[str, Any]:
        """The recipe as plain JSON."""
        return {
            "estimators": list(self.estimators),
            "settings": {name: dict(values) for name, values in self.settings.items()},
            "preparation": self.preparation.to_json(),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Recipe:
        """The recipe that :meth:`to_json` described."""
        return cls(
            estimators=tuple(stored["estimators"]),
            settings={name: dict(values) for name, values in stored["settings"].items()},
            preparation=PreparationPlan.from_json(stored["preparation"]),
        )
