"""How alerts are changed: the ones that were meant and as they were seen, whole or not at all, and written down.

Apart from what people do with them because every such deed goes the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from churn_core.customers.alert_days import end_of_working_day
from churn_core.customers.alert_log import log
from churn_core.customers.alert_model import LIVE, Alert, checked_ids, day_words
from churn_core.customers.alert_policy import alert_policy
from churn_core.customers.alerts import alert_history, alerts_of_ids
from churn_core.errors import InputError, NotFound
from churn_core.warehouse import Transaction, acting_person

N_OWNER_MOST = 60
N_NOTE_MOST = 2000
MOST_DAYS_AHEAD = 366
"""Days for which an alert can be put off at most."""


@dataclass(frozen=True, kw_only=True)
class Worked:
    """What was done with alerts."""

    alert_ids: tuple[int, ...]
    """All that were meant, those that were so already included."""
    changed_ids: tuple[int, ...]
    """Of these, alerts that changed; only they can be taken back."""
    message: str
    """What happened, in a sentence."""

    @property
    def n_changed(self) -> int:
        """How many alerts changed."""
        return len(self.changed_ids)


def meant(
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
            raise changed_meanwhile(tx, found[number])
    return tuple(found[number] for number in asked)


def changed_meanwhile(tx: Transaction, entry: Alert) -> InputError:
    """That an alert is not as it was seen, with the last thing that happened to it."""
    return InputError(f"{called(entry)} was changed meanwhile{last_words(tx, entry.alert_id)}; look at it again.")


def require_live(tx: Transaction, entry: Alert, verb: str) -> None:
    """Refuse what cannot be done with an alert that nobody has to look at any more."""
    if entry.status not in LIVE:
        raise InputError(
            f"{called(entry)} cannot be {verb}: it is {entry.status}{last_words(tx, entry.alert_id)}. Reopen it first."
        )


def change(tx: Transaction, changed: Iterable[Alert], assignments: str, values: Mapping[str, object]) -> None:
    """Write the same into several alerts, which counts as one more version of each."""
    ids = [entry.alert_id for entry in changed]
    if ids:
        tx.execute(
            f"UPDATE alerts SET {assignments}, version = version + 1 "
            "WHERE alert_id IN (SELECT unnest($ids::INTEGER[]))",
            {**values, "ids": ids},
        )


def logged(
    tx: Transaction,
    now: datetime,
    action: str,
    found: tuple[Alert, ...],
    changed: Iterable[Alert],
    told: Callable[[Alert], tuple[str, str]],
    person: str | None,
    text: str = "",
    summary: str = "",
) -> Worked:
    """Write down what was done, and what to say of it: ``summary``, or what is told of the first."""
    which = list(changed)
    log(tx, now, action, [(entry.alert_id, *told(entry)) for entry in which], person=acting_name(person), note=text)
    ids = tuple(entry.alert_id for entry in found)
    words = summary or told((which or list(found))[0])[1]
    changed_ids = tuple(entry.alert_id for entry in which)
    if which:
        tx.audit(f"alerts {action}", {"alert_ids": list(changed_ids), "words": words})
    counted = "1 alert" if len(which) == 1 else f"{len(which):,} alerts"
    message = (
        f"{counted} {words}." if which else f"nothing changed: {'it is' if len(ids) == 1 else 'they are'} so already."
    )
    return Worked(alert_ids=ids, changed_ids=changed_ids, message=message[:1].upper() + message[1:])


def acting_name(person: str | None) -> str:
    """Who did it: the person named, else the account of this machine."""
    return acting_person() if person is None else person.strip()[:N_OWNER_MOST]


def called(entry: Alert) -> str:
    """An alert as a sentence names it."""
    return f"alert {entry.alert_id} (customer {entry.customer_id})"


def last_words(tx: Transaction, alert_id: int) -> str:
    """The last thing that happened to an alert, to be put into a sentence."""
    last = alert_history(tx, alert_id)[:1]
    if not last:
        return ""
    who = f" by {last[0].person}" if last[0].person and last[0].person not in last[0].words else ""
    return f" ({last[0].words}{who} on {day_words(last[0].at)} at {last[0].at:%H:%M} UTC)"


def day_ahead(until: date, now: datetime) -> date:
    """The day until which alerts are put off; InputError when it is not ahead, or more than a year away."""
    day = until.date() if isinstance(until, datetime) else until
    if day <= now.date():
        raise InputError(f"{day_words(day)} is not ahead; choose a day after {day_words(now)}.")
    if day > now.date() + timedelta(days=MOST_DAYS_AHEAD):
        raise InputError(f"{day_words(day)} is more than a year away; choose an earlier day, or finish the alert.")
    return day


def put_off(tx: Transaction, changed: Iterable[Alert], day: date) -> None:
    """Alerts come back on the morning of a day, and are due when the working day is over, not earlier than before."""
    morning = datetime.combine(day, time())
    change(
        tx,
        changed,
        "status = 'snoozed', snoozed_until = $until, due_at = greatest(due_at, $due_at)",
        {"until": morning, "due_at": end_of_working_day(morning, 0, alert_policy(tx).working_days)},
    )


def owner_name(owner: str) -> str:
    """The name of an owner on one line; InputError for none, or one that cannot be shown."""
    name = " ".join(owner.split())
    if not name:
        raise InputError("the owner has no name; give the name of a person or a desk.")
    if len(name) > N_OWNER_MOST or not name.isprintable():
        raise InputError(f"the owner's name must be at most {N_OWNER_MOST} printable characters.")
    return name


def note_text(text: str) -> str:
    """A note without signs that cannot be shown; InputError when it is too long."""
    written = "".join(sign for sign in text if sign.isprintable() or sign in "\n\t").strip()
    if len(written) > N_NOTE_MOST:
        raise InputError(f"the note has {len(written):,} characters; at most {N_NOTE_MOST:,} are kept.")
    return written
