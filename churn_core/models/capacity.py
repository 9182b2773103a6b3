"""What a model is worth to somebody who can contact only so many customers.

Separate from the evaluation, which keeps a few fixed shares: here the share is the one the shop can afford.
"""

from __future__ import annotations

import numpy as np

from churn_core.errors import InputError
from churn_core.models.evaluation import Capacity, Evaluation
from churn_core.stats.proportions import wilson_interval


def at_share(evaluation: Evaluation, share: float) -> Capacity:
    """What contacting this share of the customers, highest risk first, would have caught.

    Read from the gain curve, so between whole percents it is interpolated; the interval is Wilson's (1927).
    InputError for a share outside (0, 1].
    """
    if not 0 < share <= 1:
        raise InputError(f"the share of customers to contact is {share:g}; choose more than 0 and at most 1.")
    shares, found = zip(*evaluation.gain, strict=True)
    k = max(1, round(share * evaluation.n))
    recall = float(np.interp(k / evaluation.n, shares, found))
    n_caught = min(round(recall * evaluation.n_churned), k)
    low, high = wilson_interval(n_caught, k)
    return Capacity(
        k=k,
        share=k / evaluation.n,
        n_caught=n_caught,
        precision=n_caught / k,
        precision_low=low,
        precision_high=high,
        recall=n_caught / evaluation.n_churned,
        lift_ratio=(n_caught / k) / evaluation.churn_rate,
    )
