"""The alert queue as it is read: one page of it, one alert, its history, its owners, and what it came to.

Everything that a row shows is kept with the alert and renewed with the data, so that the queue opens at once in a shop
of any size.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from churn_core.customers.alert_model import (
    LIVE,
    N_PAGE_MOST,
    SORTS,
    STATUSES,
    Alert,
    AlertFilter,
    AlertList,
    LogEntry,
)
from churn_core.errors import InputError, NotFound, unknown_name
from churn_core.warehouse import Transaction, Warehouse, utc_now

__all__ = ["Alert", "AlertFilter", "AlertList", "LogEntry"]

Reader = Warehouse | Transaction

_STATUS = (
    "CASE WHEN status = 'snoozed' AND snoozed_until <= $now "
    "THEN CASE WHEN owner <> '' THEN 'taken' ELSE 'open' END ELSE status END"
)
DUE_ON = "CAST(due_at - INTERVAL 1 MICROSECOND AS DATE)"
"""SQL of the day by whose end somebody should have looked at an alert; midnight is the end of the day before."""
CURRENT = (
    f"SELECT * REPLACE ({_STATUS} AS status, CASE WHEN {_STATUS} = 'snoozed' THEN snoozed_until END AS snoozed_until), "
    f"{_STATUS} IN ('open', 'taken') AND {DUE_ON} < CAST($now AS DATE) AS is_overdue, {DUE_ON} AS due_on FROM alerts"
)
"""SELECT of the alerts as they stand at ``$now``: who was put off until a day that has come is back in the queue."""

ORDER = {
    "stake": "standing DESC NULLS LAST, stake DESC NULLS LAST, risk DESC NULLS LAST",
    "due": "due_on, standing DESC NULLS LAST",
    "raised": "raised_at DESC",
    "risk": "risk DESC NULLS LAST",
    "customer_id": "customer_id",
    "closed": "closed_at DESC NULLS LAST",
}
"""SQL of each order of the queue; the alert's number breaks ties."""

TRIED = (
    "SELECT alert_id, count(*) FILTER (action = 'not reached') - count(*) FILTER (action = 'attempt undone') "
    "AS n_tried FROM alert_log GROUP BY alert_id"
)
"""SELECT of the attempts that had no answer, from what happened to each alert."""
_TOLD = f"LEFT JOIN customers c ON c.customer_id = a.customer_id LEFT JOIN ({TRIED}) t ON t.alert_id = a.alert_id"


def alerts(
    warehouse: Reader,
    chosen: AlertFilter | None = None,
    *,
    sort: str = "stake",
    page: int = 1,
    page_size: int = 50,
    now: datetime | None = None,
) -> AlertList:
    """One page of the alerts that a filter means; ties are broken by the alert's number, so paging is stable."""
    chosen = chosen or AlertFilter()
    if sort not in SORTS:
        raise unknown_name("order", sort, SORTS)
    if not 0 < page_size <= N_PAGE_MOST or page < 1:
        raise InputError(f"page {page} of {page_size} rows was asked for; take 1 to {N_PAGE_MOST} rows from page 1 on.")
    where, values = condition(chosen, now=now)
    by_status = warehouse.records(
        "SELECT status, count(*) AS n, count(stake) AS n_known, sum(stake) AS stake, "
        f"count(*) FILTER (stake_kind = 'value_at_risk') AS n_risk FROM ({CURRENT}) a WHERE {where} GROUP BY status",
        values,
    )
    picked = [row for row in by_status if not chosen.statuses or row["status"] in chosen.statuses]
    n_all, n_known = sum(row["n"] for row in picked), sum(row["n_known"] for row in picked)
    n_pages = max(1, -(-n_all // page_size))
    page = min(page, n_pages)
    rows = warehouse.records(
        f"SELECT a.*, c.name, t.n_tried FROM (SELECT * FROM ({CURRENT}) a WHERE {where} AND {_STATUSES} "
        f"ORDER BY {ORDER[sort]}, alert_id LIMIT $page_size OFFSET $offset) a {_TOLD} "
        f"ORDER BY {ordered(sort)}",
        values | {"page_size": page_size, "offset": (page - 1) * page_size},
    )
    most_risk = 2 * sum(row["n_risk"] for row in picked) >= n_known
    return AlertList(
        rows=tuple(alert_from(row) for row in rows),
        n_all=n_all,
        stake_all=sum(float(row["stake"]) for row in picked if row["stake"] is not None) if n_known else None,
        stake_kind="" if not n_known else "value_at_risk" if most_risk else "spend_365",
        n_stake_known=n_known,
        counts=dict.fromkeys(STATUSES, 0) | {row["status"]: row["n"] for row in by_status},
        page=page,
        n_pages=n_pages,
    )


def alert(warehouse: Reader, alert_id: int, *, now: datetime | None = None) -> Alert:
    """One alert; NotFound when there is none of that number."""
    found = _picked(warehouse, "a.alert_id = $alert_id", {"alert_id": alert_id}, now)
    if not found:
        raise NotFound(f"there is no alert {alert_id}; the queue shows the numbers of all alerts.")
    return found[0]


def alerts_of_ids(warehouse: Reader, alert_ids: Iterable[int], *, now: datetime | None = None) -> tuple[Alert, ...]:
    """The alerts of these numbers that there are."""
    return _picked(warehouse, "a.alert_id IN (SELECT unnest($ids::INTEGER[]))", {"ids": list(alert_ids)}, now)


def alert_of_customer(warehouse: Reader, customer_id: str, *, now: datetime | None = None) -> Alert | None:
    """The alert of a customer that somebody still has to look at; None when there is none."""
    found = _picked(
        warehouse,
        "a.customer_id = $customer_id AND a.status IN (SELECT unnest($live::VARCHAR[]))",
        {"customer_id": customer_id, "live": list(LIVE)},
        now,
    )
    return found[0] if found else None


def past_alerts_of(warehouse: Reader, customer_id: str, *, now: datetime | None = None) -> tuple[Alert, ...]:
    """All alerts of a customer, the newest first."""
    return _picked(warehouse, "a.customer_id = $customer_id", {"customer_id": customer_id}, now)


def alert_history(warehouse: Reader, alert_id: int) -> tuple[LogEntry, ...]:
    """What happened to an alert, the newest first; NotFound when there is no such alert."""
    alert(warehouse, alert_id)
    rows = warehouse.records(
        'SELECT "at", action, person, owner, words, note FROM alert_log WHERE alert_id = $alert_id ORDER BY entry DESC',
        {"alert_id": alert_id},
    )
    return tuple(LogEntry(**row) for row in rows)


def owners(warehouse: Reader, *, n_most: int = 50) -> tuple[str, ...]:
    """Who took alerts so far, the one with most of them first: to choose from."""
    rows = warehouse.rows(
        "SELECT owner FROM alerts WHERE owner <> '' GROUP BY owner ORDER BY count(*) DESC, owner LIMIT $n",
        {"n": n_most},
    )
    return tuple(row[0] for row in rows)


def condition(chosen: AlertFilter, *, now: datetime | None = None) -> tuple[str, dict[str, object]]:
    """The filter as SQL over :data:`CURRENT` called ``a``, its statuses apart; every value is a parameter."""
    parts = ["true"]
    values: dict[str, object] = {"now": now or utc_now(), "statuses": list(chosen.statuses or STATUSES)}
    if chosen.owner is not None:
        parts.append("a.owner = $owner")
        values["owner"] = chosen.owner.strip()
    if chosen.rule:
        parts.append("list_contains(a.rules, $rule)")
        values["rule"] = chosen.rule
    if chosen.overdue_only:
        parts.append("a.is_overdue")
    if chosen.held_back is not None:
        parts.append(f"a.held_back {'<>' if chosen.held_back else '='} ''")
    if chosen.alert_ids:
        parts.append("a.alert_id IN (SELECT unnest($alert_ids::INTEGER[]))")
        values["alert_ids"] = list(chosen.alert_ids)
    if chosen.search.strip():
        parts.append(
            "(contains(lower(a.customer_id), lower($search)) OR a.customer_id IN "
            "(SELECT customer_id FROM customers WHERE contains(lower(name), lower($search))))"
        )
        values["search"] = chosen.search.strip()
    return " AND ".join(parts), values


def ordered(sort: str) -> str:
    """An order of the queue as SQL over :data:`CURRENT` called ``a``."""
    return ", ".join(f"a.{part.strip()}" for part in (*ORDER[sort].split(","), "alert_id"))


_STATUSES = "a.status IN (SELECT unnest($statuses::VARCHAR[]))"


def alert_from(row: Mapping[str, Any]) -> Alert:
    """An alert from its row of :data:`CURRENT`, with the customer's name."""
    return Alert(
        alert_id=int(row["alert_id"]),
        customer_id=row["customer_id"],
        name=row["name"] or "",
        rules=tuple(row["rules"]),
        raised_at=row["raised_at"],
        as_of=row["as_of"],
        run_id=row["run_id"],
        stake=row["stake"],
        stake_kind=row["stake_kind"],
        standing=row["standing"],
        risk=row["risk"],
        tier=row["tier"] or "",
        why=(*row["rule_words"], *row["reasons"]),
        next_step=row["next_step"],
        status=row["status"],
        owner=row["owner"],
        due_at=row["due_at"],
        is_overdue=bool(row["is_overdue"]),
        snoozed_until=row["snoozed_until"],
        outcome=row["outcome"] or "",
        closed_at=row["closed_at"],
        last_order_at=row["last_order_at"],
        held_back=row["held_back"],
        n_tried=row["n_tried"] or 0,
        version=int(row["version"]),
    )


def _picked(warehouse: Reader, where: str, values: dict[str, object], now: datetime | None) -> tuple[Alert, ...]:
    rows = warehouse.records(
        f"SELECT a.*, c.name, t.n_tried FROM ({CURRENT}) a {_TOLD} WHERE {where} ORDER BY a.alert_id DESC",
        values | {"now": now or utc_now()},
    )
    return tuple(alert_from(row) for row in rows)
