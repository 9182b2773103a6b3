"""Decisions: with a reason, with the readout as it stood, for ever."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from churn_core import workspaces
from churn_core.campaigns.decision import decide, decisions
from churn_core.campaigns.plan import Plan
from churn_core.campaigns.readout_model import CampaignReadout
from churn_core.campaigns.store import Campaign, campaign, create_draft
from churn_core.cli import main
from churn_core.errors import InputError, NotFound
from churn_core.warehouse import Warehouse
from tests.campaigns.planted_campaign import planted

Make = Callable[..., Campaign]
Put = Callable[..., None]
CHANCE = {"control": 0.3, "coupon": 0.45}


@pytest.fixture
def made(warehouse: Warehouse, made_campaign: Make, put: Put, small_plan: Plan) -> Campaign:
    return planted(warehouse, made_campaign, put, small_plan, n=600, chance=CHANCE)


def test_a_decision_keeps_the_readout_as_it_stood(
    warehouse: Warehouse, made: Campaign, monkeypatch: pytest.MonkeyPatch, put: Put
) -> None:
    monkeypatch.setenv("CHURN_USER", "Ada")
    found = decide(warehouse, made.campaign_id, "ship", "It pays for itself.", "Coupons work on the high tier.")
    assert (found.decision, found.person, found.status) == ("ship", "Ada", "better")
    assert found.verdict.startswith("Coupon kept")
    assert campaign(warehouse, made.campaign_id).status == "decided"
    with warehouse.transaction() as tx:
        tx.execute("DELETE FROM orders")
        tx.bump_data_version()
    [kept] = decisions(warehouse, made.campaign_id)
    assert kept == found
    assert kept.result["results"][0]["comparison"]["n_control"] == 299


def test_a_second_decision_adds_a_row_and_changes_none(warehouse: Warehouse, made: Campaign) -> None:
    first = decide(warehouse, made.campaign_id, "continue", "Too early to say.")
    assert campaign(warehouse, made.campaign_id).status == "locked"
    second = decide(warehouse, made.campaign_id, "stop", "It costs more than it brings.")
    assert decisions(warehouse, made.campaign_id) == (second, first)
    assert (first.readout_id, second.readout_id) == (1, 2)
    actions = [row[0] for row in warehouse.rows("SELECT action FROM audit_log ORDER BY entry")]
    assert actions[-2:] == ["campaign decision", "campaign decision"]


@pytest.mark.parametrize("why", ["", "   ", "ok"])
def test_a_decision_needs_a_reason(warehouse: Warehouse, made: Campaign, why: str) -> None:
    with pytest.raises(InputError, match="needs a reason"):
        decide(warehouse, made.campaign_id, "ship", why)
    assert decisions(warehouse) == ()


def test_what_cannot_be_decided_is_refused(warehouse: Warehouse, made: Campaign) -> None:
    with pytest.raises(NotFound, match="did you mean 'stop'"):
        decide(warehouse, made.campaign_id, "stopp", "because")
    with pytest.raises(InputError, match="still a draft"):
        decide(warehouse, create_draft(warehouse).campaign_id, "ship", "because")
    with warehouse.transaction() as tx:
        tx.execute("UPDATE campaigns SET status = 'cancelled' WHERE campaign_id = $id", {"id": made.campaign_id})
    with pytest.raises(InputError, match="was cancelled"):
        decide(warehouse, made.campaign_id, "ship", "because")


def test_a_crash_while_deciding_leaves_nothing_behind(
    warehouse: Warehouse, made: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: CampaignReadout) -> dict[str, Any]:
        raise RuntimeError("power cut")

    monkeypatch.setattr(CampaignReadout, "to_dict", broken)
    with pytest.raises(RuntimeError):
        decide(warehouse, made.campaign_id, "ship", "It pays.")
    assert decisions(warehouse) == ()
    assert campaign(warehouse, made.campaign_id).status == "locked"


def test_reading_out_and_deciding_on_the_command_line(
    churn_home: Path, made_campaign: Make, put: Put, small_plan: Plan, capsys: pytest.CaptureFixture[str]
) -> None:
    opened = workspaces.create_workspace("shop")
    made = planted(opened, made_campaign, put, small_plan, n=600, chance=CHANCE)
    assert main(["campaign", "readout", made.campaign_id]) == 0
    said = capsys.readouterr().out
    assert "Coupon kept" in said
    assert "Sample ratio" in said
    assert main(["campaign", "readout", made.campaign_id, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "better"
    words = ["campaign", "decide", made.campaign_id, "ship", "--why", "It pays.", "--learned", "Coupons work."]
    assert main(words) == 0
    assert "It stood: Coupon kept" in capsys.readouterr().out
    assert main(["campaign", "decide", made.campaign_id, "ship", "--why", " "]) == 2
    assert "needs a reason" in capsys.readouterr().err
    assert main(["campaign", "programme", "--json"]) == 0
    [line] = json.loads(capsys.readouterr().out)["campaigns"]
    assert (line["decision"], line["learned"], line["read_as"]) == ("ship", "Coupons work.", "better")
    assert main(["campaign", "programme"]) == 0
    assert "Coupons work." in capsys.readouterr().out
