"""The rows that features are aggregated over: one customer's past, cut at the cutoff.

Kept apart because this is where the past ends: every source takes its condition from ``timeline.known_before`` and
hands on ages in whole days instead of times, so no feature can look at the cutoff by itself. A row's ``age_days`` is
the number of calendar days from it to the cutoff: yesterday is 1 when the cutoff is a midnight. ``customers_asked`` is
the relation of the customers in question with ``last_order_age``, the age of their last order.
"""

from __future__ import annotations

from dataclasses import dataclass

from churn_core.timeline import known_before

LONGEST_WINDOW_DAYS = 365
"""How far back browsing is looked at; clicks of former years say nothing more and are many."""


def age_days(column: str) -> str:
    """SQL: calendar days from a time to the cutoff.

    >>> age_days("order_time")
    "date_diff('day', CAST(order_time AS DATE), CAST($cutoff AS DATE))"
    """
    return f"date_diff('day', CAST({column} AS DATE), CAST($cutoff AS DATE))"


def within(days: int) -> str:
    """SQL condition on ``age_days``: in the last so many days."""
    return f"age_days <= {int(days)}"


@dataclass(frozen=True, kw_only=True)
class Source:
    """Rows of the customers in question, as far as they were known at ``$known_until``, at the latest the cutoff."""

    name: str
    """Name that features refer to."""
    table: str
    """The user table it reads."""
    time: str
    """The column of the table that says when a row became known."""
    columns: str
    """What it hands on beside ``customer_id`` and ``age_days``, as SQL."""
    has_last_order_age: bool = False
    """Whether it hands on ``last_order_age`` too, at the price of a join."""
    days: int | None = None
    """How many days back it looks; None means all."""
    where: str = ""
    """A further condition on the rows."""
    refined: str = ""
    """A SELECT around the rows, which stand in it as ``{rows}``; empty when they are handed on as they are."""
    is_shop: bool = False
    """Whether it speaks of the whole shop (one row) instead of one row per customer."""

    def rows(self, *, is_restricted: bool = False) -> str:
        """SELECT of the rows; of the customers asked for alone where that is a part of the shop."""
        conditions = [known_before(self.time, days=self.days)]
        conditions += [self.where] if self.where else []
        if self.is_shop:
            return f"SELECT {self.columns} FROM {self.table} WHERE {conditions[0]}"
        relation, columns = self.table, self.columns
        if self.has_last_order_age:
            relation, columns = f"{self.table} JOIN customers_asked USING (customer_id)", f"last_order_age, {columns}"
        elif is_restricted:
            conditions.append("customer_id IN (SELECT customer_id FROM customers_asked)")
        selected = (
            f"SELECT customer_id, {columns}, {age_days(self.time)} AS age_days "
            f"FROM {relation} WHERE {' AND '.join(conditions)}"
        )
        return self.refined.replace("{rows}", selected) if self.refined else selected


def _seen_or_null(column: str) -> str:
    return f"CASE WHEN {known_before(column)} THEN {column} END"


def _per_value(column: str) -> str:
    return (
        f"SELECT customer_id, {column}, count(*) AS n_lines, min(age_days) AS newest_age, max(age_days) AS oldest_age "
        f"FROM ({{rows}}) GROUP BY customer_id, {column}"
    )


_SETTLED = "coalesce(resolved_at, first_reply_at, opened_at)"

_SOURCES: tuple[Source, ...] = (
    Source(
        name="shop",
        table="orders",
        time="order_time",
        columns=f"is_new_day, {age_days('order_time')} AS age_days",
        is_shop=True,
    ),
    Source(
        name="orders",
        table="orders",
        time="order_time",
        columns="amount, n_items, coalesce(discount_amount, 0) AS discount_amount, channel, gap_days, is_new_day",
        has_last_order_age=True,
    ),
    Source(name="order_lines", table="order_lines", time="order_time", columns="quantity, amount"),
    Source(
        name="products",
        table="order_lines",
        time="order_time",
        columns="product_id",
        where="product_id IS NOT NULL",
        refined=_per_value("product_id"),
    ),
    Source(
        name="categories",
        table="order_lines",
        time="order_time",
        columns="category",
        where="category IS NOT NULL",
        refined=_per_value("category"),
    ),
    Source(name="returns", table="returns", time="return_time", columns="amount", has_last_order_age=True),
    Source(name="events", table="events", time="event_time", columns="kind", days=LONGEST_WINDOW_DAYS),
    Source(
        name="carts",
        table="events",
        time="event_time",
        columns="kind",
        days=LONGEST_WINDOW_DAYS,
        where="kind = 'cart'",
        has_last_order_age=True,
    ),
    Source(
        name="contacts",
        table="contacts",
        time="contact_time",
        columns="kind",
        where="(channel IS NULL OR lower(channel) IN ('email', 'e-mail'))",
    ),
    Source(
        name="tickets",
        table="tickets",
        time="opened_at",
        columns=f"opened_at, {_seen_or_null('first_reply_at')} AS reply_at, "
        f"{_seen_or_null('resolved_at')} IS NULL AS is_open, "
        f"CASE WHEN {known_before(_SETTLED)} THEN satisfaction END AS stated",
        has_last_order_age=True,
        refined="SELECT *, (epoch(reply_at) - epoch(opened_at)) / 3600e0 AS wait_hours, "
        "CASE WHEN stated IS NOT NULL THEN epoch(opened_at) * 1000e0 - stated END AS stated_order FROM ({rows})",
    ),
    Source(
        name="feedback",
        table="feedback",
        time="feedback_time",
        columns="rating, CASE WHEN rating IS NOT NULL THEN epoch(feedback_time) * 1000e0 - rating END AS rating_order",
    ),
    Source(name="customers", table="customers", time="signup_time", columns="signup_time"),
)

SOURCES: dict[str, Source] = {source.name: source for source in _SOURCES}
"""Every source by name."""
