"""The blocks of the Import page below the button: past imports, rejected rows, templates, what else would help."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from churn_core.figures.theme import count, counted
from churn_core.intake.history import Import, past_imports
from churn_core.intake.load import write_rejected
from churn_core.schema import USER_TABLES
from churn_core.state import WorkspaceState, table_counts
from ui import session
from ui.errors import plain
from ui.widgets import table_words

TEMPLATES = Path(__file__).resolve().parent.parent / "data" / "templates"


def continue_block(state: WorkspaceState) -> None:
    """After data came in: the page where to go on."""
    if state.is_empty:
        return
    if state.last_order_at is not None and not state.definition_version:
        st.page_link(
            "pages/data/churn_definition.py", label="Next: say what churned means", icon=":material/arrow_forward:"
        )
    elif state.run_data_version < state.data_version:
        st.page_link("pages/models/train.py", label="Next: train and score", icon=":material/arrow_forward:")


def past_imports_block() -> None:
    """Every file that was loaded, with counts; rejected rows to download."""
    imports = past_imports(session.warehouse())
    if not imports:
        return
    st.subheader("Past imports", anchor=False)
    st.dataframe(
        [
            {
                "When (UTC)": done.imported_at,
                "File": done.file_name,
                "Filled": ", ".join(table_words(table) for table in done.tables),
                "Rows": count(done.n_rows),
                "New": count(done.n_added),
                "Updated": count(done.n_updated),
                "Unchanged": count(done.n_unchanged),
                "Set aside": count(done.n_rejected),
            }
            for done in imports
        ],
        hide_index=True,
        column_config={"When (UTC)": st.column_config.DatetimeColumn(format="D MMM YYYY, HH:mm")},
        height=min(38 + 35 * len(imports), 320),
    )
    _rejected(imports)


def next_steps_block() -> None:
    """Which tables are filled and what each further one would add."""
    filled = dict(table_counts(session.warehouse()))
    st.subheader("What would add to the answers", anchor=False)
    st.dataframe(
        [
            {
                "Table": table_words(table.name),
                "Rows here": count(filled[table.name]) if table.name in filled else "none yet",
                "What it adds": table.adds,
                "One row is": table.meaning.removeprefix("One row per ").rstrip("."),
            }
            for table in USER_TABLES
        ],
        hide_index=True,
    )
    files = sorted(TEMPLATES.glob("*.csv"))
    if files:
        with st.popover("Download a template"):
            for file in files:
                st.download_button(
                    file.name, data=file.read_bytes, file_name=file.name, mime="text/csv", type="tertiary"
                )


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
