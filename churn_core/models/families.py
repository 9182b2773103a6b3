"""Which inputs of a model say the same thing: families, the unit in which reasons are weighed.

Features of one family overlap, so a model may give one of them too much and take it back with another; only their
sum says something about a customer. Recency and rhythm are one family, because silence means nothing without the
rhythm it is measured by, and the lifetime count of orders belongs to it: it is how well that rhythm is known.
"""

from __future__ import annotations

from churn_core.features.attributes import PREFIX
from churn_core.features.feature import GROUPS, Feature
from churn_core.features.registry import FEATURES
from churn_core.models.blend import EXPECTED, SEASON
from churn_core.models.preparation_unusual import UNUSUAL
from churn_core.models.snapshot_model import FOLD

ATTRIBUTE_GROUP = "attribute"
CONSTANTS = frozenset({SEASON, FOLD})
"""Contributions that are the same for everybody and therefore no reason for anybody."""
SAME_FOR_ALL = "model"
"""Family of the constants."""

FAMILY_OF_GROUP: dict[str, str] = {"recency": "silence", "rhythm": "silence", "trends": "frequency"}
"""Groups of the registry that share a family; every other group is a family of its own."""
FAMILY_OF_FEATURE: dict[str, str] = {"n_orders": "silence", "n_order_days": "silence"}
"""Features that belong to another family than the rest of their group."""

FAMILY_LABELS: dict[str, str] = {
    "silence": "Own rhythm of orders",
    **{name: label for name, label in GROUPS.items() if name not in FAMILY_OF_GROUP},
    "unusual": "Unlike other customers",
    "frequency": "Orders lately and their trend",
    ATTRIBUTE_GROUP: "Customer attributes",
    SAME_FOR_ALL: "Model and season",
}
"""Every family by name, with its heading."""

EXPECTED_ORDERS = Feature(
    name=EXPECTED,
    group="rhythm",
    table="orders",
    sql="",
    unit="ratio",
    label="Orders expected",
    meaning="Orders that the purchase model expects within the horizon from the customer's own rhythm and age.",
    words_high="{value} orders expected from the own rhythm",
    words_low="only {value} orders expected from the own rhythm",
)

UNUSUAL_CUSTOMER = Feature(
    name=UNUSUAL,
    group="unusual",
    table="orders",
    sql="",
    unit="flag",
    label="Unusual customer",
    meaning="Whether few customers have such numbers together, by an isolation forest of the model's preparation.",
    words_high="unlike most customers in several numbers",
    words_low="much like other customers",
)
MADE = {EXPECTED: EXPECTED_ORDERS, UNUSUAL: UNUSUAL_CUSTOMER}
"""Inputs that a model makes itself, from other inputs."""


def feature_entry(name: str) -> Feature | None:
    """The registry's entry of an input, those a model makes included; None for a column of an uploaded table."""
    return MADE.get(name) or FEATURES.get(name)


def group_of(name: str) -> str:
    """The group of an input; columns of an uploaded table are groups of their own."""
    entry = feature_entry(name)
    return entry.group if entry else f"{ATTRIBUTE_GROUP}:{name}"


def family_of(name: str) -> str:
    """The family of an input; columns of an uploaded table are families of their own.

    >>> family_of("lateness_ratio"), family_of("spend_amount_90"), family_of("plan")
    ('silence', 'spend', 'attribute:plan')
    """
    if name in CONSTANTS:
        return SAME_FOR_ALL
    group = group_of(name)
    return FAMILY_OF_FEATURE.get(name) or FAMILY_OF_GROUP.get(group, group)


def family_label(family: str) -> str:
    """A family in words; a column of the user's file is called by its own name.

    >>> family_label("silence"), family_label("attribute:attribute:loyalty_card")
    ('Own rhythm of orders', 'loyalty card')
    """
    if family.startswith(f"{ATTRIBUTE_GROUP}:"):
        return family.removeprefix(f"{ATTRIBUTE_GROUP}:").removeprefix(PREFIX).replace("_", " ")
    return FAMILY_LABELS.get(family, family[:1].upper() + family[1:])
