"""Several estimators as one: weighted in log-odds, calibrated, explained exactly.

Every model the product uses is one of these, if only with a single member, so scoring knows one kind. Because
members, calibration and season add up in log-odds, so do their contributions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from churn_core.errors import NotEnoughData
from churn_core.models.bgnbd import BgNbd
from churn_core.models.calibration import fit_votes, fit_weights
from churn_core.models.estimators import Contributions, Estimator, estimator_from_json, make_estimator
from churn_core.models.preparation_unusual import UNUSUAL
from churn_core.models.prepared import Prepared

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

EXPECTED = "expected_orders"
"""Input made by the purchase model: orders expected within the horizon."""
SEASON = "season of the shop"
"""Name of the constant that the season adds to every customer."""
N_FOLDS = 5


class Blend:
    """A calibrated blend of fitted members."""

    name = "blend"
    has_learnt_shares = False

    def __init__(
        self,
        *,
        members: Sequence[Estimator] = (),
        slopes: Sequence[float] = (),
        level: float = 0.0,
        season: float | None = None,
        rhythm: BgNbd | None = None,
        recipe: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self.members = tuple(members)
        self.slopes = tuple(slopes)
        self.level = level
        self.season = season
        """Offset of the season in log-odds; None where none was asked for."""
        self.rhythm = rhythm
        """Purchase model that adds the expected orders to the inputs of the members."""
        self.recipe = dict(recipe or {"logistic": {}, "lightgbm": {}})
        """Members to make in :meth:`fit`: name -> settings."""

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Every input of a member, in order of first use, and the season where there is one."""
        names = dict.fromkeys(name for member in self.members for name in member.feature_names)
        return (*names, *((SEASON,) if self.season is not None else ()))

    def fit(
        self,
        frame: pd.DataFrame,
        churned: NDArray[np.bool_],
        *,
        seed: int,
        group: NDArray[np.int64] | None = None,
    ) -> Self:
        """Fit members on all rows, weights and calibration on rows the members had not seen (cross-fitting)."""
        from churn_core.models.folds import stratified_folds

        outcome = np.asarray(churned, dtype=bool)
        if outcome.all() or not outcome.any():
            raise NotEnoughData("all rows have the same outcome; learning needs customers who left and who stayed.")
        unseen = np.zeros((len(outcome), len(self.recipe)))
        folds = stratified_folds(outcome, group, n_folds=N_FOLDS, seed=seed)
        for fold in range(int(folds.max()) + 1):
            held = folds == fold
            for position, member in enumerate(self._fitted(frame[~held], outcome[~held], seed)):
                unseen[held, position] = member.log_odds(frame[held])
        learnt = fit_weights if self.has_learnt_shares else fit_votes
        weights = learnt(unseen, outcome, np.zeros(len(outcome), dtype=np.int64))
        self.members = tuple(self._fitted(frame, outcome, seed))
        self.slopes, self.level = weights.slopes, weights.levels[0]
        return self

    def log_odds(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """Calibrated log-odds of churning, one per row."""
        inputs = self._with_expected(frame)
        total = np.full(len(frame), self.level + (self.season or 0.0))
        for member, slope in zip(self.members, self.slopes, strict=True):
            total += slope * member.log_odds(inputs)
        return total

    def contributions(self, frame: pd.DataFrame) -> Contributions:
        """Contributions that sum to the calibrated log-odds."""
        inputs = self._with_expected(frame)
        names = self.feature_names
        position = {name: index for index, name in enumerate(names)}
        values = np.zeros((len(frame), len(names)))
        variance = np.zeros(len(names))
        base = self.level
        for member, slope in zip(self.members, self.slopes, strict=True):
            part = member.contributions(inputs)
            columns = [position[name] for name in part.feature_names]
            values[:, columns] += slope * part.values
            base += slope * part.base
            if part.standard_error is not None:
                variance[columns] += (slope * part.standard_error) ** 2
        if self.season is not None:
            values[:, position[SEASON]] = self.season
        error = np.sqrt(variance) if variance.any() else None
        return Contributions(base=base, values=values, feature_names=names, standard_error=error)

    def with_made(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The frame with the inputs that the model makes itself: expected orders, the flag of unusual customers."""
        made = self._with_expected(frame)
        if UNUSUAL not in self.feature_names or UNUSUAL in frame.columns:
            return made
        found = (member.flags(made) for member in self.members if isinstance(member, Prepared))
        return made.assign(**{UNUSUAL: next((flags for flags in found if flags is not None), 0.0)})

    def _with_expected(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The frame with the expected orders, where a purchase model is part of the blend."""
        if self.rhythm is None or EXPECTED in frame.columns:
            return frame
        return frame.assign(**{EXPECTED: self.rhythm.expected(frame)})

    def to_json(self) -> dict[str, Any]:
        """Everything needed to answer again."""
        return {
            "name": self.name,
            "members": [member.to_json() for member in self.members],
            "slopes": list(self.slopes),
            "level": self.level,
            "season": self.season,
            "rhythm": self.rhythm.to_json() if self.rhythm else None,
            "recipe": self.recipe,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The blend that :meth:`to_json` described."""
        return cls(
            members=[estimator_from_json(member) for member in stored["members"]],
            slopes=[float(slope) for slope in stored["slopes"]],
            level=float(stored["level"]),
            season=None if stored["season"] is None else float(stored["season"]),
            rhythm=BgNbd.from_json(stored["rhythm"]) if stored["rhythm"] else None,
            recipe=stored["recipe"],
        )

    def _fitted(self, frame: pd.DataFrame, churned: NDArray[np.bool_], seed: int) -> list[Estimator]:
        return [
            make_estimator(name, **settings).fit(frame, churned, seed=seed) for name, settings in self.recipe.items()
        ]


class Stacking(Blend):
    """A blend whose shares are learnt on rows the members had not seen (Wolpert, 1992)."""

    name = "stacking"
    has_learnt_shares = True
