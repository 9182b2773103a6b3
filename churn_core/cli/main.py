"""The parser, and the one place where an error becomes a sentence and an exit code."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn

from churn_core import __version__
from churn_core.cli import (
    alert_verbs,
    campaign_verbs,
    cohort_verbs,
    customer_verbs,
    data_verbs,
    demand_verbs,
    driver_verbs,
    experiment_verbs,
    health_verbs,
    list_verbs,
    model_verbs,
    money_verbs,
    proof_verbs,
    rfm_verbs,
    rule_verbs,
    segment_verbs,
    value_verbs,
    version_verbs,
    workspace_verbs,
)
from churn_core.cli.options import NOT_GIVEN
from churn_core.errors import ChurnError, JobCancelled
from churn_core.jobs import KEPT

BAD_INPUT = 2


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {message}; see '{self.prog} --help'.", file=sys.stderr)
        raise SystemExit(BAD_INPUT)


def build_parser() -> argparse.ArgumentParser:
    """The parser with all verbs."""
    parser = _Parser(
        prog="churn",
        description="Which customers are about to leave, how much money goes with them, why, and what to do.",
    )
    parser.set_defaults(**NOT_GIVEN)
    parser.add_argument("--version", action="version", version=f"churn {__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for module in (
        workspace_verbs,
        data_verbs,
        model_verbs,
        proof_verbs,
        health_verbs,
        version_verbs,
        list_verbs,
        customer_verbs,
        alert_verbs,
        campaign_verbs,
        experiment_verbs,
        driver_verbs,
        money_verbs,
        cohort_verbs,
        rfm_verbs,
        value_verbs,
        demand_verbs,
        rule_verbs,
        segment_verbs,
    ):
        module.add_verbs(verbs)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; 0 when it worked, 2 with one sentence when something given cannot be used."""
    args = build_parser().parse_args(argv)
    try:
        return int(args.run(args))
    except KeyboardInterrupt:
        print(f"\nchurn: stopped; {KEPT}.", file=sys.stderr)
        return 130
    except JobCancelled as error:
        print(f"churn: {error}", file=sys.stderr)
        return 130
    except ChurnError as error:
        print(f"\nchurn: {error}" if sys.stderr.isatty() else f"churn: {error}", file=sys.stderr)
        return BAD_INPUT
    except BrokenPipeError:
        sys.stderr.close()
        return 0
