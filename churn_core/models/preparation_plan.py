"""The choices of preparation: what is done with missing and unusual values, rare outcomes and weak inputs.

Only the choices and their words; :mod:`churn_core.models.prepared` carries them out inside each training fold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from churn_core.errors import unknown_name

CHOICES: dict[str, tuple[str, ...]] = {
    "missing": ("usual", "median", "mode", "knn", "iterative"),
    "outliers": ("usual", "winsorise", "flag"),
    "scaling": ("usual", "standard", "robust", "none"),
    "rare": ("usual", "one_percent", "five_percent"),
    "selection": ("usual", "mutual_information", "chi_square", "l1", "stability"),
    "weights": ("usual", "balanced"),
    "resampling": ("usual", "over", "under", "smote"),
}
"""Each choice of preparation and its options; ``usual`` leaves it to the estimator."""


@dataclass(frozen=True, kw_only=True)
class PreparationPlan:
    """One option of each choice."""

    missing: str = "usual"
    """What is put in place of missing numbers (an indicator is kept beside it)."""
    outliers: str = "usual"
    """Values cut at quantiles of the training rows, or unusual customers flagged by an isolation forest."""
    scaling: str = "usual"
    """How numbers are brought to one scale."""
    rare: str = "usual"
    """Share of rows below which categories are put together."""
    selection: str = "usual"
    """How the inputs worth keeping are found."""
    weights: str = "usual"
    """Whether the rarer outcome weighs more; the level is corrected for it."""
    resampling: str = "usual"
    """Whether rows are added or left out until outcomes are balanced; the level is corrected for it."""

    def __post_init__(self) -> None:
        for name, options in CHOICES.items():
            if getattr(self, name) not in options:
                raise unknown_name(f"option of {name}", getattr(self, name), options)

    @property
    def is_usual(self) -> bool:
        """Whether everything is left to the estimators."""
        return all(getattr(self, name) == "usual" for name in CHOICES)

    def to_json(self) -> dict[str, str]:
        """The plan as plain JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> PreparationPlan:
        """The plan that :meth:`to_json` described."""
        return cls(**{name: str(stored[name]) for name in CHOICES if name in stored})
