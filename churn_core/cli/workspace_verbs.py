"""Verbs about workspaces and the app: workspaces, demo, serve."""

from __future__ import annotations

import argparse
import time

from churn_core import workspaces
from churn_core.cli.options import Verbs, add_verb, date, new_file, port, positive
from churn_core.cli.output import ProgressLine, show, table


def add_verbs(verbs: Verbs) -> None:
    """Add workspaces, demo and serve to the parser."""
    demo = add_verb(verbs, "demo", build_demo, "Build the demo shop: simulated, seeded, scored.", workspace=False)
    demo.add_argument("--customers", type=positive, default=20_000, metavar="N", help="customers (default 20000)")
    demo.add_argument("--years", type=positive, default=3, metavar="N", help="years of history (default 3)")
    demo.add_argument("--seed", type=int, default=7, metavar="N", help="the same seed gives the same shop (default 7)")
    demo.add_argument("--until", type=date, metavar="DATE", help="last day of the history, like 2026-10-31")
    demo.add_argument(
        "--workspace", "-w", default=workspaces.DEMO, metavar="NAME", help="name of the workspace to make"
    )
    demo.add_argument(
        "--truth", type=new_file, metavar="FILE", help="where the ground truth goes (default: beside the workspace)"
    )
    demo.add_argument("--no-train", action="store_true", help="load the data only; no model, no scores")
    demo.add_argument("--if-missing", action="store_true", help="do nothing when the workspace is there already")
    demo.add_argument("--replace", action="store_true", help="build it anew when it is there already")

    parser = add_verb(verbs, "workspaces", list_all, "List, create, rename or delete workspaces.", workspace=False)
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    for name, run, summary in (
        ("list", list_all, "list workspaces"),
        ("create", create, "create an empty workspace"),
        ("rename", rename, "give a workspace another name"),
        ("delete", delete, "delete a workspace and everything in it"),
    ):
        action = actions.add_parser(name, help=summary, description=summary)
        action.set_defaults(run=run)
        action.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print the result as JSON")
        if name != "list":
            action.add_argument("name", metavar="NAME")
        if name == "rename":
            action.add_argument("new_name", metavar="NEW_NAME")
        if name == "delete":
            action.add_argument("--yes-delete", required=True, metavar="NAME", help="the name once more, to confirm")

    serve = add_verb(verbs, "serve", serve_app, "Start the app and open it in the browser.", workspace=False)
    serve.add_argument("--port", type=port, default=8501, metavar="N", help="port (default 8501)")
    serve.add_argument("--address", default="127.0.0.1", metavar="IP", help="address to listen on (default 127.0.0.1)")
    serve.add_argument("--no-browser", action="store_true", help="do not open a browser window")


def build_demo(args: argparse.Namespace) -> int:
    """``churn demo``."""
    from churn_core.campaigns.demo import build_demo_workspace

    names = {workspace.name for workspace in workspaces.list_workspaces()}
    if args.if_missing and args.workspace in names:
        return show(
            args, {"workspace": args.workspace, "built": False}, [f"The workspace {args.workspace!r} is there."]
        )
    started = time.perf_counter()
    progress = ProgressLine()
    built = build_demo_workspace(
        args.workspace,
        n_customers=args.customers,
        n_years=args.years,
        seed=args.seed,
        until=args.until.date() if args.until else None,
        truth_path=args.truth,
        train=not args.no_train,
        value_later=not args.no_train,
        replace=args.replace,
        progress=progress,
    )
    progress.end()
    seconds = time.perf_counter() - started
    return show(
        args,
        {**built.to_dict(), "built": True, "seconds": round(seconds, 1)},
        [
            f"Built the workspace {built.workspace!r} in {seconds:.0f} s: {built.n_customers:,} customers, "
            f"{built.n_orders:,} orders, {built.n_events:,} events.",
            f"The ground truth is in {built.truth_path}.",
            *(
                []
                if args.no_train
                else ["The app values its customers when it opens it; 'churn value --run' does so now."]
            ),
        ],
    )


def list_all(args: argparse.Namespace) -> int:
    """``churn workspaces`` and ``churn workspaces list``."""
    found = workspaces.list_workspaces()
    rows = [(w.name, f"{w.size_bytes / 1e6:.1f} MB", f"{w.changed_at:%Y-%m-%d %H:%M}") for w in found]
    lines = table(("workspace", "size", "changed (UTC)"), rows) if rows else ["There is no workspace yet."]
    result = [
        {"name": w.name, "path": str(w.path), "size_bytes": w.size_bytes, "changed_at": w.changed_at.isoformat()}
        for w in found
    ]
    return show(args, result, lines)


def create(args: argparse.Namespace) -> int:
    """``churn workspaces create``."""
    workspaces.create_workspace(args.name)
    return show(args, {"created": args.name}, [f"Created the workspace {args.name!r}."])


def rename(args: argparse.Namespace) -> int:
    """``churn workspaces rename``."""
    workspaces.rename_workspace(args.name, args.new_name)
    return show(args, {"renamed": args.new_name}, [f"{args.name!r} is now {args.new_name!r}."])


def delete(args: argparse.Namespace) -> int:
    """``churn workspaces delete``."""
    workspaces.delete_workspace(args.name, typed_name=args.yes_delete)
    return show(args, {"deleted": args.name}, [f"Deleted the workspace {args.name!r}."])


def serve_app(args: argparse.Namespace) -> int:
    """``churn serve``."""
    from churn_core.cli.server import serve

    return serve(address=args.address, port=args.port, open_browser=not args.no_browser)
