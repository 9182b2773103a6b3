"""The settings of a workspace: currency, margin, and which attributes may be learned from.

Separate from the areas that read them, so that they are checked, saved and logged in one place.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass

from churn_core.errors import InputError
from churn_core.warehouse import Warehouse

_CURRENCY = re.compile(r"[A-Z]{3}|")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a shop can set for its workspace."""

    currency: str = ""
    """ISO 4217 code of the shop's currency; empty when it was not set."""
    margin_rate: float = 1.0
    """Share of revenue that is margin, in (0, 1]; with 1 value is counted as revenue."""
    stable_attributes: tuple[str, ...] = ()
    """Customer attributes that do not change after a customer leaves, so that a model may learn from them."""

    def __post_init__(self) -> None:
        if not _CURRENCY.fullmatch(self.currency):
            raise InputError(
                f"{self.currency!r} is not a currency code; use three letters such as GBP or EUR, or leave it empty."
            )
        if not 0 < self.margin_rate <= 1:
            raise InputError(
                f"the margin is {100 * self.margin_rate:g} % of revenue; choose more than 0 % and at most 100 %."
            )


def settings(warehouse: Warehouse) -> Settings:
    """The settings as they are; a stored currency that is no code counts as not set, so that it can be corrected."""
    currency = str(warehouse.setting("currency", "") or "")
    return Settings(
        currency=currency if _CURRENCY.fullmatch(currency) else "",
        margin_rate=float(warehouse.setting("margin_rate", 1.0)),
        stable_attributes=tuple(warehouse.setting("stable_attributes", [])),
    )


def save_settings(warehouse: Warehouse, chosen: Settings) -> list[str]:
    """Save what differs from the settings as they are; the names of what changed."""
    before = asdict(settings(warehouse))
    changed = {name: value for name, value in asdict(chosen).items() if value != before[name]}
    if changed:
        with warehouse.transaction() as tx:
            for name, value in changed.items():
                tx.save_setting(name, list(value) if isinstance(value, tuple) else value)
            tx.audit("settings changed", {name: [before[name], value] for name, value in changed.items()})
    return list(changed)


def choose_source(warehouse: Warehouse, source: str) -> None:
    """Say which question is asked from now on: of the order history (orders) or of the labelled table (snapshots)."""
    if source not in ("orders", "snapshots"):
        raise InputError(f"the source is {source!r}; choose 'orders' or 'snapshots'.")
    if warehouse.setting("source") != source:
        with warehouse.transaction() as tx:
            tx.save_setting("source", source)
            tx.audit("source chosen", {"source": source})
