"""What is counted of a customer for each outcome, as SQL over one row per customer.

Separate from the measuring so that a new outcome is one entry here beside its words in ``goals``. A formula
speaks of the quantities in :data:`QUANTITIES`, each taken over some days of the customer's orders.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from churn_core.campaigns.goals import OUTCOMES
from churn_core.campaigns.metrics import Metric
from churn_core.campaigns.windows import before_start, in_pre_period, in_window, may_be_past

QUANTITIES: dict[str, str] = {
    "n": "count(*) FILTER ({when})",
    "paid": "sum(CAST(orders.amount AS DOUBLE)) FILTER ({when})",
    "discounts": "sum(CAST(orders.discount_amount AS DOUBLE)) FILTER ({when})",
    "is_repeated": "CAST(min(CAST(order_time AS DATE)) FILTER ({when}) < max(CAST(order_time AS DATE)) FILTER ({when}) "
    "AS INTEGER)",
}
"""Numbers of one customer's orders within some days."""

FORMULAS: dict[str, tuple[str, ...]] = {
    "retained": ("{n} > 0",),
    "orders": ("{n}",),
    "spend": ("{paid}",),
    "margin": ("$margin_rate * ({paid} + {discounts}) - {discounts}",),
    "repurchase": ("{is_repeated} > 0",),
    "order_value": ("{paid}", "{n}"),
    "discount_share": ("{discounts}", "{paid} + {discounts}"),
}
"""Outcome of one customer from the quantities; a ratio has its denominator second."""

HISTORY = f"CASE WHEN {before_start('past.first_order')} THEN 0.0 ELSE 1.0 END"
"""1 where the customer had no order at all before the start: the covariates before are missing then."""

FLAGS: dict[str, tuple[str, str, str]] = {
    "unsubscribed": ("contacts", "contact_time", "contacts.kind = 'unsubscribed'"),
    "returned": ("returns", "return_time", "true"),
    "complained": ("tickets", "opened_at", "true"),
}
"""Outcomes that are any row of another table within the window: table, time and which rows."""

AT_DRAW: dict[str, str] = {"risk": "drawn.risk", "expected_value": "drawn.expected_value"}
"""Amounts that were stored at the draw, for the balance before the start."""


@dataclass(frozen=True, kw_only=True)
class Span:
    """Some days of a customer's orders: of the window, or just before the start."""

    days: int
    is_before: bool = False

    @property
    def suffix(self) -> str:
        """Ending of the columns that hold its quantities."""
        return f"_{'before' if self.is_before else 'after'}_{self.days}"

    @property
    def condition(self) -> str:
        """SQL condition on an order."""
        return (in_pre_period if self.is_before else in_window)("orders.order_time", self.days)


@dataclass(frozen=True, kw_only=True)
class Counted:
    """One metric with the SQL of its numbers per customer."""

    key: str
    """Name under which its sums come back."""
    metric: Metric
    values: tuple[str, ...]
    """SQL of the outcome (and the denominator of a ratio), then of the covariates."""
    spans: tuple[Span, ...] = ()
    """Days of orders that the SQL speaks of."""
    n_covariates: int = 0
    flags: tuple[tuple[str, int], ...] = ()
    """Outcomes of other tables, with their days, that the SQL speaks of."""


def from_orders(
    name: str, span: Span, *, key: str | None = None, cap: float | None = None, past_days: int | None = None
) -> Counted:
    """An outcome counted from the orders of some days.

    ``cap`` is the amount above which a mean counts as this amount; ``past_days`` are the days before the start whose
    orders become covariates of a mean, None for none.
    """
    kind = OUTCOMES[name].kind
    values = tuple(_over(formula, span) for formula in FORMULAS[name])
    values = values if cap is None else (_capped(values[0], cap),)
    metric = Metric(name=key or name, kind=kind, column=name, denominator="denominator" if kind == "ratio" else None)
    made = Counted(key=key or name, metric=metric, values=values, spans=(span,))
    return made if kind != "mean" or past_days is None else _with_past(made, (name,), past_days, cap)


def from_flag(name: str, days: int, *, key: str | None = None) -> Counted:
    """An outcome that is any row of another table within so many days."""
    return Counted(
        key=key or name,
        metric=Metric(name=key or name, kind="rate", column=name),
        values=(f"{_flag_table(name, days)}.customer_id IS NOT NULL",),
        flags=((name, days),),
    )


def from_file(
    name: str, kind: str, place: int, *, key: str | None = None, cap: float | None = None, past_days: int | None = None
) -> Counted:
    """An outcome that came in a file: the column of that place in ``filed``, of the customers in it."""
    value = filed_column(place)
    value = f"{value} > 0" if kind == "rate" else value
    made = Counted(
        key=key or name,
        metric=Metric(name=key or name, kind=kind, column=name),
        values=(value if cap is None else _capped(value, cap),),
    )
    if kind == "rate" or past_days is None:
        return made
    is_ours = name in FORMULAS
    return _with_past(made, (name,) if is_ours else ("orders", "spend"), past_days, cap if is_ours else None)


def filed_column(place: int) -> str:
    """SQL of the values of an outcome that came in a file."""
    return f"filed.value_{int(place)}"


def at_draw(name: str) -> Counted:
    """An amount stored at the draw; customers for whom it was not known are not counted."""
    return Counted(key=name, metric=Metric(name=name, kind="mean", column=name), values=(AT_DRAW[name],))


def _with_past(made: Counted, names: Iterable[str], days: int, cap: float | None) -> Counted:
    """The metric with the same amounts before the start as covariates, and a column for customers without any past.

    Customers who never ordered before have no past to speak of. Their amount stays 0 and the further column is 1:
    with that column in, it makes no difference to the adjustment whether 0 or the mean stands in for what is missing.
    """
    span = Span(days=days, is_before=True)
    past = [_over(FORMULAS[name][0], span) for name in names]
    past = past if cap is None else [_capped(value, cap) for value in past]
    covariates = (*past, HISTORY)
    return replace(made, values=(*made.values, *covariates), spans=(*made.spans, span), n_covariates=len(covariates))


def quantities_sql(counted: Iterable[Counted]) -> str:
    """SQL of the columns of one customer's orders that the metrics speak of; empty when they speak of none."""
    asked = " ".join(value for entry in counted for value in entry.values)
    columns = {
        f"{name}{span.suffix}": sql.format(when=span.condition)
        for entry in counted
        for span in entry.spans
        for name, sql in QUANTITIES.items()
    }
    return ", ".join(f"{sql} AS {name}" for name, sql in columns.items() if f"bought.{name}," in asked)


def past_sql(*, is_small: bool) -> str:
    """Common table expression of every customer's first order; ``is_small`` asks for those drawn alone."""
    mine = " AND customer_id IN (SELECT customer_id FROM drawn)" if is_small else ""
    return (
        "past AS (SELECT customer_id, min(order_time) AS first_order FROM orders "
        f"WHERE {may_be_past('order_time')}{mine} GROUP BY customer_id)"
    )


def flag_sql(name: str, days: int) -> tuple[str, str]:
    """Common table expression and join of an outcome from another table."""
    table, time, which = FLAGS[name]
    found = _flag_table(name, days)
    made = (
        f"{found} AS (SELECT DISTINCT drawn.customer_id FROM {table} JOIN drawn USING (customer_id) "
        f"WHERE {which} AND {in_window(f'{table}.{time}', days)})"
    )
    return made, f"LEFT JOIN {found} ON {found}.customer_id = drawn.customer_id"


def _flag_table(name: str, days: int) -> str:
    return f"{name}_{int(days)}"


def _over(formula: str, span: Span) -> str:
    columns: Mapping[str, str] = {name: f"coalesce(bought.{name}{span.suffix}, 0)" for name in QUANTITIES}
    return formula.format(**columns)


def _capped(value: str, cap: float) -> str:
    return f"least({value}, {float(cap)!r}::DOUBLE)"
