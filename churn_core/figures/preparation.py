"""The figure of a trial of preparations: each option against the usual, with its interval."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go

from churn_core.figures.theme import Mode, counted, palette, styled
from churn_core.models.preparation_trial import (
    BETTER,
    NOTHING,
    TRIFLE,
    UNCLEAR,
    WORSE,
    Effect,
    OptionResult,
    PreparationTrial,
)
from churn_core.models.preparation_words import CHOICE_LABELS, option_label

if TYPE_CHECKING:
    from collections.abc import Sequence

_MARKS = {BETTER: "diamond", WORSE: "triangle-right", UNCLEAR: "circle", TRIFLE: "circle-open", NOTHING: "line-ns-open"}
_ROW_HEIGHT = 22


def option_words(found: OptionResult) -> str:
    """An option with its choice, as a row is called."""
    return f"{CHOICE_LABELS[found.choice]}: {option_label(found.choice, found.option)}"


def effect_of(found: OptionResult, learner: str | None) -> Effect | None:
    """What an option did to one learner, or to all with equal shares; None where it could not be tried."""
    return found.together if learner is None else found.by_learner.get(learner)


def trial_figure(trial: PreparationTrial, *, learner: str | None = None, mode: Mode = "light") -> go.Figure:
    """Change of the log loss by every option, with 95 % intervals; left of the line is better."""
    colours = palette(mode)
    tints = {BETTER: colours.good, WORSE: colours.high}
    shown = [(option_words(found), effect) for found in trial.options if (effect := effect_of(found, learner))]
    figure = go.Figure()
    for verdict, mark in _MARKS.items():
        of_it = [(label, effect.log_loss) for label, effect in shown if effect.verdict == verdict]
        if not of_it:
            continue
        figure.add_scatter(
            x=[change.value for _, change in of_it],
            y=[label for label, _ in of_it],
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [change.high - change.value for _, change in of_it],
                "arrayminus": [change.value - change.low for _, change in of_it],
                "color": tints.get(verdict, colours.neutral),
                "thickness": 1.5,
                "width": 0,
            },
            customdata=[[change.low, change.high] for _, change in of_it],
            hovertemplate="%{y}<br>%{x:+.4f} [%{customdata[0]:+.4f}, %{customdata[1]:+.4f}]<extra></extra>",
            mode="markers",
            name=verdict,
            marker={"color": tints.get(verdict, colours.neutral), "size": 9, "symbol": mark},
        )
    figure.add_vline(x=0, line_color=colours.muted, line_width=1)
    figure.update_xaxes(title_text="change of the log loss, with 95 % interval", tickformat="+.3f")
    figure.update_yaxes(
        categoryorder="array", categoryarray=[label for label, _ in shown], autorange="reversed", title_text=None
    )
    figure.update_layout(showlegend=True)
    return styled(
        figure,
        title=trial_sentence([effect for _, effect in shown]),
        mode=mode,
        height=130 + _ROW_HEIGHT * max(len(shown), 3),
    )


def trial_sentence(effects: Sequence[Effect]) -> str:
    """How many options did better or worse than the usual preparation."""
    n_better = sum(effect.verdict == BETTER for effect in effects)
    n_worse = sum(effect.verdict == WORSE for effect in effects)
    if not n_better and not n_worse:
        return f"None of {counted(len(effects), 'option')} differs clearly from the usual preparation"
    better = f"{n_better} did better" if n_better else "none did better"
    worse = f"{n_worse} worse" if n_worse else "none worse"
    return f"Of {counted(len(effects), 'option')} {better} than the usual preparation, {worse}"
