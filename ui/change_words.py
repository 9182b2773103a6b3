"""The lines of the audit log in words, as the Settings page lists them."""

from __future__ import annotations

import json
import re
from typing import Any

from churn_core.figures.theme import counted, percent

_ONE = re.compile(r"(?<![\d,.])1 (customer|alert|id|day|year|tag|past day|new customer|new alert)s\b")
"""One of something that the sentences below count in the plural."""
_SENTENCES: dict[str, str] = {
    "campaign list cleared": "{n_ids:,} ids forgotten",
    "campaign list given": "{n_known:,} of {n_given:,} ids belong to customers of this workspace",
    "holdout ended": "Nobody is held out any more; generation {generation} held out {n_held_out:,} customers",
    "holdout refreshed": "{n_customers:,} new customers were drawn for generation {generation}",
    "holdout reshuffled": "Generation {generation} holds out {n_held_out:,} of {n_customers:,} customers",
    "holdout started": "Generation {generation} holds out {n_held_out:,} of {n_customers:,} customers",
    "alerts refreshed": "{n_new:,} new alerts, {n_waiting:,} customers wait for one",
    "archive": "Model {model_version} was put aside",
    "build the demo shop": "Demo shop of {plan.n_customers:,} customers over {plan.n_years} years, seed {plan.seed}",
    "export": "{n_rows:,} customers written to {file_name}",
    "export model": "Model {model_version} written to {file}",
    "import": "{message}",
    "import model": "Model {model_version} brought in from {file}",
    "promote": "Model {model_version} became champion",
    "groups refreshed": "{n_groups} tags and rule segments of {n_customers:,} customers were found again",
    "replay": "Warnings of model {model_version} replayed on {n_cutoffs} past days",
    "rfm rule activated": "RFM rule {version} is in force",
    "rfm rule saved": "RFM rule {version}",
    "roll back": "Model {model_version} became champion again",
    "save churn definition": "Definition {version}: no order within {horizon_days} days",
    "scenario saved": "{name}: a contact costs {contact_cost:g}",
    "score": "{n_customers:,} customers scored with model {model_version}, run {run_id}",
    "segment deleted": "{name}: {n_members:,} customers",
    "segment saved": "{name}: {n_members:,} customers",
    "segment renamed": "{from} is called {to} now",
    "segmentation at a date": "Segments looked up as of {as_of}",
    "segmentation deleted": "{name}",
    "segmentation made": "{name}: {n:,} customers",
    "segmentation refreshed": "{n:,} customers found again by saved centres",
    "source chosen": "Models learn from {source}",
    "tag deleted": "{tag}: {n_customers:,} customers",
    "tag given": "{tag}: {n_customers:,} customers",
    "tag made": "{tag}: {n_customers:,} customers",
    "tag taken": "{tag}: {n_customers:,} customers",
    "tier policy activated": "Policy {version} is in force",
    "tier policy saved": "Policy {version}",
    "train": "Model {model_version}: {estimator}",
    "trial": "Trial {trial_id}: {kind}",
}
"""What is said about an action, with names from its detail."""
_PARTS: dict[str, tuple[tuple[str, str], ...]] = {
    "tier policy saved": (
        ("kind", "by {kind}"),
        ("high_from", "high from {high_from}"),
        ("medium_from", "medium from {medium_from}"),
        ("per_day", "{per_day} customers a day"),
        ("n_days", "for {n_days} days"),
    ),
    "scenario saved": (
        ("offer_cost", "an offer {offer_cost:g}"),
        ("per_day", "{per_day} customers a day"),
        ("n_days", "for {n_days} days"),
    ),
}
"""What is added where the detail holds it."""


def change_words(action: str, detail: str | None) -> str:
    """What a change was, in words; its names and values where no words are known.

    >>> change_words("tier policy saved", '{"version": 2, "kind": "capacity", "per_day": 40, "n_days": 5}')
    'Policy 2, by capacity, 40 customers a day, for 5 days'
    >>> change_words("score", '{"run_id": 2, "model_version": 1, "n_customers": 6992}')
    '6,992 customers scored with model 1, run 2'
    >>> change_words("settings changed", '{"margin_rate": [1.0, 0.3]}')
    'margin rate: 1.0 -> 0.3'
    >>> change_words("tag given", '{"tag": "VIP", "n_customers": 1}')
    'VIP: 1 customer'
    >>> change_words("alerts done", '{"alert_ids": [4, 10], "words": "done: reached"}')
    '2 alerts: done: reached'
    """
    found = json.loads(detail) if detail else {}
    if action.startswith("alerts ") and isinstance(found, dict) and {"alert_ids", "words"} <= set(found):
        return f"{counted(len(found['alert_ids']), 'alert')}: {found['words']}"
    if action not in _SENTENCES or not isinstance(found, dict):
        return _said(found) if found else ""
    values = _flat(found)
    try:
        values |= {name: percent(values[name]) for name in ("high_from", "medium_from") if name in values}
        parts = [words for key, words in _PARTS.get(action, ()) if values.get(key) is not None]
        return ", ".join(_filled(words, values) for words in (_SENTENCES[action], *parts))
    except (LookupError, ValueError, TypeError):
        # A line of an older version that held something else.
        return _said(found)


def _flat(found: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested details by dotted names."""
    flat: dict[str, Any] = {}
    for name, value in found.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return flat


def _filled(words: str, values: dict[str, Any]) -> str:
    """Words with the values in place of their names; dots in a name are part of it."""
    plain_names = {name.replace(".", "_of_"): value for name, value in values.items()}
    for name in values:
        words = words.replace("{" + name, "{" + name.replace(".", "_of_")) if "." in name else words
    return _ONE.sub(r"1 \1", words.format_map(plain_names))


def _said(found: Any) -> str:
    if isinstance(found, dict):
        return ", ".join(f"{name.replace('_', ' ')}: {_said(value)}" for name, value in found.items())
    if isinstance(found, list):
        return " -> ".join(_said(value) for value in found) or "none"
    return "none" if found in (None, "") else str(found)
