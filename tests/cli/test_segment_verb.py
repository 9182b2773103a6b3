"""``churn segments``: divides customers, shows, follows and writes segments, and says in a sentence what is missing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Churn, one_sentence

TASTE = ("--feature", "usual_gap_days", "--feature", "mean_order_amount", "--feature", "discounted_order_share")


def test_segments_from_fit_to_file(
    churn: Churn, churn_home: Path, demo_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    churn_home.mkdir(parents=True, exist_ok=True)
    shutil.copy(demo_file, churn_home / "Tea.duckdb")
    monkeypatch.setenv("CHURN_WORKSPACE", "Tea")
    assert "'churn segments --fit NAME'" in one_sentence(churn("segments"))
    assert churn("segments", "--list").out.strip() == "there is no segmentation yet."
    made = churn("segments", "--fit", "Taste", "--k", 4, *TASTE, "--json")
    assert made.code == 0
    found = made.json
    assert [entry["no"] for entry in found["segments"]] == [1, 2, 3, 4]
    assert sum(entry["n_customers"] for entry in found["segments"]) == found["n_customers"]
    assert "nothing changed" in churn("segments", "--refresh").out
    renamed = churn("segments", "--rename", "Hunters", "--segment", 2)
    assert "2 Hunters" in renamed.out
    moved = churn("segments", "--moves", "--json").json
    assert sum(entry["n_customers"] for entry in moved["moves"] if entry["to_no"]) == found["n_customers"]
    assert {entry["state"] for entry in moved["drift"]} == {"steady"}
    assert "find it with 'churn segments --at 2026-01-05'" in one_sentence(
        churn("segments", "--moves", "--from", "2026-01-05")
    )
    assert "customers assigned as of 5 Jan 2026" in churn("segments", "--at", "2026-01-05").out
    assert "on 5 Jan 2026" in churn("segments", "--moves", "--from", "2026-01-05").out
    file = tmp_path / "hunters.csv"
    assert churn("segments", "--csv", file, "--segment", 2).code == 0
    assert len(file.read_text().splitlines()) == found["segments"][1]["n_customers"] + 1
    assert "there is no segment 9" in one_sentence(churn("segments", "--csv", file, "--segment", 9))
    again = churn("segments", "--fit", "Taste", "--k", 3, *TASTE, "--continues", 1)
    assert "continues 'Hunters'" in again.out
    said = churn("segments", 2, "--segment", 1, "--continue-as", 2)
    assert "Segment 1 continues" in said.out
    alone = churn("segments", 2, "--segment", 1, "--continue-as", 0, "--json").json
    assert alone["continued"][0]["old_no"] is None
    assert "Give its number with --segment" in one_sentence(churn("segments", 2, "--continue-as", 1))
    assert "Give its ID" in one_sentence(churn("segments", "--delete"))
    assert churn("segments", 2, "--delete").out.strip() == "Taste (2) was deleted."


def test_choices_that_do_not_exist_are_one_sentence(
    churn: Churn, churn_home: Path, demo_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    churn_home.mkdir(parents=True, exist_ok=True)
    shutil.copy(demo_file, churn_home / "Tea.duckdb")
    monkeypatch.setenv("CHURN_WORKSPACE", "Tea")
    assert "choose from 2 to 12" in one_sentence(churn("segments", "--fit", "Many", "--k", 13, *TASTE))
    assert "method 'kmean' not found" in one_sentence(churn("segments", "--fit", "A", "--method", "kmean"))
    assert "group of features 'baskets' not found" in one_sentence(
        churn("segments", "--fit", "A", "--group", "baskets")
    )
    assert "there is no segmentation 7" in one_sentence(churn("segments", 7))
