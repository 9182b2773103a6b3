"""Figures about how good a model is: each takes a result and has the sentence it proves as its title."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go

from churn_core.figures.theme import Mode, count, counted, palette, percent, plain, points, styled

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from churn_core.models.evaluation import Capacity, Confusion, Evaluation

CLOSE = 0.02
"""Predicted and happened are called equal within two percentage points."""
MOST_OFF = 0.2
"""Share of the groups that may lie outside their 95 % interval before the level is doubted; by chance 5 % do."""

_SHARE_AXIS = {"tickformat": ".0%", "range": [0, 1.01]}


def calibration_figure(evaluation: Evaluation, *, mode: Mode = "light") -> go.Figure:
    """Predicted against happened in groups of equal size; on the diagonal the risks are right."""
    colours = palette(mode)
    bins = evaluation.calibration
    figure = go.Figure()
    top = max([bin_.happened_high for bin_ in bins] + [bin_.predicted for bin_ in bins])
    _add_diagonal(figure, "predicted = happened", mode, top=top)
    figure.add_scatter(
        x=[bin_.predicted for bin_ in bins],
        y=[bin_.happened for bin_ in bins],
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [bin_.happened_high - bin_.happened for bin_ in bins],
            "arrayminus": [bin_.happened - bin_.happened_low for bin_ in bins],
            "color": colours.muted,
            "thickness": 1,
            "width": 3,
        },
        customdata=[[bin_.n, bin_.happened_low, bin_.happened_high] for bin_ in bins],
        hovertemplate=(
            "predicted %{x:.1%}<br>happened %{y:.1%} [%{customdata[1]:.1%}, %{customdata[2]:.1%}]"
            "<br>%{customdata[0]:,} customers<extra></extra>"
        ),
        mode="markers+lines",
        name="happened, with 95 % interval",
        marker={"color": colours.accent, "size": 8},
        line={"color": colours.accent, "width": 1.5},
    )
    figure.update_xaxes(title_text="mean risk predicted in the group", tickformat=".0%", rangemode="tozero")
    figure.update_yaxes(title_text="share that churned", tickformat=".0%", rangemode="tozero")
    return styled(figure, title=calibration_sentence(evaluation), mode=mode)


def calibration_sentence(evaluation: Evaluation) -> str:
    """Whether the level of the risks can be believed."""
    difference = evaluation.mean_predicted - evaluation.churn_rate
    numbers = (
        f"{percent(evaluation.mean_predicted)} predicted, {percent(evaluation.churn_rate)} happened "
        f"(n = {count(evaluation.n)})"
    )
    off = [bin_ for bin_ in evaluation.calibration if not bin_.happened_low <= bin_.predicted <= bin_.happened_high]
    if abs(difference) <= CLOSE and len(off) > MOST_OFF * len(evaluation.calibration):
        return f"Risks are right on average, but {len(off)} of {len(evaluation.calibration)} groups are off: {numbers}"
    if abs(difference) <= CLOSE:
        return f"Risks can be taken at their word: {numbers}"
    direction = "high" if difference > 0 else "low"
    return f"Risks are too {direction} by {points(abs(difference)).removeprefix('+')}: {numbers}"


def _add_diagonal(figure: go.Figure, name: str, mode: Mode, *, top: float = 1.0) -> None:
    """The line from which everything is compared."""
    figure.add_scatter(
        x=[0, top], y=[0, top], mode="lines", name=name, hoverinfo="skip",
        line={"color": palette(mode).neutral, "dash": "dot", "width": 1.5},
    )  # fmt: skip


def gain_figure(evaluation: Evaluation, *, mode: Mode = "light") -> go.Figure:
    """Share of all churners found against share of customers contacted."""
    colours = palette(mode)
    figure = go.Figure()
    _add_diagonal(figure, "picked at random", mode)
    figure.add_scatter(
        x=[0, evaluation.churn_rate, 1], y=[0, 1, 1], mode="lines", name="best possible", hoverinfo="skip",
        line={"color": colours.neutral, "width": 1},
    )  # fmt: skip
    figure.add_scatter(
        x=[share for share, _ in evaluation.gain],
        y=[found for _, found in evaluation.gain],
        mode="lines",
        name="by risk",
        line={"color": colours.accent, "width": 2.5},
        hovertemplate="contact %{x:.0%} of customers:<br>%{y:.1%} of all churners among them<extra></extra>",
    )
    figure.update_xaxes(title_text="share of customers contacted, highest risk first", **_SHARE_AXIS)
    figure.update_yaxes(title_text="share of all churners among them", **_SHARE_AXIS)
    return styled(figure, title=gain_sentence(evaluation), mode=mode)


def gain_sentence(evaluation: Evaluation) -> str:
    """What the tenth of customers with the highest risk holds."""
    tenth = next(row for row in evaluation.capacity if row.share == 0.1)
    return f"The 10 % of highest risk hold {percent(tenth.recall)} of all churners (n = {count(evaluation.n_churned)})"


def lift_figure(evaluation: Evaluation, *, mode: Mode = "light") -> go.Figure:
    """How many times more often a contacted customer is a churner than one picked at random."""
    colours = palette(mode)
    rows = evaluation.capacity
    figure = go.Figure()
    figure.add_bar(
        x=[f"top {100 * row.share:g} %" for row in rows],
        y=[row.lift_ratio for row in rows],
        marker_color=colours.accent,
        text=[f"{row.lift_ratio:.1f}x" for row in rows],
        textposition="outside",
        cliponaxis=False,
        customdata=[[row.k, row.n_caught, row.precision] for row in rows],
        hovertemplate=(
            "%{customdata[1]:,} churners among %{customdata[0]:,} customers (%{customdata[2]:.1%})<extra></extra>"
        ),
    )
    figure.add_hline(y=1, line={"color": colours.muted, "dash": "dot", "width": 1.5})
    figure.update_xaxes(title_text="customers of highest risk")
    figure.update_yaxes(title_text="times the churn rate of all", rangemode="tozero")
    tenth = next(row for row in rows if row.share == 0.1)
    title = (
        f"Among the top 10 %, {percent(tenth.precision)} churned: {tenth.lift_ratio:.1f} times the "
        f"{percent(evaluation.churn_rate)} of all"
    )
    return styled(figure, title=title, mode=mode)


def capacity_figure(evaluation: Evaluation, chosen: Capacity, *, n_people: int, mode: Mode = "light") -> go.Figure:
    """Share of churners among the contacted, by how many are contacted; the chosen number is marked."""
    colours = palette(mode)
    rows = [row for row in evaluation.capacity if row.share != chosen.share]
    rows = sorted([*rows, chosen], key=lambda row: row.share)
    figure = go.Figure()
    for name, values in (("low", [row.precision_low for row in rows]), ("high", [row.precision_high for row in rows])):
        figure.add_scatter(
            x=[row.share for row in rows], y=values, mode="lines", line={"width": 0}, showlegend=False,
            hoverinfo="skip", fill="tonexty" if name == "high" else None, fillcolor=colours.accent_soft, name=name,
        )  # fmt: skip
    figure.add_scatter(
        x=[row.share for row in rows],
        y=[row.precision for row in rows],
        mode="lines",
        name="churners among the contacted, with 95 % interval",
        line={"color": colours.accent, "width": 2.5},
        hovertemplate="contact %{x:.1%} of customers:<br>%{y:.1%} of them churned<extra></extra>",
    )
    figure.add_scatter(
        x=[chosen.share], y=[chosen.precision], mode="markers", name=f"{count(n_people)} people", hoverinfo="skip",
        marker={"color": colours.accent, "size": 12, "line": {"color": colours.background, "width": 2}},
    )  # fmt: skip
    figure.add_hline(y=evaluation.churn_rate, line={"color": colours.muted, "dash": "dot", "width": 1.5})
    figure.update_xaxes(title_text="share of customers contacted, highest risk first", tickformat=".0%")
    figure.update_yaxes(title_text="churned among them", tickformat=".0%", range=[0, 1.02])
    return styled(figure, title=capacity_sentence(chosen, n_people), mode=mode)


def capacity_sentence(chosen: Capacity, n_people: int) -> str:
    """What contacting that many people would find."""
    interval = f"{percent(chosen.precision_low)} to {percent(chosen.precision_high)}"
    return (
        f"Contact {counted(n_people, 'customer')}: about {count(n_people * chosen.precision)} of them would churn "
        f"({percent(chosen.precision)}; {interval})"
    )


def roc_figure(evaluation: Evaluation, *, mode: Mode = "light") -> go.Figure:
    """True against false positive rate over all thresholds."""
    colours = palette(mode)
    figure = go.Figure()
    _add_diagonal(figure, "picked at random", mode)
    figure.add_scatter(
        x=[x for x, _ in evaluation.roc],
        y=[y for _, y in evaluation.roc],
        mode="lines",
        name="by risk",
        line={"color": colours.accent, "width": 2.5},
        hovertemplate="%{y:.1%} of churners called,<br>with %{x:.1%} of the others<extra></extra>",
    )
    figure.update_xaxes(title_text="share of those who stayed that is called", **_SHARE_AXIS)
    figure.update_yaxes(title_text="share of churners that is called", **_SHARE_AXIS)
    area = evaluation.auc
    title = (
        f"A churner has the higher risk in {percent(area.value)} of pairs ({percent(area.low)} to {percent(area.high)})"
    )
    return styled(figure, title=title, mode=mode)


def precision_recall_figure(evaluation: Evaluation, *, mode: Mode = "light") -> go.Figure:
    """Precision against recall over all thresholds."""
    colours = palette(mode)
    figure = go.Figure()
    figure.add_scatter(
        x=[x for x, _ in evaluation.pr],
        y=[y for _, y in evaluation.pr],
        mode="lines",
        name="by risk",
        line={"color": colours.accent, "width": 2.5},
        hovertemplate="with %{x:.1%} of churners called,<br>%{y:.1%} of the called churned<extra></extra>",
    )
    figure.add_hline(y=evaluation.churn_rate, line={"color": colours.muted, "dash": "dot", "width": 1.5})
    figure.update_xaxes(title_text="share of churners that is called (recall)", **_SHARE_AXIS)
    figure.update_yaxes(title_text="churners among the called (precision)", **_SHARE_AXIS)
    area = evaluation.pr_auc
    title = f"Precision stays at {percent(area.value)} on average, against {percent(evaluation.churn_rate)} at random"
    return styled(figure, title=title, mode=mode)


def confusion_figure(counts: Confusion, *, mode: Mode = "light") -> go.Figure:
    """Called and not called against churned and stayed at one threshold."""
    colours = palette(mode)
    cells = [
        [counts.n_false_negative, counts.n_true_negative],
        [counts.n_true_positive, counts.n_false_positive],
    ]
    words = [["missed", "rightly left alone"], ["rightly called", "called in vain"]]
    total = max(sum(map(sum, cells)), 1)
    figure = go.Figure(
        go.Heatmap(
            x=["churned", "stayed"],
            y=["not called", "called"],
            z=[[value / total for value in row] for row in cells],
            text=[
                [f"<b>{count(value)}</b><br>{word}" for value, word in zip(row, names, strict=True)]
                for row, names in zip(cells, words, strict=True)
            ],
            texttemplate="%{text}",
            colorscale=[[0, colours.card], [1, colours.accent_soft]],
            showscale=False,
            xgap=3,
            ygap=3,
            hovertemplate="%{y}, %{x}: %{z:.1%} of customers<extra></extra>",
        )
    )
    figure.update_xaxes(side="bottom", showline=False)
    figure.update_yaxes(showgrid=False)
    return styled(figure, title=confusion_sentence(counts), mode=mode)


def confusion_sentence(counts: Confusion) -> str:
    """What calling everybody from that risk on means."""
    called = counts.n_true_positive + counts.n_false_positive
    churned = counts.n_true_positive + counts.n_false_negative
    if not called:
        return f"From a risk of {percent(counts.threshold)} on nobody is called"
    return (
        f"From a risk of {percent(counts.threshold)} on {count(called)} are called: {count(counts.n_true_positive)} of "
        f"the {count(churned)} churners"
    )


def periods_figure(
    cutoffs: Sequence[datetime], predicted: Sequence[float], happened: Sequence[float], *, mode: Mode = "light"
) -> go.Figure:
    """Predicted beside happened for every cutoff that was judged."""
    colours = palette(mode)
    figure = go.Figure()
    for name, values, colour, dash in (
        ("predicted", predicted, colours.accent, "dot"),
        ("happened", happened, colours.text, "solid"),
    ):
        figure.add_scatter(
            x=list(cutoffs), y=list(values), mode="lines+markers", name=name,
            line={"color": colour, "width": 2, "dash": dash}, marker={"size": 7},
            hovertemplate=f"%{{x|%-d %b %Y}}: {name} %{{y:.1%}}<extra></extra>",
        )  # fmt: skip
    figure.update_yaxes(tickformat=".0%", rangemode="tozero", title_text="share that churned")
    figure.update_xaxes(tickformat="%b %Y", title_text="judged as of")
    return styled(figure, title=periods_sentence(predicted, happened), mode=mode)


def periods_sentence(predicted: Sequence[float], happened: Sequence[float]) -> str:
    """How often the level was right."""
    near = sum(abs(p - h) <= 0.05 for p, h in zip(predicted, happened, strict=True))
    return f"In {near} of {counted(len(happened), 'period')} the prediction came within 5 points of what happened"


def importance_figure(inputs: Sequence[tuple[str, float]], *, n_most: int = 12, mode: Mode = "light") -> go.Figure:
    """The inputs that move the risk most, with their mean absolute contribution in log-odds."""
    colours = palette(mode)
    shown = list(inputs)[:n_most][::-1]
    figure = go.Figure()
    figure.add_bar(
        x=[size for _, size in shown],
        y=[plain(label) for label, _ in shown],
        orientation="h",
        marker_color=colours.accent,
        hovertemplate="%{y}: moves the log-odds by %{x:.2f} on average<extra></extra>",
    )
    figure.update_xaxes(title_text="mean absolute contribution, log-odds", showgrid=True, rangemode="tozero")
    figure.update_yaxes(showgrid=False)
    height = 90 + 24 * len(shown)
    return styled(figure, title=importance_sentence(inputs), mode=mode, height=height)


def importance_sentence(inputs: Sequence[tuple[str, float]]) -> str:
    """The input that counts most, and how much of the whole the first three are."""
    total = sum(size for _, size in inputs)
    if not total:
        return "No input moves the risk"
    share = sum(size for _, size in inputs[:3]) / total
    return f"{inputs[0][0]} moves the risk most; the first three inputs make up {percent(share)} of all movement"
