"""Which version scores: states, promoting, rolling back, archiving, and what is refused before it breaks scoring."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from churn_core.errors import InputError, NotFound
from churn_core.features.definition import save_definition
from churn_core.models.present import obstacle, present_risks
from churn_core.models.promotion import archive, champion_before, championships, older_scores, promote, roll_back
from churn_core.models.recipe import Recipe
from churn_core.models.registry import champion, load_artifact, model_version, model_versions
from churn_core.models.runs import latest_run
from churn_core.models.scoring import score_customers
from churn_core.models.training import train_model
from churn_core.state import workspace_state
from churn_core.timeline import ChurnDefinition
from churn_core.warehouse import Warehouse

from .conftest import DEFINITION, fill_snapshots, members

QUICK = Recipe(estimators=("logistic", "lightgbm"))


@pytest.fixture(scope="module")
def three_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A labelled table with three versions, trained with three seeds; scored by the first."""
    path = tmp_path_factory.mktemp("three") / "members.duckdb"
    opened = Warehouse.open(path)
    fill_snapshots(opened, members(300))
    for seed in (1, 2, 3):
        train_model(opened, seed=seed, recipe=QUICK)
        if seed == 1:
            score_customers(opened, high_from=0.6, medium_from=0.3)
    opened.checkpoint()
    opened.close()
    return path


@pytest.fixture
def three(three_file: Path, tmp_path: Path) -> Iterator[Warehouse]:
    """A copy of it that the test may change."""
    opened = Warehouse.open(shutil.copy(three_file, tmp_path / "members.duckdb"))
    yield opened
    opened.close()


def statuses(warehouse: Warehouse) -> dict[int, str]:
    return {version.model_version: version.status for version in model_versions(warehouse)}


def test_a_new_version_takes_over_and_the_old_one_stays_as_challenger(three: Warehouse) -> None:
    assert statuses(three) == {3: "champion", 2: "challenger", 1: "archived"}
    assert championships(three) == [1, 2, 3]


def test_promoting_an_archived_version_brings_it_back(three: Warehouse) -> None:
    made = promote(three, 1)
    assert statuses(three) == {1: "champion", 3: "challenger", 2: "archived"}
    assert (made.before, made.scored_by, made.is_scored) == (3, 1, True)
    assert made.message == "Model 1 is champion now, model 3 is its challenger."


def test_promoting_the_challenger_swaps_both(three: Warehouse) -> None:
    made = promote(three, 2)
    assert statuses(three) == {2: "champion", 3: "challenger", 1: "archived"}
    assert "latest scores are still those of model 1" in made.message
    assert "model 2 is champion" in older_scores(three)
    score_customers(three, high_from=0.6, medium_from=0.3)
    assert older_scores(three) == ""
    run = latest_run(three)
    assert run is not None
    assert run.model_version == 2


def test_rolling_back_goes_back_champion_by_champion(three: Warehouse) -> None:
    assert champion_before(three) == 2
    assert roll_back(three).model_version == 2
    assert statuses(three) == {2: "champion", 3: "challenger", 1: "archived"}
    assert roll_back(three).model_version == 1
    assert statuses(three) == {1: "champion", 2: "challenger", 3: "archived"}
    assert champion_before(three) is None
    with pytest.raises(InputError, match="no champion before this one"):
        roll_back(three)
    assert championships(three) == [1]


def test_rolling_back_undoes_a_promotion(three: Warehouse) -> None:
    promote(three, 1)
    assert championships(three) == [1, 2, 3, 1]
    assert roll_back(three).model_version == 3
    promote(three, 2)
    assert roll_back(three).model_version == 3
    assert roll_back(three).model_version == 2


def test_archiving_puts_the_challenger_aside_and_never_the_champion(three: Warehouse) -> None:
    assert archive(three, 2).status == "archived"
    with pytest.raises(InputError, match="archived already"):
        archive(three, 2)
    with pytest.raises(InputError, match="is the champion and scores"):
        archive(three, 3)
    with pytest.raises(NotFound, match="no model version 9"):
        archive(three, 9)
    assert roll_back(three).model_version == 2


def test_what_cannot_be_promoted_says_why_and_changes_nothing(three: Warehouse) -> None:
    before = statuses(three)
    with pytest.raises(InputError, match="is the champion already"):
        promote(three, 3)
    with pytest.raises(NotFound, match="no model version 7"):
        promote(three, 7)
    fill_snapshots(three, members(300).drop(columns="calls"))
    with pytest.raises(InputError, match=r"model 1 cannot score the customers as they are: .*'calls'.*no longer has"):
        promote(three, 1)
    with three.transaction() as tx:
        tx.execute("DELETE FROM snapshots")
    with pytest.raises(InputError, match="no table with a churn column"):
        promote(three, 1)
    assert statuses(three) == before
    assert championships(three) == [1, 2, 3]


def test_every_change_says_who_did_it(three: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHURN_USER", "ada")
    promote(three, 1)
    roll_back(three)
    archive(three, 1)
    rows = three.rows("SELECT action, person, CAST(detail AS VARCHAR) FROM audit_log ORDER BY entry DESC LIMIT 3")
    assert [(action, person) for action, person, _ in rows] == [
        ("archive", "ada"), ("roll back", "ada"), ("promote", "ada"),
    ]  # fmt: skip
    assert json.loads(rows[2][2]) == {"model_version": 1, "before": 3}


def test_a_change_that_fails_half_way_leaves_the_champion(three: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object) -> None:
        raise RuntimeError("no space left")

    monkeypatch.setattr("churn_core.warehouse.Transaction.audit", broken)
    with pytest.raises(RuntimeError):
        promote(three, 1)
    assert statuses(three) == {3: "champion", 2: "challenger", 1: "archived"}


def test_another_definition_in_force_refuses_the_promotion(trained_copy: Warehouse) -> None:
    other = ChurnDefinition(horizon_days=60, activity_days=730)
    save_definition(trained_copy, other)
    train_model(trained_copy, recipe=QUICK)
    with pytest.raises(InputError, match=r"no order within 90 days.*in force is 'no order within 60 days"):
        promote(trained_copy, 1)
    with pytest.raises(InputError, match="save that definition again, or train"):
        roll_back(trained_copy)
    again = save_definition(trained_copy, DEFINITION)
    assert again.version == 3
    assert promote(trained_copy, 1).model_version == 1
    run = score_customers(trained_copy, high_from=0.6, medium_from=0.3)
    assert run.definition_version == 3
    state = workspace_state(trained_copy)
    assert (state.model_definition_version, state.definition_version) == (3, 3)
    assert state.run_model_version == 1


def test_present_risks_are_the_scores(trained_shop: Warehouse) -> None:
    version = champion(trained_shop)
    assert version is not None
    risks = present_risks(trained_shop, version)
    stored = trained_shop.frame("SELECT customer_id, risk FROM scores").set_index("customer_id")["risk"]
    assert np.abs(risks - stored.loc[risks.index]).max() < 1e-9
    some = present_risks(trained_shop, version, n_most=200)
    assert len(some) == 200
    assert np.abs(some - stored.loc[some.index]).max() < 1e-9
    assert obstacle(trained_shop, version) == ""


@pytest.mark.parametrize(
    "change",
    [
        "feature_names = list_reverse(feature_names)",
        "definition_version = 7",
        "source = 'snapshots'",
        "artifact = artifact || ' '",
        "summary = replace(CAST(summary AS VARCHAR), '\"horizon_days\": 90', '\"horizon_days\": 60')",
    ],
)
def test_whatever_scoring_depends_on_is_covered_by_the_digest(trained_copy: Warehouse, change: str) -> None:
    with trained_copy.transaction() as tx:
        assert tx.execute(f"UPDATE model_versions SET {change}") == 1
    with pytest.raises(InputError, match="changed after it was trained"):
        load_artifact(trained_copy, 1)


def test_versions_stored_with_the_digest_of_the_artifact_alone_still_load(trained_copy: Warehouse) -> None:
    text = trained_copy.value("SELECT artifact FROM model_versions")
    with trained_copy.transaction() as tx:
        tx.execute("UPDATE model_versions SET sha256 = $old", {"old": hashlib.sha256(text.encode()).hexdigest()})
    assert load_artifact(trained_copy, 1)["kind"] == "orders"
    with trained_copy.transaction() as tx:
        tx.execute("UPDATE model_versions SET artifact = artifact || ' '")
    with pytest.raises(InputError, match="changed after it was trained"):
        load_artifact(trained_copy, 1)


def test_a_version_answers_for_the_days_it_learned(trained_shop: Warehouse) -> None:
    version = model_version(trained_shop, 1)
    assert version.answers(replace(DEFINITION, version=12))
    assert not version.answers(replace(DEFINITION, lead_days=7, version=version.definition_version))


def test_a_version_that_fails_when_it_is_tried_is_not_promoted(
    three: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: object) -> None:
        raise ZeroDivisionError("deep inside")

    monkeypatch.setattr("churn_core.models.snapshot_model.SnapshotModel.contributions", broken)
    with pytest.raises(InputError, match="trying it ended with an unexpected ZeroDivisionError; train a new model"):
        promote(three, 1)
    assert statuses(three)[3] == "champion"
