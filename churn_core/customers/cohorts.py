"""Do customers come back? Retention and revenue per cohort and month since the first order.

One query adds up orders by cohort, first month and months since; the triangle is put together from those counts.
A month counts for a customer once it is over: what is not over yet is unknown and never zero.
"""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from churn_core.customers.cohort_members import MONTH, Grouping, members, month_number
from churn_core.customers.targets import FORMULA_STARTS, HARMLESS
from churn_core.features.gaps import end_of_orders
from churn_core.timeline import seen_before
from churn_core.warehouse import Warehouse

_COLUMNS = (
    "cohort_customers", "months_since", "n", "n_ordering", "retention_rate", "revenue_per_customer",
    "cumulated_revenue_per_customer", "revenue",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A cohort in one month since the first order."""

    n: int
    """Customers for whom this month is over; the denominator of everything here. 0: the cell is immature."""
    n_ordering: int
    """Of these, with an order in that month."""
    revenue_amount: float | None
    """What these paid in that month, returns not taken off; None when orders have no amounts."""
    cumulated_amount: float | None
    """What these paid from their first month to this one."""

    @property
    def retention_rate(self) -> float | None:
        """Share with an order in that month; None while it is over for nobody."""
        return self.n_ordering / self.n if self.n else None

    @property
    def revenue_per_customer(self) -> float | None:
        """Revenue of that month per customer, those without an order included."""
        return self.revenue_amount / self.n if self.n and self.revenue_amount is not None else None

    @property
    def cumulated_per_customer(self) -> float | None:
        """Revenue up to and with that month per customer."""
        return self.cumulated_amount / self.n if self.n and self.cumulated_amount is not None else None


@dataclass(frozen=True, kw_only=True)
class Cohort:
    """One row of the triangle."""

    number: int
    """Month of the first order counted from the year 0, or the place of the value."""
    label: str
    n_customers: int
    cells: tuple[Cell, ...]
    """By months since the first order, 0 being the month of the first order."""

    @property
    def revenue_amount(self) -> float | None:
        """What the whole cohort paid in all months that are over; None when orders have no amounts."""
        known = [cell.revenue_amount for cell in self.cells if cell.n and cell.revenue_amount is not None]
        return sum(known) if known else None


@dataclass(frozen=True, kw_only=True)
class Triangle:
    """Retention and revenue of all cohorts."""

    grouping: Grouping
    end: datetime
    """Orders are known up to here."""
    first_order: datetime
    """The first order of the shop; who had bought before stands in a cohort that is too late."""
    cohorts: tuple[Cohort, ...]
    """Months in their order, values by size."""

    @property
    def n_customers(self) -> int:
        """Customers in all cohorts."""
        return sum(cohort.n_customers for cohort in self.cohorts)

    @property
    def n_months(self) -> int:
        """Months since the first order that are over for somebody, the first month not counted."""
        known = [k for cohort in self.cohorts for k, cell in enumerate(cohort.cells) if cell.n]
        return max(known, default=0)

    @property
    def has_amounts(self) -> bool:
        """Whether orders have amounts."""
        return any(cell.revenue_amount is not None for cohort in self.cohorts for cell in cohort.cells)

    def whole(self, month: int) -> Cell:
        """All cohorts together in one month since the first order."""
        return _together([cohort.cells[month] for cohort in self.cohorts if month < len(cohort.cells)])


def triangle(warehouse: Warehouse, by: str = MONTH, *, as_of: datetime | None = None) -> Triangle:
    """The triangle of a grouping with the orders before ``as_of`` (default: all).

    Months are calendar months: month 1 is the one after the month of the first order. NotFound for an unknown
    grouping, NotEnoughData without orders.
    """
    end = end_of_orders(warehouse, as_of)
    who = members(warehouse, by, end)
    seen = seen_before("order_time")
    rows = warehouse.rows(
        f"WITH members AS ({who.sql}), bought AS (SELECT customer_id, {month_number('order_time')} AS month, "
        f"sum(amount) AS amount FROM orders WHERE {seen} GROUP BY ALL) "
        "SELECT cohort, start, month - start, count(*), CAST(sum(amount) AS DOUBLE) "
        "FROM bought JOIN members USING (customer_id) GROUP BY ALL ORDER BY ALL",
        who.parameters,
    )
    by_start: dict[int, dict[int, dict[int, tuple[int, float | None]]]] = defaultdict(lambda: defaultdict(dict))
    for cohort, start, months_since, n, amount in rows:
        by_start[cohort][start][months_since] = (n, amount)
    end_month = end.year * 12 + end.month - 1
    n_columns = max((end_month - start for starts in by_start.values() for start in starts), default=0) + 1
    has_amounts = any(amount is not None for *_, amount in rows)
    found = [
        Cohort(
            number=number,
            label=who.label(number),
            n_customers=sum(counts[0][0] for counts in starts.values()),
            cells=_cells(starts, end_month, n_columns, has_amounts),
        )
        for number, starts in by_start.items()
    ]
    order = None if who.labels is None else list(who.labels)
    found.sort(key=lambda cohort: cohort.number if order is None else order.index(cohort.number))
    return Triangle(
        grouping=who.grouping,
        end=end,
        first_order=warehouse.value("SELECT min(order_time) FROM orders"),
        cohorts=tuple(found),
    )


def triangle_csv(found: Triangle) -> bytes:
    """The whole triangle as CSV: a row per cohort and month since the first order; immature cells are empty."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow((_safe(found.grouping.name), *_COLUMNS))
    for cohort in found.cohorts:
        for month, cell in enumerate(cohort.cells):
            counts = (cell.n, cell.n_ordering) if cell.n else (0, "")
            rates = (cell.retention_rate, cell.revenue_per_customer, cell.cumulated_per_customer)
            shown = ("" if value is None else f"{value:.6g}" for value in rates)
            revenue = f"{cell.revenue_amount:.2f}" if cell.n and cell.revenue_amount is not None else ""
            writer.writerow((_safe(cohort.label), cohort.n_customers, month, *counts, *shown, revenue))
    return text.getvalue().encode("utf-8-sig")


def csv_name(found: Triangle) -> str:
    """A file name that says what the file holds and how many rows it has."""
    by = re.sub(r"[^A-Za-z0-9]+", "-", found.grouping.name).strip("-") or "attribute"
    return f"cohorts-{by}-{sum(len(cohort.cells) for cohort in found.cohorts)}rows.csv"


def _cells(
    starts: dict[int, dict[int, tuple[int, float | None]]], end_month: int, n_columns: int, has_amounts: bool
) -> tuple[Cell, ...]:
    """The cells of a cohort, each over the customers for whom the month is over."""
    cells = [[] for _ in range(n_columns)]  # type: list[list[Cell]]
    for start, counts in starts.items():
        n, total = counts[0][0], 0.0
        for months_since in range(end_month - start):
            n_ordering, amount = counts.get(months_since, (0, None))
            total += amount or 0.0
            cells[months_since].append(
                Cell(
                    n=n,
                    n_ordering=n_ordering,
                    revenue_amount=(amount or 0.0) if has_amounts else None,
                    cumulated_amount=total if has_amounts else None,
                )
            )
    return tuple(_together(parts) for parts in cells)


def _together(parts: list[Cell]) -> Cell:
    """Cells of different customers added up."""
    has_amounts = any(part.revenue_amount is not None for part in parts)
    return Cell(
        n=sum(part.n for part in parts),
        n_ordering=sum(part.n_ordering for part in parts),
        revenue_amount=sum(part.revenue_amount or 0.0 for part in parts) if has_amounts else None,
        cumulated_amount=sum(part.cumulated_amount or 0.0 for part in parts) if has_amounts else None,
    )


def _safe(text: str) -> str:
    """A cell that no spreadsheet runs.

    >>> _safe("=1+1"), _safe("-5"), _safe("Wales")
    ("'=1+1", '-5', 'Wales')
    """
    return f"'{text}" if text.startswith(FORMULA_STARTS) and not re.fullmatch(HARMLESS, text) else text
