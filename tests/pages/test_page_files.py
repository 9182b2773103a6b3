"""Pages are thin and stand one folder down; the frame knows all of them; colours of app and figures agree."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

from churn_core.figures.theme import DARK, LIGHT, Palette

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(path for path in (ROOT / "pages").rglob("*.py"))
IDS = [str(path.relative_to(ROOT)) for path in FILES]


def test_no_page_lies_flat_in_pages() -> None:
    """A flat pages folder is served without the frame, see the decision about navigation."""
    assert not list((ROOT / "pages").glob("*.py"))


def test_the_frame_lists_every_page_and_no_other() -> None:
    frame = (ROOT / "app.py").read_text(encoding="utf-8")
    listed = {node.value for node in ast.walk(ast.parse(frame)) if isinstance(node, ast.Constant)}
    assert {value for value in listed if isinstance(value, str) and value.startswith("pages/")} == set(IDS)


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_a_page_is_thin(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 120


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_a_page_opens_with_its_question(path: Path) -> None:
    question = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert question
    assert question.endswith("?")


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_a_page_neither_computes_nor_queries_nor_catches(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    computed = [node for node in ast.walk(tree) if isinstance(node, ast.BinOp) and not isinstance(node.op, ast.Add)]
    assert not computed
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Try)]
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    assert not [text for text in texts if text.lstrip().upper().startswith(("SELECT ", "WITH ", "INSERT ", "UPDATE "))]


@pytest.mark.parametrize(("name", "palette"), [("light", LIGHT), ("dark", DARK)])
def test_the_app_and_its_figures_share_their_colours(name: str, palette: Palette) -> None:
    theme = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))["theme"][name]
    assert theme["backgroundColor"] == palette.background
    assert theme["secondaryBackgroundColor"] == palette.card
    assert theme["textColor"] == palette.text
    assert tuple(theme["chartCategoricalColors"]) == palette.series


def test_the_server_is_closed_to_the_outside_and_tells_nobody() -> None:
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert config["server"]["address"] == "127.0.0.1"
    assert config["browser"]["gatherUsageStats"] is False
    assert config["client"]["showErrorDetails"] == "none"
    assert config["client"]["disableDataExport"] is True
    assert config["server"]["maxUploadSize"] == 1024
