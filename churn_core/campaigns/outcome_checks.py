"""Whether a file of outcomes is about this campaign, and whole: each thing that is wrong is one sentence.

The rows stand as ``incoming`` beside the assignments; nothing is written here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from churn_core.campaigns.store import Campaign
from churn_core.campaigns.windows import STARTS_AT, after_window, before_start, is_complete, window_end
from churn_core.errors import InputError
from churn_core.warehouse import Transaction


@dataclass(frozen=True, kw_only=True)
class Match:
    """How the rows of a file match the customers of a campaign."""

    n_matched: int
    """Customers of the campaign found in it whose window is over."""
    n_missing: int
    """Customers of the campaign whose window is over and who are not in it."""
    n_unknown: int
    """Rows about customers who are not in the campaign."""
    n_duplicate: int
    """Rows about a customer who was there already, with the same values."""
    n_open: int
    """Customers in it whose window is not over: their rows are left out."""
    unknown_ids: tuple[str, ...]
    """Some ids that are not in the campaign."""


def matched(tx: Transaction, campaign: Campaign, n_values: int, now: datetime, *, missing_is_zero: bool) -> Match:
    """Check the rows against the assignments; InputError with one sentence for the first thing that is wrong."""
    asked: dict[str, object] = {"id": campaign.campaign_id, "now": now}
    unknown = tx.rows(
        "SELECT customer_id, count(*) FROM incoming WHERE customer_id NOT IN "
        "(SELECT customer_id FROM assignments WHERE campaign_id = $id) GROUP BY 1 ORDER BY min(line)",
        asked,
    )
    n_rows = int(tx.value("SELECT count(*) FROM incoming"))
    n_unknown = sum(int(n) for _, n in unknown)
    if n_unknown == n_rows:
        raise InputError(
            f"none of the {n_rows:,} rows is about a customer of {campaign.name!r} (first: {unknown[0][0]!r}); "
            "give the column of the customer id, or the file of this campaign."
        )
    n_duplicate = _duplicates(tx, asked, n_values)
    _check_arms(tx, campaign, asked)
    _check_times(tx, campaign, asked, n_values)
    n_matched, n_missing, n_open = _found(tx, campaign, asked)
    if n_missing and not missing_is_zero:
        raise InputError(
            f"the file says nothing about {n_missing:,} of the {n_matched + n_missing:,} customers whose window is "
            "over, and everybody who was drawn counts; add them, or choose that a missing customer counts as 0."
        )
    return Match(
        n_matched=n_matched,
        n_missing=n_missing,
        n_unknown=n_unknown,
        n_duplicate=n_duplicate,
        n_open=n_open,
        unknown_ids=tuple(str(row[0]) for row in unknown[:5]),
    )


def due(campaign: Campaign) -> str:
    """SQL condition: the customer's window is over at ``$now``, so that an outcome can be whole."""
    return is_complete(campaign.plan.goal.window_days, until="$now")


def _duplicates(tx: Transaction, asked: Mapping[str, object], n_values: int) -> int:
    """Further rows of customers who were there already; InputError when they contradict each other."""
    row = ", ".join(f"x{number}" for number in range(n_values))
    ((n_more, n_contradicting, customer, lines),) = tx.rows(
        f"SELECT coalesce(sum(n - 1), 0), count(*) FILTER (n_different > 1), "
        "arg_min(customer_id, lines[1]) FILTER (n_different > 1), min(lines) FILTER (n_different > 1) "
        f"FROM (SELECT customer_id, count(*) AS n, count(DISTINCT ({row}, coalesce(lower(arm), ''))) AS n_different, "
        "list_sort(list(line)) AS lines FROM incoming JOIN (SELECT customer_id FROM assignments "
        "WHERE campaign_id = $id) USING (customer_id) GROUP BY 1 HAVING count(*) > 1)",
        asked,
    )
    if n_contradicting:
        raise InputError(
            f"customer {customer!r} is in lines {lines[0]} and {lines[1]} with different values "
            f"({n_contradicting:,} such customers); keep one row for every customer."
        )
    return int(n_more)


def _check_arms(tx: Transaction, campaign: Campaign, asked: Mapping[str, object]) -> None:
    """Arms of the file against those drawn, where it names them; and no arm may be missing altogether."""
    drawn = "FROM incoming JOIN assignments AS drawn USING (customer_id) WHERE drawn.campaign_id = $id AND incoming.arm"
    known = [arm.casefold() for arm in campaign.plan.shares]
    foreign = tx.rows(
        f"SELECT incoming.arm, count(*), min(line) {drawn} IS NOT NULL AND "
        "NOT list_contains($known, lower(incoming.arm)) GROUP BY 1 ORDER BY 3 LIMIT 1",
        {**asked, "known": known},
    )
    if foreign:
        arm, n, line = foreign[0]
        raise InputError(
            f"arm {arm!r} in line {line} is not in the plan, which has {', '.join(map(repr, campaign.plan.shares))} "
            f"({n:,} such rows); correct it, or leave out the column of the arm."
        )
    moved = tx.rows(
        "SELECT count(*), arg_min(customer_id, line), arg_min(incoming.arm, line), arg_min(drawn.arm, line) "
        f"{drawn} IS NOT NULL AND lower(incoming.arm) <> lower(drawn.arm)",
        asked,
    )
    n_moved, customer, found, arm = moved[0]
    if n_moved:
        raise InputError(
            f"customer {customer!r} is in arm {found!r} in the file and was drawn into {arm!r} ({n_moved:,} such "
            "rows); everybody counts in the arm that was drawn, so find out why they differ, then leave out the "
            "column of the arm."
        )
    missing = tx.rows(
        f"SELECT arm FROM assignments AS drawn WHERE campaign_id = $id AND {due(campaign)} GROUP BY arm "
        "HAVING count(*) FILTER (customer_id IN (SELECT customer_id FROM incoming)) = 0 ORDER BY arm",
        asked,
    )
    if missing:
        raise InputError(
            f"nobody of arm {missing[0][0]!r} is in the file; an effect is a difference between arms, "
            "so bring the outcomes of all of them."
        )


def _check_times(tx: Transaction, campaign: Campaign, asked: Mapping[str, object], n_values: int) -> None:
    """Outcomes dated before the customer's start or after the window; rows without a date, or with 0, say nothing."""
    happened = " OR ".join(f"x{number} <> 0" for number in range(n_values))
    days = campaign.plan.goal.window_days
    bounds = (
        ("before the customer's start", before_start("happened_at"), STARTS_AT, "begins"),
        (f"after the {days} days that count", after_window("happened_at", days), window_end(days), "ended"),
    )
    for words, condition, bound, edge in bounds:
        n, line, at, limit = tx.rows(
            f"SELECT count(*), min(line), arg_min(happened_at, line), arg_min({bound}, line) FROM incoming "
            f"JOIN assignments AS drawn USING (customer_id) WHERE drawn.campaign_id = $id AND {condition} "
            f"AND ({happened})",
            asked,
        )[0]
        if n:
            limit -= timedelta(days=edge == "ended")
            raise InputError(
                f"line {line} has an outcome of {at:%-d %b %Y}, {words}: the window {edge} on {limit:%-d %b %Y} "
                f"({n:,} such rows); only what happened within it counts, so correct or take out these rows."
            )


def _found(tx: Transaction, campaign: Campaign, asked: Mapping[str, object]) -> tuple[int, int, int]:
    """Customers whose window is over, found and missing, and those found too early."""
    is_in = "customer_id IN (SELECT customer_id FROM incoming)"
    n_matched, n_missing, n_open, first_end = tx.rows(
        f"SELECT count(*) FILTER ({due(campaign)} AND {is_in}), count(*) FILTER ({due(campaign)} AND NOT {is_in}), "
        f"count(*) FILTER (NOT {due(campaign)} AND {is_in}), min({window_end(campaign.plan.goal.window_days)}) "
        "FROM assignments AS drawn WHERE campaign_id = $id",
        asked,
    )[0]
    if not n_matched and not n_missing:
        last_day = first_end - timedelta(days=1)
        raise InputError(
            f"no outcome window is over yet, the last counted day of the first is {last_day:%-d %b %Y}; "
            "bring the outcomes after that day, because only whole windows are compared."
        )
    return int(n_matched), int(n_missing), int(n_open)
