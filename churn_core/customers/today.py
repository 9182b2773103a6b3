"""What a person opening the product in the morning needs to know: what changed, what is at stake, what first.

Everything is relative to the data and the runs in the workspace, so that the same state gives the same page.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from churn_core.customers.at_risk import Totals, count_and_totals
from churn_core.customers.selection import CustomerFilter
from churn_core.customers.still_there import still_there
from churn_core.customers.tiers import active_policy, tier_rule
from churn_core.models.meanings import improved_since
from churn_core.models.registry import champion
from churn_core.models.runs import ScoreRun, score_runs
from churn_core.state import WorkspaceState, workspace_state
from churn_core.warehouse import Warehouse


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What happened between the previous and the latest score run of the same source, by today's tier policy.

    Of both runs those are counted whom no label says by now to have left.
    """

    previous: ScoreRun
    n_high_before: int
    n_high_now: int
    n_entered: int
    """Customers in the high tier now who were not in it before."""
    n_left: int
    """Customers in the high tier before who are not in it now."""
    value_entered: float | None
    """Value at risk of those who entered, now; None when no value is known."""
    value_left: float | None
    """Value at risk of those who left, in the previous run; None when no value is known."""
    value_at_risk_before: float | None
    value_at_risk_now: float | None
    why_not_alike: str
    """What else than customers differs between the two runs, as a sentence; empty when nothing does."""

    @property
    def n_high_change(self) -> int:
        """Customers more in the high tier than before."""
        return self.n_high_now - self.n_high_before

    @property
    def value_change(self) -> float | None:
        """Value at risk more than before, in the shop's currency; None when one of them is not known."""
        if self.value_at_risk_before is None or self.value_at_risk_now is None:
            return None
        return self.value_at_risk_now - self.value_at_risk_before


@dataclass(frozen=True, kw_only=True)
class Step:
    """Something worth doing, the most urgent first."""

    target: str
    """Where: import, quality, definition, train, score, alerts, at_risk, new_high, model_quality or settings."""
    what: str
    """What to do, as a sentence."""
    why: str
    """Why, with numbers, as a sentence."""


@dataclass(frozen=True, kw_only=True)
class Today:
    """The state of a workspace, in the order in which a person asks for it."""

    state: WorkspaceState
    run: ScoreRun | None
    """The latest score run; None before the first."""
    totals: Totals | None
    """Customers and value at risk; None before the first scoring."""
    changes: Changes | None
    """None without an earlier run of the same source."""
    trained_at: datetime | None
    """When the champion was trained (UTC)."""
    n_rejected: int
    """Rows that the last import kept aside."""
    steps: tuple[Step, ...]

    @property
    def is_behind(self) -> bool:
        """Whether scoring again would change the list: newer data, another model or another definition."""
        if self.run is None:
            return False
        made_with = (self.run.data_version, self.run.model_version)
        return made_with != (self.state.data_version, self.state.model_version)


def today(warehouse: Warehouse) -> Today:
    """What changed, what is at stake, how fresh it is and what to do first."""
    state = workspace_state(warehouse)
    runs = score_runs(warehouse)
    run = runs[0] if runs else None
    previous = next((old for old in runs[1:] if run and old.source == run.source), None)
    totals = count_and_totals(warehouse, CustomerFilter()) if run else None
    changes = _changes(warehouse, run, previous) if run and previous else None
    has_currency = bool(warehouse.setting("currency", ""))
    n_alerts = int(warehouse.value("SELECT count(*) FROM alerts WHERE status IN ('open', 'taken')"))
    model = champion(warehouse)
    improved = improved_since(model) if model else ""
    n_rejected = warehouse.value("SELECT coalesce(arg_max(n_rejected, import_id), 0) FROM imports")
    return Today(
        state=state,
        run=run,
        totals=totals,
        changes=changes,
        trained_at=warehouse.value("SELECT max(trained_at) FROM model_versions WHERE status = 'champion'"),
        n_rejected=int(n_rejected),
        steps=tuple(_steps(state, run, totals, changes, int(n_rejected), has_currency, improved, n_alerts)),
    )


def _changes(warehouse: Warehouse, run: ScoreRun, previous: ScoreRun) -> Changes:
    policy = active_policy(warehouse)
    now = tier_rule(warehouse, policy, run.run_id, suffix="_now")
    before = tier_rule(warehouse, policy, previous.run_id, suffix="_before")
    found = warehouse.records(
        f"""
        SELECT count(*) FILTER (b.tier = 'high') AS n_high_before, count(*) FILTER (n.tier = 'high') AS n_high_now,
            count(*) FILTER (n.tier = 'high' AND b.tier IS DISTINCT FROM 'high') AS n_entered,
            count(*) FILTER (b.tier = 'high' AND n.tier IS DISTINCT FROM 'high') AS n_left,
            sum(n.value_at_risk) FILTER (n.tier = 'high' AND b.tier IS DISTINCT FROM 'high') AS value_entered,
            sum(b.value_at_risk) FILTER (b.tier = 'high' AND n.tier IS DISTINCT FROM 'high') AS value_left,
            sum(b.value_at_risk) AS value_at_risk_before, sum(n.value_at_risk) AS value_at_risk_now
        FROM (SELECT customer_id, value_at_risk, {now.sql} AS tier FROM scores
            WHERE run_id = $now AND {still_there(run="$now")}) n
        FULL JOIN (SELECT customer_id, value_at_risk, {before.sql} AS tier FROM scores
            WHERE run_id = $before AND {still_there(run="$before")}) b
            ON b.customer_id = n.customer_id
        """,
        now.parameters | before.parameters | {"now": run.run_id, "before": previous.run_id},
    )[0]
    return Changes(previous=previous, why_not_alike=_why_not_alike(run, previous), **found)


def _why_not_alike(run: ScoreRun, previous: ScoreRun) -> str:
    different = [
        word
        for word, now, before in (
            ("model", run.model_version, previous.model_version),
            ("churn definition", run.definition_version, previous.definition_version),
        )
        if now != before
    ]
    if not different:
        return ""
    verb = "differs from that" if len(different) == 1 else "differ from those"
    return f"The {' and the '.join(different)} {verb} of the run before, which moves risks as well."


def _steps(
    state: WorkspaceState,
    run: ScoreRun | None,
    totals: Totals | None,
    changes: Changes | None,
    n_rejected: int,
    has_currency: bool,
    improved: str,
    n_alerts: int = 0,
) -> list[Step]:
    if state.is_empty:
        return [Step(target="import", what="Import your orders.", why="There is no data yet.")]
    steps = _steps_to_fresh_scores(state, run)
    if improved and not any(step.target in ("definition", "train") for step in steps):
        steps.insert(0, Step(target="train", what="Train again.", why=improved))
    if n_alerts:
        why = f"{n_alerts:,} alert{' waits' if n_alerts == 1 else 's wait'}: who needs somebody today, and what to do."
        steps.append(Step(target="alerts", what="Work through the alert queue.", why=why))
    if changes and changes.n_entered:
        steps.append(
            Step(
                target="new_high",
                what="Look at who is new in the high tier.",
                why=f"{_customers(changes.n_entered)} entered it since the run before.",
            )
        )
    if totals and totals.tier("high").n_customers:
        steps.append(
            Step(
                target="at_risk",
                what="Contact the high tier, most value at risk first.",
                why=f"{_customers(totals.tier('high').n_customers)} in it; export the list or open one customer.",
            )
        )
    if n_rejected:
        steps.append(
            Step(
                target="import",
                what="Correct the rows that were kept aside.",
                why=f"The last import could not read {n_rejected:,} rows; they can be downloaded and imported again.",
            )
        )
    if totals and totals.n_value_known and not has_currency:
        why = "Money is shown without a currency, and value is counted as revenue until a margin is set."
        steps.append(Step(target="settings", what="Set currency and margin.", why=why))
    return steps


def _steps_to_fresh_scores(state: WorkspaceState, run: ScoreRun | None) -> list[Step]:
    """What stands between the data and a list that one can act on."""
    if state.last_order_at is not None and state.definition_version == 0:
        return [
            Step(target="definition", what="Say what churned means for your shop.", why="Everything follows from it.")
        ]
    if state.model_version == 0:
        return [Step(target="train", what="Train a model.", why="The data is in; nothing has learned from it yet.")]
    if run is None:
        return [Step(target="score", what="Score your customers.", why="There is a model and no list yet.")]
    if run.definition_version < state.definition_version and run.source == "orders":
        return [
            Step(
                target="train",
                what="Train again.",
                why="The churn definition was changed; model and scores still follow the one before.",
            )
        ]
    if run.data_version < state.data_version:
        return [Step(target="score", what="Score again.", why="Data was imported after the customers were scored.")]
    if run.model_version != state.model_version:
        why = f"Model {state.model_version} is in use by now; the scores are from model {run.model_version}."
        return [Step(target="score", what="Score again.", why=why)]
    return []


def _customers(number: int) -> str:
    return f"{number:,} customer{'' if number == 1 else 's'}"
