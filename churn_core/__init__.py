"""Churn Early Warning: who is about to leave, how much money goes with them, why, and what to do about it."""

import os

# Threads of numerical libraries that wait for each other by spinning burn a core each and gain nothing on tables of
# this size. Has to be said before they are loaded; whoever sets the variables otherwise is obeyed.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

__version__ = "0.1.0"
