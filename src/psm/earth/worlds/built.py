"""World of a built Earth, by the manifest in its folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from psm.earth import MANIFEST_NAME
from psm.earth.worlds.drawing import world_named
from psm.earth.worlds.world import World

WORLD_KEY = "world"


def manifest_of(folder: Path) -> dict[str, Any] | None:
    """What a built Earth says of itself; ``None`` where a folder is none."""
    try:
        manifest = json.loads((folder / MANIFEST_NAME).read_text())
    except (OSError, ValueError):
        return None
    return manifest if isinstance(manifest, dict) else None


def world_of(folder: Path) -> World:
    """The world that a folder of shards was built of; ours, where it does not say.

    Raises:
        ConfigError: it says a name that no world can have.
    """
    return world_named(str((manifest_of(folder) or {}).get(WORLD_KEY, "")))
