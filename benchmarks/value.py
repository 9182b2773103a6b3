"""Prints how well it was said what customers would spend, at past cutoffs of public shops and of the simulated one.

    python -m benchmarks.value [--data FOLDER] [--only retail,cdnow,simulated] [--json]

At each cutoff everything - the trees, the method, the level - rests on what was known then; the horizon that is judged
was not seen. Spend is less returns where these are known, in what is predicted, in what came and in the two simple
answers alike. "MAE" is the mean error of the expected amounts, "typical" that of the typical ones (medians), "nearer"
the 95 % interval, over customers drawn again, of how much larger that of the simple answer before it is. "ordered"
and "rho o." are what came before returns were taken off, beside the same predictions.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from churn_core.intake.formats import open_source
from churn_core.intake.load import import_file
from churn_core.intake.mapping import propose_mapping
from churn_core.intake.simulate import ShopPlan, load_shop
from churn_core.models import worth
from churn_core.models.worth_check import HoldOut
from churn_core.models.worth_period import frame_at, period_at
from churn_core.warehouse import Warehouse

CUTOFFS = {
    "retail": ("2011-01-14", "2011-03-15", "2011-05-14", "2011-07-13", "2011-09-11"),
    "cdnow": ("1997-10-01", "1998-01-01", "1998-04-01"),
    "simulated": (),
}
FILES = {"retail": "online_retail_II.parquet", "cdnow": "cdnow_sample_orders.csv"}
HORIZON_DAYS = 90
HEAD = (
    "shop", "cutoff", "method", "level", "n", "total", "rho", "MAE", "typical", "same", "e. nearer", "t. nearer",
    "BG/NBD", "e. nearer", "t. nearer", "came", "ordered", "rho o.", "s",
)  # fmt: skip


def judged_at(warehouse: Warehouse, cutoff: datetime) -> HoldOut:
    """What would have been said at a cutoff, beside what came."""
    history = worth.History(warehouse, HORIZON_DAYS, cutoff)
    target = period_at(warehouse, cutoff, HORIZON_DAYS)
    model = worth.fit_worth(history, cutoff, frame_at(warehouse, cutoff, HORIZON_DAYS), with_typical=True)
    found = worth.judge_worth(model, target)
    assert found is not None
    return found


def shops(only: list[str], folder: Path, scratch: Path) -> Iterator[tuple[str, Warehouse, list[datetime]]]:
    """Each shop with the cutoffs it is judged at."""
    for name in only:
        warehouse = Warehouse.open(None, folder=scratch / name)
        if name == "simulated":
            load_shop(warehouse, ShopPlan(n_customers=4_000))
            last = warehouse.value("SELECT CAST(max(order_time) AS DATE) FROM orders")
            end = datetime(last.year, last.month, last.day)
            yield name, warehouse, [end - timedelta(days=180), end - timedelta(days=90)]
        else:
            source = open_source(folder / FILES[name])
            import_file(warehouse, source, propose_mapping(source).mapping)
            yield name, warehouse, [datetime.fromisoformat(text) for text in CUTOFFS[name]]


def row(name: str, found: HoldOut, seconds: float) -> tuple[str, ...]:
    """One line of the table."""

    def number(value: float | None, digits: int) -> str:
        return "-" if value is None else f"{value:.{digits}f}"

    def between(bounds: tuple[float, float] | None) -> str:
        return "-" if bounds is None else f"{bounds[0]:.1f}..{bounds[1]:.1f}"

    return (
        name, f"{found.cutoff:%Y-%m-%d}", found.method, found.level_rule, f"{found.n_customers:,}",
        number(found.ratio, 2), number(found.decile_correlation, 3), number(found.mae, 1),
        number(found.mae_typical, 1), number(found.mae_same, 1), between(found.gain_same),
        between(found.typical_gain_same), number(found.mae_rhythm, 1), between(found.gain_rhythm),
        between(found.typical_gain_rhythm), number(found.actual, 0), number(found.actual_gross, 0),
        number(found.gross_correlation, 3), f"{seconds:.0f}",
    )  # fmt: skip


def main() -> None:
    """Judge and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=os.environ.get("CHURN_REAL_DATA", "data"), help="folder of the public data")
    parser.add_argument("--only", default="retail,cdnow,simulated")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    kept = []
    if not args.json:
        print("  ".join(f"{entry:>10}" for entry in HEAD))
    with tempfile.TemporaryDirectory() as scratch:
        for name, warehouse, cutoffs in shops(args.only.split(","), Path(args.data), Path(scratch)):
            for cutoff in cutoffs:
                started = time.perf_counter()
                found = judged_at(warehouse, cutoff)
                if args.json:
                    kept.append({"shop": name, **found.to_json()})
                else:
                    line = row(name, found, time.perf_counter() - started)
                    print("  ".join(f"{entry:>10}" for entry in line), flush=True)
    if args.json:
        print(json.dumps(kept, indent=2))


if __name__ == "__main__":
    main()
