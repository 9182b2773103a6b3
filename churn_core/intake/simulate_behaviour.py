"""How simulated customers order, get annoyed, lose interest and leave.

A customer orders in a rhythm of their own. Each order brings an experience (late parcel, fault, slow answer,
return, discount); experiences set a daily hazard of losing interest. Who has lost interest browses less at once,
orders later than usual, and a few weeks on leaves for good - or, now and then, comes back. After leaving
nobody orders. Everything random about an order is drawn before anything is decided, so that the same luck can be
lived twice: with an offer and without it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace

import numpy as np

from churn_core.intake.simulate_customers import Traits
from churn_core.intake.simulate_world import ACQUIRED_BY, SECONDS_PER_DAY, Calendar, Flags, Floats, Ints, clock_seconds

CAUSES: tuple[str, ...] = (
    "first_order", "slow_answer", "bad_experience", "returns", "discounts", "long_gaps", "marketplace",
)  # fmt: skip
"""Causes of losing interest, in the order of the columns of ``State.causes``."""

NEVER = np.inf
_LOG_BASE_HAZARD = float(np.log(1 / 560))
_SLOW_ANSWER_HOURS = 48.0
_MEMORY = 0.5


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


@dataclass(kw_only=True)
class State:
    """What changes while a chunk lives; arrays over all its customers, days from the start of the history."""

    last_day: Floats
    """Day of the last order."""
    fading: Floats
    """When interest was lost for the last time."""
    left: Floats
    """When the customer leaves."""
    recovered_from: Floats
    """Start of the last spell of lost interest that passed."""
    recovered_day: Floats
    """End of it."""
    turned_day: Floats
    """When the offer turned the customer's mind; until then the two days below tell how it was."""
    fading_before: Floats
    left_before: Floats
    refused: Floats
    """When consent was taken back in a spell of lost interest that passed."""
    causes: Floats
    """Parts of the log hazard at the last order (n_customers, n_causes)."""
    hazard: Floats
    """Daily hazard of losing interest after the last order."""
    memory: Floats
    """How much of slow answers, bad experiences and returns is remembered."""
    n_orders: Ints
    n_discounted: Ints
    offer_until: Floats
    """Until when a voucher can be used."""
    rounds: list[dict[str, np.ndarray]] = field(default_factory=list)
    """Orders by columns, a round of customers each."""

    @classmethod
    def of(cls, traits: Traits) -> State:
        """Customers who have not ordered yet within the history."""
        n = traits.n_customers
        never = np.full(n, NEVER)
        return cls(
            last_day=np.floor(traits.joined_day),
            fading=never.copy(),
            left=never.copy(),
            recovered_from=never.copy(),
            recovered_day=never.copy(),
            turned_day=-never,
            fading_before=never.copy(),
            left_before=never.copy(),
            refused=never.copy(),
            causes=np.zeros((n, len(CAUSES))),
            hazard=np.zeros(n),
            memory=np.zeros((n, 3)),
            n_orders=traits.n_orders_before.copy(),
            n_discounted=np.round(traits.bargain * traits.n_orders_before).astype(np.int64),
            offer_until=np.full(n, -1.0),
        )

    def without_orders(self) -> State:
        """A copy that goes on by itself, with no orders so far."""
        arrays = {entry.name: getattr(self, entry.name).copy() for entry in fields(self) if entry.name != "rounds"}
        return replace(self, **arrays, rounds=[])


@dataclass(frozen=True, kw_only=True)
class Chances:
    """All that is random about one order of each customer and the time after it; arrays of equal length."""

    discount: Floats
    late: Floats
    fault: Floats
    ticket: Floats
    overloaded: Floats
    slow_hours: Floats
    """Hours until the first answer of an overloaded service."""
    quick_hours: Floats
    """Hours until the first answer otherwise."""
    sent_back: Floats
    clock: Ints
    """Time of day in seconds."""
    gap: Floats
    """Days to the next order as a multiple of what is usual for the customer."""
    patience: Floats
    """Days until interest is lost as a multiple of the mean."""
    abrupt: Floats
    lag: Floats
    """From losing interest to leaving, as a multiple of the scale."""
    back: Floats

    def among(self, chosen: Flags) -> Chances:
        """Those of some customers."""
        return Chances(**{entry.name: getattr(self, entry.name)[chosen] for entry in fields(self)})


def draw_chances(regularity: Floats, rng: np.random.Generator) -> Chances:
    """One order's chances for customers of a given regularity."""
    n = regularity.size
    return Chances(
        discount=rng.random(n),
        late=rng.random(n),
        fault=rng.random(n),
        ticket=rng.random(n),
        overloaded=rng.random(n),
        slow_hours=rng.lognormal(np.log(80), 0.4, n),
        quick_hours=rng.lognormal(np.log(5), 0.8, n),
        sent_back=rng.random(n),
        clock=clock_seconds(n, rng),
        gap=rng.gamma(regularity, 1 / regularity),
        patience=rng.exponential(1.0, n),
        abrupt=rng.random(n),
        lag=rng.gamma(2.0, 1.0, n),
        back=rng.random(n),
    )


def late_rate(calendar: Calendar) -> Floats:
    """Share of parcels that come late on each day: more when the shop is busy."""
    busy = np.diff(calendar.busy_until)
    return np.clip(0.05 + 0.16 * np.maximum(busy - 1.15, 0.0), 0.0, 0.25)


def place_orders(active: Ints, state: State, traits: Traits, late: Floats, chances: Chances) -> None:
    """One order with its experience for every active customer, and what it does to their mood."""
    day = state.last_day[active]
    is_offer = day <= state.offer_until[active]
    state.offer_until[active[is_offer]] = -1.0
    has_discount = (chances.discount < traits.bargain[active]) | is_offer
    is_late = chances.late < late[day.astype(np.int64)]
    is_faulty = chances.fault < 0.045
    has_ticket = chances.ticket < 0.02 + 0.42 * is_late + 0.4 * is_faulty
    answer_hours = np.where(chances.overloaded < 0.38, chances.slow_hours, chances.quick_hours)
    is_returned = chances.sent_back < traits.return_rate[active] + 0.45 * is_faulty
    state.n_orders[active] += 1
    state.n_discounted[active] += has_discount & ~is_offer
    now = np.column_stack([has_ticket & (answer_hours > _SLOW_ANSWER_HOURS), is_late | is_faulty, is_returned])
    state.memory[active] = np.minimum(state.memory[active] * _MEMORY + now, 1.5)
    _update_hazard(active, state, traits)
    state.rounds.append(
        {
            "customer": active,
            "seconds": day.astype(np.int64) * SECONDS_PER_DAY + chances.clock,
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


def _update_hazard(active: Ints, state: State, traits: Traits) -> None:
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


def next_order(active: Ints, state: State, traits: Traits, calendar: Calendar, chances: Chances) -> Floats:
    """The day of the next order if nothing intervenes; sets when interest is lost and when the customer leaves."""
    day = state.last_day[active]
    own_gap = traits.own_gap_days[active]
    fresh = np.isinf(state.fading[active])
    loses_at = day + chances.patience / state.hazard[active]
    slow = np.where(fresh, 1.0, 1.5)
    due = calendar.from_season_time(calendar.to_season_time(day) + chances.gap * own_gap * slow)
    turns = fresh & (loses_at < due)
    is_abrupt = chances.abrupt < 0.25
    lag = np.where(is_abrupt, 0.0, chances.lag * (7.0 + 0.4 * own_gap))
    turned = active[turns]
    state.fading[turned] = loses_at[turns]
    state.left[turned] = np.floor(loses_at + lag)[turns] + 1
    due = np.where(turns, loses_at + 1.5 * (due - loses_at), due)
    due = np.maximum(np.floor(due), day + 1)
    comes_back = (due >= state.left[active]) & ~is_abrupt & (chances.back < 0.12)
    back = active[comes_back]
    refused = refuses_from(back, state.fading[back], traits)
    state.refused[back] = np.minimum(state.refused[back], np.where(refused < due[comes_back], refused, NEVER))
    state.recovered_from[back], state.recovered_day[back] = state.fading[back], due[comes_back]
    state.fading[back] = state.left[back] = NEVER
    return due


def refuses_from(customer: Ints, fading: Floats, traits: Traits) -> Floats:
    """Day on which customers unsubscribe: a few while they are interested, more of those who lost interest."""
    joined, wait, chance = traits.joined_day[customer], traits.refusal_wait[customer], traits.refusal_chance[customer]
    early = joined + np.maximum(300.0 * wait, 1.0)
    late = np.maximum(fading + 25.0 * wait, joined + 1)
    is_early = (chance < 0.03) & (early < fading)
    return np.where(is_early, early, np.where(chance < 0.12, late, NEVER))
