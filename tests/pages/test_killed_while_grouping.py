"""A process killed while customers are grouped or valued leaves every table as it was, and pages that work."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from churn_core.jobs import JobRunner
from churn_core.schema import TABLES, quote
from churn_core.warehouse import Warehouse
from churn_core.workspaces import DEMO, open_workspace

pytestmark = pytest.mark.slow

App = Callable[..., AppTest]
ROOT = Path(__file__).resolve().parents[2]

PROGRAM = """
import os, signal, sys, time
from churn_core.customers.group_refresh import refresh_groups
from churn_core.customers.rfm_members import RfmChoice, save_choice
from churn_core.customers.rfm_rule import RfmRule
from churn_core.customers.rfm_rules import save_rule
from churn_core.customers.segmentation import Asked, fit_segmentation
from churn_core.customers.worth import WorthPlan, value_customers
from churn_core.jobs import JobRunner
from churn_core.warehouse import Transaction
from churn_core.workspaces import DEMO, open_workspace

what, where = sys.argv[1:]
warehouse = open_workspace(DEMO)
runner = JobRunner(warehouse)
own = []

def kill():
    os.kill(os.getpid(), signal.SIGKILL)

def count(name):
    whole = getattr(Transaction, name)
    def counted(self, *given, **named):
        if own:
            own.append(name)
            if where == name or where == f"write {len(own) - 1}":
                kill()
        return whole(self, *given, **named)
    setattr(Transaction, name, counted)

for name in ("execute", "append", "append_arrow", "audit"):
    count(name)

def work(progress):
    def told(share, message):
        if message.startswith(where):
            kill()
        progress(share, message)
    own.append(what)
    return {
        "groups": lambda: refresh_groups(warehouse, told),
        "fit": lambda: fit_segmentation(warehouse, Asked(name="Killed", k=4), progress=told),
        "value": lambda: value_customers(warehouse, WorthPlan(horizon_days=60), progress=told),
        "rfm rule": lambda: save_rule(warehouse, RfmRule(window_days=200)),
        "rfm members": lambda: save_choice(warehouse, RfmChoice(recency=5), "Killed"),
    }[what]() and {}

runner.start("groups", f"Killed: {what}", work)
while runner.unfinished():
    time.sleep(0.05)
print([(job.status, job.message) for job in runner.recent(1)], file=sys.stderr)
"""

KILLED = [
    ("groups", "write 1", "pages/segments/rules.py"),
    ("groups", "write 12", "pages/segments/rules.py"),
    ("groups", "audit", "pages/segments/rules.py"),
    ("fit", "features of all", "pages/segments/segments.py"),
    ("fit", "dividing", "pages/segments/segments.py"),
    ("fit", "write 2", "pages/segments/segments.py"),
    ("fit", "audit", "pages/segments/segments.py"),
    ("value", "features of everybody", "pages/segments/value.py"),
    ("value", "valuing", "pages/segments/value.py"),
    ("value", "writing values", "pages/segments/value.py"),
    ("value", "audit", "pages/segments/value.py"),
    ("rfm rule", "write 1", "pages/segments/rfm.py"),
    ("rfm rule", "audit", "pages/segments/rfm.py"),
    ("rfm members", "write 2", "pages/segments/rfm.py"),
    ("rfm members", "audit", "pages/segments/rfm.py"),
]


def contents(warehouse: Warehouse) -> dict[str, tuple[int, int]]:
    """Rows of every table and a number that any change of a value changes; the table of jobs is left out."""
    found = {}
    for table in TABLES:
        if table != "jobs":
            sql = f"SELECT count(*), coalesce(sum(hash(whole)::HUGEINT), 0) FROM {quote(table)} AS whole"
            [found[table]] = warehouse.rows(sql)
    return found


@pytest.mark.parametrize(("what", "where", "page"), KILLED, ids=[f"{what}: {where}" for what, where, _ in KILLED])
def test_killed_at_any_point_everything_is_as_before(
    demo_home: Path, app: App, what: str, where: str, page: str
) -> None:
    warehouse = open_workspace(DEMO)
    before = contents(warehouse)
    n_jobs = warehouse.n_rows("jobs")
    warehouse.close()
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, what, where],
        cwd=ROOT,
        env={**os.environ, "CHURN_HOME": str(demo_home), "OMP_WAIT_POLICY": "passive", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == -signal.SIGKILL, run.stderr

    visit = app(page)
    assert not visit.exception
    assert not visit.error
    warehouse = open_workspace(DEMO)
    assert contents(warehouse) == before
    assert warehouse.n_rows("jobs") == n_jobs + 1
    runner = JobRunner(warehouse)
    [killed] = runner.recent(1)
    assert (killed.status, killed.label) == ("interrupted", f"Killed: {what}")
    assert "start it again" in killed.message
    runner.close()
    warehouse.close()
