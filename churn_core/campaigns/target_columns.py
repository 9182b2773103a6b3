"""What a campaign's target list holds: its columns, its rows, and the SQL that writes them.

Everything but contact details was stored at the draw or belongs to the score run of the draw, so the same choice gives
the same list whenever it is asked for. Contact details are those of the day: a corrected address is the one to use.
"""

from __future__ import annotations

from dataclasses import dataclass

from churn_core.campaigns.plan import ACTIONS, CHANNELS
from churn_core.campaigns.store import Campaign
from churn_core.customers.selection import Condition
from churn_core.customers.targets import safe_cell
from churn_core.errors import InputError, unknown_name
from churn_core.warehouse import Warehouse

TEXT, PLAIN = True, False

NOT_CONTACTED = "none - control group, do not contact"
"""Stands in the column ``action`` of control rows."""


def _contact(sql: str) -> str:
    """A contact detail, never of a control row."""
    return f"CASE WHEN o.is_control = 'no' THEN {sql} END"


def _number(sql: str, digits: int) -> str:
    return f"CASE WHEN isfinite({sql}) THEN round({sql}, {digits}) END"


COLUMNS: dict[str, tuple[str, bool]] = {
    "row_no": ("a.row_no", PLAIN),
    "campaign_id": ("a.campaign_id", PLAIN),
    "customer_id": ("a.customer_id", TEXT),
    "arm": ("a.arm", TEXT),
    "is_control": ("o.is_control", PLAIN),
    "action": ("o.action", PLAIN),
    "offer": ("o.offer", TEXT),
    "channel": ("o.channel", PLAIN),
    "name": (_contact("c.name"), TEXT),
    "email": (_contact("c.email"), TEXT),
    "phone": (_contact("c.phone"), TEXT),
    "email_consent": (_contact("CASE c.email_consent WHEN true THEN 'yes' WHEN false THEN 'no' END"), PLAIN),
    "wave": ("a.wave", PLAIN),
    "starts_on": ("CAST(a.starts_at AS DATE)", PLAIN),
    "tier": ("a.tier", PLAIN),
    "value_band": ("a.value_band", PLAIN),
    "risk": (_number("a.risk", 4), PLAIN),
    "expected_value": (_number("a.expected_value", 2), PLAIN),
    "value_at_risk": (_number("(a.risk * a.expected_value)", 2), PLAIN),
    "reason_1": ("r.up_1", TEXT),
    "reason_2": ("r.up_2", TEXT),
    "reason_3": ("r.up_3", TEXT),
}
"""Columns in order: SQL text, and whether a cell is text that a spreadsheet could take for a formula."""

PERSONAL = ("name", "email", "phone", "email_consent")
"""Columns that only leave when they are asked for."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which rows and columns of a campaign's list are meant."""

    arms: tuple[str, ...]
    """Arms in the list, in the plan's order."""
    with_control: bool
    """Whether control rows are in it."""
    with_contact: bool
    """Whether it holds names and addresses."""
    waves: tuple[int, ...] = ()
    """Weeks of contact; empty for all."""

    @property
    def columns(self) -> dict[str, tuple[str, bool]]:
        """The columns of the list, as in COLUMNS."""
        return {name: column for name, column in COLUMNS.items() if self.with_contact or name not in PERSONAL}


def chosen_rows(
    campaign: Campaign,
    *,
    arms: tuple[str, ...] = (),
    with_contact: bool = False,
    with_control: bool = False,
    waves: tuple[int, ...] = (),
) -> Choice:
    """Check a choice: all treatments by default, control rows only when they are asked for or named.

    NotFound for an arm that the plan does not have, InputError for a week before the first.
    """
    for arm in arms:
        if arm not in campaign.plan.shares:
            raise unknown_name("arm", arm, campaign.plan.shares)
    if any(wave < 1 for wave in waves):
        raise InputError(f"week {min(waves)} was asked for; weeks of contact are counted from 1.")
    control = campaign.plan.control
    named = tuple(
        arm.name
        for arm in campaign.plan.arms
        if (arm.name in arms if arms else not arm.is_control) or (arm.is_control and with_control)
    )
    return Choice(
        arms=named,
        with_control=control is not None and control.name in named,
        with_contact=with_contact,
        waves=tuple(sorted(set(waves))),
    )


def n_chosen(warehouse: Warehouse, campaign: Campaign, choice: Choice) -> dict[str, int]:
    """Rows of the list per arm; an arm without any is not named."""
    rows = warehouse.rows(
        f"SELECT arm, count(*) FROM assignments a WHERE {_WHERE} GROUP BY arm", _parameters(campaign, choice)
    )
    found = dict(rows)
    return {arm: found[arm] for arm in choice.arms if arm in found}


def list_sql(campaign: Campaign, choice: Choice) -> Condition:
    """The SELECT of the list, in its order, with cells that no spreadsheet runs."""
    cells = ", ".join(
        f'{safe_cell(sql) if is_text else sql} AS "{name}"' for name, (sql, is_text) in choice.columns.items()
    )
    joins = campaign.counts.get("joins", [])
    later = "".join(
        f"WHEN a.row_no >= $join_from_{nr} THEN $join_run_{nr}::INTEGER " for nr in reversed(range(len(joins)))
    )
    run = f"CASE {later}ELSE $draw_run::INTEGER END" if later else "$draw_run::INTEGER"
    contact = "LEFT JOIN customers c ON c.customer_id = a.customer_id " if choice.with_contact else ""
    return Condition(
        sql=f"SELECT {cells} FROM (SELECT *, {run} AS run_id FROM assignments a WHERE {_WHERE}) a "
        f"JOIN ({_OFFERS}) o ON o.arm = a.arm "
        f"LEFT JOIN ({_REASONS}) r ON r.customer_id = a.customer_id AND r.run_id = a.run_id {contact}"
        "ORDER BY a.row_no",
        parameters=_parameters(campaign, choice)
        | {f"join_from_{nr}": joined["from_row"] for nr, joined in enumerate(joins)}
        | {f"join_run_{nr}": joined["run_id"] for nr, joined in enumerate(joins)},
    )


_WHERE = (
    "a.campaign_id = $campaign_id AND a.arm IN (SELECT unnest($chosen_arms::VARCHAR[])) "
    "AND (len($chosen_waves::INTEGER[]) = 0 OR list_contains($chosen_waves::INTEGER[], a.wave))"
)
_OFFERS = (
    "SELECT unnest($arm_names::VARCHAR[]) AS arm, unnest($arm_controls::VARCHAR[]) AS is_control, "
    "unnest($arm_actions::VARCHAR[]) AS action, unnest($arm_texts::VARCHAR[]) AS offer, "
    "unnest($arm_channels::VARCHAR[]) AS channel"
)
_REASONS = "SELECT * FROM reasons WHERE run_id IN (SELECT unnest($runs::INTEGER[]))"


def _parameters(campaign: Campaign, choice: Choice) -> dict[str, object]:
    arms = campaign.plan.arms
    runs = {campaign.run_id, *(joined["run_id"] for joined in campaign.counts.get("joins", []))}
    return {
        "campaign_id": campaign.campaign_id,
        "chosen_arms": list(choice.arms),
        "chosen_waves": list(choice.waves),
        "draw_run": campaign.run_id,
        "runs": [run for run in runs if run is not None],
        "arm_names": [arm.name for arm in arms],
        "arm_controls": ["yes" if arm.is_control else "no" for arm in arms],
        "arm_actions": [ACTIONS[arm.action] if arm.action else NOT_CONTACTED for arm in arms],
        "arm_texts": [arm.text or None if arm.action else None for arm in arms],
        "arm_channels": [CHANNELS[arm.channel] if arm.action and arm.channel else None for arm in arms],
    }
