"""What the main reasons of an audience suggest: arms that can be edited, the reason of most customers first."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from churn_core.campaigns.audience import give_list
from churn_core.campaigns.plan import ACTIONS, Arm, Exclusions, Plan
from churn_core.campaigns.playbook import PLAYS, play_of, suggestions
from churn_core.campaigns.store import create_draft
from churn_core.customers.selection import CustomerFilter
from churn_core.features.feature import GROUPS
from churn_core.models.families import FAMILY_LABELS
from churn_core.warehouse import Warehouse

from ..customers.conftest import add_run

REASONS: dict[str | None, tuple[str | None, int]] = {
    "silence": ("days_since_last_order", 7),
    "basket": ("mean_order_amount", 4),
    "browsing": ("days_since_last_visit", 3),
    "tickets": ("n_unanswered_tickets", 2),
    "frequency": ("n_order_days_90", 1),
    "ratings": ("days_since_last_feedback", 1),
    "attribute": ("attribute:<b>$plan_type</b>", 1),
    None: (None, 1),
}


@pytest.fixture
def shop(warehouse: Warehouse) -> Warehouse:
    """Twenty scored customers with main reasons as in REASONS; one without any."""
    rows = [(group, reason) for group, (reason, n) in REASONS.items() for _ in range(n)]
    ids = [f"c{nr:02d}" for nr in range(len(rows))]
    add_run(warehouse, {customer: 0.8 if nr < 10 else 0.5 for nr, customer in enumerate(ids)})
    told = pd.DataFrame(rows, columns=["main_group", "main_reason"]).assign(id=ids)
    with warehouse.transaction() as tx:
        tx.append("customers", pd.DataFrame({"customer_id": ids}))
        with tx.view("told", told):
            tx.execute(
                "UPDATE scores SET main_group = told.main_group, main_reason = told.main_reason FROM told "
                "WHERE customer_id = told.id"
            )
    return warehouse


def test_the_reason_of_most_customers_comes_first(shop: Warehouse) -> None:
    found = suggestions(shop, create_draft(shop))
    assert [(entry.group, entry.n_customers) for entry in found] == [
        ("low_activity", 7), ("small_baskets", 4), ("little_browsing", 3), ("unanswered_ticket", 2),
        ("few_reviews", 1), ("low_frequency", 1), ("other", 1),
    ]  # fmt: skip
    assert [entry.share_of_audience for entry in found][:2] == [pytest.approx(7 / 20), pytest.approx(4 / 20)]
    assert "first among their reasons: Days since last order (7)" in found[0].why


@pytest.mark.parametrize(
    ("group", "action", "channel"),
    [
        ("low_frequency", "coupon", "email"),
        ("small_baskets", "threshold", "email"),
        ("little_browsing", "recommendation", "email"),
        ("unanswered_ticket", "call", "phone"),
        ("few_reviews", "invitation", "email"),
        ("low_activity", "membership", "email"),
        ("other", "survey", "email"),
    ],
)
def test_each_reason_has_its_offer(shop: Warehouse, group: str, action: str, channel: str) -> None:
    [found] = [entry for entry in suggestions(shop, create_draft(shop)) if entry.group == group]
    assert (found.arm.action, found.arm.channel) == (action, channel)
    assert (found.arm.contact_cost, found.arm.offer_cost) == (0, 0)
    assert found.arm.text


def test_suggestions_are_about_the_audience_only(shop: Warehouse) -> None:
    campaign = create_draft(shop, Plan(audience=CustomerFilter(tiers=("high",))))
    assert [(entry.group, entry.n_customers) for entry in suggestions(shop, campaign)] == [
        ("low_activity", 7), ("small_baskets", 3),
    ]  # fmt: skip


def test_an_audience_without_reasons_suggests_nothing(shop: Warehouse) -> None:
    nobody = create_draft(shop, Plan(audience=CustomerFilter(min_risk=0.99)))
    assert suggestions(shop, nobody) == ()
    listed = create_draft(shop, Plan(is_listed=True))
    give_list(shop, listed.campaign_id, "audience", ["c19"])
    assert suggestions(shop, listed) == ()


def test_a_suggested_arm_fits_beside_those_there_are(shop: Warehouse) -> None:
    membership = Arm(name="Membership", share=0.5, action="membership", channel="email")
    plan = Plan(arms=(Arm(name="control", share=0.2), membership))
    arm = suggestions(shop, create_draft(shop, plan))[0].arm
    assert (arm.name, arm.share) == ("membership 2", pytest.approx(0.3))
    with_it = replace(plan, arms=(*plan.arms, arm))
    assert sum(with_it.shares.values()) == pytest.approx(1)
    full = replace(plan, arms=(*plan.arms, replace(membership, name="third", share=0.3)))
    assert 0 < suggestions(shop, create_draft(shop, full))[0].arm.share <= 1


def test_who_waits_for_an_answer_is_left_out_unless_the_rule_is_off(shop: Warehouse) -> None:
    def why(exclusions: Exclusions) -> str:
        campaign = create_draft(shop, Plan(exclusions=exclusions))
        return next(entry.why for entry in suggestions(shop, campaign) if entry.group == "unanswered_ticket")

    assert "Open complaint" in why(Exclusions())
    assert "Open complaint" not in why(Exclusions(open_complaint=False))


def test_a_column_of_the_users_file_is_called_by_its_name(shop: Warehouse) -> None:
    [found] = [entry for entry in suggestions(shop, create_draft(shop)) if entry.group == "other"]
    assert "<b>$plan type</b> (1)" in found.why


def test_every_group_of_reasons_has_a_play() -> None:
    answered = {group for play in PLAYS.values() for group in play.groups}
    assert set(GROUPS) <= answered
    assert set(FAMILY_LABELS) - answered == {"attribute", "unusual", "model"}
    assert all(play.action in ACTIONS for play in PLAYS.values())
    assert len(answered) == sum(len(play.groups) for play in PLAYS.values()), "no group has two plays"
    assert play_of("unusual") == play_of("something new") == "other"


def test_a_play_follows_from_every_group() -> None:
    assert [play_of(group) for group in ("frequency", "basket", "carts", "returns", "ratings", "recency")] == [
        "low_frequency", "small_baskets", "little_browsing", "unanswered_ticket", "few_reviews", "low_activity",
    ]  # fmt: skip
