"""Figures of what customers are worth: every cell of the matrix is drawn once, in order, and says what it holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from churn_core.customers.worth_stake import Cell, Stake
from churn_core.figures.theme import Mode, money, palette
from churn_core.figures.value import cell_words, hold_out_figure, matrix_figure
from churn_core.models.worth_check import Decile, HoldOut

BANDS = ((None, 50.0), (50.0, None))
AT_RISK = {"high": (100.0, 300.0), "medium": (40.0, 60.0), "low": (0.0, -20.0)}


@pytest.fixture
def stake() -> Stake:
    """Six cells with a known value at risk; nobody is in the fifth."""
    cells = tuple(
        Cell(tier=tier, low=low, below=below, n_customers=0 if at_risk == 0 else 10, value_at_risk=at_risk,
             expected_value=2 * at_risk)
        for tier, row in AT_RISK.items()
        for (low, below), at_risk in zip(BANDS, row, strict=True)
    )  # fmt: skip
    return Stake(run_id=1, source="orders", n_scored=50, n_unknown=0, concentration=None, bands=BANDS, cells=cells)


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_a_point_of_the_matrix_is_its_cell(stake: Stake, mode: Mode) -> None:
    [bars] = matrix_figure(stake, currency="EUR", mode=mode).data
    assert [row[0] for row in bars.customdata] == list(range(6))
    assert list(bars.text) == ["10<br>€100", "10<br>€300", "10<br>€40", "10<br>€60", "", "10<br>-€20"]
    middles = [base + height / 2 for base, height in zip(bars.base, bars.y, strict=True)]
    assert middles == pytest.approx([2, 2, 1, 1, 0, 0])
    assert list(bars.x) == [0, 1, 0, 1, 0, 1]
    assert bars.textfont.color == palette(mode).text
    # plotly.js stops a click with an error where one of the two has a colour for texts and the other has not.
    assert bars.selected.textfont.color == bars.unselected.textfont.color == palette(mode).text


def test_the_fullest_cell_is_the_strongest_and_stands_in_the_title(stake: Stake) -> None:
    figure = matrix_figure(stake, currency="EUR")
    opacities = [float(colour.rstrip(")").split(",")[-1]) for colour in figure.data[0].marker.color]
    assert max(opacities) == opacities[1]
    assert opacities[-1] == 0
    assert figure.layout.title.text.startswith("60.0 % of the value at risk is in one cell: high risk")
    assert list(figure.layout.xaxis.ticktext) == ["below €50", "from €50"]
    assert [text.split("<br>")[0] for text in figure.layout.yaxis.ticktext] == ["● low", "◆ medium", "▲ high"]


def test_less_than_the_smallest_coin_is_drawn_as_that() -> None:
    tenths = tuple(Decile(n=10, predicted=said, actual=came) for said, came in ((0.0001, 0.0), (2.0, 3.0)))
    figure = hold_out_figure(_checked(tenths), currency="EUR")
    assert "came nearly in the order predicted (rank correlation 0.99)" in figure.layout.title.text
    predicted, actual = figure.data[-2:]
    assert (list(predicted.y), list(actual.y)) == ([0.01, 2.0], [0.01, 3.0])
    assert figure.layout.yaxis.type == "log"
    assert list(actual.customdata[0]) == [money(0.0001, "EUR"), money(0.0, "EUR"), "10"]


def test_tenths_that_lie_close_are_drawn_from_zero() -> None:
    tenths = tuple(Decile(n=10, predicted=said, actual=came) for said, came in ((2.5, 2.0), (2.6, 2.9)))
    figure = hold_out_figure(_checked(tenths, what="orders"))
    assert (figure.layout.yaxis.type, figure.layout.yaxis.rangemode) == (None, "tozero")
    assert list(figure.data[-1].y) == [2.0, 2.9]


def test_a_single_band_is_of_any_size(stake: Stake) -> None:
    cell = replace(stake.cells[0], low=None, below=None, n_customers=1)
    assert cell_words(cell) == "high risk, expected value of any size (1 customer)"


def _checked(tenths: tuple[Decile, ...], *, what: str = "spend") -> HoldOut:
    return HoldOut(
        cutoff=datetime(2026, 8, 3), horizon_days=90, what=what, method="mix", level_rule="last_year",
        n_customers=20, n_bought=8, predicted=20.0, actual=30.0, mae=1.0, mae_same=2.0, mae_rhythm=3.0,
        deciles=tenths, decile_correlation=0.988, orders_predicted=9.0, orders_actual=8.0,
    )  # fmt: skip
