"""Whether today's customers are still those a model learned from: each input and the risk, then and now.

"Then" is the description kept with the model version (:mod:`population`), "now" a score run: its stored values, from an
even sample of 20,000 customers where there are more. Large and small runs are therefore called alike.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import md5
from typing import TYPE_CHECKING, Any

import numpy as np

from churn_core.errors import InputError, NotFound
from churn_core.models.decay import Decay, decay_of_runs
from churn_core.models.drift_advice import Advice, advice_on, stopped_tables
from churn_core.models.drift_sizes import (
    ORDER,
    STABLE,
    TOO_FEW,
    Shift,
    category_shift,
    number_shift,
    overall,
)
from churn_core.models.families import CONSTANTS
from churn_core.models.population import single
from churn_core.models.registry import ModelVersion, model_version
from churn_core.models.runs import ScoreRun, score_runs
from churn_core.stats.columns import is_number, numbers

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from churn_core.warehouse import Warehouse

MOST_CUSTOMERS = 20_000
"""Customers of a run that are looked at; the same ones for every run, by the digest of their id."""
RISK = "risk"


@dataclass(frozen=True, kw_only=True)
class DriftReport:
    """A score run against the training of a model version."""

    run_id: int
    model_version: int
    as_of: datetime | None
    """Cutoff of the run."""
    n_customers: int
    """Customers scored."""
    n_looked_at: int
    """Of these, looked at."""
    population: str
    """Whom they are compared with, in words."""
    verdict: str
    """stable, shifted, strongly shifted or too few to say."""
    reason: str
    """Why, in a sentence."""
    risk: Shift
    inputs: tuple[Shift, ...]
    """Every input, the largest shift first."""
    advice: tuple[Advice, ...]
    """What to do about it, the most urgent first; empty when there is nothing to do."""
    decay: tuple[Decay, ...]
    """Earlier runs whose outcome is known by now, oldest first."""
    decay_note: str
    """What the runs say together, or why there is none to judge yet."""

    def to_dict(self) -> dict[str, Any]:
        """The report as plain JSON."""
        found = asdict(self)
        found["as_of"] = self.as_of.isoformat() if self.as_of else None
        found["decay"] = [entry.to_dict() for entry in self.decay]
        return found


def drift(
    warehouse: Warehouse, *, run_id: int | None = None, model_version: int | None = None, with_decay: bool = True
) -> DriftReport:
    """Compare a score run (default: the newest) with the training of a version (default: the one that scored it).

    ``with_decay`` also judges the earlier runs whose outcome is known by now.

    NotFound without a run; InputError when the version was trained before populations were kept, or learned from
    another kind of data than the run scored.
    """
    run = _asked_run(warehouse, run_id)
    version = _asked_version(warehouse, run, model_version)
    values = run_values(warehouse, run)
    risk, inputs = _shifts(version, run.feature_names, values, run.summary.get("categories") or {})
    found = overall(risk, inputs)
    stopped = stopped_tables(warehouse, run.as_of, run.feature_names) if run.as_of else ()
    decay, decay_note = decay_of_runs(warehouse, run.source) if with_decay else ((), "")
    return DriftReport(
        run_id=run.run_id,
        model_version=version.model_version,
        as_of=run.as_of,
        n_customers=run.n_customers,
        n_looked_at=len(values),
        population=version.summary["population"]["rows"],
        verdict=found,
        reason=_reason(found, risk, inputs),
        risk=risk,
        inputs=tuple(inputs),
        advice=advice_on(found, inputs, stopped, version.summary["population"], run),
        decay=decay,
        decay_note=decay_note,
    )


def drift_at_scoring(
    version: ModelVersion,
    frame: pd.DataFrame,
    risk: NDArray[np.float64],
    categories: Mapping[str, Any],
) -> dict[str, Any] | None:
    """Verdict and reason for customers just scored, to be kept with the run; None where nobody kept "then".

    The same customers, sizes and verdict as :func:`drift` finds later in the stored run.
    """
    if not is_kept(version):
        return None
    rows = _looked_at(frame.index)
    some = frame.iloc[rows]
    values = {str(name): single(some[name]) for name in some.columns if is_number(some[name])}
    found_risk, inputs = _shifts(version, tuple(values), {**values, RISK: risk[rows]}, categories)
    found = overall(found_risk, inputs)
    return {"verdict": found, "reason": _reason(found, found_risk, inputs)}


def newest_verdict(warehouse: Warehouse) -> tuple[str, str] | None:
    """Verdict and reason kept with the newest run; None before the first, or where that could not be told."""
    runs = score_runs(warehouse, limit=1)
    kept = runs[0].summary.get("drift") if runs else None
    return (str(kept["verdict"]), str(kept["reason"])) if kept else None


def run_values(warehouse: Warehouse, run: ScoreRun) -> pd.DataFrame:
    """Risk and stored numbers of the customers of a run who are looked at; categories are empty."""
    columns = ", ".join(f'c.feature_values[{number}] AS "{number}"' for number in range(1, len(run.feature_names) + 1))
    frame = warehouse.frame(
        "WITH chosen AS (SELECT customer_id, risk FROM scores WHERE run_id = $run "
        "ORDER BY md5(customer_id), customer_id LIMIT $n_most) "
        f"SELECT chosen.risk AS risk, {columns} FROM contributions c JOIN chosen ON chosen.customer_id = c.customer_id "
        "WHERE c.run_id = $run ORDER BY chosen.customer_id",
        {"run": run.run_id, "n_most": MOST_CUSTOMERS},
    )
    return frame.rename(columns={str(number): name for number, name in enumerate(run.feature_names, start=1)})


def is_kept(version: ModelVersion) -> bool:
    """Whether the version has a description of whom it learned from."""
    return bool(version.summary.get("population"))


def _asked_run(warehouse: Warehouse, run_id: int | None) -> ScoreRun:
    runs = score_runs(warehouse)
    if not runs:
        raise NotFound("no customer was scored yet; score them first, then there is something to compare.")
    found = next((run for run in runs if run_id in (None, run.run_id)), None)
    if found is None:
        raise NotFound(f"there is no score run {run_id} in this workspace; the newest is {runs[0].run_id}.")
    return found


def _asked_version(warehouse: Warehouse, run: ScoreRun, number: int | None) -> ModelVersion:
    version = model_version(warehouse, run.model_version if number is None else number)
    if version.source != run.source:
        raise InputError(
            f"run {run.run_id} scored {run.source} and model {version.model_version} learned from {version.source}; "
            "choose a model that learned from the same."
        )
    if not is_kept(version):
        raise InputError(
            f"model {version.model_version} was trained before this check existed, so nobody kept whom it learned "
            "from; train again."
        )
    return version


def _as_percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _shifts(
    version: ModelVersion, names: Collection[str], values: Mapping[str, Any] | pd.DataFrame, kept: Mapping[str, Any]
) -> tuple[Shift, list[Shift]]:
    """The risk and every input that is there now, the largest shift first; of equal ones, what the model rests on."""
    population, weights = version.summary["population"], _weights(version)
    inputs = [
        number_shift(name, described, _numbers(values[name]), weight=weights.get(name, 0.0))
        for name, described in population["numbers"].items()
        if name in names
    ]
    inputs += [
        category_shift(name, described, kept.get(name), weight=weights.get(name, 0.0))
        for name, described in population["categories"].items()
    ]
    inputs.sort(key=_most_urgent_first)
    risk = number_shift(RISK, population["risk"], _numbers(values[RISK]), weight=1.0, write=_as_percent)
    return risk, inputs


def _most_urgent_first(shift: Shift) -> tuple[float, float, float, str]:
    return (-ORDER.index(shift.verdict), -round(shift.psi or 0.0, 2), -shift.weight, shift.name)


def _looked_at(customers: pd.Index) -> NDArray[np.int64]:
    """Positions of the customers that are looked at: those with the smallest digests, as the database orders them."""
    if len(customers) <= MOST_CUSTOMERS:
        return np.arange(len(customers))
    digests = np.array([md5(str(customer).encode(), usedforsecurity=False).digest() for customer in customers])
    return np.sort(np.argsort(digests, kind="stable")[:MOST_CUSTOMERS])


def _numbers(values: Any) -> NDArray[np.float64]:
    return np.asarray(values, dtype=float) if isinstance(values, np.ndarray) else numbers(values)


def _weights(version: ModelVersion) -> dict[str, float]:
    """Share of all movement of the risk that each input makes up in training."""
    sizes = {
        str(entry["name"]): float(entry["mean_absolute"])
        for entry in version.summary.get("importance") or ()
        if entry["name"] not in CONSTANTS
    }
    total = sum(sizes.values())
    return {name: size / total for name, size in sizes.items()} if total else {}


def _reason(found: str, risk: Shift, inputs: list[Shift]) -> str:
    if found == TOO_FEW:
        return (
            f"{min(risk.n_then, risk.n_now):,} customers are too few to tell drift from chance, which moves small "
            "groups by itself."
        )
    moved = [shift for shift in inputs if shift.verdict not in (STABLE, TOO_FEW)]
    share = sum(shift.weight for shift in moved)
    if not moved:
        words = f"none of the {len(inputs)} inputs moved by more than chance and everyday change explain"
    else:
        words = f"{len(moved)} of {len(inputs)} inputs moved, on which {100 * share:.0f} % of the model rests"
    return f"the risks are {risk.verdict} (PSI {risk.psi:.2f}), and {words}."
