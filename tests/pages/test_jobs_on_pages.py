"""Long work is seen on its page: progress, cancel, and how the last one ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta

import pytest

from churn_core.errors import InputError, JobCancelled
from churn_core.jobs import Job, JobRunner, Progress
from churn_core.warehouse import utc_now
from churn_core.workspaces import create_workspace, open_workspace
from tests.pages.conftest import App, Home
from ui import session
from ui.train_blocks import to_the_end

PAGE = "pages/settings/settings.py"


@pytest.fixture
def runner(churn_home: Home) -> JobRunner:
    create_workspace("Shop")
    return session._opened("Shop").runner


def test_a_running_job_shows_progress_and_can_be_cancelled(runner: JobRunner, app: App) -> None:
    go_on = threading.Event()

    def work(progress: Progress) -> dict[str, object]:
        progress(0.4, "half asleep")
        go_on.wait(15)
        progress(0.5, "never reached")
        return {}

    job_id = runner.start("score", "Scoring customers", work)
    wait_for(lambda: runner.job(job_id).message == "half asleep")
    visit = app(PAGE)
    shown = visit.get("progress")
    assert any("Scoring customers" in bar.proto.text and "40 %" in bar.proto.text for bar in shown)
    visit.button(key=f"cancel_{job_id}").click().run()
    assert runner.job(job_id).is_stopping
    seen = app(PAGE)
    go_on.set()
    assert any("stops after the current step" in bar.proto.text for bar in seen.get("progress"))
    assert seen.button(key=f"cancel_{job_id}").disabled
    wait_for(lambda: runner.job(job_id).is_finished)
    assert runner.job(job_id).status == "cancelled"
    for seen in (visit.run(), app(PAGE)):
        assert any("cancelled; nothing was changed" in info.value for info in seen.info)


def test_what_a_cancelled_job_had_kept_is_not_denied(runner: JobRunner, app: App) -> None:
    is_kept, go_on = threading.Event(), threading.Event()

    def work(progress: Progress) -> dict[str, object]:
        with open_workspace("Shop").transaction() as tx:
            tx.audit("first step", {})
        is_kept.set()
        go_on.wait(20)
        progress(0.5, "second step")
        return {}

    job_id = runner.start("score", "Scoring customers", work)
    assert is_kept.wait(20)
    runner.cancel(job_id)
    go_on.set()
    ended = finish(runner, job_id)
    assert ended.status == "cancelled"
    assert ended.message == "cancelled; what it had finished is kept, and nothing is half done."


def test_a_cancelling_long_ago_is_not_told_to_others(runner: JobRunner, app: App) -> None:
    with open_workspace("Shop").transaction() as tx:
        tx.execute(
            "INSERT INTO jobs (job_id, kind, label, status, message, created_at, finished_at) "
            "VALUES ('abc', 'score', 'Scoring customers', 'cancelled', 'cancelled; x.', $at, $at)",
            {"at": utc_now() - timedelta(hours=1)},
        )
    assert not app(PAGE).info


def test_short_work_does_not_wait_for_long_work(runner: JobRunner) -> None:
    go_on = threading.Event()
    long = runner.start("worth", "Value customers", lambda progress: {"waited": go_on.wait(20)})
    short = runner.start("lock", "Lock the plan", lambda progress: {}, is_short=True)
    assert finish(runner, short).status == "done"
    assert not runner.job(long).is_finished
    go_on.set()
    assert finish(runner, long).status == "done"


def test_a_button_that_waits_for_a_job_says_for_which(demo_home: Home, app: App) -> None:
    go_on = threading.Event()
    jobs = session._opened("Demo shop").runner
    job_id = jobs.start("worth", "Value customers", lambda progress: {"waited": go_on.wait(60)})
    visit = app("pages/models/train.py")
    waits = "Possible again when “Value customers” is finished."
    assert visit.button(key="train").disabled
    assert any(waits in caption.value for caption in visit.caption)
    go_on.set()
    finish(jobs, job_id)
    visit.run()
    assert not visit.button(key="train").disabled
    assert not any(waits in caption.value for caption in visit.caption)


def test_who_saw_a_job_running_is_told_how_it_ended(runner: JobRunner, app: App) -> None:
    go_on = threading.Event()

    def work(progress: Progress) -> dict[str, object]:
        go_on.wait(20)
        return {"message": "all 12 customers were scored."}

    job_id = runner.start("score", "Scoring customers", work)
    visit = app(PAGE)
    assert not visit.success
    go_on.set()
    finish(runner, job_id)
    visit.run()
    assert "12 customers were scored" in visit.success[0].value
    assert not app(PAGE).success


def test_a_failed_job_says_its_sentence(runner: JobRunner, app: App) -> None:
    def work(progress: Progress) -> dict[str, object]:
        raise InputError("the column 'x' is missing; add it.")

    finish(runner, runner.start("score", "Scoring customers", work))
    visit = app(PAGE)
    assert any("is missing; add it." in warning.value for warning in visit.warning)
    assert not visit.exception


def test_work_that_a_crash_ended_is_called_interrupted(runner: JobRunner, app: App) -> None:
    with open_workspace("Shop").transaction() as tx:
        tx.execute(
            "INSERT INTO jobs (job_id, kind, label, status, message, created_at) "
            "VALUES ('abc', 'score', 'Scoring customers', 'running', 'started', $now)",
            {"now": utc_now()},
        )
    session._opened.clear("Shop")
    visit = app(PAGE)
    assert any("program ended before the job did" in warning.value for warning in visit.warning)


def test_a_workspace_is_not_deleted_under_a_running_job(runner: JobRunner, app: App) -> None:
    go_on = threading.Event()
    job_id = runner.start("train", "Training", lambda progress: {"waited": go_on.wait(20)})
    visit = app(PAGE)
    visit.button(key="open_delete_workspace").click().run()
    visit.text_input(key="typed_workspace_name").set_value("Shop")
    [button for button in visit.button if button.label == "Delete for good"][-1].click().run()
    assert "still running" in visit.error[0].value
    go_on.set()
    finish(runner, job_id)
    assert open_workspace("Shop").n_rows("jobs") == 1


def finish(runner: JobRunner, job_id: str) -> Job:
    wait_for(lambda: runner.job(job_id).is_finished)
    return runner.job(job_id)


def wait_for(happened: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def test_once_a_model_is_stored_its_scores_follow() -> None:
    told: list[float] = []

    def cancelled(share: float, message: str) -> None:
        told.append(share)
        raise JobCancelled("cancelled; nothing was changed.")

    to_the_end(cancelled)(0.8, "scoring")
    assert told == [0.8]
