"""Who of an audience may be drawn: each rule with its count before and after, and the customers who are left.

One SELECT decides about every customer of the audience; the counts on the plan page, the draw and the manifest all
read it, so they cannot disagree. A customer is counted under the first rule that applies.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from churn_core.campaigns.audience import NOT_SCORED, audience_sql
from churn_core.campaigns.exclusion_rules import (
    CALLS,
    EMAIL,
    IS_EMAIL,
    IS_PHONE,
    PHONE,
    RULES,
    SHARED_EMAIL,
    SHARED_PHONE,
    Finding,
)
from churn_core.campaigns.plan import Exclusions
from churn_core.campaigns.situation import OtherCampaign, Situation, situation_of
from churn_core.campaigns.store import Campaign
from churn_core.customers.selection import Condition
from churn_core.errors import NotEnoughData
from churn_core.warehouse import Transaction, Warehouse

__all__ = [
    "RULES",
    "Collision",
    "Eligibility",
    "Excluded",
    "collisions",
    "eligibility",
    "eligible_sql",
    "required_eligible",
]

BANDS: dict[str, str] = {"high": "top third", "middle": "middle third", "low": "bottom third"}
"""Thirds of the expected value of those who are left, with their words in a stratum."""
VALUE_UNKNOWN = "value not known"


@dataclass(frozen=True, kw_only=True)
class Excluded:
    """One rule and what it did."""

    rule: str
    """Key of RULES."""
    label: str
    n_excluded: int
    """Customers whom this rule left out and none before it."""
    n_left: int
    """Customers left after it."""
    is_on: bool = True
    """Whether the plan asks for it."""
    is_checked: bool = True
    """Whether the workspace holds something that it looks at; where not, nobody is left out."""
    is_warning: bool = False
    """Whether the note must be seen before the campaign is sent."""
    note: str = ""
    """Its parts with their numbers, and what to know about it; empty when there is nothing to say."""

    @property
    def n_before(self) -> int:
        """Customers before it."""
        return self.n_left + self.n_excluded


@dataclass(frozen=True, kw_only=True)
class Eligibility:
    """From the audience to those who may be drawn."""

    n_audience: int
    """Customers meant."""
    steps: tuple[Excluded, ...]
    """Every rule in its order, those switched off included; the numbers add up."""
    n_left: int
    """Customers who may be drawn."""

    @property
    def note(self) -> str:
        """Why nobody can be drawn, in one sentence; empty when somebody can."""
        if self.n_left:
            return ""
        if not self.n_audience:
            return "nobody is in the audience; widen the filter, or give a list with ids that this workspace knows."
        most = max(self.steps, key=lambda step: step.n_excluded)
        if most.rule == "holdout" and most.n_excluded == self.n_audience:
            return (
                f"all {self.n_audience:,} customers of the audience are in the global holdout, so nobody can be drawn; "
                "widen the audience."
            )
        return (
            f"nobody of the {self.n_audience:,} customers meant is left to draw, most of them by {most.label!r} "
            f"({most.n_excluded:,}); widen the audience or loosen the exclusions."
        )


@dataclass(frozen=True, kw_only=True)
class Collision:
    """Another campaign that is still open when this one starts, and whom both mean."""

    campaign_id: str
    name: str
    n_shared: int
    """Customers of this audience who are in one of its arms and whose window is not over."""


def eligibility(
    warehouse: Warehouse | Transaction, campaign: Campaign, *, joins_at: datetime | None = None
) -> Eligibility:
    """Count the audience and what each rule leaves of it.

    Everything is looked at as of the campaign's first day, for every weekly wave alike.

    Consent counts where it is known: customers who refused, whose entry is empty while others have one, or who
    unsubscribed from a channel of the campaign (whatever their entry says) are left out. Where the workspace knows
    nobody's consent, the rule cannot tell anybody from anybody: it leaves nobody out and warns, because most shops
    keep consent in their mailing tool, and an audience of nobody would only be answered by switching the rule off,
    the warning with it. A campaign of calls alone does not ask for consent to e-mail.

    Of several customers who share an e-mail address (or, with SMS or phone, a number) the one with the highest value
    at risk stays, then the highest expected value, then risk, then the smallest id; only those count whom no other
    rule left out.

    ``joins_at`` is the start of those who join a running campaign: who was drawn before is neither meant nor counted.
    NotEnoughData when the audience is a filter and nothing was scored yet.
    """
    situation = situation_of(warehouse, campaign, starts_at=joins_at)
    findings = _findings(campaign.plan.exclusions, situation)
    decided = _decided(warehouse, campaign, situation, findings, is_joining=joins_at is not None)
    rows = warehouse.rows(f"{decided.sql} SELECT code, count(*) FROM decided GROUP BY code", decided.parameters)
    counts: dict[str | None, int] = dict(rows)
    n_left = n_audience = sum(counts.values())
    steps = []
    for name, rule in RULES.items():
        finding = findings.get(name)
        by_part = {part.name: counts.get(f"{name}/{part.name}", 0) for part in finding.parts} if finding else {}
        n_excluded = sum(by_part.values())
        n_left -= n_excluded
        told = _parts_told(finding, by_part) if finding else ""
        steps.append(
            Excluded(
                rule=name,
                label=rule.label,
                n_excluded=n_excluded,
                n_left=n_left,
                is_on=finding is not None,
                is_checked=finding is None or finding.is_checked or n_excluded > 0,
                is_warning=finding is not None and finding.is_warning,
                note=" ".join(filter(None, (told, finding.note if finding else ""))),
            )
        )
    return Eligibility(n_audience=n_audience, steps=tuple(steps), n_left=n_left)


def required_eligible(
    warehouse: Warehouse | Transaction, campaign: Campaign, *, joins_at: datetime | None = None
) -> Eligibility:
    """The same as :func:`eligibility`; NotEnoughData in one sentence when nobody is left to draw."""
    found = eligibility(warehouse, campaign, joins_at=joins_at)
    if not found.n_left:
        raise NotEnoughData(found.note)
    return found


def eligible_sql(
    warehouse: Warehouse | Transaction, campaign: Campaign, *, joins_at: datetime | None = None
) -> Condition:
    """A SELECT of those who may be drawn, and its parameters.

    Columns: customer_id, tier, value_band, main_group, risk, expected_value, value_at_risk, stratum. ``value_band`` is
    high, middle or low by the thirds of expected value among those left (equal values fall into one band), empty
    where it is not known; the stratum is the tier with that third in words ("high · top third").
    """
    situation = situation_of(warehouse, campaign, starts_at=joins_at)
    findings = _findings(campaign.plan.exclusions, situation)
    decided = _decided(warehouse, campaign, situation, findings, is_joining=joins_at is not None)
    words = " ".join(f"WHEN '{band}' THEN '{told}'" for band, told in BANDS.items())
    return Condition(
        sql=f"{decided.sql}, eligible AS (SELECT * FROM decided WHERE code IS NULL), "
        "cuts AS (SELECT quantile_disc(expected_value, 1/3) AS third, quantile_disc(expected_value, 2/3) AS two_thirds "
        "FROM eligible WHERE isfinite(expected_value)), "
        "banded AS (SELECT eligible.*, CASE WHEN expected_value IS NULL OR NOT isfinite(expected_value) THEN NULL "
        "WHEN expected_value <= third THEN 'low' WHEN expected_value <= two_thirds THEN 'middle' ELSE 'high' END "
        "AS value_band FROM eligible CROSS JOIN cuts) "
        "SELECT customer_id, tier, value_band, main_group, risk, expected_value, value_at_risk, "
        f"coalesce(tier, '{NOT_SCORED}') || ' · ' || CASE value_band {words} ELSE '{VALUE_UNKNOWN}' END AS stratum "
        "FROM banded",
        parameters=decided.parameters,
    )


def collisions(warehouse: Warehouse | Transaction, campaign: Campaign) -> tuple[Collision, ...]:
    """Other campaigns still open at the start, with how many customers of this audience they hold; most first."""
    situation = situation_of(warehouse, campaign)
    audience = audience_sql(warehouse, campaign)
    found = dict(
        warehouse.rows(
            f"SELECT o.campaign_id, count(*) FROM assignments o JOIN ({audience.sql}) a USING (customer_id) "
            "JOIN (SELECT unnest($open_ids::VARCHAR[]) AS campaign_id, unnest($open_after::TIMESTAMP[]) AS after) r "
            "ON r.campaign_id = o.campaign_id WHERE o.starts_at > r.after GROUP BY o.campaign_id",
            audience.parameters
            | {
                "open_ids": [other.campaign_id for other in situation.others],
                "open_after": [other.open_after for other in situation.others],
            },
        )
    )
    shared = [_collision(other, found[other.campaign_id]) for other in situation.others if other.campaign_id in found]
    return tuple(sorted(shared, key=lambda entry: (-entry.n_shared, entry.campaign_id)))


def _collision(other: OtherCampaign, n_shared: int) -> Collision:
    return Collision(campaign_id=other.campaign_id, name=other.name, n_shared=n_shared)


def _findings(exclusions: Exclusions, situation: Situation) -> dict[str, Finding]:
    """What the rules that are switched on mean here, in order."""
    return {name: rule.look(situation) for name, rule in RULES.items() if getattr(exclusions, name)}


def _decided(
    warehouse: Warehouse | Transaction,
    campaign: Campaign,
    situation: Situation,
    findings: dict[str, Finding],
    *,
    is_joining: bool,
) -> Condition:
    """A WITH clause that ends in ``decided``: the audience with a ``code`` "rule/part", empty for those left."""
    audience = audience_sql(warehouse, campaign)
    parameters = dict(audience.parameters)
    whens, shared = [], []
    for name, finding in findings.items():
        for part in finding.parts:
            code = f"{name}/{part.name}"
            parameters |= part.parameters
            if part.sql:
                whens.append(f"WHEN {part.sql} THEN '{code}'")
            else:
                shared.append((part.name, code))
    case = f"CASE {' '.join(whens)} END" if whens else "CAST(NULL AS VARCHAR)"
    others = ""
    if is_joining:
        parameters["joined_campaign"] = campaign.campaign_id
        others = f"WHERE customer_id NOT IN ({_JOINED})"
    steps = [
        f"audience AS (SELECT * FROM ({audience.sql}) {others})",
        f"known AS (SELECT a.*, c.email_consent, CASE WHEN {IS_EMAIL} THEN {EMAIL} END AS {SHARED_EMAIL}, "
        f"{_phone(situation)} AS {SHARED_PHONE} "
        "FROM audience a LEFT JOIN customers c ON c.customer_id = a.customer_id)",
        f"judged AS MATERIALIZED (SELECT a.*, {case} AS code FROM known a)",
    ]
    last = "judged"
    for name, code in shared:
        steps += _unshared(last, name, code, is_joining=is_joining)
        last = f"after_{name}"
    return Condition(sql=f"WITH {', '.join(steps)}, decided AS (SELECT * FROM {last})", parameters=parameters)


def _phone(situation: Situation) -> str:
    """SQL of a usable telephone number, looked at only where one is needed."""
    return f"CASE WHEN {IS_PHONE} THEN {PHONE} END" if situation.channels & CALLS else "CAST(NULL AS VARCHAR)"


_JOINED = "SELECT customer_id FROM assignments WHERE campaign_id = $joined_campaign"
_BEST_FIRST = "value_at_risk DESC NULLS LAST, expected_value DESC NULLS LAST, risk DESC NULLS LAST, customer_id"


def _unshared(before: str, address: str, code: str, *, is_joining: bool) -> list[str]:
    """Steps that leave out all but one of those left who share an address; all of them where it was drawn before."""
    taken = "false"
    if is_joining:
        key, is_usable = (EMAIL, IS_EMAIL) if address == SHARED_EMAIL else (PHONE, IS_PHONE)
        taken = f"{address} IN (SELECT {key} FROM customers c WHERE c.customer_id IN ({_JOINED}) AND {is_usable})"
    return [
        f"places_{address} AS (SELECT customer_id, row_number() OVER (PARTITION BY {address} ORDER BY {_BEST_FIRST}) "
        f"AS place FROM {before} WHERE code IS NULL AND {address} IN (SELECT {address} FROM {before} "
        f"WHERE code IS NULL AND {address} IS NOT NULL GROUP BY {address} HAVING count(*) > 1))",
        f"after_{address} AS MATERIALIZED (SELECT * REPLACE (CASE WHEN code IS NOT NULL THEN code WHEN {taken} "
        f"OR customer_id IN (SELECT customer_id FROM places_{address} WHERE place > 1) THEN '{code}' END AS code) "
        f"FROM {before})",
    ]


def _parts_told(finding: Finding, by_part: dict[str, int]) -> str:
    """The parts of a rule that left somebody out, with their numbers, as a sentence."""
    told = [part.words.format(n=f"{by_part[part.name]:,}") for part in finding.parts if by_part[part.name]]
    return f"{', '.join(told)}." if told and len(finding.parts) > 1 else ""
