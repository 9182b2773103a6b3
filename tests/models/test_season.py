"""What the season does to the level of all risks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import pytest

from churn_core.models.season import PastLevel, Season, fit_season, risk_range, season_words

START = datetime(2024, 1, 1)
RATIOS = (0.3, 0.1, 0.0, -0.1, 0.1, 0.3, 0.5, 0.2, -0.2, -0.8, -0.1, 0.1, 0.2, 0.1)


def past(levels: Sequence[float], ratios: Sequence[float | None], *, step_days: int = 30) -> list[PastLevel]:
    return [
        PastLevel(cutoff=START + timedelta(days=step_days * number), level=level, ratio=ratio)
        for number, (level, ratio) in enumerate(zip(levels, ratios, strict=True))
    ]


def following(n: int, *, slope: float = -1.2) -> list[PastLevel]:
    return past([slope * ratio + 0.1 for ratio in RATIOS[:n]], RATIOS[:n])


def test_last_year_moves_the_level_once_the_past_has_gone_round_the_year() -> None:
    known = fit_season(following(14), 0.5, horizon_days=90)
    assert known.is_known
    assert known.level + known.offset == pytest.approx(-0.5, abs=0.06)


@pytest.mark.parametrize(
    ("entries", "last_year"),
    [(following(14), None), (following(11), 0.5), (past([0.0] * 14, [None] * 14), 0.5)],
    ids=["last year unknown", "not once round the year", "no ratio known"],
)
def test_with_less_history_the_average_of_the_past_stands(entries: list[PastLevel], last_year: float | None) -> None:
    unknown = fit_season(entries, last_year, horizon_days=90)
    assert not unknown.is_known
    assert unknown.offset == 0.0
    assert unknown.level == pytest.approx(np.mean([entry.level for entry in entries]))
    assert "too short" in unknown.reason


def test_the_effect_enters_by_degrees() -> None:
    slopes = [fit_season(following(n), 0.5, horizon_days=90).slope for n in (11, 12, 13, 14)]
    assert slopes[0] == 0.0
    assert slopes[0] > slopes[1] > slopes[2] > slopes[3]
    assert slopes[1] == pytest.approx(slopes[3] / 3, rel=0.15)
    assert "33 %" in fit_season(following(12), 0.5, horizon_days=90).reason


def test_a_last_year_outside_everything_seen_is_not_followed_further() -> None:
    far = fit_season(following(14), 5.0, horizon_days=90)
    assert far.last_year_ratio == pytest.approx(max(RATIOS) + 0.25)


def test_the_range_is_wider_when_the_season_is_unknown() -> None:
    noise = np.random.default_rng(1).normal(0, 0.05, 14)
    entries = [
        PastLevel(cutoff=entry.cutoff, level=entry.level + shift, ratio=entry.ratio)
        for entry, shift in zip(following(14), noise, strict=True)
    ]
    known = fit_season(entries, 0.1, horizon_days=90)
    unknown = fit_season(entries, None, horizon_days=90)
    assert known.half_width is not None
    assert unknown.half_width is not None
    assert 0.1 < known.half_width < 0.6 * unknown.half_width


def test_few_windows_make_the_range_wider() -> None:
    widths = [fit_season(following(n), None, horizon_days=90).half_width or 0.0 for n in (4, 8, 14)]
    assert widths[0] >= widths[1] > widths[2] > 0.4


def test_the_range_of_the_mean_risk_holds_the_prediction() -> None:
    log_odds = np.random.default_rng(0).normal(0.2, 1.0, 500)
    found = risk_range(log_odds, Season(level=0.0, level_error=0.3, half_width=0.5))
    assert found is not None
    assert found.predicted_low < found.predicted < found.predicted_high
    assert found.predicted == pytest.approx(float(np.mean(1 / (1 + np.exp(-log_odds)))))
    assert risk_range(log_odds, Season(level=0.0, level_error=0.0)) is None


def test_the_words_say_whether_the_season_is_known_and_between_what_it_lies() -> None:
    unknown = fit_season(following(8), None, horizon_days=90)
    words = season_words(unknown, risk_range(np.zeros(100), unknown))
    assert "With the season unknown, between" in words
    assert words.endswith("predicted 50 %.")
    assert season_words(unknown, None) == f"Season: {unknown.reason}"


def test_the_range_covers_levels_that_are_drawn_like_the_past() -> None:
    """Levels with a season of known strength and a residual: the 95 % range holds the next one about that often."""
    draw = np.random.default_rng(4)
    n_inside, n_runs = 0, 400
    for _ in range(n_runs):
        ratios = 0.35 * np.cos(2 * np.pi * (np.arange(14) / 12.17 + draw.random()))
        levels = -1.0 * ratios + draw.normal(0, 0.12, 14)
        this_year = 0.35 * np.cos(2 * np.pi * draw.random())
        found = fit_season(past(list(levels), list(ratios)), this_year + draw.normal(0, 0.15), horizon_days=90)
        level = -1.0 * this_year + draw.normal(0, 0.12)
        n_inside += abs(level - found.level - found.offset) <= (found.half_width or 0.0)
    assert 0.92 <= n_inside / n_runs <= 1.0
