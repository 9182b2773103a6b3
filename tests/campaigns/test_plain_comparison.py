"""What is promised of comparing the arms plainly although the draw was balanced inside strata: it errs towards care."""

from __future__ import annotations

import numpy as np
import pytest

from churn_core.campaigns.comparison import Outcomes, compare
from churn_core.campaigns.metrics import Metric
from churn_core.stats.moments import Rate

N_RUNS = 2_000
IN_ARM = 150
"""Customers of one arm in one stratum."""
RATES = (0.2, 0.5, 0.8)
"""Strata that explain a quarter of the variance."""

VISITED = Metric(name="visited", kind="rate", column="visited")


def one_campaign(rng: np.random.Generator) -> tuple[Outcomes, Outcomes]:
    """A campaign without any effect, with the strata of its draw and without."""
    hits = {arm: [int(rng.binomial(IN_ARM, rate)) for rate in RATES] for arm in ("control", "coupon")}
    within = {
        arm: {f"stratum {place}": Rate(n_hits=n, n=IN_ARM) for place, n in enumerate(found)}
        for arm, found in hits.items()
    }
    plain = {arm: {"": Rate(n_hits=sum(found), n=IN_ARM * len(RATES))} for arm, found in hits.items()}
    return Outcomes(metric=VISITED, cells=plain), Outcomes(metric=VISITED, cells=within)


@pytest.mark.slow
def test_a_balanced_draw_compared_plainly_gives_fewer_false_alarms_and_the_same_difference() -> None:
    rng = np.random.default_rng(20)
    alarms = np.zeros(2)
    for _ in range(N_RUNS):
        found = [compare(outcomes, "control", "coupon") for outcomes in one_campaign(rng)]
        assert found[0].difference.value == pytest.approx(found[1].difference.value)
        alarms += [entry.p_value is not None and entry.p_value < 0.05 for entry in found]
    plain, within = alarms / N_RUNS
    assert 0.015 < plain < 0.036
    assert 0.035 < within < 0.065
