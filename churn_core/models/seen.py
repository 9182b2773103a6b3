"""The newest row that the features of a cutoff saw: asked of the database, not concluded from the rule.

Each source of features is run with its own conditions, and the newest of all times it hands on is taken. That is the
as-of date of every feature that rests on it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from churn_core.features.registry import FEATURES, aggregate, parts_of
from churn_core.features.sources import SOURCES, Source

if TYPE_CHECKING:
    from churn_core.warehouse import Warehouse

_SEEN = "seen_time"
_FURTHER_TIME = re.compile(r"(CASE WHEN (?:(?!\bEND\b).)* END) AS \w+_at\b")
"""What a source hands on as a further time of a row, such as when a request was answered."""


@dataclass(frozen=True, kw_only=True)
class NewestSeen:
    """What the features that read one table saw at one cutoff."""

    table: str
    cutoff: datetime
    newest: datetime | None
    """Newest time of any row they saw; None when the table had no row yet."""
    n_features: int
    """Features that read the table."""

    @property
    def is_before(self) -> bool:
        """Whether nothing from the cutoff on was seen."""
        return self.newest is None or self.newest < self.cutoff


def newest_seen(
    warehouse: Warehouse, cutoffs: Sequence[datetime], feature_names: Iterable[str]
) -> tuple[NewestSeen, ...]:
    """The newest row per table and cutoff, over all sources that the named features of the registry read."""
    of_table: dict[str, set[str]] = {}
    sources: dict[str, Source] = {}
    for name in feature_names:
        for part in parts_of(name) if name in FEATURES else ():
            source = SOURCES[aggregate(part).source or ""]
            of_table.setdefault(source.table, set()).add(name)
            sources[source.name] = source
    return tuple(
        NewestSeen(
            table=table,
            cutoff=cutoff,
            newest=_newest(warehouse, [found for found in sources.values() if found.table == table], cutoff),
            n_features=len(names),
        )
        for table, names in sorted(of_table.items())
        for cutoff in cutoffs
    )


def _newest(warehouse: Warehouse, sources: Sequence[Source], cutoff: datetime) -> datetime | None:
    """Newest time in the rows of sources of one table; sources that cut alike are asked once."""
    asked = {_times_sql(source) for source in sources}
    parameters = {"cutoff": cutoff, "known_until": cutoff}
    found = [warehouse.value(f"SELECT max({_SEEN}) FROM ({sql})", parameters) for sql in sorted(asked)]
    return max((moment for moment in found if moment is not None), default=None)


def _times_sql(source: Source) -> str:
    """The source's own SELECT, handing on the newest time of each row in place of what it computes from it."""
    times = ", ".join([source.time, *(f"({sql})" for sql in _FURTHER_TIME.findall(source.columns))])
    columns = f"greatest({times}) AS {_SEEN}"
    return replace(source, columns=columns, refined="", has_last_order_age=False, where="").rows()
