"""The Versions page: all versions, promoting and rolling back with a confirmation, comparison, cards and files."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from churn_core.customers.tiers import score_workspace
from churn_core.models.model_file import model_file
from churn_core.models.recipe import Recipe
from churn_core.models.registry import model_versions
from churn_core.models.training import train_model
from churn_core.workspaces import create_workspace, open_workspace
from tests.pages.conftest import App, Home
from tests.pages.test_every_page import everything_said
from ui import version_blocks as blocks
from ui.version_words import version_label

VERSIONS = "pages/models/versions.py"


@pytest.fixture(scope="session")
def two_versions(snapshot_files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workspace with the labelled table, and a second version that has not scored yet."""
    home = tmp_path_factory.mktemp("versions") / "home"
    shutil.copytree(snapshot_files, home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHURN_HOME", str(home))
        warehouse = open_workspace("Members")
        train_model(warehouse, recipe=Recipe(estimators=("decision_tree",)))
        warehouse.close()
    return home


@pytest.fixture
def home(two_versions: Path, churn_home: Path) -> Path:
    """A copy of it that the test may change."""
    shutil.copytree(two_versions, churn_home)
    return churn_home


def press(visit: AppTest, key: str) -> AppTest:
    return visit.button(key=key).click().run()


def chosen(visit: AppTest, number: int) -> AppTest:
    return visit.selectbox(key="version").select(number).run()


def statuses() -> dict[int, str]:
    return {version.model_version: version.status for version in model_versions(open_workspace("Members"))}


def test_all_versions_stand_beside_each_other(home: Home, app: App) -> None:
    visit = app(VERSIONS)
    assert not visit.exception
    shown = visit.table[0].value
    assert list(shown["Model"]) == ["2, champion", "1, challenger"]
    assert shown["Estimator"].iloc[0] == "decision tree"
    made = visit.dataframe[0].value
    assert list(made["Seed"]) == ["42", "42"]
    assert made["Libraries"].str.contains("lightgbm").all()
    assert (made["By"] != "").all()
    assert "Which models were trained" in everything_said(visit)


def test_the_page_says_that_the_scores_are_of_another_model_and_scores(home: Home, app: App) -> None:
    visit = app(VERSIONS)
    assert "Model 2 is champion, and the latest scores are still those of model 1" in everything_said(visit)
    assert "the scores are those of model 1" in everything_said(visit)
    visit = press(chosen(visit, 1), "promote_now")
    assert not visit.error
    assert statuses() == {1: "champion", 2: "challenger"}
    assert "Score now" not in [button.label for button in visit.button]


def test_rolling_back_and_archiving_are_confirmed(home: Home, app: App) -> None:
    visit = press(app(VERSIONS), "roll_back_now")
    assert statuses() == {1: "champion", 2: "challenger"}
    assert "roll_back_now" not in [button.key for button in visit.button]
    visit = press(chosen(visit, 2), "archive_now")
    assert statuses() == {1: "champion", 2: "archived"}
    assert not visit.error


def test_what_cannot_be_promoted_is_said_in_one_sentence(home: Home, app: App) -> None:
    visit = chosen(app(VERSIONS), 1)
    warehouse = open_workspace("Members")
    with warehouse.transaction() as tx:
        tx.execute("UPDATE model_versions SET artifact = artifact || ' ' WHERE model_version = 1")
    visit = press(visit, "promote_now")
    assert [error.value.replace("\\", "") for error in visit.error] == [
        "Model 1 cannot score the customers as they are: model version 1 was changed after it was trained (its digest "
        "differs) and is not used; train a new model."
    ]
    assert statuses() == {2: "champion", 1: "challenger"}


def test_two_versions_are_compared_and_a_link_keeps_the_choice(home: Home, app: App) -> None:
    newest, oldest = (version_label(version) for version in model_versions(open_workspace("Members")))
    visit = app(VERSIONS, a=newest, b=oldest)
    assert "Spearman" not in everything_said(visit), "nothing is compared before it is asked for"
    visit = press(visit, "compare")
    said = everything_said(visit)
    assert visit.selectbox(key="a").value == 2
    assert "would change tier" in said
    assert "Spearman" in said
    measures = visit.dataframe[1].value
    assert measures["Measure"].iloc[0] == "ROC-AUC"
    assert set(measures["Verdict"]) <= {"not clear", "model 1 is better", "model 2 is better"}
    changes = visit.dataframe[2].value
    assert list(changes.columns) == ["", "Customer", "Model 2", "Model 1", "Change"]
    assert len(changes) == blocks.N_CHANGES
    assert "Choose two different versions" in everything_said(app(VERSIONS, a=newest, b=newest))


def test_the_card_stands_on_the_page(home: Home, app: App) -> None:
    said = everything_said(app(VERSIONS)).replace("\\", "")
    assert "Intended use" in said
    assert "How to get it again" in said


def test_the_model_file_is_made_and_logged_when_it_is_fetched(home: Home, app: App) -> None:
    app(VERSIONS)
    warehouse = open_workspace("Members")
    version = model_versions(warehouse)[0]
    content = blocks.exported(warehouse, version)
    assert warehouse.value("SELECT count(*) FROM audit_log WHERE action = 'export model'") == 0
    assert content() == model_file(warehouse, version.model_version)
    assert warehouse.value("SELECT count(*) FROM audit_log WHERE action = 'export model'") == 1


def test_a_model_file_can_be_brought_in(home: Home, app: App) -> None:
    warehouse = open_workspace("Members")
    content = model_file(warehouse, 1)
    create_workspace("Other").close()
    visit = app(VERSIONS, workspace="Other")
    assert "No model was trained yet" in everything_said(visit)
    visit.file_uploader(key="model_upload").upload("model.json", content, "application/json").run()
    visit = press(visit, "bring_in")
    assert not visit.error
    assert [version.status for version in model_versions(open_workspace("Other"))] == ["archived"]


def test_a_broken_model_file_is_refused_in_one_sentence(home: Home, app: App) -> None:
    content = json.dumps({"format": "something else"}).encode()
    visit = app(VERSIONS)
    visit.file_uploader(key="model_upload").upload("theirs.json", content, "application/json").run()
    visit = press(visit, "bring_in")
    assert ["no model file of this product" in error.value.replace("\\", "") for error in visit.error] == [True]
    [panel] = [panel for panel in visit.expander if panel.label == "Bring in a model file"]
    assert [error.value for error in panel.error] == [error.value for error in visit.error]
    assert panel.proto.expanded, "the panel stays open"
    assert len(model_versions(open_workspace("Members"))) == 2


def test_versions_of_one_estimator_can_be_told_apart(home: Home) -> None:
    version = model_versions(open_workspace("Members"))[0]
    summary = {
        "backtest": {"models": {"recency": {}, "logistic": {}, "lightgbm": {}, "stacking": {}, "blend": {}}},
        "recipe": {"preparation": {"missing": "median", "outliers": "usual", "rare": "one_percent"}},
        "search": {"n_tries": 8},
    }
    made = replace(version, estimator="stacking", summary=summary, trained_at=datetime(2026, 11, 20, 9, 53))
    assert version_label(made) == (
        "Model 2: stacking of 2, missing = median, rare = one percent, searched, 20 Nov 2026, 09:53"
    )
    assert version_label(version).startswith("Model 2: decision tree, ")


def test_one_version_has_nothing_to_be_compared_with(snapshot_home: Home, app: App) -> None:
    visit = app(VERSIONS)
    assert "There is one version so far" in everything_said(visit)
    assert not visit.exception


def test_what_scoring_never_saw_is_said_above_the_list(home: Home, app: App) -> None:
    warehouse = open_workspace("Members")
    with warehouse.transaction() as tx:
        tx.execute(
            'UPDATE snapshots SET attributes = json_merge_patch(attributes, \'{"plan": "weekly"}\') '
            "WHERE customer_id < 'M-00010'"
        )
        tx.bump_data_version()
    score_workspace(warehouse)
    assert "10 customers have a value of 'plan' that the model never saw" in everything_said(
        app("pages/customers/at_risk.py")
    ).replace("\\", "")
