"""The one door to the database: transactions, threads, locks, migrations, hostile names."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pandas as pd
import pytest

from churn_core import schema
from churn_core.errors import InputError, WorkspaceBusy
from churn_core.warehouse import Warehouse, migrations

HOSTILE_NAMES = [
    '"; DROP TABLE orders; --',
    "Robert'); --",
    "=1+1",
    "<script>",
    "näme 客户 🙂",
    "a\nb",
    "$cutoff",
    "  ",
]


def test_a_transaction_that_raises_leaves_the_tables_as_they_were(warehouse: Warehouse) -> None:
    with pytest.raises(RuntimeError), warehouse.transaction() as tx:
        tx.save_setting("currency", "EUR")
        tx.bump_data_version()
        raise RuntimeError("something broke")
    assert warehouse.setting("currency") is None
    assert warehouse.data_version == 0


def test_the_data_version_grows_with_every_bump(warehouse: Warehouse) -> None:
    for expected in (1, 2, 3):
        with warehouse.transaction() as tx:
            assert tx.bump_data_version() == expected
    assert warehouse.data_version == 3


def test_readers_see_the_state_before_an_open_transaction(warehouse: Warehouse) -> None:
    with warehouse.transaction() as tx:
        tx.save_setting("currency", "GBP")
        assert tx.setting("currency") == "GBP"
        assert warehouse.setting("currency") is None
    assert warehouse.setting("currency") == "GBP"


def test_many_threads_read_and_write_without_wrong_answers(warehouse: Warehouse) -> None:
    wrong: list[object] = []

    def read(number: int) -> None:
        for _ in range(50):
            found = warehouse.value("SELECT $number::BIGINT * 2", {"number": number})
            if found != number * 2:
                wrong.append((number, found))

    def write(number: int) -> None:
        for round_ in range(5):
            with warehouse.transaction() as tx:
                tx.bump_data_version()
                tx.audit("round", {"number": number, "round": round_})

    threads = [threading.Thread(target=read, args=(n,)) for n in range(10)]
    threads += [threading.Thread(target=write, args=(n,)) for n in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert warehouse.data_version == 50
    assert warehouse.rows("SELECT entry FROM audit_log ORDER BY entry") == [(n,) for n in range(1, 51)]


def test_hostile_values_are_kept_as_they_are(warehouse: Warehouse) -> None:
    with warehouse.transaction() as tx:
        for name in HOSTILE_NAMES:
            tx.save_setting(name, name)
    for name in HOSTILE_NAMES:
        assert warehouse.setting(name) == name
    assert warehouse.n_rows("orders") == 0


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_hostile_identifiers_stay_identifiers(warehouse: Warehouse, name: str) -> None:
    frame = warehouse.frame(f"SELECT 1 AS {schema.quote(name)}")
    assert list(frame.columns) == [name]
    assert warehouse.n_rows("orders") == 0


def test_appended_frames_match_columns_by_name(warehouse: Warehouse) -> None:
    orders = pd.DataFrame(
        {"order_time": pd.to_datetime(["2025-01-02"]), "customer_id": ["0042"], "amount": ["9.90"], "order_id": ["A-1"]}
    )
    with warehouse.transaction() as tx:
        assert tx.append("orders", orders) == 1
    assert warehouse.rows("SELECT customer_id, amount::VARCHAR, n_items FROM orders") == [("0042", "9.90", None)]


def test_sql_cannot_read_outside_the_workspace_folder(warehouse: Warehouse, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    import duckdb

    with pytest.raises(duckdb.PermissionException):
        warehouse.rows(f"SELECT * FROM read_csv('{secret}')")
    with pytest.raises(duckdb.InvalidInputException):
        warehouse.rows("SET enable_external_access = true")


@pytest.mark.parametrize("name", ["../x.csv", "/etc/passwd", "..", "", "a/b"])
def test_file_names_never_leave_the_folder(warehouse: Warehouse, name: str) -> None:
    with pytest.raises(InputError, match="plain file name"):
        warehouse.file(name)


def test_a_second_process_is_told_who_holds_the_file(tmp_path: Path) -> None:
    path = tmp_path / "shop.duckdb"
    program = (
        "import sys, time; from churn_core.warehouse import Warehouse; "
        f"Warehouse.open({str(path)!r}); print('open', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline().strip() == "open"
            with pytest.raises(WorkspaceBusy) as caught:
                Warehouse.open(path)
        finally:
            holder.kill()
    assert f"process {holder.pid}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_was_committed_survives_a_killed_process(tmp_path: Path) -> None:
    path = tmp_path / "shop.duckdb"
    program = f"""
import os, signal
from churn_core.warehouse import Warehouse
warehouse = Warehouse.open({str(path)!r})
with warehouse.transaction() as tx:
    tx.save_setting("currency", "EUR")
with warehouse.transaction() as tx:
    tx.save_setting("currency", "USD")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", program], check=False)
    reopened = Warehouse.open(path)
    assert reopened.setting("currency") == "EUR"
    reopened.close()


def test_opening_twice_in_one_process_gives_the_same_warehouse(tmp_path: Path) -> None:
    first = Warehouse.open(tmp_path / "shop.duckdb")
    assert Warehouse.open(tmp_path / "shop.duckdb") is first
    first.close()


@pytest.mark.parametrize("content", [b"customer_id,order_time\n1,2\n" * 500, b"\x00" * 20_000])
def test_a_file_that_is_no_workspace_is_refused_in_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "shop.duckdb"
    path.write_bytes(content)
    with pytest.raises(InputError, match="not a workspace file"):
        Warehouse.open(path)
    assert path.read_bytes() == content


def test_a_file_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "shop.duckdb"
    warehouse = Warehouse.open(path)
    with warehouse.transaction() as tx:
        tx.execute("INSERT INTO schema_migrations VALUES ('9999_from_the_future', now()::TIMESTAMP)")
    warehouse.close()
    with pytest.raises(InputError, match="newer version"):
        Warehouse.open(path)


def test_migrations_lead_to_the_declared_schema(warehouse: Warehouse) -> None:
    declared = {(t.name, c.name) for t in schema.TABLES.values() for c in t.columns}
    found = warehouse.rows(
        "SELECT table_name, column_name FROM duckdb_columns() WHERE NOT internal AND table_name != 'schema_migrations'"
    )
    assert set(found) == declared
    assert [row[0] for row in warehouse.rows("SELECT name FROM schema_migrations ORDER BY name")] == list(migrations())


def test_every_table_and_column_says_what_it_is() -> None:
    for table in schema.TABLES.values():
        assert table.meaning.endswith(".")
        assert set(table.key) <= set(table.column_names)
        for column in table.columns:
            assert len(column.meaning) > 2, f"{table.name}.{column.name}"
    for table in schema.USER_TABLES:
        assert table.adds, table.name
