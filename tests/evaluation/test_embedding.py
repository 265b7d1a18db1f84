"""What a model is told for each kind of query, and what encoding a split costs a second time."""

from __future__ import annotations

import errno
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from psm import PSM
from psm.data.context import CONTEXT_FIELDS, Context
from psm.data.recording import Recording
from psm.data.shards import read_shard, write_shard
from psm.data.views import view_of_tile
from psm.errors import CacheNotKept, CorruptRecording, CorruptShard, NoRoom, OutputError
from psm.evaluation.retrieval import (
    CONTEXT,
    IMAGE,
    QUERIES,
    SOURCE_FREE,
    embed,
    evaluate_retrieval,
)
from psm.gaussian import Gaussian
from psm.inference.split import SplitFeatures, encode_split
from psm.reference import published_view
from tests.tiny import VIEW_PX, tiny_experiment, tiny_samples


class Head(nn.Module):
    """What it is given, as a point."""

    def raw(self, features: Tensor) -> Gaussian:
        return Gaussian(features, torch.full_like(features, -9.0))


class Witness(nn.Module):
    """Answers with what it was asked: which context was valid."""

    def __init__(self, *, with_fusion: bool = True) -> None:
        super().__init__()
        self.config = SimpleNamespace(
            name="witness", reference=False, imagery=tiny_experiment().model.imagery
        )
        self.fusion = SimpleNamespace(fields=CONTEXT_FIELDS) if with_fusion else None
        self.location_head = self.audio_head = self.text_head = Head()
        self.device = torch.device("cpu")

    def location_features(self, image: Tensor, context: Context) -> Tensor:
        return torch.cat([image[:, :1], context.valid.float()], dim=1)


@pytest.fixture
def features(recordings: tuple[Recording, ...]) -> SplitFeatures:
    return SplitFeatures(recordings, {1: torch.ones(60, 8)}, torch.rand(60, 6), torch.rand(60, 6))


def witness(*, with_fusion: bool = True) -> PSM:
    return Witness(with_fusion=with_fusion)


def test_each_query_knows_what_it_says(features: SplitFeatures) -> None:
    embedded = embed(witness(), features)
    told = {query: location.mean[:, 1:].bool() for query, location in embedded.locations.items()}
    assert not told[IMAGE].any()
    has_hour = torch.tensor([recording.hour is not None for recording in features.recordings])
    for query, with_source in ((CONTEXT, True), (SOURCE_FREE, False)):
        assert told[query][:, :2].all()
        assert torch.equal(told[query][:, 2], has_hour)
        assert (told[query][:, 3:] == with_source).all()


def test_without_fusion_there_is_the_image_alone(features: SplitFeatures) -> None:
    assert embed(witness(with_fusion=False), features).queries == (IMAGE,)


def test_retrieval_end_to_end(features: SplitFeatures) -> None:
    report = evaluate_retrieval(witness(), features)
    assert {row.model for row in report.rows} == {"witness"}
    assert {row.query for row in report.rows} == set(QUERIES)
    assert all(row.gallery == 60 for row in report.rows if row.restriction == "all")
    assert report.row("place+time+source").r_at_10pct > 0


@pytest.fixture(scope="module")
def model() -> PSM:
    torch.manual_seed(0)
    return PSM(tiny_experiment().model).eval()


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    samples = tiny_samples("test", 10)
    write_shard(tmp_path / "shards" / "test-00000.tar", samples[:6])
    write_shard(tmp_path / "shards" / "test-00001.tar", samples[6:])
    return tmp_path / "shards"


def test_features_are_those_of_each_recording(model: PSM, shards: Path) -> None:
    features = encode_split(model, shards, zooms=(1, 3))
    samples = [s for path in sorted(shards.iterdir()) for s in read_shard(path)]
    assert [r.key for r in features.recordings] == [s.recording.key for s in samples]
    for row in (0, 7):
        sample = samples[row]
        view = view_of_tile(sample.tile, zoom=3, size=VIEW_PX)
        pixels = torch.tensor(view).permute(2, 0, 1)[None]
        with torch.inference_mode():
            image = model.image_features(pixels, torch.tensor([3 * sample.recording.gsd_m]))
            audio = model.audio_features(torch.from_numpy(sample.mel)[None])
            text = model.text_features([sample.recording.caption])
        torch.testing.assert_close(features.images[3][row], image[0])
        torch.testing.assert_close(features.audio[row], audio[0])
        torch.testing.assert_close(features.text[row], text[0])


def test_features_that_cannot_be_kept_are_encoded_all_the_same(
    model: PSM, shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> None:
        raise OutputError(f"{path}: the disk is read-only")

    def fill(*_: object) -> None:
        raise NoRoom(errno.ENOSPC, "a.safetensors: the disk is full")

    first = encode_split(model, shards, zooms=(1,))
    for name, fails, told in (("require_folder", refuse, "read-only"), ("_write", fill, "full")):
        with monkeypatch.context() as patch:
            patch.setattr(f"psm.inference.split.{name}", fails)
            with pytest.warns(CacheNotKept, match=f"{told}. Features are not kept") as said:
                found = encode_split(model, shards, zooms=(1,), keep=tmp_path / "keep")
        assert len(said) == 1  # of two shards
        torch.testing.assert_close(found.audio, first.audio)
    assert not (tmp_path / "keep").exists()


def test_an_imported_model_sees_the_published_views(shards: Path) -> None:
    config = tiny_experiment().model
    imagery = config.imagery.model_copy(update={"gsd_m": 10.0})
    model = PSM(config.model_copy(update={"reference": True, "imagery": imagery})).eval()
    features = encode_split(model, shards, zooms=(1,))
    sample = next(read_shard(shards / "test-00000.tar"))
    view = published_view(sample.tile, zoom=1, tile_px=256, size=VIEW_PX)
    with torch.inference_mode():
        image = model.image_features(view[None], torch.tensor([10.0]))
    torch.testing.assert_close(features.images[1][0], image[0])


def test_finished_shards_are_not_encoded_again(
    model: PSM, shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep = tmp_path / "keep"
    first = encode_split(model, shards, zooms=(1,), keep=keep)
    paths = sorted(keep.iterdir())
    assert [path.stem[:10] for path in paths] == ["test-00000", "test-00001"]
    paths[1].write_bytes(paths[1].read_bytes()[:200])  # the second shard was cut short
    seen = []
    encode = PSM.audio_features
    monkeypatch.setattr(
        PSM, "audio_features", lambda self, mel: [seen.append(len(mel)), encode(self, mel)][1]
    )
    again = encode_split(model, shards, zooms=(1,), keep=keep)
    assert seen == [4]
    assert again.recordings == first.recordings
    for name in ("audio", "text"):
        torch.testing.assert_close(getattr(again, name), getattr(first, name))
    torch.testing.assert_close(again.images[1], first.images[1])


def test_other_weights_are_encoded_anew(model: PSM, shards: Path, tmp_path: Path) -> None:
    first = encode_split(model, shards, zooms=(1,), keep=tmp_path / "keep")
    other = PSM(tiny_experiment().model).eval()
    second = encode_split(other, shards, zooms=(1,), keep=tmp_path / "keep")
    assert not torch.allclose(first.audio, second.audio)
    assert len(list((tmp_path / "keep").iterdir())) == 2  # those of the old weights are gone
    assert load_file(next(iter((tmp_path / "keep").iterdir())))["image.1"].shape[1] == 16


def test_recordings_that_do_not_fit_together_are_refused(model: PSM, shards: Path) -> None:
    samples = tiny_samples("test", 2)
    object.__setattr__(samples[1], "mel", np.zeros((2, *samples[1].mel.shape[1:]), np.float16))
    write_shard(shards / "test-00002.tar", samples)
    with pytest.raises(CorruptRecording, match=r"test-00002.tar: log-mels of different shapes"):
        encode_split(model, shards, zooms=(1,))
    (shards / "test-00002.tar").write_bytes(b"no tar" * 400)
    with pytest.raises(CorruptShard, match=r"test-00002.tar"):
        encode_split(model, shards, zooms=(1,))
