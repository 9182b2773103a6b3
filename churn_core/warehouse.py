"""The one door to the database.

A workspace is one DuckDB file, opened once per process. Reads take a cursor each (a connection shared
between threads gives wrong rows); writes go through :meth:`Warehouse.transaction`, one at a time per
process, and either finish whole or leave the tables as they were. No other module imports duckdb.
"""

from __future__ import annotations

import getpass
import json
import os
import re
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from churn_core.errors import InputError, WorkspaceBusy
from churn_core.schema import quote

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Parameters = Mapping[str, object] | Sequence[object] | None

MEMORY_LIMIT = "4GB"

_PARAMETER = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)")
_HOLDER = re.compile(r"held in (?P<program>.+?) \(PID (?P<pid>\d+)\)")

_open_files: dict[Path, Warehouse] = {}
_open_lock = threading.Lock()


def utc_now() -> datetime:
    """The present as naive UTC, the only kind of time that tables hold."""
    return datetime.now(UTC).replace(tzinfo=None)


def acting_person() -> str:
    """Who is at work, for logs: ``CHURN_USER``, else the account on this machine; empty when there is none."""
    named = os.environ.get("CHURN_USER", "").strip()
    if named:
        return named
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


class _Reader(ABC):
    """Queries on one cursor at a time; what a warehouse and a transaction have in common."""

    @abstractmethod
    def _cursor(self) -> duckdb.DuckDBPyConnection:
        """A cursor that nobody else uses."""

    def rows(self, sql: str, parameters: Parameters = None) -> list[tuple[Any, ...]]:
        """All rows of a query as tuples."""
        return self._cursor().execute(sql, _used(sql, parameters)).fetchall()

    def value(self, sql: str, parameters: Parameters = None) -> Any:
        """The first column of the first row, or None when there is no row."""
        rows = self.rows(sql, parameters)
        return rows[0][0] if rows else None

    def frame(self, sql: str, parameters: Parameters = None) -> pd.DataFrame:
        """All rows of a query as a pandas frame."""
        return self._cursor().execute(sql, _used(sql, parameters)).df()

    def records(self, sql: str, parameters: Parameters = None) -> list[dict[str, Any]]:
        """All rows of a query as dictionaries; for small results."""
        cursor = self._cursor().execute(sql, _used(sql, parameters))
        names = [column[0] for column in cursor.description or []]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def arrow_batches(
        self, sql: str, parameters: Parameters = None, *, n_rows: int = 100_000
    ) -> Iterator[pa.RecordBatch]:
        """The rows of a query in batches, for results too large to hold."""
        yield from self._cursor().sql(sql, params=_used(sql, parameters)).to_arrow_reader(n_rows)

    def n_rows(self, table: str) -> int:
        """Rows in a table."""
        return int(self.value(f"SELECT count(*) FROM {quote(table)}"))

    def setting(self, name: str, default: Any = None) -> Any:
        """A workspace setting, or the default when it was never set."""
        text = self.value("SELECT value FROM settings WHERE name = $name", {"name": name})
        return default if text is None else json.loads(text)

    @property
    def data_version(self) -> int:
        """Changes with every import; part of every cache key, score run and readout."""
        return int(self.setting("data_version", 0))


class Transaction(_Reader):
    """Writes that happen together or not at all; made by :meth:`Warehouse.transaction`."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self._own = cursor

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        return self._own

    def execute(self, sql: str, parameters: Parameters = None) -> int:
        """Run a statement; the number of rows it changed, 0 where that has no meaning."""
        rows = self._own.execute(sql, _used(sql, parameters)).fetchall()
        return int(rows[0][0]) if rows and isinstance(rows[0][0], int) else 0

    def append(self, table: str, rows: pd.DataFrame | pa.Table) -> int:
        """Add rows to a table, matching columns by name; the number of rows added."""
        with self.view("incoming_rows", rows):
            return self.execute(f"INSERT INTO {quote(table)} BY NAME SELECT * FROM incoming_rows")

    def append_arrow(self, table: str, rows: pa.Table) -> int:
        """Add rows of an Arrow table, matching columns by name; the number of rows added.

        For loading in many parts: what :meth:`append` and :meth:`view` read stays in memory until the
        transaction ends, what is added here does not.
        """
        columns = [row[0] for row in self.rows(f"SELECT column_name FROM (DESCRIBE {quote(table)})")]
        unknown = [name for name in rows.column_names if name not in columns]
        if unknown:
            raise KeyError(f"the table {table} has no column {unknown[0]!r}")
        matched = ", ".join(quote(name) if name in rows.column_names else "NULL" for name in columns)
        self._own.from_arrow(rows).project(matched).insert_into(quote(table))
        return int(rows.num_rows)

    @contextmanager
    def view(self, name: str, rows: pd.DataFrame | pa.Table) -> Iterator[None]:
        """Make a frame readable in SQL under a name while the block runs."""
        self._own.register(name, rows)
        try:
            yield
        finally:
            self._own.unregister(name)

    def next_number(self, table: str, column: str) -> int:
        """One more than the highest number in a column; numbering starts at 1."""
        return int(self.value(f"SELECT coalesce(max({quote(column)}), 0) + 1 FROM {quote(table)}"))

    def save_setting(self, name: str, value: object) -> None:
        """Set a workspace setting."""
        self.execute(
            "INSERT OR REPLACE INTO settings VALUES ($name, $value, $now)",
            {"name": name, "value": json.dumps(value, ensure_ascii=False), "now": utc_now()},
        )

    def bump_data_version(self) -> int:
        """Say that user tables changed; the new data version."""
        version = self.data_version + 1
        self.save_setting("data_version", version)
        return version

    def audit(self, action: str, detail: object = None) -> None:
        """Add a line to the audit log."""
        self.execute(
            "INSERT INTO audit_log VALUES ($entry, $now, $action, $detail, $person)",
            {
                "entry": self.next_number("audit_log", "entry"),
                "now": utc_now(),
                "action": action,
                "detail": json.dumps(detail, ensure_ascii=False, default=str),
                "person": acting_person(),
            },
        )


class Warehouse(_Reader):
    """One workspace file, or a database in memory."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, path: Path | None, folder: Path | None) -> None:
        self._connection = connection
        self._writer = threading.RLock()
        self.path = path
        """The workspace file; None in memory."""
        self.folder = folder
        """The only folder whose files SQL may read and write; None when there is none."""

    @classmethod
    def open(cls, path: Path | str | None = None, *, folder: Path | str | None = None) -> Warehouse:
        """Open a workspace file, creating it when it is not there, and bring its schema up to date.

        ``folder`` is the one folder where SQL may read and write files; by default the file's own
        ``<name>.files`` beside it. Opening the same file again in this process gives the same warehouse.

        Raises WorkspaceBusy when another process holds the file, InputError when it is no workspace.
        """
        if path is None:
            return cls._connect(None, Path(folder) if folder else None)
        resolved = Path(path).resolve()
        with _open_lock:
            if resolved not in _open_files:
                files = Path(folder) if folder else resolved.with_suffix(".files")
                _open_files[resolved] = cls._connect(resolved, files)
            return _open_files[resolved]

    @classmethod
    def _connect(cls, path: Path | None, folder: Path | None) -> Warehouse:
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
        if folder:
            folder = folder.resolve()
            folder.mkdir(parents=True, exist_ok=True)
        try:
            connection = duckdb.connect(str(path) if path else ":memory:")
        except duckdb.Error as error:
            raise _opening_error(path, str(error)) from error
        connection.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET preserve_insertion_order = true")
        if folder:
            literal = str(folder).replace("'", "''")
            connection.execute(f"SET allowed_directories = ['{literal}']")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        warehouse = cls(connection, path, folder)
        try:
            warehouse._migrate()
        except BaseException:
            connection.close()
            raise
        return warehouse

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        return self._connection.cursor()

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Writes that are kept when the block ends and undone when it raises; one at a time per process."""
        with self._writer:
            cursor = self._connection.cursor()
            cursor.execute("BEGIN TRANSACTION")
            try:
                yield Transaction(cursor)
            except BaseException:
                cursor.execute("ROLLBACK")
                raise
            else:
                cursor.execute("COMMIT")
            finally:
                cursor.close()

    @contextmanager
    def supposed(self) -> Iterator[Transaction]:
        """Changes that are only supposed: seen inside the block alone and undone at its end, whatever happens.

        Nobody waits for it and it waits for nobody, because nothing of it is ever written.
        """
        cursor = self._connection.cursor()
        cursor.execute("BEGIN TRANSACTION")
        try:
            yield Transaction(cursor)
        finally:
            cursor.execute("ROLLBACK")
            cursor.close()

    def file(self, name: str) -> Path:
        """Path of a file in the workspace's folder; the name must be a plain file name."""
        if self.folder is None:
            raise InputError("this warehouse has no folder for files; open it with one.")
        if Path(name).name != name or name in {"", ".", ".."}:
            raise InputError(f"{name!r} is not a plain file name.")
        return self.folder / name

    def write_file(self, sql: str, parameters: Parameters, target: Path, *, options: str) -> int:
        """Write a query's rows to a file in the workspace's folder with DuckDB's COPY; the number of rows written."""
        literal = str(target).replace("'", "''")
        rows = self._cursor().execute(f"COPY ({sql}) TO '{literal}' ({options})", _used(sql, parameters)).fetchall()
        return int(rows[0][0])

    def checkpoint(self) -> None:
        """Fold the write-ahead log into the file."""
        with self._writer:
            self._connection.cursor().execute("CHECKPOINT")

    def close(self) -> None:
        """Release the file."""
        with _open_lock, self._writer:
            if self.path:
                _open_files.pop(self.path, None)
            self._connection.close()

    def _migrate(self) -> None:
        with self.transaction() as tx:
            tx.execute("CREATE TABLE IF NOT EXISTS schema_migrations (name VARCHAR PRIMARY KEY, applied_at TIMESTAMP)")
            applied = {row[0] for row in tx.rows("SELECT name FROM schema_migrations")}
            known = migrations()
            foreign = applied - known.keys()
            if foreign:
                raise InputError(
                    f"{self.path} was written by a newer version of the product "
                    f"(it has {sorted(foreign)[-1]!r}); update the product to open it."
                )
            if not applied and tx.value("SELECT count(*) FROM duckdb_tables()") > 1:
                raise InputError(f"{self.path} is a database but not a workspace; choose another file.")
            for name, statements in known.items():
                if name not in applied:
                    for statement in statements:
                        tx.execute(statement)
                    tx.execute("INSERT INTO schema_migrations VALUES ($name, $now)", {"name": name, "now": utc_now()})


def migrations() -> dict[str, list[str]]:
    """The schema's history: statements of each migration by name, oldest first."""
    folder = resources.files("churn_core") / "migrations"
    files = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".sql")), key=lambda entry: entry.name)
    return {
        entry.name.removesuffix(".sql"): [
            part for part in entry.read_text(encoding="utf-8").split(";\n") if part.strip()
        ]
        for entry in files
    }


def _used(sql: str, parameters: Parameters) -> Any:
    """Named parameters restricted to those the statement mentions, so that callers may share one mapping."""
    if isinstance(parameters, Mapping):
        mentioned = set(_PARAMETER.findall(sql))
        return {name: value for name, value in parameters.items() if name in mentioned}
    return parameters if parameters is None else list(parameters)


def _opening_error(path: Path | None, message: str) -> Exception:
    holder = _HOLDER.search(message)
    if holder:
        return WorkspaceBusy(
            f"the workspace {path} is in use by process {holder['pid']} ({Path(holder['program']).name}); "
            "close that program, or use another workspace."
        )
    if "lock" in message.lower():
        return WorkspaceBusy(f"the workspace {path} is in use by another process; close that program first.")
    if "not a valid" in message or "magic" in message.lower() or "Serialization" in message:
        return InputError(f"{path} is not a workspace file; choose another file or create a new workspace.")
    return InputError(f"the workspace {path} cannot be opened: {message.splitlines()[0]}")
