"""How the columns of a file are understood, as one frozen object that can be kept and read again."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping as AnyMapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from churn_core.errors import InputError
from churn_core.intake.kinds import KINDS, kind_of
from churn_core.intake.source import CORRECTION_COLUMNS, ReadOptions, Source

ROW_NUMBER = "#row"
"""Constant for customer_id in a table of kind snapshots: number the rows, there is no id."""


@dataclass(frozen=True, kw_only=True)
class Mapping:
    """Which column of a file is which field."""

    kind: str
    """Kind of file: a name of ``kinds.KINDS``."""
    fields: AnyMapping[str, str] = field(default_factory=dict)
    """Column of the file by field name."""
    constants: AnyMapping[str, str] = field(default_factory=dict)
    """Value for every row, by field name, where the file has no column for it."""
    label_positive: tuple[str, ...] = ()
    """Values of the label column that mean "churned"; every other value means "stayed"."""
    cancellation_prefix: str = ""
    """Order numbers that begin with it are cancellations; empty when there are none such."""
    options: ReadOptions = field(default_factory=ReadOptions)
    """How the file is read."""

    def __post_init__(self) -> None:
        kind = kind_of(self.kind)
        for name in (*self.fields, *self.constants):
            kind.field(name)

    def check(self, source: Source) -> None:
        """Raise InputError or NotFound unless a file can be loaded with this mapping."""
        kind = kind_of(self.kind)
        for column in self.fields.values():
            source.column(column)
            if column in CORRECTION_COLUMNS:
                raise InputError(f"column {column!r} says why a row was rejected; map another column.")
        missing = [name for name in kind.required if name not in self.fields and not self.constants.get(name)]
        if missing:
            raise InputError(missing_sentence(source.name, self.kind, missing))

    def settled(self, source: Source) -> Mapping:
        """The mapping with the date order and decimal mark that a file will be read with.

        What the caller chose comes first, then what the file proves. What it does not prove is read as in the
        last file of that shape, if this mapping remembers it.
        """
        chosen = source.options
        order, decimal = source.date_order, source.decimal
        if (
            chosen.date_order is None
            and "date_order" in source.guessed
            and "ymd" not in (order, self.options.date_order)
        ):
            order = self.options.date_order or order
        if chosen.decimal is None and "decimal" in source.guessed:
            decimal = self.options.decimal or decimal
        return replace(self, options=replace(chosen, date_order=order, decimal=decimal))

    def as_json(self) -> str:
        """The mapping as JSON text, the same text for the same mapping."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)

    def to_toml(self) -> str:
        """The mapping as TOML text, for ``--mapping`` files."""
        lines = [f"kind = {_text(self.kind)}"]
        if self.label_positive:
            lines.append(f"label_positive = [{', '.join(_text(value) for value in self.label_positive)}]")
        if self.cancellation_prefix:
            lines.append(f"cancellation_prefix = {_text(self.cancellation_prefix)}")
        chosen = {name: value for name, value in asdict(self.options).items() if value is not None}
        for title, values in (("fields", self.fields), ("constants", self.constants), ("options", chosen)):
            if values:
                lines += ["", f"[{title}]"]
                lines += [
                    f"{name} = {value if isinstance(value, int) else _text(value)}" for name, value in values.items()
                ]
        return "\n".join(lines) + "\n"

    @classmethod
    def from_toml(cls, text: str | Path) -> Mapping:
        """Read a mapping from TOML text or a TOML file.

        >>> Mapping.from_toml('kind = "orders"\\n[fields]\\ncustomer_id = "client"').fields
        {'customer_id': 'client'}
        """
        try:
            given = text.read_text(encoding="utf-8") if isinstance(text, Path) else text
        except FileNotFoundError as error:
            raise InputError(f"the mapping file {text} does not exist.") from error
        try:
            return cls.from_dict(tomllib.loads(given))
        except tomllib.TOMLDecodeError as error:
            raise InputError(f"the mapping is not valid TOML: {error}.") from error

    @classmethod
    def from_dict(cls, given: AnyMapping[str, Any]) -> Mapping:
        """Rebuild a mapping from the dictionary that JSON or TOML holds."""
        known = {"kind", "fields", "constants", "label_positive", "cancellation_prefix", "options"}
        foreign = sorted(set(given) - known)
        if foreign or "kind" not in given:
            found = f"{foreign[0]!r} is not part of a mapping" if foreign else "'kind' is missing"
            raise InputError(f"the mapping cannot be read: {found}; expected {', '.join(sorted(known))}.")
        positive = given.get("label_positive", ())
        try:
            return cls(
                kind=str(given["kind"]),
                fields={str(name): str(column) for name, column in given.get("fields", {}).items()},
                constants={str(name): str(value) for name, value in given.get("constants", {}).items()},
                label_positive=(positive,) if isinstance(positive, str) else tuple(str(value) for value in positive),
                cancellation_prefix=str(given.get("cancellation_prefix", "")),
                options=ReadOptions(**given.get("options", {})),
            )
        except (TypeError, AttributeError) as error:
            raise InputError(f"the mapping cannot be read: {error}.") from error


_NEEDED_WORDS = {
    "customer_id": "a customer id",
    "order_id": "an order number",
    "kind": "what happened",
    "churned": "who left (the churn label)",
}


def missing_sentence(file_name: str, kind: str, missing: list[str]) -> str:
    """The sentence for a file that lacks what its kind needs."""
    words = " and none with ".join(
        _NEEDED_WORDS.get(name, "a date" if name.endswith(("_time", "_at")) else name) for name in missing
    )
    return (
        f"{file_name} has no column with {words}, which {KINDS[kind].label.lower()} need; "
        f"add {'it' if len(missing) == 1 else 'them'} to the file, or choose the column by hand."
    )


def _text(value: object) -> str:
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
