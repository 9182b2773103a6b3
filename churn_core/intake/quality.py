"""What is wrong or odd in the loaded data, how much of it, and what it would do to the model.

The checks themselves are in the registry (``quality_checks``), in the series of rows per day
(``quality_series``) and in the search for twins (``stats.twins``, as for training); here they are run and put into
words.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from churn_core.intake.quality_checks import (
    CHECKS,
    COMPLETENESS,
    CONSISTENCY,
    INFO,
    PROBLEM,
    SEVERITIES,
    TIMELINESS,
    UNIQUENESS,
    VALIDITY,
    WARNING,
    Check,
    examples_query,
)
from churn_core.intake.quality_series import DailyCounts, daily_counts, jumps, silences
from churn_core.intake.snapshot_frame import SnapshotTable, stored_snapshot
from churn_core.jobs import Progress, no_progress
from churn_core.schema import TABLES, USER_TABLES, quote
from churn_core.warehouse import Warehouse

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SERIES_TABLES = ("orders", "events", "feedback", "tickets")
_JUMP_TABLES = ("orders", "events")
_MOST_ROWS_FOR_NEAR_TWINS = 100_000
_LONG_SILENCE_DAYS = 14
_STALE_DAYS = (14, 60, 365)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was found in one table."""

    check: str
    """Code of the check."""
    table: str
    dimension: str
    """completeness, uniqueness, validity, consistency or timeliness."""
    severity: str
    """info, warning or problem."""
    message: str
    """What was found, with counts, in words."""
    n_rows: int
    """Rows, days or customers looked at: the denominator."""
    n_affected: int
    """Of these, affected."""
    examples: tuple[str, ...]
    """Up to five of them, in words."""
    effect_on_model: str
    """What it would do to the model, in one sentence."""

    @property
    def share(self) -> float | None:
        """Affected rows among those looked at; None when nothing was."""
        return self.n_affected / self.n_rows if self.n_rows else None


@dataclass(frozen=True, kw_only=True)
class TableSummary:
    """A loaded table at a glance."""

    table: str
    n_rows: int
    first_time: datetime | None
    """Earliest row; None for tables without a time."""
    last_time: datetime | None
    """Latest row."""
    filled_shares: dict[str, float]
    """Share of rows with a value, by column that a file may fill."""


@dataclass(frozen=True, kw_only=True)
class QualityReport:
    """The state of a workspace's data."""

    data_version: int
    """The data it speaks about."""
    tables: tuple[TableSummary, ...]
    """Tables that hold rows."""
    findings: tuple[Finding, ...]
    """Worst first."""
    daily: tuple[DailyCounts, ...]
    """Rows per day of each table with a time, for charts."""
    n_checks: int
    """Checks that could be run on what is loaded."""

    def count(self, severity: str) -> int:
        """Findings of a severity."""
        return sum(finding.severity == severity for finding in self.findings)

    def daily_of(self, table: str) -> DailyCounts | None:
        """Rows per day of a table, or None when it has none."""
        return next((series for series in self.daily if series.table == table), None)

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values; rows per day as day and count."""
        return {
            "data_version": self.data_version,
            "n_checks": self.n_checks,
            "n_findings": {severity: self.count(severity) for severity in SEVERITIES},
            "tables": [
                {**asdict(table), "first_time": _iso(table.first_time), "last_time": _iso(table.last_time)}
                for table in self.tables
            ],
            "findings": [
                {**asdict(finding), "examples": list(finding.examples), "share": finding.share}
                for finding in self.findings
            ],
            "daily": {
                series.table: [
                    {"day": day.isoformat(), "n_rows": n} for day, n in zip(series.days, series.counts, strict=True)
                ]
                for series in self.daily
            },
        }


def check_quality(warehouse: Warehouse, *, progress: Progress = no_progress) -> QualityReport:
    """Run every check that the loaded tables allow. An empty workspace gives an empty report."""
    loaded = [table.name for table in USER_TABLES if warehouse.n_rows(table.name)]
    is_demo = bool(warehouse.setting("is_demo", False))
    reference = None if is_demo else warehouse.value("SELECT max(imported_at) FROM imports")
    newest = warehouse.value("SELECT max(order_time) FROM orders")
    parameters = {"reference": reference, "newest": newest}
    findings: list[Finding] = []
    n_checks = 0
    for number, table in enumerate(loaded):
        progress(0.7 * number / len(loaded), f"checking {table.replace('_', ' ')}")
        checks = [check for check in CHECKS if check.table == table and _applies(check, loaded, reference)]
        n_checks += len(checks)
        findings += _check_rows(warehouse, table, [check for check in checks if check.condition], parameters)
        findings += [found for check in checks if check.count_sql for found in _check_set(warehouse, check, parameters)]
    progress(0.7, "counting rows per day")
    daily = tuple(series for table in loaded if (series := daily_counts(warehouse, table)) is not None)
    findings += [finding for series in daily for finding in _check_series(series)]
    progress(0.9, "looking at imports and freshness")
    findings += _check_imports(warehouse) + _check_freshness(reference, newest) + _check_twins(warehouse)
    order = {severity: rank for rank, severity in enumerate(SEVERITIES)}
    return QualityReport(
        data_version=warehouse.data_version,
        tables=tuple(_summary(warehouse, table) for table in loaded),
        findings=tuple(sorted(findings, key=lambda finding: order[finding.severity])),
        daily=daily,
        n_checks=n_checks + 2 * len(daily) + 2,
    )


def _applies(check: Check, loaded: list[str], reference: datetime | None) -> bool:
    return all(table in loaded for table in check.needs) and not (check.uses_clock and reference is None)


def _check_rows(
    warehouse: Warehouse, table: str, checks: list[Check], parameters: dict[str, datetime | None]
) -> list[Finding]:
    """All row checks of a table in one pass; examples are looked up for those that fire."""
    if not checks:
        return []
    counted = ", ".join(f"count(*) FILTER ({check.condition})" for check in checks)
    n_rows, *affected = warehouse.rows(f"SELECT count(*), {counted} FROM {quote(table)}", parameters)[0]
    return [
        finding
        for check, n_affected in zip(checks, affected, strict=True)
        for finding in _fired(warehouse, check, n_rows, n_affected, parameters)
    ]


def _check_set(warehouse: Warehouse, check: Check, parameters: dict[str, datetime | None]) -> list[Finding]:
    n_rows, n_affected = warehouse.rows(check.count_sql or "", parameters)[0]
    return _fired(warehouse, check, int(n_rows or 0), int(n_affected or 0), parameters)


def _fired(
    warehouse: Warehouse, check: Check, n_rows: int, n_affected: int, parameters: dict[str, datetime | None]
) -> list[Finding]:
    """The finding of a check, or nothing when it stays below what is worth a word."""
    if not n_affected or not n_rows or n_affected / n_rows < check.fires_from:
        return []
    share = n_affected / n_rows
    query = examples_query(check)
    examples = [str(row[0]) for row in warehouse.rows(query, parameters)] if query else []
    rows = check.rows_are or check.table.replace("_", " ")
    return [
        Finding(
            check=check.name,
            table=check.table,
            dimension=check.dimension,
            severity=check.severity(share),
            message=f"{n_affected:,} of {n_rows:,} {rows} ({_percent(share)}) {check.found}.",
            n_rows=n_rows,
            n_affected=n_affected,
            examples=tuple(examples[:5]),
            effect_on_model=check.effect,
        )
    ]


def _check_series(series: DailyCounts) -> list[Finding]:
    """Missing days and sudden jumps of a table's rows per day."""
    if series.table not in _SERIES_TABLES:
        return []
    name, n_days = series.table, len(series.counts)
    found = []
    missing = silences(series)
    if missing:
        n_missing = sum(silence.n_days for silence in missing)
        longest = max(silence.n_days for silence in missing)
        found.append(
            Finding(
                check="silent_days",
                table=name,
                dimension=COMPLETENESS,
                severity=PROBLEM if name == "orders" and longest >= _LONG_SILENCE_DAYS else WARNING,
                message=f"{n_missing:,} of {n_days:,} days in the middle of the history without any {name}, "
                f"where about {sum(silence.n_expected for silence in missing):,.0f} were to be expected.",
                n_rows=n_days,
                n_affected=n_missing,
                examples=tuple(_span(silence.first_day, silence.last_day) for silence in missing[:5]),
                effect_on_model="If a file is missing, customers seem to pause on these days: gaps get longer and "
                "labels of cutoffs before them show churn that never was."
                if name == "orders"
                else "Activity seems to drop on these days, and the features take it for fading interest.",
            )
        )
    leaps = jumps(series) if name in _JUMP_TABLES else []
    if leaps:
        found.append(
            Finding(
                check="level_shift",
                table=name,
                dimension=CONSISTENCY,
                severity=WARNING,
                message=f"the number of {name} changes suddenly on {_day(leaps[0].day)}: {_times(leaps[0].ratio)} "
                "of the level of the four weeks before.",
                n_rows=n_days // 7,
                n_affected=len(leaps),
                examples=tuple(
                    f"from {_day(leap.day)}: {_times(leap.ratio)} of the level before" for leap in leaps[:5]
                ),
                effect_on_model="A part of the data may be missing on one side; a model that learns across the jump "
                "takes it for a change of all customers.",
            )
        )
    return found


def _check_imports(warehouse: Warehouse) -> list[Finding]:
    """Imports of which rows were kept aside."""
    found = []
    for import_id, file_name, tables, n_rows, n_rejected in warehouse.rows(
        "SELECT import_id, file_name, tables, n_rows, n_rejected FROM imports WHERE n_rejected > 0 ORDER BY import_id"
    ):
        causes = warehouse.rows(
            "SELECT concat(format('{:,}', count(*)), if(count(*) = 1, ' row: ', ' rows: '), cause, "
            "coalesce(' in ' || column_name, '')) FROM rejected_rows "
            "WHERE import_id = $import_id GROUP BY cause, column_name ORDER BY count(*) DESC, cause LIMIT 5",
            {"import_id": import_id},
        )
        share = n_rejected / n_rows if n_rows else 1.0
        found.append(
            Finding(
                check="rejected_rows",
                table=tables[0] if tables else "imports",
                dimension=VALIDITY,
                severity=PROBLEM if share >= 0.1 else WARNING if share >= 0.01 else INFO,
                message=f"{n_rejected:,} of {n_rows:,} rows ({_percent(share)}) of {file_name} not understood.",
                n_rows=n_rows,
                n_affected=n_rejected,
                examples=tuple(row[0] for row in causes),
                effect_on_model="They are not seen by the model; download them, correct them and import them again.",
            )
        )
    return found


def _check_freshness(reference: datetime | None, newest: datetime | None) -> list[Finding]:
    """How far the newest order lies before the last import."""
    if reference is None or newest is None:
        return []
    n_days = (reference - newest).days
    if n_days < _STALE_DAYS[0]:
        return []
    return [
        Finding(
            check="freshness",
            table="orders",
            dimension=TIMELINESS,
            severity=PROBLEM if n_days >= _STALE_DAYS[2] else WARNING if n_days >= _STALE_DAYS[1] else INFO,
            message=f"The newest order is of {_day(newest.date())}, {n_days:,} days before the last import.",
            n_rows=1,
            n_affected=1,
            examples=(),
            effect_on_model="Risk is told as of the newest order: who has left or come back since is not seen.",
        )
    ]


def _check_twins(warehouse: Warehouse) -> list[Finding]:
    """Rows of a labelled table that repeat one another: the same rows, found in the same way, as in training."""
    from churn_core.stats.twins import find_twins

    table = stored_snapshot(warehouse)
    if table is None or not len(table.frame.columns):
        return []
    n_rows = len(table.frame)
    twins = find_twins(table.frame, only_exact=n_rows > _MOST_ROWS_FOR_NEAR_TWINS)
    found = []
    exact = table.frame.duplicated().to_numpy()
    for check, n, words, examples in (
        ("exact_twins", twins.n_exact, "with all attributes of another row", _pairs(table, twins.group, exact)),
        ("near_twins", twins.n_near, "that nearly repeat another row", _pairs(table, twins.group, ~exact)),
        ("shifted_twins", twins.n_shifted, "that copy another row with one and the same shift", _steps(twins.shift)),
    ):
        if n:
            found.append(
                Finding(
                    check=check,
                    table="snapshots",
                    dimension=UNIQUENESS,
                    severity=WARNING if n >= 0.01 * n_rows else INFO,
                    message=f"{n:,} of {n_rows:,} rows ({_percent(n / n_rows)}) {words}.",
                    n_rows=n_rows,
                    n_affected=n,
                    examples=examples,
                    effect_on_model="Split at random, a twin in testing is remembered from training; twins are kept "
                    "in one fold.",
                )
            )
    return found


def _pairs(table: SnapshotTable, group: NDArray[np.int64], among: NDArray[np.bool_]) -> tuple[str, ...]:
    """A few pairs of customers that stand in one group, the later one among the given rows."""
    others = np.flatnonzero((group != np.arange(len(group))) & among)[:5]
    return tuple(f"customers {table.frame.index[group[row]]} and {table.frame.index[row]}" for row in others)


def _steps(shift: dict[str, float]) -> tuple[str, ...]:
    return tuple(f"{name} {value:+g}" for name, value in list(shift.items())[:5])


def _summary(warehouse: Warehouse, name: str) -> TableSummary:
    table = TABLES[name]
    columns = [column.name for column in table.mappable]
    filled = ", ".join(f"count({quote(column)})" for column in columns)
    times = f"min({quote(table.time)}), max({quote(table.time)})" if table.time else "NULL, NULL"
    n_rows, first, last, *counts = warehouse.rows(f"SELECT count(*), {times}, {filled} FROM {quote(name)}")[0]
    return TableSummary(
        table=name,
        n_rows=n_rows,
        first_time=first,
        last_time=last,
        filled_shares={column: n / n_rows for column, n in zip(columns, counts, strict=True)},
    )


def _percent(share: float) -> str:
    return "below 0.1 %" if share < 0.0005 else f"{100 * share:.1f} %"


def _times(ratio: float) -> str:
    return f"{ratio:.1f} times" if ratio >= 1 else f"{100 * ratio:.0f} %"


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"


def _span(first: date, last: date) -> str:
    n_days = (last - first).days + 1
    return _day(first) if n_days == 1 else f"{_day(first)} to {_day(last)} ({n_days} days)"


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
