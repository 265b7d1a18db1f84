"""MGA-CLAP's audio tower: HTS-AT on one log-mel, and its tokens in time.

HTS-AT is Chen et al. 2022, "HTS-AT: a hierarchical token-semantic audio transformer"; the second
path through its last block, which keeps what is where, is Li et al. 2024, "Advancing multi-grained
alignment for contrastive language-audio pre-training". ``transformers`` has the transformer, as a
part of CLAP's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from jaxtyping import Bool, Float
from torch import Tensor, nn
from transformers import ClapAudioConfig
from transformers.models.clap.modeling_clap import ClapAudioEncoder

from psm.config import AudioTowerConfig
from psm.data.audio import AudioConfig
from psm.encoders.audioencoding import AudioTower
from psm.encoders.backbone import read_tensors, require_complete
from psm.encoders.clap import clap_layers, fuse_attention, standalone
from psm.encoders.tokens import Tokens
from psm.errors import CheckpointMismatch, ConfigError
from psm.weightfiles import DERIVED, require_numbers

_BLOCK = r"layers\.(\d+)\.blocks\.(\d+)\."
_OURS = r"layers.\1.blocks.\2."
_NAMES = (
    (r"bn0\.(\w+)", r"batch_norm.\1"),
    (r"(patch_embed\.(?:proj|norm)\.\w+|norm\.\w+)", r"\1"),
    (r"(layers\.\d+\.downsample\.(?:norm|reduction)\.\w+)", r"\1"),
    (_BLOCK + r"norm1\.(\w+)", _OURS + r"layernorm_before.\3"),
    (_BLOCK + r"norm2\.(\w+)", _OURS + r"layernorm_after.\3"),
    (_BLOCK + r"attn\.proj\.(\w+)", _OURS + r"attention.output.dense.\3"),
    (_BLOCK + r"attn\.(relative_position_\w+)", _OURS + r"attention.self.\3"),
    (_BLOCK + r"mlp\.fc1\.(\w+)", _OURS + r"intermediate.dense.\3"),
    (_BLOCK + r"mlp\.fc2\.(\w+)", _OURS + r"output.dense.\3"),
)
_JOINT = (_BLOCK + r"attn\.qkv\.(\w+)", _OURS + r"attention.self.{}.\3")
# The front end and the classes of what HTS-AT was trained for first; masks follow from the sizes.
_UNUSED = re.compile(r"(audio_feats_extractor|tscam_conv|head)\..+")
_IMPLIED = re.compile(_BLOCK + r"attn_mask")
_SOUND_PART = "audio_enc."


class MGACLAPTower(AudioTower):
    """HTS-AT, whose tokens take a second path through the last block.

    On that path a token attends to itself alone and skips the MLP, so that it says what is heard
    when it is heard. Frequencies of a moment are averaged: 32 tokens of 10 s.

    Args:
        encoder: HTS-AT.

    Attributes:
        encoder: HTS-AT, as ``transformers`` has it.
    """

    def __init__(self, encoder: ClapAudioEncoder) -> None:
        super().__init__()
        self.encoder = encoder
        fuse_attention(encoder)
        self.out_dim = self.token_dim = int(encoder.num_features)

    def standalone(self, config: AudioTowerConfig) -> AudioTowerConfig:
        """``config`` with the settings of the tower instead of the name of its weights."""
        return config if config.frozen else standalone(config, self.encoder)

    def layers_to_recompute(self) -> list[nn.Module]:
        """The transformer layers."""
        return clap_layers(self.encoder)

    def folded(self, mel: Float[Tensor, "n frames bands"]) -> Float[Tensor, "n 1 side side"]:
        """Log-mels as the square image that HTS-AT sees: quarters of the time above each other."""
        bands_first = self.encoder.batch_norm(mel[:, None].transpose(1, 3))
        image: Tensor = self.encoder.reshape_mel2img(bands_first.transpose(1, 3))
        return image

    def tokens(
        self,
        mel: Float[Tensor, "batch windows frames bands"],
        is_longer: Bool[Tensor, " batch"] | None = None,  # noqa: ARG002
    ) -> Tokens:
        """Tokens of log-mels in dB, in the order of time, those of all windows one after another.

        Args:
            mel: ``(batch, windows, frames, bands)``.
            is_longer: is not needed here.

        Returns:
            ``windows * 32`` tokens a recording.
        """
        batch, windows = mel.shape[:2]
        hidden = self.encoder.patch_embed(self.folded(mel.flatten(0, 1)), None)
        blocks = list(self.encoder.layers[-1].blocks)
        for stage, grid in zip(
            self.encoder.layers[:-1], self.encoder.input_resolutions[:-1], strict=True
        ):
            hidden = stage(hidden, grid)[0]
        grid = self.encoder.input_resolutions[-1]
        for block in blocks[:-1]:
            hidden = block(hidden, grid)[0]
        last = blocks[-1]
        attention = last.attention
        value = attention.self.value(last.layernorm_before(hidden))
        hidden = hidden + attention.output.dense(value)
        hidden = self.encoder.norm(hidden + last.layernorm_after(hidden))
        quarters = self.encoder.freq_ratio
        by_row = hidden.view(batch * windows, quarters, grid[0] // quarters, grid[1], -1)
        return Tokens.all_known(by_row.mean(2).reshape(batch, -1, self.out_dim))

    def forward(
        self,
        mel: Float[Tensor, "batch windows frames bands"],
        is_longer: Bool[Tensor, " batch"] | None = None,  # noqa: ARG002
    ) -> Float[Tensor, "batch out_dim"]:
        """The mean of the tokens, for a model that wants one vector of a recording."""
        return self.tokens(mel).values.mean(1)


def build_mgaclap(config: AudioTowerConfig, audio: AudioConfig) -> MGACLAPTower:
    """MGA-CLAP's audio tower as ``config`` describes it, for audio framed as ``audio``.

    Args:
        config: ``weights`` names MGA-CLAP's file, here or ``hf://OWNER/NAME/FILE`` on the hub;
            without, ``clap`` holds overrides of ``transformers.ClapAudioConfig``.
        audio: bands and frames of a window.

    Raises:
        ConfigError: the settings do not fit together.
        MissingData: there is no such file.
        CheckpointMismatch: a weight is missing, unknown or of another shape.
    """
    tensors = None if config.weights is None else _read(config.weights)
    # Sizes that the weights tell come before those of the configuration.
    settings = config.clap if tensors is None else config.clap | mgaclap_sizes(tensors)
    try:
        encoder = ClapAudioEncoder(ClapAudioConfig(
            **{"num_mel_bins": audio.n_mels, **settings, "enable_fusion": False}
        ))  # fmt: skip
    except (TypeError, ValueError, ArithmeticError, AssertionError, RuntimeError) as problem:
        raise ConfigError(f"audio_tower.clap: no HTS-AT of these settings ({problem})") from None
    most = encoder.spec_size * encoder.freq_ratio
    if encoder.config.num_mel_bins != audio.n_mels or audio.frames > most:
        raise ConfigError(
            f"audio: mga-clap hears at most {most} frames of {encoder.config.num_mel_bins} bands, "
            f"and a window has {audio.frames} of {audio.n_mels}"
        )
    if tensors is not None:
        implied = {name: values for name, values in encoder.state_dict().items()
                   if name.endswith(DERIVED)}  # fmt: skip
        filled = {**implied, **tensors}
        wanted = {name: values.shape for name, values in encoder.state_dict().items()}
        require_complete(filled, wanted, str(config.weights))
        encoder.load_state_dict(filled)
    return MGACLAPTower(encoder)


def rename_mgaclap(
    published: Mapping[str, Tensor],
) -> tuple[dict[str, Tensor], list[str], list[str], list[str]]:
    """Tensors of HTS-AT under the names of ``transformers``.

    Args:
        published: by the names of MGA-CLAP's code, from after ``audio_enc.``.

    Returns:
        The tensors; and the published names of those that the sizes imply, of those that belong to
        parts that are not used, and of strangers.
    """
    ours: dict[str, Tensor] = {}
    implied, unused, unknown = [], [], []
    for name, tensor in published.items():
        if _UNUSED.fullmatch(name):
            unused.append(name)
        elif _IMPLIED.fullmatch(name):
            implied.append(name)
        elif (joint := re.fullmatch(_JOINT[0], name)) and tensor.ndim and not len(tensor) % 3:
            for part, values in zip(("query", "key", "value"), tensor.chunk(3), strict=True):
                ours[joint.expand(_JOINT[1]).format(part)] = values
        elif found := next((m.expand(n) for r, n in _NAMES if (m := re.fullmatch(r, name))), None):
            ours[found] = tensor
        else:
            unknown.append(name)
    return ours, implied, unused, unknown


def mgaclap_sizes(ours: Mapping[str, Tensor]) -> dict[str, Any]:
    """Settings of ``transformers.ClapAudioConfig`` that the shapes of weights tell.

    Raises:
        KeyError: a tensor that tells a size is missing.
        ValueError: one is of a shape that tells none.
    """
    blocks = {m.groups() for name in ours if (m := re.match(_BLOCK, name))}
    stages = range(len({stage for stage, _ in blocks}) or 1)
    table = "layers.{}.blocks.0.attention.self.relative_position_bias_table"
    (offsets, _), *_ = tables = [_matrix(ours, table.format(stage)) for stage in stages]
    embed = _length(ours, "patch_embed.norm.weight")
    return {
        "patch_embeds_hidden_size": embed,
        "hidden_size": _length(ours, "norm.weight"),
        "depths": [sum(int(stage) == number for stage, _ in blocks) for number in stages],
        "num_attention_heads": [heads for _, heads in tables],
        "num_hidden_layers": len(stages),
        "mlp_ratio": _matrix(ours, "layers.0.blocks.0.intermediate.dense.weight")[0] / embed,
        "window_size": (round(offsets**0.5) + 1) // 2,
        "num_mel_bins": _length(ours, "batch_norm.weight"),
    }


def _length(tensors: Mapping[str, Tensor], name: str) -> int:
    shape = tuple(tensors[name].shape)
    if len(shape) != 1 or 0 in shape:
        raise ValueError(f"{name} is {shape}, not a vector")
    return shape[0]


def _matrix(tensors: Mapping[str, Tensor], name: str) -> tuple[int, int]:
    shape = tuple(tensors[name].shape)
    if len(shape) != 2 or 0 in shape:
        raise ValueError(f"{name} is {shape}, not a matrix")
    return shape


def _read(weights: str) -> dict[str, Tensor]:
    """HTS-AT out of a file of MGA-CLAP, under our names, every tensor of it accounted for."""
    tensors = read_tensors(weights, "audio_tower.weights")
    # Beside the audio part stand the text part, the codebook and projections, which have no place.
    heard = {name.partition(_SOUND_PART)[2]: tensor for name, tensor in tensors.items()
             if _SOUND_PART in name}  # fmt: skip
    ours, _, _, unknown = rename_mgaclap(heard)
    if unknown or not ours:
        strangers = f" ({', '.join(unknown[:3])})" if unknown else ""
        raise CheckpointMismatch(
            f"audio_tower.weights: {weights} does not hold the audio tower of MGA-CLAP, "
            f"{len(unknown)} of {len(tensors)} tensors are unknown{strangers}"
        )
    require_numbers(ours, weights)
    try:
        mgaclap_sizes(ours)
    except (KeyError, ValueError) as problem:
        raise CheckpointMismatch(
            f"audio_tower.weights: {weights} does not tell the sizes of HTS-AT ({problem})"
        ) from None
    return ours
