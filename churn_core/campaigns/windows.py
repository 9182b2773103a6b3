"""Where a campaign's outcome is cut: every customer has a start, and the window of so many days that begins with it.

The one place that compares with a customer's start, so that outcomes, covariates, overlaps and looks of all parts of a
campaign mean the same days. An instant is in the window from the start on and before its end; before the start is
strictly before. ``$data_until`` is the midnight up to which orders are complete.
"""

from __future__ import annotations

from datetime import datetime, timedelta

STARTS_AT = "drawn.starts_at"
"""Column of the customer's start in the queries of this package."""


def in_window(column: str, days: int, *, starts_at: str = STARTS_AT) -> str:
    """SQL condition: the instant lies in the customer's outcome window.

    >>> in_window("order_time", 60, starts_at="starts_at")
    'order_time >= starts_at AND order_time < starts_at + INTERVAL 60 DAY'
    """
    return f"{column} >= {starts_at} AND {column} < {window_end(days, starts_at=starts_at)}"


def in_pre_period(column: str, days: int, *, starts_at: str = STARTS_AT) -> str:
    """SQL condition: the instant lies in the same number of days just before the customer's start.

    >>> in_pre_period("order_time", 60, starts_at="starts_at")
    'order_time < starts_at AND order_time >= starts_at - INTERVAL 60 DAY'
    """
    return f"{before_start(column, starts_at=starts_at)} AND {column} >= {starts_at} - INTERVAL {int(days)} DAY"


def before_start(column: str, *, starts_at: str = STARTS_AT) -> str:
    """SQL condition: the instant lies before the customer's start, however long."""
    return f"{column} < {starts_at}"


def after_window(column: str, days: int, *, starts_at: str = STARTS_AT) -> str:
    """SQL condition: the instant lies at or after the end of the customer's window."""
    return f"{column} >= {window_end(days, starts_at=starts_at)}"


def window_end(days: int, *, starts_at: str = STARTS_AT) -> str:
    """SQL of the first instant after the customer's window."""
    return f"{starts_at} + INTERVAL {int(days)} DAY"


def is_complete(days: int, *, starts_at: str = STARTS_AT, until: str = "$data_until") -> str:
    """SQL condition: the whole window is known, because the data reaches its end.

    >>> is_complete(60, starts_at="starts_at")
    'starts_at + INTERVAL 60 DAY <= $data_until'
    """
    return f"{window_end(days, starts_at=starts_at)} <= {until}"


def may_matter(column: str) -> str:
    """SQL condition that no window of the campaign, before or after the start, needs anything outside of.

    It changes no number; it spares reading orders of other years.
    """
    return f"{column} >= $windows_begin AND {column} < $windows_end"


def may_be_past(column: str) -> str:
    """SQL condition that holds for everything before anybody's start."""
    return f"{column} < $last_start"


def has_started(*, starts_at: str = STARTS_AT) -> str:
    """SQL condition: something of the window is known already."""
    return f"{starts_at} < $data_until"


def overlap(days: int, other_start: str, other_days: str, *, starts_at: str = STARTS_AT) -> str:
    """SQL condition: the customer's window and that of another campaign share an instant.

    ``other_days`` is SQL of a number of days.
    """
    ends = window_end(days, starts_at=starts_at)
    return f"{other_start} < {ends} AND {starts_at} < {other_start} + to_days({other_days})"


def since_start(column: str) -> str:
    """SQL condition: the instant lies at or after the campaign's first start, ``$campaign_start``."""
    return f"{column} >= $campaign_start"


def day_known(days: int, *, starts_at: str = STARTS_AT, first: str = "$campaign_start") -> str:
    """SQL of the day, counted from the campaign's start, at whose midnight the customer's window is complete."""
    return f"date_diff('day', {first}, {window_end(days, starts_at=starts_at)})"


def days_left(last_end: datetime, data_until: datetime) -> int:
    """Whole days of data still to come until the last window is complete; 0 when it is."""
    return max(0, -((data_until - last_end) // timedelta(days=1)))
