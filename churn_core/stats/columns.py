"""Columns of a table as plain numbers, for everybody who computes with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


def numbers(values: pd.Series) -> NDArray[np.float64]:
    """A column as floats, infinities counted as missing."""
    made = values.to_numpy(dtype=float, na_value=np.nan)
    return np.where(np.isfinite(made), made, np.nan)


def is_number(values: pd.Series) -> bool:
    """Whether a column holds numbers (truth values count as 0 and 1)."""
    return values.dtype.kind in "biuf"
