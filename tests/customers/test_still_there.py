"""Whose label says that they have left is on no list, total, alert or audience; models are judged on everybody."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from churn_core.campaigns.audience import audience_total
from churn_core.campaigns.plan import Plan
from churn_core.campaigns.store import begin_draft
from churn_core.customers import alerts
from churn_core.customers.alert_model import AlertFilter
from churn_core.customers.alert_refresh import refresh_alerts
from churn_core.customers.at_risk import count_and_totals, page, reason_totals
from churn_core.customers.drivers import drivers
from churn_core.customers.profile import customer_profile
from churn_core.customers.risk_counts import risk_counts
from churn_core.customers.rule_segments import count_rule, standings
from churn_core.customers.rules import Line, Rule
from churn_core.customers.search import search_customers
from churn_core.customers.segments import new_segment, save_segment, scored_words
from churn_core.customers.selection import CustomerFilter
from churn_core.customers.targets import write_targets
from churn_core.customers.tier_policy import CapacityRule, TierPolicy
from churn_core.customers.tiers import save, tier_counts
from churn_core.customers.today import today
from churn_core.customers.worth_stake import value_at_stake
from churn_core.warehouse import Warehouse
from tests.customers.conftest import add_run

RISKS = {"gone1": 0.95, "gone2": 0.9, "stays1": 0.8, "stays2": 0.75, "open": 0.5, "calm": 0.1}
LABELS = {"gone1": True, "gone2": True, "stays1": False, "stays2": False, "open": None, "calm": False}
THERE = {"stays1", "stays2", "open", "calm"}
WITH_LEFT = CustomerFilter(with_left=True)


@pytest.fixture
def members(warehouse: Warehouse) -> Warehouse:
    """A labelled table of six, scored: two have left, and of one it is not known."""
    mapping = {"kind": "snapshots", "fields": {"churned": "Churn"}, "label_positive": ["Yes"]}
    with warehouse.transaction() as tx:
        rows = pd.DataFrame({"customer_id": list(LABELS), "import_id": 1})
        tx.append("snapshots", rows.assign(churned=pd.array(list(LABELS.values()), dtype="boolean")))
        tx.execute("INSERT INTO imports (import_id, mapping) VALUES (1, $mapping)", {"mapping": json.dumps(mapping)})
    add_run(warehouse, RISKS, source="snapshots", as_of=None)
    return warehouse


def ids(warehouse: Warehouse, chosen: CustomerFilter) -> set[str]:
    return set(page(warehouse, chosen)["customer_id"])


def test_a_list_holds_who_is_still_there_and_the_others_when_asked(members: Warehouse) -> None:
    assert ids(members, CustomerFilter()) == THERE, "a label that says no, or nothing, leaves a customer there"
    listed = page(members, WITH_LEFT).set_index("customer_id")["has_left"]
    assert listed.to_dict() == {customer: bool(LABELS[customer]) for customer in RISKS}
    assert ids(members, CustomerFilter(customer_ids=("gone1", "calm"))) == {"gone1", "calm"}, "chosen by hand"


def test_totals_say_how_many_have_left(members: Warehouse) -> None:
    found = count_and_totals(members, CustomerFilter())
    assert (found.n_customers, found.n_there, found.n_left, found.n_scored) == (4, 4, 2, 6)
    assert found.value_at_risk == pytest.approx(100 * (0.8 + 0.75 + 0.5 + 0.1))
    assert found.tier("high").n_customers == 2
    assert count_and_totals(members, WITH_LEFT).tier("high").n_customers == 4
    assert sum(reason.n_customers for reason in reason_totals(members, CustomerFilter())) == 4


def test_every_route_to_the_totals_agrees(members: Warehouse, tmp_path: Path) -> None:
    add_run(members, RISKS | {"gone1": 0.6}, source="snapshots", as_of=None)
    listed = count_and_totals(members, CustomerFilter())
    now = today(members)
    assert now.totals == listed
    assert now.changes is not None
    assert now.changes.n_high_now == listed.tier("high").n_customers == 2
    assert now.changes.n_left == 0, "who has left the shop did not leave the tier"
    assert now.changes.value_at_risk_now == pytest.approx(listed.value_at_risk)
    stake = value_at_stake(members)
    assert stake.concentration is not None
    assert stake.concentration.total == pytest.approx(listed.value_at_risk)
    assert risk_counts(members).n_customers == listed.n_customers
    assert (
        sum(tier.n_customers for tier in tier_counts(members, TierPolicy(high_from=0.7, medium_from=0.4)))
        == listed.n_customers
    )
    saved = save_segment(members, "all", CustomerFilter())
    assert saved.n_members == write_targets(members, CustomerFilter(), tmp_path).n_rows == listed.n_customers
    campaign = begin_draft(members, Plan(name="keep them"))
    assert audience_total(members, campaign).n_customers == listed.n_customers
    campaign = begin_draft(members, Plan(name="all of them", audience=WITH_LEFT))
    assert audience_total(members, campaign).n_customers == 6


def test_nobody_who_has_left_takes_a_place_of_a_tier_by_capacity(members: Warehouse) -> None:
    save(members, TierPolicy(high_from=0.7, medium_from=0.4, capacity=CapacityRule(per_day=2, n_days=1, order="risk")))
    assert ids(members, CustomerFilter(tiers=("high",))) == {"stays1", "stays2"}


def test_alerts_are_raised_for_who_is_still_there(members: Warehouse) -> None:
    refresh_alerts(members)
    raised = {alert.customer_id for alert in alerts.alerts(members, AlertFilter()).rows}
    assert raised
    assert raised <= THERE


def test_a_label_that_says_so_later_takes_a_customer_off(members: Warehouse) -> None:
    with members.transaction() as tx:
        tx.execute("UPDATE snapshots SET churned = true WHERE customer_id = 'open'")
    assert ids(members, CustomerFilter()) == THERE - {"open"}


def test_models_are_explained_by_everybody(members: Warehouse) -> None:
    assert drivers(members).group.n_customers == 6


def test_the_customer_is_found_and_said_to_have_left(members: Warehouse) -> None:
    gone = customer_profile(members, "gone1")
    assert gone.left == "Has left: label Churn = Yes."
    first = customer_profile(members, "stays1")
    assert first.left == customer_profile(members, "open").left == ""
    assert first.score is not None
    assert (first.score.rank, first.score.n_ranked) == (1, 4)
    assert [match.customer_id for match in search_customers(members, "gone1")] == ["gone1"]
    assert {match.customer_id for match in search_customers(members, "")} == THERE


def test_a_run_of_orders_does_not_ask_the_label(members: Warehouse) -> None:
    add_run(members, RISKS)
    assert ids(members, CustomerFilter()) == set(RISKS)
    assert count_and_totals(members, CustomerFilter()).n_left == 0
    assert customer_profile(members, "gone1").left == ""


def test_a_plan_locked_before_keeps_its_digest(members: Warehouse) -> None:
    plan = Plan(name="before")
    assert "with_left" not in plan.to_json()["audience"]
    asked = replace(plan, audience=WITH_LEFT)
    assert Plan.from_json(asked.to_json()) == asked
    assert asked.sha256 != plan.sha256


def test_where_all_have_left_nobody_is_listed(members: Warehouse) -> None:
    with members.transaction() as tx:
        tx.execute("UPDATE snapshots SET churned = true")
    found = count_and_totals(members, CustomerFilter())
    assert (found.n_customers, found.n_there, found.n_left, found.value_at_risk) == (0, 0, 6, None)
    assert today(members).totals == found


def test_a_file_with_those_who_have_left_says_who(members: Warehouse, tmp_path: Path) -> None:
    kept = pd.read_csv(write_targets(members, CustomerFilter(), tmp_path / "there.csv").path)
    assert "has_left" not in kept
    whole = pd.read_csv(write_targets(members, WITH_LEFT, tmp_path / "all.csv").path).set_index("customer_id")
    assert set(whole.index[whole["has_left"] == "yes"]) == {"gone1", "gone2"}


def test_segments_say_how_many_of_them_have_left(members: Warehouse) -> None:
    with members.transaction() as tx:
        number = new_segment(tx, "the risky", "chosen by hand")
        rows = pd.DataFrame({"segment_id": number, "customer_id": ["gone1", "gone2", "stays1"]})
        tx.append("segment_members", rows)
    [found] = standings(members)
    assert (found.segment.n_members, found.n_left, found.n_scored) == (3, 2, 1)
    assert found.mean_value_at_risk == pytest.approx(80.0)
    meant = count_rule(members, Rule(parts=(Line(field="segment", operator="is", values=("the risky",)),)))
    assert (meant.n_customers, meant.n_left, meant.n_scored) == (3, 2, 1)
    assert scored_words(members, number) == "2 of the 3 customers of 'the risky' have left, by their label"
    listed = count_and_totals(members, CustomerFilter(segment_id=number))
    assert listed.n_customers == meant.n_customers - meant.n_left


def test_nobody_of_a_segment_has_left_where_orders_were_scored(members: Warehouse) -> None:
    add_run(members, RISKS)
    with members.transaction() as tx:
        number = new_segment(tx, "the risky", "chosen by hand")
        tx.append("segment_members", pd.DataFrame({"segment_id": number, "customer_id": ["gone1", "stays1"]}))
    [found] = standings(members)
    assert (found.n_left, found.n_scored) == (0, 2)
    assert scored_words(members, number) == ""
