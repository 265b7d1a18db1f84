"""Sentinel-2 L2A: what its numbers mean, which are clear, and the median of a season."""

from __future__ import annotations

import calendar
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, Num, UInt8

from psm.errors import ConfigError

CLEAR = (2, 4, 5, 6, 7, 11)
"""Classes of the scene classification taken: dark, plants, soil, water, unclassified, snow.

Left out are no data, saturated, cloud shadow, clouds of medium and high probability and cirrus.
"""

BASELINE_OFFSET = -1000
"""What processing baseline 04.00 and later ask to be added to the numbers of a file."""

_ASSETS = {
    "red": ("red", "B04", "B4"),
    "green": ("green", "B03", "B3"),
    "blue": ("blue", "B02", "B2"),
    "scl": ("scl", "SCL"),
}
_APPLIED = ("earthsearch:boa_offset_applied", "sentinel:boa_offset_applied")
_BASELINES = ("s2:processing_baseline", "sentinel:processing_baseline", "processing:version")
_NOTHING = np.iinfo(np.int32).max


@dataclass(frozen=True)
class Season:
    """A month and its neighbours in some years, or the whole years.

    Attributes:
        years: a season around January begins in the December before.
        month: 1 to 12; none for the whole year.
    """

    years: tuple[int, ...]
    month: int | None

    def intervals(self) -> list[tuple[datetime, datetime]]:
        """First and last moment of every year's season, UTC."""
        first, last = (1, 12) if self.month is None else (self.month - 1, self.month + 1)
        return [(_first(year, first), _last(year, last)) for year in self.years]

    def holds(self, when: datetime) -> bool:
        """Whether a moment lies in one of the seasons."""
        moment = when if when.tzinfo else when.replace(tzinfo=UTC)
        return any(first <= moment <= last for first, last in self.intervals())


def asset_names(assets: Mapping[str, Any], item: str) -> dict[str, str]:
    """Names of red, green, blue and scl among the assets of an item.

    Raises:
        ConfigError: one of them is not there.
    """
    names = {}
    for band, candidates in _ASSETS.items():
        found = [name for name in candidates if name in assets]
        if not found:
            raise ConfigError(
                f"scene {item} has no asset {' or '.join(candidates)}: is it Sentinel-2 L2A?"
            )
        names[band] = found[0]
    return names


def offset_of(properties: Mapping[str, Any], asset: Mapping[str, Any], item: str) -> int:
    """What is to be added to a band's numbers, so that they are 10,000ths of the light.

    Where the catalogue says that the offset is in the files already, nothing. Else what the band
    says (``raster:bands``), unless the catalogue says that it is not in the files; else by
    the processing baseline.

    Args:
        properties: of the item.
        asset: the band's, with ``raster:bands`` if it has that.
        item: its name, for the error.

    Raises:
        ConfigError: nothing says which baseline the scene is of.
    """
    applied = next((properties[name] for name in _APPLIED if name in properties), None)
    if applied is True:
        return 0
    baseline = next((properties[name] for name in _BASELINES if name in properties), None)
    band = next(iter(asset.get("raster:bands") or [{}]))
    # A catalogue that keeps files of both kinds under one flag states the same offset for all.
    if applied is None and "offset" in band:
        return round(float(band["offset"]) / float(band.get("scale", 1e-4)))
    try:
        return BASELINE_OFFSET if float(str(baseline)) >= 4.0 else 0
    except ValueError:
        raise ConfigError(
            f"scene {item} states no processing baseline: whether 1000 was added to its numbers "
            "cannot be known; give the option offset, 0 or -1000"
        ) from None


def is_clear(
    scl: UInt8[np.ndarray, "rows columns"], bands: Num[np.ndarray, "3 rows columns"]
) -> Bool[np.ndarray, "rows columns"]:
    """Where the ground is seen."""
    return np.asarray(np.isin(scl, CLEAR) & (bands > 0).all(0))


def clear_median(
    values: Int[np.ndarray, "scenes 3 rows columns"], clear: Bool[np.ndarray, "scenes rows columns"]
) -> tuple[Float[np.ndarray, "3 rows columns"], Bool[np.ndarray, "rows columns"]]:
    """The median over the clear scenes of each pixel, and where there is at least one."""
    ordered = np.sort(np.where(clear[:, None], values, _NOTHING), axis=0)
    count = clear.sum(0)
    lower = np.broadcast_to(np.maximum(count - 1, 0) // 2, values.shape[1:])[None]
    upper = np.broadcast_to(np.minimum(count // 2, len(values) - 1), values.shape[1:])[None]
    pair = [np.take_along_axis(ordered, index, axis=0)[0] for index in (lower, upper)]
    is_seen = count > 0
    middle = (pair[0].astype(np.float64) + pair[1]) / 2.0
    return np.where(is_seen, middle, 0.0).astype(np.float32), is_seen


def as_years(years: Sequence[int] | str) -> tuple[int, ...]:
    """Years as people write them: ``2021,2023`` or ``2020-2023``.

    Raises:
        ConfigError: no years.
    """
    try:
        if isinstance(years, str):
            found: list[int] = []
            for part in years.split(","):
                first, _, last = part.partition("-")
                found += range(int(first), int(last or first) + 1)
        else:
            found = [int(year) for year in years]
    except (TypeError, ValueError):
        found = []
    if not found or not all(2015 <= year <= 2100 for year in found):
        raise ConfigError(f"years {years!r}: write 2021,2023 or 2020-2023, from 2015 on")
    return tuple(sorted(set(found)))


def _first(year: int, month: int) -> datetime:
    return (
        datetime(year - 1, 12, 1, tzinfo=UTC) if month < 1 else datetime(year, month, 1, tzinfo=UTC)
    )


def _last(year: int, month: int) -> datetime:
    year, month = (year + 1, 1) if month > 12 else (year, month)
    day = calendar.monthrange(year, month)[1]
    return datetime(year, month, day, 23, 59, 59, 999_999, tzinfo=UTC)
