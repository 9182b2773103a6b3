"""Scores against what happened, in the database: one cutoff by itself, and customers followed over several.

Replayed and lived scores are judged by the same SQL. What became of each scored customer is looked up once per cutoff
and put into a table of the transaction's own, which everything else is counted from; conditions of time come from
``timeline`` alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from churn_core.features.sources import age_days
from churn_core.models.outcomes import N_RISK_BINS, TIERS, CutoffOutcome, Kind, LeadTimes, Money, Outcome
from churn_core.timeline import ChurnDefinition, in_label_window, seen_before

if TYPE_CHECKING:
    from churn_core.warehouse import Transaction

TOPS = (50, 100, 200, 500, 1000)
"""Lengths of lists by value at risk that are judged."""


@dataclass(frozen=True, kw_only=True)
class ScoredAt:
    """The scores of one cutoff."""

    run_id: int
    """Which rows of ``scores``."""
    as_of: datetime
    definition: ChurnDefinition
    is_known: bool = True
    """Whether the outcome is known; otherwise it only tells who was warned."""

    @property
    def known_at(self) -> datetime:
        """When the outcome is known."""
        return self.definition.outcome_known_at(self.as_of)


def look_up(tx: Transaction, scored: Sequence[ScoredAt]) -> None:
    """What became of every customer scored at these cutoffs, for the functions below; gone with the transaction.

    Customers of whom the data holds no order before the cutoff any more (corrected by a later import) are left out:
    silence of somebody unknown is no churn.
    """
    tx.execute(
        "CREATE TEMP TABLE judged_rows (run_id INTEGER, as_of TIMESTAMP, customer_id VARCHAR, risk DOUBLE, "
        "tier VARCHAR, expected_value DOUBLE, value_at_risk DOUBLE, churned BOOLEAN, spent DOUBLE, mean_gap FLOAT, "
        "n_gaps INTEGER, last_day DATE, silent_days INTEGER, is_late BOOLEAN)"
    )
    for entry in scored:
        tx.execute(
            f"INSERT INTO judged_rows BY NAME {_judged_sql(entry)}", {"cutoff": entry.as_of, "run_id": entry.run_id}
        )


def judge_cutoff(
    tx: Transaction,
    scored: ScoredAt,
    *,
    kind: Kind,
    model_version: int,
    estimator: str,
    margin_rate: float,
) -> CutoffOutcome:
    """Predicted and happened of one cutoff that was looked up, by the labels of its own definition."""
    values = {"run_id": scored.run_id}
    groups = tx.records(
        "SELECT tier, CAST(least(floor(risk * $n_bins), $n_bins - 1) AS INTEGER) AS percent, count(*) AS n, "
        "count(*) FILTER (churned) AS n_churned, sum(risk) AS risk_sum, "
        "coalesce(sum(expected_value) FILTER (churned), 0) AS lost_value, "
        "coalesce(sum(expected_value) FILTER (NOT churned AND spent IS NOT NULL), 0) AS stayed_value, "
        "coalesce(sum(spent) FILTER (NOT churned AND expected_value IS NOT NULL), 0) AS stayed_spent, "
        "count(*) FILTER (expected_value IS NULL) AS n_unvalued "
        "FROM judged_rows WHERE run_id = $run_id GROUP BY ALL ORDER BY ALL",
        {**values, "n_bins": N_RISK_BINS},
    )
    top = tx.rows(
        "SELECT churned, risk, expected_value FROM judged_rows WHERE run_id = $run_id AND value_at_risk IS NOT NULL "
        "ORDER BY value_at_risk DESC, customer_id LIMIT $n_most",
        {**values, "n_most": TOPS[-1]},
    )
    n_scored = tx.value("SELECT count(*) FROM scores WHERE run_id = $run_id", values)
    n_judged = sum(group["n"] for group in groups)
    lengths = [k for k in TOPS if k <= len(top) and 2 * k <= n_judged]
    return CutoffOutcome(
        kind=kind,
        as_of=scored.as_of,
        definition=scored.definition,
        model_version=model_version,
        estimator=estimator,
        run_id=scored.run_id,
        tiers={tier: _sum(group for group in groups if group["tier"] == tier) for tier in TIERS},
        bins={
            number: _sum(group for group in groups if group["percent"] == number)
            for number in sorted({group["percent"] for group in groups})
        },
        tops={k: _sum({"n": 1, "n_churned": int(row[0]), "risk_sum": row[1]} for row in top[:k]) for k in lengths},
        money=Money(
            lost_value=sum(group["lost_value"] for group in groups),
            lost_value_high=sum(group["lost_value"] for group in groups if group["tier"] == "high"),
            lost_value_top={k: sum(row[2] for row in top[:k] if row[0]) for k in lengths},
            stayed_value=sum(group["stayed_value"] for group in groups),
            stayed_spent=margin_rate * sum(group["stayed_spent"] for group in groups),
            n_unvalued=sum(group["n_unvalued"] for group in groups),
        ),
        n_gone=int(n_scored) - n_judged,
    )


def first_warnings(tx: Transaction, scored: Sequence[ScoredAt], *, only_late: bool = False) -> Outcome:
    """Customers in the high tier at any of these cutoffs, each judged once: at the first cutoff where they were.

    A customer stands in it once, so the customers are as good as independent and the interval of the share holds.
    With ``only_late`` those of them who had been silent for longer than the horizon by then: they were as good as gone.
    """
    found = tx.records(
        "SELECT count(*) AS n, count(*) FILTER (churned) AS n_churned, coalesce(sum(risk), 0) AS risk_sum FROM ("
        "SELECT arg_min(churned, as_of) AS churned, arg_min(risk, as_of) AS risk, arg_min(is_late, as_of) AS is_late "
        "FROM judged_rows WHERE tier = 'high' AND churned IS NOT NULL "
        "AND run_id IN (SELECT unnest($runs::INTEGER[])) GROUP BY customer_id) WHERE is_late OR NOT $only_late",
        {"runs": [entry.run_id for entry in scored], "only_late": only_late},
    )
    return Outcome(**found[0])


def lead_times(tx: Transaction, scored: Sequence[ScoredAt], *, before_days: int = 0) -> LeadTimes | None:
    """How soon those who left were in the high tier, over cutoffs of one definition, oldest first.

    A departure counts when every cutoff that followed its last order within the horizon is among these: from
    ``before_days`` before the first cutoff (the days in which nobody would have been scored) until a horizon before
    the last one. None when the cutoffs lie too close together for that, or nobody departed.
    """
    if len(scored) < 2:
        return None
    definition = scored[-1].definition
    since = scored[0].as_of - timedelta(days=before_days)
    until = scored[-1].as_of - timedelta(days=definition.horizon_days)
    if until <= since:
        return None
    spells = (
        "SELECT customer_id, last_day, arg_min(churned, as_of) AS churned, any_value(mean_gap) AS mean_gap, "
        "any_value(n_gaps) AS n_gaps, min(silent_days) FILTER (tier = 'high') AS silent_days FROM judged_rows "
        "WHERE run_id IN (SELECT unnest($runs::INTEGER[])) AND silent_days <= $follow_up "
        "AND last_day >= $since AND last_day < $until GROUP BY customer_id, last_day"
    )
    rows = tx.rows(
        "SELECT silent_days, n_gaps >= 2 AS has_rhythm, coalesce(silent_days <= mean_gap, false) AS is_within, "
        f"count(*) FROM ({spells}) WHERE churned GROUP BY ALL ORDER BY ALL",
        {
            "runs": [entry.run_id for entry in scored],
            "follow_up": definition.horizon_days,
            "since": since.date(),
            "until": until.date(),
        },
    )
    n = sum(row[3] for row in rows)
    if not n:
        return None
    silent: dict[int, int] = {}
    for days, _, _, count in rows:
        if days is not None:
            silent[int(days)] = silent.get(int(days), 0) + count
    return LeadTimes(
        since=since.date(),
        until=until.date(),
        follow_up_days=definition.horizon_days,
        span_days=definition.span_days,
        step_days=(scored[-1].as_of - scored[0].as_of) / timedelta(days=1) / (len(scored) - 1),
        n=n,
        silent_days=silent,
        n_with_rhythm=sum(row[3] for row in rows if row[1]),
        n_within_gap=sum(row[3] for row in rows if row[1] and row[2]),
    )


def _judged_sql(scored: ScoredAt) -> str:
    """SELECT of the rows of ``judged_rows`` of one cutoff; takes ``$cutoff`` and ``$run_id``.

    ``churned`` means what ``features.labels`` means: no order in the label window. Silence is counted as features
    count it, from the last order before the cutoff; ``mean_gap`` is the mean gap between the order days until then.
    """
    seen, window = seen_before("order_time"), in_label_window("order_time", scored.definition)
    happened = (
        "SELECT customer_id, "
        f"max(order_time) FILTER ({seen}) AS last_order, avg(gap_days) FILTER ({seen}) AS mean_gap, "
        f"count(gap_days) FILTER ({seen}) AS n_gaps, bool_or({window}) AS stayed, "
        f"CAST(sum(amount) FILTER ({window}) AS DOUBLE) AS spent FROM orders GROUP BY customer_id"
    )
    churned = "NOT stayed" if scored.is_known else "CAST(NULL AS BOOLEAN)"
    return (
        "SELECT run_id, $cutoff AS as_of, customer_id, risk, tier, expected_value, value_at_risk, "
        f"{churned} AS churned, spent, mean_gap, n_gaps, "
        f"CAST(last_order AS DATE) AS last_day, {age_days('last_order')} AS silent_days, "
        f"{age_days('last_order')} > {int(scored.definition.horizon_days)} AS is_late "
        f"FROM scores JOIN ({happened}) AS happened USING (customer_id) "
        "WHERE run_id = $run_id AND last_order IS NOT NULL"
    )


def _sum(groups: Any) -> Outcome:
    n, n_churned, risk_sum = 0, 0, 0.0
    for group in groups:
        n, n_churned, risk_sum = n + group["n"], n_churned + group["n_churned"], risk_sum + group["risk_sum"]
    return Outcome(n=n, n_churned=n_churned, risk_sum=risk_sum)
