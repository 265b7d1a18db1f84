"""Frames as a looping GIF whose plain areas keep their exact colours."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.colors import to_rgb
from numpy.typing import NDArray
from PIL import Image

from psm.cartography.style import INK, NIGHT, NO_DATA, PAPER, SEA

_PALETTE_FRAMES = 6
_PLAIN = (PAPER, SEA, NIGHT, NO_DATA, INK)


def save_gif(frames: Sequence[Image.Image], path: Path, *, seconds: float, comment: str) -> None:
    """Write frames, each shown for ``seconds``, under one palette."""
    palette = _palette(frames)
    images = [_to_palette(frame, palette) for frame in frames]
    images[0].save(
        path,
        format="GIF",
        save_all=True,
        append_images=images[1:],
        duration=round(1000.0 * seconds),
        loop=0,
        comment=comment.encode(),
    )


def _palette(frames: Sequence[Image.Image]) -> Image.Image:
    """One palette for the whole film, or still colours would flicker; the plain areas are exact."""
    chosen = [frames[i] for i in np.linspace(0, len(frames) - 1, _PALETTE_FRAMES).astype(int)]
    strip = Image.new("RGB", (frames[0].width, frames[0].height * len(chosen)))
    for row, frame in enumerate(chosen):
        strip.paste(frame, (0, row * frame.height))
    found = strip.quantize(256 - len(_PLAIN), method=Image.Quantize.MEDIANCUT)
    palette = Image.new("P", (1, 1))
    palette.putpalette([*_plain_colours().ravel().tolist(), *(found.getpalette() or [])])
    return palette


def _to_palette(frame: Image.Image, palette: Image.Image) -> Image.Image:
    """A frame in the film's colours. Pillow's search is not exact, which shows on plain areas."""
    picture = frame.quantize(palette=palette, dither=Image.Dither.NONE)
    rgb, index = np.asarray(frame), np.array(picture)
    for number, colour in enumerate(_plain_colours()):
        index[(rgb == colour).all(-1)] = number
    exact = Image.fromarray(index, "P")
    exact.putpalette(palette.getpalette() or [])
    return exact


def _plain_colours() -> NDArray[np.uint8]:
    return np.round(255.0 * np.array([to_rgb(name) for name in _PLAIN])).astype(np.uint8)
