"""Model cards: complete, the same bytes every time, nothing from outside, nothing that a name could smuggle in."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from churn_core.figures.card_html import card_html
from churn_core.models.card import card_markdown, model_card
from churn_core.models.families import CONSTANTS
from churn_core.models.preparation_unusual import UNUSUAL
from churn_core.models.promotion import promote
from churn_core.models.registry import model_version
from churn_core.models.snapshot_model import FOLD
from churn_core.models.training import train_model
from churn_core.warehouse import Warehouse

from .conftest import fill_snapshots, members

SECTIONS = (
    "Overview", "Intended use", "What it predicts", "Data and cutoffs", "Estimator, parameters and preparation",
    "Inputs", "Quality on customers and times it had not seen", "Calibration", "Leak guard", "Limitations",
    "How to get it again",
)  # fmt: skip


class _Page(HTMLParser):
    """Tags, attributes and text of a page; checks that every tag is closed."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words: list[str] = []
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag != "meta":
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @classmethod
    def read(cls, text: str) -> _Page:
        page = cls()
        page.feed(text)
        page.close()
        assert page._open == []
        return page


def test_the_card_says_everything(trained_shop: Warehouse) -> None:
    version = model_version(trained_shop, 1)
    card = model_card(version)
    assert tuple(section.title for section in card.sections) == SECTIONS
    text = card_markdown(card)
    words = text.replace("\\", "")
    assert version.sha256 in words
    assert "no order within 90 days" in words
    assert f"lightgbm {version.summary['libraries']['lightgbm']}" in words
    assert "churn train --source orders --seed 42" in words
    for period in version.summary["periods"]:
        gap = 100 * (period["mean_predicted"] - period["churn_rate"])
        assert f"{gap:+.1f} points" in words
    judged = version.summary["backtest"]["intervals"][version.estimator]["auc"]
    assert f"{judged['value']:.4f} [{judged['low']:.4f}, {judged['high']:.4f}]" in words
    assert "Season:" in words
    assert all(note.split(".")[0] in words for note in version.summary["notes"] if "|" not in note and "*" not in note)
    inputs = [name for name in version.feature_names if name not in CONSTANTS]
    for name in inputs:
        assert name in words
    assert f"{len(inputs)} inputs" in words


def test_two_cards_of_a_version_are_equal_byte_by_byte(trained_copy: Warehouse) -> None:
    train_model(trained_copy)
    before = model_card(model_version(trained_copy, 1))
    promote(trained_copy, 1)
    after = model_card(model_version(trained_copy, 1))
    assert card_markdown(before) == card_markdown(after)
    assert card_html(before) == card_html(after)


def test_the_page_stands_on_its_own(trained_shop: Warehouse) -> None:
    text = card_html(model_card(model_version(trained_shop, 1)))
    page = _Page.read(text)
    assert set(page.tags) & {"script", "link", "img", "iframe", "a", "object", "form"} == set()
    assert not re.search(r"https?:|url\(|@import|\bon[a-z]+=", text)
    assert not [name for name, _ in page.attributes if name in ("src", "href", "onclick", "onload")]
    assert page.tags.count("svg") == 3
    assert "prefers-color-scheme: dark" in text
    words = "".join(page.words)
    for title in SECTIONS:
        assert title in words


def test_charts_draw_the_stored_evaluation(trained_shop: Warehouse) -> None:
    card = model_card(model_version(trained_shop, 1))
    assert card.evaluation is not None
    text = card_html(card)
    assert text.count('class="point"') == len(card.evaluation.calibration)
    [curve, gain] = re.findall(r'class="curve" points="([^"]+)"', text)
    assert len(curve.split()) == len(card.evaluation.roc) + 2
    assert len(gain.split()) == len(card.evaluation.gain)
    heights = [float(point.split(",")[1]) for point in gain.split()]
    assert heights == sorted(heights, reverse=True), "the gain curve never falls"


HOSTILE = "</style><script>alert(1)</script> | *b* [x](javascript:1) `c`\n# h"


def test_names_from_a_file_are_only_text(warehouse: Warehouse) -> None:
    fill_snapshots(warehouse, members(300).rename(columns={"tenure": HOSTILE}))
    version = train_model(warehouse)
    card = model_card(replace(version, trained_by=HOSTILE))
    page = _Page.read(card_html(card))
    assert "script" not in page.tags
    assert "alert(1)" in "".join(page.words)
    text = card_markdown(card)
    assert "<script" not in text
    assert "\n# h" not in text
    rows = [line for line in text.splitlines() if line.startswith("| ") and "alert" in line]
    assert rows
    for row in rows:
        cells = re.split(r"(?<!\\)\|", row.strip("|"))
        assert len(cells) in (2, 4), "a bar in a name opens no column"
    assert not re.search(r"(?<!\\)\[x(?<!\\)\]", text)


def test_a_card_names_a_combination_by_itself_and_tells_a_search_in_words(trained_shop: Warehouse) -> None:
    version = model_version(trained_shop, 1)
    search = {
        "source": "orders",
        "n_tries": 8,
        "seconds": 83.5,
        "budget_seconds": 24.1,
        "was_stopped": True,
        "best": {"lightgbm": {"settings": {"n_trees": 80}, "log_loss": 0.41, "usual_log_loss": 0.42}},
        "curve": [],
        "recipe": version.summary["recipe"],
    }
    made = replace(
        version,
        estimator="stacking",
        feature_names=("n_orders", FOLD, UNUSUAL),
        summary={**version.summary, "search": search, "parameters": ["logistic", "lightgbm"]},
    )
    words = card_markdown(model_card(made)).replace("\\", "")
    assert "Stacking: several estimators with learnt shares in log-odds, calibrated" in words
    assert "| combined of | logistic, lightgbm |" in words
    assert "| Ended | stopped by a person; the best so far was kept |" in words
    assert "| Best settings of lightgbm | n trees: 80 |" in words
    assert "| Log loss of lightgbm | 0.4100, with the usual settings 0.4200 |" in words
    for raw in ("was stopped", "budget seconds", "n tries", "| curve", "recipe:"):
        assert raw not in words
    assert "2 inputs (of which it makes 'unusual customer' from the others);" in words


def test_a_table_without_time_has_no_cutoffs(warehouse: Warehouse) -> None:
    fill_snapshots(warehouse, members(300))
    text = card_markdown(model_card(train_model(warehouse))).replace("\\", "")
    assert "Cutoffs" not in text.replace("Data and cutoffs", "")
    assert "Every row was answered by a model that never saw it" in text
    assert "Column of the uploaded table" in text


def test_a_version_that_was_not_judged_says_so(trained_shop: Warehouse) -> None:
    version = model_version(trained_shop, 1)
    bare = {key: version.summary[key] for key in ("method", "definition", "seed")}
    card = model_card(replace(version, summary=bare, trained_by=""))
    text = card_markdown(card).replace("\\", "")
    assert "Not judged" in text
    assert "not kept" in text
    assert "<svg" not in card_html(card)


@pytest.mark.parametrize("estimator", ["logistic", "decision_tree"])
def test_the_command_that_makes_it_again_names_the_recipe(warehouse: Warehouse, estimator: str) -> None:
    from churn_core.models.recipe import Recipe

    fill_snapshots(warehouse, members(300))
    version = train_model(warehouse, seed=9, recipe=Recipe(estimators=(estimator,)))
    text = card_markdown(model_card(version)).replace("\\", "")
    assert f"churn train --source snapshots --seed 9 --estimators {estimator}" in text
