"""The queue follows the data: whom a rule names is raised, who ordered is closed, who is no longer named expires.

One transaction: the queue that is read meanwhile is the old one, and afterwards the new one. The same data twice
changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from churn_core.customers.alert_held import HELD, LIVE_CUSTOMERS, LIVE_SQL, HeldBack, fill_held, mark_held
from churn_core.customers.alert_log import log
from churn_core.customers.alert_model import ORDERED_AGAIN, day_words
from churn_core.customers.alert_policy import alert_policy
from churn_core.customers.alert_pool import NAMED, POOL, fill_pool, situation_of
from churn_core.customers.alert_raising import expire, raise_new, renew_live
from churn_core.customers.alert_rules import BY_THEMSELVES, RULES, URGENT, AlertSituation
from churn_core.errors import InputError
from churn_core.jobs import Progress, no_progress
from churn_core.warehouse import Transaction, Warehouse, utc_now

__all__ = ["AlertsRefreshed", "HeldBack", "refresh_alerts"]

N_MORE_MOST = 1000
"""Places beyond those of the day at most, in one refresh."""
STALE_DAYS = 7
"""Days by which scores may be older than the orders before a note says so."""
LAST = "alerts_refreshed"
"""Setting: what the last refresh found beyond the alerts themselves."""


@dataclass(frozen=True, kw_only=True)
class AlertsRefreshed:
    """What a refresh of the queue did."""

    n_new: int
    """Alerts raised."""
    n_closed_ordered: int
    """Closed because the customer ordered again."""
    n_expired: int
    """Untouched ones that no rule names any more."""
    n_gave_way: int
    """Untouched ones of today that gave their places to customers with more at stake, after a scoring."""
    n_waiting: int
    """Customers who qualified beyond the new alerts of a day and wait."""
    n_held_back: int
    """Customers who qualified and must not be contacted, because a campaign or the holdout needs them."""
    n_live: int
    """Alerts that somebody still has to look at, afterwards."""
    notes: tuple[str, ...] = ()
    """What should be known: rules that could not be asked and why, scores older than the orders."""

    @property
    def message(self) -> str:
        """What happened, in a sentence or two."""
        parts = [f"{self.n_new:,} new {'alert' if self.n_new == 1 else 'alerts'}"]
        if self.n_closed_ordered:
            parts.append(f"{self.n_closed_ordered:,} closed because the customer ordered again")
        if self.n_expired:
            parts.append(f"{self.n_expired:,} expired")
        if self.n_gave_way:
            parts.append(f"{self.n_gave_way:,} untouched of today gave way to customers with more at stake")
        words = [f"{', '.join(parts)}; {self.n_live:,} in the queue."]
        if self.n_waiting:
            which = "qualifies and waits" if self.n_waiting == 1 else "qualify and wait"
            words.append(f"{self.n_waiting:,} more {which} for another day.")
        if self.n_held_back:
            which = "qualifies and is" if self.n_held_back == 1 else "qualify and are"
            words.append(f"{self.n_held_back:,} {which} left alone, because a campaign or the holdout needs them.")
        return " ".join(words)


def refresh_alerts(
    warehouse: Warehouse,
    *,
    held_back: HeldBack | None = None,
    n_more: int = 0,
    progress: Progress = no_progress,
    now: datetime | None = None,
    as_of: datetime | None = None,
) -> AlertsRefreshed:
    """Renew the queue; ``now`` is when that happens, ``as_of`` the end of what is known (default: all data).

    ``n_more`` are places this once beyond those of the day, for whoever has finished and asks for more.
    """
    if not 0 <= n_more <= N_MORE_MOST:
        raise InputError(f"{n_more:,} more alerts were asked for; choose 0 to {N_MORE_MOST:,}.")
    moment = now or utc_now()
    progress(0.0, "renewing the alert queue")
    with warehouse.transaction() as tx:
        policy = alert_policy(tx)
        situation = situation_of(warehouse, tx, policy, as_of)
        ask_rules(tx, situation, held_back)
        progress(0.6, "writing the alerts")
        n_ordered = _close_ordered(tx, situation, moment)
        n_expired = _expire(tx, moment)
        renew_live(tx, situation, moment)
        raised = raise_new(tx, situation, moment, n_more)
        mark_held(tx, moment)
        result = AlertsRefreshed(
            n_new=len(raised.chosen),
            n_closed_ordered=n_ordered,
            n_expired=n_expired,
            n_gave_way=len(raised.gave_way),
            n_waiting=len(raised.waiting),
            n_held_back=raised.n_held,
            n_live=int(tx.value(f"SELECT count(*) FROM alerts WHERE {LIVE_SQL}")),
            notes=_notes(situation),
        )
        for table in (POOL, NAMED, HELD):
            tx.execute(f"DROP TABLE {table}")
        _keep(tx, result, situation, moment)
        tx.audit(
            "alerts refreshed",
            {
                "n_new": result.n_new,
                "n_ordered": n_ordered,
                "n_expired": n_expired + result.n_gave_way,
                "n_waiting": result.n_waiting,
                "n_held": raised.n_held,
            },
        )
    progress(1.0, "the alert queue is that of now")
    return result


def ask_rules(tx: Transaction, situation: AlertSituation, held_back: HeldBack | None) -> None:
    """Fill the temporary tables: everybody, whom the rules name, and who of them must not be contacted."""
    fill_pool(tx, situation)
    _name(tx, situation)
    fill_held(tx, held_back, f"SELECT customer_id FROM {NAMED} UNION {LIVE_CUSTOMERS}")


def _name(tx: Transaction, situation: AlertSituation) -> None:
    """The temporary table of everybody whom a rule names, with the rules and the newest of their news.

    What must be enough is the stake; for customers who complain or are late their spend counts as well, because a good
    customer who begins to leave has a low risk at first.
    """
    asked = [RULES[name] for name in situation.policy.rules_on if not RULES[name].missing(situation)]
    names = ", ".join(f"CASE WHEN {rule.sql(situation)} THEN '{rule.name}' END" for rule in asked) or "NULL"
    news = ", ".join(f"CASE WHEN {rule.sql(situation)} THEN {rule.news_at} END" for rule in asked) or "NULL::TIMESTAMP"
    own = ", ".join(f"'{name}'" for name in BY_THEMSELVES)
    tx.execute(f"DROP TABLE IF EXISTS {NAMED}")
    tx.execute(
        f"CREATE TEMP TABLE {NAMED} AS SELECT customer_id, rules, len(rules) AS n_rules, news_at, is_urgent, "
        "CASE WHEN by_themselves THEN greatest(stake, spend_365) ELSE stake END AS stake, "
        "CASE WHEN by_themselves THEN greatest(standing, spend_standing) ELSE standing END AS standing, risk FROM "
        f"(SELECT *, list_contains(rules, '{URGENT}') AS is_urgent, "
        f"list_has_any(rules, [{own}]) AS by_themselves FROM (SELECT customer_id, stake, standing, risk, spend_365, "
        f"spend_standing, list_filter([{names}], lambda name: name IS NOT NULL) AS rules, "
        f"greatest({news}, {news}) AS news_at FROM {POOL} p)) WHERE len(rules) > 0",
        {"run_moment": situation.run_moment},
    )


def _close_ordered(tx: Transaction, situation: AlertSituation, now: datetime) -> int:
    """Whoever ordered since their alert was raised is done."""
    rows = tx.rows(f"SELECT alert_id, owner, last_time FROM ({ORDERED_SQL}) ORDER BY alert_id")
    if rows:
        tx.execute(
            "UPDATE alerts SET status = 'done', outcome = $outcome, closed_at = $now, closed_as_of = $as_of, "
            "snoozed_until = NULL WHERE alert_id IN (SELECT unnest($ids::INTEGER[]))",
            {"outcome": ORDERED_AGAIN, "now": now, "as_of": situation.as_of, "ids": [row[0] for row in rows]},
        )
        log(tx, now, "done", [(nr, owner, f"ordered again on {day_words(last)}") for nr, owner, last in rows])
    return len(rows)


ORDERED_SQL = (
    f"SELECT a.alert_id, a.owner, p.last_time FROM alerts a JOIN {POOL} p ON p.customer_id = a.customer_id "
    f"WHERE {LIVE_SQL} AND p.last_time > coalesce(a.last_order_at, TIMESTAMP '0001-01-01')"
)
"""SELECT of the alerts in the queue whose customer has ordered since."""
UNNAMED_SQL = (
    "SELECT alert_id FROM alerts WHERE status = 'open' AND version = 1 "
    f"AND customer_id NOT IN (SELECT customer_id FROM {NAMED})"
)
"""SELECT of the alerts that nobody has touched and no rule names any more."""


def _expire(tx: Transaction, now: datetime) -> int:
    """Alerts that nobody touched and no rule names any more leave the queue."""
    ids = [row[0] for row in tx.rows(f"{UNNAMED_SQL} ORDER BY alert_id")]
    expire(tx, ids, "expired: no rule names the customer any more, and nobody had it", now)
    return len(ids)


def _keep(tx: Transaction, result: AlertsRefreshed, situation: AlertSituation, now: datetime) -> None:
    """Keep what the queue does not show by itself: who waits, who is left alone, and what should be known."""
    tx.save_setting(
        LAST,
        {
            "n_waiting": result.n_waiting,
            "n_held_back": result.n_held_back,
            "notes": list(result.notes),
            "refreshed_at": now.isoformat(),
            "data_version": tx.data_version,
            "run_id": situation.run_id,
        },
    )


def _notes(situation: AlertSituation) -> tuple[str, ...]:
    """Rules that could not be asked, and scores that are older than the orders."""
    found = []
    for name in situation.policy.rules_on:
        why = RULES[name].missing(situation)
        if why:
            found.append(f"The rule {RULES[name].label!r} was not asked: {why}.")
    if situation.run_id is not None and situation.habits is not None and situation.run_moment and situation.as_of:
        days = (situation.as_of - situation.run_moment).days
        if days > STALE_DAYS:
            found.append(f"Risks are of {day_words(situation.run_moment)}, {days:,} days before the end of the orders.")
    return tuple(found)
