"""``churn moved`` says why a risk moved, or why it cannot be said."""

from __future__ import annotations

from datetime import timedelta

import pytest

from churn_core.workspaces import create_workspace
from tests.customers.conftest import AS_OF, add_orders, add_run

from .conftest import Churn, one_sentence


@pytest.fixture
def scored_twice(churn: Churn) -> Churn:
    """A workspace with two score runs made by hand; their model is not there."""
    shop = create_workspace("Scored")
    add_orders(shop, {"anna": [3, 60], "ben": [5, 80]})
    add_run(shop, {"anna": 0.2, "ben": 0.4}, as_of=AS_OF - timedelta(days=30))
    add_run(shop, {"anna": 0.5})
    shop.close()
    return churn


def test_the_change_is_said_even_where_no_model_can_be_asked(scored_twice: Churn) -> None:
    told = scored_twice("moved", "anna")
    assert told.code == 0, told.err
    assert (
        told.out.splitlines()[0] == "The risk rose from 20.0 % on 2 Oct 2026 to 50.0 % on 1 Nov 2026, by 30.0 points."
    )
    assert "ordered on 29 Oct" in told.out
    stored = scored_twice("moved", "anna", "--from", 2, "--to", 1, "--json").json
    assert (stored["from"]["run_id"], stored["to"]["run_id"]) == (1, 2)
    assert stored["risk_change"] == pytest.approx(0.3)
    assert stored["parts"] == []
    assert "no model version 4" in stored["notes"][0]


def test_what_cannot_be_compared_is_one_sentence(scored_twice: Churn) -> None:
    assert "scored once so far" in one_sentence(scored_twice("moved", "ben"))
    assert "no score in run 2" in one_sentence(scored_twice("moved", "ben", "--from", 2))
    assert "in no score run" in one_sentence(scored_twice("moved", "nobody"))
    assert "two different runs" in one_sentence(scored_twice("moved", "anna", "--from", 1, "--to", 1))
