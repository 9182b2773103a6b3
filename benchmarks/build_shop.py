"""Builds the shop that the benchmarks measure: a million customers, seven million orders, 35 million events.

Kept apart from the demo simulator: that one is about truth (known causes of churn), this one is about size, and it is
made with a few large numpy draws. Customers buy at a personal rate until they leave, so there is something to learn.
The result is a workspace file and an order file (CSV) in ``benchmarks/shops/`` (or ``$CHURN_BENCHMARK_WORK``).

    python -m benchmarks.build_shop [--customers N] [--again]
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from churn_core.intake.derived import refresh_derived
from churn_core.timeline import ChurnDefinition
from churn_core.warehouse import Warehouse, utc_now

WORK = Path(os.environ.get("CHURN_BENCHMARK_WORK", Path(__file__).resolve().parent / "shops"))
START = datetime(2023, 1, 1)
N_DAYS = 1095
SECONDS_A_DAY = 86_400
N_ROWS_AT_ONCE = 2_000_000
KINDS = ("visit", "view", "cart", "search")
CHANNELS = ("web", "app", "shop")
DEFINITION = ChurnDefinition(horizon_days=90, activity_days=None, version=1)


@dataclass(frozen=True, kw_only=True)
class ShopFiles:
    """Where a benchmark shop of one size lives."""

    workspace: Path
    """The workspace file."""
    order_file: Path
    """The same orders as a CSV file, for the import benchmark."""


def shop_files(n_customers: int) -> ShopFiles:
    """Paths of the shop of that size, whether it was built or not."""
    stem = f"shop_{n_customers}"
    return ShopFiles(workspace=WORK / f"{stem}.duckdb", order_file=WORK / f"{stem}.files" / "orders.csv")


def build_shop(n_customers: int, *, again: bool = False, seed: int = 20_260) -> ShopFiles:
    """Build the shop unless it is there; seven orders and 35 events per customer on average."""
    files = shop_files(n_customers)
    if files.order_file.exists() and not again:
        return files
    WORK.mkdir(parents=True, exist_ok=True)
    for stale in WORK.glob(f"{files.workspace.name}*"):
        stale.unlink()
    rng = np.random.default_rng(seed)
    names = pa.array(np.char.add("C", np.char.zfill(np.arange(n_customers).astype(str), 7)))
    first = rng.integers(0, (N_DAYS - 30) * SECONDS_A_DAY, n_customers)
    stay = rng.exponential(400 * SECONDS_A_DAY, n_customers)
    last = np.minimum(first + stay, N_DAYS * SECONDS_A_DAY - 1).astype(np.int64)
    weight = rng.gamma(0.8, 1.0, n_customers) * (last - first + SECONDS_A_DAY)
    weight /= weight.sum()
    warehouse = Warehouse.open(files.workspace)
    with warehouse.transaction() as tx:
        _write_orders(tx, rng, names, first, last, weight)
        _write_events(tx, rng, names, first, last, weight)
        tx.execute(
            "INSERT INTO churn_definitions VALUES (1, $horizon, NULL, 0, $now)",
            {"horizon": DEFINITION.horizon_days, "now": utc_now()},
        )
        tx.save_setting("currency", "GBP")
        tx.bump_data_version()
    warehouse.checkpoint()
    warehouse.write_file(
        "SELECT customer_id, order_id, order_time, amount, n_items AS items FROM orders ORDER BY order_time, order_id",
        None,
        files.order_file,
        options="FORMAT csv, HEADER",
    )
    warehouse.close()
    return files


def _write_orders(tx, rng, names, first, last, weight) -> None:  # type: ignore[no-untyped-def]
    n_customers = len(first)
    customer = np.repeat(np.arange(n_customers, dtype=np.int32), 1 + rng.multinomial(6 * n_customers, weight))
    second = first[customer] + (rng.random(len(customer)) * (last - first)[customer]).astype(np.int64)
    is_first = np.diff(customer, prepend=-1) > 0
    second[is_first] = first[customer[is_first]]
    amount = np.round(np.exp(rng.normal(3.5, 0.7, len(customer))), 2)
    discount = np.where(rng.random(len(customer)) < 0.2, np.round(amount * 0.1, 2), 0.0)
    by_time = np.argsort(second, kind="stable")
    columns = {
        "customer": customer, "second": second, "amount": amount, "discount": discount,
        "items": rng.integers(1, 9, len(customer)).astype(float),
        "channel": rng.integers(0, len(CHANNELS), len(customer)),
    }  # fmt: skip
    for start in range(0, len(by_time), N_ROWS_AT_ONCE):
        rows = by_time[start : start + N_ROWS_AT_ONCE]
        part = {name: column[rows] for name, column in columns.items()}
        tx.append(
            "orders",
            pa.table(
                {
                    "customer_id": names.take(pa.array(part["customer"])),
                    "order_id": np.char.add("A", np.arange(start, start + len(rows)).astype(str)),
                    "order_time": _times(part["second"]),
                    "amount": part["amount"],
                    "n_items": part["items"],
                    "discount_amount": part["discount"],
                    "channel": pa.array(CHANNELS).take(pa.array(part["channel"])),
                }
            ),
        )
    refresh_derived(tx)


def _write_events(tx, rng, names, first, last, weight) -> None:  # type: ignore[no-untyped-def]
    n_customers = len(first)
    customer = np.repeat(np.arange(n_customers, dtype=np.int32), rng.multinomial(35 * n_customers, weight))
    second = first[customer] + (rng.random(len(customer)) * (last - first)[customer]).astype(np.int64)
    second = second.astype(np.int32)
    by_time = np.argsort(second, kind="stable")
    for start in range(0, len(by_time), N_ROWS_AT_ONCE):
        rows = by_time[start : start + N_ROWS_AT_ONCE]
        kind = np.searchsorted([0.4, 0.85, 0.95], rng.random(len(rows)))
        tx.append(
            "events",
            pa.table(
                {
                    "customer_id": names.take(pa.array(customer[rows])),
                    "event_id": np.char.add("e", np.arange(start, start + len(rows)).astype(str)),
                    "event_time": _times(second[rows]),
                    "kind": pa.array(KINDS).take(pa.array(kind)),
                }
            ),
        )


def _times(second: np.ndarray) -> np.ndarray:
    return np.datetime64(START, "s") + second.astype("timedelta64[s]")


def known_until() -> datetime:
    """The instant up to which the shop's orders are complete."""
    return START + timedelta(days=N_DAYS)


def main() -> None:
    parser = argparse.ArgumentParser(description="Build the shop that the benchmarks measure.")
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--again", action="store_true", help="build it even when it is there")
    chosen = parser.parse_args()
    began = time.perf_counter()
    files = build_shop(chosen.customers, again=chosen.again)
    print(f"{files.workspace} and {files.order_file} in {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
