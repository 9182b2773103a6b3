"""The one place where errors become words on a page.

A ChurnError is already one sentence for the person reading it. Anything else is a defect: the log gets the
traceback, the page gets one calm sentence. Pages themselves never catch anything.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import streamlit as st

from churn_core.errors import ChurnError, WorkspaceBusy

logger = logging.getLogger(__name__)

UNEXPECTED = (
    "Something went wrong on our side; nothing was changed. Load the page again; if it happens again, "
    "the program's log says what it was."
)

_MARKS = re.compile(r"([\\`*_{}\[\]()#+!|<>~$:-])")
_FROM_CALLBACK = "error_from_callback"


def plain(text: object) -> str:
    """Text that Markdown shows as it stands, whatever characters a file or a person put into it.

    >>> plain("*a* [b](c) $d$ <e>")
    '\\\\*a\\\\* \\\\[b\\\\]\\\\(c\\\\) \\\\$d\\\\$ \\\\<e\\\\>'
    """
    return _MARKS.sub(r"\\\1", str(text))


def sentence(text: object) -> str:
    """A message as a sentence that Markdown shows as it stands: capital first (names keep theirs), full stop last.

    >>> sentence("the file is empty"), sentence("a_b.csv is empty.").replace(chr(92), "")
    ('The file is empty.', 'a_b.csv is empty.')
    """
    words = str(text).strip()
    if words and words[-1] not in ".!?":
        words += "."
    first = words.split(" ", 1)[0]
    return plain(words[:1].upper() + words[1:] if first.isalpha() else words)


def show(error: Exception) -> None:
    """Show an error once, as a sentence."""
    if isinstance(error, WorkspaceBusy):
        st.warning(sentence(error))
    elif isinstance(error, ChurnError):
        st.error(sentence(error))
    else:
        logger.error("unexpected error on a page", exc_info=error)
        st.error(UNEXPECTED)


@contextmanager
def errors_shown() -> Iterator[None]:
    """Show whatever the block raises instead of letting it through; around the page and around fragments."""
    try:
        yield
    except Exception as error:
        show(error)


def guarded(callback: Callable[..., None], *, place: str = "") -> Callable[..., None]:
    """A widget callback whose error is kept until it is drawn: callbacks run before anything is drawn.

    The frame draws it above the page, or the block that asks for the errors of ``place`` beside the widget.
    """

    @wraps(callback)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            callback(*args, **kwargs)
        except Exception as error:
            st.session_state[_FROM_CALLBACK + place] = error

    return run


def show_callback_error(place: str = "") -> bool:
    """Show the error of the last callback, if there was one, and forget it; whether there was one."""
    error = st.session_state.pop(_FROM_CALLBACK + place, None)
    if error is not None:
        show(error)
    return error is not None
