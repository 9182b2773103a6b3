"""The alert queue of the demo shop: raised by the rules at both scorings, and worked by the functions everybody uses.

First as on the morning after the earlier scoring, with what was known then; what became of those customers is told by
the orders that came. Then as of now, with a part of the queue already in somebody's hands.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from churn_core.campaigns.alerting import renew_alerts
from churn_core.campaigns.demo_campaigns import PERSON
from churn_core.customers.alert_attempts import not_reached
from churn_core.customers.alert_days import working_day_after
from churn_core.customers.alert_model import NOT_REACHED, OUTCOMES_BY_PEOPLE, Alert
from churn_core.customers.alert_policy import alert_policy
from churn_core.customers.alert_work import done, note, snooze, take
from churn_core.customers.alerts import alerts
from churn_core.warehouse import Warehouse, utc_now

DESKS = ("North desk", "South desk")
_NOTES = {
    "reached": "Spoke on the telephone; an order is to follow.",
    "not_reached": "Called at other hours as well, wrote a message.",
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
    """Both desks share the queue and finish it within a few days, with outcomes in turn; who is not reached is tried on
    as many working days as the policy asks for."""
    for number, desk in enumerate(DESKS):
        own = [entry.alert_id for entry in raised[number :: len(DESKS)]]
        if own:
            take(warehouse, own, desk, person=PERSON, now=morning + timedelta(minutes=30))
    for number, outcome in enumerate(OUTCOMES_BY_PEOPLE):
        ended = [entry.alert_id for entry in raised[number :: len(OUTCOMES_BY_PEOPLE)]]
        moment = morning + timedelta(days=1 + number % 2, hours=2)
        if outcome == NOT_REACHED:
            moment = _tried(warehouse, ended, moment)
        if ended:
            done(warehouse, ended, outcome, _NOTES[outcome], person=PERSON, now=moment)


def _tried(warehouse: Warehouse, ended: list[int], moment: datetime) -> datetime:
    """All attempts but the last; when that one is made."""
    policy = alert_policy(warehouse)
    for _ in range(policy.n_attempts - 1 if ended else 0):
        not_reached(warehouse, ended, person=PERSON, now=moment)
        day = working_day_after(moment.date(), 1, policy.working_days)
        moment = datetime.combine(day, moment.time())
    return moment


def _begin(warehouse: Warehouse, raised: tuple[Alert, ...], now: datetime) -> None:
    """A part of the queue is taken, one was not reached, one is put off, one is finished.

    Whom nobody may contact is left as it is.
    """
    free = [entry.alert_id for entry in raised if not entry.held_back]
    if len(free) < 8:
        return
    take(warehouse, free[0:6:2], DESKS[0], person=PERSON, now=now)
    take(warehouse, free[1:4:2], DESKS[1], person=PERSON, now=now)
    note(warehouse, free[0], "Asked for a call back in the afternoon.", person=PERSON, now=now)
    not_reached(warehouse, free[4], note="Engaged.", person=PERSON, now=now)
    snooze(warehouse, free[6], (now + timedelta(days=5)).date(), note="On holiday.", person=PERSON, now=now)
    done(warehouse, free[7], "reached", _NOTES["reached"], person=PERSON, now=now)
