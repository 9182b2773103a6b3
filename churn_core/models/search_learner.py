"""One learner in a search: what was tried, what was best, what to try next.

The only module that talks to optuna; the suggestions are its TPE sampler's (Bergstra et al., 2011), seeded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from churn_core.models.search_space import Range, Space, settings_of, usual_settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

N_RANDOM = 6
"""Tries of a learner drawn at random before its earlier ones are learnt from."""


@dataclass(frozen=True, kw_only=True)
class Tried:
    """One set of settings and what came of it."""

    settings: Mapping[str, Any]
    """Settings that differ from the usual ones of the source; empty for the usual ones."""
    log_loss: float
    """Mean log loss on the judge's rows, calibrated there with one slope."""
    answers: NDArray[Any] = field(repr=False)
    """Log-odds of the judge's rows."""


class Learner:
    """The tries of one learner so far."""

    def __init__(self, name: str, space: Space, given: Mapping[str, Any], *, seed: int) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.name = name
        self._space = space
        sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=N_RANDOM)
        self._study = optuna.create_study(sampler=sampler)
        if space:
            self._study.enqueue_trial(usual_settings(name, space, given))
        self._trial: Any = None
        self.n_tries = 0
        self.usual: Tried | None = None
        """What the usual settings reach; None until they were tried."""
        self.best: Tried | None = None
        self.share = 1.0
        """Share in the blend of the best of all learners."""

    @property
    def is_exhausted(self) -> bool:
        """Whether there is nothing else to try."""
        return not self._space and self.n_tries > 0

    def ask(self) -> dict[str, Any]:
        """The settings to try next; the usual ones first."""
        self._trial = self._study.ask()
        chosen = {key: _suggested(self._trial, key, bounds) for key, bounds in self._space.items()}
        return settings_of(self.name, chosen) if self.n_tries else {}

    def tell(self, tried: Tried | None) -> None:
        """What came of it; None when it was given up or could not be fitted."""
        import optuna

        self.n_tries += 1
        if tried is None:
            self._study.tell(self._trial, state=optuna.trial.TrialState.FAIL)
            return
        self._study.tell(self._trial, tried.log_loss)
        if not tried.settings:
            self.usual = tried
        if self.best is None or tried.log_loss < self.best.log_loss:
            self.best = tried


def _suggested(trial: Any, name: str, bounds: Range) -> float:
    if bounds.is_whole:
        return int(trial.suggest_int(name, int(bounds.low), int(bounds.high), log=bounds.is_log))
    return float(trial.suggest_float(name, bounds.low, bounds.high, log=bounds.is_log))
