"""What is kept with a model version so that it can be trusted later: leak guard, overfit check, population.

Made at training from the frames that are at hand anyway, on samples, so that it costs seconds and not minutes.
``summary["guard"]`` holds ``checks`` (:mod:`guard`) and ``overfit`` (:mod:`overfit`), ``summary["population"]`` the
description of :mod:`population` with ``rows`` (whose they are, in words) and ``cutoffs`` (means of each).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from churn_core.features.build import build_features
from churn_core.intake.snapshot_frame import coerced
from churn_core.models import guard
from churn_core.models.estimators import Estimator, sigmoid
from churn_core.models.families import CONSTANTS
from churn_core.models.overfit import MOST_ROWS, OverfitRow, every, open_row, overfit_row, rows_to_json
from churn_core.models.periods import Period, stacked
from churn_core.models.population import cutoff_means, describe_population, known_names
from churn_core.models.seen import newest_seen
from churn_core.models.snapshot_model import SETTINGS, FittedSnapshot, SnapshotModel

if TYPE_CHECKING:
    import pandas as pd

    from churn_core.intake.snapshot_frame import SnapshotTable
    from churn_core.models.order_model import FittedOrders, Judged
    from churn_core.models.recipe import Recipe
    from churn_core.timeline import ChurnDefinition
    from churn_core.warehouse import Warehouse

POPULATION_ROWS = 10_000
"""Customers that are described."""


def order_health(
    warehouse: Warehouse,
    definition: ChurnDefinition,
    fitted: FittedOrders,
    *,
    end: datetime,
    recipe: Recipe,
    seed: int,
) -> dict[str, Any]:
    """``guard`` and ``population`` of a model of an order history; ``end`` is up to when it knew the orders."""
    periods = list(fitted.periods)
    learned = [period for period in periods if period.cutoff.isoformat() in set(fitted.summary["cutoffs"])]
    if not periods:
        return {"guard": {"checks": [], "overfit": []}, "population": None}
    present = build_features(warehouse, end, definition, n_most=POPULATION_ROWS)
    checks = _order_checks(warehouse, fitted, periods, end, lambda: recipe.make("logistic"), seed)
    rows = [_judged_row(entry, fitted.chosen, periods, seed) for entry in fitted.judged]
    if learned and len(present):
        known, _, _ = stacked([_thinned(period, len(learned)) for period in learned])
        rows.append(open_row("now", known, present.iloc[every(len(present))], seed=seed))
    return {
        "guard": {
            "checks": [check.to_json() for check in checks],
            "overfit": rows_to_json([row for row in rows if row]),
        },
        "population": _order_population(fitted, learned or periods, present, end) if len(present) else None,
    }


def table_health(table: SnapshotTable, fitted: FittedSnapshot, *, recipe: Recipe, seed: int) -> dict[str, Any]:
    """``guard`` and ``population`` of a model of a labelled table."""
    model = fitted.model
    some = every(len(table.churned))
    frame, churned = table.frame.iloc[some], table.churned[some]
    make: Callable[[], Estimator] = lambda: recipe.make("logistic", **SETTINGS["logistic"])  # noqa: E731
    area = fitted.backtest.evaluation.auc.value
    checks = [
        guard.no_seen_check(),
        guard.shuffled_check(make, frame, churned, seed=seed),
        guard.planted_check(frame, churned, None, seed=seed),
        guard.no_split_check(),
        guard.too_good_check(
            frame, churned, area, _importance_of(model, frame) if area >= guard.TOO_GOOD_OVERALL else []
        ),
        guard.order_check(table.churned),
    ]
    inputs = model.with_made(coerced(table.frame.iloc[every(len(table.churned), POPULATION_ROWS)], dict(model.kinds)))
    risk = sigmoid(model.log_odds(inputs))
    return {
        "guard": {
            "checks": [check.to_json() for check in checks],
            "overfit": rows_to_json(_fold_rows(table, fitted, seed)),
        },
        "population": {
            **describe_population(inputs, risk),
            "rows": f"the {len(inputs):,} customers of the table it learned from, scored out of fold",
            "cutoffs": [],
        },
    }


def _order_checks(
    warehouse: Warehouse,
    fitted: FittedOrders,
    periods: Sequence[Period],
    end: datetime,
    make: Callable[[], Estimator],
    seed: int,
) -> list[guard.GuardCheck]:
    newest = _thinned(periods[-1], 1)
    cutoffs = sorted({*(entry.cutoff for entry in fitted.judged), periods[-1].cutoff, end})
    area = (fitted.summary.get("evaluation") or {}).get("auc", {}).get("value")
    importance = fitted.summary.get("importance") or []
    return [
        guard.seen_check(newest_seen(warehouse, cutoffs, periods[-1].frame.columns)),
        guard.shuffled_check(make, newest.frame, newest.churned, seed=seed),
        guard.planted_check(newest.frame, newest.churned, newest.future_amount, seed=seed),
        _split(fitted, periods, make, seed),
        guard.too_good_check(newest.frame, newest.churned, area, importance),
    ]


def _split(
    fitted: FittedOrders, periods: Sequence[Period], make: Callable[[], Estimator], seed: int
) -> guard.GuardCheck:
    by_cutoff = {period.cutoff: period for period in periods}
    for entry in reversed(fitted.judged):
        learned = [by_cutoff[cutoff] for cutoff in entry.training_cutoffs if cutoff in by_cutoff]
        if learned:
            return guard.split_check(learned, periods, by_cutoff[entry.cutoff], make, seed=seed)
    return guard.GuardCheck(
        name="split",
        title="Would a random split have flattered?",
        done="Not where models could not be judged on a later cutoff.",
        number="–",
        status=guard.NOT_MADE,
        meaning="there is too little history to learn at one cutoff and judge at a later one.",
    )


def _judged_row(entry: Judged, chosen: str, periods: Sequence[Period], seed: int) -> OverfitRow | None:
    by_cutoff = {period.cutoff: period for period in periods}
    learned = [by_cutoff[cutoff] for cutoff in entry.training_cutoffs if cutoff in by_cutoff]
    if not learned or not entry.blends:
        return None
    blend = entry.blends[chosen if chosen in entry.blends else list(entry.blends)[-1]]
    parts = [_thinned(period, len(learned)) for period in learned]
    judged = _thinned(by_cutoff[entry.cutoff], 1)
    return overfit_row(
        f"{entry.cutoff:%Y-%m-%d}",
        [(part.frame, part.churned, blend.log_odds(part.frame)) for part in parts],
        (judged.frame, judged.churned, blend.log_odds(judged.frame)),
        seed=seed,
    )


def _fold_rows(table: SnapshotTable, fitted: FittedSnapshot, seed: int) -> list[OverfitRow]:
    model = fitted.model
    fold_of = np.array([model.fold_of[str(customer)] for customer in table.frame.index])
    rows = []
    for number, blend in enumerate(model.folds):
        sides = []
        for of_side in (np.flatnonzero(fold_of != number), np.flatnonzero(fold_of == number)):
            some = of_side[every(len(of_side))]
            frame = table.frame.iloc[some]
            sides.append((frame, table.churned[some], blend.log_odds(frame)))
        rows.append(overfit_row(f"fold {number + 1}", sides[:1], sides[1], seed=seed))
    return rows


def _order_population(
    fitted: FittedOrders, learned: Sequence[Period], present: pd.DataFrame, end: datetime
) -> dict[str, Any]:
    """The customers as they stood when the model was made, with what it says about them, and its cutoffs' means.

    Not the rows it learned from: those are older by a horizon at least, and a young shop ages meanwhile. The judgement
    at past cutoffs bears with that distance as well; what comes on top of it later is drift.
    """
    blend = fitted.model.blend
    frame = blend.with_made(present)
    parts = [_thinned(period, len(learned), POPULATION_ROWS) for period in learned]
    described = describe_population(frame, sigmoid(blend.log_odds(frame)), leave_out=CONSTANTS)
    for name, column in described["categories"].items():
        column["names"] = known_names(period.frame[name] for period in learned)
    return {
        **described,
        "rows": f"{len(frame):,} customers as they stood on {end:%-d %b %Y}, when the model was made",
        "cutoffs": [cutoff_means(part.cutoff, blend.with_made(part.frame)) for part in parts],
    }


def _importance_of(model: SnapshotModel, frame: pd.DataFrame) -> list[Mapping[str, Any]]:
    shown = coerced(frame.iloc[:1_000], dict(model.kinds))
    return list(model.contributions(shown).importance(leave_out=CONSTANTS))


def _thinned(period: Period, n_periods: int, n_most: int = MOST_ROWS) -> Period:
    """An even selection of a period's customers, so that all periods together stay within the number of rows."""
    some = every(len(period.churned), n_most // n_periods)
    return Period(
        cutoff=period.cutoff,
        frame=period.frame.iloc[some],
        churned=period.churned[some],
        future_amount=period.future_amount[some],
    )
