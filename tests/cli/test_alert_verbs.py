"""The alert queue from the command line: a morning of work, as text and as JSON, and what cannot be done."""

from __future__ import annotations

import csv
import re
from datetime import timedelta
from pathlib import Path

import pytest

from churn_core import workspaces
from churn_core.customers.alert_model import day_words
from churn_core.warehouse import utc_now
from tests.customers.alert_shop import fill_shop, take_everybody
from tests.customers.conftest import add_customers

from .conftest import Churn, one_sentence


@pytest.fixture
def shop(churn_home: Path) -> None:
    """A workspace with three late customers and nobody scored."""
    warehouse = workspaces.create_workspace("Shop")
    fill_shop(warehouse, {"A": 15, "B": 15, "C": 15})
    take_everybody(warehouse)
    warehouse.close()


def test_a_morning_of_work(churn: Churn, shop: None, tmp_path: Path) -> None:
    refreshed = churn("alerts", "refresh")
    assert refreshed.out.startswith("3 new alerts; 3 in the queue.")
    assert "The rule 'New in the high tier' was not asked: nobody was scored yet." in refreshed.out
    listed = churn("alerts")
    assert listed.out.startswith("3 to do, 9.60k at stake (spend in the last 365 days); 0 overdue, 0 more qualify")
    assert churn("alerts", "take", "1", "2", "--owner", "North desk").out == "2 alerts taken by North desk.\n"
    told = one_sentence(churn("alerts", "take", "2", "--owner", "South desk"))
    assert "alert 2 (customer B) is with 'North desk' already" in told
    day = (utc_now() + timedelta(days=3)).date()
    assert "put off until" in churn("alerts", "snooze", "3", "--until", day, "--note", "On holiday.").out
    parts = churn("alerts").out
    assert parts.startswith("2 to do, 6.50k at stake (spend in the last 365 days); 1 put off, 3.10k at stake (spend in")
    assert churn("alerts", "--status", "snoozed").out.startswith("1 alert, 3.10k at stake (spend in")
    assert churn("alerts", "hand-over", "2", "--owner", "South desk").code == 0
    assert churn("alerts", "note", "2", "--text", "Calls back.").code == 0
    assert churn("alerts", "done", "1", "--outcome", "reached").out == "1 alert done: reached.\n"
    assert "done: reached" in churn("alerts", "--status", "done").out
    assert re.search(r"Done, with North desk, ended \d+ \w{3} \d{4}: reached\.", churn("alerts", "show", "1").out)
    assert churn("alerts", "reopen", "1").out == "1 alert reopened.\n"
    shown = churn("alerts", "show", "2")
    assert "Why (Late by the own rhythm):" in shown.out
    assert "Calls back." in shown.out
    mine = churn("alerts", "list", "--owner", "South desk", "--json").json
    assert [entry["customer_id"] for entry in mine["rows"]] == ["B"]
    assert mine["summary"]["n_snoozed"] == 1
    written = churn("alerts", "--status", "all", "--csv", tmp_path)
    assert "3 alerts written to alerts-3rows.csv." in written.out
    with (tmp_path / "alerts-3rows.csv").open(encoding="utf-8-sig", newline="") as file:
        assert {row["customer_id"] for row in csv.DictReader(file)} == {"A", "B", "C"}


def test_not_reached_counts_and_comes_back(churn: Churn, shop: None) -> None:
    churn("alerts", "refresh")
    assert churn("alerts", "not-reached", "1", "2").out.startswith("2 alerts not reached; put off until ")
    day = utc_now().date() + timedelta(days=9)
    told = churn("alerts", "not-reached", "1", "--until", day, "--note", "Engaged.").out
    assert told == f"1 alert not reached, attempt 2; put off until {day_words(day)}.\n"
    assert "was tried once; it can be closed as not reached from attempt 3 on" in one_sentence(
        churn("alerts", "done", "2", "--outcome", "not_reached")
    )
    policy = churn("alerts", "policy", "--attempts", "2", "--working-days", "sat", "Sun", "--json").json
    assert (policy["n_attempts"], policy["working_days"]) == (2, ["Sat", "Sun"])
    assert (
        churn("alerts", "done", "1", "--outcome", "not_reached").out == "1 alert done: not reached after 2 attempts.\n"
    )
    assert "not reached, attempt 2" in churn("alerts", "show", "1").out


def test_who_to_call_is_shown(churn: Churn, shop: None) -> None:
    warehouse = workspaces.open_workspace("Shop")
    person = {"name": "Ada", "phone": "+49 555 0001", "email": "ada@example.org", "email_consent": False}
    add_customers(warehouse, [{"customer_id": "C"} | person])
    warehouse.close()
    churn("alerts", "refresh")
    assert "Contact: +49 555 0001, ada@example.org (no consent for e-mail)." in churn("alerts", "show", "1").out
    assert "Ada" in churn("alerts").out


def test_the_policy_is_shown_and_changed(churn: Churn, shop: None) -> None:
    changed = churn("alerts", "policy", "--most", "5", "--min-stake", "100", "--off", "late", "--quiet", "0", "--json")
    assert (changed.json["n_most"], changed.json["min_stake"], changed.json["quiet_days"]) == (5, 100.0, 0)
    assert "late" not in changed.json["rules_on"]
    again = churn("alerts", "policy", "--top-share", "0.5", "--on", "late", "--campaigns", "control-only", "--json")
    assert (again.json["min_stake"], again.json["top_share"]) == (None, 0.5)
    assert "late" in again.json["rules_on"]
    assert again.json["pause_in_campaigns"] is False
    assert churn("alerts", "policy").out.startswith("At most 5 new alerts a day among the 50 % with the most at stake")


def test_a_policy_is_tried_and_more_are_raised_when_asked_for(churn: Churn, shop: None) -> None:
    churn("alerts", "policy", "--most", "1")
    assert churn("alerts", "refresh").out.startswith("1 new alert; 1 in the queue. 2 more qualify and wait")
    tried = churn("alerts", "policy", "--most", "2", "--dry-run")
    assert "Not saved. Would raise 1 new alert now, because 1 of today counts already; 1 more would wait" in tried.out
    assert churn("alerts", "policy", "--json").json["n_most"] == 1
    assert churn("alerts", "refresh", "--more", "1").out.startswith("1 new alert; 2 in the queue. 1 more qualifies")
    assert "0 overdue, 1 more qualifies and waits." in churn("alerts").out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("show", "9"), "there is no alert 9"),
        (("take", "9", "--owner", "North desk"), "there is no alert 9; nothing was changed"),
        (("snooze", "1", "--until", "2020-01-01"), "1 Jan 2020 is not ahead"),
        (("done", "1", "--outcome", "spoken"), "outcome 'spoken' not found"),
        (("list", "--status", "opn"), "did you mean 'open'"),
        (("list", "--rule", "lat"), "did you mean 'late'"),
        (("list", "--sort", "stak"), "did you mean 'stake'"),
        (("policy", "--off", "lat"), "did you mean 'late'"),
        (("policy", "--most", "5000"), "choose 1 to 1,000"),
        (("policy", "--off", "late", "--off", "unhappy", "--off", "new_high", "--off", "risk_jump",
          "--off", "valuable_high"), "every alert rule is off"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_one_sentence(churn: Churn, shop: None, arguments: tuple[str, ...], words: str) -> None:
    assert words in one_sentence(churn("alerts", *arguments))


def test_an_import_renews_the_queue_and_says_so(churn: Churn, tmp_path: Path) -> None:
    days = [f"2026-06-{day:02d}" for day in (1, 5, 9, 13)]
    rows = [
        f"other{nr},{day} 10:00,10" for nr in range(12) for day in (*days, "2026-06-17", "2026-06-21", "2026-06-25")
    ]
    rows += [f"late,{day} 10:00,90" for day in days]
    rows += ["late,2026-06-17 10:00,90"]
    (tmp_path / "orders.csv").write_text("customer,date,amount\n" + "\n".join(rows) + "\n", encoding="utf-8")
    imported = churn("import", tmp_path / "orders.csv", "-w", "Shop", "--create")
    assert imported.code == 0
    assert "Alerts: 1 new alert; 1 in the queue." in imported.out
    assert [entry["customer_id"] for entry in churn("alerts", "--json").json["rows"]] == ["late"]
    more = ["late,2026-06-27 10:00,90", *(f"other{nr},2026-06-28 10:00,10" for nr in range(12))]
    (tmp_path / "more.csv").write_text("customer,date,amount\n" + "\n".join(more) + "\n", encoding="utf-8")
    assert "1 closed because the customer ordered again" in churn("import", tmp_path / "more.csv", "-w", "Shop").out
