"""Workspaces are created, switched, renamed and deleted from the sidebar of any page."""

from __future__ import annotations

from churn_core.workspaces import create_workspace, list_workspaces
from tests.pages.conftest import App, Home
from ui import session


def names() -> list[str]:
    return [workspace.name for workspace in list_workspaces()]


def test_without_a_workspace_the_frame_offers_to_create_one_or_to_build_the_demo(churn_home: Home, app: App) -> None:
    visit = app()
    assert [title.value for title in visit.title] == ["Churn Early Warning"]
    assert "Build the demo shop" in [button.label for button in visit.button]
    assert not visit.exception


def test_a_created_workspace_is_the_one_looked_at(churn_home: Home, app: App) -> None:
    visit = app()
    visit.text_input(key="new_workspace_name").set_value("  Tea & Things ")
    submit(visit, "Create workspace")
    assert names() == ["Tea & Things"]
    assert visit.session_state[session.WORKSPACE] == "Tea & Things"
    assert [title.value for title in visit.title] == ["Import"], "where a workspace without data begins"


def test_a_workspace_created_beside_another_begins_with_its_import_as_well(churn_home: Home, app: App) -> None:
    create_workspace("First")
    visit = app("pages/settings/settings.py")
    visit.button(key="open_new_workspace").click().run()
    visit.text_input(key="new_workspace_name").set_value("Second")
    submit(visit, "Create")
    assert visit.session_state[session.WORKSPACE] == "Second"
    assert [title.value for title in visit.title] == ["Import"]


def test_a_name_that_cannot_be_a_file_is_refused_in_one_sentence(churn_home: Home, app: App) -> None:
    visit = app()
    visit.text_input(key="new_workspace_name").set_value("../secrets")
    submit(visit, "Create workspace")
    assert names() == []
    assert "cannot be a workspace name" in visit.error[0].value
    assert len(visit.error) == 1


def test_switching_shows_the_other_workspace(churn_home: Home, app: App) -> None:
    for name in ("One", "Two"):
        create_workspace(name)
    visit = app("pages/settings/settings.py")
    visit.selectbox(key=session.WORKSPACE).set_value("One").run()
    assert "**One**" in visit.caption[0].value
    visit.selectbox(key=session.WORKSPACE).set_value("Two").run()
    assert "**Two**" in visit.caption[0].value


def test_renaming_keeps_the_workspace_open(churn_home: Home, app: App) -> None:
    create_workspace("Old")
    visit = app("pages/settings/settings.py")
    visit.button(key="open_rename_workspace").click().run()
    visit.text_input(key="renamed_workspace_name").set_value("New")
    submit(visit, "Rename")
    assert names() == ["New"]
    assert visit.session_state[session.WORKSPACE] == "New"
    assert not visit.error


def test_deleting_needs_the_name_typed(churn_home: Home, app: App) -> None:
    create_workspace("Keep me")
    visit = app("pages/settings/settings.py")
    visit.button(key="open_delete_workspace").click().run()
    visit.text_input(key="typed_workspace_name").set_value("keep me")
    submit(visit, "Delete for good")
    assert names() == ["Keep me"]
    assert "type its name exactly" in visit.error[0].value


def test_deleting_with_the_name_typed_removes_it_and_its_files(churn_home: Home, app: App) -> None:
    create_workspace("Gone")
    visit = app("pages/settings/settings.py")
    visit.button(key="open_delete_workspace").click().run()
    visit.text_input(key="typed_workspace_name").set_value("Gone")
    submit(visit, "Delete for good")
    assert names() == []
    assert not list(churn_home.iterdir())


def submit(visit, label: str) -> None:
    [button for button in visit.button if button.label == label][-1].click().run()
    assert not visit.exception
