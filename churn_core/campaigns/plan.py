"""The plan of a campaign: what it is for, for whom, who is left out, what each arm gets, and how sure it must be.

A plan is only data: frozen, checked where it is made, written to JSON and read back to the same plan. Drafts may be
incomplete; :func:`problems` says step by step what is still missing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import date
from typing import Any

from churn_core.campaigns.goals import GOALS, OUTCOMES, outcome
from churn_core.customers.selection import CustomerFilter
from churn_core.errors import InputError, unknown_name

STEPS: tuple[str, ...] = ("Goal", "Audience", "Exclusions", "Arms", "Power", "Draw", "Lock", "Export")
"""The eight steps of the plan, in order."""

CONTROL = "control"
"""Name of the arm that gets nothing."""

ACTIONS: dict[str, str] = {
    "coupon": "Coupon",
    "discount": "Discount",
    "threshold": "Offer from a basket size",
    "membership": "Membership benefit",
    "recommendation": "Personal recommendation",
    "call": "Call",
    "survey": "Survey",
    "invitation": "Invitation to review",
}
"""What a treatment can be, with its words."""

CHANNELS: dict[str, str] = {"email": "E-mail", "sms": "SMS", "push": "App push", "phone": "Phone"}
"""How it reaches the customer, with its words; the keys are those of the contacts table."""

ENTRIES: dict[str, str] = {
    "fixed": "Fixed: whoever is drawn at the lock, nobody else",
    "rolling": "Rolling: new customers of the audience join, drawn in the same way",
}

ASKED_SINCE = frozenset({"tags", "with_left"})
"""Fields of a customer filter that plans locked by an earlier release do not have."""

MOST_TREATMENTS = 8
N_NAME_MOST = 80


@dataclass(frozen=True, kw_only=True)
class Guardrail:
    """Something that must not get clearly worse."""

    outcome: str
    """Name in OUTCOMES."""
    margin: float
    """How much worse is still acceptable, above 0: a share for rates, else in the outcome's own unit."""

    def __post_init__(self) -> None:
        outcome(self.outcome)
        if not 0 < self.margin < float("inf"):
            raise InputError(
                f"the guardrail {OUTCOMES[self.outcome].label!r} has a margin of {self.margin:g}; "
                "say how much worse is still acceptable, above 0."
            )


@dataclass(frozen=True, kw_only=True)
class Goal:
    """What the campaign is for."""

    outcome: str = "retained"
    """Name of a goal in OUTCOMES; its direction comes with it."""
    window_days: int = 60
    """Days after a customer's start that count, the same for every arm."""
    smallest_effect: float | None = None
    """Smallest effect worth having, above 0: a share (0.02 is 2 points) for rates, else in the outcome's unit."""
    guardrails: tuple[Guardrail, ...] = ()
    cap: float | None = None
    """Amounts above this count as this in all arms (winsorising, fixed before the draw); None for no cap."""

    def __post_init__(self) -> None:
        if self.outcome not in GOALS:
            raise unknown_name("goal", self.outcome, GOALS)
        if not 1 <= self.window_days <= 730:
            raise InputError(f"the outcome window is {self.window_days} days; choose between 1 and 730.")
        if self.smallest_effect is not None and not 0 < self.smallest_effect < float("inf"):
            raise InputError(
                f"the smallest effect worth having is {self.smallest_effect:g}; it is a size, so give it above 0."
            )
        if self.cap is not None and not self.cap > 0:
            raise InputError(f"the cap on amounts is {self.cap:g}; give an amount above 0, or none.")
        twice = [rail.outcome for rail in self.guardrails]
        if len(set(twice)) < len(twice):
            raise InputError("a guardrail is named twice; name each outcome once.")


@dataclass(frozen=True, kw_only=True)
class Exclusions:
    """Who of the audience is left out before the draw; each rule is counted by itself, in this order."""

    manual: bool = True
    """Customers on the campaign's own list of ids to leave out."""
    holdout: bool = True
    """Customers of the global holdout."""
    other_campaign: bool = True
    """Customers in an arm of another campaign whose outcome window is still open."""
    no_consent: bool = True
    """Customers who do not allow messages by e-mail, and those whose consent is not known."""
    contacted_days: int | None = 14
    """Customers who were sent something within so many days before the start; None to not look."""
    open_complaint: bool = True
    """Customers with a ticket that is not settled."""
    invalid_contact: bool = True
    """Customers without a usable address for the channel of a treatment, or sharing it with somebody else."""

    def __post_init__(self) -> None:
        if self.contacted_days is not None and not 1 <= self.contacted_days <= 365:
            raise InputError(f"recently means {self.contacted_days} days here; choose between 1 and 365, or none.")


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One arm of a campaign."""

    name: str
    """Short name, as it stands in the list and in the readout."""
    share: float
    """Share of the audience, above 0."""
    action: str | None = None
    """Key of ACTIONS; None for the control."""
    channel: str | None = None
    """Key of CHANNELS; None for the control."""
    text: str = ""
    """What the customer is told or offered."""
    contact_cost: float = 0.0
    """Cost per customer contacted, in the shop's currency."""
    offer_cost: float = 0.0
    """Cost per customer who orders within the window, beyond the discount that the orders themselves record."""

    def __post_init__(self) -> None:
        if not self.name.strip() or len(self.name) > N_NAME_MOST or self.name != self.name.strip():
            raise InputError(f"an arm is named {self.name!r}; give it 1 to {N_NAME_MOST} characters.")
        if not 0 < self.share <= 1:
            raise InputError(f"arm {self.name!r} has a share of {self.share:g}; choose above 0 and at most 1.")
        if self.action is not None and self.action not in ACTIONS:
            raise unknown_name("action", self.action, ACTIONS)
        if self.channel is not None and self.channel not in CHANNELS:
            raise unknown_name("channel", self.channel, CHANNELS)
        for words, cost in (("a contact", self.contact_cost), ("the offer", self.offer_cost)):
            if not 0 <= cost < float("inf"):
                raise InputError(f"{words} of arm {self.name!r} costs {cost:g}; costs are 0 or more.")

    @property
    def is_control(self) -> bool:
        """Whether it gets nothing."""
        return self.action is None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A whole plan; a new one is a sensible start, not yet complete."""

    name: str = ""
    goal: Goal = Goal()
    audience: CustomerFilter = field(default_factory=CustomerFilter)
    """Who is meant, of the latest score run."""
    is_listed: bool = False
    """Whether the audience is the list of ids given to the campaign instead of the filter."""
    exclusions: Exclusions = Exclusions()
    arms: tuple[Arm, ...] = (Arm(name=CONTROL, share=0.2),)
    """The control first."""
    no_control_reason: str = ""
    """Why there is no control, typed by the person; such a campaign is not measurable."""
    entry: str = "fixed"
    """Key of ENTRIES."""
    starts_on: date | None = None
    """First day of contact; nothing known of that day or later may be in the workspace when the arms are drawn."""
    per_week: int | None = None
    """Customers of the audience who start per week, those of the control counted; None for all at once.

    More customers go in weekly waves. Of 500 a week with a control of a fifth, 400 are contacted.
    """
    power: float = 0.8
    """Chance to find the smallest effect if it is there."""
    alpha: float = 0.05
    """Chance to find an effect that is not there."""

    def __post_init__(self) -> None:
        if len(self.name) > N_NAME_MOST:
            raise InputError(f"the name has {len(self.name)} characters; give it at most {N_NAME_MOST}.")
        if self.entry not in ENTRIES:
            raise unknown_name("entry", self.entry, ENTRIES)
        if self.per_week is not None and self.per_week < 1:
            raise InputError(f"{self.per_week} customers start per week; give at least 1, or none for all at once.")
        if not 0.5 <= self.power < 1 or not 0 < self.alpha <= 0.2:
            raise InputError(
                f"power is {self.power:g} and alpha {self.alpha:g}; choose a power from .5 to below 1 and an alpha "
                "of at most .2."
            )

    @property
    def control(self) -> Arm | None:
        """The arm that gets nothing; None in a campaign that is not measurable."""
        return next((arm for arm in self.arms if arm.is_control), None)

    @property
    def treatments(self) -> tuple[Arm, ...]:
        """All other arms."""
        return tuple(arm for arm in self.arms if not arm.is_control)

    @property
    def shares(self) -> dict[str, float]:
        """Planned share of every arm, in order."""
        return {arm.name: arm.share for arm in self.arms}

    @property
    def is_measurable(self) -> bool:
        """Whether there is a control to compare with."""
        return self.control is not None

    def to_json(self) -> dict[str, Any]:
        """The plan as plain JSON.

        What filters learned to ask later (``ASKED_SINCE``) stands there only where it is asked, so that a plan locked
        before keeps its digest.
        """
        plain = asdict(self)
        audience = {name: value for name, value in plain["audience"].items() if name not in ASKED_SINCE or value}
        starts_on = self.starts_on.isoformat() if self.starts_on else None
        return plain | {"audience": audience, "starts_on": starts_on}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Plan:
        """The plan that :meth:`to_json` described; what a later version added stays at its default."""
        values = _known(cls, stored)
        goal = _known(Goal, values.get("goal", {}))
        goal["guardrails"] = tuple(Guardrail(**_known(Guardrail, rail)) for rail in goal.get("guardrails", ()))
        values["goal"] = Goal(**goal)
        values["audience"] = _filter(values.get("audience", {}))
        values["exclusions"] = Exclusions(**_known(Exclusions, values.get("exclusions", {})))
        values["arms"] = tuple(Arm(**_known(Arm, arm)) for arm in values.get("arms", ()))
        starts_on = values.get("starts_on")
        values["starts_on"] = date.fromisoformat(starts_on) if starts_on else None
        return cls(**values)

    @property
    def sha256(self) -> str:
        """Digest of the plan: equal plans have equal digests on any machine."""
        text = json.dumps(self.to_json(), sort_keys=True, ensure_ascii=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def problems(plan: Plan) -> dict[str, tuple[str, ...]]:
    """What keeps a plan from being locked, by step; a complete plan has none."""
    found = {
        "Goal": _of_goal(plan),
        "Arms": _of_arms(plan),
        "Draw": ("say on which day the first customers are contacted.",) if plan.starts_on is None else (),
    }
    return {step: told for step, told in found.items() if told}


def reminders(plan: Plan) -> tuple[str, ...]:
    """What a plan can be locked without, and is seldom meant to be; a sentence each."""
    return tuple(
        f"arm {arm.name!r} has no text: neither the plan nor the target list says what its customers are told."
        for arm in plan.treatments
        if not arm.text.strip()
    )


def _of_goal(plan: Plan) -> tuple[str, ...]:
    told = []
    if not plan.name.strip():
        told.append("give the campaign a name.")
    if plan.goal.smallest_effect is None:
        told.append("say which effect is the smallest worth having; it decides how many customers it takes.")
    return tuple(told)


def _of_arms(plan: Plan) -> tuple[str, ...]:
    told = []
    names = [arm.name.casefold() for arm in plan.arms]
    if len(set(names)) < len(names):
        told.append("two arms have the same name; every arm needs its own.")
    if sum(arm.is_control for arm in plan.arms) > 1:
        told.append("there are two arms without an action; only the control gets nothing.")
    if not plan.treatments:
        told.append("there is no treatment yet; add what customers are offered.")
    if len(plan.treatments) > MOST_TREATMENTS:
        told.append(f"there are {len(plan.treatments)} treatments; more than {MOST_TREATMENTS} cannot be told apart.")
    told += [f"say how {arm.name!r} reaches the customers." for arm in plan.treatments if arm.channel is None]
    total = sum(arm.share for arm in plan.arms)
    if plan.treatments and abs(total - 1) > 1e-9:
        told.append(f"the shares add up to {100 * total:.6g} %; they must add up to 100 %.")
    if plan.control is None and len(plan.no_control_reason.strip()) < 10:
        told.append(
            "there is no control, so nobody will know whether it worked; keep one, or type the reason in a sentence."
        )
    return tuple(told)


def _known(made: type, stored: Mapping[str, Any]) -> dict[str, Any]:
    names = {entry.name for entry in fields(made)}
    return {name: value for name, value in stored.items() if name in names}


def _filter(stored: Mapping[str, Any]) -> CustomerFilter:
    """A stored choice of customers; JSON has no tuples, so lists become tuples again."""
    return CustomerFilter(**{name: _frozen(value) for name, value in _known(CustomerFilter, stored).items()})


def _frozen(value: Any) -> Any:
    return tuple(_frozen(entry) for entry in value) if isinstance(value, list | tuple) else value
