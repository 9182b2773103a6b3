"""The second step of a plan: whom the campaign is about - a filter over the latest scores, or a list of ids."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import Any

import streamlit as st

from churn_core.campaigns import id_lists
from churn_core.campaigns.plan import Plan
from churn_core.campaigns.store import Campaign
from churn_core.campaigns.uplift_net import AudienceNetValue
from churn_core.customers.selection import CustomerFilter
from churn_core.figures.theme import count, counted, money, percent, tier_label
from ui import session
from ui import session_customers as customer_calls
from ui import session_plan as calls
from ui.customer_filter import KEYS, Place, filter_block, unscored_block
from ui.errors import guarded, plain, sentence
from ui.file_taken import let_go, taken_file
from ui.key_figures import figures_row, key_figure
from ui.plan_fields import ERRORS, Fields
from ui.session import Stamp

NOT_SCORED = "Nobody was scored yet, so a campaign can only be about a list of customer ids"
FROM = {False: "Filter over the latest scores", True: "List of ids"}


def audience_step(stamp: Stamp, found: Campaign) -> None:
    """A filter, or a list; the customers it means."""
    fields = Fields(found=found, step="Audience")
    if stamp.state.run_id:
        st.segmented_control(
            "Who", list(FROM), format_func=FROM.__getitem__, required=True, label_visibility="collapsed",
            **fields.at("listed", found.plan.is_listed, _listed),
        )  # fmt: skip
    else:
        st.caption(f"{NOT_SCORED}.")
    if found.plan.is_listed:
        list_inputs(stamp, found, fields, "audience")
    else:
        _filter(stamp, found, fields)
    if calls.audience_total(stamp, found).n_customers:
        _figures(stamp, found)


def _listed(plan: Plan, is_listed: bool) -> Plan:
    return replace(plan, is_listed=bool(is_listed))


def _figures(stamp: Stamp, found: Campaign) -> None:
    """How many customers there are and what is at stake."""
    total = calls.audience_total(stamp, found)
    currency = session.currency()
    if not total.n_scored:
        st.markdown(f"**{counted(total.n_customers, 'customer')}**, not scored.")
        return
    with figures_row("audience"):
        key_figure("Customers", count(total.n_customers), f"{count(total.n_scored)} scored")
        expected = f"of {money(total.expected_value, currency)} expected"
        key_figure("Value at risk", money(total.value_at_risk, currency), expected)
        key_figure("Mean risk", percent(total.mean_risk), f"of {counted(total.n_scored, 'customer')}")
    tiers = [f"{tier_label(part.tier)} {count(part.n_customers)}" for part in total.tiers if part.n_customers]
    st.caption(" · ".join(tiers))
    _net_value(calls.net_value(stamp, found), currency)


def _net_value(worth: AudienceNetValue, currency: str) -> None:
    """What contacting them is expected to be worth, or why nobody knows."""
    if worth.n_known:
        st.markdown(
            f"Expected net value of contacting: **{plain(money(worth.total, currency))}** for the "
            f"{counted(worth.n_known, 'customer')} of whom it is known; it pays for {count(worth.n_positive)} of them "
            f"({plain(money(worth.total_positive, currency))})."
        )
    if worth.reason:
        st.caption(sentence(worth.reason))


def list_inputs(stamp: Stamp, found: Campaign, fields: Fields, kind: str) -> None:
    """A list of ids: pasted or from a file; what was understood of it."""
    kept = calls.kept_list(stamp, found.campaign_id, kind)
    told = st.session_state.get(fields.key(f"{kind}_told"))
    if told or kept.n_given:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(plain(told or kept.message))
            st.button(
                "Clear the list", key=fields.key(f"{kind}_clear"), type="tertiary",
                on_click=guarded(_clear, place=ERRORS), args=(found.campaign_id, kind, fields),
            )  # fmt: skip
    pasted, uploaded = st.tabs(["Paste ids", "Upload a file"])
    with pasted:
        text = st.text_area(
            "Customer ids", key=fields.key(f"{kind}_text"), height=110, label_visibility="collapsed",
            placeholder="One per line, or with commas between them",
        )  # fmt: skip
        st.button(
            "Use these ids", key=fields.key(f"{kind}_use"), disabled=not text.strip(),
            on_click=guarded(_paste, place=ERRORS), args=(found.campaign_id, kind, fields),
        )  # fmt: skip
    with uploaded:
        name = f"plan_{kind}_{found.campaign_id}"
        upload = taken_file(name, "A file with a column of customer ids")
        if upload is not None:
            columns = [column.name for column in upload.source.columns]
            guess = columns.index(id_lists.id_column(upload.source))
            column = st.selectbox("Column of the customer id", columns, index=guess, key=fields.key(f"{kind}_column"))
            st.button(
                f"Use the ids of {plain(upload.name)}", key=fields.key(f"{kind}_use_file"),
                on_click=guarded(_from_file, place=ERRORS),
                args=(found.campaign_id, kind, fields, upload, column, name),
            )  # fmt: skip


def _paste(campaign_id: str, kind: str, fields: Fields) -> None:
    ids = id_lists.ids_from_text(st.session_state[fields.key(f"{kind}_text")] or "")
    given = id_lists.give_list(session.warehouse(), campaign_id, kind, ids)
    calls.touch(campaign_id, fields.number)
    st.session_state[fields.key(f"{kind}_told")] = given.message
    st.session_state[fields.key(f"{kind}_text")] = ""


def _from_file(campaign_id: str, kind: str, fields: Fields, upload: Any, column: str, name: str) -> None:
    given = id_lists.give_list_of_file(session.warehouse(), campaign_id, kind, upload.source, column)
    calls.touch(campaign_id, fields.number)
    st.session_state[fields.key(f"{kind}_told")] = given.message
    let_go(name)


def _clear(campaign_id: str, kind: str, fields: Fields) -> None:
    id_lists.clear_list(session.warehouse(), campaign_id, kind)
    st.session_state.pop(fields.key(f"{kind}_told"), None)


def _filter(stamp: Stamp, found: Campaign, fields: Fields) -> None:
    """The inputs of the At risk page, filled from the draft."""
    source = _source(stamp)
    place = Place(prefix=fields.key(""), on_change=partial(_refilled, stamp, source, found, fields))
    if f"{place.prefix}tier" not in st.session_state:
        for name, value in _inputs(stamp, found.plan.audience).items():
            st.session_state[place.prefix + name] = value
    if found.plan.audience.customer_ids:
        n = len(found.plan.audience.customer_ids)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"Only the {counted(n, 'customer')} ticked on At risk.")
            whole = replace(found.plan.audience, customer_ids=())
            st.button(
                "Take this back", key=fields.key("unticked"), type="tertiary",
                **fields.doing(lambda plan: replace(plan, audience=whole)),
            )  # fmt: skip
    unscored_block(stamp, filter_block(stamp, source, is_list=False, place=place))


def _source(stamp: Stamp) -> str:
    """What the latest scores were made from."""
    run = customer_calls.today(stamp).run
    return run.source if run is not None else "orders"


def _refilled(stamp: Stamp, source: str, found: Campaign, fields: Fields) -> None:
    """Keep what the inputs say; an input that is not drawn says what the draft does."""
    state = st.session_state
    asked = {name: state[fields.key(name)] for name in KEYS if fields.key(name) in state}

    def changed(plan: Plan) -> Plan:
        return replace(plan, audience=_chosen(stamp, plan.audience, asked))

    guarded(fields.keep, place=ERRORS)(changed)


def _chosen(stamp: Stamp, before: CustomerFilter, asked: dict[str, Any]) -> CustomerFilter:
    """The filter that the inputs describe."""
    groups, features = customer_calls.main_reasons(stamp, False), customer_calls.main_reasons(stamp, True)
    segments = {segment.name: segment.segment_id for segment in customer_calls.saved_segments(stamp)}
    number, low, high = (asked.get(name) for name in ("number", "number_from", "number_to"))
    ranges = ((str(number), low, high),) if number and (low is not None or high is not None) else ()
    return replace(
        before,
        tiers=tuple(asked.get("tier") or ()),
        search=asked.get("find") or "",
        min_value=asked.get("value_from"),
        max_value=asked.get("value_to"),
        min_expected=asked.get("expected_from"),
        below_expected=asked.get("expected_below"),
        min_risk=_share(asked.get("risk_from")),
        max_risk=_share(asked.get("risk_to")),
        reason_groups=tuple(groups[label] for label in asked.get("group") or () if label in groups),
        reasons=tuple(features[label] for label in asked.get("feature") or () if label in features),
        segment_id=segments.get(asked.get("segment") or ""),
        tags=tuple(asked.get("tag") or ()),
        attributes=tuple(_attribute(text) for text in asked.get("attribute") or ()),
        ranges=ranges,
        only_new=bool(asked.get("new")),
        with_left=bool(asked.get("left")),
    )


def _inputs(stamp: Stamp, chosen: CustomerFilter) -> dict[str, Any]:
    """What the inputs show for a filter."""
    groups, features = customer_calls.main_reasons(stamp, False), customer_calls.main_reasons(stamp, True)
    segments = {segment.segment_id: segment.name for segment in customer_calls.saved_segments(stamp)}
    number, low, high = chosen.ranges[0] if chosen.ranges else (None, None, None)
    return {
        "tier": list(chosen.tiers),
        "find": chosen.search,
        "value_from": chosen.min_value,
        "value_to": chosen.max_value,
        "expected_from": chosen.min_expected,
        "expected_below": chosen.below_expected,
        "risk_from": _percent(chosen.min_risk),
        "risk_to": _percent(chosen.max_risk),
        "group": _labels(groups, chosen.reason_groups),
        "feature": _labels(features, chosen.reasons),
        "segment": segments.get(chosen.segment_id or 0),
        "tag": [tag for tag in customer_calls.tag_words(stamp) if tag in chosen.tags],
        "attribute": [f"{name}: {value}" for name, value in chosen.attributes],
        "number": number,
        "number_from": low,
        "number_to": high,
        "new": chosen.only_new,
        "left": chosen.with_left,
    }


def _labels(by_label: dict[str, str], names: Iterable[str]) -> list[str]:
    return [label for label, name in by_label.items() if name in set(names)]


def _attribute(text: str) -> tuple[str, str]:
    name, _, value = text.partition(": ")
    return name, value


def _share(percentage: float | None) -> float | None:
    return None if percentage is None else percentage / 100


def _percent(share: float | None) -> float | None:
    return None if share is None else round(100 * share, 6)
