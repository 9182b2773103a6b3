"""From where every customer starts to this customer's risk: group by group, or signal by signal.

Apart from the other figures of a customer because it has two readings of the same numbers. Both add up exactly;
by group is the one to read, since single signals overlap and may pull against each other.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from textwrap import shorten, wrap
from typing import TYPE_CHECKING, Literal

import plotly.graph_objects as go

from churn_core.customers.explanation import FamilyContribution, by_family, strongest
from churn_core.figures.theme import Mode, measure, palette, percent, plain, styled
from churn_core.models.families import ATTRIBUTE_GROUP, SAME_FOR_ALL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from churn_core.customers.profile import CustomerScore, FeatureContribution

Reading = Literal["by group", "every signal"]

N_BARS = {"by group": 8, "every signal": 10}
"""Bars of their own in each reading; the others share one."""

LEAST_STEP = 1e-6
"""Log-odds below which a step is no step but what rounding left of zero: it has no length, so it gets no bar."""

ROW_PIXELS, LINE_PIXELS = 28, 15
"""Height of a row without a note, and of each line of one: all rows are as high as the one with most lines."""

N_LETTERS_MOST = 36
"""Letters of a line beside a bar; longer notes take a second line, what is longer still is shortened."""

RISK_TICKS = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)
"""Risks that may stand on an axis in log-odds."""

FINE_TICKS = tuple(thousandth / 1000 for thousandth in range(1, 1000))
"""The same for a short axis."""

N_TICKS_LEAST = 3
"""Risks without which an axis cannot be read."""

LEAST_BETWEEN_TICKS = 0.12
"""Least distance of two risks on the axis, as a share of its length."""

LEAST_BETWEEN_FINE = 0.18
"""The same for risks with decimals, which are wider."""

LEAST_LABEL = 0.2
"""Room that the label beyond a bar takes at least, as a share of the axis."""


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One step on the way to the customer's risk."""

    label: str
    note: str
    """What it rests on, in words with the customer's number; empty when there is nothing to say."""
    step: float
    """Change of the log-odds."""


def bars(score: CustomerScore, reading: Reading = "by group", *, currency: str = "") -> tuple[Bar, ...]:
    """The steps of a reading, the strongest first; with the run's base they sum to the log-odds.

    What has no length is left out, so there may be none.
    """
    if reading == "by group":
        return tuple(
            Bar(label=family.label, note=_note(family), step=family.contribution)
            for family in by_family(score, currency=currency)
            if abs(family.contribution) >= LEAST_STEP
        )
    return tuple(
        Bar(label=part.label, note=value_text(part, currency), step=part.contribution)
        for part in score.contributions
        if abs(part.contribution) >= LEAST_STEP
    )


def value_text(part: FeatureContribution, currency: str = "") -> str:
    """A feature's value as a reader wants it; empty for what is the same for everybody and has no value."""
    if part.group == SAME_FOR_ALL:
        return ""
    return part.text if part.text is not None else measure(part.value, part.unit, currency)


def contributions_figure(
    score: CustomerScore, reading: Reading = "by group", *, currency: str = "", mode: Mode = "light"
) -> go.Figure:
    """From the starting risk to this customer's, bar by bar, in log-odds labelled as risk."""
    colours = palette(mode)
    shown = _shortened(bars(score, reading, currency=currency), N_BARS[reading], reading)
    path = [score.run.base_log_odds]
    for bar in shown:
        path.append(path[-1] + bar.step)
    fig = go.Figure(
        go.Waterfall(
            orientation="h",
            base=path[0],
            measure=["relative"] * len(shown),
            y=[_tick(bar, colours.muted) for bar in shown],
            x=[bar.step for bar in shown],
            text=[
                f"{_step_text(bar.step)} → {percent(_risk(after))}" for bar, after in zip(shown, path[1:], strict=True)
            ],
            textposition="outside",
            cliponaxis=False,
            increasing={"marker": {"color": colours.high}},
            decreasing={"marker": {"color": colours.accent}},
            connector={"line": {"color": colours.neutral, "width": 1}},
            customdata=[[percent(_risk(before)), percent(_risk(after))] for before, after in itertools.pairwise(path)],
            hovertemplate="%{y}<br>from %{customdata[0]} to %{customdata[1]} (%{delta:+.3f} log-odds)<extra></extra>",
        )
    )
    add_risk_axis(fig, path, score.log_odds, colours.muted, room=0.36)
    return styled(
        fig,
        title=_way(score, reading),
        mode=mode,
        height=110 + len(shown) * (ROW_PIXELS + LINE_PIXELS * max((len(_lines(bar.note)) for bar in shown), default=0)),
    )


def _way(score: CustomerScore, reading: Reading) -> str:
    """What the bars prove: where the way begins and ends."""
    way = f"From the start at {percent(score.usual_risk)} to {percent(score.risk)}"
    if reading == "every signal":
        return f"{way}, signal by signal; those of one group overlap and belong together"
    return f"{way}, group by group, the longest step first"


def explained(score: CustomerScore) -> str:
    """What raises and what lowers a customer's risk most, as a sentence: the same families as in the reasons."""
    families = by_family(score)
    up, down = strongest(families, +1), strongest(families, -1)
    parts = [f"raised most by {_inside(up)}"] if up else []
    parts += [f"lowered most by {_inside(down)}"] if down else []
    risk = f"Risk is {percent(score.risk)}"
    return f"{risk}, {', '.join(parts)}" if parts else f"{risk}: hardly anything moves it from where everybody starts"


def _shortened(whole: tuple[Bar, ...], n_most: int, reading: Reading) -> tuple[Bar, ...]:
    if len(whole) <= n_most + 1:
        return whole
    rest = whole[n_most:]
    noun = "groups" if reading == "by group" else "signals"
    return (*whole[:n_most], Bar(label=f"{len(rest)} further {noun}", note="", step=sum(bar.step for bar in rest)))


def add_risk_axis(fig: go.Figure, path: Sequence[float], end: float, colour: str, *, room: float = 0.2) -> None:
    """An axis of log-odds that is labelled with risks, and marks where the path of log-odds starts and ends.

    ``room`` is left on both sides for labels, as a share of the way between the lowest and the highest level.
    """
    margin = room * (max(path) - min(path)) + 0.2
    is_wide = abs(end - path[0]) > 0.5 * (max(path) - min(path) + 2 * margin)
    for level in (path[0], end):
        is_left = level <= min(path[0], end)
        for row in _free_rows(path, level, max(margin, LEAST_LABEL * (max(path) - min(path) + 2 * margin))):
            fig.add_shape(
                type="line", x0=level, x1=level, y0=row - 0.5, y1=row + 0.5, layer="below",
                line={"color": colour, "dash": "dot", "width": 1},
            )  # fmt: skip
        fig.add_annotation(
            x=level, y=1, yref="y domain", text=percent(_risk(level)), font={"size": 11, "color": colour},
            showarrow=False, xanchor="right" if is_left != is_wide else "left", yanchor="bottom",
        )  # fmt: skip
    ticks = _ticks(min(path) - margin, max(path) + margin)
    fig.update_xaxes(
        tickvals=[_log_odds(risk) for risk in ticks],
        ticktext=[f"{100 * risk:.3g} %" for risk in ticks],
        range=[min(path) - margin, max(path) + margin],
        title_text="risk, stretched towards 0 % and 100 % so that lengths add up",
        showgrid=True,
        tickangle=0,
    )
    fig.update_yaxes(autorange="reversed", showgrid=False)


def _free_rows(path: Sequence[float], level: float, label: float) -> list[int]:
    """The rows in which a line at a level does not run through the label beyond the end of the bar."""
    free = []
    for row, (before, after) in enumerate(itertools.pairwise(path)):
        beyond = (level - after) * (1 if after >= before else -1)
        if not 1e-9 < beyond < label:
            free.append(row)
    return free


def _ticks(low: float, high: float) -> list[float]:
    """Risks that stand on the axis, far enough from each other to be read in a narrow window."""
    ticks = _spaced(RISK_TICKS, low, high)
    return ticks if len(ticks) >= N_TICKS_LEAST else _spaced(FINE_TICKS, low, high, LEAST_BETWEEN_FINE)


def _spaced(risks: Sequence[float], low: float, high: float, least: float = LEAST_BETWEEN_TICKS) -> list[float]:
    kept: list[float] = []
    for risk in risks:
        is_free = not kept or _log_odds(risk) - _log_odds(kept[-1]) >= least * (high - low)
        if low <= _log_odds(risk) <= high and is_free:
            kept.append(risk)
    return kept


def _step_text(step: float) -> str:
    """A step with its direction; of one that is shorter than two decimals show, none is told."""
    return "±0.00" if abs(step) < 0.005 else f"{step:+.2f}"


def _note(family: FamilyContribution) -> str:
    """What a group rests on; a column of the user's file is its own group, whose name stands beside the bar."""
    if family.name.startswith(f"{ATTRIBUTE_GROUP}:"):
        return family.words.removeprefix(family.label).lstrip(": ")
    return family.words


def _tick(bar: Bar, colour: str) -> str:
    note = "<br>".join(plain(line) for line in _lines(bar.note))
    label = plain(shorten(bar.label, 2 * N_LETTERS_MOST, placeholder="…"))
    return f"{label}<br><span style='font-size:11px;color:{colour}'>{note}</span>" if note else label


def _lines(note: str) -> list[str]:
    """A note in at most two lines: what is usual stands on a line of its own."""
    said, _, usual = note.partition("; ")
    if usual:
        return [shorten(line, N_LETTERS_MOST + 6, placeholder="…") for line in (said, usual)]
    return wrap(said, N_LETTERS_MOST, max_lines=2, placeholder="…")


def _inside(family: FamilyContribution) -> str:
    """A family's name inside a sentence; a column of the user's file keeps its capitals."""
    label = family.label
    return label if family.name.startswith(ATTRIBUTE_GROUP) else label[:1].lower() + label[1:]


def _risk(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds))


def _log_odds(risk: float) -> float:
    return math.log(risk / (1 - risk))
