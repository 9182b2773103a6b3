"""Scoring: complete, additive, in words, all or nothing."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from churn_core.customers.personal_rhythm import rhythm
from churn_core.errors import InputError, JobCancelled, NotEnoughData, NotFound
from churn_core.features.attributes import PREFIX
from churn_core.features.build import build_features
from churn_core.features.definition import known_until, save_definition
from churn_core.features.labels import build_labels
from churn_core.features.shop_habits import Alike, Habits, habits
from churn_core.features.usual_gap import Shrinkage
from churn_core.features.words import silence_words
from churn_core.models.blend import EXPECTED, SEASON
from churn_core.models.families import family_of
from churn_core.models.reasons import ReasonWriter, Usual, usual_ranges
from churn_core.models.runs import latest_run, score_runs
from churn_core.models.scoring import score_customers
from churn_core.models.training import train_model
from churn_core.timeline import ChurnDefinition
from churn_core.warehouse import Warehouse

from .conftest import DEFINITION, fill_orders, fill_snapshots, members


def test_every_eligible_customer_is_scored_once(trained_shop: Warehouse) -> None:
    end = known_until(trained_shop)
    assert end is not None
    run = latest_run(trained_shop)
    assert run is not None
    eligible = build_features(trained_shop, end, DEFINITION, features=["n_orders"])
    scored = trained_shop.frame("SELECT * FROM scores ORDER BY customer_id")
    assert list(scored["customer_id"]) == list(eligible.index)
    assert run.n_customers == len(eligible)
    assert run.as_of == end
    assert sum(run.summary["tiers"].values()) == len(eligible)


def test_value_at_risk_is_risk_times_value(trained_shop: Warehouse) -> None:
    scored = trained_shop.frame("SELECT * FROM scores")
    assert scored["risk"].between(0, 1).all()
    assert np.allclose(scored["value_at_risk"], scored["risk"] * scored["expected_value"])
    assert np.allclose(scored["risk"], 1 / (1 + np.exp(-scored["log_odds"])))
    tier = np.where(scored["risk"] >= 0.6, "high", np.where(scored["risk"] >= 0.3, "medium", "low"))
    assert (scored["tier"] == tier).all()


def test_stored_contributions_add_up(trained_shop: Warehouse) -> None:
    run = latest_run(trained_shop)
    assert run is not None
    worst = trained_shop.value(
        "SELECT max(abs($base + list_sum(contributions) - log_odds)) FROM contributions JOIN scores "
        "USING (run_id, customer_id)",
        {"base": run.base_log_odds},
    )
    assert worst < 1e-5  # stored as single precision; the models themselves are tested to 1e-6
    lengths = trained_shop.rows("SELECT DISTINCT len(contributions), len(feature_values) FROM contributions")
    assert lengths == [(len(run.feature_names), len(run.feature_names))]


def test_reasons_carry_the_customers_number_and_what_is_usual(trained_shop: Warehouse) -> None:
    words = trained_shop.frame(
        "SELECT r.*, risk, main_reason, main_group FROM reasons r JOIN scores USING (customer_id)"
    )
    risky = words[words["risk"] > 0.7]
    assert len(risky) > 20
    assert risky["up_1"].notna().all()
    assert risky["up_1"].str.contains("; usual ").mean() > 0.9
    assert words["down_1"].notna().mean() > 0.5
    assert not words["up_1"].str.contains("{|nan|None", na=False, regex=True).any()
    assert (risky["main_reason"].notna() & risky["main_group"].notna()).all()
    assert SEASON not in set(words["main_reason"])


def test_reasons_of_one_customer_are_different_things(trained_shop: Warehouse) -> None:
    words = trained_shop.frame("SELECT up_1, up_2, up_3, down_1, down_2 FROM reasons")
    both = words[["up_1", "up_2"]].dropna()
    assert (both["up_1"] != both["up_2"]).all()


def test_scoring_again_gives_the_same_numbers(trained_copy: Warehouse) -> None:
    score_customers(trained_copy, high_from=0.6, medium_from=0.3)
    different = trained_copy.value(
        "SELECT count(*) FROM scores a JOIN scores b USING (customer_id) "
        "WHERE a.run_id = 1 AND b.run_id = 2 AND (a.log_odds <> b.log_odds OR a.expected_value <> b.expected_value)"
    )
    assert different == 0
    assert [run.run_id for run in score_runs(trained_copy)] == [2, 1]


def test_expected_value_meets_the_past(trained_copy: Warehouse) -> None:
    """Scored as of a past cutoff, the expected totals of those who stayed are what they spent."""
    end = known_until(trained_copy)
    assert end is not None
    cutoff = end - timedelta(days=90)
    run = score_customers(trained_copy, as_of=cutoff, high_from=0.6, medium_from=0.3)
    truth = build_labels(trained_copy, cutoff, DEFINITION)
    scored = trained_copy.frame("SELECT * FROM scores WHERE run_id = $run", {"run": run.run_id}).set_index(
        "customer_id"
    )
    stayed = truth[~truth["churned"]]
    ratio = scored.loc[stayed.index, "expected_value"].sum() / stayed["future_amount"].sum()
    assert 0.75 < ratio < 1.3


def test_the_margin_scales_the_value(trained_copy: Warehouse) -> None:
    with trained_copy.transaction() as tx:
        tx.save_setting("margin_rate", 0.4)
    run = score_customers(trained_copy, high_from=0.6, medium_from=0.3)
    ratio = trained_copy.value(
        "SELECT sum(b.expected_value) / sum(a.expected_value) FROM scores a JOIN scores b USING (customer_id) "
        "WHERE a.run_id = 1 AND b.run_id = $run",
        {"run": run.run_id},
    )
    assert ratio == pytest.approx(0.4)


@pytest.mark.parametrize("when", [0.3, 0.86, 0.95])
def test_an_interrupted_scoring_leaves_nothing(trained_copy: Warehouse, when: float) -> None:
    counts = {name: trained_copy.n_rows(name) for name in ("score_runs", "scores", "reasons", "contributions")}

    def cancel(share: float, message: str) -> None:
        if share >= when:
            raise JobCancelled("cancelled; nothing was changed.")

    with pytest.raises(JobCancelled):
        score_customers(trained_copy, high_from=0.6, medium_from=0.3, progress=cancel)
    assert {name: trained_copy.n_rows(name) for name in counts} == counts


def test_no_model_yet(warehouse: Warehouse) -> None:
    with pytest.raises(NotFound, match="train one first"):
        score_customers(warehouse, high_from=0.6, medium_from=0.3)


def test_thresholds_must_be_in_order(trained_shop: Warehouse) -> None:
    with pytest.raises(InputError, match="0 < medium < high"):
        score_customers(trained_shop, high_from=0.2, medium_from=0.3)


def test_nobody_is_eligible(trained_copy: Warehouse) -> None:
    end = known_until(trained_copy)
    assert end is not None
    with pytest.raises(NotEnoughData, match="no customer is eligible"):
        score_customers(trained_copy, as_of=end + timedelta(days=3_000), high_from=0.6, medium_from=0.3)


def test_a_feature_that_vanished_is_refused(trained_copy: Warehouse) -> None:
    with trained_copy.transaction() as tx:
        tx.execute("DELETE FROM contacts")
    with pytest.raises(InputError, match="no longer has; train again"):
        score_customers(trained_copy, high_from=0.6, medium_from=0.3)


def test_labelled_rows_are_scored_out_of_fold_and_worth_their_value(warehouse: Warehouse) -> None:
    fill_snapshots(warehouse, members())
    version = train_model(warehouse)
    run = score_customers(warehouse, high_from=0.6, medium_from=0.3)
    scored = warehouse.frame("SELECT s.*, churned, value_amount FROM scores s JOIN snapshots USING (customer_id)")
    from churn_core.stats.ranking import auc

    judged = version.summary["backtest"]["models"][version.estimator]["auc"]
    assert auc(scored["churned"], scored["risk"]) == pytest.approx(judged, abs=1e-9)
    assert np.allclose(scored["expected_value"], scored["value_amount"].astype(float))
    assert run.source == "snapshots"
    assert run.as_of is None
    words = warehouse.frame("SELECT up_1, down_1 FROM reasons")
    assert words["up_1"].dropna().str.contains(r"^(?:tenure|calls|plan|fee|visits|region)").all()
    assert words["up_1"].str.contains("; usual ", na=False).any()


def test_a_table_without_values_has_no_money(warehouse: Warehouse) -> None:
    fill_snapshots(warehouse, members(), value_column=None)
    train_model(warehouse)
    score_customers(warehouse, high_from=0.6, medium_from=0.3)
    assert warehouse.value("SELECT count(expected_value) + count(value_at_risk) FROM scores") == 0


def test_a_very_small_shop_is_scored(warehouse: Warehouse) -> None:
    fill_orders(warehouse, 60)
    save_definition(warehouse, ChurnDefinition(horizon_days=60))
    train_model(warehouse)
    run = score_customers(warehouse, high_from=0.6, medium_from=0.3)
    words = warehouse.frame("SELECT * FROM reasons")
    assert run.n_customers == len(words)
    assert words[["up_1", "down_1"]].notna().any(axis=1).mean() > 0.8


def _writer(**usual: tuple[float, float, float]) -> ReasonWriter:
    ranges = {name: Usual(low=low, middle=middle, high=high) for name, (low, middle, high) in usual.items()}
    return ReasonWriter(list(usual), ranges, currency="GBP")


def test_words_of_known_numbers() -> None:
    writer = _writer(days_since_last_order=(12, 21, 40), spend_amount_90=(10, 50, 120), n_tickets_90=(0, 0, 0))
    frame = pd.DataFrame({"days_since_last_order": [62.0], "spend_amount_90": [4.5], "n_tickets_90": [3.0]})
    made = writer.write(frame, np.array([[0.9, 0.4, -0.3]]))
    assert made.up[0][0] == "62 days since the last order; usual 12-40"
    assert made.up[1][0] == "spent only £4.50 in the last 90 days; usual £10-120"
    assert made.up[2][0] is None
    assert made.down[0][0].endswith("; usual 0")
    assert made.main_feature[0] == "days_since_last_order"
    assert made.main_group[0] == "silence"


def test_a_number_speaks_only_in_its_usual_direction() -> None:
    writer = _writer(days_since_last_order=(12, 21, 40), spend_amount_90=(10, 50, 120))
    frame = pd.DataFrame({"days_since_last_order": [5.0, 105.0, 20.0], "spend_amount_90": [60.0, 40.0, 50.0]})
    writer.learn_directions(frame, np.array([-1.0, 2.0, 0.0]))
    made = writer.write(frame, np.array([[0.5, -0.6], [-0.5, 0.0], [0.0, 0.0]]))
    assert made.up[0][0] is None, "a recent order is no reason to worry"
    assert made.down[0][1] is None, "a long silence is no reason for confidence"


def _silent(days: float, gap: float, n_order_days: float, n_orders_90: float = 2.0) -> dict[str, float]:
    """A customer with such a usual gap, of a shop whose own is 35 days."""
    return {
        "days_since_last_order": days,
        "mean_gap_days": gap if n_order_days > 1 else np.nan,
        "usual_gap_days": gap,
        "n_order_days": n_order_days,
        "n_order_days_90": n_orders_90,
    }


def _alike(due_days: int | None) -> Alike:
    return Alike(words="", n_gaps=100, n_ended=90, due_days=due_days)


HABITS = Habits(
    end=datetime(2025, 1, 1),
    n_customers=100,
    n_sampled=100,
    shrinkage=Shrinkage(weight=2.0, shop_gap_days=35.0, cohort_gap_days={2020: 40.0}),
    edges=(20.0, 30.1),
    alike=(_alike(None), _alike(34), _alike(50), _alike(70)),
)
"""Those with usual gaps of up to 20 days are due after 34, of up to 30.1 days after 50, the others after 70."""


def _about_silence() -> tuple[ReasonWriter, pd.DataFrame]:
    frame = pd.DataFrame(
        [_silent(92, 6, 101), _silent(3, 30, 12), _silent(60, 40, 1), _silent(20, 18, 30, 3.0), _silent(12, 28, 3)]
    )
    return ReasonWriter(list(frame.columns), usual_ranges(frame), known=HABITS), frame


def test_silence_speaks_beside_the_own_usual_gap() -> None:
    writer, frame = _about_silence()
    made = writer.write(frame, np.tile([0.6, 0.1, 0.1, 0.1, 0.0], (5, 1)) * np.array([1, -1, 1, 1, -1])[:, None])
    assert made.up[0][0] == "92 days since the last order; usual gap 6, 8 of 10 like them order again within 34"
    assert made.down[0][1] == "3 days since the last order; usual gap 30"
    assert made.up[0][2] == "60 days since the only order; usual gap of those who came that year 40"
    assert list(made.main_feature[[0, 2]]) == ["days_since_last_order"] * 2
    assert made.main_group[1] is None


def test_the_days_by_which_the_many_had_ordered_are_told_once_they_have_passed() -> None:
    rows = [_silent(70, 30.5, 9), _silent(71, 30.5, 9), _silent(51, 30.1, 9), _silent(50, 20, 9), _silent(90, 35, 1)]
    frame = pd.DataFrame(rows).astype("float32")
    made = ReasonWriter(["days_since_last_order"], usual_ranges(frame), known=HABITS).write(frame, np.ones((5, 1)))
    assert list(made.up[0]) == [
        "70 days since the last order; usual gap 30",
        "71 days since the last order; usual gap 30, 8 of 10 like them order again within 70",
        "51 days since the last order; usual gap 30, 8 of 10 like them order again within 50",
        "50 days since the last order; usual gap 20, 8 of 10 like them order again within 34",
        "90 days since the only order; usual gap in the shop 35",
    ]
    untold = ReasonWriter(["days_since_last_order"], usual_ranges(frame)).write(frame, np.ones((5, 1)))
    assert untold.up[0][1] == "71 days since the last order; usual gap 30"


def test_reasons_and_the_rhythm_say_the_same_numbers(trained_shop: Warehouse) -> None:
    told = trained_shop.frame(
        "SELECT customer_id, reason FROM (SELECT customer_id, unnest([up_1, up_2, up_3, down_1, down_2]) AS reason "
        "FROM reasons) WHERE reason LIKE '%; usual gap %' ORDER BY md5(customer_id)"
    )
    known = habits(trained_shop)
    n_due = n_single = 0
    for customer_id, reason in told.head(150).itertuples(index=False):
        found = rhythm(trained_shop, customer_id, known=known)
        assert found is not None
        assert found.usual_gap_days is not None
        assert reason == silence_words(
            found.days_since,
            found.usual_gap_days,
            found.n_gaps + 1,
            due_days=found.due_days if found.days_since > (found.due_days or np.inf) else None,
            is_of_shop=not found.is_cohort_known,
        )
        n_due += "8 of 10 like them order again within" in reason
        n_single += not found.n_gaps
    assert n_due > 10
    assert n_single > 3


def test_a_family_speaks_in_the_direction_of_its_sum() -> None:
    """101 orders push up and 92 days of silence push down, the sum is silence that raises the risk."""
    writer, frame = _about_silence()
    made = writer.write(frame.iloc[[0]], np.array([[-0.5, 0.0, 0.0, 1.4, 0.0]]))
    assert made.up[0][0].startswith("92 days since the last order; usual gap 6")
    assert made.down[0][0] is None


def test_usual_values_are_told_without_only() -> None:
    writer = _writer(n_order_days_90=(1, 3, 5), spend_amount_90=(10, 50, 120))
    frame = pd.DataFrame({"n_order_days_90": [2.0, 0.0], "spend_amount_90": [60.0, 60.0]})
    made = writer.write(frame, np.array([[0.5, 0.0], [0.5, 0.0]]))
    assert list(made.up[0]) == [
        "2 order days in the last 90 days; usual 1-5, middle 3",
        "no order days in the last 90 days; usual 1-5",
    ]


def test_few_orders_speak_where_the_silence_is_no_longer_than_usual() -> None:
    """The silence pushes up and the few orders down, as a model splits it; their sum is one of few orders."""
    frame = pd.DataFrame([_silent(139, 180, 2), _silent(30, 28, 6), _silent(20, 25, 8)])
    frame = frame.drop(columns="mean_gap_days")
    writer = ReasonWriter(list(frame.columns), usual_ranges(frame), known=HABITS)
    made = writer.write(frame, np.array([[2.8, 0.0, -1.5, 0.02]] * 3))
    assert made.up[0][0] == "only 2 order days so far; usual 4-7"
    assert made.main_feature[0] == "n_order_days"
    assert made.up[0][1] == "30 days since the last order; usual gap 28", "a silence beyond the usual gap comes first"
    assert "no single number stands out" in made.up[0][2], "nothing points up: many orders, and not late"


def test_unusual_numbers_speak_first() -> None:
    writer = _writer(n_order_days_90=(1, 3, 5), n_order_days_180=(4, 6, 9))
    frame = pd.DataFrame({"n_order_days_90": [2.0], "n_order_days_180": [2.0]})
    made = writer.write(frame, np.array([[0.5, 0.2]]))
    assert made.up[0][0] == "only 2 order days in the last 180 days; usual 4-9"


def test_whoever_is_above_the_average_has_a_reason() -> None:
    writer = _writer(n_order_days_90=(1, 3, 5), spend_amount_90=(10, 50, 120))
    frame = pd.DataFrame({"n_order_days_90": [9.0, 3.0], "spend_amount_90": [300.0, 50.0]})
    made = writer.write(frame, np.array([[0.5, -0.1], [0.01, 0.01]]))
    assert all(text is not None and "small differences" in text for text in made.up[0])
    assert list(made.main_group) == ["frequency", "frequency"]
    below = np.array([[-0.5, -0.1], [-0.01, 0.005]])
    assert writer.write(frame, below).up[0].tolist() == [None, None]
    high = writer.write(frame, below, is_high=np.array([True, True])).up[0]
    assert "high for most customers here" in high[0]
    assert "small differences" in high[1]


def test_every_high_risk_has_a_reason_and_its_group(trained_shop: Warehouse) -> None:
    words = trained_shop.frame(
        "SELECT up_1, main_reason, main_group, tier, log_odds FROM reasons JOIN scores USING (run_id, customer_id)"
    )
    run = latest_run(trained_shop)
    assert run is not None
    assert abs(words["log_odds"].mean() - run.base_log_odds) < 0.05, "the base is the average customer"
    assert words.loc[words["tier"] == "high", "up_1"].notna().all()
    assert (words["up_1"].notna() == words["main_reason"].notna()).all()
    told = words.dropna(subset=["up_1"])
    assert (told["main_group"] == told["main_reason"].map(family_of).str.split(":").str[0]).all()
    assert told["up_1"].str.contains("small differences add up").mean() < 0.02
    assert told["up_1"].str.contains(r"since the (?:last|only) order; usual gap").any()
    pattern = r"only (\d+) \S.*; usual (\d+)-(\d+)$"
    inside = told["up_1"].str.extract(pattern).dropna().astype(float)
    assert not inside[0].between(inside[1], inside[2]).any()


def test_constants_are_no_reason() -> None:
    writer = ReasonWriter([SEASON, EXPECTED], {EXPECTED: Usual(low=0.4, middle=1.0, high=1.6)})
    frame = pd.DataFrame({EXPECTED: [0.1]})
    made = writer.write(frame, np.array([[2.0, 0.3]]))
    assert made.up[0][0] == "only 0.10 orders expected from the own rhythm; usual 0.40-1.6"
    assert made.main_feature[0] == EXPECTED


def test_attributes_speak_plainly() -> None:
    frame = pd.DataFrame({PREFIX + "plan": ["basic", None], PREFIX + "seats": [3.0, 12.0]})
    writer = ReasonWriter(list(frame.columns), usual_ranges(frame))
    made = writer.write(frame, np.array([[0.5, 0.2], [0.5, -0.2]]))
    assert list(made.up[0]) == ["plan: basic", "plan is not known"]
    assert made.down[0][1] == "seats 12; usual 5.25-9.75"


def test_a_changed_definition_needs_a_new_model(trained_copy: Warehouse) -> None:
    n_runs = len(score_runs(trained_copy))
    save_definition(trained_copy, ChurnDefinition(horizon_days=30, activity_days=60))
    with pytest.raises(InputError, match="train again, then score"):
        score_customers(trained_copy, high_from=0.7, medium_from=0.4)
    assert len(score_runs(trained_copy)) == n_runs
