"""The what-if of the Customer page: what would the model say if something were different?

A fragment of its own, so that moving a slider asks the model again and draws nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from churn_core.customers import levers, possible
from churn_core.customers import what_if as core
from churn_core.customers.contradictions import Value
from churn_core.customers.explanation import sampled_words
from churn_core.customers.levers import Facts, Room
from churn_core.customers.possible import Seen
from churn_core.customers.profile import CustomerScore, feature_label
from churn_core.customers.subject import Subject, subject, text_levels
from churn_core.customers.what_if import CAVEAT, InputChange, Supposition, WhatIf
from churn_core.errors import ChurnError
from churn_core.figures.theme import UNKNOWN, counted, currency_sign, measure
from churn_core.figures.what_if import what_if_figure, what_if_sentence
from churn_core.models.families import CONSTANTS, feature_entry
from churn_core.models.preparation_unusual import UNUSUAL
from churn_core.models.runs import latest_run
from churn_core.models.training import load_fitted
from ui import session
from ui.errors import errors_shown, plain, sentence
from ui.layout import side_by_side
from ui.session import Stamp
from ui.widgets import chart

if TYPE_CHECKING:
    from churn_core.models.order_model import OrderModel
    from churn_core.models.snapshot_model import SnapshotModel

N_WARNED = 4
"""Unheard-of values that are told one by one."""
N_OFFERED = 3
"""Columns of a labelled table that are offered at once: those that move the customer most."""
MOST_SILENT_SHOWN = 180
MOST_VISITS_SHOWN = 20


def what_if_block(stamp: Stamp, score: CustomerScore, customer_id: str, currency: str) -> None:
    """Move what can be moved, see the risk move."""
    st.fragment(_asked)(stamp, score, customer_id, currency)


@st.cache_resource(show_spinner=False, max_entries=4)
def _model(stamp: Stamp, model_version: int) -> OrderModel | SnapshotModel:
    return load_fitted(session.warehouse(stamp.workspace), model_version)


@st.cache_data(show_spinner=False, max_entries=4)
def _seen(stamp: Stamp) -> dict[str, Seen]:
    warehouse = session.warehouse(stamp.workspace)
    run = latest_run(warehouse)
    return possible.seen_values(warehouse, run) if run else {}


@st.cache_data(show_spinner=False, max_entries=32)
def _room(stamp: Stamp, customer_id: str, model_version: int) -> Room | None:
    """How far the facts can be moved; None for a labelled table."""
    of = _subject(stamp, customer_id, model_version)
    if of.definition is None or of.run.as_of is None:
        return None
    return levers.room(session.warehouse(stamp.workspace), customer_id, of.run.as_of, of.definition.activity_days)


@st.cache_data(show_spinner=False, max_entries=64)
def _levels(stamp: Stamp, customer_id: str, model_version: int, name: str) -> tuple[str, ...] | None:
    return text_levels(session.warehouse(stamp.workspace), _subject(stamp, customer_id, model_version), name)


@st.cache_data(show_spinner=False, max_entries=256)
def _answer(stamp: Stamp, customer_id: str, model_version: int, supposed: Supposition) -> WhatIf:
    of = _subject(stamp, customer_id, model_version)
    return core.what_if(session.warehouse(stamp.workspace), of, supposed, seen=_seen(stamp))


@st.cache_resource(show_spinner=False, max_entries=32)
def _subject(stamp: Stamp, customer_id: str, model_version: int) -> Subject:
    return subject(session.warehouse(stamp.workspace), customer_id, model=_model(stamp, model_version))


def _asked(stamp: Stamp, score: CustomerScore, customer_id: str, currency: str) -> None:
    with errors_shown():
        version = score.run.model_version
        try:
            with st.spinner("Reading customer and model", show_time=False):
                found = _room(stamp, customer_id, version)
        except ChurnError as reason:
            # Nobody asked anything yet, so why nothing can be asked is no error.
            st.markdown(f":gray[{sentence(reason)}]")
            return
        left, right = side_by_side([2, 3], key="what_if")
        with left:
            facts = _facts(found, customer_id, currency) if found else Facts()
            values = _single_values(stamp, score, customer_id, has_facts=found is not None)
        with right, errors_shown():
            supposed = Supposition(facts=facts, values=values)
            if supposed.is_nothing:
                st.markdown(":gray[Nothing is moved yet. Move something, and the risk follows.]")
            else:
                with st.spinner("Asking the model", show_time=False):
                    result = _answer(stamp, customer_id, version, supposed)
                _result(result, currency)
        st.caption(" ".join((CAVEAT, plain(sampled_words(score.run)))).strip())


def _facts(found: Room, customer_id: str, currency: str) -> Facts:
    """Things that can happen, as sliders and switches; what cannot be here is not offered."""

    def key(name: str) -> str:
        return f"what_if_{name}_{customer_id}"

    longest = MOST_SILENT_SHOWN if found.days_to_leave is None else min(MOST_SILENT_SHOWN, found.days_to_leave)
    silent = 0
    if longest > 0:
        silent = st.slider("Further days of silence", 0, longest, key=key("silent"), help=_SILENCE)
    orders = st.toggle("Orders once now", key=key("orders"), help=_ORDER)
    amount = None
    if orders:
        st.caption(_CLICKS)
    if orders and found.usual_amount is not None:
        sign = currency_sign(currency).strip()
        amount = st.number_input(
            f"Amount of the order, {sign}" if sign else "Amount of the order", min_value=0.0, value=None,
            placeholder=f"as usual: {found.usual_amount:,.2f}", key=key("amount"),
        )  # fmt: skip
    visits = 0
    if found.records_visits:
        visits = st.slider("Visits to the shop now", 0, MOST_VISITS_SHOWN, key=key("visits"))
    opened = 0
    if found.n_unopened:
        words = f"Opens e-mails now (of {counted(found.n_unopened, 'unopened one', 'unopened ones')})"
        opened = st.slider(words, 0, found.n_unopened, key=key("opened"))
    settled = False
    if found.n_open_requests:
        requests = counted(found.n_open_requests, "open service request")
        settled = st.toggle(f"{requests} answered and settled", key=key("settled"))
    rating = None
    if found.ratings:
        low, high = (int(edge) for edge in found.ratings)
        rating = st.selectbox(
            "Gives a rating of", list(range(low, high + 1)), index=None, key=key("rating"), placeholder="none"
        )
    return Facts(
        silent_days=silent,
        orders_now=orders,
        order_amount=amount,
        n_visits=visits,
        n_opened=opened,
        are_requests_settled=settled,
        rating=None if rating is None else float(rating),
    )


_SILENCE = (
    "The customer does nothing and nothing reaches the customer: no order, visit, e-mail, request or rating. The rest "
    "happens at the end of these days."
)
_ORDER = "The last order once more, with its articles, at the customer's mean amount."
_CLICKS = "With the order comes what the customer clicked and visited on the day of the last order, once more."


def _single_values(
    stamp: Stamp, score: CustomerScore, customer_id: str, *, has_facts: bool
) -> tuple[tuple[str, Value], ...]:
    """Single inputs with the values they are given: in an expander where there are facts to move instead."""
    parts = {part.name: part for part in score.contributions if part.name not in CONSTANTS and part.name != UNUSUAL}
    names = list(parts)
    place = st.expander("Single numbers") if has_facts else st.container()
    with place:
        if has_facts:
            st.caption("What is calculated from a number follows it; all others stay as they are.")
        chosen = st.multiselect(
            "Inputs to move",
            names,
            default=[] if has_facts else names[:N_OFFERED],
            format_func=feature_label,
            key=f"what_if_inputs_{customer_id}",
            placeholder="Choose",
        )
        moved = []
        for name in chosen:
            given, before = _single_value(stamp, score, customer_id, name)
            if given != before:
                moved.append((name, given))
    return tuple(moved)


def _single_value(stamp: Stamp, score: CustomerScore, customer_id: str, name: str) -> tuple[Value, Value]:
    """The value an input is given and the one it has."""
    part = next(part for part in score.contributions if part.name == name)
    key, label = f"what_if_value_{name}_{customer_id}", plain(feature_label(name))
    levels = _levels(stamp, customer_id, score.run.model_version, name)
    if levels is not None:
        own = part.text
        options = list(levels) if own in levels or own is None else [own, *levels]
        return st.selectbox(label, options, index=options.index(own) if own in options else None, key=key), own
    found = _seen(stamp).get(name)
    entry = feature_entry(name)
    is_whole = found is not None and found.is_whole and (entry is None or entry.unit in ("count", "flag", "days"))
    usual = f"Of all customers from {found.low:,.4g} to {found.high:,.4g}" if found else None
    if is_whole:
        start = None if part.value is None else round(part.value)
        whole = st.number_input(label, value=start, step=1, key=key, help=usual, placeholder="not known")
        return (None if whole is None else float(whole)), part.value
    given = st.number_input(label, value=part.value, key=key, help=usual, placeholder="not known", format="%.4g")
    return given, part.value


def _result(result: WhatIf, currency: str) -> None:
    """The answer as a sentence and a figure, with what to beware of and what followed."""
    if any(abs(step) > 0 for _, step in result.families):
        chart(what_if_figure(result, mode=session.mode()), key="what_if")
    else:
        st.markdown(f"**{plain(what_if_sentence(result))}**")
    if result.unheard_of:
        shown = " ".join(plain(words) for words in result.unheard_of[:N_WARNED])
        more = len(result.unheard_of) - N_WARNED
        rest = f" So would {counted(more, 'further number')}." if more > 0 else ""
        st.warning(f"Outside of anything seen, the model guesses. {shown}{rest}")
    if result.held:
        labels = ", ".join(plain(feature_label(name)) for name in result.held)
        st.caption(
            f"Calculated from other numbers, which stay as they are: {labels}. The model has never seen them disagree."
        )
    rows = [row for row in (_row(change, currency) for change in result.changes) if row["Before"] != row["After"]]
    with st.expander(f"What changes: {counted(len(rows), 'input')}"):
        n_same = len(result.changes) - len(rows)
        if n_same:
            are = "keeps its value and counts" if n_same == 1 else "keep their values and count"
            st.caption(f"{counted(n_same, 'further input')} {are} differently beside the changed ones.")
        st.dataframe(
            rows,
            hide_index=True,
            column_config={
                "Input": st.column_config.TextColumn(width="medium"),
                "Step": st.column_config.NumberColumn(
                    format="%+.2f",
                    width="small",
                    help="What the change does to the risk, in log-odds; positive raises it",
                ),
            },
        )


def _row(change: InputChange, currency: str) -> dict[str, str | float]:
    return {
        "Input": feature_label(change.name),
        "Before": _value(change, change.before, currency),
        "After": _value(change, change.after, currency),
        "Step": change.step,
    }


def _value(change: InputChange, value: Value, currency: str) -> str:
    if isinstance(value, str):
        return value
    entry = feature_entry(change.name)
    return UNKNOWN if value is None else measure(value, entry.unit if entry else "", currency)
