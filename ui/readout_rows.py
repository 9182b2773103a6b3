"""The rows of a readout's tables: every number with its unit, its n and its interval, written the same everywhere.

Separate from the blocks, which say what stands where; here is said how a result is written.
"""

from __future__ import annotations

from typing import Any

from churn_core.campaigns.readout_model import ArmResult, CampaignReadout, GuardrailResult, SegmentCut
from churn_core.figures.effect_words import (
    chance_words,
    effect_words,
    lift_range_words,
    lift_words,
    p_words,
    range_words,
    value_words,
)
from churn_core.figures.theme import UNKNOWN, count
from ui.errors import plain, sentence

GUARDRAIL_MARKS: dict[str, str] = {"kept": "✓ kept", "open": "! open", "harmed": "✕ harmed", "unknown": "? not known"}
"""Each state of a guardrail with its mark."""


def result_row(entry: ArmResult, currency: str) -> dict[str, Any]:
    """One treatment on one metric: values, change in its unit, and p-values; control first."""
    found, unit = entry.comparison, entry.unit
    return {
        "Metric": metric_label(entry) + (" (goal)" if entry.is_primary else ""),
        "Arm": entry.arm,
        "n": f"{count(found.n_control)} / {count(found.n_treatment)}",
        "Value": f"{value_words(found.control, unit, currency)} → {value_words(found.treatment, unit, currency)}",
        "Change": effect_words(found.difference.value, unit, currency),
        "Interval": range_words(found.difference, unit, currency).removesuffix(" points"),
        "p": p_words(found.p_value),
        "p adj.": p_words(entry.p_adjusted),
    }


def scale_row(entry: ArmResult, currency: str) -> dict[str, Any]:
    """The same change in percent of the control, and over all customers of the arm."""
    total = entry.total
    return {
        "Metric": metric_label(entry) + (" (goal)" if entry.is_primary else ""),
        "Arm": entry.arm,
        "In percent": lift_words(entry.comparison.lift.value),
        "Interval, percent": lift_range_words(entry.comparison.lift),
        "Whole arm": UNKNOWN if total is None else _total(total.value, entry.unit, currency),
        "Interval, whole arm": UNKNOWN
        if total is None or total.low is None or total.high is None
        else f"{_total(total.low, entry.unit, currency, is_long=False)} to "
        f"{_total(total.high, entry.unit, currency, is_long=False)}",
    }


def bayes_row(entry: ArmResult, currency: str) -> dict[str, Any]:
    """The same in the Bayesian view."""
    posterior = entry.posterior
    between = (
        UNKNOWN
        if posterior is None
        else f"{effect_words(posterior.low, entry.unit, currency, is_long=False)} to "
        f"{effect_words(posterior.high, entry.unit, currency)}"
    )
    return {
        "Metric": metric_label(entry) + (" (goal)" if entry.is_primary else ""),
        "Arm": entry.arm,
        "n": f"{count(entry.comparison.n_control)} / {count(entry.comparison.n_treatment)}",
        "Chance to beat the control": chance_words(entry.chance_to_be_better),
        "95 % credible interval": between,
        "Expected loss": value_words(entry.expected_loss, entry.unit, currency)
        if entry.unit != "share"
        else effect_words(entry.expected_loss, "share").lstrip("+"),
    }


def guardrail_row(entry: GuardrailResult, currency: str) -> dict[str, Any]:
    """One guardrail in one treatment."""
    found = entry.comparison
    return {
        "Guardrail": entry.label,
        "Arm": entry.arm,
        "State": GUARDRAIL_MARKS.get(entry.state, entry.state),
        "n": f"{count(found.n_control)} / {count(found.n_treatment)}"
        if found.n_control or found.n_treatment
        else UNKNOWN,
        "Value": f"{value_words(found.control, entry.unit, currency)} → "
        f"{value_words(found.treatment, entry.unit, currency)}",
        "Change": effect_words(found.difference.value, entry.unit, currency),
        "Accepted harm": effect_words(entry.margin, entry.unit, currency).lstrip("+"),
        "Worst still possible": UNKNOWN if entry.test is None else effect_words(entry.test.worst, entry.unit, currency),
    }


def slice_rows(cut: SegmentCut, currency: str) -> list[dict[str, Any]]:
    """The slices of a cut."""
    return [
        {
            cut.label: piece.name,
            "n": f"{count(piece.comparison.n_control)} / {count(piece.comparison.n_treatment)}",
            "Value": f"{value_words(piece.comparison.control, cut.unit, currency)} → "
            f"{value_words(piece.comparison.treatment, cut.unit, currency)}",
            "Change": effect_words(piece.comparison.difference.value, cut.unit, currency),
            "95 % interval": range_words(piece.comparison.difference, cut.unit, currency).removesuffix(" points"),
            "p adjusted": p_words(piece.p_adjusted),
        }
        for piece in cut.slices
    ]


def cut_name(cut: SegmentCut, found: CampaignReadout) -> str:
    """What is sliced by, and which treatment where there are several."""
    n_treatments = sum(not arm.is_control for arm in found.arms)
    return cut.label if n_treatments < 2 else f"{cut.label}: {cut.arm}"


def _total(value: float | None, unit: str, currency: str, *, is_long: bool = True) -> str:
    if value is None:
        return UNKNOWN
    if unit == "currency":
        return effect_words(value, "currency", currency)
    noun = " customers" if unit == "share" and is_long else ""
    sign = "+" if value > 0 else ""
    return f"{sign}{count(value)}{noun}"


def why_untold(found: CampaignReadout) -> list[str]:
    """Why a change or a percentage is missing, once per reason."""
    told = [
        f"{plain(metric_label(entry))}, {plain(entry.arm)}: {sentence(estimate.reason)}"
        for entry in found.results
        for estimate in (entry.comparison.difference, entry.comparison.lift)
        if estimate.reason
    ]
    return list(dict.fromkeys(told))


def metric_label(entry: ArmResult) -> str:
    """The metric as it is shown."""
    return entry.label or entry.metric
