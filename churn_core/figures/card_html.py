"""The model card as a page of its own: one HTML file, readable without a network, in light and dark, and on paper.

Charts are SVG written here, because a plotly figure needs its script. Every text is escaped; there is no script and
nothing is loaded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING

from churn_core.figures.theme import DARK, FONT, LIGHT, Palette, percent

if TYPE_CHECKING:
    from churn_core.models.card import CardTable, ModelCard, Section
    from churn_core.models.evaluation import Evaluation

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 360, 300, 46, 44, 12
_Points = Sequence[tuple[float, float]]


def card_html(card: ModelCard) -> str:
    """The card as one HTML page; the same bytes for the same card."""
    body = "\n".join(part for section in card.sections for part in _section(section, card.evaluation))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{escape(card.title)}</title>\n<style>\n{_style()}\n</style>\n</head>\n<body>\n<main>\n"
        f'<h1>{escape(card.title)}</h1>\n<p class="muted">{escape(card.subtitle)}</p>\n{body}\n</main>\n'
        "</body>\n</html>\n"
    )


def _section(section: Section, evaluation: Evaluation | None) -> Iterator[str]:
    yield f"<section>\n<h2>{escape(section.title)}</h2>"
    for paragraph in section.paragraphs:
        yield f"<p>{escape(paragraph)}</p>"
    if evaluation is not None and section.charts:
        drawn = "\n".join(_CHARTS[name](evaluation) for name in section.charts)
        yield f'<div class="charts">\n{drawn}\n</div>'
    for table in section.tables:
        yield _table(table)
    if section.points:
        yield "<ul>\n" + "\n".join(f"<li>{escape(point)}</li>" for point in section.points) + "\n</ul>"
    yield "</section>"


def _table(table: CardTable) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in table.header)
    rows = "\n".join("<tr>" + "".join(f"<td>{_cell(cell)}</td>" for cell in row) + "</tr>" for row in table.rows)
    return f'<div class="wide"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table></div>'


def _cell(text: str) -> str:
    """A cell; a number and its percent sign stay on one line."""
    return escape(text).replace(" %", "&nbsp;%")


def _calibration(found: Evaluation) -> str:
    bins = found.calibration
    marks = "".join(
        f'<line class="interval" x1="{_x(b.predicted):.1f}" x2="{_x(b.predicted):.1f}" '
        f'y1="{_y(b.happened_low):.1f}" y2="{_y(b.happened_high):.1f}"/>'
        f'<circle class="point" cx="{_x(b.predicted):.1f}" cy="{_y(b.happened):.1f}" r="3.5"/>'
        for b in bins
    )
    title = f"Predicted {percent(found.mean_predicted)}, happened {percent(found.churn_rate)} (n = {found.n:,})"
    return _chart(title, _line([(0, 0), (1, 1)], "chance") + marks, "predicted risk", "share that churned")


def _roc(found: Evaluation) -> str:
    title = f"ROC: a churner has the higher risk in {percent(found.auc.value)} of pairs"
    drawn = _line([(0, 0), (1, 1)], "chance") + _line([(0, 0), *found.roc, (1, 1)], "curve")
    return _chart(title, drawn, "share of stayers called", "share of churners called")


def _gain(found: Evaluation) -> str:
    tenth = next(row for row in found.capacity if row.share == 0.1)
    title = f"Gain: the 10 % of highest risk hold {percent(tenth.recall)} of all churners"
    drawn = _line([(0, 0), (1, 1)], "chance") + _line(found.gain, "curve")
    return _chart(title, drawn, "share of customers contacted", "share of churners among them")


_CHARTS = {"calibration": _calibration, "roc": _roc, "gain": _gain}


def _chart(title: str, drawn: str, x_title: str, y_title: str) -> str:
    """Axes from 0 to 100 % around what was drawn, with the sentence it proves above."""
    ticks = "".join(
        f'<line class="grid" x1="{_x(0):.1f}" x2="{_x(1):.1f}" y1="{_y(at):.1f}" y2="{_y(at):.1f}"/>'
        f'<text class="tick" x="{_x(0) - 6:.1f}" y="{_y(at) + 4:.1f}" text-anchor="end">{100 * at:.0f} %</text>'
        f'<text class="tick" x="{_x(at):.1f}" y="{_y(0) + 16:.1f}" text-anchor="middle">{100 * at:.0f} %</text>'
        for at in (0.0, 0.25, 0.5, 0.75, 1.0)
    )
    middle_x, middle_y = (_x(0) + _x(1)) / 2, (_y(0) + _y(1)) / 2
    names = (
        f'<text class="tick" x="{middle_x:.1f}" y="{_HEIGHT - 6}" text-anchor="middle">{escape(x_title)}</text>'
        f'<text class="tick" x="0" y="0" text-anchor="middle" transform="translate(11 {middle_y:.1f}) rotate(-90)">'
        f"{escape(y_title)}</text>"
    )
    return (
        f"<figure><figcaption>{escape(title)}</figcaption>"
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">{ticks}{names}{drawn}</svg>'
        "</figure>"
    )


def _line(points: _Points, kind: str) -> str:
    path = " ".join(f"{_x(x):.1f},{_y(y):.1f}" for x, y in points)
    return f'<polyline class="{kind}" points="{path}"/>'


def _x(share: float) -> float:
    return _LEFT + 14 + share * (_WIDTH - _LEFT - 14 - 22)


def _y(share: float) -> float:
    return _HEIGHT - _BOTTOM - share * (_HEIGHT - _BOTTOM - _TOP)


def _style() -> str:
    return "\n".join(
        (
            f":root {{ color-scheme: light dark; {_variables(LIGHT)} }}",
            f"@media (prefers-color-scheme: dark) {{ :root {{ {_variables(DARK)} }} }}",
            f"body {{ margin: 0; background: var(--background); color: var(--text); font: 15px/1.5 {FONT}; }}",
            "main { max-width: 860px; margin: 0 auto; padding: 32px 20px 64px; }",
            "h1 { font-size: 28px; margin: 0; } h2 { font-size: 19px; margin: 36px 0 8px; }",
            "p { margin: 8px 0; } .muted { color: var(--muted); } li { margin: 4px 0; overflow-wrap: anywhere; }",
            ".wide { overflow-x: auto; margin: 12px 0; }",
            "table { border-collapse: collapse; width: 100%; }",
            "th, td { text-align: left; vertical-align: top; padding: 5px 12px 5px 0; "
            "border-bottom: 1px solid var(--grid); overflow-wrap: break-word; }",
            "th { color: var(--muted); font-weight: 600; } td:first-child { min-width: 130px; }",
            ".charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(300px, 1fr)); gap: 20px; }",
            "figure { margin: 8px 0; max-width: 420px; } figcaption { font-weight: 600; margin-bottom: 4px; }",
            "svg { width: 100%; height: auto; } .tick { fill: var(--muted); font-size: 11px; }",
            ".grid { stroke: var(--grid); } .chance { fill: none; stroke: var(--neutral); stroke-dasharray: 3 4; }",
            ".curve { fill: none; stroke: var(--accent); stroke-width: 2.5; }",
            ".point { fill: var(--accent); } .interval { stroke: var(--accent); stroke-width: 1.5; }",
            "@media print { section { break-inside: avoid; } }",
        )
    )


def _variables(colours: Palette) -> str:
    names = ("background", "text", "muted", "grid", "neutral", "accent")
    return " ".join(f"--{name}: {getattr(colours, name)};" for name in names)
