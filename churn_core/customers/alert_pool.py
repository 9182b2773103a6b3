"""One row per customer with all that alert rules ask: rhythm, risk now and before, money, complaints.

Made once per refresh as a temporary table, so that each rule is a condition and a million customers are read in one
pass over orders and one over scores.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from churn_core.customers.alert_policy import AlertPolicy
from churn_core.customers.alert_rules import AlertSituation
from churn_core.customers.personal_rhythm import rhythms_sql
from churn_core.customers.still_there import still_there
from churn_core.customers.tiers import TierRule, active_policy, tier_rule
from churn_core.errors import NotEnoughData
from churn_core.features.gaps import known_until
from churn_core.features.shop_habits import Habits, habits
from churn_core.timeline import seen_before
from churn_core.warehouse import Transaction, Warehouse

POOL = "alert_pool"
"""Temporary table: one row per customer."""
NAMED = "alert_named"
"""Temporary table: everybody whom a rule names."""
_NEVER = datetime(1970, 1, 1)
"""Stands for the end of orders where there are none, so that nothing counts as lately."""
LOW_SHARE = 0.1
"""Share of the ratings of a shop that count as low at most."""
_MOMENT = "coalesce(as_of, scored_at)"
"""What a score run speaks of: its cutoff, or when it was made."""


@dataclass(frozen=True, kw_only=True)
class Runs:
    """The newest score run and the one it is compared with."""

    run_id: int | None = None
    moment: datetime | None = None
    scored_at: datetime | None = None
    before_id: int | None = None
    before_moment: datetime | None = None


def situation_of(
    warehouse: Warehouse, tx: Transaction, policy: AlertPolicy, as_of: datetime | None = None
) -> AlertSituation:
    """What the rules can look at, with what was known before ``as_of`` (default: all)."""
    end = as_of or known_until(tx)
    found = _habits(warehouse, end)
    runs = runs_compared(tx, policy.recent_days, as_of)
    n_known, n_high_known, n_high = tx.rows(
        "SELECT count(value_at_risk), count(value_at_risk) FILTER (tier = 'high'), count(*) FILTER (tier = 'high') "
        f"FROM scores WHERE run_id = $run_id AND {still_there()}",
        {"run_id": runs.run_id},
    )[0]
    low = _low_rating(tx, end)
    return AlertSituation(
        policy=policy,
        as_of=end,
        habits=found,
        run_id=runs.run_id,
        run_moment=runs.moment,
        scored_at=runs.scored_at,
        before_id=runs.before_id,
        before_moment=runs.before_moment,
        has_values=n_known > 0,
        n_high=n_high_known if n_known else n_high,
        low_rating=low[0] if low else None,
        share_above_low=low[1] if low else None,
        top_rating=low[2] if low else None,
        has_requests=bool(
            tx.rows("SELECT 1 FROM tickets WHERE coalesce(first_reply_at, resolved_at) IS NOT NULL LIMIT 1")
        ),
        currency=str(tx.setting("currency", "") or ""),
    )


def runs_compared(tx: Transaction, recent_days: int, as_of: datetime | None = None) -> Runs:
    """The newest run, and the newest of the same source that is at least ``recent_days`` older.

    So that what became news is still told a few days and scorings later; while there is none so old it is the oldest
    one before the newest, and none where two runs speak of the same moment.
    """
    newest = tx.rows(
        f"SELECT run_id, source, {_MOMENT}, scored_at FROM score_runs "
        "WHERE $until::TIMESTAMP IS NULL OR as_of <= $until ORDER BY run_id DESC LIMIT 1",
        {"until": as_of},
    )
    if not newest:
        return Runs()
    run_id, source, moment, scored_at = newest[0]
    before = tx.rows(
        f"SELECT run_id, {_MOMENT} AS moment FROM score_runs WHERE source = $source AND {_MOMENT} < $moment "
        "AND run_id < $run_id ORDER BY moment <= $moment - to_days($days) DESC, "
        "CASE WHEN moment <= $moment - to_days($days) THEN moment END DESC, moment, run_id DESC LIMIT 1",
        {"source": source, "moment": moment, "run_id": run_id, "days": recent_days},
    )
    if not before:
        return Runs(run_id=run_id, moment=moment, scored_at=scored_at)
    return Runs(run_id=run_id, moment=moment, scored_at=scored_at, before_id=before[0][0], before_moment=before[0][1])


def fill_pool(tx: Transaction, situation: AlertSituation) -> None:
    """Make the temporary table of all customers whom a rule could name: nobody whose label says they have left."""
    was_high = _was_high(tx, situation)
    rhythm, values = _rhythm_part(situation)
    values |= was_high.parameters | {
        "run_id": situation.run_id,
        "before_id": situation.before_id,
        "low_rating": situation.low_rating,
        "has_requests": situation.has_requests,
        "cutoff": situation.as_of or _NEVER,
    }
    said, asked = _said(situation)
    tx.execute(f"DROP TABLE IF EXISTS {POOL}")
    tx.execute(
        f"CREATE TEMP TABLE {POOL} AS WITH rhythm AS ({rhythm}), "
        f"scored AS ({_SCORED.replace('{was_high}', was_high.high)}), said AS ({said}), asked AS ({asked}), "
        "joined AS (SELECT * FROM rhythm FULL JOIN scored USING (customer_id)) "
        "SELECT j.*, s.* EXCLUDE (customer_id), a.* EXCLUDE (customer_id), "
        "coalesce(j.value_at_risk, j.spend_365) AS stake, "
        "CASE WHEN j.value_at_risk IS NOT NULL THEN 'value_at_risk' WHEN j.spend_365 IS NOT NULL THEN 'spend_365' "
        "ELSE '' END AS stake_kind, "
        "CASE WHEN j.value_at_risk IS NOT NULL THEN value_standing ELSE spend_standing END AS standing "
        "FROM joined j "
        "LEFT JOIN said s ON s.customer_id = j.customer_id AND (j.last_time IS NULL OR j.last_time <= s.rated_at) "
        "LEFT JOIN asked a ON a.customer_id = j.customer_id AND (j.last_time IS NULL OR j.last_time <= a.asked_at) "
        f"WHERE {still_there(own='j.customer_id')}",
        values,
    )


_SCORED = (
    "SELECT now.customer_id, now.risk, now.tier, now.value_at_risk, now.main_reason, before.risk AS risk_before, "
    "coalesce(before.was_high, false) AS was_high, "
    "CASE WHEN now.value_at_risk IS NOT NULL THEN cume_dist() OVER (PARTITION BY now.value_at_risk IS NULL "
    "ORDER BY now.value_at_risk) END AS value_standing, "
    "CASE WHEN now.tier = 'high' THEN row_number() OVER (PARTITION BY now.tier = 'high' "
    "ORDER BY now.value_at_risk DESC NULLS LAST, now.risk DESC, now.customer_id) END AS value_place "
    f"FROM (SELECT * FROM scores WHERE run_id = $run_id AND {still_there()}) now LEFT JOIN "
    "(SELECT customer_id, risk, {was_high} AS was_high FROM scores WHERE run_id = $before_id) before "
    "ON before.customer_id = now.customer_id"
)


def _rhythm_part(situation: AlertSituation) -> tuple[str, dict[str, Any]]:
    """Rhythm and spend of everybody who ordered; nobody without orders."""
    if situation.habits is None:
        return _NO_RHYTHM, {}
    sql, parameters = rhythms_sql(situation.habits)
    spend = "CASE WHEN n_amounts > 0 THEN coalesce(spend_amount_365, 0) END"
    standing = f"cume_dist() OVER (PARTITION BY {spend} > 0 ORDER BY {spend})"
    return (
        "SELECT customer_id, n_gaps, last_time, last_order, days_since, cohort_year, usual_gap_days, alike, due_days, "
        f"{spend} AS spend_365, CASE WHEN {spend} > 0 THEN {standing} WHEN {spend} = 0 THEN 0 END AS spend_standing "
        f"FROM ({sql})",
        dict(parameters),
    )


_NO_RHYTHM = (
    "SELECT NULL::VARCHAR AS customer_id, NULL::BIGINT AS n_gaps, NULL::TIMESTAMP AS last_time, "
    "NULL::DATE AS last_order, NULL::BIGINT AS days_since, NULL::BIGINT AS cohort_year, "
    "NULL::DOUBLE AS usual_gap_days, NULL::INTEGER AS alike, NULL::INTEGER AS due_days, NULL::DOUBLE AS spend_365, "
    "NULL::DOUBLE AS spend_standing WHERE false"
)


def _said(situation: AlertSituation) -> tuple[str, str]:
    """SELECTs of the last low rating and of the last request still open, lately, per customer."""
    days = situation.policy.recent_days
    said = (
        "SELECT customer_id, max(feedback_time) AS rated_at, arg_max(rating, feedback_time) AS rating FROM feedback "
        f"WHERE {seen_before('feedback_time', days)} AND rating <= $low_rating GROUP BY customer_id"
    )
    open_now = f"(NOT coalesce({seen_before('resolved_at')}, false))"
    waits = f"(NOT coalesce({seen_before('first_reply_at')}, false))"
    is_open = f"CASE WHEN EXISTS (SELECT 1 FROM tickets WHERE resolved_at IS NOT NULL) THEN {open_now} ELSE {waits} END"
    asked = (
        "SELECT customer_id, max(opened_at) AS asked_at, arg_max(left(topic, 60), opened_at) AS asked_topic, "
        f"NOT arg_max({waits}, opened_at) AS is_answered FROM tickets WHERE {seen_before('opened_at', days)} "
        f"AND $has_requests AND {is_open} GROUP BY customer_id"
    )
    return said, asked


def _was_high(tx: Transaction, situation: AlertSituation) -> TierRule:
    """Who was in the high tier of the run before, by the policy in force."""
    if situation.before_id is None:
        return TierRule(high="false", medium="false")
    return tier_rule(tx, active_policy(tx), situation.before_id, suffix="_before")


def _low_rating(tx: Transaction, end: datetime | None) -> tuple[float, float, float] | None:
    """The rating up to which at most one in ten go (else the lowest one), the share above it, and the highest rating.

    So it fits any scale, and a shop where most ratings are that low, or all alike, has no low one.
    """
    rows = tx.rows(
        "SELECT rating, sum(count(*)) OVER (ORDER BY rating) / sum(count(*)) OVER () AS share FROM feedback "
        f"WHERE rating IS NOT NULL AND {seen_before('feedback_time')} GROUP BY rating ORDER BY rating",
        {"cutoff": end},
    )
    if not rows:
        return None
    low, share = max((row for row in rows if row[1] <= LOW_SHARE), default=rows[0])
    return (float(low), 1 - float(share), float(rows[-1][0])) if share < 0.5 else None


def _habits(warehouse: Warehouse, end: datetime | None) -> Habits | None:
    if end is None:
        return None
    try:
        return habits(warehouse, as_of=end)
    except NotEnoughData:
        return None
