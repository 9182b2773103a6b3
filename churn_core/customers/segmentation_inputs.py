"""What customers are divided by: the features to choose from, and their values as one matrix.

Separate from the division itself because the same values are read again for every later date. Orders give the features
of the registry, seen strictly before a cutoff; a labelled table gives its columns of numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from churn_core.customers.attributes import attribute_value, attributes
from churn_core.errors import InputError, NotEnoughData, unknown_name
from churn_core.features.attributes import PREFIX
from churn_core.features.build import build_features
from churn_core.features.definition import active_definition, known_until, propose_definition
from churn_core.features.feature import GROUPS
from churn_core.features.registry import FEATURES, available_features
from churn_core.timeline import ChurnDefinition
from churn_core.warehouse import Warehouse, utc_now

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

USUAL: tuple[str, ...] = (
    "days_since_last_order",
    "usual_gap_days",
    "n_order_days",
    "n_order_days_365",
    "spend_amount",
    "spend_amount_365",
    "mean_order_amount",
    "mean_items",
    "discounted_order_share",
    "discount_rate",
    "return_order_ratio",
    "n_categories",
)
"""What customers are divided by unless asked otherwise, as far as the data supports it."""

TABLE_GROUP = "columns"
"""Group of the columns of a labelled table."""
N_USUAL_COLUMNS = 12
N_MOST = 40
"""Features of one division; more would only blur distances."""


@dataclass(frozen=True, kw_only=True)
class SegmentFeature:
    """One thing customers can be divided by."""

    name: str
    label: str
    group: str
    """Key of the registry's groups, or TABLE_GROUP."""
    group_label: str
    unit: str
    """Key of the registry's units; empty for a column of a labelled table."""
    is_log: bool
    """Whether distances are taken on a logarithmic scale."""

    @property
    def label_within(self) -> str:
        """The label in the middle of a sentence; the name of a column stays as it is written."""
        return self.label if self.group == TABLE_GROUP else f"{self.label[:1].lower()}{self.label[1:]}"


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """Values of all eligible customers, ordered by customer id."""

    customer_ids: pd.Index
    values: NDArray[np.float32]
    """Customers by features, as they are; NaN where a value is missing."""
    features: tuple[SegmentFeature, ...]
    as_of: datetime
    """Cutoff; for a labelled table, when it was read (UTC)."""
    source: str
    """orders or snapshots."""


def source_of(warehouse: Warehouse) -> str:
    """Whether customers are divided by their orders or by a labelled table; NotEnoughData when there is neither."""
    has_orders = bool(warehouse.rows("SELECT 1 FROM orders LIMIT 1"))
    has_table = bool(warehouse.rows("SELECT 1 FROM snapshots LIMIT 1"))
    if not has_orders and not has_table:
        raise NotEnoughData("there are no customers to divide yet; import an order history or a labelled table first.")
    if has_orders and has_table:
        return str(warehouse.setting("source", "orders"))
    return "orders" if has_orders else "snapshots"


def segment_features(warehouse: Warehouse, source: str) -> tuple[SegmentFeature, ...]:
    """Everything the data offers to divide customers by, in the order of the registry or the table."""
    if source == "snapshots":
        found = [entry.name for entry in attributes(warehouse, source) if entry.is_number]
        return tuple(_column(name) for name in found)
    return tuple(_registered(feature.name) for feature in available_features(warehouse))


def chosen_names(
    offered: Sequence[SegmentFeature], *, groups: Sequence[str] = (), names: Sequence[str] = ()
) -> tuple[str, ...]:
    """The features of whole groups and by hand, in their usual order; the usual dozen when nothing is chosen.

    NotFound for a group or a feature that is not offered, InputError beyond N_MOST features.
    """
    known = [feature.name for feature in offered]
    known_groups = {feature.group for feature in offered}
    for group in groups:
        if group not in known_groups:
            raise unknown_name("group of features", group, known_groups)
    for name in names:
        if name not in known:
            raise unknown_name("feature", name, known)
    wanted = {*names, *(feature.name for feature in offered if feature.group in groups)}
    if not wanted:
        wanted = {*USUAL} if any(feature.unit for feature in offered) else {*known[:N_USUAL_COLUMNS]}
    chosen = tuple(name for name in known if name in wanted)
    if len(chosen) > N_MOST:
        raise InputError(f"{len(chosen)} features were chosen; choose at most {N_MOST}, or fewer groups.")
    if len(chosen) < 2:
        raise InputError(f"customers are divided by at least 2 features, and {len(chosen)} can be used; choose more.")
    return chosen


def read_inputs(warehouse: Warehouse, source: str, names: Sequence[str], *, as_of: datetime | None = None) -> Inputs:
    """The features of all eligible customers as of a cutoff (default: the end of the data).

    NotEnoughData when nobody is eligible. A feature that nobody has a value of any more is all NaN.
    """
    if source == "snapshots":
        return _table_inputs(warehouse, names)
    cutoff = as_of or known_until(warehouse)
    if cutoff is None:
        raise NotEnoughData("there are no orders yet; import an order history first.")
    frame = build_features(warehouse, cutoff, definition_of(warehouse), features=names)
    if not len(frame):
        raise NotEnoughData(f"no customer is eligible on {cutoff:%-d %b %Y}; choose a later day.")
    return Inputs(
        customer_ids=frame.index,
        values=frame[list(names)].to_numpy(dtype=np.float32),
        features=tuple(_registered(name) for name in names),
        as_of=cutoff,
        source=source,
    )


def definition_of(warehouse: Warehouse) -> ChurnDefinition:
    """The churn definition in force, which says who is eligible: the saved one, or the proposal."""
    return active_definition(warehouse) or propose_definition(warehouse).definition


def feature_named(name: str) -> SegmentFeature:
    """A feature by its name, as stored with a division."""
    return _column(name.removeprefix(PREFIX)) if name.startswith(PREFIX) else _registered(name)


def _table_inputs(warehouse: Warehouse, names: Sequence[str]) -> Inputs:
    columns: list[str] = []
    parameters: dict[str, object] = {}
    for nr, name in enumerate(names):
        value, own = attribute_value(name.removeprefix(PREFIX), "snapshots", f"column_{nr}")
        columns.append(f"CAST(try_cast({value} AS DOUBLE) AS FLOAT) AS column_{nr}")
        parameters |= own
    frame = warehouse.frame(
        f"SELECT customer_id, {', '.join(columns)} FROM snapshots ORDER BY customer_id", parameters
    ).set_index("customer_id")
    if not len(frame):
        raise NotEnoughData("there is no labelled table any more; import one first.")
    values = np.array(frame, dtype=np.float32)
    values[~np.isfinite(values)] = np.nan
    return Inputs(
        customer_ids=frame.index,
        values=values,
        features=tuple(feature_named(name) for name in names),
        as_of=utc_now().replace(microsecond=0),
        source="snapshots",
    )


def _registered(name: str) -> SegmentFeature:
    if name not in FEATURES:
        raise unknown_name("feature", name, FEATURES)
    feature = FEATURES[name]
    return SegmentFeature(
        name=name,
        label=feature.label,
        group=feature.group,
        group_label=GROUPS[feature.group],
        unit=feature.unit,
        is_log=feature.scale == "log",
    )


def _column(name: str) -> SegmentFeature:
    return SegmentFeature(
        name=PREFIX + name,
        label=name.replace("_", " "),
        group=TABLE_GROUP,
        group_label="Columns of the table",
        unit="",
        is_log=False,
    )
