"""What each group of time-series signals does to the backtest: log loss and AUC with it minus those without it.

    python -m benchmarks.signals [retail] [simulated] [--customers N]

Online Retail II at five cutoffs (its folder in CHURN_REAL_DATA), and the simulated shop at five. Everything is learnt
from cutoffs whose label windows had ended by then; the blend has equal shares, so only the inputs differ. Differences
are paired by customer; the standard error of all cutoffs together counts a customer once. Negative differences of log
loss and positive ones of AUC are gains.
"""

from __future__ import annotations

import argparse
import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

import numpy as np

from churn_core.features.registry import FEATURES
from churn_core.features.signals import SETTING, SIGNALS
from churn_core.models.periods import Period, build_period, build_periods, sample_size, usable_cutoffs
from churn_core.models.walk_forward import WalkForward
from churn_core.stats.ranking import mid_ranks
from churn_core.timeline import ChurnDefinition
from churn_core.warehouse import Warehouse

if TYPE_CHECKING:
    from numpy.typing import NDArray

RETAIL_CUTOFFS = tuple(
    datetime.fromisoformat(day) for day in ("2011-01-14", "2011-03-15", "2011-05-14", "2011-07-13", "2011-09-11")
)
CANDIDATES = ("blend", "logistic", "lightgbm")
USUAL = "usual"
SEED = 42


def retail() -> tuple[Warehouse, ChurnDefinition, Sequence[datetime]]:
    """Online Retail II, the database in memory."""
    from churn_core.intake.formats import open_source
    from churn_core.intake.load import import_file
    from churn_core.intake.mapping import propose_mapping

    folder = Path(os.environ.get("CHURN_REAL_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
    warehouse = Warehouse.open(None, folder=Path(mkdtemp()))
    source = open_source(folder / "online_retail_II_orders.csv")
    import_file(warehouse, source, propose_mapping(source).mapping)
    return warehouse, ChurnDefinition(horizon_days=90), RETAIL_CUTOFFS


def simulated(n_customers: int) -> tuple[Warehouse, ChurnDefinition, Sequence[datetime]]:
    """The simulated shop in memory, at five cutoffs 60 days apart whose outcome is known."""
    from churn_core.features.definition import known_until, propose_definition
    from churn_core.intake.simulate import ShopPlan, load_shop

    warehouse = Warehouse.open(None)
    load_shop(warehouse, ShopPlan(n_customers=n_customers))
    definition = propose_definition(warehouse).definition
    end = known_until(warehouse)
    assert end is not None
    last = end - timedelta(days=definition.span_days)
    return warehouse, definition, [last - timedelta(days=60 * back) for back in range(4, -1, -1)]


def without(period: Period, groups: set[str]) -> Period:
    """The period with the usual features and those of some groups of signals."""
    kept = [name for name in period.frame.columns if FEATURES[name].signal in {"", *groups}]
    return replace(period, frame=period.frame[kept])


def answers(
    warehouse: Warehouse, definition: ChurnDefinition, judged: Period, periods: Sequence[Period], groups: set[str]
) -> dict[str, NDArray[np.float64]]:
    """Log-odds of each candidate at the judged cutoff, learnt with these groups of signals."""
    forward = WalkForward(
        warehouse=warehouse,
        definition=definition,
        periods=[without(period, groups) for period in periods],
        seed=SEED,
    )
    fitted = forward.fit(judged.cutoff)
    choice = forward.choose(fitted, [])
    return {name: choice.blends[name].log_odds(without(judged, groups).frame) for name in CANDIDATES}


def log_losses(log_odds: NDArray[np.float64], churned: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Log loss of each customer."""
    return np.logaddexp(0.0, log_odds) - churned * log_odds


def auc_parts(log_odds: NDArray[np.float64], churned: NDArray[np.bool_]) -> tuple[NDArray[np.float64], ...]:
    """Structural components of the AUC (DeLong, DeLong & Clarke-Pearson, 1988): of churners and of stayers."""
    ranks = mid_ranks(log_odds)
    n_left, n_stayed = int(churned.sum()), int((~churned).sum())
    left = (ranks[churned] - mid_ranks(log_odds[churned])) / n_stayed
    stayed = 1 - (ranks[~churned] - mid_ranks(log_odds[~churned])) / n_left
    return left, stayed


def auc_difference(a: NDArray[np.float64], b: NDArray[np.float64], churned: NDArray[np.bool_]) -> tuple[float, float]:
    """AUC of ``a`` minus that of ``b`` on the same customers, with its standard error."""
    differences = [x - y for x, y in zip(auc_parts(a, churned), auc_parts(b, churned), strict=True)]
    error = sum(float(part.var(ddof=1)) / len(part) for part in differences)
    return float(differences[0].mean()), float(np.sqrt(error))


def clustered(differences: Sequence[tuple[Sequence[str], NDArray[np.float64]]]) -> tuple[float, float]:
    """Mean over all rows and its standard error, rows of one customer taken together."""
    n_rows = sum(len(values) for _, values in differences)
    mean = sum(float(values.sum()) for _, values in differences) / n_rows
    sums: dict[str, float] = defaultdict(float)
    for customers, values in differences:
        for customer, value in zip(customers, values, strict=True):
            sums[customer] += float(value) - mean
    return mean, float(np.sqrt(sum(value**2 for value in sums.values()))) / n_rows


def compared(
    warehouse: Warehouse, definition: ChurnDefinition, cutoffs: Sequence[datetime], groups: Sequence[str]
) -> Iterator[str]:
    """Lines of the comparison, cutoff by cutoff and over all."""
    with warehouse.transaction() as tx:
        tx.save_setting(SETTING, list(groups))
    choices = {USUAL: set[str](), **{group: {group} for group in groups}, "all of them": set(groups)}
    losses: dict[tuple[str, str], list[tuple[Sequence[str], NDArray[np.float64]]]] = defaultdict(list)
    ranking: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for cutoff in cutoffs:
        judged = build_period(warehouse, definition, cutoff)
        past = usable_cutoffs(warehouse, definition, cutoff)
        periods = build_periods(warehouse, definition, past, n_most=sample_size(len(past)))
        found = {name: answers(warehouse, definition, judged, periods, wanted) for name, wanted in choices.items()}
        for candidate in CANDIDATES:
            usual = found[USUAL][candidate]
            known = log_losses(usual, judged.churned)
            left, _ = auc_parts(usual, judged.churned)
            yield f"{cutoff:%Y-%m-%d}  {candidate:<9} usual: log loss {known.mean():.4f}, AUC {left.mean():.4f}"
            for name in choices:
                if name == USUAL:
                    continue
                more = found[name][candidate]
                difference = log_losses(more, judged.churned) - known
                losses[candidate, name].append((list(judged.frame.index), difference))
                ranking[candidate, name].append(auc_difference(more, usual, judged.churned))
                yield _line(name, (float(difference.mean()), _error(difference)), ranking[candidate, name][-1])
    for candidate in CANDIDATES:
        yield f"all {len(cutoffs)} cutoffs  {candidate}"
        for name in choices:
            if name != USUAL:
                aucs = ranking[candidate, name]
                mean = float(np.mean([value for value, _ in aucs]))
                error = float(np.sqrt(np.mean([error**2 for _, error in aucs])))
                yield _line(name, clustered(losses[candidate, name]), (mean, error))


def _error(values: NDArray[np.float64]) -> float:
    return float(values.std(ddof=1) / np.sqrt(len(values)))


def _line(name: str, loss: tuple[float, float], auc: tuple[float, float]) -> str:
    return f"    + {name:<14} log loss {loss[0]:+.5f} (SE {loss[1]:.5f})   AUC {auc[0]:+.5f} (SE {auc[1]:.5f})"


def main() -> None:
    parser = argparse.ArgumentParser(description="Print what each group of signals does to the backtest.")
    parser.add_argument("shops", nargs="*", choices=("retail", "simulated"), default=["retail", "simulated"])
    parser.add_argument("--customers", type=int, default=6_000, help="customers of the simulated shop")
    asked = parser.parse_args()
    for shop in asked.shops:
        warehouse, definition, cutoffs = retail() if shop == "retail" else simulated(asked.customers)
        has_clicks = bool(warehouse.rows("SELECT 1 FROM events LIMIT 1"))
        groups = [group for group in SIGNALS if has_clicks or group != "click_signals"]
        print(f"{shop}: no order within {definition.horizon_days} days", flush=True)
        for line in compared(warehouse, definition, cutoffs, groups):
            print(line, flush=True)
        warehouse.close()


if __name__ == "__main__":
    main()
