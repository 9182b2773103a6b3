"""Whether a model learned its training rows by heart, and whether it is asked about rows unlike them.

Two checks per judged cutoff (or fold): how much better the model answers the rows it learned from than the later ones
it was judged on, and how many of the later ones an isolation forest calls more unusual than 99 % of the former.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from churn_core.models.calibration import level_of
from churn_core.models.preparation import design, fit_preparation
from churn_core.stats.proportions import Z_95, wilson_interval
from churn_core.stats.ranking import auc, auc_interval

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

MOST_ROWS = 5_000
"""Rows looked at on either side of one cutoff."""
FOREST_ROWS = 2_000
"""Of these, rows that the isolation forest is asked about."""
LEAST_OF_EACH = 10
"""Customers of each outcome that a comparison needs on either side."""
GAP_FROM = 0.05
"""AUC lost between training rows and later ones from which a model is said to have learned by heart."""
N_ERRORS = 2.0
"""Standard errors that the loss must exceed as well."""
UNUSUAL_SHARE = 0.01
"""Share of the training rows that count as unusual; as many of later rows are to be expected."""
RAISED_FROM, STRONG_FROM = 0.03, 0.10
"""Share of unusual rows from which it is called raised, and far outside."""
LEAST_ROWS = 300
"""Rows below which no share of unusual rows is judged."""


@dataclass(frozen=True, kw_only=True)
class Side:
    """How a model answers some rows."""

    n: int
    auc: float
    """Within each cutoff, averaged over them by rows."""
    auc_error: float
    """Standard error of one cutoff's AUC, on average."""
    log_loss: float
    """With the level of each cutoff set right, so that the season plays no part."""


@dataclass(frozen=True, kw_only=True)
class OverfitRow:
    """One cutoff, fold or moment."""

    where: str
    """The cutoff as ISO date, "fold 1", or "now" for the customers to be scored, whose outcome is open."""
    train: Side | None
    """None where no outcome is known."""
    judged: Side | None
    outside_share: float
    """Share of the judged rows more unusual than 99 % of the training rows; 0.01 is to be expected."""
    outside_low: float
    outside_high: float
    """95 % Wilson interval of that share."""
    n_outside_of: int
    """Rows the share is of."""

    @property
    def auc_gap(self) -> float | None:
        """AUC on the training rows minus AUC on the judged ones."""
        return self.train.auc - self.judged.auc if self.train and self.judged else None

    @property
    def gap_error(self) -> float | None:
        """Standard error of the gap."""
        return sqrt(self.train.auc_error**2 + self.judged.auc_error**2) if self.train and self.judged else None

    @property
    def gap_verdict(self) -> str:
        """small, large or "outcome open"."""
        if self.auc_gap is None or self.gap_error is None:
            return "outcome open"
        return "large" if self.auc_gap >= max(GAP_FROM, N_ERRORS * self.gap_error) else "small"

    @property
    def outside_verdict(self) -> str:
        """usual, raised, far outside or "too few to say"; by the size of the share, not by its significance."""
        if self.n_outside_of < LEAST_ROWS:
            return "too few to say"
        if self.outside_share >= STRONG_FROM:
            return "far outside"
        return "raised" if self.outside_share >= RAISED_FROM else "usual"


def overfit_row(
    where: str,
    frames: Sequence[tuple[pd.DataFrame, NDArray[np.bool_], NDArray[np.float64]]],
    judged: tuple[pd.DataFrame, NDArray[np.bool_], NDArray[np.float64]],
    *,
    seed: int,
) -> OverfitRow:
    """Compare rows a model learned from (features, outcomes, its log-odds; per cutoff) with those it was judged on."""
    import pandas as pd

    train = pd.concat([frame for frame, _, _ in frames], ignore_index=True)
    return OverfitRow(
        where=where,
        train=_side([(churned, z) for _, churned, z in frames]),
        judged=_side([judged[1:]]),
        **_shares(*outside(train, judged[0], seed=seed)),
    )


def open_row(where: str, train: pd.DataFrame, present: pd.DataFrame, *, seed: int) -> OverfitRow:
    """The same for customers whose outcome is open: only how unusual they are can be told."""
    return OverfitRow(where=where, train=None, judged=None, **_shares(*outside(train, present, seed=seed)))


def outside(train: pd.DataFrame, asked: pd.DataFrame, *, seed: int) -> tuple[int, int]:
    """Rows more unusual than 99 % of the training rows, and of how many, by an isolation forest.

    Liu, Ting & Zhou, 2008. Of more than :data:`FOREST_ROWS` on either side, an even selection is looked at.
    """
    from sklearn.ensemble import IsolationForest

    train, asked = train.iloc[every(len(train), FOREST_ROWS)], asked.iloc[every(len(asked), FOREST_ROWS)]
    prepared = fit_preparation(train)
    known, _ = design(prepared, train)
    forest = IsolationForest(n_estimators=100, max_samples=min(256, len(known)), random_state=seed).fit(known)
    limit = np.quantile(forest.score_samples(known), UNUSUAL_SHARE)
    return int((forest.score_samples(design(prepared, asked)[0]) < limit).sum()), len(asked)


def every(n_rows: int, n_most: int = MOST_ROWS) -> slice:
    """An even selection of at most so many rows."""
    return slice(None, None, max(1, -(-n_rows // max(n_most, 1))))


def rows_to_json(rows: Sequence[OverfitRow]) -> list[dict[str, Any]]:
    """The rows as plain JSON."""
    return [asdict(row) for row in rows]


def rows_from_json(stored: Sequence[dict[str, Any]]) -> tuple[OverfitRow, ...]:
    """The rows that :func:`rows_to_json` described."""
    return tuple(
        OverfitRow(**{**row, **{side: Side(**row[side]) if row[side] else None for side in ("train", "judged")}})
        for row in stored
    )


def _shares(n_outside: int, n: int) -> dict[str, Any]:
    low, high = wilson_interval(n_outside, n)
    return {"outside_share": n_outside / n, "outside_low": low, "outside_high": high, "n_outside_of": n}


def _side(parts: Sequence[tuple[NDArray[np.bool_], NDArray[np.float64]]]) -> Side | None:
    usable = [(y, z) for y, z in parts if min(y.sum(), (~y).sum()) >= LEAST_OF_EACH]
    if not usable:
        return None
    n = np.array([len(y) for y, _ in usable], dtype=float)
    widths = np.array([high - low for low, high in (auc_interval(y, z) for y, z in usable)])
    losses = [_levelled_loss(y, z) for y, z in usable]
    return Side(
        n=int(n.sum()),
        auc=float(np.average([auc(y, z) for y, z in usable], weights=n)),
        auc_error=float(np.average(widths / (2 * Z_95), weights=n)),
        log_loss=float(np.average(losses, weights=n)),
    )


def _levelled_loss(churned: NDArray[np.bool_], log_odds: NDArray[np.float64]) -> float:
    z = log_odds + level_of(log_odds, churned)
    return float((np.logaddexp(0.0, z) - churned * z).mean())
