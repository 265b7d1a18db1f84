"""A recording is one point of a model's space, whoever hears it: evaluation, query, server."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import soundfile
import torch
from starlette.testclient import TestClient

from psm import PSM
from psm.config import Experiment
from psm.data.audio import AudioConfig, log_mel, read_audio
from psm.data.framing import Framing
from psm.gaussian import Gaussian
from psm.importing.conversion import convert
from psm.importing.framing import framing_of
from psm.importing.recordingtable import RecordingTable
from psm.inference.batches import audio_gaussians
from psm.inference.split import encode_split, raw_audio
from psm.mapping import Cells, Query
from psm.mapping.store import embed
from psm.published.checkpoint import import_checkpoint
from psm.seeding import generator
from psm.server import ServerState, Settings, create_app
from psm.server.served import open_all
from tests import hub
from tests.mapping.store.fakes import PlaceImagery
from tests.reference.recorded import FOLDER
from tests.tiny import tiny_clap_experiment, tiny_experiment

SECONDS = (3, 10, 25, 70)
RATE_HZ = 16_000


def clip(path: Path, seconds: int) -> None:
    """Tones that rise from one end to the other, so that every window of it is another sound."""
    rng = generator(0, "rising", seconds)
    time = np.arange(seconds * RATE_HZ) / RATE_HZ
    pitch = 200.0 + 3000.0 * time / seconds
    sound = 0.3 * np.sin(2 * np.pi * np.cumsum(pitch) / RATE_HZ) + 0.02 * rng.normal(size=time.size)
    soundfile.write(path, sound, RATE_HZ, subtype="PCM_16")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips of several lengths, with a table and a tile each."""
    folder = tmp_path_factory.mktemp("clips")
    rows = []
    for number, seconds in enumerate(SECONDS):
        clip(folder / f"{seconds}.wav", seconds)
        (folder / f"{seconds}.jpg").write_bytes(hub.tile(number))
        rows.append({
            "id": f"{seconds}s", "audio": f"{seconds}.wav", "tile": f"{seconds}.jpg",
            "lat": 10.0 * number, "lon": 20.0, "caption": "a rising tone", "split": "test",
        })  # fmt: skip
    with (folder / "table.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return folder


@dataclass(frozen=True)
class Heard:
    """What one model makes of the clips, by their seconds."""

    model: PSM
    evaluated: dict[int, Gaussian]


def embedded() -> PSM:
    model = tiny_experiment().model.model_copy(update={"audio": AudioConfig()})
    return PSM(model).eval()


def fused() -> PSM:
    model = tiny_clap_experiment().model
    clap = {**model.audio_tower.clap, "spec_size": 256, "num_mel_bins": 64}
    tower = model.audio_tower.model_copy(update={"clap": clap})
    whole = PSM(model.model_copy(update={"audio": AudioConfig.clap(), "audio_tower": tower})).eval()
    torch.nn.init.normal_(whole.audio_head.mean[-1].weight)
    return whole


def published() -> PSM:
    checkpoint = FOLDER / "checkpoints" / "tiny_weights.ckpt"
    with TemporaryDirectory() as out:
        import_checkpoint(
            checkpoint, out, tokenizer=str(FOLDER / "tokenizer"), satellite_heads=3, text_heads=4
        )
        return PSM.from_pretrained(out)


@pytest.fixture(scope="module", params=[embedded, fused, published])
def heard(
    request: pytest.FixtureRequest, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Heard:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model: PSM = request.param()
    framing = framing_of(Experiment(model=model.config))
    return Heard(model, evaluated(model, framing, folder, tmp_path_factory.mktemp("shards")))


def evaluated(model: PSM, framing: Framing, folder: Path, out: Path) -> dict[int, Gaussian]:
    """The clips, imported and encoded as an evaluation does."""
    table = RecordingTable(
        path=folder / "table.csv", framing=framing, gsd_m=10.0, buffer_km=0.0, shard_size=8
    )
    report = convert(table, out, workers=1)
    assert report.imported["test"] == len(SECONDS), report.refused
    split = encode_split(model, out, zooms=(1,))
    every = raw_audio(model, split).unit()
    seconds = [int(recording.key.rstrip("s")) for recording in split.recordings]
    return {s: every.rows(slice(i, i + 1)) for i, s in enumerate(seconds)}


def distance(a: Gaussian, b: Gaussian) -> float:
    return float((a.mean - b.mean).abs().max() + (a.log_var - b.log_var).abs().max())


@pytest.mark.parametrize("seconds", SECONDS)
def test_a_query_hears_what_the_evaluation_hears(heard: Heard, folder: Path, seconds: int) -> None:
    asked = Query(audio=(folder / f"{seconds}.wav",)).gaussian(heard.model)
    assert distance(asked, heard.evaluated[seconds]) < 1e-5


def test_the_server_hears_what_the_evaluation_hears(
    heard: Heard, folder: Path, tmp_path: Path
) -> None:
    model = heard.model
    store = embed(tmp_path / "few.zarr", model, PlaceImagery(), Cells.globe(step_deg=30.0)).store
    state = ServerState(model, open_all([store.url], model), Settings(prepare=False))
    with TestClient(create_app(state=state)) as client:
        for seconds in SECONDS:
            data = (folder / f"{seconds}.wav").read_bytes()
            sent = client.post("/api/v1/audio", files={"file": (f"{seconds}.wav", data)})
            assert sent.status_code == 201, sent.text
            kept = state.uploads.get(sent.json()["id"])
            assert kept is not None
            assert distance(kept.encoded.gaussian, heard.evaluated[seconds]) < 1e-5


def test_shards_in_another_order_are_heard_alike(
    heard: Heard, folder: Path, tmp_path: Path
) -> None:
    """What was imported for training here serves a published model, whose order is another."""
    framing = replace(heard.model.config.framing, shrunk_first=True)
    for seconds, gaussian in evaluated(heard.model, framing, folder, tmp_path).items():
        assert distance(gaussian, heard.evaluated[seconds]) < 1e-5


def test_these_clips_would_tell(heard: Heard, folder: Path) -> None:
    """Other windows of the same clip, or the four in another order, are another point."""
    model, framing = heard.model, heard.model.config.framing
    waveform = read_audio(folder / "70.wav", framing.audio.sample_rate_hz)
    start = log_mel(waveform[None, : framing.audio.clip_samples], framing.audio)[None]
    assert distance(audio_gaussians(model, start), heard.evaluated[70]) > 1e-3
    if framing.fused:
        assert framing.shrunk_first is not model.config.reference
        turned = replace(framing, shrunk_first=not framing.shrunk_first).mel(waveform)
        assert distance(audio_gaussians(model, turned[None]), heard.evaluated[70]) > 1e-3
