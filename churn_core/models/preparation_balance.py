"""Balanced outcomes for learning, and the correction that makes the risks right again.

Weights and resampling show a learner as many churners as stayers. What it then says is true of that made-up shop; the
log-odds are brought back to the real one by the difference of the two priors (Elkan, 2001; King and Zeng, 2001).
"""

from __future__ import annotations

import warnings
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from churn_core.errors import NotEnoughData

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

MOST_SMOTE_ROWS = 2_500
"""Rows of the rarer outcome that new ones are made between."""
N_NEIGHBOURS = 5
LEAST_FOR_SMOTE = 2
LEAST_AFTER_UNDERSAMPLING = 100
"""Rows of the rarer outcome below which leaving rows out would leave too few to learn from."""


@dataclass(frozen=True, kw_only=True)
class Balanced:
    """Training rows as a learner sees them."""

    frame: pd.DataFrame
    churned: NDArray[np.bool_]
    weight: NDArray[np.float64] | None = None
    """How much each row counts; None for all the same."""
    notes: tuple[str, ...] = ()
    """What could not be done as asked, in sentences."""

    def offset(self, churned: NDArray[np.bool_]) -> float:
        """What must be added to the learner's log-odds: those of the real rows minus those of the rows it saw."""
        return _log_odds_of(churned, None) - _log_odds_of(self.churned, self.weight)


def balance(
    frame: pd.DataFrame,
    churned: NDArray[np.bool_],
    *,
    resampling: str,
    is_weighted: bool,
    whole: Collection[str],
    seed: int,
) -> Balanced:
    """Training rows resampled (usual, over, under, smote) and weighted as asked.

    ``whole`` are numeric columns that hold 0 or 1 only. NotEnoughData when only one outcome occurs.
    """
    outcome = np.asarray(churned, dtype=bool)
    if outcome.all() or not outcome.any():
        raise NotEnoughData("all rows have the same outcome; learning needs customers who left and who stayed.")
    made = Balanced(frame=frame, churned=outcome)
    n_rare = int(min(outcome.sum(), (~outcome).sum()))
    if resampling == "smote" and n_rare < LEAST_FOR_SMOTE:
        made = _over(made, seed, f"SMOTE needs {LEAST_FOR_SMOTE} customers of the rarer outcome and found {n_rare}, ")
    elif resampling == "smote":
        made = _smote(made, whole, seed)
    elif resampling == "over":
        made = _over(made, seed)
    elif resampling == "under":
        made = _under(made, n_rare, seed)
    if is_weighted:
        made = _weighted(made)
    return made


def _over(made: Balanced, seed: int, why: str = "") -> Balanced:
    """Rows of the rarer outcome repeated at random until both are as frequent."""
    from imblearn.over_sampling import RandomOverSampler

    places, outcome = RandomOverSampler(random_state=seed).fit_resample(
        np.arange(len(made.churned))[:, None], made.churned
    )
    notes = (f"{why}so its rows were repeated instead.",) if why else ()
    return Balanced(frame=made.frame.iloc[places[:, 0]], churned=np.asarray(outcome, dtype=bool), notes=notes)


def _under(made: Balanced, n_rare: int, seed: int) -> Balanced:
    """Rows of the more frequent outcome left out at random until both are as frequent."""
    from imblearn.under_sampling import RandomUnderSampler

    if n_rare < LEAST_AFTER_UNDERSAMPLING:
        note = (
            f"Nothing was left out: with {n_rare} customers of the rarer outcome too few rows would remain to learn "
            f"from; {LEAST_AFTER_UNDERSAMPLING} are needed."
        )
        return Balanced(frame=made.frame, churned=made.churned, notes=(note,))
    places, outcome = RandomUnderSampler(random_state=seed).fit_resample(
        np.arange(len(made.churned))[:, None], made.churned
    )
    return Balanced(frame=made.frame.iloc[places[:, 0]], churned=np.asarray(outcome, dtype=bool))


def _weighted(made: Balanced) -> Balanced:
    """Rows weighted so that both outcomes count as much, the total as before."""
    n, n_churned = len(made.churned), int(made.churned.sum())
    weight = np.where(made.churned, n / (2 * n_churned), n / (2 * (n - n_churned)))
    return Balanced(frame=made.frame, churned=made.churned, weight=weight, notes=made.notes)


def _smote(made: Balanced, whole: Collection[str], seed: int) -> Balanced:
    """New rows of the rarer outcome between neighbours (Chawla et al., 2002), beside all that are real.

    Distances are taken on standardised numbers; categories follow the neighbours' majority (SMOTENC). Neighbours are
    looked for among at most 2,500 rows, so that the time does not grow with the square of the customers.
    """
    import pandas as pd

    is_rare = made.churned if made.churned.sum() <= (~made.churned).sum() else ~made.churned
    n_needed = int(len(is_rare) - 2 * is_rare.sum())
    if n_needed <= 0:
        return made
    draw = np.random.default_rng(seed)
    rare = np.sort(draw.permutation(np.flatnonzero(is_rare))[:MOST_SMOTE_ROWS])
    other = np.sort(draw.permutation(np.flatnonzero(~is_rare))[: len(rare)])
    some = made.frame.iloc[np.concatenate([rare, other])]
    texts = [name for name in some.columns if some[name].dtype.kind not in "biuf"]
    coded = {name: pd.factorize(some[name], use_na_sentinel=False) for name in texts}
    matrix = np.column_stack(
        [coded[name][0] if name in coded else some[name].to_numpy(dtype=float) for name in some.columns]
    ).astype(float)
    is_text = np.array([name in coded for name in some.columns])
    centre = np.where(is_text, 0.0, matrix.mean(axis=0))
    spread = matrix.std(axis=0)
    spread = np.where(is_text | (spread < 1e-12), 1.0, spread)
    new = _between((matrix - centre) / spread, len(rare), len(other), n_needed, is_text, seed) * spread + centre
    columns: dict[str, object] = {}
    for place, name in enumerate(some.columns):
        if name in coded:
            columns[name] = coded[name][1].take(new[:, place].round().astype(int))
        else:
            columns[name] = new[:, place].round() if name in whole else new[:, place]
    added = pd.DataFrame(columns)
    return Balanced(
        frame=pd.concat([made.frame, added], ignore_index=True),
        churned=np.concatenate([made.churned, np.full(n_needed, made.churned[rare[0]])]),
    )


def _between(
    matrix: NDArray[np.float64], n_rare: int, n_other: int, n_needed: int, is_text: NDArray[np.bool_], seed: int
) -> NDArray[np.float64]:
    """As many new rows as needed between the first ``n_rare`` rows."""
    from imblearn.over_sampling import SMOTE, SMOTENC

    wanted = {1: n_rare + n_needed}
    neighbours = min(N_NEIGHBOURS, n_rare - 1)
    is_mixed = is_text.any() and not is_text.all()
    sampler = (
        SMOTENC(
            categorical_features=np.flatnonzero(is_text).tolist(),
            sampling_strategy=wanted,
            k_neighbors=neighbours,
            random_state=seed,
        )
        if is_mixed
        else SMOTE(sampling_strategy=wanted, k_neighbors=neighbours, random_state=seed)
    )
    side = np.repeat([1, 0], [n_rare, n_other])
    with warnings.catch_warnings():
        # It warns that the rarer outcome becomes the more frequent one of this sample, which is what is asked for.
        warnings.simplefilter("ignore", UserWarning)
        made, _ = sampler.fit_resample(matrix, side)
    return np.asarray(made, dtype=float)[len(matrix) :]


def _log_odds_of(churned: NDArray[np.bool_], weight: NDArray[np.float64] | None) -> float:
    counts = np.ones(len(churned)) if weight is None else weight
    return float(np.log(counts[churned].sum()) - np.log(counts[~churned].sum()))
