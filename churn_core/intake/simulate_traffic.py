"""What simulated customers do between orders: visits to the shop and newsletters.

Attention fades as soon as interest is lost, weeks before orders stop: that is the early signal in the data.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from churn_core.intake.simulate_basket import Baskets, coded, customer_column, numbered, times
from churn_core.intake.simulate_campaign import ARMS, CAMPAIGN, CAMPAIGN_DAYS_BEFORE_END
from churn_core.intake.simulate_customers import Traits
from churn_core.intake.simulate_life import Life
from churn_core.intake.simulate_world import (
    CATEGORIES,
    CATEGORY_SHARE,
    N_PRODUCTS_PER_CATEGORY,
    SECONDS_PER_DAY,
    Calendar,
    Flags,
    Floats,
    Ints,
    clock_seconds,
    product_ids,
)

KINDS: tuple[str, ...] = ("visit", "search", "view", "wishlist", "cart")
_SECONDS_PER_STEP = 45
_NEWSLETTER_EVERY_DAYS = 28


@dataclass(frozen=True, kw_only=True)
class _Visits:
    """Visits of a chunk, by customer and time; arrays of equal length."""

    customer: Ints
    seconds: Ints
    """Start of the visit."""
    category: Ints
    has_cart: Flags


def event_table(
    life: Life, baskets: Baskets, traits: Traits, calendar: Calendar, first_number: int, rng: np.random.Generator
) -> pa.Table:
    """The table ``events``."""
    visits = _all_visits(life, baskets, traits, calendar, rng)
    n = visits.customer.size
    has_search, has_wish = rng.random(n) < 0.22, rng.random(n) < 0.05
    n_views = 1 + rng.poisson(1.1, n)
    n_steps = 1 + has_search + n_views + has_wish + visits.has_cart
    first = np.concatenate([[0], np.cumsum(n_steps)[:-1]])
    visit = np.repeat(np.arange(n), n_steps)
    kind = np.full(visit.size, KINDS.index("view"), np.int64)
    kind[first] = KINDS.index("visit")
    kind[first[has_search] + 1] = KINDS.index("search")
    last = first + n_steps - 1
    kind[last[visits.has_cart]] = KINDS.index("cart")
    kind[(last - visits.has_cart)[has_wish]] = KINDS.index("wishlist")
    step = np.arange(visit.size) - first[visit]
    seconds = visits.seconds[visit] + step * _SECONDS_PER_STEP + rng.integers(0, 40, visit.size)
    category = visits.category[visit]
    product = category * N_PRODUCTS_PER_CATEGORY + rng.integers(N_PRODUCTS_PER_CATEGORY, size=visit.size)
    no_product = kind <= KINDS.index("search")
    return pa.table(
        {
            "customer_id": customer_column(traits, visits.customer[visit]),
            "event_id": numbered("E-", first_number, visit.size, 12),
            "event_time": times(calendar, seconds),
            "kind": coded(KINDS, kind),
            "product_id": _coded_or_empty(product_ids(), product, no_product),
            "category": _coded_or_empty(CATEGORIES, category, kind == KINDS.index("visit")),
            "session_id": pa.DictionaryArray.from_arrays(
                pa.array(visit.astype(np.int32)), numbered("S-", first_number, n, 12)
            ),
        }
    )


def _all_visits(life: Life, baskets: Baskets, traits: Traits, calendar: Calendar, rng: np.random.Generator) -> _Visits:
    """Visits that end in an order, visits shortly before one, and all others."""
    orders = life.orders
    n_orders = orders.customer.size
    order_category = baskets.product[baskets.first_line] // N_PRODUCTS_PER_CATEGORY
    before = rng.random(n_orders) < 0.4
    lead_seconds = (rng.uniform(0.3, 4.0, n_orders) * SECONDS_PER_DAY).astype(np.int64)
    other_customer, other_seconds = _other_visits(life, traits, calendar, rng)
    from_main = rng.random(other_customer.size) < traits.focus[other_customer]
    other_category = np.where(
        from_main,
        traits.main_category[other_customer],
        rng.choice(len(CATEGORIES), other_customer.size, p=CATEGORY_SHARE),
    )
    customer = np.concatenate([orders.customer, orders.customer[before], other_customer])
    seconds = np.concatenate([orders.seconds - 600, (orders.seconds - lead_seconds)[before], other_seconds])
    category = np.concatenate([order_category, order_category[before], other_category])
    has_cart = np.concatenate(
        [np.ones(n_orders, bool), rng.random(before.sum()) < 0.35, rng.random(other_customer.size) < 0.13]
    )
    inside = (seconds > 0) & (seconds < calendar.n_days * SECONDS_PER_DAY - 900)
    order = np.lexsort((seconds[inside], customer[inside]))
    return _Visits(
        customer=customer[inside][order],
        seconds=seconds[inside][order],
        category=category[inside][order],
        has_cart=has_cart[inside][order],
    )


def _other_visits(life: Life, traits: Traits, calendar: Calendar, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Customer and second of visits that are not about an order: a Poisson process thinned by attention."""
    start = calendar.to_season_time(traits.joined_day)
    span = calendar.busy_until[-1] - start
    expected = traits.visits_per_gap * span / traits.own_gap_days
    n_visits = rng.poisson(expected)
    customer = np.repeat(np.arange(traits.n_customers), n_visits)
    day = calendar.from_season_time(start[customer] + rng.random(customer.size) * span[customer])
    kept = rng.random(customer.size) < life.interest(customer, day)
    customer, day = customer[kept], day[kept]
    return customer, np.floor(day).astype(np.int64) * SECONDS_PER_DAY + clock_seconds(customer.size, rng)


def contact_table(
    life: Life, traits: Traits, calendar: Calendar, first_number: int, rng: np.random.Generator
) -> tuple[pa.Table, Flags]:
    """The table ``contacts`` and who still allows e-mail today."""
    names, days = _mailings(calendar)
    mailing, customer = np.divmod(np.arange(len(days) * traits.n_customers), traits.n_customers)
    day = days[mailing]
    refused = _refused(life, traits, calendar)
    reached = traits.has_consent[customer] & (day > traits.joined_day[customer]) & (day < refused[customer])
    gets_offer = np.zeros(traits.n_customers, bool)
    gets_offer[life.met.customer] = life.met.arm == ARMS.index("voucher")
    reached &= (mailing < len(days) - 1) | gets_offer[customer]
    mailing, customer, day = mailing[reached], customer[reached], day[reached]
    attention = life.interest(customer, day)
    opened = rng.random(customer.size) < traits.open_rate[customer] * (0.08 + 0.92 * attention)
    clicked = opened & (rng.random(customer.size) < 0.1 + 0.15 * attention)
    sent_at = np.floor(day).astype(np.int64) * SECONDS_PER_DAY + 8 * 3600 + rng.integers(0, 1800, day.size)
    opened_at = sent_at + rng.exponential(9 * 3600, day.size).astype(np.int64) + 60
    leavers = np.flatnonzero(np.isfinite(refused) & traits.has_consent)
    stopped_at = np.floor(refused[leavers]).astype(np.int64) * SECONDS_PER_DAY + clock_seconds(leavers.size, rng)
    who = np.concatenate([customer, customer[opened], customer[clicked], leavers])
    what = np.repeat(np.arange(4), [customer.size, opened.sum(), clicked.sum(), leavers.size])
    when = np.concatenate([sent_at, opened_at[opened], opened_at[clicked] + 30, stopped_at])
    which = np.concatenate([mailing, mailing[opened], mailing[clicked], np.full(leavers.size, len(days))])
    known = (when < calendar.n_days * SECONDS_PER_DAY) & (when > 0)
    order = np.lexsort((when[known], who[known]))
    who, what, when, which = who[known][order], what[known][order], when[known][order], which[known][order]
    table = pa.table(
        {
            "customer_id": customer_column(traits, who),
            "contact_id": numbered("M-", first_number, who.size),
            "contact_time": times(calendar, when),
            "kind": coded(("sent", "opened", "clicked", "unsubscribed"), what),
            "channel": coded(("email",), np.zeros(who.size, np.int64)),
            "campaign": _coded_or_empty(names, which, which == len(days)),
        }
    )
    return table, traits.has_consent & (refused >= calendar.n_days)


def _mailings(calendar: Calendar) -> tuple[list[str], Floats]:
    """Names and days of all newsletters, and of the campaign last."""
    days = np.arange(10, calendar.n_days, _NEWSLETTER_EVERY_DAYS)
    names = [f"Newsletter {number:02d}" for number in range(1, days.size + 1)]
    return [*names, CAMPAIGN], np.append(days, calendar.n_days - CAMPAIGN_DAYS_BEFORE_END).astype(float)


def _refused(life: Life, traits: Traits, calendar: Calendar) -> Floats:
    """Day on which a customer unsubscribes; half of those whom the offer put off do so soon, nobody met did before."""
    day = life.refused_day.copy()
    campaign_day = calendar.n_days - CAMPAIGN_DAYS_BEFORE_END
    who = life.met.customer
    at_once = life.met.is_put_off & (traits.refusal_chance[who] < 0.5)
    soon = campaign_day + 1 + 4 * traits.refusal_wait[who]
    day[who] = np.where(at_once, soon, np.maximum(day[who], campaign_day + 1))
    return day


def _coded_or_empty(values: list[str] | tuple[str, ...], index: Ints, is_empty: Flags) -> pa.DictionaryArray:
    codes = pa.array(np.where(is_empty, 0, index).astype(np.int32), mask=is_empty)
    return pa.DictionaryArray.from_arrays(codes, pa.array(list(values)))
