"""One look for every figure: colours, the plotly template in light and dark, and how numbers are written.

Separate so that figures, tables and texts cannot drift apart: money, percent, counts, days and ages are
written here and nowhere else. Risk is red and never colour alone: the three tiers differ in lightness and
carry a word and a mark.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Literal

import pandas  # noqa: F401 - plotly uses it as soon as it is among the loaded modules, even half loaded by another visit
import plotly.graph_objects as go

from churn_core.currency import currency_sign as currency_sign
from churn_core.currency import money_text

Mode = Literal["light", "dark"]

FONT = '"Source Sans", "Source Sans 3", "Source Sans Pro", "Segoe UI", Roboto, "Noto Sans", sans-serif'

TIER_MARKS = {"high": "▲", "medium": "◆", "low": "●"}
"""The mark that stands beside each tier's word."""

UNKNOWN = "–"
"""Written where a number is not known."""


@dataclass(frozen=True, kw_only=True)
class Palette:
    """The colours of one mode, as hex."""

    background: str
    """Page behind the figure."""
    card: str
    """Surface slightly lifted from the page; also hover labels."""
    text: str
    """Titles and values."""
    muted: str
    """Axis labels, notes, secondary lines."""
    grid: str
    """Grid lines and separators."""
    neutral: str
    """Bars and lines that carry no judgement."""
    accent: str
    """The one accent."""
    accent_soft: str
    """The accent, quiet: bands and fills behind a line."""
    accent_light: str
    """The accent, lighter, yet strong enough for bars and nodes of their own."""
    high: str
    """High risk, and whatever raises the risk."""
    medium: str
    low: str
    good: str
    """What lowers the risk or went well."""

    @property
    def tiers(self) -> dict[str, str]:
        """Colour of each tier by its name."""
        return {"high": self.high, "medium": self.medium, "low": self.low}

    @property
    def series(self) -> tuple[str, ...]:
        """Colours for several lines or bars, told apart by hue and by lightness."""
        return (self.accent, self.medium, self.neutral, self.high, self.good, self.muted)


LIGHT = Palette(
    background="#ffffff",
    card="#f5f7fa",
    text="#101b27",
    muted="#55626f",
    grid="#e3e8ee",
    neutral="#7b8a9b",
    accent="#1f5fbf",
    accent_soft="#cfdff5",
    accent_light="#5f93da",
    high="#a31621",
    medium="#b85c00",
    low="#8793a1",
    good="#1b7a6b",
)

DARK = Palette(
    background="#12171d",
    card="#1c232c",
    text="#e8edf2",
    muted="#9fadbb",
    grid="#2c3641",
    neutral="#71808f",
    accent="#7fb0ff",
    accent_soft="#27405f",
    accent_light="#41699f",
    high="#ff8a7d",
    medium="#c07c22",
    low="#5a6776",
    good="#57c4b0",
)


def palette(mode: Mode = "light") -> Palette:
    """The colours of a mode."""
    return DARK if mode == "dark" else LIGHT


@cache
def template(mode: Mode = "light") -> go.layout.Template:
    """The plotly template that every figure uses."""
    colours = palette(mode)
    axis = {
        "gridcolor": colours.grid,
        "linecolor": colours.grid,
        "zerolinecolor": colours.grid,
        "tickfont": {"color": colours.muted, "size": 12},
        "title": {"font": {"color": colours.muted, "size": 12}, "standoff": 8},
        "automargin": True,
        "ticks": "",
        "separatethousands": True,
    }
    return go.layout.Template(
        layout={
            "font": {"family": FONT, "size": 13, "color": colours.text},
            "title": {
                "font": {"size": 16, "color": colours.text},
                "x": 0,
                "xref": "paper",
                "xanchor": "left",
                "y": 1,
                "yref": "container",
                "yanchor": "top",
                "pad": {"t": 12},
            },
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "colorway": colours.series,
            "margin": {"l": 8, "r": 16, "t": 56, "b": 8},
            "xaxis": {**axis, "showgrid": False, "showline": True},
            "yaxis": {**axis, "showgrid": True, "showline": False, "ticklabelstandoff": 6},
            "legend": {
                "orientation": "h",
                "x": 0,
                "xanchor": "left",
                "y": 1.02,
                "yanchor": "bottom",
                "font": {"size": 12, "color": colours.muted},
                "title": {"text": ""},
            },
            "hoverlabel": {
                "bgcolor": colours.card,
                "bordercolor": colours.grid,
                "font": {"family": FONT, "size": 12, "color": colours.text},
                "align": "left",
            },
            "hovermode": "closest",
            "separators": ".,",
            "bargap": 0.3,
        }
    )


def styled(fig: go.Figure, *, title: str, mode: Mode = "light", height: int = 320) -> go.Figure:
    """The figure in the product's look, with the sentence it proves as its title; changes and returns it.

    ``title`` is shown as text: markup in it (from a customer's data, say) is not interpreted.
    """
    fig.update_layout(template=template(mode), title={"text": plain(title)}, height=height)
    return fig


def plain(text: str) -> str:
    """Text that plotly shows as it stands: it would read ``<b>`` or ``<a href>`` as markup.

    >>> plain("<b>Ada</b> & Co")
    '&lt;b&gt;Ada&lt;/b&gt; &amp; Co'
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def money(amount: float | None, currency: str = "") -> str:
    """An amount with its currency and no false digits.

    >>> money(12_431.7, "GBP"), money(342.4, "EUR"), money(4.2), money(-1_240_000, "CHF"), money(None)
    ('£12.4k', '€342', '4.20', '-CHF 1.24m', '–')
    """
    return UNKNOWN if amount is None or _is_unknown(amount) else money_text(amount, currency)


def percent(share: float | None) -> str:
    """A share in [0, 1] as percent with one decimal.

    >>> percent(0.1234), percent(1), percent(None)
    ('12.3 %', '100.0 %', '–')
    """
    return UNKNOWN if _is_unknown(share) else f"{100 * float(share or 0):.1f} %"


def points(difference: float | None) -> str:
    """A difference of two shares, in percentage points with its sign.

    >>> points(0.0766), points(-0.012)
    ('+7.7 points', '-1.2 points')
    """
    return UNKNOWN if _is_unknown(difference) else f"{100 * float(difference or 0):+.1f} points"


def points_between(before: float, after: float) -> str:
    """The difference of two shares as a reader of both in percent would calculate it.

    >>> percent(0.86444), percent(0.04155), points_between(0.86444, 0.04155), points(0.04155 - 0.86444)
    ('86.4 %', '4.2 %', '-82.2 points', '-82.3 points')
    """
    return points(round(round(100 * after, 1) - round(100 * before, 1), 1) / 100)


def count(number: float | None) -> str:
    """A whole number with thousands separated.

    >>> count(1_044_847)
    '1,044,847'
    """
    return UNKNOWN if _is_unknown(number) else f"{round(float(number or 0)):,}"


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """A number with its noun in the right form.

    >>> counted(1, "customer"), counted(1200, "customer"), counted(2, "country", "countries")
    ('1 customer', '1,200 customers', '2 countries')
    """
    return f"{count(number)} {noun if number == 1 else plural or noun + 's'}"


def day(moment: date | datetime | None) -> str:
    """A day.

    >>> day(date(2011, 9, 12)), day(None)
    ('12 Sep 2011', '–')
    """
    return UNKNOWN if _is_unknown(moment) else f"{moment:%-d %b %Y}"


def days_ago(n_days: float | None) -> str:
    """An age in days.

    >>> days_ago(62), days_ago(1), days_ago(0), days_ago(-3)
    ('62 days ago', '1 day ago', 'today', 'in 3 days')
    """
    if _is_unknown(n_days):
        return UNKNOWN
    whole = math.floor(float(n_days or 0))
    if whole == 0:
        return "today"
    return f"{counted(whole, 'day')} ago" if whole > 0 else f"in {counted(-whole, 'day')}"


def measure(value: float | None, unit: str = "", currency: str = "") -> str:
    """A feature's value as its unit wants it (units as in the feature registry), three significant digits.

    >>> measure(61.96, "days"), measure(1, "days"), measure(0.3333, "ratio"), measure(0.25, "share")
    ('62 days', '1 day', '0.333', '25.0 %')
    >>> measure(12345.6, "count"), measure(1, "flag"), measure(420, "currency", "GBP"), measure(None, "days")
    ('12,346', 'yes', '£420', '–')
    """
    if _is_unknown(value):
        return UNKNOWN
    known = float(value or 0)
    if unit == "currency":
        return money(known, currency)
    if unit == "share":
        return percent(known)
    if unit == "flag":
        return "yes" if known else "no"
    text = _digits(known)
    noun = {"days": "day", "hours": "hour"}.get(unit)
    return text if noun is None else f"{text} {noun if text == '1' else noun + 's'}"


def tier_label(tier: str | None) -> str:
    """A tier with its mark.

    >>> tier_label("high"), tier_label(None), tier_label(float("nan"))  # type: ignore[arg-type]
    ('▲ high', '–', '–')
    """
    return UNKNOWN if not tier or _is_unknown(tier) else f"{TIER_MARKS.get(tier, '')} {tier}".strip()


def _digits(known: float) -> str:
    """Three significant digits, none after the point where they say nothing."""
    if abs(known) >= 100 or known.is_integer():
        return f"{known:,.0f}"
    return f"{known:.1f}".removesuffix(".0") if abs(known) >= 10 else f"{known:.3g}"


def _is_unknown(value: object) -> bool:
    """Whether a value is missing: None, NaN or NaT."""
    return value is None or value != value
