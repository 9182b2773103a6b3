"""The rows of a JSON lines file as text; objects inside objects become columns with a dotted name."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from churn_core.errors import InputError

N_FIRST = 5_000
"""Lines from which the columns are taken; later ones are looked for only when a line has another."""


class LateColumn(Exception):
    """A line has a column that none of the first lines had."""


class JsonRows:
    """An opened JSON lines file."""

    def __init__(self, path: Path, name: str, encoding: str) -> None:
        self._path = path
        self._name = name
        self._encoding = encoding
        self.malformed: list[tuple[int, str, str]] = []
        """Line, text and cause of lines that are not a JSON object."""
        self.names = self._names(N_FIRST)
        """Column names in order of appearance."""

    def find_all_names(self) -> None:
        """Take the columns from all lines."""
        self.names = self._names(None)

    def rows(self) -> Iterator[tuple[int, Sequence[str | None]]]:
        """Line number and values of each object; LateColumn when one has a column that is not in ``names``."""
        self.malformed = []
        known = set(self.names)
        for line, record in self._records():
            if record is not None:
                if not record.keys() <= known:
                    raise LateColumn
                yield line, [record.get(name) for name in self.names]

    def _names(self, n_lines: int | None) -> tuple[str, ...]:
        names: dict[str, None] = {}
        for _, record in islice(self._records(), n_lines):
            if record is not None:
                names.update(dict.fromkeys(record))
        if not names:
            raise InputError(f"{self._name} holds no JSON object; expected one object per line.")
        return tuple(names)

    def _records(self) -> Iterator[tuple[int, dict[str, str | None] | None]]:
        try:
            with self._path.open(encoding=self._encoding) as file:
                for line, text in enumerate(file, start=1):
                    if text.strip():
                        yield line, self._record(line, text)
        except UnicodeDecodeError as error:
            raise InputError(
                f"{self._name} is not written in {self._encoding} throughout; choose another encoding."
            ) from error

    def _record(self, line: int, text: str) -> dict[str, str | None] | None:
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):  # also numbers of thousands of digits
            found = None
        if isinstance(found, dict):
            flat: dict[str, str | None] = {}
            _flatten(found, "", flat)
            return {_whole(name): value if value is None else _whole(value) for name, value in flat.items()}
        self.malformed.append((line, text.rstrip("\r\n"), "the line is not a JSON object"))
        if len(self.malformed) > 1000 and len(self.malformed) > line // 2:
            raise InputError(
                f"{self._name} is not JSON lines: most lines are not a JSON object; expected one object per line."
            )
        return None


def _whole(text: str) -> str:
    """A text without halves of characters, which JSON can write and nothing else can hold.

    >>> _whole("a" + chr(0xD800)), _whole("é")
    ('a?', 'é')
    """
    return text if text.isascii() else text.encode("utf-8", errors="replace").decode("utf-8")


def _flatten(record: dict[str, Any], prefix: str, into: dict[str, str | None]) -> None:
    for key, value in record.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            _flatten(value, f"{name}.", into)
        elif value is None or isinstance(value, str):
            into[name] = value
        elif isinstance(value, (bool, int, float)):
            into[name] = json.dumps(value)
        else:
            into[name] = json.dumps(value, ensure_ascii=False)
