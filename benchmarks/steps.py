"""The measured steps, one process each: ``python -m benchmarks.steps STEP --customers N`` prints one line of JSON.

A step measures only what it is named after; what it needs beforehand is made outside the clock.
"""

from __future__ import annotations

import argparse
import gc
import json
import resource
import shutil
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks.build_shop import DEFINITION, ShopFiles, build_shop, known_until, shop_files
from churn_core.warehouse import Warehouse

CUTOFF = known_until() - timedelta(days=DEFINITION.span_days)

PLAIN = (
    "SELECT sum(n), sum(total), max(last) FROM (SELECT customer_id, count(*) AS n, sum(amount) AS total, "
    "max(order_time) AS last FROM orders WHERE order_time < $until GROUP BY customer_id)",
    "SELECT sum(n), max(last) FROM (SELECT customer_id, count(*) AS n, max(event_time) AS last "
    "FROM events WHERE event_time < $until GROUP BY customer_id)",
)


def timed(work: Callable[[], Any], *, n_times: int = 1) -> tuple[float, Any]:
    """Seconds of the fastest of so many runs, and the result of the last."""
    seconds, result = float("inf"), None
    for _ in range(n_times):
        result = None
        gc.collect()
        began = time.perf_counter()
        result = work()
        seconds = min(seconds, time.perf_counter() - began)
    return seconds, result


def scored_workspace(files: ShopFiles) -> Path:
    """The copy of the workspace that training and scoring write to."""
    return files.workspace.with_name(f"{files.workspace.stem}_scored.duckdb")


def plain(files: ShopFiles) -> dict[str, Any]:
    """count, sum and max by customer over the same tables."""
    warehouse = Warehouse.open(files.workspace)
    seconds, _ = timed(lambda: [warehouse.rows(sql, {"until": CUTOFF}) for sql in PLAIN], n_times=3)
    return {"seconds": seconds}


def features(files: ShopFiles) -> dict[str, Any]:
    """All features of all past buyers at one cutoff."""
    from churn_core.features.build import build_features

    warehouse = Warehouse.open(files.workspace)
    seconds, table = timed(lambda: build_features(warehouse, CUTOFF, DEFINITION), n_times=3)
    return {"seconds": seconds, "n_rows": len(table), "n_columns": table.shape[1]}


def pandas(files: ShopFiles) -> dict[str, Any]:
    """The same features in pandas from frames in memory, compared with ours."""
    from benchmarks.pandas_features import largest_difference, pandas_features
    from churn_core.features.build import build_features
    from churn_core.features.usual_gap import shrinkage

    warehouse = Warehouse.open(files.workspace)
    orders = warehouse.frame(
        "SELECT customer_id, order_time, CAST(amount AS DOUBLE) AS amount, n_items, "
        "CAST(discount_amount AS DOUBLE) AS discount_amount, channel, gap_days, is_new_day FROM orders"
    )
    events = warehouse.frame(
        "SELECT customer_id, event_time, kind FROM events WHERE event_time >= $since",
        {"since": CUTOFF - timedelta(days=366)},
    )
    orders["channel"], events["kind"] = orders["channel"].astype("category"), events["kind"].astype("category")
    leaning = shrinkage(warehouse, CUTOFF)
    seconds, theirs = timed(lambda: pandas_features(orders, events, CUTOFF, leaning))
    peak = peak_gb()
    difference = largest_difference(build_features(warehouse, CUTOFF, DEFINITION), theirs)
    return {"seconds": seconds, "peak_gb": peak, "largest_difference": difference}


def import_orders(files: ShopFiles) -> dict[str, Any]:
    """Import of the order file into a new workspace."""
    from churn_core.intake.formats import open_source
    from churn_core.intake.load import import_file
    from churn_core.intake.mapping import propose_mapping

    path = files.workspace.with_name("imported.duckdb")
    for stale in path.parent.glob(f"{path.name}*"):
        stale.unlink()
    warehouse = Warehouse.open(path)

    def work() -> Any:
        source = open_source(files.order_file)
        return import_file(warehouse, source, propose_mapping(source).mapping)

    seconds, result = timed(work)
    return {"seconds": seconds, "n_rows": result.n_added}


def train(files: ShopFiles) -> dict[str, Any]:
    """Training: features of past cutoffs, backtest, choice, refit."""
    from churn_core.models.training import train_model

    path = scored_workspace(files)
    for stale in path.parent.glob(f"{path.name}*"):
        stale.unlink()
    shutil.copy(files.workspace, path)
    warehouse = Warehouse.open(path)
    seconds, version = timed(lambda: train_model(warehouse))
    warehouse.checkpoint()
    return {"seconds": seconds, "estimator": version.estimator}


def score(files: ShopFiles) -> dict[str, Any]:
    """Scoring with reasons of every eligible customer."""
    from churn_core.customers.tiers import score_workspace

    warehouse = Warehouse.open(scored_workspace(files))
    seconds, run = timed(lambda: score_workspace(warehouse))
    warehouse.checkpoint()
    return {"seconds": seconds, "n_rows": run.n_customers}


def open_at_risk(files: ShopFiles) -> dict[str, Any]:
    """A page of At risk with its totals, and Today, warm: the slower of the two."""
    from churn_core.customers.at_risk import count_and_totals, page
    from churn_core.customers.selection import CustomerFilter
    from churn_core.customers.today import today

    warehouse = Warehouse.open(scored_workspace(files))
    chosen = CustomerFilter()

    def at_risk() -> None:
        count_and_totals(warehouse, chosen)
        page(warehouse, chosen, offset=0, limit=50)

    at_risk_seconds, _ = timed(at_risk, n_times=3)
    today_seconds, _ = timed(lambda: today(warehouse), n_times=3)
    return {
        "seconds": max(at_risk_seconds, today_seconds),
        "at_risk_seconds": at_risk_seconds,
        "today_seconds": today_seconds,
    }


def export(files: ShopFiles) -> dict[str, Any]:
    """Every scored customer as a spreadsheet-safe CSV."""
    from churn_core.customers.selection import CustomerFilter
    from churn_core.customers.targets import write_targets

    warehouse = Warehouse.open(scored_workspace(files))
    target = warehouse.file("targets.csv")
    target.unlink(missing_ok=True)
    seconds, written = timed(lambda: write_targets(warehouse, CustomerFilter(), target))
    return {"seconds": seconds, "n_rows": written.n_rows}


def cutoffs(files: ShopFiles) -> dict[str, Any]:
    """Moving the slider of Cut-offs: both scenarios and their figures; and counting the run once before."""
    from churn_core.customers.cutoffs import best_cutoff, outcome
    from churn_core.customers.risk_counts import risk_counts
    from churn_core.customers.scenario import Scenario
    from churn_core.figures.cutoffs import cutoff_figure, profit_figure

    warehouse = Warehouse.open(scored_workspace(files))
    prepare_seconds, counts = timed(lambda: risk_counts(warehouse), n_times=3)
    scenarios = {
        "A": Scenario(contact_cost=4, offer_cost=10, chance=0.15, per_day=40),
        "B": Scenario(contact_cost=0.1, offer_cost=5, chance=0.05),
    }

    def move() -> None:
        outcomes = {name: outcome(counts, scenario, 0.62) for name, scenario in scenarios.items()}
        for scenario in scenarios.values():
            best_cutoff(counts, scenario, within_capacity=True)
        cutoff_figure(counts, outcomes).to_json()
        figure = profit_figure(counts, scenarios, {"A": 0.62, "B": 0.4})
        assert figure is not None
        figure.to_json()

    seconds, _ = timed(move, n_times=3)
    return {"seconds": seconds, "prepare_seconds": prepare_seconds, "n_rows": counts.n_customers}


def drivers(files: ShopFiles) -> dict[str, Any]:
    """The Drivers page of everybody, and the same of 100,000 customers."""
    warehouse = Warehouse.open(scored_workspace(files))
    seconds, _ = timed(lambda: _drivers_page(warehouse))
    peak = peak_gb()
    few = _part_of_run(warehouse, 100_000)
    few_seconds, _ = timed(lambda: _drivers_page(few), n_times=3)
    return {"seconds": seconds, "peak_gb": peak, "seconds_of_100_000": few_seconds}


def _drivers_page(warehouse: Warehouse) -> None:
    from churn_core.customers.dependence import dependence
    from churn_core.customers.drivers import drivers, sample
    from churn_core.customers.selection import CustomerFilter
    from churn_core.figures.dependence import dependence_figure
    from churn_core.figures.drivers import difference_figure, importance_figure, swarm_figure

    found, drawn = drivers(warehouse), sample(warehouse)
    depends = dependence(warehouse, found.features[0].name)
    compared = drivers(warehouse, CustomerFilter(tiers=("high",)))
    for figure in (
        importance_figure(found),
        swarm_figure(found, drawn),
        dependence_figure(depends, drawn),
        difference_figure(compared),
    ):
        figure.to_json()


def _part_of_run(warehouse: Warehouse, n_customers: int) -> Warehouse:
    """The newest run of the first customers alone, in memory."""
    import pyarrow as pa

    part = Warehouse.open(None)
    newest = "run_id = (SELECT max(run_id) FROM score_runs)"
    first = f"{newest} AND customer_id IN (SELECT customer_id FROM scores WHERE {newest} ORDER BY 1 LIMIT $n)"
    with part.transaction() as tx:
        for table, condition in (("score_runs", newest), ("scores", first), ("contributions", first)):
            for batch in warehouse.arrow_batches(f"SELECT * FROM {table} WHERE {condition}", {"n": n_customers}):
                tx.append_arrow(table, pa.Table.from_batches([batch]))
    return part


STEPS: dict[str, Callable[[ShopFiles], dict[str, Any]]] = {
    "import": import_orders,
    "plain": plain,
    "features": features,
    "pandas": pandas,
    "train": train,
    "score": score,
    "open": open_at_risk,
    "cutoffs": cutoffs,
    "drivers": drivers,
    "export": export,
}


def peak_gb() -> float:
    """The most memory this process ever held, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure one step.")
    parser.add_argument("step", choices=STEPS)
    parser.add_argument("--customers", type=int, default=1_000_000)
    chosen = parser.parse_args()
    if not shop_files(chosen.customers).order_file.exists():
        build_shop(chosen.customers)
    measured = STEPS[chosen.step](shop_files(chosen.customers))
    print(json.dumps({"peak_gb": peak_gb(), "cpu_seconds": time.process_time()} | measured))


if __name__ == "__main__":
    main()
