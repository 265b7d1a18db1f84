"""`psm data import` recognises a data set, says so, and turns bad input into one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from psm.data.corpus import Corpus
from psm.data.views import encode_jpeg
from psm.earth.painted_imagery import PaintedImagery
from psm.errors import ConfigError, MissingData
from psm.importing.cutting import TilePlace
from psm.importing.dataset import ImportOptions
from psm.importing.formats import FORMATS, open_dataset, recognise
from psm.yamlfiles import write_yaml
from tests import hub
from tests.importing import test_recordingtable as own
from tests.importing.published import test_shards as published
from tests.test_cli import psm
from tests.tiny import tiny_experiment, write_tiny_shards


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One source of each format, each format's preset, and some things that are none."""
    folder = tmp_path_factory.mktemp("sources")
    hub.write_tiny(folder / "hub")
    own.write(folder / "own", [own.row(number) for number in range(30)])
    (folder / "shards").mkdir()
    for split in ("train", "val"):
        samples = {f"yfcc-{split}{number}": published.members(number) for number in range(4)}
        published.write_tar(folder / "shards" / f"{split}_0.tar", samples)
    write_tiny_shards(folder / "ours")
    (folder / "two").mkdir()
    for name in ("a.csv", "b.csv"):
        (folder / "two" / name).write_text("File,Lat,Lon,Caption\n")
    (folder / "empty").mkdir()
    (folder / "notes.txt").write_text("no table")
    write_yaml(tiny_experiment(), folder / "tiny.yaml")
    return folder


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("hub", "hub"), ("hub/data/test-00000-of-00001.parquet", "hub"),
        ("shards", "shards"), ("own", "table"), ("own/recordings.csv", "table"),
    ],
)  # fmt: skip
def test_data_sets_are_recognised(sources: Path, name: str, format: str) -> None:
    assert recognise(str(sources / name)) is FORMATS[format]
    assert recognise("MVRL/GeoSound") is FORMATS["hub"]


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("ours", ConfigError, "shards of ours already"),
        ("two", ConfigError, "which table"),
        ("empty", MissingData, "found no published shards"),
        ("notes.txt", ConfigError, "not a table"),
        ("nowhere", MissingData, "no such file or folder"),
    ],
)
def test_what_is_none_of_them_is_told(
    sources: Path, name: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        recognise(str(sources / name))


def test_presets_frame_the_sound_and_size_the_tile(sources: Path) -> None:
    for imagery, tile_px, buffer_km in (("sentinel", 1120, 16.8), ("bingmap", 1120, 1.008)):
        source = open_dataset(str(sources / "hub"), ImportOptions(imagery=imagery))
        assert (source.framing.audio.sample_rate_hz, source.framing.fused) == (48_000, True)
        assert source.tile_px == tile_px
        assert source.buffer_km == pytest.approx(buffer_km)
    tiny = open_dataset(
        str(sources / "own"), ImportOptions(preset=str(sources / "tiny.yaml"), gsd_m=3.0)
    )
    assert (tiny.framing.audio.n_mels, tiny.framing.fused, tiny.tile_px) == (16, False, 48)


def test_blue_marble_gives_any_place_the_tile_of_the_simulated_earth(sources: Path) -> None:
    source = open_dataset(str(sources / "own"), ImportOptions(imagery="blue-marble"))
    assert (source.tile_px, source.cutter.tile_px, source.gsd_m) == (320, 320, 1000.0)
    ((_, tile),) = source.cutter.tiles([TilePlace("a", 48.9, 2.3)])
    assert tile.jpeg == encode_jpeg(PaintedImagery.load().tile(lat=48.9, lon=2.3))


@pytest.mark.parametrize(
    ("name", "says", "imported"),
    [
        ("hub", "hub's schema: reads audio, sentinel_image", "24 train, 12 val, 8 test"),
        ("shards", "published WebDataset shards: 2 tars, 10 m a pixel", "4 train, 4 val"),
        ("own", "a table of recordings, recordings.csv: audio from File", "18 train, "),
    ],
)
def test_the_command_says_what_it_found_and_did(
    name: str, says: str, imported: str, sources: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    out = tmp_path / "out"
    options = ["--workers", "1", "--imagery", "sentinel", "--preset", sources / "tiny.yaml"]
    assert psm("data", "import", sources / name, out, *options) == 0
    printed = capsys.readouterr().out
    assert says in printed
    assert imported in printed
    report = json.loads((out / "import" / "report.json").read_text())
    assert len(Corpus.load(out, "train", zooms=(1, 3), view_px=16)) == report["imported"]["train"]


def test_an_import_of_nothing_is_an_error(
    sources: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"  # tiles too small for the published preset
    assert (
        psm("data", "import", sources / "shards", out, "--preset", "psm-sentinel", "--workers", "1")
        == 2
    )
    printed = capsys.readouterr()
    assert "refused      8  image.jpg: smaller than the largest view" in printed.out
    said = " ".join(printed.err.split())
    assert "nothing could be used: image.jpg: smaller than the largest view" in said
    assert "(8 times); import/refused.csv says which" in said
    assert (out / "import" / "refused.csv").read_text().count("smaller") == 8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere", "OUT"], "no such file or folder, and no hub id"),
        (["own", "OUT", "--format", "zip"], "choose one of hub, recorders, shards, table"),
        (["empty", "OUT", "--format", "shards"], "no published shards"),
        (["shards", "OUT", "--imagery", "mars"], "sentinel, bingmap, googleEarth"),
        (["own", "OUT", "--imagery", "mars"], "sentinel, bingmap, googleEarth"),
        (["hub", "OUT", "--gsd", "3"], "--gsd is an option of a table"),
        (["shards", "OUT", "--column", "audio=x"], "--column is an option of a table"),
        (["own", "OUT", "--revision", "main"], "--revision is an option of the hub"),
        (["own", "OUT", "--column", "audio"], "write it as audio=wav_file"),
        (["own", "OUT", "--imagery", "blue-marble", "--gsd", "3"], "Blue Marble has 1000 m"),
        (["own", "OUT"], "how many metres is a pixel"),
        (["hub", "OUT", "--preset", "huge"], "unknown preset 'huge'"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_two(
    arguments: list[str], message: str, sources: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    out = tmp_path / "out"
    source, *rest = (str(out) if word == "OUT" else word for word in arguments)
    assert psm("data", "import", sources / source, *rest) == 2
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error:")]
    assert len(errors) == 1
    assert message in errors[0]
    assert not out.exists()


def test_what_the_package_exports_is_there() -> None:
    import psm.importing

    for name in psm.importing.__all__:
        assert getattr(psm.importing, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        psm.importing.nothing  # noqa: B018
