"""Who responds, from the command line: from any file, and from a campaign of a workspace."""

from __future__ import annotations

from pathlib import Path

import pytest

from churn_core.workspaces import create_workspace
from tests.campaigns.planted_trial import planted_trial
from tests.campaigns.uplift_shop import fill
from tests.cli.conftest import Churn, one_sentence


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished experiment as a file, with two columns that came after the draw."""
    trial, _ = planted_trial(1_200)
    frame = trial.frame.assign(
        customer_id=[f"c{number}" for number in range(len(trial))],
        arm=["offer" if treated else "none" for treated in trial.treated],
        ordered=trial.outcome.astype(int),
        items=trial.outcome * 3,
        revenue=trial.outcome * 20.5,
    )
    path = tmp_path_factory.mktemp("uplift") / "experiment.csv"
    frame.to_csv(path, index=False)
    return path


def test_a_file_tells_who_responds(churn: Churn, experiment: Path) -> None:
    shown = churn(
        "experiment", "uplift", str(experiment), "--arm", "arm", "--control", "none", "--treatment", "offer",
        "--outcome", "ordered", "--json",
    )  # fmt: skip
    assert shown.code == 0
    found = shown.json
    assert found["features"] == ["habit", "level", "noise", "place"]
    reasons = {entry["column"]: entry["reason"] for entry in found["left_out"]}
    assert set(reasons) == {"customer_id", "items", "revenue"}
    assert "only where the outcome does" in reasons["items"]
    ranking = found["ranking"]
    assert ranking["qini"]["low"] > 0
    assert ranking["top_gain"]["low"] > 0
    assert found["has_evidence"]


def test_the_text_names_qini_top_share_and_what_was_left_out(churn: Churn, experiment: Path) -> None:
    shown = churn(
        "experiment", "uplift", str(experiment), "--arm", "arm", "--control", "none", "--outcome", "ordered",
        "--feature", "level", "--feature", "noise",
    )  # fmt: skip
    assert shown.code == 0
    assert "as scikit-uplift defines it" in shown.out
    assert "Effect among the top 30 %" in shown.out
    assert "Learnt from level, noise." in shown.out
    assert "target by value" in shown.out


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("--control", "nobody", "--outcome", "ordered"), "nobody"),
        (("--control", "none", "--treatment", "ofer", "--outcome", "ordered"), "'ofer'"),
        (("--control", "none", "--outcome", "ordred"), "ordred"),
        (("--control", "none", "--outcome", "ordered", "--feature", "arm"), "cannot be learnt from"),
        (("--control", "none", "--outcome", "place"), "number"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(
    churn: Churn, experiment: Path, given: tuple[str, ...], words: str
) -> None:
    assert words in one_sentence(churn("experiment", "uplift", str(experiment), "--arm", "arm", *given))


def test_a_campaign_is_learnt_from_and_shown(churn: Churn, churn_home: Path) -> None:
    opened = create_workspace("Shop")
    fill(opened)
    opened.close()
    assert "nothing was learnt" in one_sentence(churn("campaign", "uplift", "show"))
    assert "campaign list" in one_sentence(churn("campaign", "uplift", "learn"))
    assert "camp-winter" in one_sentence(churn("campaign", "uplift", "learn", "camp-winter"))
    learnt = churn("campaign", "uplift", "learn", "camp-spring", "--json")
    assert learnt.code == 0
    assert learnt.json["is_active"]
    assert learnt.json["proposal"] is None
    shown = churn("campaign", "uplift", "show")
    assert "Customers differ in how they respond" in shown.out
    assert "persuadable" in shown.out
    assert churn("campaign", "uplift", "show", "camp-spring", "--json").json == learnt.json
