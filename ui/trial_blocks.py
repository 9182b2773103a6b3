"""What was tried before training: what each choice of preparation did to the backtest, what the last search found."""

from __future__ import annotations

import streamlit as st

from churn_core.figures.preparation import effect_of, option_words, trial_figure
from churn_core.figures.theme import count, counted, day, percent
from churn_core.models.preparation_trial import Change, PreparationTrial
from churn_core.models.trials import Trial, latest_trial
from ui import session
from ui.errors import plain, sentence
from ui.model_results import estimator_label, with_labels
from ui.session import Stamp
from ui.widgets import chart, table

TOGETHER = "together"


@st.cache_data(show_spinner=False, max_entries=8)
def _latest(stamp: Stamp, kind: str, source: str) -> Trial | None:
    return latest_trial(session.warehouse(stamp.workspace), kind, source=source)


def trial_block(stamp: Stamp, source: str) -> None:
    """The latest trial: on what, what each option changed, and what the steps found."""
    stored = _latest(stamp, "preparation", source)
    if stored is None:
        st.caption("Not tried on this data yet, so nothing is known about what a choice does here.")
        return
    trial = PreparationTrial.from_json(stored.result, trial_id=stored.trial_id)
    st.markdown(f"**What each choice did to the backtest, tried on {day(stored.made_at)}**")
    if stored.is_stale(stamp.state):
        st.warning("The data or the churn definition has changed since; try again to know what holds now.")
    st.caption(_on_what(trial))
    learner = _learner(trial)
    chart(trial_figure(trial, learner=learner, mode=session.mode()), key="trial_chart")
    st.caption(
        "Against the usual preparation, row by row, with 95 % intervals; below 0 is better for log loss, above 0 for "
        f"the AUC. Of {len(trial.options)} options about one looks better or worse by chance alone; negligible is "
        "within half a thousandth. Predicted is the mean risk before calibration, after the correction for balanced "
        "outcomes."
    )
    table(_rows(trial, learner), most_rows=24)
    _notes(trial)


def search_block(stamp: Stamp, source: str) -> None:
    """What the latest search found, and each improvement on the way."""
    stored = _latest(stamp, "search", source)
    if stored is None:
        return
    st.markdown(f"**The latest search, {day(stored.made_at)}**")
    if stored.is_stale(stamp.state):
        st.warning("The data or the churn definition has changed since.")
    st.markdown(" ".join(sentence(note) for note in stored.result["notes"]))
    steps = stored.result["curve"]
    if len(steps) > 1:
        table(
            [
                {
                    "Tries": count(step["n_tries"]),
                    "Seconds": count(step["seconds"]),
                    "Best log loss": f"{step['log_loss']:.4f}",
                    "With": with_labels(step["words"]),
                }
                for step in steps
            ]
        )


def _on_what(trial: PreparationTrial) -> str:
    where = "later days" if trial.source == "orders" else "held-out folds"
    learners = " and ".join(estimator_label(name) for name in trial.learners)
    shares = " in equal shares have" if len(trial.learners) > 1 else " has"
    return (
        f"{count(trial.n_rows)} rows of {counted(trial.n_customers, 'customer')} at {trial.n_parts} {where}; "
        f"{percent(trial.churn_rate)} churned. With the usual preparation {plain(learners)}{shares} a log loss of "
        f"{trial.log_loss:.4f} and an AUC of {trial.auc:.4f}, and predicted {percent(trial.mean_predicted)} before "
        "calibration."
    )


def _learner(trial: PreparationTrial) -> str | None:
    """Which learner is looked at; None for all together."""
    if len(trial.learners) < 2:
        return None
    chosen = st.segmented_control(
        "Seen with",
        [TOGETHER, *trial.learners],
        default=TOGETHER,
        required=True,
        format_func=lambda name: "All together" if name == TOGETHER else estimator_label(name),
        key="trial_learner",
    )
    return None if chosen in (None, TOGETHER) else str(chosen)


def _rows(trial: PreparationTrial, learner: str | None) -> list[dict[str, str]]:
    made = []
    for found in trial.options:
        effect = effect_of(found, learner)
        made.append(
            {
                "Choice": option_words(found),
                "Against the usual": effect.verdict if effect else "could not be tried",
                "Log loss": _interval(effect.log_loss) if effect else "–",
                "AUC": _interval(effect.auc) if effect else "–",
                "Predicted": percent(effect.mean_predicted if effect else None),
            }
        )
    return made


def _interval(change: Change) -> str:
    """A change with its interval.

    >>> _interval(Change(value=-0.00001, low=-0.0021, high=0.002))
    '0.0000 [-0.0021, +0.0020]'
    """
    return f"{_signed(change.value)} [{_signed(change.low)}, {_signed(change.high)}]"


def _signed(value: float) -> str:
    return f"{value:+.4f}" if abs(value) >= 0.00005 else "0.0000"


def _notes(trial: PreparationTrial) -> None:
    with st.popover("What the steps found"):
        for found in trial.options:
            if found.notes:
                st.markdown(f"**{plain(option_words(found))}.** {plain(' '.join(map(sentence, found.notes)))}")
