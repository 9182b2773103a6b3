"""The queue follows the data: the same data changes nothing, an order closes, quiet and the cap of a day are kept."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from churn_core.customers.alert_days import MON_TO_FRI
from churn_core.customers.alert_export import write_alerts
from churn_core.customers.alert_foresight import foresee, who_waits
from churn_core.customers.alert_held import HeldBack
from churn_core.customers.alert_model import LEAVE_ALONE, AlertFilter
from churn_core.customers.alert_policy import SETTING, AlertPolicy, alert_policy, save_alert_policy
from churn_core.customers.alert_refresh import AlertsRefreshed, refresh_alerts
from churn_core.customers.alert_work import done, note, reopen, snooze, take
from churn_core.customers.alerts import alert, alert_history, alert_of_customer, alerts, past_alerts_of
from churn_core.errors import ChurnError, InputError
from churn_core.warehouse import Warehouse
from tests.customers.alert_shop import END, NOW, add_orders, add_ratings, fill_shop, take_everybody
from tests.customers.conftest import add_run

DAY = timedelta(days=1)
ROOT = Path(__file__).resolve().parents[2]


def refreshed(warehouse: Warehouse, days: int = 0, held_back: HeldBack | None = None) -> AlertsRefreshed:
    """A refresh so many days later, without any new data."""
    return refresh_alerts(warehouse, now=NOW + days * DAY, held_back=held_back)


def keep_everybody_else_ordering(warehouse: Warehouse, days: int, *names: str) -> None:
    """Orders of the others, and of those named, on the last of so many further days."""
    others = [f"other{nr:02d}" for nr in range(30)]
    add_orders(warehouse, {customer: [1] for customer in (*others, *names)}, end=END + days * DAY)


def queue(warehouse: Warehouse, *statuses: str, days: int = 0) -> list[str]:
    found = alerts(warehouse, AlertFilter(statuses=statuses or ("open", "taken", "snoozed")), now=NOW + days * DAY)
    return [entry.customer_id for entry in found.rows]


@pytest.fixture
def late(warehouse: Warehouse) -> Warehouse:
    """A shop with four late customers, and everybody may be alerted."""
    fill_shop(warehouse, {"A": 15, "B": 15, "C": 15, "D": 15})
    take_everybody(warehouse)
    return warehouse


def test_the_same_data_twice_changes_nothing(late: Warehouse) -> None:
    first = refreshed(late)
    before = late.rows("SELECT * FROM alerts ORDER BY alert_id"), late.rows("SELECT * FROM alert_log ORDER BY entry")
    again = refreshed(late)
    assert (first.n_new, again.n_new, again.n_expired, again.n_closed_ordered) == (4, 0, 0, 0)
    after = late.rows("SELECT * FROM alerts ORDER BY alert_id"), late.rows("SELECT * FROM alert_log ORDER BY entry")
    assert after == before


def test_most_at_stake_comes_first_and_the_rest_of_the_day_waits(late: Warehouse) -> None:
    take_everybody(late, n_most=3)
    first = refreshed(late)
    assert (first.n_new, first.n_waiting) == (3, 1)
    assert queue(late) == ["D", "C", "B"]
    assert "1 more qualifies and waits" in first.message
    assert refreshed(late).n_new == 0
    tomorrow = refreshed(late, days=1)
    assert (tomorrow.n_new, tomorrow.n_waiting) == (1, 0)
    assert queue(late, days=1) == ["D", "C", "B", "A"]


def test_who_ordered_since_is_done_by_the_data_whoever_had_the_alert(late: Warehouse) -> None:
    refreshed(late)
    take(late, 2, "North desk", now=NOW)
    keep_everybody_else_ordering(late, 1, "A", "B", "C", "D")
    found = refreshed(late, days=1)
    assert (found.n_closed_ordered, found.n_live, found.n_new) == (4, 0, 0)
    closed = alert(late, 2)
    assert (closed.status, closed.outcome, closed.owner) == ("done", "ordered_again", "North desk")
    assert alert_history(late, 2)[0].words == "ordered again on 30 Jun 2026"
    assert alert_history(late, 2)[0].person == ""


def test_an_untouched_alert_that_no_rule_names_any_more_expires_and_a_touched_one_stays(late: Warehouse) -> None:
    refreshed(late)
    take(late, 1, "North desk", now=NOW)
    note(late, 2, "Asked for a call.", now=NOW)
    keep_everybody_else_ordering(late, 12)
    found = refreshed(late, days=12)
    assert (found.n_expired, found.n_live) == (2, 2)
    assert sorted(queue(late, "expired", days=12)) == sorted(alert(late, number).customer_id for number in (3, 4))
    kept = alert(late, 1)
    assert kept.rules == ("late",)
    assert kept.why[0].startswith("late: 15 days since")


def test_a_customer_has_at_most_one_alert_in_the_queue_and_further_rules_are_added(late: Warehouse) -> None:
    refreshed(late)
    add_run(late, {"A": 0.9, "B": 0.2}, as_of=END)
    found = refreshed(late, days=1)
    assert found.n_new == 0
    one = alert_of_customer(late, "A", now=NOW)
    assert one is not None
    assert one.rules == ("late", "valuable_high")
    assert one.why[:2] == (
        "late: 15 days since the last order, usually 10; 8 of 10 like them would have ordered by 25 Jun 2026",
        "number 1 of 1 in the high tier by value at risk: 90",
    )
    assert (one.risk, one.tier, one.stake_kind) == (0.9, "high", "value_at_risk")
    words = [line.words for line in alert_history(late, one.alert_id)]
    assert words == ["named by a further rule: most valuable in the high tier", "raised: late by the own rhythm"]
    assert late.value("SELECT max(n) FROM (SELECT count(*) AS n FROM alerts GROUP BY customer_id)") == 1


def test_whoever_was_done_is_left_alone_for_the_quiet_days_and_comes_back_with_news(warehouse: Warehouse) -> None:
    fill_shop(warehouse, {"A": 15})
    take_everybody(warehouse, quiet_days=30, rules_on=("valuable_high",))
    add_run(warehouse, {"A": 0.9}, as_of=END)
    refreshed(warehouse)
    done(warehouse, 1, "reached", now=NOW)
    add_run(warehouse, {"A": 0.9}, as_of=END + 29 * DAY)
    assert refreshed(warehouse, days=29).n_new == 0
    assert refreshed(warehouse, days=31).n_new == 1
    assert [entry.status for entry in past_alerts_of(warehouse, "A")] == ["open", "done"]


def test_what_was_told_already_is_not_told_again_after_the_quiet_days(late: Warehouse) -> None:
    take_everybody(late, quiet_days=0, recent_days=60)
    refreshed(late)
    done(late, [1, 2, 3, 4], "no_need", now=NOW)
    assert refreshed(late, days=1).n_new == 0


def test_who_ordered_and_complains_then_is_news_at_once(late: Warehouse) -> None:
    refreshed(late)
    keep_everybody_else_ordering(late, 1, "A")
    refreshed(late, days=1)
    with late.transaction() as tx:
        tx.execute("UPDATE orders SET order_time = order_time + INTERVAL 3 DAY WHERE customer_id = 'other01'")
        tx.bump_data_version()
    add_ratings(late, {"A": (1.0, -2)})
    found = refreshed(late, days=4)
    assert found.n_new == 1
    assert [entry.rules for entry in past_alerts_of(late, "A")] == [("unhappy",), ("late",)]


def test_who_must_not_be_contacted_is_not_alerted_and_counted(late: Warehouse) -> None:
    held = HeldBack(sql="SELECT customer_id, $why AS why FROM asked WHERE customer_id = 'D'", parameters={"why": "no"})
    found = refreshed(late, held_back=held)
    assert (found.n_new, found.n_held_back) == (3, 1)
    assert "D" not in queue(late)
    assert "1 qualifies and is left alone" in found.message


def test_an_alert_says_when_its_customer_may_no_longer_be_contacted_and_when_again(
    late: Warehouse, tmp_path: Path
) -> None:
    refreshed(late)
    held = HeldBack(sql="SELECT customer_id, 'control group' AS why FROM asked WHERE customer_id = 'D'")
    refreshed(late, held_back=held)
    one = alert_of_customer(late, "D", now=NOW)
    assert one is not None
    assert one.held_back == "control group"
    assert one.what_next == LEAVE_ALONE != one.next_step
    written = write_alerts(late, tmp_path, now=NOW).path.read_text(encoding="utf-8-sig")
    assert written.count(LEAVE_ALONE) == 1
    assert queue(late) == ["D", "C", "B", "A"]
    refreshed(late)
    assert [line.words for line in alert_history(late, one.alert_id)] == [
        "may be contacted again",
        "control group",
        "raised: late by the own rhythm",
    ]


def test_scores_older_than_the_orders_are_said_to_be_so(late: Warehouse) -> None:
    add_run(late, {"A": 0.9}, as_of=END - 20 * DAY)
    assert "Risks are of 10 Jun 2026, 20 days before the end of the orders." in refreshed(late).notes


def test_a_day_in_the_past_sees_nothing_that_came_later(late: Warehouse) -> None:
    keep_everybody_else_ordering(late, 5, "A", "B", "C", "D")
    then = refresh_alerts(late, now=NOW, as_of=END)
    assert then.n_new == 4
    assert alert(late, 1).as_of == END
    assert refreshed(late, days=5).n_closed_ordered == 4


def test_policies_out_of_step_with_the_queue_do_no_harm(late: Warehouse) -> None:
    refreshed(late)
    save_alert_policy(late, AlertPolicy(rules_on=("new_high",)))
    found = refreshed(late, days=1)
    assert (found.n_expired, found.n_live) == (4, 0)


def test_reopened_alerts_stay_until_somebody_orders_again(late: Warehouse) -> None:
    refreshed(late)
    keep_everybody_else_ordering(late, 1, "A")
    refreshed(late, days=1)
    [closed] = past_alerts_of(late, "A")
    reopen(late, closed.alert_id, now=NOW + DAY)
    assert refreshed(late, days=2).n_closed_ordered == 0
    assert alert(late, closed.alert_id).status == "open"


def test_a_snoozed_alert_comes_back_by_itself(late: Warehouse) -> None:
    refreshed(late)
    snooze(late, 1, (NOW + 3 * DAY).date(), now=NOW)
    assert alert(late, 1, now=NOW + 2 * DAY).status == "snoozed"
    back = alert(late, 1, now=NOW + 3 * DAY)
    assert (back.status, back.snoozed_until, back.is_overdue) == ("open", None, False)
    assert alert(late, 1, now=NOW + 5 * DAY).is_overdue


PROGRAM = """
import os, signal, sys
from datetime import datetime
from churn_core.customers import alert_refresh
from churn_core.warehouse import Transaction, Warehouse

warehouse = Warehouse.open(sys.argv[1])
before = Transaction.audit
def kill(self, action, detail=None):
    if action == "alerts refreshed":
        os.kill(os.getpid(), signal.SIGKILL)
    before(self, action, detail)
Transaction.audit = kill
alert_refresh.refresh_alerts(warehouse, now=datetime.fromisoformat(sys.argv[2]))
"""


def test_a_process_killed_at_the_end_of_a_refresh_leaves_the_queue_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "shop.duckdb"
    warehouse = Warehouse.open(path)
    fill_shop(warehouse, {"A": 15, "B": 15})
    take_everybody(warehouse, n_most=1)
    refreshed(warehouse)
    before = warehouse.rows("SELECT * FROM alerts"), warehouse.rows("SELECT * FROM alert_log")
    warehouse.close()
    moment = NOW + DAY
    killed = subprocess.run([sys.executable, "-c", PROGRAM, str(path), moment.isoformat()], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    again = Warehouse.open(path)
    try:
        assert (again.rows("SELECT * FROM alerts"), again.rows("SELECT * FROM alert_log")) == before
        assert refresh_alerts(again, now=moment).n_new == 1
    finally:
        again.close()


def test_a_refresh_that_fails_changes_nothing(late: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    from churn_core.customers import alert_refresh

    def fail(*_: object) -> int:
        raise RuntimeError("stop")

    monkeypatch.setattr(alert_refresh, "mark_held", fail)
    with pytest.raises(RuntimeError):
        refreshed(late)
    assert late.n_rows("alerts") == 0
    monkeypatch.undo()
    assert refreshed(late).n_new == 4


def test_every_alert_in_the_queue_is_due_after_the_days_of_the_policy(late: Warehouse) -> None:
    take_everybody(late, due_days=5)
    refreshed(late)
    assert {entry.due_on for entry in alerts(late, now=NOW).rows} == {date(2026, 7, 7)}, "the weekend does not count"
    overdue = AlertFilter(overdue_only=True)
    assert alerts(late, overdue, now=datetime(2026, 7, 7, 23, 59)).n_all == 0, "a day lasts until its end"
    assert alerts(late, overdue, now=datetime(2026, 7, 8)).n_all == 4


def test_working_days_are_those_of_the_policy(late: Warehouse) -> None:
    take_everybody(late, due_days=1, working_days=("Sun", "Sat"))
    refreshed(late)
    assert {entry.due_on for entry in alerts(late, now=NOW).rows} == {date(2026, 7, 4)}, "a Saturday"
    assert alert_policy(late).working_words == "Sat, Sun"
    take_everybody(late)
    refreshed(late)
    assert {entry.due_on for entry in alerts(late, now=NOW).rows} == {date(2026, 7, 6)}, "a renewal follows the policy"
    for wrong, words in ((("Sunday",), "day of the week 'Sunday' not found"), ((), "nothing would ever be due")):
        with pytest.raises(ChurnError, match=words):
            take_everybody(late, working_days=wrong)


def test_a_policy_that_was_saved_before_working_days_counts_with_the_usual_ones(late: Warehouse) -> None:
    for kept in ({"n_most": 7}, {"n_most": 7, "working_days": ["Someday"]}):
        with late.transaction() as tx:
            tx.save_setting(SETTING, kept)
        found = alert_policy(late)
        assert (found.working_days, found.n_attempts) == (MON_TO_FRI, 3)
        assert found.n_most == (20 if "working_days" in kept else 7), "what cannot be kept is not kept in part"


def test_an_alert_that_was_due_at_an_hour_lasts_until_the_end_of_that_day(late: Warehouse) -> None:
    refreshed(late)
    with late.transaction() as tx:
        tx.execute("UPDATE alerts SET due_at = TIMESTAMP '2026-07-03 08:00' WHERE alert_id = 1")
    assert alert(late, 1, now=NOW).due_on == date(2026, 7, 3)
    assert not alert(late, 1, now=datetime(2026, 7, 3, 20)).is_overdue
    assert alert(late, 1, now=datetime(2026, 7, 4)).is_overdue


def scored_at(warehouse: Warehouse, moment: datetime) -> None:
    """Let every scoring have happened then."""
    with warehouse.transaction() as tx:
        tx.execute("UPDATE score_runs SET scored_at = $moment", {"moment": moment})


def test_a_scoring_after_an_import_gives_the_places_of_the_day_to_who_has_most_at_stake(late: Warehouse) -> None:
    take_everybody(late, n_most=2, n_valuable=2)
    assert (refreshed(late).n_new, queue(late)) == (2, ["D", "C"])
    note(late, 1, "Left a message.", now=NOW)
    add_run(late, {"A": 0.9, "B": 0.8, "C": 0.1, "D": 0.1}, as_of=END, values=dict.fromkeys("ABCD", 9000.0))
    scored_at(late, NOW + DAY / 24)
    moment = NOW + DAY / 12
    foreseen = foresee(late, alert_policy(late), now=moment)
    found = refresh_alerts(late, now=moment)
    assert (found.n_new, found.n_gave_way, found.n_live, found.n_waiting) == (1, 1, 2, 2)
    assert (foreseen.n_new, foreseen.n_leaving, foreseen.n_waiting) == (1, 1, 2)
    assert set(queue(late)) == {"A", "D"}, "what somebody has touched stays"
    assert alert_history(late, 2)[0].words.startswith("expired: gave its place")
    assert "1 untouched of today gave way" in found.message
    before = late.rows("SELECT * FROM alerts ORDER BY alert_id"), late.n_rows("alert_log")
    again = refresh_alerts(late, now=moment + DAY / 24)
    assert (again.n_new, again.n_gave_way, again.n_waiting) == (0, 0, 2)
    assert (late.rows("SELECT * FROM alerts ORDER BY alert_id"), late.n_rows("alert_log")) == before
    assert refresh_alerts(late, now=moment + DAY).n_new == 2, "who gave way waits like everybody else"


def test_the_unhappy_take_turns_with_everybody_else(late: Warehouse) -> None:
    add_ratings(late, {f"other{nr:02d}": (1.0, 1) for nr in range(4, 30, 5)})
    take_everybody(late, n_most=4)
    first = refreshed(late)
    assert (first.n_new, first.n_waiting) == (4, 6)
    assert (
        sorted(rule for entry in alerts(late, now=NOW).rows for rule in entry.rules) == ["late"] * 2 + ["unhappy"] * 2
    )
    assert refreshed(late).n_new == 0
    take_everybody(late, n_most=5)
    assert refreshed(late).n_new == 1
    assert alert(late, 5).rules == ("unhappy",), "the turns go on where they were"
    assert refreshed(late, days=1).n_new == 5, "where one half has nobody left the other has its places"


def test_an_import_after_the_scoring_leaves_the_queue_of_the_day_as_it_is(late: Warehouse) -> None:
    add_run(late, {"A": 0.9, "B": 0.1, "C": 0.1, "D": 0.1}, as_of=END, values=dict.fromkeys("ABCD", 9000.0))
    scored_at(late, NOW - DAY / 24)
    take_everybody(late, n_most=1)
    refreshed(late)
    add_ratings(late, {"B": (1.0, 1)})
    found = refresh_alerts(late, now=NOW + DAY / 24)
    assert (found.n_new, found.n_gave_way) == (0, 0)


def test_more_than_the_day_has_places_for_are_raised_when_somebody_asks(late: Warehouse) -> None:
    take_everybody(late, n_most=1)
    refreshed(late)
    assert who_waits(late, now=NOW) == ("C", "B", "A")
    found = refresh_alerts(late, now=NOW, n_more=2)
    assert (found.n_new, found.n_waiting) == (2, 1)
    assert who_waits(late, now=NOW) == ("A",)
    assert refreshed(late).n_new == 0
    with pytest.raises(InputError, match="choose 0 to 1,000"):
        refresh_alerts(late, now=NOW, n_more=1001)


@pytest.mark.parametrize(
    "values",
    [{"n_most": 3}, {"rules_on": ("unhappy",)}, {"top_share": 0.05}, {"min_stake": 315.0}, {"recent_days": 1}],
)
def test_what_other_settings_would_do_is_what_they_do(late: Warehouse, values: dict[str, object]) -> None:
    take_everybody(late, n_most=2)
    refreshed(late)
    held = HeldBack(sql="SELECT customer_id, 'no' AS why FROM asked WHERE customer_id = 'B'")
    asked = replace(alert_policy(late), **values)  # type: ignore[arg-type]
    before = late.rows("SELECT * FROM alerts"), late.n_rows("audit_log")
    foreseen = foresee(late, asked, held_back=held, now=NOW)
    assert (late.rows("SELECT * FROM alerts"), late.n_rows("audit_log")) == before
    save_alert_policy(late, asked)
    found = refreshed(late, held_back=held)
    assert (found.n_new, found.n_waiting, found.n_held_back, found.n_expired + found.n_gave_way) == (
        foreseen.n_new,
        foreseen.n_waiting,
        foreseen.n_held_back,
        foreseen.n_leaving,
    )
