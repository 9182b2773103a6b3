"""Who is in which arm: reproducible anywhere, independent between campaigns, shared out as planned."""

from __future__ import annotations

import hashlib
from collections import Counter

import pytest

from churn_core.campaigns.assignment import assign_arms, bucket
from churn_core.errors import InputError

HALVES = {"control": 0.5, "coupon": 0.5}


def test_the_bucket_is_the_first_64_bits_of_the_fingerprint() -> None:
    digest = hashlib.sha256(b"spring:C-1").hexdigest()
    assert bucket("spring", "C-1") == int(digest[:16], 16) / 2**64
    assert bucket("spring", " C-1 ") == bucket("spring", "C-1")
    assert bucket("spring", "007") != bucket("spring", "7")


@pytest.mark.parametrize("shape", ["{}", "C-{:06d}", "user{}@example.org", "客户{}", "{:08x}"])
def test_shares_are_kept_whatever_ids_look_like(shape: str) -> None:
    ids = [shape.format(number) for number in range(20_000)]
    counts = Counter(assign_arms(ids, {"control": 0.1, "mail": 0.3, "call": 0.6}, salt="spring"))
    for arm, share in {"control": 0.1, "mail": 0.3, "call": 0.6}.items():
        assert counts[arm] / 20_000 == pytest.approx(share, abs=4 * (share * (1 - share) / 20_000) ** 0.5)


@pytest.mark.parametrize("shape", ["{}", "C-{:06d}", "{:08x}"])
def test_campaigns_are_independent_of_each_other(shape: str) -> None:
    ids = [shape.format(number) for number in range(4_000)]
    drawn = [assign_arms(ids, HALVES, salt=f"campaign-{number}") for number in range(40)]
    for first in range(0, 40, 2):
        together = Counter(zip(drawn[first], drawn[first + 1], strict=True))
        # A quarter each, within four standard errors of 4,000 draws.
        assert all(abs(together[a, b] / 4_000 - 0.25) < 4 * 0.00685 for a in HALVES for b in HALVES)


def test_the_same_draw_twice_and_for_a_part_of_the_customers() -> None:
    ids = [f"C-{number}" for number in range(500)]
    whole = dict(zip(ids, assign_arms(ids, HALVES, salt="spring"), strict=True))
    some = ids[100:300][::-1]
    assert assign_arms(some, HALVES, salt="spring") == [whole[customer] for customer in some]


def test_every_stratum_is_shared_out_as_planned_and_small_ones_are_not_all_in_one_arm() -> None:
    ids = [f"C-{number}" for number in range(3_000)]
    strata = [("high", "low", "low")[number % 3] for number in range(3_000)]
    arms = assign_arms(ids, {"control": 0.1, "coupon": 0.9}, salt="spring", strata=strata)
    counts = Counter(zip(strata, arms, strict=True))
    assert abs(counts["high", "control"] - 100) <= 1
    assert abs(counts["low", "control"] - 200) <= 1
    alone = assign_arms(ids, HALVES, salt="spring", strata=ids)
    assert 0.45 < alone.count("control") / 3_000 < 0.55


def test_an_arm_without_a_share_gets_nobody_and_the_last_cut_is_never_missed() -> None:
    arms = assign_arms([str(n) for n in range(2_000)], {"control": 0.3, "off": 0.0, "mail": 0.7}, salt="x")
    assert set(arms) == {"control", "mail"}
    assert set(assign_arms(["a", "b"], {"control": 0.0, "mail": 1.0}, salt="x")) == {"mail"}


def test_what_cannot_be_drawn_is_said() -> None:
    with pytest.raises(InputError, match=r"add up to 0\.9"):
        assign_arms(["a"], {"control": 0.5, "coupon": 0.4}, salt="x")
    with pytest.raises(InputError, match=r"the share of 'control' is -0\.5; give 0 or more"):
        assign_arms(["a"], {"control": -0.5, "coupon": 1.5}, salt="x")
    with pytest.raises(InputError, match="the share of 'control' is nan"):
        assign_arms(["a"], {"control": float("nan"), "coupon": 1.0}, salt="x")
    with pytest.raises(InputError, match="at least two arms"):
        assign_arms(["a"], {"coupon": 1.0}, salt="x")
    with pytest.raises(InputError, match="'a' occurs more than once"):
        assign_arms(["a", " a"], HALVES, salt="x")
    with pytest.raises(InputError, match="one stratum per customer"):
        assign_arms(["a"], HALVES, salt="x", strata=[])
