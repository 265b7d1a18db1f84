"""A satellite encoder that starts from SatMAE or Scale-MAE: what fits, and what is refused."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from psm import PSM
from psm.encoders.satellite import SatelliteEncoder
from psm.errors import CheckpointMismatch, ConfigError, ForeignPickle, MissingData, PSMError
from tests.tiny import VIEW_PX, tiny_experiment

DIM, PATCH_PX, DEPTH, HIDDEN = 16, 8, 1, 64
GRID = VIEW_PX // PATCH_PX
GROUPS = (4, 4, 2)


def drawn(shapes: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
    rng = torch.Generator().manual_seed(0)
    return {name: torch.randn(shape, generator=rng) for name, shape in shapes.items()}


def transformer(prefix: str, dim: int, depth: int) -> dict[str, tuple[int, ...]]:
    parts = {
        "norm1.weight": (dim,), "norm1.bias": (dim,), "norm2.weight": (dim,), "norm2.bias": (dim,),
        "attn.qkv.weight": (3 * dim, dim), "attn.qkv.bias": (3 * dim,),
        "attn.proj.weight": (dim, dim), "attn.proj.bias": (dim,),
        "mlp.fc1.weight": (4 * dim, dim), "mlp.fc1.bias": (4 * dim,),
        "mlp.fc2.weight": (dim, 4 * dim), "mlp.fc2.bias": (dim,),
    }  # fmt: skip
    return {f"{prefix}.{i}.{name}": shape for i in range(depth) for name, shape in parts.items()}


def autoencoder() -> dict[str, Tensor]:
    """A small masked autoencoder with the names that SatMAE and Scale-MAE share."""
    positions = GRID * GRID + 1
    return drawn(
        {
            "cls_token": (1, 1, DIM), "pos_embed": (1, positions, DIM), "mask_token": (1, 1, 8),
            "decoder_pos_embed": (1, positions, 8),
            "patch_embed.proj.weight": (DIM, 3, PATCH_PX, PATCH_PX),
            "patch_embed.proj.bias": (DIM,),
            **transformer("blocks", DIM, DEPTH),
            "norm.weight": (DIM,), "norm.bias": (DIM,),
            "decoder_embed.weight": (8, DIM), "decoder_embed.bias": (8,),
            **transformer("decoder_blocks", 8, 1),
            "decoder_norm.weight": (8,), "decoder_norm.bias": (8,),
            "decoder_pred.weight": (192, 8), "decoder_pred.bias": (192,),
        }
    )  # fmt: skip


def scale_mae() -> dict[str, Tensor]:
    return autoencoder() | drawn(
        {
            "mask_token_decoder": (1, 1, 8), "fpn.do_fpn1.0.weight": (8, 8, 2, 2),
            "fcn_high.conv.0.weight": (4, 8, 3, 3), "fcn_low.conv.0.weight": (4, 8, 3, 3),
        }
    )  # fmt: skip


def multispectral() -> dict[str, Tensor]:
    tensors = autoencoder()
    del tensors["patch_embed.proj.weight"], tensors["patch_embed.proj.bias"]
    for group, bands in enumerate(GROUPS):
        tensors |= {
            f"patch_embed.{group}.proj.{part}": tensor
            for part, tensor in drawn(
                {"weight": (DIM, bands, PATCH_PX, PATCH_PX), "bias": (DIM,)}
            ).items()
        }
    tensors["pos_embed"] = tensors["pos_embed"][..., : DIM - 4]
    return tensors | drawn({"channel_embed": (1, 3, 4), "decoder_channel_embed": (1, 4, 4)})


def saved(tensors: dict[str, Tensor], folder: Path, **more: Any) -> Path:
    """As the published code saves: weights, optimiser, and the command line they came from."""
    args = argparse.Namespace(model="mae_vit_base_patch16", input_size=VIEW_PX, blr=1e-4, resume="")
    path = folder / "pretrain.pth"
    optimizer = {"state": {}, "param_groups": [{"lr": 1e-3}]}
    torch.save({"model": tensors, "optimizer": optimizer, "epoch": 199, "args": args, **more}, path)
    return path


def encoder(weights: Path | str, *adapt: str, **satellite: Any) -> SatelliteEncoder:
    values = tiny_experiment().model.model_dump()
    values["satellite"] |= {"weights": str(weights), "adapt": adapt, **satellite}
    config = tiny_experiment(model=values).model
    return SatelliteEncoder(config.satellite, config.imagery, config.dim)


@pytest.mark.parametrize("make", [autoencoder, scale_mae])
def test_the_transformer_is_taken_over_and_the_decoder_left_out(
    make: Callable[[], dict[str, Tensor]], tmp_path: Path
) -> None:
    tensors = make()
    built = encoder(saved(tensors, tmp_path))
    found = built.backbone
    assert found is not None
    assert found.taken == len(transformer("blocks", DIM, DEPTH)) + 4
    assert found.taken + len(found.left_out) == len(tensors)
    assert "pretrain.pth: 16 tensors taken over" in found.describe()
    assert {"cls_token", "decoder_blocks", "mask_token"} <= set(
        found.describe().replace("(", " ").replace(",", " ").split()
    )
    ours = built.state_dict()
    torch.testing.assert_close(ours["patch.weight"], tensors["patch_embed.proj.weight"])
    torch.testing.assert_close(ours["norm.weight"], tensors["norm.weight"])


def block(tokens: Tensor, tensors: dict[str, Tensor], heads: int) -> Tensor:
    """One block as the autoencoders compute it, written out."""
    w = {name.removeprefix("blocks.0."): tensor for name, tensor in tensors.items()}

    def norm(x: Tensor, name: str) -> Tensor:
        return F.layer_norm(x, (DIM,), w[f"{name}.weight"], w[f"{name}.bias"], 1e-6)

    def linear(x: Tensor, name: str) -> Tensor:
        return F.linear(x, w[f"{name}.weight"], w[f"{name}.bias"])

    batch, count, _ = tokens.shape
    qkv = linear(norm(tokens, "norm1"), "attn.qkv").view(batch, count, 3, heads, DIM // heads)
    q, k, v = qkv.permute(2, 0, 3, 1, 4)
    weight = (q @ k.transpose(-2, -1) * (DIM // heads) ** -0.5).softmax(-1)
    tokens = tokens + linear((weight @ v).transpose(1, 2).flatten(2), "attn.proj")
    return tokens + linear(F.gelu(linear(norm(tokens, "norm2"), "mlp.fc1")), "mlp.fc2")


@torch.no_grad()
def test_it_computes_what_the_autoencoder_computes(tmp_path: Path) -> None:
    tensors = autoencoder()
    built = encoder(saved(tensors, tmp_path)).eval()
    tokens = torch.randn(2, GRID * GRID, DIM, generator=torch.Generator().manual_seed(1))
    ours, theirs = built.blocks(tokens), block(tokens, tensors, heads=2)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


def test_a_multispectral_model_is_an_error_that_explains_itself(tmp_path: Path) -> None:
    with pytest.raises(CheckpointMismatch, match=r"3 patch embeddings of 4, 4, 2.*adapt=\[rgb\]"):
        encoder(saved(multispectral(), tmp_path))


@torch.no_grad()
def test_its_colours_can_be_kept(tmp_path: Path) -> None:
    tensors = multispectral()
    built = encoder(saved(tensors, tmp_path), "rgb")
    assert built.backbone is not None
    assert "red, green and blue" in built.backbone.describe()
    marks = 1  # channel_embed goes into the bias
    assert built.backbone.taken + len(built.backbone.left_out) + marks == len(tensors)
    rgb = torch.rand(1, 3, VIEW_PX, VIEW_PX, generator=torch.Generator().manual_seed(1))
    red, green, blue = rgb.unbind(1)
    bands = torch.stack([blue, green, red, torch.zeros_like(red)], dim=1)  # 2, 3, 4 and 8
    weight, bias = (tensors[f"patch_embed.0.proj.{part}"] for part in ("weight", "bias"))
    theirs = F.conv2d(bands, weight, bias, stride=PATCH_PX)
    theirs[:, -4:] += tensors["channel_embed"][0, 0, :, None, None]
    torch.testing.assert_close(
        built.patch((rgb - built.mean) / built.std), theirs, rtol=1e-4, atol=1e-4
    )


def other_groups() -> dict[str, Tensor]:
    return multispectral() | {"patch_embed.2.proj.weight": torch.zeros(DIM, 3, PATCH_PX, PATCH_PX)}


def without(name: str) -> Callable[[], dict[str, Tensor]]:
    return lambda: {key: tensor for key, tensor in autoencoder().items() if key != name}


def stranger() -> dict[str, Tensor]:
    return autoencoder() | {"blocks.0.attn.surprise": torch.zeros(2)}


def misshapen() -> dict[str, Tensor]:
    return autoencoder() | {"norm.bias": torch.zeros(7)}


def flat_patches() -> dict[str, Tensor]:
    return autoencoder() | {"patch_embed.proj.weight": torch.zeros(DIM, 3 * PATCH_PX**2)}


def of_psm() -> dict[str, Tensor]:
    return {f"sat_encoder.encoder.backbone.{name}": t for name, t in autoencoder().items()}


def small_views() -> dict[str, Tensor]:
    return autoencoder() | {"pos_embed": torch.zeros(1, 10, DIM)}


@pytest.mark.parametrize(
    ("make", "settings", "error", "message"),
    [
        (autoencoder, {"patch_px": 16}, ConfigError, r"patch_px is 8, .*patch_px is 16; set .*=8"),
        (autoencoder, {"depth": 2}, ConfigError, r"depth is 1, .*depth is 2"),
        (autoencoder, {"dim": 32}, ConfigError, r"dim is 16, .*dim is 32"),
        (autoencoder, {"mlp_ratio": 2.0}, ConfigError, r"mlp_ratio is 4, .*mlp_ratio is 2"),
        (small_views, {}, ConfigError, r"views of 24 pixels, .*view_px is 16; set .*view_px=24"),
        (other_groups, {"adapt": ["rgb"]}, CheckpointMismatch, "groups of 4, 4, 3 bands"),
        (without("blocks.0.attn.proj.bias"), {}, CheckpointMismatch, "missing .*out_proj.bias"),
        (stranger, {}, CheckpointMismatch, r"blocks\.0\.attn\.surprise"),
        (misshapen, {}, CheckpointMismatch, r"norm\.bias is \(7,\), not \(16,\)"),
        (flat_patches, {}, CheckpointMismatch, r"weight is \(16, 192\), which fits no view"),
        (of_psm, {}, CheckpointMismatch, "not a backbone of SatMAE"),
    ],
)
def test_what_does_not_fit_is_named_with_the_fix(
    make: Callable[[], dict[str, Tensor]],
    settings: dict[str, Any],
    error: type[PSMError],
    message: str,
    tmp_path: Path,
) -> None:
    with pytest.raises(error, match=message) as raised:
        encoder(saved(make(), tmp_path), *settings.pop("adapt", ()), **settings)
    assert "\n" not in str(raised.value)
    assert "pretrain.pth" in str(raised.value)


def test_views_of_another_size_can_be_allowed(tmp_path: Path) -> None:
    assert encoder(saved(small_views(), tmp_path), "view").backbone is not None


def test_heads_that_no_shape_tells_are_those_of_the_published_size(tmp_path: Path) -> None:
    weight = torch.zeros(768, 3, PATCH_PX, PATCH_PX)
    path = saved({"patch_embed.proj.weight": weight, **transformer_of(768)}, tmp_path)
    with pytest.raises(ConfigError, match=r"heads is 12, model\.satellite\.heads is 8"):
        encoder(path, dim=768, heads=8)


def transformer_of(dim: int) -> dict[str, Tensor]:
    return {"blocks.0.mlp.fc1.bias": torch.zeros(4 * dim)}


def test_safetensors_and_wrapped_names_are_read(tmp_path: Path) -> None:
    path = tmp_path / "backbone.safetensors"
    save_file({f"module.{name}": tensor for name, tensor in autoencoder().items()}, path)
    assert encoder(path).backbone is not None
    path.write_bytes(b"no weights")
    with pytest.raises(CheckpointMismatch, match="not readable as safetensors"):
        encoder(path)


class Burglar:
    """Touches a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("hidden", [False, True])
def test_the_command_line_in_a_checkpoint_runs_nothing(hidden: bool, tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    burglar = Burglar(touched)
    more = {"args": argparse.Namespace(callback=burglar)} if hidden else {"callback": burglar}
    with pytest.raises(ForeignPickle, match=r"pretrain\.pth.*posix\.system"):
        encoder(saved(autoencoder(), tmp_path, **more))
    assert not touched.exists()


@pytest.mark.parametrize(
    "content", [{"model": {}}, {"model": {"epoch": 3}}, {1: torch.zeros(2)}, [1, 2]]
)
def test_a_file_without_weights(content: Any, tmp_path: Path) -> None:
    path = tmp_path / "empty.pth"
    torch.save(content, path)
    with pytest.raises(CheckpointMismatch, match=r"empty\.pth"):
        encoder(path)


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(MissingData, match=r"no such file nowhere\.pth"):
        encoder("nowhere.pth")


def test_a_file_on_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(autoencoder(), tmp_path)

    def download(repository: str, name: str) -> str:
        if (repository, name) != ("owner/satmae", "weights/pretrain.pth"):
            raise OSError("404: no such file")
        return str(path)

    monkeypatch.setattr("psm.encoders.backbone.hf_hub_download", download)
    assert encoder("hf://owner/satmae/weights/pretrain.pth").backbone is not None
    with pytest.raises(MissingData, match=r"hub did not give hf://owner/other/x\.pth \(404"):
        encoder("hf://owner/other/x.pth")
    with pytest.raises(ConfigError, match="hf://OWNER/NAME/FILE"):
        encoder("hf://owner/satmae")


def test_a_saved_model_needs_its_weights_no_more(tmp_path: Path) -> None:
    path = saved(multispectral(), tmp_path)
    values = tiny_experiment().model.model_dump()
    values["satellite"] |= {"weights": str(path), "adapt": ["rgb"]}
    experiment = tiny_experiment(model=values)
    model = PSM(experiment.model)
    model.save_pretrained(tmp_path / "model", experiment)
    path.unlink()
    loaded = PSM.from_pretrained(tmp_path / "model")
    assert loaded.config.satellite.weights is None
    torch.testing.assert_close(loaded.satellite.patch.weight, model.satellite.patch.weight)


def test_a_convolutional_stem_cannot_start_from_whole_patches() -> None:
    values = tiny_experiment().model.model_dump()
    values["satellite"] |= {"weights": "x.pth", "stem": "conv"}
    with pytest.raises(ConfigError, match="stem=patch"):
        tiny_experiment(model=values)
