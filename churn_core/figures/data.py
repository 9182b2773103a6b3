"""Figures about the data and about what churned means: each has the sentence it proves as its title."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go

from churn_core.figures.theme import Mode, counted, day, palette, percent, styled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from churn_core.features.definition import MonthCounts


def months_figure(months: Sequence[MonthCounts], *, mode: Mode = "light") -> go.Figure:
    """Eligible customers at each past cutoff, split into those who churned and those who stayed."""
    colours = palette(mode)
    figure = go.Figure()
    for name, values, colour in (
        ("churned", [month.n_churned for month in months], colours.high),
        ("stayed", [month.n_stayed for month in months], colours.low),
    ):
        figure.add_bar(
            x=[month.cutoff for month in months],
            y=values,
            name=name,
            marker_color=colour,
            customdata=[
                [month.n_eligible, month.n_churned / month.n_eligible if month.n_eligible else None] for month in months
            ],
            hovertemplate=(
                f"%{{x|%-d %b %Y}}: %{{y:,}} {name}<br>of %{{customdata[0]:,}} eligible, "
                "%{customdata[1]:.1%} churned<extra></extra>"
            ),
        )
    figure.update_layout(barmode="stack")
    figure.update_xaxes(tickformat="%b %Y")
    figure.update_yaxes(title_text="eligible customers")
    return styled(figure, title=months_sentence(months), mode=mode)


def months_sentence(months: Sequence[MonthCounts]) -> str:
    """What became of the customers of the latest cutoff whose outcome is known."""
    last = months[-1]
    if not last.n_eligible:
        return f"Nobody was eligible on {day(last.cutoff)}"
    return (
        f"Of {counted(last.n_eligible, 'eligible customer')} on {day(last.cutoff)}, "
        f"{percent(last.n_churned / last.n_eligible)} churned"
    )
