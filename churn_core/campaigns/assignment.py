"""Who is in which arm: a fingerprint of campaign and customer, the same on any machine and at any time.

Row numbers, parity of ids or a shuffle of the file are no randomisation: two experiments come out identical or exactly
opposite. The arm is stored when it is drawn; analysis reads it and never draws it again.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence

from churn_core.errors import InputError

BITS = 64


def bucket(salt: str, customer_id: str) -> float:
    """Where a customer falls in [0, 1): the first 64 bits of ``sha256(salt ":" customer_id)``.

    ``salt`` is the campaign's immutable id; the customer id is trimmed and kept as text.

    >>> round(bucket("spring", "C-00042"), 6), bucket("spring", " C-00042 ") == bucket("spring", "C-00042")
    (0.077431, True)
    """
    digest = hashlib.sha256(f"{salt}:{customer_id.strip()}".encode()).digest()
    # The last of the 64 bits may round up to one, which would be no arm's place.
    return min(int.from_bytes(digest[: BITS // 8], "big") / 2**BITS, 1 - 2**-53)


def assign_arms(
    customer_ids: Sequence[str],
    shares: Mapping[str, float],
    *,
    salt: str,
    strata: Sequence[str] | None = None,
) -> list[str]:
    """The arm of every customer, in their order; ``shares`` are cut off in the order they are given.

    With ``strata`` customers are ranked by their bucket inside each stratum, so that every stratum is shared out as
    planned to within one customer; a stratum's own bucket moves the cuts, so that small strata do not all go to the
    same arm. InputError when shares do not add up to one, an id occurs twice, or strata and ids differ in number.
    """
    check_shares(shares)
    ids = [customer.strip() for customer in customer_ids]
    if len(set(ids)) < len(ids):
        twice = Counter(ids).most_common(1)[0][0]
        raise InputError(f"customer {twice!r} occurs more than once; an arm is drawn once per customer.")
    places = [bucket(salt, customer) for customer in ids]
    if strata is not None:
        if len(strata) != len(ids):
            raise InputError(f"there are {len(ids)} customers and {len(strata)} strata; give one stratum per customer.")
        places = _ranked(ids, places, list(strata), salt)
    cuts = arm_cuts(shares)
    return [_arm(place, cuts) for place in places]


def check_shares(shares: Mapping[str, float]) -> None:
    """InputError unless there are at least two arms whose shares are not negative and add up to one."""
    if len(shares) < 2:
        raise InputError("an experiment needs at least two arms; name each with its share, like control=.1 coupon=.9.")
    negative = next((arm for arm, share in shares.items() if not share >= 0), None)
    if negative is not None:
        raise InputError(
            f"the share of {negative!r} is {shares[negative]:g}; give 0 or more, and shares that add up to 1."
        )
    total = sum(shares.values())
    if not abs(total - 1) <= 1e-9:
        raise InputError(f"the shares add up to {total:g}; they must add up to 1.")


def arm_cuts(shares: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
    """Each arm with the place up to which it reaches, in the order given; arms with a share of 0 reach nobody.

    >>> arm_cuts({"control": 0.25, "none": 0.0, "coupon": 0.75})
    (('control', 0.25), ('coupon', 1.0))
    """
    cuts = []
    cut = 0.0
    for arm, share in shares.items():
        if share > 0:
            cut += share
            cuts.append((arm, cut))
    return tuple(cuts)


def _ranked(ids: Sequence[str], places: Sequence[float], strata: Sequence[str], salt: str) -> list[float]:
    members: dict[str, list[int]] = {}
    for number, stratum in enumerate(strata):
        members.setdefault(stratum, []).append(number)
    made = [0.0] * len(ids)
    for stratum, numbers in members.items():
        shift = bucket(f"{salt}:stratum", stratum)
        ordered = sorted(numbers, key=lambda number: (places[number], ids[number]))
        for rank, number in enumerate(ordered):
            made[number] = (rank + shift) / len(ordered)
    return made


def _arm(place: float, cuts: Sequence[tuple[str, float]]) -> str:
    return next((arm for arm, cut in cuts if place < cut), cuts[-1][0])
