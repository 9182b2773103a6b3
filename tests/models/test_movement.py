"""Why a risk moved: the parts add up, each is what it says, and what cannot be known is said."""

from __future__ import annotations

import itertools
import json
import math
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from churn_core.customers.movement import Movement, why_moved
from churn_core.customers.movement_words import causes
from churn_core.errors import InputError, NotEnoughData, NotFound
from churn_core.features.build import build_features
from churn_core.features.definition import known_until
from churn_core.figures.movement import movement_figure, movement_title
from churn_core.intake.derived import refresh_derived
from churn_core.models.movement import MODEL_FIRST, ORDERS, Answer, State, Which, ask, risk_of, shares
from churn_core.models.registry import load_artifact, model_version, store_model
from churn_core.models.scoring import score_customers
from churn_core.models.training import load_fitted, train_model
from churn_core.schema import TABLES
from churn_core.stats.rounding import rounded_to_sum
from churn_core.timeline import ChurnDefinition
from churn_core.warehouse import Warehouse

from .conftest import fill_snapshots, members

EVERYBODY = ChurnDefinition(horizon_days=90)
DAYS = 45
PARTS: tuple[tuple[Which, State], ...] = tuple(
    itertools.product(("earlier", "later"), ("then", "aged", "now"))  # type: ignore[arg-type]
)

log_odds_of_all = st.lists(st.floats(-6, 6), min_size=6, max_size=6)


def answers_of(values: list[float]) -> dict[tuple[Which, State], Answer]:
    """Answers whose contributions are a third and two thirds of the log-odds."""
    return {
        key: Answer(risk=risk_of(value), log_odds=value, contributions={"a": value / 3, "b": 2 * value / 3})
        for key, value in zip(PARTS, values, strict=True)
    }


@given(log_odds_of_all)
def test_parts_sum_to_the_difference_of_the_ends(values: list[float]) -> None:
    answers = answers_of(values)
    for orders in (ORDERS, MODEL_FIRST, ORDERS[1:]):
        found = shares(answers, orders)
        first, last = answers["earlier", "then"], answers["later", "now"]
        assert sum(part.risk_change for part in found.values()) == pytest.approx(last.risk - first.risk, abs=1e-12)
        total = sum(part.log_odds_change for part in found.values())
        assert total == pytest.approx(last.log_odds - first.log_odds, abs=1e-9)
        for part in found.values():
            assert sum(part.by_input.values()) == pytest.approx(part.risk_change, abs=1e-9)


@given(log_odds_of_all)
def test_the_shares_are_the_shapley_values_over_the_allowed_orders(values: list[float]) -> None:
    """A second route: marginal gains of sets of players, over all permutations that keep time before behaviour."""
    answers = answers_of(values)

    def worth(players: frozenset[str]) -> float:
        which: Which = "later" if "model" in players else "earlier"
        state: State = "now" if "behaviour" in players else "aged" if "time" in players else "then"
        return answers[which, state].risk

    allowed = [
        order
        for order in itertools.permutations(("time", "behaviour", "model"))
        if order.index("time") < order.index("behaviour")
    ]
    assert len(allowed) == 3
    found = shares(answers)
    for player, share in found.items():
        gains = [
            worth(frozenset(order[: order.index(player) + 1])) - worth(frozenset(order[: order.index(player)]))
            for order in allowed
        ]
        assert share.risk_change == pytest.approx(np.mean(gains), abs=1e-12)


@given(log_odds_of_all)
def test_the_same_model_has_no_part_and_nothing_new_no_behaviour(values: list[float]) -> None:
    answers = answers_of(values[:3] + values[:3])
    assert shares(answers)["model"].risk_change == 0
    unmoved = {key: answers[key[0], "aged" if key[1] == "now" else key[1]] for key in PARTS}
    assert shares(unmoved)["behaviour"].risk_change == 0


@given(st.lists(st.floats(-40, 40), min_size=1, max_size=5))
@example([0.35])
def test_rounded_numbers_add_up_as_shown(values: list[float]) -> None:
    total = sum(values)
    made = rounded_to_sum(values, total)
    assert sum(made) == pytest.approx(round(total, 1), abs=1e-9)
    assert max(abs(a - b) for a, b in zip(made, values, strict=True)) <= 0.1 + 1e-9


def test_an_unrelated_total_is_still_met() -> None:
    assert sum(rounded_to_sum([0.0, 1.0], 1.3)) == pytest.approx(1.3)
    assert rounded_to_sum([], 0.0) == ()
    assert sum(rounded_to_sum([0.0, 0.0], 0.1)) == pytest.approx(0.1)


@pytest.fixture(scope="module")
def moved_file(trained_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs 1 (model 1, now), 2 (model 1, 45 days before), 3 (model 2, then) and 4 (model 2, now); closed."""
    path = tmp_path_factory.mktemp("moved") / "shop.duckdb"
    shutil.copy(trained_file, path)
    opened = Warehouse.open(path)
    second_model(opened)
    end = known_until(opened)
    assert end is not None
    earlier = end - timedelta(days=DAYS)
    for number, as_of in ((1, earlier), (2, earlier), (2, end)):
        score_customers(opened, model_version=number, as_of=as_of, high_from=0.6, medium_from=0.3)
    opened.checkpoint()
    opened.close()
    return path


def second_model(warehouse: Warehouse) -> None:
    """Another version: the weights of the first one, weaker, with another level and season."""
    first = model_version(warehouse, 1)
    artifact = load_artifact(warehouse, 1)
    blend = artifact["model"]["blend"]
    blend |= {
        "slopes": [0.8 * slope for slope in blend["slopes"]],
        "level": blend["level"] + 0.2,
        "season": (blend["season"] or 0.0) + 0.3,
    }
    names = first.feature_names if "season of the shop" in first.feature_names else (
        *first.feature_names, "season of the shop",
    )  # fmt: skip
    with warehouse.transaction() as tx:
        store_model(
            tx,
            source=first.source,
            estimator=first.estimator,
            data_version=first.data_version,
            definition_version=first.definition_version,
            feature_names=names,
            summary=first.summary,
            artifact=artifact,
        )


@pytest.fixture(scope="module")
def moved_shop(moved_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    opened = Warehouse.open(shutil.copy(moved_file, tmp_path_factory.mktemp("read") / "shop.duckdb"))
    yield opened
    opened.close()


@pytest.fixture
def moved_copy(moved_file: Path, tmp_path: Path) -> Iterator[Warehouse]:
    opened = Warehouse.open(shutil.copy(moved_file, tmp_path / "shop.duckdb"))
    yield opened
    opened.close()


def in_all_runs(warehouse: Warehouse, n: int) -> list[str]:
    rows = warehouse.rows(
        "SELECT customer_id FROM scores GROUP BY customer_id HAVING count(*) = 4 ORDER BY md5(customer_id) LIMIT $n",
        {"n": n},
    )
    return [row[0] for row in rows]


def by_name(found: Movement) -> dict[str, float]:
    return {part.name: part.risk_change for part in found.parts}


def test_parts_add_up_to_the_stored_risks_and_as_they_are_shown(moved_shop: Warehouse) -> None:
    for customer, (from_run, to_run) in zip(
        in_all_runs(moved_shop, 12), itertools.cycle(itertools.combinations((1, 2, 3, 4), 2)), strict=False
    ):
        found = why_moved(moved_shop, customer, from_run=from_run, to_run=to_run)
        assert found.before.moment <= found.after.moment
        assert {"time", "behaviour", "model"} == {part.name for part in found.parts}, "nothing was corrected"
        assert sum(part.risk_change for part in found.parts) == pytest.approx(found.risk_change, abs=1e-12)
        stored = dict(
            moved_shop.rows(
                "SELECT run_id, risk FROM scores WHERE customer_id = $customer_id", {"customer_id": customer}
            )
        )
        assert found.risk_change == stored[found.after.run_id] - stored[found.before.run_id]
        assert sum(part.shown_points for part in found.parts) == pytest.approx(found.shown_points, abs=1e-9)
        for part in found.parts:
            if part.causes:
                assert sum(cause.risk_change for cause in part.causes) == pytest.approx(part.risk_change, abs=1e-9)
                shown = sum(cause.shown_points for cause in part.causes)
                assert shown == pytest.approx(part.shown_points, abs=1e-9)


def test_the_same_model_scored_both_times_has_no_part(moved_shop: Warehouse) -> None:
    for customer in in_all_runs(moved_shop, 4):
        found = why_moved(moved_shop, customer, from_run=2, to_run=1)
        model = next(part for part in found.parts if part.name == "model")
        assert abs(model.risk_change) < 1e-9
        assert model.shown_points == 0
        assert model.words == "Model 1 scored both times."


def test_on_the_same_day_everything_is_the_model(moved_shop: Warehouse) -> None:
    told = [why_moved(moved_shop, customer, from_run=2, to_run=3) for customer in in_all_runs(moved_shop, 8)]
    for found in told:
        parts = by_name(found)
        assert parts["time"] == 0
        assert parts["behaviour"] == 0
        assert parts["model"] == pytest.approx(found.risk_change, abs=1e-9)
    seasons = [cause for found in told for cause in found.parts[-1].causes if cause.label == "Season"]
    assert seasons, "the second model has another season"
    assert all(cause.risk_change > 0 for cause in seasons)


def test_runs_asked_for_backwards_are_told_in_order(moved_shop: Warehouse) -> None:
    customer = in_all_runs(moved_shop, 1)[0]
    assert why_moved(moved_shop, customer, from_run=4, to_run=2) == why_moved(
        moved_shop, customer, from_run=2, to_run=4
    )


def test_the_last_two_runs_are_compared_unless_asked_otherwise(moved_shop: Warehouse) -> None:
    customer = in_all_runs(moved_shop, 1)[0]
    found = why_moved(moved_shop, customer)
    assert {found.before.run_id, found.after.run_id} == {3, 4}
    assert why_moved(moved_shop, customer, to_run=2).after.run_id in (1, 2)


def test_time_is_what_a_shop_without_later_rows_would_answer(moved_copy: Warehouse) -> None:
    """A second route: everything after the earlier run is deleted, and the models are asked at the later day."""
    customers = in_all_runs(moved_copy, 6)
    told = {customer: why_moved(moved_copy, customer, from_run=2, to_run=4) for customer in customers}
    earlier, later = told[customers[0]].before.as_of, told[customers[0]].after.as_of
    assert earlier is not None
    assert later is not None
    models = {"earlier": load_fitted(moved_copy, 1), "later": load_fitted(moved_copy, 2)}

    def risks(cutoff: datetime) -> dict[tuple[str, str], float]:
        frame = build_features(moved_copy, cutoff, EVERYBODY, customer_ids=customers)
        return {
            (which, customer): ask(model, frame.loc[[customer]]).risk
            for which, model in models.items()
            for customer in customers
        }

    then, now = risks(earlier), risks(later)
    with moved_copy.transaction() as tx:
        for table in TABLES.values():
            if table.time:
                tx.execute(f"DELETE FROM {table.name} WHERE {table.time} >= $since", {"since": earlier})
        for column in ("first_reply_at", "resolved_at"):
            tx.execute(f"UPDATE tickets SET {column} = NULL WHERE {column} >= $since", {"since": earlier})
    aged = risks(later)
    for customer in customers:
        a, b = ("earlier", customer), ("later", customer)
        expected = {
            "time": (2 * (aged[a] - then[a]) + aged[b] - then[b]) / 3,
            "behaviour": (now[a] - aged[a] + 2 * (now[b] - aged[b])) / 3,
            "model": (then[b] - then[a] + aged[b] - aged[a] + now[b] - now[a]) / 3,
        }
        assert by_name(told[customer]) == pytest.approx(expected, abs=1e-6)


def test_silence_and_orders_are_told_with_their_numbers(moved_shop: Warehouse) -> None:
    since = known_until(moved_shop)
    assert since is not None
    earlier = since - timedelta(days=DAYS)
    later_buyers = {
        row[0]
        for row in moved_shop.rows("SELECT DISTINCT customer_id FROM orders WHERE order_time >= $t", {"t": earlier})
    }
    told = {customer: why_moved(moved_shop, customer, from_run=2, to_run=1) for customer in in_all_runs(moved_shop, 12)}
    ordered = [found for customer, found in told.items() if customer in later_buyers]
    quiet = [found for customer, found in told.items() if customer not in later_buyers]
    assert ordered
    assert quiet
    for found in ordered:
        behaviour = next(part for part in found.parts if part.name == "behaviour")
        assert f"Within the {DAYS} days between: ordered" in behaviour.words
    silence = [
        cause.words
        for found in quiet
        for part in found.parts
        if part.name == "time"
        for cause in part.causes
        if cause.family == "silence"
    ]
    assert any("days of silence instead of" in words for words in silence)
    assert all("ordered" not in found.parts[1].words for found in quiet)


def test_a_group_that_no_number_explains_is_told_with_the_number_that_counts_most() -> None:
    before = pd.DataFrame({"days_since_last_visit": [10.0], "n_visits_90": [5.0]})
    after = before.assign(days_since_last_visit=40.0)
    by_input = {"days_since_last_visit": 0.01, "n_visits_90": -0.03}
    (told,) = causes(by_input, before, after)
    assert told.words == "Browsing: its numbers together, among them 40 days since the last visit instead of 10"
    assert told.risk_change == pytest.approx(-0.02)
    (same,) = causes(by_input, before, before)
    assert same.words == "Browsing: unchanged, but counts differently beside the other numbers"


def test_an_order_that_came_late_is_a_part_of_its_own(moved_copy: Warehouse) -> None:
    customer = in_all_runs(moved_copy, 1)[0]
    untouched = why_moved(moved_copy, customer, from_run=2, to_run=4)
    assert untouched.before.as_of is not None
    late = pd.DataFrame(
        {
            "customer_id": [customer] * 3,
            "order_id": ["late 1", "late 2", "late 3"],
            "order_time": [untouched.before.as_of - timedelta(days=days) for days in (3, 5, 9)],
            "amount": [40.0, 60.0, 80.0],
        }
    )
    late["order_time"] = late["order_time"].astype("datetime64[us]")
    with moved_copy.transaction() as tx:
        tx.append("orders", late)
        refresh_derived(tx)
        tx.bump_data_version()
    found = why_moved(moved_copy, customer, from_run=2, to_run=4)
    data = next(part for part in found.parts if part.name == "data")
    assert found.risk_change == untouched.risk_change, "stored risks stay what they were"
    assert sum(part.risk_change for part in found.parts) == pytest.approx(found.risk_change, abs=1e-12)
    frames = [
        build_features(moved_copy, scoring.as_of, EVERYBODY, customer_ids=[customer])  # type: ignore[arg-type]
        for scoring in (found.before, found.after)
    ]
    again = [ask(load_fitted(moved_copy, number), frame).risk for number, frame in zip((1, 2), frames, strict=True)]
    expected = (again[0] - found.before.risk) + (found.after.risk - again[1])
    assert data.risk_change == pytest.approx(expected, abs=1e-9)
    assert abs(data.risk_change) > 0.0005
    assert "added or corrected" in data.words


@pytest.mark.parametrize(("changed", "alone"), [(1, 2), (2, 1)])
def test_a_changed_model_file_is_said_and_the_other_model_tells(
    moved_copy: Warehouse, changed: int, alone: int
) -> None:
    customer = in_all_runs(moved_copy, 1)[0]
    with moved_copy.transaction() as tx:
        tx.execute(
            "UPDATE model_versions SET artifact = artifact || ' ' WHERE model_version = $number", {"number": changed}
        )
    found = why_moved(moved_copy, customer, from_run=2, to_run=4)
    assert f"model {alone} alone" in " ".join(found.notes)
    assert any("digest" in note for note in found.notes)
    assert {part.name for part in found.parts} == {"time", "behaviour", "model"}
    assert sum(part.risk_change for part in found.parts) == pytest.approx(found.risk_change, abs=1e-12)


def test_without_any_model_the_change_stands_and_its_parts_are_unknown(moved_copy: Warehouse) -> None:
    customer = in_all_runs(moved_copy, 1)[0]
    with moved_copy.transaction() as tx:
        tx.execute("UPDATE model_versions SET artifact = artifact || ' '")
    found = why_moved(moved_copy, customer, from_run=2, to_run=4)
    assert found.parts == ()
    assert found.sentence.startswith("The risk ")
    assert "what it is made of is not" in " ".join(found.notes)


def test_a_customer_who_is_not_in_a_run_is_told_where_they_are(moved_copy: Warehouse) -> None:
    customer = in_all_runs(moved_copy, 1)[0]
    with moved_copy.transaction() as tx:
        tx.execute("DELETE FROM scores WHERE customer_id = $c AND run_id IN (1, 3)", {"c": customer})
    with pytest.raises(NotFound, match=r"no score in run 3.*there is one in: 2, 4"):
        why_moved(moved_copy, customer, from_run=3)
    with pytest.raises(InputError, match="asked for twice"):
        why_moved(moved_copy, customer, from_run=2, to_run=2)
    with moved_copy.transaction() as tx:
        tx.execute("DELETE FROM scores WHERE customer_id = $c AND run_id = 4", {"c": customer})
    with pytest.raises(NotEnoughData, match="scored once"):
        why_moved(moved_copy, customer)
    with pytest.raises(NotFound, match="in no score run"):
        why_moved(moved_copy, "nobody")


def test_the_movement_is_plain_json_and_a_figure(moved_shop: Warehouse) -> None:
    found = why_moved(moved_shop, in_all_runs(moved_shop, 1)[0], from_run=2, to_run=4)
    stored = json.loads(json.dumps(found.to_dict()))
    assert sum(part["risk_change"] for part in stored["parts"]) == pytest.approx(stored["risk_change"], abs=1e-12)
    figure = movement_figure(found)
    assert movement_title(found) in figure.layout.title.text
    steps = figure.data[0].x
    assert steps[0] + sum(steps[1:-1]) == pytest.approx(steps[-1], abs=1e-9)


@pytest.fixture
def scored_table(warehouse: Warehouse) -> Warehouse:
    """A labelled table, trained and scored once."""
    fill_snapshots(warehouse, members(400))
    train_model(warehouse)
    score_customers(warehouse, high_from=0.6, medium_from=0.3)
    return warehouse


def rescored(warehouse: Warehouse, customer: str, changes: dict[str, str]) -> Movement:
    """Change the row of a customer, score again and ask why the risk moved."""
    stored = json.loads(warehouse.value("SELECT attributes FROM snapshots WHERE customer_id = $c", {"c": customer}))
    with warehouse.transaction() as tx:
        tx.execute(
            "UPDATE snapshots SET attributes = $a WHERE customer_id = $c",
            {"a": json.dumps(stored | changes), "c": customer},
        )
        tx.bump_data_version()
    score_customers(warehouse, high_from=0.6, medium_from=0.3)
    return why_moved(warehouse, customer)


def test_a_labelled_table_has_no_time_part(scored_table: Warehouse) -> None:
    found = rescored(scored_table, "M00007", {"calls": "9"})
    assert by_name(found).keys() == {"behaviour", "model"}
    assert "no time" in " ".join(found.notes)
    parts = {part.name: part for part in found.parts}
    assert parts["model"].shown_points == 0
    assert parts["behaviour"].risk_change == pytest.approx(found.risk_change, abs=1e-6)
    assert any(cause.words.startswith("calls: 9 instead of") for cause in parts["behaviour"].causes)


def test_a_row_that_stayed_as_it_was_is_not_said_to_have_changed(scored_table: Warehouse) -> None:
    found = rescored(scored_table, "M00007", {})
    parts = {part.name: part for part in found.parts}
    assert parts["behaviour"].words == "Nothing has changed in the customer's row of the table."
    assert found.sentence == f"The risk stayed at {100 * found.after.risk:.1f} %."
    moved = rescored(scored_table, "M00007", {"calls": "9"})
    assert moved.parts[0].words == "What the customer's row of the table says has changed."


def test_a_text_of_the_row_that_changed_is_not_told_apart(scored_table: Warehouse) -> None:
    plan = json.loads(scored_table.value("SELECT attributes FROM snapshots WHERE customer_id = 'M00007'"))["plan"]
    found = rescored(scored_table, "M00007", {"plan": "yearly" if plan == "monthly" else "monthly"})
    assert "not kept in full" in " ".join(found.notes)
    assert by_name(found)["behaviour"] == pytest.approx(found.risk_change, abs=1e-6)
    assert math.isclose(sum(by_name(found).values()), found.risk_change, abs_tol=1e-12)
    assert abs(by_name(found)["model"]) < 1e-6
