"""Verbs about the weeks ahead: forecast."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from churn_core.cli.options import Verbs, add_verb, opened_workspace, positive
from churn_core.cli.output import show, table

if TYPE_CHECKING:
    from churn_core.customers.demand import Demand, Foreseen


def add_verbs(verbs: Verbs) -> None:
    """Add forecast to the parser."""
    found = add_verb(verbs, "forecast", show_forecast, "Foresee orders and revenue of the coming weeks.")
    found.add_argument("--weeks", type=positive, default=12, metavar="N", help="weeks ahead, 4 to 26 (default: 12)")


def show_forecast(args: argparse.Namespace) -> int:
    """``churn forecast``."""
    from churn_core.customers.demand import forecast_demand

    warehouse = opened_workspace(args)
    demand = forecast_demand(warehouse, args.weeks)
    return show(args, _to_dict(demand), _lines(demand, str(warehouse.setting("currency", "") or "")))


def _to_dict(demand: Demand) -> dict[str, Any]:
    """The result as plain values; the chosen method by its name."""
    from dataclasses import asdict

    from churn_core.customers.demand_words import choice_words, stake_words

    def told(found: Foreseen | None) -> dict[str, Any] | None:
        if found is None:
            return None
        choice = found.choice
        return {
            "method": choice.name,
            "why": choice_words(found),
            "widening": choice.widening,
            "share_at_stake": found.share_at_stake,
            "totals": [asdict(total) for total in found.totals],
            "weeks": [asdict(week) for week in found.ahead],
            "backtest": [asdict(row) for row in choice.rows],
            "n_origins": choice.n_origins,
            "window_weeks": choice.window_weeks,
        }

    return {
        "n_weeks": demand.n_weeks,
        "first_week": demand.starts[0],
        "last_week": demand.starts[-1],
        "n_weeks_known": len(demand.starts),
        "revenue": told(demand.revenue),
        "orders": told(demand.orders),
        "revenue_is_net": demand.is_net,
        "why_no_revenue": demand.why_no_revenue or None,
        "at_risk": asdict(demand.counted) if demand.counted else None,
        "of_known_customers": demand.of_known_customers,
        "came_before": demand.came_before,
        "at_risk_means": stake_words(demand.counted) if demand.counted else demand.why_no_stake,
    }


def _lines(demand: Demand, currency: str) -> list[str]:
    from churn_core.customers.demand_words import note_words, stake_words
    from churn_core.figures.demand import demand_sentence, known_customers_sentence, stake_sums

    lines: list[str] = []
    for found in (demand.revenue, demand.orders):
        if found is not None:
            lines += [f"{demand_sentence(demand, found, currency=currency)}.", *_tables(found, currency), ""]
    sums = stake_sums(demand, demand.revenue or demand.orders, currency=currency)
    if demand.counted is not None and sums:
        whom = f"of the {demand.counted.n_customers:,} of the high tier"
        lines += [*table((whom, "sum", "what it is"), sums), ""]
    if demand.counted is not None:
        lines.append(stake_words(demand.counted))
    known = known_customers_sentence(demand, currency=currency)
    return [*lines, *([known] if known else []), *note_words(demand)]


def _tables(found: Foreseen, currency: str) -> list[str]:
    from churn_core.customers.demand_words import choice_words, interval_words
    from churn_core.figures.demand import amount_words

    def said(amount: float | None) -> str:
        return amount_words(found, amount, currency)

    def ratio(value: float | None, digits: str = ".1%") -> str:
        return "-" if value is None else format(value, digits)

    rows = [
        (f"{week.start:%Y-%m-%d}", said(week.expected), f"{said(week.low_80)} to {said(week.high_80)}",
         f"{said(week.low_95)} to {said(week.high_95)}", said(week.without))
        for week in found.ahead
    ]  # fmt: skip
    totals = [
        (f"{total.n_weeks} weeks", said(total.expected), f"{said(total.low_80)} to {said(total.high_80)}",
         f"{said(total.low_95)} to {said(total.high_95)}",
         said(None if total.at_stake is None else total.expected - total.at_stake))
        for total in found.totals
    ]  # fmt: skip
    judged = [
        (row.label, ratio(row.error_share), ratio(row.against_same_week, ".2f"), ratio(row.total_error_share),
         ratio(row.held_80), ratio(row.held_95), row.reason or str(row.n_weeks))
        for row in found.choice.rows
    ]  # fmt: skip
    return [
        f"{choice_words(found)} {interval_words(found)}",
        "",
        *table(("week of", "expected", "80 %", "95 %", "without high tier"), [*rows, *totals]),
        "",
        *table(("method", "error", "against", "in totals", "in 80 %", "in 95 %", "weeks"), judged),
    ]
