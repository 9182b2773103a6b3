"""The fixed words of a model card, and how its numbers are written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from churn_core.models.evaluation import Metric

SOURCE_WORDS = {"orders": "an order history", "snapshots": "a table with one row and a label per customer"}

INTENDED_USE = (
    "To rank the customers of the shop whose data it learned from by their risk of leaving, so that people decide whom "
    "to contact first and with what. Risks are read beside their reasons and beside what the contact costs."
)
NOT_INTENDED = (
    "Not for decisions about a person without somebody who looks at them: credit, prices, work, access to a service.",
    "Not for another shop, another definition of churn, or customers unlike those it learned from.",
    "A risk is not an effect: it says who leaves, not who stays when contacted. Only a campaign with a control group "
    "says that.",
)
LIMITATIONS = (
    "Correlation, not cause: a reason says what the model reacts to, not what would change if it were changed.",
    "Right on average is not right in every group; check calibration where a decision hangs on one group.",
    "What shops do to keep customers is part of the past it learned from.",
    "It ages: watch drift and the predicted against what happened, and train again.",
)


ESTIMATOR_WORDS = {
    "blend": "Soft voting: equal shares of several estimators in log-odds, calibrated",
    "stacking": "Stacking: several estimators with learnt shares in log-odds, calibrated",
}
"""Estimators made of others, named by themselves; the registry names them beside those others."""
_VALUE_WORDS = {
    "kind": "How it is found",
    "factor": "Factor that corrects the level",
    "n_rows": "Rows learned from",
    "held_out: n_stayers": "Held out: customers who stayed",
    "held_out: predicted": "Held out: predicted",
    "held_out: actual": "Held out: what they brought",
    "held_out: ratio": "Held out: predicted for each 1 brought",
}


def value_rows(value: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """What is kept about the expected value, in words.

    >>> value_rows({"kind": "regression", "held_out": {"ratio": 1.25}})
    (('How it is found', 'regression'), ('Held out: predicted for each 1 brought', '1.25'))
    """
    flat = {key: entry for key, entry in value.items() if not isinstance(entry, Mapping)}
    flat |= {f"held_out: {key}": entry for key, entry in (value.get("held_out") or {}).items()}
    return tuple((words, _value(flat[key])) for key, words in _VALUE_WORDS.items() if flat.get(key) is not None)


def search_rows(search: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """What a search did, in words: how many tries, how long, how it ended, what it found.

    >>> search_rows({"n_tries": 8, "seconds": 83.5, "budget_seconds": 24.1, "was_stopped": True, "curve": []})
    (('Settings tried', '8'), ('Time used', '84 s'), ('Ended', 'stopped by a person; the best so far was kept'))
    """
    folds = search.get("folds") or []
    rows = [("Settings tried", str(search["n_tries"]) + (f", in {len(folds)} folds" if folds else ""))]
    rows.append(("Time used", f"{search['seconds']:.0f} s"))
    stopped = "stopped by a person; the best so far was kept"
    rows.append(("Ended", stopped if search.get("was_stopped") else "at the end of its budget"))
    for name, best in (search.get("best") or {}).items():
        words = name.replace("_", " ")
        settings = ", ".join(f"{key}: {entry}" for key, entry in flat_rows(best.get("settings") or {}))
        rows.append((f"Best settings of {words}", settings or "the usual ones"))
        if None not in (best.get("log_loss"), best.get("usual_log_loss")):
            losses = f"{best['log_loss']:.4f}, with the usual settings {best['usual_log_loss']:.4f}"
            rows.append((f"Log loss of {words}", losses))
    if folds:
        rows.append(("Best settings", "found in each fold for itself, so that no row judges what it helped to find"))
    return tuple(rows)


def moment_words(moment: datetime, *, day_only: bool = False) -> str:
    """A moment, to the minute or to the day.

    >>> moment_words(datetime(2011, 9, 2, 14, 5)), moment_words(datetime(2011, 9, 2), day_only=True)
    ('2 Sep 2011, 14:05', '2 Sep 2011')
    """
    day = f"{moment.day} {moment:%b %Y}"
    return day if day_only else f"{day}, {moment:%H:%M}"


def sampling_words(importance: Sequence[Mapping[str, Any]]) -> str:
    """Whether the contributions behind an order of inputs are exact, or sampled with which error.

    >>> sampling_words([{"name": "visits", "mean_absolute": 0.4}])
    'The contributions are exact.'
    >>> sampling_words([{"name": "visits", "mean_absolute": 0.4, "standard_error": 0.0312}])
    'The contributions are sampled: they add up exactly, single ones have a standard error of up to 0.031 log-odds.'
    """
    errors = [entry["standard_error"] for entry in importance if "standard_error" in entry]
    if not errors:
        return "The contributions are exact."
    return (
        "The contributions are sampled: they add up exactly, single ones have a standard error of up to "
        f"{max(errors):.2g} log-odds."
    )


def percent_words(share: float | None) -> str:
    """A share as percent.

    >>> percent_words(0.1234), percent_words(None)
    ('12.3 %', 'unknown')
    """
    return "unknown" if share is None else f"{100 * share:.1f} %"


def number_words(number: float | None) -> str:
    """A count.

    >>> number_words(12345), number_words(None)
    ('12,345', 'unknown')
    """
    return "unknown" if number is None else f"{number:,.0f}"


def interval_words(name: str, found: Metric) -> str:
    """A measure with its interval; precision as percent."""
    if name == "precision_top10":
        return f"{percent_words(found.value)} [{percent_words(found.low)}, {percent_words(found.high)}]"
    return f"{found.value:.4f} [{found.low:.4f}, {found.high:.4f}]"


def flat_rows(found: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    """Nested settings as rows of a name and a value.

    >>> flat_rows({"lightgbm": {"n_trees": 100, "weight": 0.51234567}, "members": ["a", "b"]})
    (('lightgbm: n trees', '100'), ('lightgbm: weight', '0.51235'), ('members', 'a, b'))
    """
    return tuple(_rows("", found))


def _rows(prefix: str, found: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for name, value in found.items():
        label = f"{prefix}{str(name).replace('_', ' ')}"
        if isinstance(value, Mapping):
            yield from _rows(f"{label}: ", value)
        elif isinstance(value, Sequence) and not isinstance(value, str):
            if any(isinstance(entry, Mapping | list) for entry in value):
                yield label, f"{len(value)} entries"
                continue
            yield label, ", ".join(_value(entry) for entry in value[:20]) + (", ..." if len(value) > 20 else "")
        elif value is not None:
            yield label, _value(value)


def _value(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.5g}"
    return str(value)
