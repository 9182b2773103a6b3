"""Figures show the numbers of their result, say them in their title, and run nothing a customer typed."""

from __future__ import annotations

import itertools
import json
import math
import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from churn_core.customers.at_risk import count_and_totals, reason_totals
from churn_core.customers.profile import CustomerProfile, CustomerScore, customer_profile
from churn_core.customers.selection import CustomerFilter
from churn_core.customers.tiers import TierPolicy
from churn_core.figures.contributions import Reading, bars, contributions_figure, explained
from churn_core.figures.customers import (
    has_line,
    reasons_figure,
    risk_history_figure,
    tiers_figure,
    timeline_figure,
)
from churn_core.figures.force import force_plot_html
from churn_core.figures.theme import DARK, LIGHT, Mode, Palette
from churn_core.warehouse import Warehouse

from .conftest import add_orders, add_run

POLICY = TierPolicy(high_from=0.7, medium_from=0.4)


@pytest.fixture
def profile(shop: Warehouse) -> CustomerProfile:
    return customer_profile(shop, "C003")


@pytest.fixture
def torn(warehouse: Warehouse) -> CustomerScore:
    """A score whose overlapping signals pull against each other, as collinear ones do."""
    add_run(warehouse, {"a": 1 / (1 + math.exp(-2.0))}, main_reason={"a": "lateness_ratio"})
    names = ["days_since_last_order", "lateness_ratio", "n_order_days", "n_tickets_90"]
    with warehouse.transaction() as tx:
        tx.execute("UPDATE score_runs SET feature_names = $names", {"names": names})
        tx.execute("UPDATE contributions SET feature_values = [92, 14.3, 101, 0], contributions = [-0.9, 1.9, 2, -0.5]")
        tx.execute("UPDATE reasons SET up_1 = '92 days since the last order; usual gap 6', down_1 = $down",
                   {"down": "no service requests in the last 90 days; usual 1-2"})  # fmt: skip
    score = customer_profile(warehouse, "a").score
    assert score
    return score


def _luminance(colour: str) -> float:
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_risk_colours_differ_in_lightness_and_stand_out_in_order(colours: Palette) -> None:
    page = _luminance(colours.background)
    contrast = [
        (max(page, light) + 0.05) / (min(page, light) + 0.05)
        for light in (_luminance(colours.tiers[tier]) for tier in ("high", "medium", "low"))
    ]
    assert contrast[0] > 1.4 * contrast[1]
    assert contrast[1] > 1.3 * contrast[2]


@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_text_can_be_read_on_its_page(colours: Palette) -> None:
    for text, least in ((colours.text, 7), (colours.muted, 4.5), (colours.accent, 4.5)):
        for behind in (colours.background, colours.card):
            lights = sorted((_luminance(text), _luminance(behind)))
            assert (lights[1] + 0.05) / (lights[0] + 0.05) >= least


@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_bars_and_lines_stand_out_from_the_page(colours: Palette) -> None:
    for drawn in (*colours.tiers.values(), *colours.series, colours.accent_light):
        lights = sorted((_luminance(drawn), _luminance(colours.background)))
        assert (lights[1] + 0.05) / (lights[0] + 0.05) >= 3


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_every_figure_has_a_sentence_and_the_template(shop: Warehouse, profile: CustomerProfile, mode: Mode) -> None:
    assert profile.score
    for figure in (
        tiers_figure(count_and_totals(shop, CustomerFilter()), currency="GBP", mode=mode),
        reasons_figure(reason_totals(shop, CustomerFilter()), mode=mode),
        risk_history_figure(profile.history, POLICY, mode=mode),
        contributions_figure(profile.score, mode=mode),
        timeline_figure(profile, mode=mode),
    ):
        assert len(figure.layout.title.text.split()) >= 4
        assert figure.layout.template.layout.font.color == (DARK if mode == "dark" else LIGHT).text


def test_shares_of_the_tiers_add_up(shop: Warehouse) -> None:
    totals = count_and_totals(shop, CustomerFilter())
    figure = tiers_figure(totals)
    for row in (0, 1):
        assert sum(trace.x[row] for trace in figure.data) == pytest.approx(1)
    assert "36.0 %" not in figure.layout.title.text
    assert f"{100 * totals.tier('high').n_customers / 40:.1f} % of 40 customers" in figure.layout.title.text


def test_a_part_too_narrow_for_its_label_is_counted_in_the_legend(warehouse: Warehouse) -> None:
    add_run(warehouse, {f"C{nr:03d}": (nr + 0.5) / 100 for nr in range(100)})
    with warehouse.transaction() as tx:
        tx.execute(
            "UPDATE scores SET tier = CASE WHEN risk > 0.96 THEN 'high' WHEN risk > 0.8 THEN 'medium' ELSE 'low' END"
        )
    figure = tiers_figure(count_and_totals(warehouse, CustomerFilter()))
    high, medium, _ = figure.data
    assert [text for row, text in zip(high.y, high.text, strict=True) if row == "customers"] == [""]
    assert "4 customers" in high.name
    assert "customers" not in medium.name
    assert "<b>16</b>" in medium.text[list(medium.y).index("customers")]


def test_tiers_without_known_money_show_customers_only(warehouse: Warehouse) -> None:
    add_run(warehouse, {"a": 0.9, "b": 0.1}, values={"a": None, "b": None})
    figure = tiers_figure(count_and_totals(warehouse, CustomerFilter()))
    assert [list(trace.y) for trace in figure.data] == [["customers"]] * 3
    assert figure.layout.title.text == "The high tier is 50.0 % of 2 customers"


def test_main_reasons_are_counted_as_in_the_scores(shop: Warehouse) -> None:
    reasons = reason_totals(shop, CustomerFilter(tiers=("high",)))
    by_hand = dict(shop.rows("SELECT main_group, count(*) FROM scores WHERE tier = 'high' GROUP BY 1"))
    assert {reason.name: reason.n_customers for reason in reasons} == by_hand
    figure = reasons_figure(reasons)
    assert sorted(figure.data[0].x) == sorted(by_hand.values())


@pytest.mark.parametrize("reading", ["by group", "every signal"])
def test_the_bars_start_at_the_base_and_end_at_the_customers_log_odds(
    profile: CustomerProfile, reading: Reading
) -> None:
    score = profile.score
    assert score
    waterfall = contributions_figure(score, reading).data[0]
    assert waterfall.base == score.run.base_log_odds
    assert waterfall.base + sum(waterfall.x) == pytest.approx(score.log_odds)
    last = f"{waterfall.x[-1]:+.2f} → {100 * score.risk:.1f} %"
    assert waterfall.text[-1] == last, "the last bar says its step and ends at the customer's risk"


def test_many_contributions_are_summed_up_in_one_bar(warehouse: Warehouse) -> None:
    add_run(warehouse, {"a": 0.8})
    n, total = 30, math.log(0.8 / 0.2) + 0.5
    with warehouse.transaction() as tx:
        tx.execute(f"UPDATE score_runs SET feature_names = [format('f{{}}', i) FOR i IN range({n})]")
        tx.execute(f"UPDATE contributions SET feature_values = [i FOR i IN range({n})], contributions = "
                   f"[{total / n} FOR i IN range({n})]")  # fmt: skip
    score = customer_profile(warehouse, "a").score
    assert score
    for reading, last in (("every signal", "20 further signals"), ("by group", "22 further groups")):
        waterfall = contributions_figure(score, reading).data[0]  # type: ignore[arg-type]
        assert waterfall.y[-1] == last
        assert waterfall.base + sum(waterfall.x) == pytest.approx(score.log_odds, abs=1e-5)


def test_words_and_figures_name_the_same_groups(torn: CustomerScore) -> None:
    assert explained(torn) == (
        "Risk is 88.1 %, raised most by own rhythm of orders, lowered most by service requests and waiting"
    )
    first = contributions_figure(torn)
    assert first.data[0].y[0].startswith("Own rhythm of orders<br>")
    assert first.data[0].y[0].endswith("92 days since the last order<br>usual gap 6</span>")
    assert first.layout.title.text == "From the start at 37.8 % to 88.1 %, group by group, the longest step first"
    assert next(bar.label for bar in bars(torn, "every signal")) == "Order days", "every signal stays to be seen"


@pytest.mark.parametrize("reading", ["by group", "every signal"])
def test_ticks_of_the_bars_do_not_run_into_each_other(profile: CustomerProfile, reading: Reading) -> None:
    assert profile.score
    axis = contributions_figure(profile.score, reading).layout.xaxis
    gaps = [after - before for before, after in itertools.pairwise(axis.tickvals)]
    assert min(gaps) >= 0.12 * (axis.range[1] - axis.range[0])


def test_the_history_says_how_far_the_risk_moved(warehouse: Warehouse) -> None:
    add_run(warehouse, {"a": 0.5}, as_of=datetime(2026, 10, 2))
    only = customer_profile(warehouse, "a").history
    assert not has_line(only)
    assert "only scoring so far" in risk_history_figure(only, POLICY).layout.title.text
    add_run(warehouse, {"a": 0.62})
    both = customer_profile(warehouse, "a").history
    assert has_line(both)
    assert risk_history_figure(both, POLICY).layout.title.text == "Risk is 62.0 %, 12.0 points up since 2 Oct 2026"
    last = both[1]
    assert last.as_of
    again = replace(last, run_id=last.run_id + 1, as_of=last.as_of + timedelta(minutes=2), risk=0.5)
    figure = risk_history_figure((*both, again), POLICY)
    assert len(set(figure.layout.xaxis.ticktext)) == 3
    assert figure.layout.title.text == f"Risk is 50.0 %, 12.0 points down since run {last.run_id}"


def test_the_history_is_in_the_order_of_cutoffs_and_keeps_the_latest_scoring_of_each(warehouse: Warehouse) -> None:
    for risk, cutoff in ((0.9, 1), (0.2, 8), (0.5, 5), (0.4, 8)):
        add_run(warehouse, {"a": risk}, as_of=datetime(2026, cutoff, 1))
    figure = risk_history_figure(customer_profile(warehouse, "a").history, POLICY)
    assert [moment.month for moment in figure.data[0].x] == [1, 5, 8]
    assert list(figure.data[0].y) == [0.9, 0.5, 0.4]
    assert figure.layout.title.text == "Risk is 40.0 %, 10.0 points down since 1 May 2026"


def test_the_timeline_counts_orders_and_names_the_mean_gap(warehouse: Warehouse) -> None:
    add_orders(warehouse, {"a": [10, 31, 52]})
    with warehouse.transaction() as tx:
        tx.execute("UPDATE orders SET gap_days = 21 WHERE order_id <> 'a/52'")
    figure = timeline_figure(customer_profile(warehouse, "a"))
    assert figure.layout.title.text == "3 orders since 10 Sep 2026, the last on 22 Oct 2026"
    assert len(figure.data[0].x) == 3


def test_markup_in_what_customers_wrote_is_shown_and_not_run(warehouse: Warehouse) -> None:
    row = {"customer_id": "a", "feedback_time": datetime(2026, 10, 1), "text": "<a href='javascript:x'>hi</a>"}
    with warehouse.transaction() as tx:
        tx.append("feedback", pd.DataFrame([row]))
        tx.append("customers", pd.DataFrame({"customer_id": ["a"]}))
    figure = timeline_figure(customer_profile(warehouse, "a"))
    assert "<a" not in figure.to_json()
    assert "&lt;a href" in figure.data[0].customdata[0][0]


def test_the_force_plot_holds_base_contributions_and_risk(profile: CustomerProfile) -> None:
    assert profile.score
    html = force_plot_html(profile.score, "every signal")
    shown = json.loads(re.search(r"AdditiveForceVisualizer, (\{.*\})\)", html)[1])  # type: ignore[index]
    assert shown["baseValue"] == -0.5
    assert shown["outValue"] == pytest.approx(profile.score.log_odds, abs=1e-6)
    effects = {shown["featureNames"][int(nr)]: part["effect"] for nr, part in shown["features"].items()}
    assert effects == pytest.approx({part.label: part.contribution for part in profile.score.contributions})
    assert shown["features"]["0"]["value"] in {"18 days", "3", "–"}
    assert "SHAP" in html


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_the_force_plot_by_group_adds_up_and_names_no_single_signal(torn: CustomerScore, mode: Mode) -> None:
    html = force_plot_html(torn, mode=mode)
    shown = json.loads(re.search(r"AdditiveForceVisualizer, (\{.*\})\)", html)[1])  # type: ignore[index]
    effects = {shown["featureNames"][int(nr)]: part["effect"] for nr, part in shown["features"].items()}
    assert effects == pytest.approx({"Own rhythm of orders": 3.0, "Service requests and waiting": -0.5})
    assert shown["baseValue"] + sum(effects.values()) == pytest.approx(torn.log_odds, abs=1e-6)
    assert (DARK if mode == "dark" else LIGHT).background in html


@pytest.mark.parametrize("reading", ["by group", "every signal"])
def test_what_rounding_leaves_of_zero_is_no_piece(warehouse: Warehouse, reading: Reading) -> None:
    score = _score_of(warehouse, [1.2, -0.7, -(2.0**-55)])
    assert [bar.step for bar in bars(score, reading)] == pytest.approx([1.2, -0.7])
    html = force_plot_html(score, reading)
    effects = [part["effect"] for part in _force_data(html)["features"].values()]
    assert effects == pytest.approx([1.2, -0.7])
    assert not any("0.00 " in text for text in contributions_figure(score, reading).data[0].text)


@pytest.mark.parametrize("none", [[0.0, 0.0, -0.0], [2.0**-55, -(2.0**-55), 0.0]])
@pytest.mark.parametrize("reading", ["by group", "every signal"])
def test_a_customer_whom_nothing_moves_has_figures_without_pieces(
    warehouse: Warehouse, reading: Reading, none: list[float]
) -> None:
    score = _score_of(warehouse, none)
    assert bars(score, reading) == ()
    shown = _force_data(force_plot_html(score, reading))
    assert shown["features"] == {}
    assert shown["baseValue"] == shown["outValue"] == -0.5
    axis = contributions_figure(score, reading).layout.xaxis
    assert axis.range[0] < -0.5 < axis.range[1]
    assert len(axis.tickvals) >= 3


def test_a_step_shorter_than_its_digits_is_told_without_a_direction(warehouse: Warehouse) -> None:
    steps = contributions_figure(_score_of(warehouse, [1.2, -0.7, -0.003])).data[0].text
    assert [text.split(" → ")[0] for text in steps] == ["+1.20", "-0.70", "±0.00"]


def _score_of(warehouse: Warehouse, contributions: list[float]) -> CustomerScore:
    """A score of three groups with these contributions."""
    add_run(warehouse, {"a": 1 / (1 + math.exp(0.5 - sum(contributions)))})
    with warehouse.transaction() as tx:
        tx.execute("UPDATE score_runs SET base_log_odds = -0.5")
        tx.execute("UPDATE contributions SET contributions = $parts", {"parts": contributions})
    score = customer_profile(warehouse, "a").score
    assert score
    return score


def _force_data(html: str) -> dict[str, Any]:
    """What shap's script is given; NaN and the like are no JSON and fail."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} goes to the browser")

    found = re.search(r"AdditiveForceVisualizer, (\{.*\})\)", html)
    assert found
    return dict(json.loads(found[1], parse_constant=refuse))


def test_a_name_or_value_cannot_leave_the_script_of_the_force_plot(warehouse: Warehouse) -> None:
    hostile = "</script><script>alert(1)</script>"
    frame = pd.DataFrame({"customer_id": ["1"], "churned": [True], "attributes": [json.dumps({hostile: hostile})]})
    with warehouse.transaction() as tx:
        tx.append("snapshots", frame)
    add_run(warehouse, {"1": 0.8}, source="snapshots", as_of=None)
    with warehouse.transaction() as tx:
        tx.execute("UPDATE score_runs SET feature_names = [$name, '<!--', 'x>y']", {"name": hostile})
        tx.execute("UPDATE contributions SET feature_values = [NULL, 1, 2]")
    score = customer_profile(warehouse, "1").score
    assert score
    html = force_plot_html(score, "every signal")
    plot = html[html.index("<body>") :]
    assert plot.count("<script>") == plot.count("</script>") == 2, "the plot's and that of its labels"
    data = re.search(r"AdditiveForceVisualizer, (\{.*\})\)", plot)[1]  # type: ignore[index]
    assert not set(data) & set("<>")
    assert "/scriptscriptalert(1)/script" in data


@pytest.mark.parametrize("reading", ["by group", "every signal"])
def test_lines_of_the_ends_do_not_run_through_labels(profile: CustomerProfile, reading: Reading) -> None:
    assert profile.score
    figure = contributions_figure(profile.score, reading)
    way = figure.data[0]
    path = list(itertools.accumulate(way.x, initial=way.base))
    shown = {note.text for note in figure.layout.annotations}
    assert {f"{100 * profile.score.risk:.1f} %"} < shown
    assert figure.layout.shapes
    room = 0.2 * (figure.layout.xaxis.range[1] - figure.layout.xaxis.range[0])
    for line in figure.layout.shapes:
        row = round(line.y0 + 0.5)
        before, after = path[row], path[row + 1]
        beyond = line.x0 - after if after >= before else after - line.x0
        assert beyond <= 1e-9 or beyond >= room
