"""The Readout page: health, then the verdict, then what stands behind it; decisions and outcomes are kept."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from streamlit.testing.v1 import AppTest

from churn_core.campaigns.decision import decide, decisions
from churn_core.campaigns.plan import Arm, Guardrail, Plan
from churn_core.campaigns.store import campaign, create_draft
from churn_core.warehouse import Warehouse
from churn_core.workspaces import create_workspace, open_workspace
from tests.campaigns.conftest import SMALL_PLAN, START, make_campaign, put_rows
from tests.campaigns.planted_campaign import planted, with_costs
from tests.pages.conftest import App, Home
from tests.pages.test_every_page import everything_said
from ui import session

PAGE = "pages/campaigns/readout.py"
PLAN = with_costs(
    replace(SMALL_PLAN, goal=replace(SMALL_PLAN.goal, guardrails=(Guardrail(outcome="order_value", margin=5.0),))),
    0.1,
    1.0,
)
SPRING = "camp-spring"


@pytest.fixture
def shop(churn_home: Home) -> Warehouse:
    """An empty workspace with settings of its own."""
    create_workspace("Shop")
    return open_workspace("Shop")


def plant(shop: Warehouse, gain: float = 0.12, plan: Plan = PLAN, *, known_days: int = 40) -> None:
    """The campaign with its effect on retention, and the orders that show it."""
    planted(
        shop, make_campaign, put_rows, plan, n=1_200, chance={"control": 0.3, "coupon": 0.3 + gain},
        known_days=known_days,
    )  # fmt: skip


def said(visit: AppTest) -> str:
    assert not visit.exception
    return everything_said(visit).replace("\\", "")


def wait_for_jobs(seconds: float = 60) -> None:
    runner = session._opened("Shop").runner
    until = time.monotonic() + seconds
    while runner.unfinished() and time.monotonic() < until:
        time.sleep(0.05)
    assert runner.recent()[0].status == "done", runner.recent()[0].message


def test_the_planted_effect_is_told_in_the_order_of_reading(shop: Warehouse, app: App) -> None:
    plant(shop)
    visit = app(PAGE, campaign=SPRING)
    words = said(visit)
    assert "▲ Better" in words
    assert "Coupon kept" in words
    assert [part.value for part in visit.subheader] == [
        "Effects", "Guardrails", "Looking before the end", "Segments", "Money", "Decision", "Arms",
    ]  # fmt: skip
    told = [element.value for element in visit.main.markdown]
    health = next(place for place, text in enumerate(told) if "Sample ratio" in text)
    verdict = next(place for place, text in enumerate(told) if "▲ Better" in text)
    effects = next(place for place, text in enumerate(told) if "clear of zero" in text)
    assert health < verdict < effects
    table = next(found.value for found in visit.table if "Change" in found.value and "Metric" in found.value)
    assert table["Metric"][0].replace("\\", "") == "retained customers (goal)"
    assert table["n"][0] == "599 / 601"
    assert "Accepted harm" in words
    assert "planned end" in words
    assert "Interaction test: p" in words
    assert "Return on spend" in words
    assert "revenue after costs" in words
    assert "No margin is set in the settings, so all that was spent counts." in words
    assert "Not known: customers" not in words


def test_slices_without_a_value_say_who_is_in_them(shop: Warehouse, app: App) -> None:
    plant(shop)
    with shop.transaction() as tx:
        tx.execute("UPDATE assignments SET tier = NULL WHERE tier = 'low'")
        tx.audit("campaign test")
    assert "Not known: customers who were not scored at the draw." in said(app(PAGE, campaign=SPRING))


def test_the_campaign_of_the_address_is_shown_and_another_can_be_picked(shop: Warehouse, app: App) -> None:
    plant(shop)
    make_campaign(shop, replace(SMALL_PLAN, name="Second"), 10, campaign_id="camp-second")
    visit = app(PAGE, campaign=SPRING)
    picker = next(box for box in visit.selectbox if box.label == "Campaign")
    assert picker.value == SPRING
    picker.set_value("camp-second").run()
    assert visit.query_params["campaign"] == "camp-second"
    assert next(box for box in visit.selectbox if box.label == "Campaign").value == "camp-second"


def test_red_health_hides_every_effect_and_says_why(shop: Warehouse, app: App) -> None:
    plant(shop)
    with shop.transaction() as tx:
        tx.execute(
            "DELETE FROM assignments WHERE arm = 'control' AND customer_id IN "
            "(SELECT customer_id FROM assignments WHERE arm = 'control' ORDER BY customer_id LIMIT 200)"
        )
        tx.audit("assignments lost")
    visit = app(PAGE, campaign=SPRING)
    words = said(visit)
    assert "No effect is told" in words
    assert "✕ hidden" in words
    assert [part.value for part in visit.subheader] == ["Decision", "Arms"]
    assert not [found for found in visit.table if "Change" in found.value]
    assert not visit.get("plotly_chart")
    assert "▲ Better" not in words


def test_without_a_clear_difference_the_interval_is_told(shop: Warehouse, app: App) -> None:
    plant(shop, gain=0.0)
    words = said(app(PAGE, campaign=SPRING))
    assert "No clear difference" in words
    assert "no effect" not in words.lower().replace("no effect is", "")


def test_the_bayesian_view_is_a_labelled_toggle(shop: Warehouse, app: App) -> None:
    plant(shop)
    visit = app(PAGE, campaign=SPRING, readout_view="Bayesian view")
    words = said(visit)
    assert "Chance to beat the control" in words
    assert "Bayesian view: flat priors" in words
    assert "▲ Better" in words


def test_a_campaign_that_waits_says_what_to_import_and_until_when(shop: Warehouse, app: App) -> None:
    plant(shop, known_days=10)
    visit = app(PAGE, campaign=SPRING)
    words = said(visit)
    assert "No outcomes yet." in words
    assert "complete with orders until 30 Mar 2024" in words
    assert "orders are known until 10 Mar 2024" in words
    assert "last counted day 30 Mar 2024" in words
    assert "Effects" not in [part.value for part in visit.subheader]


def test_while_windows_are_open_no_file_of_outcomes_is_asked_for(
    shop: Warehouse, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(shop, known_days=10)
    assert "bring a file of outcomes below" in said(app(PAGE, campaign=SPRING))
    monkeypatch.setattr("ui.readout_frame.utc_now", lambda: datetime(2024, 3, 30, 23))
    words = said(app(PAGE, campaign=SPRING))
    assert "Import newer orders then." in words
    assert "bring a file of outcomes below" not in words


def test_a_campaign_that_has_not_started_says_so(shop: Warehouse, app: App) -> None:
    make_campaign(shop, SMALL_PLAN, 50)
    put_rows(
        shop,
        "orders",
        [{"customer_id": "c0001", "order_id": "o1", "order_time": START - timedelta(days=2), "amount": 10.0}],
    )
    words = said(app(PAGE, campaign=SPRING))
    assert "Not started" in words
    assert "starts on 1 March 2024" in words


def test_without_a_control_there_are_counts_and_never_an_effect(shop: Warehouse, app: App) -> None:
    arms = tuple(
        Arm(name=name, share=0.5, action=name, channel="email", contact_cost=0.1) for name in ("coupon", "survey")
    )
    plan = replace(SMALL_PLAN, arms=arms, no_control_reason="The law asks that everybody is told.")
    planted(shop, make_campaign, put_rows, plan, n=300, chance={"coupon": 0.5, "survey": 0.3})
    visit = app(PAGE, campaign=SPRING)
    words = said(visit)
    assert "Not measurable" in words
    assert [part.value for part in visit.subheader] == ["Decision", "Arms"]
    assert not [found for found in visit.table if "Change" in found.value]
    assert not [frame for frame in visit.dataframe if "Margin more" in frame.value]
    arms_shown = next(frame.value for frame in visit.dataframe if "Assigned" in frame.value)
    assert list(arms_shown["Assigned"]) == ["150", "150"]


def test_without_a_locked_campaign_the_page_says_how_to_get_one(shop: Warehouse, app: App) -> None:
    draft = create_draft(shop, Plan(name="Idea"))
    assert "No campaign is locked yet" in said(app(PAGE))
    words = said(app(PAGE, campaign=draft.campaign_id))
    assert "Idea" in words
    assert "there is nothing to read out" in words


def test_an_unknown_campaign_is_one_sentence(shop: Warehouse, app: App) -> None:
    visit = app(PAGE, campaign="camp-nowhere")
    assert len(visit.error) == 1
    assert "there is no campaign" in visit.error[0].value.lower().replace("\\", "")


def test_a_decision_is_stored_with_its_readout_and_listed(shop: Warehouse, app: App) -> None:
    plant(shop)
    visit = app(PAGE, campaign=SPRING)
    visit.radio[0].set_value("ship")
    visit.text_area[0].set_value("It kept more than it cost.")
    next(field for field in visit.text_input if field.label == "What was learned").set_value("Coupons keep people.")
    visit.button(key=f"decide_{SPRING}").click().run()
    words = said(visit)
    assert "▲ Ship" in words
    assert "It kept more than it cost." in words
    assert "Learned: Coupons keep people." in words
    (made,) = decisions(shop, SPRING)
    assert (made.decision, made.why, made.learned) == ("ship", "It kept more than it cost.", "Coupons keep people.")
    assert made.status == "better"
    assert campaign(shop, SPRING).status == "decided"
    assert "▲ Ship" in said(app(PAGE, campaign=SPRING))


@pytest.mark.parametrize(
    ("what", "why", "words"), [(None, "good", "nothing is chosen"), ("stop", "", "needs a reason")]
)
def test_a_decision_without_choice_or_reason_is_refused(
    shop: Warehouse, app: App, what: str | None, why: str, words: str
) -> None:
    plant(shop)
    visit = app(PAGE, campaign=SPRING)
    if what:
        visit.radio[0].set_value(what)
    visit.text_area[0].set_value(why)
    visit.button(key=f"decide_{SPRING}").click().run()
    assert words in visit.error[0].value.lower()
    assert not decisions(shop, SPRING)


def give_outcomes(visit: AppTest, text: str) -> None:
    visit.file_uploader[0].set_value(("outcomes.csv", text.encode(), "text/csv")).run()
    assert not visit.exception


def outcomes_of(shop: Warehouse, *, leave_out: int = 0) -> str:
    ids = [row[0] for row in shop.rows("SELECT customer_id FROM assignments ORDER BY customer_id")]
    kept = ids[: len(ids) - leave_out]
    return "customer_id,satisfied\n" + "".join(f"{customer},{number % 2}\n" for number, customer in enumerate(kept))


def test_outcomes_of_a_file_are_previewed_with_unknown_and_duplicate_ids_and_brought(shop: Warehouse, app: App) -> None:
    plant(shop)
    visit = app(PAGE, campaign=SPRING)
    text = outcomes_of(shop)
    give_outcomes(visit, f"{text}stranger,1\n{text.splitlines()[1]}\n")
    metrics = next(box for box in visit.multiselect if box.label == "Outcomes")
    metrics.set_value(["satisfied"]).run()
    words = said(visit)
    assert "1,200 customers matched" in words
    assert "1 row about customers who are not in the campaign: left out (first: stranger)" in words
    assert "1 further row with the same values of a customer: counted once" in words
    assert not shop.n_rows("outcomes")
    visit.button(key="bring_outcomes").click().run()
    wait_for_jobs()
    visit.run()
    assert any("satisfied of 1,200 customers came from" in part.value.lower() for part in visit.success)
    assert shop.n_rows("outcomes") == 1_200
    metrics_shown = next(found.value for found in visit.table if "Metric" in found.value)["Metric"]
    assert "satisfied" in list(metrics_shown)
    files = next(frame.value for frame in visit.dataframe if "Unknown" in frame.value)
    assert files.iloc[0][["File", "Matched", "Unknown", "Twice"]].tolist() == ["outcomes.csv", "1,200", "1", "1"]


def test_missing_customers_keep_the_button_off_until_they_count_as_zero(shop: Warehouse, app: App) -> None:
    plant(shop)
    visit = app(PAGE, campaign=SPRING)
    give_outcomes(visit, outcomes_of(shop, leave_out=30))
    next(box for box in visit.multiselect if box.label == "Outcomes").set_value(["satisfied"]).run()
    assert "30 customers of the campaign not in the file: tick that they count as 0" in said(visit)
    assert visit.button(key="bring_outcomes").disabled
    next(box for box in visit.checkbox if "count as 0" in box.label).set_value(True).run()
    assert "they count as 0, as chosen" in said(visit)
    assert not visit.button(key="bring_outcomes").disabled


def test_a_file_of_other_customers_is_one_sentence(shop: Warehouse, app: App) -> None:
    plant(shop)
    visit = app(PAGE, campaign=SPRING)
    give_outcomes(visit, "customer_id,satisfied\nstranger,1\nother,0\n")
    next(box for box in visit.multiselect if box.label == "Outcomes").set_value(["satisfied"]).run()
    assert len(visit.error) == 1
    assert "None of the 2 rows is about a customer of" in visit.error[0].value.replace("\\", "")


def test_contacts_are_an_extra_without_a_verdict(shop: Warehouse, app: App) -> None:
    plant(shop)
    before = said(app(PAGE, campaign=SPRING))
    assert "No contacts that name this campaign were imported" in before
    ids = [row[0] for row in shop.rows("SELECT customer_id FROM assignments WHERE arm = 'coupon' LIMIT 100")]
    put_rows(
        shop,
        "contacts",
        [
            {
                "customer_id": customer, "contact_id": f"{kind}{customer}", "contact_time": START + timedelta(days=1),
                "kind": kind, "channel": "email", "campaign": SPRING,
            }
            for kind, of in (("sent", ids), ("opened", ids[:25]))
            for customer in of
        ],
    )  # fmt: skip
    words = said(app(PAGE, campaign=SPRING))
    assert "Of 100 sent in coupon, 25.0 % opened" in words
    assert "so this is no effect" in words
    assert "population above stays everyone assigned" in words


def test_a_decision_of_the_command_line_is_listed_too(shop: Warehouse, app: App) -> None:
    plant(shop)
    decide(shop, SPRING, "continue", "Wait for the second month.")
    assert "Wait for the second month." in said(app(PAGE, campaign=SPRING))
