"""Times until something happens, with those still waiting counted as such.

From counts per day instead of a row per customer, so that a million customers are aggregated in SQL first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, log

import numpy as np
from numpy.typing import ArrayLike

from churn_core.errors import InputError
from churn_core.stats.estimate import Estimate
from churn_core.stats.rates import two_sided_z


@dataclass(frozen=True, kw_only=True)
class LifeTable:
    """How many events and how many ends of observation there were at each time."""

    times: tuple[float, ...]
    """Distinct times, ascending, 0 or more."""
    n_events: tuple[int, ...]
    """Customers to whom it happened at that time."""
    n_censored: tuple[int, ...]
    """Customers last seen at that time without an event; they still count as at risk at it."""

    def __post_init__(self) -> None:
        if not len(self.times) == len(self.n_events) == len(self.n_censored):
            raise InputError("times, events and ends of observation differ in number; give one of each per time.")
        if any(later <= earlier for earlier, later in zip(self.times, self.times[1:], strict=False)):
            raise InputError("times are not ascending; give every time once, the earliest first.")
        if self.times and self.times[0] < 0:
            raise InputError(f"a time of {self.times[0]:g} was given; times are 0 or more.")
        if any(number < 0 for number in (*self.n_events, *self.n_censored)):
            raise InputError("a negative number of customers was given; counts are 0 or more.")

    @classmethod
    def of(cls, times: ArrayLike, happened: ArrayLike) -> LifeTable:
        """The table of single customers: how long each was watched, and whether it happened then."""
        watched, event = np.asarray(times, dtype=float), np.asarray(happened, dtype=bool)
        if watched.shape != event.shape or not np.isfinite(watched).all():
            raise InputError("every customer needs a finite time and whether it happened.")
        distinct, place = np.unique(watched, return_inverse=True)
        return cls(
            times=tuple(float(time) for time in distinct),
            n_events=tuple(int(n) for n in np.bincount(place[event], minlength=len(distinct))),
            n_censored=tuple(int(n) for n in np.bincount(place[~event], minlength=len(distinct))),
        )

    @property
    def n(self) -> int:
        """Customers at the start."""
        return sum(self.n_events) + sum(self.n_censored)

    @property
    def n_at_risk(self) -> tuple[int, ...]:
        """Customers still watched, and without an event, just before each time."""
        ends = np.asarray(self.n_events, dtype=np.int64) + np.asarray(self.n_censored, dtype=np.int64)
        return tuple(int(left) for left in self.n - np.cumsum(ends) + ends)


@dataclass(frozen=True, kw_only=True)
class SurvivalCurve:
    """Share to whom it has not happened yet, at each time with an event; 1 before the first."""

    times: tuple[float, ...]
    survival: tuple[float, ...]
    standard_error: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    n_at_risk: tuple[int, ...]
    last_time: float
    """Longest time anybody was watched; beyond it nothing is known."""

    def at(self, time: float) -> Estimate:
        """Share to whom it has not happened until a time, that time included; undefined beyond what was watched."""
        if time > self.last_time:
            return Estimate.undefined(f"nobody was watched for {time:g} days yet.")
        place = int(np.searchsorted(self.times, time, side="right")) - 1
        if place < 0:
            return Estimate(value=1.0, low=1.0, high=1.0)
        return Estimate(value=self.survival[place], low=self.low[place], high=self.high[place])

    def quantile(self, share: float) -> float | None:
        """First time by which it has happened to so many; None when fewer were seen to."""
        if not 0 < share < 1:
            raise InputError(f"a share of {share:g} was asked for; choose between 0 and 1.")
        return next(
            (time for time, left in zip(self.times, self.survival, strict=True) if left <= 1 - share + 1e-12), None
        )


def kaplan_meier(table: LifeTable, *, confidence: float = 0.95) -> SurvivalCurve:
    """The product-limit estimate (Kaplan & Meier, 1958).

    Standard errors after Greenwood (1926); intervals on the scale of log(-log S) (Kalbfleisch & Prentice, 1980), which
    stay inside [0, 1]. Where nobody is left the interval closes at 0. InputError when there is nobody.
    """
    if not table.n:
        raise InputError("there is nobody to follow; at least one customer is needed.")
    z = two_sided_z(confidence)
    left, spread = 1.0, 0.0
    rows: list[tuple[float, float, float, float, float, int]] = []
    for time, n_events, n_at_risk in zip(table.times, table.n_events, table.n_at_risk, strict=True):
        if not n_events:
            continue
        left *= 1 - n_events / n_at_risk
        if n_events == n_at_risk:
            rows.append((time, 0.0, 0.0, 0.0, 0.0, n_at_risk))
            break
        spread += n_events / (n_at_risk * (n_at_risk - n_events))
        half = z * spread**0.5 / abs(log(left))
        rows.append((time, left, left * spread**0.5, left ** exp(half), left ** exp(-half), n_at_risk))
    columns = list(zip(*rows, strict=True)) if rows else [()] * 6
    return SurvivalCurve(
        times=tuple(columns[0]),
        survival=tuple(columns[1]),
        standard_error=tuple(columns[2]),
        low=tuple(columns[3]),
        high=tuple(columns[4]),
        n_at_risk=tuple(columns[5]),
        last_time=table.times[-1],
    )


@dataclass(frozen=True, kw_only=True)
class LogRank:
    """Whether it takes equally long in all groups."""

    p_value: float
    statistic: float
    """Chi-square."""
    freedom: int
    observed: Mapping[str, int]
    """Events per group."""
    expected: Mapping[str, float]
    """Events per group if it took equally long in all of them."""


def log_rank(groups: Mapping[str, LifeTable]) -> LogRank:
    """The log-rank test of two or more groups (Mantel, 1966; Peto & Peto, 1972), ties with hypergeometric variance.

    InputError with fewer than two groups of customers, or when nothing happened in any.
    """
    from scipy import stats

    named = {name: table for name, table in groups.items() if table.n}
    if len(named) < 2:
        raise InputError("a comparison takes at least two groups with customers in them.")
    times = np.unique(np.concatenate([np.asarray(table.times) for table in named.values()]))
    events = np.array([_on(times, table.times, table.n_events) for table in named.values()])
    ends = events + np.array([_on(times, table.times, table.n_censored) for table in named.values()])
    at_risk = np.array([table.n for table in named.values()])[:, None] - np.cumsum(ends, axis=1) + ends
    d, n = events.sum(axis=0), at_risk.sum(axis=0)
    if not d.sum():
        raise InputError("it happened to nobody in any group, so there is nothing to compare yet.")
    share = at_risk / np.maximum(n, 1)
    expected = (share * d).sum(axis=1)
    weight = np.where(n > 1, d * (n - d) / np.maximum(n - 1, 1), 0.0)
    covariance = np.diag((share * weight).sum(axis=1)) - (share * weight) @ share.T
    gap = (events.sum(axis=1) - expected)[:-1]
    statistic = float(gap @ np.linalg.pinv(covariance[:-1, :-1]) @ gap)
    freedom = len(named) - 1
    return LogRank(
        p_value=float(stats.chi2.sf(statistic, freedom)),
        statistic=statistic,
        freedom=freedom,
        observed={name: int(row.sum()) for name, row in zip(named, events, strict=True)},
        expected={name: float(value) for name, value in zip(named, expected, strict=True)},
    )


def _on(times: np.ndarray, own: Sequence[float], counts: Sequence[int]) -> np.ndarray:
    """Counts at times of the group's own, on the times of all groups."""
    made = np.zeros(len(times), dtype=np.int64)
    made[np.searchsorted(times, np.asarray(own))] = counts
    return made
