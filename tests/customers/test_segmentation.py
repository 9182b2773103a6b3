"""Segments: planted groups are found, saved centres find everybody again, and what cannot be divided is said so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from churn_core.customers import segmentation as work
from churn_core.customers import segmentation_store as store
from churn_core.customers.at_risk import count_and_totals
from churn_core.customers.group_refresh import refresh_groups
from churn_core.customers.rule_segments import save_rule_segment, standings
from churn_core.customers.rules import Line, Rule
from churn_core.customers.segmentation import Asked, fit_segmentation, refresh_segmentations
from churn_core.customers.segmentation_choice import propose_k
from churn_core.customers.segmentation_drift import dates_of, drift, moves
from churn_core.customers.segmentation_export import members_csv
from churn_core.customers.segmentation_fit import Division, assign, fit_division
from churn_core.customers.segmentation_inputs import USUAL, feature_named
from churn_core.customers.segmentation_match import continued_segments, say_continued
from churn_core.customers.segmentation_money import segmentation_money
from churn_core.customers.segmentation_scaling import Scaling
from churn_core.customers.segments import segments
from churn_core.customers.selection import CustomerFilter
from churn_core.customers.tags import make_tag, tags
from churn_core.errors import ChurnError, InputError, NotEnoughData, NotFound
from churn_core.features.build import build_features
from churn_core.features.definition import active_definition, save_definition
from churn_core.intake.derived import refresh_derived
from churn_core.intake.simulate import ShopPlan, load_shop
from churn_core.timeline import ChurnDefinition
from churn_core.warehouse import Warehouse
from tests.customers.conftest import add_run

TASTE = ("usual_gap_days", "mean_order_amount", "discounted_order_share")
END = datetime(2025, 1, 1)


@pytest.fixture(scope="module")
def divided(demo_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """The simulated shop with a segmentation by taste; to read only."""
    folder = tmp_path_factory.mktemp("segments")
    opened = Warehouse.open(folder / "shop.duckdb")
    load_shop(opened, ShopPlan(n_customers=1_500), truth_path=folder / "truth.parquet")
    fit_segmentation(opened, Asked(name="Taste", features=TASTE, k=4))
    yield opened
    opened.close()


@pytest.fixture
def truth(divided: Warehouse) -> pd.DataFrame:
    assert divided.path is not None
    return pd.read_parquet(divided.path.with_name("truth.parquet")).set_index("customer_id")


def members_at(warehouse: Warehouse, number: int, as_of: datetime) -> pd.Series:
    frame = warehouse.frame(
        "SELECT customer_id, segment_no FROM segmentation_members WHERE segmentation_id = $id AND as_of = $as_of",
        {"id": number, "as_of": as_of},
    )
    return frame.set_index("customer_id")["segment_no"].sort_index()


def fill(warehouse: Warehouse, rows: list[tuple[str, datetime, float]]) -> None:
    """Orders of a small shop: customer, day, amount."""
    frame = pd.DataFrame(rows, columns=["customer_id", "order_time", "amount"])
    frame["order_time"] = frame["order_time"].astype("datetime64[us]")
    frame["order_id"] = [f"o{number}" for number in range(len(frame))]
    with warehouse.transaction() as tx:
        tx.execute("DELETE FROM orders")
        tx.append("orders", frame)
        refresh_derived(tx)
        tx.bump_data_version()
    if active_definition(warehouse) is None:
        save_definition(warehouse, ChurnDefinition(horizon_days=90, activity_days=365))


def two_kinds(n: int = 40, seed: int = 1) -> list[tuple[str, datetime, float]]:
    """Customers a who buy little every 10 days, and b who buy much every 60."""
    draw = np.random.default_rng(seed)
    rows = []
    for number in range(n):
        gap, amount = (10, 10.0) if number % 2 else (60, 200.0)
        start = END - timedelta(days=300 + int(draw.integers(0, 5)))
        rows += [
            (
                f"{'a' if number % 2 else 'b'}{number:02d}",
                start + timedelta(days=gap * step),
                amount * draw.uniform(0.9, 1.1),
            )
            for step in range(290 // gap)
        ]
    return rows


def test_planted_kinds_of_buyers_are_recovered(divided: Warehouse, truth: pd.DataFrame) -> None:
    [found] = store.segmentations(divided)
    numbers = members_at(divided, found.segmentation_id, found.as_of)
    n_orders = divided.frame("SELECT customer_id, count(*) AS n FROM orders GROUP BY 1").set_index("customer_id")["n"]
    known = numbers[n_orders.reindex(numbers.index) >= 5]
    assert len(known) > 300
    assert adjusted_rand_score(truth.kind[known.index], known) > 0.6
    shuffled = known.sample(frac=1, random_state=1).to_numpy()
    assert abs(adjusted_rand_score(truth.kind[known.index], shuffled)) < 0.05
    by_kind = {kind: known[truth.kind[known.index] == kind].mode()[0] for kind in truth.kind.unique()}
    assert len(set(by_kind.values())) == 4, "each kind has a segment of its own"
    assert "discounts" in found.segment(by_kind["bargain hunter"]).words
    assert "short gaps" in found.segment(by_kind["frequent small baskets"]).words
    assert "long gaps" in found.segment(by_kind["rare large baskets"]).words


def test_saved_centres_find_everybody_again(divided: Warehouse) -> None:
    """Two routes: the members that were stored, and distances worked out here from the stored artifact."""
    [found] = store.segmentations(divided)
    scaling, division = store.rule_of(divided, found.segmentation_id)
    numbers = members_at(divided, found.segmentation_id, found.as_of)
    frame = build_features(divided, found.as_of, work.definition_of(divided), features=scaling.names)
    made = np.empty(frame.shape)
    for place, scale in enumerate(scaling.scales):
        column = frame[scale.name].to_numpy(float)
        column = np.sign(column) * np.log1p(np.abs(column)) if scale.is_log else column
        made[:, place] = np.clip((np.nan_to_num(column, nan=scale.centre) - scale.centre) / scale.unit, -5, 5)
    nearest = np.linalg.norm(made[:, None, :] - division.centres[None], axis=2).argmin(axis=1) + 1
    agree = nearest == numbers.reindex(frame.index).to_numpy()
    assert agree.mean() > 0.999, "float32 may turn a tie"
    assert [entry.n_customers for entry in found.segments] == sorted(
        [entry.n_customers for entry in found.segments], reverse=True
    )


def test_what_was_saved_is_read_back_whole(divided: Warehouse) -> None:
    [found] = store.segmentations(divided)
    scaling, division = store.rule_of(divided, found.segmentation_id)
    assert Scaling.from_json(scaling.to_json()) == scaling
    again = Division.from_json(division.to_json())
    assert np.array_equal(again.centres, division.centres)
    assert found.on_map.n_customers == found.n_customers
    assert 0 < found.on_map.axes[1].share <= found.on_map.axes[0].share <= 1


def test_same_seed_same_segments_whatever_the_order_of_rows(divided: Warehouse, tmp_path: Path) -> None:
    other = Warehouse.open(tmp_path / "other.duckdb")
    try:
        for table in ("orders", "customers"):
            rows = divided.frame(f"SELECT * FROM {table} ORDER BY md5(customer_id || 'x')")
            with other.transaction() as tx:
                tx.append(table, rows)
        again = fit_segmentation(other, Asked(name="Taste", features=TASTE, k=4, with_past=False))
        [found] = store.segmentations(divided)
        assert work.definition_of(other) == work.definition_of(divided)
        pd.testing.assert_series_equal(
            members_at(other, again.segmentation_id, again.as_of),
            members_at(divided, found.segmentation_id, found.as_of),
        )
    finally:
        other.close()


def test_segments_are_saved_groups_with_members_and_the_past_says_who_left(divided: Warehouse) -> None:
    [found] = store.segmentations(divided)
    groups = {group.name: group.n_members for group in segments(divided)}
    assert groups == {f"Taste: {entry.name}"[:80]: entry.n_customers for entry in found.segments}
    now = segmentation_money(divided, found)
    assert sum(entry.n_customers for entry in now.segments) == found.n_customers
    assert all(entry.mean_risk is None and entry.value_at_risk is None for entry in now.segments), "nobody was scored"
    definition = work.definition_of(divided)
    assert now.past_as_of == found.as_of - timedelta(days=definition.span_days)
    for entry in now.segments:
        silent = divided.value(
            "SELECT count(*) FROM segmentation_members m WHERE segmentation_id = $id AND as_of = $at AND "
            "segment_no = $no AND customer_id NOT IN (SELECT customer_id FROM orders WHERE order_time >= $from "
            "AND order_time < $until)",
            {
                "id": found.segmentation_id, "at": now.past_as_of, "no": entry.no,
                "from": now.past_as_of + timedelta(days=definition.lead_days), "until": found.as_of,
            },
        )  # fmt: skip
        assert entry.n_churned == silent
        assert 0 < entry.n_churned < entry.n_past


def test_movement_counts_everybody_once(divided: Warehouse) -> None:
    [found] = store.segmentations(divided)
    earlier, later = dates_of(divided, found)
    then, now = (members_at(divided, found.segmentation_id, at) for at in (earlier, later))
    moved = moves(divided, found.segmentation_id, earlier, later)
    table = {(move.from_no, move.to_no): move.n_customers for move in moved}
    both = then.index.intersection(now.index)
    assert sum(table.values()) == len(then.index.union(now.index))
    expected = pd.crosstab(then[both], now[both])
    assert all(expected.loc[one, other] == table.get((one, other), 0) for one in expected.index for other in expected)


def test_a_planted_drift_is_found_and_named(warehouse: Warehouse) -> None:
    fill(warehouse, two_kinds())
    found = fit_segmentation(warehouse, Asked(features=("usual_gap_days", "mean_order_amount", "n_order_days"), k=2))
    names = store.rule_of(warehouse, found.segmentation_id)[0].names
    assert {entry.state for entry in drift(found, names, found.as_of)} == {"steady"}
    rows = [(who, at, amount * (6.0 if who.startswith("b") else 1.0)) for who, at, amount in two_kinds()]
    fill(warehouse, rows)
    [refreshed] = refresh_segmentations(warehouse)
    assert refreshed.is_new
    assert refreshed.n_customers == 40
    after = store.segmentation(warehouse, found.segmentation_id)
    state = {entry.name: entry for entry in drift(after, names, found.as_of)}
    rare = next(entry for entry in state.values() if "large baskets" in entry.name.lower())
    other = next(entry for entry in state.values() if entry is not rare)
    assert rare.state in ("moved", "far")
    assert "Average order" in rare.words
    assert other.state == "steady"


def test_a_segment_that_became_empty_is_said_so(warehouse: Warehouse) -> None:
    fill(warehouse, two_kinds())
    found = fit_segmentation(warehouse, Asked(features=("usual_gap_days", "mean_order_amount"), k=2))
    fill(warehouse, [row for row in two_kinds() if row[0].startswith("a")])
    refresh_groups(warehouse)
    after = store.segmentation(warehouse, found.segmentation_id)
    now = segmentation_money(warehouse, after)
    empty = next(entry for entry in now.segments if not entry.n_customers)
    assert empty.share == 0
    assert empty.mean_risk is None
    names = store.rule_of(warehouse, found.segmentation_id)[0].names
    state = {entry.no: entry for entry in drift(after, names, now.as_of)}
    assert state[empty.no].state == "empty"
    assert state[empty.no].distance is None
    assert {group.n_members for group in segments(warehouse)} == {0, 20}
    assert [standing.as_of for standing in standings(warehouse)] == [now.as_of, now.as_of]
    with pytest.raises(NotEnoughData, match="nobody is in this segment"):
        members_csv(warehouse, found.segmentation_id, empty.no)


def test_new_customers_join_by_the_saved_centres_only_when_data_changed(warehouse: Warehouse) -> None:
    fill(warehouse, two_kinds())
    found = fit_segmentation(warehouse, Asked(features=("usual_gap_days", "mean_order_amount"), k=2))
    [unchanged] = refresh_segmentations(warehouse)
    assert not unchanged.is_new
    newcomer = [("new", END - timedelta(days=280 - 60 * step), 205.0) for step in range(4)]
    fill(warehouse, two_kinds() + newcomer)
    [refreshed] = refresh_segmentations(warehouse)
    assert refreshed.n_customers == 41
    assert refreshed.as_of is not None
    numbers = members_at(warehouse, found.segmentation_id, refreshed.as_of)
    assert numbers["new"] == numbers["b00"] != numbers["a01"]
    refresh_segmentations(warehouse)
    assert store.segmentation(warehouse, found.segmentation_id).settings == found.settings


def test_orders_taken_back_make_an_earlier_day_the_newest(warehouse: Warehouse) -> None:
    fill(warehouse, two_kinds())
    found = fit_segmentation(warehouse, Asked(features=("usual_gap_days", "mean_order_amount"), k=2))
    fill(warehouse, [row for row in two_kinds() if row[1] < END - timedelta(days=50)])
    [refreshed] = refresh_segmentations(warehouse)
    assert refreshed.as_of is not None
    assert refreshed.as_of < found.as_of
    assert segmentation_money(warehouse, found).as_of == refreshed.as_of
    assert found.as_of not in dates_of(warehouse, found)


def test_fitting_again_says_what_each_segment_continues_and_keeps_given_names(warehouse: Warehouse) -> None:
    fill(warehouse, two_kinds())
    first = fit_segmentation(warehouse, Asked(name="Two", features=("usual_gap_days", "mean_order_amount"), k=2))
    rare = next(entry for entry in first.segments if "long gaps" in entry.words)
    store.rename(warehouse, first.segmentation_id, rare.no, "  Pantry   fillers ")
    assert store.segmentation(warehouse, first.segmentation_id).segment(rare.no).name == "Pantry fillers"
    assert "Two: Pantry fillers" in {group.name for group in segments(warehouse)}
    again = fit_segmentation(
        warehouse,
        Asked(name="Two", features=("mean_order_amount", "n_order_days"), k=2, continues_id=first.segmentation_id),
    )
    assert again.name == "Two (2)"
    assert again.continues_id == first.segmentation_id
    assert {entry.n_shared for entry in again.continued} == {20}
    assert "Pantry fillers" in {entry.name for entry in again.segments}
    store.delete(warehouse, first.segmentation_id)
    assert len(segments(warehouse)) == 2, "the other one keeps its saved groups"
    with pytest.raises(NotFound, match="no segmentation"):
        store.segmentation(warehouse, first.segmentation_id)


def test_somebody_may_say_otherwise_what_a_segment_continues(warehouse: Warehouse) -> None:
    fill(warehouse, two_kinds())
    first = fit_segmentation(warehouse, Asked(name="Two", features=("usual_gap_days", "mean_order_amount"), k=2))
    store.rename(warehouse, first.segmentation_id, 1, "Pantry fillers")
    asked = Asked(name="Two", features=("mean_order_amount", "n_order_days"), k=2, continues_id=first.segmentation_id)
    again = fit_segmentation(warehouse, asked)
    number = again.segmentation_id
    [named] = [entry for entry in again.continued if entry.old_no == 1]
    [other] = [entry for entry in again.continued if entry.old_no == 2]
    assert again.segment(named.no).name == "Pantry fillers"
    say_continued(warehouse, number, other.no, 1)
    said = store.segmentation(warehouse, number)
    assert {entry.no: (entry.old_no, entry.n_shared) for entry in said.continued} == {
        named.no: (None, 0),
        other.no: (1, 0),
    }
    assert said.segment(other.no).name == "Pantry fillers"
    assert said.segment(named.no).name == said.segment(named.no).words
    assert "Two (2): Pantry fillers" in {group.name for group in segments(warehouse)}
    say_continued(warehouse, number, other.no, None)
    told = store.segmentation(warehouse, number)
    assert {entry.old_no for entry in told.continued} == {None}
    assert "Pantry fillers" not in {entry.name for entry in told.segments}
    say_continued(warehouse, number, named.no, 1)
    [back] = [entry for entry in store.segmentation(warehouse, number).continued if entry.no == named.no]
    assert back == named
    with pytest.raises(InputError, match="it continues nothing"):
        say_continued(warehouse, first.segmentation_id, 1, 1)
    with pytest.raises(NotFound, match="there is no segment 9"):
        say_continued(warehouse, number, 1, 9)


def test_rules_follow_a_segment_to_its_new_name(warehouse: Warehouse) -> None:
    fill(warehouse, two_kinds())
    found = fit_segmentation(warehouse, Asked(name="Two", features=("usual_gap_days", "mean_order_amount"), k=2))
    group = store.group_ids(warehouse, found.segmentation_id)[1]
    name = next(entry.name for entry in segments(warehouse) if entry.segment_id == group)
    upon = Rule(parts=(Rule(join="any", parts=(Line(field="segment", operator="is", values=(name,)),)),))
    saved = save_rule_segment(warehouse, "Upon", upon)
    make_tag(warehouse, "pantry", rule=upon)
    store.rename(warehouse, found.segmentation_id, 1, "Pantry fillers")
    assert not refresh_groups(warehouse).problems
    [now] = [entry for entry in segments(warehouse) if entry.segment_id == saved.segment_id]
    assert "Two: Pantry fillers" in now.meaning
    assert now.n_members == saved.n_members == 20
    [tag] = [entry for entry in tags(warehouse) if entry.tag == "pantry"]
    assert tag.n_customers == 20


def test_matching_takes_the_pairs_with_most_customers_in_total() -> None:
    shared = {(1, 1): 60, (1, 2): 50, (2, 1): 55, (2, 2): 5, (3, 3): 4, (1, 3): 30}
    found = continued_segments(shared, {1: "one", 2: "two", 3: "three"}, [1, 2, 3])
    assert {entry.no: entry.old_no for entry in found} == {1: 2, 2: 1, 3: None}, "greedy would pair 1 with 1"
    assert (found[0].n_shared, found[0].n_new, found[0].n_old) == (55, 115, 60)


def blobs(n: int = 150, seed: int = 2) -> np.ndarray:
    draw = np.random.default_rng(seed)
    centres = np.array([[0.0, 0.0, 0.0], [6.0, 0.0, 0.0], [0.0, 6.0, 3.0]])
    return (centres[np.arange(n) % 3] + draw.normal(0, 0.5, (n, 3))).astype(np.float32)


def test_the_proposal_is_the_planted_number_and_every_measure_agrees() -> None:
    choice = propose_k(blobs(), ks=(2, 3, 4, 5))
    assert choice.k == 3
    assert choice.gap_k == 3
    found = {entry.k: entry for entry in choice.measures}
    assert found[3].stability > 0.99
    assert found[3].silhouette == max(entry.silhouette for entry in found.values())
    assert "3 segments: found again in other samples" in choice.reason


def test_groups_within_groups_are_proposed_where_gap_and_stability_agree() -> None:
    """Two pairs of groups: the silhouette alone sees the pairs."""
    draw = np.random.default_rng(4)
    centres = np.array([[0.0, 0.0, 0.0], [3.0, 0.0, 0.0], [0.0, 8.0, 0.0], [0.0, 8.0, 3.0]])
    rows = (centres[np.arange(400) % 4] + draw.normal(0, 0.5, (400, 3))).astype(np.float32)
    choice = propose_k(rows, ks=(2, 3, 4, 5))
    assert (choice.k, choice.gap_k) == (4, 4)
    found = {entry.k: entry for entry in choice.measures}
    assert found[2].silhouette == max(entry.silhouette for entry in found.values())
    assert "the number of the gap statistic" in choice.reason
    assert "Silhouette alone would choose 2" in choice.reason


def test_evenly_spread_customers_have_no_groups() -> None:
    even = np.random.default_rng(0).uniform(size=(300, 3)).astype(np.float32)
    choice = propose_k(even, ks=(2, 3, 4))
    assert choice.gap_k == 1
    assert "the gap statistic sees no separate groups" in choice.reason


@pytest.mark.parametrize("method", ["kmeans", "ward", "mixture"])
def test_every_method_finds_clear_groups_in_the_same_shape(method: str) -> None:
    division = fit_division(blobs(), 3, method=method)
    numbers, probability = assign(division, blobs())
    assert adjusted_rand_score(np.arange(150) % 3, numbers) == 1.0
    assert division.centres.shape == (3, 3)
    assert (probability is None) == (method != "mixture")
    if probability is not None:
        assert probability.min() > 0.9
    again = Division.from_json(division.to_json())
    assert np.array_equal(assign(again, blobs())[0], numbers)


def test_probabilities_of_a_mixture_are_those_of_scikit_learn() -> None:
    from sklearn.mixture import GaussianMixture

    rows = np.vstack([blobs(), blobs(seed=5) * 0.6])
    division = fit_division(rows, 3, method="mixture", seed=4)
    model = GaussianMixture(3, reg_covar=0.01, n_init=2, max_iter=200, random_state=4).fit(rows.astype(float))
    chances = model.predict_proba(rows.astype(float)).max(axis=1)
    assert np.allclose(assign(division, rows)[1], chances, atol=1e-5)


def test_the_tree_is_cut_as_scipy_cuts_it() -> None:
    from scipy.cluster.hierarchy import fcluster, linkage

    rows = np.random.default_rng(3).normal(size=(80, 4)).astype(np.float32)
    division = fit_division(rows, 5, method="ward")
    assert division.tree is not None
    for k in (2, 5, 9):
        sizes = sorted(sum(division.tree.sizes[leaf] for leaf in group) for group in division.tree.cut(k))
        labels = fcluster(linkage(rows.astype(float), "ward"), k, criterion="maxclust")
        assert sizes == sorted(np.bincount(labels)[1:])


def test_many_customers_are_learned_in_batches_and_still_the_same_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("churn_core.customers.segmentation_fit.MINI_BATCH_ABOVE", 100)
    one, two = fit_division(blobs(), 3), fit_division(blobs(), 3)
    assert np.array_equal(one.centres, two.centres)
    assert "batches" in one.notes[0]
    assert adjusted_rand_score(np.arange(150) % 3, assign(one, blobs())[0]) == 1.0


def _constant(warehouse: Warehouse) -> None:
    fill(warehouse, [(f"c{number}", END, 10.0) for number in range(30)])


def _one_order_each(warehouse: Warehouse) -> None:
    fill(warehouse, [(f"c{nr}", END - timedelta(days=nr), 10.0 + nr) for nr in range(30)])


def _few_kinds(warehouse: Warehouse) -> None:
    fill(warehouse, [(f"c{nr}", END - timedelta(days=nr % 2), 10.0 + nr % 2) for nr in range(30)])


@pytest.mark.parametrize(
    ("filled", "asked", "error", "words"),
    [
        (_constant, Asked(k=3), NotEnoughData, "the same for everybody"),
        (_few_kinds, Asked(k=3), NotEnoughData, "only 2 different sets of values"),
        (_few_kinds, Asked(k=1), InputError, "choose from 2 to 12"),
        (_one_order_each, Asked(method="magic"), NotFound, "method 'magic' not found"),
        (_one_order_each, Asked(features=("n_ordrs",)), NotFound, "did you mean 'n_orders'"),
        (_one_order_each, Asked(groups=("recncy",)), NotFound, "did you mean 'recency'"),
        (_one_order_each, Asked(features=("n_orders",)), InputError, "at least 2 features"),
        (_one_order_each, Asked(name=" ", k=2), InputError, "the name has 0 characters"),
    ],
)
def test_what_cannot_be_divided_is_one_sentence_and_nothing_is_kept(
    warehouse: Warehouse, filled: Callable[[Warehouse], None], asked: Asked, error: type[ChurnError], words: str
) -> None:
    filled(warehouse)
    with pytest.raises(error, match=words):
        fit_segmentation(warehouse, asked)
    assert warehouse.n_rows("segmentations") == warehouse.n_rows("segments") == 0


def test_no_customers_at_all(warehouse: Warehouse) -> None:
    with pytest.raises(NotEnoughData, match="no customers to divide"):
        fit_segmentation(warehouse, Asked())


def test_one_order_each_and_refunds_can_be_divided(warehouse: Warehouse) -> None:
    rows = [(f"c{nr:02d}", END - timedelta(days=2 * nr), [-20.0, 0.0, 15.0, 150.0][nr % 4]) for nr in range(60)]
    fill(warehouse, rows)
    found = fit_segmentation(warehouse, Asked(features=("spend_amount", "days_since_last_order"), k=4))
    assert sum(entry.n_customers for entry in found.segments) == 60
    lowest = min(found.segments, key=lambda entry: entry.medians["spend_amount"] or 0.0)
    assert lowest.medians["spend_amount"] == -20.0
    dropped = fit_segmentation(warehouse, Asked(k=2))
    assert any("the same for everybody" in note for note in dropped.notes)


def test_missing_values_take_the_median_and_are_told(warehouse: Warehouse) -> None:
    fill(warehouse, [*two_kinds(), ("once", END - timedelta(days=20), 30.0)])
    found = fit_segmentation(warehouse, Asked(features=("mean_gap_days", "mean_order_amount"), k=2))
    assert any("Mean gap (1 of 41)" in note for note in found.notes)
    scaling, _ = store.rule_of(warehouse, found.segmentation_id)
    [gap] = [scale for scale in scaling.scales if scale.name == "mean_gap_days"]
    assert gap.n_missing == 1


def test_a_table_that_goes_leaves_the_members_and_says_why(trained_table: Warehouse) -> None:
    found = fit_segmentation(trained_table, Asked(name="Columns", k=3))
    assert found.source == "snapshots"
    now = segmentation_money(trained_table, found)
    assert sum(entry.n_past for entry in now.segments) == found.n_customers
    n_churned = trained_table.value("SELECT count(*) FROM snapshots WHERE churned")
    assert sum(entry.n_churned for entry in now.segments) == n_churned
    with pytest.raises(InputError, match="holds no history"):
        work.assign_at(trained_table, found.segmentation_id, END)
    with trained_table.transaction() as tx:
        tx.execute("DELETE FROM snapshots")
        tx.bump_data_version()
    [failed] = refresh_segmentations(trained_table)
    assert "no labelled table any more" in failed.note
    assert sum(group.n_members for group in segments(trained_table)) == found.n_customers


@pytest.fixture
def trained_table(warehouse: Warehouse) -> Warehouse:
    from tests.models.conftest import fill_snapshots, members

    fill_snapshots(warehouse, members(200))
    return warehouse


def test_at_risk_and_the_file_speak_of_the_same_customers(warehouse: Warehouse) -> None:
    fill(warehouse, two_kinds())
    found = fit_segmentation(warehouse, Asked(name="=Two", features=("usual_gap_days", "mean_order_amount"), k=2))
    risks = {f"{'a' if nr % 2 else 'b'}{nr:02d}": 0.02 + nr / 50 for nr in range(36)}
    add_run(warehouse, risks, as_of=found.as_of)
    now = segmentation_money(warehouse, found)
    assert [entry.n_scored for entry in now.segments] == [18, 18]
    for entry in now.segments:
        totals = count_and_totals(warehouse, CustomerFilter(segment_id=entry.segment_id))
        assert totals.n_customers == entry.n_scored
        assert totals.value_at_risk == pytest.approx(entry.value_at_risk)
        assert totals.mean_risk == pytest.approx(entry.mean_risk)
    first = now.segments[0]
    lines = members_csv(warehouse, found.segmentation_id, first.no).decode("utf-8-sig").splitlines()
    assert len(lines) == 21
    assert lines[0].startswith("customer_id,segment_no,segment,probability,as_of,tier,risk")
    assert len(members_csv(warehouse, found.segmentation_id).splitlines()) == 41
    assert warehouse.rows("SELECT n_rows FROM exports ORDER BY export_id") == [(20,), (40,)]


def test_the_usual_features_are_in_the_registry() -> None:
    assert len(USUAL) == 12
    assert {feature_named(name).group for name in USUAL} >= {
        "recency", "rhythm", "frequency", "spend", "basket", "discounts", "returns", "breadth",
    }  # fmt: skip
