"""Which outcomes are asked for: from orders, another table or a file, with the plan's cap, or why they cannot be told.

What :mod:`churn_core.campaigns.measure` and its looks over time share.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from churn_core.campaigns.cells import Cells, Wanted, nobody, together
from churn_core.campaigns.comparison import Outcomes
from churn_core.campaigns.counted import FLAGS, Counted, Span, from_file, from_flag, from_orders
from churn_core.campaigns.goals import OUTCOMES
from churn_core.campaigns.small_strata import put_together
from churn_core.campaigns.store import Campaign
from churn_core.campaigns.windows import is_complete, since_start
from churn_core.errors import InputError, unknown_name
from churn_core.schema import TABLES
from churn_core.stats.moments import JointMoments
from churn_core.warehouse import Warehouse

UNCAPPED = "_uncapped"
"""Ending of the name under which amounts come back as they are, where the plan sets a cap."""

UNEVEN_BELOW = 0.001
"""P-value below which the shares of the arms differ between strata by more than chance."""

NEEDS: dict[str, str] = {
    "spend": "amount",
    "margin": "amount",
    "order_value": "amount",
    "discount_share": "discount_amount",
}
"""Column of orders without which an outcome cannot be told."""


def file_kinds(warehouse: Warehouse, campaign: Campaign) -> dict[str, str]:
    """Outcomes of this campaign that came in files, with their kind (rate or mean), by name."""
    return {name: kind for names in files_of(warehouse, campaign).values() for name, kind in names.items()}


def files_of(warehouse: Warehouse, campaign: Campaign) -> dict[int, dict[str, str]]:
    """The same by file, the number of the file first: all outcomes of one file tell of the same customers."""
    rows = warehouse.records(
        "SELECT found.metric, outcome_id, CAST(metrics AS VARCHAR) AS kinds FROM "
        "(SELECT DISTINCT metric, outcome_id FROM outcomes WHERE campaign_id = $id) AS found "
        "JOIN outcome_files USING (outcome_id) ORDER BY outcome_id, metric",
        {"id": campaign.campaign_id},
    )
    found: dict[int, dict[str, str]] = {}
    for row in rows:
        found.setdefault(int(row["outcome_id"]), {})[str(row["metric"])] = str(json.loads(row["kinds"])[row["metric"]])
    return found


def counted_for(campaign: Campaign, name: str, filed: Mapping[str, str], *, days: int | None = None) -> list[Counted]:
    """The metric, and beside it the same without the plan's cap where it has one.

    ``days`` are the first ones of the window that count, by default all of it; they play no part for a file.
    """
    goal = campaign.plan.goal
    window = goal.window_days
    days = window if days is None else days

    def made(key: str, cap: float | None) -> Counted:
        if name in filed:
            return from_file(name, filed[name], list(filed).index(name), key=key, cap=cap, past_days=window)
        if name in FLAGS:
            return from_flag(name, days, key=key)
        return from_orders(name, Span(days=days), key=key, cap=cap, past_days=window)

    kind = filed.get(name) or OUTCOMES[name].kind
    if name != goal.outcome or goal.cap is None or kind != "mean":
        return [made(name, None)]
    return [made(name, goal.cap), made(f"{name}{UNCAPPED}", None)]


def one_metric(warehouse: Warehouse, campaign: Campaign, name: str) -> tuple[Counted, dict[int, str]]:
    """The metric of that name, and its place among those of files when it is one; InputError when it is not known."""
    filed = file_kinds(warehouse, campaign)
    bare = name.removesuffix(UNCAPPED)
    if bare not in OUTCOMES and bare not in filed:
        raise unknown_name("outcome", name, {*OUTCOMES, *filed})
    why = None if bare in filed else unknowable(warehouse, campaign, bare)
    if why:
        raise InputError(why)
    by_key = {entry.key: entry for entry in counted_for(campaign, bare, filed)}
    return by_key.get(name, by_key[bare]), {list(filed).index(bare): bare} if bare in filed else {}


def whole_windows(
    campaign: Campaign,
    counted: Sequence[Counted],
    until: datetime | None,
    filed: Mapping[int, str],
    part: str = "''",
) -> Wanted:
    """Customers with a whole window; of a file those in it, because it holds whole windows only."""
    who = "true" if filed else is_complete(campaign.plan.goal.window_days)
    return Wanted(counted=counted, who=who, part=part, filed=filed, data_until=until)


def outcomes_of(campaign: Campaign, entry: Counted, found: Cells, is_within_strata: bool) -> Outcomes:
    """The sums with every arm of the plan in them, by stratum or all strata together."""
    arms = {arm: found.get(arm, {}) for arm in [*campaign.plan.shares, *sorted(found.keys() - campaign.plan.shares)]}
    if is_within_strata and entry.metric.kind != "ratio":
        cells = {arm: dict(strata) or {"": nobody(entry)} for arm, strata in arms.items()}
    else:
        cells = {arm: {"": together([nobody(entry), *strata.values()])} for arm, strata in arms.items()}
    made = Outcomes(metric=entry.metric, cells=cells, n_covariates=entry.n_covariates)
    return put_together(made)


def unknowable(warehouse: Warehouse, campaign: Campaign, name: str) -> str | None:
    """Why an outcome cannot be told from the tables, in one sentence; None when it can.

    Tables that hold nothing since the campaign began, while orders go on, were not brought up to date: nobody knows,
    which is not 0.
    """
    label = OUTCOMES[name].label
    if name in FLAGS:
        table = FLAGS[name][0]
        asked = {"campaign_start": campaign.starts_at}
        if not _has_since(warehouse, table, FLAGS[name][1], asked) and _has_since(
            warehouse, "orders", "order_time", asked
        ):
            return f"{label} cannot be told: no {table} since the campaign's start are in the workspace; import them."
        return None
    column = NEEDS.get(name)
    if column and not warehouse.value(f"SELECT count({column}) FROM orders"):
        words = TABLES["orders"].column(column).meaning[0].lower() + TABLES["orders"].column(column).meaning[1:]
        return f"{label} cannot be told: the orders do not say {words}; import them with that column."
    return None


def _has_since(warehouse: Warehouse, table: str, time: str, asked: Mapping[str, object]) -> bool:
    sql = f"SELECT 1 FROM {table} WHERE {since_start(f'{table}.{time}')} LIMIT 1"
    return warehouse.value(sql, asked) is not None


def without_denominator(outcomes: Outcomes) -> str | None:
    """Why a ratio cannot be told: an arm in which the denominator is 0 for everybody; None otherwise."""
    if outcomes.metric.kind != "ratio":
        return None
    for arm, cells in outcomes.cells.items():
        for cell in cells.values():
            if isinstance(cell, JointMoments) and not cell.means[1]:
                label = OUTCOMES[outcomes.metric.column].label
                return f"{label} cannot be told: nobody in arm {arm!r} with a whole window has ordered in it."
    return None


def is_uneven(cells: Cells) -> bool:
    """Whether the shares of the arms differ between the strata of the draw by more than chance (chi-square)."""
    strata = sorted({name for arm in cells.values() for name in arm})
    rows = [[arm[name].n if name in arm else 0 for name in strata] for arm in cells.values()]
    rows = [row for row in rows if sum(row)]
    columns = [column for column in zip(*rows, strict=True) if sum(column)]
    if len(rows) < 2 or len(columns) < 2:
        return False
    from scipy.stats import chi2_contingency

    return bool(chi2_contingency(columns, correction=False).pvalue < UNEVEN_BELOW)
