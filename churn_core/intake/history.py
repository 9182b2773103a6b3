"""What was imported: every file that was loaded, with its counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from churn_core.warehouse import Warehouse


@dataclass(frozen=True, kw_only=True)
class Import:
    """One file that was loaded."""

    import_id: int
    imported_at: datetime
    """When (UTC)."""
    file_name: str
    """Name of the file as uploaded."""
    tables: tuple[str, ...]
    """Tables written."""
    n_rows: int
    """Rows read."""
    n_added: int
    """Rows new to the workspace."""
    n_updated: int
    """Rows that replaced an older version."""
    n_unchanged: int
    """Rows that were there already."""
    n_rejected: int
    """Rows set aside."""
    message: str | None
    """What the import said when it ended; None for data that was made, not loaded."""

    @property
    def outcome(self) -> str:
        """What came of the rows, table by table, in words."""
        if self.message:
            return self.message.removeprefix(f"{self.file_name}: ").split(", from ")[0]
        counts = {"added": self.n_added, "updated": self.n_updated, "unchanged": self.n_unchanged}
        tables = ", ".join(name.replace("_", " ") for name in self.tables)
        return f"{tables}: " + ("; ".join(f"{n:,} {verb}" for verb, n in counts.items() if n) or "nothing new")


def past_imports(warehouse: Warehouse, limit: int = 200) -> list[Import]:
    """The newest imports first."""
    rows = warehouse.records(
        "SELECT import_id, imported_at, file_name, tables, n_rows, n_added, n_updated, n_unchanged, n_rejected, "
        "(SELECT max(detail ->> 'message') FROM audit_log "
        "WHERE action = 'import' AND CAST(detail ->> 'import_id' AS BIGINT) = imports.import_id) AS message "
        "FROM imports ORDER BY import_id DESC LIMIT $limit",
        {"limit": limit},
    )
    return [Import(**{**row, "tables": tuple(row["tables"] or ())}) for row in rows]
