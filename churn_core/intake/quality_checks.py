"""The registry of quality checks: what is looked for, in which table, with which SQL and in which words.

A check with a ``condition`` looks at single rows; all conditions of a table are counted in one pass. A check with
``count_sql`` compares rows or tables and returns rows looked at and rows affected. Adding a check is adding one
entry. Conditions may use ``$reference`` (when data was last imported) and ``$newest`` (last order).
"""

from __future__ import annotations

from dataclasses import dataclass

COMPLETENESS, UNIQUENESS, VALIDITY = "completeness", "uniqueness", "validity"
CONSISTENCY, TIMELINESS = "consistency", "timeliness"
DIMENSIONS: tuple[str, ...] = (COMPLETENESS, UNIQUENESS, VALIDITY, CONSISTENCY, TIMELINESS)

INFO, WARNING, PROBLEM = "info", "warning", "problem"
SEVERITIES: tuple[str, ...] = (PROBLEM, WARNING, INFO)

NEVER = 2.0
"""A share that is never reached."""

PLACEHOLDER_IDS: tuple[str, ...] = (
    "", "0", "00", "000", "0000", "00000", "0.0", "-", "-1", "?", "guest", "anonymous", "unknown", "none", "null",
    "nan", "n/a", "na", "nil", "undefined", "test", "dummy", "匿名", "游客", "未知",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing to look for."""

    name: str
    """Code of the check, unique within its table."""
    table: str
    dimension: str
    """completeness, uniqueness, validity, consistency or timeliness."""
    found: str
    """What was found, after "n of m rows": a noun phrase that goes on from the rows."""
    effect: str
    """What it would do to the model, in one sentence."""
    condition: str | None = None
    """SQL condition on a row that is affected."""
    count_sql: str | None = None
    """SQL that gives rows looked at and rows affected, for checks that need more than a row."""
    example_sql: str | None = None
    """SQL that gives up to five examples as text; made from the condition when there is one."""
    rows_are: str = ""
    """What is counted, in the plural; the table's name by default."""
    needs: tuple[str, ...] = ()
    """Other tables that must hold rows for the check to make sense."""
    fires_from: float = 0.0
    """Share of affected rows from which it is reported at all."""
    warning_from: float = 0.0
    """Share from which it is a warning rather than an information."""
    problem_from: float = NEVER
    """Share from which it is a problem."""
    uses_clock: bool = False
    """Whether it compares with the time of import, which means nothing for a simulated shop."""

    def severity(self, share: float) -> str:
        """info, warning or problem, for a share of affected rows."""
        if share >= self.problem_from:
            return PROBLEM
        return WARNING if share >= self.warning_from else INFO


_LABELS: dict[str, str] = {
    "customers": "concat('customer ', customer_id)",
    "orders": "concat('order ', order_id, ' of ', customer_id, ' on ', strftime(order_time, '%Y-%m-%d %H:%M'), "
    "', amount ', coalesce(amount::VARCHAR, 'none'))",
    "order_lines": "concat('line ', line_no, ' of order ', order_id, ': ', coalesce(quantity::VARCHAR, '?'), ' x ', "
    "coalesce(unit_price::VARCHAR, '?'), ', amount ', coalesce(amount::VARCHAR, 'none'))",
    "returns": "concat('return ', return_id, ' of ', customer_id, ' on ', strftime(return_time, '%Y-%m-%d'))",
    "events": "concat(kind, ' of ', customer_id, ' at ', strftime(event_time, '%Y-%m-%d %H:%M'))",
    "feedback": "concat('review of ', customer_id, ' on ', strftime(feedback_time, '%Y-%m-%d'), ', rating ', "
    "coalesce(rating::VARCHAR, 'none'))",
    "tickets": "concat('ticket ', ticket_id, ' of ', customer_id, ', opened ', strftime(opened_at, '%Y-%m-%d %H:%M'))",
    "contacts": "concat(kind, ' to ', customer_id, ' at ', strftime(contact_time, '%Y-%m-%d %H:%M'))",
    "snapshots": "concat('customer ', customer_id)",
}


def examples_query(check: Check) -> str | None:
    """SQL that gives up to five examples of a check, one text each."""
    if check.example_sql is not None:
        return check.example_sql
    if check.condition is None:
        return None
    return f"SELECT {_LABELS[check.table]} FROM {check.table} WHERE {check.condition} LIMIT 5"


def _row(name: str, table: str, dimension: str, condition: str, found: str, effect: str, **more: object) -> Check:
    return Check(name=name, table=table, dimension=dimension, condition=condition, found=found, effect=effect, **more)  # type: ignore[arg-type]


_PLACEHOLDERS = ", ".join(f"'{text}'" for text in PLACEHOLDER_IDS)
_SAME_ORDER = "SELECT hash(customer_id, order_time, amount) AS same, count(*) AS n FROM orders GROUP BY same"
_PER_CUSTOMER = (
    "SELECT customer_id, count(*) AS n, sum(count(*)) OVER () AS n_all, count(*) OVER () AS n_customers "
    "FROM orders GROUP BY customer_id"
)
_LINE_SUMS = (
    "SELECT order_id, orders.amount, orders.discount_amount, lines.amount AS of_lines FROM orders JOIN "
    "(SELECT order_id, sum(amount) AS amount FROM order_lines GROUP BY order_id) AS lines USING (order_id)"
)
_OFF = (
    "abs(of_lines - amount) > 0.02 + 0.005 * abs(amount) "
    "AND abs(of_lines - amount - coalesce(discount_amount, 0)) > 0.02 + 0.005 * abs(amount)"
)
_SIMILAR_IDS = (
    "SELECT lower(coalesce(nullif(ltrim(trim(customer_id), '0'), ''), '0')) AS plain, count(*) AS n, "
    "string_agg(concat('\"', customer_id, '\"'), ', ') AS ids "
    "FROM (SELECT DISTINCT customer_id FROM orders) GROUP BY plain"
)
_SAME_EMAIL = (
    "SELECT lower(trim(email)) AS address, count(*) AS n, string_agg(customer_id, ', ' ORDER BY customer_id) AS ids "
    "FROM customers WHERE email IS NOT NULL GROUP BY address"
)
_FIRST_ORDERS = "(SELECT customer_id, min(order_time) AS first FROM orders GROUP BY customer_id)"
_EXTREME = "(SELECT 20 * approx_quantile(amount::DOUBLE, 0.99) AS most FROM orders WHERE amount > 0)"

_ORDERS: tuple[Check, ...] = (
    _row(
        "amount_missing", "orders", COMPLETENESS, "amount IS NULL", "without an amount",
        "These orders count for the rhythm but add nothing to spend, so value at risk comes out too low.",
        problem_from=0.2,
    ),
    _row(
        "amount_not_positive", "orders", VALIDITY, "amount <= 0", "with an amount of zero or below",
        "They count as orders: gifts, tests or corrections then look like loyal buying.",
        problem_from=0.1,
    ),
    Check(
        name="amount_extreme", table="orders", dimension=VALIDITY,
        count_sql=f"SELECT count(*), count(*) FILTER (amount > most) FROM orders, {_EXTREME}",
        example_sql=f"SELECT {_LABELS['orders']} FROM orders, {_EXTREME} WHERE amount > most "
        "ORDER BY amount DESC LIMIT 5",
        found="with an amount above twenty times the 99 % level",
        effect="A single one of them dominates the customer's spend and expected value; check for a slipped decimal.",
        warning_from=0.0,
    ),
    Check(
        name="duplicates", table="orders", dimension=UNIQUENESS,
        count_sql=f"SELECT sum(n), sum(n - 1) FROM ({_SAME_ORDER})",
        example_sql=f"SELECT {_LABELS['orders']} FROM orders WHERE hash(customer_id, order_time, amount) IN "
        f"(SELECT same FROM ({_SAME_ORDER}) WHERE n > 1 LIMIT 3) ORDER BY customer_id, order_time, order_id LIMIT 5",
        found="with the customer, time and amount of another order",
        effect="Counted twice they raise frequency and spend, so the customers look safer than they are.",
        problem_from=0.02,
    ),
    Check(
        name="similar_ids", table="orders", dimension=UNIQUENESS, rows_are="customer ids",
        count_sql=f"SELECT sum(n), coalesce(sum(n) FILTER (n > 1), 0) FROM ({_SIMILAR_IDS})",
        example_sql=f"SELECT ids FROM ({_SIMILAR_IDS}) WHERE n > 1 ORDER BY plain LIMIT 5",
        found="that differ from another only in case, spaces or leading zeros",
        effect="If they are the same person, one customer seems to leave while another seems to arrive.",
        problem_from=0.05,
    ),
    _row(
        "placeholder_id", "orders", VALIDITY, f"lower(trim(customer_id)) IN ({_PLACEHOLDERS})",
        "under a placeholder such as guest or 0 in place of a customer",
        "Many people become one customer who never leaves; the rows teach the model nothing and should be left out.",
        problem_from=0.05,
    ),
    Check(
        name="dominant_id", table="orders", dimension=VALIDITY,
        count_sql="SELECT sum(n), coalesce(sum(n) FILTER (n > 0.02 * n_all AND n_customers >= 200), 0) "
        f"FROM ({_PER_CUSTOMER})",
        example_sql=f"SELECT concat('customer ', customer_id, ' with ', n, ' orders') FROM ({_PER_CUSTOMER}) "
        "WHERE n > 0.02 * n_all AND n_customers >= 200 ORDER BY n DESC LIMIT 5",
        found="under single ids that each hold more than 2 % of all orders",
        effect="Such an id is usually a till or a guest account, not a customer: its risk and value mean nothing.",
    ),
    _row(
        "in_the_future", "orders", VALIDITY, "order_time > $reference + INTERVAL 1 DAY",
        "dated after they were imported",
        "They move the end of the data forward, and everybody else looks as if they had stopped ordering.",
        problem_from=0.0, uses_clock=True,
    ),
    _row(
        "very_old", "orders", TIMELINESS, "order_time < $newest - INTERVAL 5479 DAY",
        "more than 15 years older than the newest order",
        "Dates such as 1900 or 1970 are placeholders more often than orders: tenure and gaps become absurd.",
    ),
    _row(
        "date_only", "orders", VALIDITY, "order_time = date_trunc('day', order_time)", "with a date but no time of day",
        "Days are enough for the rhythm; only times of day and several orders a day cannot be told apart.",
        fires_from=0.02, warning_from=NEVER,
    ),
    Check(
        name="lines_do_not_sum", table="orders", dimension=CONSISTENCY, needs=("order_lines",),
        rows_are="orders with lines",
        count_sql=f"SELECT count(*), count(*) FILTER ({_OFF}) FROM ({_LINE_SUMS})",
        example_sql=f"SELECT concat('order ', order_id, ': amount ', amount, ', lines ', of_lines) "
        f"FROM ({_LINE_SUMS}) WHERE {_OFF} LIMIT 5",
        found="whose lines do not sum to their amount",
        effect="Spend and basket features then tell two stories; shipping or tax may be in one of them only.",
        warning_from=0.01, problem_from=0.3,
    ),
    Check(
        name="orders_without_lines", table="orders", dimension=COMPLETENESS, needs=("order_lines",),
        count_sql="SELECT (SELECT count(*) FROM orders), "
        "(SELECT count(*) FROM orders ANTI JOIN order_lines USING (order_id))",
        example_sql=f"SELECT {_LABELS['orders']} FROM orders ANTI JOIN order_lines USING (order_id) LIMIT 5",
        found="without lines",
        effect="Basket and category features stay empty for them.",
        fires_from=0.01, warning_from=0.1,
    ),
    Check(
        name="customers_unknown", table="orders", dimension=CONSISTENCY, needs=("customers",),
        rows_are="customers with orders",
        count_sql="SELECT (SELECT count(DISTINCT customer_id) FROM orders), "
        "(SELECT count(DISTINCT customer_id) FROM orders ANTI JOIN customers USING (customer_id))",
        example_sql="SELECT DISTINCT concat('customer ', customer_id) FROM orders "
        "ANTI JOIN customers USING (customer_id) LIMIT 5",
        found="missing in the customer table",
        effect="They are scored, but without name, address, attributes or consent on any list.",
        warning_from=0.01, problem_from=0.5,
    ),
)  # fmt: skip

_CUSTOMERS: tuple[Check, ...] = (
    Check(
        name="without_orders", table="customers", dimension=CONSISTENCY, needs=("orders",),
        count_sql="SELECT (SELECT count(*) FROM customers), "
        "(SELECT count(*) FROM customers ANTI JOIN orders USING (customer_id))",
        example_sql="SELECT concat('customer ', customer_id) FROM customers ANTI JOIN orders USING (customer_id) "
        "LIMIT 5",
        found="without any order",
        effect="They cannot churn by ordering no more, so they are not scored.",
        warning_from=0.5,
    ),
    _row(
        "email_missing", "customers", COMPLETENESS, "email IS NULL", "without an e-mail address",
        "They are scored but cannot be reached by e-mail.", fires_from=0.01, warning_from=NEVER,
    ),
    _row(
        "email_unusable", "customers", VALIDITY, "email IS NOT NULL AND email NOT LIKE '%_@_%.__%'",
        "with an e-mail address that cannot be one",
        "It does not touch the risk; lists for e-mail would bounce.",
    ),
    Check(
        name="same_email", table="customers", dimension=UNIQUENESS, rows_are="customers with an e-mail address",
        count_sql=f"SELECT sum(n), coalesce(sum(n) FILTER (n > 1), 0) FROM ({_SAME_EMAIL})",
        example_sql=f"SELECT concat('customers ', ids) FROM ({_SAME_EMAIL}) WHERE n > 1 ORDER BY n DESC LIMIT 5",
        found="who share it with another customer",
        effect="One person with two accounts looks like one who left and one who is new.",
        fires_from=0.0, warning_from=0.01,
    ),
    Check(
        name="signup_after_order", table="customers", dimension=CONSISTENCY, needs=("orders",),
        rows_are="customers with a sign-up time and orders",
        count_sql="SELECT count(*), count(*) FILTER (signup_time > first + INTERVAL 1 DAY) "
        f"FROM customers JOIN {_FIRST_ORDERS} USING (customer_id) WHERE signup_time IS NOT NULL",
        example_sql="SELECT concat('customer ', customer_id, ': signed up ', strftime(signup_time, '%Y-%m-%d'), "
        f"', first order ', strftime(first, '%Y-%m-%d')) FROM customers JOIN {_FIRST_ORDERS} USING (customer_id) "
        "WHERE signup_time > first + INTERVAL 1 DAY LIMIT 5",
        found="who signed up after their first order",
        effect="Tenure is counted from the first order, so the model is safe; check which of the dates is right.",
        fires_from=0.0, warning_from=0.05,
    ),
)  # fmt: skip

_LINES: tuple[Check, ...] = (
    _row(
        "product_missing", "order_lines", COMPLETENESS, "product_id IS NULL AND product_name IS NULL",
        "without an article", "Breadth of articles is counted too low.", warning_from=0.05,
    ),
    _row(
        "category_missing", "order_lines", COMPLETENESS, "category IS NULL", "without a category",
        "Breadth of categories cannot be told for these lines.", fires_from=0.01, warning_from=0.2,
    ),
    _row(
        "amount_off", "order_lines", CONSISTENCY,
        "abs(amount - quantity * unit_price) > 0.02 + 0.01 * abs(amount) "
        "AND abs(amount + coalesce(discount_amount, 0) - quantity * unit_price) > 0.02 + 0.01 * abs(amount)",
        "whose amount is not quantity x price, with or without the discount",
        "Line amounts feed basket features; one of the three columns may be mapped to the wrong thing.",
        warning_from=0.01, problem_from=0.3,
    ),
    _row(
        "quantity_not_positive", "order_lines", VALIDITY, "quantity <= 0", "with a quantity of zero or below",
        "They lower basket sizes; returns belong into the table of returns.",
        warning_from=0.01,
    ),
    Check(
        name="orders_unknown", table="order_lines", dimension=CONSISTENCY, needs=("orders",),
        count_sql="SELECT (SELECT count(*) FROM order_lines), "
        "(SELECT count(*) FROM order_lines ANTI JOIN orders USING (order_id))",
        example_sql=f"SELECT {_LABELS['order_lines']} FROM order_lines ANTI JOIN orders USING (order_id) LIMIT 5",
        found="of an order that is not there",
        effect="They count for baskets and categories but not for rhythm and spend.",
        warning_from=0.01,
    ),
)  # fmt: skip

_RETURNS: tuple[Check, ...] = (
    _row(
        "amount_unusable", "returns", VALIDITY, "amount IS NULL OR amount <= 0", "without a positive amount",
        "Net value is then too high by these returns.", warning_from=0.05,
    ),
    Check(
        name="before_order", table="returns", dimension=CONSISTENCY, needs=("orders",),
        rows_are="returns with a known order",
        count_sql="SELECT count(*), count(*) FILTER (return_time < order_time) "
        "FROM returns JOIN orders USING (order_id)",
        example_sql="SELECT concat('return ', return_id, ' on ', strftime(return_time, '%Y-%m-%d'), ' of order ', "
        "order_id, ' on ', strftime(order_time, '%Y-%m-%d')) FROM returns JOIN orders USING (order_id) "
        "WHERE return_time < order_time LIMIT 5",
        found="dated before their order",
        effect="Time since the last return is wrong; check day-first against month-first dates.",
        warning_from=0.0, problem_from=0.1,
    ),
)  # fmt: skip

_SERVICE: tuple[Check, ...] = (
    _row(
        "kind_unknown", "events", VALIDITY, "kind NOT IN ('visit', 'view', 'cart', 'search', 'wishlist', 'login')",
        "of a kind the features do not know", "They count as activity, not as views, carts or searches.",
        warning_from=0.2,
    ),
    _row(
        "date_only", "events", VALIDITY, "event_time = date_trunc('day', event_time)", "with a date but no time of day",
        "Days of activity are right; carts that led to an order the same day cannot be told from later ones.",
        fires_from=0.02, warning_from=NEVER,
    ),
    _row(
        "in_the_future", "events", VALIDITY, "event_time > $reference + INTERVAL 1 DAY",
        "dated after they were imported", "The model never sees them: features stop at the end of the orders.",
        uses_clock=True,
    ),
    _row(
        "rating_missing", "feedback", COMPLETENESS, "rating IS NULL", "without a rating",
        "They count as reviews but say nothing about satisfaction.", fires_from=0.01, warning_from=0.5,
    ),
    _row(
        "rating_off_scale", "feedback", VALIDITY, "rating < 0 OR rating > 10", "with a rating outside 0 to 10",
        "Ratings on another scale pull averages away; map stars and percent to separate files.",
        problem_from=0.2,
    ),
    _row(
        "replied_before_opened", "tickets", CONSISTENCY, "first_reply_at < opened_at",
        "answered before they were opened",
        "Waiting times become negative, and a slow answer may pass for a fast one.", problem_from=0.1,
    ),
    _row(
        "resolved_before_opened", "tickets", CONSISTENCY, "resolved_at < opened_at", "settled before they were opened",
        "Open complaints are counted wrongly around these dates.", problem_from=0.1,
    ),
    _row(
        "never_answered", "tickets", COMPLETENESS, "first_reply_at IS NULL AND resolved_at IS NULL",
        "without any answer", "They count as waiting to this day; if answers were not exported, waits look endless.",
        fires_from=0.2, warning_from=0.5,
    ),
    _row(
        "kind_unknown", "contacts", VALIDITY,
        "kind NOT IN ('sent', 'delivered', 'opened', 'clicked', 'unsubscribed', 'bounced')",
        "of a kind the features do not know", "They are not counted as sent, opened or clicked.", warning_from=0.2,
    ),
    _row(
        "value_missing", "snapshots", COMPLETENESS, "value_amount IS NULL", "without a value",
        "Risk is not affected; value at risk stays empty.", warning_from=NEVER,
    ),
    _row(
        "label_missing", "snapshots", COMPLETENESS, "churned IS NULL", "without a churn label",
        "Nothing is learned from them; they are scored like all others.", warning_from=NEVER,
    ),
    Check(
        name="one_class", table="snapshots", dimension=VALIDITY,
        count_sql="SELECT count(*), CASE WHEN count(DISTINCT churned) < 2 THEN count(churned) ELSE 0 END "
        "FROM snapshots",
        found="with the same label",
        effect="Without both kinds of customers there is nothing to learn.",
        problem_from=0.0,
    ),
)  # fmt: skip

_KNOWN = "(SELECT customer_id FROM customers UNION ALL SELECT customer_id FROM orders)"


def _unknown_customers(table: str, effect: str) -> Check:
    return Check(
        name="customers_unknown",
        table=table,
        dimension=CONSISTENCY,
        needs=("orders",),
        count_sql=f"SELECT (SELECT count(*) FROM {table}), (SELECT coalesce(sum(n), 0) FROM "
        f"(SELECT customer_id, count(*) AS n FROM {table} GROUP BY customer_id) ANTI JOIN {_KNOWN} "
        "USING (customer_id))",
        example_sql=f"SELECT {_LABELS[table]} FROM {table} ANTI JOIN {_KNOWN} USING (customer_id) LIMIT 5",
        found="of customers who neither order nor stand in the customer table",
        effect=effect,
        warning_from=0.05,
        problem_from=0.5,
    )


_UNKNOWN: tuple[Check, ...] = (
    _unknown_customers("returns", "These returns reach no customer; if many, the ids are written differently."),
    _unknown_customers("events", "These events reach no customer; if many, the ids are written differently."),
    _unknown_customers("feedback", "These reviews reach no customer; if many, the ids are written differently."),
    _unknown_customers("tickets", "These tickets reach no customer; if many, the ids are written differently."),
    _unknown_customers("contacts", "These contacts reach no customer; if many, the ids are written differently."),
)

CHECKS: tuple[Check, ...] = (*_ORDERS, *_CUSTOMERS, *_LINES, *_RETURNS, *_SERVICE, *_UNKNOWN)
