"""The embedded imagery: NASA Blue Marble with the towns and roads of the simulated Earth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from psm.errors import ConfigError
from psm.imagery.provider import NoImagery, Picture, View


class BlueMarble:
    """Views of 1, 3 or 5 km a pixel, at most 64 km, 192 km or 320 km wide, of any place.

    Args:
        world: name of a simulated world that looks otherwise; ours by default.

    Raises:
        ConfigError: no world can have this name.

    Example:
        ::

            (seen,) = BlueMarble().read(
                lat=np.array([48.2]), lon=np.array([16.4]), view=View(size_px=64, gsd_m=1000.0)
            )
            seen.pixels  # (64, 64, 3) uint8
    """

    name = "blue-marble"
    attribution = "NASA Blue Marble (public domain), GSHHG (LGPL), GeoNames (CC BY 4.0)"
    licence = "CC-BY-4.0"
    has_seasons = False
    is_simulated: ClassVar[bool] = True

    def __init__(self, world: str = "") -> None:
        if world:
            from psm.earth.worlds import world_named

            world = world_named(world).name
        self.world = world

    @property
    def settings(self) -> Mapping[str, object]:
        """The world, where it is not ours."""
        of_world = {"world": self.world} if self.world else {}
        return {"provider": self.name, "version": 1, **of_world}

    def read(
        self, *, lat: Float[np.ndarray, " n"], lon: Float[np.ndarray, " n"], view: View
    ) -> Iterator[Picture | NoImagery]:
        """See :meth:`psm.imagery.Provider.read`.

        Args:
            lat, lon: degrees.
            view: one of the three, with ``size_px`` pixels or fewer.

        Returns:
            A picture of every place.

        Raises:
            ConfigError: a view that this imagery does not hold.
            BrokenPackageData: a data package is missing or damaged.
        """
        # Imported when there is something to paint: cells that are known take no time for it.
        from psm.earth.painted_imagery import GSD_M, VIEW_SIZE, ZOOMS, PaintedImagery
        from psm.earth.worlds import world_named

        zoom = round(view.side_m / (VIEW_SIZE * GSD_M))
        if zoom not in ZOOMS or abs(zoom * VIEW_SIZE * GSD_M - view.side_m) > 1.0:
            sides = ", ".join(f"{zoom * VIEW_SIZE * GSD_M / 1000:g}" for zoom in ZOOMS)
            raise ConfigError(
                f"blue-marble has views of {sides} km, not of {view.side_m / 1000:g} km: "
                "a model for other imagery needs --imagery"
            )
        look = world_named(self.world).look
        pixels = PaintedImagery.load(look).views(lat=lat, lon=lon, zoom=zoom, size=view.size_px)
        for picture in pixels:
            yield Picture(picture, view.gsd_m)
