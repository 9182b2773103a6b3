"""The demo workspace: simulate, load, define, train, score, plan campaigns, fill the queue - whole or not at all.

It is trained and scored twice, as a shop would a month apart: first with what was known 30 days before the end, then
with everything. So there is something to say about what changed, and nothing of it was known too early. A part of the
customers is scored at past days too, so that there is proof on the first visit; and there is a campaign to read out,
one that runs and one to go on planning. The customers are divided into segments, and a rule segment is saved. Alerts
were raised at both scorings, and some of them are in somebody's hands.

It is built under another name and renamed when everything is done, so a build that was killed never
passes for a demo shop.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import asdict, dataclass
from dataclasses import replace as changed
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from churn_core import workspaces
from churn_core.campaigns.demo_alerts import fill_alerts
from churn_core.campaigns.demo_campaigns import begin_draft, keep_finished, lock_running, scores_then
from churn_core.campaigns.start import start_of
from churn_core.customers.group_refresh import refresh_groups
from churn_core.customers.proof import replay_workspace
from churn_core.customers.rule_segments import save_rule_segment
from churn_core.customers.rules import Line, Rule
from churn_core.customers.segmentation import Asked, fit_segmentation
from churn_core.customers.tiers import score_workspace
from churn_core.customers.worth_waiting import value_when_opened
from churn_core.errors import InputError, NotEnoughData
from churn_core.features.definition import known_until, propose_definition, readiness, save_definition
from churn_core.intake.simulate import ShopPlan, load_shop
from churn_core.jobs import Progress, no_progress, part
from churn_core.models.replay import too_short
from churn_core.models.training import train_model
from churn_core.warehouse import Warehouse

DAYS_BETWEEN_SCORINGS = 30
"""Days from the first scoring to the second, which is at the end of the data."""

REPLAYED_CUSTOMERS = 1_000
"""Customers of the replay; it is done again with everybody at the press of a button."""

TRUTH_FILE = "ground_truth.parquet"

SEGMENTATION = "Kinds of buyers"
RULE_SEGMENT = "Regulars at risk"
REGULARS_AT_RISK = Rule(
    join="all",
    parts=(
        Line(field="n_orders_365", operator="at_least", values=(4,)),
        Line(field="risk", operator="at_least", values=(0.5,)),
    ),
)


@dataclass(frozen=True, kw_only=True)
class DemoWorkspace:
    """What was built."""

    workspace: str
    """Name of the workspace."""
    n_customers: int
    n_orders: int
    n_events: int
    truth_path: Path
    """The file with the ground truth, which the workspace itself does not hold."""

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values."""
        return {**asdict(self), "truth_path": str(self.truth_path)}


def build_demo_workspace(
    name: str = workspaces.DEMO,
    *,
    n_customers: int = 20_000,
    n_years: int = 3,
    seed: int = 7,
    until: date | None = None,
    truth_path: Path | None = None,
    train: bool = True,
    value_later: bool = False,
    replace: bool = False,
    progress: Progress = no_progress,
) -> DemoWorkspace:
    """Simulate a shop of a given size and make it a workspace, trained and scored.

    Valuing its customers takes longer than all of that; ``value_later`` leaves a note to do so when the app opens it.
    Raises InputError when a workspace of that name exists and ``replace`` is not asked for.
    """
    target = workspaces.path_of(name)
    if target.exists() and not replace:
        raise InputError(f"a workspace named {name!r} exists already; choose another name, or replace it.")
    building = target.with_name(f".{target.stem}.building.duckdb")
    _remove(building)
    warehouse = Warehouse.open(building)
    truth = truth_path or warehouse.file(TRUTH_FILE)
    try:
        _fill(warehouse, _plan(n_customers, n_years, seed, until), truth, train, progress)
        if value_later:
            value_when_opened(warehouse)
        counts = {table: warehouse.n_rows(table) for table in ("customers", "orders", "events")}
        progress(0.99, "closing the file")
        warehouse.close()
        if target.exists():
            workspaces.delete_workspace(name, typed_name=name)
        building.rename(target)
        building.with_suffix(".files").rename(target.with_suffix(".files"))
    except BaseException:
        warehouse.close()
        _remove(building)
        raise
    progress(1.0, "the demo shop is ready")
    return DemoWorkspace(
        workspace=name,
        n_customers=counts["customers"],
        n_orders=counts["orders"],
        n_events=counts["events"],
        truth_path=truth_path or target.with_suffix(".files") / TRUTH_FILE,
    )


def _plan(n_customers: int, n_years: int, seed: int, until: date | None) -> ShopPlan:
    plan = ShopPlan(n_customers=n_customers, n_years=n_years, seed=seed)
    return changed(plan, until=until) if until else plan


def _fill(warehouse: Warehouse, plan: ShopPlan, truth: Path, train: bool, progress: Progress) -> None:
    load_shop(warehouse, plan, truth_path=truth, progress=part(progress, 0.0, 0.4))
    if not train:
        keep_finished(warehouse, plan)
        return
    progress(0.4, "proposing what churned means")
    definition = save_definition(warehouse, propose_definition(warehouse).definition)
    end = known_until(warehouse)
    earlier = end - timedelta(days=DAYS_BETWEEN_SCORINGS) if end else None
    is_scored_before = bool(earlier) and readiness(warehouse, definition, as_of=earlier).method == "full"
    if is_scored_before:
        train_model(warehouse, as_of=earlier, progress=part(progress, 0.42, 0.65))
        score_workspace(warehouse, part(progress, 0.65, 0.7), as_of=earlier)
    train_model(warehouse, progress=part(progress, 0.7, 0.87))
    score_workspace(warehouse, part(progress, 0.87, 0.91))
    if not too_short(warehouse, definition):
        replay_workspace(warehouse, part(progress, 0.91, 0.97), most_customers=REPLAYED_CUSTOMERS)
    _fill_campaigns(warehouse, plan, part(progress, 0.97, 0.98))
    _fill_groups(warehouse, part(progress, 0.98, 0.99))
    progress(0.99, "filling the alert queue")
    fill_alerts(warehouse, earlier if is_scored_before else None)


def _fill_campaigns(warehouse: Warehouse, plan: ShopPlan, progress: Progress) -> None:
    """A finished campaign, one that was just drawn, and a draft."""
    progress(0.0, "writing down the campaign that is over")
    keep_finished(warehouse, plan, scores_then(warehouse, start_of(plan.campaign_date)))
    progress(0.6, "drawing a campaign")
    lock_running(warehouse)
    progress(0.9, "beginning to plan another")
    begin_draft(warehouse)


def _fill_groups(warehouse: Warehouse, progress: Progress) -> None:
    """Tags, a rule segment, and the customers divided as proposed; a shop too small to be divided stays whole."""
    progress(0.0, "finding tags and segments")
    refresh_groups(warehouse)
    save_rule_segment(warehouse, RULE_SEGMENT, REGULARS_AT_RISK)
    with suppress(NotEnoughData):
        fit_segmentation(warehouse, Asked(name=SEGMENTATION), progress=progress)


def _remove(building: Path) -> None:
    building.unlink(missing_ok=True)
    building.with_name(building.name + ".wal").unlink(missing_ok=True)
    shutil.rmtree(building.with_suffix(".files"), ignore_errors=True)
