"""A running app and a browser for journeys: real Chromium against the real server, everything local."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from benchmarks import running

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = os.environ.get("CHURN_CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
Server = Callable[[Path], str]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Chromium, headless; tests are skipped where it is missing, unless CHURN_REQUIRE_BROWSER says it must not be."""
    if not Path(CHROMIUM).exists():
        missing = pytest.fail if os.environ.get("CHURN_REQUIRE_BROWSER") else pytest.skip
        missing(f"Chromium is not at {CHROMIUM}; install it, or set CHURN_CHROMIUM to where it is")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """Open a page in a window of its own; width, height and colour scheme can be chosen."""
    contexts: list[BrowserContext] = []

    def opened(address: str, *, width: int = 1280, height: int = 900, scheme: str = "light") -> Page:
        context = chromium.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,  # type: ignore[arg-type]
            accept_downloads=True,
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.goto(address)
        return page

    yield opened
    for context in contexts:
        context.close()


@contextmanager
def running_app(home: Path) -> Iterator[str]:
    """The app on a free port with a home of its own; its address."""
    with running.running_app(home, home.parent / f"{home.name}-server.log") as address:
        yield address


@pytest.fixture(scope="session")
def demo_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app with a small demo shop, trained and scored."""
    from churn_core.campaigns.demo import build_demo_workspace

    home = tmp_path_factory.mktemp("browser-demo") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHURN_HOME", str(home))
        build_demo_workspace(n_customers=int(os.environ.get("CHURN_SCREENSHOT_CUSTOMERS", "3000")), n_years=2)
    with running_app(home) as address:
        yield address


@pytest.fixture
def new_app(tmp_path: Path) -> Iterator[str]:
    """The app without any workspace."""
    with running_app(tmp_path / "home") as address:
        yield address
    shutil.rmtree(tmp_path / "home", ignore_errors=True)
