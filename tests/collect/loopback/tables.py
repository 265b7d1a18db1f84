"""What is not asked over HTTP: tables of metadata, and somebody's own folder of recordings."""

from __future__ import annotations

import bz2
import csv
from collections.abc import Sequence
from pathlib import Path

from tests.collect.loopback import entries
from tests.collect.loopback.media import audio
from tests.collect.loopback.world import Made, Trouble

YFCC = "yfcc100m_dataset.bz2"
SOUNDING_EARTH = "metadata.csv"
EXPORT = "observations.csv"
LOCAL = "local"


def write(made: Sequence[Made], folder: Path) -> None:
    """Write all of them into ``folder``, where they are not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / YFCC).exists():
        of = {name: [m for m in made if m.source == name] for name in {m.source for m in made}}
        _sounding_earth(of.get("aporee", []), folder / SOUNDING_EARTH)
        _export(of.get("inaturalist", []), folder / EXPORT)
        _local(of.get("local", []), folder / LOCAL)
        _yfcc(of.get("yfcc", []), folder / YFCC)


def _yfcc(made: Sequence[Made], path: Path) -> None:
    lines = []
    for one in made:
        lines += [entries.yfcc_photo(9000 + one.number * 3 + k) for k in range(3)]
        lines.append(entries.yfcc(one))
    path.write_bytes(bz2.compress(("\n".join(lines) + "\n").encode()))


def _sounding_earth(made: Sequence[Made], path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream)
        table.writerow(
            ["long_key", "key", "longitude", "latitude", "date", "title", "creator",
             "description", "mp3mediaid", "mp3samplerate"]
        )  # fmt: skip
        for m in made:
            date = f"{m.when:%Y-%m-%d %H:%M:%S}" if m.time_is_known else f"{m.when:%Y-%m-%d}"
            table.writerow(
                [m.id, m.id.split("_")[1], m.lon, m.lat, date, m.title, m.author, m.text,
                 m.number, 44100]
            )  # fmt: skip


def _export(made: Sequence[Made], path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream)
        table.writerow(
            ["id", "observed_on", "time_observed_at", "user_login", "user_name", "license", "url",
             "sound_url", "tag_list", "description", "latitude", "longitude",
             "positional_accuracy", "public_positional_accuracy", "coordinates_obscured",
             "scientific_name", "common_name"]
        )  # fmt: skip
        for m in made:
            number = m.id.split("-")[0]
            table.writerow(
                [number, f"{m.when:%Y-%m-%d}", "", m.author, m.author, m.licence.upper(),
                 f"https://www.inaturalist.org/observations/{number}",
                 f"https://static.inaturalist.org/sounds/{m.id.split('-')[1]}{m.suffix}?1",
                 ",".join(m.tags), m.text, m.lat, m.lon, 20, 20, str(m.is_obscured).lower(),
                 m.species, m.common_name]
            )  # fmt: skip


def _local(made: Sequence[Made], folder: Path) -> None:
    """Recorders' folders with their own names of files, and a table of their places."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "places.csv").open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream)
        table.writerow(["file", "lat", "lon", "description", "license"])
        for m in made:
            site = m.id.split("-")[0]
            name = f"{site}/{m.when:%Y%m%d_%H%M}{m.number % 60:02d}.wav"
            table.writerow([name, m.lat, m.lon, m.text or m.title, m.licence])
            if m.trouble in (Trouble.GONE, Trouble.SURPRISE):
                continue
            (folder / site).mkdir(exist_ok=True)
            noise = m.trouble in (Trouble.NOISE, Trouble.PAGE, Trouble.SHORT)
            sound = audio(m.sound, ".wav", m.trouble is Trouble.SILENT)
            (folder / name).write_bytes(b"no recording at all" if noise else sound)
