"""What next: one plain step from person to person, by the rule that named a customer or the family of the main reason.

Not an offer: what could be offered to many is in the playbook of campaigns. A step says what somebody does today for
one customer, on the telephone or in a message of their own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from churn_core.models.families import ATTRIBUTE_GROUP


@dataclass(frozen=True, kw_only=True)
class Step:
    """What to do next for one customer."""

    name: str
    families: tuple[str, ...]
    """Families of main reasons that it answers."""
    text: str
    """What to do, in one or two sentences."""


ANSWER = "answer"
LISTEN = "listen"
SETTLED = "settled"
ASK = "ask"

STEPS: dict[str, Step] = {
    step.name: step
    for step in (
        Step(
            name=ANSWER,
            families=("tickets",),
            text="Answer the open request first, or find out who has it and by when. Then call and tell the customer "
            "what happens next.",
        ),
        Step(
            name=LISTEN,
            families=("ratings",),
            text="Read the rating, call, and ask what went wrong. Put it right before anything is offered.",
        ),
        Step(
            name=SETTLED,
            families=(),
            text="Find out how their request ended. Call, and ask whether it was settled well.",
        ),
        Step(
            name="returned",
            families=("returns",),
            text="Look at what came back and why. Call, ask whether it was settled well, and help to find what fits.",
        ),
        Step(
            name="silent",
            families=("silence", "recency", "rhythm"),
            text="Look at what they usually buy and when they last did. Call or write yourself: ask whether something "
            "is missing, and offer to prepare the usual order.",
        ),
        Step(
            name="less",
            families=("frequency", "trends", "season"),
            text="Ask what has changed: another need, another supplier, or something that annoyed them. Note the "
            "answer, so that the next person knows.",
        ),
        Step(
            name="smaller",
            families=("basket", "spend", "breadth"),
            text="Compare the last orders with the earlier ones and see what is no longer bought. Ask about exactly "
            "that.",
        ),
        Step(
            name="price",
            families=("discounts",),
            text="They watch the price. Check whether their last orders were right, and explain what they may have "
            "missed before you speak of discounts.",
        ),
        Step(
            name="looking",
            families=("browsing", "carts"),
            text="See what they looked at last and did not buy. Ask whether a question stayed open, and answer it.",
        ),
        Step(
            name="unread",
            families=("email",),
            text="They no longer read your e-mails. Call instead, and ask how they would like to hear from you.",
        ),
        Step(
            name="young",
            families=("tenure",),
            text="They do not know you well yet. Call, ask how the first orders went, and say whom to turn to.",
        ),
        Step(
            name=ASK,
            families=("unusual", ATTRIBUTE_GROUP),
            text="Look at the reasons on the customer's page, call, and ask how things are going and what is missing.",
        ),
    )
}
"""Every step by name; the last one answers all reasons that no other does."""


def next_step(rules: Iterable[str], family: str | None, *, waits: bool = False, rated: bool = False) -> str:
    """What to do next for a customer; ``waits`` says whether a request is open, ``rated`` whether a rating was low.

    A request that is open comes first, then a bad rating, then what raises the risk, then the silence.

    >>> next_step(["unhappy"], "spend", waits=True).split(",")[0]
    'Answer the open request first'
    >>> next_step(["late"], None).split(" and ")[0]
    'Look at what they usually buy'
    """
    named = tuple(rules)
    if "unhappy" in named:
        return STEPS[ANSWER if waits else LISTEN if rated else SETTLED].text
    if family is None:
        return STEPS["silent" if "late" in named else ASK].text
    return step_of(family).text


def step_of(family: str) -> Step:
    """The step that answers a family of reasons.

    >>> step_of("basket").name, step_of("attribute:plan").name
    ('smaller', 'ask')
    """
    return next((step for step in STEPS.values() if family in step.families), STEPS[ASK])
