"""Which version scores: promote, roll back, archive - each in one transaction, logged with who did it.

There is one champion (it scores), at most one challenger (the champion before it, or the one that was rolled back),
and all others are archived: kept whole, and back in service by promoting them. Who was champion when is read from
the audit log, so there is no second record of it that could disagree.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from churn_core.errors import InputError
from churn_core.models.present import obstacle
from churn_core.models.registry import ModelVersion, champion, model_version
from churn_core.models.runs import latest_run

if TYPE_CHECKING:
    from churn_core.warehouse import Transaction, Warehouse

TRAIN, PROMOTE, ROLL_BACK = "train", "promote", "roll back"
"""Actions of the audit log that make a version champion."""


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """A version that became champion."""

    model_version: int
    before: int | None
    """The champion until then; None when there was none."""
    scored_by: int | None
    """The version that made the latest scores; None when nothing was scored."""

    @property
    def is_scored(self) -> bool:
        """Whether the latest scores are already those of the new champion."""
        return self.scored_by == self.model_version

    @property
    def message(self) -> str:
        """What happened and what is left to do, in words."""
        took = f"Model {self.model_version} is champion now"
        took += f", model {self.before} is its challenger." if self.before else "."
        if self.is_scored:
            return took
        if self.scored_by is None:
            return f"{took} Nothing is scored yet: score now."
        return f"{took} The latest scores are still those of model {self.scored_by}: score now to replace them."


def promote(warehouse: Warehouse, number: int) -> Promotion:
    """Make a version the champion; the champion so far becomes challenger, the challenger so far is archived.

    The version is tried on some customers first: InputError in one sentence when it could not score them, when it was
    changed after training, when its churn definition is not in force, or when it is champion already. NotFound when
    there is no such version.
    """
    version, before = model_version(warehouse, number), champion(warehouse)
    if version.status == "champion":
        raise InputError(f"model {number} is the champion already; choose another version.")
    return _crown(warehouse, version, before, PROMOTE)


def roll_back(warehouse: Warehouse) -> Promotion:
    """Make the champion before this one champion again; rolling back again goes one further.

    InputError when there was none before, or when it could not score the customers as they are now.
    """
    before, number = champion(warehouse), champion_before(warehouse)
    if number is None:
        raise InputError("there is no champion before this one to go back to; promote another version instead.")
    return _crown(warehouse, model_version(warehouse, number), before, ROLL_BACK)


def archive(warehouse: Warehouse, number: int) -> ModelVersion:
    """Put a challenger aside; it is kept whole and comes back by promoting it. InputError for the champion."""
    version = model_version(warehouse, number)
    if version.status == "champion":
        raise InputError(f"model {number} is the champion and scores; promote another version before archiving it.")
    if version.status == "archived":
        raise InputError(f"model {number} is archived already.")
    with warehouse.transaction() as tx:
        tx.execute("UPDATE model_versions SET status = 'archived' WHERE model_version = $number", {"number": number})
        tx.audit("archive", {"model_version": number})
    return model_version(warehouse, number)


def champion_before(warehouse: Warehouse) -> int | None:
    """The version that :func:`roll_back` would bring back; None when there is none."""
    past = championships(warehouse)
    return past[-2] if len(past) > 1 else None


def championships(warehouse: Warehouse | Transaction) -> list[int]:
    """The line of champions up to the present one, oldest first; what was rolled back is not in it any more."""
    rows = warehouse.rows(
        "SELECT action, CAST(detail AS VARCHAR) FROM audit_log WHERE action IN ($train, $promote, $back) "
        "ORDER BY entry",
        {"train": TRAIN, "promote": PROMOTE, "back": ROLL_BACK},
    )
    line: list[int] = []
    for action, detail in rows:
        number = int(json.loads(detail)["model_version"])
        if action != ROLL_BACK:
            line.append(number)
        elif len(line) > 1:
            line.pop()
    return line


def older_scores(warehouse: Warehouse) -> str:
    """That the latest scores are not those of the champion, in one sentence; empty when they are."""
    run, best = latest_run(warehouse), champion(warehouse)
    if run is None or best is None or run.model_version == best.model_version:
        return ""
    return (
        f"The latest scores are those of model {run.model_version}, and model {best.model_version} is champion: "
        "score again to replace them."
    )


def _crown(warehouse: Warehouse, version: ModelVersion, before: ModelVersion | None, action: str) -> Promotion:
    why_not = obstacle(warehouse, version)
    if why_not:
        raise InputError(why_not)
    number, run = version.model_version, latest_run(warehouse)
    with warehouse.transaction() as tx:
        now = champion(tx)
        if (now.model_version if now else None) != (before.model_version if before else None):
            raise InputError("another version became champion meanwhile; look at the versions again.")
        tx.execute("UPDATE model_versions SET status = 'archived' WHERE status = 'challenger'")
        tx.execute("UPDATE model_versions SET status = 'challenger' WHERE status = 'champion'")
        tx.execute("UPDATE model_versions SET status = 'champion' WHERE model_version = $number", {"number": number})
        tx.audit(action, {"model_version": number, "before": before.model_version if before else None})
    return Promotion(
        model_version=number,
        before=before.model_version if before else None,
        scored_by=run.model_version if run else None,
    )
