"""Figures of segments: what stands out is told in the units of the shop, colours have words, names are whole."""

from __future__ import annotations

from churn_core.customers.rule_segments import Overlaps
from churn_core.customers.segmentation_profile import SegmentProfile
from churn_core.customers.segments import Segment
from churn_core.figures.overlap import overlap_figure
from churn_core.figures.segments import LONGEST_LINE, in_lines, profile_sentence
from churn_core.warehouse import utc_now

LONG = "Mostly discounts, many pieces per order, few categories"


def _segment(no: int, *, gap: float, days: float | None) -> SegmentProfile:
    return SegmentProfile(
        no=no, name=f"segment {no}", words="", n_customers=10, medians={"usual_gap_days": days},
        deviations={"usual_gap_days": gap},
    )  # fmt: skip


def test_what_stands_out_is_told_in_the_units_of_the_shop() -> None:
    segments = [_segment(1, gap=0.2, days=30.0), _segment(2, gap=-1.4, days=9.0)]
    told = profile_sentence(segments, {"usual_gap_days": 28.0})
    start, gaps = told.split(": ")
    assert start == "Segment 2 stands out most, by “Usual gap”"
    assert gaps == "9 days in its middle, 28 days in the middle of all segments"
    assert profile_sentence(segments).endswith("“Usual gap”: far below the middle customer"), "not kept by older ones"
    unknown = [_segment(1, gap=2.0, days=None)]
    assert profile_sentence(unknown, {"usual_gap_days": 28.0}).endswith("far above the middle customer")
    assert profile_sentence([_segment(1, gap=0.1, days=3.0)]) == "No segment stands out in any feature"


def test_a_name_beside_a_figure_takes_two_lines_and_no_markup() -> None:
    lines = in_lines(f"3 {LONG}").split("<br>")
    assert len(lines) == 2
    assert all(len(line) <= LONGEST_LINE for line in lines)
    assert in_lines("<b>bold</b>") == "&lt;b&gt;bold&lt;/b&gt;"


def test_the_overlap_has_whole_names_in_its_rows_and_their_numbers_as_heads() -> None:
    names = ("Late", f"Kinds: {LONG}", "Kinds: Long gaps")
    segments = tuple(
        Segment(segment_id=nr, name=name, meaning="", saved_at=utc_now(), n_members=5)
        for nr, name in enumerate(names, start=1)
    )
    figure = overlap_figure(Overlaps(segments=segments, n_shared=((5, 2, 3), (2, 5, 0), (3, 0, 5))))
    rows = [text.replace("<br>", " ") for text in figure.layout.yaxis.ticktext]
    assert rows == ["1 Late", f"2 …{LONG}", "3 …Long gaps"]
    assert list(figure.layout.xaxis.ticktext) == ["<b>1</b>", "<b>2</b>", "<b>3</b>"]
