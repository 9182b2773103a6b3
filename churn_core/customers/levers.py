"""What may be supposed of a customer of a shop, as changes of facts: an order now, silence, an answer, a rating.

Features are not moved one by one here: the facts are changed where nobody else sees it, and the features are calculated
from them by the same SQL as always. So everything that follows from a fact follows: an order now shortens the silence,
ends the lateness, adds to every window and to the lifetime, and no number contradicts another.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING

from churn_core.errors import InputError
from churn_core.schema import TABLES, quote
from churn_core.timeline import seen_before

if TYPE_CHECKING:
    from churn_core.warehouse import Transaction, Warehouse

MOST_SILENT_DAYS = 730
MOST_VISITS = 100
_TABLES = ("customers", "orders", "order_lines", "returns", "events", "feedback", "tickets", "contacts")
_NOW = "$cutoff - INTERVAL 1 HOUR"
"""When supposed facts happen: the last hour that is seen."""
_ID = "supposed"
_EMAIL = "(channel IS NULL OR lower(channel) IN ('email', 'e-mail'))"


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is supposed to have happened; by default nothing."""

    silent_days: int = 0
    """Further days in which the customer does nothing and nothing reaches the customer; they come first."""
    orders_now: bool = False
    """Whether the customer orders once, at the end: what the last order held, with the clicks of its day."""
    order_amount: float | None = None
    """What that order is worth, in the shop's currency; None for the customer's own mean."""
    n_visits: int = 0
    """Visits to the shop at the end."""
    n_opened: int = 0
    """E-mails opened at the end, of those that were sent."""
    are_requests_settled: bool = False
    """Whether every open service request is answered and settled at the end."""
    rating: float | None = None
    """A rating given at the end; None for none."""

    @property
    def is_nothing(self) -> bool:
        """Whether all stays as it is."""
        return self == Facts()


@dataclass(frozen=True, kw_only=True)
class Room:
    """How far the facts of one customer can be moved; what the shop does not record is None or 0."""

    usual_amount: float | None
    """The customer's mean order, in the shop's currency; None where orders have no amount."""
    days_to_leave: int | None
    """Days of silence after which the customer is no longer asked about; None where all past buyers are."""
    records_visits: bool
    n_unopened: int
    """E-mails of the last 90 days that were sent and not opened."""
    n_open_requests: int
    """Service requests without an answer or not settled."""
    ratings: tuple[float, float] | None
    """The lowest and the highest rating ever given; None where nobody rates."""


def room(warehouse: Warehouse, customer_id: str, cutoff: datetime, activity_days: int | None) -> Room:
    """How far the facts of a customer can be moved."""
    own = {"customer_id": customer_id, "cutoff": cutoff}
    amount, age = warehouse.rows(
        "SELECT CAST(avg(amount) AS DOUBLE), min(date_diff('day', CAST(order_time AS DATE), CAST($cutoff AS DATE))) "
        f"FROM orders WHERE customer_id = $customer_id AND {seen_before('order_time')}",
        own,
    )[0]
    n_sent, n_opened = warehouse.rows(
        "SELECT greatest(count(*) FILTER (WHERE kind = 'sent'), count(*) FILTER (WHERE kind = 'delivered')), "
        f"count(*) FILTER (WHERE kind = 'opened') FROM contacts WHERE customer_id = $customer_id AND {_EMAIL} "
        f"AND {seen_before('contact_time', days=90)}",
        own,
    )[0]
    low, high = warehouse.rows("SELECT min(rating), max(rating) FROM feedback")[0]
    return Room(
        usual_amount=amount,
        days_to_leave=None if activity_days is None or age is None else max(activity_days - age, 0),
        records_visits=bool(warehouse.rows("SELECT 1 FROM events WHERE kind = 'visit' LIMIT 1")),
        n_unopened=max(n_sent - n_opened, 0),
        n_open_requests=int(
            warehouse.value(f"SELECT count(*) FROM tickets WHERE customer_id = $customer_id AND {_OPEN}", own)
        ),
        ratings=None if low is None else (float(low), float(high)),
    )


def refuse_impossible(facts: Facts, found: Room) -> None:
    """InputError, in one sentence, for facts that cannot be."""
    for name, most, noun in (
        ("silent_days", MOST_SILENT_DAYS, "more days of silence"),
        ("n_visits", MOST_VISITS, "visits"),
        ("n_opened", found.n_unopened, "opened e-mails"),
    ):
        value = getattr(facts, name)
        if not math.isfinite(value) or value != int(value) or value < 0:
            raise InputError(f"{value:,} {noun} were asked for; give a whole number from 0 on.")
        if value > most:
            raise InputError(f"{value:,} {noun} were asked for, and at most {most:,} are possible; give fewer.")
    if found.days_to_leave is not None and facts.silent_days > found.days_to_leave:
        raise InputError(
            f"after {facts.silent_days:,} more days of silence the customer has left the activity window of the churn "
            f"definition and is not asked about any more; suppose at most {found.days_to_leave:,} days."
        )
    if facts.order_amount is not None and not facts.orders_now:
        raise InputError("an amount was given without an order; suppose the order as well.")
    if facts.order_amount is not None and not 0 <= facts.order_amount < 1e12:
        raise InputError(f"an order of {facts.order_amount:g} is impossible; give an amount from 0 on.")
    if facts.n_visits and not found.records_visits:
        raise InputError("this shop records no visits, so none can be supposed; leave visits at 0.")
    if facts.rating is not None:
        _refuse_rating(facts.rating, found.ratings)


def suppose(tx: Transaction, customer_id: str, cutoff: datetime, facts: Facts) -> None:
    """Change the facts of a customer in a transaction that is not kept."""
    parameters = {
        "customer_id": customer_id,
        "cutoff": cutoff,
        "new_id": _ID,
        **{field.name: getattr(facts, field.name) for field in fields(facts)},
        "silent_days": int(facts.silent_days),
    }
    if facts.silent_days:
        _grow_older(tx, parameters)
    if facts.are_requests_settled:
        tx.execute(_SETTLE, parameters)
    if facts.orders_now:
        tx.execute(_ORDER, parameters)
        tx.execute(_ORDER_LINES, parameters)
        tx.execute(_CLICKS, parameters)
    if facts.n_visits:
        tx.execute(_VISITS, parameters)
    if facts.n_opened:
        tx.execute(_OPENED, parameters)
    if facts.rating is not None:
        tx.execute(_RATING, parameters)


def _refuse_rating(rating: float, scale: tuple[float, float] | None) -> None:
    if scale is None:
        raise InputError("nobody rates in this shop, so no rating can be supposed; leave it out.")
    if not scale[0] <= rating <= scale[1]:
        raise InputError(f"a rating of {rating:g} was given; ratings here go from {scale[0]:g} to {scale[1]:g}.")


def _grow_older(tx: Transaction, parameters: dict[str, object]) -> None:
    """Move everything that is known of the customer back in time: the same as waiting, while the shop stands still.

    What became known only after the cutoff stays where it is and unseen.
    """
    for table in _TABLES:
        times = [column.name for column in TABLES[table].columns if column.type == "TIMESTAMP"]
        moved = ", ".join(
            f"{quote(name)} = CASE WHEN {seen_before(quote(name))} THEN {quote(name)} - to_days($silent_days) "
            f"ELSE {quote(name)} END"
            for name in times
        )
        tx.execute(f"UPDATE {quote(table)} SET {moved} WHERE customer_id = $customer_id", parameters)


_UNANSWERED = f"(first_reply_at IS NULL OR NOT ({seen_before('first_reply_at')}))"
_UNSETTLED = f"(resolved_at IS NULL OR NOT ({seen_before('resolved_at')}))"
_OPEN = f"{seen_before('opened_at')} AND ({_UNANSWERED} OR {_UNSETTLED})"

_SETTLE = (
    f"UPDATE tickets SET first_reply_at = CASE WHEN {_UNANSWERED} THEN {_NOW} ELSE first_reply_at END, "
    f"resolved_at = CASE WHEN {_UNSETTLED} THEN {_NOW} ELSE resolved_at END "
    f"WHERE customer_id = $customer_id AND {_OPEN}"
)

_ORDER = f"""
    INSERT INTO orders BY NAME
    SELECT customer_id, $new_id AS order_id, {_NOW} AS order_time,
        coalesce($order_amount, avg(amount)) AS amount, round(avg(n_items)) AS n_items, 0 AS discount_amount,
        arg_max(channel, order_time) AS channel,
        nullif(CAST({_NOW} AS DATE) - max(CAST(order_time AS DATE)), 0) AS gap_days,
        CAST({_NOW} AS DATE) > max(CAST(order_time AS DATE)) AS is_new_day
    FROM orders WHERE customer_id = $customer_id AND {seen_before("order_time")} GROUP BY customer_id
"""

_ORDER_LINES = f"""
    INSERT INTO order_lines BY NAME
    SELECT * REPLACE ($new_id AS order_id, {_NOW} AS order_time) FROM order_lines
    WHERE customer_id = $customer_id AND order_id = (
        SELECT arg_max(order_id, order_time) FROM order_lines
        WHERE customer_id = $customer_id AND {seen_before("order_time")}
    )
"""
"""The lines of the last order once more."""

_CLICKS = f"""
    INSERT INTO events BY NAME
    SELECT * REPLACE ($new_id || event_id AS event_id, {_NOW} AS event_time) FROM events
    WHERE customer_id = $customer_id AND {seen_before("event_time")} AND CAST(event_time AS DATE) = (
        SELECT max(CAST(order_time AS DATE)) FROM orders
        WHERE customer_id = $customer_id AND order_id <> $new_id AND {seen_before("order_time")}
    )
"""
"""What the customer did in the shop on the day of the last order, once more."""

_VISITS = f"""
    INSERT INTO events BY NAME
    SELECT $customer_id AS customer_id, $new_id || number AS event_id, {_NOW} AS event_time, 'visit' AS kind
    FROM range(CAST($n_visits AS BIGINT)) AS numbers(number)
"""

_OPENED = f"""
    INSERT INTO contacts BY NAME
    SELECT $customer_id AS customer_id, $new_id || number AS contact_id, {_NOW} AS contact_time, 'opened' AS kind,
        'email' AS channel
    FROM range(CAST($n_opened AS BIGINT)) AS numbers(number)
"""

_RATING = f"""
    INSERT INTO feedback BY NAME
    SELECT $customer_id AS customer_id, $new_id AS feedback_id, {_NOW} AS feedback_time, $rating AS rating
"""
