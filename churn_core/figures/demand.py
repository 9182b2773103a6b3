"""Demand as a figure: the weeks so far, the weeks ahead with their intervals, and those without customers at risk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go

from churn_core.figures.theme import Mode, count, counted, day, money, palette, percent, styled

if TYPE_CHECKING:
    from churn_core.customers.demand import Demand, Foreseen

MOST_PAST = 70
"""Weeks of the past that are drawn."""


def amount_words(found: Foreseen, amount: float | None, currency: str = "") -> str:
    """An amount of the measure: money, or a number of orders."""
    return money(amount, currency) if found.measure == "revenue" else count(amount)


def demand_figure(demand: Demand, found: Foreseen, *, currency: str = "", mode: Mode = "light") -> go.Figure:
    """The weeks of the last year and a third, and the weeks ahead."""
    colours = palette(mode)
    past = list(zip(demand.starts, found.past, strict=True))[-MOST_PAST:]
    starts = [week.start for week in found.ahead]
    figure = go.Figure()
    for name, low, high, opacity in (
        ("95 % interval", [w.low_95 for w in found.ahead], [w.high_95 for w in found.ahead], 0.35),
        ("80 % interval", [w.low_80 for w in found.ahead], [w.high_80 for w in found.ahead], 0.75),
    ):
        figure.add_scatter(
            x=[*starts, *starts[::-1]], y=[*high, *low[::-1]], fill="toself", name=name, mode="lines",
            line={"width": 0}, fillcolor=colours.accent_soft, opacity=opacity, hoverinfo="skip",
        )  # fmt: skip
    figure.add_scatter(
        x=[start for start, _ in past], y=[value for _, value in past], mode="lines", name="so far",
        line={"color": colours.neutral, "width": 1.75},
        customdata=[amount_words(found, value, currency) for _, value in past],
        hovertemplate="week of %{x|%-d %b %Y}<br>%{customdata}<extra></extra>",
    )  # fmt: skip
    figure.add_scatter(
        x=starts, y=[week.expected for week in found.ahead], mode="lines+markers", name="foreseen",
        line={"color": colours.accent, "width": 2.5}, marker={"size": 5},
        customdata=[
            [
                amount_words(found, week.expected, currency),
                f"{amount_words(found, week.low_80, currency)} to {amount_words(found, week.high_80, currency)}",
            ]
            for week in found.ahead
        ],
        hovertemplate="week of %{x|%-d %b %Y}<br>%{customdata[0]}<br>80 %: %{customdata[1]}<extra></extra>",
    )  # fmt: skip
    if found.share_at_stake:
        figure.add_scatter(
            x=starts, y=[week.without for week in found.ahead], mode="lines", name="without the customers at risk",
            line={"color": colours.high, "width": 2, "dash": "dash"},
            customdata=[amount_words(found, week.without, currency) for week in found.ahead],
            hovertemplate="week of %{x|%-d %b %Y}<br>%{customdata} without them<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(title_text="week, by its Monday", tickformat="%b %Y")
    what = "orders" if found.measure != "revenue" else "revenue after returns" if demand.is_net else "revenue"
    sign = {"tickformat": ",.2~s"} if found.measure == "revenue" else {}
    figure.update_yaxes(title_text=f"{what} per week", rangemode="tozero", **sign)
    return styled(figure, title=demand_sentence(demand, found, currency=currency), mode=mode, height=420)


def known_customers_sentence(demand: Demand, *, currency: str = "") -> str:
    """By how much the forecast and the values differ, beside what came before; empty where that is not known.

    One is of the whole shop, from its weeks, the other of those who ever bought, one by one. Both pages say the same
    sentences, and neither is recommended: what came before does not tell which is nearer.
    """
    known, valued, revenue = demand.of_known_customers, demand.valued, demand.revenue
    if known is None or valued is None or revenue is None:
        return ""
    total = revenue.totals[-1].expected
    is_spread = valued.horizon_days != 7 * demand.n_weeks
    evenly = f" (spread evenly from its {valued.horizon_days} days)" if is_spread else ""
    weeks, came = counted(demand.n_weeks, "week"), demand.came_before
    said = (
        f"For the {weeks} from {day(revenue.ahead[0].start)} the pages Value and Demand differ by "
        f"{money(abs(total - known), currency)}: Value expects {money(known, currency)}{evenly} from the "
        f"{counted(valued.n_customers, 'customer')} who have bought before, Demand {money(total, currency)} from the "
        "whole shop."
    )
    if came is not None:
        said += f" The {weeks} before brought {money(came, currency)}."
    if known <= total:
        share = percent(1 - known / total if total > 0 else 0.0)
        return f"{said} If both are right, newcomers bring the difference, {share} of Demand's revenue."
    return (
        f"{said} Value foresees customer by customer, Demand from the weeks of the shop; they cannot both be right, "
        "and which is nearer is not known."
    )


def stake_sums(demand: Demand, found: Foreseen, *, currency: str = "") -> list[tuple[str, str, str]]:
    """The sums that are said of the customers of the high tier: name, amount, and what it is in a line."""
    on = demand.counted
    if on is None or not on.n_customers:
        return []
    weeks = counted(demand.n_weeks, "week")
    amount = amount_words(found, found.totals[-1].at_stake, currency)
    sums = [("Counted on from them", amount, f"missing from the forecast of {weeks} if all of them leave now")]
    if found.measure != "revenue" or on.value_at_risk is None or not on.kept_per_day:
        return sums
    in_weeks = money(7 * demand.n_weeks * on.kept_per_day, currency)
    is_margin = on.value_at_risk < 0.9995 * on.kept_per_day * on.scored_days
    as_spend, as_margin = (", as spend", ", as margin") if is_margin else ("", "")
    stays, other = "risk x what they would bring by staying", ""
    if on.is_valued:
        other = "; by the risk model, so it does not add up with the value model's sum above"
    return [
        *sums,
        ("At risk in these weeks", f"about {in_weeks}", f"{stays}, in {weeks}{as_spend}{other}"),
        (
            "Value at risk", money(on.value_at_risk, currency),
            f"{stays}, in the {counted(on.scored_days, 'day')} of the scores{as_margin}, as on the pages At risk and "
            "Value",
        ),
    ]  # fmt: skip


def demand_sentence(demand: Demand, found: Foreseen, *, currency: str = "") -> str:
    """What the weeks ahead bring, and what of it the customers at risk carry."""
    total = found.totals[-1]
    noun = "" if found.measure == "revenue" else " orders"
    first, last = found.ahead[0].start, found.ahead[-1].start
    said = (
        f"{amount_words(found, total.expected, currency)}{noun} expected in the {counted(total.n_weeks, 'week')} from "
        f"{day(first)} to the week of {day(last)}"
    )
    if found.share_at_stake is None:
        return said
    if not found.share_at_stake:
        return f"{said}, nothing of it from customers at risk"
    return f"{said}; {percent(found.share_at_stake)} of it is counted on from customers at risk"
