"""What an imported model is shown and told, by the product's own path from shards and provider."""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from psm import PSM
from psm.data.context import Context
from psm.data.recording import AUDIO_SOURCES, Recording
from psm.data.shards import RawSample, Sample, read_shard, write_shard
from psm.imagery import Picture, View
from psm.importing.conversion import convert
from psm.importing.published.metadata import PublishedCaptions, times_known
from psm.importing.published.webdataset import PublishedShards
from psm.inference.batches import image_features, picture_px
from psm.inference.split import SplitFeatures, encode_split, raw_audio, raw_locations
from psm.mapping import Cells, embed_cells
from psm.mapping.profile import look
from psm.published.checkpoint import import_checkpoint
from psm.published.sizes import IMAGERY, tile_gsd_m
from psm.reference import (
    PublishedEncoding,
    published_context,
    published_order,
    published_tile_px,
    published_view,
)
from tests.publishedtars import write_tar
from tests.reference import recorded
from tests.reference.conftest import Close

pytestmark = pytest.mark.filterwarnings("ignore:TypedStorage is deprecated")

DATED = json.loads((recorded.VECTORS / "g_encodings.json").read_text())["do_transforms"]
TILE_PX = {"sentinel-2": 256, "bing": 300, "google-earth": 256}
GSD_M = {"sentinel": 10.0, "bingmap": 0.6, "googleEarth": 0.2}
FRAMES, BANDS = 1001, 64


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, PSM]:
    """The tiny checkpoint, as a model of each imagery."""
    found = {}
    for imagery in GSD_M:
        out = tmp_path_factory.mktemp(imagery)
        import_checkpoint(
            recorded.FOLDER / "checkpoints" / "tiny_weights.ckpt", out, imagery=imagery,
            tokenizer=str(recorded.FOLDER / "tokenizer"), satellite_heads=3, text_heads=4,
        )  # fmt: skip
        found[imagery] = PSM.from_pretrained(out)
    return found


def tile(side: int, seed: int = 0) -> np.ndarray:
    """Noise over a slope: a shifted or a stretched crop of it is another picture."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:side, :side] / side
    slope = np.stack([rows, columns, rows * columns], axis=-1) * 160.0
    return (slope + rng.integers(0, 80, (side, side, 3))).astype(np.uint8)


def recording(key: str = "yfcc-1", **changes: Any) -> Recording:
    values: dict[str, Any] = {
        "key": key, "lat": 60.0, "lon": 20.0, "audio_source": "yfcc", "caption_source": "meta",
        "caption": "frogs", "split": "test", "cell": "N60E020", "gsd_m": 0.3, **changes,
    }  # fmt: skip
    return Recording.from_json(values)


def mel(seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal((4, FRAMES, BANDS))
    return (20.0 * noise - 40.0).astype(np.float16)


def test_published_imagery_is_what_the_recordings_were_made_with() -> None:
    assert {name: config.gsd_m for name, config in IMAGERY.items()} == GSD_M
    assert {config.name: published_tile_px(config.name) for config in IMAGERY.values()} == TILE_PX
    assert [IMAGERY[name].zooms for name in GSD_M] == [(1, 3, 5), (1, 3, 5), (1,)]


@pytest.mark.parametrize("imagery", GSD_M)
def test_shards_are_seen_at_the_published_scale(
    imagery: str, models: dict[str, PSM], tmp_path: Path, close: Close
) -> None:
    """The published crop and gsd, whatever the recordings say of their tiles."""
    model, pixels = models[imagery], tile(931)
    write_shard(tmp_path / "test-0.tar", [Sample(recording(), pixels, mel())])
    name, zooms = model.config.imagery.name, model.config.imagery.zooms[:2]
    found = encode_split(model, tmp_path, zooms=zooms)
    stored = next(read_shard(tmp_path / "test-0.tar")).tile
    for zoom in zooms:
        view = published_view(stored, zoom=zoom, tile_px=TILE_PX[name], size=64)
        with torch.inference_mode():
            told = torch.tensor([GSD_M[imagery] * zoom])
            expected = model.image_features(view[None], told)
        close(found.images[zoom], expected, within=1e-6)


@pytest.mark.parametrize(("side", "first"), [(257, 0), (259, 2), (261, 2), (263, 4), (258, 1)])
def test_odd_tiles_are_cropped_half_to_even(side: int, first: int) -> None:
    pixels = tile(side)
    view = published_view(pixels, zoom=1, tile_px=256, size=256)
    expected = pixels[first : first + 256, first : first + 256].transpose(2, 0, 1) / np.float32(255)
    np.testing.assert_array_equal(view.numpy(), expected)


def test_a_tile_that_is_not_square_is_cropped_around_its_own_middle() -> None:
    pixels = tile(300)[:280, :264]
    view = published_view(pixels, zoom=1, tile_px=256, size=256)
    expected = pixels[12:268, 4:260].transpose(2, 0, 1) / np.float32(255)
    np.testing.assert_array_equal(view.numpy(), expected)


def test_every_window_counts_as_part_of_a_longer_clip(
    models: dict[str, PSM], tmp_path: Path, close: Close
) -> None:
    model, short = models["sentinel"], np.broadcast_to(mel()[:1], (4, FRAMES, BANDS))
    write_shard(tmp_path / "test-0.tar", [Sample(recording(), tile(300), short)])
    found = encode_split(model, tmp_path, zooms=())
    with torch.inference_mode():
        inputs = torch.from_numpy(short.astype(np.float32))[None]
        expected = model.audio(inputs, torch.tensor([True]))
        other = model.audio(inputs, torch.tensor([False]))
    close(found.audio, expected, within=1e-6)
    assert (expected - other).abs().max() > 1e-3


@pytest.mark.parametrize("row", DATED, ids=lambda row: row["key"])
def test_dates_go_through_the_import_as_through_the_published_loader(
    row: dict, close: Close
) -> None:
    source = AUDIO_SOURCES[row["audio_source"]]
    known = times_known(row["date"], source)
    told = published_context([recording(audio_source=source.value, **known)])
    assert told.valid[0, 1:3].tolist() == [bool(row["month_valid"]), bool(row["time_valid"])]
    encoding = PublishedEncoding()
    for name, field, place in (("month", "month", 1), ("time", "hour", 2)):
        if told.valid[0, place]:
            encoded = getattr(encoding, field)(getattr(told, field))[0]
            close(encoded, torch.tensor(row[name]), within=1e-6)


def test_outside_reference_mode_what_a_date_leaves_open_stays_open() -> None:
    for date, source, month, hour in (
        ("2019-05-04", "yfcc", 5, None),
        ("2019-05-04 7:02", "yfcc", 5, 7 + 2 / 60),
        ("2019-05-04 7:02", "freesound", None, None),
        ("2010", "aporee", None, None),
    ):
        one = recording(
            audio_source=source, **times_known(date, recording(audio_source=source).audio_source)
        )
        assert (one.month, one.hour) == (month, hour)


def features(model: PSM, *recordings: Recording) -> SplitFeatures:
    rng = np.random.default_rng(3)
    images = torch.from_numpy(rng.standard_normal((len(recordings), model.config.dim)))
    blank = torch.zeros(len(recordings), 1)
    return SplitFeatures(recordings, {1: images.float()}, blank, blank)


@torch.inference_mode()
def test_evaluation_tells_the_published_context(models: dict[str, PSM], close: Close) -> None:
    model = models["sentinel"]
    told = features(
        model,
        recording("a", month=5),  # a date without an hour: midnight
        recording("b", month=5, hour=0.0),
        recording("c", audio_source="freesound", upload_month=5),  # the month of the upload
        recording("d", audio_source="freesound", month=5),
        recording("e"),  # nothing is known
    )
    told = replace(told, images={1: told.images[1][:1].expand(5, -1).contiguous()})
    found = raw_locations(model, told, 1, model.fusion.fields)
    close(found.mean[0], found.mean[1], within=1e-6)
    close(found.mean[2], found.mean[3], within=1e-6)
    assert (found.mean[0] - found.mean[4]).abs().max() > 1e-3
    only = raw_locations(model, told, 1, ("latlon",))
    close(only.mean[0], only.mean[4], within=1e-6)


class Asked:
    """A provider of the same ground everywhere, at any scale; keeps what was asked."""

    name, attribution, licence = "asked", "nobody", "CC0-1.0"
    has_seasons = is_simulated = False

    def __init__(self) -> None:
        self.views: list[View] = []

    @property
    def settings(self) -> dict[str, object]:
        return {"provider": self.name}

    def read(self, *, lat: np.ndarray, lon: np.ndarray, view: View) -> Iterator[Picture]:
        self.views.append(view)
        assert len(lat) == len(lon)
        for _ in lat:
            yield Picture(tile(view.size_px), view.gsd_m)


@pytest.mark.parametrize("imagery", GSD_M)
def test_maps_show_a_published_model_the_ground_and_scale_that_it_learnt(
    imagery: str,
    models: dict[str, PSM],
    close: Close,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As many metres as the published crop, made smaller in the same way, and the same gsd told."""
    monkeypatch.setenv("PSM_CACHE", str(tmp_path))  # in which an earlier run would be found
    model, provider = models[imagery], Asked()
    zoom = model.config.imagery.zooms[-1]
    side = TILE_PX[model.config.imagery.name]
    assert picture_px(model.config) == side
    found = embed_cells(model, provider, Cells.globe(30.0), zoom)
    assert set(provider.views) == {View(side, GSD_M[imagery] * zoom)}
    view = published_view(tile(side), zoom=1, tile_px=side, size=64)
    with torch.inference_mode():
        expected = model.image_features(view[None], torch.tensor([GSD_M[imagery] * zoom]))
    close(found.features[:1].float(), expected, within=2e-3)  # a store holds halves
    close(image_features(model, tile(side)[None], GSD_M[imagery] * zoom), expected, within=1e-6)


def test_a_profile_shows_it_the_same(models: dict[str, PSM]) -> None:
    provider = Asked()
    look(models["bingmap"], provider, lat=10.0, lon=20.0, zoom=1)
    assert set(provider.views) == {View(300, 0.6)}


def test_a_model_of_ours_is_asked_nothing_else(models: dict[str, PSM]) -> None:
    config = models["sentinel"].config
    assert picture_px(config.model_copy(update={"reference": False})) == 64


def members(own: str, date: str, lat: float = 60.0) -> dict[str, bytes]:
    about = {"latitude": lat, "longitude": 20.0, "date": date, "text": own}
    picture = io.BytesIO()
    Image.fromarray(tile(300)).save(picture, "JPEG")
    return {
        "audio_mel1.pyd": pickle.dumps(torch.from_numpy(mel().astype(np.float32))),
        "image.jpg": picture.getvalue(),
        "meta.json": json.dumps(about).encode(),
    }


def test_bing_tiles_have_the_scale_of_their_latitude(tmp_path: Path) -> None:
    """Level 18 of Web Mercator; a published model is told 0.6 m everywhere."""
    samples = {f"yfcc-{lat:g}": members("frogs", "2019", lat) for lat in (0.0, 60.0, -60.0)}
    for name in ("bingmap", "sentinel"):
        folder = tmp_path / name
        folder.mkdir()
        write_tar(folder / f"test_{name}.tar", samples)
        convert(PublishedShards(folder, GSD_M[name]), folder / "out", workers=1)
        found = [s.recording.gsd_m for s in read_shard(next((folder / "out").glob("*.tar")))]
        expected = [0.5971642835, 0.2985821417, 0.2985821417] if name == "bingmap" else [10.0] * 3
        assert found == pytest.approx(expected, abs=1e-9)
    assert tile_gsd_m("googleEarth", 60.0) == 0.2


def test_published_captions_are_those_of_the_published_loader(tmp_path: Path) -> None:
    """Pengi's are overwritten by the own text, which keeps its address."""
    own = "Frogs. The location of the sound is: Bonn."
    write_tar(
        tmp_path / "test_sentinel.tar",
        {f"yfcc-{name}": members(own, "2019") for name in ("meta", "qwen", "pengi")},
    )
    (tmp_path / "clap_score_geosound.csv").write_text(
        "sample_id,best_caption\nyfcc-meta,meta\nyfcc-qwen,qwen\nyfcc-pengi,pengi\n"
    )
    for name in ("qwen", "pengi"):
        line = json.dumps({"sample_id": f"yfcc-{name}", f"{name}_caption": f"{name} hears"})
        (tmp_path / f"geosound_audio_caption_{name}.json").write_text(line)
    expected = {
        False: {"meta": "Frogs.", "qwen": "qwen hears", "pengi": "pengi hears"},
        True: {"meta": own, "qwen": "qwen hears", "pengi": own},
    }
    for as_published, captions in expected.items():
        loaded = PublishedCaptions.load(tmp_path, as_published=as_published)
        out = tmp_path / str(as_published)
        convert(PublishedShards(tmp_path, 10.0, loaded), out, workers=1)
        found = {
            s.recording.key: (s.recording.caption_source, s.recording.caption)
            for s in read_shard(next(out.glob("*.tar")))
        }
        assert found == {f"yfcc-{k}": (k, text) for k, text in captions.items()}


def test_windows_of_our_imports_are_turned_for_a_published_model(
    models: dict[str, PSM], tmp_path: Path, close: Close
) -> None:
    """Our imports have the shrunk whole first, published log-mels last."""
    ours, model = mel(7), models["sentinel"]
    theirs = ours[[1, 2, 3, 0]]
    np.testing.assert_array_equal(published_order(ours), theirs)
    twice = published_order(np.concatenate([ours, mel(8)]))
    np.testing.assert_array_equal(twice[:4], theirs)
    np.testing.assert_array_equal(twice[4:], mel(8)[[1, 2, 3, 0]])
    noted = {"framing": {"fused": True, "shrunk_first": True}}
    found = {}
    for name, windows, note in (
        ("published", theirs, None),
        ("imported", ours, noted),
        ("in their order", theirs, {"framing": {"fused": True, "shrunk_first": False}}),
    ):
        folder = tmp_path / name
        write_shard(folder / "test-0.tar", [Sample(recording(), tile(300), windows)])
        if note is not None:
            (folder / "import").mkdir()
            (folder / "import" / "source.json").write_text(json.dumps(note))
        found[name] = encode_split(model, folder, zooms=(), keep=folder / "kept")
        again = encode_split(model, folder, zooms=(), keep=folder / "kept")
        close(again.audio, found[name].audio, within=0.0)
    for name in ("imported", "in their order"):
        close(raw_audio(model, found[name]).mean, raw_audio(model, found["published"]).mean, 1e-6)


def test_a_recording_says_its_month_of_upload_only_where_it_has_one(tmp_path: Path) -> None:
    assert "upload_month" not in recording().to_json()
    one = recording(audio_source="freesound", upload_month=3)
    assert Recording.from_json(one.to_json()) == one
    write_shard(tmp_path / "test-0.tar", [RawSample(one, members("", "")["image.jpg"], mel())])
    assert next(read_shard(tmp_path / "test-0.tar")).recording == one
    assert not Context.of_recordings([one]).valid[0, 1]
