"""Alerts come into the queue and stay up to date in it: who qualifies, in which order, and what is written on each.

Apart from the refresh that calls it: that one says what happens, this one how a row of ``alerts`` comes about.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from churn_core.customers.alert_days import end_of_working_day, is_working_day
from churn_core.customers.alert_evidence import Evidence, evidence_of
from churn_core.customers.alert_held import HELD, LIVE_SQL
from churn_core.customers.alert_log import log
from churn_core.customers.alert_model import due_day
from churn_core.customers.alert_policy import AlertPolicy
from churn_core.customers.alert_pool import NAMED, POOL
from churn_core.customers.alert_rules import RULES, URGENT, AlertSituation
from churn_core.warehouse import Transaction

if TYPE_CHECKING:
    import pyarrow as pa

URGENT_DAYS = 1
"""Working days until somebody should have looked at a customer who is unhappy."""
_INCOMING = "alert_rows"


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """Everybody who qualifies for an alert: the unhappy and the others in turns, in each the most at stake first."""

    chosen: tuple[str, ...]
    """Customers who are raised now."""
    waiting: tuple[str, ...]
    """Customers beyond the places of the day, those who gave theirs included."""
    gave_way: tuple[int, ...]
    """Alerts of today that give their places to others."""
    n_held: int
    """Customers who qualify and must not be contacted."""
    n_today: int
    """Alerts of today that keep their places."""


def renew_live(tx: Transaction, situation: AlertSituation, now: datetime) -> None:
    """Write anew what is known of the customers in the queue; rules that name them as well are added.

    What was due on a day on which nobody works any more is due on the next working day.
    """
    rows = tx.rows(
        f"SELECT alert_id, customer_id, owner, rules, rule_words, due_at FROM alerts WHERE {LIVE_SQL} ORDER BY alert_id"
    )
    known = evidence_of(tx, situation, [row[1] for row in rows])
    renewed: list[dict[str, Any]] = []
    more = []
    working = situation.policy.working_days
    for alert_id, customer_id, owner, rules, words, due_at in rows:
        found = known.get(customer_id)
        told = dict(zip(rules, words, strict=True)) | (found.named if found else {})
        added = [RULES[name].label.lower() for name in told if name not in rules]
        if added:
            more.append((alert_id, owner, f"named by a further rule: {', '.join(added)}"))
        due = due_at if is_working_day(due_day(due_at), working) else end_of_working_day(due_at, 0, working)
        renewed.append({"alert_id": alert_id, "due_at": due} | _written(found, told, situation))
    _update(tx, renewed)
    log(tx, now, "raised", more)


def raise_new(tx: Transaction, situation: AlertSituation, now: datetime, n_more: int = 0) -> Candidates:
    """Raise whom the rules name and nobody has yet, as many as the day has places and ``n_more``."""
    found = candidates(tx, situation, now, n_more)
    _give_way(tx, found, now)
    known = evidence_of(tx, situation, found.chosen)
    first = tx.next_number("alerts", "alert_id")
    new: list[dict[str, Any]] = [
        {"alert_id": first + place, "customer_id": customer_id} | _born(known[customer_id], situation, now)
        for place, customer_id in enumerate(found.chosen)
    ]
    if new:
        tx.append("alerts", _table(new))
        labels = {name: rule.label.lower() for name, rule in RULES.items()}
        log(
            tx,
            now,
            "raised",
            [(row["alert_id"], "", "raised: " + ", ".join(labels[name] for name in row["rules"])) for row in new],
        )
    return found


def candidates(tx: Transaction, situation: AlertSituation, now: datetime, n_more: int = 0) -> Candidates:
    """Who would be raised now, without raising anybody.

    The unhappy and everybody else take turns, in each the most at stake first: a day with many complaints must not
    hide who leaves in silence. What is left of one half falls to the other.

    An alert of today that nobody has touched gives its place to customers with more at stake when it was raised before
    the newest scoring: an import that comes first must not fill the day with what was known then.
    """
    policy = situation.policy
    values = {
        "now": now,
        "scored_at": situation.scored_at,
        "min_stake": policy.min_stake,
        "above": 1 - policy.top_share + 1e-9,
        "quiet": policy.quiet_days,
    }
    n_today, n_giving, n_urgent = tx.rows(
        "SELECT count(*), count(*) FILTER (is_giving), count(*) FILTER (NOT is_giving AND is_urgent) FROM (SELECT "
        f"list_contains(rules, '{URGENT}') AS is_urgent, {_GIVING} AND customer_id IN (SELECT customer_id FROM {NAMED})"
        f" AND customer_id NOT IN (SELECT customer_id FROM {HELD}) AS is_giving "
        f"FROM alerts WHERE status <> 'expired' AND {_TODAY})",
        values,
    )[0]
    n_places = max(policy.n_most, n_today) - n_today + n_giving + n_more
    rows = tx.rows(
        "SELECT customer_id, why IS NOT NULL, giving, ordinal <= $n_places FROM (SELECT *, row_number() OVER "
        "(PARTITION BY why IS NULL ORDER BY turn, is_urgent DESC) AS ordinal FROM (SELECT *, row_number() OVER "
        "(PARTITION BY why IS NULL, is_urgent ORDER BY standing DESC NULLS LAST, stake DESC NULLS LAST, "
        "risk DESC NULLS LAST, n_rules DESC, news_at DESC NULLS LAST, customer_id) "
        "+ CASE WHEN is_urgent THEN $n_urgent ELSE $n_others END AS turn "
        f"FROM ({_qualified(policy)}))) ORDER BY ordinal",
        values | {"n_places": n_places, "n_urgent": n_urgent, "n_others": n_today - n_giving - n_urgent},
    )
    free = [(customer, giving, is_in) for customer, is_held, giving, is_in in rows if not is_held]
    gave_way = tuple(giving for _, giving, is_in in free if giving is not None and not is_in)
    return Candidates(
        chosen=tuple(customer for customer, giving, is_in in free if giving is None and is_in),
        waiting=tuple(customer for customer, _, is_in in free if not is_in),
        gave_way=gave_way,
        n_held=len(rows) - len(free),
        n_today=n_today - len(gave_way),
    )


_TODAY = "raised_at >= date_trunc('day', $now::TIMESTAMP) AND raised_at <= $now"
_GIVING = (
    "status = 'open' AND version = 1 AND coalesce(raised_at < $scored_at::TIMESTAMP AND $scored_at <= $now, false)"
)
"""Alerts of today that nobody has touched, raised before the newest scoring."""


def _give_way(tx: Transaction, found: Candidates, now: datetime) -> None:
    """Alerts of today whose places others take leave the queue; their customers wait like everybody else."""
    expire(tx, found.gave_way, "expired: gave its place to a customer with more at stake, after a scoring", now)


def expire(tx: Transaction, alert_ids: Sequence[int], words: str, now: datetime) -> None:
    """Alerts that nobody has leave the queue, with the reason."""
    if alert_ids:
        tx.execute(
            "UPDATE alerts SET status = 'expired', closed_at = $now WHERE alert_id IN (SELECT unnest($ids::INTEGER[]))",
            {"now": now, "ids": list(alert_ids)},
        )
        log(tx, now, "expired", [(number, "", words) for number in alert_ids])


def _qualified(policy: AlertPolicy) -> str:
    """SELECT of everybody who qualifies: named, enough at stake, not in the queue, and news since the last alert.

    With those of the queue whose places can be given away: ``giving`` is the number of their alert.
    """
    enough = (
        f"n.standing > $above OR NOT EXISTS (SELECT 1 FROM {POOL} WHERE stake IS NOT NULL)"
        if policy.min_stake is None
        else "n.stake >= $min_stake"
    )
    return (
        f"SELECT n.*, h.why, b.giving FROM {NAMED} n LEFT JOIN {HELD} h ON h.customer_id = n.customer_id "
        f"LEFT JOIN (SELECT customer_id, bool_or({LIVE_SQL}) AS is_live, "
        f"max(alert_id) FILTER ({_GIVING} AND {_TODAY}) AS giving, "
        "max(closed_at) FILTER (status = 'done' AND outcome <> 'ordered_again') AS done_at, "
        "max(closed_as_of) FILTER (status = 'done') AS told FROM alerts GROUP BY customer_id) b "
        "ON b.customer_id = n.customer_id "
        f"WHERE (b.giving IS NOT NULL AND h.why IS NULL) OR (({enough}) AND NOT coalesce(b.is_live, false) "
        "AND (b.done_at IS NULL OR b.done_at + to_days($quiet) <= $now) "
        "AND (b.told IS NULL OR n.news_at > b.told))"
    )


def _born(found: Evidence, situation: AlertSituation, now: datetime) -> dict[str, Any]:
    """A new alert as its row."""
    policy = situation.policy
    days = min(URGENT_DAYS, policy.due_days) if URGENT in found.named else policy.due_days
    return _written(found, found.named, situation) | {
        "status": "open",
        "raised_at": now,
        "as_of": situation.as_of or situation.run_moment,
        "last_order_at": found.last_order_at,
        "owner": "",
        "due_at": end_of_working_day(now, days, policy.working_days),
        "snoozed_until": None,
        "outcome": None,
        "closed_at": None,
        "closed_as_of": None,
        "held_back": "",
        "version": 1,
    }


def _written(found: Evidence | None, told: dict[str, str], situation: AlertSituation) -> dict[str, Any]:
    """What an alert says of its customer; nothing is known of one who neither ordered nor was scored."""
    return {
        "rules": list(told),
        "rule_words": list(told.values()),
        "reasons": list(found.reasons) if found else [],
        "next_step": (found or _NOBODY).step(told),
        "run_id": situation.run_id if found and found.risk is not None else None,
        "risk": found.risk if found else None,
        "tier": found.tier if found else None,
        "stake": found.stake if found else None,
        "stake_kind": found.stake_kind if found else "",
        "standing": found.standing if found else None,
    }


_NOBODY = Evidence(
    customer_id="", named={}, reasons=(), main_family=None, waits=False, rated=False, stake=None,
    stake_kind="", standing=None, risk=None, tier=None, last_order_at=None,
)  # fmt: skip


def _update(tx: Transaction, rows: list[dict[str, Any]]) -> None:
    """Overwrite columns of alerts that are there."""
    if not rows:
        return
    columns = ", ".join(f"{name} = i.{name}" for name in rows[0] if name != "alert_id")
    with tx.view(_INCOMING, _table(rows)):
        tx.execute(f"UPDATE alerts SET {columns} FROM {_INCOMING} i WHERE i.alert_id = alerts.alert_id")


def _table(rows: list[dict[str, Any]]) -> pa.Table:
    """Rows of alerts with the types of their columns."""
    import pyarrow as pa

    types = {
        "alert_id": pa.int32(),
        "run_id": pa.int32(),
        "version": pa.int32(),
        **dict.fromkeys(("rules", "rule_words", "reasons"), pa.list_(pa.string())),
        **dict.fromkeys(("risk", "stake", "standing"), pa.float64()),
        **dict.fromkeys(
            ("raised_at", "as_of", "last_order_at", "due_at", "snoozed_until", "closed_at", "closed_as_of"),
            pa.timestamp("us"),
        ),
    }
    return pa.table({name: pa.array([row[name] for row in rows], types.get(name, pa.string())) for name in rows[0]})
