"""Verbs about whether a model can still be trusted: drift."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from churn_core.cli.options import Verbs, add_verb, opened_workspace, positive
from churn_core.cli.output import show, table

if TYPE_CHECKING:
    from churn_core.models.drift import DriftReport

MOST_INPUTS = 15
"""Inputs listed; --json holds all of them."""


def add_verbs(verbs: Verbs) -> None:
    """Add drift to the parser."""
    found = add_verb(verbs, "drift", show_drift, "Compare scored customers with those the model learned from.")
    found.add_argument(
        "--run", dest="run_id", type=positive, metavar="N", help="score run to look at (default: the newest)"
    )
    found.add_argument(
        "--model", type=positive, metavar="N", help="compare with this version (default: the one that scored the run)"
    )


def show_drift(args: argparse.Namespace) -> int:
    """``churn drift``."""
    from churn_core.models.drift import drift

    report = drift(opened_workspace(args), run_id=args.run_id, model_version=args.model)
    return show(args, report.to_dict(), _lines(report))


def _lines(report: DriftReport) -> list[str]:
    as_of = f" as of {report.as_of:%Y-%m-%d}" if report.as_of else ""
    lines = [
        f"Run {report.run_id}{as_of} against model {report.model_version}: {report.verdict}.",
        f"{report.reason[:1].upper()}{report.reason[1:]}",
        f"Compared: {report.n_looked_at:,} of {report.n_customers:,} customers with {report.population}.",
        "",
        *table(
            ("input", "verdict", "PSI", "distance", "missing then", "now"),
            [
                (
                    _label(shift.name),
                    shift.verdict,
                    _sized(shift.psi),
                    _sized(shift.distance),
                    f"{shift.missing_then:.1%}",
                    "-" if shift.missing_now is None else f"{shift.missing_now:.1%}",
                )
                for shift in (report.risk, *report.inputs[:MOST_INPUTS])
            ],
        ),
        "",
    ]
    if len(report.inputs) > MOST_INPUTS:
        lines.append(f"{len(report.inputs) - MOST_INPUTS} more inputs, moved less; --json lists them.")
    lines += [f"{advice.what}: {advice.why}" for advice in report.advice]
    return [*lines, report.decay_note]


def _label(name: str) -> str:
    """An input in words, or the name of the user's own column."""
    from churn_core.features.registry import FEATURES

    return FEATURES[name].label if name in FEATURES else name.removeprefix("attribute:").replace("_", " ")


def _sized(size: float | None) -> str:
    return "-" if size is None else f"{size:.2f}"
