"""Figures of a readout: effects, looks before the end, segments, money, the Bayesian view and what was reached.

Each has the sentence it proves as its title; where the readout itself says it, the title is that sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from churn_core.campaigns.readout_model import (
    ArmMoney,
    ArmResult,
    ArmSequence,
    Money,
    Reached,
    SegmentCut,
    Sequential,
)
from churn_core.campaigns.results import SIGNIFICANT
from churn_core.figures.effect_words import chance_words, effect_words, signed_money
from churn_core.figures.effects import ROW_HEIGHT, Effect, arm_label, effects_figure
from churn_core.figures.theme import Mode, Palette, count, currency_sign, day, palette, percent, plain, styled
from churn_core.stats.estimate import Estimate

LOOK_HEIGHT = 190
"""Height of one arm's panel in the sequential chart."""
BAR_HEIGHT = 38


def results_figure(
    results: Sequence[ArmResult], *, smallest: float | None = None, currency: str = "", mode: Mode = "light"
) -> go.Figure:
    """Difference and interval of every treatment on every metric; ``smallest`` is the goal's effect worth having."""
    effects = [
        Effect(
            metric=result.label or result.metric,
            label=result.arm,
            unit=result.unit,
            difference=result.comparison.difference,
            n_control=result.comparison.n_control,
            n_treatment=result.comparison.n_treatment,
            is_clear=is_clear(result.p_adjusted, result.alpha),
            is_lower_better=result.is_lower_better,
            smallest=smallest if result.is_primary else None,
        )
        for result in results
    ]
    return effects_figure(effects, currency=currency, mode=mode)


def segments_figure(cut: SegmentCut, *, currency: str = "", mode: Mode = "light") -> go.Figure:
    """The goal of one treatment slice by slice, with the customers behind each."""
    effects = [
        Effect(
            metric=cut.label,
            label=f"{piece.name} (n {count(piece.comparison.n_treatment + piece.comparison.n_control)})",
            unit=cut.unit,
            difference=piece.comparison.difference,
            n_control=piece.comparison.n_control,
            n_treatment=piece.comparison.n_treatment,
            is_clear=is_clear(piece.p_adjusted),
        )
        for piece in cut.slices
    ]
    return effects_figure(effects, title=cut.told.rstrip("."), currency=currency, mode=mode)


def sequential_figure(found: Sequential, *, currency: str = "", mode: Mode = "light") -> go.Figure:
    """The difference at every look with the interval that holds at all of them, a panel per treatment."""
    colours = palette(mode)
    figure = make_subplots(
        rows=len(found.arms), cols=1, shared_xaxes=True, vertical_spacing=0.22 / len(found.arms),
        subplot_titles=[f"<b>{plain(entry.arm)}</b>" for entry in found.arms] if len(found.arms) > 1 else None,
    )  # fmt: skip
    for note in figure.layout.annotations:
        note.update(x=0, xanchor="left", font={"size": 12, "color": colours.text})
    for row, entry in enumerate(found.arms, start=1):
        _draw_looks(figure, entry, found, row, colours, currency)
    if found.planned_end is not None:
        end = _midnight(found.planned_end)
        for row in range(1, len(found.arms) + 1):
            figure.add_vline(x=end, line={"color": colours.accent, "width": 1.2, "dash": "dot"}, row=row, col=1)
        figure.add_annotation(
            x=end, y=1, xref="x", yref="paper", yanchor="bottom", showarrow=False, xanchor="right",
            text=f"planned end {day(found.planned_end)}", font={"size": 11, "color": colours.accent},
        )  # fmt: skip
    figure.update_yaxes(title_text=_difference_words(found.unit, currency), zeroline=False)
    figure.update_xaxes(tickformat="%-d %b %Y", nticks=6)
    figure.update_layout(showlegend=False)
    height = 90 + LOOK_HEIGHT * len(found.arms) + (60 if len(found.arms) == 1 else 0)
    return styled(figure, title=found.told.rstrip("."), mode=mode, height=height)


def _draw_looks(
    figure: go.Figure, entry: ArmSequence, found: Sequential, row: int, colours: Palette, currency: str
) -> None:
    scale = 100 if found.unit == "share" else 1
    told = [point for point in entry.points if point.value is not None]
    banded = [point for point in told if point.low is not None and point.high is not None]
    for ends, fill in (([point.high for point in banded], None), ([point.low for point in banded], "tonexty")):
        figure.add_scatter(
            x=[_midnight(point.day) for point in banded], y=[scale * float(end or 0) for end in ends], mode="lines",
            line={"width": 0}, fill=fill, fillcolor=colours.accent_soft, hoverinfo="skip", showlegend=False,
            row=row, col=1,
        )  # fmt: skip
    figure.add_scatter(
        x=[_midnight(point.day) for point in told],
        y=[scale * float(point.value or 0) for point in told],
        mode="lines+markers",
        line={"color": colours.accent, "width": 2},
        marker={
            "size": 8, "color": colours.accent, "line": {"width": 1.5, "color": colours.accent},
            "symbol": ["circle" if point.is_whole_window else "circle-open" for point in told],
        },
        customdata=[
            [
                count(point.n),
                effect_words(point.value, found.unit, currency),
                "no interval yet"
                if point.low is None or point.high is None
                else f"{effect_words(point.low, found.unit, currency)} to "
                f"{effect_words(point.high, found.unit, currency)}",
                "whole windows" if point.is_whole_window else "windows still open: the difference so far",
            ]
            for point in told
        ],
        hovertemplate="%{x|%-d %b %Y}: %{customdata[1]} (%{customdata[2]})<br>%{customdata[0]} customers, "
        "%{customdata[3]}<extra></extra>",
        row=row, col=1,
    )  # fmt: skip
    figure.add_hline(y=0, line={"color": colours.text, "width": 1.2}, layer="below", row=row, col=1)
    decided = next((point for point in told if point.day == entry.decided_on), None)
    if decided is not None:
        figure.add_annotation(
            x=_midnight(decided.day), y=scale * float(decided.value or 0), text="clear of zero", row=row, col=1,
            showarrow=True, arrowcolor=colours.muted, arrowwidth=1, ax=0, ay=-30,
            font={"size": 11, "color": colours.text},
        )  # fmt: skip


def money_figure(found: Money, *, mode: Mode = "light") -> go.Figure:
    """Margin more, costs, and what is left, a group of bars per treatment; intervals where there are any."""
    colours = palette(mode)
    figure = make_subplots(
        rows=len(found.arms), cols=1, shared_xaxes=True, vertical_spacing=0.16 / len(found.arms),
        subplot_titles=[f"<b>{plain(entry.arm)}</b>" for entry in found.arms],
    )  # fmt: skip
    for note in figure.layout.annotations:
        note.update(x=0, xanchor="left", font={"size": 12, "color": colours.text})
    for row, entry in enumerate(found.arms, start=1):
        _draw_money(figure, entry, row, colours, found.currency)
        figure.add_vline(x=0, line={"color": colours.text, "width": 1.2}, row=row, col=1)
    figure.update_yaxes(autorange="reversed", showgrid=False, tickfont={"color": colours.text})
    sign = currency_sign(found.currency).strip()
    figure.update_xaxes(showgrid=True, zeroline=False, tickformat="~s")
    figure.update_xaxes(title_text=f"in {sign}" if sign else "", row=len(found.arms), col=1)
    figure.update_layout(showlegend=False)
    height = 110 + (3 * BAR_HEIGHT + 34) * len(found.arms)
    return styled(figure, title=money_sentence(found), mode=mode, height=height)


def money_sentence(found: Money) -> str:
    """What is left of every treatment after its costs, and whether that is sure."""
    told = []
    for entry in found.arms:
        if entry.net.value is None:
            told.append(f"{entry.arm}: not told yet")
            continue
        sure = entry.net.low is not None and entry.net.high is not None and entry.net.low * entry.net.high > 0
        between = (
            ""
            if entry.net.low is None or entry.net.high is None
            else f" (between {signed_money(entry.net.low, found.currency)} and "
            f"{signed_money(entry.net.high, found.currency)})"
        )
        verb = "earned" if entry.net.value > 0 else "lost"
        words = f"{verb} {signed_money(abs(entry.net.value), found.currency).lstrip('+')} after its costs{between}"
        told.append(f"{entry.arm} {words}" if sure else f"{entry.arm} {words}, which is not clear of zero")
    return "; ".join(told)


def _draw_money(figure: go.Figure, entry: ArmMoney, row: int, colours: Palette, currency: str) -> None:
    nothing = Estimate(value=-entry.cost, low=None, high=None)
    bars = ((f"{entry.gain} more", entry.margin), ("costs", nothing), ("left over", entry.net))
    told = [(name, found) for name, found in bars if found.value is not None]
    values = [float(found.value or 0) for _, found in told]
    figure.add_bar(
        orientation="h", y=[name for name, _ in told], x=values,
        marker={"color": [_money_colour(name, value, colours) for (name, _), value in zip(told, values, strict=True)]},
        error_x={
            "type": "data", "symmetric": False, "color": colours.text, "thickness": 1.4, "width": 4,
            "array": [0.0 if found.high is None else found.high - float(found.value or 0) for _, found in told],
            "arrayminus": [0.0 if found.low is None else float(found.value or 0) - found.low for _, found in told],
        },
        customdata=[_money_words(found, currency) for _, found in told],
        hovertemplate="%{y}: %{customdata}<extra></extra>", row=row, col=1,
    )  # fmt: skip


def _money_colour(name: str, value: float, colours: Palette) -> str:
    if name != "left over":
        return colours.neutral if name == "costs" else colours.accent
    return colours.good if value >= 0 else colours.high


def _money_words(found: Estimate, currency: str) -> str:
    value = signed_money(found.value, currency)
    if found.low is None or found.high is None:
        return value
    return f"{value} ({signed_money(found.low, currency)} to {signed_money(found.high, currency)})"


def posterior_figure(results: Sequence[ArmResult], *, currency: str = "", mode: Mode = "light") -> go.Figure:
    """The 95 % credible interval of each treatment on one metric, with the chance to be better than the control."""
    colours = palette(mode)
    told = [result for result in results if result.posterior is not None]
    scale = 100 if told and told[0].unit == "share" else 1
    figure = go.Figure()
    for result in told:
        posterior = result.posterior
        assert posterior is not None
        figure.add_scatter(
            x=[scale * posterior.low, scale * posterior.high], y=[arm_label(result.arm)] * 2,
            mode="lines+text", line={"color": colours.accent, "width": 9}, cliponaxis=False,
            text=["", f"  {chance_words(result.chance_to_be_better)}"], textposition="middle right",
            textfont={"color": colours.text, "size": 12},
            hovertemplate=f"{plain(result.arm)}: %{{x:.3g}}<extra></extra>",
        )  # fmt: skip
    figure.add_vline(x=0, line={"color": colours.text, "width": 1.2}, layer="below")
    ends = [
        0.0,
        *(scale * end for entry in told if entry.posterior for end in (entry.posterior.low, entry.posterior.high)),
    ]
    room = (max(ends) - min(ends) or 1.0) * 0.08
    unit = _difference_words(told[0].unit, currency) if told else ""
    figure.update_xaxes(range=[min(ends) - room, max(ends) + 3 * room], showgrid=True, zeroline=False, title_text=unit)
    figure.update_yaxes(autorange="reversed", showgrid=False, tickfont={"color": colours.text})
    figure.update_layout(showlegend=False)
    return styled(figure, title=posterior_sentence(results), mode=mode, height=120 + ROW_HEIGHT * max(len(told), 1))


def posterior_sentence(results: Sequence[ArmResult]) -> str:
    """How likely each treatment is better than the control."""
    told = [result for result in results if result.posterior is not None]
    if not told:
        return "There is no Bayesian view of this metric"
    label = told[0].label or told[0].metric
    chances = "; ".join(f"{result.arm} {chance_words(result.chance_to_be_better)}" for result in told)
    return f"Chance to beat the control on {label}: {chances}"


def reached_figure(reached: Sequence[Reached], *, mode: Mode = "light") -> go.Figure:
    """How many customers each step of contact reached, an arm beside the other."""
    colours = palette(mode)
    figure = go.Figure()
    for entry, colour in zip(reached, colours.series, strict=False):
        first = entry.steps[0][1] if entry.steps else 0
        figure.add_bar(
            orientation="h", name=plain(entry.arm), y=[plain(step) for step, _ in entry.steps],
            x=[n for _, n in entry.steps], marker={"color": colour},
            text=[f"{count(n)}{f' · {percent(n / first)}' if first else ''}" for _, n in entry.steps],
            textposition="outside", cliponaxis=False, textfont={"size": 11},
            hovertemplate=f"{plain(entry.arm)}, %{{y}}: %{{text}}<extra></extra>",
        )  # fmt: skip
    most = max((n for entry in reached for _, n in entry.steps), default=1)
    figure.update_xaxes(visible=False, range=[0, 1.25 * max(most, 1)])
    figure.update_yaxes(autorange="reversed", showgrid=False, tickfont={"color": colours.text})
    figure.update_layout(showlegend=len(reached) > 1, bargap=0.25, legend={"traceorder": "normal"})
    n_steps = max((len(entry.steps) for entry in reached), default=1)
    height = 100 + n_steps * (14 + 22 * len(reached))
    return styled(figure, title=reached_sentence(reached), mode=mode, height=height)


def reached_sentence(reached: Sequence[Reached]) -> str:
    """How far the contacts came, from the first to the last step."""
    told = []
    for entry in reached:
        if not entry.steps or not entry.steps[0][1]:
            continue
        (first, n_first), (last, n_last) = entry.steps[0], entry.steps[-1]
        told.append(f"of {count(n_first)} {first} in {entry.arm}, {percent(n_last / n_first)} {last}")
    sentence = "; ".join(told)
    return f"{sentence[:1].upper()}{sentence[1:]}" if told else "No contact was imported yet"


def is_clear(p_adjusted: float | None, alpha: float = SIGNIFICANT) -> bool:
    """Whether an adjusted p-value lets an effect be called clear."""
    return p_adjusted is not None and p_adjusted < alpha


def _difference_words(unit: str, currency: str) -> str:
    sign = currency_sign(currency).strip()
    words = "points" if unit == "share" else sign if unit == "currency" else ""
    return f"difference{f', {words}' if words else ''}"


def _midnight(moment: date) -> datetime:
    return datetime.combine(moment, time())
