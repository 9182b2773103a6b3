"""Twins in a table of one row per customer: rows that repeat another one exactly, or nearly.

Twins matter because one of them in training and the other in testing measures memory, not foresight.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from churn_core.warehouse import Warehouse

_LARGEST_BLOCK = 400
_MOST_ROWS = 200_000
_FEWEST_NUMBERS = 8
_CLOSE_SHARE = 0.85


@dataclass(frozen=True, kw_only=True)
class Twins:
    """How many rows repeat another one."""

    n_rows: int
    n_exact: int
    """Rows with all attributes and the label of an earlier row."""
    n_near: int
    """Rows with a partner of the same words and label whose numbers are nearly the same, exact ones left out."""
    examples_exact: tuple[str, ...]
    examples_near: tuple[str, ...]


def find_twins(warehouse: Warehouse) -> Twins | None:
    """Exact and near twins of the table ``snapshots``; None when it is empty.

    Rows are compared within blocks of equal words and label. Rows with fewer than eight numbers can only be exact
    twins; blocks of more than 400 rows and tables of more than 200,000 are searched for exact twins only.
    """
    rows = warehouse.rows(
        "SELECT customer_id, churned, attributes::VARCHAR FROM snapshots ORDER BY row_no, customer_id"
    )
    if not rows:
        return None
    seen: dict[tuple[object, str], str] = {}
    exact: list[str] = []
    blocks: dict[tuple[object, ...], list[tuple[str, list[float]]]] = defaultdict(list)
    for customer, churned, text in rows:
        key = (churned, text or "{}")
        if key in seen:
            exact.append(f"customers {seen[key]} and {customer}")
            continue
        seen[key] = customer
        if len(rows) <= _MOST_ROWS:
            words, numbers = _split(json.loads(text or "{}"))
            if len(numbers) >= _FEWEST_NUMBERS:
                blocks[churned, words].append((customer, numbers))
    partner: dict[str, str] = {}
    for block in blocks.values():
        partner.update(_near(block))
    return Twins(
        n_rows=len(rows),
        n_exact=len(exact),
        n_near=len(partner),
        examples_exact=tuple(exact[:5]),
        examples_near=tuple(f"customers {one} and {other}" for one, other in list(partner.items())[:5]),
    )


def _split(attributes: dict[str, object]) -> tuple[tuple[tuple[str, str], ...], list[float]]:
    """The words of a row (with the names of its numbers) and its numbers, in the order of names."""
    words, numbers = [], []
    for name in sorted(attributes):
        value = attributes[name]
        number = _number(value)
        if number is None:
            words.append((name, "" if value is None else str(value)))
        else:
            words.append((name, "#"))
            numbers.append(number)
    return tuple(words), numbers


def _number(value: object) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return float(value)
    try:
        return float(str(value))
    except ValueError:
        return None


def _near(block: list[tuple[str, list[float]]]) -> dict[str, str]:
    """Partners within a block: at least 85 % of the numbers differ by at most one."""
    if not 2 <= len(block) <= _LARGEST_BLOCK:
        return {}
    values = np.array([numbers for _, numbers in block])
    is_close = np.abs(values[:, None, :] - values[None, :, :]) <= 1.0
    is_near = is_close.mean(axis=2) >= _CLOSE_SHARE
    np.fill_diagonal(is_near, False)
    return {
        block[row][0]: block[int(np.flatnonzero(is_near[row])[0])][0] for row in np.flatnonzero(is_near.any(axis=1))
    }
