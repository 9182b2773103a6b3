"""The past played again: at each past cutoff the model is fitted with what was known then and everybody is scored.

It answers what a shop wants to know on the first day - would the warnings have been right and early? - without waiting
for a horizon to pass. Nothing of it stands in ``scores``: the scores are supposed, judged by the same SQL as lived
ones, and only the judgement is kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from churn_core.errors import InputError, NotEnoughData, NotFound
from churn_core.features.build import build_features
from churn_core.features.definition import STEP_DAYS, count_at, first_cutoff, known_until
from churn_core.jobs import Progress, no_progress, part
from churn_core.models.estimators import sigmoid
from churn_core.models.judging import ScoredAt, first_warnings, judge_cutoff, lead_times, look_up
from churn_core.models.outcomes import CutoffOutcome, LeadTimes, Outcome
from churn_core.models.periods import (
    TRAINING_PERIODS,
    TRAINING_ROWS,
    Period,
    build_periods,
    learnt_by,
    sample_size,
    usable_cutoffs,
)
from churn_core.models.recipe import NOT_LEARNERS, Recipe
from churn_core.models.registry import ModelVersion, champion
from churn_core.models.value import fit_value
from churn_core.models.walk_forward import Unseen, WalkForward
from churn_core.warehouse import utc_now

if TYPE_CHECKING:
    import pyarrow as pa

    from churn_core.models.blend import Blend
    from churn_core.timeline import ChurnDefinition
    from churn_core.warehouse import Transaction, Warehouse

N_CUTOFFS = 6
MOST_CUTOFFS = 12
MOST_CUSTOMERS = 50_000
"""Customers scored at a cutoff; of more, a sample of that size is taken, the same customers at every cutoff."""
N_UNSEEN = 3
"""Earlier cutoffs from which the weights of a blend are learnt, as in training."""
N_LOOKS = 2
"""Cutoffs before the first replayed one that are fitted for these weights alone."""


@dataclass(frozen=True, kw_only=True)
class Replay:
    """What a replay found."""

    replay_id: int
    made_at: datetime
    model_version: int
    """Model whose estimator and recipe were fitted again at each cutoff."""
    data_version: int
    definition_version: int
    estimator: str
    tiers_by: str
    """The rule of the tiers in words; it is today's, also at past cutoffs."""
    n_customers: int | None
    """Customers scored at each cutoff where only a sample was; None when it was everybody."""
    cutoffs: tuple[CutoffOutcome, ...]
    """Oldest first."""
    warned: Outcome
    """Customers in the high tier at any cutoff, each judged at the first."""
    leads: LeadTimes | None
    """None when the cutoffs do not reach over a horizon, or nobody left in that time."""


@dataclass(frozen=True, kw_only=True)
class Scored:
    """The scores of one replayed cutoff."""

    cutoff: datetime
    estimator: str
    table: pa.Table
    """Columns of ``scores``: customer_id, risk, log_odds, expected_value, value_at_risk."""


def replay(
    warehouse: Warehouse,
    *,
    high_from: float,
    medium_from: float,
    tiers_by: str,
    retier: Callable[[Transaction, int], object] | None = None,
    n_cutoffs: int | None = None,
    most_customers: int = MOST_CUSTOMERS,
    until: datetime | None = None,
    seed: int = 42,
    progress: Progress = no_progress,
) -> Replay:
    """Score past cutoffs as if on that day, every 30 days, judge them and keep the judgement.

    At most ``n_cutoffs`` cutoffs whose outcome was known at ``until`` (default: the end of the data; and as many
    cutoffs as reach over a horizon, 6 to 12). Tiers follow from the two risks, or from ``retier``, which draws the
    tiers of rows of ``scores`` anew by their run number. NotFound without a model, InputError for a labelled table,
    NotEnoughData when the history is too short.
    """
    data_version = warehouse.data_version
    version, definition = replayable(warehouse)
    scored = replayed_scores(
        warehouse,
        version,
        definition,
        n_cutoffs=n_cutoffs or usual_cutoffs(definition),
        most_customers=most_customers,
        until=until,
        seed=seed,
        progress=part(progress, 0.0, 0.9),
    )
    margin = float(warehouse.setting("margin_rate", 1.0))
    asked = [
        ScoredAt(run_id=-number, as_of=entry.cutoff, definition=definition) for number, entry in enumerate(scored, 1)
    ]
    with warehouse.supposed() as tx:
        for at, entry in zip(asked, scored, strict=True):
            progress(0.9, f"tiers as of {at.as_of:%d %b %Y}")
            _suppose(tx, at, entry, high_from, medium_from)
            if retier is not None:
                retier(tx, at.run_id)
        progress(0.93, "what became of everybody")
        look_up(tx, asked)
        judged = [
            judge_cutoff(
                tx,
                at,
                kind="replayed",
                model_version=version.model_version,
                estimator=entry.estimator,
                margin_rate=margin,
            )
            for at, entry in zip(asked, scored, strict=True)
        ]
        progress(0.97, "how early the warnings were")
        warned = first_warnings(tx, asked)
        leads = lead_times(tx, asked, before_days=STEP_DAYS)
    n_most = max(len(entry.table) for entry in scored)
    made = Replay(
        replay_id=0,
        made_at=utc_now(),
        model_version=version.model_version,
        data_version=data_version,
        definition_version=definition.version,
        estimator=version.estimator,
        tiers_by=tiers_by,
        n_customers=n_most if n_most == most_customers else None,
        cutoffs=tuple(replace(outcome, run_id=None) for outcome in judged),
        warned=warned,
        leads=leads,
    )
    progress(0.99, "keeping the result")
    return _store(warehouse, made)


def replayable(warehouse: Warehouse) -> tuple[ModelVersion, ChurnDefinition]:
    """The model that would be replayed and its definition.

    NotFound without a model, InputError for a labelled table, NotEnoughData when the history is too short.
    """
    version = champion(warehouse)
    if version is None:
        raise NotFound("there is no model yet; train one first.")
    definition = version.learned
    if definition is None:
        raise InputError(
            "a labelled table says who left once and holds no later outcome, so there is no past to replay; "
            "Model quality shows how its held-out rows were judged."
        )
    short = too_short(warehouse, definition)
    if short:
        raise NotEnoughData(short)
    return version, definition


def too_short(warehouse: Warehouse, definition: ChurnDefinition) -> str:
    """Why the history is too short for a replay and when it will do, in one sentence; empty when it does."""
    first, end = first_cutoff(warehouse, definition), known_until(warehouse)
    if first is None or end is None:
        return "there are no orders yet; import an order history first."
    rounds = definition.span_days + STEP_DAYS * ceil(definition.span_days / STEP_DAYS)
    possible = first + timedelta(days=rounds)
    if end >= possible:
        return ""
    return (
        f"a replay needs a past day whose outcome is known and an earlier one to learn from, each followed by "
        f"{definition.span_days} days; the orders reach until {end - timedelta(days=1):%d %b %Y}, and it will be "
        f"possible once they reach until {possible - timedelta(days=1):%d %b %Y}."
    )


def usual_cutoffs(definition: ChurnDefinition) -> int:
    """Cutoffs every 30 days that reach over more than a horizon, so that departures can be followed; 6 to 12.

    >>> from churn_core.timeline import ChurnDefinition
    >>> [usual_cutoffs(ChurnDefinition(horizon_days=days)) for days in (30, 90, 180, 365)]
    [6, 6, 9, 12]
    """
    return min(max(N_CUTOFFS, ceil(definition.horizon_days / STEP_DAYS) + 3), MOST_CUTOFFS)


def replayed_scores(
    warehouse: Warehouse,
    version: ModelVersion,
    definition: ChurnDefinition,
    *,
    n_cutoffs: int = N_CUTOFFS,
    most_customers: int = MOST_CUSTOMERS,
    until: datetime | None = None,
    seed: int = 42,
    progress: Progress = no_progress,
) -> list[Scored]:
    """Risk and value of the eligible customers at each past cutoff, by models that knew only what was known there."""
    end = until or known_until(warehouse)
    if end is None:
        raise NotEnoughData("there are no orders yet; import an order history first.")
    behind = ceil(definition.span_days / STEP_DAYS)
    grid = usable_cutoffs(warehouse, definition, end, n_most=TRAINING_PERIODS + behind + n_cutoffs - 1)
    periods = build_periods(
        warehouse,
        definition,
        grid,
        n_most=min(sample_size(min(len(grid), TRAINING_PERIODS), TRAINING_ROWS), most_customers),
        progress=part(progress, 0.0, 0.3),
    )
    cutoffs = [period.cutoff for period in periods if learnt_by(periods, period.cutoff, definition)][-n_cutoffs:]
    if not cutoffs:
        raise NotEnoughData(too_short(warehouse, definition) or "no past cutoff has anybody to score.")
    learner = _Learner(warehouse, version, definition, periods, seed)
    earlier = [period.cutoff for period in learnt_by(periods, cutoffs[0], definition)][::-1][: 2 * N_LOOKS : 2][::-1]
    steps = len(earlier) + len(cutoffs)
    for number, cutoff in enumerate(earlier):
        learner.look(cutoff, part(progress, 0.3 + 0.7 * number / steps, 0.3 + 0.7 * (number + 1) / steps))
    made = []
    for number, cutoff in enumerate(cutoffs, len(earlier)):
        step = part(progress, 0.3 + 0.7 * number / steps, 0.3 + 0.7 * (number + 1) / steps)
        made.append(_score(warehouse, learner, cutoff, most_customers, step))
    return made


class _Learner:
    """Fits the champion's estimator again at cutoffs, oldest first, and remembers what it said unseen."""

    def __init__(
        self,
        warehouse: Warehouse,
        version: ModelVersion,
        definition: ChurnDefinition,
        periods: Sequence[Period],
        seed: int,
    ) -> None:
        stored = version.summary.get("recipe")
        recipe = Recipe.from_json(stored) if stored else Recipe()
        self.definition = definition
        self.chosen = version.estimator
        self.periods = {period.cutoff: period for period in periods}
        self.margin = float(warehouse.setting("margin_rate", 1.0))
        self._seen: list[Unseen] = []
        self._forward = WalkForward(
            warehouse=warehouse,
            definition=definition,
            periods=periods,
            seed=seed,
            recipe=_only(recipe, version.estimator),
            only_rhythm=version.estimator == "bgnbd",
        )

    def look(self, cutoff: datetime, progress: Progress) -> None:
        """Fit at an earlier cutoff only to learn weights from it later."""
        if self.chosen != "lateness" and self.known(cutoff):
            forward = self._at(cutoff)
            self._seen.append(forward.unseen(forward.fit(cutoff, progress), self.periods[cutoff]))

    def fit(self, cutoff: datetime, progress: Progress) -> tuple[Blend, str]:
        """The calibrated model as it would have been at a cutoff, and the estimator it is made by."""
        if self.chosen == "lateness":
            from churn_core.models.small_shop import fit_lateness

            found = fit_lateness(self._forward.warehouse, self.definition, self.known(cutoff), cutoff)
            return found.blend, "lateness"
        forward = self._at(cutoff)
        fitted = forward.fit(cutoff, progress)
        usable = [entry for entry in self._seen if self.definition.outcome_known_at(entry.cutoff) <= cutoff]
        choice = forward.choose(fitted, usable[-N_UNSEEN:])
        self._seen.append(forward.unseen(fitted, self.periods[cutoff]))
        name = self.chosen if self.chosen in choice.blends else choice.chosen
        return choice.blends[name], name

    def known(self, cutoff: datetime) -> list[Period]:
        """The periods a model of that day would have learnt from."""
        return learnt_by(list(self.periods.values()), cutoff, self.definition)[-TRAINING_PERIODS:]

    def _at(self, cutoff: datetime) -> WalkForward:
        return replace(self._forward, periods=self.known(cutoff))


def _only(recipe: Recipe, chosen: str) -> Recipe:
    """The recipe without learners that play no part in the chosen candidate."""
    if chosen in NOT_LEARNERS:
        return replace(recipe, estimators=("logistic",)) if chosen == "recency" else recipe
    return replace(recipe, estimators=(chosen,))


def _score(
    warehouse: Warehouse, learner: _Learner, cutoff: datetime, most_customers: int, progress: Progress
) -> Scored:
    """All eligible customers of a cutoff (a sample beyond the most), scored with what was known there."""
    import pyarrow as pa

    blend, estimator = learner.fit(cutoff, part(progress, 0.0, 0.8))
    progress(0.8, f"scoring as of {cutoff:%d %b %Y}")
    n_asked = min(count_at(warehouse, learner.definition, cutoff).n_eligible, most_customers)
    frame = learner.periods[cutoff].frame
    if len(frame) < n_asked:
        frame = build_features(warehouse, cutoff, learner.definition, n_most=n_asked)
    log_odds = blend.log_odds(frame)
    value = fit_value(learner.known(cutoff), horizon_days=learner.definition.horizon_days)
    amount = value.expected_amount(frame) * learner.margin
    unknown, risk = np.isnan(amount), sigmoid(log_odds)
    table = pa.table(
        {
            "customer_id": pa.array(np.asarray(frame.index, dtype=object), pa.string()),
            "risk": risk,
            "log_odds": log_odds,
            "expected_value": pa.array(amount, mask=unknown),
            "value_at_risk": pa.array(risk * amount, mask=unknown),
        }
    )
    return Scored(cutoff=cutoff, estimator=estimator, table=table)


def _suppose(tx: Transaction, at: ScoredAt, entry: Scored, high_from: float, medium_from: float) -> None:
    """Put replayed scores among the others, as far as this transaction goes."""
    import pyarrow as pa

    risk = entry.table["risk"].to_numpy()
    tier = np.where(risk >= high_from, "high", np.where(risk >= medium_from, "medium", "low"))
    numbered = entry.table.append_column("run_id", pa.array(np.full(len(risk), at.run_id, dtype=np.int32)))
    tx.append("scores", numbered.append_column("tier", pa.array(tier.astype(object), pa.string())))


def latest_replay(warehouse: Warehouse) -> Replay | None:
    """The replay made last; None before the first."""
    rows = warehouse.records("SELECT * FROM replays ORDER BY replay_id DESC LIMIT 1")
    return _replay(rows[0]) if rows else None


def _store(warehouse: Warehouse, made: Replay) -> Replay:
    with warehouse.transaction() as tx:
        number = tx.next_number("replays", "replay_id")
        tx.execute(
            "INSERT INTO replays (replay_id, made_at, as_of, model_version, data_version, definition_version, result) "
            "VALUES ($replay_id, $made_at, $as_of, $model_version, $data_version, $definition_version, $result)",
            {
                "replay_id": number,
                "made_at": made.made_at,
                "as_of": made.cutoffs[-1].as_of,
                "model_version": made.model_version,
                "data_version": made.data_version,
                "definition_version": made.definition_version,
                "result": json.dumps(_result(made), ensure_ascii=False, allow_nan=False),
            },
        )
        tx.audit("replay", {"replay_id": number, "model_version": made.model_version, "n_cutoffs": len(made.cutoffs)})
    return replace(made, replay_id=number)


def _result(made: Replay) -> dict[str, Any]:
    return {
        "estimator": made.estimator,
        "tiers_by": made.tiers_by,
        "n_customers": made.n_customers,
        "cutoffs": [outcome.to_json() for outcome in made.cutoffs],
        "warned": {"n": made.warned.n, "n_churned": made.warned.n_churned, "risk_sum": made.warned.risk_sum},
        "leads": made.leads.to_json() if made.leads else None,
    }


def _replay(row: Mapping[str, Any]) -> Replay:
    stored = json.loads(row["result"])
    return Replay(
        **{name: row[name] for name in ("replay_id", "made_at", "model_version", "data_version", "definition_version")},
        estimator=stored["estimator"],
        tiers_by=stored["tiers_by"],
        n_customers=stored["n_customers"],
        cutoffs=tuple(CutoffOutcome.from_json(outcome) for outcome in stored["cutoffs"]),
        warned=Outcome(**stored["warned"]),
        leads=LeadTimes.from_json(stored["leads"]) if stored["leads"] else None,
    )
