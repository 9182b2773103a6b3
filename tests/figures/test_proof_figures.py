"""Figures of past warnings: the sentence is what was counted, and replayed is told from lived by mark and word."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import plotly.graph_objects as go
import pytest

from churn_core.figures import proof as figures
from churn_core.figures.theme import Mode
from churn_core.models.outcomes import CutoffOutcome, Kind, LeadTimes, Money, Outcome, calibration_of
from churn_core.timeline import ChurnDefinition

START = datetime(2026, 3, 1)


def cutoff(kind: Kind = "replayed", *, days: int = 0, n_left: int = 70, risk_sum: float = 72.0) -> CutoffOutcome:
    """A thousand customers, a hundred of them in the high tier."""
    high, low = Outcome(n=100, n_churned=n_left, risk_sum=risk_sum), Outcome(n=900, n_churned=90, risk_sum=99.0)
    return CutoffOutcome(
        kind=kind,
        as_of=START + timedelta(days=days),
        definition=ChurnDefinition(horizon_days=90),
        model_version=1,
        estimator="blend",
        run_id=None,
        tiers={"high": high, "medium": Outcome(), "low": low},
        bins={11: low, 72: high},
        tops={50: Outcome(n=50, n_churned=30, risk_sum=33.0)},
        money=Money(lost_value=1000.0, lost_value_high=400.0, lost_value_top={50: 500.0}),
    )


def leads() -> LeadTimes:
    return LeadTimes(
        since=date(2026, 2, 1), until=date(2026, 4, 1), follow_up_days=90, span_days=97, step_days=30, n=10,
        silent_days={0: 1, 12: 2, 40: 3, 90: 1}, n_with_rhythm=6, n_within_gap=2,
    )  # fmt: skip


def title(figure: go.Figure) -> str:
    return str(figure.layout.title.text)


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (Outcome(n=100, n_churned=70, risk_sum=72.0), "as predicted (72.0 %)"),
        (Outcome(n=10_000, n_churned=7_000, risk_sum=7_900.0), "9.0 points fewer than predicted (79.0 %)"),
        (Outcome(n=10_000, n_churned=7_000, risk_sum=6_000.0), "10.0 points more than predicted (60.0 %)"),
    ],
)
def test_the_verdict_says_which_way_it_was_off(outcome: Outcome, words: str) -> None:
    assert figures.verdict(outcome) == words


def test_the_headline_tells_the_warned_from_those_who_would_have_been() -> None:
    warned = Outcome(n=1204, n_churned=855, risk_sum=830.8)
    both = [cutoff(), cutoff(days=30)]
    assert figures.headline(warned, both, "replayed").startswith(
        "Of 1,204 customers who would have been warned between 1 Mar 2026 and 31 Mar 2026, 71.0 % left"
    )
    assert "1,204 customers warned between" in figures.headline(warned, both, "lived")
    assert "Nobody was warned on 1 Mar 2026" in figures.headline(Outcome(), both[:1], "lived")


def test_replayed_marks_are_open_and_lived_ones_filled() -> None:
    drawn = figures.series_figure([cutoff(), cutoff("lived", days=30)])
    symbols = {trace.name: trace.marker.symbol for trace in drawn.data if trace.mode == "markers"}
    assert symbols["high: happened, replayed"] == "circle-open"
    assert symbols["high: happened, lived"] == "circle"
    legend = [trace.name for trace in drawn.data if trace.showlegend is not False]
    assert legend == [
        "predicted", "happened, replayed, with 95 % interval", "happened, lived, with 95 % interval",
    ]  # fmt: skip
    assert title(drawn).startswith("As many left as predicted in 4 of 4 comparisons")


def test_a_tier_without_customers_is_not_drawn() -> None:
    drawn = figures.series_figure([cutoff()])
    assert not [trace.name for trace in drawn.data if trace.name.startswith("medium")]
    assert [note.text for note in drawn.layout.annotations] == ["▲ high", "● low"]


def test_warnings_stand_beside_the_share_of_everybody() -> None:
    drawn = {trace.name: list(trace.y) for trace in figures.warnings_figure([cutoff()], 50).data}
    assert drawn == {
        "high tier, replayed": [0.7],
        "first 50 by value at risk, replayed": [0.6],
        "everybody, replayed": [0.16],
    }
    assert title(figures.warnings_figure([cutoff()], None)).endswith("4.4 times the 16.0 % among all")


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_every_warned_leaver_is_in_a_bar(mode: Mode) -> None:
    drawn = figures.lead_figure(leads(), "replayed", mode=mode)
    assert sum(drawn.data[0].y) == leads().n_warned == 7
    assert title(drawn) == (
        "Of 10 who left, 70.0 % were warned, half of these by day 40 of silence, "
        "at least 57 days before it proved itself"
    )
    assert drawn.layout.annotations[0].text == "half by day 40"


def test_quartiles_are_counted_customers() -> None:
    assert [leads().silent_quantile(share) for share in (0.25, 0.5, 0.75)] == [12, 40, 40]
    assert [leads().early_quantile(share) for share in (0.25, 0.5, 0.75)] == [85, 57, 57]
    assert (leads().never.n_churned, leads().within_gap.happened) == (3, pytest.approx(1 / 3))


def test_money_is_compared_with_the_share_of_customers() -> None:
    assert title(figures.money_figure([cutoff(), cutoff("lived", days=30)])) == (
        "The high tier was 10.0 % of customers and held 40.0 % of the money that left"
    )
    assert cutoff().money.captured_top(50) == 0.5


def test_titles_where_nobody_was_warned_or_nobody_left() -> None:
    made = vars(cutoff())
    unwarned = CutoffOutcome(**{**made, "tiers": {**made["tiers"], "high": Outcome()}})
    assert figures.warnings_sentence([unwarned]) == "Nobody was in the high tier, so there were no warnings to judge"
    assert figures.money_sentence([unwarned]).startswith("Nobody was in the high tier, so none of the money")
    stayed = {"high": Outcome(n=100, risk_sum=72.0), "medium": Outcome(), "low": Outcome(n=900, risk_sum=99.0)}
    loyal = CutoffOutcome(**{**made, "tiers": stayed, "money": Money()})
    assert figures.warnings_sentence([loyal]) == "Nobody left, so none of the 100 warnings was right"
    assert figures.money_sentence([loyal]) == "No expected value is known of those who left"


def test_groups_of_the_calibration_curve_hold_all_customers() -> None:
    bins = calibration_of([cutoff(), cutoff(days=30)])
    assert [(bin_.n, bin_.happened) for bin_ in bins] == [(1800, 0.1), (200, 0.7)]
    assert bins[0].predicted == pytest.approx(0.11)


def test_small_groups_are_put_together() -> None:
    few = {number: Outcome(n=9, n_churned=1, risk_sum=0.09 * number) for number in range(10)}
    made = calibration_of([CutoffOutcome(**{**vars(cutoff()), "bins": few})])
    assert sum(bin_.n for bin_ in made) == 90
    assert min(bin_.n for bin_ in made) >= 20
