"""One treatment against the control on one metric, from sums per arm and stratum: the one way it is computed.

Readouts of campaigns and of files, guardrails, segments and looks before the end all come through here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from churn_core.campaigns.metrics import Metric
from churn_core.errors import InputError
from churn_core.stats.cuped import adjust
from churn_core.stats.estimate import Comparison, Estimate
from churn_core.stats.means import Mean, compare_means, fieller_lift
from churn_core.stats.moments import JointMoments, Moments, Rate
from churn_core.stats.rates import compare_rates
from churn_core.stats.ratios import compare_estimates, compare_ratios, ratio_mean
from churn_core.stats.strata import (
    MeanStratum,
    RateStratum,
    cochran_mantel_haenszel_p,
    mantel_haenszel_difference,
    post_stratified,
)

Cell = Rate | JointMoments
"""What is known of one metric in one arm of one stratum; of a mean or ratio the outcome comes first."""

NOBODY = Rate(n_hits=0, n=0)


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

    @property
    def strata(self) -> list[str]:
        """Names of all strata, in order."""
        return sorted({name for found in self.cells.values() for name in found})

    def n(self, arm: str) -> int:
        """Customers of an arm."""
        return sum(cell.n for cell in self.cells.get(arm, {}).values())

    def rate(self, arm: str) -> Rate:
        """All strata of an arm together; of a rate only."""
        cells = self.cells.get(arm, {}).values()
        return sum((cell for cell in cells if isinstance(cell, Rate)), NOBODY)


def compare(outcomes: Outcomes, control: str, arm: str, *, confidence: float = 0.95) -> Comparison:
    """The comparison that is printed: within strata where there are several; covariates must be taken off before.

    ``confidence`` is that of the intervals.
    """
    first, second = outcomes.cells.get(control, {}), outcomes.cells.get(arm, {})
    strata = sorted(first.keys() | second.keys())
    if len(strata) <= 1:
        name = strata[0] if strata else ""
        return _compare_cells(outcomes, first.get(name), second.get(name), confidence)
    if outcomes.metric.kind == "rate":
        return _stratified_rates(first, second, strata, confidence)
    if outcomes.metric.kind == "ratio":
        raise InputError("a ratio metric cannot be compared within strata; leave out the stratum or the ratio.")
    control_mean, treatment_mean = post_stratified(_mean_strata(first, second, strata))
    return compare_estimates(
        control_mean,
        treatment_mean,
        n_control=outcomes.n(control),
        n_treatment=outcomes.n(arm),
        method=f"post-stratified means{outcomes.note}",
        confidence=confidence,
    )


def arm_means(outcomes: Outcomes, control: str, arm: str) -> tuple[Mean, Mean] | None:
    """Control and treatment as estimates with their error, strata weighted alike; None where an arm says nothing."""
    first, second = outcomes.cells.get(control, {}), outcomes.cells.get(arm, {})
    strata = sorted(first.keys() | second.keys())
    if outcomes.metric.kind == "rate":
        pairs = [pair for pair in _rate_strata(first, second, strata) if pair.control.n and pair.treatment.n]
        return _standardised(pairs) if pairs else None
    if min(outcomes.n(control), outcomes.n(arm)) < 2:
        return None
    if len(strata) > 1:
        return post_stratified(_mean_strata(first, second, strata))
    made = []
    for cell in (first[strata[0]], second[strata[0]]):
        if not isinstance(cell, JointMoments):
            return None
        moments = cell.column(0)
        is_ratio = outcomes.metric.kind == "ratio"
        made.append(ratio_mean(cell) if is_ratio else Mean(value=moments.mean, variance=moments.variance / moments.n))
    return made[0], made[1]


def with_less_noise(outcomes: Outcomes) -> Outcomes:
    """The outcome without the part that the covariates explain, all arms of a stratum together (CUPED)."""
    cells: dict[str, dict[str, Cell]] = {arm: {} for arm in outcomes.cells}
    saved, n_rows = 0.0, 0
    for stratum in outcomes.strata:
        arms = {
            arm: cell for arm, found in outcomes.cells.items() if isinstance(cell := found.get(stratum), JointMoments)
        }
        made = adjust(list(arms.values()))
        for arm, moments in zip(arms, made.arms, strict=True):
            cells[arm][stratum] = JointMoments(n=moments.n, means=(moments.mean,), covariances=((moments.variance,),))
            saved += moments.n * (1 - made.variance_ratio)
            n_rows += moments.n
    note = f", after CUPED ({100 * saved / n_rows:.0f} % less variance)"
    return replace(outcomes, cells=cells, n_covariates=0, note=note)


def _compare_cells(outcomes: Outcomes, control: Cell | None, treatment: Cell | None, confidence: float) -> Comparison:
    if outcomes.metric.kind == "rate":
        return compare_rates(_as_rate(control), _as_rate(treatment), confidence=confidence)
    if not isinstance(control, JointMoments) or not isinstance(treatment, JointMoments):
        nothing = Moments(n=0, mean=0.0, variance=0.0)
        known = [cell.column(0) if isinstance(cell, JointMoments) else nothing for cell in (control, treatment)]
        return compare_means(known[0], known[1])
    if outcomes.metric.kind == "ratio":
        return compare_ratios(control, treatment, confidence=confidence)
    found = compare_means(control.column(0), treatment.column(0), confidence=confidence)
    return replace(found, method=f"{found.method}{outcomes.note}") if found.p_value is not None else found


def _stratified_rates(
    first: Mapping[str, Cell], second: Mapping[str, Cell], strata: Sequence[str], confidence: float
) -> Comparison:
    pairs = _rate_strata(first, second, strata)
    control = sum((pair.control for pair in pairs), NOBODY)
    treatment = sum((pair.treatment for pair in pairs), NOBODY)
    usable = [pair for pair in pairs if pair.control.n and pair.treatment.n]
    return Comparison(
        n_control=control.n,
        n_treatment=treatment.n,
        control=control.value,
        treatment=treatment.value,
        difference=mantel_haenszel_difference(pairs, confidence=confidence),
        lift=_standardised_lift(usable, confidence),
        p_value=cochran_mantel_haenszel_p(pairs) if usable else None,
        method="Cochran-Mantel-Haenszel test, Mantel-Haenszel difference with Sato's variance",
    )


def _rate_strata(first: Mapping[str, Cell], second: Mapping[str, Cell], strata: Sequence[str]) -> list[RateStratum]:
    return [RateStratum(control=_as_rate(first.get(name)), treatment=_as_rate(second.get(name))) for name in strata]


def _standardised_lift(strata: Sequence[RateStratum], confidence: float) -> Estimate:
    if not strata:
        return Estimate.undefined("no stratum has customers in both arms.")
    control, treatment = _standardised(strata)
    return fieller_lift(control, treatment, freedom=float("inf"), confidence=confidence)


def _standardised(strata: Sequence[RateStratum]) -> tuple[Mean, Mean]:
    """Rates as if both arms had the strata of everybody."""
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
    return made[0], made[1]


def _mean_strata(first: Mapping[str, Cell], second: Mapping[str, Cell], strata: Sequence[str]) -> list[MeanStratum]:
    pairs = []
    for name in strata:
        control, treatment = first.get(name), second.get(name)
        if not isinstance(control, JointMoments) or not isinstance(treatment, JointMoments):
            raise InputError(f"stratum {name!r} has no customers in an arm; put it together with another stratum.")
        pairs.append(MeanStratum(control=control.column(0), treatment=treatment.column(0)))
    return pairs


def _as_rate(cell: Cell | None) -> Rate:
    return cell if isinstance(cell, Rate) else NOBODY
