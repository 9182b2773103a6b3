"""The net value of contacting, as lists and plans show it: of which scoring it is, or why there is none."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from churn_core.campaigns.audience import audience_sql
from churn_core.campaigns.over import finished
from churn_core.campaigns.store import campaigns
from churn_core.campaigns.uplift_store import active_uplift, uplift_models
from churn_core.customers.at_risk import required_run
from churn_core.customers.selection import Condition, CustomerFilter, condition
from churn_core.models.runs import latest_run

if TYPE_CHECKING:
    from churn_core.campaigns.store import Campaign
    from churn_core.warehouse import Warehouse

WHY_NONE = (
    "The net value of contacting is not known: no finished campaign has shown yet who responds. Who can be saved says "
    "what is needed."
)

WHY_NOT_YET = (
    "The net value of contacting is not known yet: campaign {name!r} is finished, and one click on Who can be saved "
    "learns from it who responds."
)


@dataclass(frozen=True, kw_only=True)
class NetState:
    """Whether net values are known, and what has to be said beside them."""

    is_known: bool
    told: str
    """Why there are none, or that they are of an older scoring; empty when nothing has to be said."""
    campaign_name: str = ""
    """The campaign that taught them."""
    run_id: int | None = None
    """The scoring they are of."""
    scored_at: datetime | None = None
    silent_days: tuple[float, float] | None = None
    """Only customers silent for so many days are valued: others were not in the campaign."""


@dataclass(frozen=True, kw_only=True)
class AudienceNetValue:
    """What contacting an audience is expected to be worth, before anybody is left out."""

    n_customers: int
    n_known: int
    """Customers whose net value is known."""
    total: float | None
    """Sum of the net values, in the shop's currency; None when none is known."""
    n_positive: int
    """Customers whom contacting is expected to pay for."""
    total_positive: float | None
    """Sum of the net values above 0."""
    reason: str
    """Why nothing is known, or that it is of an older scoring; empty when nothing has to be said."""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)


def net_state(warehouse: Warehouse) -> NetState:
    """Whether lists have net values of contacting, of which scoring, and what to say."""
    active = active_uplift(warehouse)
    run_id = warehouse.value("SELECT max(run_id) FROM uplift_scores") if active else None
    if active is None or run_id is None:
        return NetState(is_known=False, told=_why_none(warehouse))
    name = next((entry.name for entry in campaigns(warehouse) if entry.campaign_id == active.campaign_id), "")
    rows = warehouse.rows("SELECT scored_at FROM score_runs WHERE run_id = $run_id", {"run_id": run_id})
    scored_at = rows[0][0] if rows else None
    run = latest_run(warehouse)
    told = ""
    if run is not None and run.run_id != run_id and scored_at is not None:
        told = (
            f"The net value of contacting is that of the scoring of {scored_at:%-d %b %Y}; customers were scored again "
            "since. Renew it on Who can be saved."
        )
    return NetState(
        is_known=True,
        told=told,
        campaign_name=name,
        run_id=run_id,
        scored_at=scored_at,
        silent_days=active.silent_days,
    )


def net_value_of(warehouse: Warehouse, campaign: Campaign) -> AudienceNetValue:
    """What contacting the audience of a plan is expected to be worth, and whom it is expected to pay for.

    NotEnoughData when the audience is a filter and nothing was scored yet.
    """
    return _summed(warehouse, audience_sql(warehouse, campaign))


def net_value_where(warehouse: Warehouse, chosen: CustomerFilter) -> AudienceNetValue:
    """The same for the customers of the latest scoring that a filter means."""
    where = condition(chosen, required_run(warehouse))
    return _summed(
        warehouse, Condition(sql=f"SELECT customer_id FROM scores WHERE {where.sql}", parameters=where.parameters)
    )


def _summed(warehouse: Warehouse, asked: Condition) -> AudienceNetValue:
    state = net_state(warehouse)
    n_customers, n_known, total, n_positive, total_positive = warehouse.rows(
        "SELECT count(*), count(u.net_value), sum(u.net_value), count(*) FILTER (u.net_value > 0), "
        f"sum(u.net_value) FILTER (u.net_value > 0) FROM ({asked.sql}) a LEFT JOIN (SELECT customer_id, net_value "
        "FROM uplift_scores WHERE run_id = $net_of_run) u ON u.customer_id = a.customer_id",
        {**asked.parameters, "net_of_run": state.run_id},
    )[0]
    return AudienceNetValue(
        n_customers=int(n_customers),
        n_known=int(n_known),
        total=total,
        n_positive=int(n_positive),
        total_positive=total_positive,
        reason=state.told,
    )


def _why_none(warehouse: Warehouse) -> str:
    models = uplift_models(warehouse)
    if not models:
        drawn = [entry for entry in campaigns(warehouse, "locked", "decided") if entry.plan.is_measurable]
        over = finished(warehouse, drawn)
        return WHY_NOT_YET.format(name=over[0].name) if over else WHY_NONE
    if models[0].is_active:
        return "The net value of contacting was not calculated for anybody yet; Who can be saved does it."
    if models[0].has_evidence:
        return "The net value of contacting is switched off; learn again on Who can be saved to show it."
    name = next((entry.name for entry in campaigns(warehouse) if entry.campaign_id == models[0].campaign_id), "")
    return (
        f"The net value of contacting is not shown: campaign {name!r} gave no evidence that customers differ in how "
        "they respond, so target by value."
    )
