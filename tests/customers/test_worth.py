"""What customers are worth: stored whole, the same on every way out, and where the value at risk is."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from churn_core.customers import worth, worth_export, worth_stake, worth_view
from churn_core.customers.at_risk import count_and_totals
from churn_core.customers.selection import CustomerFilter, described
from churn_core.customers.worth import WorthPlan
from churn_core.errors import ChurnError, InputError, NotEnoughData, NotFound
from churn_core.features.definition import known_until
from churn_core.models import worth as worth_model
from churn_core.models import worth_trees
from churn_core.models.bgnbd import BgNbdParameters
from churn_core.models.worth_level import Level
from churn_core.models.worth_rhythm import WorthRhythm
from churn_core.settings import Settings, save_settings
from churn_core.warehouse import Warehouse
from tests.customers.conftest import add_run
from tests.models.conftest import fill_snapshots, members

PLAN = WorthPlan(horizon_days=60, lifetime_years=1.0, discount_rate=0.08)


@pytest.fixture(scope="module")
def valued_file(demo_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The simulated shop, valued once with few trees; closed."""
    path = tmp_path_factory.mktemp("valued") / "shop.duckdb"
    shutil.copy(demo_file, path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worth_trees, "N_TREES", 30)
        patch.setattr(worth_model, "N_PERIODS", 4)
        patch.setattr(worth_model, "N_ROUNDS", 2)
        warehouse = Warehouse.open(path)
        save_settings(warehouse, Settings(currency="EUR", margin_rate=0.4))
        worth.value_customers(warehouse, PLAN)
        warehouse.checkpoint()
        warehouse.close()
    return path


@pytest.fixture
def valued(valued_file: Path, tmp_path: Path) -> Iterator[Warehouse]:
    """A copy of the valued shop."""
    warehouse = Warehouse.open(shutil.copy(valued_file, tmp_path / "shop.duckdb"), folder=tmp_path / "files")
    yield warehouse
    warehouse.close()


def test_every_past_buyer_is_valued_and_the_totals_add_up(valued: Warehouse) -> None:
    run = worth_view.required_worth(valued)
    n, orders, spend, margin, lifetime = valued.rows(
        "SELECT count(*), sum(expected_orders), sum(expected_spend), sum(expected_margin), sum(lifetime_value) "
        "FROM worth"
    )[0]
    assert run.n_customers == n == valued.value("SELECT count(DISTINCT customer_id) FROM orders")
    assert run.total_orders == pytest.approx(orders)
    assert run.total_spend == pytest.approx(spend)
    assert run.total_margin == pytest.approx(0.4 * spend)
    assert margin == pytest.approx(0.4 * spend)
    assert run.total_lifetime == pytest.approx(lifetime)
    assert run.plan == PLAN
    assert worth.proposed_plan(valued) == PLAN
    assert run.as_of == known_until(valued)
    assert valued.value("SELECT min(expected_spend) FROM worth") >= 0


def test_the_hold_out_check_is_of_the_past_and_kept(valued: Warehouse) -> None:
    run = worth_view.required_worth(valued)
    assert run.hold_out is not None
    assert run.hold_out.cutoff == run.as_of - timedelta(days=60)
    assert run.hold_out.ratio == pytest.approx(1.0, abs=0.25)
    assert run.hold_out.decile_correlation is not None
    assert run.hold_out.decile_correlation > 0.9
    assert run.hold_out.mae < run.hold_out.mae_same
    if run.interval is not None:
        assert run.total_spend is not None
        assert run.interval[0] < run.total_spend < run.interval[1]


def test_dates_of_the_next_order_are_in_order_and_after_the_cutoff(valued: Warehouse) -> None:
    run = worth_view.required_worth(valued)
    wrong = valued.value(
        "SELECT count(*) FROM worth WHERE next_order_at < $as_of OR next_order_low > next_order_at "
        "OR next_order_at > next_order_high",
        {"as_of": run.as_of},
    )
    known = valued.value("SELECT count(next_order_at) FROM worth")
    assert wrong == 0
    assert 0 < known < run.n_customers


def test_later_money_is_discounted_and_fades(monkeypatch: pytest.MonkeyPatch) -> None:
    rhythm = WorthRhythm(orders=BgNbdParameters(r=1, alpha=1, a=1, b=1), amounts=None)
    halves = np.array([[0.5**number] for number in range(5)])
    monkeypatch.setattr(WorthRhythm, "fading", lambda *_: halves)
    model = worth_model.WorthModel(
        cutoff=datetime(2026, 1, 1), horizon_days=73, what="spend", method="tweedie", rhythm=rhythm, year_level=2.0,
        level=Level(ratio=1.0, rule="last_year", trust=1.0), order_level=Level(ratio=1.0, rule="none", trust=0.0),
    )  # fmt: skip
    plan = WorthPlan(horizon_days=73, lifetime_years=1.0, discount_rate=0.21)
    found = worth.lifetime_values(model, pd.DataFrame(index=["a"]), np.array([100.0]), plan, 0.5)
    at = [0.1, 0.3, 0.5, 0.7, 0.9]
    levels = [1.0, 2 * 0.5, 2 * 0.25, 2 * 0.125, 2 * 0.0625]
    by_hand = sum(50 * level / 1.21**year for level, year in zip(levels, at, strict=True))
    assert found[0] == pytest.approx(by_hand)


def test_valuing_again_keeps_one_list_and_the_history_of_runs(
    valued: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worth_trees, "N_TREES", 5)
    monkeypatch.setattr(worth_model, "N_PERIODS", 2)
    monkeypatch.setattr(worth_model, "N_ROUNDS", 1)
    n = worth_view.required_worth(valued).n_customers
    entries = valued.value("SELECT max(entry) FROM audit_log")
    assert worth.value_customers(valued, WorthPlan(horizon_days=30)) == 2
    assert valued.rows("SELECT DISTINCT worth_id FROM worth") == [(2,)]
    assert valued.value("SELECT count(*) FROM worth") == n
    assert valued.value("SELECT count(*) FROM worth_runs") == 2
    assert valued.rows("SELECT action FROM audit_log WHERE entry > $e", {"e": entries}) == [("worth",)]
    with pytest.raises(NotFound, match="valued again"):
        worth_view.required_worth(valued, worth_id=1)


@pytest.mark.parametrize("sort", worth_view.SORTS)
def test_pages_of_the_list_are_the_export_in_parts(valued: Warehouse, sort: str, tmp_path: Path) -> None:
    run = worth_view.required_worth(valued)
    export = worth_export.write_worth(valued, tmp_path, sort=sort, worth_id=run.worth_id)
    assert export.path.name == f"customer-values-run1-{run.n_customers}rows.csv"
    with export.path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == export.n_rows == run.n_customers
    shown = [worth_view.worth_page(valued, sort=sort, offset=start, limit=20) for start in (0, 20)]
    assert [str(customer) for frame in shown for customer in frame["customer_id"]] == [
        row["customer_id"] for row in rows[:40]
    ]
    assert float(rows[0]["expected_margin"]) == pytest.approx(shown[0]["expected_margin"].iloc[0], abs=0.005)
    assert valued.value("SELECT count(*) FROM exports WHERE sha256 = $s", {"s": export.sha256}) == 1


def test_hostile_ids_are_safe_in_the_file(valued: Warehouse, tmp_path: Path) -> None:
    with valued.transaction() as tx:
        tx.execute("UPDATE worth SET customer_id = '=cmd|1' WHERE customer_id = (SELECT min(customer_id) FROM worth)")
    export = worth_export.write_worth(valued, tmp_path / "values.csv", sort="customer_id")
    assert "'=cmd|1" in export.path.read_text(encoding="utf-8")
    with pytest.raises(NotFound, match="order 'margin' not found"):
        worth_export.write_worth(valued, tmp_path / "other.csv", sort="margin")
    assert not (tmp_path / "other.csv").exists()


def test_a_cell_of_the_matrix_means_the_customers_that_at_risk_shows() -> None:
    shop, draw = Warehouse.open(None), np.random.default_rng(6)
    risks = {f"c{number}": float(risk) for number, risk in enumerate(draw.uniform(0.01, 0.99, 400))}
    values: dict[str, float | None] = {customer: float(draw.lognormal(4, 1)) for customer in risks}
    values |= {"c0": None, "c1": 50.0, "c2": 0.0}
    add_run(shop, risks, values=values)
    stake = worth_stake.value_at_stake(shop)
    assert (stake.n_scored, stake.n_unknown) == (400, 1)
    assert sum(cell.n_customers for cell in stake.cells) == 399
    assert len(stake.bands) == 4
    for cell in stake.cells:
        listed = count_and_totals(shop, cell.filter)
        assert listed.n_customers == cell.n_customers
        if cell.n_customers:
            assert listed.value_at_risk == pytest.approx(cell.value_at_risk)
    assert stake.concentration is not None
    held = sorted((risks[name] * value for name, value in values.items() if value is not None), reverse=True)
    assert stake.concentration.total == pytest.approx(count_and_totals(shop, CustomerFilter()).value_at_risk)
    assert stake.concentration.total == pytest.approx(sum(held))
    exact = (sum(held[:79]) + 0.8 * held[79]) / sum(held)
    assert stake.concentration.top[0.2] == pytest.approx(exact)


def test_bands_of_value_are_words_of_a_filter() -> None:
    chosen = CustomerFilter(min_expected=160, below_expected=240)
    assert described(chosen) == "expected value from 160; expected value below 240"
    assert not chosen.is_everybody


def test_equal_values_make_one_band_and_no_value_at_risk_is_said() -> None:
    assert worth_stake.value_bands(np.full(50, 7.0)) == ((None, None),)
    assert worth_stake.value_bands(np.array([])) == ()
    assert worth_stake.concentration(np.zeros(5)) is None
    even = worth_stake.concentration(np.ones(1000))
    assert even is not None
    assert even.top == pytest.approx({0.01: 0.01, 0.05: 0.05, 0.2: 0.2})


def test_what_cannot_be_valued_is_said_in_one_sentence() -> None:
    empty = Warehouse.open(None)
    for sentence in (lambda: worth.value_customers(empty), lambda: worth_stake.value_at_stake(empty)):
        with pytest.raises(ChurnError) as told:
            sentence()
        assert str(told.value).endswith(".")
    fill_snapshots(empty, members(50))
    with pytest.raises(NotEnoughData, match="has no orders to foresee"):
        worth.value_customers(empty)
    for wrong in ({"horizon_days": 3}, {"lifetime_years": 9.0}, {"discount_rate": -0.1}):
        with pytest.raises(InputError, match="choose between"):
            WorthPlan(**wrong)  # type: ignore[arg-type]


def test_orders_without_amounts_are_counted_and_no_money_is_made_up(valued: Warehouse) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worth_trees, "N_TREES", 5)
        patch.setattr(worth_model, "N_PERIODS", 2)
        patch.setattr(worth_model, "N_ROUNDS", 1)
        with valued.transaction() as tx:
            tx.execute("UPDATE orders SET amount = NULL")
        worth.value_customers(valued, PLAN)
    run = worth_view.required_worth(valued)
    assert run.what == "orders"
    assert run.total_spend is None
    assert run.total_lifetime is None
    assert run.total_orders > 0
    assert any("with an amount above zero" in note for note in run.notes)
    assert list(worth_view.sorts_of(run)) == ["expected_orders", "next_order_at", "customer_id"]
    assert valued.rows("SELECT DISTINCT expected_spend FROM worth") == [(None,)]
    assert json.loads(valued.value("SELECT summary FROM worth_runs WHERE worth_id = 2"))["what"] == "orders"


def test_before_every_season_was_seen_no_lifetime_is_said(valued: Warehouse) -> None:
    known = timedelta(days=60 + 364)
    start = valued.value("SELECT min(order_time) FROM orders")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worth_trees, "N_TREES", 5)
        patch.setattr(worth_model, "N_PERIODS", 2)
        patch.setattr(worth_model, "N_ROUNDS", 1)
        worth.value_customers(valued, PLAN, as_of=start + known - timedelta(days=1))
        young = worth_view.required_worth(valued)
        listed = valued.rows("SELECT count(lifetime_value), count(expected_spend), count(typical_spend) FROM worth")[0]
        worth.value_customers(valued, PLAN, as_of=start + known + timedelta(days=1))
        grown = worth_view.required_worth(valued)
    assert (young.total_lifetime, young.lifetime_bounds, young.lifetime_checks) == (None, None, ())
    assert young.notes[-1] == f"{worth.NO_LIFETIME} It needs orders until {start + known:%-d %b %Y}."
    assert listed == (0, young.n_customers, young.n_customers)
    assert grown.total_lifetime is not None
    assert not any(worth.NO_LIFETIME in note for note in grown.notes)


def test_typical_amounts_add_up_to_less_and_most_are_nothing_where_most_stay_away(valued: Warehouse) -> None:
    typical, expected, n_nothing, n, least = valued.rows(
        "SELECT sum(typical_spend), sum(expected_spend), count(*) FILTER (WHERE typical_spend = 0), count(*), "
        "min(typical_spend) FROM worth"
    )[0]
    assert 0 < typical < expected
    assert n / 3 < n_nothing < n
    assert least == 0


def test_one_customer_is_told_as_the_list_tells_them(valued: Warehouse) -> None:
    listed = worth_view.worth_page(valued, limit=1).iloc[0]
    found = worth_view.worth_of(valued, str(listed["customer_id"]))
    assert found is not None
    for name in ("expected_orders", "expected_margin", "lifetime_value", "next_order_at"):
        assert found[name] == listed[name]
    assert worth_view.worth_of(valued, "nobody") is None
