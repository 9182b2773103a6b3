"""Which kind of file it is, from the fields that were found in it and from its values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from churn_core.intake.kinds import KINDS
from churn_core.intake.source import Source
from churn_core.intake.synonyms import plain

_SIGNS: dict[str, dict[str, float]] = {
    "orders": {
        "order_time": 1.0,
        "order_id": 0.8,
        "amount": 0.8,
        "n_items": 0.3,
        "customer_id": 0.6,
        "discount_amount": 0.2,
    },
    "order_lines": {
        "order_time": 0.9,
        "order_id": 0.6,
        "quantity": 0.5,
        "unit_price": 0.5,
        "product_id": 0.5,
        "product_name": 0.3,
        "customer_id": 0.6,
        "category": 0.2,
    },
    "returns": {"return_id": 1.6, "return_time": 0.9, "amount": 0.5, "customer_id": 0.6, "order_id": 0.3},
    "events": {
        "event_time": 0.8,
        "kind": 0.9,
        "session_id": 0.7,
        "event_id": 0.7,
        "customer_id": 0.6,
        "product_id": 0.3,
    },
    "feedback": {"rating": 0.9, "text": 1.1, "feedback_time": 0.6, "feedback_id": 1.2, "customer_id": 0.6},
    "tickets": {
        "ticket_id": 1.4,
        "opened_at": 0.6,
        "topic": 0.6,
        "resolved_at": 0.9,
        "first_reply_at": 0.9,
        "customer_id": 0.6,
        "satisfaction": 0.3,
        "text": 0.3,
    },
    "contacts": {
        "contact_id": 0.8,
        "contact_time": 0.7,
        "kind": 0.6,
        "campaign": 1.1,
        "channel": 0.3,
        "customer_id": 0.6,
    },
    "customers": {
        "customer_id": 0.8,
        "name": 0.4,
        "email": 0.6,
        "phone": 0.4,
        "country": 0.3,
        "city": 0.3,
        "signup_time": 0.8,
        "email_consent": 0.5,
        "language": 0.2,
    },
    "snapshots": {"customer_id": 0.8, "churned": 1.8, "value_amount": 0.4},
}

_EVENT_WORDS = re.compile(r"view|cart|search|visit|login|wish|click|page|session|浏览|加购|收藏|搜索", re.IGNORECASE)
_CONTACT_WORDS = re.compile(r"sent|send|deliver|open|click|bounce|unsub", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class KindChoice:
    """The kind of a file."""

    kind: str
    confidence: float
    """In [0, 1]: how far the chosen kind is ahead of the next."""
    reason: str
    alternatives: tuple[str, ...]
    """Other kinds with some evidence, likeliest first."""
    cancellation_prefix: str
    """What cancelled order numbers begin with; empty when none do."""


def choose_kind(
    source: Source, fields: Mapping[str, Mapping[str, str]], scores: Mapping[str, Mapping[str, float]]
) -> KindChoice:
    """Choose the kind of file whose fields are found best. ``fields`` are columns, ``scores`` confidences, per kind."""
    totals = {
        kind: sum(weight * scores[kind].get(field, 0.0) for field, weight in signs.items())
        for kind, signs in _SIGNS.items()
    }
    reasons: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for kind, (bonus, reason) in _value_evidence(source, fields).items():
        totals[kind] += bonus
        if bonus > 0 and reason:
            reasons[kind].append(reason)
    ranked = sorted(totals, key=lambda kind: -totals[kind])
    best, second = ranked[0], ranked[1]
    lead = (totals[best] - totals[second]) / max(totals[best], 0.1)
    found = [
        f"{KINDS[best].field(name).words} in {fields[best][name]!r}" for name in _SIGNS[best] if name in fields[best]
    ]
    reasons[best].insert(0, f"found {', '.join(found)}" if found else "nothing else fits better")
    return KindChoice(
        kind=best,
        confidence=round(min(0.99, 0.5 + lead) * min(1.0, totals[best] / 1.6), 2),
        reason="; ".join(reasons[best]),
        alternatives=tuple(kind for kind in ranked[1:] if totals[kind] > 0.8),
        cancellation_prefix=_prefix(source, fields["order_lines"].get("order_id") or fields["orders"].get("order_id")),
    )


def _value_evidence(source: Source, fields: Mapping[str, Mapping[str, str]]) -> dict[str, tuple[float, str]]:
    evidence: dict[str, tuple[float, str]] = {}
    lines = fields["order_lines"]
    if "order_id" in lines:
        order = source.column(lines["order_id"])
        repeats = order.n_looked_at > 1.2 * max(1, order.n_distinct)
        articles = sum(name in lines for name in ("product_id", "product_name", "quantity", "unit_price", "category"))
        if repeats and articles:
            evidence["order_lines"] = (0.9, f"order numbers in {order.name!r} repeat, a row each per article")
        elif not repeats and articles >= 3:
            evidence["order_lines"] = (0.8, "it names the article, how many and at what price")
        elif not repeats:
            evidence["order_lines"] = (-0.9, "")
            evidence["orders"] = (0.4, f"every row has its own order number in {order.name!r}")
    elif "product_id" not in lines and "unit_price" not in lines:
        evidence["order_lines"] = (-0.6, "")
    evidence.update(_one_row_per_customer(source, fields))
    evidence.update(_kind_words(source, fields))
    if not any(column.kind == "date" for column in source.columns):
        for kind in ("orders", "order_lines", "returns", "events", "tickets", "contacts"):
            evidence[kind] = (evidence.get(kind, (0.0, ""))[0] - 1.2, "")
    return evidence


def _one_row_per_customer(source: Source, fields: Mapping[str, Mapping[str, str]]) -> dict[str, tuple[float, str]]:
    evidence: dict[str, tuple[float, str]] = {}
    customer = fields["customers"].get("customer_id")
    has_label = "churned" in fields["snapshots"]
    if customer and source.column(customer).is_unique:
        words = f"every row has its own customer in {customer!r}"
        evidence["customers"] = (0.5, words)
        evidence["snapshots"] = (0.6, words) if has_label else (-1.0, "")
        if has_label and _is_plain_status(source, fields["snapshots"]["churned"]):
            evidence["snapshots"] = (-0.7, "")
    elif customer:
        evidence["customers"] = (-1.2, "")
        evidence["snapshots"] = (-0.9, "")
    elif not has_label:
        evidence["snapshots"] = (-1.0, "")
        if not any(column.kind == "date" for column in source.columns):
            evidence["customers"] = (0.9, "it describes customers without dates")
    if "text" in fields["feedback"]:
        text = source.column(fields["feedback"]["text"])
        if text.kind == "text" and text.n_distinct > 0.3 * text.n_looked_at and not customer:
            evidence["feedback"] = (1.0, f"column {text.name!r} holds free text")
    return evidence


def _is_plain_status(source: Source, label: str) -> bool:
    """A column called status beside words only describes customers; beside figures it is a label to learn."""
    figures = [column for column in source.columns if column.kind in ("integer", "number") and column.n_distinct > 2]
    return plain(label) in ("status", "active", "isactive") and sum(not c.is_unique for c in figures) < 2


def _kind_words(source: Source, fields: Mapping[str, Mapping[str, str]]) -> dict[str, tuple[float, str]]:
    column = fields["events"].get("kind") or fields["contacts"].get("kind")
    if not column:
        return {}
    values = source.column(column).samples
    n_event = sum(bool(_EVENT_WORDS.search(value)) for value in values)
    n_contact = sum(bool(_CONTACT_WORDS.search(value)) for value in values)
    if n_event and n_event >= n_contact:
        return {"events": (0.9, f"column {column!r} says {', '.join(values[:3])}"), "contacts": (-0.3, "")}
    if n_contact:
        return {"contacts": (0.9, f"column {column!r} says {', '.join(values[:3])}"), "events": (-0.3, "")}
    return {"events": (-0.6, ""), "contacts": (-0.6, "")}


def _prefix(source: Source, column: str | None) -> str:
    """A letter before some otherwise plain numbers, as in C489449 beside 489434."""
    if column is None:
        return ""
    key = source.column(column).key
    rows = source.reader.rows(
        f"SELECT regexp_extract({key}, '^([A-Za-z]{{1,3}}-?)\\d+$', 1) AS prefix, count(*) AS n FROM "
        f"{source.rows_sql()} "
        f"WHERE {key} IS NOT NULL GROUP BY 1 ORDER BY n DESC LIMIT 6"
    )
    counts = {str(prefix): int(n) for prefix, n in rows}
    plain = counts.pop("", 0)
    known = [prefix for prefix in counts if prefix.upper().rstrip("-") in {"C", "R", "CN", "CR", "RET", "ST", "G"}]
    if known and plain > sum(counts.values()):
        return known[0]
    return ""
