"""Working days, on which alerts are due and come back: a desk that is closed at weekends misses nothing then.

Which days of the week these are is part of the policy. Public holidays are not known.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, time, timedelta

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
"""Days of the week as a policy names them."""
MON_TO_FRI = WEEKDAYS[:5]


def is_working_day(day: date, working: Collection[str]) -> bool:
    """Whether somebody works on a day.

    >>> is_working_day(date(2011, 9, 2), MON_TO_FRI), is_working_day(date(2011, 9, 3), MON_TO_FRI)
    (True, False)
    """
    return WEEKDAYS[day.weekday()] in working


def working_day_after(day: date, n_days: int, working: Collection[str]) -> date:
    """The so many-th working day after a day; for 0 the day itself, or the next one on which somebody works.

    >>> friday = date(2011, 9, 2)
    >>> working_day_after(friday, 1, MON_TO_FRI), working_day_after(friday, 3, MON_TO_FRI)
    (datetime.date(2011, 9, 5), datetime.date(2011, 9, 7))
    >>> working_day_after(date(2011, 9, 3), 0, MON_TO_FRI), working_day_after(friday, 1, WEEKDAYS)
    (datetime.date(2011, 9, 5), datetime.date(2011, 9, 3))
    """
    found = day
    for _ in range(n_days):
        found = _from(found + timedelta(days=1), working)
    return _from(found, working)


def end_of_working_day(moment: datetime, n_days: int, working: Collection[str]) -> datetime:
    """The end of the so many-th working day after a moment, which is the midnight after it.

    >>> end_of_working_day(datetime(2011, 9, 2, 14), 1, MON_TO_FRI)
    datetime.datetime(2011, 9, 6, 0, 0)
    """
    return datetime.combine(working_day_after(moment.date(), n_days, working) + timedelta(days=1), time())


def _from(day: date, working: Collection[str]) -> date:
    return next(found for found in (day + timedelta(days=n) for n in range(7)) if is_working_day(found, working))
