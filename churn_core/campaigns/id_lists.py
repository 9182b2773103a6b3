"""Lists of customer ids that a person gives to a campaign: whom it is about, or whom to leave out.

A list replaces the one before it whole. Ids are kept as text, trimmed, each once; what was unknown or there twice is
told with examples instead of being dropped in silence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from churn_core.campaigns.store import required_draft
from churn_core.errors import InputError, NotEnoughData, unknown_name
from churn_core.warehouse import Transaction, Warehouse

if TYPE_CHECKING:
    import pyarrow as pa

    from churn_core.intake.source import Source

KINDS: dict[str, str] = {"audience": "to be in the campaign", "exclude": "to be left out"}
"""What a list can be for, with its words."""

IS_KNOWN = (
    "({id} IN (SELECT customer_id FROM customers) OR {id} IN (SELECT customer_id FROM orders) "
    "OR {id} IN (SELECT customer_id FROM snapshots))"
)
"""SQL condition: the workspace knows the customer; ``{id}`` is the column."""

MOST_IDS = 5_000_000
N_EXAMPLES = 5
_MARK = "''"
"""An apostrophe as SQL writes it within a text."""
_BETWEEN = re.compile(r"[\r\n\t,;]+")


@dataclass(frozen=True, kw_only=True)
class ListGiven:
    """A list as it was understood."""

    kind: str
    """Key of KINDS."""
    n_given: int
    """Ids read, empty ones not counted."""
    n_known: int
    """Different ids of customers whom the workspace knows."""
    n_unknown: int
    """Different ids that the workspace does not know; they are kept, in case a later import brings them."""
    n_duplicate: int
    """Ids that were there before in the same list."""
    examples: tuple[str, ...]
    """A few unknown ids."""
    duplicates: tuple[str, ...] = ()
    """A few ids that were there more than once."""

    @property
    def message(self) -> str:
        """What was understood, in one or a few sentences."""
        told = [f"{self.n_known:,} of {self.n_known + self.n_unknown:,} ids belong to customers of this workspace."]
        if self.n_unknown:
            told.append(f"Not known: {_listed(self.examples, self.n_unknown)}.")
        if self.n_duplicate:
            told.append(
                f"{self.n_duplicate:,} {'was' if self.n_duplicate == 1 else 'were'} there already and counted once: "
                f"{', '.join(self.duplicates)}."
            )
        return " ".join(told)


def ids_from_text(text: str) -> list[str]:
    """Ids from text that was typed or pasted: one per line, or with commas, semicolons or tabs between them.

    >>> ids_from_text("C-1, C-2;\\n 007 \\n")
    ['C-1', 'C-2', '007']
    """
    return [part for part in (piece.strip().strip('"').strip() for piece in _BETWEEN.split(text)) if part]


def give_list(warehouse: Warehouse, campaign_id: str, kind: str, ids: Iterable[str]) -> ListGiven:
    """Keep a list of ids for a draft in place of the one before; nothing is changed when it cannot be used.

    Raises InputError when the campaign is locked or the list is far too long, NotEnoughData when it holds no id.
    """
    import pyarrow as pa

    clean = [_clean(entry) for entry in ids]
    return _give(warehouse, campaign_id, kind, pa.table({"customer_id": pa.array(clean, pa.string())}))


def give_list_of_file(
    warehouse: Warehouse, campaign_id: str, kind: str, source: Source, column: str | None = None
) -> ListGiven:
    """Keep the ids of an opened file: of the named column, else of the one that holds customer ids, else of the first.

    A file of bare ids has no line of names; where its first line is itself a customer's id, that customer counts.
    """
    import pyarrow as pa

    chosen = source.column(column or id_column(source))
    found = source.reader.rows(f"SELECT {chosen.key} FROM {source.rows_sql()} ORDER BY line")
    clean = [_clean(str(value)) for (value,) in found if value is not None]
    first = _clean(chosen.name)
    if warehouse.value(f"SELECT {IS_KNOWN.format(id='$id')}", {"id": first}):
        clean.insert(0, first)
    return _give(warehouse, campaign_id, kind, pa.table({"customer_id": pa.array(clean, pa.string())}))


def id_column(source: Source) -> str:
    """Name of the column that holds customer ids: by its name, else the first."""
    from churn_core.intake.synonyms import SYNONYMS, plain

    words = {plain(word) for word in SYNONYMS["customer_id"].split()}
    named = [column.name for column in source.columns if plain(column.name) in words]
    return named[0] if named else source.columns[0].name


def clear_list(warehouse: Warehouse, campaign_id: str, kind: str) -> None:
    """Forget a list of a draft; InputError when the campaign is locked."""
    _check_kind(kind)
    with warehouse.transaction() as tx:
        required_draft(tx, campaign_id)
        n_ids = _forget(tx, campaign_id, kind)
        tx.audit("campaign list cleared", {"campaign_id": campaign_id, "kind": kind, "n_ids": n_ids})


def list_kept(warehouse: Warehouse | Transaction, campaign_id: str, kind: str) -> ListGiven:
    """The list as it is kept, held against the customers whom the workspace knows by now."""
    _check_kind(kind)
    values = {"campaign_id": campaign_id, "kind": kind, "n": N_EXAMPLES}
    kept = "SELECT customer_id FROM campaign_lists WHERE campaign_id = $campaign_id AND kind = $kind"
    unknown = f"{kept} AND NOT {IS_KNOWN.format(id='customer_id')}"
    n_ids = int(warehouse.value(f"SELECT count(*) FROM ({kept})", values))
    n_unknown = int(warehouse.value(f"SELECT count(*) FROM ({unknown})", values))
    examples = warehouse.rows(f"{unknown} ORDER BY customer_id LIMIT $n", values)
    return ListGiven(
        kind=kind,
        n_given=n_ids,
        n_known=n_ids - n_unknown,
        n_unknown=n_unknown,
        n_duplicate=0,
        examples=tuple(example for (example,) in examples),
    )


def _give(warehouse: Warehouse, campaign_id: str, kind: str, ids: pa.Table) -> ListGiven:
    _check_kind(kind)
    if ids.num_rows > MOST_IDS:
        raise InputError(f"the list has {ids.num_rows:,} ids; a campaign takes at most {MOST_IDS:,}.")
    with warehouse.transaction() as tx:
        required_draft(tx, campaign_id)
        _forget(tx, campaign_id, kind)
        with tx.view("given_ids", _without_apostrophes(tx, ids)):
            n_given = int(tx.value("SELECT count(*) FROM given_ids WHERE customer_id <> ''"))
            if not n_given:
                raise NotEnoughData("there is no customer id in the list; give at least one, or clear the list.")
            tx.execute(
                "INSERT INTO campaign_lists (campaign_id, kind, customer_id) SELECT $campaign_id, $kind, customer_id "
                "FROM given_ids WHERE customer_id <> '' GROUP BY customer_id ORDER BY customer_id",
                {"campaign_id": campaign_id, "kind": kind},
            )
            twice = tx.rows(
                "SELECT customer_id FROM given_ids WHERE customer_id <> '' GROUP BY customer_id HAVING count(*) > 1 "
                "ORDER BY customer_id LIMIT $n",
                {"n": N_EXAMPLES},
            )
        kept = list_kept(tx, campaign_id, kind)
        given = ListGiven(
            kind=kind,
            n_given=n_given,
            n_known=kept.n_known,
            n_unknown=kept.n_unknown,
            n_duplicate=n_given - kept.n_given,
            examples=kept.examples,
            duplicates=tuple(customer for (customer,) in twice),
        )
        counts = {"n_given": n_given, "n_known": kept.n_known, "n_unknown": kept.n_unknown}
        tx.audit("campaign list given", {"campaign_id": campaign_id, "kind": kind} | counts)
    return given


def _without_apostrophes(tx: Transaction, ids: pa.Table) -> pa.Table:
    """The ids as customers have them: an exported list has an apostrophe before an id like ``=7`` or ``@ann``.

    Only an id that is not known with its apostrophe and is known without it is changed.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pc.any(pc.starts_with(ids["customer_id"], "'")).as_py():
        return ids
    with tx.view("marked_ids", ids):
        bare = "substr(customer_id, 2)"
        is_marked = (
            f"starts_with(customer_id, '{_MARK}') AND NOT {IS_KNOWN.format(id='customer_id')} "
            f"AND {IS_KNOWN.format(id=bare)}"
        )
        found = tx.rows(f"SELECT CASE WHEN {is_marked} THEN {bare} ELSE customer_id END FROM marked_ids")
    return pa.table({"customer_id": pa.array([customer for (customer,) in found], pa.string())})


def _forget(tx: Transaction, campaign_id: str, kind: str) -> int:
    return tx.execute(
        "DELETE FROM campaign_lists WHERE campaign_id = $campaign_id AND kind = $kind",
        {"campaign_id": campaign_id, "kind": kind},
    )


def _check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise unknown_name("kind of list", kind, KINDS)


def _clean(entry: str) -> str:
    """An id as tables hold it; characters that are no text at all cannot match anybody and become question marks."""
    return entry.strip().encode("utf-8", "replace").decode("utf-8")


def _listed(examples: tuple[str, ...], n: int) -> str:
    shown = ", ".join(examples)
    return shown if n <= len(examples) else f"{shown} and {n - len(examples):,} more"
