"""What is decided on a campaign and what was learned: written down with the readout as it stood, and kept for ever."""

from __future__ import annotations

import streamlit as st

from churn_core.campaigns import decision as core
from churn_core.campaigns.decision import DECISIONS, Decision
from churn_core.campaigns.readout_model import CampaignReadout
from churn_core.errors import InputError
from churn_core.figures.theme import day
from ui import session
from ui.errors import guarded, plain, sentence, show_callback_error
from ui.session import Stamp

MARKS = {"ship": ":green-badge[▲ Ship]", "stop": ":red-badge[■ Stop]", "continue": ":blue-badge[▶ Continue]"}
_ERRORS = "decision"


@st.cache_data(show_spinner=False, max_entries=32)
def decisions_of(stamp: Stamp, campaign_id: str) -> tuple[Decision, ...]:
    """All decisions on a campaign, the latest first."""
    return core.decisions(session.warehouse(stamp.workspace), campaign_id)


def decision_block(stamp: Stamp, found: CampaignReadout, *, is_early: bool = False) -> None:
    """Decide, and everything that was decided before; ``is_early`` folds the form away while nothing is known."""
    if found.campaign is None:
        return
    campaign_id = found.campaign.campaign_id
    st.subheader("Decision", anchor=False)
    show_callback_error(_ERRORS)
    made = decisions_of(stamp, campaign_id)
    for entry in made:
        _decided(entry)
    if is_early or made:
        with st.expander("Decide anew" if made else "Decide before anything is known"):
            _form(campaign_id, made)
    else:
        _form(campaign_id, made)
    st.caption("It is kept with your name, the time and the whole readout as it stands then, and never changed.")


def _form(campaign_id: str, made: tuple[Decision, ...]) -> None:
    with st.form(f"decide_form_{campaign_id}_{len(made)}", border=False):
        st.radio(
            "What follows from this readout?" if not made else "What follows now? What was decided before stays.",
            list(DECISIONS),
            index=None,
            format_func=lambda name: DECISIONS[name],
            key=_key("what", campaign_id, made),
        )
        st.text_area(
            "Why (needed)",
            placeholder="The reason, for whoever reads it in a year.",
            key=_key("why", campaign_id, made),
            height=80,
        )
        st.text_input(
            "What was learned",
            placeholder="One sentence for the next campaign; it stands on the Programme page.",
            key=_key("learned", campaign_id, made),
        )
        st.form_submit_button(
            "Write it down",
            type="primary",
            on_click=guarded(_decide, place=_ERRORS),
            args=(campaign_id, made),
            key=f"decide_{campaign_id}",
        )


def _decided(entry: Decision) -> None:
    with st.container(border=True, gap="small"):
        st.markdown(
            f"{MARKS.get(entry.decision, plain(entry.decision))} **{day(entry.made_at)}**, {plain(entry.person)}: "
            f"{sentence(entry.why)}"
        )
        if entry.learned:
            st.markdown(f"Learned: {sentence(entry.learned)}")
        st.caption(f"The readout then: {sentence(entry.verdict)}")


def _decide(campaign_id: str, made: tuple[Decision, ...]) -> None:
    state = st.session_state
    chosen = state.get(_key("what", campaign_id, made))
    if chosen is None:
        raise InputError("nothing is chosen yet; say whether to ship it, stop it or continue.")
    core.decide(
        session.warehouse(),
        campaign_id,
        chosen,
        state.get(_key("why", campaign_id, made), ""),
        state.get(_key("learned", campaign_id, made), ""),
    )
    st.toast("Written down.")


def _key(part: str, campaign_id: str, made: tuple[Decision, ...]) -> str:
    """Inputs of the next decision start empty."""
    return f"decision_{part}_{campaign_id}_{len(made)}"
