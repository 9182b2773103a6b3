"""Figures about who responds: titles that say what is proved, and only that."""

from __future__ import annotations

from typing import Any

import pytest

from churn_core.campaigns.uplift_study import study
from churn_core.figures.uplift import parts_figure, qini_figure, responses_figure
from tests.campaigns.planted_trial import planted_trial


def studied(heterogeneity: float, *, is_rate: bool = True) -> dict[str, Any]:
    trial, effect = planted_trial(1_200, heterogeneity=heterogeneity, is_rate=is_rate)
    tiers = ["high" if one > effect.mean() else "low" for one in effect]
    return study(trial, tiers=tiers, names=("x_logistic",)).to_dict()


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_the_qini_curve_ends_where_chance_ends(mode: Any) -> None:
    found = studied(0.25)
    figure = qini_figure(found, mode=mode)
    band, chance, curve = figure.data
    assert curve.y[-1] == pytest.approx(chance.y[-1])
    assert curve.x[0] == 0
    assert curve.x[-1] == 1
    assert len(band.x) == 2 * len(curve.x)
    assert figure.layout.title.text.startswith("Contacting by expected uplift beats contacting by chance: Qini 0.")
    assert "scikit-uplift" in figure.layout.yaxis.title.text


def test_without_evidence_the_title_does_not_claim_any() -> None:
    assert qini_figure(studied(0.0)).layout.title.text.startswith("The ranking cannot be told from chance")


def test_bars_carry_their_intervals_and_what_was_expected() -> None:
    found = studied(0.25)
    deciles, tiers = parts_figure(found, "deciles"), parts_figure(found, "tiers")
    assert deciles is not None
    assert tiers is not None
    bar, expected = deciles.data
    first = found["deciles"][0]
    assert bar.y[0] == pytest.approx(100 * first["difference"]["value"])
    assert bar.y[0] + bar.error_y.array[0] == pytest.approx(100 * first["difference"]["high"])
    assert bar.y[0] - bar.error_y.arrayminus[0] == pytest.approx(100 * first["difference"]["low"])
    assert expected.y[0] == pytest.approx(100 * first["predicted"])
    assert list(tiers.data[0].x) == ["▲ high", "● low"]
    assert "in the high tier" in tiers.layout.title.text
    assert parts_figure({**found, "tiers": []}, "tiers") is None


def test_the_four_groups_add_up_and_amounts_have_none() -> None:
    figure = responses_figure(studied(0.25))
    assert figure is not None
    assert sum(figure.data[0].x) == pytest.approx(1)
    assert len(set(figure.data[0].marker.color)) == 4
    amounts = studied(0.25, is_rate=False)
    assert responses_figure(amounts) is None
    bars = parts_figure(amounts, "deciles", currency="EUR")
    assert bars is not None
    assert "€" in bars.layout.title.text
