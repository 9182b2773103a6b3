"""From a draft to a target list without a browser."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from churn_core import workspaces
from churn_core.campaigns.store import create_draft
from churn_core.cli.output import ProgressLine
from tests.campaigns.scored_shop import PLAN, SHAPES, fill_shop

from .conftest import Churn, one_sentence


@pytest.fixture
def campaign_id(churn: Churn) -> str:
    """A draft in the only workspace."""
    workspaces.create_workspace("Shop")
    warehouse = workspaces.open_workspace("Shop")
    fill_shop(warehouse, SHAPES["numbers"](120))
    found = create_draft(warehouse, PLAN).campaign_id
    warehouse.close()
    return found


def test_a_draft_is_locked_once_and_its_list_exported(churn: Churn, campaign_id: str, tmp_path: Path) -> None:
    shown = churn("campaign", "lock", campaign_id, "--dry-run", "--json").json
    assert churn("campaign", "show", campaign_id, "--json").json["status"] == "draft"
    assert "Can be locked as it is." in churn("campaign", "lock", campaign_id, "--dry-run").out
    locked = churn("campaign", "lock", campaign_id, "--json")
    assert locked.code == 0, locked.err
    assert locked.json["counts"]["arms"] == {arm["arm"]: arm["n_customers"] for arm in shown["arms"]}
    again = churn("campaign", "lock", campaign_id)
    assert again.out.startswith("# Win back")
    assert churn("campaign", "lock", campaign_id, "--json").json == locked.json

    exported = churn("campaign", "export", campaign_id, "--out", tmp_path / "list.xlsx", "--with-control", "--json")
    assert exported.code == 0, exported.err
    assert exported.json["n_rows"] == 120
    assert exported.json["manifest"]["file"]["form"] == "xlsx"
    assert json.loads(Path(exported.json["manifest_path"]).read_text(encoding="utf-8")) == exported.json["manifest"]
    call = churn("campaign", "export", campaign_id, "--out", tmp_path, "--arm", "call", "--wave", 1, "--json").json
    assert Path(call["path"]).name == f"{campaign_id}_call_week-1.csv"
    assert call["n_rows"] == locked.json["counts"]["arms"]["call"]
    assert "did you mean 'coupon'" in one_sentence(
        churn("campaign", "export", campaign_id, "--out", tmp_path, "--arm", "cupon")
    )

    assert "is fixed" in one_sentence(churn("campaign", "join", campaign_id))
    assert (
        churn("campaign", "cancel", campaign_id, "--why", "The budget was cut.", "--json").json["status"] == "cancelled"
    )
    assert "called off" in one_sentence(churn("campaign", "export", campaign_id, "--out", tmp_path))


def test_a_plan_that_cannot_be_drawn_is_told(churn: Churn) -> None:
    workspaces.create_workspace("Shop")
    warehouse = workspaces.open_workspace("Shop")
    fill_shop(warehouse, SHAPES["numbers"](40))
    found = create_draft(warehouse, replace(PLAN, starts_on=None)).campaign_id
    warehouse.close()
    assert "Cannot be locked" in churn("campaign", "lock", found, "--dry-run").out
    assert "first customers are contacted" in one_sentence(churn("campaign", "lock", found))
    assert "there is no campaign 'camp-none'" in one_sentence(churn("campaign", "lock", "camp-none"))


class Closed:
    """A stream whose reader went away."""

    def isatty(self) -> bool:
        return False

    def write(self, text: str) -> int:
        raise BrokenPipeError

    def flush(self) -> None:
        raise BrokenPipeError


def test_work_goes_on_when_nobody_reads_its_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", Closed())
    progress = ProgressLine()
    progress(0.2, "drawing the arms")
    progress(1.0, "drawn")
    assert progress._last == "drawn"
