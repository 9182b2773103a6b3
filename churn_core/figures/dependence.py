"""One feature's contribution against its value, above how many customers have such a value.

Apart from the other figures of drivers because it has two readings: numbers along an axis, and texts one by one. Lines
and bars are of all customers; only the dots are a sample.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from churn_core.customers.profile import feature_label
from churn_core.figures.drivers import LEAST_DIFFERENCE, UNIT, signal_text
from churn_core.figures.theme import Mode, Palette, count, palette, plain, styled
from churn_core.models.families import feature_entry

if TYPE_CHECKING:
    from churn_core.customers.dependence import Dependence, ValueBin, ValueLevel
    from churn_core.customers.drivers import Sample


def dependence_figure(found: Dependence, drawn: Sample, *, currency: str = "", mode: Mode = "light") -> go.Figure:
    """A feature's contribution against its value, above how many customers have such a value."""
    return (
        _levels_figure(found, mode=mode)
        if found.levels
        else _numbers_figure(found, drawn, currency=currency, mode=mode)
    )


def dependence_sentence(found: Dependence, currency: str = "") -> str:
    """From which end to which other end the risk is moved."""
    label = feature_label(found.name)
    if found.levels:
        ordered = sorted(found.levels, key=lambda level: level.mean_contribution)
        low, high = ordered[0], ordered[-1]
        if low is high:
            return f"{label}: {_who_has(found)} {low.text}, {_on_average(low.mean_contribution)}"
        if high.mean_contribution - low.mean_contribution < 2 * LEAST_DIFFERENCE:
            return _alike(label, high.mean_contribution)
        return f"{label}: {high.text} raises the risk most, {low.text} least ({_span(low, high)})"
    if not found.bins:
        return f"{label} is not known of anybody here"
    low_bin = min(found.bins, key=lambda found: found.mean_contribution)
    high_bin = max(found.bins, key=lambda found: found.mean_contribution)
    if low_bin is high_bin:
        at = signal_text(found.name, (low_bin.low + low_bin.high) / 2, currency)
        return f"{label}: {_who_has(found)} about {at}, {_on_average(low_bin.mean_contribution)}"
    if high_bin.mean_contribution - low_bin.mean_contribution < 2 * LEAST_DIFFERENCE:
        return _alike(label, high_bin.mean_contribution)
    at_high, at_low = (
        signal_text(found.name, (found_bin.low + found_bin.high) / 2, currency) for found_bin in (high_bin, low_bin)
    )
    return f"{label}: about {at_high} raises the risk most, about {at_low} lowers it most ({_span(low_bin, high_bin)})"


def _who_has(found: Dependence) -> str:
    if found.n_missing:
        return "everybody of whom it is known has"
    return "nearly everybody here has" if found.n_beyond else "everybody here has"


def _alike(label: str, push: float) -> str:
    """A signal that does the same to everybody, which may be much."""
    if abs(push) < 2 * LEAST_DIFFERENCE:
        return f"{label} hardly moves the risk"
    return f"{label} does about the same to everybody here: {_on_average(push)}"


def _on_average(push: float) -> str:
    return f"{push:+.2f} log-odds on average"


def _span(low: ValueBin | ValueLevel, high: ValueBin | ValueLevel) -> str:
    return f"{low.mean_contribution:+.2f} to {high.mean_contribution:+.2f} log-odds"


def _numbers_figure(found: Dependence, drawn: Sample, *, currency: str, mode: Mode) -> go.Figure:
    colours = palette(mode)
    fig = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.72, 0.28], vertical_spacing=0.05)
    place = drawn.column(found.name)
    values, pushes = drawn.values[:, place], drawn.contributions[:, place]
    low, high = (found.bins[0].low, found.bins[-1].high) if found.bins else (0.0, 1.0)
    inside = (values >= low) & (values <= high)
    fig.add_scatter(
        x=values[inside], y=pushes[inside], mode="markers", name="a customer",
        marker={"size": 4, "color": colours.neutral, "opacity": 0.5},
        hovertemplate="%{x:,.4g}: %{y:+.2f}<extra></extra>", row=1, col=1,
    )  # fmt: skip
    middles = [(value_bin.low + value_bin.high) / 2 for value_bin in found.bins]
    fig.add_scatter(
        x=middles, y=[value_bin.mean_contribution for value_bin in found.bins], mode="lines+markers",
        name="mean of all", line={"color": colours.accent, "width": 2}, marker={"size": 5},
        hovertemplate="about %{x:,.4g}: %{y:+.2f} on average<extra></extra>", row=1, col=1,
    )  # fmt: skip
    fig.add_bar(
        x=middles, y=[value_bin.n_customers for value_bin in found.bins], name="customers", showlegend=False,
        width=[(value_bin.high - value_bin.low) * 0.92 for value_bin in found.bins],
        marker={"color": colours.accent_light}, hovertemplate="about %{x:,.4g}: %{y:,} customers<extra></extra>",
        row=2, col=1,
    )  # fmt: skip
    _add_missing(fig, found, low, high, colours)
    entry = feature_entry(found.name)
    unit = {"currency": f", {currency}" if currency else "", "days": ", days", "hours": ", hours"}
    fig.update_xaxes(
        title_text=f"{plain(feature_label(found.name))}{unit.get(entry.unit, '') if entry else ''}", row=2, col=1,
        tickformat=".0%" if entry is not None and entry.unit == "share" else None,
    )  # fmt: skip
    fig.update_yaxes(title_text=UNIT, row=1, col=1, zeroline=True)
    fig.update_yaxes(title_text="customers", row=2, col=1, nticks=3)
    return styled(fig, title=dependence_sentence(found, currency), mode=mode, height=430)


def _add_missing(fig: go.Figure, found: Dependence, low: float, high: float, colours: Palette) -> None:
    """Who has no value stands left of all values, with the mean of them."""
    if not found.n_missing or found.mean_missing is None:
        return
    at = low - 0.08 * (high - low or 1.0)
    fig.add_scatter(
        x=[at], y=[found.mean_missing], mode="markers", name=f"not known ({count(found.n_missing)})",
        marker={"size": 11, "symbol": "diamond", "color": colours.medium},
        hovertemplate="not known: %{y:+.2f} on average<extra></extra>", row=1, col=1,
    )  # fmt: skip
    fig.add_bar(
        x=[at], y=[found.n_missing], width=[0.04 * (high - low or 1.0)], marker={"color": colours.medium},
        showlegend=False, hovertemplate="not known: %{y:,} customers<extra></extra>", row=2, col=1,
    )  # fmt: skip


def _levels_figure(found: Dependence, *, mode: Mode) -> go.Figure:
    colours = palette(mode)
    rows = [(level.text, level.n_customers, level.mean_contribution) for level in found.levels]
    if found.n_missing and found.mean_missing is not None:
        rows.append(("not known", found.n_missing, found.mean_missing))
    rows = rows[::-1]
    fig = go.Figure(
        go.Bar(
            orientation="h",
            y=[f"{plain(text)} (n = {count(n)})" for text, n, _ in rows],
            x=[push for _, _, push in rows],
            text=[f"{push:+.2f}" for _, _, push in rows],
            textposition="outside",
            cliponaxis=False,
            marker={"color": [colours.high if push > 0 else colours.accent for _, _, push in rows]},
            hovertemplate="%{y}: %{x:+.3f} log-odds on average<extra></extra>",
        )
    )
    pushes = [0.0, *(push for _, _, push in rows)]
    # Room for the numbers beyond the ends of the bars, which would cover the texts otherwise.
    room = 0.18 * (max(pushes) - min(pushes) or 1.0)
    fig.update_xaxes(
        title_text=f"mean {UNIT}", zeroline=True, showgrid=True, range=[min(pushes) - room, max(pushes) + room]
    )
    fig.update_yaxes(showgrid=False)
    return styled(fig, title=dependence_sentence(found), mode=mode, height=96 + 28 * max(len(rows), 3))
