"""Groups that follow the data are found again: facts, tags, rule segments - after imports and scorings.

One transaction: a list that is read meanwhile shows the groups as they were, and afterwards as they are. A rule that
cannot be asked any more keeps the customers it had, and is reported instead of being lost.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from churn_core.customers.built_in_tags import BUILT_IN, drawn
from churn_core.customers.fact_groups import refresh_fact_groups
from churn_core.customers.facts import refresh_facts
from churn_core.customers.rule_segments import fill_members
from churn_core.customers.rule_sql import rule_sql, scope_of
from churn_core.customers.rules import Rule, rule_from_json
from churn_core.customers.segmentation import refresh_segmentations
from churn_core.customers.tags import forget_tag, keep_tag, mark_by_rule, tags
from churn_core.errors import ChurnError
from churn_core.jobs import Progress, no_progress
from churn_core.warehouse import Transaction, Warehouse, utc_now


@dataclass(frozen=True, kw_only=True)
class Found:
    """One group that was found again."""

    kind: str
    """tag or segment."""
    name: str
    n_before: int
    """Customers until now."""
    n_customers: int
    """Customers from now on."""
    problem: str = ""
    """Why it was not found again and keeps the customers it had; empty when it was."""


@dataclass(frozen=True, kw_only=True)
class Refreshed:
    """What a refresh found."""

    n_customers: int
    """Customers of the workspace."""
    found: tuple[Found, ...]
    """Every tag and rule segment."""
    clusters: tuple[str, ...] = ()
    """What should be known of segments found by fitted centres, in sentences."""

    @property
    def problems(self) -> tuple[Found, ...]:
        """Those that could not be found again."""
        return tuple(group for group in self.found if group.problem)

    @property
    def message(self) -> str:
        """What happened, in a sentence."""
        n_tags = sum(group.kind == "tag" for group in self.found)
        words = (
            f"{n_tags} tags and {len(self.found) - n_tags} rule segments of {self.n_customers:,} customers were found "
            "again."
        )
        return " ".join(
            [
                words,
                *(f"The {group.kind} {group.name!r} stays as it was: {group.problem}" for group in self.problems),
                *self.clusters,
            ]
        )


@dataclass(frozen=True, kw_only=True)
class _Group:
    """A tag or segment with its rule, as it is kept."""

    kind: str
    name: str
    rule: str
    segment_id: int | None = None

    @property
    def key(self) -> tuple[str, str]:
        return self.kind, self.name


def refresh_groups(warehouse: Warehouse, progress: Progress = no_progress) -> Refreshed:
    """Find the facts of all customers, the built-in tags, own tags by rule and rule segments again.

    Groups that other groups are made of come first, clusters before rules; groups that are made of each other in a
    circle are reported.
    """
    progress(0.0, "finding segments by their centres again")
    clusters = refresh_segmentations(warehouse)
    progress(0.4, "finding tags and segments again")
    with warehouse.transaction() as tx:
        n_customers = refresh_facts(tx)
        refresh_fact_groups(tx)
        progress(0.7, "finding tags and segments again")
        found = [*_built_in(tx), *_own(tx)]
        result = Refreshed(n_customers=n_customers, found=tuple(found))
        tx.audit(
            "groups refreshed",
            {
                "n_customers": n_customers,
                "n_groups": len(found) - len(result.problems),
                "problems": [f"{group.kind} {group.name}: {group.problem}" for group in result.problems],
            },
        )
    progress(1.0, "tags and segments are those of now")
    return replace(result, clusters=tuple(f"{one.name}: {one.note}" for one in clusters if one.note))


def _built_in(tx: Transaction) -> list[Found]:
    """The tags of the product by the shop's numbers of now; those that the data no longer supports go."""
    scope = scope_of(tx)
    before = {tag.tag: tag.n_customers for tag in tags(tx) if not tag.is_own}
    found = []
    for name, tag in BUILT_IN.items():
        made = drawn(tx, tag, scope)
        if made is None:
            forget_tag(tx, name)
            continue
        keep_tag(tx, name, made.meaning, made.rule, is_own=False)
        n_now = mark_by_rule(tx, name, rule_sql(tx, made.rule, scope))
        found.append(Found(kind="tag", name=name, n_before=before.get(name, 0), n_customers=n_now))
    return found


def _own(tx: Transaction) -> list[Found]:
    """Own tags and rule segments, those that others are made of first."""
    groups = [_Group(kind="tag", name=tag.tag, rule=tag.rule) for tag in tags(tx) if tag.is_own and tag.rule]
    rows = tx.rows(
        "SELECT segment_id, name, CAST(rule AS VARCHAR) FROM segments WHERE kind = 'rule' ORDER BY segment_id"
    )
    groups += [_Group(kind="segment", name=name, rule=rule or "", segment_id=nr) for nr, name, rule in rows]
    rules: dict[tuple[str, str], Rule] = {}
    problems: dict[tuple[str, str], str] = {}
    for group in groups:
        try:
            rules[group.key] = rule_from_json(group.rule)
        except ChurnError as error:
            problems[group.key] = str(error)
    order, circles = _in_order(rules)
    problems |= circles
    by_key = {group.key: group for group in groups}
    return [_found_again(tx, by_key[key], rules.get(key), problems.get(key, "")) for key in (*order, *problems)]


def _in_order(
    rules: dict[tuple[str, str], Rule],
) -> tuple[list[tuple[str, str]], dict[tuple[str, str], str]]:
    """The groups so that each comes after those it is made of, and those that are made of each other in a circle."""
    waiting = {key: {part for part in _made_of(rule) if part in rules} for key, rule in rules.items()}
    order: list[tuple[str, str]] = []
    while ready := [key for key, parts in waiting.items() if not parts & waiting.keys()]:
        order += ready
        waiting = {key: parts for key, parts in waiting.items() if key not in ready}
    names = ", ".join(repr(name) for _, name in waiting)
    problem = f"its rule and others are made of each other in a circle ({names}); change one of them."
    return order, dict.fromkeys(waiting, problem)


def _made_of(rule: Rule) -> Iterable[tuple[str, str]]:
    for kind in ("tag", "segment"):
        for name in rule.named(kind):
            yield kind, name


def _found_again(tx: Transaction, group: _Group, rule: Rule | None, problem: str) -> Found:
    """One group with the customers of now, or as it was when its rule cannot be asked."""
    table, own = ("customer_tags", "tag") if group.kind == "tag" else ("segment_members", "segment_id")
    key = group.name if group.kind == "tag" else group.segment_id
    n_before = int(tx.value(f"SELECT count(*) FROM {table} WHERE {own} = $key", {"key": key}))
    if rule is not None and not problem:
        try:
            n_now = _filled(tx, group, rule)
            return Found(kind=group.kind, name=group.name, n_before=n_before, n_customers=n_now)
        except ChurnError as error:
            problem = str(error)
    return Found(kind=group.kind, name=group.name, n_before=n_before, n_customers=n_before, problem=problem)


def _filled(tx: Transaction, group: _Group, rule: Rule) -> int:
    asked = rule_sql(tx, rule)
    now = utc_now()
    if group.segment_id is None:
        tx.execute("UPDATE tags SET refreshed_at = $now WHERE tag = $tag", {"now": now, "tag": group.name})
        return mark_by_rule(tx, group.name, asked)
    own = {"segment_id": group.segment_id, "now": now}
    tx.execute("DELETE FROM segment_members WHERE segment_id = $segment_id", own)
    n_members = fill_members(tx, group.segment_id, asked)
    tx.execute("UPDATE segments SET refreshed_at = $now WHERE segment_id = $segment_id", own)
    return n_members
