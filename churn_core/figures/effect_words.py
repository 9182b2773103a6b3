"""How values, effects, intervals and p-values of a readout are written, in figures and tables alike.

Separate from the theme because effects carry their sign and rates two decimals here: an effect of a tenth of a point
would otherwise be rounded away. Points and percent stay different words.
"""

from __future__ import annotations

import math

from churn_core.figures.theme import UNKNOWN, measure, money
from churn_core.stats.estimate import Estimate


def value_words(value: float | None, unit: str, currency: str = "") -> str:
    """A metric's value in its unit: share, count, currency, or none.

    >>> value_words(0.10617, "share"), value_words(0.6528, "currency", "USD"), value_words(1.4567, "count")
    ('10.62 %', '$0.65', '1.46')
    >>> value_words(None, "share")
    '–'
    """
    if value is None:
        return UNKNOWN
    if unit == "share":
        return f"{100 * value:.2f} %"
    return money(value, currency) if unit == "currency" else measure(value, "ratio")


def effect_words(effect: float | None, unit: str, currency: str = "", *, is_long: bool = True) -> str:
    """A difference in its unit, with its sign; shares in points.

    >>> effect_words(0.07659, "share"), effect_words(-0.77, "currency", "USD"), effect_words(0.0412, "count")
    ('+7.66 points', '-$0.77', '+0.0412')
    >>> effect_words(0.07659, "share", is_long=False), effect_words(None, "share")
    ('+7.66', '–')
    """
    if effect is None:
        return UNKNOWN
    if unit == "share":
        return f"{_signed(f'{100 * abs(effect):.2f}', effect)}{' points' if is_long else ''}"
    return signed_money(effect, currency) if unit == "currency" else _signed(measure(abs(effect), "ratio"), effect)


def signed_money(amount: float | None, currency: str = "") -> str:
    """An amount with its sign.

    >>> signed_money(1_240.0, "EUR"), signed_money(-12.0), signed_money(None)
    ('+€1.24k', '-12', '–')
    """
    return UNKNOWN if amount is None else _signed(money(abs(amount), currency), amount)


def lift_words(lift: float | None) -> str:
    """A relative change in percent, with its sign.

    >>> lift_words(0.7214), lift_words(-0.05), lift_words(None)
    ('+72.1 %', '-5.0 %', '–')
    """
    return UNKNOWN if lift is None else f"{_signed(f'{100 * abs(lift):.1f}', lift)} %"


def range_words(estimate: Estimate, unit: str, currency: str = "") -> str:
    """The interval of a difference, from its lower to its upper end.

    >>> range_words(Estimate(value=0.077, low=0.06995, high=0.08323), "share")
    '+7.00 to +8.32 points'
    >>> range_words(Estimate(value=1.0, low=0.5, high=None), "currency", "EUR")
    'from +€0.50'
    >>> range_words(Estimate(value=0.15, low=-0.00869, high=0.3084), "count")
    '-0.009 to +0.308'
    """
    if unit not in ("share", "currency") and estimate.low is not None and estimate.high is not None:
        return _alike(estimate.low, estimate.high)
    return _between(
        None if estimate.low is None else effect_words(estimate.low, unit, currency, is_long=False),
        None if estimate.high is None else effect_words(estimate.high, unit, currency, is_long=False),
        " points" if unit == "share" else "",
    )


def lift_range_words(lift: Estimate) -> str:
    """The interval of a relative change.

    >>> lift_range_words(Estimate(value=0.72, low=0.651, high=0.796))
    '+65.1 to +79.6 %'
    """
    low, high = (None if end is None else lift_words(end).removesuffix(" %") for end in (lift.low, lift.high))
    return _between(low, high, " %")


def p_words(p_value: float | None) -> str:
    """A p-value; never 0.

    >>> p_words(0.0314), p_words(1e-9), p_words(None), p_words(1.0)
    ('0.031', '< .001', '–', '1.000')
    """
    if p_value is None:
        return UNKNOWN
    return "< .001" if p_value < 0.001 else f"{p_value:.3f}"


def chance_words(chance: float | None) -> str:
    """A probability in percent; never exactly 0 or 100, because nothing is that sure.

    >>> chance_words(0.9534), chance_words(0.99999), chance_words(0.0)
    ('95.3 %', '> 99.9 %', '< 0.1 %')
    """
    if chance is None:
        return UNKNOWN
    return "> 99.9 %" if chance > 0.999 else "< 0.1 %" if chance < 0.001 else f"{100 * chance:.1f} %"


def _alike(low: float, high: float) -> str:
    """Both ends with as many decimals as the larger one needs for three digits."""
    largest = max(abs(low), abs(high))
    if not 1e-6 <= largest < 100:
        return _between(effect_words(low, "count"), effect_words(high, "count"), "")
    decimals = 2 - math.floor(math.log10(largest))
    first, last = (_signed(f"{abs(end):.{decimals}f}", end) for end in (low, high))
    return _between(first, last, "")


def _signed(size: str, value: float) -> str:
    """The sign before a size; none where it is shown as nothing."""
    is_nothing = not any(digit in size for digit in "123456789")
    return size if is_nothing else f"{'+' if value > 0 else '-'}{size}"


def _between(low: str | None, high: str | None, ending: str) -> str:
    if low is None and high is None:
        return UNKNOWN
    if low is None or high is None:
        return f"from {low}{ending}" if high is None else f"up to {high}{ending}"
    return f"{low} to {high}{ending}"
