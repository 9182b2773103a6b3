"""The global holdout from the command line."""

from __future__ import annotations

import pytest

from churn_core.workspaces import create_workspace

from .conftest import Churn, one_sentence


@pytest.fixture
def shop(churn_home: object) -> None:
    """A workspace with 6,000 customers and nothing else."""
    warehouse = create_workspace("Shop")
    with warehouse.transaction() as tx:
        tx.execute("INSERT INTO customers BY NAME SELECT 'c' || i AS customer_id FROM range(6000) t(i)")
    warehouse.close()


@pytest.mark.usefixtures("shop")
def test_the_holdout_is_proposed_started_shown_reshuffled_and_ended(churn: Churn) -> None:
    before = churn("campaign", "holdout", "--json").json
    assert before["current"] is None
    assert before["proposal"]["n_held_out"] >= 1_000
    assert "Nobody is held out.\nProposed: " in churn("campaign", "holdout").out

    started = churn("campaign", "holdout", "start", "--json").json
    assert started["share"] == before["proposal"]["share"]
    assert started["n_held_out"] == before["proposal"]["n_held_out"]
    shown = churn("campaign", "holdout", "show").out
    assert f"generation 1 holds out {started['n_held_out']:,} of 6,000 customers" in shown

    again = churn("campaign", "holdout", "reshuffle", "--share", ".1", "--reshuffle-on", "2099-01-31", "--json").json
    assert (again["generation"], again["share"], again["reshuffle_at"]) == (2, 0.1, "2099-01-31 00:00:00")
    ended = churn("campaign", "holdout", "end")
    assert ended.out.startswith("Ended: generation 2 holds out ")
    history = churn("campaign", "holdout", "--json").json["history"]
    assert [entry["generation"] for entry in history] == [2, 1]
    assert all(entry["ended_at"] for entry in history)


@pytest.mark.usefixtures("shop")
def test_one_customer_is_shown_with_every_generation(churn: Churn) -> None:
    churn("campaign", "holdout", "start", "--share", ".2")
    churn("campaign", "holdout", "reshuffle")
    found = churn("campaign", "holdout", "show", "--customer", "c17", "--json").json["memberships"]
    assert [entry["generation"] for entry in found] == [2, 1]
    assert found[0]["until"] is None
    assert "was never drawn" in churn("campaign", "holdout", "--customer", "nobody").out


@pytest.mark.usefixtures("shop")
def test_a_reshuffle_can_be_the_last(churn: Churn) -> None:
    churn("campaign", "holdout", "start", "--share", ".2", "--reshuffle-on", "2099-01-01")
    assert churn("campaign", "holdout", "reshuffle", "--json").json["reshuffle_at"]
    assert churn("campaign", "holdout", "reshuffle", "--never", "--json").json["reshuffle_at"] is None


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("end",), "no holdout is in force"),
        (("reshuffle",), "no holdout is in force"),
        (("start", "--share", "0.9"), "at most 50 %"),
        (("start", "--reshuffle-on", "2001-01-01"), "has come already"),
        (("show", "--share", ".1"), "belong to start and reshuffle"),
        (("start", "--customer", "c1"), "--customer belongs to 'holdout show'"),
        (("end", "--never"), "--never belongs to 'holdout reshuffle'"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(churn: Churn, arguments: tuple[str, ...], told: str) -> None:
    assert told in one_sentence(churn("campaign", "holdout", *arguments))
