"""Exact Shapley values of a function of few inputs, by trying every combination.

For the models with two or three inputs, where all combinations are cheap and nothing needs to be sampled.
"""

from __future__ import annotations

from collections.abc import Callable
from math import factorial
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def shapley_values(
    answer: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    inputs: NDArray[np.float64],
    reference: NDArray[np.float64],
) -> tuple[float, NDArray[np.float64]]:
    """Base (the answer at the reference) and one value per row and input (Shapley, 1953).

    Inputs outside a combination take the reference's value; base plus a row's values is the row's answer.

    >>> base, values = shapley_values(lambda z: z[:, 0] * z[:, 1], np.array([[2.0, 3.0]]), np.zeros(2))
    >>> base, values.tolist()
    (0.0, [[3.0, 3.0]])
    """
    n_inputs = inputs.shape[1]
    answers: dict[int, NDArray[np.float64]] = {}
    for chosen in range(2**n_inputs):
        mixed = np.tile(reference.astype(float), (len(inputs), 1))
        for position in range(n_inputs):
            if chosen >> position & 1:
                mixed[:, position] = inputs[:, position]
        answers[chosen] = answer(mixed)
    base = float(answer(reference.astype(float)[None, :])[0])
    values = np.zeros(inputs.shape)
    for position in range(n_inputs):
        for chosen in answers:
            if chosen >> position & 1:
                continue
            size = chosen.bit_count()
            weight = factorial(size) * factorial(n_inputs - size - 1) / factorial(n_inputs)
            values[:, position] += weight * (answers[chosen | 1 << position] - answers[chosen])
    return base, values
