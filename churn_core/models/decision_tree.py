"""One small tree that can be read as rules: a leaf is a group of customers, and its rate of leaving is the answer.

Less accurate than the others and easier to discuss than any of them. Grown by LightGBM, so that missing values and
categories are handled as in the larger models; the leaves then hold the log-odds of their own customers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from churn_core.models.boosted import Boosted
from churn_core.models.estimators import Estimator, logit, sigmoid
from churn_core.models.preparation import OTHER, tree_matrix

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

TOWARDS_ALL = 20.0
"""Customers of the average rate that every leaf gets on top, so that small leaves do not promise too much."""


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One side of a split."""

    name: str
    """The feature that is asked about."""
    relation: str
    """at most, above, is, or is not."""
    value: str
    """The bound, or the categories separated by commas."""
    or_missing: bool = False
    """Whether customers without a value fulfil it as well."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One leaf in words."""

    conditions: tuple[Condition, ...]
    """What a customer must fulfil, all of it; empty for a tree without a split."""
    n: int
    """Rows of the training data that do."""
    risk: float
    """Share of them that left, drawn a little towards the average of all."""


class DecisionTree(Boosted):
    """A single tree; a leaf's answer is the log-odds of its training rows (Breiman et al., 1984)."""

    name = "decision_tree"

    def __init__(
        self,
        *,
        n_trees: int = 1,
        n_leaves: int = 12,
        depth: int = 4,
        learning_rate: float = 1.0,
        least_in_leaf: int = 100,
        ridge: float = 1.0,
        feature_share: float = 1.0,
    ) -> None:
        super().__init__(
            n_trees=n_trees,
            n_leaves=n_leaves,
            depth=depth,
            learning_rate=learning_rate,
            least_in_leaf=least_in_leaf,
            ridge=ridge,
            feature_share=feature_share,
        )
        self.rows_of_leaf: dict[int, int] = {}

    def fit(
        self,
        frame: pd.DataFrame,
        churned: NDArray[np.bool_],
        *,
        seed: int,
        weight: NDArray[np.float64] | None = None,
    ) -> Self:
        """Grow the tree, then give every leaf the log-odds of its rows; ``weight``: how much each row counts."""
        super().fit(frame, churned, seed=seed, weight=weight)
        outcome = np.asarray(churned, dtype=float)
        counted = np.ones(len(outcome)) if weight is None else weight
        leaf = self._leaves(frame)
        n = np.bincount(leaf, counted)
        hits = np.bincount(leaf, counted * outcome)
        rate = float(np.average(outcome, weights=counted))
        for number in range(len(n)):
            share = (hits[number] + TOWARDS_ALL * rate) / (n[number] + TOWARDS_ALL)
            self.booster.set_leaf_output(0, number, float(np.log(share / (1.0 - share))))
        self.text = self.booster.model_to_string()
        self._booster = None
        self.count_rows(frame)
        return self

    def count_rows(self, frame: pd.DataFrame) -> None:
        """Count how many of these rows each rule holds for; where rows were resampled for learning, the real ones."""
        counts = np.bincount(self._leaves(frame))
        self.rows_of_leaf = {number: int(rows) for number, rows in enumerate(counts)}

    def rules(self) -> list[Rule]:
        """The leaves in words, the riskiest first."""
        tree = self.booster.dump_model()["tree_info"][0]["tree_structure"]
        found: list[Rule] = []
        self._walk(tree, (), found)
        return sorted(found, key=lambda rule: (-rule.risk, -rule.n, str(rule.conditions)))

    def to_json(self) -> dict[str, Any]:
        """Everything needed to answer again."""
        return {**super().to_json(), "rows_of_leaf": {str(key): n for key, n in self.rows_of_leaf.items()}}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The tree that :meth:`to_json` described."""
        made = super().from_json(stored)
        made.rows_of_leaf = {int(key): int(n) for key, n in stored["rows_of_leaf"].items()}
        return made

    def _parameters(self, seed: int, n_rows: int) -> dict[str, Any]:
        return {**super()._parameters(seed, n_rows), "bagging_fraction": 1.0, "bagging_freq": 0}

    def _leaves(self, frame: pd.DataFrame) -> NDArray[np.int64]:
        made = self.booster.predict(tree_matrix(self.preparation, frame), pred_leaf=True)
        return np.asarray(made, dtype=np.int64).ravel()

    def _walk(self, node: Mapping[str, Any], conditions: tuple[Condition, ...], found: list[Rule]) -> None:
        if "split_feature" not in node:
            number = int(node.get("leaf_index", 0))
            risk = float(sigmoid(np.array([node["leaf_value"]]))[0])
            found.append(Rule(conditions=conditions, n=self.rows_of_leaf.get(number, 0), risk=risk))
            return
        left, right = self._sides(node)
        self._walk(node["left_child"], (*conditions, left), found)
        self._walk(node["right_child"], (*conditions, right), found)

    def _sides(self, node: Mapping[str, Any]) -> tuple[Condition, Condition]:
        """The two conditions of a split, with the side that missing values take."""
        column = self.preparation.columns[int(node["split_feature"])]
        if node["decision_type"] == "==":
            names = [*column.levels, OTHER]
            inside = [names[int(code)] for code in str(node["threshold"]).split("||") if int(code) < len(names)]
            listed = ", ".join(inside)
            return (
                Condition(name=column.name, relation="is", value=listed),
                Condition(name=column.name, relation="is not", value=listed),
            )
        bound = f"{float(node['threshold']):.6g}"
        left = bool(node["default_left"])
        return (
            Condition(name=column.name, relation="at most", value=bound, or_missing=column.has_missing and left),
            Condition(name=column.name, relation="above", value=bound, or_missing=column.has_missing and not left),
        )


def rules_of(estimators: Iterable[Estimator]) -> list[dict[str, Any]] | None:
    """The rules of the tree among these estimators as plain JSON; None where there is no tree."""
    for made in estimators:
        tree = getattr(made, "inner", made)
        if isinstance(tree, DecisionTree):
            # Learnt from balanced outcomes, the leaves' risks are brought back to the real prior as the answers are.
            offset = getattr(made, "offset", 0.0)
            return [asdict(rule) | {"risk": float(sigmoid(logit(rule.risk) + offset))} for rule in tree.rules()]
    return None
