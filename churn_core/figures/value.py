"""Figures about what customers are worth: predicted against actual by decile, and where the value at risk is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go

from churn_core.customers.tiers import TIERS
from churn_core.customers.worth_words import spend_words, verdict
from churn_core.figures.theme import Mode, count, counted, money, palette, percent, styled, tier_label

if TYPE_CHECKING:
    from churn_core.customers.worth_stake import Cell, Concentration, Stake
    from churn_core.models.worth_check import HoldOut

_STRONGEST = 0.5
"""Opacity of the cell with most value at risk, so that its numbers can still be read."""
_SMALLEST = 0.01
"""Money below which a mean per customer is drawn as this much."""
_WIDE = 20.0
"""Largest over smallest mean of the tenths above which the scale is logarithmic."""


def hold_out_figure(checked: HoldOut, *, currency: str = "", mode: Mode = "light") -> go.Figure:
    """Mean predicted and mean actual per customer in each tenth of the customers, by what was predicted.

    On a logarithmic scale where the tenths lie far apart: the last often spends a hundred times what the first does.
    Less than the smallest coin is drawn as that, because how much less is of no interest.
    """
    colours = palette(mode)
    tenths = list(range(1, len(checked.deciles) + 1))
    predicted = [entry.predicted for entry in checked.deciles]
    actual = [entry.actual for entry in checked.deciles]
    is_money = checked.what == "spend"
    words = [
        [money(entry.predicted, currency), money(entry.actual, currency), count(entry.n)]
        if is_money
        else [f"{entry.predicted:.2f}", f"{entry.actual:.2f}", count(entry.n)]
        for entry in checked.deciles
    ]
    if is_money:
        predicted, actual = ([max(value, _SMALLEST) for value in values] for values in (predicted, actual))
    figure = go.Figure()
    for place, said, came in zip(tenths, predicted, actual, strict=True):
        figure.add_scatter(
            x=[place, place], y=[said, came], mode="lines", showlegend=False, hoverinfo="skip",
            line={"color": colours.neutral, "width": 2},
        )  # fmt: skip
    hover = "tenth %{x}, n = %{customdata[2]}<br>predicted %{customdata[0]}<br>actual %{customdata[1]}<extra></extra>"
    figure.add_scatter(
        x=tenths, y=predicted, mode="markers", name="predicted", customdata=words, hovertemplate=hover,
        marker={"color": colours.background, "size": 11, "line": {"color": colours.text, "width": 2}},
    )  # fmt: skip
    figure.add_scatter(
        x=tenths, y=actual, mode="markers", name="actual", customdata=words, hovertemplate=hover,
        marker={"color": colours.accent, "size": 11, "symbol": "diamond"},
    )  # fmt: skip
    figure.update_xaxes(title_text="tenth of the customers, least predicted first", dtick=1)
    lowest = f" from {_SMALLEST:g} up" if is_money and min(predicted + actual) == _SMALLEST else ""
    title = f"mean {spend_words(checked.is_net) if is_money else 'order days'} per customer"
    if 0 < _WIDE * min(predicted + actual) < max(predicted + actual):
        figure.update_yaxes(title_text=f"{title}, log scale{lowest}", type="log", dtick=1, tickformat=",~g")
    else:
        figure.update_yaxes(title_text=title, rangemode="tozero")
    n_words = f"n = {count(checked.n_customers)}, {count(checked.n_bought)} bought"
    return styled(figure, title=f"{verdict(checked)} {n_words}", mode=mode, height=360)


def date_words(checked: HoldOut) -> str:
    """How often customers had ordered by the dates said."""
    if not checked.dates:
        return "Dates of the next order could not be checked: too few of them lay within the horizon."
    parts = [
        f"{percent(entry.happened)} by the day said for {100 * entry.probability:.0f} % (n = {count(entry.n)})"
        for entry in checked.dates
    ]
    return f"Next order: {', '.join(parts)} had ordered."


def concentration_figure(found: Concentration, *, mode: Mode = "light") -> go.Figure:
    """Share of the value at risk held by the customers with the most of it."""
    colours = palette(mode)
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", name="if all had the same", hoverinfo="skip",
        line={"color": colours.neutral, "dash": "dot", "width": 1.5},
    )  # fmt: skip
    figure.add_scatter(
        x=[customers for customers, _ in found.curve],
        y=[held for _, held in found.curve],
        mode="lines", name="value at risk", line={"color": colours.accent, "width": 2.5},
        hovertemplate="top %{x:.0%} of customers:<br>%{y:.1%} of the value at risk<extra></extra>",
    )  # fmt: skip
    figure.add_scatter(
        x=list(found.top), y=list(found.top.values()), mode="markers", showlegend=False, hoverinfo="skip",
        marker={"color": colours.accent, "size": 8},
    )  # fmt: skip
    for top, held in found.top.items():
        figure.add_annotation(
            x=top, y=held, text=f"top {100 * top:g} %: {percent(held)}", showarrow=False, xanchor="left", xshift=9,
            bgcolor=colours.background, font={"color": colours.muted, "size": 12},
        )  # fmt: skip
    figure.update_xaxes(
        title_text="share of customers, most value at risk first", tickformat=".0%", range=[-0.01, 1.01]
    )
    figure.update_yaxes(title_text="share of the value at risk", tickformat=".0%", range=[0, 1.05])
    return styled(figure, title=concentration_sentence(found), mode=mode, height=340)


def concentration_sentence(found: Concentration) -> str:
    """How much the top fifth holds."""
    top, held = max(found.top.items())
    return (
        f"{percent(held)} of the value at risk is with {100 * top:g} % of the customers "
        f"(of {counted(found.n_customers, 'customer')})"
    )


def matrix_figure(stake: Stake, *, currency: str = "", mode: Mode = "light") -> go.Figure:
    """Risk tier against expected value: customers and value at risk of each cell, in the order of ``stake.cells``.

    Drawn as bars, because a bar can be clicked on; the number of the cell comes first in a point's custom data.
    """
    colours = palette(mode)
    n_bands = len(stake.bands)
    most = max((cell.value_at_risk for cell in stake.cells), default=0.0) or 1.0
    red = ",".join(str(int(colours.high[at : at + 2], 16)) for at in (1, 3, 5))
    figure = go.Figure(
        go.Bar(
            x=[number % n_bands for number in range(len(stake.cells))],
            y=[0.94] * len(stake.cells),
            base=[len(TIERS) - 1 - number // n_bands - 0.47 for number in range(len(stake.cells))],
            width=0.96,
            marker={
                "color": [
                    f"rgba({red},{max(0.0, _STRONGEST * cell.value_at_risk / most):.3f})" for cell in stake.cells
                ],
                "line": {"color": colours.grid, "width": 1},
            },
            text=[
                f"{count(cell.n_customers)}<br>{money(cell.value_at_risk, currency)}" if cell.n_customers else ""
                for cell in stake.cells
            ],
            textposition="inside",
            insidetextanchor="middle",
            textangle=0,
            textfont={"color": colours.text, "size": 12},
            customdata=[[number, _cell_hover(cell, currency)] for number, cell in enumerate(stake.cells)],
            hovertemplate="%{customdata[1]}<extra></extra>",
            selected={"marker": {"opacity": 1}, "textfont": {"color": colours.text}},
            unselected={"marker": {"opacity": 0.6}, "textfont": {"color": colours.text}},
        )
    )
    figure.update_xaxes(
        title_text="expected value",
        tickvals=list(range(n_bands)),
        ticktext=[band_words(*band, currency).replace(" to ", "<br>to ") for band in stake.bands],
        range=[-0.5, n_bands - 0.5],
        showline=False,
        fixedrange=True,
    )
    figure.update_yaxes(
        tickvals=list(range(len(TIERS))),
        ticktext=[f"{tier_label(tier)}<br>risk" for tier in reversed(TIERS)],
        range=[-0.5, len(TIERS) - 0.5],
        showgrid=False,
        zeroline=False,
        fixedrange=True,
    )
    figure.update_layout(showlegend=False, clickmode="event+select", dragmode=False)
    return styled(figure, title=matrix_sentence(stake, currency), mode=mode, height=340)


def matrix_sentence(stake: Stake, currency: str = "") -> str:
    """Which cell holds most of the value at risk."""
    total = sum(max(cell.value_at_risk, 0.0) for cell in stake.cells)
    top = max(stake.cells, key=lambda cell: cell.value_at_risk, default=None)
    if top is None or total <= 0:
        return "No value is at risk"
    return f"{percent(top.value_at_risk / total)} of the value at risk is in one cell: {cell_words(top, currency)}"


def cell_words(cell: Cell, currency: str = "") -> str:
    """A cell in words, to go on with after a colon."""
    return (
        f"{cell.tier} risk, expected value {band_words(cell.low, cell.below, currency)} "
        f"({counted(cell.n_customers, 'customer')})"
    )


def band_words(low: float | None, below: float | None, currency: str = "") -> str:
    """A band of expected value.

    >>> band_words(None, 50.0, "EUR"), band_words(50.0, 120.0, "EUR"), band_words(120.0, None, "EUR")
    ('below €50', '€50 to €120', 'from €120')
    """
    if low is None:
        return "of any size" if below is None else f"below {money(below, currency)}"
    return f"from {money(low, currency)}" if below is None else f"{money(low, currency)} to {money(below, currency)}"


def _cell_hover(cell: Cell, currency: str) -> str:
    words = cell_words(cell, currency)
    if not cell.n_customers:
        return words
    share = percent(cell.value_at_risk / cell.expected_value if cell.expected_value > 0 else None)
    return f"{words}<br>{money(cell.value_at_risk, currency)} at risk, {share} of their expected value"
