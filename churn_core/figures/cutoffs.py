"""Figures about cut-offs: whom a threshold contacts, and what it earns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go

from churn_core.customers.cutoff_words import chance_words
from churn_core.customers.cutoffs import (
    best_cutoff,
    break_even_by_step,
    capacity_is_tied,
    outcome,
    profit_by_step,
)
from churn_core.customers.risk_counts import N_STEPS
from churn_core.figures.theme import Mode, Palette, count, counted, currency_sign, money, palette, percent, styled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from churn_core.customers.cutoffs import BestCutoff, CutoffOutcome
    from churn_core.customers.risk_counts import RiskCounts
    from churn_core.customers.scenario import Scenario

DRAWN_EVERY = 5
"""Threshold steps between two drawn points of a curve: half a percentage point."""

MOST_LOSS = 3.0
"""Losses beyond so many times the best profit are cut off the figure, so that the best can be seen."""


def cutoff_figure(
    counts: RiskCounts,
    outcomes: Mapping[str, CutoffOutcome],
    *,
    capacity_from: Mapping[str, float] | None = None,
    mode: Mode = "light",
) -> go.Figure:
    """Customers by risk, those who are expected to leave told apart, with each scenario's threshold and capacity."""
    colours = palette(mode)
    bins = counts.histogram()
    width = 1 / len(bins)
    middles = [(nr + 0.5) * width for nr in range(len(bins))]
    ranges = [f"{percent(nr * width)} to {percent((nr + 1) * width)}" for nr in range(len(bins))]
    figure = go.Figure()
    for name, values, colour in (
        ("expected to leave", [bin_.churners for bin_ in bins], colours.high),
        ("expected to stay", [bin_.n_customers - bin_.churners for bin_ in bins], colours.low),
    ):
        figure.add_bar(
            x=middles, y=values, name=name, marker_color=colour, width=width * 0.92,
            customdata=[[text, bin_.n_customers] for text, bin_ in zip(ranges, bins, strict=True)],
            hovertemplate=f"risk %{{customdata[0]}}: %{{y:,.0f}} of %{{customdata[1]:,}} {name}<extra></extra>",
        )  # fmt: skip
    tallest = max(bin_.n_customers for bin_ in bins)
    for (name, found), (colour, dash) in zip(outcomes.items(), _lines(colours), strict=False):
        _add_line(figure, found.threshold, f"{name}: from {percent(found.threshold)}", colour, dash, tallest)
    for name, threshold in (capacity_from or {}).items():
        words = f"capacity of {name}: {'everybody' if threshold <= counts.lowest else f'from {percent(threshold)}'}"
        _add_line(figure, threshold, words, colours.good, "dot", tallest)
    figure.update_layout(barmode="stack", legend={"traceorder": "normal"})
    figure.update_xaxes(title_text="risk", tickformat=".0%", range=[-0.005, 1.005], dtick=0.1)
    figure.update_yaxes(title_text="customers", rangemode="tozero")
    return styled(figure, title=cutoff_sentence(outcomes), mode=mode, height=340)


def cutoff_sentence(outcomes: Mapping[str, CutoffOutcome]) -> str:
    """Whom each scenario contacts."""
    return "; ".join(f"{name} contacts {_contacts(found)}" for name, found in outcomes.items())


def _contacts(found: CutoffOutcome) -> str:
    if not found.n_contacted:
        return "nobody"
    which = "all " if found.n_contacted == found.n_customers > 1 else ""
    leave = f", of whom about {count(found.confusion.n_true_positive)} would leave"
    return f"{which}{counted(found.n_contacted, 'customer')}{leave if found.n_contacted > 1 else ''}"


def profit_figure(
    counts: RiskCounts,
    scenarios: Mapping[str, Scenario],
    thresholds: Mapping[str, float],
    *,
    currency: str = "",
    mode: Mode = "light",
) -> go.Figure | None:
    """Expected profit over the threshold, marked the chosen one and the best that can be done; None where unknown."""
    colours = palette(mode)
    outline = {"width": 2, "color": colours.background}
    figure = go.Figure()
    for (name, scenario), (colour, dash) in zip(scenarios.items(), _lines(colours), strict=False):
        profits, best = profit_by_step(counts, scenario), best_cutoff(counts, scenario, within_capacity=True)
        if profits is None or best is None:
            continue
        _add_curve(figure, profits, name, colour, dash, lambda value: money(value, currency))
        marks = ((best.threshold, "diamond", 17, "best"), (thresholds[name], "circle", 10, "chosen"))
        for at, symbol, size, words in marks:
            if at is not None:
                profit = float(profits[round(at * N_STEPS)])
                figure.add_scatter(
                    x=[at], y=[profit], mode="markers", showlegend=False,
                    marker={"symbol": symbol, "size": size, "color": colour, "line": outline},
                    hovertemplate=f"{name}, {words}: from {percent(at)} {money(profit, currency)}<extra></extra>",
                )  # fmt: skip
    if not figure.data:
        return None
    figure.add_hline(y=0, line={"color": colours.muted, "width": 1})
    figure.update_xaxes(title_text="contact everybody from this risk on", tickformat=".0%", range=[-0.005, 1.005])
    best_profit = max(float(np.max(trace.y)) for trace in figure.data)
    lowest = min(float(np.min(trace.y)) for trace in figure.data)
    figure.update_yaxes(title_text="expected profit", tickprefix=currency_sign(currency))
    if best_profit > 0:
        figure.update_yaxes(range=[max(1.05 * lowest, -MOST_LOSS * best_profit), 1.2 * best_profit])
    figure.update_layout(showlegend=True)
    return styled(figure, title=profit_sentence(counts, scenarios, currency), mode=mode)


def profit_sentence(counts: RiskCounts, scenarios: Mapping[str, Scenario], currency: str = "") -> str:
    """Where each scenario earns most, within what can be contacted, and whether it would earn more without that."""
    words = []
    for name, scenario in scenarios.items():
        best = best_cutoff(counts, scenario, within_capacity=True)
        if best is None:
            continue
        if scenario.is_free:
            words.append(f"{name} has no cost entered, so every contact seems to pay")
        elif best.threshold is not None:
            free = best_cutoff(counts, scenario)
            limit = ""
            if free is not None and free != best:
                limit = f" (without its limit of {count(scenario.capacity)}: {_earns(free, currency)})"
            words.append(f"{name} earns most from {percent(best.threshold)} on: {_earns(best, currency)}{limit}")
        elif capacity_is_tied(counts, scenario):
            words.append(f"{name} cannot keep to its capacity by a threshold")
        else:
            words.append(f"{name} loses money at every threshold, so contacting nobody is best")
    return "; ".join(words)


def _earns(best: BestCutoff, currency: str) -> str:
    return f"{money(best.profit, currency)} with {counted(best.n_contacted, 'contact')}"


def break_even_figure(
    counts: RiskCounts, scenarios: Mapping[str, Scenario], thresholds: Mapping[str, float], *, mode: Mode = "light"
) -> go.Figure | None:
    """The chance from which contacting pays, over the threshold: all that can be said while the chance is unknown.

    None when no value is known or nothing costs anything.
    """
    colours = palette(mode)
    figure = go.Figure()
    for (name, scenario), (colour, dash) in zip(scenarios.items(), _lines(colours), strict=False):
        chances = break_even_by_step(counts, scenario)
        if chances is None or scenario.is_free:
            continue
        _add_curve(figure, chances, name, colour, dash, percent)
        chance = float(chances[round(thresholds[name] * N_STEPS)])
        figure.add_scatter(
            x=[thresholds[name]], y=[chance], mode="markers", showlegend=False,
            marker={"size": 12, "color": colour, "line": {"width": 2, "color": colours.background}},
            hovertemplate=f"{name}, chosen: pays from a chance of {percent(chance)}<extra></extra>",
        )  # fmt: skip
    if not figure.data:
        return None
    figure.update_xaxes(title_text="contact everybody from this risk on", tickformat=".0%", range=[-0.005, 1.005])
    figure.update_yaxes(title_text="chance to save a churner from which it pays", tickformat=".0%", rangemode="tozero")
    figure.update_layout(showlegend=True)
    return styled(figure, title=break_even_sentence(counts, scenarios, thresholds), mode=mode)


def break_even_sentence(counts: RiskCounts, scenarios: Mapping[str, Scenario], thresholds: Mapping[str, float]) -> str:
    """How often the offer has to work at the chosen thresholds."""
    words = []
    for name, scenario in scenarios.items():
        found = outcome(counts, scenario, thresholds[name])
        if scenario.is_free:
            continue
        if found.break_even is not None:
            words.append(f"{name} pays for itself when the offer saves {chance_words(found.break_even)}")
        else:
            words.append(f"{name} cannot pay for itself" if found.n_contacted else f"{name} contacts nobody")
    return "; ".join(words)


def _add_line(figure: go.Figure, at: float, text: str, colour: str, dash: str, top: float) -> None:
    """A vertical line that the legend names."""
    figure.add_scatter(
        x=[at, at], y=[0, 1.06 * top], mode="lines", name=text, line={"color": colour, "width": 2.5, "dash": dash},
        hovertemplate=f"{text}<extra></extra>",
    )  # fmt: skip


def _add_curve(
    figure: go.Figure, values: np.ndarray, name: str, colour: str, dash: str, words: Callable[[float], str]
) -> None:
    steps = np.arange(0, N_STEPS + 1, DRAWN_EVERY)
    figure.add_scatter(
        x=steps / N_STEPS, y=values[steps], mode="lines", name=name, line={"color": colour, "width": 2.5, "dash": dash},
        customdata=[words(float(value)) for value in values[steps]],
        hovertemplate=f"{name}: from %{{x:.1%}} %{{customdata}}<extra></extra>",
    )  # fmt: skip


def _lines(colours: Palette) -> tuple[tuple[str, str], ...]:
    """Colour and dash of each scenario."""
    return ((colours.accent, "solid"), (colours.medium, "dash"))
