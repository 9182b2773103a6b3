"""Who moved between groups from one day to another: the matrix, whatever the groups are.

Separate because RFM groups and lifecycle stages move alike: both hand in one SELECT per day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from churn_core.customers.selection import Condition
from churn_core.errors import InputError
from churn_core.warehouse import Warehouse

NOT_YET = "not yet a customer"
"""Where somebody stood before the first order."""


@dataclass(frozen=True, kw_only=True)
class Move:
    """Customers who were in one group on the first day and in one on the second."""

    before: str
    after: str
    n: int
    spend_between: float | None
    """What they spent between both days, in the shop's currency; None where no amount is known."""


@dataclass(frozen=True, kw_only=True)
class Moves:
    """All moves between two days; they add up to the customers of the second."""

    first: datetime
    second: datetime
    groups: tuple[str, ...]
    """The groups in their order, the most welcome first."""
    moves: tuple[Move, ...]
    """Those that somebody made, staying included."""

    def n(self, before: str, after: str) -> int:
        """Customers of one move."""
        return sum(move.n for move in self.moves if (move.before, move.after) == (before, after))

    def n_before(self, group: str) -> int:
        """Customers of a group on the first day."""
        return sum(move.n for move in self.moves if move.before == group)

    def n_after(self, group: str) -> int:
        """Customers of a group on the second day."""
        return sum(move.n for move in self.moves if move.after == group)

    @property
    def sources(self) -> tuple[str, ...]:
        """The groups of the first day, and those who were not yet customers where there are any."""
        return (*self.groups, NOT_YET) if self.n_before(NOT_YET) else self.groups

    @property
    def n_customers(self) -> int:
        """Customers of the second day."""
        return sum(move.n for move in self.moves)

    @property
    def n_known(self) -> int:
        """Customers of the first day."""
        return self.n_customers - self.n_before(NOT_YET)

    @property
    def n_moved(self) -> int:
        """Customers of the first day who are in another group on the second."""
        return sum(move.n for move in self.moves if move.before not in (NOT_YET, move.after))

    def n_worse(self) -> int:
        """Customers of the first day who stand in a less welcome group on the second."""
        place = {group: nr for nr, group in enumerate(self.groups)}
        return sum(move.n for move in self.moves if move.before != NOT_YET and place[move.after] > place[move.before])


def moves_between(
    warehouse: Warehouse,
    before: Condition,
    after: Condition,
    *,
    days: tuple[datetime, datetime],
    groups: tuple[str, ...],
) -> Moves:
    """Moves between two SELECTs of customer_id, state and spend_in_all, one per day; their parameters differ in name.

    InputError when the second day is not later than the first.
    """
    if days[0] >= days[1]:
        raise InputError(f"the movement is from {days[0]:%-d %b %Y} to {days[1]:%-d %b %Y}; choose a later second day.")
    rows = warehouse.rows(
        f"WITH a AS ({before.sql}), b AS ({after.sql}) SELECT coalesce(a.state, $not_yet), b.state, count(*), "
        "CAST(sum(b.spend_in_all - coalesce(a.spend_in_all, 0)) AS DOUBLE) "
        "FROM b LEFT JOIN a USING (customer_id) GROUP BY ALL",
        before.parameters | after.parameters | {"not_yet": NOT_YET},
    )
    order = {group: nr for nr, group in enumerate((*groups, NOT_YET))}
    rows.sort(key=lambda row: (order[row[0]], order[row[1]]))
    return Moves(
        first=days[0],
        second=days[1],
        groups=groups,
        moves=tuple(Move(before=row[0], after=row[1], n=row[2], spend_between=row[3]) for row in rows),
    )
