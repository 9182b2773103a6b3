"""What a shop asks of its alert queue: which rules, how much must be at stake, and how many new alerts a day.

Kept as one setting, checked before it is saved: a policy that cannot be kept is refused in one sentence.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

from churn_core.customers.alert_days import MON_TO_FRI, WEEKDAYS
from churn_core.errors import ChurnError, InputError, unknown_name
from churn_core.warehouse import Transaction, Warehouse

RULE_NAMES = ("unhappy", "late", "new_high", "risk_jump", "valuable_high")
"""Every rule by name, in the order in which they are told; see :mod:`churn_core.customers.alert_rules`."""
SETTING = "alert_policy"


@dataclass(frozen=True, kw_only=True)
class AlertPolicy:
    """What the queue takes, and how fast it may grow."""

    rules_on: tuple[str, ...] = RULE_NAMES
    """Rules that are asked."""
    min_stake: float | None = None
    """Least at stake, in the shop's currency; None for ``top_share`` instead."""
    top_share: float = 0.2
    """Share of the customers, those with the most at stake, who may be alerted; counts while there is no least."""
    n_most: int = 20
    """New alerts a day at most; who qualifies beyond waits and is counted."""
    jump_points: float = 20.0
    """Points by which a risk must have risen to be a jump."""
    n_valuable: int = 50
    """Places of the high tier, by value at risk, that count as most valuable."""
    recent_days: int = 14
    """Days within which something must have happened to be news."""
    due_days: int = 3
    """Working days until somebody should have looked at a new alert."""
    working_days: tuple[str, ...] = MON_TO_FRI
    """Days of the week on which alerts are due and come back."""
    n_attempts: int = 3
    """Attempts without an answer after which an alert may be closed as not reached."""
    quiet_days: int = 30
    """Days for which a customer is left alone after an alert was done."""
    pause_in_campaigns: bool = True
    """Whether customers in any arm of a running campaign are left alone; without it those in its control only."""

    def __post_init__(self) -> None:
        for name in self.rules_on:
            if name not in RULE_NAMES:
                raise unknown_name("alert rule", name, RULE_NAMES)
        for day in self.working_days:
            if day not in WEEKDAYS:
                raise unknown_name("day of the week", day, WEEKDAYS)
        if not self.working_days:
            raise InputError("no day of the week is a working day, so nothing would ever be due; keep one.")
        if self.min_stake is not None and not 0 <= self.min_stake < math.inf:
            raise InputError(f"the least at stake is {self.min_stake:g}; choose 0 or more, or none.")
        if not 0 < self.top_share <= 1:
            raise InputError(
                f"the share of customers with the most at stake is {100 * self.top_share:g} %; choose more than 0 % "
                "and at most 100 %."
            )
        if not 1 <= self.jump_points < 100:
            raise InputError(f"a jump of {self.jump_points:g} points was asked for; choose 1 to 99 points.")
        for found, least, most, words in (
            (self.n_most, 1, 1000, "new alerts a day"),
            (self.n_valuable, 1, 1000, "most valuable customers"),
            (self.recent_days, 1, 365, "days within which something is news"),
            (self.due_days, 1, 90, "working days until an alert is due"),
            (self.n_attempts, 1, 20, "attempts before an alert may be closed as not reached"),
            (self.quiet_days, 0, 730, "days of quiet after an alert was done"),
        ):
            if isinstance(found, bool) or int(found) != found or not least <= found <= most:
                raise InputError(f"{found:g} {words} were asked for; choose {least:,} to {most:,}, in whole numbers.")

    @property
    def words(self) -> str:
        """The policy in a few sentences."""
        who = (
            f"the {100 * self.top_share:g} % with the most at stake"
            if self.min_stake is None
            else f"customers with at least {self.min_stake:,.0f} at stake"
        )
        return (
            f"At most {self.n_most:,} new alerts a day among {who}, due after {_days(self.due_days, 'working day')} "
            f"({self.working_words}). What happened within {_days(self.recent_days)} is news, a jump is "
            f"{self.jump_points:g} points, and whoever was done is left alone for {_days(self.quiet_days)}. Whoever is "
            f"not reached can be given up after {_days(self.n_attempts, 'attempt')}."
        )

    @property
    def working_words(self) -> str:
        """The working days in words.

        >>> AlertPolicy().working_words, AlertPolicy(working_days=("Tue", "Sat")).working_words
        ('Mon to Fri', 'Tue, Sat')
        """
        found = [day for day in WEEKDAYS if day in self.working_days]
        first = WEEKDAYS.index(found[0])
        is_run = len(found) > 2 and found == list(WEEKDAYS[first : first + len(found)])
        return f"{found[0]} to {found[-1]}" if is_run else ", ".join(found)


def alert_policy(reader: Warehouse | Transaction) -> AlertPolicy:
    """The policy in force; the usual one while none was saved, or where a saved one cannot be kept any more."""
    kept = dict(reader.setting(SETTING) or {})
    known = {name: kept[name] for name in AlertPolicy.__dataclass_fields__ if name in kept}
    rules = known.pop("rules_on", RULE_NAMES)
    if "working_days" in known:
        known["working_days"] = tuple(known["working_days"])
    try:
        return AlertPolicy(**known, rules_on=tuple(name for name in rules if name in RULE_NAMES))
    except ChurnError:
        return AlertPolicy()


def save_alert_policy(warehouse: Warehouse, policy: AlertPolicy) -> None:
    """Keep a policy; it counts from the next refresh on."""
    if not policy.rules_on:
        raise InputError("every alert rule is off, so nobody would ever be alerted; keep one on.")
    ordered = tuple(name for name in RULE_NAMES if name in policy.rules_on)
    working = [day for day in WEEKDAYS if day in policy.working_days]
    detail = asdict(policy) | {"rules_on": list(ordered), "working_days": working}
    with warehouse.transaction() as tx:
        if tx.setting(SETTING) != detail:
            tx.save_setting(SETTING, detail)
            tx.audit("alert policy saved", detail)


def _days(number: int, unit: str = "day") -> str:
    return f"{number:,} {unit}{'' if number == 1 else 's'}"
