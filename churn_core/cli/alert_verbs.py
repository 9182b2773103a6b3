"""Verbs about the alert queue: list, show, refresh and policy; what people do is in a module of its own."""

from __future__ import annotations

import argparse
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from churn_core.cli import alert_work_verbs
from churn_core.cli.options import Verbs, add_verb, amount, days, new_list, opened_workspace, positive, probability
from churn_core.cli.output import show, table

if TYPE_CHECKING:
    from churn_core.customers.alert_model import Alert, AlertFilter, AlertList
    from churn_core.customers.alert_policy import AlertPolicy
    from churn_core.warehouse import Warehouse

N_SHOWN = 20
_GIVEN = {"top": N_SHOWN, "owner": None, "rule": "", "sort": None, "status": None, "overdue": False, "csv": None,
          "with_contact": False, "search": ""}  # fmt: skip
"""What is meant where an option of the list is not given."""
_POLICY = {
    "most": "n_most",
    "top_share": "top_share",
    "min_stake": "min_stake",
    "jump": "jump_points",
    "valuable": "n_valuable",
    "recent": "recent_days",
    "due": "due_days",
    "quiet": "quiet_days",
    "attempts": "n_attempts",
}
"""Options of the policy and the fields they set."""


def add_verbs(verbs: Verbs) -> None:
    """Add ``alerts`` with its own verbs to the parser."""
    parser = add_verb(verbs, "alerts", list_alerts, "Customers who need somebody today: list, take, put off, finish.")
    _add_list(parser)
    own = parser.add_subparsers(dest="alerts_verb", metavar="VERB", help="list when none is named")
    _add_list(add_verb(own, "list", list_alerts, "The queue, most at stake first."))
    shown = add_verb(own, "show", show_alert, "One alert with everything that happened to it.")
    shown.add_argument("alert", type=positive, metavar="NUMBER", help="number of the alert")
    renewed = add_verb(own, "refresh", refresh, "Renew the queue; it happens by itself after imports and scorings.")
    renewed.add_argument("--more", type=positive, default=0, metavar="N", help="so many places beyond those of the day")
    _add_policy(add_verb(own, "policy", policy, "What the queue takes, and how fast it may grow: show or change it."))
    alert_work_verbs.add_to_alerts(own)


def _add_list(parser: argparse.ArgumentParser) -> None:
    def option(*names: str, **settings: Any) -> None:
        parser.add_argument(*names, default=argparse.SUPPRESS, **settings)

    option("--status", action="append", metavar="STATUS", help="open, taken, snoozed, done, expired or all; repeatable")
    option("--owner", metavar="NAME", help="only alerts of this owner; '' for those nobody has")
    option("--rule", metavar="RULE", help="only alerts that this rule named, such as late")
    option("--search", metavar="TEXT", help="part of the customer's id or name")
    option("--overdue", action="store_true", help="only alerts whose due day is over")
    option("--sort", metavar="ORDER", help="stake, due, raised, risk, customer_id or closed")
    option("--top", type=positive, metavar="N", help=f"alerts listed (default: {N_SHOWN})")
    option("--csv", type=new_list, metavar="FILE", help="write all of them to a file, or into a folder")
    option("--with-contact", action="store_true", help="with name, e-mail and telephone number (--csv)")


def _add_policy(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--most", type=positive, metavar="N", help="new alerts a day at most")
    stake = parser.add_mutually_exclusive_group()
    stake.add_argument("--top-share", type=probability, metavar="SHARE", help="share of customers, by what is at stake")
    stake.add_argument("--min-stake", type=amount, metavar="AMOUNT", help="least at stake, in the shop's currency")
    parser.add_argument("--jump", type=amount, metavar="POINTS", help="points by which a risk must rise to be a jump")
    parser.add_argument("--valuable", type=positive, metavar="N", help="places that count as most valuable")
    parser.add_argument("--recent", type=positive, metavar="DAYS", help="days within which something is news")
    parser.add_argument("--due", type=positive, metavar="DAYS", help="working days until a new alert is due")
    parser.add_argument("--attempts", type=positive, metavar="N", help="attempts before giving up who is not reached")
    parser.add_argument("--working-days", nargs="+", metavar="DAY", help="days of the week on which alerts are due, "
                        "such as Mon Tue Wed Thu Fri")  # fmt: skip
    parser.add_argument("--quiet", type=days, metavar="DAYS", help="days of quiet after an alert was done")
    parser.add_argument("--on", action="append", metavar="RULE", help="switch a rule on; repeatable")
    parser.add_argument("--off", action="append", metavar="RULE", help="switch a rule off; repeatable")
    parser.add_argument("--dry-run", action="store_true", help="show what it would do now, and save nothing")
    parser.add_argument(
        "--campaigns", choices=("pause", "control-only"), help="leave all arms of running campaigns alone, or controls"
    )


def list_alerts(args: argparse.Namespace) -> int:
    """``churn alerts list``."""
    from churn_core.customers.alert_export import write_alerts
    from churn_core.customers.alert_model import LIVE, AlertFilter, usual_sort
    from churn_core.customers.alert_summary import alert_summary
    from churn_core.customers.alerts import alerts

    asked = argparse.Namespace(**{**_GIVEN, **vars(args)})
    warehouse = opened_workspace(args)
    statuses = tuple(asked.status or LIVE)
    chosen = AlertFilter(
        statuses=() if "all" in statuses else statuses,
        owner=asked.owner,
        rule=asked.rule,
        overdue_only=asked.overdue,
        search=asked.search,
    )
    sort = asked.sort or usual_sort(chosen)
    found, summary = alerts(warehouse, chosen, sort=sort, page_size=asked.top), alert_summary(warehouse)
    currency = str(warehouse.setting("currency", "") or "")
    which = "qualifies and waits" if summary.n_waiting == 1 else "qualify and wait"
    counted = _counted(warehouse, chosen, found, currency)
    lines = [f"{counted}; {summary.n_overdue:,} overdue, {summary.n_waiting:,} more {which}."]
    if found.rows:
        when = "due" if any(one.is_live for one in found.rows) else "ended"
        lines += table(
            ("alert", "customer", "name", "status", "owner", when, "stake", "why"),
            [_row(one, currency) for one in found.rows],
        )
    if found.n_all > len(found.rows):
        lines.append(f"{found.n_all - len(found.rows):,} more; --top shows more of them, --csv writes all.")
    lines += summary.notes
    result = {**asdict(found), "summary": asdict(summary)}
    if asked.csv:
        written = write_alerts(
            warehouse, asked.csv, chosen, sort=sort, with_contact=asked.with_contact, n_expected=found.n_all
        )
        lines.append(written.message)
        result["file"] = {"path": written.path, "n_rows": written.n_rows, "sha256": written.sha256}
    return show(args, result, lines)


def _counted(warehouse: Warehouse, chosen: AlertFilter, found: AlertList, currency: str) -> str:
    """How many alerts there are and what is at stake; who is put off is counted apart from what is to do."""
    from churn_core.customers.alert_model import LIVE
    from churn_core.customers.alerts import alerts

    if set(chosen.statuses) != set(LIVE):
        return f"{found.n_all:,} {'alert' if found.n_all == 1 else 'alerts'}{_at_stake(found, currency)}"
    to_do = alerts(warehouse, replace(chosen, statuses=("open", "taken")), page_size=1)
    put_off = alerts(warehouse, replace(chosen, statuses=("snoozed",)), page_size=1)
    told = f"{to_do.n_all:,} to do{_at_stake(to_do, currency)}"
    return f"{told}; {put_off.n_all:,} put off{_at_stake(put_off, currency)}" if put_off.n_all else told


def _at_stake(found: AlertList, currency: str) -> str:
    from churn_core.currency import money_text
    from churn_core.customers.alert_model import STAKE_KINDS

    if found.stake_all is None:
        return ""
    return f", {money_text(found.stake_all, currency)} at stake ({STAKE_KINDS[found.stake_kind]})"


def show_alert(args: argparse.Namespace) -> int:
    """``churn alerts show``."""
    from churn_core.currency import money_text
    from churn_core.customers.alert_model import STAKE_KINDS, STATUSES, day_words
    from churn_core.customers.alert_rules import RULES
    from churn_core.customers.alerts import alert, alert_history

    warehouse = opened_workspace(args)
    one, history = alert(warehouse, args.alert), alert_history(warehouse, args.alert)
    currency = str(warehouse.setting("currency", "") or "")
    stake = "unknown" if one.stake is None else f"{money_text(one.stake, currency)} ({STAKE_KINDS[one.stake_kind]})"
    lines = [
        f"Alert {one.alert_id}: customer {one.customer_id}{f', {one.name}' if one.name else ''}. "
        f"{STATUSES[one.status]}{f', with {one.owner}' if one.owner else ''}, {_day_told(one)}.",
        f"At stake: {stake}. {'Not scored' if one.risk is None else f'Risk {100 * one.risk:.1f} %, tier {one.tier}'}.",
        *([f"Must not be contacted: {one.held_back}."] if one.held_back else _reached_at(warehouse, one)),
        f"Why ({', '.join(RULES[name].label for name in one.rules if name in RULES)}):",
        *(f"  {sentence}." for sentence in one.why),
        f"Next: {one.what_next}",
        "What happened:",
        *(
            f"  {day_words(line.at)} {line.at:%H:%M} {line.words}{f', by {line.person}' if line.person else ''}"
            f"{f': {line.note}' if line.note else ''}"
            for line in history
        ),
    ]
    return show(args, {**asdict(one), "history": [asdict(line) for line in history]}, lines)


def _day_told(one: Alert) -> str:
    """By when somebody should look at it, or when it ended and how."""
    from churn_core.customers.alert_model import day_words

    if one.closed_at is None:
        return f"due {day_words(one.due_on)}"
    outcome = f": {one.outcome.replace('_', ' ')}" if one.outcome else ""
    return f"ended {day_words(one.closed_at)}{outcome}"


def _reached_at(warehouse: Warehouse, one: Alert) -> list[str]:
    """Number and address, with what consent data say."""
    from churn_core.customers.alert_contact import contact_of

    known = contact_of(warehouse, one.customer_id) if one.is_live else None
    if known is None or not (known.phone or known.email):
        return []
    told = [
        f"{where} ({words})" if words else where
        for where, words in ((known.phone, known.call_words), (known.email, known.consent_words))
        if where
    ]
    return [f"Contact: {', '.join(told)}."]


def refresh(args: argparse.Namespace) -> int:
    """``churn alerts refresh``."""
    from churn_core.campaigns.alerting import renew_alerts

    found = renew_alerts(opened_workspace(args), n_more=args.more)
    return show(args, asdict(found), [found.message, *found.notes])


def policy(args: argparse.Namespace) -> int:
    """``churn alerts policy``."""
    from churn_core.campaigns.alerting import foresee_alerts
    from churn_core.customers.alert_policy import alert_policy, save_alert_policy
    from churn_core.customers.alert_rules import RULES

    warehouse = opened_workspace(args)
    before = alert_policy(warehouse)
    asked = _changed(before, args)
    if asked != before and not args.dry_run:
        save_alert_policy(warehouse, asked)
    lines = [asked.words]
    if args.dry_run:
        lines.append(f"Not saved. {foresee_alerts(warehouse, asked).words}")
    elif asked != before:
        lines.append("It counts from the next refresh on; 'churn alerts refresh' makes it now.")
    lines += [
        f"  {name} ({'on' if name in asked.rules_on else 'off'}): {rule.label}. {rule.meaning}"
        for name, rule in RULES.items()
    ]
    return show(args, asdict(asked), lines)


def _changed(policy: AlertPolicy, args: argparse.Namespace) -> AlertPolicy:
    given = {field: getattr(args, option) for option, field in _POLICY.items() if getattr(args, option) is not None}
    if "top_share" in given:
        given["min_stake"] = None
    if args.working_days:
        given["working_days"] = tuple(day.capitalize() for day in args.working_days)
    rules = [name for name in policy.rules_on if name not in (args.off or ())] + list(args.on or ())
    if args.campaigns:
        given["pause_in_campaigns"] = args.campaigns == "pause"
    for name in args.off or ():
        replace(policy, rules_on=(name,))
    return replace(policy, rules_on=tuple(dict.fromkeys(rules)), **given)


def _row(one: Alert, currency: str) -> tuple[str, ...]:
    from churn_core.currency import money_text
    from churn_core.customers.alert_model import day_words

    due = day_words(one.closed_at or one.due_on) + (" overdue" if one.is_overdue else "")
    status = f"{one.status}: {one.outcome.replace('_', ' ')}" if one.outcome else one.status
    why = f"{one.why[0] if one.why else '-'}{' (must not be contacted)' if one.held_back else ''}"
    stake = "-" if one.stake is None else money_text(one.stake, currency)
    return str(one.alert_id), one.customer_id, one.name or "-", status, one.owner or "-", due, stake, why
