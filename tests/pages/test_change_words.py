"""What Settings and Health say in words: changes, and the answer about learning by heart."""

from __future__ import annotations

import json

from churn_core.models.overfit import OverfitRow, Side
from ui.change_words import change_words
from ui.health_blocks import _overfit_sentence


def test_a_change_is_told_in_words() -> None:
    plan = {"n_customers": 20000, "n_years": 3, "seed": 7, "until": "2026-10-31"}
    told = change_words("build the demo shop", json.dumps({"plan": plan, "rows": {"orders": 5}}))
    assert told == "Demo shop of 20,000 customers over 3 years, seed 7"
    scenario = {"name": "A", "contact_cost": 2.0, "offer_cost": 10.0, "n_days": 5}
    assert change_words("scenario saved", json.dumps(scenario)) == "A: a contact costs 2, an offer 10, for 5 days"
    policy = {"version": 1, "high_from": 0.6, "medium_from": 0.3}
    assert change_words("tier policy saved", json.dumps(policy)) == "Policy 1, high from 60.0 %, medium from 30.0 %"


def test_changes_of_the_holdout_are_told_in_words() -> None:
    counts = {"generation": 2, "share": 0.05, "n_customers": 20_000, "n_held_out": 1_012, "reshuffle_at": None}
    assert change_words("holdout started", json.dumps(counts)) == "Generation 2 holds out 1,012 of 20,000 customers"
    ended = change_words("holdout ended", json.dumps(counts))
    assert ended == "Nobody is held out any more; generation 2 held out 1,012 customers"
    given = {"campaign_id": "camp-1", "kind": "exclude", "n_given": 12, "n_known": 9, "n_unknown": 3}
    assert change_words("campaign list given", json.dumps(given)) == "9 of 12 ids belong to customers of this workspace"


def test_work_on_alerts_is_told_by_how_many_and_what() -> None:
    taken = {"alert_ids": [2, 6, 10], "words": "taken by North desk"}
    assert change_words("alerts taken", json.dumps(taken)) == "3 alerts: taken by North desk"
    assert change_words("alerts note", json.dumps({"alert_ids": [2], "words": "noted"})) == "1 alert: noted"
    renewed = {"n_new": 1, "n_ordered": 0, "n_expired": 0, "n_waiting": 105, "n_held": 22}
    assert change_words("alerts refreshed", json.dumps(renewed)) == "1 new alert, 105 customers wait for one"


def test_a_change_without_known_words_says_names_and_values() -> None:
    assert change_words("something new", '{"n_days": 5, "names": []}') == "n days: 5, names: none"
    assert change_words("score", '{"run": 1}') == "run: 1"
    assert change_words("score", None) == ""


def test_a_table_without_time_has_no_later_customers() -> None:
    def row(where: str) -> OverfitRow:
        side = Side(n=900, auc=0.8, auc_error=0.01, log_loss=0.4)
        return OverfitRow(
            where=where,
            train=side,
            judged=side,
            outside_share=0.01,
            outside_low=0.0,
            outside_high=0.02,
            n_outside_of=900,
        )

    assert _overfit_sentence((row("fold 1"), row("fold 2"))).startswith(
        "The model ranks customers it never saw about as well as those it learned from (2 comparisons)"
    )
    assert "ranks later customers about as well" in _overfit_sentence((row("2026-05-05"),))
