"""A shop that carries a note is valued by itself when the app opens it, and nothing waits for that."""

from __future__ import annotations

import threading
import time

import pytest

from churn_core.customers import worth
from churn_core.customers.worth_waiting import JOB, value_when_opened, waits_to_be_valued
from churn_core.errors import InputError
from churn_core.jobs import Progress
from churn_core.workspaces import create_workspace, open_workspace
from tests.pages.conftest import App, Home
from tests.pages.test_every_page import everything_said
from ui import first_opening, session

PAGE = "pages/segments/value.py"


@pytest.fixture
def noted_home(demo_home: Home) -> Home:
    """The demo shop with the note."""
    value_when_opened(open_workspace("Demo shop"))
    return demo_home


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Valuing that goes on until it is told to end, and then stops with a sentence."""
    end = threading.Event()

    def value_customers(warehouse: object, plan: object = None, *, progress: Progress) -> int:
        while not end.wait(0.02):
            progress(0.3, "half asleep")
        raise InputError("that was all.")

    monkeypatch.setattr(worth, "value_customers", value_customers)
    monkeypatch.setattr(first_opening, "PAUSE_SECONDS", 0.0)
    return end


@pytest.mark.usefixtures("noted_home")
def test_opening_the_shop_values_it_and_the_page_says_so(app: App, held: threading.Event) -> None:
    visit = app(PAGE)
    assert not visit.exception
    assert "being valued for the first time" in everything_said(visit)
    assert "value_customers" not in [button.key for button in visit.button]
    [job] = session._opened("Demo shop").runner.unfinished()
    assert (job.kind, job.gives_way) == (JOB, True)

    scoring = app("pages/models/train.py")
    assert "Possible again when" not in everything_said(scoring)
    held.set()
    deadline = time.monotonic() + 20
    while session._opened("Demo shop").runner.unfinished():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    again = app(PAGE)
    assert "were not valued yet" in everything_said(again)
    assert not waits_to_be_valued(open_workspace("Demo shop")), "what failed is not tried again by itself"


@pytest.mark.usefixtures("noted_home")
def test_a_workspace_that_is_being_valued_can_be_released(app: App, held: threading.Event) -> None:
    app(PAGE)
    assert session._opened("Demo shop").runner.unfinished()
    session.release("Demo shop")
    assert waits_to_be_valued(open_workspace("Demo shop")), "whoever opens it next values it"


def test_a_shop_without_the_note_is_not_valued_by_itself(churn_home: Home) -> None:
    create_workspace("Shop").close()
    assert session._opened("Shop").runner.unfinished() == []


def test_values_end_the_wait(churn_home: Home) -> None:
    warehouse = create_workspace("Shop")
    value_when_opened(warehouse)
    assert waits_to_be_valued(warehouse)
    with warehouse.transaction() as tx:
        tx.execute(
            "INSERT INTO worth_runs (worth_id, made_at, as_of, horizon_days, method, data_version, n_customers, "
            "summary) VALUES (1, now()::TIMESTAMP, now()::TIMESTAMP, 90, 'bgnbd', 1, 0, '{}')"
        )
    assert not waits_to_be_valued(warehouse)
