"""Workspaces: create, list, rename, delete with the name typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from churn_core import workspaces
from churn_core.errors import InputError, NotFound


def names() -> list[str]:
    return [workspace.name for workspace in workspaces.list_workspaces()]


def test_created_workspaces_are_listed_by_name(churn_home: Path) -> None:
    assert names() == []
    for name in ("Zebra", "apple & pear", "商店"):
        workspaces.create_workspace(name).close()
    assert names() == ["apple & pear", "Zebra", "商店"]
    assert all(workspace.size_bytes > 0 for workspace in workspaces.list_workspaces())


def test_a_taken_name_is_refused_whatever_its_case(churn_home: Path) -> None:
    workspaces.create_workspace("Shop").close()
    with pytest.raises(InputError, match="exists already"):
        workspaces.create_workspace("sHOP")


@pytest.mark.parametrize(
    "name", ["", " ", "../x", "a/b", "a\\b", ".hidden", "x" * 61, "a\nb", "con", "tail.", "a;b", "<b>"]
)
def test_a_name_that_is_no_file_name_is_refused(churn_home: Path, name: str) -> None:
    with pytest.raises(InputError, match="cannot be a workspace name"):
        workspaces.create_workspace(name)
    assert names() == []


def test_renaming_keeps_what_is_inside(churn_home: Path) -> None:
    warehouse = workspaces.create_workspace("Old")
    with warehouse.transaction() as tx:
        tx.save_setting("currency", "EUR")
    warehouse.file("kept.txt").write_text("kept")
    workspaces.rename_workspace("Old", "New")
    reopened = workspaces.open_workspace("New")
    assert names() == ["New"]
    assert reopened.setting("currency") == "EUR"
    assert reopened.file("kept.txt").read_text() == "kept"
    reopened.close()


def test_a_name_can_change_its_case(churn_home: Path) -> None:
    workspaces.create_workspace("shop").close()
    workspaces.rename_workspace("shop", "Shop")
    assert names() == ["Shop"]


def test_renaming_onto_another_workspace_is_refused(churn_home: Path) -> None:
    workspaces.create_workspace("A").close()
    workspaces.create_workspace("B").close()
    with pytest.raises(InputError, match="exists already"):
        workspaces.rename_workspace("A", "b")
    assert names() == ["A", "B"]


def test_deleting_needs_the_name_typed(churn_home: Path) -> None:
    workspaces.create_workspace("Shop").file("notes.txt").write_text("x")
    with pytest.raises(InputError, match="type its name exactly"):
        workspaces.delete_workspace("Shop", typed_name="shop")
    assert names() == ["Shop"]
    workspaces.delete_workspace("Shop", typed_name="Shop")
    assert names() == []
    assert list(churn_home.iterdir()) == []


def test_a_workspace_that_is_not_there_is_not_found_with_a_suggestion(churn_home: Path) -> None:
    with pytest.raises(NotFound, match="churn demo"):
        workspaces.open_workspace("Shop")
    workspaces.create_workspace("Shop").close()
    with pytest.raises(NotFound, match="did you mean 'Shop'"):
        workspaces.open_workspace("Shp")
