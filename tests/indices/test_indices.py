"""Acoustic indices and levels: equal to scikit-maad, honest where they are not known."""

from __future__ import annotations

import csv
import json
import math
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from psm.cli import main
from psm.data.audio import AudioConfig
from psm.data.framing import Framing
from psm.data.shards import write_shard
from psm.errors import ConfigError, MissingData, SettingsChanged
from psm.indices import (
    IndexSettings,
    acoustic_indices,
    levels,
    open_source,
    sound_levels,
    write_indices,
)
from psm.indices import table as tables
from psm.indices.levels import a_weighted, a_weighting
from psm.indices.shardlevels import log_mel_levels
from psm.indices.sources import SourceOptions
from tests.tiny import tiny_samples

SETTINGS = IndexSettings()
RECORDINGS = Path(__file__).parents[3] / "shared" / "recordings"
RATE = 32_000


def tone(hertz: float, seconds: float = 2.0, rate_hz: int = RATE) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate_hz)) / rate_hz).astype(
        np.float32
    )


def noise(seconds: float = 2.0, seed: int = 0, scale: float = 0.05) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (scale * rng.standard_normal(round(seconds * RATE))).astype(np.float32)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def written(folder: Path, out: Path, **options: object) -> list[dict[str, str]]:
    source = open_source(folder, SourceOptions(**options))  # type: ignore[arg-type]
    write_indices(source, out, SETTINGS, origin=folder, workers=1)
    return rows_of(out)


@pytest.mark.skipif(not RECORDINGS.is_dir(), reason="needs the recordings beside the repository")
@pytest.mark.parametrize("name", ["moodist-birds", "moodist-busy-street", "moodist-heavy-rain"])
def test_indices_are_those_of_scikit_maad(name: str) -> None:
    maad = pytest.importorskip("maad")
    samples, rate_hz = soundfile.read(RECORDINGS / f"{name}.ogg", dtype="float32")
    found, why = acoustic_indices(samples, rate_hz, SETTINGS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from maad import features, sound

        centred = samples - samples.mean(dtype=np.float64)
        power, _, hertz, _ = sound.spectrogram(centred, rate_hz)
        amplitude = np.sqrt(power)
        bins = {"fmin": 0, "fmax": 10_000, "bin_step": 1000, "dB_threshold": -50}
        expected = {
            "aci": features.acoustic_complexity_index(amplitude)[2],
            "adi": features.acoustic_diversity_index(amplitude, hertz, **bins),
            "aei": features.acoustic_eveness_index(amplitude, hertz, **bins),
            "bi": features.bioacoustics_index(amplitude, hertz, flim=(2000, 8000)),
            "h": features.temporal_entropy(centred, compatibility="seewave")
            * features.frequency_entropy(power, compatibility="seewave")[0],
        }
    assert maad.__version__
    assert why == ""
    assert {n: found[n] for n in expected} == pytest.approx(expected, rel=1e-9)


def test_the_bands_of_ndsi_are_those_of_the_paper() -> None:
    pytest.importorskip("maad")

    def ndsi(hertz: float) -> float:
        return acoustic_indices(tone(hertz) + noise(scale=1e-4), RATE, SETTINGS)[0]["ndsi"]

    assert [ndsi(hertz) for hertz in (1500, 2500, 7500)] == pytest.approx([-1, 1, 1], abs=0.01)
    # Outside of both bands a tone changes nothing of what noise gives: 6 kHz against 1.
    assert ndsi(8700) == pytest.approx(5 / 7, abs=0.1)


@pytest.mark.parametrize(
    ("samples", "rate_hz", "unknown", "why"),
    [
        (np.zeros(64_000, np.float32), RATE, {"aci", "adi", "aei", "bi", "ndsi", "h"}, "silence"),
        (noise(0.5), RATE, {"aci", "adi", "aei", "bi", "ndsi", "h"}, "shorter than 1 s"),
        (noise(2.0), 16_000, {"adi", "aei"}, "no adi: it needs sound up to 10 kHz"),
        (noise(2.0), 8_000, {"adi", "aei", "bi", "ndsi"}, "no ndsi: it needs sound up to 8 kHz"),
    ],
    ids=["silence", "short", "16 kHz", "8 kHz"],
)
def test_what_cannot_be_known_is_not_a_number_and_says_why(
    samples: np.ndarray, rate_hz: int, unknown: set[str], why: str
) -> None:
    pytest.importorskip("maad")
    found, said = acoustic_indices(samples, rate_hz, SETTINGS)
    assert {name for name, value in found.items() if math.isnan(value)} == unknown
    assert why in said


def test_the_a_weighting_is_that_of_the_standard() -> None:
    # IEC 61672-1:2013, table 3, to the tenth of a dB.
    nominal = {31.5: -39.4, 63: -26.2, 125: -16.1, 250: -8.6, 500: -3.2, 1000: 0.0, 2000: 1.2,
               4000: 1.0, 8000: -1.1, 16_000: -6.6}  # fmt: skip
    exact = [1000.0 * 10 ** (round(10 * math.log10(hertz / 1000)) / 10) for hertz in nominal]
    found = 20 * np.log10(a_weighting(np.array(exact)))
    assert found == pytest.approx(list(nominal.values()), abs=0.06)


def test_levels_of_a_sine_of_full_scale() -> None:
    found, why = sound_levels(tone(1000.0), RATE, SETTINGS)
    assert why == ""
    assert [*found.values()] == pytest.approx([-3.01] * 5, abs=0.02)
    low, _ = sound_levels(tone(31.6), RATE, SETTINGS)
    assert (low["leq"], low["laeq"]) == pytest.approx((-3.01, -42.35), abs=0.2)


def test_weighting_in_chunks_is_weighting_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(levels, "_CHUNK_S", 2.0)
    long = noise(5.0, seed=3)
    at_once = np.fft.irfft(
        np.fft.rfft(np.pad(long.astype(float), (0, RATE)))
        * a_weighting(np.fft.rfftfreq(len(long) + RATE, 1 / RATE))
    )[: len(long)]
    inside = slice(RATE, -RATE)  # the ends are mirrored, and here they are not
    np.testing.assert_allclose(a_weighted(long, RATE)[inside], at_once[inside], atol=1e-5)


@settings(deadline=None, max_examples=12)
@given(gain=st.floats(0.001, 5.0), seed=st.integers(0, 99))
def test_levels_rise_with_the_gain_and_are_in_order(gain: float, seed: int) -> None:
    quiet = noise(1.0, seed)
    loud, _ = sound_levels((gain * quiet).astype(np.float32), RATE, SETTINGS)
    found, _ = sound_levels(quiet, RATE, SETTINGS)
    raised = {name: value + 20 * math.log10(gain) for name, value in found.items()}
    assert loud == pytest.approx(raised, abs=1e-3)
    assert loud["la10"] >= loud["la50"] >= loud["la90"]


@pytest.mark.parametrize("audio", [AudioConfig(), AudioConfig(mel_scale="slaney")])
def test_log_mels_tell_the_levels_of_what_they_hear(audio: AudioConfig) -> None:
    wave = noise(5.0, scale=0.1) * np.linspace(0.2, 1.0, 5 * RATE, dtype=np.float32)
    spectrum = np.fft.rfft(wave)
    hertz = np.fft.rfftfreq(len(wave), 1 / RATE)
    spectrum[(hertz < 200) | (hertz > 12_000)] = 0.0
    heard = np.fft.irfft(spectrum).astype(np.float32)
    framing = Framing(audio=audio)
    found = log_mel_levels(framing.mel(heard), framing, SETTINGS)
    expected, _ = sound_levels(heard, RATE, SETTINGS)
    assert found == pytest.approx(expected, abs=0.3)


def test_rows_of_shards_have_levels_alone(tmp_path: Path) -> None:
    shards = tmp_path / "shards"
    mel = Framing(audio=AudioConfig()).mel(noise(5.0))
    samples = [replace(sample, mel=mel) for sample in tiny_samples("test", 3)]
    write_shard(shards / "test-000000.tar", samples)
    rows = written(shards, tmp_path / "found.csv")
    assert [row["key"] for row in rows] == [sample.recording.key for sample in samples]
    assert {"lat", "lon", "month", "hour"} <= set(rows[0])
    assert all(row["laeq_dbfs"] and not row["ndsi"] for row in rows)
    assert all("no sound" in row["problem"] for row in rows)
    write_shard(shards / "test-000000.tar", tiny_samples("test", 1))
    with pytest.raises(ConfigError, match="no note beside the shards"):
        written(shards, tmp_path / "other.csv")
    with pytest.raises(ConfigError, match="--every is for recordings"):
        open_source(shards, SourceOptions(every_s=5.0))


@pytest.fixture
def card(tmp_path: Path) -> Path:
    """Recordings of two sites, one of them silent, and a file that is none."""
    pytest.importorskip("maad")
    card = tmp_path / "card"
    for site, samples in {"A": noise(3.0), "B": np.zeros(3 * RATE, np.float32)}.items():
        (card / site).mkdir(parents=True)
        soundfile.write(card / site / f"{site}_20240501_053000.wav", samples, RATE, "FLOAT")
    (card / "B" / "broken.wav").write_bytes(b"RIFF not a sound")
    (tmp_path / "sites.csv").write_text("site,latitude,longitude\nA,48.2,16.4\nB,47.1,15.4\n")
    return card


def test_a_card_gets_places_times_and_reasons(card: Path, tmp_path: Path) -> None:
    rows = written(card, tmp_path / "found.csv", deployments=tmp_path / "sites.csv", every_s=1.0)
    assert [row["begin_s"] for row in rows] == ["0", "1", "2", "0", "1", "2", ""]
    first, silent, broken = rows[1], rows[3], rows[6]
    assert (first["lat"], first["lon"], first["time"]) == ("48.2", "16.4", "2024-05-01T05:30:01")
    assert float(first["leq_dbfs"]) == pytest.approx(-26.0, abs=0.2)
    assert first["ndsi"]
    assert first["problem"] == ""
    assert silent["ndsi"] == silent["laeq_dbfs"] == ""
    assert "silence" in silent["problem"]
    assert broken["problem"] == "a RIFF file, but no WAV"
    about = yaml.safe_load((tmp_path / "found.csv.yaml").read_text())
    assert about["settings"]["biophony_khz"] == [2, 8]
    assert about["scikit_maad"]


def test_a_kill_costs_the_rows_that_were_being_computed(
    card: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "found.csv"
    source = open_source(card, SourceOptions(every_s=1.0))
    write_indices(source, out, SETTINGS, origin=card, workers=1)
    whole = out.read_text()
    out.unlink()
    computed: list[int] = []
    work = tables._of_clip

    def until_the_third(shared: object, job: object) -> object:
        if len(computed) == 3:
            raise KeyboardInterrupt
        computed.append(1)
        return work(shared, job)  # type: ignore[arg-type]

    monkeypatch.setattr(tables, "_of_clip", until_the_third)
    with pytest.raises(KeyboardInterrupt):
        write_indices(source, out, SETTINGS, origin=card, workers=1)
    assert not out.exists()
    journal = tmp_path / "found.csv.rows"
    with journal.open("a") as lines:
        lines.write('[3, [{"cut sho')
    monkeypatch.setattr(tables, "_of_clip", work)
    with pytest.raises(SettingsChanged, match="other settings; delete it"):
        write_indices(source, out, IndexSettings(window=512), origin=card, workers=1)
    report = write_indices(source, out, SETTINGS, origin=card, workers=1)
    assert (report.kept, report.rows) == (3, 7)
    assert out.read_text() == whole
    assert not journal.exists()


def test_a_table_keeps_its_columns_and_may_calibrate(card: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    table = card / "table.csv"
    table.write_text(
        "file,habitat,lat,lon,gain_db\nA/A_20240501_053000.wav,forest,48.2,16.4,120\n"
        "A/A_20240501_053000.wav,forest,48.2,16.4,\nA/gone.wav,meadow,1,2,120\n"
    )
    source = open_source(table, SourceOptions(calibration="gain_db"))
    out = tmp_path / "found.parquet"
    write_indices(source, out, SETTINGS, origin=table, workers=1)
    found = parquet.read_table(out)
    first, second, third = found.to_pylist()
    assert first["habitat"] == "forest"
    assert first["lat"] == 48.2
    assert first["laeq_db"] == pytest.approx(first["laeq_dbfs"] + 120.0)
    assert second["laeq_db"] is None
    assert second["problem"] == "no calibration in column gain_db"
    assert third["problem"] == "no such audio file"
    assert json.loads(found.schema.metadata[b"psm_indices"])["settings"]["window"] == 1024
    table.write_text("file,ndsi\nA/A_20240501_053000.wav,0.1\n")
    with pytest.raises(ConfigError, match="a column 'ndsi' already"):
        write_indices(open_source(table, SourceOptions()), out, SETTINGS, origin=table, workers=1)
    with pytest.raises(ConfigError, match="no number of dB, and no column"):
        open_source(table, SourceOptions(calibration="gain"))
    with pytest.raises(MissingData, match="no folder of recordings or shards"):
        open_source(tmp_path / "nowhere", SourceOptions())


def test_the_command_counts_reasons(
    card: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def psm(*arguments: str | Path) -> int:
        monkeypatch.setattr("sys.argv", ["psm", *map(str, arguments)])
        try:
            main()
        except SystemExit as stop:
            return int(stop.code or 0)
        return 0

    out = ("--out", tmp_path / "found.csv", "--workers", "1")
    assert psm("data", "indices", card, *out, "--calibration", "100", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["rows"], document["measured"]) == (3, 1)
    assert document["reasons"]["no indices: silence"] == 1
    row = rows_of(tmp_path / "found.csv")[0]
    assert float(row["laeq_db"]) == pytest.approx(float(row["laeq_dbfs"]) + 100.0)
    assert psm("data", "indices", card, *out, "--every", "9h") == 2
    assert "--every '9h': seconds from 1 to 600, as 60" in capsys.readouterr().err
    assert psm("data", "indices", card / "B", *out) == 2
    assert "no clip has a sound that can be measured" in capsys.readouterr().err
