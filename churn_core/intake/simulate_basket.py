"""What is in the simulated orders: lines, amounts, discounts, returns.

Amounts are whole cents until the table is made, so that the lines of an order sum to it exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from churn_core.intake.simulate_behaviour import Orders
from churn_core.intake.simulate_customers import Traits
from churn_core.intake.simulate_world import (
    CATEGORIES,
    CATEGORY_SHARE,
    N_PRODUCTS_PER_CATEGORY,
    SECONDS_PER_DAY,
    Calendar,
    Floats,
    Ints,
    product_ids,
    product_names,
    product_price_cents,
)

CHANNELS: tuple[str, ...] = ("web", "app", "phone")
_DISCOUNTS = np.array([0.1, 0.15, 0.2, 0.3])
_OFFER = 0.1


@dataclass(frozen=True, kw_only=True)
class Baskets:
    """The lines of a chunk's orders, by order; arrays of equal length unless said otherwise."""

    order: Ints
    """Index of the order."""
    line_no: Ints
    product: Ints
    """Index into the catalogue."""
    quantity: Ints
    cents: Ints
    """What was paid for the line."""
    discount_cents: Ints
    first_line: Ints
    """Index of each order's first line (one per order)."""


def fill_baskets(orders: Orders, traits: Traits, rng: np.random.Generator) -> Baskets:
    """Draw the lines of every order."""
    n_orders = orders.customer.size
    n_lines = 1 + rng.poisson(0.75 + 0.45 * np.minimum(traits.basket[orders.customer], 3.0))
    order = np.repeat(np.arange(n_orders), n_lines)
    first_line = np.concatenate([[0], np.cumsum(n_lines)[:-1]])
    customer = orders.customer[order]
    n = order.size
    from_main = rng.random(n) < traits.focus[customer]
    other = rng.choice(len(CATEGORIES), n, p=CATEGORY_SHARE)
    category = np.where(from_main, traits.main_category[customer], other)
    taste = np.clip(traits.basket[customer] * rng.random(n) * 0.9, 0.0, 0.999)
    product = category * N_PRODUCTS_PER_CATEGORY + (taste * N_PRODUCTS_PER_CATEGORY).astype(np.int64)
    quantity = 1 + rng.poisson(0.35 * traits.basket[customer])
    gross = product_price_cents()[product] * quantity
    rate = _DISCOUNTS[rng.integers(len(_DISCOUNTS), size=n_orders)]
    rate = np.where(orders.is_offer, _OFFER, rate) * orders.has_discount
    discount = np.round(gross * rate[order]).astype(np.int64)
    return Baskets(
        order=order,
        line_no=np.arange(n) - first_line[order] + 1,
        product=product,
        quantity=quantity,
        cents=gross - discount,
        discount_cents=discount,
        first_line=first_line,
    )


def expected_amounts(traits: Traits, customer: Ints) -> tuple[Floats, float, float]:
    """What an order of a customer is worth on average before discounts, with the mean rates of voucher and discount."""
    basket = traits.basket[customer]
    luck = (np.arange(40) + 0.5) / 40
    step = (np.clip(np.outer(basket, luck) * 0.9, 0.0, 0.999) * N_PRODUCTS_PER_CATEGORY).astype(np.int64)
    price = product_price_cents().reshape(len(CATEGORIES), N_PRODUCTS_PER_CATEGORY) / 100
    focus = traits.focus[customer]
    from_main = price[traits.main_category[customer][:, None], step].mean(axis=1)
    from_any = (np.array(CATEGORY_SHARE) @ price)[step].mean(axis=1)
    n_lines, quantity = 1.75 + 0.45 * np.minimum(basket, 3.0), 1 + 0.35 * basket
    return n_lines * quantity * (focus * from_main + (1 - focus) * from_any), _OFFER, float(_DISCOUNTS.mean())


def customer_column(traits: Traits, index: Ints) -> pa.DictionaryArray:
    """Customer ids by index, without repeating the text."""
    return coded(traits.customer_ids, index)


def coded(values: list[str] | tuple[str, ...], index: Ints) -> pa.DictionaryArray:
    """Texts by index, without repeating them."""
    return pa.DictionaryArray.from_arrays(pa.array(index.astype(np.int32)), pa.array(list(values)))


def numbered(prefix: str, first: int, n: int, width: int = 9) -> pa.Array:
    """Ids that count from ``first``: the prefix and a number of fixed width."""
    return pa.array([f"{prefix}{number:0{width}d}" for number in range(first, first + n)])


def times(calendar: Calendar, seconds: Ints) -> pa.Array:
    """Seconds since the start of the history as timestamps."""
    return pa.array(calendar.microseconds(seconds), pa.timestamp("us"))


def order_tables(
    orders: Orders, baskets: Baskets, traits: Traits, calendar: Calendar, first_number: int, rng: np.random.Generator
) -> dict[str, pa.Table]:
    """The tables ``orders``, ``order_lines`` and ``returns``."""
    n = orders.customer.size
    ids = numbered("A-", first_number, n)
    amount = np.add.reduceat(baskets.cents, baskets.first_line)
    products, names = product_ids(), product_names()
    category = baskets.product // N_PRODUCTS_PER_CATEGORY
    order_table = pa.table(
        {
            "customer_id": customer_column(traits, orders.customer),
            "order_id": ids,
            "order_time": times(calendar, orders.seconds),
            "amount": _money(amount),
            "n_items": np.add.reduceat(baskets.quantity, baskets.first_line).astype(float),
            "discount_amount": _money(np.add.reduceat(baskets.discount_cents, baskets.first_line)),
            "channel": coded(CHANNELS, rng.choice(len(CHANNELS), n, p=(0.6, 0.37, 0.03))),
            "n_lines": np.add.reduceat(np.ones_like(baskets.order), baskets.first_line),
        }
    )
    lines = pa.table(
        {
            "order_id": pa.DictionaryArray.from_arrays(pa.array(baskets.order.astype(np.int32)), ids),
            "line_no": baskets.line_no,
            "customer_id": customer_column(traits, orders.customer[baskets.order]),
            "order_time": times(calendar, orders.seconds[baskets.order]),
            "product_id": coded(products, baskets.product),
            "product_name": coded(names, baskets.product),
            "category": coded(CATEGORIES, category),
            "quantity": baskets.quantity.astype(float),
            "unit_price": _money(product_price_cents()[baskets.product]),
            "amount": _money(baskets.cents),
            "discount_amount": _money(baskets.discount_cents),
        }
    )
    returns = _returns(orders, baskets, amount, traits, calendar, first_number, rng)
    return {"orders": order_table, "order_lines": lines, "returns": returns}


def _returns(
    orders: Orders,
    baskets: Baskets,
    amount: Ints,
    traits: Traits,
    calendar: Calendar,
    first_number: int,
    rng: np.random.Generator,
) -> pa.Table:
    sent_back = np.flatnonzero(orders.is_returned)
    seconds = orders.seconds[sent_back] + (rng.uniform(3, 18, sent_back.size) * SECONDS_PER_DAY).astype(np.int64)
    is_whole = rng.random(sent_back.size) < 0.45
    first_line_cents = baskets.cents[baskets.first_line[sent_back]]
    cents = np.where(is_whole, amount[sent_back], first_line_cents)
    arrived = seconds < calendar.n_days * SECONDS_PER_DAY
    chosen = sent_back[arrived]
    return pa.table(
        {
            "customer_id": customer_column(traits, orders.customer[chosen]),
            "return_id": numbered("R-", first_number, chosen.size),
            "return_time": times(calendar, seconds[arrived]),
            "amount": _money(cents[arrived]),
            "order_id": pa.array([f"A-{first_number + index:09d}" for index in chosen]),
        }
    )


def _money(cents: Ints) -> Floats:
    return cents / 100.0
