"""What drives risks: the same by SQL and by batches, differences that add up, samples that say what they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from churn_core.customers import drivers as module
from churn_core.customers.dependence import dependence
from churn_core.customers.drivers import drivers, sample
from churn_core.customers.levers import Facts
from churn_core.customers.segments import save_segment
from churn_core.customers.selection import CustomerFilter
from churn_core.customers.similar import ALIKE_IN, similar
from churn_core.customers.subject import subject
from churn_core.customers.what_if import Supposition, what_if
from churn_core.errors import NotEnoughData, NotFound
from churn_core.figures.dependence import dependence_figure, dependence_sentence
from churn_core.figures.drivers import difference_figure, differing, has_groups, importance_figure, swarm_figure
from churn_core.figures.what_if import what_if_figure, what_if_sentence
from churn_core.models.families import CONSTANTS, family_of
from churn_core.models.runs import ScoreRun, latest_run
from churn_core.warehouse import Warehouse

HIGH = CustomerFilter(tiers=("high",))


def run_of(warehouse: Warehouse) -> ScoreRun:
    run = latest_run(warehouse)
    assert run is not None
    return run


def test_batches_and_sql_give_the_same_means(trained_shop: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "N_BATCH", 97)
    found = drivers(trained_shop, HIGH)
    names = run_of(trained_shop).feature_names
    rows = trained_shop.rows(
        "SELECT place, tier = 'high' AS is_high, avg(push), avg(abs(push)) FROM (SELECT customer_id, "
        "unnest(contributions) AS push, generate_subscripts(contributions, 1) AS place FROM contributions) "
        "JOIN scores USING (customer_id) GROUP BY ALL"
    )
    by_sql = {(names[place - 1], is_high): (mean, size) for place, is_high, mean, size in rows}
    assert len(found.features) == len([name for name in names if name not in CONSTANTS])
    for driver in found.features:
        mean, size = by_sql[driver.name, True]
        assert driver.mean == pytest.approx(mean, abs=1e-6)
        assert driver.mean_absolute == pytest.approx(size, abs=1e-6)
        assert driver.mean_rest == pytest.approx(by_sql[driver.name, False][0], abs=1e-6)


def test_families_are_summed_for_each_customer_first(trained_shop: Warehouse) -> None:
    names = run_of(trained_shop).feature_names
    matrix = np.array([row[0] for row in trained_shop.rows("SELECT contributions FROM contributions")], dtype=float)
    found = {driver.name: driver for driver in drivers(trained_shop).families}
    for family in {family_of(name) for name in names} - {"model"}:
        own = matrix[:, [family_of(name) == family for name in names]].sum(axis=1)
        assert found[family].mean_absolute == pytest.approx(np.abs(own).mean(), abs=1e-6)
        assert found[family].mean == pytest.approx(own.mean(), abs=1e-6)


def test_differences_add_up_to_the_difference_of_the_mean_log_odds(trained_shop: Warehouse) -> None:
    found = drivers(trained_shop, HIGH)
    assert found.rest is not None
    gap = found.group.mean_log_odds - found.rest.mean_log_odds
    assert gap > 0
    for every in (found.features, found.families):
        assert sum(driver.difference or 0.0 for driver in every) == pytest.approx(gap, abs=1e-5)
    n_all = found.group.n_customers + found.rest.n_customers
    assert n_all == trained_shop.n_rows("scores")
    mean = (found.group.n_customers * found.group.mean_risk + found.rest.n_customers * found.rest.mean_risk) / n_all
    assert mean == pytest.approx(trained_shop.value("SELECT avg(risk) FROM scores"))


def test_everybody_has_no_rest(trained_shop: Warehouse) -> None:
    found = drivers(trained_shop)
    assert found.is_everybody
    assert found.rest is None
    assert all(driver.difference is None for driver in found.features)
    total = found.base_log_odds + sum(driver.mean for driver in found.families)
    assert total == pytest.approx(found.group.mean_log_odds, abs=1e-5)


def test_a_saved_segment_is_a_group(trained_copy: Warehouse) -> None:
    saved = save_segment(trained_copy, "Most risky", CustomerFilter(min_risk=0.5))
    by_segment = drivers(trained_copy, CustomerFilter(segment_id=saved.segment_id), segment_name="Most risky")
    by_filter = drivers(trained_copy, CustomerFilter(min_risk=0.5))
    assert by_segment.group == by_filter.group
    assert by_segment.features == by_filter.features
    assert by_segment.meaning == "in segment Most risky"


def test_nobody_and_nothing_scored_are_said(trained_shop: Warehouse, warehouse: Warehouse) -> None:
    with pytest.raises(NotEnoughData, match="take a filter back"):
        drivers(trained_shop, CustomerFilter(search="no such customer"))
    with pytest.raises(NotEnoughData, match="train a model"):
        drivers(warehouse)


def test_a_sample_is_of_the_group_and_its_beginning_is_a_sample_too(trained_shop: Warehouse) -> None:
    whole, few = sample(trained_shop, HIGH), sample(trained_shop, HIGH, n_most=20)
    n_high = trained_shop.value("SELECT count(*) FROM scores WHERE tier = 'high'")
    assert whole.n_customers == few.n_customers == n_high
    assert len(whole.values) == min(n_high, module.N_SAMPLED)
    assert len(few.values) == 20
    np.testing.assert_array_equal(few.contributions, whole.contributions[:20])
    place = whole.column("days_since_last_order") + 1
    expected = trained_shop.rows(
        "SELECT feature_values[$place] FROM contributions JOIN scores USING (run_id, customer_id) "
        "WHERE tier = 'high' ORDER BY 1",
        {"place": place},
    )
    if n_high <= module.N_SAMPLED:
        assert sorted(whole.values[:, place - 1]) == [row[0] for row in expected]


@pytest.mark.parametrize("name", ["days_since_last_order", "mean_gap_days", "n_orders", "spend_share_90_of_180"])
def test_bins_count_every_customer_once(trained_shop: Warehouse, name: str) -> None:
    found = dependence(trained_shop, name)
    everybody = sample(trained_shop, n_most=100_000)
    values = everybody.values[:, everybody.column(name)]
    pushes = everybody.contributions[:, everybody.column(name)]
    assert found.n_missing == int(np.isnan(values).sum())
    assert sum(value_bin.n_customers for value_bin in found.bins) + found.n_beyond == found.n_known
    assert found.n_known + found.n_missing == trained_shop.n_rows("scores")
    if found.n_missing:
        assert found.mean_missing == pytest.approx(pushes[np.isnan(values)].mean(), abs=1e-6)
    first = found.bins[0]
    inside = (values >= first.low) & (values < first.high)
    if name in ("days_since_last_order", "n_orders"):
        assert all(value_bin.low % 1 == 0.5 for value_bin in found.bins)
        inside &= values >= np.ceil(first.low)
        assert first.n_customers == int(inside.sum())
        assert first.mean_contribution == pytest.approx(pushes[inside].mean(), abs=1e-6)


def test_a_feature_that_the_run_lacks_is_named(trained_shop: Warehouse) -> None:
    with pytest.raises(NotFound, match="did you mean 'n_orders'"):
        dependence(trained_shop, "n_order")


def test_figures_prove_their_titles(trained_shop: Warehouse) -> None:
    everybody, high = drivers(trained_shop), drivers(trained_shop, HIGH)
    assert high.rest is not None
    assert importance_figure(everybody).layout.title.text.startswith("The risk of everybody is moved most by")
    title = difference_figure(high).layout.title.text
    assert f"n = {high.group.n_customers:,}" in title
    assert f"n = {high.rest.n_customers:,}" in title
    strongest = differing(high)[0]
    assert abs(strongest.difference or 0) == max(abs(driver.difference or 0) for driver in high.families)
    drawn = sample(trained_shop)
    dots = swarm_figure(everybody, drawn)
    n_dots = sum(len(trace.x) for trace in dots.data)
    assert n_dots == 10 * min(600, len(drawn.values))
    figure = dependence_figure(dependence(trained_shop, "days_since_last_order"), drawn)
    assert "Days since last order" in figure.layout.title.text


def test_a_text_is_shown_level_by_level(trained_table: Warehouse) -> None:
    found = dependence(trained_table, "plan")
    counts = dict(trained_table.rows("SELECT attributes->>'plan', count(*) FROM snapshots GROUP BY 1"))
    assert {level.text: level.n_customers for level in found.levels} == counts
    push = {level.text: level.mean_contribution for level in found.levels}
    assert push["monthly"] > push["yearly"], "planted in the table"
    title = dependence_figure(found, sample(trained_table)).layout.title.text
    assert title.startswith("plan: monthly raises the risk most, yearly least")


def test_a_planted_cause_leads_the_drivers(trained_table: Warehouse) -> None:
    assert drivers(trained_table).features[0].name in ("tenure", "plan", "calls")
    assert {driver.name for driver in drivers(trained_table).features[:3]} == {"tenure", "plan", "calls"}


def test_similar_customers_are_the_nearest_in_tenure_and_order_days(trained_shop: Warehouse) -> None:
    run = run_of(trained_shop)
    everybody = trained_shop.rows("SELECT customer_id, feature_values FROM contributions")
    ids = [row[0] for row in everybody]
    values = np.array([row[1] for row in everybody], dtype=float)
    places = [run.feature_names.index(name) for name in ALIKE_IN]
    logs = np.log1p(values[:, places])
    own = ids.index(min(ids))
    distance = np.abs(logs - logs[own]).sum(axis=1)
    order = sorted(
        (index for index in range(len(ids)) if index != own), key=lambda index: (distance[index], ids[index])
    )
    found = similar(trained_shop, run, ids[own])
    assert found is not None
    nearest = order[: found.n_customers]
    assert found.n_customers == min(1000, int(0.2 * len(ids)))
    place = run.feature_names.index("days_since_last_order")
    assert found.ranges["days_since_last_order"] == pytest.approx(np.quantile(values[nearest, place], [0.25, 0.75]))


def test_in_a_labelled_table_those_with_the_same_text_are_similar(trained_table: Warehouse) -> None:
    run = run_of(trained_table)
    customer = trained_table.value("SELECT min(customer_id) FROM snapshots WHERE attributes->>'plan' = 'yearly'")
    found = similar(trained_table, run, customer)
    assert found is not None
    assert found.words == "whose plan is yearly too"
    same = trained_table.rows(
        "SELECT CAST(attributes->>'tenure' AS DOUBLE) FROM snapshots JOIN scores USING (customer_id) "
        "WHERE attributes->>'plan' = 'yearly' AND customer_id <> $own",
        {"own": customer},
    )
    assert 50 <= found.n_customers == len(same) < 1000
    assert found.ranges["tenure"] == pytest.approx(np.quantile([row[0] for row in same], [0.25, 0.75]))
    assert "plan" not in found.ranges


def test_customers_of_another_run_have_nobody_similar(trained_table: Warehouse) -> None:
    assert similar(trained_table, run_of(trained_table), "not scored") is None


def test_a_group_that_is_all_alike_is_told_what_it_is_moved_by(trained_table: Warehouse) -> None:
    everybody = dependence(trained_table, "plan")
    assert "raises the risk most" in dependence_sentence(everybody)
    level = everybody.levels[0]
    alike = replace(everybody, levels=(level,))
    has = f"{level.text}, {level.mean_contribution:+.2f} log-odds on average"
    assert dependence_sentence(alike) == f"plan: everybody here has {has}"
    unknown = replace(alike, n_missing=3, mean_missing=0.0)
    assert dependence_sentence(unknown) == f"plan: everybody of whom it is known has {has}"
    same = replace(everybody, levels=tuple(replace(level, mean_contribution=0.5) for level in everybody.levels))
    assert dependence_sentence(same) == "plan does about the same to everybody here: +0.50 log-odds on average"


def test_columns_of_a_labelled_table_are_not_grouped(trained_table: Warehouse, trained_shop: Warehouse) -> None:
    assert not has_groups(drivers(trained_table))
    assert has_groups(drivers(trained_shop))


def test_the_supposed_way_starts_and_ends_at_the_two_risks(trained_shop: Warehouse) -> None:
    of = subject(trained_shop, trained_shop.value("SELECT arg_max(customer_id, risk) FROM scores"))
    result = what_if(trained_shop, of, Supposition(facts=Facts(orders_now=True)))
    figure = what_if_figure(result)
    way = figure.data[0]
    assert way.base == result.log_odds_before
    assert way.base + sum(way.x) == pytest.approx(result.log_odds_after, abs=1e-9)
    before, after = 100 * result.risk_before, 100 * result.risk_after
    title = figure.layout.title.text
    step = round(after, 1) - round(before, 1)
    assert title == f"Risk would move from {before:.1f} % to {after:.1f} % ({step:+.1f} points)"
    assert what_if_sentence(what_if(trained_shop, of, Supposition())) == f"Risk would stay at {before:.1f} %"
