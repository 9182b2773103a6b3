"""Verbs about what customers are worth: value."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from churn_core.cli.options import Verbs, add_verb, date, new_list, opened_workspace, positive, probability
from churn_core.cli.output import ProgressLine, show, table
from churn_core.errors import InputError, NotFound

if TYPE_CHECKING:
    from churn_core.customers.worth_stake import Stake
    from churn_core.customers.worth_view import WorthRun
    from churn_core.warehouse import Warehouse

N_SHOWN = 10


def add_verbs(verbs: Verbs) -> None:
    """Add value to the parser."""
    value = add_verb(
        verbs, "value", show_value, "What customers will bring, how right that was, and the value at risk."
    )
    value.add_argument(
        "--run", action="store_true", dest="is_new", help="value customers now; otherwise the newest values are shown"
    )
    value.add_argument("--horizon", type=positive, metavar="DAYS", help="days ahead (default: as last time, or 90)")
    value.add_argument("--years", type=float, metavar="N", help="years of the lifetime value, 1 to 5 (default 2)")
    value.add_argument("--discount", type=probability, metavar="RATE", help="discount a year, like 0.1 (default 0.1)")
    value.add_argument("--as-of", type=date, metavar="DATE", help="value with what was known before this day")
    value.add_argument("--output", type=new_list, metavar="FILE", help="write all customers as CSV to a file or folder")
    value.add_argument(
        "--top", type=positive, default=N_SHOWN, metavar="N", help=f"customers to show (default {N_SHOWN})"
    )


def show_value(args: argparse.Namespace) -> int:
    """``churn value``."""
    from churn_core.customers.worth_view import latest_worth, sorts_of, worth_page

    warehouse = opened_workspace(args)
    if args.is_new:
        _run(args, warehouse)
    elif any(option is not None for option in (args.horizon, args.years, args.discount, args.as_of)):
        raise InputError("days, years, discount and date are of a new valuation; add --run to make one.")
    run = latest_worth(warehouse)
    stake = _stake(warehouse)
    if run is None and stake is None:
        raise NotFound("customers were not valued yet and nobody was scored; 'churn value --run' values customers.")
    result: dict[str, Any] = {"run": None, "stake": None, "top": []}
    lines: list[str] = []
    currency = str(warehouse.setting("currency", "") or "")
    if run is not None:
        top = worth_page(warehouse, sort=next(iter(sorts_of(run))), limit=args.top).to_dict("records")
        result |= {"run": _as_dict(run), "top": [_plain(row, run) for row in top]}
        beside = _beside_demand(warehouse, run, currency)
        result["beside_demand"] = beside or None
        lines += [*_run_lines(run, currency), *([beside] if beside else []), "", *_top_lines(result["top"], currency)]
    if stake is not None:
        result["stake"] = _stake_dict(stake)
        lines += ["", *_stake_lines(stake, currency)]
    if args.output:
        from churn_core.customers.worth_export import write_worth

        export = write_worth(warehouse, args.output)
        result["export"] = asdict(export)
        lines += ["", f"{export.n_rows:,} customers written to {export.path}."]
    return show(args, result, lines)


def _run(args: argparse.Namespace, warehouse: Warehouse) -> None:
    from dataclasses import replace

    from churn_core.customers.worth import proposed_plan, value_customers

    asked = {"horizon_days": args.horizon, "lifetime_years": args.years, "discount_rate": args.discount}
    plan = replace(proposed_plan(warehouse), **{name: given for name, given in asked.items() if given is not None})
    progress = ProgressLine()
    try:
        value_customers(warehouse, plan, as_of=args.as_of, progress=progress)
    finally:
        progress.end()


def _stake(warehouse: Warehouse) -> Stake | None:
    from churn_core.customers.worth_stake import value_at_stake
    from churn_core.models.runs import latest_run

    return value_at_stake(warehouse) if latest_run(warehouse) else None


def _beside_demand(warehouse: Warehouse, run: WorthRun, currency: str) -> str:
    """By how much the forecast of the whole shop differs, as the Value page says it; empty where not known."""
    from churn_core.customers.demand import forecast_demand
    from churn_core.errors import NotEnoughData
    from churn_core.figures.demand import known_customers_sentence

    if run.total_spend is None or run.data_version != warehouse.data_version:
        return ""
    try:
        return known_customers_sentence(forecast_demand(warehouse), currency=currency)
    except NotEnoughData:
        return ""


def _as_dict(run: WorthRun) -> dict[str, Any]:
    return {**asdict(run), "hold_out": run.hold_out.to_json() if run.hold_out else None}


def _stake_dict(stake: Stake) -> dict[str, Any]:
    found = asdict(stake)
    if stake.concentration is not None:
        found["concentration"]["top"] = {f"{share:g}": held for share, held in stake.concentration.top.items()}
    return found


def _plain(row: dict[Any, Any], run: WorthRun) -> dict[str, Any]:
    """A row without NaN, with dates as text and the typical margin beside the expected one, for JSON."""
    made: dict[str, Any] = {}
    for name, entry in row.items():
        is_missing = entry is None or entry != entry
        made[str(name)] = None if is_missing else f"{entry:%Y-%m-%d}" if hasattr(entry, "year") else entry
    typical = made.get("typical_spend")
    return made | {"typical_margin": None if typical is None else typical * run.margin_rate}


def _run_lines(run: WorthRun, currency: str) -> list[str]:
    from churn_core.customers.worth_words import (
        ERROR_WORDS,
        assumptions,
        lifetime_words,
        method_words,
        spend_words,
        verdict,
    )
    from churn_core.figures.theme import count, money

    lines = [f"{run.n_customers:,} customers as of {run.as_of:%-d %b %Y}, {run.plan.horizon_days} days ahead."]
    lines.append(method_words(run))
    rows = [("order days", count(run.total_orders))]
    if run.total_spend is not None:
        between = (
            f" (80 %: {money(run.interval[0], currency)} to {money(run.interval[1], currency)})" if run.interval else ""
        )
        rows.append((spend_words(run.is_net), money(run.total_spend, currency) + between))
        rows.append(("margin", money(run.total_margin, currency)))
    if run.total_lifetime is not None:
        bounds = run.lifetime_bounds
        around = f" ({money(bounds[0], currency)} to {money(bounds[1], currency)})" if bounds else ""
        rows.append((f"lifetime, {run.plan.lifetime_years:g} years", money(run.total_lifetime, currency) + around))
    lines += ["", *table(("expected", "total"), rows), ""]
    if run.hold_out is not None:
        found = run.hold_out
        unit = currency if found.what == "spend" else "order days"
        lines.append(f"Checked on {found.cutoff:%-d %b %Y}: {verdict(found)}")
        deciles = [
            (str(number), f"{entry.n:,}", f"{entry.predicted:,.2f}", f"{entry.actual:,.2f}")
            for number, entry in enumerate(found.deciles, start=1)
        ]
        typical = "" if found.mae_typical is None else f", of typical amounts (medians) {found.mae_typical:,.2f}"
        lines += ["", *table(("tenth", "n", f"predicted {unit}".strip(), "actual"), deciles), ""]
        lines.append(
            f"Mean error per customer {found.mae:,.2f}{typical}; same as in as many days before {found.mae_same:,.2f}; "
            f"BG/NBD with Gamma-Gamma {found.mae_rhythm:,.2f}."
        )
    lines += [*run.notes]
    if run.total_spend is not None:
        lines.append(ERROR_WORDS)
    return [*lines, assumptions(run), lifetime_words(run)] if run.total_lifetime is not None else lines


def _top_lines(rows: list[dict[str, Any]], currency: str) -> list[str]:
    from churn_core.figures.theme import UNKNOWN, money

    columns = {
        "customer": [str(row["customer_id"]) for row in rows],
        "margin": [money(row["expected_margin"], currency) for row in rows],
        "typical": [money(row["typical_margin"], currency) for row in rows],
        "orders": [f"{row['expected_orders']:.1f}" for row in rows],
        "lifetime": [money(row["lifetime_value"], currency) for row in rows],
        "next order": [row["next_order_at"] or UNKNOWN for row in rows],
    }
    known = {name: shown for name, shown in columns.items() if set(shown) != {UNKNOWN}}
    return table(tuple(known), list(zip(*known.values(), strict=True)))


def _stake_lines(stake: Stake, currency: str) -> list[str]:
    from churn_core.figures.theme import money, percent

    if stake.concentration is None:
        return ["No scored customer has an expected value above zero, so there is no value at risk to place."]
    held = ", ".join(f"top {100 * top:g} %: {percent(share)}" for top, share in stake.concentration.top.items())
    header = ("risk", *(_band(low, below) for low, below in stake.bands))
    rows = []
    for start in range(0, len(stake.cells), len(stake.bands)):
        cells = stake.cells[start : start + len(stake.bands)]
        rows.append(
            (cells[0].tier, *(f"{cell.n_customers:,} ({money(cell.value_at_risk, currency)})" for cell in cells))
        )
    return [
        f"Value at risk {money(stake.concentration.total, currency)}; held by the {held}.",
        "Customers (and value at risk) by risk and expected value:",
        *table(header, rows),
    ]


def _band(low: float | None, below: float | None) -> str:
    if low is None and below is None:
        return "any"
    return f"below {below:g}" if low is None else f"from {low:g}"
