"""Figures about the data and about what churned means: each has the sentence it proves as its title."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import plotly.graph_objects as go

from churn_core.figures.theme import Mode, count, counted, day, palette, percent, styled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from churn_core.features.definition import MonthCounts
    from churn_core.features.gaps import GapBin, GapDistribution
    from churn_core.intake.quality_series import DailyCounts, Silence


FEW_DAYS = 3
"""Days without rows that are named one by one."""


def gap_figure(gaps: GapDistribution, *, horizon_days: int, mode: Mode = "light") -> go.Figure:
    """How many days lie between the orders of a customer, with the horizon marked."""
    colours = palette(mode)
    bins = gaps.histogram()
    figure = go.Figure()
    width = bins[0].to_days - bins[0].from_days + 1 if bins else 1
    figure.add_bar(
        x=[bin_.from_days - 0.5 for bin_ in bins],
        y=[bin_.n_gaps for bin_ in bins],
        offset=0,
        width=0.9 * width,
        marker_color=[colours.accent if bin_.to_days <= horizon_days else colours.neutral for bin_ in bins],
        customdata=[_range_words(bin_, is_last=bin_ is bins[-1]) for bin_ in bins],
        hovertemplate="%{y:,} repeat orders came after %{customdata} days<extra></extra>",
    )
    figure.add_vline(
        x=horizon_days + 0.5,
        line={"color": colours.text, "dash": "dot", "width": 1.5},
        annotation={"text": f"horizon {horizon_days} days", "font": {"color": colours.text, "size": 12}, "xshift": 4},
        annotation_position="top right",
    )
    figure.update_xaxes(title_text="days since the previous order", rangemode="tozero")
    figure.update_yaxes(title_text="repeat orders")
    return styled(figure, title=gap_sentence(gaps, horizon_days), mode=mode)


def gap_sentence(gaps: GapDistribution, horizon_days: int) -> str:
    """The share of repeat orders that the horizon waits for."""
    share = gaps.share_within(horizon_days)
    if share is None:
        return "No customer has ordered twice yet"
    return f"{percent(share)} of {counted(gaps.n_gaps, 'repeat order')} come within {counted(horizon_days, 'day')}"


def months_figure(months: Sequence[MonthCounts], *, n_needed: int | None = None, mode: Mode = "light") -> go.Figure:
    """Eligible customers at the first of each month, split into churned, stayed, and not known yet.

    ``n_needed`` draws the number of eligible customers that models need.
    """
    colours = palette(mode)
    figure = go.Figure()
    series = (
        ("churned", [month.n_churned for month in months], colours.high),
        ("stayed", [month.n_stayed for month in months], colours.low),
        (
            "not known yet",
            [None if month.is_known else month.n_eligible for month in months],
            colours.accent_light,
        ),
    )
    for name, values, colour in series:
        if any(value is not None for value in values):
            figure.add_bar(
                x=[month.cutoff for month in months],
                y=values,
                name=name,
                marker_color=colour,
                customdata=[[count(month.n_eligible), _rate_words(month)] for month in months],
                hovertemplate=(
                    f"%{{x|%-d %b %Y}}: %{{y:,}} {name}<br>"
                    "%{customdata[0]} eligible, %{customdata[1]}<extra></extra>"
                ),
            )
    if n_needed is not None:
        figure.add_hline(
            y=n_needed,
            line={"color": colours.text, "dash": "dot", "width": 1.5},
        )
        figure.add_scatter(
            x=[None], y=[None], mode="lines", name=f"{count(n_needed)} needed", hoverinfo="skip",
            line={"color": colours.text, "dash": "dot", "width": 1.5},
        )  # fmt: skip
    figure.update_layout(barmode="stack")
    figure.update_xaxes(tickformat="%b %Y")
    figure.update_yaxes(title_text="eligible customers", rangemode="tozero")
    return styled(figure, title=months_sentence(months), mode=mode)


def months_sentence(months: Sequence[MonthCounts]) -> str:
    """What became of the customers of the latest month whose outcome is known."""
    known = [month for month in months if month.is_known and month.n_eligible]
    if not known:
        return "The history is too short: no month's outcome is known yet"
    last = known[-1]
    return f"Of {counted(last.n_eligible, 'eligible customer')} on {day(last.cutoff)}, {_rate_words(last)}"


def _rate_words(month: MonthCounts) -> str:
    if month.n_churned is None or not month.n_eligible:
        return "outcome not known yet"
    return f"{percent(month.n_churned / month.n_eligible)} churned"


def _range_words(bin_: GapBin, *, is_last: bool) -> str:
    if is_last:
        return f"{bin_.from_days} or more"
    return f"{bin_.from_days}" if bin_.from_days == bin_.to_days else f"{bin_.from_days} to {bin_.to_days}"


def daily_figure(series: DailyCounts, missing: Sequence[Silence] = (), *, mode: Mode = "light") -> go.Figure:
    """Rows per day; days without any in the middle of the history are marked."""
    colours = palette(mode)
    figure = go.Figure()
    figure.add_bar(
        x=list(series.days),
        y=list(series.counts),
        marker={"color": colours.accent, "line": {"width": 0}},
        name=_table_words(series.table),
        hovertemplate=f"%{{x|%-d %b %Y}}: %{{y:,}} {_table_words(series.table)}<extra></extra>",
    )
    for silence in missing:
        figure.add_vrect(
            x0=silence.first_day,
            x1=silence.last_day + timedelta(days=1),
            fillcolor=colours.high,
            opacity=0.25,
            line={"color": colours.high, "width": 1},
        )
    if missing:
        figure.add_scatter(
            x=[None], y=[None], mode="markers", name="days without any, though some were to be expected",
            marker={"color": colours.high, "symbol": "square", "size": 10, "opacity": 0.5},
        )  # fmt: skip
    figure.update_layout(bargap=0, showlegend=bool(missing))
    figure.update_xaxes(tickformat="%b %Y")
    figure.update_yaxes(title_text=f"{_table_words(series.table)} per day", rangemode="tozero")
    return styled(figure, title=daily_sentence(series, missing), mode=mode, height=280)


def daily_sentence(series: DailyCounts, missing: Sequence[Silence]) -> str:
    """Whether the history has holes."""
    words = _table_words(series.table).capitalize()
    span = f"{day(series.days[0])} to {day(series.days[-1])}"
    if not missing:
        return f"{words} {_days_with_rows(series)} from {span}"
    longest = max(missing, key=lambda silence: silence.n_days)
    n_days = sum(silence.n_days for silence in missing)
    if n_days == 1:
        return f"{words} are missing on {day(longest.first_day)}"
    if longest.n_days == 1:
        return f"{words} are missing on {counted(n_days, 'single day')}, such as {day(longest.first_day)}"
    return (
        f"{words} are missing on {counted(n_days, 'day')}, the longest time from {day(longest.first_day)} to "
        f"{day(longest.last_day)}"
    )


def _days_with_rows(series: DailyCounts) -> str:
    """On how many days something came in; a day without rows is named when there are few."""
    silent = [moment for moment, n_rows in zip(series.days, series.counts, strict=True) if not n_rows]
    n_days = len(series.counts)
    if not silent:
        return f"come in on every one of {counted(n_days, 'day')}"
    if len(silent) == 1:
        return f"come in on every day but {day(silent[0])}"
    if len(silent) <= FEW_DAYS:
        return f"come in on all days but {', '.join(map(day, silent[:-1]))} and {day(silent[-1])}"
    return f"come in on {count(n_days - len(silent))} of {counted(n_days, 'day')}, with no unusual silence,"


def _table_words(table: str) -> str:
    return table.replace("_", " ")
