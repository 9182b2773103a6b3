"""Which rule names whom: by hand-made shops in which each rule has one customer to find."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from churn_core.customers.alert_model import Alert
from churn_core.customers.alert_policy import AlertPolicy, alert_policy, save_alert_policy
from churn_core.customers.alert_refresh import refresh_alerts
from churn_core.customers.alert_rules import RULES
from churn_core.customers.alert_steps import STEPS, next_step, step_of
from churn_core.customers.alerts import alert_of_customer, alerts
from churn_core.customers.personal_rhythm import LATE_GAPS, late_customers
from churn_core.errors import InputError, NotFound
from churn_core.features.feature import GROUPS
from churn_core.models.families import FAMILY_LABELS, family_of
from churn_core.warehouse import Warehouse
from tests.customers.alert_shop import END, NOW, add_orders, add_ratings, add_rows, fill_shop, take_everybody
from tests.customers.conftest import add_run


def raised(warehouse: Warehouse) -> dict[str, Alert]:
    """The queue after a refresh, by customer."""
    refresh_alerts(warehouse, now=NOW)
    return {entry.customer_id: entry for entry in alerts(warehouse, page_size=1000, now=NOW).rows}


def test_who_became_late_by_the_own_rhythm_lately_is_named_without_any_model(warehouse: Warehouse) -> None:
    fill_shop(warehouse, {"late": 15, "almost": 9, "long gone": 90})
    take_everybody(warehouse)
    found = raised(warehouse)
    assert set(found) == {"late"}
    assert found["late"].rules == ("late",)
    assert found["late"].why == (
        "late: 15 days since the last order, usually 10; 8 of 10 like them would have ordered by 25 Jun 2026",
    )
    assert (found["late"].risk, found["late"].run_id, found["late"].tier) == (None, None, "")
    assert (found["late"].stake, found["late"].stake_kind) == (3_100.0, "spend_365")
    assert found["late"].next_step == STEPS["silent"].text


@pytest.mark.parametrize(("silent", "is_named"), [(10, False), (11, True), (24, True), (25, False)])
def test_late_is_news_from_the_day_after_the_due_day_for_as_long_as_the_policy_says(
    warehouse: Warehouse, silent: int, is_named: bool
) -> None:
    fill_shop(warehouse, {"asked": silent})
    take_everybody(warehouse, recent_days=14)
    assert ("asked" in raised(warehouse)) is is_named


def test_a_single_order_is_no_rhythm_to_be_late_by(warehouse: Warehouse) -> None:
    fill_shop(warehouse, {})
    add_orders(warehouse, {"once": [15]})
    take_everybody(warehouse)
    assert raised(warehouse) == {}


def test_a_low_rating_lately_names_who_did_not_order_since(warehouse: Warehouse) -> None:
    fill_shop(warehouse, {"annoyed": 7, "content": 7, "forgave": 2, "long ago": 8})
    add_ratings(warehouse, {"annoyed": (1.0, 5), "content": (5.0, 5), "forgave": (1.0, 4), "long ago": (1.0, 40)})
    take_everybody(warehouse)
    found = raised(warehouse)
    assert set(found) == {"annoyed"}
    assert (
        found["annoyed"].why[0] == "rated 1 of 5 on 25 Jun 2026 (93 % of the ratings here are above 1); no order since"
    )
    assert found["annoyed"].next_step == STEPS["listen"].text
    assert found["annoyed"].due_on == NOW.date() + timedelta(days=1)


def test_where_all_ratings_are_alike_none_is_low(warehouse: Warehouse) -> None:
    fill_shop(warehouse, {"annoyed": 7})
    add_ratings(warehouse, {"annoyed": (5.0, 5)})
    take_everybody(warehouse)
    assert raised(warehouse) == {}


def test_a_request_that_waits_comes_before_everything_else(warehouse: Warehouse) -> None:
    fill_shop(warehouse, {"waits": 7, "settled": 7, "late": 15})
    asked = {"opened_at": END - timedelta(days=3), "topic": "delivery"}
    settled = END - timedelta(days=2)
    add_rows(
        warehouse,
        "tickets",
        [
            {"customer_id": "waits", "ticket_id": "t1", **asked, "first_reply_at": None, "resolved_at": None},
            {"customer_id": "settled", "ticket_id": "t2", **asked, "first_reply_at": settled, "resolved_at": settled},
        ],
    )
    take_everybody(warehouse, n_most=1)
    found = raised(warehouse)
    assert set(found) == {"waits"}
    assert found["waits"].why[0] == 'a request ("delivery") of 27 Jun 2026 is still unanswered; no order since'
    assert found["waits"].next_step == STEPS["answer"].text


def test_requests_that_never_say_when_they_were_answered_are_no_reason(warehouse: Warehouse) -> None:
    fill_shop(warehouse, {"asked": 7})
    add_rows(warehouse, "tickets", [{"customer_id": "asked", "ticket_id": "t", "opened_at": END - timedelta(days=3)}])
    take_everybody(warehouse)
    assert raised(warehouse) == {}
    notes = refresh_alerts(warehouse, now=NOW).notes
    assert any("'Unhappy' was not asked: it needs ratings, or requests" in note for note in notes)


def test_who_entered_the_high_tier_is_named_with_both_risks(warehouse: Warehouse) -> None:
    fill_shop(warehouse, {})
    before = {"other01": 0.60, "other02": 0.80, "other03": 0.10}
    add_run(warehouse, before, as_of=END - timedelta(days=20))
    run_id = add_run(warehouse, {**before, "other01": 0.75, "other04": 0.9}, as_of=END)
    take_everybody(warehouse, rules_on=("new_high",))
    found = raised(warehouse)
    assert set(found) == {"other01", "other04"}
    assert found["other01"].why[0] == "new in the high tier: risk 75 %, 60 % in the scoring of 10 Jun 2026"
    assert found["other04"].why[0] == "new in the high tier: risk 90 %, not scored in the scoring of 10 Jun 2026"
    assert {entry.run_id for entry in found.values()} == {run_id}
    assert found["other01"].stake == pytest.approx(75)
    assert found["other01"].stake_kind == "value_at_risk"


def test_a_jump_counts_from_the_points_of_the_policy_on(warehouse: Warehouse) -> None:
    fill_shop(warehouse, {})
    add_run(warehouse, {"other01": 0.10, "other02": 0.10, "other03": 0.50}, as_of=END - timedelta(days=20))
    add_run(warehouse, {"other01": 0.31, "other02": 0.29, "other03": 0.20}, as_of=END)
    take_everybody(warehouse, rules_on=("risk_jump",), jump_points=20)
    found = raised(warehouse)
    assert set(found) == {"other01"}
    assert found["other01"].why[0] == ("risk up by 21 points since the scoring of 10 Jun 2026, from 10 % to 31 %")


def test_scoring_again_the_same_day_does_not_make_old_news_of_it(warehouse: Warehouse) -> None:
    fill_shop(warehouse, {})
    add_run(warehouse, {"other01": 0.10}, as_of=END - timedelta(days=20))
    add_run(warehouse, {"other01": 0.80}, as_of=END - timedelta(days=1))
    add_run(warehouse, {"other01": 0.80}, as_of=END)
    add_run(warehouse, {"other01": 0.80}, as_of=END)
    take_everybody(warehouse, rules_on=("new_high", "risk_jump"))
    assert raised(warehouse)["other01"].rules == ("new_high", "risk_jump")


def test_the_first_scoring_names_the_most_valuable_so_that_the_first_morning_is_not_empty(
    warehouse: Warehouse,
) -> None:
    fill_shop(warehouse, {})
    risks = {f"other{nr:02d}": 0.9 for nr in range(10)} | {"other20": 0.1}
    values: dict[str, float | None] = {customer: 10.0 + nr for nr, customer in enumerate(risks)}
    add_run(warehouse, risks, values=values | {"other20": 9_999.0}, as_of=END)
    take_everybody(warehouse, n_valuable=3)
    found = raised(warehouse)
    assert set(found) == {"other09", "other08", "other07"}
    assert found["other09"].why[0] == "number 1 of 10 in the high tier by value at risk: 17"
    notes = refresh_alerts(warehouse, now=NOW).notes
    assert any("'New in the high tier' was not asked: there is no earlier scoring" in note for note in notes)


def test_reasons_follow_the_rules_and_the_rhythm_comes_last(warehouse: Warehouse) -> None:
    fill_shop(warehouse, {"asked": 40})
    add_run(warehouse, {"asked": 0.9}, as_of=END)
    take_everybody(warehouse)
    why = raised(warehouse)["asked"].why
    assert why[0].startswith("number 1 of 1 in the high tier")
    assert why[1] == "0 days since last order; usual 10 to 40"
    assert why[-1] == (
        "late: 40 days since the last order, usually 10; 8 of 10 like them would have ordered by 31 May 2026"
    )


def test_the_days_of_silence_are_told_once(warehouse: Warehouse) -> None:
    fill_shop(warehouse, {"asked": 40, "late": 15})
    run_id = add_run(warehouse, {"asked": 0.9, "late": 0.95}, as_of=END)
    with warehouse.transaction() as tx:
        tx.execute(
            "UPDATE reasons SET up_1 = CASE customer_id WHEN 'late' THEN '15' ELSE '40' END || ' days since the last "
            "order; usual gap 10', up_2 = '1 return since the last order; usual 0' WHERE run_id = $run_id",
            {"run_id": run_id},
        )
    take_everybody(warehouse)
    found = raised(warehouse)
    assert found["late"].why == (
        "late: 15 days since the last order, usually 10; 8 of 10 like them would have ordered by 25 Jun 2026",
        "number 1 of 2 in the high tier by value at risk: 95",
        "1 return since the last order; usual 0",
    )
    assert found["asked"].why[1:] == (
        "40 days since the last order; usual gap 10",
        "1 return since the last order; usual 0",
        "late: 8 of 10 like them would have ordered by 31 May 2026",
    )


def test_where_no_values_are_known_the_first_morning_has_those_with_the_highest_risk(warehouse: Warehouse) -> None:
    risks = {f"M{nr}": 0.71 + nr / 100 for nr in range(9)} | {"low": 0.1}
    add_run(warehouse, risks, values=dict.fromkeys(risks), as_of=None, source="snapshots")
    save_alert_policy(warehouse, AlertPolicy(n_valuable=5, n_most=3))
    first = refresh_alerts(warehouse, now=NOW)
    assert (first.n_new, first.n_waiting) == (3, 2)
    rows = alerts(warehouse, now=NOW).rows
    assert [entry.customer_id for entry in rows] == ["M8", "M7", "M6"]
    assert rows[0].why[0] == "number 1 of 9 in the high tier by risk; no values are known"
    assert (rows[0].stake, rows[0].stake_kind) == (None, "")


def test_a_labelled_table_has_alerts_by_risk_alone(warehouse: Warehouse) -> None:
    add_run(warehouse, {"M1": 0.3, "M2": 0.9}, as_of=None, source="snapshots")
    add_run(warehouse, {"M1": 0.8, "M2": 0.9, "M3": 0.1}, as_of=None, source="snapshots")
    take_everybody(warehouse)
    found = raised(warehouse)
    assert set(found) == {"M1", "M2"}
    assert found["M1"].rules == ("new_high", "risk_jump", "valuable_high")
    assert found["M1"].last_order_at is None
    assert not any("since the last order" in reason for reason in found["M1"].why)
    notes = refresh_alerts(warehouse, now=NOW).notes
    assert "The rule 'Late by the own rhythm' was not asked: it needs an order history." in notes


def test_an_empty_workspace_says_of_every_rule_why_it_was_not_asked(warehouse: Warehouse) -> None:
    found = refresh_alerts(warehouse, now=NOW)
    assert (found.n_new, found.n_live, len(found.notes)) == (0, 0, len(RULES))


def test_only_customers_with_enough_at_stake_are_alerted(warehouse: Warehouse) -> None:
    fill_shop(warehouse, {"small": 15, "large": 15})
    assert list(raised(warehouse)) == ["large", "small"]  # both spend more than all others
    with warehouse.transaction() as tx:
        tx.execute("DELETE FROM alerts")
        tx.execute("UPDATE orders SET amount = 1 WHERE customer_id = 'small'")
    assert set(raised(warehouse)) == {"large"}


def test_a_large_buyer_of_low_risk_says_what_was_spent(warehouse: Warehouse) -> None:
    fill_shop(warehouse, {"small": 15, "large": 15})
    others = {f"other{nr:02d}": 0.3 for nr in range(30)}
    add_run(warehouse, others | {"large": 0.01, "small": 0.9}, as_of=END,
            values=dict.fromkeys([*others, "large", "small"], 1000.0))  # fmt: skip
    save_alert_policy(warehouse, AlertPolicy(rules_on=("late",)))
    found = raised(warehouse)
    assert (found["large"].stake, found["large"].stake_kind) == (10.0, "value_at_risk")
    assert found["large"].why[1] == "spent 3.20k in the last 365 days; 99 % of those who ordered then spent less"
    assert not any("spent" in reason for reason in found["small"].why), "their value at risk says it"


def test_the_same_is_not_said_twice(warehouse: Warehouse) -> None:
    fill_shop(warehouse, {"A": 15, "B": 15})
    add_run(warehouse, {"A": 0.2, "B": 0.85}, as_of=END - timedelta(days=30))
    add_run(warehouse, {"A": 0.9, "B": 0.2}, as_of=END)
    told = "15 days since the last order; usual gap 10, 8 of 10 like them order again within 10"
    with warehouse.transaction() as tx:
        tx.execute("UPDATE reasons SET up_1 = $told", {"told": told})
    take_everybody(warehouse, rules_on=("new_high", "risk_jump"))
    why = raised(warehouse)["A"].why
    assert why[:2] == (
        "new in the high tier: risk 90 %, 20 % in the scoring of 31 May 2026",
        "risk up by 70 points since then",
    )
    assert [sentence for sentence in why if "8 of 10" in sentence] == [told]


def test_a_least_stake_is_an_amount_of_the_shop(warehouse: Warehouse) -> None:
    fill_shop(warehouse, {"small": 15, "large": 15})  # 10 orders of 310 and 320
    save_alert_policy(warehouse, AlertPolicy(min_stake=3_150))
    assert set(raised(warehouse)) == {"large"}


def test_without_amounts_everybody_has_enough_at_stake(warehouse: Warehouse) -> None:
    fill_shop(warehouse, {"late": 15}, amount=None)
    found = raised(warehouse)
    assert (found["late"].stake, found["late"].stake_kind, found["late"].standing) == (None, "", None)


def test_rules_that_are_off_name_nobody(warehouse: Warehouse) -> None:
    fill_shop(warehouse, {"late": 15})
    take_everybody(warehouse, rules_on=("unhappy", "new_high"))
    assert raised(warehouse) == {}


def test_a_good_customer_who_becomes_late_is_named_although_the_risk_is_low_yet(warehouse: Warehouse) -> None:
    fill_shop(warehouse, {"best": 12})
    add_run(warehouse, {f"other{nr:02d}": 0.5 for nr in range(30)} | {"best": 0.02}, as_of=END)
    found = raised(warehouse)
    assert "late" in found["best"].rules
    assert found["best"].stake == pytest.approx(2)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"rules_on": ("lat",)}, "did you mean 'late'"),
        ({"min_stake": -1.0}, "the least at stake is -1; choose 0 or more"),
        ({"min_stake": float("nan")}, "the least at stake is nan"),
        ({"top_share": 0.0}, "choose more than 0 % and at most 100 %"),
        ({"top_share": 1.5}, "is 150 %; choose"),
        ({"n_most": 0}, "0 new alerts a day were asked for; choose 1 to 1,000"),
        ({"n_most": 2.5}, "2.5 new alerts a day"),
        ({"jump_points": 0.2}, "choose 1 to 99 points"),
        ({"recent_days": 400}, "choose 1 to 365"),
        ({"due_days": 0}, "choose 1 to 90"),
        ({"quiet_days": -1}, "choose 0 to 730"),
    ],
)
def test_a_policy_out_of_range_is_refused_in_one_sentence(values: dict[str, object], words: str) -> None:
    with pytest.raises((InputError, NotFound)) as refused:
        replace(AlertPolicy(), **values)  # type: ignore[arg-type]
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_policy_is_kept_with_its_rules_in_their_order(warehouse: Warehouse) -> None:
    save_alert_policy(warehouse, AlertPolicy(rules_on=("risk_jump", "late"), min_stake=12.5))
    assert alert_policy(warehouse) == AlertPolicy(rules_on=("late", "risk_jump"), min_stake=12.5)
    with pytest.raises(InputError, match="every alert rule is off"):
        save_alert_policy(warehouse, AlertPolicy(rules_on=()))


def test_a_policy_of_another_version_falls_back_to_what_can_be_kept(warehouse: Warehouse) -> None:
    with warehouse.transaction() as tx:
        tx.save_setting("alert_policy", {"rules_on": ["late", "gone"], "n_most": 7, "else": 1})
    assert alert_policy(warehouse) == AlertPolicy(rules_on=("late",), n_most=7)
    with warehouse.transaction() as tx:
        tx.save_setting("alert_policy", {"n_most": -7})
    assert alert_policy(warehouse) == AlertPolicy()


def test_every_family_of_reasons_has_a_step_of_its_own_or_the_one_that_asks() -> None:
    named = {family for step in STEPS.values() for family in step.families}
    groups = {family_of(name) for name in ("days_since_last_order", "n_tickets_90", "spend_amount_90")}
    assert groups <= named
    assert set(GROUPS) <= named
    assert {family for family in FAMILY_LABELS if family != "model"} <= named
    assert step_of("attribute:plan").name == "ask"


@pytest.mark.parametrize(
    ("rules", "family", "waits", "rated", "step"),
    [
        (("late", "unhappy"), "spend", True, True, "answer"),
        (("unhappy",), "silence", False, True, "listen"),
        (("unhappy",), "silence", False, False, "settled"),
        (("new_high",), "discounts", False, True, "price"),
        (("new_high",), None, False, False, "ask"),
        (("late",), None, False, False, "silent"),
    ],
)
def test_the_next_step_follows_from_rule_and_main_reason(
    rules: tuple[str, ...], family: str | None, waits: bool, rated: bool, step: str
) -> None:
    assert next_step(rules, family, waits=waits, rated=rated) == STEPS[step].text


def test_texts_of_customers_stay_texts(warehouse: Warehouse, hostile: tuple[str, ...]) -> None:
    fill_shop(warehouse, dict.fromkeys(hostile, 15))
    add_rows(
        warehouse,
        "tickets",
        [
            {
                "customer_id": customer, "ticket_id": f"t{nr}", "opened_at": END - timedelta(days=3), "topic": customer,
                "first_reply_at": datetime(2026, 1, 1) if nr == 0 else None, "resolved_at": None,
            }
            for nr, customer in enumerate(hostile)
        ],
    )  # fmt: skip
    take_everybody(warehouse)
    found = raised(warehouse)
    assert set(found) == set(hostile)
    for customer in hostile:
        known = alert_of_customer(warehouse, customer, now=NOW)
        assert known is not None
        assert known.customer_id == customer


def test_the_rule_and_the_list_of_the_latest_mean_the_same_customers(demo_copy: Warehouse) -> None:
    take_everybody(demo_copy, rules_on=("late",), n_most=1000)
    refresh_alerts(demo_copy, now=NOW)
    found = {entry.customer_id for entry in alerts(demo_copy, page_size=1000, now=NOW).rows}
    listed = late_customers(demo_copy, limit=100_000)
    lately = {
        entry.customer_id
        for entry in listed.rhythms
        if entry.days_since <= 14 + (entry.due_days or LATE_GAPS * (entry.usual_gap_days or 0))
    }
    assert len(lately) > 10
    assert found >= lately
    beyond = demo_copy.rows(
        "SELECT min(CAST($end AS DATE) - CAST(last AS DATE)) FROM (SELECT customer_id, max(order_time) AS last "
        "FROM orders GROUP BY customer_id) WHERE customer_id IN (SELECT unnest($ids::VARCHAR[]))",
        {"end": listed.end, "ids": sorted(found - lately)},
    )[0][0]
    assert beyond is None or beyond > listed.activity_days
