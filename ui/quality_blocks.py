"""The blocks of the Data quality page: the tables at a glance, findings with their effect, rows per day."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from churn_core.figures.data import daily_figure
from churn_core.figures.theme import count, counted, day
from churn_core.intake.quality import Finding, QualityReport, TableSummary, check_quality
from churn_core.intake.quality_series import silences
from ui import session
from ui.errors import plain, sentence
from ui.key_figures import figures_row, key_figure
from ui.session import Stamp
from ui.widgets import chart, table, table_words

DIMENSIONS = ("completeness", "uniqueness", "validity", "consistency", "timeliness")
SEVERITIES = {
    "problem": ("problem", ":material/error:", "red"),
    "warning": ("warning", ":material/warning:", "orange"),
    "info": ("note", ":material/info:", "gray"),
}


@st.cache_data(show_spinner="Checking the data", max_entries=8)
def report(stamp: Stamp) -> QualityReport:
    """All findings about the workspace's data."""
    return check_quality(session.warehouse(stamp.workspace))


def verdict_block(found: QualityReport) -> None:
    """The whole in one row: tables, checks, findings by severity."""
    with figures_row("quality"):
        key_figure("Tables", count(len(found.tables)))
        key_figure("Checks run", count(found.n_checks))
        for severity, (word, _, _) in SEVERITIES.items():
            key_figure(f"{word.capitalize()}s", count(found.count(severity)))


def overview_block(found: QualityReport) -> None:
    """Findings per table and dimension, and how full each table is."""
    table([_overview_row(checked, found) for checked in found.tables], most_rows=len(found.tables))


def findings_block(found: QualityReport) -> None:
    """What was found, worst first, with examples and what it would do to the model."""
    tables = [
        checked.table for checked in found.tables if any(finding.table == checked.table for finding in found.findings)
    ]
    if not found.findings:
        st.success("Nothing was found that a model would stumble over.")
        return
    st.subheader("Findings", anchor=False)
    table_choice, dimension_choice = st.columns(2)
    chosen = table_choice.selectbox(
        "Table",
        ["all", *tables],
        format_func=lambda name: table_words(name).capitalize(),
        key="quality_table",
        bind="query-params",
    )
    dimension = dimension_choice.selectbox(
        "Dimension", ["all", *DIMENSIONS], format_func=str.capitalize, key="quality_dimension", bind="query-params"
    )
    shown = [
        finding
        for finding in found.findings
        if chosen in ("all", finding.table) and dimension in ("all", finding.dimension)
    ]
    for finding in shown:
        _finding(finding)
    if not shown:
        st.caption("No finding matches; choose another table or dimension.")


def daily_block(found: QualityReport) -> None:
    """Rows per day of one table, missing days marked."""
    if not found.daily:
        return
    st.subheader("Rows per day", anchor=False)
    tables = [series.table for series in found.daily]
    chosen = tables[0] if len(tables) == 1 else _table_control(tables)
    series = found.daily_of(chosen)
    if series is not None:
        chart(daily_figure(series, silences(series), mode=session.mode()), key="daily_figure")


def _table_control(tables: list[str]) -> str:
    chosen = st.segmented_control(
        "Table",
        tables,
        default=tables[0],
        required=True,
        format_func=table_words,
        key="daily_table",
        label_visibility="collapsed",
    )
    return str(chosen or tables[0])


def filled_block(found: QualityReport) -> None:
    """Share of rows with a value, per column."""
    with st.expander("How full is each column"):
        rows = [
            {"Table": table_words(checked.table), "Column": column, "Filled": share}
            for checked in found.tables
            for column, share in checked.filled_shares.items()
        ]
        st.dataframe(
            pd.DataFrame(rows),
            hide_index=True,
            column_config={
                "Filled": st.column_config.ProgressColumn(
                    format="percent", min_value=0.0, max_value=1.0, width="medium"
                )
            },
        )


def _overview_row(checked: TableSummary, found: QualityReport) -> dict[str, str]:
    of_table = [finding for finding in found.findings if finding.table == checked.table]
    span = f"{day(checked.first_time)} to {day(checked.last_time)}" if checked.first_time else "as known today"
    return {
        "Table": table_words(checked.table),
        "Rows": count(checked.n_rows),
        "From and to": span,
        **{
            dimension.capitalize(): _worst([f for f in of_table if f.dimension == dimension])
            for dimension in DIMENSIONS
        },
    }


def _worst(findings: list[Finding]) -> str:
    """The gravest severity among findings, with how many there are."""
    if not findings:
        return "fine"
    grave = next(severity for severity in SEVERITIES if any(finding.severity == severity for finding in findings))
    return counted(sum(finding.severity == grave for finding in findings), SEVERITIES[grave][0])


def _finding(finding: Finding) -> None:
    word, icon, colour = SEVERITIES[finding.severity]
    with st.container(border=True, gap="small"):
        st.markdown(f":{colour}[{icon} **{word}**] · {table_words(finding.table)} · {finding.dimension}")
        st.markdown(f"**{sentence(finding.message)}**")
        st.markdown(f"For the model: {sentence(finding.effect_on_model)}")
        if finding.examples:
            st.caption("For example: " + "; ".join(plain(example) for example in finding.examples))
