"""``churn experiment plan`` sizes a campaign up on a scored workspace and keeps it as a draft when asked to."""

from __future__ import annotations

from pathlib import Path

import pytest

from churn_core import workspaces
from churn_core.campaigns.id_lists import list_kept
from churn_core.campaigns.store import campaign, campaigns
from churn_core.customers.at_risk import count_and_totals
from churn_core.customers.selection import CustomerFilter
from churn_core.stats.power import Design, size_for_rates
from tests.campaigns.scored_shop import SHAPES, START, fill_shop

from .conftest import Churn, one_sentence


@pytest.fixture
def plan(churn: Churn) -> Churn:
    """``churn experiment plan`` on the only workspace, with 600 scored customers."""
    workspaces.create_workspace("Shop")
    warehouse = workspaces.open_workspace("Shop")
    fill_shop(warehouse, SHAPES["numbers"](600))
    warehouse.close()
    return lambda *arguments: churn("experiment", "plan", *arguments)


def test_a_plan_is_sized_on_the_customers_there_are(plan: Churn) -> None:
    shown = plan("--points", ".1", "--treatments", 2, "--control-share", ".2", "--per-week", 100, "--json").json
    size = shown["size"]
    assert shown["audience"]["n_customers"] == shown["exclusions"][0]["n_left"] == 600
    design = Design(n_treatments=2, control_share=0.2)
    needed = size_for_rates(size["baseline"]["value"], size["baseline"]["value"] + 0.1, design)
    assert size["n_needed"] == pytest.approx(needed.n_total, abs=5)
    assert list(size["needed"]) == ["control", "coupon", "coupon 2"]
    assert size["days_until_answer"] == 5 * 7 + 60
    assert shown["campaign_id"] is None
    assert shown["suggestions"][0]["arm"]["action"] == "membership"


def test_it_is_told_in_words(plan: Churn) -> None:
    told = plan("--goal", "spend", "--amount", "1", "--window", 30, "--tier", "high").out
    for words in (
        "Audience: ",
        "Own list",
        "Too small: ",
        "A larger effect: ",
        "Without the campaign: ",
        "30 days from",
    ):
        assert words in told
    assert "What fits this audience:" in told


def test_a_lift_is_a_part_of_the_baseline(plan: Churn) -> None:
    size = plan("--goal", "orders", "--lift", ".2", "--window", 30, "--json").json["size"]
    assert size["smallest_effect"] == pytest.approx(0.2 * size["baseline"]["value"])


def test_a_plan_can_be_kept_as_a_draft(plan: Churn) -> None:
    kept = plan("--points", ".05", "--tier", "high", "--save", "Spring", "--json").json
    warehouse = workspaces.open_workspace("Shop")
    draft = campaign(warehouse, kept["campaign_id"])
    assert (draft.name, draft.status, draft.plan.audience) == ("Spring", "draft", CustomerFilter(tiers=("high",)))
    assert (draft.plan.goal.smallest_effect, draft.plan.starts_on) == (0.05, START)
    assert count_and_totals(warehouse, draft.plan.audience).n_customers == kept["audience"]["n_customers"]
    warehouse.close()


def test_a_file_of_ids_is_an_audience(plan: Churn, tmp_path: Path) -> None:
    warehouse = workspaces.open_workspace("Shop")
    ids = [str(row[0]) for row in warehouse.rows("SELECT customer_id FROM scores ORDER BY customer_id LIMIT 80")]
    warehouse.close()
    file = tmp_path / "vip.csv"
    file.write_text("\n".join(["customer_id", *ids, "nobody-at-all"]), encoding="utf-8")

    sized = plan("--points", ".1", "--ids", file)
    assert "80 of 81 ids belong to customers of this workspace. Not known: nobody-at-all." in sized.out
    assert "Audience: 80 customers." in sized.out
    warehouse = workspaces.open_workspace("Shop")
    assert campaigns(warehouse) == (), "sized up only, so nothing is kept"
    warehouse.close()

    kept = plan("--goal", "orders", "--lift", ".2", "--ids", file, "--save", "VIP", "--json").json
    warehouse = workspaces.open_workspace("Shop")
    draft = campaign(warehouse, kept["campaign_id"])
    assert (draft.name, draft.plan.is_listed) == ("VIP", True)
    assert draft.plan.goal.smallest_effect == pytest.approx(0.2 * kept["size"]["baseline"]["value"])
    assert list_kept(warehouse, draft.campaign_id, "audience").n_known == 80 == kept["audience"]["n_customers"]
    warehouse.close()


@pytest.mark.parametrize(
    ("extra", "told"),
    [(("--tier", "high"), "leave out the options that filter"), (("--save", "Lost"), "nobody is in the audience")],
)
def test_a_file_of_ids_that_cannot_be_used_leaves_no_draft(
    plan: Churn, tmp_path: Path, extra: tuple[str, ...], told: str
) -> None:
    file = tmp_path / "ids.csv"
    file.write_text("customer_id\nnobody-at-all\n", encoding="utf-8")
    assert told in one_sentence(plan("--ids", file, *extra))
    warehouse = workspaces.open_workspace("Shop")
    assert campaigns(warehouse) == ()
    warehouse.close()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--goal", "spend", "--points", ".1"), "is no rate"),
        (("--amount", "2"), "is a rate"),
        (("--window", "900"), "choose between 1 and 730"),
        (("--window", "365", "--goal", "spend", "--lift", ".1"), "the orders span only"),
        (("--control-share", "1"), "between 0 and 1"),
        (("--reason", "recncy"), "did you mean 'recency'"),
        (("--min-value", "1000000"), "nobody is in the audience"),
    ],
)
def test_what_cannot_be_planned_is_one_sentence(plan: Churn, arguments: tuple[str, ...], told: str) -> None:
    assert told in one_sentence(plan(*arguments))
