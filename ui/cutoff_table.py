"""Two outcomes as rows of a table, with the difference: every number with what it is a share of."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from churn_core.customers.cutoff_words import NONE_ENTERED, cost_words
from churn_core.customers.cutoffs import CutoffOutcome
from churn_core.customers.judged import Rate
from churn_core.figures.theme import UNKNOWN, count, currency_sign, money, percent, points

Row = dict[str, str]


def earning_rows(first: CutoffOutcome, second: CutoffOutcome, currency: str) -> list[Row]:
    """Whom A and B contact and what it earns, and what B has more; an unknown number is a dash."""

    def amount(value: float | None) -> str:
        return whole_money(value, currency)

    def row(label: str, value: Callable[[CutoffOutcome], float | None], words: Callable[[float | None], str]) -> Row:
        return _row(label, value(first), value(second), words, signed)

    rows = [
        row("Contacted", lambda found: found.n_contacted, count),
        {"Measure": "Capacity", "A": _capacity(first), "B": _capacity(second), "B - A": ""},
        row("Margin that leaves with them", lambda found: found.value_reached, amount),
        _cost_row(first, second, currency),
        row("Expected saved margin", lambda found: found.saved_margin, amount),
        row("Expected profit", lambda found: found.profit, amount),
        _row("Pays from a chance of", first.break_even, second.break_even, percent, _points),
    ]
    return rows if first.capacity is not None or second.capacity is not None else [rows[0], *rows[2:]]


def finding_rows(first: CutoffOutcome, second: CutoffOutcome, *, on_the_past: bool = True) -> list[Row]:
    """How well A and B find churners: as the risks promise, and as it was where the model was judged."""
    rows = [
        _row("Churners caught", first.caught, second.caught, count, signed),
        {"Measure": "… 95 % range", "A": _range(first), "B": _range(second), "B - A": ""},
        _row("Wasted contacts", first.wasted, second.wasted, count, signed),
        _row("Missed churners", first.missed, second.missed, count, signed),
        _share_row("Precision", (first.precision, second.precision), (first.n_contacted, second.n_contacted)),
        _share_row("Recall", (first.recall, second.recall), [found.caught + found.missed for found in (first, second)]),
        _row("F1", first.f1, second.f1, percent, _points),
    ]
    if first.judged and second.judged:
        words = "{} on the past" if on_the_past else "Held-out {}"
        for name in ("precision", "recall"):
            label = words.format(name.capitalize() if on_the_past else name)
            rows += _judged_rows(label, getattr(first.judged, name), getattr(second.judged, name))
    return rows


def _row(
    label: str,
    first: float | None,
    second: float | None,
    words: Callable[[float | None], str],
    difference: Callable[[float | None, Callable[[float | None], str]], str],
) -> Row:
    more = None if first is None or second is None else second - first
    return {"Measure": label, "A": words(first), "B": words(second), "B - A": difference(more, words)}


def _points(more: float | None, _: object = None) -> str:
    return points(more)


def _share_row(label: str, shares: Sequence[float | None], of: Sequence[float]) -> Row:
    """A share with what it is a share of."""
    row = _row(label, shares[0], shares[1], percent, _points)
    for name, share, n in zip(("A", "B"), shares, of, strict=True):
        if share is not None:
            row[name] = f"{percent(share)} of {count(n)}"
    return row


def signed(more: float | None, words: Callable[[float | None], str]) -> str:
    """A difference with its sign.

    >>> signed(12.2, count), signed(-3.0, count), signed(0.2, count), signed(None, count)
    ('+12', '-3', '0', '–')
    """
    if more is None:
        return UNKNOWN
    text = words(abs(more))
    if not text.strip("£€$¥₹₩₺₴ABCDEFGHIJKLMNOPQRSTUVWXYZ 0."):
        return text
    return f"{'+' if more > 0 else '-'}{text}"


def whole_money(amount: float | None, currency: str) -> str:
    """An amount in full, so that the columns can be subtracted; beyond ten million in short.

    >>> whole_money(16_421.3, "EUR"), whole_money(-1204.0, ""), whole_money(3.5, "GBP"), whole_money(2.5e7, "EUR")
    ('€16,421', '-1,204', '£3.50', '€25.0m')
    """
    if amount is None or not 10 <= abs(amount) < 1e7:
        return money(amount, currency)
    return f"{'-' if amount < 0 else ''}{currency_sign(currency)}{count(abs(amount))}"


def _cost_row(first: CutoffOutcome, second: CutoffOutcome, currency: str) -> Row:
    """What it costs; while the chance is unknown, from nobody saved to everybody taking the offer."""

    def words(found: CutoffOutcome) -> str:
        return cost_words(found, lambda value: whole_money(value, currency))

    is_known = all(found.cost is not None and words(found) != NONE_ENTERED for found in (first, second))
    more = (second.cost or 0.0) - (first.cost or 0.0) if is_known else None
    return {
        "Measure": "Cost",
        "A": words(first),
        "B": words(second),
        "B - A": signed(more, lambda value: whole_money(value, currency)),
    }


def _judged_rows(label: str, first: Rate | None, second: Rate | None) -> list[Row]:
    """A counted share with what it is a share of, and its interval."""
    rates = (first, second)
    of = [0 if rate is None else rate.n for rate in rates]
    interval = [UNKNOWN if rate is None else f"{percent(rate.low)} to {percent(rate.high)}" for rate in rates]
    return [
        _share_row(label, [None if rate is None else rate.value for rate in rates], of),
        {"Measure": "… 95 % interval", "A": interval[0], "B": interval[1], "B - A": ""},
    ]


def _capacity(found: CutoffOutcome) -> str:
    if found.capacity is None:
        return "no limit"
    return (
        f"{count(found.capacity)}, {count(found.n_beyond_capacity)} too many"
        if found.n_beyond_capacity
        else count(found.capacity)
    )


def _range(found: CutoffOutcome) -> str:
    return f"{count(found.caught_low)} to {count(found.caught_high)}"
