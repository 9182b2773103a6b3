"""What the Proof page says beside its figures: what a replay was, what is waited for, what is counted and what not."""

from __future__ import annotations

from datetime import timedelta

from churn_core.customers.proof import Proof
from churn_core.figures.theme import count, counted, day, percent
from churn_core.models.outcomes import LeadTimes
from ui.errors import plain
from ui.model_results import estimator_label

ONE_DAY = timedelta(days=1)
"""From the instant at which an outcome is known, a midnight, to the last day of orders that it needs."""


def lead_words(leads: LeadTimes) -> str:
    """Who was warned within the mean of the own gaps, and who never was."""
    never = f"{percent(leads.never.happened)} of {counted(leads.n, 'customer')} who left were never warned in time."
    if not leads.n_with_rhythm:
        return f"None of them had three order days, so nobody has a mean gap of their own. {never}"
    return (
        f"{percent(leads.within_gap.happened)} were warned within their own mean gap, before they were late at all "
        f"(of {count(leads.n_with_rhythm)} with at least three order days). {never}"
    )


def lead_basis(leads: LeadTimes) -> str:
    """Of whom lead times are told, and how fine they can be."""
    return (
        f"Customers who ordered last from {day(leads.since)} on and before {day(leads.until)}, and then left. A "
        f"warning counts within {leads.follow_up_days} days; after {leads.span_days} days silence itself proves it. "
        f"Customers were scored about every {leads.step_days:.0f} days and no warning can come in between, which "
        f"makes warnings look up to {leads.step_days:.0f} days later than with scoring every day."
    )


def replayed_words(found: Proof) -> str:
    """What the last replay was."""
    assert found.replay is not None
    made = found.replay
    who = f"a sample of {counted(made.n_customers, 'customer')}" if made.n_customers else "everybody"
    model = f"{plain(estimator_label(made.estimator))} as in model {made.model_version}"
    return f"{counted(len(made.cutoffs), 'past day')}, {who} scored on each by {model}"


def waiting_words(found: Proof) -> str:
    """When the first lived proof will be there."""
    assert found.lived is not None
    if found.lived.next_known_at is None:
        return "Lived: no scoring waits for its outcome; score customers, and they are judged when the horizon ends."
    return (
        f"Lived: {counted(found.lived.n_open, 'scoring')} so far, the outcome of none is known yet. The first will be "
        f"judged once orders reach until {day(found.lived.next_known_at - ONE_DAY)}."
    )


def notes_on(found: Proof) -> list[str]:
    """What is counted how, and what is left out."""
    notes = []
    if found.replay:
        sample = found.replay.n_customers
        notes.append(
            "the kind of model with its settings and the rule of the tiers are those of the day of the replay, chosen "
            "with all that was known then; everything the model learned is of the day it scored"
        )
        notes.append(f"the rule of the replay: {found.replay.tiers_by}")
        notes += [f"replayed on {count(sample)} customers, the same on every day"] if sample else []
    if found.lived:
        lived = found.lived
        several = f"{counted(lived.n_superseded, 'scoring')} of a day that was scored again"
        notes += [f"{several}: the last of that day counts"] if lived.n_superseded else []
        hindsight = counted(lived.n_hindsight, "scoring")
        notes += (
            [f"{hindsight} left out: the model had already learned what happened next"] if lived.n_hindsight else []
        )
        left_out = counted(lived.n_left_out, "further scoring")
        notes += [f"{left_out} not shown: of many, the last of each week and the newest"] if lived.n_left_out else []
        if any(outcome.kind == "replayed" for outcome in lived.cutoffs):
            notes.append("a scoring that was dated back counts as replayed: nobody was warned that day")
        n_gone = sum(outcome.n_gone for outcome in lived.cutoffs)
        if n_gone:
            notes.append(
                f"{counted(n_gone, 'score')} cannot be judged: since a correction, no order stands before its day"
            )
    notes.append("customers imported after a scoring were not scored in it and are not judged by it")
    return notes


def together(words: tuple[str, ...]) -> str:
    """Several clauses as one.

    >>> together(("a", "b", "c"))
    'a, b and c'
    """
    return " and ".join((", ".join(words[:-1]), words[-1])) if len(words) > 1 else words[0]
