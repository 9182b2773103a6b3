"""What a readout says, as plain frozen results: of a campaign of the workspace, or of any experiment in a file.

Separate from what computes them, so that pages, the command line and the stored decisions share one shape.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime
from typing import Any

from churn_core.campaigns.store import Campaign
from churn_core.stats.bayes import Posterior
from churn_core.stats.estimate import Comparison, Estimate
from churn_core.stats.noninferiority import NonInferiority

STATUSES: dict[str, str] = {
    "not_measurable": "Not measurable: there is no control",
    "invalid_srm": "Not valid: the arms are not as large as drawn",
    "invalid_overlap": "Not valid: arms are mixed up with each other or with another campaign",
    "not_started": "Not started",
    "too_small": "Too small to tell",
    "running": "Running",
    "better": "Better than the control",
    "worse": "Worse than the control",
    "no_clear_difference": "No clear difference",
}
"""Where a readout stands, the first that applies, with its words."""

LEVELS: tuple[str, ...] = ("ok", "warn", "red")
"""How a health check came out, from good to bad; red hides the verdict."""


@dataclass(frozen=True, kw_only=True)
class HealthCheck:
    """One condition under which the numbers may be believed."""

    name: str
    """sample_ratio, balance, double_exposure, same_email, freshness or windows."""
    label: str
    """As it is shown."""
    level: str
    """One of LEVELS."""
    told: str
    """What was found, in a sentence."""


@dataclass(frozen=True, kw_only=True)
class ArmSize:
    """One arm and how many customers it has."""

    name: str
    is_control: bool
    share: float
    """Planned share."""
    n_assigned: int
    n_complete: int
    """Customers whose outcome window is over and known; only these are compared."""
    offer: str = ""
    """What the arm gets, in words; empty for the control and where it is not known."""


@dataclass(frozen=True, kw_only=True)
class ArmResult:
    """One treatment against the control on one metric."""

    metric: str
    arm: str
    is_primary: bool
    comparison: Comparison
    p_adjusted: float | None
    """Holm over the treatments for the first metric; Benjamini-Hochberg over all others, which are exploratory."""
    label: str = ""
    """The metric as it is shown."""
    kind: str = "mean"
    """rate, mean or ratio."""
    unit: str = ""
    """share, count or currency; empty where it is not known."""
    is_lower_better: bool = False
    """Whether less of it is better: turns the verdict, never the sign of a number."""
    posterior: Posterior | None = None
    """The Bayesian view of the same difference; None where there is none, ``posterior_reason`` says why.
    ``chance_to_beat`` is the chance that the treatment's value is higher, whatever is better."""
    posterior_reason: str = ""
    alpha: float = 0.05
    """Adjusted p-value below which the difference counts as clear; the intervals are those of 1 - alpha."""
    total: Estimate | None = None
    """The difference times the customers of the treatment arm: customers, orders or money more; None for ratios."""

    @property
    def correction(self) -> str:
        """How the adjusted p-value was made, in words."""
        return "Holm" if self.is_primary else "Benjamini-Hochberg, exploratory"

    @property
    def chance_to_be_better(self) -> float | None:
        """Chance that the treatment is better than the control, in the metric's own direction."""
        if self.posterior is None:
            return None
        return 1 - self.posterior.chance_to_beat if self.is_lower_better else self.posterior.chance_to_beat

    @property
    def expected_loss(self) -> float | None:
        """What choosing the treatment costs on average if it is not better, in the metric's unit."""
        if self.posterior is None:
            return None
        return self.posterior.expected_loss_of_control if self.is_lower_better else self.posterior.expected_loss


@dataclass(frozen=True, kw_only=True)
class GuardrailResult:
    """Something that must not get clearly worse, for one treatment."""

    outcome: str
    label: str
    kind: str
    unit: str
    is_lower_better: bool
    arm: str
    margin: float
    """How much worse was accepted in the plan."""
    comparison: Comparison
    test: NonInferiority | None
    """None where it cannot be tested; ``told`` says why."""
    state: str
    """kept (harm as large as the margin is refuted), harmed (clearly worse, and it may be by more than the margin),
    open (not enough to tell) or unknown (not measured at all)."""
    told: str
    """The same in a sentence."""


@dataclass(frozen=True, kw_only=True)
class SequencePoint:
    """What could be read at one look."""

    day: date
    """Data known until the end of this day."""
    n: int
    """Customers of both arms counted by then."""
    is_whole_window: bool
    """Whether only whole outcome windows are counted; otherwise it is the difference so far."""
    value: float | None
    low: float | None
    """Ends of the interval that holds at all looks together; None where it cannot be told yet."""
    high: float | None
    p_value: float | None = None
    """Valid at every look; None before a whole window."""


@dataclass(frozen=True, kw_only=True)
class ArmSequence:
    """One treatment's difference over time."""

    arm: str
    points: tuple[SequencePoint, ...]
    decided_on: date | None
    """First look at which the interval left out zero, with whole windows; None when there was none."""


@dataclass(frozen=True, kw_only=True)
class Sequential:
    """Looking before the end, on the goal."""

    metric: str
    label: str
    kind: str
    unit: str
    method: str
    """What the intervals are, in words."""
    planned_n: int
    """Customers that were drawn; the intervals are narrowest there."""
    planned_end: date | None
    """When the last outcome window ends; None while customers may still join."""
    arms: tuple[ArmSequence, ...]
    told: str
    """What may be said so far, in a sentence."""


@dataclass(frozen=True, kw_only=True)
class Slice:
    """One segment of the customers."""

    name: str
    comparison: Comparison
    p_adjusted: float | None
    """Benjamini-Hochberg over the slices of the cut; exploratory."""


@dataclass(frozen=True, kw_only=True)
class SegmentCut:
    """The goal of one treatment in all slices by something known at the draw."""

    column: str
    label: str
    """What it is sliced by, as it is shown."""
    arm: str
    kind: str
    unit: str
    slices: tuple[Slice, ...]
    p_interaction: float | None
    """Chance of effects as different as these if all slices had the same; None where it cannot be tested."""
    p_adjusted: float | None
    """The same after Benjamini-Hochberg over all cuts and treatments."""
    told: str
    """Whether the slices differ by more than chance, in a sentence."""


@dataclass(frozen=True, kw_only=True)
class ArmMoney:
    """What one treatment brought and cost, over the customers of its arm whose window is over."""

    arm: str
    n: int
    """Customers it is about."""
    n_contacted: int
    """Of these, how many a contact was paid for."""
    n_offers: int
    """Of these, how many ordered and so took the offer."""
    orders: Estimate
    """Orders more than without the treatment."""
    margin: Estimate
    """Margin more than without the treatment, before the costs below."""
    contact_cost: float
    offer_cost: float
    net: Estimate
    """Margin less costs."""
    return_on_spend: Estimate
    """Margin per unit of cost: above 1 the campaign paid for itself; undefined without costs."""
    margin_capped: Estimate | None = None
    """Margin more with amounts capped as the plan says; None where there is no cap."""
    gain: str = "margin"
    """What ``margin`` is: margin, or revenue where the shop set no margin."""

    @property
    def cost(self) -> float:
        """All costs."""
        return self.contact_cost + self.offer_cost


@dataclass(frozen=True, kw_only=True)
class Money:
    """Every treatment in money."""

    currency: str
    """ISO code; empty when the shop set none."""
    margin_rate: float
    arms: tuple[ArmMoney, ...]
    told: str
    """How the intervals and the costs are meant."""

    @property
    def gain(self) -> str:
        """margin, or revenue where the shop set no margin."""
        return self.arms[0].gain if self.arms else "margin"


@dataclass(frozen=True, kw_only=True)
class Reached:
    """An extra without a verdict: the contacts of one arm, as far as they were imported."""

    arm: str
    steps: tuple[tuple[str, int], ...]
    """What happened (sent, delivered, opened, ...) and to how many customers."""
    n_reached: int = 0
    """Customers who got a message."""
    n_ordered: int = 0
    """Of these, how many ordered within the window so far; they differ from others in more than the message."""


@dataclass(frozen=True, kw_only=True)
class CampaignReadout:
    """The answer of a campaign, or of an experiment in a file."""

    name: str
    """The campaign's name, or that of the file."""
    campaign: Campaign | None
    """None for an experiment in a file."""
    as_of: datetime | None
    """Up to when the data is known; None where the file does not say."""
    currency: str
    """ISO code for amounts; empty when none is set."""
    control: str | None
    """Name of the control arm."""
    health: tuple[HealthCheck, ...]
    """In the order in which they are read."""
    status: str
    """Key of STATUSES."""
    verdict: str
    """The same in plain words; where health is red it says why there is no verdict."""
    arms: tuple[ArmSize, ...]
    """The control first."""
    results: tuple[ArmResult, ...]
    """The goal first, then what is exploratory."""
    guardrails: tuple[GuardrailResult, ...] = ()
    sequential: Sequential | None = None
    segments: tuple[SegmentCut, ...] = ()
    money: Money | None = None
    reached: tuple[Reached, ...] = ()
    notes: tuple[str, ...] = ()
    """What else a reader should know, in sentences."""

    @property
    def is_hidden(self) -> bool:
        """Whether red health hides effects and verdict."""
        return any(check.level == "red" for check in self.health)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON; a campaign is named by its id, name and the digest of its plan."""
        made = {entry.name: plain(getattr(self, entry.name)) for entry in fields(self) if entry.name != "campaign"}
        named = self.campaign and {
            "campaign_id": self.campaign.campaign_id,
            "name": self.campaign.name,
            "plan_sha256": self.campaign.plan_sha256,
        }
        return {"campaign": named or None, **made}


def plain(value: Any) -> Any:
    """Results as plain JSON: dataclasses and mappings as objects, times as text."""
    if is_dataclass(value) and not isinstance(value, type):
        return {entry.name: plain(getattr(value, entry.name)) for entry in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    return value.isoformat() if isinstance(value, date) else value
