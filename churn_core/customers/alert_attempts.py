"""Not reached is not done: the attempt counts and the alert comes back, until it was tried often enough.

Attempts are counted from the log. With it the way back from the last deed, because an attempt that is taken back does
not count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

from churn_core.customers.alert_changes import (
    Worked,
    acting_name,
    called,
    change,
    changed_meanwhile,
    day_ahead,
    logged,
    meant,
    note_text,
    put_off,
    require_live,
)
from churn_core.customers.alert_days import working_day_after
from churn_core.customers.alert_log import log
from churn_core.customers.alert_model import ORDERED_AGAIN, Alert, day_words, tried_words
from churn_core.customers.alert_policy import alert_policy
from churn_core.customers.alerts import alert_of_customer
from churn_core.errors import InputError
from churn_core.warehouse import Transaction, Warehouse, utc_now

ATTEMPT, ATTEMPT_UNDONE = "not reached", "attempt undone"
"""What the log calls an attempt without an answer, and one that was taken back."""


def not_reached(
    warehouse: Warehouse,
    alert_ids: int | Iterable[int],
    *,
    until: date | None = None,
    note: str = "",
    person: str | None = None,
    seen: Mapping[int, int] | None = None,
    now: datetime | None = None,
) -> Worked:
    """Count an attempt that had no answer: alerts stay with their owner and come back on the next working day.

    Or on the day ``until``; InputError when that is not ahead or more than a year away, or when an alert is done.
    """
    moment, text = now or utc_now(), note_text(note)
    with warehouse.transaction() as tx:
        day = day_ahead(until or working_day_after(moment.date(), 1, alert_policy(tx).working_days), moment)
        found = meant(tx, alert_ids, seen, moment)
        for entry in found:
            require_live(tx, entry, "tried")
        put_off(tx, found, day)
        words = f"put off until {day_words(day)}"
        return logged(
            tx, moment, ATTEMPT, found, found, lambda entry: (entry.owner, f"{_attempt(entry)}; {words}"), person,
            text, "" if len(found) == 1 else f"not reached; {words}",
        )  # fmt: skip


def n_attempts_with(entry: Alert) -> int:
    """Attempts without an answer, with the one that ends now; whoever is put off was not tried again."""
    return entry.n_tried + (entry.status != "snoozed")


def require_tried(tx: Transaction, found: Iterable[Alert]) -> None:
    """Refuse to give somebody up who was not tried often enough."""
    n_least = alert_policy(tx).n_attempts
    for entry in found:
        if n_attempts_with(entry) < n_least:
            raise InputError(
                f"{called(entry)} was {tried_words(entry.n_tried)}; it can be closed as not reached from attempt "
                f"{n_least} on. Until then an attempt counts, and the alert comes back on the next working day ('churn "
                "alerts not-reached')."
            )


def note_attempts(tx: Transaction, found: Iterable[Alert], now: datetime, person: str | None) -> None:
    """Write down the attempts with which alerts are closed as not reached."""
    entries = [(entry.alert_id, entry.owner, _attempt(entry)) for entry in found]
    log(tx, now, ATTEMPT, entries, person=acting_name(person))


def take_back(
    warehouse: Warehouse, before: Sequence[Alert], *, person: str | None = None, now: datetime | None = None
) -> Worked:
    """Undo the last thing that was done with alerts in the queue: each stands again as it was ``before``.

    InputError when something else has happened to one of them since, or its customer has another alert by now.
    """
    moment, seen = now or utc_now(), {entry.alert_id: entry for entry in before}
    with warehouse.transaction() as tx:
        found = meant(tx, list(seen), None, moment)
        changed = [entry for entry in found if entry.version != seen[entry.alert_id].version]
        for entry in changed:
            _require_last(tx, entry, seen[entry.alert_id], moment)
            was = seen[entry.alert_id]
            change(
                tx,
                [entry],
                "status = $status, owner = $owner, snoozed_until = $until, due_at = $due_at, outcome = NULL, "
                "closed_at = NULL, closed_as_of = NULL",
                {"status": was.status, "owner": was.owner, "until": was.snoozed_until, "due_at": was.due_at},
            )
        attempts = [entry for entry in changed if entry.n_tried > seen[entry.alert_id].n_tried]
        lost = [(entry.alert_id, seen[entry.alert_id].owner, "the attempt does not count") for entry in attempts]
        log(tx, moment, ATTEMPT_UNDONE, lost, person=acting_name(person))
        return logged(
            tx, moment, "undone", found, changed, lambda entry: (seen[entry.alert_id].owner, "taken back"), person
        )


def _require_last(tx: Transaction, entry: Alert, was: Alert, now: datetime) -> None:
    """Refuse to take back what is not the last thing that happened to an alert."""
    if entry.version != was.version + 1 or entry.outcome == ORDERED_AGAIN or not was.is_live:
        raise changed_meanwhile(tx, entry)
    other = alert_of_customer(tx, entry.customer_id, now=now)
    if other and other.alert_id != entry.alert_id:
        raise InputError(f"{called(entry)} cannot come back: the customer has alert {other.alert_id} in the queue.")


def _attempt(entry: Alert) -> str:
    return f"not reached, attempt {entry.n_tried + 1}"
