"""Whether the arms were kept apart: customers contacted by another campaign as well, and addresses in two arms.

Separate from the measuring because nothing here changes what is counted; it says whether the answer may be believed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from churn_core.campaigns.store import Campaign, campaigns
from churn_core.campaigns.windows import overlap as windows_overlap
from churn_core.warehouse import Warehouse


@dataclass(frozen=True, kw_only=True)
class OtherCampaign:
    """Another campaign that reached some of the same customers in the same days."""

    campaign_id: str
    name: str
    n_customers: Mapping[str, int]
    """Customers of this campaign in one of its arms other than the control, by arm of this campaign."""


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """Customers who may have got something besides what their arm gets."""

    n_assigned: Mapping[str, int]
    """All customers by arm, to set the others against."""
    n_also_elsewhere: Mapping[str, int]
    """Customers in an arm other than the control of another campaign whose window touches theirs, by arm."""
    others: tuple[OtherCampaign, ...]
    """These campaigns, the one that shares most customers first."""
    n_shared_email: Mapping[str, int]
    """Customers with the same e-mail address as somebody in another arm, by arm."""

    @property
    def is_clean(self) -> bool:
        """Whether nobody was reached twice."""
        return not any(self.n_also_elsewhere.values()) and not any(self.n_shared_email.values())


def overlap(warehouse: Warehouse, campaign: Campaign) -> Overlap:
    """How many customers of each arm were reached by another campaign, or share an address with another arm.

    Another campaign counts while its own outcome window touches the customer's. A cancelled one counts only when its
    list had left the product already.
    """
    arms = _by_arm(campaign, warehouse.rows(
        "SELECT arm, count(*) FROM assignments WHERE campaign_id = $id GROUP BY arm", {"id": campaign.campaign_id}
    ))  # fmt: skip
    elsewhere, others = _elsewhere(warehouse, campaign)
    return Overlap(
        n_assigned=arms,
        n_also_elsewhere=_by_arm(campaign, elsewhere),
        others=others,
        n_shared_email=_by_arm(campaign, warehouse.rows(_SHARED_EMAIL, {"id": campaign.campaign_id})),
    )


_SHARED_EMAIL = """
WITH addressed AS (
    SELECT drawn.arm, lower(trim(customers.email)) AS email
    FROM assignments AS drawn JOIN customers USING (customer_id)
    WHERE drawn.campaign_id = $id AND trim(customers.email) <> ''
),
shared AS (SELECT email FROM addressed GROUP BY email HAVING min(arm) <> max(arm))
SELECT arm, count(*) FROM addressed JOIN shared USING (email) GROUP BY arm
"""


def _elsewhere(warehouse: Warehouse, campaign: Campaign) -> tuple[list[tuple[str, int]], tuple[OtherCampaign, ...]]:
    names = {entry.campaign_id: entry for entry in _others(warehouse, campaign)}
    if not names:
        return [], ()
    controls = {key: entry.plan.control.name if entry.plan.control else "" for key, entry in names.items()}
    met = (
        "WITH others AS (SELECT unnest($ids) AS campaign_id, unnest($controls) AS control, unnest($days) AS days), "
        "met AS (SELECT drawn.customer_id, drawn.arm, other.campaign_id FROM assignments AS drawn "
        "JOIN assignments AS other ON other.customer_id = drawn.customer_id "
        "JOIN others ON others.campaign_id = other.campaign_id "
        "WHERE drawn.campaign_id = $id AND other.arm <> others.control AND "
        f"{windows_overlap(campaign.plan.goal.window_days, 'other.starts_at', 'others.days')}) "
    )
    parameters = {
        "id": campaign.campaign_id,
        "ids": list(names),
        "controls": list(controls.values()),
        "days": [entry.plan.goal.window_days for entry in names.values()],
    }
    total = warehouse.rows(f"{met} SELECT arm, count(DISTINCT customer_id) FROM met GROUP BY arm", parameters)
    each = warehouse.rows(f"{met} SELECT campaign_id, arm, count(*) FROM met GROUP BY ALL", parameters)
    found = [
        OtherCampaign(
            campaign_id=key,
            name=entry.name,
            n_customers=_by_arm(campaign, [(arm, n) for other, arm, n in each if other == key]),
        )
        for key, entry in names.items()
    ]
    touched = [entry for entry in found if any(entry.n_customers.values())]
    return total, tuple(sorted(touched, key=lambda entry: (-sum(entry.n_customers.values()), entry.campaign_id)))


def _others(warehouse: Warehouse, campaign: Campaign) -> list[Campaign]:
    """Campaigns that may have reached somebody: locked ones, and cancelled ones whose list was exported."""
    exported = {row[0] for row in warehouse.rows("SELECT DISTINCT campaign_id FROM exports")}
    return [
        entry
        for entry in campaigns(warehouse, "locked", "decided", "cancelled")
        if entry.campaign_id != campaign.campaign_id and (entry.status != "cancelled" or entry.campaign_id in exported)
    ]


def _by_arm(campaign: Campaign, rows: list[tuple[str, int]]) -> dict[str, int]:
    """Counts in the order of the plan's arms, 0 where there are none."""
    found = {str(arm): int(n) for arm, n in rows}
    return {arm: found.pop(arm, 0) for arm in campaign.plan.shares} | found
