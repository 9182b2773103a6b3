"""Which numbers can stand together: impossible ones are refused, unheard-of ones are let through with a warning.

Apart from the what-if because this is what is known about the meaning of features, and nothing about a model. Only what
somebody moved is judged: the data may hold oddities of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from churn_core.customers.contradictions import RECENCY, TENURE, Values, contradictions, shown
from churn_core.customers.profile import feature_label
from churn_core.errors import InputError
from churn_core.features.words import value_text
from churn_core.models.families import feature_entry

if TYPE_CHECKING:
    from churn_core.models.runs import ScoreRun
    from churn_core.warehouse import Warehouse

MOST_DAYS = 36_525
"""A hundred years: nothing in a shop is longer ago."""
_GAPS = frozenset({"mean_gap_days", "last_gap_days", "longest_gap_days"})
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
        elif value is None:
            _refuse_nothing(name, seen.get(name))
    for together in contradictions(values):
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
            given, low, high = (_told(name, number) for number in (value, found.low, found.high))
            if given not in (low, high):
                made.append(
                    f"{feature_label(name)} would be {given}; among the {n_customers:,} customers of this scoring it "
                    f"goes from {low} to {high}."
                )
    return made


def _told(name: str, value: float) -> str:
    """A value as its unit wants it; two that are told alike do not differ for a reader."""
    entry = feature_entry(name)
    if entry is None:
        return shown(value)
    text, noun = value_text(entry.unit, value), {"days": "day", "hours": "hour"}.get(entry.unit)
    return text if noun is None else f"{text} {noun if text == '1' else f'{noun}s'}"


def _refuse_nothing(name: str, seen: Seen | None) -> None:
    entry = feature_entry(name)
    is_always_known = entry is not None and (entry.unit == "count" or name in (RECENCY, TENURE))
    if is_always_known and seen is not None and not seen.has_missing:
        raise InputError(f"{feature_label(name)} is to be unknown, and it is known of everybody; give a number.")


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
    if entry.unit == "days" and value > MOST_DAYS:
        raise InputError(f"{label} is to be {value:,.0f}, and that is more than a hundred years; give fewer days.")
    if name in _GAPS and value < 1:
        raise InputError(f"{label} is to be {value:g}, and two order days lie at least a day apart; give 1 or more.")
