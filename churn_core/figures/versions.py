"""Figures about two versions of a model: who would stand in another tier, and how far the risks agree."""

from __future__ import annotations

import plotly.graph_objects as go

from churn_core.figures.theme import Mode, count, counted, palette, percent, styled, tier_label
from churn_core.models.compare import TIERS, Present


def tier_changes_figure(present: Present, a: int, b: int, *, mode: Mode = "light") -> go.Figure:
    """Customers by tier under version ``a`` (rows) and version ``b`` (columns); off the diagonal they change tier."""
    colours = palette(mode)
    total = max(present.n, 1)
    figure = go.Figure(
        go.Heatmap(
            x=[tier_label(tier) for tier in TIERS],
            y=[tier_label(tier) for tier in TIERS],
            z=[[n / total for n in row] for row in present.tiers],
            text=[[f"<b>{count(n)}</b><br>{percent(n / total)}" for n in row] for row in present.tiers],
            texttemplate="%{text}",
            colorscale=[[0, colours.card], [1, colours.accent_soft]],
            showscale=False,
            xgap=3,
            ygap=3,
            hovertemplate=f"%{{y}} by model {a}, %{{x}} by model {b}: %{{z:.1%}} of customers<extra></extra>",
        )
    )
    figure.update_xaxes(title_text=f"tier by model {b}", side="bottom", showline=False)
    figure.update_yaxes(title_text=f"tier by model {a}", autorange="reversed", showgrid=False)
    return styled(figure, title=tier_changes_sentence(present), mode=mode)


def tier_changes_sentence(present: Present) -> str:
    """How many customers would change tier."""
    if not present.n_changed:
        return f"None of {counted(present.n, 'customer')} would change tier"
    share = percent(present.n_changed / present.n)
    return f"{counted(present.n_changed, 'customer')} of {count(present.n)} ({share}) would change tier"


def risks_figure(present: Present, a: int, b: int, *, n_most: int = 2_000, mode: Mode = "light") -> go.Figure:
    """Risk by version ``b`` against risk by version ``a``, a point per customer, at most ``n_most`` of them."""
    colours = palette(mode)
    step = -(-present.n // n_most)
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", name="the same risk", hoverinfo="skip",
        line={"color": colours.neutral, "dash": "dot", "width": 1.5},
    )  # fmt: skip
    figure.add_scattergl(
        x=present.risk_a[::step],
        y=present.risk_b[::step],
        mode="markers",
        name="customers" if step == 1 else f"{count(len(present.risk_a[::step]))} of the customers",
        marker={"color": colours.accent, "size": 4, "opacity": 0.45},
        hovertemplate=f"model {a}: %{{x:.1%}}<br>model {b}: %{{y:.1%}}<extra></extra>",
    )
    axis = {"range": [-0.02, 1.02], "tickformat": ".0%"}
    figure.update_xaxes(title_text=f"risk by model {a}", **axis)
    figure.update_yaxes(title_text=f"risk by model {b}", **axis)
    return styled(figure, title=risks_sentence(present), mode=mode)


def risks_sentence(present: Present) -> str:
    """How far both versions rank customers alike."""
    means = f"mean risk {percent(float(present.risk_a.mean()))} and {percent(float(present.risk_b.mean()))}"
    if present.rank_correlation is None:
        return f"One version gives everybody the same risk; {means}"
    return f"The ranks of both agree to {present.rank_correlation:.3f} (Spearman); {means}"
