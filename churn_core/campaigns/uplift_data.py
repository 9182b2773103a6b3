"""The customers of a finished campaign as rows to learn from: known before their start, and what came of it after.

Separate from learning, because here is what must not be wrong: features see strictly before the customer's start, the
outcome is that of the whole window, and everybody who was drawn is in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from churn_core.campaigns.goals import OUTCOMES
from churn_core.campaigns.plan import Arm
from churn_core.campaigns.store import Campaign
from churn_core.campaigns.uplift_learners import Trial
from churn_core.campaigns.windows import in_window, is_complete
from churn_core.errors import InputError, NotEnoughData, unknown_name
from churn_core.features.build import build_features, learnable
from churn_core.features.definition import known_until
from churn_core.jobs import Progress, no_progress
from churn_core.models.training import definition_in_force
from churn_core.stats.columns import numbers

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from churn_core.warehouse import Warehouse

UNEVEN_BELOW = 0.001
"""P-value below which the arms' shares differ between strata by more than chance."""
LEAST_BUYERS = 50
"""Customers of the control who ordered, with an expected value at the draw, from which that value is scaled."""
N_DAYS_TOGETHER = 7
"""Customers who start within so many days are seen as of the first of these days."""


SILENT = "days_since_last_order"
"""Feature that says how long a customer has been silent; campaigns are for customers between two such ages."""

VALUES: dict[str, str] = {
    "retained": "n > 0",
    "orders": "n",
    "spend": "paid",
    "margin": "$margin_rate * (paid + off) - off",
    "repurchase": "n_days > 1",
}
"""Each goal of one customer, from the orders within the window; measured in sums in ``measure``."""

_BOUGHT = (
    "count(*) AS n, sum(CAST(amount AS DOUBLE)) AS paid, sum(CAST(coalesce(discount_amount, 0) AS DOUBLE)) AS off, "
    "count(DISTINCT CAST(order_time AS DATE)) AS n_days"
)


@dataclass(frozen=True, kw_only=True)
class CampaignMoney:
    """What turns an effect into money, as measured in the campaign; amounts in the shop's currency."""

    outcome: str
    """Goal of the campaign: key of OUTCOMES."""
    margin_rate: float
    value_scale: float
    """Margin within the window of a customer who orders, over the expected value of a score run."""
    is_scale_measured: bool
    """Whether that was measured among the control; else window over horizon."""
    discount_per_buyer: float
    """Discounts that a treated customer who ordered got beyond those of the control."""
    share_ordering: float
    """Of the treated, who ordered within the window."""
    margin_per_order: float
    contact_cost: float
    offer_cost: float


@dataclass(frozen=True, kw_only=True)
class CampaignTrial:
    """One treatment of a finished campaign against its control."""

    trial: Trial
    tiers: tuple[str | None, ...]
    """Tier of each customer at the draw."""
    arm: str
    n_assigned: int
    """Customers drawn into the two arms."""
    n_incomplete: int
    """Of these, whose window is not over yet, or who are not in the file of outcomes."""
    n_unseen: int
    """Of these, without any order before the start, so that nothing is known of them."""
    money: CampaignMoney
    silent_days: tuple[float, float]
    """Fewest and most days since the last order among its customers: nothing was learnt of others."""


def learnable_arm(campaign: Campaign, arm: str | None) -> Arm:
    """The treatment that is learnt about: the named one, or the only one."""
    if campaign.is_draft or campaign.status == "cancelled":
        raise InputError(f"campaign {campaign.name!r} is {campaign.status}; choose one whose windows are over.")
    if campaign.plan.control is None:
        raise InputError(
            f"campaign {campaign.name!r} has no control, so nobody can tell what contacting changed; choose another."
        )
    named = {entry.name: entry for entry in campaign.plan.treatments}
    if arm is None and len(named) > 1:
        raise InputError(f"campaign {campaign.name!r} has {len(named)} treatments; choose one of {', '.join(named)}.")
    chosen = arm or next(iter(named))
    if chosen not in named:
        raise unknown_name("arm", chosen, named)
    return named[chosen]


def campaign_trial(
    warehouse: Warehouse, campaign: Campaign, arm: str | None = None, *, progress: Progress = no_progress
) -> CampaignTrial:
    """The rows of one treatment and the control; NotEnoughData or InputError where nothing can be learnt from them."""
    treatment = learnable_arm(campaign, arm)
    control = campaign.plan.control
    assert control is not None
    until = known_until(warehouse)
    if until is None:
        raise NotEnoughData(
            "this workspace holds no orders, so it is not known what customers were like before they were contacted; "
            "who can be saved is learnt from order histories only."
        )
    progress(0.0, "outcomes of the campaign")
    rows = _rows(warehouse, campaign, (control.name, treatment.name), until)
    n_assigned = int(
        warehouse.value(
            "SELECT count(*) FROM assignments WHERE campaign_id = $id AND arm IN ($control, $treatment)",
            {"id": campaign.campaign_id, "control": control.name, "treatment": treatment.name},
        )
    )
    if rows.empty:
        raise NotEnoughData(
            f"no outcome window of campaign {campaign.name!r} is over yet; orders are known until "
            f"{until:%-d %b %Y}: come back when they reach {_last_day(campaign)}."
        )
    frame = _features(warehouse, rows, progress)
    seen = rows[rows["customer_id"].isin(frame.index)].reset_index(drop=True)
    if seen.empty:
        raise NotEnoughData(
            f"no customer of campaign {campaign.name!r} had ordered before it started, so nothing was known of them; "
            "who can be saved is learnt from order histories only."
        )
    treated = (seen["arm"] == treatment.name).to_numpy()
    trial = Trial(
        frame=frame.loc[seen["customer_id"]],
        outcome=seen["value"].to_numpy(dtype=float),
        treated=treated,
        propensity=drawn_shares(treated, seen["stratum"].fillna("").to_numpy(dtype=object)),
        is_rate=OUTCOMES[campaign.plan.goal.outcome].kind == "rate",
    )
    return CampaignTrial(
        trial=trial,
        tiers=tuple(None if tier != tier else tier for tier in seen["tier"]),
        arm=treatment.name,
        n_assigned=n_assigned,
        n_incomplete=n_assigned - len(rows),
        n_unseen=len(rows) - len(seen),
        money=_money(warehouse, campaign, treatment, rows),
        silent_days=(float(frame[SILENT].min()), float(frame[SILENT].max())),
    )


def drawn_shares(treated: NDArray[np.bool_], strata: NDArray[np.object_]) -> NDArray[np.float64]:
    """Chance of each customer to be treated, as drawn: one share, or one per stratum where they clearly differ."""
    from scipy.stats import chi2_contingency

    share = float(treated.mean())
    names, place = np.unique(strata.astype(str), return_inverse=True)
    n = np.bincount(place)
    hits = np.bincount(place, weights=treated)
    if len(names) < 2 or share in (0.0, 1.0) or (hits == 0).any() or (hits == n).any():
        return np.full(len(treated), share)
    p_value = float(chi2_contingency(np.array([hits, n - hits])).pvalue)
    return np.asarray((hits / n)[place] if p_value < UNEVEN_BELOW else np.full(len(treated), share))


def _rows(warehouse: Warehouse, campaign: Campaign, arms: tuple[str, str], until: datetime) -> pd.DataFrame:
    """A row per customer whose window is complete: what was drawn, the outcome, and orders within the window."""
    goal = campaign.plan.goal
    asked: dict[str, object] = {"id": campaign.campaign_id, "metric": goal.outcome}
    is_filed = bool(
        warehouse.rows("SELECT 1 FROM outcomes WHERE campaign_id = $id AND metric = $metric LIMIT 1", asked)
    )
    value = "filed.value" if is_filed else VALUES[goal.outcome]
    if goal.cap is not None and OUTCOMES[goal.outcome].kind == "mean":
        value = f"least({value}, {float(goal.cap)!r})"
    return warehouse.frame(
        "WITH drawn AS (SELECT * FROM assignments WHERE campaign_id = $id AND arm IN ($control, $treatment) "
        f"AND {is_complete(goal.window_days, starts_at='starts_at')}), "
        f"bought AS (SELECT drawn.customer_id, {_BOUGHT} FROM drawn JOIN orders ON orders.customer_id = "
        f"drawn.customer_id AND {in_window('order_time', goal.window_days)} GROUP BY drawn.customer_id), "
        "filed AS (SELECT customer_id, value FROM outcomes WHERE campaign_id = $id AND metric = $metric), "
        "counted AS (SELECT drawn.*, coalesce(n, 0) AS n, coalesce(paid, 0) AS paid, coalesce(off, 0) AS off, "
        "coalesce(n_days, 0) AS n_days FROM drawn LEFT JOIN bought USING (customer_id)) "
        f"SELECT customer_id, arm, stratum, tier, starts_at, expected_value, CAST({value} AS DOUBLE) AS value, "
        f"CAST(n AS DOUBLE) AS n_orders, {VALUES['margin']} AS margin, off AS discounts FROM counted "
        f"{'JOIN filed USING (customer_id) ' if is_filed else ''}ORDER BY customer_id",
        {
            **asked,
            "control": arms[0],
            "treatment": arms[1],
            "data_until": until,
            "margin_rate": _margin_rate(warehouse),
        },
    )


def _features(warehouse: Warehouse, rows: pd.DataFrame, progress: Progress) -> pd.DataFrame:
    """What was known of each customer at the start, whoever of them had ordered before it."""
    import pandas as pd

    everybody = replace(definition_in_force(warehouse), activity_days=None)
    names = list(dict.fromkeys((SILENT, *learnable(warehouse))))
    first = rows["starts_at"].min()
    together = (rows["starts_at"] - first) // timedelta(days=N_DAYS_TOGETHER)
    made = []
    for number, (_, those) in enumerate(rows.groupby(together)):
        progress(number / together.nunique(), "what was known before the start")
        made.append(
            build_features(
                warehouse,
                those["starts_at"].min().to_pydatetime(),
                everybody,
                features=names,
                customer_ids=those["customer_id"].tolist(),
            )
        )
    return pd.concat(made)


def _money(warehouse: Warehouse, campaign: Campaign, arm: Arm, rows: pd.DataFrame) -> CampaignMoney:
    buyers = rows[rows["n_orders"] > 0]
    treated, control = (buyers[(buyers["arm"] == arm.name) == is_treated] for is_treated in (True, False))
    known = control[control["expected_value"].notna() & (control["expected_value"] > 0)]
    is_measured = len(known) >= LEAST_BUYERS and float(known["margin"].sum()) > 0
    horizon = definition_in_force(warehouse).horizon_days
    scale = campaign.plan.goal.window_days / horizon
    if is_measured:
        scale = float(known["margin"].sum() / known["expected_value"].sum())
    discounts = [float(numbers(group["discounts"]).mean()) if len(group) else 0.0 for group in (treated, control)]
    n_orders = float(buyers["n_orders"].sum())
    return CampaignMoney(
        outcome=campaign.plan.goal.outcome,
        margin_rate=_margin_rate(warehouse),
        value_scale=scale,
        is_scale_measured=is_measured,
        discount_per_buyer=max(0.0, discounts[0] - discounts[1]),
        share_ordering=len(treated) / max(1, int((rows["arm"] == arm.name).sum())),
        margin_per_order=float(buyers["margin"].sum()) / n_orders if n_orders else 0.0,
        contact_cost=arm.contact_cost,
        offer_cost=arm.offer_cost,
    )


def _margin_rate(warehouse: Warehouse) -> float:
    return float(warehouse.setting("margin_rate", 1.0))


def _last_day(campaign: Campaign) -> str:
    if campaign.starts_at is None:
        return "the end of the first window"
    return f"{campaign.starts_at + timedelta(days=campaign.plan.goal.window_days):%-d %b %Y}"


def money_from_json(stored: Mapping[str, object]) -> CampaignMoney:
    """The money as it was stored with a model."""
    return CampaignMoney(**stored)  # type: ignore[arg-type]
