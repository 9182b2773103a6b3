"""Workspaces, demo and serve from the command line."""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from churn_core.cli.main import build_parser
from churn_core.cli.options import date

from .conftest import ROOT, Churn, one_sentence, run_process

VERBS = (
    "demo", "import", "quality", "define", "train", "score", "targets", "backtest", "workspaces", "serve",
    "models", "promote", "rollback", "archive", "card",
    "proof", "drift", "moved", "experiment", "campaign", "drivers", "cutoffs", "policy", "cohorts", "rhythm", "value",
    "rfm", "segments",
    "rules", "tags", "forecast", "alerts",
)  # fmt: skip


GROUPS = ("experiment", "campaign", "rules", "tags")
"""Verbs that have verbs of their own, which take the options."""

WITHIN = (
    "experiment plan", "experiment size", "experiment assign", "experiment readout",
    "campaign lock", "campaign export", "campaign join", "campaign cancel",
    "campaign uplift", "experiment uplift",
    "campaign outcomes", "campaign funnel",
    "campaign readout", "campaign decide", "campaign programme",
    "campaign list", "campaign show", "campaign holdout",
    "rules count", "rules save", "rules list", "rules fields", "rules overlap", "rules delete", "rules refresh",
    "alerts list", "alerts show", "alerts refresh", "alerts policy", "alerts take", "alerts hand-over",
    "alerts snooze", "alerts not-reached", "alerts done", "alerts reopen", "alerts note",
    "tags list", "tags make", "tags give", "tags take", "tags delete",
)  # fmt: skip


@pytest.mark.parametrize("verb", [*(verb for verb in VERBS if verb not in GROUPS), *WITHIN])
def test_every_verb_explains_itself(churn: Churn, verb: str) -> None:
    shown = churn(*verb.split(), "--help")
    assert shown.code == 0
    assert shown.out.startswith(f"usage: churn {verb}")
    assert "--json" in shown.out


def test_the_parser_knows_exactly_these_verbs() -> None:
    [verbs] = [action for action in build_parser()._actions if action.dest == "verb"]
    assert set(verbs.choices or ()) == set(VERBS)


def _within(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Verbs within a verb, by name."""
    return {
        name: own
        for action in parser._actions
        if isinstance(action.choices, dict)
        for name, own in action.choices.items()
        if isinstance(own, argparse.ArgumentParser)
    }


def test_what_stands_before_the_name_of_a_verb_within_a_verb_counts() -> None:
    """Every verb that takes an option itself and has verbs of its own: the option may stand before or behind them."""
    checked = []
    for verb, parser in _within(build_parser()).items():
        for name, own in _within(parser).items():
            asked = [action for action in own._actions if action.required and action.option_strings]
            given_values = ["2030-01-01" if action.type is date else "1" for action in asked]
            wanted = ["1" for action in own._actions if not action.option_strings and action.nargs in (None, "+")]
            for action, value in zip(asked, given_values, strict=True):
                wanted += [action.option_strings[0], value]
            for option, value in (("--workspace", "Shop"), ("--json", None)):
                if option not in parser._option_string_actions:
                    continue
                given = [option] if value is None else [option, value]
                before = build_parser().parse_args([verb, *given, name, *wanted])
                behind = build_parser().parse_args([verb, name, *wanted, *given])
                assert getattr(before, option.lstrip("-")) == (value or True), f"churn {verb} {option} {name}"
                assert before == behind
                checked.append(f"{verb} {name} {option}")
    assert {"policy profit --workspace", "models list --json", "workspaces list --json"} <= set(checked)


def test_the_readme_names_every_verb() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    [line] = [line for line in text.splitlines() if line.startswith("Everything also works without a browser")]
    assert [verb for verb in VERBS if f"`{verb}`" not in line] == []


def test_workspaces_are_created_listed_renamed_and_deleted(churn: Churn) -> None:
    assert churn("workspaces", "--json").json == []
    assert churn("workspaces", "create", "Tea & Things").code == 0
    assert churn("workspaces", "rename", "Tea & Things", "茶").code == 0
    assert [workspace["name"] for workspace in churn("workspaces", "list", "--json").json] == ["茶"]
    assert "type its name exactly" in one_sentence(churn("workspaces", "delete", "茶", "--yes-delete", "tea"))
    assert churn("workspaces", "delete", "茶", "--yes-delete", "茶").code == 0
    assert churn("workspaces", "--json").json == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nonsense",), "invalid choice: 'nonsense'"),
        (("define",), "there is no workspace yet"),
        (("define", "--horizon", "0"), "'0' is not a whole number above zero"),
        (("backtest", "x.csv", "--horizon", "90", "--cutoff", "11.9.2011"), "'11.9.2011' is not a date"),
        (("backtest", "nowhere.csv"), "the file nowhere.csv does not exist"),
        (("backtest", __file__), "give --horizon DAYS for an order history"),
        (("backtest", __file__, "--label", "Churn", "--horizon", "90"), "exclude each other"),
        (("backtest", "nowhere.csv", "--horizon", "90"), "nowhere.csv"),
        (("import", "orders.csv", "--create"), "orders.csv"),
        (("import", "orders.csv", "-w", "New"), "workspace 'New' not found; add --create to make it with this file"),
        (("import", "orders.csv"), "there is no workspace yet; add --workspace NAME --create"),
        (("targets",), "--out"),
        (("demo", "--customers", "none"), "'none' is not a whole number above zero"),
        (("serve", "--address", "0.0.0.0"), "no sign-in"),
        (("serve", "--address", "my-host"), "not an IP address"),
        (("serve", "--port", "99999999"), "'99999999' is not a port"),
        (("define", "--lead", "7"), "--lead need --horizon"),
        (("define", "--lead", "-5"), "'-5' is not a number of days"),
        (("define", "--propose", "--horizon", "30"), "give one of them"),
        (
            ("import", "x.csv", "--save-mapping", "/no/such/folder/m.toml"),
            "folder of '/no/such/folder/m.toml' does not",
        ),
        (("import", "x.csv", "--rejected", "/no/such/folder/r.csv"), "folder of '/no/such/folder/r.csv' does not"),
        (("targets", "--out", "/no/such/folder/"), "the folder '/no/such/folder/' does not exist"),
        (("targets", "--out", "x.csv", "--min-value", "nan"), "'nan' is not an amount"),
    ],
)
def test_bad_input_ends_with_code_2_and_one_sentence(churn: Churn, arguments: tuple[str, ...], words: str) -> None:
    assert words in one_sentence(churn(*arguments))


def test_with_several_workspaces_one_must_be_named(churn: Churn, monkeypatch: pytest.MonkeyPatch) -> None:
    churn("workspaces", "create", "A")
    churn("workspaces", "create", "B")
    assert "there are 2 workspaces; choose one with --workspace: 'A', 'B'" in one_sentence(churn("quality"))
    assert "did you mean 'A'" in one_sentence(churn("quality", "-w", "AA"))
    monkeypatch.setenv("CHURN_WORKSPACE", "B")
    assert churn("quality", "--json").code == 0


def test_a_taken_port_is_said_in_one_sentence(churn: Churn) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"port {port} on 127.0.0.1 is taken" in one_sentence(churn("serve", "--port", port))


def test_the_app_ends_with_its_starter_and_lets_go_of_the_port(churn: Churn, churn_home: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", "from churn_core.cli import main; raise SystemExit(main())"]
    with subprocess.Popen(
        [*command, "serve", "--port", str(port), "--no-browser"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "CHURN_HOME": str(churn_home)},
    ) as starter:
        assert starter.stdout is not None
        assert f"is open at http://127.0.0.1:{port}" in starter.stdout.readline()
        assert "already open" in churn("serve", "--port", port, "--no-browser").out
        starter.terminate()
        assert starter.wait(30) == 0
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", port))


def test_the_demo_is_built_once_and_replaced_only_when_asked(churn: Churn, churn_home: Path) -> None:
    built = churn("demo", "--customers", 300, "--years", 1, "--no-train", "--json").json
    assert (built["n_customers"], built["built"]) == (300, True)
    assert Path(built["truth_path"]).is_file()
    assert churn("demo", "--if-missing", "--json").json["built"] is False
    assert "exists already" in one_sentence(churn("demo", "--customers", 300, "--no-train"))
    again = churn("demo", "--customers", 300, "--years", 1, "--no-train", "--replace", "--json").json
    assert again["n_orders"] == built["n_orders"]
    assert [path.name for path in churn_home.glob("*.duckdb")] == ["Demo shop.duckdb"]


def test_a_demo_that_is_stopped_half_way_is_no_workspace(
    churn: Churn, churn_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_off(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("churn_core.campaigns.demo.propose_definition", break_off)
    assert churn("demo", "--customers", 300, "--years", 1).code == 130
    assert churn("workspaces", "--json").json == []
    assert [path for path in churn_home.rglob("*") if path.suffix == ".duckdb"] == []


def test_a_second_process_is_told_who_holds_the_workspace(churn: Churn, churn_home: Path) -> None:
    churn("workspaces", "create", "Shop")
    refused = run_process("quality", "-w", "Shop", env={"CHURN_HOME": str(churn_home), "PATH": ""})
    assert refused.returncode == 2
    assert "is in use by process" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_help_does_not_wait_for_heavy_libraries() -> None:
    program = (
        "import sys; from churn_core.cli.main import build_parser; build_parser(); "
        "print([name for name in ('pandas', 'sklearn', 'lightgbm', 'shap', 'statsmodels', 'scipy', 'streamlit') "
        "if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
