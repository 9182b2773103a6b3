"""Who must not be in a campaign, rule by rule: name, words, and SQL over the audience.

A rule is a list of parts, each a condition on one customer ``a`` of the audience, with consent and usable addresses
from ``customers``; counting and drawing (:mod:`churn_core.campaigns.exclusions`) read the same parts. Where
the workspace holds nothing that a rule could look at, it says so and leaves nobody out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from churn_core.campaigns.situation import Situation, day

MESSAGES = frozenset({"email", "sms", "push"})
"""Channels of written messages, which take consent."""
CALLS = frozenset({"sms", "phone"})
"""Channels that take a telephone number."""

EMAIL = "lower(trim(c.email))"
"""SQL of an e-mail address as it is compared: without blanks around it, in lower case."""
IS_EMAIL = (
    f"regexp_full_match({EMAIL}, '[^\\s@,;:<>()\"\\[\\]]{{1,64}}@([\\p{{L}}0-9]([\\p{{L}}0-9-]*[\\p{{L}}0-9])?[.])+"
    "[\\p{L}][\\p{L}0-9-]*[\\p{L}0-9]')"
)
_DIGITS = "translate(c.phone, '+ ()./-\u00a0\u202f', '')"
PHONE = f"CASE WHEN starts_with({_DIGITS}, '00') THEN substr({_DIGITS}, 3) ELSE {_DIGITS} END"
"""SQL of a telephone number as it is compared: digits alone, the prefix of foreign numbers left away."""
IS_PHONE = (
    "(regexp_full_match(c.phone, '\\s*[+]?[0-9 ()./\u00a0\u202f-]+') "
    f"AND regexp_full_match({_DIGITS}, '[0-9]{{6,17}}') AND NOT regexp_full_match({_DIGITS}, '"
    + "|".join(f"{digit}+" for digit in range(10))
    + "'))"
)
"""SQL: whether somebody could dial it: a number of a usual length whose digits are not all the same."""

SHARED_EMAIL = "shared_email"
SHARED_PHONE = "shared_phone"
"""Parts of the last rule that are found by comparing customers with each other, after everybody else was left out."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One way in which a rule is about a customer."""

    name: str
    """Short name within the rule."""
    words: str
    """What is said of the number of customers: ``{n} ...``."""
    sql: str = ""
    """Condition on ``a``; empty where it is found by comparing customers."""
    parameters: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A rule in one situation."""

    parts: tuple[Part, ...] = ()
    """In this order; the first that is about a customer counts. Empty where nothing can be checked."""
    note: str = ""
    """What somebody should know about it, in whole sentences."""
    is_checked: bool = True
    """Whether the workspace holds what the rule looks at."""
    is_warning: bool = False
    """Whether the note must be seen before the campaign is sent."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One reason to leave customers out."""

    name: str
    """Name of its field in the plan's exclusions."""
    label: str
    """As it is shown."""
    words: str
    """Whom it leaves out, in one sentence; ``{days}`` stands for the days of the plan."""
    look: Callable[[Situation], Finding]
    """What it means in a campaign's situation."""


def _manual(situation: Situation) -> Finding:
    return Finding(
        parts=(
            Part(
                name="listed",
                words="{n} on the campaign's own list",
                sql="a.customer_id IN (SELECT customer_id FROM campaign_lists "
                "WHERE campaign_id = $own_campaign AND kind = 'exclude')",
                parameters={"own_campaign": situation.campaign_id},
            ),
        )
    )


def _holdout(situation: Situation) -> Finding:
    if situation.held_out is None:
        return Finding(note="No holdout is in force.")
    sql, parameters = situation.held_out
    return Finding(
        parts=(Part(name="held_out", words="{n} held out of all campaigns", sql=sql, parameters=parameters),),
        note="The planned reshuffle of the holdout is due; it happens when you ask for it." if situation.is_due else "",
    )


def _other_campaign(situation: Situation) -> Finding:
    return Finding(
        parts=(
            Part(
                name="drawn",
                words="{n} in an arm of another campaign",
                sql="a.customer_id IN (SELECT o.customer_id FROM assignments o JOIN "
                "(SELECT unnest($open_ids::VARCHAR[]) AS campaign_id, unnest($open_after::TIMESTAMP[]) AS after) r "
                "ON r.campaign_id = o.campaign_id WHERE o.starts_at > r.after)",
                parameters={
                    "open_ids": [other.campaign_id for other in situation.others],
                    "open_after": [other.open_after for other in situation.others],
                },
            ),
        )
        if situation.others
        else (),
        note="" if situation.others else "No other campaign is running.",
    )


def _no_consent(situation: Situation) -> Finding:
    """See :func:`churn_core.campaigns.exclusions.eligibility` for what happens where consent is not known."""
    stopped = Part(
        name="unsubscribed",
        words="{n} unsubscribed",
        sql="a.customer_id IN (SELECT customer_id FROM contacts WHERE lower(trim(kind)) = 'unsubscribed' "
        "AND contact_time < $first_contact "
        "AND NOT list_contains($other_channels::VARCHAR[], lower(trim(coalesce(channel, '')))))",
        parameters={"first_contact": situation.starts_at, "other_channels": situation.other_channels},
    )
    parts = (stopped,) if situation.has_contacts else ()
    if not situation.channels & MESSAGES:
        return Finding(
            parts=parts,
            note="Calls only: consent to e-mail says nothing about calls, so it is not asked for. Make sure that "
            "these customers may be called, and put those who refused on the list of customers to leave out.",
        )
    if not situation.has_consent:
        return Finding(
            parts=parts,
            is_checked=False,
            is_warning=True,
            note="Consent is not known for anybody in this workspace, so nobody could be left out for it. Messages "
            "without consent are unlawful in many countries: import customers with a column for consent, or hold the "
            "whole audience against your mailing tool and list those without consent here before the draw. Taking "
            "them out later, from one arm only, would spoil the comparison.",
        )
    asked = (
        Part(name="refused", words="{n} do not allow messages", sql="a.email_consent IS FALSE"),
        Part(name="unknown", words="{n} whose consent is not known", sql="a.email_consent IS NULL"),
    )
    return Finding(parts=(*asked, *parts))


def _contacted(situation: Situation) -> Finding:
    times: dict[str, object] = {"first_contact": situation.starts_at, "contacted_since": situation.contacted_since}
    messages = Part(
        name="sent",
        words="{n} were sent a message",
        sql="a.customer_id IN (SELECT customer_id FROM contacts WHERE lower(trim(kind)) = 'sent' "
        "AND contact_time >= $contacted_since AND contact_time < $first_contact)",
        parameters=times,
    )
    treated = Part(
        name="treated",
        words="{n} contacted in another campaign",
        sql="a.customer_id IN (SELECT o.customer_id FROM assignments o JOIN "
        "(SELECT unnest($sent_ids::VARCHAR[]) AS campaign_id, unnest($sent_controls::VARCHAR[]) AS control) r "
        "ON r.campaign_id = o.campaign_id WHERE o.arm <> r.control "
        "AND o.starts_at >= $contacted_since AND o.starts_at < $first_contact)",
        parameters=times
        | {
            "sent_ids": [sent.campaign_id for sent in situation.sent],
            "sent_controls": [sent.control for sent in situation.sent],
        },
    )
    parts = ((messages,) if situation.has_sent else ()) + ((treated,) if situation.sent else ())
    if not situation.has_sent:
        return Finding(
            parts=parts,
            is_checked=bool(parts),
            note="No sent messages were imported, so only campaigns of this workspace could be looked at.",
        )
    last = situation.last_sent
    if last is not None and last < situation.contacted_since:
        return Finding(
            parts=parts,
            note=f"The last message known was sent on {day(last)}, before the days that are looked at; if there were "
            "later ones, import them first.",
        )
    return Finding(parts=parts)


def _open_complaint(situation: Situation) -> Finding:
    if not situation.has_tickets:
        return Finding(is_checked=False, note="No requests to customer service were imported, so none could be open.")
    if not situation.has_settled:
        return Finding(
            is_checked=False,
            is_warning=True,
            note="No request to customer service says when it was settled, so open ones cannot be told from settled "
            "ones and nobody was left out; import them with the time of settling.",
        )
    return Finding(
        parts=(
            Part(
                name="open",
                words="{n} with an open request",
                sql="a.customer_id IN (SELECT customer_id FROM tickets WHERE opened_at < $first_contact "
                "AND (resolved_at IS NULL OR resolved_at >= $first_contact))",
                parameters={"first_contact": situation.starts_at},
            ),
        )
    )


def _invalid_contact(situation: Situation) -> Finding:
    parts: list[Part] = []
    missing: list[str] = []
    if "email" in situation.channels:
        if situation.has_email:
            parts.append(
                Part(name="email", words="{n} without a usable e-mail address", sql=f"a.{SHARED_EMAIL} IS NULL")
            )
        else:
            missing.append("e-mail address")
    if situation.channels & CALLS:
        if situation.has_phone:
            parts.append(Part(name="phone", words="{n} without a usable phone number", sql=f"a.{SHARED_PHONE} IS NULL"))
        else:
            missing.append("telephone number")
    keeps = "with a customer of more value at risk, who stays"
    if situation.has_email:
        parts.append(Part(name=SHARED_EMAIL, words=f"{{n}} sharing an e-mail address {keeps}"))
    if situation.has_phone and situation.channels & CALLS:
        parts.append(Part(name=SHARED_PHONE, words=f"{{n}} sharing a phone number {keeps}"))
    told = [
        f"The workspace holds no {name}, so nobody could be left out for it; check it where the list is used."
        for name in missing
    ]
    if situation.channels == {"push"}:
        told.append("Who can be reached in the app is not known here; check it where the list is used.")
    if situation.is_assumed:
        told.append("No arm says yet how it reaches customers; e-mail is assumed.")
    return Finding(parts=tuple(parts), is_checked=not missing, is_warning=bool(missing), note=" ".join(told))


RULES: dict[str, Rule] = {
    rule.name: rule
    for rule in (
        Rule(
            name="manual",
            label="Own list",
            words="Customers on the campaign's own list of ids to leave out.",
            look=_manual,
        ),
        Rule(
            name="holdout",
            label="Global holdout",
            words="Customers kept out of all campaigns, so that the whole programme can be measured.",
            look=_holdout,
        ),
        Rule(
            name="other_campaign",
            label="In another running campaign",
            words="Customers in an arm of another campaign, its control included, whose outcome window is not over "
            "when this campaign starts.",
            look=_other_campaign,
        ),
        Rule(
            name="no_consent",
            label="No consent",
            words="Customers who do not allow messages, whose consent is not known, or who unsubscribed from the "
            "channel used.",
            look=_no_consent,
        ),
        Rule(
            name="contacted_days",
            label="Contacted recently",
            words="Customers who were sent a message, or contacted in another campaign, within {days} days before "
            "the start.",
            look=_contacted,
        ),
        Rule(
            name="open_complaint",
            label="Open complaint",
            words="Customers with a request to customer service that is not settled when the campaign starts.",
            look=_open_complaint,
        ),
        Rule(
            name="invalid_contact",
            label="Cannot be reached",
            words="Customers without a usable address for every channel used; of several who share one, only the "
            "customer with the most value at risk stays, so that nobody gets two arms.",
            look=_invalid_contact,
        ),
    )
}
"""Every rule by name, in the order in which customers are left out."""
