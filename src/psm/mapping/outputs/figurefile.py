"""Figures as files: PNG or SVG, which say in their metadata what they show and stand on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from matplotlib.figure import Figure

from psm.cartography.style import PAPER
from psm.files import atomic_path


def save_figure(
    figure: Figure,
    path: Path,
    *,
    title: str,
    rights: str,
    tags: Mapping[str, str],
    kind: Literal["png", "svg"] = "png",
) -> Path:
    """Write a figure; complete or absent.

    Args:
        figure: drawn.
        path: the file.
        title: what it shows.
        rights: whose data that stands on.
        tags: such as :attr:`psm.mapping.map_data.MapData.tags`, ``software`` among them: text
            chunks of PNG, the description of SVG.
        kind: of the file.
    """
    metadata: dict[str, Any] = {"Title": title}
    if kind == "png":
        others = {name: value for name, value in tags.items() if name != "software"}
        metadata |= {"Software": tags["software"], "Copyright": rights, **others}
    else:
        described = "; ".join(f"{name}: {value}" for name, value in tags.items())
        metadata |= {"Creator": tags["software"], "Rights": rights, "Description": described}
        metadata |= {"Date": None}  # the same figure is the same bytes
    with atomic_path(path) as aside:
        figure.savefig(aside, format=kind, facecolor=PAPER, metadata=metadata)
    return path
