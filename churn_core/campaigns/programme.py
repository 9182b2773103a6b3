"""All campaigns together: what the programme brought against the customers kept out of it, and what was learned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from churn_core.campaigns.decision import Decision, decisions
from churn_core.campaigns.goals import outcome
from churn_core.campaigns.holdout import Holdout, holdout_history
from churn_core.campaigns.holdout_effect import QuarterEffect, quarter_effects
from churn_core.campaigns.readout_model import plain
from churn_core.campaigns.store import Campaign, campaigns
from churn_core.settings import settings
from churn_core.stats.estimate import Estimate
from churn_core.warehouse import Warehouse


@dataclass(frozen=True, kw_only=True)
class ArmEffect:
    """The goal of one treatment as it stood when it was decided."""

    arm: str
    label: str
    unit: str
    """share, count or currency."""
    n: int
    """Customers compared in this arm and the control."""
    difference: Estimate


@dataclass(frozen=True, kw_only=True)
class ProgrammeLine:
    """One campaign in the list of all."""

    campaign_id: str
    name: str
    status: str
    """Status of the campaign: draft, locked, decided or cancelled."""
    starts_on: date | None
    goal: str
    """Outcome the plan is for, as it is shown."""
    n_customers: int
    """Customers drawn; 0 for a draft."""
    read_as: str
    """Status of the readout at the latest decision; empty while none was made."""
    verdict: str
    """Verdict of the readout at the latest decision; empty while none was made."""
    effects: tuple[ArmEffect, ...]
    """The goal per treatment at the latest decision; empty where none was told."""
    net: Estimate | None
    """Margin after costs over all treatments' customers at the latest decision; None where it is not known."""
    decision: str
    """ship, stop or continue; empty while nothing was decided."""
    person: str
    decided_at: datetime | None
    why: str
    learned: str


@dataclass(frozen=True, kw_only=True)
class Programme:
    """The programme as a whole."""

    currency: str
    holdout: Holdout | None
    """The generation in force; None where nobody is held out."""
    quarters: tuple[QuarterEffect, ...]
    """Effect of the programme per calendar quarter, oldest first."""
    campaigns: tuple[ProgrammeLine, ...]
    """All campaigns, the latest start first, drafts at the end."""
    told: str
    """What can be said of the programme, in a sentence."""

    def to_dict(self) -> dict[str, object]:
        """Plain JSON."""
        made: dict[str, object] = plain(self)
        return made


def programme(warehouse: Warehouse) -> Programme:
    """Everything on record: nothing is read out again, campaigns stand as they were decided."""
    generations = holdout_history(warehouse)
    running = next((found for found in generations if found.ended_at is None), None)
    currency = settings(warehouse).currency
    quarters = quarter_effects(warehouse, generations)
    latest: dict[str, Decision] = {}
    for made in reversed(decisions(warehouse)):
        latest[made.campaign_id] = made
    sizes = {str(key): int(n) for key, n in warehouse.rows("SELECT campaign_id, count(*) FROM assignments GROUP BY 1")}
    lines = [_line(found, sizes, latest.get(found.campaign_id)) for found in campaigns(warehouse)]
    lines.sort(key=lambda line: line.starts_on or date.min, reverse=True)
    return Programme(
        currency=currency,
        holdout=running,
        quarters=quarters,
        campaigns=tuple(lines),
        told=_told(running, quarters),
    )


def _line(found: Campaign, sizes: dict[str, int], made: Decision | None) -> ProgrammeLine:
    return ProgrammeLine(
        campaign_id=found.campaign_id,
        name=found.name,
        status=found.status,
        starts_on=found.starts_at.date() if found.starts_at else None,
        goal=outcome(found.plan.goal.outcome).label,
        n_customers=sizes.get(found.campaign_id, 0),
        read_as=made.status if made else "",
        verdict=made.verdict if made else "",
        effects=_effects(made) if made else (),
        net=_net(made) if made else None,
        decision=made.decision if made else "",
        person=made.person if made else "",
        decided_at=made.made_at if made else None,
        why=made.why if made else "",
        learned=made.learned if made else "",
    )


def _effects(made: Decision) -> tuple[ArmEffect, ...]:
    """The goal's rows of the stored readout; none where its health hid them."""
    if made.status not in ("better", "worse", "no_clear_difference"):
        return ()
    rows = [row for row in made.result.get("results", ()) if row["is_primary"]]
    return tuple(
        ArmEffect(
            arm=row["arm"],
            label=row["label"],
            unit=row["unit"],
            n=row["comparison"]["n_control"] + row["comparison"]["n_treatment"],
            difference=Estimate(**row["comparison"]["difference"]),
        )
        for row in rows
    )


def _net(made: Decision) -> Estimate | None:
    """Of a single treatment as it was told; of several the sum without an interval, because they share a control."""
    if not _effects(made):
        return None
    stored = made.result.get("money")
    nets = [Estimate(**arm["net"]) for arm in stored["arms"]] if stored else []
    known = [net.value for net in nets if net.value is not None]
    if not nets or len(known) < len(nets):
        return None
    if len(nets) == 1:
        return nets[0]
    why = "several treatments share one control, so their intervals do not add up."
    return Estimate(value=sum(known), low=None, high=None, reason=why)


def _told(running: Holdout | None, quarters: Sequence[QuarterEffect]) -> str:
    if running is None and not quarters:
        return (
            "Nobody is held out of all campaigns, so the programme as a whole cannot be measured; start a global "
            "holdout in the settings."
        )
    told = [quarter for quarter in quarters if quarter.is_complete and quarter.is_valid]
    if not told:
        since = f" since {running.started_at:%-d %B %Y}" if running else ""
        return (
            f"Customers are held out{since}; the effect of the programme is told when the first whole calendar "
            "quarter after that is over."
        )
    return told[-1].told
