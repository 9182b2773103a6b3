"""Churn Early Warning: who is about to leave, how much money goes with them, why, and what to do about it."""

__version__ = "0.1.0"
