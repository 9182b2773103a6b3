"""A customer's segment on the Customer page: the words of a segment are not read as words about the customer."""

from __future__ import annotations

from datetime import datetime

import pytest

from churn_core.customers.segments import Segment
from ui.standing_blocks import segment_words

WORDS = "segment 2 of Kinds of buyers (K-means): short gaps, many orders"


def found(name: str, meaning: str = WORDS, kind: str = "cluster") -> Segment:
    return Segment(segment_id=1, name=name, meaning=meaning, saved_at=datetime(2026, 1, 5), n_members=3, kind=kind)


@pytest.mark.parametrize("name", ["Short gaps, many orders", "Short gaps, many orders (2)", "Short gaps, ma"])
def test_a_segment_that_nobody_named_goes_by_its_number_and_its_words_are_help(name: str) -> None:
    shown, help_text = segment_words(found(f"Kinds of buyers: {name}"))
    assert shown == "segment 2 of Kinds of buyers"
    assert "short gaps, many orders" in help_text
    assert "a single customer can differ" in help_text


def test_a_name_that_somebody_gave_is_kept() -> None:
    shown, help_text = segment_words(found("Kinds of buyers: Hunters"))
    assert shown == "Kinds of buyers: Hunters"
    assert "a single customer can differ" in help_text


def test_a_segment_by_rule_means_every_customer_in_it() -> None:
    rule = found("Regulars", "Customers whose orders are at least 4.", "rule")
    assert segment_words(rule) == ("Regulars", "Customers whose orders are at least 4.")
