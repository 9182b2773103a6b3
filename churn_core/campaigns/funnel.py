"""What became of a campaign's messages: sent, delivered, opened, clicked, unsubscribed, bounced, per arm.

Description, not effect. Customers who opened differ from those who did not in more than the message, so nothing here
changes who is compared; what those reached did is shown without a verdict.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from churn_core.campaigns.store import Campaign
from churn_core.campaigns.windows import in_window
from churn_core.errors import InputError
from churn_core.stats.moments import Rate
from churn_core.stats.proportions import wilson_interval
from churn_core.warehouse import Warehouse

STEPS: dict[str, str] = {
    "sent": "Sent",
    "delivered": "Delivered",
    "opened": "Opened",
    "clicked": "Clicked",
    "unsubscribed": "Unsubscribed",
    "bounced": "Bounced",
}
"""Kinds of contacts, in the order of the funnel, with their words."""

REACHED_NOTE = "Among those reached: they differ from the others in more than the message, so this is no effect."
"""What must stand beside the orders of those reached."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """Customers to whom one thing happened."""

    kind: str
    """Key of STEPS."""
    label: str
    n_customers: int
    """Customers, each counted once however many messages they got."""
    n_contacts: int
    """Rows of the contacts table."""
    of_assigned: float | None
    """Share of everybody assigned to the arm; None of nobody."""
    low: float | None
    high: float | None
    """95 % interval of that share (Wilson)."""
    of_sent: float | None
    """Share of the customers who were sent something; None when nothing was sent."""


@dataclass(frozen=True, kw_only=True)
class Funnel:
    """The contacts of one arm."""

    arm: str
    n_assigned: int
    steps: tuple[Step, ...]
    reached: Rate
    """Of the customers reached, those who ordered within the window so far; an extra without verdict, see
    REACHED_NOTE."""

    def step(self, kind: str) -> Step:
        """One step; KeyError for a kind that is none."""
        return {step.kind: step for step in self.steps}[kind]


def funnel(warehouse: Warehouse, campaign: Campaign) -> dict[str, Funnel]:
    """The contacts of every arm within the customers' windows, of rows that name the campaign by its id or its name.

    Reached are customers to whom a message was delivered, opened or clicked; where no delivery is recorded at all,
    those who were sent one and did not bounce.
    """
    if campaign.starts_at is None:
        raise InputError(f"campaign {campaign.name!r} is still a draft; it has no contacts before it is locked.")
    days = campaign.plan.goal.window_days
    asked = {
        "id": campaign.campaign_id,
        "names": sorted({campaign.campaign_id.casefold(), campaign.name.casefold()}),
        "days": days,
    }
    rows = warehouse.rows(_COUNTS.format(inside=in_window("contacts.contact_time", days)), asked)
    reached = warehouse.rows(
        _REACHED.format(inside=in_window("contacts.contact_time", days), ordered=in_window("orders.order_time", days)),
        asked,
    )
    assigned = warehouse.rows(
        "SELECT arm, count(*) FROM assignments WHERE campaign_id = $id GROUP BY arm ORDER BY arm", asked
    )
    n_assigned = dict.fromkeys(campaign.plan.shares, 0) | {str(arm): int(n) for arm, n in assigned}
    counts = {(str(arm), str(kind)): (int(n), int(n_rows)) for arm, kind, n, n_rows in rows}
    ordered = {str(arm): Rate(n_hits=int(hits), n=int(n)) for arm, hits, n in reached}
    return {
        arm: Funnel(arm=arm, n_assigned=n, steps=_steps(arm, n, counts), reached=ordered.get(arm, Rate(n_hits=0, n=0)))
        for arm, n in n_assigned.items()
    }


_OURS = """
ours AS (
    SELECT drawn.customer_id, drawn.arm, drawn.starts_at, lower(contacts.kind) AS kind
    FROM contacts JOIN assignments AS drawn USING (customer_id)
    WHERE drawn.campaign_id = $id AND list_contains($names, lower(trim(contacts.campaign))) AND {inside}
)
"""

_COUNTS = f"WITH {_OURS} SELECT arm, kind, count(DISTINCT customer_id), count(*) FROM ours GROUP BY ALL"

_REACHED = f"""
WITH {_OURS},
reached AS (
    SELECT customer_id, arm, starts_at FROM ours GROUP BY ALL
    HAVING CASE WHEN (SELECT bool_or(kind = 'delivered') FROM ours)
        THEN bool_or(kind IN ('delivered', 'opened', 'clicked'))
        ELSE bool_or(kind IN ('sent', 'opened', 'clicked')) AND NOT bool_or(kind = 'bounced') END
),
bought AS (
    SELECT DISTINCT drawn.customer_id FROM orders JOIN reached AS drawn USING (customer_id) WHERE {{ordered}}
)
SELECT reached.arm, count(bought.customer_id), count(*)
FROM reached LEFT JOIN bought USING (customer_id) GROUP BY reached.arm
"""


def _steps(arm: str, n_assigned: int, counts: Mapping[tuple[str, str], tuple[int, int]]) -> tuple[Step, ...]:
    n_sent = counts.get((arm, "sent"), (0, 0))[0]
    made = []
    for kind, label in STEPS.items():
        n, n_contacts = counts.get((arm, kind), (0, 0))
        low, high = wilson_interval(n, n_assigned) if n_assigned else (None, None)
        made.append(
            Step(
                kind=kind,
                label=label,
                n_customers=n,
                n_contacts=n_contacts,
                of_assigned=n / n_assigned if n_assigned else None,
                low=low,
                high=high,
                of_sent=n / n_sent if n_sent else None,
            )
        )
    return tuple(made)
