"""The Plan page through the frame: from a first click to the target list, every change kept, every step revisited."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from churn_core.campaigns.audience import audience_total
from churn_core.campaigns.draw import preview_draw
from churn_core.campaigns.plan import STEPS, Arm, Exclusions, Goal, Plan
from churn_core.campaigns.sizing import plan_baseline, plan_size
from churn_core.campaigns.start import default_start
from churn_core.campaigns.store import Campaign, campaign, campaigns, create_draft, save_draft
from churn_core.campaigns.target_list import exports_of
from churn_core.customers.at_risk import count_and_totals
from churn_core.customers.selection import CustomerFilter
from churn_core.warehouse import Warehouse
from churn_core.workspaces import create_workspace, open_workspace
from tests.pages.conftest import App, Home
from tests.pages.test_every_page import everything_said
from ui import session, session_plan

PLAN = "pages/campaigns/plan.py"
AT_RISK = "pages/customers/at_risk.py"
COUPON = Arm(name="coupon", share=0.5, action="coupon", channel="email", text="10 % off")
READY = Plan(
    name="Win back",
    goal=Goal(outcome="retained", window_days=60, smallest_effect=0.15),
    arms=(Arm(name="control", share=0.5), COUPON),
)


@pytest.fixture
def shop(demo_home: Home) -> Iterator[Warehouse]:
    """The demo workspace, as the page opens it too."""
    opened = open_workspace("Demo shop")
    yield opened
    opened.close()


@pytest.fixture
def bare_home(churn_home: Home) -> Home:
    """A home with one workspace of 300 customers with orders, of whom nobody was scored."""
    warehouse = create_workspace("Bare shop")
    with warehouse.transaction() as tx:
        tx.execute(
            "INSERT INTO customers BY NAME SELECT 'c' || i AS customer_id, 'c' || i || '@example.org' AS email, "
            "true AS email_consent FROM range(300) t(i)"
        )
        tx.execute(
            "INSERT INTO orders BY NAME SELECT 'c' || i % 300 AS customer_id, 'o' || i AS order_id, "
            "TIMESTAMP '2024-01-01' + to_hours(CAST(i AS BIGINT) * 7) AS order_time, 10 AS amount "
            "FROM range(1500) t(i)"
        )
        tx.bump_data_version()
    warehouse.close()
    return churn_home


@pytest.fixture
def draft(shop: Warehouse) -> Campaign:
    """A plan that misses nothing."""
    return create_draft(shop, replace(READY, starts_on=default_start(shop)))


def at_step(app: App, found: Campaign, step: str) -> AppTest:
    visit = app(PLAN, campaign=found.campaign_id, step=str(STEPS.index(step) + 1))
    assert no_error(visit)
    return visit


def no_error(visit: AppTest) -> bool:
    return not visit.exception and not [error.value for error in visit.error]


def step_marks(visit: AppTest, found: Campaign) -> dict[str, str]:
    """The mark beside each step's name."""
    steps = visit.segmented_control(key=f"step_{found.campaign_id}").proto.options
    return {step.content: step.content_icon.removeprefix(":material/").removesuffix(":") for step in steps}


def key(found: Campaign, step: str, name: str) -> str:
    return f"{found.campaign_id}.{step}.{name}"


def kept(shop: Warehouse, found: Campaign) -> Plan:
    return campaign(shop, found.campaign_id).plan


def said(visit: AppTest) -> str:
    """All text without the marks of Markdown."""
    return everything_said(visit).replace("\\", "")


def finished(visit: AppTest) -> AppTest:
    """The page when the job it started has ended."""
    for _ in range(600):
        if not session._opened("Demo shop").runner.unfinished():
            break
        time.sleep(0.05)
    return visit.run()


def test_a_first_campaign_begins_with_a_click_and_has_a_start(shop: Warehouse, app: App) -> None:
    before = {found.campaign_id for found in campaigns(shop)}
    visit = app(PLAN)
    visit.button(key="new_campaign").click().run()
    assert no_error(visit)
    [begun] = [found for found in campaigns(shop) if found.campaign_id not in before]
    assert begun.plan.starts_on == default_start(shop)
    assert visit.query_params["campaign"] == begun.campaign_id
    assert "Unnamed draft" in said(visit)
    assert "Give the campaign a name" in said(visit)


def test_every_step_of_a_new_draft_says_what_is_missing(shop: Warehouse, app: App) -> None:
    begun = create_draft(shop)
    told = {step: said(at_step(app, begun, step)) for step in STEPS}
    assert "There is no treatment yet" in told["Arms"]
    assert "The first treatment takes the other **80 %**" in told["Arms"]
    assert "add up" not in told["Arms"] + told["Lock"]
    assert "Add a treatment first" in told["Power"]
    assert "as soon as there are arms" in told["Draw"]
    assert "Say on which day" in told["Draw"]
    for step in ("Goal", "Arms", "Draw"):
        assert f"**{step}**" in told["Lock"]
    assert "can be exported when the plan is locked" in told["Export"]


def test_every_complete_step_is_ticked_whichever_was_worked_on_last(shop: Warehouse, draft: Campaign, app: App) -> None:
    enough = plan_size(shop, draft).level == "enough"
    expected = dict.fromkeys(STEPS, "check_circle") | {"Lock": "circle", "Export": "circle"}
    expected["Power"] = "check_circle" if enough else "warning"
    for step in ("Goal", "Exclusions"):
        save_draft(shop, draft.campaign_id, draft.plan, step=STEPS.index(step) + 1)
        assert step_marks(at_step(app, draft, step), draft) == expected
    begun = create_draft(shop)
    assert step_marks(at_step(app, begun, "Exclusions"), begun) == {
        "Goal": "error", "Audience": "check_circle", "Exclusions": "check_circle", "Arms": "error", "Power": "circle",
        "Draw": "error", "Lock": "circle", "Export": "circle",
    }  # fmt: skip


def test_every_change_of_the_goal_is_kept_and_survives_a_reload(shop: Warehouse, draft: Campaign, app: App) -> None:
    visit = at_step(app, draft, "Goal")
    visit.text_input(key=key(draft, "Goal", "name")).set_value("  Spring  ").run()
    visit.number_input(key=key(draft, "Goal", "window")).set_value(45).run()
    visit.number_input(key=key(draft, "Goal", "effect_retained")).set_value(2.0).run()
    visit.multiselect(key=key(draft, "Goal", "guardrails_retained")).set_value(["returned"]).run()
    visit.number_input(key=key(draft, "Goal", "margin_returned")).set_value(1.5).run()
    assert no_error(visit)
    goal = kept(shop, draft).goal
    assert (kept(shop, draft).name, goal.window_days, goal.smallest_effect) == ("Spring", 45, 0.02)
    assert [(rail.outcome, rail.margin) for rail in goal.guardrails] == [("returned", 0.015)]
    again = at_step(app, draft, "Goal")
    assert again.number_input(key=key(draft, "Goal", "effect_retained")).value == 2.0
    assert again.number_input(key=key(draft, "Goal", "margin_returned")).value == 1.5
    baseline = plan_size(shop, campaign(shop, draft.campaign_id)).baseline
    assert baseline is not None
    assert f"From {100 * baseline.value:.1f} % to {100 * baseline.value + 2:.1f} %" in said(again)


def test_another_goal_asks_for_its_effect_anew(shop: Warehouse, draft: Campaign, app: App) -> None:
    visit = at_step(app, draft, "Goal")
    visit.selectbox(key=key(draft, "Goal", "outcome")).set_value("spend").run()
    assert kept(shop, draft).goal == Goal(outcome="spend", window_days=60)
    visit.number_input(key=key(draft, "Goal", "effect_spend")).set_value(4.0).run()
    visit.number_input(key=key(draft, "Goal", "cap")).set_value(500.0).run()
    assert no_error(visit)
    assert kept(shop, draft).goal == Goal(outcome="spend", window_days=60, smallest_effect=4.0, cap=500.0)


def test_what_cannot_be_is_said_at_the_step_and_not_kept(shop: Warehouse, draft: Campaign, app: App) -> None:
    visit = at_step(app, draft, "Arms")
    visit.text_input(key=key(draft, "Arms", "arm_1_name")).set_value(" ").run()
    assert "an arm is named" in visit.error[0].value.lower().replace("\\", "")
    assert kept(shop, draft) == draft.plan


def test_an_effect_that_cannot_be_is_said_at_the_goal(shop: Warehouse, draft: Campaign, app: App) -> None:
    visit = at_step(app, draft, "Goal")
    visit.number_input(key=key(draft, "Goal", "effect_retained")).set_value(95.0).run()
    assert no_error(visit)
    assert re.search(r"do it anyway, so an effect of 95 points would lead to 1\d\d\.\d %, which cannot be", said(visit))
    assert not re.search(r"From [0-9.]+ % to 1\d\d", said(visit))


def test_the_audience_is_the_filter_of_at_risk(shop: Warehouse, draft: Campaign, app: App) -> None:
    visit = at_step(app, draft, "Audience")
    visit.button_group(key=key(draft, "Audience", "tier")).set_value(["high"]).run()
    visit.number_input(key=key(draft, "Audience", "risk_from")).set_value(50.0).run()
    assert no_error(visit)
    chosen = CustomerFilter(tiers=("high",), min_risk=0.5)
    assert kept(shop, draft).audience == chosen
    n = count_and_totals(shop, chosen).n_customers
    assert [metric.value for metric in visit.metric if metric.label == "Customers"] == [f"{n:,}"]
    again = at_step(app, draft, "Audience")
    assert again.button_group(key=key(draft, "Audience", "tier")).value == ["high"]
    again.button(key=key(draft, "Audience", "clear")).click().run()
    assert kept(shop, draft).audience == CustomerFilter()


def test_pasted_ids_are_an_audience_and_unknown_ones_are_named(shop: Warehouse, draft: Campaign, app: App) -> None:
    ids = [row[0] for row in shop.rows("SELECT customer_id FROM customers ORDER BY customer_id LIMIT 3")]
    visit = at_step(app, draft, "Audience")
    visit.button_group(key=key(draft, "Audience", "listed")).set_value(True).run()
    assert kept(shop, draft).is_listed
    assert "Nobody is in the audience" in said(visit)
    pasted = ", ".join([*ids, ids[0], "stranger"])
    visit.text_area(key=key(draft, "Audience", "audience_text")).set_value(pasted).run()
    visit.button(key=key(draft, "Audience", "audience_use")).click().run()
    assert no_error(visit)
    assert "3 of 4 ids belong to customers" in said(visit)
    assert "stranger" in said(visit)
    assert "Audience: **3**" in said(visit)


def test_exclusions_are_switched_and_counted(shop: Warehouse, draft: Campaign, app: App) -> None:
    visit = at_step(app, draft, "Exclusions")
    before = visit.dataframe[0].value.set_index("Step")["Left out"]
    visit.toggle(key=key(draft, "Exclusions", "no_consent")).set_value(False).run()
    after = visit.dataframe[0].value.set_index("Step")
    assert int(before["No consent"].replace(",", "")) > 0
    assert after["Left out"]["No consent"] == "off"
    assert not kept(shop, draft).exclusions.no_consent
    visit.toggle(key=key(draft, "Exclusions", "contacted_days")).set_value(False).run()
    assert kept(shop, draft).exclusions.contacted_days is None
    visit.toggle(key=key(draft, "Exclusions", "contacted_days")).set_value(True).run()
    visit.number_input(key=key(draft, "Exclusions", "days")).set_value(30).run()
    assert kept(shop, draft).exclusions.contacted_days == 30
    assert no_error(visit)


def test_single_customers_are_left_out_by_a_list(shop: Warehouse, draft: Campaign, app: App) -> None:
    customer = shop.value("SELECT min(customer_id) FROM scores WHERE run_id = (SELECT max(run_id) FROM score_runs)")
    visit = at_step(app, draft, "Exclusions")
    visit.text_area(key=key(draft, "Exclusions", "exclude_text")).set_value(customer).run()
    visit.button(key=key(draft, "Exclusions", "exclude_use")).click().run()
    assert no_error(visit)
    assert visit.dataframe[0].value.set_index("Step")["Left out"]["Own list"] == "1"


def test_without_a_control_a_reason_is_typed_and_the_plan_says_what_that_means(
    shop: Warehouse, draft: Campaign, app: App
) -> None:
    visit = at_step(app, draft, "Arms")
    visit.text_area(key=key(draft, "Arms", "no_control_reason")).set_value("why not").run()
    assert visit.button(key=key(draft, "Arms", "control_out")).disabled
    reason = "Everybody was promised the coupon."
    visit.text_area(key=key(draft, "Arms", "no_control_reason")).set_value(reason).run()
    visit.button(key=key(draft, "Arms", "control_out")).click().run()
    assert no_error(visit)
    plan = kept(shop, draft)
    assert (plan.is_measurable, plan.no_control_reason, plan.shares) == (False, reason, {"coupon": 1.0})
    assert "Not measurable" in said(visit)
    assert "nobody will know" in said(at_step(app, draft, "Power"))
    visit = at_step(app, draft, "Arms")
    visit.button(key=key(draft, "Arms", "control_back")).click().run()
    assert kept(shop, draft).shares == {"control": 0.2, "coupon": 0.8}
    assert kept(shop, draft).no_control_reason == ""


def test_shares_that_do_not_add_up_are_said_and_shared_equally_with_a_click(
    shop: Warehouse, draft: Campaign, app: App
) -> None:
    visit = at_step(app, draft, "Arms")
    visit.number_input(key=key(draft, "Arms", "arm_1_share")).set_value(30.0).run()
    assert "Shares add up to **80 %**" in said(visit)
    assert "must add up to 100 %" in said(at_step(app, draft, "Power"))
    assert "must add up to 100 %" in said(at_step(app, draft, "Lock"))
    visit.button(key=key(draft, "Arms", "equally")).click().run()
    assert kept(shop, draft).shares == {"control": 0.5, "coupon": 0.5}
    assert visit.number_input(key=key(draft, "Arms", "arm_1_share")).value == 50.0


def test_treatments_are_added_proposed_edited_and_removed(shop: Warehouse, draft: Campaign, app: App) -> None:
    visit = at_step(app, draft, "Arms")
    visit.button(key=key(draft, "Arms", "suggested_0")).click().run()
    assert no_error(visit)
    arms = kept(shop, draft).arms
    assert len(arms) == 3
    assert arms[2].channel is not None
    assert sum(arm.share for arm in arms) == pytest.approx(1)
    visit.button(key=key(draft, "Arms", "add")).click().run()
    assert [arm.name for arm in kept(shop, draft).arms][-1] == "coupon 2"
    assert "Say how 'coupon 2' reaches" in said(visit)
    visit.text_input(key=key(draft, "Arms", "arm_3_text")).set_value("Half price").run()
    visit.number_input(key=key(draft, "Arms", "arm_3_contact_cost")).set_value(0.25).run()
    assert (kept(shop, draft).arms[3].text, kept(shop, draft).arms[3].contact_cost) == ("Half price", 0.25)
    visit.button(key=key(draft, "Arms", "remove_1")).click().run()
    assert "coupon" not in kept(shop, draft).shares
    assert visit.text_input(key=key(draft, "Arms", "arm_2_text")).value == "Half price"


def test_a_button_and_an_input_of_the_same_moment_show_no_error(shop: Warehouse, draft: Campaign, app: App) -> None:
    visit = at_step(app, draft, "Arms")
    visit.number_input(key=key(draft, "Arms", "arm_0_share")).set_value(30.0)
    visit.button(key=key(draft, "Arms", "equally")).click().run()
    assert no_error(visit)
    assert sum(kept(shop, draft).shares.values()) in (pytest.approx(1), pytest.approx(0.8))


def test_too_small_an_audience_warns_with_what_would_help(shop: Warehouse, draft: Campaign, app: App) -> None:
    visit = at_step(app, draft, "Goal")
    visit.number_input(key=key(draft, "Goal", "effect_retained")).set_value(0.5).run()
    visit = at_step(app, draft, "Power")
    told = visit.warning[0].value.replace("\\", "")
    assert told.startswith("**Too small:")
    assert "More customers" in told
    assert "A larger effect" in told
    size = plan_size(shop, campaign(shop, draft.campaign_id))
    assert [metric.value for metric in visit.metric if metric.label == "Customers needed"] == [f"{size.n_needed:,}"]
    visit.number_input(key=key(draft, "Power", "power")).set_value(90.0).run()
    assert kept(shop, draft).power == 0.9


def test_the_weekly_volume_is_asked_where_it_says_how_long_it_takes(shop: Warehouse, draft: Campaign, app: App) -> None:
    visit = at_step(app, draft, "Power")
    before = re.search(r"\*\*(\d+) days from the first contact", said(visit))
    visit.number_input(key=key(draft, "Power", "per_week")).set_value(50).run()
    after = re.search(r"\*\*(\d+) days from the first contact", said(visit))
    assert before is not None
    assert after is not None
    assert int(before[1]) == draft.plan.goal.window_days < int(after[1])
    assert kept(shop, draft).per_week == 50
    assert at_step(app, draft, "Draw").number_input(key=key(draft, "Draw", "per_week")).value == 50


def test_the_draw_is_shown_before_and_its_weeks(shop: Warehouse, draft: Campaign, app: App) -> None:
    visit = at_step(app, draft, "Draw")
    visit.number_input(key=key(draft, "Draw", "per_week")).set_value(200).run()
    visit.radio(key=key(draft, "Draw", "entry")).set_value("rolling").run()
    assert no_error(visit)
    assert (kept(shop, draft).per_week, kept(shop, draft).entry) == (200, "rolling")
    assert draft.campaign_id in said(visit)
    assert "weekly waves" in said(visit)
    arms = visit.dataframe[0].value.set_index("Arm")["Customers"]
    left = plan_size(shop, campaign(shop, draft.campaign_id)).n_available
    assert sum(int(n.replace(",", "")) for n in arms) == left


def test_a_start_that_is_known_already_is_refused_in_words(shop: Warehouse, draft: Campaign, app: App) -> None:
    visit = at_step(app, draft, "Draw")
    first = shop.value("SELECT CAST(max(order_time) AS DATE) FROM orders")
    visit.date_input(key=key(draft, "Draw", "start")).set_value(first).run()
    assert no_error(visit)
    assert "outcomes from before the draw prove nothing" in said(visit)
    assert "cannot be locked as it is" in said(at_step(app, draft, "Lock"))


def test_lock_export_and_then_nothing_changes_any_more(shop: Warehouse, draft: Campaign, app: App) -> None:
    visit = at_step(app, draft, "Lock")
    assert visit.button(key=key(draft, "Lock", "lock")).disabled
    visit.checkbox[0].check().run()
    visit.button(key=key(draft, "Lock", "lock")).click().run()
    visit = finished(visit)
    assert no_error(visit)
    locked = campaign(shop, draft.campaign_id)
    assert locked.status == "locked"
    assert "Locked on" in said(visit)
    for step in STEPS[:-1]:
        read = at_step(app, draft, step)
        assert not [*read.text_input, *read.number_input, *read.toggle, *read.checkbox], step
        assert locked.locked_by in said(read)
    visit = at_step(app, draft, "Export")
    assert not visit.toggle(key=f"{draft.campaign_id}.export.contact").value
    visit.toggle(key=f"{draft.campaign_id}.export.control").set_value(True).run()
    visit.button(key=f"{draft.campaign_id}.export.make").click().run()
    visit = finished(visit)
    assert no_error(visit)
    [row] = next(table.value for table in visit.dataframe if "Digest" in table.value).to_dict("records")
    manifest = json.loads(shop.file(f"{row['File']}.manifest.json").read_text(encoding="utf-8"))
    assert manifest["file"]["sha256"].startswith(row["Digest"])
    n_assigned = shop.value("SELECT count(*) FROM assignments WHERE campaign_id = $id", {"id": draft.campaign_id})
    assert manifest["file"]["rows"] == n_assigned
    header = shop.file(row["File"]).read_text(encoding="utf-8-sig").splitlines()[0]
    assert not re.search("mail|phone|name", header)
    assert len(visit.get("download_button")) == 2
    visit.toggle(key=f"{draft.campaign_id}.export.contact").set_value(True).run()
    visit.button(key=f"{draft.campaign_id}.export.make").click().run()
    visit = finished(visit)
    assert not shop.file(row["File"]).exists()
    [newest, _] = exports_of(shop, draft.campaign_id)
    assert shop.file(newest.file_name).exists()
    visit.button(key=f"remove_{newest.export_id}").click().run()
    assert no_error(visit)
    assert not shop.file(newest.file_name).exists()
    assert not visit.get("download_button")


def test_a_locked_campaign_is_called_off_with_a_reason(shop: Warehouse, draft: Campaign, app: App) -> None:
    visit = at_step(app, draft, "Lock")
    visit.checkbox[0].check().run()
    visit.button(key=key(draft, "Lock", "lock")).click().run()
    finished(visit)
    visit = at_step(app, draft, "Export")
    visit.text_area(key=f"why_{draft.campaign_id}").set_value("The offer is not allowed after all.").run()
    visit.button(key=f"really_off_{draft.campaign_id}").click().run()
    assert no_error(visit)
    assert campaign(shop, draft.campaign_id).status == "cancelled"
    assert "called off" in said(visit)


def test_next_goes_on_and_the_list_opens_the_step_worked_on(shop: Warehouse, draft: Campaign, app: App) -> None:
    visit = at_step(app, draft, "Goal")
    visit.button(key="turn_2").click().run()
    visit.button(key="turn_3").click().run()
    assert visit.query_params["step"] == "3"
    assert campaign(shop, draft.campaign_id).step == 3
    visit.button(key="all_campaigns").click().run()
    assert "Drafts" in said(visit)
    visit.button(key=f"open_{draft.campaign_id}").click().run()
    assert no_error(visit)
    assert "Cannot be reached" in said(visit)


def test_the_way_to_all_campaigns_and_back_leaves_the_workspace_in_the_address(
    shop: Warehouse, draft: Campaign, app: App
) -> None:
    visit = app(PLAN, campaign=draft.campaign_id, step="3", workspace="Demo shop")
    visit.button(key="all_campaigns").click().run()
    assert no_error(visit)
    assert "campaign" not in visit.query_params
    visit.button(key=f"open_{draft.campaign_id}").click().run()
    assert no_error(visit)
    assert visit.query_params["campaign"] == draft.campaign_id
    assert "step" not in visit.query_params


def test_a_draft_is_deleted_from_the_list(shop: Warehouse, draft: Campaign, app: App) -> None:
    visit = app(PLAN)
    visit.button(key=f"really_delete_{draft.campaign_id}").click().run()
    assert no_error(visit)
    assert draft.campaign_id not in {found.campaign_id for found in campaigns(shop)}


def test_a_campaign_that_is_not_there_is_said_so(shop: Warehouse, app: App) -> None:
    visit = app(PLAN, campaign="camp-none")
    assert "There is no campaign 'camp-none'" in visit.error[0].value.replace("\\", "")
    assert visit.button(key="new_campaign"), "the list it speaks of is there"


def test_at_risk_begins_a_plan_with_its_filter(shop: Warehouse, app: App) -> None:
    before = {found.campaign_id for found in campaigns(shop)}
    visit = app(AT_RISK, tier="high", risk_from="40")
    visit.button(key="plan_campaign").click().run()
    assert no_error(visit)
    [begun] = [found for found in campaigns(shop) if found.campaign_id not in before]
    assert begun.plan.audience == CustomerFilter(tiers=("high",), min_risk=0.4)
    assert visit.query_params["campaign"] == begun.campaign_id

    visit = app(AT_RISK, tier="medium")
    visit.button(key="plan_campaign").click().run()
    [again] = [found for found in campaigns(shop) if found.campaign_id not in before]
    assert (again.campaign_id, again.plan.audience) == (begun.campaign_id, CustomerFilter(tiers=("medium",)))


def test_a_treatment_without_a_text_is_named_before_the_lock(shop: Warehouse, draft: Campaign, app: App) -> None:
    save_draft(shop, draft.campaign_id, replace(draft.plan, arms=(READY.arms[0], replace(COUPON, text=""))), step=7)
    visit = at_step(app, draft, "Lock")
    assert "Arm 'coupon' has no text" in visit.warning[0].value.replace("\\", "")
    assert visit.checkbox, "it can be locked all the same"
    save_draft(shop, draft.campaign_id, draft.plan, step=7)
    assert not at_step(app, draft, "Lock").warning


def test_counts_before_the_draw_say_that_they_are_about(shop: Warehouse, draft: Campaign, app: App) -> None:
    visit = at_step(app, draft, "Power")
    size = plan_size(shop, draft)
    assert f"control about {size.available['control']:,} · coupon about {size.available['coupon']:,}" in said(visit)
    assert "The Draw step shows the numbers drawn" in said(visit)
    drawn = {arm.arm: arm.n_customers for arm in preview_draw(shop, draft.campaign_id).arms}
    assert all(abs(drawn[arm] - n) <= 5 for arm, n in size.available.items())


def test_risks_answer_within_their_horizon_and_the_past_agrees(shop: Warehouse, draft: Campaign) -> None:
    horizon = shop.value("SELECT arg_max(horizon_days, version) FROM churn_definitions")
    asked = replace(draft, plan=replace(draft.plan, goal=Goal(outcome="retained", window_days=horizon)))
    used, compared, why = plan_baseline(shop, asked)
    assert why == ""
    assert used is not None
    assert compared is not None
    assert (used.source, compared.source) == ("scores", "history")
    assert used.value == pytest.approx(compared.value, abs=0.1)
    longer = replace(asked, plan=replace(asked.plan, goal=Goal(outcome="retained", window_days=horizon + 60)))
    beyond, _, _ = plan_baseline(shop, longer)
    assert beyond is not None
    assert beyond.source == "history"


def test_ticked_customers_become_the_list_of_a_draft(shop: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "warehouse", lambda name=None: shop)
    ids = tuple(row[0] for row in shop.rows("SELECT customer_id FROM scores WHERE run_id = 1 LIMIT 4"))
    begun = session_plan.begin_for(CustomerFilter(tiers=("high",), sort="risk"), ids)
    assert begun.plan.is_listed
    assert audience_total(shop, begun).n_customers == 4


def test_before_anybody_was_scored_a_campaign_is_about_a_list(bare_home: Home, app: App) -> None:
    visit = app(PLAN)
    assert "Nobody was scored yet" in said(visit)
    visit.button(key="new_campaign").click().run()
    warehouse = open_workspace("Bare shop")
    [begun] = campaigns(warehouse)
    assert begun.plan.is_listed
    visit = at_step(app, begun, "Audience")
    visit.text_area(key=key(begun, "Audience", "audience_text")).set_value("c1, c2, c3, c4, =9").run()
    visit.button(key=key(begun, "Audience", "audience_use")).click().run()
    assert "4 of 5 ids belong to customers of this workspace. Not known: =9." in said(visit)
    assert "**4 customers**, not scored." in said(visit)
    plan = replace(READY, is_listed=True, starts_on=default_start(warehouse))
    save_draft(warehouse, begun.campaign_id, plan, step=1)
    told = {step: said(at_step(app, begun, step)) for step in STEPS}
    assert "would be drawn" in told["Draw"]
    assert "A list of customer ids given to the campaign: 4 customers." in told["Lock"]
    save_draft(warehouse, begun.campaign_id, replace(plan, is_listed=False), step=1)
    visit = at_step(app, begun, "Goal")
    assert "about a filter over scores, and there are none" in said(visit)
    visit.button(key="list_instead").click().run()
    assert no_error(visit)
    assert kept(warehouse, begun).is_listed


def test_every_step_works_for_a_labelled_table(snapshot_home: Home, app: App) -> None:
    members = open_workspace("Members")
    plan = replace(READY, starts_on=default_start(members), exclusions=Exclusions(no_consent=False))
    found = create_draft(members, plan)
    told = {step: said(at_step(app, found, step)) for step in STEPS}
    assert "which does not say over how many days" in told["Goal"]
    assert "customers would be drawn" in told["Draw"]
    spend = replace(plan, goal=Goal(outcome="spend", smallest_effect=3.0))
    other = create_draft(members, spend)
    assert "there are no orders" in said(at_step(app, other, "Power")).lower()
    members.close()
