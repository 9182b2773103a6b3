"""What a person gets from common libraries at their defaults: the yardstick of the accuracy table.

The same features as ours, prepared as anyone would: medians and standardised numbers for the logistic regression,
medians for the forest, numbers as they are for the boosted trees, a column per category for all of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

SEED = 42
NAMES = ("logistic regression", "HistGradientBoosting", "LightGBM", "random forest")


def default_risks(name: str, frame: pd.DataFrame, churned: np.ndarray, held: pd.DataFrame) -> np.ndarray:
    """Risks of the held rows from a model at library defaults, fitted on the others."""
    used = [column for column in frame.columns if frame[column].notna().any()]
    model = _model(name, frame[used])
    model.fit(frame[used], churned)
    risks: np.ndarray = model.predict_proba(held[used])[:, 1]
    return np.clip(risks, 1e-6, 1 - 1e-6)


def _model(name: str, frame: pd.DataFrame) -> Any:
    from lightgbm import LGBMClassifier
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = [column for column in frame.columns if frame[column].dtype.kind in "biuf"]
    categories = [column for column in frame.columns if column not in numbers]
    prepare = {
        "logistic regression": make_pipeline(SimpleImputer(strategy="median"), StandardScaler()),
        "random forest": SimpleImputer(strategy="median"),
    }.get(name, "passthrough")
    model = {
        "logistic regression": lambda: LogisticRegression(max_iter=1000),
        "HistGradientBoosting": lambda: HistGradientBoostingClassifier(random_state=SEED),
        "LightGBM": lambda: LGBMClassifier(random_state=SEED, n_jobs=1, verbose=-1),
        "random forest": lambda: RandomForestClassifier(random_state=SEED, n_jobs=1),
    }[name]()
    split = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return make_pipeline(
        make_column_transformer((prepare, numbers), (split, categories)).set_output(transform="default"), model
    )
