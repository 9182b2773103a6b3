"""What the whole programme brought per quarter: customers open to campaigns against those held out of all."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from churn_core.campaigns.holdout_effect import QuarterEffect
from churn_core.figures.effect_words import signed_money
from churn_core.figures.theme import Mode, count, currency_sign, palette, styled


def quarters_figure(
    quarters: Sequence[QuarterEffect], *, told: str, currency: str = "", mode: Mode = "light"
) -> go.Figure:
    """Margin more per quarter with its interval; filled where clear of zero, a cross where not valid.

    ``told`` is the sentence of the programme, which becomes the title.
    """
    colours = palette(mode)
    gain = quarters[0].gain if quarters else "margin"
    shown = [entry for entry in quarters if entry.is_valid and entry.money.value is not None]
    tints = [_colour(entry, colours.good, colours.high, colours.neutral) for entry in shown]
    figure = go.Figure()
    figure.add_scatter(
        x=[quarter_label(entry) for entry in shown],
        y=[entry.money.value for entry in shown],
        mode="markers",
        name=f"{gain} more",
        marker={
            "size": 12,
            "color": [tint if entry.is_clear else colours.background for entry, tint in zip(shown, tints, strict=True)],
            "line": {"width": 2, "color": tints},
        },
        error_y={
            "type": "data", "symmetric": False, "color": colours.muted, "thickness": 1.6, "width": 6,
            "array": [_apart(entry.money.high, entry.money.value) for entry in shown],
            "arrayminus": [_apart(entry.money.value, entry.money.low) for entry in shown],
        },
        customdata=[
            [
                signed_money(entry.money.value, currency), signed_money(entry.money.low, currency),
                signed_money(entry.money.high, currency), count(entry.n_held_out), count(entry.n_open),
            ]
            for entry in shown
        ],
        hovertemplate="%{x}: %{customdata[0]} (%{customdata[1]} to %{customdata[2]})<br>%{customdata[4]} open to "
        "campaigns, %{customdata[3]} held out<extra></extra>",
    )  # fmt: skip
    broken = [entry for entry in quarters if not entry.is_valid]
    figure.add_scatter(
        x=[quarter_label(entry) for entry in broken], y=[0.0] * len(broken), mode="markers", name="not valid",
        marker={"symbol": "x", "size": 11, "color": colours.high}, hovertemplate="%{x}: not valid<extra></extra>",
    )  # fmt: skip
    figure.add_hline(y=0, line={"color": colours.text, "width": 1.2}, layer="below")
    names = [quarter_label(entry) for entry in quarters]
    figure.update_xaxes(categoryorder="array", categoryarray=names, range=[-0.6, max(len(names) - 0.4, 0.6)])
    sign = currency_sign(currency).strip()
    figure.update_yaxes(title_text=f"{gain} more{f', {sign}' if sign else ''}", zeroline=False, tickformat="~s")
    figure.update_layout(showlegend=bool(broken))
    return styled(figure, title=told.rstrip("."), mode=mode, height=330)


def quarter_label(entry: QuarterEffect) -> str:
    """The quarter, and whether it is over."""
    return entry.label if entry.is_complete else f"{entry.label} so far"


def _apart(high: float | None, low: float | None) -> float:
    return 0.0 if high is None or low is None else high - low


def _colour(entry: QuarterEffect, good: str, bad: str, neutral: str) -> str:
    if not entry.is_clear:
        return neutral
    return good if (entry.money.value or 0) > 0 else bad
