"""Errors become one sentence, once; a defect becomes a calm sentence and a log entry."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from churn_core.errors import InputError
from churn_core.workspaces import create_workspace
from tests.pages.conftest import App, Home
from ui import errors, settings_blocks

SETTINGS = "pages/settings/settings.py"


def test_an_error_for_the_reader_is_shown_once_as_a_sentence(
    empty_home: Home, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise InputError("column 'ordr_date' not found; did you mean 'order_date'?")

    monkeypatch.setattr(settings_blocks, "money_block", refuse)
    visit = app(SETTINGS)
    assert [error.value for error in visit.error] == [
        errors.plain("Column 'ordr_date' not found; did you mean 'order_date'?")
    ]
    assert not visit.exception


def test_a_defect_is_logged_and_shown_without_its_traceback(
    empty_home: Home, app: App, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def break_down() -> None:
        raise ZeroDivisionError("a detail nobody should see")

    monkeypatch.setattr(settings_blocks, "money_block", break_down)
    with caplog.at_level(logging.ERROR):
        visit = app(SETTINGS)
    assert [error.value for error in visit.error] == [errors.UNEXPECTED]
    assert "a detail nobody should see" in caplog.text


def test_a_workspace_held_by_another_process_is_said_in_one_sentence(
    churn_home: Home, app: App, tmp_path: Path
) -> None:
    create_workspace("Held").close()
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from churn_core.workspaces import open_workspace\n"
            "open_workspace('Held')\nprint('open', flush=True)\ninput()",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline().strip() == "open"
        visit = app(SETTINGS)
        assert len(visit.warning) == 1
        assert f"in use by process {holder.pid}" in visit.warning[0].value
        assert not visit.error
        assert not visit.exception
    finally:
        holder.communicate("\n", timeout=30)


def test_text_from_files_is_shown_as_it_stands() -> None:
    hostile = "**bold** [link](http://x) $x$ <script> :red[x] `code`"
    shown = errors.plain(hostile)
    assert shown.replace("\\", "") == hostile
    assert "\\*\\*bold\\*\\*" in shown
    assert "\\<script\\>" in shown
