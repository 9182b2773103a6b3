"""The app as a process of its own on a free port: for the crowd of ``benchmarks.people`` and for browser tests."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SECONDS_TO_START = 90.0


@contextmanager
def running_app(home: Path, log: Path, *options: str) -> Iterator[str]:
    """The app with a home of its own and further options of the server; its address.

    RuntimeError when it ends before it answers, TimeoutError when it does not answer in time.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    given = ["--server.port", str(port), "--server.headless", "true", *options]
    with log.open("wb") as written:
        process = subprocess.Popen(
            [sys.executable, "-m", "ui.serve", "run", "app.py", *given],
            cwd=ROOT,
            env={**os.environ, "CHURN_HOME": str(home)},
            stdout=written,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_until_healthy(f"{address}/_stcore/health", process)
            yield address
        finally:
            process.kill()
            process.wait(timeout=30)


def _wait_until_healthy(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode} before it answered; see its log")
        try:
            with urllib.request.urlopen(address, timeout=2) as answer:
                if answer.read() == b"ok":
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise TimeoutError(f"{address} did not answer within {SECONDS_TO_START:.0f} s; see the server's log")
