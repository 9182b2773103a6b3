"""What exclusions depend on apart from the customer: the start, the channels, other campaigns, what is known at all.

Gathered once by a handful of small queries, so that every rule is a plain function of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from churn_core.campaigns.holdout import current_holdout, held_out_sql
from churn_core.campaigns.plan import CHANNELS, Plan
from churn_core.campaigns.start import default_start, start_of
from churn_core.campaigns.store import Campaign, campaigns
from churn_core.schema import quote
from churn_core.warehouse import Transaction, Warehouse


@dataclass(frozen=True, kw_only=True)
class OtherCampaign:
    """Another campaign that customers may be in."""

    campaign_id: str
    name: str
    open_after: datetime
    """Its customers who started later than this are still within their window when this campaign starts."""


@dataclass(frozen=True, kw_only=True)
class SentCampaign:
    """Another campaign that contacted customers."""

    campaign_id: str
    control: str
    """Its arm that got nothing; empty when there was none."""


@dataclass(frozen=True, kw_only=True)
class Situation:
    """A campaign among what the workspace knows."""

    campaign_id: str
    starts_at: datetime
    """First instant of contact; what happened from here on is not looked at."""
    contacted_since: datetime
    """From when on a message counts as recent."""
    channels: frozenset[str]
    """Channels of the treatments; e-mail while no treatment names one."""
    is_assumed: bool
    """Whether no treatment names a channel yet."""
    held_out: tuple[str, dict[str, object]] | None
    """Condition on ``a`` that a customer is held out, with its parameters; None without a holdout."""
    is_due: bool
    """Whether the planned reshuffle of the holdout is due."""
    others: tuple[OtherCampaign, ...]
    """Campaigns whose windows may reach into this one."""
    sent: tuple[SentCampaign, ...]
    """Campaigns that contacted somebody, or may have."""
    has_consent: bool
    """Whether consent is known for anybody."""
    has_email: bool
    has_phone: bool
    has_tickets: bool
    has_settled: bool
    """Whether any request to customer service says when it was settled."""
    has_contacts: bool
    has_sent: bool
    last_sent: datetime | None
    """Last message known to be sent before the start."""

    @property
    def other_channels(self) -> list[str]:
        """Channels that the campaign does not use."""
        return sorted(CHANNELS.keys() - self.channels)


def situation_of(
    warehouse: Warehouse | Transaction, campaign: Campaign, *, starts_at: datetime | None = None
) -> Situation:
    """The situation of a campaign; ``starts_at`` is the start of those who join it later."""
    start = starts_at or campaign_start(warehouse, campaign)
    plan = campaign.plan
    named = frozenset(arm.channel for arm in plan.treatments if arm.channel)
    held_out = current_holdout(warehouse)
    elsewhere = [other for other in campaigns(warehouse) if other.campaign_id != campaign.campaign_id]
    last_sent = warehouse.value(
        "SELECT max(contact_time) FROM contacts WHERE lower(trim(kind)) = 'sent' AND contact_time < $start",
        {"start": start},
    )
    return Situation(
        campaign_id=campaign.campaign_id,
        starts_at=start,
        contacted_since=start - timedelta(days=plan.exclusions.contacted_days or 0),
        channels=named or frozenset({"email"}),
        is_assumed=not named,
        held_out=None if held_out is None else held_out_sql(held_out, "a.customer_id"),
        is_due=held_out is not None and held_out.is_due,
        others=tuple(_other(other, start) for other in elsewhere if other.status in ("locked", "decided")),
        sent=_sent(warehouse, elsewhere),
        has_consent=_is_filled(warehouse, "customers", "email_consent"),
        has_email=_is_filled(warehouse, "customers", "email"),
        has_phone=_is_filled(warehouse, "customers", "phone"),
        has_tickets=_is_filled(warehouse, "tickets", "opened_at"),
        has_settled=_is_filled(warehouse, "tickets", "resolved_at"),
        has_contacts=_is_filled(warehouse, "contacts", "contact_time"),
        has_sent=last_sent is not None,
        last_sent=last_sent,
    )


def campaign_start(warehouse: Warehouse | Transaction, campaign: Campaign) -> datetime:
    """First instant of a campaign: as locked, else of the day planned, else of the day that would be proposed."""
    return campaign.starts_at or start_of(campaign.plan.starts_on or default_start(warehouse))


def day(moment: datetime) -> str:
    """A date as it is written everywhere.

    >>> day(datetime(2011, 9, 2, 14))
    '2 Sep 2011'
    """
    return f"{moment.day} {moment:%b %Y}"


def _other(other: Campaign, start: datetime) -> OtherCampaign:
    """Open until the window of each customer is over; for ever while a running campaign has no planned end."""
    is_endless = other.status == "locked" and other.ends_at is None
    after = datetime.min if is_endless else start - timedelta(days=other.plan.goal.window_days)
    return OtherCampaign(campaign_id=other.campaign_id, name=other.name, open_after=max(after, datetime(1, 1, 1)))


def _sent(warehouse: Warehouse | Transaction, elsewhere: list[Campaign]) -> tuple[SentCampaign, ...]:
    """Campaigns whose arms were drawn; cancelled ones only when a list had left the product."""
    exported = {row[0] for row in warehouse.rows("SELECT DISTINCT campaign_id FROM exports")}
    return tuple(
        SentCampaign(campaign_id=other.campaign_id, control=_control(other.plan))
        for other in elsewhere
        if other.status in ("locked", "decided") or (other.status == "cancelled" and other.campaign_id in exported)
    )


def _control(plan: Plan) -> str:
    return plan.control.name if plan.control else ""


def _is_filled(warehouse: Warehouse | Transaction, table: str, column: str) -> bool:
    return bool(warehouse.rows(f"SELECT 1 FROM {quote(table)} WHERE {quote(column)} IS NOT NULL LIMIT 1"))
