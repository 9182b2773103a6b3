"""The lower blocks of the Rule segments page: saved segments and what they share, and tags."""

from __future__ import annotations

import streamlit as st

from churn_core.customers import segments as segments_module
from churn_core.customers import tags as tags_module
from churn_core.customers.group_refresh import refresh_groups
from churn_core.customers.rule_segments import SegmentStanding
from churn_core.customers.rules import rule_from_json
from churn_core.customers.selection import CustomerFilter
from churn_core.customers.tags import Tag
from churn_core.figures.overlap import overlap_figure
from churn_core.figures.theme import count, counted, day, money, percent
from churn_core.jobs import Progress
from ui import rule_draft as drafts
from ui import session
from ui import session_rules as calls
from ui.errors import guarded, plain, sentence
from ui.folded_table import folded_table
from ui.plan_list import open_plan
from ui.session import Stamp
from ui.session_plan import begin_for
from ui.widgets import chart, job_started

AT_RISK_PAGE = "pages/customers/at_risk.py"
KINDS = {"members": "fixed", "rule": "rule", "cluster": "cluster"}
MOST_IN_MATRIX = 8
"""Segments set against each other before somebody chooses."""


def segments_block(stamp: Stamp, currency: str) -> None:
    """All saved segments with what can be done with one of them."""
    st.subheader("Saved segments", anchor=False)
    found = _rules_first(calls.standings(stamp))
    if not found:
        st.markdown(":gray[Nothing was saved yet. A rule becomes a segment as soon as it has a name.]")
        return
    for standing in found:
        if standing.problem:
            st.warning(
                f"**{plain(standing.segment.name)}** keeps the customers it had, because its rule cannot be asked: "
                f"{sentence(standing.problem)}"
            )
    n_left = sum(standing.n_left for standing in found)
    folded_table([_row(standing, currency, with_left=n_left > 0) for standing in found], key="saved", left=("Kind",))
    words = (
        "As of: the day of the data for clusters, the day they were last found for rules, or were saved for fixed ones."
    )
    if n_left:
        words += (
            " Still there: without those whose label says that they have left; risk, money, At risk and campaigns are "
            "about who is still there."
        )
    st.caption(words)
    _actions(found)


def _rules_first(found: tuple[SegmentStanding, ...]) -> tuple[SegmentStanding, ...]:
    """Segments by rule, then fixed ones, then clusters: those of one segmentation never share a customer."""
    order = ("rule", "members", "cluster")
    return tuple(sorted(found, key=lambda standing: order.index(standing.segment.kind)))


def _row(standing: SegmentStanding, currency: str, *, with_left: bool) -> dict[str, str]:
    entry = standing.segment
    return {
        "Segment": entry.name,
        "Kind": KINDS.get(entry.kind, entry.kind),
        "Customers": count(entry.n_members),
        **({"Still there": count(entry.n_members - standing.n_left)} if with_left else {}),
        "Value at risk": money(standing.value_at_risk, currency),
        "At risk each": money(standing.mean_value_at_risk, currency),
        "Mean risk": percent(standing.mean_risk),
        "As of": day(standing.as_of or entry.refreshed_at or entry.saved_at),
    }


def _actions(found: tuple[SegmentStanding, ...]) -> None:
    """What can be done with one segment, and who is in it."""
    by_name = {standing.segment.name: standing for standing in found}
    said = st.container()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox("With the segment", list(by_name), key="rule_segment", width=280)
        chosen = by_name[name]
        said.caption(_who(chosen))
        st.page_link(
            AT_RISK_PAGE, label="Open in At risk", icon=":material/list:", query_params={"segment": name},
            disabled=not chosen.n_scored,
        )  # fmt: skip
        if st.button("Plan a campaign", icon=":material/campaign:", key="rule_plan", disabled=not chosen.n_scored):
            begun = begin_for(CustomerFilter(segment_id=chosen.segment.segment_id), ())
            open_plan(begun.campaign_id)
        if chosen.segment.kind == "rule" and chosen.segment.rule:
            st.button(
                "Into the builder", icon=":material/edit:", key="rule_load", on_click=guarded(_load, place="rule"),
                args=(chosen.segment.rule,), help="Change a copy of the rule above.",
            )  # fmt: skip
        with st.popover("Delete", icon=":material/delete:", key="rule_delete"):
            st.markdown("The segment is gone for good; its customers stay.")
            st.button(
                f"Delete {plain(name)}", key="rule_really_delete", on_click=guarded(_delete, place="rule"),
                args=(chosen.segment.segment_id,),
            )  # fmt: skip
        st.button(
            "Find all again", icon=":material/refresh:", key="rule_refresh", on_click=guarded(_refresh, place="rule"),
            type="tertiary", help="By the data of now; imports and scorings do it by themselves.",
        )  # fmt: skip


def _who(chosen: SegmentStanding) -> str:
    how = {"members": "Fixed on the day it was saved", "rule": "By rule", "cluster": "A cluster of Segments"}
    words = f"{how.get(chosen.segment.kind, chosen.segment.kind)}: {chosen.sentence.rstrip('.')}."
    n_members = chosen.segment.n_members
    listed = ": At risk and campaigns are about these" if chosen.n_scored < n_members else ""
    of_whom = f"of {counted(n_members, 'customer')}"
    if chosen.n_left:
        words += f" {count(chosen.n_left)} {of_whom} have left, by their label."
        of_whom = "of the others"
    return plain(f"{words} {count(chosen.n_scored)} {of_whom} were scored{listed}.")


def overlap_block(stamp: Stamp) -> None:
    """How many customers segments share."""
    saved = _rules_first(calls.standings(stamp))
    if len(saved) < 2:
        return
    st.subheader("Overlap", anchor=False)
    names = {standing.segment.name: standing.segment.segment_id for standing in saved}
    picked = list(names)
    if len(names) > 3:
        picked = st.multiselect(
            "Segments to compare", list(names), list(names)[:MOST_IN_MATRIX], key="rule_compared",
            max_selections=12, placeholder="Choose two or more",
        )  # fmt: skip
    if len(picked) < 2:
        st.markdown(":gray[Choose two segments or more.]")
        return
    found = calls.overlaps(stamp, tuple(names[name] for name in picked))
    chart(overlap_figure(found, mode=session.mode()), key="overlap")
    left = " Those who have left are counted as well." if any(standing.n_left for standing in saved) else ""
    st.caption(
        "Each row is read from left to right: which part of its customers, and how many, are in the segment of that "
        f"number too.{left}"
    )


def tags_block(stamp: Stamp) -> None:
    """All tags with what they mean in this shop."""
    st.subheader("Tags", anchor=False)
    found = calls.tags(stamp)
    if not found:
        st.markdown(":gray[There are no tags yet. They are found with the next import or scoring, or now.]")
        if not calls.standings(stamp):
            st.button("Find all again", key="rule_refresh", on_click=guarded(_refresh, place="rule"))
        return
    st.caption(
        "Words on the Customer page, on lists and in files, found again with every import. The limits of the built-in "
        "ones follow from this shop's own customers."
    )
    st.markdown("\n".join(_tag_line(tag) for tag in found))
    own = [tag.tag for tag in found if tag.is_own]
    if own:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            tag = st.selectbox("Own tag", own, key="rule_own_tag", width=280)
            st.button("Delete tag", key="rule_delete_tag", on_click=guarded(_delete_tag, place="rule"), args=(tag,))


def _tag_line(tag: Tag) -> str:
    """A tag with how many have it and who gets it."""
    own = "" if not tag.is_own else " · own, by rule" if tag.rule else " · own, by hand"
    n_customers = counted(tag.n_customers, "customer")
    return f"- **{plain(tag.tag)}** · {n_customers}{own}: :gray[{plain(tag.meaning)}]"


def _load(rule: str) -> None:
    drafts.load(rule_from_json(rule))


def _delete(segment_id: int) -> None:
    segments_module.delete_segment(session.warehouse(), segment_id)
    st.session_state.pop("rule_segment", None)


def _delete_tag(tag: str) -> None:
    tags_module.delete_tag(session.warehouse(), tag)
    st.session_state.pop("rule_own_tag", None)


def _refresh() -> None:
    warehouse = session.warehouse()

    def work(progress: Progress) -> dict[str, object]:
        found = refresh_groups(warehouse, progress)
        problems = " ".join(f"The {group.kind} {group.name!r}: {group.problem}" for group in found.problems)
        words = f"{counted(len(found.found) - len(found.problems), 'tag or segment', 'tags and segments')} found again."
        return {"message": words, "caution": problems}

    job_started(session.runner().start("groups", "Finding tags and segments again", work))
