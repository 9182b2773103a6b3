"""Any finished experiment in a file as the readout that campaigns have: health, verdict, effects and slices.

Separate from reading a file's sums, because here is decided what a file can be held to: it says nothing of windows,
contacts or costs, so these parts stay empty.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from churn_core.campaigns.balance import balance_check
from churn_core.campaigns.comparison import Outcomes
from churn_core.campaigns.experiment import read_out
from churn_core.campaigns.experiment_file import ExperimentFile, require_known_before
from churn_core.campaigns.health import p_words, ratio_words
from churn_core.campaigns.metrics import Metric
from churn_core.campaigns.readout_model import ArmSize, CampaignReadout, HealthCheck, SegmentCut
from churn_core.campaigns.segments import segment_cuts
from churn_core.campaigns.verdicts import verdict_words
from churn_core.errors import InputError
from churn_core.intake.source import Source
from churn_core.stats.moments import JointMoments
from churn_core.stats.sample_ratio import SampleRatio

FEW_TWICE = 0.01
"""Share of customers in two arms up to which that is a caution; above, no effect is told."""
MOST_SLICES = 12
"""Different values above which a column is not sliced by."""


@dataclass(frozen=True, kw_only=True)
class ExperimentChoice:
    """Which column of a file is what."""

    arm: str
    """Column of the arm."""
    control: str
    """Value of the arm that got nothing."""
    metrics: tuple[Metric, ...]
    """The first one is the goal."""
    is_lower_better: bool = False
    """Direction of the goal."""
    customer_id: str | None = None
    """Column of the customer; None where every row is taken for one."""
    covariate: str | None = None
    """Column of an amount known before assignment, to reduce the noise of means."""
    stratum: str | None = None
    """Column within whose values arms are compared."""
    shares: tuple[tuple[str, float], ...] = ()
    """Planned share of every arm; empty for equal ones."""
    slices: tuple[str, ...] = ()
    """Columns known before the start to look at the goal by."""


def experiment_readout(source: Source, choice: ExperimentChoice) -> CampaignReadout:
    """Read out an experiment; InputError, in a sentence, for columns or values that make none."""
    if not choice.metrics:
        raise InputError("no outcome is chosen; choose at least one column that says what came of the customers.")
    require_known_before((choice.covariate, choice.stratum, *choice.slices), choice.metrics)
    file = ExperimentFile(source=source, arm=choice.arm, stratum=choice.stratum, covariate=choice.covariate)
    counts = file.counts()
    shares = dict(choice.shares) or {arm: 1 / len(counts) for arm in counts}
    found = read_out(
        counts,
        [file.outcomes(metric) for metric in choice.metrics],
        control=choice.control,
        shares=shares,
        is_lower_better=choice.is_lower_better,
    )
    treatments = [arm for arm in counts if arm != choice.control]
    health = (_sample_ratio(found.sample_ratio, counts), *_customers(file, choice), *_balance(file, choice, treatments))
    is_told = found.status in ("better", "worse", "no_clear_difference")
    made = CampaignReadout(
        name=source.name,
        campaign=None,
        as_of=None,
        currency="",
        control=choice.control,
        health=health,
        status=found.status,
        verdict=verdict_words(found.results, choice.control, (), "") if is_told else found.verdict,
        arms=tuple(
            ArmSize(
                name=arm,
                is_control=arm == choice.control,
                share=shares[arm],
                n_assigned=counts[arm],
                n_complete=counts[arm],
            )
            for arm in sorted(counts, key=lambda name: (name != choice.control, name))
        ),
        results=found.results,
        segments=_segments(file, choice, treatments) if is_told else (),
    )
    return _hidden(made) if made.is_hidden else made


def _sample_ratio(found: SampleRatio, counts: Mapping[str, int]) -> HealthCheck:
    name, label = "sample_ratio", "Sample ratio"
    if found.alarm:
        return HealthCheck(name=name, label=label, level="red", told=ratio_words(found, "all customers"))
    sizes = ", ".join(f"{arm} {n:,}" for arm, n in counts.items())
    told = f"The arms are as large as planned: {sizes} (p {p_words(found.p_value)})."
    return HealthCheck(name=name, label=label, level="ok", told=told)


def _customers(file: ExperimentFile, choice: ExperimentChoice) -> tuple[HealthCheck, ...]:
    """Whether every customer stands in one row of one arm; nothing where the file does not name customers."""
    if choice.customer_id is None:
        return ()
    n_customers, n_twice, n_mixed = file.rows_per_customer(choice.customer_id)
    label, name = "One arm each", "double_exposure"
    if n_mixed:
        level = "red" if n_mixed > FEW_TWICE * n_customers else "warn"
        told = f"{n_mixed:,} of {n_customers:,} customers stand in more than one arm, so they got both."
        return (HealthCheck(name=name, label=label, level=level, told=told),)
    if n_twice:
        told = (
            f"{n_twice:,} of {n_customers:,} customers have more than one row; rows are counted as if they were "
            "customers, so the intervals are too narrow. Give one row per customer."
        )
        return (HealthCheck(name=name, label=label, level="warn", told=told),)
    told = f"Each of the {n_customers:,} customers has one row in one arm."
    return (HealthCheck(name=name, label=label, level="ok", told=told),)


def _balance(file: ExperimentFile, choice: ExperimentChoice, treatments: list[str]) -> tuple[HealthCheck, ...]:
    """Whether the arms were alike in the covariate before the start; nothing where there is none."""
    if choice.covariate is None:
        return ()
    before = Outcomes(
        metric=Metric(name=choice.covariate, kind="mean", column=choice.covariate),
        cells={
            arm: {"": JointMoments(n=found.n, means=(found.mean,), covariances=((found.variance,),))}
            for arm, found in file.before(choice.covariate).items()
        },
    )
    return (balance_check({choice.covariate: before}, choice.control, treatments),)


def _segments(file: ExperimentFile, choice: ExperimentChoice, treatments: list[str]) -> tuple[SegmentCut, ...]:
    """The goal by every column that was chosen; InputError for one with too many different values."""
    slices: dict[str, dict[str, Outcomes]] = {}
    for column in choice.slices:
        cut = replace(file, stratum=column).outcomes(choice.metrics[0])
        if len(cut.strata) > MOST_SLICES:
            raise InputError(
                f"column {column!r} has {len(cut.strata)} different values, more than the {MOST_SLICES} slices that "
                "can be looked at; choose a column with fewer."
            )
        slices[column] = {name: _only(cut, name) for name in cut.strata}
    return segment_cuts(
        slices, control=choice.control, treatments=treatments, labels={column: column for column in choice.slices}
    )


def _only(cut: Outcomes, name: str) -> Outcomes:
    """The outcomes of one slice."""
    return replace(cut, cells={arm: {"": found[name]} for arm, found in cut.cells.items() if name in found})


def _hidden(made: CampaignReadout) -> CampaignReadout:
    """No effect is told where a check is red; the first one says why."""
    red = next(check for check in made.health if check.level == "red")
    status = "invalid_srm" if red.name == "sample_ratio" else "invalid_overlap"
    return replace(made, status=status, verdict=f"No effect is told: {red.told[:1].lower()}{red.told[1:]}")
