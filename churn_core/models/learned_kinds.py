"""Inputs that changed their kind since training: numbers that became words, or words that became numbers.

Separate from preparation because every estimator is concerned alike, and because scoring must say it before any of
them reads a word as a missing number or a number as a word it never saw.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from churn_core.errors import InputError
from churn_core.features.attributes import PREFIX
from churn_core.stats.columns import is_number

if TYPE_CHECKING:
    import pandas as pd


def require_kinds(frame: pd.DataFrame, population: Mapping[str, Any] | None) -> None:
    """InputError for an input whose kind is not that of training; nothing for a model that did not keep its kinds."""
    for name in (population or {}).get("numbers", {}):
        if name in frame.columns and not is_number(frame[name]):
            known = frame[name].dropna()
            if len(known):
                raise _changed(name, "numbers", f"words such as {known.iloc[0]!r}")
    for name in (population or {}).get("categories", {}):
        if name in frame.columns and is_number(frame[name]) and frame[name].notna().any():
            raise _changed(name, "words", "numbers only")


def _changed(name: str, learned: str, now: str) -> InputError:
    return InputError(
        f"{name.removeprefix(PREFIX)!r} held {learned} when the model was trained and holds {now} now; correct the "
        "attribute, or train again."
    )
