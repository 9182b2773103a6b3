"""Cut-offs and tier policies from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from churn_core.workspaces import create_workspace
from tests.cli.conftest import Churn, one_sentence
from tests.customers.conftest import add_run


@pytest.fixture
def scored(churn_home: Path) -> None:
    """A workspace of 100 customers with risks of 0.5 % to 99.5 %, each worth 40."""
    warehouse = create_workspace("Scored")
    add_run(
        warehouse, {f"C{nr:03d}": (nr + 0.5) / 100 for nr in range(100)}, values={f"C{n:03d}": 40.0 for n in range(100)}
    )
    warehouse.close()


@pytest.mark.usefixtures("scored")
def test_cutoffs_say_whom_what_and_from_which_chance(churn: Churn) -> None:
    done = churn("cutoffs", "--threshold", "0.8", "--contact-cost", "3", "--per-day", "3", "--save")
    assert done.code == 0
    assert "20 customers, about 18 of them would leave, 2 would have stayed anyway." in done.out
    assert "5 more than the 15 that can be contacted." in done.out
    assert "run a campaign with a control group" in done.out
    found = churn("cutoffs", "--threshold", "0.8", "--chance", "0.5", "--json").json
    assert found["scenario"]["contact_cost"] == 3.0, "remembered"
    assert found["profit"] == pytest.approx(0.5 * 18 * 40 - 60)
    assert found["break_even"] == pytest.approx(60 / 720)
    assert found["best"]["profit"] >= found["profit"]
    assert (found["best_within_capacity"]["n_contacted"], found["best_within_capacity"]["threshold"]) == (15, 0.855)
    assert "Most within the 15 that can be contacted" in churn("cutoffs", "--chance", "0.5").out
    unknown = churn("cutoffs", "--threshold", "0.8", "--json").json
    assert unknown["profit"] is None
    assert "campaign" in unknown["unknown"]["profit"]


@pytest.mark.usefixtures("scored")
def test_a_cost_that_hangs_on_the_chance_is_a_range_as_on_the_page(churn: Churn) -> None:
    """20 contacts for 2 each; the offer of 10 is taken by the 2 who stay, at most by all 20."""
    inputs = ("cutoffs", "--threshold", "0.8", "--contact-cost", "2", "--offer-cost", "10", "--per-day", "2")
    said = churn(*inputs).out
    assert "60.00 to 240.00" in said
    assert "The capacity is kept from 89.6 % on: 10 customers; there the offer must save about" in said
    found = churn(*inputs, "--json").json
    assert (found["cost"], found["cost_least"], found["cost_most"]) == (None, 60.0, 240.0)
    assert found["unknown"]["cost"].startswith("60.00 to 240.00, depending on how many take the offer")
    assert (found["reachable"]["n_contacted"], found["reachable"]["threshold"]) == (10, 0.896)
    assert "none entered" in churn("cutoffs", "--threshold", "0.8").out


@pytest.mark.usefixtures("scored")
def test_a_policy_of_each_kind_is_saved_listed_and_undone(churn: Churn) -> None:
    assert "proposed" in churn("policy", "list").out
    assert churn("policy", "probability", "--high", "0.6", "--medium", "0.3").code == 0
    by_places = churn("policy", "capacity", "--per-day", "4", "--days", "2", "--json").json
    assert [tier["n_customers"] for tier in by_places["tiers"]] == [8, 8, 84]
    by_profit = churn("policy", "profit", "--contact-cost", "4", "--chance", "0.2", "--json").json
    assert [tier["n_customers"] for tier in by_profit["tiers"]] == [50, 25, 25]
    assert "is active" in churn("policy", "activate", "1").out
    listed = churn("policy", "list", "--json").json
    assert [(policy["version"], policy["kind"], policy["is_active"]) for policy in listed] == [
        (3, "profit", False),
        (2, "capacity", False),
        (1, "probability", True),
    ]


@pytest.mark.usefixtures("scored")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("cutoffs", "--contact-cost", "-3"), "a contact costs -3"),
        (("cutoffs", "--chance", "1.2"), "'1.2' is not a number from 0 to 1"),
        (("cutoffs", "--threshold", "62"), "'62' is not a number from 0 to 1"),
        (("cutoffs", "--per-day", "0"), "'0' is not a whole number above zero"),
        (("policy", "capacity", "--per-day", "0"), "'0' is not a whole number above zero"),
        (("policy", "profit", "--contact-cost", "2"), "run a campaign with a control group"),
        (("policy", "probability", "--high", "0.3", "--medium", "0.6"), "0 < medium < high"),
        (("policy", "activate", "7"), "there is no tier policy 7"),
    ],
)
def test_bad_input_is_one_sentence(churn: Churn, arguments: tuple[str, ...], said: str) -> None:
    assert said in one_sentence(churn(*arguments))


def test_cutoffs_before_any_scoring_say_what_to_do(churn: Churn) -> None:
    create_workspace("Empty").close()
    assert "train a model and score first" in one_sentence(churn("cutoffs"))
