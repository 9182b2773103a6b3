"""Saved groups of customers: who was meant by a filter on the day it was saved.

Such a segment keeps its members: a campaign planned on Monday is about the same people on Friday. Segments made from a
rule or from a cluster keep their members here as well, but are found again as the data moves.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from churn_core.customers.at_risk import current_run, required_run
from churn_core.customers.selection import CustomerFilter, condition, described
from churn_core.customers.still_there import those_left
from churn_core.errors import InputError, NotEnoughData, NotFound
from churn_core.warehouse import Transaction, Warehouse, utc_now

N_NAME_MOST = 80


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A saved group."""

    segment_id: int
    name: str
    meaning: str
    """How it was made, in words."""
    saved_at: datetime
    """When (UTC)."""
    n_members: int
    kind: str = "members"
    """members (fixed), rule or cluster (both found again as the data moves)."""
    rule: str | None = None
    """The rule, or which cluster of which segmentation, as JSON; None for fixed members."""
    refreshed_at: datetime | None = None
    """When its members were last found (UTC); None for fixed members."""


def segments(warehouse: Warehouse) -> tuple[Segment, ...]:
    """All saved segments, by name."""
    rows = warehouse.records(
        "SELECT segment_id, name, meaning, saved_at, coalesce(n, 0) AS n_members, coalesce(kind, 'members') AS kind, "
        "CAST(rule AS VARCHAR) AS rule, refreshed_at FROM segments "
        "LEFT JOIN (SELECT segment_id, count(*) AS n FROM segment_members GROUP BY segment_id) USING (segment_id) "
        "ORDER BY lower(name), segment_id"
    )
    return tuple(Segment(**row) for row in rows)


def segment(warehouse: Warehouse, segment_id: int) -> Segment:
    """One saved segment; NotFound when there is none of that id."""
    for found in segments(warehouse):
        if found.segment_id == segment_id:
            return found
    raise NotFound(f"there is no segment {segment_id} in this workspace; choose one from the list.")


def scored_words(warehouse: Warehouse, segment_id: int) -> str:
    """How many members of a segment are on lists, and why the others are not; empty where all of them are."""
    found, run = segment(warehouse, segment_id), current_run(warehouse)
    if run is None:
        return ""
    n_scored, n_left = warehouse.rows(
        "SELECT count(*), count(l.customer_id) FROM segment_members AS m "
        "JOIN scores AS s ON s.customer_id = m.customer_id AND s.run_id = $run_id "
        f"LEFT JOIN ({those_left()}) AS l ON l.customer_id = m.customer_id WHERE m.segment_id = $segment",
        {"segment": segment_id, "run_id": run.run_id},
    )[0]
    said = []
    if n_scored < found.n_members:
        why = "ordered within the activity window" if run.source == "orders" else "are in the table with the label"
        said.append(
            f"{n_scored:,} of the {found.n_members:,} customers of {found.name!r} were scored, because only those who "
            f"{why} are"
        )
    if n_left:
        whom = "these" if said else f"the {found.n_members:,} customers of {found.name!r}"
        said.append(f"{n_left:,} of {whom} have left, by their label")
    return "; ".join(said)


def save_segment(warehouse: Warehouse, name: str, chosen: CustomerFilter) -> Segment:
    """Keep the customers whom the filter means now under a name.

    Raises InputError when the name is empty, too long or taken, NotEnoughData when the filter means nobody.
    """
    clean_name(name)
    run = required_run(warehouse)
    where = condition(chosen, run)
    inner = "" if chosen.segment_id is None else segment(warehouse, chosen.segment_id).name
    meaning = f"{described(chosen, segment_name=inner)} (score run {run.run_id})"
    with warehouse.transaction() as tx:
        segment_id = new_segment(tx, name, meaning)
        n_members = tx.execute(
            "INSERT INTO segment_members (segment_id, customer_id) "
            f"SELECT $new_segment, customer_id FROM scores WHERE {where.sql}",
            where.parameters | {"new_segment": segment_id},
        )
        if not n_members:
            raise NotEnoughData("the filter means nobody, so there is nothing to save; widen it first.")
        tx.audit("segment saved", {"segment_id": segment_id, "name": clean_name(name), "n_members": n_members})
    return segment(warehouse, segment_id)


def clean_name(name: str) -> str:
    """A segment's name without needless spaces; InputError when it is empty or too long."""
    clean = " ".join(name.split())
    if not clean or len(clean) > N_NAME_MOST:
        raise InputError(f"the segment name has {len(clean)} characters; give it 1 to {N_NAME_MOST}.")
    return clean


def new_segment(tx: Transaction, name: str, meaning: str, *, kind: str = "members", rule: str | None = None) -> int:
    """Begin a segment without members; its id. InputError when the name is empty, too long or taken.

    ``rule`` is JSON text; a segment with one was refreshed now, as its members follow in the same transaction.
    """
    clean, now = clean_name(name), utc_now()
    if tx.value("SELECT count(*) FROM segments WHERE lower(name) = lower($name)", {"name": clean}):
        raise InputError(f"a segment named {clean!r} exists already; choose another name or delete it first.")
    segment_id = tx.next_number("segments", "segment_id")
    tx.execute(
        "INSERT INTO segments (segment_id, name, meaning, saved_at, kind, rule, refreshed_at) "
        "VALUES ($segment, $name, $meaning, $now, $kind, $rule, $refreshed)",
        {
            "segment": segment_id,
            "name": clean,
            "meaning": meaning,
            "now": now,
            "kind": kind,
            "rule": rule,
            "refreshed": None if kind == "members" else now,
        },
    )
    return segment_id


def delete_segment(warehouse: Warehouse, segment_id: int) -> None:
    """Forget a segment and its members; NotFound when there is none of that id."""
    found = segment(warehouse, segment_id)
    with warehouse.transaction() as tx:
        tx.execute("DELETE FROM segment_members WHERE segment_id = $segment", {"segment": segment_id})
        tx.execute("DELETE FROM segments WHERE segment_id = $segment", {"segment": segment_id})
        tx.audit("segment deleted", {"segment_id": segment_id, "name": found.name, "n_members": found.n_members})
