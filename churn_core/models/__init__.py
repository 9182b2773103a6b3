"""Estimators, training, calibration, evaluation, registry, contributions, scoring."""
