"""The blocks of the Programme page: who is held out, what the whole programme brought, all campaigns and what they
taught."""

from __future__ import annotations

from typing import Any

import streamlit as st

from churn_core.campaigns.holdout_effect import QuarterEffect
from churn_core.campaigns.programme import ArmEffect, Programme, ProgrammeLine
from churn_core.campaigns.programme import programme as read_programme
from churn_core.figures import programme as figures
from churn_core.figures.effect_words import effect_words, p_words, range_words, signed_money, value_words
from churn_core.figures.theme import UNKNOWN, count, counted, day, percent
from ui import session
from ui.currency_hint import currency_hint
from ui.errors import plain, sentence
from ui.key_figures import figures_row, key_figure
from ui.session import Stamp
from ui.session_plan import drafts_and_campaigns, status_words
from ui.widgets import chart, table

DECIDED = {"ship": "▲ ship", "stop": "■ stop", "continue": "▶ continue"}
_OPEN = "open_campaign"


@st.cache_data(show_spinner="Looking back at all campaigns", max_entries=8)
def programme_of(stamp: Stamp) -> Programme:
    """All campaigns together."""
    return read_programme(session.warehouse(stamp.workspace))


def holdout_block(found: Programme) -> None:
    """Whether customers are kept out of all campaigns, how many, and since when."""
    held = found.holdout
    if held is None:
        with st.container(border=True):
            st.markdown(f"**No global holdout.** {sentence(found.told)}")
            st.page_link("pages/settings/settings.py", label="Settings", icon=":material/arrow_forward:")
        return
    with figures_row("programme"):
        key_figure("Held out of all campaigns", count(held.n_held_out), f"of {counted(held.n_customers, 'customer')}")
        key_figure(
            "Share",
            percent(held.share),
            f"generation {held.generation}",
            meaning="A generation is one draw of who is held out; it counts up each time they are drawn anew.",
        )
        key_figure("Since", day(held.started_at), f"started by {held.person}")
        key_figure(
            "Reshuffle",
            "due now" if held.is_due else day(held.reshuffle_at) if held.reshuffle_at else "not planned",
            f"{count(held.n_waiting)} new customers wait to be drawn" if held.n_waiting else None,
            meaning="When to draw anew who is held out, so that nobody is kept from all campaigns for ever. It begins "
            "the next generation, in the settings.",
        )
    if held.is_small:
        st.caption("So few are held out that the effect of the whole programme will be known only roughly.")


def quarters_block(found: Programme) -> None:
    """The effect of the programme per quarter, with interval and n."""
    if not found.quarters:
        if found.holdout is not None:
            st.info(sentence(found.told))
        return
    st.subheader("What the programme brought", anchor=False)
    currency_hint()
    chart(
        figures.quarters_figure(found.quarters, told=found.told, currency=found.currency, mode=session.mode()),
        key="quarters",
    )
    table([_quarter_row(entry, found.currency) for entry in reversed(found.quarters)], most_rows=12)
    for entry in found.quarters:
        if not entry.is_valid:
            st.caption(f"{plain(entry.label)}: {sentence(entry.health.told)}")
    gain = "Margin" if found.quarters[0].gain == "margin" else "Revenue (no margin is set)"
    st.caption(
        f"{gain} before the costs of campaigns, over everybody open to them, whether contacted or not, against those "
        "held out; whoever was drawn within a quarter counts from the next one on."
    )


def campaigns_block(found: Programme) -> None:
    """Every campaign with what was found, decided and learned, and the way to it."""
    st.subheader("All campaigns", anchor=False)
    if not found.campaigns:
        st.markdown("There is no campaign yet.")
        st.page_link("pages/campaigns/plan.py", label="Plan a campaign", icon=":material/arrow_forward:")
        return
    stands = {entry.campaign_id: status_words(entry).split(":")[0] for entry in drafts_and_campaigns()}
    table(
        [_campaign_row(entry, stands, found.currency) for entry in found.campaigns],
        config={
            "": st.column_config.ButtonColumn("", type="secondary", width=62, pinned=True, key=_OPEN),
            "Campaign": st.column_config.TextColumn(width=118),
            "Status": st.column_config.TextColumn(width=62),
            "Start": st.column_config.TextColumn(width=92),
            "Effect": st.column_config.TextColumn(width=138),
            "Left over": st.column_config.TextColumn(width=70, alignment="right"),
        },
        most_rows=10,
        is_folded=True,
    )
    click = st.session_state.get(_OPEN)
    if click is not None:
        _go(found.campaigns[click["row"]])
    st.caption("Effects and left over are as they stood at the latest decision, with that day's readout kept.")
    decided = [entry for entry in found.campaigns if entry.decision]
    if decided:
        st.subheader("What was decided and learned", anchor=False)
        for entry in decided:
            learned = f" Learned: {sentence(entry.learned)}" if entry.learned else ""
            st.markdown(
                f"**{plain(entry.name)}**, {plain(DECIDED.get(entry.decision, entry.decision))} on "
                f"{day(entry.decided_at)} by {plain(entry.person)}: {sentence(entry.why)}{learned}"
            )


def _go(entry: ProgrammeLine) -> None:
    """To the readout of a campaign that was drawn, else to its plan."""
    page = "pages/campaigns/readout.py" if entry.status in ("locked", "decided") else "pages/campaigns/plan.py"
    st.switch_page(page, query_params={"campaign": entry.campaign_id})


def _quarter_row(entry: QuarterEffect, currency: str) -> dict[str, Any]:
    primary = entry.results[0] if entry.is_valid and entry.results else None
    compared = primary.comparison if primary else None
    return {
        "Quarter": figures.quarter_label(entry),
        "Held out": count(entry.n_held_out),
        "Open": count(entry.n_open),
        f"{entry.gain.capitalize()} per customer": UNKNOWN
        if compared is None
        else f"{value_words(compared.control, 'currency', currency)} → "
        f"{value_words(compared.treatment, 'currency', currency)}",
        "Change": effect_words(compared.difference.value, "currency", currency) if compared else UNKNOWN,
        "Interval": range_words(compared.difference, "currency", currency) if compared else UNKNOWN,
        "p": p_words(compared.p_value) if compared else UNKNOWN,
        "Whole programme": signed_money(entry.money.value, currency) if entry.is_valid else "not valid",
        "Interval, whole": range_words(entry.money, "currency", currency) if entry.is_valid else UNKNOWN,
    }


def _campaign_row(entry: ProgrammeLine, stands: dict[str, str], currency: str) -> dict[str, Any]:
    return {
        "": "Open",
        "Campaign": entry.name,
        "Status": DECIDED.get(entry.decision) or stands[entry.campaign_id],
        "Start": _when(entry),
        "Effect": f"{entry.goal}: {_effects(entry, currency)}",
        "Left over": signed_money(entry.net.value, currency) if entry.net else UNKNOWN,
    }


def _when(entry: ProgrammeLine) -> str:
    """When it began and with how many; a draft knows neither."""
    drawn = [f"{count(entry.n_customers)} drawn"] if entry.n_customers else []
    return ", ".join([*([day(entry.starts_on)] if entry.starts_on else []), *drawn]) or "not drawn yet"


def _effects(entry: ProgrammeLine, currency: str) -> str:
    """What was found at the decision; before it nothing is."""
    told = [_effect(effect, currency, is_only=len(entry.effects) == 1) for effect in entry.effects]
    return "; ".join(told) or ("not told" if entry.decision else "not decided yet")


def _effect(effect: ArmEffect, currency: str, *, is_only: bool) -> str:
    """With its interval and n; the arm is named where there are several."""
    arm = "" if is_only else f"{effect.arm} "
    value = effect_words(effect.difference.value, effect.unit, currency)
    between = range_words(effect.difference, effect.unit, currency).removesuffix(" points")
    return f"{arm}{value} [{between}], n {count(effect.n)}"
