"""The blocks of the Value page: key figures, the check, where the value at risk is, who is worth most."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import streamlit as st

from churn_core.customers.worth import WorthPlan
from churn_core.customers.worth_export import worth_file_name
from churn_core.customers.worth_stake import Cell, Concentration, Stake
from churn_core.customers.worth_view import WorthRun, sorts_of
from churn_core.customers.worth_words import (
    ERROR_WORDS,
    MORE_CURRENT,
    OF_SUCH_CUSTOMERS,
    SHORT_LEVEL,
    TWO_MODELS,
    assumptions,
    lifetime_words,
    method_words,
    spend_words,
)
from churn_core.figures import value as figures
from churn_core.figures.theme import count, counted, currency_sign, day, money, percent
from churn_core.models.worth_check import HoldOut
from ui import session
from ui import session_value as calls
from ui.customer_table import open_customer
from ui.errors import guarded, plain, sentence
from ui.key_figures import figures_row, key_figure
from ui.layout import side_by_side
from ui.session import Stamp
from ui.widgets import chart, empty_state, table

if TYPE_CHECKING:
    import pandas as pd

    from churn_core.customers.profile import CustomerScore

AT_RISK_PAGE = "pages/customers/at_risk.py"
MATRIX, CELL, _CLICKED = "value_matrix", "value_cell", "value_cell_clicked"
"""Keys of the figure, of the choice of a cell, and of the cell that was clicked."""
_FIELDS = ("worth_days", "worth_years", "worth_rate")


def unvalued_block(stamp: Stamp, *, is_running: bool) -> None:
    """What valuing would say, or that it is on its way."""
    said = (
        "the orders, the spend and the next order date of everybody who ever bought, and what the same would have said "
        "in the past"
    )
    if is_running:
        empty_state(
            f"Customers are being valued for the first time. This page then shows {said}. Nothing has to wait for it: "
            "everything else can be used, and this page changes by itself."
        )
        return
    empty_state(
        f"Customers were not valued yet. Valuing foresees {said}. It takes about one minute for 5,000 customers and "
        "two for 20,000; everything else can be used meanwhile."
    )
    start_block(calls.proposed(stamp), again=False, is_running=False)


def start_block(plan: WorthPlan, *, again: bool, is_running: bool) -> None:
    """How far ahead, and the button that starts valuing."""
    if again:
        st.subheader("Value again", anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.number_input("Days ahead", 7, 365, plan.horizon_days, key=_FIELDS[0], width=130)
        st.number_input(
            "Lifetime, years", 1.0, 5.0, plan.lifetime_years, step=0.5, format="%.1f", key=_FIELDS[1], width=140
        )
        st.number_input(
            "Discount, % a year", 0.0, 100.0, 100 * plan.discount_rate, step=1.0, format="%.1f", key=_FIELDS[2],
            width=150, help="What money a year later is worth less",
        )  # fmt: skip
        st.button(
            "Value customers again" if again else "Value customers", type="secondary" if again else "primary",
            icon=":material/payments:", key="value_customers", disabled=is_running, on_click=guarded(_start),
        )  # fmt: skip


def _start() -> None:
    days, years, rate = (st.session_state[name] for name in _FIELDS)
    calls.start_valuing(WorthPlan(horizon_days=int(days), lifetime_years=float(years), discount_rate=rate / 100))


def figures_block(run: WorthRun, stake: Stake | None, currency: str) -> None:
    """One row of key figures."""
    st.markdown(
        f"Expected in the {counted(run.plan.horizon_days, 'day')} after {day(run.as_of - timedelta(days=1))} by the "
        "value model, which learned from customers who stayed and who left:"
    )
    with figures_row("value"):
        if run.total_spend is not None:
            interval, basis = _interval(run, currency)
            key_figure(spend_words(run.is_net).capitalize(), money(run.total_spend, currency), interval, meaning=basis)
            if run.margin_rate < 1:
                key_figure("Margin", money(run.total_margin, currency), f"{percent(run.margin_rate)} of spend")
        key_figure("Orders", count(run.total_orders), f"of {counted(run.n_customers, 'customer')}",
                   meaning="Days with an order; several orders of one day count once.")  # fmt: skip
        if run.total_lifetime is not None:
            years = f"{run.plan.lifetime_years:g} year{'' if run.plan.lifetime_years == 1 else 's'}"
            key_figure(
                f"Lifetime, {years}", money(run.total_lifetime, currency),
                _lifetime_note(run, currency), meaning=f"{assumptions(run)} {lifetime_words(run)}",
            )  # fmt: skip
        if stake is not None and stake.concentration is not None:
            top = stake.concentration.top[0.05]
            key_figure(
                "Top 5 % hold", percent(top), "of the value at risk",
                meaning="Share of risk x expected value with the 5 % of customers who have most of it.",
            )  # fmt: skip


def _interval(run: WorthRun, currency: str) -> tuple[str, str]:
    """The interval of the total, and what it rests on."""
    if run.interval is None:
        return "no interval", "An interval needs two past dates a horizon apart at which the total could be checked."
    return (
        f"{money(run.interval[0], currency)} to {money(run.interval[1], currency)}",
        f"80 % interval, from how far off the total was at {run.n_checked} past dates whose horizons do not overlap.",
    )


def _lifetime_note(run: WorthRun, currency: str) -> str:
    """Low and high of the lifetime value where past dates say so."""
    if run.lifetime_bounds is None:
        return f"less {100 * run.plan.discount_rate:g} % a year"
    return f"{money(run.lifetime_bounds[0], currency)} to {money(run.lifetime_bounds[1], currency)}"


def notes_block(run: WorthRun, stamp: Stamp) -> None:
    """How the values were made, and what should be known before they are used."""
    stale = " Data was imported since; value again to see it." if run.data_version != stamp.state.data_version else ""
    st.caption(f"{plain(method_words(run))}{stale}")
    for note in run.notes:
        st.caption(f":orange[:material/info:] {sentence(note)}")


def labelled_note() -> None:
    """What value means for a labelled table."""
    st.caption(
        ":orange[:material/info:] A table with a churn label has no orders to foresee: what customers are worth is its "
        "own value column, for those who have one. Import an order history to foresee orders and spend."
    )


def check_block(run: WorthRun, currency: str) -> None:
    """Predicted against actual at a past date."""
    checked = run.hold_out
    st.subheader("Would it have been right?", anchor=False)
    if checked is None:
        st.caption(
            "There is no past date whose horizon is over with enough customers, so nothing could be checked; a longer "
            "order history allows it."
        )
        return
    st.caption(
        f"What would have been said on {day(checked.cutoff)} for the {counted(checked.horizon_days, 'day')} after it, "
        "with nothing but what was known then, beside what came."
    )
    left, right = side_by_side([3, 2], key="value_check")
    with left:
        chart(figures.hold_out_figure(checked, currency=currency, mode=session.mode()), key="hold_out")
    with right:
        table(_check_rows(checked, currency))
        table(_error_rows(checked, currency))
        if checked.mae_typical is not None:
            st.caption(ERROR_WORDS)
        st.caption(figures.date_words(checked))


def _check_rows(checked: HoldOut, currency: str) -> list[dict[str, str]]:
    rows = []
    if checked.what == "spend":
        rows.append(
            {
                "Total": spend_words(checked.is_net).capitalize(),
                "Predicted": money(checked.predicted, currency),
                "Actual": money(checked.actual, currency),
                "Ratio": _ratio(checked.predicted, checked.actual),
            }
        )
    order_days = {
        "Total": "Order days",
        "Predicted": count(checked.orders_predicted),
        "Actual": count(checked.orders_actual),
        "Ratio": _ratio(checked.orders_predicted, checked.orders_actual),
    }
    return [*rows, order_days]


def _error_rows(checked: HoldOut, currency: str) -> list[dict[str, str]]:
    def shown(value: float) -> str:
        return money(value, currency) if checked.what == "spend" else f"{value:.2f}"

    typical = (
        []
        if checked.mae_typical is None
        else [{"Mean error per customer": "Typical amount (median)", "Error": shown(checked.mae_typical)}]
    )
    return [
        {
            "Mean error per customer": f"Expected amount ({SHORT_LEVEL[checked.level_rule]})",
            "Error": shown(checked.mae),
        },
        *typical,
        {
            "Mean error per customer": f"Same as the last {counted(checked.horizon_days, 'day')}",
            "Error": shown(checked.mae_same),
        },
        {"Mean error per customer": "Purchase model (BG/NBD with Gamma-Gamma)", "Error": shown(checked.mae_rhythm)},
    ]


def _ratio(predicted: float, actual: float) -> str:
    return f"{predicted / actual:.2f}" if actual > 0 else "–"


def customer_worth_block(stamp: Stamp, customer_id: str, currency: str, score: CustomerScore | None) -> None:
    """One customer on the Customer page: what is expected of customers like them, and when they order next."""
    run, row = calls.latest(stamp), calls.of_customer(stamp, customer_id)
    if run is None or row is None:
        return
    days = counted(run.plan.horizon_days, "day")
    parts = [f"{row['expected_orders']:.1f} order days in the {days} after {day(run.as_of - timedelta(days=1))}"]
    if row["expected_margin"] is not None:
        parts[0] = f"{money(row['expected_margin'], currency)} of margin{_typically(run, row, currency)} and {parts[0]}"
    if row["next_order_at"] is not None:
        until = "no late day is known" if row["next_order_high"] is None else f"nine by {day(row['next_order_high'])}"
        parts.append(f"next order by {day(row['next_order_at'])} for 5 of 10 such customers, {until}")
    if row["lifetime_value"] is not None:
        years = f"{run.plan.lifetime_years:g} year{'' if run.plan.lifetime_years == 1 else 's'}"
        parts.append(f"lifetime value {money(row['lifetime_value'], currency)} ({years}, discounted)")
    stale = " Data was imported since." if run.data_version != stamp.state.data_version else ""
    is_newer = score is not None and score.run.as_of is not None and score.run.as_of >= run.as_of
    current = f" {MORE_CURRENT}" if score is not None and score.tier == "high" and is_newer else ""
    st.caption(plain(f"{OF_SUCH_CUSTOMERS}: {'; '.join(parts)}.{current}{stale}"))


def _typically(run: WorthRun, row: dict[str, Any], currency: str) -> str:
    """The typical margin beside the expected one, where it is known."""
    if row["typical_spend"] is None:
        return ""
    if not row["typical_spend"]:
        return " (typically none: most such customers do not order)"
    return f" (typically {money(row['typical_spend'] * run.margin_rate, currency)}: half of such customers stay below)"


def stake_block(stake: Stake | None, currency: str, *, is_valued: bool) -> None:
    """How few customers hold the value at risk, and risk against value."""
    if stake is None:
        return
    st.subheader("Where the value at risk is", anchor=False)
    if stake.concentration is None:
        st.caption("No scored customer has an expected value above zero, so there is no value at risk to place.")
        return
    st.caption(plain(_stake_words(stake, stake.concentration, currency, is_valued=is_valued)))
    left, right = side_by_side([2, 3], key="value_stake")
    with left:
        chart(figures.concentration_figure(stake.concentration, mode=session.mode()), key="concentration")
    with right:
        _matrix(stake, currency)


def _stake_words(stake: Stake, found: Concentration, currency: str, *, is_valued: bool) -> str:
    """How much value at risk there is, and why that is another sum than those of the key figures."""
    worth = "would bring by staying" if stake.source == "orders" else "is worth by the table's own value column"
    said = (
        f"{money(found.total, currency)} in all: risk x what each of {counted(found.n_customers, 'scored customer')} "
        f"{worth}, as on the page At risk."
    )
    if not is_valued:
        return said
    return f"{said} {TWO_MODELS}"


def _matrix(stake: Stake, currency: str) -> None:
    """Risk against expected value; a click on a cell opens its customers, and so does the choice below."""
    clicked = st.session_state.pop(_CLICKED, None)
    if clicked is not None and clicked < len(stake.cells):
        st.switch_page(AT_RISK_PAGE, query_params=_address(stake.cells[clicked]))
    chart(figures.matrix_figure(stake, currency=currency, mode=session.mode()), key=MATRIX, on_select=_cell_clicked)
    filled = [number for number, cell in enumerate(stake.cells) if cell.n_customers]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        number = st.selectbox(
            "Customers with", filled, key=CELL, width=340,
            index=max(range(len(filled)), key=lambda place: stake.cells[filled[place]].value_at_risk),
            format_func=lambda number: figures.cell_words(stake.cells[number], currency),
        )  # fmt: skip
        st.page_link(
            AT_RISK_PAGE, label="Open in At risk", icon=":material/list:", query_params=_address(stake.cells[number]),
        )  # fmt: skip
    st.caption("Customers and their value at risk; click a cell to open its customers in At risk.")
    if stake.n_unknown:
        st.caption(
            f"Of {counted(stake.n_unknown, 'scored customer')} the value is not known; they are not in the figure."
        )


def _cell_clicked() -> None:
    """What was clicked is opened when the page is drawn next."""
    state: Any = st.session_state.get(MATRIX)
    points = state.selection.points if state else []
    if points:
        st.session_state[_CLICKED] = int(points[0]["customdata"][0])


def _address(cell: Cell) -> dict[str, str]:
    """The filter of a cell as the At risk page reads it from the address."""
    found = {"tier": cell.tier}
    found |= {} if cell.low is None else {"expected_from": f"{cell.low:g}"}
    return found | ({} if cell.below is None else {"expected_below": f"{cell.below:g}"})


def list_block(stamp: Stamp, run: WorthRun, currency: str) -> None:
    """Who is worth most, with the date of the next order, and the export."""
    st.subheader("Customers", anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        sorts = sorts_of(run)
        label = st.selectbox("Order", list(sorts.values()), key="worth_order", bind="query-params", width=280)
        sort = next(name for name, words in sorts.items() if words == label)
        with st.popover(f"Export all {count(run.n_customers)}", icon=":material/download:", key="worth_export"):
            _export(stamp, run, sort)
    n_pages = -(-run.n_customers // calls.N_ROWS)
    place = st.container()
    page_nr = st.pagination(n_pages, key="worth_page", bind="query-params")
    frame = calls.rows(stamp, sort, page_nr)
    key = f"worth_list_{run.worth_id}_{sort}_{page_nr}"
    with place:
        st.dataframe(
            frame.assign(open="Open", risk=100 * frame["risk"]), key=key, hide_index=True, row_height=33,
            column_order=_shown(frame, sort),
            column_config=_columns(run, currency, f"open_{key}"), height="content", placeholder="–",
            alt="Customers, one row each",
        )  # fmt: skip
    click = st.session_state.get(f"open_{key}")
    if click is not None:
        open_customer(str(frame["customer_id"].iloc[click["row"]]))
    st.caption(
        "Next order: by that day half of such customers will have ordered again; a tenth before the early day, nine "
        "tenths by the late one. It is empty where that share of them may never order again."
    )
    if run.total_lifetime is not None:
        st.caption(plain(assumptions(run)))


def _export(stamp: Stamp, run: WorthRun, sort: str) -> None:
    st.markdown("Expected orders, spend, margin, lifetime value, next order dates and risk of every past buyer.")
    st.download_button(
        "Download CSV", data=calls.export_of(session.warehouse(stamp.workspace), sort, run.worth_id),
        file_name=worth_file_name(run), mime="text/csv", type="primary", on_click="ignore", key="worth_download",
    )  # fmt: skip
    st.caption("The whole list or no file, safe to open in a spreadsheet; without names and addresses.")


_COLUMNS = (
    "open", "customer_id", "name", "expected_margin", "expected_orders", "lifetime_value", "next_order_at",
    "next_order_low", "next_order_high", "risk",
)  # fmt: skip
"""As many columns as fit into a window of 1280 pixels; the export holds the others."""


def _shown(frame: pd.DataFrame, sort: str) -> list[str]:
    """Columns that hold something; value at risk in place of risk where the list is ordered by it."""
    names = ["value_at_risk" if name == "risk" and sort == "value_at_risk" else name for name in _COLUMNS]
    return [name for name in names if name in ("open", "customer_id") or frame[name].notna().any()]


def _columns(run: WorthRun, currency: str, open_key: str) -> dict[str, Any]:
    column = st.column_config
    amount = currency_sign(currency).replace("%", "%%") + "%,.0f"
    days = counted(run.plan.horizon_days, "day")
    date: Any = {"format": "D MMM YYYY", "width": 92}
    return {
        "customer_id": column.TextColumn("Customer", pinned=True, width=86),
        "name": column.TextColumn("Name", width=106),
        "expected_margin": column.NumberColumn(
            "Margin", format=amount, width=80, help=f"Expected margin in the next {days}"
        ),
        "expected_orders": column.NumberColumn(
            "Orders", format="%.1f", width=66, help=f"Expected order days in the next {days}"
        ),
        "lifetime_value": column.NumberColumn(
            "Lifetime", format=amount, width=80, help=f"Discounted margin over {run.plan.lifetime_years:g} years"
        ),
        "next_order_at": column.DateColumn("Next order", help="Half of such customers have ordered by then", **date),
        "next_order_low": column.DateColumn("Early", help="One in ten has ordered by then", **date),
        "next_order_high": column.DateColumn("Late", help="Nine in ten have ordered by then", **date),
        "risk": column.NumberColumn("Risk", format="%.1f %%", width=66, help="Probability of churning"),
        "value_at_risk": column.NumberColumn("Value at risk", format=amount, width=92, help="Risk x expected value"),
        "open": column.ButtonColumn("", type="secondary", width=62, pinned=True, key=open_key),
    }
