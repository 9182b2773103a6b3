"""Verbs about model versions: models, promote, rollback, archive, card."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from churn_core.cli.options import Verbs, add_verb, new_file, opened_workspace, positive
from churn_core.cli.output import ProgressLine, show, table
from churn_core.errors import NotFound

if TYPE_CHECKING:
    from churn_core.models.compare import Comparison
    from churn_core.models.evaluation import Metric
    from churn_core.models.promotion import Promotion
    from churn_core.warehouse import Warehouse

N_SHOWN = 10
"""Customers shown by compare."""


def add_verbs(verbs: Verbs) -> None:
    """Add models, promote, rollback, archive and card to the parser."""
    models = add_verb(verbs, "models", list_models, "List model versions; compare two, export or import one.")
    actions = models.add_subparsers(dest="action", metavar="ACTION")
    _action(actions, "list", list_models, "list all versions (the default)")
    compare = _action(actions, "compare", compare_models, "measures, and who changes tier, of two versions")
    compare.add_argument("a", type=positive, metavar="A", help="a version")
    compare.add_argument("b", type=positive, metavar="B", help="the version set against it")
    export = _action(actions, "export", export_model, "write a version to a file with a digest")
    export.add_argument("number", type=positive, metavar="N", help="version")
    export.add_argument("file", type=new_file, metavar="FILE", help="file to write")
    bring = _action(actions, "import", import_model, "add the model in a file as an archived version")
    bring.add_argument("file", type=Path, metavar="FILE", help="file that 'churn models export' wrote")

    promote = add_verb(verbs, "promote", promote_model, "Make a version the champion, which scores.")
    promote.add_argument("number", type=positive, metavar="N", help="version")
    back = add_verb(verbs, "rollback", roll_back_model, "Make the champion before this one champion again.")
    for verb in (promote, back):
        verb.add_argument("--score", action="store_true", help="score the customers with it at once")
    aside = add_verb(verbs, "archive", archive_model, "Put a version aside; promoting brings it back.")
    aside.add_argument("number", type=positive, metavar="N", help="version")

    card = add_verb(verbs, "card", write_card, "The model card of a version: what it is, how good, what for.")
    card.add_argument("number", type=positive, nargs="?", metavar="N", help="version (default: the champion)")
    card.add_argument("--format", choices=("md", "html"), default="md", help="Markdown (default) or HTML")
    card.add_argument("--out", type=new_file, metavar="FILE", help="file to write (default: print it)")


def list_models(args: argparse.Namespace) -> int:
    """``churn models``."""
    from churn_core.models.compare import judged_measures
    from churn_core.models.families import CONSTANTS
    from churn_core.models.promotion import older_scores
    from churn_core.models.registry import model_versions

    warehouse = opened_workspace(args)
    versions = model_versions(warehouse)
    if not versions:
        return show(args, [], ["There is no model yet; train one with 'churn train'."])
    rows, result = [], []
    for version in versions:
        measures = judged_measures(version)
        result.append(
            {
                **{key: value for key, value in asdict(version).items() if key not in ("summary", "feature_names")},
                "n_features": sum(name not in CONSTANTS for name in version.feature_names),
                "metrics": {name: asdict(found) for name, found in measures.items()},
                "cutoffs": version.summary.get("cutoffs", []),
                "seed": version.summary.get("seed"),
                "libraries": version.summary.get("libraries", {}),
            }
        )
        rows.append(
            (
                version.model_version, version.status, version.estimator, version.source,
                f"{version.trained_at:%Y-%m-%d %H:%M}",
                version.trained_by or "-", *(_value(measures.get(name)) for name in ("auc", "log_loss")),
            )
        )  # fmt: skip
    header = ("model", "status", "estimator", "source", "trained (UTC)", "by", "AUC", "log loss")
    older = older_scores(warehouse)
    return show(args, result, [*table(header, rows), *([older] if older else [])])


def compare_models(args: argparse.Namespace) -> int:
    """``churn models compare``."""
    from churn_core.customers.tiers import active_policy
    from churn_core.models.compare import compare_versions

    warehouse = opened_workspace(args)
    policy = active_policy(warehouse)
    found = compare_versions(warehouse, args.a, args.b, high_from=policy.high_from, medium_from=policy.medium_from)
    return show(args, _comparison_json(found), [*_metric_lines(found), "", *_present_lines(found)])


def export_model(args: argparse.Namespace) -> int:
    """``churn models export``."""
    from churn_core.models.model_file import export_model as export

    path = export(opened_workspace(args), args.number, args.file)
    result = {"model_version": args.number, "path": str(path), "n_bytes": path.stat().st_size}
    return show(args, result, [f"Wrote model {args.number} to {path}."])


def import_model(args: argparse.Namespace) -> int:
    """``churn models import``."""
    from churn_core.models.model_file import import_model as bring

    version = bring(opened_workspace(args), args.file)
    number = version.model_version
    lines = [f"{args.file.name} is model {number} now, archived; 'churn promote {number}' lets it score."]
    return show(args, {"model_version": number, "status": version.status, "sha256": version.sha256}, lines)


def promote_model(args: argparse.Namespace) -> int:
    """``churn promote``."""
    from churn_core.models.promotion import promote

    warehouse = opened_workspace(args)
    return _promoted(args, warehouse, promote(warehouse, args.number))


def roll_back_model(args: argparse.Namespace) -> int:
    """``churn rollback``."""
    from churn_core.models.promotion import roll_back

    warehouse = opened_workspace(args)
    return _promoted(args, warehouse, roll_back(warehouse))


def archive_model(args: argparse.Namespace) -> int:
    """``churn archive``."""
    from churn_core.models.promotion import archive

    version = archive(opened_workspace(args), args.number)
    result = {"model_version": version.model_version, "status": version.status}
    return show(args, result, [f"Model {version.model_version} is archived."])


def write_card(args: argparse.Namespace) -> int:
    """``churn card``."""
    from churn_core.figures.card_html import card_html
    from churn_core.models.card import card_markdown, model_card
    from churn_core.models.registry import champion, model_version

    warehouse = opened_workspace(args)
    version = champion(warehouse) if args.number is None else model_version(warehouse, args.number)
    if version is None:
        raise NotFound("there is no model yet; train one first.")
    card = model_card(version)
    text = card_html(card) if args.format == "html" else card_markdown(card)
    result = {"model_version": version.model_version, "format": args.format}
    if args.out is None:
        return show(args, {**result, "card": text}, [text.rstrip("\n")])
    args.out.write_text(text, encoding="utf-8", newline="\n")
    return show(
        args, {**result, "path": str(args.out)}, [f"Wrote the card of model {version.model_version} to {args.out}."]
    )


def _action(actions: Any, name: str, run: Any, summary: str) -> argparse.ArgumentParser:
    """An action of ``models``, with the options of the verb itself where they may also stand behind it."""
    parser: argparse.ArgumentParser = actions.add_parser(name, help=summary, description=summary)
    parser.set_defaults(run=run)
    parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print the result as JSON")
    parser.add_argument("--workspace", "-w", metavar="NAME", default=argparse.SUPPRESS, help="workspace to work on")
    return parser


def _promoted(args: argparse.Namespace, warehouse: Warehouse, made: Promotion) -> int:
    """What a promotion says, and the scores of the new champion when they were asked for."""
    from churn_core.campaigns.scoring import score_workspace

    run = None
    lines = [made.message if not args.score else made.message.split(". ")[0].rstrip(".") + "."]
    if args.score:
        progress = ProgressLine()
        run = score_workspace(warehouse, progress)
        progress.end()
        lines.append(f"Scored {run.n_customers:,} customers with model {run.model_version}; run {run.run_id}.")
    elif not made.is_scored:
        lines.append("'churn score' does that.")
    result = {**asdict(made), "is_scored": made.is_scored or run is not None, "run_id": run.run_id if run else None}
    return show(args, result, lines)


def _metric_lines(found: Comparison) -> list[str]:
    from churn_core.models.evaluation import METRIC_LABELS

    a, b = found.a.model_version, found.b.model_version
    rows = [
        (
            METRIC_LABELS[pair.name], _with_interval(pair.a), _with_interval(pair.b),
            _with_interval(pair.difference, "+.4f"),
            {True: f"model {b} is better", False: f"model {a} is better", None: "not clear"}[pair.b_is_better]
            if pair.difference else "-",
        )
        for pair in found.metrics
    ]  # fmt: skip
    shown = table(("measure", f"model {a}", f"model {b}", "difference", "clear?"), rows)
    return [*shown, *([f"Not compared: {found.not_comparable}"] if found.not_comparable else [])]


def _present_lines(found: Comparison) -> list[str]:
    from churn_core.models.compare import TIERS

    a, b, now = found.a.model_version, found.b.model_version, found.present
    if now is None:
        return [f"Not scored: {found.not_present}"]
    rank = "not defined" if now.rank_correlation is None else f"{now.rank_correlation:.3f}"
    rows = [(tier, *(f"{n:,}" for n in counts)) for tier, counts in zip(TIERS, now.tiers, strict=True)]
    changes = [
        (row["customer_id"], f"{row['risk_a']:.3f}", f"{row['risk_b']:.3f}", f"{row['change']:+.3f}")
        for row in now.changes(0, N_SHOWN)
    ]
    return [
        f"{now.n:,} customers of today{' (a sample)' if now.is_sample else ''}: mean risk {now.risk_a.mean():.1%} by "
        f"model {a}, {now.risk_b.mean():.1%} by model {b}; rank correlation {rank}.",
        f"{now.n_changed:,} change tier. Rows: tier by model {a}; columns: tier by model {b}.",
        *table(("", *TIERS), rows),
        "",
        *table(("largest changes", f"model {a}", f"model {b}", "change"), changes),
    ]


def _comparison_json(found: Comparison) -> dict[str, Any]:
    from churn_core.models.compare import TIERS

    now = found.present
    return {
        "a": found.a.model_version,
        "b": found.b.model_version,
        "metrics": [{**asdict(pair), "is_clear": pair.is_clear} for pair in found.metrics],
        "not_comparable": found.not_comparable,
        "not_present": found.not_present,
        "present": now
        and {
            "n": now.n,
            "is_sample": now.is_sample,
            "rank_correlation": now.rank_correlation,
            "mean_risk_a": float(now.risk_a.mean()),
            "mean_risk_b": float(now.risk_b.mean()),
            "n_changed": now.n_changed,
            "tiers": {row: dict(zip(TIERS, counts, strict=True)) for row, counts in zip(TIERS, now.tiers, strict=True)},
            "largest_changes": now.changes(0, N_SHOWN),
        },
    }


def _value(found: Metric | None) -> str:
    return "-" if found is None else f"{found.value:.4f}"


def _with_interval(found: Metric | None, form: str = ".4f") -> str:
    return "-" if found is None else f"{found.value:{form}} [{found.low:{form}}, {found.high:{form}}]"
