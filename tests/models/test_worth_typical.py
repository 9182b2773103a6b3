"""Typical amounts are medians: half of such customers stay below, and one large order moves nobody."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd
import pytest

from churn_core.errors import NotEnoughData
from churn_core.models import worth_trees
from churn_core.models.worth_period import WorthPeriod
from churn_core.models.worth_rhythm import SPEND
from churn_core.models.worth_typical import WorthTypical

KINDS = np.repeat([0.2, 0.6, 0.9], 1_500)
"""How likely three kinds of customers are to buy; those who do spend around 100, 50 and 200."""
CENTRE = np.select([KINDS == 0.2, KINDS == 0.6], [100.0, 50.0], 200.0)


def period(seed: int, *, level: float = 1.0) -> WorthPeriod:
    draw = np.random.default_rng(seed)
    amount = CENTRE * np.exp(draw.normal(0, 0.7, len(KINDS))) * level
    spend = np.where(draw.random(len(KINDS)) < KINDS, amount, 0.0)
    frame = pd.DataFrame({"likely": KINDS, "noise": draw.random(len(KINDS))})
    return WorthPeriod(
        cutoff=datetime(2025, 1, seed), horizon_days=90, frame=frame, outcome={SPEND: spend},
        days_to_next=np.full(len(KINDS), np.nan), rhythm=None, levels={SPEND: level},
    )  # fmt: skip


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few trees."""
    monkeypatch.setattr(worth_trees, "N_TREES", 150)


def test_half_of_such_customers_stay_below_their_typical_amount() -> None:
    model = WorthTypical().fit([period(1), period(2, level=2.0)])
    later = period(3, level=1.5)
    said = model.amounts(later.frame, 1.5)
    rare, middle, busy = said.reshape(3, -1)
    assert (rare == 0).mean() > 0.95
    for group, share in ((middle, 0.6), (busy, 0.9)):
        came = later.outcome[SPEND][share == KINDS]
        assert (came <= group).mean() == pytest.approx(0.5, abs=0.07)


def test_its_mean_error_is_smaller_than_that_of_the_true_mean() -> None:
    model = WorthTypical().fit([period(1), period(2)])
    later = period(3)
    came = later.outcome[SPEND]
    truth = KINDS * CENTRE * np.exp(0.7**2 / 2)
    assert came.sum() == pytest.approx(truth.sum(), rel=0.06)
    assert np.abs(model.amounts(later.frame, 1.0) - came).mean() < 0.97 * np.abs(truth - came).mean()


def test_one_large_order_moves_nobody() -> None:
    known = [period(1), period(2)]
    before = WorthTypical().fit(known).amounts(known[0].frame, 1.0)
    place = int(np.flatnonzero(known[0].outcome[SPEND])[0])
    known[0].outcome[SPEND][place] = 1e6
    after = WorthTypical().fit(known).amounts(known[0].frame, 1.0)
    assert np.median(after[KINDS == 0.9]) == pytest.approx(np.median(before[KINDS == 0.9]), rel=0.05)


def test_too_few_buyers_are_refused() -> None:
    known = period(1)
    known.outcome[SPEND][40:] = 0.0
    with pytest.raises(NotEnoughData, match="50 are needed"):
        WorthTypical().fit([known])
