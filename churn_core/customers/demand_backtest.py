"""Which way of foreseeing weeks to use: each is asked at past weeks, with nothing but what was known then.

The yardstick is the same week a year ago; whatever does not beat it is not used. Separate from the methods, which
know nothing of past and future, and from the workspace: weekly numbers in, a choice with its evidence out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from churn_core.customers.demand_methods import CANDIDATES, METHODS, SAME_WEEK, Ahead, Method

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

LEAST_WEEKS = 12
"""Complete weeks of history without which nothing is foreseen."""
MOST_ORIGINS = 10
LEAST_PAST = 8
"""Weeks that must lie before a week at which methods are asked."""
LEVELS = (0.8, 0.95)
MOST_WIDENING = 3.0
MOST_NEEDED = 400
"""Weeks of history that any method needs at most."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """How one method did at past weeks."""

    name: str
    label: str
    meaning: str
    n_origins: int
    """Past weeks at which it was asked; 0 where the history is too short for it."""
    n_weeks: int
    """Weeks foreseen in all, of which the shares below are shares."""
    error_share: float | None
    """Sum of absolute errors over the sum of what came (weighted absolute percentage error)."""
    against_same_week: float | None
    """Its mean absolute error over that of the same week last year at the same weeks; below 1 is better."""
    total_error_share: float | None
    """The same with the total of each past window in place of its weeks."""
    total_against_same_week: float | None
    """Its error in totals over that of the same week last year; below 1 is better."""
    total_ratio: float | None
    """Sum of what was said over the sum of what came."""
    held_80: float | None
    held_95: float | None
    """Share of weeks within the interval that the method gave, before it was widened."""
    reason: str
    """Why there are no numbers; empty where there are."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The method to use, and why."""

    name: str
    """Of the method; a key of METHODS."""
    rows: tuple[Judged, ...]
    """The same week last year first, then the others from best to worst; those that could not be asked last."""
    widening: float
    """By how much intervals are made wider than the method says, so that they would have held in the past."""
    n_origins: int
    window_weeks: int
    """Weeks foreseen at each past week."""

    @property
    def method(self) -> Method:
        """The method itself."""
        return METHODS[self.name]

    @property
    def row(self) -> Judged:
        """How the chosen method did."""
        return next(row for row in self.rows if row.name == self.name)

    @property
    def is_yardstick(self) -> bool:
        """Whether nothing beat the same week last year."""
        return self.name == SAME_WEEK.name


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """One method at one past week, beside what came."""

    origin: int
    ahead: Ahead
    came: Numbers

    @property
    def error(self) -> float:
        return float(np.abs(self.ahead.centre - self.came).sum())

    @property
    def total_error(self) -> float:
        return abs(float((self.ahead.centre - self.came).sum()))

    def held(self, level: float) -> NDArray[np.bool_]:
        low, high = self.ahead.interval(level)
        return np.asarray((self.came >= low - 1e-9) & (self.came <= high + 1e-9))

    @property
    def stretch(self) -> Numbers:
        """How many times the 80 % interval would have to be as wide to hold each week, on square roots."""
        low, high = (np.sqrt(bound) for bound in self.ahead.interval(LEVELS[0]))
        return np.abs(np.sqrt(self.came) - np.sqrt(self.ahead.centre)) / np.maximum((high - low) / 2, 1e-9)


def origins(n_known: int, n_weeks: int) -> tuple[list[int], int]:
    """Past weeks at which methods are asked, oldest first, and how many weeks each answers for.

    The window is the weeks asked for, in a short history a quarter of it; windows end where the history ends and
    begin a third of a window apart, so ten of twelve weeks reach back about a year.

    >>> origins(104, 12)
    ([56, 60, 64, 68, 72, 76, 80, 84, 88, 92], 12)
    >>> origins(12, 12)
    ([8, 9], 3)
    """
    window = max(1, min(n_weeks, n_known // 4))
    step = max(1, window // 3)
    last = n_known - window
    found = [last - number * step for number in range(MOST_ORIGINS)]
    return sorted(origin for origin in found if origin >= LEAST_PAST), window


def asked_at(values: Numbers, origin: int, window: int, method: Method) -> Ahead | None:
    """What a method would have said with the first ``origin`` weeks known; None where these are too few for it."""
    return foreseen(values[:origin], window, method)


def foreseen(past: Numbers, n_weeks: int, method: Method) -> Ahead | None:
    """What a method says after these weeks; None where they are too few, or where its fit goes astray."""
    if len(past) < method.least_weeks:
        return None
    try:
        return method.ahead(past, n_weeks)
    except (FloatingPointError, np.linalg.LinAlgError, ValueError):
        return None


def choose(values: Sequence[float] | Numbers, n_weeks: int) -> Choice:
    """Ask all methods at past weeks and take the one with the least error, if it beats the same week last year.

    It must be nearer week by week and no farther off in the totals: where most weeks are empty, saying nothing at all
    would be near in most weeks.
    """
    known = np.clip(np.asarray(values, dtype=float), 0.0, None)
    asked_origins, window = origins(len(known), n_weeks)
    asked = {method.name: _ask(known, asked_origins, window, method) for method in METHODS.values()}
    yardstick = {entry.origin: entry for entry in asked[SAME_WEEK.name]}
    rows = {name: _judged(METHODS[name], entries, yardstick, len(known), n_weeks) for name, entries in asked.items()}
    usable = [
        rows[method.name]
        for method in CANDIDATES
        if _beats(rows[method.name]) and foreseen(known, n_weeks, method) is not None
    ]
    best = min(usable, key=_error, default=rows[SAME_WEEK.name])
    name = best.name
    stretches = [entry.stretch for entry in asked[name]]
    needed = float(np.quantile(np.concatenate(stretches), LEVELS[0])) if stretches else 1.0
    others = sorted((row for key, row in rows.items() if key != SAME_WEEK.name), key=_error)
    return Choice(
        name=name,
        rows=(rows[SAME_WEEK.name], *others),
        widening=float(np.clip(needed, 1.0, MOST_WIDENING)),
        n_origins=len(asked_origins),
        window_weeks=window,
    )


def _error(row: Judged) -> float:
    return float("inf") if row.against_same_week is None else row.against_same_week


def _beats(row: Judged) -> bool:
    in_total = row.total_against_same_week
    return _error(row) < 1.0 and in_total is not None and in_total <= 1.0


def _ask(known: Numbers, asked_origins: list[int], window: int, method: Method) -> list[_Asked]:
    answers = ((origin, asked_at(known, origin, window, method)) for origin in asked_origins)
    return [
        _Asked(origin=origin, ahead=ahead, came=known[origin : origin + window])
        for origin, ahead in answers
        if ahead is not None
    ]


def _judged(method: Method, entries: list[_Asked], yardstick: dict[int, _Asked], n_known: int, n_weeks: int) -> Judged:
    """Shares over all weeks asked for; a method that could be asked at less than half of them is not judged."""
    if not _may_be_judged(method, n_known, n_weeks) or not entries:
        needed = next((n for n in range(n_known + 1, MOST_NEEDED) if _may_be_judged(method, n, n_weeks)), None)
        reason = "its fit found no answer" if needed is None or entries else f"judged from {needed} weeks of history on"
        return Judged(
            name=method.name, label=method.label, meaning=method.meaning, n_origins=0, n_weeks=0, error_share=None,
            against_same_week=None, total_error_share=None, total_against_same_week=None, total_ratio=None,
            held_80=None, held_95=None, reason=reason,
        )  # fmt: skip
    beside = [yardstick[entry.origin] for entry in entries]
    errors, of_same_week = (sum(entry.error for entry in group) for group in (entries, beside))
    off, of_same_total = (sum(entry.total_error for entry in group) for group in (entries, beside))
    came = float(sum(entry.came.sum() for entry in entries))
    said = float(sum(entry.ahead.centre.sum() for entry in entries))
    held = {level: float(np.mean(np.concatenate([entry.held(level) for entry in entries]))) for level in LEVELS}
    return Judged(
        name=method.name,
        label=method.label,
        meaning=method.meaning,
        n_origins=len(entries),
        n_weeks=sum(len(entry.came) for entry in entries),
        error_share=errors / came if came > 0 else None,
        against_same_week=_ratio(errors, of_same_week, least=1e-6 * came),
        total_error_share=off / came if came > 0 else None,
        total_against_same_week=_ratio(off, of_same_total, least=1e-6 * came),
        total_ratio=said / came if came > 0 else None,
        held_80=held[LEVELS[0]],
        held_95=held[LEVELS[1]],
        reason="",
    )


def _may_be_judged(method: Method, n_known: int, n_weeks: int) -> bool:
    """Whether the history reaches back far enough at half of the past weeks or more."""
    found, _ = origins(n_known, n_weeks)
    return 2 * sum(origin >= method.least_weeks for origin in found) >= max(len(found), 1)


def _ratio(errors: float, of_same_week: float, *, least: float) -> float | None:
    """One error over the other; where the same week last year was never off, the other is as good or not comparable."""
    if of_same_week > least:
        return errors / of_same_week
    return 1.0 if errors <= least else None
