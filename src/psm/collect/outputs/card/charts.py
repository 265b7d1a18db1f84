"""Charts of the data card: months, hours, durations, archives, licences, countries, languages."""

from __future__ import annotations

import calendar
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from psm.cartography.style import DIM, INK, NO_DATA, new_figure
from psm.collect.outputs.facts import UNKNOWN, Facts

_BAR, _REST, _UNKNOWN = "#5b7fa6", "#b9c3ce", "#e4e8ec"
_MOST = 10
_SIZE_IN, _WIDTH_PX = (12.0, 7.4), 1800
_DURATIONS_S = (0, 5, 10, 30, 60, 120, 300, 600, 1800, np.inf)
_DURATION_NAMES = ("0", "5 s", "10", "30", "1 min", "2", "5", "10", "30")


def charts(facts: Facts) -> Figure:
    """Draw months, hours and durations above; archives, licences, countries and languages below."""
    figure = new_figure(*_SIZE_IN, _WIDTH_PX)
    above = figure.add_gridspec(1, 3, left=0.05, right=0.985, top=0.92, bottom=0.60, wspace=0.2)
    below = figure.add_gridspec(1, 4, left=0.085, right=0.985, top=0.45, bottom=0.04, wspace=0.75,
                                width_ratios=(1.0, 1.0, 0.8, 0.8))  # fmt: skip
    months, hours, durations = (figure.add_subplot(above[i]) for i in range(3))
    total = len(facts.rows)
    names = [calendar.month_abbr[month][0] for month in range(1, 13)]
    _upright(months, "Month", names, facts.months, total)
    _upright(hours, "Hour, local time", [str(hour) for hour in range(24)], facts.hours, total)
    hours.set_xticks(range(0, 24, 3))
    _upright(durations, "Duration, as recorded", list(_DURATION_NAMES), _durations(facts), total)
    durations.set_xticks(np.arange(len(_DURATION_NAMES)) - 0.5)  # where a bar begins
    durations.set_xticklabels(_DURATION_NAMES)
    for place, (title, column) in enumerate(
        (
            ("Archive", "source"),
            ("Licence", "licence"),
            ("Country", "country"),
            ("Language", "language"),
        )
    ):
        _lying(figure.add_subplot(below[place]), title, facts.counts(column))
    return figure


def _upright(axes: Axes, title: str, names: Sequence[str], counts: Sequence[int], of: int) -> None:
    axes.bar(range(len(counts)), counts, width=0.82, color=_BAR)
    axes.set_xticks(range(len(counts)), names)
    _dress(axes, title, unknown=of - sum(counts))
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.grid(axis="y", color=NO_DATA, linewidth=0.5)


def _lying(axes: Axes, title: str, counts: Mapping[str, int]) -> None:
    """The most frequent values, then all others together, then what is unknown."""
    known = [(name, count) for name, count in counts.items() if name != UNKNOWN]
    shown, rest = known[:_MOST], known[_MOST:]
    if len(rest) == 1:
        shown, rest = known, []
    bars = [(name.removeprefix("LicenseRef-"), count, _BAR) for name, count in shown]
    if rest:
        bars.append((f"{len(rest)} others", sum(count for _, count in rest), _REST))
    if counts.get(UNKNOWN):
        bars.append((UNKNOWN, counts[UNKNOWN], _UNKNOWN))
    total = max(sum(counts.values()), 1)
    places = range(len(bars))
    axes.barh(places, [count for _, count, _ in bars], color=[c for *_, c in bars], height=0.74)
    axes.set_yticks(places, [name for name, *_ in bars])
    longest = max((count for _, count, _ in bars), default=1)
    for place, (_, count, _) in enumerate(bars):
        axes.text(
            count + 0.03 * longest, place, _share(count, total), va="center", fontsize=8, color=DIM
        )
    axes.set(ylim=(_MOST + 1.6, -0.6), xlim=(0, 1.3 * longest))
    axes.set_xticks([])
    _dress(axes, title)


def _dress(axes: Axes, title: str, *, unknown: int = 0) -> None:
    axes.set_title(title, loc="left", fontsize=11, weight="bold", color=INK, pad=8)
    if unknown:
        axes.set_title(f"{unknown:,} unknown", loc="right", fontsize=8.5, color=DIM, pad=8)
    axes.spines[:].set_visible(False)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8.5, colors=DIM, length=0)


def _share(count: int, total: int) -> str:
    share = count / total
    return f"{share:.0%}" if share >= 0.01 else f"{count:,}"


def _durations(facts: Facts) -> list[int]:
    known = [row.duration_s for row in facts.rows if row.duration_s is not None]
    counts, _ = np.histogram(known, _DURATIONS_S)
    return [int(count) for count in counts]
