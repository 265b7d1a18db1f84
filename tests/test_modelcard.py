"""What a hub user gets: the pushed folder, and a card whose every statement is known."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import ModelCard

from psm import PSM
from psm.config import Experiment
from psm.errors import ConfigError, HubError, MissingData
from psm.experiments import load_experiment
from psm.modelcard import model_card
from psm.provenance import SIMULATED, DataSet, Provenance
from tests.tiny import tiny_experiment


class Hub:
    """Takes uploads into a folder."""

    def __init__(self, folder: Path, token: bool = True) -> None:
        self.folder, self.token = folder, token

    def __call__(self) -> Hub:
        return self

    def create_repo(self, repository: str, *, private: bool, exist_ok: bool) -> str:
        if not self.token:
            raise OSError("401 Client Error: log in first\nmore of it")
        assert private
        assert exist_ok
        return f"https://hub.example/{repository}"

    def upload_folder(self, *, repo_id: str, folder_path: str) -> None:
        shutil.copytree(folder_path, self.folder / repo_id)


@pytest.fixture
def model() -> PSM:
    torch.manual_seed(0)
    return PSM(tiny_experiment().model).eval()


def results(folder: Path, **changes: Any) -> Path:
    row = {
        "query": "image+context", "direction": "image_to_audio", "restriction": "all",
        "source": "all", "r_at_10pct": 0.41236, "ci95": [0.38, 0.45], "median_rank": 12.5,
        "gallery": 200, **changes,
    }  # fmt: skip
    rows = [row, {**row, "restriction": "same_source", "r_at_10pct": 0.999}]
    path = folder / "retrieval.json"
    path.write_text(json.dumps({"retrieval": rows}))
    return path


def test_pushing_uploads_the_model_with_its_card(
    model: PSM, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.HfApi", Hub(tmp_path))
    address = model.push_to_hub(
        "me/tiny", private=True, license="cc-by-4.0", results=results(tmp_path)
    )
    assert address == "https://hub.example/me/tiny"
    card = ModelCard.load(tmp_path / "me/tiny/README.md")
    assert (card.data.library_name, card.data.license) == ("psm", "cc-by-4.0")
    assert card.data.pipeline_tag == "feature-extraction"
    assert card.data.eval_results[0].metric_value == 0.4124
    assert "| image+context | location → sound | 0.412 (0.380–0.450) | 12.5 | 200 |" in card.text
    assert "0.999" not in card.text
    assert "recipe is not recorded" in card.text  # nobody said what it was trained by
    PSM.from_pretrained(tmp_path / "me/tiny")


def test_the_snippet_on_the_card_runs(
    model: PSM, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model.save_pretrained(tmp_path)
    card = model_card(tiny_experiment(), str(tmp_path)).text
    exec(card.split("```python\n")[1].split("```")[0], {})
    assert capsys.readouterr().out.count("tensor") == 2


def test_the_recipe_is_that_of_the_folder(
    model: PSM, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = tiny_experiment(training={"epochs": 37}, summary="Frogs alone.")
    model.save_pretrained(tmp_path / "model", trained)
    monkeypatch.setattr("huggingface_hub.HfApi", Hub(tmp_path))
    PSM.from_pretrained(tmp_path / "model").push_to_hub("me/frogs", private=True)
    card = (tmp_path / "me/frogs/README.md").read_text()
    assert "37 epochs" in card
    assert "Frogs alone." in card
    again = PSM.from_pretrained(tmp_path / "me/frogs").experiment
    assert isinstance(again, Experiment)
    assert again.training.epochs == 37


def test_a_published_size_names_its_data_and_what_it_started_from() -> None:
    experiment = load_experiment(
        "psm-sentinel", {"model.satellite.weights": "hf://owner/satmae/pretrain.pth"}
    )
    card = model_card(experiment, "me/psm", datasets=["MVRL/GeoSound"])
    assert card.data.datasets == ["MVRL/GeoSound"]
    assert card.data.base_model == ["laion/clap-htsat-fused", "owner/satmae"]
    assert "https://huggingface.co/datasets/MVRL/GeoSound" in card.text
    assert "Its recordings were shared by people" in card.text


def test_an_imported_model_says_so() -> None:
    settings = {"model.reference": True, "model.imagery.name": "google-earth"}
    known = Provenance(trained_on=(DataSet(name="MVRL/SoundingEarth"),))
    card = model_card(load_experiment("psm-soundingearth", settings), "me/psm", provenance=known)
    assert card.data.datasets == ["MVRL/SoundingEarth"]
    assert "Imported from a published checkpoint" in card.text
    assert "epochs" not in card.text


def test_a_model_of_the_simulated_earth_is_not_for_real_places() -> None:
    earth = Provenance(trained_on=(DataSet(name=SIMULATED, is_simulated=True, recordings=9),))
    card = model_card(load_experiment("earth-tiny"), "me/psm", provenance=earth)
    assert "not for statements about real places" in " ".join(card.text.split())
    assert card.data.license is None
    assert "None was stated" in card.text


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"retrieval": [3]}', '{"retrieval": [{}]}'])
def test_results_of_something_else_are_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text(content)
    with pytest.raises(ConfigError, match=r"other\.json: not a retrieval\.json"):
        model_card(tiny_experiment(), "me/psm", results=path)
    with pytest.raises(MissingData, match=r"nowhere\.json: no such file"):
        model_card(tiny_experiment(), "me/psm", results=tmp_path / "nowhere.json")


def test_a_refused_upload_is_one_clear_line(
    model: PSM, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.HfApi", Hub(tmp_path, token=False))
    with pytest.raises(HubError, match=r"me/tiny: .*log in first.*hf auth login") as raised:
        model.push_to_hub("me/tiny", private=True)
    assert "\n" not in str(raised.value)


def test_a_name_that_cannot_be_on_the_hub() -> None:
    with pytest.raises(MissingData, match="hub did not answer"):
        PSM.from_pretrained("me/a name with spaces")
