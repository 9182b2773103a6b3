"""The last steps before anybody is contacted: when and in which weeks, what will be drawn, and the lock."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from churn_core.campaigns.drawn import DrawPreview
from churn_core.campaigns.plan import ENTRIES, reminders
from churn_core.campaigns.plan_text import TERMS
from churn_core.campaigns.store import Campaign
from churn_core.figures.theme import count, counted, day, money, percent
from ui import session
from ui import session_plan as calls
from ui.errors import errors_shown, guarded, plain, sentence
from ui.layout import NARROW
from ui.plan_fields import Fields
from ui.plan_frame import Missing
from ui.plan_power import per_week_input
from ui.session import Stamp
from ui.widgets import table, wait_note, waits_for

SECTIONS = {
    "Goal": ("Goal",),
    "Audience": ("Audience",),
    "Exclusions": ("Audience",),
    "Arms": ("Arms",),
    "Power": ("How sure",),
    "Draw": ("Time", "Arms"),
}
"""Sections of a locked plan's text that a step shows; the whole text at the others."""


def draw_step(stamp: Stamp, found: Campaign, missing: Missing) -> None:
    """Start, weeks and who may join; then the draw on trial."""
    fields = Fields(found=found, step="Draw")
    plan = found.plan
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.date_input(
            "First day of contact", format="YYYY-MM-DD", width=180,
            help="Outcomes count from this day on, so nothing of it may be known yet when the arms are drawn.",
            **fields.at("start", plan.starts_on, lambda changed, on: replace(changed, starts_on=on)),
        )  # fmt: skip
        per_week_input(fields, plan)
    st.radio(
        "New customers", list(ENTRIES), format_func=ENTRIES.__getitem__,
        **fields.at("entry", plan.entry, lambda changed, entry: replace(changed, entry=entry)),
    )  # fmt: skip
    st.caption(
        "Who gets what is drawn by lot. The lot follows from the campaign's id and the customer's id alone, so the "
        "draw comes out the same on any machine and has nothing to do with that of another campaign.",
        help=f"A hash of the customer's id with the seed, which is the campaign's id, {found.campaign_id}.",
    )
    if "Arms" in missing or "Audience" in missing or "Exclusions" in missing:
        st.info("What will be drawn is shown here as soon as there are arms whose shares add up, and customers.")
        return
    with errors_shown():
        _preview(calls.draw_preview(stamp, found))


def _preview(drawn: DrawPreview) -> None:
    currency = session.currency()
    st.markdown(f"**{counted(drawn.n_customers, 'customer')} would be drawn**")
    table(
        [
            {
                "Arm": arm.arm,
                "Customers": count(arm.n_customers),
                "Planned": percent(arm.planned_share),
                "Drawn": percent(arm.n_customers / drawn.n_customers if drawn.n_customers else None),
                "Mean risk": percent(arm.mean_risk),
                "Mean expected value": money(arm.mean_expected_value, currency),
            }
            for arm in drawn.arms
        ]
    )
    st.markdown("**Balanced in each group by tier and expected value**")
    table(
        [
            {"Group": row.stratum, "Customers": count(row.n_customers)}
            | {arm: f"{count(n)} ({percent(n / row.n_customers)})" for arm, n in row.arms.items()}
            for row in drawn.strata
        ],
        most_rows=12,
    )
    if len(drawn.waves) > 1:
        st.markdown(f"**{counted(len(drawn.waves), 'weekly wave')}**")
        table(
            [
                {"Week": str(wave.wave), "First day": day(wave.starts_on), "Customers": count(wave.n_customers)}
                | {arm: count(n) for arm, n in wave.arms.items()}
                for wave in drawn.waves
            ]
        )
    for told in drawn.refusals:
        st.markdown(f":orange[:material/warning:] {sentence(told)}")


def lock_step(stamp: Stamp, found: Campaign, missing: Missing) -> None:
    """The plan as it will be frozen, and the lock."""
    if missing:
        told = [f"- **{step}**: {sentence(text)}" for step, texts in missing.items() for text in texts]
        st.info("The plan can be locked when nothing is missing any more:\n\n" + "\n".join(told))
        return
    with errors_shown():
        drawn = calls.draw_preview(stamp, found)
        if forgotten := reminders(found.plan):
            st.warning("**Look again before you lock.**\n" + "".join(f"\n- {sentence(text)}" for text in forgotten))
        plan_text_block(calls.plan_text(stamp, found))
        if drawn.refusals:
            st.warning(
                "**The campaign cannot be locked as it is.**\n" + "".join(f"\n- {sentence(t)}" for t in drawn.refusals)
            )
            return
        _lock(found, drawn)


def _lock(found: Campaign, drawn: DrawPreview) -> None:
    fields = Fields(found=found, step="Lock")
    sure = st.checkbox(
        f"I have read the plan. {counted(drawn.n_customers, 'customer')} are drawn, and nothing of it can be changed "
        "afterwards.",
        key=fields.key(f"sure_{found.plan.sha256[:12]}"),
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Lock the plan and draw the arms", type="primary", icon=":material/lock:", key=fields.key("lock"),
            disabled=not sure or bool(waits_for(*calls.DRAWING)), on_click=guarded(calls.start_lock),
            args=(found.campaign_id, drawn),
        )  # fmt: skip
        wait_note(*calls.DRAWING)
        if not sure:
            st.caption("Possible when you have ticked that you read the plan.", width="content")


def plan_text_block(text: str, *sections: str) -> None:
    """A plan's text as the page shows it: below the page's own title, or some of its sections alone.

    What the methods are called stands in the help of how it will be read.
    """
    shown = text.replace("$", "\\$").replace("![", "!\\[")
    parts = shown.split("\n## ")
    head = parts[0].partition("\n")[2].strip()
    terms = next((part.partition("\n")[2].strip() for part in parts[1:] if _heading(part) == TERMS), None)
    bodies = [part for part in parts[1:] if (_heading(part) in sections if sections else _heading(part) != TERMS)]
    st.html(
        "<style>.st-key-plan_text table { display: block; overflow-x: auto; } "
        ".st-key-plan_text :is(th, td):not(:nth-child(4)) { white-space: nowrap; } "
        ".st-key-plan_text :is(th, td):nth-child(4) { min-width: 12rem; } "
        f"@media (max-width: {NARROW}px) {{ .st-key-plan_text :is(th, td) {{ font-size: 0.85rem; padding: 0.3rem; }} "
        ".st-key-plan_text th:not(:nth-child(4)) { white-space: normal; } "
        ".st-key-plan_text :is(th, td):nth-child(4) { min-width: 8rem; } }</style>"
    )
    with st.container(border=True, key="plan_text"):
        if not sections and head:
            st.caption(head)
        st.markdown("\n\n".join(f"##### {body}" for body in bodies), help=None if sections else terms)


def _heading(part: str) -> str:
    return part.partition("\n")[0].strip()


def locked_step(found: Campaign, step: str) -> None:
    """A step of a locked plan: its part of the text, to read only."""
    by = f" by {plain(found.locked_by)}" if found.locked_by else ""
    at = f"{found.locked_at:%-d %b %Y, %H:%M} UTC" if found.locked_at else ""
    st.info(f"Locked on {at}{by}. The plan is as it was then; nothing of it changes.", icon=":material/lock:")
    plan_text_block(found.plan_text, *SECTIONS.get(step, ()))
