"""From a raw order file to a list of customers, without a browser."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from .conftest import Churn, Outcome, one_sentence


def loaded(churn: Churn, order_file: Path) -> Outcome:
    return churn("import", order_file, "--workspace", "Shop", "--create", "--json")


def test_an_order_file_becomes_a_list_of_targets(churn: Churn, order_file: Path, tmp_path: Path) -> None:
    imported = loaded(churn, order_file)
    assert imported.code == 0, imported.err
    n_orders = len(order_file.read_text().splitlines()) - 1
    assert imported.json["n_added"] == n_orders
    assert "reading" in imported.err

    defined = churn("define", "--horizon", 90, "--active-within", 180, "--json").json
    assert (defined["definition"]["horizon_days"], defined["definition"]["version"]) == (90, 1)

    trained = churn("train", "--score", "--json")
    assert trained.code == 0, trained.err
    run_id = trained.json["run_id"]

    everybody = churn("targets", "--out", tmp_path / "all.csv", "--json").json
    rich = churn("targets", "--tier", "high", "--min-value", 50, "--out", tmp_path / "rich.csv", "--json").json
    with open(rich["path"], encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == rich["n_rows"] < everybody["n_rows"]
    assert {row["tier"] for row in rows} == {"high"}
    assert all(float(row["value_at_risk"]) >= 50 for row in rows)
    values = [float(row["value_at_risk"]) for row in rows]
    assert values == sorted(values, reverse=True)
    assert {row["run_id"] for row in rows} == {str(run_id)}
    assert all(row["up_1"] for row in rows)
    assert "main reason 'zzz' not found" in one_sentence(
        churn("targets", "--reason", "zzz", "--out", tmp_path / "x.csv")
    )
    assert "attribute 'nope' not found" in one_sentence(
        churn("targets", "--attribute", "nope=1", "--out", tmp_path / "x.csv")
    )
    assert "tag 'nope' not found" in one_sentence(churn("targets", "--tag", "nope", "--out", tmp_path / "x.csv"))
    assert not (tmp_path / "x.csv").exists()
    assert churn("tags", "give", "VIP", rows[0]["customer_id"]).code == 0
    marked = churn("targets", "--tag", "VIP", "--out", tmp_path / "vip.csv", "--json").json
    with open(marked["path"], encoding="utf-8-sig", newline="") as file:
        [row] = csv.DictReader(file)
    assert row["customer_id"] == rows[0]["customer_id"]
    assert "VIP" in row["tags"].split("; ")


def test_the_same_file_twice_changes_nothing(churn: Churn, order_file: Path) -> None:
    first = loaded(churn, order_file).json
    again = churn("import", order_file, "--json").json
    assert again["n_added"] == again["n_updated"] == 0
    assert again["data_version"] == first["data_version"]


def test_a_dry_run_shows_and_changes_nothing(churn: Churn, order_file: Path, tmp_path: Path) -> None:
    mapping = tmp_path / "mapping.toml"
    shown = churn("import", order_file, "-w", "New", "--create", "--dry-run", "--save-mapping", mapping, "--json").json
    assert shown["mapping"]["fields"]["customer_id"] == "customer_id"
    assert len(shown["preview"]) == 10
    assert churn("workspaces", "--json").json == []
    used = churn("import", order_file, "-w", "New", "--create", "--mapping", mapping, "--json")
    assert used.code == 0, used.err


def test_a_refused_import_leaves_no_workspace_behind(churn: Churn, tmp_path: Path) -> None:
    empty = tmp_path / "empty.csv"
    empty.write_text("")
    one_sentence(churn("import", empty, "-w", "New", "--create"))
    future = tmp_path / "future.csv"
    future.write_text("customer_id,order_time,amount\n" + "".join(f"{n},2999-01-0{n},5\n" for n in range(1, 6)))
    one_sentence(churn("import", future, "-w", "New", "--create"))
    assert churn("workspaces", "--json").json == []


def test_quality_and_definition_answer_on_an_empty_workspace(churn: Churn) -> None:
    churn("workspaces", "create", "Empty")
    assert churn("quality").out.strip() == "There is no data yet."
    assert "table 'ordrs' not found; did you mean 'orders'" in one_sentence(churn("quality", "--table", "ordrs"))
    for verb in (("define",), ("train",), ("score",), ("targets", "--out", "x.csv")):
        one_sentence(churn(*verb))


def test_rejected_rows_can_be_corrected_and_come_back(churn: Churn, tmp_path: Path) -> None:
    orders = tmp_path / "orders.csv"
    lines = [f"C{n % 7},A-{n},2025-03-{n:02d},{n}.50" for n in range(1, 29)]
    orders.write_text("\n".join(["customer_id,order_id,order_time,amount", *lines, "C1,A-99,yesterday,5.00"]) + "\n")
    rejected = tmp_path / "rejected.csv"
    first = churn("import", orders, "-w", "Shop", "--create", "--rejected", rejected, "--json").json
    assert (first["n_added"], first["n_rejected"]) == (28, 1)
    rejected.write_text(rejected.read_text(encoding="utf-8-sig").replace("yesterday", "2025-03-29"), encoding="utf-8")
    corrected = churn("import", rejected, "--json")
    assert corrected.code == 0, corrected.err
    assert (corrected.json["n_added"], corrected.json["n_rejected"]) == (1, 0)


def test_a_backtest_judges_an_order_file_without_a_workspace(churn: Churn, order_file: Path) -> None:
    judged = churn("backtest", order_file, "--horizon", 90, "--active-within", 180, "--json")
    assert judged.code == 0, judged.err
    result = judged.json
    assert set(result) >= {"n", "churn_rate", "mean_predicted", "models", "chosen"}
    assert result["chosen"] in result["models"]
    for metrics in result["models"].values():
        assert set(metrics) == {"auc", "pr_auc", "log_loss", "brier", "precision_top10"}
    assert result["models"][result["chosen"]]["auc"] > 0.6
    assert churn("workspaces", "--json").json == []


@pytest.mark.parametrize("extra", [("--label", "Churned"), ("--label", "churn", "--id", "nobody")])
def test_a_backtest_says_which_column_is_missing(churn: Churn, tmp_path: Path, extra: tuple[str, ...]) -> None:
    table = tmp_path / "table.csv"
    table.write_text("customer,age,churn\n" + "".join(f"c{n},{n},{'yes' if n % 3 else 'no'}\n" for n in range(30)))
    assert "not found" in one_sentence(churn("backtest", table, *extra))


def test_attributes_are_learned_from_only_when_marked_as_stable(churn: Churn, tmp_path: Path) -> None:
    customers = tmp_path / "customers.csv"
    rows = [f"C{n},c{n}@example.org,{1960 + n},{n % 5}" for n in range(40)]
    customers.write_text("\n".join(["customer_id,email,birth_year,points", *rows]) + "\n")
    assert churn("import", customers, "-w", "Shop", "--create").code == 0
    assert "'shoe_size' not found" in one_sentence(churn("import", customers, "--stable", "shoe_size"))
    marked = churn("import", customers, "--stable", "birth_year", "--json")
    assert marked.code == 0, marked.err
    assert "Models may learn from: birth_year." in marked.json["notes"]


def test_define_shows_the_definition_in_force(churn: Churn, order_file: Path) -> None:
    loaded(churn, order_file)
    assert churn("define", "--json").json["in_force"] is None
    churn("define", "--horizon", 60, "--active-within", 120, "--lead", 7)
    shown = churn("define", "--json").json
    assert shown["saved"] is False
    assert (shown["in_force"]["horizon_days"], shown["in_force"]["lead_days"]) == (60, 7)
