"""The blocks of the Model quality page: which version, its numbers, and what each chart proves."""

from __future__ import annotations

import streamlit as st

from churn_core.figures import models as figures
from churn_core.figures.theme import count, day, percent
from churn_core.models.capacity import at_share
from churn_core.models.card_words import sampling_words
from churn_core.models.evaluation import METRIC_LABELS, METRICS, Evaluation, Metric, confusion
from churn_core.models.families import CONSTANTS
from churn_core.models.registry import ModelVersion
from churn_core.models.runs import latest_run
from ui import session
from ui.errors import plain, sentence
from ui.key_figures import figures_row, key_figure
from ui.model_results import Period, estimator_label, periods_of, with_labels
from ui.session import Stamp
from ui.version_words import made_words
from ui.widgets import chart, table

_SHOWN_ELSEWHERE = ("backtest", "periods", "evaluation", "candidates", "importance", "notes", "method_reason", "rules")


def version_block(versions: list[ModelVersion]) -> ModelVersion:
    """Which version is looked at; the champion unless another is chosen."""
    numbers = [version.model_version for version in versions]
    champion = next((version for version in versions if version.status == "champion"), versions[0])
    by_number = {version.model_version: version for version in versions}
    number = st.selectbox(
        "Model",
        numbers,
        index=numbers.index(champion.model_version),
        format_func=lambda n: _version_label(by_number[n]),
        key="model",
        bind="query-params",
        width=540,
    )
    return by_number[number]


def words_block(version: ModelVersion) -> None:
    """What it is and why it was chosen."""
    reason = version.summary.get("method_reason")
    if reason:
        st.markdown(sentence(with_labels(reason)))


def notes_block(version: ModelVersion) -> None:
    """What to keep in mind about the measures; the season has a place of its own where the level is judged."""
    is_judged = bool(version.summary.get("evaluation"))
    notes = [note for note in version.summary.get("notes") or () if not (is_judged and note.startswith("Season:"))]
    if notes:
        st.caption(" ".join(sentence(with_labels(note)) for note in notes))


def numbers_block(evaluation: Evaluation) -> None:
    """The measures with their 95 % intervals, beside the base rate."""
    with figures_row("quality"):
        predicted = f"predicted {percent(evaluation.mean_predicted)}"
        key_figure(f"Churned of {count(evaluation.n)}", percent(evaluation.churn_rate), predicted)
        for name in METRICS:
            metric: Metric = getattr(evaluation, name)
            interval = f"{_shown(name, metric.low)} to {_shown(name, metric.high)}"
            label = METRIC_LABELS[name].replace(" in the ", ", ")
            key_figure(label, _shown(name, metric.value), interval, meaning="Below: 95 % interval.")


def level_block(version: ModelVersion, evaluation: Evaluation, periods: list[Period], *, is_sample: bool) -> None:
    """Whether the level of the risks can be believed: now, over all and period by period."""
    season_block(version)
    with st.grid(2, min_column_width=380, gap="medium"):
        chart(figures.calibration_figure(evaluation, mode=session.mode()), key="calibration")
        if len(periods) > 1:
            figure = figures.periods_figure(
                [period.cutoff for period in periods],
                [period.predicted for period in periods],
                [period.happened for period in periods],
                mode=session.mode(),
            )
            chart(figure, key="periods")
    st.caption("Where a point lies on the dotted line, what was predicted happened.")
    _period_table(periods, is_sample=is_sample)


def season_block(version: ModelVersion) -> None:
    """Whether the season is known, and between what the share that leaves may lie for not knowing it better."""
    season = (version.summary.get("calibration") or {}).get("season") or {}
    reason = season.get("reason")
    if not reason:
        return
    st.markdown(f"**{'Season known' if season.get('is_known') else 'Season unknown'}:** {plain(reason)}")
    found = season.get("range")
    if found is None:
        return
    st.markdown(
        f"Of the customers when it was trained, between **{percent(found['predicted_low'])}** and "
        f"**{percent(found['predicted_high'])}** may leave (95 % range of the mean risk, for not knowing the "
        f"level better); predicted: **{percent(found['predicted'])}**."
    )


def finds_block(evaluation: Evaluation) -> None:
    """What contacting customers by falling risk finds, against picking them at random."""
    with st.grid(2, min_column_width=380, gap="medium"):
        chart(figures.lift_figure(evaluation, mode=session.mode()), key="lift")
        chart(figures.gain_figure(evaluation, mode=session.mode()), key="gain")


def curves_block(evaluation: Evaluation) -> None:
    """The order over all thresholds: ROC and precision-recall."""
    with st.grid(2, min_column_width=380, gap="medium"):
        chart(figures.roc_figure(evaluation, mode=session.mode()), key="roc")
        chart(figures.precision_recall_figure(evaluation, mode=session.mode()), key="pr")
    st.caption("Dotted: customers picked at random.")


def capacity_block(stamp: Stamp, version: ModelVersion, evaluation: Evaluation) -> None:
    """What the contacts that somebody can afford would find."""
    run = latest_run(session.warehouse(stamp.workspace))
    judged = [period.n for period in periods_of(version)] or [evaluation.n]
    n_customers = run.n_customers if run is not None and run.source == version.source else judged[-1]
    n_people = st.number_input(
        f"Customers you can contact, of {count(n_customers)}",
        min_value=1,
        max_value=n_customers,
        value=min(max(n_customers // 10, 1), 500),
        key="contacts",
        bind="query-params",
        width=320,
    )
    chosen = at_share(evaluation, n_people / n_customers)
    figure = figures.capacity_figure(evaluation, chosen, n_people=int(n_people), mode=session.mode())
    chart(figure, key="capacity")


def confusion_block(evaluation: Evaluation) -> None:
    """What calling everybody from a risk on would mean."""
    threshold = st.slider(
        "Call every customer with a risk of at least, %", 1, 99, 50, key="threshold", bind="query-params", width=480
    )
    counts = confusion(evaluation, threshold / 100)
    with st.grid(2, min_column_width=380, gap="medium"):
        chart(figures.confusion_figure(counts, mode=session.mode()), key="confusion")
        with st.container():
            table(
                [
                    {"Measure": "Precision: churners among the called", "Value": percent(counts.precision)},
                    {"Measure": "Recall: called among the churners", "Value": percent(counts.recall)},
                    {"Measure": "F1: harmonic mean of both", "Value": percent(counts.f1)},
                    {"Measure": "Accuracy: right on either side", "Value": percent(counts.accuracy)},
                    {"Measure": "Churned among all (base rate)", "Value": percent(evaluation.churn_rate)},
                ],
            )


def _period_table(periods: list[Period], *, is_sample: bool) -> None:
    """Each period that was judged: predicted beside happened."""
    if not periods:
        return
    table(
        [
            {
                "Cutoff": day(period.cutoff),
                "Customers": count(period.n),
                "Predicted": percent(period.predicted),
                "Happened": percent(period.happened),
                "ROC-AUC": f"{period.auc:.3f}" if period.auc is not None else "–",
                "Log loss": f"{period.log_loss:.3f}" if period.log_loss is not None else "–",
            }
            for period in periods
        ],
    )
    if is_sample:
        st.caption(
            "Judged on a random sample of the eligible customers of each cutoff, the same customers at every one, so "
            "that training stays quick; everybody is scored."
        )


def inputs_block(inputs: list[tuple[str, float]], version: ModelVersion) -> None:
    """What the model listens to, and how exactly that is known."""
    if inputs:
        st.subheader("What the model listens to", anchor=False)
        chart(figures.importance_figure(inputs, mode=session.mode()), key="importance")
        st.caption(sampling_words(version.summary["importance"]))


def card_block(version: ModelVersion) -> None:
    """Everything that was kept about the version."""
    learned = f"definition {version.definition_version}" if version.definition_version else "label of the table"
    inputs = [name for name in version.feature_names if name not in CONSTANTS]
    with st.expander("Model card"):
        st.markdown(
            f"Model {version.model_version} · {plain(estimator_label(version.estimator))} · trained "
            f"{day(version.trained_at)} · data version {version.data_version} · {learned} · "
            f"{count(len(inputs))} inputs"
        )
        kept = {name: value for name, value in version.summary.items() if name not in _SHOWN_ELSEWHERE}
        st.json(kept, expanded=1)
        st.caption("Inputs: " + plain(", ".join(inputs)))


def _version_label(version: ModelVersion) -> str:
    at = version.trained_at
    return f"Model {version.model_version}, {version.status}: {made_words(version)}, {day(at)}, {at:%H:%M}"


def _shown(name: str, value: float) -> str:
    return percent(value) if name == "precision_top10" else f"{value:.3f}"
