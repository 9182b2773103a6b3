"""Who may be drawn: each rule against a plain loop over the same rows, and what happens where nothing is known."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta

import pytest

from churn_core.campaigns.assignment import bucket
from churn_core.campaigns.audience import give_list
from churn_core.campaigns.exclusions import (
    RULES,
    Eligibility,
    Excluded,
    collisions,
    eligibility,
    eligible_sql,
    required_eligible,
)
from churn_core.campaigns.holdout import current_holdout, refresh_holdout, start_holdout
from churn_core.campaigns.plan import Arm, Exclusions, Goal, Plan
from churn_core.campaigns.store import Campaign, create_draft
from churn_core.errors import NotEnoughData
from churn_core.warehouse import Warehouse

from ..customers.conftest import add_run

Row = dict[str, object]
Put = Callable[..., None]

START = datetime(2026, 11, 10)
NOTHING = Exclusions(
    manual=False, holdout=False, other_campaign=False, no_consent=False, contacted_days=None, open_complaint=False,
    invalid_contact=False,
)  # fmt: skip
CONTROL = Arm(name="control", share=0.5)


def arms(*channels: str) -> tuple[Arm, ...]:
    return CONTROL, *(Arm(name=f"by {name}", share=0.5, action="coupon", channel=name) for name in channels)


def draft(warehouse: Warehouse, exclusions: Exclusions = NOTHING, *channels: str, **plan: object) -> Campaign:
    made = Plan(name="Autumn", exclusions=exclusions, arms=arms(*(channels or ("email",))), starts_on=START.date())
    return create_draft(warehouse, replace(made, **plan))  # type: ignore[arg-type]


def only(rule: str) -> Exclusions:
    return replace(NOTHING, **{rule: 14 if rule == "contacted_days" else True})


def step_of(found: Eligibility, rule: str) -> Excluded:
    return next(step for step in found.steps if step.rule == rule)


def left(warehouse: Warehouse, campaign: Campaign, **when: datetime) -> dict[str, Row]:
    asked = eligible_sql(warehouse, campaign, **when)
    rows = warehouse.records(f"SELECT * FROM ({asked.sql})", asked.parameters)
    assert len({row["customer_id"] for row in rows}) == len(rows)
    return {row["customer_id"]: row for row in rows}


def people(warehouse: Warehouse, put: Put, risks: dict[str, float], **columns: dict[str, object]) -> None:
    """Scored customers; further columns of the customers table by customer."""
    add_run(warehouse, risks)
    put(
        warehouse,
        "customers",
        [
            {"customer_id": customer} | {name: values.get(customer) for name, values in columns.items()}
            for customer in risks
        ],
    )


# --- the plain loop ---------------------------------------------------------------------------------------------


@dataclass
class World:
    """A small shop as plain rows."""

    customers: dict[str, Row]
    contacts: list[Row]
    tickets: list[Row]
    listed: set[str]
    others: list[tuple[Plan, str, list[Row]]]


OTHER_PLAN = Plan(
    name="Summer", goal=Goal(window_days=30, smallest_effect=0.1), arms=arms("email"), starts_on=START.date()
)


def a_world(seed: int, n: int = 160) -> World:
    draw = random.Random(seed)
    ids = [f"c{nr}" for nr in range(n - 3)] + ["it's", '"; --', "客户"]

    def at(days: int) -> datetime:
        return START + timedelta(hours=draw.randint(-24 * days, 48))

    emails = ["", " ", "no-at", "a@b", "x@y.z1", None, *(f"P{nr}@Example.org " for nr in range(n))]
    phones = ["", "none", "12", "0000000", None, *(f"+44 20 {nr:06d}" for nr in range(60)), "0044 20 000007"]
    customers = {
        customer: {
            "email": draw.choice(emails),
            "phone": draw.choice(phones),
            "email_consent": draw.choice([True, True, True, False, None]),
            "risk": round(draw.uniform(0.05, 0.95), 3),
            "value": draw.choice([None, 10.0, 20.0, round(draw.uniform(1, 300), 2)]),
        }
        for customer in ids
    }
    contacts = [
        {
            "customer_id": draw.choice(ids),
            "contact_time": at(40),
            "kind": draw.choice(["sent", "Sent ", "opened", "unsubscribed", "delivered"]),
            "channel": draw.choice(["email", "Phone", "sms", None, "letter"]),
        }
        for _ in range(n // 2)
    ]
    tickets = [
        {"customer_id": draw.choice(ids), "opened_at": at(40), "resolved_at": draw.choice([None, at(20), at(20)])}
        for _ in range(n // 4)
    ]
    others = []
    for nr, status in enumerate(["locked", "decided", "cancelled"]):
        drawn = [
            {"customer_id": customer, "arm": draw.choice(["control", "by email"]), "starts_at": at(45)}
            for customer in draw.sample(ids, n // 8)
        ]
        others.append((replace(OTHER_PLAN, name=f"Summer {nr}"), status, drawn))
    return World(
        customers=customers, contacts=contacts, tickets=tickets, listed=set(draw.sample(ids, n // 10)), others=others
    )


def store(warehouse: Warehouse, world: World, put: Put, made_campaign: Callable[..., Campaign]) -> None:
    add_run(
        warehouse,
        {customer: row["risk"] for customer, row in world.customers.items()},  # type: ignore[misc]
        values={customer: row["value"] for customer, row in world.customers.items()},  # type: ignore[misc]
    )
    columns = ("email", "phone", "email_consent")
    put(
        warehouse,
        "customers",
        [
            {"customer_id": customer} | {name: row[name] for name in columns}
            for customer, row in world.customers.items()
        ],
    )
    put(warehouse, "contacts", [{"contact_id": str(nr)} | row for nr, row in enumerate(world.contacts)])
    put(warehouse, "tickets", [{"ticket_id": str(nr)} | row for nr, row in enumerate(world.tickets)])
    for nr, (plan, status, drawn) in enumerate(world.others):
        made_campaign(warehouse, plan, assigned=drawn, campaign_id=f"camp-{nr}", status=status)


def usable_email(text: object) -> str | None:
    clean = str(text or "").strip().lower()
    name, _, domain = clean.partition("@")
    parts = domain.split(".")
    is_fine = (
        name and "@" not in domain and len(parts) > 1 and all(parts) and re.fullmatch("[a-z][a-z0-9-]*", parts[-1])
    )
    return clean if is_fine and len(parts[-1]) > 1 else None


def usable_phone(text: object) -> str | None:
    digits = re.sub(r"[ +()./-]", "", str(text or ""))
    if not re.fullmatch("[0-9]{6,17}", digits) or len(set(digits)) == 1:
        return None
    return digits[2:] if digits.startswith("00") else digits


def by_loop(world: World, asked: Exclusions, channels: set[str], held_out: set[str]) -> dict[str, str | None]:
    """The rule under which every customer is left out, one after the other; None for those left."""
    recent = START - timedelta(days=asked.contacted_days or 0)
    sent, stopped, running, treated = set(), set(), set(), set()
    for row in world.contacts:
        kind, when = str(row["kind"]).strip().lower(), row["contact_time"]
        others = {"email", "sms", "push", "phone"} - channels
        if kind == "sent" and recent <= when < START:  # type: ignore[operator]
            sent.add(row["customer_id"])
        if kind == "unsubscribed" and when < START and str(row["channel"] or "").lower() not in others:  # type: ignore[operator]
            stopped.add(row["customer_id"])
    for plan, status, drawn in world.others:
        for row in drawn:
            started = row["starts_at"]
            assert isinstance(started, datetime)
            if status != "cancelled" and started + timedelta(days=plan.goal.window_days) > START:
                running.add(row["customer_id"])
            if status != "cancelled" and row["arm"] != "control" and recent <= started < START:
                treated.add(row["customer_id"])
    waiting = {
        row["customer_id"]
        for row in world.tickets
        if row["opened_at"] < START and (row["resolved_at"] is None or row["resolved_at"] >= START)  # type: ignore[operator]
    }
    found: dict[str, str | None] = {}
    for customer, row in world.customers.items():
        needs_email, needs_phone = "email" in channels, bool(channels & {"sms", "phone"})
        refuses = bool(channels - {"phone"}) and row["email_consent"] is not True
        unreachable = (needs_email and usable_email(row["email"]) is None) or (
            needs_phone and usable_phone(row["phone"]) is None
        )
        applies = {
            "manual": customer in world.listed,
            "holdout": customer in held_out,
            "other_campaign": customer in running,
            "no_consent": refuses or customer in stopped,
            "contacted_days": customer in sent | treated,
            "open_complaint": customer in waiting,
            "invalid_contact": unreachable,
        }
        found[customer] = next((name for name in RULES if applies[name] and getattr(asked, name)), None)
    if asked.invalid_contact:
        addresses = [("email", usable_email)] + [("phone", usable_phone)] * bool(channels & {"sms", "phone"})
        for column, usable in addresses:
            seen: set[str] = set()
            for customer in sorted((name for name, rule in found.items() if rule is None), key=worth(world)):
                address = usable(world.customers[customer][column])
                if address in seen:
                    found[customer] = "invalid_contact"
                elif address is not None:
                    seen.add(address)
    return found


def worth(world: World) -> Callable[[str], tuple[object, ...]]:
    """Orders customers by value at risk, expected value, risk and id, unknown values last."""

    def key(customer: str) -> tuple[object, ...]:
        row = world.customers[customer]
        value, risk = row["value"], row["risk"]
        assert isinstance(risk, float)
        if value is None:
            return (1, 0.0, 0.0, -risk, customer)
        assert isinstance(value, float)
        return (0, -value * risk, -value, -risk, customer)

    return key


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("channels", [("email",), ("email", "sms"), ("phone",), ("push",)], ids=" and ".join)
def test_rules_leave_out_whom_a_plain_loop_leaves_out(
    warehouse: Warehouse, put: Put, made_campaign: Callable[..., Campaign], seed: int, channels: tuple[str, ...]
) -> None:
    world = a_world(seed)
    store(warehouse, world, put, made_campaign)
    start_holdout(warehouse, 0.1)
    switched = random.Random(100 + seed)
    asked = Exclusions(**{name: switched.random() < 0.8 for name in RULES if name != "contacted_days"})  # type: ignore[arg-type]
    asked = replace(asked, contacted_days=switched.choice([None, 14, 30]))
    campaign = draft(warehouse, asked, *channels)
    give_list(warehouse, campaign.campaign_id, "exclude", world.listed | {"stranger"})
    held_out = {customer for customer in world.customers if bucket("holdout-1", customer) < 0.1}

    expected = by_loop(world, asked, set(channels), held_out)
    found = eligibility(warehouse, campaign)
    counts = Counter(expected.values())
    assert {step.rule: step.n_excluded for step in found.steps} == {name: counts[name] for name in RULES}
    assert left(warehouse, campaign).keys() == {customer for customer, rule in expected.items() if rule is None}

    assert found.n_audience == len(world.customers)
    before = found.n_audience
    for step in found.steps:
        assert step.n_before == before
        before = step.n_left
        assert step.is_on or step.n_excluded == 0
    assert before == found.n_left == counts[None]


def test_rules_stand_in_the_order_of_the_plan_and_have_words() -> None:
    assert list(RULES) == [field.name for field in fields(Exclusions)]
    assert all(rule.label and rule.words.endswith(".") for rule in RULES.values())


def test_with_every_rule_switched_off_everybody_is_left(warehouse: Warehouse, put: Put) -> None:
    people(warehouse, put, {"a": 0.5, "b": 0.6}, email={"a": "x@y.org", "b": "x@y.org"})
    found = eligibility(warehouse, draft(warehouse))
    assert (found.n_audience, found.n_left) == (2, 2)
    assert not any(step.is_on or step.note for step in found.steps)


# --- what is not known ------------------------------------------------------------------------------------------


def test_consent_that_nobody_gave_or_refused_leaves_nobody_out_and_warns(warehouse: Warehouse, put: Put) -> None:
    people(warehouse, put, {"a": 0.5, "b": 0.6, "c": 0.7})
    campaign = draft(warehouse, only("no_consent"))
    step = step_of(eligibility(warehouse, campaign), "no_consent")
    assert (step.n_excluded, step.n_left, step.is_checked, step.is_warning) == (0, 3, False, True)
    assert "not known for anybody" in step.note
    put(warehouse, "contacts", [_contact("c", "unsubscribed", days=90)])
    step = step_of(eligibility(warehouse, campaign), "no_consent")
    assert (step.n_excluded, step.is_checked, step.is_warning) == (1, True, True)
    assert "not known for anybody" in step.note


def test_unknown_consent_counts_as_none_where_others_gave_theirs(warehouse: Warehouse, put: Put) -> None:
    people(warehouse, put, {"a": 0.5, "b": 0.6, "c": 0.7}, email_consent={"a": True, "b": False})
    found = eligibility(warehouse, draft(warehouse, only("no_consent")))
    step = step_of(found, "no_consent")
    assert (step.n_excluded, step.is_checked, step.is_warning) == (2, True, False)
    assert step.note == "1 do not allow messages, 1 whose consent is not known."


def test_calls_do_not_ask_for_consent_to_mail_but_heed_who_stopped_calls(warehouse: Warehouse, put: Put) -> None:
    people(warehouse, put, {"a": 0.5, "b": 0.6, "c": 0.7}, email_consent={"a": True, "b": False, "c": False})
    put(warehouse, "contacts", [_contact("c", "unsubscribed", "phone"), _contact("b", "unsubscribed", "email")])
    campaign = draft(warehouse, only("no_consent"), "phone")
    assert left(warehouse, campaign).keys() == {"a", "b"}
    assert "says nothing about calls" in step_of(eligibility(warehouse, campaign), "no_consent").note
    mixed = draft(warehouse, only("no_consent"), "phone", "email")
    assert left(warehouse, mixed).keys() == {"a"}


@pytest.mark.parametrize(
    ("channel", "excluded"), [("email", True), (None, True), ("letter", True), ("sms", False), ("Push", False)]
)
def test_who_unsubscribed_elsewhere_may_still_be_mailed(
    warehouse: Warehouse, put: Put, channel: str | None, excluded: bool
) -> None:
    people(warehouse, put, {"a": 0.5, "b": 0.6}, email_consent={"a": True, "b": True})
    put(warehouse, "contacts", [_contact("a", "unsubscribed", channel)])
    assert ("a" not in left(warehouse, draft(warehouse, only("no_consent")))) == excluded


def test_tickets_that_are_never_settled_cannot_be_told_apart(warehouse: Warehouse, put: Put) -> None:
    people(warehouse, put, {"a": 0.5, "b": 0.6})
    campaign = draft(warehouse, only("open_complaint"))
    assert step_of(eligibility(warehouse, campaign), "open_complaint").is_checked is False
    put(warehouse, "tickets", [{"customer_id": "a", "ticket_id": "1", "opened_at": START - timedelta(days=3)}])
    step = step_of(eligibility(warehouse, campaign), "open_complaint")
    assert (step.n_excluded, step.is_checked, step.is_warning) == (0, False, True)
    settled = {"ticket_id": "2", "opened_at": START - timedelta(days=9), "resolved_at": START - timedelta(days=8)}
    put(warehouse, "tickets", [{"customer_id": "b"} | settled])
    step = step_of(eligibility(warehouse, campaign), "open_complaint")
    assert (step.n_excluded, step.is_checked, step.is_warning) == (1, True, False)


@pytest.mark.parametrize(("channel", "named"), [("email", "e-mail address"), ("sms", "telephone number")])
def test_without_any_address_nobody_is_left_out_for_it(
    warehouse: Warehouse, put: Put, channel: str, named: str
) -> None:
    people(warehouse, put, {"a": 0.5, "b": 0.6})
    step = step_of(eligibility(warehouse, draft(warehouse, only("invalid_contact"), channel)), "invalid_contact")
    assert (step.n_excluded, step.is_checked, step.is_warning) == (0, False, True)
    assert f"no {named}" in step.note


def test_while_no_arm_names_a_channel_mail_is_assumed_and_said(warehouse: Warehouse, put: Put) -> None:
    people(warehouse, put, {"a": 0.5, "b": 0.6}, email={"a": "a@shop.org", "b": "nowhere"})
    step = step_of(
        eligibility(warehouse, draft(warehouse, only("invalid_contact"), arms=(CONTROL,))), "invalid_contact"
    )
    assert step.n_excluded == 1
    assert "e-mail is assumed" in step.note


def test_without_messages_only_own_campaigns_can_be_looked_at(
    warehouse: Warehouse, put: Put, made_campaign: Callable[..., Campaign]
) -> None:
    people(warehouse, put, {"a": 0.5, "b": 0.6, "c": 0.4})
    campaign = draft(warehouse, only("contacted_days"))
    step = step_of(eligibility(warehouse, campaign), "contacted_days")
    assert (step.n_excluded, step.is_checked) == (0, False)
    assigned = [_drawn("a", "by email"), _drawn("b", "control"), _drawn("c", "by email", days=15)]
    made_campaign(warehouse, OTHER_PLAN, assigned=assigned, status="decided")
    step = step_of(eligibility(warehouse, campaign), "contacted_days")
    assert (step.n_excluded, step.is_checked) == (1, True)
    assert "No sent messages were imported" in step.note


# --- instants and other campaigns -------------------------------------------------------------------------------


def _contact(customer: str, kind: str, channel: str | None = "email", *, days: float = 5) -> Row:
    when = START - timedelta(days=days)
    return {
        "customer_id": customer, "contact_id": f"{customer}{kind}{channel}{days}", "contact_time": when, "kind": kind,
        "channel": channel,
    }  # fmt: skip


def _drawn(customer: str, arm: str, *, days: float = 5) -> Row:
    return {"customer_id": customer, "arm": arm, "starts_at": START - timedelta(days=days)}


def test_recently_begins_with_its_first_instant_and_ends_before_the_start(warehouse: Warehouse, put: Put) -> None:
    people(warehouse, put, dict.fromkeys("abcd", 0.5))
    second = 1 / 86_400
    put(warehouse, "contacts", [
        _contact("a", "sent", days=14), _contact("b", "sent", days=14 + second), _contact("c", "sent", days=0),
        _contact("d", "sent", days=second),
    ])  # fmt: skip
    assert left(warehouse, draft(warehouse, only("contacted_days"))).keys() == {"b", "c"}


def test_a_last_message_long_ago_is_told(warehouse: Warehouse, put: Put) -> None:
    people(warehouse, put, {"a": 0.5})
    put(warehouse, "contacts", [_contact("a", "sent", days=30)])
    step = step_of(eligibility(warehouse, draft(warehouse, only("contacted_days"))), "contacted_days")
    assert "sent on 11 Oct 2026" in step.note


def test_the_window_of_another_campaign_ends_for_each_customer(
    warehouse: Warehouse, put: Put, made_campaign: Callable[..., Campaign]
) -> None:
    people(warehouse, put, dict.fromkeys("abc", 0.5))
    assigned = [_drawn("a", "control", days=30), _drawn("b", "control", days=29.9)]
    made_campaign(warehouse, OTHER_PLAN, assigned=assigned)
    campaign = draft(warehouse, only("other_campaign"))
    assert left(warehouse, campaign).keys() == {"a", "c"}
    assert [(found.campaign_id, found.name, found.n_shared) for found in collisions(warehouse, campaign)] == [
        ("camp-spring", "Summer", 1)
    ]


def test_a_rolling_campaign_keeps_its_customers_until_it_is_decided(
    warehouse: Warehouse, put: Put, made_campaign: Callable[..., Campaign]
) -> None:
    people(warehouse, put, dict.fromkeys("ab", 0.5))
    made_campaign(
        warehouse, replace(OTHER_PLAN, entry="rolling"), assigned=[_drawn("a", "control", days=400)], campaign_id="roll"
    )
    campaign = draft(warehouse, only("other_campaign"))
    assert left(warehouse, campaign).keys() == {"b"}
    with warehouse.transaction() as tx:
        tx.execute("UPDATE campaigns SET status = 'decided' WHERE campaign_id = 'roll'")
    assert left(warehouse, campaign).keys() == {"a", "b"}
    assert collisions(warehouse, campaign) == ()


def test_a_cancelled_campaign_frees_its_customers_unless_its_list_had_left(
    warehouse: Warehouse, put: Put, made_campaign: Callable[..., Campaign]
) -> None:
    people(warehouse, put, dict.fromkeys("ab", 0.5))
    made_campaign(warehouse, OTHER_PLAN, assigned=[_drawn("a", "by email")], campaign_id="gone", status="cancelled")
    campaign = draft(warehouse, replace(only("contacted_days"), other_campaign=True))
    assert left(warehouse, campaign).keys() == {"a", "b"}
    put(warehouse, "exports", [{"export_id": 1, "campaign_id": "gone"}])
    found = eligibility(warehouse, campaign)
    assert step_of(found, "other_campaign").n_excluded == 0
    assert step_of(found, "contacted_days").n_excluded == 1


def test_its_own_draw_does_not_count_against_a_campaign(
    warehouse: Warehouse, put: Put, made_campaign: Callable[..., Campaign]
) -> None:
    people(warehouse, put, dict.fromkeys("ab", 0.5))
    own = made_campaign(warehouse, OTHER_PLAN, assigned=[_drawn("a", "control", days=0)])
    assert step_of(eligibility(warehouse, own), "other_campaign").n_excluded == 0
    assert collisions(warehouse, own) == ()


# --- shared addresses -------------------------------------------------------------------------------------------


def test_of_customers_with_one_address_the_one_with_most_at_risk_stays(warehouse: Warehouse, put: Put) -> None:
    add_run(warehouse, {"a": 0.9, "b": 0.5, "c": 0.6, "d": 0.9}, values={"a": 10.0, "b": 90.0, "c": None, "d": 500.0})
    emails = {"a": "Joe@Shop.org", "b": " joe@shop.org", "c": "joe@shop.org", "d": "joe@shop.org"}
    rows = [{"customer_id": name, "email": email, "email_consent": name != "d"} for name, email in emails.items()]
    put(warehouse, "customers", rows)
    campaign = draft(warehouse, replace(only("invalid_contact"), no_consent=True))
    assert left(warehouse, campaign).keys() == {"b"}, "d, who may not be mailed, must not stand in the way"
    assert "2 sharing an e-mail address" in step_of(eligibility(warehouse, campaign), "invalid_contact").note


def test_an_address_shared_with_somebody_who_left_out_already_is_free(warehouse: Warehouse, put: Put) -> None:
    """b loses the e-mail address to a; c shares only a telephone number, with b, who is gone by then."""
    risks = {"a": 0.9, "b": 0.5, "c": 0.2}
    people(
        warehouse, put, risks,
        email={"a": "one@shop.org", "b": "one@shop.org", "c": "two@shop.org"},
        phone={"a": "+44 20 111222", "b": "0044 20 333444", "c": "+44 (20) 333-444"},
    )  # fmt: skip
    assert left(warehouse, draft(warehouse, only("invalid_contact"), "email", "sms")).keys() == {"a", "c"}
    by_phone = draft(warehouse, replace(only("invalid_contact")), "phone")
    assert left(warehouse, by_phone).keys() == {"a", "c"}


def test_who_joins_later_must_not_share_an_address_with_somebody_drawn(
    warehouse: Warehouse, put: Put, made_campaign: Callable[..., Campaign]
) -> None:
    people(
        warehouse, put, {"a": 0.2, "b": 0.9, "c": 0.8},
        email={"a": "one@shop.org", "b": "ONE@shop.org", "c": "three@shop.org"},
    )  # fmt: skip
    plan = replace(OTHER_PLAN, entry="rolling", exclusions=only("invalid_contact"))
    running = made_campaign(warehouse, plan, assigned=[_drawn("a", "control")])
    found = eligibility(warehouse, running, joins_at=START + timedelta(days=7))
    assert (found.n_audience, found.n_left) == (2, 1)
    assert left(warehouse, running, joins_at=START + timedelta(days=7)).keys() == {"c"}


@pytest.mark.parametrize(
    "email",
    ["", "nobody", "a@b", "a b@shop.org", "a@@shop.org", "a@shop..org", "a@-shop.org", "@shop.org", "a@shop.o",
     "a@shop.org, b@shop.org", "<a@shop.org>", "a@shop.123"],
)  # fmt: skip
def test_an_address_that_no_mail_reaches_is_left_out(warehouse: Warehouse, put: Put, email: str) -> None:
    people(warehouse, put, {"a": 0.5, "b": 0.5}, email={"a": email, "b": "b@shop.org"})
    assert left(warehouse, draft(warehouse, only("invalid_contact"))).keys() == {"b"}


@pytest.mark.parametrize(
    "email", ["a+b@shop.org", "o'neil@shop.co.uk", "A.B@SHOP.ORG", "m@bücher.example", " x@y.org "]
)
def test_unusual_addresses_that_work_are_kept(warehouse: Warehouse, put: Put, email: str) -> None:
    people(warehouse, put, {"a": 0.5}, email={"a": email})
    assert left(warehouse, draft(warehouse, only("invalid_contact"))).keys() == {"a"}


@pytest.mark.parametrize(("phone", "usable"), [
    ("+44 20 7946 0018", True), ("(020) 7946-0018", True), ("0711/123456", True), ("+86\u00a0555\u00a00000002", True),
    ("12345", False), ("1" * 9, False), ("555-CALL", False), ("n/a", False), ("+", False),
    ("1234567890123456789", False),
])  # fmt: skip
def test_numbers_that_nobody_can_dial_are_left_out(warehouse: Warehouse, put: Put, phone: str, usable: bool) -> None:
    people(warehouse, put, {"a": 0.5}, phone={"a": phone})
    assert bool(left(warehouse, draft(warehouse, only("invalid_contact"), "phone"))) == usable


# --- nobody left ------------------------------------------------------------------------------------------------


def test_everybody_excluded_is_one_sentence_at_the_draw_and_a_note_before(warehouse: Warehouse, put: Put) -> None:
    people(warehouse, put, dict.fromkeys("abc", 0.5))
    campaign = draft(warehouse, only("manual"))
    give_list(warehouse, campaign.campaign_id, "exclude", "abc")
    found = eligibility(warehouse, campaign)
    assert found.note == (
        "nobody of the 3 customers meant is left to draw, most of them by 'Own list' (3); widen the audience or loosen "
        "the exclusions."
    )
    with pytest.raises(NotEnoughData, match="nobody of the 3 customers"):
        required_eligible(warehouse, campaign)
    assert left(warehouse, campaign) == {}


def test_an_audience_that_is_all_in_the_holdout_says_so(warehouse: Warehouse, put: Put) -> None:
    people(warehouse, put, {f"c{nr}": 0.5 for nr in range(60)})
    start_holdout(warehouse, 0.2)
    held_out = [row[0] for row in warehouse.rows("SELECT customer_id FROM holdout_members WHERE is_held_out")]
    campaign = draft(warehouse, only("holdout"), is_listed=True)
    give_list(warehouse, campaign.campaign_id, "audience", held_out)
    with pytest.raises(NotEnoughData, match=f"all {len(held_out)} customers of the audience are in the global holdout"):
        required_eligible(warehouse, campaign)


def test_an_empty_audience_is_told_as_such(warehouse: Warehouse, put: Put) -> None:
    people(warehouse, put, {"a": 0.5})
    campaign = draft(warehouse, Exclusions(), is_listed=True)
    assert "nobody is in the audience" in eligibility(warehouse, campaign).note
    assert left(warehouse, campaign) == {}


def test_new_customers_count_as_held_out_before_they_are_drawn(warehouse: Warehouse, put: Put) -> None:
    people(warehouse, put, {f"c{nr}": 0.5 for nr in range(40)})
    start_holdout(warehouse, 0.3)
    add_run(warehouse, {f"new{nr}": 0.5 for nr in range(40)})
    put(warehouse, "customers", [{"customer_id": f"new{nr}"} for nr in range(40)])
    campaign = draft(warehouse, only("holdout"))
    waiting = current_holdout(warehouse)
    before, ids = eligibility(warehouse, campaign), left(warehouse, campaign).keys()
    assert waiting is not None
    assert waiting.n_waiting == 40
    assert 0 < before.n_left < 40
    assert refresh_holdout(warehouse) == 40
    assert eligibility(warehouse, campaign) == before
    assert left(warehouse, campaign).keys() == ids


# --- strata -----------------------------------------------------------------------------------------------------


def test_strata_are_tiers_with_thirds_of_value_among_those_left(warehouse: Warehouse, put: Put) -> None:
    values: dict[str, float | None] = {f"c{nr:02d}": float(nr) for nr in range(30)}
    add_run(warehouse, {name: 0.1 + 0.02 * nr for nr, name in enumerate(values)}, values=values | {"c29": None})
    put(warehouse, "customers", [{"customer_id": name} for name in values])
    campaign = draft(warehouse, only("manual"))
    give_list(warehouse, campaign.campaign_id, "exclude", ["c28", "c27"])
    found = left(warehouse, campaign)
    bands = Counter(row["value_band"] for row in found.values())
    assert bands == {"low": 9, "middle": 9, "high": 9, None: 1}
    highest = {
        band: max(row["expected_value"] for row in found.values() if row["value_band"] == band) for band in bands
    }
    assert highest["low"] == 8.0
    assert highest["middle"] == 17.0
    words = {"high": "top third", "middle": "middle third", "low": "bottom third", None: "value not known"}
    assert all(row["stratum"] == f"{row['tier']} · {words[row['value_band']]}" for row in found.values())  # type: ignore[index]


def test_equal_values_fall_into_one_band_and_unscored_customers_into_a_stratum_of_their_own(
    warehouse: Warehouse, put: Put
) -> None:
    people(warehouse, put, dict.fromkeys("abcdef", 0.9))
    put(warehouse, "customers", [{"customer_id": "unscored"}])
    campaign = draft(warehouse, is_listed=True)
    give_list(warehouse, campaign.campaign_id, "audience", [*"abcdef", "unscored"])
    found = left(warehouse, campaign)
    assert len({found[name]["value_band"] for name in "abcdef"}) == 1
    assert (found["unscored"]["value_band"], found["unscored"]["tier"]) == (None, None)
    assert found["unscored"]["stratum"] == "not scored · value not known"
