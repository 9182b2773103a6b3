"""What should be known about customers who are scored but unlike those a model learned from, in sentences.

Scoring never changes its meaning silently: unseen categories, inputs that lost their values and customers without
any history are scored as well as can be, and the run says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from churn_core.features.registry import FEATURES
from churn_core.models.population import describe_categories, new_categories, single
from churn_core.stats.columns import is_number

if TYPE_CHECKING:
    import pandas as pd

EMPTY_FROM = 0.999
"""Missing share from which an input has no values."""
FILLED_BELOW = 0.95
"""Missing share in training below which an input had values."""
TENURE = "days_since_first_order"
"""Input that says how long somebody has been a customer."""
MOST_NAMED = 3


def scoring_notes(frame: pd.DataFrame, population: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Notes on the customers about to be scored; none for a model that did not keep whom it learned from."""
    if not population:
        return ()
    notes = [_empty_note(frame, population), *_category_notes(frame, population), _history_note(frame, population)]
    return tuple(note for note in notes if note)


def category_counts(frame: pd.DataFrame) -> dict[str, Any]:
    """Shares of the categories of each column that is not a number: score runs keep numbers only by themselves."""
    made = {}
    for name in frame.columns:
        if not is_number(frame[name]):
            made[str(name)] = {**describe_categories(frame[name]), "names": None}
    return made


def _empty_note(frame: pd.DataFrame, population: Mapping[str, Any]) -> str:
    """Inputs without a value for anybody that had values in training."""
    empty = [
        (described["missing_share"], str(name))
        for name, described in [*population["numbers"].items(), *population["categories"].items()]
        if name in frame.columns
        and described["missing_share"] < FILLED_BELOW
        and frame[name].isna().mean() >= EMPTY_FROM
    ]
    if not empty:
        return ""
    empty.sort()
    named = ", ".join(_label(name) for _, name in empty[:MOST_NAMED])
    more = f" and {len(empty) - MOST_NAMED} more" if len(empty) > MOST_NAMED else ""
    verb = "has" if len(empty) == 1 else "have"
    filled = 100 * (1 - empty[0][0])
    return (
        f"{named}{more} {verb} no value for anybody, though {filled:.0f} % of customers had one when the "
        "model was made: these risks rest on the rest; check the import."
    )


def _category_notes(frame: pd.DataFrame, population: Mapping[str, Any]) -> list[str]:
    """Categories that were not there in training."""
    notes = []
    for name, described in population["categories"].items():
        if name not in frame.columns or is_number(frame[name]):
            continue
        new = new_categories(described, frame[name])
        if not len(new):
            continue
        shown = ", ".join(f"'{level:.40}'" for level in new.index[:MOST_NAMED])
        more = f" and {len(new) - MOST_NAMED} more" if len(new) > MOST_NAMED else ""
        n_customers = int(new.sum())
        who = "1 customer has" if n_customers == 1 else f"{n_customers:,} customers have"
        notes.append(
            f"{who} a value of {_label(name)} that the model never saw ({shown}{more}) and are scored like its rare "
            "values."
        )
    return notes


def _history_note(frame: pd.DataFrame, population: Mapping[str, Any]) -> str:
    """Whether nobody has been a customer for as long as nearly everybody in training."""
    described = population["numbers"].get(TENURE)
    if described is None or TENURE not in frame.columns or not described["quantiles"]:
        return ""
    known = single(frame[TENURE])
    known = known[~np.isnan(known)]
    least = described["quantiles"][len(described["quantiles"]) // 20]
    if not len(known) or known.max() >= least:
        return ""
    return (
        f"All customers are new: the longest known one first ordered {known.max():.0f} days ago; when the model "
        f"was made 95 % had been known for more than {least:.0f} days, so the model has seen hardly anybody like them; "
        "take the risks as rough until they have a history."
    )


def _label(name: str) -> str:
    return f"'{FEATURES[name].label}'" if name in FEATURES else f"'{name.removeprefix('attribute:')}'"
