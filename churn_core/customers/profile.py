"""One customer: who they are, how likely they are to leave and why, and how that moved over the scorings.

Reads single customers only, so every query is bounded; what happened when is in :mod:`history`.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from churn_core.customers.history import Purchases, TimelineEntry, purchases, timeline
from churn_core.customers.still_there import left_words, still_there
from churn_core.customers.tiers import active_policy, tier_rule
from churn_core.errors import NotFound
from churn_core.features.attributes import PREFIX
from churn_core.models.families import CONSTANTS, SAME_FOR_ALL, feature_entry, group_of
from churn_core.models.runs import ScoreRun, latest_run
from churn_core.warehouse import Warehouse


@dataclass(frozen=True, kw_only=True)
class FeatureContribution:
    """What one feature did to a customer's risk."""

    name: str
    label: str
    """Its name in words."""
    group: str
    """Group of the registry; that of a column of the user's file starts with attribute."""
    unit: str
    """Unit of the value, a key of the registry's UNITS; empty when it has none."""
    meaning: str
    """What it is, as a sentence."""
    value: float | None
    """The customer's number; None when unknown or no number."""
    text: str | None
    """The customer's value when it is text."""
    contribution: float
    """Change of the calibrated log-odds: positive raises the risk."""
    usual_low: float | None
    """25th percentile over the customers of the run."""
    usual_high: float | None
    """75th percentile over the customers of the run."""


@dataclass(frozen=True, kw_only=True)
class PastScore:
    """A customer's score in one run."""

    run_id: int
    scored_at: datetime
    as_of: datetime | None
    """Cutoff; None for a table without time."""
    model_version: int
    risk: float
    tier: str
    """By the active tier policy, so that runs compare."""
    value_at_risk: float | None


@dataclass(frozen=True, kw_only=True)
class CustomerScore:
    """A customer's score in the latest run, with everything that explains it."""

    run: ScoreRun
    risk: float
    log_odds: float
    tier: str
    expected_value: float | None
    value_at_risk: float | None
    rank: int
    """Place by value at risk among those of the run who are still there, 1 being the most money."""
    n_ranked: int
    """Customers of the run who are still there."""
    contributions: tuple[FeatureContribution, ...]
    """The strongest first; with the run's base they sum to the log-odds."""
    main_reason: str | None
    """Feature that speaks for what raises the risk most; None when nothing does."""
    reasons_up: tuple[str, ...]
    """What raises the risk, in words, the strongest first."""
    reasons_down: tuple[str, ...]
    """What lowers the risk, in words, the strongest first."""

    @property
    def usual_risk(self) -> float:
        """The risk before anything is known about a customer: where the contributions start."""
        return 1 / (1 + math.exp(-self.run.base_log_odds))

    @property
    def mean_risk(self) -> float | None:
        """Mean risk of the customers of the run; None when it was not kept."""
        return self.run.summary.get("mean_risk")


@dataclass(frozen=True, kw_only=True)
class CustomerProfile:
    """Everything known about one customer."""

    customer_id: str
    name: str | None
    email: str | None
    phone: str | None
    country: str | None
    city: str | None
    language: str | None
    signup_time: datetime | None
    email_consent: bool | None
    attributes: tuple[tuple[str, str], ...]
    """Further columns of the user's files, as known today."""
    score: CustomerScore | None
    """None when the customer was not in the latest run."""
    left: str
    """That the label says the customer has left, as a sentence; empty when it does not, or when orders were scored."""
    not_scored: str
    """Why there is no score, as a sentence; empty when there is one."""
    history: tuple[PastScore, ...]
    """All scorings of the customer, oldest first."""
    purchases: Purchases | None
    """None when there are no orders."""
    timeline: tuple[TimelineEntry, ...]
    """What happened, newest first; empty when it was not asked for."""
    n_left_off: int
    """Older entries that the timeline leaves off."""


def customer_profile(warehouse: Warehouse, customer_id: str, *, has_timeline: bool = True) -> CustomerProfile:
    """Everything known about a customer; NotFound when the id is in no table.

    ``has_timeline`` says whether to read what happened, which takes a search through every click of the shop.
    """
    own = {"customer_id": customer_id}
    person = _one(warehouse, "SELECT * FROM customers WHERE customer_id = $customer_id", own)
    snapshot = _one(warehouse, "SELECT * FROM snapshots WHERE customer_id = $customer_id", own)
    run = latest_run(warehouse)
    history = _history(warehouse, customer_id)
    bought = purchases(warehouse, customer_id)
    if not (person or snapshot or history or bought):
        raise NotFound(f"there is no customer {customer_id!r} in this workspace; search for part of the id or name.")
    attributes = _attributes(person) | _attributes(snapshot)
    score = _score(warehouse, run, customer_id, attributes) if run else None
    entries, n_left_off = timeline(warehouse, customer_id) if has_timeline else ((), 0)
    return CustomerProfile(
        customer_id=customer_id,
        **{name: person.get(name) for name in _PERSON},
        attributes=tuple(attributes.items()),
        score=score,
        left=left_words(warehouse, snapshot) if run is None or run.source == "snapshots" else "",
        not_scored="" if score else _why_not_scored(run),
        history=history,
        purchases=bought,
        timeline=entries,
        n_left_off=n_left_off,
    )


def _meaning(name: str) -> str:
    if name in CONSTANTS:
        return "Part of the model that is the same for many customers and no reason for anybody."
    feature = feature_entry(name)
    return feature.meaning if feature else "A column of the uploaded file, as known when it was imported."


def feature_label(name: str) -> str:
    """A feature in words: its label in the registry, or the name of the user's column.

    >>> feature_label("days_since_last_order"), feature_label("attribute:loyalty_card")
    ('Days since last order', 'loyalty card')
    """
    feature = feature_entry(name)
    if name in CONSTANTS:
        return name[:1].upper() + name[1:]
    return feature.label if feature else name.removeprefix(PREFIX).replace("_", " ")


_SCORE = ("risk", "log_odds", "tier", "expected_value", "value_at_risk", "main_reason")
_PERSON = ("name", "email", "phone", "country", "city", "language", "signup_time", "email_consent")


def _score(warehouse: Warehouse, run: ScoreRun, customer_id: str, attributes: dict[str, str]) -> CustomerScore | None:
    own = {"customer_id": customer_id, "run_id": run.run_id}
    score = _one(warehouse, "SELECT * FROM scores WHERE run_id = $run_id AND customer_id = $customer_id", own)
    if not score:
        return None
    words = _one(warehouse, "SELECT * FROM reasons WHERE run_id = $run_id AND customer_id = $customer_id", own)
    parts = _one(warehouse, "SELECT * FROM contributions WHERE run_id = $run_id AND customer_id = $customer_id", own)
    ahead, n_ranked = warehouse.rows(
        "SELECT count(*) FILTER (value_at_risk > $value OR (value_at_risk IS NOT DISTINCT FROM $value "
        f"AND customer_id < $customer_id)), count(*) FROM scores WHERE run_id = $run_id AND {still_there()}",
        own | {"value": score["value_at_risk"]},
    )[0]
    return CustomerScore(
        run=run,
        **{name: score[name] for name in _SCORE},
        rank=int(ahead) + 1,
        n_ranked=int(n_ranked),
        contributions=_contributions(run, parts, attributes),
        reasons_up=_words(words, "up_1", "up_2", "up_3"),
        reasons_down=_words(words, "down_1", "down_2"),
    )


def _contributions(run: ScoreRun, parts: dict[str, Any], attributes: dict[str, str]) -> tuple[FeatureContribution, ...]:
    usual = run.summary.get("usual") or {}
    values = parts.get("feature_values") or []
    found = [
        _contribution(name, value, contribution, usual.get(name), attributes)
        for name, value, contribution in zip(run.feature_names, values, parts.get("contributions") or [], strict=False)
    ]
    return tuple(sorted(found, key=lambda part: (-abs(part.contribution), part.name)))


def _contribution(
    name: str, value: float | None, contribution: float, usual: list[float] | None, attributes: dict[str, str]
) -> FeatureContribution:
    feature = feature_entry(name)
    column = name.removeprefix(PREFIX)
    number = None if value is None or not math.isfinite(value) else float(value)
    low, high = usual if usual else (None, None)
    return FeatureContribution(
        name=name,
        label=feature_label(name),
        group=SAME_FOR_ALL if name in CONSTANTS else group_of(name),
        unit=feature.unit if feature else "",
        meaning=_meaning(name),
        value=number,
        text=attributes.get(column) if number is None and not feature else None,
        contribution=float(contribution),
        usual_low=low,
        usual_high=high,
    )


def _history(warehouse: Warehouse, customer_id: str) -> tuple[PastScore, ...]:
    policy = active_policy(warehouse)
    runs = warehouse.rows("SELECT run_id FROM scores WHERE customer_id = $customer_id", {"customer_id": customer_id})
    rows = []
    for (run_id,) in sorted(runs):
        rule = tier_rule(warehouse, policy, run_id)
        rows += warehouse.records(
            f"SELECT run_id, scored_at, as_of, model_version, risk, {rule.sql} AS tier, value_at_risk "
            "FROM scores JOIN score_runs USING (run_id) WHERE customer_id = $customer_id AND run_id = $run_id",
            rule.parameters | {"customer_id": customer_id, "run_id": run_id},
        )
    return tuple(PastScore(**row) for row in rows)


def _attributes(row: dict[str, Any]) -> dict[str, str]:
    """The JSON attributes of a row as text, without empty ones."""
    found = json.loads(row.get("attributes") or "{}")
    return {
        str(name): value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for name, value in found.items()
        if value is not None and value != ""
    }


def _why_not_scored(run: ScoreRun | None) -> str:
    if run is None:
        return "No customers were scored yet; train a model and score first."
    return (
        f"Not in score run {run.run_id}: the customer was not eligible, that is, had no order within the activity "
        "window of the churn definition before the cutoff."
    )


def _words(row: dict[str, Any], *columns: str) -> tuple[str, ...]:
    return tuple(row[column] for column in columns if row.get(column))


def _one(warehouse: Warehouse, sql: str, parameters: dict[str, Any]) -> dict[str, Any]:
    rows = warehouse.records(sql, parameters)
    return rows[0] if rows else {}
