"""What to do about drift, in words with the reason: check an import, put it down to the season, or train again.

Separate from the sizes because advice weighs several of them together: values that stop coming point to an import,
activity that moves across the shop points to the season, and what is left points to a shop that has changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from churn_core.features.registry import FEATURES, tables_of
from churn_core.features.sources import SOURCES
from churn_core.models.drift_sizes import DISTANCE_SHIFTED, SHIFTED, STABLE, STRONG, TOO_FEW, Shift
from churn_core.timeline import seen_before

if TYPE_CHECKING:
    from churn_core.models.runs import ScoreRun
    from churn_core.warehouse import Warehouse

STOPPED_DAYS = 14
"""Days without a row from which a table that had rows nearly every other day is said to have stopped."""
USUAL_DAYS = 90
"""Days before its newest row from which a table's rhythm is read."""
STOPPED_FACTOR = 5.0
"""Times its usual distance between days with rows that a table must be silent."""
ACTIVITY_GROUPS = frozenset(
    {"recency", "rhythm", "frequency", "spend", "trends", "season", "basket", "breadth", "browsing", "carts", "email"}
)
"""Groups of features that move together when a season changes how much everybody buys and looks."""
MOST_ALIKE = 0.6
"""Share of the moved inputs that must be activity, and must have looked alike a year before, to be the season."""
NEAR_DAYS = 20
"""Days around the same date a year before within which a cutoff is that season."""
DAYS_OF_A_YEAR = 364


@dataclass(frozen=True, kw_only=True)
class Advice:
    """One thing to do, with its reason."""

    kind: str
    """import, season or retrain."""
    what: str
    """What to do, in words."""
    why: str
    """Why, with numbers, as a sentence."""


@dataclass(frozen=True, kw_only=True)
class Stopped:
    """A table whose rows stopped coming before a cutoff."""

    table: str
    newest: datetime
    days_silent: int


def advice_on(
    verdict: str,
    inputs: Sequence[Shift],
    stopped: Sequence[Stopped],
    population: Mapping[str, Any],
    run: ScoreRun,
) -> tuple[Advice, ...]:
    """What to do, the most urgent first; nothing when all is as it was."""
    found = [_about_stopped(entry) for entry in stopped]
    silent = {entry.table for entry in stopped}
    broken = [shift for shift in inputs if shift.is_broken and shift.verdict != TOO_FEW]
    rest = [shift for shift in broken if not _tables(shift.name) & silent]
    if rest:
        found.append(_about_broken(rest))
    gone = {shift.name for shift in broken}
    moved = [shift for shift in inputs if shift.verdict in (SHIFTED, STRONG) and shift.name not in gone]
    if verdict in (STABLE, TOO_FEW) or not moved:
        return tuple(found)
    found.append(_about_season(moved, population, run) or _about_change(moved, found))
    return tuple(found)


def stopped_tables(warehouse: Warehouse, as_of: datetime, feature_names: Sequence[str]) -> tuple[Stopped, ...]:
    """Tables the features read whose newest row before the cutoff is older than their rhythm explains."""
    times = {source.table: source.time for source in SOURCES.values()}
    used = {table for name in feature_names for table in _tables(name) if table != "customers"}
    found = []
    for table in sorted(used & times.keys()):
        column = times[table]
        newest = warehouse.value(f"SELECT max({column}) FROM {table} WHERE {seen_before(column)}", {"cutoff": as_of})
        if newest is None:
            continue
        n_days = warehouse.value(
            f"SELECT count(DISTINCT CAST({column} AS DATE)) FROM {table} WHERE {seen_before(column, USUAL_DAYS)}",
            {"cutoff": newest + timedelta(microseconds=1)},
        )
        silent = (as_of - newest).days
        if silent >= max(STOPPED_DAYS, STOPPED_FACTOR * USUAL_DAYS / max(n_days, 1)):
            found.append(Stopped(table=table, newest=newest, days_silent=silent))
    return tuple(found)


def _about_stopped(entry: Stopped) -> Advice:
    name = entry.table.replace("_", " ")
    return Advice(
        kind="import",
        what=f"Check the import of {name}",
        why=(
            f"its newest row is of {entry.newest:%-d %b %Y}, {entry.days_silent} days before these scores, though rows "
            "came more often until then: whatever rests on it looks as if customers had fallen silent."
        ),
    )


def _about_broken(broken: Sequence[Shift]) -> Advice:
    first = broken[0]
    more = f" (and {len(broken) - 1} more)" if len(broken) > 1 else ""
    if (first.missing_now or 0.0) - first.missing_then >= 0.5:
        what = (
            f"is missing for {100 * (first.missing_now or 0.0):.0f} % of customers, when the model "
            f"was made for {100 * first.missing_then:.0f} %"
        )
    else:
        what = f"is the same for {100 * max(first.now):.0f} % of customers, before for {100 * max(first.then):.0f} %"
    return Advice(
        kind="import",
        what="Check the import",
        why=f"{label_of(first.name)}{more} {what}: a column renamed, emptied or filled differently does this.",
    )


def _about_season(moved: Sequence[Shift], population: Mapping[str, Any], run: ScoreRun) -> Advice | None:
    """The season, where most of what moved is activity and the same time last year looked as today does."""
    activity = [shift for shift in moved if _group(shift.name) in ACTIVITY_GROUPS]
    if run.as_of is None or len(activity) < MOST_ALIKE * len(moved):
        return None
    before = _a_year_before(population, run.as_of)
    if before is None:
        return Advice(
            kind="season",
            what="Wait for a season, or train again when a year of orders is there",
            why=(
                f"{len(activity)} of the {len(moved)} inputs that moved are how much customers buy and look, which "
                "seasons move for everybody; the model did not learn from this time of a year, so nobody can tell yet."
            ),
        )
    alike = [shift for shift in activity if _is_alike(shift, before, population)]
    if len(alike) < MOST_ALIKE * len(activity):
        return None
    return Advice(
        kind="season",
        what="Nothing to do: it is the season",
        why=(
            f"{len(alike)} of the {len(moved)} inputs that moved stood as they do now at the same time a year before "
            f"({datetime.fromisoformat(before['cutoff']):%-d %b %Y}), which the model learned from."
        ),
    )


def _about_change(moved: Sequence[Shift], found: Sequence[Advice]) -> Advice:
    share = 100 * sum(shift.weight for shift in moved)
    names = ", ".join(label_of(shift.name) for shift in moved[:3])
    more = f" and {len(moved) - 3} more" if len(moved) > 3 else ""
    when = "then train again" if any(advice.kind == "import" for advice in found) else "Train again"
    return Advice(
        kind="retrain",
        what=f"Put the import right, {when}" if when.startswith("then") else when,
        why=(
            f"{names}{more} moved since the model was made, on which {share:.0f} % of it rests; a model knows best the "
            "customers it learned from."
        ),
    )


def _a_year_before(population: Mapping[str, Any], as_of: datetime) -> Mapping[str, Any] | None:
    """The cutoff learned from that lies nearest to the same date a year before; None when none is near."""
    wanted = as_of - timedelta(days=DAYS_OF_A_YEAR)
    near = [
        (abs((datetime.fromisoformat(entry["cutoff"]) - wanted).days), position)
        for position, entry in enumerate(population.get("cutoffs") or ())
    ]
    if not near or min(near)[0] > NEAR_DAYS:
        return None
    nearest: Mapping[str, Any] = population["cutoffs"][min(near)[1]]
    return nearest


def _is_alike(shift: Shift, before: Mapping[str, Any], population: Mapping[str, Any]) -> bool:
    then = before["means"].get(shift.name)
    spread = population["numbers"].get(shift.name, {}).get("spread")
    return bool(
        then is not None
        and spread
        and shift.mean_now is not None
        and abs(shift.mean_now - then) <= DISTANCE_SHIFTED * spread
    )


def label_of(name: str) -> str:
    """What an input is called in a sentence."""
    return f"'{FEATURES[name].label}'" if name in FEATURES else f"'{name.removeprefix('attribute:')}'"


def _group(name: str) -> str:
    return FEATURES[name].group if name in FEATURES else "rhythm" if name == "expected_orders" else ""


def _tables(name: str) -> frozenset[str]:
    return tables_of(FEATURES[name]) if name in FEATURES else frozenset()
