"""People without a browser: what they count as an error, where they go, and a walk of two of them through the app."""

from __future__ import annotations

import random
import re
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest
from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from benchmarks.people import Known, Walked, addresses, links, new_orders, tell
from benchmarks.visitor import Drawn, n_rows_of, take_in
from tests.benchmarks.conftest import Measured

KNOWN = Known(name="Shop", customers=("a", "b"), campaigns=("c1",), until="2026-01-01 00:00:00")


def message(kind: str, *, in_sidebar: bool = False, **values: object) -> ForwardMsg:
    made = ForwardMsg()
    made.metadata.delta_path.extend([1 if in_sidebar else 0, 0])
    element = getattr(made.delta.new_element, kind)
    for name, value in values.items():
        setattr(element, name, value)
    return made


def test_error_boxes_and_exceptions_are_errors_and_notes_are_not() -> None:
    drawn = Drawn()
    take_in(drawn, message("alert", body="The file is empty.", format=Alert.ERROR))
    take_in(drawn, message("alert", body="Nothing yet.", format=Alert.INFO))
    take_in(drawn, message("exception", type="KeyError", message="'x'", in_sidebar=True))
    assert drawn.errors == ["The file is empty.", "KeyError: 'x'"]
    assert drawn.texts == ["Nothing yet."]


def test_widgets_are_known_by_their_key_and_those_of_the_sidebar_are_left_alone() -> None:
    drawn = Drawn()
    take_in(drawn, message("button", id="$$ID-77-save", label="Save"))
    take_in(drawn, message("selectbox", id="$$ID-88-workspace", label="Workspace", in_sidebar=True))
    assert drawn.widget("save") == "$$ID-77-save"
    assert drawn.widget("workspace") is None


def test_rows_of_a_table_are_counted_as_they_are_sent() -> None:
    table = pa.table({"customer": ["a", "b", "c"]})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    assert n_rows_of(sink.getvalue().to_pybytes()) == 3


def test_everybody_goes_to_every_page_in_an_order_of_their_own() -> None:
    one, other = ([page for page, _ in links(KNOWN, random.Random(seed))] for seed in (1, 2))
    assert set(one) == set(other) == set(addresses())
    assert {"", "segments", "rfm", "rule-segments", "cohorts", "value", "demand", "plan", "readout"} <= set(one)
    assert one != other


def test_the_file_of_new_orders_has_known_and_new_customers() -> None:
    lines = new_orders(KNOWN, n_orders=404).decode().splitlines()
    assert lines[0] == "customer_id,order_id,order_time,amount"
    assert {line.split(",")[0] for line in lines[1:]} >= {"a", "b", "new-0", "new-199"}


def test_one_error_or_one_huge_table_is_told_and_fails(capsys: pytest.CaptureFixture[str]) -> None:
    def walked(**seen: object) -> Walked:
        made = Walked()
        drawn = {"seconds": 1.0, "n_bytes": 2048, "most_rows": 10, "errors": []} | seen
        made.note("rfm", SimpleNamespace(**drawn))  # type: ignore[arg-type]
        return made

    assert tell(walked())
    assert not tell(walked(errors=["it broke"]))
    assert not tell(walked(most_rows=10_001))
    told = capsys.readouterr().out
    assert "ERROR 1 times on RFM: it broke" in told
    assert "TOO MANY ROWS on RFM" in told


@pytest.mark.slow
def test_two_people_walk_through_the_app_while_orders_come_in(
    measure: Measured, demo_file: Path, tmp_path: Path
) -> None:
    pages = ("--pages", "", "rfm", "rule-segments", "cohorts", "data-quality", "settings")
    done = measure("people", tmp_path, "--people", "2", "--clicks", "1", "--workspace", str(demo_file), *pages)
    assert "job import " in done.stdout, done.stdout + done.stderr
    assert re.search(r"^RFM +2 +\d+\.\d\d s", done.stdout, re.M), done.stdout
    assert re.search(
        r"^2 people, \d+ looks in \d+ s, \d+ errors, peak memory of the server \d\.\d\d GB$", done.stdout, re.M
    )
    # A shop that was never trained offers no scoring, and no button where there is nothing to find again.
    errors = re.findall(r"^ERROR .*", done.stdout, re.M)
    assert not [error for error in errors if "there is no button" not in error]
    assert not list(tmp_path.glob("people-*"))
