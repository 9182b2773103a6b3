"""Targeting by uplift against the truth of the simulated shop, and against a real experiment."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from churn_core.campaigns.demo_campaigns import keep_finished, scores_then
from churn_core.campaigns.start import start_of
from churn_core.campaigns.uplift_data import campaign_trial
from churn_core.campaigns.uplift_file import file_trial
from churn_core.campaigns.uplift_learners import cross_fitted
from churn_core.campaigns.uplift_scores import net_values
from churn_core.campaigns.uplift_study import chosen_learners, study
from churn_core.features.definition import save_definition
from churn_core.intake.formats import open_source
from churn_core.intake.simulate import ShopPlan, load_shop
from churn_core.timeline import ChurnDefinition
from churn_core.warehouse import Warehouse

SHARES = (0.1, 0.2, 0.3, 0.4)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [7, 8])
def test_targeting_by_uplift_earns_more_true_margin_than_targeting_by_risk(tmp_path: Path, seed: int) -> None:
    shop = ShopPlan(n_customers=24_000, seed=seed)
    warehouse = Warehouse.open(None, folder=tmp_path)
    load_shop(warehouse, shop, truth_path=tmp_path / "truth.parquet")
    save_definition(warehouse, ChurnDefinition(horizon_days=90, activity_days=730))
    kept = keep_finished(warehouse, shop, scores_then(warehouse, start_of(shop.campaign_date)))
    rows = campaign_trial(warehouse, kept)
    fitted = cross_fitted(rows.trial)
    by_fold, _ = chosen_learners(fitted)
    uplift = np.choose(fitted.fold, [fitted.uplift[name] for name in by_fold])
    ids = rows.trial.frame.index
    drawn = warehouse.frame("SELECT customer_id, risk, expected_value FROM assignments").set_index("customer_id")
    risk, value = (drawn.loc[ids, name].fillna(0.0).to_numpy() for name in ("risk", "expected_value"))
    net = net_values(rows.money, uplift, fitted.without, value)
    truth = pd.read_parquet(tmp_path / "truth.parquet").set_index("customer_id").loc[ids]
    # Margin rate 1: the margin is what was paid, and the voucher is off it already.
    gained = (truth["paid_with_offer"] - truth["paid_without_offer"]).to_numpy() - rows.money.contact_cost
    warehouse.close()
    earned = {name: [_best(gained, by, share) for share in SHARES] for name, by in (("net", net), ("risk", risk))}
    assert sum(earned["net"]) > 1.15 * sum(earned["risk"])
    assert all(mine > other for mine, other in zip(earned["net"], earned["risk"], strict=True))
    worth = net > 0
    # The values are cautious: some who are left out would have brought a little; a contact of the others brings more.
    assert gained[worth].mean() > 1.15 * gained.mean()
    # Most of the audience is worth contacting, so that another choice of as many holds most of the same customers.
    assert gained[worth].sum() > 1.05 * _best(gained, risk, float(worth.mean()))


def _best(gained: np.ndarray, by: np.ndarray, share: float) -> float:
    """What is truly gained by contacting the best share of a ranking."""
    return float(gained[np.argsort(-by, kind="stable")[: int(share * len(by))]].sum())


@pytest.mark.slow
def test_on_hillstrom_the_best_third_responds_clearly_more_than_the_average(real_data: Path) -> None:
    found = study(_hillstrom(real_data, "visit"))
    gain = found.ranking.top_gain
    assert found.has_evidence
    assert gain.value is not None
    assert gain.low is not None
    assert gain.value > 0.02
    assert gain.low > 0.01
    assert found.ranking.average_effect.value == pytest.approx(0.045233, abs=1e-5)
    assert found.ranking.qini.value == pytest.approx(0.065, abs=0.01)
    first, last = found.deciles[0].difference, found.deciles[-1].difference
    assert first.low is not None
    assert last.high is not None
    assert first.low > last.high


def test_one_learner_is_enough_to_see_it_on_hillstrom(real_data: Path) -> None:
    found = study(_hillstrom(real_data, "visit"), names=("x_logistic",))
    assert found.ranking.top_gain.low is not None
    assert found.ranking.top_gain.low > 0.01


def test_what_came_after_the_draw_is_not_learnt_from(real_data: Path) -> None:
    source = open_source(real_data / "hillstrom.csv")
    found = file_trial(source, arm="segment", control="No E-Mail", treatment="Mens E-Mail", outcome="visit")
    assert {name for name, _ in found.left_out} == {"conversion", "spend"}
    assert set(found.features) == {
        "recency", "history_segment", "history", "mens", "womens", "zip_code", "newbie", "channel",
    }  # fmt: skip


def _hillstrom(real_data: Path, outcome: str):  # type: ignore[no-untyped-def]
    source = open_source(real_data / "hillstrom.csv")
    return file_trial(source, arm="segment", control="No E-Mail", treatment="Womens E-Mail", outcome=outcome).trial
