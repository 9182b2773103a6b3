"""Figures about what drives the risk of many customers: means, spread, and one group against the rest.

Apart from one customer's figures because they speak of a population: each says of how many customers it is drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go

from churn_core.customers.profile import feature_label
from churn_core.figures.customers import group_label
from churn_core.figures.theme import Mode, count, counted, measure, palette, percent, plain, points_between, styled
from churn_core.models.families import ATTRIBUTE_GROUP, feature_entry
from churn_core.stats.ranking import mid_ranks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from churn_core.customers.drivers import Driver, Drivers, Sample
    from churn_core.figures.contributions import Reading

N_BARS = {"by group": 10, "every signal": 14}
N_ROWS = 10
"""Features of the swarm."""
N_IN_SWARM = 600
"""Customers of the swarm; more would hide each other."""
LEAST_DIFFERENCE = 0.005
"""Log-odds below which two groups do not differ in a driver."""
UNIT = "change of the log-odds"
"""What contributions are, on axes."""


def driver_label(name: str, reading: Reading) -> str:
    """A driver in words: the family's heading, or the feature's label."""
    return group_label(name) if reading == "by group" else feature_label(name)


def chosen_drivers(found: Drivers, reading: Reading) -> tuple[Driver, ...]:
    """The drivers of a reading, the strongest first."""
    return found.families if reading == "by group" else found.features


def has_groups(found: Drivers) -> bool:
    """Whether some group holds more than one signal; each column of a labelled table is a group of its own."""
    return len(found.families) < len(found.features)


def importance_figure(found: Drivers, reading: Reading = "by group", *, mode: Mode = "light") -> go.Figure:
    """How far each driver moves the risk of a customer on average, whatever the direction."""
    colours = palette(mode)
    every = [driver for driver in chosen_drivers(found, reading) if driver.mean_absolute > 0]
    shown = every[: N_BARS[reading]][::-1]
    fig = go.Figure(
        go.Bar(
            orientation="h",
            y=[plain(driver_label(driver.name, reading)) for driver in shown],
            x=[driver.mean_absolute for driver in shown],
            text=[f"{driver.mean_absolute:.2f}" for driver in shown],
            textposition="outside",
            cliponaxis=False,
            marker={"color": [colours.neutral] * (len(shown) - 1) + [colours.accent]},
            hovertemplate="%{y}: %{x:.3f} log-odds on average<extra></extra>",
        )
    )
    widest = max((driver.mean_absolute for driver in shown), default=1.0)
    fig.update_xaxes(title_text=f"mean size of the {UNIT}", range=[0, 1.15 * widest], showgrid=True)
    fig.update_yaxes(showgrid=False)
    return styled(fig, title=importance_sentence(found, reading), mode=mode, height=96 + 26 * max(len(shown), 3))


def importance_sentence(found: Drivers, reading: Reading = "by group") -> str:
    """What the bars prove."""
    every = chosen_drivers(found, reading)
    if not every or not every[0].mean_absolute:
        return "Nothing moves the risk of anybody from the average"
    whom = "everybody" if found.is_everybody else f"these {counted(found.group.n_customers, 'customer')}"
    first = _inside(every[0].name, reading)
    second = f", then {_inside(every[1].name, reading)}" if len(every) > 1 else ""
    return f"The risk of {whom} is moved most by {first}{second}"


def difference_figure(found: Drivers, reading: Reading = "by group", *, mode: Mode = "light") -> go.Figure:
    """What makes a group riskier than the rest: mean contributions of the one minus those of the other."""
    colours = palette(mode)
    every = differing(found, reading)
    shown = every[: N_BARS[reading]][::-1]
    steps = [driver.difference or 0.0 for driver in shown]
    fig = go.Figure(
        go.Bar(
            orientation="h",
            y=[plain(driver_label(driver.name, reading)) for driver in shown],
            x=steps,
            text=[f"{step:+.2f}" for step in steps],
            textposition="outside",
            cliponaxis=False,
            marker={"color": [colours.high if step > 0 else colours.accent for step in steps]},
            customdata=[[driver.mean, driver.mean_rest] for driver in shown],
            hovertemplate="%{y}: %{customdata[0]:+.3f} here, %{customdata[1]:+.3f} in the rest<extra></extra>",
        )
    )
    widest = max((abs(step) for step in steps), default=1.0)
    edges = [min([0.0, *steps]) - 0.25 * widest, max([0.0, *steps]) + 0.25 * widest]
    fig.update_xaxes(title_text="log-odds, mean here minus the rest", zeroline=True, showgrid=True, range=edges)
    fig.update_yaxes(showgrid=False)
    return styled(fig, title=difference_sentence(found, reading), mode=mode, height=96 + 26 * max(len(shown), 3))


def differing(found: Drivers, reading: Reading = "by group") -> list[Driver]:
    """The drivers in which a group differs from the rest, the largest difference first."""
    every = [driver for driver in chosen_drivers(found, reading) if abs(driver.difference or 0.0) >= LEAST_DIFFERENCE]
    return sorted(every, key=lambda driver: (-abs(driver.difference or 0.0), driver.name))


def difference_sentence(found: Drivers, reading: Reading = "by group") -> str:
    """What sets a group apart, with both risks and both sizes."""
    if found.rest is None:
        return "Everybody is meant, so there is no rest to compare with"
    group, rest = found.group, found.rest
    step = group.mean_risk - rest.mean_risk
    risks = (
        f"Mean risk is {percent(group.mean_risk)} here (n = {count(group.n_customers)}) and {percent(rest.mean_risk)} "
        f"in the rest (n = {count(rest.n_customers)}): {points_between(rest.mean_risk, group.mean_risk)}"
    )
    towards = [driver for driver in differing(found, reading) if (driver.difference or 0.0) * step > 0]
    if not towards:
        return risks
    return f"{risks}, most through {_inside(towards[0].name, reading)}"


def swarm_figure(found: Drivers, drawn: Sample, *, mode: Mode = "light") -> go.Figure:
    """Every dot is a customer: how far each feature moves the risk, coloured by the feature's value."""
    colours = palette(mode)
    names = [driver.name for driver in found.features[:N_ROWS] if driver.mean_absolute > 0]
    fig = go.Figure()
    for row, name in enumerate(reversed(names)):
        place = drawn.column(name)
        values, pushes = drawn.values[:N_IN_SWARM, place], drawn.contributions[:N_IN_SWARM, place]
        shade = _shades(values)
        known = ~np.isnan(shade)
        for is_known in (False, True):
            rows = known if is_known else ~known
            fig.add_scatter(
                x=pushes[rows],
                y=row + _swarm(pushes)[rows],
                mode="markers",
                showlegend=False,
                marker={
                    "size": 5,
                    "opacity": 0.8,
                    **({"color": shade[rows], "coloraxis": "coloraxis"} if is_known else {"color": colours.medium}),
                },
                customdata=[signal_text(name, value) for value in values[rows]],
                hovertemplate=f"{plain(feature_label(name))}: %{{customdata}}, %{{x:+.2f}}<extra></extra>",
            )
    fig.update_yaxes(
        tickvals=list(range(len(names))), ticktext=[plain(feature_label(name)) for name in reversed(names)],
        range=[-0.6, len(names) - 0.4], showgrid=False, zeroline=False,
    )  # fmt: skip
    fig.update_xaxes(title_text=UNIT, zeroline=True, showgrid=True)
    fig.update_layout(
        coloraxis={
            "colorscale": [[0, colours.accent_soft], [1, colours.accent if mode == "dark" else "#0d2f63"]],
            "cmin": 0,
            "cmax": 1,
            "colorbar": {
                "title": {"text": "value", "font": {"size": 12, "color": colours.muted}},
                "tickvals": [0, 1],
                "ticktext": ["low", "high"],
                "thickness": 10,
                "tickfont": {"color": colours.muted, "size": 12},
                "outlinewidth": 0,
            },
        }
    )
    return styled(fig, title=swarm_sentence(names, drawn), mode=mode, height=100 + 40 * max(len(names), 3))


def swarm_sentence(names: Sequence[str], drawn: Sample) -> str:
    """Which way the strongest feature goes."""
    for name in names:
        place = drawn.column(name)
        values, pushes = drawn.values[:, place], drawn.contributions[:, place]
        known = ~np.isnan(values)
        if known.sum() < 3 or np.ptp(values[known]) == 0 or np.ptp(pushes[known]) == 0:
            continue
        rank = float(np.corrcoef(mid_ranks(values[known]), mid_ranks(pushes[known]))[0, 1])
        label = _inside(name, "every signal")
        if abs(rank) < 0.3:
            return f"The strongest signal is {label}, and neither many nor few alone mean risk"
        up, down = ("raise", "lower") if rank > 0 else ("lower", "raise")
        return f"High values of {label} {up} the risk, low values {down} it"
    return "Each dot is a customer, moved by each signal"


def _swarm(pushes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Heights that keep dots of nearly the same push apart: the middle first, then outwards on both sides."""
    spread = float(np.ptp(pushes)) or 1.0
    cell = np.round((pushes - pushes.min()) / spread * 80).astype(int)
    order = np.argsort(cell, kind="stable")
    starts = np.searchsorted(cell[order], cell[order])
    rank = np.arange(len(cell)) - starts
    side = np.where(rank % 2 == 0, 1.0, -1.0) * ((rank + 1) // 2)
    tallest = max(float(np.abs(side).max(initial=0.0)), 1.0)
    made = np.empty(len(cell))
    made[order] = 0.4 * side / tallest
    return made


def _shades(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rank of each value from 0 to 1; NaN where there is none."""
    made = np.full(len(values), np.nan)
    known = ~np.isnan(values)
    if known.any():
        ranks = mid_ranks(values[known])
        spread = float(np.ptp(ranks))
        made[known] = (ranks - ranks.min()) / spread if spread else 0.5
    return made


def signal_text(name: str, value: float, currency: str = "") -> str:
    """A value of a feature as a reader wants it."""
    entry = feature_entry(name)
    return measure(None if np.isnan(value) else float(value), entry.unit if entry else "", currency)


def _inside(name: str, reading: Reading) -> str:
    """A driver inside a sentence; a column of the user's file keeps its capitals."""
    label = driver_label(name, reading)
    is_own = name.startswith(f"{ATTRIBUTE_GROUP}:") if reading == "by group" else feature_entry(name) is None
    return label if is_own else label[:1].lower() + label[1:]
