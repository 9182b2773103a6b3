"""Figures of RFM and lifecycle: every square and every move is drawn once, and titles say what they prove."""

from __future__ import annotations

from datetime import timedelta

import pytest

from churn_core.customers.lifecycle import stages_over_time
from churn_core.customers.rfm import orders_until, rfm
from churn_core.customers.rfm_outlook import rfm_movement
from churn_core.figures.rfm import grid_figure, moves_figure, stages_figure
from churn_core.figures.theme import Mode, palette
from churn_core.warehouse import Warehouse


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_the_grid_draws_every_square_with_its_customers(demo_shop: Warehouse, mode: Mode) -> None:
    found = rfm(demo_shop)
    fig = grid_figure(found, currency="EUR", mode=mode)
    [bars] = fig.data
    squares = {(row[0], row[1]): row[2] for row in bars.customdata}
    assert squares == {(r, f): f"{found.square(r, f).n:,}" for r in range(1, 6) for f in range(1, 6)}
    assert fig.layout.title.text.endswith("ordered lately and often (4 or 5 of both)")
    assert bars.textfont.color == palette(mode).text
    # plotly.js stops a click with an error where one of the two has a colour for texts and the other has not.
    assert bars.selected.textfont.color == bars.unselected.textfont.color == palette(mode).text


def test_the_sankey_holds_every_customer_once_in_the_order_of_the_groups(demo_shop: Warehouse) -> None:
    day = orders_until(demo_shop)
    moves = rfm_movement(demo_shop, day - timedelta(days=90), day)
    [sankey] = moves_figure(moves).data
    assert sum(sankey.link.value) == moves.n_customers
    n_before = len(set(sankey.link.source))
    assert list(sankey.node.y[:n_before]) == sorted(sankey.node.y[:n_before])
    assert list(sankey.node.y[n_before:]) == sorted(sankey.node.y[n_before:])
    assert all(0 < place < 1 for place in sankey.node.y)
    colours = palette("light")
    worse = [
        colour
        for colour, text in zip(sankey.link.color, sankey.link.customdata, strict=True)
        if text.startswith("champions to at risk")
    ]
    red = tuple(int(colours.high[at : at + 2], 16) for at in (1, 3, 5))
    assert worse
    assert all(colour.startswith(f"rgba({red[0]}, {red[1]}, {red[2]}") for colour in worse)


def test_the_stack_of_stages_adds_up_to_all_customers(demo_shop: Warehouse) -> None:
    months = stages_over_time(demo_shop, n_months=2)
    fig = stages_figure(months)
    assert [bar.name for bar in fig.data] == ["active", "returned", "new", "late", "lapsed"]
    assert [sum(bar.y[nr] for bar in fig.data) for nr in range(len(months))] == [m.n_customers for m in months]
    assert "neither late nor lapsed" in fig.layout.title.text
    assert "; on " not in stages_figure(months[-1:]).layout.title.text
