"""The blocks of the Demand page: what is asked, key figures, the chart, how every method did at past weeks."""

from __future__ import annotations

from datetime import timedelta

import streamlit as st

from churn_core.customers.demand import FEWEST_WEEKS, MEASURES, MOST_WEEKS, WEEKS, Demand, Foreseen, Total
from churn_core.customers.demand_backtest import Judged
from churn_core.customers.demand_words import choice_words, interval_words, note_words, stake_words
from churn_core.figures.demand import amount_words, demand_figure, known_customers_sentence, stake_sums
from churn_core.figures.theme import UNKNOWN, counted, day, percent
from ui import session
from ui import session_demand as calls
from ui.errors import plain
from ui.key_figures import figures_row, key_figure
from ui.session import Stamp
from ui.widgets import chart, table


def weeks_input() -> int:
    """How many weeks ahead."""
    return int(
        st.number_input(
            "Weeks ahead", FEWEST_WEEKS, MOST_WEEKS, WEEKS, key="demand_weeks", bind="query-params", width=130,
        )
    )  # fmt: skip


def measure_input(demand: Demand) -> Foreseen:
    """Revenue or orders; orders alone where no amounts are known."""
    if demand.revenue is None:
        return demand.orders
    chosen = st.segmented_control(
        "Measure", list(MEASURES), default="revenue", format_func=MEASURES.__getitem__, key="measure",
        bind="query-params", label_visibility="collapsed",
    )  # fmt: skip
    return demand.of(str(chosen or "revenue")) or demand.orders


def figures_block(demand: Demand, found: Foreseen, currency: str) -> None:
    """One row of key figures."""

    def between(low: float, high: float) -> str:
        return f"{amount_words(found, low, currency)} to {amount_words(found, high, currency)}"

    with figures_row("demand"):
        for total in found.totals:
            key_figure(
                f"{counted(total.n_weeks, 'week')}, {_days_of(found, total)}",
                amount_words(found, total.expected, currency), between(total.low_80, total.high_80),
                meaning=f"{MEASURES[found.measure]} expected, with the 80 % interval of the sum below it; the 95 % "
                f"interval is {between(total.low_95, total.high_95)}.",
            )  # fmt: skip
        last = found.totals[-1]
        if last.before is not None:
            key_figure(
                "A year ago", amount_words(found, last.before, currency), _change(last),
                meaning=f"What the same {counted(last.n_weeks, 'week')} brought 52 weeks earlier.",
            )  # fmt: skip
        key_figure(
            "Counted on, high tier", amount_words(found, last.at_stake, currency),
            None if found.share_at_stake is None else f"{percent(found.share_at_stake)} of {demand.n_weeks} weeks",
            meaning=stake_words(demand.counted) if demand.counted else demand.why_no_stake,
        )  # fmt: skip


def _days_of(found: Foreseen, total: Total) -> str:
    """From the first day of the first week to the last day of the last."""
    first, last = found.ahead[0].start, found.ahead[total.n_weeks - 1].start + timedelta(days=6)
    return f"{first:%-d %b} to {last:%-d %b}"


def weeks_note(stamp: Stamp, found: Foreseen) -> None:
    """Why the weeks ahead begin where they do: with the data, whatever day it is."""
    if stamp.state.last_order_at is not None:
        st.caption(
            f"The data end on {day(stamp.state.last_order_at)}, so the weeks ahead begin with the first week that is "
            f"not whole, on {day(found.ahead[0].start)}. Import newer orders to look further."
        )


def _change(total: Total) -> str:
    if not total.before:
        return UNKNOWN
    change = total.expected / total.before - 1
    return "the same expected" if abs(change) < 0.0005 else f"{100 * change:+.1f} % expected"


def chart_block(demand: Demand, found: Foreseen, currency: str) -> None:
    """The chart, and what it rests on."""
    chart(demand_figure(demand, found, currency=currency, mode=session.mode()), key=f"demand_{found.measure}")
    st.caption(plain(f"{choice_words(found)} {interval_words(found)}"))
    _stake_lines(demand, found, currency)
    known = known_customers_sentence(demand, currency=currency)
    if known and found.measure == "revenue":
        st.caption(plain(known))
    for note in note_words(demand):
        st.caption(f":orange[:material/info:] {plain(note)}")


def _stake_lines(demand: Demand, found: Foreseen, currency: str) -> None:
    """The sums that are said of the customers of the high tier, each with its meaning in a line."""
    counted_on = demand.counted
    if counted_on is None:
        return
    if not counted_on.n_customers:
        st.caption(plain(stake_words(counted_on)))
        return
    lines = [
        f"- **{plain(amount)}** {name.lower()}: {said}"
        for name, amount, said in stake_sums(demand, found, currency=currency)
    ]
    whom = f"Of the {counted(counted_on.n_customers, 'customer')} of the high tier:"
    st.markdown("\n".join((whom, "", *lines)))


def beside_value_block(stamp: Stamp, currency: str) -> None:
    """On the Value page: by how much this forecast differs from the values, beside what came before."""
    demand = calls.forecast(stamp, WEEKS)
    known = "" if isinstance(demand, str) else known_customers_sentence(demand, currency=currency)
    if known:
        st.caption(plain(known))


def backtest_block(found: Foreseen) -> None:
    """How every method did at past weeks."""
    choice = found.choice
    rows = [row for row in choice.rows if row.n_origins]
    sizes = {row.n_weeks for row in rows}
    of_weeks = f" (n = {counted(sizes.pop(), 'week')} each)" if len(sizes) == 1 else ""
    st.subheader("Would it have been right?", anchor=False)
    st.caption(
        f"Every method was asked {counted(choice.n_origins, 'time')} in the past for the "
        f"{counted(choice.window_weeks, 'week')} that followed, with nothing but what was known then. One is used only "
        "if it was nearer than the same week last year, week by week, and no farther off in the totals. Errors are "
        "shares of what came, week by week and in the total of each window; the ratio is the error over that of the "
        f"same week last year. The last columns say how many of the weeks lay within the intervals{of_weeks}."
    )
    table([_row(row, is_used=row.name == choice.name, has_n=not of_weeks) for row in rows])
    reasons: dict[str, list[str]] = {}
    for row in choice.rows:
        if row.reason:
            reasons.setdefault(row.reason, []).append(row.label)
    for reason, labels in reasons.items():
        st.caption(f"{'; '.join(labels)}: {reason}.")


def _row(row: Judged, *, is_used: bool, has_n: bool) -> dict[str, str]:
    """Numbers of a method; with the weeks they are shares of where methods differ in these."""
    shown = {
        "Method": f"{row.label}{' · used' if is_used else ''}",
        "Error": percent(row.error_share),
        "Ratio": _times(row.against_same_week),
        "In totals": percent(row.total_error_share),
        "In 80 %": percent(row.held_80),
        "In 95 %": percent(row.held_95),
    }
    return shown | ({"Weeks": str(row.n_weeks)} if has_n else {})


def _times(ratio: float | None) -> str:
    return UNKNOWN if ratio is None else f"{ratio:.2f}"


def weeks_block(demand: Demand, found: Foreseen, currency: str) -> None:
    """The weeks ahead as numbers."""
    with st.expander("The weeks as numbers", key="demand_rows"):
        table(
            [
                {
                    "Week of": day(week.start),
                    "Expected": amount_words(found, week.expected, currency),
                    "Without those at risk": amount_words(found, week.without, currency),
                    "80 %": f"{amount_words(found, week.low_80, currency)} to "
                    f"{amount_words(found, week.high_80, currency)}",
                    "95 %": f"{amount_words(found, week.low_95, currency)} to "
                    f"{amount_words(found, week.high_95, currency)}",
                }
                for week in found.ahead
            ],
            most_rows=MOST_WEEKS,
        )
        st.caption(
            f"Learnt from {counted(len(demand.starts), 'complete week')}, {day(demand.starts[0])} to the week of "
            f"{day(demand.starts[-1])}, {demand.n_empty or 'none'} of them without an order. "
            "A week that is known in part is left out and foreseen whole."
        )
