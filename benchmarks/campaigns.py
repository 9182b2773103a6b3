"""Draws a campaign of a million customers and exports its target list; prints seconds beside what is promised.

    python -m benchmarks.campaigns [--customers N] [--again]

The shop is made for this alone: customers with addresses, three orders each, scores and reasons, straight into the
tables. Locking is measured as a person does it: exclusions, draw, plan in words, everything kept; the list is a CSV
file of all arms with contact details and reasons. Ends non-zero when the promise is not kept; judged at a million only.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from benchmarks.build_shop import WORK
from churn_core.campaigns.draw import lock_campaign, preview_draw
from churn_core.campaigns.plan import Arm, Goal, Guardrail, Plan
from churn_core.campaigns.store import create_draft
from churn_core.campaigns.target_list import export_campaign
from churn_core.warehouse import Warehouse

N_CUSTOMERS_PROMISED = 1_000_000
MOST_SECONDS = 20.0
MOST_PEAK_GB = 6.0
FIRST_DAY, LAST_DAY = date(2023, 1, 1), date(2025, 12, 31)

PLAN = Plan(
    name="A million customers",
    goal=Goal(
        outcome="retained", window_days=60, smallest_effect=0.01, guardrails=(Guardrail(outcome="orders", margin=0.05),)
    ),
    arms=(
        Arm(name="control", share=0.2),
        Arm(name="coupon", share=0.4, action="coupon", channel="email", text="10 % off", contact_cost=0.02),
        Arm(name="recommendation", share=0.4, action="recommendation", channel="email", contact_cost=0.02),
    ),
    starts_on=LAST_DAY + timedelta(days=1),
    per_week=250_000,
)

_ROWS = "FROM range($n) t(i)"
_ID = "'C-' || lpad(CAST(i AS VARCHAR), 8, '0')"
_RISK = "(hash(i, 'risk') % 1000003) / 1000003.0"
_VALUE = "round(-60 * ln((1 + hash(i, 'value') % 1000003) / 1000004.0), 2)"
FILL = (
    f"INSERT INTO customers BY NAME SELECT {_ID} AS customer_id, 'Customer ' || i AS name, "
    f"'c' || i || '@example.org' AS email, '+49 555 ' || lpad(CAST(i AS VARCHAR), 7, '0') AS phone, "
    f"true AS email_consent {_ROWS}",
    "INSERT INTO orders BY NAME SELECT 'C-' || lpad(CAST(i % $n AS VARCHAR), 8, '0') AS customer_id, "
    "'A' || i AS order_id, "
    "$first::TIMESTAMP + to_seconds(CAST(hash(i, 'time') % ($days * 86400) AS BIGINT)) AS order_time, "
    "CAST(5 + hash(i, 'amount') % 90 AS DECIMAL(18, 2)) AS amount FROM range(3 * $n) t(i)",
    "INSERT INTO score_runs BY NAME SELECT 1 AS run_id, $scored AS scored_at, $scored AS as_of, 'orders' AS source, "
    "1 AS model_version, 1 AS data_version, 1 AS definition_version, $n AS n_customers, 0.0 AS base_log_odds, "
    "['days_since_last_order'] AS feature_names, '{}' AS summary",
    f"INSERT INTO scores BY NAME SELECT 1 AS run_id, {_ID} AS customer_id, {_RISK} AS risk, "
    f"ln({_RISK} + 1e-6) AS log_odds, {_VALUE} AS expected_value, {_RISK} * {_VALUE} AS value_at_risk, "
    f"CASE WHEN {_RISK} > 0.7 THEN 'high' WHEN {_RISK} > 0.4 THEN 'medium' ELSE 'low' END AS tier, "
    f"'days_since_last_order' AS main_reason, 'orders' AS main_group {_ROWS}",
    f"INSERT INTO reasons BY NAME SELECT 1 AS run_id, {_ID} AS customer_id, "
    "'last order ' || (i % 400) || ' days ago, usual are 12 to 60' AS up_1, "
    "'orders every ' || (i % 90) || ' days, usual are 20 to 45' AS up_2, "
    "'spent ' || (i % 700) || ' in the last year, usual are 80 to 400' AS up_3, 'has an app' AS down_1, "
    f"'no open ticket' AS down_2 {_ROWS}",
)


def build(n_customers: int, *, again: bool = False) -> Path:
    """A workspace file with so many customers and no campaign, unless it is there."""
    path = WORK / f"campaigns_{n_customers}.duckdb"
    if path.exists() and not again:
        return path
    WORK.mkdir(parents=True, exist_ok=True)
    for stale in WORK.glob(f"{path.name}*"):
        stale.unlink()
    warehouse = Warehouse.open(path)
    values = {"n": n_customers, "first": FIRST_DAY, "days": (LAST_DAY - FIRST_DAY).days + 1, "scored": PLAN.starts_on}
    with warehouse.transaction() as tx:
        for statement in FILL:
            tx.execute(statement, values)
        tx.save_setting("currency", "EUR")
        tx.bump_data_version()
    warehouse.checkpoint()
    warehouse.close()
    return path


def timed(work: Callable[[], Any]) -> tuple[tuple[float, float], Any]:
    """Seconds on the clock and of the processor, and the result."""
    began, worked = time.perf_counter(), time.process_time()
    result = work()
    return (time.perf_counter() - began, time.process_time() - worked), result


def measure(path: Path, plan: Plan = PLAN) -> dict[str, Any]:
    """Preview, lock and export of one campaign, which is forgotten afterwards; seconds as in :func:`timed`."""
    warehouse = Warehouse.open(path)
    assert warehouse.folder is not None
    draft = create_draft(warehouse, plan)
    preview_seconds, shown = timed(lambda: preview_draw(warehouse, draft.campaign_id))
    lock_seconds, locked = timed(lambda: lock_campaign(warehouse, draft.campaign_id, shown=shown))
    export_seconds, exported = timed(
        lambda: export_campaign(
            warehouse, locked.campaign_id, warehouse.file("list.csv"), with_contact=True, with_control=True
        )
    )
    n_bytes = exported.path.stat().st_size
    for file in (exported.path, exported.manifest_path):
        file.unlink()
    with warehouse.transaction() as tx:
        for table in ("assignments", "campaigns", "exports"):
            tx.execute(f"DELETE FROM {table} WHERE campaign_id = $id", {"id": locked.campaign_id})
    warehouse.close()
    return {
        "preview": preview_seconds,
        "draw": lock_seconds,
        "export": export_seconds,
        "n_rows": exported.n_rows,
        "megabytes": n_bytes / 1e6,
        "arms": locked.counts["arms"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the draw and the export of a campaign.")
    parser.add_argument("--customers", type=int, default=N_CUSTOMERS_PROMISED)
    parser.add_argument("--again", action="store_true", help="build the shop even when it is there")
    chosen = parser.parse_args()
    seconds, path = timed(lambda: build(chosen.customers, again=chosen.again))
    print(f"{chosen.customers:,} customers, {3 * chosen.customers:,} orders in {seconds[0]:.1f} s", flush=True)
    found = measure(path)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    told = {"preview": "", "draw": found["arms"], "export": f"{found['n_rows']:,} rows, {found['megabytes']:,.0f} MB"}
    for step, more in told.items():
        seconds, cpu_seconds = found[step]
        print(f"{step:<8} {seconds:>8.2f} s  {cpu_seconds:>6.2f} s of CPU  {more}".rstrip())
    total = found["draw"][0] + found["export"][0]
    if chosen.customers < N_CUSTOMERS_PROMISED:
        return
    is_kept = total < MOST_SECONDS and peak < MOST_PEAK_GB
    words = f"{total:.2f} s, promised {MOST_SECONDS:.0f}; {peak:.2f} GB, promised {MOST_PEAK_GB:.0f}"
    print(f"draw and export {words}  {'kept' if is_kept else 'NOT KEPT'}")
    if not is_kept:
        sys.exit(1)


if __name__ == "__main__":
    main()
