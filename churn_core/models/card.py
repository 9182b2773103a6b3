"""The model card: everything a reader needs to trust or distrust a version, from what was stored with it.

The content is built once and written as Markdown here and as a self-contained page in ``figures.card_html``. It rests
on the stored version alone - no clock, no state of the registry - so two cards of one version are equal byte by byte.
(After Mitchell et al., "Model cards for model reporting", 2019.)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from churn_core.features.attributes import PREFIX
from churn_core.models.card_words import (
    ESTIMATOR_WORDS,
    INTENDED_USE,
    LIMITATIONS,
    NOT_INTENDED,
    SOURCE_WORDS,
    flat_rows,
    interval_words,
    moment_words,
    number_words,
    percent_words,
    sampling_words,
    search_rows,
    value_rows,
)
from churn_core.models.compare import judged_measures
from churn_core.models.estimators import ESTIMATORS
from churn_core.models.evaluation import METRIC_LABELS, Evaluation, evaluation_from_dict
from churn_core.models.families import CONSTANTS, MADE, feature_entry
from churn_core.models.present import definition_words

if TYPE_CHECKING:
    from churn_core.models.registry import ModelVersion

MOST_INPUTS = 20
"""Inputs that are explained; all are listed by name."""
_MARKS = re.compile(r"([\\`*_{}\[\]()#+!|~$-])")


@dataclass(frozen=True, kw_only=True)
class CardTable:
    """A table of a card."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Section:
    """One heading with what stands under it."""

    title: str
    paragraphs: tuple[str, ...] = ()
    points: tuple[str, ...] = ()
    """A list below the paragraphs."""
    tables: tuple[CardTable, ...] = ()
    charts: tuple[str, ...] = ()
    """Charts that a page draws here: calibration, roc, gain."""


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """The content of a card, as plain text."""

    title: str
    subtitle: str
    sections: tuple[Section, ...]
    evaluation: Evaluation | None
    """What the charts draw; None for a version that was not judged."""


def model_card(version: ModelVersion) -> ModelCard:
    """The card of a version."""
    stored = version.summary.get("evaluation")
    evaluation = evaluation_from_dict(stored) if stored else None
    makers = (_overview, _use, _answer, _data, _model, _inputs, _quality, _calibration, _guard, _limits, _again)
    return ModelCard(
        title=f"Model card: model {version.model_version}",
        subtitle=f"{_estimator_words(version.estimator)} · trained {moment_words(version.trained_at)} UTC",
        sections=tuple(make(version) for make in makers),
        evaluation=evaluation,
    )


def card_markdown(card: ModelCard) -> str:
    """The card as Markdown; whatever a file or a person put into a name is shown as it stands."""
    return "\n".join(_markdown_lines(card)) + "\n"


def _markdown_lines(card: ModelCard) -> Iterator[str]:
    yield from (f"# {_plain(card.title)}", "", _plain(card.subtitle), "")
    for section in card.sections:
        yield from (f"## {_plain(section.title)}", "")
        for paragraph in section.paragraphs:
            yield from (_plain(paragraph), "")
        if section.points:
            yield from (*(f"- {_plain(point)}" for point in section.points), "")
        for table in section.tables:
            yield _row(table.header)
            yield "|" + " --- |" * len(table.header)
            yield from map(_row, table.rows)
            yield ""


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(_plain, cells)) + " |"


def _plain(text: str) -> str:
    """Text that Markdown shows as it stands, on one line."""
    one_line = " ".join(text.split())
    escaped = one_line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKS.sub(r"\\\1", escaped)


def _facts(*rows: tuple[str, str]) -> CardTable:
    return CardTable(header=("What", "Value"), rows=tuple(rows))


def _overview(version: ModelVersion) -> Section:
    imported = version.summary.get("imported")
    where = (
        [("Brought in", f"from {imported['file']} by {imported['imported_by']} on {imported['imported_at']}")]
        if imported
        else []
    )
    return Section(
        title="Overview",
        tables=(
            _facts(
                ("Version", str(version.model_version)),
                ("Estimator", _estimator_words(version.estimator)),
                ("Learned from", SOURCE_WORDS.get(version.source, version.source)),
                ("Trained", f"{moment_words(version.trained_at)} UTC"),
                ("Trained by", version.trained_by or "not kept"),
                *where,
                ("Digest", version.sha256),
            ),
        ),
    )


def _use(version: ModelVersion) -> Section:
    return Section(title="Intended use", paragraphs=(INTENDED_USE,), points=NOT_INTENDED)


def _answer(version: ModelVersion) -> Section:
    if version.source == "orders":
        words = (
            f"The calibrated probability that a customer places {definition_words(version.learned).strip(chr(39))} "
            f"(definition {version.definition_version})."
        )
    else:
        words = "The calibrated probability that the label of the table says churned."
    value = version.summary.get("value") or {}
    rows = value_rows(value)
    return Section(
        title="What it predicts",
        paragraphs=(
            words,
            *(
                (f"Why this method: {version.summary['method_reason']}",)
                if version.summary.get("method_reason")
                else ()
            ),
        ),
        tables=(CardTable(header=("Expected value", "Value"), rows=rows),) if rows else (),
    )


def _data(version: ModelVersion) -> Section:
    summary = version.summary
    cutoffs = [moment_words(datetime.fromisoformat(text), day_only=True) for text in summary.get("cutoffs") or ()]
    imported = summary.get("imported") or {}
    data_version = (
        f"{imported['data_version']} of the workspace it came from" if imported else str(version.data_version)
    )
    known = summary.get("known_until")
    facts = [("Data version", data_version), ("Rows learned from", number_words(summary.get("n_training_rows")))]
    if known:
        facts.append(("Orders known until", moment_words(datetime.fromisoformat(known), day_only=True)))
    if cutoffs:
        facts.append((f"Cutoffs learned from ({len(cutoffs)})", ", ".join(cutoffs)))
    judged = [
        moment_words(datetime.fromisoformat(period["cutoff"]), day_only=True) for period in summary.get("periods") or ()
    ]
    if judged:
        facts.append((f"Cutoffs judged at ({len(judged)})", ", ".join(judged)))
    return Section(
        title="Data and cutoffs",
        paragraphs=(
            "At a cutoff, features see strictly what happened before it, and outcomes what happened after it. Every "
            "judged cutoff was answered by models that learned only from cutoffs whose outcomes were known by then."
            if version.source == "orders"
            else "Every row was answered by a model that never saw it; rows that repeat each other were kept together.",
        ),
        tables=(_facts(*facts),),
    )


def _model(version: ModelVersion) -> Section:
    summary = version.summary
    parameters = summary.get("parameters") or {}
    named = (
        {entry: _parameter_words(values) for entry, values in parameters.items()}
        if isinstance(parameters, Mapping)
        else {"combined of": ", ".join(name.replace("_", " ") for name in parameters)}
    )
    recipe = summary.get("recipe") or {}
    plan = recipe.get("preparation") or {}
    chosen = tuple((name.replace("_", " "), str(option)) for name, option in plan.items())
    tables = [CardTable(header=("Parameter", "Value"), rows=flat_rows(named))]
    if chosen:
        tables.append(CardTable(header=("Preparation", "Choice"), rows=chosen))
    search = search_rows(summary["search"]) if isinstance(summary.get("search"), Mapping) else ()
    if search:
        tables.append(CardTable(header=("Search", "Value"), rows=search))
    return Section(
        title="Estimator, parameters and preparation",
        paragraphs=(
            f"{_estimator_words(version.estimator)}. Preparation is fitted inside each training fold only; 'usual' "
            "leaves the choice to the estimator: medians with an indicator for missing numbers, signed logarithms for "
            "long tails, standardised, rare categories together.",
        ),
        tables=tuple(table for table in tables if table.rows),
    )


def _inputs(version: ModelVersion) -> Section:
    importance = version.summary.get("importance") or []
    inputs = [name for name in version.feature_names if name not in CONSTANTS]
    total = sum(entry["mean_absolute"] for entry in importance) or 1.0
    rows = tuple(
        (*_input_words(entry["name"]), f"{entry['mean_absolute']:.3f}", percent_words(entry["mean_absolute"] / total))
        for entry in importance[:MOST_INPUTS]
        if entry["mean_absolute"] > 0
    )
    return Section(
        title="Inputs",
        paragraphs=(
            f"{len(inputs)} inputs{_made_words(inputs)}; the {len(rows)} that move the risk most, by mean absolute "
            f"contribution in log-odds. {sampling_words(importance)}",
        )
        if rows
        else (),
        tables=(CardTable(header=("Input", "Meaning", "Contribution", "Share"), rows=rows),) if rows else (),
        points=(f"All inputs: {', '.join(inputs)}.",),
    )


def _made_words(inputs: Sequence[str]) -> str:
    """Which of the inputs the model makes itself, if any."""
    entries = [feature_entry(name) for name in inputs if name in MADE]
    labels = " and ".join(f"'{entry.label.lower()}'" for entry in entries if entry is not None)
    return f" (of which it makes {labels} from the others)" if labels else ""


def _quality(version: ModelVersion) -> Section:
    summary = version.summary
    measures = judged_measures(version)
    if not measures:
        return Section(
            title="Quality",
            paragraphs=("Not judged: there was too little past that the model had not seen. Its risks are unproven.",),
        )
    backtest = summary["backtest"]
    rows = tuple((METRIC_LABELS[name], interval_words(name, found)) for name, found in measures.items())
    candidates = tuple(
        (
            _estimator_words(name) + (" (used)" if name == backtest.get("chosen") else ""),
            *(f"{values[measure]:.4f}" for measure in ("auc", "log_loss", "brier")),
        )
        for name, values in (backtest.get("models") or {}).items()
    )
    return Section(
        title="Quality on customers and times it had not seen",
        paragraphs=(
            f"{number_words(backtest.get('n'))} customers, of whom {percent_words(backtest.get('churn_rate'))} churned "
            f"(base rate) and {percent_words(backtest.get('mean_predicted'))} were predicted.",
        ),
        tables=(
            CardTable(header=("Measure", "Value and 95 % interval"), rows=rows),
            CardTable(header=("Candidate", "ROC-AUC", "Log loss", "Brier score"), rows=candidates),
        ),
        charts=("roc", "gain"),
    )


def _calibration(version: ModelVersion) -> Section:
    summary = version.summary
    rows = tuple(
        (
            moment_words(datetime.fromisoformat(period["cutoff"]), day_only=True),
            number_words(period["n"]),
            percent_words(period["mean_predicted"]),
            percent_words(period["churn_rate"]),
            f"{100 * (period['mean_predicted'] - period['churn_rate']):+.1f} points",
        )
        for period in summary.get("periods") or ()
    )
    season = (summary.get("calibration") or {}).get("season") or {}
    reason = season.get("reason")
    return Section(
        title="Calibration",
        paragraphs=(*((f"Season: {reason}",) if reason else ()),)
        or ("A table without time has no season; whether the level holds next year is not known.",),
        tables=(CardTable(header=("Cutoff", "Customers", "Predicted", "Happened", "Gap"), rows=rows),) if rows else (),
        charts=("calibration",),
    )


def _guard(version: ModelVersion) -> Section:
    guard = version.summary.get("guard")
    checks = guard.get("checks") if isinstance(guard, Mapping) else None
    if not checks:
        return Section(title="Leak guard", paragraphs=("No results of the leak guard were kept with this version.",))
    rows = tuple(tuple(str(check.get(key, "")) for key in ("title", "number", "status", "meaning")) for check in checks)
    return Section(
        title="Leak guard",
        tables=(CardTable(header=("Check", "Result", "Status", "Meaning"), rows=rows),),
    )


def _limits(version: ModelVersion) -> Section:
    return Section(title="Limitations", points=(*LIMITATIONS, *map(str, version.summary.get("notes") or ())))


def _again(version: ModelVersion) -> Section:
    summary = version.summary
    recipe = summary.get("recipe") or {}
    command = f"churn train --source {version.source} --seed {summary.get('seed', 42)}"
    if recipe.get("estimators"):
        command += f" --estimators {','.join(recipe['estimators'])}"
    chosen = [f"{name}={option}" for name, option in (recipe.get("preparation") or {}).items() if option != "usual"]
    if chosen:
        command += f" --prepare {','.join(chosen)}"
    found = summary.get("search")
    searched = (
        "The settings were found by a search. One that ends by the clock may end elsewhere when it is repeated; one "
        "that ends by the number of tries (--search-trials) does not."
    )
    libraries = ", ".join(f"{name} {number}" for name, number in sorted((summary.get("libraries") or {}).items()))
    return Section(
        title="How to get it again",
        paragraphs=(
            "The same data, definition, seed, recipe and libraries give the same model and the same scores bit for "
            "bit; the digest above then comes out equal.",
            *((searched,) if found else ()),
        ),
        tables=(
            _facts(
                ("Command", command),
                ("Seed", str(summary.get("seed", "not kept"))),
                ("Libraries", libraries or "not kept"),
                *(
                    (("Settings", "; ".join(f"{n}: {v}" for n, v in flat_rows(recipe["settings"]))),)
                    if recipe.get("settings")
                    else ()
                ),
            ),
        ),
    )


def _parameter_words(values: object) -> object:
    """Settings of one estimator without its name, which stands before them."""
    return {key: entry for key, entry in values.items() if key != "name"} if isinstance(values, Mapping) else values


def _estimator_words(name: str) -> str:
    if name in ESTIMATOR_WORDS:
        return ESTIMATOR_WORDS[name]
    return ESTIMATORS[name][2] if name in ESTIMATORS else name.replace("_", " ")


def _input_words(name: str) -> tuple[str, str]:
    """What an input is called and what it means."""
    entry = feature_entry(name)
    if entry is not None:
        return entry.label, entry.meaning
    if name.startswith(PREFIX):
        return name.removeprefix(PREFIX), "Customer attribute that was marked as stable"
    return name, "Column of the uploaded table"
