"""How money is written: a sign or a code before the amount, and no false digits.

Separate and at the bottom, because reasons in words, frozen plans, figures and pages all write amounts and none of
them may write one in its own way.
"""

from __future__ import annotations

_SYMBOLS = {"GBP": "£", "EUR": "€", "USD": "$", "CNY": "¥", "JPY": "¥", "INR": "₹", "KRW": "₩", "TRY": "₺", "UAH": "₴"}
_SUFFIXES = ((1e9, "bn"), (1e6, "m"), (1e3, "k"))


def currency_sign(currency: str) -> str:
    """What stands before an amount: a symbol, or the code and a space; empty when no currency is set.

    >>> currency_sign("GBP"), currency_sign("CHF"), currency_sign("")
    ('£', 'CHF ', '')
    """
    code = currency.strip().upper()
    return _SYMBOLS.get(code, f"{code} " if code else "")


def money_text(amount: float, currency: str = "") -> str:
    """A known amount with its currency: three significant digits with k, m or bn; cents only below 10.

    >>> money_text(12_431.7, "GBP"), money_text(342.4, "EUR"), money_text(4.2), money_text(-1_240_000, "CHF")
    ('£12.4k', '€342', '4.20', '-CHF 1.24m')
    >>> money_text(999.6, "GBP"), money_text(0, "GBP")
    ('£1.00k', '£0')
    """
    sign = "-" if amount < 0 else ""
    return f"{sign}{currency_sign(currency)}{_short(abs(float(amount)))}"


def exact_text(amount: float, currency: str = "") -> str:
    """A known amount to the cent, for prices and what was agreed.

    >>> exact_text(1_250, "EUR"), exact_text(-0.5), exact_text(3, "CHF")
    ('€1,250.00', '-0.50', 'CHF 3.00')
    """
    sign = "-" if amount < 0 else ""
    return f"{sign}{currency_sign(currency)}{abs(float(amount)):,.2f}"


def _short(size: float) -> str:
    for unit, suffix in _SUFFIXES:
        if size >= unit * 0.9995:
            scaled = size / unit
            decimals = 2 if scaled < 9.995 else 1 if scaled < 99.95 else 0
            return f"{scaled:,.{decimals}f}{suffix}"
    return f"{size:.2f}" if 0 < size < 9.995 else f"{size:.0f}"
