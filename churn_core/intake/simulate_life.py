"""The lives of simulated customers: from order to order until they leave, and through the campaign in between."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from churn_core.intake.simulate_behaviour import (
    NEVER,
    Orders,
    State,
    draw_chances,
    late_rate,
    next_order,
    place_orders,
    refuses_from,
)
from churn_core.intake.simulate_campaign import CAMPAIGN_DAYS_BEFORE_END, Met, is_met, live_on
from churn_core.intake.simulate_customers import Traits
from churn_core.intake.simulate_world import Calendar, Floats, Ints


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
    turned_day: Floats
    """When an offer turned the customer's mind; -inf for all others."""
    fading_before: Floats
    """When interest was lost, as it was until the mind turned."""
    left_before: Floats
    """When the customer left or would have, as it was until the mind turned."""
    refused_day: Floats
    """When consent was taken back, had there been no campaign."""
    causes: Floats
    """Parts of the log hazard at the last order (n_customers, n_causes)."""
    hazard: Floats
    """Daily hazard of losing interest after the last order."""
    met: Met
    """Those the campaign met."""

    def interest(self, customer: Ints, day: Floats) -> Floats:
        """How much of a customer's usual attention is left at a day, in [0, 1]."""
        as_before = day < self.turned_day[customer]
        faded_at = np.where(as_before, self.fading_before[customer], self.fading_day[customer])
        left_at = np.where(as_before, self.left_before[customer], self.left_day[customer])
        fading = np.exp(-np.maximum(day - faded_at, 0.0) / 26.0)
        level = np.where(day >= left_at, 0.14, np.maximum(fading, 0.25))
        spell = (day >= self.recovered_from[customer]) & (day < self.recovered_day[customer])
        return np.where(spell, np.minimum(level, 0.3), level)


def live(
    traits: Traits,
    calendar: Calendar,
    rng: np.random.Generator,
    *,
    holdout: float | None,
    of_campaign: np.random.SeedSequence,
) -> Life:
    """The orders and the fate of a chunk of customers.

    Whom the campaign meets steps out of the common stream and lives on from ``of_campaign``, so that what the offer
    changes for some changes nothing for the others.
    """
    state, late = State.of(traits), late_rate(calendar)
    campaign_day = float(calendar.n_days - CAMPAIGN_DAYS_BEFORE_END)
    next_day = np.zeros(traits.n_customers)
    audience: list[Ints] = []
    active = np.arange(traits.n_customers)
    while active.size:
        chances = draw_chances(traits.regularity[active], rng)
        place_orders(active, state, traits, late, chances)
        upcoming = next_order(active, state, traits, calendar, chances)
        met = is_met(active, upcoming, state, traits, campaign_day, holdout)
        audience.append(active[met])
        next_day[active] = upcoming
        stays = (upcoming < calendar.n_days) & (upcoming < state.left[active]) & ~met
        active = active[stays]
        state.last_day[active] = upcoming[stays]
    everyone_met = np.sort(np.concatenate(audience))
    met_by_campaign = live_on(everyone_met, next_day[everyone_met], state, traits, calendar, of_campaign)
    return _finished(state, traits, calendar, met_by_campaign)


def _finished(state: State, traits: Traits, calendar: Calendar, met: Met) -> Life:
    columns = {name: np.concatenate([part[name] for part in state.rounds]) for name in state.rounds[0]}
    by_time = np.argsort(columns["seconds"], kind="stable")
    refused = refuses_from(np.arange(traits.n_customers), state.fading, traits)
    return Life(
        orders=Orders(**{name: column[by_time] for name, column in columns.items()}),
        fading_day=np.where(state.fading < calendar.n_days, state.fading, NEVER),
        left_day=np.where(state.left < calendar.n_days, state.left, NEVER),
        recovered_from=state.recovered_from,
        recovered_day=state.recovered_day,
        turned_day=state.turned_day,
        fading_before=state.fading_before,
        left_before=state.left_before,
        refused_day=np.minimum(state.refused, refused),
        causes=state.causes,
        hazard=state.hazard,
        met=met,
    )
