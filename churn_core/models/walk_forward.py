"""Learning as it would have been at a cutoff: members, weights and season from what was known by then.

Used twice, with the same code: to judge (at cutoffs whose outcome is known by now) and to make the model that
scores (at the present). Members are judged on cutoffs they could not have seen, and their weights come from there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from churn_core.jobs import Progress, no_progress, part
from churn_core.models.bgnbd import BgNbd
from churn_core.models.blend import EXPECTED, Blend
from churn_core.models.calibration import Weights, fit_votes, fit_weights, level_of
from churn_core.models.estimators import Estimator
from churn_core.models.periods import (
    Period,
    fit_rhythm,
    learnt_by,
    order_ratio,
    stacked,
)
from churn_core.models.recipe import ORDER_LEARNERS, Recipe
from churn_core.models.season import PastLevel, Season, fit_season

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from churn_core.timeline import ChurnDefinition
    from churn_core.warehouse import Warehouse

DAYS_OF_A_YEAR = 364
"""52 weeks, so that weekdays fall on weekdays."""
LEAST_ROWS = 200
"""Rows with both outcomes that a learner needs."""


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """Members fitted on what was known at a cutoff, and where they were fitted."""

    cutoff: datetime
    members: Mapping[str, Estimator]
    rhythm: BgNbd
    periods: tuple[Period, ...]
    """The periods they learnt from."""


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Rows of past cutoffs that learners may learn from at a cutoff."""

    frame: pd.DataFrame
    """Features that vary within a cutoff, and the expected orders."""
    churned: NDArray[np.bool_]
    rhythm: BgNbd


@dataclass(frozen=True, kw_only=True)
class Unseen:
    """Raw log-odds of each member at a cutoff it could not have learnt from."""

    cutoff: datetime
    log_odds: Mapping[str, NDArray[np.float64]]
    churned: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What is made of the members at a cutoff."""

    blends: Mapping[str, Blend]
    """Every candidate, calibrated, ready to answer."""
    chosen: str
    """The candidate of least log loss on unseen cutoffs known by then, each left out in turn."""
    weights: Mapping[str, Weights]
    """Weights of each candidate, learnt on those cutoffs; empty when there were none."""
    unseen_loss: Mapping[str, float] = field(default_factory=dict)
    """Log loss of each candidate at those cutoffs, each with weights learnt on the others and its own level."""
    season: Mapping[str, Season] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class WalkForward:
    """Everything that learning at cutoffs needs from a workspace."""

    warehouse: Warehouse
    definition: ChurnDefinition
    periods: Sequence[Period]
    seed: int
    recipe: Recipe = field(default_factory=Recipe)
    """What is tried."""
    only_rhythm: bool = False
    """Whether the purchase model alone is used, where outcomes are too few to learn from."""
    ratios: dict[tuple[datetime, bool], float | None] = field(default_factory=dict)
    """Order ratios of the shop asked for so far, by cutoff and whether its window had ended."""

    def fit(self, cutoff: datetime, progress: Progress = no_progress) -> Fitted:
        """Fit every member on what was known at a cutoff."""
        known = [period for period in learnt_by(self.periods, cutoff, self.definition) if period.has_both]
        progress(0.0, f"purchase model as of {cutoff:%-d %b %Y}")
        rows = None if self.only_rhythm else self.rows_at(cutoff)
        rhythm = rows.rhythm if rows else fit_rhythm(self.warehouse, self.definition, cutoff)
        members: dict[str, Estimator] = {"bgnbd": rhythm}
        if rows is not None:
            names = ("recency", *self.recipe.learners(ORDER_LEARNERS))
            for position, name in enumerate(names):
                progress(0.2 + 0.8 * position / len(names), f"{name} as of {cutoff:%-d %b %Y}")
                members[name] = self.recipe.make(name).fit(rows.frame, rows.churned, seed=self.seed)
        return Fitted(cutoff=cutoff, members=members, rhythm=rhythm, periods=tuple(known))

    def rows_at(self, cutoff: datetime) -> Rows | None:
        """What learners may learn from at a cutoff; None where too few outcomes were known there."""
        known = [period for period in learnt_by(self.periods, cutoff, self.definition) if period.has_both]
        if sum(len(period.churned) for period in known) < LEAST_ROWS:
            return None
        rhythm = fit_rhythm(self.warehouse, self.definition, cutoff)
        frame, churned, _ = stacked(known)
        frame = frame[_varying(known)]
        return Rows(frame=frame.assign(**{EXPECTED: rhythm.expected(frame)}), churned=churned, rhythm=rhythm)

    def unseen(self, fitted: Fitted, period: Period) -> Unseen:
        """What the members say about a period they could not have learnt from."""
        frame = period.frame.assign(**{EXPECTED: fitted.rhythm.expected(period.frame)})
        return Unseen(
            cutoff=period.cutoff,
            log_odds={name: member.log_odds(frame) for name, member in fitted.members.items()},
            churned=period.churned,
        )

    def choose(self, fitted: Fitted, seen: Sequence[Unseen]) -> Choice:
        """Weights from unseen cutoffs whose outcome was known by then, level and season from all periods."""
        usable = [
            entry
            for entry in seen
            if self.definition.outcome_known_at(entry.cutoff) <= fitted.cutoff
            and fitted.members.keys() <= entry.log_odds.keys()
            and entry.churned.any()
            and not entry.churned.all()
        ]
        members_of = _candidates(fitted)
        weights = {name: _weights(name, members, usable) for name, members in members_of.items()} if usable else {}
        losses = {name: _unseen_loss(name, members, usable) for name, members in members_of.items()} if usable else {}
        chosen = min(losses, key=lambda name: losses[name]) if losses else list(members_of)[-1]
        raw = self._raw(fitted)
        blends, seasons = {}, {}
        for name, members in members_of.items():
            slopes = weights[name].slopes if weights else tuple(1.0 / len(members) for _ in members)
            seasons[name] = self._season(fitted, _combined(raw, members, slopes))
            blends[name] = Blend(
                members=[fitted.members[member] for member in members],
                slopes=slopes,
                level=seasons[name].level,
                season=seasons[name].offset if seasons[name].last_year_ratio is not None else None,
                rhythm=fitted.rhythm if any(EXPECTED in fitted.members[m].feature_names for m in members) else None,
            )
        return Choice(blends=blends, chosen=chosen, weights=weights, unseen_loss=losses, season=seasons)

    def _raw(self, fitted: Fitted) -> list[dict[str, NDArray[np.float64]]]:
        return [dict(self.unseen(fitted, period).log_odds) for period in fitted.periods]

    def _season(self, fitted: Fitted, combined: Sequence[NDArray[np.float64]]) -> Season:
        if not fitted.periods:
            return Season(level=0.0, level_error=0.0, reason="no outcome is known yet, so the level is not calibrated.")
        past = [
            PastLevel(
                cutoff=period.cutoff,
                level=level_of(log_odds, period.churned),
                ratio=self._ratio(period.cutoff, fitted.cutoff),
            )
            for log_odds, period in zip(combined, fitted.periods, strict=True)
        ]
        a_year_ago = fitted.cutoff - timedelta(days=DAYS_OF_A_YEAR)
        return fit_season(past, self._ratio(a_year_ago, fitted.cutoff), horizon_days=self.definition.horizon_days)

    def _ratio(self, cutoff: datetime, known_at: datetime) -> float | None:
        """The shop's order ratio at a cutoff as known at another, asked of the database once."""
        key = (cutoff, self.definition.outcome_known_at(cutoff) <= known_at)
        if key not in self.ratios:
            self.ratios[key] = order_ratio(self.warehouse, self.definition, cutoff, known_at=known_at)
        return self.ratios[key]


def walk(
    forward: WalkForward, cutoffs: Sequence[datetime], progress: Progress = no_progress
) -> list[tuple[Fitted, Unseen]]:
    """Fit at each cutoff with what was known then and see what the members say about that cutoff's customers."""
    by_cutoff = {period.cutoff: period for period in forward.periods}
    made = []
    for number, cutoff in enumerate(cutoffs):
        steps = part(progress, number / len(cutoffs), (number + 1) / len(cutoffs))
        fitted = forward.fit(cutoff, steps)
        if fitted.periods or forward.only_rhythm:
            made.append((fitted, forward.unseen(fitted, by_cutoff[cutoff])))
    return made


def _candidates(fitted: Fitted) -> dict[str, tuple[str, ...]]:
    """The members of each candidate that can be made; the last one is preferred when nothing can be judged."""
    learners = tuple(name for name in fitted.members if name not in ("recency", "bgnbd"))
    if not learners:
        return {"bgnbd": ("bgnbd",)}
    everybody = ("bgnbd", *learners)
    single = {name: (name,) for name in ("recency", *everybody)}
    return {**single, "stacking": everybody, "blend": everybody}


def _weights(candidate: str, members: Sequence[str], usable: Sequence[Unseen]) -> Weights:
    log_odds = np.concatenate([np.column_stack([entry.log_odds[m] for m in members]) for entry in usable])
    churned = np.concatenate([entry.churned for entry in usable])
    number = np.repeat(np.arange(len(usable)), [len(entry.churned) for entry in usable])
    return (fit_votes if candidate == "blend" else fit_weights)(log_odds, churned, number)


def _unseen_loss(candidate: str, members: Sequence[str], usable: Sequence[Unseen]) -> float:
    """Mean log loss over the cutoffs, each with weights from the others; the level is given, as to everybody."""
    total, n_rows = 0.0, 0
    for entry in usable:
        others = [other for other in usable if other is not entry]
        slopes = _weights(candidate, members, others).slopes if others else tuple(1.0 / len(members) for _ in members)
        combined = _combined([entry.log_odds], members, slopes)[0]
        combined = combined + level_of(combined, entry.churned)
        total += float((np.logaddexp(0.0, combined) - entry.churned * combined).sum())
        n_rows += len(combined)
    return total / n_rows


def _combined(
    raw: Sequence[Mapping[str, NDArray[np.float64]]], members: Sequence[str], slopes: Sequence[float]
) -> list[NDArray[np.float64]]:
    return [np.asarray(sum(slope * answers[m] for m, slope in zip(members, slopes, strict=True))) for answers in raw]


def _varying(periods: Sequence[Period]) -> list[str]:
    """Features that differ between customers of one cutoff; a constant per cutoff only tells the cutoffs apart."""
    names = list(periods[0].frame.columns)
    return [
        name
        for name in names
        if all(name in period.frame.columns for period in periods)
        and any(period.frame[name].nunique(dropna=False) > 1 for period in periods)
    ]
