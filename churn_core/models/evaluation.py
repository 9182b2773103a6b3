"""How good a set of risks was, once what happened is known.

Everything the Model quality page draws is computed here, once, from two arrays, and is plain JSON afterwards.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from churn_core.errors import InputError, NotEnoughData
from churn_core.stats.proportions import Z_95, wilson_interval
from churn_core.stats.ranking import (
    auc,
    auc_interval,
    average_precision,
    average_precision_interval,
    precision_recall,
    roc,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

N_CALIBRATION_BINS = 10
N_HISTOGRAM_BINS = 100
N_CURVE_POINTS = 100
CAPACITY_SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A measure with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class CalibrationBin:
    """Customers of similar risk: what was predicted beside what happened."""

    n: int
    predicted: float
    """Mean risk of the customers in the bin."""
    happened: float
    """Share of them that churned."""
    happened_low: float
    happened_high: float
    """95 % Wilson interval of the share."""


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """What contacting the k customers of highest risk would have caught."""

    k: int
    share: float
    """k as a share of all customers."""
    n_caught: int
    """Customers among them who churned."""
    precision: float
    precision_low: float
    precision_high: float
    recall: float
    """Share of all churners that are among them."""
    lift_ratio: float
    """Precision divided by the churn rate of all customers."""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """The quality of risks against outcomes."""

    n: int
    n_churned: int
    churn_rate: float
    mean_predicted: float
    auc: Metric
    pr_auc: Metric
    log_loss: Metric
    brier: Metric
    precision_top10: Metric
    calibration: tuple[CalibrationBin, ...]
    """Bins of equal size, lowest risk first."""
    capacity: tuple[Capacity, ...]
    roc: tuple[tuple[float, float], ...]
    """Points (false positive rate, true positive rate), at most 100."""
    pr: tuple[tuple[float, float], ...]
    """Points (recall, precision), at most 100."""
    gain: tuple[tuple[float, float], ...]
    """Points (share contacted by falling risk, share of churners among them), at most 101."""
    histogram_churned: tuple[int, ...]
    histogram_stayed: tuple[int, ...]
    """Customers by risk in 100 bins of one percent each."""

    def metrics(self) -> dict[str, float]:
        """The five numbers that a backtest prints."""
        return {name: getattr(self, name).value for name in METRICS}

    def intervals(self) -> dict[str, dict[str, float]]:
        """The five numbers with their 95 % intervals."""
        return {name: asdict(getattr(self, name)) for name in METRICS}

    def to_dict(self) -> dict[str, Any]:
        """The evaluation as plain JSON; :func:`evaluation_from_dict` is the way back."""
        return asdict(self)


METRICS = ("auc", "pr_auc", "log_loss", "brier", "precision_top10")
METRIC_LABELS = {
    "auc": "ROC-AUC",
    "pr_auc": "PR-AUC",
    "log_loss": "Log loss",
    "brier": "Brier score",
    "precision_top10": "Precision in the top 10 %",
}
HIGHER_IS_BETTER = {"auc": True, "pr_auc": True, "log_loss": False, "brier": False, "precision_top10": True}


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """Counts when every customer with a risk of at least the threshold is called."""

    threshold: float
    n_true_positive: int
    n_false_positive: int
    n_false_negative: int
    n_true_negative: int

    @property
    def precision(self) -> float | None:
        """Share of the called that churned; None when nobody is called."""
        called = self.n_true_positive + self.n_false_positive
        return self.n_true_positive / called if called else None

    @property
    def recall(self) -> float | None:
        """Share of the churners that are called; None when nobody churned."""
        churned = self.n_true_positive + self.n_false_negative
        return self.n_true_positive / churned if churned else None

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall; None when neither means anything."""
        both = 2 * self.n_true_positive + self.n_false_positive + self.n_false_negative
        return 2 * self.n_true_positive / both if both else None

    @property
    def accuracy(self) -> float:
        """Share of customers on the right side of the threshold."""
        right = self.n_true_positive + self.n_true_negative
        return right / (right + self.n_false_positive + self.n_false_negative)


def evaluate(churned: ArrayLike, risk: ArrayLike) -> Evaluation:
    """Compare risks with outcomes.

    ``churned`` holds booleans, ``risk`` probabilities in [0, 1]. NotEnoughData when only one outcome occurs.
    """
    outcome = np.asarray(churned, dtype=bool)
    risks = np.asarray(risk, dtype=float)
    if outcome.shape != risks.shape:
        raise InputError(f"{len(outcome)} outcomes and {len(risks)} risks do not belong together.")
    if not len(risks):
        raise NotEnoughData("there is no customer to judge the model on.")
    if not np.isfinite(risks).all() or risks.min() < 0 or risks.max() > 1:
        raise InputError("a risk is missing or outside 0 to 1; risks are probabilities.")
    n, n_churned = len(outcome), int(outcome.sum())
    low, high = auc_interval(outcome, risks)
    area = average_precision(outcome, risks)
    pr_low, pr_high = average_precision_interval(area, n_churned)
    clipped = np.clip(risks, 1e-15, 1 - 1e-15)
    capacity = _capacity(outcome, risks)
    top10 = next(row for row in capacity if row.share == 0.1)
    churned_bins, stayed_bins = _histograms(outcome, risks)
    return Evaluation(
        n=n,
        n_churned=n_churned,
        churn_rate=n_churned / n,
        mean_predicted=float(risks.mean()),
        auc=Metric(value=auc(outcome, risks), low=low, high=high),
        pr_auc=Metric(value=area, low=pr_low, high=pr_high),
        log_loss=_mean_metric(-np.log(np.where(outcome, clipped, 1 - clipped))),
        brier=_mean_metric((risks - outcome) ** 2),
        precision_top10=Metric(value=top10.precision, low=top10.precision_low, high=top10.precision_high),
        calibration=calibration_bins(outcome, risks),
        capacity=capacity,
        roc=_thin(*roc(outcome, risks)),
        pr=_thin(*precision_recall(outcome, risks)),
        gain=_gain(outcome, risks),
        histogram_churned=churned_bins,
        histogram_stayed=stayed_bins,
    )


def evaluation_from_dict(stored: dict[str, Any]) -> Evaluation:
    """The evaluation that :meth:`Evaluation.to_dict` wrote."""
    values: dict[str, Any] = dict(stored)
    for name in METRICS:
        values[name] = Metric(**stored[name])
    values["calibration"] = tuple(CalibrationBin(**row) for row in stored["calibration"])
    values["capacity"] = tuple(Capacity(**row) for row in stored["capacity"])
    for name in ("roc", "pr", "gain"):
        values[name] = tuple((float(x), float(y)) for x, y in stored[name])
    for name in ("histogram_churned", "histogram_stayed"):
        values[name] = tuple(int(count) for count in stored[name])
    return Evaluation(**values)


def confusion(evaluation: Evaluation, threshold: float) -> Confusion:
    """The confusion counts at a threshold, which is rounded to a whole percent."""
    first = round(threshold * N_HISTOGRAM_BINS)
    if not 0 <= first <= N_HISTOGRAM_BINS:
        raise InputError(f"the threshold is {threshold}; choose between 0 and 1.")
    churned, stayed = evaluation.histogram_churned, evaluation.histogram_stayed
    return Confusion(
        threshold=first / N_HISTOGRAM_BINS,
        n_true_positive=sum(churned[first:]),
        n_false_positive=sum(stayed[first:]),
        n_false_negative=sum(churned[:first]),
        n_true_negative=sum(stayed[:first]),
    )


def calibration_bins(
    outcome: NDArray[np.bool_], risks: NDArray[np.float64], n_bins: int = N_CALIBRATION_BINS
) -> tuple[CalibrationBin, ...]:
    """Customers in bins of equal size by risk, fewer bins when there are fewer than 20 customers in each."""
    n_bins = max(1, min(n_bins, len(risks) // 20))
    order = np.argsort(risks, kind="stable")
    bins = []
    for members in np.array_split(order, n_bins):
        hits = int(outcome[members].sum())
        low, high = wilson_interval(hits, len(members))
        bins.append(
            CalibrationBin(
                n=len(members),
                predicted=float(risks[members].mean()),
                happened=hits / len(members),
                happened_low=low,
                happened_high=high,
            )
        )
    return tuple(bins)


def _mean_metric(losses: NDArray[np.float64]) -> Metric:
    mean = float(losses.mean())
    error = float(losses.std(ddof=1)) / np.sqrt(len(losses)) if len(losses) > 1 else 0.0
    return Metric(value=mean, low=float(max(0.0, mean - Z_95 * error)), high=float(mean + Z_95 * error))


def _capacity(outcome: NDArray[np.bool_], risks: NDArray[np.float64]) -> tuple[Capacity, ...]:
    caught = np.cumsum(outcome[np.argsort(-risks, kind="stable")])
    n, n_churned = len(outcome), int(outcome.sum())
    rows = []
    for share in CAPACITY_SHARES:
        k = max(1, round(n * share))
        hits = int(caught[k - 1])
        low, high = wilson_interval(hits, k)
        rows.append(
            Capacity(
                k=k,
                share=share,
                n_caught=hits,
                precision=hits / k,
                precision_low=low,
                precision_high=high,
                recall=hits / n_churned,
                lift_ratio=(hits / k) / (n_churned / n),
            )
        )
    return tuple(rows)


def _thin(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[tuple[float, float], ...]:
    """At most 100 points of a curve, its ends included."""
    kept = np.unique(np.linspace(0, len(x) - 1, min(N_CURVE_POINTS, len(x))).round().astype(int))
    return tuple((round(float(x[i]), 6), round(float(y[i]), 6)) for i in kept)


def _gain(outcome: NDArray[np.bool_], risks: NDArray[np.float64]) -> tuple[tuple[float, float], ...]:
    caught = np.concatenate([[0], np.cumsum(outcome[np.argsort(-risks, kind="stable")])])
    n = len(outcome)
    kept = np.unique(np.linspace(0, n, min(101, n + 1)).round().astype(int))
    return tuple((round(float(k / n), 6), round(float(caught[k] / caught[-1]), 6)) for k in kept)


def _histograms(outcome: NDArray[np.bool_], risks: NDArray[np.float64]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    bins = np.minimum((risks * N_HISTOGRAM_BINS).astype(int), N_HISTOGRAM_BINS - 1)
    count = [np.bincount(bins[chosen], minlength=N_HISTOGRAM_BINS) for chosen in (outcome, ~outcome)]
    return tuple(int(value) for value in count[0]), tuple(int(value) for value in count[1])
