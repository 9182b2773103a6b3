"""What a study of responses says, in words; pages and the command line say the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from churn_core.campaigns.verdicts import amount_words

EVERYBODY_ALIKE = (
    "There is no evidence that customers differ in how they respond: the interval of the Qini includes 0. Everybody "
    "responds alike as far as this campaign can tell; target by value."
)
MODEL_WORDS = (
    "The four groups are a model's estimate from what was expected of each customer with and without contact; nobody "
    "can be seen in both."
)


def verdict(study: Mapping[str, Any], *, currency: str = "") -> str:
    """Whether customers differ in their response, in one or two sentences."""
    ranking = study["ranking"]
    qini = ranking["qini"]
    if not study["has_evidence"]:
        if qini["value"] is None:
            return f"Nothing can be told about who responds: {qini['reason']}"
        if qini["high"] < 0:
            return (
                "There is no evidence that customers differ in a way that can be used: the ranking did worse than "
                "chance, which one campaign in forty does where everybody responds alike. Target by value."
            )
        return (
            f"{EVERYBODY_ALIKE} (Qini {number(qini['value'])}, between {number(qini['low'])} and "
            f"{number(qini['high'])}.)"
        )
    top = ranking["top_effect"]["value"]
    average = ranking["average_effect"]["value"]
    gain = ranking["top_gain"]
    return (
        f"Customers differ in how they respond: among the {100 * ranking['top_share']:.0f} % with the highest expected "
        f"uplift the effect is {effect(top, study, currency)} against {effect(average, study, currency)} on average, a "
        f"difference of {between(gain, study, currency)}. Everybody is "
        "judged by a model that did not see their own outcome (out of fold)."
    )


def effect(value: float | None, study: Mapping[str, Any], currency: str = "") -> str:
    """An effect in points or in money, with its sign.

    >>> effect(0.0748, {"is_rate": True}), effect(-1.5, {"is_rate": False}, "EUR"), effect(None, {"is_rate": True})
    ('+7.5 points', '-€1.50', 'not known')
    """
    if value is None:
        return "not known"
    if study["is_rate"]:
        return f"{_signed(100 * value, 1)} points"
    return f"{'+' if value > 0 else ''}{amount_words(value, currency)}".strip() if currency else _signed(value, 2)


def between(estimate: Mapping[str, Any], study: Mapping[str, Any], currency: str = "") -> str:
    """A value with its interval.

    >>> between({"value": 0.027, "low": -0.0004, "high": 0.039}, {"is_rate": True})
    '+2.7 points (between 0.0 and +3.9 points)'
    """
    if estimate["value"] is None or estimate["low"] is None or estimate["high"] is None:
        return f"not known ({estimate['reason']})"
    scale, digits = (100, 1) if study["is_rate"] else (1, 2)
    low = effect(estimate["low"], study, currency) if currency else _signed(scale * estimate["low"], digits)
    low = low.removesuffix(" points")
    return (
        f"{effect(estimate['value'], study, currency)} (between {low} and {effect(estimate['high'], study, currency)})"
    )


def _signed(value: float, digits: int) -> str:
    """A number with its sign, none for what is rounded to 0."""
    return f"{value:+,.{digits}f}" if round(value, digits) else f"{0:.{digits}f}"


def number(value: float) -> str:
    """A Qini or AUUC.

    >>> number(0.06510376)
    '0.065'
    """
    return f"{value:.3f}"


def qini_name(study: Mapping[str, Any]) -> str:
    """What the printed Qini is, as others would have to calculate it."""
    if study["ranking"]["is_normalised"]:
        return "Qini (share of the perfect ranking, as scikit-uplift defines it)"
    return "Qini (area above chance, per treated customer)"
