"""churn cohorts and churn rhythm: the same numbers as the page, bad input in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from churn_core.workspaces import create_workspace
from tests.customers.conftest import add_customers
from tests.customers.order_days import fill

from .conftest import Churn, one_sentence

DAYS = {
    "a": ["2024-01-05", "2024-01-20", "2024-02-10", "2024-04-01"],
    "b": ["2024-01-31", "2024-03-03"],
    "c": ["2024-02-02", "2024-03-15"],
    "d": ["2024-04-10"],
}


@pytest.fixture
def shop(churn_home: Path) -> Path:
    warehouse = create_workspace("Shop")
    fill(warehouse, DAYS)
    add_customers(warehouse, [{"customer_id": name, "country": "France" if name < "c" else "Spain"} for name in DAYS])
    warehouse.close()
    return churn_home


def test_cohorts_are_printed_and_given_as_json(churn: Churn, shop: Path, tmp_path: Path) -> None:
    shown = churn("cohorts", "--csv", tmp_path / "t.csv")
    assert shown.code == 0
    printed = [line.split() for line in shown.out.splitlines()]
    assert ["Jan", "2024", "2", "100%", "50%", "50%"] in printed
    assert ["Feb", "2024", "1", "100%", "100%", "-"] in printed
    assert ["Feb", "2024", "1", "1", "1", "-"] in printed
    assert len((tmp_path / "t.csv").read_text(encoding="utf-8-sig").splitlines()) == 13
    found = churn("cohorts", "--by", "country", "--compare", "France", "Spain", "--json").json
    assert [(row["cohort"], row["n_customers"]) for row in found["cohorts"]] == [("France", 2), ("Spain", 2)]
    assert found["cohorts"][1]["months"][1] == {
        "months_since": 1, "n": 1, "n_ordering": 1, "retention_rate": 1.0,
        "revenue_per_customer": 10.0, "cumulated_per_customer": 20.0, "revenue": 10.0,
    }  # fmt: skip
    assert found["comparison"]["p_value"] is None
    assert "too few" in found["comparison"]["sentence"]


def test_a_cohort_that_is_not_over_is_null_and_not_zero(churn: Churn, shop: Path) -> None:
    april = churn("cohorts", "--json").json["cohorts"][-1]
    assert april["months"][0]["n_ordering"] is None
    assert april["months"][0]["retention_rate"] is None


def test_rhythm_is_told_of_one_and_of_the_latest(churn: Churn, shop: Path) -> None:
    one = churn("rhythm", "--customer", "b", "--json").json
    assert (one["n_gaps"], one["days_since"]) == (1, 39)
    assert churn("rhythm", "--customer", "b").out.strip() == f"b: {one['words']}."
    listed = churn("rhythm", "--json", "--top", "2").json
    assert listed["n_customers"] == 3
    assert listed["n_late"] == len(listed["customers"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("cohorts", "--by", "contry"), "did you mean 'country'?"),
        (("cohorts", "--compare", "Jan 2024", "May 2024"), "cohort 'May 2024' not found"),
        (("cohorts", "--as-of", "2020-01-01"), "no orders before 1 Jan 2020"),
        (("rhythm", "--customer", "zz"), "customer 'zz' has no order"),
    ],
)
def test_bad_input_is_one_sentence(churn: Churn, shop: Path, arguments: tuple[str, ...], words: str) -> None:
    assert words in one_sentence(churn(*arguments))


def test_without_orders_it_is_said_what_to_do(churn: Churn) -> None:
    churn("workspaces", "create", "Empty")
    for verb in ("cohorts", "rhythm"):
        assert "import an order history first" in one_sentence(churn(verb))
