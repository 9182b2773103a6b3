"""Opening a file of any format: what it is, how it is written, what its columns look like.

The one entrance of the intake: everything after it works on a :class:`Source` and does not know formats.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from churn_core.errors import InputError
from churn_core.intake import columnar, json_lines, spreadsheet, text_format, text_rows
from churn_core.intake.container import Unpacked, digest, unpack
from churn_core.intake.header import check_names
from churn_core.intake.profile import profile
from churn_core.intake.scratch import scratch_folder
from churn_core.intake.source import DATE_ORDERS, STAGED_FILE, ReadOptions, Source, SourceColumn
from churn_core.intake.staging import batches_of_rows, write_staged
from churn_core.jobs import Progress, no_progress
from churn_core.warehouse import Warehouse

__all__ = ["DATE_ORDERS", "ReadOptions", "Source", "SourceColumn", "open_source"]


_BINARY_SUFFIXES = (".xlsx", ".xlsm", ".xls", ".parquet")


@dataclass(frozen=True, kw_only=True)
class _Staged:
    format: str
    names: tuple[str, ...]
    header_line: int
    notes: tuple[str, ...] = ()
    encoding: str | None = None
    separator: str | None = None
    sheet: str | None = None
    sheets: tuple[str, ...] = ()
    malformed: tuple[tuple[int, str, str], ...] = ()


def open_source(
    path: Path, *, name: str | None = None, options: ReadOptions | None = None, progress: Progress = no_progress
) -> Source:
    """Open a CSV, XLSX, Parquet or JSON lines file, or a zip or gzip of one.

    ``name`` is what people call it (an upload's own name). The whole file is staged once, in bounded memory.
    Raises InputError with one sentence when it cannot be read as a table.
    """
    chosen = options or ReadOptions()
    title = name or Path(path).name
    progress(0.0, f"reading {title}")
    sha256 = digest(Path(path), title)
    folder = scratch_folder()
    reader: Warehouse | None = None
    try:
        unpacked = unpack(Path(path), title, folder, lambda: progress(0.1, f"unpacking {title}"))
        staged = folder / STAGED_FILE
        found = _stage(unpacked, title, staged, chosen, progress)
        if unpacked.packing:
            (folder / "unpacked").unlink(missing_ok=True)
        progress(0.8, "looking at the columns")
        reader = Warehouse.open(None, folder=folder)
        looks = profile(reader, reader.file(STAGED_FILE), found.names, found.separator, chosen)
        if looks.n_rows == 0:
            raise InputError(f"{title} has column names but no rows below them; add the rows and choose it again.")
        progress(1.0, f"{looks.n_rows:,} rows read")
        return Source(
            name=title,
            path=Path(path),
            sha256=sha256,
            format=found.format,
            packing=unpacked.packing,
            encoding=found.encoding,
            separator=found.separator,
            decimal=looks.decimal,
            date_order=looks.date_order,
            sheet=found.sheet,
            sheets=found.sheets,
            header_line=found.header_line,
            columns=looks.columns,
            n_rows=looks.n_rows + len(found.malformed),
            malformed=found.malformed,
            guessed=looks.guessed,
            notes=(*_notes(found, unpacked), *found.notes, *looks.notes),
            options=chosen,
            reader=reader,
            staged=reader.file(STAGED_FILE),
        )
    except BaseException:
        if reader is not None:
            reader.close()
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _stage(unpacked: Unpacked, title: str, staged: Path, options: ReadOptions, progress: Progress) -> _Staged:
    if unpacked.format == "xlsx":
        return _stage_sheet(unpacked, title, staged, options, progress)
    if unpacked.format == "parquet":
        return _stage_parquet(unpacked, title, staged, progress)
    encoding = options.encoding or text_format.find_encoding(unpacked.path, title)
    form = text_format.is_json(unpacked.path, encoding)
    if form == "list":
        raise InputError(f"{title} is one JSON list; save it as JSON lines, one object per line, and choose it again.")
    if form == "lines":
        return _stage_json(unpacked, title, staged, encoding, progress)
    return _stage_text(unpacked, title, staged, options, progress)


def _stage_text(unpacked: Unpacked, title: str, staged: Path, options: ReadOptions, progress: Progress) -> _Staged:
    form = text_format.detect(unpacked.path, title, options)
    names, notes = check_names(form.names, title)
    if Path(unpacked.name).suffix.lower() in _BINARY_SUFFIXES:
        if len(names) == 1:
            raise InputError(
                f"{title} has the name of a workbook or Parquet file but holds plain text that is no table; "
                "save it anew as XLSX, Parquet or CSV and choose it again."
            )
        notes = (*notes, f"by its name {unpacked.name} is no text file, but it is one and was read as such.")
    rows = text_rows.TextRows(unpacked.path, title, form)
    size = max(1, unpacked.path.stat().st_size)

    def position(n_bytes: int) -> None:
        progress(0.1 + 0.7 * min(1.0, n_bytes / size), f"reading {title}")

    n_rows = write_staged(staged, len(names), rows.batches(position), lambda _: None)
    if rows.malformed and n_rows < len(rows.malformed):
        raise InputError(
            f"most rows of {title} do not have the {len(names)} values of its header, first in line "
            f"{rows.malformed[0][0]} "
            f"({rows.malformed[0][2]}); check the separator, {form.separator!r} was used."
        )
    return _Staged(
        format="csv",
        names=names,
        header_line=form.header_line,
        notes=notes,
        encoding=form.encoding,
        separator=form.separator,
        malformed=tuple(rows.malformed),
    )


def _stage_sheet(unpacked: Unpacked, title: str, staged: Path, options: ReadOptions, progress: Progress) -> _Staged:
    sheet = spreadsheet.open_sheet(unpacked.path, title, options)
    names, notes = check_names(sheet.names, title)
    write_staged(staged, len(names), batches_of_rows(sheet.rows(), len(names)), _watch(progress, title))
    return _Staged(
        format="xlsx",
        names=names,
        header_line=sheet.header_line,
        notes=(*sheet.notes, *notes),
        sheet=sheet.sheet,
        sheets=sheet.sheets,
    )


def _stage_parquet(unpacked: Unpacked, title: str, staged: Path, progress: Progress) -> _Staged:
    table = columnar.ParquetRows(unpacked.path, title)
    names, notes = check_names(table.names, title)
    write_staged(staged, len(names), table.batches(), _watch(progress, title, table.n_rows))
    return _Staged(format="parquet", names=names, header_line=0, notes=notes)


def _stage_json(unpacked: Unpacked, title: str, staged: Path, encoding: str, progress: Progress) -> _Staged:
    lines = json_lines.JsonRows(unpacked.path, title, encoding)
    try:
        names, notes = _write_json(lines, title, staged, progress)
    except json_lines.LateColumn:
        lines.find_all_names()
        names, notes = _write_json(lines, title, staged, progress)
    return _Staged(
        format="jsonl", names=names, header_line=0, notes=notes, encoding=encoding, malformed=tuple(lines.malformed)
    )


def _write_json(
    lines: json_lines.JsonRows, title: str, staged: Path, progress: Progress
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    names, notes = check_names(lines.names, title)
    write_staged(staged, len(names), batches_of_rows(lines.rows(), len(names)), _watch(progress, title))
    return names, notes


def _watch(progress: Progress, title: str, n_all: int | None = None) -> Callable[[int], None]:
    def watch(n_rows: int) -> None:
        share = n_rows / n_all if n_all else n_rows / (n_rows + 500_000)
        progress(0.1 + 0.7 * min(1.0, share), f"reading {title}: {n_rows:,} rows")

    return watch


def _notes(found: _Staged, unpacked: Unpacked) -> list[str]:
    notes = []
    if unpacked.packing:
        notes.append(f"unpacked from {unpacked.packing}: {unpacked.name}.")
    if found.encoding and found.format == "csv":
        separator = text_format.SEPARATOR_WORDS.get(found.separator or "", repr(found.separator))
        words = text_format.ENCODING_WORDS.get(found.encoding, found.encoding)
        notes.append(f"text in {words}, values separated by a {separator}.")
    if found.header_line > 1:
        notes.append(f"column names were found in line {found.header_line}; the lines above were left out.")
    if found.malformed:
        line, _, cause = found.malformed[0]
        n_rows = len(found.malformed)
        words = "1 row does not fit the header" if n_rows == 1 else f"{n_rows:,} rows do not fit the header"
        notes.append(f"{words} and will be set aside, first in line {line}: {cause}.")
    return notes
