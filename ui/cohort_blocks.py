"""The blocks of the Cohorts page: the triangle with its file, curves of chosen cohorts, two cohorts compared."""

from __future__ import annotations

from datetime import timedelta

import streamlit as st

from churn_core.customers import cohort_curves as curves_module
from churn_core.customers import cohorts as cohorts_module
from churn_core.customers.cohort_curves import CohortCurves, Event, compare_cohorts
from churn_core.customers.cohort_members import MONTH, Grouping
from churn_core.customers.cohort_members import groupings as known_groupings
from churn_core.customers.cohorts import Triangle, csv_name, triangle_csv
from churn_core.figures import cohorts as figures
from churn_core.figures.cohorts import WHAT, What
from churn_core.figures.theme import UNKNOWN, count, counted, day
from ui import session
from ui.errors import plain, sentence
from ui.rhythm_blocks import LATE
from ui.session import Stamp
from ui.widgets import chart, table

PARTS = ("Triangle", "Curves and comparison", LATE)
"""The parts of the page, as they stand in its address."""
EVENT_LABELS: dict[Event, str] = {"order": "Next order", "churn": "Churn"}


@st.cache_data(show_spinner=False, max_entries=8)
def groupings(stamp: Stamp) -> tuple[Grouping, ...]:
    """What cohorts can be made by."""
    return known_groupings(session.warehouse(stamp.workspace))


@st.cache_data(show_spinner="Adding up orders by cohort", max_entries=16)
def found_triangle(stamp: Stamp, by: str) -> Triangle:
    """The triangle of a grouping."""
    return cohorts_module.triangle(session.warehouse(stamp.workspace), by)


@st.cache_data(show_spinner="Following customers from their first order", max_entries=16)
def found_curves(stamp: Stamp, event: Event, by: str) -> CohortCurves:
    """The curves of all cohorts of a grouping."""
    return curves_module.cohort_curves(session.warehouse(stamp.workspace), event, by)


def triangle_block(stamp: Stamp, currency: str) -> None:
    """The heat map, what to keep in mind when reading it, and its file."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        by = _by(stamp)
        what = _what(found_triangle(stamp, by))
    found = found_triangle(stamp, by)
    chart(figures.triangle_figure(found, what, currency=currency, mode=session.mode()), key="triangle")
    if not found.n_months:
        st.info(
            f"Orders end on {day(stamp.state.last_order_at)} and no month after the one of a first order is over by "
            "then: a longer history shows who comes back."
        )
    st.caption(_how_to_read(found))
    st.download_button(
        "Download the triangle",
        triangle_csv(found),
        csv_name(found),
        "text/csv",
        icon=":material/download:",
        key="triangle_csv",
        on_click="ignore",
    )


def curves_block(stamp: Stamp) -> None:
    """Curves with bands for chosen cohorts, and the comparison of two of them."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        by = _by(stamp)
        event: Event = st.segmented_control(
            "Days until", list(EVENT_LABELS), key="event", bind="query-params", required=True, default="order",
            format_func=lambda name: EVENT_LABELS[name],
        )  # fmt: skip
    found = found_curves(stamp, event, by)
    labels = [side.label for side in found.curves]
    if not labels:
        st.info("Every first order came on the last day of the orders: nobody could be waited for yet.")
        return
    n_usual = 3 if by == MONTH else 4
    chosen = st.multiselect(
        "Cohorts",
        labels,
        default=_spread(labels, n_usual) if by == MONTH else labels[:n_usual],
        max_selections=figures.MOST_CURVES,
        key=f"cohorts_{by}",
    )
    if chosen:
        chart(figures.curves_figure(found, chosen, mode=session.mode()), key="curves")
    st.caption(_how_followed(found, by))
    _comparison(found, chosen)


def _comparison(found: CohortCurves, chosen: list[str]) -> None:
    """Two of the chosen cohorts by the log-rank test."""
    st.subheader("Two cohorts compared", anchor=False)
    if len(found.curves) < 2:
        st.markdown("There is only one cohort, so there is nothing to compare it with; choose another attribute above.")
        return
    labels = [side.label for side in found.curves]
    starts = [*chosen, *(label for label in labels if label not in chosen)][:2]
    with st.container(horizontal=True):
        first = st.selectbox("Cohort", labels, index=labels.index(starts[0]), key=f"first_{starts[0]}", width=240)
        others = [label for label in labels if label != first]
        place = others.index(starts[1]) if starts[1] in others else 0
        second = st.selectbox("Against", others, index=place, key=f"second_{starts[1]}_{first}", width=240)
    compared = compare_cohorts(found, str(first), str(second))
    st.markdown(f"**{sentence(compared.sentence)}**")
    table(
        [
            {
                "Cohort": side.label,
                "Customers": count(side.n_customers),
                curves_module.EVENTS[found.event].capitalize(): count(side.n_events),
                "Half of them after": UNKNOWN if side.median_days is None else f"{side.median_days:,.0f} days",
            }
            for side in (compared.first, compared.second)
        ],
        width="content",
    )


def _by(stamp: Stamp) -> str:
    choices = {grouping.name: grouping.label for grouping in groupings(stamp)}
    chosen = st.selectbox(
        "Cohorts by", list(choices), format_func=lambda name: choices[name], key="by", bind="query-params", width=260
    )
    return str(chosen or MONTH)


def _what(found: Triangle) -> What:
    """Retention or revenue; no question where orders have no amounts."""
    if not found.has_amounts:
        return "retention"
    what: What = st.segmented_control(
        "Show", list(WHAT), key="show", bind="query-params", required=True, default="retention",
        format_func=lambda name: WHAT[name],
    )  # fmt: skip
    return what


def _how_to_read(found: Triangle) -> str:
    """What a cell is, what is grey, what is left off, and which cohorts to be careful with."""
    words = [
        "Month 1 is the calendar month after that of the first order. n: customers of the cohort for whom the month is "
        "over; grey cells are not over yet and unknown, never zero."
    ]
    if found.grouping.name == MONTH:
        words.append(
            f"Orders begin on {day(found.first_order)}: the first cohorts also hold customers who had bought before."
        )
    else:
        parts = ", cut into quarters of the customers" if found.grouping.is_number else ""
        words.append(
            f"By {plain(found.grouping.label)}, as known today{parts}; n falls where customers came too recently."
        )
    if found.has_amounts:
        words.append(
            "Revenue is what was paid, returns not taken off: each, per customer of the cohort in a month; summed up, "
            "since the first month; in all, of the whole cohort."
        )
    n_months = found.n_months + 1
    if len(found.cohorts) > figures.N_ROWS or n_months > figures.N_COLUMNS:
        n_rows = min(len(found.cohorts), figures.N_ROWS)
        words.append(
            f"Shown: {counted(n_rows, 'cohort')} of {count(len(found.cohorts))} and months 0 to "
            f"{min(n_months, figures.N_COLUMNS) - 1} of {n_months - 1}; the file holds all."
        )
    return " ".join(words)


def _how_followed(found: CohortCurves, by: str) -> str:
    """What is waited for, and how those still waiting are counted."""
    if found.event == "order":
        what = "Days from the first order to the next day with an order."
    else:
        whose = "the churn definition" if found.is_saved else "the proposed definition, as none is saved yet"
        what = (
            f"Churned: no order for {found.horizon_days} days ({whose}), dated on the day the silence gets that long; "
            "who came back later counts all the same."
        )
    last_day = day(found.end - timedelta(days=1))
    before = " The first month also holds customers who had bought before the orders begin."
    return (
        f"{what} Kaplan-Meier with 95 % bands: customers still waiting on {last_day} count for as long as they were "
        f"watched.{before if by == MONTH else ''}"
    )


def _spread(labels: list[str], n: int) -> list[str]:
    """Some of the months, evenly spread; of many neither the last ones nor the first, whose customers are older."""
    first, last = (1 if len(labels) > 2 * n else 0), max(0, len(labels) - 1 - len(labels) // 6)
    return list(dict.fromkeys(labels[round(first + place * (last - first) / max(1, n - 1))] for place in range(n)))
