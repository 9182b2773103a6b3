"""An outcome in the words of somebody who sends campaigns; pages and the command line say the same."""

from __future__ import annotations

import math

from churn_core.customers.cutoffs import NO_COST, CutoffOutcome


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


def outcome_sentences(outcome: CutoffOutcome) -> tuple[str, ...]:
    """Whom a threshold contacts, whether that can be done, and from which chance it pays once a cost is known."""
    if not outcome.n_contacted:
        return (contact_words(outcome),)
    said = (contact_words(outcome), capacity_words(outcome), break_even_words(outcome))
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
    """A least chance as people say it, never promising less than it is.

    >>> chance_words(0.11), chance_words(0.63)
    ('at least 1 in 9 of the churners it reaches', 'at least 63 in 100 of the churners it reaches')
    """
    share = f"1 in {math.floor(1 / chance + 1e-9):,}" if chance <= 0.5 else f"{math.ceil(100 * chance - 1e-9)} in 100"
    return f"at least {share} of the churners it reaches"


def capacity_words(outcome: CutoffOutcome) -> str:
    """How the contacts compare with what can be done; empty without a limit."""
    if outcome.capacity is None:
        return ""
    if outcome.n_beyond_capacity:
        return f"{outcome.n_beyond_capacity:,} more than the {outcome.capacity:,} that can be contacted."
    return f"Within the {outcome.capacity:,} that can be contacted."
