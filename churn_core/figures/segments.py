"""Figures about segments: what sets each apart, where they lie, how many there should be, and who moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from textwrap import wrap
from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go

from churn_core.customers.segmentation_inputs import feature_named
from churn_core.figures.theme import (
    UNKNOWN,
    Mode,
    Palette,
    count,
    counted,
    day,
    measure,
    palette,
    percent,
    plain,
    styled,
)

if TYPE_CHECKING:
    from churn_core.customers.segmentation_choice import Choice, KMeasures
    from churn_core.customers.segmentation_drift import Move
    from churn_core.customers.segmentation_profile import Axis, SegmentMap, SegmentProfile
    from churn_core.customers.segmentation_store import Segmentation

SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "x")
MOST_UNITS = 2.0
"""Robust units at which the colours of the heat map are full."""
LONGEST_LINE = 30
"""Letters of one of the two lines that a name takes beside a figure."""
LONGEST_AXIS = 46
"""Letters of a line beside an axis of the map."""
LEGEND = {-MOST_UNITS: "far below", 0.0: "as the middle customer", MOST_UNITS: "far above"}
"""Words of the colours of the heat map."""
OUTSIDE = "in no segment"
"""Those who were no customers yet, or whose last order was too long ago."""
_GAP = 0.03
"""Share of a Sankey's height between two of its nodes."""
_FLOW = 0.35


def in_lines(name: str) -> str:
    """A name in at most two lines, as it stands in a figure.

    >>> in_lines("Many pieces per order, few categories, long gaps"), in_lines("loyal")
    ('Many pieces per order, few<br>categories, long gaps', 'loyal')
    """
    return "<br>".join(plain(line) for line in wrap(name, LONGEST_LINE, max_lines=2, placeholder=" …"))


def profile_figure(found: Segmentation, *, currency: str = "", mode: Mode = "light") -> go.Figure:
    """Mean of every feature in each segment against the whole, in robust units, with the words of the colours."""
    colours = palette(mode)
    features = list(found.segments[0].deviations)
    places = [entry.no for entry in found.segments]
    deviations = [[entry.deviations[name] for entry in found.segments] for name in features]
    figure = go.Figure(
        go.Heatmap(
            x=places,
            y=features,
            z=deviations,
            zmin=-MOST_UNITS,
            zmax=MOST_UNITS,
            colorscale=[[0, colours.medium], [0.5, colours.card], [1, colours.accent]],
            colorbar={
                "orientation": "h",
                "y": 0,
                "yanchor": "top",
                "ypad": 8,
                "x": 0,
                "xanchor": "left",
                "xpad": 0,
                "len": 320,
                "lenmode": "pixels",
                "thickness": 8,
                "outlinewidth": 0,
                "tickvals": list(LEGEND),
                "ticktext": list(LEGEND.values()),
                "ticks": "",
                "tickfont": {"size": 12, "color": colours.muted},
            },
            xgap=2,
            ygap=2,
            text=[[f"{round(value, 1) + 0.0:+.1f}" for value in row] for row in deviations],
            texttemplate="%{text}",
            textfont={"size": 12},
            customdata=[[_hover(entry, name, currency) for entry in found.segments] for name in features],
            hovertemplate="%{customdata}<extra></extra>",
        )
    )
    figure.update_xaxes(
        side="top", tickvals=places, ticktext=[_wrapped(entry) for entry in found.segments], showline=False
    )
    figure.update_yaxes(
        autorange="reversed", showgrid=False, tickvals=features,
        ticktext=[plain(feature_named(name).label) for name in features],
    )  # fmt: skip
    title = profile_sentence(found.segments, found.medians, currency)
    return styled(figure, title=title, mode=mode, height=165 + 27 * len(features))


def profile_sentence(
    segments: Sequence[SegmentProfile], of_all: Mapping[str, float | None] | None = None, currency: str = ""
) -> str:
    """Which segment stands out most, by what, and what that is in its middle and in the middle of all."""
    size, entry, name = max(
        ((abs(value), entry, name) for entry in segments for name, value in entry.deviations.items()),
        key=lambda found: found[0],
    )
    if size < 0.25:
        return "No segment stands out in any feature"
    direction = "above" if entry.deviations[name] > 0 else "below"
    feature = feature_named(name)
    own, whole = (measure(medians.get(name), feature.unit, currency) for medians in (entry.medians, of_all or {}))
    start = f"Segment {entry.no} stands out most, by “{feature.label}”"
    if UNKNOWN in (own, whole) or own == whole:
        return f"{start}: far {direction} the middle customer"
    return f"{start}: {own} in its middle, {whole} in the middle of all segments"


def map_figure(found: Segmentation, *, mode: Mode = "light") -> go.Figure:
    """A sample of customers in the plane of the two principal components."""
    colours, on_map = palette(mode), found.on_map
    numbers = np.asarray(on_map.no)
    figure = go.Figure()
    for entry in found.segments:
        own = np.flatnonzero(numbers == entry.no)
        figure.add_scattergl(
            x=[on_map.x[place] for place in own],
            y=[on_map.y[place] for place in own],
            mode="markers",
            name=in_lines(f"{entry.no} {entry.name}"),
            marker={
                "color": series(colours)[(entry.no - 1) % 6], "size": 5, "opacity": 0.65,
                "symbol": SYMBOLS[(entry.no - 1) // 6 % 6] if entry.no > 6 else SYMBOLS[(entry.no - 1) % 6],
            },
            hovertemplate=f"{plain(entry.name)}<extra></extra>",
        )  # fmt: skip
    first, second = on_map.axes
    figure.update_xaxes(title_text=_axis_title(first), zeroline=False)
    figure.update_yaxes(title_text=_axis_title(second), zeroline=False)
    figure.update_layout(showlegend=True)
    return styled(figure, title=map_sentence(on_map), mode=mode, height=470)


def _axis_title(axis: Axis) -> str:
    """What grows along an axis, in lines that fit a narrow window."""
    return "<br>".join(plain(line) for line in wrap(f"→ {axis.meaning} ({percent(axis.share)})", LONGEST_AXIS))


def map_sentence(on_map: SegmentMap) -> str:
    """How much of the differences the map shows, and of whom."""
    shown = on_map.axes[0].share + on_map.axes[1].share
    of_whom = f"{count(len(on_map.no))} of {counted(on_map.n_customers, 'customer')}"
    return f"The map shows {percent(shown)} of how customers differ ({of_whom} drawn)"


def choice_figure(choice: Choice, *, mode: Mode = "light") -> go.Figure:
    """The four measures beside each other, for every number of segments that was tried."""
    from plotly.subplots import make_subplots

    colours = palette(mode)
    panels = (
        ("Silhouette", "silhouette"), ("Calinski-Harabasz", "calinski_harabasz"), ("Gap", "gap"),
        ("Stability", "stability"),
    )  # fmt: skip
    figure = make_subplots(rows=1, cols=4, subplot_titles=[title for title, _ in panels], horizontal_spacing=0.07)
    ks = [found.k for found in choice.measures]
    for column, (title, name) in enumerate(panels, start=1):
        values = [getattr(found, name) for found in choice.measures]
        errors = {"type": "data", "array": [found.gap_error for found in choice.measures], "thickness": 1}
        if name == "stability":
            lows = [found.stability - found.stability_low for found in choice.measures]
            errors = {"type": "data", "array": [0.0] * len(lows), "arrayminus": lows, "thickness": 1}
        figure.add_scatter(
            row=1, col=column, x=ks, y=values, mode="lines+markers", showlegend=False,
            line={"color": colours.neutral, "width": 1.5},
            marker={"size": [10 if k == choice.k else 5 for k in ks],
                    "color": [colours.accent if k == choice.k else colours.neutral for k in ks]},
            error_y=errors if name in ("gap", "stability") else None,
            hovertemplate=f"%{{x}} segments: {title} %{{y:.3~f}}<extra></extra>",
        )  # fmt: skip
        figure.update_xaxes(tickvals=ks, row=1, col=column)
    figure.update_annotations(font={"size": 12, "color": colours.muted})
    return styled(figure, title=choice_sentence(choice), mode=mode, height=260)


def choice_sentence(choice: Choice) -> str:
    """What is proposed."""
    of_whom = f"{count(choice.n_sampled)} of {counted(choice.n_customers, 'customer')}"
    return f"{choice.k} segments are proposed, compared on {of_whom}"


def choice_rows(choice: Choice) -> list[dict[str, str]]:
    """The same as a table, the best of each column marked."""
    best = {
        name: max(choice.measures, key=lambda found, name=name: getattr(found, name)).k  # type: ignore[misc]
        for name in ("silhouette", "calinski_harabasz", "stability")
    }
    return [_choice_row(found, choice, best) for found in choice.measures]


def _choice_row(found: KMeasures, choice: Choice, best: dict[str, int]) -> dict[str, str]:
    def marked(name: str, text: str) -> str:
        return f"{text} ★" if best.get(name) == found.k else text

    gap = f"{found.gap:.3f} ± {found.gap_error:.3f}"
    return {
        "Segments": f"{found.k} (proposed)" if found.k == choice.k else str(found.k),
        "Silhouette": marked("silhouette", f"{found.silhouette:.3f}"),
        "Calinski-Harabasz": marked("calinski_harabasz", f"{found.calinski_harabasz:,.0f}"),
        "Gap ± error": f"{gap} ★" if choice.gap_k == found.k else gap,
        "Stability (lowest)": marked("stability", f"{found.stability:.2f} ({found.stability_low:.2f})"),
    }


def moves_figure(
    found: Segmentation, moves: Sequence[Move], earlier: datetime, later: datetime, *, mode: Mode = "light"
) -> go.Figure:
    """A Sankey from the segments of one date to those of another, with those who came and left."""
    colours = palette(mode)
    n_before = _sums(moves, is_before=True)
    n_after = _sums(moves, is_before=False)
    before = [no for no in (*(entry.no for entry in found.segments), None) if no in n_before]
    after = [no for no in (*(entry.no for entry in found.segments), None) if no in n_after]
    names = {entry.no: in_lines(f"{entry.no} {entry.name}") for entry in found.segments}
    tints = {entry.no: series(colours)[(entry.no - 1) % 6] for entry in found.segments}
    shown = [move for move in moves if move.from_no in before and move.to_no in after]
    figure = go.Figure(
        go.Sankey(
            arrangement="fixed",
            node={
                "label": [
                    *(f"{names.get(no or 0, OUTSIDE)} · {count(n_before[no])}" for no in before),
                    *(f"{names.get(no or 0, OUTSIDE)} · {count(n_after[no])}" for no in after),
                ],
                "color": [tints.get(no, colours.grid) if no else colours.grid for no in (*before, *after)],
                "line": {"width": 0},
                "x": [0.001] * len(before) + [0.999] * len(after),
                "y": [*node_places([n_before[no] for no in before]), *node_places([n_after[no] for no in after])],
                "pad": 14,
                "thickness": 14,
                "hovertemplate": "%{label}<extra></extra>",
            },
            link={
                "source": [before.index(move.from_no) for move in shown],
                "target": [len(before) + after.index(move.to_no) for move in shown],
                "value": [move.n_customers for move in shown],
                "color": [_clear(tints.get(move.from_no or 0, colours.neutral)) for move in shown],
                "hovertemplate": "%{value:,.0f} customers<extra></extra>",
            },
            textfont={"color": colours.text, "size": 12, "shadow": "none"},
        )
    )
    return styled(figure, title=moves_sentence(moves, earlier, later), mode=mode, height=430)


def node_places(sizes: Sequence[int]) -> list[float]:
    """Middles of a Sankey's nodes from top to bottom in the order given, as shares of the height.

    >>> [round(place, 3) for place in node_places([1, 1])]
    [0.242, 0.758]
    """
    scale = (1 - _GAP * (len(sizes) - 1)) / max(sum(sizes), 1)
    starts = [_GAP * nr + scale * sum(sizes[:nr]) for nr in range(len(sizes))]
    return [min(max(start + scale * size / 2, 0.001), 0.999) for start, size in zip(starts, sizes, strict=True)]


def moves_sentence(moves: Sequence[Move], earlier: datetime, later: datetime) -> str:
    """What the movement proves."""
    both = [move for move in moves if move.from_no is not None and move.to_no is not None]
    n_both = sum(move.n_customers for move in both)
    if not n_both:
        return f"Nobody was in a segment on {day(earlier)} and on {day(later)}"
    n_moved = sum(move.n_customers for move in both if move.from_no != move.to_no)
    return (
        f"Of {counted(n_both, 'customer')} in a segment on {day(earlier)} and on {day(later)}, "
        f"{percent(n_moved / n_both)} changed it"
    )


def series(colours: Palette) -> tuple[str, ...]:
    """Colours of six segments; further ones repeat them with another mark. Red stays for risk."""
    return (colours.accent, colours.medium, colours.good, colours.neutral, colours.text, colours.muted)


def _sums(moves: Sequence[Move], *, is_before: bool) -> dict[int | None, int]:
    found: dict[int | None, int] = {}
    for move in moves:
        no = move.from_no if is_before else move.to_no
        found[no] = found.get(no, 0) + move.n_customers
    return found


def _clear(colour: str) -> str:
    """A colour that lets others through."""
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},{_FLOW})"


def _wrapped(entry: SegmentProfile) -> str:
    """Number and size of a segment; the name stands in the table above."""
    return f"<b>Segment {entry.no}</b><br>{count(entry.n_customers)}"


def _hover(entry: SegmentProfile, name: str, currency: str) -> str:
    feature = feature_named(name)
    median = entry.medians.get(name)
    return (
        f"{plain(entry.name)}<br>{plain(feature.label)}: {entry.deviations[name]:+.2f} typical distances from the "
        f"middle customer<br>median {plain(measure(median, feature.unit, currency))}"
    )
