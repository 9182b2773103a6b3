"""The blocks of the Health page: the leak guard, drift with advice, scores come of age, and the overfit check."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import streamlit as st

from churn_core.customers.profile import feature_label
from churn_core.features.registry import FEATURES
from churn_core.figures import health as figures
from churn_core.figures.theme import UNKNOWN, count, counted, day, percent
from churn_core.models.drift import DriftReport, drift, is_kept
from churn_core.models.drift_sizes import Shift, short_number
from churn_core.models.guard import GuardCheck, checks_from_json
from churn_core.models.overfit import OverfitRow, rows_from_json
from churn_core.models.registry import ModelVersion
from churn_core.models.runs import latest_run
from ui import session
from ui.errors import plain, sentence
from ui.session import Stamp
from ui.widgets import chart, empty_state, table

UNTOLD = "This version was trained before this check existed: train again to have it."
_COLOURS = {"passed": "green", "warning": "orange"}
_COLUMN_HELP = {
    "PSI": "Population stability index over ten bins, missing values being one more",
    "Distance": "Wasserstein distance, in standard deviations of the customers then",
    "Missing": "Share of the customers without a value",
    "Mean": "Of the customers with a value",
    "Weight": "Share of all movement of the risks in training that rests on the input",
}
_ADVICE = {"import": ":material/upload_file:", "season": ":material/calendar_month:", "retrain": ":material/refresh:"}
_LINKS = {"import": ("pages/data/import_file.py", "Import"), "retrain": ("pages/models/train.py", "Train")}


@st.cache_data(show_spinner="Comparing customers with those in training", max_entries=16)
def drift_of(stamp: Stamp, model_version: int) -> DriftReport:
    """The newest score run against the training of a version."""
    return drift(session.warehouse(stamp.workspace), model_version=model_version)


def guard_block(version: ModelVersion) -> None:
    """Each check of the leak guard: what was done, the number, and whether it is as it should be."""
    stored = version.summary.get("guard")
    if not stored:
        st.markdown(UNTOLD)
        return
    checks = checks_from_json(stored["checks"])
    if not checks:
        st.markdown("There was too little history to check anything.")
        return
    n_warnings = sum(check.status == "warning" for check in checks)
    n_made = sum(check.status in ("passed", "warning") for check in checks)
    st.markdown(
        f"**{n_warnings} of {n_made} checks warn**" if n_warnings else f"**All {n_made} checks passed**",
    )
    for check in checks:
        _check(check)
    _seen_table(checks)


def _check(check: GuardCheck) -> None:
    mark = f"{figures.STATUS_MARKS[check.status]} {check.status}"
    colour = _COLOURS.get(check.status, "gray")
    with st.container(border=True, gap=None, key=f"check_{check.name}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{plain(check.title)}**", width="stretch")
            st.markdown(f":{colour}-badge[{mark}]", width="content")
        number = f"**{plain(check.number)}** · " if check.number != UNKNOWN else ""
        st.markdown(f"{number}{sentence(check.meaning)}")
        st.caption(plain(check.done))


def _seen_table(checks: tuple[GuardCheck, ...]) -> None:
    """The as-of date of the features, table by table."""
    seen = next((check.details.get("seen") for check in checks if check.name == "seen"), None)
    if not seen:
        return
    cutoffs = sorted({entry["cutoff"] for entry in seen})
    with st.expander("The newest row that the features saw, at each cutoff"):
        table(
            [
                {
                    "Table": name.replace("_", " "),
                    "Features": count(next(entry["n_features"] for entry in seen if entry["table"] == name)),
                    **{
                        f"Cutoff {day(datetime.fromisoformat(cutoff))}": _moment(
                            next(e["newest"] for e in seen if (e["table"], e["cutoff"]) == (name, cutoff))
                        )
                        for cutoff in cutoffs
                    },
                }
                for name in dict.fromkeys(entry["table"] for entry in seen)
            ]
        )
        st.caption("A cutoff is the midnight a day begins with; only what happened before it may be seen.")


def drift_block(stamp: Stamp, version: ModelVersion) -> None:
    """The newest scores against training: the verdict, what to do, each input, and the risks."""
    report = _report(stamp, version)
    if report is None:
        return
    st.markdown(f"**{figures.verdict_label(report.verdict)}** · {sentence(report.reason)}")
    of = "" if report.n_looked_at == report.n_customers else f" (an even sample of {count(report.n_looked_at)})"
    when = f" as of {day(report.as_of)}" if report.as_of else ""
    st.caption(
        f"Run {report.run_id}{when}, {counted(report.n_customers, 'customer')}{of}, against {plain(report.population)}."
    )
    _advice(report)
    _risk_and_input(report)
    _input_table(report.inputs)


def decay_block(stamp: Stamp, version: ModelVersion) -> None:
    """Earlier scores whose outcome is known by now."""
    report = _report(stamp, version)
    if report is None:
        return
    if not report.decay:
        st.markdown(sentence(report.decay_note))
        return
    chart(figures.decay_figure(report.decay, mode=session.mode()), key="decay")
    st.caption(sentence(report.decay_note))
    table(
        [
            {
                "Run": str(entry.run_id),
                "Model": str(entry.model_version),
                "As of": day(entry.as_of),
                "Customers": count(entry.n),
                "Predicted": percent(entry.mean_risk),
                "Happened": percent(entry.churn_rate),
                "ROC-AUC": _metric(entry.auc),
                "In training": UNKNOWN if entry.promised_auc is None else f"{entry.promised_auc:.3f}",
                "Log loss": _metric(entry.log_loss),
                "Verdict": entry.verdict,
            }
            for entry in report.decay
        ]
    )


def overfit_block(version: ModelVersion) -> None:
    """Training rows against later ones, and how unusual the later ones are."""
    stored = version.summary.get("guard")
    if not stored:
        st.markdown(UNTOLD)
        return
    rows = rows_from_json(stored["overfit"])
    if not rows:
        st.markdown("This version could not be judged on rows it did not learn from, so there is nothing to compare.")
        return
    st.markdown(f"**{_overfit_sentence(rows)}**")
    table([_overfit_cells(row) for row in rows])
    st.caption(
        "Arrows: rows the model learned from → rows it was judged on. AUC lost is their difference, with two standard "
        "errors; from 0.05 on, and beyond its error, it is called large. Log loss is compared with the level of each "
        "cutoff set right, so the season plays no part. Unusual are rows that an isolation forest finds more isolated "
        "than 99 % of the training rows: 1 % is to be expected, 3 % is raised, 10 % far outside what the model knows."
    )


def _report(stamp: Stamp, version: ModelVersion) -> DriftReport | None:
    """The drift report, or None after saying why there is none."""
    run = latest_run(session.warehouse(stamp.workspace))
    if not is_kept(version):
        st.markdown(UNTOLD)
    elif run is None:
        empty_state("No customer was scored yet, so there is nothing to compare.", "pages/today/today.py", "Today")
    elif run.source != version.source:
        st.markdown("The newest scores come from a model of another kind of data, so they cannot be compared.")
    else:
        return drift_of(stamp, version.model_version)
    return None


def _advice(report: DriftReport) -> None:
    for number, advice in enumerate(report.advice):
        with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"advice_{number}"):
            words = f"{_ADVICE[advice.kind]} **{plain(advice.what)}**  \n{sentence(plain(advice.why))}"
            st.markdown(words, width="stretch")
            if advice.kind in _LINKS:
                page, label = _LINKS[advice.kind]
                st.page_link(page, label=label, icon=":material/arrow_forward:", width="content")


def _risk_and_input(report: DriftReport) -> None:
    names = [shift.name for shift in report.inputs]
    name = st.selectbox("Input", names, format_func=feature_label, key="input", bind="query-params", width=480)
    with st.grid(2, min_column_width=380, gap="medium"):
        chart(figures.shift_figure(report.risk, "Risk", axis="risk of churning", mode=session.mode()), key="risk_shift")
        if name in names:
            shift = report.inputs[names.index(name)]
            figure = figures.shift_figure(shift, feature_label(name), axis=_unit(name), mode=session.mode())
            chart(figure, key="input_shift")


def _input_table(inputs: tuple[Shift, ...]) -> None:
    table(
        [
            {
                "Input": feature_label(shift.name),
                "Verdict": figures.verdict_label(shift.verdict),
                "PSI": UNKNOWN if shift.psi is None else f"{shift.psi:.2f}",
                "Distance": UNKNOWN if shift.distance is None else f"{shift.distance:.2f}",
                "Missing": _changed(percent(shift.missing_then), percent(shift.missing_now)),
                "Mean": _changed(_number(shift.mean_then), _number(shift.mean_now))
                if shift.kind == "number"
                else UNKNOWN,
                "Weight": percent(shift.weight),
            }
            for shift in inputs
        ],
        config={name: st.column_config.Column(help=words, alignment="right") for name, words in _COLUMN_HELP.items()},
        most_rows=12,
    )
    st.caption(
        "The largest shift first; arrows: when the model was made → now. PSI says how many customers stand in another "
        "bin than then (shifted from 0.10, strongly from 0.25), the distance how far they moved, in standard "
        "deviations (from 0.30, from 0.50). Where the distance is small, PSI counts one step at most. Weight: how much "
        "of the model rests on the input. Below 300 customers nothing is said; more never make a shift larger."
    )


def _changed(then: str, now: str) -> str:
    """Both numbers with an arrow, or one of them where they are the same."""
    return then if then == now else f"{then} → {now}"


def _overfit_sentence(rows: tuple[OverfitRow, ...]) -> str:
    judged = [row for row in rows if row.judged]
    large = sum(row.gap_verdict == "large" for row in judged)
    outside = [row for row in rows if row.outside_verdict in ("raised", "far outside")]
    others = "customers it never saw" if any(row.where.startswith("fold") for row in judged) else "later customers"
    learned = (
        f"In {large} of {len(judged)} comparisons the model ranks what it learned from much better than {others}"
        if large
        else f"The model ranks {others} about as well as those it learned from ({len(judged)} comparisons)"
    )
    asked = (
        f"unusual customers are more frequent than in training in {len(outside)} of {len(rows)}"
        if outside
        else "and is not asked about customers unlike them"
    )
    return f"{learned}{'; ' if outside else ', '}{asked}"


def _overfit_cells(row: OverfitRow) -> dict[str, str]:
    where = "Now, outcome open" if row.where == "now" else row.where.capitalize()
    if row.where[:1].isdigit():
        where = day(datetime.fromisoformat(row.where))
    gap = UNKNOWN
    if row.auc_gap is not None and row.gap_error is not None:
        gap = f"{row.auc_gap:+.3f} ± {2 * row.gap_error:.3f}"
    rows = f"{count(row.train.n)} → {count(row.n_outside_of)}" if row.train else f"→ {count(row.n_outside_of)}"
    return {
        "Judged at": where,
        "Customers": rows,
        "AUC": _both([f"{side.auc:.3f}" for side in (row.train, row.judged) if side]),
        "AUC lost": gap,
        "Log loss": _both([f"{side.log_loss:.3f}" for side in (row.train, row.judged) if side]),
        "The loss is": row.gap_verdict,
        "Unusual": f"{percent(row.outside_share)} [{percent(row.outside_low)}, {percent(row.outside_high)}]",
        "That is": row.outside_verdict,
    }


def _both(shown: list[str]) -> str:
    return " → ".join(shown) if len(shown) == 2 else UNKNOWN


def _metric(metric: Any) -> str:
    return UNKNOWN if metric is None else f"{metric.value:.3f} [{metric.low:.3f}, {metric.high:.3f}]"


def _number(value: float | None) -> str:
    return UNKNOWN if value is None else short_number(value)


def _moment(stored: str | None) -> str:
    return UNKNOWN if stored is None else f"{datetime.fromisoformat(stored):%-d %b %Y, %H:%M:%S}"


def _unit(name: str) -> str:
    unit = FEATURES[name].unit if name in FEATURES else ""
    return {"days": "days", "hours": "hours", "currency": "amount", "share": "share", "count": "number"}.get(unit, "")
