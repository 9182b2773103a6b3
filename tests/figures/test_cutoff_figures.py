"""Figures about cut-offs show what the counts say, in both modes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from churn_core.customers.cutoffs import outcome
from churn_core.customers.risk_counts import RiskCounts, risk_counts
from churn_core.customers.scenario import Scenario
from churn_core.figures.cutoffs import (
    break_even_figure,
    break_even_sentence,
    cutoff_figure,
    cutoff_sentence,
    profit_figure,
    profit_sentence,
)
from churn_core.figures.theme import Mode
from churn_core.warehouse import Warehouse
from tests.customers.conftest import add_run

KNOWN, UNKNOWN = Scenario(contact_cost=2.0, chance=0.25), Scenario(contact_cost=2.0)
THRESHOLDS = {"A": 0.8, "B": 0.5}


@pytest.fixture(scope="module")
def counts() -> RiskCounts:
    warehouse = Warehouse.open(None)
    add_run(
        warehouse, {f"C{nr:03d}": (nr + 0.5) / 100 for nr in range(100)}, values={f"C{n:03d}": 40.0 for n in range(100)}
    )
    found = risk_counts(warehouse)
    warehouse.close()
    return found


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_the_histogram_has_twenty_bins_and_a_line_per_scenario(counts: RiskCounts, mode: Mode) -> None:
    outcomes = {name: outcome(counts, KNOWN, threshold) for name, threshold in THRESHOLDS.items()}
    figure = cutoff_figure(counts, outcomes, capacity_from={"A": 0.9}, mode=mode)
    leave, stay = figure.data[:2]
    assert len(leave.y) == 20
    assert np.add(leave.y, stay.y) == pytest.approx(np.full(20, 5.0))
    assert [trace.x[0] for trace in figure.data[2:]] == [0.8, 0.5, 0.9]
    assert figure.layout.title.text.startswith("A contacts 20 customers, of whom about 18 would leave; B contacts 50")


def test_the_best_threshold_is_marked_on_the_profit_curve(counts: RiskCounts) -> None:
    """A contact pays when .25 x 40 x risk > 2, from a risk of 20 % on: 80 customers with 48 churners."""
    figure = profit_figure(counts, {"A": KNOWN, "B": UNKNOWN}, THRESHOLDS)
    assert figure is not None
    curve, best, chosen = figure.data
    assert best.y[0] == pytest.approx(0.25 * 40 * 48 - 2 * 80)
    assert best.y[0] >= max(curve.y) - 1e-9
    assert 0.195 < best.x[0] <= 0.205
    assert (chosen.x[0], chosen.y[0]) == (0.8, pytest.approx(0.25 * 40 * 18 - 2 * 20))
    assert figure.layout.title.text.startswith("A earns most from 20.5 % on: 320 with 80 contacts")
    assert "B" not in figure.layout.title.text


def test_the_best_threshold_keeps_to_what_can_be_contacted(counts: RiskCounts) -> None:
    limited = replace(KNOWN, per_day=2, n_days=5)
    figure = profit_figure(counts, {"A": limited}, THRESHOLDS)
    assert figure is not None
    assert figure.data[1].x[0] > 0.89
    assert figure.data[1].y[0] == pytest.approx(0.25 * 40 * 9.5 - 2 * 10)
    assert figure.layout.title.text == (
        "A earns most from 90.5 % on: 75 with 10 contacts (without its limit of 10: 320 with 80 contacts)"
    )


def test_titles_where_nobody_everybody_or_nothing_pays(counts: RiskCounts) -> None:
    outcomes = {name: outcome(counts, KNOWN, threshold) for name, threshold in (("A", 1.0), ("B", 0.0))}
    assert cutoff_sentence(outcomes) == "A contacts nobody; B contacts all 100 customers, of whom about 50 would leave"
    scenarios = {"A": replace(KNOWN, contact_cost=99.0), "B": Scenario(chance=0.25)}
    assert profit_sentence(counts, scenarios) == (
        "A loses money at every threshold, so contacting nobody is best; "
        "B has no cost entered, so every contact seems to pay"
    )
    assert break_even_sentence(counts, scenarios, THRESHOLDS) == "A cannot pay for itself"
    assert break_even_sentence(counts, {"A": UNKNOWN}, {"A": 1.0}) == "A contacts nobody"


def test_without_a_chance_the_break_even_is_drawn_instead(counts: RiskCounts) -> None:
    scenarios = {"A": UNKNOWN, "B": UNKNOWN}
    assert profit_figure(counts, scenarios, THRESHOLDS) is None
    figure = break_even_figure(counts, scenarios, THRESHOLDS)
    assert figure is not None
    assert figure.data[1].y[0] == pytest.approx(2 * 20 / (40 * 18))
    assert figure.layout.title.text.startswith("A pays for itself when the offer saves about 1 in 18")
    assert break_even_figure(counts, {"A": Scenario()}, THRESHOLDS) is None
