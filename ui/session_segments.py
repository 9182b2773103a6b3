"""Cached calls of the Segments page into the core, and the work that it can start."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import streamlit as st

from churn_core.customers import segmentation as work
from churn_core.customers import segmentation_drift as drifting
from churn_core.customers import segmentation_inputs as inputs
from churn_core.customers import segmentation_store as store
from churn_core.customers.segmentation import Asked
from churn_core.customers.segmentation_drift import Move, SegmentDrift
from churn_core.customers.segmentation_export import members_csv
from churn_core.customers.segmentation_fit import Tree
from churn_core.customers.segmentation_inputs import SegmentFeature
from churn_core.customers.segmentation_money import SegmentationMoney, segmentation_money
from churn_core.customers.segmentation_store import Segmentation
from churn_core.figures.theme import counted, day
from churn_core.jobs import Progress
from churn_core.warehouse import Warehouse
from ui import session
from ui.session import Stamp
from ui.widgets import job_started

JOB = "segments"


@st.cache_data(show_spinner=False, max_entries=8)
def segmentations(stamp: Stamp) -> tuple[Segmentation, ...]:
    """All segmentations, the newest first."""
    return store.segmentations(session.warehouse(stamp.workspace))


@st.cache_data(show_spinner=False, max_entries=8)
def offered(stamp: Stamp) -> tuple[SegmentFeature, ...]:
    """Features that customers can be divided by."""
    warehouse = session.warehouse(stamp.workspace)
    return inputs.segment_features(warehouse, inputs.source_of(warehouse))


@st.cache_data(show_spinner="Adding up money and risk", max_entries=16)
def money_of(stamp: Stamp, segmentation_id: int) -> SegmentationMoney:
    """Size, risk, churn rate and money of each segment."""
    warehouse = session.warehouse(stamp.workspace)
    return segmentation_money(warehouse, store.segmentation(warehouse, segmentation_id))


@st.cache_data(show_spinner=False, max_entries=16)
def tree_of(stamp: Stamp, segmentation_id: int) -> Tree | None:
    """The tree behind a segmentation; None for other methods."""
    return store.rule_of(session.warehouse(stamp.workspace), segmentation_id)[1].tree


@st.cache_data(show_spinner=False, max_entries=16)
def dates(stamp: Stamp, segmentation_id: int) -> tuple[datetime, ...]:
    """Dates at which it is known who was where, oldest first."""
    warehouse = session.warehouse(stamp.workspace)
    return drifting.dates_of(warehouse, store.segmentation(warehouse, segmentation_id))


@st.cache_data(show_spinner="Comparing both dates", max_entries=16)
def moves(stamp: Stamp, segmentation_id: int, earlier: datetime, later: datetime) -> tuple[Move, ...]:
    """Who went where between two dates."""
    return drifting.moves(session.warehouse(stamp.workspace), segmentation_id, earlier, later)


@st.cache_data(show_spinner=False, max_entries=16)
def drift(stamp: Stamp, segmentation_id: int, as_of: datetime) -> tuple[SegmentDrift, ...]:
    """Every segment at a date against the day of the fit."""
    warehouse = session.warehouse(stamp.workspace)
    scaling, _ = store.rule_of(warehouse, segmentation_id)
    return drifting.drift(store.segmentation(warehouse, segmentation_id), scaling.names, as_of)


def start_fit(asked: Asked) -> None:
    """Divide the customers in the background."""
    warehouse = session.warehouse()

    def fit(progress: Progress) -> dict[str, object]:
        made = work.fit_segmentation(warehouse, asked, progress=progress)
        told = f"{made.name}: {counted(made.n_customers, 'customer')} in {len(made.segments)} segments."
        return {"message": told, "segmentation_id": made.segmentation_id}

    job_started(session.runner().start(JOB, f"Divide the customers: {asked.name}", fit))


def start_assign(segmentation_id: int, as_of: datetime) -> None:
    """Find out in the background who was where at an earlier date."""
    warehouse = session.warehouse()

    def assign(progress: Progress) -> dict[str, object]:
        progress(0.1, f"segments of {day(as_of)}")
        n = work.assign_at(warehouse, segmentation_id, as_of)
        return {"message": f"{counted(n, 'customer')} assigned as of {day(as_of)}."}

    job_started(session.runner().start(JOB, f"Segments of {day(as_of)}", assign))


def csv_of(warehouse: Warehouse, segmentation_id: int, no: int | None) -> Callable[[], bytes]:
    """What a download button calls when it is clicked: all members of a segment, or of all."""

    def write() -> bytes:
        return members_csv(warehouse, segmentation_id, no)

    return write
