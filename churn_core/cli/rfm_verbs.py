"""Verbs about RFM groups and lifecycle stages: rfm."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from churn_core.cli.options import Verbs, add_verb, date, opened_workspace
from churn_core.cli.output import show, table

if TYPE_CHECKING:
    from churn_core.customers.moves import Moves
    from churn_core.customers.rfm import Cell, RfmTable
    from churn_core.customers.rfm_outlook import Outlook


def add_verbs(verbs: Verbs) -> None:
    """Add rfm to the parser."""
    parser = add_verb(
        verbs, "rfm", show_rfm, "Groups by recency, frequency and money, and who moved between them or between stages."
    )
    parser.add_argument("--as-of", type=date, metavar="DATE", help="day to look at (default: the end of the orders)")
    parser.add_argument("--groups", action="store_true", help="the groups with their money (what is shown by default)")
    parser.add_argument("--movement", nargs=2, type=date, metavar=("FROM", "TO"), help="who moved between two days")
    parser.add_argument("--lifecycle", action="store_true", help="stages against the own rhythm in place of RFM groups")


def show_rfm(args: argparse.Namespace) -> int:
    """``churn rfm``."""
    if args.lifecycle:
        return _show_lifecycle(args)
    from churn_core.customers.rfm import rfm
    from churn_core.customers.rfm_outlook import outlook, rfm_movement
    from churn_core.customers.rfm_rule import rule_words

    warehouse = opened_workspace(args)
    result: dict[str, Any] = {}
    lines: list[str] = []
    if args.groups or not args.movement:
        found = rfm(warehouse, args.as_of)
        became = outlook(warehouse, args.as_of)
        result |= {
            "as_of": found.day,
            "rule": {"version": found.rule.version, **found.rule.to_json()},
            "thresholds": asdict(found.thresholds),
            "scored_as_of": found.run_as_of,
            "groups": [_group(name, cell, became) for name, cell in found.groups.items()],
            "outcome_days": list(became.days),
            "notes": list(found.notes),
        }
        currency = str(warehouse.setting("currency", "") or "")
        lines += [*_group_lines(found, became, currency), "", rule_words(found.rule), *found.notes]
    if args.movement:
        moves = rfm_movement(warehouse, *args.movement)
        result["movement"] = _moves(moves)
        lines += [*([""] if lines else []), *_move_lines(moves)]
    return show(args, result, lines)


def _show_lifecycle(args: argparse.Namespace) -> int:
    from churn_core.customers.lifecycle import STAGES, lifecycle, stage_movement

    warehouse = opened_workspace(args)
    result: dict[str, Any] = {}
    lines: list[str] = []
    if args.groups or not args.movement:
        found = lifecycle(warehouse, args.as_of)
        result |= {
            "as_of": found.day,
            "stages": [{**asdict(stage), "meaning": STAGES[stage.name]} for stage in found.stages],
            "notes": [found.note] if found.note else [],
        }
        rows = [
            (
                stage.name,
                f"{stage.n:,}",
                _percent(stage.n / found.n_customers),
                _percent(stage.mean_risk),
                STAGES[stage.name],
            )
            for stage in found.stages
        ]
        lines += [
            *table(("stage", "customers", "share", "mean risk", "who"), rows),
            *([found.note] if found.note else []),
        ]
    if args.movement:
        moves = stage_movement(warehouse, *args.movement)
        result["movement"] = _moves(moves)
        lines += [*([""] if lines else []), *_move_lines(moves)]
    return show(args, result, lines)


def _group(name: str, cell: Cell, became: Outlook) -> dict[str, Any]:
    after = became.groups[name]
    interval = after.interval
    return {
        "group": name,
        "n_customers": cell.n,
        "spend_amount": cell.spend_amount,
        "mean_orders": cell.mean_orders,
        "mean_days_since_last_order": cell.mean_days,
        "n_scored": cell.n_scored,
        "mean_risk": cell.mean_risk,
        "value_at_risk": cell.value_at_risk,
        "mean_value_at_risk": cell.mean_value_at_risk,
        "n_with_outcome": after.n,
        "churn_rate_after": after.churn_rate,
        "churn_rate_interval": list(interval) if interval else None,
    }


def _group_lines(found: RfmTable, became: Outlook, currency: str) -> list[str]:
    n = found.everybody.n
    rows = [
        (
            name,
            f"{cell.n:,}",
            _percent(cell.n / n),
            _amount(cell.spend_amount, currency),
            "-" if cell.mean_days is None else f"{cell.mean_days:,.0f}",
            _of(cell.mean_risk, cell.n_scored),
            _amount(cell.value_at_risk, currency),
            _amount(cell.mean_value_at_risk, currency),
            _of(became.groups[name].churn_rate, became.groups[name].n),
        )
        for name, cell in found.groups.items()
    ]
    head = (
        "group",
        "customers",
        "share",
        "spend",
        "days silent",
        "mean risk (of)",
        "value at risk",
        "each",
        "churned after (of)",
    )
    return [f"As of {found.day:%-d %b %Y}:", *table(head, rows)]


def _moves(moves: Moves) -> dict[str, Any]:
    return {
        "from": moves.first,
        "to": moves.second,
        "n_customers": moves.n_customers,
        "n_moved": moves.n_moved,
        "moves": [asdict(move) for move in moves.moves],
    }


def _move_lines(moves: Moves) -> list[str]:
    rows = [
        (before, *(f"{moves.n(before, after):,}" for after in moves.groups), f"{moves.n_before(before):,}")
        for before in moves.sources
    ]
    together = ("together", *(f"{moves.n_after(after):,}" for after in moves.groups), f"{moves.n_customers:,}")
    head = f"From {moves.first:%-d %b %Y} (rows) to {moves.second:%-d %b %Y} (columns):"
    return [head, *table(("", *moves.groups, "together"), [*rows, together])]


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"


def _of(share: float | None, n: int) -> str:
    return "-" if share is None else f"{_percent(share)} ({n:,})"


def _amount(value: float | None, currency: str) -> str:
    from churn_core.currency import money_text

    return "-" if value is None else money_text(value, currency)
