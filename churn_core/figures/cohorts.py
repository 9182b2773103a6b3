"""Figures about cohorts: the triangle as a heat map, and how long customers take, as curves with bands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import plotly.graph_objects as go

from churn_core.customers.cohort_curves import EVENTS
from churn_core.figures.theme import Mode, count, counted, money, palette, percent, plain, styled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from churn_core.customers.cohort_curves import CohortCurve, CohortCurves
    from churn_core.customers.cohorts import Cell, Cohort, Triangle

What = Literal["retention", "revenue", "cumulated", "whole"]

WHAT: dict[What, str] = {
    "retention": "Retention",
    "revenue": "Revenue each",
    "cumulated": "Each, summed up",
    "whole": "Revenue in all",
}
"""What a cell of the triangle can show."""
N_COLUMNS = 13
"""Months since the first order that are drawn: the first month and a year; the file holds all."""
N_ROWS = 24
"""Cohorts that are drawn, the latest where they are months; the file holds all."""
MOST_CURVES = 5

_ROW_PIXELS = 34
_IMMATURE = "not over yet: unknown, not zero"


def triangle_figure(found: Triangle, what: What, *, currency: str = "", mode: Mode = "light") -> go.Figure:
    """A row per cohort, a column per month since the first order; rate with n under it, immature cells grey."""
    colours = palette(mode)
    rows = found.cohorts[-N_ROWS:] if found.grouping.name == "month" else found.cohorts[:N_ROWS]
    months = list(range(min(N_COLUMNS, found.n_months + 1)))
    names = [_row_name(cohort, place) for place, cohort in enumerate(rows)]
    cells = [[cohort.cells[month] for month in months] for cohort in rows]
    values = [[_coloured(cell, what, month) for month, cell in enumerate(row)] for row in cells]
    figure = go.Figure()
    figure.add_heatmap(
        x=months,
        y=names,
        z=[[None if cell.n else 1 for cell in row] for row in cells],
        colorscale=[[0, colours.grid], [1, colours.grid]],
        showscale=False,
        xgap=2,
        ygap=2,
        customdata=[[plain(cohort.label)] * len(months) for cohort in rows],
        hovertemplate="%{customdata}<br>month %{x}: " + _IMMATURE + "<extra></extra>",
    )
    known = [value for row in values for value in row if value is not None]
    figure.add_heatmap(
        x=months,
        y=names,
        z=values,
        zmin=0.75 * min((value for value in known if value > 0), default=0.0),
        zmax=max(known, default=1) or 1,
        colorscale=[[0, colours.card], [1, _strongest(mode)]],
        showscale=False,
        xgap=2,
        ygap=2,
        text=[[_cell_text(cell, what, month, currency) for month, cell in enumerate(row)] for row in cells],
        texttemplate="%{text}",
        textfont={"size": 11 if what == "retention" else 10, "color": colours.text},
        customdata=[
            [_hover(cohort, cell, month, currency) for month, cell in enumerate(row)]
            for cohort, row in zip(rows, cells, strict=True)
        ],
        hovertemplate="%{customdata}<extra></extra>",
    )
    figure.update_xaxes(title_text="months since the first order", side="top", showline=False, tickvals=months)
    figure.update_yaxes(
        autorange="reversed", showgrid=False, tickvals=names, ticktext=[_tick(cohort) for cohort in rows]
    )
    title = triangle_sentence(found, what, currency)
    return styled(figure, title=title, mode=mode, height=110 + _ROW_PIXELS * max(len(rows), 1))


def triangle_sentence(found: Triangle, what: What, currency: str = "") -> str:
    """What the triangle says of all cohorts together."""
    last = min(12, found.n_months)
    if not last:
        return "No month after a first order is over yet, so nothing can be said about coming back"
    late = found.whole(last)
    who = f"of {counted(late.n, 'customer')} for whom it is over"
    if what == "retention":
        early = found.whole(1)
        words = f"{percent(early.retention_rate)} order in the month after their first order (n {count(early.n)})"
        if last == 1:
            return words
        return f"{words}, {percent(late.retention_rate)} in month {last} (n {count(late.n)})"
    if late.revenue_amount is None:
        return "Orders have no amounts, so revenue cannot be told"
    if what == "whole":
        return _most_words(found, currency)
    if what == "revenue":
        amount = money(late.revenue_per_customer, currency)
        return f"A customer brings {amount} in month {last} after the first order on average, {who}"
    amount = money(late.cumulated_per_customer, currency)
    return f"A customer has brought {amount} by month {last} after the first order on average, {who}"


def curves_figure(found: CohortCurves, labels: Sequence[str], *, mode: Mode = "light") -> go.Figure:
    """Share to whom it has happened by each day since the first order, with 95 % bands, for some cohorts."""
    colours = palette(mode)
    chosen = [found.curve(label) for label in labels[:MOST_CURVES]]
    figure = go.Figure()
    for place, side in enumerate(chosen):
        colour = colours.series[place % len(colours.series)]
        name = plain(f"{side.label} (n {count(side.n_customers)})")
        days, share, low, high = _steps(side)
        band = {"mode": "lines", "line": {"width": 0, "shape": "hv"}, "hoverinfo": "skip", "showlegend": False}
        figure.add_scatter(x=days, y=low, legendgroup=name, **band)
        figure.add_scatter(x=days, y=high, fill="tonexty", fillcolor=_faint(colour), legendgroup=name, **band)
        figure.add_scatter(
            x=days,
            y=share,
            name=name,
            legendgroup=name,
            mode="lines",
            line={"color": colour, "width": 2, "shape": "hv"},
            customdata=[[a, b, n] for a, b, n in zip(low, high, _watched(side), strict=True)],
            hovertemplate=f"{name}<br>day %{{x}}: %{{y:.1%}} [%{{customdata[0]:.1%}}, %{{customdata[1]:.1%}}]"
            "<br>%{customdata[2]:,} still waited for then<extra></extra>",
        )
    figure.update_yaxes(tickformat=".0%", range=[0, 1], title_text=f"share that {EVENTS[found.event]}")
    figure.update_xaxes(title_text="days since the first order", rangemode="tozero")
    figure.update_layout(showlegend=True)
    return styled(figure, title=curves_sentence(found, chosen), mode=mode, height=380)


def curves_sentence(found: CohortCurves, chosen: Sequence[CohortCurve]) -> str:
    """After how many days it has happened to half of each cohort."""
    told = [
        f"{side.label} {counted(round(side.median_days), 'day')}" for side in chosen if side.median_days is not None
    ]
    open_ = [side.label for side in chosen if side.median_days is None]
    parts = [f"Half have {EVENTS[found.event]} within: {', '.join(told)}"] if told else []
    if open_:
        start = "fewer than half so far" if parts else f"Fewer than half have {EVENTS[found.event]} so far"
        parts.append(f"{start}: {', '.join(open_)}")
    return "; ".join(parts) or "No cohort is chosen"


def _steps(side: CohortCurve) -> tuple[list[float], list[float], list[float], list[float]]:
    """Days, share and band of the share to whom it has happened, until the last day anybody was watched."""
    curve = side.curve
    days, share, low, high = [0.0], [0.0], [0.0], [0.0]
    for time, left, below, above in zip(curve.times, curve.survival, curve.low, curve.high, strict=True):
        days.append(time)
        share.append(1 - left)
        low.append(1 - above)
        high.append(1 - below)
    days.append(curve.last_time)
    return days, [*share, share[-1]], [*low, low[-1]], [*high, high[-1]]


def _watched(side: CohortCurve) -> list[int]:
    """How many were still waited for at each day of the steps."""
    at_risk = side.curve.n_at_risk
    return [side.n_customers, *at_risk, at_risk[-1] if at_risk else side.n_customers]


def _faint(colour: str) -> str:
    """A colour of the palette as a band behind its line."""
    return f"rgba({','.join(map(str, _rgb(colour)))},0.15)"


def _coloured(cell: Cell, what: What, month: int) -> float | None:
    """The number that colours a cell; everybody ordered in the first month, so its retention carries no colour."""
    if not cell.n:
        return None
    if what == "retention":
        return 0.0 if month == 0 else cell.retention_rate
    return _amount(cell, what)


def _amount(cell: Cell, what: What) -> float | None:
    """The money a cell shows."""
    if what == "whole":
        return cell.revenue_amount
    return cell.revenue_per_customer if what == "revenue" else cell.cumulated_per_customer


def _cell_text(cell: Cell, what: What, month: int, currency: str) -> str:
    """The number with its n below, both as short as a narrow cell is; the hover has them whole."""
    if cell.retention_rate is None:
        return ""
    if what == "retention":
        shown = "all" if month == 0 else f"{100 * cell.retention_rate:.0f} %"
    else:
        shown = money(_amount(cell, what), currency)
    return f'{shown}<br><span style="font-size:9px">n {_short(cell.n)}</span>'


def _short(number: int) -> str:
    """A count in at most four characters.

    >>> _short(999), _short(1_336), _short(42_400), _short(1_000_000)
    ('999', '1.3k', '42k', '1.0m')
    """
    for unit, suffix in ((999_500, "m"), (1_000, "k")):
        if number >= unit:
            scaled = number / (1_000_000 if suffix == "m" else 1_000)
            return f"{scaled:.1f}{suffix}" if scaled < 9.95 else f"{scaled:.0f}{suffix}"
    return str(number)


def _strongest(mode: Mode) -> str:
    """The colour of the highest cell: between the quiet accent and the accent, so that text stays readable on it."""
    colours, share = palette(mode), 0.36 if mode == "dark" else 0.65
    ends = zip(_rgb(colours.accent_soft), _rgb(colours.accent), strict=True)
    return f"rgb({','.join(str(round(soft + share * (strong - soft))) for soft, strong in ends)})"


def _most_words(found: Triangle, currency: str) -> str:
    """Which cohort has brought the most so far; not the first month, which holds all who had bought before."""
    is_first_apart = found.grouping.name == "month" and len(found.cohorts) > 1
    told = found.cohorts[1:] if is_first_apart else found.cohorts
    most = max(told, key=lambda cohort: cohort.revenue_amount or 0.0)
    if not most.revenue_amount:
        return "No cohort has brought any revenue so far"
    every = sum(cohort.revenue_amount or 0.0 for cohort in found.cohorts)
    after = f" of the cohorts after {found.cohorts[0].label}" if is_first_apart else ""
    return (
        f"{most.label} has brought the most so far{after}: {money(most.revenue_amount, currency)} of "
        f"{money(every, currency)} in all, from {counted(most.n_customers, 'customer')}"
    )


def _rgb(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[place : place + 2], 16) for place in (1, 3, 5))


def _hover(cohort: Cohort, cell: Cell, month: int, currency: str) -> str:
    if not cell.n:
        return f"{plain(cohort.label)}<br>month {month}: {_IMMATURE}"
    words = (
        f"{plain(cohort.label)}, month {month}<br>{percent(cell.retention_rate)} ordered: {count(cell.n_ordering)} of "
        f"{count(cell.n)} for whom it is over (cohort: {count(cohort.n_customers)})"
    )
    if cell.revenue_amount is None:
        return words
    month_amount, until = money(cell.revenue_per_customer, currency), money(cell.cumulated_per_customer, currency)
    whole = money(cell.revenue_amount, currency)
    return f"{words}<br>{month_amount} per customer ({whole} in all), {until} per customer since the first month"


def _row_name(cohort: Cohort, place: int) -> str:
    """A name that is the row's own, also where two labels are cut to the same text."""
    return f"{place}:{cohort.number}"


def _tick(cohort: Cohort) -> str:
    short = cohort.label if len(cohort.label) <= 18 else f"{cohort.label[:17]}…"
    return f'{plain(short)} <span style="font-size:10px">({count(cohort.n_customers)})</span>'
