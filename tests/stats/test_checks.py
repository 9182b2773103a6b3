"""Sample ratios, several comparisons, strata and sequential bounds against published numbers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, stats

from churn_core.errors import InputError
from churn_core.stats.means import Mean
from churn_core.stats.moments import Moments, Rate
from churn_core.stats.multiple import benjamini_hochberg, holm
from churn_core.stats.sample_ratio import check_sample_ratio
from churn_core.stats.sequential import best_rho_squared, confidence_sequence, crossing_chance, group_bounds
from churn_core.stats.strata import (
    MeanStratum,
    RateStratum,
    cochran_mantel_haenszel_p,
    interaction,
    mantel_haenszel_difference,
    post_stratified,
)


def test_a_broken_ratio_agrees_with_kohavi() -> None:
    # Kohavi, Tang & Xu (2020), Trustworthy Online Controlled Experiments, ch. 3: 821,588 against 815,482, p = 1.8e-6.
    found = check_sample_ratio({"control": 821_588, "treatment": 815_482}, {"control": 0.5, "treatment": 0.5})
    assert found.p_value == pytest.approx(1.8e-6, abs=0.05e-6)
    assert found.alarm
    assert abs(found.largest_gap) == pytest.approx(0.0018649, abs=1e-6)


def test_small_arms_are_compared_exactly_and_unused_ones_left_out() -> None:
    found = check_sample_ratio({"control": 8, "coupon": 2, "off": 0}, {"control": 0.5, "coupon": 0.5, "off": 0.0})
    assert found.p_value == pytest.approx(stats.binomtest(8, 10, 0.5).pvalue)
    assert not found.alarm
    three = check_sample_ratio({"a": 100, "b": 120, "c": 200}, {"a": 0.25, "b": 0.25, "c": 0.5})
    assert three.p_value == pytest.approx(stats.chisquare([100, 120, 200], [105, 105, 210]).pvalue)
    missing = check_sample_ratio({"control": 1_000}, {"control": 0.5, "coupon": 0.5})
    assert missing.alarm


def test_arms_that_do_not_match_the_plan_are_refused() -> None:
    with pytest.raises(InputError, match="'cupon'"):
        check_sample_ratio({"control": 5, "cupon": 5}, {"control": 0.5, "coupon": 0.5})
    with pytest.raises(InputError, match="two arms"):
        check_sample_ratio({"control": 0, "coupon": 0}, {"control": 0.5, "coupon": 0.5})


P_VALUES = [
    0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0,
]  # fmt: skip


def test_the_example_of_benjamini_and_hochberg_1995() -> None:
    # Benjamini & Hochberg (1995), section 4.1: at 5 % their procedure rejects the first four, Bonferroni three.
    assert [p <= 0.05 for p in benjamini_hochberg(P_VALUES)] == [True] * 4 + [False] * 11
    assert [p <= 0.05 for p in holm(P_VALUES)] == [True] * 3 + [False] * 12
    assert benjamini_hochberg(P_VALUES)[:4] == pytest.approx([0.0015, 0.003, 0.0095, 0.035625])


def test_adjusted_p_values_agree_with_statsmodels_in_any_order() -> None:
    from statsmodels.stats.multitest import multipletests

    draw = np.random.default_rng(1)
    for _ in range(20):
        values = draw.random(draw.integers(1, 12)) ** 2
        assert holm(list(values)) == pytest.approx(multipletests(values, method="holm")[1])
        assert benjamini_hochberg(list(values)) == pytest.approx(multipletests(values, method="fdr_bh")[1])
    assert holm([]) == []
    with pytest.raises(InputError, match="p-value"):
        holm([float("nan")])


BERKELEY = [
    ((512, 313), (89, 19)), ((353, 207), (17, 8)), ((120, 205), (202, 391)),
    ((138, 279), (131, 244)), ((53, 138), (94, 299)), ((22, 351), (24, 317)),
]  # fmt: skip
"""Admissions to Berkeley 1973 by department, men and women (Bickel et al., 1975), as in R's UCBAdmissions."""

BCG = [
    ((4, 119), (11, 128)), ((6, 300), (29, 274)), ((3, 228), (11, 209)), ((62, 13_536), (248, 12_619)),
    ((33, 5_036), (47, 5_761)), ((180, 1_361), (372, 1_079)), ((8, 2_537), (10, 619)), ((505, 87_886), (499, 87_892)),
    ((29, 7_470), (45, 7_232)), ((17, 1_699), (65, 1_600)), ((186, 50_448), (141, 27_197)), ((5, 2_493), (3, 2_338)),
    ((27, 16_886), (29, 17_825)),
]  # fmt: skip
"""Thirteen trials of a vaccine (Colditz et al., 1994), as in the R package metafor's dat.bcg."""


def strata(table: list[tuple[tuple[int, int], tuple[int, int]]]) -> list[RateStratum]:
    return [RateStratum(treatment=Rate(n_hits=a, n=a + b), control=Rate(n_hits=c, n=c + d)) for (a, b), (c, d) in table]


def test_cochran_mantel_haenszel_agrees_with_r() -> None:
    # R 4, mantelhaen.test(UCBAdmissions, correct = FALSE): X-squared = 1.5246, df = 1, p-value = 0.2169.
    assert cochran_mantel_haenszel_p(strata(BERKELEY)) == pytest.approx(0.2169, abs=5e-5)


def test_mantel_haenszel_with_satos_variance_agrees_with_metafor() -> None:
    # metafor 4, rma.mh(measure = "RD", data = dat.bcg), which uses Sato's variance: -0.0033 [-0.0039, -0.0027],
    # z = -11.4708.
    found = mantel_haenszel_difference(strata(BCG))
    assert (found.value, found.low, found.high) == pytest.approx((-0.0033, -0.0039, -0.0027), abs=5e-5)
    error = (found.high - found.low) / (2 * stats.norm.ppf(0.975))
    assert found.value / error == pytest.approx(-11.4708, abs=5e-5)


def test_strata_without_both_arms_say_nothing() -> None:
    lone = RateStratum(treatment=Rate(n_hits=0, n=0), control=Rate(n_hits=5, n=9))
    assert mantel_haenszel_difference([*strata(BCG), lone]) == mantel_haenszel_difference(strata(BCG))
    assert mantel_haenszel_difference([lone]).value is None
    assert cochran_mantel_haenszel_p([lone]) == 1.0


def test_one_stratum_is_the_plain_difference() -> None:
    found = mantel_haenszel_difference(strata([((30, 70), (20, 180))]))
    assert found.value == pytest.approx(0.30 - 0.10)


def test_post_stratification_removes_what_unequal_shares_bring() -> None:
    draw = np.random.default_rng(2)
    low, high = draw.normal(10, 2, 4_000), draw.normal(100, 2, 4_000)
    made = [
        MeanStratum(control=Moments.of(low[:3_600]), treatment=Moments.of(low[3_600:] + 1)),
        MeanStratum(control=Moments.of(high[:400]), treatment=Moments.of(high[400:] + 1)),
    ]
    control, treatment = post_stratified(made)
    assert treatment.value - control.value == pytest.approx(1.0, abs=0.2)
    with pytest.raises(InputError, match="stratum 2"):
        post_stratified([made[0], MeanStratum(control=Moments.of([1.0]), treatment=Moments.of(high))])


def test_interaction_agrees_with_the_heterogeneity_of_metafor() -> None:
    # metafor 4, rma(yi, vi, data = escalc(measure = "RR", data = dat.bcg), method = "FE"): QE = 152.2330, df 12.
    effects = [
        Mean(value=float(np.log((a / (a + b)) / (c / (c + d)))), variance=1 / a - 1 / (a + b) + 1 / c - 1 / (c + d))
        for (a, b), (c, d) in BCG
    ]
    found = interaction(effects)
    assert found.statistic == pytest.approx(152.2330, abs=5e-5)
    assert found.freedom == 12
    with pytest.raises(InputError, match="two segments"):
        interaction(effects[:1])


def test_group_bounds_agree_with_jennison_and_turnbull() -> None:
    # Jennison & Turnbull (2000), Group Sequential Methods, tables 2.1 and 2.3, alpha 0.05 two-sided: C_P and C_B.
    for n_looks, pocock, obrien_fleming in [
        (1, 1.960, 1.960), (2, 2.178, 1.977), (3, 2.289, 2.004), (4, 2.361, 2.024), (5, 2.413, 2.040),
        (10, 2.555, 2.087), (20, 2.672, 2.126),
    ]:  # fmt: skip
        assert group_bounds(n_looks, "pocock") == pytest.approx([pocock] * n_looks, abs=5.1e-4)
        bounds = group_bounds(n_looks, "obrien_fleming")
        expected = [obrien_fleming * (n_looks / k) ** 0.5 for k in range(1, n_looks + 1)]
        assert bounds == pytest.approx(expected, rel=3e-4)


def test_looking_often_at_a_fixed_level_finds_what_is_not_there() -> None:
    # Armitage, McPherson & Rowe (1969), table 2: 5 looks at a fixed 5 % reject in 14.2 %, 10 looks in 19.3 %.
    for n_looks, chance in [(1, 0.05), (2, 0.083), (5, 0.142), (10, 0.193)]:
        shares = np.arange(1, n_looks + 1) / n_looks
        assert crossing_chance([1.959964] * n_looks, shares) == pytest.approx(chance, abs=5.1e-4)


def test_the_chance_to_cross_grows_with_the_effect() -> None:
    bounds, shares = group_bounds(4), [0.25, 0.5, 0.75, 1.0]
    chances = [crossing_chance(bounds, shares, drift=drift) for drift in (0.0, 1.0, 2.0, 3.0)]
    assert chances[0] == pytest.approx(0.05, abs=1e-6)
    assert chances == sorted(chances)
    assert chances[3] == pytest.approx(stats.norm.sf(1.96 - 3.0), abs=0.02)


def test_the_confidence_sequence_is_tightest_where_it_was_planned() -> None:
    planned = 10_000
    best = optimize.minimize_scalar(
        lambda log_rho: _half_width(planned, float(np.exp(log_rho))), bounds=(-15, 0), method="bounded"
    )
    assert _half_width(planned, best_rho_squared(planned)) == pytest.approx(best.fun, rel=1e-6)


def _half_width(n: int, rho_squared: float) -> float:
    """Waudby-Smith et al. (2024), equation (4), for a mean of unit variance."""
    return float(
        np.sqrt(2 * (n * rho_squared + 1) / (n**2 * rho_squared) * np.log(np.sqrt(n * rho_squared + 1) / 0.05))
    )


def test_the_sequence_follows_the_formula_and_its_p_value_agrees_with_its_interval() -> None:
    look = confidence_sequence(0.5, 0.1, 400, 1_000)
    half = _half_width(400, best_rho_squared(1_000)) * np.sqrt(400) * 0.1
    assert (look.low, look.high) == pytest.approx((0.5 - half, 0.5 + half))
    for difference in np.linspace(-0.6, 0.6, 25):
        look = confidence_sequence(float(difference), 0.1, 400, 1_000)
        assert (look.p_value < 0.05) == (look.low > 0 or look.high < 0)
    with pytest.raises(InputError, match="cannot be judged"):
        confidence_sequence(0.5, 0.0, 400, 1_000)
