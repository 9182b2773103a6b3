"""Verbs about work on alerts: take, hand-over, snooze, not-reached, done, reopen, note."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from churn_core.cli.options import Verbs, add_verb, date, opened_workspace, positive
from churn_core.cli.output import show

if TYPE_CHECKING:
    from churn_core.customers.alert_changes import Worked


def add_to_alerts(own: Verbs) -> None:
    """Add the verbs of people's work to those of ``churn alerts``."""
    taken = _verb(own, "take", take, "Take alerts for an owner, a person or a desk.")
    taken.add_argument("--owner", required=True, metavar="NAME", help="who works on them from now on")
    handed = _verb(own, "hand-over", hand_over, "Give alerts to another owner, whoever had them.")
    handed.add_argument("--owner", required=True, metavar="NAME", help="who works on them from now on")
    handed.add_argument("--note", default="", metavar="TEXT", help="what the next person should know")
    put_off = _verb(own, "snooze", snooze, "Put alerts off until a day.")
    put_off.add_argument("--until", required=True, type=date, metavar="DATE", help="day on which they come back")
    put_off.add_argument("--note", default="", metavar="TEXT", help="why")
    tried = _verb(own, "not-reached", not_reached, "Count an attempt without an answer; alerts come back.")
    tried.add_argument("--until", type=date, metavar="DATE", help="day on which they come back (next working day)")
    tried.add_argument("--note", default="", metavar="TEXT", help="what was tried")
    finished = _verb(own, "done", done, "Finish alerts with an outcome.")
    finished.add_argument(
        "--outcome", required=True, metavar="OUTCOME", help="reached, no_need, or not_reached after several attempts"
    )
    finished.add_argument("--note", default="", metavar="TEXT", help="what came of it")
    again = _verb(own, "reopen", reopen, "Bring alerts back that were put off, done or expired.")
    again.add_argument("--note", default="", metavar="TEXT", help="why")
    noted = _verb(own, "note", note, "Write something down about alerts.")
    noted.add_argument("--text", required=True, metavar="TEXT", help="what the next person should know")


def take(args: argparse.Namespace) -> int:
    """``churn alerts take``."""
    from churn_core.customers import alert_work

    return _shown(args, alert_work.take(opened_workspace(args), args.alerts, args.owner))


def hand_over(args: argparse.Namespace) -> int:
    """``churn alerts hand-over``."""
    from churn_core.customers import alert_work

    return _shown(args, alert_work.hand_over(opened_workspace(args), args.alerts, args.owner, note=args.note))


def snooze(args: argparse.Namespace) -> int:
    """``churn alerts snooze``."""
    from churn_core.customers import alert_work

    return _shown(args, alert_work.snooze(opened_workspace(args), args.alerts, args.until.date(), note=args.note))


def not_reached(args: argparse.Namespace) -> int:
    """``churn alerts not-reached``."""
    from churn_core.customers import alert_attempts

    until = args.until.date() if args.until else None
    return _shown(args, alert_attempts.not_reached(opened_workspace(args), args.alerts, until=until, note=args.note))


def done(args: argparse.Namespace) -> int:
    """``churn alerts done``."""
    from churn_core.customers import alert_work

    return _shown(args, alert_work.done(opened_workspace(args), args.alerts, args.outcome, args.note))


def reopen(args: argparse.Namespace) -> int:
    """``churn alerts reopen``."""
    from churn_core.customers import alert_work

    return _shown(args, alert_work.reopen(opened_workspace(args), args.alerts, note=args.note))


def note(args: argparse.Namespace) -> int:
    """``churn alerts note``."""
    from churn_core.customers import alert_work

    return _shown(args, alert_work.note(opened_workspace(args), args.alerts, args.text))


def _verb(own: Verbs, name: str, run: object, summary: str) -> argparse.ArgumentParser:
    parser = add_verb(own, name, run, summary)
    parser.add_argument("alerts", nargs="+", type=positive, metavar="NUMBER", help="numbers of the alerts")
    return parser


def _shown(args: argparse.Namespace, worked: Worked) -> int:
    return show(args, {**asdict(worked), "n_changed": worked.n_changed}, [worked.message])
