"""The inputs that choose customers, in one compact row.

All choices live in the address, so that a list can be sent to somebody else; where they belong to something that is
kept, such as a plan, they live under keys of their own instead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from churn_core.customers.attributes import Attribute
from churn_core.customers.selection import CustomerFilter, described
from churn_core.customers.tiers import TIERS
from churn_core.figures.theme import currency_sign
from ui import session
from ui import session_customers as calls
from ui.errors import plain
from ui.left_note import left_switch
from ui.session import Stamp
from ui.session_uplift import net_state

MORE = (
    "value_from", "value_to", "expected_from", "expected_below", "risk_from", "risk_to",
    "group", "feature", "segment", "tag", "attribute", "number", "number_from", "number_to", "net_from", "new",
)  # fmt: skip
"""Widget keys behind "More filters", which are also parameters of the address."""

KEYS = ("tier", "find", "order", "page", "left", *MORE)
"""All of them."""

_CLEARED: dict[str, Any] = {
    "tier": [], "find": "", "order": "Most value at risk first", "page": 1,
    "group": [], "feature": [], "tag": [], "attribute": [], "new": False, "left": False,
}  # fmt: skip
"""What a widget holds when nothing is chosen; None where it is not here."""

ORDERS = {
    "Most value at risk first": ("value_at_risk", True),
    "Highest risk first": ("risk", True),
    "Lowest risk first": ("risk", False),
    "Highest expected value first": ("expected_value", True),
    "Longest since last order first": ("days_since_last_order", True),
    "Latest order first": ("days_since_last_order", False),
    "Customer id": ("customer_id", False),
}
"""Orders offered, as sort and whether descending."""


NET_ORDERS = {"Highest net value first": ("net_value", True)}
"""Offered as soon as a campaign taught what contacting is worth."""
ALL_ORDERS = {**ORDERS, **NET_ORDERS}
EVERYBODY = CustomerFilter()


def _first_page() -> None:
    st.session_state["page"] = 1


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the choices of a filter live."""

    prefix: str = ""
    """Before the name of each input; empty where the choices live in the address."""
    on_change: Callable[[], None] = _first_page
    """What follows a change."""

    def at(self, name: str) -> dict[str, Any]:
        """What an input is told about its place."""
        bound = {} if self.prefix else {"bind": "query-params"}
        return {"key": self.prefix + name, "on_change": self.on_change, **bound}

    def number(self, name: str) -> dict[str, Any]:
        """The same for a number that may be left open."""
        return {"value": None, **self.at(name)}

    def n_chosen(self) -> int:
        """Inputs behind "More filters" that choose something."""
        if not self.prefix:
            return sum(key in st.query_params for key in MORE)
        return sum(st.session_state.get(self.prefix + key) not in (None, [], False) for key in MORE)

    def clear(self) -> None:
        """Take every filter back; the address follows."""
        for key in KEYS:
            if self.prefix + key in st.session_state:
                st.session_state[self.prefix + key] = _CLEARED.get(key)
        if self.prefix:
            self.on_change()


ADDRESS = Place()


def filter_block(stamp: Stamp, source: str, *, is_list: bool = True, place: Place = ADDRESS) -> CustomerFilter:
    """The inputs in one compact row; the filter they describe. Only a list is asked for its order."""
    choices = calls.attribute_choices(stamp, source)
    saved = {segment.name: segment.segment_id for segment in calls.saved_segments(stamp)}
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        tiers = st.pills(
            "Tier", TIERS, selection_mode="multi", **place.at("tier"),
        )  # fmt: skip
        search = st.text_input(
            "Search", placeholder="Id, name or e-mail", width=185, icon=":material/search:", **place.at("find"),
        )  # fmt: skip
        order = next(iter(ORDERS))
        if is_list:
            orders = {**ORDERS, **(NET_ORDERS if net_state(stamp).is_known else {})}
            order = st.selectbox("Order", list(orders), width=235, **place.at("order"))
        n_more = place.n_chosen()
        with st.popover(f"More filters ({n_more})" if n_more else "More filters", icon=":material/tune:"):
            groups, features = calls.main_reasons(stamp, False), calls.main_reasons(stamp, True)
            more = _more_filters(stamp, choices, saved, groups, features, place)
            more["min_net_value"] = _net_filter(place) if net_state(stamp).is_known else None
        if is_list or place.prefix:
            more["with_left"] = left_switch(stamp, source, **place.at("left"))
        st.button("Clear", key=f"{place.prefix}clear", type="tertiary", on_click=place.clear)
    return CustomerFilter(
        tiers=tuple(tiers or ()),
        search=search or "",
        sort=ALL_ORDERS[order][0],
        descending=ALL_ORDERS[order][1],
        **more,
    )


def chosen_words(stamp: Stamp, chosen: CustomerFilter) -> str:
    """Every filter in force in one line; empty where everybody is meant."""
    if replace(chosen, sort=EVERYBODY.sort, descending=EVERYBODY.descending) == EVERYBODY:
        return ""
    groups, features = calls.main_reasons(stamp, False), calls.main_reasons(stamp, True)
    named = replace(
        chosen,
        reason_groups=tuple(label for label, name in groups.items() if name in chosen.reason_groups),
        reasons=tuple(label for label, name in features.items() if name in chosen.reasons),
    )
    segment = next((one.name for one in calls.saved_segments(stamp) if one.segment_id == chosen.segment_id), "")
    return described(named, segment_name=repr(segment) if segment else "")


def unscored_block(stamp: Stamp, chosen: CustomerFilter) -> None:
    """That not everybody of the chosen segment has a risk; silent where all have, or none was chosen."""
    words = "" if chosen.segment_id is None else calls.scored_words(stamp, chosen.segment_id)
    if words:
        st.caption(f":orange[:material/info:] {plain(words)}.")


def _more_filters(
    stamp: Stamp,
    choices: tuple[Attribute, ...],
    saved: dict[str, int],
    groups: dict[str, str],
    features: dict[str, str],
    place: Place,
) -> dict[str, Any]:
    sign = currency_sign(session.currency()).strip()
    money_label = f"Value at risk, {sign}" if sign else "Value at risk"
    low, high = st.columns(2)
    value_from = low.number_input(f"{money_label}, from", **place.number("value_from"), min_value=0.0)
    value_to = high.number_input("to", **place.number("value_to"), min_value=0.0)
    expected_label = f"Expected value, {sign}" if sign else "Expected value"
    expected_from = low.number_input(f"{expected_label}, from", **place.number("expected_from"), min_value=0.0)
    expected_below = high.number_input("below", **place.number("expected_below"), min_value=0.0)
    risk_from = low.number_input("Risk in percent, from", **place.number("risk_from"), min_value=0.0, max_value=100.0)
    risk_to = high.number_input("to", **place.number("risk_to"), min_value=0.0, max_value=100.0)
    chosen_groups = st.multiselect(
        "Main reason, group", list(groups), placeholder="Any", **place.at("group")
    )  # fmt: skip
    reasons = st.multiselect(
        "Main reason, feature", list(features), placeholder="Any", **place.at("feature")
    )  # fmt: skip
    segment = None
    if saved:
        segment = st.selectbox(
            "Segment", list(saved), index=None, placeholder="Everybody", **place.at("segment")
        )  # fmt: skip
    tags = list(calls.tag_words(stamp))
    tagged: list[str] = []
    if tags:
        tagged = st.multiselect(
            "Tags", tags, placeholder="Any", **place.at("tag"), help="Several tags mean any of them.",
        )  # fmt: skip
    values = [(choice.name, value) for choice in choices for value in choice.options]
    named = {f"{name}: {value}": (name, value) for name, value in values}
    chosen: list[str] = []
    if named:
        chosen = st.multiselect(
            "Customer attributes", list(named), placeholder="Any", **place.at("attribute"),
            help="Several values of one attribute mean any of them; several attributes mean all.",
        )  # fmt: skip
    only_new = st.toggle("Only new in the high tier", **place.at("new"))
    return {
        "min_value": value_from,
        "max_value": value_to,
        "min_expected": expected_from,
        "below_expected": expected_below,
        "min_risk": _share(risk_from),
        "max_risk": _share(risk_to),
        "reason_groups": tuple(groups[name] for name in chosen_groups),
        "reasons": tuple(features[reason] for reason in reasons),
        "segment_id": saved.get(segment or ""),
        "tags": tuple(tagged),
        "attributes": tuple(named[name] for name in chosen if name in named),
        "ranges": _range_filter([choice for choice in choices if choice.is_number], place),
        "only_new": only_new,
    }


def _net_filter(place: Place) -> float | None:
    sign = currency_sign(session.currency()).strip()
    least: float | None = st.number_input(
        f"Net value of contacting{f', {sign}' if sign else ''}, from",
        help="What contacting is expected to earn beyond its cost, as a finished campaign taught; customers of whom it "
        "is not known are left out.",
        **place.number("net_from"),
    )
    return least


def _range_filter(numbers: list[Attribute], place: Place) -> tuple[tuple[str, float | None, float | None], ...]:
    if not numbers:
        return ()
    name, low, high = st.columns([2, 1, 1])
    by_name = {number.name: number for number in numbers}
    chosen = name.selectbox(
        "Number", list(by_name), index=None, placeholder="Any", **place.at("number")
    )  # fmt: skip
    known = by_name.get(chosen or "")
    least = low.number_input("from", **place.number("number_from"), placeholder=_digits(known.low if known else None))
    greatest = high.number_input("to", **place.number("number_to"), placeholder=_digits(known.high if known else None))
    return ((chosen, least, greatest),) if chosen and (least is not None or greatest is not None) else ()


def _share(percentage: float | None) -> float | None:
    return None if percentage is None else percentage / 100


def _digits(number: float | None) -> str | None:
    return None if number is None else f"{number:g}"
