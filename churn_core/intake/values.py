"""How text becomes a number, a yes or no, an id, or nothing: SQL expressions and the words behind them.

Parsing of values is here and in ``dates``, as SQL over text columns, so that seven million rows are read in seconds and
a preview reads them exactly as the import will. Expressions are built from our own staged column names and
constants; values from people are passed as parameters.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from churn_core.errors import InputError

MAX_AMOUNT = 1e12
"""Amounts beyond this are impossible."""

FIRST_YEAR = 1990
"""Dates before this year are impossible for customers of today."""

MISSING_IDS = ("nan", "null", "\\n", "#n/a", "<na>")
"""Texts that programs write where an id is missing (lower case)."""

MISSING_WORDS = (*MISSING_IDS, "na", "n/a", "none", "nat", "-", "--", "?", "无", "n.a.")
"""Texts that mean "no value" in any other column (lower case)."""

UNKNOWN_LABELS = ("unknown", "unk", "unclear", "unbekannt", "inconnu", "desconocido", "未知", "不详")
"""Texts that mean that a label is not known (lower case), beside those that mean "no value"."""

YES_WORDS = (
    "yes",
    "y",
    "true",
    "t",
    "1",
    "ja",
    "j",
    "wahr",
    "oui",
    "vrai",
    "si",
    "sí",
    "verdadero",
    "是",
    "有",
    "对",
    "真",
    "x",
    "on",
    "opt-in",
    "subscribed",
)
NO_WORDS = (
    "no",
    "n",
    "false",
    "f",
    "0",
    "nein",
    "falsch",
    "non",
    "faux",
    "falso",
    "否",
    "无",
    "不是",
    "没有",
    "假",
    "off",
    "opt-out",
    "unsubscribed",
)

_CODES = (
    "USD|EUR|GBP|CHF|CNY|RMB|JPY|INR|AUD|CAD|SEK|NOK|DKK|PLN|CZK|HUF|RUB|TRY|BRL|MXN|KRW|SGD|HKD|NZD|ZAR|AED|THB|"
    "ILS|UAH|RON"
)
_NAMES = "Euros?|Dollars?|Yuan"
CURRENCY_SIGN = f"(?i)(US\\$|R\\$|\\p{{Sc}}|{_NAMES}|{_CODES}|zł|元|円)"
"""Regular expression of a currency written in an amount."""
_BESIDE = f"{_NAMES}|{_CODES}|US|Rs\\.?|R|kr\\.?|Fr\\.?|zł|元|円"
_SPACES = "[\\p{Sc}\\s\\x{00A0}\\x{202F}\\x{2009}''’]"
_DECORATION = f"(?i){_SPACES}|^({_BESIDE})|({_BESIDE})$"


def id_sql(column: str) -> str:
    """An id exactly as given (surrounding white space is off already); NULL when missing."""
    return _unless(column, MISSING_IDS)


def value_sql(column: str, *, keep_nan: bool = False) -> str:
    """The text of any other column; NULL for words that mean "no value".

    ``keep_nan`` leaves NaN in place: in an amount it is an error, not an absence.
    """
    return _unless(column, [word for word in MISSING_WORDS if word != "nan" or not keep_nan])


def number_sql(text: str, decimal: str) -> str:
    """SQL that reads a text as a number, NULL when it is none.

    Thousands marks (also spaces), currency signs and names, brackets for negative amounts and "5,-" are understood.
    NaN and infinities come through as such, for the caller to refuse.
    """
    bare = f"regexp_replace({text}, '{_DECORATION}', '', 'g')"
    bare = f"regexp_replace({bare}, '(?i)^([-+(])({_BESIDE})|[.,][-–—]{{1,2}}$', '\\1')"
    bare = f"regexp_replace(replace({bare}, '−', '-'), '^\\((.*)\\)$|^([\\d.,]+)-$', '-\\1\\2')"
    if decimal == ",":
        grouped = "^[-+]?\\d{1,3}(\\.\\d{3})+(,\\d*)?$"
        simple = "^[-+]?\\d*,?\\d*$"
        swapped = (
            f"CASE WHEN regexp_matches({bare}, '{grouped}|{simple}') THEN replace(replace({bare}, '.', ''), ',', '.') "
        )
        swapped += f"WHEN regexp_matches({bare}, '^[-+]?\\d+\\.(\\d{{1,2}}|\\d{{4,}})$') THEN {bare} END"
        is_plain = f"regexp_matches({text}, '^[-+]?\\d+$|(?i)^[-+]?(nan|inf|infinity)$')"
        fast = f"TRY_CAST(CASE WHEN {is_plain} THEN {text} END AS DOUBLE)"
        return (
            f"CASE WHEN {fast} IS NOT NULL THEN {fast} WHEN {text} IS NOT NULL THEN TRY_CAST({swapped} AS DOUBLE) END"
        )
    grouped = "^[-+]?\\d{1,3}(,\\d{2,3})*,\\d{3}(\\.\\d*)?$"
    slow = f"CASE WHEN regexp_matches({bare}, '{grouped}|^[-+]?\\d*\\.?\\d*$') THEN replace({bare}, ',', '') END"
    fast = f"TRY_CAST({text} AS DOUBLE)"
    return f"CASE WHEN {fast} IS NOT NULL THEN {fast} WHEN {text} IS NOT NULL THEN TRY_CAST({slow} AS DOUBLE) END"


def boolean_sql(text: str, yes: Iterable[str] = YES_WORDS, no: Iterable[str] = NO_WORDS) -> str:
    """SQL that reads yes and no in several languages, NULL for anything else."""
    return f"CASE WHEN lower({text}) IN ({_list(yes)}) THEN true WHEN lower({text}) IN ({_list(no)}) THEN false END"


_LEFT_WORDS = {
    "churned",
    "churn",
    "attrited",
    "attrited customer",
    "exited",
    "left",
    "lost",
    "gone",
    "inactive",
    "cancelled",
    "canceled",
    "closed",
    "leave",
    "leaver",
    "terminated",
    "quit",
    "defected",
    "abgewandert",
    "gekündigt",
    "inaktiv",
    "verloren",
    "parti",
    "perdu",
    "résilié",
    "baja",
    "perdido",
    "流失",
    "已流失",
    "离开",
    "已离开",
    "不活跃",
}
_STAYED_WORDS = {
    "stayed",
    "existing",
    "existing customer",
    "retained",
    "active",
    "current",
    "kept",
    "open",
    "remained",
    "loyal",
    "joined",
    "stay",
    "aktiv",
    "bestehend",
    "geblieben",
    "actif",
    "fidèle",
    "activo",
    "未流失",
    "留存",
    "活跃",
    "保留",
    "not churned",
    "no churn",
    "nicht abgewandert",
}


NO_LABEL = tuple(word for word in (*MISSING_WORDS, *UNKNOWN_LABELS) if word not in NO_WORDS)
"""Texts that leave a label open (lower case)."""


def label_sql(column: str) -> str:
    """The text of a label; NULL where it is not known."""
    return _unless(column, NO_LABEL)


def positive_labels(values: Sequence[str], *, column_says_stayed: bool = False) -> tuple[str, ...]:
    """The values that mean "churned" among those of a label column; empty when that cannot be told.

    ``column_says_stayed`` turns a yes/no column around (columns called "retained" or "active").

    >>> positive_labels(["No", "Yes"]), positive_labels(["Existing Customer", "Attrited Customer"])
    (('Yes',), ('Attrited Customer',))
    """
    values = [value for value in values if value.strip().casefold() not in NO_LABEL]
    by_word = {value: value.strip().casefold() for value in values}
    left = tuple(value for value, word in by_word.items() if word in _LEFT_WORDS)
    stayed = tuple(value for value, word in by_word.items() if word in _STAYED_WORDS)
    if left and len(left) < len(values):
        return left
    if stayed and len(values) == len(stayed) + 1:
        return tuple(value for value in values if value not in stayed)
    if not values:
        return ()
    yes, no = set(YES_WORDS) | {"1.0"}, set(NO_WORDS) | {"0.0"}
    wanted = no if column_says_stayed else yes
    if all(word in yes or word in no for word in by_word.values()):
        return tuple(value for value, word in by_word.items() if word in wanted)
    return ()


def label_problem(column: str, values: Sequence[str]) -> str:
    """What is asked for when it cannot be told which labels mean that the customer left, in one sentence.

    >>> label_problem("gone", ["No"])
    "column 'gone' holds only 'No'; customers who left and customers who stayed are needed to learn the difference."
    >>> label_problem("gone", ["a", "b"])
    "column 'gone' holds 'a', 'b'; say which of these mean that the customer left."
    """
    known = [value for value in values if value.strip().casefold() not in NO_LABEL]
    if len(known) < 2:
        only = f"only {known[0]!r}" if known else "no label"
        return (
            f"column {column!r} holds {only}; customers who left and customers who stayed are needed to learn the "
            "difference."
        )
    found = ", ".join(map(repr, values[:5]))
    return f"column {column!r} holds {found}; say which of these mean that the customer left."


CURRENCY_WORDS = {"EURO": "EUR", "EUROS": "EUR", "DOLLAR": "USD", "DOLLARS": "USD", "YUAN": "CNY", "RMB": "CNY"}
"""Currency of a name in an amount."""

CURRENCY_SIGNS = {
    "€": "EUR",
    "£": "GBP",
    "$": "USD",
    "₹": "INR",
    "₩": "KRW",
    "₽": "RUB",
    "₺": "TRY",
    "₴": "UAH",
    "zł": "PLN",
    "¥": "¥",
    "元": "CNY",
    "円": "JPY",
    "US$": "USD",
    "￥": "¥",
    "฿": "THB",
    "₫": "VND",
    "₪": "ILS",
    "₦": "NGN",
    "₱": "PHP",
    "R$": "BRL",
}
"""Currency of a sign in an amount; ¥ may be Chinese or Japanese and stays a sign."""


def currency_name(found: str) -> str:
    """The currency code for a sign or code as found.

    >>> currency_name(" gbp "), currency_name("€")
    ('GBP', 'EUR')
    """
    word = found.strip()
    return CURRENCY_SIGNS.get(word) or CURRENCY_WORDS.get(word.upper(), word.upper())


def single_currency(found: str | None, texts: Iterable[str]) -> str | None:
    """The ISO code of a currency as found; None when it is no code, or a yen or yuan sign that nothing explains.

    ¥ is yuan where the file's words are Chinese and yen where they are Japanese.

    >>> single_currency("¥", ["客户编号"]), single_currency("¥", ["amount"]), single_currency("GBP", [])
    ('CNY', None, 'GBP')
    """
    if found == "¥":
        words = "".join(texts)
        if any("\u3040" <= char <= "\u30ff" for char in words):
            return "JPY"
        return "CNY" if any("\u4e00" <= char <= "\u9fff" for char in words) else None
    is_code = found is not None and len(found) == 3 and found.isascii() and found.isalpha()
    return found if is_code else None


def check_single_currency(counts: Sequence[tuple[str, int]], column: str, file_name: str) -> str | None:
    """The one currency of a column, None when it names none; InputError when there are several."""
    merged: dict[str, int] = {}
    for found, n in counts:
        merged[currency_name(found)] = merged.get(currency_name(found), 0) + n
    if "¥" in merged and len(merged) == 2 and {"CNY", "JPY"} & set(merged):
        merged = {next(name for name in merged if name != "¥"): sum(merged.values())}
    if len(merged) > 1:
        listed = ", ".join(f"{name} {n:,} times" for name, n in sorted(merged.items(), key=lambda item: -item[1])[:6])
        raise InputError(
            f"column {column!r} of {file_name} mixes currencies ({listed}); "
            "convert all amounts to one currency, or load one file per currency into its own workspace."
        )
    return next(iter(merged), None)


def _unless(text: str, words: Sequence[str]) -> str:
    longest = max(len(word) for word in words)
    return f"CASE WHEN length({text}) <= {longest} AND lower({text}) IN ('', {_list(words)}) THEN NULL ELSE {text} END"


def _list(words: Iterable[str]) -> str:
    return ", ".join("'" + word.replace("'", "''") + "'" for word in words)
