"""The last step of a plan: the target list with its manifest, earlier lists, and what can still be done with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from churn_core.campaigns import draw, target_list
from churn_core.campaigns.store import Campaign
from churn_core.campaigns.target_list import ExportKept, manifest_beside
from churn_core.errors import InputError
from churn_core.figures.theme import count, counted
from ui import session
from ui import session_plan as calls
from ui.errors import guarded, plain
from ui.plan_list import READOUT_PAGE
from ui.session import Stamp
from ui.widgets import table, wait_note, waits_for

FORMS = {"csv": "CSV", "xlsx": "Excel (XLSX)"}


def export_step(stamp: Stamp, found: Campaign) -> None:
    """Choose what goes into the list, make it, download it with its manifest."""
    if found.status == "cancelled":
        st.info("This campaign was called off, so nobody is to be contacted for it.")
    else:
        _choice(found)
    made = calls.exports(stamp, found.campaign_id)
    if made:
        _download(made[0])
        _earlier(made)
    _further(found)


def _choice(found: Campaign) -> None:
    key = f"{found.campaign_id}.export"
    counts = found.counts.get("arms") or {}
    with st.container(border=True):
        treatments = [arm.name for arm in found.plan.treatments]
        arms = st.multiselect(
            "Arms", treatments, default=treatments, key=f"{key}.arms",
            format_func=lambda name: f"{name} ({count(counts.get(name, 0))})",
        )  # fmt: skip
        n_waves = len(found.counts.get("waves") or ())
        waves: list[int] = []
        if n_waves > 1:
            waves = st.multiselect(
                "Weeks", list(range(1, n_waves + 1)), format_func=lambda wave: f"Week {wave}", key=f"{key}.waves",
                placeholder="All weeks",
            )  # fmt: skip
        with_control = False
        if found.plan.control is not None:
            with_control = st.toggle(
                f"With the control ({count(counts.get(found.plan.control.name, 0))})", key=f"{key}.control",
                help="Its rows are marked and carry no contact details: nobody in them is to be contacted.",
            )  # fmt: skip
        with_contact = st.toggle(
            "With name, e-mail and telephone number", key=f"{key}.contact",
            help="Personal details leave the product only when asked for. Without them the list holds customer ids.",
        )  # fmt: skip
        form = st.segmented_control(
            "File", list(FORMS), default="csv", required=True, format_func=FORMS.__getitem__, key=f"{key}.form"
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                "Make the target list", type="primary", icon=":material/contacts:", key=f"{key}.make",
                disabled=not arms or bool(waits_for()), on_click=guarded(calls.start_export),
                args=(found.campaign_id, tuple(arms), tuple(waves), with_control, with_contact, form),
            )  # fmt: skip
            wait_note()
        st.caption(
            "The whole list or no file. Beside it stands a manifest: what is in the list, and a fingerprint (SHA-256) "
            "that proves it was not changed. The same choice gives the same file."
        )


def _download(newest: ExportKept) -> None:
    """The files of the newest list, while they are in the workspace's folder."""
    path = session.warehouse().file(newest.file_name)
    beside = manifest_beside(path)
    if not (path.exists() and beside.exists()):
        return
    with st.container(border=True):
        st.markdown(f"**{plain(newest.file_name)}** · {counted(newest.n_rows, 'customer')}")
        with st.container(horizontal=True):
            st.download_button(
                "Download the list", data=_bytes(path), file_name=path.name, type="primary", on_click="ignore",
                mime="text/csv" if path.suffix == ".csv" else None, key=f"list_{newest.export_id}",
                icon=":material/download:",
            )  # fmt: skip
            st.download_button(
                "Download the manifest", data=_bytes(beside), file_name=beside.name, on_click="ignore",
                mime="application/json", key=f"manifest_{newest.export_id}", icon=":material/download:",
            )  # fmt: skip
            st.button(
                "Remove both files", key=f"remove_{newest.export_id}", icon=":material/delete:", type="tertiary",
                on_click=guarded(_remove), args=(newest.campaign_id,),
            )  # fmt: skip
        st.caption(
            "Both files lie in the workspace's folder until the next list is made or they are removed. The same list "
            "can be made again at any time."
        )


def _remove(campaign_id: str) -> None:
    target_list.remove_lists(session.warehouse(), campaign_id)


def _bytes(path: Path) -> Callable[[], bytes]:
    """What a download button calls when it is clicked."""

    def read() -> bytes:
        if not path.exists():
            raise InputError(f"{path.name} is not in the workspace's folder any more; make the list again.")
        return path.read_bytes()

    return read


def _earlier(made: tuple[ExportKept, ...]) -> None:
    st.markdown("**Lists made so far**")
    digest: Any = st.column_config.TextColumn(help="SHA-256 of the file, its first 16 of 64 characters.")
    table(
        [
            {
                "When (UTC)": f"{entry.exported_at:%-d %b %Y, %H:%M}",
                "File": entry.file_name,
                "Customers": count(entry.n_rows),
                "Digest": entry.sha256[:16],
            }
            for entry in made
        ],
        config={"Digest": digest},
    )


def _further(found: Campaign) -> None:
    """The readout; those who joined meanwhile; calling it off."""
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Readout", icon=":material/query_stats:", key=f"to_readout_{found.campaign_id}"):
            st.switch_page(READOUT_PAGE, query_params={calls.CAMPAIGN: found.campaign_id})
        if found.status != "locked":
            return
        if found.plan.entry == "rolling":
            st.button(
                "Let new customers join", icon=":material/group_add:", key=f"join_{found.campaign_id}",
                help="Customers who came into the audience since the draw get an arm, drawn in the same way.",
                on_click=guarded(calls.start_join), args=(found.campaign_id,),
            )  # fmt: skip
        with st.popover("Call off", key=f"call_off_{found.campaign_id}"):
            st.markdown("The draw stays as it was; nobody may be contacted any more, and the customers are free.")
            why = st.text_area("Why", key=f"why_{found.campaign_id}", height=70)
            st.button(
                "Call the campaign off", key=f"really_off_{found.campaign_id}",
                disabled=len((why or "").strip()) < draw.SHORTEST_REASON,
                on_click=guarded(_call_off), args=(found.campaign_id, why),
            )  # fmt: skip


def _call_off(campaign_id: str, why: str) -> None:
    draw.cancel_campaign(session.warehouse(), campaign_id, why)
