"""Any format by its suffix; QGIS styles; films; what is read back from a GeoTIFF of a region."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import imageio_ffmpeg
import numpy as np
import pytest
import rasterio
from PIL import Image
from pyproj import CRS
from rasterio.enums import ColorInterp
from rio_cogeo import cog_validate

from psm.errors import ConfigError, PSMError
from psm.files import atomic_folder
from psm.mapping import Frame, Moment, SoundscapeMap
from psm.mapping.outputs import write_gif, write_mp4
from psm.mapping.outputs.animate import film_writer
from psm.mapping.outputs.filmfiles import save_mp4
from psm.mapping.outputs.geotiff import write_qml

MakeFrame = Callable[..., Frame]
MakeMap = Callable[..., SoundscapeMap]


@pytest.fixture
def vienna(around: MakeFrame, place_map: MakeMap) -> SoundscapeMap:
    return place_map(around(lat=48.2, lon=16.4, rows=8, columns=12, step_m=500.0))


@pytest.mark.parametrize(
    "suffix",
    [
        *(".tif", ".png", ".svg", ".nc", ".zarr", ".parquet", ".geojson", ".qml"),
        *(".TIF", ".Tiff", ".PNG", ".SVG", ".NC", ".ZARR", ".Parquet", ".GeoJSON", ".QML"),
    ],
)
def test_the_suffix_says_the_format(suffix: str, vienna: SoundscapeMap, tmp_path: Path) -> None:
    path = vienna.write(tmp_path / f"bells{suffix}")
    assert path.exists()
    assert not [entry for entry in tmp_path.iterdir() if entry.name.startswith(".")]


def test_an_unknown_format_or_option_is_refused(vienna: SoundscapeMap, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no format for '\.jpg'; choose \.tif, .*\.geojson"):
        vienna.write(tmp_path / "bells.jpg")
    with pytest.raises(ConfigError, match="no option 'widht_px'; it has value_range, width_px"):
        vienna.write(tmp_path / "bells.png", widht_px=3)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("rows", "columns"), [(8, 12), (1, 1), (3, 700), (600, 2)])
def test_a_geotiff_of_a_region_is_a_cog_of_any_shape(
    rows: int, columns: int, around: MakeFrame, place_map: MakeMap, tmp_path: Path
) -> None:
    frame = around(lat=48.2, lon=16.4, rows=rows, columns=columns, step_m=500.0)
    soundscape = place_map(frame)
    path = soundscape.to_cog(tmp_path / "bells.tif", csd=True)
    assert cog_validate(str(path), strict=True) == (True, [], [])
    with rasterio.open(path) as source:
        assert CRS.from_user_input(source.crs.to_wkt()) == CRS.from_user_input(frame.crs)
        assert source.transform == frame.transform
        assert source.shape == frame.shape
        assert source.descriptions[2] == "closed-form sampled distance"
        assert source.units == ("1", "1", "1")
        assert source.colorinterp[0] == ColorInterp.gray
        assert ColorInterp.alpha not in source.colorinterp
        np.testing.assert_array_equal(source.read(1), soundscape.values())
        np.testing.assert_array_equal(source.read(3), soundscape.values("csd"))
        assert source.tags()["TIFFTAG_COPYRIGHT"] == "somebody's data; licence: CC-BY-4.0"


def test_qgis_opens_a_geotiff_in_the_colours_of_the_figures(
    vienna: SoundscapeMap, tmp_path: Path
) -> None:
    style = vienna.to_cog(tmp_path / "bells.tif").with_suffix(".qml")
    assert style.read_text().startswith(
        "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>"
    )
    root = ElementTree.parse(style).getroot()
    assert root.tag == "qgis"
    renderer = root.find("./pipe/rasterrenderer")
    assert renderer is not None
    assert (renderer.get("type"), renderer.get("band")) == ("singlebandpseudocolor", "1")
    assert renderer.get("alphaBand") == "-1"
    assert renderer.findtext("minMaxOrigin/limits") == "None"  # or QGIS would choose its own range
    shader = renderer.find("rastershader/colorrampshader")
    assert shader is not None
    assert shader.get("colorRampType") == "INTERPOLATED"
    items = shader.findall("item")
    values = [float(item.get("value", "")) for item in items]
    assert values == sorted(set(values))
    low, high = float(shader.get("minimumValue", "")), float(shader.get("maximumValue", ""))
    assert (values[0], values[-1]) == pytest.approx((low, high))
    assert low < high
    assert all(re.fullmatch(r"#[0-9a-f]{6}", item.get("color", "")) for item in items)
    assert int(items[0].get("color", "")[1:3], 16) > int(items[-1].get("color", "")[1:3], 16)
    ramp = {o.get("name"): o.get("value") for o in shader.findall("colorramp/Option/Option")}
    assert ramp["rampType"] == "gradient"
    assert len((ramp["stops"] or "").split(":")) == len(items) - 2


def test_a_qgis_style_takes_a_fixed_range(vienna: SoundscapeMap, tmp_path: Path) -> None:
    path = write_qml(vienna, tmp_path / "bells.qml", value_range=(0.1, 0.9))
    shader = ElementTree.parse(path).getroot().find(".//colorrampshader")
    assert shader is not None
    assert (shader.get("minimumValue"), shader.get("maximumValue")) == ("0.1", "0.9")


@pytest.fixture
def year(around: MakeFrame, place_map: MakeMap) -> list[SoundscapeMap]:
    frame = around(lat=48.2, lon=16.4, rows=6, columns=9, step_m=5000.0)
    maps = [place_map(frame, Moment(month=month)) for month in (1, 5, 9)]
    for number, soundscape in enumerate(maps):
        soundscape.data["match_probability"] *= (number + 1) / 3
    return maps


def test_a_film_of_a_region_as_gif(year: list[SoundscapeMap], tmp_path: Path) -> None:
    with Image.open(write_gif(year, tmp_path / "bells.gif", width_px=320)) as film:
        assert (film.n_frames, film.width) == (3, 320)
        assert b"licence: CC-BY-4.0" in film.info["comment"]
        means = []
        for number in range(3):
            film.seek(number)
            means.append(np.asarray(film.convert("L")).mean())
    assert means[0] > means[1] > means[2]  # one range of colours: more is darker


def test_a_film_as_mp4_plays_anywhere(year: list[SoundscapeMap], tmp_path: Path) -> None:
    path = write_mp4(year, tmp_path / "bells.mp4", width_px=321)
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")  # the index in front
    # The package's own reader leaves pipes open where ffmpeg has ended by itself.
    played = subprocess.run(
        [
            imageio_ffmpeg.get_ffmpeg_exe(),
            "-i",
            str(path),
            *["-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
        ],
        capture_output=True,
        check=True,
    )
    told = played.stderr.decode()
    video = re.search(r"Video: (\w+).*? (yuv\w+)\(.*?, (\d+)x(\d+)", told)
    assert video is not None
    width, height = int(video[3]), int(video[4])
    frames = np.frombuffer(played.stdout, np.uint8).reshape(-1, height * width * 3)
    assert video[1] == "h264"
    assert video[2] == "yuv420p"
    assert width == 322
    assert height % 2 == 0
    assert len(frames) == 3
    assert frames[0].mean() > frames[1].mean() > frames[2].mean()
    assert frames[0][:3].min() >= 253  # paper stays white
    assert "“church bells”" in told
    assert "licence: CC-BY-4.0" in told
    assert [entry.name for entry in tmp_path.iterdir()] == ["bells.mp4"]


def test_a_failing_encoder_is_told(tmp_path: Path) -> None:
    odd = (np.zeros((33, 33, 3), np.uint8) for _ in range(3))
    with pytest.raises(PSMError, match="ffmpeg failed: "):
        save_mp4(odd, tmp_path / "odd.mp4", seconds=0.5, title="", comment="", rights="")


def test_other_films_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\.gif or \.mp4"):
        film_writer(tmp_path / "bells.avi")
    with pytest.raises(ConfigError, match="at least one moment"):
        write_mp4([], tmp_path / "none.mp4")
    assert not list(tmp_path.iterdir())


def test_a_folder_is_whole_or_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    with atomic_folder(path) as aside:
        (aside / "one").write_text("1")
    with pytest.raises(IsADirectoryError), atomic_folder(path) as aside:
        aside.write_text("a folder is no file")
    assert [entry.name for entry in path.iterdir()] == ["one"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["kept"]
