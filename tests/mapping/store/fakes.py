"""Imagery for the tests of the store; processes that they start import it from here."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from psm.config import AudioTowerConfig, ContextConfig, ImageryConfig, ModelConfig, SatelliteConfig
from psm.errors import ConfigError
from psm.imagery import NoImagery, Picture, Reason, View


class PlaceImagery:
    """Views of one colour, red by latitude and green by longitude; counts what it draws."""

    name = "places"
    attribution = "nobody"
    licence = "CC0-1.0"
    has_seasons = is_simulated = False

    def __init__(
        self,
        world: str = "",
        *,
        missing: Mapping[tuple[float, float], Reason] | None = None,
        delay_s: float = 0.0,
        flavour: int = 0,
        fails: bool = False,
    ) -> None:
        self.world = world
        self.missing = dict(missing or {})
        self.delay_s = delay_s
        self.flavour = flavour
        self.fails = fails
        self.drawn = 0

    @property
    def settings(self) -> Mapping[str, object]:
        return {"provider": self.name, "flavour": self.flavour}

    def read(
        self, *, lat: np.ndarray, lon: np.ndarray, view: View
    ) -> Iterator[Picture | NoImagery]:
        for y, x in zip(lat.tolist(), lon.tolist(), strict=True):
            if self.fails:
                raise ConfigError("no more imagery")
            time.sleep(self.delay_s)
            self.drawn += 1
            reason = self.missing.get((round(y, 6), round(x, 6)))
            if reason is not None:
                yield NoImagery(reason)
                continue
            colour = np.array([(y + 90) / 180, (x + 180) / 360, view.gsd_m / 9000])
            pixels = np.broadcast_to(
                np.round(255 * colour).astype(np.uint8), (view.size_px, view.size_px, 3)
            )
            yield Picture(pixels, view.gsd_m)


class NodeImagery(PlaceImagery):
    """Leaves a file named by the node of the cluster that reads; waits until two nodes do."""

    def __init__(self, seen: str, *, delay_s: float) -> None:
        super().__init__(delay_s=delay_s)
        self.seen = seen

    def read(
        self, *, lat: np.ndarray, lon: np.ndarray, view: View
    ) -> Iterator[Picture | NoImagery]:
        import ray

        Path(self.seen, ray.get_runtime_context().get_node_id()).touch()
        while len(os.listdir(self.seen)) < 2:
            time.sleep(0.01)
        return super().read(lat=lat, lon=lon, view=view)


def tiny_config() -> ModelConfig:
    """A model of 16 dimensions."""
    return ModelConfig(
        name="tiny",
        dim=16,
        imagery=ImageryConfig(view_px=16, gsd_m=1000.0, zooms=(1, 3)),
        satellite=SatelliteConfig(patch_px=8, dim=16, depth=1, heads=2, gsd_unit_m=1000.0),
        audio_tower=AudioTowerConfig(channels=(4, 8)),
        context=ContextConfig(depth=1, heads=2, feedforward=16, hidden=8, dropout=0.0),
    )
