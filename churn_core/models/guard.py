"""The leak guard: five checks, made at training on a sample, of whether a model could have seen the future.

Each check says what was done, what number came out and whether that is as it should be. A check that has no meaning
for the data says why. Nothing here changes the model; the results are kept with the version.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from churn_core.errors import NotEnoughData
from churn_core.models.estimators import Estimator
from churn_core.models.leakage import LEAST_OF_EACH, shuffled_auc, suspected_leaks
from churn_core.models.seen import NewestSeen
from churn_core.stats.paired import auc_difference
from churn_core.stats.ranking import auc

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from churn_core.models.periods import Period

PASSED, WARNING, SHOWN, NOT_MADE = "passed", "warning", "for information", "not made"
"""What may come out of a check."""
N_ERRORS = 4.0
"""Standard errors around one half within which shuffled outcomes must stay."""
GAP_FROM = 0.02
"""AUC by which a random split must flatter before the sentence calls it much."""
TOO_GOOD_OVERALL = 0.99
"""AUC of a whole model that is too good to be true."""
ORDER_FROM = 0.6
"""AUC of the order of ids from which the file was sorted by what it tells."""


@dataclass(frozen=True, kw_only=True)
class GuardCheck:
    """One check of the leak guard."""

    name: str
    """seen, shuffled, planted, split, too_good or order."""
    title: str
    """What it asks."""
    done: str
    """What was done, in a sentence."""
    number: str
    """What came out, short."""
    status: str
    """passed, warning, for information, or not made."""
    meaning: str
    """What follows from it, or why the check was not made."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """The numbers, as plain JSON."""

    def to_json(self) -> dict[str, Any]:
        """The check as plain JSON."""
        return asdict(self)


def seen_check(found: Sequence[NewestSeen]) -> GuardCheck:
    """Whether the features of any cutoff saw a row from the cutoff on."""
    late = [entry for entry in found if not entry.is_before]
    cutoffs = sorted({entry.cutoff for entry in found})
    tables = sorted({entry.table for entry in found})
    if late:
        worst = late[0]
        meaning = (
            f"the features that read {worst.table} saw a row of {worst.newest} at the cutoff {worst.cutoff}: do not "
            "use this model and report the fault."
        )
    else:
        meaning = "whatever the model knew at a cutoff had happened before it."
    return GuardCheck(
        name="seen",
        title="Did any feature see the cutoff or later?",
        done=f"The newest row that the features saw was looked up in {_tables(tables)} at {_cutoffs(len(cutoffs))}.",
        number=f"{len(late)} of {len(found)} too late",
        status=WARNING if late else PASSED,
        meaning=meaning,
        details={
            "seen": [
                {
                    "table": entry.table,
                    "cutoff": entry.cutoff.isoformat(),
                    "newest": entry.newest.isoformat() if entry.newest else None,
                    "n_features": entry.n_features,
                }
                for entry in found
            ]
        },
    )


def shuffled_check(
    make: Callable[[], Estimator], frame: pd.DataFrame, churned: NDArray[np.bool_], *, seed: int
) -> GuardCheck:
    """Whether a model on shuffled outcomes ranks better than a coin."""
    title = "Does a model on shuffled outcomes know anything?"
    done = (
        f"The outcomes of {len(churned):,} customers were shuffled three times; logistic regression, prepared as in "
        "training, learned one half and ranked the other."
    )
    if min(churned.sum(), (~churned).sum()) < 3 * LEAST_OF_EACH:
        return _not_made("shuffled", title, done, "too few customers of one outcome to tell an AUC from one half")
    found, error = shuffled_auc(make, frame, churned, seed=seed)
    is_right = abs(found - 0.5) <= N_ERRORS * error
    meaning = (
        "nothing gets from the outcomes of some customers into the ranking of others."
        if is_right
        else "the preparation or the model sees the outcomes it is judged on: do not use this model."
    )
    return GuardCheck(
        name="shuffled",
        title=title,
        done=done,
        number=f"AUC {found:.3f}; 0.500 ± {2 * error:.3f} expected",
        status=PASSED if is_right else WARNING,
        meaning=meaning,
        details={"auc": found, "error": error},
    )


def planted_check(
    frame: pd.DataFrame, churned: NDArray[np.bool_], amount: NDArray[np.float64] | None, *, seed: int
) -> GuardCheck:
    """Whether the detector reports columns that know the outcome, when there are such for certain."""
    title = "Is a planted future column found?"
    done = "Three columns that know the outcome were planted beside the real ones and the detector was run."
    if min(churned.sum(), (~churned).sum()) < 3 * LEAST_OF_EACH:
        return _not_made("planted", title, done, "too few customers of one outcome to suspect a column of anything")
    planted = planted_columns(churned, amount, seed=seed)
    found = {leak.name for leak in suspected_leaks(frame.assign(**planted), churned)} & planted.keys()
    missed = sorted(planted.keys() - found)
    return GuardCheck(
        name="planted",
        title=title,
        done=done,
        number=f"{len(found)} of {len(planted)} found",
        status=WARNING if missed else PASSED,
        meaning=(
            f"the detector missed {', '.join(missed)}, so it cannot be relied on for this data."
            if missed
            else "a column of this kind among the real ones would have been reported."
        ),
        details={"found": sorted(found), "missed": missed},
    )


def planted_columns(
    churned: NDArray[np.bool_], amount: NDArray[np.float64] | None, *, seed: int
) -> dict[str, NDArray[Any]]:
    """Columns that know the outcome: spend after the cutoff, a date of leaving, and a status that is right in 97 %."""
    draw = np.random.default_rng(seed)
    spend = np.where(churned, 0.0, draw.gamma(2.0, 30.0, len(churned))) if amount is None else amount
    noted = np.where(draw.random(len(churned)) < 0.97, churned, ~churned)
    return {
        "planted spend after the cutoff": np.asarray(spend, dtype=float),
        "planted date of leaving": np.where(churned, draw.uniform(0, 90, len(churned)), np.nan),
        "planted status": np.where(noted, "closed", "open").astype(object),
    }


def too_good_check(
    frame: pd.DataFrame, churned: NDArray[np.bool_], area: float | None, importance: Sequence[Mapping[str, Any]]
) -> GuardCheck:
    """Whether a column, or the whole model, is too good to be true, and which column is suspected."""
    suspects = suspected_leaks(frame, churned)
    names = [leak.name for leak in suspects]
    meaning = "no column gives the outcome away, and the model is no better than customers can be foretold."
    is_too_good = area is not None and area >= TOO_GOOD_OVERALL
    if suspects:
        meaning = suspects[0].note
    elif is_too_good:
        first = str(importance[0]["name"]) if importance else "the first input"
        names = [first]
        meaning = (
            f"an AUC of {area:.3f} is too good to be true; the input that counts most is {first!r}: check whether it "
            "is filled in only after a customer has left."
        )
    number = f"{len(suspects)} of {len(frame.columns)} columns suspected"
    return GuardCheck(
        name="too_good",
        title="Is anything too good to be true?",
        done=(
            "Each column was held against the outcome: ranking alone, agreement row by row, values or gaps that occur "
            "for one outcome only, numbers that count the rows. The model's own AUC must stay below "
            f"{TOO_GOOD_OVERALL:g}."
        ),
        number=number if area is None else f"{number}; AUC {area:.3f}",
        status=WARNING if suspects or is_too_good else PASSED,
        meaning=meaning,
        details={"suspects": names, "auc": area},
    )


def split_check(
    learned: Sequence[Period], pool: Sequence[Period], judged: Period, make: Callable[[], Estimator], *, seed: int
) -> GuardCheck:
    """How much better a random split of rows would have looked than the judgement on a later cutoff.

    The same learner, the same number of training rows and the same judged customers; only where the training rows come
    from differs: cutoffs whose outcome was known (``learned``), or any rows up to the judged cutoff (``pool``).
    """
    from churn_core.models.periods import stacked

    title = "Would a random split have flattered?"
    draw = np.random.default_rng(seed)
    is_test = draw.random(len(judged.churned)) < 0.5
    done = (
        f"Logistic regression was judged twice on {int(is_test.sum()):,} customers of {judged.cutoff:%-d %b %Y}: "
        "learned from cutoffs whose outcome was known by then, and from as many random rows up to that cutoff."
    )
    past, past_churned, _ = stacked(learned)
    everything = [*[period for period in pool if period.cutoff < judged.cutoff], judged]
    mixed, mixed_churned, number = stacked(everything)
    is_held = np.zeros(len(mixed_churned), dtype=bool)
    is_held[np.flatnonzero(number == len(everything) - 1)[is_test]] = True
    n_rows = min(len(past_churned), int((~is_held).sum()), MOST_TRAINING_ROWS)
    by_time = draw.choice(len(past_churned), n_rows, replace=False)
    by_chance = draw.choice(np.flatnonzero(~is_held), n_rows, replace=False)
    asked, outcome = judged.frame[is_test], judged.churned[is_test]
    try:
        honest = make().fit(past.iloc[by_time], past_churned[by_time], seed=seed).log_odds(asked)
        flattered = make().fit(mixed.iloc[by_chance], mixed_churned[by_chance], seed=seed).log_odds(asked)
        found = auc_difference(outcome, flattered, honest)
    except NotEnoughData as error:
        return _not_made("split", title, done, str(error))
    sizes = f"{found.first:.3f} by chance, {found.second:.3f} by time"
    if found.value >= max(GAP_FROM, 2 * found.error):
        meaning = "a random split would have promised much that does not hold for later customers; it is not used."
    elif found.value > 2 * found.error:
        meaning = "a random split would have flattered a little; it is not used."
    else:
        meaning = (
            "for this learner a random split would hardly have flattered here; it is not used all the same, "
            "because nobody knows that beforehand."
        )
    return GuardCheck(
        name="split",
        title=title,
        done=done,
        number=f"{found.value:+.3f} ± {2 * found.error:.3f} AUC ({sizes})",
        status=SHOWN,
        meaning=meaning,
        details={"random": found.first, "time": found.second, "gap": found.value, "error": found.error},
    )


MOST_TRAINING_ROWS = 4_000
"""Rows that each of the two models of the split check learns from."""


def no_split_check() -> GuardCheck:
    """Why the split check has no meaning for a table without time."""
    return _not_made(
        "split",
        "Would a random split have flattered?",
        "Not for a table without time.",
        "the table says who left but not when, so there is no later to judge on; folds are drawn at random, and rows "
        "that repeat each other are kept in one fold",
    )


def no_seen_check() -> GuardCheck:
    """Why the as-of check has no meaning for a table without time."""
    return _not_made(
        "seen",
        "Did any feature see the cutoff or later?",
        "Not for a table without time.",
        "the table has no times, so only its maker knows whether a column was filled in before the customer left",
    )


def order_check(churned: NDArray[np.bool_]) -> GuardCheck:
    """Whether the order of the customer ids knows the outcome, as in a file sorted by it and numbered afterwards."""
    title = "Does the order of the ids know the outcome?"
    done = "The position in the order of customer ids was held against the outcome; ids are never learned from."
    if min(churned.sum(), (~churned).sum()) < 3 * LEAST_OF_EACH:
        return _not_made("order", title, done, "too few customers of one outcome to tell an AUC from one half")
    area = auc(churned, np.arange(len(churned), dtype=float))
    area = max(area, 1 - area)
    is_sorted = area >= ORDER_FROM
    return GuardCheck(
        name="order",
        title=title,
        done=done,
        number=f"AUC {area:.3f}",
        status=WARNING if is_sorted else PASSED,
        meaning=(
            "ids seem to have been given in an order that knows the outcome; check that no column counts the rows."
            if is_sorted
            else "ids were not given in an order that knows the outcome."
        ),
        details={"auc": area},
    )


def checks_from_json(stored: Sequence[Mapping[str, Any]]) -> tuple[GuardCheck, ...]:
    """The checks as they were kept with a version."""
    return tuple(GuardCheck(**check) for check in stored)


def _not_made(name: str, title: str, done: str, why: str) -> GuardCheck:
    return GuardCheck(name=name, title=title, done=done, number="–", status=NOT_MADE, meaning=f"{why.rstrip('.')}.")


def _tables(tables: Sequence[str]) -> str:
    return f"{len(tables)} {'table' if len(tables) == 1 else 'tables'}"


def _cutoffs(n: int) -> str:
    return "1 cutoff" if n == 1 else f"{n} cutoffs"
