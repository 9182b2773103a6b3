"""Any experiment from a file is read out like a campaign; what cannot be read is said in a sentence."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from churn_core.campaigns.experiment_file import ExperimentFile
from churn_core.campaigns.experiment_guess import guess_experiment
from churn_core.campaigns.experiment_readout import ExperimentChoice, experiment_readout
from churn_core.campaigns.metrics import Metric
from churn_core.errors import InputError
from churn_core.intake.formats import open_source
from churn_core.warehouse import Warehouse
from churn_core.workspaces import create_workspace, open_workspace
from tests.pages.conftest import App, Home
from tests.pages.test_every_page import everything_said

PAGE = "pages/campaigns/experiment.py"


def experiment(n: int = 3_000, *, gain: float = 0.1, share: float = 0.5, seed: int = 4) -> pd.DataFrame:
    """Customers of a control and a coupon whose rate is higher by ``gain``; spend before explains spend after."""
    draw = np.random.default_rng(seed)
    arm = np.where(np.arange(n) < round(n * share), "coupon", "control")
    before = draw.gamma(2, 20, n).round(2)
    converted = draw.random(n) < 0.2 + gain * (arm == "coupon")
    return pd.DataFrame(
        {
            "customer_id": [f"C{number:05d}" for number in range(n)],
            "spend_before": before,
            "tier": draw.choice(["high", "low"], n),
            "test_group": arm,
            "converted": converted.astype(int),
            "revenue": (converted * 0.5 * before + draw.gamma(1, 2, n)).round(2),
        }
    )


@pytest.fixture
def page(churn_home: Home, app: App) -> AppTest:
    create_workspace("Shop")
    return app(PAGE)


def give(page: AppTest, frame: pd.DataFrame | str, name: str = "test.csv") -> AppTest:
    text = frame if isinstance(frame, str) else frame.to_csv(index=False)
    page.file_uploader[0].set_value((name, text.encode(), "text/csv")).run()
    assert not page.exception
    return page


def box(page: AppTest, label: str) -> object:
    return next(element for element in page.selectbox if element.label.startswith(label))


def plain_said(page: AppTest) -> str:
    return everything_said(page).replace("\\", "")


def test_the_columns_are_proposed_and_the_planted_effect_is_told(page: AppTest) -> None:
    give(page, experiment())
    assert box(page, "Column of the arm").value == "test_group"  # type: ignore[attr-defined]
    assert box(page, "Control").value == "control"  # type: ignore[attr-defined]
    assert box(page, "Column of the customer").value == "customer_id"  # type: ignore[attr-defined]
    assert box(page, "Goal").value == "converted"  # type: ignore[attr-defined]
    said = plain_said(page)
    assert "▲ Better" in said
    assert re.search(r"Coupon is \d+\.\d points above the control in converted", said)
    shown = next(table.value for table in page.table if "Change" in table.value)
    assert [metric.replace("\\", "") for metric in shown["Metric"]] == ["converted (goal)", "revenue"]
    assert list(shown["n"]) == ["1,500 / 1,500"] * 2


def test_other_formats_are_read_alike(page: AppTest, tmp_path: Path) -> None:
    experiment(600, gain=0.3).to_parquet(tmp_path / "e.parquet")
    content = (tmp_path / "e.parquet").read_bytes()
    page.file_uploader[0].set_value(("e.parquet", content, "application/octet-stream")).run()
    assert not page.exception
    assert "▲ Better" in plain_said(page)


def test_a_file_that_cannot_be_read_is_one_sentence(page: AppTest) -> None:
    give(page, "")
    assert len(page.error) == 1
    assert "empty" in page.error[0].value
    assert not page.selectbox[1:]


def test_the_same_file_is_read_differently_on_request(page: AppTest) -> None:
    text = experiment(600, gain=0.3).to_csv(index=False, sep=";", decimal=",")
    give(page, f"An export of last week;;;;;\n{text}")
    next(number for number in page.number_input if number.label == "Line of the column names").set_value(2)
    next(button for button in page.button if button.label == "Read again").click().run()
    assert not page.exception
    assert "▲ Better" in plain_said(page)


def test_blocks_stand_in_the_order_of_reading(page: AppTest) -> None:
    give(page, experiment())
    told = [element.value for element in page.main.markdown]
    health = next(place for place, text in enumerate(told) if "Sample ratio" in text)
    verdict = next(place for place, text in enumerate(told) if "badge[▲ Better]" in text)
    effects = next(place for place, text in enumerate(told) if "clear of zero" in text)
    assert health < verdict < effects
    assert [part.value for part in page.subheader] == ["Effects", "Arms"]


def test_a_broken_split_hides_every_effect_and_says_why(page: AppTest) -> None:
    give(page, experiment(share=0.6))
    said = plain_said(page)
    assert "No effect is told: control is 10.00 points below its planned share" in said
    assert "✕ hidden" in said
    assert not [table for table in page.table if "Change" in table.value]
    assert "Effects" not in [part.value for part in page.subheader]


def test_planned_shares_make_an_uneven_split_sound(page: AppTest) -> None:
    give(page, experiment(share=0.6))
    page.toggle[1].set_value(True).run()
    shares = [number for number in page.number_input if "planned" in number.label]
    for number, part in zip(shares, (40.0, 60.0), strict=True):
        number.set_value(part)
    page.run()
    assert "▲ Better" in plain_said(page)
    assert not page.error


def test_customers_in_two_arms_hide_the_effects(page: AppTest) -> None:
    frame = experiment()
    frame.loc[1500:1600, "customer_id"] = frame.loc[0:100, "customer_id"].to_numpy()
    give(page, frame)
    assert "No effect is told: 101 of 2,899 customers stand in more than one arm" in plain_said(page)
    assert "✕ hidden" in plain_said(page)


def test_the_bayesian_view_is_labelled_as_such(page: AppTest) -> None:
    give(page, experiment())
    view = next(control for control in page.segmented_control if control.key == "readout_view")
    view.set_value("bayes").run()
    said = plain_said(page)
    assert "Chance to beat the control on converted: coupon > 99.9 %" in said.replace("&gt;", ">")
    assert "Bayesian view: flat priors" in said
    assert [list(table.value["Arm"]) for table in page.table if "Expected loss" in table.value] == [["coupon"] * 2]


def test_a_covariate_takes_noise_out_and_the_balance_before_is_checked(page: AppTest) -> None:
    give(page, experiment())
    box(page, "Covariate").set_value("spend_before").run()  # type: ignore[attr-defined]
    said = plain_said(page)
    assert "after CUPED" in said
    assert "The arms were alike before the start" in said


def test_slices_come_with_an_interaction_test(page: AppTest) -> None:
    give(page, experiment())
    slices = next(part for part in page.multiselect if part.label.startswith("Slices"))
    slices.set_value(["tier"]).run()
    assert "Interaction test: p" in plain_said(page)
    table = next(table.value for table in page.table if "tier" in table.value)
    assert list(table["tier"]) == ["high", "low"]
    slices.set_value(["spend_before"]).run()
    assert "choose a column with fewer" in page.error[0].value


def test_a_ratio_is_compared_with_customers_as_the_unit(page: AppTest) -> None:
    give(page, experiment())
    box(page, "Ratio").set_value("revenue").run()  # type: ignore[attr-defined]
    box(page, "... per").set_value("spend_before").run()  # type: ignore[attr-defined]
    shown = next(table.value for table in page.table if "Change" in table.value)
    assert list(shown["Metric"])[-1] == "revenue per spend\\_before"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"converted": ["maybe", *["1"] * 39]}, "'maybe' in line 2"),
        ({"converted": ["", *["1"] * 39]}, "is empty in 1 rows"),
        ({"test_group": ["", *["coupon", "control"] * 19, "coupon"]}, "belongs to an arm"),
    ],
)
def test_bad_values_are_one_sentence(page: AppTest, change: dict[str, list[str]], said: str) -> None:
    frame = experiment(40).astype(str).assign(**change)
    give(page, frame)
    if "converted" in change and not page.error:
        control = next(part for part in page.segmented_control if part.label == "converted")
        control.set_value("rate").run()
    assert len(page.error) == 1
    assert said in page.error[0].value.replace("\\", "")
    assert not page.exception


def test_without_an_arm_or_an_outcome_the_page_says_what_is_missing(page: AppTest) -> None:
    give(page, "name,height\n" + "".join(f"n{number},{number}\n" for number in range(30)))
    assert "Choose the column that says who was in which arm." in plain_said(page)
    give(page, "group,height\n" + "".join(f"{'ab'[number % 2]},{number}\n" for number in range(30)), "other.csv")
    assert "Choose the outcome that decides" in plain_said(page)


def test_one_arm_alone_is_one_sentence(page: AppTest) -> None:
    give(page, "test_group,converted\n" + "control,1\ncontrol,0\n" * 20)
    box(page, "Column of the arm").set_value("test_group").run()  # type: ignore[attr-defined]
    box(page, "Goal").set_value("converted").run()  # type: ignore[attr-defined]
    assert len(page.error) == 1
    assert "there is nothing to compare" in page.error[0].value.lower()


def test_nothing_of_the_file_is_stored(page: AppTest) -> None:
    warehouse = open_workspace("Shop")
    before = {name: warehouse.n_rows(name) for name in ("imports", "campaigns", "outcomes", "readouts", "audit_log")}
    give(page, experiment())
    assert {name: warehouse.n_rows(name) for name in before} == before
    assert warehouse.folder is not None
    assert len(list(warehouse.folder.glob("upload-*"))) == 1
    page.file_uploader[0].set_value([]).run()
    assert not list(warehouse.folder.glob("upload-*"))


def test_an_arm_with_more_before_the_start_is_pointed_out(tmp_path: Path) -> None:
    frame = experiment()
    frame["spend_before"] += 10 * (frame["test_group"] == "coupon")
    frame.to_csv(tmp_path / "e.csv", index=False)
    choice = ExperimentChoice(
        arm="test_group",
        control="control",
        covariate="spend_before",
        metrics=(Metric(name="converted", kind="rate", column="converted"),),
    )
    found = experiment_readout(open_source(tmp_path / "e.csv"), choice)
    balance = next(check for check in found.health if check.name == "balance")
    assert balance.level == "warn"
    assert "The arms differed before the start" in balance.told


def test_an_experiment_without_outcomes_is_refused(tmp_path: Path) -> None:
    experiment(20).to_csv(tmp_path / "e.csv", index=False)
    with pytest.raises(InputError, match="no outcome is chosen"):
        experiment_readout(
            open_source(tmp_path / "e.csv"), ExperimentChoice(arm="test_group", control="control", metrics=())
        )


def test_the_public_campaign_reads_as_published(real_data: Path) -> None:
    """Hillstrom: visits 10.617 % -> 18.276 % under men's e-mail, 21,306 and 21,307 customers."""
    source = open_source(real_data / "hillstrom.csv")
    guessed = guess_experiment(source)
    assert (guessed.arm, guessed.outcomes) == ("segment", ("visit", "conversion", "spend"))
    file = ExperimentFile(source=source, arm="segment")
    found = experiment_readout(
        source,
        ExperimentChoice(
            arm="segment",
            control="No E-Mail",
            covariate="history",
            metrics=tuple(Metric(name=name, kind=file.kind_of(name), column=name) for name in guessed.outcomes),
        ),
    )
    visit = found.results[0].comparison
    assert found.status == "better"
    assert not found.is_hidden
    assert visit.control == pytest.approx(0.10617, abs=5e-6)
    assert visit.treatment == pytest.approx(0.18276, abs=5e-6)
    assert visit.difference.low == pytest.approx(0.06995, abs=5e-6)
    assert visit.difference.high == pytest.approx(0.08323, abs=5e-6)


def test_the_file_is_read_in_the_workspace_that_is_open(page: AppTest) -> None:
    give(page, experiment())
    opened: Warehouse = open_workspace("Shop")
    assert opened.folder is not None
    name = next(opened.folder.glob("upload-*")).name
    assert "test" not in name
