"""What a cut-off reaches, costs and saves: by hand, by two routes, and where it cannot be said."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pytest

from churn_core.customers.cutoff_words import break_even_words, chance_words, contact_words, outcome_sentences
from churn_core.customers.cutoffs import (
    NO_COST,
    best_cutoff,
    break_even_by_step,
    capacity_is_tied,
    capacity_threshold,
    outcome,
    profit_by_step,
    reachable_outcome,
)
from churn_core.customers.risk_counts import N_STEPS, NOBODY, RiskCounts, risk_counts
from churn_core.customers.scenario import Scenario, save_scenario, saved_scenarios
from churn_core.errors import InputError, NotEnoughData
from churn_core.models.evaluation import evaluate
from churn_core.stats.proportions import wilson_interval
from churn_core.warehouse import Warehouse

from .conftest import add_run

RISKS = {"a": 0.9, "b": 0.6, "c": 0.5, "d": 0.2}
VALUES: dict[str, float | None] = {"a": 100.0, "b": 200.0, "c": 40.0, "d": 1000.0}
PLAN = Scenario(contact_cost=2.0, offer_cost=10.0, chance=0.25, per_day=1, n_days=2)


@pytest.fixture(scope="module")
def four() -> RiskCounts:
    """Four customers with whole numbers."""
    return _counted(RISKS, VALUES)


def _counted(risks: dict[str, float], values: dict[str, float | None]) -> RiskCounts:
    """The counts of a run in a workspace of its own."""
    warehouse = Warehouse.open(None)
    add_run(warehouse, risks, values=values)
    counts = risk_counts(warehouse)
    warehouse.close()
    return counts


def test_a_threshold_by_hand(four: RiskCounts) -> None:
    """From .5 on a, b and c: 2 churners of 3 contacts; 90 + 120 + 20 = 230 of margin leave with them."""
    found = outcome(four, PLAN, 0.5)
    assert (found.n_contacted, found.n_customers) == (3, 4)
    assert found.caught == pytest.approx(2.0)
    assert found.wasted == pytest.approx(1.0)
    assert found.missed == pytest.approx(0.2)
    assert found.left_alone == pytest.approx(0.8)
    assert found.value_reached == pytest.approx(230.0)
    assert found.contact_cost == pytest.approx(6.0)
    assert found.cost == pytest.approx(6.0 + 10.0 * (1.0 + 0.25 * 2.0))
    assert (found.cost_least, found.cost_most) == pytest.approx((16.0, 36.0))
    assert found.saved_margin == pytest.approx(57.5)
    assert found.profit == pytest.approx(57.5 - 21.0)
    assert found.break_even == pytest.approx(16.0 / (230.0 - 20.0))
    assert found.precision == pytest.approx(2 / 3)
    assert found.recall == pytest.approx(2.0 / 2.2)
    assert found.f1 == pytest.approx(2 * 2.0 / (3 + 2.2))
    assert found.n_beyond_capacity == 1
    assert found.unknown == {}


def test_at_the_break_even_chance_the_profit_is_nothing(four: RiskCounts) -> None:
    chance = outcome(four, PLAN, 0.5).break_even
    assert outcome(four, Scenario(contact_cost=2.0, offer_cost=10.0, chance=chance), 0.5).profit == pytest.approx(0.0)


def test_a_customer_at_the_threshold_is_contacted(four: RiskCounts) -> None:
    contacted = {
        threshold: outcome(four, PLAN, threshold).n_contacted for threshold in (0.6, 0.601, 0.9, 0.901, 0.0, 1.0)
    }
    assert contacted == {0.6: 2, 0.601: 1, 0.9: 1, 0.901: 0, 0.0: 4, 1.0: 0}


def test_the_words_say_the_same_numbers(four: RiskCounts) -> None:
    found = outcome(four, PLAN, 0.5)
    words = "Contact everybody from 50 % on: 3 customers, about 2 of them would leave, 1 would have stayed anyway."
    assert contact_words(found) == words
    assert outcome_sentences(found) == (
        words,
        "The offer must save about 1 in 13 of the churners it reaches to pay for itself.",
        "1 more than the 2 that can be contacted.",
    )
    reachable = reachable_outcome(four, PLAN)
    assert reachable is not None
    assert reachable.n_contacted <= 2
    assert reachable.break_even is not None
    said = outcome_sentences(found, reachable=reachable)[-1]
    assert said == (
        f"The capacity is kept from {100 * reachable.threshold:g} % on: {reachable.n_contacted} customers; there the "
        f"offer must save {chance_words(reachable.break_even)}."
    )
    assert outcome_sentences(reachable, reachable=reachable)[-1] == "Within the 2 that can be contacted."


@pytest.mark.parametrize(
    ("chance", "share"),
    [
        (0.003, "1 in 333"),
        (0.0773, "1 in 13"),
        (0.078, "1 in 13"),
        (0.1, "1 in 10"),
        (0.25, "1 in 4"),
        (0.34, "34 in 100"),
        (0.501, "50 in 100"),
        (1.0, "100 in 100"),
    ],
)
def test_a_chance_in_words_is_rounded_like_the_percentage_beside_it(chance: float, share: str) -> None:
    assert chance_words(chance) == f"about {share} of the churners it reaches"


@pytest.fixture(scope="module")
def many() -> tuple[RiskCounts, np.ndarray, np.ndarray]:
    """Five hundred customers, some at round risks, some without a value."""
    rng = np.random.default_rng(3)
    risk = np.concatenate([rng.beta(0.7, 1.4, 440), np.arange(60) / 100 + 0.2]).clip(1e-6, 1 - 1e-6)
    value = np.where(rng.random(500) < 0.1, np.nan, rng.gamma(2, 60, 500))
    ids = [f"C{nr:03d}" for nr in range(500)]
    values = {c: None if math.isnan(v) else v for c, v in zip(ids, value.tolist(), strict=True)}
    return _counted(dict(zip(ids, risk.tolist(), strict=True)), values), risk, value


@pytest.mark.parametrize("threshold", [0.0, 0.037, 0.29, 0.57, 0.62, 0.999, 1.0])
@pytest.mark.parametrize("margin", [None, 35.0])
def test_counts_and_customers_give_the_same_outcome(
    many: tuple[RiskCounts, np.ndarray, np.ndarray], threshold: float, margin: float | None
) -> None:
    counts, risk, value = many
    scenario = Scenario(contact_cost=1.5, offer_cost=7.0, chance=0.2, margin=margin)
    found = outcome(counts, scenario, threshold)
    chosen = risk >= threshold
    each = np.nan_to_num(value[chosen]) if margin is None else np.full(chosen.sum(), margin)
    takers = (1 - risk[chosen] + 0.2 * risk[chosen]).sum()
    assert found.n_contacted == chosen.sum()
    assert found.caught == pytest.approx(risk[chosen].sum())
    assert found.saved_margin == pytest.approx(0.2 * (risk[chosen] * each).sum())
    assert found.cost == pytest.approx(1.5 * chosen.sum() + 7.0 * takers)
    assert found.profit == pytest.approx(found.saved_margin - found.cost)
    known = chosen & ~np.isnan(value) if margin is None else chosen
    assert found.n_value_known == known.sum()
    half = 1.959963984540054 * math.sqrt((risk[chosen] * (1 - risk[chosen])).sum())
    assert found.caught_low == pytest.approx(max(0.0, found.caught - half), abs=1e-9)
    assert found.caught_high == pytest.approx(min(chosen.sum(), found.caught + half), abs=1e-9)
    counted = found.confusion
    assert counted.n_true_positive + counted.n_false_positive == found.n_contacted
    assert sum(
        (counted.n_true_positive, counted.n_false_positive, counted.n_false_negative, counted.n_true_negative)
    ) == len(risk)


def test_the_range_of_churners_is_that_of_chance(many: tuple[RiskCounts, np.ndarray, np.ndarray]) -> None:
    """The exact distribution of the number of churners, by convolution, holds 95 % within the range."""
    counts, risk, _ = many
    found = outcome(counts, Scenario(), 0.4)
    exact = np.array([1.0])
    for one in risk[risk >= 0.4]:
        exact = np.convolve(exact, [1 - one, one])
    inside = exact[math.ceil(found.caught_low) : math.floor(found.caught_high) + 1].sum()
    assert 0.93 < inside < 0.97


def test_a_higher_threshold_reaches_no_more(many: tuple[RiskCounts, np.ndarray, np.ndarray]) -> None:
    counts, _, _ = many
    found = [outcome(counts, PLAN, step / 100) for step in range(101)]
    for lower, higher in itertools.pairwise(found):
        assert higher.n_contacted <= lower.n_contacted
        assert higher.recall is not None
        assert lower.recall is not None
        assert higher.recall <= lower.recall + 1e-12
        if higher.precision is not None and lower.precision is not None:
            assert higher.precision >= lower.precision - 1e-12


def test_the_best_threshold_beats_every_other(many: tuple[RiskCounts, np.ndarray, np.ndarray]) -> None:
    counts, _, _ = many
    profits = profit_by_step(counts, PLAN)
    best, fitting = best_cutoff(counts, PLAN), best_cutoff(counts, PLAN, within_capacity=True)
    assert profits is not None
    assert best is not None
    assert best.threshold is not None
    each = [outcome(counts, PLAN, step / N_STEPS).profit for step in range(N_STEPS + 1)]
    assert profits[:-1] == pytest.approx(np.array(each, dtype=float))
    assert best.profit == pytest.approx(max(profits))
    assert outcome(counts, PLAN, best.threshold).profit == pytest.approx(best.profit)
    assert not best.within_capacity
    assert fitting is not None
    assert fitting.n_contacted <= 2
    assert fitting.profit <= best.profit


def test_when_nothing_pays_contacting_nobody_is_best(four: RiskCounts) -> None:
    best = best_cutoff(four, Scenario(contact_cost=500.0, chance=0.5))
    assert best is not None
    assert (best.threshold, best.profit, best.n_contacted) == (None, 0.0, 0)


def test_the_capacity_line_contacts_as_many_as_can_be(four: RiskCounts) -> None:
    threshold = capacity_threshold(four, PLAN)
    assert threshold is not None
    assert outcome(four, PLAN, threshold).n_contacted == 2
    assert capacity_threshold(four, Scenario()) is None


def test_ties_beyond_the_capacity_have_no_capacity_line(warehouse: Warehouse) -> None:
    add_run(warehouse, dict.fromkeys("abcd", 0.5))
    counts = risk_counts(warehouse)
    assert capacity_threshold(counts, PLAN) is None
    assert capacity_is_tied(counts, PLAN)
    assert not capacity_is_tied(counts, Scenario(per_day=4, n_days=1))
    assert counts.step_for(2) == 501


def test_the_histogram_holds_every_customer_once(many: tuple[RiskCounts, np.ndarray, np.ndarray]) -> None:
    counts, risk, _ = many
    bins = counts.histogram()
    expected, _ = np.histogram(np.floor(risk * 1000 + 1e-9) / 1000, bins=np.arange(21) / 20)
    assert [bin_.n_customers for bin_ in bins] == expected.tolist()
    assert sum(bin_.churners for bin_ in bins) == pytest.approx(risk.sum())


def test_the_range_moves_all_risks_as_far_as_the_season_may(warehouse: Warehouse) -> None:
    """Half a log-odd down and up, customer by customer, and chance beside it."""
    rng = np.random.default_rng(4)
    risk = rng.uniform(0.05, 0.95, 300)
    add_run(warehouse, {f"C{nr:03d}": float(one) for nr, one in enumerate(risk)})
    judged = evaluate(rng.random(300) < risk, risk)
    add_model(warehouse, {"evaluation": judged.to_dict(), "calibration": {"season": {"half_width": 0.5}}})
    found = outcome(risk_counts(warehouse), Scenario(), 0.4)
    chosen = risk[risk >= 0.4]
    chance = 1.959963984540054 * math.sqrt((chosen * (1 - chosen)).sum())
    below, above = (
        chosen.sum() - (1 / (1 + np.exp(-np.log(chosen / (1 - chosen)) - shift))).sum() for shift in (-0.5, 0.5)
    )
    assert found.caught_low == pytest.approx(chosen.sum() - math.hypot(chance, below), rel=1e-4)
    assert found.caught_high == pytest.approx(chosen.sum() + math.hypot(chance, above), rel=1e-4)
    assert outcome(risk_counts(warehouse), Scenario(), 1.0).caught_high == 0.0


def test_without_a_cost_there_is_no_chance_from_which_it_pays(four: RiskCounts) -> None:
    found = outcome(four, Scenario(chance=0.25), 0.5)
    assert (found.break_even, found.unknown) == (None, {"break_even": NO_COST})
    assert break_even_words(found) == ""
    assert outcome_sentences(found) == (contact_words(found),)


def test_everybody_and_nobody_are_said_so(four: RiskCounts) -> None:
    assert contact_words(outcome(four, PLAN, 0.0)).startswith("Contact all 4 customers: about 2 of them would leave, ")
    assert contact_words(outcome(four, PLAN, 1.0)) == "Nobody has a risk of 100 % or more."


def test_an_unknown_chance_leaves_the_break_even(four: RiskCounts) -> None:
    found = outcome(four, Scenario(contact_cost=2.0, offer_cost=10.0), 0.5)
    assert (found.cost, found.saved_margin, found.profit) == (None, None, None)
    assert found.caught == pytest.approx(2.0)
    assert found.break_even == pytest.approx(16 / 210)
    for name in ("cost", "saved_margin", "profit"):
        assert "run a campaign with a control group" in found.unknown[name]
    assert best_cutoff(four, Scenario(contact_cost=2.0)) is None


def test_without_an_offer_cost_the_cost_needs_no_chance(four: RiskCounts) -> None:
    assert outcome(four, Scenario(contact_cost=2.0), 0.5).cost == pytest.approx(6.0)


def test_without_values_money_needs_a_margin(warehouse: Warehouse) -> None:
    add_run(warehouse, RISKS, values=dict.fromkeys(RISKS))
    counts = risk_counts(warehouse)
    found = outcome(counts, PLAN, 0.5)
    assert (found.value_reached, found.profit, found.break_even) == (None, None, None)
    assert found.cost == pytest.approx(21.0)
    assert set(found.unknown) == {"value_reached", "saved_margin", "profit", "break_even"}
    assert all("give a margin per customer" in reason for reason in found.unknown.values())
    assert break_even_by_step(counts, PLAN) is None
    flat = Scenario(contact_cost=2.0, offer_cost=10.0, chance=0.25, margin=50.0)
    assert outcome(counts, flat, 0.5).saved_margin == pytest.approx(0.25 * 50 * 2.0)


def test_nobody_contacted_has_no_precision(four: RiskCounts) -> None:
    found = outcome(four, PLAN, 0.95)
    assert (found.n_contacted, found.precision, found.f1, found.break_even) == (0, None, None, None)
    assert (found.recall, found.cost, found.profit) == (0.0, 0.0, 0.0)
    assert set(found.unknown) == {"precision", "f1", "break_even"}
    assert outcome_sentences(found) == ("Nobody has a risk of 95 % or more.",)


def test_what_never_pays_has_no_break_even(four: RiskCounts) -> None:
    found = outcome(four, Scenario(contact_cost=300.0, chance=0.2), 0.5)
    assert found.break_even is None
    assert break_even_words(found).startswith("The offer costs more than it saves even if")
    chances = break_even_by_step(four, Scenario(contact_cost=300.0))
    assert chances is not None
    assert np.isnan(chances[:NOBODY]).all()


def test_an_empty_run_and_no_run_are_said(warehouse: Warehouse) -> None:
    with pytest.raises(NotEnoughData, match="train a model and score first"):
        risk_counts(warehouse)
    add_run(warehouse, RISKS)
    with warehouse.transaction() as tx:
        tx.execute("DELETE FROM scores")
    with pytest.raises(NotEnoughData, match="holds no customer"):
        risk_counts(warehouse)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"contact_cost": -1.0}, "a contact costs -1"),
        ({"offer_cost": -0.5}, "an offer costs -0.5"),
        ({"contact_cost": math.nan}, "a contact costs nan"),
        ({"margin": -3.0}, "the margin per customer is -3"),
        ({"chance": 1.2}, "is 1.2; choose 0 to 1"),
        ({"per_day": 0}, "choose at least 1"),
        ({"per_day": 5, "n_days": 0}, "contacts go on for 0 days"),
    ],
)
def test_impossible_inputs_are_refused(given: dict[str, float], said: str) -> None:
    with pytest.raises(InputError, match=said):
        Scenario(**given)  # type: ignore[arg-type]


def test_a_threshold_outside_risks_is_refused(four: RiskCounts) -> None:
    for threshold in (-0.1, 1.1, 62.0):
        with pytest.raises(InputError, match="choose 0 to 1"):
            outcome(four, PLAN, threshold)


def test_scenarios_are_remembered_and_logged(warehouse: Warehouse) -> None:
    assert saved_scenarios(warehouse) == {"A": Scenario(), "B": Scenario()}
    assert save_scenario(warehouse, "B", PLAN)
    assert not save_scenario(warehouse, "B", PLAN)
    assert saved_scenarios(warehouse) == {"A": Scenario(), "B": PLAN}
    assert warehouse.value("SELECT count(*) FROM audit_log WHERE action = 'scenario saved'") == 1
    with pytest.raises(InputError, match="choose A or B"):
        save_scenario(warehouse, "C", PLAN)


def test_the_judged_past_stands_beside_what_is_expected(warehouse: Warehouse) -> None:
    """The model of the run was judged on 400 customers; its level was off by .03 and .04 at two cutoffs."""
    rng = np.random.default_rng(9)
    risk = rng.uniform(0.02, 0.98, 400)
    churned = rng.random(400) < risk
    judged = evaluate(churned, risk)
    periods = [{"churn_rate": 0.53, "mean_predicted": 0.5}, {"churn_rate": 0.46, "mean_predicted": 0.5}]
    add_run(warehouse, RISKS, values=VALUES)
    add_model(warehouse, {"evaluation": judged.to_dict(), "periods": periods})
    counts = risk_counts(warehouse)
    found = outcome(counts, PLAN, 0.5)
    assert counts.judged is not None
    assert counts.judged.level_error == pytest.approx(math.sqrt((0.03**2 + 0.04**2) / 2))
    half = 1.959963984540054 * math.sqrt(0.09 + 0.24 + 0.25 + (counts.judged.level_error * 3) ** 2)
    assert found.caught_low == pytest.approx(2.0 - half)
    assert found.judged is not None
    called, hits = int((risk >= 0.5).sum()), int((churned & (risk >= 0.5)).sum())
    assert found.judged.precision is not None
    assert found.judged.recall is not None
    assert (found.judged.precision.value, found.judged.precision.n) == (pytest.approx(hits / called), called)
    assert (found.judged.precision.low, found.judged.precision.high) == pytest.approx(wilson_interval(hits, called))
    assert found.judged.recall.n == churned.sum()
    nobody = outcome(counts, PLAN, 1.0).judged
    assert nobody is not None
    assert nobody.precision is None


def add_model(warehouse: Warehouse, summary: dict[str, object]) -> None:
    """The model version that handmade runs name."""
    with warehouse.transaction() as tx:
        tx.execute(
            "INSERT INTO model_versions BY NAME SELECT 4 AS model_version, now()::TIMESTAMP AS trained_at, 'orders' AS "
            "source, 'logistic' AS estimator, 1 AS data_version, 1 AS definition_version, ['x'] AS feature_names, "
            "$summary AS summary, 'champion' AS status",
            {"summary": json.dumps(summary)},
        )
