"""The blocks of the Proof page: what was warned and what happened, replayed and lived."""

from __future__ import annotations

from typing import Any, cast

import streamlit as st

from churn_core.customers.proof import Lived, LivedKey, Proof, lived, lived_key, proof, replay_workspace
from churn_core.figures import proof as figures
from churn_core.figures.theme import UNKNOWN, count, counted, day, money, percent, tier_label
from churn_core.jobs import Progress
from churn_core.models.outcomes import TIERS, CutoffOutcome, Kind, LeadTimes, Outcome, total, total_money
from ui import session
from ui.errors import guarded, plain, sentence
from ui.key_figures import figures_row, key_figure
from ui.model_results import estimator_label
from ui.proof_words import lead_basis, lead_words, notes_on, replayed_words, together, waiting_words
from ui.session import Stamp
from ui.widgets import chart, job_started, table, wait_note, waits_for

FEW_WARNED = 0.25
"""Share of those who left below which the page says that the high tier starts high."""

WHY_TWO_SHARES = (
    "Warned, then left counts every customer once, on the first day in the high tier; left in the high tier counts all "
    "who stood in it on each judged day, so whoever stays in it counts on every one."
)

KINDS: dict[Kind, str] = {"lived": "Lived", "replayed": "Replayed"}


@st.cache_data(show_spinner=False, max_entries=8)
def proof_of(stamp: Stamp) -> Proof:
    """Everything about past warnings."""
    warehouse = session.warehouse(stamp.workspace)
    is_table = not stamp.state.model_definition_version
    return proof(warehouse, None if is_table else _lived_of(stamp.workspace, lived_key(warehouse)))


@st.cache_data(show_spinner="Comparing past scores with what happened", max_entries=8)
def _lived_of(workspace: str, key: LivedKey) -> Lived:
    """The lived side, which takes longest; kept until something that it follows from changes."""
    return lived(session.warehouse(workspace))


def cutoffs_of(found: Proof) -> list[CutoffOutcome]:
    """Every judged cutoff of both kinds, oldest first."""
    judged = [*(found.lived.cutoffs if found.lived else ()), *(found.replay.cutoffs if found.replay else ())]
    return sorted(judged, key=lambda outcome: (outcome.as_of, outcome.kind))


def headline_block(found: Proof) -> None:
    """What became of the warned, in one sentence for each kind."""
    if found.lived and _lived(found):
        st.markdown(f"#### {plain(figures.headline(found.lived.warned, _lived(found), 'lived'))}")
        _late_line(found.lived.warned, found.lived.warned_late)
        st.caption("Lived: scored before anybody knew what would happen.")
    if found.replay:
        st.markdown(f"#### {plain(figures.headline(found.replay.warned, found.replay.cutoffs, 'replayed'))}")
        _late_line(found.replay.warned, found.replay.warned_late)
        st.caption(
            "Replayed: past days scored again every 30 days by models that knew only what was known on that day. "
            "A customer warned on several days counts once, at the first."
        )


def _late_line(warned: Outcome, late: Outcome) -> None:
    """How many of the warned were as good as gone; nothing where none were."""
    said = figures.late_words(warned, late)
    if said:
        st.markdown(plain(said))


def replay_block(found: Proof, *, is_running: bool) -> None:
    """The button that replays the past, what it would do, and whether the last replay still stands."""
    with st.container(border=True):
        if found.replay and found.outdated:
            st.markdown(
                f":orange[:material/update: **Out of date**]: since this replay {plain(together(found.outdated))}."
            )
        elif found.replay:
            st.markdown(f"The replay of {day(found.replay.made_at)} still stands: {replayed_words(found)}.")
        elif not found.obstacle:
            st.markdown(
                "Nothing was replayed yet. A replay goes back to past days, trains with what was known then, scores "
                "everybody and looks what happened: proof from the first day. It takes about as long as training."
                if not _lived(found)
                else "Past days can also be scored again as if on that day, so that more of them are judged."
            )
        if found.obstacle:
            st.markdown(f"The past cannot be replayed: {plain(found.obstacle)}")
        else:
            st.button(
                "Replay the past",
                type="secondary" if found.replay and not found.outdated else "primary",
                disabled=is_running or bool(waits_for()),
                on_click=guarded(_start),
                key="replay",
            )
            wait_note()
        if found.lived and not found.lived.cutoffs:
            st.caption(waiting_words(found))


def series_block(cutoffs: list[CutoffOutcome]) -> None:
    """Predicted against happened over time, tier by tier."""
    chart(figures.series_figure(cutoffs, mode=session.mode()), key="series")


def kind_block(found: Proof) -> Kind:
    """Which kind the numbers below are about; a choice only where there are both."""
    both = bool(_lived(found)) and found.replay is not None
    if not both:
        return "lived" if _lived(found) else "replayed"
    chosen = st.segmented_control(
        "Numbers of",
        list(KINDS),
        default="lived",
        required=True,
        format_func=lambda kind: KINDS[cast(Kind, kind)],
        key="proof_kind",
        bind="query-params",
    )
    return "replayed" if chosen == "replayed" else "lived"


def numbers_block(found: Proof, cutoffs: list[CutoffOutcome], kind: Kind) -> None:
    """The answer in four numbers."""
    warned = _warned(found, kind)
    leads = _leads(found, kind)
    high, everybody = total(outcome.tiers["high"] for outcome in cutoffs), total(one.everybody for one in cutoffs)
    captured = total_money(outcome.money for outcome in cutoffs).captured_share
    with figures_row("proof"):
        key_figure(
            "Warned, then left",
            percent(warned.happened),
            f"predicted {percent(warned.predicted)}",
            meaning=f"{KINDS[kind]}: {counted(warned.n, 'customer')}, each on the first day in the high tier. "
            f"95 % interval {_interval(warned)}.",
        )
        key_figure(
            "Left in the high tier",
            percent(high.happened),
            f"{percent(everybody.happened)} of all",
            meaning="On all judged days together: how many of those warned of left, beside the share of all customers.",
        )
        key_figure(
            "Warned in time",
            percent(leads.n_warned / leads.n) if leads else UNKNOWN,
            f"of {count(leads.n)} who left" if leads else "not told yet",
            meaning="Of those who fell silent and left: in the high tier before silence itself proved it.",
        )
        key_figure(
            "Expected value warned of",
            percent(captured),
            f"in {percent(high.n / everybody.n)} of all" if everybody.n else None,
            meaning="Expected value of those who left: the share that stood in the high tier, and the tier's share of "
            "customers.",
        )
    if warned.n and high.n and percent(warned.happened) != percent(high.happened):
        st.caption(WHY_TWO_SHARES)


def warnings_block(cutoffs: list[CutoffOutcome]) -> None:
    """Precision among warnings over time, by tier and on top of the list."""
    lengths = sorted({k for outcome in cutoffs for k in outcome.tops})
    k = None
    if lengths:
        k = st.segmented_control(
            "Length of the list by value at risk",
            lengths,
            default=100 if 100 in lengths else lengths[0],
            format_func=count,
            required=True,
            key="proof_top",
            bind="query-params",
        )
    chart(figures.warnings_figure(cutoffs, k, mode=session.mode()), key="warnings")
    st.caption(
        "Value at risk puts those first with whom most money would go, not those most certain to go; its list may hold "
        "fewer leavers and more money than the high tier."
    )


def calibration_block(cutoffs: list[CutoffOutcome]) -> None:
    """The calibration curve over all cutoffs."""
    chart(figures.calibration_figure(cutoffs, mode=session.mode()), key="proof_calibration")
    st.caption(
        "Where a point lies on the dotted line, what was predicted happened. Neighbouring days share customers, so the "
        "intervals of all days together are somewhat too narrow."
    )


def lead_block(found: Proof, kind: Kind) -> None:
    """How soon after the last order those who left were in the high tier."""
    leads = _leads(found, kind)
    if leads is None:
        st.markdown(
            "Not told yet: the days that were scored do not reach over a whole horizon, so nobody could be followed "
            "from the last order to the day on which silence proves it."
        )
        return
    chart(figures.lead_figure(leads, kind, mode=session.mode()), key="lead")
    table(_lead_rows(leads), width="content")
    st.markdown(plain(lead_words(leads)))
    if leads.n_warned < FEW_WARNED * leads.n:
        st.markdown(
            "The high tier starts where few of them ever came while they were leaving. A lower cut-off warns of more "
            "of them, and of more who stay."
        )
        st.page_link("pages/models/cutoffs.py", label="Cut-offs", icon=":material/arrow_forward:")
    st.caption(lead_basis(leads))


def money_block(cutoffs: list[CutoffOutcome]) -> None:
    """Money that left and whether it had been warned of; money of those who stayed, expected and spent."""
    chart(figures.money_figure(cutoffs, mode=session.mode()), key="money")
    table([_money_row(outcome) for outcome in cutoffs])
    all_money = total_money(outcome.money for outcome in cutoffs)
    if all_money.stayed_value:
        st.caption(
            "Money that left is the expected value, as it was told then, of customers who left. Those who stayed were "
            f"expected to bring {_money(all_money.stayed_value)} and brought {_money(all_money.stayed_spent)} "
            f"({percent(all_money.stayed_spent / all_money.stayed_value)}), margin applied to both."
        )


_OFTEN_ALIKE = {"": "{}", "Judged by": "judged by {}", "Model": "model {}"}
"""Columns of the table that are said once below it, with their words, where they hold one value only."""


def table_block(cutoffs: list[CutoffOutcome]) -> None:
    """Every cutoff and tier as numbers."""
    with st.expander("Every day and tier"):
        rows = [_tier_row(outcome, tier) for outcome in cutoffs[::-1] for tier in TIERS if outcome.tiers[tier].n]
        alike = [name for name in _OFTEN_ALIKE if len({row[name] for row in rows}) == 1]
        table([{name: value for name, value in row.items() if name not in alike} for row in rows])
        if alike:
            st.caption(f"All rows: {', '.join(_OFTEN_ALIKE[name].format(plain(rows[0][name])) for name in alike)}.")


def notes_block(found: Proof) -> None:
    """What is counted and what is left out."""
    notes = " ".join(sentence(note) for note in notes_on(found))
    if notes:
        st.caption(notes)


def _lived(found: Proof) -> list[CutoffOutcome]:
    return [outcome for outcome in found.lived.cutoffs if outcome.kind == "lived"] if found.lived else []


def _warned(found: Proof, kind: Kind) -> Outcome:
    side = found.lived if kind == "lived" else found.replay
    return side.warned if side else Outcome()


def _leads(found: Proof, kind: Kind) -> LeadTimes | None:
    side = found.lived if kind == "lived" else found.replay
    return side.leads if side else None


def _lead_rows(leads: LeadTimes) -> list[dict[str, str]]:
    return [
        {
            "Of the warned": words,
            "were warned by day": _days(leads.silent_quantile(share)),
            "at least days before silence proved it": _days(leads.early_quantile(share)),
        }
        for share, words in ((0.25, "the first quarter"), (0.5, "half"), (0.75, "three quarters"))
    ]


def _tier_row(outcome: CutoffOutcome, tier: str) -> dict[str, Any]:
    judged = outcome.tiers[tier]
    return {
        "Scored as of": day(outcome.as_of),
        "": outcome.kind,
        "Tier": tier_label(tier),
        "Customers": count(judged.n),
        "Predicted": percent(judged.predicted),
        "Happened": percent(judged.happened),
        "95 % interval": _interval(judged),
        "Judged by": f"{outcome.definition.horizon_days} days"
        + (f" after {outcome.definition.lead_days}" if outcome.definition.lead_days else ""),
        "Model": f"{outcome.model_version}, {estimator_label(outcome.estimator)}",
    }


def _money_row(outcome: CutoffOutcome) -> dict[str, str]:
    held = outcome.money
    return {
        "Scored as of": day(outcome.as_of),
        "Left with those who left": _money(held.lost_value),
        "In the high tier": percent(held.captured_share),
        **{f"First {count(k)}": percent(held.captured_top(k)) for k in outcome.tops if k in (100, 500)},
        "Expected of those who stayed": _money(held.stayed_value),
        "They brought": _money(held.stayed_spent),
    }


def _interval(outcome: Outcome) -> str:
    found = outcome.interval
    return f"{percent(found[0])} to {percent(found[1])}" if found else UNKNOWN


def _money(amount: float) -> str:
    return money(amount, session.currency())


def _days(number: int | None) -> str:
    return UNKNOWN if number is None else count(number)


def _start() -> None:
    warehouse = session.warehouse()

    def work(progress: Progress) -> dict[str, object]:
        made = replay_workspace(warehouse, progress)
        return {
            "message": f"{counted(len(made.cutoffs), 'past day')} replayed: "
            + figures.headline(made.warned, made.cutoffs, "replayed"),
            "replay_id": made.replay_id,
        }

    job_started(session.runner().start("replay", "Replaying the past", work))
