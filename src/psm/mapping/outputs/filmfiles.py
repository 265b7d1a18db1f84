"""Files of films: a looping GIF in exact colours, or an MP4 that plays in browsers."""

from __future__ import annotations

import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from matplotlib.colors import to_rgb
from numpy.typing import NDArray
from PIL import Image

from psm.cartography.style import INK, NIGHT, NO_DATA, PAPER, SEA
from psm.errors import PSMError
from psm.extras import require

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


_CONVERT = "scale=out_color_matrix=bt709:out_range=tv"
_COLOURS = [
    *("-color_primaries", "bt709", "-color_trc", "bt709"),
    *("-colorspace", "bt709", "-color_range", "tv"),
]


def save_mp4(
    frames: Iterator[UInt8[np.ndarray, "height width 3"]],
    path: Path,
    *,
    seconds: float,
    title: str,
    comment: str,
    rights: str,
) -> None:
    """Encode frames of an even size as they come, each shown for ``seconds``.

    Raises:
        MissingExtra: imageio-ffmpeg is not installed.
        PSMError: the encoder failed; its last line is told.
    """
    ffmpeg: str = require("imageio_ffmpeg", "maps").get_ffmpeg_exe()
    first = next(frames)
    height, width, _ = first.shape
    command = [
        *(ffmpeg, "-loglevel", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24"),
        *("-s", f"{width}x{height}", "-framerate", f"{1.0 / seconds:.6f}", "-i", "-", "-an"),
        *("-vf", _CONVERT, "-c:v", "libx264", "-pix_fmt", "yuv420p", *_COLOURS),
        *("-crf", "16", "-preset", "medium", "-tune", "animation", "-threads", "1"),
        *("-metadata", f"title={title}", "-metadata", f"comment={comment}"),
        *("-metadata", f"copyright={rights}", "-movflags", "+faststart", "-f", "mp4", str(path)),
    ]
    # Messages go to a file: a pipe that nobody reads would fill up and stop the encoder.
    with tempfile.TemporaryFile() as messages:
        with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=messages) as encoder:
            assert encoder.stdin is not None
            try:
                for frame in chain([first], frames):
                    encoder.stdin.write(frame.tobytes())
                encoder.stdin.close()
            except BrokenPipeError:
                pass  # it has ended early, and its messages say why
            except BaseException:
                encoder.kill()
                raise
        if encoder.returncode:
            messages.seek(0)
            told = messages.read().decode(errors="replace").strip().splitlines()
            if encoder.returncode < 0:
                told.append(signal.strsignal(-encoder.returncode) or f"{-encoder.returncode}")
            raise PSMError(f"{path.name}: ffmpeg failed: {told[-1] if told else 'no message'}")
