"""Model quality says whether the season is known and between what the share that leaves may lie."""

from __future__ import annotations

from churn_core.figures.theme import percent
from churn_core.models.registry import champion
from churn_core.workspaces import DEMO, open_workspace
from tests.pages.conftest import App, Home
from tests.pages.test_every_page import everything_said


def test_the_range_of_the_mean_risk_is_shown_once(demo_home: Home, app: App) -> None:
    version = champion(open_workspace(DEMO))
    assert version is not None
    season = version.summary["calibration"]["season"]
    found = season["range"]
    assert found["predicted_low"] < found["predicted"] < found["predicted_high"]
    visit = app("pages/models/quality.py")
    assert not visit.exception
    said = everything_said(visit)
    assert f"between **{percent(found['predicted_low'])}** and **{percent(found['predicted_high'])}** may leave" in said
    assert ("Season known" if season["is_known"] else "Season unknown") in said
    assert said.count(season["reason"]) == 1
