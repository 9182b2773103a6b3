"""The middle blocks of the Import page: what the file holds and which column is which, every choice changeable."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from churn_core.figures.theme import count, counted, percent
from churn_core.intake.kinds import KINDS, Field, kind_of
from churn_core.intake.mapping import propose_mapping, remembered_mapping
from churn_core.intake.mapping_model import Mapping
from churn_core.intake.proposal import Proposal
from churn_core.intake.source import Source
from ui import session
from ui.errors import plain, sentence
from ui.import_reading import source_key
from ui.upload import Upload


def mapping_block(upload: Upload) -> Mapping:
    """What the file holds and which column is which; the mapping as chosen."""
    source = upload.source
    proposal = _proposal(source, None)
    if proposal.is_remembered:
        st.info("A file of this shape was imported before; its mapping is used again. Every choice can be changed.")
    st.subheader("What is in it", anchor=False)
    names = list(KINDS)
    chosen, why = st.columns([1, 1], vertical_alignment="bottom")
    kind = chosen.selectbox(
        "Kind of file",
        names,
        index=names.index(proposal.mapping.kind),
        format_func=lambda name: f"{KINDS[name].label}: {KINDS[name].meaning}",
        key=f"kind_{source_key(source)}",
        persist_state="page",
    )
    if kind != proposal.mapping.kind:
        proposal = _proposal(source, kind)
    why.caption(sentence(proposal.kind_reason))
    mapping = _field_rows(source, proposal)
    if kind == "snapshots":
        mapping = _label_inputs(source, mapping)
    if kind in ("orders", "order_lines") and "order_id" in mapping.fields:
        mapping = _cancellation_input(source, mapping)
    _unused_columns(source, mapping)
    return mapping


def _proposal(source: Source, kind: str | None) -> Proposal:
    """The proposal for a file, made once while its page is open; ``kind`` None lets the file speak."""
    made: dict[tuple[str, str | None], Proposal] = st.session_state.setdefault("proposals", {})
    key = (f"{session.current_workspace()}_{source_key(source)}_{id(source)}", kind)
    if key not in made:
        made.clear()
        remembered = remembered_mapping(session.warehouse(), source) if kind is None else None
        with st.spinner("Finding out which column is which", show_time=True):
            made[key] = propose_mapping(source, remembered=remembered, kind=kind)
    return made[key]


def _field_rows(source: Source, proposal: Proposal) -> Mapping:
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


def _field_row(
    source: Source, proposal: Proposal, field: Field, fields: dict[str, str], constants: dict[str, str]
) -> None:
    key = f"field_{field.name}_{proposal.mapping.kind}_{source_key(source)}"
    options = ["", *(column.name for column in source.columns)]
    proposed = proposal.mapping.fields.get(field.name)
    label, choice, why = st.columns([3, 4, 4], vertical_alignment="center")
    label.markdown(
        f"**{field_words(field.name)}**{' (needed)' if field.required else ''}  \n:small[:gray[{plain(field.meaning)}]]"
    )
    chosen = choice.selectbox(
        field_words(field.name),
        options,
        index=options.index(proposed) if proposed in options else 0,
        format_func=lambda name: _column_label(source, name),
        key=key,
        label_visibility="collapsed",
        persist_state="page",
    )
    if chosen:
        fields[field.name] = chosen
        constants.pop(field.name, None)
        why.markdown(f":small[{_why(proposal, chosen, is_proposed=chosen == proposed)}]")
    elif field.required:
        constant = why.text_input(
            f"{field_words(field.name)}, the same for every row",
            value=constants.get(field.name, ""),
            key=f"constant_{key}",
            placeholder="or the same value for every row",
            persist_state="page",
            label_visibility="collapsed",
        )
        if constant:
            constants[field.name] = constant


def _why(proposal: Proposal, column: str, *, is_proposed: bool) -> str:
    """How sure a choice is, and why."""
    if not is_proposed:
        return "chosen by hand"
    found = next(proposed for proposed in proposal.columns if proposed.column == column)
    sure = "sure" if found.confidence >= 0.85 else "likely" if found.confidence >= 0.6 else "please check"
    return f"**{sure}** ({100 * found.confidence:.0f} %) · {plain(found.reason)}"


def field_words(name: str) -> str:
    """A field's name as words.

    >>> field_words("n_items"), field_words("customer_id")
    ('Number of items', 'Customer id')
    """
    words = name.replace("_", " ")
    return f"Number of {words[2:]}" if words.startswith("n ") else words.capitalize()


def _column_label(source: Source, name: str) -> str:
    if not name:
        return "not in this file"
    samples = ", ".join(source.column(name).samples[:2])
    return f"{name}   ({samples[:40]})" if samples else name


def _label_inputs(source: Source, mapping: Mapping) -> Mapping:
    """Which values of the label mean that the customer left."""
    column = mapping.fields.get("churned")
    if column is None:
        return mapping
    found = source.counted(column)
    n_without = source.column(column).n_empty
    if n_without > 0:
        st.info(
            f"{counted(n_without, 'row')} without a label: nothing is learned from them, and they are scored like all "
            "others."
        )
    if not found:
        return mapping
    total = sum(n for _, n in found)
    shares = {value: f"{value}: {counted(n, 'customer')}, {percent(n / total)}" for value, n in found}
    positive = st.multiselect(
        f"Which values of {column} mean that the customer left?",
        list(shares),
        default=[value for value in mapping.label_positive if value in shares],
        format_func=lambda value: shares[value],
        key=f"positive_{column}_{source_key(source)}",
        persist_state="page",
        help="Please confirm: everything else on these pages follows from it.",
    )
    return replace(mapping, label_positive=tuple(positive))


def _cancellation_input(source: Source, mapping: Mapping) -> Mapping:
    prefix = st.text_input(
        "Order numbers that begin with this are cancellations",
        value=mapping.cancellation_prefix,
        key=f"prefix_{source_key(source)}",
        placeholder="none",
        persist_state="page",
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
