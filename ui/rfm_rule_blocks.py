"""The blocks of the RFM page about the rule: which limits hold, another rule with what it would do, all versions."""

from __future__ import annotations

import streamlit as st

from churn_core.customers.rfm import RfmTable
from churn_core.customers.rfm_rule import GROUPS, KINDS, SCORES, RfmRule, Thresholds, rule_words, same_rule
from churn_core.customers.rfm_rules import activate_rule, save_rule
from churn_core.figures.theme import UNKNOWN, count, counted, money
from ui import session, widgets
from ui import session_rfm as calls
from ui.errors import errors_shown, guarded
from ui.session import Stamp

_WORTH = {score: f"F and M {score}" for score in SCORES}
_PARTS = {
    "recency": ("Days since the last order, at most", 0.0, 1.0),
    "frequency": ("Orders, at least", 0.0, 1.0),
    "money": ("Spend, at least", None, 1.0),
}
"""Label, least value and step of each part's thresholds."""


_INPUTS = ("rfm_kind", "rfm_window", "rfm_base", *(f"rfm_{part}_" for part in _PARTS))
"""Keys of the inputs of another rule; going back to a version starts them anew."""


def limits_block(found: RfmTable, currency: str) -> None:
    """From where on each score is given on this day, with its customers."""
    limits = found.thresholds
    sizes = {
        part: {score: sum(cell.n for cell in found.cells if getattr(cell, part) == score) for score in SCORES}
        for part in _PARTS
    }
    words = {
        "recency": lambda limit: f"at most {counted(round(limit), 'day')}",
        "frequency": lambda limit: f"from {counted(round(limit), 'order')} on",
        "money": lambda limit: f"from {money(limit, currency)} on",
    }
    rows = []
    for score in SCORES[::-1]:
        row = {"Score": str(score)}
        for part, label in (("recency", "R: last order ago"), ("frequency", "F: orders"), ("money", "M: spend")):
            limit = None if score == 1 else getattr(limits, part)[score - 2]
            n = sizes[part][score]
            row[label] = (
                f"{'all others' if score == 1 else words[part](limit) if limit is not None else UNKNOWN} "
                f"({counted(n, 'customer')})"
                if n
                else "nobody"
            )
        rows.append(row)
    widgets.table(rows, config={"Score": st.column_config.Column(width=60)})
    st.caption(
        "By fifths a value's place is the share of customers below it plus half of those who share it, and each fifth "
        "gets a score. Equal values get equal scores, so a score can be larger than a fifth, or nobody's; whoever is "
        "silent longer than those the fifths are taken from has R 1."
    )


def editor_block(stamp: Stamp, found: RfmTable) -> None:
    """Another rule, what it would do, and saving it."""
    now = calls.active_rule(stamp)
    st.subheader("Another rule", anchor=False)
    with errors_shown():
        with st.container(horizontal=True, vertical_alignment="bottom"):
            kind = st.segmented_control(
                "Scores", list(KINDS), default=now.kind, format_func=lambda kind: KINDS[kind], key="rfm_kind",
                required=True,
            )  # fmt: skip
            window = st.number_input(
                "Count orders of so many days", 1, 3650, now.window_days, placeholder="all", key="rfm_window",
                width=230, help="Leave it empty to count all orders.",
            )  # fmt: skip
            base = now.base_days
            if kind == "quintile":
                base = st.number_input(
                    "Compare with who ordered in so many days", 1, 3650, now.base_days, placeholder="all",
                    key="rfm_base", width=290, help="Whoever is silent longer gets R 1. Empty: all customers.",
                )  # fmt: skip
        limits = _own_limits(found, now) if kind == "rule" else None
        grid = _grid(now)
        rule = RfmRule(kind=str(kind), thresholds=limits, base_days=base, window_days=window, grid=grid)
        if same_rule(rule, now):
            st.caption("This is the rule in force. Change something to see what it would do.")
            return
        _preview(found, calls.table(stamp, found.day, rule))
        st.button("Save and use", type="primary", key="rfm_save_rule", on_click=guarded(_save), args=(rule,))
        st.caption(
            "Saving keeps the rule as a new version; earlier ones can be used again. Saved segments stay as they are."
        )


def versions_block(stamp: Stamp) -> None:
    """Every version with when and by whom, and going back to one, or to the proposed rule."""
    saved = calls.saved_rules(stamp)
    if not saved:
        st.caption("Nothing was saved yet; the proposed rule holds.")
        return
    widgets.table(
        [
            {
                "Version": str(entry.rule.version),
                "In force": "yes" if entry.is_active else "",
                "Rule": rule_words(entry.rule),
                "Saved (UTC)": f"{entry.rule.saved_at:%-d %b %Y %H:%M}" if entry.rule.saved_at else UNKNOWN,
                "By": entry.saved_by or UNKNOWN,
            }
            for entry in saved
        ],
        config={
            "Version": st.column_config.Column(width=60),
            "In force": st.column_config.Column(width=60),
            "Rule": st.column_config.Column(width=540),
        },
    )
    now = calls.active_rule(stamp).version
    others = [version for version in (*(entry.rule.version for entry in saved), 0) if version != now]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        version = st.selectbox(
            "Another version", others, format_func=lambda one: f"Rule {one}" if one else "Proposed rule",
            key=f"rfm_version_{now}", width=180,
        )  # fmt: skip
        st.button("Use again", key="rfm_activate", on_click=guarded(_activate), args=(version,))


def _own_limits(found: RfmTable, now: RfmRule) -> Thresholds:
    """Twelve limits, proposed from those that hold now."""
    start = now.thresholds or _rising(found.thresholds)
    given: dict[str, tuple[float | None, ...]] = {}
    for part, (label, least, step) in _PARTS.items():
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.markdown(f"{label}", width=220)
            given[part] = tuple(
                st.number_input(
                    f"Score {score}",
                    least,
                    None,
                    value,
                    step,
                    key=f"rfm_{part}_{score}",
                    width=110,
                    format="%.2f" if part == "money" else "%.0f",
                )
                for score, value in zip(SCORES[1:], getattr(start, part), strict=True)
            )
    return Thresholds(**given)


def _rising(limits: Thresholds) -> Thresholds:
    """The limits of the day made strictly ordered, so that they can be edited: ties and gaps are filled."""
    parts = {}
    for part, sign in (("recency", -1), ("frequency", 1), ("money", 1)):
        made: list[float] = []
        for value in getattr(limits, part):
            start = float(value) if value is not None else (made[-1] + sign if made else 4.0 if sign < 0 else 2.0)
            made.append(start if not made or sign * start > sign * made[-1] else made[-1] + sign)
        if part == "recency" and made[-1] < 0:
            made = [value - made[-1] for value in made]
        parts[part] = tuple(made)
    return Thresholds(**parts)


def _grid(now: RfmRule) -> tuple[tuple[str, ...], ...]:
    """The group of every R and every mean of F and M, rounded up; each can be changed."""
    st.markdown("**Group by R and by the mean of F and M, rounded up**")
    edited = st.data_editor(
        [{"R": f"R {score}"} | dict(zip(_WORTH.values(), now.grid[score - 1], strict=True)) for score in SCORES[::-1]],
        key=f"rfm_grid_editor_{now.version}",
        hide_index=True,
        disabled=["R"],
        column_config={
            "R": st.column_config.Column(width=50),
            **{
                name: st.column_config.SelectboxColumn(name, options=list(GROUPS), required=True)
                for name in _WORTH.values()
            },
        },
    )
    return tuple(tuple(str(row[name]) for name in _WORTH.values()) for row in edited[::-1])


def _preview(now: RfmTable, then: RfmTable) -> None:
    """How many customers each group would get."""
    before, after = now.groups, then.groups
    widgets.table(
        [
            {
                "Group": name,
                "Customers": count(after[name].n),
                "Customers now": count(before[name].n),
                "Difference": f"{after[name].n - before[name].n:+,}" if after[name].n != before[name].n else "0",
            }
            for name in GROUPS
        ],
        config={"Difference": st.column_config.Column(alignment="right")},
    )


def _save(rule: RfmRule) -> None:
    saved = save_rule(session.warehouse(), rule)
    st.toast(f"Saved as rule {saved.version}; groups follow it from now on.")


def _activate(version: int) -> None:
    activate_rule(session.warehouse(), version)
    for key in [str(key) for key in st.session_state if str(key).startswith(_INPUTS)]:
        del st.session_state[key]
    st.toast(f"{f'Rule {version}' if version else 'The proposed rule'} is in force again.")
