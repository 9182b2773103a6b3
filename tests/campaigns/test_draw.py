"""Who is in which arm: the same on any machine, as planned in every stratum, drawn once and kept with the plan."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from churn_core.campaigns.arms_sql import WHITESPACE, Pool, fill_drawn
from churn_core.campaigns.assignment import assign_arms, bucket
from churn_core.campaigns.audience import give_list
from churn_core.campaigns.draw import cancel_campaign, join_campaign, lock_campaign, preview_draw
from churn_core.campaigns.holdout import start_holdout
from churn_core.campaigns.plan import Arm, Exclusions, Plan
from churn_core.campaigns.plan_text import TERMS
from churn_core.campaigns.store import campaign, create_draft, save_draft
from churn_core.customers.selection import CustomerFilter
from churn_core.errors import ChurnError, InputError
from churn_core.warehouse import Warehouse, utc_now
from tests.campaigns.scored_shop import CALL, CONTROL, COUPON, PLAN, SHAPES, START, fill_shop, score

EQUAL = {"control": 0.5, "coupon": 0.5}
POOL = (
    "SELECT customer_id, stratum, NULL AS tier, NULL AS value_band, NULL AS main_group, 0.5 AS risk, "
    "1.0 AS expected_value FROM listed"
)


def drawn(
    ids: Sequence[str],
    shares: dict[str, float],
    *,
    salt: str = "camp-1",
    strata: Sequence[str] | None = None,
    per_week: int | None = None,
    is_ranked: bool = True,
    warehouse: Warehouse | None = None,
) -> pd.DataFrame:
    """Arm, wave and row_no of ids as the database draws them, in the order of the ids."""
    opened = warehouse or Warehouse.open(None)
    listed = pd.DataFrame({"customer_id": list(ids), "stratum": list(strata) if strata else "all"})
    with opened.supposed() as tx, tx.view("listed", listed):
        fill_drawn(tx, "out", Pool(sql=POOL), shares, salt=salt, per_week=per_week, is_ranked=is_ranked)
        frame = tx.frame("SELECT * FROM out").set_index("customer_id").loc[list(ids)].reset_index()
    if warehouse is None:
        opened.close()
    return frame


@pytest.fixture
def shop() -> Iterator[Warehouse]:
    """900 scored customers in memory."""
    opened = Warehouse.open(None)
    fill_shop(opened, SHAPES["zero-padded"](900))
    yield opened
    opened.close()


def assigned(warehouse: Warehouse, campaign_id: str) -> pd.DataFrame:
    return warehouse.frame("SELECT * FROM assignments WHERE campaign_id = $id ORDER BY row_no", {"id": campaign_id})


def written(warehouse: Warehouse) -> list[tuple[str, int]]:
    """Rows of every table that a draw could touch."""
    tables = ("campaigns", "assignments", "exports", "audit_log", "holdout_members")
    return [(table, warehouse.n_rows(table)) for table in tables]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    "shares", [EQUAL, {"control": 0.07, "a": 0.33, "b": 0.6}, {f"arm {nr}": 1 / 9 for nr in range(9)}], ids=len
)
def test_the_database_draws_what_the_formula_draws(shape: str, shares: dict[str, float]) -> None:
    ids = SHAPES[shape](700)
    strata = [f"{'high' if nr % 5 else 'low'} · {nr % 7 and 'top'}" for nr in range(700)]
    assert drawn(ids, shares, strata=strata)["arm"].tolist() == assign_arms(ids, shares, salt="camp-1", strata=strata)
    assert drawn(ids, shares, is_ranked=False)["arm"].tolist() == assign_arms(ids, shares, salt="camp-1")


def test_small_strata_and_single_customers_are_drawn_as_by_the_formula() -> None:
    ids = SHAPES["uuid"](400)
    strata = [f"s{int(nr**0.8)}" for nr in range(400)]
    shares = {"control": 0.1, "coupon": 0.9}
    assert drawn(ids, shares, strata=strata)["arm"].tolist() == assign_arms(ids, shares, salt="camp-1", strata=strata)


def test_blanks_around_an_id_do_not_change_the_arm() -> None:
    assert set(WHITESPACE) == {sign for sign in map(chr, range(0x110000)) if sign.isspace()}
    ids = [f"{WHITESPACE[nr % len(WHITESPACE)]}C{nr}\u3000" for nr in range(100)]
    plain = drawn([name.strip() for name in ids], EQUAL)["arm"].tolist()
    assert drawn(ids, EQUAL)["arm"].tolist() == plain == assign_arms(ids, EQUAL, salt="camp-1", strata=["all"] * 100)


def test_hostile_ids_are_drawn_like_any_other() -> None:
    ids = [
        "=1+1",
        "@SUM(A1)",
        "'; DROP TABLE assignments; --",
        'a"b',
        "line\nbreak",
        "tab\there",
        "",
        "{0}",
        "$id",
        "%s",
    ]
    strata = ["=x", "{y}"] * 5
    assert drawn(ids, EQUAL, strata=strata)["arm"].tolist() == assign_arms(ids, EQUAL, salt="camp-1", strata=strata)


def test_a_customer_who_is_there_twice_is_refused() -> None:
    opened = Warehouse.open(None)
    listed = pd.DataFrame({"customer_id": ["a", "b", " a"], "stratum": "all"})
    with opened.supposed() as tx, tx.view("listed", listed), pytest.raises(InputError, match="'a' is in the audience"):
        fill_drawn(tx, "out", Pool(sql=POOL), EQUAL, salt="x")
    opened.close()


def test_every_stratum_is_shared_out_to_within_one_customer() -> None:
    draw = np.random.default_rng(2)
    strata = [f"s{nr}" for nr in draw.geometric(0.15, 3_000)]
    shares = {"control": 0.13, "a": 0.29, "b": 0.58}
    frame = drawn(SHAPES["numbers"](3_000), shares, strata=strata)
    for _, group in frame.groupby("stratum"):
        for arm, share in shares.items():
            assert abs((group["arm"] == arm).sum() - share * len(group)) < 1


def test_strata_of_one_customer_come_to_the_planned_shares_together() -> None:
    ids = SHAPES["e-mail"](4_000)
    frame = drawn(ids, {"control": 0.1, "coupon": 0.9}, strata=ids)
    n_control = (frame["arm"] == "control").sum()
    assert abs(n_control - 400) < 4 * (4_000 * 0.1 * 0.9) ** 0.5


@pytest.mark.parametrize("shape", SHAPES)
def test_campaigns_know_nothing_of_each_other(shape: str) -> None:
    """The correlation of two campaigns' arms, times the root of n, is standard normal for independent draws."""
    ids, n_campaigns = SHAPES[shape](1_500), 40
    opened = Warehouse.open(None)
    arms = np.array(
        [
            drawn(ids, EQUAL, salt=f"camp-{nr:012x}", is_ranked=nr % 2 == 0, warehouse=opened)["arm"] == "control"
            for nr in range(n_campaigns)
        ],
        dtype=float,
    )
    opened.close()
    z = np.corrcoef(arms)[np.triu_indices(n_campaigns, 1)] * len(ids) ** 0.5
    assert abs(z.mean()) < 4 / len(z) ** 0.5
    assert 0.85 < z.var() < 1.15
    assert np.abs(z).max() < 4.5
    n_control = arms.sum(axis=0)
    assert abs(n_control.mean() - n_campaigns / 2) < 0.5
    assert 0.85 < n_control.var() / (n_campaigns / 4) < 1.15


@pytest.mark.parametrize("shape", SHAPES)
def test_shares_of_single_places_are_respected(shape: str) -> None:
    shares = {"control": 0.05, "a": 0.35, "b": 0.6}
    counts = Counter(drawn(SHAPES[shape](8_000), shares, is_ranked=False)["arm"])
    for arm, share in shares.items():
        assert abs(counts[arm] - 8_000 * share) < 4 * (8_000 * share * (1 - share)) ** 0.5


def test_weeks_are_of_equal_size_and_hold_every_arm_and_stratum_in_its_share() -> None:
    shares = {"control": 0.2, "coupon": 0.8}
    strata = ["high", "medium", "low", "low"] * 500
    frame = drawn(SHAPES["numbers"](2_000), shares, strata=strata, per_week=300)
    sizes = frame.groupby("wave").size()
    assert sizes.index.tolist() == list(range(1, 8))
    assert sizes.max() <= 300
    assert sizes.max() - sizes.min() <= 1
    for _, week in frame.groupby("wave"):
        for arm, share in shares.items():
            assert abs((week["arm"] == arm).sum() - share * len(week)) <= 1
        for (stratum, arm), cell in week.groupby(["stratum", "arm"]):
            expected = len(week) * strata.count(stratum) / 2_000 * shares[arm]
            assert abs(len(cell) - expected) <= 3


def test_the_week_says_nothing_about_the_place_in_the_draw() -> None:
    ids = SHAPES["numbers"](4_000)
    frame = drawn(ids, EQUAL, per_week=1_000)
    places = pd.Series([bucket("camp-1", name) for name in ids])
    means = places[frame["arm"] == "control"].groupby(frame["wave"]).mean()
    assert means.max() - means.min() < 4 * (1 / 12 / 500) ** 0.5


def test_the_preview_is_what_the_lock_draws(shop: Warehouse) -> None:
    draft = create_draft(shop, replace(PLAN, per_week=250))
    before = written(shop)
    shown = preview_draw(shop, draft.campaign_id)
    assert written(shop) == before
    assert shown.refusals == ()
    locked = lock_campaign(shop, draft.campaign_id, shown=shown)
    frame = assigned(shop, draft.campaign_id)
    assert {arm.arm: arm.n_customers for arm in shown.arms} == frame["arm"].value_counts().to_dict()
    assert locked.counts["arms"] == frame["arm"].value_counts().to_dict()
    by_stratum = frame.groupby(["stratum", "arm"]).size().to_dict()
    assert {(s.stratum, arm): n for s in shown.strata for arm, n in s.arms.items() if n} == by_stratum
    assert [wave.n_customers for wave in shown.waves] == frame.groupby("wave").size().tolist() == [225] * 4
    assert [wave.starts_on for wave in shown.waves] == [START + timedelta(days=7 * nr) for nr in range(4)]


def test_what_is_kept_is_the_formula_on_the_stored_strata(shop: Warehouse) -> None:
    draft = create_draft(shop, PLAN)
    lock_campaign(shop, draft.campaign_id)
    frame = assigned(shop, draft.campaign_id)
    again = assign_arms(
        frame["customer_id"].tolist(), PLAN.shares, salt=draft.campaign_id, strata=frame["stratum"].tolist()
    )
    assert frame["arm"].tolist() == again
    assert frame["stratum"].nunique() == 9
    assert frame["row_no"].tolist() == list(range(1, 901))
    at_risk = frame["risk"] * frame["expected_value"]
    assert at_risk.is_monotonic_decreasing
    assert set(frame["starts_at"]) == {pd.Timestamp(START)}
    assert frame[["tier", "value_band", "main_group", "risk", "expected_value"]].notna().all().all()


def test_a_locked_campaign_holds_plan_person_time_and_data(shop: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHURN_USER", "Head of retention")
    draft = create_draft(shop, replace(PLAN, per_week=300))
    locked = lock_campaign(shop, draft.campaign_id)
    assert (locked.status, locked.locked_by, locked.step) == ("locked", "Head of retention", 8)
    assert locked.plan_sha256 == draft.plan.sha256
    assert (locked.run_id, locked.model_version, locked.data_version) == (1, 3, 1)
    assert locked.starts_at == datetime(2024, 6, 1)
    assert locked.ends_at == datetime(2024, 6, 1) + timedelta(days=14 + 60)
    steps = locked.counts["exclusions"]
    assert locked.counts["audience"] == 900 == steps[-1]["n_left"]
    with pytest.raises(InputError, match="plan cannot change any more"):
        save_draft(shop, draft.campaign_id, PLAN, step=2)
    assert shop.value("SELECT action FROM audit_log ORDER BY entry DESC LIMIT 1") == "campaign locked"


def test_the_plan_in_words_says_what_was_decided(shop: Warehouse) -> None:
    plan = replace(PLAN, audience=CustomerFilter(tiers=("high",)), per_week=100)
    give = create_draft(shop, replace(plan, arms=(CONTROL, replace(COUPON, text="10 %\n| off"), CALL)))
    locked = lock_campaign(shop, give.campaign_id)
    text = locked.plan_text
    for words in (
        "# Win back", locked.campaign_id, locked.plan_sha256[:12], "**Retained customers**, higher is better",
        "within 60 days", "5 points", "High tier:", "| Global holdout | 0 |", "Coupon: 10 % \\| off", "Holm",
        "customers with a return may get worse by less than 2 points", "asymptotic confidence sequence",
        "First day of contact: 1 Jun 2024", "At most 100 customers a week", "80 % chance",
        "Not asked for: cannot be reached",
    ):  # fmt: skip
        assert words in text
    assert "Bonferroni" not in text
    for arm, n in locked.counts["arms"].items():
        assert f"| {arm} | " in text
        assert f" | {n:,} | " in text


def test_a_campaign_that_goes_all_at_once_promises_looks_that_decide_nothing(shop: Warehouse) -> None:
    text = lock_campaign(shop, create_draft(shop, PLAN).campaign_id).plan_text
    said, _, by_name = text.partition(f"\n## {TERMS}\n")
    assert "hold at all planned looks together and decide nothing" in said
    assert "Bonferroni" in by_name
    assert "confidence sequence" not in text


def test_a_plan_says_in_plain_words_what_its_last_section_names(shop: Warehouse) -> None:
    plan = replace(PLAN, arms=(CONTROL, COUPON, CALL))
    said, _, by_name = lock_campaign(shop, create_draft(shop, plan).campaign_id).plan_text.partition(f"\n## {TERMS}\n")
    for name in ("hash", "Newcombe", "Holm", "non-inferiority", "Benjamini-Hochberg", "Bonferroni", "p < .001"):
        assert name not in said
        assert name in by_name


def test_a_second_lock_draws_nothing(shop: Warehouse) -> None:
    draft = create_draft(shop, PLAN)
    first = lock_campaign(shop, draft.campaign_id)
    rows = assigned(shop, draft.campaign_id)
    score(shop, SHAPES["zero-padded"](900), run_id=2)
    before = written(shop)
    assert lock_campaign(shop, draft.campaign_id) == first
    assert written(shop) == before
    pd.testing.assert_frame_equal(assigned(shop, draft.campaign_id), rows)
    with pytest.raises(InputError, match="locked"):
        preview_draw(shop, draft.campaign_id)


def test_a_draw_that_is_not_the_one_shown_is_refused(shop: Warehouse) -> None:
    draft = create_draft(shop, replace(PLAN, audience=CustomerFilter(tiers=("high", "medium"))))
    shown = preview_draw(shop, draft.campaign_id)
    score(shop, SHAPES["zero-padded"](900), run_id=2)
    with pytest.raises(InputError, match="look at the preview again"):
        lock_campaign(shop, draft.campaign_id, shown=shown)
    assert campaign(shop, draft.campaign_id).is_draft
    assert assigned(shop, draft.campaign_id).empty


@pytest.mark.parametrize("n_treatments", [1, 2, 5, 8])
def test_one_to_eight_treatments_get_their_shares(shop: Warehouse, n_treatments: int) -> None:
    each = 0.8 / n_treatments
    arms = tuple(replace(COUPON, name=f"coupon {nr}", share=each) for nr in range(n_treatments))
    draft = create_draft(shop, replace(PLAN, arms=(CONTROL, *arms)))
    counts = lock_campaign(shop, draft.campaign_id).counts["arms"]
    assert list(counts) == ["control", *(arm.name for arm in arms)]
    for arm, n in counts.items():
        assert abs(n - 900 * draft.plan.shares[arm]) < 9


def test_a_campaign_without_control_is_drawn_too(shop: Warehouse) -> None:
    reason = "Everybody was promised the coupon."
    draft = create_draft(shop, replace(PLAN, arms=(replace(COUPON, share=1.0),), no_control_reason=reason))
    locked = lock_campaign(shop, draft.campaign_id)
    assert locked.counts["arms"] == {"coupon": 900}
    assert f"cannot be measured.** Reason given: {reason}" in locked.plan_text


def test_customers_of_the_holdout_and_of_the_own_list_are_left_out_and_counted(shop: Warehouse) -> None:
    start_holdout(shop, 0.2)
    draft = create_draft(shop, PLAN)
    give_list(shop, draft.campaign_id, "exclude", ["0000000001", "0000000002"])
    locked = lock_campaign(shop, draft.campaign_id)
    frame = assigned(shop, draft.campaign_id)
    held = {row[0] for row in shop.rows("SELECT customer_id FROM holdout_members WHERE is_held_out")}
    assert held
    assert not held & set(frame["customer_id"])
    steps = {step["rule"]: step for step in locked.counts["exclusions"]}
    assert steps["manual"]["n_excluded"] == 2
    assert steps["holdout"]["n_excluded"] == len(held - {"0000000001", "0000000002"})
    assert len(frame) == 900 - sum(step["n_excluded"] for step in steps.values())


def refused(warehouse: Warehouse, plan: Plan, *, ids: Sequence[str] | None = None) -> str:
    """The sentence with which the lock refuses a plan; nothing is written and the preview says the same."""
    draft = create_draft(warehouse, plan)
    if ids is not None:
        give_list(warehouse, draft.campaign_id, "audience", ids)
    before = written(warehouse)
    with pytest.raises(ChurnError) as caught:
        lock_campaign(warehouse, draft.campaign_id)
    assert written(warehouse) == before
    assert campaign(warehouse, draft.campaign_id).is_draft
    told = str(caught.value)
    assert "\n" not in told
    assert told.endswith(".")
    return told


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"starts_on": None}, "say on which day the first customers are contacted"),
        ({"name": ""}, "give the campaign a name"),
        ({"arms": (CONTROL, replace(COUPON, share=0.5))}, "the shares add up to 70 %"),
        ({"starts_on": date(2024, 5, 31)}, "orders are known up to 31 May 2024, 20:00"),
        ({"starts_on": date(2023, 1, 1)}, "start on 1 Jun 2024 or later"),
        ({"goal": replace(PLAN.goal, window_days=700)}, "the workspace knows only 201 days of orders"),
        ({"audience": CustomerFilter(min_value=1e9)}, "nobody is in the audience"),
        ({"audience": CustomerFilter(customer_ids=("0000000007",))}, "one customer is left"),
        ({"audience": CustomerFilter(customer_ids=("0000000007", "0000000008"))}, "2 customers are left for 3 arms"),
        ({"arms": (CONTROL, replace(COUPON, share=0.8 - 1e-8), replace(CALL, share=1e-8))}, "arm 'call' gets none"),
        ({"per_week": 1}, "it takes 900 weeks"),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_refused_in_one_sentence(shop: Warehouse, values: dict[str, object], told: str) -> None:
    assert told in refused(shop, replace(PLAN, **values))  # type: ignore[arg-type]


def test_the_preview_tells_why_the_lock_would_refuse(shop: Warehouse) -> None:
    draft = create_draft(shop, replace(PLAN, starts_on=date(2024, 5, 1), goal=replace(PLAN.goal, window_days=700)))
    shown = preview_draw(shop, draft.campaign_id)
    assert shown.n_customers == 900
    assert [("orders are known" in told, "window" in told) for told in shown.refusals] == [(True, False), (False, True)]


def test_an_outcome_of_another_table_before_the_draw_is_refused_too(shop: Warehouse) -> None:
    with shop.transaction() as tx:
        tx.execute(
            "INSERT INTO returns BY NAME SELECT '0000000001' AS customer_id, 'o1' AS order_id, "
            "TIMESTAMP '2024-06-03 10:00' AS return_time"
        )
    assert "returns are known up to 3 Jun 2024, 10:00" in refused(shop, PLAN)
    without = replace(PLAN, goal=replace(PLAN.goal, guardrails=()))
    assert lock_campaign(shop, create_draft(shop, without).campaign_id).status == "locked"


def test_nobody_is_contacted_in_the_past(shop: Warehouse) -> None:
    today = utc_now().date()
    with shop.transaction() as tx:
        tx.execute("UPDATE orders SET order_time = order_time + to_days($days)", {"days": (today - START).days - 10})
    for days in (8, 2):
        told = refused(shop, replace(PLAN, starts_on=today - timedelta(days=days)))
        assert "a day that is over" in told
        assert f"start on {today:%-d %b %Y} or later" in told
    assert lock_campaign(shop, create_draft(shop, replace(PLAN, starts_on=today)).campaign_id).status == "locked"


def test_an_audience_that_is_all_held_out_is_refused(shop: Warehouse) -> None:
    start_holdout(shop, 0.2)
    held = tuple(row[0] for row in shop.rows("SELECT customer_id FROM holdout_members WHERE is_held_out"))
    told = refused(shop, replace(PLAN, audience=CustomerFilter(customer_ids=held)))
    assert "in the global holdout" in told


def test_a_listed_audience_is_drawn_without_scores() -> None:
    opened = Warehouse.open(None)
    fill_shop(opened, SHAPES["Chinese"](60))
    with opened.transaction() as tx:
        for table in ("score_runs", "scores", "reasons"):
            tx.execute(f"DELETE FROM {table}")
    draft = create_draft(opened, replace(PLAN, is_listed=True, exclusions=Exclusions(invalid_contact=False)))
    give_list(opened, draft.campaign_id, "audience", [*SHAPES["Chinese"](50), "nobody knows"])
    locked = lock_campaign(opened, draft.campaign_id)
    assert sum(locked.counts["arms"].values()) == 50
    assert (locked.run_id, locked.model_version) == (None, None)
    assert assigned(opened, draft.campaign_id)["risk"].isna().all()
    opened.close()


ROLLING = replace(PLAN, entry="rolling", audience=CustomerFilter(tiers=("high",)))


def test_new_customers_join_a_rolling_campaign_by_the_same_hash(shop: Warehouse) -> None:
    draft = create_draft(shop, ROLLING)
    locked = lock_campaign(shop, draft.campaign_id)
    assert locked.ends_at is None
    first = assigned(shop, draft.campaign_id)
    score(shop, SHAPES["zero-padded"](900), run_id=2)
    with shop.transaction() as tx:
        tx.execute("UPDATE orders SET order_time = TIMESTAMP '2024-06-19 10:00' WHERE order_id = 'o5'")
    joined = join_campaign(shop, draft.campaign_id)
    rows = assigned(shop, draft.campaign_id)
    pd.testing.assert_frame_equal(rows.head(len(first)), first)
    new = rows.iloc[len(first) :]
    assert joined.n_customers == len(new) > 50
    assert joined.starts_on == date(2024, 6, 20)
    assert set(new["starts_at"]) == {pd.Timestamp("2024-06-20")}
    assert set(new["wave"]) == {3}
    assert new["arm"].tolist() == assign_arms(new["customer_id"].tolist(), ROLLING.shares, salt=draft.campaign_id)
    assert rows["row_no"].tolist() == list(range(1, len(rows) + 1))
    assert (joined.from_row, joined.to_row) == (len(first) + 1, len(rows))
    assert campaign(shop, draft.campaign_id).counts["joins"][0]["run_id"] == 2
    before = written(shop)
    assert join_campaign(shop, draft.campaign_id).n_customers == 0
    assert written(shop) == before


def test_nobody_joins_a_fixed_a_drafted_or_a_cancelled_campaign(shop: Warehouse) -> None:
    fixed, draft = create_draft(shop, PLAN), create_draft(shop, ROLLING)
    lock_campaign(shop, fixed.campaign_id)
    with pytest.raises(InputError, match="is fixed"):
        join_campaign(shop, fixed.campaign_id)
    with pytest.raises(InputError, match="still a draft"):
        join_campaign(shop, draft.campaign_id)
    with_others = replace(ROLLING, exclusions=replace(ROLLING.exclusions, other_campaign=False))
    save_draft(shop, draft.campaign_id, with_others, step=7)
    lock_campaign(shop, draft.campaign_id)
    cancel_campaign(shop, draft.campaign_id, "The budget was cut.")
    with pytest.raises(InputError, match="nobody joins it any more"):
        join_campaign(shop, draft.campaign_id)


def test_a_cancelled_campaign_keeps_its_draw_and_frees_its_customers(shop: Warehouse) -> None:
    first, second = create_draft(shop, PLAN), create_draft(shop, PLAN)
    with pytest.raises(InputError, match="still a draft"):
        cancel_campaign(shop, first.campaign_id, "The budget was cut.")
    lock_campaign(shop, first.campaign_id)
    assert preview_draw(shop, second.campaign_id).n_customers == 0
    with pytest.raises(InputError, match="reason is missing"):
        cancel_campaign(shop, first.campaign_id, " no ")
    called_off = cancel_campaign(shop, first.campaign_id, "The budget was cut.")
    assert called_off.status == "cancelled"
    assert called_off.counts["cancelled"]["why"] == "The budget was cut."
    assert len(assigned(shop, first.campaign_id)) == 900
    assert preview_draw(shop, second.campaign_id).n_customers == 900
    with pytest.raises(InputError, match="cancelled already"):
        cancel_campaign(shop, first.campaign_id, "The budget was cut again.")
    with pytest.raises(InputError, match="cancelled"):
        lock_campaign(shop, first.campaign_id)


def test_the_preview_is_plain_json(shop: Warehouse) -> None:
    draft = create_draft(shop, replace(PLAN, arms=(CONTROL, Arm(name="=x", share=0.8, action="call", channel="phone"))))
    told = json.loads(json.dumps(preview_draw(shop, draft.campaign_id).to_dict(), default=str))
    assert [arm["arm"] for arm in told["arms"]] == ["control", "=x"]
