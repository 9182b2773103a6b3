"""How text becomes a moment: SQL that reads dates as shops, people and machines write them.

Apart from numbers and words because dates have the most spellings: ISO with and without a zone, day or month
first, month names in four languages, digits only, seconds since 1970, the day numbers of spreadsheet programs.
"""

from __future__ import annotations

from collections.abc import Sequence

_ISO = "^\\d{4}[-/.]\\d{1,2}[-/.]\\d{1,2}([ T]\\d{1,2}:\\d{2}(:\\d{2}([.,]\\d+)?)?)?"
_OFFSET = "[+-]\\d\\d(:?\\d\\d)?"

_TIME_PARTS = (
    "",
    " %H:%M",
    " %H:%M:%S",
    " %I:%M %p",
    " %I:%M:%S %p",
    " %H:%M:%S-%f",
    "T%H:%M:%S",
    "T%H:%M",
    "T%H:%M:%SZ",
)
_DAY_PARTS = {
    "dmy": ("%d-%m-%y", "%d-%m-%Y"),
    "mdy": ("%m-%d-%y", "%m-%d-%Y"),
    "ymd": ("%y-%m-%d",),
}
_YEAR_FIRST = ("%Y-%m-%d", "%Y%m%d")
_NAMED = (
    "%d %b %y",
    "%d %b %Y",
    "%d-%b-%y",
    "%d-%b-%Y",
    "%b %d %Y",
    "%b-%d-%Y",
    "%d- %b- %Y",
    "%d- %b %Y",
    "%d %b- %Y",
    "%Y年%m月%d日",
    "%Y %b %d",
    "%Y-%b-%d",
)

MONTHS: dict[str, str] = {
    "Jan": "january januar jänner janvier janv enero ene",
    "Feb": "february februar feber février fevrier févr fevr fév febrero",
    "Mar": "march märz maerz mär mrz mars marzo",
    "Apr": "april avril avr abril abr",
    "May": "mai mayo",
    "Jun": "june juni juin junio",
    "Jul": "july juli juillet juil julio",
    "Aug": "august août aout agosto ago",
    "Sep": "september sept septembre septiembre setiembre",
    "Oct": "october oktober okt octobre octubre",
    "Nov": "november novembre noviembre",
    "Dec": "december dezember dez décembre decembre déc diciembre dic",
}
"""Names of the months in English, German, French and Spanish beside the abbreviation that formats know."""

_WEEKDAYS = (
    "mon|tue|wed|thu|fri|sat|sun|tues|thur|thurs|monday|tuesday|wednesday|thursday|friday|saturday|sunday|"
    "mo|di|mi|do|fr|sa|so|montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonnabend|sonntag|"
    "lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|"
    "lunes|martes|miércoles|jueves|viernes|sábado|domingo"
)
_FILLERS = "at|um|à|a las|de|del"
_ZONES = {
    "+00:00": ("Z", "UTC", "GMT", "WET"),
    "+01:00": ("BST", "CET", "MEZ", "WEST"),
    "+02:00": ("CEST", "MESZ", "EET"),
    "+03:00": ("EEST", "MSK"),
    "+09:00": ("JST", "KST"),
    "+10:00": ("AEST",),
    "+11:00": ("AEDT",),
    "-03:00": ("BRT",),
    "-04:00": ("EDT",),
    "-05:00": ("EST", "CDT"),
    "-06:00": ("MDT",),
    "-07:00": ("MST", "PDT"),
    "-08:00": ("PST",),
}
"""Hours ahead of UTC of the abbreviations that mean one zone only (CST and IST mean several)."""

_MOMENT = "^(.*\\d:\\d\\d(?::\\d\\d(?:[.,]\\d+)?)?(?: ?[AaPp][Mm])?) ?"
_ZONED = f"{_MOMENT}(?:UTC|GMT)?({_OFFSET}|[A-Za-z]{{1,4}}|[A-Za-z]+/[A-Za-z_/]+)$"
_SERIAL = "[3-6]\\d{4}"


def date_formats(order: str) -> list[str]:
    """All formats tried for dates that are not ISO, in order; separators are written as ``-`` beforehand."""
    return [f"{day}{time}" for day in (*_DAY_PARTS[order], *_YEAR_FIRST, *_NAMED) for time in _TIME_PARTS]


def fast_formats(order: str) -> list[str]:
    """Formats with their own separators that may be tried first where samples of a column follow them."""
    days = [day.replace("-", mark) for mark in "-/." for day in (*_DAY_PARTS[order], "%Y-%m-%d")]
    days += ["%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y"]
    return [f"{day}{time}" for day in days for time in (*_TIME_PARTS[:5], *_TIME_PARTS[6:])]


def date_sql(text: str, order: str, *, first: Sequence[str] = ()) -> str:
    """SQL that reads a text as naive UTC time, NULL when it is no date.

    Times with a zone are converted to UTC, without one they are taken as UTC. Dates like 03/04/2011 follow
    ``order`` ("dmy", "mdy"; "ymd" for two-digit years). Digits alone are YYYYMMDD, YYMMDD, YYYYMMDDhhmmss, seconds to
    nanoseconds since 1970, or from 30000 on days of a spreadsheet program (45292 is 1 January 2024).
    ``first`` are formats (of :func:`fast_formats`) to try before all else.
    """
    zoned_iso = f"{_ISO} ?(Z|z|UTC|GMT|{_OFFSET})$"
    general = (
        "CASE "
        f"WHEN {text} IS NULL THEN NULL "
        f"WHEN regexp_matches({text}, '{_ISO}$') THEN {_iso(text)} "
        f"WHEN regexp_matches({text}, '{zoned_iso}') THEN {_iso_with_zone(text)} "
        f"WHEN regexp_matches({text}, '^\\d+([.,]\\d+)?$') THEN {_digits(text)} "
        f"WHEN regexp_matches({text}, '\\pL') THEN {_in_words(text, order)} "
        f"ELSE {_formatted(text, order)} END"
    )
    if not first:
        return general
    guard = f"substring({text}, 5, 1) IN ('-', '/', '.')" if first[0].startswith("%Y") else "true"
    fast = f"try_strptime({text}, [{_list(first)}])"
    return f"CASE WHEN {guard} AND {fast} IS NOT NULL THEN {fast} ELSE {general} END"


def _iso(text: str) -> str:
    return f"TRY_CAST(replace(left({text}, 10), '.', '-') || replace(substring({text}, 11), ',', '.') AS TIMESTAMP)"


def _iso_with_zone(text: str) -> str:
    time_and_zone = f"regexp_replace(replace(substring({text}, 11), ',', '.'), ' *(UTC|GMT|z|Z)$', '+00')"
    time_and_zone = f"regexp_replace({time_and_zone}, ' *([+-]\\d\\d)$', '\\1:00')"
    time_and_zone = f"regexp_replace({time_and_zone}, ' *([+-]\\d\\d):?(\\d\\d)$', '\\1:\\2')"
    return f"CAST(TRY_CAST(replace(left({text}, 10), '.', '-') || {time_and_zone} AS TIMESTAMPTZ) AS TIMESTAMP)"


def _digits(text: str) -> str:
    """Digits, with a fraction where programs write whole numbers or parts of a day or second as such."""
    whole, fraction = "regexp_extract(digits, '^\\d+')", "regexp_extract(digits, '[.,](\\d+)$', 1)"
    microseconds = {9: 10**6, 10: 10**6, 12: 10**3, 13: 10**3, 16: 1}
    since_1970 = " ".join(
        f"WHEN length(whole) = {n_digits} THEN make_timestamp(CAST(whole AS BIGINT) * {factor} + "
        f"CAST(fraction * {factor} AS BIGINT))"
        for n_digits, factor in microseconds.items()
    )
    seconds = "CAST(round((CAST(whole AS BIGINT) + fraction) * 86400) AS BIGINT)"
    read = (
        f"CASE WHEN regexp_matches(whole, '^{_SERIAL}$') THEN TIMESTAMP '1899-12-30' + to_seconds({seconds}) "
        f"{since_1970} "
        "WHEN length(whole) = 19 THEN make_timestamp(TRY_CAST(whole AS BIGINT) // 1000) "
        "WHEN fraction > 0 THEN NULL "
        "WHEN length(whole) = 8 THEN try_strptime(whole, '%Y%m%d') "
        "WHEN length(whole) = 6 THEN try_strptime(whole, '%y%m%d') "
        "WHEN length(whole) = 14 THEN try_strptime(whole, '%Y%m%d%H%M%S') END"
    )
    share = f"coalesce(TRY_CAST('0.' || {fraction} AS DOUBLE), 0)"
    return _let("digits", text, _let("whole", whole, _let("fraction", share, read)))


def _in_words(text: str, order: str) -> str:
    """A date with letters: names of months and days, am and pm, a zone, or words around it."""
    plain = "regexp_replace(written, ' *\\(.*\\)$| *(Uhr|uhr|hrs)\\.?$', '')"
    plain = f"regexp_replace({plain}, '(?i)^({_WEEKDAYS})\\b\\.?,? *', '')"
    plain = f"regexp_replace({plain}, '(?i),? +({_FILLERS}) +', ' ', 'g')"
    plain = f"regexp_replace({plain}, '(?i)^(\\d+)(st|nd|rd|th|er)\\b|(\\pL \\d+)(st|nd|rd|th)\\b', '\\1\\3')"
    plain = f"regexp_replace({plain}, '(?i)(\\d) ?([ap])\\.?m\\b\\.?', '\\1 \\2m')"
    known = " ".join(f"WHEN lower(word) IN ({_list(names.split())}) THEN '{month}'" for month, names in MONTHS.items())
    english = f"regexp_replace(plain, '\\pL{{3,}}', CASE {known} ELSE word END)"
    has_zone = f"regexp_matches(english, '{_ZONED}') AND NOT regexp_matches(english, '(?i) [ap]m$')"
    read = f"CASE WHEN {has_zone} THEN {_with_zone('english', order)} ELSE {_local('english', order)} END"
    word = "regexp_extract(plain, '\\pL{3,}')"
    return _let("written", text, _let("plain", plain, _let("english", _let("word", word, english), read)))


def _with_zone(text: str, order: str) -> str:
    """A moment followed by its offset from UTC, the abbreviation of a zone or the name of one."""
    whens = " ".join(f"WHEN upper(zone) IN ({_list(names)}) THEN '{offset}'" for offset, names in _ZONES.items())
    offset = (
        f"CASE {whens} WHEN regexp_matches(zone, '^[+-]\\d\\d$') THEN zone || ':00' "
        "WHEN regexp_matches(zone, '^[+-]\\d{4}$') THEN left(zone, 3) || ':' || right(zone, 2) "
        "WHEN zone LIKE '%/%' THEN ' ' || zone WHEN zone LIKE '%:%' THEN zone END"
    )
    local = f"strftime({_local('moment', order)}, '%Y-%m-%d %H:%M:%S.%f')"
    read = f"CAST(TRY_CAST({local} || {offset} AS TIMESTAMPTZ) AS TIMESTAMP)"
    moment, zone = f"regexp_extract({text}, '{_ZONED}', 1)", f"regexp_extract({text}, '{_ZONED}', 2)"
    return _let("moment", moment, _let("zone", zone, read))


def _local(text: str, order: str) -> str:
    named = f"try_strptime({_tidy(text)}, [{_list(date_formats(order))}])"
    return f"CASE WHEN regexp_matches({text}, '{_ISO}$') THEN {_iso(text)} ELSE {named} END"


def _formatted(text: str, order: str) -> str:
    """A date without letters that is not ISO, perhaps with an offset from UTC."""
    formats = _list([f"{day}{time}" for day in (*_DAY_PARTS[order], *_YEAR_FIRST) for time in _TIME_PARTS])
    has_zone = f"regexp_matches({text}, ':\\d\\d(\\.\\d+)? ?{_OFFSET}$')"
    plain = f"try_strptime({_tidy(text)}, [{formats}])"
    return f"CASE WHEN {has_zone} THEN {_with_zone(text, order)} ELSE {plain} END"


def _let(name: str, value: str, body: str) -> str:
    """SQL in which ``name`` stands for a value that is computed once."""
    return f"list_transform([{value}], lambda {name}: {body})[1]"


def _tidy(text: str) -> str:
    return f"replace(replace(replace({text}, '/', '-'), '.', '-'), ',', '')"


def _list(words: Sequence[str]) -> str:
    return ", ".join("'" + word.replace("'", "''") + "'" for word in words)
