"""Verbs about past warnings: proof."""

from __future__ import annotations

import argparse
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from churn_core.cli.options import Verbs, add_verb, opened_workspace, positive
from churn_core.cli.output import ProgressLine, show, table

if TYPE_CHECKING:
    from churn_core.customers.proof import Proof
    from churn_core.models.outcomes import CutoffOutcome, LeadTimes, Outcome


def add_verbs(verbs: Verbs) -> None:
    """Add proof to the parser."""
    verb = add_verb(verbs, "proof", proof, "Whether past warnings were right and early, replayed and lived.")
    verb.add_argument("--replay", action="store_true", help="score past days again as if on that day, then show")
    verb.add_argument("--cutoffs", type=positive, metavar="N", help="past days to replay, 30 days apart (default 6)")


def proof(args: argparse.Namespace) -> int:
    """``churn proof``."""
    from churn_core.customers.proof import proof as found_proof
    from churn_core.customers.proof import replay_workspace

    warehouse = opened_workspace(args)
    if args.replay:
        progress = ProgressLine()
        replay_workspace(warehouse, progress, n_cutoffs=args.cutoffs)
        progress.end()
    found = found_proof(warehouse)
    return show(args, _json(found), _lines(found))


def _json(found: Proof) -> dict[str, Any]:
    """Counts and sums as they are kept; shares follow from them."""
    lived, replay = found.lived, found.replay
    return {
        "source": found.source,
        "obstacle": found.obstacle,
        "lived": lived
        and {
            **_side(lived.cutoffs, lived.warned, lived.warned_late, lived.leads),
            "n_open": lived.n_open,
            "next_known_at": lived.next_known_at,
            "n_superseded": lived.n_superseded,
            "n_hindsight": lived.n_hindsight,
        },
        "replayed": replay
        and {
            **_side(replay.cutoffs, replay.warned, replay.warned_late, replay.leads),
            "made_at": replay.made_at,
            "model_version": replay.model_version,
            "outdated": list(found.outdated),
        },
    }


def _side(
    cutoffs: tuple[CutoffOutcome, ...], warned: Outcome, late: Outcome, leads: LeadTimes | None
) -> dict[str, Any]:
    interval = warned.interval
    return {
        "warned": {
            "n": warned.n,
            "n_churned": warned.n_churned,
            "happened": warned.happened,
            "predicted": warned.predicted,
            "interval": list(interval) if interval else None,
            "n_silent_longer_than_horizon": late.n,
            "n_churned_of_these": late.n_churned,
        },
        "cutoffs": [outcome.to_json() for outcome in cutoffs],
        "leads": leads
        and {
            **leads.to_json(),
            "n_warned": leads.n_warned,
            "median_silent_days": leads.silent_quantile(0.5),
            "median_early_days": leads.early_quantile(0.5),
        },
    }


def _lines(found: Proof) -> list[str]:
    from churn_core.figures.proof import headline, late_words, lead_sentence

    lines: list[str] = []
    lived = [outcome for outcome in found.lived.cutoffs if outcome.kind == "lived"] if found.lived else []
    if found.lived and lived:
        said = f"Lived: {headline(found.lived.warned, lived, 'lived')}"
        lines.append(f"{said} {late_words(found.lived.warned, found.lived.warned_late)}".strip())
    elif found.lived and found.lived.next_known_at:
        lines.append(
            f"Lived: no outcome is known yet; the first will be once orders reach until "
            f"{found.lived.next_known_at - timedelta(days=1):%-d %b %Y}."
        )
    if found.replay:
        said = f"Replayed: {headline(found.replay.warned, found.replay.cutoffs, 'replayed')}"
        lines.append(f"{said} {late_words(found.replay.warned, found.replay.warned_late)}".strip())
        lines += [f"Out of date: {words} since." for words in found.outdated]
    elif found.obstacle:
        lines.append(f"Replayed: {found.obstacle}")
    else:
        lines.append("Replayed: nothing yet; 'churn proof --replay' scores past days as if on that day.")
    sides = (("Lived", found.lived), ("Replayed", found.replay))
    lines += [f"{word}: {lead_sentence(side.leads)}." for word, side in sides if side and side.leads]
    judged = [*(found.lived.cutoffs if found.lived else ()), *(found.replay.cutoffs if found.replay else ())]
    return [*lines, "", *_tier_table(judged)] if judged else lines


def _tier_table(judged: list[CutoffOutcome]) -> list[str]:
    rows = []
    for outcome in sorted(judged, key=lambda found: (found.as_of, found.kind)):
        for tier, group in outcome.tiers.items():
            if group.interval is not None:
                low, high = group.interval
                rows.append(
                    (
                        f"{outcome.as_of:%Y-%m-%d} {outcome.kind} {tier}",
                        f"{group.n:,}",
                        f"{group.predicted:.1%}",
                        f"{group.happened:.1%}",
                        f"[{low:.1%}, {high:.1%}]",
                    )
                )
    return table(("cutoff", "customers", "predicted", "happened", "95 % interval"), rows)
