"""The rows of the accuracy table: what was judged, by whom, and how good it was, with errors.

Ours and the library defaults answer the same customers after learning from the same rows.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np

from benchmarks.library_defaults import NAMES, default_risks
from churn_core.errors import NotEnoughData
from churn_core.intake.snapshot_frame import SnapshotTable
from churn_core.models.backtest import choice_range, learn_at
from churn_core.models.estimators import logit, sigmoid
from churn_core.models.folds import stratified_folds
from churn_core.models.periods import stacked
from churn_core.models.recipe import Recipe
from churn_core.models.search import search_orders
from churn_core.models.search_run import counted
from churn_core.models.searched_table import search_rows
from churn_core.stats.clustered import auc_difference, mean_difference
from churn_core.stats.ranking import auc
from churn_core.stats.twins import find_twins
from churn_core.timeline import ChurnDefinition
from churn_core.warehouse import Warehouse

OURS, SEARCHED = "ours", "ours, searched"
SEED = 42
N_FOLDS = 5


@dataclass(frozen=True, kw_only=True)
class Line:
    """One model on one set of customers."""

    data: str
    model: str
    n: int
    auc: float
    auc_error: float
    """Standard error (DeLong)."""
    log_loss: float
    log_loss_error: float
    predicted: float
    actual: float
    seconds: float
    """Seconds on the clock for learning and answering, the search included."""


@dataclass(frozen=True, kw_only=True)
class Against:
    """Ours against the best default of the same run."""

    data: str
    model: str
    auc_best: str
    auc_gain: float
    auc_gain_error: float
    """Ours minus the best default, above 0 is better, with the standard error of the paired difference."""
    log_loss_best: str
    log_loss_gain: float
    log_loss_gain_error: float
    """The best default minus ours, above 0 is better."""

    @property
    def is_as_good(self) -> bool:
        """Whether ours is at least as good within half a standard error of the difference, on both."""
        return self.auc_gain >= -0.5 * self.auc_gain_error and self.log_loss_gain >= -0.5 * self.log_loss_gain_error


@dataclass(frozen=True, kw_only=True)
class SeasonLine:
    """The level of the risks at a cutoff without and with the season."""

    data: str
    actual: float
    left_out: float
    """Mean risk with the season left out."""
    predicted: float
    """Mean risk as it is given."""
    low: float | None
    high: float | None
    """Between what the mean risk may lie."""
    is_known: bool
    log_loss_left_out: float
    log_loss: float


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One row of the table: every model on the same customers."""

    lines: tuple[Line, ...]
    against: tuple[Against, ...]
    season: SeasonLine | None = None
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "lines": [asdict(line) for line in self.lines],
            "against": [{**asdict(entry), "is_as_good": entry.is_as_good} for entry in self.against],
            "season": asdict(self.season) if self.season else None,
            "notes": list(self.notes),
        }


def judge_cutoff(
    warehouse: Warehouse, definition: ChurnDefinition, cutoff: datetime, name: str, budget: float | None
) -> Judged:
    """Every model at one cutoff: learnt from cutoffs whose label windows had ended by then, all eligible judged."""
    started = time.monotonic()
    learnt = learn_at(warehouse, definition, cutoff, seed=SEED)
    blend = learnt.choice.blends[learnt.choice.chosen]
    churned, held = learnt.judged.churned, learnt.judged.frame
    log_odds = blend.log_odds(held)
    risks = {OURS: sigmoid(log_odds)}
    seconds = {OURS: time.monotonic() - started}
    notes = [f"{name}: {learnt.choice.chosen}."]
    if budget is not None:
        started = time.monotonic()
        recipe, came = _searched_recipe(warehouse, definition, cutoff, budget)
        again = learn_at(warehouse, definition, cutoff, recipe=recipe, seed=SEED)
        risks[SEARCHED] = sigmoid(again.choice.blends[again.choice.chosen].log_odds(held))
        seconds[SEARCHED] = time.monotonic() - started
        notes.append(f"{name}, searched: {again.choice.chosen}; {came}")
    frame, outcomes, _ = stacked(learnt.fitted.periods)
    for default in NAMES:
        started = time.monotonic()
        risks[default] = default_risks(default, frame, outcomes, held)
        seconds[default] = time.monotonic() - started
    found = choice_range(learnt.choice, held)
    left_out = log_odds - (blend.season or 0.0)
    season = SeasonLine(
        data=name,
        actual=float(churned.mean()),
        left_out=float(sigmoid(left_out).mean()),
        predicted=float(risks[OURS].mean()),
        low=found.predicted_low if found else None,
        high=found.predicted_high if found else None,
        is_known=learnt.choice.season[learnt.choice.chosen].is_known,
        log_loss_left_out=float(_losses(churned, sigmoid(left_out)).mean()),
        log_loss=float(_losses(churned, risks[OURS]).mean()),
    )
    parts = [np.arange(len(churned))]
    return _compared(name, churned, risks, parts, np.arange(len(churned)), seconds, season, notes)


def judge_table(table: SnapshotTable, name: str, budget: float | None) -> Judged:
    """Every model in stratified folds that keep twins and duplicates together; ours is nested in each fold."""
    twins = find_twins(table.frame)
    folds = stratified_folds(table.churned, twins.group, n_folds=N_FOLDS, seed=SEED)
    names = (OURS, *((SEARCHED,) if budget is not None else ()), *NAMES)
    risks = {model: np.zeros(len(folds)) for model in names}
    seconds = dict.fromkeys(names, 0.0)
    chosen: dict[str, list[str]] = {OURS: [], SEARCHED: []}
    for fold in range(N_FOLDS):
        held, learns = folds == fold, folds != fold
        frame, churned = table.frame[learns], table.churned[learns]
        for model in names:
            started = time.monotonic()
            if model in chosen:
                made = search_rows(
                    frame,
                    churned,
                    twins.group[learns],
                    budget_seconds=budget if model == SEARCHED else None,
                    seed=SEED,
                )
                risks[model][held] = sigmoid(made.blends[made.chosen].log_odds(table.frame[held]))
                tried = f" after {counted(made.found.n_tries)}" if model == SEARCHED else ""
                chosen[model].append(f"{made.chosen}{tried}")
            else:
                risks[model][held] = default_risks(model, frame, churned, table.frame[held])
            seconds[model] += (time.monotonic() - started) / N_FOLDS
    parts = [np.flatnonzero(folds == fold) for fold in range(N_FOLDS)]
    notes = [f"{name}, {model}: {', '.join(found)}." for model, found in chosen.items() if found]
    return _compared(name, table.churned, risks, parts, twins.group, seconds, None, notes)


def _searched_recipe(
    warehouse: Warehouse, definition: ChurnDefinition, cutoff: datetime, budget: float
) -> tuple[Recipe, str]:
    try:
        result = search_orders(warehouse, definition, as_of=cutoff, budget_seconds=budget, seed=SEED)
    except NotEnoughData as error:
        return Recipe(), str(error)
    return result.recipe, result.notes[0]


def _compared(
    name: str,
    churned: np.ndarray,
    risks: Mapping[str, np.ndarray],
    parts: Sequence[np.ndarray],
    cluster: np.ndarray,
    seconds: Mapping[str, float],
    season: SeasonLine | None,
    notes: Sequence[str],
) -> Judged:
    lines = {model: _line(name, model, churned, risk, parts, cluster, seconds[model]) for model, risk in risks.items()}
    best_auc = max(NAMES, key=lambda model: lines[model].auc)
    best_loss = min(NAMES, key=lambda model: lines[model].log_loss)
    against = []
    for ours in (OURS, SEARCHED):
        if ours not in risks:
            continue
        ranked = auc_difference(churned, risks[best_auc], risks[ours], cluster, parts)
        lost = mean_difference(_losses(churned, risks[ours]), _losses(churned, risks[best_loss]), cluster)
        against.append(
            Against(
                data=name,
                model=ours,
                auc_best=best_auc,
                auc_gain=ranked.value,
                auc_gain_error=ranked.error,
                log_loss_best=best_loss,
                log_loss_gain=lost.value,
                log_loss_gain_error=lost.error,
            )
        )
    return Judged(lines=tuple(lines.values()), against=tuple(against), season=season, notes=tuple(notes))


def _line(
    name: str,
    model: str,
    churned: np.ndarray,
    risk: np.ndarray,
    parts: Sequence[np.ndarray],
    cluster: np.ndarray,
    seconds: float,
) -> Line:
    losses = _losses(churned, risk)
    sizes = np.array([len(rows) for rows in parts], dtype=float)
    area = float(np.average([auc(churned[rows], risk[rows]) for rows in parts], weights=sizes))
    flat = np.full(len(risk), 0.5)
    return Line(
        data=name,
        model=model,
        n=len(churned),
        auc=area,
        auc_error=auc_difference(churned, flat, risk, cluster, parts).error,
        log_loss=float(losses.mean()),
        log_loss_error=mean_difference(np.zeros(len(losses)), losses, cluster).error,
        predicted=float(risk.mean()),
        actual=float(churned.mean()),
        seconds=seconds,
    )


def _losses(churned: np.ndarray, risk: np.ndarray) -> np.ndarray:
    log_odds = logit(risk)
    losses: np.ndarray = np.logaddexp(0.0, log_odds) - churned * log_odds
    return losses
