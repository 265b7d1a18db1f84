"""Files that people take for checkpoints: one line each that says what it is and what to do."""

from __future__ import annotations

import argparse
import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from psm import PSM
from psm.errors import CheckpointMismatch, ConfigError, ForeignPickle, MissingData, PSMError
from psm.published.checkpoint import import_checkpoint, published_model
from tests.reference.recorded import FOLDER

TINY = FOLDER / "checkpoints" / "tiny_weights.ckpt"
GIVEN: dict[str, Any] = {
    "tokenizer": str(FOLDER / "tokenizer"), "satellite_heads": 3, "text_heads": 4,
}  # fmt: skip
PLAIN: dict[str, Any] = {**GIVEN, "imagery": "sentinel"}
PATCH = "sat_encoder.encoder.backbone.patch_embed.proj.weight"
NORM = "audio_encoder.model.model.audio_model.audio_encoder.batch_norm"
BIAS = "audio_encoder.mean_head.linear1.bias"

pytestmark = pytest.mark.filterwarnings(
    "ignore:Sparse CSR tensor", "ignore:TypedStorage is deprecated", "ignore:.*quantiz"
)


@pytest.fixture(scope="module")
def whole() -> dict[str, Any]:
    loaded: dict[str, Any] = torch.load(TINY, weights_only=True)
    return loaded


@pytest.fixture
def content(whole: dict[str, Any]) -> dict[str, Any]:
    settings = dict(whole["hyper_parameters"])
    return {**whole, "state_dict": dict(whole["state_dict"]), "hyper_parameters": settings}


def refused(path: Path, error: type[PSMError], message: str, **given: Any) -> None:
    out = path.parent / "out"
    with pytest.raises(error, match=message) as raised:
        import_checkpoint(path, out, **(given or GIVEN))
    assert type(raised.value) is error
    assert "\n" not in str(raised.value)
    assert path.name in str(raised.value)
    assert not out.exists()


def saved(content: Any, folder: Path) -> Path:
    path = folder / "changed.ckpt"
    torch.save(content, path)
    return path


def one(tensors: dict[str, Tensor], name: str, value: float) -> None:
    tensors[name] = tensors[name].clone()
    tensors[name].view(-1)[3] = value


def numbers(name: str, change: Callable[[Tensor], Tensor]) -> Callable[[dict[str, Tensor]], None]:
    def apply(tensors: dict[str, Tensor]) -> None:
        tensors[name] = change(tensors[name])

    return apply


def test_a_whole_number_in_place_of_a_weight_would_be_taken_without_a_word() -> None:
    """Why numbers are looked at: PyTorch copies any into any."""
    layer = torch.nn.Linear(2, 2)
    whole = {name: torch.ones_like(tensor).long() for name, tensor in layer.state_dict().items()}
    layer.load_state_dict(whole)
    assert layer.weight.dtype == torch.float32


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: one(t, BIAS, float("nan")), rf"{BIAS} is not finite: 1 of its \d+ numbers"),
        (lambda t: one(t, PATCH, float("inf")), f"{PATCH} is not finite"),
        (lambda t: one(t, PATCH, float("-inf")), f"{PATCH} is not finite"),
        (numbers(PATCH, lambda t: t.double() * 1e300), f"{PATCH} is not finite"),
        (numbers(PATCH, Tensor.long), f"{PATCH} is of int64, not of floating point"),
        (numbers(BIAS, Tensor.bool), f"{BIAS} is of bool"),
        (numbers(BIAS, lambda t: t.to(torch.complex64)), f"{BIAS} is complex"),
        (numbers(BIAS, Tensor.to_sparse), f"{BIAS} is sparse"),
        (
            numbers(BIAS, lambda t: torch.quantize_per_tensor(t, 0.1, 0, torch.qint8)),
            f"{BIAS} is quantised",
        ),
        (
            numbers(PATCH, lambda _: torch.zeros(1).expand(10**6, 3, 64, 64)),
            f"{PATCH} is .*the file does not hold as many numbers",
        ),
        (numbers(f"{NORM}.running_var", lambda t: -1.0 - t), "running_var is negative"),
    ],
)
def test_weights_that_nothing_can_be_computed_with_are_refused_by_name(
    change: Callable[[dict[str, Tensor]], None], message: str,
    content: dict[str, Any], tmp_path: Path,
) -> None:  # fmt: skip
    change(content["state_dict"])
    refused(saved(content, tmp_path), CheckpointMismatch, message)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (PATCH, torch.zeros(192, 768), r"satellite\.patch\.weight is \(192, 768\), not of 4"),
        (PATCH, torch.zeros(()), r"satellite\.patch\.weight is \(\), not of 4 dimensions"),
        (PATCH, torch.zeros(0, 3, 16, 16), "which holds nothing"),
        (f"{NORM}.weight", torch.zeros(()), r"batch_norm\.weight is \(\), not of 1 dimensions"),
        ("sat_encoder.encoder.projector.linear2.weight", torch.zeros(3), "not of 2 dimensions"),
        ("criterion.shift", torch.zeros(2), r"shift is \(2,\), not one number"),
        ("criterion.negative_scale", torch.zeros(1), "negative_scale is 0, not positive"),
        ("criterion.tau", torch.zeros(1), "tau is 0, not positive"),
        (7, torch.zeros(2), "a tensor is named 7, which is no text"),
        ("epoch", 3, "'epoch' is a int"),
    ],
)
def test_foreign_shapes_are_one_line(
    name: Any, value: Any, message: str, content: dict[str, Any], tmp_path: Path
) -> None:
    content["state_dict"][name] = value
    refused(saved(content, tmp_path), CheckpointMismatch, message)


def test_every_weight_may_have_lost_its_dimensions(whole: dict[str, Any]) -> None:
    """None of them is a traceback, whatever shape it has in the file."""
    with torch.device("meta"):
        tensors = {name: torch.empty_like(t) for name, t in whole["state_dict"].items()}
        names = [name for name in tensors if ".layers.1." not in name and "index" not in name]
        for name in names[:: max(1, len(names) // 20)]:
            for shape in ((), (2,), (1, 1)):
                is_one_number = tensors[name].numel() == 1 and shape != (2,)
                if tensors[name].shape == shape or is_one_number:
                    continue
                changed = {**tensors, name: torch.empty(shape)}
                with pytest.raises(PSMError) as raised:
                    published_model(changed, view_px=64, **PLAIN)
                assert "\n" not in str(raised.value), name


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sat_type": ["sentinel"]}, r"sat_type is \['sentinel'\], not a name; give --imagery"),
        ({"sat_type": "mars"}, "'mars' is not known"),
        ({"sat_input_size": "224"}, "sat_input_size '224' for how many.*--view-px"),
        ({"sat_input_size": 64.0}, "--view-px"),
        ({"sat_input_size": True}, "--view-px"),
        ({"sat_input_size": -64}, "--view-px"),
        ({"sat_input_size": 10**9}, "--view-px"),
        ({"sat_input_size": 63}, "multiple of satellite.patch_px"),
        ({"sat_input_size": None}, "does not say how many pixels.*--view-px"),
    ],
)
def test_foreign_settings_are_one_line(
    settings: dict[str, Any], message: str, content: dict[str, Any], tmp_path: Path
) -> None:
    content["hyper_parameters"] |= settings
    refused(saved(content, tmp_path), ConfigError, message)


@pytest.mark.parametrize("settings", [None, [], "sentinel", argparse.Namespace(epochs=3)])
def test_settings_of_another_kind_say_nothing(
    settings: Any, content: dict[str, Any], tmp_path: Path
) -> None:
    content["hyper_parameters"] = settings
    refused(saved(content, tmp_path), ConfigError, "--view-px", **PLAIN)


def test_settings_may_be_a_command_line(content: dict[str, Any], tmp_path: Path) -> None:
    settings = argparse.Namespace(sat_type="bingmap", sat_input_size=64)
    for number, form in enumerate((settings, {"args": settings})):
        content["hyper_parameters"] = form
        found = import_checkpoint(saved(content, tmp_path), tmp_path / f"{number}", **GIVEN)
        assert (found.config.imagery.name, found.config.imagery.view_px) == ("bing", 64)


def test_the_view_of_a_plain_state_dict_is_never_guessed(
    whole: dict[str, Any], tmp_path: Path
) -> None:
    path = saved(whole["state_dict"], tmp_path)
    refused(path, ConfigError, "does not say how many pixels a view is wide", **PLAIN)
    found = import_checkpoint(path, tmp_path / "out", view_px=64, **PLAIN)
    assert found.config.imagery.view_px == 64
    assert PSM.from_pretrained(tmp_path / "out").satellite.grid_size == 4


def plain(content: dict[str, Any], folder: Path) -> Path:
    return saved(content["state_dict"], folder)


def as_safetensors(content: dict[str, Any], folder: Path) -> Path:
    path = folder / "weights.SafeTensors"
    save_file({name: tensor.clone() for name, tensor in content["state_dict"].items()}, path)
    return path


def as_safetensors_by_another_name(content: dict[str, Any], folder: Path) -> Path:
    return as_safetensors(content, folder).rename(folder / "weights.ckpt")


def of_ddp(content: dict[str, Any], folder: Path) -> Path:
    tensors = {f"module.{name}": tensor for name, tensor in content["state_dict"].items()}
    return saved({"epoch": 3, "model": tensors}, folder)


def compiled(content: dict[str, Any], folder: Path) -> Path:
    tensors = {
        name.replace("encoder.", "encoder._orig_mod.", 1): tensor
        for name, tensor in content["state_dict"].items()
    }
    return saved({**content, "state_dict": tensors}, folder)


def doubled(content: dict[str, Any], folder: Path) -> Path:
    tensors = {
        name: tensor.double() if tensor.is_floating_point() else tensor
        for name, tensor in content["state_dict"].items()
    }
    return saved({**content, "state_dict": tensors}, folder)


@pytest.mark.parametrize(
    "write", [plain, as_safetensors, as_safetensors_by_another_name, of_ddp, compiled, doubled]
)
def test_the_same_weights_in_other_wrappings_make_the_same_model(
    write: Callable[[dict[str, Any], Path], Path], content: dict[str, Any], tmp_path: Path
) -> None:
    import_checkpoint(TINY, tmp_path / "expected", **GIVEN)
    found = import_checkpoint(write(content, tmp_path), tmp_path / "out", view_px=64, **PLAIN)
    assert found.config.reference
    expected = PSM.from_pretrained(tmp_path / "expected").state_dict()
    ours = PSM.from_pretrained(tmp_path / "out").state_dict()
    assert all(torch.equal(ours[name], tensor) for name, tensor in expected.items())


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_weights_in_half_precision_are_taken(
    kind: torch.dtype, content: dict[str, Any], tmp_path: Path
) -> None:
    tensors = content["state_dict"]
    content["state_dict"] = {
        name: tensor.to(kind) if tensor.is_floating_point() else tensor
        for name, tensor in tensors.items()
    }
    import_checkpoint(saved(content, tmp_path), tmp_path / "out", **GIVEN)
    model = PSM.from_pretrained(tmp_path / "out")
    assert model.satellite.patch.weight.dtype == torch.float32
    torch.testing.assert_close(model.satellite.patch.weight.data, tensors[PATCH].to(kind).float())


def test_training_state_and_averages_beside_the_weights_are_left_alone(
    content: dict[str, Any], tmp_path: Path
) -> None:
    more = {"optimizer_states": [{"state": {}}], "ema": {"decay": 0.999}, "loops": {"a": 1}}
    found = import_checkpoint(saved({**content, **more}, tmp_path), tmp_path / "out", **GIVEN)
    assert found.tensors + len(found.derived) == len(content["state_dict"])


def html(path: Path) -> None:
    path.write_bytes(b"\n<!DOCTYPE html>\n<html><body>Sign in</body></html>")


def pointer(path: Path) -> None:
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")


def index(path: Path) -> None:
    path.write_text(json.dumps({"metadata": {}, "weight_map": {"a": "model-1.safetensors"}}))


def other_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("weights/model.ckpt", b"x" * 100)


def cut_short(path: Path) -> None:
    path.write_bytes(TINY.read_bytes()[:100_000])


def wrong_header(path: Path) -> None:
    path.write_bytes(struct.pack("<Q", 40) + b"{" + b" " * 200)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (Path.touch, "an empty file"),
        (html, "a web page; download the file that the page links to"),
        (pointer, "Git LFS"),
        (index, "index of weights in several files"),
        (other_zip, "another zip; unpack it"),
        (cut_short, "cut short; download it again"),
        (wrong_header, "not readable as safetensors"),
        (lambda path: path.write_bytes(b"\x80\x02}q\x00."), "not a PyTorch checkpoint"),
        (lambda path: path.write_bytes(bytes(range(256)) * 9), "not a PyTorch checkpoint"),
        (lambda path: torch.save([1, 2], path), "no state_dict in it, but a list"),
        (lambda path: torch.save({"epoch": 3}, path), "no state_dict in it, but epoch"),
        (lambda path: torch.save(torch.ones(2), path), "no state_dict in it, but a Tensor"),
    ],
)
def test_what_is_no_checkpoint_is_told_as_what_it_is(
    write: Callable[[Path], object], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "x.ckpt"
    write(path)
    refused(path, CheckpointMismatch, message)


def test_a_settings_object_of_somebody_else_is_refused_by_name(
    content: dict[str, Any], tmp_path: Path
) -> None:
    content["hyper_parameters"] = zipfile.ZipInfo("x")
    refused(saved(content, tmp_path), ForeignPickle, r"zipfile")


def test_a_folder_is_told_as_a_folder_and_what_to_name_in_it(tmp_path: Path) -> None:
    folder = tmp_path / "lightning_logs"
    folder.mkdir()
    refused(folder, MissingData, r"a folder, not a checkpoint; no \.ckpt.* in it either")
    for number in range(5):
        (folder / f"epoch={number}.ckpt").touch()
    refused(folder, MissingData, r"name the file in it: epoch=0\.ckpt, epoch=1\.ckpt.* and 2 more")
    import_checkpoint(TINY, tmp_path / "model", **GIVEN)
    refused(tmp_path / "model", MissingData, "a model folder already, use it with --model")
    refused(tmp_path / "nowhere.ckpt", MissingData, "no such file")
