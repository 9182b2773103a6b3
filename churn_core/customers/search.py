"""Find a customer by a part of the id, the name or the e-mail address.

Also those who were not scored: a service desk looks up everybody.
"""

from __future__ import annotations

from dataclasses import dataclass

from churn_core.customers.still_there import still_there
from churn_core.models.runs import latest_run
from churn_core.warehouse import Warehouse


@dataclass(frozen=True, kw_only=True)
class Match:
    """A customer that a search found."""

    customer_id: str
    name: str | None
    risk: float | None
    """None when the customer was not in the latest run."""
    tier: str | None
    value_at_risk: float | None


_KNOWN = """
    SELECT customer_id FROM customers
    WHERE contains(lower(customer_id), lower($text)) OR contains(lower(name), lower($text))
        OR contains(lower(email), lower($text))
    UNION SELECT customer_id FROM scores WHERE run_id = $run_id AND contains(lower(customer_id), lower($text))
    UNION SELECT customer_id FROM snapshots WHERE contains(lower(customer_id), lower($text))
"""
_BUYERS = "UNION SELECT customer_id FROM orders WHERE contains(lower(customer_id), lower($text))"

_MATCHES = """
SELECT f.customer_id, c.name, s.risk, s.tier, s.value_at_risk
FROM ({found}) f LEFT JOIN customers c ON c.customer_id = f.customer_id
LEFT JOIN (SELECT * FROM scores WHERE run_id = $run_id) s ON s.customer_id = f.customer_id
ORDER BY f.customer_id = $text DESC, starts_with(lower(f.customer_id), lower($text)) DESC,
    s.value_at_risk DESC NULLS LAST, f.customer_id
LIMIT $limit
"""

_MOST_MONEY = f"""
    SELECT customer_id FROM scores WHERE run_id = $run_id AND {still_there()}
    ORDER BY value_at_risk DESC NULLS LAST, customer_id LIMIT $limit
"""


def search_customers(warehouse: Warehouse, text: str, *, limit: int = 20) -> tuple[Match, ...]:
    """Customers whose id, name or e-mail address contains the text, in any case.

    The exact id comes first, then ids that start with the text, then the most value at risk. Without a text,
    the customers with the most value at risk who are still there. All orders are read only when less than ``limit``
    customers are found without them.
    """
    run = latest_run(warehouse)
    parameters = {"text": text.strip(), "run_id": run.run_id if run else None, "limit": limit}
    sources = [_MOST_MONEY] if run and not text.strip() else [_KNOWN, _KNOWN + _BUYERS]
    rows: list[dict[str, object]] = []
    for found in sources:
        rows = warehouse.records(_MATCHES.format(found=found), parameters)
        if len(rows) >= limit:
            break
    return tuple(Match(**row) for row in rows)  # type: ignore[arg-type]


def n_found(warehouse: Warehouse, text: str) -> int:
    """How many customers a search finds in all, shown or not; reads the ids of all orders."""
    run = latest_run(warehouse)
    parameters = {"text": text.strip(), "run_id": run.run_id if run else None}
    return int(warehouse.value(f"SELECT count(*) FROM ({_KNOWN + _BUYERS})", parameters))


def is_customer(warehouse: Warehouse, customer_id: str) -> bool:
    """Whether any table knows the id."""
    return bool(
        warehouse.value(
            "SELECT exists(SELECT 1 FROM customers WHERE customer_id = $own) "
            "OR exists(SELECT 1 FROM orders WHERE customer_id = $own) "
            "OR exists(SELECT 1 FROM snapshots WHERE customer_id = $own)",
            {"own": customer_id},
        )
    )
