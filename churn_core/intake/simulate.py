"""A whole simulated shop with known reasons for leaving: for the demo, the tests and the documentation.

A plan with its seed always gives the same shop. Customers are drawn in chunks with their own random streams,
so a million of them fit into little memory. What the shop could know goes to the warehouse; the truth - who left
when and why, who would answer an offer - only ever goes to a separate file.
"""

from __future__ import annotations

import ctypes
import json
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from churn_core.errors import InputError
from churn_core.intake.simulate_basket import fill_baskets, order_tables
from churn_core.intake.simulate_campaign import CAMPAIGN_DAYS_BEFORE_END, HOLDOUT_DAYS_BEFORE_END, holdout_share
from churn_core.intake.simulate_customers import customer_table, draw_traits
from churn_core.intake.simulate_life import live
from churn_core.intake.simulate_texts import feedback_table, ticket_table
from churn_core.intake.simulate_traffic import contact_table, event_table
from churn_core.intake.simulate_truth import truth_table
from churn_core.intake.simulate_world import Calendar
from churn_core.jobs import Progress, no_progress
from churn_core.warehouse import Transaction, Warehouse, utc_now

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

CHUNK_CUSTOMERS = 10_000
FILE_NAME = "simulated shop"
TABLE_NAMES: tuple[str, ...] = (
    "customers", "orders", "order_lines", "returns", "events", "feedback", "tickets", "contacts",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ShopPlan:
    """What to simulate."""

    n_customers: int = 20_000
    """Customers who order at least once."""
    n_years: int = 3
    """Years of history, of 365 days each."""
    seed: int = 7
    """Start of all random streams."""
    until: date = date(2026, 10, 31)
    """Last day of the history."""

    def __post_init__(self) -> None:
        if not 1 <= self.n_customers <= 5_000_000:
            raise InputError(f"the shop has {self.n_customers} customers; choose between 1 and 5,000,000.")
        if not 1 <= self.n_years <= 10:
            raise InputError(f"the history is {self.n_years} years long; choose between 1 and 10 years.")

    @property
    def calendar(self) -> Calendar:
        """The days of the history with their season."""
        return Calendar.of(self.until, self.n_years)

    @property
    def campaign_date(self) -> date:
        """Day of the randomised campaign."""
        return self.until + timedelta(days=1 - CAMPAIGN_DAYS_BEFORE_END)

    @property
    def holdout(self) -> float | None:
        """Share of customers in the global holdout; None in a small shop."""
        return holdout_share(self.n_customers)

    @property
    def holdout_date(self) -> date:
        """Day on which the global holdout began."""
        return max(self.until + timedelta(days=1 - HOLDOUT_DAYS_BEFORE_END), self.calendar.start.date())


@dataclass(frozen=True, kw_only=True)
class SimulatedShop:
    """A simulated shop, or a chunk of one."""

    plan: ShopPlan
    tables: Mapping[str, pa.Table] = field(repr=False)
    """Rows by warehouse table, without the columns that loading fills."""
    truth: pa.Table = field(repr=False)
    """Ground truth, a row per customer; no model may see it."""

    def frame(self, table: str) -> pd.DataFrame:
        """A table as a pandas frame."""
        return self.tables[table].to_pandas()

    @property
    def truth_frame(self) -> pd.DataFrame:
        """Ground truth as a pandas frame with the customer id as index."""
        return self.truth.to_pandas().set_index("customer_id")


def simulate_shop(plan: ShopPlan, *, progress: Progress = no_progress) -> SimulatedShop:
    """The whole shop in memory; for up to a few ten thousand customers."""
    import pyarrow as pa

    chunks = []
    for number in range(_n_chunks(plan)):
        progress(number / _n_chunks(plan), f"simulating customers from {number * CHUNK_CUSTOMERS + 1:,}")
        chunks.append(_chunk(plan, number))
    return SimulatedShop(
        plan=plan,
        tables={
            name: pa.concat_tables([chunk.tables[name] for chunk in chunks]).unify_dictionaries()
            for name in TABLE_NAMES
        },
        truth=pa.concat_tables([chunk.truth for chunk in chunks]).unify_dictionaries(),
    )


def load_shop(
    warehouse: Warehouse,
    plan: ShopPlan,
    *,
    truth_path: Path | None = None,
    progress: Progress = no_progress,
) -> dict[str, int]:
    """Simulate a shop straight into an empty workspace, in one transaction; the rows by table.

    The ground truth is written to ``truth_path`` (Parquet, or CSV by its ending) and nowhere else.
    Raises InputError when the workspace already holds customers or orders.
    """
    from churn_core.intake.derived import refresh_derived

    if warehouse.n_rows("orders") or warehouse.n_rows("customers"):
        raise InputError("this workspace already holds data; build the demo shop in a new, empty workspace.")
    truths: list[pa.Table] = []
    counts = dict.fromkeys(TABLE_NAMES, 0)
    with warehouse.transaction() as tx:
        first_import = tx.next_number("imports", "import_id")
        for done, chunk in _chunks_ahead(plan):
            progress(0.9 * done, f"simulating {plan.n_customers:,} customers")
            for offset, name in enumerate(TABLE_NAMES):
                counts[name] += _append(tx, name, chunk.tables[name], first_import + offset)
                progress(0.9 * done, f"storing {name.replace('_', ' ')}")
            truths.append(chunk.truth)
            _return_freed_memory()
        progress(0.92, "counting the days between orders")
        refresh_derived(tx)
        _record(tx, plan, counts, first_import)
        if truth_path is not None:
            progress(0.98, "writing the ground truth beside the workspace")
            _write_truth(truths, truth_path)
    progress(1.0, f"{counts['orders']:,} orders of {plan.n_customers:,} customers")
    return counts


def _return_freed_memory() -> None:
    """Give freed memory back to the system: between chunks the C library would otherwise keep ever more of it."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)


def _n_chunks(plan: ShopPlan) -> int:
    return -(-plan.n_customers // CHUNK_CUSTOMERS)


def _chunks_ahead(plan: ShopPlan) -> Iterator[tuple[float, SimulatedShop]]:
    """The chunks in order, the next one being simulated while one is stored."""
    n_chunks = _n_chunks(plan)
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="simulate") as ahead:
        upcoming = ahead.submit(_chunk, plan, 0)
        for number in range(n_chunks):
            chunk = upcoming.result()
            if number + 1 < n_chunks:
                upcoming = ahead.submit(_chunk, plan, number + 1)
            yield (number + 0.5) / n_chunks, chunk


def _chunk(plan: ShopPlan, number: int) -> SimulatedShop:
    """Customers ``number * CHUNK_CUSTOMERS`` onwards, from a random stream of their own."""
    first = number * CHUNK_CUSTOMERS + 1
    n = min(CHUNK_CUSTOMERS, plan.n_customers - first + 1)
    *of_streams, of_campaign = np.random.SeedSequence([plan.seed, number]).spawn(8)
    streams = [np.random.default_rng(part) for part in of_streams]
    calendar = plan.calendar
    traits = draw_traits(first, n, calendar.n_days, streams[0])
    life = live(traits, calendar, streams[1], holdout=plan.holdout, of_campaign=of_campaign)
    baskets = fill_baskets(life.orders, traits, streams[2])
    contacts, consent = contact_table(life, traits, calendar, number * 10_000_000 + 1, streams[3])
    of_orders = (life.orders, baskets, traits, calendar, number * 1_000_000 + 1)
    return SimulatedShop(
        plan=plan,
        tables={
            "customers": customer_table(traits, consent, first, calendar, streams[4]),
            **order_tables(*of_orders, streams[2]),
            "events": event_table(life, baskets, traits, calendar, number * 100_000_000 + 1, streams[5]),
            "feedback": feedback_table(*of_orders, streams[6]),
            "tickets": ticket_table(*of_orders, streams[6]),
            "contacts": contacts,
        },
        truth=truth_table(traits, life, calendar),
    )


def _append(tx: Transaction, name: str, table: pa.Table, import_id: int) -> int:
    import pyarrow as pa

    return tx.append_arrow(name, table.append_column("import_id", pa.repeat(import_id, table.num_rows)))


def _record(tx: Transaction, plan: ShopPlan, counts: Mapping[str, int], first_import: int) -> None:
    version = tx.bump_data_version()
    for offset, name in enumerate(TABLE_NAMES):
        tx.execute(
            "INSERT INTO imports (import_id, imported_at, file_name, mapping, tables, n_rows, n_added, n_updated, "
            "n_unchanged, n_rejected, data_version) "
            "VALUES ($import_id, $now, $file_name, $mapping, [$name], $n, $n, 0, 0, 0, $version)",
            {
                "import_id": first_import + offset,
                "now": utc_now(),
                "file_name": FILE_NAME,
                "mapping": json.dumps({"table": name, "plan": asdict(plan)}, default=str),
                "name": name,
                "n": counts[name],
                "version": version,
            },
        )
    tx.save_setting("currency", "EUR")
    tx.save_setting("is_demo", True)
    tx.audit("build the demo shop", {"plan": asdict(plan), "rows": dict(counts)})


def _write_truth(truths: list[pa.Table], path: Path) -> None:
    import pyarrow as pa

    table = pa.concat_tables(truths)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix.lower() == ".csv":
        from pyarrow import csv

        csv.write_csv(table, path)
    else:
        from pyarrow import parquet

        parquet.write_table(table, path)
