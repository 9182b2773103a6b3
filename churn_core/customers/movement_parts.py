"""What a movement of a risk is made of: the two scorings and the parts between them, as plain results."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from churn_core.customers.movement_words import Cause

PartName = Literal["time", "behaviour", "model", "data"]
LABELS: dict[PartName, str] = {
    "time": "Time passed",
    "behaviour": "Behaviour changed",
    "model": "Model changed",
    "data": "Past data corrected",
}
"""Every part by name, with its heading."""


@dataclass(frozen=True, kw_only=True)
class Scoring:
    """A customer's score in one run, as it was stored."""

    run_id: int
    scored_at: datetime
    as_of: datetime | None
    """Cutoff; None for a table without time."""
    source: str
    """orders or snapshots."""
    model_version: int
    definition_version: int
    risk: float
    log_odds: float

    @property
    def moment(self) -> datetime:
        """The day it speaks of: the cutoff, or when it was scored."""
        return self.as_of or self.scored_at

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values."""
        return {
            "run_id": self.run_id,
            "as_of": self.as_of.isoformat() if self.as_of else None,
            "scored_at": self.scored_at.isoformat(),
            "model_version": self.model_version,
            "risk": self.risk,
            "log_odds": self.log_odds,
        }


@dataclass(frozen=True, kw_only=True)
class Part:
    """What one of time, behaviour, model and corrected data did to the risk."""

    name: PartName
    label: str
    risk_change: float
    """In risk: 0.05 are five points. The parts of a movement sum to the difference of the stored risks exactly."""
    log_odds_change: float
    shown_points: float
    """The change in percentage points with one decimal, rounded so that the parts add up as they are shown."""
    words: str
    """What the part is about, as a sentence."""
    causes: tuple[Cause, ...] = ()
    """The strongest reasons inside it; they sum to its change. Empty where there is nothing to tell apart."""

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values."""
        return {
            "name": self.name,
            "risk_change": self.risk_change,
            "log_odds_change": self.log_odds_change,
            "points": self.shown_points,
            "words": self.words,
            "causes": [
                {
                    "label": cause.label,
                    "words": cause.words,
                    "risk_change": cause.risk_change,
                    "points": cause.shown_points,
                }
                for cause in self.causes
            ],
        }
