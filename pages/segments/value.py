"""What will customers bring, how good is that forecast, and where is the value at risk?"""

from __future__ import annotations

import streamlit as st

from ui import session
from ui import session_value as calls
from ui import value_blocks as blocks
from ui.currency_hint import currency_hint
from ui.demand_blocks import beside_value_block
from ui.widgets import empty_state, job_panel, page_header

page_header("Value", __doc__ or "")
stamp = session.stamp()
currency = session.currency()
run, stake = calls.latest(stamp), calls.stake(stamp)
is_running = job_panel(calls.KIND)

if stamp.state.last_order_at is None:
    if stake is None:
        empty_state(
            "There are no orders yet. With an order history this page foresees what every customer will order and "
            "spend, beside what would have been foreseen in the past and what came.",
            "pages/models/train.py" if stamp.state.n_snapshots else "pages/data/import_file.py",
            "Train" if stamp.state.n_snapshots else "Import",
        )
        st.stop()
    blocks.labelled_note()
elif run is None:
    blocks.unvalued_block(stamp, is_running=is_running)
else:
    blocks.figures_block(run, stake, currency)
    currency_hint(is_money=run.total_spend is not None)
    blocks.notes_block(run, stamp)
    beside_demand = st.container()
    blocks.check_block(run, currency)

if run is None:
    currency_hint(is_money=stake is not None)
blocks.stake_block(stake, currency, is_valued=run is not None)
if run is not None:
    blocks.list_block(stamp, run, currency)
    blocks.start_block(calls.proposed(stamp), again=True, is_running=is_running)
    if run.total_spend is not None and run.data_version == stamp.state.data_version:
        with beside_demand:
            beside_value_block(stamp, currency)
