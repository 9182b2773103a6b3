"""The import page: from a file to rows in tables, or to one sentence with nothing changed."""

from __future__ import annotations

import time
from datetime import datetime

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from churn_core.intake.history import Import, past_imports
from churn_core.settings import settings
from churn_core.workspaces import create_workspace, open_workspace
from tests.pages.conftest import App, Home, labelled_table
from ui import session
from ui.import_history import rejected_file

PAGE = "pages/data/import_file.py"
ORDERS = "Kunde;Bestellnummer;Bestelldatum;Betrag\n" + "".join(
    f"0{customer};A-{customer}-{month};{day:02d}.{month:02d}.2024;{20 + month},50\n"
    for customer in range(10, 22)
    for month, day in ((1, 3), (2, 17), (5, 28))
)
UNREADABLE = ORDERS + "099;A-99-1;whenever;12,00\n"


@pytest.fixture
def page(churn_home: Home, app: App) -> AppTest:
    create_workspace("Shop")
    return app(PAGE)


def test_a_file_is_proposed_shown_and_imported(page: AppTest) -> None:
    give(page, "orders.csv", ORDERS)
    assert "Ten rows as they will be understood" in [part.value for part in page.subheader]
    shown = page.dataframe[0].value
    assert list(shown["customer_id"][:2]) == ["010", "010"]
    assert float(shown["amount"][0]) == 21.5
    start_import(page)
    assert "36 orders added" in page.success[0].value
    assert open_workspace("Shop").n_rows("orders") == 36


def test_the_file_is_removed_after_the_import(page: AppTest) -> None:
    give(page, "orders.csv", ORDERS)
    folder = open_workspace("Shop").folder
    assert folder is not None
    assert len(list(folder.glob("upload-*"))) == 1
    start_import(page)
    assert not list(folder.iterdir())


def test_the_same_file_again_changes_nothing_and_says_so(page: AppTest) -> None:
    for _ in range(2):
        give(page, "orders.csv", ORDERS)
        start_import(page)
    assert "nothing" in page.success[0].value
    assert open_workspace("Shop").n_rows("orders") == 36


def test_a_mapping_is_remembered_for_the_next_file_of_that_shape(page: AppTest) -> None:
    give(page, "orders.csv", ORDERS)
    start_import(page)
    give(page, "next.csv", ORDERS.replace("2024", "2025").replace("A-", "B-"))
    assert any("imported before; its mapping is used again" in info.value for info in page.info)


def test_a_field_can_be_given_another_column(page: AppTest) -> None:
    give(page, "orders.csv", ORDERS)
    choice = next(box for box in page.selectbox if box.label == "Amount")
    choice.set_value("").run()
    assert "amount" not in page.dataframe[0].value
    start_import(page)
    assert open_workspace("Shop").value("SELECT count(amount) FROM orders") == 0


def test_without_a_needed_column_the_button_is_off_and_the_reason_is_said(page: AppTest) -> None:
    give(page, "orders.csv", ORDERS)
    next(box for box in page.selectbox if box.label == "Customer id").set_value("").run()
    assert page.button(key="import").disabled
    assert "customer id" in page.error[0].value


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.csv", "", "empty"),
        ("header.csv", "customer,date,amount\n", "no rows"),
        ("picture.csv", "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00", ""),
    ],
)
def test_bad_files_are_one_sentence_and_nothing_changes(page: AppTest, name: str, content: str, said: str) -> None:
    give(page, name, content)
    assert len(page.error) == 1
    assert said in page.error[0].value
    assert not page.exception
    assert "import" not in [button.key for button in page.button]
    warehouse = open_workspace("Shop")
    assert warehouse.data_version == 0
    assert warehouse.folder is not None
    assert not list(warehouse.folder.iterdir())


def test_rejected_rows_can_be_downloaded(page: AppTest) -> None:
    give(page, "orders.csv", UNREADABLE)
    start_import(page)
    button = next(part for part in page.get("download_button") if "1 row of" in part.label)
    assert button.proto.id
    st.session_state[session.WORKSPACE] = "Shop"
    content = rejected_file(1)().decode("utf-8-sig")
    assert "whenever" in content
    assert "rejected_cause" in content


def test_the_positive_label_is_shown_for_confirmation(page: AppTest) -> None:
    give(page, "members.csv", labelled_table(200).to_csv(index=False))
    label = next(choice for choice in page.multiselect if "mean that the customer left" in choice.label)
    assert label.value == ["Yes"]
    label.set_value(["No"]).run()
    start_import(page)
    n_no = int((labelled_table(200)["churned"] == "No").sum())
    assert open_workspace("Shop").value("SELECT count(*) FROM snapshots WHERE churned") == n_no


def test_attributes_without_a_date_are_learned_from_only_when_marked_stable(page: AppTest) -> None:
    content = "customer_id,email,country,loyalty\n" + "".join(f"C-{i},a{i}@x.org,UK,gold\n" for i in range(30))
    give(page, "customers.csv", content)
    assert any("learns the answer instead of the warning" in info.value for info in page.info)
    stable = next(choice for choice in page.multiselect if choice.label.startswith("Stable attributes"))
    assert stable.value == []
    stable.set_value(["loyalty"]).run()
    start_import(page)
    assert settings(open_workspace("Shop")).stable_attributes == ("loyalty",)


def give(page: AppTest, name: str, content: str) -> None:
    page.file_uploader[0].set_value((name, content.encode("latin-1"), "text/csv")).run()
    assert not page.exception


def start_import(page: AppTest, seconds: float = 30) -> None:
    page.button(key="import").click().run()
    deadline = time.monotonic() + seconds
    while open_workspace("Shop").value("SELECT count(*) FROM jobs WHERE finished_at IS NULL"):
        assert time.monotonic() < deadline, "the import did not end"
        time.sleep(0.05)
    page.run()
    assert not page.exception
    assert not page.error


def test_an_empty_file_is_called_by_its_own_name(page: AppTest) -> None:
    give(page, "nothing-here.csv", "")
    assert "nothing-here.csv" in page.error[0].value.replace("\\", "")
    assert "upload-" not in page.error[0].value


def test_how_an_import_ended_is_gone_with_the_next_file(page: AppTest) -> None:
    give(page, "orders.csv", ORDERS)
    start_import(page)
    assert page.success
    give(page, "empty.csv", "")
    assert not page.success
    assert len(page.error) == 1


def test_a_file_chosen_in_one_workspace_is_not_offered_in_another(page: AppTest) -> None:
    create_workspace("Another shop")
    give(page, "orders.csv", ORDERS)
    assert [button for button in page.button if button.key == "import"]
    page.sidebar.selectbox(key=session.WORKSPACE).set_value("Another shop").run()
    assert page.title[0].value == "Import"
    assert not [button for button in page.button if button.key == "import"]
    assert not page.exception


def test_many_rows_set_aside_are_no_plain_success(page: AppTest) -> None:
    give(page, "orders.csv", ORDERS + "".join(f"09{n};A-99-{n};whenever;12,00\n" for n in range(18)))
    start_import(page)
    assert not page.success
    said = page.warning[0].value.replace("\\", "")
    assert "33.3 % of the rows were set aside" in said
    assert "the main cause is" in said
    assert "18 rows" in said


def test_past_imports_say_what_came_of_a_file_table_by_table(page: AppTest) -> None:
    give(page, "orders.csv", UNREADABLE)
    start_import(page)
    (row,) = past_imports(open_workspace("Shop"))
    assert row.outcome.startswith("36 orders added")
    table = next(frame.value for frame in page.dataframe if "What came of it" in frame.value)
    assert table["What came of it"][0] == row.outcome
    assert table["Set aside"][0] == "1 (2.7 %)"


def test_after_an_import_the_data_and_the_definition_come_next(page: AppTest) -> None:
    give(page, "orders.csv", ORDERS)
    start_import(page)
    labels = [link.proto.label for link in page.get("page_link")]
    assert labels[:2] == ["Next: check the data", "Next: say what churned means"]
    page.switch_page("pages/data/quality.py").run()
    assert "Next: say what churned means" in [link.proto.label for link in page.get("page_link")]


def test_rows_without_a_label_are_announced_before_the_import(page: AppTest) -> None:
    table = labelled_table(200)
    table.loc[:11, "churned"] = ""
    give(page, "members.csv", table.to_csv(index=False))
    assert any("12 rows without a label: nothing is learned from them" in info.value for info in page.info)


def test_a_file_is_read_differently_on_request(page: AppTest) -> None:
    give(page, "orders.csv", ORDERS)
    next(box for box in page.selectbox if box.label == "Separator").set_value("|")
    next(button for button in page.button if button.label == "Read again").click().run()
    assert not page.exception
    assert (
        page.error or "Kunde;Bestellnummer;Bestelldatum;Betrag" in page.session_state["upload"].source.columns[0].name
    )
    assert "orders.csv" in page.session_state["upload"].name


def test_data_that_was_made_says_which_table_it_filled() -> None:
    made = Import(
        import_id=1, imported_at=datetime(2026, 1, 1), file_name="simulated shop", tables=("order_lines",), n_rows=1200,
        n_added=1200, n_updated=0, n_unchanged=0, n_rejected=0, message=None,
    )  # fmt: skip
    assert made.outcome == "order lines: 1,200 added"
