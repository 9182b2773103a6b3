"""Bad input, from the file to the score: an answer in one sentence, and risks that never change meaning silently."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from churn_core.customers.tiers import score_workspace
from churn_core.errors import ChurnError
from churn_core.features.definition import save_definition
from churn_core.intake.formats import open_source
from churn_core.intake.load import import_file
from churn_core.intake.mapping import propose_mapping
from churn_core.models.learned_kinds import require_kinds
from churn_core.models.recipe import Recipe
from churn_core.models.registry import ModelVersion, model_versions
from churn_core.models.runs import ScoreRun, score_runs
from churn_core.models.training import train_model
from churn_core.timeline import ChurnDefinition
from churn_core.warehouse import Warehouse

from .conftest import members

QUICK = Recipe(estimators=("logistic",))
START = pd.Timestamp("2023-01-01")


class Shop:
    """A workspace that is filled from files, as a person would."""

    def __init__(self, warehouse: Warehouse, folder: Path) -> None:
        self.warehouse, self.folder, self._n_files = warehouse, folder, 0

    def load(self, frame: pd.DataFrame) -> None:
        self._n_files += 1
        path = self.folder / f"file{self._n_files}.csv"
        frame.to_csv(path, index=False)
        source = open_source(path)
        import_file(self.warehouse, source, propose_mapping(source).mapping)

    def train(self) -> ModelVersion:
        return train_model(self.warehouse, recipe=QUICK)

    def score(self) -> ScoreRun:
        return score_workspace(self.warehouse)

    def learned(self, frame: pd.DataFrame) -> Shop:
        self.load(frame)
        self.train()
        return self

    def notes(self) -> str:
        return " ".join(self.score().summary["notes"])


@pytest.fixture
def shop(warehouse: Warehouse, tmp_path: Path) -> Shop:
    return Shop(warehouse, tmp_path)


def refused(work: Any, says: str) -> None:
    """The work ends with one sentence that says this."""
    with pytest.raises(ChurnError, match=says) as found:
        work()
    text = str(found.value)
    assert text.endswith(".")
    assert "\n" not in text
    assert not re.search(r"\b(None|nan|inf|KeyError|ValueError|Traceback)\b", text)


def orders(n_customers: int, *, days: int = 500, gap: float = 25.0, prefix: str = "c", seed: int = 1) -> pd.DataFrame:
    """Customers who order at random gaps; one in three stops half way."""
    draw = np.random.default_rng(seed)
    rows = []
    for number in range(n_customers):
        day, until = draw.uniform(0, days / 3), days if number % 3 else days / 2
        while day < until:
            rows.append((f"{prefix}{number}", START + pd.Timedelta(days=day).floor("s"), round(draw.gamma(3, 15), 2)))
            day += draw.exponential(gap) + 1
    frame = pd.DataFrame(rows, columns=["customer_id", "order_time", "amount"])
    return frame.assign(order_id=[f"{prefix}o{number}" for number in range(len(frame))])


def defined(shop: Shop, horizon_days: int = 60) -> Shop:
    save_definition(shop.warehouse, ChurnDefinition(horizon_days=horizon_days))
    return shop


# One outcome only.


def test_a_table_where_nobody_left_is_refused_at_the_door(shop: Shop) -> None:
    refused(lambda: shop.load(members(100).assign(churned="No")), "holds only 'No'; customers who left and")
    refused(lambda: shop.load(members(100).assign(churned="Yes")), "everybody left, so there is nothing to compare")
    refused(shop.train, "there is nothing to learn from yet")


def test_a_shop_nobody_ever_left_is_told_that_levels_are_not_calibrated(shop: Shop) -> None:
    everybody = orders(60, gap=3.0)
    shop.load(everybody[everybody["customer_id"].str[1:].astype(int) % 3 > 0])
    version = defined(shop).train()
    assert version.summary["method"] in ("bgnbd", "lateness")
    assert version.summary["evaluation"] is None
    assert any("not calibrated" in note or "general rule" in note for note in version.summary["notes"])
    assert shop.score().summary["tiers"]["high"] == 0


# Ten customers.


def test_ten_rows_of_a_table_are_too_few_and_say_what_is_missing(shop: Shop) -> None:
    shop.load(members(10).assign(churned=["Yes"] * 3 + ["No"] * 7))
    refused(shop.train, "3 customers left and 7 stayed.*add customers until there are 5 of each")
    refused(shop.score, "there is no model yet")


def test_ten_customers_of_a_shop_are_ranked_by_lateness_and_told_so(shop: Shop) -> None:
    shop.load(orders(10))
    version = defined(shop).train()
    assert version.summary["method"] == "lateness"
    assert "needs 200 of them" in version.summary["method_reason"]
    assert shop.score().n_customers == 10


# Constant columns.


def test_constant_columns_are_left_out_and_named(shop: Shop) -> None:
    shop.load(members(300).assign(country="UK", version=3))
    notes = shop.train().summary["notes"]
    assert [note for note in notes if "the same for everybody" in note] == [
        "Column 'country' is left out: it is the same for everybody.",
        "Column 'version' is left out: it is the same for everybody.",
    ]
    assert shop.score().n_customers == 300


def test_only_constant_columns_leave_nothing_to_learn_from(shop: Shop) -> None:
    shop.load(members(100)[["customer", "churned"]].assign(country="UK", version=3))
    refused(shop.train, "no column besides the label says anything")


def test_orders_that_are_all_alike_can_be_learned_from(shop: Shop) -> None:
    shop.load(orders(40).assign(amount=10.0))
    defined(shop).train()
    assert shop.score().n_customers == 40


def test_a_column_that_became_constant_is_still_read(shop: Shop) -> None:
    shop.learned(members(300)).load(members(300).assign(calls=3))
    run = shop.score()
    assert run.n_customers == 300
    values = shop.warehouse.rows(
        "SELECT DISTINCT feature_values[$at] FROM contributions WHERE run_id = $run",
        {"at": run.feature_names.index("calls") + 1, "run": run.run_id},
    )
    assert values == [(3.0,)]


# Two thousand categories.


def test_two_thousand_categories_that_mean_nothing_hardly_move_anybody_and_this_is_said(shop: Shop) -> None:
    draw = np.random.default_rng(0)
    frame = members(3_000).assign(city=[f"city {number}" for number in draw.integers(0, 2_000, 3_000)])
    shop.load(frame)
    version = shop.train()
    assert any(re.search(r"'city' has 1,\d+ categories; rare ones count little", n) for n in version.summary["notes"])
    moved = {entry["name"]: entry["mean_absolute"] for entry in version.summary["importance"]}
    assert moved.get("city", 0.0) < 0.1 * moved["tenure"]
    assert shop.score().n_customers == 3_000


def test_nothing_but_two_thousand_categories(shop: Shop) -> None:
    draw = np.random.default_rng(0)
    frame = members(3_000)[["customer", "churned"]]
    shop.load(frame.assign(city=[f"city {number}" for number in draw.integers(0, 2_000, 3_000)]))
    refused(shop.train, "every column is constant or holds rare values only")


# The label in disguise.


@pytest.mark.parametrize("disguise", ["number", "word", "gap"])
def test_the_label_in_disguise_is_suspected_by_name(shop: Shop, disguise: str) -> None:
    frame = members(300)
    left = frame["churned"] == "Yes"
    frame["closing"] = {
        "number": np.where(left, 7, 0),
        "word": np.where(left, "closed", "open"),
        "gap": np.where(left, np.arange(300) / 7, np.nan),
    }[disguise]
    shop.load(frame)
    notes = shop.train().summary["notes"]
    assert any("'closing'" in note and "too good to be true" in note for note in notes)
    assert shop.score().n_customers == 300


# Features that were there at training and are missing at scoring.


def test_a_column_that_is_gone_is_refused_by_name(shop: Shop) -> None:
    shop.learned(members(300)).load(members(300).drop(columns="calls"))
    refused(shop.score, "trained with the column 'calls', which the table no longer has; train again")
    assert score_runs(shop.warehouse) == []


def test_numbers_that_became_text_are_refused(shop: Shop) -> None:
    shop.learned(members(300)).load(members(300).assign(tenure=lambda frame: frame["tenure"].astype(str) + " months"))
    refused(shop.score, "'tenure' held numbers when the model was trained and holds '.* months' for a customer now")


def test_a_few_words_among_numbers_count_as_missing(shop: Shop) -> None:
    table = members(300)
    table["tenure"] = table["tenure"].astype(object).where(table.index % 10 > 0, "unclear")
    shop.learned(members(300)).load(table)
    assert shop.score().n_customers == 300


def test_a_kind_of_data_that_is_gone_is_refused(trained_copy: Warehouse) -> None:
    with trained_copy.transaction() as tx:
        tx.execute("DELETE FROM contacts")
    refused(lambda: score_workspace(trained_copy), "no longer has; train again")


def test_a_stable_attribute_that_changed_its_kind_is_refused(demo_copy: Warehouse) -> None:
    save_definition(demo_copy, ChurnDefinition(horizon_days=90, activity_days=730))
    with demo_copy.transaction() as tx:
        tx.execute(
            "UPDATE customers SET attributes = json_object('points', CAST(abs(hash(customer_id)) % 50 AS VARCHAR))"
        )
        tx.save_setting("stable_attributes", ["points"])
    train_model(demo_copy, recipe=QUICK)
    score_workspace(demo_copy)
    with demo_copy.transaction() as tx:
        tx.execute("UPDATE customers SET attributes = json_object('points', 'many')")
    refused(lambda: score_workspace(demo_copy), "'points' held numbers when the model was trained and holds words such")
    with demo_copy.transaction() as tx:
        tx.save_setting("stable_attributes", [])
    refused(lambda: score_workspace(demo_copy), "'attribute:points'.*no longer has")
    assert len(score_runs(demo_copy)) == 1


def test_words_and_numbers_are_not_mixed_up() -> None:
    learned = {"numbers": {"attribute:age": {}}, "categories": {"attribute:plan": {}}}
    frame = pd.DataFrame({"attribute:age": [30.0, np.nan], "attribute:plan": ["a", None]})
    require_kinds(frame, learned)
    require_kinds(frame.assign(**{"attribute:age": pd.Series([None, None], dtype=object)}), learned)
    refused(
        lambda: require_kinds(frame.assign(**{"attribute:plan": [1.0, 2.0]}), learned),
        "'plan' held words.*numbers only",
    )
    refused(
        lambda: require_kinds(frame.assign(**{"attribute:age": ["old", "x"]}), learned), "'age' held numbers.*'old'"
    )
    require_kinds(frame, None)


# New categories, new customers.


def test_new_categories_are_said_and_scored_like_rare_ones(shop: Shop) -> None:
    table = members(300)
    table.loc[:9, "plan"] = "weekly"
    shop.learned(members(300)).load(table)
    assert "10 customers have a value of 'plan' that the model never saw ('weekly')" in shop.notes()


def test_new_customers_of_a_table_are_scored_and_counted(shop: Shop) -> None:
    table = members(100, seed=8).assign(customer=lambda frame: "new" + frame["customer"])
    shop.learned(members(300)).load(table)
    assert "100 customers were not learned from (new, or without a label)" in shop.notes()


def test_a_shop_of_new_customers_only_says_so(trained_copy: Warehouse) -> None:
    """Everybody who was there is erased; those who came lately are all there is."""
    with trained_copy.transaction() as tx:
        tx.execute(
            "DELETE FROM orders WHERE customer_id IN (SELECT customer_id FROM orders GROUP BY 1 "
            "HAVING min(order_time) < (SELECT max(order_time) FROM orders) - INTERVAL 20 DAY)"
        )
    run = score_workspace(trained_copy)
    assert 0 < run.n_customers < 100
    assert any(note.startswith("All customers are new") for note in run.summary["notes"])


# The clock.


def test_a_clock_that_jumped_ahead_is_refused_and_named(shop: Shop) -> None:
    shop.load(orders(40))
    defined(shop).train()
    stray = orders(2, prefix="s").tail(2).assign(order_time=START + pd.Timedelta(days=1_100))
    shop.load(stray)
    refused(shop.score, "every customer would seem to have stopped ordering; correct the dates")
    refused(shop.train, "every customer would seem to have stopped ordering; correct the dates")


def test_dates_of_a_reset_clock_are_set_aside(shop: Shop) -> None:
    shop.load(orders(40))
    shop.load(
        orders(2, prefix="s").assign(order_time=lambda frame: frame["order_time"].where(frame.index > 3, "1970-01-01"))
    )
    assert shop.warehouse.value("SELECT min(order_time) FROM orders").year == START.year
    assert shop.warehouse.value("SELECT count(*) FROM rejected_rows") == 4


# Whatever happens, nothing is left behind.


def test_a_refusal_leaves_neither_model_nor_scores(shop: Shop) -> None:
    shop.load(members(10).assign(churned=["Yes"] * 3 + ["No"] * 7))
    refused(shop.train, "add customers")
    assert model_versions(shop.warehouse) == []
    assert score_runs(shop.warehouse) == []
