"""The demo shop is built whole or not at all; what it holds is tested with its pages."""

from __future__ import annotations

from pathlib import Path

import pytest

from churn_core.campaigns.demo import build_demo_workspace
from churn_core.customers.worth_waiting import waits_to_be_valued
from churn_core.errors import InputError
from churn_core.models.runs import score_runs
from churn_core.workspaces import list_workspaces, open_workspace


def test_an_existing_workspace_is_replaced_only_when_asked(churn_home: Path) -> None:
    build_demo_workspace("Mine", n_customers=300, n_years=1, train=False)
    with pytest.raises(InputError, match="exists already"):
        build_demo_workspace("Mine", n_customers=300, n_years=1, train=False)
    assert not waits_to_be_valued(open_workspace("Mine"))
    open_workspace("Mine").close()
    again = build_demo_workspace("Mine", n_customers=310, n_years=1, train=False, value_later=True, replace=True)
    assert waits_to_be_valued(open_workspace("Mine"))
    assert again.n_customers == open_workspace("Mine").n_rows("customers") == 310
    assert again.truth_path.exists()
    assert score_runs(open_workspace("Mine")) == []


def test_a_build_that_fails_leaves_nothing(churn_home: Path) -> None:
    def stop(share: float, message: str) -> None:
        if share > 0.3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_demo_workspace("Half", n_customers=300, n_years=1, progress=stop)
    assert list_workspaces() == []
    assert not list(churn_home.rglob("*Half*"))
