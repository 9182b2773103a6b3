"""A reason in as few words as a cell of a list holds; the customer's page and the export keep all of them.

What is usual is told while there is room for it; what most do, and the middle of the usual range, never.
"""

from __future__ import annotations

import re

from churn_core.features.shop_habits import MOST

LONGEST = 56
"""Characters that a list shows at 1280 pixels; fewer by SLIM where it shows one more column of money."""
SLIM = 12
_MORE = re.compile(rf", ({MOST} like them|middle) .*$")
_USUAL = re.compile(r"; usual .*$")
_ALWAYS = (
    (" expected from the own rhythm", " expected"),
    ("usual gap of those who came that year", "usual gap"),
)
_SHORTER = (
    (re.compile(r" as in the same \d+ days a year ago$"), " as a year ago"),
    (re.compile(r"put into the cart and not bought"), "left in the cart"),
    (re.compile(r"\b(in|of) the last (\d+ days|half year|year)\b"), r"\1 \2"),
    (re.compile(r"\b(in|of) half year\b"), r"\1 half a year"),
    (re.compile(r"\b(in|of) year\b"), r"\1 a year"),
    (re.compile(r" down to "), " at "),
    (re.compile(r"\bonly "), ""),
)
"""What is said in fewer words where there is no room, one after the other."""


def short_reason(words: str | None, longest: int = LONGEST) -> str | None:
    """A reason of a score in at most about so many characters; None stays None.

    >>> short_reason("101 days since the last order; usual gap 40, 8 of 10 like them order again within 63")
    '101 days since the last order; usual gap 40'
    >>> short_reason("1.8 orders expected from the own rhythm; usual 1.2-4.3, middle 2.1")
    '1.8 orders expected; usual 1.2-4.3'
    >>> short_reason("browsing of the last 30 days down to 0.29 times the 60 days before; usual 0.50-1.9")
    'browsing of 30 days down to 0.29 times the 60 days before'
    """
    if not isinstance(words, str):
        return None
    found = _MORE.sub("", words)
    for long, short in _ALWAYS:
        found = found.replace(long, short)
    if len(found) > longest:
        found = _USUAL.sub("", found)
    for long_words, short in _SHORTER:
        if len(found) > longest + 2:
            found = long_words.sub(short, found)
    return found
