"""How the customer of an alert is reached, as one line with links to dial and to write; the name stands in the heading.

The line is HTML because Markdown here takes no links to telephone numbers; everything in it is escaped.
"""

from __future__ import annotations

from html import escape
from urllib.parse import quote

import streamlit as st

from churn_core.customers.alert_contact import Contact
from churn_core.customers.alert_model import Alert
from churn_core.figures.theme import palette
from ui import session
from ui import session_alerts as calls
from ui.session import Stamp


def contact_block(stamp: Stamp, found: Alert) -> None:
    """Number and address of an open alert's customer; nothing where nobody may contact them, or nothing is known."""
    if not found.is_live or found.held_back:
        return
    known = calls.contact(stamp, found.customer_id)
    if known is not None and (known.phone or known.email):
        st.html(f"<div style='font-size: 0.9rem; overflow-wrap: anywhere'>{_line(known)}</div>")


def _line(known: Contact) -> str:
    parts = []
    if known.phone:
        parts.append(_link(f"tel:{known.dialled}" if known.dialled else "", known.phone))
        parts += _against(known.call_words)
    if known.email:
        address = known.mail_address
        parts.append(_link(f"mailto:{quote(address, safe='@')}" if address else "", known.email))
        parts += _against("" if known.may_write else known.consent_words)
    return " · ".join(parts)


def _against(words: str) -> list[str]:
    return [f"<span style='opacity: 0.7'>{escape(words)}</span>"] if words else []


def _link(target: str, words: str) -> str:
    style = f"color: {palette(session.mode()).accent}; text-decoration: underline"
    return f"<a href='{escape(target)}' style='{style}'>{escape(words)}</a>" if target else escape(words)
