"""Unusual customers: an isolation forest flags those that few random splits set apart from all others.

The flag is an input of its own, so a model can treat unusual customers differently without any value being changed.
The trees are kept as plain numbers and walked here, because a stored model is never unpickled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from churn_core.models.preparation_steps import with_columns

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

UNUSUAL = "unusual customer"
"""Name of the flag: 1 for a customer unlike the others."""
N_TREES = 50
ROWS_OF_TREE = 256
FLAGGED_SHARE = 0.02
"""Share of the training rows that is flagged."""


@dataclass(frozen=True, kw_only=True)
class UnusualCustomers:
    """An isolation forest over the numbers (Liu, Ting and Zhou, 2008)."""

    names: tuple[str, ...]
    medians: tuple[float, ...]
    """What stands for a missing value."""
    trees: tuple[Mapping[str, list[Any]], ...]
    """Per tree: feature (-1 for a leaf), threshold, left, right and the path length up to each node."""
    longest: float
    """Mean path length below which a customer is flagged."""

    @classmethod
    def fit(cls, frame: pd.DataFrame, names: Sequence[str], *, seed: int) -> Self:
        """Grow the forest on samples of the training rows and flag those most easily set apart."""
        from sklearn.ensemble import IsolationForest

        medians = tuple(float(frame[name].median()) for name in names)
        matrix = _complete(frame, names, medians)
        forest = IsolationForest(n_estimators=N_TREES, max_samples=min(ROWS_OF_TREE, len(matrix)), random_state=seed)
        forest.fit(matrix)
        trees = tuple(_tree(made.tree_) for made in forest.estimators_)
        grown = cls(names=tuple(names), medians=medians, trees=trees, longest=0.0)
        paths = grown._path_lengths(matrix)
        return cls(names=grown.names, medians=medians, trees=trees, longest=float(np.quantile(paths, FLAGGED_SHARE)))

    def transform(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The frame with the flag beside the other columns."""
        paths = self._path_lengths(_complete(frame, self.names, self.medians))
        return with_columns(frame, {UNUSUAL: (paths < self.longest).astype(float)})

    def to_json(self) -> dict[str, Any]:
        """The forest as plain JSON."""
        return {
            "names": list(self.names),
            "medians": list(self.medians),
            "trees": [dict(tree) for tree in self.trees],
            "longest": self.longest,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The forest that :meth:`to_json` described."""
        return cls(
            names=tuple(stored["names"]),
            medians=tuple(stored["medians"]),
            trees=tuple(stored["trees"]),
            longest=float(stored["longest"]),
        )

    def _path_lengths(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mean number of splits that set each row apart."""
        # Trees of scikit-learn compare in single precision, and so must whoever walks them.
        rows = matrix.astype(np.float32)
        total = np.zeros(len(rows))
        every = np.arange(len(rows))
        for tree in self.trees:
            feature, threshold = np.asarray(tree["feature"]), np.asarray(tree["threshold"])
            left, right = np.asarray(tree["left"]), np.asarray(tree["right"])
            node = np.zeros(len(rows), dtype=np.int64)
            while True:
                asked = feature[node]
                inside = asked >= 0
                if not inside.any():
                    break
                goes_left = rows[every, np.maximum(asked, 0)] <= threshold[node]
                node = np.where(inside, np.where(goes_left, left[node], right[node]), node)
            total += np.asarray(tree["path"])[node]
        return total / len(self.trees)


def _complete(frame: pd.DataFrame, names: Sequence[str], medians: Sequence[float]) -> NDArray[np.float64]:
    return np.column_stack(
        [frame[name].fillna(middle).to_numpy(dtype=float) for name, middle in zip(names, medians, strict=True)]
    )


def _tree(tree: Any) -> dict[str, list[Any]]:
    """One tree with the path length of every node: its depth and, in a leaf, what its rows would still need."""
    depth = np.zeros(tree.node_count)
    for node in range(tree.node_count):
        if tree.children_left[node] >= 0:
            depth[tree.children_left[node]] = depth[tree.children_right[node]] = depth[node] + 1
    path = depth + np.array([_still_needed(int(n)) for n in tree.n_node_samples])
    return {
        "feature": [int(value) for value in tree.feature],
        "threshold": [round(float(value), 6) for value in tree.threshold],
        "left": [int(value) for value in tree.children_left],
        "right": [int(value) for value in tree.children_right],
        "path": [round(float(value), 4) for value in path],
    }


def _still_needed(n_rows: int) -> float:
    """Mean path length of a random tree over as many rows (Liu, Ting and Zhou, 2008, equation 1).

    >>> round(_still_needed(256), 2), _still_needed(1)
    (10.24, 0.0)
    """
    if n_rows < 2:
        return 0.0
    if n_rows == 2:
        return 1.0
    return 2.0 * (float(np.log(n_rows - 1)) + float(np.euler_gamma)) - 2.0 * (n_rows - 1) / n_rows
