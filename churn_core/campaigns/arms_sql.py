"""Arms, waves and places in the list for any number of customers, as one SQL statement.

The same draw as :func:`churn_core.campaigns.assignment.assign_arms`, to the customer; apart from it because a million
customers are ranked where they lie instead of one by one. It only says who would be drawn: what is kept is decided in
``draw`` and ``joining``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from churn_core.campaigns.assignment import arm_cuts
from churn_core.schema import quote
from churn_core.warehouse import Transaction

WHITESPACE = (
    "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""What is trimmed from a customer id before it is hashed, as ``str.strip`` does."""

UNKNOWN_STRATUM = "not known"
"""Stratum of customers about whom nothing is known to balance by."""

LIST_ORDER = "wave, risk * expected_value DESC NULLS LAST, risk DESC NULLS LAST, customer_id"
"""Order of a target list: week by week, the most at stake first."""


@dataclass(frozen=True, kw_only=True)
class Pool:
    """Customers to draw from: rows of customer_id, tier, value_band, main_group, risk, expected_value, stratum."""

    sql: str
    parameters: dict[str, object] = field(default_factory=dict)


def place_sql(text: str, salt: str) -> str:
    """SQL of where a text falls in [0, 1), as :func:`churn_core.campaigns.assignment.bucket` says it.

    ``text`` and ``salt`` are SQL expressions. The first 16 hexadecimal digits of the hash are its first 64 bits; as an
    unsigned number they are rounded to the nearest double, like the quotient of two whole numbers in Python.
    """
    digits = f"left(sha256({salt} || ':' || {_trimmed(text)}), 16)"
    return f"least(CAST(CAST('0x' || {digits} AS UBIGINT) AS DOUBLE) / 18446744073709551616.0, $draw_top)"


def fill_drawn(
    tx: Transaction,
    table: str,
    pool: Pool,
    shares: Mapping[str, float],
    *,
    salt: str,
    per_week: int | None = None,
    is_ranked: bool = True,
) -> int:
    """Fill a temporary table with the pool's customers, their arm, wave and row_no; the number of customers.

    Ranked inside each stratum, every stratum is shared out as planned to within one customer; otherwise (``is_ranked``
    false, for those who join later) each customer's own place decides. Waves are as few as ``per_week`` customers a
    week allow, of equal size, and hold every arm in its share to within one customer, every stratum nearly so, by a
    second hash that knows nothing of the first.
    """
    cuts = arm_cuts(shares)
    parameters: dict[str, object] = {
        **pool.parameters,
        "draw_salt": salt,
        "draw_stratum_salt": f"{salt}:stratum",
        "draw_wave_salt": f"{salt}:wave",
        "draw_space": WHITESPACE,
        "draw_top": 1 - 2**-53,
        "draw_week": per_week,
        **{f"draw_arm_{nr}": arm for nr, (arm, _) in enumerate(cuts)},
        **{f"draw_cut_{nr}": cut for nr, (_, cut) in enumerate(cuts)},
    }
    steps = _RANKED if is_ranked else _PLACED
    sql = f"WITH pool AS ({pool.sql}), {steps.format(arm=_arm_sql(len(cuts)))}{_WAVES if per_week else _AT_ONCE}"
    tx.execute(
        f"CREATE TEMPORARY TABLE {quote(table)} AS {sql} "
        "SELECT customer_id, arm, stratum, CAST(wave AS INTEGER) AS wave, "
        f"row_number() OVER (ORDER BY {LIST_ORDER}) AS row_no, tier, value_band, main_group, risk, expected_value "
        "FROM waved",
        parameters,
    )
    return tx.n_rows(table)


def repeated_ids(tx: Transaction, table: str) -> list[str]:
    """Ids that stand in a table more than once, blanks around them aside; at most three."""
    trimmed = _trimmed("customer_id")
    rows = tx.rows(
        f"SELECT {trimmed} FROM {quote(table)} GROUP BY 1 HAVING count(*) > 1 ORDER BY 1 LIMIT 3",
        {"draw_space": WHITESPACE},
    )
    return [row[0] for row in rows]


def _trimmed(text: str) -> str:
    return f"trim({text}, $draw_space)"


def _arm_sql(n_arms: int) -> str:
    """The arm at a spot; the last one reaches to the end, whatever the shares add up to in the last digit."""
    whens = "".join(f"WHEN spot < $draw_cut_{nr} THEN $draw_arm_{nr} " for nr in range(n_arms - 1))
    return f"CASE {whens}ELSE $draw_arm_{n_arms - 1} END" if whens else "$draw_arm_0"


_PLACE = place_sql("customer_id", "$draw_salt")
_STRATUM = f"coalesce(stratum, '{UNKNOWN_STRATUM}')"

_RANKED = (
    f"placed AS (SELECT * REPLACE ({_STRATUM} AS stratum), {_PLACE} AS place FROM pool), "
    f"shifts AS (SELECT stratum, {place_sql('stratum', '$draw_stratum_salt')} AS shift "
    "FROM (SELECT DISTINCT stratum FROM placed)), "
    "ranked AS (SELECT *, row_number() OVER (PARTITION BY stratum ORDER BY place, "
    f"{_trimmed('customer_id')}) - 1 AS rank, count(*) OVER (PARTITION BY stratum) AS n_stratum FROM placed), "
    "spots AS (SELECT ranked.*, (CAST(rank AS DOUBLE) + shift) / CAST(n_stratum AS DOUBLE) AS spot "
    "FROM ranked JOIN shifts USING (stratum)), "
    "armed AS (SELECT *, {arm} AS arm FROM spots), "
)
_PLACED = (
    f"spots AS (SELECT * REPLACE ({_STRATUM} AS stratum), {_PLACE} AS spot FROM pool), "
    "armed AS (SELECT *, {arm} AS arm FROM spots), "
)

_AT_ONCE = "waved AS (SELECT *, 1 AS wave FROM armed)"

_CELL = place_sql("arm || ':' || stratum", "$draw_wave_salt")
_WAVES = (
    f"mixed AS (SELECT *, {place_sql('customer_id', '$draw_wave_salt')} AS mix FROM armed), "
    f"shift_of AS (SELECT arm, stratum, {_CELL} AS cell_shift FROM (SELECT DISTINCT arm, stratum FROM armed)), "
    "within AS (SELECT mixed.*, cell_shift, "
    "row_number() OVER (PARTITION BY mixed.arm, mixed.stratum ORDER BY mix, customer_id) - 1 AS cell_rank, "
    "count(*) OVER (PARTITION BY mixed.arm, mixed.stratum) AS n_cell "
    "FROM mixed JOIN shift_of ON shift_of.arm = mixed.arm AND shift_of.stratum = mixed.stratum), "
    "lined AS (SELECT *, (row_number() OVER (PARTITION BY arm ORDER BY (cell_rank + cell_shift) / n_cell, mix, "
    "customer_id) - 0.5::DOUBLE) / count(*) OVER (PARTITION BY arm) AS turn FROM within), "
    "queue AS (SELECT *, row_number() OVER (ORDER BY turn, mix, customer_id) - 1 AS ahead, count(*) OVER () AS n_all "
    "FROM lined), "
    "waved AS (SELECT *, ahead * CAST(ceil(n_all / $draw_week) AS BIGINT) // n_all + 1 AS wave FROM queue)"
)
