"""A small shop with rows in every table, made of plain frames so that tests can cut and count them by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

import numpy as np
import pandas as pd
import pytest

from churn_core.intake.derived import refresh_derived
from churn_core.warehouse import Warehouse

Frames = dict[str, pd.DataFrame]

BEGIN = datetime(2023, 1, 1)
N_DAYS = 900
N_CUSTOMERS = 40


def _customers_and_times(rng: np.random.Generator, n_rows: int, first: np.ndarray) -> dict[str, object]:
    customer = rng.integers(0, N_CUSTOMERS, n_rows)
    minutes = (first[customer] + rng.random(n_rows) ** 1.5 * (N_DAYS - first[customer])) * 24 * 60
    times = pd.Timestamp(BEGIN) + pd.to_timedelta(minutes.astype(int), unit="m")
    # Some rows share their instant with others: date-only files do that.
    times = times.where(rng.random(n_rows) < 0.7, times.normalize())
    return {"customer_id": [f"c{number:02d}" for number in customer], "time": times}


def _orders(rng: np.random.Generator, first: np.ndarray) -> pd.DataFrame:
    frame = pd.DataFrame(_customers_and_times(rng, 300, first)).rename(columns={"time": "order_time"})
    frame["order_id"] = [f"o{number}" for number in range(len(frame))]
    frame["amount"] = np.round(rng.gamma(2, 20, len(frame)), 2)
    frame["n_items"] = rng.integers(1, 9, len(frame)).astype(float)
    frame["discount_amount"] = np.where(rng.random(len(frame)) < 0.3, 2.5, 0.0)
    frame["channel"] = rng.choice(["web", "app"], len(frame))
    return frame


def _lines(rng: np.random.Generator, orders: pd.DataFrame) -> pd.DataFrame:
    lines = orders.loc[orders.index.repeat(rng.integers(1, 4, len(orders))), ["customer_id", "order_id", "order_time"]]
    lines = lines.reset_index(drop=True)
    lines["line_no"] = lines.groupby("order_id").cumcount() + 1
    lines["product_id"] = [f"p{number}" for number in rng.integers(0, 30, len(lines))]
    lines["category"] = [f"k{number}" for number in rng.integers(0, 6, len(lines))]
    lines["quantity"] = rng.integers(1, 5, len(lines)).astype(float)
    lines["amount"] = np.round(rng.gamma(2, 8, len(lines)), 2)
    return lines


def _tickets(rng: np.random.Generator, first: np.ndarray) -> pd.DataFrame:
    tickets = pd.DataFrame(_customers_and_times(rng, 90, first)).rename(columns={"time": "opened_at"})
    tickets["ticket_id"] = [f"t{number}" for number in range(len(tickets))]
    reply = tickets["opened_at"] + pd.to_timedelta(rng.exponential(200, len(tickets)).astype(int), unit="h")
    tickets["first_reply_at"] = reply.where(rng.random(len(tickets)) < 0.8)
    resolved = tickets["first_reply_at"] + pd.to_timedelta(rng.exponential(300, len(tickets)).astype(int), unit="h")
    tickets["resolved_at"] = resolved.where(rng.random(len(tickets)) < 0.8)
    tickets["satisfaction"] = pd.Series(rng.integers(1, 6, len(tickets)).astype(float)).where(
        tickets["resolved_at"].notna()
    )
    return tickets


def make_frames(seed: int = 5) -> Frames:
    """Rows of every table that features read, over 900 days from 2023."""
    rng = np.random.default_rng(seed)
    first = rng.integers(0, 600, N_CUSTOMERS).astype(float)
    orders = _orders(rng, first)

    def rows(n_rows: int, key: str, time: str, prefix: str) -> pd.DataFrame:
        frame = pd.DataFrame(_customers_and_times(rng, n_rows, first)).rename(columns={"time": time})
        frame[key] = [f"{prefix}{number}" for number in range(n_rows)]
        return frame

    returns = rows(60, "return_id", "return_time", "r").assign(amount=np.round(rng.gamma(2, 10, 60), 2))
    events = rows(900, "event_id", "event_time", "e")
    events["kind"] = rng.choice(["visit", "view", "cart", "search", "wishlist", "login"], len(events))
    feedback = rows(80, "feedback_id", "feedback_time", "f")
    feedback["rating"] = pd.Series(rng.integers(1, 6, 80).astype(float)).where(rng.random(80) < 0.9)
    contacts = rows(700, "contact_id", "contact_time", "m")
    contacts["kind"] = rng.choice(["sent", "sent", "sent", "opened", "clicked", "unsubscribed"], len(contacts))
    contacts["channel"] = rng.choice(["email", "sms"], len(contacts), p=[0.9, 0.1])
    signup = pd.Timestamp(BEGIN) + pd.to_timedelta((first - 5).astype(int), unit="D")
    customers = pd.DataFrame(
        {
            "customer_id": [f"c{number:02d}" for number in range(N_CUSTOMERS)],
            "signup_time": signup,
            "country": rng.choice(["FR", "DE", None], N_CUSTOMERS),
            "attributes": [f'{{"size": "{number % 7}", "pla/n~": "gold"}}' for number in range(N_CUSTOMERS)],
        }
    )
    return {
        "customers": customers,
        "orders": orders,
        "order_lines": _lines(rng, orders),
        "returns": returns,
        "events": events,
        "feedback": feedback,
        "tickets": _tickets(rng, first),
        "contacts": contacts,
    }


@pytest.fixture(scope="session")
def frames() -> Frames:
    """The small shop as frames; do not change them."""
    return make_frames()


@pytest.fixture(scope="session")
def load_frames() -> Iterator[Callable[[Frames], Warehouse]]:
    """Makes a workspace in memory from frames."""
    opened: list[Warehouse] = []

    def load(rows: Frames) -> Warehouse:
        warehouse = Warehouse.open(None)
        opened.append(warehouse)
        with warehouse.transaction() as tx:
            for table, frame in rows.items():
                if len(frame):
                    tx.append(table, frame)
            refresh_derived(tx)
        return warehouse

    yield load
    for warehouse in opened:
        warehouse.close()


@pytest.fixture(scope="session")
def small_shop(frames: Frames, load_frames: Callable[[Frames], Warehouse]) -> Warehouse:
    """The small shop as a workspace, shared by all tests: read it, never write to it."""
    return load_frames(frames)
