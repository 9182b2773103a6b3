"""Blocks that every page shares: the header, the empty state, the progress of jobs."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal

import plotly.graph_objects as go
import streamlit as st

from churn_core.figures.theme import counted, day
from churn_core.jobs import Job, JobRunner
from churn_core.state import WorkspaceState
from churn_core.warehouse import utc_now
from ui import session
from ui.errors import errors_shown, plain, sentence

_STARTED, _READ = "started_jobs", "read_outcomes"
_NUMBER = re.compile(r"[^\w\s]?\s?-?\d[\d,.]*\s?(%|[kmbn]{1,2})?(\s[\[(].*[\])])?|[–-]|none yet|open")
_ROW_HEIGHT, _FOLDED_HEIGHT = 33, 62
"""Height of a row of a table in pixels; in rows of less than four times the font size Streamlit wraps nothing."""
_STOPPING = {"search": "the search stops; the best it has found is trained and scored"}
_TOLD_FOR = timedelta(minutes=10)
"""How long everybody is told that a job was cancelled, also who loaded the page again since."""


def page_header(title: str, question: str) -> None:
    """Title of the page, the question it answers, and which workspace, data and model the answer rests on."""
    st.title(title, anchor=False)
    st.markdown(f":gray[{plain(question)}]")
    st.caption(" · ".join((f"**{plain(session.current_workspace())}**", *status_words(session.stamp().state))))


def status_words(state: WorkspaceState) -> tuple[str, ...]:
    """Freshness of the data and version of the model, in words."""
    if state.is_empty:
        return ("no data yet", "no model yet")
    data = f"orders until {day(state.last_order_at)}" if state.last_order_at else counted(state.n_snapshots, "customer")
    fresh = f"{data} (data version {state.data_version})"
    if not state.model_version:
        return (fresh, "no model yet")
    scored = f", scored {day(state.scored_at)}" if state.scored_at else ", nothing scored yet"
    behind = ", :orange[data is newer than the scores]" if state.run_id and is_behind(state) else ""
    other = f", :orange[the scores are those of model {state.run_model_version}]" if is_of_other_model(state) else ""
    redefined = ", :orange[the churn definition has changed since: train again]" if is_redefined(state) else ""
    return (fresh, f"model {state.model_version}{scored}{behind}{other}{redefined}")


def is_behind(state: WorkspaceState) -> bool:
    """Whether data was imported after the newest scores were made."""
    return state.run_data_version < state.data_version


def is_of_other_model(state: WorkspaceState) -> bool:
    """Whether the newest scores were made by another version than the champion."""
    return bool(state.run_id and state.run_model_version != state.model_version)


def is_redefined(state: WorkspaceState) -> bool:
    """Whether another churn definition was saved after the model learned the one before."""
    return 0 < state.model_definition_version < state.definition_version


def table_words(name: str) -> str:
    """A table's name as words.

    >>> table_words("order_lines"), table_words("snapshots")
    ('order lines', 'labelled table')
    """
    return "labelled table" if name == "snapshots" else name.replace("_", " ")


def empty_state(message: str, page: str | None = None, label: str = "Continue") -> None:
    """Why there is nothing to see here, and the page where to go next: Import before Train while there is no data."""
    if page == "pages/models/train.py" and session.stamp().state.is_empty:
        page, label = "pages/data/import_file.py", "Import"
    with st.container(border=True):
        st.markdown(message)
        if page:
            st.page_link(page, label=label, icon=":material/arrow_forward:")


def next_link(state: WorkspaceState) -> None:
    """The page where to go on once there is data: the definition, the training, or nothing when all is done."""
    if state.last_order_at is not None and not state.definition_version:
        st.page_link(
            "pages/data/churn_definition.py", label="Next: say what churned means", icon=":material/arrow_forward:"
        )
    elif state.run_data_version < state.data_version or is_redefined(state):
        st.page_link("pages/models/train.py", label="Next: train and score", icon=":material/arrow_forward:")


def table(
    rows: Sequence[Mapping[str, Any]],
    *,
    config: Mapping[str, Any] | None = None,
    most_rows: int = 9,
    width: Literal["stretch", "content"] = "stretch",
    is_folded: bool = False,
) -> None:
    """A table that is as high as its rows, with figures to the right; beyond ``most_rows`` it scrolls.

    Cells of a folded table wrap, in as many as three lines.
    """
    names = list(rows[0]) if rows else []
    right = {name: st.column_config.Column(alignment="right") for name in names if _are_figures(rows, name)}
    row_height = _FOLDED_HEIGHT if is_folded else _ROW_HEIGHT
    st.dataframe(
        list(rows),
        hide_index=True,
        column_config={**right, **(config or {})},
        height="content" if len(rows) <= most_rows else _ROW_HEIGHT + row_height * most_rows + 2,
        row_height=row_height,
        width=width,
        alt=f"Table: {', '.join(name for name in names if name)}",
    )


def _are_figures(rows: Sequence[Mapping[str, Any]], name: str) -> bool:
    """Whether a column holds written numbers only.

    >>> rows = [{"Rows": "1,204", "When": "3 Aug 2026", "Set aside": "12 (1.0 %)"}]
    >>> [name for name in rows[0] if _are_figures(rows, name)]
    ['Rows', 'Set aside']
    """
    values = [row[name] for row in rows]
    return all(isinstance(value, str) for value in values) and all(_NUMBER.fullmatch(value) for value in values)


def chart(figure: go.Figure, *, key: str, on_select: Callable[[], None] | None = None) -> None:
    """A figure with the sentence it proves above it, as text that wraps in a narrow window and can be read aloud.

    ``on_select`` is called when a point is clicked; what was clicked stands in the session under the key.
    """
    title = html.unescape(str(figure.layout.title.text or ""))
    drawn = go.Figure(figure)
    has_legend = figure.layout.showlegend if figure.layout.showlegend is not None else len(figure.data) > 1
    room_above = 28 if has_legend or figure.layout.annotations else 10
    drawn.update_layout(title_text=None, margin_t=room_above, height=(figure.layout.height or 320) - 28)
    with st.container(gap="small"):
        st.markdown(f"**{plain(title)}**")
        clicks: dict[str, Any] = {"on_select": on_select, "selection_mode": "points"} if on_select else {}
        st.plotly_chart(drawn, theme=None, config={"displayModeBar": False}, key=key, alt=title, **clicks)


def job_started(job_id: str) -> None:
    """Remember that this visit asked for a job, so that its page says how it ended."""
    started = st.session_state.setdefault(_STARTED, [])
    if job_id not in started:
        started.append(job_id)


def waits_for(*kinds: str) -> Job | None:
    """The job (of these kinds when some are given) that must end before another can begin; None when none runs."""
    running = (job for job in session.runner().unfinished() if not job.gives_way)
    return next((job for job in running if not kinds or job.kind in kinds), None)


def wait_note(*kinds: str) -> None:
    """Beside a button that a running job disables: which job it is; nothing while none runs."""
    job = waits_for(*kinds)
    if job is not None:
        st.caption(f":material/hourglass_top: Possible again when “{plain(job.label)}” is finished.", width="content")


def outcomes_read(*kinds: str) -> None:
    """The visitor went on to something else: how jobs of these kinds ended until now is not told any more."""
    ended = [job.job_id for job in session.runner().recent() if job.is_finished and job.kind in kinds]
    st.session_state[_READ] = {*st.session_state.get(_READ, ()), *ended}


def job_panel(*kinds: str, runner: JobRunner | None = None) -> bool:
    """Running jobs of these kinds (all when none is given) with progress and cancel, and how the last one ended.

    Whether any is running. When one ends, the whole page is drawn again. Who saw a job running is told how it
    ended as well as who started it: a page that is loaded again forgets who it was.
    """
    jobs = runner or session.runner()
    running = [job.job_id for job in jobs.unfinished() if not kinds or job.kind in kinds]
    for job_id in running:
        job_started(job_id)
    if running:
        st.fragment(_running_jobs, run_every=1.0)(jobs, running)
    else:
        _last_outcome(jobs, kinds)
    return bool(running)


def running_jobs_note() -> None:
    """One line per running job, for the sidebar: work goes on while other pages are looked at."""
    running = [job.job_id for job in session.runner().unfinished()]
    if running:
        st.fragment(_running_note, run_every=2.0)(session.runner(), running)


def _running_jobs(runner: JobRunner, job_ids: list[str]) -> None:
    with errors_shown():
        jobs = [runner.job(job_id) for job_id in job_ids]
        if all(job.is_finished for job in jobs):
            st.rerun()
        for job in jobs:
            if not job.is_finished:
                _progress(runner, job)


def _running_note(runner: JobRunner, job_ids: list[str]) -> None:
    with errors_shown():
        jobs = [runner.job(job_id) for job_id in job_ids]
        if all(job.is_finished for job in jobs):
            st.rerun()
        for job in jobs:
            if not job.is_finished:
                how_far = "cancelling" if job.is_stopping else f"{100 * job.share_done:.0f} %"
                st.progress(job.share_done, text=f"{plain(job.label)} · {how_far}")


def _progress(runner: JobRunner, job: Job) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        stops = f"cancelling - {_STOPPING.get(job.kind, 'stops after the current step')} ({job.message})"
        doing = stops if job.is_stopping else job.message
        words = f"**{plain(job.label)}** · {100 * job.share_done:.0f} % · {plain(doing)}"
        st.progress(job.share_done, text=words)
        st.button(
            "Cancelling" if job.is_stopping else "Cancel", key=f"cancel_{job.job_id}", disabled=job.is_stopping,
            on_click=runner.cancel, args=(job.job_id,),
        )  # fmt: skip


def _last_outcome(runner: JobRunner, kinds: tuple[str, ...]) -> None:
    finished = [job for job in runner.recent() if not kinds or job.kind in kinds]
    if not finished or finished[0].job_id in st.session_state.get(_READ, ()):
        return
    job = finished[0]
    mine = job.job_id in st.session_state.get(_STARTED, [])
    if job.status == "done":
        if mine:
            _done(job)
        return
    if job.status == "cancelled" and not mine and (job.finished_at or job.created_at) < utc_now() - _TOLD_FOR:
        return
    words = f"**{plain(job.label)}** ({job.created_at:%-d %b %Y, %H:%M}): {sentence(job.message)}"
    if job.status == "failed" and mine:
        st.error(words)
    else:
        {"failed": st.warning, "interrupted": st.warning}.get(job.status, st.info)(words)


def _done(job: Job) -> None:
    """That a job went well; in another colour when its result names a caution."""
    result = job.result or {}
    words = sentence(result.get("message") or f"{job.label}: done")
    if result.get("caution"):
        st.warning(f"{words}\n\n**{sentence(result['caution'])}**")
    else:
        st.success(words)
