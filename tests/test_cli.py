"""The command line as a newcomer meets it: the demo at toy size, the verbs, and bad input."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import rasterio
import soundfile
from PIL import Image
from scipy.stats import spearmanr

from psm import PSM
from psm.calibration import Calibration
from psm.cli import main
from psm.demo import pipeline
from psm.errors import UnfamiliarQuery
from psm.imagery import BlueMarble
from psm.mapping import Cells, Moment, Query, embed_cells, map_query

TINY = [
    "model.dim=16",
    "model.imagery.view_px=64",
    "model.satellite={patch_px: 32, dim: 16, depth: 1, heads: 2, gsd_unit_m: 1000}",
    "model.audio_tower.channels=[4, 8, 8]",
    "model.audio_tower.blocks=[0, 0]",
    "model.context={depth: 1, heads: 2, feedforward: 32, hidden: 8}",
    "training={epochs: 1, batch_size: 16}",
    "earth={recordings: 90, map_step_deg: 10.0}",
]

# A model of some sixty recordings is familiar with hardly a word and covers half of the Earth.
pytestmark = [
    pytest.mark.filterwarnings("ignore::psm.errors.UnfamiliarQuery"),
    pytest.mark.filterwarnings("ignore::psm.errors.NotCovered"),
]

SOUNDS = dict(islice(pipeline.QUERIES.items(), 2))
REGION = ["map", "frogs", "--model", "DEMO/model", "--out", "OUT.tif", "--region"]
MAP = ["map", "--step", "10", "--model", "DEMO/model", "--out", "OUT.tif"]


def psm(*arguments: str | Path) -> int:
    """Run the command in this process; its exit code."""
    before, sys.argv = sys.argv, ["psm", *map(str, arguments)]
    try:
        main()
    except SystemExit as stop:
        return int(stop.code or 0)
    finally:
        sys.argv = before
    return 0


@pytest.fixture(scope="module", autouse=True)
def _few_sounds() -> Iterator[None]:
    """The demo maps two of its six sounds: drawing takes most of its time at toy size."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "QUERIES", SOUNDS)
        yield


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    sets = [part for setting in TINY for part in ("--set", setting)]
    assert psm("demo", "--out", folder, *sets) == 0
    return folder


@pytest.fixture(scope="module")
def spoilt(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Shards cut off in the middle, and weights beside the recipe of another model."""
    folder = tmp_path_factory.mktemp("spoilt")
    shard = shutil.copytree(demo / "earth", folder / "earth") / "train-00000.tar"
    shard.write_bytes(shard.read_bytes()[: shard.stat().st_size // 2])
    recipe = shutil.copytree(demo / "model", folder / "model") / "config.yaml"
    recipe.write_text(recipe.read_text().replace("dim: 16", "dim: 24", 1))
    return {"BROKEN": str(shard.parent), "OTHER": str(recipe.parent)}


def test_demo_reports_what_design_promises(demo: Path) -> None:
    report = json.loads((demo / "report.json").read_text())
    assert set(report) >= {"seconds", "retrieval", "reference_rows", "maps", "model", "seed"}
    assert set(report["seconds"]) == {"build", "train", "evaluate", "map", "total"}
    row = report["retrieval"][0]
    assert set(row) >= {
        "model", "query", "direction", "restriction", "gallery", "r_at_10pct", "median_rank",
        "ci95",
    }  # fmt: skip
    assert {row["query"] for row in report["retrieval"]} >= {"image", "image+context", "composed"}
    assert {"chance", "source_oracle"} <= set(report["reference_rows"])
    assert set(report["maps"]) >= {
        "spearman", "spearman_median", "diurnal_sign_correct", "seasonal_sign_correct", "ece",
    }  # fmt: skip
    page = (demo / "report.html").read_text()
    assert page.count("data:image/png;base64,") >= 2 * len(SOUNDS) + 4
    # A dozen test recordings say nothing about recall.
    assert "too few test recordings" in page
    assert "0.000–0.000" not in page
    alts = re.findall(r'<img [^>]*width="\d+" height="\d+" alt="([^"]+)"', page)
    assert len(alts) == page.count("<img ")
    maps = [alt for alt in alts if "likeliest near" in alt or "likeliest at" in alt]
    truths = [alt for alt in alts if "the truth, and their difference. Mean probability" in alt]
    assert len(maps) == len(truths) == len(SOUNDS)
    assert all(re.search(r"\d", alt) for alt in alts)
    assert "http://" not in page
    assert "https://" not in page


def test_demo_draws_every_query_at_every_moment(demo: Path) -> None:
    rasters = sorted((demo / "maps").glob("*.tif"))
    assert len(rasters) == 4 * len(SOUNDS)
    with rasterio.open(rasters[0]) as raster:
        assert raster.count == 2
        assert raster.crs.to_epsg() == 4326
        assert np.isfinite(raster.read(1)).any()
    sheets = list((demo / "maps").glob("*.png"))
    assert sum(sheet.stem.endswith(".truth") for sheet in sheets) == len(SOUNDS)
    assert len(sheets) == 2 * len(SOUNDS)


def test_a_finished_demo_repeats_nothing(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights = (demo / "model" / "model.safetensors").stat().st_mtime_ns
    sets = [part for setting in TINY for part in ("--set", setting)]
    assert psm("demo", "--out", demo, *sets) == 0
    assert (demo / "model" / "model.safetensors").stat().st_mtime_ns == weights
    assert "trained already" in capsys.readouterr().err


def test_map_writes_raster_picture_and_animation(demo: Path, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "rain.wav", np.random.default_rng(0).normal(0, 0.1, 64000), 32000)
    code = psm(
        "map", "frogs", "--audio", tmp_path / "rain.wav", "--month", "7", "--utc", "4",
        "--step", "10", "--animate", "months", "--model", demo / "model",
        "--out", tmp_path / "frogs.tif", "--out", tmp_path / "frogs.png",
    )  # fmt: skip
    assert code == 0
    with rasterio.open(tmp_path / "frogs.tif") as raster:
        assert "frogs" in json.dumps(raster.tags())
    with Image.open(tmp_path / "frogs.png") as picture:
        assert picture.width >= 1000
    with Image.open(tmp_path / "frogs.gif") as film:
        assert film.n_frames == 12


def test_the_globe_that_comes_with_a_model_answers_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "frogs.tif"
    assert psm("map", "frogs", "--month", "5", "--hour", "5", "--out", path) == 0
    assert "of the globe that comes with earth-small; --exact" in capsys.readouterr().err
    with rasterio.open(path) as raster:
        drawn = raster.read(1)
        assert raster.tags()["approximation"].startswith("the globe that comes with the model")
    # A few of its cells, each seen and fused.
    model, globe = PSM.from_pretrained("earth-small"), Cells.globe(1.0)
    rows = np.flatnonzero(np.isfinite(drawn[globe.rows, globe.columns]))[::300]
    some = globe.part(rows)
    seen = embed_cells(model, BlueMarble(), some, 1)
    exact = map_query(
        model, seen, Query.parse("frogs"), Moment(month=5, hour=5),
        calibration=Calibration.find("earth-small"),
    )  # fmt: skip
    assert "approximation" not in exact.tags
    fused = exact.values()[some.rows, some.columns]
    assert spearmanr(drawn[some.rows, some.columns], fused).statistic > 0.95


def test_a_region_is_embedded_prepared_mapped_and_searched(
    demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, store = ("--model", demo / "model"), tmp_path / "vienna.zarr"
    region = ("Vienna, 60km", "--spacing", "15km", "--out", store)
    assert psm("embed", *region, *model, "--yes") == 0
    asked = ("frogs", "--month", "4", "--hour", "22.5", "--store", store, *model)
    assert psm("map", *asked, "--out", tmp_path / "exact.tif") == 0
    assert psm("prepare", store, "--sample", "64", "--rank", "64", *model) == 0
    assert "Spearman" in capsys.readouterr().out
    (tmp_path / "places.csv").write_text("name,lat,lon\nhere,48.2,16.4\nfar,0,0\n")
    square = {"type": "Polygon", "coordinates": [[[16, 48], [16.8, 48], [16.8, 48.4], [16, 48]]]}
    (tmp_path / "park.geojson").write_text(json.dumps(square))
    summaries = ("--points", tmp_path / "places.csv", "--polygons", tmp_path / "park.geojson")
    outs = [tmp_path / name for name in ("quick.tif", "quick.geojson", "day.nc")]
    written = [word for path in outs for word in ("--out", path)]
    assert psm("map", *asked, *written, *summaries, "--animate", "hours") == 0
    here, far = (tmp_path / "quick.points.csv").read_text().splitlines()[1:]
    assert here.startswith("here,48.2,16.4,0.")
    assert far.startswith("far,0.0,0.0,,")
    (park,) = json.loads((tmp_path / "quick.areas.geojson").read_text())["features"]
    assert 0.0 < park["properties"]["match_probability_mean"] < 1.0
    assert all(path.stat().st_size > 0 for path in outs)
    maps = []
    for name in ("exact.tif", "quick.tif"):
        with rasterio.open(tmp_path / name) as raster:
            maps.append(raster.read(1))
    known = np.isfinite(maps[0])
    assert 20 < known.sum() < 70
    np.testing.assert_allclose(maps[1][known], maps[0][known], atol=0.01)
    capsys.readouterr()
    found = (
        "search",
        *asked,
        "--count",
        "3",
        "--apart",
        "20km",
        "--out",
        tmp_path / "best.geojson",
    )
    assert psm(*found) == 0
    head, *rows, written = capsys.readouterr().out.splitlines()
    assert head.split() == ["probability", "uncertainty", "lat", "lon", "place"]
    assert len(rows) == 3
    assert all("near " in row for row in rows)
    assert written == str(tmp_path / "best.geojson")
    features = json.loads((tmp_path / "best.geojson").read_text())["features"]
    best = max(float(values[known].max()) for values in maps[1:])
    assert features[0]["properties"]["probability"] == pytest.approx(best, abs=1e-3)


def test_a_place_is_profiled_and_recordings_are_found_for_it(
    demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = ("--model", demo / "model")
    out = tmp_path / "vienna.png"
    sounds = ("--sound", "frogs", "--sound", "church bells")
    assert psm("profile", "48.2", "16.4", *sounds, *model, "--out", out) == 0
    values = json.loads(out.with_suffix(".json").read_text())["sounds"]["frogs"]["probability"]
    assert np.shape(values) == (12, 24)
    with Image.open(out) as picture:
        assert picture.width > 500
    capsys.readouterr()
    gallery = shutil.copytree(demo / "earth", tmp_path / "earth")
    place = ("--place", "48.2,16.4", "--month", "5", "--gallery", gallery, "--count", "4")
    first = [(psm("search", *place, *model), capsys.readouterr().out) for _ in range(2)]
    assert first[0] == first[1]
    assert len(first[0][1].splitlines()) == 1 + 4


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["map", "frogs", "--step", "10", "--month", "4", "--out", "OUT/frogs.tif"],
         {"query", "moment", "model", "provenance", "cells", "statistics", "places", "files"}),
        (["search", "frogs", "--step", "10", "--count", "3", "--out", "OUT/frogs.csv"],
         {"query", "statistics", "places", "files"}),
        (["search", "--place", "48,16", "--gallery", "DEMO/earth", "--count", "3"],
         {"recordings", "moment", "files"}),
        (["search", "--place", "48,16", "--captions", "gallery", "--gallery", "DEMO/earth",
          "--count", "3", "--out", "OUT/captions.csv"],
         {"captions", "moment", "lat", "files"}),
        (["profile", "48.2", "16.4", "--sound", "frogs", "--out", "OUT/here.png"],
         {"lat", "sounds", "provenance", "files"}),
        (["explain", "48.2", "16.4", "frogs", "--out", "OUT/here.png", "--out", "OUT/here.tif"],
         {"lat", "query", "values", "peak", "provenance", "files"}),
        (["evaluate", "--data", "DEMO/earth", "--out", "OUT/figures"],
         {"model", "results", "provenance", "files"}),
        (["evaluate", "--protocol", "sat2sound", "--data", "DEMO/earth", "--out", "OUT/figures"],
         {"model", "results", "files"}),
    ],
)  # fmt: skip
def test_json_is_one_document_and_all_that_the_standard_output_holds(
    command: list[str], expected: set[str], demo: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    named = [word.replace("OUT", str(tmp_path)).replace("DEMO", str(demo)) for word in command]
    assert psm(*named, "--model", demo / "model", "--json", "--quiet") == 0
    told = capsys.readouterr()
    document = json.loads(told.out)
    assert expected | {"command", "version"} <= document.keys()
    assert document["command"] == command[0]
    assert all(Path(file).is_file() for file in document["files"])
    assert told.err == ""  # quiet


def test_the_statistics_of_a_map_are_those_of_its_file(
    demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("map", "frogs", "--step", "10", "--model", demo / "model")
    assert psm(*asked, "--out", tmp_path / "frogs.tif", "--json") == 0
    told = capsys.readouterr()
    document = json.loads(told.out)
    with rasterio.open(tmp_path / "frogs.tif") as raster:
        values = raster.read(1)
    known = np.isfinite(values)
    area = np.broadcast_to(np.cos(np.radians(85.0 - 10.0 * np.arange(18)))[:, None], values.shape)
    found = document["statistics"]["match_probability"]
    assert document["cells"] == known.sum()
    assert found["max"] == pytest.approx(float(values[known].max()), abs=1e-5)
    assert found["mean"] == pytest.approx(np.average(values[known], weights=area[known]), abs=1e-4)
    assert document["places"][0]["probability"] == pytest.approx(found["max"], abs=1e-4)
    assert f"{len(Cells.globe(10.0))} cells" in told.err  # covered or not
    left_out = document["not_covered"]
    assert (left_out > 0.0) == (known.sum() < len(Cells.globe(10.0)))


def test_verbose_says_what_is_loaded_and_how_long_each_step_takes(
    demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("map", "frogs", "--step", "10", "--model", demo / "model")
    out = tmp_path / "frogs.tif"
    assert psm(*asked, "--out", out, "--verbose") == 0
    told = capsys.readouterr()
    assert told.out == f"{out}\n"
    for words in (f"loaded from {demo / 'model'}", "cells loaded from", f"written to {out}"):
        assert re.search(rf"[0-9.]+ s  .*{re.escape(words)}", told.err)
    assert psm(*asked, "--out", out) == 0
    assert "loaded from" not in capsys.readouterr().err  # the next command is as it was
    assert psm(*asked, "--out", out, "--verbose", "--quiet") == 2
    assert "--quiet and --verbose: choose one" in capsys.readouterr().err


def test_calibrate_makes_maps_say_so(
    demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = shutil.copytree(demo / "model", tmp_path / "model")
    (model / "familiarity.safetensors").unlink()  # of what it is not, no base rate is told
    assert psm("calibrate", "--model", model, "--data", demo / "earth", "--split", "train") == 0
    assert "chosen" in capsys.readouterr().err
    assert (model / "calibration.png").stat().st_size > 10_000
    terms = ("frogs*2", "a stream|a brook", "--not", "traffic", "--zoom", "1", "--zoom", "3")
    for raw in ([], ["--raw"]):
        out = tmp_path / "map.tif"
        code = psm("map", *terms, "--step", "10", "--model", model, "--out", out, *raw)
        assert code == 0
        with rasterio.open(out) as raster:
            tags = raster.tags()
        assert tags["query"] == "“frogs” ×2 + “a stream | a brook” − “traffic”"
        assert tags["zoom"] == "1+3"
        assert ("held-out recordings" in tags["calibration"]) == (not raw)
        assert ("base_rate" in tags) == (not raw)
    asked = ("map", "wind", "--step", "10", "--model", model, "--truth")
    scales = [(), ("--scale", "own")]
    for name, scale in zip(("sound", "own"), scales, strict=True):
        assert psm(*asked, *scale, "--out", tmp_path / f"{name}.png") == 0
        assert (tmp_path / f"{name}.truth.png").stat().st_size > 10_000
    assert (tmp_path / "sound.png").read_bytes() != (tmp_path / "own.png").read_bytes()
    unknown = tmp_path / "stocks.tif"
    assert psm("map", "the stock market", "--model", model, "--truth", "--out", unknown) != 0
    assert not unknown.exists()
    assert "the truth is known of single sounds" in capsys.readouterr().err


def test_nonsense_is_answered_with_a_warning(demo: Path, tmp_path: Path) -> None:
    assert (demo / "model" / "familiarity.safetensors").is_file()
    model, out = ("--model", demo / "model"), tmp_path / "map.tif"
    with pytest.warns(UnfamiliarQuery, match="“asdfgh qwerty” is unlike anything that earth-tiny"):
        assert psm("map", "asdfgh qwerty", "--step", "10", *model, "--out", out) == 0
    with rasterio.open(out) as raster:
        assert not json.loads(raster.tags()["psm.familiarity"])["is_familiar"]
    sound = ("--sound", "asdfgh qwerty", "--out", tmp_path / "profile.png")
    with pytest.warns(UnfamiliarQuery, match="asdfgh"):
        assert psm("profile", "48.2", "16.4", *sound, *model) == 0
    with pytest.warns(UnfamiliarQuery, match="asdfgh"):
        assert psm("search", "asdfgh qwerty", "--step", "10", "--count", "2", *model) == 0


def test_evaluate_prints_and_writes(demo: Path, tmp_path: Path) -> None:
    code = psm("evaluate", "--model", demo / "model", "--data", demo / "earth", "--out", tmp_path)
    assert code == 0
    rows = json.loads((tmp_path / "retrieval.json").read_text())["retrieval"]
    told = [row["r_at_10pct"] for row in rows]
    # A tenth of fewer than ten recordings is nobody, as in the galleries of one archive.
    assert all(0.0 <= recall <= 1.0 for recall in told if recall is not None)
    assert None in told
    assert (tmp_path / "retrieval.png").stat().st_size > 10_000


def test_the_papers_protocol_and_its_tables(
    demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("first", "second"):
        code = psm(
            "evaluate", "--protocol", "psm2024", "--name", name, "--model", demo / "model",
            "--data", demo / "earth", "--out", tmp_path / name,
        )  # fmt: skip
        assert code == 0
        assert list((tmp_path / name / "features").glob("test-*.safetensors"))
    assert psm("tables", tmp_path / "first", tmp_path / "second", "--out", tmp_path / "both") == 0
    results = json.loads((tmp_path / "both" / "psm2024.json").read_text())["results"]
    assert [result["model"] for result in results] == ["first", "second"]
    assert {row["zoom"] for row in results[0]["rows"]} == {1, 3, 5}
    assert "| 5 | second | ✓ | ✓ |" in (tmp_path / "both" / "psm2024.md").read_text()
    assert (tmp_path / "both" / "psm2024.tex").read_text().count(r"\begin{table*}") == 4
    assert "source tag alone" in capsys.readouterr().err
    assert psm("tables", tmp_path / "first", tmp_path / "first", "--out", tmp_path / "one") == 2
    assert not (tmp_path / "one").exists()


@pytest.mark.parametrize(
    "arguments", [["sing"], ["evaluate", "--protocol", "psm2042"], ["tables"], ["train", "--sing"]]
)
def test_wrong_usage_is_no_traceback(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert psm(*arguments) == 2
    assert "Usage:" in capsys.readouterr().err


def test_real_recordings_are_named(
    demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    soundfile.write(tmp_path / "a.wav", np.random.default_rng(0).normal(0, 0.1, 64000), 32000)
    (tmp_path / "manifest.csv").write_text("file,sound\na.wav,rain\n")
    asked = ("evaluate", "--recordings", tmp_path, "--model", demo / "model")
    assert psm(*asked, "--out", tmp_path / "out") == 0
    (found,) = json.loads((tmp_path / "out" / "recordings.json").read_text())["recordings"]
    assert (found["file"], len(found["names"])) == ("a.wav", 28)
    assert "top 5" in capsys.readouterr().err
    assert psm(*asked, "--maps", "--out", tmp_path / "out") == 2
    assert "choose one" in capsys.readouterr().err


def test_listen_writes_a_wav(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "paris.wav"
    assert psm("earth", "listen", "48.85", "2.35", "--seconds", "6", "--out", out) == 0
    samples, rate_hz = soundfile.read(out)
    assert (len(samples), rate_hz) == (6 * 32000, 32000)
    assert 0.01 < np.sqrt(np.mean(samples**2)) < 0.5
    assert "%" in capsys.readouterr().out


def test_a_world_says_how_it_differs(capsys: pytest.CaptureFixture[str]) -> None:
    assert psm("earth", "world", "kepler") == 0
    told = capsys.readouterr().out
    for about in ("strength", "season", "hour", "unlike ours", "new", "imagery", "recorders"):
        assert f"{about}\n  " in told
    assert "Asked for as “" in told


@pytest.mark.parametrize("arguments", [["--help"], ["map", "--help"], ["presets"], ["--version"]])
def test_help_teaches(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert psm(*arguments) == 0
    assert capsys.readouterr().out.strip()


def test_usage_errors_are_told_without_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert psm("map", "--nonsense") == 2
    assert "No such option: --nonsense" in capsys.readouterr().err


def test_an_interrupt_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("psm.experiments.presets", interrupted)
    assert psm("presets") == 130
    assert "run the same command again to go on" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "--preset", "earth-huge", "--out", "OUT"], "unknown preset 'earth-huge'"),
        (["train", "--set", "training.epochs", "--out", "OUT"], "write it as training.epochs=2"),
        (["train", "--data", "nowhere", "--out", "OUT"], "psm earth build"),
        (["train", "--devices", "0", "--data", "DEMO/earth", "--out", "OUT"], "from 1 up"),
        (["train", "--dry-run", "--accelerator", "abacus"], "--accelerator abacus"),
        (["train", "--data", "BROKEN", "--out", "OUT"], "train-00000.tar"),
        (["train", "--data", "DEMO/earth", "--out", "DEMO/model"], "another experiment"),
        (["evaluate", "--model", "OTHER", "--data", "DEMO/earth", "--out", "OUT"], "of 91 tensors"),
        (["earth", "build", "--out", "DEMO/earth", "--recordings", "7"], "another Earth"),
        (["earth", "recaption", "--data", "DEMO/earth", "--without", "sea", "--out", "OUT"], "sea"),
        (["earth", "listen", "95", "0", "--out", "OUT"], "latitude"),
        (["earth", "build", "--world", "two words", "--out", "OUT"], "one word"),
        (["earth", "build", "--region", "Vienna", "--out", "OUT"], "too small for training"),
        (["evaluate", "--model", "nowhere"], "not a model folder"),
        (["evaluate", "--protocol", "psm2024", "--maps", "--out", "OUT"], "choose one"),
        (["tables", "nowhere", "--out", "OUT"], "psm evaluate --protocol psm2024"),
        (["train", "--preset", "pcme++", "--data", "nowhere", "--out", "OUT"], "no train shards"),
        (MAP, "a map needs a query"),
        (["map", "frogs", "--month", "13", "--out", "OUT"], "month 13"),
        (["map", "frogs", "--hour", "24", "--out", "OUT"], "hour 24"),
        ([*MAP, "frogs", "--zoom", "2"], "zoom 2"),
        ([*MAP, "frogs*loud"], "after * comes the weight"),
        ([*MAP, "frogs", "--audio-source", "radio"], "choose one of yfcc"),
        (["calibrate", "--model", "DEMO/model", "--data", "DEMO/earth", "--prior", "7"], "prior 7"),
        ([*MAP, "--audio", "TEXT"], "not a readable audio file"),
        ([*MAP, "--audio", "nowhere.wav"], "nowhere.wav: no such file"),
        (["search", "--model", "DEMO/model", "--audio", "nowhere.wav"], "nowhere.wav: no such"),
        ([*MAP, "frogs", "--animate", "days"], "hours, months or both"),
        ([*MAP, "frogs", "--out", "OUT"], "no format for ''"),
        ([*MAP, "frogs", "--out", "film.mp4"], "needs --animate"),
        ([*MAP, "frogs", "--points", "nowhere.csv"], "nowhere.csv: no such file"),
        ([*MAP, "frogs", "--polygons", "nowhere.gpkg"], "nowhere.gpkg"),
        ([*MAP, "frogs", "--store", "nowhere.zarr"], "nowhere.zarr"),
        ([*MAP, "frogs", "--store", "nowhere.zarr", "--region", "Vienna"], "has its own region"),
        ([*REGION, "Vienaa"], "Vienna"),
        ([*MAP, "frogs", "--crs", "EPSG:3035"], "the globe by degrees"),
        ([*REGION, "Vienna", "--crs", "EPSG:4326"], "EPSG:4326"),
        ([*REGION, "Vienna", "--without", "nowhere.gpkg"], "nowhere.gpkg"),
        ([*REGION, "Vienna", "--spacing", "5"], "no length"),
        ([*MAP, "frogs", "--imagery", "nowhere.tif"], "nowhere.tif: no such imagery"),
        (["prepare", "nowhere.zarr", "--model", "DEMO/model"], "psm embed"),
        (["profile", "95", "0", "--model", "DEMO/model"], "latitude"),
        (["search", "--place", "48,16", "--model", "DEMO/model"], "--gallery"),
        (["search", "--place", "48", "--gallery", "x", "--model", "DEMO/model"], "no place"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_and_exit_code_two(
    arguments: list[str],
    message: str,
    demo: Path,
    spoilt: dict[str, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = tmp_path / "text.wav"
    text.write_text("not audio")
    out = tmp_path / "out"
    places = {"OUT": str(out), "OUT.tif": f"{out}.tif", "TEXT": str(text), **spoilt}
    filled = [places.get(word, word.replace("DEMO", str(demo))) for word in arguments]
    assert psm(*filled) == 2
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error:")]
    assert len(errors) == 1
    assert message in errors[0]
    assert not out.exists()
    assert not out.with_suffix(".tif").exists()


def test_a_missing_recording_is_told_before_any_cell_is_embedded(
    demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = demo / "model"
    out = tmp_path / "a.tif"
    assert psm("map", "--audio", "no.wav", "--step", "10", "--model", model, "--out", out) == 2
    said = capsys.readouterr()
    assert "no.wav: no such file" in said.err
    assert "cells" not in said.out + said.err


def test_views_are_cut_beside_the_tiles(
    demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shards = shutil.copytree(demo / "earth", tmp_path / "earth")
    shutil.copy(demo / "earth" / "val-00000.tar", tmp_path / "before.tar")
    for written in (3, 0):
        assert psm("data", "views", shards, "--preset", "earth-tiny") == 0
        assert f"{written} shards written anew" in capsys.readouterr().out
    assert (shards / "val-00000.tar").stat().st_size > (tmp_path / "before.tar").stat().st_size
    assert psm("evaluate", "--model", demo / "model", "--data", shards, "--out", tmp_path) == 0
