"""Verbs about segments found in the data: segments."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from churn_core.cli.options import Verbs, add_verb, date, new_file, opened_workspace, positive
from churn_core.cli.output import ProgressLine, show, table
from churn_core.errors import InputError, NotFound

if TYPE_CHECKING:
    from churn_core.customers.segmentation_store import Segmentation
    from churn_core.warehouse import Warehouse

OUTSIDE = "in no segment"
"""Those who were no customers yet, or whose last order was too long ago."""


def add_verbs(verbs: Verbs) -> None:
    """Add segments to the parser."""
    parser = add_verb(
        verbs,
        "segments",
        run_segments,
        "Divide the customers into segments; without options, show the newest division.",
    )
    parser.add_argument("id", nargs="?", type=positive, metavar="ID", help="segmentation (default: the newest)")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--list", action="store_true", help="all segmentations")
    what.add_argument("--fit", metavar="NAME", help="divide the customers anew and keep it under this name")
    what.add_argument("--refresh", action="store_true", help="find everybody's segment again with the saved centres")
    what.add_argument("--at", type=date, metavar="DATE", help="find who was where at an earlier date")
    what.add_argument("--moves", action="store_true", help="who changed segment, and which segments moved")
    what.add_argument("--csv", type=new_file, metavar="FILE", help="write the members, with --segment of one only")
    what.add_argument("--rename", metavar="NAME", help="give the segment of --segment another name")
    what.add_argument(
        "--continue-as", type=int, metavar="OLD", help="say which old segment that of --segment continues; 0 for none"
    )
    what.add_argument("--delete", action="store_true", help="forget the segmentation of this ID")
    parser.add_argument("--segment", type=positive, metavar="NO", help="a segment of it")
    parser.add_argument("--from", dest="earlier", type=date, metavar="DATE", help="with --moves: earlier date")
    parser.add_argument("--to", dest="later", type=date, metavar="DATE", help="with --moves: later date")
    fit = parser.add_argument_group("with --fit")
    fit.add_argument("--method", default="kmeans", help="kmeans (default), ward or mixture")
    fit.add_argument("--k", type=positive, metavar="N", help="number of segments (default: a proposal with its reason)")
    fit.add_argument(
        "--group", action="append", default=[], metavar="GROUP", help="whole group of features; repeatable"
    )
    fit.add_argument("--feature", action="append", default=[], metavar="NAME", help="single feature; repeatable")
    fit.add_argument("--seed", type=positive, default=7, help="start of the random numbers (default 7)")
    fit.add_argument("--continues", type=positive, metavar="ID", help="segmentation that is fitted again")


def run_segments(args: argparse.Namespace) -> int:
    """``churn segments``."""
    from churn_core.customers import segmentation, segmentation_match, segmentation_store

    warehouse = opened_workspace(args)
    if args.list:
        return _list(args, warehouse)
    if args.fit is not None:
        return _fit(args, warehouse)
    if args.refresh:
        made = segmentation.refresh_segmentations(warehouse)
        lines = [
            f"{one.name}: {one.note or (f'{one.n_customers:,} customers' if one.is_new else 'nothing changed')}"
            for one in made
        ]
        return show(args, [asdict(one) for one in made], lines or ["there is no segmentation yet."])
    found = _chosen(args, warehouse)
    if args.at:
        n = segmentation.assign_at(warehouse, found.segmentation_id, args.at)
        return show(
            args, {"as_of": args.at, "n_customers": n}, [f"{n:,} customers assigned as of {args.at:%-d %b %Y}."]
        )
    if args.moves:
        return _moves(args, warehouse, found)
    if args.csv:
        return _csv(args, warehouse, found)
    if args.continue_as is not None:
        segmentation_match.say_continued(warehouse, found.segmentation_id, _segment_no(args), args.continue_as or None)
        found = segmentation_store.segmentation(warehouse, found.segmentation_id)
    if args.rename is not None:
        segmentation_store.rename(warehouse, found.segmentation_id, _segment_no(args), args.rename)
        found = segmentation_store.segmentation(warehouse, found.segmentation_id)
    if args.delete:
        if args.id is None:
            raise InputError("which segmentation is to be deleted? Give its ID; 'churn segments --list' shows them.")
        segmentation_store.delete(warehouse, found.segmentation_id)
        return show(args, {"deleted": found.segmentation_id}, [f"{found.name} was deleted."])
    return _show(args, warehouse, found)


def _fit(args: argparse.Namespace, warehouse: Warehouse) -> int:
    from churn_core.customers.segmentation import Asked, fit_segmentation

    progress = ProgressLine()
    asked = Asked(
        name=args.fit, method=args.method, groups=tuple(args.group), features=tuple(args.feature), k=args.k,
        seed=args.seed, continues_id=args.continues,
    )  # fmt: skip
    found = fit_segmentation(warehouse, asked, progress=progress)
    progress.end()
    return _show(args, warehouse, found)


def _chosen(args: argparse.Namespace, warehouse: Warehouse) -> Segmentation:
    from churn_core.customers.segmentation_store import segmentation, segmentations

    if args.id is not None:
        return segmentation(warehouse, args.id)
    found = segmentations(warehouse)
    if not found:
        raise NotFound("there is no segmentation yet; make one with 'churn segments --fit NAME'.")
    return found[0]


def _list(args: argparse.Namespace, warehouse: Warehouse) -> int:
    from churn_core.customers.segmentation_store import segmentations

    found = segmentations(warehouse)
    result = [_head(entry) for entry in found]
    rows = [
        (entry.name, entry.segmentation_id, entry.method_label, len(entry.segments), f"{entry.n_customers:,}",
         f"{entry.as_of:%-d %b %Y}")
        for entry in found
    ]  # fmt: skip
    lines = table(("segmentation", "id", "method", "segments", "customers", "as of"), rows)
    return show(args, result, lines if found else ["there is no segmentation yet."])


def _head(found: Segmentation) -> dict[str, Any]:
    return {
        "segmentation_id": found.segmentation_id, "name": found.name, "method": found.method, "as_of": found.as_of,
        "n_customers": found.n_customers, "settings": found.settings, "continues_id": found.continues_id,
        "notes": list(found.notes),
    }  # fmt: skip


def _show(args: argparse.Namespace, warehouse: Warehouse, found: Segmentation) -> int:
    from churn_core.customers.segmentation_money import segmentation_money

    currency = str(warehouse.setting("currency", "") or "")
    now = segmentation_money(warehouse, found)
    profiles = {entry.no: entry for entry in found.segments}
    segments = [
        {
            **asdict(entry), "churn_rate": entry.churn_rate, "mean_expected_value": entry.mean_expected_value,
            "mean_value_at_risk": entry.mean_value_at_risk, "medians": profiles[entry.no].medians,
            "deviations": profiles[entry.no].deviations,
        }
        for entry in now.segments
    ]  # fmt: skip
    choice = found.summary.get("choice")
    result = {
        **_head(found), "members_as_of": now.as_of, "past_as_of": now.past_as_of, "choice": choice,
        "medians": found.medians, "continued": [asdict(entry) for entry in found.continued],
        "segments": segments,
    }  # fmt: skip
    rows = [
        (
            f"{entry.no} {entry.name}", f"{entry.n_customers:,}", f"{100 * entry.share:.1f} %",
            _percent(entry.mean_risk), f"{_percent(entry.churn_rate)} of {entry.n_past:,}" if entry.n_past else "-",
            _amount(entry.value_at_risk, currency), _amount(entry.mean_value_at_risk, currency),
        )
        for entry in now.segments
    ]  # fmt: skip
    lines = [
        f"{found.name} ({found.segmentation_id}): {found.method_label}, members as of {now.as_of:%-d %b %Y}",
        "",
        *table(("segment", "customers", "share", "mean risk", "churned", "value at risk", "each"), rows),
    ]
    if now.n_left:
        lines += [
            "",
            f"{now.n_left:,} of {now.n_customers:,} have left, by their label; risk and money leave them out.",
        ]
    lines += ["", choice["reason"]] if choice else []
    for entry in found.continued:
        if entry.old_no is not None:
            told = f"{entry.n_shared:,} of its {entry.n_old:,} customers"
            lines.append(f"Segment {entry.no} continues {entry.old_name!r}: {told}.")
    return show(args, result, [*lines, *found.notes])


def _moves(args: argparse.Namespace, warehouse: Warehouse, found: Segmentation) -> int:
    from churn_core.customers.segmentation_drift import dates_of, drift, moves
    from churn_core.customers.segmentation_store import rule_of

    known = dates_of(warehouse, found)
    earlier, later = args.earlier or known[0], args.later or known[-1]
    for asked in (earlier, later):
        if asked not in known:
            raise NotFound(
                f"nobody's segment on {asked:%-d %b %Y} is known; find it with 'churn segments --at {asked:%Y-%m-%d}'."
            )
    moved = moves(warehouse, found.segmentation_id, earlier, later)
    drifts = drift(found, rule_of(warehouse, found.segmentation_id)[0].names, later)
    names = {entry.no: f"{entry.no} {entry.name}" for entry in found.segments}
    rows = [
        (names.get(move.from_no or 0, OUTSIDE), names.get(move.to_no or 0, OUTSIDE), f"{move.n_customers:,}")
        for move in moved
    ]
    lines = [
        *table((f"on {_day(earlier)}", f"on {_day(later)}", "customers"), rows),
        "",
        *(f"{names[entry.no]}: {entry.words}" for entry in drifts),
    ]
    result = {
        "from": earlier, "to": later, "moves": [asdict(move) for move in moved],
        "drift": [asdict(entry) for entry in drifts],
    }  # fmt: skip
    return show(args, result, lines)


def _csv(args: argparse.Namespace, warehouse: Warehouse, found: Segmentation) -> int:
    from churn_core.customers.segmentation_export import members_csv

    content = members_csv(warehouse, found.segmentation_id, args.segment and found.segment(args.segment).no)
    args.csv.write_bytes(content)
    n_rows = content.count(b"\n") - 1
    return show(args, {"file": str(args.csv), "n_rows": n_rows}, [f"{n_rows:,} customers written to {args.csv.name}."])


def _segment_no(args: argparse.Namespace) -> int:
    if args.segment is None:
        raise InputError("which segment is meant? Give its number with --segment.")
    return int(args.segment)


def _day(moment: datetime) -> str:
    return f"{moment:%-d %b %Y}"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"


def _amount(amount: float | None, currency: str) -> str:
    from churn_core.currency import money_text

    return "-" if amount is None else money_text(amount, currency)
