"""How an alert is told in few words: when it is due, where it stands, what is at stake."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from churn_core.customers.alert_model import STAKE_KINDS, STATUSES, Alert, LogEntry, tried_words
from churn_core.figures.theme import counted, day, money

ENDED = {
    "reached": "reached",
    "not_reached": "not reached",
    "no_need": "no need",
    "ordered_again": "ordered again",
}
"""How an alert ended, in a word or two."""
DO_NOT_CONTACT = "do not contact"
SHORT = {
    "unhappy": "unhappy",
    "late": "late",
    "new_high": "new in high",
    "risk_jump": "risk up",
    "valuable_high": "most valuable",
}
"""Rules in a word or two, for a table; their labels and sentences stand in the panel and in the settings."""


def day_named(found: date) -> str:
    """A day with its name, which tells at once whether anybody works then.

    >>> day_named(date(2011, 9, 2))
    'Fri 2 Sep 2011'
    """
    return f"{found:%a} {day(found)}"


def due_words(due_on: date, today: date) -> str:
    """By the end of which day an alert is due, seen from today.

    >>> due_words(date(2011, 9, 12), date(2011, 9, 14)), due_words(date(2011, 9, 12), date(2011, 9, 12))
    ('2 days overdue', 'today')
    >>> due_words(date(2011, 9, 12), date(2011, 9, 11)), due_words(date(2011, 9, 12), date(2011, 9, 9))
    ('tomorrow', 'in 3 days')
    """
    n_days = (due_on - today).days
    if n_days < 0:
        return f"{counted(-n_days, 'day')} overdue"
    return {0: "today", 1: "tomorrow"}.get(n_days, f"in {n_days} days")


def due_of(found: Alert, today: date) -> str:
    """The same of an alert; the day it comes back while it is put off, the day it ended once it has."""
    if found.status == "snoozed":
        return day(found.snoozed_until)
    return due_words(found.due_on, today) if found.is_live else day(found.closed_at)


def state_of(found: Alert) -> str:
    """With whom an alert is, as one cell: whom not to contact is said before anything else."""
    if found.held_back and found.is_live:
        return DO_NOT_CONTACT
    return found.owner or "nobody"


def outcome_of(found: Alert) -> str:
    """How an alert ended, as one cell; empty while it has not."""
    if found.is_live:
        return ""
    return ENDED.get(found.outcome, STATUSES[found.status].casefold())


def why_of(found: Alert) -> str:
    """The rule that named the customer first, and how many more did, as one cell."""
    if found.rules == ("valuable_high",) and found.stake is None:
        return "highest risk"
    first = "".join(SHORT.get(name, name.replace("_", " ")) for name in found.rules[:1])
    return f"{first} +{len(found.rules) - 1}" if len(found.rules) > 1 else first


_CHANGES = ("taken", "handed over", "snoozed", "not reached", "done", "reopened")
"""Entries that can be taken back."""
_DEEDS = {"done": ("done",), "snoozed": ("snoozed", "not reached")}
"""Entries of the history that brought an alert where it stands."""


def standing_of(found: Alert, history: Sequence[LogEntry]) -> str:
    """Where an alert stands, as part of a sentence in the panel; its history, newest first, says who brought it there.

    Who did it need not be whom it is with.
    """
    ended = f" on {day(found.closed_at)}" if found.closed_at else ""
    if found.status == "expired":
        return f"expired{ended}, before anybody took it"
    tried = f", {tried_words(found.n_tried)}" if found.n_tried else ""
    who = _who_did(found.status, history)
    by = f" by {who}" if who else ""
    with_whom = f", with {found.owner}" if found.owner and found.owner != who else ""
    if found.status == "done":
        return f"done{ended}{by}: {ENDED.get(found.outcome, found.outcome)}{with_whom}"
    if found.status == "snoozed":
        return f"put off until {day(found.snoozed_until)}{by}{with_whom}{tried}"
    return f"with {found.owner}{tried}" if found.owner else f"nobody has taken it{tried}"


def _who_did(status: str, history: Sequence[LogEntry]) -> str:
    """Who brought an alert to a status; empty where the data did. What was taken back does not count."""
    n_undone = 0
    for entry in history:
        if entry.action == "undone":
            n_undone += 1
        elif entry.action in _CHANGES and n_undone:
            n_undone -= 1
        elif entry.action in _DEEDS.get(status, ()):
            return entry.person
    return ""


def stake_of(found: Alert, currency: str) -> str:
    """What is at stake, with what the number is; empty where it is not known."""
    if found.stake is None:
        return ""
    return f"{money(found.stake, currency)} {STAKE_KINDS.get(found.stake_kind, '')}".strip()
