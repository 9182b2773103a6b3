"""What a finished campaign teaches about who responds: the learner chosen, its ranking judged, its customers grouped.

From the rows of any experiment - a campaign of the workspace or a file - to one result that pages and the command line
show. Everything is out of fold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from churn_core.campaigns.uplift_learners import LEARNERS, CrossFitted, Trial, cross_fitted
from churn_core.campaigns.uplift_ranking import Ranking, judge_ranking, within_folds
from churn_core.jobs import Progress, no_progress, part
from churn_core.stats.estimate import Estimate
from churn_core.stats.means import compare_means
from churn_core.stats.moments import Moments, Rate
from churn_core.stats.rates import compare_rates

if TYPE_CHECKING:
    from numpy.typing import NDArray

RESPONSES: dict[str, str] = {
    "persuadable": "Orders because of the contact",
    "sure thing": "Orders anyway",
    "lost cause": "Does not order either way",
    "do not disturb": "Orders less because of the contact",
}
"""The four groups (Radcliffe, 2007), with their words; a model's estimate, never a fact about a customer."""

SURE_FROM = 0.5
"""Chance of the outcome without contact from which a customer is called a sure thing."""
LEAST_EFFECT = 0.01
"""Effect in the chance from which a customer counts as moved, where the plan names no smallest effect."""
N_PARTS = 10
TIERS = ("high", "medium", "low")


@dataclass(frozen=True, kw_only=True)
class LearnerJudged:
    """How well one learner told customers apart, out of fold."""

    name: str
    label: str
    qini: float | None
    """As of the whole ranking, without interval."""
    gain: float
    """Squared error against the doubly robust score saved, as against one effect for everybody; higher is better."""
    gain_error: float
    """Its standard error."""
    n_folds_chosen: int
    """Parts of the customers for which this one was chosen, by all others."""


@dataclass(frozen=True, kw_only=True)
class PartEffect:
    """The effect among a part of the customers."""

    label: str
    n_control: int
    n_treatment: int
    control: float | None
    treatment: float | None
    difference: Estimate
    predicted: float
    """What the model expected for them, on average."""


@dataclass(frozen=True, kw_only=True)
class ResponseShare:
    """One of the four groups."""

    response: str
    share: float
    n: int


@dataclass(frozen=True, kw_only=True)
class UpliftStudy:
    """What a campaign teaches about who responds."""

    n_control: int
    n_treatment: int
    is_rate: bool
    learner: str
    """The one chosen on all rows, fitted for use."""
    learners: tuple[LearnerJudged, ...]
    ranking: Ranking
    deciles: tuple[PartEffect, ...]
    """Tenths of the ranking, the highest expected uplift first."""
    tiers: tuple[PartEffect, ...]
    """By tier of risk at the draw; none where tiers are not known."""
    responses: tuple[ResponseShare, ...]
    """The four groups; none for amounts."""
    moved_from: float
    """Effect from which a customer counts as moved."""
    control_mean: float
    """Outcome of the control."""
    control_deviation: float
    """Its standard deviation."""
    treatment_mean: float

    @property
    def has_evidence(self) -> bool:
        """Whether customers differ in their response beyond noise."""
        return self.ranking.has_evidence

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON."""
        return asdict(self) | {"has_evidence": self.has_evidence}


def study(
    trial: Trial,
    *,
    tiers: Sequence[str | None] | None = None,
    least_effect: float | None = None,
    names: tuple[str, ...] = tuple(LEARNERS),
    seed: int = 0,
    progress: Progress = no_progress,
) -> UpliftStudy:
    """Cross-fit all learners, choose one, judge its ranking; NotEnoughData for small campaigns."""
    fitted = cross_fitted(trial, names, seed=seed, progress=part(progress, 0.0, 0.85))
    progress(0.85, "judging the ranking")
    by_fold, everywhere = chosen_learners(fitted)
    uplift = np.choose(fitted.fold, [fitted.uplift[name] for name in by_fold])
    place = within_folds(uplift, fitted.fold)
    ranking = judge_ranking(trial, place, seed=seed)
    moved = least_effect or LEAST_EFFECT
    control = trial.outcome[~trial.treated]
    is_even = bool(np.allclose(trial.propensity, trial.propensity[0]))
    return UpliftStudy(
        n_control=int((~trial.treated).sum()),
        n_treatment=int(trial.treated.sum()),
        is_rate=trial.is_rate,
        learner=everywhere,
        learners=_judged(trial, fitted, by_fold),
        ranking=ranking,
        deciles=_deciles(trial, fitted, uplift, place, is_even),
        tiers=_tiers(trial, fitted, uplift, tiers, is_even) if tiers is not None else (),
        responses=_shares(response_groups(fitted.without, uplift, moved_from=moved)) if trial.is_rate else (),
        moved_from=moved,
        control_mean=float(control.mean()),
        control_deviation=float(control.std(ddof=1)),
        treatment_mean=float(trial.outcome[trial.treated].mean()),
    )


def chosen_learners(fitted: CrossFitted) -> tuple[list[str], str]:
    """The learner for each fold, chosen by all other folds, and the one chosen by all rows.

    By squared error against the doubly robust score (Kennedy, 2023); among those within one standard error of the best
    the first of the registry. Chosen by the other folds, so that choosing flatters nobody.
    """
    loss = {name: (fitted.score - uplift) ** 2 for name, uplift in fitted.uplift.items()}
    folds = np.unique(fitted.fold)
    by_fold = [_best(loss, fitted.fold != number) for number in folds]
    return by_fold, _best(loss, np.ones(len(fitted.fold), dtype=bool))


def response_groups(
    without: NDArray[np.float64], uplift: NDArray[np.float64], *, moved_from: float
) -> NDArray[np.object_]:
    """The group of each customer: by the effect where it is large enough, else by the chance without contact."""
    unmoved = np.where(without >= SURE_FROM, "sure thing", "lost cause")
    moved = np.where(uplift > 0, "persuadable", "do not disturb")
    return np.where(np.abs(uplift) >= moved_from, moved, unmoved).astype(object)


def _best(loss: dict[str, NDArray[np.float64]], rows: NDArray[np.bool_]) -> str:
    best = min(loss, key=lambda name: float(loss[name][rows].mean()))
    for name in loss:
        worse = loss[name][rows] - loss[best][rows]
        if worse.mean() <= worse.std(ddof=1) / np.sqrt(len(worse)):
            return name
    return best


def _judged(trial: Trial, fitted: CrossFitted, by_fold: list[str]) -> tuple[LearnerJudged, ...]:
    alike = np.zeros(len(trial))
    for number in np.unique(fitted.fold):
        alike[fitted.fold == number] = fitted.score[fitted.fold != number].mean()
    found = []
    for name, uplift in fitted.uplift.items():
        gain = (fitted.score - alike) ** 2 - (fitted.score - uplift) ** 2
        ranking = judge_ranking(trial, within_folds(uplift, fitted.fold), n_draws=2)
        found.append(
            LearnerJudged(
                name=name,
                label=LEARNERS[name].label,
                qini=ranking.qini.value,
                gain=float(gain.mean()),
                gain_error=float(gain.std(ddof=1) / np.sqrt(len(gain))),
                n_folds_chosen=by_fold.count(name),
            )
        )
    return tuple(found)


def _deciles(
    trial: Trial, fitted: CrossFitted, uplift: NDArray[np.float64], place: NDArray[np.float64], is_even: bool
) -> tuple[PartEffect, ...]:
    tenth = np.minimum((N_PARTS * (1 - place)).astype(int), N_PARTS - 1)
    return tuple(
        _effect(str(number + 1), trial, fitted, uplift, tenth == number, is_even)
        for number in range(N_PARTS)
        if (tenth == number).any()
    )


def _tiers(
    trial: Trial, fitted: CrossFitted, uplift: NDArray[np.float64], tiers: Sequence[str | None], is_even: bool
) -> tuple[PartEffect, ...]:
    known = np.asarray(tiers, dtype=object)
    return tuple(
        _effect(tier, trial, fitted, uplift, known == tier, is_even) for tier in TIERS if (known == tier).any()
    )


def _effect(
    label: str,
    trial: Trial,
    fitted: CrossFitted,
    uplift: NDArray[np.float64],
    rows: NDArray[np.bool_],
    is_even: bool,
) -> PartEffect:
    """The difference of the arms in some rows; where shares of the arms differ, the mean doubly robust score."""
    control, treatment = (trial.outcome[rows & (trial.treated == arm)] for arm in (False, True))
    if trial.is_rate:
        found = compare_rates(*(Rate(n_hits=int(y.sum()), n=len(y)) for y in (control, treatment)))
    else:
        found = compare_means(Moments.of(control), Moments.of(treatment))
    return PartEffect(
        label=label,
        n_control=len(control),
        n_treatment=len(treatment),
        control=found.control,
        treatment=found.treatment,
        difference=found.difference if is_even else _mean(fitted.score[rows]),
        predicted=float(uplift[rows].mean()),
    )


def _mean(score: NDArray[np.float64]) -> Estimate:
    if len(score) < 2:
        return Estimate.undefined("there is only one customer in it.")
    mean, error = float(score.mean()), float(score.std(ddof=1) / np.sqrt(len(score)))
    return Estimate(value=mean, low=mean - 1.96 * error, high=mean + 1.96 * error)


def _shares(groups: NDArray[np.object_]) -> tuple[ResponseShare, ...]:
    counts = {name: int((groups == name).sum()) for name in RESPONSES}
    return tuple(ResponseShare(response=name, n=n, share=n / len(groups)) for name, n in counts.items())
