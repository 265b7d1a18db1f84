"""Plan of a build: what its settings come to (region, framing, tile size, buffer)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Self

from psm.collect.buildconfig import Bounds, BuildConfig
from psm.data.framing import Framing
from psm.experiments import load_experiment
from psm.importing.framing import buffer_km, framing_of, largest_view_px
from psm.mapping.region import Region


@dataclass(frozen=True)
class BuildPlan:
    """Plan of a build: all that follows from its settings.

    Attributes:
        config: the settings.
        region: the area, or ``None`` for the whole Earth.
        framing: of the sound.
        tile_px, gsd_m: of the tiles.
        buffer_km: between recordings of two splits.
    """

    config: BuildConfig
    region: Region | None
    framing: Framing
    tile_px: int
    gsd_m: float
    buffer_km: float

    @classmethod
    def of(cls, config: BuildConfig) -> Self:
        """Look up what the settings name.

        Raises:
            PSMError: a region or preset is not known.
        """
        experiment = load_experiment(config.preset)
        imagery = config.imagery
        gsd_m = imagery.gsd_m or experiment.model.imagery.gsd_m
        own_km = config.splits.buffer_km
        return cls(
            config=config,
            region=None if config.region is None else Region.parse(config.region),
            framing=framing_of(experiment),
            tile_px=imagery.tile_px or largest_view_px(experiment),
            gsd_m=gsd_m,
            buffer_km=buffer_km(experiment, gsd_m) if own_km is None else own_km,
        )

    @property
    def bounds(self) -> Bounds | None:
        """West, south, east, north of the region; ``west > east`` crosses the antimeridian."""
        return None if self.region is None else _bounds(self.region)

    def facts(self) -> dict[str, Any]:
        """What shapes the result and does not stand in the settings themselves: what they name.

        A file with the outline of a region may change, and so may a preset.
        """
        outline = "" if self.region is None else self.region.geometry.wkb_hex
        facts = {
            "outline of the region": hashlib.sha256(outline.encode()).hexdigest()[:16],
            "framing of the sound": self.framing.to_json(),
            "tiles": {"px": self.tile_px, "gsd_m": self.gsd_m},
            "buffer_km": self.buffer_km,
        }
        plain: dict[str, Any] = json.loads(json.dumps(facts))
        return plain


def _bounds(region: Region) -> Bounds:
    parts = getattr(region.geometry, "geoms", [region.geometry])
    boxes = [part.bounds for part in parts]
    west, east = min(box[0] for box in boxes), max(box[2] for box in boxes)
    south, north = min(box[1] for box in boxes), max(box[3] for box in boxes)
    # An outline that the antimeridian cuts is in two halves that touch it from both sides.
    if west == -180.0 and east == 180.0:
        eastern = [box for box in boxes if box[2] == 180.0 and box[0] > -180.0]
        western = [box for box in boxes if box[0] == -180.0 and box[2] < 180.0]
        if eastern and western and len(eastern) + len(western) == len(boxes):
            return min(b[0] for b in eastern), south, max(b[2] for b in western), north
    return west, south, east, north
