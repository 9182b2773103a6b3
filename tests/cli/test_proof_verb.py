"""``churn proof``: what is known about past warnings, without a browser."""

from __future__ import annotations

from pathlib import Path

import pytest

from churn_core.workspaces import create_workspace, open_workspace
from tests.models.conftest import fill_orders, members

from .conftest import Churn, one_sentence


@pytest.fixture
def small_shop(churn: Churn) -> Churn:
    """A workspace with sixty customers, trained by lateness and scored."""
    create_workspace("Shop").close()
    opened = open_workspace("Shop")
    fill_orders(opened, 60)
    opened.close()
    assert churn("define", "--horizon", 60, "--active-within", 180).code == 0
    assert churn("train", "--score").code == 0
    return churn


def test_before_a_replay_it_says_how_to_make_one(small_shop: Churn) -> None:
    said = small_shop("proof").out
    assert "churn proof --replay" in said
    assert "the first will be once orders reach until" in said


def test_a_replay_is_shown_and_kept(small_shop: Churn) -> None:
    made = small_shop("proof", "--replay", "--cutoffs", 3, "--json")
    assert made.code == 0, made.err
    replayed = made.json["replayed"]
    assert len(replayed["cutoffs"]) == 3
    warned = replayed["warned"]
    assert warned["happened"] == warned["n_churned"] / warned["n"]
    assert 0 < warned["interval"][0] < warned["happened"] <= warned["interval"][1] <= 1
    again = small_shop("proof")
    assert "Replayed: Of " in again.out
    tiers = [line for line in again.out.splitlines() if " replayed " in line]
    counted = sum(bool(group["n"]) for cutoff in replayed["cutoffs"] for group in cutoff["tiers"].values())
    assert len(tiers) == counted


def test_a_labelled_table_has_no_past_to_replay(churn: Churn, tmp_path: Path) -> None:
    members(300).to_csv(tmp_path / "members.csv", index=False)
    assert churn("import", tmp_path / "members.csv", "-w", "Members", "--create").code == 0
    assert churn("train", "--estimators", "logistic").code == 0
    assert "says who left once" in one_sentence(churn("proof", "--replay"))
    assert churn("proof", "--json").json["lived"] is None


def test_without_a_model_it_says_what_to_do(churn: Churn) -> None:
    assert churn("workspaces", "create", "Empty").code == 0
    assert "train one first" in one_sentence(churn("proof", "--replay"))
    assert "train one first" in churn("proof").out
