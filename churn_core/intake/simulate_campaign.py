"""The randomised campaign of the simulated shop: who is met, who answers in which way, and what the offer changes.

How a customer answers follows from what a shop can see - bargain hunters whose orders are late can be won, customers
in their rhythm buy anyway, the long gone do not answer, those who seldom open mail are put off - with luck on top, so
that it can be learnt but not known, and not from the risk alone. Everyone who is met lives on twice, with the offer
and without it, with the same luck: the shop sees the life of the arm, the ground truth both.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from math import ceil

import numpy as np

from churn_core.intake.simulate_behaviour import (
    NEVER,
    State,
    draw_chances,
    late_rate,
    next_order,
    place_orders,
    refuses_from,
)
from churn_core.intake.simulate_customers import Traits
from churn_core.intake.simulate_world import SECONDS_PER_DAY, Calendar, Flags, Floats, Ints

CAMPAIGN = "Win-back voucher"
CAMPAIGN_SALT = "win-back-voucher-1"
"""The campaign's id and the salt of its draw: bucket = first 64 bits of sha256(salt ":" customer_id) / 2**64."""
CAMPAIGN_DAYS_BEFORE_END = 170
WINDOW_DAYS = 60
"""How long the voucher is valid, and how long outcomes are counted."""
SILENT_DAYS = (30, 240)
"""The campaign is for customers whose last order is so many days ago."""
ARMS: tuple[str, ...] = ("", "control", "voucher")

GROUPS: tuple[str, ...] = ("persuadable", "sure thing", "lost cause", "do not disturb")
"""Planted responses to the offer: comes back because of it, orders anyway, never answers, is put off by it."""

HOLDOUT_SALT = "holdout-1"
HOLDOUT_DAYS_BEFORE_END = 365
"""The global holdout begins so many days before the end."""
_HOLDOUT_SHARE = 0.05
_HELD_OUT_LEAST = 1_250
"""Of all customers who ever come; at least 1,000 of them were there when the holdout began."""
_HOLDOUT_SHARE_MOST = 0.2

_RETURNS = 0.85
_RETURNS_AFTER_LEAVING = 0.4
_ANNOYED = 0.5


def campaign_bucket(customer_id: str, salt: str = CAMPAIGN_SALT) -> float:
    """Where a customer falls in [0, 1) when arms are drawn, and for the holdout with its salt.

    >>> campaign_bucket("C-0000001") == campaign_bucket("C-0000001")
    True
    """
    return int.from_bytes(hashlib.sha256(f"{salt}:{customer_id}".encode()).digest()[:8], "big") / 2**64


def holdout_share(n_customers: int) -> float | None:
    """Share of customers kept out of every campaign; None in a shop too small for a holdout that could tell anything.

    >>> holdout_share(100_000), holdout_share(20_000), holdout_share(4_000)
    (0.05, 0.07, None)
    """
    share = max(_HOLDOUT_SHARE, ceil(100 * _HELD_OUT_LEAST / n_customers) / 100)
    return share if share <= _HOLDOUT_SHARE_MOST else None


@dataclass(frozen=True, kw_only=True)
class Bought:
    """What those who were met order within the window in one of their two lives; arrays of equal length."""

    orders: Ints
    with_voucher: Ints
    """Orders made with the voucher."""
    with_discount: Ints
    """Orders with another discount."""


@dataclass(frozen=True, kw_only=True)
class Met:
    """Those the campaign met; arrays of equal length."""

    customer: Ints
    """Index of the customer in the chunk."""
    arm: Ints
    """Index into ARMS."""
    group: Ints
    """Index into GROUPS."""
    had_left: Flags
    """Whether the customer had left before the campaign."""
    responded: Flags
    """Whether the offer changed what the customer did: came back, or left. False in the control arm."""
    with_offer: Bought
    """Bought with the offer, whatever the arm."""
    without_offer: Bought
    """Bought without the offer, whatever the arm."""

    @property
    def is_put_off(self) -> Flags:
        """Whether the offer made the customer leave."""
        return self.responded & (self.group == GROUPS.index("do not disturb"))


def is_met(active: Ints, upcoming: Floats, state: State, traits: Traits, day: float, holdout: float | None) -> Flags:
    """Which of the active customers the campaign meets between two orders; they allow mail and are not held out."""
    since = day - state.last_day[active]
    silent = (upcoming >= day) | (upcoming >= state.left[active])
    met = silent & (since >= SILENT_DAYS[0]) & (since <= SILENT_DAYS[1]) & traits.has_consent[active]
    candidates = active[met]
    faded = np.where(state.fading[candidates] <= day, state.fading[candidates], NEVER)
    refused = np.minimum(state.refused[candidates], refuses_from(candidates, faded, traits))
    met[met] = refused > day
    if holdout is not None:
        ids = [traits.customer_ids[index] for index in active[met]]
        met[met] = np.array([campaign_bucket(one, HOLDOUT_SALT) for one in ids]) >= holdout
    return met


def live_on(
    audience: Ints, upcoming: Floats, state: State, traits: Traits, calendar: Calendar, seed: np.random.SeedSequence
) -> Met:
    """Let everyone who was met live on as their arm does, changing ``state``; ``upcoming`` is the next order as it was.

    All of them live twice, from the same seed: with the offer and without it.
    """
    of_luck, of_life = seed.spawn(2)
    day = float(calendar.n_days - CAMPAIGN_DAYS_BEFORE_END)
    had_left = state.left[audience] <= day
    buckets = np.array([campaign_bucket(traits.customer_ids[index]) for index in audience])
    is_voucher = buckets >= 0.5
    with_offer, without = state.without_orders(), state.without_orders()
    luck = np.random.default_rng(of_luck)
    group = _groups(audience, state, traits, day, luck)
    first, responds = _answer(audience, upcoming, group, with_offer, day, luck)
    _follow(audience, first, with_offer, traits, calendar, of_life)
    _follow(audience, upcoming, without, traits, calendar, of_life)
    met = Met(
        customer=audience,
        arm=np.where(is_voucher, ARMS.index("voucher"), ARMS.index("control")),
        group=group,
        had_left=had_left,
        responded=responds & is_voucher,
        with_offer=_bought(audience, with_offer, day),
        without_offer=_bought(audience, without, day),
    )
    _take_over(state, with_offer, audience[is_voucher])
    _take_over(state, without, audience[~is_voucher])
    return met


def _groups(audience: Ints, state: State, traits: Traits, day: float, luck: np.random.Generator) -> Ints:
    """Who answers in which way: what can be seen of a customer, and luck (largest score plus Gumbel noise)."""
    late = np.log((day - state.last_day[audience]) / traits.own_gap_days[audience])
    bargain = np.minimum(traits.bargain[audience], 0.6) / 0.6
    opens = (traits.open_rate[audience] - 0.385) / 0.175
    regular = np.log(traits.regularity[audience] / 1.5)
    scores = np.column_stack(
        [
            -1.0 + 4.8 * bargain - 1.5 * (late - 0.6) ** 2,
            0.05 - 1.6 * late + 0.9 * opens + 1.0 * regular,
            -1.3 + 3.0 * (late - 0.5),
            -1.45 - 1.9 * opens - 1.2 * bargain,
        ]
    )
    return (scores + luck.gumbel(size=scores.shape)).argmax(axis=1)


def _answer(
    audience: Ints, upcoming: Floats, group: Ints, state: State, day: float, luck: np.random.Generator
) -> tuple[Floats, Flags]:
    """What the offer does at once: the next order of everyone, and whose life it changes."""
    chance, wait = luck.random(audience.size), 1.0 + luck.exponential(7.0, audience.size)
    has_left = state.left[audience] <= day
    back_at = np.floor(day + wait)
    would_come = chance < np.where(has_left, _RETURNS_AFTER_LEAVING, _RETURNS)
    returns = (group == GROUPS.index("persuadable")) & would_come & ((upcoming > back_at) | has_left)
    annoyed = (group == GROUPS.index("do not disturb")) & (chance < _ANNOYED) & ~has_left
    state.offer_until[audience[~annoyed]] = day + WINDOW_DAYS - 1
    turned = audience[returns | annoyed]
    state.fading_before[turned], state.left_before[turned] = state.fading[turned], state.left[turned]
    state.turned_day[turned] = np.where(returns, back_at, day + 1)[returns | annoyed]
    state.recovered_day[turned] = np.minimum(state.recovered_day[turned], state.turned_day[turned])
    state.fading[audience[returns]] = state.left[audience[returns]] = NEVER
    state.fading[audience[annoyed]] = state.left[audience[annoyed]] = day + 1
    return np.where(returns, back_at, upcoming), returns | annoyed


def _follow(
    audience: Ints, upcoming: Floats, state: State, traits: Traits, calendar: Calendar, seed: np.random.SeedSequence
) -> None:
    """Live to the end; chances are drawn for all at every round, so that the k-th order always has the same luck."""
    rng, late, due = np.random.default_rng(seed), late_rate(calendar), upcoming.copy()
    while (alive := (due < calendar.n_days) & (due < state.left[audience])).any():
        chances = draw_chances(traits.regularity[audience], rng).among(alive)
        active = audience[alive]
        state.last_day[active] = due[alive]
        place_orders(active, state, traits, late, chances)
        due[~alive] = NEVER
        due[alive] = next_order(active, state, traits, calendar, chances)


def _bought(audience: Ints, state: State, day: float) -> Bought:
    """Orders within the window by customer."""
    place = np.full(state.left.size, -1)
    place[audience] = np.arange(audience.size)
    count = {name: np.zeros(audience.size, np.int64) for name in ("orders", "with_voucher", "with_discount")}
    for orders in state.rounds:
        within = (orders["seconds"] >= day * SECONDS_PER_DAY) & (
            orders["seconds"] < (day + WINDOW_DAYS) * SECONDS_PER_DAY
        )
        who = place[orders["customer"]]
        np.add.at(count["orders"], who[within], 1)
        np.add.at(count["with_voucher"], who[within & orders["is_offer"]], 1)
        np.add.at(count["with_discount"], who[within & orders["has_discount"] & ~orders["is_offer"]], 1)
    return Bought(**count)


def _take_over(state: State, lived: State, customers: Ints) -> None:
    """What became of some customers in one of their lives becomes what the shop sees."""
    for name in (entry.name for entry in fields(State) if entry.name != "rounds"):
        getattr(state, name)[customers] = getattr(lived, name)[customers]
    chosen = np.zeros(state.left.size, bool)
    chosen[customers] = True
    for orders in lived.rounds:
        kept = chosen[orders["customer"]]
        state.rounds.append({name: column[kept] for name, column in orders.items()})
