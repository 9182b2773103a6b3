"""The judge: how good the models would have been, on customers and times they had not seen.

Orders are judged past to future, tables without time in stratified folds that keep twins together. Nothing is
stored; ``churn backtest`` prints it, training keeps it with the model.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from churn_core.errors import NotEnoughData
from churn_core.features.definition import STEP_DAYS
from churn_core.jobs import Progress, no_progress, part
from churn_core.models.estimators import sigmoid
from churn_core.models.evaluation import Evaluation, evaluate
from churn_core.models.periods import Period, build_period, build_periods, sample_size, usable_cutoffs
from churn_core.models.recipe import Recipe
from churn_core.models.season import RiskRange, risk_range, season_words
from churn_core.models.walk_forward import Choice, Fitted, WalkForward, walk

if TYPE_CHECKING:
    import pandas as pd

    from churn_core.timeline import ChurnDefinition
    from churn_core.warehouse import Warehouse

N_UNSEEN = 4
"""Earlier cutoffs at which weights are learnt."""


@dataclass(frozen=True, kw_only=True)
class Backtest:
    """The candidates, judged."""

    evaluations: dict[str, Evaluation]
    """The quality of each candidate."""
    chosen: str
    """The candidate chosen without looking at the outcomes judged here."""
    cutoff: datetime | None = None
    """Where time was cut; None for a table without time."""
    training_cutoffs: tuple[datetime, ...] = ()
    """The cutoffs learnt from; their label windows end before ``cutoff``."""
    notes: tuple[str, ...] = ()
    """What should be known about the numbers, in sentences."""
    details: dict[str, Any] = field(default_factory=dict)
    """Season and weights, as JSON."""

    @property
    def evaluation(self) -> Evaluation:
        """The quality of the chosen candidate."""
        return self.evaluations[self.chosen]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON: n, churn_rate, mean_predicted, models, chosen, and what goes with them."""
        chosen = self.evaluation
        return {
            "n": chosen.n,
            "churn_rate": chosen.churn_rate,
            "mean_predicted": chosen.mean_predicted,
            "models": {name: found.metrics() for name, found in self.evaluations.items()},
            "chosen": self.chosen,
            "intervals": {name: found.intervals() for name, found in self.evaluations.items()},
            "mean_predicted_by_model": {name: found.mean_predicted for name, found in self.evaluations.items()},
            "cutoff": self.cutoff.isoformat() if self.cutoff else None,
            "training_cutoffs": [moment.isoformat() for moment in self.training_cutoffs],
            "notes": list(self.notes),
            **self.details,
        }


@dataclass(frozen=True, kw_only=True)
class Learnt:
    """What could be learnt before a cutoff, and who was there to be judged."""

    judged: Period
    """The customers eligible at the cutoff and what became of them."""
    fitted: Fitted
    choice: Choice


def backtest_orders(
    warehouse: Warehouse,
    definition: ChurnDefinition,
    cutoff: datetime,
    *,
    step_days: int = STEP_DAYS,
    recipe: Recipe | None = None,
    seed: int = 42,
    progress: Progress = no_progress,
) -> Backtest:
    """Judge at one cutoff what could have been learnt before it, on all eligible customers.

    Learns from cutoffs every ``step_days`` whose label windows end before ``cutoff``. NotEnoughData when nothing
    could be learnt by then, or only one outcome occurs.
    """
    learnt = learn_at(warehouse, definition, cutoff, step_days=step_days, recipe=recipe, seed=seed, progress=progress)
    choice, judged = learnt.choice, learnt.judged
    evaluations = {
        name: evaluate(judged.churned, sigmoid(blend.log_odds(judged.frame))) for name, blend in choice.blends.items()
    }
    progress(1.0, "judged")
    return Backtest(
        evaluations=evaluations,
        chosen=choice.chosen,
        cutoff=cutoff,
        training_cutoffs=tuple(period.cutoff for period in learnt.fitted.periods),
        notes=(season_words(choice.season[choice.chosen], choice_range(choice, judged.frame)), _choice_note(choice)),
        details=choice_details(choice, judged.frame),
    )


def learn_at(
    warehouse: Warehouse,
    definition: ChurnDefinition,
    cutoff: datetime,
    *,
    step_days: int = STEP_DAYS,
    recipe: Recipe | None = None,
    seed: int = 42,
    progress: Progress = no_progress,
) -> Learnt:
    """Everything that could have been learnt before a cutoff, beside all who were eligible there.

    NotEnoughData when nobody was eligible, or no outcome was known before the cutoff.
    """
    progress(0.0, f"features as of {cutoff:%-d %b %Y}")
    judged = build_period(warehouse, definition, cutoff)
    if not len(judged.frame):
        raise NotEnoughData(f"no customer is eligible on {cutoff:%-d %b %Y}; choose a later cutoff or a wider window.")
    cutoffs = usable_cutoffs(warehouse, definition, cutoff, step_days=step_days)
    if not cutoffs:
        raise NotEnoughData(
            f"no outcome was known before {cutoff:%-d %b %Y}; choose a later cutoff or a shorter horizon, "
            "so that at least one earlier label window ends before it."
        )
    periods = build_periods(
        warehouse, definition, cutoffs, n_most=sample_size(len(cutoffs)), progress=part(progress, 0.05, 0.4)
    )
    forward = WalkForward(
        warehouse=warehouse, definition=definition, periods=periods, seed=seed, recipe=recipe or Recipe()
    )
    seen = [entry for _, entry in walk(forward, spaced([p.cutoff for p in periods]), part(progress, 0.4, 0.8))]
    fitted = forward.fit(cutoff, part(progress, 0.8, 0.95))
    return Learnt(judged=judged, fitted=fitted, choice=forward.choose(fitted, seen))


def backtest_snapshot(
    frame: pd.DataFrame,
    *,
    label: str,
    id_column: str | None = None,
    folds: int = 5,
    recipe: Recipe | None = None,
    seed: int = 42,
    progress: Progress = no_progress,
) -> Backtest:
    """Judge on a table with one row per customer and a churn column, every row by a model that did not see it.

    ``frame`` is the table as read from a file; twins are found and kept in one fold.
    """
    from churn_core.intake.snapshot_frame import read_snapshot
    from churn_core.models.snapshot_model import fit_snapshot

    table = read_snapshot(frame, label=label, id_column=id_column)
    fitted = fit_snapshot(table, n_folds=folds, recipe=recipe, seed=seed, with_strict=True, progress=progress)
    return fitted.backtest


def spaced(cutoffs: list[datetime], n_most: int = N_UNSEEN) -> list[datetime]:
    """Up to ``n_most`` cutoffs for learning weights: every second of the later ones, oldest first."""
    return cutoffs[::-1][: 2 * n_most : 2][::-1]


def choice_range(choice: Choice, frame: pd.DataFrame | None) -> RiskRange | None:
    """Between what the mean risk of these customers lies, for not knowing the level better."""
    if frame is None or not len(frame):
        return None
    return risk_range(choice.blends[choice.chosen].log_odds(frame), choice.season[choice.chosen])


def choice_details(choice: Choice, frame: pd.DataFrame | None = None) -> dict[str, Any]:
    """Season and weights of a choice, as JSON; with the range of the mean risk of the customers of a frame."""
    found = choice_range(choice, frame)
    return {
        "season": {**choice.season[choice.chosen].to_json(), "range": asdict(found) if found else None},
        "weights": {
            name: dict(zip([m.name for m in blend.members], blend.slopes, strict=True))
            for name, blend in choice.blends.items()
        },
        "unseen_log_loss": dict(choice.unseen_loss),
    }


def _choice_note(choice: Choice) -> str:
    if not choice.unseen_loss:
        return f"Chosen: {choice.chosen}, unseen: no earlier outcome was there to compare the candidates by."
    return (
        f"Chosen: {choice.chosen}, for the least log loss at earlier cutoffs, each left out in turn; what is judged "
        "here played no part in that, so another candidate may turn out better here."
    )
