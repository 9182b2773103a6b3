"""The registry as a document, so that what is written about features cannot drift apart from what is calculated.

python -m churn_core.features.catalogue docs/features.md
"""

from __future__ import annotations

import sys
from pathlib import Path

from churn_core.features.registry import FEATURES, GROUPS, UNITS, USUAL, needs_of, tables_of
from churn_core.features.signals import SIGNALS

_HEAD = """# Features

Generated from the registry in `churn_core/features` by `python -m churn_core.features.catalogue docs/features.md`.

There are {n_features} features, and {n_signals} time-series signals in {n_groups} groups, marked as such, that are
learned from only where they are asked for (`docs/models.md` says what they do). Each is a fact about one customer
strictly before the cutoff; what happened at or after it changes none of them. A missing value means that there is
nothing to say (no second order, so no gap); a count is 0 where the table was uploaded and the customer has no row in
it. A feature is left out, and nothing else with it, where a table or column that it needs was not uploaded.

| unit | meaning |
|---|---|
{units}
"""


def features_markdown() -> str:
    """The document: a table of features per group with meaning, unit and what each needs."""
    units = "\n".join(f"| {unit} | {meaning} |" for unit, meaning in UNITS.items())
    parts = [_head(units)]
    parts.extend(_group_markdown(group, heading) for group, heading in GROUPS.items())
    return "\n".join(parts)


def _head(units: str) -> str:
    n_signals = len(FEATURES) - len(USUAL)
    return _HEAD.format(n_features=len(USUAL), n_signals=n_signals, n_groups=len(SIGNALS), units=units)


def _group_markdown(group: str, heading: str) -> str:
    lines = [f"## {heading}", "", "| feature | unit | meaning | needs |", "|---|---|---|---|"]
    for feature in FEATURES.values():
        if feature.group == group:
            columns = needs_of(feature)
            whole = tables_of(feature) - {need.split(".")[0] for need in columns}
            needs = ", ".join(f"`{need}`" for need in sorted({*columns, *whole}))
            signal = f" Signal: {feature.signal}." if feature.signal else ""
            lines.append(f"| `{feature.name}` | {feature.unit} | {feature.meaning}{signal} | {needs} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(features_markdown(), encoding="utf-8")
