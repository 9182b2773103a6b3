"""The alert queue as campaigns allow it: who must not be contacted, because a control group or the holdout needs them.

Alerts know nothing of campaigns, so that this hands down whom to leave alone as SQL, and is what everybody calls to
renew the queue. A campaign with a control measures what its arms do; a call to some of its customers and not to others
would be counted as its effect, so by default all its arms are left alone until their windows are over.
"""

from __future__ import annotations

from datetime import datetime

from churn_core.campaigns.holdout import held_out_now, present
from churn_core.campaigns.store import Campaign, campaigns
from churn_core.campaigns.windows import is_complete, window_end
from churn_core.customers.alert_foresight import Foreseen, foresee, who_waits
from churn_core.customers.alert_held import NOBODY, HeldBack, mark_now
from churn_core.customers.alert_policy import AlertPolicy, alert_policy
from churn_core.customers.alert_refresh import AlertsRefreshed, refresh_alerts
from churn_core.jobs import Progress, no_progress
from churn_core.warehouse import Transaction, Warehouse, utc_now

HELD_OUT = "held out of all campaigns, so that the whole programme can be measured: no contact"


def renew_alerts(
    warehouse: Warehouse,
    progress: Progress = no_progress,
    *,
    n_more: int = 0,
    now: datetime | None = None,
    as_of: datetime | None = None,
) -> AlertsRefreshed:
    """Renew the queue without those whom a running campaign or the holdout needs; after imports and scorings.

    ``n_more`` are places this once beyond those of the day.
    """
    held = held_back(warehouse, at=as_of)
    return refresh_alerts(warehouse, held_back=held, n_more=n_more, progress=progress, now=now, as_of=as_of)


def foresee_alerts(warehouse: Warehouse, policy: AlertPolicy) -> Foreseen:
    """What a renewal with other settings would do now; nothing is changed."""
    return foresee(warehouse, policy, held_back=held_back(warehouse, policy=policy))


def customers_who_wait(warehouse: Warehouse) -> tuple[str, ...]:
    """Who qualifies for an alert beyond the places of the day and may be contacted, in the order of the queue."""
    return who_waits(warehouse, held_back=held_back(warehouse))


def held_back(
    reader: Warehouse | Transaction, *, at: datetime | None = None, policy: AlertPolicy | None = None
) -> HeldBack:
    """Who must not be contacted at an instant (default: the present, or the end of historic data)."""
    moment = at or present(reader)
    pauses = (policy or alert_policy(reader)).pause_in_campaigns
    parts: list[str] = []
    values: dict[str, object] = {"alert_present": moment}
    held_out = held_out_now(reader, "asked.customer_id")
    if held_out:
        sql, parameters = held_out
        parts.append(f"SELECT customer_id, $held_out_words AS why FROM asked WHERE {sql}")
        values |= parameters | {"held_out_words": HELD_OUT}
    for number, running in enumerate(_running(reader, moment)):
        parts.append(_in_campaign(running, number, pauses))
        values |= {
            f"alert_campaign_{number}": running.campaign_id,
            f"alert_control_{number}": running.plan.control.name if running.plan.control else "",
            f"alert_name_{number}": running.name,
        }
    return HeldBack(sql=" UNION ALL ".join(parts), parameters=values) if parts else NOBODY


def mark_alerts(tx: Transaction) -> int:
    """Say on the alerts in the queue who must not be contacted any more, and who may be again; how many changed.

    A part of every change that decides it: a draw, an end of a campaign, the holdout.
    """
    return mark_now(tx, held_back(tx), utc_now())


def _running(reader: Warehouse | Transaction, moment: datetime) -> list[Campaign]:
    """Campaigns with a control that are drawn and not decided, and may have a window that is not over."""
    return [
        found
        for found in campaigns(reader, "locked")
        if found.plan.control is not None and (found.ends_at is None or found.ends_at > moment)
    ]


def _in_campaign(running: Campaign, number: int, pauses: bool) -> str:
    days = running.plan.goal.window_days
    end = window_end(days, starts_at="drawn.starts_at")
    over = is_complete(days, starts_at="drawn.starts_at", until="$alert_present")
    until = f"strftime({end} - INTERVAL 1 DAY, '%-d %b %Y')"
    name = f"$alert_name_{number}"
    control = f"'control group of the campaign ' || {name} || ' until ' || {until} || ': no contact'"
    treated = (
        f"'in the campaign ' || {name} || ' (' || drawn.arm || ') until ' || {until} || "
        "': a call would be counted as its effect'"
    )
    is_control = f"drawn.arm = $alert_control_{number}"
    return (
        f"SELECT asked.customer_id, CASE WHEN {is_control} THEN {control} ELSE {treated} END AS why "
        f"FROM asked JOIN assignments drawn ON drawn.customer_id = asked.customer_id "
        f"WHERE drawn.campaign_id = $alert_campaign_{number} AND NOT ({over})"
        + ("" if pauses else f" AND {is_control}")
    )
