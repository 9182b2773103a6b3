"""Verbs about what a campaign proved: campaign readout, decide, programme."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from churn_core.cli.options import Verbs, add_verb, opened_workspace
from churn_core.cli.output import show, table

if TYPE_CHECKING:
    from churn_core.campaigns.readout_model import ArmResult, CampaignReadout
    from churn_core.stats.estimate import Estimate

DECISIONS = ("ship", "stop", "continue")


def add_to_campaign(own: Verbs) -> None:
    """Add ``readout``, ``decide`` and ``programme`` to the verbs of ``churn campaign``."""
    readout = add_verb(own, "readout", read_out_campaign, "Whether a campaign worked: health, verdict, effects, money.")
    readout.add_argument("campaign", metavar="ID", help="id of the campaign")
    decide = add_verb(own, "decide", decide_campaign, "Write down what was decided, with the readout as it stands.")
    decide.add_argument("campaign", metavar="ID", help="id of the campaign")
    decide.add_argument("decision", choices=DECISIONS, help="what was decided")
    decide.add_argument("--why", required=True, metavar="TEXT", help="the reason, in a sentence")
    decide.add_argument("--learned", default="", metavar="TEXT", help="what was learned, in a sentence")
    add_verb(own, "programme", show_programme, "All campaigns, and what they bring against the global holdout.")


def read_out_campaign(args: argparse.Namespace) -> int:
    """``churn campaign readout``."""
    from churn_core.campaigns.readout import campaign_readout

    found = campaign_readout(opened_workspace(args), args.campaign)
    return show(args, found.to_dict(), _lines(found))


def decide_campaign(args: argparse.Namespace) -> int:
    """``churn campaign decide``."""
    from dataclasses import asdict

    from churn_core.campaigns.decision import decide

    made = decide(opened_workspace(args), args.campaign, args.decision, args.why, args.learned)
    told = f"{args.decision.capitalize()}, written down as readout {made.readout_id} of {args.campaign}: {made.why}"
    return show(args, asdict(made), [told, f"It stood: {made.verdict}"])


def show_programme(args: argparse.Namespace) -> int:
    """``churn campaign programme``."""
    from churn_core.campaigns.over import status_words
    from churn_core.campaigns.programme import programme
    from churn_core.campaigns.store import campaigns
    from churn_core.features.definition import known_until

    warehouse = opened_workspace(args)
    found, end = programme(warehouse), known_until(warehouse)
    stands = {one.campaign_id: status_words(one, end).split(":")[0].lower() for one in campaigns(warehouse)}
    lines = [found.told]
    lines += [quarter.told for quarter in found.quarters if quarter.told != found.told]
    if found.campaigns:
        rows = [
            (
                line.name,
                f"{line.starts_on}" if line.starts_on else "-",
                f"{line.n_customers:,}",
                stands[line.campaign_id],
                line.read_as or "-",
                line.decision or "-",
            )
            for line in found.campaigns
        ]
        lines += ["", *table(("campaign", "start", "customers", "status", "read as", "decision"), rows)]
        lines += [f"{line.name}: {line.learned}" for line in found.campaigns if line.learned]
    return show(args, found.to_dict(), lines)


def _lines(found: CampaignReadout) -> list[str]:
    lines = [f"{found.name}: {found.verdict}", ""]
    lines += [f"{check.level.upper():4}  {check.label}: {check.told}" for check in found.health]
    if found.results and any(arm.n_complete for arm in found.arms) and not found.is_hidden:
        rows = [_row(result) for result in found.results]
        header = ("outcome", "arm", "control", "treatment", "difference", "interval", "p", "adjusted")
        lines += ["", *table(header, rows)]
        lines += [f"Guardrail, {rail.told}" for rail in found.guardrails]
        lines += [f"{cut.told}" for cut in found.segments]
        if found.sequential:
            lines.append(found.sequential.told)
        lines += _money_lines(found)
    return [*lines, *found.notes]


def _money_lines(found: CampaignReadout) -> list[str]:
    if found.money is None:
        return []
    rows = [
        (
            arm.arm,
            _estimate(arm.orders),
            _estimate(arm.margin),
            f"{arm.cost:,.0f}",
            _estimate(arm.net),
            _estimate(arm.return_on_spend, digits=2),
        )
        for arm in found.money.arms
    ]
    currency = f" ({found.money.currency})" if found.money.currency else ""
    gain = found.money.gain
    header = (f"arm{currency}", "orders more", f"{gain} more", "cost", "left after costs", f"{gain} per unit of cost")
    return ["", *table(header, rows), found.money.told]


def _row(result: ArmResult) -> tuple[str, ...]:
    found = result.comparison
    scale, unit = (100, " points") if result.unit == "share" else (1, "")
    value = found.difference.value
    return (
        f"{result.label}{'' if result.is_primary else ' (exploratory)'}",
        result.arm,
        _number(found.control, result.unit),
        _number(found.treatment, result.unit),
        "-" if value is None else f"{scale * value:+.4g}{unit}",
        _interval(found.difference, scale),
        _p(found.p_value),
        _p(result.p_adjusted),
    )


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    return f"{100 * value:.2f} %" if unit == "share" else f"{value:,.4g}"


def _interval(found: Estimate, scale: float = 1) -> str:
    if found.low is None or found.high is None:
        return "-"
    return f"[{scale * found.low:+.4g}, {scale * found.high:+.4g}]"


def _estimate(found: Estimate, digits: int = 0) -> str:
    if found.value is None:
        return "-"
    if found.low is None or found.high is None:
        return f"{found.value:,.{digits}f}"
    return f"{found.value:,.{digits}f} [{found.low:,.{digits}f}, {found.high:,.{digits}f}]"


def _p(value: float | None) -> str:
    return "-" if value is None else "< .001" if value < 0.001 else f"{value:.3f}"
