"""What a file holds and which column is which is proposed rightly, with confidence and reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from churn_core.errors import ChurnError, InputError, NotFound
from churn_core.intake.formats import ReadOptions, Source, open_source
from churn_core.intake.load import import_file, preview
from churn_core.intake.mapping import ROW_NUMBER, Mapping, propose_mapping, remembered_mapping
from churn_core.intake.values import positive_labels
from churn_core.warehouse import Warehouse

Read = Callable[..., Source]

REAL_FILES: dict[str, tuple[str, dict[str, str]]] = {
    "online_retail_II.parquet": (
        "order_lines",
        {
            "customer_id": "CustomerID",
            "order_id": "Invoice",
            "order_time": "InvoiceDate",
            "product_id": "StockCode",
            "product_name": "Description",
            "quantity": "Quantity",
            "unit_price": "Price",
            "customer_country": "Country",
        },
    ),
    "online_retail_II_orders.csv": (
        "orders",
        {
            "customer_id": "customer_id",
            "order_id": "order_id",
            "order_time": "order_time",
            "amount": "amount",
            "n_items": "items",
        },
    ),
    "online_retail_II_returns.csv": (
        "returns",
        {"customer_id": "customer_id", "return_id": "return_id", "return_time": "return_time", "amount": "amount"},
    ),
    "cdnow_sample_orders.csv": (
        "orders",
        {"customer_id": "customer_id", "order_time": "order_time", "amount": "amount", "n_items": "items"},
    ),
    "Telco-Customer-Churn.csv": (
        "snapshots",
        {"customer_id": "customerID", "churned": "Churn", "value_amount": "MonthlyCharges"},
    ),
    "E_Commerce_Dataset.xlsx": ("snapshots", {"customer_id": "CustomerID", "churned": "Churn"}),
}


@pytest.mark.parametrize("name", REAL_FILES)
def test_public_files_are_understood(real_data: Path, name: str) -> None:
    kind, fields = REAL_FILES[name]
    proposal = propose_mapping(open_source(real_data / name))
    assert proposal.problem is None
    assert proposal.mapping.kind == kind
    assert dict(proposal.mapping.fields) == fields
    assert 0.5 < proposal.kind_confidence <= 1
    assert proposal.kind_reason
    for column in proposal.columns:
        assert 0 <= column.confidence <= 1
        assert column.reason
        assert (column.field is None) == (column.confidence == 0)


def test_cancellations_of_online_retail_are_noticed(real_data: Path) -> None:
    assert propose_mapping(open_source(real_data / "online_retail_II.parquet")).mapping.cancellation_prefix == "C"


@pytest.mark.parametrize(
    ("name", "positive"), [("Telco-Customer-Churn.csv", ("Yes",)), ("E_Commerce_Dataset.xlsx", ("1",))]
)
def test_the_positive_label_of_public_files_is_proposed(real_data: Path, name: str, positive: tuple[str, ...]) -> None:
    proposal = propose_mapping(open_source(real_data / name))
    assert proposal.mapping.label_positive == positive
    assert len(proposal.label_values) == 2


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("waimai_10k.csv", "feedback", "no column with a customer id and none with a date"),
        ("online_shopping_10_cats.zip", "feedback", "no column with a customer id and none with a date"),
        ("hillstrom.csv", "customers", "no column with a customer id"),
    ],
)
def test_public_files_that_say_nothing_about_customers_are_answered(
    real_data: Path, warehouse: Warehouse, name: str, kind: str, words: str
) -> None:
    source = open_source(real_data / name)
    proposal = propose_mapping(source)
    assert proposal.mapping.kind == kind
    assert proposal.problem is not None
    assert words in proposal.problem
    with pytest.raises(InputError, match=words):
        import_file(warehouse, source, proposal.mapping)
    assert warehouse.n_rows("imports") == 0


HEADERS: dict[str, tuple[str, str, dict[str, str]]] = {
    "german": (
        "Kundennummer;Bestellnummer;Bestelldatum;Gesamtbetrag;Währung\n7;A1;13.01.2024;12,50;EUR\n8;A2;14.01.2024;3,20;EUR\n",
        "orders",
        {
            "customer_id": "Kundennummer",
            "order_id": "Bestellnummer",
            "order_time": "Bestelldatum",
            "amount": "Gesamtbetrag",
            "currency": "Währung",
        },
    ),
    "french": (
        "Numéro client;Date commande;Montant total\n7;13/01/2024;12,50\n7;14/01/2024;3,20\n8;14/01/2024;3,20\n",
        "orders",
        {"customer_id": "Numéro client", "order_time": "Date commande", "amount": "Montant total"},
    ),
    "spanish": (
        "id_cliente,fecha_pedido,importe\n7,2024-01-13,12.50\n7,2024-01-15,12.50\n8,2024-01-14,3.20\n",
        "orders",
        {"customer_id": "id_cliente", "order_time": "fecha_pedido", "amount": "importe"},
    ),
    "chinese": (
        "客户编号,订单号,下单时间,订单金额\n7,A1,2024-01-13 10:00,12.50\n8,A2,2024年1月14日,3.20\n",
        "orders",
        {"customer_id": "客户编号", "order_id": "订单号", "order_time": "下单时间", "amount": "订单金额"},
    ),
    "shop system": (
        "Order Number,Customer ID,Created At,Total Price,Discount "
        "Amount,Email\n1,7,2024-01-13T10:00:00Z,12.5,0,a@example.org\n"
        "2,8,2024-01-14T10:00:00Z,12.5,1,b@example.org\n",
        "orders",
        {
            "customer_id": "Customer ID",
            "order_id": "Order Number",
            "order_time": "Created At",
            "amount": "Total Price",
            "discount_amount": "Discount Amount",
            "customer_email": "Email",
        },
    ),
    "order export with lines": (
        "Name,Email,Paid at,Currency,Total,Created at,Lineitem quantity,Lineitem name,Lineitem price\n"
        "#1,a@example.org,2024-01-05 10:00:00 +0100,EUR,55,2024-01-05 10:00:00 +0100,2,Soap,10\n"
        "#1,a@example.org,,,,2024-01-05 10:00:00 +0100,1,Candle,30\n"
        "#2,b@example.org,2024-01-07 12:30:00 +0100,EUR,15,2024-01-07 12:30:00 +0100,1,Soap,10\n",
        "order_lines",
        {
            "order_id": "Name",
            "customer_id": "Email",
            "order_time": "Created at",
            "product_name": "Lineitem name",
            "quantity": "Lineitem quantity",
            "unit_price": "Lineitem price",
            "currency": "Currency",
        },
    ),
    "clicks with milliseconds": (
        "timestamp,visitorid,event,itemid\n1433221332117,257597,view,355908\n1433221999827,111016,addtocart,318965\n",
        "events",
        {"customer_id": "visitorid", "kind": "event", "event_time": "timestamp", "product_id": "itemid"},
    ),
    "clicks": (
        "user_id,event_type,timestamp,item_id\n7,view,1705140000,x\n7,add_to_cart,1705140060,x\n8,search,1705140060,y\n",
        "events",
        {"customer_id": "user_id", "kind": "event_type", "event_time": "timestamp", "product_id": "item_id"},
    ),
    "reviews": (
        "review_id,customer_id,review_date,stars,review_text\n1,7,2024-01-13,5,Lovely thing and "
        "quick\n2,8,2024-01-14,1,Never came\n",
        "feedback",
        {
            "feedback_id": "review_id",
            "customer_id": "customer_id",
            "feedback_time": "review_date",
            "rating": "stars",
            "text": "review_text",
        },
    ),
    "tickets": (
        "Ticket ID,Customer ID,Created,First Response Time,Resolved "
        "At,Subject\n1,7,2024-01-13,2024-01-14,2024-01-15,Where is it\n",
        "tickets",
        {
            "ticket_id": "Ticket ID",
            "customer_id": "Customer ID",
            "opened_at": "Created",
            "first_reply_at": "First Response Time",
            "resolved_at": "Resolved At",
            "topic": "Subject",
        },
    ),
    "newsletter": (
        "subscriber_id,campaign,event,sent_at\n7,June,open,2024-06-01\n8,June,sent,2024-06-01\n",
        "contacts",
        {"customer_id": "subscriber_id", "campaign": "campaign", "kind": "event", "contact_time": "sent_at"},
    ),
    "customers": (
        "Customer Number,Full Name,E-Mail,Country,Registered,Loyalty "
        "level\n007,Ada,a@example.org,UK,2020-01-01,gold\n008,Bob,b@example.org,UK,2020-01-02,tin\n",
        "customers",
        {
            "customer_id": "Customer Number",
            "name": "Full Name",
            "email": "E-Mail",
            "country": "Country",
            "signup_time": "Registered",
        },
    ),
    "bank": (
        "CLIENTNUM,Attrition_Flag,Customer_Age\n768805383,Existing Customer,45\n818770008,Attrited Customer,49\n",
        "snapshots",
        {"customer_id": "CLIENTNUM", "churned": "Attrition_Flag"},
    ),
}


@pytest.mark.parametrize("case", HEADERS)
def test_headers_of_many_systems_and_languages_are_understood(read: Read, case: str) -> None:
    text, kind, fields = HEADERS[case]
    proposal = propose_mapping(read(text))
    assert proposal.mapping.kind == kind
    assert dict(proposal.mapping.fields) == fields
    assert proposal.problem is None


@pytest.mark.parametrize(
    ("values", "positive"),
    [
        (["Yes", "No"], ("Yes",)),
        (["1", "0"], ("1",)),
        (["True", "False"], ("True",)),
        (["Churned", "Stayed", "Joined"], ("Churned",)),
        (["Existing Customer", "Attrited Customer"], ("Attrited Customer",)),
        (["是", "否"], ("是",)),
        (["流失", "未流失"], ("流失",)),
        (["ja", "nein"], ("ja",)),
        (["red", "blue"], ()),
        (["no"], ()),
    ],
)
def test_labels_are_understood(values: list[str], positive: tuple[str, ...]) -> None:
    assert positive_labels(values) == positive


def test_a_column_that_says_who_stayed_is_turned_around(read: Read) -> None:
    proposal = propose_mapping(read("customer_id,retained,x\n1,yes,4\n2,no,5\n3,yes,6\n"), kind="snapshots")
    assert proposal.mapping.label_positive == ("no",)


def test_a_label_that_cannot_be_told_is_asked_for(read: Read) -> None:
    proposal = propose_mapping(read("customer_id,churn\n1,red\n2,blue\n"))
    assert proposal.problem is not None
    assert "say which of these mean that the customer left" in proposal.problem


def test_another_kind_can_be_asked_for(read: Read) -> None:
    source = read(HEADERS["german"][0])
    proposal = propose_mapping(source, kind="returns")
    assert proposal.mapping.kind == "returns"
    assert proposal.mapping.fields["return_time"] == "Bestelldatum"
    with pytest.raises(NotFound, match="did you mean 'orders'"):
        propose_mapping(source, kind="order")


def test_a_mapping_survives_toml() -> None:
    mapping = Mapping(
        kind="order_lines",
        fields={"customer_id": 'a "quoted" name', "order_time": "日期", "order_id": "back\\slash"},
        constants={"currency": "GBP"},
        cancellation_prefix="C",
        label_positive=("yes", "是"),
        options=ReadOptions(separator="\t", header_line=3, date_order="dmy"),
    )
    assert Mapping.from_toml(mapping.to_toml()) == mapping


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kind = ", "not valid TOML"),
        ("fields = {}", "'kind' is missing"),
        ('kind = "orders"\ncolour = "red"', "'colour' is not part of a mapping"),
        ('kind = "ordrs"', "did you mean 'orders'"),
        ('kind = "orders"\n[fields]\ncustomer = "x"', "did you mean 'customer_id'"),
        ('kind = "orders"\n[options]\ndecimal = "x"', "decimal mark"),
        ('kind = "orders"\n[options]\ndecimals = ","', "decimals"),
    ],
)
def test_a_wrong_mapping_file_is_answered(text: str, words: str) -> None:
    with pytest.raises(ChurnError, match=words):
        Mapping.from_toml(text)


def test_the_mapping_is_remembered_for_the_next_file_of_that_shape(warehouse: Warehouse, read: Read) -> None:
    first = read("who,when,howmuch\n1,2024-01-01,5\n2,2024-01-02,6\n")
    chosen = Mapping(kind="orders", fields={"customer_id": "who", "order_time": "when", "amount": "howmuch"})
    import_file(warehouse, first, chosen)
    second = read("who,when,howmuch\n3,2024-02-01,5\n4,2024-02-02,6\n", "next.csv")
    remembered = remembered_mapping(warehouse, second)
    assert remembered is not None
    proposal = propose_mapping(second, remembered=remembered)
    assert proposal.is_remembered
    assert dict(proposal.mapping.fields) == dict(chosen.fields)
    assert remembered_mapping(warehouse, read("who,when,price\n1,2024-01-01,5\n", "other.csv")) is None


def test_preview_shows_rows_as_they_will_be_understood(read: Read) -> None:
    source = read("Kunde;Datum;Betrag\n007;13.01.2024 18:30;1.234,50\n8;bald;5,00\n")
    frame = preview(source, propose_mapping(source).mapping)
    assert frame.columns.tolist()[:4] == ["line", "customer_id", "order_time", "amount"]
    assert frame["customer_id"].tolist() == ["007", "8"]
    assert f"{frame['order_time'][0]:%Y-%m-%d %H:%M}" == "2024-01-13 18:30"
    assert frame["amount"].tolist() == [1234.5, 5.0]
    assert frame["problem"][1] == "'bald' is not a date that can be read"
    assert len(preview(source, propose_mapping(source).mapping, n_rows=1)) == 1


def test_a_labelled_table_without_ids_takes_row_numbers_only_when_told_to(warehouse: Warehouse, read: Read) -> None:
    source = read("age,churn\n41,yes\n42,no\n")
    proposal = propose_mapping(source)
    assert proposal.mapping.kind == "snapshots"
    assert "no column with a customer id" in (proposal.problem or "")
    told = Mapping(
        kind="snapshots", fields={"churned": "churn"}, label_positive=("yes",), constants={"customer_id": ROW_NUMBER}
    )
    import_file(warehouse, source, told)
    assert warehouse.rows("SELECT customer_id, churned FROM snapshots ORDER BY row_no") == [
        ("row 2", True),
        ("row 3", False),
    ]


def test_an_address_is_the_customer_id_where_there_is_no_other(read: Read) -> None:
    proposal = propose_mapping(
        read(
            "Name,Email,Total,Created at\n#1,a@example.org,5.10,2024-01-01\n"
            "#2,b@example.org,6,2024-01-02\n#3,a@example.org,6,2024-01-09\n"
        )
    )
    assert proposal.mapping.kind == "orders"
    assert proposal.mapping.fields["customer_id"] == "Email"
    assert "customer_email" not in proposal.mapping.fields


def test_dates_that_prove_nothing_are_read_like_those_of_the_last_file(warehouse: Warehouse, read: Read) -> None:
    first = read("customer_id,order_id,order_time,amount\n1,a,12/25/2024,5\n2,b,12/26/2024,6\n")
    import_file(warehouse, first, propose_mapping(first).mapping)
    second = read("customer_id,order_id,order_time,amount\n1,c,01/02/2025,5\n2,d,01/02/2025,6\n", "next.csv")
    assert second.date_order == "dmy"
    mapping = propose_mapping(second, remembered=remembered_mapping(warehouse, second)).mapping
    assert f"{preview(second, mapping)['order_time'][0]:%Y-%m-%d}" == "2025-01-02"
    import_file(warehouse, second, mapping)
    assert f"{warehouse.value('SELECT max(order_time) FROM orders'):%Y-%m-%d}" == "2025-01-02"


def test_proof_in_the_file_wins_over_the_last_file(warehouse: Warehouse, read: Read) -> None:
    first = read("customer_id,order_id,order_time,amount\n1,a,12/25/2024,5\n2,b,12/26/2024,6\n")
    import_file(warehouse, first, propose_mapping(first).mapping)
    second = read("customer_id,order_id,order_time,amount\n1,c,13/02/2025,5\n2,d,01/02/2025,6\n", "next.csv")
    mapping = propose_mapping(second, remembered=remembered_mapping(warehouse, second)).mapping
    assert preview(second, mapping)["order_time"].dt.month.tolist() == [2, 2]
