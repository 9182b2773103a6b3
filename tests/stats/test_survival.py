"""Kaplan-Meier and log-rank against R and textbooks, and by a second route."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, reject
from hypothesis import strategies as st
from statsmodels.duration.survfunc import SurvfuncRight, survdiff

from churn_core.errors import InputError
from churn_core.stats.survival import LifeTable, kaplan_meier, log_rank

# Miller (1981), Survival Analysis, p. 49: remission in weeks; R's survival::aml.
MAINTAINED = LifeTable.of([9, 13, 13, 18, 23, 28, 31, 34, 45, 48, 161], [1, 1, 0, 1, 1, 0, 1, 1, 0, 1, 0])
NOT_MAINTAINED = LifeTable.of([5, 5, 8, 8, 12, 16, 23, 27, 30, 33, 43, 45], [1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1])

# Freireich et al. (1963); R's MASS::gehan: weeks of remission with 6-MP and with placebo.
DRUG = LifeTable.of(
    [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35],
    [0, 1, 1, 1, 1, 0, 0, 1, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0],
)
PLACEBO = LifeTable.of([1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23], [1] * 21)


def test_the_curve_agrees_with_r() -> None:
    # R: summary(survfit(Surv(time, status) ~ x, aml)), group Maintained.
    found = kaplan_meier(MAINTAINED)
    assert found.times == (9, 13, 18, 23, 31, 34, 48)
    assert found.n_at_risk == (11, 10, 8, 7, 5, 4, 2)
    assert found.survival == pytest.approx([0.909, 0.818, 0.716, 0.614, 0.491, 0.368, 0.184], abs=5e-4)
    assert found.standard_error == pytest.approx([0.0867, 0.1163, 0.1397, 0.1526, 0.1642, 0.1627, 0.1535], abs=5e-5)
    # R: survfit prints the medians 31 and 23.
    assert found.quantile(0.5) == 31
    assert kaplan_meier(NOT_MAINTAINED).quantile(0.5) == 23


def test_the_interval_is_on_the_log_minus_log_scale() -> None:
    # Collett (2015), Modelling Survival Data in Medical Research: S ** exp(+-1.96 se(log(-log S))), se from Greenwood.
    found = kaplan_meier(DRUG).at(10)
    assert found.value == pytest.approx(0.7529, abs=5e-5)
    error = 0.0963 / (0.7529 * abs(np.log(0.7529)))  # the standard error .0963 as R prints it
    assert found.low == pytest.approx(0.7529 ** np.exp(1.96 * error), abs=2e-3)
    assert found.high == pytest.approx(0.7529 ** np.exp(-1.96 * error), abs=2e-3)


def test_the_comparison_agrees_with_r() -> None:
    # R: survdiff(Surv(time, status) ~ x, aml): 7 of 10.69 and 11 of 7.31 expected, chisq 3.4 on 1 degree, p 0.07.
    found = log_rank({"maintained": MAINTAINED, "not": NOT_MAINTAINED})
    assert found.observed == {"maintained": 7, "not": 11}
    assert found.expected["maintained"] == pytest.approx(10.69, abs=5e-3)
    assert found.expected["not"] == pytest.approx(7.31, abs=5e-3)
    assert found.statistic == pytest.approx(3.40, abs=5e-3)
    assert found.p_value == pytest.approx(0.0653, abs=5e-4)
    # R: survdiff(Surv(time, cens) ~ treat, gehan): chisq 16.8 on 1 degree, p 4.17e-05.
    other = log_rank({"6-MP": DRUG, "control": PLACEBO})
    assert other.statistic == pytest.approx(16.79, abs=5e-3)
    assert other.p_value == pytest.approx(4.17e-05, abs=5e-8)
    assert other.expected["6-MP"] == pytest.approx(19.3, abs=0.05)


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans(), st.integers(0, 2)), min_size=8, max_size=60))
def test_both_agree_with_statsmodels(rows: list[tuple[int, bool, int]]) -> None:
    times, happened, group = (np.array(column) for column in zip(*rows, strict=True))
    if happened.any() and times[happened].min() > 0:
        theirs = SurvfuncRight(times, happened.astype(int))
        ours = kaplan_meier(LifeTable.of(times, happened))
        assert ours.survival == pytest.approx(list(theirs.surv_prob[np.isin(theirs.surv_times, ours.times)]))
    names = [name for name in range(3) if (group == name).any()]
    if len(names) > 1 and happened.any():
        tables = {str(name): LifeTable.of(times[group == name], happened[group == name]) for name in names}
        try:
            chi, p = survdiff(times, happened.astype(int), group)
        except np.linalg.LinAlgError:
            reject()  # groups that were never at risk together have no answer there
        if np.isfinite(chi) and chi < 1e6:
            assert log_rank(tables).statistic == pytest.approx(chi, abs=1e-6)
            assert log_rank(tables).p_value == pytest.approx(p, abs=1e-6)


def test_nothing_is_said_beyond_what_was_watched() -> None:
    curve = kaplan_meier(LifeTable.of([10, 20, 30], [True, False, False]))
    assert curve.at(5).value == 1.0
    assert curve.at(10).value == pytest.approx(2 / 3)
    assert curve.at(30).value == pytest.approx(2 / 3)
    assert curve.at(31).value is None
    assert "31" in curve.at(31).reason
    assert curve.quantile(0.5) is None


def test_when_it_happened_to_everybody_the_curve_ends_at_zero() -> None:
    curve = kaplan_meier(PLACEBO)
    assert (curve.survival[-1], curve.low[-1], curve.high[-1]) == (0.0, 0.0, 0.0)
    assert all(low <= value <= high for low, value, high in zip(curve.low, curve.survival, curve.high, strict=True))


@pytest.mark.parametrize(
    "made",
    [
        lambda: LifeTable(times=(2, 1), n_events=(1, 1), n_censored=(0, 0)),
        lambda: LifeTable(times=(-1, 1), n_events=(1, 1), n_censored=(0, 0)),
        lambda: LifeTable(times=(1,), n_events=(-1,), n_censored=(0,)),
        lambda: LifeTable.of([1, np.nan], [True, True]),
        lambda: kaplan_meier(LifeTable(times=(), n_events=(), n_censored=())),
        lambda: log_rank({"one": PLACEBO}),
        lambda: log_rank({"a": LifeTable.of([1, 2], [False, False]), "b": LifeTable.of([3], [False])}),
    ],
)
def test_what_cannot_be_followed_is_refused(made) -> None:
    with pytest.raises(InputError):
        made()
