"""Target lists of campaigns: who gets what, with a manifest beside it; both appear together, or neither counts.

The manifest is written last and taken away first, so a list that stands beside a manifest is whole and is the one that
the manifest is about. What a killed process left half done is put right by exporting again: the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from churn_core.campaigns.manifest import manifest_of, manifest_text
from churn_core.campaigns.store import Campaign, required_locked
from churn_core.campaigns.target_columns import Choice, chosen_rows, list_sql, n_chosen
from churn_core.campaigns.target_workbook import MOST_ROWS, write_workbook
from churn_core.customers.selection import Condition
from churn_core.customers.targets import mark_as_utf8
from churn_core.errors import InputError, NotEnoughData
from churn_core.jobs import Progress, no_progress, part
from churn_core.warehouse import Warehouse, utc_now

Form = Literal["csv", "xlsx"]

MANIFEST_ENDING = ".manifest.json"
_SCRATCH = "campaign-list-"
_one_at_a_time = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class CampaignExport:
    """A target list that left the product, with its manifest beside it."""

    export_id: int
    campaign_id: str
    path: Path
    manifest_path: Path
    manifest: dict[str, Any]
    n_rows: int
    """Customers in the list, the header not counted."""
    sha256: str
    """Digest of the list's bytes."""

    @property
    def message(self) -> str:
        """What happened, as a sentence."""
        who = "1 customer" if self.n_rows == 1 else f"{self.n_rows:,} customers"
        return f"{who} of {self.manifest['campaign']!r} written to {self.path.name}."


@dataclass(frozen=True, kw_only=True)
class ExportKept:
    """A target list that was exported before, as it was recorded."""

    export_id: int
    campaign_id: str
    exported_at: datetime
    """When (UTC)."""
    file_name: str
    n_rows: int
    sha256: str
    manifest: dict[str, Any]


def export_campaign(
    warehouse: Warehouse,
    campaign_id: str,
    path: Path,
    *,
    arms: tuple[str, ...] = (),
    with_contact: bool = False,
    with_control: bool = False,
    waves: tuple[int, ...] = (),
    form: Form = "csv",
    progress: Progress = no_progress,
) -> CampaignExport:
    """Write the target list of a locked campaign with its manifest: the whole list or no file.

    ``path`` is the file, or a folder that gets a file named after campaign and choice. Without ``arms`` all treatments
    are in it; control rows only with ``with_control`` or when the control is named, always marked and never with
    contact details. ``with_contact`` adds name, e-mail, telephone number and consent as they are known today;
    everything else is as it was at the draw, so the same choice gives the same bytes of list and manifest.
    InputError for a draft or a cancelled campaign, a folder that is not there, and a workbook of too many rows;
    NotEnoughData when the choice means nobody.
    """
    found = required_locked(warehouse, campaign_id)
    if found.status == "cancelled":
        raise InputError(f"campaign {found.name!r} was called off, so nobody is to be contacted for it.")
    choice = chosen_rows(found, arms=arms, with_contact=with_contact, with_control=with_control, waves=waves)
    n_per_arm = n_chosen(warehouse, found, choice)
    target = _target(found, choice, path, form)
    _require_size(sum(n_per_arm.values()), form)
    with _scratch(warehouse) as folder:
        progress(0.05, "writing the list")
        written = folder / f"list.{form}"
        if form == "csv":
            _write_csv(warehouse, list_sql(found, choice), written)
        else:
            assert found.locked_at is not None
            write_workbook(
                warehouse,
                list_sql(found, choice),
                written,
                columns=list(choice.columns),
                n_rows=sum(n_per_arm.values()),
                made_at=found.locked_at.replace(microsecond=0),
                folder=folder,
                progress=part(progress, 0.05, 0.8),
            )
        progress(0.8, "checking the file")
        with written.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        manifest = manifest_of(found, choice, n_per_arm, file_name=target.name, form=form, sha256=digest)
        described = folder / "manifest.json"
        described.write_text(manifest_text(manifest), encoding="utf-8")
        progress(0.9, "handing over list and manifest")
        exported = _hand_over(warehouse, found, choice, written, described, target, manifest)
    progress(1, "exported")
    return exported


def exports_of(warehouse: Warehouse, campaign_id: str) -> tuple[ExportKept, ...]:
    """All target lists of a campaign that were exported, the newest first."""
    rows = warehouse.records(
        "SELECT export_id, campaign_id, exported_at, file_name, n_rows, sha256, "
        "CAST(manifest AS VARCHAR) AS manifest FROM exports "
        "WHERE campaign_id = $id ORDER BY export_id DESC",
        {"id": campaign_id},
    )
    return tuple(ExportKept(**row | {"manifest": json.loads(row["manifest"] or "{}")}) for row in rows)


def remove_lists(warehouse: Warehouse, campaign_id: str, *, but: str = "") -> int:
    """Remove the campaign's lists with their manifests from the workspace's own folder, all but one; how many.

    They hold personal details when those were asked for, and any of them can be made again, to the byte. What was
    exported to other folders is not looked for, nor is a file without the manifest of this campaign beside it.
    """
    n_removed = 0
    for name in {kept.file_name for kept in exports_of(warehouse, campaign_id)} - {but}:
        path = warehouse.file(name)
        beside = manifest_beside(path)
        if beside.exists() and json.loads(beside.read_text(encoding="utf-8")).get("campaign_id") == campaign_id:
            beside.unlink()
            path.unlink(missing_ok=True)
            n_removed += 1
    return n_removed


def manifest_beside(path: Path) -> Path:
    """Where the manifest of a list stands.

    >>> manifest_beside(Path("lists/spring.csv")).name
    'spring.csv.manifest.json'
    """
    return path.with_name(f"{path.name}{MANIFEST_ENDING}")


def list_name(campaign: Campaign, choice: Choice, form: Form) -> str:
    """A file name that says which list it is; arms are named when some are left out."""
    treatments = {arm.name for arm in campaign.plan.treatments}
    named = [] if treatments <= set(choice.arms) else [re.sub(r"[^\w-]+", "_", arm)[:40] for arm in choice.arms]
    parts = [campaign.campaign_id, *named]
    parts += ["with-control"] if choice.with_control and not named else []
    parts += [f"week-{'-'.join(map(str, choice.waves))}"[:60]] if choice.waves else []
    parts += ["contacts"] if choice.with_contact else []
    return f"{'_'.join(parts)}.{form}"


def _target(campaign: Campaign, choice: Choice, path: Path, form: Form) -> Path:
    if form not in ("csv", "xlsx"):
        raise InputError(f"a list cannot be written as {form!r}; choose csv or xlsx.")
    if path.is_dir():
        return path / list_name(campaign, choice, form)
    if not path.parent.is_dir():
        raise InputError(f"the folder {path.parent} does not exist; create it or choose another.")
    if path.suffix.lower() in (".csv", ".xlsx") and path.suffix.lower() != f".{form}":
        raise InputError(f"{path.name!r} was asked for as {form.upper()}; give the file the ending .{form}.")
    return path


def _require_size(n_rows: int, form: Form) -> None:
    if n_rows == 0:
        raise NotEnoughData("nobody of the campaign is in these arms and weeks; choose others.")
    if form == "xlsx" and n_rows > MOST_ROWS:
        raise InputError(
            f"the list has {n_rows:,} rows and a sheet holds {MOST_ROWS:,}; export as CSV, or each arm by itself."
        )


@contextmanager
def _scratch(warehouse: Warehouse) -> Iterator[Path]:
    """A folder for unfinished files in the workspace's own; what a killed process left there is removed."""
    with _one_at_a_time:
        root = warehouse.file(f"{_SCRATCH}x").parent
        for stale in root.glob(f"{_SCRATCH}*"):
            shutil.rmtree(stale, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix=_SCRATCH, dir=root) as folder:
            yield Path(folder)


def _write_csv(warehouse: Warehouse, rows: Condition, target: Path) -> None:
    warehouse.write_file(rows.sql, rows.parameters, target, options="FORMAT csv, HEADER")
    mark_as_utf8(target)


def _hand_over(
    warehouse: Warehouse,
    found: Campaign,
    choice: Choice,
    written: Path,
    described: Path,
    target: Path,
    manifest: dict[str, Any],
) -> CampaignExport:
    """Record the export and give both files their names; without the manifest a list does not count."""
    beside = manifest_beside(target)
    parts = [file.with_name(f".{file.name}.part") for file in (target, beside)]
    n_rows, digest = manifest["file"]["rows"], manifest["file"]["sha256"]
    try:
        shutil.move(written, parts[0])
        shutil.move(described, parts[1])
        with warehouse.transaction() as tx:
            export_id = tx.next_number("exports", "export_id")
            tx.execute(
                "INSERT INTO exports (export_id, exported_at, file_name, n_rows, filters, run_id, sha256, campaign_id, "
                "manifest) VALUES ($export_id, $now, $file_name, $n_rows, $choice, $run_id, $sha256, $campaign_id, "
                "$manifest)",
                {
                    "export_id": export_id,
                    "now": utc_now(),
                    "file_name": target.name,
                    "n_rows": n_rows,
                    "choice": json.dumps(asdict(choice), ensure_ascii=False),
                    "run_id": found.run_id,
                    "sha256": digest,
                    "campaign_id": found.campaign_id,
                    "manifest": json.dumps(manifest, ensure_ascii=False),
                },
            )
            tx.audit(
                "campaign exported",
                {"campaign_id": found.campaign_id, "file_name": target.name, "n_rows": n_rows, "sha256": digest},
            )
            beside.unlink(missing_ok=True)
            os.replace(parts[0], target)
            os.replace(parts[1], beside)
    except OSError as error:
        raise InputError(
            f"{target} cannot be written ({error.strerror or error}); choose another file or folder."
        ) from error
    finally:
        for part in parts:
            part.unlink(missing_ok=True)
    return CampaignExport(
        export_id=export_id,
        campaign_id=found.campaign_id,
        path=target,
        manifest_path=beside,
        manifest=manifest,
        n_rows=n_rows,
        sha256=digest,
    )
