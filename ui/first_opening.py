"""What begins by itself when a workspace is opened: valuing the customers of a shop that carries a note to do so.

Separate from the session, which opens workspaces, and from the Value page, where the same is started by a button.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from churn_core.customers.worth_waiting import JOB, waits_to_be_valued
from churn_core.jobs import Progress

if TYPE_CHECKING:
    from churn_core.customers.worth import WorthPlan
    from churn_core.jobs import JobRunner
    from churn_core.warehouse import Warehouse

LABEL = "Value customers"
PAUSE_SECONDS = 8.0
"""Before valuing begins by itself, so that the first page is drawn without it."""

Work = Callable[[Progress], dict[str, object]]


def begin_what_waits(warehouse: Warehouse, runner: JobRunner) -> None:
    """Start what the workspace waits for; it gives way to everything that somebody asks for."""
    if not waits_to_be_valued(warehouse):
        return
    value = valuing(warehouse)

    def work(progress: Progress) -> dict[str, object]:
        until = time.monotonic() + PAUSE_SECONDS
        while time.monotonic() < until:
            progress(0.0, "begins in some seconds")
            time.sleep(0.2)
        return value(progress)

    runner.start(JOB, LABEL, work, gives_way=True)


def valuing(warehouse: Warehouse, plan: WorthPlan | None = None) -> Work:
    """The work of a job that values all past buyers."""

    def work(progress: Progress) -> dict[str, object]:
        from churn_core.customers.worth import value_customers
        from churn_core.customers.worth_view import required_worth

        worth_id = value_customers(warehouse, plan, progress=progress)
        run = required_worth(warehouse)
        return {"worth_id": worth_id, "message": f"{run.n_customers:,} customers were valued."}

    return work
