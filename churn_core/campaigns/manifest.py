"""The manifest of a target list: what the list is, who was left out of it, and the digest by which it is known again.

It tells of the draw and the file only, not of the hour of the export, so that the same list has the same manifest.
"""

from __future__ import annotations

import json
from typing import Any

from churn_core.campaigns.store import Campaign
from churn_core.campaigns.target_columns import Choice

KIND = "churn campaign target list"
VERSION = 1


def manifest_of(
    campaign: Campaign, choice: Choice, n_per_arm: dict[str, int], *, file_name: str, form: str, sha256: str
) -> dict[str, Any]:
    """The manifest as plain JSON."""
    counts = campaign.counts
    drawn = counts.get("arms", {})
    return {
        "kind": KIND,
        "version": VERSION,
        "campaign_id": campaign.campaign_id,
        "campaign": campaign.name,
        "plan_sha256": campaign.plan_sha256,
        "drawn_at": _moment(campaign.locked_at),
        "drawn_by": campaign.locked_by,
        "starts_at": _moment(campaign.starts_at),
        "score_run": campaign.run_id,
        "model_version": campaign.model_version,
        "data_version": campaign.data_version,
        "audience": counts.get("audience"),
        "exclusions": [
            {
                "rule": step["rule"],
                "label": step["label"],
                "asked_for": step.get("is_on", True),
                "checked": step.get("is_checked", True),
                "before": step["n_left"] + step["n_excluded"],
                "left_out": step["n_excluded"],
                "after": step["n_left"],
            }
            for step in counts.get("exclusions", [])
        ],
        "arms": [
            {
                "arm": arm.name,
                "is_control": arm.is_control,
                "share": arm.share,
                "drawn": drawn.get(arm.name, 0),
                "in_this_list": n_per_arm.get(arm.name, 0),
            }
            for arm in campaign.plan.arms
        ],
        "joined_later": counts.get("joins", []),
        "choice": {
            "arms": list(choice.arms),
            "control_rows": choice.with_control,
            "contact_details": choice.with_contact,
            "waves": list(choice.waves) or "all",
        },
        "file": {
            "name": file_name,
            "form": form,
            "rows": sum(n_per_arm.values()),
            "columns": list(choice.columns),
            "sha256": sha256,
        },
    }


def manifest_text(manifest: dict[str, Any]) -> str:
    """The manifest as it is written: the same dictionary gives the same bytes."""
    return json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"


def _moment(moment: Any) -> str | None:
    return None if moment is None else f"{moment.isoformat(timespec='seconds')}Z"
