"""The funnel counts customers per message and arm, and leaves everything else as it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from churn_core import workspaces
from churn_core.campaigns.funnel import STEPS, funnel
from churn_core.campaigns.measure import measure
from churn_core.campaigns.plan import Plan
from churn_core.campaigns.store import Campaign, create_draft
from churn_core.cli import main
from churn_core.errors import InputError
from churn_core.stats.moments import Rate
from churn_core.stats.proportions import wilson_interval
from churn_core.warehouse import Warehouse

MakeCampaign = Callable[..., Campaign]
Put = Callable[..., None]

START = datetime(2024, 3, 1)
DAY = timedelta(days=1)
ASSIGNED = [{"customer_id": f"k{number}", "arm": "control"} for number in range(4)]
ASSIGNED += [{"customer_id": f"c{number}", "arm": "coupon"} for number in range(5)]


def message(customer: str, kind: str, at: datetime = START, campaign: str | None = "camp-spring") -> dict[str, object]:
    return {"customer_id": customer, "kind": kind, "contact_time": at, "campaign": campaign, "channel": "email"}


SENT = [message(f"c{number}", "sent") for number in range(4)]


@pytest.fixture
def nine(warehouse: Warehouse, made_campaign: MakeCampaign, small_plan: Plan) -> Campaign:
    """Four customers in the control, five with a coupon."""
    return made_campaign(warehouse, small_plan, assigned=ASSIGNED)


def test_customers_are_counted_once_per_step_within_their_window(
    warehouse: Warehouse, nine: Campaign, put: Put
) -> None:
    put(warehouse, "contacts", [
        *SENT,
        message("c0", "sent", START + DAY),
        message("c0", "opened", START + 2 * DAY),
        message("c1", "opened", START + 30 * DAY - timedelta(seconds=1), "  SPRING coupon "),
        message("c2", "opened", START + 30 * DAY),
        message("c3", "opened", START - timedelta(seconds=1)),
        message("c3", "clicked", START, "June newsletter"),
        message("c2", "clicked", START, None),
        message("c2", "bounced"),
        message("stranger", "sent"),
    ])  # fmt: skip
    found = funnel(warehouse, nine)
    assert list(found) == ["control", "coupon"]
    coupon = found["coupon"]
    assert [step.kind for step in coupon.steps] == list(STEPS)
    assert {step.kind: step.n_customers for step in coupon.steps} == {
        "sent": 4, "delivered": 0, "opened": 2, "clicked": 0, "unsubscribed": 0, "bounced": 1,
    }  # fmt: skip
    assert coupon.step("sent").n_contacts == 5
    assert coupon.step("opened").of_assigned == pytest.approx(2 / 5)
    assert coupon.step("opened").of_sent == pytest.approx(2 / 4)
    assert (coupon.step("opened").low, coupon.step("opened").high) == pytest.approx(wilson_interval(2, 5))
    assert found["control"].step("sent").n_customers == 0
    assert found["control"].step("opened").of_sent is None


def test_those_reached_are_told_apart_from_the_effect(warehouse: Warehouse, nine: Campaign, put: Put) -> None:
    orders = [("c0", START), ("c1", START + 29 * DAY), ("c3", START - DAY), ("c4", START), ("c2", START + 30 * DAY)]
    put(warehouse, "orders", [
        {"customer_id": customer, "order_id": customer, "order_time": at, "amount": 5.0} for customer, at in orders
    ])  # fmt: skip
    before = measure(warehouse, nine, ["retained"])
    put(warehouse, "contacts", [*SENT, message("c3", "bounced")])
    assert funnel(warehouse, nine)["coupon"].reached == Rate(n_hits=2, n=3)
    put(warehouse, "contacts", [message("c0", "delivered"), message("c2", "opened")])
    assert funnel(warehouse, nine)["coupon"].reached == Rate(n_hits=1, n=2)
    assert funnel(warehouse, nine)["control"].reached == Rate(n_hits=0, n=0)
    after = measure(warehouse, nine, ["retained"])
    assert after.outcomes == before.outcomes
    assert after.outcomes["retained"].rate("coupon") == Rate(n_hits=3, n=5)


def test_a_campaign_without_contacts_has_an_empty_funnel(warehouse: Warehouse, nine: Campaign) -> None:
    found = funnel(warehouse, nine)
    assert found["coupon"].n_assigned == 5
    assert not any(step.n_contacts for step in found["coupon"].steps)


def test_a_draft_has_no_funnel(warehouse: Warehouse, small_plan: Plan) -> None:
    with pytest.raises(InputError, match="still a draft"):
        funnel(warehouse, create_draft(warehouse, small_plan))


def test_the_command_line_shows_the_funnel(
    churn_home: Path,
    made_campaign: MakeCampaign,
    put: Put,
    small_plan: Plan,
    capsys: pytest.CaptureFixture[str],
) -> None:
    opened = workspaces.create_workspace("shop")
    made_campaign(opened, small_plan, assigned=ASSIGNED)
    assert main(["campaign", "funnel", "camp-spring"]) == 0
    assert "No contacts of this campaign are in the workspace" in capsys.readouterr().out
    put(opened, "contacts", SENT)
    assert main(["campaign", "funnel", "camp-spring"]) == 0
    printed = capsys.readouterr().out
    assert "80.0%" in printed
    assert "this is no effect" in printed
    assert main(["campaign", "funnel", "camp-spring", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["arms"]["coupon"]["steps"][0]["n_customers"] == 4
    opened.close()
