"""Outcomes of a campaign from a file: which column is what, what of it would be matched, and the button that brings it.

Orders need none of this: they are counted as soon as they are imported. A file is for shops whose orders are not here,
and for outcomes that are no orders.
"""

from __future__ import annotations

import json
from typing import Any

import streamlit as st

from churn_core.campaigns.experiment_guess import ExperimentGuess, guess_experiment
from churn_core.campaigns.goals import OUTCOMES
from churn_core.campaigns.outcome_files import forget_outcomes, import_outcomes, outcome_files
from churn_core.campaigns.outcome_preview import OutcomePreview, preview_outcomes, stored_outcomes
from churn_core.campaigns.outcome_rows import FILE_KINDS, OutcomeColumns, metric_name
from churn_core.campaigns.readout_model import CampaignReadout
from churn_core.figures.theme import count, counted, day
from churn_core.intake.source import Source
from churn_core.jobs import Progress
from ui import session
from ui.errors import errors_shown, guarded, plain, sentence, show_callback_error
from ui.file_taken import let_go, reading_line, taken_file
from ui.import_reading import source_key
from ui.layout import side_by_side
from ui.session import Stamp
from ui.widgets import job_started, table, wait_note, waits_for

NAME = "outcomes"
NONE = "none"
KIND_WORDS = {"": "found out by itself", "rate": "yes or no", "mean": "amount, zeros included"}
_ERRORS = "outcomes"


@st.cache_data(show_spinner=False, max_entries=16)
def files_of(stamp: Stamp, campaign_id: str) -> list[dict[str, Any]]:
    """The files that were brought for a campaign, newest first."""
    return outcome_files(session.warehouse(stamp.workspace), campaign_id)


@st.cache_data(show_spinner=False, max_entries=16)
def stored_of(stamp: Stamp, campaign_id: str) -> tuple[str, ...]:
    """Outcomes of files that are in force."""
    return stored_outcomes(session.warehouse(stamp.workspace), campaign_id)


@st.cache_data(show_spinner="Matching customers", max_entries=16)
def preview_of(
    stamp: Stamp, campaign_id: str, key: str, _source: Source, columns: OutcomeColumns, missing_is_zero: bool
) -> OutcomePreview:
    """What a file would bring, as the columns are chosen; ``key`` stands for the file."""
    warehouse = session.warehouse(stamp.workspace)
    return preview_outcomes(warehouse, campaign_id, _source, columns, missing_is_zero=missing_is_zero)


def outcome_block(stamp: Stamp, found: CampaignReadout, *, is_open: bool) -> None:
    """Where outcomes come from, the files that were brought, and a new one."""
    if found.campaign is None:
        return
    campaign_id = found.campaign.campaign_id
    with st.expander("Outcomes: from orders, or from a file", expanded=is_open, key=f"outcomes_{campaign_id}"):
        st.markdown(
            "Orders count as soon as they are imported. Outcomes that are not among them come in a file, one row per "
            "customer: a column of the name of an outcome (such as retained, orders or spend) takes the place of what "
            "the orders say, any other is an outcome of its own."
        )
        st.page_link("pages/data/import_file.py", label="Import newer orders", icon=":material/arrow_forward:")
        show_callback_error(_ERRORS)
        _brought(stamp, campaign_id)
        upload = taken_file(f"{NAME}_{campaign_id}", "A file of outcomes")
        if upload is None:
            return
        reading_line(f"{NAME}_{campaign_id}", upload)
        with errors_shown():
            columns, missing_is_zero = _columns(upload.source, campaign_id)
            if not columns.metrics:
                st.info("Choose at least one column that says what came of the customers.")
                return
            key = source_key(upload.source)
            preview = preview_of(stamp, campaign_id, key, upload.source, columns, missing_is_zero)
            _told(preview, missing_is_zero)
            st.button(
                "Bring these outcomes",
                type="primary",
                key="bring_outcomes",
                disabled=(preview.match.n_missing > 0 and not missing_is_zero) or bool(waits_for()),
                on_click=guarded(_start, place=_ERRORS),
                args=(campaign_id, upload.source, columns, missing_is_zero),
            )
            wait_note()


def _brought(stamp: Stamp, campaign_id: str) -> None:
    """Files of before, and a way to take their outcomes back."""
    files = files_of(stamp, campaign_id)
    if not files:
        return
    table(
        [
            {
                "Brought": day(row["imported_at"]),
                "By": row["imported_by"],
                "File": row["file_name"],
                "Outcomes": ", ".join(_metrics(row)),
                "Rows": count(row["n_rows"]),
                "Matched": count(row["n_matched"]),
                "Missing": count(row["n_missing"]),
                "Unknown": count(row["n_unknown"]),
                "Twice": count(row["n_duplicate"]),
            }
            for row in files
        ]
    )
    names = stored_of(stamp, campaign_id)
    if names:
        with st.popover("Take an outcome back", key="take_back"):
            name = st.selectbox("Outcome of a file", names, key=f"forget_{campaign_id}")
            st.markdown("Where orders tell it too, they do so again.")
            st.button(
                "Take it back",
                key="forget_outcome",
                on_click=guarded(_forget, place=_ERRORS),
                args=(campaign_id, name),
            )


def _columns(source: Source, campaign_id: str) -> tuple[OutcomeColumns, bool]:
    """Which column is what, proposed by name."""
    key = f"{campaign_id}_{source_key(source)}"
    names = [column.name for column in source.columns]
    guessed = guess_experiment(source)
    first, second, third = side_by_side(3, key="outcome_columns")
    customer = first.selectbox(
        "Column of the customer id",
        names,
        index=names.index(guessed.customer_id) if guessed.customer_id in names else 0,
        key=f"outcome_id_{key}",
    )
    others = [name for name in names if name != customer]
    arm = second.selectbox(
        "Column of the arm",
        [NONE, *others],
        index=others.index(guessed.arm) + 1 if guessed.arm in others else 0,
        key=f"outcome_arm_{key}",
        help="Only checked: everybody counts in the arm that was drawn.",
    )
    moment = third.selectbox(
        "Column of the day",
        [NONE, *others],
        key=f"outcome_time_{key}",
        help="Only checked: what happened before the start or after the window is refused.",
    )
    chosen = _outcomes([name for name in others if name not in (arm, moment)], guessed, key)
    missing_is_zero = st.checkbox(
        "Customers who are not in the file, and empty values, count as 0",
        key=f"outcome_zero_{key}",
        help="Tick it when the file lists only those to whom something happened.",
    )
    columns = OutcomeColumns(
        id_column=customer,
        metrics=chosen,
        arm_column=None if arm == NONE else arm,
        time_column=None if moment == NONE else moment,
    )
    return columns, missing_is_zero


def _outcomes(left: list[str], guessed: ExperimentGuess, key: str) -> dict[str, str]:
    """Columns of outcomes with their kind."""
    chosen = st.multiselect(
        "Outcomes",
        left,
        default=[name for name in guessed.outcomes if name in left] or (left if len(left) == 1 else []),
        key=f"outcome_metrics_{key}",
        placeholder="choose columns",
    )
    return _kinds(chosen, key)


def _kinds(chosen: list[str], key: str) -> dict[str, str]:
    """Kind of every outcome; those that the product knows have theirs."""
    kinds = {}
    for name in chosen:
        known = OUTCOMES.get(metric_name(name))
        if known is not None and known.kind in FILE_KINDS:
            kinds[name] = known.kind
            st.caption(f"{plain(name)}: {plain(known.label)}, {KIND_WORDS[known.kind]}.")
            continue
        kinds[name] = st.segmented_control(
            f"{name} is",
            list(KIND_WORDS),
            default="",
            required=True,
            format_func=lambda kind: KIND_WORDS[kind],
            key=f"outcome_kind_{name}_{key}",
        )
    return kinds


def _told(preview: OutcomePreview, missing_is_zero: bool) -> None:
    """What would be matched, and what would not."""
    found = preview.match
    st.markdown(
        f"**{counted(found.n_matched, 'customer')} matched** in {counted(preview.n_rows, 'row')}: "
        + ", ".join(f"{plain(name)} ({KIND_WORDS[kind]})" for name, kind in preview.kinds.items())
    )
    if found.n_unknown:
        examples = ", ".join(map(plain, found.unknown_ids[:3]))
        st.warning(
            f"{counted(found.n_unknown, 'row')} about customers who are not in the campaign: left out (first: "
            f"{examples})."
        )
    if found.n_duplicate:
        st.warning(f"{counted(found.n_duplicate, 'further row')} with the same values of a customer: counted once.")
    if found.n_missing:
        what = "they count as 0, as chosen." if missing_is_zero else "tick that they count as 0, or add them."
        st.warning(f"{counted(found.n_missing, 'customer')} of the campaign not in the file: {what}")
    if found.n_open:
        st.caption(
            f"{counted(found.n_open, 'customer')} whose window is not over yet: left out; bring the file again then."
        )
    replaced = [OUTCOMES[name].label for name in preview.kinds if name in OUTCOMES]
    if replaced:
        st.caption(sentence(f"From then on the file says {', '.join(replaced)}, and the orders do not"))


def _start(campaign_id: str, source: Source, columns: OutcomeColumns, missing_is_zero: bool) -> None:
    warehouse = session.warehouse()

    def work(progress: Progress) -> dict[str, object]:
        made = import_outcomes(
            warehouse,
            campaign_id,
            source,
            metrics=columns.metrics,
            id_column=columns.id_column,
            arm_column=columns.arm_column,
            time_column=columns.time_column,
            missing_is_zero=missing_is_zero,
            progress=progress,
        )
        return {"message": made.message}

    job_started(session.runner().start("outcomes", f"Outcomes from {source.name}", work))
    let_go(f"{NAME}_{campaign_id}")


def _forget(campaign_id: str, name: str) -> None:
    forget_outcomes(session.warehouse(), campaign_id, name)
    st.toast(f"{plain(name)} is taken back.")


def _metrics(row: dict[str, Any]) -> list[str]:
    return list(json.loads(row["metrics"] or "{}"))
