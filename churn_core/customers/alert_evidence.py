"""What is written on an alert: money, risk, what the rules found, the newest reasons, and what to do next.

Written anew with every refresh while an alert is in the queue, so that a page shows it without asking anything else.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from churn_core.currency import money_text
from churn_core.customers.alert_pool import POOL
from churn_core.customers.alert_rules import BY_THEMSELVES, RULES, AlertSituation
from churn_core.customers.alert_steps import next_step
from churn_core.customers.personal_rhythm import rhythm_from, rhythm_words
from churn_core.features.shop_habits import MOST
from churn_core.models.families import family_of
from churn_core.warehouse import Transaction

_SILENCE = re.compile(r"[\d,]+ days? since the (last|only) order; usual gap")
"""A reason that tells the silence of a customer, which the rule and the rhythm tell as well."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What is known of one customer today, as an alert tells it."""

    customer_id: str
    named: dict[str, str]
    """Rules that name the customer now, with what each found."""
    reasons: tuple[str, ...]
    """The newest reasons, then the own rhythm where no rule tells it."""
    main_family: str | None
    """Family of the main reason; None where there is none."""
    waits: bool
    """Whether a request of theirs is open."""
    rated: bool
    """Whether they gave a low rating lately."""
    stake: float | None
    stake_kind: str
    standing: float | None
    risk: float | None
    tier: str | None
    last_order_at: datetime | None

    def step(self, rules: Iterable[str]) -> str:
        """What to do next for a customer whom these rules named."""
        return next_step(rules, self.main_family, waits=self.waits, rated=self.rated)


def evidence_of(tx: Transaction, situation: AlertSituation, customers: Iterable[str]) -> dict[str, Evidence]:
    """What is known today of these customers, as far as they ordered or were scored."""
    asked = list(customers)
    if not asked:
        return {}
    names = [name for name in situation.policy.rules_on if not RULES[name].missing(situation)]
    named = ", ".join(f'coalesce({RULES[name].sql(situation)}, false) AS "named_{name}"' for name in names)
    rows = tx.records(
        f"SELECT p.*, r.up_1, r.up_2, r.up_3{', ' if named else ''}{named} FROM {POOL} p LEFT JOIN (SELECT * FROM "
        "reasons WHERE run_id = $run_id AND customer_id IN (SELECT unnest($ids::VARCHAR[]))) r "
        "ON r.customer_id = p.customer_id WHERE p.customer_id IN (SELECT unnest($ids::VARCHAR[]))",
        {"ids": asked, "run_id": situation.run_id},
    )
    return {row["customer_id"]: _evidence(row, names, situation) for row in rows}


def _evidence(row: dict[str, Any], names: Iterable[str], situation: AlertSituation) -> Evidence:
    row["rhythm_words"] = _rhythm_words(row, situation)
    named = {name: RULES[name].words(row, situation) for name in names if row[f"named_{name}"]}
    if {"new_high", "risk_jump"} <= named.keys():
        named["risk_jump"] = f"risk up by {100 * (row['risk'] - row['risk_before']):.0f} points since then"
    reasons = [row[name] for name in ("up_1", "up_2", "up_3") if row[name]]
    if "late" in named:
        reasons = [reason for reason in reasons if not _SILENCE.match(reason)]
    else:
        reasons += filter(None, (_not_repeated(row["rhythm_words"], reasons),))
    reasons = [*_money(row, named, situation), *reasons]
    return Evidence(
        customer_id=row["customer_id"],
        named=named,
        reasons=tuple(reasons),
        main_family=family_of(row["main_reason"]) if row["main_reason"] else None,
        waits=row["asked_at"] is not None,
        rated=row["rated_at"] is not None,
        stake=_number(row["stake"]),
        stake_kind=row["stake_kind"],
        standing=_number(row["standing"]),
        risk=_number(row["risk"]),
        tier=row["tier"],
        last_order_at=row["last_time"],
    )


def _rhythm_words(row: Mapping[str, Any], situation: AlertSituation) -> str:
    if situation.habits is None or row["last_order"] is None:
        return ""
    return rhythm_words(rhythm_from(row, situation.habits, row["spend_365"]))


def _money(row: Mapping[str, Any], named: Iterable[str], situation: AlertSituation) -> list[str]:
    """What was spent lately, where that and not the value at risk made the customer worth a call."""
    if row["stake_kind"] != "value_at_risk" or not any(name in BY_THEMSELVES for name in named):
        return []
    if not row["spend_365"] or row["spend_standing"] <= (row["standing"] or 0):
        return []
    share = min(99, math.floor(100 * row["spend_standing"]))
    more = f"; {share} % of those who ordered then spent less" if share >= 50 else ""
    return [f"spent {money_text(row['spend_365'], situation.currency)} in the last 365 days{more}"]


def _not_repeated(rhythm: str, reasons: Iterable[str]) -> str:
    """The rhythm without what a reason has told already: the days since the last order, or all of it.

    >>> _not_repeated("late: 62 days since the last order, usually 21; 8 of 10 like them would have ordered by 12 Sep "
    ...     "2011", ["62 days since the last order; usual gap 21"])
    'late: 8 of 10 like them would have ordered by 12 Sep 2011'
    >>> _not_repeated("late: 62 days since the last order, usually 21; 8 of 10 like them would have ordered by 12 Sep "
    ...     "2011", ["62 days since the last order; usual gap 21, 8 of 10 like them order again within 34"])
    ''
    """
    if any(_SILENCE.match(reason) and f"{MOST} like them" in reason for reason in reasons):
        return ""
    if not any(_SILENCE.match(reason) for reason in reasons):
        return rhythm
    start, _, _ = rhythm.partition(": ")
    due = rhythm.rpartition("; ")[2]
    return f"{start}: {due}" if start in ("late", "not late") else due


def _number(found: Any) -> float | None:
    return None if found is None or not math.isfinite(float(found)) else float(found)
