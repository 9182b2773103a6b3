"""How a text file is written: encoding, separator, quoting, where its header is.

Guesses are made from the whole file where that is cheap (is it UTF-8 throughout?) and from its beginning
otherwise; each can be overruled through ReadOptions.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from churn_core.errors import InputError
from churn_core.intake.container import EXPECTED
from churn_core.intake.header import N_LINES, find_header
from churn_core.intake.source import ReadOptions

SAMPLE_BYTES = 256 * 1024
SEPARATORS = (",", ";", "\t", "|")
SEPARATOR_WORDS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", " ": "space"}
ENCODING_WORDS = {
    "utf-8": "UTF-8",
    "utf-8-sig": "UTF-8 with a byte order mark",
    "gb18030": "GB18030 (Chinese)",
    "cp1252": "Latin-1 (Windows-1252)",
    "latin-1": "Latin-1",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16",
    "utf-32": "UTF-32",
}

_CHUNK = 1 << 20
_NOT_IN_CP1252 = bytes([0x81, 0x8D, 0x8F, 0x90, 0x9D])


@dataclass(frozen=True, kw_only=True)
class TextFormat:
    """How a text file is written."""

    encoding: str
    """Python codec name."""
    separator: str
    """Character between values."""
    header_line: int
    """Line of the column names, counted from 1 in records."""
    names: tuple[str, ...]
    """The cells of that line."""
    n_above: int
    """Lines down to the end of the column names, more than ``header_line`` where a name runs over several."""


def detect(path: Path, name: str, options: ReadOptions) -> TextFormat:
    """Find out how a text file is written; InputError when it is no table of text."""
    encoding = codecs.lookup(options.encoding).name if options.encoding else find_encoding(path, name)
    text = _sample(path, encoding, name)
    separator = options.separator or find_separator(text)
    records = _records(text, separator)
    if not any(cell.strip() for row in records for cell in row):
        raise InputError(f"{name} is empty; it should hold a line of column names and rows below it.")
    if options.header_line and options.header_line > len(records):
        raise InputError(f"{name} has no line {options.header_line}; it has {len(records)} in its first part.")
    index = options.header_line - 1 if options.header_line else find_header(records[: 20 * N_LINES])
    names = records[index] or [""]
    fitting = find_separator(text) if options.separator and len(names) == 1 else separator
    if fitting != separator and fitting in names[0]:
        chosen, better = (SEPARATOR_WORDS.get(mark, repr(mark)) for mark in (separator, fitting))
        raise InputError(
            f"separated by a {chosen}, {name} has one column only, {names[0][:60]!r}; "
            f"its values seem to be separated by a {better}."
        )
    if len(names) == 1 and not options.separator:
        _refuse_unsplit(names[0], [row[0] for row in records[index + 1 :][:500] if len(row) == 1], name)
    below = [row for row in records[index + 1 :][:500] if any(cell.strip() for cell in row)]
    if below and all(len(row) == len(names) + 1 and not row[-1].strip() for row in below):
        names = [*names, ""]
    n_above = index + 1 + sum(len(cell.splitlines()) - 1 for row in records[: index + 1] for cell in row if cell)
    return TextFormat(
        encoding=encoding, separator=separator, header_line=index + 1, names=tuple(names), n_above=n_above
    )


def _refuse_unsplit(header: str, values: list[str], name: str) -> None:
    """InputError when a table of one column is one of several whose separator is not known, or quoted away."""
    for mark in (*SEPARATORS, "^", "~", ":", " "):
        n_marks = header.count(mark)
        if n_marks < (2 if mark in ": " else 1) or not values:
            continue
        if sum(value.count(mark) == n_marks for value in values) < 0.9 * len(values):
            continue
        words = SEPARATOR_WORDS.get(mark, repr(mark))
        if mark in SEPARATORS:
            raise InputError(
                f"every line of {name} stands in quotation marks as a whole, so it has one column only, "
                f"{header[:60]!r}; remove the quotation marks around the lines and choose it again."
            )
        raise InputError(
            f"{name} has one column only, {header[:60]!r}; its values seem to be separated by a {words}, "
            "so save it with commas, semicolons or tabs between them and choose it again."
        )


def is_json(path: Path, encoding: str) -> str | None:
    """ "lines" when the first record is a JSON object, "list" when the file is a JSON list, else None."""
    with path.open("rb") as file:
        head = file.read(4096).decode(encoding, errors="ignore").lstrip("\ufeff \t\r\n")
    if re.match(r"\{\s*(\"|\}|$)", head):
        return "lines"
    return "list" if re.match(r"\[\s*(\{|\]|$)", head) else None


def find_encoding(path: Path, name: str) -> str:
    """The encoding of a text file; InputError when it is no text."""
    with path.open("rb") as file:
        head = file.read(SAMPLE_BYTES)
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig" if _first_not_utf8(path) is None else _legacy(head, name)
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if b"\x00" in head:
        return _wide(head, name)
    if sum(1 for byte in head if byte < 9 or 13 < byte < 32) > max(2, len(head) // 1000):
        raise InputError(f"{name} is not a text table but binary data; {EXPECTED}.")
    offending = _first_not_utf8(path)
    if offending is None:
        return "utf-8"
    legacy = _legacy(head, name, offending)
    return "latin-1" if legacy == "cp1252" and _uses_bytes(path, _NOT_IN_CP1252) else legacy


def find_separator(text: str) -> str:
    """The separator that splits the sample into the most regular table.

    >>> find_separator("a;b\\n1,5;2\\n3,5;4\\n")
    ';'
    """
    best, best_score = ",", 0.0
    for separator in SEPARATORS:
        widths = Counter(len(row) for row in _records(text, separator)[:500] if len(row) > 1)
        if not widths:
            continue
        width, n = widths.most_common(1)[0]
        n_rows = max(1, len([line for line in text.splitlines()[:500] if line.strip()]))
        score = n / n_rows + min(width, 50) / 1000
        if score > best_score + 1e-9:
            best, best_score = separator, score
    return best


def _sample(path: Path, encoding: str, name: str) -> str:
    with path.open("rb") as file:
        raw = file.read(SAMPLE_BYTES)
        is_whole = not file.read(1)
    decoder = codecs.getincrementaldecoder(encoding)(errors="strict")
    try:
        text = decoder.decode(raw, final=is_whole).lstrip("\ufeff")
    except UnicodeDecodeError as error:
        if is_whole and error.end == len(raw) and error.start > 0:
            raise InputError(
                f"{name} ends in the middle of a character, so its end is missing; choose the whole file."
            ) from error
        words = ENCODING_WORDS.get(encoding, encoding)
        raise InputError(f"{name} is not written in {words}; choose another encoding.") from error
    if not is_whole and "\n" in text:
        text = text[: text.rindex("\n") + 1]
    return text


def _records(text: str, separator: str) -> list[list[str]]:
    csv.field_size_limit(1 << 27)
    try:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    except csv.Error:
        return [line.split(separator) for line in text.splitlines()]


def _first_not_utf8(path: Path) -> bytes | None:
    """The first part of a file that is not UTF-8, from the beginning of a line on; None when there is none."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        start = 0
        while chunk := file.read(_CHUNK):
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError:
                return chunk[chunk.find(b"\n") + 1 :] if start else chunk
            start += len(chunk)
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return b"\xff"
    return None


def _wide(head: bytes, name: str) -> str:
    even, odd = head[0::2].count(0), head[1::2].count(0)
    half = max(1, len(head) // 2)
    if odd > 0.3 * half and even < 0.05 * half:
        return "utf-16-le"
    if even > 0.3 * half and odd < 0.05 * half:
        return "utf-16-be"
    raise InputError(f"{name} is not a text table but binary data; {EXPECTED}.")


def _legacy(head: bytes, name: str, offending: bytes = b"") -> str:
    """GB18030 writes two bytes per character, Latin-1 single accented letters between plain ones.

    ``offending`` is the part that is not UTF-8, where that is another than the beginning.
    """
    read = head + offending
    runs = re.findall(rb"[\x80-\xff]+", re.sub(rb"[\x81-\xfe][0-9][\x81-\xfe][0-9]", b"", read))
    n_high = sum(map(len, runs))
    n_alone = sum(1 for run in runs if len(run) == 1)
    if n_high > 0.6 * len(read) and not re.search(rb"[\r\n]", read):
        raise InputError(f"{name} is not a text table but binary data; {EXPECTED}.")
    if n_alone < 0.3 * max(1, len(runs)):
        try:
            for part in (head, offending):
                codecs.getincrementaldecoder("gb18030")().decode(part)
        except UnicodeDecodeError:
            pass
        else:
            return "gb18030"
    return "cp1252"


def _uses_bytes(path: Path, wanted: bytes) -> bool:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            if len(chunk.translate(None, wanted)) != len(chunk):
                return True
    return False
