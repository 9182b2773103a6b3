"""The decision tree of a version can be read on the Model quality page."""

from __future__ import annotations

from churn_core.models.recipe import Recipe
from churn_core.models.training import train_model
from churn_core.workspaces import list_workspaces, open_workspace
from tests.pages.conftest import App, Home

QUALITY = "pages/models/quality.py"


def test_a_tree_that_was_tried_is_shown_as_rules(snapshot_home: Home, app: App) -> None:
    assert not [part.label for part in app(QUALITY).expander if "decision tree" in part.label]
    warehouse = open_workspace(list_workspaces()[0].name)
    version = train_model(warehouse, recipe=Recipe(estimators=("logistic", "decision_tree")))
    rules = version.summary["rules"]
    visit = app(QUALITY)
    assert not visit.exception
    assert [part.label for part in visit.expander if "decision tree" in part.label] == [
        f"The decision tree in {len(rules)} rules"
    ]
    shown = next(frame.value for frame in visit.dataframe if "When all of this is true" in frame.value.columns)
    assert len(shown) == len(rules) >= 2
    assert shown["When all of this is true"].str.contains("at most|above|is ").all()
    assert shown["Rows"].str.replace(",", "").astype(int).sum() == sum(rule["n"] for rule in rules)
