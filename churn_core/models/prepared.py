"""An estimator on inputs prepared by a plan: explicit steps, fitted on its training rows and recorded with it.

The steps come in one order: selection, rare categories, unusual values, missing values, scale, balance. Contributions
of every column a step makes go to the input it was made from, so a customer's reasons name inputs as they came.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from churn_core.errors import NotEnoughData
from churn_core.models.decision_tree import DecisionTree
from churn_core.models.estimators import Contributions, Estimator, estimator_from_json
from churn_core.models.periods import CUTOFF_NUMBER
from churn_core.models.preparation_balance import balance
from churn_core.models.preparation_missing import Missing, fill_missing
from churn_core.models.preparation_plan import PreparationPlan
from churn_core.models.preparation_selection import Selection, select_inputs
from churn_core.models.preparation_steps import (
    NUMBER,
    RARE_SHARES,
    RareCategories,
    Scaling,
    Step,
    Winsorise,
    kinds_of,
    typed_inputs,
)
from churn_core.models.preparation_unusual import UNUSUAL, UnusualCustomers

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

STEPS: dict[str, type[Step]] = {
    "rare": RareCategories,
    "winsorise": Winsorise,
    "flag": UnusualCustomers,
    "missing": Missing,
    "scaling": Scaling,
}
"""Steps that change inputs, in the order they are taken; what the record calls them."""
KEEPS_SCALE = "keeps_scale"
"""Attribute of estimators that can take numbers on the scale a step has chosen; trees do not need it."""


class Prepared:
    """A plan of preparation around an estimator."""

    def __init__(self, *, plan: PreparationPlan, inner: Estimator) -> None:
        self.name = inner.name
        """Name of the estimator inside, under which candidates are compared."""
        self.plan = plan
        self.inner = inner
        self.feature_names: tuple[str, ...] = ()
        """The inputs needed and, where unusual customers are flagged, the flag."""
        self.kinds: dict[str, str] = {}
        """Inputs needed: name -> number or category."""
        self.selection: Selection | None = None
        self.steps: dict[str, Step] = {}
        self.owners: dict[str, str] = {}
        """Column made by a step -> the input it belongs to."""
        self.offset = 0.0
        """Correction of the log-odds for a changed prior."""
        self.notes: tuple[str, ...] = ()
        """What the steps found in the training rows, in sentences."""

    def fit(
        self,
        frame: pd.DataFrame,
        churned: NDArray[np.bool_],
        *,
        seed: int,
    ) -> Self:
        """Learn steps, estimator and correction from these rows; an index of cutoff numbers tells cutoffs apart.

        NotEnoughData when only one outcome occurs or no column varies.
        """
        outcome = np.asarray(churned, dtype=bool)
        kinds = kinds_of(frame)
        if not kinds:
            raise NotEnoughData(
                "every column is constant or holds rare values only, so there is nothing to learn from; add columns "
                "that vary."
            )
        notes = []
        if self.plan.selection != "usual":
            inputs = typed_inputs(frame, kinds)
            moment = frame.index.to_numpy() if frame.index.name == CUTOFF_NUMBER else None
            self.selection = select_inputs(inputs, outcome, how=self.plan.selection, seed=seed, moment=moment)
            notes.append(_selection_note(self.selection, len(kinds)))
            kinds = {name: kind for name, kind in kinds.items() if name in self.selection.kept}
        self.kinds = kinds
        prepared, found = self._fit_steps(typed_inputs(frame, kinds), seed)
        self.feature_names = self._names()
        balanced = balance(
            prepared,
            outcome,
            resampling=self.plan.resampling,
            is_weighted=self.plan.weights == "balanced",
            whole={*self.owners, UNUSUAL},
            seed=seed,
        )
        self._fit_inner(balanced.frame, balanced.churned, balanced.weight, seed)
        if isinstance(self.inner, DecisionTree) and len(balanced.churned) != len(outcome):
            self.inner.count_rows(prepared)
        self.offset = balanced.offset(outcome)
        self.notes = (*notes, *found, *balanced.notes, *self._balance_notes(len(outcome), len(balanced.churned)))
        return self

    def log_odds(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """Log-odds of churning at the real prior, one per row."""
        return self.inner.log_odds(self.transform(frame)) + self.offset

    def contributions(self, frame: pd.DataFrame) -> Contributions:
        """Contributions of the estimator, each column's given to the input it was made from; they sum to the log-odds.

        Where they are sampled, the errors of the columns of one input are added up, which is on the safe side.
        """
        part = self.inner.contributions(self.transform(frame))
        names = self.feature_names
        place = {name: index for index, name in enumerate(names)}
        owner = [place[self.owners.get(column, column)] for column in part.feature_names]
        values = np.zeros((len(frame), len(names)))
        for column, index in enumerate(owner):
            values[:, index] += part.values[:, column]
        error = None
        if part.standard_error is not None:
            error = np.bincount(owner, part.standard_error, minlength=len(names)).astype(float)
        return replace(part, base=part.base + self.offset, values=values, feature_names=names, standard_error=error)

    def transform(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The inputs as the estimator sees them, by what was learnt from the training rows."""
        made = typed_inputs(frame, self.kinds)
        for step in self.steps.values():
            made = step.transform(made)
        return made

    def flags(self, frame: pd.DataFrame) -> pd.Series | None:
        """Who is flagged as unusual, 1 or 0; None where the plan flags nobody."""
        return self.transform(frame)[UNUSUAL] if "flag" in self.steps else None

    def to_json(self) -> dict[str, Any]:
        """Everything needed to answer again, and the record of every step."""
        inner = self.inner.to_json()
        settings = {
            key: value for key, value in inner.items() if isinstance(value, int | float | str) and key != "text"
        }
        return {
            "name": "prepared",
            "plan": self.plan.to_json(),
            "kinds": dict(self.kinds),
            "selection": self.selection.to_json() if self.selection else None,
            "steps": [{"step": name, **step.to_json()} for name, step in self.steps.items()],
            "owners": dict(self.owners),
            "offset": self.offset,
            "notes": list(self.notes),
            "parameters": {**settings, "preparation": self.plan.to_json(), "notes": list(self.notes)},
            "inner": inner,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The estimator that :meth:`to_json` described."""
        made = cls(plan=PreparationPlan.from_json(stored["plan"]), inner=estimator_from_json(stored["inner"]))
        made.kinds = dict(stored["kinds"])
        made.selection = Selection.from_json(stored["selection"]) if stored["selection"] else None
        made.steps = {entry["step"]: STEPS[entry["step"]].from_json(entry) for entry in stored["steps"]}
        made.feature_names = made._names()
        made.owners = dict(stored["owners"])
        made.offset = float(stored["offset"])
        made.notes = tuple(stored["notes"])
        return made

    def _names(self) -> tuple[str, ...]:
        return (*self.kinds, *((UNUSUAL,) if "flag" in self.steps else ()))

    def _fit_steps(self, frame: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, list[str]]:
        """Learn the steps one after the other, each on what the one before made; also what they found."""
        plan, notes = self.plan, []
        numeric = [name for name, kind in self.kinds.items() if kind == NUMBER]
        self.steps, self.owners = {}, {}
        if plan.rare != "usual":
            categories = [name for name in self.kinds if name not in numeric]
            rare = RareCategories.fit(frame, categories, share=RARE_SHARES[plan.rare])
            frame = self._taken("rare", rare, frame)
            notes.append(_rare_note(rare, len(categories)))
        if plan.outliers != "usual":
            frame, found = self._fit_outliers(frame, numeric, seed)
            notes.append(found)
        if plan.missing != "usual" or plan.resampling == "smote":
            how = "median" if plan.missing == "usual" else plan.missing
            filled, self.owners = fill_missing(frame, self.kinds, how=how, seed=seed)
            frame = self._taken("missing", filled, frame)
            notes.append(_missing_note(filled, plan))
        if plan.scaling != "usual":
            frame, found = self._fit_scaling(frame, numeric)
            notes.append(found)
        return frame, notes

    def _fit_outliers(self, frame: pd.DataFrame, numeric: list[str], seed: int) -> tuple[pd.DataFrame, str]:
        if not numeric:
            return frame, "No input is a number, so there are no unusual values."
        if self.plan.outliers == "winsorise":
            cut = Winsorise.fit(frame, numeric)
            return self._taken("winsorise", cut, frame), (
                f"{len(cut.bounds)} of {len(numeric)} numbers are cut at their 1 % and 99 % quantiles."
            )
        if UNUSUAL in frame.columns:
            return frame, f"A column is already called {UNUSUAL!r}, so nobody was flagged."
        flagged = self._taken("flag", UnusualCustomers.fit(frame, numeric, seed=seed), frame)
        return flagged, f"{int(flagged[UNUSUAL].sum()):,} of {len(frame):,} training rows are flagged as unusual."

    def _fit_scaling(self, frame: pd.DataFrame, numeric: list[str]) -> tuple[pd.DataFrame, str]:
        if not hasattr(self.inner, KEEPS_SCALE):
            return frame, "Trees only ask whether a value is above a threshold, so no scale can change what they say."
        scaled = self._taken("scaling", Scaling.fit(frame, numeric, how=self.plan.scaling), frame)
        return scaled, "Numbers keep the scale of this step; no logarithm is taken."

    def _taken(self, name: str, step: Step, frame: pd.DataFrame) -> pd.DataFrame:
        self.steps[name] = step
        return step.transform(frame)

    def _fit_inner(
        self, frame: pd.DataFrame, churned: NDArray[np.bool_], weight: NDArray[np.float64] | None, seed: int
    ) -> None:
        if self.plan.scaling != "usual" and hasattr(self.inner, KEEPS_SCALE):
            setattr(self.inner, KEEPS_SCALE, True)
        more: dict[str, Any] = {} if weight is None else {"weight": weight}
        self.inner = self.inner.fit(frame, churned, seed=seed, **more)

    def _balance_notes(self, n_real: int, n_seen: int) -> tuple[str, ...]:
        if self.plan.resampling == "usual" and self.plan.weights == "usual":
            return ()
        seen = f"Learnt from {n_seen:,} rows instead of {n_real:,}" if n_seen != n_real else "Both outcomes weigh alike"
        return (f"{seen}; the log-odds are corrected by {self.offset:+.2f}.",)


def _selection_note(selection: Selection, n_inputs: int) -> str:
    over = " over halves of the cutoffs" if selection.by == "cutoffs" else ""
    return f"{len(selection.kept)} of {n_inputs} inputs were kept{over}."


def _rare_note(rare: RareCategories, n_columns: int) -> str:
    if not n_columns:
        return "No input has categories, so none is rare."
    return f"{rare.n_rare:,} categories below {100 * rare.share:.0f} % of the rows were put together."


def _missing_note(filled: Missing, plan: PreparationPlan) -> str:
    n = len(filled.indicators)
    if not n:
        return "No value is missing in the training rows."
    had = (
        "1 input had missing values and got an indicator"
        if n == 1
        else f"{n} inputs had missing values and got indicators"
    )
    return f"{had}, as SMOTE needs complete rows." if plan.missing == "usual" else f"{had}."
