"""Were the warnings right, and were they early? Score runs whose horizon has passed, beside the past played again.

Separate from ``models.replay`` because it knows the shop's tiers; nothing here scores by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from churn_core.customers.tiers import ACTIVE_VERSION, active_policy, policy_words, retier
from churn_core.errors import ChurnError
from churn_core.features.definition import known_until
from churn_core.jobs import Progress, no_progress
from churn_core.models.judging import ScoredAt, first_warnings, judge_cutoff, lead_times, look_up
from churn_core.models.outcomes import CutoffOutcome, LeadTimes, Outcome
from churn_core.models.registry import ModelVersion, champion, model_versions
from churn_core.models.replay import MOST_CUSTOMERS, Replay, latest_replay, replay, replayable
from churn_core.models.runs import ScoreRun, score_runs
from churn_core.timeline import ChurnDefinition
from churn_core.warehouse import Warehouse

MOST_RUNS = 24
"""Score runs that are judged; of more, the last of each week, and of these the newest."""


@dataclass(frozen=True, kw_only=True)
class Lived:
    """Score runs of the past against what happened."""

    cutoffs: tuple[CutoffOutcome, ...]
    """Runs whose horizon has passed, oldest first. A run that was dated back counts as replayed."""
    warned: Outcome
    """Customers in the high tier at any lived run, each judged at the first."""
    warned_late: Outcome
    """Of these, who had been silent for longer than the horizon by then."""
    leads: LeadTimes | None
    """Over the lived runs of the newest definition among them; None when they do not reach over a horizon."""
    n_open: int
    """Runs whose horizon has not passed."""
    next_known_at: datetime | None
    """When the outcome of the next of these will be known; None when none is open."""
    n_superseded: int
    """Runs that were repeated for the same day and definition; only the last of that day counts."""
    n_hindsight: int
    """Runs by a model that had learnt what happened after their cutoff; they prove nothing and are left out."""
    n_left_out: int
    """Further runs that are not judged, to keep the page quick: of many, one a week and the newest 24."""


@dataclass(frozen=True, kw_only=True)
class Proof:
    """All that can be said about past warnings."""

    source: str
    """orders or snapshots; empty without a model."""
    lived: Lived | None
    """None for a labelled table, which holds no later outcome."""
    replay: Replay | None
    """The last replay; None before the first."""
    outdated: tuple[str, ...]
    """What changed since the replay, in words; empty when it still stands."""
    obstacle: str
    """Why the past cannot be replayed, in one sentence; empty when it can."""


@dataclass(frozen=True, kw_only=True)
class LivedKey:
    """What the lived side follows from; while it is the same, judging again would find the same."""

    created_at: datetime | None
    """When the workspace was made."""
    data_version: int
    n_runs: int
    newest_run: int
    newest_model: int
    """A new model tells until when orders were known at its data version, so whether a run was dated back."""
    policy_version: int
    """The active tier policy: another one draws the tiers of the latest run anew."""


def lived_key(warehouse: Warehouse) -> LivedKey:
    """The key of the lived side, in one cheap query."""
    found = warehouse.records(
        "SELECT (SELECT min(applied_at) FROM schema_migrations) AS created_at, "
        "(SELECT count(*) FROM score_runs) AS n_runs, "
        "(SELECT coalesce(max(run_id), 0) FROM score_runs) AS newest_run, "
        "(SELECT coalesce(max(model_version), 0) FROM model_versions) AS newest_model, "
        f"coalesce(({ACTIVE_VERSION}), 0) AS policy_version"
    )
    return LivedKey(data_version=warehouse.data_version, **found[0])


def proof(warehouse: Warehouse, judged: Lived | None = None) -> Proof:
    """The lived and the replayed side, and whether the replay still stands.

    ``judged`` is the lived side when the caller has it already; otherwise it is looked up, which takes long where
    there are many customers.
    """
    version = champion(warehouse)
    source = version.source if version else ""
    made = latest_replay(warehouse) if source == "orders" else None
    try:
        replayable(warehouse)
        obstacle = ""
    except ChurnError as error:
        obstacle = str(error)
    return Proof(
        source=source,
        lived=None if source == "snapshots" else judged or lived(warehouse),
        replay=made,
        outdated=outdated(warehouse, made, version) if made and version else (),
        obstacle=obstacle,
    )


def replay_workspace(
    warehouse: Warehouse,
    progress: Progress = no_progress,
    *,
    n_cutoffs: int | None = None,
    most_customers: int = MOST_CUSTOMERS,
    seed: int = 42,
) -> Replay:
    """Replay the past with the tiers in force today and keep the result; the errors of ``models.replay.replay``."""
    policy = active_policy(warehouse)
    return replay(
        warehouse,
        high_from=policy.high_from,
        medium_from=policy.medium_from,
        tiers_by=policy_words(policy),
        retier=None if policy.kind == "probability" else lambda tx, run_id: retier(tx, policy, run_id),
        n_cutoffs=n_cutoffs,
        most_customers=most_customers,
        seed=seed,
        progress=progress,
    )


def outdated(warehouse: Warehouse, made: Replay, version: ModelVersion) -> tuple[str, ...]:
    """What changed since a replay, in words."""
    changes = {
        "data was imported": made.data_version != warehouse.data_version,
        f"model {version.model_version} took over from model {made.model_version}": (
            made.model_version != version.model_version
        ),
        "the tiers were drawn anew": made.tiers_by != policy_words(active_policy(warehouse)),
    }
    return tuple(words for words, is_so in changes.items() if is_so)


def lived(warehouse: Warehouse) -> Lived:
    """Judge every past score run of the order history whose horizon has passed, each by its own definition.

    A run counts as lived when it was scored at the end of the data of its time. One that was dated back is shown as
    replayed: its model knew no more, but nobody was warned that day.
    """
    definitions, end = _definitions(warehouse), known_until(warehouse)
    runs = [
        run
        for run in score_runs(warehouse, limit=10_000)
        if run.source == "orders" and run.as_of is not None and run.definition_version in definitions
    ]
    versions = {version.model_version: version for version in model_versions(warehouse)}
    kept = _last_of_each_day(runs)
    honest = [run for run in kept if not _knew_more(run, versions)]
    scored = {run.run_id: _scored(run, definitions, end) for run in honest}
    known = [run for run in _weekly(honest) if scored[run.run_id].is_known][-MOST_RUNS:]
    still_open = [run for run in honest if not scored[run.run_id].is_known]
    watched = [*known, *_weekly(still_open)]
    ends = _data_ends(runs, list(versions.values()))
    with warehouse.supposed() as tx:
        look_up(tx, [scored[run.run_id] for run in watched])
        judged = tuple(
            judge_cutoff(
                tx,
                scored[run.run_id],
                kind="lived" if _is_lived(run, ends) else "replayed",
                model_version=run.model_version,
                estimator=versions[run.model_version].estimator if run.model_version in versions else "",
                margin_rate=float(run.summary.get("margin_rate", 1.0)),
            )
            for run in known
        )
        really = [scored[run.run_id] for run in watched if _is_lived(run, ends)]
        warned, late = first_warnings(tx, really), first_warnings(tx, really, only_late=True)
        leads = lead_times(tx, _of_newest_definition(really))
    return Lived(
        cutoffs=judged,
        warned=warned,
        warned_late=late,
        leads=leads,
        n_open=len(still_open),
        next_known_at=min((scored[run.run_id].known_at for run in still_open), default=None),
        n_superseded=len(runs) - len(kept),
        n_hindsight=len(kept) - len(honest),
        n_left_out=len(honest) - len(still_open) - len(known),
    )


def _weekly(runs: Sequence[ScoreRun]) -> list[ScoreRun]:
    """All runs, oldest first, or the last of each week where there are too many of them."""
    if len(runs) <= MOST_RUNS:
        return list(runs)
    last = {run.as_of.isocalendar()[:2]: run for run in runs if run.as_of is not None}
    return list(last.values())


def _last_of_each_day(runs: Sequence[ScoreRun]) -> list[ScoreRun]:
    """The last run of each cutoff and definition, oldest cutoff first."""
    last: dict[tuple[datetime | None, int], ScoreRun] = {}
    for run in sorted(runs, key=lambda run: run.run_id):
        last[(run.as_of, run.definition_version)] = run
    return sorted(last.values(), key=lambda run: (run.as_of or datetime.min, run.run_id))


def _scored(run: ScoreRun, definitions: Mapping[int, ChurnDefinition], end: datetime | None) -> ScoredAt:
    assert run.as_of is not None
    definition = definitions[run.definition_version]
    is_known = end is not None and definition.outcome_known_at(run.as_of) <= end
    return ScoredAt(run_id=run.run_id, as_of=run.as_of, definition=definition, is_known=is_known)


def _definitions(warehouse: Warehouse) -> dict[int, ChurnDefinition]:
    rows = warehouse.records("SELECT version, horizon_days, activity_days, lead_days FROM churn_definitions")
    return {row["version"]: ChurnDefinition(**{**row, "lead_days": row["lead_days"] or 0}) for row in rows}


def _knew_more(run: ScoreRun, versions: Mapping[int, ModelVersion]) -> bool:
    """Whether the model of a run had learnt from orders after the run's cutoff."""
    version = versions.get(run.model_version)
    known = _known_until(version) if version else None
    return known is not None and run.as_of is not None and known > run.as_of


def _known_until(version: ModelVersion) -> datetime | None:
    text = version.summary.get("known_until")
    return datetime.fromisoformat(text) if text else None


def _data_ends(runs: Sequence[ScoreRun], versions: Sequence[ModelVersion]) -> list[tuple[int, datetime]]:
    """Instants up to which orders were known for sure, with the data version in which they were."""
    by_run = [(run.data_version, run.as_of) for run in runs if run.as_of is not None]
    by_model = [(version.data_version, _known_until(version)) for version in versions if version.source == "orders"]
    return by_run + [(number, end) for number, end in by_model if end is not None]


def _is_lived(run: ScoreRun, ends: Sequence[tuple[int, datetime]]) -> bool:
    """Whether no order after the run's cutoff was known when it was made, as far as other runs and models tell."""
    return run.as_of is not None and all(end <= run.as_of for number, end in ends if number <= run.data_version)


def _of_newest_definition(scored: Sequence[ScoredAt]) -> list[ScoredAt]:
    """The runs of the newest definition that has a known outcome, open ones included: they too tell who was warned."""
    known = [at for at in scored if at.is_known]
    return [at for at in scored if at.definition == known[-1].definition] if known else []
