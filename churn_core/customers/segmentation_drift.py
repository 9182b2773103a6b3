"""How segments move: customers from one to another between two dates, and a segment away from where it was fitted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from churn_core.customers.segmentation_inputs import feature_named
from churn_core.customers.segmentation_store import Segmentation
from churn_core.errors import NotFound

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from churn_core.warehouse import Warehouse

MOVED_FROM = 0.5
"""Robust units between the mean of a segment and the saved one from which it counts as moved."""
FAR_FROM = 1.0
"""From here on it counts as another."""
RESIZED_FROM = 0.25
"""Relative change of a segment's share of the customers that is worth a word."""


@dataclass(frozen=True, kw_only=True)
class Move:
    """Customers who were in one segment at a date and in another, or the same, at a later one."""

    from_no: int | None
    """Segment then; None for customers who were not eligible then."""
    to_no: int | None
    """Segment later; None for customers who are not eligible any more."""
    n_customers: int


@dataclass(frozen=True, kw_only=True)
class SegmentDrift:
    """One segment at a date against the day it was fitted."""

    no: int
    name: str
    n_then: int
    share_then: float
    """Part of all customers on the day of the fit."""
    n_now: int
    share_now: float
    distance: float | None
    """Distance of its mean from the saved one, in robust units over all features; None when empty."""
    state: str
    """steady, resized, moved, far or empty."""
    words: str
    """The same in a sentence."""


def at_fit(matrix: NDArray[np.float32], numbers: NDArray[np.int32], k: int) -> dict[str, Any]:
    """Sizes and means of the segments on the day of the fit, to be kept."""
    return as_kept(matrix, numbers, k)


def as_kept(matrix: NDArray[np.float32], numbers: NDArray[np.int32], k: int) -> dict[str, Any]:
    """Sizes and means of the segments at a date; the mean of an empty one is None."""
    sizes = np.bincount(numbers, minlength=k + 1)[1:]
    means = []
    for no in range(1, k + 1):
        own = matrix[numbers == no]
        means.append(own.mean(axis=0, dtype=np.float64).tolist() if len(own) else None)
    return {"n": sizes.tolist(), "mean": means}


def dates_of(warehouse: Warehouse, found: Segmentation) -> tuple[datetime, ...]:
    """Dates at which it is known who was where, oldest first."""
    rows = warehouse.rows(
        "SELECT DISTINCT as_of FROM segmentation_members WHERE segmentation_id = $id ORDER BY as_of",
        {"id": found.segmentation_id},
    )
    return tuple(row[0] for row in rows)


def moves(warehouse: Warehouse, segmentation_id: int, earlier: datetime, later: datetime) -> tuple[Move, ...]:
    """Who went where between two dates whose members are kept, the segments in order."""
    rows = warehouse.rows(
        "SELECT a.segment_no, b.segment_no, count(*) FROM (SELECT customer_id, segment_no FROM segmentation_members "
        "WHERE segmentation_id = $id AND as_of = $earlier) a FULL JOIN (SELECT customer_id, segment_no "
        "FROM segmentation_members WHERE segmentation_id = $id AND as_of = $later) b USING (customer_id) "
        "GROUP BY 1, 2 ORDER BY 1 NULLS LAST, 2 NULLS LAST",
        {"id": segmentation_id, "earlier": earlier, "later": later},
    )
    return tuple(Move(from_no=one, to_no=other, n_customers=n) for one, other, n in rows)


def drift(found: Segmentation, names: tuple[str, ...], as_of: datetime) -> tuple[SegmentDrift, ...]:
    """Every segment at a date against the day it was fitted; ``names`` are the features of the saved scaling."""
    now = found.summary["dates"].get(as_of.isoformat())
    if now is None:
        raise NotFound(f"nobody's segment on {as_of:%-d %b %Y} is known; choose another date.")
    then = found.summary["at_fit"]
    made = []
    for place, profile in enumerate(found.segments):
        made.append(
            _one(
                profile.no, profile.name, names,
                (then["n"][place], sum(then["n"]), then["mean"][place]),
                (now["n"][place], sum(now["n"]), now["mean"][place]),
            )
        )  # fmt: skip
    return tuple(made)


def _one(
    no: int, name: str, features: tuple[str, ...], then: tuple[int, int, Any], now: tuple[int, int, Any]
) -> SegmentDrift:
    share_then, share_now = then[0] / then[1], now[0] / max(now[1], 1)
    distance, steps = None, np.zeros(0)
    if then[2] is not None and now[2] is not None:
        steps = np.asarray(now[2]) - np.asarray(then[2])
        distance = float(np.sqrt((steps**2).sum()))
    is_resized = abs(share_now - share_then) >= max(RESIZED_FROM * share_then, 0.01)
    state = _state(now[0], distance, is_resized)
    return SegmentDrift(
        no=no, name=name, n_then=then[0], share_then=share_then, n_now=now[0], share_now=share_now,
        distance=distance, state=state, words=_words(state, share_then, share_now, is_resized, steps, features),
    )  # fmt: skip


def _state(n_now: int, distance: float | None, is_resized: bool) -> str:
    if n_now == 0:
        return "empty"
    if distance is not None and distance >= FAR_FROM:
        return "far"
    if distance is not None and distance >= MOVED_FROM:
        return "moved"
    return "resized" if is_resized else "steady"


def _words(
    state: str,
    share_then: float,
    share_now: float,
    is_resized: bool,
    steps: NDArray[np.float64],
    features: tuple[str, ...],
) -> str:
    if state == "empty":
        return "Nobody is in it any more; fit again when that is no passing thing."
    size = (
        f"it {'grew' if share_now > share_then else 'shrank'} from {100 * share_then:.1f} % to "
        f"{100 * share_now:.1f} % of the customers"
    )
    if state == "steady":
        return "As it was fitted."
    if state == "resized":
        return f"Its customers are as they were; {size}."
    place = int(np.abs(steps).argmax())
    strongest = f"{feature_named(features[place]).label} {steps[place]:+.1f} typical distances"
    start = "Its customers are others than it was named for" if state == "far" else "Its customers changed somewhat"
    said = f"{start}: most of all {strongest}"
    said += f"; {size}" if is_resized else ""
    return f"{said}; fit again and name it anew." if state == "far" else f"{said}."
