"""What contacting one customer would change: S-, T-, X- and DR-learners on the product's own estimators.

Always out of fold: no customer is judged by a model that saw the own outcome. The chance to be in an arm is known,
because it was drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from churn_core.campaigns.uplift_parts import Part, fitted_amount, fitted_outcome, part_from_json
from churn_core.errors import NotEnoughData, unknown_name
from churn_core.jobs import Progress, no_progress

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

N_FOLDS = 5
LEAST_PER_ARM = 300
"""Customers in each arm below which nothing is learnt."""
LEAST_OUTCOMES = 30
"""Customers with and without the outcome, in each arm, below which nothing is learnt."""
TREATED = "treated"
"""Column that the S-learner adds."""


@dataclass(frozen=True, kw_only=True)
class Learner:
    """One way to learn an uplift."""

    name: str
    method: str
    """S, T, X or DR."""
    base: str
    """Key of the estimator registry: what its parts are made of."""
    label: str
    meaning: str
    """How it works, in one sentence."""
    n_knots: int = 0
    """Places where the slope of a number may change."""


_ENTRIES = (
    Learner(
        name="dr_logistic",
        method="DR",
        base="logistic",
        label="DR-learner, regression",
        meaning="Corrects each customer's predicted effect by what was seen, weighted by the chance of the arm, and "
        "fits a shrunk regression to it (Kennedy, 2023).",
        n_knots=1,
    ),
    Learner(
        name="x_logistic",
        method="X",
        base="logistic",
        label="X-learner, regression",
        meaning="Fills in what each arm would have done in the other and fits a regression to the differences "
        "(Künzel et al., 2019).",
        n_knots=1,
    ),
    Learner(
        name="t_logistic",
        method="T",
        base="logistic",
        label="T-learner, regression",
        meaning="Two models, one per arm; the effect is their difference (Künzel et al., 2019).",
        n_knots=1,
    ),
    Learner(
        name="s_lightgbm",
        method="S",
        base="lightgbm",
        label="S-learner, small trees",
        meaning="One model that knows the arm; the effect is its answer with and without (Künzel et al., 2019).",
    ),
    Learner(
        name="x_lightgbm",
        method="X",
        base="lightgbm",
        label="X-learner, small trees",
        meaning="As the X-learner above, with small trees (Künzel et al., 2019).",
    ),
)

LEARNERS: dict[str, Learner] = {entry.name: entry for entry in _ENTRIES}
"""All learners, the one preferred among equals first."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """The rows of a finished campaign: who had which arm, and what came of it."""

    frame: pd.DataFrame
    """Features known before the start, one row per customer."""
    outcome: NDArray[np.float64]
    """0 or 1, or an amount."""
    treated: NDArray[np.bool_]
    propensity: NDArray[np.float64]
    """Chance of each customer to be treated, as drawn."""
    is_rate: bool

    def __len__(self) -> int:
        return len(self.outcome)

    def part(self, rows: NDArray[np.bool_]) -> Trial:
        """Some of its rows."""
        return Trial(
            frame=self.frame[rows],
            outcome=self.outcome[rows],
            treated=self.treated[rows],
            propensity=self.propensity[rows],
            is_rate=self.is_rate,
        )


@dataclass(frozen=True, kw_only=True)
class UpliftModel:
    """A fitted learner with the outcomes expected with and without the treatment."""

    learner: str
    parts: Mapping[str, Part]
    """with, without: expected outcomes; effect or effect_of_treated and effect_of_control: the second stage."""
    share_treated: float

    def expected(self, frame: pd.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Expected outcome without and with the treatment."""
        if LEARNERS[self.learner].method == "S":
            one = self.parts["both"]
            return one.predict(frame.assign(**{TREATED: 0.0})), one.predict(frame.assign(**{TREATED: 1.0}))
        return self.parts["without"].predict(frame), self.parts["with"].predict(frame)

    def uplift(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """Expected difference, treated minus not, in the outcome's own unit."""
        method = LEARNERS[self.learner].method
        if method == "DR":
            return self.parts["effect"].predict(frame)
        if method == "X":
            # Künzel et al. (2019), formula (9), with the drawn share of the treatment as weight.
            of_control = self.parts["effect_of_control"].predict(frame)
            of_treated = self.parts["effect_of_treated"].predict(frame)
            return np.asarray(self.share_treated * of_control + (1 - self.share_treated) * of_treated)
        without, treated = self.expected(frame)
        return np.asarray(treated - without)

    def to_json(self) -> dict[str, Any]:
        """Everything needed to answer again."""
        return {
            "learner": self.learner,
            "share_treated": self.share_treated,
            "parts": {name: part.to_json() for name, part in self.parts.items()},
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> UpliftModel:
        """The model that :meth:`to_json` described."""
        return cls(
            learner=stored["learner"],
            share_treated=float(stored["share_treated"]),
            parts={name: part_from_json(part) for name, part in stored["parts"].items()},
        )


@dataclass(frozen=True, kw_only=True)
class CrossFitted:
    """What was said of every customer by models that never saw them."""

    uplift: Mapping[str, NDArray[np.float64]]
    """By learner."""
    without: NDArray[np.float64]
    """Expected outcome untreated."""
    treated: NDArray[np.float64]
    """Expected outcome treated."""
    score: NDArray[np.float64]
    """Doubly robust score: unbiased for the effect, noisy for one customer."""
    fold: NDArray[np.int64]


def learner(name: str) -> Learner:
    """The learner of that name; NotFound with the nearest name otherwise."""
    if name not in LEARNERS:
        raise unknown_name("learner", name, LEARNERS)
    return LEARNERS[name]


def require_enough(trial: Trial) -> None:
    """NotEnoughData when there is too little to tell customers apart."""
    for is_treated, words in ((False, "the control"), (True, "the treatment")):
        outcome = trial.outcome[trial.treated == is_treated]
        n_hits = int((outcome != 0).sum())
        rarer = min(n_hits, len(outcome) - n_hits) if trial.is_rate else n_hits
        if len(outcome) < LEAST_PER_ARM or rarer < LEAST_OUTCOMES:
            raise NotEnoughData(
                f"{words} has {len(outcome):,} customers with a complete window, {n_hits:,} of them with the outcome; "
                f"to tell who responds takes at least {LEAST_PER_ARM} per arm, and {LEAST_OUTCOMES} with "
                f"{'and without ' if trial.is_rate else ''}the outcome: run a larger campaign."
            )


def folds_of(trial: Trial, *, n_folds: int = N_FOLDS, seed: int = 0) -> NDArray[np.int64]:
    """The fold of each row, from 0: every fold has about the same share of each arm and outcome."""
    draw = np.random.default_rng(seed)
    kind = 2 * trial.treated.astype(int) + (trial.outcome != 0)
    fold = np.zeros(len(trial), dtype=np.int64)
    for number in range(4):
        rows = draw.permutation(np.flatnonzero(kind == number))
        fold[rows] = (np.arange(len(rows)) + number) % n_folds
    return fold


def doubly_robust(trial: Trial, without: NDArray[np.float64], treated: NDArray[np.float64]) -> NDArray[np.float64]:
    """The AIPW score of each customer (Robins, Rotnitzky & Zhao, 1994): predicted effect plus weighted residual.

    Its mean is unbiased for the average effect whatever was predicted, because the chance of the arm is known.
    """
    error_treated = np.where(trial.treated, (trial.outcome - treated) / trial.propensity, 0.0)
    error_without = np.where(trial.treated, 0.0, (trial.outcome - without) / (1 - trial.propensity))
    return np.asarray(treated - without + error_treated - error_without)


def fit_learner(name: str, trial: Trial, *, seed: int = 0) -> UpliftModel:
    """Learn from all rows of a campaign, for use on customers it never met."""
    means = _outcomes(learner(name), trial, seed)
    score = None
    if LEARNERS[name].method == "DR":
        fold = folds_of(trial, seed=seed)
        without, treated = np.zeros(len(trial)), np.zeros(len(trial))
        for number in range(N_FOLDS):
            inside = fold == number
            found = _outcomes(LEARNERS[name], trial.part(~inside), seed)
            without[inside] = found["without"].predict(trial.frame[inside])
            treated[inside] = found["with"].predict(trial.frame[inside])
        score = doubly_robust(trial, without, treated)
    return _second_stage(name, trial, means, score, seed)


def cross_fitted(
    trial: Trial,
    names: tuple[str, ...] = tuple(LEARNERS),
    *,
    n_folds: int = N_FOLDS,
    seed: int = 0,
    progress: Progress = no_progress,
) -> CrossFitted:
    """Judge every customer by learners fitted on the other folds.

    The DR-learner's own outcomes are fitted without the fold that is judged *and* without the fold they correct, so
    nothing about a customer reaches the model that judges them. NotEnoughData for small campaigns.
    """
    require_enough(trial)
    fold = folds_of(trial, n_folds=n_folds, seed=seed)
    without, treated = np.zeros(len(trial)), np.zeros(len(trial))
    uplift = {name: np.zeros(len(trial)) for name in names}
    nuisance = learner("dr_logistic")
    apart = _pairwise(trial, fold, n_folds, seed, progress) if "dr_logistic" in names else {}
    for number in range(n_folds):
        progress(0.5 + 0.5 * number / n_folds, f"learning without part {number + 1} of {n_folds}")
        held, rest = fold == number, fold != number
        seen = trial.part(rest)
        means = {base: _outcomes(entry, seen, seed) for base, entry in _bases(names).items()}
        plain = means.get("logistic") or _outcomes(nuisance, seen, seed)
        without[held] = plain["without"].predict(trial.frame[held])
        treated[held] = plain["with"].predict(trial.frame[held])
        for name in names:
            entry = learner(name)
            score = None
            if entry.method == "DR":
                score = doubly_robust(seen, apart[number][0][rest], apart[number][1][rest])
            own = _outcomes(entry, seen, seed) if entry.method == "S" else means[entry.base]
            uplift[name][held] = _second_stage(name, seen, own, score, seed).uplift(trial.frame[held])
    return CrossFitted(
        uplift=uplift,
        without=without,
        treated=treated,
        score=doubly_robust(trial, without, treated),
        fold=fold,
    )


def _bases(names: tuple[str, ...]) -> dict[str, Learner]:
    return {LEARNERS[name].base: LEARNERS[name] for name in names if LEARNERS[name].method != "S"}


def _pairwise(
    trial: Trial, fold: NDArray[np.int64], n_folds: int, seed: int, progress: Progress
) -> dict[int, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Expected outcomes of each row by models without the row's fold and without one more, by that other fold."""
    made = {number: (np.zeros(len(trial)), np.zeros(len(trial))) for number in range(n_folds)}
    pairs = list(combinations(range(n_folds), 2))
    for done, (first, second) in enumerate(pairs):
        progress(0.5 * done / len(pairs), "expected outcomes with and without the treatment")
        found = _outcomes(LEARNERS["dr_logistic"], trial.part((fold != first) & (fold != second)), seed)
        for inside, judged in ((first, second), (second, first)):
            rows = fold == inside
            made[judged][0][rows] = found["without"].predict(trial.frame[rows])
            made[judged][1][rows] = found["with"].predict(trial.frame[rows])
    return made


def _outcomes(entry: Learner, trial: Trial, seed: int) -> dict[str, Part]:
    """The expected outcomes with and without the treatment; of the S-learner one model that knows the arm."""

    def fit(frame: pd.DataFrame, outcome: NDArray[np.float64]) -> Part:
        return fitted_outcome(entry.base, frame, outcome, is_rate=trial.is_rate, seed=seed, n_knots=entry.n_knots)

    if entry.method == "S":
        return {"both": fit(trial.frame.assign(**{TREATED: trial.treated.astype(float)}), trial.outcome)}
    arms = {"without": ~trial.treated, "with": trial.treated}
    return {name: fit(trial.frame[rows], trial.outcome[rows]) for name, rows in arms.items()}


def _second_stage(
    name: str, trial: Trial, means: Mapping[str, Part], score: NDArray[np.float64] | None, seed: int
) -> UpliftModel:
    entry = LEARNERS[name]
    parts = dict(means)
    amount: Callable[..., Part] = fitted_amount
    if entry.method == "DR" and score is not None:
        parts["effect"] = amount(entry.base, trial.frame, score, seed=seed, n_knots=entry.n_knots)
    if entry.method == "X":
        treated, control = trial.part(trial.treated), trial.part(~trial.treated)
        of_treated = treated.outcome - means["without"].predict(treated.frame)
        of_control = means["with"].predict(control.frame) - control.outcome
        parts["effect_of_treated"] = amount(entry.base, treated.frame, of_treated, seed=seed, n_knots=entry.n_knots)
        parts["effect_of_control"] = amount(entry.base, control.frame, of_control, seed=seed, n_knots=entry.n_knots)
    return UpliftModel(learner=name, parts=parts, share_treated=float(trial.propensity.mean()))
