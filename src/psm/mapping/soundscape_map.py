"""The soundscape map: how well each cell matches a query, and all that can be done with that."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float32
from numpy.typing import ArrayLike

from psm.mapping.algebra import weighted_sum
from psm.mapping.bands import UNCERTAINTY
from psm.mapping.map_data import MapData
from psm.uncertainty import DEVIATIONS

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from pandas import DataFrame

    from psm.mapping.outputs.overlay import Uncertainty


class SoundscapeMap(MapData):
    """Soundscape map: how well each cell matches a query at a moment, with its uncertainty.

    Maps of one frame can be added, subtracted and scaled; see :mod:`psm.mapping.algebra`. Writing
    is done by :mod:`psm.mapping.outputs`, which is imported where it is asked for: drawing takes a
    second to load.

    Example:
        >>> found = map_query(model, embedded, Query.parse("frogs"), Moment(month=4, hour=22))
        >>> found.at(lat=48.2, lon=16.4)["match_probability"]
        >>> found.write("frogs.tif")
        >>> (found - other).write("difference.png")
    """

    def __add__(self, other: SoundscapeMap) -> SoundscapeMap:
        return weighted_sum([self, other], [1.0, 1.0])

    def __sub__(self, other: SoundscapeMap) -> SoundscapeMap:
        return weighted_sum([self, other], [1.0, -1.0])

    def __mul__(self, factor: float) -> SoundscapeMap:
        return weighted_sum([self], [factor])

    __rmul__ = __mul__

    def __truediv__(self, factor: float) -> SoundscapeMap:
        return self * (1.0 / factor)

    def sample(self, /, *, lat: ArrayLike, lon: ArrayLike, **columns: ArrayLike) -> DataFrame:
        """The bands in the cells that hold N places, as a table; ``to_csv`` writes it.

        Args:
            lat, lon: ``(N,)`` degrees.
            columns: more to keep beside them, ``(N,)`` each, such as ``name=``.

        Returns:
            N rows: the columns, ``lat``, ``lon``, then the bands, NaN where there is no cell. A
            band whose name is that of a column is called ``map_NAME``.

        Raises:
            InvalidContext: a place is none.
            ConfigError: the columns are not as long as the places.
        """
        from psm.mapping.outputs.points import sample

        return sample(self, lat=lat, lon=lon, **columns)

    def summarise(
        self,
        polygons: GeoDataFrame | str | Path,
        *,
        layer: str | None = None,
        prefix: str | None = "",
    ) -> GeoDataFrame:
        """Statistics of the cells in each polygon, weighted by area.

        Args:
            polygons: with a coordinate system, any; or a vector file of them.
            layer: of the file, where it has several.
            prefix: of the new columns, to put several maps side by side; ``None`` puts ``map_``
                before those whose names are taken.

        Returns:
            The polygons as they came, with columns such as ``match_probability_mean``, ``_max``,
            ``_q10``, ``_q50``, ``_q90``, ``uncertainty_mean`` and ``covered_km2``; NaN where the
            map has no data.

        Warns:
            RepairedGeometry: outlines crossed themselves.

        Raises:
            MissingExtra: geopandas, pyogrio or exactextract is not installed.
            MissingData: there is no such file.
            ConfigError: something is no polygon, has no coordinate system, or a column is taken.

        Example:
            >>> found.summarise("districts.gpkg", layer="2024").to_file("areas.geojson")
        """
        from psm.mapping.outputs.zonal import summarise

        return summarise(self, polygons, layer=layer, prefix=prefix)

    def interval(
        self, *, deviations: float = DEVIATIONS
    ) -> tuple[Float32[np.ndarray, "rows columns"], Float32[np.ndarray, "rows columns"]]:
        """Low and high ends of an interval around the quantity of every cell, of 90 % by default.

        Args:
            deviations: half of the width, in uncertainties.

        Returns:
            Two rasters, within the range of the quantity; NaN where the map has no data.

        Example:
            >>> low, high = found.interval()
        """
        half = deviations * self.values(UNCERTAINTY.name)
        ends = self.quantity.value_range
        return np.clip(self.values() - half, *ends), np.clip(self.values() + half, *ends)

    def crop(self, *, west: float, south: float, east: float, north: float) -> SoundscapeMap:
        """The cells whose centres lie in a box, on the smallest frame that holds them.

        Args:
            west, south, east, north: degrees; ``west > east`` crosses the antimeridian.

        Returns:
            The part of the map.

        Raises:
            InvalidContext: there is no such box.
            ConfigError: it holds no cell of the map.
        """
        from psm.mapping.outputs.points import crop

        return crop(self, west=west, south=south, east=east, north=north)

    def write(self, path: str | Path, **options: Any) -> Path:
        """Write a file; its suffix says the format.

        Args:
            path: ``.tif``, ``.png``, ``.svg``, ``.nc``, ``.zarr``, ``.parquet``, ``.geojson`` or
                ``.qml``; complete or absent.
            options: those of the format, such as ``width_px`` of a picture; see
                :data:`psm.mapping.outputs.write.WRITERS`.

        Returns:
            The path.

        Raises:
            ConfigError: no format has this suffix, or the format does not have this option.
            MissingExtra: the format needs a package that is not installed.

        Example:
            >>> found.write("frogs.png", width_px=2400, uncertainty="hatch")
        """
        from psm.mapping.outputs.write import write

        return write(self, Path(path), **options)

    def to_cog(self, path: str | Path, *, csd: bool = False) -> Path:
        """Write a cloud-optimised GeoTIFF, and a QGIS style of the same name beside it.

        Args:
            path: the GeoTIFF; complete or absent.
            csd: also write the distance itself, as the last band.

        Returns:
            The path.
        """
        from psm.mapping.outputs.geotiff import write_cog

        return write_cog(self, Path(path), csd=csd)

    def to_png(
        self,
        path: str | Path,
        *,
        value_range: tuple[float, float] | None = None,
        width_px: int = 1600,
        uncertainty: Uncertainty = "inset",
    ) -> Path:
        """Draw a figure with title, coasts, legend, uncertainty and attribution.

        Args:
            path: the PNG file; complete or absent.
            value_range: values at the ends of the colours; by default where all but the lowest and
                the highest 2 % of the mapped area lie.
            width_px: width of the picture.
            uncertainty: a small map (``inset``), hatching over the least sure third (``hatch``),
                colours paler where less sure (``fade``), or ``none``.

        Returns:
            The path.

        Raises:
            ConfigError: the range is none, or the way to draw uncertainty unknown.
        """
        from psm.mapping.outputs.render import write_png

        return write_png(
            self, Path(path), value_range=value_range, width_px=width_px, uncertainty=uncertainty
        )

    def to_svg(
        self,
        path: str | Path,
        *,
        value_range: tuple[float, float] | None = None,
        width_px: int = 1600,
        uncertainty: Uncertainty = "inset",
    ) -> Path:
        """Draw the figure of :meth:`to_png` as SVG: lines and words as such, values as pixels.

        Args:
            path: the SVG file; complete or absent.
            value_range, uncertainty: as of :meth:`to_png`.
            width_px: pixels of the values across the figure, as far as the map has as many.

        Returns:
            The path.

        Raises:
            ConfigError: the range is none, or the way to draw uncertainty unknown.
        """
        from psm.mapping.outputs.render import write_svg

        return write_svg(
            self, Path(path), value_range=value_range, width_px=width_px, uncertainty=uncertainty
        )

    def to_h3(self, path: str | Path, resolution: int | None = None) -> Path:
        """Write the means of H3 hexagons.

        Args:
            path: ``.parquet`` (GeoParquet) or ``.geojson``; complete or absent.
            resolution: of H3, 0..15; by default the finest that leaves no hole between the cells.

        Returns:
            The path.

        Raises:
            ConfigError: another suffix or resolution, or the map has no data at all.
            MissingExtra: h3 or pyarrow is not installed.
        """
        from psm.mapping.outputs.hexagons import write_h3

        return write_h3(self, Path(path), resolution=resolution)
