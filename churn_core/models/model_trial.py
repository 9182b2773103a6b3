"""Trying a model from a file in a process of its own.

A tree library is fast because it trusts its own files: a text that was made to harm can end the process that reads it.
So what comes from outside is first asked about made-up customers where nothing is lost when it breaks.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

SECONDS = 120
"""Time after which a model counts as one that gives no answer."""
_PROGRAM = "from churn_core.models.model_trial import answer; answer()"


def survives(artifact: str) -> bool:
    """Whether a stored artifact can be rebuilt and gives finite answers for customers of all kinds."""
    root = str(Path(__file__).resolve().parents[2])
    try:
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM],
            input=artifact.encode(),
            capture_output=True,
            timeout=SECONDS,
            check=False,
            env={**os.environ, "PYTHONPATH": root},
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def answer() -> None:
    """Read an artifact from standard input and answer for made-up customers; ends with an error when it cannot."""
    import numpy as np
    import pandas as pd

    from churn_core.models.families import CONSTANTS, MADE
    from churn_core.models.training import fitted_from

    model = fitted_from(json.loads(sys.stdin.buffer.read()))
    rhythm = getattr(getattr(model, "blend", None), "rhythm", None)
    names = sorted({*model.feature_names, *(rhythm.feature_names if rhythm else ())} - CONSTANTS - MADE.keys())
    names = sorted(getattr(model, "kinds", names))
    draw = np.random.default_rng(0)
    values = draw.exponential(10.0 ** draw.integers(-1, 5, (200, len(names))))
    values[0], values[1] = np.nan, 0.0
    made = model.contributions(pd.DataFrame(values, columns=names, index=[f"nobody {n}" for n in range(len(values))]))
    if not np.isfinite(made.total()[1:]).all():
        raise SystemExit(1)
