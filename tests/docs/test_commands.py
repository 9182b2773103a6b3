"""Every command that a document tells is one that the command line understands."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from churn_core.cli.main import build_parser

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```[a-z]*\n(.*?)^```", re.MULTILINE | re.DOTALL)


def told_commands() -> list[tuple[str, str]]:
    """Document and command, of all lines of code blocks that begin with ``churn``."""
    found = []
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for block in BLOCK.findall(path.read_text(encoding="utf-8")):
            found += [(path.name, line) for line in block.splitlines() if line.startswith("churn ")]
    return found


@pytest.mark.parametrize(("document", "command"), told_commands())
def test_a_command_of_the_documents_is_understood(document: str, command: str) -> None:
    arguments = shlex.split(command, comments=True)[1:]
    assert build_parser().parse_args(arguments).verb == arguments[0]
