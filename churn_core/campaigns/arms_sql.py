"""Arms, waves and places in the list for any number of customers, as one SQL statement.

The same draw as :func:`churn_core.campaigns.assignment.assign_arms`, to the customer; apart from it because a million
customers are ranked where they lie instead of one by one. It only says who would be drawn: what is kept is decided in
``draw`` and ``joining``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from churn_core.campaigns.assignment import arm_cuts
from churn_core.errors import InputError
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
    second hash that knows nothing of the first. InputError when a customer is in the pool twice, blanks around the id
    aside.
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
        "draw_arms": [arm for arm, _ in cuts],
        **{f"draw_cut_{nr}": cut for nr, (_, cut) in enumerate(cuts)},
    }
    placed = quote(f"{table}_placed")
    tx.execute(_PLACED.format(placed=placed, pool=pool.sql), parameters)
    _require_once(tx, placed, parameters)
    steps = [_RANKED if is_ranked else _UNRANKED, _WAVES if per_week else _AT_ONCE]
    tx.execute(
        f"CREATE TEMPORARY TABLE {quote(table)} AS WITH "
        f"{', '.join(steps).format(placed=placed, arm=_arm_sql(len(cuts)))} "
        "SELECT customer_id, list_extract($draw_arms::VARCHAR[], arm) AS arm, stratum, CAST(wave AS INTEGER) AS wave, "
        f"row_number() OVER (ORDER BY {LIST_ORDER}) AS row_no, tier, value_band, main_group, risk, expected_value "
        f"FROM {placed} JOIN waved USING (key)",
        parameters,
    )
    tx.execute(f"DROP TABLE {placed}")
    return tx.n_rows(table)


def _require_once(tx: Transaction, placed: str, parameters: dict[str, object]) -> None:
    """InputError unless every customer is there once: only the same id can lie at the same place, but for chance."""
    rows = tx.rows(
        f"SELECT {_trimmed('customer_id')} FROM {placed} WHERE place IN ({_SHARED_PLACES.format(placed=placed)}) "
        "GROUP BY 1 HAVING count(*) > 1 ORDER BY 1 LIMIT 1",
        parameters,
    )
    if rows:
        raise InputError(
            f"customer {rows[0][0]!r} is in the audience more than once; an arm is drawn once per customer."
        )


def _trimmed(text: str) -> str:
    return f"trim({text}, $draw_space)"


def _arm_sql(n_arms: int) -> str:
    """Number of the arm at a spot; the last one reaches to the end, whatever the shares add up to in the last digit."""
    whens = "".join(f"WHEN spot < $draw_cut_{nr} THEN {nr + 1} " for nr in range(n_arms - 1))
    return f"CASE {whens}ELSE {n_arms} END" if whens else "1"


_PLACED = (
    "CREATE TEMPORARY TABLE {placed} AS "
    f"SELECT * REPLACE (coalesce(stratum, '{UNKNOWN_STRATUM}') AS stratum), row_number() OVER () AS key, "
    f"{place_sql('customer_id', '$draw_salt')} AS place, {place_sql('customer_id', '$draw_wave_salt')} AS mix "
    "FROM ({pool})"
)
_SHARED_PLACES = "SELECT place FROM {placed} GROUP BY place HAVING count(*) > 1"

_RANKED = (
    f"shifts AS (SELECT stratum, {place_sql('stratum', '$draw_stratum_salt')} AS shift, count(*) AS n_stratum, "
    "row_number() OVER (ORDER BY stratum) AS nr FROM {placed} GROUP BY stratum), "
    f"ties AS (SELECT key, row_number() OVER (PARTITION BY place ORDER BY {_trimmed('customer_id')}) AS tie "
    f"FROM {{placed}} WHERE place IN ({_SHARED_PLACES})), "
    "lean AS (SELECT p.key, mix, place, coalesce(tie, 0) AS tie, nr, shift, n_stratum "
    "FROM {placed} p JOIN shifts USING (stratum) LEFT JOIN ties ON ties.key = p.key), "
    "ranked AS (SELECT *, row_number() OVER (PARTITION BY nr ORDER BY place, tie) - 1 AS rank FROM lean), "
    "spots AS (SELECT key, mix, nr, (CAST(rank AS DOUBLE) + shift) / CAST(n_stratum AS DOUBLE) AS spot FROM ranked), "
    "armed AS (SELECT key, mix, nr, {arm} AS arm FROM spots)"
)
_UNRANKED = (
    "spots AS (SELECT key, mix, dense_rank() OVER (ORDER BY stratum) AS nr, place AS spot FROM {placed}), "
    "armed AS (SELECT key, mix, nr, {arm} AS arm FROM spots)"
)

_AT_ONCE = "waved AS (SELECT key, arm, 1 AS wave FROM armed)"

_CELL = place_sql("arm || ':' || nr", "$draw_wave_salt")
_WAVES = (
    f"cells AS (SELECT arm, nr, {_CELL} AS shift_of_cell, count(*) AS n_cell FROM armed GROUP BY arm, nr), "
    "within AS (SELECT key, mix, arm, nr, row_number() OVER (PARTITION BY arm, nr ORDER BY mix, key) - 1 "
    "AS rank_in_cell FROM armed), "
    "spread AS (SELECT key, mix, arm, (rank_in_cell + shift_of_cell) / n_cell AS turn_in_arm "
    "FROM within JOIN cells USING (arm, nr)), "
    "sizes AS (SELECT arm, count(*) AS n_arm FROM armed GROUP BY arm), "
    "lined AS (SELECT key, mix, arm, row_number() OVER (PARTITION BY arm ORDER BY turn_in_arm, mix, key) - 0.5::DOUBLE "
    "AS rank_in_arm FROM spread), "
    "queue AS (SELECT key, arm, row_number() OVER (ORDER BY rank_in_arm / n_arm, mix, key) - 1 AS ahead "
    "FROM lined JOIN sizes USING (arm)), "
    "waved AS (SELECT key, arm, ahead * CAST(ceil(n_all / $draw_week) AS BIGINT) // n_all + 1 AS wave "
    "FROM queue CROSS JOIN (SELECT count(*) AS n_all FROM armed))"
)
