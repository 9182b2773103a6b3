"""A model that learned an earlier meaning of its inputs still scores, and everybody is told to train again."""

from __future__ import annotations

import json
from dataclasses import replace

from churn_core.customers.today import today
from churn_core.features.registry import FEATURES
from churn_core.models.meanings import improved_since, revisions_of
from churn_core.models.registry import champion
from churn_core.models.scoring import score_customers
from churn_core.warehouse import Warehouse

SAID = "'Usual gap' and 'Lateness in own gaps' are calculated in another way now than when model 1 learned."


def test_a_model_of_an_earlier_release_scores_and_says_that_its_inputs_changed(trained_copy: Warehouse) -> None:
    version = champion(trained_copy)
    assert version is not None
    assert version.summary["revisions"] == {"usual_gap_days": 2, "lateness_ratio": 2}
    assert improved_since(version) == ""
    assert not any(step.why == SAID for step in today(trained_copy).steps)
    older = {name: value for name, value in version.summary.items() if name != "revisions"}
    with trained_copy.transaction() as tx:
        tx.execute("UPDATE model_versions SET summary = $summary", {"summary": json.dumps(older)})
    first = today(trained_copy).steps[0]
    assert (first.target, first.what, first.why) == ("train", "Train again.", SAID)
    run = score_customers(trained_copy, high_from=0.6, medium_from=0.3)
    assert f"{SAID} Train again, then score." in run.summary["notes"]
    assert not any("shifted" in note for note in run.summary["notes"])


def test_only_inputs_that_the_model_learned_from_count(trained_shop: Warehouse) -> None:
    version = champion(trained_shop)
    assert version is not None
    older = replace(version, summary={})
    assert improved_since(replace(older, feature_names=("usual_gap_days", "n_orders"))) == (
        "'Usual gap' is calculated in another way now than when model 1 learned."
    )
    assert improved_since(replace(older, feature_names=("n_orders", "attribute:plan", "expected_orders"))) == ""
    assert improved_since(replace(older, source="snapshots")) == ""
    assert revisions_of(FEATURES) == {"usual_gap_days": 2, "lateness_ratio": 2}
