"""The blocks of the Import page below the button: past imports, rejected rows, templates, what else would help."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from churn_core.figures.theme import count, counted, percent
from churn_core.intake.history import Import, past_imports
from churn_core.intake.load import write_rejected
from churn_core.schema import USER_TABLES
from churn_core.state import WorkspaceState, table_counts
from ui import session
from ui.errors import plain
from ui.folded_table import folded_table
from ui.widgets import next_link, table, table_words

TEMPLATES = Path(__file__).resolve().parent.parent / "data" / "templates"


def continue_block(state: WorkspaceState) -> None:
    """After data came in: the page where to go on."""
    if state.is_empty:
        return
    with st.container(horizontal=True, gap="medium"):
        if state.run_data_version < state.data_version:
            st.page_link("pages/data/quality.py", label="Next: check the data", icon=":material/arrow_forward:")
        next_link(state)


def past_imports_block() -> None:
    """Every file that was loaded, with counts; rejected rows to download."""
    imports = past_imports(session.warehouse())
    if not imports:
        return
    st.subheader("Past imports", anchor=False)
    table(
        [
            {
                "File": done.file_name,
                "What came of it": done.outcome,
                "Rows": count(done.n_rows),
                "Set aside": _set_aside(done),
                "When (UTC)": done.imported_at,
            }
            for done in imports
        ],
        config={
            "When (UTC)": st.column_config.DatetimeColumn(format="D MMM YYYY, HH:mm", width=140),
            "File": st.column_config.TextColumn(width=116),
        },
    )
    _rejected(imports)


def next_steps_block() -> None:
    """Which tables are filled and what each further one would add."""
    filled = dict(table_counts(session.warehouse()))
    st.subheader("What would add to the answers", anchor=False)
    folded_table(
        [
            {
                "Table": table_words(kept.name),
                "Rows here": count(filled[kept.name]) if kept.name in filled else "none yet",
                "What it adds": kept.adds,
                "One row is": kept.meaning.removeprefix("One row per ").rstrip("."),
            }
            for kept in USER_TABLES
        ],
        key="adds",
        left=("What it adds", "One row is"),
    )
    files = sorted(TEMPLATES.glob("*.csv"))
    if files:
        with st.popover("Download a template"):
            for file in files:
                st.download_button(
                    file.name, data=file.read_bytes, file_name=file.name, mime="text/csv", type="tertiary"
                )


def _set_aside(done: Import) -> str:
    return f"{count(done.n_rejected)} ({percent(done.n_rejected / done.n_rows)})" if done.n_rejected else "0"


def _rejected(imports: list[Import]) -> None:
    rejected = [done for done in imports if done.n_rejected]
    if not rejected:
        return
    st.caption(
        "Rows that could not be understood are set aside with line, column and cause. Download them, correct them, "
        "and import that file."
    )
    with st.container(horizontal=True):
        for done in rejected[:5]:
            st.download_button(
                f"{counted(done.n_rejected, 'row')} of {plain(done.file_name)}",
                data=rejected_file(done.import_id),
                file_name=f"rejected-{done.import_id}-{done.n_rejected}-rows.csv",
                mime="text/csv",
                icon=":material/download:",
                key=f"rejected_{done.import_id}",
            )


def rejected_file(import_id: int) -> Callable[[], bytes]:
    """A function that makes the file of an import's rejected rows when somebody asks for it."""
    warehouse = session.warehouse()

    def made() -> bytes:
        target = warehouse.file(f"rejected-{import_id}.csv")
        write_rejected(warehouse, import_id, target)
        content = target.read_bytes()
        target.unlink()
        return content

    return made
