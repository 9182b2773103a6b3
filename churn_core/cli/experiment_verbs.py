"""Verbs about experiments: size, assign, readout - without a workspace, on any file; plan is in plan_verbs."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from churn_core.cli import uplift_verbs
from churn_core.cli.data_verbs import add_reading_options, opened_source
from churn_core.cli.options import Verbs, add_verb, positive
from churn_core.cli.output import ProgressLine, show, table
from churn_core.cli.plan_verbs import add_plan
from churn_core.errors import InputError

if TYPE_CHECKING:
    from churn_core.campaigns.experiment_file import ExperimentFile
    from churn_core.campaigns.metrics import Metric


def add_verbs(verbs: Verbs) -> None:
    """Add ``experiment`` with its own verbs to the parser."""
    summary = "Plan, draw and read out an experiment on any file."
    parser = verbs.add_parser("experiment", help=summary, description=summary)
    own = parser.add_subparsers(dest="experiment", metavar="VERB", required=True)
    add_plan(own)
    _add_size(own)
    _add_assign(own)
    _add_readout(own)
    uplift_verbs.add_to_experiment(own)


def _add_size(verbs: Verbs) -> None:
    size = add_verb(verbs, "size", size_experiment, "How many customers an answer takes.", workspace=False)
    size.add_argument("--baseline", type=float, required=True, metavar="RATE", help="rate of the control, like .10")
    effect = size.add_mutually_exclusive_group(required=True)
    effect.add_argument("--lift", type=float, help="relative effect to find, like .1 for 10 percent more")
    effect.add_argument("--points", type=float, help="effect in points to find, like .01")
    effect.add_argument("--n", type=positive, help="customers there are; prints the smallest effect to be found")
    size.add_argument("--power", type=float, default=0.8, help="chance to find it (default .8)")
    size.add_argument("--alpha", type=float, default=0.05, help="chance to find what is not there (default .05)")
    size.add_argument("--treatments", type=positive, default=1, help="treatments besides the control (default 1)")
    size.add_argument("--share", type=float, metavar="SHARE", help="share of the control (default: equal arms)")
    size.add_argument("--per-week", type=float, metavar="N", help="customers that come in per week")


def _add_assign(verbs: Verbs) -> None:
    assign = add_verb(verbs, "assign", assign_customers, "Draw the arms of the customers in a file.", workspace=False)
    assign.add_argument("file", type=Path, metavar="FILE", help="a file with a column of customer ids")
    add_reading_options(assign)
    assign.add_argument("--campaign", required=True, metavar="ID", help="id of the campaign; it decides the draw")
    _add_share(assign, "share of an arm, like control=.1; once per arm", is_required=True)
    assign.add_argument("--id", metavar="COLUMN", help="column of the customer id (default: the first)")
    assign.add_argument("--stratum", metavar="COLUMN", help="share out every value of this column as planned")
    assign.add_argument("--out", type=Path, metavar="CSV", help="write id and arm there instead of printing them")


def _add_readout(verbs: Verbs) -> None:
    readout = add_verb(verbs, "readout", read_out_file, "Read out a finished experiment.", workspace=False)
    readout.add_argument("file", type=Path, metavar="FILE", help="one row per customer: arm and outcomes")
    add_reading_options(readout)
    readout.add_argument("--arm", required=True, metavar="COLUMN", help="column of the arm")
    readout.add_argument("--control", required=True, metavar="VALUE", help="the arm that got nothing")
    readout.add_argument(
        "--metric", action="append", default=[], metavar="COLUMN[:rate|mean]", help="an outcome; the first one decides"
    )
    readout.add_argument("--ratio", action="append", default=[], metavar="NUM/DEN", help="a ratio of two columns")
    readout.add_argument("--covariate", metavar="COLUMN", help="amount known before assignment, to reduce the noise")
    _add_share(readout, "planned share of an arm, like control=.5 (default: equal)", is_required=False)
    readout.add_argument("--stratum", metavar="COLUMN", help="compare within the values of this column")
    readout.add_argument("--lower-is-better", action="store_true", help="a smaller value of the first metric is better")


def _add_share(parser: argparse.ArgumentParser, words: str, *, is_required: bool) -> None:
    parser.add_argument(
        "--share", type=_share, action="append", default=[], metavar="ARM=SHARE", help=words, required=is_required
    )


def size_experiment(args: argparse.Namespace) -> int:
    """``churn experiment size``."""
    from churn_core.stats.power import Design, days_needed, size_for_rates, smallest_rate_effect

    design = Design(power=args.power, alpha=args.alpha, n_treatments=args.treatments, control_share=args.share)
    result: dict[str, Any] = {"baseline": args.baseline, **asdict(design)}
    if args.n is None:
        points = args.points if args.points is not None else args.lift * args.baseline
        size = size_for_rates(args.baseline, args.baseline + points, design)
        result |= {"n_control": size.n_control, "n_treatment": size.n_treatment, "n_total": size.n_total}
    else:
        n_control = round(args.n * design.share_of_control)
        n_treatment = round(args.n * design.share_of_treatment)
        result |= {"n_control": n_control, "n_treatment": n_treatment, "n_total": args.n}
    mde = smallest_rate_effect(args.baseline, result["n_total"], design)
    result |= {
        "mde_points": mde,
        "mde_lift": None if mde is None else mde / args.baseline,
        "days": days_needed(result["n_total"], args.per_week) if args.per_week is not None else None,
    }
    lines = [
        f"{result['n_total']:,} customers: {result['n_control']:,} in the control, {result['n_treatment']:,} in "
        f"{'the treatment' if args.treatments == 1 else 'each treatment'}.",
        "Too few customers to find any effect with this power."
        if mde is None
        else f"Smallest effect found with {args.power:.0%} power: {100 * mde:+.2f} points, "
        f"{mde / args.baseline:+.1%} of the baseline.",
    ]
    lines += [f"At {args.per_week:g} a week that takes {result['days']:,} days."] if args.per_week is not None else []
    return show(args, result, lines)


def assign_customers(args: argparse.Namespace) -> int:
    """``churn experiment assign``."""
    import csv

    from churn_core.campaigns.assignment import assign_arms

    progress = ProgressLine()
    source, _ = opened_source(args, progress)
    column = source.column(args.id) if args.id else source.columns[0]
    asked = [column.key, *([source.column(args.stratum).key] if args.stratum else [])]
    rows = source.reader.rows(f"SELECT {', '.join(asked)} FROM {source.rows_sql()} ORDER BY line")
    ids = [str(row[0] or "").strip() for row in rows]
    progress.end()
    if not ids or "" in ids:
        raise InputError(f"{ids.count('') or 'all'} rows have no customer id in column {column.name!r}; fill it in.")
    strata = [str(row[1] or "") for row in rows] if args.stratum else None
    arms = assign_arms(ids, _shares(args.share), salt=args.campaign, strata=strata)
    counts = {arm: arms.count(arm) for arm in _shares(args.share)}
    drawn = [{"customer_id": customer, "arm": arm} for customer, arm in zip(ids, arms, strict=True)]
    if args.out is None:
        return show(
            args,
            {"campaign": args.campaign, "counts": counts, "assignments": drawn},
            ["customer_id,arm", *(f"{row['customer_id']},{row['arm']}" for row in drawn)],
        )
    with args.out.open("x", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("customer_id", "arm"))
        writer.writerows((row["customer_id"], row["arm"]) for row in drawn)
    told = ", ".join(f"{arm} {n:,}" for arm, n in counts.items())
    return show(args, {"campaign": args.campaign, "counts": counts, "file": str(args.out)}, [f"{args.out}: {told}."])


def read_out_file(args: argparse.Namespace) -> int:
    """``churn experiment readout``."""
    from churn_core.campaigns.experiment import read_out
    from churn_core.campaigns.experiment_file import ExperimentFile, require_known_before

    progress = ProgressLine()
    source, _ = opened_source(args, progress)
    progress.end()
    file = ExperimentFile(source=source, arm=args.arm, stratum=args.stratum, covariate=args.covariate)
    counts = file.counts()
    metrics = _metrics(args, file)
    require_known_before((args.covariate, args.stratum), metrics)
    file.check_covariate()
    found = read_out(
        counts,
        [file.outcomes(metric) for metric in metrics],
        control=args.control,
        shares=_shares(args.share) if args.share else None,
        is_lower_better=args.lower_is_better,
    )
    result = found.to_dict()
    lines = [found.verdict, ""]
    if found.status != "invalid_srm":
        lines += table(
            ("metric", "arm", "control", "treatment", "difference", "95 % interval", "lift", "p", "adjusted"),
            [_row(entry) for entry in result["comparisons"]],
        )
    lines.append(f"Sample ratio: p {_p(found.sample_ratio.p_value)}{', ALARM' if found.sample_ratio.alarm else ''}.")
    return show(args, result, lines)


def _metrics(args: argparse.Namespace, file: ExperimentFile) -> list[Metric]:
    from churn_core.campaigns.metrics import Metric

    made = []
    for asked in args.metric:
        column, _, kind = asked.rpartition(":") if asked.endswith((":rate", ":mean")) else (asked, "", "")
        file.source.column(column)
        made.append(Metric(name=column, kind=kind or file.kind_of(column), column=column))
    for asked in args.ratio:
        numerator, _, denominator = asked.partition("/")
        if not denominator:
            raise InputError(f"--ratio {asked!r} is not understood; write two columns like spend/orders.")
        for column in (numerator, denominator):
            file.source.column(column)
        made.append(Metric(name=asked, kind="ratio", column=numerator, denominator=denominator))
    if not made:
        raise InputError("give at least one --metric COLUMN to compare, or a --ratio NUM/DEN.")
    return made


def _share(text: str) -> tuple[str, float]:
    arm, _, share = text.rpartition("=")
    try:
        return arm, float(share)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not understood; write an arm and its share like control=.1"
        ) from error


def _shares(given: list[tuple[str, float]]) -> dict[str, float]:
    from churn_core.campaigns.assignment import check_shares

    shares = dict(given)
    if "" in shares or len(shares) < len(given):
        raise InputError("every --share names another arm, like --share control=.1 --share coupon=.9.")
    check_shares(shares)
    return shares


def _row(entry: dict[str, Any]) -> tuple[str, ...]:
    def number(value: float | None) -> str:
        return "-" if value is None else f"{value:.5g}"

    low, high = entry["difference_low"], entry["difference_high"]
    return (
        entry["metric"],
        entry["arm"],
        number(entry["control"]),
        number(entry["treatment"]),
        number(entry["difference"]),
        "-" if low is None or high is None else f"[{low:.5g}, {high:.5g}]",
        "-" if entry["lift"] is None else f"{entry['lift']:+.1%}",
        _p(entry["p_value"]),
        _p(entry["p_adjusted"]),
    )


def _p(value: float | None) -> str:
    return "-" if value is None else "< .001" if value < 0.001 else f"{value:.3f}"
