"""The blocks of the Rule segments page below the builder: what a rule means, how it reads, keeping it."""

from __future__ import annotations

import streamlit as st

from churn_core.customers import rule_segments
from churn_core.customers import tags as tags_module
from churn_core.customers.rule_segments import RuleCount
from churn_core.customers.rule_words import rule_sentence
from churn_core.customers.rules import Rule, rule_json
from churn_core.customers.segments import N_NAME_MOST
from churn_core.figures.theme import count, counted, money, percent
from ui import rule_draft as drafts
from ui import session
from ui import session_rules as calls
from ui.currency_hint import currency_hint
from ui.errors import errors_shown, guarded, plain
from ui.key_figures import figures_row, key_figure
from ui.layout import side_by_side
from ui.rule_draft import Draft
from ui.session import Stamp

HOW = (
    "A line holds only for customers whose value is known; ask 'is not known' for the others. Days are counted up to "
    "the end of the data."
)

SQL_LINES_SEEN, SQL_PIXELS = 9, 240
"""Lines of SQL seen without scrolling, and the height of what is longer."""


def answer_block(stamp: Stamp, found: Draft, currency: str) -> None:
    """Who the draft means, in figures, as a sentence and as SQL, and keeping it; or what is missing or wrong."""
    missing = drafts.unfinished(found)
    if missing:
        drafts.tell(None)
        st.markdown(f":gray[{missing} The count follows as soon as every line is complete.]")
        return
    with errors_shown():
        rule = drafts.built(found)
        text = rule_json(rule)
        meant = calls.rule_count(stamp, text)
        drafts.tell(rule)
        _figures(meant, currency)
        _told(stamp, rule, text)
        _keep(rule, meant)


def _figures(meant: RuleCount, currency: str) -> None:
    share = percent(meant.n_customers / meant.n_everybody) if meant.n_everybody else "none"
    left = f", {count(meant.n_left)} have left" if meant.n_left else ""
    known = "" if meant.n_value_known == meant.n_customers else f" of {count(meant.n_value_known)}"
    each = f"{money(meant.mean_value_at_risk, currency)} each{known}" if meant.n_value_known else "nobody's is known"
    with figures_row("rule"):
        key_figure("Customers", count(meant.n_customers), f"{share} of {count(meant.n_everybody)}{left}")
        key_figure(
            "Value at risk", money(meant.value_at_risk, currency), each,
            meaning="Risk x expected value, summed over those of the latest scoring whose value is known.",
        )  # fmt: skip
        key_figure("Mean risk", percent(meant.mean_risk), f"of {count(meant.n_scored)} scored")
    currency_hint(is_money=meant.value_at_risk is not None)
    if meant.n_left:
        st.caption(
            f"The label of {count(meant.n_left)} of these {counted(meant.n_customers, 'customer')} says that they have "
            "left: risk, money, At risk and campaigns leave them out."
        )
    if not meant.n_customers:
        st.markdown("Nobody meets this rule now. It can be kept all the same: it is asked again with every import.")


def _told(stamp: Stamp, rule: Rule, text: str) -> None:
    """The rule as a sentence and as SQL, side by side."""
    sql, parameters = calls.rule_sql_shown(stamp, text)
    left, right = side_by_side(2, key="rule_told")
    with left:
        st.markdown("**In words**")
        st.markdown(plain(rule_sentence(rule)))
        st.caption(HOW)
    with right:
        st.markdown("**As SQL**")
        is_long = sql.count("\n") >= SQL_LINES_SEEN
        st.code(sql, language="sql", wrap_lines=True, height=SQL_PIXELS if is_long else "content")
        if parameters:
            listed = "  \n".join(f"\\${plain(name)} = {plain(value)}" for name, value in parameters)
            with st.expander(f"{counted(len(parameters), 'value')} filled in"):
                st.markdown(listed)


def _keep(rule: Rule, meant: RuleCount) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input("Name", key="rule_name", max_chars=N_NAME_MOST, placeholder="Late big spenders", width=280)
        st.button(
            "Save as segment", type="primary", icon=":material/bookmark_add:", key="rule_save",
            on_click=guarded(_save, place="rule"), args=(rule,),
        )  # fmt: skip
        st.button(
            "Save as tag", icon=":material/sell:", key="rule_save_tag", on_click=guarded(_save_tag, place="rule"),
            args=(rule,), help="A word that stands on the Customer page of everybody the rule means.",
        )  # fmt: skip
    st.caption("Its customers are found again after every import and every scoring.")


def _save(rule: Rule) -> None:
    saved = rule_segments.save_rule_segment(session.warehouse(), st.session_state["rule_name"] or "", rule)
    st.session_state["rule_name"] = ""
    st.session_state["rule_segment"] = saved.name
    st.toast(f"Segment {plain(saved.name)} saved with {counted(saved.n_members, 'customer')}.")


def _save_tag(rule: Rule) -> None:
    made = tags_module.make_tag(session.warehouse(), st.session_state["rule_name"] or "", rule=rule)
    st.session_state["rule_name"] = ""
    st.toast(f"Tag {plain(made.tag)} given to {counted(made.n_customers, 'customer')}.")
