"""How many customers a plan takes: against R and stats.power, and a baseline that can be counted by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from math import sqrt

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churn_core.campaigns.baseline import Baseline, audience_baseline
from churn_core.campaigns.measure import measure
from churn_core.campaigns.plan import Arm, Goal, Plan
from churn_core.campaigns.sizing import effect_words, equal_shares, plan_size, size_of
from churn_core.campaigns.store import Campaign, create_draft
from churn_core.customers.selection import Condition
from churn_core.errors import InputError, NotEnoughData
from churn_core.intake.derived import refresh_derived
from churn_core.settings import Settings, save_settings
from churn_core.stats.moments import Rate
from churn_core.stats.power import Design, size_for_rates, smallest_mean_effect, smallest_rate_effect
from churn_core.warehouse import Warehouse
from tests.campaigns.conftest import make_campaign

END = datetime(2024, 7, 1)
"""Midnight after the last order of the small shop."""
AUDIENCE = Condition(
    sql="SELECT 'a' || i AS customer_id, $risk AS risk FROM range(40) AS r(i)", parameters={"risk": 0.36}
)
NOBODY_KNOWN = Condition(sql="SELECT 'stranger' || i AS customer_id, NULL::DOUBLE AS risk FROM range(9) AS r(i)")


def plan(*shares: float, outcome: str = "retained", effect: float | None = 0.25, **further: object) -> Plan:
    """A plan with a control and treatments of these shares."""
    names = ["control", *(f"offer {number}" for number in range(1, len(shares)))]
    arms = tuple(
        Arm(name=name, share=share, action="coupon" if number else None, channel="email" if number else None)
        for number, (name, share) in enumerate(zip(names, shares, strict=True))
    )
    goal = Goal(outcome=outcome, window_days=30, smallest_effect=effect)
    return Plan(name="Sized", goal=goal, arms=arms, **further)  # type: ignore[arg-type]


def level(value: float, deviation: float | None = None) -> Baseline:
    spread = sqrt(value * (1 - value)) if deviation is None else deviation
    return Baseline(value=value, deviation=spread, n=1000, source="history", told="measured.")


def test_sizes_are_those_of_r() -> None:
    # R 4, example(power.prop.test): p1 = .50, p2 = .75, power = .90 takes n = 76.7 in each arm;
    # example(power.t.test): delta = 1, sd = 1, power = .90 takes n = 22.02110 in each arm.
    rates = size_of(plan(0.5, 0.5, power=0.9), level(0.5), 1000)
    assert (rates.n_needed, rates.needed) == (154, {"control": 77, "offer 1": 77})
    means = size_of(plan(0.5, 0.5, outcome="orders", effect=1.0, power=0.9), level(3.0, 1.0), 1000)
    assert (means.n_needed, means.needed) == (46, {"control": 23, "offer 1": 23})


def test_unequal_arms_have_the_power_of_the_reference() -> None:
    # R package pwr, example(pwr.t2n.test): d = 0.6, n1 = 90, n2 = 60, one-sided at 5 %: power = 0.9737262.
    sized = size_of(plan(0.6, 0.4, outcome="spend", effect=0.6, alpha=0.1), level(5.0, 1.0), 150)
    assert sized.power == pytest.approx(0.9737262, abs=1e-6)


def test_equal_treatments_need_what_the_design_of_all_arms_says() -> None:
    sized = size_of(plan(0.4, 0.3, 0.3, effect=0.02), level(0.1), 50_000)
    together = size_for_rates(0.1, 0.12, Design(n_treatments=2, control_share=0.4))
    assert sized.n_needed == pytest.approx(together.n_total, abs=4)
    assert sized.needed["offer 2"] == pytest.approx(together.n_treatment, abs=2)
    found = smallest_rate_effect(0.1, 50_000, Design(n_treatments=2, control_share=0.4))
    assert sized.mde == pytest.approx(found, rel=1e-6)


def test_the_smallest_treatment_decides() -> None:
    uneven, even = size_of(plan(0.4, 0.5, 0.1), level(0.4), 900), size_of(plan(0.4, 0.3, 0.3), level(0.4), 900)
    assert uneven.n_needed > even.n_needed  # type: ignore[operator]
    assert uneven.mde > even.mde  # type: ignore[operator]
    pair = Design(alpha=0.025, control_share=0.8)
    assert uneven.mde == pytest.approx(smallest_rate_effect(0.4, 900 * 0.5, pair), rel=1e-9)


@given(n=st.integers(40, 20_000), more=st.integers(1, 5_000), share=st.floats(0.1, 0.9))
def test_more_customers_and_larger_effects_are_easier(n: int, more: int, share: float) -> None:
    asked = plan(share, 1 - share, outcome="spend", effect=3.0)
    fewer, further = size_of(asked, level(20.0, 35.0), n), size_of(asked, level(20.0, 35.0), n + more)
    assert further.mde < fewer.mde  # type: ignore[operator]
    assert further.power >= fewer.power  # type: ignore[operator]
    larger = replace(asked, goal=replace(asked.goal, smallest_effect=4.0))
    assert size_of(larger, level(20.0, 35.0), n).n_needed < fewer.n_needed  # type: ignore[operator]
    assert (fewer.level == "enough") == (n >= (fewer.n_needed or 0))


def test_the_smallest_effect_found_is_the_inverse_of_the_number_needed() -> None:
    asked = plan(0.2, 0.5, 0.3, outcome="spend", effect=4.0)
    needed = size_of(asked, level(20.0, 35.0), 100).n_needed
    assert needed is not None
    assert size_of(asked, level(20.0, 35.0), needed).mde == pytest.approx(4.0, rel=1e-3)
    assert size_of(asked, level(20.0, 35.0), needed).power >= 0.8 - 1e-9  # type: ignore[operator]
    pair = Design(alpha=0.025, control_share=0.4)
    expected = smallest_mean_effect(35.0, needed * 0.5, pair)
    assert size_of(asked, level(20.0, 35.0), needed).mde == pytest.approx(expected)


def test_days_are_never_none_at_all() -> None:
    at_once = size_of(plan(0.5, 0.5), level(0.5), 100)
    assert (at_once.days_to_contact, at_once.days_until_answer) == (1, 30)
    in_weeks = size_of(plan(0.5, 0.5, per_week=300), level(0.5), 1000)
    assert (in_weeks.days_to_contact, in_weeks.days_until_answer) == (24, 3 * 7 + 30)
    few = size_of(plan(0.5, 0.5, per_week=5000), level(0.5), 10)
    assert (few.days_to_contact, few.days_until_answer) == (1, 30)


def test_arms_add_up_to_the_audience() -> None:
    assert sum(size_of(plan(0.15, 0.425, 0.425), level(0.5), 1013).available.values()) == 1013


@pytest.mark.parametrize(
    ("asked", "found", "told"),
    [
        (plan(0.5, 0.5, effect=0.3), level(0.8), "cannot be"),
        (plan(0.5, 0.5, outcome="spend", effect=1.0), level(0.0, 0.0), "do not differ"),
        (plan(0.5, 0.5, effect=0.3), level(0.0, 0.0), "leaves nothing to plan with"),
    ],
)
def test_impossible_effects_are_said_to_be_so(asked: Plan, found: Baseline, told: str) -> None:
    with pytest.raises(InputError, match=told):
        size_of(asked, found, 1000)


def test_shares_are_made_equal_in_tenths_of_a_percent() -> None:
    arms = equal_shares(plan(0.1, 0.2, 0.3, 0.2, 0.1, 0.1).arms)
    assert sum(round(1000 * arm.share) for arm in arms) == 1000
    assert max(arm.share for arm in arms) - min(arm.share for arm in arms) < 0.0011


def test_effects_are_written_in_their_unit() -> None:
    assert effect_words("retained", 0.004) == "0.4 points"
    assert effect_words("margin", 3.0) == "3.00 per customer"


@pytest.fixture
def small_shop(warehouse: Warehouse) -> Warehouse:
    """An audience whose last order was 40 days ago, and what became of those who stood so 30 days before the end.

    Of 60 customers with one order of 10.00 as long ago then, 10 ordered once more and 5 twice, for 20.00 each with a
    discount of 5.00. Others had waited longer or shorter and all ordered, which must not count.
    """
    then = END - timedelta(days=30)
    rows = [(f"a{i}", END - timedelta(days=40), 10.0, 0.0) for i in range(40)]
    rows += [(f"p{i}", then - timedelta(days=40), 10.0, 0.0) for i in range(60)]
    rows += [(f"p{i}", then + timedelta(days=3), 20.0, 5.0) for i in range(15)]
    rows += [(f"p{i}", then + timedelta(days=9), 20.0, 5.0) for i in range(5)]
    for waited in (5, 200):
        rows += [(f"w{waited}-{i}", then - timedelta(days=waited), 10.0, 0.0) for i in range(50)]
        rows += [(f"w{waited}-{i}", END - timedelta(days=1), 99.0, 0.0) for i in range(50)]
    orders = pd.DataFrame(rows, columns=["customer_id", "order_time", "amount", "discount_amount"])
    orders["order_time"] = orders["order_time"].astype("datetime64[us]")
    orders["order_id"] = [f"o{number}" for number in range(len(orders))]
    with warehouse.transaction() as tx:
        tx.append("orders", orders)
        refresh_derived(tx)
        tx.bump_data_version()
    save_settings(warehouse, Settings(margin_rate=0.5))
    return warehouse


@pytest.mark.parametrize(
    ("outcome", "value", "square"),
    [
        ("orders", 20 / 60, (10 * 1 + 5 * 4) / 60),
        ("spend", 400 / 60, (10 * 20**2 + 5 * 40**2) / 60),
        ("margin", 20 * 7.5 / 60, (10 * 7.5**2 + 5 * 15**2) / 60),
        ("repurchase", 5 / 60, 5 / 60),
    ],
)
def test_the_past_window_is_counted_as_by_hand(
    small_shop: Warehouse, outcome: str, value: float, square: float
) -> None:
    used, compared = audience_baseline(small_shop, Goal(outcome=outcome, window_days=30), AUDIENCE)
    assert (used.source, used.n, compared) == ("history", 60, None)
    assert used.value == pytest.approx(value)
    is_rate = outcome == "repurchase"
    assert used.deviation**2 == pytest.approx((square - value**2) * (1 if is_rate else 60 / 59), rel=1e-3)


def test_a_cap_counts_in_the_baseline(small_shop: Warehouse) -> None:
    goal = Goal(outcome="spend", window_days=30, cap=25.0)
    assert audience_baseline(small_shop, goal, AUDIENCE)[0].value == pytest.approx((10 * 20 + 5 * 25) / 60)


def test_retained_comes_from_the_past_where_no_horizon_is_known_and_names_the_risks_beside_it(
    small_shop: Warehouse,
) -> None:
    used, compared = audience_baseline(small_shop, Goal(outcome="retained", window_days=30), AUDIENCE)
    assert (used.source, used.value) == ("history", pytest.approx(15 / 60))
    assert compared is not None
    assert (compared.source, compared.value) == ("scores", pytest.approx(0.64))


def test_a_window_longer_than_the_data_is_said_in_one_sentence(small_shop: Warehouse) -> None:
    draft = create_draft(small_shop, plan(0.5, 0.5))
    draft = replace(draft, plan=replace(draft.plan, goal=replace(draft.plan.goal, window_days=365)))
    sized = plan_size(small_shop, draft, among=AUDIENCE)
    assert sized.level == "unknown"
    assert "window is 365 days and the orders span only 230" in sized.verdict
    assert sized.baseline is None
    assert sized.n_needed is None
    assert sized.days_until_answer == 365


def test_an_audience_that_the_past_says_nothing_about_is_refused(small_shop: Warehouse) -> None:
    with pytest.raises(NotEnoughData, match="nobody of the audience has ordered yet"):
        audience_baseline(small_shop, Goal(outcome="spend", window_days=30), NOBODY_KNOWN)


def draft_of(warehouse: Warehouse, asked: Plan) -> Campaign:
    return create_draft(warehouse, asked)


def test_a_plan_that_is_too_small_says_what_would_help(small_shop: Warehouse) -> None:
    sized = plan_size(
        small_shop, draft_of(small_shop, plan(0.2, 0.4, 0.4, outcome="spend", effect=5.0)), among=AUDIENCE
    )
    assert sized.level == "too_small"
    assert sized.verdict.startswith("Too small: 40 customers")
    assert f"{(sized.n_needed or 0) - 40:,} more" in sized.remedies[0]
    assert any(text.startswith("One treatment instead of 2") for text in sized.remedies)
    assert any(text.startswith("Arms of equal size") for text in sized.remedies)
    assert any(text.startswith("A larger effect") for text in sized.remedies)


def test_a_plan_that_is_large_enough_needs_nothing(small_shop: Warehouse) -> None:
    sized = plan_size(small_shop, draft_of(small_shop, plan(0.5, 0.5, outcome="spend", effect=20.0)), among=AUDIENCE)
    assert (sized.level, sized.remedies) == ("enough", ())
    assert sized.target == pytest.approx(400 / 60 + 20)


@pytest.mark.parametrize(
    ("asked", "level", "told"),
    [
        (plan(1.0), "unknown", "add a treatment first"),
        (plan(0.5, 0.4), "unknown", "90 %"),
        (plan(0.5, 0.5, effect=None), "unknown", "smallest worth having"),
    ],
)
def test_an_incomplete_plan_says_what_is_missing(small_shop: Warehouse, asked: Plan, level: str, told: str) -> None:
    sized = plan_size(small_shop, draft_of(small_shop, asked), among=AUDIENCE)
    assert sized.level == level
    assert told in sized.verdict


def test_without_a_control_nothing_is_promised(small_shop: Warehouse) -> None:
    asked = replace(plan(0.5, 0.5), arms=plan(0.5, 0.5).treatments, no_control_reason="Everybody was promised it.")
    sized = plan_size(small_shop, draft_of(small_shop, asked), among=AUDIENCE)
    assert (sized.level, sized.n_needed, sized.mde) == ("not_measurable", None, None)


@pytest.mark.parametrize("outcome", ["retained", "orders", "spend", "margin", "repurchase"])
def test_the_baseline_counts_what_a_campaign_of_that_time_would_have_measured(
    small_shop: Warehouse, outcome: str
) -> None:
    start = END - timedelta(days=30)
    then = replace(plan(0.5, 0.5, outcome=outcome, effect=0.1), starts_on=start.date())
    assigned = [{"customer_id": f"p{i}", "arm": ("control", "offer 1")[i % 2]} for i in range(60)]
    past = make_campaign(small_shop, then, assigned=assigned)
    cells = [
        cell for arm in measure(small_shop, past, [outcome]).outcomes[outcome].cells.values() for cell in arm.values()
    ]
    n = sum(cell.n for cell in cells)
    total = sum(cell.n_hits if isinstance(cell, Rate) else cell.n * cell.means[0] for cell in cells)
    used, _ = audience_baseline(small_shop, then.goal, AUDIENCE)
    assert (n, total / n) == (60, pytest.approx(used.value))
