"""Adapting: it learns what helps elsewhere, goes on after a kill, and says what came of it."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from psm import PSM
from psm.adaptation import adapt, fitting, pipeline, write_report
from psm.adaptation.fitting import adapt_to
from psm.adaptation.inputs import Inputs, find_recordings, load_inputs
from psm.adaptation.recipe import Learns, Recipe, recipes_for
from psm.adaptation.seeing import AS_TOLD, ways_of_seeing
from psm.checkpoints import read_experiment
from psm.cli import main
from psm.data.shards import write_shard
from psm.errors import ConfigError, SettingsChanged
from psm.imagery import BlueMarble, NoImagery, Picture, View
from psm.provenance import DataSet
from psm.training import Start
from tests.tiny import tiny_experiment, tiny_samples, write_tiny_model, write_tiny_shards

QUICK = (10, 40)


class Stripes:
    """Imagery that is dark in one degree of longitude and bright in the next."""

    is_simulated: ClassVar[bool] = False
    name, attribution, licence, has_seasons = "stripes", "nobody", "CC0-1.0", False
    settings: ClassVar = {"provider": "stripes"}

    def read(
        self, *, lat: np.ndarray, lon: np.ndarray, view: View
    ) -> Iterator[Picture | NoImagery]:
        for _, east in zip(lat, lon, strict=True):
            level = 40 if int(east // 1) % 2 else 140
            pixels = np.full((view.size_px, view.size_px, 3), level, np.uint8)
            yield Picture(pixels, view.gsd_m)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Recipes of some steps at a rate that shows."""

    def recipes(recordings: int, learns: Learns | None = None) -> tuple[Recipe, ...]:
        return tuple(
            replace(one, checkpoints=QUICK, learning_rate=1e-2, batch_size=32)
            for one in recipes_for(recordings, learns)
        )

    monkeypatch.setattr(pipeline, "recipes_for", recipes)


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_shards(tmp_path_factory.mktemp("shards") / "heath")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(
        tmp_path_factory.mktemp("base"), DataSet(name="the world", recordings=9)
    )


@pytest.fixture(scope="module")
def inputs(base: Path, shards: Path, tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    model = PSM.from_pretrained(base)
    keep = tmp_path_factory.mktemp("keep")
    found = find_recordings(model, shards)
    return load_inputs(model, found, shards, keep / "features.safetensors")


def numbers(folder: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return values


@pytest.mark.filterwarnings("ignore::psm.errors.UnfamiliarQuery")
def test_it_learns_what_helps_elsewhere_and_says_so(
    base: Path, shards: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = adapt(Start.of(base), shards, out)
    page = write_report(done, Stripes()).read_text()
    told = numbers(out)
    assert len(told["record_next"]["places"]) == 5
    assert told["choice"] is not None
    assert told["recordings"] == 56  # train and val; the test split is left alone
    assert told["standing"]["gain"] > 0.1
    assert {score["name"] for score in told["labels"]} == {"frogs", "traffic"}
    assert all(score["after"] > score["before"] for score in told["labels"])
    assert "Yes: at places" in page
    assert page.count("data:image/png") == 2
    loaded = PSM.from_pretrained(out)
    assert [data.name for data in loaded.provenance.trained_on] == ["the world", "heath"]
    assert "adapted: the heads" in read_experiment(out).training.started_from
    assert done.calibration is not None
    assert done.calibration.split == "folds of places"
    assert loaded.coverage is not None


def test_the_same_figures_after_a_kill(
    base: Path, shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = tmp_path / "whole"
    write_report(adapt(Start.of(base), shards, whole), None)
    plain, asked = fitting.adapt_to, []

    def killed(*args: Any, **options: Any) -> Any:
        asked.append(args)
        if len(asked) == 3:
            raise KeyboardInterrupt
        return plain(*args, **options)

    monkeypatch.setattr(pipeline, "adapt_to", killed)
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        adapt(Start.of(base), shards, out)
    before = len(asked)
    write_report(adapt(Start.of(base), shards, out), None)
    folds = numbers(out)["folds"]
    assert len(asked) - before == folds - 2 + 1  # two were done; one more learns from all
    assert {**numbers(out), "model": "whole"} == numbers(whole)
    ours, theirs = (PSM.from_pretrained(folder).state_dict() for folder in (out, whole))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_where_nothing_gains_the_model_stays(
    base: Path, shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def still(recordings: int, learns: Learns | None = None) -> tuple[Recipe, ...]:
        found = recipes_for(recordings, learns)
        return tuple(replace(one, checkpoints=(2,), learning_rate=1e-12) for one in found)

    monkeypatch.setattr(pipeline, "recipes_for", still)
    done = adapt(Start.of(base), shards, tmp_path / "out")
    page = write_report(done, BlueMarble()).read_text()
    assert "No maps: blue-marble has views of 64" in page  # the work is not lost for that
    assert done.verdict.choice is None
    assert "No: at places that were left out" in page
    before, after = (
        PSM.from_pretrained(folder).state_dict() for folder in (base, tmp_path / "out")
    )
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize("learns", ["heads", "last", "all"])
def test_only_what_is_to_learn_learns(learns: Learns, base: Path, inputs: Inputs) -> None:
    start = PSM.from_pretrained(base)
    before = {name: tensor.clone() for name, tensor in start.state_dict().items()}
    recipe = Recipe(learns, checkpoints=(2,), batch_size=16)
    rows = np.arange(len(inputs))
    ((_, model),) = adapt_to(start, tiny_experiment(), inputs, rows, recipe, seed=0)
    moved = {name.partition(".")[0] for name, tensor in model.state_dict().items()
             if not torch.equal(tensor, before[name])}  # fmt: skip
    parts = {"fusion", "location_head", "audio_head", "text_head"}
    expected = parts if learns == "heads" else parts | {"satellite", "audio"}
    assert moved - {"negative_scale", "shift"} == expected
    assert all(torch.equal(start.state_dict()[name], tensor) for name, tensor in before.items())
    whole = {name for name in before if name.startswith("satellite.") and "mean" not in name}
    still = {n for n in whole if torch.equal(model.state_dict()[n], before[n])}
    assert bool(still) == (learns != "all")


def test_another_run_in_the_same_folder_is_refused(
    base: Path, shards: Path, tmp_path: Path
) -> None:
    adapt(Start.of(base), shards, tmp_path)
    with pytest.raises(SettingsChanged, match=r"adaptation of another seed.*--no-resume"):
        adapt(Start.of(base), shards, tmp_path, seed=1)
    adapt(Start.of(base), shards, tmp_path, seed=1, resume=False)


@pytest.mark.parametrize(
    ("count", "message"),
    [(5, r"5 recordings are too few to adapt to: 30 at 3 places"), (0, "no train shards")],
)
def test_too_few_is_said_before_anything_is_written(
    count: int,
    message: str,
    base: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    few = tmp_path / "few"
    few.mkdir()
    if count:
        write_shard(few / "train-00000.tar", tiny_samples("train", count))
    arguments = ["adapt", few, "--from", base, "--out", tmp_path / "out"]
    monkeypatch.setattr(sys, "argv", ["psm", *map(str, arguments)])
    with pytest.raises(SystemExit):
        main()
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert re.search(message, line)
    assert not (tmp_path / "out").exists()


def test_imported_models_are_refused(shards: Path, tmp_path: Path) -> None:
    values = tiny_experiment().model.model_dump()
    published = tiny_experiment(model={**values, "reference": True})
    PSM(published.model).save_pretrained(tmp_path / "published", published)
    with pytest.raises(ConfigError, match="psm train --from"):
        adapt(Start.of(tmp_path / "published"), shards, tmp_path / "out")


def test_imagery_of_another_scale_is_seen_the_better_way(
    base: Path, shards: Path, tmp_path: Path
) -> None:
    near = [
        replace(sample, recording=replace(sample.recording, gsd_m=10.0))
        for split in ("train", "val")
        for sample in tiny_samples(split, 24)
    ]
    write_shard(tmp_path / "near" / "train-00000.tar", near)
    start = PSM.from_pretrained(base)
    told, trained = ways_of_seeing(start, [s.recording for s in near]).values()
    assert (told.config.satellite.gsd_unit_m, trained.config.satellite.gsd_unit_m) == (1000.0, 10.0)
    views = torch.randint(0, 255, (3, 3, 16, 16), dtype=torch.uint8)
    seen = trained.image_features(views, torch.full((3,), 10.0))
    assert torch.equal(seen, start.image_features(views, torch.full((3,), 1000.0)))
    assert not torch.equal(seen, told.image_features(views, torch.full((3,), 10.0)))
    done = adapt(Start.of(base), tmp_path / "near", tmp_path / "out")
    loaded = PSM.from_pretrained(tmp_path / "out")
    assert loaded.config.imagery.gsd_m == 10.0
    assert loaded.config.satellite.gsd_unit_m == done.before.config.satellite.gsd_unit_m
    far = find_recordings(start, shards)[1]
    assert list(ways_of_seeing(start, far)) == [AS_TOLD]
