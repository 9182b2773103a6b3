"""Ways to spread a total over customers: trees, the mean of them, and a mix with what each customer spent themselves.

All of them answer with shares; how large the total is, is said elsewhere (``worth_level``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from churn_core.models.worth_period import YEAR_DAYS, WorthPeriod, last_season, recent
from churn_core.models.worth_rhythm import SPEND, WorthRhythm
from churn_core.models.worth_trees import METHODS, N_SEEDS, WorthTrees

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

BLEND, MIX, RHYTHM = "blend", "mix", "bgnbd"
CANDIDATES = (*METHODS, BLEND, MIX, RHYTHM)
"""Ways to spread a total over customers that are tried against each other."""
OWN_SHARES = {"horizon": 0.2, "year": 0.15}
"""Shares of the mix that follow each customer's spend in the last horizon and in the last year; trees say the rest."""
OF_LAST_SEASON = 0.5
"""Share of what a season adds that follows what each customer did in it a year ago; the rest is spread as ever."""
N_LEARNED = 70_000
"""Customers and cutoffs that trees are grown from."""


def candidates(what: str) -> tuple[str, ...]:
    """The methods that are tried for spend; order days are counted by one kind of tree alone."""
    return CANDIDATES if what == SPEND else (METHODS[0], RHYTHM)


def grown(
    periods: Sequence[WorthPeriod],
    what: str,
    *,
    used: str | None = None,
    look_up: Callable[[], None] | None = None,
) -> dict[str, WorthTrees]:
    """The trees of every method, learned from past cutoffs; where one is ``used``, its trees alone, from more seeds.

    In a shop with more customers than are learned from, one seed scatters little and is quicker. ``look_up`` is called
    now and then, and raises what should end it.
    """
    thinned = thin(periods)
    is_large = sum(len(period.frame) for period in periods) > N_LEARNED
    methods = METHODS if what == SPEND and used in (None, BLEND, MIX) else (used,) if used in METHODS else METHODS[:1]
    n_seeds = 1 if is_large or used in (None, RHYTHM) else N_SEEDS
    return {method: WorthTrees(method, what=what).fit(thinned, n_seeds=n_seeds, look_up=look_up) for method in methods}


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
    if method not in (BLEND, MIX):
        return trees[method].shape(frame)
    made = np.asarray(np.mean([_share(trees[name].shape(frame)) for name in METHODS], axis=0))
    if method == BLEND:
        return made
    own = {"horizon": recent(frame, what, horizon_days), "year": recent(frame, what, YEAR_DAYS)}
    known = {name: OWN_SHARES[name] for name, values in own.items() if values.sum() > 0}
    made *= 1.0 - sum(known.values())
    return np.asarray(made + sum(share * _share(own[name]) for name, share in known.items()))


def with_season(shape: NDArray[np.float64], frame: pd.DataFrame, what: str, added: float) -> NDArray[np.float64]:
    """Shares of a total of which the season adds a share: a part of that goes to those who bought in it a year ago.

    Whoever orders once a year, before Christmas, has been silent for long and is expected to bring little; what the
    season adds comes from them more than from those who order all the year round.
    """
    before, shape = _share(last_season(frame, what)), _share(shape)
    if not before.any():
        return shape
    return np.asarray(shape + OF_LAST_SEASON * added * (before - shape))


def _share(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of their total."""
    return np.asarray(values / max(float(values.sum()), 1e-12))
