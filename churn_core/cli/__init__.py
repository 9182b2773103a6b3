"""The same verbs without a browser: ``churn <verb> --help``."""

from churn_core.cli.main import main

__all__ = ["main"]
