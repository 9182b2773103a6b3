"""Figures of what customers are worth: every cell of the matrix is drawn once, in order, and says what it holds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from churn_core.customers.worth_stake import Cell, Stake
from churn_core.figures.theme import Mode, palette
from churn_core.figures.value import cell_words, matrix_figure

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


def test_a_single_band_is_of_any_size(stake: Stake) -> None:
    cell = replace(stake.cells[0], low=None, below=None, n_customers=1)
    assert cell_words(cell) == "high risk, expected value of any size (1 customer)"
