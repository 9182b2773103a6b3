"""Prints how accurate the product's choice is beside library defaults, on the same customers and the same features.

    python -m benchmarks.accuracy [--data FOLDER] [--budget 60] [--only retail,telco,ecommerce] [--json]
    python -m benchmarks.accuracy --orders FILE --horizon 90 --cutoff 2011-09-11 [--cutoff ...]
    python -m benchmarks.accuracy --table FILE --label COLUMN [--id COLUMN]

The folder of the public data sets is given by --data or CHURN_REAL_DATA. Without --budget the search is left out.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np

from benchmarks.accuracy_rows import OURS, SEARCHED, Against, Judged, judge_cutoff, judge_table
from benchmarks.library_defaults import NAMES
from churn_core.errors import ChurnError
from churn_core.timeline import ChurnDefinition
from churn_core.warehouse import Warehouse

CUTOFFS = ("2011-01-14", "2011-03-15", "2011-05-14", "2011-07-13", "2011-09-11")
HORIZON_DAYS = 90
FILES = {
    "retail": "online_retail_II_orders.csv",
    "telco": "Telco-Customer-Churn.csv",
    "ecommerce": "E_Commerce_Dataset.xlsx",
}
TABLES = {"telco": ("Telco", "Churn", "customerID", None), "ecommerce": ("E-Commerce", "Churn", "CustomerID", "E Comm")}
AUTOGLUON = {"Telco": (0.8485, 0.4121), "E-Commerce": (0.9659, 0.1609)}
"""AUC and log loss of AutoGluon, best quality, 60 seconds a fold, five folds, twins kept together."""

Work = Callable[[], Judged]


def works(args: argparse.Namespace) -> Iterator[tuple[str, Work]]:
    """What is to be judged: a name and the call that judges it."""
    if args.orders:
        yield from _orders(args.orders, args.horizon, args.cutoff, args.budget)
        return
    if args.table:
        yield from _table(args.table, args.table.stem, args.label, args.id, args.sheet, args.budget)
        return
    folder = _folder(args.data)
    for name in args.only.split(","):
        path = folder / FILES[name]
        if not path.exists():
            raise SystemExit(f"{path.name} is not in {folder}; give the folder of the public data sets with --data.")
        if name == "retail":
            yield from _orders(path, HORIZON_DAYS, args.cutoff or CUTOFFS, args.budget)
        else:
            title, label, id_column, sheet = TABLES[name]
            yield from _table(path, title, label, id_column, sheet, args.budget)


def _folder(given: Path | None) -> Path:
    folder = given or (Path(os.environ["CHURN_REAL_DATA"]) if os.environ.get("CHURN_REAL_DATA") else None)
    if folder is None:
        raise SystemExit("no folder of public data sets was given; use --data FOLDER or set CHURN_REAL_DATA.")
    if not folder.is_dir():
        raise SystemExit(f"{folder} is no folder; give the folder of the public data sets with --data.")
    return folder


def _orders(path: Path, horizon_days: int, cutoffs: Sequence[str], budget: float | None) -> Iterator[tuple[str, Work]]:
    from churn_core.intake.formats import open_source
    from churn_core.intake.load import import_file
    from churn_core.intake.mapping import propose_mapping

    with tempfile.TemporaryDirectory(prefix="churn-accuracy-") as files:
        warehouse = Warehouse.open(None, folder=files)
        source = open_source(path)
        import_file(warehouse, source, propose_mapping(source).mapping)
        definition = ChurnDefinition(horizon_days=horizon_days)
        for cutoff in cutoffs:
            moment = datetime.fromisoformat(cutoff)
            yield cutoff, lambda at=moment, name=cutoff: judge_cutoff(warehouse, definition, at, name, budget)
        warehouse.close()


def _table(
    path: Path, title: str, label: str, id_column: str | None, sheet: str | None, budget: float | None
) -> Iterator[tuple[str, Work]]:
    import pandas as pd

    from churn_core.intake.snapshot_frame import read_snapshot

    if path.suffix in (".xlsx", ".xls"):
        frame = pd.read_excel(path, sheet_name=sheet or 0, engine="calamine")
    else:
        frame = pd.read_csv(path, dtype=str)
    table = read_snapshot(frame, label=label, id_column=id_column)
    yield title, lambda: judge_table(table, title, budget)


def show(judged: Judged) -> None:
    """Print one row of the table: every model, then ours against the best default."""
    for line in judged.lines:
        print(
            f"{line.data:<11} {line.model:<21} {line.n:>6,}  {line.auc:.4f} ±{line.auc_error:.4f}  "
            f"{line.log_loss:.4f} ±{line.log_loss_error:.4f}  {line.predicted:>6.1%} {line.actual:>6.1%} "
            f"{line.seconds:>7.1f}",
            flush=True,
        )
    for entry in judged.against:
        print(
            f"{entry.data:<11} {entry.model} against the best default: AUC {entry.auc_gain:+.4f} "
            f"±{entry.auc_gain_error:.4f} ({entry.auc_best}), log loss {-entry.log_loss_gain:+.4f} "
            f"±{entry.log_loss_gain_error:.4f} ({entry.log_loss_best}): "
            f"{'at least as good' if entry.is_as_good else 'NOT as good'}"
        )
    data = judged.lines[0].data
    if data in AUTOGLUON:
        area, loss = AUTOGLUON[data]
        print(f"{data:<11} AutoGluon, 60 s a fold           {area:.4f}          {loss:.4f}           (published level)")
    for note in judged.notes:
        print(f"{data:<11} {note}")
    print(flush=True)


def show_seasons(judged: Sequence[Judged]) -> None:
    """Print the calibration of each cutoff before and after the season."""
    lines = [entry.season for entry in judged if entry.season]
    if not lines:
        return
    print("calibration     actual  season left out  as given  between          log loss: left out  as given")
    for line in lines:
        between = f"{line.low:.1%} and {line.high:.1%}" if line.low is not None and line.high is not None else "-"
        print(
            f"{line.data:<14} {line.actual:>7.1%} {line.left_out:>16.1%} {line.predicted:>9.1%}  {between:<17}"
            f"{line.log_loss_left_out:>18.4f} {line.log_loss:>9.4f}  season {'known' if line.is_known else 'unknown'}"
        )
    known = [line for line in lines if line.is_known]
    if known:
        before = float(np.mean([abs(line.left_out - line.actual) for line in known]))
        after = float(np.mean([abs(line.predicted - line.actual) for line in known]))
        print(f"mean absolute gap where it is known: {100 * before:.1f} points left out, {100 * after:.1f} as given\n")


def verdict(judged: Sequence[Judged]) -> bool:
    """Print whether ours is at least as good everywhere and better on the average; whether it is."""
    is_kept = True
    for model in (OURS, SEARCHED):
        found: list[Against] = [entry for row in judged for entry in row.against if entry.model == model]
        if not found:
            continue
        n_good = sum(entry.is_as_good for entry in found)
        area = float(np.mean([entry.auc_gain for entry in found]))
        loss = float(np.mean([entry.log_loss_gain for entry in found]))
        is_better = area > 0 and loss > 0
        is_kept = is_kept and n_good == len(found) and is_better
        print(
            f"{model}: at least as good as the best of {len(NAMES)} defaults in {n_good} of {len(found)} rows; on the "
            f"average AUC {area:+.4f}, log loss {-loss:+.4f}: {'better' if is_better else 'NOT better'}"
        )
    return is_kept


def main() -> None:
    parser = argparse.ArgumentParser(description="Accuracy of the product's choice beside library defaults.")
    parser.add_argument("--data", type=Path, help="folder of the public data sets (default: CHURN_REAL_DATA)")
    parser.add_argument("--budget", type=float, help="also search this many seconds (per fold for a table)")
    parser.add_argument("--only", default=",".join(FILES), help=f"some of {', '.join(FILES)}")
    parser.add_argument("--orders", type=Path, help="another order history")
    parser.add_argument("--horizon", type=int, default=HORIZON_DAYS, help="days of the horizon for --orders")
    parser.add_argument("--cutoff", action="append", help="date to judge at; may be repeated")
    parser.add_argument("--table", type=Path, help="another table with one row per customer and a churn column")
    parser.add_argument("--label", help="its churn column")
    parser.add_argument("--id", help="its customer id column")
    parser.add_argument("--sheet", help="its sheet, in a workbook")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    args = parser.parse_args()
    unknown = set(args.only.split(",")) - FILES.keys()
    if unknown:
        parser.error(f"unknown data set {sorted(unknown)[0]!r}; there is: {', '.join(FILES)}")
    if (args.orders and not args.cutoff) or (args.table and not args.label):
        parser.error("--orders needs --cutoff, --table needs --label")
    warnings.filterwarnings("ignore")
    if not args.json:
        print("data        model                      n  AUC             log loss         predicted actual seconds")
    judged: list[Judged] = []
    try:
        for _, work in works(args):
            judged.append(work())
            if not args.json:
                show(judged[-1])
    except ChurnError as error:
        raise SystemExit(str(error)) from None
    if args.json:
        print(json.dumps([row.to_json() for row in judged], indent=1))
        return
    show_seasons(judged)
    sys.exit(0 if verdict(judged) else 1)


if __name__ == "__main__":
    main()
