"""The blocks of the Train page: what would be learned and why, the start, the versions beside each other."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import streamlit as st

from churn_core.campaigns.scoring import score_workspace
from churn_core.errors import JobCancelled
from churn_core.features.definition import active_definition
from churn_core.figures.theme import count, counted, day, percent
from churn_core.jobs import Progress, part
from churn_core.models.estimators import SAMPLED
from churn_core.models.evaluation import METRIC_LABELS, METRICS
from churn_core.models.preparation_plan import PreparationPlan
from churn_core.models.preparation_words import plan_words
from churn_core.models.recipe import Recipe
from churn_core.models.registry import ModelVersion
from churn_core.settings import choose_source, settings
from churn_core.state import WorkspaceState
from churn_core.warehouse import Warehouse
from ui import session
from ui.definition_blocks import readiness, words
from ui.errors import guarded, plain, sentence
from ui.folded_table import folded_table
from ui.model_results import METHOD_LABELS, estimator_label, metrics_of, periods_of, versions
from ui.preparation_blocks import Asked, chosen_words
from ui.session import Stamp
from ui.widgets import job_started, table_words, wait_note, waits_for

_COMPARED = ("auc", "log_loss", "precision_top10")

SOURCES = {"orders": "Order history", "snapshots": "Table with a churn label"}


def source_block(state: WorkspaceState) -> str:
    """What to learn from; a choice only when there are both."""
    has = {"orders": state.last_order_at is not None, "snapshots": state.n_snapshots > 0}
    if all(has.values()):
        chosen = st.segmented_control(
            "Learn from",
            list(SOURCES),
            default=session.warehouse().setting("source", "orders"),
            required=True,
            format_func=lambda source: SOURCES[source],
            key="train_source",
        )
        return str(chosen or "orders")
    return "orders" if has["orders"] else "snapshots"


def plan_block(stamp: Stamp, source: str) -> None:
    """What would be trained, on what, and why this method."""
    with st.container(border=True):
        if source == "snapshots":
            n_open = stamp.state.n_snapshots - stamp.state.n_labelled
            st.markdown(
                f"**A model of the label** in {counted(stamp.state.n_labelled, 'row')}. It is judged on rows it did "
                "not learn from: folds with the same share of churners, exact and near duplicates kept together."
                + (f" {counted(n_open, 'row')} without a label: scored, not learned from." if n_open else "")
            )
        else:
            definition = active_definition(session.warehouse())
            assert definition is not None
            ready = readiness(stamp, definition)
            st.markdown(f"**{METHOD_LABELS[ready.method]}** · {sentence(ready.reason)}")
            if ready.missing:
                st.markdown(sentence(ready.missing))
            st.caption(
                f"Definition {definition.version}: {words(definition)} Models learn from past days and are judged "
                "on later ones, whose outcome begins after everything they learned from has ended."
            )
        stable = settings(session.warehouse()).stable_attributes
        if stable and source == "orders":
            st.caption(f"Stable attributes learned from: {plain(', '.join(stable))}.")


def start_block(stamp: Stamp, source: str, asked: Asked) -> None:
    """The button that trains and scores as one job."""
    is_running = bool(waits_for())
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Train and score",
            type="primary",
            disabled=is_running,
            on_click=guarded(_start),
            args=(source, asked),
            key="train",
        )
        wait_note()
        chosen_words(asked)
        learned = next((version for version in versions(stamp) if version.status == "champion"), None)
        if learned is not None and not is_running and asked.is_usual and _knows_all(learned, stamp.state, source):
            number = learned.model_version
            st.caption(
                f"Nothing new to learn: data and definition are those of model {number}. Training again gives the same "
                "model, unless stable attributes or signals were changed."
                if _is_usual(learned)
                else f"Data and definition are those of model {number}, which was trained with choices of its own; "
                "training again now takes the usual ones."
            )


def _knows_all(version: ModelVersion, state: WorkspaceState, source: str) -> bool:
    """Whether a version learned from the data and the definition as they are now."""
    same_question = source == "snapshots" or version.definition_version == state.definition_version
    return version.source == source and version.data_version == state.data_version and same_question


def _is_usual(version: ModelVersion) -> bool:
    """Whether a version was trained without choices of an analyst and without a search."""
    recipe = version.summary.get("recipe")
    return not version.summary.get("search") and (not recipe or Recipe.from_json(recipe) == Recipe())


def versions_block(stamp: Stamp) -> None:
    """Versions beside each other, the champion marked."""
    found = versions(stamp)
    if not found:
        return
    st.subheader("Versions", anchor=False)
    folded_table([_version_row(version) for version in found], key="versions", left=("Estimator", "Learned from"))
    st.caption(
        "The champion scores. A new version becomes champion, the one before it stays as challenger. Versions that "
        "were judged on different data or definitions cannot be compared by their numbers alone." + _judged_words(found)
    )
    st.page_link("pages/models/versions.py", label="Compare, promote, roll back", icon=":material/arrow_forward:")
    _candidates(found[0])


def _candidates(version: ModelVersion) -> None:
    judged = metrics_of(version)
    if not judged:
        return
    st.subheader(f"What was tried for model {version.model_version}", anchor=False)
    prepared = _prepared(version)
    if prepared:
        st.caption(f"Inputs prepared by choice: {plain(prepared)}.")
    best = version.summary["backtest"].get("chosen")
    folded_table(
        [
            {
                "Estimator": estimator_label(name) + (" (chosen)" if name == best else ""),
                "Contributions": _contributions(name, judged),
                **{METRIC_LABELS[metric]: _number(metric, values.get(metric)) for metric in METRICS},
            }
            for name, values in judged.items()
        ],
        key="tried",
        left=("Contributions",),
    )


def _judged_words(found: list[ModelVersion]) -> str:
    """That several past days are added up in what a version was judged on, with those of the newest; or nothing."""
    for version in found:
        judged = periods_of(version)
        if len(judged) > 1:
            added = " + ".join(count(period.n) for period in judged)
            return (
                f' "Judged on" adds up the customers of several past days (model {version.model_version}: {added}); '
                "who was there on more than one of them counts each time."
            )
    return ""


def _prepared(version: ModelVersion) -> str:
    """The choices of preparation a version was trained with, in words; empty for the usual one."""
    stored = (version.summary.get("recipe") or {}).get("preparation")
    return "; ".join(plan_words(PreparationPlan.from_json(stored))) if stored else ""


def _contributions(name: str, judged: Mapping[str, Any]) -> str:
    """Whether the reasons of a candidate are exact or, in whole or in part, sampled."""
    if name in SAMPLED:
        return "sampled"
    return "partly sampled" if name in ("blend", "stacking") and SAMPLED & judged.keys() else "exact"


def _version_row(version: ModelVersion) -> dict[str, str]:
    backtest = version.summary.get("backtest") or {}
    judged = metrics_of(version).get(backtest.get("chosen", ""), {})
    return {
        "Model": f"Model {version.model_version}, {version.status}",
        "Estimator": estimator_label(version.estimator),
        "Learned from": _learned_from(version),
        "Judged on": count(backtest.get("n")),
        **{METRIC_LABELS[metric]: _number(metric, _point(judged.get(metric))) for metric in _COMPARED},
        "Trained (UTC)": f"{day(version.trained_at)}, {version.trained_at:%H:%M}",
    }


def _learned_from(version: ModelVersion) -> str:
    """Which data and which definition a version knows."""
    answer = f"definition {version.definition_version}" if version.definition_version else "label"
    return f"{table_words(version.source)}, data {version.data_version}, {answer}"


def _point(value: Any) -> Any:
    """A metric without its interval, for a table that compares many."""
    return value["value"] if isinstance(value, dict) else value


def _number(metric: str, value: Any) -> str:
    """A metric, with its interval when it has one."""
    if value is None:
        return "–"
    shown = percent if metric == "precision_top10" else _three_digits
    if isinstance(value, dict):
        return f"{shown(value['value'])} [{shown(value['low'])}, {shown(value['high'])}]"
    return shown(value)


def _three_digits(value: float) -> str:
    return f"{value:.3f}"


def to_the_end(progress: Progress) -> Progress:
    """Progress that no longer stops the work: once a model is stored, its scores follow, or both would disagree."""

    def report(share: float, message: str) -> None:
        with suppress(JobCancelled):
            progress(share, message)

    return report


def _start(source: str, asked: Asked) -> None:
    warehouse = session.warehouse()
    state = session.stamp().state
    if state.last_order_at is not None and state.n_snapshots:
        choose_source(warehouse, source)

    def work(progress: Progress) -> dict[str, object]:
        version = _trained(warehouse, source, asked, part(progress, 0.0, 0.75))
        run = score_workspace(warehouse, progress=to_the_end(part(progress, 0.75, 1.0)))
        trained = (
            f"Model {version.model_version} ({estimator_label(version.estimator)}) was trained and "
            f"{counted(run.n_customers, 'customer')} scored."
        )
        return {
            "message": " ".join([trained, *(run.summary.get("notes") or ())]),
            "model_version": version.model_version,
            "run_id": run.run_id,
        }

    if asked.search_minutes:
        job_started(session.runner().start("search", "Searching, training and scoring", work))
    else:
        job_started(session.runner().start("train", "Training and scoring", work))


def _trained(warehouse: Warehouse, source: str, asked: Asked, progress: Progress) -> ModelVersion:
    """A new version by the analyst's choices; a cancelled search goes on with the best it has found."""
    if asked.search_minutes:
        from churn_core.models.search import train_searched

        return train_searched(
            warehouse,
            budget_seconds=60.0 * asked.search_minutes,
            source=source,
            recipe=asked.recipe,
            progress=progress,
        )
    from churn_core.models.training import train_model

    return train_model(warehouse, source=source, recipe=asked.recipe, progress=progress)
