"""Reading back what was written, by kind of file: many writers do not notice a full disk."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

_AT_ONCE = 2**20
_PNG, _JPEG_END = b"\x89PNG\r\n\x1a\n", b"\xff\xd9"


def read_back(path: Path, suffix: str) -> None:
    """Read all of a file, or of a Zarr folder.

    Args:
        path: what was written.
        suffix: in small letters, says the kind; those that are not known here are not read.

    Raises:
        Exception: any error of the reader; the file is not whole.
    """
    if (reader := _READERS.get(suffix)) is not None:
        reader(path)


def _geotiff(path: Path) -> None:
    import rasterio

    with rasterio.open(path) as dataset:
        factors = dataset.overviews(1)
    for level in range(-1, len(factors)):
        options = {} if level < 0 else {"overview_level": level}
        with rasterio.open(path, **options) as dataset:
            for band in dataset.indexes:
                for _, window in dataset.block_windows(band):
                    dataset.read(band, window=window)


def _png(path: Path) -> None:
    """Chunk by chunk, by their sums; pictures larger than Pillow opens are drawn too."""
    with path.open("rb") as file:
        if file.read(len(_PNG)) != _PNG:
            raise ValueError("it is no PNG")
        kind = b""
        while head := file.read(8):
            size, kind = int.from_bytes(head[:4], "big"), head[4:]
            content, told = file.read(size), file.read(4)
            if len(told) < 4 or zlib.crc32(content, zlib.crc32(kind)) != int.from_bytes(
                told, "big"
            ):
                raise ValueError("it is cut short")
    if kind != b"IEND":
        raise ValueError("it is cut short")


def _jpeg(path: Path) -> None:
    from PIL import Image

    with Image.open(path) as image:
        image.load()
    with path.open("rb") as file:
        file.seek(-len(_JPEG_END), 2)
        if file.read() != _JPEG_END:
            raise ValueError("it is cut short")


def _film(path: Path) -> None:
    from PIL import Image, ImageSequence

    with Image.open(path) as image:
        for frame in ImageSequence.Iterator(image):
            frame.load()


def _boxes(path: Path) -> None:
    """The boxes of an MP4 file fill it, and the one with the index is among them."""
    found = set()
    with path.open("rb") as file:
        end, at = path.stat().st_size, 0
        while at < end:
            file.seek(at)
            head = file.read(16)
            size = int.from_bytes(head[:4], "big")
            if size == 1:
                size = int.from_bytes(head[8:], "big")
            if len(head) < 8 or size < 8:
                raise ValueError("it is cut short")
            found.add(head[4:8])
            at += size
    if at != end or not found >= {b"moov", b"mdat"}:
        raise ValueError("it is cut short")


def _video(path: Path) -> None:
    import subprocess

    from psm.extras import require

    _boxes(path)
    ffmpeg: str = require("imageio_ffmpeg", "maps").get_ffmpeg_exe()
    command = [ffmpeg, "-v", "error", "-xerror", "-i", str(path), "-f", "null", "-"]
    done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode or done.stderr:
        raise ValueError(done.stderr.decode(errors="replace") or "it cannot be decoded")


def _netcdf(path: Path) -> None:
    import h5py

    def read(_: str, thing: Any) -> None:
        if not isinstance(thing, h5py.Dataset) or not thing.shape:
            return
        if thing.chunks is None:
            thing[...]
            return
        for part in thing.iter_chunks():
            thing[part]

    with h5py.File(path, "r") as file:
        file.visititems(read)


def _zarr(path: Path) -> None:
    import zarr

    for _, array in zarr.open_group(path, mode="r").members(max_depth=None):
        if isinstance(array, zarr.Array):
            for part in _chunks(array):
                array[part]


def _chunks(array: Any) -> list[tuple[slice, ...]]:
    from itertools import product

    spans = [
        [slice(start, start + step) for start in range(0, side, step)]
        for side, step in zip(array.shape, array.chunks, strict=True)
    ]
    return list(product(*spans))


def _parquet(path: Path) -> None:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        for _ in file.iter_batches(batch_size=1024):
            pass


def _json(path: Path) -> None:
    """Whole in memory where it is small; of a large one both ends, and no hole between."""
    if path.stat().st_size <= 64 * _AT_ONCE:
        json.loads(path.read_bytes())
        return
    _text(path)
    with path.open("rb") as file:
        first = file.read(1)
        file.seek(-16, 2)
        if {b"{": b"}", b"[": b"]"}.get(first) != file.read().rstrip()[-1:]:
            raise ValueError("it is cut short")


def _text(path: Path) -> None:
    """Text has no zeros, which are what a hole reads as, and ends a line."""
    last = b""
    with path.open("rb") as file:
        while part := file.read(_AT_ONCE):
            if b"\0" in part:
                raise ValueError("there are holes in it")
            last = part[-1:]
    if last != b"\n":
        raise ValueError("it is cut short")


def _xml(path: Path) -> None:
    for _ in ElementTree.iterparse(path):
        pass


def _sound(path: Path) -> None:
    import soundfile

    with soundfile.SoundFile(path) as file:
        expected, found = file.frames, 0
        while count := len(file.read(_AT_ONCE, dtype="float32")):
            found += count
    with path.open("rb") as file:  # what is missing at the end libsndfile takes for never there
        head = file.read(8)
    is_short = head[:4] == b"RIFF" and int.from_bytes(head[4:], "little") + 8 > path.stat().st_size
    if found != expected or is_short:
        raise ValueError("it is cut short")


def _array(path: Path) -> None:
    import numpy as np

    np.load(path, mmap_mode="r", allow_pickle=False)


def _weights(path: Path) -> None:
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as file:  # which holds its size against its header
        for name in file.keys():  # noqa: SIM118  (it is no mapping)
            file.get_slice(name).get_shape()


def _tar(path: Path) -> None:
    import tarfile

    with path.open("rb") as stream, tarfile.open(fileobj=stream, mode="r:") as archive:
        for _ in archive:
            pass
        size = stream.seek(-1024, 2) + 1024
        if size % 512 or any(stream.read()):
            raise ValueError("it is cut short")


_READERS: dict[str, Callable[[Path], None]] = {
    **dict.fromkeys((".tif", ".tiff"), _geotiff),
    **dict.fromkeys((".jpg", ".jpeg"), _jpeg),
    **dict.fromkeys((".svg", ".qml"), _xml),
    **dict.fromkeys((".json", ".geojson"), _json),
    **dict.fromkeys((".wav", ".flac"), _sound),
    ".png": _png,
    ".gif": _film,
    ".mp4": _video,
    ".nc": _netcdf,
    ".zarr": _zarr,
    ".parquet": _parquet,
    ".csv": _text,
    ".npy": _array,
    ".safetensors": _weights,
    ".tar": _tar,
}
"""What reads a file of each suffix."""
