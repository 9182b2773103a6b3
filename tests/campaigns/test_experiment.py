"""A finished experiment from a file: health first, then what differs, by two routes and with bad input said."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from churn_core.campaigns.experiment import Outcomes, read_out
from churn_core.campaigns.metrics import Metric
from churn_core.cli import main
from churn_core.errors import InputError
from churn_core.stats.means import compare_means
from churn_core.stats.moments import Moments, Rate
from churn_core.stats.rates import compare_rates


def written(path: Path, n: int = 6_000, *, effect: float = 0.06, seed: int = 1) -> dict[str, np.ndarray]:
    """A campaign with two treatments, one of which works; the columns as written."""
    draw = np.random.default_rng(seed)
    arm = draw.choice(["none", "coupon", "letter"], n)
    before = draw.gamma(2, 20, n).round(2)
    bought = draw.random(n) < 0.2 + effect * (arm == "coupon")
    spend = np.where(bought, (before * 0.5 + draw.gamma(2, 10, n)).round(2), 0.0)
    columns = {
        "customer": np.array([f"C-{number}" for number in range(n)]),
        "arm": arm,
        "tier": draw.choice(["high", "low"], n),
        "bought": np.where(bought, "yes", "no"),
        "spend": spend,
        "orders": bought + draw.poisson(0.3, n) + 1,
        "before": before,
    }
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return columns


def churn(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, Any, str]:
    status = main([*map(str, words)])
    said = capsys.readouterr()
    return status, json.loads(said.out) if said.out.startswith("{") else said.out, said.err


def readout(capsys: pytest.CaptureFixture[str], file: Path, *words: str) -> Any:
    given = ["experiment", "readout", str(file), "--arm", "arm", "--control", "none", *words, "--json"]
    status, found, said = churn(capsys, *given)
    assert status == 0, said
    return found


def test_a_file_gives_the_same_numbers_as_its_columns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    columns = written(tmp_path / "done.csv")
    found = readout(capsys, tmp_path / "done.csv", "--metric", "bought", "--metric", "spend")
    by_name = {(entry["metric"], entry["arm"]): entry for entry in found["comparisons"]}
    control, coupon = columns["arm"] == "none", columns["arm"] == "coupon"
    bought = columns["bought"] == "yes"
    rate = compare_rates(
        Rate(n_hits=int(bought[control].sum()), n=int(control.sum())),
        Rate(n_hits=int(bought[coupon].sum()), n=int(coupon.sum())),
    )
    mean = compare_means(Moments.of(columns["spend"][control]), Moments.of(columns["spend"][coupon]))
    for name, expected in (("bought", rate), ("spend", mean)):
        entry = by_name[name, "coupon"]
        assert entry["p_value"] == pytest.approx(expected.p_value, rel=1e-6)
        assert entry["difference_low"] == pytest.approx(expected.difference.low)
        assert entry["lift_high"] == pytest.approx(expected.lift.high)
        assert (entry["n_control"], entry["n_treatment"]) == (control.sum(), coupon.sum())
    assert found["status"] == "better"
    assert found["srm"]["alarm"] is False
    assert "coupon: bought" in found["verdict"]
    assert "letter: no clear difference" in found["verdict"]


def test_the_first_metric_is_corrected_by_itself_and_decides(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(tmp_path / "done.csv", effect=0.0)
    found = readout(capsys, tmp_path / "done.csv", "--metric", "bought", "--metric", "spend", "--metric", "orders:mean")
    primary = [entry for entry in found["comparisons"] if entry["metric"] == "bought"]
    values = sorted(entry["p_value"] for entry in primary)
    assert min(entry["p_adjusted"] for entry in primary) == pytest.approx(min(1.0, 2 * values[0]))
    others = [entry for entry in found["comparisons"] if entry["metric"] != "bought"]
    assert all(entry["p_adjusted"] >= entry["p_value"] for entry in others)
    assert found["status"] == "no_clear_difference"


def test_broken_shares_hide_the_effect(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(tmp_path / "done.csv")
    shares = ("--share", "none=.5", "--share", "coupon=.25", "--share", "letter=.25")
    found = readout(capsys, tmp_path / "done.csv", "--metric", "bought", *shares)
    assert found["status"] == "invalid_srm"
    assert found["srm"]["alarm"] is True
    assert "coupon" not in found["verdict"] or "share" in found["verdict"]
    assert "against" not in found["verdict"]


def test_what_was_known_before_narrows_the_interval_and_keeps_the_effect(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(tmp_path / "done.csv")
    plain = readout(capsys, tmp_path / "done.csv", "--metric", "spend:mean")["comparisons"]
    less = readout(capsys, tmp_path / "done.csv", "--metric", "spend:mean", "--covariate", "before")["comparisons"]
    for one, other in zip(plain, less, strict=True):
        assert other["difference_high"] - other["difference_low"] < one["difference_high"] - one["difference_low"]
        assert one["difference_low"] < other["difference"] < one["difference_high"]
        assert "CUPED" in other["method"]
    assert less[0]["control"] == less[1]["control"]


def test_strata_and_ratios_are_read_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(tmp_path / "done.csv")
    strata = readout(
        capsys, tmp_path / "done.csv", "--metric", "bought", "--metric", "spend:mean", "--stratum", "tier"
    )["comparisons"]
    plain = readout(capsys, tmp_path / "done.csv", "--metric", "bought", "--metric", "spend:mean")["comparisons"]
    for one, other in zip(plain, strata, strict=True):
        assert other["difference"] == pytest.approx(one["difference"], abs=0.2 * (one["control"] + 0.05))
    assert strata[0]["method"].startswith("Cochran-Mantel-Haenszel")
    ratio = readout(capsys, tmp_path / "done.csv", "--ratio", "spend/orders")["comparisons"]
    assert ratio[0]["method"].startswith("delta method")
    assert ratio[0]["control"] == pytest.approx(ratio[1]["control"])


def test_lower_can_be_better(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(tmp_path / "done.csv")
    found = readout(capsys, tmp_path / "done.csv", "--metric", "bought", "--lower-is-better")
    assert found["status"] == "worse"


def test_too_few_outcomes_are_too_small() -> None:
    cells = {"none": {"": Rate(n_hits=1, n=40)}, "mail": {"": Rate(n_hits=3, n=40)}}
    metric = Metric(name="bought", kind="rate", column="bought")
    found = read_out({"none": 40, "mail": 40}, [Outcomes(metric=metric, cells=cells)], control="none")
    assert found.status == "too_small"
    assert found.results[0].comparison.p_value is not None


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--metric", "bougt"), "did you mean 'bought'"),
        (("--metric", "arm:rate"), "where yes or no was expected"),
        (("--metric", "tier:mean"), "where a number was expected"),
        (("--ratio", "spend"), "two columns like"),
        ((), "at least one --metric"),
        (("--metric", "bought", "--share", "none=.5", "--share", "coupon=.4"), "add up to 0.9"),
        (("--metric", "bought", "--share", "none=.5", "--share", "cupon=.5"), "'coupon'"),
        (("--metric", "bought", "--arm", "customer"), "no arms of an experiment"),
        (("--metric", "bought", "--control", "nobody"), "'nobody' is not among the arms"),
        (("--metric", "spend:mean", "--covariate", "tier"), "where a number was expected"),
        (("--metric", "bought", "--covariate", "tier"), "where a number was expected"),
        (("--metric", "bought", "--stratum", "bought"), "'bought' is an outcome"),
        (("--metric", "bought", "--share", "none=.5", "--share", "coupon=.3", "--share", "cal=.2"), "'cal' has a"),
    ],
)
def test_bad_input_gets_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], sentence: str
) -> None:
    written(tmp_path / "done.csv", 300)
    given = ["experiment", "readout", str(tmp_path / "done.csv"), "--arm", "arm", "--control", "none", *words]
    status, _, said = churn(capsys, *given)
    assert status == 2
    assert sentence in said
    assert "Traceback" not in said


def test_an_outcome_left_empty_is_not_taken_for_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "done.csv").write_text("id,arm,spend\n1,none,3\n2,mail,\n3,mail,5\n4,none,1\n", encoding="utf-8")
    given = (
        "experiment",
        "readout",
        tmp_path / "done.csv",
        "--arm",
        "arm",
        "--control",
        "none",
        "--metric",
        "spend:mean",
    )
    status, _, said = churn(capsys, *given)
    assert status == 2
    assert "write 0 where nothing happened" in said


def test_size_and_smallest_effect_are_each_others_inverse(capsys: pytest.CaptureFixture[str]) -> None:
    _, size, _ = churn(capsys, "experiment", "size", "--baseline", ".1", "--lift", ".1", "--per-week", "500", "--json")
    assert size["n_total"] == size["n_control"] + size["n_treatment"]
    assert size["mde_lift"] == pytest.approx(0.1, rel=1e-3)
    assert size["days"] == -(-7 * size["n_total"] // 500)
    _, back, _ = churn(capsys, "experiment", "size", "--baseline", ".1", "--n", str(size["n_total"]), "--json")
    assert back["mde_points"] == pytest.approx(0.01, rel=1e-3)


def test_assigning_a_file_writes_every_customer_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    columns = written(tmp_path / "ids.csv", 900)
    given = ("experiment", "assign", tmp_path / "ids.csv", "--campaign", "spring", "--share", "control=.1")
    status, found, _ = churn(capsys, *given, "--share", "coupon=.9", "--stratum", "tier", "--json")
    assert status == 0
    assert [row["customer_id"] for row in found["assignments"]] == list(columns["customer"])
    assert found["counts"]["control"] == pytest.approx(90, abs=2)
    out = tmp_path / "drawn.csv"
    assert churn(capsys, *given, "--share", "coupon=.9", "--stratum", "tier", "--out", out)[0] == 0
    with out.open(encoding="utf-8") as file:
        assert [row["arm"] for row in csv.DictReader(file)] == [row["arm"] for row in found["assignments"]]


def test_the_public_e_mail_campaign(real_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ("experiment", "readout", real_data / "hillstrom.csv", "--arm", "segment", "--control", "No E-Mail")
    status, found, _ = churn(capsys, *given, "--metric", "visit", "--json")
    assert status == 0
    men = next(entry for entry in found["comparisons"] if entry["arm"] == "Mens E-Mail")
    assert (men["control"], men["treatment"], men["difference"]) == pytest.approx((0.10617, 0.18276, 0.07659), abs=5e-6)
    assert (men["difference_low"], men["difference_high"]) == pytest.approx((0.06995, 0.08323), abs=2e-5)


def test_a_ratio_within_strata_is_refused() -> None:
    with pytest.raises(InputError, match="exactly a ratio has a denominator"):
        Metric(name="x", kind="mean", column="a", denominator="b")
    with pytest.raises(InputError, match="kind of metric"):
        Metric(name="x", kind="median", column="a")
