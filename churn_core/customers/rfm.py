"""Recency, frequency and money of every customer as of a day, and the groups that follow from them.

One aggregate over the orders before the day gives the facts; scores are comparisons with thresholds, so equal values
always get equal scores. By fifths the threshold of a value follows from its mid-rank: the share of customers below it
plus half of those at it (NTILE would cut through equal values at random). Everything the page shows is added up from
the 125 combinations of scores.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from churn_core.customers.rfm_rule import GROUPS, RfmRule, Thresholds
from churn_core.customers.rfm_rules import active_rule
from churn_core.customers.selection import Condition
from churn_core.customers.still_there import still_there
from churn_core.errors import NotEnoughData
from churn_core.features.gaps import known_until
from churn_core.features.sources import age_days
from churn_core.models.runs import ScoreRun, score_runs
from churn_core.timeline import seen_before
from churn_core.warehouse import Warehouse

FEW = 25
"""Customers below whom fifths say little: five of them are a fifth."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """The customers of one combination of scores; sums, so that cells add up."""

    recency: int = 0
    """R, from 1 (silent longest) to 5."""
    frequency: int = 0
    """F, from 1 (fewest orders) to 5."""
    money: int = 0
    """M, from 1 (least spend) to 5."""
    n: int = 0
    days_sum: int = 0
    """Days since the last order, summed."""
    orders_sum: int = 0
    """Orders that are counted, summed."""
    n_spend: int = 0
    """Customers whose spend is known."""
    spend_sum: float = 0.0
    """Their spend in the shop's currency."""
    n_unpaid: int = 0
    """Customers with a spend of zero or less."""
    n_scored: int = 0
    """Customers with a risk."""
    risk_sum: float = 0.0
    n_valued: int = 0
    """Customers whose expected value is known."""
    at_risk_sum: float = 0.0
    """Their value at risk in the shop's currency."""

    def __add__(self, other: Cell) -> Cell:
        """Both together; the scores are those of the first."""
        summed = {name: getattr(self, name) + getattr(other, name) for name in _SUMMED}
        return Cell(recency=self.recency, frequency=self.frequency, money=self.money, **summed)

    @property
    def spend_amount(self) -> float | None:
        """Spend in total; None where no amount is known."""
        return self.spend_sum if self.n_spend else None

    @property
    def value_at_risk(self) -> float | None:
        """Risk x expected value in total; None where no value is known."""
        return self.at_risk_sum if self.n_valued else None

    @property
    def mean_value_at_risk(self) -> float | None:
        """Value at risk of one customer on average, over those whose value is known; None where no value is."""
        return self.at_risk_sum / self.n_valued if self.n_valued else None

    @property
    def mean_risk(self) -> float | None:
        """Mean risk of those who were scored; None where nobody was."""
        return self.risk_sum / self.n_scored if self.n_scored else None

    @property
    def mean_days(self) -> float | None:
        """Mean days since the last order."""
        return self.days_sum / self.n if self.n else None

    @property
    def mean_orders(self) -> float | None:
        """Mean number of orders."""
        return self.orders_sum / self.n if self.n else None

    @property
    def mean_spend(self) -> float | None:
        """Mean spend of those whose spend is known."""
        return self.spend_sum / self.n_spend if self.n_spend else None


_SUMMED = (
    "n", "days_sum", "orders_sum", "n_spend", "spend_sum", "n_unpaid", "n_scored", "risk_sum", "n_valued",
    "at_risk_sum",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class RfmTable:
    """All customers of a day by their scores."""

    day: datetime
    """Orders before this midnight are seen."""
    rule: RfmRule
    thresholds: Thresholds
    """Those of the rule, or the fifths of that day."""
    cells: tuple[Cell, ...]
    """Combinations of scores that somebody has."""
    run_id: int | None
    """The score run that risk and money come from: the newest as of that day or before; None without."""
    run_as_of: datetime | None
    """Its cutoff."""
    notes: tuple[str, ...] = field(default=())
    """What should be known before the groups are leaned on, a sentence each."""

    @property
    def everybody(self) -> Cell:
        """All customers together."""
        return total(self.cells)

    @property
    def groups(self) -> dict[str, Cell]:
        """Every group with its customers, empty ones included."""
        return {
            name: total(
                cell for cell in self.cells if self.rule.group(cell.recency, cell.frequency, cell.money) == name
            )
            for name in GROUPS
        }

    def square(self, recency: int, frequency: int) -> Cell:
        """The customers of one R and one F, whatever their M."""
        return total(cell for cell in self.cells if (cell.recency, cell.frequency) == (recency, frequency))


@dataclass(frozen=True, kw_only=True)
class CustomerRfm:
    """Scores and group of one customer."""

    day: datetime
    recency_days: int
    n_orders: int
    """Orders that are counted."""
    spend_amount: float | None
    """Their amounts in the shop's currency; None where none is known."""
    recency: int
    frequency: int
    money: int
    group: str
    rule_version: int
    """0 for the proposed rule."""


def total(cells: Iterable[Cell]) -> Cell:
    """Cells together."""
    made = Cell()
    for cell in cells:
        made = made + cell
    return made


def rfm(warehouse: Warehouse, as_of: datetime | None = None, *, rule: RfmRule | None = None) -> RfmTable:
    """All customers with an order before ``as_of`` (default: the end of the orders), by the rule in force or another.

    NotEnoughData when there is no order before that day.
    """
    day, used = orders_until(warehouse, as_of), rule or active_rule(warehouse)
    limits = thresholds(warehouse, used, day)
    run = run_known_at(warehouse, day)
    scored = scored_sql(used, limits, day)
    rows = warehouse.records(
        f"WITH scored AS ({scored.sql}) SELECT recency, frequency, money, count(*) AS n, "
        "sum(recency_days) AS days_sum, sum(n_orders) AS orders_sum, count(spend_amount) AS n_spend, "
        "CAST(coalesce(sum(CAST(spend_amount AS DECIMAL(18,2))), 0) AS DOUBLE) AS spend_sum, "
        "count(*) FILTER (spend_amount <= 0) AS n_unpaid, count(s.risk) AS n_scored, "
        "coalesce(sum(s.risk), 0.0) AS risk_sum, count(s.value_at_risk) AS n_valued, "
        "coalesce(sum(s.value_at_risk), 0.0) AS at_risk_sum, min(recency_days) AS least_days, "
        "max(recency_days) AS most_days, min(n_orders) AS least_orders, max(n_orders) AS most_orders, "
        "min(spend_amount) AS least_spend, max(spend_amount) AS most_spend FROM scored LEFT JOIN "
        f"(SELECT customer_id, risk, value_at_risk FROM scores WHERE run_id = $run AND {still_there(run='$run')}) s "
        "USING (customer_id) "
        "GROUP BY ALL ORDER BY recency, frequency, money",
        scored.parameters | {"run": run.run_id if run else None},
    )
    own = ("recency", "frequency", "money", *_SUMMED)
    return RfmTable(
        day=day,
        rule=used,
        thresholds=limits,
        cells=tuple(Cell(**{name: row[name] for name in own}) for row in rows),
        run_id=run.run_id if run else None,
        run_as_of=run.as_of if run else None,
        notes=tuple(_notes(rows, used)),
    )


def rfm_of(
    warehouse: Warehouse, customer_id: str, *, as_of: datetime | None = None, known: Thresholds | None = None
) -> CustomerRfm | None:
    """Scores and group of one customer as of a day; None for somebody without an order before it.

    ``known`` are the thresholds of that day where they were read before: by fifths, reading them looks at everybody.
    """
    if known_until(warehouse) is None:
        return None
    day, rule = orders_until(warehouse, as_of), active_rule(warehouse)
    limits = known or thresholds(warehouse, rule, day)
    scored = scored_sql(rule, limits, day, restricted="customer_id = $customer_id")
    found = warehouse.records(
        f"SELECT recency_days, n_orders, spend_amount, recency, frequency, money, rfm_group FROM ({scored.sql})",
        scored.parameters | {"customer_id": customer_id},
    )
    if not found:
        return None
    values = found[0]
    return CustomerRfm(day=day, group=values.pop("rfm_group"), rule_version=rule.version, **values)


def orders_until(warehouse: Warehouse, as_of: datetime | None = None) -> datetime:
    """The midnight up to which orders are seen; NotEnoughData when there is none before it."""
    end = known_until(warehouse)
    if end is None:
        raise NotEnoughData("there are no orders yet, so nobody can be grouped by them; import an order history first.")
    if as_of is None:
        return end
    day = min(as_of.replace(hour=0, minute=0, second=0, microsecond=0), end)
    earliest = first_day(warehouse)
    if day < earliest:
        raise NotEnoughData(f"there are no orders before {day:%-d %b %Y}; choose {earliest:%-d %b %Y} or later.")
    return day


def first_day(warehouse: Warehouse) -> datetime:
    """The first midnight with an order before it; NotEnoughData without orders."""
    first = warehouse.value("SELECT min(order_time) FROM orders")
    if first is None:
        raise NotEnoughData("there are no orders yet, so nobody can be grouped by them; import an order history first.")
    return datetime(first.year, first.month, first.day) + timedelta(days=1)


def run_known_at(warehouse: Warehouse, day: datetime) -> ScoreRun | None:
    """The newest score run of the orders whose cutoff is that day or before."""
    runs = [run for run in score_runs(warehouse) if run.source == "orders" and run.as_of and run.as_of <= day]
    return runs[0] if runs else None


def facts_sql(rule: RfmRule, restricted: str = "") -> str:
    """SELECT of the facts of each customer with the orders before ``$cutoff``.

    recency_days, n_orders and spend_amount are what is scored; spend_in_all and last_time look at all orders.
    """
    counted = f" FILTER ({seen_before('order_time', days=rule.window_days)})" if rule.window_days else ""
    also = f" AND {restricted}" if restricted else ""
    return (
        f"SELECT customer_id, {age_days('max(order_time)')} AS recency_days, count(*){counted} AS n_orders, "
        f"CASE WHEN count(amount) > 0 THEN CAST(coalesce(sum(amount){counted}, 0) AS DOUBLE) END AS spend_amount, "
        "sum(amount) AS spend_in_all, max(order_time) AS last_time "
        f"FROM orders WHERE {seen_before('order_time')}{also} GROUP BY customer_id"
    )


def thresholds(warehouse: Warehouse, rule: RfmRule, day: datetime) -> Thresholds:
    """The thresholds of a rule on a day: its own, or the fifths of the customers of that day.

    A value's place is the share of customers below it plus half of those who share it, so equal values get equal
    scores and a value that everybody has gets 3. Where nobody ordered within the base, those silent shortest are it.
    """
    if rule.thresholds is not None:
        return rule.thresholds
    longest = "greatest(CAST($base_days AS BIGINT), (SELECT min(recency_days) FROM every))"
    within = "" if rule.base_days is None else f"WHERE recency_days <= {longest}"
    sizes = " UNION ALL ".join(
        f"SELECT '{name}' AS name, {value} AS value, count(*) AS n FROM facts WHERE {value} IS NOT NULL GROUP BY ALL"
        for name, value in (
            ("recency", "CAST(-recency_days AS DOUBLE)"),
            ("frequency", "CAST(n_orders AS DOUBLE)"),
            ("money", "spend_amount"),
        )
    )
    rows = warehouse.rows(
        f"WITH every AS MATERIALIZED ({facts_sql(rule)}), facts AS (SELECT * FROM every {within}), sizes AS ({sizes}), "
        "placed AS (SELECT name, value, 1 + (5 * (2 * sum(n) OVER (PARTITION BY name ORDER BY value) - n)) "
        "// (2 * sum(n) OVER (PARTITION BY name)) AS score FROM sizes) "
        "SELECT name, CAST(score AS INTEGER), min(value) FROM placed GROUP BY ALL",
        {"cutoff": day, "base_days": rule.base_days},
    )
    least = {
        name: {score: value for part, score, value in rows if part == name}
        for name in ("recency", "frequency", "money")
    }
    limits = {name: tuple(_least_from(found, score) for score in (2, 3, 4, 5)) for name, found in least.items()}
    return Thresholds(
        recency=tuple(None if value is None else -value for value in limits["recency"]),
        frequency=limits["frequency"],
        money=limits["money"],
    )


def scored_sql(rule: RfmRule, limits: Thresholds, day: datetime, *, restricted: str = "", name: str = "") -> Condition:
    """SELECT of the facts with recency, frequency, money (scores) and rfm_group, as of a day.

    ``name`` sets the parameters apart where two days meet in one query.
    """
    facts = facts_sql(rule, restricted).replace("$cutoff", f"$cutoff{name}")
    tests = {
        "recency": ("recency_days <=", limits.recency),
        "frequency": ("n_orders >=", limits.frequency),
        "money": ("spend_amount >=", limits.money),
    }
    values: dict[str, Any] = {f"cutoff{name}": day, f"grid{name}": [group for row in rule.grid for group in row]}
    parts = {}
    for part, (compared, given) in tests.items():
        known = {
            f"{part}_{score}{name}": limit
            for score, limit in zip((2, 3, 4, 5), given, strict=True)
            if limit is not None
        }
        values |= known
        parts[part] = " + ".join(["1", *(f"CAST({compared} ${key} AS INTEGER)" for key in known)])
    return Condition(
        sql=f"SELECT *, list_extract(CAST($grid{name} AS VARCHAR[]), (recency - 1) * 5 + (frequency + money + 1) // 2) "
        f"AS rfm_group FROM (SELECT *, {parts['recency']} AS recency, {parts['frequency']} AS frequency, "
        f"CASE WHEN spend_amount IS NULL THEN {parts['frequency']} ELSE {parts['money']} END AS money FROM ({facts}))",
        parameters=values,
    )


def _least_from(least: dict[int, float], score: int) -> float | None:
    """The least value that gets a score or a higher one; None where nobody does."""
    return min((value for found, value in least.items() if found >= score), default=None)


def _notes(rows: list[dict[str, Any]], rule: RfmRule) -> list[str]:
    """What makes groups say less than they seem to."""
    n, n_spend, n_unpaid = (sum(row[name] for row in rows) for name in ("n", "n_spend", "n_unpaid"))
    notes = []
    if n < FEW:
        notes.append(f"There are {n} customers only; with fewer than {FEW} a group is a handful of people.")
    if _all_same(rows, "orders") and n > 1:
        each = "once" if rows[0]["most_orders"] == 1 else f"{rows[0]['most_orders']} times"
        notes.append(f"Everybody has ordered {each}, so frequency tells nobody apart{_same_score(rule)}.")
    if _all_same(rows, "days") and n > 1:
        notes.append(f"Everybody ordered last on the same day, so recency tells nobody apart{_same_score(rule)}.")
    if not n_spend:
        notes.append("No order has an amount, so M is taken as F and the groups rest on recency and frequency.")
    elif _all_same(rows, "spend") and n > 1:
        notes.append(f"Everybody has spent the same, so money tells nobody apart{_same_score(rule)}.")
    if 0 < n_spend < n:
        notes.append(f"The spend of {n - n_spend:,} of {n:,} customers is not known; their M is taken as their F.")
    if n_unpaid:
        notes.append(
            f"{n_unpaid:,} of {n:,} customers have a spend of zero or less; they rank below everybody who paid."
        )
    return notes


def _same_score(rule: RfmRule) -> str:
    return ": all get 3" if rule.kind == "quintile" else ""


def _all_same(rows: list[dict[str, Any]], what: str) -> bool:
    """Whether the least and the greatest value of all customers are the same."""
    known = [(row[f"least_{what}"], row[f"most_{what}"]) for row in rows if row[f"least_{what}"] is not None]
    return bool(known) and min(low for low, _ in known) == max(high for _, high in known)
