"""One customer's contributions, summed by what they say: the reading in which overlapping features cannot disagree.

Contributions are additive in log-odds, so a family's sum is exact, and with the run's base the families sum to the
customer's calibrated log-odds just as the single features do. A family that is one of the customer's reasons has the
reason's sentence; for the others the feature speaks whose number is most telling in the direction of the sum.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from churn_core.customers.profile import feature_label
from churn_core.features.words import feature_words
from churn_core.models.families import SAME_FOR_ALL, family_label, family_of, feature_entry
from churn_core.models.telling import SILENCE, SILENT, Usual, telling_tiers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from churn_core.customers.profile import CustomerScore, FeatureContribution
    from churn_core.models.runs import ScoreRun

LEAST_TOLD = 0.005
"""Log-odds below which a family is not told by itself; they are summed up in one."""

OTHERS = "others"
"""Name of what sums up the families that are too small to be told."""

NO_NUMBER = "no single number stands out"
"""Told of a family whose sum no number of it explains."""

EVERYBODY = "the same for every customer"
"""Told of the season and the like."""


@dataclass(frozen=True, kw_only=True)
class FamilyContribution:
    """What a family of features did to a customer's risk together."""

    name: str
    label: str
    """Its heading in words."""
    contribution: float
    """Sum over its features: change of the calibrated log-odds, positive raises the risk."""
    n_features: int
    words: str
    """What it rests on, with the customer's number; empty for what sums up several families."""
    is_reason: bool
    """Whether it is one of the reasons told of the customer."""


def by_family(score: CustomerScore, *, currency: str = "") -> tuple[FamilyContribution, ...]:
    """The customer's contributions by family, the strongest first; those that hardly count come last, in one."""
    members: dict[str, list[FeatureContribution]] = {}
    for part in score.contributions:
        members.setdefault(family_of(part.name), []).append(part)
    reasons = _reasons(score, currency)
    found = [_family(name, parts, reasons.get(name, ""), currency) for name, parts in members.items()]
    told = [family for family in found if abs(family.contribution) >= LEAST_TOLD]
    small = [family for family in found if abs(family.contribution) < LEAST_TOLD]
    told.sort(key=lambda family: (-abs(family.contribution), family.name))
    return (*told, *_summed(small))


def strongest(families: Sequence[FamilyContribution], sign: int) -> FamilyContribution | None:
    """The family that raises (sign 1) or lowers (sign -1) the risk most; None where it is no reason told."""
    for family in families:
        if family.contribution * sign > 0 and family.name not in (OTHERS, SAME_FOR_ALL):
            return family if family.is_reason else None
    return None


def _family(name: str, parts: list[FeatureContribution], reason: str, currency: str) -> FamilyContribution:
    total = sum(part.contribution for part in parts)
    return FamilyContribution(
        name=name,
        label=family_label(name),
        contribution=total,
        n_features=len(parts),
        words=reason or _words(name, parts, total, currency),
        is_reason=bool(reason),
    )


def _words(name: str, parts: list[FeatureContribution], total: float, currency: str) -> str:
    if name == SAME_FOR_ALL:
        return EVERYBODY
    part = _telling(parts, total)
    return told(part, currency) if part else NO_NUMBER


def _telling(parts: list[FeatureContribution], total: float) -> FeatureContribution | None:
    """The feature whose number points where the sum does, an unusual one first; None where none does."""
    import pandas as pd

    frame = pd.DataFrame({part.name: [part.value if part.text is None else part.text] for part in parts})
    usual = {
        part.name: Usual(low=part.usual_low, middle=(part.usual_low + part.usual_high) / 2, high=part.usual_high)
        for part in parts
        if part.usual_low is not None and part.usual_high is not None
    }
    raising, lowering = telling_tiers(frame, [part.name for part in parts], usual, {})
    tiers = (raising if total > 0 else lowering)[0]
    sign = 1 if total > 0 else -1
    candidates = [
        (int(tier), sign * part.contribution, part)
        for tier, part in zip(tiers, parts, strict=True)
        if tier > 0 and sign * part.contribution > 0
    ]
    return max(candidates, key=lambda found: found[:2])[2] if candidates else None


def sampled_words(run: ScoreRun) -> str:
    """That the contributions of a run are sampled, with their error, as a sentence; empty where they are exact."""
    errors = run.summary.get("standard_error") or {}
    if not errors:
        return ""
    name = max(errors, key=lambda name: errors[name])
    return (
        f"The contributions of this model are sampled, with a standard error of up to {errors[name]:.2g} log-odds "
        f"({feature_label(name)}); they still add up exactly to the risk."
    )


def told(part: FeatureContribution, currency: str = "") -> str:
    """What a feature says about the customer, in words with the customer's number."""
    entry = feature_entry(part.name)
    if entry is None:
        known = part.text if part.text is not None else "not known" if part.value is None else f"{part.value:,.4g}"
        return f"{part.label}: {known}"
    value = float("nan") if part.value is None else part.value
    if part.usual_low is None or part.usual_high is None:
        return feature_words(entry, value, is_high=True, currency=currency)
    middle = (part.usual_low + part.usual_high) / 2
    return feature_words(
        entry,
        value,
        is_high=value > middle or (value == middle and value > 0),
        is_usual=part.usual_low <= value <= part.usual_high,
        currency=currency,
    )


def _reasons(score: CustomerScore, currency: str) -> dict[str, str]:
    """The families of the customer's reasons, with the sentence of each; of those that cannot be told, none."""
    found: dict[str, str] = {}
    if score.main_reason and score.reasons_up:
        found[family_of(score.main_reason)] = score.reasons_up[0]
    rest = score.reasons_up[1:] if found else score.reasons_up
    for sentence in (*rest, *score.reasons_down):
        family = _family_of_sentence(sentence, score.contributions, currency)
        if family:
            found.setdefault(family, sentence)
    return found


def _family_of_sentence(sentence: str, parts: Sequence[FeatureContribution], currency: str) -> str | None:
    """The family whose feature a reason's sentence tells."""
    part = told_by(sentence, parts, currency)
    return family_of(part.name) if part else None


def told_by(sentence: str, parts: Sequence[FeatureContribution], currency: str = "") -> FeatureContribution | None:
    """The feature that a reason's sentence tells: it was made from the same value by the same words.

    The sentence about silence is told by the days since the last order; None where no feature's words are found.
    """
    if "; usual gap " in sentence:
        return next((part for part in sorted(parts, key=_is_not_silent) if part.name in SILENCE), None)
    opening = sentence.split("; usual ")[0]
    for part in sorted(parts, key=lambda part: -len(part.label)):
        if _tells(opening, part, currency):
            return part
    return None


def _is_not_silent(part: FeatureContribution) -> bool:
    return part.name != SILENT


def _tells(opening: str, part: FeatureContribution, currency: str) -> bool:
    """Whether a sentence tells this feature; a column of the user's file is told by its name."""
    entry = feature_entry(part.name)
    if entry is None:
        return opening == part.label or opening.startswith((f"{part.label} ", f"{part.label}:"))
    value = float("nan") if part.value is None else part.value
    return any(
        opening == feature_words(entry, value, is_high=is_high, is_usual=is_usual, currency=currency)
        for is_high in (True, False)
        for is_usual in (True, False)
    )


def _summed(small: list[FamilyContribution]) -> tuple[FamilyContribution, ...]:
    if len(small) < 2:
        return tuple(small)
    return (
        FamilyContribution(
            name=OTHERS,
            label=f"{len(small)} further groups",
            contribution=sum(family.contribution for family in small),
            n_features=sum(family.n_features for family in small),
            words="",
            is_reason=False,
        ),
    )
