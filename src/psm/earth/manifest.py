"""Manifest of a built Earth: what its folder says of how it was built."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from psm.earth import MANIFEST_NAME


def manifest_of(folder: Path) -> dict[str, Any] | None:
    """What a built Earth says of itself; ``None`` where a folder is none."""
    try:
        manifest = json.loads((folder / MANIFEST_NAME).read_text())
    except (OSError, ValueError):
        return None
    return manifest if isinstance(manifest, dict) else None


def world_name(folder: Path) -> str:
    """Name of the world that a folder of shards was built of; empty for ours, and for no Earth."""
    return str((manifest_of(folder) or {}).get("world", ""))
