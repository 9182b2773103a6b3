"""What people do with alerts: take, hand over, put off, finish, reopen, note.

A list of alerts changes whole or not at all. Who comes second is told who has it: work is refused where an alert is no
longer as it was seen (``seen`` holds the versions that were shown), or is with somebody else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from churn_core.customers.alert_log import log
from churn_core.customers.alert_model import (
    LIVE,
    ORDERED_AGAIN,
    OUTCOMES,
    OUTCOMES_BY_PEOPLE,
    Alert,
    checked_ids,
    day_words,
    end_of_day,
)
from churn_core.customers.alerts import alert_history, alert_of_customer, alerts_of_ids
from churn_core.errors import InputError, NotFound, unknown_name
from churn_core.features.gaps import known_until
from churn_core.warehouse import Transaction, Warehouse, acting_person, utc_now

N_OWNER_MOST = 60
N_NOTE_MOST = 2000
MOST_DAYS_AHEAD = 366
"""Days for which an alert can be put off at most."""
FRESH_DAYS = 45
"""Data that ends within so many days is taken as the present."""


@dataclass(frozen=True, kw_only=True)
class Worked:
    """What was done with alerts."""

    alert_ids: tuple[int, ...]
    """All that were meant, those that were so already included."""
    n_changed: int
    """Of these, alerts that changed."""
    message: str
    """What happened, in a sentence."""


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
    name, moment = _owner(owner), now or utc_now()
    with warehouse.transaction() as tx:
        found = _meant(tx, alert_ids, seen, moment)
        for entry in found:
            _require_live(tx, entry, "taken")
            if entry.owner and entry.owner != name:
                raise InputError(
                    f"{_called(entry)} is with {entry.owner!r} already{_since(tx, entry)}; hand it over if {name!r} is "
                    "to go on with it."
                )
        changed = [entry for entry in found if entry.owner != name or entry.status == "snoozed"]
        _change(tx, changed, "status = 'taken', owner = $owner, snoozed_until = NULL", {"owner": name})
        return _logged(tx, moment, "taken", found, changed, lambda entry: (name, f"taken by {name}"), person)


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
    name, text, moment = _owner(owner), _note(note), now or utc_now()
    with warehouse.transaction() as tx:
        found = _meant(tx, alert_ids, seen, moment)
        for entry in found:
            _require_live(tx, entry, "handed over")
        changed = [entry for entry in found if entry.owner != name]
        _change(tx, changed, "owner = $owner, status = CASE WHEN status = 'snoozed' THEN status ELSE 'taken' END",
                {"owner": name})  # fmt: skip
        return _logged(
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
    moment, text = now or utc_now(), _note(note)
    day = until.date() if isinstance(until, datetime) else until
    if day <= moment.date():
        raise InputError(f"{day_words(day)} is not ahead; choose a day after {day_words(moment)}.")
    if day > moment.date() + timedelta(days=MOST_DAYS_AHEAD):
        raise InputError(f"{day_words(day)} is more than a year away; choose an earlier day, or finish the alert.")
    morning = datetime.combine(day, time())
    with warehouse.transaction() as tx:
        found = _meant(tx, alert_ids, seen, moment)
        for entry in found:
            _require_live(tx, entry, "put off")
        changed = [entry for entry in found if entry.snoozed_until != morning]
        _change(
            tx,
            changed,
            "status = 'snoozed', snoozed_until = $until, due_at = greatest(due_at, $due_at)",
            {"until": morning, "due_at": end_of_day(morning, 0)},
        )
        words = f"put off until {day_words(day)}"
        return _logged(tx, moment, "snoozed", found, changed, lambda entry: (entry.owner, words), person, text)


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
    """Finish alerts with an outcome: reached, not_reached or no_need.

    InputError for another outcome, or when one is done already (by whom is said).
    """
    if outcome == ORDERED_AGAIN:
        raise InputError("'ordered_again' is given by the data alone; choose reached, not_reached or no_need.")
    if outcome not in OUTCOMES_BY_PEOPLE:
        raise unknown_name("outcome", outcome, OUTCOMES_BY_PEOPLE)
    moment, text = now or utc_now(), _note(note)
    with warehouse.transaction() as tx:
        found = _meant(tx, alert_ids, seen, moment)
        for entry in found:
            _require_live(tx, entry, "finished")
        _change(
            tx,
            found,
            "status = 'done', outcome = $outcome, closed_at = $now, closed_as_of = $counts_from, snoozed_until = NULL",
            {"outcome": outcome, "now": moment, "counts_from": _counts_from(tx, moment)},
        )
        words = f"done: {OUTCOMES[outcome].split(':')[0].lower()}"
        return _logged(tx, moment, "done", found, found, lambda entry: (entry.owner, words), person, text)


def reopen(
    warehouse: Warehouse,
    alert_ids: int | Iterable[int],
    *,
    note: str = "",
    person: str | None = None,
    seen: Mapping[int, int] | None = None,
    now: datetime | None = None,
) -> Worked:
    """Bring alerts back into the queue that were put off, done or expired; due at the end of tomorrow at least.

    InputError when the customer has another alert in the queue.
    """
    moment, text = now or utc_now(), _note(note)
    with warehouse.transaction() as tx:
        found = _meant(tx, alert_ids, seen, moment)
        customers: set[str] = set()
        for entry in found:
            other = alert_of_customer(tx, entry.customer_id, now=moment)
            if (other and other.alert_id != entry.alert_id) or entry.customer_id in customers:
                raise InputError(
                    f"{_called(entry)} cannot be reopened: the customer has "
                    f"{f'alert {other.alert_id}' if other else 'another of these alerts'} in the queue."
                )
            customers.add(entry.customer_id)
        changed = [entry for entry in found if entry.status not in ("open", "taken")]
        _change(
            tx,
            changed,
            "status = CASE WHEN owner <> '' THEN 'taken' ELSE 'open' END, snoozed_until = NULL, outcome = NULL, "
            "closed_at = NULL, closed_as_of = NULL, due_at = greatest(due_at, $due_at), "
            "last_order_at = coalesce((SELECT max(order_time) FROM orders WHERE customer_id = alerts.customer_id), "
            "last_order_at)",
            {"due_at": end_of_day(moment, 1)},
        )
        return _logged(tx, moment, "reopened", found, changed, lambda entry: (entry.owner, "reopened"), person, text)


def note(
    warehouse: Warehouse,
    alert_ids: int | Iterable[int],
    text: str,
    *,
    person: str | None = None,
    now: datetime | None = None,
) -> Worked:
    """Write something down about alerts, whoever has them and however they stand."""
    written, moment = _note(text), now or utc_now()
    if not written:
        raise InputError("the note is empty; write what the next person should know.")
    with warehouse.transaction() as tx:
        found = _meant(tx, alert_ids, None, moment)
        _change(tx, found, "status = status", {})
        return _logged(tx, moment, "note", found, found, lambda entry: (entry.owner, "noted"), person, written)


def _meant(
    tx: Transaction, alert_ids: int | Iterable[int], seen: Mapping[int, int] | None, now: datetime
) -> tuple[Alert, ...]:
    """The alerts of these numbers, as they were seen; NotFound or InputError when one is not."""
    asked = checked_ids(alert_ids)
    found = {entry.alert_id: entry for entry in alerts_of_ids(tx, asked, now=now)}
    missing = [number for number in asked if number not in found]
    if missing:
        listed = ", ".join(str(number) for number in missing[:5])
        raise NotFound(
            f"there is no alert {listed}; nothing was changed. The queue shows the numbers of all alerts."
            if len(missing) == 1
            else f"there are no alerts {listed}{' and others' if len(missing) > 5 else ''}; nothing was changed."
        )
    for number, version in (seen or {}).items():
        if number in found and found[number].version != version:
            raise InputError(f"{_called(found[number])} was changed meanwhile{_last(tx, number)}; look at it again.")
    return tuple(found[number] for number in asked)


def _require_live(tx: Transaction, entry: Alert, verb: str) -> None:
    if entry.status not in LIVE:
        raise InputError(
            f"{_called(entry)} cannot be {verb}: it is {entry.status}{_last(tx, entry.alert_id)}. Reopen it first."
        )


def _change(tx: Transaction, changed: Iterable[Alert], assignments: str, values: Mapping[str, object]) -> None:
    ids = [entry.alert_id for entry in changed]
    if ids:
        tx.execute(
            f"UPDATE alerts SET {assignments}, version = version + 1 "
            "WHERE alert_id IN (SELECT unnest($ids::INTEGER[]))",
            {**values, "ids": ids},
        )


def _logged(
    tx: Transaction,
    now: datetime,
    action: str,
    found: tuple[Alert, ...],
    changed: Iterable[Alert],
    told: Callable[[Alert], tuple[str, str]],
    person: str | None,
    text: str = "",
) -> Worked:
    """Write down what was done, and what to say of it."""
    which = list(changed)
    who = acting_person() if person is None else person.strip()[:N_OWNER_MOST]
    log(tx, now, action, [(entry.alert_id, *told(entry)) for entry in which], person=who, note=text)
    ids = tuple(entry.alert_id for entry in found)
    if which:
        tx.audit(f"alerts {action}", {"alert_ids": [entry.alert_id for entry in which], "words": told(which[0])[1]})
    counted = "1 alert" if len(which) == 1 else f"{len(which):,} alerts"
    words = told((which or list(found))[0])[1]
    message = (
        f"{counted} {words}." if which else f"nothing changed: {'it is' if len(ids) == 1 else 'they are'} so already."
    )
    return Worked(alert_ids=ids, n_changed=len(which), message=message[:1].upper() + message[1:])


def _called(entry: Alert) -> str:
    return f"alert {entry.alert_id} (customer {entry.customer_id})"


def _since(tx: Transaction, entry: Alert) -> str:
    last = next((line for line in alert_history(tx, entry.alert_id) if line.owner == entry.owner), None)
    return f" since {day_words(last.at)}" if last else ""


def _last(tx: Transaction, alert_id: int) -> str:
    """The last thing that happened to an alert, to be put into a sentence."""
    last = alert_history(tx, alert_id)[:1]
    if not last:
        return ""
    who = f" by {last[0].person}" if last[0].person and last[0].person not in last[0].words else ""
    return f" ({last[0].words}{who} on {day_words(last[0].at)} at {last[0].at:%H:%M} UTC)"


def _counts_from(tx: Transaction, now: datetime) -> datetime | None:
    """From when on an order came after the alert was done: now, or the end of the orders where these are history."""
    end = known_until(tx)
    return now if end is None or end > now - timedelta(days=FRESH_DAYS) else end


def _owner(owner: str) -> str:
    name = " ".join(owner.split())
    if not name:
        raise InputError("the owner has no name; give the name of a person or a desk.")
    if len(name) > N_OWNER_MOST or not name.isprintable():
        raise InputError(f"the owner's name must be at most {N_OWNER_MOST} printable characters.")
    return name


def _note(text: str) -> str:
    written = "".join(sign for sign in text if sign.isprintable() or sign in "\n\t").strip()
    if len(written) > N_NOTE_MOST:
        raise InputError(f"the note has {len(written):,} characters; at most {N_NOTE_MOST:,} are kept.")
    return written
