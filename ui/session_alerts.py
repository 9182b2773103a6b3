"""Cached calls of the alert pages into the core, and which alert is open.

Every answer is keyed by the workspace's stamp; what depends on the clock, such as being overdue, also by the hour.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from itertools import count

import streamlit as st

from churn_core.campaigns.alerting import customers_who_wait, foresee_alerts, renew_alerts
from churn_core.campaigns.store import Campaign
from churn_core.customers import alerts as alerts_module
from churn_core.customers.alert_contact import Contact, contact_of
from churn_core.customers.alert_days import working_day_after
from churn_core.customers.alert_export import write_alerts
from churn_core.customers.alert_foresight import Foreseen
from churn_core.customers.alert_model import N_PAGE_MOST, Alert, AlertFilter, AlertList, LogEntry
from churn_core.customers.alert_policy import AlertPolicy, alert_policy
from churn_core.customers.alert_summary import AlertSummary, alert_summary
from churn_core.customers.selection import CustomerFilter
from churn_core.errors import InputError, NotEnoughData
from churn_core.jobs import Progress
from churn_core.warehouse import utc_now
from ui import session
from ui.session import Stamp
from ui.session_plan import begin_for
from ui.widgets import job_started

ALERT = "alert"
"""Parameter of the address: the number of the alert that is open."""
PAGE = "pages/alerts/alerts.py"
N_ROWS = 50
"""Alerts on one page of the queue."""
_SHOWN = "alerts_shown"


def this_hour() -> datetime:
    """The present without minutes: part of the key of what depends on the clock."""
    return utc_now().replace(minute=0, second=0, microsecond=0)


def today() -> date:
    """The day on which alerts are due, as the core counts it."""
    return utc_now().date()


def queue(stamp: Stamp, chosen: AlertFilter, sort: str, page_nr: int) -> AlertList:
    """One page of the queue, the first being 1."""
    return _queue(stamp, chosen, sort, page_nr, this_hour())


@st.cache_data(show_spinner=False, max_entries=64)
def _queue(stamp: Stamp, chosen: AlertFilter, sort: str, page_nr: int, hour: datetime) -> AlertList:
    return alerts_module.alerts(session.warehouse(stamp.workspace), chosen, sort=sort, page=page_nr, page_size=N_ROWS)


@st.cache_data(show_spinner=False, max_entries=64)
def _of_customer(stamp: Stamp, customer_id: str, hour: datetime) -> Alert | None:
    return alerts_module.alert_of_customer(session.warehouse(stamp.workspace), customer_id)


def of_customer(stamp: Stamp, customer_id: str) -> Alert | None:
    """The alert of a customer that somebody still has to look at."""
    return _of_customer(stamp, customer_id, this_hour())


@st.cache_data(show_spinner=False, max_entries=64)
def history(stamp: Stamp, alert_id: int) -> tuple[LogEntry, ...]:
    """What happened to an alert, the newest first."""
    return alerts_module.alert_history(session.warehouse(stamp.workspace), alert_id)


@st.cache_data(show_spinner=False, max_entries=64)
def contact(stamp: Stamp, customer_id: str) -> Contact | None:
    """How a customer is reached; None when only orders are known."""
    return contact_of(session.warehouse(stamp.workspace), customer_id)


@st.cache_data(show_spinner=False, max_entries=8)
def owners(stamp: Stamp) -> tuple[str, ...]:
    """Who took alerts so far."""
    return alerts_module.owners(session.warehouse(stamp.workspace))


def opened(shown: AlertList) -> Alert | None:
    """The alert that the address names, else the first one shown; InputError for what is not a number."""
    st.session_state[_SHOWN] = [found.alert_id for found in shown.rows]
    asked = st.query_params.get(ALERT)
    if asked is None:
        return shown.rows[0] if shown.rows else None
    if not asked.isdigit():
        raise InputError(f"{asked!r} is not the number of an alert; open the queue and choose one.")
    here = next((found for found in shown.rows if found.alert_id == int(asked)), None)
    return here or alerts_module.alert(session.warehouse(), int(asked))


def open_alert(alert_id: int | None) -> None:
    """Open an alert of the queue; the first one when none is named."""
    if alert_id is not None:
        st.query_params[ALERT] = str(alert_id)
    elif ALERT in st.query_params:
        del st.query_params[ALERT]


def open_next(alert_id: int) -> None:
    """Open what comes after an alert in the list as it was shown; before it at the end of the list."""
    shown: list[int] = st.session_state.get(_SHOWN, [])
    if alert_id not in shown:
        open_alert(None)
        return
    place = shown.index(alert_id)
    others = shown[place + 1 :] or shown[:place][-1:]
    open_alert(others[0] if others else None)


@st.cache_data(show_spinner=False, max_entries=16)
def _summary(stamp: Stamp, hour: datetime) -> AlertSummary:
    return alert_summary(session.warehouse(stamp.workspace))


def summary(stamp: Stamp) -> AlertSummary:
    """The queue in a few numbers."""
    return _summary(stamp, this_hour())


@st.cache_data(show_spinner=False, max_entries=8)
def policy(stamp: Stamp) -> AlertPolicy:
    """What the queue takes, and how fast it may grow."""
    return alert_policy(session.warehouse(stamp.workspace))


def next_working_day(stamp: Stamp) -> date:
    """The day on which an alert comes back whose customer was not reached today."""
    return working_day_after(today(), 1, policy(stamp).working_days)


def days_ahead(stamp: Stamp) -> dict[date, str]:
    """Working days until which alerts are usually put off, with how each is called; every day once."""
    now, working = today(), policy(stamp).working_days
    tomorrow = next_working_day(stamp)
    week = working_day_after(now + timedelta(days=7), 0, working)
    return {
        week: "In a week",
        working_day_after(now, 3, working): "In 3 working days",
        tomorrow: "Tomorrow" if tomorrow == now + timedelta(days=1) else "Next working day",
    }


@st.cache_data(show_spinner="Asking the rules …", max_entries=16)
def foreseen(stamp: Stamp, asked: AlertPolicy, day: date) -> Foreseen:
    """What a renewal with other settings would do; a day has its own places."""
    return foresee_alerts(session.warehouse(stamp.workspace), asked)


def begin_campaign_for_who_waits() -> Campaign:
    """A new draft of a campaign for exactly those who qualify beyond the places of the day."""
    found = customers_who_wait(session.warehouse())
    if not found:
        raise NotEnoughData("nobody waits beyond the day any more; the queue has been renewed meanwhile.")
    return begin_for(CustomerFilter(), found)


def begin_campaign(chosen: AlertFilter) -> Campaign:
    """A new draft of a campaign for the customers of a choice of alerts, by their ids."""
    found: list[str] = []
    for number in count(1):
        part = alerts_module.alerts(session.warehouse(), chosen, page=number, page_size=N_PAGE_MOST)
        found += [entry.customer_id for entry in part.rows]
        if number >= part.n_pages:
            break
    return begin_for(CustomerFilter(), tuple(dict.fromkeys(found)))


def export_of(
    stamp: Stamp, chosen: AlertFilter, *, sort: str, n_alerts: int, with_contact: bool
) -> Callable[[], bytes]:
    """What a download button calls when it is clicked: the whole choice as seen on the page, or an error."""
    warehouse = session.warehouse(stamp.workspace)

    def write() -> bytes:
        export = write_alerts(
            warehouse, warehouse.file("x").parent, chosen, sort=sort, with_contact=with_contact, n_expected=n_alerts
        )
        try:
            return export.path.read_bytes()
        finally:
            export.path.unlink(missing_ok=True)

    return write


def start_renewal(n_more: int = 0) -> None:
    """Renew the queue in the background, with so many places beyond those of the day."""
    warehouse = session.warehouse()

    def work(progress: Progress) -> dict[str, object]:
        done = renew_alerts(warehouse, progress, n_more=n_more)
        return {"message": done.message, "caution": " ".join(done.notes)}

    job_started(session.runner().start("alerts", "Renew the alert queue", work))
