"""Exact Shapley values of many deep trees, leaf by leaf: the numbers of LightGBM's own, several times sooner.

A leaf speaks for a row as far as the row meets the leaf's conditions, and there is one condition per feature, however
often the feature was split. So the contribution of a leaf depends only on which conditions are met, and rows that meet
the same ones share it: it is calculated once and kept while the leaf is looked at (the idea of Yang 2021, "Fast
TreeSHAP", version 2). With o_j = 1 where condition j is met, z_j the share of training rows that would go the leaf's
way at the nodes of feature j, and v the leaf's value, the Shapley value of feature i (Lundberg et al. 2020, rows
that go both ways where a feature is not known) is

    v (o_i - z_i) * integral over t from 0 to 1 of the product over j other than i of (t o_j + (1 - t) z_j),

a polynomial in t, integrated exactly by Gauss-Legendre nodes. Compiled by numba, which takes some seconds once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

MOST_CONDITIONS = 60
"""Conditions of a leaf, of which each is a bit of a whole number."""
N_ROWS_AT_ONCE = 50_000
"""Rows that are turned into columns at a time, which bounds the memory."""
MOST_REMEMBERED = 14
"""Conditions of a leaf up to which contributions of met conditions are remembered: two to that power of them."""
_ZERO = float(np.float32(1e-35))
"""Up to here LightGBM takes a number for zero."""
_CATEGORICAL, _DEFAULT_LEFT, _MISSING, _MISSING_ZERO, _MISSING_NAN = 1, 2, 12, 4, 8


@dataclass(frozen=True, kw_only=True)
class Paths:
    """All leaves of a model, one after the other, each with its conditions."""

    first: NDArray[np.int64]
    """Place of each leaf's first condition; one more at the end."""
    value: NDArray[np.float64]
    """What each leaf adds to the answer."""
    column: NDArray[np.int64]
    """Column that a condition is about."""
    above: NDArray[np.float64]
    """Values above this meet the condition ..."""
    most: NDArray[np.float64]
    """... up to this one."""
    missing: NDArray[np.bool_]
    """Whether a missing value meets it."""
    share: NDArray[np.float64]
    """Share of training rows that meet it, of those that met what came before."""
    base: float
    """Mean answer over the training rows."""


@dataclass
class _Condition:
    above: float = -np.inf
    most: float = np.inf
    missing: bool = True
    share: float = 1.0


def read_paths(text: str) -> Paths | None:
    """The leaves of a LightGBM model from its text.

    None for what this cannot say: splits that are not by a number, zero taken for missing, leaves of too many features,
    ways that no training row took. And where there is no numba, which comes with shap on most machines.
    """
    if find_spec("numba") is None:
        return None
    found: list[tuple[float, dict[int, _Condition]]] = []
    base = 0.0
    for tree in _trees(text):
        kinds = tree.get("decision_type", np.empty(0)).astype(np.int64)
        if ((kinds & _CATEGORICAL) | (kinds & _MISSING == _MISSING_ZERO)).any():
            return None
        if tree["num_leaves"][0] < 2:
            base += float(tree["leaf_value"][0])
            continue
        counts = tree["leaf_count"]
        base += float(tree["leaf_value"] @ counts / counts.sum())
        found += _leaves(tree)
    if max((len(own) for _, own in found), default=0) > MOST_CONDITIONS:
        return None
    conditions = [pair for _, own in found for pair in own.items()]
    if any(one.share <= 0 for _, one in conditions):
        return None
    return Paths(
        first=np.cumsum([0, *(len(own) for _, own in found)]),
        value=np.array([value for value, _ in found], dtype=float),
        column=np.array([column for column, _ in conditions], dtype=np.int64),
        above=np.array([one.above for _, one in conditions], dtype=float),
        most=np.array([one.most for _, one in conditions], dtype=float),
        missing=np.array([one.missing for _, one in conditions], dtype=bool),
        share=np.array([one.share for _, one in conditions], dtype=float),
        base=base,
    )


def contributions(paths: Paths, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """A contribution per row and column; with the base they sum to the model's answer."""
    widest = int(np.diff(paths.first).max(initial=1))
    nodes, weights = np.polynomial.legendre.leggauss(widest // 2 + 1)
    add = _compiled()
    out = np.zeros(matrix.shape)
    for start in range(0, len(matrix), N_ROWS_AT_ONCE):
        part = np.ascontiguousarray(matrix[start : start + N_ROWS_AT_ONCE].T, dtype=float)
        made = np.zeros_like(part)
        add(
            *(part, made, paths.first, paths.value, paths.column, paths.above, paths.most, paths.missing, paths.share),
            *((nodes + 1) / 2, weights / 2, MOST_REMEMBERED),
        )
        out[start : start + N_ROWS_AT_ONCE] = made.T
    return out


def _trees(text: str) -> Iterator[dict[str, NDArray[np.float64]]]:
    """The lines of each tree as numbers by their name."""
    for part in text.split("\nTree=")[1:]:
        block = part.split("\n\n", 1)[0]
        pairs = (line.split("=", 1) for line in block.splitlines()[1:] if "=" in line)
        yield {name: np.array(given.split(), dtype=float) for name, given in pairs if given}


def _leaves(tree: dict[str, NDArray[np.float64]]) -> Iterator[tuple[float, dict[int, _Condition]]]:
    """Value and conditions of each leaf of a tree."""
    left, right = tree["left_child"].astype(int), tree["right_child"].astype(int)
    features, kinds = tree["split_feature"].astype(int), tree["decision_type"].astype(int)
    counts, leaf_counts = tree["internal_count"], tree["leaf_count"]
    waiting: list[tuple[int, dict[int, _Condition]]] = [(0, {})]
    while waiting:
        node, met = waiting.pop()
        if node < 0:
            yield float(tree["leaf_value"][~node]), met
            continue
        column, threshold = int(features[node]), float(tree["threshold"][node])
        by_nan = kinds[node] & _MISSING == _MISSING_NAN
        missing_left = bool(kinds[node] & _DEFAULT_LEFT) if by_nan else threshold >= 0
        for child, is_left in ((int(left[node]), True), (int(right[node]), False)):
            before = met.get(column, _Condition())
            n_rows = leaf_counts[~child] if child < 0 else counts[child]
            waiting.append(
                (
                    child,
                    met
                    | {
                        column: _Condition(
                            above=before.above if is_left else max(before.above, threshold),
                            most=min(before.most, threshold) if is_left else before.most,
                            missing=before.missing and missing_left == is_left,
                            share=before.share * float(n_rows / counts[node]),
                        )
                    },
                )
            )


@cache
def _compiled() -> Callable[..., None]:
    """The loop over leaves and rows, compiled on first use."""
    import numba

    meets = numba.njit(nogil=True)(_meets)
    one_leaf = numba.njit(nogil=True)(_one_leaf)

    def add_leaves(
        rows: Any, out: Any, first: Any, value: Any, column: Any, above: Any, most: Any, missing: Any, share: Any,
        nodes: Any, weights: Any, most_remembered: int,
    ) -> None:  # fmt: skip
        """Add every leaf's contributions to ``out``; rows and ``out`` are columns by rows."""
        n_rows = rows.shape[1]
        met = np.zeros(n_rows, dtype=np.int64)
        known = np.full(1 << most_remembered, -1, dtype=np.int64)
        kept = np.empty((1 << most_remembered, most_remembered))
        one = np.empty(64)
        for leaf in range(len(value)):
            start, stop = first[leaf], first[leaf + 1]
            n = stop - start
            met[:] = 0
            for j in range(n):
                place = start + j
                meets(rows[column[place]], above[place], most[place], missing[place], j, met)
            for row in range(n_rows):
                mask = met[row]
                if n > most_remembered:
                    one_leaf(mask, value[leaf], share[start:stop], nodes, weights, one)
                    for j in range(n):
                        out[column[start + j], row] += one[j]
                    continue
                if known[mask] != leaf:
                    one_leaf(mask, value[leaf], share[start:stop], nodes, weights, kept[mask])
                    known[mask] = leaf
                for j in range(n):
                    out[column[start + j], row] += kept[mask, j]

    compiled: Callable[..., None] = numba.njit(nogil=True)(add_leaves)
    return compiled


def _meets(values: Any, above: float, most: float, by_missing: bool, bit: int, met: Any) -> None:
    """Set the bit of the rows that meet a condition; compiled."""
    for row in range(len(values)):
        x = 0.0 if abs(values[row]) <= _ZERO else values[row]
        holds = by_missing if np.isnan(x) else x <= most and (x > above or above == -np.inf)
        if holds:
            met[row] |= 1 << bit


def _one_leaf(mask: int, value: float, share: Any, nodes: Any, weights: Any, into: Any) -> None:
    """Contributions of a leaf where these conditions are met; compiled."""
    n = len(share)
    for j in range(n):
        into[j] = 0.0
    for q in range(len(weights)):
        t = nodes[q]
        product = weights[q] * value
        for j in range(n):
            product *= (1 - t) * share[j] + t * (mask >> j & 1)
        for j in range(n):
            holds = mask >> j & 1
            into[j] += product / ((1 - t) * share[j] + t * holds) * (holds - share[j])
