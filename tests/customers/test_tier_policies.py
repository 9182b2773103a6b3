"""Tiers by capacity and by expected profit: who gets which, and that every screen and scoring agrees."""

from __future__ import annotations

from datetime import timedelta

import pytest

from churn_core.customers.at_risk import count_and_totals, page
from churn_core.customers.cutoffs import best_cutoff
from churn_core.customers.profile import customer_profile
from churn_core.customers.risk_counts import risk_counts
from churn_core.customers.scenario import Scenario
from churn_core.customers.selection import CustomerFilter
from churn_core.customers.tiers import (
    CapacityRule,
    TierPolicy,
    activate_policy,
    active_policy,
    policy_with,
    save,
    save_policy,
    saved_policies,
    score_workspace,
    tier_counts,
)
from churn_core.customers.today import today
from churn_core.errors import InputError, NotEnoughData, NotFound
from churn_core.models import scoring
from churn_core.state import workspace_state
from churn_core.warehouse import Transaction, Warehouse

from .conftest import AS_OF, add_orders, add_run

RISKS = {"a": 0.9, "b": 0.8, "c": 0.5, "d": 0.3, "e": 0.1, "f": 0.05}
VALUES: dict[str, float | None] = {"a": 10.0, "b": None, "c": 100.0, "d": 400.0, "e": 2000.0, "f": 1.0}
"""Value at risk: a 9, b unknown, c 50, d 120, e 200, f 0.05."""


def _tiers(warehouse: Warehouse, run_id: int = 1) -> str:
    rows = warehouse.rows("SELECT tier FROM scores WHERE run_id = $run ORDER BY customer_id", {"run": run_id})
    return "".join(row[0][0] for row in rows)


@pytest.mark.parametrize(
    ("rule", "tiers"),
    [
        (CapacityRule(per_day=1, n_days=2), "mlmhhl"),
        (CapacityRule(per_day=2, n_days=1, order="risk"), "hhmmll"),
        (CapacityRule(per_day=3, n_days=1), "mmhhhm"),
        (CapacityRule(per_day=1000), "hhhhhh"),
    ],
)
def test_a_capacity_is_filled_exactly(warehouse: Warehouse, rule: CapacityRule, tiers: str) -> None:
    """By value at risk the order is e d c a f b: an unknown value comes last."""
    add_run(warehouse, RISKS, values=VALUES)
    save(warehouse, policy_with(warehouse, capacity=rule))
    assert _tiers(warehouse) == tiers


def test_equal_scores_do_not_overfill_a_capacity(warehouse: Warehouse) -> None:
    ids = [f"C{nr:02d}" for nr in range(30)]
    add_run(warehouse, dict.fromkeys(ids, 0.5))
    for order in ("risk", "value_at_risk"):
        policy = save(warehouse, policy_with(warehouse, capacity=CapacityRule(per_day=7, n_days=1, order=order)))
        assert [found.n_customers for found in tier_counts(warehouse, policy)] == [7, 7, 16]
        assert _tiers(warehouse) == "h" * 7 + "m" * 7 + "l" * 16


def test_expected_profit_by_hand(warehouse: Warehouse) -> None:
    """risk x .2 x value - 2 - 5 x (1 - risk + .2 risk): a -3.6, b unknown, c 5, d 18.2, e 33.4, f negative.

    At a chance of .4: a -0.7, c 14.5, f -6.8.
    """
    add_run(warehouse, RISKS, values=VALUES)
    scenario = Scenario(contact_cost=2.0, offer_cost=5.0, chance=0.2)
    save(warehouse, policy_with(warehouse, profit=scenario))
    assert _tiers(warehouse) == "llhhhl"
    save(
        warehouse,
        policy_with(warehouse, profit=Scenario(contact_cost=2.0, offer_cost=5.0, chance=0.2, per_day=1, n_days=2)),
    )
    assert _tiers(warehouse) == "llmhhl", "the two most profitable, the third pays as well"
    save(warehouse, policy_with(warehouse, profit=Scenario(contact_cost=1.0, chance=0.4)))
    assert _tiers(warehouse) == "hlhhhl"
    save(warehouse, policy_with(warehouse, profit=Scenario(contact_cost=2.0, chance=0.2)))
    assert _tiers(warehouse) == "mlhhhl", "a pays with twice the chance: .9 x .4 x 10 = 3.6"
    save(warehouse, policy_with(warehouse, profit=Scenario(contact_cost=2.0, chance=0.2, margin=20.0)))
    assert _tiers(warehouse) == "hhmmll", "a margin per customer counts for everybody"


def test_choosing_customer_by_customer_earns_at_least_as_much_as_any_threshold(shop: Warehouse) -> None:
    for chance in (0.05, 0.2, 0.6):
        scenario = Scenario(contact_cost=3.0, offer_cost=9.0, chance=chance)
        high = tier_counts(shop, policy_with(shop, profit=scenario))[0]
        best = best_cutoff(risk_counts(shop), scenario)
        assert best is not None
        assert (high.profit or 0.0) >= best.profit - 1e-9


def test_an_unknown_chance_is_refused_for_tiers_by_profit(warehouse: Warehouse) -> None:
    add_run(warehouse, RISKS, values=VALUES)
    with pytest.raises(InputError, match="run a campaign with a control group"):
        policy_with(warehouse, profit=Scenario(contact_cost=2.0))


def test_policies_that_need_values_are_refused_without_any(warehouse: Warehouse) -> None:
    add_run(warehouse, RISKS, values=dict.fromkeys(RISKS))
    with pytest.raises(NotEnoughData, match="fill the places by risk"):
        save(warehouse, policy_with(warehouse, capacity=CapacityRule(per_day=2)))
    with pytest.raises(NotEnoughData, match="give a margin per customer"):
        tier_counts(warehouse, policy_with(warehouse, profit=Scenario(chance=0.5)))
    assert warehouse.n_rows("tier_policies") == 0
    save(warehouse, policy_with(warehouse, profit=Scenario(contact_cost=1.0, chance=0.5, margin=11.0)))
    assert _tiers(warehouse) == "hhhhml"


@pytest.mark.parametrize("rule", [{"per_day": 0}, {"per_day": 4, "n_days": 0}])
def test_a_capacity_of_nothing_is_refused(rule: dict[str, int]) -> None:
    with pytest.raises(InputError, match="choose at least 1"):
        CapacityRule(**rule)


def test_an_unknown_order_is_refused() -> None:
    with pytest.raises(NotFound, match="did you mean 'risk'"):
        CapacityRule(per_day=4, order="risks")


def test_exactly_one_version_is_active_and_an_earlier_one_comes_back(warehouse: Warehouse) -> None:
    add_run(warehouse, RISKS, values=VALUES)
    first = save_policy(warehouse, high_from=0.7, medium_from=0.4)
    by_places = save(warehouse, policy_with(warehouse, capacity=CapacityRule(per_day=2, n_days=1)))
    assert (by_places.version, by_places.high_from) == (2, 0.7), "thresholds for bare risks are kept"
    save(warehouse, policy_with(warehouse, profit=Scenario(contact_cost=2.0, chance=0.2)))
    assert activate_policy(warehouse, 2) == by_places == active_policy(warehouse)
    assert _tiers(warehouse) == "mlmhhl"
    assert [(saved.policy.version, saved.is_active) for saved in saved_policies(warehouse)] == [
        (3, False),
        (2, True),
        (1, False),
    ]
    assert workspace_state(warehouse).policy_version == 2
    assert activate_policy(warehouse, 1) == first
    assert _tiers(warehouse) == "hhmlll"
    actions = warehouse.rows(
        "SELECT action, detail->>'$.version' FROM audit_log WHERE action LIKE 'tier policy%' ORDER BY entry"
    )
    assert actions == [
        *[("tier policy saved", str(version)) for version in (1, 2, 3)],
        ("tier policy activated", "2"),
        ("tier policy activated", "1"),
    ]
    with pytest.raises(NotFound, match="no tier policy 9"):
        activate_policy(warehouse, 9)
    assert active_policy(warehouse).version == 1


def test_who_saved_a_version_is_kept(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHURN_USER", "analyst")
    save_policy(warehouse, high_from=0.7, medium_from=0.4)
    assert saved_policies(warehouse)[0].saved_by == "analyst"


def test_a_switch_that_fails_half_way_changes_nothing(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    add_run(warehouse, RISKS, values=VALUES)
    save_policy(warehouse, high_from=0.7, medium_from=0.4)
    save(warehouse, policy_with(warehouse, capacity=CapacityRule(per_day=2, n_days=1)))
    before = _tiers(warehouse)
    monkeypatch.setattr(Transaction, "audit", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        activate_policy(warehouse, 1)
    assert (_tiers(warehouse), active_policy(warehouse).version) == (before, 2)


@pytest.fixture
def two_runs(warehouse: Warehouse) -> Warehouse:
    """Two scorings a month apart with another order of value at risk."""
    add_orders(warehouse, {customer: [5, 40] for customer in RISKS})
    earlier = {"a": 0.1, "b": 0.2, "c": 0.9, "d": 0.3, "e": 0.01, "f": 0.5}
    add_run(warehouse, earlier, values=VALUES, as_of=AS_OF - timedelta(days=30))
    add_run(warehouse, RISKS, values=VALUES)
    return warehouse


@pytest.mark.parametrize(
    "policy",
    [
        {"capacity": CapacityRule(per_day=2, n_days=1)},
        {"capacity": CapacityRule(per_day=1, n_days=1, order="risk")},
        {"profit": Scenario(contact_cost=2.0, offer_cost=5.0, chance=0.2)},
        {"profit": Scenario(contact_cost=2.0, offer_cost=5.0, chance=0.2, per_day=1, n_days=1)},
        {},
    ],
)
def test_every_screen_answers_the_same(two_runs: Warehouse, policy: dict[str, object]) -> None:
    """Today's changes, the list, its filter for who is new, the preview and a customer's history agree."""
    saved = save(two_runs, policy_with(two_runs, **policy))  # type: ignore[arg-type]
    high = set(page(two_runs, CustomerFilter(tiers=("high",)))["customer_id"])
    new = set(page(two_runs, CustomerFilter(tiers=("high",), only_new=True))["customer_id"])
    before = {
        customer: {past.run_id: past.tier for past in customer_profile(two_runs, customer).history}
        for customer in RISKS
    }
    assert {customer for customer, runs in before.items() if runs[2] == "high"} == high
    assert {customer for customer in high if before[customer][1] != "high"} == new
    changes = today(two_runs).changes
    assert changes is not None
    assert (changes.n_high_now, changes.n_entered) == (len(high), len(new))
    assert changes.n_high_before == sum(runs[1] == "high" for runs in before.values())
    totals = count_and_totals(two_runs, CustomerFilter())
    assert [tier.n_customers for tier in totals.tiers] == [found.n_customers for found in tier_counts(two_runs, saved)]
    assert sum(found.churners for found in tier_counts(two_runs, saved)) == pytest.approx(sum(RISKS.values()))


def test_the_policy_in_force_draws_the_tiers_of_a_new_scoring(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scoring hands its transaction to the policy; here a handmade run stands in for the model's."""
    save(warehouse, policy_with(warehouse, capacity=CapacityRule(per_day=2, n_days=1)))

    def scored(warehouse: Warehouse, **given: object) -> object:
        run_id = add_run(warehouse, RISKS, values=VALUES)
        with warehouse.transaction() as tx:
            assert given["retier"](tx, run_id) == {"high": 2, "medium": 2, "low": 2}  # type: ignore[operator]
        return scoring.latest_run(warehouse)

    monkeypatch.setattr(scoring, "score_customers", scored)
    assert score_workspace(warehouse).n_customers == 6
    assert _tiers(warehouse) == "mlmhhl"


def test_a_policy_saved_while_scoring_goes_on_holds_for_the_new_run(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_policy(warehouse, high_from=0.7, medium_from=0.4)

    def scored(warehouse: Warehouse, **_: object) -> object:
        save_policy(warehouse, high_from=0.2, medium_from=0.06)
        add_run(warehouse, RISKS)
        return scoring.latest_run(warehouse)

    monkeypatch.setattr(scoring, "score_customers", scored)
    score_workspace(warehouse)
    assert _tiers(warehouse) == "hhhhml"


def test_a_policy_in_words_and_back() -> None:
    from churn_core.customers.tier_policy import policy_of, policy_words

    for policy in (
        TierPolicy(high_from=0.7, medium_from=0.4),
        TierPolicy(high_from=0.7, medium_from=0.4, capacity=CapacityRule(per_day=40, order="risk")),
        TierPolicy(high_from=0.7, medium_from=0.4, profit=Scenario(contact_cost=2.0, chance=0.2, per_day=3)),
    ):
        again = policy_of(policy.kind, policy.settings, high_from=0.7, medium_from=0.4)
        assert again == policy
        assert policy_words(again).endswith(".")
    with pytest.raises(NotFound, match="kind of policy 'budget' not found"):
        policy_of("budget", {}, high_from=0.7, medium_from=0.4)
