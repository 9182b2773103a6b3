"""The goal in slices by what was known at the draw, and whether the slices differ by more than chance.

Slices that were looked at because they stand out always differ; so the question is asked of a whole cut, and a slice
is exploratory whatever its p-value. What was measured after the draw is refused: it may be a result of the treatment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from churn_core.campaigns.comparison import Outcomes, compare, with_less_noise
from churn_core.campaigns.goals import Outcome
from churn_core.campaigns.readout_model import SegmentCut, Slice
from churn_core.campaigns.results import SIGNIFICANT, effect_of, is_too_small
from churn_core.campaigns.small_strata import put_together
from churn_core.errors import InputError
from churn_core.stats.multiple import benjamini_hochberg
from churn_core.stats.strata import interaction

CUTS: dict[str, str] = {"tier": "Tier", "value_band": "Value", "main_group": "Main reason"}
"""What a readout may be sliced by, all stored at the draw, with its words."""

ORDER: dict[str, int] = {"high": 0, "medium": 1, "middle": 1, "low": 2}
"""Place of slices that have an order."""

UNKNOWN = "not known"
"""Name of the slice of customers without a value at the draw."""


def required_cut(column: str) -> str:
    """The column when it may be sliced by; InputError when it was not stored at the draw."""
    if column not in CUTS:
        raise InputError(
            f"a readout cannot be sliced by {column!r}: only what was stored when the arms were drawn may be used "
            f"({', '.join(CUTS)}), because anything measured later may be a result of the campaign itself."
        )
    return column


def segment_cuts(
    slices: Mapping[str, Mapping[str, Outcomes]],
    *,
    control: str,
    treatments: Sequence[str],
    labels: Mapping[str, str],
    named: Outcome | None = None,
) -> tuple[SegmentCut, ...]:
    """Cuts with their interaction tests: ``slices`` are the outcomes of every slice by column."""
    made = [
        _cut(column, labels.get(column, column), found, control, arm, named)
        for column, found in slices.items()
        if len(found) > 1
        for arm in treatments
    ]
    tested = [place for place, cut in enumerate(made) if cut.p_interaction is not None]
    adjusted = benjamini_hochberg([float(made[place].p_interaction or 0.0) for place in tested])
    for place, value in zip(tested, adjusted, strict=True):
        made[place] = replace(made[place], p_adjusted=value)
    return tuple(replace(cut, told=_told(cut)) for cut in made)


def _cut(
    column: str, label: str, found: Mapping[str, Outcomes], control: str, arm: str, named: Outcome | None
) -> SegmentCut:
    names = sorted(found, key=lambda name: (not name, ORDER.get(name, len(ORDER)), name))
    ready = {name or UNKNOWN: _ready(found[name]) for name in names}
    compared = {name: compare(outcomes, control, arm) for name, outcomes in ready.items()}
    places = [name for name, entry in compared.items() if entry.p_value is not None]
    adjusted = dict(
        zip(places, benjamini_hochberg([float(compared[name].p_value or 0.0) for name in places]), strict=True)
    )
    metric = next(iter(found.values())).metric
    return SegmentCut(
        column=column,
        label=label,
        arm=arm,
        kind=metric.kind,
        unit=named.unit if named else "share" if metric.kind == "rate" else "",
        slices=tuple(
            Slice(name=name, comparison=entry, p_adjusted=adjusted.get(name)) for name, entry in compared.items()
        ),
        p_interaction=_interaction(ready, control, arm),
        p_adjusted=None,
        told="",
    )


def _ready(outcomes: Outcomes) -> Outcomes:
    enough = put_together(outcomes)
    return with_less_noise(enough) if enough.n_covariates else enough


def _interaction(slices: Mapping[str, Outcomes], control: str, arm: str) -> float | None:
    usable = [outcomes for outcomes in slices.values() if not is_too_small(outcomes, control, arm)]
    effects = [effect for outcomes in usable if (effect := effect_of(outcomes, control, arm)) and effect.variance > 0]
    return interaction(effects).p_value if len(effects) > 1 else None


def _told(cut: SegmentCut) -> str:
    if cut.p_adjusted is None:
        return f"{cut.label}: too few customers in the slices to tell whether {cut.arm} works differently."
    p = "< .001" if cut.p_adjusted < 0.001 else f"{cut.p_adjusted:.3f}"
    if cut.p_adjusted < SIGNIFICANT:
        return f"{cut.label}: {cut.arm} works differently between the slices (interaction p {p}, exploratory)."
    return (
        f"{cut.label}: the slices do not differ by more than chance under {cut.arm} (interaction p {p}); "
        "read the effect over everybody."
    )
