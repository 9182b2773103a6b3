"""What contacting customers costs and brings, as somebody plans it; two of them are remembered per workspace.

Separate from the cut-offs that it is applied to, because the same scenario also decides tiers by expected profit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from churn_core.errors import InputError
from churn_core.warehouse import Transaction, Warehouse

CHANCE_UNKNOWN = (
    "the chance that an offer saves a churner is unknown; run a campaign with a control group to measure it, "
    "or assume one."
)
VALUE_UNKNOWN = "no customer's expected value is known; give a margin per customer."

NAMES = ("A", "B")
"""The two scenarios that stand side by side."""

SETTING = "cutoff_scenarios"
"""Name of the workspace setting that holds them."""

MOST_AMOUNT = 1e9
"""Costs and margins above it are taken for a slip of the keyboard."""


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """Costs, margin, chance and capacity of contacting customers."""

    contact_cost: float = 0.0
    """What one contact costs, for every customer contacted, in the shop's currency."""
    offer_cost: float = 0.0
    """What the offer costs per customer who takes it: churners it saves, and everybody who would have stayed anyway."""
    chance: float | None = None
    """Chance that the offer saves a customer who would have left; None when nobody has measured it."""
    margin: float | None = None
    """Margin per saved customer within the horizon, instead of the expected value of the run; None to take that."""
    per_day: int | None = None
    """Customers who can be contacted on a day; None when there is no limit."""
    n_days: int = 5
    """Days on which customers are contacted before they are scored again."""

    def __post_init__(self) -> None:
        for words, amount in (
            ("a contact costs", self.contact_cost),
            ("an offer costs", self.offer_cost),
            ("the margin per customer is", self.margin),
        ):
            if amount is not None and not (math.isfinite(amount) and 0 <= amount <= MOST_AMOUNT):
                raise InputError(f"{words} {amount:g}; choose an amount from 0 to {MOST_AMOUNT:,.0f}.")
        if self.chance is not None and not 0 <= self.chance <= 1:
            raise InputError(
                f"the chance that an offer saves a churner is {self.chance:g}; choose 0 to 1, or leave it unknown."
            )
        if self.per_day is not None and self.per_day < 1:
            raise InputError(f"{self.per_day:,} customers can be contacted a day; choose at least 1, or leave it open.")
        if self.n_days < 1:
            raise InputError(f"contacts go on for {self.n_days} days; choose at least 1.")

    @property
    def is_free(self) -> bool:
        """Whether contacting costs nothing, as long as nobody entered a cost."""
        return self.contact_cost == 0 and self.offer_cost == 0

    @property
    def capacity(self) -> int | None:
        """Customers who can be contacted before the next scoring; None when there is no limit."""
        return None if self.per_day is None else self.per_day * self.n_days

    def profit_sql(self, *, times: float = 1.0) -> str:
        """Expected profit of contacting one customer, as SQL over ``scores`` that takes :meth:`parameters`.

        risk x chance x value - contact cost - offer cost x (1 - risk + risk x chance); NULL where the value is
        unknown. With ``times`` the offer works so many times as well, at most always.
        """
        value = "expected_value" if self.margin is None else "$margin"
        chance = "$chance" if times == 1 else f"least(1.0, {times:g} * $chance)"
        return f"(risk * {chance} * {value} - $contact_cost - $offer_cost * (1 - risk + risk * {chance}))"

    def parameters(self) -> dict[str, object]:
        """Parameters of :meth:`profit_sql`; InputError when the chance is unknown."""
        if self.chance is None:
            raise InputError(CHANCE_UNKNOWN)
        return {
            "chance": self.chance,
            "margin": self.margin,
            "contact_cost": self.contact_cost,
            "offer_cost": self.offer_cost,
        }


def saved_scenarios(warehouse: Warehouse) -> dict[str, Scenario]:
    """The two remembered scenarios by name; plain ones until something was saved."""
    stored = warehouse.setting(SETTING, {})
    return {name: scenario_of(stored.get(name, {})) for name in NAMES}


def scenario_of(stored: Mapping[str, Any]) -> Scenario:
    """The scenario that was kept as JSON, which knows no difference between 4 and 4.0."""
    amounts = ("contact_cost", "offer_cost", "chance", "margin")
    values: dict[str, Any] = {name: float(value) if name in amounts else value for name, value in stored.items()}
    return Scenario(**values)


def save_scenario(warehouse: Warehouse, name: str, scenario: Scenario) -> bool:
    """Remember a scenario under its name (A or B); whether anything changed."""
    if name not in NAMES:
        raise InputError(f"the scenario is called {name!r}; choose {' or '.join(NAMES)}.")
    before = saved_scenarios(warehouse)
    if before[name] == scenario:
        return False
    with warehouse.transaction() as tx:
        _write(tx, before | {name: scenario})
        tx.audit("scenario saved", {"name": name, **_plain(scenario)})
    return True


def _write(tx: Transaction, scenarios: Mapping[str, Scenario]) -> None:
    tx.save_setting(SETTING, {name: _plain(scenario) for name, scenario in scenarios.items()})


def _plain(scenario: Scenario) -> dict[str, Any]:
    """What is set, as JSON; what is not stays out, so that a later default can apply."""
    return {name: value for name, value in asdict(scenario).items() if value is not None}
