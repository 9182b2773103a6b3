"""A finished experiment read out: are the arms as planned, what differs, and may it be believed.

From sums per arm and stratum, so that it does not matter how many customers stand behind them. The order is fixed:
health before effects, the first metric decides, further ones are exploratory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from churn_core.campaigns.metrics import Metric
from churn_core.errors import InputError
from churn_core.stats.cuped import adjust
from churn_core.stats.estimate import Comparison, Estimate
from churn_core.stats.means import Mean, compare_means, fieller_lift
from churn_core.stats.moments import JointMoments, Moments, Rate
from churn_core.stats.multiple import benjamini_hochberg, holm
from churn_core.stats.rates import LEAST_EXPECTED, compare_rates, least_expected_cell
from churn_core.stats.ratios import compare_estimates, compare_ratios
from churn_core.stats.sample_ratio import SampleRatio, check_sample_ratio
from churn_core.stats.strata import (
    MeanStratum,
    RateStratum,
    cochran_mantel_haenszel_p,
    mantel_haenszel_difference,
    post_stratified,
)

SIGNIFICANT = 0.05

Cell = Rate | JointMoments
"""What is known of one metric in one arm of one stratum; of a mean or ratio the outcome comes first."""


@dataclass(frozen=True, kw_only=True)
class Outcomes:
    """A metric over arms and strata."""

    metric: Metric
    cells: Mapping[str, Mapping[str, Cell]]
    """Arm -> stratum -> sums; one stratum of empty name where there are none."""
    n_covariates: int = 0
    """Columns after the outcome's own that were measured before assignment."""
    note: str = ""
    """What was done to the outcome before it is compared, to be added to the method."""


@dataclass(frozen=True, kw_only=True)
class ArmResult:
    """One treatment against the control on one metric."""

    metric: str
    arm: str
    is_primary: bool
    comparison: Comparison
    p_adjusted: float | None
    """Holm over the treatments for the first metric; Benjamini-Hochberg over all others, which are exploratory."""


@dataclass(frozen=True, kw_only=True)
class Readout:
    """The answer of an experiment."""

    sample_ratio: SampleRatio
    status: str
    """invalid_srm, too_small, better, worse or no_clear_difference: the first that applies."""
    verdict: str
    """The same in one sentence."""
    results: tuple[ArmResult, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "srm": {"p_value": self.sample_ratio.p_value, "alarm": self.sample_ratio.alarm},
            "status": self.status,
            "verdict": self.verdict,
            "comparisons": [_flat(result) for result in self.results],
        }


def read_out(
    counts: Mapping[str, int],
    outcomes: Sequence[Outcomes],
    *,
    control: str,
    shares: Mapping[str, float] | None = None,
    is_lower_better: bool = False,
) -> Readout:
    """Compare every treatment with the control on every metric; the first metric decides.

    ``counts`` are customers per arm, ``shares`` the planned ones (default: equal). InputError when the control is not
    among the arms or there is no treatment.
    """
    if control not in counts:
        raise InputError(f"the control {control!r} is not among the arms: {', '.join(map(repr, counts))}.")
    treatments = [arm for arm in counts if arm != control]
    if not treatments or not outcomes:
        raise InputError("there is nothing to compare; give at least one treatment besides the control, and a metric.")
    planned = dict(shares) if shares else {arm: 1 / len(counts) for arm in counts}
    ratio = check_sample_ratio(counts, planned)
    outcomes = [_with_less_noise(entry) if entry.n_covariates else entry for entry in outcomes]
    compared = [(entry, arm, _compare(entry, control, arm)) for entry in outcomes for arm in treatments]
    results = _adjusted(compared, outcomes[0])
    status = _status(ratio, outcomes[0], control, treatments, results, is_lower_better)
    return Readout(
        sample_ratio=ratio,
        status=status,
        verdict=_verdict(status, ratio, results, control, outcomes[0].metric),
        results=tuple(results),
    )


def _with_less_noise(outcomes: Outcomes) -> Outcomes:
    """The outcome without the part that the covariates explain, all arms of a stratum together (CUPED)."""
    cells: dict[str, dict[str, Cell]] = {arm: {} for arm in outcomes.cells}
    saved, n_rows = 0.0, 0
    for stratum in sorted({name for found in outcomes.cells.values() for name in found}):
        arms = {
            arm: cell for arm, found in outcomes.cells.items() if isinstance(cell := found.get(stratum), JointMoments)
        }
        made = adjust(list(arms.values()))
        for arm, moments in zip(arms, made.arms, strict=True):
            cells[arm][stratum] = JointMoments(n=moments.n, means=(moments.mean,), covariances=((moments.variance,),))
            saved += moments.n * (1 - made.variance_ratio)
            n_rows += moments.n
    note = f", after CUPED ({saved / n_rows:.0%} less variance)"
    return replace(outcomes, cells=cells, n_covariates=0, note=note)


def _compare(outcomes: Outcomes, control: str, arm: str) -> Comparison:
    first, second = outcomes.cells[control], outcomes.cells[arm]
    strata = sorted(first.keys() | second.keys())
    if len(strata) == 1:
        return _compare_cells(outcomes, first.get(strata[0]), second.get(strata[0]))
    if outcomes.metric.kind == "rate":
        return _stratified_rates(first, second, strata)
    if outcomes.metric.kind == "ratio":
        raise InputError("a ratio metric cannot be compared within strata; leave out the stratum or the ratio.")
    return _stratified_means(outcomes, first, second, strata)


def _compare_cells(outcomes: Outcomes, control: Cell | None, treatment: Cell | None) -> Comparison:
    if isinstance(control, Rate) or isinstance(treatment, Rate):
        nobody = Rate(n_hits=0, n=0)
        return compare_rates(_as_rate(control) or nobody, _as_rate(treatment) or nobody)
    if control is None or treatment is None:
        nothing = Moments(n=0, mean=0.0, variance=0.0)
        return compare_means(nothing, nothing)
    if outcomes.metric.kind == "ratio":
        return compare_ratios(control, treatment)
    found = compare_means(control.column(0), treatment.column(0))
    return replace(found, method=f"{found.method}{outcomes.note}") if found.p_value is not None else found


def _stratified_rates(first: Mapping[str, Cell], second: Mapping[str, Cell], strata: Sequence[str]) -> Comparison:
    nobody = Rate(n_hits=0, n=0)
    pairs = [
        RateStratum(control=_as_rate(first.get(name)) or nobody, treatment=_as_rate(second.get(name)) or nobody)
        for name in strata
    ]
    control = sum((pair.control for pair in pairs), nobody)
    treatment = sum((pair.treatment for pair in pairs), nobody)
    usable = [pair for pair in pairs if pair.control.n and pair.treatment.n]
    return Comparison(
        n_control=control.n,
        n_treatment=treatment.n,
        control=control.value,
        treatment=treatment.value,
        difference=mantel_haenszel_difference(pairs),
        lift=_standardised_lift(usable),
        p_value=cochran_mantel_haenszel_p(pairs) if usable else None,
        method="Cochran-Mantel-Haenszel test, Mantel-Haenszel difference with Sato's variance",
    )


def _standardised_lift(strata: Sequence[RateStratum]) -> Estimate:
    """Lift of the rates as if both arms had the strata of everybody."""
    total = sum(pair.control.n + pair.treatment.n for pair in strata)
    made = []
    for arm in ("control", "treatment"):
        value = variance = 0.0
        for pair in strata:
            rate: Rate = getattr(pair, arm)
            share, p = (pair.control.n + pair.treatment.n) / total, rate.n_hits / rate.n
            value += share * p
            variance += share * share * p * (1 - p) / rate.n
        made.append(Mean(value=value, variance=variance))
    if not strata:
        return Estimate.undefined("no stratum has customers in both arms.")
    return fieller_lift(made[0], made[1], freedom=float("inf"))


def _stratified_means(
    outcomes: Outcomes, first: Mapping[str, Cell], second: Mapping[str, Cell], strata: Sequence[str]
) -> Comparison:
    pairs = []
    for name in strata:
        control, treatment = first.get(name), second.get(name)
        if not isinstance(control, JointMoments) or not isinstance(treatment, JointMoments):
            raise InputError(f"stratum {name!r} has no customers in an arm; put it together with another stratum.")
        pairs.append(MeanStratum(control=control.column(0), treatment=treatment.column(0)))
    made = post_stratified(pairs)
    return compare_estimates(
        made[0],
        made[1],
        n_control=sum(pair.control.n for pair in pairs),
        n_treatment=sum(pair.treatment.n for pair in pairs),
        method=f"post-stratified means{outcomes.note}",
    )


def _adjusted(compared: Sequence[tuple[Outcomes, str, Comparison]], primary: Outcomes) -> list[ArmResult]:
    adjusted: dict[int, float] = {}
    for is_primary, correct in ((True, holm), (False, benjamini_hochberg)):
        places = [
            place
            for place, (entry, _, found) in enumerate(compared)
            if (entry is primary) == is_primary and found.p_value is not None
        ]
        values = [float(compared[place][2].p_value or 0.0) for place in places]
        adjusted |= dict(zip(places, correct(values), strict=True))
    return [
        ArmResult(
            metric=entry.metric.name,
            arm=arm,
            is_primary=entry is primary,
            comparison=found,
            p_adjusted=adjusted.get(place),
        )
        for place, (entry, arm, found) in enumerate(compared)
    ]


def _status(
    ratio: SampleRatio,
    primary: Outcomes,
    control: str,
    treatments: Sequence[str],
    results: Sequence[ArmResult],
    is_lower_better: bool,
) -> str:
    if ratio.alarm:
        return "invalid_srm"
    if any(_is_too_small(primary, control, arm) for arm in treatments):
        return "too_small"
    gains = [
        (-1 if is_lower_better else 1) * float(result.comparison.difference.value or 0.0)
        for result in results
        if result.is_primary and result.p_adjusted is not None and result.p_adjusted < SIGNIFICANT
    ]
    if any(gain > 0 for gain in gains):
        return "better"
    return "worse" if gains else "no_clear_difference"


def _is_too_small(outcomes: Outcomes, control: str, arm: str) -> bool:
    if outcomes.metric.kind != "rate":
        sizes = [sum(cell.n for cell in outcomes.cells[name].values()) for name in (control, arm)]
        return min(sizes) < 2
    rates = []
    for name in (control, arm):
        cells = [cell for cell in outcomes.cells[name].values() if isinstance(cell, Rate)]
        rates.append(Rate(n_hits=sum(cell.n_hits for cell in cells), n=sum(cell.n for cell in cells)))
    return not all(rate.n for rate in rates) or least_expected_cell(*rates) < LEAST_EXPECTED


def _verdict(status: str, ratio: SampleRatio, results: Sequence[ArmResult], control: str, metric: Metric) -> str:
    if status == "invalid_srm":
        return (
            f"The arms are not as large as planned ({ratio.arm} is {abs(ratio.largest_gap):.2%} of all customers "
            f"{'above' if ratio.largest_gap > 0 else 'below'} its share): something in assignment or counting is "
            "broken, so no effect is told."
        )
    if status == "too_small":
        return f"Too few customers or outcomes to tell anything about {metric.name}; a larger campaign is needed."
    told = [_told(result, control, metric) for result in results if result.is_primary]
    return " ".join(told)


def _told(result: ArmResult, control: str, metric: Metric) -> str:
    found = result.comparison
    low, high = found.difference.low, found.difference.high
    if found.difference.value is None or low is None or high is None:
        return f"{result.arm}: {metric.name} cannot be compared with {control}: {found.difference.reason}"
    is_clear = result.p_adjusted is not None and result.p_adjusted < SIGNIFICANT
    if not is_clear:
        return (
            f"{result.arm}: no clear difference in {metric.name} from {control}; the effect lies between "
            f"{_amount(low, metric)} and {_amount(high, metric)}."
        )
    return (
        f"{result.arm}: {metric.name} is {_amount(found.difference.value, metric)} against {control} "
        f"(between {_amount(low, metric)} and {_amount(high, metric)})."
    )


def _amount(value: float, metric: Metric) -> str:
    return f"{100 * value:+.2f} points" if metric.kind == "rate" else f"{value:+,.4g}"


def _as_rate(cell: Cell | None) -> Rate | None:
    return cell if isinstance(cell, Rate) else None


def _flat(result: ArmResult) -> dict[str, Any]:
    found = result.comparison
    return {
        "metric": result.metric,
        "arm": result.arm,
        "n_control": found.n_control,
        "n_treatment": found.n_treatment,
        "control": found.control,
        "treatment": found.treatment,
        "difference": found.difference.value,
        "difference_low": found.difference.low,
        "difference_high": found.difference.high,
        "lift": found.lift.value,
        "lift_low": found.lift.low,
        "lift_high": found.lift.high,
        "p_value": found.p_value,
        "p_adjusted": result.p_adjusted,
        "method": found.method,
    }
