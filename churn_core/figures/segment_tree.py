"""The upper part of Ward's tree, with the height at which it is cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go

from churn_core.figures.theme import Mode, count, counted, palette, styled

if TYPE_CHECKING:
    from churn_core.customers.segmentation_fit import Tree


def tree_figure(tree: Tree, k: int, *, mode: Mode = "light") -> go.Figure:
    """Branches that join from below; the line crosses as many as there are segments."""
    colours = palette(mode)
    place, height = _layout(tree)
    xs: list[float | None] = []
    ys: list[float | None] = []
    n_leaves = len(tree.sizes)
    for step, (one, other, top) in enumerate(tree.merges):
        xs += [place[one], place[one], place[other], place[other], None]
        ys += [height[one], top, top, height[other], None]
        place[n_leaves + step] = (place[one] + place[other]) / 2
        height[n_leaves + step] = top
    figure = go.Figure(
        go.Scatter(x=xs, y=ys, mode="lines", line={"color": colours.neutral, "width": 1.5}, hoverinfo="skip")
    )
    cut = cut_height(tree, k)
    figure.add_hline(y=cut, line={"color": colours.accent, "width": 2, "dash": "dash"})
    leaves = sorted(range(n_leaves), key=lambda leaf: place[leaf])
    figure.update_xaxes(
        tickvals=[place[leaf] for leaf in leaves], ticktext=[count(tree.sizes[leaf]) for leaf in leaves],
        title_text="customers of the sample in each branch",
    )  # fmt: skip
    figure.update_yaxes(title_text="distance at which branches join", rangemode="tozero")
    figure.update_layout(showlegend=False)
    return styled(figure, title=tree_sentence(tree, k), mode=mode, height=340)


def tree_sentence(tree: Tree, k: int) -> str:
    """What the cut makes of the sample."""
    sizes = sorted((sum(tree.sizes[leaf] for leaf in group) for group in tree.cut(k)), reverse=True)
    told = ", ".join(count(size) for size in sizes)
    return f"Cut into {k}, the sample of {counted(tree.n_sampled, 'customer')} falls into {told}"


def cut_height(tree: Tree, k: int) -> float:
    """A height between the join that is still made and the next."""
    n_joined = len(tree.sizes) - k
    below = tree.merges[n_joined - 1][2] if n_joined > 0 else 0.0
    above = tree.merges[n_joined][2] if n_joined < len(tree.merges) else 1.1 * below
    return (below + above) / 2


def _layout(tree: Tree) -> tuple[dict[int, float], dict[int, float]]:
    """Places of the branches from left to right so that no lines cross, and their heights."""
    groups: dict[int, list[int]] = {leaf: [leaf] for leaf in range(len(tree.sizes))}
    for step, (one, other, _) in enumerate(tree.merges):
        groups[len(tree.sizes) + step] = groups.pop(one) + groups.pop(other)
    order = [leaf for group in groups.values() for leaf in group]
    return {leaf: float(nr) for nr, leaf in enumerate(order)}, dict.fromkeys(range(len(tree.sizes)), 0.0)
