"""Rule segments: how many a rule means right now, segments kept under a name, and what saved segments share.

Members of a rule segment stand in ``segment_members`` as those of any segment, so lists, campaigns and exports work
with all of them alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from churn_core.customers.facts import facts_relation
from churn_core.customers.rule_sql import RuleSql, Scope, check_rule, rule_sql, scope_of
from churn_core.customers.rule_words import rule_sentence
from churn_core.customers.rules import Rule, rule_from_json, rule_json
from churn_core.customers.segments import Segment, new_segment, segment, segments
from churn_core.customers.still_there import still_there, those_left
from churn_core.errors import ChurnError, InputError
from churn_core.warehouse import Transaction, Warehouse

MOST_COMPARED = 30
"""Segments that can be set against each other at once."""


@dataclass(frozen=True, kw_only=True)
class RuleCount:
    """How many customers a rule means and what is at stake."""

    n_customers: int
    """Customers the rule means."""
    n_everybody: int
    """Customers of the workspace."""
    n_left: int
    """Of those meant, customers whose label says that they have left; money, lists and campaigns leave them out."""
    n_scored: int
    """Of those meant and still there, customers of the latest scoring."""
    n_value_known: int
    """Of these, customers whose value at risk is known."""
    value_at_risk: float | None
    """Sum over those whose value is known, in the shop's currency; None when no value is known."""
    mean_risk: float | None
    """Over those scored; None when none is."""

    @property
    def mean_value_at_risk(self) -> float | None:
        """Value at risk of one customer on average, over those whose value is known; None when nobody's is."""
        return self.value_at_risk / self.n_value_known if self.value_at_risk is not None else None


@dataclass(frozen=True, kw_only=True)
class SegmentStanding:
    """A saved segment with what is at stake now."""

    segment: Segment
    n_left: int
    """Members whose label says that they have left; money, lists and campaigns leave them out."""
    n_scored: int
    """Members still there, in the latest scoring."""
    n_value_known: int
    """Members whose value at risk is known."""
    value_at_risk: float | None
    """Sum over members whose value is known, in the shop's currency; None when none is."""
    mean_risk: float | None
    """Over members scored; None when none is."""
    sentence: str
    """Its rule, or how it was made, in words."""
    problem: str
    """Why its rule cannot be asked any more, as a sentence; empty when it can, or when it has none."""
    as_of: datetime | None = None
    """Of a cluster: the day of the data its members were found in; None for others."""

    @property
    def mean_value_at_risk(self) -> float | None:
        """Value at risk of one member on average, over those whose value is known; None when nobody's is."""
        return self.value_at_risk / self.n_value_known if self.value_at_risk is not None else None


@dataclass(frozen=True, kw_only=True)
class Overlaps:
    """What saved segments share."""

    segments: tuple[Segment, ...]
    n_shared: tuple[tuple[int, ...], ...]
    """Customers in both, by row and column in the order of the segments; the diagonal is the size of each."""

    def share(self, row: int, column: int) -> float | None:
        """Part of the row's customers who are in the column's segment too; None when the row is empty."""
        size = self.n_shared[row][row]
        return self.n_shared[row][column] / size if size else None


def count_rule(warehouse: Warehouse, rule: Rule) -> RuleCount:
    """How many customers the rule means now, with the money; the errors of :func:`rule_sql`."""
    scope = scope_of(warehouse)
    asked = rule_sql(warehouse, rule, scope)
    row = warehouse.records(
        f"SELECT count(*) AS n_customers, {_STAKES} FROM ({asked.sql}) AS m {_OF_RUN}",
        asked.parameters,
    )[0]
    return RuleCount(n_everybody=n_everybody(warehouse, scope), **_plain(row))


def n_everybody(reader: Warehouse | Transaction, scope: Scope | None = None) -> int:
    """Customers of the workspace, scored or not."""
    asked = scope or scope_of(reader)
    found = facts_relation(reader, frozenset())
    return int(reader.value(f"SELECT count(*) FROM {found} AS f", {"cutoff": asked.as_of}))


def save_rule_segment(warehouse: Warehouse, name: str, rule: Rule) -> Segment:
    """Keep a rule and the customers it means now under a name; it may be nobody today.

    Raises InputError when the name is empty, too long or taken, and the errors of :func:`rule_sql`.
    """
    with warehouse.transaction() as tx:
        asked = rule_sql(tx, rule)
        segment_id = new_segment(tx, name, rule_sentence(rule), kind="rule", rule=rule_json(rule))
        n_members = fill_members(tx, segment_id, asked)
        tx.audit("segment saved", {"segment_id": segment_id, "name": name.strip(), "n_members": n_members})
    return segment(warehouse, segment_id)


def fill_members(tx: Transaction, segment_id: int, asked: RuleSql) -> int:
    """Put the customers whom a rule means into a segment without members; how many they are."""
    return tx.execute(
        f"INSERT INTO segment_members (segment_id, customer_id) SELECT $segment_id, customer_id FROM ({asked.sql})",
        asked.parameters | {"segment_id": segment_id},
    )


def follow_name(tx: Transaction, old: str, new: str) -> None:
    """Let rules that ask for a segment ask for it by its new name."""
    for table, key in (("segments", "segment_id"), ("tags", "tag")):
        only = "kind = 'rule'" if table == "segments" else "is_own"
        for own, text in tx.rows(f"SELECT {key}, CAST(rule AS VARCHAR) FROM {table} WHERE {only} AND rule IS NOT NULL"):
            try:
                rule = rule_from_json(text)
            except ChurnError:
                continue
            if old in rule.named("segment"):
                rule = rule.renamed("segment", old, new)
                tx.execute(
                    f"UPDATE {table} SET rule = $rule, meaning = $meaning WHERE {key} = $own",
                    {"rule": rule_json(rule), "meaning": rule_sentence(rule), "own": own},
                )


def standings(warehouse: Warehouse) -> tuple[SegmentStanding, ...]:
    """All saved segments of every kind by name, with what is at stake in the latest scoring."""
    scope = scope_of(warehouse)
    rows = warehouse.records(
        f"SELECT m.segment_id, {_STAKES} FROM segment_members AS m {_OF_RUN} GROUP BY m.segment_id",
        {"run_id": scope.run_id},
    )
    found = {row.pop("segment_id"): _plain(row) for row in rows}
    days: dict[int, datetime] = dict(warehouse.rows(_CLUSTER_DAYS))
    nobody = {"n_left": 0, "n_scored": 0, "n_value_known": 0, "value_at_risk": None, "mean_risk": None}
    standing = []
    for entry in segments(warehouse):
        sentence, problem = _told(warehouse, entry, scope)
        stakes = found.get(entry.segment_id, nobody)
        as_of = days.get(entry.segment_id)
        standing.append(SegmentStanding(segment=entry, sentence=sentence, problem=problem, as_of=as_of, **stakes))
    return tuple(standing)


def segments_of(warehouse: Warehouse, customer_id: str) -> tuple[Segment, ...]:
    """The saved segments that a customer is in, by name."""
    rows = warehouse.rows(
        "SELECT segment_id FROM segment_members WHERE customer_id = $customer_id", {"customer_id": customer_id}
    )
    inside = {segment_id for (segment_id,) in rows}
    return tuple(entry for entry in segments(warehouse) if entry.segment_id in inside) if inside else ()


def overlaps(warehouse: Warehouse, segment_ids: tuple[int, ...] = ()) -> Overlaps:
    """How many customers each two segments share, of those named or of all by name.

    InputError when there are more than MOST_COMPARED, NotFound when there is none of an id.
    """
    chosen = tuple(segment(warehouse, nr) for nr in segment_ids) if segment_ids else segments(warehouse)
    if len(chosen) > MOST_COMPARED:
        raise InputError(f"{len(chosen)} segments were asked to be compared; choose up to {MOST_COMPARED}.")
    places = {entry.segment_id: place for place, entry in enumerate(chosen)}
    rows = warehouse.rows(
        "SELECT mask, count(*) FROM ("
        "SELECT customer_id, bit_or(1::BIGINT << (list_position($ids::INTEGER[], segment_id) - 1)) AS mask "
        "FROM segment_members WHERE list_contains($ids::INTEGER[], segment_id) GROUP BY customer_id) GROUP BY mask",
        {"ids": list(places)},
    )
    shared = [[0] * len(chosen) for _ in chosen]
    for mask, n_customers in rows:
        inside = [place for place in range(len(chosen)) if mask >> place & 1]
        for row in inside:
            for column in inside:
                shared[row][column] += n_customers
    return Overlaps(segments=chosen, n_shared=tuple(tuple(row) for row in shared))


_STAKES = (
    "count(l.customer_id) AS n_left, count(s.risk) AS n_scored, count(s.value_at_risk) AS n_value_known, "
    "sum(s.value_at_risk) AS value_at_risk, avg(s.risk) AS mean_risk"
)
_CLUSTER_DAYS = (
    "SELECT segment_id, max(m.as_of) FROM segments AS s JOIN segmentation_members AS m "
    "ON m.segmentation_id = CAST(s.rule ->> '$.segmentation_id' AS INTEGER) "
    "WHERE s.kind = 'cluster' GROUP BY segment_id"
)
_OF_RUN = (
    f"LEFT JOIN (SELECT * FROM scores WHERE run_id = $run_id AND {still_there()}) AS s "
    "ON s.customer_id = m.customer_id "
    f"LEFT JOIN ({those_left()}) AS l ON l.customer_id = m.customer_id"
)


def _told(warehouse: Warehouse, entry: Segment, scope: Scope) -> tuple[str, str]:
    """The rule of a segment in words, and why it cannot be asked, if so."""
    if entry.kind != "rule" or entry.rule is None:
        return entry.meaning, ""
    try:
        rule = rule_from_json(entry.rule)
        check_rule(warehouse, rule, scope)
        return rule_sentence(rule), ""
    except ChurnError as error:
        return entry.meaning, str(error)


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """The row with its money as a plain number."""
    at_risk = row["value_at_risk"]
    return row | {"value_at_risk": None if at_risk is None else float(at_risk)}
