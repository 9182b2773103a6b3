"""The profile block of the Customer page: how the customer is known beyond risk - tags, groups, segments."""

from __future__ import annotations

import re

import streamlit as st

from churn_core.customers import tags as tags_module
from churn_core.customers.lifecycle import STAGES
from churn_core.customers.rfm_rule import GROUPS
from churn_core.customers.rule_segments import segments_of
from churn_core.customers.segments import Segment
from churn_core.customers.tags import LONGEST_TAG, CustomerTag, Tag
from churn_core.figures.theme import day
from ui import session, session_rfm
from ui import session_rules as calls
from ui.errors import guarded, plain, show_callback_error
from ui.session import Stamp


def standing_block(stamp: Stamp, customer_id: str) -> None:
    """Tags, groups and segments of one customer, in one line each, and giving a tag by hand."""
    show_callback_error("tags")
    given = calls.tags_of(stamp, customer_id)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        for tag in given:
            st.badge(plain(tag.tag), color="blue" if not tag.is_by_hand else "green", help=_why(tag))
        for label, words, meaning in groups_of(stamp, customer_id):
            st.badge(f"{label}: {plain(words)}", color="gray", help=plain(meaning))
        for name, meaning in _segments(stamp, customer_id):
            st.badge(f"in {plain(name)}", color="gray", icon=":material/group:", help=plain(meaning))
        with st.popover("Tag", icon=":material/sell:", key="tag_popover", type="tertiary"):
            _give_form(stamp, customer_id, given)


@st.cache_data(show_spinner=False, max_entries=64)
def groups_of(stamp: Stamp, customer_id: str) -> tuple[tuple[str, str, str], ...]:
    """The groups that customers are sorted into: what it is, which one, what that means."""
    found = []
    staged = session_rfm.customer_stage(stamp, customer_id)
    if staged is not None:
        found.append(("Lifecycle", staged.stage, STAGES[staged.stage]))
    scored = session_rfm.customer_rfm(stamp, customer_id)
    if scored is not None:
        scores = f"R {scored.recency}, F {scored.frequency}, M {scored.money}"
        found.append(("RFM", scored.group, f"{GROUPS[scored.group]} ({scores}; 5 is best)"))
    return tuple(found)


@st.cache_data(show_spinner=False, max_entries=64)
def _segments(stamp: Stamp, customer_id: str) -> tuple[tuple[str, str], ...]:
    """Name and meaning of the segments a customer is in."""
    found = segments_of(session.warehouse(stamp.workspace), customer_id)
    return tuple(segment_words(entry) for entry in found)


def segment_words(entry: Segment) -> tuple[str, str]:
    """What a customer's segment is called and what it means.

    A segment found in the data that nobody named goes by its number: its words are about its middle, and beside a
    customer they would be read as being about that customer.
    """
    if entry.kind != "cluster":
        return entry.name, entry.meaning
    which, _, words = entry.meaning.partition("): ")
    own = re.sub(r" \(\d+\)$", "", entry.name.partition(": ")[2])
    name = which.rpartition(" (")[0] if own and words.casefold().startswith(own.casefold()) else entry.name
    return name, f"{entry.meaning}. Its words describe the middle of the segment; a single customer can differ."


def _why(tag: CustomerTag) -> str:
    return f"{plain(tag.meaning)} Since {day(tag.since)}."


def _give_form(stamp: Stamp, customer_id: str, given: tuple[CustomerTag, ...]) -> None:
    by_hand = [tag.tag for tag in given if tag.is_by_hand]
    offered = [tag.tag for tag in calls.tags(stamp) if _is_free(tag) and tag.tag not in by_hand]
    st.text_input("Give a tag", key="tag_word", max_chars=LONGEST_TAG, placeholder="VIP")
    if offered:
        st.caption(f"In use: {plain(', '.join(offered))}")
    st.button("Give", type="primary", key="tag_give", on_click=guarded(_give, place="tags"), args=(customer_id,))
    for word in by_hand:
        st.button(
            f"Take away {plain(word)}", key=f"tag_take_{word}", type="tertiary",
            on_click=guarded(_take, place="tags"), args=(word, customer_id),
        )  # fmt: skip
    st.caption("Built-in tags and tags by rule follow the data; they are not given by hand.")


def _is_free(tag: Tag) -> bool:
    """Whether a tag is given by hand."""
    return tag.is_own and tag.rule is None


def _give(customer_id: str) -> None:
    word = st.session_state.get("tag_word") or ""
    tags_module.give_tag(session.warehouse(), word, [customer_id])
    st.session_state["tag_word"] = ""
    st.toast(f"Tag {plain(word)} given.")


def _take(word: str, customer_id: str) -> None:
    tags_module.take_tag(session.warehouse(), word, customer_id)
    st.toast(f"Tag {plain(word)} taken away.")
