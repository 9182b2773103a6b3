"""Figures about RFM groups and lifecycle stages: the grid of R and F, who moved where, stages over the months."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from churn_core.customers.lifecycle import Lifecycle
from churn_core.customers.moves import NOT_YET, Moves
from churn_core.customers.rfm import RfmTable
from churn_core.customers.rfm_rule import SCORES
from churn_core.figures.theme import Mode, Palette, count, counted, day, money, palette, percent, styled

STRONGEST = 0.5
"""Share of the colour in the fullest square, so that its numbers can still be read."""
_FLOW = 0.32
"""Opacity of a move."""
_GAP = 0.028
"""Room between two nodes, as a share of the height."""


def grid_figure(table: RfmTable, *, currency: str = "", mode: Mode = "light") -> go.Figure:
    """Squares of R and F with their customers and value at risk; a point of the figure is a square, R first in it."""
    colours = palette(mode)
    squares = [(r, f, table.square(r, f)) for r in SCORES for f in SCORES]
    is_money = table.everybody.value_at_risk is not None
    sizes = [max(square.at_risk_sum, 0.0) if is_money else float(square.n) for _, _, square in squares]
    tint = colours.high if is_money else colours.accent
    fig = go.Figure(
        go.Bar(
            x=[f for _, f, _ in squares],
            y=[1] * len(squares),
            base=[r - 0.5 for r, _, _ in squares],
            width=0.96,
            marker={
                "color": [_mixed(colours.background, tint, STRONGEST * size / (max(sizes) or 1.0)) for size in sizes],
                "line": {"color": colours.grid, "width": 1},
            },
            text=[_square_text(square.n, square.value_at_risk, currency) for _, _, square in squares],
            textposition="inside",
            insidetextanchor="middle",
            textangle=0,
            textfont={"color": colours.text, "size": 12},
            customdata=[
                [r, f, count(s.n), money(s.value_at_risk, currency), percent(s.mean_risk), count(s.n_scored)]
                for r, f, s in squares
            ],
            hovertemplate="R %{customdata[0]}, F %{customdata[1]}: %{customdata[2]} customers<br>%{customdata[3]} at "
            "risk<br>mean risk %{customdata[4]} of %{customdata[5]} scored<extra></extra>",
            selected={"marker": {"opacity": 1}, "textfont": {"color": colours.text}},
            unselected={"marker": {"opacity": 0.6}, "textfont": {"color": colours.text}},
        )
    )
    fig.update_xaxes(
        title_text="F, from few orders to many", tickvals=SCORES, range=[0.5, 5.5], showline=False, fixedrange=True
    )
    fig.update_yaxes(
        title_text="R, from long ago to lately", tickvals=SCORES, range=[0.5, 5.5], showgrid=False, fixedrange=True
    )
    fig.update_layout(showlegend=False, clickmode="event+select", dragmode=False)
    return styled(fig, title=grid_sentence(table), mode=mode, height=430)


def grid_sentence(table: RfmTable) -> str:
    """What the grid proves."""
    everybody = table.everybody
    if everybody.value_at_risk:
        silent = sum(table.square(r, f).at_risk_sum for r in (1, 2, 3) for f in (4, 5))
        share = percent(silent / everybody.at_risk_sum)
        return f"{share} of the value at risk is with frequent customers (F 4 and 5) who fell silent (R 1 to 3)"
    best = sum(table.square(r, f).n for r in (4, 5) for f in (4, 5))
    return (
        f"{percent(best / everybody.n)} of {counted(everybody.n, 'customer')} ordered lately and often (4 or 5 of both)"
    )


def moves_figure(moves: Moves, *, mode: Mode = "light") -> go.Figure:
    """A Sankey from the groups of the first day to those of the second; red went down, green went up."""
    colours = palette(mode)
    before = [group for group in moves.sources if moves.n_before(group)]
    after = [group for group in moves.groups if moves.n_after(group)]
    place = {group: nr for nr, group in enumerate(moves.groups)}
    tints = group_colours(colours)
    shown = [move for move in moves.moves if move.n]
    fig = go.Figure(
        go.Sankey(
            arrangement="fixed",
            node={
                "label": [
                    *(f"{group} {count(moves.n_before(group))}" for group in before),
                    *(f"{group} {count(moves.n_after(group))}" for group in after),
                ],
                "color": [tints[group] for group in (*before, *after)],
                "line": {"width": 0},
                "x": [0.001] * len(before) + [0.999] * len(after),
                "y": [
                    *_places([moves.n_before(name) for name in before]),
                    *_places([moves.n_after(name) for name in after]),
                ],
                "pad": 14,
                "thickness": 14,
                "hovertemplate": "%{label}<extra></extra>",
            },
            link={
                "source": [before.index(move.before) for move in shown],
                "target": [len(before) + after.index(move.after) for move in shown],
                "value": [move.n for move in shown],
                "color": [_clear(_direction(place, move.before, move.after, colours), _FLOW) for move in shown],
                "customdata": [f"{move.before} to {move.after}: {counted(move.n, 'customer')}" for move in shown],
                "hovertemplate": "%{customdata}<extra></extra>",
            },
            textfont={"color": colours.text, "size": 12, "shadow": "none"},
        )
    )
    return styled(fig, title=moves_sentence(moves), mode=mode, height=470)


def _places(sizes: Sequence[int]) -> list[float]:
    """Middles of nodes from top to bottom in the order given, as shares of the height.

    >>> [round(place, 3) for place in _places([1, 1])]
    [0.243, 0.757]
    """
    scale = (1 - _GAP * (len(sizes) - 1)) / sum(sizes)
    starts = [_GAP * nr + scale * sum(sizes[:nr]) for nr in range(len(sizes))]
    return [min(max(start + scale * size / 2, 0.001), 0.999) for start, size in zip(starts, sizes, strict=True)]


def moves_sentence(moves: Moves) -> str:
    """What the movement proves."""
    if not moves.n_known:
        return f"Nobody was a customer on {day(moves.first)}"
    moved = percent(moves.n_moved / moves.n_known)
    worse = percent(moves.n_worse() / moves.n_known)
    return (
        f"Of {counted(moves.n_known, 'customer')} on {day(moves.first)}, {moved} stood elsewhere on "
        f"{day(moves.second)}, {worse} further down"
    )


def stages_figure(months: Sequence[Lifecycle], *, mode: Mode = "light") -> go.Figure:
    """Customers by stage over the months, stacked."""
    colours = palette(mode)
    tints = group_colours(colours)
    labels = [day(entry.day) for entry in months]
    fig = go.Figure()
    for nr, stage in enumerate(months[-1].stages):
        sizes = [entry.stages[nr].n for entry in months]
        fig.add_bar(
            x=labels,
            y=sizes,
            name=stage.name,
            marker={"color": tints[stage.name], "line": {"width": 0}},
            customdata=[[count(n), percent(n / entry.n_customers)] for n, entry in zip(sizes, months, strict=True)],
            hovertemplate=f"%{{x}}, {stage.name}: %{{customdata[0]}} (%{{customdata[1]}})<extra></extra>",
        )
    fig.update_layout(barmode="stack", bargap=0.15, legend={"traceorder": "normal"})
    fig.update_xaxes(type="category", nticks=7, tickangle=0)
    fig.update_yaxes(title_text="customers")
    return styled(fig, title=stages_sentence(months), mode=mode, height=360)


def stages_sentence(months: Sequence[Lifecycle]) -> str:
    """What the stack proves."""
    first, last = months[0], months[-1]
    kept = [sum(stage.n for stage in entry.stages if stage.name not in ("late", "lapsed")) for entry in (first, last)]
    now = f"{count(kept[1])} of {counted(last.n_customers, 'customer')} are neither late nor lapsed"
    if len(months) == 1:
        return now
    return f"{now}; on {day(first.day)} it was {count(kept[0])} of {count(first.n_customers)}"


def group_colours(colours: Palette) -> Mapping[str, str]:
    """Colour of every group and stage."""
    return {
        "champions": colours.good,
        "loyal": colours.accent,
        "promising": colours.accent_light,
        "needs attention": colours.medium,
        "at risk": colours.high,
        "hibernating": colours.neutral,
        "lost": colours.low,
        "new": colours.accent_light,
        "active": colours.good,
        "returned": colours.accent,
        "late": colours.medium,
        "lapsed": colours.neutral,
        NOT_YET: colours.grid,
    }


def _direction(place: Mapping[str, int], before: str, after: str, colours: Palette) -> str:
    if before in (NOT_YET, after):
        return colours.neutral
    return colours.high if place[after] > place[before] else colours.good


def _square_text(n: int, at_risk: float | None, currency: str) -> str:
    if not n:
        return ""
    return f"<b>{count(n)}</b>" + ("" if at_risk is None else f"<br>{money(at_risk, currency)}")


def _mixed(under: str, over: str, share: float) -> str:
    """A colour laid over another.

    >>> _mixed("#ffffff", "#000000", 0.5)
    '#808080'
    """
    parts = [(int(under[at : at + 2], 16), int(over[at : at + 2], 16)) for at in (1, 3, 5)]
    return "#" + "".join(f"{round(low + (high - low) * share):02x}" for low, high in parts)


def _clear(colour: str, opacity: float) -> str:
    """A colour that lets the background through.

    >>> _clear("#ff0000", 0.3)
    'rgba(255, 0, 0, 0.3)'
    """
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {opacity:g})"
