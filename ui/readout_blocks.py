"""The blocks of a readout in the order in which it is read: health, verdict, effects, guardrails, looks, segments.

They take the readout alone, so that a campaign of the workspace and an experiment from a file are told alike.
"""

from __future__ import annotations

import json
from typing import Any

import streamlit as st

from churn_core.campaigns.plan import CONTROL
from churn_core.campaigns.readout_model import ArmResult, CampaignReadout, GuardrailResult, SegmentCut
from churn_core.figures import readout as figures
from churn_core.figures.effect_words import (
    chance_words,
    effect_words,
    lift_range_words,
    lift_words,
    p_words,
    range_words,
    value_words,
)
from churn_core.figures.theme import UNKNOWN, count, percent
from ui import session
from ui.errors import plain, sentence
from ui.widgets import chart, table

MARKS: dict[str, tuple[str, str, str]] = {
    "ok": ("✓", "green", "fine"),
    "warn": ("!", "orange", "look at it"),
    "red": ("✕", "red", "not valid"),
}
"""Mark, colour and word of each level of a health check."""
VIEWS: dict[str, str] = {"tests": "Intervals and tests", "bayes": "Bayesian view"}
GUARDRAIL_MARKS: dict[str, str] = {"kept": "✓ kept", "open": "! open", "harmed": "✕ harmed"}
_STATUS_COLOURS = {
    "better": "green",
    "worse": "red",
    "invalid_srm": "red",
    "invalid_overlap": "red",
    "running": "blue",
    "no_clear_difference": "gray",
}
_STATUS_BADGES = {
    "not_measurable": "Not measurable",
    "invalid_srm": "Not valid",
    "invalid_overlap": "Not valid",
    "not_started": "Not started",
    "too_small": "Too small to tell",
    "running": "Running",
    "better": "▲ Better",
    "worse": "▼ Worse",
    "no_clear_difference": "No clear difference",
}


def health_row(found: CampaignReadout) -> None:
    """A mark and a word per condition; each opens to its sentence, red ones that the verdict does not say are told."""
    with st.container(horizontal=True, key="health_row", gap="small"):
        for check in found.health:
            mark, colour, word = MARKS[check.level]
            with st.popover(f":{colour}[**{mark}**] {plain(check.label)}", key=f"health_{check.name}"):
                st.markdown(f"**{plain(check.label)}: {word}**")
                st.markdown(sentence(check.told))
    for check in found.health:
        if check.level == "red" and check.told[1:].casefold() not in found.verdict.casefold():
            st.error(f"**{plain(check.label)}**: {sentence(check.told)}")


def verdict_block(found: CampaignReadout) -> None:
    """The answer in one sentence; why there is none where health is red."""
    colour = _STATUS_COLOURS.get(found.status, "gray")
    with st.container(border=True, gap="small", key="verdict"):
        badge = _STATUS_BADGES.get(found.status, found.status)
        st.markdown(f":{colour}-badge[{badge}]" + (" :red-badge[✕ hidden]" if found.is_hidden else ""))
        st.markdown(f"#### {sentence(found.verdict)}")
        for note in found.notes:
            st.caption(sentence(note))


def arms_block(found: CampaignReadout) -> None:
    """Who is in which arm: planned, assigned, and with a whole outcome window."""
    n_all = sum(arm.n_assigned for arm in found.arms)
    st.subheader("Arms", anchor=False)
    table(
        [
            {
                "Arm": f"{arm.name} (control)" if arm.is_control and arm.name != CONTROL else arm.name,
                "What it gets": arm.offer or ("nothing" if arm.is_control else UNKNOWN),
                "Planned": percent(arm.share),
                "Assigned": count(arm.n_assigned),
                "of all": percent(arm.n_assigned / n_all) if n_all else UNKNOWN,
                "Window complete": count(arm.n_complete),
            }
            for arm in found.arms
        ]
    )


def results_block(found: CampaignReadout, *, smallest: float | None = None) -> None:
    """Every metric and treatment: as intervals and tests, or in the Bayesian view; the interval plot above."""
    if not found.results:
        return
    st.subheader("Effects", anchor=False)
    view = st.segmented_control(
        "View",
        list(VIEWS),
        default="tests",
        required=True,
        format_func=lambda name: VIEWS[name],
        key="readout_view",
        bind="query-params",
    )
    if view == "bayes":
        _bayes_view(found)
        return
    shown = figures.results_figure(found.results, smallest=smallest, currency=found.currency, mode=session.mode())
    chart(shown, key="effects")
    table([_result_row(result, found.currency) for result in found.results], most_rows=16)
    for reason in _why_untold(found):
        st.caption(reason)
    st.caption(
        "n and value: control first, then the arm. The population is everyone assigned, whether reached or not. A "
        "change is arm less control with its 95 % interval; points are differences of shares, percent is relative to "
        "the control, and the whole arm is the change times its customers. p is adjusted over the treatments for the "
        "goal (Holm) and over all other metrics (Benjamini-Hochberg), which are exploratory."
    )
    with st.expander("How each was tested"):
        table(
            [{"Metric": _label(entry), "Arm": entry.arm, "Method": entry.comparison.method} for entry in found.results]
        )


def guardrails_block(found: CampaignReadout) -> None:
    """What must not get clearly worse, and whether it did."""
    if not found.guardrails:
        return
    st.subheader("Guardrails", anchor=False)
    table([_guardrail_row(entry, found.currency) for entry in found.guardrails])
    for entry in found.guardrails:
        if entry.state != "kept":
            st.caption(f"{plain(entry.arm)}: {sentence(entry.told.removeprefix(f'{entry.arm}: '))}")
    st.caption(
        "Kept: a harm as large as the accepted one is ruled out (one-sided). Open: not enough to tell. Harmed: clearly "
        "worse, and it may be by more than was accepted."
    )


def sequential_block(found: CampaignReadout) -> None:
    """The goal's difference at every look, with the planned end."""
    if found.sequential is None or not any(arm.points for arm in found.sequential.arms):
        return
    st.subheader("Looking before the end", anchor=False)
    chart(figures.sequential_figure(found.sequential, currency=found.currency, mode=session.mode()), key="looks")
    st.caption(
        f"{sentence(found.sequential.method)} Filled marks count whole outcome windows only; open ones are the "
        "difference so far."
    )


def segments_block(found: CampaignReadout) -> None:
    """The goal by what was known before the arms were drawn, one cut at a time, with the interaction test."""
    if not found.segments:
        return
    st.subheader("Segments", anchor=False)
    names = [_cut_name(cut, found) for cut in found.segments]
    chosen = (
        st.selectbox("By", names, key="readout_cut", bind="query-params", width=360) if len(names) > 1 else names[0]
    )
    cut = found.segments[names.index(chosen) if chosen in names else 0]
    chart(figures.segments_figure(cut, currency=found.currency, mode=session.mode()), key="segments")
    table(_slice_rows(cut, found.currency), most_rows=12)
    tested = (
        "Whether the slices differ could not be tested."
        if cut.p_interaction is None
        else f"Interaction test: p {p_words(cut.p_interaction)}, adjusted over all cuts {p_words(cut.p_adjusted)}."
    )
    st.caption(f"{tested} Slices are exploratory: with many of them some look different by chance.")


def download_block(found: CampaignReadout, *, file_name: str) -> None:
    """The whole readout as a file, for other programs."""
    st.download_button(
        "Download the readout as JSON",
        data=json.dumps(found.to_dict(), ensure_ascii=False, indent=2, default=str),
        file_name=file_name,
        mime="application/json",
        icon=":material/download:",
        key="download_readout",
        on_click="ignore",
    )


def _bayes_view(found: CampaignReadout) -> None:
    told = [entry for entry in found.results if entry.posterior is not None]
    labels = list(dict.fromkeys(_label(entry) for entry in told))
    if not labels:
        st.markdown("There is no Bayesian view of these metrics.")
        return
    chosen = st.selectbox("Metric", labels, key="bayes_metric", width=360) if len(labels) > 1 else labels[0]
    shown = [entry for entry in told if _label(entry) == chosen]
    chart(figures.posterior_figure(shown, currency=found.currency, mode=session.mode()), key="posterior")
    table([_bayes_row(entry, found.currency) for entry in found.results], most_rows=16)
    st.caption(
        "Bayesian view: flat priors, Beta(1, 1) for rates and normal for means; bars are 95 % credible intervals of "
        "the difference. Expected loss is what choosing the treatment costs on average per customer if it is not "
        "better. It is a second look at the same data; the verdict above rests on the tests."
    )
    for entry in found.results:
        if entry.posterior is None and entry.posterior_reason:
            st.caption(f"{plain(_label(entry))}, {plain(entry.arm)}: {sentence(entry.posterior_reason)}")


def _result_row(entry: ArmResult, currency: str) -> dict[str, Any]:
    found, unit = entry.comparison, entry.unit
    return {
        "Metric": _label(entry) + (" (goal)" if entry.is_primary else ""),
        "Arm": entry.arm,
        "n": f"{count(found.n_control)} / {count(found.n_treatment)}",
        "Value": f"{value_words(found.control, unit, currency)} → {value_words(found.treatment, unit, currency)}",
        "Change": effect_words(found.difference.value, unit, currency),
        "Interval": range_words(found.difference, unit, currency).removesuffix(" points"),
        "p": p_words(found.p_value),
        "p adj.": p_words(entry.p_adjusted),
        "In percent": lift_words(found.lift.value),
        "Interval, percent": lift_range_words(found.lift),
        "Whole arm": _total(entry, currency),
    }


def _bayes_row(entry: ArmResult, currency: str) -> dict[str, Any]:
    posterior = entry.posterior
    between = (
        UNKNOWN
        if posterior is None
        else f"{effect_words(posterior.low, entry.unit, currency, is_long=False)} to "
        f"{effect_words(posterior.high, entry.unit, currency)}"
    )
    return {
        "Metric": _label(entry) + (" (goal)" if entry.is_primary else ""),
        "Arm": entry.arm,
        "n": f"{count(entry.comparison.n_control)} / {count(entry.comparison.n_treatment)}",
        "Chance to beat the control": chance_words(entry.chance_to_be_better),
        "95 % credible interval": between,
        "Expected loss": value_words(entry.expected_loss, entry.unit, currency)
        if entry.unit != "share"
        else effect_words(entry.expected_loss, "share").lstrip("+"),
    }


def _guardrail_row(entry: GuardrailResult, currency: str) -> dict[str, Any]:
    found = entry.comparison
    return {
        "Guardrail": entry.label,
        "Arm": entry.arm,
        "State": GUARDRAIL_MARKS.get(entry.state, entry.state),
        "n": f"{count(found.n_control)} / {count(found.n_treatment)}",
        "Value": f"{value_words(found.control, entry.unit, currency)} → "
        f"{value_words(found.treatment, entry.unit, currency)}",
        "Change": effect_words(found.difference.value, entry.unit, currency),
        "Accepted harm": effect_words(entry.margin, entry.unit, currency).lstrip("+"),
        "Worst still possible": UNKNOWN if entry.test is None else effect_words(entry.test.worst, entry.unit, currency),
    }


def _slice_rows(cut: SegmentCut, currency: str) -> list[dict[str, Any]]:
    return [
        {
            cut.label: piece.name,
            "n": f"{count(piece.comparison.n_control)} / {count(piece.comparison.n_treatment)}",
            "Value": f"{value_words(piece.comparison.control, cut.unit, currency)} → "
            f"{value_words(piece.comparison.treatment, cut.unit, currency)}",
            "Change": effect_words(piece.comparison.difference.value, cut.unit, currency),
            "95 % interval": range_words(piece.comparison.difference, cut.unit, currency).removesuffix(" points"),
            "p adjusted": p_words(piece.p_adjusted),
        }
        for piece in cut.slices
    ]


def _cut_name(cut: SegmentCut, found: CampaignReadout) -> str:
    n_treatments = sum(not arm.is_control for arm in found.arms)
    return cut.label if n_treatments < 2 else f"{cut.label}: {cut.arm}"


def _total(entry: ArmResult, currency: str) -> str:
    if entry.total is None or entry.total.value is None:
        return UNKNOWN
    if entry.unit == "currency":
        return effect_words(entry.total.value, "currency", currency)
    noun = " customers" if entry.unit == "share" else ""
    sign = "+" if entry.total.value > 0 else ""
    return f"{sign}{count(entry.total.value)}{noun}"


def _why_untold(found: CampaignReadout) -> list[str]:
    """Why a change or a percentage is missing, once per reason."""
    told = [
        f"{plain(_label(entry))}, {plain(entry.arm)}: {sentence(estimate.reason)}"
        for entry in found.results
        for estimate in (entry.comparison.difference, entry.comparison.lift)
        if estimate.reason
    ]
    return list(dict.fromkeys(told))


def _label(entry: ArmResult) -> str:
    return entry.label or entry.metric
