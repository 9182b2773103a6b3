"""The Segments page through the frame: divide, look, name, go on - and what cannot be divided."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from churn_core.customers import segmentation_store as store
from churn_core.customers.segmentation import Asked, fit_segmentation
from churn_core.customers.segmentation_money import segmentation_money
from churn_core.customers.segments import segments
from churn_core.figures.theme import money
from churn_core.intake.derived import refresh_derived
from churn_core.warehouse import Warehouse
from churn_core.workspaces import create_workspace, open_workspace
from tests.pages.conftest import App, Home, folded
from tests.pages.test_every_page import everything_said
from tests.pages.test_jobs_on_pages import wait_for
from ui import session
from ui.segment_blocks import PARTS

PAGE = "pages/segments/segments.py"
TASTE = ("usual_gap_days", "mean_order_amount", "discounted_order_share")


def shop(name: str = "Demo shop") -> Warehouse:
    return open_workspace(name)


@pytest.fixture
def undivided(demo_home: Home) -> Warehouse:
    """The demo shop without the segmentation it comes with."""
    for found in store.segmentations(shop()):
        store.delete(shop(), found.segmentation_id)
    return shop()


@pytest.fixture
def divided(undivided: Warehouse) -> Warehouse:
    fit_segmentation(shop(), Asked(name="Taste", features=TASTE, k=4))
    return shop()


def said(visit: AppTest) -> str:
    assert not visit.exception
    assert not [error.value for error in visit.error]
    return everything_said(visit).replace("\\", "")


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ("Segments", "stands out most"),
        ("Map", "of how customers differ"),
        ("How many", "The number 4 was chosen by hand"),
        ("Movement", "changed it"),
        ("New or again", "Fitting again keeps this segmentation"),
    ],
)
def test_every_part_says_its_sentence(divided: Warehouse, app: App, part: str, words: str) -> None:
    assert words in said(app(PAGE, part=part))


def test_the_table_holds_the_segments_of_the_core(divided: Warehouse, app: App) -> None:
    [found] = store.segmentations(divided)
    visit = app(PAGE)
    shown = folded(visit)
    assert list(shown["Segment"]) == [f"{entry.no} {entry.name}" for entry in found.segments]
    assert [text.split(" (")[0] for text in shown["Customers"]] == [
        f"{entry.n_customers:,}" for entry in found.segments
    ]
    assert "Still there" not in shown, "there is no label that says that somebody left"
    now, currency = segmentation_money(divided, found), str(divided.setting("currency", ""))
    assert list(shown["At risk each"]) == [money(entry.mean_value_at_risk, currency) for entry in now.segments]
    assert list(shown["Value each"]) == [money(entry.mean_expected_value, currency) for entry in now.segments]
    assert [(entry.mean_value_at_risk or 0) * entry.n_value_known for entry in now.segments] == pytest.approx(
        [entry.value_at_risk or 0 for entry in now.segments]
    )
    assert visit.metric[0].value == f"{found.n_customers:,}"


def test_distances_are_told_in_plain_words(divided: Warehouse, app: App) -> None:
    visit = app(PAGE)
    captions = " ".join(text.value for text in visit.caption)
    assert "+1 is as far above as customers typically lie from the middle, -1 as far below" in captions
    assert "Names describe the middle of a segment" in captions
    assert "robust" not in captions, "the term stands in the help"


def test_dividing_runs_as_a_job_and_says_how_it_ended(undivided: Warehouse, app: App) -> None:
    visit = app(PAGE)
    visit.selectbox(key="seg_new_k").set_value(3).run()
    visit.multiselect(key="seg_new_features").set_value(list(TASTE)).run()
    visit.button(key="seg_new_fit").click().run()
    wait_for(lambda: not session._opened("Demo shop").runner.unfinished())
    visit.run()
    assert "in 3 segments" in said(visit)
    [found] = store.segmentations(shop())
    assert found.settings["features"] == [name for name in found.settings["features"] if name in TASTE]


def orders_of(workspace: str, orders: pd.DataFrame) -> Warehouse:
    """A workspace of its own with these orders."""
    create_workspace(workspace)
    made = shop(workspace)
    with made.transaction() as tx:
        tx.append("orders", orders.assign(order_id=[f"O{nr}" for nr in range(len(orders))]))
        refresh_derived(tx)
        tx.bump_data_version()
    return made


def test_every_part_of_a_shop_that_closed_long_ago_is_drawn(churn_home: Path, app: App) -> None:
    """Inputs of days propose the last ten years by themselves."""
    draw = np.random.default_rng(4)
    customers = np.repeat(np.arange(120), draw.integers(1, 12, 120))
    days = pd.to_datetime("2010-01-01") + pd.to_timedelta(draw.integers(0, 700, len(customers)), unit="D")
    orders = pd.DataFrame({"customer_id": customers.astype(str), "order_time": days})
    closed = orders_of("Closed", orders.assign(amount=draw.lognormal(3, 1, len(orders)).round(2)))
    fit_segmentation(closed, Asked(name="Then", k=3))
    for part in PARTS:
        assert "Closed" in said(app(PAGE, part=part))
    for part in ("Groups", "Movement", "Lifecycle", "Thresholds"):
        assert "Closed" in said(app("pages/segments/rfm.py", part=part))


def poor(n: int, per_customer: int, amounts: float | np.ndarray, n_days: int) -> pd.DataFrame:
    """Orders of a shop with hardly anything to tell its customers apart."""
    back = pd.to_timedelta(np.arange(n) % n_days, unit="D")
    customers = [str(nr // per_customer) for nr in range(n)]
    return pd.DataFrame({"customer_id": customers, "order_time": pd.Timestamp("2026-05-01 12:00") - back}).assign(
        amount=amounts
    )


@pytest.mark.parametrize(
    ("orders", "k", "words"),
    [
        (poor(40, 1, 20.0, 1), "Proposed", "are the same for everybody"),
        (poor(1, 1, 20.0, 1), 12, "only 1 customer"),
        (poor(40, 1, np.arange(40.0) % 7 + 1, 3), "Proposed", "in 2 segments"),
        (poor(120, 3, -(np.arange(120.0) % 7), 3), "Proposed", "segments."),
        (poor(120, 3, -(np.arange(120.0) % 7), 3), 12, "have only 7 different sets of values, too few for 12 segments"),
    ],
    ids=["nobody differs", "one customer", "one order each", "zero and below", "more segments than values"],
)
def test_a_poor_shop_is_divided_or_told_why_not(
    churn_home: Path, app: App, orders: pd.DataFrame, k: str | int, words: str
) -> None:
    poor_shop = orders_of("Poor", orders)
    visit = app(PAGE)
    visit.selectbox(key="seg_new_k").set_value(k).run()
    visit.button(key="seg_new_fit").click().run()
    wait_for(lambda: not session._opened("Poor").runner.unfinished())
    visit.run()
    assert not visit.exception
    is_refused = not store.segmentations(poor_shop)
    assert len(visit.error) == is_refused
    told = visit.error[0].value if is_refused else visit.success[0].value
    assert words in told.replace("\\", "")
    if not is_refused:
        for part in PARTS:
            said(app(PAGE, part=part))


def test_what_cannot_be_divided_is_a_sentence_on_a_page_that_stays(undivided: Warehouse, app: App) -> None:
    visit = app(PAGE)
    visit.multiselect(key="seg_new_features").set_value(["n_orders"]).run()
    visit.button(key="seg_new_fit").click().run()
    wait_for(lambda: not session._opened("Demo shop").runner.unfinished())
    visit.run()
    assert not visit.exception
    assert "at least 2 features" in visit.error[0].value.replace("\\", "")
    assert visit.button(key="seg_new_fit")


def test_a_name_given_is_that_of_the_saved_group_as_well(divided: Warehouse, app: App) -> None:
    visit = app(PAGE, of="2")
    visit.text_input(key="name_1_2").set_value("Bargain $hunters$ <b>")
    visit.button(key="keep_name_1_2").click().run()
    said(visit)
    assert "2 Bargain $hunters$ <b>" in list(folded(visit)["Segment"])
    assert "Taste: Bargain $hunters$ <b>" in {group.name for group in segments(divided)}
    visit.text_input(key="name_1_2").set_value("  ")
    visit.button(key="keep_name_1_2").click().run()
    assert "0 characters" in visit.error[0].value.replace("\\", "")


def test_members_are_opened_in_at_risk(divided: Warehouse, app: App) -> None:
    group = next(entry for entry in segments(divided) if entry.kind == "cluster")
    visit = app("pages/customers/at_risk.py", segment=group.name)
    said(visit)
    assert visit.metric[0].value == f"{group.n_members:,}"


def test_a_campaign_is_planned_for_a_segment(divided: Warehouse, app: App) -> None:
    n_before = divided.n_rows("campaigns")
    visit = app(PAGE)
    visit.button(key="plan_members").click().run()
    assert not visit.exception
    assert divided.n_rows("campaigns") == n_before + 1


def test_a_deleted_segmentation_leaves_the_form(divided: Warehouse, app: App) -> None:
    visit = app(PAGE)
    visit.button(key="really_delete_1").click().run()
    assert "No segments were made yet" in said(visit)


def test_what_a_refitted_segment_continues_can_be_said(divided: Warehouse, app: App) -> None:
    again = fit_segmentation(divided, Asked(name="Taste", features=TASTE, k=4, continues_id=1))
    number = again.segmentation_id
    assert [(entry.no, entry.old_no) for entry in again.continued] == [(1, 1), (2, 2), (3, 3), (4, 4)]
    visit = app(PAGE)
    assert visit.button(key=f"continued_{number}_set").disabled
    visit.selectbox(key=f"continued_{number}_1_1").set_value(2).run()
    visit.button(key=f"continued_{number}_set").click().run()
    said(visit)
    told = store.segmentation(divided, number).continued
    assert [(entry.no, entry.old_no) for entry in told] == [(1, 2), (2, None), (3, 3), (4, 4)]
    store.delete(divided, 1)
    assert "fitted again is deleted" in said(app(PAGE))


def test_a_labelled_table_and_an_empty_segment_stay_usable(snapshot_home: Home, app: App) -> None:
    members = shop("Members")
    fit_segmentation(members, Asked(name="Columns", k=3, method="mixture"))
    with members.transaction() as tx:
        tx.execute("DELETE FROM segmentation_members WHERE segment_no = 3")
    words = said(app(PAGE))
    assert "by the label of the table" in words
    assert "nobody is in" in words.lower()
    assert "Nobody is in this segment any more" in said(app(PAGE, of="3"))
    assert "known for one date only" in said(app(PAGE, part="Movement"))


def test_a_tree_can_be_cut(undivided: Warehouse, app: App) -> None:
    fit_segmentation(shop(), Asked(name="Tree", features=TASTE, k=4, method="ward"))
    visit = app(PAGE, part="How many")
    assert "Cut into 4, the sample of" in said(visit)
    visit.slider(key="cut").set_value(6).run()
    assert "Cut into 6, the sample of" in said(visit)
    visit.button(key="cut_here").click().run()
    wait_for(lambda: not session._opened("Demo shop").runner.unfinished())
    newest = store.segmentations(shop())[0]
    assert (len(newest.segments), newest.continues_id) == (6, 1)
