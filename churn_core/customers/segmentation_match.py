"""Which old segment a new one continues: by the customers they share, one to one, until somebody says otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime

import numpy as np

from churn_core.customers import segmentation_store as keep
from churn_core.customers.segmentation_store import Continued, Segmentation
from churn_core.errors import InputError
from churn_core.warehouse import Transaction, Warehouse

LEAST_SHARE = 1 / 3
"""Part of the customers of either segment that must be shared for one to continue the other."""


def match_again(tx: Transaction, new: Segmentation) -> None:
    """Keep which segments of the one that was fitted again the new ones continue, by the customers shared.

    A name that somebody gave goes with its segment.
    """
    if new.continues_id is None:
        return
    old = keep.segmentation(tx, new.continues_id)
    names = {entry.no: entry.name for entry in old.segments}
    continued = continued_segments(_shared(tx, old, new), names, [entry.no for entry in new.segments])
    keep.add_to_summary(tx, new.segmentation_id, {"continued": [asdict(entry) for entry in continued]})
    for entry in continued:
        _take_name(tx, old, new.segmentation_id, entry)


def say_continued(warehouse: Warehouse, segmentation_id: int, no: int, old_no: int | None) -> None:
    """Say which old segment a new one continues, None for none; another that continued it until now is a new one.

    InputError for a segmentation that was not fitted again from another, NotFound for numbers that there are not.
    """
    with warehouse.transaction() as tx:
        new = keep.segmentation(tx, segmentation_id)
        new.segment(no)
        if new.continues_id is None or not new.continued:
            raise InputError(f"{new.name!r} was not fitted again from another, so it continues nothing.")
        old = keep.segmentation(tx, new.continues_id)
        shared = _shared(tx, old, new)
        said = []
        for entry in new.continued:
            before = entry
            if entry.no == no:
                entry = _pair(shared, no, old_no, "" if old_no is None else old.segment(old_no).name)
            elif old_no is not None and entry.old_no == old_no:
                entry = _pair(shared, entry.no, None, "")
            if entry.old_no != before.old_no:
                _give_back(tx, segmentation_id, before)
            said.append(entry)
        keep.add_to_summary(tx, segmentation_id, {"continued": [asdict(entry) for entry in said]})
        _take_name(tx, old, segmentation_id, next(entry for entry in said if entry.no == no))
        tx.audit("segment continued", {"segmentation_id": segmentation_id, "no": no, "old_no": old_no})


def _pair(shared: Mapping[tuple[int, int], int], no: int, old_no: int | None, old_name: str) -> Continued:
    return Continued(
        no=no,
        old_no=old_no,
        old_name=old_name,
        n_shared=0 if old_no is None else shared.get((old_no, no), 0),
        n_new=sum(n for (_, one), n in shared.items() if one == no),
        n_old=sum(n for (other, _), n in shared.items() if other == old_no),
    )


def _shared(tx: Transaction, old: Segmentation, new: Segmentation) -> dict[tuple[int, int], int]:
    newest = tx.value(
        "SELECT max(as_of) FROM segmentation_members WHERE segmentation_id = $id", {"id": old.segmentation_id}
    )
    return shared_customers(tx, (old.segmentation_id, newest), (new.segmentation_id, new.as_of))


def _take_name(tx: Transaction, old: Segmentation, segmentation_id: int, entry: Continued) -> None:
    """Give a segment the name that somebody gave the old one, unless it or another has one of its own."""
    if entry.old_no is None or not old.segment(entry.old_no).is_named:
        return
    new = keep.segmentation(tx, segmentation_id)
    taken = {one.name.lower() for one in new.segments}
    if not new.segment(entry.no).is_named and entry.old_name.lower() not in taken:
        keep.rename_in(tx, segmentation_id, entry.no, entry.old_name)


def _give_back(tx: Transaction, segmentation_id: int, entry: Continued) -> None:
    """Call a segment by its proposed words again, where its name came from the old segment it continued."""
    new = keep.segmentation(tx, segmentation_id)
    own = new.segment(entry.no)
    if entry.old_no is None or not own.is_named or own.name != entry.old_name:
        return
    taken = {one.name.lower() for one in new.segments if one.no != entry.no}
    name, number = own.words, 1
    while name.lower() in taken:
        number += 1
        name = f"{own.words} ({number})"
    keep.rename_in(tx, segmentation_id, entry.no, name)


def shared_customers(
    warehouse: Warehouse | Transaction, old: tuple[int, datetime], new: tuple[int, datetime]
) -> dict[tuple[int, int], int]:
    """Customers by old and new segment, each segmentation at its date: (old_no, new_no) -> customers."""
    rows = warehouse.rows(
        "SELECT o.segment_no, n.segment_no, count(*) FROM (SELECT customer_id, segment_no FROM segmentation_members "
        "WHERE segmentation_id = $old AND as_of = $old_at) o JOIN (SELECT customer_id, segment_no "
        "FROM segmentation_members WHERE segmentation_id = $new AND as_of = $new_at) n USING (customer_id) "
        "GROUP BY 1, 2",
        {"old": old[0], "old_at": old[1], "new": new[0], "new_at": new[1]},
    )
    return {(one, other): n for one, other, n in rows}


def continued_segments(
    shared: Mapping[tuple[int, int], int], old_names: Mapping[int, str], new_nos: list[int]
) -> tuple[Continued, ...]:
    """One old segment at most for each new one, so that the customers shared in total are most (Kuhn 1955).

    A pair that shares less than LEAST_SHARE of both is no continuation.
    """
    from scipy.optimize import linear_sum_assignment

    old_nos = list(old_names)
    counts = np.array([[shared.get((old, new), 0) for new in new_nos] for old in old_nos])
    pairs = {new_nos[column]: row for row, column in zip(*linear_sum_assignment(-counts), strict=True)}
    found = []
    for place, no in enumerate(new_nos):
        n_new, row = int(counts[:, place].sum()), pairs.get(no)
        n_shared = int(counts[row, place]) if row is not None else 0
        n_old = int(counts[row].sum()) if row is not None else 0
        if row is None or not n_shared or n_shared < LEAST_SHARE * max(n_new, n_old):
            found.append(Continued(no=no, old_no=None, old_name="", n_shared=0, n_new=n_new, n_old=0))
            continue
        old_no = old_nos[row]
        found.append(
            Continued(no=no, old_no=old_no, old_name=old_names[old_no], n_shared=n_shared, n_new=n_new, n_old=n_old)
        )
    return tuple(found)
