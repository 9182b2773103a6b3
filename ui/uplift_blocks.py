"""The blocks of the Who can be saved page: which campaign, what it taught, and what contacting is worth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from churn_core.campaigns.goals import OUTCOMES
from churn_core.campaigns.store import Campaign
from churn_core.campaigns.uplift_proposal import Proposal
from churn_core.campaigns.uplift_store import StoredUplift
from churn_core.campaigns.uplift_words import MODEL_WORDS, effect, number, qini_name, verdict
from churn_core.figures import uplift as figures
from churn_core.figures.theme import count, counted, day, money
from ui import session
from ui import session_uplift as calls
from ui.errors import guarded, plain
from ui.key_figures import figures_row, key_figure
from ui.layout import side_by_side
from ui.session import Stamp
from ui.widgets import chart, table

PLAN_PAGE = "pages/campaigns/plan.py"
AT_RISK_PAGE = "pages/customers/at_risk.py"
CAMPAIGN = "campaign"
"""Name in the address; not bound to the input, because a link to the plan of another campaign sets it too."""


def choice_block(found: tuple[Campaign, ...]) -> tuple[Campaign, str]:
    """The campaign and the treatment that is looked at; the campaign lives in the address."""
    by_id = {entry.campaign_id: entry for entry in found}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        asked = st.query_params.get(CAMPAIGN, "")
        chosen = by_id[
            st.selectbox(
                "Campaign",
                list(by_id),
                index=list(by_id).index(asked) if asked in by_id else 0,
                key="uplift_campaign",
                width=360,
                format_func=lambda campaign_id: by_id[campaign_id].name,
                on_change=_chosen,
            )
        ]
        arms = [arm.name for arm in chosen.plan.treatments]
        arm = arms[0]
        if len(arms) > 1:
            arm = st.selectbox("Treatment", arms, key=f"arm_{chosen.campaign_id}", width=220)
    goal = chosen.plan.goal
    control = chosen.plan.control
    st.caption(
        f"{plain(arm)} against {plain(control.name if control else 'nothing')}, from {day(chosen.starts_at)}: "
        f"{OUTCOMES[goal.outcome].label} within {counted(goal.window_days, 'day')}."
    )
    return chosen, arm


def _chosen() -> None:
    st.query_params[CAMPAIGN] = st.session_state["uplift_campaign"]


def learn_button(chosen: Campaign, arm: str, *, again: bool) -> None:
    """Start learning in the background."""
    st.button(
        "Learn again" if again else "Learn who responds", type="secondary" if again else "primary", key="learn",
        icon=":material/school:", on_click=guarded(calls.start_learning), args=(chosen.campaign_id, arm),
        help="Learns from what was known of every customer before the start, and judges nobody by a model that saw "
        "their own outcome.",
    )  # fmt: skip


def verdict_block(learnt: StoredUplift, currency: str) -> None:
    """Whether customers differ in how they respond, with the key figures."""
    study = learnt.study
    words = plain(verdict(study, currency=currency))
    (st.success if learnt.has_evidence else st.info)(words, icon=":material/groups:")
    ranking = study["ranking"]
    with figures_row("uplift"):
        key_figure(
            "Qini", _number(ranking["qini"]["value"]), _ends(ranking["qini"]),
            meaning=f"{qini_name(study)}. Raw and normalised values of other tools cannot be compared with it.",
        )  # fmt: skip
        key_figure("AUUC", _number(ranking["auuc"]["value"]), _ends(ranking["auuc"]), meaning="How well the "
                   "ranking puts those first whom contact changes: 0 is no better than a random order, 1 the best "
                   "order possible (area under the uplift curve, normalised as scikit-uplift does).")  # fmt: skip
        top = f"Top {100 * ranking['top_share']:.0f} %"
        key_figure(
            f"{top}, points" if study["is_rate"] else top,
            _bare(ranking["top_effect"]["value"], study, currency),
            f"average {_bare(ranking['average_effect']['value'], study, currency)}",
            meaning="The measured difference of the arms among those with the highest expected uplift. Out of "
            "fold: everybody is judged by a model that did not see their own outcome.",
        )
        n_drawn = learnt.n_assigned
        n_used = study["n_control"] + study["n_treatment"]
        key_figure("Customers", count(n_used), f"of {count(n_drawn)} drawn", meaning=_left_out(learnt))


def curves_block(learnt: StoredUplift, currency: str) -> None:
    """The Qini curve and the effects by tenth and tier, with the four groups."""
    study, mode = learnt.study, session.mode()
    first, second = side_by_side(2, key="uplift_curves")
    with first:
        chart(figures.qini_figure(study, currency=currency, mode=mode), key="qini")
    with second:
        _draw(figures.parts_figure(study, "deciles", currency=currency, mode=mode), "deciles")
    third, fourth = side_by_side(2, key="uplift_parts")
    with third:
        _draw(figures.parts_figure(study, "tiers", currency=currency, mode=mode), "tiers")
    with fourth:
        groups = figures.responses_figure(study, mode=mode)
        if not learnt.has_evidence:
            st.caption("The four groups are not told without evidence that customers differ in how they respond.")
        elif groups is None:
            st.caption("The four groups are told for outcomes that are yes or no; this goal is an amount.")
        else:
            chart(groups, key="responses")
            st.caption(
                f"{MODEL_WORDS} Moved means by at least {effect(study['moved_from'], study).lstrip('+')}; a sure thing "
                "is somebody not moved who orders without contact with a chance of at least one half."
            )


def learners_block(learnt: StoredUplift) -> None:
    """Which learner was chosen, and how much the others differed."""
    with st.expander("Which learner, and how sure that choice is"):
        rows = [
            {
                "Learner": entry["label"] + (" (in use)" if entry["name"] == learnt.learner else ""),
                "Qini": _number(entry["qini"]),
                "Error saved": f"{1000 * entry['gain']:+.2f}",
                "± standard error": f"{1000 * entry['gain_error']:.2f}",
                "Chosen in parts": f"{entry['n_folds_chosen']}",
            }
            for entry in learnt.study["learners"]
        ]
        table(rows)
        st.caption(
            "A learner is a way to estimate what contact changes for one customer; all are tried on this campaign. "
            "Error saved: squared distance to the doubly robust score, in thousandths, against one effect for "
            "everybody; above 0 is better. Each fifth of the customers was ranked by the learner that all other fifths "
            "chose; among learners within one standard error of the best the first of the list is taken."
        )


def net_value_block(stamp: Stamp, learnt: StoredUplift, currency: str) -> None:
    """What contacting is worth, how it is counted, and where it is used."""
    st.subheader("Net value of contacting", anchor=False)
    state = calls.net_state(stamp)
    if not state.is_known:
        st.markdown(plain(state.told))
        if learnt.is_active:
            st.button("Calculate it", key="renew", on_click=guarded(calls.start_renewing), icon=":material/refresh:")
        return
    if not learnt.is_active:
        st.caption(f"Lists show what campaign {plain(state.campaign_name)} taught, not this one.")
    if stamp.state.run_id:
        worth = calls.everybody(stamp)
        with figures_row("net_value"):
            key_figure("Worth contacting", count(worth.n_positive), f"of {count(worth.n_known)} known")
            key_figure("Their net value", money(worth.total_positive, currency), "sum of those")
            key_figure("Contacting everybody", money(worth.total, currency), f"{counted(worth.n_known, 'customer')}")
    st.caption(_counted_words(learnt, currency))
    if state.told:
        st.markdown(f":orange[:material/info:] {plain(state.told)}")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.page_link(
            AT_RISK_PAGE, label="At risk, highest net value first", icon=":material/arrow_forward:",
            query_params={"order": "Highest net value first"},
        )  # fmt: skip
        st.button("Renew", key="renew", on_click=guarded(calls.start_renewing), icon=":material/refresh:")
        st.button("Show it no more", key="stop_showing", type="tertiary", on_click=guarded(calls.stop_showing))


def proposal_block(found: Proposal) -> None:
    """The campaign that would give evidence, and a button that begins its draft."""
    with st.container(border=True):
        st.markdown("**The campaign that would tell**")
        st.markdown(plain(found.told))
        if st.button("Begin this campaign as a draft", key="begin_draft", icon=":material/edit_note:"):
            begun = calls.begin_draft(found)
            st.switch_page(PLAN_PAGE, query_params={CAMPAIGN: begun})


def _counted_words(learnt: StoredUplift, currency: str) -> str:
    paid = learnt.money
    days = "the campaign's window"
    scale = "as measured among its control" if paid.is_scale_measured else "as window over horizon"
    if paid.outcome in ("retained", "repurchase"):
        gain = f"uplift x the customer's own expected value x {paid.value_scale:.2f} (brought to {days}, {scale})"
    else:
        gain = f"expected further margin within {days}"
    low, high = learnt.silent_days
    offer = paid.offer_cost + (0.0 if paid.outcome == "margin" else paid.discount_per_buyer)
    return (
        f"Counted as {gain}, less {money(paid.contact_cost, currency)} per contact and {money(offer, currency)} of "
        f"offer and discount for every customer who orders. Only customers silent for {low:.0f} to {high:.0f} days are "
        "valued, as those of the campaign were; without evidence that customers differ nobody is."
    )


def _left_out(learnt: StoredUplift) -> str:
    return (
        f"{count(learnt.n_incomplete)} have no complete window or no outcome yet; {count(learnt.n_unseen)} had no "
        "order before the start, so nothing was known of them."
    )


def _draw(figure: Any, key: str) -> None:
    if figure is None:
        st.caption("Tiers of the customers at the draw are not known.")
    else:
        chart(figure, key=key)


def _bare(value: float | None, study: Mapping[str, Any], currency: str) -> str:
    return effect(value, study, currency).removesuffix(" points")


def _number(value: float | None) -> str:
    return "–" if value is None else number(value)


def _ends(estimate: Mapping[str, Any]) -> str:
    if estimate["low"] is None or estimate["high"] is None:
        return "not defined"
    return f"{number(estimate['low'])} to {number(estimate['high'])}"
