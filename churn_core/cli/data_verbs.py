"""Verbs about data: import, quality, define."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from churn_core import workspaces
from churn_core.cli.options import Verbs, add_verb, chosen_workspace, days, new_file, opened_workspace, positive
from churn_core.cli.output import ProgressLine, show, table
from churn_core.errors import InputError, NotEnoughData, NotFound, unknown_name
from churn_core.jobs import part
from churn_core.schema import USER_TABLES
from churn_core.settings import save_settings, settings
from churn_core.state import workspace_state
from churn_core.timeline import ChurnDefinition
from churn_core.warehouse import Warehouse

if TYPE_CHECKING:
    from churn_core.intake.formats import ReadOptions, Source
    from churn_core.intake.mapping import Mapping

USER_TABLE_NAMES = tuple(table.name for table in USER_TABLES)


def add_verbs(verbs: Verbs) -> None:
    """Add import, quality and define to the parser."""
    load = add_verb(verbs, "import", import_file, "Load a file into a workspace, or show how it would be understood.")
    load.add_argument(
        "file", type=Path, metavar="FILE", help="CSV, TSV, XLSX, Parquet, JSON lines; also in zip or gzip"
    )
    add_reading_options(load)
    load.add_argument(
        "--kind", metavar="KIND", help="what the file holds, when the proposal is wrong: orders, events, ..."
    )
    load.add_argument("--dry-run", action="store_true", help="show what was understood and ten rows; load nothing")
    load.add_argument(
        "--save-mapping", type=new_file, metavar="FILE", help="write the mapping as TOML, to edit and use again"
    )
    load.add_argument(
        "--rejected", type=new_file, metavar="FILE", help="write rejected rows there, to correct and import again"
    )
    load.add_argument(
        "--stable",
        action="append",
        metavar="COLUMN",
        help="this customer attribute never changes (like a birth year), so models may learn from it; repeatable",
    )
    load.add_argument("--create", action="store_true", help="create the workspace when it is not there")

    quality = add_verb(verbs, "quality", show_quality, "Check the data: what is missing, doubled, wrong, old.")
    quality.add_argument("--table", metavar="NAME", help="only this table")

    define = add_verb(verbs, "define", define_churn, "Say what churned means; without options, show the proposal.")
    define.add_argument("--propose", action="store_true", help="save the proposal as it is")
    define.add_argument("--horizon", type=positive, metavar="DAYS", help="no order within these days is churn")
    define.add_argument("--active-within", type=positive, metavar="DAYS", help="eligible: an order within these days")
    define.add_argument("--lead", type=days, metavar="DAYS", help="days left free to act (default 0)")


def add_reading_options(parser: argparse.ArgumentParser) -> None:
    """Options that say how a file is read, where finding out went wrong."""
    parser.add_argument(
        "--mapping", type=Path, metavar="TOML", help="how the columns are understood (see --save-mapping)"
    )
    parser.add_argument("--sheet", metavar="NAME", help="sheet of a workbook")
    parser.add_argument("--encoding", metavar="NAME", help="character encoding, like utf-8 or gb18030")
    parser.add_argument("--separator", metavar="CHAR", help="character between values; 'tab' for a tab")
    parser.add_argument("--decimal", choices=(".", ","), help="decimal mark")
    parser.add_argument("--date-order", choices=("dmy", "mdy", "ymd"), help="how 03/04/2011 is read")
    parser.add_argument("--header-line", type=positive, metavar="N", help="line of the column names")


def reading_options(args: argparse.Namespace) -> ReadOptions:
    """The options of :func:`add_reading_options` as given."""
    from churn_core.intake.formats import ReadOptions

    return ReadOptions(
        sheet=args.sheet,
        encoding=args.encoding,
        separator="\t" if args.separator == "tab" else args.separator,
        decimal=args.decimal,
        date_order=args.date_order,
        header_line=args.header_line,
    )


def opened_source(args: argparse.Namespace, progress: ProgressLine) -> tuple[Source, Mapping | None]:
    """The file as read, and the mapping of ``--mapping`` when one was given."""
    from churn_core.intake.formats import open_source
    from churn_core.intake.mapping import Mapping

    options = reading_options(args)
    mapping = Mapping.from_toml(args.mapping) if args.mapping else None
    if mapping is not None:
        given = {name: value for name, value in asdict(options).items() if value is not None}
        options = replace(mapping.options, **given)
        mapping = replace(mapping, options=options)
    source = open_source(args.file, options=options, progress=part(progress, 0.0, 0.4))
    return source, mapping


def import_file(args: argparse.Namespace) -> int:
    """``churn import``."""
    from churn_core.campaigns.alerting import renew_alerts
    from churn_core.customers.group_refresh import refresh_groups
    from churn_core.intake.load import import_file as load_file

    progress = ProgressLine()
    present = None if args.create else _present_workspace(args)
    source, mapping = opened_source(args, progress)
    is_new = _is_new_workspace(args)
    warehouse = Warehouse.open(None) if is_new else present or workspaces.open_workspace(chosen_workspace(args))
    mapping, notes = mapping or _understood(args, warehouse, source), list(source.notes)
    if args.save_mapping:
        args.save_mapping.write_text(mapping.to_toml(), encoding="utf-8")
        notes.append(f"The mapping is in {args.save_mapping}.")
    if args.dry_run:
        progress.end()
        return _show_dry_run(args, source, mapping, notes)
    if is_new:
        warehouse = workspaces.create_workspace(args.workspace)
    try:
        result = load_file(warehouse, source, mapping, progress=part(progress, 0.4, 0.95))
    except BaseException:
        if is_new:
            workspaces.delete_workspace(args.workspace, typed_name=args.workspace)
        raise
    notes += [
        f"The {group.kind} {group.name!r} keeps the customers it had: {group.problem}"
        for group in refresh_groups(warehouse).problems
    ]
    alerts = renew_alerts(warehouse)
    if alerts.n_new or alerts.n_closed_ordered:
        notes.append(f"Alerts: {alerts.message}")
    progress.end()
    if args.stable:
        notes.append(_mark_stable(warehouse, args.stable))
    if args.rejected and result.n_rejected:
        notes.append(_write_rejected(warehouse, result.import_id, args.rejected))
    return show(args, {**asdict(result), "notes": notes, "mapping": asdict(mapping)}, [*notes, result.message])


def _mark_stable(warehouse: Warehouse, names: Sequence[str]) -> str:
    """Let models learn from customer attributes; refuses names that no customer has."""
    from churn_core.customers.attributes import attributes

    known = {attribute.name for attribute in attributes(warehouse, "orders")}
    for name in names:
        if name not in known:
            raise unknown_name("customer attribute", name, known)
    now = settings(warehouse)
    marked = tuple(sorted({*now.stable_attributes, *names}))
    save_settings(warehouse, replace(now, stable_attributes=marked))
    return f"Models may learn from: {', '.join(marked)}."


def _present_workspace(args: argparse.Namespace) -> Warehouse:
    """The workspace to import into; NotFound names ``--create``, before a long file is read."""
    names = [workspace.name for workspace in workspaces.list_workspaces()]
    if not names and not args.workspace and not os.environ.get("CHURN_WORKSPACE"):
        raise NotFound("there is no workspace yet; add --workspace NAME --create to make one with this file.")
    name = chosen_workspace(args)
    try:
        return workspaces.open_workspace(name)
    except NotFound as error:
        there = ", ".join(map(repr, names)) or "none"
        raise NotFound(
            f"workspace {name!r} not found; add --create to make it with this file, or name one that is there: {there}."
        ) from error


def _is_new_workspace(args: argparse.Namespace) -> bool:
    if not args.create:
        return False
    if not args.workspace:
        raise InputError("--create needs the name of the new workspace; add --workspace NAME.")
    return args.workspace not in {workspace.name for workspace in workspaces.list_workspaces()}


def _understood(args: argparse.Namespace, warehouse: Warehouse, source: Source) -> Mapping:
    from churn_core.intake.mapping import propose_mapping, remembered_mapping

    remembered = None if args.kind else remembered_mapping(warehouse, source)
    return propose_mapping(source, remembered=remembered, kind=args.kind).mapping


def _show_dry_run(args: argparse.Namespace, source: Source, mapping: Mapping, notes: list[str]) -> int:
    from churn_core.intake.load import preview

    rows = preview(source, mapping)
    fields = [(column, field) for field, column in mapping.fields.items()]
    lines = [*notes, "", f"Understood as {mapping.kind}:", *table(("column of the file", "is"), fields)]
    texts = rows.astype(object).where(rows.notna(), "").astype(str)
    cells = [[_shortened(cell) for cell in row] for row in texts.itertuples(index=False)]
    lines += ["", *table(tuple(rows.columns), cells)]
    result = {"notes": notes, "mapping": asdict(mapping), "preview": texts.to_dict("records")}
    return show(args, result, lines)


def _shortened(text: str, most: int = 40) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."


def _write_rejected(warehouse: Warehouse, import_id: int, target: Path) -> str:
    from churn_core.intake.load import write_rejected

    write_rejected(warehouse, import_id, target)
    return f"The rejected rows are in {target}; correct them there and import that file."


def show_quality(args: argparse.Namespace) -> int:
    """``churn quality``."""
    from churn_core.intake.quality import check_quality

    if args.table and args.table not in USER_TABLE_NAMES:
        raise unknown_name("table", args.table, USER_TABLE_NAMES)
    report: dict[str, Any] = check_quality(opened_workspace(args)).to_dict()
    findings = [finding for finding in report["findings"] if args.table in (None, finding["table"])]
    lines = []
    for finding in findings:
        lines.append(f"[{finding['severity']}] {finding['table']}, {finding['dimension']}: {finding['message']}")
        lines.append(f"    {finding['effect_on_model']}")
    clean = "Nothing was found that a model would stumble over." if report["tables"] else "There is no data yet."
    return show(args, {**report, "findings": findings}, lines or [clean])


def define_churn(args: argparse.Namespace) -> int:
    """``churn define``."""
    from churn_core.features.definition import active_definition, propose_definition, readiness, save_definition

    if args.horizon is None and (args.active_within is not None or args.lead is not None):
        raise InputError("--active-within and --lead need --horizon; give it as well.")
    if args.horizon is not None and args.propose:
        raise InputError("--propose saves the proposal and --horizon your own choice; give one of them.")
    warehouse = opened_workspace(args)
    saved, reason = None, "as given"
    if args.horizon is None:
        _require_orders(warehouse)
        proposal = propose_definition(warehouse)
        definition, reason = proposal.definition, proposal.reason
    else:
        definition = ChurnDefinition(
            horizon_days=args.horizon, activity_days=args.active_within, lead_days=args.lead or 0
        )
    in_force = active_definition(warehouse)
    if args.horizon is not None or args.propose:
        saved = in_force = save_definition(warehouse, definition)
    ready = readiness(warehouse, definition)
    lines = [f"{_definition_words(definition)} ({reason})", ready.reason]
    if saved:
        lines.append(f"Saved as definition {saved.version}.")
    elif in_force:
        lines.append(f"In force is definition {in_force.version}: {_definition_words(in_force)}")
    else:
        lines.append("Not saved; use --propose, or --horizon and --active-within.")
    result = {
        "definition": asdict(saved or definition),
        "saved": saved is not None,
        "in_force": asdict(in_force) if in_force else None,
        "reason": reason,
        "readiness": asdict(ready),
    }
    return show(args, result, lines)


def _require_orders(warehouse: Warehouse) -> None:
    """Nothing is proposed for a labelled table alone: its label says who churned."""
    state = workspace_state(warehouse)
    if state.last_order_at is None and state.n_snapshots:
        raise NotEnoughData(
            "a labelled table brings its own definition: its label says who churned, and nothing has to be defined; "
            "go on with 'churn train'."
        )


def _definition_words(definition: ChurnDefinition) -> str:
    eligible = f"an order within {definition.activity_days} days" if definition.activity_days else "any order so far"
    return f"Churned: no order within {definition.horizon_days} days. Eligible: {eligible}."
