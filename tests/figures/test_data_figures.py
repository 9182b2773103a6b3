"""Figures about data and definition draw what was counted and say it."""

from __future__ import annotations

from datetime import date, datetime

import plotly.graph_objects as go
import pytest

from churn_core.features.definition import MonthCounts
from churn_core.features.gaps import GapDistribution
from churn_core.figures import data as figures
from churn_core.intake.quality_series import DailyCounts


def gaps(counts: dict[int, int]) -> GapDistribution:
    n = sum(counts.values())
    return GapDistribution(
        n_customers=100,
        n_repeat_buyers=60,
        n_gaps=n,
        n_gaps_all=n,
        follow_up_days=365,
        quantiles={},
        counts=counts,
        history_days=900,
    )


def title(figure: go.Figure) -> str:
    return str(figure.layout.title.text)


def test_the_gap_title_is_the_share_that_the_horizon_waits_for() -> None:
    figure = figures.gap_figure(gaps({10: 60, 20: 30, 200: 10}), horizon_days=90)
    assert title(figure) == "90.0 % of 100 repeat orders come within 90 days"
    assert sum(figure.data[0].y) == 100


def test_a_shop_without_repeat_orders_is_said() -> None:
    assert title(figures.gap_figure(gaps({}), horizon_days=90)) == "No customer has ordered twice yet"


def month(number: int, n_eligible: int, n_churned: int | None) -> MonthCounts:
    n_stayed = None if n_churned is None else n_eligible - n_churned
    return MonthCounts(cutoff=datetime(2026, number, 1), n_eligible=n_eligible, n_churned=n_churned, n_stayed=n_stayed)


def test_months_are_split_and_open_ones_stand_apart() -> None:
    figure = figures.months_figure([month(1, 1500, 600), month(2, 1600, None)], n_needed=1000)
    drawn = {bars.name: list(bars.y) for bars in figure.data}
    line = drawn.pop("1,000 needed")
    assert line == [None]
    assert drawn == {"churned": [600, None], "stayed": [900, None], "not known yet": [None, 1600]}
    assert not figure.layout.annotations
    assert title(figure) == "Of 1,500 eligible customers on 1 Jan 2026, 40.0 % churned"


def test_a_history_without_known_months_is_said() -> None:
    assert "too short" in title(figures.months_figure([month(1, 20, None)]))


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ([8, 8, 8, 8], "Orders come in on every one of 4 days from 5 Sep 2024 to 8 Sep 2024"),
        ([8, 8, 0, 8], "Orders come in on every day but 7 Sep 2024 from 5 Sep 2024 to 8 Sep 2024"),
        ([8, 0, 0, 8], "Orders come in on all days but 6 Sep 2024 and 7 Sep 2024 from 5 Sep 2024 to 8 Sep 2024"),
        ([1, 0, 0, 0, 0, 1], "Orders come in on 2 of 6 days, with no unusual silence, from 5 Sep 2024 to 10 Sep 2024"),
    ],
)
def test_days_without_orders_are_said_whatever_was_to_be_expected(counts: list[int], said: str) -> None:
    series = DailyCounts(table="orders", first_day=date(2024, 9, 5), counts=tuple(counts))
    assert title(figures.daily_figure(series)) == said
