"""Which numbers can stand together: impossible ones are refused, unheard-of ones are let through with a warning.

Apart from the what-if because this is what is known about the meaning of features, and nothing about a model. Only what
somebody moved is judged: the data may hold oddities of its own.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from churn_core.customers.profile import feature_label
from churn_core.errors import InputError
from churn_core.models.families import feature_entry

if TYPE_CHECKING:
    from churn_core.models.runs import ScoreRun
    from churn_core.warehouse import Warehouse

Value = float | str | None
Values = Mapping[str, Value]

RECENCY, TENURE = "days_since_last_order", "days_since_first_order"
_WINDOW = re.compile(r"(?P<stem>.+)_(?P<days>\d+)$")
_NOT_NEGATIVE = frozenset({"count", "days", "hours", "share", "flag", "currency"})


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What values a feature has among the customers of a run."""

    low: float
    high: float
    is_whole: bool
    """Whether all are whole numbers."""
    has_missing: bool
    """Whether it is unknown for somebody."""


def seen_values(warehouse: Warehouse, run: ScoreRun) -> dict[str, Seen]:
    """What values each feature of a run has; texts, and features nobody has a value of, are left out.

    Reads the run in batches, once: keep the answer.
    """
    n_features = len(run.feature_names)
    low, high = np.full(n_features, np.nan), np.full(n_features, np.nan)
    is_whole, has_missing = np.ones(n_features, dtype=bool), np.zeros(n_features, dtype=bool)
    sql = "SELECT feature_values FROM contributions WHERE run_id = $run_id"
    for batch in warehouse.arrow_batches(sql, {"run_id": run.run_id}, n_rows=50_000):
        values = batch.column(0).flatten().to_numpy(zero_copy_only=False).reshape(batch.num_rows, n_features)
        low, high = np.fmin(low, np.fmin.reduce(values)), np.fmax(high, np.fmax.reduce(values))
        missing = np.isnan(values)
        has_missing |= missing.any(axis=0)
        is_whole &= ((values == np.round(values)) | missing).all(axis=0)
    return {
        name: Seen(low=float(low[i]), high=float(high[i]), is_whole=bool(is_whole[i]), has_missing=bool(has_missing[i]))
        for i, name in enumerate(run.feature_names)
        if not np.isnan(low[i])
    }


def refuse_impossible(values: Values, moved: Collection[str], seen: Mapping[str, Seen]) -> None:
    """InputError, in one sentence, when a moved value cannot be, by itself or beside the others."""
    for name in moved:
        value = values[name]
        if isinstance(value, float | int):
            _refuse_number(name, float(value), seen.get(name))
    for together in (*_windows(values), *_order_of_time(values)):
        if not moved or together.names & set(moved):
            raise InputError(together.words)


def unheard_of(values: Values, changed: Collection[str], seen: Mapping[str, Seen], n_customers: int) -> list[str]:
    """A sentence for each changed value that no customer of the run has anything like."""
    made = []
    for name in changed:
        value, found = values.get(name), seen.get(name)
        if isinstance(value, str) or found is None:
            continue
        if value is None:
            if not found.has_missing:
                made.append(f"{feature_label(name)} is known of all {n_customers:,} customers of this scoring.")
        elif not found.low <= np.float32(value) <= found.high:
            made.append(
                f"{feature_label(name)} would be {value:,.4g}; among the {n_customers:,} customers of this scoring it "
                f"goes from {found.low:,.4g} to {found.high:,.4g}."
            )
    return made


@dataclass(frozen=True, kw_only=True)
class _Contradiction:
    names: frozenset[str]
    words: str


def _refuse_number(name: str, value: float, seen: Seen | None) -> None:
    entry, label = feature_entry(name), feature_label(name)
    if not np.isfinite(value):
        raise InputError(f"{label} is to be {value}; give a finite number.")
    if entry is None:
        if seen is not None and seen.is_whole and value != round(value):
            raise InputError(f"{label} is to be {value:g}, and it holds whole numbers only; give one.")
        if seen is not None and seen.is_whole and seen.low >= 0 > value:
            raise InputError(f"{label} is to be {value:g}, and it is never negative; give a number from 0 on.")
        return
    if entry.unit == "count" and value != round(value):
        raise InputError(f"{label} is to be {value:g}, and it counts things; give a whole number.")
    if entry.unit == "flag" and value not in (0, 1):
        raise InputError(f"{label} is to be {value:g}, and it is yes or no; give 1 or 0.")
    if entry.unit == "share" and not 0 <= value <= 1 and not (seen is not None and seen.high > 1):
        raise InputError(f"{label} is to be {value:g}, and it is a part of a whole; give a number from 0 to 1.")
    if entry.unit in _NOT_NEGATIVE and value < 0 and not (seen is not None and seen.low < 0):
        raise InputError(f"{label} is to be {value:g}, and it cannot be negative; give a number from 0 on.")


def _windows(values: Values) -> Iterator[_Contradiction]:
    """Counts and amounts of a shorter window that pass those of a longer one, the whole past being the longest."""
    families: dict[str, list[tuple[int, str]]] = {}
    for name in values:
        match, entry = _WINDOW.match(name), feature_entry(name)
        if match and entry is not None and entry.unit in ("count", "currency") and not entry.is_derived:
            families.setdefault(match["stem"], []).append((int(match["days"]), name))
    for stem, windows in families.items():
        whole = [(10**6, stem)] if stem in values else []
        ordered = [name for _, name in sorted([*windows, *whole])]
        for shorter, longer in itertools.pairwise(ordered):
            few, many = _number(values, shorter), _number(values, longer)
            if few is not None and many is not None and few > many + 0.005:
                yield _Contradiction(
                    names=frozenset({shorter, longer}),
                    words=f"{feature_label(shorter)} would be {few:,.4g} and {feature_label(longer)} {many:,.4g}, and "
                    "the shorter time lies within the longer; raise the one or lower the other.",
                )


def _order_of_time(values: Values) -> Iterator[_Contradiction]:
    """Recency, tenure, windows and spend that contradict each other."""
    recency, tenure = _number(values, RECENCY), _number(values, TENURE)
    if recency is not None and tenure is not None and recency > tenure:
        yield _Contradiction(
            names=frozenset({RECENCY, TENURE}),
            words=f"the last order would be {recency:,.0f} days ago and the first {tenure:,.0f}; the last cannot lie "
            "before the first.",
        )
    n_days, n_orders = _number(values, "n_order_days"), _number(values, "n_orders")
    if n_days is not None and n_orders is not None and n_days > n_orders:
        yield _Contradiction(
            names=frozenset({"n_order_days", "n_orders"}),
            words=f"there would be {n_orders:,.0f} orders on {n_days:,.0f} days; every day needs an order of its own.",
        )
    for name in values:
        match = _WINDOW.match(name)
        if match and match["stem"] == "n_order_days":
            yield from _of_window(values, name, int(match["days"]), recency)


def _of_window(values: Values, name: str, days: int, recency: float | None) -> Iterator[_Contradiction]:
    n_days, spend = _number(values, name), _number(values, f"spend_amount_{days}")
    if n_days is None:
        return
    if recency is not None and (n_days > 0) != (recency <= days):
        can = "cannot hold an order day" if n_days else "cannot be without one"
        yield _Contradiction(
            names=frozenset({name, RECENCY}),
            words=f"with the last order {recency:,.0f} days ago, the last {days} days {can}; suppose an order or more "
            "days of silence instead, which move all of these numbers together.",
        )
    if n_days == 0 and spend is not None and spend > 0:
        yield _Contradiction(
            names=frozenset({name, f"spend_amount_{days}"}),
            words=f"there would be no order in the last {days} days and {spend:,.2f} spent in them; move both.",
        )


def _number(values: Values, name: str) -> float | None:
    value = values.get(name)
    return None if value is None or isinstance(value, str) else float(value)
