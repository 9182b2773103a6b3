"""The committed upload templates are those that the schema gives, and each can be loaded as it is."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from churn_core.intake.formats import open_source
from churn_core.intake.kinds import KINDS
from churn_core.intake.load import import_file
from churn_core.intake.mapping import propose_mapping
from churn_core.intake.synonyms import SYNONYMS
from churn_core.intake.templates import write_templates
from churn_core.warehouse import Warehouse

ROOT = Path(__file__).resolve().parents[2]
COMMITTED = ROOT / "data" / "templates"


def test_committed_templates_are_the_generated_ones(tmp_path: Path) -> None:
    written = write_templates(tmp_path)
    assert {path.name for path in written} == {path.name for path in COMMITTED.glob("*")}
    for path in written:
        assert path.read_bytes() == (COMMITTED / path.name).read_bytes(), path.name


@pytest.mark.parametrize("kind", KINDS)
def test_a_template_is_understood_and_loads(warehouse: Warehouse, kind: str) -> None:
    source = open_source(COMMITTED / f"{kind}.csv")
    mapping = propose_mapping(source).mapping
    assert mapping.kind == kind
    assert all(field == column for field, column in mapping.fields.items())
    other = "customer_id,order_id,order_time\nC-1,z,2024-01-01\nC-2,y,2024-01-01\n"
    path = warehouse.file("other.csv")
    path.write_text(other)
    earlier = open_source(path)
    import_file(warehouse, earlier, replace(propose_mapping(earlier).mapping, kind="orders"))
    result = import_file(warehouse, source, mapping)
    assert result.n_rejected == 0
    assert result.n_added >= 1


def test_every_field_has_words_by_which_headers_are_recognised() -> None:
    fields = {field.name for kind in KINDS.values() for field in kind.fields}
    assert fields == set(SYNONYMS)


def test_the_page_about_own_data_names_every_kind_and_required_field() -> None:
    text = (ROOT / "docs" / "bring-your-own-data.md").read_text(encoding="utf-8")
    for kind in KINDS.values():
        assert re.search(rf"`{kind.name}`", text), kind.name
        for name in kind.required:
            assert f"`{name}`" in text, name
