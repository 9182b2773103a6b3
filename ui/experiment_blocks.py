"""The inputs of the Any experiment page: which column of the file is what, proposed and changeable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st

from churn_core.campaigns.experiment_guess import guess_control
from churn_core.campaigns.experiment_readout import ExperimentChoice
from churn_core.campaigns.metrics import Metric
from churn_core.figures.theme import counted, percent
from churn_core.intake.source import Source
from ui import session_experiment as calls
from ui.errors import errors_shown
from ui.import_reading import source_key
from ui.layout import side_by_side

KIND_WORDS = {"rate": "yes or no", "mean": "amount, zeros included"}
NONE = "none"


@dataclass(frozen=True, kw_only=True)
class _Form:
    """What all inputs of one file share."""

    source: Source
    key: str
    """Widgets and cached answers of another file start afresh."""

    @property
    def columns(self) -> list[str]:
        """Names of the file's columns."""
        return [column.name for column in self.source.columns]


def choice_block(source: Source) -> ExperimentChoice | None:
    """Arms, outcomes and what else the file holds; None while something needed is missing, which is said."""
    form = _Form(source=source, key=source_key(source))
    with st.container(border=True), errors_shown():
        arms = _arms(form)
        if arms is None:
            return None
        arm, control, customer = arms
        metrics, is_lower_better = _outcomes(form, (arm, customer))
        extra = _extras(form, arm, control)
        if not metrics:
            st.info("Choose the outcome that decides: the column that says what came of the customers.")
            return None
        return ExperimentChoice(
            arm=arm,
            control=control,
            customer_id=customer,
            metrics=(*metrics, *extra.pop("ratios")),
            is_lower_better=is_lower_better,
            **extra,
        )
    return None


def _arms(form: _Form) -> tuple[str, str, str | None] | None:
    guessed = calls.guess(form.key, form.source)
    first, second, third = side_by_side(3, key="experiment_arms")
    arm = first.selectbox(
        "Column of the arm",
        form.columns,
        index=form.columns.index(guessed.arm) if guessed.arm else None,
        placeholder="who got what",
        key=f"arm_{form.key}",
    )
    if arm is None:
        st.info("Choose the column that says who was in which arm.")
        return None
    arms = list(calls.arm_counts(form.key, form.source, arm))
    control = second.selectbox(
        "Control: the arm that got nothing",
        arms,
        index=arms.index(guess_control(arms)),
        key=f"control_{arm}_{form.key}",
    )
    others = [NONE, *(name for name in form.columns if name != arm)]
    customer = third.selectbox(
        "Column of the customer",
        others,
        index=others.index(guessed.customer_id) if guessed.customer_id in others else 0,
        key=f"customer_{form.key}",
        help="To see whether somebody stands in it twice, or in two arms. Without it every row is a customer.",
    )
    return arm, control, None if customer == NONE else customer


def _outcomes(form: _Form, taken: tuple[str | None, ...]) -> tuple[tuple[Metric, ...], bool]:
    guessed = [name for name in calls.guess(form.key, form.source).outcomes if name not in taken]
    choices = [name for name in form.columns if name not in taken]
    first, second = side_by_side([1, 2], key="experiment_outcomes")
    goal = first.selectbox(
        "Goal: the outcome that decides",
        choices,
        index=choices.index(guessed[0]) if guessed else None,
        placeholder="choose a column",
        key=f"goal_{form.key}",
    )
    others = [name for name in choices if name != goal]
    further = second.multiselect(
        "Further outcomes, exploratory",
        others,
        default=[name for name in guessed if name in others],
        key=f"further_{goal}_{form.key}",
        placeholder="none",
    )
    is_lower_better = first.toggle("Less of the goal is better", key=f"lower_{form.key}")
    if goal is None:
        return (), is_lower_better
    kinds = _kinds(form, taken[0] or "", [goal, *further])
    return tuple(Metric(name=name, kind=kind, column=name) for name, kind in kinds.items()), is_lower_better


def _kinds(form: _Form, arm: str, names: list[str]) -> dict[str, str]:
    """Rate or mean of each outcome, as the values say unless chosen otherwise."""
    found = {name: calls.kind_of(form.key, form.source, arm, name) for name in names}
    chosen = {}
    with st.expander(
        "Kind of each outcome: " + ", ".join(f"{name} {KIND_WORDS[kind]}" for name, kind in found.items())
    ):
        for name, kind in found.items():
            chosen[name] = st.segmented_control(
                name,
                list(KIND_WORDS),
                default=kind,
                required=True,
                format_func=lambda value: KIND_WORDS[value],
                key=f"kind_{name}_{form.key}",
            )
    return chosen


def _extras(form: _Form, arm: str, control: str) -> dict[str, Any]:
    """What an experiment may have besides: a ratio, a covariate, strata, shares of its own."""
    with st.expander("Ratio, covariate, stratum, slices and planned shares"):
        others = [NONE, *(name for name in form.columns if name != arm)]
        first, second = side_by_side(2, key="experiment_ratio")
        numerator = first.selectbox("Ratio: this amount ...", others, key=f"numerator_{form.key}")
        denominator = second.selectbox(
            "... per this one",
            others,
            key=f"denominator_{form.key}",
            help="Such as spend per order; customers stay the unit of the error.",
        )
        covariate = first.selectbox(
            "Covariate: an amount known before the start",
            others,
            key=f"covariate_{form.key}",
            help="What customers did before takes noise out of amounts (CUPED). Never choose what came later.",
        )
        stratum = second.selectbox(
            "Stratum: compare within the values of this column",
            others,
            key=f"stratum_{form.key}",
            help="Known before the start, such as a tier. Needed where arms have other shares in some of them.",
        )
        shares = _shares(form, arm, control)
        slices = st.multiselect(
            "Slices: look at the goal by the values of these columns, known before the start",
            [name for name in form.columns if name != arm],
            key=f"slices_{form.key}",
            placeholder="none",
            help="With an interaction test. Whatever was measured later may be a result of the treatment itself.",
        )
    ratio = _ratio(numerator, denominator)
    return {
        "ratios": (ratio,) if ratio else (),
        "covariate": None if covariate == NONE else covariate,
        "stratum": None if stratum == NONE else stratum,
        "shares": shares,
        "slices": tuple(slices),
    }


def _ratio(numerator: str, denominator: str) -> Metric | None:
    if NONE in (numerator, denominator):
        return None
    return Metric(name=f"{numerator} per {denominator}", kind="ratio", column=numerator, denominator=denominator)


def _shares(form: _Form, arm: str, control: str) -> tuple[tuple[str, float], ...]:
    """Planned shares in percent; empty for equal ones."""
    counts = calls.arm_counts(form.key, form.source, arm)
    if not st.toggle("The arms were not meant to be equally large", key=f"unequal_{arm}_{form.key}"):
        return ()
    total = sum(counts.values())
    parts = {}
    for place, (column, name) in enumerate(zip(side_by_side(len(counts), key="shares"), counts, strict=True)):
        parts[name] = column.number_input(
            f"{name}: planned, in percent",
            min_value=0.0,
            max_value=100.0,
            value=round(100 / len(counts), 2),
            key=f"share_{place}_{arm}_{form.key}",
            help=f"The file holds {counted(counts[name], 'customer')} of it, {percent(counts[name] / total)}.",
        )
    planned = sum(parts.values())
    if abs(planned - 100) > 0.05:
        st.warning(f"The planned shares add up to {planned:g} %; they are taken in proportion.")
    return tuple((name, part / planned if planned else 0.0) for name, part in parts.items())
