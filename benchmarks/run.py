"""Runs the benchmarks and prints seconds, ratios and peak memory beside what is promised.

    python -m benchmarks.run [step ...] [--customers N]

Each step is a process of its own, so its peak memory is its own. Ends non-zero when a promise is not kept; the promises
are about a million customers, so a smaller shop (for trying things out) is measured and not judged.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.build_shop import build_shop
from benchmarks.steps import STEPS

MOST_PEAK_GB = 6.0
N_CUSTOMERS_PROMISED = 1_000_000

Measured = dict[str, dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Promise:
    """A bound on one measured number."""

    step: str
    """The step after which it can be checked."""
    words: str
    """What is promised."""
    value: Callable[[Measured], float]
    """The measured number."""
    most: float
    """It must not be above this."""
    needs: tuple[str, ...] = ()
    """Other steps of the same run it looks at."""


PROMISES = (
    Promise(
        step="features",
        words="features over a plain group-by",
        value=lambda measured: measured["features"]["seconds"] / measured["plain"]["seconds"],
        most=8,
        needs=("plain",),
    ),
    Promise(
        step="pandas",
        words="features over pandas",
        value=lambda measured: measured["features"]["seconds"] / measured["pandas"]["seconds"],
        most=0.5,
        needs=("features",),
    ),
    Promise(
        step="score",
        words="scoring with reasons, seconds",
        value=lambda measured: measured["score"]["seconds"],
        most=120,
    ),
    Promise(
        step="cutoffs",
        words="moving the slider, seconds",
        value=lambda measured: measured["cutoffs"]["seconds"],
        most=0.3,
    ),
    Promise(
        step="drivers",
        words="drivers of 100,000, seconds",
        value=lambda measured: measured["drivers"]["seconds_of_100_000"],
        most=5,
    ),
    Promise(step="open", words="a page warm, seconds", value=lambda measured: measured["open"]["seconds"], most=1),
    Promise(
        step="export", words="export as CSV, seconds", value=lambda measured: measured["export"]["seconds"], most=15
    ),
)


def run(steps: list[str], n_customers: int) -> bool:
    """Measure the steps in their order and print them; whether every promise is kept."""
    print(f"{n_customers:,} customers, {7 * n_customers:,} orders, {35 * n_customers:,} events", flush=True)
    build_shop(n_customers)
    measured: Measured = {}
    for step in steps:
        measured[step] = measure(step, n_customers)
        figures = measured[step]
        more = ", ".join(
            f"{name} {value:,.3g}" if isinstance(value, float) else f"{name} {value}"
            for name, value in figures.items()
            if name not in ("seconds", "peak_gb")
        )
        print(f"{step:<10} {figures['seconds']:>9.2f} s {figures['peak_gb']:>7.2f} GB  {more}", flush=True)
    if n_customers < N_CUSTOMERS_PROMISED:
        return True
    return all([*(checked(promise, measured) for promise in PROMISES), memory_checked(measured)])


def measure(step: str, n_customers: int) -> dict[str, Any]:
    """Run one step in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.steps", step, "--customers", str(n_customers)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"the step {step} failed; its messages are above.")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def checked(promise: Promise, measured: Measured) -> bool:
    """Print a promise beside what was measured, if it was; whether it is kept."""
    if not {promise.step, *promise.needs} <= measured.keys():
        return True
    value = promise.value(measured)
    print(f"{promise.words:<34} {value:>8.2f}  promised at most {promise.most}  {_verdict(value <= promise.most)}")
    return value <= promise.most


def memory_checked(measured: Measured) -> bool:
    """Print the peak memory of the product's own steps; whether it stays below what is promised."""
    own = [figures["peak_gb"] for step, figures in measured.items() if step != "pandas"]
    if not own:
        return True
    is_kept = max(own) < MOST_PEAK_GB
    print(f"{'peak memory, GB':<34} {max(own):>8.2f}  promised at most {MOST_PEAK_GB}  {_verdict(is_kept)}")
    return is_kept


def _verdict(is_kept: bool) -> str:
    return "kept" if is_kept else "NOT KEPT"


def main() -> None:
    parser = argparse.ArgumentParser(description="Run the benchmarks and compare with what is promised.")
    parser.add_argument("steps", nargs="*", metavar="step", help=f"of {', '.join(STEPS)}; all when none is named")
    parser.add_argument("--customers", type=int, default=N_CUSTOMERS_PROMISED)
    chosen = parser.parse_args()
    unknown = set(chosen.steps) - STEPS.keys()
    if unknown:
        parser.error(f"unknown step {sorted(unknown)[0]!r}; there is: {', '.join(STEPS)}")
    if not run([step for step in STEPS if not chosen.steps or step in chosen.steps], chosen.customers):
        sys.exit(1)


if __name__ == "__main__":
    main()
