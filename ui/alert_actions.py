"""What the buttons of the alert pages do, and the line that says what was done, with the way back.

Everything here runs as a callback: before the page is drawn again, so that the page shows the queue as it is then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import streamlit as st

from churn_core.customers import alert_attempts as attempts
from churn_core.customers import alert_work as work
from churn_core.customers.alert_changes import N_NOTE_MOST, Worked
from churn_core.customers.alert_model import Alert
from churn_core.customers.alerts import alerts_of_ids
from churn_core.errors import InputError
from churn_core.figures.theme import counted, day
from ui import session
from ui.alert_words import ENDED
from ui.at_work import required_name
from ui.errors import guarded, plain
from ui.picked import clear_picked
from ui.session_alerts import open_alert

PLACE = "alerts"
"""Where errors of these callbacks are shown."""
LONGEST_NOTE = N_NOTE_MOST
_SAID = "alert_said"
Then = Callable[[int], None]


@dataclass(frozen=True, kw_only=True)
class Said:
    """What was done last, and how it is taken back."""

    words: str
    undo: tuple[Alert, ...] = ()
    """Alerts as they stood before, and stand again when it is taken back; none where nothing is to be taken back."""
    about: str = ""
    """The customer it is about; empty for several."""


def note_key(found: Alert) -> str:
    """Key of the field in which something about an alert is noted; numbers begin anew in every workspace."""
    return f"alert_note_{found.alert_id}_{session.current_workspace()}"


def said_block(about: str | None = None) -> None:
    """What was done last, in one line with the way back; on the page of a customer only what is about them."""
    said: Said | None = st.session_state.get(_SAID)
    if said is None or (about is not None and said.about != about):
        return
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", key=_SAID):
        st.caption(f":green[:material/check:] {plain(said.words)}", width="content")
        if said.undo:
            st.button("Undo", key="alert_undo", type="tertiary", on_click=_guarded(_undo), args=(said.undo, about))


def is_something_said() -> bool:
    """Whether the line about what was done last has words."""
    return _SAID in st.session_state


def _guarded(callback: Callable[..., None]) -> Callable[..., None]:
    return guarded(callback, place=PLACE)


def _said(words: str, worked: Worked | None = None, before: Sequence[Alert] = (), about: str = "") -> None:
    """Keep what was done; only what it has changed can be taken back, the rest may be somebody else's deed by then."""
    undo = tuple(entry for entry in before if worked is not None and entry.alert_id in worked.changed_ids)
    st.session_state[_SAID] = Said(words=words, undo=undo, about=about)


def _one(found: Alert) -> tuple[list[int], dict[int, int]]:
    """Number and version of one alert as it was seen: whoever comes second is told what changed meanwhile."""
    return [found.alert_id], {found.alert_id: found.version}


def _noted(found: Alert) -> str:
    return str(st.session_state.get(note_key(found)) or "").strip()


def _leave(found: Alert, then: Then) -> None:
    """What is noted stands in the history by now; go on to what follows."""
    st.session_state[note_key(found)] = ""
    then(found.alert_id)


def _take(found: Alert) -> None:
    me = required_name()
    ids, seen = _one(found)
    worked = work.take(session.warehouse(), ids, me, person=me, seen=seen)
    _said(f"{found.customer_id} is yours.", worked, [found], found.customer_id)


def _take_over(found: Alert) -> None:
    me = required_name()
    ids, seen = _one(found)
    worked = work.hand_over(session.warehouse(), ids, me, person=me, seen=seen)
    _said(f"{found.customer_id} is yours; {found.owner} had it before.", worked, [found], found.customer_id)


def _hand_over(found: Alert, then: Then) -> None:
    owner = st.session_state.get(f"alert_to_{found.alert_id}")
    if not owner:
        raise InputError("choose or type the name of the person who takes the alert over.")
    ids, seen = _one(found)
    worked = work.hand_over(session.warehouse(), ids, owner, note=_noted(found), person=required_name(), seen=seen)
    _said(f"{found.customer_id} is with {owner} now.", worked, [found], found.customer_id)
    _leave(found, then)


def _put_off(found: Alert, until: date | None, then: Then) -> None:
    chosen = until or st.session_state.get(f"alert_until_{found.alert_id}")
    if chosen is None:
        raise InputError("choose the day on which the alert comes back.")
    if st.session_state.get(f"alert_tried_{found.alert_id}"):
        _not_reached(found, chosen, then)
        return
    ids, seen = _one(found)
    worked = work.snooze(session.warehouse(), ids, chosen, note=_noted(found), person=required_name(), seen=seen)
    _said(f"{found.customer_id} is put off until {day(chosen)}.", worked, [found], found.customer_id)
    _leave(found, then)


def _not_reached(found: Alert, until: date, then: Then) -> None:
    ids, seen = _one(found)
    me, noted = required_name(), _noted(found)
    worked = attempts.not_reached(session.warehouse(), ids, until=until, note=noted, person=me, seen=seen)
    attempt = f"{found.customer_id} not reached, attempt {found.n_tried + 1}"
    _said(f"{attempt}: back {day(until)}.", worked, [found], found.customer_id)
    _leave(found, then)


def _done(found: Alert, outcome: str, then: Then) -> None:
    ids, seen = _one(found)
    worked = work.done(session.warehouse(), ids, outcome, _noted(found), person=required_name(), seen=seen)
    _said(f"{found.customer_id} is done: {ENDED[outcome]}.", worked, [found], found.customer_id)
    _leave(found, then)


def _reopen(found: Alert) -> None:
    ids, seen = _one(found)
    work.reopen(session.warehouse(), ids, person=required_name(), seen=seen)
    _said(f"{found.customer_id} is open again.", about=found.customer_id)


def _note(found: Alert) -> None:
    text = _noted(found)
    if not text:
        raise InputError("there is nothing to keep yet; write a note first.")
    work.note(session.warehouse(), [found.alert_id], text, person=required_name())
    st.session_state[note_key(found)] = ""
    _said(f"Noted for {found.customer_id}.", about=found.customer_id)


def _undo(before: tuple[Alert, ...], about: str | None) -> None:
    attempts.take_back(session.warehouse(), before, person=required_name())
    st.session_state.pop(_SAID, None)
    if about is None:
        open_alert(before[0].alert_id)


def _together(many: Sequence[int], told: str, work_on: Callable[..., Worked], *values: Any, **named: Any) -> None:
    """One action on several alerts: on all of them or, where one of them stands otherwise by now, on none."""
    before = alerts_of_ids(session.warehouse(), many)
    seen = {entry.alert_id: entry.version for entry in before}
    worked = work_on(session.warehouse(), list(many), *values, person=required_name(), seen=seen, **named)
    _said(f"{counted(len(many), 'alert')} {told}.", worked, before)
    clear_picked()
    open_alert(None)


def _take_all(many: Sequence[int]) -> None:
    _together(many, "taken", work.take, required_name())


def _hand_over_all(many: Sequence[int]) -> None:
    owner = st.session_state.get("bulk_to")
    if not owner:
        raise InputError("choose or type the name of the person who takes the alerts over.")
    _together(many, f"handed over to {owner}", work.hand_over, owner)


def _put_off_all(many: Sequence[int]) -> None:
    chosen = st.session_state.get("bulk_until")
    if chosen is None:
        raise InputError("choose the day on which the alerts come back.")
    if st.session_state.get("bulk_tried"):
        _not_reached_all(many, chosen)
    else:
        _together(many, f"put off until {day(chosen)}", work.snooze, chosen)


def _not_reached_all(many: Sequence[int], until: date) -> None:
    noted = st.session_state.get("bulk_note") or ""
    _together(many, f"not reached: back {day(until)}", attempts.not_reached, until=until, note=noted)
    st.session_state["bulk_note"] = ""


def _done_all(many: Sequence[int], outcome: str) -> None:
    _together(many, f"done: {ENDED[outcome]}", work.done, outcome, st.session_state.get("bulk_note") or "")
    st.session_state["bulk_note"] = ""


take = _guarded(_take)
take_over = _guarded(_take_over)
hand_over = _guarded(_hand_over)
put_off = _guarded(_put_off)
not_reached = _guarded(_not_reached)
done = _guarded(_done)
reopen = _guarded(_reopen)
note = _guarded(_note)
take_all = _guarded(_take_all)
hand_over_all = _guarded(_hand_over_all)
put_off_all = _guarded(_put_off_all)
not_reached_all = _guarded(_not_reached_all)
done_all = _guarded(_done_all)
