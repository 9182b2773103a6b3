"""Proposing what a file holds and which column is which, each with a confidence and the reason for it.

Two kinds of evidence are multiplied: does the header sound like the field (synonyms in five languages), and do
the values look like it. The kind of file follows from which fields are found.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, replace

from churn_core.intake.kind_choice import choose_kind
from churn_core.intake.kinds import KINDS, Field, Kind, kind_of
from churn_core.intake.mapping_model import Mapping, missing_sentence
from churn_core.intake.profile import N_LOOKED_AT
from churn_core.intake.source import CORRECTION_COLUMNS, Source, SourceColumn
from churn_core.intake.synonyms import SAYS_STAYED, WORDS, plain, tokens
from churn_core.intake.values import label_problem, number_sql, positive_labels

_CLOCK = re.compile(
    r"((19|20)\d{6}(\d{6})?|\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01]))(\.0+)?|[3-6]\d{4}([.,]\d+)?|"
    r"([89]\d{8}|1\d{9}|[89]\d{11}|1\d{12}|1\d{15}|1\d{18})(\.\d+)?"
)
_NUMBERED = re.compile(r"#\d+")

MIN_CONFIDENCE = 0.35
"""A column below it is left unmapped."""


@dataclass(frozen=True, kw_only=True)
class ColumnProposal:
    """What one column of the file is taken to be."""

    column: str
    """Column of the file."""
    field: str | None
    """Field it is proposed for; None when it fits none."""
    confidence: float
    """In [0, 1]."""
    reason: str
    """Why, in words."""
    alternatives: tuple[str, ...] = ()
    """Other fields it could be, likeliest first."""


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """What a file is taken to hold."""

    mapping: Mapping
    """The mapping to confirm or change."""
    kind_confidence: float
    """How sure the kind of file is, in [0, 1]."""
    kind_reason: str
    """Why it is that kind, in words."""
    kind_alternatives: tuple[str, ...]
    """Other kinds the file could be, likeliest first."""
    columns: tuple[ColumnProposal, ...]
    """One per column of the file."""
    label_values: tuple[tuple[str, int], ...] = ()
    """Values of the label column with their counts; the positive ones are in the mapping, to be confirmed."""
    problem: str | None = None
    """The sentence that says why it cannot be loaded as it is; None when it can."""
    is_remembered: bool = False
    """Whether it is the mapping last used for a file of this shape."""


@dataclass(frozen=True)
class _Match:
    confidence: float
    reason: str


def propose_mapping(source: Source, *, remembered: Mapping | None = None, kind: str | None = None) -> Proposal:
    """Propose a mapping for a file.

    ``remembered`` is the mapping of the last file of that shape and is taken as it is when it fits; ``kind`` asks
    for the best mapping of a given kind of file.
    """
    if remembered is not None and kind in (None, remembered.kind):
        return _remembered(source, remembered)
    tables = {name: _assign(source, found) for name, found in KINDS.items()}
    fields = {name: {field: column for field, (column, _) in table.items()} for name, table in tables.items()}
    scores = {name: {field: match.confidence for field, (_, match) in table.items()} for name, table in tables.items()}
    choice = choose_kind(source, fields, scores)
    chosen = kind_of(kind) if kind else KINDS[choice.kind]
    assigned = tables[chosen.name]
    mapping = Mapping(
        kind=chosen.name,
        fields={field.name: assigned[field.name][0] for field in chosen.fields if field.name in assigned},
        constants=_constants(source, chosen, assigned),
        cancellation_prefix=choice.cancellation_prefix if chosen.name in ("orders", "order_lines") else "",
        options=source.options,
    )
    proposal = Proposal(
        mapping=mapping,
        kind_confidence=choice.confidence if chosen.name == choice.kind else 0.3,
        kind_reason=choice.reason if chosen.name == choice.kind else "chosen by hand",
        kind_alternatives=tuple(name for name in choice.alternatives if name != chosen.name),
        columns=_column_proposals(source, chosen, assigned),
    )
    return _with_problem(source, _with_label(source, proposal))


def _remembered(source: Source, mapping: Mapping) -> Proposal:
    by_column = {column: field for field, column in mapping.fields.items()}
    columns = tuple(
        ColumnProposal(
            column=column.name,
            field=by_column.get(column.name),
            confidence=1.0,
            reason="as in the last file of this shape",
        )
        for column in source.columns
    )
    proposal = Proposal(
        mapping=mapping.settled(source),
        kind_confidence=1.0,
        kind_reason="a file with the same columns was loaded like this before",
        kind_alternatives=tuple(name for name in KINDS if name != mapping.kind),
        columns=columns,
        is_remembered=True,
    )
    label = mapping.fields.get("churned")
    if label:
        proposal = replace(proposal, label_values=tuple(source.counted(label)))
    return _with_problem(source, proposal)


def _with_label(source: Source, proposal: Proposal) -> Proposal:
    label = proposal.mapping.fields.get("churned")
    if label is None:
        return proposal
    values = tuple(source.counted(label))
    positive = positive_labels([value for value, _ in values], column_says_stayed=plain(label) in SAYS_STAYED)
    return replace(proposal, label_values=values, mapping=replace(proposal.mapping, label_positive=positive))


def _with_problem(source: Source, proposal: Proposal) -> Proposal:
    mapping = proposal.mapping
    kind = kind_of(mapping.kind)
    missing = [name for name in kind.required if name not in mapping.fields and name not in mapping.constants]
    if missing:
        return replace(proposal, problem=missing_sentence(source.name, mapping.kind, missing))
    if "churned" in mapping.fields and not mapping.label_positive:
        values = [value for value, _ in proposal.label_values]
        return replace(proposal, problem=label_problem(mapping.fields["churned"], values))
    return proposal


def _constants(source: Source, kind: Kind, assigned: dict[str, tuple[str, _Match]]) -> dict[str, str]:
    if kind.name == "events" and "kind" not in assigned:
        return {"kind": "visit"}
    return {}


def _assign(source: Source, kind: Kind) -> dict[str, tuple[str, _Match]]:
    """The best column for each field, every column used once: strongest pairs first."""
    pairs = []
    for column in source.columns:
        if column.name in CORRECTION_COLUMNS or column.kind == "empty":
            continue
        for position, field in enumerate(kind.fields):
            match = _match(column, field, kind)
            if match.confidence >= MIN_CONFIDENCE:
                pairs.append(
                    (-match.confidence, position, column.n_empty, int(column.key[1:]), field.name, column.name, match)
                )
    assigned: dict[str, tuple[str, _Match]] = {}
    used: set[str] = set()
    for *_, field_name, column_name, match in sorted(pairs, key=lambda pair: pair[:4]):
        if field_name not in assigned and column_name not in used:
            assigned[field_name] = (column_name, match)
            used.add(column_name)
    _drop_order_totals(source, kind, assigned)
    _assign_only_date(source, kind, assigned, used)
    _prefer_returning_customers(source, kind, assigned, used)
    _assign_address(source, kind, assigned, used)
    _assign_customer_by_name(source, kind, assigned, used)
    return assigned


def _assign_only_date(source: Source, kind: Kind, assigned: dict[str, tuple[str, _Match]], used: set[str]) -> None:
    if kind.time is None or kind.time in assigned:
        return
    dates = [column for column in source.columns if column.kind == "date" and column.name not in used]
    if len(dates) == 1:
        match = _Match(0.6, "it is the only column of dates that is left")
        assigned[kind.time] = (dates[0].name, match)
        used.add(dates[0].name)


def _drop_order_totals(source: Source, kind: Kind, assigned: dict[str, tuple[str, _Match]]) -> None:
    """A total of the order that stands beside its lines is no line total."""
    names = ("quantity", "unit_price", "amount")
    if kind.name != "order_lines" or "amount" not in assigned:
        return
    if _repeats_order_total(source, assigned):
        del assigned["amount"]
        return
    if not all(name in assigned for name in names):
        return
    quantity, price, amount = (number_sql(source.column(assigned[name][0]).key, source.decimal) for name in names)
    ((n_agree, n_rows),) = source.reader.rows(
        f"SELECT count(*) FILTER (WHERE abs(q * p - a) <= 0.011 + 0.3 * abs(a)), count(*) FROM "
        f"(SELECT {quantity} AS q, {price} AS p, {amount} AS a FROM {source.rows_sql()} LIMIT 2000)"
    )
    if n_agree < 0.8 * n_rows:
        del assigned["amount"]


def _repeats_order_total(source: Source, assigned: dict[str, tuple[str, _Match]]) -> bool:
    """Whether a column that is called a total of the order says the same on every line of an order."""
    amount = assigned["amount"][0]
    if "order_id" not in assigned or not {"order", "grand"} & set(tokens(amount)):
        return False
    order, total = source.column(assigned["order_id"][0]).key, source.column(amount).key
    ((n_orders, n_same),) = source.reader.rows(
        f"SELECT count(*), count(*) FILTER (WHERE n_totals = 1) FROM (SELECT count(DISTINCT {total}) AS n_totals "
        f"FROM (SELECT * FROM {source.rows_sql()} LIMIT 20000) GROUP BY {order} HAVING count(*) > 1)"
    )
    return bool(n_orders >= 3 and n_same >= 0.95 * n_orders)


def _prefer_returning_customers(
    source: Source, kind: Kind, assigned: dict[str, tuple[str, _Match]], used: set[str]
) -> None:
    """Where one id of customers is new on every row and another returns, the one that returns is the person."""
    if kind.time is None or "customer_id" not in assigned or not source.column(assigned["customer_id"][0]).is_unique:
        return
    for column in source.columns:
        if column.name in used or column.is_unique or column.n_distinct <= 3:
            continue
        if _name_score(column.name, "customer_id", kind)[0] >= 0.9:
            used.discard(assigned["customer_id"][0])
            used.add(column.name)
            assigned["customer_id"] = (column.name, _Match(0.9, "its customers come back"))
            return


def _assign_customer_by_name(
    source: Source, kind: Kind, assigned: dict[str, tuple[str, _Match]], used: set[str]
) -> None:
    """A column that says by its name that it is the customer, whatever its values look like."""
    if "customer_id" in assigned:
        return
    by_name = {column.name: _name_score(column.name, "customer_id", kind)[0] for column in source.columns}
    for column in source.columns:
        is_free = column.name not in used or column.name == assigned.get("order_id", ("",))[0]
        if is_free and column.kind != "empty" and (by_name[column.name] >= 0.9 or _is_called_id(column.name)):
            values = f"it has only {column.n_distinct} different value{'s' if column.n_distinct != 1 else ''}"
            reason = "no other column says who the customer is" if column.n_distinct > 3 else values
            if assigned.get("order_id", ("",))[0] == column.name:
                del assigned["order_id"]
            assigned["customer_id"] = (column.name, _Match(0.4, reason))
            used.add(column.name)
            return


def _assign_address(source: Source, kind: Kind, assigned: dict[str, tuple[str, _Match]], used: set[str]) -> None:
    """Where a file names customers by their e-mail address only, the address is the id."""
    if "customer_id" in assigned:
        return
    for column in source.columns:
        is_free = column.name not in used or column.name in (
            assigned.get("customer_email", ("",))[0],
            assigned.get("email", ("",))[0],
        )
        is_address = column.kind == "text" and column.samples and all("@" in sample for sample in column.samples)
        if is_free and is_address:
            assigned.pop("customer_email", None)
            assigned["customer_id"] = (column.name, _Match(0.6, "there is no customer id; the address says who it is"))
            used.add(column.name)
            return


def _match(column: SourceColumn, field: Field, kind: Kind) -> _Match:
    name_score, name_reason = _name_score(column.name, field.name, kind)
    if field.name == "order_id" and column.samples and all(_NUMBERED.fullmatch(sample) for sample in column.samples):
        name_score, name_reason = max(name_score, 0.9), "its values are numbered like #1001"
    if name_score == 0:
        return _Match(0.0, "")
    if _is_called_id(column.name) and field.name == "customer_id" and kind.time is not None and column.is_unique:
        return _Match(0.0, "")
    fit, fit_reason = _value_fit(column, field)
    if name_score >= 0.7 and field.type in ("money", "number") and 0 < fit < 0.5 and _could_be_numbers(column):
        fit, fit_reason = 0.5, "its values look like numbers that cannot be read"
    if fit and name_score >= 0.9 and field.type in ("time", "money", "number"):
        fit = max(fit, 0.4)
    return _Match(round(name_score * fit, 2), f"{name_reason}; {fit_reason}")


def _is_called_id(header: str) -> bool:
    """Whether a column is called nothing but "id"."""
    return plain(header) == "id"


def _could_be_numbers(column: SourceColumn) -> bool:
    return bool(column.samples) and all(
        any(char.isdigit() for char in sample) and sum(char.isalpha() for char in sample) <= 8
        for sample in column.samples
    )


def _name_score(header: str, field: str, kind: Kind) -> tuple[float, str]:
    words = WORDS[field]
    word = plain(header)
    if word == plain(field):
        return 1.0, "the name is the field's own"
    if word in words:
        generic = words[word]
        return (
            (0.7, f"the name {header!r} is often used for it")
            if generic
            else (0.97, f"{header!r} is a known name for it")
        )
    if word == "id" and field in (kind.id_field, "customer_id"):
        return (
            (0.75, "the name is 'id'")
            if field == "customer_id" and kind.table in ("customers", "snapshots")
            else (0.5, "the name is 'id'")
        )
    if kind.name == "events" and field == "product_id" and word in ("item", "product", "article"):
        return 0.7, f"the name {header!r} is often used for it"
    inside = _chinese_word(word, words)
    if inside:
        share = len(inside) / len(word)
        score = 0.5 + 0.4 * share if word.endswith(inside) else 0.36 + 0.2 * share
        return round(score, 2), f"{inside!r} in the name"
    parts = tokens(header)
    for start in range(len(parts)):
        for stop in range(len(parts), start, -1):
            piece = "".join(parts[start:stop])
            if len(piece) >= 3 and words.get(piece) is False and stop - start < len(parts):
                share = len(piece) / max(1, len(word))
                return round(0.4 + 0.4 * share, 2), f"{piece!r} in the name"
    near = difflib.get_close_matches(word, [known for known in words if len(known) >= 6], n=1, cutoff=0.87)
    return (0.7, f"the name looks like {near[0]!r}") if near else (0.0, "")


def _chinese_word(header: str, words: dict[str, bool]) -> str:
    """The longest known word inside a header that has no spaces between its words, best at the end."""
    if not any("\u4e00" <= char <= "\u9fff" for char in header):
        return ""
    found = [word for word in words if len(word) >= 2 and word in header and "\u4e00" <= word[0] <= "\u9fff"]
    return max(found, key=lambda word: (header.endswith(word), len(word)), default="")


def _value_fit(column: SourceColumn, field: Field) -> tuple[float, str]:
    kind = column.kind
    if field.name != "text" and column.samples and all(sample[0] in "[{" for sample in column.samples):
        return 0.0, "its values are lists"
    if field.name == "churned":
        fit = 1.0 if 2 <= column.n_distinct <= 3 else 0.5 if column.n_distinct == 1 else 0.1
        return fit, f"it has {column.n_distinct} different value{'s' if column.n_distinct != 1 else ''}"
    if (
        field.type == "time"
        and kind in ("integer", "number")
        and all(_CLOCK.fullmatch(sample) for sample in column.samples)
    ):
        return 1.0, "its values are dates written as digits"
    if field.type == "time":
        return (1.0, "its values are dates") if kind == "date" else (0.15, "its values are no dates")
    if field.type in ("money", "number"):
        return (1.0, "its values are numbers") if kind in ("integer", "number") else (0.15, "its values are no numbers")
    if field.type == "boolean":
        few = 1 <= column.n_distinct <= 3
        return (1.0, "it has two values") if few else (0.2, f"it has {column.n_distinct} different values")
    if field.type == "id":
        return _id_fit(column, field)
    if field.name in ("text", "product_name", "name", "customer_name", "topic", "kind"):
        return (0.95, "its values are text") if kind == "text" else (0.3, "its values are no text")
    return (0.95, "its values are text") if kind == "text" else (0.6, f"its values are {kind}s")


def _id_fit(column: SourceColumn, field: Field) -> tuple[float, str]:
    if column.kind == "date":
        return 0.1, "its values are dates"
    if column.n_distinct <= 3 and column.n_looked_at > 50:
        return 0.2, f"it has only {column.n_distinct} different values"
    longest = max((len(sample) for sample in column.samples), default=0)
    if longest > 80:
        return 0.1, "its values are long texts"
    if (
        field.name == "customer_id"
        and any("." in sample and "@" not in sample for sample in column.samples)
        and column.kind == "number"
    ):
        return 0.8, "its values are ids, written as numbers"
    at_least = "at least " if column.n_looked_at >= N_LOOKED_AT // 2 else ""
    return 1.0, f"it has {at_least}{column.n_distinct:,} different values"


def _column_proposals(
    source: Source, kind: Kind, assigned: dict[str, tuple[str, _Match]]
) -> tuple[ColumnProposal, ...]:
    by_column = {column: (field, match) for field, (column, match) in assigned.items()}
    found = []
    for column in source.columns:
        field, match = by_column.get(column.name, (None, _Match(0.0, _unmapped_reason(column, kind))))
        others = sorted(
            ((-_match(column, other, kind).confidence, other.name) for other in kind.fields if other.name != field),
        )
        found.append(
            ColumnProposal(
                column=column.name,
                field=field,
                confidence=match.confidence,
                reason=match.reason,
                alternatives=tuple(name for score, name in others if score <= -0.1)[:4],
            )
        )
    return tuple(found)


def _unmapped_reason(column: SourceColumn, kind: Kind) -> str:
    if column.name in CORRECTION_COLUMNS:
        return "it says why the row was rejected and is left out"
    if column.kind == "empty":
        return "it is empty"
    if kind.name in ("customers", "snapshots"):
        return "kept as an attribute of the customer"
    return "no field of this kind of file fits; it is left out"
