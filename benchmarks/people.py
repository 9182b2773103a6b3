"""Twenty people at the app at once, while an import, a scoring and a refresh of groups run: seconds, errors, memory.

    python -m benchmarks.people [--people N] [--customers N] [--rounds N] [--clicks N] [--minutes N] [--quiet]
                                [--workspace FILE] [--pages ADDRESS ...]

Starts the app on a copy of a demo shop of that size (made once), or of a workspace file of your own. Everybody walks
through all pages in an order of their own, clicks what changes a page, and reads for a second between. Any error box,
traceback, missing page or broken connection is an error; the command ends non-zero when there was one. Sessions speak
to the server as a browser does (benchmarks/visitor.py); no browser is needed, and drawing in it is not measured.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
import random
import re
import resource
import shutil
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from statistics import median

from benchmarks.build_shop import WORK
from benchmarks.running import running_app
from benchmarks.visitor import Drawn, Visitor

ROOT = Path(__file__).resolve().parents[1]
SECONDS_TO_READ = 1.0
MOST_ROWS = 10_000
"""Rows of a table beyond which it should not have been sent to a browser."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """One page drawn once."""

    page: str
    is_click: bool
    seconds: float
    n_bytes: int
    most_rows: int
    errors: tuple[str, ...]


@dataclass
class Walked:
    """What everybody saw, and what went on meanwhile."""

    looks: list[Look] = field(default_factory=list)
    jobs: list[str] = field(default_factory=list)
    n_gone_home: int = 0
    """People who had not seen everything when the time was over."""
    problems: list[str] = field(default_factory=list)
    """What went wrong outside of pages: a job that could not be started, tracebacks in the server's log."""

    def note(self, page: str, drawn: Drawn, *, is_click: bool = False) -> None:
        """Keep one look."""
        self.looks.append(
            Look(
                page=page,
                is_click=is_click,
                seconds=drawn.seconds,
                n_bytes=drawn.n_bytes,
                most_rows=drawn.most_rows,
                errors=tuple(drawn.errors),
            )
        )


def addresses() -> dict[str, str]:
    """The title of every page by its address, as app.py names them; the first page's address is empty."""
    text = (ROOT / "app.py").read_text(encoding="utf-8")
    found = re.findall(r'"(pages/[\w/]+\.py)": \("([^"]+)", "([^"]+)"\)', text)
    return {"" if address == "today" else address: title for _, title, address in found}


@dataclass(frozen=True, kw_only=True)
class Known:
    """What links need to know of a workspace."""

    name: str
    customers: tuple[str, ...]
    campaigns: tuple[str, ...]
    until: str
    """Day after the last order, for new orders."""


def known_of(path: Path) -> Known:
    """Customers and campaigns to link to; the workspace is closed again."""
    from churn_core.warehouse import Warehouse

    warehouse = Warehouse.open(path)
    scored = warehouse.rows(
        "SELECT customer_id FROM scores WHERE run_id = (SELECT max(run_id) FROM score_runs) "
        "ORDER BY risk DESC, customer_id LIMIT 200"
    )
    plans = warehouse.rows("SELECT campaign_id FROM campaigns ORDER BY campaign_id")
    last = warehouse.value("SELECT max(order_time) FROM orders")
    warehouse.close()
    return Known(
        name=path.stem,
        customers=tuple(row[0] for row in scored),
        campaigns=tuple(row[0] for row in plans),
        until=f"{last + timedelta(hours=1):%Y-%m-%d %H:%M:%S}",
    )


def links(known: Known, chance: random.Random) -> list[tuple[str, dict[str, str]]]:
    """Every page once, and again with what links carry: a customer, a campaign, a part of a page."""
    found: list[tuple[str, dict[str, str]]] = [(address, {}) for address in addresses()]
    if known.customers:
        found += [("customer", {"customer": one}) for one in chance.choices(known.customers, k=3)]
    for campaign in known.campaigns:
        found += [("plan", {"campaign": campaign}), ("readout", {"campaign": campaign})]
    chance.shuffle(found)
    return found


def walk(address: str, known: Known, seed: int, chosen: argparse.Namespace, walked: Walked) -> None:
    """One person: all pages, with clicks; whatever breaks is kept as an error."""
    chance = random.Random(seed)
    home_at = time.monotonic() + 60 * chosen.minutes
    time.sleep(chance.uniform(0, chosen.people * 0.25))
    try:
        with Visitor(address, known.name) as visitor:
            for _ in range(chosen.rounds):
                for page, query in links(known, chance):
                    if chosen.pages and page not in chosen.pages:
                        continue
                    if time.monotonic() > home_at:
                        walked.n_gone_home += 1
                        return
                    walked.note(page, visitor.open(page, **query))
                    for _ in range(chosen.clicks):
                        time.sleep(chance.uniform(0, 2 * SECONDS_TO_READ))
                        clicked = visitor.touch(chance)
                        if clicked is not None:
                            walked.note(page, clicked, is_click=True)
    except Exception as error:
        walked.problems.append(f"a person had to give up: {type(error).__name__}: {error}")
        traceback.print_exc()


def work(address: str, known: Known, walked: Walked) -> None:
    """Somebody at the same time: imports new orders, scores everybody again, finds all groups again."""
    try:
        with Visitor(address, known.name) as visitor:
            visitor.open("import")
            uploaded = visitor.upload("new orders.csv", new_orders(known))
            walked.note("import", uploaded, is_click=True)
            _finish(visitor, "import", "import", walked)
            visitor.open("settings")
            _finish(visitor, "settings", "score_again", walked)
            visitor.open("rule-segments")
            _finish(visitor, "rule-segments", "rule_refresh", walked)
    except Exception as error:
        walked.problems.append(f"the work had to be given up: {type(error).__name__}: {error}")
        traceback.print_exc()


def _finish(visitor: Visitor, page: str, key: str, walked: Walked) -> None:
    """Press a button that starts a job, and look until the job is over."""
    for _ in range(10):
        own = visitor.drawn.widget(key)
        if own is not None and not visitor.drawn.widgets[own][1].disabled:
            break
        # Another job may still be running.
        time.sleep(1)
        walked.note(page, visitor.look_again(), is_click=True)
    began = time.perf_counter()
    walked.note(page, visitor.press(key), is_click=True)
    while any("-cancel_" in own for own in visitor.drawn.widgets):
        time.sleep(1)
        walked.note(page, visitor.look_again(), is_click=True)
    walked.jobs.append(f"{key} {time.perf_counter() - began:.1f} s")


def new_orders(known: Known, n_orders: int = 2_000) -> bytes:
    """A file with an order of some known and some new customers."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["customer_id", "order_id", "order_time", "amount"])
    ids = (*known.customers, *(f"new-{number}" for number in range(200)))
    for number in range(n_orders):
        writer.writerow([ids[number % len(ids)], f"people-{number}", known.until, f"{10 + number % 90}.50"])
    return text.getvalue().encode()


def prepare(n_customers: int) -> Path:
    """The demo workspace of that size, made once."""
    home = WORK / f"people_{n_customers}"
    if not (home / "Demo shop.duckdb").exists():
        from churn_core.campaigns.demo import build_demo_workspace

        print(f"building a demo shop of {n_customers:,} customers, once", flush=True)
        shutil.rmtree(home, ignore_errors=True)
        os.environ["CHURN_HOME"] = str(home)
        build_demo_workspace(n_customers=n_customers)
    return home / "Demo shop.duckdb"


def everybody(chosen: argparse.Namespace, path: Path) -> Walked:
    """Let everybody walk through the app on a copy of the workspace."""
    walked = Walked()
    with tempfile.TemporaryDirectory(prefix="people-", dir=WORK) as folder:
        home = Path(folder)
        copy = Path(shutil.copy(path, home / path.name))
        known = known_of(copy)
        log = home / "server.log"
        with running_app(home, log, "--server.enableXsrfProtection", "false") as address:
            people = [
                threading.Thread(target=walk, args=(address, known, seed, chosen, walked))
                for seed in range(1, chosen.people + 1)
            ]
            if not chosen.quiet:
                people.append(threading.Thread(target=work, args=(address, known, walked)))
            for person in people:
                person.start()
            for person in people:
                person.join()
        text = log.read_text(encoding="utf-8", errors="replace")
    if "Traceback" in text:
        walked.problems.append(f"the server's log holds {text.count('Traceback')} tracebacks:\n{text[-8000:]}")
    return walked


def tell(walked: Walked) -> bool:
    """Print what was measured, page by page; whether nothing went wrong."""
    titles = addresses()
    print(
        f"{'page':<18} {'visits':>6} {'median':>8} {'slowest':>8}   {'clicks':>6} {'median':>8} {'slowest':>8}", end=""
    )
    print(f" {'sent':>9} {'rows':>7} {'errors':>7}")
    for page in sorted({look.page for look in walked.looks}, key=list(titles).index):
        mine = [look for look in walked.looks if look.page == page]
        print(f"{titles[page]:<18} {_seconds(mine, is_click=False)}   {_seconds(mine, is_click=True)}", end="")
        most = max(look.n_bytes for look in mine) / 1024
        n_errors = sum(len(look.errors) for look in mine)
        print(f" {most:>6,.0f} kB {max(look.most_rows for look in mine):>7,} {n_errors:>7}")
    for job in walked.jobs:
        print(f"job {job}")
    for (page, error), n_times in Counter((look.page, error) for look in walked.looks for error in look.errors).items():
        print(f"ERROR {n_times} times on {titles[page]}: {error}")
    for page in sorted({look.page for look in walked.looks if look.most_rows > MOST_ROWS}):
        print(f"TOO MANY ROWS on {titles[page]}")
    if walked.n_gone_home:
        print(f"{walked.n_gone_home} people went home before they had seen everything: the time was over")
    for problem in walked.problems:
        print(f"PROBLEM {problem}")
    is_small = all(look.most_rows <= MOST_ROWS for look in walked.looks)
    return is_small and not walked.problems and not any(look.errors for look in walked.looks)


def _seconds(looks: list[Look], *, is_click: bool) -> str:
    seconds = [look.seconds for look in looks if look.is_click == is_click]
    if not seconds:
        return f"{0:>6} {'':>8} {'':>8}"
    return f"{len(seconds):>6} {median(seconds):>6.2f} s {max(seconds):>6.2f} s"


def main() -> None:
    parser = argparse.ArgumentParser(description="Let many people walk through the app at once.")
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--customers", type=int, default=20_000, help="size of the demo shop")
    parser.add_argument("--rounds", type=int, default=1, help="how often everybody walks through all pages")
    parser.add_argument("--clicks", type=int, default=2, help="clicks on each page")
    parser.add_argument("--minutes", type=float, default=30.0, help="after which everybody goes home")
    parser.add_argument("--quiet", action="store_true", help="no import, scoring and refresh meanwhile")
    parser.add_argument("--workspace", type=Path, help="a workspace file of your own instead of a demo; it is copied")
    parser.add_argument("--pages", nargs="*", help="addresses of some pages only, such as rfm")
    chosen = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    walked = everybody(chosen, chosen.workspace or prepare(chosen.customers))
    is_well = tell(walked)
    peak_gb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e9
    n_errors = sum(len(look.errors) for look in walked.looks) + len(walked.problems)
    print(
        f"{chosen.people} people, {len(walked.looks):,} looks in {time.perf_counter() - began:.0f} s, "
        f"{n_errors} errors, peak memory of the server {peak_gb:.2f} GB"
    )
    if not is_well:
        sys.exit(1)


if __name__ == "__main__":
    main()
