"""Features made comparable before distances are taken, in a way that is recorded and repeated for every later date.

Amounts, counts and days on a logarithmic scale, then every feature from its median in units of its middle half. What is
missing takes the median, so that it pulls a customer nowhere. A few wild values are drawn in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from churn_core.customers.segmentation_inputs import Inputs, SegmentFeature
from churn_core.errors import NotEnoughData

if TYPE_CHECKING:
    from numpy.typing import NDArray

CLIP = 5.0
"""Robust units beyond which a value is drawn in."""
NORMAL_IQR = 1.349
"""Middle half of a normal distribution in standard deviations, so that a robust unit is about one of them."""


@dataclass(frozen=True, kw_only=True)
class FeatureScale:
    """How one feature is made comparable."""

    name: str
    is_log: bool
    """Whether sign(x) log(1 + |x|) is taken first; it bears negative amounts."""
    centre: float
    """Median on that scale; also what stands in for a missing value."""
    unit: float
    """One robust unit on that scale: the middle half over 1.349, or the standard deviation where that is 0."""
    is_robust: bool
    """Whether the unit is the middle half; False where more than half of the customers share one value."""
    n_missing: int
    """Customers without a value when it was fitted."""


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """How all features of a division are made comparable."""

    scales: tuple[FeatureScale, ...]
    dropped: tuple[str, ...] = ()
    """Features that were left out because they are the same for everybody."""
    clip: float = CLIP

    @property
    def names(self) -> tuple[str, ...]:
        """Features that are used, in order."""
        return tuple(scale.name for scale in self.scales)

    def to_json(self) -> dict[str, Any]:
        """Everything needed to scale again."""
        return {
            "scales": [asdict(scale) for scale in self.scales],
            "dropped": list(self.dropped),
            "clip": self.clip,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Scaling:
        """The scaling that :meth:`to_json` described."""
        return cls(
            scales=tuple(FeatureScale(**scale) for scale in stored["scales"]),
            dropped=tuple(stored["dropped"]),
            clip=stored["clip"],
        )


def fit_scaling(inputs: Inputs) -> Scaling:
    """Medians and units of these customers; features that are the same for everybody are left out.

    NotEnoughData when fewer than two features are left.
    """
    if len(inputs.customer_ids) < 2:
        raise NotEnoughData(f"there is only {len(inputs.customer_ids)} customer to divide; import more orders first.")
    scales, dropped = [], []
    for place, feature in enumerate(inputs.features):
        scale = _fitted(feature, inputs.values[:, place])
        if scale is None:
            dropped.append(feature)
        else:
            scales.append(scale)
    if len(scales) < 2:
        same = "; ".join(feature.label for feature in dropped)
        raise NotEnoughData(
            f"{len(dropped)} of {len(inputs.features)} features are the same for everybody ({same}); "
            "choose at least 2 in which customers differ."
        )
    return Scaling(scales=tuple(scales), dropped=tuple(feature.name for feature in dropped))


def scaled(scaling: Scaling, names: Sequence[str], values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Values in robust units, a column per feature of the scaling; ``names`` are the columns of ``values``."""
    made = np.empty((len(values), len(scaling.scales)), dtype=np.float32)
    for place, scale in enumerate(scaling.scales):
        column = transformed(values[:, list(names).index(scale.name)], is_log=scale.is_log)
        column = (np.where(np.isfinite(column), column, scale.centre) - scale.centre) / scale.unit
        made[:, place] = np.clip(column, -scaling.clip, scaling.clip)
    return made


def transformed(column: NDArray[np.float32], *, is_log: bool) -> NDArray[np.float64]:
    """A feature on the scale that distances are taken on; missing stays missing."""
    wide = np.asarray(column, dtype=np.float64)
    return np.asarray(np.sign(wide) * np.log1p(np.abs(wide)) if is_log else wide)


def _fitted(feature: SegmentFeature, column: NDArray[np.float32]) -> FeatureScale | None:
    on_scale = transformed(column, is_log=feature.is_log)
    known = on_scale[np.isfinite(on_scale)]
    if not known.size or known.min() == known.max():
        return None
    low, centre, high = np.quantile(known, [0.25, 0.5, 0.75])
    is_robust = bool(high > low)
    unit = (high - low) / NORMAL_IQR if is_robust else known.std()
    return FeatureScale(
        name=feature.name,
        is_log=feature.is_log,
        centre=float(centre),
        unit=float(unit),
        is_robust=is_robust,
        n_missing=int(on_scale.size - known.size),
    )
