"""One customer's contributions, summed by what they say: the reading in which overlapping features cannot disagree.

Contributions are additive in log-odds, so a family's sum is exact, and with the run's base the families sum to the
customer's calibrated log-odds just as the single features do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from churn_core.features.words import feature_words
from churn_core.models.families import SAME_FOR_ALL, family_label, family_of, feature_entry
from churn_core.models.reasons import LEAST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from churn_core.customers.profile import CustomerScore, FeatureContribution

LEAST_TOLD = 0.005
"""Log-odds below which a family is not told by itself; they are summed up in one."""

OTHERS = "others"
"""Name of what sums up the families that are too small to be told."""


@dataclass(frozen=True, kw_only=True)
class FamilyContribution:
    """What a family of features did to a customer's risk together."""

    name: str
    label: str
    """Its heading in words."""
    contribution: float
    """Sum over its features: change of the calibrated log-odds, positive raises the risk."""
    n_features: int
    telling: FeatureContribution | None
    """The feature that speaks for it; None where there is nothing to say about a customer."""


def by_family(score: CustomerScore) -> tuple[FamilyContribution, ...]:
    """The customer's contributions by family, the strongest first; those that hardly count come last, in one."""
    members: dict[str, list[FeatureContribution]] = {}
    for part in score.contributions:
        members.setdefault(family_of(part.name), []).append(part)
    found = [_family(name, parts, score.main_reason) for name, parts in members.items()]
    told = [family for family in found if abs(family.contribution) >= LEAST_TOLD]
    small = [family for family in found if abs(family.contribution) < LEAST_TOLD]
    told.sort(key=lambda family: (-abs(family.contribution), family.name))
    return (*told, *_summed(small))


def strongest(families: Sequence[FamilyContribution], sign: int) -> FamilyContribution | None:
    """The family that raises (sign 1) or lowers (sign -1) the risk most and enough to be a reason."""
    for family in families:
        if family.contribution * sign >= LEAST and family.name not in (OTHERS, SAME_FOR_ALL):
            return family
    return None


def told(part: FeatureContribution, currency: str = "") -> str:
    """What a feature says about the customer, in words with the customer's number."""
    entry = feature_entry(part.name)
    if entry is None:
        known = part.text if part.text is not None else "not known" if part.value is None else f"{part.value:,.4g}"
        return f"{part.label}: {known}"
    value = float("nan") if part.value is None else part.value
    return feature_words(entry, value, is_high=_is_high(part), currency=currency)


def _family(name: str, parts: list[FeatureContribution], main_reason: str | None) -> FamilyContribution:
    total = sum(part.contribution for part in parts)
    return FamilyContribution(
        name=name,
        label=family_label(name),
        contribution=total,
        n_features=len(parts),
        telling=None if name == SAME_FOR_ALL else _telling(parts, total, main_reason),
    )


def _telling(parts: list[FeatureContribution], total: float, main_reason: str | None) -> FeatureContribution:
    """The feature of the main reason where it is one of them, else the strongest in the direction of the sum."""
    for part in parts:
        if part.name == main_reason and total > 0:
            return part
    return max(parts, key=lambda part: part.contribution if total > 0 else -part.contribution)


def _is_high(part: FeatureContribution) -> bool:
    """Whether the value lies above the middle of what is usual."""
    if part.value is None or part.usual_low is None or part.usual_high is None:
        return True
    middle = (part.usual_low + part.usual_high) / 2
    return part.value > middle or (part.value == middle and part.value > 0)


def _summed(small: list[FamilyContribution]) -> tuple[FamilyContribution, ...]:
    if len(small) < 2:
        return tuple(small)
    return (
        FamilyContribution(
            name=OTHERS,
            label=f"{len(small)} further groups",
            contribution=sum(family.contribution for family in small),
            n_features=sum(family.n_features for family in small),
            telling=None,
        ),
    )
