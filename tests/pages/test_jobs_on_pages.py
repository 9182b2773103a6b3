"""Long work is seen on its page: progress, cancel, and how the last one ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

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
        while not go_on.wait(0.01):
            progress(0.4, "half asleep")
        progress(0.5, "never reached")
        return {}

    job_id = runner.start("score", "Scoring customers", work)
    wait_for(lambda: runner.job(job_id).message == "half asleep")
    visit = app(PAGE)
    shown = visit.get("progress")
    assert any("Scoring customers" in bar.proto.text and "40 %" in bar.proto.text for bar in shown)
    visit.button(key=f"cancel_{job_id}").click().run()
    go_on.set()
    wait_for(lambda: runner.job(job_id).is_finished)
    assert runner.job(job_id).status == "cancelled"
    visit.session_state["started_jobs"] = [job_id]
    visit.run()
    assert any("cancelled; nothing was changed" in info.value for info in visit.info)


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
