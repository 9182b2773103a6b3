"""Who is at work: a name that a visitor gives once, kept for the visit and in a cookie of this browser.

There is no sign-in, so the name is what somebody says of themselves. It stays out of the address: a link sent to a
colleague must not make the colleague somebody else.
"""

from __future__ import annotations

from urllib.parse import quote, unquote

import streamlit as st

from churn_core.errors import InputError
from churn_core.warehouse import acting_person

LONGEST = 60
"""Characters of a name."""
FIELD = "you_are"
"""Key of the field, which lives as long as the page is shown."""
_NAME = "name_at_work"
_COOKIE = "churn_you_are"
_YEAR_SECONDS = 365 * 24 * 3600


def name_at_work() -> str:
    """The visitor's name as given, else the one of the last visit, else the account of this machine."""
    if _NAME not in st.session_state:
        kept = st.context.cookies.get(_COOKIE)
        last = unquote(kept) if isinstance(kept, str) else ""
        st.session_state[_NAME] = _clean(last) or _clean(acting_person())
    return str(st.session_state[_NAME])


def required_name() -> str:
    """The visitor's name; InputError while there is none."""
    name = name_at_work()
    if not name:
        raise InputError("nobody knows who you are yet; write your name into the field 'You are' first.")
    return name


def name_field(width: int = 150) -> str:
    """The field where a visitor says who they are; the name."""
    if FIELD not in st.session_state:
        st.session_state[FIELD] = name_at_work()
    st.text_input(
        "You are", key=FIELD, max_chars=LONGEST, width=width, placeholder="Your name", on_change=_take_over,
        help="Stands as the owner of what you take and in the history of what you do. Kept in this browser.",
    )  # fmt: skip
    return name_at_work()


def keep_name() -> None:
    """Let the browser remember the name; draws nothing, and does so only after the name was changed."""
    changed = st.session_state.pop(f"{_NAME}_changed", None)
    if changed is not None:
        # Percent-encoded, the name consists of letters, digits and "%" only, whatever somebody typed.
        value = quote(changed, safe="").replace("'", "%27")
        st.html(
            f"<script>document.cookie = '{_COOKIE}={value}; path=/; max-age={_YEAR_SECONDS}; SameSite=Lax'</script>",
            unsafe_allow_javascript=True,
        )


def _take_over() -> None:
    name = _clean(st.session_state.get(FIELD) or "")
    st.session_state[_NAME] = st.session_state[f"{_NAME}_changed"] = name


def _clean(name: str) -> str:
    """A name on one line.

    >>> _clean("  Ada   Lovelace ")
    'Ada Lovelace'
    """
    return " ".join(name.split())[:LONGEST]
