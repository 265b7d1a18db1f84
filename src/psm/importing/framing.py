"""What a preset asks of recordings: framing of sound, size of tiles, distance between splits."""

from __future__ import annotations

from dataclasses import replace

from psm.config import Experiment
from psm.data.framing import Framing

_PRESETS = {
    "bingmap": "psm-bing",
    "googleEarth": "psm-soundingearth",
    "blue-marble": "earth-tiny",
}
# More than the diagonal of the largest view: no two splits see the same ground.
_BUFFER_VIEWS = 1.5
_TILE_WITHOUT_VIEWS_PX = 64


def preset_of(imagery: str | None) -> str:
    """Preset for imagery of this name; by default that of Sentinel-2."""
    return _PRESETS.get(imagery or "", "psm-sentinel")


def framing_of(experiment: Experiment, *, shrunk_first: bool = True) -> Framing:
    """Framing of sound for the model of a preset.

    Args:
        experiment: the preset.
        shrunk_first: order of CLAP's fused windows; a published model has the whole last anyway.
    """
    framing = experiment.model.framing
    return replace(framing, shrunk_first=shrunk_first and framing.shrunk_first)


def largest_view_px(experiment: Experiment) -> int:
    """Side of a tile that holds every view of the model of a preset.

    One that sees no pixels gets a small tile all the same: every recording has one.
    """
    imagery = experiment.model.imagery
    return max(imagery.zooms) * imagery.view_px or _TILE_WITHOUT_VIEWS_PX


def buffer_km(experiment: Experiment, gsd_m: float) -> float:
    """Distance at which the tiles of two places share no ground, with room to spare."""
    return _BUFFER_VIEWS * largest_view_px(experiment) * gsd_m / 1000.0
