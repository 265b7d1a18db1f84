"""Models that see places through features: alone, beside pixels, from shards to maps."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from psm import PSM
from psm.cli import main
from psm.config import FeaturesConfig, SatelliteConfig
from psm.data.corpus import Corpus
from psm.data.shards import read_shard
from psm.data.storedfeatures import read_note
from psm.encoders.places import FeatureEncoder, feature_encoder
from psm.errors import ConfigError, CorruptShard, MissingData, SettingsChanged
from psm.features import Place, open_features, seen_through, vectors
from psm.geodata.frame import Frame
from psm.imagery import BlueMarble, NoImagery, Picture, View
from psm.inference.batches import image_features
from psm.inference.placefeatures import corpus_features, keep_features, require_kept
from psm.inference.split import encode_split
from psm.mapping import Cells, embed_cells
from psm.training import train
from tests.tiny import tiny_experiment, write_tiny_shards

SIZE = 5


def seeing(kind: str, **features: Any) -> dict[str, Any]:
    """Settings of a tiny model that sees so."""
    model = tiny_experiment().model.model_dump()
    named = {"provider": "table", "version": "2", "size": SIZE, "hidden": 8, **features}
    model["satellite"] |= {"kind": kind, "features": named}
    if kind == "features":
        model["imagery"] |= {"view_px": 0, "zooms": [1]}
    return model


class Grey:
    """Imagery that is grey everywhere."""

    name, attribution, licence = "grey", "nobody", "CC0-1.0"
    has_seasons = is_simulated = False
    settings: Mapping[str, object] = {"provider": "grey"}

    def read(self, *, lat: np.ndarray, lon: np.ndarray, view: View) -> Iterator[Picture]:
        for _ in zip(lat, lon, strict=True):
            yield Picture(np.full((view.size_px, view.size_px, 3), 128, np.uint8), view.gsd_m)


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tiny shards with features of all places but one."""
    folder = write_tiny_shards(tmp_path_factory.mktemp("seeing") / "shards")
    keep_features(open_features(str(table(folder))), folder)
    return folder


def table(folder: Path, version: str = "2") -> Path:
    """A table of features of the places of shards; the first of them is not in it."""
    recordings = [s.recording for path in sorted(folder.glob("*.tar")) for s in read_shard(path)]
    places = np.array([(one.lat, one.lon) for one in recordings[1:]])
    path = folder.parent / f"features-{version}.npz"
    vector = np.random.default_rng(3).normal(2.0, 3.0, (len(places), SIZE))
    np.savez(path, lat=places[:, 0], lon=places[:, 1], vector=vector, version=version, year=2021)
    return path


def test_settings_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match=r"satellite\.features belongs to"):
        SatelliteConfig(kind="features")
    changed = seeing("features")
    changed["imagery"]["view_px"] = 16
    with pytest.raises(ConfigError, match=r"imagery\.view_px is 0 with satellite\.kind=features"):
        tiny_experiment(model=changed)
    changed = seeing("features")
    changed["imagery"]["zooms"] = [1, 3]
    with pytest.raises(ConfigError, match=r"imagery\.zooms must be \[1\]"):
        tiny_experiment(model=changed)


def test_settings_of_pixels_are_written_as_before() -> None:
    assert not {"kind", "features"} & SatelliteConfig().model_dump().keys()


def test_the_adapter_standardises_by_the_training_set() -> None:
    encoder = FeatureEncoder(FeaturesConfig(provider="table", size=3, adapter="linear"), 3)
    with torch.no_grad():
        encoder.project.weight.copy_(torch.eye(3))  # type: ignore[operator, union-attr]
        encoder.project.bias.zero_()  # type: ignore[operator, union-attr]
        encoder.unknown.fill_(9.0)
    values = torch.randn(200, 3) * torch.tensor([1.0, 5.0, 0.0]) + torch.tensor([4.0, -2.0, 7.0])
    values[0] = torch.nan
    encoder.standardise(values)
    found = encoder(torch.empty(200, 3, 0, 0), torch.ones(200), values)
    assert found[1:].mean(0).abs().max() < 1e-5
    assert torch.allclose(found[1:].std(0, correction=0), torch.tensor([1.0, 1.0, 0.0]), atol=1e-4)
    assert torch.equal(found[0], torch.full((3,), 9.0))  # where nothing is known, what is learnt
    with pytest.raises(ValueError, match="places are seen by 1x3 features of table, not none"):
        encoder(torch.empty(1, 3, 0, 0), torch.ones(1))
    with pytest.raises(ValueError, match="not 1x2"):
        encoder(torch.empty(1, 3, 0, 0), torch.ones(1), torch.zeros(1, 2))


def test_shards_keep_features_and_say_whose(shards: Path) -> None:
    note = read_note(shards)
    assert note is not None
    assert note["about"]["year"] == 2021
    counts = [shard["counts"] for shard in note["shards"].values()]
    assert sum(one.get("", 0) for one in counts) == 71
    assert sum(one.get("outside of the imagery", 0) for one in counts) == 1
    before = {path.name: path.stat().st_mtime_ns for path in shards.glob("*.tar")}
    keep_features(open_features(str(table(shards))), shards)  # is done already
    assert before == {path.name: path.stat().st_mtime_ns for path in shards.glob("*.tar")}
    with pytest.raises(SettingsChanged, match="holds other features of table; --replace"):
        keep_features(open_features(str(table(shards, "3"))), shards)
    with pytest.raises(ConfigError, match="place follow from the place alone"):
        keep_features(Place(), shards)


def test_a_kill_between_shards_is_made_good(shards: Path, tmp_path: Path) -> None:
    folder = write_tiny_shards(tmp_path / "shards")
    provider = open_features(str(table(shards)))
    keep_features(provider, folder)
    note = json.loads((folder / "features.json").read_text())
    del note["shards"]["val-00000.tar"]
    (folder / "features.json").write_text(json.dumps(note))
    whole = (folder / "val-00000.tar").read_bytes()
    with pytest.raises(MissingData, match="do not all have features"):
        require_kept(tiny_experiment(model=seeing("both")).model, folder)
    keep_features(provider, folder)
    assert (folder / "val-00000.tar").read_bytes() == whole
    require_kept(tiny_experiment(model=seeing("both")).model, folder)


def test_a_model_learns_from_shards_with_features(shards: Path, tmp_path: Path) -> None:
    experiment = tiny_experiment(
        model=seeing("features"), training={"epochs": 1, "batch_size": 8, "precision": "32-true"}
    )
    train(experiment, shards, tmp_path / "model", seed=0)
    model = PSM.from_pretrained(tmp_path / "model").eval()
    corpus = Corpus.load(shards, "train", zooms=(1,), view_px=0)
    known = corpus_features(model.config, corpus)
    assert known is not None
    assert np.isnan(known[0]).all() == np.isnan(known).any()  # one place has none
    adapter = feature_encoder(model.satellite)
    assert adapter is not None
    np.testing.assert_allclose(adapter.mean, np.nanmean(known, 0), rtol=1e-4)
    # What evaluation reads of a shard is what training loaded.
    found = encode_split(model, shards, zooms=(1,), split="train").images[1]
    again = image_features(model, corpus.views(1), corpus.gsd_m, features=known)
    torch.testing.assert_close(found, again)


def test_a_picture_and_features_add_up(shards: Path) -> None:
    model = PSM(tiny_experiment(model=seeing("both")).model).eval()
    corpus = Corpus.load(shards, "val", zooms=(1,), view_px=16)
    known = corpus_features(model.config, corpus)
    assert known is not None
    both = image_features(model, corpus.views(1), corpus.gsd_m, features=known)
    adapter, pixels = feature_encoder(model.satellite), model.satellite.pixels
    assert adapter is not None
    with torch.inference_mode():
        views = torch.from_numpy(corpus.views(1)[:]).permute(0, 3, 1, 2) / 255.0
        gsd_m = torch.from_numpy(corpus.gsd_m)
        parts = pixels(views, gsd_m) + adapter(views, gsd_m, torch.from_numpy(known))
    torch.testing.assert_close(both, parts)
    with pytest.raises(ValueError, match="places are seen by 16x5 features of table, not none"):
        image_features(model, corpus.views(1), corpus.gsd_m)


def test_a_provider_of_both_gives_pictures_with_features(shards: Path) -> None:
    config = tiny_experiment(model=seeing("both")).model
    seen = seen_through(config, Grey(), open_features(str(table(shards)), reach_km=20_000))
    (picture,) = seen.read(lat=np.zeros(1), lon=np.zeros(1), view=View(16, 1000.0))
    assert not isinstance(picture, NoImagery)
    assert picture.features is not None
    assert picture.features.shape == (SIZE,)
    assert seen.name == "grey + table"
    assert seen.settings["provider"] == "grey"
    assert (seen.attribution, seen.licence) == ("nobody; features-2.npz", "CC0-1.0; unknown")
    assert not seen.is_simulated


def test_maps_leave_out_places_without_features(tmp_path: Path) -> None:
    model = PSM(tiny_experiment(model=seeing("features")).model).eval()
    lat, lon = np.array([10.25, 10.25]), np.array([20.25, 20.75])
    np.savez(tmp_path / "two.npz", lat=lat, lon=lon, vector=np.ones((2, SIZE)), version="2")
    seen = seen_through(model.config, BlueMarble(), open_features(str(tmp_path / "two.npz")))
    frame = Frame.globe(0.5)
    cells = Cells(frame, *frame.index(lat=[*lat, 60.0], lon=[*lon, 0.0]))
    found = embed_cells(model, seen, cells, 1, store=tmp_path / "stores")
    assert found.features.isnan().all(1).tolist() == [False, False, True]
    assert found.attribution == "two.npz"


def test_what_a_model_did_not_learn_to_read_is_refused(shards: Path) -> None:
    config = tiny_experiment(model=seeing("features")).model
    with pytest.raises(ConfigError, match="sees places through features of table: name them"):
        seen_through(config, BlueMarble())
    with pytest.raises(ConfigError, match=r"reads features of table 2 \(5 .*these are table 3 \(5"):
        seen_through(config, BlueMarble(), open_features(str(table(shards, "3"))))
    with pytest.raises(ConfigError, match="sees places through pixels alone"):
        seen_through(tiny_experiment().model, BlueMarble(), Place())
    other = tiny_experiment(model=seeing("features", version="4")).model
    with pytest.raises(ConfigError, match=r"holds 5 features of table 2, .* reads 5 of table 4"):
        require_kept(other, shards)


def test_features_of_another_length_are_a_broken_shard(tmp_path: Path) -> None:
    from psm.data.shards import Sample, write_shard
    from tests.tiny import tiny_samples

    samples = tiny_samples("train", 2)
    rows = [np.zeros(3, np.float32), np.zeros(4, np.float32)]
    write_shard(
        tmp_path / "train-00000.tar",
        [Sample(s.recording, s.tile, s.mel, row) for s, row in zip(samples, rows, strict=True)],
    )
    corpus = Corpus.load(tmp_path, "train", zooms=(1,), view_px=0)
    assert corpus.views(1).shape == (2, 0, 0, 3)
    assert corpus.features is not None
    with pytest.raises(CorruptShard, match=r"features\.npy has 4 numbers, others 3"):
        corpus.features[:]


def test_place_has_no_seam_and_two_poles() -> None:
    lat = np.array([10.0, 10.0, 90.0, 90.0, -90.0])
    lon = np.array([180.0, -180.0, 0.0, 77.0, 0.0])
    found = vectors(Place(), lat=lat, lon=lon)
    np.testing.assert_allclose(found[0], found[1], atol=1e-5)
    np.testing.assert_allclose(found[2], found[3], atol=1e-5)
    assert np.abs(found[2] - found[4]).max() > 1.0


def test_the_verbs_take_features(
    shards: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = write_tiny_shards(tmp_path / "shards")
    given = str(table(shards))

    def psm(*words: str) -> int:
        monkeypatch.setattr("sys.argv", ["psm", *words])
        try:
            main()
        except SystemExit as stop:
            return int(stop.code or 0)
        return 0

    assert psm("data", "features", str(folder), "--features", given) == 0
    assert "71 places with 5 features of table 2 of 2021 (unknown)" in capsys.readouterr().out
    experiment = tiny_experiment(model=seeing("features"))
    PSM(experiment.model).save_pretrained(tmp_path / "model", experiment)
    place = ["map", "frogs", "--region", "16,48,17,49", "--spacing", "50km"]
    asked = [*place, "--model", str(tmp_path / "model"), "--out", str(tmp_path / "a.tif")]
    assert psm(*asked) == 2
    assert "--features table:FILES" in capsys.readouterr().err
    reach = ["--features-set", "reach_km=20000"]
    assert psm(*asked, "--features", given, *reach) == 0
    assert (tmp_path / "a.tif").is_file()


def test_a_model_without_pixels_still_gets_tiles_and_an_oracle_of_pixels() -> None:
    from psm.evaluation.retrieval import view_reach_km
    from psm.importing.framing import largest_view_px

    experiment = tiny_experiment(model=seeing("features"))
    assert largest_view_px(experiment) == 64
    assert view_reach_km(PSM(experiment.model), 1) == 32.0
