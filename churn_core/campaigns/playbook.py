"""What could be offered to an audience, from what raises its risk: each suggestion is an arm that can be edited.

A suggestion is a place to start, not a finding: whether an offer works for these customers is what the campaign is
there to tell. Costs are 0 because only the shop knows them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from churn_core.campaigns.audience import audience_sql
from churn_core.campaigns.plan import N_NAME_MOST, Arm, Plan
from churn_core.campaigns.store import Campaign
from churn_core.customers.profile import feature_label
from churn_core.models.families import family_label
from churn_core.warehouse import Transaction, Warehouse

ALL_OTHERS = "other"
"""Play for customers whose main reason no other play answers."""
LONE_SHARE = 0.8
"""Share of a suggested arm where the arms there are leave nothing."""


@dataclass(frozen=True, kw_only=True)
class Play:
    """An answer to a kind of reason."""

    name: str
    label: str
    """What is the matter, as a heading."""
    groups: tuple[str, ...]
    """Main groups of reasons that it answers, as stored with the scores."""
    action: str
    """Key of ACTIONS."""
    channel: str
    """Key of CHANNELS."""
    text: str
    """What the customer is told or offered, to be edited."""
    because: str
    """Why this offer, in one sentence."""


PLAYS: dict[str, Play] = {
    play.name: play
    for play in (
        Play(
            name="low_frequency",
            label="They order less often",
            groups=("frequency", "season"),
            action="coupon",
            channel="email",
            text="10 % off your next order within 14 days",
            because="A coupon that ends soon is a reason to order now.",
        ),
        Play(
            name="small_baskets",
            label="They buy little at a time, or only with a discount",
            groups=("basket", "spend", "discounts"),
            action="threshold",
            channel="email",
            text="Free delivery from a basket a little above your usual one",
            because="An offer from a basket size asks for a larger basket instead of giving money for the usual one.",
        ),
        Play(
            name="little_browsing",
            label="They hardly look around",
            groups=("browsing", "carts", "breadth"),
            action="recommendation",
            channel="email",
            text="Picked for you: what goes with what you bought",
            because="Who does not look at the shop has to be shown something of their own interest.",
        ),
        Play(
            name="unanswered_ticket",
            label="They wait for customer service, or sent something back",
            groups=("tickets", "returns"),
            action="call",
            channel="phone",
            text="Ask what went wrong, settle it, and offer help with the next order",
            because="An offer before an answer is taken badly; a person who listens comes first.",
        ),
        Play(
            name="few_reviews",
            label="They say little about what they bought, or rate it low",
            groups=("ratings",),
            action="invitation",
            channel="email",
            text="How do you like what you bought? Tell us in two minutes",
            because="Being asked brings customers back to the shop and shows what was wrong.",
        ),
        Play(
            name="low_activity",
            label="They have gone quiet",
            groups=("silence", "recency", "rhythm", "trends", "email", "tenure"),
            action="membership",
            channel="email",
            text="Three months of member benefits, from your next order on",
            because="A benefit that lasts gives a reason to come back more than once.",
        ),
        Play(
            name=ALL_OTHERS,
            label="Something of their own",
            groups=(),
            action="survey",
            channel="email",
            text="What would make you stay? Three questions, one minute",
            because="Where the numbers do not say what to offer, asking does.",
        ),
    )
}
"""Every play by name; the last answers all reasons that no other one does."""


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """One treatment that the audience suggests."""

    group: str
    """Key of PLAYS."""
    label: str
    """What is the matter."""
    n_customers: int
    """Customers of the audience whose main reason it answers."""
    share_of_audience: float
    """The same as a share of the whole audience."""
    arm: Arm
    """The treatment, to be edited: costs are 0, the share is what the arms of the plan leave."""
    why: str
    """How many customers, which reason stands out, and why this offer."""


def suggestions(warehouse: Warehouse | Transaction, campaign: Campaign) -> tuple[Suggestion, ...]:
    """Treatments for the main reasons of the audience, the reason of most customers first; none for an empty one.

    Customers without a main reason (not scored, or nothing raises their risk) suggest nothing. NotEnoughData when the
    audience is a filter and nothing was scored yet.
    """
    audience = audience_sql(warehouse, campaign)
    rows = warehouse.rows(
        f"SELECT main_group, main_reason, count(*) AS n FROM ({audience.sql}) GROUP BY ALL ORDER BY n DESC, 1, 2",
        audience.parameters,
    )
    n_audience = sum(n for _, _, n in rows)
    reasons: dict[str, list[tuple[str, str, int]]] = {}
    for group, reason, n in rows:
        if group:
            reasons.setdefault(play_of(group), []).append((group, reason or "", n))
    made = [_suggestion(PLAYS[name], found, n_audience, campaign.plan) for name, found in reasons.items()]
    return tuple(sorted(made, key=lambda entry: (-entry.n_customers, entry.group)))


def play_of(group: str) -> str:
    """The play that answers a main group.

    >>> play_of("basket"), play_of("attribute")
    ('small_baskets', 'other')
    """
    return next((name for name, play in PLAYS.items() if group in play.groups), ALL_OTHERS)


def _suggestion(play: Play, found: Sequence[tuple[str, str, int]], n_audience: int, plan: Plan) -> Suggestion:
    n_customers = sum(n for _, _, n in found)
    return Suggestion(
        group=play.name,
        label=play.label,
        n_customers=n_customers,
        share_of_audience=n_customers / n_audience,
        arm=Arm(
            name=_free_name(play.action, plan),
            share=_free_share(plan),
            action=play.action,
            channel=play.channel,
            text=play.text,
        ),
        why=_why(play, found, n_customers, plan),
    )


def _why(play: Play, found: Sequence[tuple[str, str, int]], n_customers: int, plan: Plan) -> str:
    by_words: dict[str, int] = {}
    for group, reason, n in found:
        words = _reason_words(group, reason)
        by_words[words] = by_words.get(words, 0) + n
    most = max(by_words, key=lambda words: (by_words[words], words))
    customers = "customer" if n_customers == 1 else "customers"
    told = [f"{n_customers:,} {customers}; first among their reasons: {most} ({by_words[most]:,}).", play.because]
    if play.name == "unanswered_ticket" and plan.exclusions.open_complaint:
        told.append("The exclusions leave out whoever still waits; switch 'Open complaint' off to call them.")
    return " ".join(told)


def _reason_words(group: str, reason: str) -> str:
    """A main reason as lists call it: the feature's label, else its family in words."""
    return feature_label(reason) if reason else family_label(group)


def _free_name(action: str, plan: Plan) -> str:
    taken = {arm.name.casefold() for arm in plan.arms}
    tried = [action, *(f"{action} {number}" for number in range(2, len(taken) + 3))]
    return next(name for name in tried if name.casefold() not in taken)[:N_NAME_MOST]


def _free_share(plan: Plan) -> float:
    left = round(1 - sum(arm.share for arm in plan.arms), 6)
    return left if left > 0 else LONE_SHARE
