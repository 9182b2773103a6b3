"""Gamma-Gamma against the literature, against its own limits and against simulated customers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from churn_core.errors import NotEnoughData
from churn_core.models.gamma_gamma import GammaGammaParameters, expected_amount, fit_gamma_gamma

PUBLISHED = GammaGammaParameters(p=6.25, q=3.74, gamma=15.44)
"""Fader & Hardie (2013), "The Gamma-Gamma Model of Monetary Value", CDNOW 1/10 sample, 946 repeat buyers, 39 weeks."""


def test_cdnow_gives_the_published_parameters(real_data: Path) -> None:
    orders = pd.read_csv(real_data / "cdnow_sample_orders.csv", dtype={"customer_id": str}, parse_dates=["order_time"])
    known = orders[orders["order_time"] <= pd.Timestamp("1997-09-30")]
    days = known.groupby(["customer_id", "order_time"], as_index=False)["amount"].sum().sort_values("order_time")
    repeats = days[days.duplicated("customer_id")].groupby("customer_id")["amount"].agg(["count", "mean"])
    assert len(repeats) == 946
    found = fit_gamma_gamma(repeats["count"], repeats["mean"])
    assert found.p == pytest.approx(PUBLISHED.p, abs=0.03)
    assert found.q == pytest.approx(PUBLISHED.q, abs=0.03)
    assert found.gamma == pytest.approx(PUBLISHED.gamma, abs=0.15)
    assert found.mean == pytest.approx(35.2, abs=0.3)


def test_expected_amount_lies_between_the_own_mean_and_that_of_all_customers() -> None:
    # The weights of the published model: p x on the own mean, q - 1 on the mean over customers.
    for n, own in ((1.0, 100.0), (5.0, 10.0), (20.0, 60.0)):
        weight = PUBLISHED.p * n / (PUBLISHED.p * n + PUBLISHED.q - 1)
        by_weights = weight * own + (1 - weight) * PUBLISHED.mean
        assert expected_amount(PUBLISHED, [n], [own])[0] == pytest.approx(by_weights)


def test_without_an_order_with_an_amount_the_average_is_expected() -> None:
    found = expected_amount(PUBLISHED, [0.0, 3.0, 2.0], [np.nan, 0.0, -5.0])
    assert found == pytest.approx([PUBLISHED.mean] * 3)


def test_planted_parameters_are_found() -> None:
    draw = np.random.default_rng(4)
    n = draw.integers(1, 12, 20_000)
    scale = draw.gamma(3.0, 1 / 20.0, 20_000)
    amounts = draw.gamma(4.0 * n) / (scale * n)
    found = fit_gamma_gamma(n, amounts)
    assert found.p == pytest.approx(4.0, rel=0.08)
    assert found.q == pytest.approx(3.0, rel=0.08)
    assert found.mean == pytest.approx(amounts.mean(), rel=0.05)


def test_the_unit_of_money_changes_the_scale_alone() -> None:
    draw = np.random.default_rng(5)
    n, amounts = draw.integers(1, 9, 800), draw.gamma(3.0, 15.0, 800)
    pounds, pence = fit_gamma_gamma(n, amounts), fit_gamma_gamma(n, 100 * amounts)
    assert pence.p == pytest.approx(pounds.p, rel=1e-3)
    assert pence.gamma == pytest.approx(100 * pounds.gamma, rel=1e-3)


def test_too_few_amounts_are_refused_in_one_sentence() -> None:
    with pytest.raises(NotEnoughData, match="9 customers have orders with an amount above zero and 10 are needed"):
        fit_gamma_gamma([2] * 12, [5.0] * 9 + [0.0, -3.0, np.nan])
