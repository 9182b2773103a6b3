"""What the buttons of the alert pages do, and the line that says what was done, with the way back.

Everything here runs as a callback: before the page is drawn again, so that the page shows the queue as it is then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import streamlit as st

from churn_core.customers import alert_work as work
from churn_core.customers.alert_model import Alert
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
LONGEST_NOTE = work.N_NOTE_MOST
_SAID = "alert_said"
Then = Callable[[int], None]


@dataclass(frozen=True, kw_only=True)
class Said:
    """What was done last, and how it is taken back."""

    words: str
    undo: tuple[int, ...] = ()
    """Alerts that are opened again when it is taken back; none where nothing is to be taken back."""
    about: str = ""
    """The customer it is about; empty for several."""


def note_key(found: Alert) -> str:
    """Key of the field in which something about an alert is noted."""
    return f"alert_note_{found.alert_id}"


def said_block(about: str | None = None) -> None:
    """What was done last, in one line with the way back; on the page of a customer only what is about them."""
    said: Said | None = st.session_state.get(_SAID)
    if said is None or (about is not None and said.about != about):
        return
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", key=_SAID):
        st.caption(f":green[:material/check:] {plain(said.words)}", width="content")
        if said.undo:
            st.button("Undo", key="alert_undo", type="tertiary", on_click=_guarded(_undo), args=(said.undo, about))


def _guarded(callback: Callable[..., None]) -> Callable[..., None]:
    return guarded(callback, place=PLACE)


def _said(words: str, undo: Sequence[int] = (), about: str = "") -> None:
    st.session_state[_SAID] = Said(words=words, undo=tuple(undo), about=about)


def _one(found: Alert) -> tuple[list[int], dict[int, int]]:
    """Number and version of one alert as it was seen: whoever comes second is told what changed meanwhile."""
    return [found.alert_id], {found.alert_id: found.version}


def _noted(found: Alert) -> str:
    return str(st.session_state.get(note_key(found)) or "").strip()


def _take(found: Alert) -> None:
    me = required_name()
    ids, seen = _one(found)
    work.take(session.warehouse(), ids, me, person=me, seen=seen)
    _said(f"{found.customer_id} is yours.", about=found.customer_id)


def _take_over(found: Alert) -> None:
    me = required_name()
    ids, seen = _one(found)
    work.hand_over(session.warehouse(), ids, me, person=me, seen=seen)
    _said(f"{found.customer_id} is yours; {found.owner} had it before.", about=found.customer_id)


def _hand_over(found: Alert, then: Then) -> None:
    owner = st.session_state.get(f"alert_to_{found.alert_id}")
    if not owner:
        raise InputError("choose or type the name of the person who takes the alert over.")
    ids, seen = _one(found)
    work.hand_over(session.warehouse(), ids, owner, note=_noted(found), person=required_name(), seen=seen)
    _said(f"{found.customer_id} is with {owner} now.", about=found.customer_id)
    then(found.alert_id)


def _put_off(found: Alert, until: date | None, then: Then) -> None:
    chosen = until or st.session_state.get(f"alert_until_{found.alert_id}")
    if chosen is None:
        raise InputError("choose the day on which the alert comes back.")
    ids, seen = _one(found)
    work.snooze(session.warehouse(), ids, chosen, note=_noted(found), person=required_name(), seen=seen)
    _said(f"{found.customer_id} is put off until {day(chosen)}.", [found.alert_id], found.customer_id)
    then(found.alert_id)


def _done(found: Alert, outcome: str, then: Then) -> None:
    ids, seen = _one(found)
    work.done(session.warehouse(), ids, outcome, _noted(found), person=required_name(), seen=seen)
    _said(f"{found.customer_id} is done: {ENDED[outcome]}.", [found.alert_id], found.customer_id)
    then(found.alert_id)


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


def _undo(alert_ids: tuple[int, ...], about: str | None) -> None:
    work.reopen(session.warehouse(), list(alert_ids), person=required_name())
    st.session_state.pop(_SAID, None)
    if about is None:
        open_alert(alert_ids[0])


def _together(many: Sequence[int], told: str, work_on: Callable[..., Any], *values: Any, undo: bool) -> None:
    """One action on several alerts: on all of them or, where one of them stands otherwise by now, on none."""
    work_on(session.warehouse(), list(many), *values, person=required_name())
    _said(f"{counted(len(many), 'alert')} {told}.", many if undo else ())
    clear_picked()
    open_alert(None)


def _take_all(many: Sequence[int]) -> None:
    _together(many, "taken", work.take, required_name(), undo=False)


def _hand_over_all(many: Sequence[int]) -> None:
    owner = st.session_state.get("bulk_to")
    if not owner:
        raise InputError("choose or type the name of the person who takes the alerts over.")
    _together(many, f"handed over to {owner}", work.hand_over, owner, undo=False)


def _put_off_all(many: Sequence[int]) -> None:
    chosen = st.session_state.get("bulk_until")
    if chosen is None:
        raise InputError("choose the day on which the alerts come back.")
    _together(many, f"put off until {day(chosen)}", work.snooze, chosen, undo=True)


def _done_all(many: Sequence[int], outcome: str) -> None:
    _together(many, f"done: {ENDED[outcome]}", work.done, outcome, st.session_state.get("bulk_note") or "", undo=True)
    st.session_state["bulk_note"] = ""


take = _guarded(_take)
take_over = _guarded(_take_over)
hand_over = _guarded(_hand_over)
put_off = _guarded(_put_off)
done = _guarded(_done)
reopen = _guarded(_reopen)
note = _guarded(_note)
take_all = _guarded(_take_all)
hand_over_all = _guarded(_hand_over_all)
put_off_all = _guarded(_put_off_all)
done_all = _guarded(_done_all)
