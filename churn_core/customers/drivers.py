"""What drives the risk of a group of customers, and what sets the group apart from the rest.

Everything comes from the contributions that scoring stored, so nothing is explained again. The rows of a run are read
in batches and only sums are kept: a million customers take the memory of one batch. Contributions add up, so the mean
contributions of a group and the base are its mean log-odds, and the differences between two groups add up to the
difference of theirs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from churn_core.customers.at_risk import required_run
from churn_core.customers.explanation import sampled_words
from churn_core.customers.selection import Condition, CustomerFilter, condition, described
from churn_core.errors import NotEnoughData
from churn_core.models.families import CONSTANTS, SAME_FOR_ALL, family_of
from churn_core.models.runs import ScoreRun, latest_run

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from churn_core.warehouse import Warehouse

N_BATCH = 50_000
"""Customers whose contributions are in memory at a time."""

N_SAMPLED = 2_000
"""Customers of a group that are drawn one by one; means are of all of them."""


@dataclass(frozen=True, kw_only=True)
class Driver:
    """What a feature, or a family of features, does to the risk of a group of customers."""

    name: str
    """Feature, or family of features."""
    mean_absolute: float
    """Mean size of its contribution over the group, whatever the sign, in log-odds."""
    mean: float
    """Mean contribution over the group, in log-odds: what it does to the group as a whole."""
    mean_rest: float | None
    """Mean contribution over the customers of the run outside the group; None when nobody is outside."""

    @property
    def difference(self) -> float | None:
        """Mean contribution in the group minus that outside it; None when nobody is outside."""
        return None if self.mean_rest is None else self.mean - self.mean_rest


@dataclass(frozen=True, kw_only=True)
class GroupRisk:
    """How many customers and how likely they are to leave."""

    n_customers: int
    mean_risk: float
    """Mean calibrated probability of churning."""
    mean_log_odds: float
    """Mean of the calibrated log-odds."""


@dataclass(frozen=True, kw_only=True)
class Drivers:
    """The drivers of a group of customers of the latest score run."""

    run_id: int
    as_of: datetime | None
    """Cutoff of the run; None for a table without time."""
    base_log_odds: float
    """Calibrated log-odds of the average customer of the run, where contributions start."""
    meaning: str
    """Who is meant, in words."""
    is_everybody: bool
    group: GroupRisk
    rest: GroupRisk | None
    """The other customers of the run; None when there are none."""
    features: tuple[Driver, ...]
    """The strongest first; what is the same for every customer is left out."""
    families: tuple[Driver, ...]
    """The same by family: features that say the same thing, summed for each customer first."""
    sampled: str
    """That single contributions are sampled, with their error; empty where they are exact."""

    def driver(self, name: str) -> Driver | None:
        """The driver of that name, feature or family; None when there is none."""
        return next((found for found in (*self.families, *self.features) if found.name == name), None)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Customers of a group one by one: all of a small group, else those of the smallest digests of their ids."""

    feature_names: tuple[str, ...]
    n_customers: int
    """Customers of the group, drawn or not."""
    values: NDArray[np.float64]
    """One row per drawn customer, one column per feature; NaN where there is no number."""
    contributions: NDArray[np.float64]
    """The same of the contributions, in log-odds."""

    def column(self, name: str) -> int:
        """Position of a feature."""
        return self.feature_names.index(name)


def drivers(warehouse: Warehouse, chosen: CustomerFilter | None = None, *, segment_name: str = "") -> Drivers:
    """The drivers of the customers a filter means (default: everybody), with those of the rest beside them.

    ``segment_name`` is what the filter's segment is called in words. NotEnoughData when nothing was scored, or when
    the filter means nobody.
    """
    wanted = chosen or CustomerFilter()
    run, meant = scored_group(warehouse, wanted)
    group, rest = _risks(warehouse, run, meant)
    if group is None:
        raise NotEnoughData("no customer matches this choice, so nothing drives their risk; take a filter back.")
    families = list(dict.fromkeys(family_of(name) for name in run.feature_names))
    sums = _sums(warehouse, run, meant, families)
    n_features = len(run.feature_names)
    found = [
        _driver(name, position, sums, group, rest) for position, name in enumerate((*run.feature_names, *families))
    ]
    return Drivers(
        run_id=run.run_id,
        as_of=run.as_of,
        base_log_odds=run.base_log_odds,
        meaning=described(wanted, segment_name=segment_name),
        is_everybody=rest is None,
        group=group,
        rest=rest,
        features=_ordered(found[:n_features]),
        families=_ordered(found[n_features:]),
        sampled=sampled_words(run),
    )


def sample(warehouse: Warehouse, chosen: CustomerFilter | None = None, *, n_most: int = N_SAMPLED) -> Sample:
    """Customers a filter means, in an order that has nothing to do with them; the first of them are a sample too."""
    run, meant = scored_group(warehouse, chosen or CustomerFilter())
    rows = warehouse.rows(
        f"WITH drawn AS (SELECT customer_id FROM scores WHERE {meant.sql} "
        "ORDER BY md5(customer_id), customer_id LIMIT $n_most) "
        "SELECT feature_values, contributions FROM contributions JOIN drawn USING (customer_id) "
        "WHERE run_id = $run_id ORDER BY md5(customer_id), customer_id",
        {**meant.parameters, "n_most": n_most},
    )
    n_features = len(run.feature_names)
    return Sample(
        feature_names=run.feature_names,
        n_customers=int(warehouse.value(f"SELECT count(*) FROM scores WHERE {meant.sql}", meant.parameters)),
        values=np.array([row[0] for row in rows], dtype=float).reshape(len(rows), n_features),
        contributions=np.array([row[1] for row in rows], dtype=float).reshape(len(rows), n_features),
    )


def scored_group(warehouse: Warehouse, chosen: CustomerFilter) -> tuple[ScoreRun, Condition]:
    """The latest score run and who is meant in it; NotEnoughData when nothing was scored yet.

    A model is explained by everybody it scored, so those whose label says that they have left are meant as well.
    """
    key = required_run(warehouse)
    run = latest_run(warehouse)
    assert run is not None
    return run, condition(replace(chosen, with_left=True), key)


@dataclass(frozen=True, kw_only=True)
class _Sums:
    """Sums over customers, a column per feature and then per family."""

    absolute: NDArray[np.float64]
    """Sizes of contributions in the group."""
    group: NDArray[np.float64]
    rest: NDArray[np.float64]


def _risks(warehouse: Warehouse, run: ScoreRun, meant: Condition) -> tuple[GroupRisk | None, GroupRisk | None]:
    rows = warehouse.rows(
        f"SELECT coalesce({meant.sql}, false) AS is_meant, count(*), avg(risk), avg(log_odds) FROM scores "
        "WHERE run_id = $run_id GROUP BY 1",
        meant.parameters,
    )
    found = {
        bool(is_meant): GroupRisk(n_customers=int(n), mean_risk=float(risk), mean_log_odds=float(log_odds))
        for is_meant, n, risk, log_odds in rows
    }
    return found.get(True), found.get(False)


def _sums(warehouse: Warehouse, run: ScoreRun, meant: Condition, families: Sequence[str]) -> _Sums:
    membership = np.array(
        [[family_of(name) == family for family in families] for name in run.feature_names], dtype=np.float32
    )
    n_columns = len(run.feature_names) + len(families)
    made = _Sums(absolute=np.zeros(n_columns), group=np.zeros(n_columns), rest=np.zeros(n_columns))
    batches = warehouse.arrow_batches(
        f"SELECT contributions, customer_id IN (SELECT customer_id FROM scores WHERE {meant.sql}) AS is_meant "
        "FROM contributions WHERE run_id = $run_id",
        meant.parameters,
        n_rows=N_BATCH,
    )
    for batch in batches:
        single = _matrix(batch.column(0), len(run.feature_names))
        whole = np.hstack([single, single @ membership])
        is_meant = batch.column(1).to_numpy(zero_copy_only=False).astype(bool)
        inside = whole[is_meant]
        made.group[:] += inside.sum(axis=0, dtype=float)
        made.absolute[:] += np.abs(inside).sum(axis=0, dtype=float)
        made.rest[:] += whole[~is_meant].sum(axis=0, dtype=float)
    return made


def _matrix(lists: pa.ListArray, n_features: int) -> NDArray[np.float32]:
    """A column of equally long lists as a matrix."""
    made = lists.flatten().to_numpy(zero_copy_only=False).reshape(len(lists), n_features)
    return np.asarray(made, dtype=np.float32)


def _driver(name: str, position: int, sums: _Sums, group: GroupRisk, rest: GroupRisk | None) -> Driver:
    return Driver(
        name=name,
        mean_absolute=float(sums.absolute[position]) / group.n_customers,
        mean=float(sums.group[position]) / group.n_customers,
        mean_rest=float(sums.rest[position]) / rest.n_customers if rest else None,
    )


def _ordered(found: list[Driver]) -> tuple[Driver, ...]:
    """The strongest first, without what is the same for everybody."""
    told = [driver for driver in found if driver.name not in CONSTANTS and driver.name != SAME_FOR_ALL]
    return tuple(sorted(told, key=lambda driver: (-driver.mean_absolute, driver.name)))
