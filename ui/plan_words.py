"""How a plan's numbers are written: effects, shares, outcomes in their own unit, and what is missing where."""

from __future__ import annotations

from churn_core.campaigns.exclusions import Eligibility
from churn_core.campaigns.goals import OUTCOMES, Outcome
from churn_core.campaigns.plan import Plan, problems
from churn_core.campaigns.sizing import PlanSize
from churn_core.figures.theme import currency_sign, money, percent


def outcome_value(entry: Outcome, value: float | None, currency: str) -> str:
    """A level of an outcome, such as a share of retained customers or the spend per customer."""
    if entry.unit == "share":
        return percent(value)
    return money(value, currency) if entry.unit == "currency" else "–" if value is None else f"{value:.2f}"


def effect(entry: Outcome, size: float | None, currency: str) -> str:
    """A difference of an outcome as a size: points for rates, else in its unit."""
    if size is None:
        return "–"
    if entry.unit == "share":
        return f"{100 * size:.1f} points"
    return money(size, currency) if entry.unit == "currency" else f"{size:.3g}"


def effect_unit(entry: Outcome, currency: str) -> str:
    """Unit of an effect that is typed in."""
    if entry.unit == "share":
        return "points"
    return currency_sign(currency).strip() or "amount" if entry.unit == "currency" else "orders"


def typed(entry: Outcome, effect_size: float | None) -> float | None:
    """An effect as it is typed: points for rates."""
    if effect_size is None:
        return None
    return round(100 * effect_size, 6) if entry.unit == "share" else effect_size


def from_typed(entry: Outcome, number: float | None) -> float | None:
    """The effect that was typed; nothing and zero are no effect."""
    if not number:
        return None
    return round(number / 100, 8) if entry.unit == "share" else number


def move(size: PlanSize, currency: str) -> str:
    """What the smallest effect means, such as "from 41.0 % to 43.0 %"."""
    entry = OUTCOMES[size.outcome]
    if size.baseline is None or size.smallest_effect is None:
        return ""
    target = size.baseline.value + (-1 if entry.is_lower_better else 1) * size.smallest_effect
    return f"from {outcome_value(entry, size.baseline.value, currency)} to {outcome_value(entry, target, currency)}"


def missing(plan: Plan, left: Eligibility) -> dict[str, tuple[str, ...]]:
    """What is still missing, by step: of the plan itself, and customers."""
    found = dict(problems(plan))
    if not left.n_left:
        found["Exclusions" if left.n_audience else "Audience"] = (left.note,)
    elif left.n_left == 1:
        found["Exclusions"] = ("one customer is left, who cannot be compared with anybody; widen the audience.",)
    return found
