"""An outcome in the words of somebody who sends campaigns; pages and the command line say the same."""

from __future__ import annotations

from collections.abc import Callable

from churn_core.customers.cutoffs import NO_COST, CutoffOutcome

NONE_ENTERED = "none entered"
"""Instead of a cost, as long as nothing was entered."""

MOST_AS_ONE_IN = 0.25
"""Chances up to here are said as 1 in so many; above, whole numbers are too far apart."""


def contact_words(outcome: CutoffOutcome) -> str:
    """Whom a threshold contacts.

    The three numbers add up: whoever would not leave would have stayed anyway.
    """
    risk = f"{100 * outcome.threshold:g} %"
    if not outcome.n_contacted:
        return f"Nobody has a risk of {risk} or more."
    counts = outcome.confusion
    customers = "customer" if outcome.n_contacted == 1 else "customers"
    is_all = outcome.n_contacted == outcome.n_customers > 1
    whom = "Contact all" if is_all else f"Contact everybody from {risk} on:"
    return (
        f"{whom} {outcome.n_contacted:,} {customers}{':' if is_all else ','} about {counts.n_true_positive:,} of "
        f"them would leave, {counts.n_false_positive:,} would have stayed anyway."
    )


def outcome_sentences(outcome: CutoffOutcome, *, reachable: CutoffOutcome | None = None) -> tuple[str, ...]:
    """Whom a threshold contacts, whether that can be done, and from which chance it pays once a cost is known.

    ``reachable`` is the outcome at the threshold that keeps to the capacity; it is told when the capacity is exceeded.
    """
    if not outcome.n_contacted:
        return (contact_words(outcome),)
    within = reachable_words(reachable) if reachable is not None and outcome.n_beyond_capacity else ""
    said = (contact_words(outcome), break_even_words(outcome), capacity_words(outcome), within)
    return tuple(words for words in said if words)


def break_even_words(outcome: CutoffOutcome) -> str:
    """From which chance contacting pays, or why that cannot be said; empty as long as no cost is known."""
    if outcome.unknown.get("break_even") == NO_COST:
        return ""
    if outcome.break_even == 0:
        return "It pays whatever the chance: nobody who stays takes the offer."
    if outcome.break_even is None:
        return f"{outcome.unknown['break_even'][:1].upper()}{outcome.unknown['break_even'][1:]}"
    return f"The offer must save {chance_words(outcome.break_even)} to pay for itself."


def chance_words(chance: float) -> str:
    """A least chance as people say it, as near to the percentage in the table as a whole number comes.

    >>> chance_words(0.078), chance_words(0.63)
    ('about 1 in 13 of the churners it reaches', 'about 63 in 100 of the churners it reaches')
    """
    share = f"1 in {round(1 / chance):,}" if chance <= MOST_AS_ONE_IN else f"{round(100 * chance)} in 100"
    return f"about {share} of the churners it reaches"


def capacity_words(outcome: CutoffOutcome) -> str:
    """How the contacts compare with what can be done; empty without a limit."""
    if outcome.capacity is None:
        return ""
    if outcome.n_beyond_capacity:
        return f"{outcome.n_beyond_capacity:,} more than the {outcome.capacity:,} that can be contacted."
    return f"Within the {outcome.capacity:,} that can be contacted."


def reachable_words(outcome: CutoffOutcome) -> str:
    """The threshold that keeps to the capacity, with the chance from which contacting those pays."""
    pays = ""
    if outcome.break_even:
        pays = f"; there the offer must save {chance_words(outcome.break_even)}"
    who = "1 customer" if outcome.n_contacted == 1 else f"{outcome.n_contacted:,} customers"
    return f"The capacity is kept from {100 * outcome.threshold:g} % on: {who}{pays}."


def cost_words(outcome: CutoffOutcome, amount: Callable[[float], str]) -> str:
    """The cost; while the chance is unknown, from nobody saved to everybody taking the offer."""
    if outcome.unknown.get("break_even") == NO_COST:
        return NONE_ENTERED
    if outcome.cost is not None:
        return amount(outcome.cost)
    return f"{amount(outcome.cost_least)} to {amount(outcome.cost_most)}"
