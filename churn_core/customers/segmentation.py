"""Divide the customers into segments, keep how, and find everybody's segment again at any later date.

The one module that reads features, fits and writes; what it is made of is in the modules beside it. Later dates use the
saved scaling and centres, so that a segment means the same until somebody fits again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from churn_core.customers import segmentation_store as keep
from churn_core.customers.segmentation_choice import propose_k
from churn_core.customers.segmentation_drift import as_kept, at_fit
from churn_core.customers.segmentation_fit import METHODS, Division, assign, fit_division, require_distinct
from churn_core.customers.segmentation_inputs import (
    Inputs,
    chosen_names,
    definition_of,
    feature_named,
    read_inputs,
    segment_features,
    source_of,
)
from churn_core.customers.segmentation_match import match_again
from churn_core.customers.segmentation_profile import medians_of, segment_map, segment_profiles
from churn_core.customers.segmentation_scaling import Scaling, fit_scaling, scaled
from churn_core.customers.segmentation_store import Segmentation
from churn_core.errors import ChurnError, InputError, NotEnoughData, unknown_name
from churn_core.features.definition import known_until
from churn_core.features.labels import build_labels
from churn_core.jobs import Progress, no_progress, part
from churn_core.timeline import ChurnDefinition
from churn_core.warehouse import utc_now

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from churn_core.warehouse import Warehouse

SEED = 7


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What somebody wants to divide the customers by, and how."""

    name: str = "Segments"
    method: str = "kmeans"
    """Key of METHODS."""
    groups: tuple[str, ...] = ()
    """Whole groups of features."""
    features: tuple[str, ...] = ()
    """Features by hand; with no group either, the usual dozen."""
    k: int | None = None
    """Number of segments; None takes the proposal."""
    seed: int = SEED
    continues_id: int | None = None
    """Segmentation that is fitted again."""
    with_past: bool = True
    """Whether a date whose outcome is known is assigned as well, for the churn rate and the first movement."""


@dataclass(frozen=True, kw_only=True)
class Refreshed:
    """What finding the members of a segmentation again came to."""

    segmentation_id: int
    name: str
    as_of: datetime | None
    """Date they stand for; None where it failed."""
    n_customers: int
    is_new: bool
    """Whether anything was read; False where data and definition are as they were."""
    note: str = ""
    """Why it could not be done, or what was missing, in a sentence."""


def fit_segmentation(warehouse: Warehouse, asked: Asked, *, progress: Progress = no_progress) -> Segmentation:
    """Divide all eligible customers as they are known at the last day, and keep the division.

    InputError and NotFound for choices that do not exist, NotEnoughData for customers who cannot be divided that way.
    """
    if asked.method not in METHODS:
        raise unknown_name("method", asked.method, METHODS)
    data_version, source = warehouse.data_version, source_of(warehouse)
    names = chosen_names(segment_features(warehouse, source), groups=asked.groups, names=asked.features)
    progress(0.02, "features of all eligible customers")
    inputs = read_inputs(warehouse, source, names)
    scaling = fit_scaling(inputs)
    matrix = scaled(scaling, names, inputs.values)
    choice = None
    if asked.k is None:
        choice = propose_k(matrix, seed=asked.seed, progress=part(progress, 0.3, 0.55))
    k = asked.k if choice is None else choice.k
    assert k is not None
    require_distinct(matrix, k)
    progress(0.55, f"dividing {len(matrix):,} customers")
    division = fit_division(matrix, k, method=asked.method, seed=asked.seed)
    numbers, probability = assign(division, matrix)
    progress(0.7, "describing the segments")
    made = Segmentation(
        segmentation_id=0,
        name=asked.name,
        method=asked.method,
        made_at=utc_now(),
        made_by="",
        as_of=inputs.as_of,
        source=source,
        data_version=data_version,
        settings={"features": list(names), "k": k, "asked_k": asked.k, "seed": asked.seed},
        segments=segment_profiles(inputs, scaling, matrix, numbers, k, probability),
        summary={
            "n_customers": len(matrix),
            "choice": None if choice is None else asdict(choice),
            "medians": medians_of(inputs),
            "map": asdict(segment_map(scaling, matrix, numbers, asked.seed)),
            "notes": [*_scaling_notes(scaling, len(matrix)), *division.notes],
            "at_fit": at_fit(matrix, numbers, k),
            "dates": {},
        },
        continues_id=asked.continues_id,
    )
    del matrix
    past = _past(warehouse, scaling, division, inputs, part(progress, 0.75, 0.9)) if asked.with_past else None
    progress(0.92, "storing who is where")
    return _kept(warehouse, made, scaling, division, (inputs, numbers, probability), past)


def refresh_segmentations(warehouse: Warehouse, *, progress: Progress = no_progress) -> tuple[Refreshed, ...]:
    """Find the members of every segmentation again with its saved scaling and centres, where data changed since.

    One that cannot be assigned (its table is gone, say) keeps its members, and its note says why.
    """
    found = keep.segmentations(warehouse)
    made = []
    for place, one in enumerate(found):
        steps = part(progress, place / len(found), (place + 1) / len(found))
        try:
            made.append(_refreshed(warehouse, one, steps))
        except ChurnError as error:
            made.append(
                Refreshed(
                    segmentation_id=one.segmentation_id, name=one.name, as_of=None, n_customers=0, is_new=False,
                    note=str(error),
                )
            )  # fmt: skip
    return tuple(made)


def assign_at(warehouse: Warehouse, segmentation_id: int, as_of: datetime) -> int:
    """Where everybody was at an earlier date, with the saved scaling and centres; how many customers.

    InputError for a labelled table, which knows no dates, and for a date after the last day.
    """
    found = keep.segmentation(warehouse, segmentation_id)
    end = known_until(warehouse)
    if found.source != "orders" or end is None:
        raise InputError("a labelled table holds no history, so nobody's earlier segment can be told.")
    if as_of > end:
        raise InputError(f"orders are known until {end:%-d %b %Y}; choose a day up to then.")
    scaling, division = keep.rule_of(warehouse, segmentation_id)
    inputs = read_inputs(warehouse, "orders", scaling.names, as_of=as_of)
    matrix = scaled(scaling, scaling.names, inputs.values)
    numbers, probability = assign(division, matrix)
    with warehouse.transaction() as tx:
        keep.keep_members(tx, segmentation_id, as_of, inputs.customer_ids, numbers, probability)
        dates = {**found.summary["dates"], as_of.isoformat(): as_kept(matrix, numbers, division.k)}
        keep.add_to_summary(tx, segmentation_id, {"dates": dates})
        tx.audit("segmentation at a date", {"segmentation_id": segmentation_id, "as_of": as_of.isoformat()})
    return len(matrix)


def _refreshed(warehouse: Warehouse, found: Segmentation, progress: Progress) -> Refreshed:
    version = definition_of(warehouse).version if found.source == "orders" else 0
    state = {"data_version": warehouse.data_version, "definition_version": version}
    newest = max((datetime.fromisoformat(text) for text in found.summary["dates"]), default=found.as_of)
    if found.summary.get("refreshed") == state:
        return Refreshed(
            segmentation_id=found.segmentation_id, name=found.name, as_of=newest, n_customers=0, is_new=False
        )
    progress(0.0, f"segments of {found.name}")
    scaling, division = keep.rule_of(warehouse, found.segmentation_id)
    inputs = read_inputs(warehouse, found.source, scaling.names)
    matrix = scaled(scaling, scaling.names, inputs.values)
    numbers, probability = assign(division, matrix)
    unknown = [name for place, name in enumerate(scaling.names) if np.isnan(inputs.values[:, place]).all()]
    note = _unknown_note(unknown)
    with warehouse.transaction() as tx:
        keep.keep_members(tx, found.segmentation_id, inputs.as_of, inputs.customer_ids, numbers, probability)
        keep.publish_members(tx, found.segmentation_id, inputs.as_of)
        keep.forget_other_dates(tx, found.segmentation_id, inputs.as_of)
        dates = {**found.summary["dates"], inputs.as_of.isoformat(): as_kept(matrix, numbers, division.k)}
        keep.add_to_summary(tx, found.segmentation_id, {"dates": dates, "refreshed": state, "refresh_note": note})
        tx.audit(
            "segmentation refreshed",
            {"segmentation_id": found.segmentation_id, "as_of": inputs.as_of.isoformat(), "n": len(matrix)},
        )
    return Refreshed(
        segmentation_id=found.segmentation_id, name=found.name, as_of=inputs.as_of, n_customers=len(matrix),
        is_new=True, note=note,
    )  # fmt: skip


def _kept(
    warehouse: Warehouse,
    made: Segmentation,
    scaling: Scaling,
    division: Division,
    now: tuple[Inputs, NDArray[np.int32], NDArray[np.float32] | None],
    past: _Past | None,
) -> Segmentation:
    """Store the segmentation with its members now and in the past; continued segments keep the names given."""
    inputs, numbers, probability = now
    version = definition_of(warehouse).version if made.source == "orders" else 0
    dates: dict[str, Any] = {made.as_of.isoformat(): {**_of_fit(made)}}
    if past is not None:
        dates[past.as_of.isoformat()] = past.kept
    summary = {
        **made.summary,
        "dates": dates,
        "past": past and past.churned,
        "refreshed": {"data_version": made.data_version, "definition_version": version},
    }
    with warehouse.transaction() as tx:
        stored = keep.store(tx, replace(made, summary=summary), scaling, division)
        number = stored.segmentation_id
        keep.keep_members(tx, number, made.as_of, inputs.customer_ids, numbers, probability)
        if past is not None:
            keep.keep_members(tx, number, past.as_of, past.inputs.customer_ids, past.numbers, past.probability)
        keep.publish_members(tx, number, made.as_of)
        match_again(tx, stored)
        tx.audit("segmentation made", {"segmentation_id": number, "name": stored.name, "n": len(numbers)})
    return keep.segmentation(warehouse, number)


def _of_fit(made: Segmentation) -> dict[str, Any]:
    """The entry of the first date: nothing has moved yet."""
    stored = made.summary["at_fit"]
    return {"n": stored["n"], "mean": stored["mean"]}


@dataclass(frozen=True, kw_only=True)
class _Past:
    """Where customers were at a date whose outcome is known, and what became of them."""

    as_of: datetime
    inputs: Inputs
    numbers: NDArray[np.int32]
    probability: NDArray[np.float32] | None
    kept: dict[str, Any]
    churned: dict[str, Any]


def _past(
    warehouse: Warehouse, scaling: Scaling, division: Division, inputs: Inputs, progress: Progress
) -> _Past | None:
    """The newest date whose outcome is known; None for a labelled table and where orders do not reach back."""
    if inputs.source != "orders":
        return None
    definition = definition_of(warehouse)
    as_of = inputs.as_of - timedelta(days=definition.span_days)
    progress(0.0, f"segments of {as_of:%-d %b %Y}, to see who left since")
    try:
        before = read_inputs(warehouse, "orders", scaling.names, as_of=as_of)
    except NotEnoughData:
        return None
    matrix = scaled(scaling, scaling.names, before.values)
    numbers, probability = assign(division, matrix)
    return _Past(
        as_of=as_of,
        inputs=before,
        numbers=numbers,
        probability=probability,
        kept=as_kept(matrix, numbers, division.k),
        churned=_churned(warehouse, as_of, definition, before, numbers, division.k),
    )


def _churned(
    warehouse: Warehouse,
    as_of: datetime,
    definition: ChurnDefinition,
    before: Inputs,
    numbers: NDArray[np.int32],
    k: int,
) -> dict[str, Any]:
    import pandas as pd

    labels = build_labels(warehouse, as_of, definition, pd.DataFrame(index=before.customer_ids))
    churned = labels["churned"].to_numpy()
    return {
        "as_of": as_of.isoformat(),
        "horizon_days": definition.horizon_days,
        "n": np.bincount(numbers, minlength=k + 1)[1:].tolist(),
        "n_churned": np.bincount(numbers[churned], minlength=k + 1)[1:].tolist(),
    }


def _scaling_notes(scaling: Scaling, n: int) -> list[str]:
    """What happened to features that are constant or often missing, in sentences."""
    notes = []
    if scaling.dropped:
        labels = "; ".join(feature_named(name).label for name in scaling.dropped)
        notes.append(f"Left out, because the same for everybody: {labels}.")
    missing = [scale for scale in scaling.scales if scale.n_missing]
    if missing:
        told = "; ".join(f"{feature_named(scale.name).label} ({scale.n_missing:,} of {n:,})" for scale in missing)
        notes.append(f"Not known of everybody, the median stands in: {told}.")
    return notes


def _unknown_note(names: Sequence[str]) -> str:
    if not names:
        return ""
    labels = "; ".join(feature_named(name).label for name in names)
    return f"Nobody has a value any more, the saved median stands in: {labels}. Fit again without it."
