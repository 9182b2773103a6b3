"""A process killed anywhere between the draw and the manifest loses nothing and draws nothing twice."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from churn_core.campaigns.assignment import assign_arms
from churn_core.campaigns.draw import join_campaign, lock_campaign
from churn_core.campaigns.store import campaign, create_draft
from churn_core.campaigns.target_list import export_campaign, exports_of, manifest_beside
from churn_core.customers.selection import CustomerFilter
from churn_core.warehouse import Warehouse
from tests.campaigns.scored_shop import PLAN, SHAPES, fill_shop, score

ROOT = Path(__file__).resolve().parents[2]
IDS = SHAPES["zero-padded"](300)

PROGRAM = """
import os, signal, sys
from pathlib import Path
from churn_core.campaigns.draw import join_campaign, lock_campaign
from churn_core.campaigns.target_list import export_campaign
from churn_core.warehouse import Transaction, Warehouse

workspace, campaign_id, out, what, where = sys.argv[1:]

def kill(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def kill_at(share, message):
    if message == where:
        kill()

def kill_before(owner, name, n):
    whole, calls = getattr(owner, name), []
    def counted(*given, **named):
        calls.append(name)
        if len(calls) == n:
            kill()
        return whole(*given, **named)
    setattr(owner, name, counted)

def kill_after(owner, name, n):
    whole, calls = getattr(owner, name), []
    def counted(*given, **named):
        calls.append(name)
        whole(*given, **named)
        if len(calls) == n:
            kill()
    setattr(owner, name, counted)

if where.startswith("replace "):
    kill_before(os, "replace", int(where.split()[1]))
if where == "both replaced":
    kill_after(os, "replace", 2)
if where == "commit":
    kill_before(Transaction, "audit", 1)
warehouse = Warehouse.open(Path(workspace))
work = {
    "lock": lambda: lock_campaign(warehouse, campaign_id, kill_at),
    "join": lambda: join_campaign(warehouse, campaign_id, progress=kill_at),
    "export": lambda: export_campaign(warehouse, campaign_id, Path(out), progress=kill_at),
}
work[what]()
if where == "afterwards":
    kill()
"""


def killed(workspace: Path, campaign_id: str, what: str, where: str, out: Path | str = "-") -> None:
    """Do something in a process that is killed at a planted point."""
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(workspace), campaign_id, str(out), what, where],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == -signal.SIGKILL, run.stderr


@contextmanager
def opened(path: Path) -> Iterator[Warehouse]:
    warehouse = Warehouse.open(path)
    try:
        yield warehouse
    finally:
        warehouse.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """A workspace with two drafts, the second one rolling; closed."""
    path = tmp_path_factory.mktemp("crash") / "shop.duckdb"
    with opened(path) as warehouse:
        fill_shop(warehouse, IDS)
        fixed = create_draft(warehouse, PLAN).campaign_id
        free = replace(PLAN.exclusions, other_campaign=False, contacted_days=None)
        high = CustomerFilter(tiers=("high",))
        rolling = create_draft(warehouse, replace(PLAN, entry="rolling", audience=high, exclusions=free)).campaign_id
        warehouse.checkpoint()
    return path, fixed, rolling


@pytest.fixture
def shop(files: tuple[Path, str, str], tmp_path: Path) -> Path:
    return Path(shutil.copy(files[0], tmp_path / "shop.duckdb"))


@pytest.fixture(scope="module")
def locked_file(files: tuple[Path, str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with both campaigns locked; closed."""
    path = Path(shutil.copy(files[0], tmp_path_factory.mktemp("locked") / "shop.duckdb"))
    with opened(path) as warehouse:
        for campaign_id in files[1:]:
            lock_campaign(warehouse, campaign_id)
        warehouse.checkpoint()
    return path


@pytest.fixture
def locked_shop(locked_file: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(locked_file, tmp_path / "locked.duckdb"))


@pytest.fixture
def fixed(files: tuple[Path, str, str]) -> str:
    return files[1]


@pytest.fixture
def rolling(files: tuple[Path, str, str]) -> str:
    return files[2]


def assigned(warehouse: Warehouse, campaign_id: str) -> pd.DataFrame:
    return warehouse.frame("SELECT * FROM assignments WHERE campaign_id = $id ORDER BY row_no", {"id": campaign_id})


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder


@pytest.mark.parametrize("where", ["drawing the arms", "writing the arms", "commit"])
def test_a_draw_killed_before_its_end_leaves_the_draft(shop: Path, fixed: str, where: str) -> None:
    killed(shop, fixed, "lock", where)
    with opened(shop) as warehouse:
        left = campaign(warehouse, fixed)
        assert left.is_draft
        assert (left.plan_sha256, left.locked_at, left.counts) == ("", None, {})
        assert assigned(warehouse, fixed).empty
        lock_campaign(warehouse, fixed)
        frame = assigned(warehouse, fixed)
        ids, strata = frame["customer_id"].tolist(), frame["stratum"].tolist()
        assert sorted(ids) == IDS
        assert frame["arm"].tolist() == assign_arms(ids, PLAN.shares, salt=fixed, strata=strata)


def test_a_process_killed_after_the_draw_has_drawn_for_good(shop: Path, fixed: str, tmp_path: Path) -> None:
    killed(shop, fixed, "lock", "afterwards")
    with opened(shop) as warehouse:
        drawn, locked = assigned(warehouse, fixed), campaign(warehouse, fixed)
        assert (len(drawn), locked.status) == (300, "locked")
        score(warehouse, IDS, run_id=2)
        assert lock_campaign(warehouse, fixed) == locked
        pd.testing.assert_frame_equal(assigned(warehouse, fixed), drawn)
        exported = export_campaign(warehouse, fixed, tmp_path / "list.csv", with_control=True)
        assert exported.n_rows == 300
        assert exported.manifest["plan_sha256"] == locked.plan_sha256


@pytest.mark.parametrize(
    ("where", "stands"),
    [
        ("writing the list", ()),
        ("checking the file", ()),
        ("handing over list and manifest", ()),
        ("commit", ()),
        ("replace 1", ()),
        ("replace 2", ("list.csv",)),
        ("both replaced", ("list.csv", "list.csv.manifest.json")),
        ("afterwards", ("list.csv", "list.csv.manifest.json")),
    ],
)
def test_an_export_killed_anywhere_is_put_right_by_exporting_again(
    locked_shop: Path, fixed: str, tmp_path: Path, where: str, stands: tuple[str, ...]
) -> None:
    with opened(locked_shop) as warehouse:
        drawn = assigned(warehouse, fixed)
        whole = export_campaign(warehouse, fixed, made(tmp_path / "whole") / "list.csv")
    out = made(tmp_path / "out")
    killed(locked_shop, fixed, "export", where, out / "list.csv")
    assert tuple(sorted(file.name for file in out.iterdir() if not file.name.startswith("."))) == stands
    with opened(locked_shop) as warehouse:
        assert len(exports_of(warehouse, fixed)) == (2 if where == "afterwards" else 1)
        again = export_campaign(warehouse, fixed, out / "list.csv")
        assert again.path.read_bytes() == whole.path.read_bytes()
        assert again.manifest_path.read_bytes() == whole.manifest_path.read_bytes()
        assert sorted(file.name for file in out.iterdir()) == ["list.csv", "list.csv.manifest.json"]
        assert warehouse.folder is not None
        assert not list(warehouse.folder.iterdir())
        assert exports_of(warehouse, fixed)[0].sha256 == whole.sha256
        pd.testing.assert_frame_equal(assigned(warehouse, fixed), drawn)


def test_a_list_over_an_older_one_never_stands_beside_a_manifest_of_the_other(
    locked_shop: Path, fixed: str, tmp_path: Path
) -> None:
    path = tmp_path / "list.csv"
    with opened(locked_shop) as warehouse:
        export_campaign(warehouse, fixed, path, arms=("call",))
    killed(locked_shop, fixed, "export", "replace 2", path)
    assert path.exists()
    assert not manifest_beside(path).exists()
    with opened(locked_shop) as warehouse:
        again = export_campaign(warehouse, fixed, path)
    assert json.loads(manifest_beside(path).read_text(encoding="utf-8"))["file"]["sha256"] == again.sha256


@pytest.mark.parametrize("where", ["drawing the arms", "commit", "afterwards"])
def test_customers_join_once_whatever_happens_to_the_process(locked_shop: Path, rolling: str, where: str) -> None:
    with opened(locked_shop) as warehouse:
        first = assigned(warehouse, rolling)
        score(warehouse, IDS, run_id=2)
    killed(locked_shop, rolling, "join", where)
    with opened(locked_shop) as warehouse:
        assert (len(assigned(warehouse, rolling)) > len(first)) == (where == "afterwards")
        join_campaign(warehouse, rolling)
        frame = assigned(warehouse, rolling)
        assert frame["customer_id"].is_unique
        pd.testing.assert_frame_equal(frame.head(len(first)), first)
        new = frame.iloc[len(first) :]["customer_id"].tolist()
        assert frame.iloc[len(first) :]["arm"].tolist() == assign_arms(new, PLAN.shares, salt=rolling)
        assert len(campaign(warehouse, rolling).counts["joins"]) == 1
