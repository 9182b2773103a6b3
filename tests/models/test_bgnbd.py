"""BG/NBD against the literature, against closed forms and against simulation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from churn_core.errors import NotEnoughData
from churn_core.models.bgnbd import (
    INPUTS,
    BgNbd,
    BgNbdParameters,
    expected_purchases,
    fit_bgnbd,
    no_purchase,
    share_alive,
)

PUBLISHED = BgNbdParameters(r=0.243, alpha=4.414, a=0.793, b=2.426)
"""Fader, Hardie & Lee (2005), table 2: CDNOW, 39 weeks, weeks as unit."""


def test_cdnow_gives_the_published_parameters(real_data: Path) -> None:
    orders = pd.read_csv(real_data / "cdnow_sample_orders.csv", dtype={"customer_id": str}, parse_dates=["order_time"])
    end = pd.Timestamp("1997-09-30")
    days = orders[orders["order_time"] <= end].drop_duplicates(["customer_id", "order_time"])
    times = days.groupby("customer_id")["order_time"].agg(["min", "max", "count"])
    assert len(times) == 2357
    found = fit_bgnbd(times["count"] - 1, (times["max"] - times["min"]).dt.days / 7, (end - times["min"]).dt.days / 7)
    assert found.r == pytest.approx(PUBLISHED.r, abs=0.0006)
    assert found.alpha == pytest.approx(PUBLISHED.alpha, abs=0.0015)
    assert found.a == pytest.approx(PUBLISHED.a, abs=0.0006)
    assert found.b == pytest.approx(PUBLISHED.b, abs=0.0015)


def test_expected_purchases_of_the_published_example() -> None:
    # Fader, Hardie & Lee (2005), "Implementing the BG/NBD model in Excel": customer 0001, 39 weeks ahead: 1.226.
    found = expected_purchases(PUBLISHED, [2.0], [30.43], [38.86], 39.0)
    assert found[0] == pytest.approx(1.226, abs=0.0005)


def test_quadrature_agrees_with_the_hypergeometric_formula() -> None:
    from scipy.special import hyp2f1

    p, t = PUBLISHED, 13.0
    draw = np.random.default_rng(0)
    x = draw.integers(0, 60, 200).astype(float)
    age = draw.uniform(10, 100, 200)
    last = np.where(x > 0, age * draw.uniform(0.1, 1, 200), 0.0)
    ratio = (p.alpha + age) / (p.alpha + age + t)
    series = hyp2f1(p.r + x, p.b + x, p.a + p.b + x - 1, t / (p.alpha + age + t))
    closed = (p.a + p.b + x - 1) / (p.a - 1) * (1 - ratio ** (p.r + x) * series) * share_alive(p, x, last, age)
    assert expected_purchases(p, x, last, age, t) == pytest.approx(closed, rel=1e-8)


def _simulated(p: BgNbdParameters, n: int, age: float, until: float, seed: int) -> list[np.ndarray]:
    draw = np.random.default_rng(seed)
    rates, leaving = draw.gamma(p.r, 1 / p.alpha, n), draw.beta(p.a, p.b, n)
    made = []
    for rate, leave in zip(rates, leaving, strict=True):
        times, now = [], 0.0
        while True:
            now += draw.exponential(1 / rate)
            if now > until:
                break
            times.append(now)
            if draw.random() < leave:
                break
        made.append(np.array(times))
    return made


@pytest.mark.parametrize("lead", [0.0, 6.0])
def test_no_purchase_is_what_simulated_customers_do(lead: float) -> None:
    p = BgNbdParameters(r=1.2, alpha=8.0, a=0.8, b=2.5)
    age, horizon = 40.0, 12.0
    histories = _simulated(p, 12_000, age, age + lead + horizon, seed=4)
    x = np.array([(times <= age).sum() for times in histories], dtype=float)
    last = np.array([times[times <= age].max(initial=0.0) for times in histories])
    quiet = np.array([not ((times > age + lead) & (times <= age + lead + horizon)).any() for times in histories])
    risk = no_purchase(p, x, last, np.full(len(x), age), horizon, lead)
    error = np.sqrt((risk * (1 - risk)).sum()) / len(x)
    assert abs(risk.mean() - quiet.mean()) < 4 * error
    for members in np.array_split(np.argsort(risk, kind="stable"), 6):
        error = np.sqrt((risk[members] * (1 - risk[members])).sum()) / len(members)
        assert abs(risk[members].mean() - quiet[members].mean()) < 4 * error


def test_a_vanishing_lead_changes_nothing() -> None:
    x, last, age = np.array([0.0, 1.0, 9.0]), np.array([0.0, 5.0, 30.0]), np.array([30.0, 31.0, 33.0])
    without = no_purchase(PUBLISHED, x, last, age, 13.0)
    assert no_purchase(PUBLISHED, x, last, age, 13.0, lead=1e-9) == pytest.approx(without, abs=1e-7)


def test_one_time_buyers_are_not_immortal() -> None:
    """The probability of being alive says 1 for them; the risk must still grow with silence."""
    risk = no_purchase(PUBLISHED, np.zeros(3), np.zeros(3), np.array([4.0, 26.0, 104.0]), 13.0)
    assert (np.diff(risk) > 0).all()
    assert (share_alive(PUBLISHED, np.zeros(3), np.zeros(3), np.array([4.0, 26.0, 104.0])) == 1).all()


def test_simulated_parameters_are_recovered() -> None:
    p = BgNbdParameters(r=1.0, alpha=6.0, a=1.0, b=3.0)
    histories = _simulated(p, 6_000, 60.0, 60.0, seed=9)
    x = [len(times) for times in histories]
    found = fit_bgnbd(x, [times.max(initial=0.0) for times in histories], np.full(6_000, 60.0))
    assert found.r / found.alpha == pytest.approx(p.r / p.alpha, rel=0.06)
    assert found.a / (found.a + found.b) == pytest.approx(p.a / (p.a + p.b), rel=0.1)


def test_contributions_are_exact() -> None:
    frame = pd.DataFrame(
        {INPUTS[0]: [3.0, 80.0, 10.0], INPUTS[1]: [300.0, 80.0, 11.0], INPUTS[2]: [12.0, 1.0, 2.0]}, index=list("abc")
    )
    model = BgNbd(horizon_days=90).fit(pd.concat([frame] * 5))
    made = model.contributions(frame)
    assert made.total() == pytest.approx(model.log_odds(frame), abs=1e-9)
    assert made.values[0, 0] < 0 < made.values[1, 0]


def test_nobody_bought_twice() -> None:
    with pytest.raises(NotEnoughData, match="bought twice"):
        fit_bgnbd([0, 0], [0, 0], [10, 20])
