"""From the risk of one score run to that of another, part by part, in percentage points."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING

import plotly.graph_objects as go

from churn_core.figures.theme import Mode, day, palette, percent, plain, styled

if TYPE_CHECKING:
    from churn_core.customers.movement import Movement
    from churn_core.customers.movement_parts import Part

ROW_HEIGHT = 46
N_LETTERS = 34
"""Letters of a line beside a bar."""
_MOSTLY = {
    "time": "because time passed",
    "behaviour": "because of the customer's behaviour",
    "model": "because the model is another one",
    "data": "because past data were corrected",
}


def movement_figure(movement: Movement, *, mode: Mode = "light") -> go.Figure:
    """A bar from the earlier risk to the later one, a step for each part; the parts add up as they are shown."""
    colours = palette(mode)
    parts = movement.parts
    labels = [
        f"{day(movement.before.moment)}<br>{_small(f'run {movement.before.run_id}', colours.muted)}",
        *(f"{part.label}{_note(part, colours.muted)}" for part in parts),
        f"{day(movement.after.moment)}<br>{_small(f'run {movement.after.run_id}', colours.muted)}",
    ]
    start, end = round(100 * movement.before.risk, 1), round(100 * movement.after.risk, 1)
    fig = go.Figure(
        go.Waterfall(
            orientation="h",
            measure=["absolute", *("relative" for _ in parts), "total"],
            y=labels,
            x=[start, *(part.shown_points for part in parts), end],
            text=[percent(movement.before.risk), *(_points(part) for part in parts), percent(movement.after.risk)],
            textposition="outside",
            cliponaxis=False,
            increasing={"marker": {"color": colours.high}},
            decreasing={"marker": {"color": colours.accent}},
            totals={"marker": {"color": colours.neutral}},
            connector={"line": {"color": colours.grid, "width": 1}},
            hovertemplate="%{y}: %{text}<extra></extra>",
        )
    )
    reach = _reach(start, [part.shown_points for part in parts])
    fig.update_yaxes(autorange="reversed", showgrid=False)
    fig.update_xaxes(range=[0, min(reach * 1.22, 122)], ticksuffix=" %", showgrid=True, title_text="risk", tickangle=0)
    return styled(fig, title=movement_title(movement), mode=mode, height=120 + ROW_HEIGHT * len(labels))


def movement_title(movement: Movement) -> str:
    """The movement and its strongest part in one sentence."""
    points = movement.shown_points
    if not points:
        return f"The risk stayed at {percent(movement.after.risk)}"
    moved = f"The risk {'rose' if points > 0 else 'fell'} by {abs(points):.1f} points"
    along = [part for part in movement.parts if part.shown_points * points > 0]
    if not along:
        return moved
    strongest = max(along, key=lambda part: abs(part.shown_points))
    return f"{moved}, most of all {_MOSTLY[strongest.name]}"


def _points(part: Part) -> str:
    return f"{part.shown_points:+.1f}" if part.shown_points else "0"


def _note(part: Part, colour: str) -> str:
    """The strongest cause in the direction of the part, under its label."""
    told = next((cause for cause in part.causes if cause.family and cause.risk_change * part.risk_change > 0), None)
    if told is None:
        return ""
    lines = wrap(told.words, N_LETTERS, max_lines=2, placeholder="…")
    return "<br>" + "<br>".join(_small(line, colour) for line in lines)


def _small(text: str, colour: str) -> str:
    return f"<span style='font-size:11px;color:{colour}'>{plain(text)}</span>"


def _reach(start: float, steps: list[float]) -> float:
    """The highest risk on the way, in percent; at least one."""
    highest = now = start
    for step in steps:
        now += step
        highest = max(highest, now)
    return max(highest, 1.0)
