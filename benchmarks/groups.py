"""Segments, cohorts and worth of a million customers: prints seconds beside what is promised.

    python -m benchmarks.groups [step ...] [--customers N] [--again]

Works on a copy of the benchmark shop (the scored one where ``benchmarks.run`` has left it), so that nothing else is
changed. Each step is a process of its own and prints its peak memory. Ends non-zero when a promise is not kept; judged
at a million customers only.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.build_shop import DEFINITION, build_shop, shop_files
from benchmarks.steps import scored_workspace
from churn_core.warehouse import Warehouse

N_CUSTOMERS_PROMISED = 1_000_000
MOST_PEAK_GB = 6.0
N_SEGMENTS, N_FEATURES = 6, 12

Measured = dict[str, Any]


def timed(work: Callable[[], Any], *, n_times: int = 1) -> tuple[Measured, Any]:
    """Seconds of the fastest of so many runs, its processor time, and the result of the last."""
    best: Measured = {"seconds": float("inf")}
    result = None
    for _ in range(n_times):
        began, worked = time.perf_counter(), time.process_time()
        result = work()
        seconds = time.perf_counter() - began
        if seconds < best["seconds"]:
            best = {"seconds": seconds, "cpu_seconds": time.process_time() - worked}
    return best, result


def refresh(warehouse: Warehouse) -> Measured:
    """Facts, tags and saved groups found again, as after an import."""
    from churn_core.customers.group_refresh import refresh_groups

    found, refreshed = timed(lambda: refresh_groups(warehouse))
    return found | {"n_customers": refreshed.n_customers, "n_groups": len(refreshed.found)}


def kmeans(warehouse: Warehouse) -> Measured:
    """Twelve features, divided into six: features, fit, words, an earlier date, everything stored."""
    from churn_core.customers.segmentation import Asked, fit_segmentation
    from churn_core.customers.segmentation_inputs import chosen_names, segment_features, source_of

    offered = segment_features(warehouse, source_of(warehouse))
    names = dict.fromkeys((*chosen_names(offered), *(feature.name for feature in offered)))
    asked = Asked(k=N_SEGMENTS, features=tuple(names)[:N_FEATURES])
    found, made = timed(lambda: fit_segmentation(warehouse, asked))
    return found | {
        "n_customers": made.n_customers,
        "n_segments": len(made.segments),
        "n_features": len(made.settings["features"]),
    }


def segments_page(warehouse: Warehouse) -> Measured:
    """What the Segments page asks for, once more and without its cache: segmentations, money, what can be chosen."""
    from churn_core.customers.segmentation_inputs import segment_features, source_of
    from churn_core.customers.segmentation_money import segmentation_money
    from churn_core.customers.segmentation_store import segmentations
    from churn_core.state import workspace_state

    def page() -> Any:
        workspace_state(warehouse)
        newest = segmentations(warehouse)[0]
        segment_features(warehouse, source_of(warehouse))
        return segmentation_money(warehouse, newest)

    if not warehouse.n_rows("segmentations"):
        kmeans(warehouse)
    found, _ = timed(page, n_times=3)
    return found


def rule(warehouse: Warehouse) -> Measured:
    """Counting a rule with a group: silent for a month, and many orders or much spent."""
    from churn_core.customers.rule_segments import count_rule
    from churn_core.customers.rules import Line, Rule

    asked = Rule(
        parts=(
            Line(field="days_since_last_order", operator="at_least", values=(30.0,)),
            Rule(
                join="any",
                parts=(
                    Line(field="n_orders", operator="at_least", values=(5.0,)),
                    Line(field="spend_365", operator="at_least", values=(200.0,)),
                ),
            ),
        )
    )
    found, counted = timed(lambda: count_rule(warehouse, asked), n_times=3)
    return found | {"n_meant": counted.n_customers}


def rfm(warehouse: Warehouse) -> Measured:
    """RFM scores and groups of everybody, by quintile."""
    from churn_core.customers.rfm import rfm as rfm_table

    found, made = timed(lambda: rfm_table(warehouse), n_times=3)
    return found | {"n_cells": len(made.cells)}


def cohorts(warehouse: Warehouse) -> Measured:
    """Retention by month of the first order."""
    from churn_core.customers.cohorts import triangle

    found, made = timed(lambda: triangle(warehouse), n_times=3)
    return found | {"n_cohorts": len(made.cohorts)}


def rhythm(warehouse: Warehouse) -> Measured:
    """Habits of the shop, then the hundred customers who are latest by their own rhythm."""
    from churn_core.customers.personal_rhythm import late_customers
    from churn_core.features.shop_habits import habits

    found, _ = timed(lambda: late_customers(warehouse, known=habits(warehouse)), n_times=2)
    return found


def demand(warehouse: Warehouse) -> Measured:
    """Twelve weeks of orders and revenue, every method asked at ten past weeks."""
    from churn_core.customers.demand import forecast_demand

    found, made = timed(lambda: forecast_demand(warehouse))
    return found | {"n_weeks_known": len(made.starts), "method": made.orders.choice.name}


def value(warehouse: Warehouse) -> Measured:
    """Everybody valued: past periods, both models, the check, every customer written."""
    from churn_core.customers.worth import value_customers

    found, _ = timed(lambda: value_customers(warehouse))
    return found | {"n_valued": warehouse.n_rows("worth")}


def alerts(warehouse: Warehouse) -> Measured:
    """The alert queue renewed: everybody asked by every rule, a day's alerts raised; then once more, unchanged."""
    from churn_core.campaigns.alerting import renew_alerts

    found, renewed = timed(lambda: renew_alerts(warehouse), n_times=2)
    return found | {"n_live": renewed.n_live, "n_waiting": renewed.n_waiting}


@dataclass(frozen=True, kw_only=True)
class Step:
    """One measured step."""

    work: Callable[[Warehouse], Measured]
    most_seconds: float | None = None
    """What is promised; None where nothing is."""


STEPS = {
    "refresh": Step(work=refresh),
    "kmeans": Step(work=kmeans, most_seconds=30.0),
    "page": Step(work=segments_page, most_seconds=1.0),
    "rule": Step(work=rule, most_seconds=1.0),
    "rfm": Step(work=rfm, most_seconds=5.0),
    "cohorts": Step(work=cohorts, most_seconds=3.0),
    "rhythm": Step(work=rhythm),
    "alerts": Step(work=alerts, most_seconds=3.0),
    "demand": Step(work=demand),
    "value": Step(work=value),
}


def workspace(n_customers: int) -> Path:
    """Where the copy lives."""
    files = shop_files(n_customers)
    return files.workspace.with_name(f"{files.workspace.stem}_groups.duckdb")


def prepare(n_customers: int, *, again: bool = False) -> Path:
    """A copy of the shop, scored where it was, with a churn definition."""
    path = workspace(n_customers)
    if path.exists() and not again:
        return path
    files = build_shop(n_customers)
    scored = scored_workspace(files)
    for stale in path.parent.glob(f"{path.name}*"):
        stale.unlink()
    shutil.copy(scored if scored.exists() else files.workspace, path)
    warehouse = Warehouse.open(path)
    from churn_core.features.definition import active_definition, save_definition

    if active_definition(warehouse) is None:
        save_definition(warehouse, DEFINITION)
    warehouse.checkpoint()
    warehouse.close()
    return path


def measure(step: str, n_customers: int) -> Measured:
    """Run one step in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.groups", "--only", step, "--customers", str(n_customers)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"the step {step} failed; its messages are above.")
    result: Measured = json.loads(done.stdout.splitlines()[-1])
    return result


def only(step: str, n_customers: int) -> None:
    """Measure one step here and print it as a line of JSON."""
    warehouse = Warehouse.open(workspace(n_customers))
    found = STEPS[step].work(warehouse)
    warehouse.close()
    peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    print(json.dumps(found | {"peak_gb": peak_gb}))


def run(steps: list[str], n_customers: int, *, again: bool) -> bool:
    """Measure the steps in their order and print them; whether every promise is kept."""
    prepare(n_customers, again=again)
    print(f"{n_customers:,} customers, {7 * n_customers:,} orders", flush=True)
    is_kept = True
    for step in steps:
        found = measure(step, n_customers)
        most = STEPS[step].most_seconds
        words = ""
        if n_customers >= N_CUSTOMERS_PROMISED:
            kept = found["peak_gb"] < MOST_PEAK_GB and (most is None or found["seconds"] <= most)
            is_kept = is_kept and kept
            limit = f"promised {most:g} s" if most is not None else f"promised {MOST_PEAK_GB:g} GB"
            words = f"{limit}  {'KEPT' if kept else 'NOT KEPT'}  "
        own = ("seconds", "cpu_seconds", "peak_gb")
        more = ", ".join(f"{name} {known}" for name, known in found.items() if name not in own)
        print(
            f"{step:<8} {found['seconds']:>8.2f} s {found['cpu_seconds']:>8.2f} s of CPU {found['peak_gb']:>6.2f} GB  "
            f"{words}{more}".rstrip(),
            flush=True,
        )
    return is_kept


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure segments, cohorts and worth.")
    parser.add_argument("steps", nargs="*", metavar="step", help=f"of {', '.join(STEPS)}; all when none is named")
    parser.add_argument("--customers", type=int, default=N_CUSTOMERS_PROMISED)
    parser.add_argument("--again", action="store_true", help="copy the shop again")
    parser.add_argument("--only", choices=STEPS, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.only:
        only(chosen.only, chosen.customers)
        return
    unknown = [step for step in chosen.steps if step not in STEPS]
    if unknown:
        parser.error(f"there is no step {unknown[0]!r}; choose of {', '.join(STEPS)}")
    if not run(chosen.steps or list(STEPS), chosen.customers, again=chosen.again):
        sys.exit(1)


if __name__ == "__main__":
    main()
