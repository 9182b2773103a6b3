"""The queue follows the data: the same data changes nothing, an order closes, quiet and the cap of a day are kept."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from churn_core.customers.alert_held import HeldBack
from churn_core.customers.alert_model import AlertFilter
from churn_core.customers.alert_policy import AlertPolicy, save_alert_policy
from churn_core.customers.alert_refresh import AlertsRefreshed, refresh_alerts
from churn_core.customers.alert_work import done, note, reopen, snooze, take
from churn_core.customers.alerts import alert, alert_history, alert_of_customer, alerts, past_alerts_of
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
    assert "1 more qualify and wait" in first.message
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
    done(late, [1, 2, 3, 4], "not_reached", now=NOW)
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
    assert "1 qualify and are left alone" in found.message


def test_an_alert_says_when_its_customer_may_no_longer_be_contacted_and_when_again(late: Warehouse) -> None:
    refreshed(late)
    held = HeldBack(sql="SELECT customer_id, 'control group' AS why FROM asked WHERE customer_id = 'D'")
    refreshed(late, held_back=held)
    one = alert_of_customer(late, "D", now=NOW)
    assert one is not None
    assert one.held_back == "control group"
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
    assert {entry.due_at for entry in alerts(late, now=NOW).rows} == {NOW + 5 * DAY}
    assert alerts(late, AlertFilter(overdue_only=True), now=NOW + 6 * DAY).n_all == 4
    assert datetime(2026, 7, 5, 8) == NOW + 5 * DAY
