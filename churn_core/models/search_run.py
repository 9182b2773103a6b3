"""Searching for better settings within a time budget, and keeping the best when it is stopped.

The learners take turns, each from its usual settings on; one that the blend of the best does not need waits. What is
judged, on what, is the judge's matter. Given the same number of tries the same settings are found; with a time budget
that number depends on the machine.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from churn_core.errors import ChurnError, InputError, JobCancelled
from churn_core.jobs import Progress, no_progress
from churn_core.models.calibration import fit_weights
from churn_core.models.recipe import Recipe
from churn_core.models.search_judge import Judge, calibrated_loss, row_losses
from churn_core.models.search_learner import Learner, Tried
from churn_core.models.search_space import SPACES, in_words

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST_TURNS = 3
"""Tries of a learner before it may have to wait."""
LEAST_SHARE = 0.05
"""Share in the blend of the best below which a learner waits, and is left out of what was found."""
HOPELESS = 1.03
"""Loss over the parts so far, against the best there, from which a try is given up."""
LEAST_GAIN = 0.5
"""Standard errors by which found settings must beat the usual ones to be used instead."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a search came back with."""

    best: Mapping[str, Tried]
    """Learner -> its best settings; learners whose first try did not end are missing."""
    usual_log_loss: Mapping[str, float]
    """Learner -> what its usual settings reach."""
    shares: Mapping[str, float]
    """Share of each learner in the blend of the best; they sum to 1."""
    n_tries: int
    seconds: float
    budget_seconds: float | None
    was_stopped: bool
    """Whether a person stopped it before the budget was used up."""
    curve: tuple[dict[str, Any], ...]
    """Every improvement: ``n_tries``, ``seconds``, ``log_loss``, ``words``."""

    @property
    def kept(self) -> tuple[str, ...]:
        """The learners that the blend of the best needs."""
        return tuple(name for name in self.best if self.shares[name] >= LEAST_SHARE) or tuple(self.best)

    def recipe(self, base: Recipe, names: Sequence[str]) -> Recipe:
        """The recipe of these learners with what was found for them; usual settings where nothing was."""
        changed = base
        for name in names:
            if name in self.best:
                changed = with_settings(changed, name, self.best[name].settings)
        return Recipe(
            estimators=tuple(names),
            settings={name: values for name, values in changed.settings.items() if name in names},
            preparation=base.preparation,
        )

    def joined(self, judge: Judge, more: Found) -> Found:
        """With the learners of another search on the same rows, which counts for nothing else."""
        best = {**self.best, **more.best}
        return replace(
            self,
            best=best,
            usual_log_loss={**self.usual_log_loss, **more.usual_log_loss},
            shares=shares_of(judge, {name: tried.answers for name, tried in best.items()}),
        )

    def to_json(self) -> dict[str, Any]:
        """The record as plain JSON, without the answers."""
        return {
            "n_tries": self.n_tries,
            "seconds": round(self.seconds, 1),
            "budget_seconds": self.budget_seconds,
            "was_stopped": self.was_stopped,
            "best": {
                name: {
                    "settings": dict(tried.settings),
                    "log_loss": tried.log_loss,
                    "usual_log_loss": self.usual_log_loss[name],
                    "share": self.shares[name],
                }
                for name, tried in self.best.items()
            },
            "curve": list(self.curve),
        }


def search(
    judge: Judge,
    names: Sequence[str],
    *,
    source: str,
    recipe: Recipe,
    usual: Mapping[str, Mapping[str, Any]],
    budget_seconds: float | None,
    n_tries: int | None = None,
    seed: int = 42,
    progress: Progress = no_progress,
) -> Found:
    """Look for better settings of the learners until the budget or the number of tries is used up.

    ``recipe`` and ``usual`` say what the learners' usual settings are. The budget is kept within the time of one fit.
    When ``progress`` raises JobCancelled the best so far is returned, not raised.
    """
    if budget_seconds is None and n_tries is None:
        raise InputError("a search needs an end; give it seconds or a number of tries.")
    if (budget_seconds is not None and budget_seconds <= 0) or (n_tries is not None and n_tries < 1):
        raise InputError("a search needs more than 0 seconds and at least one try.")
    learners = [
        Learner(name, SPACES[source].get(name, {}), {**usual.get(name, {}), **recipe.settings.get(name, {})}, seed=seed)
        for name in names
    ]
    run = _Run(judge, learners, recipe, usual, budget_seconds, n_tries, progress)
    was_stopped = False
    try:
        while run.goes_on() and (one := run.whose_turn()) is not None:
            run.turn(one)
    except _OutOfTime:
        pass
    except JobCancelled:
        was_stopped = True
    return run.found(was_stopped=was_stopped)


def with_settings(recipe: Recipe, name: str, settings: Mapping[str, Any]) -> Recipe:
    """The recipe with other settings of one learner."""
    if not settings:
        return recipe
    changed = {**recipe.settings, name: {**recipe.settings.get(name, {}), **settings}}
    return Recipe(estimators=recipe.estimators, settings=changed, preparation=recipe.preparation)


class _OutOfTime(Exception):
    """The budget ended within a try."""


class _Run:
    """A search while it goes on."""

    def __init__(
        self,
        judge: Judge,
        learners: Sequence[Learner],
        recipe: Recipe,
        usual: Mapping[str, Mapping[str, Any]],
        budget_seconds: float | None,
        most_tries: int | None,
        progress: Progress,
    ) -> None:
        self.judge, self.learners, self.recipe, self.usual = judge, learners, recipe, usual
        self.budget_seconds, self.most_tries, self.progress = budget_seconds, most_tries, progress
        self.started = time.monotonic()
        self.n_tries = 0
        self.curve: list[dict[str, Any]] = []

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    def goes_on(self) -> bool:
        in_time = self.budget_seconds is None or self.seconds < self.budget_seconds
        return in_time and (self.most_tries is None or self.n_tries < self.most_tries)

    def whose_turn(self) -> Learner | None:
        """The one with the fewest tries, among those that the blend of the best needs."""
        able = [one for one in self.learners if not one.is_exhausted]
        awake = [one for one in able if one.n_tries < LEAST_TURNS or one.share >= LEAST_SHARE]
        return min(awake or able, key=lambda one: one.n_tries, default=None)

    def turn(self, one: Learner) -> None:
        """One try of one learner."""
        settings = one.ask()
        tried = self._try(one, settings)
        one.tell(tried)
        self.n_tries += 1
        if tried is None:
            return
        _share_out(self.judge, self.learners)
        if not self.curve or tried.log_loss < self.curve[-1]["log_loss"]:
            self.curve.append(
                {
                    "n_tries": self.n_tries,
                    "seconds": round(self.seconds, 1),
                    "log_loss": tried.log_loss,
                    "words": in_words(one.name, settings),
                }
            )

    def found(self, *, was_stopped: bool) -> Found:
        """The best so far; settings that are better by chance only give way to the usual ones."""
        best = {one.name: self._settled(one) for one in self.learners if one.best is not None}
        _share_out(self.judge, self.learners)
        usual = {one.name: one.usual.log_loss if one.usual else float("nan") for one in self.learners}
        return Found(
            best=best,
            usual_log_loss={name: usual[name] for name in best},
            shares={one.name: one.share for one in self.learners if one.name in best},
            n_tries=self.n_tries,
            seconds=self.seconds,
            budget_seconds=self.budget_seconds,
            was_stopped=was_stopped,
            curve=tuple(self.curve),
        )

    def _try(self, one: Learner, settings: Mapping[str, Any]) -> Tried | None:
        recipe = with_settings(self.recipe, one.name, settings)
        answers = np.full(len(self.judge.churned), np.nan)
        for number, rows in enumerate(self.judge.parts):
            self.progress(self._share_done(), self._words())
            if self.budget_seconds is not None and self.seconds > self.budget_seconds:
                raise _OutOfTime
            try:
                answers[rows] = self.judge.answer(number, lambda: recipe.make(one.name, **self.usual.get(one.name, {})))
            except JobCancelled:
                raise
            except ChurnError:
                return None
            if one.best is not None and self._is_hopeless(one.best, answers, number + 1):
                return None
        return Tried(settings=settings, log_loss=calibrated_loss(self.judge, answers), answers=answers)

    def _is_hopeless(self, best: Tried, answers: NDArray[np.float64], n_parts: int) -> bool:
        if n_parts < 2 or n_parts == len(self.judge.parts):
            return False
        reached = calibrated_loss(self.judge, best.answers, n_parts)
        return calibrated_loss(self.judge, answers, n_parts) > HOPELESS * reached

    def _settled(self, one: Learner) -> Tried:
        assert one.best is not None
        if one.usual is None or one.usual is one.best:
            return one.best
        gain = row_losses(self.judge, one.usual.answers) - row_losses(self.judge, one.best.answers)
        error = float(gain.std(ddof=1)) / np.sqrt(len(gain))
        if float(gain.mean()) < LEAST_GAIN * error:
            one.best = one.usual
        return one.best

    def _share_done(self) -> float:
        by_time = self.seconds / self.budget_seconds if self.budget_seconds else 0.0
        return max(by_time, self.n_tries / self.most_tries if self.most_tries else 0.0)

    def _words(self) -> str:
        if not self.curve:
            return "trying the usual settings"
        best = self.curve[-1]
        return f"best log loss {best['log_loss']:.4f} after {counted(self.n_tries)}: {best['words']}"


def counted(n_tries: int) -> str:
    """A number of tries in words.

    >>> counted(1), counted(12)
    ('1 try', '12 tries')
    """
    return "1 try" if n_tries == 1 else f"{n_tries:,} tries"


def shares_of(judge: Judge, answers: Mapping[str, NDArray[np.float64]]) -> dict[str, float]:
    """The share of each learner in their blend (weights of least log loss, none negative, times their spread)."""
    if not answers:
        return {}
    columns = np.column_stack(list(answers.values()))
    slopes = np.asarray(fit_weights(columns, judge.churned, judge.level_of).slopes)
    size = slopes * columns.std(axis=0)
    total = max(float(size.sum()), 1e-12)
    return {name: float(part) / total for name, part in zip(answers, size, strict=True)}


def _share_out(judge: Judge, learners: Sequence[Learner]) -> None:
    answers = {one.name: one.best.answers for one in learners if one.best is not None}
    shares = shares_of(judge, answers)
    for one in learners:
        one.share = shares.get(one.name, one.share)
