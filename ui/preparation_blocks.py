"""The analyst's part of the Train page: which estimators, which preparation, how long to search, and what each did."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import streamlit as st

from churn_core.figures.theme import counted
from churn_core.jobs import Progress
from churn_core.models.estimators import ESTIMATORS, SAMPLED
from churn_core.models.preparation_plan import CHOICES, PreparationPlan
from churn_core.models.preparation_words import CHOICE_LABELS, OPTION_WORDS, option_label, plan_words
from churn_core.models.recipe import NOT_LEARNERS, ORDER_LEARNERS, TABLE_LEARNERS, Recipe
from ui import session
from ui.errors import guarded, plain, sentence
from ui.model_results import estimator_label
from ui.session import Stamp
from ui.trial_blocks import search_block, trial_block
from ui.widgets import job_started, wait_note, waits_for

MOST_MINUTES = 120
_USUAL = {"orders": ORDER_LEARNERS, "snapshots": TABLE_LEARNERS}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the analyst chose; everything usual when nothing was touched."""

    recipe: Recipe
    search_minutes: float
    """Time to look for better settings; 0 for none."""

    @property
    def is_usual(self) -> bool:
        """Whether training does what it always does."""
        return not self.recipe.estimators and self.recipe.preparation.is_usual and not self.search_minutes

    def words(self) -> str:
        """The choices in one sentence; empty when all are usual."""
        made = []
        if self.recipe.estimators:
            made.append("estimators: " + ", ".join(map(estimator_label, self.recipe.estimators)))
        made += plan_words(self.recipe.preparation)
        if self.search_minutes:
            made.append(f"search of settings for {self.search_minutes:g} min")
        return "; ".join(made)


def choices_block(stamp: Stamp, source: str) -> Asked:
    """The expander with all that an analyst may choose; the answer is what to train with."""
    with st.expander("Choices for analysts", key="analyst_choices"):
        st.caption("Everything here has a usual answer that was measured to do well. Change it to see what it does.")
        estimators, preparation, search = st.tabs(["Estimators", "Preparation", "Search"], key="analyst_tabs")
        with estimators:
            names = _estimators(source)
        with preparation:
            plan = _plan()
            _trial_button(source, names, plan)
            trial_block(stamp, source)
        with search:
            minutes = _search_minutes()
            search_block(stamp, source)
    return Asked(recipe=Recipe(estimators=names, preparation=plan), search_minutes=minutes)


def chosen_words(asked: Asked) -> None:
    """Beside the button: what differs from the usual training."""
    if not asked.is_usual:
        st.caption(f"With your choices: {plain(asked.words())}.")


def _estimators(source: str) -> tuple[str, ...]:
    """Learners to try; empty where they are the usual ones."""
    usual = list(_USUAL[source])
    offered = [
        name
        for name in ESTIMATORS
        if name not in NOT_LEARNERS and (source == "snapshots" or name in usual or name != "lightgbm_large")
    ]
    chosen = st.multiselect(
        "Estimators to try",
        offered,
        default=usual,
        format_func=estimator_label,
        key=f"estimators_{source}",
        persist_state="session",
    )
    for name in chosen:
        sampled = " Its contributions are sampled: they add up exactly, each one has an error." * (name in SAMPLED)
        st.caption(f"**{estimator_label(name)}** · {sentence(ESTIMATORS[name][2])}{sampled}")
    always = "Recency, BG/NBD, " if source == "orders" else ""
    st.caption(
        f"{always}{'stacking and a' if always else 'Stacking and a'} soft-voting blend of these are tried as well; "
        "the candidate of least log loss on unseen customers is used. Each further estimator takes time."
    )
    if not chosen:
        st.caption("None is chosen, so the usual ones are tried.")
    return () if not chosen or set(chosen) == set(usual) else tuple(chosen)


def _plan() -> PreparationPlan:
    """One box per choice, with the sentence of the chosen option below it."""
    chosen: dict[str, str] = {}
    columns = st.columns(2, gap="large")
    for number, (choice, options) in enumerate(CHOICES.items()):
        with columns[number % 2]:
            chosen[choice] = st.selectbox(
                CHOICE_LABELS[choice],
                options,
                format_func=partial(option_label, choice),
                key=f"prepare_{choice}",
                persist_state="session",
            )
            st.caption(OPTION_WORDS[choice, chosen[choice]].does)
    st.caption(
        "Every step is learned inside each training fold only, from its own rows, and is kept with the model. What "
        "balancing the outcomes does to the level of the risks is corrected."
    )
    return PreparationPlan(**chosen)


def _search_minutes() -> float:
    minutes = st.number_input(
        "Minutes to search for better settings",
        min_value=0.0,
        max_value=float(MOST_MINUTES),
        value=0.0,
        step=1.0,
        format="%g",
        key="search_minutes",
        persist_state="session",
        width=280,
    )
    st.caption(
        "0 trains with the usual settings. A search tries settings of the estimators, judged on later days (on "
        "folds, for a table). It shows the best so far and keeps it when it is cancelled; the usual settings stay "
        "unless others are better by more than chance."
    )
    return float(minutes or 0.0)


def _trial_button(source: str, names: tuple[str, ...], plan: PreparationPlan) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Try preparation choices",
            disabled=bool(waits_for()),
            on_click=guarded(_start_trial),
            args=(source, names, plan),
            key="try_preparations",
        )
        wait_note()
        st.caption("Judges every option, one at a time, on the same unseen customers. Takes a few minutes.")


def _start_trial(source: str, names: tuple[str, ...], plan: PreparationPlan) -> None:
    from churn_core.models.preparation_trial import BETTER, USUAL_LEARNERS, WORSE, try_preparations

    warehouse = session.warehouse()

    def work(progress: Progress) -> dict[str, object]:
        trial = try_preparations(
            warehouse, source=source, learners=names or USUAL_LEARNERS, plan=plan, progress=progress
        )
        verdicts = [found.together.verdict for found in trial.options if found.together]
        return {
            "message": f"{counted(len(trial.options), 'option')} of preparation were judged on "
            f"{counted(trial.n_rows, 'row')}: {verdicts.count(BETTER)} better, {verdicts.count(WORSE)} worse, the rest "
            "without a clear difference. The table is in the choices for analysts.",
            "trial_id": trial.trial_id,
        }

    job_started(session.runner().start("trial", "Trying preparation choices", work))
