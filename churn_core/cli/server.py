"""Start the Streamlit app, say where it is, and stop it cleanly."""

from __future__ import annotations

import ipaddress
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import webbrowser
from pathlib import Path
from typing import NoReturn

from churn_core.errors import InputError

START_SECONDS = 60.0


def serve(*, address: str, port: int, open_browser: bool) -> int:
    """Run the app until it is stopped; its exit code.

    Raises InputError for an address that other machines can reach (there is no sign-in), for a port that is
    taken by something else, and when the app's files are not there.
    """
    _refuse_open_address(address)
    app = Path(__file__).resolve().parents[2] / "app.py"
    if not app.exists():
        raise InputError(f"the app is not at {app}; run 'churn serve' from a checkout of the project.")
    host = f"[{address}]" if ":" in address else address
    url = f"http://{host}:{port}"
    if _answers(url):
        print(f"The app is already open at {url}.", flush=True)
        _show(url, open_browser)
        return 0
    _refuse_taken_port(address, port)
    command = [
        sys.executable,
        "-m",
        "ui.serve",
        "run",
        str(app),
        f"--server.address={address}",
        f"--server.port={port}",
    ]
    signal.signal(signal.SIGTERM, _stop)
    with subprocess.Popen([*command, "--server.headless=true"], cwd=app.parent, stdout=subprocess.DEVNULL) as process:
        try:
            _wait_until_open(process, url)
            print(f"Churn Early Warning is open at {url} (Ctrl+C stops it).", flush=True)
            _show(url, open_browser)
            return process.wait()
        except KeyboardInterrupt:
            print("\nStopping.", flush=True)
            return 0
        finally:
            process.terminate()


def _stop(signum: int, frame: object) -> NoReturn:
    """End as Ctrl+C does, so that the app ends with its starter and lets go of the workspace."""
    raise KeyboardInterrupt


def _refuse_open_address(address: str) -> None:
    try:
        is_local = address == "localhost" or ipaddress.ip_address(address).is_loopback
    except ValueError as error:
        raise InputError(f"{address!r} is not an IP address; use 127.0.0.1.") from error
    if not is_local:
        raise InputError(
            f"{address} can be reached by other machines and the app has no sign-in of its own; "
            "keep 127.0.0.1 and put a proxy that signs people in before it."
        )


def _refuse_taken_port(address: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            raise InputError(
                f"port {port} on {address} is taken by another program; choose another one with --port."
            ) from error


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2) as answer:
            return bool(answer.read().strip() == b"ok")
    except (urllib.error.URLError, OSError):
        return False


def _wait_until_open(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not _answers(url):
        if process.poll() is not None:
            raise InputError(f"the app ended while starting (exit code {process.returncode}); its messages are above.")
        if time.monotonic() > deadline:
            raise InputError(f"the app did not answer at {url} within {START_SECONDS:.0f} s; its messages are above.")
        time.sleep(0.2)


def _show(url: str, open_browser: bool) -> None:
    has_screen = sys.platform in {"darwin", "win32"} or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )
    if open_browser and has_screen:
        webbrowser.open(url)
