"""What people do with alerts: take, hand over, put off, finish, reopen, note.

A list of alerts changes whole or not at all. Who comes second is told who has it: work is refused where an alert is no
longer as it was seen (``seen`` holds the versions that were shown), or is with somebody else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta

from churn_core.customers.alert_attempts import n_attempts_with, note_attempts, require_tried
from churn_core.customers.alert_changes import (
    Worked,
    called,
    change,
    day_ahead,
    logged,
    meant,
    note_text,
    owner_name,
    put_off,
    require_live,
)
from churn_core.customers.alert_days import end_of_working_day
from churn_core.customers.alert_model import (
    NOT_REACHED,
    ORDERED_AGAIN,
    OUTCOMES,
    OUTCOMES_BY_PEOPLE,
    Alert,
    day_words,
)
from churn_core.customers.alert_policy import alert_policy
from churn_core.customers.alerts import alert_history, alert_of_customer
from churn_core.errors import InputError, unknown_name
from churn_core.features.gaps import known_until
from churn_core.warehouse import Transaction, Warehouse, utc_now

FRESH_DAYS = 45
"""Data that ends within so many days is taken as the present."""


def take(
    warehouse: Warehouse,
    alert_ids: int | Iterable[int],
    owner: str,
    *,
    person: str | None = None,
    seen: Mapping[int, int] | None = None,
    now: datetime | None = None,
) -> Worked:
    """Take alerts for an owner, who works on them from now on.

    InputError when one is done, or with somebody else (who has it is said; :func:`hand_over` moves it).
    """
    name, moment = owner_name(owner), now or utc_now()
    with warehouse.transaction() as tx:
        found = meant(tx, alert_ids, seen, moment)
        for entry in found:
            require_live(tx, entry, "taken")
            if entry.owner and entry.owner != name:
                raise InputError(
                    f"{called(entry)} is with {entry.owner!r} already{_since(tx, entry)}; hand it over if {name!r} is "
                    "to go on with it."
                )
        changed = [entry for entry in found if entry.owner != name or entry.status == "snoozed"]
        change(tx, changed, "status = 'taken', owner = $owner, snoozed_until = NULL", {"owner": name})
        return logged(tx, moment, "taken", found, changed, lambda entry: (name, f"taken by {name}"), person)


def hand_over(
    warehouse: Warehouse,
    alert_ids: int | Iterable[int],
    owner: str,
    *,
    note: str = "",
    person: str | None = None,
    seen: Mapping[int, int] | None = None,
    now: datetime | None = None,
) -> Worked:
    """Give alerts to another owner, whoever had them; InputError when one is done already."""
    name, text, moment = owner_name(owner), note_text(note), now or utc_now()
    with warehouse.transaction() as tx:
        found = meant(tx, alert_ids, seen, moment)
        for entry in found:
            require_live(tx, entry, "handed over")
        changed = [entry for entry in found if entry.owner != name]
        change(tx, changed, "owner = $owner, status = CASE WHEN status = 'snoozed' THEN status ELSE 'taken' END",
                {"owner": name})  # fmt: skip
        return logged(
            tx, moment, "handed over", found, changed,
            lambda entry: (name, f"handed over from {entry.owner} to {name}" if entry.owner else f"given to {name}"),
            person, text,
        )  # fmt: skip


def snooze(
    warehouse: Warehouse,
    alert_ids: int | Iterable[int],
    until: date,
    *,
    note: str = "",
    person: str | None = None,
    seen: Mapping[int, int] | None = None,
    now: datetime | None = None,
) -> Worked:
    """Put alerts off until a day: they come back on its morning and are due at its end, not earlier than before.

    InputError for a day that is not ahead, or more than a year away.
    """
    moment, text = now or utc_now(), note_text(note)
    day = day_ahead(until, moment)
    morning = datetime.combine(day, time())
    with warehouse.transaction() as tx:
        found = meant(tx, alert_ids, seen, moment)
        for entry in found:
            require_live(tx, entry, "put off")
        changed = [entry for entry in found if entry.snoozed_until != morning]
        put_off(tx, changed, day)
        words = f"put off until {day_words(day)}"
        return logged(tx, moment, "snoozed", found, changed, lambda entry: (entry.owner, words), person, text)


def done(
    warehouse: Warehouse,
    alert_ids: int | Iterable[int],
    outcome: str,
    note: str = "",
    *,
    person: str | None = None,
    seen: Mapping[int, int] | None = None,
    now: datetime | None = None,
) -> Worked:
    """Finish alerts with an outcome: reached, no_need, or not_reached after as many attempts as the policy asks for.

    InputError for another outcome, when one is done already (by whom is said), or was not tried often enough.
    """
    if outcome == ORDERED_AGAIN:
        raise InputError("'ordered_again' is given by the data alone; choose reached, not_reached or no_need.")
    if outcome not in OUTCOMES_BY_PEOPLE:
        raise unknown_name("outcome", outcome, OUTCOMES_BY_PEOPLE)
    moment, text = now or utc_now(), note_text(note)
    with warehouse.transaction() as tx:
        found = meant(tx, alert_ids, seen, moment)
        for entry in found:
            require_live(tx, entry, "finished")
        if outcome == NOT_REACHED:
            require_tried(tx, found)
            note_attempts(tx, [entry for entry in found if entry.status != "snoozed"], moment, person)
        change(
            tx,
            found,
            "status = 'done', outcome = $outcome, closed_at = $now, closed_as_of = $counts_from, snoozed_until = NULL",
            {"outcome": outcome, "now": moment, "counts_from": _counts_from(tx, moment)},
        )
        words = f"done: {OUTCOMES[outcome].split(':')[0].lower()}"
        return logged(
            tx, moment, "done", found, found, lambda entry: (entry.owner, f"{words}{_after(entry, outcome)}"), person,
            text, words if len(found) > 1 else "",
        )  # fmt: skip


def reopen(
    warehouse: Warehouse,
    alert_ids: int | Iterable[int],
    *,
    note: str = "",
    person: str | None = None,
    seen: Mapping[int, int] | None = None,
    now: datetime | None = None,
) -> Worked:
    """Bring alerts back into the queue that were put off, done or expired, with a working day of time at least.

    InputError when the customer has another alert in the queue.
    """
    moment, text = now or utc_now(), note_text(note)
    with warehouse.transaction() as tx:
        found = meant(tx, alert_ids, seen, moment)
        customers: set[str] = set()
        for entry in found:
            other = alert_of_customer(tx, entry.customer_id, now=moment)
            if (other and other.alert_id != entry.alert_id) or entry.customer_id in customers:
                raise InputError(
                    f"{called(entry)} cannot be reopened: the customer has "
                    f"{f'alert {other.alert_id}' if other else 'another of these alerts'} in the queue."
                )
            customers.add(entry.customer_id)
        changed = [entry for entry in found if entry.status not in ("open", "taken")]
        change(
            tx,
            changed,
            "status = CASE WHEN owner <> '' THEN 'taken' ELSE 'open' END, snoozed_until = NULL, outcome = NULL, "
            "closed_at = NULL, closed_as_of = NULL, due_at = greatest(due_at, $due_at), "
            "last_order_at = coalesce((SELECT max(order_time) FROM orders WHERE customer_id = alerts.customer_id), "
            "last_order_at)",
            {"due_at": end_of_working_day(moment, 1, alert_policy(tx).working_days)},
        )
        return logged(tx, moment, "reopened", found, changed, lambda entry: (entry.owner, "reopened"), person, text)


def note(
    warehouse: Warehouse,
    alert_ids: int | Iterable[int],
    text: str,
    *,
    person: str | None = None,
    now: datetime | None = None,
) -> Worked:
    """Write something down about alerts, whoever has them and however they stand."""
    written, moment = note_text(text), now or utc_now()
    if not written:
        raise InputError("the note is empty; write what the next person should know.")
    with warehouse.transaction() as tx:
        found = meant(tx, alert_ids, None, moment)
        change(tx, found, "status = status", {})
        return logged(tx, moment, "note", found, found, lambda entry: (entry.owner, "noted"), person, written)


def _after(entry: Alert, outcome: str) -> str:
    """After how many attempts somebody was given up."""
    return f" after {n_attempts_with(entry)} attempts" if outcome == NOT_REACHED and n_attempts_with(entry) > 1 else ""


def _since(tx: Transaction, entry: Alert) -> str:
    last = next((line for line in alert_history(tx, entry.alert_id) if line.owner == entry.owner), None)
    return f" since {day_words(last.at)}" if last else ""


def _counts_from(tx: Transaction, now: datetime) -> datetime | None:
    """From when on an order came after the alert was done: now, or the end of the orders where these are history."""
    end = known_until(tx)
    return now if end is None or end > now - timedelta(days=FRESH_DAYS) else end
