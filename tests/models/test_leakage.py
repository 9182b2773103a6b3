"""The guards: shuffled outcomes teach nothing, a planted future column is reported, label windows never overlap."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churn_core.features.definition import known_until
from churn_core.models.boosted import Boosted
from churn_core.models.estimators import Estimator
from churn_core.models.leakage import shuffled_auc, suspected_leaks
from churn_core.models.logistic import Logistic
from churn_core.models.periods import Period, build_periods, learnt_by, stacked, usable_cutoffs
from churn_core.timeline import ChurnDefinition, past_cutoffs
from churn_core.warehouse import Warehouse

from .conftest import DEFINITION


@pytest.fixture(scope="module")
def periods(demo_shop: Warehouse) -> list[Period]:
    end = known_until(demo_shop)
    assert end is not None
    return build_periods(demo_shop, DEFINITION, usable_cutoffs(demo_shop, DEFINITION, end)[-1:])


@pytest.mark.parametrize("make", [Logistic, lambda: Boosted(n_trees=40)])
def test_shuffled_outcomes_teach_nothing(make: type[Estimator], periods: list[Period]) -> None:
    frame, churned, _ = stacked(periods)
    found, error = shuffled_auc(make, frame, churned, seed=5, n_times=4)
    assert abs(found - 0.5) < 4 * error
    assert error < 0.03


def test_real_features_are_not_suspected(periods: list[Period]) -> None:
    assert suspected_leaks(periods[-1].frame, periods[-1].churned) == []


def test_a_planted_future_column_is_reported(periods: list[Period]) -> None:
    period = periods[-1]
    found = suspected_leaks(period.frame.assign(orders_next_90_days=period.future_amount), period.churned)
    assert [leak.name for leak in found] == ["orders_next_90_days"]
    assert "too good to be true" in found[0].note


def test_a_cancellation_reason_is_reported() -> None:
    draw = np.random.default_rng(0)
    churned = draw.random(500) < 0.3
    frame = pd.DataFrame(
        {
            "reason_for_leaving": np.where(churned, draw.choice(["price", "moved"], 500), None),
            "city": draw.choice(list("ABCDEFGH"), 500),
            "closed_on": np.where(churned, 20250101.0, np.nan),
        }
    )
    assert {leak.name for leak in suspected_leaks(frame, churned)} == {"reason_for_leaving", "closed_on"}


def test_a_name_per_row_is_not_a_leak() -> None:
    draw = np.random.default_rng(0)
    frame = pd.DataFrame({"name": [f"person {number}" for number in range(500)]})
    assert suspected_leaks(frame, draw.random(500) < 0.3) == []


@given(
    horizon=st.integers(1, 400),
    lead=st.integers(0, 60),
    step=st.integers(1, 120),
    n_days=st.integers(10, 1500),
)
def test_training_labels_are_known_before_the_judged_cutoff(horizon: int, lead: int, step: int, n_days: int) -> None:
    definition = ChurnDefinition(horizon_days=horizon, lead_days=lead)
    judged = datetime(2020, 1, 1) + timedelta(days=n_days)
    cutoffs = past_cutoffs(
        first=datetime(2020, 1, 1), known_until=judged, definition=definition, step_days=step, n_most=18
    )
    every_day = [datetime(2020, 1, 1) + timedelta(days=day) for day in range(0, n_days + horizon, 7)]
    candidates = [
        Period(cutoff=c, frame=pd.DataFrame(), churned=np.zeros(0, bool), future_amount=np.zeros(0))
        for c in sorted({*cutoffs, *every_day})
    ]
    judged_window = definition.label_window(judged)
    for period in learnt_by(candidates, judged, definition):
        assert definition.label_window(period.cutoff)[1] <= judged <= judged_window[0]
    assert len(learnt_by(candidates, judged, definition)) >= len(cutoffs)
