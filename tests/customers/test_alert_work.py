"""What people do with alerts: whole or not at all, written down, and the second is told who has it."""

from __future__ import annotations

import csv
import threading
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from churn_core.customers import alert_changes
from churn_core.customers.alert_export import write_alerts
from churn_core.customers.alert_model import AlertFilter, usual_sort
from churn_core.customers.alert_refresh import refresh_alerts
from churn_core.customers.alert_summary import alert_summary
from churn_core.customers.alert_work import done, hand_over, note, reopen, snooze, take
from churn_core.customers.alerts import alert, alert_history, alerts, owners
from churn_core.customers.tiers import save_policy
from churn_core.errors import ChurnError, InputError, NotEnoughData, NotFound
from churn_core.stats.proportions import wilson_interval
from churn_core.warehouse import Warehouse
from tests.customers.alert_shop import END, NOW, add_orders, fill_shop, take_everybody
from tests.customers.conftest import add_customers, add_run

DAY = timedelta(days=1)


@pytest.fixture
def shop(warehouse: Warehouse) -> Warehouse:
    """A shop with a queue of four: customers D, C, B, A have the alerts 1, 2, 3, 4."""
    fill_shop(warehouse, {"A": 15, "B": 15, "C": 15, "D": 15})
    take_everybody(warehouse)
    refresh_alerts(warehouse, now=NOW)
    return warehouse


def state(warehouse: Warehouse) -> list[tuple[object, ...]]:
    return warehouse.rows("SELECT * FROM alerts ORDER BY alert_id") + warehouse.rows("SELECT * FROM alert_log")


def test_taking_says_who_has_it_and_is_written_down(shop: Warehouse) -> None:
    worked = take(shop, [1, 2], "  North   desk ", person="anna", now=NOW)
    assert (worked.n_changed, worked.message) == (2, "2 alerts taken by North desk.")
    one = alert(shop, 1, now=NOW)
    assert (one.status, one.owner, one.version) == ("taken", "North desk", 2)
    [last, _] = alert_history(shop, 1)
    assert (last.action, last.person, last.owner, last.words) == ("taken", "anna", "North desk", "taken by North desk")
    assert owners(shop) == ("North desk",)


def test_who_takes_second_is_told_who_has_it_and_nothing_changes(shop: Warehouse) -> None:
    take(shop, 2, "North desk", now=NOW)
    before = state(shop)
    with pytest.raises(InputError, match=r"alert 2 \(customer C\) is with 'North desk' already since 30 Jun 2026"):
        take(shop, [1, 2, 3], "South desk", now=NOW)
    assert state(shop) == before


def test_taking_again_for_the_same_owner_changes_nothing(shop: Warehouse) -> None:
    take(shop, 1, "North desk", now=NOW)
    before = state(shop)
    assert take(shop, 1, "North desk", now=NOW).message == "Nothing changed: it is so already."
    assert state(shop) == before


def test_of_two_people_at_the_same_moment_exactly_one_gets_it(shop: Warehouse) -> None:
    told: list[str] = []
    start = threading.Barrier(6)

    def ask(owner: str) -> None:
        start.wait()
        try:
            told.append(take(shop, 1, owner, now=NOW).message)
        except ChurnError as error:
            told.append(str(error))

    people = [threading.Thread(target=ask, args=(f"desk {nr}",)) for nr in range(6)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    won = alert(shop, 1, now=NOW).owner
    assert sorted(told)[0] == f"1 alert taken by {won}."
    assert sum(f"is with '{won}' already" in message for message in told) == 5


def test_what_changed_since_it_was_seen_is_not_overwritten(shop: Warehouse) -> None:
    seen = {1: alert(shop, 1, now=NOW).version}
    note(shop, 1, "Calls back at five.", person="anna", now=NOW)
    with pytest.raises(InputError, match=r"was changed meanwhile \(noted by anna on 30 Jun 2026 at 08:00 UTC\)"):
        done(shop, 1, "no_need", seen=seen, now=NOW)
    assert alert(shop, 1, now=NOW).status == "open"


def test_handing_over_moves_it_whoever_had_it(shop: Warehouse) -> None:
    take(shop, 1, "North desk", now=NOW)
    snooze(shop, 2, (NOW + DAY).date(), now=NOW)
    assert hand_over(shop, [1, 2], "South desk", note="Speaks French.", now=NOW).n_changed == 2
    assert (alert(shop, 1, now=NOW).owner, alert(shop, 1, now=NOW).status) == ("South desk", "taken")
    assert (alert(shop, 2, now=NOW).owner, alert(shop, 2, now=NOW).status) == ("South desk", "snoozed")
    assert alert_history(shop, 1)[0].words == "handed over from North desk to South desk"
    assert alert_history(shop, 1)[0].note == "Speaks French."


def test_done_has_an_outcome_and_is_done_once(shop: Warehouse) -> None:
    done(shop, 1, "reached", "Will order.", person="anna", now=NOW)
    one = alert(shop, 1, now=NOW)
    assert (one.status, one.outcome, one.closed_at, one.is_live) == ("done", "reached", NOW, False)
    refused = r"alert 1 \(customer D\) cannot be finished: it is done \(done: reached by anna on 30 Jun 2026"
    with pytest.raises(InputError, match=refused):
        done(shop, [2, 1], "reached", now=NOW)
    assert alert(shop, 2, now=NOW).status == "open"


def test_reopening_brings_it_back_to_its_owner_with_a_working_day_of_time(shop: Warehouse) -> None:
    take(shop, 1, "North desk", now=NOW)
    done(shop, [1, 2], "reached", now=NOW)
    late = NOW + 10 * DAY
    reopen(shop, [1, 2], note="Called back.", now=late)
    first, second = alert(shop, 1, now=late), alert(shop, 2, now=late)
    assert (first.status, first.owner, second.status) == ("taken", "North desk", "open")
    assert f"{late:%a}" == "Fri"
    assert (first.outcome, first.closed_at, first.due_on) == ("", None, (late + 3 * DAY).date())


def test_an_alert_is_not_reopened_beside_a_newer_one_of_the_same_customer(shop: Warehouse) -> None:
    done(shop, 1, "no_need", now=NOW)
    with shop.transaction() as tx:
        tx.execute("INSERT INTO alerts BY NAME SELECT * REPLACE (9 AS alert_id, 'open' AS status) FROM alerts "
                   "WHERE alert_id = 1")  # fmt: skip
    with pytest.raises(InputError, match="the customer has alert 9 in the queue"):
        reopen(shop, 1, now=NOW)


@pytest.mark.parametrize(
    ("work", "words"),
    [
        (lambda shop: take(shop, 99, "North desk"), "there is no alert 99; nothing was changed"),
        (lambda shop: take(shop, [1, 98, 99], "North desk"), "there are no alerts 98, 99; nothing was changed"),
        (lambda shop: take(shop, [], "North desk"), "no alert was chosen"),
        (lambda shop: take(shop, ["1"], "North desk"), "'1' is not the number of an alert"),
        (lambda shop: take(shop, 1, "  "), "the owner has no name"),
        (lambda shop: take(shop, 1, "x" * 61), "at most 60 printable characters"),
        (lambda shop: take(shop, 1, "a\u202eb"), "at most 60 printable characters"),
        (lambda shop: snooze(shop, 1, NOW.date(), now=NOW), "30 Jun 2026 is not ahead; choose a day after"),
        (lambda shop: snooze(shop, 1, date(2020, 1, 1), now=NOW), "1 Jan 2020 is not ahead"),
        (lambda shop: snooze(shop, 1, date(2031, 1, 1), now=NOW), "more than a year away"),
        (lambda shop: done(shop, 1, "spoken"), "outcome 'spoken' not found"),
        (lambda shop: done(shop, 1, "ordered_again"), "given by the data alone"),
        (lambda shop: done(shop, 1, "reached", "x" * 2_001), "the note has 2,001 characters"),
        (lambda shop: note(shop, 1, " \n "), "the note is empty"),
        (lambda shop: alert(shop, 77), "there is no alert 77"),
        (lambda shop: alert_history(shop, 77), "there is no alert 77"),
        (lambda shop: alerts(shop, sort="owner"), "order 'owner' not found"),
        (lambda shop: alerts(shop, page=0), "page 0 of 50 rows was asked for"),
        (lambda shop: alerts(shop, AlertFilter(statuses=("opn",))), "did you mean 'open'"),
        (lambda shop: alerts(shop, AlertFilter(rule="lat")), "did you mean 'late'"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_sentence_and_nothing_changes(
    shop: Warehouse, work: Callable[[Warehouse], object], words: str
) -> None:
    before = state(shop)
    with pytest.raises((InputError, NotFound)) as refused:
        work(shop)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)
    assert state(shop) == before


def test_work_that_fails_half_way_changes_nothing(shop: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("stop")

    before = state(shop)
    monkeypatch.setattr(alert_changes, "log", fail)
    with pytest.raises(RuntimeError):
        take(shop, [1, 2], "North desk", now=NOW)
    assert state(shop) == before


def test_the_list_filters_sorts_counts_and_pages(shop: Warehouse) -> None:
    add_customers(shop, [{"customer_id": "A", "name": "Kaffee & Co"}])
    take(shop, [1, 3], "North desk", now=NOW)
    done(shop, 2, "reached", now=NOW)
    found = alerts(shop, page_size=2, now=NOW)
    assert [entry.alert_id for entry in found.rows] == [1, 3]
    assert (found.n_all, found.n_pages, found.page) == (3, 2, 1)
    assert found.counts == {"open": 1, "taken": 2, "snoozed": 0, "done": 1, "expired": 0}
    assert found.stake_all == sum(entry.stake or 0 for entry in alerts(shop, now=NOW).rows)
    assert found.stake_kind == "spend_365"
    assert [entry.alert_id for entry in alerts(shop, page=9, page_size=2, now=NOW).rows] == [4]
    assert [entry.name for entry in alerts(shop, AlertFilter(search="kaffee"), now=NOW).rows] == ["Kaffee & Co"]
    assert alerts(shop, AlertFilter(owner=""), now=NOW).n_all == 1
    assert alerts(shop, AlertFilter(owner="North desk", statuses=()), now=NOW).n_all == 2
    assert alerts(shop, AlertFilter(rule="new_high"), now=NOW).n_all == 0
    assert [entry.customer_id for entry in alerts(shop, sort="customer_id", now=NOW).rows] == ["A", "B", "D"]


def test_what_is_done_is_listed_by_when_it_was_done(shop: Warehouse) -> None:
    for hours, number in enumerate((2, 4, 1)):
        done(shop, number, "reached", now=NOW + timedelta(hours=hours))
    over = AlertFilter(statuses=("done",))
    assert (usual_sort(over), usual_sort(AlertFilter()), usual_sort(AlertFilter(statuses=()))) == (
        "closed", "stake", "stake",
    )  # fmt: skip
    assert [entry.alert_id for entry in alerts(shop, over, sort="closed", now=NOW + DAY).rows] == [1, 4, 2]


def test_whoever_is_put_off_until_a_weekend_comes_back_then_and_is_due_after_it(shop: Warehouse) -> None:
    saturday = (NOW + 11 * DAY).date()
    assert f"{saturday:%a}" == "Sat"
    snooze(shop, 1, saturday, now=NOW)
    one = alert(shop, 1, now=NOW + 11 * DAY)
    assert (one.status, one.due_on) == ("open", saturday + 2 * DAY)
    take_everybody(shop, working_days=("Sat",))
    snooze(shop, 2, saturday, now=NOW)
    assert alert(shop, 2, now=NOW).due_on == saturday


def test_the_summary_counts_and_says_what_it_does_not_prove(shop: Warehouse) -> None:
    take(shop, 1, "North desk", now=NOW)
    done(shop, [1, 2, 3], "reached", now=NOW)
    fresh = alert_summary(shop, now=NOW)
    assert (fresh.n_open, fresh.n_done_week, fresh.n_followed, fresh.ordered_share) == (1, 3, 0, None)
    assert "nothing to say of what came after" in fresh.words_after
    later = NOW + 20 * DAY
    add_orders(shop, {"D": [11], "C": [1], "other01": [1]}, end=END + 20 * DAY)
    found = alert_summary(shop, now=later)
    assert (found.n_followed, found.n_ordered_after) == (3, 1)
    assert found.ordered_share == pytest.approx(1 / 3)
    assert found.ordered_interval == wilson_interval(1, 3)
    assert found.words_after.startswith(
        "1 of 3 customers ordered within 14 days after their alert was finished: 33.3 %"
    )
    assert "does not prove that the calls helped" in found.words_after
    assert (found.n_overdue, found.n_done_week) == (1, 0)


def test_what_was_changed_since_the_last_renewal_is_told(shop: Warehouse) -> None:
    assert alert_summary(shop, now=NOW).changed_since == ()
    take_everybody(shop, n_most=7)
    save_policy(shop, high_from=0.6, medium_from=0.2)
    assert alert_summary(shop, now=NOW).changed_since == ("what raises an alert", "the tiers")
    refresh_alerts(shop, now=NOW)
    assert alert_summary(shop, now=NOW).changed_since == ()


def test_who_waits_and_who_is_left_alone_is_kept_from_the_last_refresh(warehouse: Warehouse) -> None:
    fill_shop(warehouse, {"A": 15, "B": 15})
    take_everybody(warehouse, n_most=1)
    assert alert_summary(warehouse).refreshed_at is None
    refresh_alerts(warehouse, now=NOW)
    found = alert_summary(warehouse, now=NOW)
    assert (found.n_waiting, found.n_left_alone, found.n_new_today, found.refreshed_at) == (1, 0, 1, NOW)


def test_the_queue_as_a_file_is_complete_and_safe_to_open(warehouse: Warehouse, tmp_path: Path) -> None:
    names = ("=1+1", "Ünal", "-5", 'say "hi"')
    add_customers(
        warehouse,
        [{"customer_id": name, "name": "@SUM(A1)", "email": "a@example.org", "phone": "+49 555 1"} for name in names],
    )
    fill_shop(warehouse, dict.fromkeys(names, 15))
    add_run(warehouse, dict.fromkeys(names, 0.9), as_of=END)
    take_everybody(warehouse)
    refresh_alerts(warehouse, now=NOW)
    take(warehouse, 1, "=HYPERLINK(1)", now=NOW)
    written = write_alerts(warehouse, tmp_path, with_contact=True, n_expected=4, now=NOW)
    assert written.path.name == "alerts-4rows.csv"
    with written.path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == written.n_rows == 4
    assert {row["customer_id"] for row in rows} == {"'=1+1", "Ünal", "-5", 'say "hi"'}
    assert {row["name"] for row in rows} == {"'@SUM(A1)"}
    assert {row["owner"] for row in rows} == {"", "'=HYPERLINK(1)"}
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "@"))]
    without = write_alerts(warehouse, tmp_path / "plain.csv", now=NOW)
    assert "email" not in without.path.read_text(encoding="utf-8-sig").splitlines()[0]
    kept = warehouse.rows("SELECT file_name, n_rows, sha256 FROM exports ORDER BY export_id")
    assert kept[0] == ("alerts-4rows.csv", 4, written.sha256)


def test_a_file_that_is_not_what_was_seen_or_empty_is_refused(shop: Warehouse, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="4 such alerts by now and not 5"):
        write_alerts(shop, tmp_path, n_expected=5, now=NOW)
    with pytest.raises(NotEnoughData, match="nothing to export"):
        write_alerts(shop, tmp_path, AlertFilter(statuses=("done",)), now=NOW)
    with pytest.raises(InputError, match="does not exist"):
        write_alerts(shop, tmp_path / "nowhere" / "x.csv", now=NOW)
    assert list(tmp_path.glob("*.csv")) == []
    assert shop.n_rows("exports") == 0
