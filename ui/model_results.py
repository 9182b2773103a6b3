"""What a stored model version says about itself, as objects: the page's only reader of the summary's keys."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import streamlit as st

from churn_core.models.evaluation import Evaluation, evaluation_from_dict
from churn_core.models.registry import ModelVersion, model_versions
from ui import session
from ui.session import Stamp

METHOD_LABELS = {
    "full": "Models that learn from this shop's past",
    "bgnbd": "The purchase model BG/NBD",
    "lateness": "Lateness against the own rhythm",
    "none": "Nothing can be trained yet",
}
_ESTIMATORS = {
    "logistic": "logistic regression",
    "boosted": "LightGBM",
    "lightgbm": "LightGBM",
    "bgnbd": "BG/NBD",
    "blend": "blend",
    "lateness": "lateness",
    "recency": "recency",
}


@dataclass(frozen=True, kw_only=True)
class Period:
    """One cutoff at which a model was judged."""

    cutoff: datetime
    n: int
    predicted: float
    """Mean risk."""
    happened: float
    """Share that churned."""
    auc: float | None
    log_loss: float | None


@st.cache_data(show_spinner=False, max_entries=8)
def versions(stamp: Stamp) -> list[ModelVersion]:
    """All model versions, newest first."""
    return model_versions(session.warehouse(stamp.workspace))


def estimator_label(name: str) -> str:
    """An estimator's name in words."""
    return _ESTIMATORS.get(name, name.replace("_", " "))


def metrics_of(version: ModelVersion) -> dict[str, dict[str, Any]]:
    """The measures of every estimator that was tried, by its name."""
    return dict((version.summary.get("backtest") or {}).get("models") or {})


def evaluation_of(version: ModelVersion) -> Evaluation | None:
    """The evaluation of the chosen estimator; None when the version was not judged."""
    stored = version.summary.get("evaluation")
    return evaluation_from_dict(stored) if stored else None


def periods_of(version: ModelVersion) -> list[Period]:
    """The cutoffs at which it was judged, oldest first."""
    return []
