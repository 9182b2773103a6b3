"""Sums that are enough: what a million rows come down to before anything is estimated.

A warehouse aggregates rows to these in one query; parts of a table add up to the whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np

from churn_core.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

ROUNDING = 1e-15
"""Part of a sum that may be an error of floating-point numbers."""


@dataclass(frozen=True, kw_only=True)
class Rate:
    """How many of how many."""

    n_hits: int
    n: int

    def __post_init__(self) -> None:
        if not 0 <= self.n_hits <= self.n:
            raise InputError(f"{self.n_hits} hits of {self.n} customers is no rate; hits lie between 0 and the number.")

    @property
    def value(self) -> float | None:
        """The rate; None of nobody."""
        return self.n_hits / self.n if self.n else None

    def __add__(self, other: Rate) -> Rate:
        return Rate(n_hits=self.n_hits + other.n_hits, n=self.n + other.n)


@dataclass(frozen=True, kw_only=True)
class Moments:
    """Number, mean and variance of one column."""

    n: int
    mean: float
    variance: float
    """With n - 1 in the denominator; 0 for a single row."""

    def __post_init__(self) -> None:
        if self.n < 0 or not isfinite(self.mean) or not (self.variance >= 0 and isfinite(self.variance)):
            raise InputError(
                f"{self.n} rows with mean {self.mean} and variance {self.variance} cannot be; "
                "leave out missing values before adding up."
            )

    @classmethod
    def of(cls, values: ArrayLike) -> Moments:
        """Of the values themselves; InputError when one is missing.

        >>> Moments.of([1.0, 2.0, 3.0])
        Moments(n=3, mean=2.0, variance=1.0)
        """
        column = np.asarray(values, dtype=float)
        if not column.size:
            return cls(n=0, mean=0.0, variance=0.0)
        if not np.isfinite(column).all():
            raise InputError("a value is missing or infinite; leave out or fill such rows before adding up.")
        # Equal values have no variance; their computed mean may be off in the last digit, and would invent some.
        is_varied = column.size > 1 and column.min() < column.max()
        variance = float(column.var(ddof=1)) if is_varied else 0.0
        return cls(n=column.size, mean=float(column.mean()) if is_varied else float(column.flat[0]), variance=variance)

    @classmethod
    def of_sums(cls, n: int, total: float, total_squares: float) -> Moments:
        """Of the number, the sum and the sum of squares, as one query gives them.

        >>> Moments.of_sums(3, 6.0, 14.0)
        Moments(n=3, mean=2.0, variance=1.0)
        """
        if not n:
            return cls(n=0, mean=0.0, variance=0.0)
        mean = total / n
        squares = total_squares - n * mean * mean
        # What the difference of two large sums leaves in their last digits is rounding, not variance.
        is_varied = n > 1 and squares > ROUNDING * total_squares
        return cls(n=n, mean=mean, variance=squares / (n - 1) if is_varied else 0.0)

    def __add__(self, other: Moments) -> Moments:
        n = self.n + other.n
        if not n:
            return self
        apart = other.mean - self.mean
        squares = max(self.n - 1, 0) * self.variance + max(other.n - 1, 0) * other.variance
        squares += apart * apart * self.n * other.n / n
        mean = self.mean + apart * other.n / n
        return Moments(n=n, mean=mean, variance=squares / (n - 1) if n > 1 else 0.0)


@dataclass(frozen=True, kw_only=True)
class JointMoments:
    """Number, means and covariances of several columns of the same rows; the outcome comes first."""

    n: int
    means: tuple[float, ...]
    covariances: tuple[tuple[float, ...], ...]
    """With n - 1 in the denominator, a row per column."""

    @classmethod
    def of(cls, *columns: ArrayLike) -> JointMoments:
        """Of the columns themselves, at least two rows of them; InputError when a value is missing."""
        table = np.vstack([np.asarray(column, dtype=float) for column in columns])
        if table.shape[1] < 2 or not np.isfinite(table).all():
            raise InputError("covariances need at least two rows and no missing value; fill or leave out the others.")
        covariance = np.atleast_2d(np.cov(table))
        return cls(
            n=table.shape[1],
            means=tuple(float(mean) for mean in table.mean(axis=1)),
            covariances=tuple(tuple(float(value) for value in row) for row in covariance),
        )

    @property
    def matrix(self) -> NDArray[np.float64]:
        """The covariances as an array."""
        return np.asarray(self.covariances, dtype=float)

    def __add__(self, other: JointMoments) -> JointMoments:
        """The rows of both together (Chan, Golub & LeVeque, 1983)."""
        if not self.n or not other.n:
            return self if self.n else other
        n = self.n + other.n
        first, second = np.asarray(self.means), np.asarray(other.means)
        apart = second - first
        squares = (self.n - 1) * self.matrix + (other.n - 1) * other.matrix
        squares = squares + np.outer(apart, apart) * (self.n * other.n / n)
        means = first + apart * (other.n / n)
        return JointMoments(
            n=n,
            means=tuple(float(mean) for mean in means),
            covariances=tuple(tuple(float(value) for value in row) for row in squares / (n - 1)),
        )

    def column(self, position: int) -> Moments:
        """One column alone."""
        return Moments(n=self.n, mean=self.means[position], variance=max(0.0, self.covariances[position][position]))
