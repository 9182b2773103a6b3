"""Where the value at risk is: how few customers hold most of it, and risk against value as a table of counts.

Rests on the latest score run alone, so it answers for order histories and labelled tables alike, and means exactly
the customers that the At risk list shows for the same filter.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from churn_core.customers.at_risk import required_run
from churn_core.customers.selection import CustomerFilter, condition
from churn_core.customers.tiers import TIERS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from churn_core.warehouse import Warehouse

SHARES = (0.01, 0.05, 0.2)
"""Shares of the customers whose part of the value at risk is said."""
BAND_SHARES = (0.5, 0.8, 0.95)
"""Shares of the customers below the bounds of the value bands, before these are rounded."""
N_POINTS = 101


@dataclass(frozen=True, kw_only=True)
class Concentration:
    """How unequally value at risk is spread over customers."""

    n_customers: int
    """Scored customers whose expected value is known."""
    total: float
    """Their value at risk, in the shop's currency."""
    top: dict[float, float]
    """Share of the total held by the top share of customers, by that share."""
    curve: tuple[tuple[float, float], ...]
    """Share of customers, most value at risk first, and their share of the total."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """Customers of one tier and one band of expected value."""

    tier: str
    low: float | None
    """Least expected value; None for the lowest band."""
    below: float | None
    """Expected value they stay below; None for the highest band."""
    n_customers: int
    value_at_risk: float
    """Sum over them, in the shop's currency."""
    expected_value: float

    @property
    def filter(self) -> CustomerFilter:
        """The same customers on the At risk list."""
        return CustomerFilter(tiers=(self.tier,), min_expected=self.low, below_expected=self.below)


@dataclass(frozen=True, kw_only=True)
class Stake:
    """Where the value at risk is."""

    run_id: int
    source: str
    """orders or snapshots."""
    n_scored: int
    n_unknown: int
    """Scored customers whose expected value is not known."""
    concentration: Concentration | None
    """None where no value at risk is above zero."""
    bands: tuple[tuple[float | None, float | None], ...]
    """Bounds of expected value, the lowest band first."""
    cells: tuple[Cell, ...]
    """Tier by tier, the most urgent first, each over all bands."""

    def cell(self, tier: str, band: int) -> Cell:
        """One cell."""
        return self.cells[TIERS.index(tier) * len(self.bands) + band]


def value_at_stake(warehouse: Warehouse) -> Stake:
    """Concentration and matrix of the latest score run; NotEnoughData when nobody was scored."""
    run = required_run(warehouse)
    everybody = condition(CustomerFilter(), run)
    frame = warehouse.frame(
        f"SELECT value_at_risk, expected_value FROM scores WHERE {everybody.sql}", everybody.parameters
    )
    expected = frame["expected_value"].to_numpy(dtype=float, na_value=np.nan)
    at_risk = frame["value_at_risk"].to_numpy(dtype=float, na_value=np.nan)
    known = np.isfinite(expected) & np.isfinite(at_risk)
    bands = value_bands(expected[known])
    return Stake(
        run_id=run.run_id,
        source=run.source,
        n_scored=len(frame),
        n_unknown=int((~known).sum()),
        concentration=concentration(at_risk[known]),
        bands=bands,
        cells=_cells(warehouse, bands) if bands else (),
    )


def concentration(values: NDArray[np.float64]) -> Concentration | None:
    """Shares of a total held by the top customers; None where nothing is above zero. Negative values count as zero.

    >>> found = concentration(np.array([80.0, 10.0, 5.0, 5.0, 0.0]))
    >>> found.top[0.2]
    0.8
    """
    held = np.sort(np.clip(values, 0.0, None))[::-1]
    total = float(held.sum())
    if total <= 0:
        return None
    summed = np.concatenate([[0.0], np.cumsum(held)]) / total

    def share(top: float) -> float:
        return float(np.interp(top * len(held), np.arange(len(held) + 1), summed))

    steps = np.linspace(0.0, 1.0, N_POINTS)
    return Concentration(
        n_customers=len(held),
        total=total,
        top={top: share(top) for top in SHARES},
        curve=tuple((float(step), share(float(step))) for step in steps),
    )


def value_bands(expected: NDArray[np.float64]) -> tuple[tuple[float | None, float | None], ...]:
    """Bands of expected value with round bounds: about a half, 30 %, 15 % and the top 5 % of customers; may be empty.

    >>> value_bands(np.arange(1.0, 1001.0))
    ((None, 500.0), (500.0, 800.0), (800.0, 950.0), (950.0, None))
    """
    if not len(expected):
        return ()
    bounds = [_rounded(float(np.quantile(expected, share))) for share in BAND_SHARES]
    kept = [bound for bound in dict.fromkeys(bounds) if expected.min() < bound <= expected.max()]
    edges = [None, *kept, None]
    return tuple(pairwise(edges))


def _rounded(value: float) -> float:
    """Two significant digits, so that a bound can be read and stands in an address."""
    return float(f"{value:.2g}")


def _cells(warehouse: Warehouse, bands: tuple[tuple[float | None, float | None], ...]) -> tuple[Cell, ...]:
    run = required_run(warehouse)
    everybody = condition(CustomerFilter(), run)
    bounds = [low for low, _ in bands if low is not None]
    rows = warehouse.rows(
        "SELECT tier, len(list_filter($bounds::DOUBLE[], lambda bound: bound <= expected_value)) AS band, count(*), "
        f"sum(value_at_risk), sum(expected_value) FROM scores WHERE {everybody.sql} AND expected_value IS NOT NULL "
        "GROUP BY tier, band",
        everybody.parameters | {"bounds": bounds},
    )
    found = {(tier, int(band)): (int(n), float(at_risk), float(expected)) for tier, band, n, at_risk, expected in rows}
    made = []
    for tier in TIERS:
        for number, (low, below) in enumerate(bands):
            n_customers, at_risk, expected = found.get((tier, number), (0, 0.0, 0.0))
            made.append(
                Cell(tier=tier, low=low, below=below, n_customers=n_customers, value_at_risk=at_risk,
                     expected_value=expected)
            )  # fmt: skip
    return tuple(made)
