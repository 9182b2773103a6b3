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
    """How the forecast agrees with what the Value page expects; empty where that is not known.

    The two may differ: one is of the whole shop, from its weeks, the other of those who ever bought, one by one.
    """
    known, valued, revenue = demand.of_known_customers, demand.valued, demand.revenue
    if known is None or valued is None or revenue is None:
        return ""
    total = revenue.totals[-1].expected
    is_spread = valued.horizon_days != 7 * demand.n_weeks
    evenly = f" (spread evenly from its {valued.horizon_days} days)" if is_spread else ""
    said = (
        f"The Value page expects {money(known, currency)}{evenly} in these weeks from the "
        f"{counted(valued.n_customers, 'customer')} who have bought before"
    )
    if known <= total:
        return f"{said}; the other {percent(1 - known / total)} of this revenue would have to come from newcomers."
    return (
        f"{said}, more than this whole forecast: it foresees customer by customer, this page from the weeks of the "
        "shop, so count on the lower of the two."
    )


def stake_sums(demand: Demand, found: Foreseen, *, currency: str = "") -> list[tuple[str, str, str]]:
    """The sums that are said of the customers of the high tier: name, amount, and what it is in a line."""
    on = demand.counted
    if on is None or not on.n_customers:
        return []
    weeks = counted(demand.n_weeks, "week")
    at_stake = amount_words(found, found.totals[-1].at_stake, currency)
    sums = [("At stake", at_stake, f"missing from the forecast of {weeks} if all of them leave now")]
    if found.measure != "revenue" or on.value_at_risk is None or not on.kept_per_day:
        return sums
    on_top = money(7 * demand.n_weeks * on.kept_per_day, currency)
    is_margin = on.value_at_risk < 0.9995 * on.kept_per_day * on.scored_days
    same = f"the same{', as margin,' if is_margin else ''} over the {counted(on.scored_days, 'day')} of the scores"
    return [
        *sums,
        ("On top", f"about {on_top}", f"what {weeks} would bring beyond the forecast if all of them stay"),
        ("Value at risk", money(on.value_at_risk, currency), f"{same}, as on the pages At risk and Value"),
    ]


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
