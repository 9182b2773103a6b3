"""How many segments: four measures side by side for every number, and a proposal with its reason.

Silhouette and Calinski-Harabasz say how compact segments are, the gap statistic whether they are tighter than customers
spread evenly would give, and stability whether other customers of the same shop would have led to the same segments.
The measures often disagree; a person decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from churn_core.customers.segmentation_fit import Division, assign, draw_rows
from churn_core.errors import NotEnoughData
from churn_core.jobs import Progress, no_progress

if TYPE_CHECKING:
    from numpy.typing import NDArray

N_SAMPLED = 2_000
"""Customers that numbers of segments are compared on."""
N_REFERENCES = 8
"""Evenly spread samples behind the gap statistic."""
N_BOOTSTRAPS = 8
KS = tuple(range(2, 11))
STABLE_FROM = 0.75
"""Mean adjusted Rand index from which segments count as the same when other customers are drawn."""
CLOSE = 0.05
"""Silhouette below the best by so much is still as good."""


@dataclass(frozen=True, kw_only=True)
class KMeasures:
    """How well one number of segments describes the customers of the sample."""

    k: int
    silhouette: float
    """Mean silhouette (Rousseeuw 1987), in [-1, 1]; higher is better."""
    calinski_harabasz: float
    """Between over within variance (Calinski and Harabasz 1974); higher is better."""
    gap: float
    """Gap statistic (Tibshirani, Walther and Hastie 2001)."""
    gap_error: float
    """Its simulation error s_k."""
    stability: float
    """Mean adjusted Rand index between the segments and those of bootstrap samples; 1 is identical."""
    stability_low: float
    """The smallest of them."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A proposal of how many segments."""

    k: int
    reason: str
    """Why, in sentences."""
    measures: tuple[KMeasures, ...]
    n_sampled: int
    n_customers: int
    gap_k: int | None
    """What the gap statistic alone would choose, 1 meaning no groups; None when it keeps rising."""


def propose_k(
    matrix: NDArray[np.float32], *, seed: int = 7, ks: Sequence[int] = KS, progress: Progress = no_progress
) -> Choice:
    """Compare numbers of segments on a sample of customers given in the order of their ids, and propose one.

    NotEnoughData when there are too few different customers for two segments.
    """
    rows = matrix[draw_rows(len(matrix), N_SAMPLED, seed)].astype(np.float64)
    n_distinct = len(np.unique(rows, axis=0))
    tried = [k for k in ks if k < n_distinct]
    if not tried:
        raise NotEnoughData(
            f"the {len(matrix):,} customers have only {n_distinct} different sets of values, too few to be divided; "
            "choose more features."
        )
    measures = []
    gaps = {1: _gap(rows, 1, seed)}
    for place, k in enumerate(tried):
        progress(place / len(tried), f"comparing {k} segments")
        gaps[k] = _gap(rows, k, seed)
        measures.append(_measured(rows, k, gaps[k], seed))
    return _proposal(tuple(measures), _gap_choice(gaps), len(rows), len(matrix))


def _measured(rows: NDArray[np.float64], k: int, gap: tuple[float, float], seed: int) -> KMeasures:
    from sklearn.metrics import calinski_harabasz_score, silhouette_score

    division, labels = _divided(rows, k, seed)
    agreements = _agreements(rows, division, labels, seed)
    return KMeasures(
        k=k,
        silhouette=float(silhouette_score(rows, labels)),
        calinski_harabasz=float(calinski_harabasz_score(rows, labels)),
        gap=gap[0],
        gap_error=gap[1],
        stability=float(np.mean(agreements)),
        stability_low=float(np.min(agreements)),
    )


def _divided(rows: NDArray[np.float64], k: int, seed: int, n_init: int = 3) -> tuple[Division, NDArray[np.int32]]:
    from sklearn.cluster import KMeans

    found = KMeans(k, n_init=n_init, random_state=seed).fit(rows)
    division = Division(method="kmeans", centres=found.cluster_centers_)
    return division, assign(division, rows)[0]


def _agreements(rows: NDArray[np.float64], division: Division, labels: NDArray[np.int32], seed: int) -> list[float]:
    """Adjusted Rand index (Hubert and Arabie 1985) of the segments with those of bootstrap samples, on all rows."""
    from sklearn.metrics import adjusted_rand_score

    draw = np.random.default_rng([seed, division.k])
    found = []
    for number in range(N_BOOTSTRAPS):
        drawn = rows[draw.integers(len(rows), size=len(rows))]
        if len(np.unique(drawn, axis=0)) <= division.k:
            continue
        other, _ = _divided(drawn, division.k, seed + number + 1)
        found.append(float(adjusted_rand_score(labels, assign(other, rows)[0])))
    return found or [0.0]


def _gap(rows: NDArray[np.float64], k: int, seed: int) -> tuple[float, float]:
    """Gap(k) and s_k against samples spread evenly over a box along the principal components."""
    centred = rows - rows.mean(axis=0)
    axes = np.linalg.svd(centred, full_matrices=False)[2]
    turned = centred @ axes.T
    low, high = turned.min(axis=0), turned.max(axis=0)
    draw = np.random.default_rng([seed, 1])
    references = [_log_within(draw.uniform(low, high, turned.shape), k, seed) for _ in range(N_REFERENCES)]
    gap = float(np.mean(references) - _log_within(rows, k, seed, n_init=3))
    return gap, float(np.std(references) * np.sqrt(1 + 1 / N_REFERENCES))


def _log_within(rows: NDArray[np.float64], k: int, seed: int, n_init: int = 1) -> float:
    from sklearn.cluster import KMeans

    if k == 1:
        within = ((rows - rows.mean(axis=0)) ** 2).sum()
    else:
        within = KMeans(k, n_init=n_init, random_state=seed).fit(rows).inertia_
    return float(np.log(max(within, np.finfo(float).tiny)))


def _gap_choice(gaps: dict[int, tuple[float, float]]) -> int | None:
    """The smallest k with Gap(k) >= Gap(k + 1) - s_(k + 1); None when there is none."""
    for k, (gap, _) in gaps.items():
        if k + 1 in gaps and gap >= gaps[k + 1][0] - gaps[k + 1][1]:
            return k
    return None


def _proposal(measures: tuple[KMeasures, ...], gap_k: int | None, n_sampled: int, n_customers: int) -> Choice:
    """The gap statistic's number where it is stable, and compact or at least as stable as the compact one; else that.

    The silhouette alone prefers few segments where groups lie in groups; two measures together may overrule it.
    """
    stable = [found for found in measures if found.stability >= STABLE_FROM]
    among = stable or [max(measures, key=lambda found: found.stability)]
    best = max(found.silhouette for found in among)
    near = [found for found in among if found.silhouette >= best - CLOSE]
    compact = max(near, key=lambda found: found.k)
    by_gap = next((found for found in among if found.k == gap_k), None)
    is_gap = by_gap is not None and (by_gap in near or by_gap.stability >= compact.stability)
    chosen = by_gap if by_gap is not None and is_gap else compact
    return Choice(
        k=chosen.k,
        reason=_reason(chosen, measures, bool(stable), gap_k),
        measures=measures,
        n_sampled=n_sampled,
        n_customers=n_customers,
        gap_k=gap_k,
    )


def _reason(chosen: KMeasures, measures: tuple[KMeasures, ...], is_stable: bool, gap_k: int | None) -> str:
    by_silhouette = max(measures, key=lambda found: found.silhouette).k
    by_calinski = max(measures, key=lambda found: found.calinski_harabasz).k
    if is_stable:
        words = (
            f"{chosen.k} segments: found again in other samples of the customers (mean adjusted Rand "
            f"{chosen.stability:.2f}, at least {STABLE_FROM:g} asked)"
        )
        if gap_k == chosen.k:
            words += f", and the number of the gap statistic, with a silhouette of {chosen.silhouette:.2f}."
        else:
            words += f", with a silhouette of {chosen.silhouette:.2f} within {CLOSE:g} of the best stable number."
    else:
        words = (
            f"{chosen.k} segments, the least unstable number: no number is found again reliably in other samples of "
            f"the customers (mean adjusted Rand {chosen.stability:.2f}, {STABLE_FROM:g} asked)."
        )
    gap = {None: "the gap statistic keeps rising", 1: "the gap statistic sees no separate groups"}.get(
        gap_k, f"the gap statistic chooses {gap_k}"
    )
    words += f" Silhouette alone would choose {by_silhouette}, Calinski-Harabasz {by_calinski}"
    words += "." if is_stable and gap_k == chosen.k else f"; {gap}."
    if chosen.silhouette < 0.25:
        words += " Customers differ by degrees here: segments divide a continuum, they are no separate islands."
    return words
