"""The blocks of the Settings page: money, tiers, stable attributes, what the workspace holds, the audit log."""

from __future__ import annotations

import streamlit as st

from churn_core.customers.attributes import attributes
from churn_core.customers.tiers import TierPolicy, active_policy, policy_words, save_policy
from churn_core.figures.theme import count, percent
from churn_core.models.runs import latest_run
from churn_core.settings import Settings, save_settings, settings
from churn_core.state import recent_changes, table_counts
from churn_core.workspaces import list_workspaces
from ui import session
from ui import session_customers as calls
from ui.change_words import change_words
from ui.errors import guarded, plain
from ui.key_figures import figures_row, key_figure
from ui.policy_blocks import ALERTS_FOLLOW
from ui.session import Stamp
from ui.widgets import table, table_words

CURRENCIES = ["", "GBP", "EUR", "USD", "CNY", "CHF", "SEK", "NOK", "DKK", "PLN", "CZK", "JPY", "INR", "AUD", "CAD"]
WHY_STABLE = (
    "Attributes without a date are known as they are today. If an attribute changes when a customer leaves "
    "(a status, a balance, a last login), a model that learns from it learns the answer instead of the warning: "
    "it looks excellent on the past and fails on the future. So attributes are kept and usable as filters, and "
    "learned from only when you say that they do not change afterwards, such as country or year of birth."
)


def money_block() -> None:
    """Currency and margin."""
    now = settings(session.warehouse())
    choices = CURRENCIES if now.currency in CURRENCIES else [now.currency, *CURRENCIES]
    with st.form("money", border=False):
        left, right = st.columns(2)
        left.selectbox(
            "Currency",
            choices,
            index=choices.index(now.currency),
            format_func=lambda code: code or "not set",
            key="settings_currency",
            accept_new_options=True,
            help="Three-letter code. It stands beside every amount; amounts are not converted.",
        )
        right.number_input(
            "Margin, % of revenue",
            min_value=0.1,
            max_value=100.0,
            value=100 * now.margin_rate,
            step=1.0,
            format="%.1f",
            key="settings_margin",
            help="Expected value and value at risk are margin. 100 % counts revenue. Applies from the next scoring on.",
        )
        st.form_submit_button("Save", on_click=guarded(_save_money))


def tiers_block() -> None:
    """Risk from which a customer is high or medium; tiers by capacity or profit are changed on their own page."""
    policy = active_policy(session.warehouse())
    st.caption(_tier_words(policy))
    st.page_link("pages/models/cutoffs.py", label="Cut-offs: by capacity or profit, all versions")
    if policy.kind != "probability":
        return
    with st.form("tiers", border=False):
        left, right = st.columns(2)
        left.number_input(
            "High from a risk of, %", 0.0, 100.0, round(100 * policy.high_from, 1), 1.0, "%.1f", key="settings_high"
        )
        right.number_input(
            "Medium from a risk of, %",
            0.0,
            100.0,
            round(100 * policy.medium_from, 1),
            1.0,
            "%.1f",
            key="settings_medium",
        )
        st.form_submit_button("Save thresholds", on_click=guarded(_save_tiers))


def stable_block() -> None:
    """Which customer attributes a model may learn from."""
    found = customer_attributes(session.stamp())
    st.markdown(WHY_STABLE)
    if not found:
        st.caption("There are no customer attributes yet; import a table of customers to have some.")
        return
    now = settings(session.warehouse())
    names = sorted({*found, *now.stable_attributes})
    with st.form("stable", border=False):
        st.multiselect(
            "Stable attributes: they do not change when a customer leaves",
            names,
            default=list(now.stable_attributes),
            key="settings_stable",
            placeholder="none",
        )
        st.form_submit_button("Save attributes", on_click=guarded(_save_stable))
    st.caption("Applies from the next training on.")


def workspace_block() -> None:
    """File, size and rows of the workspace."""
    name = session.current_workspace()
    file = next(workspace for workspace in list_workspaces() if workspace.name == name)
    state = session.stamp().state
    with figures_row("workspace"):
        key_figure("Size of the file", f"{file.size_bytes / 2**20:,.1f} MB")
        key_figure("Data version", str(state.data_version))
        key_figure("Churn definition", str(state.definition_version or "none"))
        key_figure("Model", str(state.model_version or "none"))
        key_figure("Score run", str(state.run_id or "none"))
    rows = table_counts(session.warehouse())
    if rows:
        table(
            [{"Table": table_words(name), "Rows": count(n_rows)} for name, n_rows in rows],
            most_rows=len(rows),
            width="content",
        )
    st.caption(plain(file.path))


def score_again_block() -> None:
    """Start scoring with the settings as they are."""
    if session.stamp().state.model_version:
        st.button("Score again with these settings", on_click=guarded(calls.start_scoring), key="score_again")


def changes_block() -> None:
    """The newest lines of the audit log."""
    rows = recent_changes(session.warehouse())
    if not rows:
        st.caption("Nothing was changed yet.")
        return
    table(
        [
            {"When (UTC)": row["at"], "What": row["action"], "Detail": change_words(row["action"], row["detail"])}
            for row in rows
        ],
        config={"When (UTC)": st.column_config.DatetimeColumn(format="D MMM YYYY, HH:mm", width=135)},
        most_rows=11,
    )


@st.cache_data(show_spinner=False, max_entries=8)
def customer_attributes(stamp: Stamp) -> list[str]:
    """Names of the attributes of the customers table."""
    return [attribute.name for attribute in attributes(session.warehouse(stamp.workspace), "orders")]


def _tier_words(policy: TierPolicy) -> str:
    is_measured = bool(session.stamp().state.model_version)
    proposed = "proposed from this shop's churn rate" if is_measured else "until a first model knows the churn rate"
    origin = f"policy {policy.version}" if policy.version else proposed
    if policy.kind != "probability":
        return plain(f"{policy_words(policy)} ({origin})")
    return (
        f"High from {percent(policy.high_from)}, medium from {percent(policy.medium_from)} ({origin}). "
        "Saving sorts the customers of the latest scoring into the new tiers at once."
    )


def _save_money() -> None:
    now = settings(session.warehouse())
    chosen = Settings(
        currency=str(st.session_state["settings_currency"] or "").strip().upper(),
        margin_rate=st.session_state["settings_margin"] / 100,
        stable_attributes=now.stable_attributes,
    )
    _saved(save_settings(session.warehouse(), chosen))


def _save_stable() -> None:
    now = settings(session.warehouse())
    chosen = Settings(
        currency=now.currency,
        margin_rate=now.margin_rate,
        stable_attributes=tuple(st.session_state["settings_stable"]),
    )
    _saved(save_settings(session.warehouse(), chosen))


def _saved(changed: list[str]) -> None:
    st.toast(f"Saved: {', '.join(changed).replace('_', ' ')}." if changed else "Nothing to save; nothing changed.")


def _save_tiers() -> None:
    high, medium = st.session_state["settings_high"] / 100, st.session_state["settings_medium"] / 100
    policy = save_policy(session.warehouse(), high_from=high, medium_from=medium)
    run = latest_run(session.warehouse())
    applied = f" and applied to the latest scoring. {ALERTS_FOLLOW}" if run else "."
    st.toast(f"Saved as policy {policy.version}{applied}")
