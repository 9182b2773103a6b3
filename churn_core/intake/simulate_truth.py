"""The ground truth of the simulated shop: who left when and why, and what an offer changes for whom.

It only ever goes to a file of its own; no table of the warehouse holds any of it.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from churn_core.intake.simulate_basket import expected_amounts
from churn_core.intake.simulate_behaviour import CAUSES
from churn_core.intake.simulate_campaign import ARMS, GROUPS, Bought
from churn_core.intake.simulate_customers import KINDS, Traits
from churn_core.intake.simulate_life import Life
from churn_core.intake.simulate_world import Calendar, Floats, Ints


def truth_table(traits: Traits, life: Life, calendar: Calendar) -> pa.Table:
    """A row per customer.

    For everyone the campaign met, ``..._with_offer`` and ``..._without_offer`` are orders within the window in both
    lives, what is paid for them and the discounts of them; money at what the customer's orders are worth on average.
    """
    met = life.met
    return pa.table(
        {
            "customer_id": traits.customer_ids,
            "joined_at": _when(np.floor(traits.joined_day), calendar),
            "lost_interest_at": _when(life.fading_day, calendar),
            "left_at": _when(life.left_day, calendar),
            "kind": np.array(KINDS)[traits.kind],
            "own_gap_days": traits.own_gap_days,
            "daily_hazard": life.hazard,
            **{f"hazard_{cause}": life.causes[:, index] for index, cause in enumerate(CAUSES)},
            "main_cause": [CAUSES[index] for index in life.causes.argmax(axis=1)],
            "group": _of_met(np.array(GROUPS)[met.group], life),
            "campaign_arm": _of_met(np.array(ARMS)[met.arm], life),
            "had_left_before_campaign": _of_met(met.had_left, life),
            "responded_to_campaign": _of_met(met.responded, life),
            **_money("with_offer", met.with_offer, traits, life),
            **_money("without_offer", met.without_offer, traits, life),
        }
    )


def _money(ending: str, bought: Bought, traits: Traits, life: Life) -> dict[str, pa.Array]:
    gross, voucher, discount = expected_amounts(traits, life.met.customer)
    discounts = gross * (voucher * bought.with_voucher + discount * bought.with_discount)
    values: dict[str, Ints | Floats] = {
        "orders": bought.orders,
        "paid": gross * bought.orders - discounts,
        "discount": discounts,
    }
    return {f"{name}_{ending}": _of_met(column, life) for name, column in values.items()}


def _of_met(values: np.ndarray, life: Life) -> pa.Array:
    """Values of those who were met as a column over all customers; empty for all others."""
    place = np.full(life.hazard.size, -1)
    place[life.met.customer] = np.arange(values.size)
    index = pa.array(np.maximum(place, 0), mask=place < 0)
    return pa.array(values).take(index) if values.size else pa.nulls(place.size, pa.array(values).type)


def _when(days: Floats, calendar: Calendar) -> pa.Array:
    known = np.isfinite(days)
    seconds = np.where(known, days, 0.0) * 86_400
    return pa.array(calendar.microseconds(seconds.astype(np.int64)), pa.timestamp("us"), mask=~known)
