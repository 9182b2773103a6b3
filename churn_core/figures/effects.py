"""Effects with their intervals: per metric and arm, and as a forest over segments.

Metrics have units of their own, so each has an axis of its own; zero is drawn in all of them, and the smallest effect
worth having where it was planned. Whether an effect is clear of zero is told by a filled mark, not by colour alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from churn_core.figures.effect_words import effect_words, range_words
from churn_core.figures.theme import Mode, Palette, count, currency_sign, palette, plain, styled
from churn_core.stats.estimate import Estimate

ROW_HEIGHT = 34
GAP_HEIGHT = 46
"""Space between two metrics: the axis below the one, the name of the other."""
N_LETTERS = 26
"""Letters of an arm's or a segment's name in a line beside its mark."""


@dataclass(frozen=True, kw_only=True)
class Effect:
    """One difference to draw: treatment minus control."""

    metric: str
    """What is compared, as it is shown; effects of one metric share an axis."""
    label: str
    """The arm or the segment."""
    unit: str
    """share, count, currency, or empty where none is known."""
    difference: Estimate
    n_control: int
    n_treatment: int
    is_clear: bool
    """Whether it is told apart from zero, after correction for several comparisons."""
    is_lower_better: bool = False
    smallest: float | None = None
    """Smallest effect worth having, above 0; None where none was planned."""

    @property
    def is_drawn(self) -> bool:
        """Whether there is a value with an interval."""
        return None not in (self.difference.value, self.difference.low, self.difference.high)


def effects_figure(
    effects: Sequence[Effect], *, title: str | None = None, currency: str = "", mode: Mode = "light"
) -> go.Figure:
    """A mark with its interval per effect, a panel per metric."""
    metrics = list(dict.fromkeys(effect.metric for effect in effects))
    panels = [[effect for effect in effects if effect.metric == metric] for metric in metrics]
    heights = [ROW_HEIGHT * len(panel) for panel in panels]
    total = sum(heights) + GAP_HEIGHT * (len(panels) - 1)
    figure = make_subplots(
        rows=len(panels),
        cols=1,
        row_heights=[float(height) for height in heights],
        vertical_spacing=GAP_HEIGHT / total if len(panels) > 1 else 0.0,
        subplot_titles=[_panel_title(panel, currency) for panel in panels] if len(panels) > 1 else None,
    )
    for row, panel in enumerate(panels, start=1):
        _draw_panel(figure, panel, row, palette(mode), currency)
    figure.update_layout(showlegend=False, hovermode="closest")
    titles = {_panel_title(panel, currency) for panel in panels}
    for note in figure.layout.annotations:
        if note.text in titles:
            note.update(x=0, xanchor="left", font={"size": 12, "color": palette(mode).text}, yshift=2)
    if len(panels) == 1:
        named = f"difference from the control{_unit_words(panels[0][0], currency)}{_worth_words(panels[0])}"
        figure.update_xaxes(title_text=named)
    sentence = title if title is not None else effects_sentence(effects, currency)
    return styled(figure, title=sentence, mode=mode, height=total + 110)


def effects_sentence(effects: Sequence[Effect], currency: str = "") -> str:
    """What the effects prove: the clear ones in words, or that none is clear and how large it may be."""
    clear = [effect for effect in effects if effect.is_clear and effect.is_drawn]
    if not clear:
        drawn = next((effect for effect in effects if effect.is_drawn), None)
        if drawn is None:
            return "No effect can be told yet"
        between = range_words(drawn.difference, drawn.unit, currency).replace(" to ", " and ", 1)
        many = "No effect is clear of zero" if len(effects) > 1 else "The effect is not clear of zero"
        return f"{many}; {drawn.label} on {drawn.metric} lies between {between}"
    told = [
        f"{effect.label} on {effect.metric} {effect_words(effect.difference.value, effect.unit, currency)}"
        for effect in clear[:2]
    ]
    if len(effects) == 1:
        return f"The effect is clear of zero: {told[0]}"
    more = f" and {len(clear) - 2} more" if len(clear) > 2 else ""
    verb = "is" if len(clear) == 1 else "are"
    return f"{len(clear)} of {len(effects)} effects {verb} clear of zero: {'; '.join(told)}{more}"


def _draw_panel(figure: go.Figure, panel: Sequence[Effect], row: int, colours: Palette, currency: str) -> None:
    drawn = [effect for effect in panel if effect.is_drawn]
    scale = 100 if panel[0].unit == "share" else 1
    figure.add_scatter(
        x=[scale * float(effect.difference.value or 0) for effect in drawn],
        y=[arm_label(effect.label) for effect in drawn],
        mode="markers",
        marker={
            "size": 11,
            "color": [_colour(effect, colours) if effect.is_clear else colours.background for effect in drawn],
            "line": {"width": 2, "color": [_colour(effect, colours) for effect in drawn]},
        },
        error_x={
            "type": "data", "symmetric": False, "color": colours.muted, "thickness": 1.6, "width": 5,
            "array": [scale * (float(e.difference.high or 0) - float(e.difference.value or 0)) for e in drawn],
            "arrayminus": [scale * (float(e.difference.value or 0) - float(e.difference.low or 0)) for e in drawn],
        },
        customdata=[_hover(effect, currency) for effect in drawn],
        hovertemplate="%{y}<br>%{customdata}<extra></extra>",
        row=row, col=1,
    )  # fmt: skip
    _draw_lines(figure, panel, row, colours, scale)
    names = [arm_label(effect.label) for effect in panel]
    figure.update_yaxes(
        categoryorder="array", categoryarray=names[::-1], range=[len(names) - 0.5, -0.5][::-1], showgrid=False,
        tickfont={"color": colours.text}, row=row, col=1,
    )  # fmt: skip
    figure.update_xaxes(
        range=_reach(panel, scale), showgrid=True, zeroline=False, row=row, col=1,
    )  # fmt: skip


def _draw_lines(figure: go.Figure, panel: Sequence[Effect], row: int, colours: Palette, scale: int) -> None:
    """Zero, and the smallest effect worth having on the side that is better."""
    figure.add_vline(x=0, line={"color": colours.text, "width": 1.2}, layer="below", row=row, col=1)
    smallest = next((effect.smallest for effect in panel if effect.smallest), None)
    if smallest is None:
        return
    at = scale * smallest * (-1 if panel[0].is_lower_better else 1)
    figure.add_vline(
        x=at, line={"color": colours.accent, "width": 1.2, "dash": "dot"}, row=row, col=1,
    )  # fmt: skip


def _reach(panel: Sequence[Effect], scale: int) -> list[float]:
    """From below to above all intervals, zero and the smallest effect included."""
    ends = [0.0]
    for effect in panel:
        if effect.is_drawn:
            ends += [scale * float(effect.difference.low or 0), scale * float(effect.difference.high or 0)]
        if effect.smallest:
            ends.append(scale * effect.smallest * (-1 if effect.is_lower_better else 1))
    room = 0.08 * (max(ends) - min(ends) or 1.0)
    return [min(ends) - room, max(ends) + room]


def _colour(effect: Effect, colours: Palette) -> str:
    """Good or bad where it is clear, neutral where it is not."""
    if not effect.is_clear:
        return colours.neutral
    gain = float(effect.difference.value or 0) * (-1 if effect.is_lower_better else 1)
    return colours.good if gain > 0 else colours.high


def _hover(effect: Effect, currency: str) -> str:
    value = effect_words(effect.difference.value, effect.unit, currency)
    between = range_words(effect.difference, effect.unit, currency)
    return (
        f"{plain(effect.metric)}: {value} ({between})<br>"
        f"{count(effect.n_treatment)} customers against {count(effect.n_control)} in the control"
    )


def _panel_title(panel: Sequence[Effect], currency: str) -> str:
    return f"<b>{plain(panel[0].metric)}</b>{_unit_words(panel[0], currency)}{_worth_words(panel)}"


def _worth_words(panel: Sequence[Effect]) -> str:
    """What the dotted line is; empty where there is none."""
    return " (dotted: worth having)" if any(effect.smallest for effect in panel) else ""


def _unit_words(effect: Effect, currency: str) -> str:
    sign = currency_sign(currency).strip()
    words = "points" if effect.unit == "share" else sign if effect.unit == "currency" else ""
    return f", in {words}" if words else ""


def arm_label(name: str) -> str:
    """An arm's or a segment's name beside its mark, in at most two lines."""
    return "<br>".join(plain(line) for line in wrap(name, N_LETTERS, max_lines=2, placeholder="…")) or " "
