"""The blocks of the Drivers page: what moves risks, for everybody or for a group, and how one signal does it."""

from __future__ import annotations

import streamlit as st

from churn_core.customers import dependence as dependence_module
from churn_core.customers import drivers as drivers_module
from churn_core.customers.dependence import Dependence
from churn_core.customers.drivers import Drivers, Sample
from churn_core.customers.profile import feature_label
from churn_core.customers.selection import CustomerFilter
from churn_core.figures import drivers as figures
from churn_core.figures.contributions import Reading
from churn_core.figures.dependence import dependence_figure
from churn_core.figures.theme import count, counted, percent, points_between
from churn_core.models.families import family_label, family_of
from ui import session
from ui import session_customers as calls
from ui.errors import plain
from ui.key_figures import figures_row, key_figure
from ui.layout import side_by_side
from ui.reading import reading_choice
from ui.session import Stamp
from ui.widgets import chart

SCALE = "0.5 on this scale moves a risk of 50 % to 62 %, and one of 10 % to 15 %."
FEW = 30
"""Customers of a group below whom single ones weigh heavily."""


@st.cache_data(show_spinner="Adding up contributions", max_entries=32)
def found_drivers(stamp: Stamp, chosen: CustomerFilter) -> Drivers:
    """The drivers of the customers a filter means."""
    names = {segment.segment_id: segment.name for segment in calls.saved_segments(stamp)}
    name = names.get(chosen.segment_id, "") if chosen.segment_id is not None else ""
    return drivers_module.drivers(session.warehouse(stamp.workspace), chosen, segment_name=name)


@st.cache_data(show_spinner=False, max_entries=16)
def _sample(stamp: Stamp, chosen: CustomerFilter) -> Sample:
    return drivers_module.sample(session.warehouse(stamp.workspace), chosen)


@st.cache_data(show_spinner="Counting values", max_entries=64)
def _dependence(stamp: Stamp, name: str, chosen: CustomerFilter) -> Dependence:
    return dependence_module.dependence(session.warehouse(stamp.workspace), name, chosen)


def is_nobody(stamp: Stamp, chosen: CustomerFilter) -> bool:
    """Whether no customer matches."""
    return calls.totals(stamp, chosen).n_customers == 0


def group_block(found: Drivers) -> None:
    """Who is meant, how risky they are, and the rest beside them."""
    if found.rest is None:
        words = f"About all {counted(found.group.n_customers, 'customer')} of the latest scoring."
        st.markdown(f"{words} :gray[Choose a tier, a filter or a saved segment to compare a group with the rest.]")
        return
    st.markdown(f"**{plain(found.meaning[:1].upper() + found.meaning[1:])}** :gray[against the rest]")
    with figures_row("drivers"):
        key_figure("Mean risk here", percent(found.group.mean_risk), counted(found.group.n_customers, "customer"))
        key_figure("Mean risk of the rest", percent(found.rest.mean_risk), counted(found.rest.n_customers, "customer"))
        step = points_between(found.rest.mean_risk, found.group.mean_risk)
        key_figure("Difference", step.removesuffix(" points"), "percentage points")
    if min(found.group.n_customers, found.rest.n_customers) < FEW:
        st.caption(f"One of the two has fewer than {FEW} customers: single ones weigh heavily in its means.")


def reading_block(found: Drivers) -> Reading:
    """Whether signals are looked at by group or one by one."""
    return reading_choice(has_groups=figures.has_groups(found))


def means_block(found: Drivers, reading: Reading) -> None:
    """What moves risks most; with a group chosen, what sets it apart from the rest beside it."""
    mode = session.mode()
    if found.rest is None:
        chart(figures.importance_figure(found, reading, mode=mode), key="importance")
    else:
        left, right = side_by_side(2, key="drivers")
        with left:
            chart(figures.difference_figure(found, reading, mode=mode), key="difference")
        with right:
            chart(figures.importance_figure(found, reading, mode=mode), key="importance")
    words = (
        "Contributions are changes of the calibrated log-odds against the average customer of the scoring; their means "
        f"are of every customer, none is left out. {SCALE}"
    )
    if found.rest is not None:
        words += " The differences add up to the difference of the mean log-odds of the two."
    if reading == "every signal":
        words += " Signals of one group overlap and may pull against each other: read them together with their group."
    if found.sampled:
        words += f" {plain(found.sampled)}"
    st.caption(words)


def swarm_block(stamp: Stamp, chosen: CustomerFilter, found: Drivers) -> None:
    """Single customers, dot by dot."""
    drawn = _sample(stamp, chosen)
    n_shown = min(figures.N_IN_SWARM, len(drawn.values))
    chart(figures.swarm_figure(found, drawn, mode=session.mode()), key="swarm")
    of_whom = f"{count(n_shown)} of {counted(drawn.n_customers, 'customer')}"
    drawn_how = ", drawn by lot, always the same" if n_shown < drawn.n_customers else ""
    colours = "Strong colour is a high value, faint a low one; orange is a text, or not known."
    st.caption(f"Each dot is one of {of_whom}{drawn_how}. {colours}")


def dependence_block(stamp: Stamp, chosen: CustomerFilter, found: Drivers, currency: str) -> None:
    """One signal: its contribution against its value, with how many have such a value."""
    names = [driver.name for driver in found.features]
    name = st.selectbox(
        "Signal",
        names,
        format_func=_signal_label,
        key="signal",
        bind="query-params",
        width=520,
    )
    depends, drawn = _dependence(stamp, name, chosen), _sample(stamp, chosen)
    chart(dependence_figure(depends, drawn, currency=currency, mode=session.mode()), key="dependence")
    st.caption(_how_drawn(depends, drawn))


def _signal_label(name: str) -> str:
    """A signal with its group, which says where to look for others like it."""
    label, group = feature_label(name), family_label(family_of(name))
    return label if label == group else f"{label} · {group}"


def _how_drawn(found: Dependence, drawn: Sample) -> str:
    if found.levels:
        return (
            f"Means of all {counted(found.n_known + found.n_missing, 'customer')}. Texts are as known today: a scoring "
            "keeps numbers only."
        )
    words = (
        f"Line and bars: all {counted(found.n_known + found.n_missing, 'customer')}; dots: "
        f"{count(min(len(drawn.values), drawn.n_customers))} of them."
    )
    if found.n_beyond:
        words += f" {counted(found.n_beyond, 'customer')} with the lowest or highest values are left off."
    if found.n_missing:
        words += f" Of {counted(found.n_missing, 'customer')} no value is known: the diamond on the left."
    return words
