"""Scoring says what is unlike training: unseen categories, values gone, customers without history, stray dates."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churn_core.errors import InputError
from churn_core.models.population import describe_population
from churn_core.models.recipe import Recipe
from churn_core.models.scoring import score_customers
from churn_core.models.scoring_notes import category_counts, scoring_notes
from churn_core.models.training import train_model
from churn_core.warehouse import Warehouse

from .conftest import fill_snapshots, members, plant_orders

QUICK = Recipe(estimators=("logistic",))


def _population(frame: pd.DataFrame) -> dict[str, object]:
    return describe_population(frame, np.full(len(frame), 0.3))


def test_nothing_is_said_about_customers_like_those_in_training() -> None:
    frame = members(400)[["tenure", "plan"]]
    assert scoring_notes(frame, _population(frame)) == ()
    assert scoring_notes(frame, None) == ()


def test_new_categories_are_counted_and_named() -> None:
    frame = members(400)[["tenure", "plan"]]
    later = frame.assign(plan=["weekly"] * 7 + list(frame["plan"][7:]))
    (note,) = scoring_notes(later, _population(frame))
    assert note.startswith("7 customers have a value of 'plan' that the model never saw ('weekly')")


def test_inputs_that_lost_their_values_are_named() -> None:
    frame = members(400)[["tenure", "calls", "plan"]]
    (note,) = scoring_notes(frame.assign(tenure=np.nan), _population(frame))
    assert "'tenure' has no value for anybody, though 100 % of customers had one when the model was made" in note
    assert scoring_notes(frame.assign(tenure=np.nan), _population(frame.assign(tenure=np.nan))) == ()


def test_only_new_customers_is_said() -> None:
    frame = pd.DataFrame({"days_since_first_order": np.linspace(30, 900, 500)})
    new = pd.DataFrame({"days_since_first_order": np.linspace(1, 20, 100)})
    (note,) = scoring_notes(new, _population(frame))
    assert note.startswith("All customers are new: the longest known one first ordered 20 days ago")
    assert scoring_notes(frame, _population(frame)) == ()


def test_counts_of_categories_leave_numbers_out() -> None:
    found = category_counts(members(100)[["tenure", "plan"]])
    assert list(found) == ["plan"]
    assert sum(found["plan"]["shares"].values()) == pytest.approx(1)


def test_a_table_of_other_customers_with_other_plans_is_scored_with_notes(warehouse: Warehouse) -> None:
    fill_snapshots(warehouse, members())
    train_model(warehouse, recipe=QUICK)
    other = members(300, seed=9)
    other["customer"] = [f"N{number}" for number in range(300)]
    other.loc[:49, "plan"] = "weekly"
    fill_snapshots(warehouse, other)
    run = score_customers(warehouse, high_from=0.6, medium_from=0.3)
    notes = " ".join(run.summary["notes"])
    assert "None of the customers was learned from" in notes
    assert "50 customers have a value of 'plan' that the model never saw ('weekly')" in notes
    assert run.n_customers == 300
    assert warehouse.value("SELECT count(*) FROM scores WHERE risk BETWEEN 0 AND 1") == 300


def test_a_stray_date_stops_training_and_scoring_but_not_scoring_as_of_a_day(trained_copy: Warehouse) -> None:
    plant_orders(trained_copy, 1, pd.Timestamp("2099-01-01"))
    with pytest.raises(InputError, match="1 Jan 2099"):
        score_customers(trained_copy, high_from=0.6, medium_from=0.3)
    with pytest.raises(InputError, match="1 Jan 2099"):
        train_model(trained_copy, recipe=QUICK)
    end = trained_copy.value("SELECT max(order_time) FROM orders WHERE order_time < TIMESTAMP '2090-01-01'")
    as_of = pd.Timestamp(end).normalize().to_pydatetime()
    assert score_customers(trained_copy, as_of=as_of, high_from=0.6, medium_from=0.3).n_customers > 0


def test_a_table_that_vanished_before_scoring_is_refused_by_name(trained_copy: Warehouse) -> None:
    with trained_copy.transaction() as tx:
        tx.execute("DELETE FROM tickets")
    with pytest.raises(InputError, match="train again"):
        score_customers(trained_copy, high_from=0.6, medium_from=0.3)


def test_new_values_of_a_stable_attribute_are_told_from_those_learned(trained_copy: Warehouse) -> None:
    with trained_copy.transaction() as tx:
        tx.save_setting("stable_attributes", ["country"])
    version = train_model(trained_copy, recipe=QUICK)
    known = version.summary["population"]["categories"]["attribute:country"]["names"]
    assert known
    assert score_customers(trained_copy, high_from=0.6, medium_from=0.3).summary["notes"] == []
    with trained_copy.transaction() as tx:
        tx.execute("UPDATE customers SET country = 'Atlantis' WHERE country = $name", {"name": known[0]})
    (note,) = score_customers(trained_copy, high_from=0.6, medium_from=0.3).summary["notes"]
    assert "a value of 'country' that the model never saw ('Atlantis')" in note
