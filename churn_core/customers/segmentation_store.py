"""Segmentations as they are kept: how they divide, who was where at which date, and a saved group for each segment.

A segment of a segmentation is a row of ``segments`` like any saved group, so that At risk, campaigns and exports take
it without knowing where it came from.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from churn_core.customers.rule_segments import follow_name
from churn_core.customers.segmentation_fit import METHODS, Division
from churn_core.customers.segmentation_profile import Axis, SegmentMap, SegmentProfile
from churn_core.customers.segmentation_scaling import Scaling
from churn_core.customers.segments import N_NAME_MOST
from churn_core.errors import InputError, NotFound
from churn_core.warehouse import acting_person, utc_now

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from churn_core.warehouse import Transaction, Warehouse

N_DATES = 12
"""Dates whose members are kept beside the first."""


@dataclass(frozen=True, kw_only=True)
class Continued:
    """Which old segment a new one continues."""

    no: int
    """New segment."""
    old_no: int | None
    """Old segment; None where it continues none."""
    old_name: str
    n_shared: int
    """Customers in both."""
    n_new: int
    """Customers of the new segment that the old segmentation knew as well."""
    n_old: int
    """Customers of the old segment that the new segmentation knows as well; 0 where it continues none."""


@dataclass(frozen=True, kw_only=True)
class Segmentation:
    """A saved division of the customers."""

    segmentation_id: int
    name: str
    method: str
    made_at: datetime
    made_by: str
    as_of: datetime
    """Cutoff of the features it was made from."""
    source: str
    data_version: int
    settings: dict[str, Any]
    """features, k, seed, asked_k (None when it was proposed)."""
    segments: tuple[SegmentProfile, ...]
    summary: dict[str, Any]
    """choice, map, notes, past, continued, n_customers: as stored; see the readers of this module."""
    continues_id: int | None = None

    @property
    def n_customers(self) -> int:
        """Customers it was made from."""
        return int(self.summary["n_customers"])

    @property
    def method_label(self) -> str:
        """The method's name for people."""
        return METHODS.get(self.method, self.method)

    @property
    def notes(self) -> tuple[str, ...]:
        """What should be known about it, in sentences."""
        return tuple(self.summary.get("notes") or ())

    @property
    def on_map(self) -> SegmentMap:
        """A sample of the customers on a map."""
        stored = self.summary["map"]
        first, second = (Axis(**axis) for axis in stored["axes"])
        return SegmentMap(
            x=tuple(stored["x"]), y=tuple(stored["y"]), no=tuple(stored["no"]), axes=(first, second),
            n_customers=stored["n_customers"],
        )  # fmt: skip

    @property
    def medians(self) -> dict[str, float | None]:
        """Median of each feature over all customers; empty for one that was fitted before they were kept."""
        return dict(self.summary.get("medians") or {})

    @property
    def continued(self) -> tuple[Continued, ...]:
        """Which old segments it continues; empty when it was not fitted again from another."""
        return tuple(Continued(**entry) for entry in self.summary.get("continued") or ())

    def segment(self, no: int) -> SegmentProfile:
        """One segment; NotFound when there is none of that number."""
        for found in self.segments:
            if found.no == no:
                return found
        raise NotFound(f"there is no segment {no} in {self.name!r}; it has {len(self.segments)}.")


def segmentations(warehouse: Warehouse | Transaction) -> tuple[Segmentation, ...]:
    """All segmentations, the newest first."""
    rows = warehouse.records("SELECT * EXCLUDE (artifact) FROM segmentations ORDER BY segmentation_id DESC")
    return tuple(_read(row) for row in rows)


def segmentation(warehouse: Warehouse | Transaction, segmentation_id: int) -> Segmentation:
    """One segmentation; NotFound when there is none of that id."""
    rows = warehouse.records(
        "SELECT * EXCLUDE (artifact) FROM segmentations WHERE segmentation_id = $id", {"id": segmentation_id}
    )
    if not rows:
        raise NotFound(f"there is no segmentation {segmentation_id} in this workspace; choose one from the list.")
    return _read(rows[0])


def rule_of(warehouse: Warehouse | Transaction, segmentation_id: int) -> tuple[Scaling, Division]:
    """The saved scaling and centres, which assign a customer at any date."""
    text = warehouse.value("SELECT artifact FROM segmentations WHERE segmentation_id = $id", {"id": segmentation_id})
    if text is None:
        raise NotFound(f"there is no segmentation {segmentation_id} in this workspace; choose one from the list.")
    stored = json.loads(text)
    return Scaling.from_json(stored["scaling"]), Division.from_json(stored["division"])


def store(tx: Transaction, made: Segmentation, scaling: Scaling, division: Division) -> Segmentation:
    """Keep a new segmentation with a saved group per segment, without members yet; a taken name gets a number."""
    name = free_name(tx, made.name)
    segmentation_id = tx.next_number("segmentations", "segmentation_id")
    made = replace(made, segmentation_id=segmentation_id, name=name, made_at=utc_now(), made_by=acting_person())
    tx.execute(
        "INSERT INTO segmentations (segmentation_id, name, method, made_at, made_by, as_of, source, data_version, "
        "settings, artifact, summary, continues_id) VALUES ($segmentation_id, $name, $method, $made_at, $made_by, "
        "$as_of, $source, $data_version, $settings, $artifact, $summary, $continues_id)",
        {
            **{key: getattr(made, key) for key in (
                "segmentation_id", "name", "method", "made_at", "made_by", "as_of", "source", "data_version",
                "continues_id",
            )},
            "settings": json.dumps(made.settings, ensure_ascii=False),
            "artifact": json.dumps({"scaling": scaling.to_json(), "division": division.to_json()}),
            "summary": _summary_text(made),
        },
    )  # fmt: skip
    for profile in made.segments:
        tx.execute(
            "INSERT INTO segments (segment_id, name, meaning, saved_at, kind, rule, refreshed_at) "
            "VALUES ($segment, $name, $meaning, $now, 'cluster', $rule, $now)",
            {
                "segment": tx.next_number("segments", "segment_id"),
                "name": _group_name(tx, name, profile.name),
                "meaning": f"segment {profile.no} of {name} ({made.method_label}): {profile.words}",
                "now": made.made_at,
                "rule": json.dumps({"segmentation_id": segmentation_id, "segment_no": profile.no}),
            },
        )
    return made


def keep_members(
    tx: Transaction,
    segmentation_id: int,
    as_of: datetime,
    customer_ids: pd.Index,
    numbers: NDArray[np.int32],
    probability: NDArray[np.float32] | None,
) -> None:
    """Who is in which segment at a date, in place of what was kept for that date."""
    import pandas as pd

    key = {"id": segmentation_id, "as_of": as_of}
    tx.execute("DELETE FROM segmentation_members WHERE segmentation_id = $id AND as_of = $as_of", key)
    frame = pd.DataFrame({"customer_id": customer_ids, "segment_no": numbers})
    frame["probability"] = probability
    with tx.view("assigned_now", frame):
        tx.execute(
            "INSERT INTO segmentation_members (segmentation_id, as_of, customer_id, segment_no, probability) "
            "SELECT $id, $as_of, customer_id, segment_no, CAST(probability AS DOUBLE) FROM assigned_now",
            key,
        )


def publish_members(tx: Transaction, segmentation_id: int, as_of: datetime) -> None:
    """The saved groups of a segmentation get the members of a date."""
    own = group_ids(tx, segmentation_id)
    tx.execute(
        "DELETE FROM segment_members WHERE segment_id IN (SELECT unnest($own::INTEGER[]))", {"own": list(own.values())}
    )
    for no, segment_id in own.items():
        tx.execute(
            "INSERT INTO segment_members (segment_id, customer_id) SELECT $segment, customer_id "
            "FROM segmentation_members WHERE segmentation_id = $id AND as_of = $as_of AND segment_no = $no "
            "ORDER BY customer_id",
            {"segment": segment_id, "id": segmentation_id, "as_of": as_of, "no": no},
        )
        tx.execute(
            "UPDATE segments SET refreshed_at = $now WHERE segment_id = $segment",
            {"now": utc_now(), "segment": segment_id},
        )


def forget_other_dates(tx: Transaction, segmentation_id: int, newest: datetime) -> None:
    """Members of the first date and of the last N_DATES up to the newest stay; later ones are not known any more."""
    tx.execute(
        "DELETE FROM segmentation_members WHERE segmentation_id = $id AND as_of > $newest",
        {"id": segmentation_id, "newest": newest},
    )
    tx.execute(
        "DELETE FROM segmentation_members WHERE segmentation_id = $id AND as_of IN (SELECT as_of FROM ("
        "SELECT as_of, row_number() OVER (ORDER BY as_of DESC) AS place, row_number() OVER (ORDER BY as_of) AS age "
        "FROM (SELECT DISTINCT as_of FROM segmentation_members WHERE segmentation_id = $id)) "
        "WHERE place > $n AND age > 1)",
        {"id": segmentation_id, "n": N_DATES},
    )


def group_ids(warehouse: Warehouse | Transaction, segmentation_id: int) -> dict[int, int]:
    """The saved group of each segment: number -> segment_id; one that was deleted is not among them."""
    rows = warehouse.rows(
        "SELECT CAST(json_extract(rule, '$.segment_no') AS INTEGER) AS no, segment_id FROM segments "
        "WHERE kind = 'cluster' AND CAST(json_extract(rule, '$.segmentation_id') AS INTEGER) = $id ORDER BY no",
        {"id": segmentation_id},
    )
    return dict(rows)


def rename(warehouse: Warehouse, segmentation_id: int, no: int, name: str) -> None:
    """Give a segment another name, also as a saved group; InputError when it is empty, too long or taken."""
    with warehouse.transaction() as tx:
        rename_in(tx, segmentation_id, no, name)


def rename_in(tx: Transaction, segmentation_id: int, no: int, name: str) -> None:
    """The same within a transaction."""
    clean = _clean(name)
    found = segmentation(tx, segmentation_id)
    old = found.segment(no)
    if any(other.no != no and other.name.lower() == clean.lower() for other in found.segments):
        raise InputError(f"another segment of {found.name!r} is named {clean!r} already; choose another name.")
    renamed = tuple(replace(entry, name=clean) if entry.no == no else entry for entry in found.segments)
    _save_summary(tx, replace(found, segments=renamed))
    own = group_ids(tx, segmentation_id).get(no)
    if own is not None:
        before = str(tx.value("SELECT name FROM segments WHERE segment_id = $own", {"own": own}))
        tx.execute("UPDATE segments SET name = '' WHERE segment_id = $own", {"own": own})
        name = _group_name(tx, found.name, clean)
        tx.execute("UPDATE segments SET name = $name WHERE segment_id = $own", {"name": name, "own": own})
        follow_name(tx, before, name)
    tx.audit("segment renamed", {"segmentation_id": segmentation_id, "no": no, "from": old.name, "to": clean})


def delete(warehouse: Warehouse, segmentation_id: int) -> None:
    """Forget a segmentation, its members of all dates and its saved groups."""
    with warehouse.transaction() as tx:
        found = segmentation(tx, segmentation_id)
        own = list(group_ids(tx, segmentation_id).values())
        for table in ("segment_members", "segments"):
            tx.execute(f"DELETE FROM {table} WHERE segment_id IN (SELECT unnest($own::INTEGER[]))", {"own": own})
        for table in ("segmentation_members", "segmentations"):
            tx.execute(f"DELETE FROM {table} WHERE segmentation_id = $id", {"id": segmentation_id})
        tx.audit("segmentation deleted", {"segmentation_id": segmentation_id, "name": found.name})


def add_to_summary(tx: Transaction, segmentation_id: int, entries: Mapping[str, Any]) -> None:
    """Keep further results with a segmentation."""
    found = segmentation(tx, segmentation_id)
    _save_summary(tx, replace(found, summary={**found.summary, **entries}))


def free_name(tx: Transaction, name: str) -> str:
    """The name, with a number behind it when a segmentation of that name exists."""
    clean = _clean(name)
    taken = {str(row[0]).lower() for row in tx.rows("SELECT name FROM segmentations")}
    return _apart(clean, taken)


def _group_name(tx: Transaction, segmentation_name: str, segment_name: str) -> str:
    taken = {str(row[0]).lower() for row in tx.rows("SELECT name FROM segments")}
    return _apart(f"{segmentation_name}: {segment_name}", taken)


def _apart(name: str, taken: set[str]) -> str:
    made, number = name[:N_NAME_MOST], 1
    while made.lower() in taken:
        number += 1
        ending = f" ({number})"
        made = name[: N_NAME_MOST - len(ending)] + ending
    return made


def _clean(name: str) -> str:
    clean = " ".join(name.split())
    if not clean or len(clean) > N_NAME_MOST:
        raise InputError(f"the name has {len(clean)} characters; give it 1 to {N_NAME_MOST}.")
    return clean


def _save_summary(tx: Transaction, found: Segmentation) -> None:
    tx.execute(
        "UPDATE segmentations SET summary = $summary WHERE segmentation_id = $id",
        {"summary": _summary_text(found), "id": found.segmentation_id},
    )


def _summary_text(found: Segmentation) -> str:
    segments: Sequence[dict[str, Any]] = [asdict(entry) for entry in found.segments]
    return json.dumps({**found.summary, "segments": segments}, ensure_ascii=False, default=str)


def _read(row: dict[str, Any]) -> Segmentation:
    summary = json.loads(row.pop("summary"))
    profiles = tuple(SegmentProfile(**entry) for entry in summary.pop("segments"))
    return Segmentation(**{**row, "settings": json.loads(row["settings"])}, segments=profiles, summary=summary)
