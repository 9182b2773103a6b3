"""Jobs: progress, cancel, failure, and what a crash leaves behind."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from churn_core.errors import InputError, NotFound
from churn_core.jobs import Job, JobRunner, Progress, stop_unasked
from churn_core.warehouse import Warehouse


@pytest.fixture
def runner(warehouse: Warehouse) -> Iterator[JobRunner]:
    made = JobRunner(warehouse)
    yield made
    made.close()


def wait_until_finished(runner: JobRunner, job_id: str) -> Job:
    deadline = time.monotonic() + 20
    while not runner.job(job_id).is_finished:
        assert time.monotonic() < deadline, "the job did not finish"
        time.sleep(0.01)
    return runner.job(job_id)


def test_a_job_reports_progress_and_keeps_its_result(runner: JobRunner, warehouse: Warehouse) -> None:
    half_way, go_on = threading.Event(), threading.Event()

    def work(progress: Progress) -> dict[str, int]:
        progress(0.5, "half way")
        half_way.set()
        go_on.wait(10)
        return {"n_rows": 7}

    job_id = runner.start("import", "Import of a file", work)
    assert half_way.wait(10)
    running = runner.job(job_id)
    assert (running.status, running.share_done, running.message) == ("running", 0.5, "half way")
    assert [job.job_id for job in runner.unfinished()] == [job_id]
    go_on.set()
    done = wait_until_finished(runner, job_id)
    assert (done.status, done.result) == ("done", {"n_rows": 7})
    assert warehouse.rows("SELECT status, result->>'n_rows' FROM jobs") == [("done", "7")]


def test_a_cancelled_job_stops_at_its_next_report_and_changes_nothing(runner: JobRunner, warehouse: Warehouse) -> None:
    started = threading.Event()

    def work(progress: Progress) -> None:
        with warehouse.transaction() as tx:
            tx.save_setting("currency", "EUR")
            started.set()
            while True:
                time.sleep(0.005)
                progress(0.1, "working")

    job_id = runner.start("train", "Training", work)
    assert started.wait(10)
    runner.cancel(job_id)
    job = wait_until_finished(runner, job_id)
    assert job.status == "cancelled"
    assert warehouse.setting("currency") is None


def test_a_sentence_reaches_the_person_and_a_traceback_does_not(runner: JobRunner) -> None:
    def refuse(progress: Progress) -> None:
        raise InputError("the file is empty; choose another one.")

    def break_(progress: Progress) -> None:
        raise ZeroDivisionError("a detail nobody should read")

    refused = wait_until_finished(runner, runner.start("import", "Import", refuse))
    broken = wait_until_finished(runner, runner.start("import", "Import", break_))
    assert (refused.status, refused.message) == ("failed", "the file is empty; choose another one.")
    assert broken.status == "failed"
    assert "a detail nobody should read" not in broken.message
    assert "ZeroDivisionError" in broken.message


def test_jobs_of_a_workspace_run_one_after_another(runner: JobRunner) -> None:
    at_work: list[int] = []
    most: list[int] = []

    def work(progress: Progress) -> None:
        at_work.append(1)
        most.append(len(at_work))
        time.sleep(0.02)
        at_work.pop()

    for job_id in [runner.start("score", "Scoring", work) for _ in range(4)]:
        assert wait_until_finished(runner, job_id).status == "done"
    assert most == [1, 1, 1, 1]


def test_work_that_nobody_asked_for_gives_way_and_begins_anew(runner: JobRunner) -> None:
    began, order, is_enough = threading.Event(), [], threading.Event()

    def unasked(progress: Progress) -> dict[str, int]:
        order.append("unasked")
        began.set()
        while not is_enough.wait(0.01):
            progress(0.5, "half way")
        return {"n_times": order.count("unasked")}

    def asked(progress: Progress) -> None:
        order.append("asked")
        assert (runner.job(giving).status, runner.job(giving).share_done) == ("queued", 0.0)
        is_enough.set()

    giving = runner.start("worth", "Value customers", unasked, gives_way=True)
    assert began.wait(10)
    asked_for = runner.start("import", "Import", asked)
    assert wait_until_finished(runner, asked_for).status == "done"
    done = wait_until_finished(runner, giving)
    assert (done.status, done.result) == ("done", {"n_times": 2})
    assert order == ["unasked", "asked", "unasked"]


def test_short_work_runs_beside_work_that_gives_way(runner: JobRunner) -> None:
    began, is_enough = threading.Event(), threading.Event()

    def unasked(progress: Progress) -> None:
        assert not began.is_set(), "it began anew"
        began.set()
        while not is_enough.wait(0.01):
            progress(0.5, "half way")

    giving = runner.start("worth", "Value customers", unasked, gives_way=True)
    assert began.wait(10)
    short = runner.start("lock", "Lock the plan", lambda progress: None, is_short=True)
    assert wait_until_finished(runner, short).status == "done"
    assert not runner.job(giving).is_finished
    is_enough.set()
    assert wait_until_finished(runner, giving).status == "done"


def test_work_that_gives_way_while_the_workspace_is_closed_counts_as_interrupted(
    runner: JobRunner, warehouse: Warehouse
) -> None:
    began, displaced, may_stop = threading.Event(), threading.Event(), threading.Event()

    def unasked(progress: Progress) -> None:
        began.set()
        try:
            while True:
                progress(0.5, "half way")
                time.sleep(0.01)
        finally:
            displaced.set()
            may_stop.wait(10)

    giving = runner.start("worth", "Value customers", unasked, gives_way=True)
    assert began.wait(10)
    asked = runner.start("import", "Import", lambda progress: None)
    assert displaced.wait(10)
    closing = threading.Thread(target=runner.close)
    closing.start()
    deadline = time.monotonic() + 20
    while not runner.job(asked).is_stopping:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(0.1)
    may_stop.set()
    closing.join(20)
    kept = dict(warehouse.rows("SELECT job_id, status FROM jobs"))
    assert kept == {giving: "interrupted", asked: "cancelled"}


def test_when_the_program_ends_only_work_that_was_asked_for_goes_on(runner: JobRunner) -> None:
    began, is_enough = threading.Event(), threading.Event()

    def unasked(progress: Progress) -> None:
        began.set()
        while True:
            progress(0.5, "half way")
            time.sleep(0.01)

    def asked(progress: Progress) -> None:
        while not is_enough.wait(0.01):
            progress(0.5, "half way")

    giving = runner.start("worth", "Value customers", unasked, gives_way=True)
    short = runner.start("lock", "Lock the plan", asked, is_short=True)
    assert began.wait(10)
    stop_unasked()
    assert wait_until_finished(runner, giving).status == "interrupted"
    assert not runner.job(short).is_finished
    is_enough.set()
    assert wait_until_finished(runner, short).status == "done"


def test_a_queued_job_can_be_cancelled_before_it_starts(runner: JobRunner) -> None:
    go_on = threading.Event()
    ran: list[str] = []
    first = runner.start("score", "Scoring", lambda progress: go_on.wait(10) and None)
    second = runner.start("score", "Scoring", lambda progress: ran.append("second"))
    runner.cancel(second)
    go_on.set()
    assert wait_until_finished(runner, first).status == "done"
    assert wait_until_finished(runner, second).status == "cancelled"
    assert ran == []


def test_an_unknown_job_is_not_found(runner: JobRunner) -> None:
    with pytest.raises(NotFound, match="no job 'nope'"):
        runner.job("nope")


def test_a_killed_process_leaves_its_job_interrupted_and_its_tables_untouched(tmp_path: Path) -> None:
    path = tmp_path / "shop.duckdb"
    program = f"""
import os, signal, time
from churn_core.jobs import JobRunner
from churn_core.warehouse import Warehouse
warehouse = Warehouse.open({str(path)!r})
def work(progress):
    with warehouse.transaction() as tx:
        tx.bump_data_version()
        os.kill(os.getpid(), signal.SIGKILL)
JobRunner(warehouse).start("import", "Import of orders.csv", work)
time.sleep(60)
"""
    subprocess.run([sys.executable, "-c", program], check=False)
    warehouse = Warehouse.open(path)
    runner = JobRunner(warehouse)
    [job] = runner.recent()
    assert (job.status, job.label) == ("interrupted", "Import of orders.csv")
    assert warehouse.data_version == 0
    runner.close()
    warehouse.close()
