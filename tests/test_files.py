"""Files are complete or absent: permissions, links, full disks, and what does not read back."""

from __future__ import annotations

import errno
import io
import json
import os
import pickle
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import rasterio
import soundfile
from affine import Affine
from PIL import Image
from safetensors.numpy import save_file

from psm.errors import NoRoom, OutputError, PSMError
from psm.files import (
    atomic_folder,
    atomic_path,
    require_file,
    require_folder,
    require_room,
    room_for,
)
from psm.oserrors import one_line

OLD = b"the old one"


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.mark.parametrize(("mask", "mode"), [(0o077, 0o600), (0o002, 0o664), (0o027, 0o640)])
def test_a_new_file_has_the_permissions_that_open_gives(
    mask: int, mode: int, tmp_path: Path
) -> None:
    with umask(mask), atomic_path(tmp_path / "a.txt") as aside:
        aside.unlink()  # some writers make the file anew
        aside.write_text("new\n")
        aside.chmod(0o600)
    assert _mode(tmp_path / "a.txt") == mode
    with umask(mask), atomic_folder(tmp_path / "folder") as inside:
        (inside / "x").write_text("x")
    assert _mode(tmp_path / "folder") == 0o777 & ~mask
    assert _mode(tmp_path / "folder" / "x") == mode


def test_a_file_that_was_there_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(OLD)
    path.chmod(0o604)
    with umask(0o077), atomic_path(path) as aside:
        aside.write_text("new\n")
    assert _mode(path) == 0o604


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "link.txt").symlink_to(tmp_path / "there" / "real.txt")
    with atomic_path(tmp_path / "link.txt") as aside:
        aside.write_text("new\n")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "there" / "real.txt").read_text() == "new\n"


def test_names_as_long_as_the_disk_takes_them(tmp_path: Path) -> None:
    for stem in ("n" * 250, "日" * 83):
        with atomic_path(tmp_path / f"{stem}.txt") as aside:
            aside.write_text("new\n")
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("path", [Path("/dev/null"), Path(os.curdir)])
def test_devices_and_folders_are_not_replaced(path: Path) -> None:
    with pytest.raises(OutputError, match=r"device|folder"), atomic_path(path):
        pytest.fail("nothing may be written")
    with pytest.raises(OutputError, match=r"device|folder"):
        require_file(path)


class _Rust(Exception):
    """As the errors of libraries in other languages."""


@pytest.mark.parametrize(
    "problem",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        OSError(errno.EFBIG, "File too large"),
        OSError("Can't write data (file write failed: errno = 28, error message = '...')"),
        OSError("400 requested and 16 written"),
        _Rust("I/O error: No space left on device (os error 28)"),
    ],
)
def test_a_full_disk_is_told_with_its_room_whoever_notices_it(
    problem: Exception, tmp_path: Path
) -> None:
    path = tmp_path / "map.tif"
    path.write_bytes(OLD)

    def write() -> None:
        with atomic_path(path) as aside:
            aside.write_bytes(b"new")
            raise problem

    with pytest.raises(NoRoom, match=r"map\.tif: .* free, more is needed") as told:
        write()
    assert path.read_bytes() == OLD
    assert [each.name for each in tmp_path.iterdir()] == ["map.tif"]
    assert isinstance(told.value, (PSMError, OSError))
    assert str(pickle.loads(pickle.dumps(told.value))) == str(told.value)
    assert "\n" not in str(told.value)


def test_what_is_needed_is_told_where_it_is_known(tmp_path: Path) -> None:
    with pytest.raises(NoRoom, match=r"61\.8 kB are needed"), room_for(tmp_path, size=61_800):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_what_cannot_fit_is_refused_before_the_work(tmp_path: Path) -> None:
    require_room(tmp_path / "new" / "store.zarr", 1000)
    with pytest.raises(NoRoom, match=r"store\.zarr: the disk is full .* 1e\+09 GB are needed"):
        require_room(tmp_path / "new" / "store.zarr", 10**18)


def test_other_errors_of_a_writer_pass_as_they_are(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "a.txt"):
        (tmp_path / "nothing").read_text()
    with pytest.raises(ZeroDivisionError), atomic_path(tmp_path / "a.txt"):
        raise ZeroDivisionError
    assert not list(tmp_path.iterdir())


def _tif(path: Path) -> None:
    values = np.random.default_rng(0).random((256, 256), np.float32)
    profile = {"driver": "GTiff", "dtype": "float32", "count": 1, "width": 256, "height": 256}
    place = {"crs": "EPSG:4326", "transform": Affine(0.5, 0.0, 3.0, 0.0, -0.5, 9.0)}
    with rasterio.open(path, "w", tiled=True, compress="deflate", **profile, **place) as target:
        target.write(values, 1)


def _noise() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8))


def _nc(path: Path) -> None:
    h5netcdf = pytest.importorskip("h5netcdf")
    with h5netcdf.File(path, "w") as file:
        file.dimensions["x"] = 50_000
        values = np.random.default_rng(0).random(50_000)
        file.create_variable("a", ("x",), float, data=values, chunks=(5000,), compression="gzip")


def _parquet(path: Path) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    pq.write_table(pa.table({"a": np.random.default_rng(0).random(5000)}), path)


def _tar(path: Path) -> None:
    with tarfile.open(path, "w") as archive:
        for name in "abc":
            member = tarfile.TarInfo(name)
            member.size = 5000
            archive.addfile(member, io.BytesIO(bytes(5000)))


def _mp4(path: Path) -> None:
    ffmpeg = pytest.importorskip("imageio_ffmpeg").get_ffmpeg_exe()
    source = ["-f", "lavfi", "-i", "testsrc=size=64x64:rate=4:duration=2"]
    subprocess.run([ffmpeg, "-v", "error", "-y", *source, str(path)], check=True)


WRITERS: dict[str, Callable[[Path], object]] = {
    ".tif": _tif,
    ".png": lambda path: _noise().save(path),
    ".jpg": lambda path: _noise().save(path),
    ".gif": lambda path: _noise().save(path, save_all=True, append_images=[_noise()]),
    ".mp4": _mp4,
    ".nc": _nc,
    ".parquet": _parquet,
    ".svg": lambda path: path.write_text("<svg><g>" + "<a/>" * 99 + "</g></svg>\n"),
    ".json": lambda path: path.write_text(json.dumps(list(range(999))) + "\n"),
    ".geojson": lambda path: path.write_text('{"type": "FeatureCollection", "features": []}\n'),
    ".csv": lambda path: path.write_text("lat,lon\n" + "1,2\n" * 99),
    ".npy": lambda path: np.save(path, np.zeros(999)),
    ".wav": lambda path: soundfile.write(path, np.zeros(9999), 8000),
    ".safetensors": lambda path: save_file({"a": np.zeros(999, np.float32)}, path),
    ".tar": _tar,
}


@pytest.mark.parametrize("suffix", WRITERS)
def test_what_was_cut_short_does_not_take_the_place_of_the_old(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    with atomic_path(path) as aside:
        WRITERS[suffix](aside)
    whole = path.read_bytes()
    path.write_bytes(OLD)

    def write(kept: int) -> None:
        with atomic_path(path) as aside:
            aside.write_bytes(whole[:kept])

    for kept in (0, len(whole) // 2 + 1, len(whole) - 3):
        with pytest.raises(OutputError, match=rf"a{suffix}: was not written whole .* MB free"):
            write(kept)
        assert path.read_bytes() == OLD
        assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_a_hole_in_a_table_is_noticed(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="holes"), atomic_path(tmp_path / "a.csv") as aside:
        aside.write_bytes(b"lat,lon\n" + bytes(4096) + b"1,2\n")


def test_a_zarr_folder_whose_chunk_was_cut_short_is_not_moved_into_place(tmp_path: Path) -> None:
    zarr = pytest.importorskip("zarr")
    path = tmp_path / "a.zarr"
    path.mkdir()
    (path / "old").write_bytes(OLD)
    values = np.random.default_rng(0).random((64, 64))

    def write() -> None:
        with atomic_folder(path) as aside:
            group = zarr.open_group(aside, mode="w", zarr_format=3)
            group.create_array("x", data=values, chunks=(32, 32))
            chunk = max(aside.rglob("c/*/*"), key=lambda file: file.name)
            chunk.write_bytes(chunk.read_bytes()[:-100])

    with pytest.raises(OutputError, match=r"a\.zarr: was not written whole"):
        write()
    assert (path / "old").read_bytes() == OLD
    assert [each.name for each in tmp_path.iterdir()] == ["a.zarr"]


def test_bytes_of_others_are_not_judged(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "a.wav", verify=False) as aside:
        aside.write_bytes(b"no sound")
    assert (tmp_path / "a.wav").read_bytes() == b"no sound"


def test_places_that_cannot_be_written_are_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(OLD)
    (tmp_path / "folder.tif").mkdir()
    for path, why in (
        (tmp_path / "folder.tif", "is a folder; name a file in it"),
        (tmp_path / "file" / "x.tif", "file is a file, no folder"),
        (tmp_path / "file" / "y" / "x.tif", "file is a file, no folder"),
        (tmp_path / f"{'x' * 300}.tif", "255 bytes at most"),
        (tmp_path / f"{'x' * 300}" / "a.tif", "255 bytes at most"),
        (tmp_path / "a.xyz", "choose .tif, .png"),
        (tmp_path / "a", "choose .tif, .png"),
    ):
        with pytest.raises(OutputError, match=why):
            require_file(path, suffixes=(".tif", ".png"))
    for path, why in (
        (tmp_path / "file", "is a file, and a folder is needed"),
        (tmp_path / "file" / "x", "file is a file, no folder"),
    ):
        with pytest.raises(OutputError, match=why):
            require_folder(path)
    require_file(tmp_path / "new" / "folder" / "A.TIF", suffixes=(".tif",))
    require_folder(tmp_path / "new" / "folder")
    assert not (tmp_path / "new").exists()


def test_a_folder_that_takes_no_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(dir: Path) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(dir))

    monkeypatch.setattr("psm.files.tempfile.TemporaryFile", refuse)
    with pytest.raises(OutputError, match=r"a\.tif: the disk is read-only; choose"):
        require_file(tmp_path / "a.tif")


_LIMITED = """
import resource, sys, warnings
from pathlib import Path
import numpy as np
from psm.errors import OutputError
from psm.mapping import Frame
from psm.mapping.outputs import write_gif, write_mp4
from tests.mapping.maps import soundscape
folder = Path(sys.argv[1])
values = np.random.default_rng(0).random((90, 180))
found = soundscape(values, frame=Frame.globe(2.0))
resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))
for suffix in (".tif", ".nc", ".zarr", ".parquet", ".geojson", ".png", ".svg", ".gif", ".mp4"):
    path = folder / ("map" + suffix)
    try:
        if suffix in (".gif", ".mp4"):
            (write_gif if suffix == ".gif" else write_mp4)([found, found], path, width_px=300)
        else:
            found.write(path)
    except OutputError as problem:
        print(suffix, problem)
    else:
        print(suffix, "WRITTEN")
"""


def test_no_format_leaves_half_a_file_where_files_may_not_grow(tmp_path: Path) -> None:
    pytest.importorskip("resource")
    for suffix in (".tif", ".nc", ".parquet", ".geojson", ".png", ".svg", ".gif", ".mp4"):
        (tmp_path / f"map{suffix}").write_bytes(OLD)
    done = subprocess.run(
        [sys.executable, "-c", _LIMITED, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr  # HDF5 used to crash the interpreter at its end
    told = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    assert len(told) == 9
    for suffix, words in told.items():
        assert words != "WRITTEN", suffix
        assert f"map{suffix}" in words
        assert suffix == ".zarr" or (tmp_path / f"map{suffix}").read_bytes() == OLD
    assert not (tmp_path / "map.zarr").exists()
    assert not [path for path in tmp_path.iterdir() if ".partial" in path.name]


@pytest.mark.parametrize(
    ("problem", "line"),
    [
        (PermissionError(errno.EACCES, "x", "a/b"), "a/b: permission denied; choose"),
        (OSError(errno.EROFS, "x", "a"), "a: the disk is read-only"),
        (OSError(errno.EMFILE, "x", b"a"), "a: too many open files; raise the limit, as ulimit -n"),
        (OSError(errno.ENOSPC, "x"), "the disk is full; make room"),
        (IsADirectoryError(errno.EISDIR, "x", Path("a")), "a: is a folder; name a file"),
        (OSError(errno.ENOTCONN, "Not connected"), "Not connected"),
        (OSError("words\nmore words"), "words"),
        (OSError(), "OSError"),
        (NoRoom(errno.ENOSPC, "all is said"), "all is said"),
    ],
)
def test_errors_of_the_system_are_one_line(problem: OSError, line: str) -> None:
    assert one_line(problem).startswith(line)
    assert "\n" not in one_line(problem)
