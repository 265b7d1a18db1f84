"""Tiny random models of the classes that caption and score, written as the hub keeps them."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    AutoTokenizer,
    BlipConfig,
    BlipForConditionalGeneration,
    CLIPImageProcessorPil,
    CLIPVisionConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2AudioConfig,
    Qwen2AudioEncoderConfig,
    Qwen2AudioForConditionalGeneration,
    Qwen2Config,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
)
from transformers.models.blip.image_processing_pil_blip import BlipImageProcessorPil

RATE_HZ, LONGEST_S, VIEW_PX = 16_000, 2, 32
SOUNDS = """a the of in at and with some birds frogs waves wind rain bells dogs cars trains voices
people children crickets owls thunder water singing barking passing ringing distant loud soft near
night dawn forest street sea river garden church field"""


def write_tokenizer(folder: Path, specials: list[str]) -> PreTrainedTokenizerFast:
    """One word a token, after the special ones: the first pads, the second is for the unknown."""
    vocabulary = {word: number for number, word in enumerate([*specials, *SOUNDS.split()])}
    words = Tokenizer(models.WordLevel(vocabulary, unk_token=specials[1]))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words,
        pad_token=specials[0],
        unk_token=specials[1],
        eos_token=specials[2],
        additional_special_tokens=specials[3:],
    )
    tokenizer.save_pretrained(folder)
    return AutoTokenizer.from_pretrained(folder)


def write(model: PreTrainedModel, folder: Path) -> None:
    """Store a model whose words depend on what it hears, as weights of usual size would not."""
    torch.manual_seed(0)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim > 1:
                weight.copy_(torch.randn_like(weight) * (0.4 if "embed" not in name else 1.0))
    model.save_pretrained(folder)


def write_qwen(folder: Path) -> Path:
    """A Qwen2-Audio for two seconds of sound."""
    specials = ["<|endoftext|>", "<unk>", "<|im_end|>", "<|im_start|>", "<|AUDIO|>",
                "<|audio_bos|>", "<|audio_eos|>"]  # fmt: skip
    tokenizer = write_tokenizer(folder, specials)
    WhisperFeatureExtractor(feature_size=16, chunk_length=LONGEST_S).save_pretrained(folder)
    config = Qwen2AudioConfig(
        audio_config=Qwen2AudioEncoderConfig(
            num_mel_bins=16, encoder_layers=1, encoder_attention_heads=2, encoder_ffn_dim=32,
            d_model=16, max_source_positions=50 * LONGEST_S,
        ),
        text_config=Qwen2Config(
            vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
            num_attention_heads=2, num_key_value_heads=2, pad_token_id=0, eos_token_id=2,
        ),
        audio_token_index=4,
    )  # fmt: skip
    write(Qwen2AudioForConditionalGeneration(config), folder)
    return folder


def write_whisper(folder: Path) -> Path:
    """A Whisper for two seconds of sound."""
    specials = ["<|endoftext|>", "<unk>", "<|endoftext|>", "<|startoftranscript|>", "<|en|>",
                "<|transcribe|>", "<|notimestamps|>"]  # fmt: skip
    tokenizer = write_tokenizer(folder, specials)
    WhisperFeatureExtractor(feature_size=16, chunk_length=LONGEST_S).save_pretrained(folder)
    config = WhisperConfig(
        vocab_size=len(tokenizer), num_mel_bins=16, encoder_layers=1, decoder_layers=1, d_model=32,
        encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=64,
        decoder_ffn_dim=64, max_source_positions=50 * LONGEST_S, max_target_positions=48,
        decoder_start_token_id=3, pad_token_id=0, bos_token_id=0, eos_token_id=2,
        suppress_tokens=None, begin_suppress_tokens=None,
    )  # fmt: skip
    write(WhisperForConditionalGeneration(config), folder)
    return folder


def write_llava(folder: Path) -> Path:
    """A LLaVA for views of 32 pixels."""
    tokenizer = write_tokenizer(folder, ["<pad>", "<unk>", "</s>", "<image>"])
    size = {"height": VIEW_PX, "width": VIEW_PX}
    CLIPImageProcessorPil(size={"shortest_edge": VIEW_PX}, crop_size=size).save_pretrained(folder)
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(
            hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
            image_size=VIEW_PX, patch_size=8, projection_dim=32,
        ),
        text_config=LlamaConfig(
            vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
            num_attention_heads=2, num_key_value_heads=2, pad_token_id=0, eos_token_id=2,
            bos_token_id=2,
        ),
        image_token_index=3,
    )  # fmt: skip
    write(LlavaForConditionalGeneration(config), folder)
    return folder


def write_blip(folder: Path) -> Path:
    """A BLIP for views of 32 pixels."""
    tokenizer = write_tokenizer(folder, ["<pad>", "<unk>", "[SEP]", "[DEC]"])
    size = {"height": VIEW_PX, "width": VIEW_PX}
    BlipImageProcessorPil(size=size).save_pretrained(folder)
    config = BlipConfig(
        text_config={
            "vocab_size": len(tokenizer), "hidden_size": 32, "encoder_hidden_size": 32,
            "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2,
            "max_position_embeddings": 64, "bos_token_id": 3, "eos_token_id": 2,
            "sep_token_id": 2, "pad_token_id": 0,
        },
        vision_config={
            "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1,
            "num_attention_heads": 2, "image_size": VIEW_PX, "patch_size": 8,
        },
        projection_dim=16,
        image_text_hidden_size=16,
    )  # fmt: skip
    write(BlipForConditionalGeneration(config), folder)
    return folder
