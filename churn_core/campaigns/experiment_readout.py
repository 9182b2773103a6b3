"""Any finished experiment in a file as the readout that campaigns have: health, verdict, effects and slices.

Separate from reading a file's sums, because here is decided what a file can be held to: it says nothing of windows,
contacts or costs, so these parts stay empty.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from churn_core.campaigns.experiment import read_out
from churn_core.campaigns.experiment_file import ExperimentFile
from churn_core.campaigns.metrics import Metric
from churn_core.campaigns.readout_model import ArmSize, CampaignReadout, HealthCheck
from churn_core.errors import InputError
from churn_core.intake.source import Source
from churn_core.stats.means import compare_means
from churn_core.stats.multiple import holm
from churn_core.stats.sample_ratio import SampleRatio

FEW_TWICE = 0.01
"""Share of customers in two arms up to which that is a caution; above, no effect is told."""
BALANCE_BELOW = 0.001
"""Adjusted p-value below which arms that differ before the start are pointed out."""


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


def experiment_readout(source: Source, choice: ExperimentChoice) -> CampaignReadout:
    """Read out an experiment; InputError, in a sentence, for columns or values that make none."""
    if not choice.metrics:
        raise InputError("no outcome is chosen; choose at least one column that says what came of the customers.")
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
    health = (_sample_ratio(found.sample_ratio, counts), *_customers(file, choice), *_balance(file, choice))
    made = CampaignReadout(
        name=source.name,
        campaign=None,
        as_of=None,
        currency="",
        control=choice.control,
        health=health,
        status=found.status,
        verdict=found.verdict,
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
    )
    return _hidden(made) if made.is_hidden and found.status != "invalid_srm" else made


def _sample_ratio(found: SampleRatio, counts: dict[str, int]) -> HealthCheck:
    sizes = ", ".join(f"{arm} {n:,}" for arm, n in counts.items())
    p_value = "< .001" if found.p_value < 0.001 else f"{found.p_value:.3f}"
    told = (
        f"The arms hold {sizes} customers; {found.arm!r} is {abs(found.largest_gap):.2%} of all customers "
        f"{'above' if found.largest_gap > 0 else 'below'} its planned share (p {p_value}"
    )
    if found.alarm:
        told += "), which chance does not explain: something in assignment or counting is broken."
    else:
        told += "), which is within chance."
    return HealthCheck(name="sample_ratio", label="Sample ratio", level="red" if found.alarm else "ok", told=told)


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


def _balance(file: ExperimentFile, choice: ExperimentChoice) -> tuple[HealthCheck, ...]:
    """Whether the arms were alike in the covariate before the start; nothing where there is none."""
    if choice.covariate is None:
        return ()
    arms = file.before(choice.covariate)
    compared = [
        (arm, compare_means(arms[choice.control], found)) for arm, found in arms.items() if arm != choice.control
    ]
    tested = [(arm, found, float(found.p_value)) for arm, found in compared if found.p_value is not None]
    adjusted = holm([p_value for _, _, p_value in tested])
    off = [(arm, found) for (arm, found, _), p in zip(tested, adjusted, strict=True) if p < BALANCE_BELOW]
    label, name = "Alike before", "balance"
    if off:
        arm, found = off[0]
        told = (
            f"{arm!r} had a mean {choice.covariate} of {found.treatment or 0:,.4g} before the start, the control "
            f"{found.control or 0:,.4g}: more apart than chance explains."
        )
        return (HealthCheck(name=name, label=label, level="warn", told=told),)
    means = ", ".join(f"{arm} {found.mean:,.4g}" for arm, found in arms.items())
    told = f"The arms were alike in {choice.covariate} before the start: {means} on average."
    return (HealthCheck(name=name, label=label, level="ok", told=told),)


def _hidden(made: CampaignReadout) -> CampaignReadout:
    why = next(check.told for check in made.health if check.level == "red")
    return replace(made, status="invalid_overlap", verdict=f"No effect is told: {why[:1].lower()}{why[1:]}")
