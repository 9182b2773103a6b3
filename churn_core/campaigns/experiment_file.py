"""The outcomes of a finished experiment from a file: one row per customer, with the arm and what came of it.

The rows stay in the database that read them; what leaves it are sums per arm and stratum.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

from churn_core.campaigns.experiment import Cell, Outcomes
from churn_core.campaigns.metrics import Metric
from churn_core.errors import InputError
from churn_core.intake.source import Source
from churn_core.intake.values import boolean_sql, number_sql
from churn_core.stats.moments import JointMoments, Moments, Rate

MOST_ARMS = 20
MOST_STRATA = 200


def require_known_before(columns: Iterable[str | None], metrics: Iterable[Metric]) -> None:
    """InputError when a covariate, stratum or slice is itself one of the outcomes; None stands for no column."""
    outcomes = {column for metric in metrics for column in metric.columns}
    for column in columns:
        if column in outcomes:
            raise InputError(
                f"column {column!r} is an outcome, and what is measured after the start may be a result of the "
                "treatment itself; compare within, slice by and adjust for what was known before only."
            )


@dataclass(frozen=True, kw_only=True)
class ExperimentFile:
    """An opened file and the columns that say who was in which arm of which stratum."""

    source: Source
    arm: str
    """Column of the arm."""
    stratum: str | None = None
    """Column of the stratum; None where there is none."""
    covariate: str | None = None
    """Column of an amount known before assignment; None where there is none."""

    def counts(self) -> dict[str, int]:
        """Customers per arm, in alphabetical order; InputError for rows without an arm or far too many arms."""
        rows = self.source.reader.rows(f"SELECT {self._text(self.arm)} AS arm, count(*) FROM {self._rows} GROUP BY 1")
        found = {str(arm or ""): int(n) for arm, n in rows}
        if "" in found:
            raise InputError(
                f"column {self.arm!r} is empty in {found['']:,} of {sum(found.values()):,} rows; every customer who "
                "was drawn belongs to an arm."
            )
        if len(found) > MOST_ARMS:
            raise InputError(
                f"column {self.arm!r} holds {len(found):,} different values, which are no arms of an experiment; "
                "choose the column that says who got what."
            )
        return dict(sorted(found.items()))

    def kind_of(self, column: str) -> str:
        """rate where all values are yes or no (or 1 and 0), else mean."""
        text = self._text(column)
        others = self.source.reader.value(
            f"SELECT count(*) FROM {self._rows} WHERE {text} <> '' AND {boolean_sql(text)} IS NULL"
        )
        return "mean" if others else "rate"

    def outcomes(self, metric: Metric) -> Outcomes:
        """The metric per arm and stratum; InputError for values that are missing or cannot be read."""
        for column in metric.columns:
            self._check(column, metric.kind)
        covariates = self._covariates() if metric.kind == "mean" else ()
        return Outcomes(
            metric=metric,
            cells=self._rates(metric) if metric.kind == "rate" else self._moments(metric, covariates),
            n_covariates=len(covariates),
        )

    def before(self, column: str) -> dict[str, Moments]:
        """An amount per arm among the customers where it is known; InputError where it holds no number at all."""
        number = f"CASE WHEN isfinite({self._number(column)}) THEN {self._number(column)} END"
        rows = self.source.reader.rows(
            f"SELECT {self._text(self.arm)}, count({number}), avg({number}), var_samp({number}) "
            f"FROM {self._rows} GROUP BY 1 ORDER BY 1"
        )
        if not any(n for _, n, _, _ in rows):
            raise InputError(f"column {column!r} holds no number, so it cannot be used to reduce the noise.")
        return {
            str(arm): Moments(n=int(n), mean=float(mean or 0.0), variance=float(variance or 0.0))
            for arm, n, mean, variance in rows
        }

    def check_covariate(self) -> None:
        """InputError when the covariate holds what is no number; it may be empty where it is not known."""
        if self.covariate is not None:
            self._check(self.covariate, "mean", may_be_empty=True)

    def rows_per_customer(self, column: str) -> tuple[int, int, int]:
        """Customers, how many of them have more than one row, and how many stand in more than one arm."""
        rows = self.source.reader.rows(
            "SELECT count(*), count(*) FILTER (n_rows > 1), count(*) FILTER (n_arms > 1) FROM ("
            f"SELECT count(*) AS n_rows, count(DISTINCT {self._text(self.arm)}) AS n_arms FROM {self._rows} "
            f"WHERE {self._text(column)} <> '' GROUP BY {self._text(column)})"
        )
        n_customers, n_twice, n_mixed = rows[0]
        return int(n_customers), int(n_twice), int(n_mixed)

    @property
    def _rows(self) -> str:
        return self.source.rows_sql()

    def _text(self, column: str) -> str:
        return f"trim({self.source.column(column).key})"

    def _number(self, column: str) -> str:
        return number_sql(self._text(column), self.source.decimal)

    def _groups(self) -> str:
        stratum = self._text(self.stratum) if self.stratum else "''"
        return f"{self._text(self.arm)} AS arm, {stratum} AS stratum"

    def _check(self, column: str, kind: str, *, may_be_empty: bool = False) -> None:
        text = self._text(column)
        read = boolean_sql(text) if kind == "rate" else f"CASE WHEN isfinite({self._number(column)}) THEN 1 END"
        wrong = f"{text} <> '' AND {read} IS NULL"
        n_empty, n_wrong, line, example = self.source.reader.rows(
            f"SELECT count(*) FILTER ({text} IS NULL OR {text} = ''), count(*) FILTER ({wrong}), "
            f"min(line) FILTER ({wrong}), arg_min({text}, line) FILTER ({wrong}) FROM {self._rows}"
        )[0]
        if n_wrong:
            wanted = "yes or no" if kind == "rate" else "a number"
            way = "or choose another column" if may_be_empty else f"or say {column}:mean or {column}:rate"
            raise InputError(
                f"column {column!r} holds {example!r} in line {line} where {wanted} was expected "
                f"({n_wrong:,} such rows); correct it, {way}."
            )
        if n_empty and not may_be_empty:
            raise InputError(
                f"column {column!r} is empty in {n_empty:,} rows; write 0 where nothing happened, because everybody "
                "who was assigned is counted."
            )

    def _covariates(self) -> tuple[str, ...]:
        """SQL of the covariate with its mean where it is missing, and of a column that says so."""
        if self.covariate is None:
            return ()
        self.check_covariate()
        number = f"CASE WHEN isfinite({self._number(self.covariate)}) THEN {self._number(self.covariate)} END"
        mean, n_missing = self.source.reader.rows(
            f"SELECT avg({number}), count(*) - count({number}) FROM {self._rows}"
        )[0]
        if mean is None:
            raise InputError(f"column {self.covariate!r} holds no number, so it cannot be used to reduce the noise.")
        filled = f"coalesce({number}, {float(mean)!r}::DOUBLE)"
        return (filled, f"CASE WHEN {number} IS NULL THEN 1.0 ELSE 0.0 END") if n_missing else (filled,)

    def _rates(self, metric: Metric) -> dict[str, dict[str, Cell]]:
        hit = boolean_sql(self._text(metric.column))
        rows = self.source.reader.rows(
            f"SELECT {self._groups()}, count(*) FILTER ({hit}), count(*) FROM {self._rows} GROUP BY ALL"
        )
        cells: dict[str, dict[str, Cell]] = {}
        for arm, stratum, n_hits, n in rows:
            cells.setdefault(str(arm), {})[str(stratum or "")] = Rate(n_hits=int(n_hits), n=int(n))
        return self._few(cells)

    def _moments(self, metric: Metric, covariates: Sequence[str]) -> dict[str, dict[str, Cell]]:
        columns = [*(self._number(column) for column in metric.columns), *covariates]
        named = ", ".join(f"{sql} AS x{place}" for place, sql in enumerate(columns))
        places = range(len(columns))
        pairs = list(combinations_with_replacement(places, 2))
        asked = [*(f"avg(x{place})" for place in places), *(f"covar_samp(x{i}, x{j})" for i, j in pairs)]
        rows = self.source.reader.rows(
            f"SELECT arm, stratum, count(*), {', '.join(asked)} "
            f"FROM (SELECT {self._groups()}, {named} FROM {self._rows}) GROUP BY ALL"
        )
        cells: dict[str, dict[str, Cell]] = {}
        for arm, stratum, n, *numbers in rows:
            values = [0.0 if value is None else float(value) for value in numbers]
            spread = dict(zip(pairs, values[len(columns) :], strict=True))
            cells.setdefault(str(arm), {})[str(stratum or "")] = JointMoments(
                n=int(n),
                means=tuple(values[: len(columns)]),
                covariances=tuple(tuple(spread[min(i, j), max(i, j)] for j in places) for i in places),
            )
        return self._few(cells)

    def _few(self, cells: dict[str, dict[str, Cell]]) -> dict[str, dict[str, Cell]]:
        n_strata = len({stratum for found in cells.values() for stratum in found})
        if n_strata > MOST_STRATA:
            raise InputError(
                f"column {self.stratum!r} makes {n_strata:,} strata, more than the {MOST_STRATA} that can be compared; "
                "choose a column with fewer values."
            )
        return cells
