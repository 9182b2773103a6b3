"""Who the simulated customers are: rhythm, tastes, temper - what behaviour is later drawn from.

Traits never change and never enter the warehouse; what a shop would know of a customer (name, country,
consent) is made from them by :func:`customer_table`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from churn_core.intake.simulate_world import (
    ACQUIRED_BY,
    CATEGORIES,
    CATEGORY_SHARE,
    FAMILY_NAMES,
    FASHION,
    GIVEN_NAMES,
    PLACES,
    SECONDS_PER_DAY,
    Calendar,
    Flags,
    Floats,
    Ints,
)

KINDS: tuple[str, ...] = ("frequent small baskets", "steady", "rare large baskets", "bargain hunter")
"""How customers buy; each kind is a place around which the traits scatter, and nobody is told who is which."""
_OTHER_KINDS = (0.32, 0.36, 0.32)
"""Shares of the first three kinds among those who are no bargain hunters."""
_LOG_GAP = (-1.05, 0.1, 1.0, -0.1)
"""Where each kind stands between orders, against a gap of 50 days."""
_LOG_BASKET = (-0.5, 0.0, 0.4, 0.4)
"""How large its baskets are."""
_GAP_SPREAD = 0.27
"""Spread of the log gap within a kind; with the kinds' own places it comes to .78 over all customers."""
_BASKET_SPREAD = 0.22


@dataclass(frozen=True, kw_only=True)
class Traits:
    """What drives each customer of a chunk; arrays of equal length."""

    customer_ids: list[str]
    """Ids as the warehouse holds them."""
    kind: Ints
    """Index into KINDS: what shifts the gap, the basket and the taste for discounts."""
    joined_day: Floats
    """Day of the first order, counted from the start of the history."""
    is_old: Flags
    """Whether the account is older than the history."""
    n_orders_before: Ints
    """Orders before the history starts; 0 for new accounts."""
    own_gap_days: Floats
    """Mean days between orders while the customer is engaged, in a season of average busyness."""
    regularity: Floats
    """Shape of the gamma distribution of gaps: 1 is random, 5 is close to clockwork."""
    frailty: Floats
    """Personal part of the log hazard of losing interest."""
    bargain: Floats
    """Chance that an order is made with a discount."""
    critical: Floats
    """Chance of writing a review after an order."""
    return_rate: Floats
    """Chance of sending a faultless order back."""
    visits_per_gap: Floats
    """Visits without an order per own gap."""
    open_rate: Floats
    """Chance of opening a newsletter while engaged."""
    has_consent: Flags
    """Whether e-mail marketing was allowed at the start."""
    basket: Floats
    """Size of baskets relative to the shop's mean."""
    main_category: Ints
    """Index of the category bought most."""
    focus: Floats
    """Share of articles from the main category."""
    place: Ints
    """Index into PLACES."""
    acquired_by: Ints
    """Index into ACQUIRED_BY."""
    has_card: Flags
    """Whether the customer carries a loyalty card."""
    refusal_chance: Floats
    """Luck in [0, 1) that decides whether the customer ever takes consent back."""
    refusal_wait: Floats
    """How long that takes, as a multiple of the mean."""

    @property
    def n_customers(self) -> int:
        """Customers in the chunk."""
        return len(self.customer_ids)

    @property
    def speaks_chinese(self) -> Flags:
        """Whether reviews and tickets are written in Chinese."""
        return np.array([place[2] == "zh" for place in PLACES])[self.place]


def draw_traits(first_number: int, n: int, n_days: int, rng: np.random.Generator) -> Traits:
    """The customers numbered from ``first_number``."""
    is_old = rng.random(n) < 0.45
    joined = np.where(is_old, rng.uniform(0, 100, n), n_days * rng.beta(1.0, 1.1, n) * 0.997)
    main_category = rng.choice(len(CATEGORIES), n, p=CATEGORY_SHARE)
    n_orders_before = np.where(is_old, 1 + rng.poisson(5.0, n), 0)
    log_gap = _GAP_SPREAD * rng.standard_normal(n)
    regularity = np.exp(rng.uniform(np.log(0.9), np.log(2.6), n))
    frailty = rng.normal(0.0, 0.35, n)
    hunts = rng.random(n) < 0.22
    others = rng.spawn(1)[0].choice(len(_OTHER_KINDS), n, p=_OTHER_KINDS)
    kind = np.where(hunts, KINDS.index("bargain hunter"), others)
    return Traits(
        customer_ids=[f"C-{number:07d}" for number in range(first_number, first_number + n)],
        kind=kind,
        joined_day=np.minimum(joined, n_days - 1.0),
        is_old=is_old,
        n_orders_before=n_orders_before,
        own_gap_days=np.clip(50.0 * np.exp(np.array(_LOG_GAP)[kind] + log_gap), 7.0, 240.0),
        regularity=regularity,
        frailty=frailty,
        bargain=np.where(hunts, rng.beta(6, 2, n), rng.beta(1.2, 7, n)),
        critical=rng.beta(1.2, 8, n),
        return_rate=rng.beta(1.2, 28, n) + 0.06 * (main_category == FASHION),
        visits_per_gap=np.clip(rng.lognormal(np.log(1.25), 0.6, n), 0.2, 8.0),
        open_rate=rng.beta(2.5, 4.0, n),
        has_consent=rng.random(n) < 0.78,
        basket=np.exp(0.1 + np.array(_LOG_BASKET)[kind] + _BASKET_SPREAD * rng.standard_normal(n)),
        main_category=main_category,
        focus=rng.beta(3, 3, n),
        place=rng.choice(len(PLACES), n, p=[place[1] for place in PLACES]),
        acquired_by=rng.choice(len(ACQUIRED_BY), n, p=(0.42, 0.24, 0.14, 0.2)),
        has_card=rng.random(n) < 0.35,
        refusal_chance=rng.random(n),
        refusal_wait=rng.exponential(1.0, n),
    )


def customer_table(
    traits: Traits, consent_today: Flags, first_number: int, calendar: Calendar, rng: np.random.Generator
) -> pa.Table:
    """The customers as the shop knows them today."""
    n = traits.n_customers
    given = rng.integers(len(GIVEN_NAMES), size=n)
    family = rng.integers(len(FAMILY_NAMES), size=n)
    city = rng.random(n)
    before = np.where(traits.is_old, rng.exponential(420.0, n), rng.exponential(0.3, n))
    signup_seconds = ((np.floor(traits.joined_day) - before) * SECONDS_PER_DAY).astype(np.int64)
    names = [(GIVEN_NAMES[g], FAMILY_NAMES[f]) for g, f in zip(given, family, strict=True)]
    numbers = range(first_number, first_number + n)
    places = [PLACES[index] for index in traits.place]
    attributes = [
        f'{{"acquired_by": "{ACQUIRED_BY[source]}", "loyalty_card": {"true" if card else "false"}}}'
        for source, card in zip(traits.acquired_by, traits.has_card, strict=True)
    ]
    return pa.table(
        {
            "customer_id": traits.customer_ids,
            "name": [f"{g} {f}" for g, f in names],
            "email": [f"{g}.{f}.{number}@example.org".lower() for (g, f), number in zip(names, numbers, strict=True)],
            "phone": [f"+{place[3]} 555 {number:07d}" for place, number in zip(places, numbers, strict=True)],
            "country": [place[0] for place in places],
            "city": [place[4][int(share * len(place[4]))] for place, share in zip(places, city, strict=True)],
            "language": [place[2] for place in places],
            "signup_time": pa.array(calendar.microseconds(signup_seconds), pa.timestamp("us")),
            "email_consent": consent_today,
            "attributes": attributes,
        }
    )
