"""The blocks of a readout in the order in which it is read: health, verdict, effects, guardrails, looks, segments.

They take the readout alone, so that a campaign of the workspace and an experiment from a file are told alike.
"""

from __future__ import annotations

import json

import streamlit as st

from churn_core.campaigns.plan import CONTROL
from churn_core.campaigns.readout_model import CampaignReadout
from churn_core.campaigns.segments import UNKNOWN as UNKNOWN_SLICE
from churn_core.figures import readout as figures
from churn_core.figures.effect_words import p_words
from churn_core.figures.theme import UNKNOWN, count, percent
from ui import session
from ui.errors import plain, sentence
from ui.folded_table import folded_table
from ui.readout_rows import (
    bayes_row,
    cut_name,
    guardrail_row,
    metric_label,
    result_row,
    scale_row,
    slice_rows,
    why_untold,
)
from ui.widgets import chart, table

MARKS: dict[str, tuple[str, str, str]] = {
    "ok": ("✓", "green", "fine"),
    "warn": ("!", "orange", "look at it"),
    "red": ("✕", "red", "not valid"),
}
"""Mark, colour and word of each level of a health check."""
UNKNOWN_WHO: dict[str, str] = {"tier": "customers who were not scored at the draw."}
UNKNOWN_ELSE = "customers of whom this was not stored at the draw."
"""Who is in the slice of customers without a value, by what is sliced by."""
VIEWS: dict[str, str] = {"tests": "Intervals and tests", "bayes": "Bayesian view"}
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
    """Who is in which arm: planned, assigned, and with a whole outcome window; a file knows of no windows."""
    n_all = sum(arm.n_assigned for arm in found.arms)
    st.subheader("Arms", anchor=False)
    rows = [
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
    unknown = ("What it gets", "Window complete") if found.campaign is None else ()
    table([{name: value for name, value in row.items() if name not in unknown} for row in rows])


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
    folded_table([result_row(result, found.currency) for result in found.results], key="results", left=("Arm",))
    st.caption("The same changes in percent of the control, and over all customers of the arm:")
    folded_table([scale_row(result, found.currency) for result in found.results], key="scale", left=("Arm",))
    for reason in why_untold(found):
        st.caption(reason)
    st.caption(
        "n and value: control first, then the arm. The population is everyone assigned, whether reached or not. A "
        "change is arm less control with its 95 % interval; points are differences of shares, percent is relative to "
        "the control, and the whole arm is the change times its customers. p is the chance of seeing as much where "
        "nothing changed; it is corrected for several treatments on the goal and for the many other metrics, which are "
        "hints and no proof.",
        help="Corrected by Holm's method on the goal and by Benjamini-Hochberg's on the other metrics.",
    )
    with st.expander("How each was tested"):
        folded_table(
            [
                {"Metric": metric_label(entry), "Arm": entry.arm, "Method": entry.comparison.method}
                for entry in found.results
            ],
            key="methods",
            left=("Arm", "Method"),
        )


def guardrails_block(found: CampaignReadout) -> None:
    """What must not get clearly worse, and whether it did."""
    if not found.guardrails:
        return
    st.subheader("Guardrails", anchor=False)
    folded_table(
        [guardrail_row(entry, found.currency) for entry in found.guardrails], key="guardrails", left=("Arm", "State")
    )
    for entry in found.guardrails:
        if entry.state != "kept":
            st.caption(sentence(entry.told))
    st.caption(
        "Kept: a harm as large as the accepted one is ruled out (one-sided). Open: not enough to tell. Harmed: clearly "
        "worse, and it may be by more than was accepted. Not known: nothing says what became of it."
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
    names = [cut_name(cut, found) for cut in found.segments]
    chosen = (
        st.selectbox("By", names, key="readout_cut", bind="query-params", width=360) if len(names) > 1 else names[0]
    )
    cut = found.segments[names.index(chosen) if chosen in names else 0]
    chart(figures.segments_figure(cut, currency=found.currency, mode=session.mode()), key="segments")
    folded_table(slice_rows(cut, found.currency), key="slices")
    tested = (
        "Whether the slices differ could not be tested."
        if cut.p_interaction is None
        else f"Interaction test: p {p_words(cut.p_interaction)}, adjusted over all cuts {p_words(cut.p_adjusted)}."
    )
    unknown = ""
    if any(piece.name == UNKNOWN_SLICE for piece in cut.slices):
        unknown = f" {UNKNOWN_SLICE.capitalize()}: {UNKNOWN_WHO.get(cut.column, UNKNOWN_ELSE)}"
    st.caption(f"{tested} Slices are exploratory: with many of them some look different by chance.{unknown}")


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
    labels = list(dict.fromkeys(metric_label(entry) for entry in told))
    if not labels:
        st.markdown("There is no Bayesian view of these metrics.")
        return
    chosen = st.selectbox("Metric", labels, key="bayes_metric", width=360) if len(labels) > 1 else labels[0]
    shown = [entry for entry in told if metric_label(entry) == chosen]
    chart(figures.posterior_figure(shown, currency=found.currency, mode=session.mode()), key="posterior")
    folded_table([bayes_row(entry, found.currency) for entry in found.results], key="bayes", left=("Arm",))
    st.caption(
        "Bayesian view: flat priors, Beta(1, 1) for rates and normal for means; bars are 95 % credible intervals of "
        "the difference. Expected loss is what choosing the treatment costs on average per customer if it is not "
        "better. It is a second look at the same data; the verdict above rests on the tests."
    )
    for entry in found.results:
        if entry.posterior is None and entry.posterior_reason:
            st.caption(f"{plain(metric_label(entry))}, {plain(entry.arm)}: {sentence(entry.posterior_reason)}")
