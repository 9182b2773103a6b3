"""SHAP's force plot of a customer's calibrated log-odds, as a page of its own for an iframe.

Separate from the plotly figures because it is HTML with a script: shap does not escape what it puts into
that script, so nothing reaches it before it was cleaned here. It stands on a white card in both themes.
"""

from __future__ import annotations

import warnings
from typing import Any

from churn_core.customers.profile import SAME_FOR_ALL, CustomerScore, FeatureContribution
from churn_core.figures.theme import FONT, LIGHT, measure, percent

HEIGHT = 150
"""Pixels the plot needs."""

N_LETTERS_MOST = 60
"""Letters of a name or value; longer ones are shortened."""


def force_plot_html(score: CustomerScore, *, currency: str = "") -> str:
    """The force plot of a score as a whole HTML page; features without a contribution are left out.

    Positions are log-odds, so that lengths add up; ticks are labelled with the risk they stand for. What raises
    the risk pushes from the left, what lowers it from the right.
    """
    import numpy as np

    shap = load_shap()
    parts = [part for part in score.contributions if part.contribution]
    plot = shap.force_plot(
        score.run.base_log_odds,
        np.array([part.contribution for part in parts], dtype=float),
        features=np.array([_clean(value_text(part, currency)) for part in parts], dtype=object),
        feature_names=[_clean(part.label) for part in parts],
        link="logit",
        out_names="risk",
        plot_cmap=[LIGHT.high, LIGHT.accent],
    )
    return _PAGE.format(
        font=FONT,
        text=LIGHT.text,
        script=shap.getjs(),
        plot=plot.html(),
        labels=_LABELS.replace("RISK", percent(score.risk)),
    )


def load_shap() -> Any:
    """The shap package; importing it takes seconds, once per process."""
    with warnings.catch_warnings():
        # shap 0.51 calls a colour-map function that matplotlib 3.11 announces to deprecate
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        import shap
    return shap


def value_text(part: FeatureContribution, currency: str = "") -> str:
    """A feature's value as a reader wants it; empty for what is the same for everybody and has no value."""
    if part.group == SAME_FOR_ALL:
        return ""
    return part.text if part.text is not None else measure(part.value, part.unit, currency)


def _clean(text: str) -> str:
    """Text that cannot leave the script it is put into."""
    kept = " ".join(text.replace("<", "").replace(">", "").split())
    return kept if len(kept) <= N_LETTERS_MOST else kept[: N_LETTERS_MOST - 1] + "…"


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Force plot</title>
<style>
html, body {{ margin: 0; background: #ffffff; color: {text}; font-family: {font}; overflow-x: hidden; }}
body {{ padding: 8px 12px; box-sizing: border-box; }}
text {{ font-family: {font} !important; }}
</style>
{script}</head><body>{plot}{labels}</body></html>"""

_LABELS = """<script>
// shares become percent, and labels that the customer's own risk would cover make room for it
function tidy() {
  const own = [...document.querySelectorAll("text[font-weight=bold]")];
  const at = own.length ? Number(own[0].getAttribute("x")) : -1000;
  for (const label of own) if (label.textContent !== "RISK") label.textContent = "RISK";
  for (const tick of document.querySelectorAll("g.tick")) {
    const x = Number(/[(]([-0-9.e]+)/.exec(tick.getAttribute("transform"))[1]), label = tick.querySelector("text");
    const share = Number(label.textContent);
    if (!Number.isNaN(share)) label.textContent = Number((100 * share).toPrecision(3)) + " %";
    label.style.visibility = Math.abs(x - at) < 46 ? "hidden" : "visible";
  }
}
// shap draws again whenever the window changes its width
new MutationObserver(tidy).observe(document.body, {childList: true, subtree: true, characterData: true});
tidy();
</script>"""
