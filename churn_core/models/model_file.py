"""A model version as a file: to keep, to hand on, to bring into another workspace.

The file is JSON text with a digest over all of it; nothing in it is ever executed or unpickled. What comes in is
checked from outside to inside - size, format, digest, versions, inputs, the model itself - and is kept archived: it
scores only when somebody promotes it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from churn_core import __version__
from churn_core.errors import ChurnError, InputError
from churn_core.features.attributes import PREFIX
from churn_core.features.registry import FEATURES
from churn_core.models.families import CONSTANTS, MADE
from churn_core.models.model_trial import survives
from churn_core.models.present import definition_words
from churn_core.models.registry import ModelVersion, insert_model, model_version, stored_artifact
from churn_core.models.training import fitted_from
from churn_core.timeline import ChurnDefinition
from churn_core.warehouse import acting_person, utc_now

if TYPE_CHECKING:
    from churn_core.warehouse import Warehouse

FORMAT = "churn-early-warning-model"
FORMAT_VERSION = 1
MOST_BYTES = 256 * 2**20
"""Largest file that is read."""
SUFFIX = ".churnmodel.json"
_FIELDS: dict[str, type | tuple[type, ...]] = {
    "source": str,
    "estimator": str,
    "trained_at": str,
    "trained_by": str,
    "data_version": int,
    "definition_version": int,
    "feature_names": list,
    "summary": dict,
    "artifact": str,
}


def model_file(warehouse: Warehouse, number: int) -> bytes:
    """A version as the bytes of a file; the same bytes every time. InputError when it was changed after training."""
    version = model_version(warehouse, number)
    content = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "product_version": __version__,
        "model": {
            "source": version.source,
            "estimator": version.estimator,
            "trained_at": version.trained_at.isoformat(),
            "trained_by": version.trained_by,
            "data_version": version.data_version,
            "definition_version": version.definition_version,
            "feature_names": list(version.feature_names),
            "summary": version.summary,
            "artifact": stored_artifact(warehouse, number),
        },
    }
    return _text({**content, "sha256": _digest(content)}).encode()


def file_name(version: ModelVersion) -> str:
    """What the file of a version is called, unless somebody says otherwise."""
    return f"model-{version.model_version}-{version.estimator}{SUFFIX}"


def export_model(warehouse: Warehouse, number: int, path: Path) -> Path:
    """Write a version to a file and log it; the file, which appears whole or not at all."""
    content = model_file(warehouse, number)
    partial = path.with_name(path.name + ".part")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise InputError(f"{path} cannot be written ({error.strerror}); choose another place.") from error
    log_export(warehouse, number, path.name)
    return path


def log_export(warehouse: Warehouse, number: int, name: str) -> None:
    """Note in the audit log that a version left the workspace."""
    with warehouse.transaction() as tx:
        tx.audit("export model", {"model_version": number, "file": name})


def import_model(warehouse: Warehouse, path: Path) -> ModelVersion:
    """Add the model in a file as an archived version; InputError in one sentence for whatever is wrong with it."""
    try:
        n_bytes = path.stat().st_size
        _check_size(n_bytes, path.name)
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); choose a model file.") from error
    return add_model(warehouse, content, path.name)


def add_model(warehouse: Warehouse, content: bytes, name: str) -> ModelVersion:
    """Add the model in the bytes of a file called ``name``; see :func:`import_model`."""
    _check_size(len(content), name)
    found = _opened(content, name)
    record = found["model"]
    _check_libraries(record["summary"].get("libraries"), name)
    _check_model(record, name)
    definition = _definition_here(warehouse, record, name)
    if not survives(record["artifact"]):
        raise InputError(f"the model in {name!r} breaks when it is asked about a customer; export it again.")
    summary = {
        **record["summary"],
        "imported": {
            "file": name,
            "sha256": found["sha256"],
            "product_version": found["product_version"],
            "imported_at": utc_now().isoformat(timespec="seconds"),
            "imported_by": acting_person(),
            "data_version": record["data_version"],
        },
    }
    if definition is not None:
        summary["definition"] = {**summary["definition"], "version": definition.version}
    with warehouse.transaction() as tx:
        known = tx.value(
            "SELECT min(model_version) FROM model_versions WHERE source = $source AND artifact = $artifact",
            {"source": record["source"], "artifact": record["artifact"]},
        )
        if known is not None:
            raise InputError(f"the model in {name!r} is here already, as model {known}.")
        number = insert_model(
            tx,
            {
                "trained_at": datetime.fromisoformat(record["trained_at"]),
                "trained_by": record["trained_by"],
                "source": record["source"],
                "estimator": record["estimator"],
                "status": "archived",
                "data_version": 0,
                "definition_version": definition.version if definition else 0,
                "feature_names": record["feature_names"],
                "summary": summary,
            },
            record["artifact"],
        )
        tx.audit("import model", {"model_version": number, "file": name, "sha256": found["sha256"]})
    return model_version(warehouse, number)


def _check_size(n_bytes: int, name: str) -> None:
    if n_bytes > MOST_BYTES:
        raise InputError(
            f"{name!r} has {n_bytes / 2**20:,.0f} MB and a model file has at most {MOST_BYTES // 2**20} MB; "
            "choose a file that was exported here."
        )


def _opened(content: bytes, name: str) -> dict[str, Any]:
    """The file as JSON whose format, version, digest and fields are right."""
    if not content.lstrip()[:1] == b"{":
        raise InputError(f"{name!r} is no model file of this product; choose a file that was exported from Versions.")
    try:
        found = json.loads(content, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name!r} is cut off or damaged and cannot be read; export the model again.") from error
    if found.get("format") != FORMAT:
        raise InputError(f"{name!r} is no model file of this product; choose a file that was exported from Versions.")
    if found.get("format_version") != FORMAT_VERSION:
        raise InputError(
            f"{name!r} was written by another version of the product (format {found.get('format_version')!r}, and "
            f"{FORMAT_VERSION} is known here); update the product, or export the model again."
        )
    if found.get("sha256") != _digest({key: value for key, value in found.items() if key != "sha256"}):
        raise InputError(f"{name!r} was changed after it was exported (its digest differs); export the model again.")
    model = found.get("model")
    wrong = [
        field
        for field, kind in _FIELDS.items()
        if not isinstance(model, dict) or not isinstance(model.get(field), kind)
    ]
    if wrong or not isinstance(found.get("product_version"), str):
        raise InputError(f"{name!r} lacks {wrong[0] if wrong else 'product_version'!r}; export the model again.")
    return dict(found)


def _check_libraries(libraries: object, name: str) -> None:
    """Refuse what a newer library wrote: an older one may read it otherwise."""
    for library, written in (libraries if isinstance(libraries, dict) else {}).items():
        try:
            here = installed_version(library)
        except PackageNotFoundError:
            here = "none"
        if _major(str(written)) > _major(here):
            raise InputError(
                f"{name!r} was made with {library} {written} and {here} is installed here; update the product first."
            )


def _check_model(record: Mapping[str, Any], name: str) -> None:
    """Refuse a model that cannot be rebuilt, or whose inputs are not those it says, or are not known here."""
    try:
        datetime.fromisoformat(record["trained_at"])
        artifact = json.loads(record["artifact"], parse_constant=_no_constant)
        names = fitted_from(artifact).feature_names
        is_whole = artifact["kind"] == record["source"] and list(names) == record["feature_names"]
    except ChurnError:
        raise
    except Exception as error:
        raise InputError(f"the model in {name!r} cannot be rebuilt; export it again.") from error
    if not is_whole:
        raise InputError(f"the model in {name!r} does not match its own list of inputs; export it again.")
    if record["source"] == "orders":
        known = {*FEATURES, *MADE, *CONSTANTS}
        unknown = [entry for entry in names if entry not in known and not entry.startswith(PREFIX)]
        if unknown:
            raise InputError(
                f"the model in {name!r} uses the input {unknown[0]!r}, which this version of the product does not "
                "calculate; update the product, or train a model here."
            )


def _definition_here(warehouse: Warehouse, record: Mapping[str, Any], name: str) -> ChurnDefinition | None:
    """This workspace's newest definition of the same days; None for a table with its own label."""
    if record["source"] != "orders":
        return None
    stored = record["summary"].get("definition")
    try:
        days = {key: stored[key] for key in ("horizon_days", "activity_days", "lead_days")}
        learned = ChurnDefinition(**days)
    except (KeyError, TypeError) as error:
        raise InputError(f"{name!r} does not say which definition of churn it learned; export it again.") from error
    number = warehouse.value(
        "SELECT max(version) FROM churn_definitions WHERE horizon_days = $horizon_days AND lead_days = $lead_days "
        "AND activity_days IS NOT DISTINCT FROM $activity_days",
        days,
    )
    if number is None:
        raise InputError(
            f"the model in {name!r} learned {definition_words(learned)}, which was never the definition here; save it "
            "as churn definition first, then import the model."
        )
    return ChurnDefinition(**days, version=int(number))


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(_text(content).encode()).hexdigest()


def _text(content: Mapping[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=True, allow_nan=False, sort_keys=True, separators=(",", ":"))


def _major(version: str) -> int:
    first = version.split(".", 1)[0]
    return int(first) if first.isdigit() else 0


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")
