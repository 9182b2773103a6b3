"""What the command line prints: results on stdout, progress and sentences on stderr."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from churn_core.errors import JobCancelled
from churn_core.jobs import KEPT, Progress


class ProgressLine:
    """Progress on stderr: one line that is rewritten on a terminal, a line per message elsewhere.

    Work goes on when nobody reads its progress any more: a closed pipe must not undo half a transaction.
    """

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._last = ""

    def __call__(self, share: float, message: str) -> None:
        """Show how far the work is."""
        with suppress(BrokenPipeError):
            self._show(share, message)
        self._last = message

    def _show(self, share: float, message: str) -> None:
        if self._is_terminal:
            print(f"\r\033[K{share:4.0%}  {message}", end="", file=sys.stderr, flush=True)
            if share >= 1:
                print(file=sys.stderr)
        elif message != self._last:
            print(f"{share:4.0%}  {message}", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Leave the progress line so that what follows starts on its own."""
        if self._is_terminal and self._last:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


@contextmanager
def stoppable(progress: Progress, words: str) -> Iterator[Progress]:
    """Progress whose next report after the first Ctrl-C raises JobCancelled, once; a second Ctrl-C stops at once.

    For work that keeps what it has when it is cancelled, and goes on from there.
    """
    is_asked = threading.Event()

    def asked(number: int, frame: object) -> None:
        signal.signal(signal.SIGINT, before)
        print(f"\n{words}", file=sys.stderr, flush=True)
        is_asked.set()

    def reported(share: float, message: str) -> None:
        if is_asked.is_set():
            is_asked.clear()
            raise JobCancelled(f"stopped; {KEPT}.")
        progress(share, message)

    before = signal.signal(signal.SIGINT, asked)
    try:
        yield reported
    finally:
        signal.signal(signal.SIGINT, before)


def show(args: argparse.Namespace, result: object, lines: Iterable[str]) -> int:
    """Print a result as JSON when asked for, else as lines of text; the exit code 0."""
    if getattr(args, "json", False):
        print(json.dumps(result, indent=2, ensure_ascii=False, default=str, allow_nan=False))
    else:
        for line in lines:
            print(line)
    return 0


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    """Lines of a plain table: the first column left, the others right.

    >>> table(("model", "AUC"), [("blend", ".81"), ("logistic", ".803")])
    ['model      AUC', 'blend      .81', 'logistic  .803']
    """
    cells = [[str(cell) for cell in row] for row in (header, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    return [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]
