"""Figures of a readout: titles say what the numbers say, and what is drawn are these numbers."""

from __future__ import annotations

import html
from datetime import date, datetime

import plotly.graph_objects as go
import pytest

from churn_core.campaigns.readout_model import (
    ArmMoney,
    ArmResult,
    ArmSequence,
    Money,
    Reached,
    SegmentCut,
    SequencePoint,
    Sequential,
    Slice,
)
from churn_core.figures import readout as figures
from churn_core.figures.effects import Effect, effects_figure, effects_sentence
from churn_core.figures.theme import Mode, palette
from churn_core.stats.bayes import compare_rates_bayes
from churn_core.stats.estimate import Comparison, Estimate
from churn_core.stats.moments import Rate
from churn_core.stats.rates import compare_rates


def title(figure: go.Figure) -> str:
    return html.unescape(str(figure.layout.title.text))


def result(arm: str, n_hits: int, *, p_adjusted: float | None, **changes: object) -> ArmResult:
    """A thousand customers against a thousand in the control, a tenth of whom came back."""
    control, treatment = Rate(n_hits=100, n=1000), Rate(n_hits=n_hits, n=1000)
    values: dict[str, object] = {
        "metric": "retained", "label": "retained customers", "arm": arm, "is_primary": True, "kind": "rate",
        "unit": "share", "comparison": compare_rates(control, treatment), "p_adjusted": p_adjusted,
        "posterior": compare_rates_bayes(control, treatment),
    }  # fmt: skip
    return ArmResult(**(values | changes))  # type: ignore[arg-type]


def spend(arm: str, value: float, low: float, high: float, *, p_adjusted: float) -> ArmResult:
    found = Estimate(value=value, low=low, high=high)
    compared = Comparison(
        n_control=1000, n_treatment=1000, control=10.0, treatment=10.0 + value, difference=found, lift=found,
        p_value=p_adjusted, method="Welch test",
    )  # fmt: skip
    return ArmResult(
        metric="spend", label="spend per customer", arm=arm, is_primary=False, unit="currency", comparison=compared,
        p_adjusted=p_adjusted,
    )  # fmt: skip


def marks(figure: go.Figure) -> list[go.Scatter]:
    return [trace for trace in figure.data if trace.mode == "markers"]


def lines_at(figure: go.Figure) -> list[float]:
    """Where vertical lines stand."""
    return [shape.x0 for shape in figure.layout.shapes if shape.type == "line" and shape.x0 == shape.x1]


def test_every_metric_has_its_own_axis_in_its_own_unit() -> None:
    shown = figures.results_figure(
        [
            result("coupon", 150, p_adjusted=0.001),
            result("call", 104, p_adjusted=0.8),
            spend("coupon", 1.5, 0.5, 2.5, p_adjusted=0.01),
            spend("call", 0.1, -0.9, 1.1, p_adjusted=0.9),
        ],
        currency="EUR",
    )
    rates, money = marks(shown)
    assert list(rates.x) == pytest.approx([5.0, 0.4])
    assert list(money.x) == pytest.approx([1.5, 0.1])
    assert (rates.xaxis, money.xaxis) == ("x", "x2")
    assert [note.text for note in shown.layout.annotations] == [
        "<b>retained customers</b>, in points",
        "<b>spend per customer</b>, in €",
    ]
    assert title(shown) == (
        "2 of 4 effects are clear of zero: coupon on retained customers +5.00 points; "
        "coupon on spend per customer +€1.50"
    )


def test_clear_effects_are_filled_and_others_open() -> None:
    shown = figures.results_figure([result("coupon", 150, p_adjusted=0.001), result("call", 104, p_adjusted=0.8)])
    colours = palette()
    assert list(marks(shown)[0].marker.color) == [colours.good, colours.background]
    assert list(marks(shown)[0].marker.line.color) == [colours.good, colours.neutral]


@pytest.mark.parametrize(("is_lower_better", "side"), [(False, 2.0), (True, -2.0)])
def test_the_effect_worth_having_stands_on_the_better_side(is_lower_better: bool, side: float) -> None:
    shown = figures.results_figure(
        [result("coupon", 150, p_adjusted=0.001, is_lower_better=is_lower_better)], smallest=0.02
    )
    assert lines_at(shown) == pytest.approx([0.0, side])
    good = palette().high if is_lower_better else palette().good
    assert list(marks(shown)[0].marker.color) == [good]
    low, high = shown.layout.xaxis.range
    assert low < min(side, 0) <= max(side, 0) < high


def test_without_a_clear_effect_the_title_gives_the_interval_and_never_says_none() -> None:
    shown = figures.results_figure([result("call", 104, p_adjusted=0.8)])
    between = compare_rates(Rate(n_hits=100, n=1000), Rate(n_hits=104, n=1000)).difference
    assert between.low is not None
    assert between.high is not None
    assert title(shown) == (
        "The effect is not clear of zero; call on retained customers lies between "
        f"{100 * between.low:+.2f} and {100 * between.high:+.2f} points"
    )


def test_an_effect_that_is_not_defined_is_listed_without_a_mark() -> None:
    nothing = Effect(
        metric="spend", label="coupon", unit="currency", difference=Estimate.undefined("not enough data."),
        n_control=1, n_treatment=1, is_clear=False,
    )  # fmt: skip
    shown = effects_figure([nothing])
    assert not len(marks(shown)[0].x)
    assert list(shown.layout.yaxis.categoryarray) == ["coupon"]
    assert effects_sentence([nothing]) == "No effect can be told yet"


def test_names_from_customers_data_are_not_markup() -> None:
    shown = figures.results_figure([result("<b>x</b>", 150, p_adjusted=0.001)])
    assert list(marks(shown)[0].y) == ["&lt;b&gt;x&lt;/b&gt;"]


def looks(decided_on: date | None = None) -> Sequential:
    points = (
        SequencePoint(day=date(2024, 3, 10), n=100, is_whole_window=False, value=0.01, low=None, high=None),
        SequencePoint(day=date(2024, 4, 10), n=400, is_whole_window=True, value=0.03, low=-0.02, high=0.08),
        SequencePoint(day=date(2024, 5, 10), n=900, is_whole_window=True, value=0.04, low=0.01, high=0.07),
    )
    return Sequential(
        metric="retained", label="retained customers", kind="rate", unit="share", method="m", planned_n=1000,
        planned_end=date(2024, 6, 1), arms=(ArmSequence(arm="coupon", points=points, decided_on=decided_on),),
        told="The interval left out zero on 10 May 2024.",
    )  # fmt: skip


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_the_sequential_chart_draws_band_looks_and_planned_end(mode: Mode) -> None:
    shown = figures.sequential_figure(looks(date(2024, 5, 10)), mode=mode)
    high, low, line = shown.data
    assert list(high.y) == pytest.approx([8.0, 7.0])
    assert list(low.y) == pytest.approx([-2.0, 1.0])
    assert list(line.y) == pytest.approx([1.0, 3.0, 4.0])
    assert list(line.marker.symbol) == ["circle-open", "circle", "circle"]
    assert datetime(2024, 6, 1) in lines_at(shown)
    assert title(shown) == "The interval left out zero on 10 May 2024"
    assert {"clear of zero", "planned end 1 Jun 2024"} <= {note.text for note in shown.layout.annotations}


def test_before_a_decision_no_look_is_called_clear() -> None:
    notes = figures.sequential_figure(looks()).layout.annotations
    assert "clear of zero" not in {note.text for note in notes}


def test_segments_carry_their_size_and_the_sentence_of_the_interaction_test() -> None:
    compared = compare_rates(Rate(n_hits=10, n=100), Rate(n_hits=30, n=110))
    cut = SegmentCut(
        column="tier", label="tier", arm="coupon", kind="rate", unit="share", p_interaction=0.4, p_adjusted=0.6,
        slices=(Slice(name="high", comparison=compared, p_adjusted=0.01),), told="The tiers do not clearly differ.",
    )  # fmt: skip
    shown = figures.segments_figure(cut)
    assert title(shown) == "The tiers do not clearly differ"
    assert list(shown.layout.yaxis.categoryarray) == ["high (n 210)"]


def arm_money(net: Estimate, arm: str = "coupon") -> ArmMoney:
    return ArmMoney(
        arm=arm, n=100, n_contacted=100, n_offers=10, orders=Estimate(value=5.0, low=1.0, high=9.0),
        margin=Estimate(value=300.0, low=100.0, high=500.0), contact_cost=50.0, offer_cost=70.0, net=net,
        return_on_spend=Estimate(value=2.5, low=0.8, high=4.2),
    )  # fmt: skip


def test_money_says_what_is_left_and_whether_it_is_sure() -> None:
    sure = arm_money(Estimate(value=180.0, low=20.0, high=380.0))
    open_ = arm_money(Estimate(value=-20.0, low=-120.0, high=80.0), arm="call")
    shown = figures.money_figure(Money(currency="EUR", margin_rate=0.3, arms=(sure, open_), told=""))
    assert title(shown) == (
        "coupon earned €180 after its costs (between +€20 and +€380); "
        "call lost €20 after its costs (between -€120 and +€80), which is not clear of zero"
    )
    assert list(shown.data[0].x) == [300.0, -120.0, 180.0]
    assert list(shown.data[0].error_x.array) == [200.0, 0.0, 200.0]


def test_money_that_is_not_defined_is_not_drawn_as_nothing() -> None:
    found = Money(currency="", margin_rate=0.3, arms=(arm_money(Estimate.undefined("no costs.")),), told="")
    shown = figures.money_figure(found)
    assert title(shown) == "coupon: not told yet"
    assert list(shown.data[0].y) == ["margin more", "costs"]


def test_the_bayesian_view_says_the_chance_in_the_metrics_own_direction() -> None:
    up = figures.posterior_figure([result("coupon", 150, p_adjusted=0.001)])
    down = figures.posterior_figure([result("coupon", 150, p_adjusted=0.001, is_lower_better=True)])
    assert title(up) == "Chance to beat the control on retained customers: coupon > 99.9 %"
    assert title(down) == "Chance to beat the control on retained customers: coupon < 0.1 %"
    posterior = result("coupon", 150, p_adjusted=0.001).posterior
    assert posterior is not None
    assert list(up.data[0].x) == pytest.approx([100 * posterior.low, 100 * posterior.high])


def test_the_funnel_counts_customers_step_by_step() -> None:
    shown = figures.reached_figure([Reached(arm="coupon", steps=(("sent", 200), ("opened", 50)))])
    assert title(shown) == "Of 200 sent in coupon, 25.0 % opened"
    assert list(shown.data[0].text) == ["200 · 100.0 %", "50 · 25.0 %"]
    assert title(figures.reached_figure([Reached(arm="coupon", steps=())])) == "No contact was imported yet"
