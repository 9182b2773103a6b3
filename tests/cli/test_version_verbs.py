"""Versions from the command line: train with a recipe, list, compare, promote, roll back, card, files."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from churn_core.cli.model_verbs import METRICS, _metrics_table
from churn_core.cli.output import stoppable
from churn_core.errors import JobCancelled
from churn_core.models.preparation_plan import CHOICES
from tests.models.conftest import members

from .conftest import Churn, one_sentence


@pytest.fixture
def shop(churn: Churn, tmp_path: Path) -> Churn:
    """A workspace with a labelled table and two versions: a scored logistic regression, then a tree."""
    table = tmp_path / "members.csv"
    members(300).to_csv(table, index=False)
    assert churn("import", table, "-w", "Members", "--create").code == 0
    assert churn("train", "--estimators", "logistic", "--score").code == 0
    assert churn("train", "--estimators", "decision_tree", "--seed", "3").code == 0
    return churn


def test_versions_are_listed_with_their_measures(shop: Churn) -> None:
    listed = shop("models", "--json").json
    assert [(version["model_version"], version["status"]) for version in listed] == [(2, "champion"), (1, "challenger")]
    assert listed[0]["seed"] == 3
    assert listed[1]["metrics"]["auc"]["low"] < listed[1]["metrics"]["auc"]["value"]
    assert listed[0]["sha256"].startswith("v2:")
    text = shop("models").out
    assert "decision_tree" in text
    assert "latest scores are those of model 1, and model 2 is champion" in text
    assert shop("models", "list", "--json").json == listed


def test_promote_and_roll_back_say_what_is_left_to_do(shop: Churn) -> None:
    promoted = shop("promote", 1)
    assert promoted.code == 0, promoted.err
    assert promoted.out.strip() == "Model 1 is champion now, model 2 is its challenger."
    back = shop("rollback", "--json").json
    assert (back["model_version"], back["is_scored"], back["scored_by"], back["run_id"]) == (2, False, 1, None)
    assert "champion already" in one_sentence(shop("promote", 2))
    scored = shop("promote", 1, "--score", "--json").json
    assert (scored["model_version"], scored["is_scored"], scored["run_id"]) == (1, True, 2)
    shown = shop("rollback")
    assert "The latest scores are still those of model 1" in shown.out
    assert "'churn score' does that." in shown.out
    assert shop("rollback").code == 0
    assert "no champion before this one" in one_sentence(shop("rollback"))
    assert shop("archive", 2).out.strip() == "Model 2 is archived."
    assert "is the champion and scores" in one_sentence(shop("archive", 1))
    assert "no model version 9" in one_sentence(shop("promote", 9))


def test_two_versions_are_compared(shop: Churn) -> None:
    found = shop("models", "compare", 1, 2, "--json").json
    assert found["not_comparable"] == ""
    assert len(found["metrics"]) == 5
    assert sum(sum(row.values()) for row in found["present"]["tiers"].values()) == found["present"]["n"] == 300
    text = shop("models", "compare", "1", "2").out
    assert "rank correlation" in text
    assert "change tier" in text
    assert "given twice" in one_sentence(shop("models", "compare", 1, 1))


def test_a_card_is_printed_or_written(shop: Churn, tmp_path: Path) -> None:
    assert shop("card").out.startswith("# Model card: model 2\n")
    page = tmp_path / "card.html"
    assert shop("card", 1, "--format", "html", "--out", page).code == 0
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert json.loads(shop("card", 1, "--json").out)["card"].startswith("# Model card: model 1")
    assert "no model version 7" in one_sentence(shop("card", 7))


def test_a_model_travels_as_a_file(shop: Churn, tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    assert shop("models", "export", 1, path).code == 0
    assert "is here already, as model 1" in one_sentence(shop("models", "import", path))
    assert shop("workspaces", "create", "Other").code == 0
    brought = shop("models", "import", path, "-w", "Other", "--json").json
    assert (brought["model_version"], brought["status"]) == (1, "archived")
    assert "no table with a churn column" in one_sentence(shop("promote", 1, "-w", "Other"))
    path.write_bytes(path.read_bytes()[:-50])
    assert "cut off or damaged" in one_sentence(shop("models", "import", path, "-w", "Other"))
    assert "folder of" in one_sentence(shop("models", "export", 1, tmp_path / "none" / "x.json"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--estimators", "logistik"), "did you mean 'logistic'"),
        (("--estimators", "xgboost"), "there is: 'decision_tree', 'lightgbm', 'lightgbm_large', 'linear_svm', "),
        (("--estimators", "blend"), "is always tried or made of the others"),
        (("--prepare", "missing"), "'missing' is not a choice; write it like missing=knn"),
        (("--prepare", "missing=guess"), "option of missing 'guess' not found"),
        (("--prepare", "mising=knn"), "choice of preparation 'mising' not found; did you mean 'missing'"),
        (("--budget", "0"), "'0' is not a whole number above zero"),
        (("--as-of", "11.9.2011"), "is not a date"),
        (("--budget", "5", "--as-of", "2025-01-01"), "a search and --as-of exclude each other"),
    ],
)
def test_a_recipe_that_cannot_be_used_is_refused(churn: Churn, arguments: tuple[str, ...], words: str) -> None:
    churn("workspaces", "create", "Empty")
    assert words in one_sentence(churn("train", *arguments))


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C raises KeyboardInterrupt, also where tests were started in the background, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_the_first_interrupt_asks_and_the_second_stops() -> None:
    heard: list[str] = []
    with stoppable(lambda share, message: heard.append(message), "stopping") as reported:
        reported(0.1, "one")
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(JobCancelled):
            reported(0.2, "two")
        reported(0.3, "three")
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
            time.sleep(60)  # ended by the signal, wherever it is noticed
    assert heard == ["one", "three"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_combination_of_one_estimator_is_not_listed_beside_it() -> None:
    one = dict.fromkeys(METRICS, 0.5)
    models = {"logistic": one, "stacking": one, "blend": one}
    assert [row.split()[0] for row in _metrics_table(models, "logistic")] == ["model", "logistic"]
    models["blend"] = {**one, "auc": 0.6}
    assert [row.split()[0] for row in _metrics_table(models, "logistic")] == ["model", "logistic", "blend"]
    assert "stacking (chosen)" in _metrics_table(models, "stacking")[2]


def test_the_help_of_train_lists_every_option_of_preparation(churn: Churn) -> None:
    said = "".join(churn("train", "--help").out.split())
    for name, options in CHOICES.items():
        assert f"{name}={'|'.join(option for option in options if option != 'usual')}" in said


def test_a_labelled_table_needs_no_definition(shop: Churn) -> None:
    for arguments in (("define", "--propose"), ("define",)):
        assert "a labelled table brings its own definition" in one_sentence(shop(*arguments))


def test_the_path_of_a_list_is_printed_as_given(shop: Churn, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    assert shop("targets", "--out", path).out.strip().endswith(f"written to {path}.")


def test_no_model_yet_is_said(churn: Churn) -> None:
    churn("workspaces", "create", "Empty")
    assert churn("models").out.strip() == "There is no model yet; train one with 'churn train'."
    assert churn("models", "--json").json == []
    for verb in (("card",), ("rollback",), ("promote", "1"), ("archive", "1"), ("models", "compare", "1", "2")):
        one_sentence(churn(*verb))
