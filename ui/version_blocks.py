"""The blocks of the Versions page: all versions, what can be done with one, and two set against each other."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import streamlit as st

from churn_core.figures import versions as figures
from churn_core.figures.card_html import card_html
from churn_core.figures.theme import UNKNOWN, count, counted, day, percent, points
from churn_core.models.card import card_markdown, model_card
from churn_core.models.compare import Comparison, MetricPair, compare_versions, judged_measures
from churn_core.models.evaluation import METRIC_LABELS, Metric
from churn_core.models.model_file import add_model, file_name, log_export, model_file
from churn_core.models.promotion import archive, champion_before, promote, roll_back
from churn_core.models.registry import ModelVersion
from churn_core.warehouse import Warehouse
from ui import session
from ui import session_customers as calls
from ui.customer_table import open_customer
from ui.errors import guarded, plain, sentence, show_callback_error
from ui.folded_table import folded_table
from ui.model_results import periods_of
from ui.session import Stamp
from ui.version_words import made_words, version_label
from ui.widgets import chart, is_of_other_model, table, table_words

N_CHANGES = 10
"""Customers on one page of the largest changes."""
MOST_CHANGES = 50
"""Customers that are listed there at most."""
SAME_RISK = 0.0005
"""Below this, a difference of two risks would be shown as none."""
_RIGHT = st.column_config.Column(alignment="right")
_COMPARED = "versions_compared"
_BRING_IN = "bring_in_refused"


def older_scores_block(stamp: Stamp, *, is_running: bool) -> None:
    """That the scores are not those of the champion, and the button that changes it."""
    state = stamp.state
    if not state.model_version or is_running or (state.run_id and not is_of_other_model(state)):
        return
    words = (
        f"Model {state.model_version} is champion, and the latest scores are still those of model "
        f"{state.run_model_version}."
        if state.run_id
        else f"Model {state.model_version} is champion, and nothing was scored yet."
    )
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f":orange[:material/sync_problem:] {words}")
        st.button("Score now", type="primary", key="score_now", on_click=guarded(calls.start_scoring))


def versions_table(found: list[ModelVersion]) -> None:
    """Every version with its measures and calibration; opened, its data, cutoffs, libraries, seed, who and when."""
    folded_table([_version_row(version) for version in found], key="versions", left=("Estimator",))
    with st.expander("How each was made: data, days it learned from, worst gap, seed, who, libraries"):
        table([_made_row(version) for version in found])
    st.caption(
        "The champion scores. The champion before it stays as challenger; all others are archived: kept whole and back "
        "by promoting them. Measures with their intervals stand in the comparison below and in each model card."
    )


def actions_block(stamp: Stamp, found: list[ModelVersion]) -> None:
    """One version, chosen, and what can be done with it."""
    version = _chosen("Version", found, key="version", index=0)
    number = version.model_version
    before = champion_before(session.warehouse())
    with st.container(horizontal=True, vertical_alignment="center"):
        if version.status != "champion":
            with st.popover(f"Promote model {number}", icon=":material/arrow_upward:", key="promote"):
                st.markdown(
                    f"Model {number} becomes champion, model {stamp.state.model_version or '–'} its challenger. It is "
                    "tried on some customers first. The scores stay as they are until you score again."
                )
                st.button("Promote", type="primary", key="promote_now", on_click=guarded(_promote), args=(number,))
        if version.status == "challenger":
            with st.popover(f"Archive model {number}", icon=":material/inventory_2:", key="archive"):
                st.markdown(f"Model {number} is put aside, kept whole, and comes back by promoting it.")
                st.button("Archive", type="primary", key="archive_now", on_click=guarded(_archive), args=(number,))
        if before is not None:
            with st.popover(f"Roll back to model {before}", icon=":material/undo:", key="roll_back"):
                st.markdown(
                    f"Model {before} was champion before model {stamp.state.model_version} and becomes it again; model "
                    f"{stamp.state.model_version} stays as challenger."
                )
                st.button("Roll back", type="primary", key="roll_back_now", on_click=guarded(_roll_back))
        _downloads(version)
    _card_block(version)


def import_block() -> None:
    """Bring in a model that was exported here or elsewhere."""
    is_open = _BRING_IN in st.session_state
    with st.expander("Bring in a model file", icon=":material/upload_file:", expanded=is_open):
        st.markdown(
            "A file that was exported from Versions. Its digest, the inputs and the libraries are checked, nothing in "
            "it is executed, and the model is archived until somebody promotes it."
        )
        st.file_uploader("Model file", type=["json"], key="model_upload", label_visibility="collapsed")
        st.button(
            "Bring in",
            key="bring_in",
            disabled=st.session_state.get("model_upload") is None,
            on_click=guarded(_bring_in, place=_BRING_IN),
        )
        show_callback_error(_BRING_IN)


def compare_block(stamp: Stamp, found: list[ModelVersion]) -> None:
    """Two versions set against each other when asked for: measures, ranks, tiers, customers."""
    st.subheader("Compare two versions", anchor=False)
    if len(found) < 2:
        st.caption("There is one version so far; train another to compare.")
        return
    with st.container(horizontal=True):
        first = _chosen("Version", found, key="a", index=1)
        second = _chosen("Against", found, key="b", index=0)
    if first.model_version == second.model_version:
        st.caption("Choose two different versions.")
        return
    asked = (stamp.workspace, first.sha256, second.sha256)
    if st.session_state.get(_COMPARED) != asked:
        st.button("Compare", key="compare", on_click=_ask_to_compare, args=(asked,))
        st.caption("The customers of today are scored with both, which takes a while.")
        return
    policy = calls.policy(stamp)
    state = stamp.state
    with st.spinner("Scoring the customers of today with both, in memory"):
        made = _compared(
            stamp.workspace,
            (first.model_version, second.model_version),
            (first.sha256, second.sha256, state.data_version, state.definition_version, state.run_id),
            (policy.high_from, policy.medium_from),
        )
    _metrics_table(made)
    _present_block(made)


def _ask_to_compare(asked: tuple[str, str, str]) -> None:
    st.session_state[_COMPARED] = asked


@st.cache_data(show_spinner=False, max_entries=6)
def _compared(
    workspace: str, numbers: tuple[int, int], known_by: tuple[object, ...], tiers: tuple[float, float]
) -> Comparison:
    """The comparison; kept until one of the versions, the data, the definition or the run is another."""
    return compare_versions(session.warehouse(workspace), *numbers, high_from=tiers[0], medium_from=tiers[1])


def _chosen(label: str, found: list[ModelVersion], *, key: str, index: int) -> ModelVersion:
    """A version, chosen; its number stands in the address."""
    by_number = {version.model_version: version for version in found}
    number = st.selectbox(
        label,
        list(by_number),
        index=index,
        format_func=lambda number: version_label(by_number[number]),
        key=key,
        bind="query-params",
        width=416,
    )
    return by_number[number]


def _version_row(version: ModelVersion) -> dict[str, str]:
    measures = judged_measures(version)
    return {
        "Model": f"{version.model_version}, {version.status}",
        "Estimator": made_words(version),
        "Trained (UTC)": f"{day(version.trained_at)}, {version.trained_at:%H:%M}",
        "ROC-AUC": _three(measures.get("auc")),
        "Log loss": _three(measures.get("log_loss")),
        "Top 10 %": percent(measures["precision_top10"].value) if "precision_top10" in measures else UNKNOWN,
        "Predicted / happened": _levels(version.summary.get("backtest") or {}),
    }


def _made_row(version: ModelVersion) -> dict[str, str]:
    summary = version.summary
    libraries = summary.get("libraries") or {}
    return {
        "Model": str(version.model_version),
        "Learned from": _learned_from(version),
        "Cutoffs": _cutoffs(version),
        "Worst gap": _worst_gap(version),
        "Judged on": count((summary.get("backtest") or {}).get("n")),
        "Seed": str(summary.get("seed", UNKNOWN)),
        "By": version.trained_by or UNKNOWN,
        "Libraries": ", ".join(f"{name} {number}" for name, number in libraries.items()) or UNKNOWN,
    }


def _learned_from(version: ModelVersion) -> str:
    """Which data and which question a version knows."""
    learned = version.learned
    imported = version.summary.get("imported")
    where = f"file {imported['file']}" if imported else f"data {version.data_version}"
    question = f"{learned.horizon_days} days (definition {learned.version})" if learned else "label"
    return f"{table_words(version.source)}, {where}, {question}"


def _cutoffs(version: ModelVersion) -> str:
    cutoffs = [datetime.fromisoformat(text) for text in version.summary.get("cutoffs") or ()]
    if not cutoffs:
        return UNKNOWN
    return f"{len(cutoffs)}: {min(cutoffs):%b %Y} to {max(cutoffs):%b %Y}"


def _levels(backtest: dict[str, Any]) -> str:
    if not backtest:
        return UNKNOWN
    return f"{percent(backtest.get('mean_predicted'))} / {percent(backtest.get('churn_rate'))}"


def _worst_gap(version: ModelVersion) -> str:
    """The largest gap between predicted and happened over the judged cutoffs."""
    gaps = [period.predicted - period.happened for period in periods_of(version)]
    return points(max(gaps, key=abs)) if gaps else UNKNOWN


def _three(found: Metric | None) -> str:
    return f"{found.value:.3f}" if found else UNKNOWN


def _downloads(version: ModelVersion) -> None:
    """The card as two files, and the model itself."""
    number = version.model_version
    with st.popover("Download", icon=":material/download:", key="downloads"):
        card = model_card(version)
        for label, text, suffix, mime in (
            ("Model card (HTML)", card_html(card), "html", "text/html"),
            ("Model card (Markdown)", card_markdown(card), "md", "text/markdown"),
        ):
            st.download_button(
                label,
                text,
                file_name=f"model-{number}-card.{suffix}",
                mime=mime,
                on_click="ignore",
                key=f"card_{suffix}",
            )
        st.download_button(
            "Model file",
            data=exported(session.warehouse(), version),
            file_name=file_name(version),
            mime="application/json",
            on_click="ignore",
            key="model_file",
        )
        if version.source == "snapshots":
            st.caption(
                "The model file names the customers it learned from, to score each by a model that never saw them."
            )


def exported(warehouse: Warehouse, version: ModelVersion) -> Any:
    """What the download calls: the bytes of the model file, logged when they are fetched."""

    def content() -> bytes:
        made = model_file(warehouse, version.model_version)
        log_export(warehouse, version.model_version, file_name(version))
        return made

    return content


def _card_block(version: ModelVersion) -> None:
    with st.expander(f"Model card of model {version.model_version}: data, parameters, quality, limits"):
        # Lower headings than in the file, so that the page keeps its own.
        st.markdown(card_markdown(model_card(version)).replace("\n## ", "\n##### ").replace("# ", "##### ", 1))


def _metrics_table(found: Comparison) -> None:
    if found.not_comparable:
        st.info(sentence(found.not_comparable))
    a, b = found.a.model_version, found.b.model_version
    if found.metrics:
        table([_metric_row(pair, a, b) for pair in found.metrics], config={"Difference": _RIGHT})
    if not found.not_comparable:
        st.caption(
            "With 95 % intervals. The difference is treated as if both had been judged on different customers, which "
            "is cautious: what is called clear is clear."
        )


def _metric_row(pair: MetricPair, a: int, b: int) -> dict[str, str]:
    row = {
        "Measure": METRIC_LABELS[pair.name],
        f"Model {a}": _interval(pair.name, pair.a),
        f"Model {b}": _interval(pair.name, pair.b),
    }
    if pair.difference is None:
        return row
    verdict = {True: f"model {b} is better", False: f"model {a} is better", None: "not clear"}[pair.b_is_better]
    return {**row, "Difference": _interval(pair.name, pair.difference, is_difference=True), "Verdict": verdict}


def _interval(name: str, found: Metric | None, *, is_difference: bool = False) -> str:
    if found is None:
        return UNKNOWN
    if name == "precision_top10":
        shown = points if is_difference else percent
        return f"{shown(found.value)} [{shown(found.low)}, {shown(found.high)}]"
    form = "+.3f" if is_difference else ".3f"
    return f"{found.value:{form}} [{found.low:{form}}, {found.high:{form}}]"


def _present_block(found: Comparison) -> None:
    now, a, b = found.present, found.a.model_version, found.b.model_version
    if now is None:
        st.info(sentence(found.not_present))
        return
    with st.grid(2, min_column_width=380, gap="medium"):
        chart(figures.tier_changes_figure(now, a, b, mode=session.mode()), key="tier_changes")
        chart(figures.risks_figure(now, a, b, mode=session.mode()), key="risks")
    if now.is_sample:
        st.caption(f"{counted(now.n, 'customer')} of today, the same random sample for both versions.")
    first = now.changes(0, 1)
    if first and abs(first[0]["change"]) < SAME_RISK:
        st.caption("Both versions give every customer the same risk.")
        return
    st.markdown("**Whose risk differs most**")
    n_listed = min(now.n, MOST_CHANGES)
    page = st.pagination(-(-n_listed // N_CHANGES), key="changes_page", bind="query-params")
    first_row = (page - 1) * N_CHANGES
    shown = now.changes(first_row, min(N_CHANGES, n_listed - first_row))
    table(
        [
            {
                "": "Open",
                "Customer": row["customer_id"],
                f"Model {a}": percent(row["risk_a"]),
                f"Model {b}": percent(row["risk_b"]),
                "Change": points(row["change"]),
            }
            for row in shown
        ],
        config={"": st.column_config.ButtonColumn("", type="secondary", width=62, key="open_change"), "Change": _RIGHT},
        most_rows=N_CHANGES,
        width="content",
    )
    if now.n > n_listed:
        st.caption(f"The {n_listed} largest differences, of {counted(now.n, 'customer')}.")
    click = st.session_state.get("open_change")
    if click is not None:
        open_customer(shown[click["row"]]["customer_id"])


def _promote(number: int) -> None:
    st.toast(plain(promote(session.warehouse(), number).message))


def _roll_back() -> None:
    st.toast(plain(roll_back(session.warehouse()).message))


def _archive(number: int) -> None:
    st.toast(f"Model {archive(session.warehouse(), number).model_version} is archived.")


def _bring_in() -> None:
    upload = st.session_state["model_upload"]
    st.session_state[_BRING_IN] = True
    version = add_model(session.warehouse(), upload.getvalue(), upload.name)
    del st.session_state[_BRING_IN]
    st.toast(f"{plain(upload.name)} is model {version.model_version} now, archived; promote it to let it score.")
