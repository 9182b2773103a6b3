"""Preparation learns from training rows only, is recorded whole, explains exactly and keeps the risks right."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from churn_core.errors import InputError, NotEnoughData
from churn_core.models.decision_tree import rules_of
from churn_core.models.estimators import estimator_from_json, make_estimator, sigmoid
from churn_core.models.periods import CUTOFF_NUMBER
from churn_core.models.preparation_missing import fill_missing
from churn_core.models.preparation_plan import CHOICES, PreparationPlan
from churn_core.models.preparation_selection import select_inputs
from churn_core.models.preparation_steps import RareCategories, Winsorise, kinds_of, typed_inputs
from churn_core.models.preparation_unusual import UNUSUAL, UnusualCustomers
from churn_core.models.prepared import Prepared
from churn_core.models.search_judge import HeldOutFolds

Shop = tuple[pd.DataFrame, NDArray[np.bool_]]
OPTIONS = [(choice, option) for choice, options in CHOICES.items() for option in options if option != "usual"]


def shop(n: int = 900, *, seed: int = 0, level: float = -1.5) -> Shop:
    """Customers whose leaving follows two numbers, a plan and whether a gap is known."""
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "silence": draw.gamma(1, 30, n),
            "calls": draw.poisson(1, n).astype(float),
            "noise": draw.normal(size=n),
            "gap": draw.normal(size=n),
            "plan": draw.choice(["monthly", "yearly", "odd", "odder"], n, p=[0.58, 0.36, 0.03, 0.03]),
        }
    )
    frame["gap"] += 0.05 * frame["silence"]
    frame.loc[draw.random(n) < 0.3, "gap"] = np.nan
    frame.loc[draw.random(n) < 0.1, "plan"] = None
    signal = level + 0.03 * frame["silence"] + 0.6 * frame["calls"] + 0.8 * frame["gap"].isna()
    signal += np.where(frame["plan"] == "monthly", 0.5, -0.5)
    return frame, draw.random(n) < 1 / (1 + np.exp(-signal.to_numpy()))


def prepared(learner: str = "logistic", **choices: str) -> Prepared:
    return Prepared(plan=PreparationPlan(**choices), inner=make_estimator(learner))


@pytest.mark.parametrize(("choice", "option"), OPTIONS)
def test_every_option_is_recorded_whole_and_explains_exactly(choice: str, option: str) -> None:
    frame, churned = shop()
    asked, _ = shop(200, seed=9)
    made = prepared(**{choice: option}).fit(frame, churned, seed=1)
    said = made.log_odds(asked)
    back = estimator_from_json(json.loads(json.dumps(made.to_json(), allow_nan=False)))
    assert np.array_equal(back.log_odds(asked), said)
    explained = made.contributions(asked)
    assert np.abs(explained.total() - said).max() < 1e-6
    assert set(explained.feature_names) <= {*frame.columns, UNUSUAL}
    assert made.name == "logistic"


@pytest.mark.parametrize(("choice", "option"), [pair for pair in OPTIONS if pair != ("rare", "one_percent")])
def test_no_option_is_a_dead_letter(choice: str, option: str) -> None:
    frame, churned = shop()
    usual = make_estimator("logistic").fit(frame, churned, seed=1).log_odds(frame)
    made = prepared(**{choice: option}).fit(frame, churned, seed=1)
    if (choice, option) == ("selection", "l1") and len(made.feature_names) == len(frame.columns):
        pytest.skip("every input was worth keeping")
    assert np.abs(made.log_odds(frame) - usual).mean() > 1e-4
    assert made.notes


@pytest.mark.parametrize("option", ["standard", "robust", "none"])
def test_scale_is_said_not_to_matter_to_trees(option: str) -> None:
    frame, churned = shop()
    usual = make_estimator("lightgbm").fit(frame, churned, seed=1)
    made = prepared("lightgbm", scaling=option).fit(frame, churned, seed=1)
    assert np.array_equal(made.log_odds(frame), usual.log_odds(frame))
    assert any("no scale can change" in note for note in made.notes)


@pytest.mark.parametrize("learner", ["linear_svm", "neural_network"])
def test_scale_reaches_every_estimator_that_has_one(learner: str) -> None:
    frame, churned = shop()
    usual = make_estimator(learner).fit(frame, churned, seed=1).log_odds(frame)
    assert np.abs(prepared(learner, scaling="robust").fit(frame, churned, seed=1).log_odds(frame) - usual).mean() > 1e-3


@pytest.mark.parametrize(("choice", "option"), OPTIONS)
def test_nothing_is_learned_from_the_held_out_fold(choice: str, option: str) -> None:
    frame, churned = shop()
    judge = HeldOutFolds(frame, churned, None, seed=4)
    disturbed = frame.copy()
    held = judge.parts[0]
    disturbed.iloc[held, :4] = 1e6
    disturbed.iloc[held, 4] = "something new"
    elsewhere = HeldOutFolds(disturbed, churned, None, seed=4)

    def record(made_on: HeldOutFolds, number: int) -> str:
        made = prepared(**{choice: option})
        made_on.answer(number, lambda: made)
        return json.dumps(made.to_json())

    assert record(judge, 0) == record(elsewhere, 0)
    assert record(judge, 1) != record(elsewhere, 1), "those rows are training rows of the other folds"


@pytest.mark.parametrize("learner", ["logistic", "lightgbm"])
@pytest.mark.parametrize(
    "choices", [{"weights": "balanced"}, *({"resampling": how} for how in ("over", "under", "smote"))]
)
def test_balancing_leaves_the_risks_right(learner: str, choices: dict[str, str]) -> None:
    frame, churned = shop(6_000, seed=2, level=-4.2)
    asked, happened = shop(6_000, seed=3, level=-4.2)
    made = prepared(learner, **choices).fit(frame, churned, seed=1)
    rate = happened.mean()
    said = sigmoid(made.log_odds(asked)).mean()
    uncorrected = sigmoid(made.log_odds(asked) - made.offset).mean()
    assert 0.05 < rate < 0.15
    assert abs(said - rate) < 0.025
    assert uncorrected > rate + 0.12


def test_the_correction_is_the_difference_of_the_priors() -> None:
    frame, churned = shop(2_000, level=-3)
    n_churned = int(churned.sum())
    expected = np.log(n_churned / (len(churned) - n_churned))
    for choices in ({"weights": "balanced"}, {"resampling": "over"}, {"resampling": "smote"}):
        assert prepared(**choices).fit(frame, churned, seed=1).offset == pytest.approx(expected)
    assert prepared(missing="median").fit(frame, churned, seed=1).offset == 0.0


def test_rules_of_a_tree_tell_real_risks_whatever_it_was_shown() -> None:
    frame, churned = shop(6_000, seed=2, level=-4.2)
    for resampling in ("usual", "over"):
        plan = PreparationPlan(missing="median", resampling=resampling)
        made = Prepared(plan=plan, inner=make_estimator("decision_tree")).fit(frame, churned, seed=1)
        rules = rules_of([made])
        assert rules is not None
        answers = np.unique(sigmoid(made.log_odds(frame)).round(6))
        assert {round(rule["risk"], 6) for rule in rules} == set(answers)
        assert answers.min() < churned.mean() < 0.2


def test_an_indicator_is_explained_by_its_input() -> None:
    frame, churned = shop(3_000)
    made = prepared(missing="median").fit(frame, churned, seed=1)
    asked = frame.iloc[:1].assign(gap=np.nan)
    missing = made.contributions(asked).values[0, list(made.feature_names).index("gap")]
    known = made.contributions(asked.assign(gap=frame["gap"].median()))
    assert missing > known.values[0, list(made.feature_names).index("gap")] + 0.2


def test_a_flagged_customer_is_an_input_of_its_own() -> None:
    frame, churned = shop()
    odd = frame.iloc[:1].assign(silence=5_000.0, calls=60.0, noise=40.0, gap=300.0)
    step = UnusualCustomers.fit(frame, ["silence", "calls", "noise", "gap"], seed=1)
    assert step.transform(odd)[UNUSUAL].tolist() == [1.0]
    assert 0 < step.transform(frame)[UNUSUAL].mean() < 0.05
    made = prepared(outliers="flag").fit(frame, churned, seed=1)
    assert made.feature_names[-1] == UNUSUAL


def test_paths_through_the_forest_are_those_of_scikit_learn() -> None:
    from sklearn.ensemble import IsolationForest

    frame, _ = shop()
    names = ["silence", "calls", "noise"]
    ours = UnusualCustomers.fit(frame, names, seed=5)
    theirs = IsolationForest(n_estimators=50, max_samples=256, random_state=5).fit(frame[names].to_numpy())
    paths = -np.log2(-theirs.score_samples(frame[names].to_numpy()))
    mine = ours._path_lengths(frame[names].to_numpy())
    assert np.corrcoef(paths, mine)[0, 1] > 0.9999


def test_tails_are_cut_at_the_quantiles_of_the_training_rows() -> None:
    frame, _ = shop()
    cut = Winsorise.fit(frame, ["silence", "calls"])
    low, high = np.quantile(frame["silence"], [0.01, 0.99])
    found = cut.transform(frame.iloc[:2].assign(silence=[-5.0, 1e9]))
    assert found["silence"].tolist() == pytest.approx([low, high])
    rarely_one = pd.DataFrame({"x": [1.0] + [0.0] * 499})
    assert Winsorise.fit(rarely_one, ["x"]).bounds == {}, "cutting would leave a constant"


def test_rare_and_new_categories_share_one_bucket() -> None:
    frame, _ = shop()
    step = RareCategories.fit(frame, ["plan"], share=0.05)
    found = step.transform(pd.DataFrame({"plan": ["monthly", "odd", "never seen", None]}))["plan"]
    assert found.tolist()[:3] == ["monthly", "(other)", "(other)"]
    assert found.isna().tolist() == [False, False, False, True]


@pytest.mark.parametrize("how", ["knn", "iterative"])
def test_guesses_follow_the_other_columns(how: str) -> None:
    draw = np.random.default_rng(0)
    first = draw.normal(size=800)
    frame = pd.DataFrame({"first": first, "second": 3 * first + 1 + 0.1 * draw.normal(size=800)})
    gone = draw.random(800) < 0.2
    kinds = kinds_of(frame)
    step, owners = fill_missing(frame.assign(second=frame["second"].mask(gone)), kinds, how=how, seed=1)
    filled = step.transform(frame.assign(second=frame["second"].mask(gone)))
    error = (filled["second"] - frame["second"])[gone].abs().mean()
    assert error < 0.25 < (frame["second"].median() - frame["second"])[gone].abs().mean()
    assert owners == {"second is missing": "second"}
    assert filled["second is missing"].tolist() == gone.astype(float).tolist()


def test_a_column_with_the_name_of_an_indicator_stays_itself() -> None:
    frame, churned = shop()
    frame["gap is missing"] = np.arange(len(frame), dtype=float)
    made = prepared(missing="median").fit(frame, churned, seed=1)
    assert made.owners == {"gap is missing (indicator)": "gap"}
    assert "gap is missing" in made.feature_names


@pytest.mark.parametrize("how", ["mutual_information", "chi_square", "l1", "stability"])
def test_selection_keeps_what_speaks_and_drops_most_noise(how: str) -> None:
    frame, churned = shop(3_000)
    draw = np.random.default_rng(8)
    noisy = frame.assign(**{f"noise {i}": draw.normal(size=len(frame)) for i in range(15)})
    found = select_inputs(typed_inputs(noisy, kinds_of(noisy)), churned, how=how, seed=1)
    assert {"silence", "calls", "plan"} <= set(found.kept)
    assert sum(name.startswith("noise") for name in found.kept) <= 4
    made = prepared(selection=how).fit(noisy, churned, seed=1)
    assert set(made.feature_names) == set(found.kept)
    assert np.isfinite(made.log_odds(noisy[list(found.kept)])).all(), "inputs left out are not needed any more"


def test_stability_is_judged_over_cutoffs_where_rows_tell_them() -> None:
    draw = np.random.default_rng(1)
    number = np.repeat(np.arange(8), 400)
    always, once = draw.normal(size=3_200), draw.normal(size=3_200)
    rest = {f"noise {i}": draw.normal(size=3_200) for i in range(5)}
    signal = 0.8 * always + 2.5 * once * (number == 3) - 1
    churned = draw.random(3_200) < 1 / (1 + np.exp(-signal))
    frame = pd.DataFrame({"always": always, "once": once, **rest}, index=pd.Index(number, name=CUTOFF_NUMBER))
    made = prepared(selection="stability").fit(frame, churned, seed=1)
    assert made.selection is not None
    assert made.selection.by == "cutoffs"
    assert made.selection.strength["always"] == 1.0
    assert made.selection.strength["once"] < 0.75
    assert prepared(selection="stability").fit(frame.reset_index(drop=True), churned, seed=1).selection.by == "rows"


def test_columns_without_content_are_not_needed() -> None:
    frame, churned = shop()
    made = prepared(missing="knn").fit(frame.assign(constant=3.0, empty=np.nan), churned, seed=1)
    assert {"constant", "empty"}.isdisjoint(made.feature_names)
    with pytest.raises(NotEnoughData, match="every column is constant"):
        prepared(missing="median").fit(pd.DataFrame({"constant": np.ones(900)}), churned, seed=1)


def test_two_thousand_categories_are_no_obstacle() -> None:
    frame, churned = shop(2_000)
    many = frame.assign(town=np.random.default_rng(0).integers(0, 2_000, 2_000).astype(str))
    for choices in ({"resampling": "smote"}, {"rare": "one_percent"}, {"selection": "chi_square"}):
        made = prepared(**choices).fit(many, churned, seed=1)
        assert np.isfinite(made.log_odds(many.assign(town="elsewhere"))).all()


def test_smote_without_neighbours_repeats_rows_and_says_so() -> None:
    frame, _ = shop(400)
    single = np.zeros(400, dtype=bool)
    single[7] = True
    made = prepared(resampling="smote").fit(frame, single, seed=1)
    assert any("SMOTE needs 2 customers of the rarer outcome and found 1" in note for note in made.notes)
    assert sigmoid(made.log_odds(frame)).mean() < 0.05


def test_leaving_rows_out_is_refused_where_too_few_would_remain() -> None:
    frame, _ = shop(400)
    few = np.zeros(400, dtype=bool)
    few[:20] = True
    made = prepared(resampling="under").fit(frame, few, seed=1)
    assert any("too few rows would remain" in note for note in made.notes)
    assert made.offset == 0.0


def test_one_outcome_only_is_one_clear_sentence() -> None:
    frame, _ = shop(300)
    with pytest.raises(NotEnoughData, match="same outcome"):
        prepared(resampling="smote").fit(frame, np.zeros(300, dtype=bool), seed=1)


def test_an_input_that_is_gone_is_named() -> None:
    frame, churned = shop()
    made = prepared(missing="median").fit(frame, churned, seed=1)
    with pytest.raises(InputError, match="'silence'"):
        made.log_odds(frame.drop(columns="silence"))


def test_sampled_contributions_keep_their_errors() -> None:
    frame, churned = shop()
    made = prepared("neural_network", missing="median").fit(frame, churned, seed=1)
    found = made.contributions(frame.iloc[:50])
    assert found.standard_error is not None
    assert len(found.standard_error) == len(made.feature_names)
    assert np.abs(found.total() - made.log_odds(frame.iloc[:50])).max() < 1e-6
