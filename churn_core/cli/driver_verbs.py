"""Verbs about what drives risks: drivers."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from churn_core.cli.filters import add_filter_options, chosen_filter
from churn_core.cli.options import Verbs, add_verb, opened_workspace, positive
from churn_core.cli.output import show, table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from churn_core.customers.drivers import Driver, Drivers

N_SHOWN = 15


def add_verbs(verbs: Verbs) -> None:
    """Add drivers to the parser."""
    drivers = add_verb(
        verbs, "drivers", show_drivers, "What moves the risk of everybody, or of chosen customers against the rest."
    )
    add_filter_options(drivers)
    drivers.add_argument(
        "--top", type=positive, default=N_SHOWN, metavar="N", help=f"signals to show (default {N_SHOWN}; JSON has all)"
    )


def show_drivers(args: argparse.Namespace) -> int:
    """``churn drivers``."""
    from churn_core.customers.drivers import drivers
    from churn_core.customers.profile import feature_label
    from churn_core.models.families import family_label

    warehouse = opened_workspace(args)
    found = drivers(warehouse, chosen_filter(args, warehouse), segment_name=args.segment or "")
    result = asdict(found)
    for kind in ("families", "features"):
        for driver, entry in zip(getattr(found, kind), result[kind], strict=True):
            entry["difference"] = driver.difference
    lines = [
        *_group_lines(found),
        "",
        *_driver_lines("group of signals", found.families, family_label),
        "",
        *_driver_lines("signal", found.features[: args.top], feature_label),
        "",
        "Changes of the calibrated log-odds against the average customer of the scoring.",
        *([found.sampled] if found.sampled else []),
    ]
    return show(args, result, lines)


def _group_lines(found: Drivers) -> list[str]:
    """Who is meant, and how risky they are."""
    rows = [(found.meaning, f"{found.group.n_customers:,}", f"{100 * found.group.mean_risk:.1f} %")]
    if found.rest is not None:
        rows.append(("the rest", f"{found.rest.n_customers:,}", f"{100 * found.rest.mean_risk:.1f} %"))
    return table(("customers", "n", "mean risk"), rows)


def _driver_lines(heading: str, found: Sequence[Driver], label: Callable[[str], str]) -> list[str]:
    has_rest = any(driver.mean_rest is not None for driver in found)
    header = (heading, "mean size", "mean", *(("rest", "difference") if has_rest else ()))
    rows = [
        (
            label(driver.name),
            f"{driver.mean_absolute:.3f}",
            f"{driver.mean:+.3f}",
            *((f"{driver.mean_rest or 0.0:+.3f}", f"{driver.difference or 0.0:+.3f}") if has_rest else ()),
        )
        for driver in found
    ]
    return table(header, rows)
