"""Long-running work: a row in ``jobs``, one worker thread per workspace, progress that a page can poll.

Jobs of a workspace run one after another, so two imports never meet; only short work that is one transaction may run
beside them (``is_short``), because transactions wait for each other by themselves. Work that nobody asked for gives
way (``gives_way``): it stops as soon as somebody asks for other work, and begins anew after it. Progress lives in
memory (the file is held by this process anyway); the row is written when a job is asked for and when it ends. What a
crash left unfinished is marked ``interrupted`` when the workspace is opened again.
"""

from __future__ import annotations

import json
import logging
import threading
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol
from weakref import WeakSet

from churn_core.errors import ChurnError, JobCancelled, NotFound
from churn_core.warehouse import Warehouse, utc_now

logger = logging.getLogger(__name__)

UNFINISHED = ("queued", "running")
KEPT = "what it had finished is kept, and nothing is half done"
"""What is true of every job that ended early: each of its steps is one transaction."""


class Progress(Protocol):
    """What long-running work calls to say how far it is; raises JobCancelled when it should stop."""

    def __call__(self, share: float, message: str) -> None:
        """``share`` of the work done in [0, 1] and what is happening now, in words."""


def no_progress(share: float, message: str) -> None:
    """Progress that nobody watches."""


def part(progress: Progress, start: float, stop: float) -> Progress:
    """Progress of a step that is the part from ``start`` to ``stop`` of a larger piece of work.

    >>> part(lambda share, message: print(share, message), 0.5, 1.0)(0.5, "half of the second half")
    0.75 half of the second half
    """

    def report(share: float, message: str) -> None:
        progress(start + (stop - start) * min(max(share, 0.0), 1.0), message)

    return report


@dataclass(frozen=True, kw_only=True)
class Job:
    """A piece of work as it stands."""

    job_id: str
    kind: str
    """import, train, search, trial, score, export or demo, as its page calls it."""
    label: str
    """What it does, in words."""
    status: str
    """queued, running, done, failed, cancelled or interrupted."""
    share_done: float
    """Progress in [0, 1]."""
    message: str
    """What is happening, or the error in one sentence."""
    result: Mapping[str, Any] | None
    """What the work returned."""
    created_at: datetime
    finished_at: datetime | None
    is_stopping: bool = False
    """Whether somebody asked it to stop; it may go on for a while to keep what it has."""
    gives_way: bool = False
    """Whether it stops for other work and begins anew after it, so that nothing has to wait for it."""

    @property
    def is_finished(self) -> bool:
        """Whether it will not change any more."""
        return self.status not in UNFINISHED


class _GivesWay(JobCancelled):
    """Other work was asked for; this one begins anew after it."""


class JobRunner:
    """The jobs of one workspace. Make one per warehouse and keep it as long as the warehouse is open."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="churn-job")
        self._beside = ThreadPoolExecutor(max_workers=1, thread_name_prefix="churn-short-job")
        self._lock = threading.Lock()
        self._live: dict[str, Job] = {}
        self._cancelled: set[str] = set()
        self._displaced: set[str] = set()
        self._is_closing = False
        self._mark_interrupted()
        _RUNNERS.add(self)

    def start(
        self,
        kind: str,
        label: str,
        work: Callable[[Progress], Mapping[str, Any] | None],
        *,
        is_short: bool = False,
        gives_way: bool = False,
    ) -> str:
        """Queue a piece of work; its job id. ``work`` gets a Progress and returns what to keep as JSON.

        ``is_short`` work does not wait for the long jobs of the workspace, only for other short ones; all that it
        reads and writes must be one transaction. Work that ``gives_way`` is called again after other long work that
        was asked for meanwhile.
        """
        job = Job(
            job_id=uuid.uuid4().hex[:12],
            kind=kind,
            label=label,
            status="queued",
            share_done=0.0,
            message="waiting",
            result=None,
            created_at=utc_now(),
            finished_at=None,
            gives_way=gives_way,
        )
        with self._warehouse.transaction() as tx:
            tx.execute(
                "INSERT INTO jobs (job_id, kind, label, status, message, created_at) "
                "VALUES ($job_id, $kind, $label, 'running', 'started', $created_at)",
                {"job_id": job.job_id, "kind": kind, "label": label, "created_at": job.created_at},
            )
        with self._lock:
            self._live[job.job_id] = job
        (self._beside if is_short else self._executor).submit(self._run, job.job_id, work)
        if not is_short and not gives_way:
            with self._lock:
                self._displaced |= {job.job_id for job in self._live.values() if job.gives_way and not job.is_finished}
        return job.job_id

    def cancel(self, job_id: str) -> None:
        """Ask a job to stop at its next progress report; nothing happens to a finished one."""
        with self._lock:
            self._cancelled.add(job_id)
            if job_id in self._live and not self._live[job_id].is_finished:
                self._live[job_id] = replace(self._live[job_id], is_stopping=True)

    def job(self, job_id: str) -> Job:
        """A job as it stands; NotFound when there is none of that id."""
        with self._lock:
            if job_id in self._live:
                return self._live[job_id]
        found = [job for job in self.recent(limit=1000) if job.job_id == job_id]
        if not found:
            raise NotFound(f"there is no job {job_id!r} in this workspace.")
        return found[0]

    def recent(self, limit: int = 20) -> list[Job]:
        """The newest jobs first, those that are running included."""
        stored = [
            _stored_job(row)
            for row in self._warehouse.records(
                "SELECT * FROM jobs ORDER BY created_at DESC, job_id LIMIT $limit", {"limit": limit}
            )
        ]
        with self._lock:
            return [self._live.get(job.job_id, job) for job in stored]

    def unfinished(self) -> list[Job]:
        """Jobs that are queued or running in this process, oldest first."""
        with self._lock:
            return [job for job in self._live.values() if not job.is_finished]

    def stop_unasked(self) -> None:
        """Ask work that nobody asked for to stop; it counts as interrupted, and does not begin anew."""
        with self._lock:
            self._is_closing = True
        for job in self.unfinished():
            if job.gives_way:
                self.cancel(job.job_id)

    def close(self) -> None:
        """Cancel what is running and wait for it to stop; work that nobody asked for counts as interrupted."""
        with self._lock:
            self._is_closing = True
        for job in self.unfinished():
            self.cancel(job.job_id)
        self._executor.shutdown(wait=True)
        self._beside.shutdown(wait=True)

    def _run(self, job_id: str, work: Callable[[Progress], Mapping[str, Any] | None]) -> None:
        def progress(share: float, message: str) -> None:
            # Told first, because work that keeps what it has goes on to its end after it was asked to stop.
            self._update(job_id, status="running", share_done=min(max(share, 0.0), 1.0), message=message)
            if job_id in self._cancelled:
                raise JobCancelled("cancelled.")
            if job_id in self._displaced:
                raise _GivesWay("other work was asked for.")

        before = self._last_change()
        try:
            progress(0.0, "started")
            result = work(progress)
        except JobCancelled as stopped:
            if isinstance(stopped, _GivesWay) and self._begins_anew(job_id, work):
                return
            kept = "nothing was changed" if self._last_change() == before else KEPT
            status = "interrupted" if self._is_closing and self.job(job_id).gives_way else "cancelled"
            self._finish(job_id, status=status, message=f"{status}; {kept}.")
        except ChurnError as error:
            self._finish(job_id, status="failed", message=str(error))
        except Exception as error:
            logger.exception("job %s failed", job_id)
            self._finish(
                job_id,
                status="failed",
                message=f"stopped by an unexpected {type(error).__name__}; {KEPT}; the log says more.",
            )
        else:
            self._finish(job_id, status="done", message="done", result=result)

    def _begins_anew(self, job_id: str, work: Callable[[Progress], Mapping[str, Any] | None]) -> bool:
        """Queue work again behind what displaced it; not while the runner is being closed, which takes no more."""
        with self._lock:
            self._displaced.discard(job_id)
            if self._is_closing:
                return False
            self._live[job_id] = replace(
                self._live[job_id], status="queued", share_done=0.0, message="waits for other work"
            )
            self._executor.submit(self._run, job_id, work)
            return True

    def _last_change(self) -> int:
        """Newest line of the audit log, where every kept step leaves one."""
        return int(self._warehouse.value("SELECT coalesce(max(entry), 0) FROM audit_log"))

    def _update(self, job_id: str, **changes: Any) -> Job:
        with self._lock:
            self._live[job_id] = replace(self._live[job_id], **changes)
            return self._live[job_id]

    def _finish(self, job_id: str, *, status: str, message: str, result: Mapping[str, Any] | None = None) -> None:
        now = utc_now()
        with self._warehouse.transaction() as tx:
            tx.execute(
                "UPDATE jobs SET status = $status, message = $message, result = $result, finished_at = $now "
                "WHERE job_id = $job_id",
                {
                    "status": status,
                    "message": message,
                    "result": json.dumps(result, default=str, ensure_ascii=False) if result is not None else None,
                    "now": now,
                    "job_id": job_id,
                },
            )
        share = {"share_done": 1.0} if status == "done" else {}
        self._update(job_id, status=status, message=message, result=result, finished_at=now, **share)

    def _mark_interrupted(self) -> None:
        with self._warehouse.transaction() as tx:
            tx.execute(
                "UPDATE jobs SET status = 'interrupted', finished_at = $now, message = $message "
                "WHERE status IN ('queued', 'running')",
                {"now": utc_now(), "message": f"the program ended before the job did; {KEPT}; start it again."},
            )


_RUNNERS: WeakSet[JobRunner] = WeakSet()


def stop_unasked() -> None:
    """Stop work that nobody asked for in every workspace, because the program ends: it waits for what runs."""
    for runner in tuple(_RUNNERS):
        runner.stop_unasked()


def _stored_job(row: Mapping[str, Any]) -> Job:
    return Job(
        job_id=row["job_id"],
        kind=row["kind"],
        label=row["label"],
        status=row["status"],
        share_done=1.0 if row["status"] == "done" else 0.0,
        message=row["message"],
        result=json.loads(row["result"]) if row["result"] else None,
        created_at=row["created_at"],
        finished_at=row["finished_at"],
    )
