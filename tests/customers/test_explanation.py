"""Contributions by family: exact sums, told by the feature that speaks in the direction of the sum."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from churn_core.customers.explanation import OTHERS, by_family, strongest, told
from churn_core.customers.profile import CustomerScore, customer_profile
from churn_core.warehouse import Warehouse

from .conftest import add_run


def _score(
    warehouse: Warehouse, parts: dict[str, tuple[float | None, float]], main_reason: str | None = None
) -> CustomerScore:
    """A score with these features as (value, contribution)."""
    log_odds = -0.5 + sum(contribution for _, contribution in parts.values())
    add_run(warehouse, {"a": 1 / (1 + math.exp(-log_odds))}, main_reason={"a": main_reason})
    with warehouse.transaction() as tx:
        tx.execute("UPDATE score_runs SET feature_names = $names", {"names": list(parts)})
        tx.execute(
            "UPDATE contributions SET feature_values = $values, contributions = $contributions",
            {
                "values": [value for value, _ in parts.values()],
                "contributions": [contribution for _, contribution in parts.values()],
            },
        )
    score = customer_profile(warehouse, "a").score
    assert score is not None
    return score


SILENT = {
    "days_since_last_order": (92.0, -0.6),
    "lateness_ratio": (14.3, 1.1),
    "expected_orders": (0.003, 0.9),
    "n_order_days": (101.0, 1.4),
    "n_visits_90": (2.0, 0.35),
    "spend_amount_90": (0.0, -0.25),
    "season of the shop": (None, -0.14),
}


def test_families_are_exact_sums_and_end_at_the_log_odds(warehouse: Warehouse) -> None:
    score = _score(warehouse, SILENT)
    families = by_family(score)
    by_name = {family.name: family for family in families}
    assert by_name["silence"].contribution == pytest.approx(2.8, abs=1e-6)
    assert by_name["silence"].n_features == 4
    total = score.run.base_log_odds + sum(family.contribution for family in families)
    assert total == pytest.approx(score.log_odds, abs=1e-6)
    assert sum(family.n_features for family in families) == len(score.contributions)
    sizes = [abs(family.contribution) for family in families]
    assert sizes == sorted(sizes, reverse=True)


def test_signals_that_pull_against_each_other_are_one_group(warehouse: Warehouse) -> None:
    families = by_family(_score(warehouse, SILENT))
    up, down = strongest(families, +1), strongest(families, -1)
    assert up is not None
    assert down is not None
    assert (up.name, down.name) == ("silence", "spend"), "not order days up and days since the last order down"


def test_the_main_reason_speaks_for_its_family(warehouse: Warehouse) -> None:
    strongest_signal = by_family(_score(warehouse, SILENT))[0].telling
    assert strongest_signal is not None
    assert strongest_signal.name == "n_order_days"
    family = by_family(_score(warehouse, SILENT, "lateness_ratio"))[0]
    assert family.telling is not None
    assert family.telling.name == "lateness_ratio"


def test_the_telling_signal_points_where_its_family_points(warehouse: Warehouse) -> None:
    for family in by_family(_score(warehouse, SILENT)):
        if family.telling is not None:
            assert family.telling.contribution * family.contribution > 0


def test_what_is_the_same_for_everybody_is_no_reason(warehouse: Warehouse) -> None:
    families = by_family(_score(warehouse, {"season of the shop": (None, 0.9), "n_visits_90": (2.0, 0.3)}))
    up = strongest(families, +1)
    assert up is not None
    assert up.name == "browsing"
    assert families[0].telling is None


def test_hardly_anything_is_no_reason(warehouse: Warehouse) -> None:
    families = by_family(_score(warehouse, {"n_visits_90": (2.0, 0.04), "lateness_ratio": (1.0, -0.01)}))
    assert strongest(families, +1) is None
    assert strongest(families, -1) is None


def test_small_families_are_summed_up_in_one(warehouse: Warehouse) -> None:
    parts = SILENT | {"n_returns": (0.0, 0.004), "n_ratings": (0.0, -0.003), "has_unsubscribed": (0.0, 0.002)}
    families = by_family(_score(warehouse, parts))
    assert families[-1].name == OTHERS
    assert families[-1].label == "3 further groups"
    assert families[-1].contribution == pytest.approx(0.003, abs=1e-6)


def test_a_signal_is_told_with_the_customers_number(warehouse: Warehouse) -> None:
    score = _score(warehouse, SILENT)
    words = {part.name: told(part) for part in score.contributions if part.name != "season of the shop"}
    assert words["days_since_last_order"] == "92 days since the last order"
    assert "2 visits" in words["n_visits_90"]


def test_columns_of_the_users_file_are_groups_of_their_own(warehouse: Warehouse) -> None:
    frame = pd.DataFrame({"customer_id": ["a"], "churned": [True], "attributes": ['{"plan": "gold", "calls": 3}']})
    with warehouse.transaction() as tx:
        tx.append("snapshots", frame)
    families = by_family(_score(warehouse, {"plan": (None, 0.8), "calls": (3.0, 0.3), "fee": (None, -0.2)}))
    assert [family.label for family in families] == ["plan", "calls", "fee"]
    assert [told(family.telling) for family in families if family.telling] == [
        "plan: gold",
        "calls: 3",
        "fee: not known",
    ]
