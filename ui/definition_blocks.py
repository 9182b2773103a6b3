"""The blocks of the Churn definition page: the gaps, the choice, what it would mean month by month."""

from __future__ import annotations

import streamlit as st

from churn_core.features import definition as definitions
from churn_core.features.definition import MonthCounts, Proposal, Readiness
from churn_core.features.gaps import GapDistribution
from churn_core.figures.data import gap_figure, months_figure
from churn_core.figures.theme import count, day, percent
from churn_core.timeline import ChurnDefinition
from ui import session
from ui.errors import guarded, sentence
from ui.session import Stamp
from ui.widgets import chart, table

METHOD_WORDS = {
    "full": "There is enough history for models that learn from this shop's own past and give reasons.",
    "bgnbd": "For now the purchase model BG/NBD is used: it needs only orders, but gives fewer reasons.",
    "lateness": "For now customers are ranked by how late they are against their own rhythm.",
    "none": "Nobody can be scored yet.",
}


@st.cache_data(show_spinner="Looking at the gaps between orders", max_entries=8)
def gaps(stamp: Stamp) -> GapDistribution:
    """Distribution of gaps between order days."""
    return definitions.gap_distribution(session.warehouse(stamp.workspace))


@st.cache_data(show_spinner="Looking at the days between orders", max_entries=8)
def proposal(stamp: Stamp) -> Proposal:
    """The definition that the gaps suggest."""
    return definitions.propose_definition(session.warehouse(stamp.workspace))


@st.cache_data(show_spinner="Counting month by month", max_entries=32)
def months(stamp: Stamp, definition: ChurnDefinition) -> list[MonthCounts]:
    """Eligible, churned and stayed at past cutoffs."""
    return definitions.months(session.warehouse(stamp.workspace), definition, include_open=True)


@st.cache_data(show_spinner="Counting who is eligible", max_entries=32)
def readiness(stamp: Stamp, definition: ChurnDefinition) -> Readiness:
    """What can be done with the data under a definition."""
    return definitions.readiness(session.warehouse(stamp.workspace), definition)


def gaps_block(stamp: Stamp, horizon_days: int) -> None:
    """The gaps between orders, with the horizon marked."""
    found = gaps(stamp)
    if not found.n_gaps:
        st.markdown("**No customer has ordered on two different days yet**")
        st.caption("Gaps between the orders of a customer are shown here as soon as there are any.")
        return
    figure = gap_figure(found, horizon_days=horizon_days, mode=session.mode())
    chart(figure, key="gap_figure")
    st.caption(
        "A repeat order comes on a later day than the customer's order before; several orders of one day count as one. "
        f"Left out are orders of the last {count(found.follow_up_days)} days as beginnings: what follows them is not "
        "known for long enough."
    )


def choice_block(stamp: Stamp) -> ChurnDefinition:
    """The inputs; the definition they describe, not yet saved."""
    saved = definitions.active_definition(session.warehouse(stamp.workspace))
    start = saved or proposal(stamp).definition
    horizon, activity, lead = st.columns(3, gap="medium")
    only_active = st.toggle(
        "Only customers who were active recently",
        value=start.activity_days is not None,
        key=f"only_active_{stamp.workspace}",
        help="Leave out customers whose last order lies so far back that they are gone already.",
    )
    horizon_days = horizon.number_input(
        "Horizon, days",
        min_value=1,
        max_value=1095,
        value=start.horizon_days,
        key=f"horizon_{stamp.workspace}",
        help="A customer who does not order within so many days has churned.",
    )
    activity_days = activity.number_input(
        "Active within, days",
        min_value=1,
        max_value=3650,
        value=start.activity_days or 2 * start.horizon_days,
        disabled=not only_active,
        key=f"activity_{stamp.workspace}",
        help="The question is about customers with an order within so many days before.",
    )
    lead_days = lead.number_input(
        "Lead, days",
        min_value=0,
        max_value=365,
        value=start.lead_days,
        key=f"lead_{stamp.workspace}",
        help="Days between the scoring and the start of the horizon, left free to act. 0 is usual.",
    )
    return ChurnDefinition(
        horizon_days=int(horizon_days),
        activity_days=int(activity_days) if only_active else None,
        lead_days=int(lead_days),
    )


def proposal_block(stamp: Stamp) -> None:
    """The proposal with its reason."""
    st.info(sentence(proposal(stamp).reason))


def words(definition: ChurnDefinition) -> str:
    """A definition as a sentence."""
    active = (
        f"Customers with an order in the last {definition.activity_days} days"
        if definition.activity_days
        else "All past buyers"
    )
    lead = f" after a lead of {definition.lead_days} days" if definition.lead_days else ""
    return f"{active} have churned when they do not order within {definition.horizon_days} days{lead}."


def months_block(stamp: Stamp, definition: ChurnDefinition) -> None:
    """Eligible, churned and stayed per month as chart and table."""
    counted = months(stamp, definition)
    if not counted:
        return
    figure = months_figure(counted, n_needed=definitions.FEWEST_ELIGIBLE, mode=session.mode())
    chart(figure, key="months_figure")
    st.caption(
        "Counted on the first of each month. What can be done now is judged on the latest day whose outcome is known, "
        "so that its numbers may differ a little from these."
    )
    with st.expander("The same as a table"):
        table(
            [
                {
                    "Cutoff": day(month.cutoff),
                    "Eligible": count(month.n_eligible),
                    "Churned": count(month.n_churned),
                    "Stayed": count(month.n_stayed),
                    "Churn rate": percent(month.n_churned / month.n_eligible)
                    if month.n_churned is not None
                    else "open",
                }
                for month in reversed(counted)
            ],
            most_rows=12,
        )


def readiness_block(stamp: Stamp, definition: ChurnDefinition) -> None:
    """What can be done now, and what is missing for more."""
    ready = readiness(stamp, definition)
    show = {"full": st.success, "none": st.warning}.get(ready.method, st.info)
    missing = f"\n\n{sentence(ready.missing)}" if ready.missing else ""
    show(f"{METHOD_WORDS[ready.method]} {sentence(ready.reason)}{missing}")


def save_block(stamp: Stamp, definition: ChurnDefinition) -> None:
    """Save the definition, when it differs from the active one."""
    saved = definitions.active_definition(session.warehouse(stamp.workspace))
    same = saved is not None and (saved.horizon_days, saved.activity_days, saved.lead_days) == (
        definition.horizon_days,
        definition.activity_days,
        definition.lead_days,
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Save this definition",
            type="primary",
            disabled=same,
            on_click=guarded(_save),
            args=(definition,),
            key="save",
        )
        if same and saved is not None:
            st.caption(f"Saved as definition {saved.version}.")
        elif saved is not None:
            st.caption(
                f"Definition {saved.version} stays in the history; models and scores keep the one they were made with. "
                "Train again afterwards."
            )
    if same:
        st.page_link("pages/models/train.py", label="Next: train a model", icon=":material/arrow_forward:")


def _save(definition: ChurnDefinition) -> None:
    saved = definitions.save_definition(session.warehouse(), definition)
    st.toast(f"Saved as definition {saved.version}.")
