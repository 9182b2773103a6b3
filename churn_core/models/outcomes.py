"""What became of customers who were scored, as plain numbers: by tier, by risk, on top of the list, in money.

Counts and sums only, so that cutoffs add up exactly and shares are taken at the end; whatever was replayed or lived
is written down in the same shape, and the page draws nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from typing import Any, Literal, Self

from churn_core.models.evaluation import CalibrationBin
from churn_core.stats.proportions import wilson_interval
from churn_core.timeline import ChurnDefinition

Kind = Literal["lived", "replayed"]
"""lived: scored before anybody knew the outcome; replayed: scored later, with what was known at the cutoff."""
TIERS = ("high", "medium", "low")
N_RISK_BINS = 100
FEWEST_PER_BIN = 20
"""Customers in a group of the calibration curve, so that its share says something."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A group of scored customers and how many of them churned."""

    n: int = 0
    n_churned: int = 0
    risk_sum: float = 0.0
    """Sum of their risks: the number of churners that was predicted."""

    def __add__(self, other: Outcome) -> Outcome:
        """Both groups together."""
        return Outcome(
            n=self.n + other.n, n_churned=self.n_churned + other.n_churned, risk_sum=self.risk_sum + other.risk_sum
        )

    @property
    def predicted(self) -> float | None:
        """Mean risk; None for an empty group."""
        return self.risk_sum / self.n if self.n else None

    @property
    def happened(self) -> float | None:
        """Share that churned; None for an empty group."""
        return self.n_churned / self.n if self.n else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % interval of the share that churned (Wilson, 1927); None for an empty group."""
        return wilson_interval(self.n_churned, self.n) if self.n else None


@dataclass(frozen=True, kw_only=True)
class Money:
    """Expected and spent money of the customers of a cutoff, in the shop's currency, after the margin."""

    lost_value: float = 0.0
    """Expected value of all who churned: what left, as it was expected at the cutoff."""
    lost_value_high: float = 0.0
    """Of this, what stood in the high tier."""
    lost_value_top: Mapping[int, float] | None = None
    """Of this, what stood among the first k by value at risk, by k."""
    stayed_value: float = 0.0
    """Expected value of all who stayed."""
    stayed_spent: float = 0.0
    """What those who stayed brought in the label window: spend times margin."""
    n_unvalued: int = 0
    """Customers without an expected value; they are left out of the sums."""

    @property
    def captured_share(self) -> float | None:
        """Share of the money that left that stood in the high tier; None when no value is known to have left."""
        return self.lost_value_high / self.lost_value if self.lost_value > 0 else None

    def captured_top(self, k: int) -> float | None:
        """Share of the money that left that stood among the first k by value at risk; None when not known."""
        held = (self.lost_value_top or {}).get(k)
        return None if held is None or self.lost_value <= 0 else held / self.lost_value


@dataclass(frozen=True, kw_only=True)
class CutoffOutcome:
    """The scores of one cutoff against what happened."""

    kind: Kind
    as_of: datetime
    """The cutoff: nothing from here on was seen."""
    definition: ChurnDefinition
    """The definition by which the customers were scored, and are judged."""
    model_version: int
    """Model that scored; for a replay, the model whose estimator was fitted again."""
    estimator: str
    run_id: int | None
    """Score run; None for a replay, of which no scores are kept."""
    tiers: Mapping[str, Outcome]
    """By tier, as it was then."""
    bins: Mapping[int, Outcome]
    """By risk in whole percent; empty ones are left out."""
    tops: Mapping[int, Outcome]
    """The first k customers by value at risk, by k; empty when no value was known."""
    money: Money
    n_gone: int = 0
    """Customers who were scored but of whom the data holds no order before the cutoff any more; not judged."""

    @property
    def everybody(self) -> Outcome:
        """All customers who could be judged."""
        return total(self.tiers.values())

    @property
    def known_at(self) -> datetime:
        """When the outcome was known."""
        return self.definition.outcome_known_at(self.as_of)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; :meth:`from_json` is the way back."""
        return {**asdict(self), "as_of": self.as_of.isoformat()}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The cutoff that :meth:`to_json` described."""
        money = dict(stored["money"])
        top = money["lost_value_top"]
        money["lost_value_top"] = None if top is None else {int(k): value for k, value in top.items()}
        return cls(
            **{
                **{field.name: stored[field.name] for field in fields(cls)},
                "as_of": datetime.fromisoformat(stored["as_of"]),
                "definition": ChurnDefinition(**stored["definition"]),
                "tiers": {tier: Outcome(**found) for tier, found in stored["tiers"].items()},
                "bins": {int(number): Outcome(**found) for number, found in stored["bins"].items()},
                "tops": {int(k): Outcome(**found) for k, found in stored["tops"].items()},
                "money": Money(**money),
            }
        )


@dataclass(frozen=True, kw_only=True)
class LeadTimes:
    """How soon customers who then left were in the high tier, counted from their last order.

    Told of departures: last orders between ``since`` and ``until`` after which the customer churned at the first
    cutoff that followed. Each departure was watched for ``follow_up_days`` after the last order, so all had the same
    time to be warned.
    """

    since: date
    """First day on which a last order counts."""
    until: date
    """First day that is too late: who ordered then could not be watched for long enough."""
    follow_up_days: int
    """Days after the last order within which a warning counts: the horizon."""
    span_days: int
    """Days after the last order at which silence itself proves that the customer left: lead and horizon."""
    step_days: float
    """Days between the cutoffs: no warning can come sooner than the cutoff that follows the last order."""
    n: int
    """Departures."""
    silent_days: Mapping[int, int]
    """Departures by days from the last order to the first cutoff in the high tier; those never warned are not in it."""
    n_with_rhythm: int
    """Departures of customers with at least three order days, who have a mean gap of their own."""
    n_within_gap: int
    """Of these, first warned no later than their own mean gap after the last order."""

    @property
    def n_warned(self) -> int:
        """Departures that were in the high tier in time."""
        return sum(self.silent_days.values())

    @property
    def never(self) -> Outcome:
        """Departures that were not, among all; no risk is summed here."""
        return Outcome(n=self.n, n_churned=self.n - self.n_warned)

    @property
    def within_gap(self) -> Outcome:
        """Departures warned within the customer's own mean gap, among those with one; no risk is summed here."""
        return Outcome(n=self.n_with_rhythm, n_churned=self.n_within_gap)

    def silent_quantile(self, share: float) -> int | None:
        """Days of silence by which that share of the warned had been warned; None when nobody was."""
        return quantile_of(self.silent_days, share)

    def early_quantile(self, share: float) -> int | None:
        """Days before silence proved it by which at least that share of the warned had been warned; None without.

        The same customers as in :meth:`silent_quantile`, so both add up to the days after which silence proves it.
        """
        silent = self.silent_quantile(share)
        return None if silent is None else self.span_days - silent

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; :meth:`from_json` is the way back."""
        return {**asdict(self), "since": self.since.isoformat(), "until": self.until.isoformat()}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The lead times that :meth:`to_json` described."""
        return cls(
            **{
                **stored,
                "since": date.fromisoformat(stored["since"]),
                "until": date.fromisoformat(stored["until"]),
                "silent_days": {int(days): n for days, n in stored["silent_days"].items()},
            }
        )


def total(outcomes: Iterable[Outcome]) -> Outcome:
    """All groups together."""
    made = Outcome()
    for outcome in outcomes:
        made = made + outcome
    return made


def total_money(moneys: Iterable[Money]) -> Money:
    """All cutoffs together; the tops are those that every cutoff has."""
    found = list(moneys)
    shared = set.intersection(*(set(money.lost_value_top or {}) for money in found)) if found else set()
    return Money(
        lost_value=sum(money.lost_value for money in found),
        lost_value_high=sum(money.lost_value_high for money in found),
        lost_value_top={k: sum((money.lost_value_top or {})[k] for money in found) for k in sorted(shared)},
        stayed_value=sum(money.stayed_value for money in found),
        stayed_spent=sum(money.stayed_spent for money in found),
        n_unvalued=sum(money.n_unvalued for money in found),
    )


def calibration_of(cutoffs: Iterable[CutoffOutcome], n_groups: int = 10) -> tuple[CalibrationBin, ...]:
    """Customers of all cutoffs in groups of similar risk and about equal size, lowest risk first.

    Neighbouring whole percents are put together until a group holds its share of the customers, and at least 20.
    """
    by_percent: dict[int, Outcome] = {}
    for cutoff in cutoffs:
        for number, found in cutoff.bins.items():
            by_percent[number] = by_percent.get(number, Outcome()) + found
    wanted = max(total(by_percent.values()).n / n_groups, FEWEST_PER_BIN)
    groups: list[Outcome] = []
    for number in sorted(by_percent):
        if groups and groups[-1].n < wanted:
            groups[-1] = groups[-1] + by_percent[number]
        else:
            groups.append(by_percent[number])
    if len(groups) > 1 and groups[-1].n < FEWEST_PER_BIN:
        groups[-2:] = [groups[-2] + groups[-1]]
    return tuple(_bin(group) for group in groups)


def quantile_of(counts: Mapping[int, int], share: float) -> int | None:
    """The smallest value that at least a share of the counted does not exceed; None when nothing was counted.

    >>> quantile_of({5: 1, 20: 2, 40: 1}, 0.5), quantile_of({}, 0.5)
    (20, None)
    """
    n, reached = sum(counts.values()), 0
    for value in sorted(counts):
        reached += counts[value]
        if reached >= share * n:
            return value
    return None


def _bin(group: Outcome) -> CalibrationBin:
    low, high = wilson_interval(group.n_churned, group.n)
    return CalibrationBin(
        n=group.n,
        predicted=group.risk_sum / group.n,
        happened=group.n_churned / group.n,
        happened_low=low,
        happened_high=high,
    )
