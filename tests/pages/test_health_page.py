"""The Health page: what it says about a good model, an old one and customers who have changed; Today's line."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from churn_core.customers.profile import feature_label
from churn_core.models.drift import DriftReport, drift, newest_verdict
from churn_core.models.runs import latest_run
from churn_core.workspaces import open_workspace
from tests.pages.conftest import App, Home

PAGE = "pages/models/health.py"


def test_a_healthy_shop_shows_every_check_and_every_input(demo_home: Home, app: App) -> None:
    visit = app(PAGE)
    said = _said(visit)
    report = _report()
    assert f"● {report.verdict}" in said or f"◆ {report.verdict}" in said
    for title in ("Did any feature see the cutoff", "shuffled outcomes", "planted future", "random split", "too good"):
        assert title in said
    assert "No run can be judged yet" in said
    inputs = next(table.value for table in visit.dataframe if "PSI" in table.value.columns)
    assert len(inputs) == len(report.inputs)
    overfit = next(table.value for table in visit.dataframe if "AUC lost" in table.value.columns)
    assert "Now, outcome open" in set(overfit["Judged at"])


def test_another_input_can_be_looked_at(demo_home: Home, app: App) -> None:
    last = _report().inputs[-1].name
    visit = app(PAGE, input=feature_label(last))
    assert not visit.exception
    assert visit.selectbox(key="input").value == last


def test_a_version_without_records_says_train_again(demo_home: Home, app: App) -> None:
    warehouse = open_workspace("Demo shop")
    with warehouse.transaction() as tx:
        tx.execute(
            'UPDATE model_versions SET summary = json_merge_patch(summary, \'{"population":null,"guard":null}\')'
        )
    warehouse.close()
    visit = app(PAGE)
    assert not visit.exception
    assert _said(visit).count("trained before this check existed: train again") == 4
    assert not app().exception


def test_customers_who_changed_are_told_on_today(demo_home: Home, app: App) -> None:
    _change("UPDATE score_runs SET summary = json_merge_patch(summary, $drift) WHERE run_id = $run", STRONG)
    today = _said(app())
    assert "Customers are strongly shifted from those the model learned from" in today
    assert "The risks are strongly shifted" in today


def test_today_says_nothing_about_customers_who_are_as_they_were(demo_home: Home, app: App) -> None:
    warehouse = open_workspace("Demo shop")
    found = newest_verdict(warehouse)
    warehouse.close()
    assert found is not None
    assert found[0] in ("stable", "shifted")
    assert "those the model learned from" not in _said(app())


def test_customers_who_changed_are_explained_with_advice(demo_home: Home, app: App) -> None:
    _change(
        "UPDATE contributions SET feature_values = list_transform(feature_values, lambda x: x * 7 + 50) "
        "WHERE run_id = $run"
    )
    said = _said(app(PAGE))
    assert "▲ strongly shifted" in said
    assert "of the model rests" in said


STRONG = '{"drift": {"verdict": "strongly shifted", "reason": "the risks are strongly shifted (PSI 0.40)."}}'


def _change(sql: str, drift: str | None = None) -> None:
    """Change the newest run of the demo."""
    warehouse = open_workspace("Demo shop")
    run = latest_run(warehouse)
    assert run is not None
    with warehouse.transaction() as tx:
        tx.execute(sql, {"run": run.run_id, **({"drift": drift} if drift else {})})
    warehouse.close()


def _report() -> DriftReport:
    warehouse = open_workspace("Demo shop")
    try:
        return drift(warehouse)
    finally:
        warehouse.close()


def _said(visit: AppTest) -> str:
    return " ".join(str(element.value) for element in [*visit.markdown, *visit.caption])
