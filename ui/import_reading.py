"""The first blocks of the Import page: take the file, show how it was read, have it read differently."""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from churn_core.figures.theme import counted
from churn_core.intake.source import DATE_ORDERS, ReadOptions, Source
from ui import session
from ui.errors import errors_shown, guarded, plain, sentence
from ui.upload import Upload, receive
from ui.widgets import outcomes_read

FORMATS = ["csv", "tsv", "txt", "xlsx", "parquet", "jsonl", "ndjson", "json", "zip", "gz"]
ENCODINGS = {"utf-8": "UTF-8", "gb18030": "GB18030 (Chinese)", "cp1252": "Latin-1 / Windows", "utf-16": "UTF-16"}
SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
DECIMALS = {".": "point: 1234.50", ",": "comma: 1234,50"}
_UPLOAD, _SEEN, _JOB, _N_IMPORTS = "upload", "upload_seen", "upload_job", "n_imports"
_OPTIONS = "upload_options"
_FOUND_OUT = "found out by itself"


def upload_block() -> Upload | None:
    """The uploader; the opened file when there is one that can be read."""
    _forget_when_imported()
    uploaded = st.file_uploader(
        "Your file",
        type=FORMATS,
        key=f"file_{session.stamp().state.created_at:%Y%m%d%H%M%S%f}_{st.session_state.get(_N_IMPORTS, 0)}",
        on_change=guarded(outcomes_read),
        args=("import",),
        help="CSV, TSV, Excel, Parquet or JSON lines, also packed as zip or gzip. For files above 1 GiB there is "
        "`churn import` on the command line.",
    )
    if uploaded is None:
        _let_go()
        return None
    seen = (session.current_workspace(), uploaded.file_id)
    if st.session_state.get(_SEEN) != seen:
        _let_go()
        _receive(uploaded)
        st.session_state[_SEEN] = seen if _UPLOAD in st.session_state else None
    _reread()
    upload: Upload | None = st.session_state.get(_UPLOAD)
    return upload


def _receive(uploaded: UploadedFile) -> None:
    """Write the file to the workspace and open it, with progress; an error is shown and nothing kept."""
    bar = st.empty()

    def reading(share: float, message: str) -> None:
        bar.progress(min(share, 1.0), text=sentence(message))

    with errors_shown(), st.spinner(f"Reading {plain(uploaded.name)}", show_time=True):
        st.session_state[_UPLOAD] = receive(session.warehouse(), uploaded.name, uploaded, progress=reading)
    bar.empty()


def importing(job_id: str) -> None:
    """Remember the job that imports the upload, to empty the uploader when it went well."""
    st.session_state[_JOB] = (session.current_workspace(), job_id)


def _forget_when_imported() -> None:
    """After a good import the uploader is empty again; after a failed one file and choices are still there."""
    workspace, job_id = st.session_state.get(_JOB, (None, None))
    if workspace != session.current_workspace():
        return
    with errors_shown():
        job = session.runner().job(job_id)
        if job.is_finished:
            del st.session_state[_JOB]
        if job.status == "done":
            st.session_state[_N_IMPORTS] = st.session_state.get(_N_IMPORTS, 0) + 1
            _let_go()


def _let_go() -> None:
    upload: Upload | None = st.session_state.pop(_UPLOAD, None)
    for name in (_SEEN, _OPTIONS):
        st.session_state.pop(name, None)
    if upload is not None:
        upload.kept.remove()


def reading_block(upload: Upload) -> None:
    """What was found out about the file, and a way to have it read differently."""
    source = upload.source
    packed = f", packed as {source.packing}" if source.packing else ""
    st.markdown(
        f"**{plain(source.name)}** · {counted(source.n_rows, 'row')} · {counted(len(source.columns), 'column')} · "
        f"{source.format.upper()}{packed}"
    )
    for note in source.notes:
        st.caption(sentence(note))
    with st.expander("Read it differently"), st.form(f"reading_{source_key(source)}", border=False):
        reading_inputs(source)
        st.form_submit_button("Read again", on_click=guarded(_read_again), args=(upload,))


def source_key(source: Source) -> str:
    """Widgets of another file, or of the file read differently, start afresh."""
    return f"{source.sha256[:12]}_{source.shape_key[:8]}"


def reading_inputs(source: Source) -> None:
    """Everything that can be read differently, inside a form; :func:`read_options` says what was chosen."""
    key = source_key(source)
    columns = st.columns(3)
    if source.encoding is not None:
        columns[0].selectbox(
            "Encoding",
            [None, *ENCODINGS],
            format_func=lambda name: ENCODINGS.get(name, _FOUND_OUT),
            key=f"encoding_{key}",
        )
        columns[1].selectbox(
            "Separator",
            [None, *SEPARATORS],
            format_func=lambda mark: SEPARATORS.get(mark, _FOUND_OUT),
            key=f"separator_{key}",
        )
    if len(source.sheets) > 1:
        columns[0].selectbox(
            "Sheet", source.sheets, index=source.sheets.index(source.sheet or source.sheets[0]), key=f"sheet_{key}"
        )
    columns[2].number_input(
        "Line of the column names",
        min_value=1,
        value=source.header_line or None,
        placeholder="none",
        key=f"header_{key}",
    )
    columns[0].selectbox(
        "Decimal mark", [None, *DECIMALS], format_func=lambda mark: DECIMALS.get(mark, _FOUND_OUT), key=f"decimal_{key}"
    )
    columns[1].selectbox(
        "Order of dates",
        [None, *DATE_ORDERS],
        format_func=lambda order: DATE_ORDERS.get(order, _FOUND_OUT),
        key=f"dates_{key}",
    )


def read_options(source: Source) -> ReadOptions:
    """How a file is to be read, as chosen in the form."""
    key, state = source_key(source), st.session_state
    header_line = state.get(f"header_{key}")
    return ReadOptions(
        encoding=state.get(f"encoding_{key}"),
        separator=state.get(f"separator_{key}"),
        sheet=state.get(f"sheet_{key}"),
        header_line=int(header_line) if header_line and header_line != source.header_line else None,
        decimal=state.get(f"decimal_{key}"),
        date_order=state.get(f"dates_{key}"),
    )


def _read_again(upload: Upload) -> None:
    st.session_state[_OPTIONS] = read_options(upload.source)


def _reread() -> None:
    """Read the file in the way that was asked for; as it was before when it cannot be read so."""
    options: ReadOptions | None = st.session_state.pop(_OPTIONS, None)
    upload: Upload | None = st.session_state.get(_UPLOAD)
    if options is not None and upload is not None:
        with errors_shown(), st.spinner(f"Reading {plain(upload.name)} again", show_time=True):
            st.session_state[_UPLOAD] = upload.reopened(options)
