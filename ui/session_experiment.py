"""Cached calls about an experiment's file, keyed by the file's bytes and how it was read; nothing of it is stored."""

from __future__ import annotations

import streamlit as st

from churn_core.campaigns.experiment_file import ExperimentFile
from churn_core.campaigns.experiment_guess import ExperimentGuess, guess_experiment
from churn_core.campaigns.experiment_readout import ExperimentChoice, experiment_readout
from churn_core.campaigns.readout_model import CampaignReadout
from churn_core.intake.source import Source


@st.cache_data(show_spinner=False, max_entries=16)
def guess(key: str, _source: Source) -> ExperimentGuess:
    """What the columns probably are."""
    return guess_experiment(_source)


@st.cache_data(show_spinner=False, max_entries=32)
def arm_counts(key: str, _source: Source, arm: str) -> dict[str, int]:
    """Customers per arm."""
    return ExperimentFile(source=_source, arm=arm).counts()


@st.cache_data(show_spinner=False, max_entries=128)
def kind_of(key: str, _source: Source, arm: str, column: str) -> str:
    """Whether a column is yes or no, or an amount."""
    return ExperimentFile(source=_source, arm=arm).kind_of(column)


@st.cache_data(show_spinner="Comparing the arms", max_entries=32)
def readout(key: str, _source: Source, choice: ExperimentChoice) -> CampaignReadout:
    """The readout of the file as chosen."""
    return experiment_readout(_source, choice)
