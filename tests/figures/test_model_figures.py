"""Figures of model quality say as title what they draw, and draw what the evaluation holds."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import plotly.graph_objects as go
import pytest

from churn_core.errors import InputError
from churn_core.figures import models as figures
from churn_core.figures.theme import percent
from churn_core.models.capacity import at_share
from churn_core.models.evaluation import Evaluation, confusion, evaluate


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    random = np.random.default_rng(3)
    risk = random.beta(2, 3, 4000)
    return evaluate(random.random(4000) < risk, risk)


def title(figure: go.Figure) -> str:
    return str(figure.layout.title.text)


def test_honest_risks_are_taken_at_their_word(evaluation: Evaluation) -> None:
    assert title(figures.calibration_figure(evaluation)).startswith("Risks can be taken at their word")


def test_risks_that_are_right_only_on_average_are_called_so() -> None:
    random = np.random.default_rng(5)
    risk = random.beta(2, 2, 4000)
    stretched = 0.5 + 0.5 * (risk - 0.5)
    sentence = figures.calibration_sentence(evaluate(random.random(4000) < risk, stretched))
    assert sentence.startswith("Risks are right on average, but ")


def test_risks_that_are_too_high_are_called_so() -> None:
    random = np.random.default_rng(4)
    risk = random.beta(2, 3, 2000)
    sentence = figures.calibration_sentence(evaluate(random.random(2000) < risk * 0.7, risk))
    assert sentence.startswith("Risks are too high by ")
    assert "n = 2,000" in sentence


def test_the_calibration_figure_draws_every_bin(evaluation: Evaluation) -> None:
    drawn = figures.calibration_figure(evaluation, mode="dark").data[1]
    assert list(drawn.x) == [bin_.predicted for bin_ in evaluation.calibration]
    assert list(drawn.y) == [bin_.happened for bin_ in evaluation.calibration]


def test_lift_and_gain_speak_of_the_same_tenth(evaluation: Evaluation) -> None:
    tenth = next(row for row in evaluation.capacity if row.share == 0.1)
    assert percent(tenth.recall) in title(figures.gain_figure(evaluation))
    assert percent(tenth.precision) in title(figures.lift_figure(evaluation))


def test_precision_at_capacity_agrees_with_the_evaluation_where_both_have_it(evaluation: Evaluation) -> None:
    for row in evaluation.capacity:
        found = at_share(evaluation, row.share)
        assert (found.k, found.n_caught) == (row.k, row.n_caught)
        assert found.precision_low == pytest.approx(row.precision_low)


def test_the_capacity_sentence_counts_people(evaluation: Evaluation) -> None:
    chosen = at_share(evaluation, 0.05)
    sentence = figures.capacity_sentence(chosen, 300)
    assert sentence.startswith("Contact 300 customers: about ")
    assert percent(chosen.precision_low) in sentence
    figure = figures.capacity_figure(evaluation, chosen, n_people=300)
    assert figure.data[-1].x[0] == chosen.share


@pytest.mark.parametrize("share", [0, -0.1, 1.2])
def test_an_impossible_share_is_refused(evaluation: Evaluation, share: float) -> None:
    with pytest.raises(InputError, match="share of customers to contact"):
        at_share(evaluation, share)


def test_contacting_everybody_finds_every_churner(evaluation: Evaluation) -> None:
    everybody = at_share(evaluation, 1)
    assert everybody.recall == 1
    assert everybody.lift_ratio == pytest.approx(1)


def test_curves_have_intervals_and_base_rates_in_their_titles(evaluation: Evaluation) -> None:
    assert percent(evaluation.auc.low) in title(figures.roc_figure(evaluation))
    assert percent(evaluation.churn_rate) in title(figures.precision_recall_figure(evaluation))


def test_confusion_adds_up_to_everybody(evaluation: Evaluation) -> None:
    counts = confusion(evaluation, 0.5)
    figure = figures.confusion_figure(counts)
    assert sum(map(sum, figure.data[0].z)) == pytest.approx(1)
    called = counts.n_true_positive + counts.n_false_positive
    assert f"{called:,} are called" in title(figure)


def test_nobody_called_is_said(evaluation: Evaluation) -> None:
    assert figures.confusion_sentence(confusion(evaluation, 1.0)).endswith("nobody is called")


def test_periods_count_how_often_the_level_was_right() -> None:
    cutoffs = [datetime(2025, month, 1) for month in (1, 2, 3)]
    figure = figures.periods_figure(cutoffs, [0.5, 0.5, 0.5], [0.52, 0.61, 0.46])
    assert title(figure) == "In 2 of 3 periods the prediction came within 5 points of what happened"


def test_the_inputs_that_move_the_risk_most_come_first() -> None:
    inputs = [("Days since the last order", 0.8), ("Orders <90 days>", 0.1), ("Spend", 0.05), ("Ratings", 0.05)]
    figure = figures.importance_figure(inputs)
    assert list(figure.data[0].x) == [0.05, 0.05, 0.1, 0.8]
    assert figure.data[0].y[2] == "Orders &lt;90 days&gt;"
    assert title(figure).startswith("Days since the last order moves the risk most; the first three")
    assert "95.0 %" in title(figure)
    assert figures.importance_sentence([]) == "No input moves the risk"
