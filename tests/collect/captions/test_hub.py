"""Captioners of sounds and scorers, run for real with tiny random weights of the same classes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import huggingface_hub
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertModel, WhisperForConditionalGeneration

from psm.collect.captions.caption import Caption, Captioner, Waveform
from psm.collect.captions.captioners import HubCaptioner
from psm.collect.captions.scoring import ClapScorer
from psm.collect.refusal import Refused
from psm.errors import CheckpointMismatch, ConfigError
from psm.seeding import generator
from tests.collect.captions.models import RATE_HZ, write_qwen, write_whisper
from tests.encoders.test_clap import write_clap


def noise(name: str, seconds: float, rate_hz: int = RATE_HZ) -> Waveform:
    return generator(0, name).normal(0.0, 0.1, int(seconds * rate_hz)).astype(np.float32)


def tone(hertz: float, seconds: float = 1.5) -> Waveform:
    return np.sin(2 * np.pi * hertz * np.arange(int(seconds * RATE_HZ)) / RATE_HZ).astype("f4") / 3


SOUNDS = [
    noise("a", 2.0), noise("b", 1.0), noise("c", 0.4), noise("long", 3.0),
    tone(100), tone(800), tone(3000, 0.5),
]  # fmt: skip


@pytest.fixture(scope="module", params=[write_qwen, write_whisper], ids=["qwen2_audio", "whisper"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return request.param(tmp_path_factory.mktemp("captioner") / "tiny")


def captioner(source: Path | str, style: str = "qwen", **settings: object) -> HubCaptioner:
    return HubCaptioner(str(source), style, max_new_tokens=8, **settings)  # type: ignore[arg-type]


def as_words(answers: list[str | Refused]) -> list[str]:
    return [str(answer) for answer in answers]


def test_sounds_get_sentences_that_depend_on_them_alone(folder: Path) -> None:
    one: Captioner = captioner(folder, batch_size=4)
    answers = as_words(one.caption(SOUNDS, RATE_HZ))
    assert len(set(answers)) >= 4
    assert all(answers)
    assert as_words(one.caption(SOUNDS, RATE_HZ)) == answers
    assert as_words(one.caption(SOUNDS[::-1], RATE_HZ))[::-1] == answers
    alone = captioner(folder, batch_size=1)
    assert as_words(alone.caption(SOUNDS, RATE_HZ)) == answers


def test_no_prompt_and_no_marks_are_in_a_caption(folder: Path) -> None:
    for answer in captioner(folder).caption(SOUNDS, RATE_HZ):
        if isinstance(answer, str):
            assert not set("<|>:") & set(answer)
            assert answer == " ".join(answer.split())
            assert len(answer.split()) <= 8


def test_a_recording_that_cannot_be_heard_is_refused_alone(folder: Path) -> None:
    bad = [np.zeros(0, np.float32), np.full(RATE_HZ, np.nan, np.float32)]
    one = captioner(folder)
    answers = one.caption([bad[0], *SOUNDS, bad[1]], RATE_HZ)
    for answer in (answers[0], answers[-1]):
        assert isinstance(answer, Refused)
        assert answer.reason == "no sound to caption"
    assert as_words(answers[1:-1]) == as_words(one.caption(SOUNDS, RATE_HZ))
    assert one.caption([], RATE_HZ) == []


def test_another_rate_is_the_same_sound(folder: Path) -> None:
    (answer,) = captioner(folder).caption([noise("d", 1.0, 48_000)], 48_000)
    assert isinstance(answer, str | Refused)


def test_a_failing_model_gives_reasons(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = captioner(folder, batch_size=4)
    expected = as_words(one.caption(SOUNDS, RATE_HZ))
    answer, asked = one._author.writer.answer, []

    def short_of_memory(waveforms: list[Waveform]) -> list[str]:
        asked.append(len(waveforms))
        if len(waveforms) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        if any(wave.size == SOUNDS[1].size for wave in waveforms):
            raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")
        return answer(waveforms)

    monkeypatch.setattr(one._author.writer, "answer", short_of_memory)
    found = one.caption(SOUNDS, RATE_HZ)
    assert asked[0] == 4
    assert set(asked[1:]) == {2}
    assert isinstance(found[1], Refused)
    assert found[1].reason == "captioning failed"
    assert found[1].detail.startswith("mat1")
    assert as_words(found)[:1] + as_words(found)[2:] == expected[:1] + expected[2:]


def test_a_captioner_is_known_by_weights_prompt_and_settings(folder: Path, tmp_path: Path) -> None:
    one = captioner(folder)
    assert one.name == one.style == "qwen"
    assert one.model.startswith("tiny@")
    assert captioner(folder, "pengi", name="second").fingerprint == one.fingerprint
    moved = tmp_path / "tiny"
    shutil.copytree(folder, moved)
    assert captioner(moved).fingerprint == one.fingerprint
    assert captioner(folder, prompt="birds in the").fingerprint != one.fingerprint
    assert captioner(folder, dtype="bfloat16").fingerprint != one.fingerprint
    change(moved, lambda tensors: next(iter(tensors.values())).add_(1.0))
    assert captioner(moved).model != one.model


def test_it_computes_in_other_numbers(folder: Path) -> None:
    (answer,) = captioner(folder, dtype="bfloat16").caption(SOUNDS[:1], RATE_HZ)
    assert not isinstance(answer, Refused) or answer.reason == "empty caption"


def test_the_prompt_steers(folder: Path) -> None:
    plain = as_words(captioner(folder).caption(SOUNDS, RATE_HZ))
    asked = as_words(captioner(folder, prompt="birds in the garden").caption(SOUNDS, RATE_HZ))
    assert asked != plain


def test_a_raw_prompt_of_qwen_is_taken_as_it_is(tmp_path: Path) -> None:
    write_qwen(tmp_path)
    raw = captioner(tmp_path, prompt="<|audio_bos|><|AUDIO|><|audio_eos|> birds in")
    assert as_words(raw.caption(SOUNDS, RATE_HZ)) != as_words(
        captioner(tmp_path, prompt="birds in").caption(SOUNDS, RATE_HZ)
    )


@torch.inference_mode()
def test_whisper_writes_what_greedy_decoding_by_hand_does(tmp_path: Path) -> None:
    write_whisper(tmp_path)
    one = captioner(tmp_path)
    listener = one._author.writer
    model = WhisperForConditionalGeneration.from_pretrained(tmp_path).eval()
    heard = listener._extractor(SOUNDS[4], sampling_rate=RATE_HZ, return_tensors="pt")
    words = list(listener._start)
    assert words[:4] == [3, 4, 5, 6]
    for _ in range(8):
        logits = model(heard.input_features, decoder_input_ids=torch.tensor([words])).logits
        words.append(int(logits[0, -1].argmax()))
        if words[-1] == model.config.eos_token_id:
            break
    text = listener._tokenizer.decode(words[len(listener._start) :], skip_special_tokens=True)
    assert as_words(one.caption([SOUNDS[4]], RATE_HZ)) == [text.strip()]


def change(folder: Path, edit: Callable[[dict[str, torch.Tensor]], object]) -> None:
    tensors = load_file(folder / "model.safetensors")
    edit(tensors)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def no_folder(folder: Path) -> None:
    shutil.rmtree(folder)


def no_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def no_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").unlink()


def no_extractor(folder: Path) -> None:
    (folder / "preprocessor_config.json").unlink()


def a_weight_less(folder: Path) -> None:
    change(folder, lambda tensors: tensors.pop(sorted(tensors)[0]))


def a_model_of_text(folder: Path) -> None:
    BertModel(
        BertConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8)
    ).save_pretrained(folder)


@pytest.mark.parametrize(
    ("damage", "error", "message"),
    [
        (no_folder, ConfigError, "no config of a model in hub id or folder"),
        (no_weights, ConfigError, "no weights of a model in folder"),
        (no_tokenizer, ConfigError, "no tokenizer of a model in folder"),
        (no_extractor, ConfigError, "no feature extractor of a model in folder"),
        (a_weight_less, CheckpointMismatch, "1 weights of .* are missing or of another shape"),
        (a_model_of_text, ConfigError, "type 'bert' .* captions of sounds; supported are qwen2"),
    ],
)
def test_a_folder_that_cannot_be_used(
    damage: Callable[[Path], None],
    error: type[Exception],
    message: str,
    folder: Path,
    tmp_path: Path,
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    damage(copy)
    with pytest.raises(error, match=message) as raised:
        captioner(copy)
    assert str(copy) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_hub_id_is_read_from_the_hub_and_named_with_its_commit(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What a download leaves in the cache; nothing is asked of the network.
    commit = "0123456789abcdef0123456789abcdef01234567"
    cached = tmp_path / "models--someone--listener"
    shutil.copytree(folder, cached / "snapshots" / commit)
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text(commit)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    for revision in (None, commit):
        one = captioner("someone/listener", revision=revision)
        assert one.model == f"someone/listener@{commit}"
    assert as_words(one.caption(SOUNDS, RATE_HZ)) == as_words(
        captioner(folder).caption(SOUNDS, RATE_HZ)
    )
    with pytest.raises(ConfigError, match="no config of a model in hub id or folder"):
        captioner("someone/nothing")


@pytest.fixture(scope="module", params=[True, False], ids=["fused", "unfused"])
def clap(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scorer") / "clap"
    write_clap(folder, fused=request.param)
    return folder


def captions_of(*texts: str) -> list[Caption]:
    return [Caption(source="qwen", style="qwen", text=text) for text in texts]


def test_scores_are_cosines_and_always_the_same(clap: Path) -> None:
    scorer = ClapScorer(str(clap))
    sounds = [noise("long", 25.0, 8000), noise("short", 2.0, 8000), tone(500)[:8000]]
    captions = [captions_of("church bells at dawn", "frogs"), [], captions_of("frogs " * 200)]
    scored = scorer.score(sounds, 8000, captions)
    assert [len(some) for some in scored] == [2, 0, 1]
    for some, given in zip(scored, captions, strict=True):
        for one, before in zip(some, given, strict=True):
            assert isinstance(one, Caption)
            assert one.score is not None
            assert -1.0 <= one.score <= 1.0
            assert (one.text, one.source) == (before.text, before.source)
    np.random.seed(1)  # noqa: NPY002  transformers would draw from it
    assert ClapScorer(str(clap)).score(sounds[:1], 8000, captions[:1]) == scored[:1]
    assert scorer.score(sounds[::-1], 8000, captions[::-1]) == scored[::-1]


def test_the_middle_of_a_long_sound_is_scored(clap: Path) -> None:
    scorer = ClapScorer(str(clap))
    middle = noise("middle", 10.0, 48_000)
    padded = np.concatenate([noise("x", 3.0, 48_000), middle, noise("y", 3.0, 48_000)])
    frogs = captions_of("frogs")
    assert scorer.score([padded], 48_000, [frogs]) == scorer.score([middle], 48_000, [frogs])


def test_what_cannot_be_heard_has_no_score(clap: Path) -> None:
    scored = ClapScorer(str(clap)).score(
        [np.zeros(0, np.float32), noise("short", 1.0)], RATE_HZ, [captions_of("a", "b")] * 2
    )
    assert [str(answer) for answer in scored[0]] == ["no sound to score"] * 2
    assert all(isinstance(answer, Caption) for answer in scored[1])


def test_a_scorer_is_a_clap(folder: Path, clap: Path) -> None:
    assert ClapScorer(str(clap)).model.startswith("clap@")
    with pytest.raises(ConfigError, match="scores of captions; supported are clap"):
        ClapScorer(str(folder))
