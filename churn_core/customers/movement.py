"""Why did the risk of a customer move between two score runs: time, behaviour, model - adding up exactly.

The arithmetic is in :mod:`churn_core.models.movement`, the asking in :mod:`movement_split`; here the two runs are found
and the parts brought together. What a run stored and what its model answers today on the same day's past may differ
(rows that came late or were corrected): that difference is a part of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from churn_core.customers.movement_parts import Part, PartName, Scoring
from churn_core.customers.movement_split import SAMPLED, part_of, split_orders, split_table
from churn_core.errors import InputError, NotEnoughData, NotFound
from churn_core.models.movement import Share
from churn_core.stats.rounding import rounded_to_sum

if TYPE_CHECKING:
    from churn_core.warehouse import Warehouse

NEGLIGIBLE = 0.0005
"""Change of the risk, half a tenth of a point, below which a difference to what was stored is not told."""
_BECAUSE: dict[PartName, str] = {
    "time": "as time passed",
    "behaviour": "from the customer's behaviour",
    "model": "from another model",
    "data": "from corrected past data",
}
_SOURCES = {"orders": "an order history", "snapshots": "a labelled table"}


@dataclass(frozen=True, kw_only=True)
class Movement:
    """How a customer's risk came from one score run to another."""

    customer_id: str
    before: Scoring
    after: Scoring
    parts: tuple[Part, ...]
    """Time, behaviour, model and, where it is not negligible, corrected data; empty where it cannot be told."""
    notes: tuple[str, ...]
    """What should be known about the parts, in sentences."""

    @property
    def risk_change(self) -> float:
        """Difference of the stored risks."""
        return self.after.risk - self.before.risk

    @property
    def shown_points(self) -> float:
        """The change in percentage points as a reader of the two shown risks would calculate it."""
        return round(round(100 * self.after.risk, 1) - round(100 * self.before.risk, 1), 1)

    @property
    def sentence(self) -> str:
        """The movement in one sentence, with the parts that can be seen."""
        same_day = f"{self.before.moment:%Y%m%d}" == f"{self.after.moment:%Y%m%d}"
        points = self.shown_points
        if points:
            ends = f"from {_at(self.before, same_day)} to {_at(self.after, same_day)}"
            moved = f"The risk {'rose' if points > 0 else 'fell'} {ends}, by {abs(points):.1f} points"
        else:
            moved = f"The risk stayed at {100 * self.after.risk:.1f} %"
        told = [f"{part.shown_points:+.1f} {_BECAUSE[part.name]}" for part in self.parts if part.shown_points]
        return f"{moved}: {', '.join(told)}." if told else f"{moved}."

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values."""
        return {
            "customer_id": self.customer_id,
            "from": self.before.to_dict(),
            "to": self.after.to_dict(),
            "risk_change": self.risk_change,
            "sentence": self.sentence,
            "parts": [part.to_dict() for part in self.parts],
            "notes": list(self.notes),
        }


def scorings(warehouse: Warehouse, customer_id: str) -> tuple[Scoring, ...]:
    """The runs the customer was scored in, oldest first."""
    rows = warehouse.records(
        "SELECT run_id, scored_at, as_of, source, model_version, definition_version, risk, log_odds "
        "FROM scores JOIN score_runs USING (run_id) WHERE customer_id = $customer_id ORDER BY run_id",
        {"customer_id": customer_id},
    )
    return tuple(Scoring(**row) for row in rows)


def why_moved(
    warehouse: Warehouse, customer_id: str, *, from_run: int | None = None, to_run: int | None = None
) -> Movement:
    """Why the risk moved between two runs, by default the last two the customer is in, told in the order of time.

    NotFound when the customer is not in a run asked for; NotEnoughData when there is only one scoring; InputError
    when the same run is asked for twice.
    """
    before, after = _chosen(scorings(warehouse, customer_id), customer_id, from_run, to_run)
    currency = str(warehouse.setting("currency", "") or "")
    if before.source != after.source:
        note = (
            f"Run {before.run_id} scored {_SOURCES[before.source]} and run {after.run_id} {_SOURCES[after.source]}: "
            "they answer different questions, so the change is not split."
        )
        return Movement(customer_id=customer_id, before=before, after=after, parts=(), notes=(note,))
    split = split_orders if before.as_of and after.as_of else split_table
    found = split(warehouse, customer_id, before, after, currency)
    made = _rounded(_with_data(found.parts, before, after), before, after)
    has_estimates = any(part.causes for part in made if part.name in ("time", "behaviour"))
    notes = tuple(note for note in found.notes if note != SAMPLED or has_estimates)
    return Movement(customer_id=customer_id, before=before, after=after, parts=made, notes=notes)


def _chosen(
    found: Sequence[Scoring], customer_id: str, from_run: int | None, to_run: int | None
) -> tuple[Scoring, Scoring]:
    if not found:
        raise NotFound(f"customer {customer_id!r} is in no score run; search for part of the id, or score first.")
    by_run = {scoring.run_id: scoring for scoring in found}
    for run_id in (from_run, to_run):
        if run_id is not None and run_id not in by_run:
            known = ", ".join(str(number) for number in by_run)
            raise NotFound(
                f"customer {customer_id!r} has no score in run {run_id}, so there is nothing to compare; "
                f"there is one in: {known}."
            )
    if len(found) < 2:
        raise NotEnoughData(f"customer {customer_id!r} was scored once so far; a risk can move from the second on.")
    last = found[-1].run_id if to_run is None else to_run
    others = [scoring.run_id for scoring in found if scoring.run_id != last]
    earlier_ones = [run_id for run_id in others if run_id < last] or others
    first = earlier_ones[-1] if from_run is None else from_run
    if first == last:
        raise InputError(f"run {first} was asked for twice; choose two different runs.")
    pair = sorted((by_run[first], by_run[last]), key=lambda scoring: (scoring.moment, scoring.run_id))
    return pair[0], pair[1]


def _with_data(parts: tuple[Part, ...], before: Scoring, after: Scoring) -> tuple[Part, ...]:
    """The parts with what none of them explains: the ends as recomputed against the ends as stored."""
    if not parts:
        return ()
    change = after.risk - before.risk - sum(part.risk_change for part in parts)
    stretched = after.log_odds - before.log_odds - sum(part.log_odds_change for part in parts)
    share = Share(risk_change=change, log_odds_change=stretched, by_input={})
    words = (
        "Rows of the time before were added or corrected after the scoring, or a number is calculated differently now."
    )
    return (*parts, part_of("data", share, words, ()))


def _rounded(parts: tuple[Part, ...], before: Scoring, after: Scoring) -> tuple[Part, ...]:
    """The parts worth telling, with points that add up as shown; a negligible difference goes to the largest part."""
    if not parts:
        return ()
    data = parts[-1]
    if abs(data.risk_change) < NEGLIGIBLE:
        largest = max(range(len(parts) - 1), key=lambda i: abs(parts[i].risk_change))
        parts = (*parts[:largest], _merged(parts[largest], data), *parts[largest + 1 : -1])
    total = round(100 * after.risk, 1) - round(100 * before.risk, 1)
    points = rounded_to_sum([100 * part.risk_change for part in parts], total)
    return tuple(_shown(part, shown) for part, shown in zip(parts, points, strict=True))


def _merged(part: Part, more: Part) -> Part:
    """A part that takes over a negligible other one."""
    causes = part.causes
    if causes:
        last = replace(causes[-1], risk_change=causes[-1].risk_change + more.risk_change)
        causes = (*causes[:-1], last)
    return replace(
        part,
        risk_change=part.risk_change + more.risk_change,
        log_odds_change=part.log_odds_change + more.log_odds_change,
        causes=causes,
    )


def _shown(part: Part, points: float) -> Part:
    """A part with the points it is shown with, and its causes with theirs."""
    rounded = rounded_to_sum([100 * cause.risk_change for cause in part.causes], points)
    causes = tuple(replace(cause, shown_points=shown) for cause, shown in zip(part.causes, rounded, strict=True))
    return replace(part, shown_points=points, causes=causes)


def _at(scoring: Scoring, is_same_day: bool) -> str:
    where = f"in run {scoring.run_id}" if is_same_day else f"on {scoring.moment:%-d %b %Y}"
    return f"{100 * scoring.risk:.1f} % {where}"
