"""Tags: words that customers are marked with, by the product, by a rule of the shop, or by hand.

Separate from segments because a tag is said about a customer ("frequent buyer") and a segment is worked with as a
group. What a built-in tag takes follows from the shop itself: its threshold is a quantile of the shop's customers, and
it is stated with the tag.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from churn_core.customers.built_in_tags import BUILT_IN
from churn_core.customers.rule_sql import RuleSql, rule_sql
from churn_core.customers.rule_words import rule_sentence
from churn_core.customers.rules import Rule, rule_json
from churn_core.customers.search import is_customer
from churn_core.errors import InputError, NotFound, unknown_name
from churn_core.warehouse import Transaction, Warehouse, utc_now

LONGEST_TAG = 40


@dataclass(frozen=True, kw_only=True)
class Tag:
    """One word that customers are marked with."""

    tag: str
    meaning: str
    """Who gets it, in words, with the threshold."""
    rule: str | None
    """The rule as JSON; None for a tag given by hand."""
    is_own: bool
    """Whether the shop made it itself."""
    refreshed_at: datetime | None
    """When its customers were last found (UTC); None for a tag given by hand."""
    n_customers: int
    """Customers marked with it."""


@dataclass(frozen=True, kw_only=True)
class CustomerTag:
    """A tag of one customer."""

    tag: str
    meaning: str
    since: datetime
    """Since when (UTC)."""
    is_by_hand: bool
    """Whether somebody gave it, so that it can be taken away again."""


def tags(reader: Warehouse | Transaction) -> tuple[Tag, ...]:
    """All tags, those of the shop itself last, each by name."""
    rows = reader.records(
        "SELECT t.tag, meaning, CAST(rule AS VARCHAR) AS rule, is_own, refreshed_at, coalesce(n, 0) AS n_customers "
        "FROM tags AS t LEFT JOIN (SELECT tag, count(*) AS n FROM customer_tags GROUP BY tag) AS c ON c.tag = t.tag "
        "ORDER BY is_own, lower(t.tag)"
    )
    return tuple(Tag(**row) for row in rows)


def tags_of(warehouse: Warehouse, customer_id: str) -> tuple[CustomerTag, ...]:
    """The tags of one customer, by name."""
    rows = warehouse.records(
        "SELECT t.tag, meaning, since, rule IS NULL AS is_by_hand FROM customer_tags AS c JOIN tags AS t "
        "ON t.tag = c.tag WHERE customer_id = $customer_id ORDER BY lower(t.tag)",
        {"customer_id": customer_id},
    )
    return tuple(CustomerTag(**row) for row in rows)


def make_tag(warehouse: Warehouse, tag: str, *, rule: Rule | None = None, meaning: str = "") -> Tag:
    """An own tag: by a rule, whose customers get it at once, or for giving by hand.

    Raises InputError when the word is empty, too long, taken or kept for a built-in tag, and the errors of
    :func:`rule_sql`.
    """
    clean = clean_tag(tag)
    with warehouse.transaction() as tx:
        _check_free(tx, clean)
        asked = rule_sql(tx, rule) if rule is not None else None
        words = meaning.strip() or (rule_sentence(rule) if rule is not None else "Given by hand.")
        keep_tag(tx, clean, words, rule, is_own=True)
        n_customers = mark_by_rule(tx, clean, asked) if asked else 0
        tx.audit("tag made", {"tag": clean, "n_customers": n_customers})
    return _found(warehouse, clean)


def delete_tag(warehouse: Warehouse, tag: str) -> None:
    """Forget an own tag; InputError for a built-in one, NotFound when there is none of that name."""
    found = _found(warehouse, tag)
    if not found.is_own:
        raise InputError(f"{tag!r} belongs to the product and comes back with the next import; it cannot be deleted.")
    with warehouse.transaction() as tx:
        forget_tag(tx, tag)
        tx.audit("tag deleted", {"tag": tag, "n_customers": found.n_customers})


def give_tag(warehouse: Warehouse, tag: str, customer_ids: Sequence[str]) -> int:
    """Mark customers by hand, making the tag when it is new; how many had it not yet.

    Raises InputError for a tag that follows a rule, NotFound for an id that is nobody's.
    """
    clean = clean_tag(tag)
    for customer_id in customer_ids:
        if not is_customer(warehouse, customer_id):
            raise NotFound(f"there is no customer {customer_id!r}; check the id.")
    known = {found.tag.lower(): found for found in tags(warehouse)}
    found = known.get(clean.lower())
    if found is None and clean.lower() not in BUILT_IN:
        found = make_tag(warehouse, clean)
    if found is None or found.rule is not None:
        raise InputError(f"the tag {clean!r} follows a rule and is not given by hand; choose another word.")
    with warehouse.transaction() as tx:
        n_new = tx.execute(
            "INSERT INTO customer_tags SELECT $tag, id, $now FROM (SELECT DISTINCT unnest($ids::VARCHAR[]) AS id) "
            "WHERE id NOT IN (SELECT customer_id FROM customer_tags WHERE tag = $tag)",
            {"tag": found.tag, "now": utc_now(), "ids": list(customer_ids)},
        )
        tx.audit("tag given", {"tag": found.tag, "n_customers": n_new})
    return n_new


def take_tag(warehouse: Warehouse, tag: str, customer_id: str) -> None:
    """Take a tag given by hand from a customer; InputError when it follows a rule, NotFound when there is none."""
    found = _found(warehouse, tag)
    if found.rule is not None:
        raise InputError(f"the tag {tag!r} follows a rule and would come back; change the rule instead.")
    with warehouse.transaction() as tx:
        tx.execute(
            "DELETE FROM customer_tags WHERE tag = $tag AND customer_id = $customer_id",
            {"tag": tag, "customer_id": customer_id},
        )
        tx.audit("tag taken", {"tag": tag, "n_customers": 1})


def clean_tag(tag: str) -> str:
    """A tag without needless spaces; InputError when it is empty or too long."""
    clean = " ".join(tag.split())
    if not clean or len(clean) > LONGEST_TAG:
        raise InputError(f"the tag has {len(clean)} characters; give it 1 to {LONGEST_TAG}.")
    return clean


def keep_tag(tx: Transaction, tag: str, meaning: str, rule: Rule | None, *, is_own: bool) -> None:
    """Write a tag, or write it anew with another meaning and rule."""
    made = tx.value("SELECT made_at FROM tags WHERE tag = $tag", {"tag": tag})
    now = utc_now()
    tx.execute(
        "INSERT OR REPLACE INTO tags (tag, meaning, rule, is_own, made_at, refreshed_at) "
        "VALUES ($tag, $meaning, $rule, $is_own, $made, $refreshed)",
        {
            "tag": tag,
            "meaning": meaning,
            "rule": None if rule is None else rule_json(rule),
            "is_own": is_own,
            "made": made or now,
            "refreshed": None if rule is None else now,
        },
    )


def mark_by_rule(tx: Transaction, tag: str, asked: RuleSql) -> int:
    """Mark exactly the customers whom a rule means; who had the tag keeps it since then. How many have it now."""
    parameters = asked.parameters | {"tag": tag, "now": utc_now()}
    tx.execute(
        f"DELETE FROM customer_tags WHERE tag = $tag AND customer_id NOT IN ({asked.sql})",
        parameters,
    )
    tx.execute(
        f"INSERT INTO customer_tags (tag, customer_id, since) SELECT $tag, customer_id, $now FROM ({asked.sql}) "
        "WHERE customer_id NOT IN (SELECT customer_id FROM customer_tags WHERE tag = $tag)",
        parameters,
    )
    return int(tx.value("SELECT count(*) FROM customer_tags WHERE tag = $tag", {"tag": tag}))


def forget_tag(tx: Transaction, tag: str) -> None:
    """Remove a tag and who has it."""
    tx.execute("DELETE FROM customer_tags WHERE tag = $tag", {"tag": tag})
    tx.execute("DELETE FROM tags WHERE tag = $tag", {"tag": tag})


def _found(warehouse: Warehouse, tag: str) -> Tag:
    known = {found.tag: found for found in tags(warehouse)}
    if tag not in known:
        raise unknown_name("tag", tag, known)
    return known[tag]


def _check_free(tx: Transaction, tag: str) -> None:
    if tag.lower() in BUILT_IN or tx.value("SELECT 1 FROM tags WHERE lower(tag) = lower($tag)", {"tag": tag}):
        raise InputError(f"a tag {tag!r} exists already; choose another word or delete it first.")
