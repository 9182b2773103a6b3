"""Model files: the same bytes each time, back again whole, and refused in one sentence when anything is wrong."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from churn_core.errors import InputError
from churn_core.features.definition import save_definition
from churn_core.models import model_file as files
from churn_core.models.model_file import add_model, export_model, import_model, model_file
from churn_core.models.present import present_risks
from churn_core.models.promotion import promote
from churn_core.models.registry import champion, load_artifact, model_version, model_versions
from churn_core.models.training import train_model
from churn_core.timeline import ChurnDefinition
from churn_core.warehouse import Warehouse

from .conftest import DEFINITION, fill_snapshots, members


@pytest.fixture(scope="module")
def exported(trained_shop: Warehouse) -> bytes:
    return model_file(trained_shop, 1)


@pytest.fixture
def other_shop(demo_copy: Warehouse) -> Warehouse:
    """The same shop without a model."""
    save_definition(demo_copy, ChurnDefinition(horizon_days=30))
    save_definition(demo_copy, DEFINITION)
    return demo_copy


def signed(content: dict[str, Any]) -> bytes:
    """Changed content with a digest that fits, as only somebody who means it would make."""
    rest = {key: value for key, value in content.items() if key != "sha256"}
    return json.dumps({**rest, "sha256": files._digest(rest)}).encode()


def test_a_model_goes_out_and_comes_back_with_the_same_answers(
    trained_shop: Warehouse, other_shop: Warehouse, exported: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "model.json"
    path.write_bytes(exported)
    version = import_model(other_shop, path)
    assert (version.status, version.model_version) == ("archived", 1)
    assert version.definition_version == 2
    assert champion(other_shop) is None
    original = model_version(trained_shop, 1)
    assert version.trained_at == original.trained_at
    assert version.trained_by == original.trained_by
    assert version.summary["imported"]["data_version"] == original.data_version
    assert load_artifact(other_shop, 1) == load_artifact(trained_shop, 1)
    assert np.array_equal(
        present_risks(other_shop, version, n_most=300), present_risks(trained_shop, original, n_most=300)
    )
    promote(other_shop, 1)
    best = champion(other_shop)
    assert best is not None
    assert best.model_version == 1
    actions = [row[0] for row in other_shop.rows("SELECT action FROM audit_log ORDER BY entry")]
    assert actions[-2:] == ["import model", "promote"]


def test_exporting_twice_gives_the_same_bytes(trained_copy: Warehouse, exported: bytes, tmp_path: Path) -> None:
    path = export_model(trained_copy, 1, tmp_path / "out.json")
    assert path.read_bytes() == exported
    assert [entry.name for entry in tmp_path.iterdir() if "out" in entry.name] == ["out.json"]
    assert trained_copy.value("SELECT action FROM audit_log ORDER BY entry DESC LIMIT 1") == "export model"
    with pytest.raises(InputError, match="cannot be written"):
        export_model(trained_copy, 1, tmp_path / "no such folder" / "out.json")


def test_a_model_of_a_table_comes_back(warehouse: Warehouse, tmp_path: Path) -> None:
    fill_snapshots(warehouse, members(300))
    train_model(warehouse)
    content = model_file(warehouse, 1)
    with pytest.raises(InputError, match="is here already, as model 1"):
        add_model(warehouse, content, "same.json")
    other = Warehouse.open(None, folder=tmp_path / "other")
    try:
        fill_snapshots(other, members(300))
        version = add_model(other, content, "members.json")
        assert (version.source, version.definition_version) == ("snapshots", 0)
        assert np.array_equal(present_risks(other, version), present_risks(warehouse, model_version(warehouse, 1)))
    finally:
        other.close()


def test_a_model_changed_in_the_workspace_does_not_leave_it(trained_copy: Warehouse, tmp_path: Path) -> None:
    with trained_copy.transaction() as tx:
        tx.execute("UPDATE model_versions SET artifact = artifact || ' '")
    with pytest.raises(InputError, match="changed after it was trained"):
        export_model(trained_copy, 1, tmp_path / "out.json")
    assert not (tmp_path / "out.json").exists()


class _Evil:
    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return (Path("/nowhere").joinpath, ("x",))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is no model file of this product"),
        (pickle.dumps(_Evil()), "is no model file of this product"),
        (b"PK\x03\x04 a zip", "is no model file of this product"),
        (b'{"name": "somebody else"}', "is no model file of this product"),
        (b"[1, 2]", "is no model file of this product"),
        (b'{"format": "churn-early-warning-model", "format_version": 1, "mod', "cut off or damaged"),
        (b'{"format": NaN}', "cut off or damaged"),
        (b'{"a":' * 200_000, "cut off or damaged"),
        (b'{"format": "churn-early-warning-model", "format_version": 2}', r"another version of the product \(format 2"),
        (b'{"format": "churn-early-warning-model", "format_version": 1, "sha256": "0"}', "its digest differs"),
        (b"\xff\xfe{", "is no model file"),
        (b'{"a": "\xff"}', "cut off or damaged"),
    ],
)
def test_foreign_and_broken_files_are_refused(warehouse: Warehouse, content: bytes, says: str) -> None:
    with pytest.raises(InputError, match=says):
        add_model(warehouse, content, "upload.json")
    assert model_versions(warehouse) == []


@pytest.mark.parametrize("at", [0.2, 0.5, 0.8, 0.999])
def test_one_changed_byte_is_noticed(other_shop: Warehouse, exported: bytes, at: float) -> None:
    position = int(len(exported) * at)
    while not chr(exported[position]).isdigit():
        position -= 1
    other = b"7" if exported[position : position + 1] != b"7" else b"3"
    with pytest.raises(InputError, match="was changed after it was exported"):
        add_model(other_shop, exported[:position] + other + exported[position + 1 :], "upload.json")
    with pytest.raises(InputError, match="cut off or damaged"):
        add_model(other_shop, exported[:position], "upload.json")
    assert model_versions(other_shop) == []


def _set(content: dict[str, Any], field: str, value: Any) -> None:
    content["model"][field] = value


def _replace(content: dict[str, Any], old: str, new: str) -> None:
    text = content["model"]["artifact"]
    assert old in text
    content["model"]["artifact"] = text.replace(old, new)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda found: _set(found, "artifact", '{"kind":"orders"}'), "cannot be rebuilt"),
        (lambda found: _set(found, "artifact", "not json"), "cannot be rebuilt"),
        (lambda found: _replace(found, "split_feature=", "split_feature=9999 "), "breaks when it is asked"),
        (lambda found: _replace(found, "Tree=0", "nonsense"), "breaks when it is asked"),
        (lambda found: _set(found, "source", "snapshots"), "does not match its own list of inputs"),
        (lambda found: found["model"]["feature_names"].reverse(), "does not match its own list of inputs"),
        (lambda found: found["model"].pop("estimator"), "lacks 'estimator'"),
        (lambda found: _set(found, "summary", []), "lacks 'summary'"),
        (lambda found: found["model"]["summary"].pop("definition"), "which definition of churn"),
        (lambda found: found["model"]["summary"]["definition"].update(horizon_days=45), "never the definition here"),
        (lambda found: found["model"]["summary"]["libraries"].update(lightgbm="99.1.0"), r"lightgbm 99\.1\.0 and"),
        (lambda found: _set(found, "trained_at", "yesterday"), "cannot be rebuilt"),
        (lambda found: found.update(model="x"), "lacks 'source'"),
    ],
)
def test_files_made_on_purpose_are_refused(
    other_shop: Warehouse, exported: bytes, change: Callable[[dict[str, Any]], object], says: str
) -> None:
    content = json.loads(exported)
    change(content)
    with pytest.raises(InputError, match=says):
        add_model(other_shop, signed(content), "upload.json")
    assert model_versions(other_shop) == []


def test_an_input_this_product_does_not_calculate_is_refused(other_shop: Warehouse, exported: bytes) -> None:
    text = exported.decode().replace("days_since_last_order", "phase_of_the_moon")
    with pytest.raises(InputError, match="'phase_of_the_moon', which this version of the product does not"):
        add_model(other_shop, signed(json.loads(text)), "upload.json")


def test_huge_files_are_refused_before_they_are_read(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MOST_BYTES", 2**20)
    path = tmp_path / "huge.json"
    path.write_bytes(b"{" + b" " * 2**21)
    with pytest.raises(InputError, match="has 2 MB and a model file has at most 1 MB"):
        import_model(warehouse, path)
    with pytest.raises(InputError, match="cannot be read"):
        import_model(warehouse, tmp_path / "missing.json")
