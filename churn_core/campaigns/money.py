"""Every treatment in money: what it brought more than the control, what it cost, and what is left.

The effect is an estimate with an interval; the costs are counted. Both are about the same customers: those of the arm
whose outcome window is over.
"""

from __future__ import annotations

from collections.abc import Mapping

from churn_core.campaigns.plan import Arm, Plan
from churn_core.campaigns.readout_model import ArmMoney, ArmResult, Money
from churn_core.campaigns.results import times
from churn_core.settings import Settings
from churn_core.stats.estimate import Comparison, Estimate

TOLD = (
    "More means: the difference to the control per customer, times the customers of the arm whose window is over. "
    "Costs are counted, not estimated: {contacts}, and an offer for everybody in the arm who ordered within the "
    "window, also those who would have ordered anyway; discounts that the orders record are taken off the {gain} "
    "already. So the interval is that of the {gain} alone; if it were done again, the number of offers taken would "
    "vary as well."
)
CONTACTS_COUNTED = "a contact for everybody whom the imported contacts show as sent something"
CONTACTS_ASSUMED = "a contact for everybody in the arm, because no contacts of it were imported"
CONTACTS_MIXED = "contacts as imported, and for everybody in the arms of which none were imported"


def campaign_money(
    plan: Plan,
    comparisons: Mapping[str, Mapping[str, Comparison]],
    *,
    n_ordered: Mapping[str, int],
    n_sent: Mapping[str, int],
    chosen: Settings,
    is_margin: bool | None = None,
) -> Money:
    """Money of every treatment.

    ``comparisons`` are those of orders, margin and, where amounts are capped, margin_capped, by metric and arm;
    ``n_ordered`` and ``n_sent`` are customers per arm who ordered within their window and who were sent something.
    ``n_sent`` holds the arms whose contacts were imported; in the others everybody counts as contacted.
    ``is_margin`` says whether amounts are margins; by default they are where the shop set one, else revenue.
    """
    gain = "margin" if (chosen.margin_rate < 1 if is_margin is None else is_margin) else "revenue"
    arms = tuple(
        _of_arm(arm, {name: found[arm.name] for name, found in comparisons.items()}, n_ordered, n_sent, gain)
        for arm in plan.treatments
    )
    n_known = sum(arm.name in n_sent for arm in plan.treatments)
    contacts = CONTACTS_ASSUMED if not n_known else CONTACTS_COUNTED if n_known == len(arms) else CONTACTS_MIXED
    told = TOLD.format(contacts=contacts, gain=gain)
    return Money(currency=chosen.currency, margin_rate=chosen.margin_rate, arms=arms, told=told)


def _of_arm(
    arm: Arm,
    comparisons: Mapping[str, Comparison],
    n_ordered: Mapping[str, int],
    n_sent: Mapping[str, int],
    gain: str,
) -> ArmMoney:
    n = comparisons["margin"].n_treatment
    n_contacted = min(n, n_sent.get(arm.name, n))
    contact_cost, offer_cost = arm.contact_cost * n_contacted, arm.offer_cost * n_ordered.get(arm.name, 0)
    margin = times(comparisons["margin"].difference, n)
    capped = comparisons.get("margin_capped")
    return ArmMoney(
        arm=arm.name,
        n=n,
        n_contacted=n_contacted,
        n_offers=n_ordered.get(arm.name, 0),
        orders=times(comparisons["orders"].difference, n),
        margin=margin,
        contact_cost=contact_cost,
        offer_cost=offer_cost,
        net=less(margin, contact_cost + offer_cost),
        return_on_spend=_per_unit(margin, contact_cost + offer_cost),
        margin_capped=None if capped is None else times(capped.difference, n),
        gain=gain,
    )


def less(estimate: Estimate, cost: float) -> Estimate:
    """An estimate after a cost that is known exactly."""

    def after(value: float | None) -> float | None:
        return None if value is None else value - cost

    return Estimate(
        value=after(estimate.value), low=after(estimate.low), high=after(estimate.high), reason=estimate.reason
    )


def by_arm(results: tuple[ArmResult, ...], metric: str) -> dict[str, Comparison]:
    """The comparisons of one metric, by treatment."""
    return {result.arm: result.comparison for result in results if result.metric == metric}


def _per_unit(margin: Estimate, cost: float) -> Estimate:
    if cost <= 0:
        return Estimate.undefined("no costs are in the plan, and nothing is a multiple of zero.")
    return times(margin, 1 / cost)
