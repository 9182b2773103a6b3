"""What if: the same answer as the score with nothing moved, facts that carry what follows, impossible ones refused."""

from __future__ import annotations

import shutil
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from churn_core.customers.contradictions import contradictions
from churn_core.customers.explanation import sampled_words
from churn_core.customers.levers import Facts, room, suppose
from churn_core.customers.possible import Seen, seen_values, unheard_of
from churn_core.customers.subject import Subject, inputs, subject, text_levels
from churn_core.customers.what_if import Supposition, WhatIf, what_if
from churn_core.errors import InputError, NotEnoughData, NotFound
from churn_core.features.build import build_features
from churn_core.features.definition import active_definition, save_definition
from churn_core.features.supposed import following, recalculated
from churn_core.intake.derived import refresh_derived
from churn_core.models.runs import latest_run
from churn_core.models.scoring import score_customers
from churn_core.timeline import ChurnDefinition
from churn_core.warehouse import Warehouse
from tests.models.conftest import DEFINITION, plant_orders


def ids(warehouse: Warehouse, n: int = 1, where: str = "true") -> list[str]:
    """Scored customers, the riskiest of many orders first."""
    rows = warehouse.rows(
        f"SELECT customer_id FROM scores WHERE {where} AND customer_id IN (SELECT customer_id FROM orders GROUP BY 1 "
        f"HAVING count(*) > 5) ORDER BY risk DESC, customer_id LIMIT {n}"
    )
    return [row[0] for row in rows]


@pytest.fixture(scope="module")
def asked(trained_shop: Warehouse) -> Subject:
    return subject(trained_shop, ids(trained_shop)[0])


def ask(warehouse: Warehouse, of: Subject, **facts: object) -> WhatIf:
    return what_if(warehouse, of, Supposition(facts=Facts(**facts)))  # type: ignore[arg-type]


def give(warehouse: Warehouse, of: Subject, **values: float | str | None) -> WhatIf:
    return what_if(warehouse, of, Supposition(values=tuple(values.items())))


def value(of: Subject, warehouse: Warehouse, name: str) -> float:
    return float(inputs(warehouse, of)[name].iloc[0])


def test_with_nothing_moved_the_answer_is_the_stored_risk(trained_shop: Warehouse, asked: Subject) -> None:
    seen = seen_values(trained_shop, asked.run)
    for customer_id in ids(trained_shop, 8):
        of = subject(trained_shop, customer_id, model=asked.model)
        result = what_if(trained_shop, of, Supposition(), seen=seen)
        stored = trained_shop.value("SELECT risk FROM scores WHERE customer_id = $id", {"id": customer_id})
        assert result.risk_before == result.risk_after == stored
        assert result.changes == ()
        again = float(of.model.contributions(inputs(trained_shop, of)).total()[0])
        assert again == pytest.approx(of.log_odds, abs=1e-6)


@pytest.mark.parametrize("days", [1, 20, 200])
def test_silence_moves_what_waiting_would(trained_shop: Warehouse, asked: Subject, days: int) -> None:
    """Two routes: facts moved back in time, and the same facts looked at later with nothing known since."""
    cutoff = asked.run.as_of
    assert cutoff is not None
    with trained_shop.supposed() as tx:
        suppose(tx, asked.customer_id, cutoff, Facts(silent_days=days))
        supposed = build_features(tx, cutoff, DEFINITION, customer_ids=[asked.customer_id])  # type: ignore[arg-type]
    waited = build_features(
        trained_shop,
        cutoff + timedelta(days=days),
        DEFINITION,
        customer_ids=[asked.customer_id],
        known_until=cutoff,
    )
    pd.testing.assert_frame_equal(supposed, waited, rtol=1e-5)


def test_an_order_now_moves_what_an_order_would(trained_copy: Warehouse) -> None:
    """Two routes: an order that is only supposed, and one that is really there."""
    of = subject(trained_copy, ids(trained_copy)[0])
    cutoff = of.run.as_of
    assert cutoff is not None
    with trained_copy.supposed() as tx:
        suppose(tx, of.customer_id, cutoff, Facts(orders_now=True, order_amount=42.0))
        supposed = build_features(tx, cutoff, DEFINITION, customer_ids=[of.customer_id])  # type: ignore[arg-type]
    with trained_copy.transaction() as tx:
        suppose(tx, of.customer_id, cutoff, Facts(orders_now=True, order_amount=42.0))
        refresh_derived(tx)
    kept = build_features(trained_copy, cutoff, DEFINITION, customer_ids=[of.customer_id])
    pd.testing.assert_frame_equal(supposed, kept, rtol=1e-5)
    assert kept["days_since_last_order"].iloc[0] == 1
    assert kept["last_order_amount"].iloc[0] == 42.0


def test_an_order_lowers_the_risk_of_somebody_silent_and_silence_raises_it(
    trained_shop: Warehouse, asked: Subject
) -> None:
    before = value(asked, trained_shop, "n_orders")
    ordered = ask(trained_shop, asked, orders_now=True)
    assert ordered.risk_after < ordered.risk_before
    after = {change.name: change.after for change in ordered.changes}
    assert after["days_since_last_order"] == 1
    assert after["n_orders"] == before + 1
    not_lost_yet = subject(trained_shop, ids(trained_shop, where="risk < 0.9")[0])
    silent = ask(trained_shop, not_lost_yet, silent_days=60)
    assert silent.risk_after > silent.risk_before


def test_steps_add_up_to_the_change_of_the_log_odds(trained_shop: Warehouse, asked: Subject) -> None:
    result = ask(trained_shop, asked, silent_days=10, orders_now=True, n_visits=3)
    change = result.log_odds_after - result.log_odds_before
    assert abs(change) > 0.01
    assert sum(step.step for step in result.changes) == pytest.approx(change, abs=1e-9)
    assert sum(step for _, step in result.families) == pytest.approx(change, abs=1e-9)
    assert result.risk_after == pytest.approx(1 / (1 + np.exp(-result.log_odds_after)), abs=1e-12)


def test_nothing_is_written(trained_shop: Warehouse, asked: Subject) -> None:
    tables = ("orders", "order_lines", "events", "tickets", "feedback", "contacts", "audit_log")
    before = [trained_shop.n_rows(table) for table in tables]
    own = inputs(trained_shop, asked)
    ask(trained_shop, asked, silent_days=5, orders_now=True, n_visits=2, rating=1.0)
    assert [trained_shop.n_rows(table) for table in tables] == before
    pd.testing.assert_frame_equal(inputs(trained_shop, asked), own)


def test_what_is_supposed_neither_waits_for_a_writer_nor_keeps_one_waiting(trained_copy: Warehouse) -> None:
    done = threading.Event()

    def write() -> None:
        with trained_copy.transaction() as tx:
            tx.save_setting("currency", "CHF")
        done.set()

    with trained_copy.supposed() as supposed:
        supposed.execute("DELETE FROM orders")
        threading.Thread(target=write).start()
        assert done.wait(timeout=20)
        assert trained_copy.n_rows("orders") > 0
    assert trained_copy.setting("currency") == "CHF"


def test_requests_ratings_and_e_mails_follow(trained_copy: Warehouse) -> None:
    open_for = trained_copy.value(
        "SELECT customer_id FROM tickets JOIN scores USING (customer_id) WHERE resolved_at IS NULL ORDER BY 1 LIMIT 1"
    )
    assert open_for, "the simulated shop has open requests of scored customers"
    of = subject(trained_copy, open_for)
    after = {
        change.name: change.after
        for change in ask(trained_copy, of, are_requests_settled=True, rating=1.0, n_visits=2).changes
    }
    assert after["n_open_tickets"] == 0
    assert after["last_rating"] == 1.0
    assert after.get("days_since_last_visit", value(of, trained_copy, "days_since_last_visit")) == 1
    assert of.run.as_of is not None
    found = room(trained_copy, open_for, of.run.as_of, DEFINITION.activity_days)
    if found.n_unopened:
        opened = {change.name: change.after for change in ask(trained_copy, of, n_opened=1).changes}
        assert opened["days_since_last_open"] == 1


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"silent_days": -1}, "whole number"),
        ({"silent_days": 2.5}, "whole number"),
        ({"silent_days": 729}, "activity window"),
        ({"n_visits": 5000}, "at most 100"),
        ({"n_opened": 400}, "opened e-mails"),
        ({"rating": 17.0}, "ratings here go from"),
        ({"silent_days": float("nan")}, "whole number"),
        ({"order_amount": 10.0}, "without an order"),
        ({"orders_now": True, "order_amount": -3.0}, "impossible"),
    ],
)
def test_impossible_facts_are_refused_in_one_sentence(
    trained_shop: Warehouse, asked: Subject, facts: dict[str, object], words: str
) -> None:
    with pytest.raises(InputError, match=words) as refused:
        ask(trained_shop, asked, **facts)
    assert str(refused.value).rstrip(".").count(". ") == 0


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"n_orders": -1.0}, "cannot be negative"),
        ({"n_order_days_90": 1.5}, "whole number"),
        ({"spend_share_90_of_180": 1.2}, "from 0 to 1"),
        ({"days_since_last_order": 5000.0}, "cannot lie before the first"),
        ({"n_order_days_30": 40.0}, "shorter time lies within the longer"),
        ({"n_orders": 1.0}, "every day needs an order"),
        ({"n_visits_30": 4000.0}, "shorter time lies within the longer"),
        ({"n_order_days_90": float("inf")}, "finite"),
        ({"n_order_days": None}, "known of everybody"),
        ({"days_since_last_order": None}, "known of everybody"),
        ({"days_since_last_visit": 1e6}, "more than a hundred years"),
        ({"days_since_last_return": 3.0, "n_returns_180": 0.0}, "last 180 days cannot be without one"),
        ({"n_visits_30": 900.0, "n_visits_90": 900.0}, "part of the others"),
        ({"mean_gap_days": 0.0}, "at least a day apart"),
        ({"longest_gap_days": 2000.0}, "whole history"),
        ({"gap_spread_days": 9000.0}, "do not differ by more"),
        ({"largest_order_amount": 0.01}, "above the largest"),
        ({"n_orders": 900.0, "n_order_days": 900.0}, "from the first order to the last"),
    ],
)
def test_impossible_numbers_are_refused_in_one_sentence(
    trained_shop: Warehouse, asked: Subject, values: dict[str, float | None], words: str
) -> None:
    with pytest.raises(InputError, match=words) as refused:
        give(trained_shop, asked, **values)
    assert str(refused.value).rstrip(".").count(". ") == 0


def test_no_recorded_customer_is_called_impossible(trained_shop: Warehouse, asked: Subject) -> None:
    rows = trained_shop.rows("SELECT customer_id, feature_values FROM contributions")
    assert len(rows) > 500
    for customer_id, recorded in rows:
        pairs = zip(asked.run.feature_names, recorded, strict=True)
        values = {name: None if number is None or np.isnan(number) else float(number) for name, number in pairs}
        assert list(contradictions(values)) == [], customer_id


def test_spend_without_an_order_and_a_last_order_outside_of_its_window_are_refused(
    trained_shop: Warehouse, asked: Subject
) -> None:
    recency = value(asked, trained_shop, "days_since_last_order")
    windows = [days for days in (7, 30, 90, 180, 365) if days < recency]
    assert windows, "the customer has been silent for more than a week"
    days = windows[-1]
    with pytest.raises(InputError, match="cannot hold one"):
        give(trained_shop, asked, **{f"n_order_days_{days}": 1.0})
    wider = max(spend for spend in (7, 30) if spend < recency)
    longer = value(asked, trained_shop, "spend_amount_90")
    if longer > 0:
        with pytest.raises(InputError, match="no order in the last"):
            give(trained_shop, asked, **{f"spend_amount_{wider}": min(longer, 1.0)})


def test_what_is_calculated_from_a_moved_number_follows(trained_shop: Warehouse, asked: Subject) -> None:
    gap, spread = (value(asked, trained_shop, name) for name in ("mean_gap_days", "gap_spread_days"))
    result = give(trained_shop, asked, gap_spread_days=spread + 1)
    after = {change.name: change for change in result.changes}
    assert after["gap_spread_days"].is_given
    assert after["gap_variation_ratio"].after == pytest.approx((spread + 1) / gap, rel=1e-5)
    assert not after["gap_variation_ratio"].is_given
    assert result.held == ()
    held = give(trained_shop, asked, gap_variation_ratio=0.5)
    assert held.held == ("gap_variation_ratio",)


def test_recalculating_with_the_recorded_numbers_changes_nothing(trained_shop: Warehouse, asked: Subject) -> None:
    frame = inputs(trained_shop, asked)
    recorded = {name: float(frame[name].iloc[0]) for name in ("days_since_last_order", "mean_gap_days", "n_order_days")}
    assert asked.run.as_of is not None
    assert asked.definition is not None
    found = recalculated(trained_shop, asked.run.as_of, asked.definition, asked.customer_id, recorded)
    expected = {name for given in recorded for name in following(given)}
    assert expected == found.keys()
    known = {name: made for name, made in found.items() if name in frame.columns}
    assert len(known) > 5
    for name, made in known.items():
        number = np.nan if made is None else made
        assert number == pytest.approx(float(frame[name].iloc[0]), rel=1e-5, nan_ok=True), name


def test_several_values_move_at_once(trained_shop: Warehouse, asked: Subject) -> None:
    spread = value(asked, trained_shop, "gap_spread_days")
    both = give(trained_shop, asked, gap_spread_days=spread + 1, n_returns=50.0, n_ratings=40.0)
    given = {change.name for change in both.changes if change.is_given}
    assert {"gap_spread_days", "n_ratings"} <= given


def test_values_outside_of_anything_seen_are_answered_with_a_warning(trained_shop: Warehouse, asked: Subject) -> None:
    largest = value(asked, trained_shop, "largest_order_amount")
    near = give(trained_shop, asked, largest_order_amount=largest + 0.01)
    assert not any("Largest order" in words for words in near.unheard_of)
    far = give(trained_shop, asked, largest_order_amount=2_000_000.0)
    assert any(words.startswith("Largest order would be 2.00m; among the") for words in far.unheard_of)


def test_a_value_is_only_outside_when_a_reader_can_see_it() -> None:
    def seen(high: float) -> dict[str, Seen]:
        return {
            name: Seen(low=0.0, high=high, is_whole=False, has_missing=False)
            for name in ("last_gap_ratio", "mean_gap_days")
        }

    def told(name: str, value: float, high: float) -> list[str]:
        return unheard_of({name: value}, [name], seen(high), 500)

    assert told("last_gap_ratio", 6.527, 6.49) == []
    assert told("last_gap_ratio", 6.527, 4.0) == [
        "Last gap over mean gap would be 6.5; among the 500 customers of this scoring it goes from 0.0 to 4.0."
    ]
    assert told("mean_gap_days", 50.2, 50.0) == []
    assert told("mean_gap_days", 71.4, 50.0) == [
        "Mean gap would be 71 days; among the 500 customers of this scoring it goes from 0 days to 50 days."
    ]


def test_unknown_inputs_and_customers_are_named(trained_shop: Warehouse, asked: Subject, warehouse: Warehouse) -> None:
    with pytest.raises(NotFound, match="did you mean 'n_orders'"):
        give(trained_shop, asked, n_order=3.0)
    with pytest.raises(InputError, match="holds numbers"):
        give(trained_shop, asked, n_orders="many")
    with pytest.raises(NotFound, match="was not scored"):
        subject(trained_shop, "nobody")
    with pytest.raises(NotEnoughData, match="train a model"):
        subject(warehouse, "nobody")


def test_other_data_than_the_scored_is_refused(trained_copy: Warehouse) -> None:
    of = subject(trained_copy, ids(trained_copy)[0])
    assert of.run.as_of is not None
    plant_orders(trained_copy, 1, of.run.as_of - timedelta(days=2))
    with trained_copy.transaction() as tx:
        tx.execute("UPDATE orders SET customer_id = $id WHERE customer_id = 'planted0'", {"id": of.customer_id})
        refresh_derived(tx)
    with pytest.raises(InputError, match="score the customers again"):
        ask(trained_copy, of, orders_now=True)


def test_another_definition_than_the_scored_is_refused(trained_copy: Warehouse) -> None:
    customer_id = ids(trained_copy)[0]
    save_definition(trained_copy, ChurnDefinition(horizon_days=30, activity_days=365))
    assert active_definition(trained_copy) is not None
    with pytest.raises(InputError, match="definition has changed"):
        subject(trained_copy, customer_id)


def test_every_row_of_a_labelled_table_is_answered_as_it_was_scored(trained_table: Warehouse) -> None:
    customers = [row[0] for row in trained_table.rows("SELECT customer_id FROM scores ORDER BY customer_id LIMIT 50")]
    model = subject(trained_table, customers[0]).model
    for customer_id in customers:
        of = subject(trained_table, customer_id, model=model)
        assert float(model.contributions(inputs(trained_table, of)).total()[0]) == pytest.approx(of.log_odds, abs=1e-6)


def test_columns_of_a_labelled_table_move_numbers_and_texts(trained_table: Warehouse) -> None:
    row = trained_table.value(
        "SELECT customer_id FROM snapshots WHERE attributes->>'plan' = 'monthly' ORDER BY 1 LIMIT 1"
    )
    of = subject(trained_table, row)
    assert text_levels(trained_table, of, "plan") == ("monthly", "yearly")
    assert text_levels(trained_table, of, "tenure") is None
    yearly = give(trained_table, of, plan="yearly")
    assert yearly.risk_after < yearly.risk_before
    assert [change.name for change in yearly.changes if change.before != change.after] == ["plan"]
    assert give(trained_table, of, plan="yearly", calls=0.0, tenure=60.0).risk_after < yearly.risk_after


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"calls": 1.5}, "whole numbers only"),
        ({"calls": -1.0}, "never negative"),
        ({"plan": "weekly"}, "'weekly' not found"),
        ({"tenure": "long"}, "holds numbers"),
    ],
)
def test_impossible_columns_are_refused(trained_table: Warehouse, values: dict[str, float | str], words: str) -> None:
    of = subject(trained_table, trained_table.value("SELECT min(customer_id) FROM scores"))
    with pytest.raises((InputError, NotFound), match=words):
        give(trained_table, of, **values)


def test_facts_are_not_supposed_of_a_labelled_table(trained_table: Warehouse) -> None:
    of = subject(trained_table, trained_table.value("SELECT min(customer_id) FROM scores"))
    with pytest.raises(InputError, match="move values of its columns"):
        ask(trained_table, of, orders_now=True)


def test_seen_values_are_those_of_the_run(trained_shop: Warehouse) -> None:
    run = latest_run(trained_shop)
    assert run is not None
    seen = seen_values(trained_shop, run)
    for name in ("days_since_last_order", "mean_gap_days", "n_orders"):
        place = run.feature_names.index(name) + 1
        low, high, n_missing = trained_shop.rows(
            "SELECT min(v), max(v), count(*) - count(v) FROM (SELECT feature_values[$place] AS v FROM contributions)",
            {"place": place},
        )[0]
        assert (seen[name].low, seen[name].high, seen[name].has_missing) == (low, high, n_missing > 0)
    assert seen["n_orders"].is_whole
    assert not seen["mean_gap_days"].is_whole


def test_a_stray_text_among_numbers_is_read_as_in_scoring(trained_table: Warehouse, tmp_path: Path) -> None:
    trained_table.checkpoint()
    copy = Warehouse.open(shutil.copy(str(trained_table.path), tmp_path / "stray.duckdb"))
    stray = copy.value("SELECT min(customer_id) FROM scores")
    with copy.transaction() as tx:
        tx.execute(
            'UPDATE snapshots SET attributes = json_merge_patch(attributes, \'{"fee": "unclear"}\') '
            "WHERE customer_id = $id",
            {"id": stray},
        )
    score_customers(copy, high_from=0.6, medium_from=0.3)
    of = subject(copy, stray)
    assert np.isnan(inputs(copy, of)["fee"].iloc[0])
    assert what_if(copy, of, Supposition()).risk_after == of.risk
    copy.close()


def test_sampled_contributions_are_called_so_with_their_error(asked: Subject) -> None:
    assert sampled_words(asked.run) == ""
    summary = {**asked.run.summary, "standard_error": {"n_orders": 0.031, "spend_amount": 0.012}}
    words = sampled_words(replace(asked.run, summary=summary))
    assert "standard error of up to 0.031 log-odds (Orders)" in words
