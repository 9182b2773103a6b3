"""What saved segments share, as a matrix: the part of each row's customers who are in the column's segment too."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

import plotly.graph_objects as go

from churn_core.figures.theme import Mode, count, counted, palette, percent, plain, styled

if TYPE_CHECKING:
    from churn_core.customers.rule_segments import Overlaps

LONGEST_LINE = 24
"""Letters of one of the lines that a name stands in."""
CELL = 50
"""Height of a row in pixels."""


def overlap_figure(found: Overlaps, *, mode: Mode = "light") -> go.Figure:
    """The matrix: share and number of customers in both, row by row."""
    colours = palette(mode)
    names = [entry.name for entry in found.segments]
    places = range(len(names))
    shares = [[found.share(row, column) for column in places] for row in places]
    figure = go.Figure(
        go.Heatmap(
            z=[[0.0 if row == column else shares[row][column] for column in places] for row in places],
            text=[[_cell(found, row, column) for column in places] for row in places],
            customdata=[[_hover(found, row, column) for column in places] for row in places],
            texttemplate="%{text}",
            hovertemplate="%{customdata}<extra></extra>",
            colorscale=[[0, colours.card], [1, colours.accent]],
            zmin=0,
            zmax=1,
            showscale=False,
            xgap=2,
            ygap=2,
        )
    )
    labels = [_lines(f"{place} {label}") for place, label in enumerate(short_labels(names), start=1)]
    heads = [f"<b>{place + 1}</b>" for place in places]
    figure.update_xaxes(tickvals=list(places), ticktext=heads, side="top", showline=False, zeroline=False)
    figure.update_yaxes(tickvals=list(places), ticktext=labels, autorange="reversed", showgrid=False, zeroline=False)
    return styled(figure, title=overlap_sentence(found), mode=mode, height=90 + CELL * len(names))


def overlap_sentence(found: Overlaps) -> str:
    """The two segments that share most, measured by the smaller one."""
    best: tuple[float, int, int] | None = None
    for row in range(len(found.segments)):
        for column in range(len(found.segments)):
            share = found.share(row, column)
            is_smaller = found.n_shared[row][row] <= found.n_shared[column][column]
            if row != column and share and is_smaller and (best is None or share > best[0]):
                best = (share, row, column)
    if best is None:
        return "No two of these segments share a customer"
    share, row, column = best
    n_shared, size = found.n_shared[row][column], found.n_shared[row][row]
    return (
        f"{percent(share)} of {found.segments[row].name} ({count(n_shared)} of {count(size)}) are in "
        f"{found.segments[column].name} too, the largest overlap"
    )


def _cell(found: Overlaps, row: int, column: int) -> str:
    number = count(found.n_shared[row][column])
    return number if row == column else f"{percent(found.share(row, column))}<br>{number}"


def _hover(found: Overlaps, row: int, column: int) -> str:
    one, other = plain(found.segments[row].name), plain(found.segments[column].name)
    if row == column:
        return f"{one}: {counted(found.n_shared[row][row], 'customer')}"
    n_shared, size = found.n_shared[row][column], found.n_shared[row][row]
    return f"{counted(n_shared, 'customer')} of {count(size)} in {one}<br>are in {other} too"


def short_labels(names: Sequence[str]) -> list[str]:
    """Names as they stand beside the matrix; those that begin alike are told by what follows.

    >>> short_labels(["Late", "Kinds of buyers: Long gaps, few orders", "Kinds of buyers: Low spend, few orders"])
    ['Late', '…Long gaps, few orders', '…Low spend, few orders']
    """
    starts = [name.partition(": ")[0] for name in names]
    return [
        "…" + name.partition(": ")[2] if ": " in name and starts.count(start) > 1 else name
        for name, start in zip(names, starts, strict=True)
    ]


def _lines(label: str) -> str:
    """A label in as many lines as it needs; a segment's name needs four at most.

    >>> _lines("1 Regulars at risk"), _lines("2 …Few categories, low spend in a year")
    ('1 Regulars at risk', '2 …Few categories, low<br>spend in a year')
    """
    return "<br>".join(plain(line) for line in wrap(label, LONGEST_LINE))
