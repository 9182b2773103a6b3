"""The Proof page says what became of the warned, tells replayed from lived, and when proof will be possible."""

from __future__ import annotations

import time
from datetime import timedelta
from functools import partial

import pytest

from churn_core.customers.proof import Lived, lived, proof, replay_workspace
from churn_core.customers.tiers import save_policy
from churn_core.features.definition import active_definition, known_until
from churn_core.figures.theme import day, percent
from churn_core.models.replay import latest_replay, too_short
from churn_core.warehouse import Warehouse
from churn_core.workspaces import DEMO, open_workspace
from tests.pages.conftest import App, Home
from tests.pages.test_every_page import everything_said
from ui import proof_blocks, session

PAGE = "pages/models/proof.py"


def add_lived_run(warehouse: Warehouse) -> None:
    """The first scoring once more, as one that happened before its horizon: 120 days before the end."""
    end = known_until(warehouse)
    assert end is not None
    with warehouse.transaction() as tx:
        tx.execute(
            "INSERT INTO score_runs BY NAME SELECT * REPLACE (0 AS run_id, $as_of AS as_of, 0 AS data_version, "
            "99 AS model_version) FROM score_runs WHERE run_id = 1",
            {"as_of": end - timedelta(days=120)},
        )
        tx.execute("INSERT INTO scores BY NAME SELECT * REPLACE (0 AS run_id) FROM scores WHERE run_id = 1")
        tx.audit("score", {"run_id": 0})


def test_the_demo_shop_is_proven_on_the_first_visit(demo_home: Home, app: App) -> None:
    visit = app(PAGE)
    made = latest_replay(open_workspace(DEMO))
    assert made is not None
    said = everything_said(visit)
    assert f"{percent(made.warned.happened)} left" in said.replace("\\", "")
    assert f"Warned, then left {percent(made.warned.happened)}" in said
    assert "Replayed: past days scored again" in said
    assert "The first will be judged once orders reach until" in said
    table = next(frame.value for frame in visit.dataframe if "Tier" in frame.value)
    high = made.cutoffs[-1].tiers["high"]
    assert len(table) == sum(bool(group.n) for outcome in made.cutoffs for group in outcome.tiers.values())
    assert "" not in table, "what is the same in every row is said once below"
    assert "All rows: replayed, judged by 90 days" in said
    assert table.iloc[0][["Scored as of", "Predicted", "Happened"]].tolist() == [
        day(made.cutoffs[-1].as_of),
        percent(high.predicted),
        percent(high.happened),
    ]


def test_lived_and_replayed_stand_side_by_side(demo_home: Home, app: App) -> None:
    warehouse = open_workspace(DEMO)
    add_lived_run(warehouse)
    found = lived(warehouse)
    assert [outcome.kind for outcome in found.cutoffs] == ["lived"]
    visit = app(PAGE)
    said = everything_said(visit)
    assert "customers warned on" in said
    assert "customers who would have been warned between" in said
    assert f"Warned, then left {percent(found.warned.happened)}" in said
    assert "happened, lived" in said
    assert "happened, replayed" in said
    replay = latest_replay(warehouse)
    assert replay is not None
    other = app(PAGE, proof_kind="Replayed")
    assert f"Warned, then left {percent(replay.warned.happened)}" in everything_said(other)


def test_past_scorings_are_judged_again_only_when_they_may_differ(
    demo_home: Home, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse = open_workspace(DEMO)
    asked: list[int] = []

    def counted(of: Warehouse) -> Lived:
        asked.append(of.data_version)
        return lived(of)

    monkeypatch.setattr(proof_blocks, "lived", counted)
    app(PAGE)
    with warehouse.transaction() as tx:
        tx.save_setting("currency", "CHF")
        tx.audit("currency changed")
    assert not app(PAGE).exception
    assert len(asked) == 1
    save_policy(warehouse, high_from=0.61, medium_from=0.3)
    app(PAGE)
    add_lived_run(warehouse)
    assert "customers warned on" in everything_said(app(PAGE))
    assert len(asked) == 3


def test_a_replay_of_other_data_is_called_out_of_date(demo_home: Home, app: App) -> None:
    warehouse = open_workspace(DEMO)
    assert "still stands" in everything_said(app(PAGE))
    with warehouse.transaction() as tx:
        tx.bump_data_version()
    said = everything_said(app(PAGE))
    assert "Out of date" in said
    assert "data was imported" in said


def test_the_rule_of_a_replay_is_not_called_todays_after_another_policy(demo_home: Home, app: App) -> None:
    warehouse = open_workspace(DEMO)
    made = latest_replay(warehouse)
    assert made is not None
    save_policy(warehouse, high_from=0.61, medium_from=0.3)
    said = everything_said(app(PAGE)).replace("\\", "")
    assert "since this replay the tiers were drawn anew" in said
    assert f"The rule of the replay: {made.tiers_by}" in said
    assert "61 %" not in said
    assert "of today" not in said


def test_two_shares_of_leavers_are_told_apart(demo_home: Home, app: App) -> None:
    made = latest_replay(open_workspace(DEMO))
    assert made is not None
    high = [outcome.tiers["high"] for outcome in made.cutoffs]
    assert percent(sum(one.n_churned for one in high) / sum(one.n for one in high)) != percent(made.warned.happened)
    assert "counts every customer once, on the first day in the high tier" in everything_said(app(PAGE))


def test_the_button_replays_with_everybody_as_a_job(demo_home: Home, app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof_blocks, "replay_workspace", partial(replay_workspace, n_cutoffs=1))
    warehouse = open_workspace(DEMO)
    with warehouse.transaction() as tx:
        tx.execute("DELETE FROM replays")
        tx.audit("replays removed")
    visit = app(PAGE)
    assert "Nothing was replayed yet" in everything_said(visit)
    visit.button(key="replay").click().run()
    runner = session._opened(DEMO).runner
    until = time.monotonic() + 240
    while runner.unfinished() and time.monotonic() < until:
        time.sleep(0.1)
    assert runner.recent()[0].status == "done", runner.recent()[0].message
    made = latest_replay(warehouse)
    assert made is not None
    assert made.n_customers is None
    visit.run()
    assert any("replayed" in success.value for success in visit.success)
    assert not visit.exception


def test_a_history_that_is_too_short_says_from_when_on_it_will_do(demo_home: Home, app: App) -> None:
    warehouse = open_workspace(DEMO)
    end, definition = known_until(warehouse), active_definition(warehouse)
    assert end is not None
    assert definition is not None
    with warehouse.transaction() as tx:
        tx.execute("DELETE FROM replays")
        tx.execute(
            "DELETE FROM orders WHERE order_time < $since", {"since": end - timedelta(days=2 * definition.span_days)}
        )
        tx.bump_data_version()
    assert too_short(warehouse, definition) == proof(warehouse).obstacle
    visit = app(PAGE)
    said = everything_said(visit)
    assert "The past cannot be replayed" in said
    assert "will be possible once they reach until" in said
    assert not [button for button in visit.button if button.key == "replay"]
