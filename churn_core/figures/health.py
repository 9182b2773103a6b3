"""Figures about whether a model can still be trusted: distributions then and now, and scores that came of age."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go

from churn_core.figures.theme import Mode, counted, palette, plain, styled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from churn_core.models.decay import Decay
    from churn_core.models.drift_sizes import Shift

VERDICT_MARKS = {"stable": "●", "shifted": "◆", "strongly shifted": "▲", "too few to say": "–"}
"""The mark that stands beside each verdict of drift."""
STATUS_MARKS = {"passed": "✓", "warning": "▲", "for information": "i", "not made": "–"}
"""The mark that stands beside what came out of a check."""

MOST_LEVEL_LABELS = 5
"""Bins up to which their labels stand level below the bars."""


def verdict_label(verdict: str) -> str:
    """A verdict with its mark.

    >>> verdict_label("stable")
    '● stable'
    """
    return f"{VERDICT_MARKS.get(verdict, '')} {verdict}".strip()


def shift_figure(shift: Shift, label: str, *, axis: str = "", mode: Mode = "light") -> go.Figure:
    """Shares of the customers in each bin, in training and now."""
    colours = palette(mode)
    kept = [
        number
        for number, name in enumerate(shift.bins)
        if name not in ("missing", "other") or shift.then[number] or (shift.now and shift.now[number])
    ]
    figure = go.Figure()
    for name, shares, colour in (
        ("when the model was made", shift.then, colours.neutral),
        ("now", shift.now, colours.accent),
    ):
        if shares:
            figure.add_bar(
                x=[plain(shift.bins[number]) for number in kept],
                y=[shares[number] for number in kept],
                name=name,
                marker_color=colour,
                hovertemplate=f"%{{x}}<br>{name} %{{y:.1%}} of customers<extra></extra>",
            )
    figure.update_layout(barmode="group", bargap=0.25, bargroupgap=0.05)
    # Ten ranges beside each other have no room for level labels in half a page.
    figure.update_xaxes(
        title_text=axis or None,
        type="category",
        tickangle=-45 if len(kept) > MOST_LEVEL_LABELS else None,
        automargin=True,
    )
    figure.update_yaxes(title_text="share of customers", tickformat=".0%", rangemode="tozero")
    return styled(figure, title=shift_sentence(shift, label), mode=mode)


def shift_sentence(shift: Shift, label: str) -> str:
    """What happened to one input, or to the risk."""
    numbers = f"n = {shift.n_now:,} now, {shift.n_then:,} then"
    if not shift.now:
        return (
            f"{label}: how it stands now was not kept for this run ({shift.n_then:,} customers when the model was made)"
        )
    sizes = f"PSI {shift.psi:.2f}" if shift.psi is not None else ""
    if shift.distance is not None:
        sizes += f", distance {shift.distance:.2f}"
    verdict = {"stable": "stands where it stood", "too few to say": "too few to say"}.get(shift.verdict, shift.verdict)
    return f"{label}: {verdict} ({sizes}; {numbers})"


def decay_figure(decay: Sequence[Decay], *, mode: Mode = "light") -> go.Figure:
    """AUC of every run whose outcome is known, with its interval, against what training promised."""
    colours = palette(mode)
    shown = [entry for entry in decay if entry.auc is not None]
    figure = go.Figure()
    figure.add_scatter(
        x=[entry.as_of for entry in shown],
        y=[entry.auc.value for entry in shown if entry.auc],
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [entry.auc.high - entry.auc.value for entry in shown if entry.auc],
            "arrayminus": [entry.auc.value - entry.auc.low for entry in shown if entry.auc],
            "color": colours.muted,
            "thickness": 1,
            "width": 3,
        },
        customdata=[[entry.run_id, entry.n] for entry in shown],
        hovertemplate="run %{customdata[0]}: AUC %{y:.3f}<br>%{customdata[1]:,} customers<extra></extra>",
        mode="lines+markers",
        name="came out, with 95 % interval",
        marker={"color": colours.accent, "size": 8},
        line={"color": colours.accent, "width": 1.5},
    )
    figure.add_scatter(
        x=[entry.as_of for entry in shown],
        y=[entry.promised_auc for entry in shown],
        mode="lines+markers",
        name="judged in training",
        marker={"color": colours.neutral, "size": 6},
        line={"color": colours.neutral, "dash": "dot", "width": 1.5},
        hovertemplate="judged in training: AUC %{y:.3f}<extra></extra>",
    )
    figure.update_yaxes(title_text="ROC-AUC", tickformat=".3f")
    figure.update_xaxes(title_text="scored as of", tickformat="%-d %b %Y", tickvals=[entry.as_of for entry in shown])
    return styled(figure, title=decay_sentence(decay), mode=mode)


def decay_sentence(decay: Sequence[Decay]) -> str:
    """How many runs held what training promised."""
    known = [entry for entry in decay if entry.verdict != "too few to say"]
    kept = sum(entry.verdict == "as promised" for entry in known)
    if not known:
        return f"{counted(len(decay), 'run')} with a known outcome, too small or unjudged to compare"
    return f"{kept} of {counted(len(known), 'run')} ranked customers as well as training promised"
