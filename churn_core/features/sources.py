"""The rows that features are aggregated over: one customer's past, cut at the cutoff.

Kept apart because this is where the past ends: every source takes its condition from ``timeline.seen_before`` and hands
on ages in whole days instead of times, so no feature can look at the cutoff by itself. A row's ``age_days`` is the
number of calendar days from it to the cutoff: yesterday is 1 when the cutoff is a midnight. ``customers_asked`` is the
relation of the customers in question with ``last_order_age``, the age of their last order.
"""

from __future__ import annotations

from dataclasses import dataclass

from churn_core.timeline import seen_before

LONGEST_WINDOW_DAYS = 365
"""How far back browsing is looked at; clicks of former years say nothing more and are many."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """Rows of the customers in question, as far as they were known at the cutoff."""

    name: str
    """Name that features refer to."""
    table: str
    """The user table it reads."""
    time: str
    """The column of the table that says when a row became known."""
    rows: str
    """SELECT of the rows; the past is cut inside."""
    is_shop: bool = False
    """Whether it speaks of the whole shop (one row) instead of one row per customer."""


def age_days(column: str) -> str:
    """SQL: calendar days from a time to the cutoff.

    >>> age_days("order_time")
    "date_diff('day', CAST(order_time AS DATE), CAST($cutoff AS DATE))"
    """
    return f"date_diff('day', CAST({column} AS DATE), CAST($cutoff AS DATE))"


def within(days: int) -> str:
    """SQL condition on ``age_days``: in the last so many days."""
    return f"age_days <= {int(days)}"


def _seen_or_null(column: str) -> str:
    return f"CASE WHEN {seen_before(column)} THEN {column} END"


def _rows(table: str, time: str, columns: str, *, days: int | None = None, where: str = "") -> str:
    condition = seen_before(time, days=days) + (f" AND {where}" if where else "")
    return (
        f"SELECT customer_id, last_order_age, {columns}, {age_days(time)} AS age_days "
        f"FROM {table} JOIN customers_asked USING (customer_id) WHERE {condition}"
    )


def _by_line_column(column: str) -> str:
    lines = _rows("order_lines", "order_time", column, where=f"{column} IS NOT NULL")
    return (
        f"SELECT customer_id, {column}, count(*) AS n_lines, min(age_days) AS newest_age, max(age_days) AS oldest_age "
        f"FROM ({lines}) GROUP BY customer_id, {column}"
    )


_SETTLED = "coalesce(resolved_at, first_reply_at, opened_at)"

_TICKETS = (
    f"SELECT customer_id, last_order_age, opened_at, {_seen_or_null('first_reply_at')} AS first_reply_at, "
    f"{_seen_or_null('resolved_at')} AS resolved_at, "
    f"CASE WHEN {seen_before(_SETTLED)} THEN satisfaction END AS satisfaction, "
    f"{age_days('opened_at')} AS age_days "
    f"FROM tickets JOIN customers_asked USING (customer_id) WHERE {seen_before('opened_at')}"
)

_TICKETS_WAITING = (
    "SELECT *, resolved_at IS NULL AS is_open, (epoch(first_reply_at) - epoch(opened_at)) / 3600e0 AS wait_hours, "
    "CASE WHEN satisfaction IS NOT NULL THEN epoch(opened_at) * 1000e0 - satisfaction END AS satisfaction_order "
    f"FROM ({_TICKETS})"
)

_FEEDBACK = _rows(
    "feedback",
    "feedback_time",
    "rating, CASE WHEN rating IS NOT NULL THEN epoch(feedback_time) * 1000e0 - rating END AS rating_order",
)

_ORDER_COLUMNS = "amount, n_items, coalesce(discount_amount, 0) AS discount_amount, channel, gap_days, is_new_day"

SOURCES: dict[str, Source] = {
    source.name: source
    for source in (
        Source(
            name="shop",
            table="orders",
            time="order_time",
            rows=f"SELECT gap_days FROM orders WHERE {seen_before('order_time')}",
            is_shop=True,
        ),
        Source(
            name="orders",
            table="orders",
            time="order_time",
            rows=_rows("orders", "order_time", _ORDER_COLUMNS),
        ),
        Source(
            name="order_lines",
            table="order_lines",
            time="order_time",
            rows=_rows("order_lines", "order_time", "quantity, amount, discount_amount"),
        ),
        Source(name="products", table="order_lines", time="order_time", rows=_by_line_column("product_id")),
        Source(name="categories", table="order_lines", time="order_time", rows=_by_line_column("category")),
        Source(name="returns", table="returns", time="return_time", rows=_rows("returns", "return_time", "amount")),
        Source(
            name="events",
            table="events",
            time="event_time",
            rows=_rows("events", "event_time", "kind", days=LONGEST_WINDOW_DAYS),
        ),
        Source(
            name="contacts",
            table="contacts",
            time="contact_time",
            rows=_rows(
                "contacts", "contact_time", "kind", where="(channel IS NULL OR lower(channel) IN ('email', 'e-mail'))"
            ),
        ),
        Source(name="tickets", table="tickets", time="opened_at", rows=_TICKETS_WAITING),
        Source(name="feedback", table="feedback", time="feedback_time", rows=_FEEDBACK),
        Source(
            name="customers",
            table="customers",
            time="signup_time",
            rows=_rows("customers", "signup_time", "signup_time"),
        ),
    )
}
"""Every source by name."""
