"""What every past buyer is expected to bring within a horizon: the method and the level chosen on past cutoffs.

Several ways to spread a total over customers are tried at past cutoffs whose horizons do not overlap, and the one
with the smallest error is used; so is the level. Where the history is too short for that, BG/NBD with Gamma-Gamma
answers from order dates and amounts alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from churn_core.errors import NotEnoughData
from churn_core.features.definition import first_cutoff
from churn_core.jobs import Progress, no_progress
from churn_core.models.worth_check import (
    LEAST_TO_JUDGE,
    HoldOut,
    date_checks,
    decile_correlation,
    deciles,
    scaled_error,
)
from churn_core.models.worth_level import (
    YEAR_DAYS,
    Level,
    Said,
    average_level,
    trust_in_season,
    year_average,
)
from churn_core.models.worth_period import GROSS, WorthPeriod, everybody, period_at, recent
from churn_core.models.worth_rhythm import HIGH, LOW, MIDDLE, ORDERS, SPEND, WorthRhythm, fit_rhythm
from churn_core.models.worth_trees import METHODS, N_SEEDS, WorthTrees
from churn_core.timeline import past_cutoffs

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from churn_core.warehouse import Warehouse

BLEND, RHYTHM = "blend", "bgnbd"
CANDIDATES = (*METHODS, BLEND, RHYTHM)
"""Ways to spread a total over customers that are tried against each other."""
N_PERIODS = 14
"""Past cutoffs, a month apart, that are learned from."""
STEP_DAYS = 30
N_SAMPLED = 20_000
"""Customers of one cutoff that are looked at; with more, a sample of them, the same at every cutoff."""
N_LEARNED = 70_000
"""Customers and cutoffs that trees are grown from."""
N_ROUNDS = 3
"""Past cutoffs, a horizon apart, that methods are compared at."""


@dataclass(frozen=True, kw_only=True)
class Round:
    """What the methods and the level rules would have said at a past cutoff, beside what came."""

    cutoff: datetime
    errors: dict[str, float]
    """Mean absolute error over the mean of each method, with the total set right."""
    said: Said
    """What past levels said about the level."""
    actual: float
    """The level that came."""


@dataclass(frozen=True, kw_only=True)
class WorthModel:
    """Fitted at a cutoff; says what customers bring within the horizon after it."""

    cutoff: datetime
    horizon_days: int
    what: str
    """spend (less returns where these are known), or orders where no amounts are known."""
    method: str
    """One of CANDIDATES."""
    level: Level
    """Of ``what``."""
    order_level: Level
    """Of order days; as much of last year's season is trusted as for ``what``."""
    year_level: float | None
    """Mean level of ``what`` over a year; None where no past is known."""
    rhythm: WorthRhythm
    trees: dict[str, WorthTrees] = field(default_factory=dict)
    rounds: tuple[Round, ...] = ()
    """Past cutoffs that method and level were chosen at; empty where there was none."""

    def past_ratios(self) -> list[float]:
        """Predicted over actual totals at the past cutoffs at which as much was known of the season as now."""
        known = [past for past in self.rounds if past.said.level(1.0).rule == self.level.rule]
        return [past.said.level(self.level.trust).ratio / past.actual for past in known]

    @property
    def is_learned(self) -> bool:
        """Whether outcomes of the past were learned from."""
        return bool(self.trees)

    def amounts(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """Expected spend of each customer (order days where no amounts are known)."""
        if not self.is_learned:
            return self.rhythm.expected(frame, self.what, self.horizon_days)
        made = shape_by(self.method, self.trees, self.rhythm, frame, self.what, self.horizon_days)
        return made * self._scale(frame, self.what, self.level, made)

    def orders(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """Expected order days of each customer."""
        if self.what == ORDERS:
            return self.amounts(frame)
        if ORDERS not in self.trees:
            return self.rhythm.expected_orders(frame, self.horizon_days)
        made = self.trees[ORDERS].shape(frame)
        return made * self._scale(frame, ORDERS, self.order_level, made)

    def _scale(self, frame: pd.DataFrame, what: str, level: Level, made: NDArray[np.float64]) -> float:
        total = float(self.rhythm.expected(frame, what, self.horizon_days).sum()) * level.ratio
        return total / max(float(made.sum()), 1e-12)


class History:
    """The past cutoffs of a shop, each read once."""

    def __init__(
        self, warehouse: Warehouse, horizon_days: int, as_of: datetime, *, progress: Progress = no_progress
    ) -> None:
        self.warehouse = warehouse
        self.horizon_days = horizon_days
        self.definition = everybody(horizon_days)
        self.first = first_cutoff(warehouse, self.definition)
        self._progress = progress
        self._n_steps = 0
        self._kept: dict[datetime, WorthPeriod] = {}
        self._rounds: dict[datetime, Round | None] = {}
        if self.first is None:
            raise NotEnoughData("there are no orders yet; import an order history first.")
        self.grid = past_cutoffs(
            first=self.first, known_until=as_of, definition=self.definition, step_days=STEP_DAYS,
            n_most=N_PERIODS + (N_ROUNDS + 1) * max(1, -(-horizon_days // STEP_DAYS)),
        )  # fmt: skip

    def period(self, cutoff: datetime) -> WorthPeriod:
        """A past cutoff."""
        if cutoff not in self._kept:
            self._step(f"customers as of {cutoff:%-d %b %Y}")
            self._kept[cutoff] = period_at(self.warehouse, cutoff, self.horizon_days, n_most=N_SAMPLED)
        return self._kept[cutoff]

    def _step(self, words: str) -> None:
        """Say what happens now; how many steps there will be is not known before, so the share only draws nearer."""
        self._n_steps += 1
        self._progress(self._n_steps / (self._n_steps + N_PERIODS), words)

    def known_at(self, cutoff: datetime) -> list[WorthPeriod]:
        """The past cutoffs whose horizon was over at a cutoff, the newest N_PERIODS of them, oldest first."""
        known = [past for past in self.grid if self.definition.outcome_known_at(past) <= cutoff]
        return [self.period(past) for past in known[-N_PERIODS:]]

    def last_year(self, cutoff: datetime, what: str) -> float | None:
        """The level a year before a cutoff; None where its horizon was not known by then."""
        before = cutoff - timedelta(days=YEAR_DAYS)
        if self.first is None or before < self.first or self.definition.outcome_known_at(before) > cutoff:
            return None
        return self.period(before).levels[what]

    def levels_at(self, cutoff: datetime, what: str) -> dict[datetime, float]:
        """The levels of the past cutoffs known at a cutoff."""
        found = {period.cutoff: period.levels[what] for period in self.known_at(cutoff)}
        return {past: level for past, level in found.items() if level is not None}

    def said_at(self, cutoff: datetime, what: str) -> Said:
        """What the past levels known at a cutoff say about the level to come."""
        average = average_level(list(self.levels_at(cutoff, what).values()))
        return Said(average=average, last_year=self.last_year(cutoff, what))

    def round_at(self, cutoff: datetime, what: str) -> Round | None:
        """What would have been said at a past cutoff; None where there was too little to learn from."""
        if cutoff not in self._rounds:
            self._step(f"trying the methods as of {cutoff:%-d %b %Y}")
            self._rounds[cutoff] = self._tried(cutoff, what)
        return self._rounds[cutoff]

    def rounds_before(self, cutoff: datetime, what: str) -> tuple[Round, ...]:
        """The newest rounds whose horizons were over at a cutoff and do not overlap, newest first."""
        made: list[Round] = []
        latest = cutoff
        for past in reversed(self.grid):
            if self.definition.outcome_known_at(past) > latest or len(made) == N_ROUNDS:
                continue
            found = self.round_at(past, what)
            latest = past
            if found is not None:
                made.append(found)
        return tuple(made)

    def _tried(self, cutoff: datetime, what: str) -> Round | None:
        target = self.period(cutoff)
        actual, rhythm = target.levels[what], target.rhythm
        known = self.known_at(cutoff)
        if actual is None or rhythm is None or not known or len(target.frame) < LEAST_TO_JUDGE:
            return None
        try:
            trees = grown(known, what)
        except NotEnoughData:
            return None
        came = target.outcome[what]
        errors = {
            method: scaled_error(shape_by(method, trees, rhythm, target.frame, what, self.horizon_days), came)
            for method in candidates(what)
        }
        return Round(cutoff=cutoff, errors=errors, said=self.said_at(cutoff, what), actual=actual)


def candidates(what: str) -> tuple[str, ...]:
    """The methods that are tried for spend; order days are counted by one kind of tree alone."""
    return CANDIDATES if what == SPEND else (METHODS[0], RHYTHM)


def grown(periods: Sequence[WorthPeriod], what: str, *, used: str | None = None) -> dict[str, WorthTrees]:
    """The trees of every method, learned from past cutoffs; where one is ``used``, its trees alone, from more seeds."""
    thinned = thin(periods)
    methods = METHODS if what == SPEND and used in (None, BLEND) else (used,) if used in METHODS else METHODS[:1]
    n_seeds = 1 if used in (None, RHYTHM) else N_SEEDS
    return {method: WorthTrees(method, what=what).fit(thinned, n_seeds=n_seeds) for method in methods}


def thin(periods: Sequence[WorthPeriod]) -> list[WorthPeriod]:
    """The same periods with so many customers that all of them stay within N_LEARNED rows."""
    step = max(1, -(-sum(len(period.frame) for period in periods) // N_LEARNED))
    return [
        WorthPeriod(
            cutoff=period.cutoff,
            horizon_days=period.horizon_days,
            frame=period.frame.iloc[::step],
            outcome={what: values[::step] for what, values in period.outcome.items()},
            days_to_next=period.days_to_next[::step],
            rhythm=period.rhythm,
            levels=period.levels,
        )
        for period in periods
    ]


def shape_by(
    method: str,
    trees: Mapping[str, WorthTrees],
    rhythm: WorthRhythm,
    frame: pd.DataFrame,
    what: str,
    horizon_days: int,
) -> NDArray[np.float64]:
    """What each customer brings in proportion to the others, by a method."""
    if method == RHYTHM:
        return rhythm.expected(frame, what, horizon_days)
    if method == BLEND:
        parts = [trees[name].shape(frame) for name in METHODS]
        return np.asarray(np.mean([part / max(float(part.sum()), 1e-12) for part in parts], axis=0))
    return trees[method].shape(frame)


def fit_worth(history: History, cutoff: datetime, frame: pd.DataFrame) -> WorthModel:
    """Everything that may be known at a cutoff, as a model of what comes after it; ``frame`` are its customers.

    NotEnoughData when nobody has ordered on a second day.
    """
    rhythm = fit_rhythm(frame)
    what = SPEND if rhythm.amounts is not None else ORDERS
    known = history.known_at(cutoff)
    try:
        rounds = history.rounds_before(cutoff, what)
        trees = grown(known, what, used=_chosen_method(rounds, what)) if known else {}
        if trees and what == SPEND:
            trees[ORDERS] = WorthTrees(ORDERS, what=ORDERS).fit(thin(known))
    except NotEnoughData:
        rounds, trees = (), {}
    levels = history.levels_at(cutoff, what) if trees else {}
    trust = trust_in_season([(past.said, past.actual) for past in rounds])
    return WorthModel(
        cutoff=cutoff,
        horizon_days=history.horizon_days,
        what=what,
        method=_chosen_method(rounds, what) if trees else RHYTHM,
        level=history.said_at(cutoff, what).level(trust) if trees else Said(average=None, last_year=None).level(0.0),
        order_level=history.said_at(cutoff, ORDERS).level(trust if trees else 0.0),
        year_level=year_average(levels),
        rhythm=rhythm,
        trees=trees,
        rounds=tuple(rounds),
    )


def judge_worth(model: WorthModel, target: WorthPeriod) -> HoldOut | None:
    """What a model of a past cutoff said beside what came; None where there are too few customers to judge."""
    if len(target.frame) < LEAST_TO_JUDGE:
        return None
    frame, what, days = target.frame, model.what, model.horizon_days
    said, came = model.amounts(frame), target.outcome[what]
    dates = {share: model.rhythm.next_order_days(frame, share) for share in (LOW, MIDDLE, HIGH)}
    groups = deciles(said, came)
    gross = target.outcome.get(GROSS) if what == SPEND else None
    return HoldOut(
        cutoff=target.cutoff,
        horizon_days=days,
        what=what,
        method=model.method,
        level_rule=model.level.rule,
        n_customers=len(frame),
        n_bought=int((target.outcome[ORDERS] > 0).sum()),
        predicted=float(said.sum()),
        actual=float(came.sum()),
        mae=float(np.abs(said - came).mean()),
        mae_same=float(np.abs(recent(frame, what, days) - came).mean()),
        mae_rhythm=float(np.abs(model.rhythm.expected(frame, what, days) - came).mean()),
        deciles=groups,
        decile_correlation=decile_correlation(groups),
        orders_predicted=float(model.orders(frame).sum()),
        orders_actual=float(target.outcome[ORDERS].sum()),
        dates=date_checks(dates, target.days_to_next, days),
        is_net=gross is not None,
        actual_gross=None if gross is None else float(gross.sum()),
        gross_correlation=None if gross is None else decile_correlation(deciles(said, gross)),
    )


def _chosen_method(rounds: Sequence[Round], what: str) -> str:
    """The method with the smallest mean error over the rounds; the first candidate where there was none."""
    names = candidates(what)
    if not rounds:
        return names[0]
    return min(names, key=lambda name: (np.mean([past.errors[name] for past in rounds]), names.index(name)))
