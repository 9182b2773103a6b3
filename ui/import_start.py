"""The last blocks of the Import page before the history: the rows as understood, stable attributes, the button."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from churn_core.campaigns.alerting import renew_alerts
from churn_core.customers.group_refresh import Refreshed, refresh_groups
from churn_core.figures.theme import counted, percent
from churn_core.intake.load import ImportResult, import_file, preview, rejected_causes
from churn_core.intake.mapping_model import Mapping
from churn_core.jobs import Progress, part
from churn_core.settings import save_settings, settings
from churn_core.warehouse import Warehouse
from ui import session
from ui.errors import errors_shown, guarded
from ui.import_mapping import field_words
from ui.import_reading import importing, source_key
from ui.settings_blocks import WHY_STABLE
from ui.upload import Upload
from ui.widgets import job_started, wait_note, waits_for

if TYPE_CHECKING:
    import pandas as pd

MUCH_SET_ASIDE = 0.05
"""Share of rows set aside from which on an import is not plainly a success."""


def preview_block(upload: Upload, mapping: Mapping) -> bool:
    """Ten rows as they will be understood; whether the mapping can be used."""
    with errors_shown():
        mapping.check(upload.source)
        with st.spinner("Reading the first rows"):
            rows = _attributes_apart(preview(upload.source, mapping))
        empty = [name for name in ("problem", "is_return") if name in rows and not rows[name].fillna(False).any()]
        st.subheader("Ten rows as they will be understood", anchor=False)
        st.dataframe(
            rows.drop(columns=empty),
            hide_index=True,
            column_config={name: field_words(name) for name in ("line", "problem", *mapping.fields)},
            placeholder="",
        )
        return True
    return False


def _attributes_apart(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with a column for each attribute instead of one that holds them all."""
    if "attributes" not in rows:
        return rows
    import pandas as pd

    apart = pd.DataFrame([json.loads(text) if text else {} for text in rows["attributes"]], index=rows.index)
    return pd.concat([rows.drop(columns="attributes"), apart[[c for c in apart if c not in rows]]], axis=1)


def stable_block(upload: Upload, mapping: Mapping) -> tuple[str, ...]:
    """For customer attributes: they are as known today; which of them may be learned from."""
    if mapping.kind != "customers":
        return ()
    used = set(mapping.fields.values())
    extra = [column.name for column in upload.source.columns if column.name not in used]
    if not extra:
        return ()
    st.info(WHY_STABLE)
    now = settings(session.warehouse())
    chosen = st.multiselect(
        "Stable attributes: they do not change when a customer leaves",
        extra,
        default=[name for name in extra if name in now.stable_attributes],
        key=f"stable_{source_key(upload.source)}",
        placeholder="none: keep all as filters only",
        persist_state="page",
    )
    return tuple(chosen)


def import_button(upload: Upload, mapping: Mapping, stable: tuple[str, ...], *, ready: bool) -> None:
    """Start the import."""
    st.button(
        f"Import {counted(upload.source.n_rows, 'row')}",
        type="primary",
        disabled=not ready or bool(waits_for()),
        on_click=guarded(_start),
        args=(upload, mapping, stable),
        key="import",
    )
    wait_note()


def set_aside_words(warehouse: Warehouse, result: ImportResult) -> str:
    """Which share of a file was set aside and the main cause; empty unless it is much."""
    if not result.n_rows or result.n_rejected < MUCH_SET_ASIDE * result.n_rows:
        return ""
    words = f"{percent(result.n_rejected / result.n_rows)} of the rows were set aside and are in no number here"
    causes = rejected_causes(warehouse, result.import_id).head(1).to_dict("records")
    if not causes:
        return words
    column, main = causes[0]["column_name"], causes[0]
    where = f" in {column!r}" if column else ""
    return f"{words}; the main cause is {main['cause']!r}{where} ({counted(int(main['n_rows']), 'row')})"


def groups_words(groups: Refreshed) -> str:
    """Which tags and segments could not be found again, in a sentence each; empty when all were."""
    return " ".join(
        f"The {group.kind} {group.name!r} keeps the customers it had: {group.problem}" for group in groups.problems
    )


def _start(upload: Upload, mapping: Mapping, stable: tuple[str, ...]) -> None:
    warehouse = session.warehouse()
    now = settings(warehouse)

    def work(progress: Progress) -> dict[str, object]:
        result = import_file(warehouse, upload.source, mapping, progress=part(progress, 0.0, 0.95))
        if mapping.kind == "customers":
            others = tuple(name for name in now.stable_attributes if name not in stable)
            save_settings(warehouse, replace(now, stable_attributes=(*others, *stable)))
        groups = refresh_groups(warehouse)
        renew_alerts(warehouse)
        return {
            "message": result.message,
            "caution": set_aside_words(warehouse, result) or groups_words(groups),
            "import_id": result.import_id,
            "file_name": upload.name,
        }

    job_id = session.runner().start("import", f"Importing {upload.name}", work)
    job_started(job_id)
    importing(job_id)
