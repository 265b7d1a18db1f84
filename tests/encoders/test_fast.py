"""Fast paths give what the slow ones give."""

from __future__ import annotations

import pytest
import torch
from transformers import ClapAudioConfig, ClapAudioModelWithProjection

from psm.encoders.clap import fuse_attention
from psm.encoders.clapaudio import CLAPAudioTower
from psm.encoders.sharedlayers import transformer
from psm.encoders.textencoding import TextTower, encode_texts
from psm.model import PSM
from tests.tiny import tiny_experiment


def clap(**changes: object) -> ClapAudioModelWithProjection:
    torch.manual_seed(0)
    settings = {
        "spec_size": 64, "patch_embeds_hidden_size": 16, "hidden_size": 32, "depths": [2, 2],
        "num_attention_heads": [2, 4], "num_hidden_layers": 2, "window_size": 4,
        "num_mel_bins": 16, "projection_dim": 8, "enable_fusion": True,
    }  # fmt: skip
    return ClapAudioModelWithProjection(ClapAudioConfig(**settings | changes))


def test_fused_window_attention_is_the_attention_of_transformers() -> None:
    slow, fast = clap().eval(), clap().eval()
    for module in (slow, fast):
        for layer in module.modules():  # random biases, which start from zero
            if hasattr(layer, "relative_position_bias_table"):
                torch.nn.init.normal_(
                    layer.relative_position_bias_table,
                    generator=torch.Generator().manual_seed(1),
                )
    fuse_attention(fast)
    assert slow.state_dict().keys() == fast.state_dict().keys()
    mel, is_longer = torch.randn(3, 4, 250, 16) * 20 - 40, torch.tensor([[True], [False], [True]])
    outputs = []
    for module in (slow, fast):
        output = module(mel, is_longer=is_longer).audio_embeds
        output.square().sum().backward()
        outputs.append((output, module.audio_model.audio_encoder.patch_embed.proj.weight.grad))
    for one, other in zip(*outputs, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


def test_attention_that_is_asked_for_is_there() -> None:
    model = clap().eval()
    fuse_attention(model)
    mel = torch.randn(1, 4, 250, 16)
    found = model(mel, is_longer=torch.tensor([[True]]), output_attentions=True).attentions
    assert all(torch.allclose(scores.sum(-1), torch.ones(())) for scores in found)


def test_of_more_windows_than_fusion_takes_the_first_count() -> None:
    tower = CLAPAudioTower(clap()).eval()
    assert tower.windows == 4
    mel = torch.randn(2, 8, 250, 16)
    with torch.no_grad():
        torch.testing.assert_close(tower(mel), tower(mel[:, :4]))
        assert not torch.allclose(tower(mel), tower(mel[:, 4:]))


@pytest.fixture(scope="module")
def tower() -> TextTower:
    return PSM(tiny_experiment().model).text.eval()


def test_texts_of_all_lengths_come_back_in_their_order(tower: TextTower) -> None:
    texts = ["frogs", "a " * 90, "rain on a tin roof", "frogs", "", "wind in the trees at night"]
    alone = torch.cat([tower([text]) for text in texts])
    for batch_tokens in (1, 20, 4096):
        found = encode_texts(tower, texts, batch_tokens)
        torch.testing.assert_close(found, alone, atol=1e-5, rtol=1e-4)


def test_each_text_is_encoded_once_among_texts_of_its_length(
    tower: TextTower, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[list[str]] = []
    forward = tower.forward

    def watched(texts: list[str]) -> torch.Tensor:
        batches.append(list(texts))
        return forward(texts)

    monkeypatch.setattr(tower, "forward", watched)
    short, long = [f"{word} sings" for word in ("frog", "bird", "wolf")], ["rain and " * 9] * 2
    encode_texts(tower, [long[0], *short, *short, long[1]], batch_tokens=32)
    assert sorted(map(len, batches)) == [1, 3]


@pytest.mark.parametrize("norm_first", [True, False])
def test_the_first_token_alone_is_that_of_the_whole(norm_first: bool) -> None:
    torch.manual_seed(0)
    layers = transformer(
        dim=16, heads=2, feedforward=32, depth=3, dropout=0.1, activation="gelu",
        norm_first=norm_first, eps=1e-5,
    )  # fmt: skip
    tokens, padding = torch.randn(4, 5, 16), torch.zeros(4, 5, dtype=torch.bool)
    padding[1:, 3:] = True
    for masked in (None, padding):
        layers.eval()
        with torch.inference_mode():
            whole = layers(tokens, src_key_padding_mask=masked)[:, 0]
            torch.testing.assert_close(layers.first_token(tokens, masked), whole)
        draws = []
        for first in (layers.train().first_token, lambda *a: layers(a[0], None, a[1])[:, 0]):
            torch.manual_seed(1)
            draws.append(first(tokens, masked))
        torch.testing.assert_close(*draws)
