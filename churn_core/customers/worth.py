"""What customers are worth: a run that values every past buyer, with its check, stored whole or not at all.

The models say spend and order days within a horizon (``models/worth``); here they become margin, a discounted value
over years and the date of the next order, and are kept so that pages, exports and the command line say the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from churn_core.errors import InputError, NotEnoughData
from churn_core.features.clock import require_steady_clock
from churn_core.features.definition import active_definition, known_until
from churn_core.features.net_spend import has_returns
from churn_core.jobs import Progress, no_progress, part
from churn_core.models.gamma_gamma import LEAST_CUSTOMERS
from churn_core.models.worth_level import total_interval
from churn_core.models.worth_lifetime import level_of_window
from churn_core.models.worth_period import frame_at, has_before
from churn_core.models.worth_rhythm import HIGH, LOW, MIDDLE, ORDERS, SPEND
from churn_core.settings import settings
from churn_core.warehouse import utc_now

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

    from churn_core.models.worth import History, WorthModel
    from churn_core.models.worth_check import HoldOut
    from churn_core.warehouse import Warehouse

CHUNK = 100_000
"""Customers valued at a time, which bounds the memory."""
LATEST_DAYS = 3650.0
"""A next order later than this is as good as none."""
YEAR = 365.0
NO_LIFETIME = (
    "No lifetime value is given yet: before every season was seen once it can be several times too high or too low."
)


@dataclass(frozen=True, kw_only=True)
class WorthPlan:
    """What is asked: how far ahead, and how later money is counted."""

    horizon_days: int = 90
    """Days looked ahead for orders, spend and margin."""
    lifetime_years: float = 2.0
    """Years that the lifetime value looks ahead."""
    discount_rate: float = 0.1
    """What money a year later is worth less, as a share per year."""

    def __post_init__(self) -> None:
        if not 7 <= self.horizon_days <= 365:
            raise InputError(f"the horizon is {self.horizon_days} days; choose between 7 and 365 days.")
        if not 1.0 <= self.lifetime_years <= 5.0:
            raise InputError(f"the lifetime is {self.lifetime_years:g} years; choose between 1 and 5 years.")
        if not 0.0 <= self.discount_rate <= 1.0:
            raise InputError(
                f"the discount is {100 * self.discount_rate:g} % a year; choose between 0 and 100 % a year."
            )


def proposed_plan(warehouse: Warehouse) -> WorthPlan:
    """What was asked last; before the first time the horizon of the churn definition."""
    kept = warehouse.value("SELECT summary FROM worth_runs ORDER BY worth_id DESC LIMIT 1")
    if kept is not None:
        return WorthPlan(**json.loads(kept)["plan"])
    definition = active_definition(warehouse)
    days = definition.horizon_days if definition else WorthPlan().horizon_days
    return WorthPlan(horizon_days=min(max(days, 7), 365))


def value_customers(
    warehouse: Warehouse,
    plan: WorthPlan | None = None,
    *,
    as_of: datetime | None = None,
    progress: Progress = no_progress,
) -> int:
    """Value everybody who bought before ``as_of`` (default: the end of the data); the number of the run.

    NotEnoughData without orders, or where nobody ordered on a second day: there is no rhythm to carry forward then.
    """
    from churn_core.models.worth import History, fit_worth, judge_worth
    from churn_core.models.worth_lifetime import levels_for, lifetime_checks, low_and_high

    asked = plan or proposed_plan(warehouse)
    cutoff = _cutoff(warehouse, as_of)
    data_version = warehouse.data_version
    progress(0.02, "features of everybody who bought")
    frame = frame_at(warehouse, cutoff, asked.horizon_days)
    history = History(warehouse, asked.horizon_days, cutoff, progress=_learning(part(progress, 0.05, 0.75)))
    model = fit_worth(history, cutoff, frame, with_typical=True)
    checked = None
    if history.grid:
        target = history.period(history.grid[-1])
        try:
            checked = judge_worth(fit_worth(history, target.cutoff, target.frame, with_typical=True), target)
        except NotEnoughData:
            checked = None
    later = levels_for(history, model)
    no_lifetime = _why_no_lifetime(history, model, later)
    long = lifetime_checks(history, asked.lifetime_years) if model.what == SPEND and not no_lifetime else ()
    progress(0.8, f"valuing {len(frame):,} customers")
    margin = settings(warehouse).margin_rate
    orders, amounts = model.orders(frame), model.amounts(frame)
    tables: list[pa.Table] = []
    lifetime, n_lifetime = 0.0, 0
    for start, chunk in _chunks(frame):
        of_chunk = amounts[start : start + CHUNK]
        worth = (
            np.full(len(chunk), np.nan)
            if no_lifetime
            else lifetime_values(model, chunk, of_chunk, asked, margin, later)
        )
        lifetime += float(np.nansum(worth))
        n_lifetime += int(np.isfinite(worth).sum())
        tables.append(_rows(model, chunk, orders[start : start + CHUNK], of_chunk, worth, margin))
        progress(0.8 + 0.1 * start / len(frame), f"valuing {len(frame):,} customers")
    totals = {
        "orders": float(orders.sum()),
        "spend": float(amounts.sum()) if model.what == SPEND else None,
        "margin": float(amounts.sum()) * margin if model.what == SPEND else None,
        "lifetime": lifetime if n_lifetime else None,
    }
    summary = _summary(model, checked, asked, totals, margin)
    bounds = low_and_high(lifetime, long) if n_lifetime else None
    summary["lifetime"] = {
        "levels": list(later),
        "checks": [check.to_json() for check in long],
        "bounds": list(bounds) if bounds else None,
    }
    if no_lifetime:
        summary["notes"].append(no_lifetime)
    summary["is_net"] = model.what == SPEND and has_returns(warehouse)
    del frame
    return _store(warehouse, model, data_version, len(orders), summary, tables, part(progress, 0.9, 1.0))


def _learning(progress: Progress) -> Progress:
    """Progress that says what the past dates are looked at for."""

    def report(share: float, message: str) -> None:
        progress(share, f"learning from what customers did after past dates ({message})")

    return report


def lifetime_values(
    model: WorthModel,
    frame: pd.DataFrame,
    amounts: NDArray[np.float64],
    plan: WorthPlan,
    margin: float,
    later: Sequence[float] = (),
) -> NDArray[np.float64]:
    """Discounted margin over the lifetime horizon; NaN where no amounts are known.

    The first window brings what was predicted for it. Each later window brings the same at the level of its season
    (``later``, the windows of a year, which repeats; an average season where they are not known), times how far the
    expected order days of BG/NBD have faded by then. Money is discounted from the middle of its window:
    ``margin / (1 + rate) ** (t / 365)``.
    """
    if model.what != SPEND:
        return np.full(len(frame), np.nan)
    days, end = float(model.horizon_days), plan.lifetime_years * YEAR
    n_windows = int(np.ceil(end / days))
    fading = model.rhythm.fading(frame, days, n_windows)
    usual = model.level.ratio if model.year_level is None else model.year_level
    made = np.zeros(len(frame))
    for number in range(n_windows):
        part_inside = min(1.0, (end - number * days) / days)
        middle = number * days + part_inside * days / 2.0
        level = 1.0 if number == 0 else level_of_window(later, number, usual) / model.level.ratio
        made += fading[number] * level * part_inside / (1.0 + plan.discount_rate) ** (middle / YEAR)
    return np.asarray(made * amounts * margin)


def _why_no_lifetime(history: History, model: WorthModel, later: Sequence[float]) -> str:
    """Why nothing is said about the years to come, where amounts are known; empty where it is said."""
    from churn_core.models.worth_lifetime import knows_seasons, year_known_from

    if model.what != SPEND or knows_seasons(history, model.cutoff, later):
        return ""
    needed = year_known_from(history)
    if model.cutoff < needed:
        return f"{NO_LIFETIME} It needs orders until {needed:%-d %b %Y}."
    return "" if not model.is_learned else NO_LIFETIME


def _cutoff(warehouse: Warehouse, as_of: datetime | None) -> datetime:
    end = known_until(warehouse)
    if end is None:
        if warehouse.n_rows("snapshots"):
            raise NotEnoughData(
                "a table with a churn label has no orders to foresee; its own value column is what customers are "
                "counted at. Import an order history to foresee spend."
            )
        raise NotEnoughData("there are no orders yet; import an order history first.")
    if as_of is None:
        require_steady_clock(warehouse)
        return end
    if not has_before(warehouse, as_of):
        raise NotEnoughData(f"nobody had bought before {as_of:%-d %b %Y}; choose a later date.")
    return min(as_of, end)


def _chunks(frame: pd.DataFrame) -> Iterator[tuple[int, pd.DataFrame]]:
    for start in range(0, len(frame), CHUNK):
        yield start, frame.iloc[start : start + CHUNK]


def _rows(
    model: WorthModel,
    chunk: pd.DataFrame,
    orders: NDArray[np.float64],
    amounts: NDArray[np.float64],
    lifetime: NDArray[np.float64],
    margin: float,
) -> pa.Table:
    """A chunk's rows, column by column, as they will be stored; what is not known stays empty."""
    import pyarrow as pa

    def known(values: NDArray[np.float64]) -> pa.Array:
        return pa.array(values, mask=~np.isfinite(values))

    unknown = np.full(len(chunk), np.nan)
    spend = amounts if model.what == SPEND else unknown
    typical = model.typical.amounts(chunk, model.level.ratio) if model.typical is not None else unknown
    dates = {"next_order_at": MIDDLE, "next_order_low": LOW, "next_order_high": HIGH}
    return pa.table(
        {
            "customer_id": pa.array(np.asarray(chunk.index, dtype=object), pa.string()),
            "expected_orders": known(orders),
            "expected_spend": known(spend),
            "expected_margin": known(spend * margin),
            "lifetime_value": known(lifetime),
            **{name: _dates(model, chunk, probability) for name, probability in dates.items()},
            "typical_spend": known(typical),
        }
    )


def _dates(model: WorthModel, chunk: pd.DataFrame, probability: float) -> pa.Array:
    """The day by which the next order comes with this probability; empty when that never happens."""
    import pyarrow as pa

    days = model.rhythm.next_order_days(chunk, probability)
    never = ~(np.isfinite(days) & (days <= LATEST_DAYS))
    whole = np.where(never, 0.0, np.floor(np.where(never, 0.0, days))).astype("timedelta64[D]")
    return pa.array((np.datetime64(model.cutoff, "us") + whole).astype("datetime64[us]"), mask=never)


def _summary(
    model: WorthModel, checked: HoldOut | None, plan: WorthPlan, totals: dict[str, float | None], margin: float
) -> dict[str, Any]:
    """What is kept beside the customers: how it was done and how good that was."""
    said = totals[SPEND] if model.what == SPEND else totals["orders"]
    ratios = model.past_ratios()
    interval = total_interval(said, ratios) if said else None
    return {
        "plan": asdict(plan),
        "what": model.what,
        "is_learned": model.is_learned,
        "level": asdict(model.level),
        "year_level": model.year_level,
        "totals": totals,
        "interval": list(interval) if interval else None,
        "n_checked": len(ratios),
        "rounds": [
            {"cutoff": past.cutoff.isoformat(), "errors": past.errors, "said": asdict(past.said), "actual": past.actual}
            for past in model.rounds
        ],
        "hold_out": checked.to_json() if checked else None,
        "margin_rate": margin,
        "notes": _notes(model, checked),
    }


def _notes(model: WorthModel, checked: HoldOut | None) -> list[str]:
    """What should be known before these numbers are used, in sentences."""
    made = []
    if model.what == ORDERS:
        made.append(
            f"Fewer than {LEAST_CUSTOMERS} customers have orders with an amount above zero, so order days are foreseen "
            "and no money; import amounts with the orders to see it."
        )
    if not model.is_learned:
        made.append(
            "The history is too short to learn from what customers did after past dates, so order dates and amounts "
            "alone speak (BG/NBD with Gamma-Gamma), without the season."
        )
    elif model.level.rule == "shop_season":
        made.append(
            "What customers did in this season a year ago cannot be compared yet, so the season is taken from what the "
            "whole shop sold then."
        )
    elif model.level.rule != "last_year":
        made.append("What this season does is not known yet, so the average level of the past is used.")
    if checked is None:
        made.append("No past date has its whole horizon behind it with enough customers, so this could not be checked.")
    return made


def _store(
    warehouse: Warehouse,
    model: WorthModel,
    data_version: int,
    n_customers: int,
    summary: dict[str, Any],
    tables: list[pa.Table],
    progress: Progress,
) -> int:
    """Keep the run; of earlier ones the summary stays and the customers go."""
    import pyarrow as pa

    with warehouse.transaction() as tx:
        worth_id = tx.next_number("worth_runs", "worth_id")
        tx.execute("DELETE FROM worth")
        for number, table in enumerate(tables):
            progress(number / len(tables), "writing values")
            numbered = table.append_column("worth_id", pa.array(np.full(len(table), worth_id, dtype=np.int32)))
            tx.append_arrow("worth", numbered)
        tables.clear()
        tx.execute(
            "INSERT INTO worth_runs (worth_id, made_at, as_of, horizon_days, method, data_version, n_customers, "
            "summary) VALUES ($worth_id, $now, $as_of, $horizon_days, $method, $data_version, $n_customers, $summary)",
            {
                "worth_id": worth_id,
                "now": utc_now(),
                "as_of": model.cutoff,
                "horizon_days": model.horizon_days,
                "method": model.method,
                "data_version": data_version,
                "n_customers": n_customers,
                "summary": json.dumps(summary, ensure_ascii=False, allow_nan=False),
            },
        )
        tx.audit("worth", {"worth_id": worth_id, "n_customers": n_customers, "method": model.method})
    progress(1.0, f"{n_customers:,} customers valued")
    return worth_id
