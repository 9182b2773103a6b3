"""How old the orders are by the calendar: pages say so once nobody can take "today" for the last day of the data.

Everything else counts from the end of the data, so that the same data gives the same answer; this alone looks at the
clock, and the one rule for when to speak is here.
"""

from __future__ import annotations

from datetime import datetime

QUIET_DAYS = 14
"""Days between the newest order and today up to which nothing is said."""


def stale_words(last_order_at: datetime | None, now: datetime) -> str:
    """That the orders end a while ago, as sentences; empty while they are fresh, or where there are none.

    >>> stale_words(datetime(2026, 10, 31, 18), datetime(2026, 11, 20, 9))
    'Orders are known until 31 Oct 2026, 20 days ago: days and risks count to then. Import newer orders.'
    >>> stale_words(datetime(2026, 10, 31, 18), datetime(2026, 11, 14, 9)), stale_words(None, datetime(2026, 11, 14))
    ('', '')
    """
    if last_order_at is None:
        return ""
    n_days = (now.date() - last_order_at.date()).days
    if n_days <= QUIET_DAYS:
        return ""
    return (
        f"Orders are known until {last_order_at:%-d %b %Y}, {n_days:,} days ago: days and risks count to then. "
        "Import newer orders."
    )
