"""How the customers looked when a model was made: what later ones are compared with.

A description, not the customers: bins with shares, quantiles, shares of missing values and of categories, as plain
JSON that is kept with the model version. The means of every cutoff learned from stand beside it, so that a season the
model knows can be told from a change.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from churn_core.stats.columns import is_number, numbers
from churn_core.stats.distances import quantile_grid

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

N_BINS = 10
"""Bins of about equal size a number is cut into; fewer where values repeat."""
MOST_SHARES = 50
"""Categories of one column whose share is kept; the others are counted together."""
MOST_NAMES = 2_000
"""Categories of one column whose names are kept, to know later which ones are new."""


def describe_population(
    frame: pd.DataFrame, risk: NDArray[np.float64], *, leave_out: Collection[str] = ()
) -> dict[str, Any]:
    """Numbers, categories and risks of customers as plain JSON.

    ``n``; ``numbers``: name -> :func:`describe_numbers`; ``categories``: name -> :func:`describe_categories`;
    ``risk`` as the numbers. Values are rounded to single precision, as score runs keep them.
    """
    names = [str(name) for name in frame.columns if name not in leave_out]
    return {
        "n": len(frame),
        "numbers": {name: describe_numbers(single(frame[name])) for name in names if is_number(frame[name])},
        "categories": {name: describe_categories(frame[name]) for name in names if not is_number(frame[name])},
        "risk": describe_numbers(np.asarray(risk, dtype=float)),
    }


def describe_numbers(values: NDArray[np.float64]) -> dict[str, Any]:
    """One number: n, missing_share, and of the known values edges, shares, quantiles, mean and spread.

    Bin i holds values up to and including edge i; the last one everything above. ``spread`` is the standard deviation
    of the quantiles, so the outermost percent does not decide it; 0 when (nearly) all values are the same.
    """
    known = values[~np.isnan(values)]
    missing_share = 1.0 - len(known) / len(values) if len(values) else 0.0
    if not len(known):
        return {"n": len(values), "missing_share": missing_share, "edges": [], "shares": [], "quantiles": []}
    edges = bin_edges(known)
    quantiles = quantile_grid(known)
    return {
        "n": len(values),
        "missing_share": _brief(missing_share),
        "edges": edges,
        "shares": [_brief(share) for share in bin_shares(edges, known)],
        "quantiles": [_brief(value) for value in quantiles],
        "mean": _brief(known.mean()),
        "spread": _brief(quantiles.std()),
    }


def describe_categories(values: pd.Series) -> dict[str, Any]:
    """One column of categories: n, missing_share, shares of the most frequent ones, other_share, names.

    Shares are of the known values. ``names`` are all categories in order, or None where there are too many to keep.
    """
    counts = values.astype(object).dropna().astype(str).value_counts()
    ordered = sorted(counts.index, key=lambda name: (-int(counts[name]), name))
    n_known = int(counts.sum())
    shares = {name: int(counts[name]) / n_known for name in ordered[:MOST_SHARES]}
    return {
        "n": len(values),
        "missing_share": 1.0 - n_known / len(values) if len(values) else 0.0,
        "shares": shares,
        "other_share": max(0.0, 1.0 - sum(shares.values())) if n_known else 0.0,
        "names": sorted(ordered) if len(ordered) <= MOST_NAMES else None,
    }


def bin_edges(known: NDArray[np.float64]) -> list[float]:
    """Upper edges of the bins but the last, at the quantiles; a constant gets a bin of its own."""
    places = np.quantile(known, np.linspace(0, 1, N_BINS + 1)[1:-1], method="inverted_cdf")
    edges = np.unique(places)
    if len(edges) == 1 and edges[0] == known.min():
        edges = np.array([np.nextafter(edges[0], -np.inf), edges[0]])
    return [float(edge) for edge in edges]


def bin_shares(edges: Sequence[float], known: NDArray[np.float64]) -> list[float]:
    """Share of the known values in each bin."""
    places = np.searchsorted(np.asarray(edges), known, side="left")
    counts = np.bincount(places, minlength=len(edges) + 1)
    return [float(share) for share in counts / len(known)]


def single(values: pd.Series) -> NDArray[np.float64]:
    """A column of numbers as score runs keep it: rounded to single precision, infinities missing."""
    return numbers(values).astype(np.float32).astype(float)


def cutoff_means(cutoff: datetime, frame: pd.DataFrame, *, leave_out: Collection[str] = ()) -> dict[str, Any]:
    """The mean of every number at one cutoff, to see later whether a season looked like this before."""
    means = {str(name): _mean(single(frame[name])) for name in frame.columns if is_number(frame[name])}
    kept = {name: mean for name, mean in means.items() if mean is not None and name not in leave_out}
    return {"cutoff": cutoff.isoformat(), "n": len(frame), "means": kept}


def known_names(columns: Iterable[pd.Series]) -> list[str] | None:
    """All categories that occur in any of the columns, or None where there are too many to keep."""
    names = {str(name) for values in columns for name in values.dropna().unique()}
    return sorted(names) if len(names) <= MOST_NAMES else None


def new_categories(described: Mapping[str, Any], values: pd.Series) -> pd.Series:
    """Customers by category (most frequent first) that was not there in training; empty where nobody can tell."""
    counts = values.astype(object).dropna().astype(str).value_counts()
    names = described.get("names")
    return counts.iloc[:0] if names is None else counts[~counts.index.isin(names)]


def _mean(values: NDArray[np.float64]) -> float | None:
    known = values[~np.isnan(values)]
    return _brief(known.mean()) if len(known) else None


def _brief(value: float) -> float:
    """Six significant digits: enough to compare by, and half as long in the record."""
    return float(f"{value:.6g}")
