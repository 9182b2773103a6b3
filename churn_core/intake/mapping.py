"""Mappings as other parts of the product use them: the mapping itself, proposing one, remembering the last one."""

from __future__ import annotations

import json

from churn_core.errors import ChurnError
from churn_core.intake.kinds import KINDS, Field, Kind, kind_of
from churn_core.intake.mapping_model import ROW_NUMBER, Mapping
from churn_core.intake.proposal import ColumnProposal, Proposal, propose_mapping
from churn_core.intake.source import Source
from churn_core.warehouse import Warehouse

__all__ = [
    "KINDS",
    "ROW_NUMBER",
    "ColumnProposal",
    "Field",
    "Kind",
    "Mapping",
    "Proposal",
    "kind_of",
    "propose_mapping",
    "remembered_mapping",
]


def remembered_mapping(warehouse: Warehouse, source: Source) -> Mapping | None:
    """The mapping with which a file of the same columns was last loaded; None when there was none."""
    text = warehouse.value(
        "SELECT mapping FROM imports WHERE shape_key = $shape_key ORDER BY import_id DESC LIMIT 1",
        {"shape_key": source.shape_key},
    )
    if text is None:
        return None
    try:
        mapping = Mapping.from_dict(json.loads(text))
        mapping.check(source)
    except ChurnError:
        return None
    return mapping
