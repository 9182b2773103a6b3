"""The label in disguise: rules by which one column of a table gives away that it was filled in after the outcome.

Kept apart from the guards that use them: each rule looks at one column and the outcomes and says in words what it
found, or nothing. Each takes the base rate into account, so a rare outcome is not agreed with by chance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from churn_core.stats.columns import is_number, numbers
from churn_core.stats.ranking import auc

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

TOO_GOOD = 0.98
"""AUC from which one column alone is too good to be true."""
AGREES_FROM = 0.95
"""Share of either outcome that one yes-or-no rule on a column must get right to be suspicious."""
GIVEN_AWAY = 0.2
"""Share of the customers of one outcome that a single value must single out, without an exception."""
LEAST_CHANCE = 1e-6
"""Below this, customers of one value do not share their outcome by chance."""
ID_DISTINCT = 0.95
"""Share of different whole numbers from which a column counts the rows."""
ID_RANKS_FROM = 0.8
"""AUC from which such a column knows more than a number of a row can."""

_WORDS = {True: "left", False: "stayed"}


def best_area(values: pd.Series, outcome: NDArray[np.bool_]) -> float:
    """AUC of one column, whichever way it points; missing values count as a value of their own, whichever helps."""
    return max(auc(outcome, score) for score in as_scores(values, outcome))


def suspicion(values: pd.Series, outcome: NDArray[np.bool_], *, is_foreign: bool = True) -> str:
    """What is suspicious about a column, as the second half of a sentence that begins with its name; empty if nothing.

    The first rule that applies: ranks too well, agrees in nearly every row, is there (or missing) for one outcome
    only, a single value gives the outcome away, numbers the rows and ranks all the same. The last three are asked of
    foreign columns only: of a number that was computed from rows before the cutoff, a value that nobody survives is
    a finding (no cart for a year), not a leak.
    """
    scores = as_scores(values, outcome)
    area = max(auc(outcome, score) for score in scores)
    if area >= TOO_GOOD:
        return f"alone tells who left with an AUC of {area:.3f}"
    agreement = max(_agreement(score, outcome) for score in scores)
    if agreement >= AGREES_FROM:
        return (
            f"agrees with the outcome in {100 * agreement:.1f} % of those who left and of those who stayed, or in more"
        )
    if not is_foreign:
        return ""
    return _one_sided(values, outcome) or _giveaway(values, outcome) or _counts_rows(values, area)


def as_scores(values: pd.Series, outcome: NDArray[np.bool_]) -> list[NDArray[np.float64]]:
    """A column as scores that rise with the risk, each way it can be read.

    Numbers: missing low, missing high, or only whether missing, pointing up or down. Categories: the share of churners
    in the same category among the other half of the rows, so that a name of one row tells nothing.
    """
    if not is_number(values):
        return [_rates_of_other_half(_texts(values), outcome)]
    known = numbers(values)
    up = [np.nan_to_num(known, nan=-np.inf), np.nan_to_num(known, nan=np.inf), np.isnan(known).astype(float)]
    return [*up, *(-score for score in up)]


def _agreement(score: NDArray[np.float64], outcome: NDArray[np.bool_]) -> float:
    """Share of the outcome that fares worse under the best rule of the kind "left when above"."""
    order = np.argsort(score, kind="stable")
    ordered = score[order]
    last = np.append(np.flatnonzero(ordered[1:] > ordered[:-1]), len(score) - 1)
    left_above = 1 - np.cumsum(outcome[order])[last] / outcome.sum()
    stayed_below = np.cumsum(~outcome[order])[last] / (~outcome).sum()
    return float(np.minimum(left_above, stayed_below).max())


def _one_sided(values: pd.Series, outcome: NDArray[np.bool_]) -> str:
    missing = values.isna().to_numpy()
    for rows, verb in ((missing, "is missing"), (~missing, "is filled in")):
        if (side := _singled_out(rows, outcome)) is not None:
            return f"{verb} for {int(rows.sum()):,} customers, all of whom {_WORDS[side]}"
    return ""


def _giveaway(values: pd.Series, outcome: NDArray[np.bool_]) -> str:
    texts = values.to_numpy() if is_number(values) else _texts(values)
    levels, counts = np.unique(texts, return_counts=True)
    for position in np.argsort(-counts)[:5]:
        rows = texts == levels[position]
        if (side := _singled_out(rows, outcome)) is not None:
            return f"is {levels[position]!s:.40} for {int(rows.sum()):,} customers, all of whom {_WORDS[side]}"
    return ""


def _counts_rows(values: pd.Series, area: float) -> str:
    if not is_number(values) or area < ID_RANKS_FROM:
        return ""
    known = numbers(values)
    known = known[~np.isnan(known)]
    if len(np.unique(known)) < ID_DISTINCT * len(values) or not (known == np.round(known)).all():
        return ""
    return f"numbers the rows like an id and yet ranks them with an AUC of {area:.3f}"


def _singled_out(rows: NDArray[np.bool_], outcome: NDArray[np.bool_]) -> bool | None:
    """The outcome that all of these rows share although chance would not have it so; None when there is none."""
    if not rows.any() or rows.all():
        return None
    side = bool(outcome[rows][0])
    of_side = outcome == side
    if not of_side[rows].all() or rows.sum() < GIVEN_AWAY * of_side.sum():
        return None
    return side if rows.sum() * np.log(of_side.mean()) < np.log(LEAST_CHANCE) else None


def _texts(values: pd.Series) -> NDArray[np.object_]:
    return values.astype(object).where(values.notna(), "").astype(str).to_numpy(dtype=object)


def _rates_of_other_half(levels: NDArray[np.object_], outcome: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Share of churners of the same category in the half that the row is not in; the average where there is none.

    Leaving out the row alone would not do: within a category that ranks those who stayed above those who left.
    """
    _, code = np.unique(levels, return_inverse=True)
    half = np.random.default_rng(0).permutation(len(code)) % 2
    overall, n_levels = outcome.mean(), int(code.max()) + 1
    rates = np.empty(len(code))
    for side in (0, 1):
        other = half != side
        n = np.bincount(code[other], minlength=n_levels)
        hits = np.bincount(code[other], outcome[other], minlength=n_levels)
        rates[~other] = ((hits + overall) / (n + 1.0))[code[~other]]
    return rates
