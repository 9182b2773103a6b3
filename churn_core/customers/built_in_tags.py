"""The tags that the product gives by itself: a word, what it means, and a rule drawn from the shop's own numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass

from churn_core.currency import currency_sign
from churn_core.customers.facts import NIGHT_WORDS, facts_relation
from churn_core.customers.rule_fields import FIELDS
from churn_core.customers.rule_sql import Scope, check_rule
from churn_core.customers.rules import Line, Rule
from churn_core.errors import NotFound
from churn_core.warehouse import Transaction

REPEAT_SHARE = 0.75
"""Part of the shop's repeat orders that come within the days for which a customer is called new."""


@dataclass(frozen=True, kw_only=True)
class BuiltInTag:
    """A tag with the rule by which every shop gives it in its own measure."""

    name: str
    meaning: str
    """Who gets it; ``{threshold}`` stands for what the shop's own numbers say."""
    field: str
    """Field that decides."""
    share: float | None = None
    """Quantile of the field over the customers compared that is the least value; None for a fixed rule."""
    floor: float = 0.0
    """Least threshold, whatever the quantile is."""
    among: tuple[Line, ...] = ()
    """Who is compared and can get it at all."""
    is_percent: bool = False
    """Whether the threshold is said as percent."""


def _at_least(field: str, number: float) -> Line:
    return Line(field=field, operator="at_least", values=(number,))


_THREE_ORDERS = (_at_least("n_orders", 3),)

_TAGS: tuple[BuiltInTag, ...] = (
    BuiltInTag(
        name="frequent buyer", field="orders_per_year", share=0.9, among=_THREE_ORDERS,
        meaning="At least {threshold} orders per year, where the top tenth of customers with three orders or more "
        "begins.",
    ),
    BuiltInTag(
        name="big baskets", field="mean_order_amount", share=0.9, among=(_at_least("n_orders", 2),),
        meaning="Orders of {threshold} or more on average, where the top tenth of customers with two orders or more "
        "begins.",
    ),
    BuiltInTag(
        name="discount hunter", field="discounted_order_share", share=0.8, floor=0.5, among=_THREE_ORDERS,
        is_percent=True,
        meaning="A discount on {threshold} of the orders or more, where the top fifth of customers with three "
        "orders or more begins, but never below half of the orders.",
    ),
    BuiltInTag(
        name="night shopper", field="night_order_share", share=0.9, floor=0.3, among=_THREE_ORDERS, is_percent=True,
        meaning=f"{{threshold}} of the orders or more {NIGHT_WORDS}, where the top tenth of customers with three "
        "orders or more begins, but never below 30 %.",
    ),
    BuiltInTag(
        name="often returns", field="returns_per_order", share=0.9, floor=0.2,
        among=(*_THREE_ORDERS, _at_least("n_returns", 2)),
        meaning="{threshold} returns per order or more, where the top tenth of customers with three orders and two "
        "returns or more begins, but never below one in five.",
    ),
    BuiltInTag(
        name="one category", field="n_categories",
        among=(*_THREE_ORDERS, Line(field="n_categories", operator="is", values=(1,))),
        meaning="Three orders or more, all from one category.",
    ),
    BuiltInTag(
        name="new", field="days_since_first_order",
        meaning="First order in the last {threshold} days, within which three of four repeat orders of this shop come.",
    ),
    BuiltInTag(
        name="writes reviews", field="n_reviews", share=0.75, floor=2.0, among=(_at_least("n_reviews", 1),),
        meaning="{threshold} reviews or more, where the top quarter of customers who wrote any begins, but never below "
        "two.",
    ),
)  # fmt: skip

BUILT_IN: dict[str, BuiltInTag] = {tag.name: tag for tag in _TAGS}
"""Every built-in tag by its word."""


@dataclass(frozen=True, kw_only=True)
class DrawnTag:
    """A built-in tag in the measure of one shop."""

    name: str
    meaning: str
    rule: Rule


def drawn(tx: Transaction, tag: BuiltInTag, scope: Scope) -> DrawnTag | None:
    """The tag by this shop's own numbers; None where the shop has nothing of what it is about, or no differences in it.

    A limit that half of the customers compared reach tells nobody apart.
    """
    try:
        probe = (*tag.among, Line(field=tag.field, operator="known"))
        check_rule(tx, Rule(parts=probe), scope)
    except NotFound:
        return None
    if tag.name == "new":
        days = tx.value(f"SELECT quantile_disc(gap_days, {REPEAT_SHARE}) FROM orders WHERE gap_days > 0")
        if days is None:
            return None
        lines = (Line(field=tag.field, operator="at_most", values=(int(days),)),)
        return DrawnTag(name=tag.name, meaning=tag.meaning.format(threshold=int(days)), rule=Rule(parts=lines))
    if tag.share is None:
        return DrawnTag(name=tag.name, meaning=tag.meaning, rule=Rule(parts=tag.among))
    found = _quantiles(tx, tag, scope)
    if found is None:
        return None
    middle, threshold = found[0], max(_three_digits(found[1]), tag.floor)
    if threshold <= middle:
        return None
    words = f"{100 * threshold:.3g} %" if tag.is_percent else f"{threshold:,.6g}"
    if FIELDS[tag.field].unit == "currency":
        words = f"{currency_sign(str(tx.setting('currency', '') or ''))}{words}"
    rule = Rule(parts=(_at_least(tag.field, threshold), *tag.among))
    return DrawnTag(name=tag.name, meaning=tag.meaning.format(threshold=words), rule=rule)


def _quantiles(tx: Transaction, tag: BuiltInTag, scope: Scope) -> tuple[float, float] | None:
    """Median and quantile of the deciding field over the customers compared; None where nobody's is known."""
    used = [FIELDS[tag.field], *(FIELDS[line.field] for line in tag.among)]
    facts = frozenset(name for field in used for name in field.facts)
    among = " AND ".join(f"{FIELDS[line.field].sql} >= {float(str(line.values[0]))}" for line in tag.among)
    [(middle, found)] = tx.rows(
        f"SELECT quantile_cont(value, 0.5), quantile_cont(value, {tag.share}) FROM ("
        f"SELECT CAST({FIELDS[tag.field].sql} AS DOUBLE) AS value FROM {facts_relation(tx, facts)} AS f WHERE {among})",
        {"cutoff": scope.as_of},
    )
    return None if found is None else (float(middle), float(found))


def _three_digits(number: float) -> float:
    """A number with three significant digits, so that what is said is what is asked.

    >>> _three_digits(0.123456), _three_digits(1234.5)
    (0.123, 1230.0)
    """
    return round(number, 2 - math.floor(math.log10(abs(number)))) if number else 0.0
