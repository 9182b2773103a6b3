"""Customer attributes that the user marked as stable, as columns beside the features.

An attribute is "as known today": using one for training is only honest when it does not change with the customer's
behaviour, which is why nothing is used unless it is marked. Names and addresses are never used.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from churn_core.schema import CUSTOMERS, quote
from churn_core.warehouse import Warehouse

if TYPE_CHECKING:
    import pandas as pd

PREFIX = "attribute:"
"""Column names of attributes begin with it."""

N_MOST_LEVELS = 30
"""Values of a text attribute that are told apart; rarer ones become OTHER."""

OTHER = "(other)"

_OWN = frozenset(
    column.name
    for column in CUSTOMERS.columns
    if column.mappable and not column.personal and column.name not in {"customer_id", "signup_time"}
)


def stable_attributes(warehouse: Warehouse) -> tuple[str, ...]:
    """Names of the attributes marked as stable, in the order they were marked; personal fields are left out."""
    personal = {column.name for column in CUSTOMERS.columns if column.personal}
    return tuple(name for name in warehouse.setting("stable_attributes", []) if name not in personal)


def attribute_columns(warehouse: Warehouse, features: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """The features with a column per attribute: float where every value is a number, else category.

    Whether an attribute is a number and which values a category has is decided over all customers, so that it is the
    same for any cutoff and any selection of customers.
    """
    import pandas as pd

    columns = {PREFIX + name: _column(warehouse, features.index, name) for name in names}
    return pd.concat([features, pd.DataFrame(columns, index=features.index)], axis=1)


def _column(warehouse: Warehouse, customers: pd.Index, name: str) -> pd.Series:
    import pandas as pd

    expression = f"CAST({quote(name)} AS VARCHAR)" if name in _OWN else "json_extract_string(attributes, $path)"
    source = f"(SELECT customer_id, nullif(trim({expression}), '') AS value FROM customers)"
    parameters = {"path": "/" + name.replace("~", "~0").replace("/", "~1"), "n_most": N_MOST_LEVELS}
    is_number = warehouse.value(
        f"SELECT count(value) > 0 AND count(value) = count(TRY_CAST(value AS DOUBLE)) FROM {source}", parameters
    )
    value = "CAST(value AS FLOAT)" if is_number else "value"
    known = warehouse.frame(f"SELECT customer_id, {value} AS value FROM {source}", parameters)
    values = known.set_index("customer_id")["value"].reindex(customers)
    if is_number:
        return values.astype("float32")
    levels = warehouse.rows(
        f"SELECT value FROM {source} WHERE value IS NOT NULL "
        "GROUP BY value ORDER BY count(*) DESC, value LIMIT $n_most",
        parameters,
    )
    common = sorted(row[0] for row in levels)
    kept = values.where(values.isin(common) | values.isna(), OTHER)
    return pd.Series(pd.Categorical(kept, categories=[*common, OTHER]), index=customers)
