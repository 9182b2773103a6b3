"""Two versions side by side: how they were judged, and what each says about the customers of today.

Metrics of two versions may be set against each other only where both were judged on the same customers; where they
were not, that is said and no difference is given. The present customers are scored by both in memory, and nothing is
stored.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from churn_core.errors import ChurnError, InputError
from churn_core.models.evaluation import HIGHER_IS_BETTER, METRICS, Metric
from churn_core.models.present import definition_words, present_inputs, risks_of
from churn_core.models.registry import ModelVersion, model_version
from churn_core.stats.proportions import Z_95

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from churn_core.warehouse import Warehouse

TIERS = ("high", "medium", "low")
MOST_CUSTOMERS = 50_000
"""Customers scored by both versions at most; beyond, the same sample of them for both."""


@dataclass(frozen=True, kw_only=True)
class MetricPair:
    """One measure of both versions."""

    name: str
    a: Metric | None
    b: Metric | None
    """The measure with its 95 % interval; None where the version was not judged."""
    difference: Metric | None
    """b minus a with its 95 % interval; None where they were not judged on the same customers."""

    @property
    def is_clear(self) -> bool | None:
        """Whether the interval of the difference leaves out zero; None without a difference."""
        return None if self.difference is None else self.difference.low > 0 or self.difference.high < 0

    @property
    def b_is_better(self) -> bool | None:
        """Whether the second version is clearly better (True) or clearly worse (False); None when neither."""
        if self.difference is None or not self.is_clear:
            return None
        return (self.difference.value > 0) == HIGHER_IS_BETTER[self.name]


@dataclass(frozen=True, kw_only=True)
class Present:
    """What both versions say about the same customers as they are now."""

    customer_ids: NDArray[np.object_]
    """Customers that both can score, the largest change of risk first."""
    risk_a: NDArray[np.float64]
    risk_b: NDArray[np.float64]
    """Their risks, in the same order."""
    is_sample: bool
    """Whether it is a sample of the customers, the same one for both versions."""
    rank_correlation: float | None
    """Spearman's rank correlation of the risks; None where one version gives everybody the same risk."""
    tiers: tuple[tuple[int, ...], ...]
    """Customers by tier under the first version (rows) and the second (columns), each from high to low."""

    @property
    def n(self) -> int:
        """Customers compared."""
        return len(self.customer_ids)

    @property
    def n_changed(self) -> int:
        """Customers whose tier differs."""
        return self.n - sum(self.tiers[position][position] for position in range(len(TIERS)))

    def changes(self, offset: int, limit: int) -> list[dict[str, Any]]:
        """One page of customers, the largest change of risk first: customer_id, risk_a, risk_b, change."""
        page = slice(offset, offset + limit)
        return [
            {"customer_id": str(customer), "risk_a": float(a), "risk_b": float(b), "change": float(b - a)}
            for customer, a, b in zip(self.customer_ids[page], self.risk_a[page], self.risk_b[page], strict=True)
        ]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two versions against each other."""

    a: ModelVersion
    b: ModelVersion
    metrics: tuple[MetricPair, ...]
    not_comparable: str
    """Why their metrics cannot be set against each other, in one sentence; empty when they can."""
    present: Present | None
    not_present: str
    """Why the present customers cannot be scored by both, in one sentence; empty when they can."""


def compare_versions(
    warehouse: Warehouse,
    a: int,
    b: int,
    *,
    high_from: float,
    medium_from: float,
    n_most: int = MOST_CUSTOMERS,
) -> Comparison:
    """Set version ``b`` against version ``a``; tiers by these thresholds. NotFound for a version that is not there."""
    if a == b:
        raise InputError(f"model {a} was given twice; choose two versions to compare.")
    first, second = model_version(warehouse, a), model_version(warehouse, b)
    why_not = why_not_comparable(first, second)
    present, not_present = None, ""
    try:
        present = _present(warehouse, first, second, (high_from, medium_from), n_most)
    except ChurnError as error:
        not_present = f"the customers of today cannot be scored by both: {error}"
    return Comparison(
        a=first,
        b=second,
        metrics=_metrics(first, second, is_same=not why_not),
        not_comparable=why_not,
        present=present,
        not_present=not_present,
    )


def rank_correlation(first: NDArray[np.float64], second: NDArray[np.float64]) -> float | None:
    """Spearman's rank correlation, ties sharing their mean rank (Spearman, 1904); None when one side is constant.

    >>> rank_correlation(np.array([0.1, 0.2, 0.9]), np.array([0.3, 0.5, 0.6]))
    1.0
    """
    if len(first) < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return None
    return float(min(1.0, max(-1.0, np.corrcoef(_ranks(first), _ranks(second))[0, 1])))


def judged_measures(version: ModelVersion) -> dict[str, Metric]:
    """The measures of the estimator a version uses, with intervals; empty where it was not judged."""
    backtest = version.summary.get("backtest") or {}
    stored = (backtest.get("intervals") or {}).get(backtest.get("chosen"), {})
    return {
        name: Metric(**{key: stored[name][key] for key in ("value", "low", "high")})
        for name in METRICS
        if name in stored
    }


def why_not_comparable(a: ModelVersion, b: ModelVersion) -> str:
    """Why two versions were not judged on the same customers; empty when they were."""
    names = f"models {a.model_version} and {b.model_version}"
    unjudged = [version for version in (a, b) if not judged_measures(version)]
    if unjudged:
        number = unjudged[0].model_version
        return f"model {number} was not judged on a past it had not seen; there is nothing to compare."
    if a.source != b.source:
        return (
            f"{names} answer different questions: one learned from orders, the other from a table with its own label."
        )
    if not _is_same_question(a, b):
        return (
            f"{names} learned different definitions of churn: {definition_words(a.learned)} and "
            f"{definition_words(b.learned)}; their measures cannot be set against each other."
        )
    if "imported" in a.summary or "imported" in b.summary:
        return f"{names} were judged in different workspaces; their measures cannot be set against each other."
    if a.data_version != b.data_version:
        return (
            f"{names} were judged on different data (data versions {a.data_version} and {b.data_version}); their "
            "measures cannot be set against each other."
        )
    if _judged_at(a) != _judged_at(b):
        return (
            f"model {a.model_version} was judged at {_cutoff_words(_judged_at(a))} and model {b.model_version} at "
            f"{_cutoff_words(_judged_at(b))}; their measures cannot be set against each other, because they are of "
            "other customers and seasons."
        )
    if _judged_on(a) != _judged_on(b):
        return f"{names} were judged on different customers; their measures cannot be set against each other."
    return ""


def _is_same_question(a: ModelVersion, b: ModelVersion) -> bool:
    """Whether both learned the same label: of one table, or of the same definition."""
    return a.source == b.source and (a.source == "snapshots" or (b.learned is not None and a.answers(b.learned)))


def _judged_at(version: ModelVersion) -> tuple[str, ...]:
    """The cutoffs a version was judged at, as ISO dates; none for a table without time."""
    return tuple(str(period["cutoff"])[:10] for period in version.summary.get("periods") or ())


def _cutoff_words(cutoffs: tuple[str, ...]) -> str:
    """Cutoffs in words, as one day or from the first to the last.

    >>> _cutoff_words(("2026-05-05",)), _cutoff_words(("2026-05-05", "2026-06-04"))
    ('the cutoff of 2026-05-05', '2 cutoffs from 2026-05-05 to 2026-06-04')
    """
    if not cutoffs:
        return "no cutoff"
    if len(cutoffs) == 1:
        return f"the cutoff of {cutoffs[0]}"
    return f"{len(cutoffs)} cutoffs from {min(cutoffs)} to {max(cutoffs)}"


def _judged_on(version: ModelVersion) -> tuple[Any, ...]:
    """On whom a version was judged: how many, and how many of them churned."""
    backtest = version.summary.get("backtest") or {}
    return backtest.get("n"), backtest.get("churn_rate")


def _metrics(a: ModelVersion, b: ModelVersion, *, is_same: bool) -> tuple[MetricPair, ...]:
    first, second = judged_measures(a), judged_measures(b)
    return tuple(
        MetricPair(
            name=name,
            a=first.get(name),
            b=second.get(name),
            difference=_difference(first[name], second[name]) if is_same else None,
        )
        for name in METRICS
        if name in first or name in second
    )


def _difference(a: Metric, b: Metric) -> Metric:
    """b minus a; errors added as if the two were judged on different customers, which is cautious for the same ones."""
    value = b.value - a.value
    error = math.hypot(a.high - a.low, b.high - b.low) / (2 * Z_95)
    return Metric(value=value, low=value - Z_95 * error, high=value + Z_95 * error)


def _present(
    warehouse: Warehouse, a: ModelVersion, b: ModelVersion, thresholds: tuple[float, float], n_most: int
) -> Present:
    inputs = present_inputs(warehouse, a, n_most=n_most)
    first = risks_of(warehouse, a, inputs)
    if a.source == "snapshots" or not _is_same_question(a, b):
        inputs = present_inputs(warehouse, b, n_most=n_most)
    second = risks_of(warehouse, b, inputs)
    shared = first.index.intersection(second.index)
    if not len(shared):
        raise InputError("they have no customer in common.")
    risk_a, risk_b = _values(first, shared), _values(second, shared)
    order = np.lexsort((np.asarray(shared, dtype=str), -np.abs(risk_b - risk_a)))
    tier_a, tier_b = _tiers(risk_a, thresholds), _tiers(risk_b, thresholds)
    matrix = np.zeros((len(TIERS), len(TIERS)), dtype=int)
    np.add.at(matrix, (tier_a, tier_b), 1)
    return Present(
        customer_ids=np.asarray(shared, dtype=object)[order],
        risk_a=risk_a[order],
        risk_b=risk_b[order],
        is_sample=max(len(first), len(second)) >= n_most,
        rank_correlation=rank_correlation(risk_a, risk_b),
        tiers=tuple(tuple(int(n) for n in row) for row in matrix),
    )


def _values(risks: pd.Series, shared: pd.Index) -> NDArray[np.float64]:
    return np.asarray(risks.loc[shared], dtype=float)


def _tiers(risk: NDArray[np.float64], thresholds: tuple[float, float]) -> NDArray[np.int64]:
    """Position of each risk's tier in TIERS."""
    high_from, medium_from = thresholds
    return np.where(risk >= high_from, 0, np.where(risk >= medium_from, 1, 2))


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks from 1; ties share their mean rank."""
    _, code, n = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(n)
    mean_rank: NDArray[np.float64] = ends - (n - 1) / 2
    return mean_rank[code]
