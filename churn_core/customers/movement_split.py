"""The parts between two scorings: the models of both runs are asked again in the states between them.

Apart from :mod:`movement`, which finds the runs and adds the parts up: here is what can be asked, and what is done
where something cannot - a model file that is refused, inputs that are gone, a table whose earlier row is not kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from churn_core.customers import movement_words as say
from churn_core.customers.movement_parts import LABELS, Part, PartName, Scoring
from churn_core.customers.movement_states import happened, order_states, table_states
from churn_core.customers.movement_words import Cause
from churn_core.errors import ChurnError
from churn_core.models.movement import (
    MODEL_FIRST,
    MODEL_LAST,
    ORDERS,
    WITHOUT_TIME,
    Answer,
    Order,
    Share,
    State,
    Which,
    ask,
    shares,
)
from churn_core.models.order_model import OrderModel
from churn_core.models.registry import ModelVersion, model_versions
from churn_core.models.snapshot_model import SnapshotModel
from churn_core.models.training import load_fitted
from churn_core.stats.columns import is_number, numbers

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from churn_core.warehouse import Warehouse

OTHERS_DID = "What other customers did moves what is usual in the shop."
SAMPLED = (
    "The model's contributions are sampled: the parts are exact, the numbers inside time and behaviour are estimates."
)
SAME_ANSWER = 1e-4
"""Log-odds within which a row put together again counts as the row that was scored."""

Model = OrderModel | SnapshotModel


@dataclass(frozen=True, kw_only=True)
class Split:
    """The parts that could be told, and what should be known about them."""

    parts: tuple[Part, ...]
    """Empty where nothing could be told apart."""
    notes: tuple[str, ...]


def split_orders(warehouse: Warehouse, customer_id: str, before: Scoring, after: Scoring, currency: str) -> Split:
    """Time, behaviour and model between two scorings of an order history."""
    assert before.as_of is not None
    assert after.as_of is not None
    models, notes = _models(warehouse, before, after)
    names = {name for model in models.values() for name in model.feature_names}
    since = happened(warehouse, customer_id, before.as_of, after.as_of)
    facts = say.happened_words(since, before.as_of, after.as_of, currency)
    try:
        states = order_states(warehouse, customer_id, names, before.as_of, after.as_of)
    except ChurnError as error:
        return Split(parts=(), notes=(*notes, _sentence(error), facts))
    answers, refused = _answers(models, states)
    notes += refused
    orders = _orders(answers, before, after, ORDERS, MODEL_FIRST, MODEL_LAST, notes)
    if not orders:
        return Split(parts=(), notes=(*notes, facts))
    told = _spoken(states, models)
    found = shares(answers, orders)
    return Split(
        parts=(
            part_of(
                "time",
                found["time"],
                _time_words(before.as_of, after.as_of),
                say.causes(found["time"].by_input, told["then"], told["aged"], currency=currency),
            ),
            part_of(
                "behaviour",
                found["behaviour"],
                facts if since.is_anything or not found["behaviour"].log_odds_change else f"{facts} {OTHERS_DID}",
                say.causes(found["behaviour"].by_input, told["aged"], told["now"], since=since, currency=currency),
            ),
            _model_part(warehouse, found["model"], before, after, notes),
        ),
        notes=tuple(notes),
    )


def split_table(warehouse: Warehouse, customer_id: str, before: Scoring, after: Scoring, currency: str) -> Split:
    """What the row says and the model, between two scorings of a labelled table."""
    models, notes = _models(warehouse, before, after)
    notes.append("A labelled table has no time, so no part of the change is due to time that passed.")
    kinds: dict[str, str] = {}
    for model in models.values():
        if isinstance(model, SnapshotModel):
            kinds |= dict(model.kinds)
    try:
        states = table_states(warehouse, customer_id, kinds, _stored_values(warehouse, customer_id, before.run_id))
    except ChurnError as error:
        return Split(parts=(), notes=(*notes, _sentence(error)))
    answers, refused = _answers(models, states)
    notes += refused
    again = answers.get(("earlier", "then"))
    if again is not None and abs(again.log_odds - before.log_odds) > SAME_ANSWER:
        # A text of the row changed too, and its old value is not kept: the stored answer alone stands for it.
        answers = {key: answer for key, answer in answers.items() if key[1] == "now"}
        notes.append(
            "The earlier row of the table is not kept in full, so the change of the row is told by the earlier model "
            "alone and what remains is the model's."
        )
    full = WITHOUT_TIME if len({key for key in answers if key[1] == "then"}) == 2 else ()
    orders = _orders(answers, before, after, full, WITHOUT_TIME[:1], WITHOUT_TIME[1:], notes)
    if not orders:
        return Split(parts=(), notes=tuple(notes))
    found = shares(answers, orders)
    return Split(
        parts=(
            part_of(
                "behaviour",
                found["behaviour"],
                _row_words(states, found["behaviour"]),
                say.causes(found["behaviour"].by_input, states["then"], states["now"], currency=currency),
            ),
            _model_part(warehouse, found["model"], before, after, notes),
        ),
        notes=tuple(notes),
    )


def _models(warehouse: Warehouse, before: Scoring, after: Scoring) -> tuple[dict[Which, Model], list[str]]:
    """The models of the two runs that can still be used, and why not where they cannot."""
    found: dict[int, Model] = {}
    notes = []
    for number in dict.fromkeys((before.model_version, after.model_version)):
        try:
            found[number] = load_fitted(warehouse, number)
        except ChurnError as error:
            notes.append(_sentence(error))
    versions: dict[Which, int] = {"earlier": before.model_version, "later": after.model_version}
    return {which: found[number] for which, number in versions.items() if number in found}, notes


def _answers(
    models: Mapping[Which, Model], states: Mapping[State, pd.DataFrame]
) -> tuple[dict[tuple[Which, State], Answer], list[str]]:
    """What each model says in each state; a model that cannot take the inputs any more says nothing."""
    answers: dict[tuple[Which, State], Answer] = {}
    notes: list[str] = []
    for which, model in models.items():
        try:
            answers |= {(which, state): ask(model, frame) for state, frame in states.items()}
        except ChurnError as error:
            notes.append(_sentence(error))
    if any(answer.is_sampled for answer in answers.values()):
        notes.append(SAMPLED)
    return answers, list(dict.fromkeys(notes))


def _orders(
    answers: dict[tuple[Which, State], Answer],
    before: Scoring,
    after: Scoring,
    full: Sequence[Order],
    model_first: Sequence[Order],
    model_last: Sequence[Order],
    notes: list[str],
) -> Sequence[Order]:
    """The orders that can be walked with these answers; a stored answer takes the place of one that is missing."""
    has_earlier = ("earlier", "now") in answers
    has_later = ("later", "then") in answers
    if full and has_earlier and has_later:
        return full
    if has_earlier:
        answers.setdefault(("earlier", "then"), _stored(before))
        answers.setdefault(("later", "now"), _stored(after))
        if full:
            notes.append(f"Everything but the model is told by model {before.model_version} alone.")
        return model_last
    if has_later:
        answers.setdefault(("earlier", "then"), _stored(before))
        notes.append(
            f"Everything but the model is told by model {after.model_version} alone; what remains is put down to the "
            "model, corrections of past data included."
        )
        return model_first
    notes.append("So the change is known, and what it is made of is not.")
    return ()


def _stored(scoring: Scoring) -> Answer:
    return Answer(risk=scoring.risk, log_odds=scoring.log_odds)


def part_of(name: PartName, share: Share, words: str, causes: tuple[Cause, ...]) -> Part:
    """A part made of what it did and the words about it."""
    return Part(
        name=name,
        label=LABELS[name],
        risk_change=share.risk_change,
        log_odds_change=share.log_odds_change,
        shown_points=round(100 * share.risk_change, 1),
        words=words,
        causes=causes,
    )


def _time_words(earlier: datetime, later: datetime) -> str:
    if earlier == later:
        return "Both runs look at the same day."
    n_days = (later - earlier).days
    return f"What {n_days} {'day' if n_days == 1 else 'days'} alone would have done, had nothing happened in them."


def _row_words(states: Mapping[State, pd.DataFrame], share: Share) -> str:
    """Whether a row of a labelled table changed; an answer of the model that differs by rounding is no change."""
    if abs(share.log_odds_change) > SAME_ANSWER:
        return "What the customer's row of the table says has changed."
    # Kept numbers have fewer digits than the table's.
    if all(np.allclose(*pair, rtol=1e-5, atol=1e-6, equal_nan=True) for pair in _number_pairs(states)):
        return "Nothing has changed in the customer's row of the table."
    return "What has changed in the customer's row of the table hardly moves the risk."


def _number_pairs(states: Mapping[State, pd.DataFrame]) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    then, now = states["then"], states["now"]
    return [(numbers(then[name]), numbers(now[name])) for name in now.columns if is_number(now[name])]


def _model_part(warehouse: Warehouse, share: Share, before: Scoring, after: Scoring, notes: list[str]) -> Part:
    """The model's part with what is known about the two versions."""
    if before.model_version == after.model_version:
        return part_of("model", share, f"Model {after.model_version} scored both times.", ())
    words = f"Model {after.model_version} instead of model {before.model_version}"
    causes = say.season_cause(share.by_input, share.risk_change)
    known = {version.model_version: version for version in model_versions(warehouse)}
    old, new = known.get(before.model_version), known.get(after.model_version)
    if old is None or new is None:
        return part_of("model", share, f"{words}.", causes)
    if before.definition_version != after.definition_version:
        notes.append(_definition_note(old, new))
    return part_of("model", share, f"{words}{_model_words(old, new)}.", causes)


def _model_words(old: ModelVersion, new: ModelVersion) -> str:
    """What is different about the newer version, to go on with; empty when nothing is known to be."""
    known = [str(version.summary.get("known_until", ""))[:10] for version in (old, new)]
    dates = [f"{datetime.fromisoformat(text):%-d %b %Y}" for text in known if text]
    learnt = ""
    if len(dates) == 2:
        same = f"both learnt from what was known until {dates[0]}"
        learnt = same if dates[0] == dates[1] else f"learnt until {dates[1]} instead of {dates[0]}"
    kind = "" if old.estimator == new.estimator else f"{new.estimator} instead of {old.estimator}"
    more = "; ".join(text for text in (learnt, kind) if text)
    return f": {more}" if more else ""


def _definition_note(old: ModelVersion, new: ModelVersion) -> str:
    days = [(version.summary.get("definition") or {}).get("horizon_days") for version in (old, new)]
    if None in days or days[0] == days[1]:
        return "Between the runs the definition of churned changed; that is counted as a change of the model."
    return (
        f"Churned meant no order within {days[0]} days at the first run and within {days[1]} days at the second; that "
        "is counted as a change of the model."
    )


def _spoken(states: Mapping[State, pd.DataFrame], models: Mapping[Which, Model]) -> dict[State, pd.DataFrame]:
    """The states with the inputs that the later model makes itself, so that they can be spoken of."""
    model = models.get("later") or models.get("earlier")
    if not isinstance(model, OrderModel):
        return dict(states)
    return {state: model.blend.with_made(frame) for state, frame in states.items()}


def _stored_values(warehouse: Warehouse, customer_id: str, run_id: int) -> dict[str, float | None]:
    """The numbers of a customer as a run stored them, by input."""
    rows = warehouse.rows(
        "SELECT feature_names, feature_values FROM contributions JOIN score_runs USING (run_id) "
        "WHERE run_id = $run_id AND customer_id = $customer_id",
        {"run_id": run_id, "customer_id": customer_id},
    )
    return dict(zip(*rows[0], strict=False)) if rows else {}


def _sentence(error: ChurnError) -> str:
    text = str(error)
    return text[:1].upper() + text[1:]
