"""Importing published checkpoints: what is refused, and that nothing in a file is run."""

from __future__ import annotations

import os
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch

from psm import PSM
from psm.errors import CheckpointMismatch, ConfigError, ForeignPickle, MissingData, PSMError
from psm.published.checkpoint import import_checkpoint
from psm.unpickling import read_pickle
from tests.reference.recorded import FOLDER

TINY = FOLDER / "checkpoints" / "tiny_weights.ckpt"
GIVEN: dict[str, Any] = {
    "tokenizer": str(FOLDER / "tokenizer"), "satellite_heads": 3, "text_heads": 4,
}  # fmt: skip


@pytest.fixture
def content() -> dict[str, Any]:
    loaded: dict[str, Any] = torch.load(TINY, weights_only=True)
    return loaded


def saved(content: Any, folder: Path) -> Path:
    path = folder / "changed.ckpt"
    torch.save(content, path)
    return path


class Burglar:
    """Touches a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.path}",)


def test_a_hostile_pickle_is_refused_by_name_and_not_run(
    content: dict[str, Any], tmp_path: Path
) -> None:
    touched = tmp_path / "touched"
    path = saved({**content, "callbacks": Burglar(touched)}, tmp_path)
    with pytest.raises(ForeignPickle, match=r"changed\.ckpt.*posix\.system"):
        import_checkpoint(path, tmp_path / "out", **GIVEN)
    assert not touched.exists()
    assert not (tmp_path / "out").exists()


def test_the_burglar_would_have_got_in(tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    pickle.loads(pickle.dumps(Burglar(touched)))
    assert touched.exists()


def broken_zip(folder: Path) -> Path:
    path = folder / "broken.ckpt"
    path.write_bytes(TINY.read_bytes()[:100_000])
    return path


def not_torch(folder: Path) -> Path:
    path = folder / "other.ckpt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("hello.txt", "hello")
    return path


@pytest.mark.parametrize("make", [broken_zip, not_torch])
def test_a_file_that_is_no_checkpoint(make: Any, tmp_path: Path) -> None:
    with pytest.raises(CheckpointMismatch, match="not a PyTorch checkpoint"):
        read_pickle(make(tmp_path))
    with pytest.raises(MissingData, match=r"nowhere\.ckpt"):
        read_pickle(tmp_path / "nowhere.ckpt")


def without(name: str) -> Any:
    def change(content: dict[str, Any]) -> None:
        del content["state_dict"][name]

    return change


def stranger(content: dict[str, Any]) -> None:
    content["state_dict"]["sat_encoder.encoder.surprise.weight"] = torch.zeros(2)


def misshapen(content: dict[str, Any]) -> None:
    content["state_dict"]["audio_encoder.mean_head.linear1.bias"] = torch.zeros(7)


def no_weights(content: dict[str, Any]) -> None:
    content["state_dict"] = OrderedDict()


def no_imagery(content: dict[str, Any]) -> None:
    del content["hyper_parameters"]["sat_type"]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (stranger, CheckpointMismatch, "sat_encoder.encoder.surprise.weight"),
        (misshapen, CheckpointMismatch, "audio_head.mean.0.bias"),
        (without("text_encoder.mean_head.linear2.bias"), CheckpointMismatch, "text_head.mean.2"),
        (without("sat_encoder.encoder.projector.linear2.weight"), CheckpointMismatch, "project"),
        (no_weights, CheckpointMismatch, "no state_dict"),
        (no_imagery, ConfigError, "sentinel, bingmap, googleEarth"),
    ],
)
def test_every_tensor_and_setting_is_accounted_for(
    change: Any, error: type[PSMError], message: str, content: dict[str, Any], tmp_path: Path
) -> None:
    change(content)
    with pytest.raises(error, match=message):
        import_checkpoint(saved(content, tmp_path), tmp_path / "out", **GIVEN)
    assert not (tmp_path / "out").exists()


def test_a_backbone_is_told_from_a_model(tmp_path: Path) -> None:
    path = saved({"model": {"patch_embed.proj.bias": torch.zeros(4)}}, tmp_path)
    with pytest.raises(
        CheckpointMismatch, match=r"--set model\.satellite\.weights=.*changed\.ckpt"
    ):
        import_checkpoint(path, tmp_path / "out", **GIVEN)


def test_heads_must_be_given_where_no_shape_tells(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--satellite-heads"):
        import_checkpoint(TINY, tmp_path / "out", tokenizer=GIVEN["tokenizer"], text_heads=4)


def test_a_deterministic_model_of_points_and_no_context(
    content: dict[str, Any], tmp_path: Path
) -> None:
    tensors = {
        name.replace("mean_head", "head"): tensor
        for name, tensor in content["state_dict"].items()
        if not any(
            part in name
            for part in ("std_head", "criterion", "meta_fuser", "sat_encoder.encoder.mean_head")
        )
    }
    content["state_dict"] = {**tensors, "criterion.tau": torch.tensor([14.3])}
    found = import_checkpoint(saved(content, tmp_path), tmp_path / "out", **GIVEN)
    assert found.temperature == pytest.approx(1 / 14.3)
    assert not found.config.context.depth
    model = PSM.from_pretrained(tmp_path / "out")
    location = model.encode_location(torch.rand(1, 3, 64, 64), torch.tensor([10.0]))
    assert location.mean.norm().item() == pytest.approx(1.0, abs=1e-5)
    assert location.var.sum() < 1e-6
