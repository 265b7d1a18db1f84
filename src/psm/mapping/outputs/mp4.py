"""Frames as an MP4 that plays in browsers: H.264, yuv420p, the index in front."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from psm.errors import PSMError
from psm.extras import require

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
            told = messages.read().decode(errors="replace").strip().splitlines() or ["no message"]
            raise PSMError(f"{path.name}: ffmpeg failed: {told[-1]}")
