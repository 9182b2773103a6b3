"""The expected net value of contacting each customer of a score run, stored so that lists can sort and filter by it.

Net value = expected further margin within the window - contact - offer x chance to order. Everything is calculated in
parts of a hundred thousand customers; a million takes well under a minute once the features are there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from churn_core.campaigns.uplift_data import SILENT, CampaignMoney
from churn_core.campaigns.uplift_learners import UpliftModel
from churn_core.campaigns.uplift_store import StoredUplift, active_uplift, load_uplift
from churn_core.campaigns.uplift_study import response_groups
from churn_core.errors import ChurnError, InputError, NotEnoughData, NotFound
from churn_core.features.build import build_features
from churn_core.features.definition import active_definition
from churn_core.jobs import Progress, no_progress
from churn_core.models.runs import ScoreRun, latest_run

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

    from churn_core.warehouse import Transaction, Warehouse

CHUNK = 100_000
MOST_DAYS = 3_650
"""Activity window where the churn definition has none."""


@dataclass(frozen=True, kw_only=True)
class Scored:
    """What was stored."""

    run_id: int
    uplift_version: int
    n_customers: int
    n_positive: int
    """Customers whom contacting is expected to pay for."""
    total_positive: float
    """Sum of their net values, in the shop's currency."""


def net_values(
    money: CampaignMoney,
    uplift: NDArray[np.float64],
    without: NDArray[np.float64],
    expected_value: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Expected net value of contacting each customer; NaN where the expected value is needed and not known."""
    chance = np.full(len(uplift), money.share_ordering)
    if money.outcome == "retained":
        chance = np.clip(without + uplift, 0.0, 1.0)
    offer = money.offer_cost + money.discount_per_buyer
    if money.outcome == "margin":
        margin, offer = uplift, money.offer_cost
    elif money.outcome == "spend":
        margin, offer = (
            money.margin_rate * uplift,
            money.offer_cost + (1 - money.margin_rate) * money.discount_per_buyer,
        )
    elif money.outcome == "orders":
        margin = uplift * money.margin_per_order
    else:
        margin = uplift * money.value_scale * expected_value
    return np.asarray(margin - money.contact_cost - offer * chance)


def refresh_net_values(warehouse: Warehouse, progress: Progress = no_progress) -> Scored | None:
    """Calculate the net values of the latest score run with the active model; None when there is nothing to do.

    NotFound without a score run of orders. What was there of an earlier run is replaced at the end, at once.
    """
    active = active_uplift(warehouse)
    if active is None:
        return None
    run = latest_run(warehouse)
    if run is None or run.as_of is None:
        raise NotFound("no customers with orders were scored yet; train a model and score first.")
    scored = score_run(warehouse, active, run, progress)
    return scored


def refreshed_after_scoring(warehouse: Warehouse, progress: Progress = no_progress) -> str:
    """To be called after a scoring: the net values follow it. A sentence when they could not, which stops nothing."""
    if active_uplift(warehouse) is None:
        return ""
    try:
        refresh_net_values(warehouse, progress)
    except ChurnError as error:
        return f"The net value of contacting stays that of the scoring before: {error}"
    return ""


def score_run(warehouse: Warehouse, active: StoredUplift, run: ScoreRun, progress: Progress = no_progress) -> Scored:
    """Ask the model about the customers of a run, seen as of the run's cutoff, and store the answers.

    Only about customers who have been silent for as long as somebody of the campaign was: of others it learnt nothing,
    and they are left out rather than guessed.
    """
    import pyarrow as pa

    model = load_uplift(warehouse, active.uplift_version)
    progress(0.0, "features of all scored customers")
    low, high = active.silent_days
    frame = _features(warehouse, model, run, high)
    frame = frame[(frame[SILENT] >= low) & (frame[SILENT] <= high)]
    if not len(frame):
        raise NotEnoughData(
            f"nobody who was scored has been silent for {low:.0f} to {high:.0f} days as those of the campaign, so "
            "nothing is known of what contacting them would change."
        )
    values = warehouse.frame(
        "SELECT customer_id, expected_value FROM scores WHERE run_id = $run_id ORDER BY customer_id",
        {"run_id": run.run_id},
    ).set_index("customer_id")["expected_value"]
    moved_from = float(active.study["moved_from"])
    tables: list[pa.Table] = []
    for start in range(0, len(frame), CHUNK):
        progress(0.4 + 0.4 * start / len(frame), f"net value of contacting {len(frame):,} customers")
        chunk = frame.iloc[start : start + CHUNK]
        worth = values.reindex(chunk.index).to_numpy(dtype=float)
        tables.append(_answers(model, active.money, chunk, worth, moved_from))
    answers = pa.concat_tables(tables)
    for name, value in (("run_id", run.run_id), ("uplift_version", active.uplift_version)):
        answers = answers.append_column(name, pa.array(np.full(len(answers), value, dtype=np.int32)))
    progress(0.85, "writing the net values")
    net = answers["net_value"].to_numpy(zero_copy_only=False)
    positive = np.nan_to_num(net, nan=0.0) > 0
    with warehouse.transaction() as tx:
        tx.execute("DELETE FROM uplift_scores")
        tx.append("uplift_scores", answers)
        tx.audit(
            "campaign net values",
            {"run_id": run.run_id, "uplift_version": active.uplift_version, "n_customers": len(frame)},
        )
    progress(1.0, f"{len(frame):,} customers")
    return Scored(
        run_id=run.run_id,
        uplift_version=active.uplift_version,
        n_customers=len(frame),
        n_positive=int(positive.sum()),
        total_positive=float(net[positive].sum()),
    )


def forget_net_values(tx: Transaction) -> None:
    """Lists show none any more."""
    tx.execute("DELETE FROM uplift_scores")


def input_names(model: UpliftModel) -> list[str]:
    """The features that the parts of a model ask for."""
    names: dict[str, None] = {}
    for part in model.parts.values():
        stored: Any = part.to_json()
        preparation = stored.get("preparation") or stored.get("estimator", {}).get("preparation") or ()
        names |= dict.fromkeys(column["name"] for column in preparation)
    return [name for name in names if name != "treated"]


def _features(warehouse: Warehouse, model: UpliftModel, run: ScoreRun, most_silent_days: float) -> pd.DataFrame:
    """What was known at the run's cutoff of customers who ordered within so many days."""
    definition = active_definition(warehouse)
    if definition is None or run.as_of is None:
        raise InputError("the newest scores are not of an order history; choose the order history on Churn definition.")
    names = input_names(model)
    longest = min(definition.activity_days or MOST_DAYS, int(most_silent_days) + 1)
    recent = replace(definition, activity_days=longest)
    return build_features(warehouse, run.as_of, recent, features=list(dict.fromkeys((SILENT, *names))))


def _answers(
    model: UpliftModel,
    money: CampaignMoney,
    chunk: pd.DataFrame,
    worth: NDArray[np.float64],
    moved_from: float,
) -> pa.Table:
    import pyarrow as pa

    uplift = model.uplift(chunk)
    without = model.expected(chunk)[0]
    net = net_values(money, uplift, without, worth)
    is_rate = money.outcome in ("retained", "repurchase")
    groups = response_groups(without, uplift, moved_from=moved_from) if is_rate else np.full(len(chunk), None)
    return pa.table(
        {
            "customer_id": pa.array(np.asarray(chunk.index, dtype=object), pa.string()),
            "uplift": uplift,
            "net_value": pa.array(net, mask=np.isnan(net)),
            "response": pa.array(groups, pa.string()),
        }
    )
