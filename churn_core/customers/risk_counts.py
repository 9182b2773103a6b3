"""The latest score run as counts over fine bins of risk, so that any threshold is answered without the customers.

One pass over the scores prepares them; afterwards a million customers are a thousand numbers. A threshold is
therefore a multiple of 0.1 %, and a customer belongs to it exactly as ``risk >= threshold`` says.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from churn_core.customers.judged import Judged, judged_model
from churn_core.customers.still_there import still_there
from churn_core.errors import InputError, NotEnoughData
from churn_core.models.runs import latest_run

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from churn_core.warehouse import Warehouse

N_STEPS = 1000
"""Thresholds from 0 to 1 in steps of 0.1 %."""

NOBODY = N_STEPS + 1
"""The step above every risk."""

N_HISTOGRAM_BINS = 20

_SUMS = {
    "n_customers": "count(*)",
    "churners": "sum(risk)",
    "spread": "sum(risk * (1 - risk))",
    "n_value_known": "count(expected_value)",
    "value_at_risk": "coalesce(sum(value_at_risk), 0)",
    "expected_value": "coalesce(sum(expected_value), 0)",
}


@dataclass(frozen=True, kw_only=True)
class Slice:
    """Sums over the customers from a threshold on."""

    n_customers: int
    churners: float
    """Sum of their risks: the churners to expect among them."""
    spread: float
    """Sum of risk x (1 - risk): variance of the number of churners when the risks are right."""
    n_value_known: int
    """Customers whose expected value is known."""
    value_at_risk: float
    """Sum of risk x expected value over those, in the shop's currency."""
    expected_value: float
    """Sum of expected value over those, in the shop's currency."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RiskCounts:
    """A score run, cumulated from every threshold on."""

    run_id: int
    as_of: datetime | None
    """Cutoff of the run; None for tables without time."""
    model_version: int
    sums: NDArray[np.float64]
    """One row per field of :class:`Slice`, one column per threshold step, the last being nobody; falling."""
    lowest: float
    """The lowest risk of the run."""
    highest: float
    """The highest risk of the run."""
    judged: Judged | None
    """How the model of the run did on the past; None when it was not judged."""

    @property
    def n_customers(self) -> int:
        """Customers of the run."""
        return int(self.sums[0, 0])

    @property
    def has_values(self) -> bool:
        """Whether anybody's expected value is known."""
        return bool(self.sums[3, 0] > 0)

    def at(self, step: int) -> Slice:
        """The customers with a risk of at least ``step / N_STEPS``; NOBODY gives nobody."""
        return _slice(self.sums[:, step])

    def step_for(self, n_most: int) -> int:
        """The lowest threshold step that contacts at most so many customers; NOBODY when ties are more than that."""
        return int(np.argmax(self.sums[0] <= n_most))

    def churners_at_level(self, step: int, shift: float) -> float:
        """The churners to expect from a step on, were all risks shifted by so many log-odds."""
        n, churners = -np.diff(self.sums[:2, step:], axis=1)
        held = n > 0
        risk = np.clip(churners[held] / n[held], 1e-12, 1 - 1e-12)
        return float((n[held] / (1 + np.exp(-shift) * (1 - risk) / risk)).sum())

    def histogram(self, n_bins: int = N_HISTOGRAM_BINS) -> tuple[Slice, ...]:
        """The customers by risk in bins of equal width, lowest first; the last one includes a risk of 1."""
        edges = np.linspace(0, N_STEPS, n_bins + 1).round().astype(int)
        edges[-1] = NOBODY
        return tuple(_slice(self.sums[:, low] - self.sums[:, high]) for low, high in pairwise(edges))


def _slice(sums: NDArray[np.float64]) -> Slice:
    n, churners, spread, n_known, at_risk, expected = (float(value) for value in sums)
    return Slice(
        n_customers=round(n),
        churners=churners,
        spread=max(spread, 0.0),
        n_value_known=round(n_known),
        value_at_risk=at_risk,
        expected_value=expected,
    )


def step_of(threshold: float) -> int:
    """The step of a threshold, rounded to 0.1 %; InputError outside 0 to 1.

    >>> step_of(0.62), step_of(0.0), step_of(1.0)
    (620, 0, 1000)
    """
    if not 0 <= threshold <= 1:
        raise InputError(f"the threshold is a risk of {threshold:g}; choose 0 to 1.")
    return round(threshold * N_STEPS)


def risk_counts(warehouse: Warehouse) -> RiskCounts:
    """Counts of those of the latest score run who are still there, in one pass; NotEnoughData when there are none."""
    run = latest_run(warehouse)
    if run is None:
        raise NotEnoughData("no customers were scored yet; train a model and score first.")
    columns = ", ".join(f"{sql} AS {name}" for name, sql in _SUMS.items())
    rows = warehouse.rows(
        f"SELECT CAST(floor(risk * {N_STEPS} + 1e-9) AS INTEGER) AS step, min(risk), max(risk), {columns} "
        f"FROM scores WHERE run_id = $run_id AND {still_there()} GROUP BY step",
        {"run_id": run.run_id},
    )
    if not rows:
        raise NotEnoughData(f"score run {run.run_id} holds no customer who is still there; score again.")
    table = np.zeros((len(_SUMS), NOBODY + 1))
    for step, _, _, *sums in rows:
        table[:, step] = sums
    return RiskCounts(
        run_id=run.run_id,
        as_of=run.as_of,
        model_version=run.model_version,
        sums=np.cumsum(table[:, ::-1], axis=1)[:, ::-1],
        lowest=min(row[1] for row in rows),
        highest=max(row[2] for row in rows),
        judged=judged_model(warehouse, run.model_version),
    )
