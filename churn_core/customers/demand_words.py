"""Demand in words: what is foreseen, how it was chosen, what "without the customers at risk" means.

The page, the command line and the documents say the same sentences.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from churn_core.customers.demand import Demand, Foreseen
    from churn_core.customers.demand_stake import Counted


def choice_words(found: Foreseen) -> str:
    """Which method speaks, and what that rests on."""
    choice = found.choice
    weeks = f"{choice.window_weeks} week{'' if choice.window_weeks == 1 else 's'}"
    asked = f"asked {choice.n_origins} times in the past for the {weeks} that followed"
    row = choice.row
    if choice.is_yardstick:
        if len(found.past) < 52:
            return f"No method beat the mean of the last 4 weeks when {asked}, so that is used; there is no year yet."
        return f"No method beat the same week last year when {asked}, so that is used."
    assert row.against_same_week is not None
    better = 100 * (1 - row.against_same_week)
    return (
        f"Foreseen by {row.label}: {row.meaning}. When {asked}, it was {better:.0f} % nearer than the same week last "
        "year."
    )


def interval_words(found: Foreseen) -> str:
    """What the intervals are, and how they held."""
    row, choice = found.choice.row, found.choice
    if row.held_80 is None or row.held_95 is None:
        return "How often the intervals hold could not be checked."
    held = (
        f"In the past the 80 % interval held {100 * row.held_80:.0f} % and the 95 % interval {100 * row.held_95:.0f} % "
        f"of {row.n_weeks} weeks"
    )
    if choice.widening > 1.005:
        return f"{held}; they are drawn {choice.widening:.2f} times as wide, so that they would have held."
    return f"{held}."


def stake_words(counted: Counted) -> str:
    """What "without the customers at risk" means."""
    how = (
        "what the latest run of the Value page expects of them"
        if counted.is_valued
        else "their expected value and their recent orders, each times the chance that they stay, because customers "
        "were not valued on the Value page with these data"
    )
    unknown = (
        f" For {counted.n_unknown:,} of them no value is known; they count as nothing." if counted.n_unknown else ""
    )
    if not counted.n_customers:
        return "Nobody is in the high tier, so the forecast counts on nothing from customers at risk."
    return (
        f"Without the customers at risk: the forecast less what it counts on from the {counted.n_customers:,} "
        f"customers of the high tier, as if all of them left now: {how}, spread evenly over the weeks. It already "
        f"expects that many of them leave.{unknown}"
    )


def note_words(demand: Demand) -> list[str]:
    """What should be known before the numbers are used."""
    notes = []
    if demand.is_net and demand.revenue is not None:
        notes.append("Revenue is after returns: what was sent back in a week is taken off the orders of that week.")
    if demand.why_no_revenue:
        notes.append(demand.why_no_revenue)
    if demand.why_no_stake:
        notes.append(demand.why_no_stake)
    if len(demand.starts) < 52:
        notes.append(
            "There is less than a year of weeks, so a season, such as weeks before a holiday, cannot be foreseen yet."
        )
    return notes
