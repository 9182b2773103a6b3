"""The gaps between a customer's order days, and up to when orders are known.

Separate from the definition that is read from them: gaps are a fact, a definition is a decision.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from churn_core.errors import NotEnoughData
from churn_core.timeline import seen_before
from churn_core.warehouse import Transaction, Warehouse

FEWEST_GAPS = 50
"""Below so many gaps their quantiles say nothing."""
QUANTILES: tuple[float, ...] = (0.1, 0.25, 0.5, 0.75, 0.8, 0.9, 0.95, 0.99)
"""Shares of repeat orders whose days are reported."""


@dataclass(frozen=True, kw_only=True)
class GapBin:
    """One bar of the histogram of gaps."""

    from_days: int
    """Shortest gap counted."""
    to_days: int
    """Longest gap counted."""
    n_gaps: int


@dataclass(frozen=True, kw_only=True)
class GapDistribution:
    """The days between a customer's order days, as far as they can be told without looking at unfinished gaps."""

    n_customers: int
    """Customers with an order."""
    n_repeat_buyers: int
    """Customers with orders on at least two days."""
    n_gaps: int
    """Gaps that are counted."""
    n_gaps_all: int
    """All gaps, those that began too recently to be counted included."""
    follow_up_days: int
    """Gaps count when they began at least so many days before the end of the data, and lasted at most that long."""
    quantiles: dict[float, int]
    """Days within which a share of repeat orders comes, by share; empty when there is no gap."""
    counts: dict[int, int]
    """Number of gaps by length in days."""
    history_days: int
    """Days from the first to the last order."""

    def quantile(self, share: float) -> int:
        """Days within which a share of repeat orders comes; NotEnoughData when there is no gap."""
        if not self.n_gaps:
            raise NotEnoughData("no customer ordered on two different days, so there are no gaps between orders.")
        return _quantile(self.counts, self.n_gaps, share)

    def share_within(self, days: int) -> float | None:
        """Share of repeat orders that come within so many days; None when there is no gap."""
        if not self.n_gaps:
            return None
        return sum(n for gap, n in self.counts.items() if gap <= days) / self.n_gaps

    def histogram(self, n_bins: int = 40) -> list[GapBin]:
        """Bars of equal width up to the 99 % quantile; the last bar holds everything longer."""
        if not self.n_gaps:
            return []
        width = max(1, -(-self.quantile(0.99) // n_bins))
        starts = [1 + width * number for number in range(n_bins)]
        ends = [start - 1 for start in starts[1:]] + [max(max(self.counts), starts[-1])]
        bins = [
            GapBin(from_days=start, to_days=end, n_gaps=sum(self.counts.get(gap, 0) for gap in range(start, end + 1)))
            for start, end in zip(starts, ends, strict=True)
        ]
        while len(bins) > 1 and not bins[-1].n_gaps:
            bins.pop()
        return bins


def known_until(warehouse: Warehouse | Transaction) -> datetime | None:
    """The midnight after the last order: up to here orders are complete. None without orders."""
    last = warehouse.value("SELECT max(order_time) FROM orders")
    return None if last is None else _midnight(last) + timedelta(days=1)


def end_of_orders(warehouse: Warehouse, as_of: datetime | None = None) -> datetime:
    """The midnight up to which orders are looked at; NotEnoughData when there are none before it."""
    known = known_until(warehouse)
    if known is None:
        raise NotEnoughData("there are no orders yet; import an order history first.")
    if as_of is None:
        return known
    end = min(as_of.replace(hour=0, minute=0, second=0, microsecond=0), known)
    if not warehouse.value(f"SELECT count(*) FROM orders WHERE {seen_before('order_time')}", {"cutoff": end}):
        raise NotEnoughData(f"there are no orders before {end:%-d %b %Y}; choose a later day.")
    return end


def gap_distribution(warehouse: Warehouse) -> GapDistribution:
    """The distribution of gaps between order days.

    Gaps that began recently are only known if they were short, and counting them would make customers look
    quicker than they are. So a gap counts only when it began at least ``follow_up_days`` before the end of the
    data and lasted at most that long: every counted gap had the same chance to end (follow-up of fixed length;
    see Klein and Moeschberger 2003, ch. 3, on right censoring). The follow-up is half of the history, at most a
    year. The alternative, a Kaplan-Meier curve of all gaps, answers another question: it never comes down to
    zero because those who left never order again, so it has no 90 % quantile of *repeat* orders.
    When that leaves fewer than 50 gaps, all gaps are taken.
    """
    end = known_until(warehouse)
    if end is None:
        return GapDistribution(
            n_customers=0, n_repeat_buyers=0, n_gaps=0, n_gaps_all=0, follow_up_days=0, quantiles={}, counts={},
            history_days=0,
        )  # fmt: skip
    n_customers, n_repeat, first = warehouse.rows(
        "SELECT count(DISTINCT customer_id), count(DISTINCT customer_id) FILTER (gap_days IS NOT NULL), "
        "min(order_time) FROM orders"
    )[0]
    history_days = (end - _midnight(first)).days
    follow_up = max(1, min(365, history_days // 2))
    rows = warehouse.rows(
        "SELECT gap_days, count(*), count(*) FILTER ("
        "CAST(order_time AS DATE) - gap_days <= CAST($end AS DATE) - $follow_up AND gap_days <= $follow_up) "
        "FROM orders WHERE gap_days IS NOT NULL GROUP BY gap_days ORDER BY gap_days",
        {"end": end, "follow_up": follow_up},
    )
    counts = {int(gap): int(n) for gap, _, n in rows if n}
    n_all = sum(n for _, n, _ in rows)
    if sum(counts.values()) < FEWEST_GAPS:
        counts, follow_up = {int(gap): int(n) for gap, n, _ in rows}, history_days
    n_gaps = sum(counts.values())
    return GapDistribution(
        n_customers=n_customers,
        n_repeat_buyers=n_repeat,
        n_gaps=n_gaps,
        n_gaps_all=n_all,
        follow_up_days=follow_up,
        quantiles={share: _quantile(counts, n_gaps, share) for share in QUANTILES} if n_gaps else {},
        counts=counts,
        history_days=history_days,
    )


def _quantile(counts: dict[int, int], n: int, share: float) -> int:
    """The smallest number of days that at least a share of the gaps does not exceed."""
    reached = 0
    for gap in sorted(counts):
        reached += counts[gap]
        if reached >= share * n:
            return gap
    return max(counts)


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)
