"""The verdict of a readout in plain words; the sign of a number is never turned, and nothing is called nothing."""

from __future__ import annotations

from collections.abc import Sequence

from churn_core.campaigns.readout_model import ArmMoney, ArmResult
from churn_core.campaigns.results import reading
from churn_core.currency import exact_text, money_text
from churn_core.stats.estimate import Estimate

VERBS: dict[str, tuple[str, str]] = {
    "retained": ("kept", "customers"),
    "repurchase": ("made", "repeat buyers"),
    "orders": ("brought", "orders per customer"),
    "spend": ("brought", "spend per customer"),
    "margin": ("brought", "margin per customer"),
}
"""What a treatment does to an outcome, and the noun that goes with more or fewer."""

SPENT = "spend per customer (no margin set)"
"""The name of margin per customer where the shop set no margin, so that all that was paid counts."""


def verdict_words(results: Sequence[ArmResult], control: str, money: Sequence[ArmMoney], currency: str) -> str:
    """One sentence per treatment on the goal, as the status of the comparison allows."""
    paid = {entry.arm: entry for entry in money}
    return " ".join(
        result_words(result, control, paid.get(result.arm), currency) for result in results if result.is_primary
    )


def result_words(result: ArmResult, control: str, money: ArmMoney | None = None, currency: str = "") -> str:
    """What one treatment did to the goal.

    Better and worse are told by what happened; no clear difference is told by its interval.
    """
    found = result.comparison
    value, low, high = found.difference.value, found.difference.low, found.difference.high
    arm, against = _named(result.arm, is_first=True), _named(control)
    if value is None or low is None or high is None:
        return f"{arm} cannot be compared with {against} in {result.label}: {found.difference.reason}"
    between = interval_words(found.difference, result.unit, currency)
    levels = f"{_level(found.treatment, result.unit, currency)} against {_level(found.control, result.unit, currency)}"
    if reading(result) == "no_clear_difference":
        return (
            f"No clear difference in {result.label} between {_named(result.arm)} and {against}: the change lies "
            f"between {between} ({levels}){_in_spite(result, low * high > 0)}."
        )
    extra = _extra(result, money, currency)
    return (
        f"{arm} {_did(result, value, against, currency)} (between {between.removesuffix(' points')}): {levels}{extra}."
    )


def interval_words(estimate: Estimate, unit: str, currency: str = "") -> str:
    """Both ends of an interval with their signs.

    >>> interval_words(Estimate(value=0.021, low=0.008, high=0.034), "share")
    '+0.8 and +3.4 points'
    >>> interval_words(Estimate(value=1.0, low=-0.5, high=2.5), "currency", "GBP")
    '-£0.50 and +£2.50'
    """
    low, high = estimate.low or 0.0, estimate.high or 0.0
    if unit == "share":
        digits = _digits(high - low)
        return f"{100 * low:+.{digits}f} and {100 * high:+.{digits}f} points"
    return f"{_signed(low, unit, currency)} and {_signed(high, unit, currency)}"


def amount_words(amount: float, currency: str) -> str:
    """An amount of money, short; cents below 100, because effects per customer differ by cents.

    >>> amount_words(3_214.0, "GBP"), amount_words(-12.345, "EUR"), amount_words(1_200_000.0, "CHF")
    ('£3.21k', '-€12.35', 'CHF 1.20m')
    """
    return exact_text(amount, currency) if abs(amount) < 99.995 else money_text(amount, currency)


def _in_spite(result: ArmResult, is_off_zero: bool) -> str:
    """Why an interval without zero is not clear: several treatments were compared."""
    if not is_off_zero or result.p_adjusted is None:
        return ""
    return f"; with several treatments compared that is not clear (adjusted p {result.p_adjusted:.3f})"


def effect_size_words(size: float, unit: str, currency: str = "") -> str:
    """The size of an effect without a sign.

    >>> effect_size_words(0.02, "share"), effect_size_words(1.5, "currency", "EUR")
    ('2 points', '€1.50')
    """
    return f"{100 * size:.4g} points" if unit == "share" else _signed(size, unit, currency).removeprefix("+")


def _did(result: ArmResult, value: float, against: str, currency: str) -> str:
    is_more = value > 0
    verb, noun = VERBS.get(result.metric, ("", ""))
    if result.label.startswith(SPENT):
        noun = SPENT
    size = _size(value, result, currency)
    if not verb:
        return f"is {size} {'above' if is_more else 'below'} {against} in {result.label}"
    more = "more" if is_more else "fewer" if result.unit in ("share", "count") else "less"
    return f"{verb} {size} {more} {noun} than {against}"


def _size(value: float, result: ArmResult, currency: str) -> str:
    if result.unit == "share":
        low, high = result.comparison.difference.low or 0.0, result.comparison.difference.high or 0.0
        return f"{100 * abs(value):.{_digits(high - low)}f} points"
    return _signed(abs(value), result.unit, currency).removeprefix("+")


def _level(value: float | None, unit: str, currency: str) -> str:
    if value is None:
        return "nothing known"
    if unit == "share":
        return f"{100 * value:.1f} %" if value >= 0.005 or value == 0 else f"{100 * value:.2f} %"
    return _signed(value, unit, currency).removeprefix("+")


def _signed(value: float, unit: str, currency: str) -> str:
    sign = "+" if value > 0 else ""
    if unit == "currency":
        return f"{sign}{amount_words(value, currency)}"
    return f"{sign}{value:,.3g}" if abs(value) < 1_000 else f"{sign}{value:,.0f}"


def _extra(result: ArmResult, money: ArmMoney | None, currency: str) -> str:
    """About how many customers, and what is left after costs."""
    told = []
    total = result.total.value if result.total else None
    if result.unit == "share" and total is not None and abs(total) >= 1:
        told.append(f"about {abs(total):,.0f} customers {'more' if total > 0 else 'fewer'}")
    if money and money.net.value is not None and money.net.low is not None and money.net.high is not None:
        low, high = (_signed(end, "currency", currency) for end in (money.net.low, money.net.high))
        told.append(f"{amount_words(money.net.value, currency)} {money.gain} after costs (between {low} and {high})")
    return f", {' and '.join(told)}" if told else ""


def _named(arm: str, *, is_first: bool = False) -> str:
    words = "the control" if arm == "control" else arm
    return f"{words[:1].upper()}{words[1:]}" if is_first else words


def _digits(width: float) -> int:
    """Decimals of points: two where the interval is narrow."""
    return 1 if width >= 0.006 else 2
