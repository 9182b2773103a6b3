"""From a model to decisions: who is called, whether the warnings were right, why a risk moved, which model scores."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import running_app
from tests.browser.test_journey import open_the_first_customer
from tests.browser.test_looks import wait_until_quiet

pytestmark = pytest.mark.browser

Visit = Callable[..., Page]
LONG = 120_000


@pytest.fixture(scope="module")
def own_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app with a small demo shop that the journeys may change."""
    from churn_core.campaigns.demo import build_demo_workspace

    home = tmp_path_factory.mktemp("decisions") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHURN_HOME", str(home))
        build_demo_workspace(n_customers=3_000)
    with running_app(home) as address:
        yield address


def opened(visit: Visit, address: str, title: str) -> Page:
    page = visit(address)
    expect(page.get_by_role("heading", name=title, exact=True, level=1)).to_be_visible(timeout=LONG)
    return page


def test_forty_calls_a_day_become_the_high_tier(own_app: str, visit: Visit) -> None:
    page = opened(visit, f"{own_app}/cut-offs", "Cut-offs")
    expect(page.get_by_text(re.compile("A contacts"))).to_be_visible(timeout=LONG)
    page.get_by_role("radio", name="by capacity").or_(page.get_by_role("button", name="by capacity")).first.click()
    people = page.get_by_label("People per day", exact=True).last
    people.fill("10")
    people.press("Enter")
    wait_until_quiet(page)
    days = page.get_by_label("Days until the next scoring")
    days.fill("4")
    days.press("Enter")
    wait_until_quiet(page)
    page.get_by_role("button", name="Save and activate").click()
    expect(page.get_by_text(re.compile("In force \\(policy 2\\)"))).to_be_visible(timeout=LONG)
    at_risk = opened(visit, f"{own_app}/at-risk", "At risk")
    card = at_risk.get_by_test_id("stMetric").filter(has_text="In the high tier")
    expect(card.get_by_test_id("stMetricValue")).to_have_text("40", timeout=LONG)


def test_the_warnings_are_held_against_what_happened(own_app: str, visit: Visit) -> None:
    page = opened(visit, f"{own_app}/proof", "Proof")
    expect(page.get_by_text(re.compile(r"Of \d[\d,]* customers who would have been warned"))).to_be_visible(
        timeout=LONG
    )
    page.get_by_role("tab", name="Were they early?").click()
    expect(page.get_by_text(re.compile("replayed", re.IGNORECASE)).first).to_be_visible()


def test_a_customer_page_says_why_the_risk_moved(own_app: str, visit: Visit) -> None:
    page = opened(visit, f"{own_app}/at-risk", "At risk")
    open_the_first_customer(page)
    page.get_by_role("tab", name="Why did it move?").click()
    expect(page.get_by_text(re.compile(r"The risk (rose|fell|stayed)")).first).to_be_visible(timeout=LONG)


def test_two_models_are_compared_and_the_older_one_is_promoted(own_app: str, visit: Visit) -> None:
    page = opened(visit, f"{own_app}/versions", "Versions")
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.get_by_text(re.compile("Spearman"))).to_be_visible(timeout=LONG)
    page.get_by_role("button", name=re.compile("Roll back to model 1")).click()
    page.get_by_role("button", name=re.compile("Roll back")).last.click()
    expect(page.get_by_text(re.compile("model 1", re.IGNORECASE)).first).to_be_visible(timeout=LONG)
    expect(page.get_by_role("button", name=re.compile("Score now"))).to_be_visible(timeout=LONG)


def test_health_shows_its_four_checks(own_app: str, visit: Visit) -> None:
    page = opened(visit, f"{own_app}/health", "Health")
    for name in ("Drift", "Leak guard", "Scores come of age", "Learned by heart?"):
        page.get_by_role("tab", name=name).click()
    expect(page.get_by_test_id("stException")).to_have_count(0)
