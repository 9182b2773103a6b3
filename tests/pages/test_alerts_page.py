"""The Alerts page as customer-success people use it: the queue, one alert after the other, in bulk, two at once."""

from __future__ import annotations

import csv
import io
import re
import shutil
import time
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from churn_core.campaigns import id_lists
from churn_core.campaigns.alerting import customers_who_wait, renew_alerts
from churn_core.campaigns.store import campaigns
from churn_core.customers import alert_work
from churn_core.customers.alert_attempts import not_reached, take_back
from churn_core.customers.alert_days import MON_TO_FRI, working_day_after
from churn_core.customers.alert_model import AlertFilter
from churn_core.customers.alert_policy import alert_policy
from churn_core.customers.alert_work import reopen
from churn_core.customers.alerts import alert, alert_history, alerts
from churn_core.errors import InputError
from churn_core.figures.theme import day
from churn_core.intake.derived import refresh_derived
from churn_core.warehouse import Warehouse, utc_now
from churn_core.workspaces import create_workspace, open_workspace
from tests.customers.conftest import add_orders
from tests.pages.conftest import App
from tests.pages.queue_shop import build_queue
from ui import at_work, session_alerts

ALERTS = "pages/alerts/alerts.py"
CUSTOMER = "pages/customers/customer.py"
NAME = "Queue"


@pytest.fixture(scope="module")
def queue_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the workspace made by hand, made once."""
    home = tmp_path_factory.mktemp("queue") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHURN_HOME", str(home))
        build_queue(NAME)
    return home


@pytest.fixture
def queue(queue_files: Path, churn_home: Path, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    """A copy of the workspace; whoever looks at it is Ada."""
    monkeypatch.setenv("CHURN_USER", "Ada")
    shutil.copytree(queue_files, churn_home)
    return open_workspace(NAME)


def _shown(visit: AppTest) -> list[str]:
    return [str(value) for value in visit.dataframe[0].value["customer"]] if visit.dataframe else []


def _open(visit: AppTest) -> str:
    """The customer of the alert that is open."""
    heading = next(found.value for found in visit.subheader if " · Name " in found.value)
    return str(heading.split(" · ")[0])


def _said(visit: AppTest) -> str:
    texts = [element.value for kind in (visit.markdown, visit.caption, visit.warning) for element in kind]
    return "\n".join(texts).replace("\\", "")


def _metrics(visit: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in visit.metric}


def _click(visit: AppTest, key: str) -> AppTest:
    visit.button(key=key).click().run()
    assert not visit.exception
    return visit


def _tick(visit: AppTest, *rows: int) -> None:
    key = visit.dataframe[0].key
    cells = visit.session_state[key]["selection"]["cells"]
    visit.session_state[key] = {"selection": {"rows": list(rows), "columns": [], "cells": cells}}
    visit.run()


def _morning(found: date) -> datetime:
    return datetime.combine(found, datetime.min.time())


def _reach(warehouse: Warehouse, customer_id: str, phone: str, email: str, consent: bool) -> None:
    with warehouse.transaction() as tx:
        tx.execute(
            "UPDATE customers SET phone = $phone, email = $email, email_consent = $consent WHERE customer_id = $id",
            {"phone": phone, "email": email, "consent": consent, "id": customer_id},
        )
        tx.audit("reach", {})


def _contact(visit: AppTest) -> str:
    """The line about how the customer is reached, without style."""
    lines = [found.proto.body for found in visit.get("html") if "overflow-wrap" in found.proto.body]
    words = re.sub(r" style='[^']*'|</?div[^>]*>|</?span[^>]*>", "", "".join(lines))
    return words


def test_the_queue_is_sorted_by_stake_and_its_first_alert_is_open(queue: Warehouse, app: App) -> None:
    visit = app(ALERTS)
    assert not visit.exception
    assert not visit.error
    found = alerts(queue)
    assert _shown(visit) == [entry.customer_id for entry in found.rows]
    assert [entry.stake for entry in found.rows] == sorted((entry.stake or 0 for entry in found.rows), reverse=True)
    assert _open(visit) == found.rows[0].customer_id
    assert _metrics(visit)["To do"] == str(found.n_all) == "12"
    said = _said(visit)
    assert "New in the high tier" in said
    due_on = working_day_after(utc_now().date(), 3, MON_TO_FRI)
    assert f"due {due_on:%a} {day(due_on)} · nobody has taken it" in said
    assert found.rows[0].next_step in said
    assert "Name *59*" in visit.subheader[0].value.replace("\\", ""), "a name is shown as it stands"


def test_an_alert_of_the_address_is_open(queue: Warehouse, app: App) -> None:
    chosen = alerts(queue).rows[5]
    assert _open(app(ALERTS, alert=str(chosen.alert_id))) == chosen.customer_id


@pytest.mark.parametrize(("address", "words"), [("999", "there is no alert 999"), ("x", "is not the number")])
def test_a_wrong_number_is_said(queue: Warehouse, app: App, address: str, words: str) -> None:
    visit = app(ALERTS, alert=address)
    assert not visit.exception
    assert [words in found.value.replace("\\", "").casefold() for found in visit.error] == [True]


def test_done_ends_the_alert_with_its_note_and_opens_the_next(queue: Warehouse, app: App) -> None:
    visit = app(ALERTS)
    first, second = alerts(queue).rows[:2]
    visit.text_input(key=f"alert_note_{first.alert_id}_{NAME}").set_value("Calls back in spring")
    _click(visit, "alert_done_reached")
    kept = alert(queue, first.alert_id)
    assert (kept.status, kept.outcome) == ("done", "reached")
    newest = alert_history(queue, first.alert_id)[0]
    assert (newest.action, newest.person, newest.note) == ("done", "Ada", "Calls back in spring")
    assert _open(visit) == second.customer_id
    assert first.customer_id not in _shown(visit)
    assert f"{first.customer_id} is done: reached." in _said(visit)
    assert visit.text_input(key=f"alert_note_{second.alert_id}_{NAME}").value == "", "the note belongs to one alert"


def test_a_whole_morning_is_worked_without_going_back(queue: Warehouse, app: App) -> None:
    visit = app(ALERTS)
    worked = []
    for _ in range(12):
        worked.append(_open(visit))
        _click(visit, "alert_done_no_need")
    assert len(set(worked)) == 12
    assert _shown(visit) == []
    assert "All done." in _said(visit)
    assert _metrics(visit)["Done in 7 days"] == "12"
    assert _metrics(visit)["To do"] == "0"


def test_undo_brings_the_alert_back_and_opens_it(queue: Warehouse, app: App) -> None:
    visit = app(ALERTS)
    first = _open(visit)
    _click(visit, "alert_done_no_need")
    _click(visit, "alert_undo")
    assert _open(visit) == first
    assert first in _shown(visit)
    assert alerts(queue).counts["done"] == 0
    assert not any(found.key == "alert_undo" for found in visit.button)


def test_not_reached_comes_back_on_the_next_working_day_and_can_be_given_up_after_three_attempts(
    queue: Warehouse, app: App
) -> None:
    visit = app(ALERTS)
    first, second = alerts(queue).rows[:2]
    again = working_day_after(utc_now().date(), 1, MON_TO_FRI)
    assert visit.button(key="alert_not_reached").help == "", "it would cover the note of the next alert"
    visit.text_input(key=f"alert_note_{first.alert_id}_{NAME}").set_value("Engaged")
    _click(visit, "alert_not_reached")
    kept = alert(queue, first.alert_id)
    assert (kept.status, kept.outcome, kept.n_tried) == ("snoozed", "", 1)
    assert (kept.snoozed_until, alert_history(queue, first.alert_id)[0].note) == (_morning(again), "Engaged")
    assert f"{first.customer_id} not reached, attempt 1: back {day(again)}." in _said(visit)
    assert _open(visit) == second.customer_id
    _click(visit, "alert_undo")
    assert _open(visit) == first.customer_id
    assert alert(queue, first.alert_id).n_tried == 0, "an attempt that is taken back does not count"
    for _ in range(2):
        not_reached(queue, first.alert_id, person="Kim")
    give_up = "alert_done_not_reached"
    assert not any(found.key == give_up for found in app(ALERTS, alert=str(first.alert_id)).button), "it waits"
    reopen(queue, first.alert_id, person="Kim")
    visit = app(ALERTS, alert=str(first.alert_id))
    assert "tried twice" in _said(visit)
    _click(visit, give_up)
    assert alert(queue, first.alert_id).outcome == "not_reached"
    assert alert_history(queue, first.alert_id)[0].words == "done: not reached after 3 attempts"


def test_who_was_tried_is_put_off_until_a_day_of_choice(queue: Warehouse, app: App) -> None:
    visit = app(ALERTS)
    first = alerts(queue).rows[0]
    visit.toggle(key=f"alert_tried_{first.alert_id}").set_value(True).run()
    _click(visit, "alert_off_2")
    kept = alert(queue, first.alert_id)
    week = working_day_after(utc_now().date() + timedelta(days=7), 0, MON_TO_FRI)
    assert (kept.n_tried, kept.snoozed_until) == (1, _morning(week))
    _tick(visit, 0, 1)
    _click(visit, "bulk_not_reached")
    assert [entry.n_tried for entry in alerts(queue, AlertFilter(statuses=("snoozed",))).rows] == [1, 1, 1]
    _click(visit, "alert_undo")
    assert [entry.n_tried for entry in alerts(queue, AlertFilter(statuses=("snoozed",))).rows] == [1]


def test_who_to_call_is_shown_with_what_may_be_used(queue: Warehouse, app: App) -> None:
    rows = alerts(queue).rows
    _reach(queue, rows[0].customer_id, "+49 555 0001", "ada@example.org", True)
    _reach(queue, rows[1].customer_id, "<b>0555</b>", "kim@example.org", False)
    assert _contact(app(ALERTS)) == (
        "<a href='tel:+495550001'>+49 555 0001</a> · <a href='mailto:ada@example.org'>ada@example.org</a>"
    )
    refused = "&lt;b&gt;0555&lt;/b&gt; · kim@example.org · no consent for e-mail"
    assert _contact(app(ALERTS, alert=str(rows[1].alert_id))) == refused
    assert _contact(app(CUSTOMER, customer=rows[1].customer_id)) == refused
    assert _contact(app(ALERTS, alert=str(rows[2].alert_id))) == "", "nothing is known"
    with queue.transaction() as tx:
        tx.execute("UPDATE alerts SET held_back = 'control group' WHERE alert_id = $id", {"id": rows[0].alert_id})
        tx.audit("held", {})
    assert _contact(app(ALERTS)) == "", "whom nobody may contact is not called by mistake"
    assert app(ALERTS).dataframe[0].value["name"].tolist() == [entry.name for entry in rows]


def test_taken_is_mine_and_stays_open(queue: Warehouse, app: App) -> None:
    visit = app(ALERTS)
    first = _click(visit, "alert_take") and alerts(queue).rows[0]
    assert (first.status, first.owner) == ("taken", "Ada")
    assert _open(visit) == first.customer_id
    assert visit.dataframe[0].value["state"].iloc[0] == "Ada"
    assert not any(found.key == "alert_take" for found in visit.button), "what is mine cannot be taken again"
    visit.selectbox(key="queue_owner").select("Mine").run()
    assert _shown(visit) == [first.customer_id]
    visit.selectbox(key="queue_owner").select("Nobody's").run()
    assert first.customer_id not in _shown(visit)
    assert len(_shown(visit)) == 11


def test_put_off_comes_back_by_itself(queue: Warehouse, app: App) -> None:
    visit = app(ALERTS)
    first, second = alerts(queue).rows[:2]
    _click(visit, "alert_off_1")
    kept = alert(queue, first.alert_id)
    assert kept.status == "snoozed"
    assert kept.snoozed_until is not None
    assert kept.snoozed_until.date() == working_day_after(utc_now().date(), 3, MON_TO_FRI)
    assert _open(visit) == second.customer_id
    visit.segmented_control(key="queue").set_value("put off").run()
    assert _shown(visit) == [first.customer_id]
    assert visit.dataframe[0].value["due"].iloc[0] == day(kept.snoozed_until)
    assert alert(queue, first.alert_id, now=utc_now() + timedelta(days=6)).status == "open"


def test_putting_off_without_a_day_is_said(queue: Warehouse, app: App) -> None:
    visit = _click(app(ALERTS), "alert_off")
    assert any("choose the day" in found.value.casefold() for found in visit.error)
    assert alerts(queue).counts["snoozed"] == 0


def test_handed_over_with_a_name_typed_in(queue: Warehouse, app: App) -> None:
    visit = app(ALERTS)
    first, second = alerts(queue).rows[:2]
    alert_work.take(queue, second.alert_id, "Kim", person="Kim")
    visit.run()
    visit.selectbox(key=f"alert_to_{first.alert_id}").select("Kim").run()
    _click(visit, "alert_give")
    assert alert(queue, first.alert_id).owner == "Kim"
    assert _open(visit) == second.customer_id
    _click(visit, "alert_give")
    assert any("name of the person" in found.value for found in visit.error)
    _click(visit, "alert_undo")
    back = alert(queue, first.alert_id)
    assert (back.owner, back.status, back.due_at) == ("", "open", first.due_at)
    assert _open(visit) == first.customer_id


def test_who_comes_second_is_told_who_has_it(queue: Warehouse, app: App) -> None:
    visit = app(ALERTS)
    first = alerts(queue).rows[0]
    alert_work.take(queue, first.alert_id, "Kim", person="Kim")
    _click(visit, "alert_take")
    assert any("Kim" in found.value for found in visit.error)
    assert alert(queue, first.alert_id).owner == "Kim"
    visit.run()
    assert not visit.error, "the sentence is said once"
    assert "with Kim" in _said(visit)
    _click(visit, "alert_take_over")
    assert alert(queue, first.alert_id).owner == "Ada", "who knows about Kim can still take it over"
    assert alert_history(queue, first.alert_id)[0].words == "handed over from Kim to Ada"


def test_who_ends_what_somebody_else_ended_is_told(queue: Warehouse, app: App) -> None:
    visit = app(ALERTS)
    first = alerts(queue).rows[0]
    alert_work.done(queue, first.alert_id, "no_need", person="Kim")
    _click(visit, "alert_done_reached")
    assert len(visit.error) == 1
    assert "Kim" in visit.error[0].value
    assert alert(queue, first.alert_id).outcome == "no_need"


def test_the_name_is_asked_for_and_kept_for_the_visit(
    queue: Warehouse, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(at_work, "acting_person", lambda: "")
    visit = _click(app(ALERTS), "alert_take")
    assert any("nobody knows who you are" in found.value.casefold() for found in visit.error)
    visit.text_input(key=at_work.FIELD).set_value("  Grace   Hopper ").run()
    _click(visit, "alert_take")
    assert alerts(queue).rows[0].owner == "Grace Hopper"
    visit.switch_page("pages/today/today.py").run()
    visit.switch_page(ALERTS).run()
    assert visit.text_input(key=at_work.FIELD).value == "Grace Hopper"


def test_ticked_alerts_are_worked_together(queue: Warehouse, app: App) -> None:
    visit = app(ALERTS)
    rows = alerts(queue).rows
    _tick(visit, 1, 3)
    _click(visit, "bulk_take")
    assert [entry.owner for entry in alerts(queue).rows] == ["", "Ada", "", "Ada", *[""] * 8]
    assert "2 alerts taken." in _said(visit)
    assert not any(found.key == "bulk_take" for found in visit.button), "the ticks are gone"
    _tick(visit, 0, 2)
    _click(visit, "bulk_done_no_need")
    assert {entry.customer_id for entry in alerts(queue, AlertFilter(statuses=("done",))).rows} == {
        rows[0].customer_id,
        rows[2].customer_id,
    }
    _click(visit, "alert_undo")
    assert alerts(queue).counts["done"] == 0


def test_undo_leaves_alone_what_was_so_before(queue: Warehouse, app: App) -> None:
    visit = app(ALERTS)
    mine, other = alerts(queue).rows[:2]
    alert_work.take(queue, mine.alert_id, "Ada", person="Ada")
    visit.run()
    _tick(visit, 0, 1)
    _click(visit, "bulk_take")
    alert_work.hand_over(queue, mine.alert_id, "Kim", person="Kim")
    _click(visit, "alert_undo")
    assert not visit.error
    assert [alert(queue, one.alert_id).owner for one in (mine, other)] == ["Kim", ""], "Kim's deed stands"


def test_together_means_all_or_none(queue: Warehouse, app: App) -> None:
    visit = app(ALERTS)
    rows = alerts(queue).rows
    _tick(visit, 0, 1)
    alert_work.take(queue, rows[1].alert_id, "Kim", person="Kim")
    _click(visit, "bulk_take")
    assert any("Kim" in found.value for found in visit.error)
    assert alert(queue, rows[0].alert_id).owner == ""


def test_ticks_follow_their_alerts_when_rows_move(queue: Warehouse, app: App) -> None:
    visit = app(ALERTS)
    rows = alerts(queue).rows
    _tick(visit, 2, 4)
    _click(visit, "alert_done_reached")
    assert visit.session_state[visit.dataframe[0].key]["selection"]["rows"] == [1, 3]
    _click(visit, "bulk_take")
    owned = {entry.customer_id for entry in alerts(queue, AlertFilter(owner="Ada")).rows}
    assert owned == {rows[2].customer_id, rows[4].customer_id}


def test_filters_are_read_from_the_address(queue: Warehouse, app: App) -> None:
    rows = alerts(queue).rows
    alert_work.take(queue, [rows[1].alert_id, rows[2].alert_id], "Kim", person="Kim")
    assert _shown(app(ALERTS, queue_owner="Kim")) == [rows[1].customer_id, rows[2].customer_id]
    assert _shown(app(ALERTS, queue_find=rows[7].customer_id.casefold())) == [rows[7].customer_id]
    late = app(ALERTS, queue_rule="Unhappy")
    assert "No alert matches all of these filters" in _said(late)
    _click(late, "nothing_clear")
    assert len(_shown(late)) == 12


def test_pages_are_turned_and_begin_with_their_first_alert(
    queue: Warehouse, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_alerts, "N_ROWS", 5)
    rows = [entry.customer_id for entry in alerts(queue).rows]
    visit = app(ALERTS, queue_page="2")
    assert _shown(visit) == rows[5:10]
    assert _open(visit) == rows[5]
    assert "6 to 10 of 12 alerts" in _said(visit)
    visit.session_state["queue_page"] = 3
    visit.run()
    assert _shown(visit) == rows[10:]
    visit.text_input(key="queue_find").set_value("c05").run()
    assert _shown(visit) == [c for c in rows if c.startswith("C05")][:5], "another choice begins on its first page"


def test_only_overdue(queue: Warehouse, app: App) -> None:
    rows = alerts(queue).rows
    with queue.transaction() as tx:
        until = {"until": _morning(utc_now().date() - timedelta(days=1)), "id": rows[3].alert_id}
        tx.execute("UPDATE alerts SET due_at = $until WHERE alert_id = $id", until)
        tx.audit("due", {})
    visit = app(ALERTS, overdue="true")
    assert _shown(visit) == [rows[3].customer_id]
    assert visit.dataframe[0].value["due"].iloc[0] == "2 days overdue"
    assert _metrics(visit)["Overdue"] == "1"


def test_where_no_money_is_known_the_queue_goes_by_risk(queue: Warehouse, app: App) -> None:
    with queue.transaction() as tx:
        tx.execute("UPDATE alerts SET stake = NULL, standing = NULL, stake_kind = '', rules = ['valuable_high'], "
                   "rule_words = ['number 1'], risk = 1 - risk")  # fmt: skip
        tx.audit("no values", {})
    visit = app(ALERTS)
    assert _shown(visit) == [entry.customer_id for entry in alerts(queue, sort="risk").rows]
    assert "12 alerts · highest risk first" in _said(visit)
    assert set(visit.dataframe[0].value["why"]) == {"highest risk"}
    assert _metrics(visit)["At stake"] == "–"


def test_whoever_must_not_be_contacted_is_marked(queue: Warehouse, app: App) -> None:
    first = alerts(queue).rows[0]
    with queue.transaction() as tx:
        why = "control group of the campaign <b>Spring</b> until 12 Dec 2026: no contact"
        tx.execute("UPDATE alerts SET held_back = $why WHERE alert_id = $id", {"why": why, "id": first.alert_id})
        tx.audit("held", {})
    visit = app(ALERTS)
    assert visit.dataframe[0].value["state"].iloc[0] == "do not contact"
    said = _said(visit)
    assert "Control group of the campaign <b>Spring</b> until 12 Dec 2026" in said
    assert "Do not contact this customer until then" in said
    assert first.next_step not in said
    visit.toggle(key="free").set_value(True).run()
    assert first.customer_id not in _shown(visit)


def test_the_history_says_who_did_what(queue: Warehouse, app: App) -> None:
    first = alerts(queue).rows[0]
    alert_work.take(queue, first.alert_id, "Kim", person="Kim")
    alert_work.note(queue, first.alert_id, "Wants *blue* ones", person="Lee")
    said = _said(app(ALERTS))
    assert "taken by Kim" in said
    assert re.search(r"Lee: noted\s+:gray\[“Wants \*blue\* ones”\]", said)


def test_a_note_is_kept_without_ending_the_alert(queue: Warehouse, app: App) -> None:
    visit = app(ALERTS)
    first = alerts(queue).rows[0]
    _click(visit, "alert_note")
    assert any("nothing to keep" in found.value for found in visit.error)
    visit.text_input(key=f"alert_note_{first.alert_id}_{NAME}").set_value("Left a message").run()
    _click(visit, "alert_note")
    assert alert_history(queue, first.alert_id)[0].note == "Left a message"
    assert visit.text_input(key=f"alert_note_{first.alert_id}_{NAME}").value == ""
    assert alert(queue, first.alert_id).is_live


def test_the_card_says_who_did_it_and_with_whom_it_is(queue: Warehouse, app: App) -> None:
    first, second, third = alerts(queue).rows[:3]
    alert_work.take(queue, [entry.alert_id for entry in (first, second, third)], "South desk", person="South desk")
    later = utc_now().date() + timedelta(days=9)
    for number in (first.alert_id, second.alert_id):
        alert_work.snooze(queue, number, later, person="Kim")
    visit = app(ALERTS, alert=str(first.alert_id))
    assert f"put off until {day(later)} by Kim, with South desk" in _said(visit)
    before = alert(queue, second.alert_id)
    not_reached(queue, second.alert_id, person="Lee")
    assert "by Lee, with South desk, tried once" in _said(app(ALERTS, alert=str(second.alert_id)))
    take_back(queue, [before], person="Lee")
    again = _said(app(ALERTS, alert=str(second.alert_id)))
    assert f"put off until {day(later)} by Kim, with South desk" in again, "what was taken back does not count"
    visit = app(ALERTS, alert=str(third.alert_id))
    _click(visit, "alert_done_reached")
    ended = day(alert(queue, third.alert_id).closed_at)
    assert f"done on {ended} by Ada: reached, with South desk" in _said(app(ALERTS, alert=str(third.alert_id)))


def test_a_draft_waits_with_its_alert_until_it_is_used(queue: Warehouse, app: App) -> None:
    visit = app(ALERTS)
    first, second = alerts(queue).rows[:2]
    visit.text_input(key=f"alert_note_{first.alert_id}_{NAME}").set_value("Left a message")
    visit.query_params["alert"] = str(second.alert_id)
    visit.run()
    assert visit.text_input(key=f"alert_note_{second.alert_id}_{NAME}").value == ""
    visit.query_params["alert"] = str(first.alert_id)
    visit.run()
    assert visit.text_input(key=f"alert_note_{first.alert_id}_{NAME}").value == "Left a message"
    _click(visit, "alert_not_reached")
    assert alert_history(queue, first.alert_id)[0].note == "Left a message"
    _click(visit, "alert_undo")
    assert _open(visit) == first.customer_id
    assert visit.text_input(key=f"alert_note_{first.alert_id}_{NAME}").value == "", "it stands in the history"


def test_a_closed_alert_is_opened_again(queue: Warehouse, app: App) -> None:
    first = alerts(queue).rows[0]
    alert_work.done(queue, first.alert_id, "reached", person="Kim")
    visit = app(ALERTS, queue="Done")
    assert _shown(visit) == [first.customer_id]
    assert visit.dataframe[0].value["outcome"].tolist() == ["reached"]
    assert "newest done first" in _said(visit)
    _click(visit, "alert_reopen")
    assert alert(queue, first.alert_id).status == "open"


def test_the_download_is_the_list_as_it_was_seen(queue: Warehouse) -> None:
    stamp = session_alerts.Stamp(workspace=NAME, state=session_alerts.session.workspace_state(queue))
    write = session_alerts.export_of(stamp, AlertFilter(), sort="stake", n_alerts=12, with_contact=False)
    rows = list(csv.DictReader(io.StringIO(write().decode("utf-8-sig"), newline="")))
    assert [row["customer_id"] for row in rows] == [entry.customer_id for entry in alerts(queue).rows]
    assert "name" not in rows[0]
    assert queue.folder is not None
    assert not list(queue.folder.glob("*.csv"))
    alert_work.done(queue, alerts(queue).rows[0].alert_id, "reached", person="Kim")
    with pytest.raises(InputError, match="by now"):
        write()


def test_a_campaign_is_planned_for_the_ticked(queue: Warehouse, app: App) -> None:
    visit = app(ALERTS)
    rows = alerts(queue).rows
    _tick(visit, 0, 5)
    _click(visit, "alert_plan")
    assert visit.title[0].value == "Plan"
    draft = campaigns(queue)[0]
    kept = id_lists.list_kept(queue, draft.campaign_id, "audience")
    assert kept.n_known == 2
    assert {row[0] for row in queue.rows("SELECT customer_id FROM campaign_lists")} == {
        rows[0].customer_id,
        rows[5].customer_id,
    }


def test_settings_are_saved_checked_and_renew_the_queue(queue: Warehouse, app: App) -> None:
    visit = app(ALERTS)
    visit.number_input(key="alert_n_most").set_value(14)
    visit.checkbox(key="alert_rule_unhappy").set_value(False).run()
    _click(visit, "alert_save")
    saved = alert_policy(queue)
    assert saved.n_most == 14
    assert "unhappy" not in saved.rules_on
    for name in saved.rules_on:
        visit.checkbox(key=f"alert_rule_{name}").set_value(False)
    visit.run()
    _click(visit, "alert_save")
    assert any("every alert rule is off" in found.value.casefold() for found in visit.error)
    assert alert_policy(queue) == saved


def test_renewing_now_raises_those_who_waited(queue: Warehouse, app: App) -> None:
    visit = app(ALERTS)
    before = alerts(queue).n_all
    visit.number_input(key="alert_n_most").set_value(15).run()
    _click(visit, "alert_save_renew")
    deadline = time.monotonic() + 60
    while alerts(queue).n_all == before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert alerts(queue).n_all == 15
    visit.run()
    assert _metrics(visit)["To do"] == "15"


def test_a_shop_without_a_model_is_told_so(churn_home: Path, app: App) -> None:
    warehouse = create_workspace("Young")
    usual = {f"U{nr}": [nr % 9 + 10 * place for place in range(1, 8)] for nr in range(60)}
    late = {f"L{nr}": [17 + 10 * place for place in range(7)] for nr in range(5)}
    add_orders(warehouse, {c: [age - 9 for age in ages] for c, ages in usual.items()} | late)
    with warehouse.transaction() as tx:
        refresh_derived(tx)
    renew_alerts(warehouse)
    found = alerts(warehouse)
    assert found.n_all > 0
    assert {rule for entry in found.rows for rule in entry.rules} == {"late"}
    visit = app(ALERTS)
    said = _said(visit)
    assert "Nobody was scored yet" in said
    assert "spend in the last 365 days" in said
    today = app()
    assert f"{found.n_all} alerts wait" in _said(today)


def test_a_queue_that_was_never_made_says_how_it_begins(churn_home: Path, app: App) -> None:
    warehouse = create_workspace("Young")
    add_orders(warehouse, {"a": [3], "b": [60]})
    visit = app(ALERTS)
    assert "The queue was not made yet" in _said(visit)
    assert "alerts wait" not in _said(app())


def test_today_leads_to_the_queue(queue: Warehouse, app: App) -> None:
    visit = app()
    said = _said(visit)
    assert "12 alerts wait" in said
    assert "value at risk" in said
    assert [link.proto.label for link in visit.get("page_link")].count("Open the queue") == 1, "it is said once"


def test_the_customer_page_shows_the_alert_with_its_actions(queue: Warehouse, app: App) -> None:
    first = alerts(queue).rows[0]
    visit = app(CUSTOMER, customer=first.customer_id)
    assert not visit.exception
    assert first.next_step in _said(visit)
    _click(visit, "alert_done_reached")
    assert alert(queue, first.alert_id).outcome == "reached"
    assert f"{first.customer_id} is done: reached." in _said(visit)
    assert not any(found.key == "alert_done_reached" for found in visit.button)
    _click(visit, "alert_undo")
    assert any(found.key == "alert_done_reached" for found in visit.button)
    _click(visit, "alert_done_no_need")
    visit.text_input(key="customer").set_value("C000").run()
    assert f"{first.customer_id} is done" not in _said(visit), "what was done is said where it was done"
    quiet = app(CUSTOMER, customer="C000")
    assert not any(found.key == "alert_done_reached" for found in quiet.button)


def test_a_page_that_there_is_no_more_is_the_last_one(
    queue: Warehouse, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_alerts, "N_ROWS", 5)
    visit = app(ALERTS, queue_page="99")
    assert len(_shown(visit)) == 2
    assert visit.session_state["queue_page"] == 3, "the pages below the list stand where the list is"


def test_other_settings_say_what_they_would_do_before_they_are_saved(queue: Warehouse, app: App) -> None:
    visit = app(ALERTS)
    assert not visit.info
    visit.number_input(key="alert_n_most").set_value(14).run()
    assert [found.value for found in visit.info] == [
        "Not saved yet. Would raise 2 new alerts now, because 12 of today count already; 16 more would wait beyond the "
        "places of the day."
    ]
    assert alert_policy(queue).n_most == 12
    _click(visit, "alert_save")
    assert not visit.info
    assert "Changed since: what raises an alert" in _said(visit)


def test_who_waits_can_be_raised_today_or_planned_for_exactly(queue: Warehouse, app: App) -> None:
    visit = app(ALERTS)
    assert "18 more customers qualify and wait" in _said(visit)
    waits = customers_who_wait(queue)
    assert not set(waits) & {entry.customer_id for entry in alerts(queue).rows}
    _click(visit, "alert_plan_beyond")
    assert visit.title[0].value == "Plan"
    assert {row[0] for row in queue.rows("SELECT customer_id FROM campaign_lists")} == set(waits)
    visit = _click(app(ALERTS), "alert_more")
    deadline = time.monotonic() + 60
    while alerts(queue).n_all == 12 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert alerts(queue).n_all == 24, "as many again as a day has places"
    visit.run()
    assert "6 more customers qualify and wait" in _said(visit)
    assert visit.button(key="alert_more").label == "Raise 6 more today"
