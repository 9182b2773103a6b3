"""The blocks of the At risk page below the filter: the key figures, the list and what can be done with it."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import streamlit as st

from churn_core.customers import segments
from churn_core.customers.at_risk import Totals
from churn_core.customers.selection import CustomerFilter
from churn_core.customers.targets import export_name
from churn_core.figures.theme import count, counted, money, percent
from churn_core.models.runs import ScoreRun
from ui import session
from ui import session_customers as calls
from ui.currency_hint import currency_hint
from ui.customer_filter import chosen_words, unscored_block
from ui.customer_table import customer_table, open_customer
from ui.errors import guarded, plain, sentence
from ui.key_figures import figures_row, key_figure
from ui.picked import clear_picked, picked
from ui.plan_list import open_plan
from ui.session import Stamp
from ui.session_plan import begin_for


def notes_block(run: ScoreRun) -> None:
    """What should be known about these scores: categories never seen, inputs without values, customers all new."""
    for note in run.summary.get("notes") or ():
        st.caption(f":orange[:material/info:] {sentence(note)}")


def chosen_block(stamp: Stamp, chosen: CustomerFilter) -> None:
    """Which filters are in force, the segment one came with by its name, and who of it is not on this list."""
    words = chosen_words(stamp, chosen)
    if words:
        st.caption(f"Listed: {plain(words)}.")
    unscored_block(stamp, chosen)


def figures_block(found: Totals, currency: str) -> None:
    """One row of key figures."""
    high = found.tier("high")
    with figures_row("at_risk"):
        key_figure("Customers", count(found.n_customers), f"of {_scored_words(found)}")
        key_figure(
            "Value at risk", money(found.value_at_risk, currency),
            f"of {money(found.expected_value, currency)} expected if they stay{_known_words(found)}",
            meaning="Risk x expected value, summed over these customers. Expected is what they would bring if they "
            "stay; Value and Demand foresee by other models, which learned from those who left as well.",
        )  # fmt: skip
        key_figure("In the high tier", count(high.n_customers), f"{money(high.value_at_risk, currency)} at risk")
        key_figure("Mean risk", percent(found.mean_risk), f"of {counted(found.n_customers, 'customer')}")
    currency_hint(is_money=found.value_at_risk is not None)


def list_block(stamp: Stamp, chosen: CustomerFilter, found: Totals, currency: str) -> list[str]:
    """The list with its pages; the ids of the selected customers of all pages."""
    place = st.container()
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        position = st.container(width="content")
        with_tags = bool(calls.tag_words(stamp)) and st.toggle("Tags", key="tags", bind="query-params")
        page_nr = st.pagination(-(-found.n_customers // calls.N_ROWS), key="page", bind="query-params")
    frame = calls.rows(stamp, chosen, page_nr)
    first = (page_nr - 1) * calls.N_ROWS
    position.caption(f"{count(first + 1)} to {count(first + len(frame))} of {counted(found.n_customers, 'customer')}")
    same_list = replace(chosen, sort="risk", descending=True)
    ticked = picked(_key(stamp.workspace, found.run_id, found.n_customers, same_list))
    shown = [str(customer) for customer in frame["customer_id"]]
    with place:
        on_page = customer_table(
            frame, currency, key=f"list_{_key(ticked.of_list, ticked.n_cleared, chosen, page_nr)}",
            sorted_by=chosen.sort, selectable=True, selected=ticked.rows(shown), with_tags=with_tags,
        )  # fmt: skip
    ticked.take(shown, on_page)
    return list(ticked.ids)


def _key(*parts: object) -> str:
    """A short key of a list, or of one page of it."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]


def actions_block(stamp: Stamp, chosen: CustomerFilter, found: Totals, selected: list[str]) -> None:
    """Open, export, save or plan a campaign for what is selected, or the whole list when nothing is."""
    target, n_customers = chosen, found.n_customers
    if selected:
        target = CustomerFilter(customer_ids=tuple(selected), sort=chosen.sort, descending=chosen.descending)
        n_customers = len(selected)
    whom = f"{count(n_customers)} selected" if selected else f"all {count(n_customers)}"
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.popover(f"Export {whom}", icon=":material/download:", key="export"):
            _export(stamp, target, found.run_id, n_customers)
        with st.popover(f"Save {whom} as segment", icon=":material/bookmark_add:", key="save_segment"):
            _save_form(stamp, target)
        if st.button(f"Plan a campaign for {whom}", icon=":material/campaign:", key="plan_campaign"):
            open_plan(begin_for(chosen, tuple(selected)).campaign_id)
        if len(selected) == 1 and st.button("Open customer", icon=":material/person:", key="open_selected"):
            open_customer(selected[0])
        if selected:
            st.button("Clear selection", type="tertiary", key="clear_selection", on_click=clear_picked)


def _export(stamp: Stamp, target: CustomerFilter, run_id: int, n_customers: int) -> None:
    st.markdown(f"{counted(n_customers, 'customer')} with risk, value, reasons, run and model version.")
    with_contact = st.toggle("With name, e-mail and telephone number", key="with_contact")
    st.download_button(
        "Download CSV",
        data=calls.export_of(
            session.warehouse(stamp.workspace),
            target,
            run_id=run_id,
            n_customers=n_customers,
            with_contact=with_contact,
        ),
        file_name=export_name(run_id, n_customers, target.tiers),
        mime="text/csv",
        type="primary",
        on_click="ignore",
        key="download",
    )
    st.caption(
        "The whole list or no file, safe to open in a spreadsheet. When customers were scored again since this page "
        "was loaded, the download is refused; load the page again."
    )


def _save_form(stamp: Stamp, target: CustomerFilter) -> None:
    st.text_input("Name", key="segment_name", max_chars=segments.N_NAME_MOST, placeholder="June call list")
    st.button("Save segment", type="primary", key="save", on_click=guarded(_save), args=(target,))
    saved = calls.saved_segments(stamp)
    if saved:
        st.caption("Saved so far")
    for segment in saved:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{plain(segment.name)}** · {count(segment.n_members)}", help=plain(segment.meaning))
            st.button(
                "Delete", key=f"delete_{segment.segment_id}", type="tertiary", on_click=guarded(_delete),
                args=(segment.segment_id, segment.name),
            )  # fmt: skip


def _save(target: CustomerFilter) -> None:
    saved = segments.save_segment(session.warehouse(), st.session_state["segment_name"] or "", target)
    st.session_state["segment_name"] = ""
    st.toast(f"Segment {plain(saved.name)} saved with {counted(saved.n_members, 'customer')}.")


def _delete(segment_id: int, name: str) -> None:
    segments.delete_segment(session.warehouse(), segment_id)
    if st.session_state.get("segment") == name:
        st.session_state["segment"] = None


def _scored_words(found: Totals) -> str:
    """Whom the list could hold."""
    if not found.n_left:
        return f"{count(found.n_scored)} scored"
    return f"{count(found.n_scored)} scored, {count(found.n_left)} have left"


def _known_words(found: Totals) -> str:
    """How many customers the money is about, when it is not all of them."""
    return "" if found.n_value_known == found.n_customers else f", {count(found.n_value_known)} known"
