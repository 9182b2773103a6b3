"""A table with one row per customer as features and outcomes: types found out, useless columns left out.

Works on a table as read from a file and on the ``snapshots`` of a workspace, so both are judged alike.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from churn_core.errors import InputError, NotEnoughData, unknown_name
from churn_core.intake.values import MISSING_WORDS, NO_LABEL, positive_labels

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from churn_core.warehouse import Warehouse

NUMBER_SHARE = 0.98
"""Share of the known values that must read as numbers."""
NAMES_SHARE = 0.9
"""Share of distinct values from which a text column is a name or id."""
MANY_LEVELS = 200
UNREAD_SHARE = 0.5
"""Share of the known values of a learned number that may be text before the column counts as changed."""
_ID = re.compile(r"(^|_|\b)(id|no|number|nr|key|uuid|index)$|id$", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class SnapshotTable:
    """Customers with features and outcome."""

    frame: pd.DataFrame
    """Features by customer id: floats, and text for categories."""
    churned: NDArray[np.bool_]
    value_amount: NDArray[np.float64] | None
    """What each customer is worth per period, missing where unknown; None when no column says so."""
    notes: tuple[str, ...]
    """What was left out and why, in sentences."""


def read_snapshot(frame: pd.DataFrame, *, label: str, id_column: str | None = None) -> SnapshotTable:
    """A table as read from a file; rows without a label are left out.

    NotFound when a column is not there, InputError when the label is not understood, NotEnoughData when only one
    outcome occurs.
    """
    import pandas as pd

    names = [str(name) for name in frame.columns]
    for asked in (label, *([id_column] if id_column else [])):
        if asked not in names:
            raise unknown_name("column", asked, names)
    texts = _as_text(frame[label], NO_LABEL)
    known = texts.notna().to_numpy()
    outcome = _outcome(texts[known], label)
    ids = _as_text(frame[id_column])[known] if id_column else pd.Series(np.flatnonzero(known) + 1).astype(str)
    rest = frame.loc[known, [name for name in frame.columns if str(name) not in {label, id_column}]]
    rest = rest.set_axis(pd.Index(ids.to_numpy(dtype=object), name="customer_id"))
    features, notes = typed(rest)
    if not known.all():
        notes = (f"{int((~known).sum()):,} rows without a label in {label!r} are left out.", *notes)
    return _checked(SnapshotTable(frame=features, churned=outcome, value_amount=None, notes=notes))


def workspace_snapshot(warehouse: Warehouse) -> SnapshotTable:
    """The labelled rows of ``snapshots``, ordered by customer id; a note says how many have no label."""
    table = stored_snapshot(warehouse)
    if table is None:
        raise NotEnoughData("there is no table with a churn column yet; import one first.")
    return _checked(table)


def stored_snapshot(warehouse: Warehouse) -> SnapshotTable | None:
    """The labelled rows of ``snapshots`` as they are, whether or not they can be learned from; None without any."""
    stored = _stored_rows(warehouse, is_labelled=True)
    if stored is None:
        return None
    raw, churned, worth = stored
    features, notes = typed(raw)
    n_open = warehouse.n_rows("snapshots") - len(raw)
    if n_open:
        notes = (f"{n_open:,} {_customers(n_open)} no label: nothing is learned from them, they are scored.", *notes)
    return SnapshotTable(frame=features, churned=churned, value_amount=worth, notes=notes)


def snapshot_to_score(
    warehouse: Warehouse, kinds: Mapping[str, str]
) -> tuple[pd.DataFrame, NDArray[np.float64] | None]:
    """The columns a model learned (name -> number or category) of all customers, and what each customer is worth.

    Customers without a label are among them. Whatever is in the columns now, they are read as in training; a column
    that has become constant stays. InputError when one is not there any more or its numbers have become text,
    NotEnoughData without a table.
    """
    stored = _stored_rows(warehouse, is_labelled=False)
    if stored is None:
        raise NotEnoughData("there is no table with a churn column yet; import one first.")
    return coerced(stored[0], dict(kinds)), stored[2]


def _stored_rows(
    warehouse: Warehouse, *, is_labelled: bool
) -> tuple[pd.DataFrame, NDArray[np.bool_], NDArray[np.float64] | None] | None:
    """Columns as they were imported, outcomes and values of the ``snapshots``, by customer id; None without rows.

    ``is_labelled`` leaves out those without a label; otherwise their outcome stands as "stayed" and means nothing.
    """
    import pandas as pd

    where = "WHERE churned IS NOT NULL" if is_labelled else ""
    rows = warehouse.rows(
        "SELECT customer_id, churned, CAST(value_amount AS DOUBLE), attributes "
        f"FROM snapshots {where} ORDER BY customer_id"
    )
    if not rows:
        return None
    ids, churned, values, attributes = zip(*rows, strict=True)
    frame = pd.DataFrame(
        [json.loads(text) if text else {} for text in attributes], index=pd.Index(ids, name="customer_id")
    )
    worth = np.array([np.nan if value is None else value for value in values], dtype=float)
    return frame, np.array(churned, dtype=bool), None if np.isnan(worth).all() else worth


def typed(frame: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Columns as floats where nearly all values are numbers, else as text; useless ones left out with a note."""
    import pandas as pd

    kept: dict[str, pd.Series] = {}
    notes: list[str] = []
    for position, name in enumerate(map(str, frame.columns)):
        values = as_number_or_text(frame.iloc[:, position])
        why_not = _useless(values, name)
        if why_not:
            notes.append(f"Column {name!r} is left out: {why_not}.")
            continue
        kept[name] = values
        if values.dtype.kind != "f" and values.nunique() > MANY_LEVELS:
            n_levels = f"{values.nunique():,} categories"
            notes.append(f"Column {name!r} has {n_levels}; rare ones count little or share one bucket.")
    return pd.DataFrame(kept, index=frame.index), tuple(notes)


def coerced(frame: pd.DataFrame, kinds: dict[str, str]) -> pd.DataFrame:
    """The columns a model was trained on, read as they were then; InputError when one is not there any more."""
    import pandas as pd

    absent = [name for name in kinds if name not in frame.columns]
    if absent:
        raise InputError(
            f"the model was trained with the column {absent[0]!r}, which the table no longer has; train again."
        )
    made = {
        name: _as_number(frame[name], name) if kind == "number" else _as_text(frame[name])
        for name, kind in kinds.items()
    }
    return pd.DataFrame(made, index=frame.index)


def _as_number(values: pd.Series, name: str) -> pd.Series:
    """A column that was numbers in training; InputError when most of what it holds is no number any more."""
    import pandas as pd

    texts = _as_text(values)
    found = pd.to_numeric(texts, errors="coerce").astype(float)
    unread = texts[found.isna() & texts.notna()]
    if len(unread) > UNREAD_SHARE * texts.notna().sum():
        raise InputError(
            f"column {name!r} held numbers when the model was trained and holds {unread.iloc[0]!r} for a customer now; "
            "import it as numbers again, or train again."
        )
    return found


def as_number_or_text(values: pd.Series) -> pd.Series:
    """A column as floats where nearly all known values are numbers, else as text with None for missing."""
    import pandas as pd

    if values.dtype.kind in "iuf":
        return values.astype(float).where(np.isfinite(values.astype(float)))
    texts = _as_text(values)
    found = pd.to_numeric(texts, errors="coerce").astype(float)
    found = found.where(np.isfinite(found))
    n_known = int(texts.notna().sum())
    if n_known and int(found.notna().sum()) >= NUMBER_SHARE * n_known:
        return found
    return texts


def _as_text(values: pd.Series, missing: Sequence[str] = MISSING_WORDS) -> pd.Series:
    texts = values.astype(object).where(values.notna(), None).map(_one_text, na_action="ignore")
    return texts.where(~texts.astype(str).str.lower().isin([*missing, "nan", ""]), None)


def _one_text(value: object) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value).strip()


def _outcome(texts: pd.Series, label: str) -> NDArray[np.bool_]:
    levels = sorted(set(texts))
    if len(levels) < 2:
        found = f"only {levels[0]!r}" if levels else "no value"
        raise NotEnoughData(f"column {label!r} holds {found}; both customers who left and who stayed are needed.")
    positive = positive_labels(levels)
    if not positive:
        shown = ", ".join(repr(level) for level in levels[:6])
        raise InputError(
            f"column {label!r} holds {shown}{', ...' if len(levels) > 6 else ''}, which is not understood as "
            "left or stayed; use yes and no, 1 and 0, or churned and stayed."
        )
    return np.asarray(texts.isin(positive), dtype=bool)


def _useless(values: pd.Series, name: str) -> str:
    known = values.dropna()
    if not len(known):
        return "it is empty"
    n_distinct = known.nunique()
    if n_distinct == 1 and len(known) == len(values):
        return "it is the same for everybody"
    if values.dtype.kind != "f":
        looks_like_name = n_distinct > max(20, NAMES_SHARE * len(known))
        return "nearly every value is different, as in a name or id" if looks_like_name else ""
    all_distinct = n_distinct == len(values) and len(values) >= 20
    whole = bool((known == known.round()).all())
    if all_distinct and whole and (_ID.search(name) or known.max() - known.min() == len(values) - 1):
        return "it numbers the rows"
    return ""


def _customers(n: int) -> str:
    return "customer has" if n == 1 else "customers have"


def _checked(table: SnapshotTable) -> SnapshotTable:
    n, n_churned = len(table.churned), int(table.churned.sum())
    if n_churned in (0, n):
        raise NotEnoughData(
            f"all {n:,} customers have the same outcome; both customers who left and who stayed are needed."
        )
    if not len(table.frame.columns):
        raise NotEnoughData("no column besides the label says anything about the customers; add columns that vary.")
    return table
