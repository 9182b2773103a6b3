"""Two rates against published numbers, by second routes, at their edges and as properties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churn_core.errors import InputError
from churn_core.stats.moments import Rate
from churn_core.stats.rates import (
    compare_rates,
    fisher_p,
    katz_interval,
    koopman_interval,
    newcombe_interval,
    pooled_z_p,
    ratio_score,
    two_sided_z,
)


def rate(n_hits: int, n: int) -> Rate:
    return Rate(n_hits=n_hits, n=n)


rates = st.integers(1, 4_000).flatmap(lambda n: st.builds(rate, st.integers(0, n), st.just(n)))


def test_newcombe_agrees_with_newcombe_1998() -> None:
    # Newcombe (1998), Statistics in Medicine 17:873-890, table II, method 10, contrasts (a) to (h).
    for first, second, low, high in [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((0, 10), (0, 10), -0.2775, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0),
        ((10, 10), (0, 10), 0.6075, 1.0),
    ]:
        assert newcombe_interval(rate(*second), rate(*first)) == pytest.approx((low, high), abs=5e-5)


def test_koopman_agrees_with_koopman_1984() -> None:
    # Koopman (1984), Biometrics 40:513-517: 36 of 40 against 16 of 80, ratio 4.5, interval (2.94, 7.15).
    assert koopman_interval(rate(16, 80), rate(36, 40)) == pytest.approx((2.94, 7.15), abs=0.005)


@given(control=rates, treatment=rates)
def test_koopman_ends_are_where_pearsons_statistic_reaches_its_bound(control: Rate, treatment: Rate) -> None:
    if not control.n_hits or not treatment.n_hits:
        return
    low, high = koopman_interval(control, treatment)
    observed = (treatment.n_hits / treatment.n) / (control.n_hits / control.n)
    assert low <= observed * (1 + 1e-9) <= high * (1 + 2e-9)
    for end in (low, high):
        assert ratio_score(control, treatment, end) == pytest.approx(two_sided_z(0.95) ** 2, rel=1e-5)


def test_koopman_agrees_with_statsmodels() -> None:
    from statsmodels.stats.proportion import confint_proportions_2indep

    draw = np.random.default_rng(4)
    for _ in range(40):
        n, m = draw.integers(5, 3_000, 2)
        y, x = int(draw.integers(1, n)), int(draw.integers(1, m))
        theirs = confint_proportions_2indep(x, m, y, n, method="score", compare="ratio", correction=False)
        assert koopman_interval(rate(y, int(n)), rate(x, int(m))) == pytest.approx(theirs, rel=1e-6)


def test_katz_by_hand() -> None:
    # log(4.5) -+ 1.959964 * sqrt(1/36 - 1/40 + 1/16 - 1/80) = 1.504077 -+ 0.450278.
    assert katz_interval(rate(16, 80), rate(36, 40)) == pytest.approx((2.8686, 7.0593), abs=2e-4)


def test_pooled_z_is_pearsons_chi_square() -> None:
    from scipy.stats import chi2_contingency

    for control, treatment in [((30, 300), (48, 300)), ((9, 9_900), (3, 100)), ((500, 1_000), (500, 1_000))]:
        table = [[h, n - h] for h, n in (control, treatment)]
        expected = chi2_contingency(table, correction=False).pvalue
        assert pooled_z_p(rate(*control), rate(*treatment)) == pytest.approx(expected, abs=1e-12)


def test_fisher_agrees_with_r() -> None:
    # R 4, example(fisher.test): TeaTasting has p 0.4857 two-sided; Convictions 0.0005367.
    assert fisher_p(rate(1, 4), rate(3, 4)) == pytest.approx(0.4857, abs=5e-5)
    assert fisher_p(rate(15, 18), rate(2, 12)) == pytest.approx(0.0005367, abs=5e-8)


def test_the_e_mail_campaign_of_hillstrom() -> None:
    # Visits of the public MineThatData e-mail data, men's e-mail against none: 2,262 of 21,306 and 3,894 of 21,307.
    found = compare_rates(rate(2_262, 21_306), rate(3_894, 21_307))
    assert (found.control, found.treatment) == pytest.approx((0.10617, 0.18276), abs=5e-6)
    assert found.difference.value == pytest.approx(0.07659, abs=5e-6)
    assert (found.difference.low, found.difference.high) == pytest.approx((0.06995, 0.08323), abs=2e-5)
    assert found.p_value is not None
    assert found.p_value < 1e-100


@given(control=rates, treatment=rates)
def test_swapping_the_arms_turns_the_sign_and_nothing_else(control: Rate, treatment: Rate) -> None:
    one, other = compare_rates(control, treatment), compare_rates(treatment, control)
    assert one.p_value == pytest.approx(other.p_value, rel=1e-9)
    assert one.difference.value == pytest.approx(-other.difference.value, abs=1e-12)  # type: ignore[operator]
    assert (one.difference.low, one.difference.high) == pytest.approx(
        (-other.difference.high, -other.difference.low),
        abs=1e-12,  # type: ignore[operator]
    )
    if control.n_hits and treatment.n_hits:
        assert one.lift.low + 1 == pytest.approx(1 / (other.lift.high + 1), rel=1e-6)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("control", "treatment"), [((0, 50), (0, 60)), ((50, 50), (60, 60)), ((0, 1), (5_000, 10_000)), ((0, 5), (5, 5))]
)
def test_nobody_and_everybody_still_have_honest_intervals(control: tuple[int, int], treatment: tuple[int, int]) -> None:
    found = compare_rates(rate(*control), rate(*treatment))
    low, high = found.difference.low, found.difference.high
    assert low is not None
    assert high is not None
    assert low < high
    assert -1 <= low <= found.difference.value <= high <= 1  # type: ignore[operator]
    assert found.p_value is not None
    assert 0 <= found.p_value <= 1
    assert found.method.startswith("Fisher")


def test_a_lift_over_nothing_is_undefined_with_its_reason() -> None:
    found = compare_rates(rate(0, 100), rate(7, 100))
    assert found.lift.value is None
    assert "zero" in found.lift.reason
    assert found.difference.value == pytest.approx(0.07)


def test_an_empty_arm_is_not_enough_data() -> None:
    found = compare_rates(rate(0, 0), rate(7, 100))
    assert (found.p_value, found.difference.value, found.lift.value, found.control) == (None, None, None, None)
    assert found.method == "not enough data"


def test_more_hits_than_customers_are_refused() -> None:
    with pytest.raises(InputError, match="no rate"):
        rate(3, 2)
    with pytest.raises(InputError, match="neither arm"):
        koopman_interval(rate(0, 5), rate(0, 5))
    with pytest.raises(InputError, match="confidence"):
        two_sided_z(95)
