"""The campaigns of the demo shop: one that is over, one that has just been drawn, one that is being planned.

The finished one is the simulated randomised campaign, written down as it would have been on the day before it began:
audience and exclusions are counted from what the shop knew then, and the arms follow from the published hash. The
other two are made by the same functions that everybody uses.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from churn_core.campaigns.arms_sql import WHITESPACE, Pool, fill_drawn, place_sql
from churn_core.campaigns.baseline import Baseline
from churn_core.campaigns.draw import lock_campaign
from churn_core.campaigns.drawn import Drawn, counted
from churn_core.campaigns.exclusions import RULES, Eligibility, Excluded, eligibility
from churn_core.campaigns.holdout import salt_of
from churn_core.campaigns.plan import CONTROL, STEPS, Arm, Exclusions, Goal, Guardrail, Plan
from churn_core.campaigns.plan_text import plan_text
from churn_core.campaigns.playbook import suggestions
from churn_core.campaigns.sizing import PlanSize, size_of
from churn_core.campaigns.start import default_start, start_of
from churn_core.campaigns.store import Campaign, campaign, create_draft, delete_draft, save_draft
from churn_core.campaigns.windows import before_start, in_window
from churn_core.customers.selection import CustomerFilter
from churn_core.customers.tiers import active_policy
from churn_core.features.build import build_features
from churn_core.features.definition import active_definition
from churn_core.intake.simulate import ShopPlan
from churn_core.intake.simulate_campaign import CAMPAIGN, CAMPAIGN_SALT, SILENT_DAYS, WINDOW_DAYS
from churn_core.models.estimators import sigmoid
from churn_core.models.periods import build_periods, usable_cutoffs
from churn_core.models.small_shop import fit_lateness
from churn_core.models.value import fit_value
from churn_core.schema import quote
from churn_core.settings import settings
from churn_core.warehouse import Transaction, Warehouse

if TYPE_CHECKING:
    import pyarrow as pa

PERSON = "demo shop"
"""Who signed what happened before the workspace was there."""
DRAWN = "demo_drawn"
HOURS_BEFORE = 16
"""The finished campaign was locked on the afternoon before it began."""
N_PAST, ROWS_PAST = 3, 3_000
"""Past days, and customers of each, that the scores of the finished campaign learn from."""
DELIVERY_COST = 4.9
"""What delivering an order free of charge costs the shop; orders record the discount and not this."""
FEWEST_RUNNING = 40
"""Customers below which no running campaign is begun: in a tiny shop it would only be in the way."""

_START = "$start::TIMESTAMP"
_SILENT = (
    f"SELECT customer_id FROM orders WHERE {before_start('order_time', starts_at=_START)} GROUP BY customer_id "
    f"HAVING date_diff('day', max(order_time), {_START}) BETWEEN {SILENT_DAYS[0]} AND {SILENT_DAYS[1]}"
)
"""Customers whose last order was so many days before the start; ``$start`` is its instant."""
_CONSENTS = (
    "(c.email_consent OR c.customer_id IN (SELECT customer_id FROM contacts WHERE kind = 'unsubscribed' "
    f"AND NOT {before_start('contact_time', starts_at=_START)}))"
)
"""Whether the customer allowed messages then: does so today, or took it back later."""


def finished_plan(shop: ShopPlan) -> Plan:
    """The plan of the simulated campaign."""
    return Plan(
        name=CAMPAIGN,
        goal=Goal(
            outcome="retained",
            window_days=WINDOW_DAYS,
            smallest_effect=0.05,
            guardrails=(Guardrail(outcome="unsubscribed", margin=0.05), Guardrail(outcome="returned", margin=0.03)),
        ),
        is_listed=True,
        exclusions=Exclusions(manual=False, contacted_days=None, open_complaint=False, invalid_contact=False),
        arms=(
            Arm(name=CONTROL, share=0.5),
            Arm(
                name="voucher",
                share=0.5,
                action="coupon",
                channel="email",
                text=f"We miss you: 10 % off your next order within {WINDOW_DAYS} days, delivered free of charge",
                contact_cost=0.05,
                offer_cost=DELIVERY_COST,
            ),
        ),
        starts_on=shop.campaign_date,
    )


def scores_then(warehouse: Warehouse, start: datetime) -> pa.Table | None:
    """Risk, value and tier of everybody eligible at a past day, with nothing but what was known then.

    By lateness against the customer's own rhythm, which is quick; the tiers are cut as today. None without a
    definition, or where nobody was eligible.
    """
    import numpy as np
    import pyarrow as pa

    definition = active_definition(warehouse)
    if definition is None:
        return None
    cutoffs = usable_cutoffs(warehouse, definition, start, n_most=N_PAST)
    periods = build_periods(warehouse, definition, cutoffs, n_most=ROWS_PAST)
    frame = build_features(warehouse, start, definition)
    if not periods or not len(frame):
        return None
    risk = sigmoid(fit_lateness(warehouse, definition, periods, start).blend.log_odds(frame))
    amount = fit_value(periods, horizon_days=definition.horizon_days).expected_amount(frame)
    policy = active_policy(warehouse)
    tier = np.where(risk >= policy.high_from, "high", np.where(risk >= policy.medium_from, "medium", "low"))
    return pa.table(
        {
            "customer_id": pa.array(np.asarray(frame.index, dtype=object), pa.string()),
            "risk": risk,
            "expected_value": pa.array(amount * settings(warehouse).margin_rate, mask=np.isnan(amount)),
            "tier": pa.array(tier.astype(object), pa.string()),
        }
    )


def keep_finished(warehouse: Warehouse, shop: ShopPlan, scored: pa.Table | None = None) -> Campaign:
    """Write down the simulated campaign with its audience, draw and holdout, as it was locked before it began.

    ``scored`` says who was in which tier then; without it the tiers stay empty.
    """
    plan, start = finished_plan(shop), start_of(shop.campaign_date)
    locked_at = start - timedelta(hours=HOURS_BEFORE)
    with warehouse.transaction() as tx:
        keep_holdout(tx, shop, locked_at)
        id_ = {"id": CAMPAIGN_SALT, "start": start}
        tx.execute(
            f"INSERT INTO campaign_lists SELECT $id, 'audience', customer_id FROM ({_SILENT}) ORDER BY customer_id", id_
        )
        _draw(tx, shop, plan, start, scored)
        whom, drawn = _whom(tx, plan, start), counted(tx, DRAWN, plan)
        made = Campaign(
            campaign_id=CAMPAIGN_SALT,
            status="locked",
            plan=plan,
            step=len(STEPS),
            created_at=locked_at - timedelta(days=2),
            created_by=PERSON,
            changed_at=locked_at,
            plan_sha256=plan.sha256,
            locked_at=locked_at,
            locked_by=PERSON,
            starts_at=start,
            ends_at=start + timedelta(days=WINDOW_DAYS),
            data_version=tx.data_version,
            counts=_counts(whom, drawn),
        )
        size = _size(tx, plan, start, drawn.n_customers)
        # Arms were drawn one by one, not balanced within groups.
        told = plan_text(
            warehouse,
            made,
            whom,
            replace(drawn, strata=drawn.strata[:1]),
            size=size,
            locked_at=locked_at,
            locked_by=PERSON,
        )
        _insert(tx, replace(made, plan_text=told, counts=made.counts | {"n_needed": size.n_needed}))
        tx.execute(
            "INSERT INTO assignments BY NAME SELECT $id AS campaign_id, customer_id, arm, stratum, wave, "
            "$locked_at::TIMESTAMP AS assigned_at, $start::TIMESTAMP AS starts_at, row_no, tier, value_band, "
            f"main_group, risk, expected_value FROM {quote(DRAWN)} ORDER BY row_no",
            id_ | {"locked_at": locked_at},
        )
        tx.execute(f"DROP TABLE {quote(DRAWN)}")
        tx.audit("campaign locked", {"campaign_id": CAMPAIGN_SALT, "name": plan.name, **made.counts["arms"]})
    return campaign(warehouse, CAMPAIGN_SALT)


def keep_holdout(tx: Transaction, shop: ShopPlan, until: datetime) -> None:
    """Write down the global holdout: who was there when it began, and who came until an instant; none in a small shop.

    Who came later is drawn before the next campaign, as always.
    """
    if shop.holdout is None:
        return
    began = start_of(shop.holdout_date)
    tx.execute(
        "INSERT INTO holdouts (generation, share, started_at, reshuffle_at, ended_at, person) "
        "VALUES (1, $share, $began, $planned, NULL, $person)",
        {"share": shop.holdout, "began": began, "planned": began + timedelta(days=730), "person": PERSON},
    )
    tx.execute(
        "INSERT INTO holdout_members (generation, customer_id, is_held_out, since) "
        f"SELECT 1, customer_id, {place_sql('customer_id', '$salt')} < $share, "
        "greatest(signup_time, $began::TIMESTAMP) FROM customers "
        f"WHERE {before_start('signup_time', starts_at='$until::TIMESTAMP')} ORDER BY customer_id",
        {
            "salt": salt_of(1),
            "draw_space": WHITESPACE,
            "draw_top": 1 - 2**-53,
            "share": shop.holdout,
            "began": began,
            "until": until,
        },
    )


def lock_running(warehouse: Warehouse) -> Campaign | None:
    """A campaign drawn at the end of the data, of which nothing is known yet; None where too few customers are left.

    It takes the customers of one country, so that there are customers at risk left for the campaign of a visitor.
    """
    plan = Plan(
        name="Free delivery, United Kingdom",
        goal=Goal(
            outcome="retained",
            window_days=WINDOW_DAYS,
            smallest_effect=0.08,
            guardrails=(Guardrail(outcome="unsubscribed", margin=0.05),),
        ),
        audience=CustomerFilter(tiers=("high", "medium"), attributes=(("country", "United Kingdom"),)),
        arms=(
            Arm(name=CONTROL, share=0.5),
            Arm(
                name="free delivery",
                share=0.5,
                action="threshold",
                channel="email",
                text="Free delivery from a basket a little above your usual one",
                contact_cost=0.05,
                offer_cost=DELIVERY_COST,
            ),
        ),
        starts_on=default_start(warehouse),
    )
    draft = create_draft(warehouse, plan)
    if eligibility(warehouse, draft).n_left < FEWEST_RUNNING:
        delete_draft(warehouse, draft.campaign_id)
        return None
    return lock_campaign(warehouse, draft.campaign_id)


def begin_draft(warehouse: Warehouse) -> Campaign:
    """A draft for the high tier with what the playbook suggests first, as far as the step of the arms."""
    goal = Goal(outcome="retained", window_days=WINDOW_DAYS, smallest_effect=0.08)
    plan = Plan(
        name="Answer their main reason",
        goal=goal,
        audience=CustomerFilter(tiers=("high",)),
        starts_on=default_start(warehouse),
    )
    draft = create_draft(warehouse, plan)
    offered = suggestions(warehouse, draft)[:1]
    arms = (Arm(name=CONTROL, share=0.5), *(replace(one.arm, share=0.5) for one in offered))
    save_draft(
        warehouse, draft.campaign_id, replace(plan, arms=arms if offered else plan.arms), step=STEPS.index("Arms") + 1
    )
    return campaign(warehouse, draft.campaign_id)


def _draw(tx: Transaction, shop: ShopPlan, plan: Plan, start: datetime, scored: pa.Table | None) -> None:
    """Everybody of the audience who may be contacted into the temporary table, with arm and tier."""
    import pyarrow as pa

    known = (
        scored
        if scored is not None
        else pa.table(
            {
                "customer_id": pa.array([], pa.string()),
                "risk": pa.array([], pa.float64()),
                "expected_value": pa.array([], pa.float64()),
                "tier": pa.array([], pa.string()),
            }
        )
    )
    with tx.view("demo_scored", known):
        pool = Pool(
            sql=f"SELECT a.customer_id, s.tier, CASE WHEN s.expected_value IS NULL THEN NULL "
            "WHEN s.expected_value <= quantile_disc(s.expected_value, 1/3) OVER () THEN 'low' "
            "WHEN s.expected_value <= quantile_disc(s.expected_value, 2/3) OVER () THEN 'middle' ELSE 'high' END "
            "AS value_band, CAST(NULL AS VARCHAR) AS main_group, s.risk, s.expected_value, "
            f"CAST(NULL AS VARCHAR) AS stratum FROM ({_SILENT}) a JOIN customers c ON c.customer_id = a.customer_id "
            "LEFT JOIN demo_scored s ON s.customer_id = a.customer_id "
            f"WHERE {_CONSENTS} AND a.customer_id NOT IN ({_HELD_OUT})",
            parameters={"start": start},
        )
        fill_drawn(tx, DRAWN, pool, plan.shares, salt=CAMPAIGN_SALT, is_ranked=False)


_HELD_OUT = "SELECT customer_id FROM holdout_members WHERE generation = 1 AND is_held_out"


def _whom(tx: Transaction, plan: Plan, start: datetime) -> Eligibility:
    """From the audience to those drawn, rule by rule."""
    n_audience, n_held_out, n_refused = tx.rows(
        "SELECT count(*), count(*) FILTER (is_held_out), count(*) FILTER (NOT is_held_out AND NOT consents) FROM ("
        f"SELECT a.customer_id IN ({_HELD_OUT}) AS is_held_out, coalesce({_CONSENTS}, false) AS consents "
        f"FROM ({_SILENT}) a JOIN customers c ON c.customer_id = a.customer_id)",
        {"start": start},
    )[0]
    left_out = {"holdout": n_held_out, "no_consent": n_refused}
    steps, n_left = [], n_audience
    for name, rule in RULES.items():
        n_left -= left_out.get(name, 0)
        steps.append(
            Excluded(
                rule=name,
                label=rule.label,
                n_excluded=left_out.get(name, 0),
                n_left=n_left,
                is_on=bool(getattr(plan.exclusions, name)),
            )
        )
    return Eligibility(n_audience=n_audience, steps=tuple(steps), n_left=n_left)


def _size(tx: Transaction, plan: Plan, start: datetime, n: int) -> PlanSize:
    """Whether it was large enough, from what silent customers did in the window before the start."""
    then = start - timedelta(days=WINDOW_DAYS)
    n_then, value = tx.rows(
        f"SELECT count(*), avg(CAST(customer_id IN (SELECT customer_id FROM orders "
        f"WHERE {in_window('order_time', WINDOW_DAYS, starts_at=_START)}) AS DOUBLE)) FROM ({_SILENT})",
        {"start": then},
    )[0]
    value = min(max(value or 0.0, 0.01), 0.9)
    told = f"measured on {n_then:,} customers who had been silent as long {WINDOW_DAYS} days earlier."
    baseline = Baseline(value=value, deviation=(value * (1 - value)) ** 0.5, n=n_then, source="history", told=told)
    return size_of(plan, baseline, n)


def _counts(whom: Eligibility, drawn: Drawn) -> dict[str, Any]:
    return {
        "audience": whom.n_audience,
        "exclusions": [asdict(step) for step in whom.steps],
        "n_left": drawn.n_customers,
        "arms": {arm.arm: arm.n_customers for arm in drawn.arms},
        "waves": [wave.n_customers for wave in drawn.waves],
        "strata": {stratum.stratum: stratum.arms for stratum in drawn.strata},
        "joins": [],
    }


def _insert(tx: Transaction, made: Campaign) -> None:
    values = asdict(made) | {
        "name": made.plan.name,
        "plan": json.dumps(made.plan.to_json(), ensure_ascii=False),
        "counts": json.dumps(made.counts, ensure_ascii=False),
    }
    columns = ", ".join(quote(name) for name in values)
    places = ", ".join(f"${name}" for name in values)
    tx.execute(f"INSERT INTO campaigns ({columns}) VALUES ({places})", values)
