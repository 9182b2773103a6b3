"""``churn drivers``: everybody, a group against the rest, and names that do not exist."""

from __future__ import annotations

import pytest

from churn_core.workspaces import create_workspace
from tests.cli.conftest import Churn, one_sentence
from tests.customers.conftest import add_customers, add_run


@pytest.fixture
def scored(churn: Churn) -> Churn:
    """The command line with a workspace of ten scored customers, five of them of high risk."""
    warehouse = create_workspace("Shop")
    ids = [f"C{number}" for number in range(10)]
    add_customers(
        warehouse, [{"customer_id": c, "country": "France" if nr % 2 else "Spain"} for nr, c in enumerate(ids)]
    )
    add_run(warehouse, {c: 0.9 if nr % 2 else 0.2 for nr, c in enumerate(ids)})
    warehouse.close()
    return churn


def test_drivers_of_everybody(scored: Churn) -> None:
    outcome = scored("drivers")
    assert outcome.code == 0
    assert "everybody who was scored  10     55.0 %" in outcome.out
    assert "Own rhythm of orders" in outcome.out
    assert "difference" not in outcome.out


def test_drivers_of_a_group_against_the_rest_as_json(scored: Churn) -> None:
    found = scored("drivers", "--attribute", "country=France", "--json").json
    assert found["meaning"] == "country France"
    assert (found["group"]["n_customers"], found["rest"]["n_customers"]) == (5, 5)
    assert found["group"]["mean_risk"] == pytest.approx(0.9)
    gap = found["group"]["mean_log_odds"] - found["rest"]["mean_log_odds"]
    assert sum(driver["difference"] for driver in found["families"]) == pytest.approx(gap, abs=1e-5)
    assert sum(driver["difference"] for driver in found["features"]) == pytest.approx(gap, abs=1e-5)


def test_unknown_names_are_refused(scored: Churn) -> None:
    assert "segment 'Nobody' not found" in one_sentence(scored("drivers", "--segment", "Nobody"))
    assert "attribute 'contry' not found; did you mean 'country'" in one_sentence(
        scored("drivers", "--attribute", "contry=France")
    )
    assert "take a filter back" in one_sentence(scored("drivers", "--min-risk", "0.99"))
