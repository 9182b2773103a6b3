"""Figures about what customers are worth: predicted against actual by decile, and how few hold the money at risk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go

from churn_core.customers.worth_words import verdict
from churn_core.figures.theme import Mode, count, counted, money, palette, percent, styled

if TYPE_CHECKING:
    from churn_core.customers.worth_stake import Concentration
    from churn_core.models.worth_check import HoldOut


def hold_out_figure(checked: HoldOut, *, currency: str = "", mode: Mode = "light") -> go.Figure:
    """Mean predicted and mean actual per customer in each tenth of the customers, by what was predicted.

    On a logarithmic scale, because the last tenth spends a hundred times what the first does; linear where a tenth
    brought nothing.
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
    title = "mean spend per customer" if is_money else "mean order days per customer"
    if min(predicted + actual) > 0:
        figure.update_yaxes(title_text=f"{title}, log scale", type="log", dtick=1, tickformat=",~g")
    else:
        figure.update_yaxes(title_text=title, rangemode="tozero")
    n_words = f"n = {count(checked.n_customers)}, {count(checked.n_bought)} bought"
    return styled(figure, title=f"{verdict(checked)} {n_words}", mode=mode, height=360)


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
