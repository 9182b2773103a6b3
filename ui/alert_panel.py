"""One alert as somebody works on it: who, how much, why, what next, and what can be done with it.

The same beside the queue and on the customer's page; what follows an action - the next alert, or nothing - is the
page's to say.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import streamlit as st

from churn_core.customers.alert_attempts import n_attempts_with
from churn_core.customers.alert_model import NOT_REACHED, OUTCOMES_BY_PEOPLE, Alert
from churn_core.figures.theme import counted, percent, tier_label
from ui import alert_actions as actions
from ui import session_alerts as calls
from ui.alert_contact import contact_block
from ui.alert_words import ENDED, day_named, due_of, stake_of, standing_of
from ui.at_work import name_at_work, name_field
from ui.errors import plain, sentence
from ui.session import Stamp

Then = Callable[[int], None]
"""What follows once an alert needs nobody here any more."""
_KEYS = {"reached": "Alt+1", NOT_REACHED: "Alt+2", "no_need": "Alt+3"}
_N_WHY = 5
"""Sentences that are shown at once; the others stand with the history."""


def alert_panel(stamp: Stamp, found: Alert, currency: str, *, then: Then) -> None:
    """An alert beside the queue: who, how much, why, what next, and its actions with their keys."""
    with st.container(border=True, key="alert_panel"):
        _who(found)
        contact_block(stamp, found)
        told = " · ".join(part for part in (stake_of(found, currency), _risk(found)) if part)
        st.markdown(f"**{plain(told)}**  \n{_standing(stamp, found)}" if told else _standing(stamp, found))
        _why(found, _N_WHY)
        _work(stamp, found, then, has_keys=True)
        _history(stamp, found, found.why[_N_WHY:])


def customer_alert(stamp: Stamp, found: Alert) -> None:
    """The same on the page of the customer, which says risk, money and reasons itself."""
    with st.container(border=True, key="alert_panel"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f"**Alert** · {_standing(stamp, found)}", width="content")
            st.page_link(
                calls.PAGE, label="In the queue", icon=":material/arrow_forward:", width="content",
                query_params={calls.ALERT: str(found.alert_id)},
            )  # fmt: skip
        contact_block(stamp, found)
        _why(found, len(found.rules))
        if not name_at_work():
            name_field()
        _work(stamp, found, _stay, has_keys=False)
        _history(stamp, found, ())


def _stay(alert_id: int) -> None:
    """Nothing follows."""


def _who(found: Alert) -> None:
    named = f" · {plain(found.name)}" if found.name else ""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.subheader(f"{plain(found.customer_id)}{named}", anchor=False, width="content")
        st.page_link(
            "pages/customers/customer.py", label="Customer", icon=":material/person:", width="content",
            query_params={"customer": found.customer_id},
        )  # fmt: skip


def _risk(found: Alert) -> str:
    return f"{tier_label(found.tier)}, {percent(found.risk)} risk" if found.risk is not None else ""


def _standing(stamp: Stamp, found: Alert) -> str:
    """Until when, and with whom."""
    due = ""
    if found.status in ("open", "taken"):
        is_near = (found.due_on - calls.today()).days < 2
        due = due_of(found, calls.today()) if is_near else day_named(found.due_on)
        due = f":red[**{due}**]" if found.is_overdue else f"due {due}"
    return " · ".join(part for part in (due, plain(standing_of(found, calls.history(stamp, found.alert_id)))) if part)


def _why(found: Alert, n_shown: int) -> None:
    """What rules found, then reasons, one line each; above all that somebody must not be contacted."""
    if found.held_back:
        st.warning(sentence(found.held_back), icon=":material/block:")
    lines = [f"• {_line(words)}" for words in found.why[:n_shown]] or [":gray[The reasons are not known any more.]"]
    st.markdown("  \n".join(("**Why**", *lines)))


def _line(words: str) -> str:
    """A sentence without full stop as a line of its own; a percent sign stays with its number."""
    return plain(words[:1].upper() + words[1:]).replace(" %", "\u00a0%")


def _work(stamp: Stamp, found: Alert, then: Then, *, has_keys: bool) -> None:
    """What next, and what can be done."""
    st.markdown(f"**What next**  \n{plain(found.what_next)}")
    if not found.is_live:
        st.button("Open again", key="alert_reopen", on_click=actions.reopen, args=(found,), icon=":material/undo:")
        return
    _end(stamp, found, then, has_keys)
    _keep(stamp, found, then)


@st.fragment
def _draft(found: Alert) -> None:
    """The note as it is typed: a draft that stays with its alert for the visit, whatever is opened meanwhile.

    Handed in with every letter, in a run of this field alone: a key that ends the alert takes the note along.
    """
    st.text_input(
        "Note", key=actions.note_key(found), placeholder="Note: what they said, what was promised",
        max_chars=actions.LONGEST_NOTE, label_visibility="collapsed", live="0ms", persist_state="session",
    )  # fmt: skip


def _end(stamp: Stamp, found: Alert, then: Then, has_keys: bool) -> None:
    """A note, and what came of the alert: reached, not reached - which brings it back -, or no need."""
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
        _draft(found)
        st.button(
            "Keep", key="alert_note", type="tertiary", icon=":material/note_add:", on_click=actions.note, args=(found,),
            help="Keep the note in the history without ending the alert",
        )  # fmt: skip
    with st.container(horizontal=True, gap="xsmall", key="alert_done"):
        again = calls.next_working_day(stamp)
        for outcome in OUTCOMES_BY_PEOPLE:
            is_attempt = outcome == NOT_REACHED
            # No help on hover: the mouse still rests here when the next alert opens, and it would cover the note.
            st.button(
                ENDED[outcome].capitalize(), key="alert_not_reached" if is_attempt else f"alert_done_{outcome}",
                type="primary" if outcome == "reached" and not found.held_back else "secondary",
                shortcut=_KEYS.get(outcome) if has_keys else None,
                on_click=actions.not_reached if is_attempt else actions.done,
                args=(found, again if is_attempt else outcome, then),
            )  # fmt: skip
        n_attempts = n_attempts_with(found)
        if n_attempts >= calls.policy(stamp).n_attempts:
            st.button(
                "Give up", key="alert_done_not_reached", on_click=actions.done, args=(found, NOT_REACHED, then),
                help=f"Close it as not reached after {counted(n_attempts, 'attempt')}",
            )  # fmt: skip


def _keep(stamp: Stamp, found: Alert, then: Then) -> None:
    """What can be done with an alert that stays: take it, put it off, hand it over."""
    with st.container(horizontal=True, gap="xsmall", key="alert_keep"):
        if not found.owner:
            st.button("Take it", key="alert_take", icon=":material/front_hand:", on_click=actions.take, args=(found,))
        elif found.owner != name_at_work():
            st.button(
                "Take over", key="alert_take_over", icon=":material/front_hand:", on_click=actions.take_over,
                args=(found,), help=plain(f"From {found.owner}, who has it now"),
            )  # fmt: skip
        with st.popover("Put off", icon=":material/snooze:", key=f"alert_put_off_{found.alert_id}"):
            _put_off(stamp, found, then)
        with st.popover("Hand over", icon=":material/forward:", key=f"alert_hand_over_{found.alert_id}"):
            people = [name for name in calls.owners(stamp) if name != found.owner]
            st.selectbox(
                "To",
                people,
                index=None,
                key=f"alert_to_{found.alert_id}",
                accept_new_options=True,
                placeholder="Choose or type a name",
            )
            st.button("Hand over", type="primary", key="alert_give", on_click=actions.hand_over, args=(found, then))


def _put_off(stamp: Stamp, found: Alert, then: Then) -> None:
    st.toggle("I tried and did not reach them", key=f"alert_tried_{found.alert_id}")
    for number, (until, label) in enumerate(sorted(calls.days_ahead(stamp).items())):
        st.button(
            f"{label}, {day_named(until)}", key=f"alert_off_{number}", type="tertiary",
            on_click=actions.put_off, args=(found, until, then),
        )  # fmt: skip
    st.date_input(
        "Or until",
        value=None,
        min_value=calls.today() + timedelta(days=1),
        key=f"alert_until_{found.alert_id}",
        format="YYYY-MM-DD",
    )
    st.button("Put off", type="primary", key="alert_off", on_click=actions.put_off, args=(found, None, then))


def _history(stamp: Stamp, found: Alert, more: tuple[str, ...]) -> None:
    """Reasons for which there was no room, and who did what when."""
    with st.expander("More reasons and history" if more else "History"):
        if more:
            st.markdown("  \n".join(f"• {_line(words)}" for words in more))
        lines = []
        for entry in calls.history(stamp, found.alert_id):
            who = f" · {plain(entry.person)}" if entry.person else ""
            note = f"  \n:gray[“{plain(entry.note)}”]" if entry.note else ""
            lines.append(f"{plain(f'{entry.at:%-d %b %Y %H:%M}')}{who}: {plain(entry.words)}{note}")
        st.markdown("  \n".join(lines))
        st.caption("Times are UTC.")
