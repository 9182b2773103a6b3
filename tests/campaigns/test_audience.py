"""Who a campaign is about: a filter over the scores or a list of ids, counted the same way everywhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churn_core.campaigns.audience import (
    NOT_SCORED,
    audience_sql,
    audience_total,
    clear_list,
    give_list,
    give_list_of_file,
    ids_from_text,
    list_kept,
)
from churn_core.campaigns.plan import Plan
from churn_core.campaigns.store import Campaign, create_draft
from churn_core.customers.at_risk import count_and_totals
from churn_core.customers.selection import CustomerFilter
from churn_core.errors import ChurnError, InputError, NotEnoughData
from churn_core.intake.formats import open_source
from churn_core.warehouse import Warehouse

from ..customers.conftest import add_run

HOSTILE = ("x'; DROP TABLE orders; --", "=cmd|' /C calc'!A0", "007", "7", "客户 1", 'a"b', "a,b", "$id", "%_")


def draft(warehouse: Warehouse, **plan: object) -> Campaign:
    return create_draft(warehouse, replace(Plan(name="Spring"), **plan))  # type: ignore[arg-type]


def meant(warehouse: Warehouse, campaign: Campaign) -> set[str]:
    asked = audience_sql(warehouse, campaign)
    return {row[0] for row in warehouse.rows(f"SELECT customer_id FROM ({asked.sql})", asked.parameters)}


@pytest.fixture
def shop(warehouse: Warehouse, put: Callable[..., None]) -> Warehouse:
    """Three scored customers, one who only ordered, one only known by name, one of a labelled table."""
    add_run(warehouse, {"a": 0.9, "b": 0.5, "c": 0.1}, values={"a": 100.0, "b": None, "c": 10.0})
    put(warehouse, "orders", [{"customer_id": "buyer", "order_id": "1", "order_time": datetime(2026, 10, 1)}])
    put(warehouse, "customers", [{"customer_id": customer} for customer in ("named", "a", "b", "c")])
    put(warehouse, "snapshots", [{"customer_id": "member", "churned": False}])
    return warehouse


@pytest.mark.parametrize(
    "chosen", [CustomerFilter(), CustomerFilter(tiers=("high", "low")), CustomerFilter(min_risk=0.99)]
)
def test_a_filter_means_whom_the_at_risk_page_lists(shop: Warehouse, chosen: CustomerFilter) -> None:
    found = audience_total(shop, draft(shop, audience=chosen))
    listed = count_and_totals(shop, chosen)
    assert (found.n_customers, found.n_value_known) == (listed.n_customers, listed.n_value_known)
    assert found.mean_risk == pytest.approx(listed.mean_risk)
    assert found.value_at_risk == pytest.approx(listed.value_at_risk)
    assert found.expected_value == pytest.approx(listed.expected_value)
    assert [(part.tier, part.n_customers) for part in found.tiers] == [
        (total.tier, total.n_customers) for total in listed.tiers
    ]
    assert found.n_listed is None


def test_a_list_means_customers_whom_the_workspace_knows_scored_or_not(shop: Warehouse) -> None:
    campaign = draft(shop, is_listed=True)
    given = give_list(shop, campaign.campaign_id, "audience", ["a", "buyer", "named", "member", "stranger"])
    assert (given.n_given, given.n_known, given.n_unknown, given.examples) == (5, 4, 1, ("stranger",))
    assert meant(shop, campaign) == {"a", "buyer", "named", "member"}
    total = audience_total(shop, campaign)
    assert (total.n_customers, total.n_scored, total.n_listed, total.n_unknown) == (4, 1, 5, 1)
    assert total.tiers[-1].tier == NOT_SCORED
    assert total.tiers[-1].n_customers == 3
    assert total.mean_risk == pytest.approx(0.9)


def test_a_list_works_before_anything_was_scored_and_a_filter_says_what_to_do(
    warehouse: Warehouse, put: Callable[..., None]
) -> None:
    put(warehouse, "customers", [{"customer_id": "named"}])
    campaign = draft(warehouse, is_listed=True)
    give_list(warehouse, campaign.campaign_id, "audience", ["named"])
    total = audience_total(warehouse, campaign)
    assert (total.n_customers, total.run_id, total.value_at_risk, total.mean_risk) == (1, None, None, None)
    with pytest.raises(NotEnoughData, match="no customers were scored yet"):
        audience_total(warehouse, draft(warehouse))


def test_a_labelled_table_is_an_audience_too(warehouse: Warehouse, put: Callable[..., None]) -> None:
    put(
        warehouse,
        "snapshots",
        [{"customer_id": f"m{nr}", "churned": False, "attributes": f'{{"plan": "{nr % 2}"}}'} for nr in range(6)],
    )
    add_run(warehouse, {f"m{nr}": 0.3 for nr in range(6)}, as_of=None, source="snapshots")
    campaign = draft(warehouse, audience=CustomerFilter(attributes=(("plan", "1"),)))
    assert meant(warehouse, campaign) == {"m1", "m3", "m5"}


def test_ids_are_trimmed_kept_as_text_and_counted_once(shop: Warehouse) -> None:
    campaign = draft(shop, is_listed=True)
    given = give_list(shop, campaign.campaign_id, "audience", [" a ", "a", "\u00a0b\t", "", "  ", "007", "7", "a"])
    assert (given.n_given, given.n_known, given.n_unknown, given.n_duplicate) == (6, 2, 2, 2)
    assert given.duplicates == ("a",)
    assert given.examples == ("007", "7")
    assert "2 were there already" in given.message
    assert "Not known: 007, 7." in given.message


def test_many_unknown_ids_are_told_with_a_few_examples(shop: Warehouse) -> None:
    given = give_list(shop, draft(shop).campaign_id, "exclude", [f"u{nr:03d}" for nr in range(40)])
    assert given.message.endswith("Not known: u000, u001, u002, u003, u004 and 35 more.")


def test_hostile_ids_are_only_text(shop: Warehouse, put: Callable[..., None]) -> None:
    put(shop, "customers", [{"customer_id": customer} for customer in HOSTILE])
    campaign = draft(shop, is_listed=True)
    given = give_list(shop, campaign.campaign_id, "audience", [*HOSTILE, "\ud800"])
    assert (given.n_known, given.examples) == (len(HOSTILE), ("?",))
    assert meant(shop, campaign) == set(HOSTILE)


def test_ids_of_an_exported_list_are_known_with_their_apostrophe(shop: Warehouse, put: Callable[..., None]) -> None:
    put(shop, "customers", [{"customer_id": "=1+1"}, {"customer_id": "@ann"}, {"customer_id": "'@ann"}])
    campaign = draft(shop, is_listed=True)
    given = give_list(shop, campaign.campaign_id, "audience", ["'=1+1", "'@ann", "'nobody"])
    assert (given.n_known, given.n_unknown, given.examples) == (2, 1, ("'nobody",))
    kept = shop.rows("SELECT customer_id FROM campaign_lists ORDER BY customer_id")
    assert kept == [("'@ann",), ("'nobody",), ("=1+1",)]


def test_a_list_replaces_the_one_before_whole_and_is_audited(shop: Warehouse) -> None:
    campaign = draft(shop, is_listed=True)
    give_list(shop, campaign.campaign_id, "exclude", ["c"])
    give_list(shop, campaign.campaign_id, "audience", ["a", "b"])
    give_list(shop, campaign.campaign_id, "audience", ["buyer"])
    assert meant(shop, campaign) == {"buyer"}
    assert list_kept(shop, campaign.campaign_id, "exclude").n_known == 1
    action, detail = shop.rows("SELECT action, detail FROM audit_log ORDER BY entry DESC LIMIT 1")[0]
    assert action == "campaign list given"
    assert '"n_given": 1' in detail


def test_a_list_that_cannot_be_used_changes_nothing(shop: Warehouse) -> None:
    campaign = draft(shop, is_listed=True)
    give_list(shop, campaign.campaign_id, "audience", ["a"])
    entries = shop.n_rows("audit_log")
    with pytest.raises(NotEnoughData, match="no customer id"):
        give_list(shop, campaign.campaign_id, "audience", ["", " "])
    with pytest.raises(ChurnError, match="did you mean 'audience'"):
        give_list(shop, campaign.campaign_id, "audiense", ["b"])
    assert meant(shop, campaign) == {"a"}
    assert shop.n_rows("audit_log") == entries


def test_a_locked_campaign_keeps_its_lists(shop: Warehouse, made_campaign: Callable[..., Campaign]) -> None:
    locked = made_campaign(shop, n=4)
    with pytest.raises(InputError, match="cannot change any more"):
        give_list(shop, locked.campaign_id, "audience", ["a"])
    with pytest.raises(InputError, match="cannot change any more"):
        clear_list(shop, locked.campaign_id, "exclude")


def test_a_cleared_list_means_nobody(shop: Warehouse) -> None:
    campaign = draft(shop, is_listed=True)
    give_list(shop, campaign.campaign_id, "audience", ["a"])
    clear_list(shop, campaign.campaign_id, "audience")
    assert meant(shop, campaign) == set()
    assert list_kept(shop, campaign.campaign_id, "audience").n_given == 0


def test_unknown_ids_are_known_once_an_import_brings_them(shop: Warehouse, put: Callable[..., None]) -> None:
    campaign = draft(shop, is_listed=True)
    give_list(shop, campaign.campaign_id, "audience", ["later"])
    assert meant(shop, campaign) == set()
    put(shop, "customers", [{"customer_id": "later"}])
    assert list_kept(shop, campaign.campaign_id, "audience").n_known == 1
    assert meant(shop, campaign) == {"later"}


@pytest.mark.parametrize(
    ("name", "text", "n_known"),
    [
        ("named.csv", "city,Kundennummer\nParis,a\nRome,b\nRome,zz\n", 2),
        ("first.csv", "who,spent\na,10\nc,3\n", 2),
        ("bare.csv", "named\nbuyer\nmember\n", 3),
        ("semicolons.txt", "customer_id;x\n a ;1\nb;2\n", 2),
    ],
)
def test_ids_come_from_a_file(shop: Warehouse, tmp_path: Path, name: str, text: str, n_known: int) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    campaign = draft(shop, is_listed=True)
    given = give_list_of_file(shop, campaign.campaign_id, "audience", open_source(tmp_path / name))
    assert given.n_known == n_known
    assert len(meant(shop, campaign)) == n_known


def test_a_column_of_a_file_can_be_named(shop: Warehouse, tmp_path: Path) -> None:
    pd.DataFrame({"customer_id": ["zz"], "old number": ["a"]}).to_csv(tmp_path / "both.csv", index=False)
    source = open_source(tmp_path / "both.csv")
    campaign = draft(shop, is_listed=True)
    assert give_list_of_file(shop, campaign.campaign_id, "audience", source).n_known == 0
    assert give_list_of_file(shop, campaign.campaign_id, "audience", source, "old number").n_known == 1
    with pytest.raises(ChurnError, match="did you mean 'old number'"):
        give_list_of_file(shop, campaign.campaign_id, "audience", source, "old numbr")


IDS = st.lists(st.text("abcXYZ0189-_ äß", min_size=1).map(str.strip).filter(bool))


@given(IDS, st.sampled_from([",", "\n", "\t;"]))
def test_pasted_ids_come_back_as_they_were(ids: list[str], between: str) -> None:
    assert ids_from_text(between.join(ids)) == ids


def test_quotes_around_pasted_ids_are_taken_off() -> None:
    assert ids_from_text('"a"\r\n"b c"\r\n\r\n') == ["a", "b c"]
