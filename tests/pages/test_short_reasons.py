"""The main reason of a list is a whole sentence that fits into its cell at 1280 pixels."""

from __future__ import annotations

from churn_core.features.registry import FEATURES
from churn_core.features.words import feature_words, silence_words
from ui.short_reason import LONGEST, SLIM, short_reason

VALUES = {"days": 123.0, "share": 0.257, "currency": 234.0, "ratio": 0.29, "points": 2.1}


def test_every_reason_fits_and_ends_as_a_sentence() -> None:
    for entry in FEATURES.values():
        for is_high in (True, False):
            words = feature_words(entry, VALUES.get(entry.unit, 12.0), is_high=is_high, currency="EUR")
            for told in (words, f"{words}; usual 0.12-1.23", f"{words}; usual 0.12-1.23, middle 0.56"):
                short = short_reason(told)
                assert short is not None
                assert len(short) <= LONGEST + 4, short
                assert not short.endswith((";", ",")), short
                assert "middle" not in short.partition("; usual")[2], short


def test_the_silence_keeps_the_usual_gap_even_beside_the_net_value() -> None:
    long = silence_words(120, 40, 9, due_days=63)
    assert short_reason(long, LONGEST - SLIM) == "120 days since the last order; usual gap 40"
    assert short_reason(None) is None
