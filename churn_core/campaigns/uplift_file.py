"""Who responds, from the file of any finished experiment: one row per customer with arm, outcome, and what was known.

A column that came after the draw must not be learnt from: it would know the outcome. Columns named like outcomes, and
columns that hold something only where the outcome does, are left out unless they are named.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from churn_core.campaigns.experiment_file import ExperimentFile
from churn_core.campaigns.experiment_guess import guess_experiment
from churn_core.campaigns.uplift_learners import Trial
from churn_core.errors import InputError, NotEnoughData, unknown_name
from churn_core.intake.source import Source, SourceColumn
from churn_core.intake.values import boolean_sql, number_sql

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

MOST_DISTINCT = 1_000
"""Different texts above which a column says who somebody is rather than what they are like."""


@dataclass(frozen=True, kw_only=True)
class FileTrial:
    """One treatment of an experiment's file against its control."""

    trial: Trial
    features: tuple[str, ...]
    """Columns learnt from."""
    left_out: tuple[tuple[str, str], ...]
    """Columns that were not, with the reason."""


def file_trial(
    source: Source,
    *,
    arm: str,
    control: str,
    treatment: str | None = None,
    outcome: str,
    features: Sequence[str] = (),
    leave_out: Sequence[str] = (),
) -> FileTrial:
    """The rows of the two arms; InputError for a column or an arm that is not there, NotEnoughData without features."""
    for name in (arm, outcome, *features, *leave_out):
        source.column(name)
    treatment = _treatment(ExperimentFile(source=source, arm=arm).counts(), control, treatment)
    is_rate = ExperimentFile(source=source, arm=arm).kind_of(outcome) == "rate"
    chosen, left_out = _chosen(source, arm, outcome, features, leave_out)
    frame = _frame(source, arm, outcome, chosen, (control, treatment), is_rate=is_rate)
    values = frame.pop("outcome").to_numpy(dtype=float)
    if np.isnan(values).any():
        raise InputError(
            f"column {outcome!r} is empty or no number in {int(np.isnan(values).sum()):,} rows; write 0 where nothing "
            "happened, because everybody who was assigned is counted."
        )
    treated = (frame.pop("arm") == treatment).to_numpy(dtype=bool)
    frame.columns = [column.name for column in chosen]
    for name in [] if features else list(frame.columns):
        if _follows(frame[name], values):
            frame = frame.drop(columns=name)
            left_out.append((name, "it holds something only where the outcome does, so it came after the draw"))
    if not len(frame.columns):
        raise NotEnoughData("no column is left to learn from; name what was known before the draw with --feature.")
    return FileTrial(
        trial=Trial(
            frame=frame,
            outcome=values,
            treated=treated,
            propensity=np.full(len(values), float(treated.mean())),
            is_rate=is_rate,
        ),
        features=tuple(str(name) for name in frame.columns),
        left_out=tuple(left_out),
    )


def _treatment(counts: dict[str, int], control: str, treatment: str | None) -> str:
    if control not in counts:
        raise unknown_name("arm", control, counts)
    others = [name for name in counts if name != control]
    if not others:
        raise InputError(f"all rows are in arm {control!r}; without a treatment there is no effect to learn.")
    if treatment is None and len(others) > 1:
        raise InputError(f"there are {len(others)} treatments; choose one with --treatment: {', '.join(others)}.")
    chosen = treatment or others[0]
    if chosen not in others:
        raise unknown_name("treatment", chosen, others)
    return chosen


def _chosen(
    source: Source, arm: str, outcome: str, features: Sequence[str], leave_out: Sequence[str]
) -> tuple[list[SourceColumn], list[tuple[str, str]]]:
    """Columns to learn from, and those that are not with the reason."""
    taken = {arm, outcome, *leave_out}
    if features:
        wrong = [name for name in features if name in taken]
        if wrong:
            raise InputError(f"column {wrong[0]!r} is the arm, the outcome or left out; it cannot be learnt from.")
        return [source.column(name) for name in features], []
    guess = guess_experiment(source)
    chosen, left_out = [], []
    for column in source.columns:
        if column.name in taken:
            continue
        if column.name in guess.outcomes:
            left_out.append((column.name, "it is named like an outcome"))
        elif column.name == guess.customer_id or (column.is_unique and column.kind in ("integer", "text")):
            left_out.append((column.name, "it says who the customer is"))
        elif column.kind in ("empty", "date") or (column.kind == "text" and column.n_distinct > MOST_DISTINCT):
            left_out.append((column.name, "it holds dates, too many different texts, or nothing"))
        else:
            chosen.append(column)
    if not chosen:
        raise NotEnoughData("no column is left to learn from; name what was known before the draw with --feature.")
    return chosen, left_out


def _frame(
    source: Source,
    arm: str,
    outcome: str,
    chosen: Sequence[SourceColumn],
    arms: tuple[str, str],
    *,
    is_rate: bool,
) -> pd.DataFrame:
    def number(key: str) -> str:
        read = number_sql(f"trim({key})", source.decimal)
        return f"CASE WHEN isfinite({read}) THEN {read} END"

    asked: list[str] = []
    for place, column in enumerate(chosen):
        is_number = column.kind in ("integer", "number")
        asked.append(f"{number(column.key) if is_number else f'trim({column.key})'} AS f{place}")
    key = source.column(outcome).key
    value = f"CAST({boolean_sql(f'trim({key})')} AS DOUBLE)" if is_rate else number(key)
    parameters: dict[str, Any] = {"control": arms[0], "treatment": arms[1]}
    drawn = f"trim({source.column(arm).key})"
    return source.reader.frame(
        f"SELECT {drawn} AS arm, {value} AS outcome, {', '.join(asked)} FROM {source.rows_sql()} "
        f"WHERE {drawn} IN ($control, $treatment) ORDER BY line",
        parameters,
    )


def _follows(values: pd.Series, outcome: NDArray[np.float64]) -> bool:
    """Whether a number is not zero only where there is an outcome: then it is a part of it."""
    if values.dtype.kind not in "fiu":
        return False
    holds = np.nan_to_num(values.to_numpy(dtype=float)) != 0
    return bool(holds.any() and not (holds & (outcome == 0)).any() and (outcome == 0).any())
