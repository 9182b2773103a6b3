"""Cached calls of the customer pages into the core, and the work that these pages can start.

Every answer is keyed by the workspace's stamp; large frames are never part of a key.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

from churn_core.campaigns.scoring import score_workspace
from churn_core.customers import at_risk, attributes, profile, search, segments, tags, targets, tiers
from churn_core.customers import today as today_module
from churn_core.customers.at_risk import ReasonTotal, Totals
from churn_core.customers.attributes import Attribute
from churn_core.customers.profile import CustomerProfile
from churn_core.customers.search import Match
from churn_core.customers.segments import Segment
from churn_core.customers.selection import CustomerFilter
from churn_core.customers.similar import Similar, similar
from churn_core.customers.tiers import TierPolicy
from churn_core.customers.today import Today
from churn_core.figures.contributions import Reading
from churn_core.figures.customers import reason_label
from churn_core.figures.theme import Mode
from churn_core.jobs import Progress
from churn_core.models.drift import newest_verdict
from churn_core.models.runs import latest_run
from churn_core.warehouse import Warehouse
from ui import session
from ui.session import Stamp
from ui.widgets import job_started

if TYPE_CHECKING:
    import pandas as pd

N_ROWS = 50
"""Customers on one page of the list."""


@st.cache_data(show_spinner="Comparing the latest scores with those before", max_entries=32)
def today(stamp: Stamp) -> Today:
    """What changed, what is at stake and what to do first."""
    return today_module.today(session.warehouse(stamp.workspace))


@st.cache_data(show_spinner=False, max_entries=16)
def newest_drift(stamp: Stamp) -> tuple[str, str] | None:
    """Verdict and reason of the newest scores against training; None where that cannot be told."""
    return newest_verdict(session.warehouse(stamp.workspace))


@st.cache_data(show_spinner="Adding up customers and money", max_entries=128)
def totals(stamp: Stamp, chosen: CustomerFilter) -> Totals:
    """How many customers a filter means and how much money."""
    return at_risk.count_and_totals(session.warehouse(stamp.workspace), chosen)


@st.cache_data(show_spinner=False, max_entries=128)
def rows(stamp: Stamp, chosen: CustomerFilter, page_nr: int, n_rows: int = N_ROWS) -> pd.DataFrame:
    """One page of the list, the first being 1."""
    warehouse = session.warehouse(stamp.workspace)
    return at_risk.page(warehouse, chosen, offset=(page_nr - 1) * n_rows, limit=n_rows)


@st.cache_data(show_spinner=False, max_entries=64)
def reasons(stamp: Stamp, chosen: CustomerFilter, by_feature: bool = False) -> tuple[ReasonTotal, ...]:
    """Main reasons of the customers a filter means, by group or by feature."""
    return at_risk.reason_totals(session.warehouse(stamp.workspace), chosen, by_feature=by_feature)


def main_reasons(stamp: Stamp, by_feature: bool) -> dict[str, str]:
    """Groups, or features, that are somebody's main reason: label -> name."""
    return {reason_label(reason): reason.name for reason in reasons(stamp, CustomerFilter(), by_feature)}


@st.cache_data(show_spinner=False, max_entries=8)
def attribute_choices(stamp: Stamp, source: str) -> tuple[Attribute, ...]:
    """What customers can be filtered by besides their scores."""
    return attributes.attributes(session.warehouse(stamp.workspace), source)


@st.cache_data(show_spinner=False, max_entries=8)
def saved_segments(stamp: Stamp) -> tuple[Segment, ...]:
    """All saved segments."""
    return segments.segments(session.warehouse(stamp.workspace))


@st.cache_data(show_spinner=False, max_entries=8)
def tag_words(stamp: Stamp) -> tuple[str, ...]:
    """Tags that somebody has."""
    return tuple(found.tag for found in tags.tags(session.warehouse(stamp.workspace)) if found.n_customers)


@st.cache_data(show_spinner=False, max_entries=8)
def policy(stamp: Stamp) -> TierPolicy:
    """The active tier policy."""
    return tiers.active_policy(session.warehouse(stamp.workspace))


@st.cache_data(show_spinner=False, max_entries=64)
def customer(stamp: Stamp, customer_id: str, has_timeline: bool = False) -> CustomerProfile:
    """Everything known about one customer; what happened only where it is asked for."""
    return profile.customer_profile(session.warehouse(stamp.workspace), customer_id, has_timeline=has_timeline)


@st.cache_data(show_spinner=False, max_entries=64)
def found(stamp: Stamp, text: str) -> tuple[Match, ...]:
    """Customers that a search finds."""
    return search.search_customers(session.warehouse(stamp.workspace), text)


@st.cache_data(show_spinner=False, max_entries=32)
def scored_words(stamp: Stamp, segment_id: int) -> str:
    """How many members of a segment have a risk, and why the others have none."""
    return segments.scored_words(session.warehouse(stamp.workspace), segment_id)


@st.cache_data(show_spinner=False, max_entries=64)
def n_found(stamp: Stamp, text: str) -> int:
    """How many customers a search finds in all, shown or not."""
    return search.n_found(session.warehouse(stamp.workspace), text)


@st.cache_data(show_spinner=False, max_entries=64)
def is_customer(stamp: Stamp, text: str) -> bool:
    """Whether the text is the id of a customer."""
    return bool(text) and search.is_customer(session.warehouse(stamp.workspace), text)


@st.cache_data(show_spinner="Looking for similar customers", max_entries=64)
def similar_customers(stamp: Stamp, customer_id: str) -> Similar | None:
    """What is usual among the customers most like one."""
    run = latest_run(session.warehouse(stamp.workspace))
    return similar(session.warehouse(stamp.workspace), run, customer_id) if run else None


@st.cache_data(show_spinner="Drawing the force plot", max_entries=64)
def force_plot(stamp: Stamp, customer_id: str, reading: Reading, currency: str, mode: Mode) -> str:
    """The force plot of one customer as an HTML page."""
    from churn_core.figures.force import force_plot_html

    score = customer(stamp, customer_id).score
    return force_plot_html(score, reading, currency=currency, mode=mode) if score else ""


def export_of(
    warehouse: Warehouse, chosen: CustomerFilter, *, run_id: int, n_customers: int, with_contact: bool
) -> Callable[[], bytes]:
    """What a download button calls when it is clicked: the whole list as seen on the page, or an error."""

    def write() -> bytes:
        folder = warehouse.file("x").parent
        export = targets.write_targets(
            warehouse, chosen, folder, with_contact=with_contact, run_id=run_id, n_expected=n_customers
        )
        try:
            return export.path.read_bytes()
        finally:
            export.path.unlink(missing_ok=True)

    return write


def start_scoring() -> None:
    """Score all customers in the background."""
    warehouse = session.warehouse()

    def work(progress: Progress) -> dict[str, object]:
        run = score_workspace(warehouse, progress)
        return {"run_id": run.run_id, "message": f"{run.n_customers:,} customers were scored."}

    job_started(session.runner().start("score", "Score all customers", work))
