"""Figures about who responds: the Qini curve, the effect by parts of the customers, and the four groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from churn_core.campaigns.uplift_study import RESPONSES
from churn_core.campaigns.uplift_words import between, effect, number
from churn_core.figures.theme import Mode, count, currency_sign, palette, percent, styled, tier_label

RESPONSE_MARKS = {"persuadable": "▲", "sure thing": "●", "lost cause": "■", "do not disturb": "▼"}
"""Marks of the four groups, so that they are not told by colour alone."""


def qini_figure(study: Mapping[str, Any], *, currency: str = "", mode: Mode = "light") -> go.Figure:
    """Further outcomes among the treated over the share contacted, against a ranking by chance."""
    colours = palette(mode)
    curve = study["ranking"]["curve"]
    share = [0.0, *(point["share"] for point in curve)]
    columns = {name: [0.0, *(point[name] for point in curve)] for name in ("gain", "low", "high", "random")}
    figure = go.Figure()
    figure.add_scatter(
        x=[*share, *share[::-1]], y=[*columns["high"], *columns["low"][::-1]], fill="toself", mode="lines",
        line={"width": 0}, fillcolor=_faded(colours.neutral), name="95 % interval of the distance from chance",
        hoverinfo="skip",
    )  # fmt: skip
    figure.add_scatter(
        x=share, y=columns["random"], mode="lines", name="contacted by chance",
        line={"color": colours.muted, "width": 1.5, "dash": "dash"},
        hovertemplate="%{x:.0%} by chance: %{y:,.0f}<extra></extra>",
    )  # fmt: skip
    figure.add_scatter(
        x=share, y=columns["gain"], mode="lines", name="contacted by expected uplift",
        line={"color": colours.neutral, "width": 2.5}, hovertemplate="best %{x:.0%}: %{y:,.0f}<extra></extra>",
    )  # fmt: skip
    what = "further outcomes" if study["is_rate"] else "further amount"
    figure.update_xaxes(title_text="share of customers, highest expected uplift first", tickformat=".0%")
    figure.update_yaxes(
        title_text=f"{what} among the treated<br>(Qini curve as scikit-uplift defines it)",
        tickprefix="" if study["is_rate"] else currency_sign(currency),
    )
    return styled(figure, title=qini_sentence(study), mode=mode, height=380)


def qini_sentence(study: Mapping[str, Any]) -> str:
    """Whether the ranking is better than chance."""
    qini = study["ranking"]["qini"]
    if qini["value"] is None:
        return "The Qini is not defined for these outcomes"
    interval = f"Qini {number(qini['value'])}, between {number(qini['low'])} and {number(qini['high'])}"
    if study["has_evidence"]:
        return f"Contacting by expected uplift beats contacting by chance: {interval}"
    return f"The ranking cannot be told from chance: {interval}"


def parts_figure(study: Mapping[str, Any], which: str, *, currency: str = "", mode: Mode = "light") -> go.Figure | None:
    """The effect by tenth of the ranking (``deciles``) or by tier of risk (``tiers``), with intervals; None of none."""
    parts = [part for part in study[which] if part["difference"]["value"] is not None]
    if not parts:
        return None
    colours = palette(mode)
    scale = 100 if study["is_rate"] else 1
    labels = [part["label"] if which == "deciles" else tier_label(part["label"]) for part in parts]
    values = [scale * part["difference"]["value"] for part in parts]
    above, below = (
        [abs(scale * part["difference"][end] - value) if part["difference"][end] is not None else 0.0
         for part, value in zip(parts, values, strict=True)]
        for end in ("high", "low")
    )  # fmt: skip
    figure = go.Figure()
    figure.add_bar(
        x=labels, y=values, marker_color=colours.neutral, name="measured effect",
        error_y={
            "type": "data", "symmetric": False, "color": colours.text, "thickness": 1.2, "width": 4,
            "array": above, "arrayminus": below,
        },
        customdata=[
            [between(part["difference"], study, currency), count(part["n_treatment"]), count(part["n_control"])]
            for part in parts
        ],
        hovertemplate="%{x}: %{customdata[0]}<br>%{customdata[1]} treated, %{customdata[2]} control<extra></extra>",
    )  # fmt: skip
    figure.add_scatter(
        x=labels, y=[scale * part["predicted"] for part in parts], mode="markers", name="expected by the model",
        marker={"symbol": "diamond-open", "size": 10, "color": colours.text, "line": {"width": 1.5}},
        customdata=[effect(part["predicted"], study, currency) for part in parts],
        hovertemplate="%{x}: expected %{customdata}<extra></extra>",
    )  # fmt: skip
    figure.add_hline(y=0, line={"color": colours.muted, "width": 1})
    axis = "tenth of the customers, highest expected uplift first" if which == "deciles" else "tier of risk at the draw"
    figure.update_xaxes(title_text=axis, type="category")
    unit = "effect, points" if study["is_rate"] else "effect per customer"
    figure.update_yaxes(title_text=unit, tickprefix="" if study["is_rate"] else currency_sign(currency))
    return styled(figure, title=parts_sentence(study, which, currency), mode=mode, height=340)


def parts_sentence(study: Mapping[str, Any], which: str, currency: str = "") -> str:
    """Where the effect is largest and smallest, without claiming a difference that is within the intervals."""
    parts = [part for part in study[which] if part["difference"]["value"] is not None]
    first, last = parts[0], parts[-1]
    names = (
        ("the first tenth", "the last")
        if which == "deciles"
        else tuple(f"the {part['label']} tier" for part in (first, last))
    )
    told = f"{effect(first['difference']['value'], study, currency)} in {names[0]}"
    if len(parts) > 1:
        told += f", {effect(last['difference']['value'], study, currency)} in {names[1]}"
    apart = _apart(first["difference"], last["difference"])
    what = "Effect by expected uplift" if which == "deciles" else "Effect by risk"
    return f"{what}: {told}{'' if apart or len(parts) < 2 else '; the intervals overlap'}"


def responses_figure(study: Mapping[str, Any], *, mode: Mode = "light") -> go.Figure | None:
    """The four groups as shares of the campaign's customers; None for amounts."""
    groups = study["responses"]
    if not groups:
        return None
    colours = palette(mode)
    colour = {
        "persuadable": colours.good, "sure thing": colours.neutral, "lost cause": colours.low,
        "do not disturb": colours.high,
    }  # fmt: skip
    shown = list(reversed(groups))
    figure = go.Figure()
    figure.add_bar(
        x=[group["share"] for group in shown],
        y=[f"{RESPONSE_MARKS[group['response']]} {group['response']}" for group in shown],
        orientation="h", marker_color=[colour[group["response"]] for group in shown],
        text=[percent(group["share"]) for group in shown], textposition="outside", cliponaxis=False,
        customdata=[[RESPONSES[group["response"]], count(group["n"])] for group in shown],
        hovertemplate="%{y}: %{customdata[1]} customers<br>%{customdata[0]}<extra></extra>",
    )  # fmt: skip
    most = max(group["share"] for group in groups)
    figure.update_xaxes(title_text="share of the campaign's customers", tickformat=".0%", range=[0, 1.15 * most])
    figure.update_layout(showlegend=False)
    return styled(figure, title=responses_sentence(study), mode=mode, height=280)


def responses_sentence(study: Mapping[str, Any]) -> str:
    """How many the model takes for persuadable, and how many for better left alone."""
    shares: dict[str, float] = {group["response"]: group["share"] for group in study["responses"]}
    return (
        f"The model takes {percent(shares['persuadable'])} for persuadable and {percent(shares['do not disturb'])} for "
        "better left alone"
    )


def _apart(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    ends: Sequence[float | None] = (first["low"], first["high"], second["low"], second["high"])
    if any(end is None for end in ends):
        return False
    return bool(first["low"] > second["high"] or second["low"] > first["high"])


def _faded(colour: str) -> str:
    """A colour with most of it let through."""
    red, green, blue = (int(colour.lstrip("#")[place : place + 2], 16) for place in (0, 2, 4))
    return f"rgba({red}, {green}, {blue}, 0.18)"
