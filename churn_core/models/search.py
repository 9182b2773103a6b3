"""The search as the product offers it: look for settings within a budget, then train with what was found.

For an order history the search ends where the judgement begins: settings are compared at cutoffs whose outcome was
known at the first cutoff that the model is judged at. For a labelled table it is nested in the folds. Stopping the
search keeps the best so far, and training goes on with it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from churn_core.errors import JobCancelled, NotEnoughData
from churn_core.features.definition import active_definition, known_until, readiness
from churn_core.intake.snapshot_frame import SnapshotTable, workspace_snapshot
from churn_core.jobs import Progress, no_progress, part
from churn_core.models.backtest import spaced
from churn_core.models.order_model import N_JUDGED
from churn_core.models.periods import TRAINING_PERIODS, TRAINING_ROWS, build_periods, sample_size, usable_cutoffs
from churn_core.models.recipe import ORDER_LEARNERS, Recipe
from churn_core.models.search_judge import LaterCutoffs
from churn_core.models.search_run import Found, counted, search
from churn_core.models.searched_table import SearchedTable, fit_searched
from churn_core.models.snapshot_model import FittedSnapshot
from churn_core.models.training import ModelVersion, default_source, definition_in_force, train_model
from churn_core.models.trials import store_trial
from churn_core.models.walk_forward import WalkForward

if TYPE_CHECKING:
    from churn_core.timeline import ChurnDefinition
    from churn_core.warehouse import Warehouse

LEAST_CUTOFFS = 2
"""Later cutoffs that settings must be compared at, before they are called better."""
SHARE_OF_SEARCH = 0.7
"""Part of the progress that the search takes."""


@dataclass(frozen=True, kw_only=True)
class SearchResult:
    """What was searched and found."""

    source: str
    """orders or snapshots."""
    recipe: Recipe
    """What to train with; for a labelled table the one asked for, since every fold has found its own."""
    found: tuple[Found, ...]
    """One for an order history, one per fold for a labelled table; empty where there was nothing to search on."""
    notes: tuple[str, ...]
    """What should be known about it, in sentences."""
    cutoffs: tuple[datetime, ...] = ()
    """The cutoffs that settings were compared at."""
    was_stopped: bool = False
    """Whether a person stopped it before the budget was used up."""
    fitted: FittedSnapshot | None = None
    """The model of a labelled table, which was fitted on the way."""

    def to_json(self) -> dict[str, Any]:
        """The record that a model version and a trial keep."""
        tries = [entry.to_json() for entry in self.found]
        return {
            "source": self.source,
            "n_tries": sum(entry.n_tries for entry in self.found),
            "seconds": round(sum(entry.seconds for entry in self.found), 1),
            "budget_seconds": _total([entry.budget_seconds for entry in self.found]),
            "was_stopped": self.was_stopped,
            "best": tries[0]["best"] if len(tries) == 1 else {},
            "curve": tries[0]["curve"] if len(tries) == 1 else [],
            "folds": tries if len(tries) > 1 else [],
            "cutoffs": [moment.isoformat() for moment in self.cutoffs],
            "recipe": self.recipe.to_json(),
            "notes": list(self.notes),
        }


def train_searched(
    warehouse: Warehouse,
    *,
    budget_seconds: float | None,
    n_trials: int | None = None,
    seed: int = 42,
    source: str | None = None,
    recipe: Recipe | None = None,
    progress: Progress = no_progress,
) -> ModelVersion:
    """Search for better settings within a budget, then train with them and keep the result as the new champion.

    ``n_trials`` ends the search after so many tries (per fold for a labelled table) and makes it reproducible. When
    ``progress`` raises JobCancelled during the search, the best so far is used, the usual settings where nothing was
    tried to its end. NotEnoughData as in training.
    """
    asked = source or default_source(warehouse)
    data_version = warehouse.data_version
    seen = part(progress, 0.0, SHARE_OF_SEARCH)
    if asked == "snapshots":
        result = search_table(
            workspace_snapshot(warehouse),
            budget_seconds=budget_seconds,
            n_trials=n_trials,
            recipe=recipe,
            seed=seed,
            progress=seen,
        )
    else:
        result = _search_before_judging(
            warehouse, recipe or Recipe(), seed, seen, budget_seconds=budget_seconds, n_trials=n_trials
        )
    definition = active_definition(warehouse)
    record = result.to_json()
    store_trial(
        warehouse,
        kind="search",
        source=asked,
        data_version=data_version,
        definition_version=definition.version if definition else 0,
        result=record,
    )
    return train_model(
        warehouse,
        seed=seed,
        source=asked,
        recipe=result.recipe,
        searched=record,
        fitted=result.fitted,
        progress=_to_the_end(part(progress, SHARE_OF_SEARCH, 1.0)),
    )


def search_orders(
    warehouse: Warehouse,
    definition: ChurnDefinition | None = None,
    *,
    as_of: datetime | None = None,
    budget_seconds: float | None = None,
    n_trials: int | None = None,
    recipe: Recipe | None = None,
    seed: int = 42,
    progress: Progress = no_progress,
) -> SearchResult:
    """Compare settings at past cutoffs whose outcome was known at ``as_of`` (default: now), never on random rows.

    NotEnoughData when fewer than two cutoffs have earlier ones to learn from.
    """
    started = time.monotonic()
    asked = recipe or Recipe()
    defined = definition or definition_in_force(warehouse)
    end = as_of or known_until(warehouse)
    if end is None:
        raise NotEnoughData("there are no orders yet; import an order history first.")
    cutoffs = usable_cutoffs(warehouse, defined, end, n_most=TRAINING_PERIODS)
    periods = build_periods(
        warehouse,
        defined,
        cutoffs,
        n_most=sample_size(len(cutoffs), TRAINING_ROWS),
        progress=part(progress, 0.0, 0.15),
    )
    forward = WalkForward(warehouse=warehouse, definition=defined, periods=periods, seed=seed, recipe=asked)
    judge = LaterCutoffs(forward, spaced([period.cutoff for period in periods]))
    if len(judge.cutoffs) < LEAST_CUTOFFS:
        raise NotEnoughData(
            f"{len(judge.cutoffs)} past days have earlier ones to learn from, but settings are compared at "
            f"{LEAST_CUTOFFS} at least; train without a search, or import a longer history."
        )
    names = asked.learners(ORDER_LEARNERS)
    spent = time.monotonic() - started
    found = search(
        judge,
        names,
        source="orders",
        recipe=asked,
        usual={},
        budget_seconds=None if budget_seconds is None else max(budget_seconds - spent, 0.01),
        n_tries=n_trials,
        seed=seed,
        progress=part(progress, 0.15, 1.0),
    )
    return SearchResult(
        source="orders",
        recipe=found.recipe(asked, names),
        found=(found,),
        notes=(_what_came_of_it((found,), was_stopped=found.was_stopped), _where(judge.cutoffs)),
        cutoffs=tuple(judge.cutoffs),
        was_stopped=found.was_stopped,
    )


def search_table(
    table: SnapshotTable,
    *,
    budget_seconds: float | None = None,
    n_trials: int | None = None,
    recipe: Recipe | None = None,
    seed: int = 42,
    progress: Progress = no_progress,
) -> SearchResult:
    """Search, fit and judge a labelled table; the search of each fold sees only the rows that the fold learns from."""
    made: SearchedTable = fit_searched(
        table, recipe=recipe, budget_seconds=budget_seconds, n_tries=n_trials, seed=seed, progress=progress
    )
    return SearchResult(
        source="snapshots",
        recipe=recipe or Recipe(),
        found=made.found,
        notes=(_what_came_of_it(made.found, was_stopped=made.was_stopped),),
        was_stopped=made.was_stopped,
        fitted=made.fitted,
    )


def _search_before_judging(
    warehouse: Warehouse,
    recipe: Recipe,
    seed: int,
    progress: Progress,
    *,
    budget_seconds: float | None,
    n_trials: int | None,
) -> SearchResult:
    """Search on what was known at the first cutoff that training judges at; on everything where that is too little."""
    nothing = SearchResult(source="orders", recipe=recipe, found=(), notes=())
    definition = definition_in_force(warehouse)
    end = known_until(warehouse)
    if end is None or readiness(warehouse, definition).method != "full":
        return _noted(nothing, "No settings were searched: the method that the data allows has none.")
    judged = spaced(usable_cutoffs(warehouse, definition, end, n_most=TRAINING_PERIODS), N_JUDGED)
    try:
        for as_of in (judged[0], end) if judged else (end,):
            with suppress(NotEnoughData):
                result = search_orders(
                    warehouse,
                    definition,
                    as_of=as_of,
                    budget_seconds=budget_seconds,
                    n_trials=n_trials,
                    recipe=recipe,
                    seed=seed,
                    progress=progress,
                )
                return _noted(result, _honesty(is_honest=as_of != end))
    except JobCancelled:
        stopped = replace(nothing, was_stopped=True)
        return _noted(stopped, "The search was stopped before anything was tried; the usual settings are used.")
    return _noted(nothing, "No settings were searched: too few past days have earlier ones to learn from.")


def _honesty(*, is_honest: bool) -> str:
    if is_honest:
        return "The search saw nothing of the outcomes that the model is judged by."
    return (
        "The history is too short to keep the search apart from the judgement: settings were compared at cutoffs that "
        "the model is also judged at, so its numbers are a little flattered."
    )


def _noted(result: SearchResult, note: str) -> SearchResult:
    return replace(result, notes=(*result.notes, note))


def _what_came_of_it(found: Sequence[Found], *, was_stopped: bool) -> str:
    n_tries = sum(entry.n_tries for entry in found)
    changed = sorted({name for entry in found for name, tried in entry.best.items() if tried.settings})
    ended = "stopped by hand" if was_stopped else "ended as planned"
    came = f"better settings for {', '.join(changed)}" if changed else "nothing clearly better than the usual settings"
    return f"Search of settings, {ended} after {counted(n_tries)}: it found {came}."


def _where(cutoffs: Sequence[datetime]) -> str:
    days = ", ".join(f"{cutoff:%-d %b %Y}" for cutoff in cutoffs)
    return f"Settings were compared at {len(cutoffs)} later days ({days}), each learnt from what was known there."


def _to_the_end(progress: Progress) -> Progress:
    """Progress that no longer stops the work: whoever stopped the search wants the best that it found."""

    def report(share: float, message: str) -> None:
        with suppress(JobCancelled):
            progress(share, message)

    return report


def _total(seconds: Sequence[float | None]) -> float | None:
    known = [value for value in seconds if value is not None]
    return round(sum(known), 1) if known else None
