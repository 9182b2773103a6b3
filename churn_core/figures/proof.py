"""Figures about past warnings: were they right, were they early, and what money did they catch.

Replayed and lived cutoffs stand side by side and are told apart by mark and by word: open for replayed, filled for
lived. Each figure has the sentence it proves as its title.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import plotly.graph_objects as go

from churn_core.figures.theme import TIER_MARKS, Mode, count, counted, day, palette, percent, points, styled
from churn_core.models.outcomes import (
    TIERS,
    CutoffOutcome,
    Kind,
    LeadTimes,
    Outcome,
    calibration_of,
    total,
    total_money,
)

if TYPE_CHECKING:
    from datetime import datetime

CLOSE = 0.02
"""Predicted and happened are called equal within two percentage points, or within the 95 % interval."""
SYMBOLS: dict[Kind, str] = {"replayed": "circle-open", "lived": "circle"}
"""The mark of each kind; the legend says its word."""
N_LEAD_BARS = 15


def headline(warned: Outcome, cutoffs: Sequence[CutoffOutcome], kind: Kind) -> str:
    """Of how many warned customers how many left, beside what was predicted.

    >>> from datetime import datetime
    >>> from churn_core.models.outcomes import Money
    >>> from churn_core.timeline import ChurnDefinition
    >>> at = CutoffOutcome(
    ...     kind="lived", as_of=datetime(2026, 3, 1), definition=ChurnDefinition(horizon_days=90), model_version=1,
    ...     estimator="blend", run_id=1, tiers={}, bins={}, tops={}, money=Money(),
    ... )
    >>> headline(Outcome(n=1204, n_churned=855, risk_sum=830.8), [at], "lived")
    'Of 1,204 customers warned on 1 Mar 2026, 71.0 % left, as predicted (69.0 %).'
    """
    first, last = cutoffs[0].as_of, cutoffs[-1].as_of
    when = f"on {day(first)}" if first == last else f"between {day(first)} and {day(last)}"
    would = "warned" if kind == "lived" else "who would have been warned"
    if not warned.n:
        return (
            f"Nobody {'was' if kind == 'lived' else 'would have been'} warned {when}: no customer was in the high tier."
        )
    return f"Of {counted(warned.n, 'customer')} {would} {when}, {percent(warned.happened)} left, {verdict(warned)}."


def late_words(warned: Outcome, late: Outcome) -> str:
    """How many of the warned were as good as gone by then, and what became of the others; empty when none were.

    >>> late_words(Outcome(n=100, n_churned=80, risk_sum=78.0), Outcome(n=60, n_churned=57, risk_sum=55.0))
    '60 of them had already been silent for longer than the horizon, 95.0 % of these left; of the other 40, 57.5 %.'
    """
    if not late.n:
        return ""
    gone = (
        f"{count(late.n)} of them had already been silent for longer than the horizon, {percent(late.happened)} of "
        "these left"
    )
    n_others = warned.n - late.n
    if not n_others:
        return f"{gone}."
    return f"{gone}; of the other {count(n_others)}, {percent((warned.n_churned - late.n_churned) / n_others)}."


def verdict(outcome: Outcome) -> str:
    """What happened against what was predicted, in words.

    >>> verdict(Outcome(n=1000, n_churned=600, risk_sum=700.0))
    '10.0 points fewer than predicted (70.0 %)'
    """
    predicted, happened, interval = outcome.predicted, outcome.happened, outcome.interval
    if predicted is None or happened is None or interval is None:
        return "of whom nothing was predicted"
    if abs(happened - predicted) <= CLOSE or interval[0] <= predicted <= interval[1]:
        return f"as predicted ({percent(predicted)})"
    which = "more" if happened > predicted else "fewer"
    return f"{points(abs(happened - predicted)).removeprefix('+')} {which} than predicted ({percent(predicted)})"


def series_figure(cutoffs: Sequence[CutoffOutcome], *, mode: Mode = "light") -> go.Figure:
    """Per tier and cutoff: predicted as a dotted line, happened as a mark with its 95 % interval."""
    colours = palette(mode)
    figure = go.Figure()
    shown = sorted(cutoffs, key=lambda found: (found.as_of, found.kind))
    for tier in TIERS:
        judged = [(found.as_of, found.tiers[tier]) for found in shown if found.tiers[tier].n]
        if not judged:
            continue
        figure.add_scatter(
            x=[as_of for as_of, _ in judged], y=[outcome.predicted for _, outcome in judged], mode="lines",
            line={"color": _ink(tier, mode), "dash": "dot", "width": 2}, name=f"{tier}: predicted", showlegend=False,
            hovertemplate=f"{tier}, %{{x|%-d %b %Y}}: predicted %{{y:.1%}}<extra></extra>",
        )  # fmt: skip
        figure.add_annotation(
            x=judged[-1][0], y=judged[-1][1].happened, text=f"{TIER_MARKS[tier]} {tier}", showarrow=False,
            xanchor="left", xshift=12, font={"color": colours.text, "size": 12},
        )  # fmt: skip
        for kind in SYMBOLS:
            marks = [(found.as_of, found.tiers[tier]) for found in shown if found.kind == kind and found.tiers[tier].n]
            _add_happened(figure, marks, kind, name=f"{tier}: happened, {kind}", colour=_ink(tier, mode))
    _add_keys(figure, {found.kind for found in shown}, mode)
    figure.update_yaxes(tickformat=".0%", range=[0, 1.02], title_text="share that left")
    figure.update_xaxes(tickformat="%b %Y", title_text="scored with what was known before this day")
    figure.update_layout(margin_r=80)
    return styled(figure, title=series_sentence(cutoffs), mode=mode, height=400)


def series_sentence(cutoffs: Sequence[CutoffOutcome]) -> str:
    """How often predicted and happened agreed, tier by tier."""
    judged = [found.tiers[tier] for found in cutoffs for tier in TIERS if found.tiers[tier].n]
    right = sum(verdict(outcome).startswith("as predicted") for outcome in judged)
    return f"As many left as predicted in {right} of {counted(len(judged), 'comparison')}, tier by tier and day by day"


def calibration_figure(cutoffs: Sequence[CutoffOutcome], *, mode: Mode = "light") -> go.Figure:
    """Predicted against happened in groups of similar risk over all cutoffs; on the diagonal the risks were right."""
    colours = palette(mode)
    figure = go.Figure()
    top = 0.1
    for kind in _kinds(cutoffs):
        bins = calibration_of([found for found in cutoffs if found.kind == kind])
        top = max([top, *(bin_.happened_high for bin_ in bins), *(bin_.predicted for bin_ in bins)])
        figure.add_scatter(
            x=[bin_.predicted for bin_ in bins],
            y=[bin_.happened for bin_ in bins],
            error_y={
                "type": "data", "symmetric": False, "color": colours.muted, "thickness": 1, "width": 3,
                "array": [bin_.happened_high - bin_.happened for bin_ in bins],
                "arrayminus": [bin_.happened - bin_.happened_low for bin_ in bins],
            },
            customdata=[[bin_.n, bin_.happened_low, bin_.happened_high] for bin_ in bins],
            hovertemplate=(
                "predicted %{x:.1%}<br>happened %{y:.1%} [%{customdata[1]:.1%}, %{customdata[2]:.1%}]"
                "<br>%{customdata[0]:,} scores<extra></extra>"
            ),
            mode="markers+lines",
            name=f"happened, {kind}",
            marker={"color": colours.accent, "size": 9, "symbol": SYMBOLS[kind], "line": {"width": 2}},
            line={"color": colours.accent, "width": 1.5},
        )  # fmt: skip
    figure.add_scatter(
        x=[0, top], y=[0, top], mode="lines", name="predicted = happened", hoverinfo="skip",
        line={"color": colours.neutral, "dash": "dot", "width": 1.5},
    )  # fmt: skip
    figure.update_xaxes(title_text="mean risk predicted in the group", tickformat=".0%", rangemode="tozero")
    figure.update_yaxes(title_text="share that left", tickformat=".0%", rangemode="tozero")
    return styled(figure, title=calibration_sentence(cutoffs), mode=mode)


def calibration_sentence(cutoffs: Sequence[CutoffOutcome]) -> str:
    """Whether the level of the risks was right over all cutoffs."""
    everybody = total(found.everybody for found in cutoffs)
    if not everybody.n:
        return "None of the scored customers can be judged"
    return (
        f"Over all risks {percent(everybody.happened)} left, {verdict(everybody)}: "
        f"{counted(everybody.n, 'score')} on {counted(len(cutoffs), 'day')}"
    )


def warnings_figure(cutoffs: Sequence[CutoffOutcome], k: int | None, *, mode: Mode = "light") -> go.Figure:
    """Share of leavers among the high tier and among the first k by value at risk, beside the share among all."""
    colours = palette(mode)
    figure = go.Figure()
    lines: list[tuple[str, str, str]] = [("high tier", colours.high, "solid"), ("everybody", colours.muted, "dot")]
    if k is not None:
        lines.insert(1, (_top_words(k), colours.accent, "solid"))
    for name, colour, dash in lines:
        for kind in _kinds(cutoffs):
            found = [
                (cutoff.as_of, outcome)
                for cutoff in sorted(cutoffs, key=lambda one: one.as_of)
                if cutoff.kind == kind and (outcome := _warned(cutoff, name, k)) is not None and outcome.n
            ]
            intervals = [outcome.interval or (0.0, 0.0) for _, outcome in found]
            figure.add_scatter(
                x=[as_of for as_of, _ in found],
                y=[outcome.happened for _, outcome in found],
                customdata=[[outcome.n, low, high] for (_, outcome), (low, high) in zip(found, intervals, strict=True)],
                mode="lines+markers",
                name=f"{name}, {kind}",
                line={"color": colour, "width": 2, "dash": dash},
                marker={"color": colour, "size": 8, "symbol": SYMBOLS[kind], "line": {"width": 2}},
                hovertemplate=(
                    f"{name}, %{{x|%-d %b %Y}}: %{{y:.1%}} left [%{{customdata[1]:.1%}}, %{{customdata[2]:.1%}}]"
                    " of %{customdata[0]:,}<extra></extra>"
                ),
            )
    figure.update_yaxes(tickformat=".0%", range=[0, 1.02], title_text="left among them")
    figure.update_xaxes(tickformat="%b %Y", title_text="scored with what was known before this day")
    return styled(figure, title=warnings_sentence(cutoffs), mode=mode)


def warnings_sentence(cutoffs: Sequence[CutoffOutcome]) -> str:
    """How much more often somebody warned of left than anybody."""
    high, everybody = total(found.tiers["high"] for found in cutoffs), total(found.everybody for found in cutoffs)
    if high.happened is None:
        return "Nobody was in the high tier, so there were no warnings to judge"
    if not everybody.happened:
        return f"Nobody left, so none of the {counted(high.n, 'warning')} was right"
    return (
        f"Of those warned of {percent(high.happened)} left (n = {count(high.n)}): "
        f"{high.happened / everybody.happened:.1f} times the {percent(everybody.happened)} among all"
    )


def lead_figure(leads: LeadTimes, kind: Kind, *, mode: Mode = "light") -> go.Figure:
    """Those who left and were warned, by the days of silence after which they were first in the high tier."""
    colours = palette(mode)
    width = max(1, -(-leads.follow_up_days // N_LEAD_BARS))
    starts = list(range(1, leads.follow_up_days + 1, width))
    counts = [sum(leads.silent_days.get(days, 0) for days in range(start, start + width)) for start in starts]
    counts[0] += leads.silent_days.get(0, 0)
    figure = go.Figure()
    figure.add_bar(
        x=[start + (width - 1) / 2 for start in starts],
        y=counts,
        width=width * 0.85,
        marker={"color": colours.accent, "pattern": _hatch(kind, mode)},
        customdata=[[start, min(start + width - 1, leads.follow_up_days)] for start in starts],
        name=kind,
        hovertemplate=(
            "%{y:,} of those who left were first warned after %{customdata[0]} to %{customdata[1]} days of silence"
            "<extra></extra>"
        ),
    )
    median = leads.silent_quantile(0.5)
    if median is not None:
        figure.add_vline(
            x=median, line={"color": colours.text, "dash": "dot", "width": 1.5},
            annotation={"text": f"half by day {median}", "font": {"color": colours.text}}, annotation_position="top",
        )  # fmt: skip
    figure.update_xaxes(
        title_text="days from the last order to the first day in the high tier",
        range=[0, leads.span_days + 1],
    )
    figure.update_yaxes(title_text=f"customers who left, {kind}", rangemode="tozero")
    return styled(figure, title=lead_sentence(leads), mode=mode)


def lead_sentence(leads: LeadTimes) -> str:
    """How soon and how early the warned half was warned, and how many were."""
    silent, early = leads.silent_quantile(0.5), leads.early_quantile(0.5)
    if silent is None:
        return f"None of {counted(leads.n, 'customer')} who left was in the high tier before silence proved it"
    return (
        f"Of {count(leads.n)} who left, {percent(leads.n_warned / leads.n)} were warned, half of these by day "
        f"{silent} of silence, at least {counted(early or 0, 'day')} before it proved itself"
    )


def money_figure(cutoffs: Sequence[CutoffOutcome], *, mode: Mode = "light") -> go.Figure:
    """Share of the money that left that stood in the high tier, beside the tier's share of customers."""
    colours = palette(mode)
    figure = go.Figure()
    shown = [found for found in sorted(cutoffs, key=lambda one: one.as_of) if found.money.captured_share is not None]
    for kind in _kinds(shown):
        judged = [found for found in shown if found.kind == kind]
        figure.add_bar(
            x=[day(found.as_of) for found in judged],
            y=[found.money.captured_share for found in judged],
            name=f"of the money that left, {kind}",
            marker={"color": colours.accent, "pattern": _hatch(kind, mode)},
            hovertemplate="%{x}: %{y:.1%} of the money that left stood in the high tier<extra></extra>",
        )
    figure.add_scatter(
        x=[day(found.as_of) for found in shown],
        y=[found.tiers["high"].n / found.everybody.n for found in shown],
        mode="markers",
        name="of all customers",
        marker={"color": colours.text, "size": 10, "symbol": "line-ew", "line": {"color": colours.text, "width": 3}},
        hovertemplate="%{x}: %{y:.1%} of customers were in the high tier<extra></extra>",
    )
    figure.update_yaxes(tickformat=".0%", range=[0, 1.02], title_text="share in the high tier")
    figure.update_xaxes(type="category", categoryarray=[day(found.as_of) for found in shown])
    return styled(figure, title=money_sentence(cutoffs), mode=mode)


def money_sentence(cutoffs: Sequence[CutoffOutcome]) -> str:
    """What share of the money that left had been warned of, with what share of customers."""
    valued = [found for found in cutoffs if found.money.captured_share is not None]
    captured = total_money(found.money for found in valued).captured_share
    if captured is None:
        return "No expected value is known of those who left"
    high = total(found.tiers["high"] for found in valued)
    if not high.n:
        return "Nobody was in the high tier, so none of the money that left had been warned of"
    share = high.n / total(found.everybody for found in valued).n
    return f"The high tier was {percent(share)} of customers and held {percent(captured)} of the money that left"


def _add_happened(
    figure: go.Figure, marks: Sequence[tuple[datetime, Outcome]], kind: Kind, *, name: str, colour: str
) -> None:
    """What happened in a tier, with its intervals."""
    if not marks:
        return
    values = [(outcome.happened or 0.0, *(outcome.interval or (0.0, 0.0)), outcome.n) for _, outcome in marks]
    figure.add_scatter(
        x=[as_of for as_of, _ in marks],
        y=[value for value, _, _, _ in values],
        error_y={
            "type": "data", "symmetric": False, "color": colour, "thickness": 1.2, "width": 4,
            "array": [high - value for value, _, high, _ in values],
            "arrayminus": [value - low for value, low, _, _ in values],
        },
        customdata=[[n, low, high] for _, low, high, n in values],
        mode="markers",
        name=name,
        showlegend=False,
        marker={"color": colour, "size": 9, "symbol": SYMBOLS[kind], "line": {"width": 2, "color": colour}},
        hovertemplate=(
            "%{x|%-d %b %Y}: %{y:.1%} left [%{customdata[1]:.1%}, %{customdata[2]:.1%}] of %{customdata[0]:,}"
            f"<extra>{name}</extra>"
        ),
    )  # fmt: skip


def _add_keys(figure: go.Figure, kinds: set[Kind], mode: Mode) -> None:
    """What line and marks mean, apart from the colours of the tiers."""
    ink = palette(mode).text
    figure.add_scatter(
        x=[None], y=[None], mode="lines", name="predicted", line={"color": ink, "dash": "dot", "width": 2}
    )
    for kind in SYMBOLS:
        if kind in kinds:
            figure.add_scatter(
                x=[None], y=[None], mode="markers", name=f"happened, {kind}, with 95 % interval",
                marker={"color": ink, "size": 9, "symbol": SYMBOLS[kind], "line": {"width": 2, "color": ink}},
            )  # fmt: skip


def _warned(cutoff: CutoffOutcome, name: str, k: int | None) -> Outcome | None:
    """The group of customers that a line is about."""
    if name == "high tier":
        return cutoff.tiers["high"]
    return cutoff.everybody if name == "everybody" else cutoff.tops.get(k or 0)


def _top_words(k: int) -> str:
    return f"first {count(k)} by value at risk"


def _kinds(cutoffs: Sequence[CutoffOutcome]) -> Iterator[Kind]:
    """The kinds that occur, in a fixed order."""
    found = {cutoff.kind for cutoff in cutoffs}
    return (kind for kind in SYMBOLS if kind in found)


def _hatch(kind: Kind, mode: Mode) -> dict[str, object]:
    """Bars of what was replayed are hatched, those of what was lived are filled."""
    if kind == "lived":
        return {"shape": ""}
    return {"shape": "/", "fillmode": "overlay", "fgcolor": palette(mode).background, "fgopacity": 0.55, "size": 7}


def _ink(tier: str, mode: Mode) -> str:
    """Colour of a tier's line: the tier's own, but not so pale that a line is lost."""
    colours = palette(mode)
    return colours.neutral if tier == "low" else colours.tiers[tier]
