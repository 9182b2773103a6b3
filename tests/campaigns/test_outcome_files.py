"""Outcomes from a file belong to the customers who were drawn, whole, or the file is refused in one sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from churn_core import workspaces
from churn_core.campaigns.measure import measure, measure_by, measure_over_time
from churn_core.campaigns.outcome_files import OutcomeImport, forget_outcomes, import_outcomes, outcome_files
from churn_core.campaigns.plan import Plan
from churn_core.campaigns.store import Campaign, create_draft
from churn_core.cli import main
from churn_core.errors import ChurnError, InputError, NotFound
from churn_core.intake.formats import open_source
from churn_core.stats.moments import JointMoments, Rate
from churn_core.warehouse import Warehouse

MakeCampaign = Callable[..., Campaign]
Put = Callable[..., None]
Bring = Callable[..., OutcomeImport]

START = datetime(2024, 3, 1)
ARMS = {"a1": "control", "a2": "control", "a3": "control", "b1": "coupon", "b2": "coupon", "b3": "coupon"}
WHOLE = "customer_id,spend,visited\na1,0,no\na2,10.5,yes\na3,0,no\nb1,20,yes\nb2,7.25,yes\nb3,0,no\n"


@pytest.fixture
def six(warehouse: Warehouse, made_campaign: MakeCampaign, small_plan: Plan) -> Campaign:
    """Three customers in each of two arms, whose windows are long over."""
    return made_campaign(
        warehouse, small_plan, assigned=[{"customer_id": key, "arm": arm} for key, arm in ARMS.items()]
    )


@pytest.fixture
def bring(warehouse: Warehouse, tmp_path: Path) -> Bring:
    """Bring a file with this text: ``bring(text, metrics={...})``."""

    def brought(text: str, campaign_id: str = "camp-spring", **choices: Any) -> OutcomeImport:
        path = tmp_path / "outcomes.csv"
        path.write_text(text, encoding="utf-8")
        return import_outcomes(
            warehouse, campaign_id, open_source(path), **{"metrics": {"spend": "mean", "visited": "rate"}, **choices}
        )

    return brought


def stored(warehouse: Warehouse) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for metric, customer, value in warehouse.rows("SELECT metric, customer_id, value FROM outcomes ORDER BY ALL"):
        found.setdefault(metric, {})[customer] = value
    return found


def test_a_whole_file_is_matched_kept_and_measured(warehouse: Warehouse, six: Campaign, bring: Bring) -> None:
    found = bring(WHOLE)
    assert found.id_column == "customer_id"
    assert found.metrics == {"spend": "mean", "visited": "rate"}
    assert (found.match.n_matched, found.match.n_missing, found.match.n_unknown) == (6, 0, 0)
    assert found.from_orders == ("spend",)
    assert stored(warehouse)["spend"] == {"a1": 0, "a2": 10.5, "a3": 0, "b1": 20, "b2": 7.25, "b3": 0}
    told = measure(warehouse, six)
    assert set(told.outcomes) >= {"spend", "visited"}
    assert set(told.from_files) == {"spend", "visited"}
    assert told.outcomes["visited"].rate("control") == Rate(n_hits=1, n=3)
    spend = told.outcomes["spend"].cells["coupon"][""]
    assert isinstance(spend, JointMoments)
    assert spend.means[0] == pytest.approx(27.25 / 3)
    [entry] = outcome_files(warehouse, six.campaign_id)
    assert (entry["n_rows"], entry["n_matched"], entry["file_name"]) == (6, 6, "outcomes.csv")
    assert json.loads(entry["metrics"]) == {"spend": "mean", "visited": "rate"}
    assert warehouse.value("SELECT action FROM audit_log ORDER BY entry DESC") == "campaign outcomes imported"


def test_ids_that_a_list_marked_with_an_apostrophe_are_known_again(
    warehouse: Warehouse, made_campaign: MakeCampaign, small_plan: Plan, bring: Bring
) -> None:
    """An exported list writes '=1+1 for the id =1+1; an id that really begins with an apostrophe stays itself."""
    arms = {"=1+1": "control", "@ann": "coupon", "'@ann": "control", "'tis": "coupon", "a1": "control"}
    made_campaign(warehouse, small_plan, assigned=[{"customer_id": key, "arm": arm} for key, arm in arms.items()])
    found = bring("who,spend\n'=1+1,1\n@ann,2\n'@ann,3\n'tis,4\na1,5\n'nobody,6\n", metrics={"spend": "mean"})
    assert found.id_column == "who"
    assert stored(warehouse)["spend"] == {"=1+1": 1, "@ann": 2, "'@ann": 3, "'tis": 4, "a1": 5}
    assert (found.match.n_matched, found.match.n_unknown, found.match.unknown_ids) == (5, 1, ("'nobody",))


def test_the_column_of_ids_is_found_where_a_list_marked_all_of_them(
    warehouse: Warehouse, made_campaign: MakeCampaign, small_plan: Plan, bring: Bring
) -> None:
    arms = {"=1": "control", "=2": "coupon"}
    made_campaign(warehouse, small_plan, assigned=[{"customer_id": key, "arm": arm} for key, arm in arms.items()])
    assert bring("spend,who\n3,'=1\n4,'=2\n", metrics={"spend": "mean"}).id_column == "who"
    assert stored(warehouse)["spend"] == {"=1": 3, "=2": 4}


def test_the_file_takes_the_place_of_the_orders_until_it_is_taken_back(
    warehouse: Warehouse, six: Campaign, bring: Bring, put: Put
) -> None:
    late = START + timedelta(days=40)
    put(warehouse, "orders", [
        {"customer_id": "a1", "order_id": "1", "order_time": START, "amount": 99.0},
        {"customer_id": "a1", "order_id": "2", "order_time": late, "amount": 1.0},
    ])  # fmt: skip

    def spent() -> float:
        cell = measure(warehouse, six).outcomes["spend"].cells["control"][""]
        assert isinstance(cell, JointMoments)
        return cell.means[0] * cell.n

    assert spent() == pytest.approx(99)
    bring(WHOLE)
    assert spent() == pytest.approx(10.5)
    forget_outcomes(warehouse, six.campaign_id, "spend")
    assert spent() == pytest.approx(99)
    assert measure(warehouse, six).from_files == ("visited",)
    with pytest.raises(NotFound, match="there is: 'visited'"):
        forget_outcomes(warehouse, six.campaign_id, "spend")


def test_bringing_a_metric_again_replaces_it_whole(warehouse: Warehouse, six: Campaign, bring: Bring) -> None:
    bring(WHOLE)
    again = bring("id;SPEND\na1;1\na2;1\na3;1\nb1;2\nb2;2\nb3;2\n", metrics={"SPEND": ""})
    assert again.replaced == ("spend",)
    assert again.id_column == "id"
    assert stored(warehouse)["spend"] == {"a1": 1, "a2": 1, "a3": 1, "b1": 2, "b2": 2, "b3": 2}
    assert sum(stored(warehouse)["visited"].values()) == 3
    assert len(outcome_files(warehouse, six.campaign_id)) == 2


def test_kinds_are_found_where_none_is_given(warehouse: Warehouse, six: Campaign, bring: Bring) -> None:
    found = bring(WHOLE, metrics={"visited": "", "spend": ""})
    assert found.metrics == {"visited": "rate", "spend": "mean"}


def test_unknown_and_doubled_rows_are_counted_and_told(warehouse: Warehouse, six: Campaign, bring: Bring) -> None:
    found = bring(f"{WHOLE}b3,0.0,no\nz9,5,yes\nz8,5,yes\nz9,1,no\n")
    assert (found.n_rows, found.match.n_duplicate, found.match.n_unknown) == (10, 1, 3)
    assert found.match.unknown_ids == ("z9", "z8")
    assert "About others, so left out: 3 rows (first: 'z9', 'z8')." in found.message
    assert "Said twice, so counted once: 1 row." in found.message
    assert set(stored(warehouse)["spend"]) == set(ARMS)


def test_missing_customers_count_as_zero_only_when_chosen(warehouse: Warehouse, six: Campaign, bring: Bring) -> None:
    short = "customer_id,spend,visited\na2,10.5,yes\nb1,,yes\n"
    found = bring(short, missing_is_zero=True)
    assert (found.match.n_matched, found.match.n_missing) == (2, 4)
    assert stored(warehouse)["spend"] == {"a1": 0, "a2": 10.5, "a3": 0, "b1": 0, "b2": 0, "b3": 0}
    assert "4 customers are not in it and count as 0, as chosen" in found.message


DATED = "customer_id,spend,when\na1,0,2019-05-17\na2,1,2024-03-01\na3,0,\nb1,2,2024-03-30 23:59\nb2,0,\nb3,0,\n"


def test_dates_within_the_window_and_arms_as_drawn_are_accepted(
    warehouse: Warehouse, six: Campaign, bring: Bring
) -> None:
    assert bring(DATED, metrics={"spend": "mean"}, time_column="when").match.n_matched == 6
    with_arm = "customer_id,spend,arm\n" + "".join(f"{key},1,{arm.upper()}\n" for key, arm in ARMS.items())
    assert bring(with_arm, metrics={"spend": "mean"}, arm_column="arm").match.n_matched == 6


WITH_ARM = "customer_id,spend,visited,arm\na1,0,no,control\na2,0,no,control\na3,0,no,{arm}\nb1,0,no,coupon\n"

REFUSED: list[tuple[str, dict[str, Any], str]] = [
    (WHOLE.replace("b3,0,no\n", ""), {}, "says nothing about 1 of the 6 customers"),
    (WHOLE.replace("10.5", "ten"), {}, r"'spend' holds 'ten' in line 3 where a number was expected \(1 such rows\)"),
    (WHOLE.replace("20,yes", "20,maybe"), {}, "'visited' holds 'maybe' in line 5 where yes or no was expected"),
    (WHOLE.replace("20,yes", "inf,yes"), {}, "'spend' holds 'inf' in line 5"),
    (WHOLE.replace("20,yes", ",yes"), {}, "'spend' is empty in 1 rows; write 0 where nothing happened"),
    (WHOLE.replace("b2,", ","), {}, "1 rows have no customer id in column 'customer_id', first in line 6"),
    (f"{WHOLE}a2,11,yes\n", {}, r"customer 'a2' is in lines 3 and 8 with different values \(1 such customers\)"),
    (WHOLE.replace("a", "x").replace("b", "y"), {"id_column": "customer_id"}, "none of the 6 rows is about a customer"),
    ("customer_id,spend,visited\nb1,20,yes\n", {"missing_is_zero": True}, "nobody of arm 'control' is in the file"),
    (WITH_ARM.format(arm="voucher"), {"arm_column": "arm"}, "arm 'voucher' in line 4 is not in the plan"),
    (WITH_ARM.format(arm="coupon"), {"arm_column": "arm"},
     "'a3' is in arm 'coupon' in the file and was drawn into 'control'"),
    (WITH_ARM.format(arm=""), {"arm_column": "arm"}, "arm '' in line 4 is not in the plan"),
    (DATED.replace("2024-03-01", "2024-02-29 23:59"), {"metrics": {"spend": ""}, "time_column": "when"},
     "line 3 has an outcome of 29 Feb 2024, before the customer's start: the window begins on 1 Mar 2024"),
    (DATED.replace("2024-03-30 23:59", "2024-03-31"), {"metrics": {"spend": ""}, "time_column": "when"},
     "line 5 has an outcome of 31 Mar 2024, after the 30 days that count: the window ended on 30 Mar 2024"),
    (DATED.replace("2024-03-01", "soon"), {"metrics": {"spend": ""}, "time_column": "when"},
     "'when' holds 'soon' in line 3"),
    (WHOLE, {"metrics": {}}, "no outcome is named"),
    (WHOLE, {"metrics": {"spend": "ratio"}}, "the kind of 'spend' is 'ratio'"),
    (WHOLE, {"metrics": {"spend": "rate"}}, "'spend' is a mean in every campaign"),
    (WHOLE, {"metrics": {"spent": "mean"}}, "column 'spent' not found; did you mean 'spend'"),
    (WHOLE, {"id_column": "customer"}, "column 'customer' not found; did you mean 'customer_id'"),
    (WHOLE.replace("customer_id", "order_value"), {"metrics": {"order_value": ""}}, "'order_value' is 'ratio'"),
    ("customer_id,Spend,spend\na1,1,1\n", {"metrics": {"Spend": "", "spend": ""}}, "would be called 'spend'"),
    ("number,spend,visited\n17,1,yes\n", {}, "no column of outcomes.csv holds ids of the campaign's customers"),
    (f"{WHOLE}b3,1,yes,more,and more\n", {}, "1 rows of outcomes.csv do not fit its header, first in line 8"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "choices", "told"), REFUSED, ids=[entry[2][:40] for entry in REFUSED])
def test_what_does_not_fit_is_refused_in_one_sentence_and_nothing_is_written(
    warehouse: Warehouse, six: Campaign, bring: Bring, text: str, choices: dict[str, Any], told: str
) -> None:
    bring("customer_id,points\n" + "".join(f"{key},3\n" for key in ARMS), metrics={"points": "mean"})
    before = stored(warehouse), outcome_files(warehouse, six.campaign_id), warehouse.n_rows("audit_log")
    with pytest.raises(ChurnError, match=told) as refused:
        bring(text, **choices)
    assert "\n" not in str(refused.value)
    assert (stored(warehouse), outcome_files(warehouse, six.campaign_id), warehouse.n_rows("audit_log")) == before


def test_only_windows_that_are_over_are_taken(
    warehouse: Warehouse, made_campaign: MakeCampaign, small_plan: Plan, bring: Bring
) -> None:
    far = datetime(2999, 1, 1)
    rows = [
        {"customer_id": key, "arm": arm, "starts_at": far if key in ("a3", "b3") else START}
        for key, arm in ARMS.items()
    ]
    campaign = made_campaign(warehouse, small_plan, assigned=rows)
    found = bring(WHOLE)
    assert (found.match.n_matched, found.match.n_open, found.match.n_missing) == (4, 2, 0)
    assert "Left out because their window is not over: 2 customers" in found.message
    assert set(stored(warehouse)["spend"]) == {"a1", "a2", "b1", "b2"}
    told = measure(warehouse, campaign, ["visited"])
    assert dict(told.n_complete) == {"control": 2, "coupon": 2}
    assert measure_by(warehouse, campaign, "visited", "tier")[""].rate("coupon") == Rate(n_hits=2, n=2)
    [look] = measure_over_time(warehouse, campaign, "visited")
    assert (look.day, look.n_complete, look.is_whole_window) == (30, 4, True)


def test_a_campaign_that_runs_still_says_when_its_first_window_ends(
    warehouse: Warehouse, made_campaign: MakeCampaign, small_plan: Plan, bring: Bring
) -> None:
    rows = [{"customer_id": key, "arm": arm, "starts_at": datetime(2999, 1, 1)} for key, arm in ARMS.items()]
    made_campaign(warehouse, small_plan, assigned=rows)
    with pytest.raises(
        InputError, match="no outcome window is over yet, the last counted day of the first is 30 Jan 2999"
    ):
        bring(WHOLE)


def test_the_cap_of_the_plan_holds_for_a_file_as_well(
    warehouse: Warehouse, made_campaign: MakeCampaign, small_plan: Plan, bring: Bring
) -> None:
    plan = replace(small_plan, goal=replace(small_plan.goal, outcome="spend", cap=8.0))
    rows = [{"customer_id": key, "arm": arm} for key, arm in ARMS.items()]
    campaign = made_campaign(warehouse, plan, assigned=rows)
    bring(WHOLE)
    told = measure(warehouse, campaign).outcomes
    means = [told[name].cells["coupon"][""] for name in ("spend", "spend_uncapped")]
    assert [cell.means[0] for cell in means if isinstance(cell, JointMoments)] == pytest.approx([15.25 / 3, 27.25 / 3])


def test_ids_written_as_numbers_with_a_fraction_are_found(
    warehouse: Warehouse, made_campaign: MakeCampaign, small_plan: Plan, bring: Bring
) -> None:
    made_campaign(warehouse, small_plan, assigned=[
        {"customer_id": "12345", "arm": "control"}, {"customer_id": "678", "arm": "coupon"}
    ])  # fmt: skip
    found = bring("who,visited\n12345.0,yes\n678.0,no\n", metrics={"visited": "rate"})
    assert (found.id_column, found.match.n_matched) == ("who", 2)


def test_a_draft_has_no_outcomes(warehouse: Warehouse, small_plan: Plan, bring: Bring) -> None:
    draft = create_draft(warehouse, small_plan)
    with pytest.raises(InputError, match="still a draft; lock it first"):
        bring(WHOLE, campaign_id=draft.campaign_id)
    with pytest.raises(NotFound, match="there is no campaign 'nope'"):
        bring(WHOLE, campaign_id="nope")


def test_the_command_line_brings_and_takes_back(
    churn_home: Path,
    tmp_path: Path,
    made_campaign: MakeCampaign,
    small_plan: Plan,
    capsys: pytest.CaptureFixture[str],
) -> None:
    opened = workspaces.create_workspace("shop")
    made_campaign(opened, small_plan, assigned=[{"customer_id": key, "arm": arm} for key, arm in ARMS.items()])
    file = tmp_path / "outcomes.csv"
    file.write_text(WHOLE.replace("b3,0,no\n", ""), encoding="utf-8")
    verb = ["campaign", "outcomes", "camp-spring"]
    asked = [*verb, str(file), "--metric", "spend:mean", "--metric", "visited"]
    assert main(asked) != 0
    assert "says nothing about 1 of the 6 customers" in capsys.readouterr().err
    assert main([*asked, "--missing-is-zero", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["metrics"] == {"spend": "mean", "visited": "rate"}
    assert printed["match"]["n_missing"] == 1
    assert main([*verb, "--forget", "visited"]) == 0
    assert main(verb) != 0
    assert "give the file and at least one --metric" in capsys.readouterr().err
    assert set(stored(opened)) == {"spend"}
    opened.close()
