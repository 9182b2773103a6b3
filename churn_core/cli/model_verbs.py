"""Verbs about models: train, score, backtest."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from churn_core.cli.data_verbs import add_reading_options, opened_source
from churn_core.cli.options import Verbs, add_verb, choices, date, days, opened_workspace, positive
from churn_core.cli.output import ProgressLine, show, stoppable, table
from churn_core.errors import InputError, unknown_name
from churn_core.jobs import Progress, part
from churn_core.models.preparation_plan import CHOICES
from churn_core.timeline import ChurnDefinition
from churn_core.warehouse import Warehouse

if TYPE_CHECKING:
    from churn_core.models.backtest import Backtest
    from churn_core.models.recipe import Recipe
    from churn_core.models.registry import ModelVersion
    from churn_core.models.runs import ScoreRun

METRICS = ("auc", "pr_auc", "log_loss", "brier", "precision_top10")
COMBINATIONS = ("stacking", "blend")
"""Candidates made of the others."""


def add_verbs(verbs: Verbs) -> None:
    """Add train, score and backtest to the parser."""
    train = add_verb(verbs, "train", train_model, "Train, judge on later dates, choose and keep a model.")
    train.add_argument("--source", choices=("orders", "snapshots"), help="what to learn from, when there are both")
    train.add_argument(
        "--seed", type=int, default=42, metavar="N", help="the same seed gives the same model (default 42)"
    )
    train.add_argument(
        "--estimators", metavar="A,B", help="learners to try, like logistic,lightgbm (default: the usual)"
    )
    train.add_argument(
        "--prepare",
        type=choices,
        default={},
        metavar="CHOICE=OPTION,...",
        help=f"how inputs are prepared, like missing=knn; each is usual unless chosen: {_prepare_words()}",
    )
    train.add_argument(
        "--budget", type=positive, metavar="SECONDS", help="search for better settings this long; Ctrl-C keeps the best"
    )
    train.add_argument("--search-trials", type=positive, metavar="N", help="search this many settings at most")
    train.add_argument(
        "--signals",
        metavar="A,B",
        help="time-series signals to learn from too, from now on, like fading,slopes; 'none' for none",
    )
    train.add_argument("--as-of", type=date, metavar="DATE", help="train with what was known then, like 2011-09-11")
    train.add_argument("--score", action="store_true", help="score the customers with it at once")

    score = add_verb(verbs, "score", score_customers, "Give every eligible customer risk, value, tier and reasons.")
    score.set_defaults(score=True)

    judge = add_verb(verbs, "backtest", backtest, "Judge models on a file without importing it.", workspace=False)
    judge.add_argument("file", type=Path, metavar="FILE", help="an order history, or a table with a churn column")
    add_reading_options(judge)
    judge.add_argument("--horizon", type=positive, metavar="DAYS", help="no order within these days is churn")
    judge.add_argument(
        "--cutoff", type=date, metavar="DATE", help="judge at this date, like 2011-09-11 (default: the latest)"
    )
    judge.add_argument(
        "--active-within", type=positive, metavar="DAYS", help="only customers with an order in these days"
    )
    judge.add_argument("--lead", type=days, default=0, metavar="DAYS", help="days left free to act (default 0)")
    judge.add_argument("--step", type=positive, default=30, metavar="DAYS", help="days between cutoffs (default 30)")
    judge.add_argument("--label", metavar="COLUMN", help="churn column of a table with one row per customer")
    judge.add_argument("--id", metavar="COLUMN", help="customer id column of that table")
    judge.add_argument("--folds", type=positive, default=5, metavar="N", help="folds (default 5)")
    judge.add_argument("--seed", type=int, default=42, metavar="N", help="seed (default 42)")


def _prepare_words() -> str:
    """Every choice of preparation with the options beside the usual."""
    offered = {name: [option for option in options if option != "usual"] for name, options in CHOICES.items()}
    return "; ".join(f"{name}={'|'.join(options)}" for name, options in offered.items())


def train_model(args: argparse.Namespace) -> int:
    """``churn train``."""
    from churn_core.models.training import train_model as train

    recipe = _recipe(args)
    warehouse = opened_workspace(args)
    if args.signals is not None:
        _choose_signals(warehouse, args.signals)
    progress = ProgressLine()
    whole = part(progress, 0.0, 0.8 if args.score else 1.0)
    if args.budget is None and args.search_trials is None:
        version = train(warehouse, seed=args.seed, source=args.source, as_of=args.as_of, recipe=recipe, progress=whole)
    else:
        version = _searched(args, warehouse, recipe, whole)
    run = _score(warehouse, part(progress, 0.8, 1.0)) if args.score else None
    progress.end()
    summary = version.summary
    judged = summary.get("backtest") or {}
    result = {**asdict(version), "run_id": run.run_id if run else None}
    lines = [f"Model {version.model_version} is {version.estimator}: {summary['method_reason']}"]
    if judged.get("models"):
        lines += ["", *_metrics_table(judged["models"], judged.get("chosen"))]
    lines += ["", *(f"Note: {note}" for note in summary.get("notes", ()))] if summary.get("notes") else []
    lines += [f"Scored {run.n_customers:,} customers in run {run.run_id}.", *_run_notes(run)] if run else []
    return show(args, result, lines)


def _choose_signals(warehouse: Warehouse, text: str) -> None:
    """Say which groups of time-series signals are learned from, from this training on."""
    from churn_core.features.signals import choose_signals

    choose_signals(warehouse, [] if text == "none" else [name.strip() for name in text.split(",") if name.strip()])


def _recipe(args: argparse.Namespace) -> Recipe:
    """What was asked to be tried; the usual where nothing was."""
    from churn_core.models.estimators import ESTIMATORS
    from churn_core.models.preparation_plan import PreparationPlan
    from churn_core.models.recipe import NOT_LEARNERS, Recipe

    for name in args.prepare:
        if name not in CHOICES:
            raise unknown_name("choice of preparation", name, CHOICES)
    names = tuple(name.strip() for name in (args.estimators or "").split(",") if name.strip())
    for name in names:
        if name not in ESTIMATORS:
            raise unknown_name("estimator", name, [known for known in ESTIMATORS if known not in NOT_LEARNERS])
    return Recipe(estimators=names, preparation=PreparationPlan(**args.prepare))


def _searched(args: argparse.Namespace, warehouse: Warehouse, recipe: Recipe, progress: Progress) -> ModelVersion:
    """Search within the budget, then train; the first Ctrl-C ends the search and keeps the best."""
    if args.as_of is not None:
        raise InputError("a search and --as-of exclude each other; search on all that is known, or train as of a day.")
    from churn_core.models.search import train_searched

    with stoppable(progress, "stopping the search; the best so far is kept (Ctrl-C again stops at once)") as reported:
        return train_searched(
            warehouse,
            budget_seconds=args.budget,
            n_trials=args.search_trials,
            seed=args.seed,
            source=args.source,
            recipe=recipe,
            progress=reported,
        )


def score_customers(args: argparse.Namespace) -> int:
    """``churn score``."""
    warehouse = opened_workspace(args)
    progress = ProgressLine()
    run = _score(warehouse, progress)
    progress.end()
    as_of = f" as of {run.as_of:%Y-%m-%d}" if run.as_of else ""
    lines = [f"Scored {run.n_customers:,} customers{as_of} with model {run.model_version}; run {run.run_id}."]
    lines += _run_notes(run)
    return show(args, asdict(run), lines)


def _run_notes(run: ScoreRun) -> list[str]:
    """What should be known about these customers, a line each."""
    return [f"Note: {note}" for note in run.summary.get("notes") or ()]


def _score(warehouse: Warehouse, progress: Any) -> Any:
    from churn_core.campaigns.scoring import score_workspace

    return score_workspace(warehouse, progress)


def backtest(args: argparse.Namespace) -> int:
    """``churn backtest``."""
    if not args.file.exists():
        raise InputError(f"the file {args.file} does not exist; check the name and the folder.")
    if not args.label and args.horizon is None:
        raise InputError("give --horizon DAYS for an order history, or --label COLUMN for a table with a churn column.")
    if args.label and args.horizon is not None:
        raise InputError("--label and --horizon exclude each other; a table with a churn column has no horizon.")
    progress = ProgressLine()
    judged = _backtest_table(args, progress) if args.label else _backtest_orders(args, progress)
    progress.end()
    result = judged.to_dict()
    lines = [
        f"{result['n']:,} customers, {result['churn_rate']:.1%} churned, {result['mean_predicted']:.1%} predicted.",
        *_metrics_table(result["models"], result["chosen"]),
        *result.get("notes", ()),
    ]
    return show(args, result, lines)


def _backtest_table(args: argparse.Namespace, progress: ProgressLine) -> Backtest:
    import pyarrow as pa

    from churn_core.models.backtest import backtest_snapshot

    source, _ = opened_source(args, progress)
    for column in filter(None, (args.label, args.id)):
        source.column(column)
    frame = pa.Table.from_batches(source.batches()).drop_columns(["line"]).to_pandas()
    return backtest_snapshot(
        frame, label=args.label, id_column=args.id, folds=args.folds, seed=args.seed, progress=part(progress, 0.4, 1.0)
    )


def _backtest_orders(args: argparse.Namespace, progress: ProgressLine) -> Backtest:
    import tempfile

    from churn_core.features.definition import known_until
    from churn_core.intake.load import import_file
    from churn_core.intake.mapping import propose_mapping
    from churn_core.models.backtest import backtest_orders

    definition = ChurnDefinition(horizon_days=args.horizon, activity_days=args.active_within, lead_days=args.lead)
    source, mapping = opened_source(args, progress)
    with tempfile.TemporaryDirectory(prefix="churn-backtest-") as folder:
        warehouse = Warehouse.open(None, folder=folder)
        try:
            import_file(
                warehouse, source, mapping or propose_mapping(source).mapping, progress=part(progress, 0.4, 0.5)
            )
            cutoff = args.cutoff
            if cutoff is None:
                until = known_until(warehouse)
                if until is None:
                    raise InputError(
                        f"{args.file.name} holds no orders; give --label COLUMN for a table with a churn column."
                    )
                cutoff = until - timedelta(days=definition.span_days)
            return backtest_orders(
                warehouse, definition, cutoff, step_days=args.step, seed=args.seed, progress=part(progress, 0.5, 1.0)
            )
        finally:
            warehouse.close()


def _metrics_table(models: dict[str, dict[str, float]], chosen: str | None) -> list[str]:
    rows, seen = [], set()
    for name, metrics in models.items():
        numbers = tuple(f"{metrics[metric]:.4f}" for metric in METRICS)
        # A combination of one estimator is that estimator: not said twice.
        if name in COMBINATIONS and name != chosen and numbers in seen:
            continue
        seen.add(numbers)
        rows.append((f"{name} (chosen)" if name == chosen else name, *numbers))
    return table(("model", "AUC", "PR-AUC", "log loss", "Brier", "precision top 10 %"), rows)
