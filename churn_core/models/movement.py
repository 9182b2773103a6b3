"""Why a risk moved between two scorings: time, behaviour and model, as shares that add up exactly.

A risk is an answer R[model, state]. Three states of the same customer are looked at: *then* (as known at the earlier
cutoff), *aged* (at the later cutoff, as if nothing had happened since) and *now* (as known at the later cutoff). From
the earlier model then to the later model now there are several ways; each way changes one thing at a time, and each
part gets the average of what it did on all of them. That is the Shapley value of the parts where some have to come
before others (Faigle & Kern, 1992): time passes before behaviour in it can happen, the model may change at any point.

Inside a step the change is shared among the inputs by the straight way between the two states in contributions
(Aumann & Shapley, 1974), which gives each input its change of the contribution times one factor for all.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    import pandas as pd

    from churn_core.models.estimators import Contributions

Which = Literal["earlier", "later"]
State = Literal["then", "aged", "now"]
Name = Literal["time", "behaviour", "model"]
Order = tuple[Name, ...]

ORDERS: tuple[Order, ...] = (
    ("model", "time", "behaviour"),
    ("time", "model", "behaviour"),
    ("time", "behaviour", "model"),
)
"""Every order in which time comes before behaviour."""
MODEL_FIRST = ORDERS[:1]
"""The order that asks the earlier model for its own answer alone."""
MODEL_LAST = ORDERS[2:]
"""The order that asks the later model for its own answer alone."""
WITHOUT_TIME: tuple[Order, ...] = (("model", "behaviour"), ("behaviour", "model"))
"""The orders of a table that has no time."""


class Model(Protocol):
    """What can be asked: anything that explains its log-odds."""

    def contributions(self, frame: pd.DataFrame) -> Contributions:
        """Contributions that sum to the calibrated log-odds."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one model says of the customer in one state."""

    risk: float
    log_odds: float
    contributions: Mapping[str, float] = field(default_factory=dict)
    """By input, in log-odds; empty where only the stored answer is known."""
    is_sampled: bool = False
    """Whether the contributions are estimates; risk and log-odds never are."""


@dataclass(frozen=True, kw_only=True)
class Share:
    """What one part did to the risk."""

    risk_change: float
    """In risk: 0.05 are five points."""
    log_odds_change: float
    by_input: Mapping[str, float]
    """Change of the risk by input; empty where it is not known. For time and behaviour they sum to the change."""


Answers = Mapping[tuple[Which, State], Answer]


def ask(model: Model, frame: pd.DataFrame) -> Answer:
    """The model's answer on the one row of a frame."""
    made = model.contributions(frame)
    log_odds = float(made.total()[0])
    values = dict(zip(made.feature_names, (float(value) for value in made.values[0]), strict=True))
    return Answer(
        risk=risk_of(log_odds),
        log_odds=log_odds,
        contributions=values,
        is_sampled=made.standard_error is not None,
    )


def risk_of(log_odds: float) -> float:
    """Probability from log-odds.

    >>> risk_of(0.0)
    0.5
    """
    return 0.5 * (1.0 + math.tanh(0.5 * log_odds))


def shares(answers: Answers, orders: Sequence[Order] = ORDERS) -> dict[Name, Share]:
    """What each part did, averaged over the orders; the changes sum to the difference of the two ends exactly.

    ``answers`` holds what the orders come by: for all three, both models in all three states.

    >>> def of(risk): return Answer(risk=risk, log_odds=math.log(risk / (1 - risk)))
    >>> answers = {("earlier", "then"): of(0.2), ("earlier", "aged"): of(0.5), ("earlier", "now"): of(0.4),
    ...            ("later", "then"): of(0.3), ("later", "aged"): of(0.6), ("later", "now"): of(0.5)}
    >>> {name: round(share.risk_change, 6) for name, share in shares(answers).items()}
    {'model': 0.1, 'time': 0.3, 'behaviour': -0.1}
    """
    found: dict[Name, list[Share]] = {}
    for order in orders:
        which: Which = "earlier"
        state: State = "then"
        for name in order:
            before = answers[which, state]
            if name == "model":
                which = "later"
            else:
                state = "aged" if name == "time" else "now"
            found.setdefault(name, []).append(_step(before, answers[which, state]))
    return {name: _mean(steps) for name, steps in found.items()}


def _step(before: Answer, after: Answer) -> Share:
    names = {*before.contributions, *after.contributions} if before.contributions and after.contributions else set()
    change, stretched = after.risk - before.risk, after.log_odds - before.log_odds
    # The slope of the risk along the way; where the way has no length, that of the point itself.
    factor = change / stretched if abs(stretched) > 1e-9 else before.risk * (1.0 - before.risk)
    return Share(
        risk_change=change,
        log_odds_change=stretched,
        by_input={
            name: factor * (after.contributions.get(name, 0.0) - before.contributions.get(name, 0.0)) for name in names
        },
    )


def _mean(steps: Sequence[Share]) -> Share:
    n = len(steps)
    names = {name for step in steps for name in step.by_input}
    return Share(
        risk_change=math.fsum(step.risk_change for step in steps) / n,
        log_odds_change=math.fsum(step.log_odds_change for step in steps) / n,
        by_input={name: math.fsum(step.by_input.get(name, 0.0) for step in steps) / n for name in sorted(names)},
    )
