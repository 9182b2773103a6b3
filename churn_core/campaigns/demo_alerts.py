"""The alert queue of the demo shop: raised by the rules at both scorings, and worked by the functions everybody uses.

First as on the morning after the earlier scoring, with what was known then; what became of those customers is told by
the orders that came. Then as of now, with a part of the queue already in somebody's hands.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from churn_core.campaigns.alerting import renew_alerts
from churn_core.campaigns.demo_campaigns import PERSON
from churn_core.customers.alert_model import OUTCOMES_BY_PEOPLE, Alert
from churn_core.customers.alert_work import done, note, snooze, take
from churn_core.customers.alerts import alerts
from churn_core.warehouse import Warehouse, utc_now

DESKS = ("North desk", "South desk")
_NOTES = {
    "reached": "Spoke on the telephone; an order is to follow.",
    "not_reached": "Tried twice, wrote a message.",
    "no_need": "Had written already that they order again in spring.",
}


def fill_alerts(warehouse: Warehouse, earlier: datetime | None = None) -> None:
    """Fill the queue; ``earlier`` is the day of the first scoring, None where there was only one."""
    if earlier is not None:
        morning = earlier + timedelta(hours=8)
        renew_alerts(warehouse, now=morning, as_of=earlier)
        _finish(warehouse, alerts(warehouse, now=morning).rows, morning)
    now = utc_now()
    renew_alerts(warehouse, now=now)
    _begin(warehouse, alerts(warehouse, now=now).rows, now)


def _finish(warehouse: Warehouse, raised: tuple[Alert, ...], morning: datetime) -> None:
    """Both desks share the queue and finish it within two days, with outcomes in turn."""
    for number, desk in enumerate(DESKS):
        own = [entry.alert_id for entry in raised[number :: len(DESKS)]]
        if own:
            take(warehouse, own, desk, person=PERSON, now=morning + timedelta(minutes=30))
    for number, outcome in enumerate(OUTCOMES_BY_PEOPLE):
        ended = [entry.alert_id for entry in raised[number :: len(OUTCOMES_BY_PEOPLE)]]
        moment = morning + timedelta(days=1 + number % 2, hours=2)
        if ended:
            done(warehouse, ended, outcome, _NOTES[outcome], person=PERSON, now=moment)


def _begin(warehouse: Warehouse, raised: tuple[Alert, ...], now: datetime) -> None:
    """A part of the queue is taken, one is put off, one is finished; whom nobody may contact is left as it is."""
    free = [entry.alert_id for entry in raised if not entry.held_back]
    if len(free) < 8:
        return
    take(warehouse, free[0:6:2], DESKS[0], person=PERSON, now=now)
    take(warehouse, free[1:4:2], DESKS[1], person=PERSON, now=now)
    note(warehouse, free[0], "Asked for a call back in the afternoon.", person=PERSON, now=now)
    snooze(warehouse, free[6], (now + timedelta(days=5)).date(), note="On holiday.", person=PERSON, now=now)
    done(warehouse, free[7], "reached", _NOTES["reached"], person=PERSON, now=now)
