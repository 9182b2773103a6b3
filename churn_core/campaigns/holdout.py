"""The global holdout: customers kept out of all campaigns, so that the whole programme can be measured.

Who is held out follows from a hash of generation and customer, is written down when it is drawn, and stays so until
the generation ends. A planned reshuffle is announced when it is due and happens only when somebody asks for it: it
changes who may be contacted, which must not be a side effect of drawing a campaign.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import ceil

from churn_core.campaigns.arms_sql import WHITESPACE, place_sql
from churn_core.campaigns.start import RECENT_DAYS, default_start, start_of
from churn_core.errors import InputError, NotEnoughData, NotFound
from churn_core.features.gaps import known_until
from churn_core.warehouse import Transaction, Warehouse, acting_person, utc_now

USUAL_SHARE = 0.05
"""Share of customers that is proposed."""
LEAST_HELD_OUT = 1_000
"""Customers below which the effect of a programme cannot be told with any use."""
MOST_PROPOSED = 0.2
"""Share above which no holdout is proposed."""
MOST_ALLOWED = 0.5
"""Share above which none can be started."""

EVERYBODY = (
    "WITH everybody AS MATERIALIZED (SELECT customer_id FROM customers UNION SELECT customer_id FROM orders "
    "UNION SELECT customer_id FROM snapshots)"
)
"""SQL: a WITH clause of all customers whom the workspace knows, each once before anything is hashed."""


@dataclass(frozen=True, kw_only=True)
class HoldoutProposal:
    """What a holdout would be in this shop."""

    share: float | None
    """Share to hold out; None where none is proposed."""
    n_customers: int
    """Customers whom the workspace knows."""
    n_held_out: int | None
    """Customers who would be held out, exactly; None where none is proposed."""
    why: str
    """The reason, in one sentence."""


@dataclass(frozen=True, kw_only=True)
class Holdout:
    """One generation of the holdout."""

    generation: int
    """Running number; the draws of two generations know nothing of each other."""
    share: float
    """Share of customers asked for."""
    started_at: datetime
    """From when on it is kept out (UTC; in a workspace of old data the first instant after it)."""
    reshuffle_at: datetime | None
    """When a new generation is planned; None for never."""
    ended_at: datetime | None
    """When it ended; None for the one in force."""
    person: str
    """Who began it."""
    n_customers: int
    """Customers who were drawn, held out or not."""
    n_held_out: int
    """Of these, customers kept out of all campaigns."""
    n_waiting: int
    """Customers who appeared since and are drawn before the next campaign; 0 for one that ended."""
    is_due: bool
    """Whether its reshuffle was planned for a day that has come."""

    @property
    def is_small(self) -> bool:
        """Whether too few are held out to tell the effect of a programme with any use."""
        return self.n_held_out < LEAST_HELD_OUT


@dataclass(frozen=True, kw_only=True)
class Membership:
    """One customer in one generation."""

    generation: int
    is_held_out: bool
    since: datetime
    """When the customer was drawn."""
    until: datetime | None
    """When the generation ended; None while it is in force."""


_PLACE = place_sql("customer_id", "$salt")


def salt_of(generation: int) -> str:
    """The salt of a generation's draw.

    >>> salt_of(2)
    'holdout-2'
    """
    return f"holdout-{generation}"


def present(warehouse: Warehouse | Transaction) -> datetime:
    """The instant that counts as now: the clock while data is fresh, else the midnight after the last order."""
    clock, end = utc_now(), known_until(warehouse)
    return clock if end is None or end > clock - timedelta(days=RECENT_DAYS) else end


def propose_share(warehouse: Warehouse | Transaction) -> HoldoutProposal:
    """The usual share, raised until 1,000 customers are held out; none where that is too many."""
    values = _values(_next_generation(warehouse)) | {"nth": LEAST_HELD_OUT - 1, "usual": USUAL_SHARE}
    n_customers, n_held_out, last = warehouse.rows(
        f"{EVERYBODY}, placed AS MATERIALIZED (SELECT {_PLACE} AS place FROM everybody) "
        "SELECT count(*), count(*) FILTER (place < $usual), "
        "(SELECT place FROM placed ORDER BY place LIMIT 1 OFFSET $nth) FROM placed",
        values,
    )[0]
    share = None if last is None else max(USUAL_SHARE, ceil(1000 * float(last) + 1e-9) / 1000)
    if share is None or share > MOST_PROPOSED:
        return HoldoutProposal(
            share=None,
            n_customers=n_customers,
            n_held_out=None,
            why=f"the shop has {n_customers:,} customers, and {LEAST_HELD_OUT:,} of them held out would be more than a "
            "fifth; the control group of each campaign tells what works here.",
        )
    raised = ""
    if share > USUAL_SHARE:
        raised = f", raised from {100 * USUAL_SHARE:g} % to have at least {LEAST_HELD_OUT:,}"
        sql = f"{EVERYBODY} SELECT count(*) FROM everybody WHERE {_PLACE} < $share"
        n_held_out = warehouse.value(sql, values | {"share": share})
    return HoldoutProposal(
        share=share,
        n_customers=n_customers,
        n_held_out=n_held_out,
        why=f"{100 * share:g} % of {n_customers:,} customers are {n_held_out:,}{raised}.",
    )


def start_holdout(warehouse: Warehouse, share: float | None = None, reshuffle_on: date | None = None) -> Holdout:
    """Begin to hold customers out; without a share the proposed one.

    Raises InputError when one is in force, the share is not above 0 and at most a half, or the reshuffle is not
    later than today; NotEnoughData where nobody, everybody, or no sensible share could be held out.
    """
    from churn_core.campaigns.alerting import mark_alerts

    with warehouse.transaction() as tx:
        running = _in_force(tx)
        if running is not None:
            raise InputError(
                f"a holdout of {100 * running.share:g} % is in force since {running.started_at:%-d %b %Y}; end it or "
                "reshuffle it instead of starting another."
            )
        proposal = propose_share(tx) if share is None else None
        if proposal is not None and proposal.share is None:
            raise NotEnoughData(f"no holdout is proposed: {proposal.why}")
        chosen = share if proposal is None else proposal.share
        assert chosen is not None
        generation = _begin(tx, chosen, reshuffle_on)
        mark_alerts(tx)
        tx.audit("holdout started", _told(tx, generation))
    return holdout(warehouse, generation)


def refresh_holdout(warehouse: Warehouse) -> int:
    """Draw the customers who appeared since the last draw; how many they were, 0 without a holdout."""
    with warehouse.transaction() as tx:
        return refresh_within(tx)


def refresh_within(tx: Transaction) -> int:
    """The same as :func:`refresh_holdout`, as a part of a larger change."""
    running = _in_force(tx)
    if running is None:
        return 0
    n_new = _draw(tx, running.generation, running.share)
    if n_new:
        tx.audit("holdout refreshed", {"generation": running.generation, "n_customers": n_new})
    return n_new


def reshuffle(
    warehouse: Warehouse, reshuffle_on: date | None = None, *, share: float | None = None, is_last: bool = False
) -> Holdout:
    """End the generation in force and begin the next, with another draw; InputError when there is none in force.

    Without a day the next reshuffle is planned as far ahead as this one was, and none with ``is_last``. Campaigns that
    are running keep whom they have; only those drawn from now on see the new holdout.
    """
    from churn_core.campaigns.alerting import mark_alerts

    with warehouse.transaction() as tx:
        running = _required(tx)
        day = None if is_last else reshuffle_on or _as_far_ahead(tx, running)
        _end(tx, running.generation)
        generation = _begin(tx, running.share if share is None else share, day)
        mark_alerts(tx)
        tx.audit("holdout reshuffled", _told(tx, generation))
    return holdout(warehouse, generation)


def end_holdout(warehouse: Warehouse) -> Holdout:
    """Hold nobody out any more; who was, and until when, stays on record. InputError when there is none in force."""
    from churn_core.campaigns.alerting import mark_alerts

    with warehouse.transaction() as tx:
        running = _required(tx)
        _end(tx, running.generation)
        mark_alerts(tx)
        tx.audit("holdout ended", {"generation": running.generation, "n_held_out": running.n_held_out})
    return holdout(warehouse, running.generation)


def current_holdout(warehouse: Warehouse | Transaction) -> Holdout | None:
    """The generation in force; None when nobody is held out."""
    return _in_force(warehouse)


def holdout_history(warehouse: Warehouse | Transaction) -> tuple[Holdout, ...]:
    """All generations, the newest first."""
    rows = warehouse.records(
        "SELECT h.*, coalesce(m.n, 0) AS n_customers, coalesce(m.n_held_out, 0) AS n_held_out FROM holdouts h "
        "LEFT JOIN (SELECT generation, count(*) AS n, count(*) FILTER (is_held_out) AS n_held_out "
        "FROM holdout_members GROUP BY generation) m ON m.generation = h.generation ORDER BY h.generation DESC"
    )
    moment = present(warehouse) if rows else None
    found = []
    for row in rows:
        is_running, planned = row["ended_at"] is None, row["reshuffle_at"]
        found.append(
            Holdout(
                **row | {"person": row["person"] or ""},
                n_waiting=_n_waiting(warehouse, row["generation"]) if is_running else 0,
                is_due=is_running and planned is not None and moment is not None and planned <= moment,
            )
        )
    return tuple(found)


def holdout(warehouse: Warehouse | Transaction, generation: int) -> Holdout:
    """One generation; NotFound when there is none of that number."""
    for found in holdout_history(warehouse):
        if found.generation == generation:
            return found
    raise NotFound(f"there was no generation {generation} of the holdout in this workspace.")


def memberships(warehouse: Warehouse | Transaction, customer_id: str) -> tuple[Membership, ...]:
    """In which generations a customer was drawn, the newest first; empty for one who never was."""
    rows = warehouse.records(
        "SELECT m.generation, m.is_held_out, m.since, h.ended_at AS until FROM holdout_members m "
        "JOIN holdouts h ON h.generation = m.generation WHERE m.customer_id = $id ORDER BY m.generation DESC",
        {"id": customer_id.strip()},
    )
    return tuple(Membership(**row) for row in rows)


def held_out_now(warehouse: Warehouse | Transaction, id_sql: str) -> tuple[str, dict[str, object]] | None:
    """The same condition for the generation in force, without counting anybody; None when nobody is held out."""
    rows = warehouse.rows("SELECT generation, share FROM holdouts WHERE ended_at IS NULL ORDER BY generation DESC")
    return _held_out_at(int(rows[0][0]), float(rows[0][1]), id_sql) if rows else None


def held_out_sql(running: Holdout, id_sql: str) -> tuple[str, dict[str, object]]:
    """SQL condition and parameters: a customer is held out, by what was drawn, or by the hash while still waiting.

    So that a count before the draw and the draw itself, which first refreshes the holdout, agree.
    """
    if running.n_waiting:
        return _held_out_at(running.generation, running.share, id_sql)
    return f"{id_sql} IN ({_DRAWN} AND is_held_out)", {"holdout_generation": running.generation}


_DRAWN = "SELECT customer_id FROM holdout_members WHERE generation = $holdout_generation"


def _held_out_at(generation: int, share: float, id_sql: str) -> tuple[str, dict[str, object]]:
    """Held out by what was drawn, or by the hash for customers who appeared since."""
    return (
        f"({id_sql} IN ({_DRAWN} AND is_held_out) "
        f"OR ({id_sql} NOT IN ({_DRAWN}) AND {place_sql(id_sql, '$salt')} < $holdout_share))",
        _values(generation) | {"holdout_generation": generation, "holdout_share": share},
    )


def _begin(tx: Transaction, share: float, reshuffle_on: date | None) -> int:
    if not 0 < share <= MOST_ALLOWED:
        raise InputError(
            f"{100 * share:g} % was asked for; hold out more than 0 % and at most {100 * MOST_ALLOWED:g} %."
        )
    moment = present(tx)
    planned = None if reshuffle_on is None else start_of(reshuffle_on)
    if planned is not None and planned <= moment:
        raise InputError(
            f"the reshuffle is planned for {planned:%-d %b %Y}, which has come already; choose a day after "
            f"{moment:%-d %b %Y}, or none."
        )
    generation = _next_generation(tx)
    tx.execute(
        "INSERT INTO holdouts (generation, share, started_at, reshuffle_at, ended_at, person) "
        "VALUES ($generation, $share, $now, $planned, NULL, $person)",
        {"generation": generation, "share": share, "now": moment, "planned": planned, "person": acting_person()},
    )
    _draw(tx, generation, share)
    n_all, n_held_out = tx.rows(
        "SELECT count(*), count(*) FILTER (is_held_out) FROM holdout_members WHERE generation = $generation",
        {"generation": generation},
    )[0]
    if not 0 < n_held_out < n_all:
        raise NotEnoughData(
            f"{100 * share:g} % of {n_all:,} customers would hold out {'everybody' if n_held_out else 'nobody'}; "
            "import more customers first, or choose another share."
        )
    return generation


def _draw(tx: Transaction, generation: int, share: float) -> int:
    return tx.execute(
        f"INSERT INTO holdout_members (generation, customer_id, is_held_out, since) {EVERYBODY} "
        f"SELECT $generation, customer_id, {_PLACE} < $share, $now FROM everybody "
        "WHERE customer_id NOT IN (SELECT customer_id FROM holdout_members WHERE generation = $generation) "
        "ORDER BY customer_id",
        _values(generation) | {"generation": generation, "share": share, "now": present(tx)},
    )


def _end(tx: Transaction, generation: int) -> None:
    tx.execute(
        "UPDATE holdouts SET ended_at = $now WHERE generation = $generation",
        {"now": present(tx), "generation": generation},
    )


def _in_force(warehouse: Warehouse | Transaction) -> Holdout | None:
    return next((found for found in holdout_history(warehouse) if found.ended_at is None), None)


def _required(tx: Transaction) -> Holdout:
    running = _in_force(tx)
    if running is None:
        raise InputError("no holdout is in force; start one first.")
    return running


def _as_far_ahead(tx: Transaction, running: Holdout) -> date | None:
    if running.reshuffle_at is None:
        return None
    days = max(1, (running.reshuffle_at - running.started_at).days)
    return max(default_start(tx), present(tx).date()) + timedelta(days=days)


def _n_waiting(warehouse: Warehouse | Transaction, generation: int) -> int:
    return int(
        warehouse.value(
            f"{EVERYBODY} SELECT count(*) FROM everybody WHERE customer_id NOT IN "
            "(SELECT customer_id FROM holdout_members WHERE generation = $generation)",
            {"generation": generation},
        )
    )


def _next_generation(warehouse: Warehouse | Transaction) -> int:
    return int(warehouse.value("SELECT coalesce(max(generation), 0) + 1 FROM holdouts"))


def _told(tx: Transaction, generation: int) -> dict[str, object]:
    found = holdout(tx, generation)
    return {
        "generation": generation,
        "share": found.share,
        "n_customers": found.n_customers,
        "n_held_out": found.n_held_out,
        "reshuffle_at": found.reshuffle_at,
    }


def _values(generation: int) -> dict[str, object]:
    return {"salt": salt_of(generation), "draw_space": WHITESPACE, "draw_top": 1 - 2**-53}
