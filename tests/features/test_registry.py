"""The registry is complete, its words can be said, and its SQL stays in the subset that two engines share."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from churn_core.features.catalogue import features_markdown
from churn_core.features.feature import Feature, mentioned
from churn_core.features.query import features_sql
from churn_core.features.registry import FEATURES, GROUPS, MEASURES, UNITS, aggregate, needs_of, parts_of, tables_of
from churn_core.features.sources import SOURCES
from churn_core.features.words import feature_words
from churn_core.schema import TABLES
from churn_core.timeline import ChurnDefinition

ALL = list(FEATURES.values())
each_feature = pytest.mark.parametrize("feature", ALL, ids=lambda feature: feature.name)

NOT_IN_BOTH_ENGINES = re.compile(
    r"\blist|\bquantile|\bmode\s*\(|epoch_|\basof\b|\bunnest\b|\bstruct|\bmap\s*\(|->|::|\bqualify\b|\bhistogram\b"
    r"|\bdate_part\b|\bdatediff\b|\bany_value\b|\bfirst\s*\(|\blast\s*\(|\bmedian_|\bapprox|\[",
    re.IGNORECASE,
)


def sql_texts() -> dict[str, str]:
    """Every piece of feature SQL by name."""
    texts = {entry.name: entry.sql for entry in (*FEATURES.values(), *MEASURES.values())}
    return texts | {f"rows of {source.name}": source.rows(is_restricted=True) for source in SOURCES.values()}


def test_there_are_at_least_sixty_features_in_every_group() -> None:
    assert len(FEATURES) >= 60
    assert {feature.group for feature in ALL} == set(GROUPS)


def test_the_inputs_of_bg_nbd_have_fixed_names() -> None:
    assert {"n_order_days", "days_since_last_order", "days_since_first_order"} <= set(FEATURES)


@each_feature
def test_every_entry_is_declared_whole(feature: Feature) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", feature.name)
    assert feature.unit in UNITS
    assert feature.scale in ("log", "identity")
    assert feature.table in TABLES
    assert feature.meaning.endswith(".")
    assert feature.meaning[0].isupper()
    assert feature.label[0].isupper()
    assert feature.source is None or SOURCES[feature.source].table == feature.table
    assert feature.is_derived or feature.name not in MEASURES


@each_feature
def test_every_entry_can_be_said(feature: Feature) -> None:
    for value, is_high in ((7.0, True), (1.0, True), (1.0, False), (0.0, False)):
        words = feature_words(feature, value, is_high=is_high)
        assert not re.search(r"[{}\[\]|]", words)
        assert feature.unit == "flag" or re.search(r"\d|no |none|nothing", words), words
    assert feature_words(feature, float("nan"), is_high=True)
    assert "missing" not in feature.meaning or feature.words_missing


@each_feature
def test_derived_features_rest_on_aggregates_alone(feature: Feature) -> None:
    known = (mentioned(feature.sql) & (FEATURES.keys() | MEASURES.keys())) if feature.is_derived else {feature.name}
    assert known == parts_of(feature.name)
    assert known
    for part in known:
        assert aggregate(part).source in SOURCES


@each_feature
def test_needs_are_columns_of_the_schema(feature: Feature) -> None:
    for need in needs_of(feature):
        table, column = need.split(".")
        assert not TABLES[table].column(column).required
        assert table in tables_of(feature)


def test_no_name_is_used_twice_or_shadows_a_column() -> None:
    names = [*FEATURES, *MEASURES]
    columns = {"age_days", "last_order_age", "customer_id", "newest_age", "oldest_age", "wait_hours"}
    assert len(names) == len(set(names))
    for source in SOURCES.values():
        columns |= set(TABLES[source.table].column_names)
    assert not columns & set(names)


@pytest.mark.parametrize("name", sorted(sql_texts()))
def test_sql_stays_in_the_subset_of_both_engines(name: str) -> None:
    sql = sql_texts()[name]
    assert not NOT_IN_BOTH_ENGINES.search(sql), sql
    for divisor in re.findall(r"/\s*([a-z_0-9.]+)", sql):
        assert divisor == "nullif" or re.fullmatch(r"\d+e0", divisor), f"unguarded division by {divisor}"
    for dates in re.findall(r"date_diff\('day', (.*?), (.*?)\)\B", sql):
        assert all(date.startswith("CAST(") for date in dates)


def test_a_guard_of_the_subset_would_notice() -> None:
    for sql in ("list(amount)", "quantile_cont(amount, 0.5)", "mode(kind)", "epoch_us(t)", "a ASOF JOIN b", "x::INT"):
        assert NOT_IN_BOTH_ENGINES.search(sql)


def test_only_sources_that_are_needed_are_read() -> None:
    sql = features_sql(
        [FEATURES["n_order_days"]], ChurnDefinition(horizon_days=90), sources_seen=SOURCES, is_restricted=True
    )
    assert "from_orders" in sql
    assert "events" not in sql
    assert "from_shop" not in sql


def test_the_document_lists_the_registry_as_it_is() -> None:
    committed = Path(__file__).resolve().parents[2] / "docs" / "features.md"
    assert committed.read_text(encoding="utf-8") == features_markdown(), (
        "run python -m churn_core.features.catalogue docs/features.md"
    )
