"""A profile tells what the tables hold about one customer, bounded and explained."""

from __future__ import annotations

from datetime import datetime, timedelta

import pandas as pd
import pytest

from churn_core.customers.history import N_ENTRIES_MOST
from churn_core.customers.profile import customer_profile
from churn_core.customers.search import is_customer, n_found, search_customers
from churn_core.customers.tiers import save_policy
from churn_core.errors import NotFound
from churn_core.warehouse import Warehouse

from .conftest import AS_OF, add_customers, add_orders, add_run


def test_the_contributions_of_a_profile_sum_to_the_log_odds(shop: Warehouse) -> None:
    score = customer_profile(shop, "C003").score
    assert score is not None
    total = score.run.base_log_odds + sum(part.contribution for part in score.contributions)
    assert total == pytest.approx(score.log_odds, abs=1e-6)
    sizes = [abs(part.contribution) for part in score.contributions]
    assert sizes == sorted(sizes, reverse=True)


def test_a_contribution_has_the_words_of_the_registry_and_the_usual_range(shop: Warehouse) -> None:
    score = customer_profile(shop, "C003").score
    assert score is not None
    parts = {part.name: part for part in score.contributions}
    recency = parts["days_since_last_order"]
    assert (recency.label, recency.unit, recency.group) == ("Days since last order", "days", "recency")
    assert (recency.value, recency.usual_low, recency.usual_high) == (18.0, 10, 40)
    assert parts["n_tickets_90"].value is None, "a value that is not a number is unknown, not zero"


def test_an_attribute_contributes_under_its_own_name_and_value(warehouse: Warehouse) -> None:
    frame = pd.DataFrame({"customer_id": ["1"], "churned": [True], "attributes": ['{"days_left": "many", "x": null}']})
    with warehouse.transaction() as tx:
        tx.append("snapshots", frame)
    add_run(warehouse, {"1": 0.8}, source="snapshots", as_of=None)
    with warehouse.transaction() as tx:
        tx.execute("UPDATE score_runs SET feature_names = ['days_left', 'attribute:x', 'n_tickets_90']")
        tx.execute("UPDATE contributions SET feature_values = [NULL, NULL, 2]")
    profile = customer_profile(warehouse, "1")
    assert profile.attributes == (("days_left", "many"),)
    assert profile.score is not None
    parts = {part.name: part for part in profile.score.contributions}
    assert (parts["days_left"].label, parts["days_left"].text, parts["days_left"].value) == ("days left", "many", None)
    assert (parts["attribute:x"].label, parts["attribute:x"].text) == ("x", None)


def test_rank_counts_customers_with_more_value_at_risk(warehouse: Warehouse) -> None:
    add_run(warehouse, {"a": 0.5, "b": 0.5, "c": 0.9, "d": 0.1}, values={"a": 10, "b": 10, "c": 100, "d": None})
    ranks = {c: customer_profile(warehouse, c).score.rank for c in "abcd"}  # type: ignore[union-attr]
    assert (ranks["c"], ranks["a"], ranks["b"]) == (1, 2, 3)


def test_history_holds_every_scoring_by_the_active_thresholds(warehouse: Warehouse) -> None:
    for risk in (0.2, 0.5, 0.8):
        add_run(warehouse, {"a": risk, "b": 0.4})
    save_policy(warehouse, high_from=0.45, medium_from=0.3)
    history = customer_profile(warehouse, "a").history
    assert [past.risk for past in history] == [0.2, 0.5, 0.8]
    assert [past.tier for past in history] == ["low", "high", "high"]


def test_the_timeline_is_newest_first_from_all_tables(warehouse: Warehouse) -> None:
    add_orders(warehouse, {"a": [5, 40]})
    at = AS_OF - timedelta(days=10)
    rows: dict[str, dict[str, object]] = {
        "returns": {"return_time": at, "amount": 7.5},
        "events": {"event_time": at, "kind": "cart"},
        "feedback": {"feedback_time": at, "rating": 2.0, "text": "x" * 500},
        "tickets": {"opened_at": at, "topic": "delivery"},
        "contacts": {"contact_time": at, "kind": "opened", "channel": "email"},
    }
    with warehouse.transaction() as tx:
        for table, row in rows.items():
            tx.append(table, pd.DataFrame([{"customer_id": "a"} | row]))
    profile = customer_profile(warehouse, "a")
    assert [entry.at for entry in profile.timeline] == sorted((e.at for e in profile.timeline), reverse=True)
    words = {entry.source: entry.what for entry in profile.timeline}
    assert set(words) == {"order", "return", "visit", "feedback", "ticket", "message"}
    assert words["ticket"] == "delivery: no answer yet"
    assert words["message"] == "email opened"
    assert words["feedback"].startswith("rated 2: xxx")
    assert len(words["feedback"]) < 200
    assert profile.n_left_off == 0
    assert profile.purchases is not None
    assert (profile.purchases.n_orders, profile.purchases.spend_amount) == (2, 40.0)
    assert (profile.purchases.n_returns, profile.purchases.returned_amount) == (1, 7.5)


def test_a_long_timeline_is_bounded_and_says_so(warehouse: Warehouse) -> None:
    n = N_ENTRIES_MOST + 25
    times = [datetime(2026, 1, 1) + timedelta(hours=nr) for nr in range(n)]
    with warehouse.transaction() as tx:
        tx.append("events", pd.DataFrame({"customer_id": "a", "event_time": times, "kind": "view"}))
        tx.append("customers", pd.DataFrame({"customer_id": ["a"]}))
    profile = customer_profile(warehouse, "a")
    assert (len(profile.timeline), profile.n_left_off) == (N_ENTRIES_MOST, 25)
    assert profile.timeline[0].at == times[-1]


def test_a_customer_without_a_score_says_why(warehouse: Warehouse) -> None:
    add_orders(warehouse, {"a": [700]})
    assert "train a model" in customer_profile(warehouse, "a").not_scored
    add_run(warehouse, {"b": 0.4})
    profile = customer_profile(warehouse, "a")
    assert profile.score is None
    assert "not eligible" in profile.not_scored
    assert customer_profile(warehouse, "b").not_scored == ""


def test_an_unknown_customer_is_not_found(shop: Warehouse, hostile: tuple[str, ...]) -> None:
    for text in hostile:
        with pytest.raises(NotFound, match="no customer"):
            customer_profile(shop, text)


def test_search_finds_exact_ids_first_then_the_most_money(warehouse: Warehouse) -> None:
    add_customers(
        warehouse, [{"customer_id": "77", "name": "Eve 12"}, {"customer_id": "5", "email": "x12@example.org"}]
    )
    add_orders(warehouse, {"12": [3], "312": [3], "120": [5]})
    add_run(warehouse, {"12": 0.1, "312": 0.9, "77": 0.5, "5": 0.4})
    assert [match.customer_id for match in search_customers(warehouse, "12")] == ["12", "120", "312", "77", "5"]
    assert [match.customer_id for match in search_customers(warehouse, "")][:2] == ["312", "77"]
    assert len(search_customers(warehouse, "", limit=2)) == 2
    assert n_found(warehouse, " 12") == 5, "all of them, however many are listed"
    assert is_customer(warehouse, "120")
    assert not is_customer(warehouse, "1")


def test_search_takes_hostile_text_as_text(warehouse: Warehouse, hostile: tuple[str, ...]) -> None:
    add_customers(warehouse, [{"customer_id": text} for text in hostile])
    for text in hostile:
        assert [match.customer_id for match in search_customers(warehouse, text)] == [text]
        assert is_customer(warehouse, text)
