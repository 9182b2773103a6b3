"""What an alert is: a customer who needs somebody today, with owner, status and due date.

Apart from reading and from work, because rules, refresh, pages and the command line speak of the same frozen results.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from churn_core.customers.alert_policy import RULE_NAMES
from churn_core.errors import InputError, unknown_name

STATUSES: dict[str, str] = {
    "open": "Open",
    "taken": "Taken",
    "snoozed": "Snoozed",
    "done": "Done",
    "expired": "Expired",
}
"""Where an alert stands, with its word."""
LIVE = ("open", "taken", "snoozed")
"""Statuses of alerts that somebody still has to look at; a customer has at most one of them."""
CLOSED = ("done", "expired")

OUTCOMES: dict[str, str] = {
    "reached": "Reached: somebody spoke with the customer",
    "not_reached": "Not reached: tried, without an answer",
    "no_need": "No need: nothing was to be done",
    "ordered_again": "Ordered again: closed by the data",
}
"""How an alert ended, with its words."""
ORDERED_AGAIN = "ordered_again"
"""The outcome that only the data gives."""
NOT_REACHED = "not_reached"
"""The outcome that takes several attempts; until then an alert comes back."""
OUTCOMES_BY_PEOPLE = tuple(name for name in OUTCOMES if name != ORDERED_AGAIN)

STAKE_KINDS: dict[str, str] = {
    "value_at_risk": "value at risk",
    "spend_365": "spend in the last 365 days",
    "": "not known",
}
"""What the money at stake is, with its words."""

SORTS: dict[str, str] = {
    "stake": "most at stake first",
    "due": "due first",
    "raised": "newest first",
    "risk": "highest risk first",
    "customer_id": "customer id",
    "closed": "newest done first",
}
"""What the queue can be ordered by, with its words."""
LEAVE_ALONE = (
    "Do not contact this customer until then, or the result is lost for which they are left alone. Put the alert off, "
    "or end it without a call."
)
"""What next for a customer who must not be contacted."""
N_PAGE_MOST = 1000
"""Alerts on one page at most; whole lists leave as an export."""


@dataclass(frozen=True, kw_only=True)
class Alert:
    """A customer who needs somebody today."""

    alert_id: int
    customer_id: str
    name: str
    """Name of the customer; empty when not known."""
    rules: tuple[str, ...]
    """Rules that named the customer, the first one first; keys of RULES."""
    raised_at: datetime
    """When it was raised (UTC)."""
    as_of: datetime | None
    """End of what was known when it was raised."""
    run_id: int | None
    """Score run of risk and reasons; None when the customer was not scored."""
    stake: float | None
    """Money at stake, in the shop's currency; None when it is not known."""
    stake_kind: str
    """Key of STAKE_KINDS."""
    standing: float | None
    """Share of customers with less at stake, of the same kind; None when the stake is not known."""
    risk: float | None
    """Risk in that run, in [0, 1]; None when not scored."""
    tier: str
    """Tier in that run; empty when not scored."""
    why: tuple[str, ...]
    """Sentences without full stop: what each rule found, then the reasons of the newest scoring, then the rhythm."""
    next_step: str
    """What to do next."""
    status: str
    """Key of STATUSES; a snoozed alert whose day has come is open or taken again."""
    owner: str
    """Who works on it; empty while nobody does."""
    due_at: datetime
    """By when somebody should have looked at it: the end of that day, which is the next midnight (UTC)."""
    is_overdue: bool
    """Whether that day is over while it was open or taken."""
    snoozed_until: datetime | None
    """Until when it is put off; None when it is not."""
    outcome: str
    """Key of OUTCOMES; empty while it is not done."""
    closed_at: datetime | None
    """When it was done or expired; None while it is neither."""
    last_order_at: datetime | None
    """Last order known when it was raised; None when there was none."""
    held_back: str
    """Why the customer must not be contacted, in one sentence; empty when they may."""
    n_tried: int
    """Attempts to reach the customer that had no answer."""
    version: int
    """Counts what people did to it; hand it back as ``seen`` so that nobody overwrites what they have not seen."""

    @property
    def is_live(self) -> bool:
        """Whether somebody still has to look at it."""
        return self.status in LIVE

    @property
    def what_next(self) -> str:
        """What to do next; while the customer must not be contacted, to leave them alone."""
        return LEAVE_ALONE if self.held_back and self.is_live else self.next_step

    @property
    def due_on(self) -> date:
        """The day by whose end somebody should have looked at it."""
        return due_day(self.due_at)


@dataclass(frozen=True, kw_only=True)
class AlertFilter:
    """A choice of alerts; by default all that somebody still has to look at."""

    statuses: tuple[str, ...] = LIVE
    """Keys of STATUSES; empty for all."""
    owner: str | None = None
    """Only alerts of this owner; an empty text for alerts of nobody, None for all."""
    rule: str = ""
    """Only alerts that this rule named; empty for all."""
    overdue_only: bool = False
    """Only alerts whose due day is over."""
    held_back: bool | None = None
    """Only alerts of customers who must not be contacted (true) or may be (false); None for all."""
    search: str = ""
    """Part of the customer id or name, in any case."""
    alert_ids: tuple[int, ...] = ()
    """Exactly these; empty for all."""

    def __post_init__(self) -> None:
        for status in self.statuses:
            if status not in STATUSES:
                raise unknown_name("status", status, STATUSES)
        if self.rule and self.rule not in RULE_NAMES:
            raise unknown_name("alert rule", self.rule, RULE_NAMES)


def usual_sort(chosen: AlertFilter) -> str:
    """The order in which a choice is looked at: what has ended by when it did, everything else by what is at stake."""
    return "closed" if chosen.statuses and set(chosen.statuses) <= set(CLOSED) else "stake"


@dataclass(frozen=True, kw_only=True)
class AlertList:
    """One page of alerts, and what the whole choice comes to."""

    rows: tuple[Alert, ...]
    n_all: int
    """Alerts of the choice, on all pages."""
    stake_all: float | None
    """Sum of what is at stake where it is known, in the shop's currency; None when it is known for nobody."""
    stake_kind: str
    """Key of STAKE_KINDS that most of the choice has; empty when it is known for nobody."""
    n_stake_known: int
    """Alerts whose stake is known."""
    counts: dict[str, int]
    """Alerts by status, every status named, with the filter's other conditions kept."""
    page: int
    """Number of the page, from 1; the last one where a later one was asked for."""
    n_pages: int
    """Pages there are, at least 1."""


@dataclass(frozen=True, kw_only=True)
class LogEntry:
    """One thing that happened to an alert."""

    at: datetime
    """When (UTC)."""
    action: str
    """raised, taken, handed over, snoozed, not reached, done, reopened, undone, attempt undone, note, expired or held
    back."""
    person: str
    """Who did it; empty for what followed from the data."""
    owner: str
    """Who worked on it from then on; empty when nobody did."""
    words: str
    """What happened, in words."""
    note: str
    """What the person wrote; empty when nothing."""


def checked_ids(alert_ids: object) -> tuple[int, ...]:
    """Alert ids, each once, in the order given; InputError when there is none or one is not a number."""
    asked = [alert_ids] if isinstance(alert_ids, int) else list(alert_ids)  # type: ignore[call-overload]
    if not asked:
        raise InputError("no alert was chosen; choose at least one.")
    for found in asked:
        if isinstance(found, bool) or not isinstance(found, int):
            raise InputError(f"{found!r} is not the number of an alert; numbers are whole and start at 1.")
    return tuple(dict.fromkeys(asked))


def due_day(due_at: datetime) -> date:
    """The day that ends when an alert is due.

    >>> due_day(datetime(2011, 9, 6)), due_day(datetime(2011, 9, 6, 8))
    (datetime.date(2011, 9, 5), datetime.date(2011, 9, 6))
    """
    return (due_at - timedelta.resolution).date()


def day_words(moment: datetime | date) -> str:
    """A day as it is written everywhere.

    >>> day_words(datetime(2011, 9, 2, 14))
    '2 Sep 2011'
    """
    return f"{moment.day} {moment:%b %Y}"


def tried_words(n_tried: int) -> str:
    """How often somebody tried in vain.

    >>> tried_words(0), tried_words(1), tried_words(2), tried_words(4)
    ('not tried yet', 'tried once', 'tried twice', 'tried 4 times')
    """
    return {0: "not tried yet", 1: "tried once", 2: "tried twice"}.get(n_tried, f"tried {n_tried} times")
