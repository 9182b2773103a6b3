"""Documents that must not drift from the code."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_the_module_map_is_what_the_modules_say() -> None:
    generator = runpy.run_path(str(ROOT / "docs" / "module_map.py"))
    written = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert written == generator["guide_with_map"](), "run 'make docs'"


def test_the_data_dictionary_is_what_the_schema_says() -> None:
    generator = runpy.run_path(str(ROOT / "docs" / "data_dictionary.py"))
    written = (ROOT / "docs" / "data-dictionary.md").read_text(encoding="utf-8")
    assert written == generator["data_dictionary"](), "run 'make docs'"


def test_the_lock_names_the_public_index_only() -> None:
    hosts = set(re.findall(r"https?://([^/\"]+)", (ROOT / "uv.lock").read_text(encoding="utf-8")))
    assert hosts == {"pypi.org", "files.pythonhosted.org"}


def test_the_readme_starts_with_the_two_commands() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert readme.index("make run") < readme.index("make test") < 1500


@pytest.mark.parametrize(
    "document", sorted(path.relative_to(ROOT).as_posix() for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
)
def test_links_between_documents_lead_somewhere(document: str) -> None:
    source = ROOT / document
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", source.read_text(encoding="utf-8")):
        assert (source.parent / target).exists(), f"{document} links to {target}"


def test_every_decision_has_context_decision_and_consequence() -> None:
    decisions = sorted((ROOT / "docs" / "adr").glob("*.md"))
    assert [int(path.name[:4]) for path in decisions] == list(range(1, len(decisions) + 1))
    for path in decisions:
        text = path.read_text(encoding="utf-8")
        for part in ("**Context.**", "**Decision.**", "**Consequence.**"):
            assert part in text, f"{path.name} lacks {part}"
