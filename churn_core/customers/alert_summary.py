"""What the queue comes to: how much waits, what is overdue, what was done, and what became of customers afterwards.

Apart from the list because Today shows it without the list, and because its one rate must say what it does not prove.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from churn_core.customers.alert_model import OUTCOMES_BY_PEOPLE
from churn_core.customers.alert_refresh import LAST
from churn_core.customers.alerts import CURRENT
from churn_core.features.gaps import known_until
from churn_core.stats.proportions import wilson_interval
from churn_core.warehouse import Transaction, Warehouse, utc_now

DONE_DAYS = 7
"""Days counted as this week."""
LOOKED_BACK_DAYS = 90
"""Days within which an alert must have been done to be looked at afterwards."""
FOLLOWED_DAYS = 14
"""Days after an alert was done within which an order counts."""


@dataclass(frozen=True, kw_only=True)
class AlertSummary:
    """The queue in a few numbers."""

    n_open: int
    """Alerts that nobody has."""
    n_taken: int
    n_snoozed: int
    n_overdue: int
    """Open or taken alerts whose due date has passed."""
    n_held_back: int
    """Alerts in the queue whose customer must not be contacted."""
    stake: float | None
    """At stake in the alerts that are open or taken, where it is known; None when it is known for nobody."""
    stake_kind: str
    """Key of STAKE_KINDS that most of them have."""
    n_stake_known: int
    """Open or taken alerts whose stake is known."""
    n_new_today: int
    """Alerts raised today (UTC)."""
    n_waiting: int
    """Customers who qualified at the last refresh and wait for another day."""
    n_left_alone: int
    """Customers who qualified at the last refresh and must not be contacted."""
    notes: tuple[str, ...]
    """What should be known of the last refresh."""
    refreshed_at: datetime | None
    """When the queue was last renewed; None when it never was."""
    changed_since: tuple[str, ...]
    """What was changed since and counts only from the next renewal on, in words."""
    n_done_week: int
    """Alerts that somebody finished in the last 7 days."""
    n_ordered_week: int
    """Alerts that an order closed in the last 7 days."""
    n_followed: int
    """Alerts that somebody finished in the last 90 days, with the 14 days after it known."""
    n_ordered_after: int
    """Of these, customers who ordered within the 14 days."""
    ordered_share: float | None
    """The same as a share; None while there is none to look at."""
    ordered_interval: tuple[float, float] | None
    """Its 95 % interval (Wilson)."""

    @property
    def n_waiting_for_somebody(self) -> int:
        """Alerts that are open or taken."""
        return self.n_open + self.n_taken

    @property
    def words_after(self) -> str:
        """What became of customers after their alert was done, in words, and what that does not prove."""
        if self.ordered_share is None or self.ordered_interval is None:
            return (
                f"No alert of the last {LOOKED_BACK_DAYS} days was finished {FOLLOWED_DAYS} days ago yet, so there is "
                "nothing to say of what came after."
            )
        low, high = (100 * end for end in self.ordered_interval)
        return (
            f"{self.n_ordered_after:,} of {self.n_followed:,} customers ordered within {FOLLOWED_DAYS} days after "
            f"their alert was finished: {100 * self.ordered_share:.1f} % ({low:.1f} to {high:.1f} %). "
            f"{PROVES_NOTHING}"
        )


PROVES_NOTHING = (
    "That does not prove that the calls helped: some would have ordered anyway. A campaign with a control group tells."
)


def alert_summary(warehouse: Warehouse | Transaction, *, now: datetime | None = None) -> AlertSummary:
    """The queue in a few numbers."""
    moment = now or utc_now()
    end = known_until(warehouse)
    values: dict[str, object] = {
        "now": moment,
        "week": moment - timedelta(days=DONE_DAYS),
        "back": moment - timedelta(days=LOOKED_BACK_DAYS),
        "by_people": list(OUTCOMES_BY_PEOPLE),
        "known_end": end,
        "days": FOLLOWED_DAYS,
    }
    row = warehouse.records(_COUNTS, values)[0]
    n_followed, n_after = (int(found) for found in warehouse.rows(_AFTERWARDS, values)[0])
    last: Mapping[str, Any] = warehouse.setting(LAST) or {}
    most_risk = 2 * row.pop("n_by_risk") >= row["n_stake_known"]
    return AlertSummary(
        **row,
        stake_kind="" if not row["n_stake_known"] else "value_at_risk" if most_risk else "spend_365",
        n_waiting=int(last.get("n_waiting", 0)),
        n_left_alone=int(last.get("n_held_back", 0)),
        notes=tuple(last.get("notes", ())),
        changed_since=_changed_since(warehouse),
        refreshed_at=datetime.fromisoformat(last["refreshed_at"]) if "refreshed_at" in last else None,
        n_followed=n_followed,
        n_ordered_after=n_after,
        ordered_share=n_after / n_followed if n_followed else None,
        ordered_interval=wilson_interval(n_after, n_followed) if n_followed else None,
    )


_CHANGES = {
    "alert policy saved": "what raises an alert",
    "tier policy saved": "the tiers",
    "tier policy activated": "the tiers",
}
"""Entries of the audit log after which the queue is behind until it is renewed, with what they changed."""


def _changed_since(warehouse: Warehouse | Transaction) -> tuple[str, ...]:
    """What was changed after the last renewal, as far as the queue rests on it."""
    rows = warehouse.rows(
        "SELECT DISTINCT action FROM audit_log WHERE action IN (SELECT unnest($actions::VARCHAR[])) "
        "AND entry > (SELECT max(entry) FROM audit_log WHERE action = 'alerts refreshed')",
        {"actions": list(_CHANGES)},
    )
    found = {row[0] for row in rows}
    return tuple(dict.fromkeys(words for action, words in _CHANGES.items() if action in found))


_WAITS = "FILTER (status IN ('open', 'taken'))"
_COUNTS = (
    "SELECT count(*) FILTER (status = 'open') AS n_open, count(*) FILTER (status = 'taken') AS n_taken, "
    "count(*) FILTER (status = 'snoozed') AS n_snoozed, count(*) FILTER (is_overdue) AS n_overdue, "
    "count(*) FILTER (status IN ('open', 'taken', 'snoozed') AND held_back <> '') AS n_held_back, "
    f"sum(stake) {_WAITS} AS stake, count(stake) {_WAITS} AS n_stake_known, "
    "count(*) FILTER (status IN ('open', 'taken') AND stake_kind = 'value_at_risk') AS n_by_risk, "
    "count(*) FILTER (raised_at >= date_trunc('day', $now::TIMESTAMP) AND raised_at <= $now) AS n_new_today, "
    "count(*) FILTER (status = 'done' AND outcome <> 'ordered_again' AND closed_at > $week) AS n_done_week, "
    "count(*) FILTER (status = 'done' AND outcome = 'ordered_again' AND closed_at > $week) AS n_ordered_week "
    f"FROM ({CURRENT})"
)
_AFTERWARDS = (
    "SELECT count(*), count(*) FILTER (has_ordered) FROM (SELECT EXISTS (SELECT 1 FROM orders o "
    "WHERE o.customer_id = a.customer_id AND o.order_time >= a.closed_as_of "
    "AND o.order_time < a.closed_as_of + to_days($days)) AS has_ordered "
    "FROM alerts a WHERE a.status = 'done' AND list_contains($by_people::VARCHAR[], a.outcome) "
    "AND a.closed_at > $back AND a.closed_as_of + to_days($days) <= $known_end)"
)
"""Alerts whose following days are known whole, and how many of their customers ordered within them."""
