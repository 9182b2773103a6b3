"""From a customer's risk as it is to the risk as it would be, group by group.

Apart from the other figures of a customer because it has two ends that are both somebody's risk.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import plotly.graph_objects as go

from churn_core.figures.contributions import add_risk_axis
from churn_core.figures.theme import Mode, palette, percent, plain, points_between, styled
from churn_core.models.families import family_label

if TYPE_CHECKING:
    from churn_core.customers.what_if import WhatIf

N_BARS = 7
"""Groups with a bar of their own; the others share one."""


def what_if_sentence(result: WhatIf) -> str:
    """What comes of a supposition, as one sentence."""
    if result.log_odds_after == result.log_odds_before:
        return f"Risk would stay at {percent(result.risk_before)}"
    step = points_between(result.risk_before, result.risk_after)
    if step.lstrip("+-").startswith("0.0 "):
        return f"Risk would stay at about {percent(result.risk_before)}"
    return f"Risk would move from {percent(result.risk_before)} to {percent(result.risk_after)} ({step})"


def what_if_figure(result: WhatIf, *, mode: Mode = "light") -> go.Figure:
    """What each group of inputs adds to or takes from the risk, in log-odds labelled as risk; the sum is exact."""
    colours = palette(mode)
    shown = _shortened([(family_label(name), step) for name, step in result.families if abs(step) > 0])
    path = list(itertools.accumulate((step for _, step in shown), initial=result.log_odds_before))
    fig = go.Figure(
        go.Waterfall(
            orientation="h",
            base=result.log_odds_before,
            measure=["relative"] * len(shown),
            y=[plain(label) for label, _ in shown],
            x=[step for _, step in shown],
            text=[f"{step:+.2f}" for _, step in shown],
            textposition="outside",
            cliponaxis=False,
            increasing={"marker": {"color": colours.high}},
            decreasing={"marker": {"color": colours.accent}},
            connector={"line": {"color": colours.neutral, "width": 1}},
            customdata=[[percent(_risk(before)), percent(_risk(after))] for before, after in itertools.pairwise(path)],
            hovertemplate="%{y}<br>from %{customdata[0]} to %{customdata[1]} (%{delta:+.3f} log-odds)<extra></extra>",
        )
    )
    add_risk_axis(fig, path, result.log_odds_after, colours.muted)
    return styled(fig, title=what_if_sentence(result), mode=mode, height=130 + 34 * max(len(shown), 1))


def _shortened(steps: list[tuple[str, float]]) -> list[tuple[str, float]]:
    if len(steps) <= N_BARS + 1:
        return steps
    rest = steps[N_BARS:]
    return [*steps[:N_BARS], (f"{len(rest)} further groups", sum(step for _, step in rest))]


def _risk(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds))
