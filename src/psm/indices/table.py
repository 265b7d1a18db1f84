"""Table of indices: every clip in parallel, each row kept as soon as it is there.

Rows go into a journal beside the table, a line each, until all are there: a kill costs those that
were being computed. The first line of the journal says of what and with which settings they are.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock, Timeout

import psm
from psm.data.framing import Framing, framing_of_shards
from psm.data.shards import read_shard
from psm.data.sound.decoder import Sound, read_part, read_whole
from psm.data.sound.hearing import require_sound
from psm.data.sound.media import opened
from psm.data.sound.reading import mono_at
from psm.errors import ConfigError, MissingExtra, SettingsChanged, UnusableSound
from psm.extras import require_installed
from psm.files import atomic_path
from psm.indices.acoustic import acoustic_indices
from psm.indices.levels import sound_levels
from psm.indices.settings import INDICES, LEVELS, IndexSettings
from psm.indices.shardlevels import NO_SOUND, log_mel_levels
from psm.indices.sources import SHARDS, IndexedClip, Source, cells_of
from psm.indices.tablefile import SUFFIXES, Row, write_table
from psm.parallel import run_all
from psm.progress import track

PROBLEM = "problem"
"""Column that says what is not known of a clip, and why."""

_MOST_MB = 2048.0


@dataclass(frozen=True)
class IndexReport:
    """What was done.

    Attributes:
        rows: of the table.
        kept: how many of them an earlier run had computed.
        reasons: why what is not known, and how often.
        unreadable: how many clips have no number at all.
        rates_hz: sample rates that were met, and how often.
        settings: file with the settings.
    """

    rows: int
    kept: int
    reasons: Counter[str]
    unreadable: int
    rates_hz: Counter[int]
    settings: Path


@dataclass(frozen=True)
class _Shared:
    settings: IndexSettings
    framing: Framing | None


def write_indices(
    source: Source,
    out: Path,
    settings: IndexSettings,
    *,
    origin: Path,
    workers: int | None = None,
) -> IndexReport:
    """Compute the indices of all clips and write them as a table, with its settings beside it.

    Args:
        source: the clips.
        out: ``.csv`` or ``.parquet``.
        settings: of indices and levels.
        origin: what the source is, for the settings; of shards, where their framing is noted.
        workers: processes; all cores by default.

    Returns:
        What was done.

    Raises:
        ConfigError: a column that is to be written is in the table already, or another run writes
            the same table.
        SettingsChanged: the unfinished work beside it is of other recordings or settings.
        MissingExtra: scikit-maad is not installed.
    """
    if out.suffix.lower() not in SUFFIXES:
        raise ConfigError(f"{out}: write a table, {' or '.join(SUFFIXES)}")
    framing = None
    if source.kind == SHARDS:
        framing = framing_of_shards(origin)
    else:
        require_installed("indices", "maad")
    columns = _columns(source)
    _require_new(source, columns, origin)
    about = _about(source, settings, framing, origin)
    journal = out.with_name(f"{out.name}.rows")
    out.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(out.with_name(f".{out.name}.lock"))
    try:
        with lock.acquire(timeout=0):
            rows, kept = _computed(source, _Shared(settings, framing), journal, about, workers)
            _write(out, rows, source, about)
            note = out.with_name(f"{out.name}.yaml")
            with atomic_path(note) as aside:
                aside.write_text(yaml.safe_dump(about, sort_keys=False))
            journal.unlink()
    except Timeout:
        raise ConfigError(f"{out}: another process writes this table; wait for it") from None
    finally:
        Path(lock.lock_file).unlink(missing_ok=True)
    reasons = Counter(
        reason for row in rows for reason in f"{row[PROBLEM] or ''}".split("; ") if reason
    )
    return IndexReport(
        rows=len(rows),
        kept=kept,
        reasons=reasons,
        unreadable=sum(row["leq_dbfs"] is None for row in rows),
        rates_hz=Counter(rate for row in rows if isinstance(rate := row.get("rate_hz"), int)),
        settings=note,
    )


def _columns(source: Source) -> list[str]:
    """The columns that are added, in their order."""
    absolute = [f"{name}_db" for name in LEVELS] if source.calibrated else []
    heard = [] if source.kind == SHARDS else ["duration_s", "rate_hz"]
    levels = [f"{name}_dbfs" for name in LEVELS]
    return [*heard, *INDICES, *levels, *absolute, PROBLEM]


def _require_new(source: Source, columns: Sequence[str], origin: Path) -> None:
    if taken := [name for name in columns if name in source.clips[0].cells]:
        raise ConfigError(f"{origin}: has a column {taken[0]!r} already; rename it")


def _about(
    source: Source, settings: IndexSettings, framing: Framing | None, origin: Path
) -> dict[str, Any]:
    """All that the numbers follow from, as it is kept beside them."""
    maad = {} if source.kind == SHARDS else {"scikit_maad": version("scikit-maad")}
    clips = "".join(map(_named, source.clips)).encode("utf-8", "surrogateescape")
    return {
        "software": f"psm {psm.__version__}",
        **maad,
        "source": {
            "kind": source.kind,
            "name": origin.name,
            "fingerprint": hashlib.sha256(clips).hexdigest()[:16],
        },
        "settings": settings.model_dump(mode="json"),
        **({} if framing is None else {"framing": framing.to_json()}),
        "units": {
            "dbfs": "dB of full scale; a root mean square of 1 is 0 dB",
            "db": "dB re 20 µPa, where a calibration is known",
        },
    }


def _named(clip: IndexedClip) -> str:
    stat = clip.path.stat() if clip.path.is_file() else None
    size, changed = (stat.st_size, stat.st_mtime_ns) if stat else (0, 0)
    cells = json.dumps(dict(clip.cells), sort_keys=True, default=str)
    return f"{clip.path.name}:{size}:{changed}:{clip.begin_s}:{clip.end_s}:{cells}\n"


def _computed(
    source: Source, shared: _Shared, journal: Path, about: Mapping[str, Any], workers: int | None
) -> tuple[list[Row], int]:
    """All rows, in the order of the clips, and how many were there before."""
    done = _read_journal(journal, about)
    jobs = [(n, clip) for n, clip in enumerate(source.clips) if n not in done]
    kept = sum(len(rows) for rows in done.values())
    work = _of_shard if source.kind == SHARDS else _of_clip
    with journal.open("a", encoding="utf-8") as lines:
        if not done:
            lines.truncate(0)
            lines.write(json.dumps(about) + "\n")
            lines.flush()
        found = run_all(work, shared, jobs, workers=workers)
        unit = "shards" if source.kind == SHARDS else "clips"
        for number, rows in track(found, "Indices", total=len(jobs), unit=unit):
            done[number] = rows
            lines.write(json.dumps([number, rows]) + "\n")
            lines.flush()
    return [row for number in sorted(done) for row in done[number]], kept


def _read_journal(journal: Path, about: Mapping[str, Any]) -> dict[int, list[Row]]:
    """Rows that an earlier run left; a line that was cut short is as if it were not there.

    Raises:
        SettingsChanged: they are of something else.
    """
    if not journal.is_file():
        return {}
    with journal.open("rb") as stream:
        lines = stream.read().split(b"\n")
    whole = lines[:-1]
    if not whole:
        return {}
    begun = json.loads(whole[0])
    if begun != about:
        changed = next(name for name in {**begun, **about} if begun.get(name) != about.get(name))
        raise SettingsChanged(
            f"{journal}: unfinished work of other {changed}; delete it to begin anew, or write to "
            "another file"
        )
    if lines[-1]:  # cut short by a kill
        with journal.open("r+b") as stream:
            stream.truncate(sum(len(line) + 1 for line in whole))
    return dict(map(json.loads, whole[1:]))


def _of_clip(shared: _Shared, job: tuple[int, IndexedClip]) -> tuple[int, list[Row]]:
    """The row of one clip."""
    number, clip = job
    row: Row = {"duration_s": None, "rate_hz": None}
    if clip.problem:
        return number, [{**row, PROBLEM: clip.problem}]
    settings, why = shared.settings, clip.note
    try:
        sound = _read(clip, settings)
        rate_hz = settings.rate_hz or sound.rate_hz
        samples = mono_at(sound, rate_hz)
    except UnusableSound as problem:
        said = f"{problem.reason} ({problem.detail})" if problem.detail else problem.reason
        fix = f", {problem.fix}" if problem.fix else ""
        return number, [{**row, PROBLEM: f"{said}{fix}".replace("; ", ", ")}]
    except MissingExtra as problem:
        return number, [{**row, PROBLEM: f"{problem}".replace("; ", ", ")}]
    row |= {"duration_s": round(len(sound.samples) / sound.rate_hz, 3), "rate_hz": rate_hz}
    indices, no_index = acoustic_indices(samples, rate_hz, settings)
    levels, no_level = sound_levels(samples, rate_hz, settings)
    row |= _finite(indices) | _finite({f"{name}_dbfs": value for name, value in levels.items()})
    if (added := clip.calibration_db) is not None:
        row |= _finite({f"{name}_db": value + added for name, value in levels.items()})
    row[PROBLEM] = "; ".join(filter(None, (why, no_index, no_level))) or None
    return number, [row]


def _read(clip: IndexedClip, settings: IndexSettings) -> Sound:
    with opened(clip.path) as media:
        if clip.begin_s is None or clip.end_s is None:
            # Its length is asked before its samples: they would fill the memory.
            length_s = read_part(media, from_s=0.0, kept_s=0.1).duration_s
            if length_s > settings.longest_s:
                raise UnusableSound(
                    f"longer than {settings.longest_s / 60:g} minutes", fix="cut it, as --every 60"
                )
            media.file.seek(media.start)
            sound = read_whole(media, longest_s=settings.longest_s + 1.0, most_mb=_MOST_MB)
        else:
            kept_s = min(clip.end_s - clip.begin_s, settings.longest_s)
            sound = read_part(media, from_s=clip.begin_s, kept_s=kept_s, most_mb=_MOST_MB)
    require_sound(sound.samples)
    return sound


def _of_shard(shared: _Shared, job: tuple[int, IndexedClip]) -> tuple[int, list[Row]]:
    """The rows of one shard."""
    number, clip = job
    assert shared.framing is not None
    audio, rows = shared.framing.audio, list[Row]()
    for sample in read_shard(clip.path):
        if sample.mel.shape[1:] != (audio.frames, audio.n_mels):
            raise ConfigError(
                f"{clip.path}: log-mels of {sample.mel.shape[1]} x {sample.mel.shape[2]}, and no "
                "note beside the shards tells how they were framed; ask the folder of recordings"
            )
        levels = log_mel_levels(sample.mel, shared.framing, shared.settings)
        silent = "" if math.isfinite(levels["leq"]) else "; no levels: silence"
        rows.append(
            {
                **cells_of(sample.recording),
                **_finite({f"{name}_dbfs": value for name, value in levels.items()}),
                PROBLEM: f"{NO_SOUND}{silent}",
            }
        )
    return number, rows


def _finite(values: Mapping[str, float]) -> Row:
    return {name: value if math.isfinite(value) else None for name, value in values.items()}


def _write(out: Path, rows: list[Row], source: Source, about: Mapping[str, Any]) -> None:
    columns = _columns(source)
    if source.kind != SHARDS:
        for row, clip in zip(rows, source.clips, strict=True):
            row.update({**clip.cells, **row})
        first = list(source.clips[0].cells)
    else:
        first = [name for name in rows[0] if name not in columns] if rows else []
    rows[:] = [{name: row.get(name) for name in (*first, *columns)} for row in rows]
    numbers = [name for name in columns if name != PROBLEM]
    write_table(out, rows, [*first, *columns], numbers=numbers, about=about)
