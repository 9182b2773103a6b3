"""What each segment is worth and how it leaves: risk and money of the latest scoring, and who left of those before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from churn_core.customers.segmentation_store import Segmentation, group_ids
from churn_core.customers.still_there import still_there, those_left
from churn_core.models.runs import latest_run

if TYPE_CHECKING:
    from churn_core.warehouse import Warehouse


@dataclass(frozen=True, kw_only=True)
class SegmentMoney:
    """One segment today."""

    no: int
    name: str
    words: str
    segment_id: int | None
    """The saved group; None when it was deleted."""
    n_customers: int
    """Customers at the newest date."""
    share: float
    """Part of all customers of the segmentation at that date."""
    n_left: int
    """Of these, customers whose label says that they have left; money, lists and campaigns are about the others."""
    n_scored: int
    """Of those still there, customers of the latest score run."""
    mean_risk: float | None
    """Over those scored; None when nobody was."""
    n_value_known: int
    expected_value: float | None
    """Sum over customers whose value is known, in the shop's currency; None when nobody's is."""
    value_at_risk: float | None
    """Sum of risk x expected value over the same customers."""
    n_past: int
    """Customers who were in it at the newest date whose outcome is known, or whose label is known."""
    n_churned: int
    """Of these, churned."""

    @property
    def churn_rate(self) -> float | None:
        """Part of those who were in it that churned; None when nobody was."""
        return self.n_churned / self.n_past if self.n_past else None

    @property
    def mean_expected_value(self) -> float | None:
        """Expected value of one customer on average, over those whose value is known; None when nobody's is."""
        return self.expected_value / self.n_value_known if self.expected_value is not None else None

    @property
    def mean_value_at_risk(self) -> float | None:
        """Value at risk of one customer on average, over those whose value is known; None when nobody's is."""
        return self.value_at_risk / self.n_value_known if self.value_at_risk is not None else None


@dataclass(frozen=True, kw_only=True)
class SegmentationMoney:
    """All segments today."""

    as_of: datetime
    """Newest date."""
    segments: tuple[SegmentMoney, ...]
    run_id: int | None
    """Score run behind risk and money; None when nobody was scored yet."""
    past_as_of: datetime | None
    """Date of the churn rates; None where it is not known, or a label says it."""
    horizon_days: int | None

    @property
    def n_customers(self) -> int:
        """Customers in all segments."""
        return sum(found.n_customers for found in self.segments)

    @property
    def n_left(self) -> int:
        """Of these, customers whose label says that they have left."""
        return sum(found.n_left for found in self.segments)


def segmentation_money(warehouse: Warehouse, found: Segmentation) -> SegmentationMoney:
    """Size, risk, churn rate and money of each segment, summed in the database."""
    run = latest_run(warehouse)
    key = {"id": found.segmentation_id, "run_id": run.run_id if run else None}
    as_of = warehouse.value("SELECT max(as_of) FROM segmentation_members WHERE segmentation_id = $id", key)
    rows = warehouse.records(
        "SELECT segment_no, count(*) AS n_customers, count(l.customer_id) AS n_left, count(s.risk) AS n_scored, "
        "avg(s.risk) AS mean_risk, count(s.expected_value) AS n_value_known, sum(s.expected_value) AS expected_value, "
        "sum(s.value_at_risk) AS value_at_risk FROM (SELECT customer_id, segment_no FROM segmentation_members "
        "WHERE segmentation_id = $id AND as_of = $as_of) m "
        "LEFT JOIN (SELECT customer_id, risk, expected_value, value_at_risk FROM scores WHERE run_id = $run_id "
        f"AND {still_there()}) s ON s.customer_id = m.customer_id "
        f"LEFT JOIN ({those_left()}) l ON l.customer_id = m.customer_id GROUP BY segment_no",
        {**key, "as_of": as_of},
    )
    of_no = {row.pop("segment_no"): row for row in rows}
    total = sum(row["n_customers"] for row in of_no.values())
    empty = {"n_customers": 0, "n_left": 0, "n_scored": 0, "mean_risk": None, "n_value_known": 0,
             "expected_value": None, "value_at_risk": None}  # fmt: skip
    groups, past = group_ids(warehouse, found.segmentation_id), _past_counts(warehouse, found, as_of)
    stored = found.summary.get("past")
    return SegmentationMoney(
        as_of=as_of,
        segments=tuple(
            SegmentMoney(
                no=entry.no, name=entry.name, words=entry.words, segment_id=groups.get(entry.no),
                share=of_no.get(entry.no, empty)["n_customers"] / max(total, 1),
                n_past=past.get(entry.no, (0, 0))[0], n_churned=past.get(entry.no, (0, 0))[1],
                **of_no.get(entry.no, empty),
            )
            for entry in found.segments
        ),
        run_id=run.run_id if run else None,
        past_as_of=datetime.fromisoformat(stored["as_of"]) if stored else None,
        horizon_days=stored["horizon_days"] if stored else None,
    )  # fmt: skip


def _past_counts(warehouse: Warehouse, found: Segmentation, as_of: datetime) -> dict[int, tuple[int, int]]:
    """Customers and churned by segment: as kept with the fit, or by the labels of a table."""
    stored = found.summary.get("past")
    if stored:
        counts = zip(stored["n"], stored["n_churned"], strict=True)
        return {no: (n, n_churned) for no, (n, n_churned) in enumerate(counts, start=1)}
    if found.source != "snapshots":
        return {}
    rows = warehouse.rows(
        "SELECT segment_no, count(churned), count(*) FILTER (churned) FROM (SELECT customer_id, segment_no "
        "FROM segmentation_members WHERE segmentation_id = $id AND as_of = $as_of) JOIN snapshots USING (customer_id) "
        "GROUP BY segment_no",
        {"id": found.segmentation_id, "as_of": as_of},
    )
    return {no: (n, n_churned) for no, n, n_churned in rows}
