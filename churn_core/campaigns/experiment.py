"""A finished experiment read out: are the arms as planned, what differs, and may it be believed.

From sums per arm and stratum, so that it does not matter how many customers stand behind them. The order is fixed:
health before effects, the first metric decides, further ones are exploratory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from churn_core.campaigns.comparison import Cell, Outcomes
from churn_core.campaigns.metrics import Metric
from churn_core.campaigns.readout_model import ArmResult
from churn_core.campaigns.results import SIGNIFICANT, all_results, is_too_small, reading
from churn_core.errors import InputError
from churn_core.stats.sample_ratio import SampleRatio, check_sample_ratio

__all__ = ["SIGNIFICANT", "ArmResult", "Cell", "Outcomes", "Readout", "read_out", "status_of"]


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
    absent = [arm for arm, share in planned.items() if share > 0 and arm not in counts]
    if absent:
        raise InputError(
            f"arm {absent[0]!r} has a planned share and no customer; the arms found are "
            f"{', '.join(map(repr, counts))}: check its name, or bring its customers."
        )
    ratio = check_sample_ratio(counts, planned)
    results = all_results(outcomes, control=control, treatments=treatments, is_lower_better=is_lower_better)
    status = "invalid_srm" if ratio.alarm else status_of(outcomes[0], control, treatments, results)
    return Readout(
        sample_ratio=ratio,
        status=status,
        verdict=_verdict(status, ratio, results, control, outcomes[0].metric),
        results=results,
    )


def status_of(primary: Outcomes, control: str, treatments: Sequence[str], results: Sequence[ArmResult]) -> str:
    """too_small, better, worse or no_clear_difference, once nothing speaks against reading the goal."""
    if any(is_too_small(primary, control, arm) for arm in treatments):
        return "too_small"
    found = {reading(result) for result in results if result.is_primary}
    return next((status for status in ("better", "worse") if status in found), "no_clear_difference")


def _verdict(status: str, ratio: SampleRatio, results: Sequence[ArmResult], control: str, metric: Metric) -> str:
    if status == "invalid_srm":
        return (
            f"The arms are not as large as planned ({ratio.arm} is {100 * abs(ratio.largest_gap):.2f} points "
            f"{'above' if ratio.largest_gap > 0 else 'below'} its share of all customers): something in assignment or "
            "counting is broken, so no effect is told."
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
