"""Rows per day of each table, and what their course gives away: missing days, sudden jumps.

Separate from the registry because these checks look at a series, not at rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from churn_core.schema import TABLES, quote
from churn_core.warehouse import Warehouse

_MISSING_FROM = 15.0
"""Rows to be expected from which days without any are told at the latest."""
_FEWEST_MISSING = 5.0
"""Rows to be expected below which days without any are never told."""
_CHANCE = 0.05
"""Days without rows are told when in a history like it they would come by chance less often than this."""
_WEEKS = 4
_SMALLEST_WEEK = 40.0


@dataclass(frozen=True, kw_only=True)
class DailyCounts:
    """Rows of a table on every day from its first to its last, days without rows included."""

    table: str
    first_day: date
    counts: tuple[int, ...]
    """Rows per day."""

    @property
    def days(self) -> list[date]:
        """The days, one for each count."""
        return [self.first_day + timedelta(days=number) for number in range(len(self.counts))]


@dataclass(frozen=True, kw_only=True)
class Silence:
    """Days in the middle of the history on which rows were to be expected and none are there."""

    first_day: date
    last_day: date
    n_expected: float
    """Rows that the same weekdays around it let expect."""

    @property
    def n_days(self) -> int:
        """Days without a row."""
        return (self.last_day - self.first_day).days + 1


@dataclass(frozen=True, kw_only=True)
class Jump:
    """A week from which on a table holds far more or far fewer rows than before."""

    day: date
    """First day of the week."""
    ratio: float
    """Rows in the four weeks from it, divided by the four weeks before."""


def daily_counts(warehouse: Warehouse, table: str) -> DailyCounts | None:
    """Rows per day of a table with a time; None when it is empty or has no time."""
    column = TABLES[table].time
    if column is None:
        return None
    rows = warehouse.rows(
        f"SELECT CAST({quote(column)} AS DATE) AS day, count(*) FROM {quote(table)} "
        f"WHERE {quote(column)} IS NOT NULL GROUP BY day ORDER BY day"
    )
    if not rows:
        return None
    last = rows[-1][0]
    first = max(rows[0][0], last - timedelta(days=36_500))
    counts = [0] * ((last - first).days + 1)
    for day, n in rows:
        if day >= first:
            counts[(day - first).days] = n
    return DailyCounts(table=table, first_day=first, counts=tuple(counts))


def silences(series: DailyCounts) -> list[Silence]:
    """Runs of days without rows where the surrounding weeks let expect so many that it can hardly be chance.

    A day's expectation is the median of the same weekday in the eight weeks around it, so a shop that is closed on
    Sundays is not accused of missing them. A run is told when exp(-expected / dispersion), times the days of the
    history, is below 5 % (a Poisson count with the spread that the series shows), but not below 5 expected rows and
    always from 15.
    """
    counts = np.array(series.counts, float)
    enough = _dispersion(counts) * np.log(len(counts) / _CHANCE)
    enough = float(np.clip(enough, _FEWEST_MISSING, _MISSING_FROM))
    found: list[Silence] = []
    start = None
    for day in range(len(counts) + 1):
        is_silent = day < len(counts) and counts[day] == 0
        if is_silent and start is None:
            start = day
        if not is_silent and start is not None:
            expected = sum(_expected(counts, silent, start, day) for silent in range(start, day))
            if expected >= enough:
                found.append(
                    Silence(
                        first_day=series.first_day + timedelta(days=start),
                        last_day=series.first_day + timedelta(days=day - 1),
                        n_expected=expected,
                    )
                )
            start = None
    return found


def _dispersion(counts: np.ndarray) -> float:
    """Variance of the counts divided by their mean, against the same weekday two weeks around; 1 for Poisson counts."""
    if len(counts) < 4 * 7:
        return np.inf
    days = np.arange(14, len(counts) - 14)
    around = np.stack([counts[days + shift] for shift in (-14, -7, 7, 14)])
    level = around.mean(axis=0)
    is_open = (counts[days] > 0) & (level > 0)
    if not is_open.any():
        return np.inf
    # The mean of four neighbours varies itself, by a quarter of the variance of one day.
    return float(np.mean((counts[days] - level)[is_open] ** 2 / level[is_open]) / 1.25)


def _expected(counts: np.ndarray, day: int, start: int, stop: int) -> float:
    """Median of the same weekday in the four weeks before and after a run of silent days."""
    back = (day - start) // 7 + 1
    ahead = (stop - 1 - day) // 7 + 1
    around = [day - 7 * (back + week) for week in range(_WEEKS)] + [day + 7 * (ahead + week) for week in range(_WEEKS)]
    inside = [counts[other] for other in around if 0 <= other < len(counts)]
    return float(np.median(inside)) if inside else 0.0


def jumps(series: DailyCounts) -> list[Jump]:
    """Weeks at which the level at least doubles or halves from one week to the next, and stays there for four.

    The first eight weeks are left out: a shop that opens grows by leaps.
    """
    counts = np.array(series.counts, float)
    offset = len(counts) % 7
    weeks = counts[offset:].reshape(-1, 7).sum(axis=1)
    found: list[Jump] = []
    for week in range(2 * _WEEKS, len(weeks) - _WEEKS + 1):
        before, after = weeks[week - _WEEKS : week], weeks[week : week + _WEEKS]
        low, high = sorted((before.mean(), after.mean()))
        if high < _SMALLEST_WEEK or low * 2.2 > high:
            continue
        fell = before.mean() > after.mean()
        is_sudden = after.max() < 0.55 * before.min() if fell else after.min() > 1.8 * before.max()
        if is_sudden:
            ratio = after.mean() / before.mean() if before.mean() else np.inf
            found.append(Jump(day=series.first_day + timedelta(days=offset + 7 * week), ratio=float(ratio)))
    return found
