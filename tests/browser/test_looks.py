"""Every page in light and dark, wide and narrow: drawn whole, nothing cut off, no error, no browser complaint."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

Visit = Callable[..., Page]
ROOT = Path(__file__).resolve().parents[2]
SHOTS = Path(__file__).parent / "shots"
PAGES = {
    "": "Today",
    "at-risk": "At risk",
    "customer": "Customer",
    "alerts": "Alerts",
    "plan": "Plan",
    "who-can-be-saved": "Who can be saved",
    "readout": "Readout",
    "programme": "Programme",
    "experiment": "Any experiment",
    "segments": "Segments",
    "rfm": "RFM",
    "rule-segments": "Rule segments",
    "cohorts": "Cohorts",
    "value": "Value",
    "demand": "Demand",
    "import": "Import",
    "data-quality": "Data quality",
    "churn-definition": "Churn definition",
    "train": "Train",
    "model-quality": "Model quality",
    "drivers": "Drivers",
    "cut-offs": "Cut-offs",
    "proof": "Proof",
    "health": "Health",
    "versions": "Versions",
    "settings": "Settings",
}


@pytest.mark.parametrize("width", [1280, 800])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("address", PAGES)
def test_page_is_drawn_whole(demo_app: str, visit: Visit, address: str, scheme: str, width: int) -> None:
    complaints: list[str] = []
    page = visit("about:blank", width=width, scheme=scheme)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{demo_app}/{address}")
    expect(page.get_by_role("heading", name=PAGES[address], exact=True, level=1)).to_be_visible()
    wait_until_quiet(page)
    SHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SHOTS / f"{address or 'today'}-{scheme}-{width}.png", full_page=True)
    assert page.get_by_test_id("stException").count() == 0
    assert page.get_by_test_id("stAlertContentError").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "the page scrolls sideways"
    assert not complaints


@pytest.mark.skipif(
    not os.environ.get("CHURN_WRITE_SCREENSHOTS"), reason="set CHURN_WRITE_SCREENSHOTS=1 to write the README's pictures"
)
@pytest.mark.parametrize(("address", "name"), [("", "today"), ("at-risk", "at_risk")])
def test_pictures_of_the_readme(demo_app: str, visit: Visit, address: str, name: str) -> None:
    page = visit(f"{demo_app}/{address}", width=1280, height=800)
    expect(page.get_by_role("heading", name=PAGES[address], exact=True, level=1)).to_be_visible()
    wait_until_quiet(page)
    target = ROOT / "docs" / "images" / f"{name}.png"
    target.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=target)
    assert target.stat().st_size < 300_000


@pytest.mark.parametrize(
    ("address", "control"),
    [
        ("import", "Upload"),
        ("churn-definition", "Horizon, days"),
        ("train", "Train and score"),
        ("settings", "Save thresholds"),
        ("at-risk", "Search"),
    ],
)
def test_tab_reaches_the_main_control(demo_app: str, visit: Visit, address: str, control: str) -> None:
    page = visit(f"{demo_app}/{address}")
    expect(page.get_by_role("heading", name=PAGES[address], exact=True, level=1)).to_be_visible()
    wait_until_quiet(page)
    reached = []
    for _ in range(90):
        page.keyboard.press("Tab")
        name = page.evaluate(
            "(() => { const e = document.activeElement; "
            "if (!['A', 'BUTTON', 'INPUT', 'TEXTAREA'].includes(e.tagName)) return ''; "
            "return [e.getAttribute('aria-label'), e.innerText, e.labels && e.labels[0] && e.labels[0].innerText, "
            "e.placeholder].filter(Boolean).join(' | '); })()"
        )
        reached.append(name)
        if control.casefold() in name.casefold():
            return
    pytest.fail(f"Tab never reached {control!r}; it reached {[name for name in reached if name][:60]}")


def wait_until_quiet(page: Page) -> None:
    """Until the script has ended and charts are drawn."""
    page.wait_for_function(
        "() => !document.querySelector('[data-testid=stStatusWidget]') "
        "&& !document.querySelector('[data-testid=stSkeleton]') "
        "&& ![...document.querySelectorAll('[data-stale=true]')].length",
        timeout=60_000,
    )
    page.wait_for_timeout(700)
