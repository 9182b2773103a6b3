"""Randomised trials whose effect is known for every customer."""

from __future__ import annotations

import numpy as np
import pandas as pd

from churn_core.campaigns.uplift_learners import Trial


def planted_trial(
    n: int = 3_000, *, seed: int = 1, share: float = 0.5, heterogeneity: float = 0.25, is_rate: bool = True
) -> tuple[Trial, np.ndarray]:
    """A trial in which the effect is ``0.1 + heterogeneity x sign(first feature)``, and that effect per customer.

    The second feature moves the outcome with and without treatment, the third nothing; the fourth is a category.
    """
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "habit": draw.normal(size=n),
            "level": draw.normal(size=n),
            "noise": draw.normal(size=n),
            "place": draw.choice(["north", "south", "east"], size=n),
        }
    )
    effect = 0.1 + heterogeneity * np.sign(frame["habit"].to_numpy())
    treated = draw.random(n) < share
    chance = np.clip(0.4 + 0.12 * frame["level"].to_numpy(), 0.05, 0.95) + effect * treated
    if is_rate:
        outcome = (draw.random(n) < np.clip(chance, 0, 1)).astype(float)
    else:
        outcome = 20 * chance + draw.gamma(2.0, 3.0, n)
    trial = Trial(frame=frame, outcome=outcome, treated=treated, propensity=np.full(n, treated.mean()), is_rate=is_rate)
    return trial, effect if is_rate else 20 * effect
