"""Strata with hardly anybody in them are put together before anything is compared within strata.

A stratum with one customer in an arm has no spread, and a covariate fitted to a handful of customers explains them by
chance. What was drawn stays as it is; only the comparison becomes coarser.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import reduce

from churn_core.campaigns.comparison import Cell, Outcomes
from churn_core.stats.moments import JointMoments, Rate

FEWEST = 20
"""Customers that every arm must have in a stratum of its own."""


def put_together(outcomes: Outcomes) -> Outcomes:
    """The outcomes with every stratum large enough; of rates, whose test needs no spread, unchanged.

    The smallest stratum joins the next larger one until all are large enough. Covariates are left out where even
    everybody together is too few. A ratio is not compared within strata: all of them become one.
    """
    if outcomes.metric.kind == "rate":
        return outcomes
    strata = {
        name: {arm: found[name] for arm, found in outcomes.cells.items() if name in found} for name in outcomes.strata
    }
    arms = list(outcomes.cells)
    is_ratio = outcomes.metric.kind == "ratio"
    while len(strata) > 1:
        by_size = sorted(strata, key=lambda name: (_smallest(strata[name], arms), name))
        if not is_ratio and _smallest(strata[by_size[0]], arms) >= FEWEST:
            break
        first, second = (strata.pop(name) for name in by_size[:2])
        strata[" + ".join(sorted(by_size[:2]))] = {
            arm: _sum(first.get(arm), second.get(arm)) for arm in arms if arm in first or arm in second
        }
    is_enough = all(_smallest(found, arms) >= FEWEST for found in strata.values())
    cells = {arm: {name: found[arm] for name, found in strata.items() if arm in found} for arm in arms}
    made = replace(outcomes, cells=cells)
    return made if is_enough or not outcomes.n_covariates else _without_covariates(made)


def _smallest(found: Mapping[str, Cell], arms: list[str]) -> int:
    return min((found[arm].n if arm in found else 0 for arm in arms), default=0)


def _sum(*cells: Cell | None) -> Cell:
    known = [cell for cell in cells if cell is not None]
    return reduce(_added, known)


def _added(first: Cell, second: Cell) -> Cell:
    if isinstance(first, Rate) and isinstance(second, Rate):
        return first + second
    if isinstance(first, JointMoments) and isinstance(second, JointMoments):
        return first + second
    raise TypeError("a rate and moments are not sums of one metric")


def _without_covariates(outcomes: Outcomes) -> Outcomes:
    kept = 1 if outcomes.metric.kind == "mean" else 2
    cells: dict[str, dict[str, Cell]] = {}
    for arm, found in outcomes.cells.items():
        cells[arm] = {
            name: JointMoments(
                n=cell.n, means=cell.means[:kept], covariances=tuple(row[:kept] for row in cell.covariances[:kept])
            )
            for name, cell in found.items()
            if isinstance(cell, JointMoments)
        }
    return replace(outcomes, cells=cells, n_covariates=0)
