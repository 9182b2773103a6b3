"""``churn rfm``: groups, movement and lifecycle from the command line, equal to what the core says."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

from churn_core.currency import money_text
from churn_core.customers.lifecycle import lifecycle
from churn_core.customers.rfm import rfm
from churn_core.customers.rfm_outlook import rfm_movement
from churn_core.workspaces import open_workspace

from .conftest import Churn, one_sentence


def imported(churn: Churn, order_file: Path) -> None:
    assert churn("import", order_file, "-w", "Shop", "--create").code == 0


def test_groups_movement_and_stages_are_those_of_the_core(churn: Churn, order_file: Path) -> None:
    imported(churn, order_file)
    shop = open_workspace("Shop")
    found = rfm(shop)
    told = churn("rfm", "--json").json
    assert {row["group"]: row["n_customers"] for row in told["groups"]} == {n: c.n for n, c in found.groups.items()}
    assert all((row["churn_rate_after"] is None) == (row["n_with_outcome"] == 0) for row in told["groups"])
    assert len(told["outcome_days"]) == 3
    first = found.day - timedelta(days=90)
    days = (f"{first:%Y-%m-%d}", f"{found.day:%Y-%m-%d}")
    moved = churn("rfm", "--movement", *days, "--json").json["movement"]
    assert moved["n_moved"] == rfm_movement(shop, first).n_moved
    assert "groups" not in churn("rfm", "--movement", *days, "--json").json
    assert "groups" in churn("rfm", "--groups", "--movement", *days, "--json").json
    stages = churn("rfm", "--lifecycle", "--as-of", days[0], "--json").json["stages"]
    assert [stage["n"] for stage in stages] == [stage.n for stage in lifecycle(shop, first).stages]


def test_it_is_readable_without_json(churn: Churn, order_file: Path) -> None:
    imported(churn, order_file)
    shop = open_workspace("Shop")
    with shop.transaction() as tx:
        tx.save_setting("currency", "GBP")
    shown = churn("rfm").out
    spend = rfm(shop).groups["champions"].spend_amount
    assert spend is not None
    assert re.search(rf"champions .* {money_text(spend, 'GBP')} ", shown)
    assert "Scores by fifths of those who ordered in the last 365 days" in shown
    moved = churn("rfm", "--lifecycle", "--movement", "2026-01-01", "2026-06-01").out
    assert "From 1 Jan 2026 (rows) to 1 Jun 2026 (columns):" in moved
    assert "not yet a customer" in moved


def test_days_that_cannot_be_compared_are_one_sentence(churn: Churn, order_file: Path) -> None:
    imported(churn, order_file)
    assert "choose a later second day" in one_sentence(churn("rfm", "--movement", "2026-06-01", "2026-01-01"))
    assert "there are no orders before 1 Jan 1999" in one_sentence(churn("rfm", "--as-of", "1999-01-01"))
    churn("workspaces", "create", "Empty")
    assert "there are no orders yet" in one_sentence(churn("rfm", "-w", "Empty"))
