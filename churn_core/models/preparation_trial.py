"""What each choice of preparation does to the backtest: one option at a time, everything else as usual.

Every option is judged on the same rows by models that could not have learnt from them, so options are compared row by
row. Slope and level of the answers are learnt for every option alike, as calibration does in training; what an option
does to the level by itself is shown beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from churn_core.errors import ChurnError, NotEnoughData, unknown_name
from churn_core.features.definition import active_definition, known_until, readiness
from churn_core.intake.snapshot_frame import workspace_snapshot
from churn_core.jobs import Progress, no_progress, part
from churn_core.models.backtest import spaced
from churn_core.models.calibration import fit_votes, fit_weights
from churn_core.models.estimators import Estimator, sigmoid
from churn_core.models.order_model import N_JUDGED
from churn_core.models.periods import TRAINING_PERIODS, build_periods, usable_cutoffs
from churn_core.models.preparation_plan import CHOICES, PreparationPlan
from churn_core.models.prepared import Prepared
from churn_core.models.recipe import Recipe
from churn_core.models.search_judge import HeldOutFolds, LaterCutoffs
from churn_core.models.snapshot_model import SETTINGS
from churn_core.models.training import default_source, definition_in_force
from churn_core.models.trials import store_trial
from churn_core.models.walk_forward import WalkForward
from churn_core.stats.clustered import Difference, auc_difference, mean_difference
from churn_core.stats.ranking import auc
from churn_core.stats.twins import find_twins

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from churn_core.warehouse import Warehouse

MOST_ROWS = 15_000
"""Rows a trial learns from, over all cutoffs."""
LEAST_ROWS_OF_CUTOFF = 1_000
USUAL_LEARNERS = ("logistic", "lightgbm")
OWN = "own"
"""What a whole plan of the user is called among the choices."""
SAME = 1e-9
"""Mean absolute change of the log-odds below which an option did nothing."""
TINY = 0.0005
"""Change of the log loss that nobody would notice; an interval within it is called negligible."""
BETTER, WORSE, UNCLEAR, TRIFLE, NOTHING = "better", "worse", "no clear difference", "negligible", "no change"


@dataclass(frozen=True, kw_only=True)
class Change:
    """What an option changed, with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What an option did to one learner, or to all with equal shares."""

    log_loss: Change
    """Change of the mean log loss; below 0 is better."""
    auc: Change
    """Change of the AUC within cutoffs; above 0 is better."""
    verdict: str
    """By the log loss: better, worse, no clear difference, negligible, or no change at all."""
    mean_predicted: float
    """Mean risk as learnt, before calibration."""


@dataclass(frozen=True, kw_only=True)
class OptionResult:
    """One option of one choice against the usual."""

    choice: str
    """A choice of the plan, or own for a whole plan."""
    option: str
    together: Effect | None
    """All learners with equal shares; None where the option could not be carried out."""
    by_learner: Mapping[str, Effect]
    notes: tuple[str, ...]
    """What the steps found in the last training rows, or why the option could not be carried out."""


@dataclass(frozen=True, kw_only=True)
class PreparationTrial:
    """All options against the usual preparation."""

    source: str
    learners: tuple[str, ...]
    n_rows: int
    """Rows judged."""
    n_customers: int
    n_parts: int
    """Cutoffs, or folds."""
    churn_rate: float
    log_loss: float
    """Of the usual preparation, all learners with equal shares, calibrated as the options are."""
    auc: float
    mean_predicted: float
    """Of the usual preparation, as learnt, before calibration."""
    options: tuple[OptionResult, ...]
    trial_id: int = 0

    def to_json(self) -> dict[str, Any]:
        """The trial as plain JSON."""
        made = asdict(self)
        made.pop("trial_id")
        return made

    @classmethod
    def from_json(cls, stored: Mapping[str, Any], *, trial_id: int = 0) -> PreparationTrial:
        """The trial that :meth:`to_json` described."""
        options = tuple(
            OptionResult(
                choice=entry["choice"],
                option=entry["option"],
                together=_effect(entry["together"]) if entry["together"] else None,
                by_learner={name: _effect(found) for name, found in entry["by_learner"].items()},
                notes=tuple(entry["notes"]),
            )
            for entry in stored["options"]
        )
        return cls(**{**stored, "learners": tuple(stored["learners"]), "options": options, "trial_id": trial_id})


@dataclass(frozen=True, kw_only=True)
class _Inputs:
    """Rows to judge on and where they come from."""

    judge: LaterCutoffs | HeldOutFolds
    cluster: NDArray[Any]
    """Customer (or group of twins) of each row."""
    settings: Mapping[str, Mapping[str, Any]]
    """Settings that estimators have for this source."""
    definition_version: int


@dataclass(frozen=True, kw_only=True)
class _Answers:
    """What one plan says about all judged rows."""

    raw: NDArray[np.float64]
    """Log-odds as learnt: a row per judged row, a column per learner."""
    notes: tuple[str, ...]


def try_preparations(
    warehouse: Warehouse,
    *,
    source: str | None = None,
    choices: Mapping[str, Sequence[str]] | None = None,
    learners: Sequence[str] = USUAL_LEARNERS,
    plan: PreparationPlan | None = None,
    seed: int = 42,
    progress: Progress = no_progress,
) -> PreparationTrial:
    """Judge each option one at a time and, where given, a whole ``plan``; keep the result as a trial.

    ``choices`` names the options to try per choice (default: all). Writes once, at the end. NotEnoughData where the
    data does not allow learners to be judged; NotFound for an unknown choice.
    """
    data_version = warehouse.data_version
    plans = _plans(choices, plan)
    asked = source or default_source(warehouse)
    progress(0.0, "rows to judge on")
    inputs = _of_table(warehouse, seed) if asked == "snapshots" else _of_orders(warehouse, seed, part(progress, 0, 0.2))
    steps = part(progress, 0.2, 1.0)
    n_steps = len(plans) + 1
    names = tuple(dict.fromkeys(learners))
    usual = _answers(inputs, names, PreparationPlan(), part(steps, 0.0, 1 / n_steps), "the usual preparation")
    results = []
    for number, (choice, option, tried) in enumerate(plans, start=1):
        within = part(steps, number / n_steps, (number + 1) / n_steps)
        results.append(_judged(inputs, names, usual, choice, option, tried, within))
    trial = _trial(inputs, names, usual, results, asked)
    progress(1.0, "storing what was found")
    number = store_trial(
        warehouse,
        kind="preparation",
        source=asked,
        data_version=data_version,
        definition_version=inputs.definition_version,
        result=trial.to_json(),
    )
    return PreparationTrial(**{**trial.__dict__, "trial_id": number})


def _plans(
    choices: Mapping[str, Sequence[str]] | None, plan: PreparationPlan | None
) -> list[tuple[str, str, PreparationPlan]]:
    asked = choices if choices is not None else CHOICES
    for choice in asked:
        if choice not in CHOICES:
            raise unknown_name("choice of preparation", choice, CHOICES)
    made = [
        (choice, option, PreparationPlan(**{choice: option}))
        for choice, options in asked.items()
        for option in options
        if option != "usual"
    ]
    is_more_than_one = plan is not None and sum(value != "usual" for value in plan.to_json().values()) > 1
    return [(OWN, "plan", plan), *made] if plan is not None and is_more_than_one else made


def _of_orders(warehouse: Warehouse, seed: int, progress: Progress) -> _Inputs:
    end = known_until(warehouse)
    if end is None:
        raise NotEnoughData("there are no orders yet; import an order history first.")
    definition = definition_in_force(warehouse)
    ready = readiness(warehouse, definition)
    if ready.method != "full":
        raise NotEnoughData(f"there is too little to compare preparations on: {ready.reason} {ready.missing}".strip())
    cutoffs = usable_cutoffs(warehouse, definition, end, n_most=TRAINING_PERIODS)
    n_most = max(LEAST_ROWS_OF_CUTOFF, MOST_ROWS // max(len(cutoffs), 1))
    periods = build_periods(warehouse, definition, cutoffs, n_most=n_most, progress=progress)
    forward = WalkForward(warehouse=warehouse, definition=definition, periods=periods, seed=seed)
    judge = LaterCutoffs(forward, spaced([period.cutoff for period in periods], N_JUDGED))
    if not len(judge.churned):
        raise NotEnoughData(
            "no cutoff has an earlier one whose outcome was known by then, so nothing can be compared; "
            "a longer order history or a shorter horizon is needed."
        )
    by_cutoff = {period.cutoff: period for period in periods}
    cluster = np.concatenate([by_cutoff[cutoff].frame.index.to_numpy(dtype=object) for cutoff in judge.cutoffs])
    return _Inputs(judge=judge, cluster=cluster, settings={}, definition_version=definition.version)


def _of_table(warehouse: Warehouse, seed: int) -> _Inputs:
    table = workspace_snapshot(warehouse)
    some = np.sort(np.random.default_rng(seed).permutation(len(table.churned))[:MOST_ROWS])
    frame, churned = table.frame.iloc[some], table.churned[some]
    group = find_twins(frame).group
    definition = active_definition(warehouse)
    return _Inputs(
        judge=HeldOutFolds(frame, churned, group, seed=seed),
        cluster=np.asarray(group),
        settings=SETTINGS,
        definition_version=definition.version if definition else 0,
    )


def _answers(
    inputs: _Inputs, learners: Sequence[str], plan: PreparationPlan, progress: Progress, words: str
) -> _Answers:
    recipe = Recipe(preparation=plan)
    n_parts = len(inputs.judge.parts)
    raw = np.zeros((len(inputs.judge.churned), len(learners)))
    notes: dict[str, None] = {}
    for column, name in enumerate(learners):
        last: list[Estimator] = []
        for number, rows in enumerate(inputs.judge.parts):
            progress((column + number / n_parts) / len(learners), f"{words}: {name}, {number + 1} of {n_parts}")
            raw[rows, column] = inputs.judge.answer(number, _maker(recipe, name, inputs.settings, last))
        if isinstance(last[-1], Prepared):
            notes.update(dict.fromkeys(last[-1].notes))
    return _Answers(raw=raw, notes=tuple(notes))


def _maker(
    recipe: Recipe, name: str, settings: Mapping[str, Mapping[str, Any]], made: list[Estimator]
) -> Callable[[], Estimator]:
    def make() -> Estimator:
        made.append(recipe.make(name, **settings.get(name, {})))
        return made[-1]

    return make


def _judged(
    inputs: _Inputs,
    learners: Sequence[str],
    usual: _Answers,
    choice: str,
    option: str,
    plan: PreparationPlan,
    progress: Progress,
) -> OptionResult:
    words = f"{choice.replace('_', ' ')}: {option.replace('_', ' ')}"
    try:
        tried = _answers(inputs, learners, plan, progress, words)
    except ChurnError as error:
        if not isinstance(error, NotEnoughData):
            raise
        return OptionResult(choice=choice, option=option, together=None, by_learner={}, notes=(str(error),))
    by_learner = {name: _compared(inputs, usual.raw[:, [i]], tried.raw[:, [i]]) for i, name in enumerate(learners)}
    together = _compared(inputs, usual.raw, tried.raw)
    return OptionResult(choice=choice, option=option, together=together, by_learner=by_learner, notes=tried.notes)


def _compared(inputs: _Inputs, before: NDArray[np.float64], after: NDArray[np.float64]) -> Effect:
    """Row by row: the same rows, calibrated the same way."""
    judge = inputs.judge
    first, second = _calibrated(judge, before), _calibrated(judge, after)
    loss = mean_difference(_losses(judge, first), _losses(judge, second), inputs.cluster)
    area = auc_difference(judge.churned, first, second, inputs.cluster, _levels(judge))
    is_same = float(np.abs(after - before).mean()) < SAME
    return Effect(
        log_loss=_change(loss),
        auc=_change(area),
        verdict=NOTHING if is_same else _verdict(loss),
        mean_predicted=float(sigmoid(after).mean()),
    )


def _calibrated(judge: LaterCutoffs | HeldOutFolds, raw: NDArray[np.float64]) -> NDArray[np.float64]:
    """Equal shares of the learners with one slope, and a level for each cutoff (one in all for a table)."""
    learnt = (fit_votes if raw.shape[1] > 1 else fit_weights)(raw, judge.churned, judge.level_of)
    made: NDArray[np.float64] = raw @ np.asarray(learnt.slopes) + np.asarray(learnt.levels)[judge.level_of]
    return made


def _losses(judge: LaterCutoffs | HeldOutFolds, log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log loss of each row."""
    made: NDArray[np.float64] = np.logaddexp(0.0, log_odds) - judge.churned * log_odds
    return made


def _levels(judge: LaterCutoffs | HeldOutFolds) -> list[NDArray[np.int64]]:
    """The rows that are ranked against each other."""
    return [np.flatnonzero(judge.level_of == number) for number in np.unique(judge.level_of)]


def _verdict(loss: Difference) -> str:
    if max(-loss.low, loss.high) < TINY:
        return TRIFLE
    if loss.high < 0:
        return BETTER
    return WORSE if loss.low > 0 else UNCLEAR


def _change(found: Difference) -> Change:
    return Change(value=found.value, low=found.low, high=found.high)


def _effect(stored: Mapping[str, Any]) -> Effect:
    return Effect(**{**stored, "log_loss": Change(**stored["log_loss"]), "auc": Change(**stored["auc"])})


def _trial(
    inputs: _Inputs, learners: tuple[str, ...], usual: _Answers, results: Sequence[OptionResult], source: str
) -> PreparationTrial:
    judge = inputs.judge
    answers = _calibrated(judge, usual.raw)
    usable = [rows for rows in _levels(judge) if judge.churned[rows].any() and not judge.churned[rows].all()]
    areas = [auc(judge.churned[rows], answers[rows]) for rows in usable]
    return PreparationTrial(
        source=source,
        learners=learners,
        n_rows=len(judge.churned),
        n_customers=len(np.unique(inputs.cluster)),
        n_parts=len(judge.parts),
        churn_rate=float(judge.churned.mean()),
        log_loss=float(_losses(judge, answers).mean()),
        auc=float(np.average(areas, weights=[len(rows) for rows in usable])),
        mean_predicted=float(sigmoid(usual.raw).mean()),
        options=tuple(results),
    )
