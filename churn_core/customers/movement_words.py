"""A movement of the risk in words: what passed, what was done, which number stands where it stood elsewhere before.

Inputs are told by family, as reasons are: what counts is the family's sum, and the number of it speaks that moved
most in the direction of the sum. What is left is told as one, so the words add up like the parts do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from churn_core.customers.movement_states import Happened
from churn_core.features.words import feature_words, value_text
from churn_core.models.blend import SEASON
from churn_core.models.families import SAME_FOR_ALL, family_label, family_of, feature_entry
from churn_core.models.telling import KNOWN_DIRECTIONS, KNOWN_DIRECTIONS_OF_FAMILIES, SILENCE, SILENT, own_gaps
from churn_core.stats.columns import is_number, numbers

if TYPE_CHECKING:
    import pandas as pd

N_CAUSES = 3
"""Families told of one part; the others are summed up."""
LEAST_CHANGE = 0.005
"""Change of the risk below which a family is not told by itself."""
SMALL_CHANGES = "smaller changes"
TOGETHER = "its numbers together, among them"
"""Said of a group whose sum no number of it explains alone."""
UNMOVED = "unchanged, but counts differently beside the other numbers"
SILENCE_FAMILY = "silence"


@dataclass(frozen=True, kw_only=True)
class Cause:
    """What one family of inputs did inside a part."""

    family: str
    """Family of the inputs; empty for what sums up the others."""
    label: str
    words: str
    """What moved, with the customer's numbers."""
    risk_change: float
    """In risk: 0.05 are five points. The causes of a part sum to its change."""
    shown_points: float = 0.0
    """The change in percentage points with one decimal, rounded so that the causes add up as they are shown."""


def causes(
    by_input: Mapping[str, float],
    before: pd.DataFrame,
    after: pd.DataFrame,
    *,
    since: Happened | None = None,
    currency: str = "",
) -> tuple[Cause, ...]:
    """The strongest families, strongest first, and the rest as one; empty when the inputs are not known."""
    members: dict[str, dict[str, float]] = {}
    for name, change in by_input.items():
        members.setdefault(family_of(name), {})[name] = change
    sums = {family: sum(parts.values()) for family, parts in members.items() if family != SAME_FOR_ALL}
    told = sorted((family for family in sums if abs(sums[family]) >= LEAST_CHANGE), key=lambda f: (-abs(sums[f]), f))
    made = [
        Cause(
            family=family,
            label=family_label(family),
            words=_words(family, members[family], before, after, since, currency),
            risk_change=sums[family],
        )
        for family in told[:N_CAUSES]
    ]
    rest = sum(by_input.values()) - sum(cause.risk_change for cause in made)
    if made and abs(rest) >= 1e-9:
        made.append(Cause(family="", label="The rest", words=SMALL_CHANGES, risk_change=rest))
    return tuple(made)


def season_cause(by_input: Mapping[str, float], total: float) -> tuple[Cause, ...]:
    """What the season had in a change of the model, and everything else about the model; empty without a season."""
    season = by_input.get(SEASON, 0.0)
    if abs(season) < LEAST_CHANGE:
        return ()
    return (
        Cause(family=SAME_FOR_ALL, label="Season", words="the season of the shop", risk_change=season),
        Cause(family="", label="The rest", words="weights and level learned anew", risk_change=total - season),
    )


def order_words(days: Sequence[datetime], *, until: datetime) -> str:
    """How often and when somebody ordered; the year is said where it is another than that of ``until``.

    >>> def on(*days): return order_words([datetime(2011, 9, day) for day in days], until=datetime(2011, 10, 1))
    >>> on(12), on(12, 30), on(1, 12, 20, 30)
    ('ordered on 12 Sep', 'ordered twice (12 and 30 Sep)', 'ordered on 4 days (the last on 30 Sep)')
    """
    told = [_day(day, until) for day in days]
    if len(days) == 1:
        return f"ordered on {told[0]}"
    if len(days) == 2:
        first = f"{days[0]:%-d}" if (days[0].year, days[0].month) == (days[1].year, days[1].month) else told[0]
        return f"ordered twice ({first} and {told[1]})"
    return f"ordered on {len(days)} days (the last on {told[-1]})"


def happened_words(since: Happened, earlier: datetime, later: datetime, currency: str = "") -> str:
    """What was recorded between two cutoffs, as a sentence."""
    if earlier == later:
        return "Both runs know the same past."
    n_days = (later - earlier).days
    span = f"Within the {n_days} days between" if n_days > 1 else "In between"
    facts = []
    if since.order_days:
        spent = (
            "" if since.spend_amount is None else f", {value_text('currency', since.spend_amount, currency=currency)}"
        )
        facts.append(order_words(since.order_days, until=later) + spent)
    elif since.counts:
        facts.append("no order")
    facts += [f"{n:,} {kind if n == 1 else kind + 's'}" for kind, n in since.counts.items()]
    return f"{span}: {', '.join(facts)}." if facts else f"{span} nothing was recorded of the customer."


def _day(day: datetime, until: datetime) -> str:
    return f"{day:%-d %b}" if day.year == until.year else f"{day:%-d %b %Y}"


def _words(
    family: str,
    members: Mapping[str, float],
    before: pd.DataFrame,
    after: pd.DataFrame,
    since: Happened | None,
    currency: str,
) -> str:
    total = sum(members.values())
    if family == SILENCE_FAMILY:
        silence = _silence(before, after, since, total)
        if silence:
            return silence
    for name in sorted(members, key=lambda name: -members[name] * total):
        words = _change(name, before, after, members[name], currency) if members[name] * total > 0 else ""
        if words:
            return words
    moved = _most_moved(members, before, after, currency)
    return f"{family_label(family)}: {f'{TOGETHER} {moved}' if moved else UNMOVED}"


def _most_moved(members: Mapping[str, float], before: pd.DataFrame, after: pd.DataFrame, currency: str) -> str:
    """The number that counts most of those that moved, whichever way it points; empty where none moved."""
    for name in sorted(members, key=lambda name: (-abs(members[name]), name)):
        words = _change(name, before, after, 0.0, currency)
        if words:
            return words
    return ""


def _silence(before: pd.DataFrame, after: pd.DataFrame, since: Happened | None, total: float) -> str:
    """The silence before and after, beside the gap that is usual; empty where it did not move as the risk did."""
    if SILENT not in before.columns or SILENT not in after.columns:
        return ""
    old, new = (round(float(numbers(frame[SILENT])[0])) for frame in (before, after))
    if (new - old) * total <= 0:
        return ""
    gaps = own_gaps(after)
    usual = f"; usual gap {max(gaps.days[0], 1):,.0f}" if gaps is not None and gaps.days[0] == gaps.days[0] else ""
    ordered = ""
    if since is not None and since.order_days:
        ordered = f"{order_words(since.order_days, until=since.order_days[-1])}: "
    return f"{ordered}{new:,} {'day' if new == 1 else 'days'} of silence instead of {old:,}{usual}"


def _change(name: str, before: pd.DataFrame, after: pd.DataFrame, change: float, currency: str) -> str:
    """The number of a feature beside what it was; empty where it did not move, or moved the other way."""
    if name not in before.columns or name not in after.columns:
        return ""
    entry = feature_entry(name)
    if entry is None or not is_number(after[name]):
        return _text_change(name, before[name].iloc[0], after[name].iloc[0])
    old, new = float(numbers(before[name])[0]), float(numbers(after[name])[0])
    texts = [value_text(entry.unit, value, currency=currency) for value in (old, new)]
    if texts[0] == texts[1]:
        return ""
    if new != new or old != old:
        known = feature_words(entry, new, is_high=True, is_usual=True, currency=currency)
        return f"{known} (before: {feature_words(entry, old, is_high=True, is_usual=True, currency=currency)})"
    if _direction(name) * (new - old) * change < 0:
        return ""
    words = feature_words(entry, new, is_high=new > old, is_usual=True, currency=currency)
    return words if entry.unit == "flag" else f"{words} instead of {texts[0]}"


def _direction(name: str) -> float:
    """Which way a number goes with the risk where everybody knows it; 0 where it depends."""
    if name in SILENCE:
        return 1.0
    return KNOWN_DIRECTIONS.get(name, KNOWN_DIRECTIONS_OF_FAMILIES.get(family_of(name), 0.0))


def _text_change(name: str, old: object, new: object) -> str:
    label = family_label(family_of(name))
    known = ["not known" if value is None or value != value else _plain(value) for value in (old, new)]
    return "" if known[0] == known[1] else f"{label}: {known[1]} instead of {known[0]}"


def _plain(value: object) -> str:
    return f"{value:,.4g}" if isinstance(value, float) else str(value)
