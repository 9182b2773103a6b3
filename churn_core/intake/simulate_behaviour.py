"""How simulated customers order, get annoyed, lose interest and leave.

A customer orders in a rhythm of their own. Each order brings an experience (late parcel, fault, slow answer,
return, discount); experiences set a daily hazard of losing interest. Who has lost interest browses less at once,
orders later than usual, and a few weeks on leaves for good - or, now and then, comes back. After leaving
nobody orders. All orders of rank k of a chunk are drawn together, so the work grows with the number of orders.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np

from churn_core.intake.simulate_customers import GROUPS, Traits
from churn_core.intake.simulate_world import ACQUIRED_BY, SECONDS_PER_DAY, Calendar, Flags, Floats, Ints, clock_seconds

CAMPAIGN = "Win-back voucher"
CAMPAIGN_SALT = "win-back-voucher-1"
"""Salt of the randomisation: bucket = first 64 bits of sha256(salt ":" customer_id) / 2**64."""
CAMPAIGN_DAYS_BEFORE_END = 170
ARMS: tuple[str, ...] = ("", "control", "voucher")

CAUSES: tuple[str, ...] = (
    "first_order", "slow_answer", "bad_experience", "returns", "discounts", "long_gaps", "marketplace",
)  # fmt: skip
"""Causes of losing interest, in the order of the columns of ``Life.causes``."""

_LOG_BASE_HAZARD = float(np.log(1 / 560))
_SLOW_ANSWER_HOURS = 48.0
_MEMORY = 0.5
_NEVER = np.inf


@dataclass(frozen=True, kw_only=True)
class Orders:
    """Every order of a chunk, by time, with the experience it brought; arrays of equal length."""

    customer: Ints
    """Index of the customer in the chunk."""
    seconds: Ints
    """When, in seconds since the start of the history."""
    rank: Ints
    """1 for the customer's first order ever; older accounts have ordered before the history starts."""
    has_discount: Flags
    is_offer: Flags
    """Whether it was made with the campaign's voucher."""
    is_late: Flags
    """Whether the parcel came late."""
    is_faulty: Flags
    """Whether something was wrong with it."""
    is_returned: Flags
    has_ticket: Flags
    """Whether the customer turned to customer service."""
    answer_hours: Floats
    """Hours until the first answer, if there is a ticket."""
    hazard: Floats
    """Daily hazard of losing interest after this order: ground truth."""


@dataclass(frozen=True, kw_only=True)
class Life:
    """What became of the customers of a chunk; days count from the start of the history, inf means never."""

    orders: Orders
    fading_day: Floats
    """When interest was lost for the last time."""
    left_day: Floats
    """When the customer left."""
    recovered_from: Floats
    """Start of the last spell of lost interest that passed."""
    recovered_day: Floats
    """End of it."""
    causes: Floats
    """Parts of the log hazard at the last order (n_customers, n_causes)."""
    hazard: Floats
    """Daily hazard of losing interest after the last order."""
    arm: Ints
    """Index into ARMS."""
    responded: Flags
    """Whether the offer changed or hastened what the customer did."""

    def interest(self, customer: Ints, day: Floats) -> Floats:
        """How much of a customer's usual attention is left at a day, in [0, 1]."""
        fading = np.exp(-np.maximum(day - self.fading_day[customer], 0.0) / 26.0)
        level = np.where(day >= self.left_day[customer], 0.14, np.maximum(fading, 0.25))
        spell = (day >= self.recovered_from[customer]) & (day < self.recovered_day[customer])
        return np.where(spell, np.minimum(level, 0.3), level)


def campaign_bucket(customer_id: str, salt: str = CAMPAIGN_SALT) -> float:
    """Where a customer falls in [0, 1) when arms are drawn.

    >>> campaign_bucket("C-0000001") == campaign_bucket("C-0000001")
    True
    """
    return int.from_bytes(hashlib.sha256(f"{salt}:{customer_id}".encode()).digest()[:8], "big") / 2**64


@dataclass
class _State:
    """What changes while a chunk lives; arrays over all its customers."""

    last_day: Floats
    fading: Floats
    left: Floats
    recovered_from: Floats
    recovered_day: Floats
    causes: Floats
    hazard: Floats
    memory: Floats
    n_orders: Ints
    n_discounted: Ints
    arm: Ints
    responded: Flags
    offer_until: Floats
    rounds: list[dict[str, np.ndarray]] = field(default_factory=list)


def live(traits: Traits, calendar: Calendar, rng: np.random.Generator) -> Life:
    """The orders and the fate of a chunk of customers."""
    n = traits.n_customers
    never = np.full(n, _NEVER)
    state = _State(
        last_day=np.floor(traits.joined_day),
        fading=never.copy(),
        left=never.copy(),
        recovered_from=never.copy(),
        recovered_day=never.copy(),
        causes=np.zeros((n, len(CAUSES))),
        hazard=np.zeros(n),
        memory=np.zeros((n, 3)),
        n_orders=traits.n_orders_before.copy(),
        n_discounted=np.round(traits.bargain * traits.n_orders_before).astype(np.int64),
        arm=np.zeros(n, np.int64),
        responded=np.zeros(n, bool),
        offer_until=np.full(n, -1.0),
    )
    campaign_day = float(calendar.n_days - CAMPAIGN_DAYS_BEFORE_END)
    late_rate = _late_rate(calendar)
    active = np.arange(n)
    while active.size:
        _order(active, state, traits, late_rate, rng)
        upcoming = _next_order(active, state, traits, calendar, rng)
        upcoming = _campaign(active, upcoming, state, traits, campaign_day, rng)
        stays = (upcoming < calendar.n_days) & (upcoming < state.left[active])
        state.last_day[active[stays]] = upcoming[stays]
        active = active[stays]
    return _finished(state, calendar)


def _late_rate(calendar: Calendar) -> Floats:
    """Share of parcels that come late on each day: more when the shop is busy."""
    busy = np.diff(calendar.busy_until)
    return np.clip(0.05 + 0.16 * np.maximum(busy - 1.15, 0.0), 0.0, 0.25)


def _order(active: Ints, state: _State, traits: Traits, late_rate: Floats, rng: np.random.Generator) -> None:
    """Draw one order with its experience for every active customer and update their mood."""
    n = active.size
    day = state.last_day[active]
    is_offer = day <= state.offer_until[active]
    state.offer_until[active[is_offer]] = -1.0
    has_discount = (rng.random(n) < traits.bargain[active]) | is_offer
    is_late = rng.random(n) < late_rate[day.astype(np.int64)]
    is_faulty = rng.random(n) < 0.045
    has_ticket = rng.random(n) < 0.02 + 0.42 * is_late + 0.4 * is_faulty
    is_overloaded = rng.random(n) < 0.38
    answer_hours = np.where(is_overloaded, rng.lognormal(np.log(80), 0.4, n), rng.lognormal(np.log(5), 0.8, n))
    is_returned = rng.random(n) < traits.return_rate[active] + 0.45 * is_faulty
    state.n_orders[active] += 1
    state.n_discounted[active] += has_discount & ~is_offer
    now = np.column_stack([has_ticket & (answer_hours > _SLOW_ANSWER_HOURS), is_late | is_faulty, is_returned])
    state.memory[active] = np.minimum(state.memory[active] * _MEMORY + now, 1.5)
    _update_hazard(active, state, traits)
    state.rounds.append(
        {
            "customer": active,
            "seconds": day.astype(np.int64) * SECONDS_PER_DAY + clock_seconds(n, rng),
            "rank": state.n_orders[active],
            "has_discount": has_discount,
            "is_offer": is_offer,
            "is_late": is_late,
            "is_faulty": is_faulty,
            "is_returned": is_returned,
            "has_ticket": has_ticket,
            "answer_hours": answer_hours,
            "hazard": state.hazard[active],
        }
    )


def _update_hazard(active: Ints, state: _State, traits: Traits) -> None:
    n_orders = state.n_orders[active]
    bought_cheap = (state.n_discounted[active] / n_orders) ** 2 * (n_orders >= 2)
    state.causes[active] = np.column_stack(
        [
            np.select([n_orders == 1, n_orders == 2], [1.0, 0.4], 0.0),
            1.5 * state.memory[active, 0],
            0.9 * state.memory[active, 1],
            0.8 * state.memory[active, 2],
            1.3 * bought_cheap,
            0.55 * np.log(traits.own_gap_days[active] / 50.0),
            0.4 * (traits.acquired_by[active] == ACQUIRED_BY.index("marketplace")),
        ]
    )
    personal = traits.frailty[active] - 0.3 * traits.has_card[active] - 0.3 * np.log(n_orders)
    log_hazard = _LOG_BASE_HAZARD + state.causes[active].sum(axis=1) + personal
    state.hazard[active] = np.exp(np.minimum(log_hazard, np.log(1 / 15)))


def _next_order(active: Ints, state: _State, traits: Traits, calendar: Calendar, rng: np.random.Generator) -> Floats:
    """The day of the next order if nothing intervenes; sets when interest is lost and when the customer leaves."""
    n = active.size
    day = state.last_day[active]
    shape = traits.regularity[active]
    gap = rng.gamma(shape, traits.own_gap_days[active] / shape)
    fresh = np.isinf(state.fading[active])
    loses_at = day + rng.exponential(1 / state.hazard[active])
    slow = np.where(fresh, 1.0, 1.5)
    due = calendar.from_season_time(calendar.to_season_time(day) + gap * slow)
    turns = fresh & (loses_at < due)
    is_abrupt = rng.random(n) < 0.25
    lag = np.where(is_abrupt, 0.0, rng.gamma(2.0, 7.0 + 0.4 * traits.own_gap_days[active]))
    turned = active[turns]
    state.fading[turned] = loses_at[turns]
    state.left[turned] = np.floor(loses_at + lag)[turns] + 1
    due = np.where(turns, loses_at + 1.5 * (due - loses_at), due)
    due = np.maximum(np.floor(due), day + 1)
    comes_back = (due >= state.left[active]) & ~is_abrupt & (rng.random(n) < 0.12)
    back = active[comes_back]
    state.recovered_from[back], state.recovered_day[back] = state.fading[back], due[comes_back]
    state.fading[back] = state.left[back] = _NEVER
    return due


def _campaign(
    active: Ints, upcoming: Floats, state: _State, traits: Traits, campaign_day: float, rng: np.random.Generator
) -> Floats:
    """Draw the arms of those the campaign meets between two orders and let the offer work on them."""
    since = campaign_day - state.last_day[active]
    met = (since >= 30) & (since <= 240) & (upcoming > campaign_day) & traits.has_consent[active]
    chance, wait = rng.random(active.size), 1.0 + rng.exponential(7.0, active.size)
    if not met.any():
        return upcoming
    audience = active[met]
    buckets = np.array([campaign_bucket(traits.customer_ids[index]) for index in audience])
    state.arm[audience] = np.where(buckets < 0.5, ARMS.index("control"), ARMS.index("voucher"))
    present = met & (state.arm[active] == ARMS.index("voucher")) & (state.left[active] > campaign_day)
    group = traits.group[active]
    returns = present & (group == GROUPS.index("persuadable")) & (chance < 0.7) & (upcoming > campaign_day + wait)
    takes = present & (group == GROUPS.index("sure thing")) & (upcoming <= campaign_day + 30)
    annoyed = present & (group == GROUPS.index("do not disturb")) & (chance < 0.4)
    state.responded[active[returns | annoyed]] = True
    state.offer_until[active[returns | takes]] = campaign_day + 60
    state.fading[active[returns]] = state.left[active[returns]] = _NEVER
    state.fading[active[annoyed]] = state.left[active[annoyed]] = campaign_day + 1
    return np.where(returns, np.floor(campaign_day + wait), upcoming)


def _finished(state: _State, calendar: Calendar) -> Life:
    columns = {name: np.concatenate([part[name] for part in state.rounds]) for name in state.rounds[0]}
    by_time = np.argsort(columns["seconds"], kind="stable")
    return Life(
        orders=Orders(**{name: column[by_time] for name, column in columns.items()}),
        fading_day=np.where(state.fading < calendar.n_days, state.fading, _NEVER),
        left_day=np.where(state.left < calendar.n_days, state.left, _NEVER),
        recovered_from=state.recovered_from,
        recovered_day=state.recovered_day,
        causes=state.causes,
        hazard=state.hazard,
        arm=state.arm,
        responded=state.responded,
    )
