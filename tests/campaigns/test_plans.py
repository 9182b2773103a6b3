"""Plans are data: written and read back to the same plan, drafts change until they are locked."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest

from churn_core.campaigns.id_lists import give_list
from churn_core.campaigns.plan import Arm, Exclusions, Goal, Guardrail, Plan, problems, reminders
from churn_core.campaigns.store import (
    Campaign,
    begin_draft,
    campaign,
    campaigns,
    create_draft,
    delete_draft,
    required_locked,
    save_draft,
)
from churn_core.customers.selection import CustomerFilter
from churn_core.errors import ChurnError, InputError, NotFound
from churn_core.warehouse import Warehouse

COUPON = Arm(name="coupon", share=0.5, action="coupon", channel="email", text="10 % off", contact_cost=0.05)
COMPLETE = Plan(
    name="Win back",
    goal=Goal(
        outcome="spend", window_days=45, smallest_effect=2.5, guardrails=(Guardrail(outcome="returned", margin=0.02),)
    ),
    audience=CustomerFilter(tiers=("high",), ranges=(("age", 18, None),), attributes=(("country", "France"),)),
    exclusions=Exclusions(contacted_days=None),
    arms=(Arm(name="control", share=0.5), COUPON),
    starts_on=date(2026, 11, 2),
    per_week=500,
)


def test_a_plan_survives_the_way_through_json() -> None:
    read = Plan.from_json(COMPLETE.to_json())
    assert read == COMPLETE
    assert read.sha256 == COMPLETE.sha256


def test_every_change_of_a_plan_changes_its_digest() -> None:
    other = Plan.from_json(COMPLETE.to_json() | {"per_week": 501})
    tagged = replace(COMPLETE, audience=replace(COMPLETE.audience, tags=("night shopper",)))
    assert len({other.sha256, tagged.sha256, COMPLETE.sha256}) == 3
    assert Plan.from_json(tagged.to_json()) == tagged


def test_a_plan_locked_before_filters_asked_for_tags_keeps_its_digest(warehouse: Warehouse) -> None:
    locked = (
        '{"name": "Win back", "goal": {"outcome": "spend", "window_days": 45, "smallest_effect": 2.5, "guardrails": '
        '[{"outcome": "returned", "margin": 0.02}], "cap": null}, "audience": {"tiers": ["high"], "min_value": null, '
        '"max_value": null, "min_risk": null, "max_risk": null, "min_expected": null, "below_expected": null, '
        '"min_net_value": null, "reason_groups": [], "reasons": [], "attributes": [["country", "France"]], "ranges": '
        '[["age", 18, null]], "segment_id": null, "search": "", "customer_ids": [], "only_new": false, "sort": '
        '"value_at_risk", "descending": true}, "is_listed": false, "exclusions": {"manual": true, "holdout": true, '
        '"other_campaign": true, "no_consent": true, "contacted_days": null, "open_complaint": true, '
        '"invalid_contact": true}, "arms": [{"name": "control", "share": 0.5, "action": null, "channel": null, "text": '
        '"", "contact_cost": 0.0, "offer_cost": 0.0}, {"name": "coupon", "share": 0.5, "action": "coupon", "channel": '
        '"email", "text": "10 % off", "contact_cost": 0.05, "offer_cost": 0.0}], "no_control_reason": "", "entry": '
        '"fixed", "starts_on": "2026-11-02", "per_week": 500, "power": 0.8, "alpha": 0.05}'
    )
    kept = create_draft(warehouse).campaign_id
    with warehouse.transaction() as tx:
        tx.execute(
            "UPDATE campaigns SET status = 'locked', plan = $plan WHERE campaign_id = $id", {"plan": locked, "id": kept}
        )
    read = campaign(warehouse, kept).plan
    assert read == COMPLETE
    assert json.loads(json.dumps(read.to_json())) == json.loads(locked)
    assert read.sha256 == "d3cf2ccc77675cab476cc23f21f29a70fe4ab64cedb4fea14d4986ed68463bf1"


def test_a_complete_plan_has_no_problems_and_a_new_one_names_its_steps() -> None:
    assert problems(COMPLETE) == {}
    assert set(problems(Plan())) == {"Goal", "Arms", "Draw"}


@pytest.mark.parametrize(
    ("arms", "told"),
    [
        ((Arm(name="control", share=0.5), Arm(name="coupon", share=0.4, action="coupon", channel="email")), "90 %"),
        ((Arm(name="control", share=0.5), Arm(name="Control", share=0.5, action="call", channel="phone")), "same name"),
        ((Arm(name="control", share=1.0),), "no treatment"),
        ((Arm(name="coupon", share=1.0, action="coupon", channel="email"),), "no control"),
        ((Arm(name="control", share=0.5), Arm(name="coupon", share=0.5, action="coupon")), "reaches"),
    ],
)
def test_arms_that_cannot_be_drawn_are_named(arms: tuple[Arm, ...], told: str) -> None:
    plan = Plan.from_json(COMPLETE.to_json() | {"arms": [vars(arm) for arm in arms]})
    assert any(told in sentence for sentence in problems(plan)["Arms"])


def test_a_treatment_without_a_text_is_no_problem_but_is_said() -> None:
    assert reminders(COMPLETE) == ()
    silent = replace(COMPLETE, arms=(*COMPLETE.arms[:-1], replace(COMPLETE.arms[-1], text=" ")))
    assert problems(silent) == {}
    [told] = reminders(silent)
    assert COMPLETE.arms[-1].name in told


def test_shares_are_asked_for_only_when_there_is_something_to_share() -> None:
    assert problems(Plan())["Arms"] == ("there is no treatment yet; add what customers are offered.",)


def test_a_campaign_without_control_needs_a_typed_reason() -> None:
    plan = Plan.from_json(
        COMPLETE.to_json()
        | {"arms": [vars(COUPON) | {"share": 1.0}], "no_control_reason": "Everybody was promised the coupon."}
    )
    assert problems(plan) == {}
    assert not plan.is_measurable


@pytest.mark.parametrize(
    "made",
    [
        lambda: Goal(outcome="retaind"),
        lambda: Goal(window_days=0),
        lambda: Goal(smallest_effect=-0.01),
        lambda: Arm(name="coupon", share=0),
        lambda: Arm(name=" ", share=0.5),
        lambda: Arm(name="coupon", share=0.5, action="bribe"),
        lambda: Arm(name="coupon", share=0.5, action="coupon", contact_cost=-1),
        lambda: Plan(per_week=0),
        lambda: Guardrail(outcome="returned", margin=0),
        lambda: Exclusions(contacted_days=0),
    ],
)
def test_impossible_parts_are_refused_where_they_are_made(made) -> None:
    with pytest.raises(ChurnError):
        made()


def test_a_draft_that_was_left_as_it_was_is_taken_up_again() -> None:
    warehouse = Warehouse.open(None)
    first = begin_draft(warehouse, Plan())
    high = Plan(audience=CustomerFilter(tiers=("high",)))
    again = begin_draft(warehouse, high)
    assert (again.campaign_id, again.plan) == (first.campaign_id, high), "only the audience is another"
    save_draft(warehouse, first.campaign_id, high, step=2)
    assert begin_draft(warehouse, high).campaign_id == first.campaign_id, "looked at, but nothing was entered"
    assert begin_draft(warehouse, Plan()).campaign_id != first.campaign_id, "its audience may have been chosen by hand"


def named(warehouse: Warehouse, draft: Campaign) -> None:
    save_draft(warehouse, draft.campaign_id, replace(draft.plan, name="June"), step=1)


def listed(warehouse: Warehouse, draft: Campaign) -> None:
    give_list(warehouse, draft.campaign_id, "exclude", ["C-1"])
    save_draft(warehouse, draft.campaign_id, draft.plan, step=3)


def given_away(warehouse: Warehouse, draft: Campaign) -> None:
    with warehouse.transaction() as tx:
        tx.execute("UPDATE campaigns SET created_by = 'somebody else'")


def locked(warehouse: Warehouse, draft: Campaign) -> None:
    with warehouse.transaction() as tx:
        tx.execute("UPDATE campaigns SET status = 'locked'")


@pytest.mark.parametrize("worked_on", [named, listed, given_away, locked])
def test_a_draft_that_somebody_worked_on_is_left_alone(worked_on: Callable[[Warehouse, Campaign], None]) -> None:
    warehouse = Warehouse.open(None)
    first = begin_draft(warehouse, Plan())
    worked_on(warehouse, first)
    assert begin_draft(warehouse, Plan()).campaign_id != first.campaign_id
    assert len(campaigns(warehouse)) == 2


def test_drafts_are_kept_changed_and_forgotten() -> None:
    warehouse = Warehouse.open(None)
    first, second = create_draft(warehouse), create_draft(warehouse, COMPLETE)
    assert first.campaign_id != second.campaign_id
    save_draft(warehouse, first.campaign_id, COMPLETE, step=5)
    kept = campaign(warehouse, first.campaign_id)
    assert (kept.plan, kept.step, kept.status) == (COMPLETE, 5, "draft")
    with pytest.raises(InputError, match="still a draft"):
        required_locked(warehouse, first.campaign_id)
    delete_draft(warehouse, first.campaign_id)
    assert [found.campaign_id for found in campaigns(warehouse)] == [second.campaign_id]
    with pytest.raises(NotFound):
        campaign(warehouse, first.campaign_id)
    warehouse.close()
