"""What contacting everybody from a risk on would mean: whom it reaches, what it costs, what it saves.

Expected numbers throughout: a calibrated risk of 30 % is three tenths of a churner. Everything is a sum over the
contacted, so it comes from :class:`RiskCounts` and takes no time, however many customers there are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from churn_core.customers.judged import JudgedCutoff
from churn_core.customers.risk_counts import N_STEPS, NOBODY, RiskCounts, Slice, step_of
from churn_core.customers.scenario import CHANCE_UNKNOWN, VALUE_UNKNOWN, Scenario
from churn_core.models.evaluation import Confusion
from churn_core.stats.proportions import Z_95

NOBODY_CONTACTED = "nobody has a risk that high; choose a lower threshold."
NO_COST = "no cost is entered yet; enter what a contact or an offer costs."
NEVER_PAYS = "the offer costs more than it saves even if it keeps every churner it reaches."


@dataclass(frozen=True, kw_only=True)
class CutoffOutcome:
    """One scenario at one threshold; what cannot be said is None, and ``unknown`` says why."""

    threshold: float
    """Risk from which customers are contacted, in steps of 0.1 %."""
    n_customers: int
    """Customers of the run."""
    n_contacted: int
    caught: float
    """Churners to expect among the contacted."""
    caught_low: float
    caught_high: float
    """95 % range: chance, and how far the level of all risks may be off, as the model or its judged past says."""
    wasted: float
    """Contacted who would have stayed anyway."""
    missed: float
    """Churners to expect among those left alone."""
    left_alone: float
    """Customers rightly left alone."""
    n_value_known: int
    """Contacted whose value is known; with a margin per customer everybody's is."""
    value_reached: float | None
    """Risk x value over the contacted: the margin that leaves with them if nothing is done, in the currency."""
    contact_cost: float
    """Cost of the contacts alone."""
    cost: float | None
    """Contacts, and the offer for those who take it."""
    cost_least: float
    """The same if the offer saves nobody."""
    cost_most: float
    """The same if everybody who is contacted takes the offer."""
    saved_margin: float | None
    """Margin to expect from the churners that the offer saves."""
    profit: float | None
    """Saved margin less cost."""
    break_even: float | None
    """Chance to save a churner from which contacting these customers pays."""
    capacity: int | None
    """Customers who can be contacted; None without a limit."""
    precision: float | None
    """Churners to expect per contact (denominator: contacted)."""
    recall: float | None
    """Share of all churners to expect that is contacted (denominator: caught + missed)."""
    f1: float | None
    """Harmonic mean of both."""
    judged: JudgedCutoff | None
    """The same threshold on the judged past; None when the model was not judged."""
    unknown: dict[str, str] = field(default_factory=dict)
    """Why a field is None, as a sentence, by its name."""

    @property
    def n_beyond_capacity(self) -> int:
        """Contacts more than can be made; 0 without a limit."""
        return 0 if self.capacity is None else max(0, self.n_contacted - self.capacity)

    @property
    def confusion(self) -> Confusion:
        """The four expected counts, rounded to customers; they add up to the customers of the run."""
        caught = round(self.caught)
        missed = round(self.missed)
        return Confusion(
            threshold=self.threshold,
            n_true_positive=caught,
            n_false_positive=self.n_contacted - caught,
            n_false_negative=missed,
            n_true_negative=self.n_customers - self.n_contacted - missed,
        )


def outcome(counts: RiskCounts, scenario: Scenario, threshold: float) -> CutoffOutcome:
    """What contacting every customer with a risk of at least ``threshold`` means under a scenario.

    The threshold is rounded to 0.1 %. InputError when it is outside 0 to 1.
    """
    step = step_of(threshold)
    reached, everybody = counts.at(step), counts.at(0)
    n = reached.n_customers
    stay = n - reached.churners
    low, high = _caught_range(counts, step)
    missed = everybody.churners - reached.churners
    value = value_reached(counts, reached, scenario)
    cost, profit = _cost(reached, scenario), None
    saved = None if value is None or scenario.chance is None else scenario.chance * value
    if saved is not None and cost is not None:
        profit = saved - cost
    both = n + everybody.churners
    found = {
        "value_reached": value,
        "cost": cost,
        "saved_margin": saved,
        "profit": profit,
        "break_even": _break_even(reached, scenario, value),
        "precision": reached.churners / n if n else None,
        "recall": reached.churners / everybody.churners if everybody.churners else None,
        "f1": 2 * reached.churners / both if n and both else None,
    }
    return CutoffOutcome(
        threshold=step / N_STEPS,
        n_customers=counts.n_customers,
        n_contacted=n,
        caught=reached.churners,
        caught_low=low,
        caught_high=high,
        wasted=stay,
        missed=missed,
        left_alone=counts.n_customers - n - missed,
        n_value_known=n if scenario.margin is not None else reached.n_value_known,
        contact_cost=scenario.contact_cost * n,
        cost_least=scenario.contact_cost * n + scenario.offer_cost * stay,
        cost_most=(scenario.contact_cost + scenario.offer_cost) * n,
        capacity=scenario.capacity,
        judged=counts.judged.at(step / N_STEPS) if counts.judged else None,
        unknown={name: _why(name, found, n, scenario) for name, number in found.items() if number is None},
        **found,
    )


def value_reached(counts: RiskCounts, reached: Slice, scenario: Scenario) -> float | None:
    """Sum of risk x value over these customers; None when no value is known and no margin is given."""
    if scenario.margin is not None:
        return scenario.margin * reached.churners
    return reached.value_at_risk if counts.has_values else None


def profit_by_step(counts: RiskCounts, scenario: Scenario) -> np.ndarray | None:
    """Expected profit of every threshold step from 0 to NOBODY; None when chance or value is unknown."""
    if scenario.chance is None or (scenario.margin is None and not counts.has_values):
        return None
    n, churners, at_risk = counts.sums[0], counts.sums[1], counts.sums[4]
    value = at_risk if scenario.margin is None else scenario.margin * churners
    takers = n - churners + scenario.chance * churners
    return np.asarray(scenario.chance * value - scenario.contact_cost * n - scenario.offer_cost * takers)


def break_even_by_step(counts: RiskCounts, scenario: Scenario) -> np.ndarray | None:
    """The chance from which contacting pays, for every threshold step; NaN where none does, None without values."""
    if scenario.margin is None and not counts.has_values:
        return None
    reached = [counts.at(step) for step in range(NOBODY + 1)]
    chances = [_break_even(one, scenario, value_reached(counts, one, scenario)) for one in reached]
    return np.array([np.nan if chance is None else chance for chance in chances])


@dataclass(frozen=True, kw_only=True)
class BestCutoff:
    """The threshold of most expected profit."""

    threshold: float | None
    """None when contacting nobody is best."""
    profit: float
    """Expected profit there; 0 for nobody."""
    n_contacted: int
    within_capacity: bool
    """Whether so many can be contacted."""


def best_cutoff(counts: RiskCounts, scenario: Scenario, *, within_capacity: bool = False) -> BestCutoff | None:
    """The threshold of most expected profit, the highest of equals; None when chance or value is unknown.

    With ``within_capacity`` only thresholds that contact no more customers than the scenario can.
    """
    profits = profit_by_step(counts, scenario)
    if profits is None:
        return None
    first = counts.step_for(scenario.capacity) if within_capacity and scenario.capacity is not None else 0
    candidates = profits[first:]
    step = first + len(candidates) - 1 - int(np.argmax(candidates[::-1]))
    n = counts.at(step).n_customers
    fits = scenario.capacity is None or n <= scenario.capacity
    threshold = None if step == NOBODY or n == 0 else step / N_STEPS
    return BestCutoff(
        threshold=threshold, profit=float(profits[step]) if threshold is not None else 0.0, n_contacted=n,
        within_capacity=fits,
    )  # fmt: skip


def capacity_threshold(counts: RiskCounts, scenario: Scenario) -> float | None:
    """The lowest threshold that contacts no more customers than can be; None without a limit or when ties exceed it."""
    if scenario.capacity is None:
        return None
    step = counts.step_for(scenario.capacity)
    return None if counts.at(step).n_customers == 0 else step / N_STEPS


def reachable_outcome(counts: RiskCounts, scenario: Scenario) -> CutoffOutcome | None:
    """The outcome at the threshold that keeps to the capacity; None where :func:`capacity_threshold` is."""
    threshold = capacity_threshold(counts, scenario)
    return None if threshold is None else outcome(counts, scenario, threshold)


def capacity_is_tied(counts: RiskCounts, scenario: Scenario) -> bool:
    """Whether more customers share the highest risk than can be contacted, so that no threshold tells whom."""
    return scenario.capacity is not None and capacity_threshold(counts, scenario) is None


def _caught_range(counts: RiskCounts, step: int) -> tuple[float, float]:
    """95 % range of the churners among the contacted.

    Chance is that of a sum of independent outcomes with these risks (Poisson-binomial, normal approximation); to it
    comes the error of the level, which is the same for everybody. The two are independent, so their half widths add
    up as squares.
    """
    reached = counts.at(step)
    chance = Z_95 * math.sqrt(reached.spread)
    below, above = _level_widths(counts, step, reached)
    low, high = reached.churners - math.hypot(chance, below), reached.churners + math.hypot(chance, above)
    return max(0.0, low), min(float(reached.n_customers), high)


def _level_widths(counts: RiskCounts, step: int, reached: Slice) -> tuple[float, float]:
    """How many churners fewer and more there may be because the level of all risks is off.

    As far as the model says for the seasons, in log-odds; where it does not, as far as it was off on the judged past.
    """
    if counts.judged is None:
        return 0.0, 0.0
    width = counts.judged.level_half_width
    if width is None:
        half = Z_95 * counts.judged.level_error * reached.n_customers
        return half, half
    below, above = (counts.churners_at_level(step, shift) for shift in (-width, width))
    return reached.churners - below, above - reached.churners


def _cost(reached: Slice, scenario: Scenario) -> float | None:
    """Contacts for everybody, the offer for those who stay anyway and those it saves."""
    fixed = scenario.contact_cost * reached.n_customers
    if scenario.offer_cost == 0:
        return fixed
    if scenario.chance is None:
        return None
    takers = reached.n_customers - reached.churners + scenario.chance * reached.churners
    return fixed + scenario.offer_cost * takers


def _break_even(reached: Slice, scenario: Scenario, value: float | None) -> float | None:
    """The chance at which saved margin equals cost; None when none up to 1 does, or nothing costs anything."""
    if value is None or not reached.n_customers or scenario.is_free:
        return None
    fixed = scenario.contact_cost * reached.n_customers + scenario.offer_cost * (reached.n_customers - reached.churners)
    per_chance = value - scenario.offer_cost * reached.churners
    if fixed == 0 and per_chance >= 0:
        return 0.0
    return fixed / per_chance if per_chance > 0 and fixed <= per_chance else None


def _why(name: str, found: dict[str, float | None], n_contacted: int, scenario: Scenario) -> str:
    if name in ("precision", "f1") or (name == "break_even" and not n_contacted):
        return NOBODY_CONTACTED
    if name == "recall":
        return "no churner is to be expected in this run."
    if name == "break_even" and scenario.is_free:
        return NO_COST
    if name == "break_even":
        return VALUE_UNKNOWN if found["value_reached"] is None else NEVER_PAYS
    if name == "value_reached" or (name in ("saved_margin", "profit") and found["value_reached"] is None):
        return VALUE_UNKNOWN
    return CHANCE_UNKNOWN
