"""SHAP's force plot of a customer's calibrated log-odds, as a page of its own for an iframe.

Separate from the plotly figures because it is HTML with a script: shap does not escape what it puts into
that script, so nothing reaches it before it was cleaned here.
"""

from __future__ import annotations

import warnings
from typing import Any

from churn_core.customers.profile import CustomerScore
from churn_core.figures.contributions import Reading, bars
from churn_core.figures.theme import FONT, Mode, palette, percent

HEIGHT = 124
"""Pixels the plot needs."""

N_LETTERS_MOST = 60
"""Letters of a name or value; longer ones are shortened."""


def force_plot_html(
    score: CustomerScore, reading: Reading = "by group", *, currency: str = "", mode: Mode = "light"
) -> str:
    """The force plot of a score as a whole HTML page, by group of features or with every feature.

    Positions are log-odds, so that lengths add up; ticks are labelled with the risk they stand for. What raises
    the risk pushes from the left, what lowers it from the right. No piece is without length: shap's script would take
    one a rounding below zero for the place where both sides meet, and everything would stand wrong.
    """
    import numpy as np

    shap, colours = load_shap(), palette(mode)
    parts = bars(score, reading, currency=currency)
    notes = [part.note if reading == "every signal" else "" for part in parts]
    plot = shap.force_plot(
        score.run.base_log_odds,
        np.array([part.step for part in parts], dtype=float),
        features=np.array([_clean(note) for note in notes], dtype=object),
        feature_names=[_clean(part.label) for part in parts],
        link="logit",
        out_names="risk",
        plot_cmap=[colours.high, colours.accent],
    )
    words = {"RISK": percent(score.risk), "START": f"start {percent(score.usual_risk)}"}
    labels = _LABELS
    for name, text in words.items():
        labels = labels.replace(name, text)
    return _PAGE.format(
        font=FONT,
        background=colours.background,
        text=colours.text,
        muted=colours.muted,
        script=shap.getjs(),
        plot=plot.html(),
        labels=labels,
    )


def load_shap() -> Any:
    """The shap package; importing it takes seconds, once per process."""
    with warnings.catch_warnings():
        # shap 0.51 calls a colour-map function that matplotlib 3.11 announces to deprecate
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        import shap
    return shap


def _clean(text: str) -> str:
    """Text that cannot leave the script it is put into."""
    kept = " ".join(text.replace("<", "").replace(">", "").split())
    return kept if len(kept) <= N_LETTERS_MOST else kept[: N_LETTERS_MOST - 1] + "…"


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Force plot</title>
<style>
html, body {{ margin: 0; background: {background}; color: {text}; font-family: {font}; overflow: hidden; }}
body {{ padding: 8px 0; box-sizing: border-box; }}
text {{ font-family: {font} !important; }}
.force-bar-axis text {{ fill: {muted} !important; opacity: 1 !important; }}
text.quiet {{ fill: {muted} !important; opacity: 1 !important; }}
.force-bar-blockDividers {{ stroke: {background} !important; }}
text[font-weight=bold] {{ fill: {text} !important; }}
text[stroke="#fff"] {{ stroke: {background} !important; }}
</style>
{script}</head><body>{plot}{labels}</body></html>"""

_LABELS = """<script>
// the letters of the page around, which the frame does not know by itself
try {
  for (const face of parent.document.fonts) document.fonts.add(face);
} catch (error) { /* another origin: the next letters of the list are taken */ }
function share(text) {
  const risk = Number(text);
  if (Number.isNaN(risk)) return text;
  if (risk < 0.001) return "<0.1 %";
  if (risk > 0.999) return ">99.9 %";
  return (100 * risk).toFixed(risk < 0.1 || risk > 0.99 ? 1 : 0) + " %";
}
// shares become percent; labels that the customer's own risk would cover, or the edge would cut, make room
function tidy() {
  const svg = document.querySelector("svg");
  if (!svg) return;
  const wide = svg.getBoundingClientRect().width;
  const own = [...document.querySelectorAll("text[font-weight=bold]")];
  const at = own.length ? Number(own[0].getAttribute("x")) : -1000;
  const put = (label, text) => { if (label.textContent !== text) label.textContent = text; };
  for (const label of own) put(label, "RISK");
  let start = -1000;
  for (const label of document.querySelectorAll("text")) {
    if (label.textContent === "risk") label.classList.add("quiet");
    if (label.textContent !== "base value" && label.textContent !== "START") continue;
    put(label, "START");
    label.classList.add("quiet");
    start = Number(label.getAttribute("x"));
    label.style.visibility = Math.abs(start - at) < 60 ? "hidden" : "visible";
  }
  let last = -1000;
  for (const tick of document.querySelectorAll("g.tick")) {
    const x = Number(/[(]([-0-9.e]+)/.exec(tick.getAttribute("transform"))[1]), label = tick.querySelector("text");
    put(label, share(label.textContent));
    const far = label.textContent.startsWith("<") || label.textContent.startsWith(">");
    const hidden = far || Math.abs(x - at) < 46 || Math.abs(x - start) < 2 || x - last < 44 || x < 24 || x > wide - 24;
    if (!hidden) last = x;
    label.style.visibility = hidden ? "hidden" : "visible";
  }
  for (const label of document.querySelectorAll("text.force-bar-labels")) {
    const edge = wide - 4, middle = Number(label.getAttribute("x"));
    const room = 2 * Math.min(middle - 4, edge - middle);
    while (label.getComputedTextLength() > room && label.textContent.length > 6) {
      label.textContent = label.textContent.replace("…", "").slice(0, -2).trimEnd() + "…";
    }
    if (room < 40) label.style.visibility = "hidden"; else label.style.visibility = "visible";
  }
}
// shap draws again whenever the window changes its width
new MutationObserver(tidy).observe(document.body, {childList: true, subtree: true, characterData: true});
tidy();
</script>"""
