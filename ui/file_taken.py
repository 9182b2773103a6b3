"""A file that a page looks at beside the import: taken, shown how it was read, read differently, let go.

Separate from the Import page's own uploader, which lives and ends with an import job: here the file is only looked at
for as long as the page is open. Several pages have one each, told apart by a name.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from churn_core.figures.theme import counted
from ui import session
from ui.errors import errors_shown, guarded, plain, sentence
from ui.import_reading import FORMATS, read_options, reading_inputs, source_key
from ui.upload import Upload, receive

_HELP = "CSV, TSV, Excel, Parquet or JSON lines, also packed as zip or gzip."


def taken_file(name: str, label: str, *, formats: Sequence[str] = FORMATS) -> Upload | None:
    """An uploader of its own; the opened file when there is one that can be read, else its error is shown."""
    state = st.session_state
    round_nr = state.get(f"{name}_round", 0)
    uploaded = st.file_uploader(
        label,
        type=list(formats),
        key=f"{name}_file_{session.stamp().state.created_at:%Y%m%d%H%M%S%f}_{round_nr}",
        help=_HELP,
    )
    if uploaded is None:
        let_go(name, is_new_round=False)
        return None
    seen = (session.current_workspace(), uploaded.file_id)
    if state.get(f"{name}_seen") != seen:
        let_go(name, is_new_round=False)
        with errors_shown(), st.spinner(f"Reading {plain(uploaded.name)}", show_time=True):
            state[f"{name}_upload"] = receive(session.warehouse(), uploaded.name, uploaded)
            state[f"{name}_seen"] = seen
    _reread(name)
    upload: Upload | None = state.get(f"{name}_upload")
    return upload


def let_go(name: str, *, is_new_round: bool = True) -> None:
    """Forget the file and remove it from the disk; with a new round the uploader is empty again."""
    state = st.session_state
    upload: Upload | None = state.pop(f"{name}_upload", None)
    for part in ("seen", "options"):
        state.pop(f"{name}_{part}", None)
    if upload is not None:
        upload.kept.remove()
    if is_new_round:
        state[f"{name}_round"] = state.get(f"{name}_round", 0) + 1


def reading_line(name: str, upload: Upload) -> None:
    """What was found out about the file in a line, and a way to have it read differently."""
    source = upload.source
    sheet = f" · sheet {plain(source.sheet)}" if source.sheet else ""
    st.markdown(
        f"**{plain(source.name)}** · {counted(source.n_rows, 'row')} · {counted(len(source.columns), 'column')}{sheet}"
    )
    with st.expander("Read it differently"):
        for note in source.notes:
            st.caption(sentence(note))
        with st.form(f"{name}_reading_{source_key(source)}", border=False):
            reading_inputs(source)
            st.form_submit_button("Read again", on_click=guarded(_read_again), args=(name, upload))


def _read_again(name: str, upload: Upload) -> None:
    st.session_state[f"{name}_options"] = read_options(upload.source)


def _reread(name: str) -> None:
    """Read the file in the way that was asked for; as it was before when it cannot be read so."""
    state = st.session_state
    options = state.pop(f"{name}_options", None)
    upload: Upload | None = state.get(f"{name}_upload")
    if options is not None and upload is not None:
        with errors_shown(), st.spinner(f"Reading {plain(upload.name)} again", show_time=True):
            state[f"{name}_upload"] = upload.reopened(options)
