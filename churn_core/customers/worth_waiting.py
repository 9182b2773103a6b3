"""Valuing that waits until the app is open, because it takes longer than building the shop it is about.

A workspace may carry a note that its customers are to be valued. Whoever opens it for the pages does so, once: values
that are there, or somebody who cancelled it, end the wait.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from churn_core.warehouse import Warehouse

JOB = "worth"
"""What a job is called that values customers."""
_NOTE = "value_when_opened"


def value_when_opened(warehouse: Warehouse) -> None:
    """Leave the note."""
    with warehouse.transaction() as tx:
        tx.save_setting(_NOTE, True)


def waits_to_be_valued(warehouse: Warehouse) -> bool:
    """Whether there is a note, and neither values nor an attempt that was cancelled or failed."""
    if not warehouse.setting(_NOTE, False) or warehouse.n_rows("worth_runs"):
        return False
    ended = "SELECT count(*) FROM jobs WHERE kind = $job AND status IN ('cancelled', 'failed')"
    return not warehouse.value(ended, {"job": JOB})
