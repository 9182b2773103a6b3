"""The blocks of the Import page up to the button: take the file, show how it was read, confirm what it means."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from churn_core.figures.theme import count, counted, percent
from churn_core.intake.kinds import KINDS, Field, kind_of
from churn_core.intake.load import import_file, preview
from churn_core.intake.mapping import propose_mapping, remembered_mapping
from churn_core.intake.mapping_model import Mapping
from churn_core.intake.source import DATE_ORDERS, ReadOptions, Source
from churn_core.jobs import Progress
from churn_core.settings import save_settings, settings
from ui import session
from ui.errors import errors_shown, guarded, plain, sentence
from ui.upload import Upload, receive
from ui.widgets import job_started

FORMATS = ["csv", "tsv", "txt", "xlsx", "parquet", "jsonl", "ndjson", "json", "zip", "gz"]
ENCODINGS = {"utf-8": "UTF-8", "gb18030": "GB18030 (Chinese)", "cp1252": "Latin-1 / Windows", "utf-16": "UTF-16"}
SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
DECIMALS = {".": "point: 1234.50", ",": "comma: 1234,50"}
_UPLOAD, _SEEN = "upload", "upload_seen"
_FOUND_OUT = "found out by itself"


def upload_block() -> Upload | None:
    """The uploader; the opened file when there is one that can be read."""
    uploaded = st.file_uploader(
        "Your file",
        type=FORMATS,
        key=f"file_{st.session_state.get('n_imports', 0)}",
        help="CSV, TSV, Excel, Parquet or JSON lines, also packed as zip or gzip. Larger files: churn import.",
    )
    if uploaded is None:
        st.session_state.pop(_UPLOAD, None)
        st.session_state.pop(_SEEN, None)
        return None
    seen = (session.current_workspace(), uploaded.file_id)
    if st.session_state.get(_SEEN) != seen:
        st.session_state.pop(_UPLOAD, None)
        bar = st.progress(0.0, text=f"Reading {plain(uploaded.name)}")
        with errors_shown():
            st.session_state[_UPLOAD] = receive(
                session.warehouse(),
                uploaded.name,
                uploaded,
                progress=lambda share, message: bar.progress(min(share, 1.0), text=sentence(message)) and None,
            )
            st.session_state[_SEEN] = seen
        bar.empty()
    upload: Upload | None = st.session_state.get(_UPLOAD)
    return upload


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
    with st.expander("Read it differently"), st.form(f"reading_{_key(source)}", border=False):
        _reading_inputs(source)
        st.form_submit_button("Read again", on_click=guarded(_read_again), args=(upload,))


def mapping_block(upload: Upload) -> Mapping:
    """What the file holds and which column is which; the mapping as chosen."""
    source = upload.source
    remembered = remembered_mapping(session.warehouse(), source)
    proposal = propose_mapping(source, remembered=remembered)
    if remembered is not None:
        st.info("A file of this shape was imported before; its mapping is used again. Every choice can be changed.")
    names = list(KINDS)
    kind = st.selectbox(
        "What is in this file?",
        names,
        index=names.index(proposal.mapping.kind),
        format_func=lambda name: f"{KINDS[name].label} ({KINDS[name].meaning})",
        key=f"kind_{_key(source)}",
    )
    if kind != proposal.mapping.kind:
        proposal = propose_mapping(source, kind=kind)
    mapping = _field_rows(source, proposal)
    if kind == "snapshots":
        mapping = _label_inputs(source, mapping)
    if kind in ("orders", "order_lines") and "order_id" in mapping.fields:
        mapping = _cancellation_input(source, mapping)
    _unused_columns(source, mapping)
    return mapping


def preview_block(upload: Upload, mapping: Mapping) -> bool:
    """Ten rows as they will be understood; whether the mapping can be used."""
    with errors_shown():
        mapping.check(upload.source)
        rows = preview(upload.source, mapping)
        st.subheader("Ten rows as they will be understood", anchor=False)
        st.dataframe(rows, hide_index=True)
        return True
    return False


def stable_block(upload: Upload, mapping: Mapping) -> tuple[str, ...]:
    """For customer attributes: they are as known today; which of them may be learned from."""
    from ui.settings_blocks import WHY_STABLE

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
        key=f"stable_{_key(upload.source)}",
        placeholder="none: keep all as filters only",
    )
    return tuple(chosen)


def import_button(upload: Upload, mapping: Mapping, stable: tuple[str, ...], *, ready: bool) -> None:
    """Start the import."""
    st.button(
        f"Import {counted(upload.source.n_rows, 'row')}",
        type="primary",
        disabled=not ready or bool(session.runner().unfinished()),
        on_click=guarded(_start),
        args=(upload, mapping, stable),
        key="import",
    )


def _key(source: Source) -> str:
    """Widgets of another file, or of the file read differently, start afresh."""
    return f"{source.sha256[:12]}_{source.shape_key[:8]}"


def _reading_inputs(source: Source) -> None:
    key = _key(source)
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


def _read_again(upload: Upload) -> None:
    key, state = _key(upload.source), st.session_state
    header_line = state.get(f"header_{key}")
    options = ReadOptions(
        encoding=state.get(f"encoding_{key}"),
        separator=state.get(f"separator_{key}"),
        sheet=state.get(f"sheet_{key}"),
        header_line=int(header_line) if header_line and header_line != upload.source.header_line else None,
        decimal=state.get(f"decimal_{key}"),
        date_order=state.get(f"dates_{key}"),
    )
    state[_UPLOAD] = upload.reopened(options)


def _field_rows(source: Source, proposal) -> Mapping:
    """One row per field: which column it is, how sure that is, and why."""
    kind = kind_of(proposal.mapping.kind)
    first = [field for field in kind.fields if field.required or field.name in proposal.mapping.fields]
    others = [field for field in kind.fields if field not in first]
    fields: dict[str, str] = {}
    constants: dict[str, str] = dict(proposal.mapping.constants)
    with st.container(border=True):
        for field in first:
            _field_row(source, proposal, field, fields, constants)
        if others:
            with st.expander(f"{counted(len(others), 'more field')} that can be filled"):
                for field in others:
                    _field_row(source, proposal, field, fields, constants)
    return replace(proposal.mapping, fields=fields, constants=constants, options=source.options)


def _field_row(source: Source, proposal, field: Field, fields: dict[str, str], constants: dict[str, str]) -> None:
    key = f"field_{field.name}_{proposal.mapping.kind}_{_key(source)}"
    options = [None, *(column.name for column in source.columns)]
    proposed = proposal.mapping.fields.get(field.name)
    label, choice, why = st.columns([3, 4, 4], vertical_alignment="center")
    label.markdown(
        f"**{_words(field.name)}**{' (needed)' if field.required else ''}  \n:small[:gray[{plain(field.meaning)}]]"
    )
    chosen = choice.selectbox(
        _words(field.name),
        options,
        index=options.index(proposed) if proposed in options else 0,
        format_func=lambda name: _column_label(source, name),
        key=key,
        label_visibility="collapsed",
    )
    if chosen:
        fields[field.name] = chosen
        constants.pop(field.name, None)
        why.markdown(f":small[{_why(proposal, field.name, chosen, proposed)}]")
    elif field.required:
        constant = why.text_input(
            f"{_words(field.name)}, the same for every row",
            value=constants.get(field.name, ""),
            key=f"constant_{key}",
            placeholder="or the same value for every row",
            label_visibility="collapsed",
        )
        if constant:
            constants[field.name] = constant


def _words(name: str) -> str:
    """A field's name as words."""
    return name.replace("_", " ").capitalize()


def _column_label(source: Source, name: str | None) -> str:
    if name is None:
        return "not in this file"
    samples = ", ".join(source.column(name).samples[:2])
    return f"{name}   ({samples[:40]})" if samples else name


def _label_inputs(source: Source, mapping: Mapping) -> Mapping:
    """Which values of the label mean that the customer left."""
    column = mapping.fields.get("churned")
    if column is None:
        return mapping
    found = source.counted(column)
    total = sum(n for _, n in found)
    shares = {value: f"{value}: {counted(n, 'customer')}, {percent(n / total)}" for value, n in found}
    positive = st.multiselect(
        f"Which values of {column} mean that the customer left?",
        list(shares),
        default=[value for value in mapping.label_positive if value in shares],
        format_func=lambda value: shares[value],
        key=f"positive_{column}_{_key(source)}",
        help="Please confirm: everything else on these pages follows from it.",
    )
    return replace(mapping, label_positive=tuple(positive))


def _cancellation_input(source: Source, mapping: Mapping) -> Mapping:
    prefix = st.text_input(
        "Order numbers that begin with this are cancellations",
        value=mapping.cancellation_prefix,
        key=f"prefix_{_key(source)}",
        placeholder="none",
        width=360,
        help="They are kept as returns, not as orders. Rows with a negative quantity are returns in any case.",
    )
    return replace(mapping, cancellation_prefix=prefix.strip())


def _unused_columns(source: Source, mapping: Mapping) -> None:
    used = set(mapping.fields.values())
    unused = [column.name for column in source.columns if column.name not in used]
    if not unused:
        return
    kept = mapping.kind in ("customers", "snapshots")
    what = "Kept as attributes of the customer" if kept else "Not used"
    names = ", ".join(unused[:40]) + (f" and {count(len(unused) - 40)} more" if len(unused) > 40 else "")
    st.caption(f"{what}: {plain(names)}")


def _start(upload: Upload, mapping: Mapping, stable: tuple[str, ...]) -> None:
    warehouse = session.warehouse()
    now = settings(warehouse)

    def work(progress: Progress) -> dict[str, object]:
        result = import_file(warehouse, upload.source, mapping, progress=progress)
        if mapping.kind == "customers":
            others = tuple(name for name in now.stable_attributes if name not in stable)
            save_settings(warehouse, replace(now, stable_attributes=(*others, *stable)))
        return {"message": result.message, "import_id": result.import_id, "file_name": upload.name}

    job_started(session.runner().start("import", f"Importing {upload.name}", work))
    st.session_state["n_imports"] = st.session_state.get("n_imports", 0) + 1
    st.session_state.pop(_UPLOAD, None)
    st.session_state.pop(_SEEN, None)
