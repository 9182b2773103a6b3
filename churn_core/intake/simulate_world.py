"""The fixed surroundings of the simulated shop: catalogue, places, names, calendar and seasons.

Separate from behaviour because none of it depends on a customer: everything here is a constant or a function
of the plan's dates. All names and products are made up; addresses end in example.org.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

SECONDS_PER_DAY = 86_400

CATEGORIES: tuple[str, ...] = ("Home", "Kitchen", "Fashion", "Beauty", "Toys", "Garden", "Electronics", "Stationery")
CATEGORY_SHARE: tuple[float, ...] = (0.2, 0.15, 0.18, 0.13, 0.1, 0.08, 0.08, 0.08)
CATEGORY_PRICE: tuple[float, ...] = (14.0, 16.0, 29.0, 12.0, 17.0, 15.0, 42.0, 6.0)
FASHION = CATEGORIES.index("Fashion")
N_PRODUCTS_PER_CATEGORY = 40

_MATERIALS = ("Oak", "Linen", "Copper", "Willow", "Slate", "Cotton", "Glass", "Cedar", "Stone", "Wool")
_THINGS: dict[str, tuple[str, str, str, str]] = {
    "Home": ("lamp", "cushion", "candle holder", "blanket"),
    "Kitchen": ("bowl", "tea pot", "chopping board", "jar"),
    "Fashion": ("scarf", "jacket", "trainers", "bag"),
    "Beauty": ("soap", "hand cream", "bath salt", "brush"),
    "Toys": ("puzzle", "kite", "building set", "puppet"),
    "Garden": ("planter", "watering can", "bird house", "seed box"),
    "Electronics": ("speaker", "charger", "desk light", "clock"),
    "Stationery": ("notebook", "pen case", "calendar", "card set"),
}

# country, share of customers, language, dialling code, cities
PLACES: tuple[tuple[str, float, str, str, tuple[str, ...]], ...] = (
    ("United Kingdom", 0.34, "en", "44", ("London", "Leeds", "Bristol", "Glasgow")),
    ("Ireland", 0.06, "en", "353", ("Dublin", "Cork")),
    ("United States", 0.12, "en", "1", ("Portland", "Austin", "Boston")),
    ("Germany", 0.15, "de", "49", ("Berlin", "Hamburg", "Leipzig")),
    ("France", 0.1, "fr", "33", ("Paris", "Lyon", "Nantes")),
    ("Netherlands", 0.05, "nl", "31", ("Utrecht", "Rotterdam")),
    ("China", 0.13, "zh", "86", ("Shanghai", "Chengdu", "Hangzhou")),
    ("Singapore", 0.05, "zh", "65", ("Singapore",)),
)

GIVEN_NAMES: tuple[str, ...] = (
    "Ada", "Bela", "Cleo", "Dara", "Edda", "Fenn", "Gale", "Hana", "Ines", "Juno", "Kira", "Lior",
    "Mila", "Nico", "Orla", "Pax", "Quin", "Remy", "Sora", "Tove", "Uma", "Vero", "Wren", "Yuna",
)  # fmt: skip
FAMILY_NAMES: tuple[str, ...] = (
    "Sampleton", "Testfield", "Mockridge", "Demoor", "Placeholt", "Dummond", "Simwell", "Fakeley", "Trialson",
    "Examplar", "Protomann", "Draftly", "Specimore", "Modelby", "Pretendez", "Synthaway",
)  # fmt: skip

ACQUIRED_BY: tuple[str, ...] = ("search", "social", "friend", "marketplace")


def product_names() -> list[str]:
    """Names of all products, category by category."""
    return [
        f"{_MATERIALS[number // 4]} {_THINGS[category][number % 4]}"
        for category in CATEGORIES
        for number in range(N_PRODUCTS_PER_CATEGORY)
    ]


def product_ids() -> list[str]:
    """Article numbers in the order of :func:`product_names`."""
    return [f"P{number:04d}" for number in range(len(CATEGORIES) * N_PRODUCTS_PER_CATEGORY)]


def product_price_cents() -> Ints:
    """List price of every product in cents, ending in 9."""
    steps = np.tile(np.linspace(0.45, 2.1, N_PRODUCTS_PER_CATEGORY), len(CATEGORIES))
    base = np.repeat(np.array(CATEGORY_PRICE), N_PRODUCTS_PER_CATEGORY)
    return (np.round(base * steps * 10).astype(np.int64)) * 10 + 9


@dataclass(frozen=True, kw_only=True)
class Calendar:
    """The days a shop is simulated for and how busy each one is."""

    start: datetime
    """First instant."""
    n_days: int
    """Length of the history in days."""
    busy_until: Floats
    """Season time elapsed at each midnight: a busy day counts for more than one, a quiet one for less."""

    @classmethod
    def of(cls, until: date, n_years: int) -> Calendar:
        """The calendar that ends with the day ``until``."""
        end = datetime.combine(until, time()) + timedelta(days=1)
        n_days = n_years * 365
        start = end - timedelta(days=n_days)
        weights = np.array([_busyness(start + timedelta(days=day)) for day in range(n_days)])
        elapsed = np.concatenate([[0.0], np.cumsum(weights / weights.mean())])
        return cls(start=start, n_days=n_days, busy_until=elapsed)

    def to_season_time(self, day: Floats) -> Floats:
        """Season time at a point of the calendar (days since the start)."""
        return np.interp(day, np.arange(self.n_days + 1), self.busy_until)

    def from_season_time(self, elapsed: Floats) -> Floats:
        """Days since the start at a point of season time; beyond the end time runs evenly."""
        inside = np.interp(elapsed, self.busy_until, np.arange(self.n_days + 1))
        return inside + np.maximum(elapsed - self.busy_until[-1], 0.0)

    def microseconds(self, seconds: Ints) -> Ints:
        """Seconds since the start as microseconds since 1970."""
        return (int((self.start - datetime(1970, 1, 1)).total_seconds()) + seconds) * 1_000_000

    def day_of(self, instant: datetime) -> float:
        """Days from the start to an instant."""
        return (instant - self.start).total_seconds() / SECONDS_PER_DAY


def _busyness(day: datetime) -> float:
    yearly = 1.0 + 0.12 * np.cos(2 * np.pi * (day.timetuple().tm_yday - 330) / 365)
    if (day.month, day.day) >= (11, 20) and (day.month, day.day) <= (12, 18):
        yearly *= 1.55
    if day.month in (1, 7, 8):
        yearly *= 0.85
    return float(yearly * (1.0, 0.97, 0.97, 1.0, 1.05, 1.12, 1.15)[day.weekday()])


def clock_seconds(n: int, rng: np.random.Generator) -> Ints:
    """Times of day in seconds after midnight: a lunch-time and a larger evening peak, never midnight sharp."""
    evening = rng.random(n) < 0.6
    hours = np.where(evening, rng.normal(19.6, 2.0, n), rng.normal(12.4, 2.4, n))
    return np.clip(hours * 3600, 1_200, SECONDS_PER_DAY - 1_200).astype(np.int64)
