"""Contributions by family: exact sums, told by the feature that speaks in the direction of the sum."""

from __future__ import annotations

import json
import math

import pandas as pd
import pytest

from churn_core.customers.explanation import EVERYBODY, NO_NUMBER, OTHERS, by_family, strongest
from churn_core.customers.profile import CustomerScore, customer_profile
from churn_core.figures.contributions import bars
from churn_core.warehouse import Warehouse

from .conftest import add_run


def _score(
    warehouse: Warehouse,
    parts: dict[str, tuple[float | None, float]],
    *,
    main_reason: str | None = None,
    up: tuple[str, ...] = (),
    down: tuple[str, ...] = (),
) -> CustomerScore:
    """A score with these features as (value, contribution) and these reasons."""
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
        told = dict(zip(("up_1", "up_2", "up_3"), (*up, None, None, None), strict=False))
        told |= dict(zip(("down_1", "down_2"), (*down, None, None), strict=False))
        tx.execute(f"UPDATE reasons SET {', '.join(f'{name} = ${name}' for name in told)}", told)
    score = customer_profile(warehouse, "a").score
    assert score is not None
    return score


SILENT = {
    "days_since_last_order": (92.0, -0.6),
    "lateness_ratio": (14.3, 1.1),
    "expected_orders": (0.003, 0.9),
    "n_order_days": (101.0, 1.4),
    "n_visits_90": (2.0, 0.35),
    "spend_amount_90": (900.0, -0.25),
    "season of the shop": (None, -0.14),
}
SENTENCES = {
    "main_reason": "days_since_last_order",
    "up": ("92 days since the last order; usual gap 6", "only 2 visits in the last 90 days; usual 3-11"),
    "down": ("spent 900 in the last 90 days; usual 20-200",),
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


def test_a_family_that_is_a_reason_has_the_reasons_sentence(warehouse: Warehouse) -> None:
    score = _score(warehouse, SILENT, **SENTENCES)  # type: ignore[arg-type]
    words = {family.name: family.words for family in by_family(score) if family.is_reason}
    assert words == {
        "silence": "92 days since the last order; usual gap 6",
        "browsing": "only 2 visits in the last 90 days; usual 3-11",
        "spend": "spent 900 in the last 90 days; usual 20-200",
    }


def test_signals_that_pull_against_each_other_are_one_group(warehouse: Warehouse) -> None:
    families = by_family(_score(warehouse, SILENT, **SENTENCES))  # type: ignore[arg-type]
    up, down = strongest(families, +1), strongest(families, -1)
    assert up is not None
    assert down is not None
    assert (up.name, down.name) == ("silence", "spend"), "not order days up and days since the last order down"


def test_the_strongest_is_named_only_where_it_is_a_reason(warehouse: Warehouse) -> None:
    families = by_family(_score(warehouse, SILENT))
    assert strongest(families, +1) is None
    assert strongest(families, -1) is None
    season = by_family(_score(warehouse, {"season of the shop": (None, 0.9), "n_visits_90": (2.0, 0.3)},
                              main_reason="n_visits_90", up=("2 visits in the last 90 days",)))  # fmt: skip
    first = strongest(season, +1)
    assert first is not None
    assert first.name == "browsing"
    assert season[0].words == EVERYBODY


def test_no_number_speaks_against_the_sum_of_its_family(warehouse: Warehouse) -> None:
    parts: dict[str, tuple[float | None, float]] = {"n_order_days_90": (0.0, -0.3), "n_visits_90": (2.0, 0.4)}
    score = _score(warehouse, parts)
    usual = {"n_order_days_90": [1, 4], "n_visits_90": [3, 11]}
    with warehouse.transaction() as tx:
        tx.execute("UPDATE score_runs SET summary = $summary", {"summary": json.dumps({"usual": usual})})
    score = customer_profile(warehouse, "a").score  # type: ignore[assignment]
    words = {family.name: family.words for family in by_family(score)}
    assert words["frequency"] == NO_NUMBER, "no orders for 90 days are no reason to stay"
    assert words["browsing"] == "only 2 visits in the last 90 days"


def test_small_families_are_summed_up_in_one(warehouse: Warehouse) -> None:
    parts = SILENT | {"n_returns": (0.0, 0.004), "n_ratings": (0.0, -0.003), "has_unsubscribed": (0.0, 0.002)}
    families = by_family(_score(warehouse, parts))
    assert families[-1].name == OTHERS
    assert families[-1].label == "3 further groups"
    assert families[-1].contribution == pytest.approx(0.003, abs=1e-6)


def test_columns_of_the_users_file_are_groups_of_their_own(warehouse: Warehouse) -> None:
    frame = pd.DataFrame({"customer_id": ["a"], "churned": [True], "attributes": ['{"plan": "gold", "calls": 3}']})
    with warehouse.transaction() as tx:
        tx.append("snapshots", frame)
    parts: dict[str, tuple[float | None, float]] = {"plan": (None, 0.8), "calls": (3.0, 0.3), "fee": (None, -0.2)}
    score = _score(
        warehouse, parts, main_reason="plan", up=("plan: gold", "calls 3; usual 0-2"), down=("fee is not known",)
    )
    families = by_family(score)
    assert [family.label for family in families] == ["plan", "calls", "fee"]
    assert [family.words for family in families] == ["plan: gold", "calls 3; usual 0-2", "fee is not known"]
    assert [bar.note for bar in bars(score)] == ["gold", "3; usual 0-2", "is not known"]
