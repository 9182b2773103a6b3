"""Not reached is not done: attempts count, come back, end after enough of them, and can be taken back."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from churn_core.customers.alert_attempts import not_reached, take_back
from churn_core.customers.alert_contact import contact_of
from churn_core.customers.alert_model import OUTCOMES
from churn_core.customers.alert_refresh import refresh_alerts
from churn_core.customers.alert_work import done, hand_over, note, reopen, snooze, take
from churn_core.customers.alerts import alert, alert_history, alerts_of_ids
from churn_core.errors import InputError
from churn_core.warehouse import Warehouse
from tests.customers.alert_shop import END, NOW, add_orders, add_rows, fill_shop, take_everybody
from tests.customers.conftest import add_customers

DAY = timedelta(days=1)


@pytest.fixture
def shop(warehouse: Warehouse) -> Warehouse:
    """A shop with a queue of two on a Tuesday: customers B and A have the alerts 1 and 2."""
    fill_shop(warehouse, {"A": 15, "B": 15})
    take_everybody(warehouse)
    refresh_alerts(warehouse, now=NOW)
    return warehouse


def test_an_attempt_keeps_the_owner_counts_and_comes_back_on_the_next_working_day(shop: Warehouse) -> None:
    take(shop, 1, "North desk", now=NOW)
    friday = NOW + 3 * DAY
    told = not_reached(shop, 1, note="Engaged.", person="anna", now=friday).message
    assert told == "1 alert not reached, attempt 1; put off until 6 Jul 2026."
    one = alert(shop, 1, now=friday)
    assert (one.status, one.owner, one.outcome, one.n_tried) == ("snoozed", "North desk", "", 1)
    assert (one.snoozed_until, one.due_on) == (datetime(2026, 7, 6), date(2026, 7, 6))
    monday = friday + 3 * DAY
    assert alert(shop, 1, now=monday).status == "taken"
    not_reached(shop, 1, until=date(2026, 7, 9), person="anna", now=monday)
    last, before, *_ = alert_history(shop, 1)
    assert last.words == "not reached, attempt 2; put off until 9 Jul 2026"
    assert (before.action, before.person, before.owner) == ("not reached", "anna", "North desk")
    assert before.note == "Engaged."
    assert refresh_alerts(shop, now=monday).n_new == 0, "nobody is raised twice"


def test_several_attempts_are_told_in_one_sentence(shop: Warehouse) -> None:
    not_reached(shop, 1, now=NOW)
    assert not_reached(shop, [1, 2], now=NOW).message == "2 alerts not reached; put off until 1 Jul 2026."
    assert [entry.n_tried for entry in alerts_of_ids(shop, [1, 2], now=NOW)] == [1, 2]
    [detail] = shop.rows("SELECT detail->>'words' FROM audit_log WHERE action = 'alerts not reached' ORDER BY entry")[1]
    assert detail == "not reached; put off until 1 Jul 2026", "the Settings page lists it like that"


def test_whoever_is_not_reached_is_given_up_after_the_attempts_of_the_policy(shop: Warehouse) -> None:
    with pytest.raises(InputError, match=r"alert 1 \(customer B\) was not tried yet; .* from attempt 3 on"):
        done(shop, [1, 2], "not_reached", now=NOW)
    not_reached(shop, 1, now=NOW)
    with pytest.raises(InputError, match="was tried once"):
        done(shop, 1, "not_reached", now=NOW + DAY)
    not_reached(shop, 1, now=NOW + DAY)
    with pytest.raises(InputError, match="was tried twice"):
        done(shop, 1, "not_reached", now=NOW + DAY)
    told = done(shop, 1, "not_reached", person="anna", now=NOW + 2 * DAY)
    assert told.message == "1 alert done: not reached after 3 attempts."
    one = alert(shop, 1, now=NOW + 2 * DAY)
    assert (one.status, one.outcome, one.n_tried) == ("done", "not_reached", 3)
    assert [line.words for line in alert_history(shop, 1)][:2] == [
        "done: not reached after 3 attempts",
        "not reached, attempt 3",
    ]
    reopen(shop, 1, now=NOW + 3 * DAY)
    assert alert(shop, 1, now=NOW + 3 * DAY).n_tried == 3, "opened again it is not tried from the start"


def test_a_policy_of_one_attempt_closes_at_once(shop: Warehouse) -> None:
    take_everybody(shop, n_attempts=1)
    assert done(shop, [1, 2], "not_reached", now=NOW).message == "2 alerts done: not reached."


def test_an_alert_closed_as_not_reached_before_attempts_were_counted_is_read_as_it_was(shop: Warehouse) -> None:
    with shop.transaction() as tx:
        tx.execute("UPDATE alerts SET status = 'done', outcome = 'not_reached', closed_at = $now", {"now": NOW})
    one = alert(shop, 1, now=NOW)
    assert (one.status, one.outcome, one.n_tried, OUTCOMES[one.outcome].split(":")[0]) == (
        "done", "not_reached", 0, "Not reached",
    )  # fmt: skip
    assert reopen(shop, 1, now=NOW).n_changed == 1


def test_the_last_deed_is_taken_back_and_its_attempt_does_not_count(shop: Warehouse) -> None:
    take(shop, 1, "North desk", now=NOW)
    for deed in (
        lambda: not_reached(shop, [1, 2], now=NOW),
        lambda: hand_over(shop, [1, 2], "South desk", now=NOW),
        lambda: snooze(shop, [1, 2], (NOW + 9 * DAY).date(), now=NOW),
        lambda: done(shop, [1, 2], "reached", now=NOW),
    ):
        before = alerts_of_ids(shop, [1, 2], now=NOW)
        deed()
        assert alerts_of_ids(shop, [1, 2], now=NOW) != before
        assert take_back(shop, before, person="anna", now=NOW).n_changed == 2
        after = alerts_of_ids(shop, [1, 2], now=NOW)
        kept = ("status", "owner", "due_at", "snoozed_until", "outcome", "closed_at", "n_tried")
        assert [[getattr(one, name) for name in kept] for one in after] == [
            [getattr(one, name) for name in kept] for one in before
        ]
    assert alert_history(shop, 2)[0].words == "taken back"


def test_what_is_not_the_last_deed_any_more_is_not_taken_back(shop: Warehouse) -> None:
    before = alerts_of_ids(shop, [1], now=NOW)
    hand_over(shop, 1, "South desk", now=NOW)
    note(shop, 1, "Calls back.", person="kim", now=NOW)
    with pytest.raises(InputError, match=r"was changed meanwhile \(noted by kim"):
        take_back(shop, before, now=NOW)
    before = alerts_of_ids(shop, [2], now=NOW)
    snooze(shop, 2, (NOW + 9 * DAY).date(), now=NOW)
    add_orders(shop, {"A": [0], "other01": [0]}, end=END)
    refresh_alerts(shop, now=NOW + DAY)
    with pytest.raises(InputError, match="ordered again on"):
        take_back(shop, before, now=NOW + DAY)
    assert alert(shop, 2, now=NOW).outcome == "ordered_again"


def test_only_what_a_deed_has_changed_can_be_taken_back(shop: Warehouse) -> None:
    hand_over(shop, 1, "North desk", now=NOW)
    worked = hand_over(shop, [1, 2], "North desk", now=NOW)
    assert (worked.alert_ids, worked.changed_ids, worked.n_changed) == ((1, 2), (2,), 1)


def test_how_a_customer_is_reached_respects_consent_and_what_can_be_dialled(warehouse: Warehouse) -> None:
    people = [
        {"customer_id": "yes", "email": "a@example.org", "phone": "+49 (0)555 000-12", "email_consent": True},
        {"customer_id": "no", "email": "b@example.org", "phone": "0000000", "email_consent": False},
        {"customer_id": "unknown", "email": "c@example.org", "phone": "call me", "email_consent": None},
        {"customer_id": "left", "email": "d@example.org", "phone": "0555 123456", "email_consent": True},
        {"customer_id": "uncalled", "email": "f@example.org", "phone": "0555 123457", "email_consent": True},
        {"customer_id": "somehow", "email": "g@example.org", "phone": "0555 123458", "email_consent": True},
        {"customer_id": "odd", "email": "e@example.org?cc=x@example.org", "phone": "", "email_consent": True},
    ]
    add_customers(warehouse, people)
    ended = {"contact_time": NOW, "kind": "unsubscribed"}
    add_rows(warehouse, "contacts", [{"customer_id": "left", "contact_id": "1", **ended}])
    by_channel = {"left": "E-Mail", "uncalled": " Phone", "yes": "sms", "somehow": "newsletter"}
    add_rows(
        warehouse,
        "contacts",
        [{"customer_id": who, "contact_id": who, "channel": name, **ended} for who, name in by_channel.items()],
    )
    found = {row["customer_id"]: contact_of(warehouse, str(row["customer_id"])) for row in people}
    told = {who: (one.dialled, one.mail_address, one.consent_words) for who, one in found.items() if one}
    assert told == {
        "yes": ("+4955500012", "a@example.org", "e-mail allowed"),
        "no": ("", "", "no consent for e-mail"),
        "unknown": ("", "", "consent for e-mail not known"),
        "left": ("0555123456", "", "unsubscribed from e-mail"),
        "uncalled": ("", "f@example.org", "e-mail allowed"),
        "somehow": ("0555123458", "", "unsubscribed from e-mail"),
        "odd": ("", "", "e-mail allowed"),
    }
    assert {who for who, one in found.items() if one and one.call_words} == {"uncalled"}
    assert contact_of(warehouse, "nobody") is None


def test_where_nobodys_consent_is_kept_nothing_is_said_of_it(warehouse: Warehouse) -> None:
    add_customers(warehouse, [{"customer_id": "a", "email": "a@example.org"}])
    found = contact_of(warehouse, "a")
    assert found is not None
    assert (found.mail_address, found.consent_words, found.phone) == ("a@example.org", "", "")
