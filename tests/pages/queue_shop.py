"""A workspace of sixty customers by hand, half of them new in the high tier, and its queue of twelve alerts."""

from __future__ import annotations

from datetime import timedelta

from churn_core.campaigns.alerting import renew_alerts
from churn_core.customers.alert_policy import AlertPolicy, save_alert_policy
from churn_core.workspaces import create_workspace
from tests.customers.conftest import AS_OF, add_customers, add_orders, add_run

N_CUSTOMERS = 60
N_ALERTS = 12


def build_queue(name: str) -> None:
    """Make the workspace in the home in force."""
    warehouse = create_workspace(name)
    ids = [f"C{nr:03d}" for nr in range(N_CUSTOMERS)]
    add_customers(warehouse, [{"customer_id": c, "name": f"Name *{nr}*"} for nr, c in enumerate(ids)])
    add_orders(warehouse, {c: [4 + nr % 30, 90, 120] for nr, c in enumerate(ids)})
    risks = {c: 0.02 + 0.9 * nr / N_CUSTOMERS for nr, c in enumerate(ids)}
    add_run(warehouse, {c: risk / 2 for c, risk in risks.items()}, as_of=AS_OF - timedelta(days=30), high_from=0.5)
    add_run(warehouse, risks, values={c: 10.0 * (nr + 1) for nr, c in enumerate(ids)}, high_from=0.5)
    save_alert_policy(warehouse, AlertPolicy(n_most=N_ALERTS, top_share=0.5, quiet_days=30))
    renew_alerts(warehouse)
    warehouse.close()
