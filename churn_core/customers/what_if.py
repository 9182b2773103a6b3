"""What the model would say of a customer if something were different.

The same model, calibration and features as in the score, so with nothing moved the answer is the stored risk. What is
supposed are facts (:mod:`levers`), single numbers, or both; what follows from them is calculated, not guessed. It is
the model's answer, not a promise: only a campaign with a control group says what an action causes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import numpy as np

from churn_core.customers import levers, possible
from churn_core.customers.contradictions import Value
from churn_core.customers.levers import Facts
from churn_core.customers.possible import Seen, unheard_of
from churn_core.customers.subject import Subject, inputs, text_levels
from churn_core.errors import InputError, unknown_name
from churn_core.features.supposed import recalculated
from churn_core.models.estimators import sigmoid
from churn_core.models.families import CONSTANTS, MADE, family_of, feature_entry
from churn_core.models.preparation_unusual import UNUSUAL
from churn_core.models.snapshot_model import SnapshotModel

if TYPE_CHECKING:
    import pandas as pd

    from churn_core.models.estimators import Contributions
    from churn_core.warehouse import Transaction, Warehouse

SAME = 1e-4
"""Log-odds by which a score that is calculated again may differ from the stored one."""

CAVEAT = (
    "This is what the model would say of such a customer, not a promise of what an action does: customers who do this "
    "by themselves may differ from those who are led to it. A campaign with a control group measures that."
)


@dataclass(frozen=True, kw_only=True)
class Supposition:
    """What is supposed to be different; by default nothing."""

    facts: Facts = field(default_factory=Facts)
    """Things that happen; the features follow from them. For shops with orders only."""
    values: tuple[tuple[str, Value], ...] = ()
    """Single inputs with the value they are given, after the facts; what is calculated from them follows, all else
    stays as it is. None means not known."""

    @property
    def is_nothing(self) -> bool:
        """Whether all stays as it is."""
        return self.facts.is_nothing and not self.values


@dataclass(frozen=True, kw_only=True)
class InputChange:
    """One input of the model, before and after."""

    name: str
    before: Value
    after: Value
    contribution_before: float
    """Log-odds, against the average customer, as stored with the score."""
    contribution_after: float
    is_given: bool
    """Whether it was moved by itself; otherwise it follows."""

    @property
    def step(self) -> float:
        """What its change does to the log-odds."""
        return self.contribution_after - self.contribution_before


@dataclass(frozen=True, kw_only=True)
class WhatIf:
    """A customer's risk as it is and as it would be."""

    run_id: int
    model_version: int
    risk_before: float
    """As stored with the score."""
    risk_after: float
    log_odds_before: float
    log_odds_after: float
    changes: tuple[InputChange, ...]
    """Inputs whose value or contribution changes, the largest step first; the steps sum to the change of the
    log-odds."""
    unheard_of: tuple[str, ...]
    """A sentence for each value that lies outside of anything seen in the run."""
    held: tuple[str, ...]
    """Inputs moved by themselves that are calculated from others, which stay as they are."""

    @property
    def families(self) -> tuple[tuple[str, float], ...]:
        """Steps summed by family of features, the largest first; they sum to the change of the log-odds."""
        steps: dict[str, float] = {}
        for change in self.changes:
            steps[family_of(change.name)] = steps.get(family_of(change.name), 0.0) + change.step
        return tuple(sorted(steps.items(), key=lambda found: (-abs(found[1]), found[0])))


def what_if(
    warehouse: Warehouse, subject: Subject, supposed: Supposition, *, seen: Mapping[str, Seen] | None = None
) -> WhatIf:
    """The customer's risk if something were different.

    ``seen`` are the values of the customers of the run (:func:`possible.seen_values`), read when not given. InputError
    for what cannot be, in one sentence; NotFound for an input or a text that the model does not know; InputError when
    the data, or the churn definition, is no longer the one that was scored.
    """
    seen = possible.seen_values(warehouse, subject.run) if seen is None else seen
    before = subject.frame
    made = subject.model.contributions(before)
    _refuse_other_data(warehouse, subject, float(made.total()[0]))
    if supposed.is_nothing:
        return _answer(subject, before, before, made, made, supposed, seen)
    after = _supposed_inputs(warehouse, subject, supposed, seen)
    return _answer(subject, before, after, made, subject.model.contributions(after), supposed, seen)


def _supposed_inputs(
    warehouse: Warehouse, subject: Subject, supposed: Supposition, seen: Mapping[str, Seen]
) -> pd.DataFrame:
    """The inputs after the facts and the values that are supposed."""
    facts, run = supposed.facts, subject.run
    if facts.is_nothing:
        return _with_values(warehouse, subject, subject.frame, supposed, seen)
    if subject.definition is None or run.as_of is None:
        raise InputError("a labelled table holds no orders or visits to suppose; move values of its columns.")
    levers.refuse_impossible(
        facts, levers.room(warehouse, subject.customer_id, run.as_of, subject.definition.activity_days)
    )
    with warehouse.supposed() as tx:
        levers.suppose(tx, subject.customer_id, run.as_of, facts)
        # A transaction reads like a warehouse, and it alone sees what was supposed.
        reader = cast("Warehouse", tx)
        return _with_values(reader, subject, inputs(reader, subject), supposed, seen)


def _with_values(
    reader: Warehouse | Transaction,
    subject: Subject,
    frame: pd.DataFrame,
    supposed: Supposition,
    seen: Mapping[str, Seen],
) -> pd.DataFrame:
    """The inputs with single values replaced, and what is calculated from them calculated again."""
    moved = dict(supposed.values)
    for name, value in moved.items():
        _refuse_unknown(reader, subject, name, value)
    values = {**_values(frame), **moved}
    if not moved:
        return frame
    possible.refuse_impossible(values, moved, seen)
    numbers = {name: value for name, value in moved.items() if not isinstance(value, str)}
    if subject.definition is not None and subject.run.as_of is not None:
        moved |= recalculated(
            cast("Warehouse", reader), subject.run.as_of, subject.definition, subject.customer_id, numbers
        )
    own = subject.model.kinds if isinstance(subject.model, SnapshotModel) else {}
    made = frame.drop(columns=[name for name in MADE if name not in own], errors="ignore")
    for name, value in moved.items():
        if name in frame.columns:
            made[name] = _column(frame[name], value)
    return subject.completed(made)


def _column(like: pd.Series, value: Value) -> pd.Series:
    """One value as a column of the same kind."""
    import pandas as pd

    if isinstance(like.dtype, pd.CategoricalDtype):
        return pd.Series(pd.Categorical([value], categories=like.cat.categories), index=like.index)
    if like.dtype.kind in "biuf":
        return pd.Series([np.nan if value is None else value], index=like.index).astype(like.dtype)
    return pd.Series([value], index=like.index, dtype=object)


def _refuse_unknown(reader: Warehouse | Transaction, subject: Subject, name: str, value: Value) -> None:
    movable = [known for known in subject.run.feature_names if known not in CONSTANTS and known != UNUSUAL]
    if name not in movable:
        raise unknown_name("input", name, movable)
    levels = text_levels(cast("Warehouse", reader), subject, name)
    if levels is None and isinstance(value, str):
        raise InputError(f"{name!r} is to be {value!r}, and it holds numbers; give a number.")
    if levels is not None and value is not None and value not in levels:
        raise unknown_name(f"value of {name!r}:", str(value), levels)


def _refuse_other_data(warehouse: Warehouse, subject: Subject, log_odds: float) -> None:
    if warehouse.data_version != subject.data_version:
        raise InputError("data was imported after this customer was read; score the customers again, then ask what if.")
    if abs(log_odds - subject.log_odds) > SAME:
        then, now = 100 * subject.risk, 100 * float(sigmoid(np.array(log_odds)))
        raise InputError(
            f"the data is not the one that was scored any more (the risk was {then:.1f} % and would be {now:.1f} % "
            "now); score the customers again, then ask what if."
        )


def _values(frame: pd.DataFrame) -> dict[str, Value]:
    """The inputs of one customer; None where there is no value."""
    row = {}
    for name in frame.columns:
        value = frame[name].iloc[0]
        is_missing = value is None or value != value
        row[str(name)] = None if is_missing else value if isinstance(value, str) else float(value)
    return row


def _answer(
    subject: Subject,
    before: pd.DataFrame,
    after: pd.DataFrame,
    made: Contributions,
    moved: Contributions,
    supposed: Supposition,
    seen: Mapping[str, Seen],
) -> WhatIf:
    old, new = _values(before), _values(after)
    steps = moved.values[0] - made.values[0]
    given = dict(supposed.values)
    changes = [
        InputChange(
            name=name,
            before=old.get(name),
            after=new.get(name),
            contribution_before=subject.contributions[name],
            contribution_after=subject.contributions[name] + float(step),
            is_given=name in given,
        )
        for name, step in zip(made.feature_names, steps, strict=True)
        if step or old.get(name) != new.get(name)
    ]
    changes.sort(key=lambda change: (-abs(change.step), change.name))
    change = float(moved.total()[0] - made.total()[0])
    changed = [found.name for found in changes if found.before != found.after]
    log_odds = subject.log_odds + change
    return WhatIf(
        run_id=subject.run.run_id,
        model_version=subject.run.model_version,
        risk_before=subject.risk,
        risk_after=float(sigmoid(np.array(log_odds))) if change else subject.risk,
        log_odds_before=subject.log_odds,
        log_odds_after=log_odds,
        changes=tuple(changes),
        unheard_of=tuple(unheard_of(new, changed, seen, subject.run.n_customers)),
        held=tuple(name for name in given if _is_derived(name)),
    )


def _is_derived(name: str) -> bool:
    """Whether an input is calculated from others of the registry."""
    entry = feature_entry(name)
    return entry is not None and entry.is_derived
