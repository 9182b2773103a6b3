"""Rows that repeat other rows, found from the data itself.

Where a table holds a customer twice, a random split lets the model recognise instead of learn. Three kinds are
found: exact duplicates; near duplicates (all categories equal, every number nearly so); and shifted copies, where
one and the same difference separates many pairs of rows (each count one higher, say). A fourth kind, rows that are
equal but for a few columns, is found too and used for a stricter second opinion. The label is not looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from churn_core.stats.columns import is_number, numbers

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

MISSING = "(missing)"
"""Stands for a missing category, so that missing equals missing."""
NEAR = 0.003
"""Rows whose numbers all differ by at most this many standard deviations may be near duplicates."""
MOST_DIFFERENT = 3
"""Columns in which near duplicates may differ, in tables where such pairs stand apart from all others."""
LEAST_COLUMNS = 8
"""Columns that a table must have before pairs that differ in few of them mean anything."""
LEAST_NUMBERS = 3
"""Numbers with many values that rows must have before they can be near or shifted copies."""
MANY_VALUES = 20
"""A number with more values than this has many."""
LEAST_SHARE = 0.05
"""Share of rows that one difference must link before it counts as a shift."""
MOST_MISSING = 2
"""Values that may be missing on one side of a pair."""
LARGEST_BLOCK = 300
"""Rows compared with each other at most."""
LARGEST_GROUP = 0.1
"""Share of all rows above which equal rows are a coarse table, not copies."""


@dataclass(frozen=True, kw_only=True)
class Twins:
    """Which rows belong together."""

    group: NDArray[np.int64]
    """Group of each row; rows of a group must stay in one fold."""
    n_exact: int
    """Rows that have an exact duplicate."""
    n_near: int
    """Rows linked to a near duplicate."""
    n_shifted: int
    """Rows linked to a shifted copy."""
    strict_group: NDArray[np.int64]
    """Group of each row when pairs that differ in a few columns are also kept together."""
    n_alike: int
    """Rows that differ from another row in a few columns only, in a table where such pairs stand apart."""
    shift: dict[str, float]
    """The difference between shifted copies, by column, where it is not 0."""

    def notes(self) -> list[str]:
        """What was found, in sentences; empty when there was nothing."""
        found = []
        if self.n_exact:
            found.append(f"{self.n_exact:,} rows repeat another row exactly; they are kept in one fold.")
        if self.n_near:
            found.append(f"{self.n_near:,} rows nearly repeat another row; they are kept in one fold.")
        if self.n_shifted:
            steps = ", ".join(f"{name} {value:+g}" for name, value in list(self.shift.items())[:4])
            more = ", ..." if len(self.shift) > 4 else ""
            found.append(
                f"{self.n_shifted:,} rows are copies of another row with the same shift ({steps}{more}); "
                "they are kept in one fold, because a random split would measure memory."
            )
        return found


def find_twins(frame: pd.DataFrame, *, only_exact: bool = False) -> Twins:
    """Group the rows of a table that repeat each other; ``frame`` holds the features without id and label.

    ``only_exact`` looks for exact duplicates alone, which takes a moment however many rows there are.
    """
    names = [str(name) for name in frame.columns if is_number(frame[name])]
    values = np.column_stack([numbers(frame[name]) for name in names]) if names else np.zeros((len(frame), 0))
    codes = _category_codes(frame)
    links = _Links(len(frame))
    exact = _row_keys(values, codes)
    n_exact = links.join_equal(exact, largest=max(2, int(LARGEST_GROUP * len(frame))))
    first = np.sort(np.unique(exact, return_index=True)[1])
    rich = np.array([len(np.unique(values[first, i])) > MANY_VALUES for i in range(len(names))], dtype=bool)
    n_near = n_shifted = n_alike = 0
    alike = np.zeros((0, 2), dtype=np.int64)
    shift: dict[str, float] = {}
    if rich.sum() >= LEAST_NUMBERS and len(first) >= 100 and not only_exact:
        same = _copies(values, codes, np.zeros(len(names)), 1.0)
        same = same[exact[same[:, 0]] != exact[same[:, 1]]]
        n_near = links.join_pairs(np.concatenate([same, _nearly_equal_pairs(values, codes, first)]))
        step = _common_shift(values, codes, first, rich)
        if step is not None:
            n_shifted = links.join_pairs(_best_partners(_copies(values, codes, step, 0.5), values, codes))
            shift = {name: float(part) for name, part in zip(names, step, strict=True) if part}
        alike = _few_differences_pairs(values, codes, first)
    group = links.groups()
    n_alike = links.join_pairs(alike)
    return Twins(
        group=group,
        n_exact=n_exact,
        n_near=n_near,
        n_shifted=n_shifted,
        strict_group=links.groups(),
        n_alike=n_alike,
        shift=shift,
    )


class _Links:
    """Rows joined into groups (union-find, then plain labels)."""

    def __init__(self, n_rows: int) -> None:
        self._pairs: list[NDArray[np.int64]] = []
        self._n_rows = n_rows

    def join_equal(self, keys: NDArray[np.int64], *, largest: int) -> int:
        """Join rows of equal key, unless too many share it; the rows joined."""
        order = np.argsort(keys, kind="stable")
        same = keys[order][1:] == keys[order][:-1]
        counts = np.bincount(keys)
        same &= counts[keys[order][1:]] <= largest
        pairs = np.column_stack([order[:-1][same], order[1:][same]])
        return self.join_pairs(pairs)

    def join_pairs(self, pairs: NDArray[np.int64]) -> int:
        """Join the rows of each pair; the number of different rows in them."""
        self._pairs.append(pairs.reshape(-1, 2))
        return len(np.unique(pairs))

    def groups(self) -> NDArray[np.int64]:
        """One number per group, by its first row."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        pairs = np.concatenate(self._pairs) if self._pairs else np.zeros((0, 2), dtype=np.int64)
        graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(self._n_rows, self._n_rows))
        _, labels = connected_components(graph, directed=False)
        _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
        return np.asarray(first[inverse], dtype=np.int64)


def _category_codes(frame: pd.DataFrame) -> NDArray[np.int64]:
    import pandas as pd

    made = [
        pd.factorize(frame[name].astype(object).where(frame[name].notna(), MISSING))[0]
        for name in frame.columns
        if not is_number(frame[name])
    ]
    return np.column_stack(made).astype(np.int64) if made else np.zeros((len(frame), 0), dtype=np.int64)


def _row_keys(*parts: NDArray[np.float64] | NDArray[np.int64]) -> NDArray[np.int64]:
    """One number per distinct row of the parts side by side; missing equals missing."""
    import pandas as pd

    whole = np.column_stack([np.nan_to_num(part.astype(float), nan=-9.87654321e18) for part in parts])
    if not whole.shape[1]:
        return np.zeros(len(whole), dtype=np.int64)
    return np.asarray(pd.DataFrame(whole).groupby(list(range(whole.shape[1])), sort=False).ngroup(), dtype=np.int64)


def _nearly_equal_pairs(
    values: NDArray[np.float64], codes: NDArray[np.int64], rows: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Pairs equal in every category and gap, and within NEAR standard deviations in every number.

    Rows that are merely alike become more the wider one looks; copies do not. So pairs count only where three times
    the distance finds less than twice as many.
    """
    from scipy.spatial import cKDTree

    spread = np.nanstd(values, axis=0)
    scaled = np.nan_to_num((values - np.nanmean(values, axis=0)) / np.where(spread > 0, spread, 1.0), nan=0.0)
    block = _row_keys(codes, np.isnan(values).astype(float))[rows]
    # Rows of different blocks are put far apart, so that one search serves all of them.
    tree = cKDTree(np.column_stack([scaled[rows], block * 1000.0]))
    found = tree.query_pairs(NEAR, p=np.inf, output_type="ndarray")
    if len(tree.query_pairs(3 * NEAR, p=np.inf, output_type="ndarray")) >= 2 * len(found):
        found = found[:0]
    return np.asarray(rows[found], dtype=np.int64).reshape(-1, 2)


def _few_differences_pairs(
    values: NDArray[np.float64], codes: NDArray[np.int64], rows: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Pairs that differ in at most three columns, where such pairs stand apart from all other pairs."""
    columns = [_row_keys(part[:, None])[rows] for part in (*values.T, *codes.T)]
    table = np.column_stack(columns)
    limit = _gap_in_differences(table)
    if not limit:
        return np.zeros((0, 2), dtype=np.int64)
    found = []
    # Rows that differ in at most k columns agree fully in one of any k + 1 groups of columns.
    for group in _balanced_groups(table, limit + 1):
        key = _row_keys(table[:, group])
        order = np.argsort(key, kind="stable")
        for members in np.split(order, np.flatnonzero(np.diff(key[order])) + 1):
            for start in range(0, len(members), LARGEST_BLOCK):
                part = members[start : start + LARGEST_BLOCK]
                left, right = np.triu_indices(len(part), k=1)
                different = (table[part[left]] != table[part[right]]).sum(axis=1)
                close = different <= limit
                found.append(np.column_stack([part[left[close]], part[right[close]]]))
    return np.asarray(rows[np.unique(np.concatenate(found), axis=0)], dtype=np.int64)


def _gap_in_differences(table: NDArray[np.int64]) -> int:
    """The number of differing columns that separates copies from other pairs; 0 where nothing does.

    Among unrelated rows pairs get rarer and rarer the fewer columns differ. Copies show as pairs that become more
    again below a gap.
    """
    n_rows, n_columns = table.shape
    if n_columns < LEAST_COLUMNS:
        return 0
    draw = np.random.default_rng(0)
    some = np.sort(draw.choice(n_rows, size=min(n_rows, 1_500), replace=False))
    others = np.sort(draw.choice(n_rows, size=min(n_rows, 20_000), replace=False))
    counts = np.zeros(n_columns + 1, dtype=np.int64)
    for row in some:
        different = (table[others[others != row]] != table[row]).sum(axis=1)
        counts += np.bincount(different, minlength=n_columns + 1)
    for limit in range(MOST_DIFFERENT, 0, -1):
        if counts[1 : limit + 1].max() > 2 * counts[limit + 1] and counts[1 : limit + 1].sum() >= 20:
            return limit
    return 0


def _balanced_groups(table: NDArray[np.int64], n_groups: int) -> list[list[int]]:
    """Columns dealt into groups that tell rows apart about equally well."""
    shares = [np.unique(column, return_counts=True)[1] / len(table) for column in table.T]
    weights = [float(-(share * np.log(share)).sum()) for share in shares]
    groups: list[list[int]] = [[] for _ in range(n_groups)]
    totals = np.zeros(n_groups)
    for position in np.argsort(weights)[::-1]:
        lightest = int(totals.argmin())
        groups[lightest].append(int(position))
        totals[lightest] += weights[position]
    return groups


def _common_shift(
    values: NDArray[np.float64], codes: NDArray[np.int64], rows: NDArray[np.int64], rich: NDArray[np.bool_]
) -> NDArray[np.float64] | None:
    """The difference that links more rows than chance would, among rows of equal categories.

    It must move at least three of the numbers with many values (``rich``), which chance does not do alike twice.
    """
    complete = rows[~np.isnan(values[rows]).any(axis=1)]
    if len(complete) < 100:
        return None
    block = _row_keys(codes)[complete]
    order = np.argsort(block, kind="stable")
    differences = []
    for members in np.split(complete[order], np.flatnonzero(np.diff(block[order])) + 1):
        for start in range(0, len(members), LARGEST_BLOCK):
            part = values[members[start : start + LARGEST_BLOCK]]
            left, right = np.triu_indices(len(part), k=1)
            differences.append(np.round(part[right] - part[left], 4))
    all_of_them = np.concatenate(differences)
    all_of_them = all_of_them[(all_of_them[:, rich] != 0).sum(axis=1) >= LEAST_NUMBERS]
    if not len(all_of_them):
        return None
    # A pair may stand either way round: the first number that differs is counted upwards.
    leading = all_of_them[np.arange(len(all_of_them)), (all_of_them != 0).argmax(axis=1)]
    all_of_them = all_of_them * np.sign(leading)[:, None] + 0.0
    keys = _row_keys(all_of_them)
    counts = np.bincount(keys)
    best = int(counts.argmax())
    runner_up = int(np.partition(counts, -2)[-2]) if len(counts) > 1 else 0
    step = all_of_them[int(np.flatnonzero(keys == best)[0])]
    if counts[best] < max(20.0, LEAST_SHARE * len(complete) / 2) or counts[best] < 5 * runner_up:
        return None
    return np.asarray(step)


def _copies(
    values: NDArray[np.float64], codes: NDArray[np.int64], step: NDArray[np.float64], least_alike: float
) -> NDArray[np.int64]:
    """Pairs of rows exactly one step apart in every number known on both sides.

    Values may be missing on one side in at most two columns; at least the share ``least_alike`` of the categories
    must agree, because categories are often renamed in a copy.
    """
    n_rows = len(values)
    both = np.round(np.vstack([values, values + step]), 4)
    table = np.column_stack([_row_keys(column[:, None]) for column in both.T])
    found = []
    # Where at most two columns are missing, one of any three groups of columns is known on both sides.
    for group in _balanced_groups(table, MOST_MISSING + 1):
        key = _row_keys(table[:, group])
        order = np.argsort(key[:n_rows], kind="stable")
        start = np.searchsorted(key[:n_rows][order], key[n_rows:], side="left")
        length = np.searchsorted(key[:n_rows][order], key[n_rows:], side="right") - start
        length = np.where(length > LARGEST_BLOCK, 0, length)
        left = np.repeat(np.arange(n_rows), length)
        offset = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
        right = order[np.repeat(start, length) + offset]
        difference = both[right] - both[n_rows + left]
        gaps = np.isnan(values[left]) != np.isnan(values[right])
        fits = (np.nan_to_num(np.abs(difference)) < 1e-9).all(axis=1) & (gaps.sum(axis=1) <= MOST_MISSING)
        fits &= left != right
        if codes.shape[1]:
            fits &= (codes[left] == codes[right]).mean(axis=1) >= least_alike
        found.append(np.column_stack([left[fits], right[fits]]))
    return np.asarray(np.unique(np.concatenate(found), axis=0), dtype=np.int64)


def _best_partners(
    pairs: NDArray[np.int64], values: NDArray[np.float64], codes: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The pairs in which either row has no better partner: most categories and gaps in common."""
    if not len(pairs):
        return pairs
    left, right = pairs.T
    common = (np.isnan(values[left]) == np.isnan(values[right])).sum(axis=1)
    common = common + (codes[left] == codes[right]).sum(axis=1)
    best_of_left = np.zeros(len(values), dtype=np.int64)
    best_of_right = np.zeros(len(values), dtype=np.int64)
    np.maximum.at(best_of_left, left, common)
    np.maximum.at(best_of_right, right, common)
    return np.asarray(pairs[(common == best_of_left[left]) & (common == best_of_right[right])])
