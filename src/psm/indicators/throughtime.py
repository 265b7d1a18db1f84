"""Indicators of one place through day and year: as a table, and as a picture."""

from __future__ import annotations

import calendar
import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import psm
from psm.calibration import UNCALIBRATED, Calibration
from psm.cartography.style import COLOURS, DIM, INK, PAPER, colour_bar, figure_style, fit_text
from psm.data.context import Context
from psm.files import atomic_path
from psm.imagery import Provider
from psm.indicators.definitions import Indicator
from psm.indicators.expectation import ExpectedSounds
from psm.indicators.vocabulary import OURS, Vocabulary
from psm.inference.batches import location_gaussians
from psm.mapping.distances import Distances
from psm.mapping.outputs.figurefile import save_figure
from psm.mapping.outputs.profileplot import place_name
from psm.mapping.profile import HOURS, MONTHS, look
from psm.model import PSM
from psm.provenance import TAG, Provenance

ISO_NAMES = {"pleasantness": "ISOPleasant", "eventfulness": "ISOEventful"}
"""What the coordinates of ISO/TS 12913-3 are called in tables, so that soundscapy knows them."""

_COLUMNS = 2
_PANEL_IN, _HEAD_IN, _FOOT_IN = (4.6, 2.5), 0.95, 0.45


@dataclass(frozen=True, eq=False)
class IndicatorProfile:
    """Indicators of one place, by month and local hour.

    Attributes:
        lat, lon: the place, degrees.
        vocabulary: the sounds that they are made of.
        probability, uncertainty: of each of them.
        indicators: what is shown.
        model: name of the model.
        provenance: what it learnt from.
        attribution, licence: of the imagery.
        calibration: how distances became probabilities.
    """

    lat: float
    lon: float
    vocabulary: Vocabulary
    probability: Float[np.ndarray, "12 24 sounds"]
    uncertainty: Float[np.ndarray, "12 24 sounds"]
    indicators: tuple[Indicator, ...]
    model: str
    provenance: Provenance
    attribution: str
    licence: str
    calibration: str

    @property
    def tags(self) -> dict[str, str]:
        """What was asked of which model, for the metadata of a picture."""
        return {
            "lat": f"{self.lat:g}",
            "lon": f"{self.lon:g}",
            "indicators": ", ".join(indicator.name for indicator in self.indicators),
            "model": self.model,
            "calibration": self.calibration,
            TAG: self.provenance.tag,
            "software": f"psm {psm.__version__}",
        }

    def values(self, indicator: Indicator) -> tuple[Float[np.ndarray, "12 24"], ...]:
        """Value, lower and upper end of an interval of 90 %.

        Args:
            indicator: any.

        Returns:
            Three arrays.
        """
        return indicator.interval(self.vocabulary, self.probability, self.uncertainty)[:3]

    def highest(self, indicator: Indicator) -> dict[str, Any]:
        """When an indicator is highest, and lowest and highest value.

        Args:
            indicator: any.

        Returns:
            Ready for JSON.
        """
        value = self.values(indicator)[0]
        month, hour = np.unravel_index(int(np.nanargmax(value)), value.shape)
        return {
            "indicator": indicator.name,
            "lowest": round(float(np.nanmin(value)), 4),
            "highest": round(float(np.nanmax(value)), 4),
            "month": int(month) + 1,
            "hour": int(hour),
        }

    def write_csv(self, path: Path) -> Path:
        """Write a row for every month and hour; soundscapy reads it.

        Args:
            path: of the table; complete or absent.

        Returns:
            The path.
        """
        place = place_name(lat=self.lat, lon=self.lon)
        columns: dict[str, Float[np.ndarray, "12 24"]] = {}
        for indicator in self.indicators:
            name = ISO_NAMES.get(indicator.name, indicator.name)
            ends = ("", "_lower", "_upper")
            columns |= {
                f"{name}{end}": part for end, part in zip(ends, self.values(indicator), strict=True)
            }
        first = ("LocationID", "lat", "lon", "month", "hour")
        about = (self.model, self.provenance.tag)
        with atomic_path(path) as aside, aside.open("w", newline="", encoding="utf-8") as stream:
            rows = csv.writer(stream)
            rows.writerow([*first, *columns, "model", TAG])
            for month in range(MONTHS):
                for hour in range(HOURS):
                    when = (place, self.lat, self.lon, month + 1, hour)
                    numbers = [f"{part[month, hour]:.5g}" for part in columns.values()]
                    rows.writerow([*when, *numbers, *about])
        return path

    def write_picture(self, path: Path, *, dpi: int = 130) -> Path:
        """Draw a panel for every indicator: the day across, the year down.

        Args:
            path: PNG or SVG; complete or absent.
            dpi: dots per inch.

        Returns:
            The path.
        """
        columns = min(_COLUMNS, len(self.indicators))
        rows = math.ceil(len(self.indicators) / columns)
        width = max(6.4, columns * _PANEL_IN[0] + 0.4)
        height = rows * _PANEL_IN[1] + _HEAD_IN + _FOOT_IN
        place = place_name(lat=self.lat, lon=self.lon)
        with figure_style():
            figure = Figure(figsize=(width, height), dpi=dpi, facecolor=PAPER)
            FigureCanvasAgg(figure)
            head = figure.text(
                0.02, 1.0 - 0.16 / height, place, va="top", fontsize=17, weight="bold"
            )
            fit_text(head, room=0.94, smallest_pt=10.0)
            words = ["hours of local time across, months down", self.provenance.badge]
            figure.text(
                0.02, 1.0 - 0.54 / height, " · ".join(filter(None, words)),
                va="top", fontsize=9.5, color=DIM,
            )  # fmt: skip
            for number, indicator in enumerate(self.indicators):
                row, column = divmod(number, columns)
                left = 0.5 + column * _PANEL_IN[0]
                bottom = height - _HEAD_IN - (row + 1) * _PANEL_IN[1]
                self._panel(figure, indicator, (left / width, bottom / height), (width, height))
            credit = " · ".join(
                [self.provenance.statement, self.model, f"psm {psm.__version__}",
                 self.attribution]
            )  # fmt: skip
            figure.text(0.985, 0.1 / height, credit, ha="right", va="bottom", color=DIM, fontsize=5)
            return save_figure(
                figure,
                path,
                title=f"Indicators, {place}",
                rights=f"{self.attribution}; licence: {self.licence}",
                tags=self.tags,
                kind="svg" if path.suffix.lower() == ".svg" else "png",
            )

    def _panel(
        self,
        figure: Figure,
        indicator: Indicator,
        corner: tuple[float, float],
        size_in: tuple[float, float],
    ) -> None:
        """One indicator with its own colour bar."""
        width, height = size_in
        value, low, high = self.values(indicator)
        axes = figure.add_axes(
            (corner[0], corner[1] + 0.75 / height, 3.95 / width, (_PANEL_IN[1] - 1.15) / height)
        )
        first, last = indicator.colour_ends
        image = axes.imshow(
            value, cmap=COLOURS[indicator.colours], vmin=first, vmax=last, aspect="auto",
            extent=(-0.5, HOURS - 0.5, MONTHS - 0.5, -0.5), interpolation="nearest",
        )  # fmt: skip
        axes.set_title(indicator.long_name, loc="left", fontsize=9, color=INK, pad=3)
        half = 0.5 * float(np.nanmean(high - low))
        axes.text(
            1.0, 1.03, f"{np.nanmin(value):.2f} to {np.nanmax(value):.2f}, ± {half:.2f}",
            transform=axes.transAxes, ha="right", va="bottom", fontsize=6.5, color=DIM,
        )  # fmt: skip
        _ticks(axes)
        bar = figure.add_axes((corner[0], corner[1] + 0.46 / height, 2.4 / width, 0.08 / height))
        unit = "" if indicator.unit == "1" else indicator.unit
        colour_bar(bar, image, unit, small=True)


@torch.inference_mode()
def profile_indicators(
    model: PSM,
    provider: Provider,
    indicators: Sequence[Indicator],
    *,
    lat: float,
    lon: float,
    zoom: int | None = None,
    calibration: Calibration | None = None,
    vocabulary: Vocabulary = OURS,
) -> IndicatorProfile:
    """Indicators of any place that the imagery shows, by month and local hour.

    Args:
        model: in evaluation mode.
        provider: of the imagery.
        indicators: at least one.
        lat, lon: the place, degrees.
        zoom: level that the model was trained on; by default its first.
        calibration: turns distances into calibrated probabilities.
        vocabulary: the sounds that they are made of.

    Returns:
        All of it.

    Warns:
        UnfamiliarQuery: some of the sounds are unlike anything that the model was trained on.

    Raises:
        MissingData: there is no imagery of the place, or the model does not cover it.
        InvalidContext: there is no such place.
        CheckpointMismatch: the calibration is of other weights.
    """
    level = model.config.imagery.zooms[0] if zoom is None else zoom
    features = look(model, provider, lat=lat, lon=lon, zoom=level)
    expected = ExpectedSounds.of(model, vocabulary, calibration)
    probability, uncertainty = sounds_through_time(model, expected, features, lat=lat, lon=lon)
    return IndicatorProfile(
        lat=lat,
        lon=lon,
        vocabulary=vocabulary,
        probability=probability,
        uncertainty=uncertainty,
        indicators=tuple(indicators),
        model=model.config.name,
        provenance=model.provenance,
        attribution=provider.attribution,
        licence=provider.licence,
        calibration=expected.statement
        or (UNCALIBRATED if calibration is None else calibration.summary),
    )


@torch.inference_mode()
def sounds_through_time(
    model: PSM,
    expected: ExpectedSounds,
    features: Float[torch.Tensor, "1 dim"],
    *,
    lat: float,
    lon: float,
) -> tuple[Float[np.ndarray, "12 24 sounds"], Float[np.ndarray, "12 24 sounds"]]:
    """How likely every sound is at a place that was seen, by month and local hour.

    Args:
        model: in evaluation mode.
        expected: the vocabulary in its space.
        features: of the view of the place.
        lat, lon: the place, degrees.

    Returns:
        Probabilities and their standard deviations.
    """
    month, hour = np.meshgrid(np.arange(1.0, MONTHS + 1), np.arange(float(HOURS)), indexing="ij")
    context = Context.of(
        lat=np.full(month.size, lat), lon=np.full(month.size, lon),
        month=month.ravel(), hour=hour.ravel(),
    )  # fmt: skip
    places = location_gaussians(model, features.expand(month.size, -1), context)
    found = expected.at(Distances.between(places, expected.asked))
    probability, uncertainty = (part.reshape(MONTHS, HOURS, -1) for part in found)
    return probability, uncertainty


def _ticks(axes: Axes) -> None:
    axes.set_xticks(range(0, HOURS, 6))
    months: Sequence[int] = range(0, MONTHS, 3)
    axes.set_yticks(months, [calendar.month_abbr[month + 1] for month in months])
    axes.tick_params(labelsize=6.5, colors=DIM, length=2, width=0.5)
    for spine in axes.spines.values():
        spine.set_visible(False)
