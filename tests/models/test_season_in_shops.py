"""Simulated shops with and without a season: it helps where there is one, and costs next to nothing where not."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from churn_core.models.backtest import learn_at
from churn_core.models.recipe import Recipe
from churn_core.timeline import ChurnDefinition
from churn_core.warehouse import Warehouse

N_DAYS = 1_000
START = datetime(2022, 1, 1)


def fill_seasonal(warehouse: Warehouse, *, strength: float, seed: int, n_customers: int = 1_200) -> None:
    """Customers who buy at a personal rate, times the season's, until they leave."""
    from churn_core.intake.derived import refresh_derived

    draw = np.random.default_rng(seed)
    day = np.arange(N_DAYS)
    season = np.exp(strength * np.cos(2 * np.pi * (day - draw.uniform(0, 365)) / 365))
    rate = draw.gamma(0.8, 1 / 0.8, n_customers) / 40.0
    first = draw.uniform(0, N_DAYS * 0.9, n_customers).astype(int)
    last = np.minimum(first + draw.exponential(500, n_customers), N_DAYS).astype(int)
    bought = draw.random((n_customers, N_DAYS)) < 1 - np.exp(-rate[:, None] * season / season.mean())
    bought &= (day >= first[:, None]) & (day < last[:, None])
    bought[np.arange(n_customers), first] = True
    customer, when = np.nonzero(bought)
    moments = pd.Series(pd.Timestamp(START) + pd.to_timedelta(when, unit="D") + pd.Timedelta(hours=12))
    frame = pd.DataFrame(
        {
            "customer_id": [f"c{number}" for number in customer],
            "order_id": [f"o{number}" for number in range(len(customer))],
            "order_time": moments.astype("datetime64[us]"),
            "amount": draw.gamma(3, 15, len(customer)).round(2),
        }
    )
    with warehouse.transaction() as tx:
        tx.append("orders", frame)
        refresh_derived(tx)
        tx.bump_data_version()


def costs(warehouse: Warehouse, horizon_days: int) -> list[float]:
    """Change of the log loss by the season, at cutoffs where it is known."""
    made = []
    for back in (120, 180, 240, 300):
        cutoff = START + timedelta(days=N_DAYS - back)
        definition = ChurnDefinition(horizon_days=horizon_days)
        learnt = learn_at(warehouse, definition, cutoff, recipe=Recipe(estimators=("logistic",)))
        chosen = learnt.choice.chosen
        assert learnt.choice.season[chosen].is_known
        log_odds = learnt.choice.blends[chosen].log_odds(learnt.judged.frame)
        without = log_odds - learnt.choice.season[chosen].offset
        churned = learnt.judged.churned
        losses = [float((np.logaddexp(0.0, z) - churned * z).mean()) for z in (without, log_odds)]
        made.append(losses[1] - losses[0])
    return made


@pytest.mark.slow
@pytest.mark.parametrize("horizon_days", [60, 90])
def test_a_season_is_used_where_there_is_one(warehouse: Warehouse, horizon_days: int) -> None:
    fill_seasonal(warehouse, strength=0.5, seed=11)
    found = costs(warehouse, horizon_days)
    assert np.mean(found) < -0.002
    assert max(found) < 0.006


@pytest.mark.slow
@pytest.mark.parametrize("horizon_days", [60, 90])
def test_without_a_season_it_costs_next_to_nothing(warehouse: Warehouse, horizon_days: int) -> None:
    fill_seasonal(warehouse, strength=0.0, seed=12)
    found = costs(warehouse, horizon_days)
    assert abs(np.mean(found)) < 0.0007
    assert max(found) < 0.0025
