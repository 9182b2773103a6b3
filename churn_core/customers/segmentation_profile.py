"""What segments are like: sizes, medians, deviations from the whole, and a map of a sample of their customers.

Worked out once, while the matrix of the fit is at hand, and kept with the segmentation; pages read the result.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from churn_core.customers.segmentation_fit import draw_rows
from churn_core.customers.segmentation_inputs import Inputs, feature_named
from churn_core.customers.segmentation_scaling import Scaling
from churn_core.customers.segmentation_words import named_apart, segment_words

if TYPE_CHECKING:
    from numpy.typing import NDArray

N_ON_MAP = 1_500
"""Customers drawn on the map; more would hide each other."""
N_AXIS_WORDS = 3
SURE_FROM = 0.6
"""Probability below which a customer of a mixture stands between segments."""


@dataclass(frozen=True, kw_only=True)
class SegmentProfile:
    """One segment as it was when the segmentation was fitted."""

    no: int
    """Number, from 1."""
    name: str
    """Name given, at first the words with a capital."""
    words: str
    """What sets it apart most."""
    n_customers: int
    medians: dict[str, float | None]
    """Median of each feature among customers of whom it is known; None where nobody's is."""
    deviations: dict[str, float]
    """Mean of the segment minus the median of the whole, in robust units; by feature."""
    n_between: int | None = None
    """Customers of a mixture whose probability is below SURE_FROM; None for other methods."""

    @property
    def is_named(self) -> bool:
        """Whether somebody gave it a name instead of the proposed words."""
        return not self.name.lower().startswith(self.words.lower())


@dataclass(frozen=True, kw_only=True)
class Axis:
    """One direction of the map."""

    share: float
    """Part of the variance it shows."""
    meaning: str
    """Which features grow along it."""


@dataclass(frozen=True, kw_only=True)
class SegmentMap:
    """A sample of customers in the plane that shows most of their differences (principal components)."""

    x: tuple[float, ...]
    y: tuple[float, ...]
    no: tuple[int, ...]
    """Segment of each."""
    axes: tuple[Axis, Axis]
    n_customers: int
    """Customers of whom the sample was drawn."""


def segment_profiles(
    inputs: Inputs,
    scaling: Scaling,
    matrix: NDArray[np.float32],
    numbers: NDArray[np.int32],
    k: int,
    probability: NDArray[np.float32] | None,
) -> tuple[SegmentProfile, ...]:
    """Every segment with its medians, deviations and proposed words."""
    names = [feature.name for feature in inputs.features]
    made: list[dict[str, Any]] = []
    for no in range(1, k + 1):
        own = np.flatnonzero(numbers == no)
        medians = {name: _median(inputs.values[own, place]) for place, name in enumerate(names)}
        means = matrix[own].mean(axis=0, dtype=np.float64) if own.size else np.zeros(matrix.shape[1])
        deviations = dict(zip(scaling.names, means.tolist(), strict=True))
        made.append(
            {
                "no": no,
                "n_customers": int(own.size),
                "medians": medians,
                "deviations": deviations,
                "words": segment_words(deviations, medians),
                "n_between": None if probability is None else int((probability[own] < SURE_FROM).sum()),
            }
        )
    given = named_apart([entry["words"] for entry in made])
    return tuple(SegmentProfile(name=name, **entry) for name, entry in zip(given, made, strict=True))


def medians_of(inputs: Inputs) -> dict[str, float | None]:
    """Median of each feature among all customers of whom it is known; None where nobody's is."""
    return {feature.name: _median(inputs.values[:, place]) for place, feature in enumerate(inputs.features)}


def segment_map(scaling: Scaling, matrix: NDArray[np.float32], numbers: NDArray[np.int32], seed: int) -> SegmentMap:
    """The two principal components of all customers, and a sample of them, drawn by chance, on these."""
    mean = matrix.mean(axis=0, dtype=np.float64)
    squares = np.zeros((matrix.shape[1],) * 2)
    for start in range(0, len(matrix), 100_000):
        rows = matrix[start : start + 100_000] - mean
        squares += rows.T @ rows
    variances, directions = np.linalg.eigh(squares)
    order = np.argsort(variances)[::-1][:2]
    directions = directions[:, order] * np.sign(directions[np.abs(directions[:, order]).argmax(axis=0), order])
    shown = draw_rows(len(matrix), N_ON_MAP, seed)
    points = (matrix[shown] - mean) @ directions
    total = max(float(variances.sum()), np.finfo(float).tiny)
    first, second = (
        Axis(share=float(variances[place] / total), meaning=_axis_words(scaling.names, directions[:, nr]))
        for nr, place in enumerate(order)
    )
    return SegmentMap(
        x=tuple(points[:, 0].round(3).tolist()),
        y=tuple(points[:, 1].round(3).tolist()),
        no=tuple(numbers[shown].tolist()),
        axes=(first, second),
        n_customers=len(matrix),
    )


def _median(column: NDArray[np.float32]) -> float | None:
    known = column[np.isfinite(column)]
    return float(np.median(known)) if known.size else None


def _axis_words(names: tuple[str, ...], direction: NDArray[np.float64]) -> str:
    """The features with the largest loadings: "more Orders, less Usual gap"."""
    strongest = np.argsort(-np.abs(direction))[:N_AXIS_WORDS]
    said = []
    for place in strongest:
        label = feature_named(names[place]).label_within.replace(", ", " of the ")
        said.append(f"{'more' if direction[place] > 0 else 'less'} {label}")
    return ", ".join(said)
