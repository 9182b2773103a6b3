"""What a file is by its first bytes, and getting it out of a zip or gzip.

Apart from the readers because this is where hostile files are stopped: bombs, traversal names, passwords and
binaries are refused with one sentence before anything is unpacked.
"""

from __future__ import annotations

import gzip
import hashlib
import lzma
import mmap
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from churn_core.errors import InputError

MAX_UNPACKED_BYTES = 16 * 1024**3
"""Largest size a packed file may unpack to."""
MAX_RATIO = 200
"""Largest ratio of unpacked to packed size, for files that unpack to more than SMALL_BYTES."""
SMALL_BYTES = 64 * 1024**2
"""Up to this size a packed file may have any ratio."""

_CHUNK = 1 << 20

_KNOWN_BINARIES = (
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF", "a PDF document"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"SQLite format 3", "an SQLite database"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"(\xb5/\xfd", "a zstd archive"),
    (b"{\\rtf", "an RTF document"),
)


@dataclass(frozen=True, kw_only=True)
class Unpacked:
    """A file out of its wrapping."""

    path: Path
    """Where its bytes are."""
    name: str
    """Its own name inside the wrapping, or the name of the file itself."""
    packing: str | None
    """zip or gzip, or None."""
    format: str
    """xlsx, parquet or text."""


def digest(path: Path, name: str | None = None) -> str:
    """SHA-256 of a file's bytes; InputError when it is missing, a folder or empty."""
    title = name or path.name
    if path.is_dir():
        raise InputError(f"{title} is a folder; choose a file.")
    if not path.exists():
        raise InputError(f"the file {path} does not exist; check the name and the folder.")
    sha = hashlib.sha256()
    n_bytes = 0
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                sha.update(chunk)
                n_bytes += len(chunk)
    except OSError as error:
        raise InputError(f"the file {title} cannot be read: {error.strerror or error}.") from error
    if n_bytes == 0:
        raise InputError(f"{title} is empty; it should hold a line of column names and rows below it.")
    return sha.hexdigest()


def unpack(path: Path, name: str, folder: Path, watch: Callable[[], None]) -> Unpacked:
    """The file itself, taken out of a zip or gzip into ``folder`` when it is in one; ``watch`` may raise to cancel."""
    form = _sniff(path, name)
    if form == "gzip":
        inner = folder / "unpacked"
        _ungzip(path, name, inner, watch)
        return _inner(inner, name.removesuffix(".gz"), name, "gzip")
    if form == "zip":
        inner = folder / "unpacked"
        member = _unzip(path, name, inner, watch)
        return _inner(inner, member, name, "zip")
    return Unpacked(path=path, name=name, packing=None, format=form)


def _inner(path: Path, inner_name: str, outer_name: str, packing: str) -> Unpacked:
    if path.stat().st_size == 0:
        raise InputError(f"{outer_name} holds an empty file; it should hold a table.")
    form = _sniff(path, inner_name)
    if form in ("zip", "gzip"):
        raise InputError(
            f"{outer_name} holds another packed file, {inner_name!r}; unpack it and choose the table itself."
        )
    return Unpacked(path=path, name=inner_name, packing=packing, format=form)


def _sniff(path: Path, name: str) -> str:
    with path.open("rb") as file:
        head = file.read(4096)
    if head.startswith(b"\x1f\x8b"):
        return "gzip"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "xlsx" if _is_workbook(path, name) else "zip"
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return _old_office(path, name)
    for magic, words in _KNOWN_BINARIES:
        if head.startswith(magic):
            raise InputError(f"{name} is not a table but {words}; {EXPECTED}.")
    beginning = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if beginning.startswith((b"<!doctype", b"<html", b"<table", b"<?xml")):
        words = "an XML document" if beginning.startswith(b"<?xml") else "a web page"
        raise InputError(
            f"{name} is not a table but {words}; open it in a spreadsheet program and save it as XLSX or CSV."
        )
    return "text"


EXPECTED = "choose a CSV, XLSX, Parquet or JSON lines file, or a zip or gzip of one"


def _old_office(path: Path, name: str) -> str:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        is_encrypted = content.find("EncryptedPackage".encode("utf-16-le")) >= 0
    if is_encrypted:
        raise InputError(f"{name} is protected by a password; save it without a password and choose it again.")
    raise InputError(f"{name} is in the old Office format; save it as XLSX or CSV and choose it again.")


def _is_workbook(path: Path, name: str) -> bool:
    with _open_zip(path, name) as archive:
        members = set(archive.namelist())
        if "xl/workbook.xml" in members or "xl/workbook.bin" in members:
            _check_sizes(archive.infolist(), name, path.stat().st_size)
            return True
        if "[Content_Types].xml" in members:
            raise InputError(f"{name} is an Office document but not a workbook; {EXPECTED}.")
    return False


def _open_zip(path: Path, name: str) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise InputError(
            f"{name} is a zip file that ends too early or is damaged; copy or download it again."
        ) from error


def _check_sizes(members: list[zipfile.ZipInfo], name: str, packed_bytes: int) -> None:
    _check_ratio(sum(member.file_size for member in members), packed_bytes, name)


def _check_ratio(unpacked_bytes: int, packed_bytes: int, name: str) -> None:
    if unpacked_bytes > MAX_UNPACKED_BYTES:
        raise InputError(
            f"{name} unpacks to more than {MAX_UNPACKED_BYTES // 1024**3} GiB, which is more than can be loaded; "
            "split it into smaller files."
        )
    if unpacked_bytes > SMALL_BYTES and unpacked_bytes > MAX_RATIO * packed_bytes:
        raise InputError(
            f"{name} unpacks to more than {MAX_RATIO} times its size, as harmful archives do; "
            "unpack it yourself and choose the table if you trust it."
        )


def _unzip(path: Path, name: str, target: Path, watch: Callable[[], None]) -> str:
    with _open_zip(path, name) as archive:
        members = archive.infolist()
        for member in members:
            if _leaves_folder(member.filename):
                raise InputError(
                    f"{name} holds the name {member.filename!r}, which points outside its folder; pack it anew."
                )
        tables = [member for member in members if not member.is_dir() and not _is_clutter(member.filename)]
        if len(tables) != 1:
            listed = ", ".join(repr(member.filename) for member in tables[:5]) or "none"
            raise InputError(
                f"{name} holds {len(tables)} files ({listed}{', ...' if len(tables) > 5 else ''}) where one table is "
                "expected; choose the files one at a time."
            )
        (member,) = tables
        if member.flag_bits & 0x1:
            raise InputError(f"{name} is protected by a password; pack it without a password and choose it again.")
        _check_sizes([member], name, max(member.compress_size, 1))
        try:
            with archive.open(member) as packed:
                _copy(packed, target, name, path.stat().st_size, watch)
        except NotImplementedError as error:  # zipfile's word for a compression it does not know
            raise InputError(
                f"{name} is packed with a compression that cannot be read here; pack it as an ordinary zip file."
            ) from error
        except (zipfile.BadZipFile, EOFError, zlib.error, lzma.LZMAError, OSError) as error:
            raise InputError(
                f"{name} is a zip file that ends too early or is damaged; copy or download it again."
            ) from error
    return PurePosixPath(member.filename).name


def _ungzip(path: Path, name: str, target: Path, watch: Callable[[], None]) -> None:
    try:
        with gzip.open(path, "rb") as packed:
            _copy(packed, target, name, path.stat().st_size, watch)
    except (EOFError, zlib.error, OSError) as error:
        raise InputError(
            f"{name} is a gzip file that ends too early or is damaged; copy or download it again."
        ) from error


def _copy(
    packed: IO[bytes] | gzip.GzipFile, target: Path, name: str, packed_bytes: int, watch: Callable[[], None]
) -> None:
    n_bytes = 0
    with target.open("wb") as file:
        while chunk := packed.read(_CHUNK):
            n_bytes += len(chunk)
            _check_ratio(n_bytes, packed_bytes, name)
            file.write(chunk)
            watch()


def _leaves_folder(member: str) -> bool:
    path = member.replace("\\", "/")
    return path.startswith("/") or ":" in path.split("/")[0] or ".." in path.split("/")


def _is_clutter(member: str) -> bool:
    parts = PurePosixPath(member.replace("\\", "/")).parts
    return parts[0] == "__MACOSX" or parts[-1].startswith(".") or parts[-1].lower() in {"thumbs.db", "desktop.ini"}
