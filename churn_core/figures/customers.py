"""Figures about customers: what is at stake, and one customer's risk, reasons and history.

Each takes a result and has the sentence it proves as its title.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import plotly.graph_objects as go

from churn_core.customers.profile import feature_label
from churn_core.features.feature import GROUPS
from churn_core.figures.theme import (
    Mode,
    count,
    counted,
    day,
    money,
    palette,
    percent,
    plain,
    points_between,
    styled,
    tier_label,
)
from churn_core.models.families import FAMILY_LABELS, family_label

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from churn_core.customers.at_risk import ReasonTotal, Totals
    from churn_core.customers.history import TimelineEntry
    from churn_core.customers.profile import CustomerProfile, PastScore
    from churn_core.customers.tiers import TierPolicy

N_DAYS_NAMED = 4
"""Scorings whose days are all named on the axis."""

LEAST_LABELLED = 0.07
"""Share of a bar below which a part has no room for its label; the legend says it instead."""

N_GROUPS = 8
"""Groups of reasons that get a bar."""

LANES = {
    "order": ("orders", "circle"),
    "return": ("returns", "x"),
    "visit": ("visits", "line-ns-open"),
    "feedback": ("feedback", "star"),
    "ticket": ("tickets", "diamond"),
    "message": ("messages", "triangle-right"),
}
"""What a source of the timeline is called, and its mark."""


def group_label(group: str) -> str:
    """A group of reasons in words; a column of the user's file is called by its own name.

    >>> group_label("silence"), group_label("recency"), group_label("attribute")
    ('Own rhythm of orders', 'Time since the last order', 'Customer attributes')
    >>> group_label("attribute:support_calls")
    'support calls'
    """
    return GROUPS[group] if group in GROUPS and group not in FAMILY_LABELS else family_label(group)


def reason_label(reason: ReasonTotal) -> str:
    """A main reason in words."""
    return feature_label(reason.name) if reason.is_feature else group_label(reason.name)


def tiers_figure(totals: Totals, *, currency: str = "", mode: Mode = "light") -> go.Figure:
    """Shares of the tiers in customers and in value at risk, one bar each."""
    colours = palette(mode)
    fig = go.Figure()
    rows = ["customers"] if totals.value_at_risk is None else ["value at risk", "customers"]
    for tier in totals.tiers:
        n_share = tier.n_customers / totals.n_customers if totals.n_customers else 0.0
        money_share = (tier.value_at_risk or 0.0) / totals.value_at_risk if totals.value_at_risk else 0.0
        shares = {"customers": n_share, "value at risk": money_share}
        words = {"customers": count(tier.n_customers), "value at risk": money(tier.value_at_risk or 0.0, currency)}
        fig.add_bar(
            orientation="h",
            name=_legend_words(tier.tier, {row: words[row] for row in rows if 0 < shares[row] < LEAST_LABELLED}),
            y=rows,
            x=[shares[row] for row in rows],
            text=[
                f"<b>{words[row]}</b><br>{percent(shares[row])}" if shares[row] >= LEAST_LABELLED else ""
                for row in rows
            ],
            textposition="inside",
            insidetextanchor="middle",
            textangle=0,
            textfont={"color": _on(colours.tiers[tier.tier])},
            marker={"color": colours.tiers[tier.tier], "line": {"width": 1, "color": colours.background}},
            hovertemplate=[f"{tier.tier} tier: {words[row]} ({percent(shares[row])})<extra></extra>" for row in rows],
        )
    fig.update_layout(
        barmode="stack", bargap=0.25, legend={"traceorder": "normal"}, uniformtext={"minsize": 10, "mode": "hide"}
    )
    fig.update_xaxes(visible=False, range=[0, 1])
    fig.update_yaxes(showgrid=False)
    return styled(fig, title=tiers_sentence(totals), mode=mode, height=230)


def _legend_words(tier: str, unlabelled: Mapping[str, str]) -> str:
    """The tier, with the numbers of its parts that are too narrow for a label.

    >>> _legend_words("high", {}), _legend_words("low", {"value at risk": "€3k", "customers": "90"})
    ('high', 'low: €3k at risk, 90 customers')
    """
    endings = {"value at risk": "at risk", "customers": "customers"}
    said = ", ".join(f"{words} {endings[row]}" for row, words in unlabelled.items())
    return f"{tier}: {said}" if said else tier


def tiers_sentence(totals: Totals) -> str:
    """What the tiers' figure proves."""
    high = totals.tier("high")
    if not totals.n_customers:
        return "Nobody is meant by this choice"
    share = percent(high.n_customers / totals.n_customers)
    if totals.value_at_risk:
        held = percent((high.value_at_risk or 0.0) / totals.value_at_risk)
        return f"The high tier is {share} of {counted(totals.n_customers, 'customer')} and {held} of the value at risk"
    return f"The high tier is {share} of {counted(totals.n_customers, 'customer')}"


def reasons_figure(reasons: Sequence[ReasonTotal], *, mode: Mode = "light", whose: str = "customers") -> go.Figure:
    """For how many customers each group of features, or each feature, is what raises the risk most."""
    colours = palette(mode)
    shown = list(reasons[:N_GROUPS])[::-1]
    n_all = sum(reason.n_customers for reason in reasons)
    fig = go.Figure(
        go.Bar(
            orientation="h",
            y=[plain(reason_label(reason)) for reason in shown],
            x=[reason.n_customers for reason in shown],
            text=[percent(reason.n_customers / n_all) for reason in shown],
            textposition="outside",
            cliponaxis=False,
            marker={"color": [colours.neutral] * (len(shown) - 1) + [colours.accent]},
            hovertemplate="%{y}: %{x:,} customers (%{text})<extra></extra>",
        )
    )
    fig.update_xaxes(visible=False, range=[0, 1.18 * max(reason.n_customers for reason in reasons)])
    fig.update_yaxes(showgrid=False)
    share = percent(reasons[0].n_customers / n_all)
    label = reason_label(reasons[0])
    most = f"{label} is" if reasons[0].is_feature else f"Signals of {label[:1].lower()}{label[1:]} are"
    top = f"{most[:1].upper()}{most[1:]} the main reason for {share} of {whose}"
    return styled(fig, title=top, mode=mode, height=72 + 28 * max(len(shown), 3))


def risk_history_figure(history: Sequence[PastScore], policy: TierPolicy, *, mode: Mode = "light") -> go.Figure:
    """A customer's risk over the cutoffs it was scored at, with the thresholds of the tiers where there are any."""
    colours = palette(mode)
    shown = _by_cutoff(history)
    at = [past.as_of or past.scored_at for past in shown]
    fig = go.Figure(
        go.Scatter(
            x=at,
            y=[past.risk for past in shown],
            mode="lines+markers",
            line={"color": colours.accent, "width": 2},
            marker={
                "size": 10,
                "color": [colours.tiers[past.tier] for past in shown],
                "line": {"width": 1.5, "color": colours.text},
            },
            customdata=[[tier_label(past.tier), past.run_id, past.model_version] for past in shown],
            hovertemplate="%{x|%-d %b %Y}: %{y:.1%}<br>%{customdata[0]} · run %{customdata[1]} · "
            "model %{customdata[2]}<extra></extra>",
        )
    )
    lines = (("high", policy.high_from), ("medium", policy.medium_from)) if policy.kind == "probability" else ()
    for name, level in lines:
        fig.add_hline(
            y=level,
            line={"color": colours.tiers[name], "dash": "dot", "width": 1.5},
            annotation={"text": f"{name} from {100 * level:.3g} %", "font": {"size": 11, "color": colours.muted}},
            annotation_position=f"top {_free_side(shown, level)}",
        )
    fig.update_yaxes(tickformat=".0%", range=[-0.02, 1.02], title_text="risk")
    fig.update_xaxes(tickformat="%-d %b %Y", nticks=6)
    if len(at) <= N_DAYS_NAMED:
        days = [day(moment) for moment in at]
        named = [
            text if days.count(text) == 1 else f"{text}<br>run {past.run_id}"
            for text, past in zip(days, shown, strict=True)
        ]
        fig.update_xaxes(tickmode="array", tickvals=at, ticktext=named)
    return styled(fig, title=history_sentence(history), mode=mode, height=280)


def _free_side(shown: Sequence[PastScore], level: float) -> str:
    """At which end of the line there is more room beside a level."""
    return "left" if abs(shown[0].risk - level) >= abs(shown[-1].risk - level) else "right"


def has_line(history: Sequence[PastScore]) -> bool:
    """Whether the customer was scored at more than one cutoff, so that there is something to draw."""
    return len(_by_cutoff(history)) > 1


def history_sentence(history: Sequence[PastScore]) -> str:
    """What the history figure proves."""
    *earlier, last = _by_cutoff(history)
    if not earlier:
        return f"Risk is {percent(last.risk)} in the only scoring so far"
    before = earlier[-1]
    step = points_between(before.risk, last.risk)
    moved = "unchanged" if step[1:].startswith("0.0 ") else f"{step[1:]} {'up' if step[0] == '+' else 'down'}"
    then, now = (day(past.as_of or past.scored_at) for past in (before, last))
    return f"Risk is {percent(last.risk)}, {moved} since {then if then != now else f'run {before.run_id}'}"


def _by_cutoff(history: Sequence[PastScore]) -> list[PastScore]:
    """The latest scoring at each cutoff, in the order of time."""
    latest = {past.as_of or past.scored_at: past for past in history}
    return [latest[at] for at in sorted(latest)]


def timeline_figure(profile: CustomerProfile, *, currency: str = "", mode: Mode = "light") -> go.Figure:
    """What happened when, one lane per kind; larger orders are larger marks."""
    colours = palette(mode)
    fig = go.Figure()
    present = [source for source in LANES if any(entry.source == source for entry in profile.timeline)]
    colour = {"order": colours.accent, "return": colours.high, "ticket": colours.medium, "feedback": colours.good}
    for source in present:
        entries = [entry for entry in profile.timeline if entry.source == source]
        name, mark = LANES[source]
        fig.add_scatter(
            x=[entry.at for entry in entries],
            y=[name] * len(entries),
            mode="markers",
            name=name,
            marker={
                "symbol": mark,
                "size": _sizes(entries) if source == "order" else 9,
                "color": colour.get(source, colours.neutral),
                "opacity": 0.75,
                "line": {"width": 1.5 if mark.endswith("open") else 0, "color": colour.get(source, colours.neutral)},
            },
            customdata=[[plain(entry.what[:90]), _amount(entry, currency)] for entry in entries],
            hovertemplate="%{x|%-d %b %Y}<br>%{customdata[0]}%{customdata[1]}<extra></extra>",
        )
    names = [LANES[source][0] for source in present]
    fig.update_yaxes(categoryorder="array", categoryarray=names[::-1], showgrid=True)
    fig.update_layout(showlegend=False)
    if profile.score is not None and profile.score.run.as_of is not None:
        fig.add_vline(
            x=profile.score.run.as_of, line={"color": colours.muted, "dash": "dot", "width": 1},
            annotation={"text": "scored", "font": {"size": 11, "color": colours.muted}},
            annotation_position="top left", annotation_yanchor="bottom",
        )  # fmt: skip
    return styled(fig, title=timeline_sentence(profile), mode=mode, height=110 + 44 * max(len(present), 2))


def timeline_sentence(profile: CustomerProfile) -> str:
    """What the timeline proves."""
    bought = profile.purchases
    if bought is None:
        return "No orders are known"
    orders = counted(bought.n_orders, "order")
    return f"{orders} since {day(bought.first_order)}, the last on {day(bought.last_order)}"


def _sizes(entries: Sequence[TimelineEntry]) -> list[float]:
    """Marker sizes whose area follows the amount."""
    largest = max((entry.amount or 0.0 for entry in entries), default=0.0)
    return [8 + 14 * math.sqrt(max(entry.amount or 0.0, 0.0) / largest) if largest > 0 else 10 for entry in entries]


def _amount(entry: TimelineEntry, currency: str) -> str:
    return "" if entry.amount is None else f"<br>{money(entry.amount, currency)}"


def _on(colour: str) -> str:
    """Black or white, whichever can be read on a colour (WCAG relative luminance)."""
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#ffffff" if luminance < 0.18 else "#10161d"
