"""The blocks of the Segments page about one segmentation: which, what its segments are like and worth, and the map."""

from __future__ import annotations

import streamlit as st

from churn_core.customers import segmentation_store as store
from churn_core.customers.segmentation_choice import Choice, KMeasures
from churn_core.customers.segmentation_inputs import feature_named
from churn_core.customers.segmentation_money import SegmentationMoney
from churn_core.customers.segmentation_profile import SURE_FROM
from churn_core.customers.segmentation_store import Segmentation
from churn_core.figures import segments as figures
from churn_core.figures.segment_tree import tree_figure
from churn_core.figures.theme import UNKNOWN, count, counted, day, measure, money, percent
from ui import session
from ui import session_segments as calls
from ui.currency_hint import currency_hint
from ui.errors import guarded, plain, sentence
from ui.folded_table import folded_table
from ui.key_figures import figures_row, key_figure
from ui.numbered_choice import numbered_choice
from ui.segment_continued import continued_block
from ui.session import Stamp
from ui.widgets import chart, table, wait_note, waits_for

CHOSEN, PART = "segmentation", "part"
"""Parameters of the address."""
PARTS = ("Segments", "Map", "How many", "Movement", "New or again")
"""The tabs of the page."""


def choice_block(found: tuple[Segmentation, ...]) -> Segmentation:
    """Which segmentation is looked at; the newest unless another is chosen."""
    by_id = {entry.segmentation_id: entry for entry in found}
    names = {number: f"{entry.name} · {entry.method_label} · {day(entry.made_at)}" for number, entry in by_id.items()}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        number = numbered_choice("Segmentation", names, CHOSEN, width=460)
        chosen = by_id[number]
        with st.popover("Delete", key=f"delete_{number}"):
            st.markdown("The segmentation, its saved segments and their history are gone for good.")
            st.button("Delete it", key=f"really_delete_{number}", on_click=guarded(_delete), args=(number,))
    features = chosen.settings["features"]
    labels = "; ".join(feature_named(name).label for name in features)
    by = counted(len(features), "feature" if chosen.source == "orders" else "column")
    st.caption(
        f"{counted(chosen.n_customers, 'customer')} as of {day(chosen.as_of)}, divided by {by}: those who are alike in "
        "them share a segment.",
        help=plain(labels),
    )
    for note in (*chosen.notes, *filter(None, [chosen.summary.get("refresh_note")])):
        st.caption(f":orange[:material/info:] {sentence(note)}")
    return chosen


def figures_block(found: Segmentation, now: SegmentationMoney, currency: str) -> None:
    """One row of key figures."""
    with figures_row("segments"):
        left = f", {count(now.n_left)} have left" if now.n_left else ""
        key_figure("Customers", count(now.n_customers), f"as of {day(now.as_of)}{left}")
        key_figure("Segments", count(len(found.segments)), found.method_label)
        scored = [entry for entry in now.segments if entry.value_at_risk is not None]
        if scored:
            total = sum(entry.value_at_risk or 0.0 for entry in scored)
            most = max(scored, key=lambda entry: entry.value_at_risk or 0.0)
            key_figure("Value at risk", money(total, currency), "of those scored")
            key_figure(
                "Most in one segment", money(most.value_at_risk, currency), f"segment {most.no}",
                meaning=f"Segment {most.no}: {plain(most.name)}",
            )  # fmt: skip
    currency_hint(is_money=bool(scored))


def segments_block(stamp: Stamp, found: Segmentation, now: SegmentationMoney, currency: str) -> None:
    """What each segment is, with its money; then what sets it apart."""
    rows: list[dict[str, str]] = []
    for entry in now.segments:
        left = {"Still there": count(entry.n_customers - entry.n_left)} if now.n_left else {}
        worth = {
            "Expected value": money(entry.expected_value, currency),
            "Value each": money(entry.mean_expected_value, currency),
            "Value at risk": money(entry.value_at_risk, currency),
            "At risk each": money(entry.mean_value_at_risk, currency),
        }
        row = {
            "Segment": f"{entry.no} {entry.name}",
            "Customers": f"{count(entry.n_customers)} ({percent(entry.share)})",
            **left,
            **({"Mean risk": percent(entry.mean_risk)} if now.run_id else {}),
            "Churned, of": f"{percent(entry.churn_rate)} ({count(entry.n_past)})" if entry.n_past else UNKNOWN,
            **(worth if now.run_id else {}),
        }
        rows.append(row)
    folded_table(rows, key="segments")
    st.caption(_told(found, now))
    empty = [entry.name for entry in now.segments if not entry.n_customers]
    if empty:
        st.caption(
            f":orange[:material/info:] {sentence(f'nobody is in {empty[0]!r} any more; fit again to divide anew')}"
        )
    chart(figures.profile_figure(found, currency=currency, mode=session.mode()), key="profile")
    st.caption(
        "Each column is a segment with its number and its customers on the day of the fit. The figures say how far it "
        "lies from the middle customer: +1 is as far above as customers typically lie from the middle, -1 as far "
        "below; neither is good or bad by itself. Names describe the middle of a segment: a single customer in it can "
        "differ.",
        help="Mean of the segment minus the median of all, in robust units: the middle half of all customers over "
        "1.349, about one standard deviation without the extremes. Amounts, counts and days are on a logarithmic "
        "scale.",
    )
    if found.continued:
        continued_block(found)
    with st.expander("Medians as they are"):
        folded_table(_median_rows(found, currency), key="medians")
        st.caption("Half of a segment's customers lie above its median, half below, in the units of the shop.")


def map_block(found: Segmentation) -> None:
    """A sample of customers in a plane."""
    chart(figures.map_figure(found, mode=session.mode()), key="map")
    on_map = found.on_map
    st.caption(
        f"{count(len(on_map.no))} of {counted(on_map.n_customers, 'customer')}, drawn by chance. Each axis adds up all "
        "features; its label names those that weigh most and the part of the variance along it. Segments that overlap "
        "here may lie apart in the features the map does not show."
    )


def number_block(stamp: Stamp, found: Segmentation) -> None:
    """Why so many segments; the tree where there is one."""
    stored = found.summary.get("choice")
    if stored:
        measures = tuple(KMeasures(**entry) for entry in stored["measures"])
        choice = Choice(**{**stored, "measures": measures})
        chart(figures.choice_figure(choice, mode=session.mode()), key="choice")
        st.markdown(sentence(choice.reason))
        table(figures.choice_rows(choice), most_rows=10)
        st.caption(
            "★ marks what each measure alone would choose; all divide by K-means. Silhouette (Rousseeuw 1987), "
            "Calinski-Harabasz (1974), gap with its simulation error (Tibshirani, Walther and Hastie 2001), and "
            "stability: mean adjusted Rand index against segments of bootstrap samples, the lowest in brackets."
        )
    else:
        st.markdown(
            f"The number {len(found.segments)} was chosen by hand. Choose “Proposed” under “New or again” to compare "
            "numbers of segments."
        )
    tree = calls.tree_of(stamp, found.segmentation_id)
    if tree is not None:
        n_most = min(len(tree.sizes), 12)
        k = st.slider("Cut into", 2, n_most, min(len(found.segments), n_most), key="cut", bind="query-params")
        chart(tree_figure(tree, k, mode=session.mode()), key="tree")
        asked = calls.Asked(
            name=found.name, method="ward", features=tuple(found.settings["features"]), k=k,
            seed=found.settings["seed"], continues_id=found.segmentation_id,
        )  # fmt: skip
        st.button(
            f"Divide everybody into these {k}", key="cut_here", on_click=guarded(calls.start_fit), args=(asked,),
            disabled=k == len(found.segments) or bool(waits_for()),
        )  # fmt: skip
        wait_note()


def _told(found: Segmentation, now: SegmentationMoney) -> str:
    words = [f"Customers as of {day(now.as_of)}."]
    if now.run_id is not None:
        n_scored = sum(entry.n_scored for entry in now.segments)
        words.append(
            f"Risk and money of {count(n_scored)} of them, those in score run {now.run_id}; value where it is known, "
            "“each” is the mean of these."
        )
        if now.n_left:
            words.append(
                f"Still there: without the {count(now.n_left)} whose label says that they have left; risk, money, At "
                "risk and campaigns are about who is still there."
            )
    else:
        words.append("Nobody was scored yet: risk and money are known after training and scoring.")
    if now.past_as_of is not None:
        words.append(
            f"Churned: who was in the segment on {day(now.past_as_of)} and did not order in the "
            f"{now.horizon_days} days that followed."
        )
    elif found.source == "snapshots":
        words.append("Churned: by the label of the table, where it is known.")
    else:
        words.append("No churn rate: orders do not reach back far enough.")
    between = sum(entry.n_between or 0 for entry in found.segments)
    if between:
        words.append(
            f"{counted(between, 'customer')} stood between segments on the day of the fit (probability below "
            f"{percent(SURE_FROM)})."
        )
    return plain(" ".join(words))


def _median_rows(found: Segmentation, currency: str) -> list[dict[str, str]]:
    made, of_all = [], found.medians
    for name in found.segments[0].medians:
        feature = feature_named(name)
        row = {"Feature": feature.label}
        if of_all:
            row["All"] = measure(of_all[name], feature.unit, currency)
        for entry in found.segments:
            row[f"Segment {entry.no}"] = measure(entry.medians[name], feature.unit, currency)
        made.append(row)
    return made


def _delete(segmentation_id: int) -> None:
    store.delete(session.warehouse(), segmentation_id)
    st.query_params.pop(CHOSEN, None)
