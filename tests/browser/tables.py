"""Tables in the browser: they are drawn on a canvas, so a cell is clicked by its place."""

from __future__ import annotations

from playwright.sync_api import Locator, expect

ROW = 33
"""Height of a row, and of the head above them, in pixels."""


def click_cell(grid: Locator, row: int, x: float) -> None:
    """Click a row, counted from 0 below the head, so many pixels from the left edge, once the page stands still."""
    grid.scroll_into_view_if_needed()
    place = None
    while place != (place := grid.bounding_box()):
        grid.page.wait_for_timeout(200)  # the page scrolls smoothly
    assert place is not None
    grid.page.mouse.click(place["x"] + x, place["y"] + ROW * (row + 1) + ROW / 2)


def choose_in_cell(grid: Locator, row: int, x: float, choice: str) -> None:
    """Give an editable cell another of its choices, by the keyboard."""
    page = grid.page
    click_cell(grid, row, x)
    page.keyboard.press("Enter")
    editor = page.locator("#portal")
    expect(editor.get_by_role("combobox")).to_be_focused()
    page.keyboard.type(choice)
    expect(editor.get_by_role("option")).to_have_text([choice])
    page.keyboard.press("Enter")
    expect(editor.get_by_role("combobox")).to_have_count(0)
