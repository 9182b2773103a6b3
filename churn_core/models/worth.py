"""What every past buyer is expected to bring within a horizon: the method and the level chosen on past cutoffs.

Several ways to spread a total over customers are tried at past cutoffs whose horizons do not overlap, and the one
with the smallest error is used; so is the level. Where the history is too short for that, BG/NBD with Gamma-Gamma
answers from order dates and amounts alone.
"""

from __future__ import annotations

from collections.abc import Sequence
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
    mean_interval,
    scaled_error,
)
from churn_core.models.worth_level import (
    Level,
    Said,
    average_level,
    both_readings,
    shop_season,
    trust_in_season,
    year_average,
)
from churn_core.models.worth_period import (
    GROSS,
    NEWCOMERS,
    YEAR_DAYS,
    WorthPeriod,
    everybody,
    period_at,
    plain_features,
    recent,
    shop_within,
)
from churn_core.models.worth_rhythm import HIGH, LOW, MIDDLE, ORDERS, SPEND, WorthRhythm, fit_rhythm
from churn_core.models.worth_shapes import RHYTHM, candidates, grown, shape_by, thin, with_season
from churn_core.models.worth_trees import WorthTrees
from churn_core.models.worth_typical import WorthTypical
from churn_core.timeline import past_cutoffs

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from churn_core.warehouse import Warehouse

N_PERIODS = 14
"""Past cutoffs, a month apart, that are learned from."""
STEP_DAYS = 30
N_SAMPLED = 20_000
"""Customers of one cutoff that are looked at; with more, a sample of them, the same at every cutoff."""
N_ROUNDS = 3
"""Past cutoffs, a horizon apart, that methods are compared at."""
LEAST_ALIKE = 2
"""Past cutoffs with the same knowledge of the season that an interval is read from."""
STEADY = 0.2
"""Newcomers now over those a year ago above which the shop's sales a year ago may speak of a season: in a shop that
wins nobody any more they speak of what it has lost."""


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
    typical: WorthTypical | None = None
    """Medians; None where they were not asked for or nothing was learned."""
    rounds: tuple[Round, ...] = ()
    """Past cutoffs that method and level were chosen at; empty where there was none."""

    def past_ratios(self) -> list[float]:
        """Predicted over actual totals at the past cutoffs at which as much was known of the season as now; at all of
        them where there are too few of these."""
        known = [past for past in self.rounds if past.said.level(1.0).rule == self.level.rule]
        if len(known) < LEAST_ALIKE:
            known = list(self.rounds)
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
        return self._spread(made, frame, self.what, self.level)

    def orders(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """Expected order days of each customer."""
        if self.what == ORDERS:
            return self.amounts(frame)
        if ORDERS not in self.trees:
            return self.rhythm.expected_orders(frame, self.horizon_days)
        return self._spread(self.trees[ORDERS].shape(frame), frame, ORDERS, self.order_level)

    def _spread(self, shape: NDArray[np.float64], frame: pd.DataFrame, what: str, level: Level) -> NDArray[np.float64]:
        """The total at a level, spread over the customers."""
        total = float(self.rhythm.expected(frame, what, self.horizon_days).sum()) * level.ratio
        return total * with_season(shape, frame, what, level.added)


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
        self._n_steps, self._doing = 0, "reading the past"
        self.as_of = as_of
        self._kept: dict[datetime, WorthPeriod] = {}
        self._plain: dict[datetime, WorthPeriod] = {}
        self._rounds: dict[datetime, Round | None] = {}
        self._shop: dict[datetime, dict[str, float]] = {}
        self.start = warehouse.value("SELECT min(order_time) FROM orders")
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

    def plain(self, cutoff: datetime) -> WorthPeriod:
        """A past cutoff with what BG/NBD and Gamma-Gamma need alone."""
        if cutoff in self._kept:
            return self._kept[cutoff]
        if cutoff not in self._plain:
            self.look_up()
            asked = plain_features(self.warehouse)
            self._plain[cutoff] = period_at(self.warehouse, cutoff, self.horizon_days, n_most=N_SAMPLED, features=asked)
        return self._plain[cutoff]

    def _step(self, words: str) -> None:
        """Say what happens now; how many steps there will be is not known before, so the share only draws nearer."""
        self._n_steps, self._doing = self._n_steps + 1, words
        self.look_up()

    def look_up(self) -> None:
        """Say again what happens, so that work that is to stop does so in the middle of a step."""
        self._progress(self._n_steps / (self._n_steps + N_PERIODS), self._doing)

    def known_at(self, cutoff: datetime) -> list[WorthPeriod]:
        """The past cutoffs whose horizon was over at a cutoff, the newest N_PERIODS of them, oldest first."""
        known = [past for past in self.grid if self.definition.outcome_known_at(past) <= cutoff]
        return [self.period(past) for past in known[-N_PERIODS:]]

    def last_year(self, cutoff: datetime, what: str) -> float | None:
        """The level a year before a cutoff; None where its horizon was not known by then."""
        before = cutoff - timedelta(days=YEAR_DAYS)
        if self.first is None or before < self.first or self.definition.outcome_known_at(before) > cutoff:
            return None
        return self.plain(before).levels[what]

    def shop(self, cutoff: datetime) -> dict[str, float]:
        """What the whole shop sold within the horizon after a cutoff."""
        if cutoff not in self._shop:
            self._shop[cutoff] = shop_within(self.warehouse, cutoff, self.horizon_days)
        return self._shop[cutoff]

    def season(self, cutoff: datetime, what: str) -> float | None:
        """The level of the coming season as the whole shop's sales a year ago show it; None where they cannot."""
        before = cutoff - timedelta(days=YEAR_DAYS)
        if before < self.start or self.definition.outcome_known_at(before) > cutoff:
            return None
        now, then = self.shop(cutoff - timedelta(days=self.horizon_days)), self.shop(before)
        if now[NEWCOMERS] <= STEADY * then[NEWCOMERS]:
            return None
        levels = self.levels_at(cutoff, what)
        return shop_season(list(levels.values()), [self.shop(past)[what] for past in levels], then[what])

    def levels_at(self, cutoff: datetime, what: str) -> dict[datetime, float]:
        """The levels of the past cutoffs known at a cutoff."""
        found = {period.cutoff: period.levels[what] for period in self.known_at(cutoff)}
        return {past: level for past, level in found.items() if level is not None}

    def said_at(self, cutoff: datetime, what: str) -> Said:
        """What the past levels known at a cutoff say about the level to come."""
        average = average_level(list(self.levels_at(cutoff, what).values()))
        own = self.last_year(cutoff, what)
        history_days = (cutoff - timedelta(days=YEAR_DAYS) - self.start).days
        season = self.season(cutoff, what) if own is None or history_days < YEAR_DAYS else None
        return Said(
            average=average,
            last_year=both_readings(own, season, history_days),
            is_of_shop=own is None and season is not None,
        )

    def round_at(self, cutoff: datetime, what: str) -> Round | None:
        """What would have been said at a past cutoff; None where there was too little to learn from."""
        if cutoff not in self._rounds:
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
        self._step(f"trying the methods as of {cutoff:%-d %b %Y}")
        try:
            trees = grown(known, what, look_up=self.look_up)
        except NotEnoughData:
            return None
        came = target.outcome[what]
        errors = {
            method: scaled_error(shape_by(method, trees, rhythm, target.frame, what, self.horizon_days), came)
            for method in candidates(what)
        }
        return Round(cutoff=cutoff, errors=errors, said=self.said_at(cutoff, what), actual=actual)


def fit_worth(history: History, cutoff: datetime, frame: pd.DataFrame, *, with_typical: bool = False) -> WorthModel:
    """Everything that may be known at a cutoff, as a model of what comes after it; ``frame`` are its customers.

    NotEnoughData when nobody has ordered on a second day.
    """
    typical = None
    rhythm = fit_rhythm(frame)
    what = SPEND if rhythm.amounts is not None else ORDERS
    known = history.known_at(cutoff)
    try:
        rounds = history.rounds_before(cutoff, what)
        used = _chosen_method(rounds, what)
        trees = grown(known, what, used=used, look_up=history.look_up) if known else {}
        if trees and what == SPEND:
            trees[ORDERS] = WorthTrees(ORDERS, what=ORDERS).fit(thin(known), look_up=history.look_up)
            typical = WorthTypical().fit(thin(known), look_up=history.look_up) if with_typical else None
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
        typical=typical,
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
    others = (recent(frame, what, days), model.rhythm.expected(frame, what, days))
    error, *simple = (np.abs(answer - came) for answer in (said, *others))
    middle = model.typical.amounts(frame, model.level.ratio) if model.typical is not None else None
    missed = None if middle is None else np.abs(middle - came)
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
        mae=float(error.mean()),
        mae_same=float(simple[0].mean()),
        mae_rhythm=float(simple[1].mean()),
        gain_same=mean_interval(simple[0] - error),
        gain_rhythm=mean_interval(simple[1] - error),
        mae_typical=None if missed is None else float(missed.mean()),
        typical_gain_same=None if missed is None else mean_interval(simple[0] - missed),
        typical_gain_rhythm=None if missed is None else mean_interval(simple[1] - missed),
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
