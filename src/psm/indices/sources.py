"""Clips whose indices are wanted: of a folder of recordings, a table of them, or our shards.

Place and time are carried along: from headers, names and deployments, as an import reads them; or
from the columns of a table, which are kept as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from psm.data import delimited, filenames
from psm.data.recorders import note_of
from psm.data.recording import Recording
from psm.data.shards import shards_in
from psm.data.sound.decoder import read_part
from psm.data.sound.media import opened
from psm.errors import ConfigError, MissingData, UnusableSound
from psm.importing.field.clips import Clip, Cut, clips_of
from psm.importing.field.dataset import local_text
from psm.importing.field.placing import FieldClip, moved, placed
from psm.importing.field.recordings import FieldFolder, FieldOptions
from psm.importing.tablereader import TABLE_SUFFIXES, column_names, match_columns, table_rows

Cell = str | int | float | None
"""What a table holds: ``None`` where it is not known."""

SHARDS, FOLDER, TABLE = "shards", "recordings", "table"


@dataclass(frozen=True)
class IndexedClip:
    """A clip whose indices are wanted.

    Attributes:
        cells: what is known of it: the first columns of its row.
        path: of the sound, or of the shard.
        begin_s, end_s: of the clip in its file; ``None`` where it is all of the file.
        calibration_db: what turns dB of full scale into sound pressure; ``None`` if unknown.
        note: what is not known of it, and why.
        problem: why it has no sound at all; empty where it may have.
    """

    cells: Mapping[str, Cell]
    path: Path
    begin_s: float | None = None
    end_s: float | None = None
    calibration_db: float | None = None
    note: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Source:
    """What indices are computed of.

    Attributes:
        kind: one of ``shards``, ``recordings`` and ``table``.
        clips: all of it; of shards one for every shard.
        notes: lines for people.
        calibrated: whether levels may be absolute.
    """

    kind: str
    clips: Sequence[IndexedClip]
    notes: tuple[str, ...] = ()
    calibrated: bool = False


@dataclass(frozen=True, kw_only=True)
class SourceOptions:
    """How a source is read.

    Attributes:
        every_s: recordings are cut into clips of this length; ``None``: whole.
        deployments: table that says where recorders stood.
        calibration: dB, or the name of a column with them.
        columns: columns of a table by our names.
        split: of shards; all of them by default.
    """

    every_s: float | None = None
    deployments: Path | None = None
    calibration: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    split: str = "*"


def open_source(origin: Path, options: SourceOptions) -> Source:
    """The clips of a folder of recordings, a table of them, or a folder of our shards.

    Args:
        origin: folder or table.
        options: cutting, deployments, calibration.

    Returns:
        The clips, in order; a recording that cannot be read is one with a problem.

    Raises:
        MissingData: there is nothing of that kind.
        ConfigError: an option does not fit what was found, or a table is none.
    """
    if origin.is_file() and origin.suffix.lower() in TABLE_SUFFIXES:
        return _of_table(origin, options)
    if not origin.is_dir():
        kinds = ", ".join(TABLE_SUFFIXES)
        raise MissingData(f"{origin}: no folder of recordings or shards, and no table ({kinds})")
    calibration = delimited.number(options.calibration) if options.calibration else None
    if options.calibration and calibration is None:
        raise ConfigError(
            f"--calibration {options.calibration!r}: no number of dB, and a folder has no columns"
        )
    if shards_in(origin):
        return _of_shards(origin, options)
    return _of_folder(origin, options, calibration)


def _of_shards(origin: Path, options: SourceOptions) -> Source:
    for name in ("every_s", "deployments", "calibration"):
        if getattr(options, name) is not None:
            option = name.removesuffix("_s")
            raise ConfigError(
                f"{origin}: --{option} is for recordings; shards keep log-mels and no sound"
            )
    paths = shards_in(origin, options.split)
    if not paths:
        raise MissingData(f"{origin}: no {options.split} shards")
    note = (
        "shards keep log-mels and no sound: their rows have levels of what lies in the mel bands, "
        "and no indices; ask the folder of the recordings for these"
    )
    return Source(SHARDS, [IndexedClip({}, path) for path in paths], (note,))


def cells_of(recording: Recording) -> dict[str, Cell]:
    """First columns of a row that is a recording of a shard."""
    archive = recording.audio_source
    return {
        "key": recording.key,
        "lat": recording.lat,
        "lon": recording.lon,
        "month": recording.month,
        "hour": recording.hour,
        "split": recording.split,
        "audio_source": None if archive is None else str(archive),
    }


def _of_folder(origin: Path, options: SourceOptions, calibration: float | None) -> Source:
    found = FieldFolder(origin, FieldOptions(deployments=options.deployments))
    clips = [clip for name in found.names for clip in _field_clips(found, name, options)]
    return Source(
        FOLDER,
        [
            IndexedClip(
                _cells(clip), origin / clip.file, clip.begin_s, clip.end_s, calibration,
                note=_said(clip.problem, clip.detail) if not unreadable else "",
                problem=unreadable,
            )
            for clip, unreadable in clips
        ],
        tuple(found.notes()),
        calibrated=calibration is not None,
    )  # fmt: skip


def _field_clips(
    found: FieldFolder, name: str, options: SourceOptions
) -> Iterator[tuple[FieldClip, str]]:
    """Clips of a recording of a recorder, each with why it cannot be read."""
    path = found.folder / name
    note = note_of(path)
    whole = placed(name, note, (), found.deployments)
    try:
        spans = _spans(path, options.every_s, (None, None))
    except UnusableSound as problem:
        yield whole, _said(problem.reason, problem.detail)
        return
    for begin_s, end_s in spans:
        clip = moved(whole, note, begin_s or 0.0)
        yield replace(clip, begin_s=begin_s, end_s=end_s), ""


def _cells(clip: FieldClip) -> dict[str, Cell]:
    return {
        "file": clip.file,
        "begin_s": clip.begin_s,
        "end_s": clip.end_s,
        "lat": clip.lat,
        "lon": clip.lon,
        "time": local_text(clip) or None,
        "site": clip.site or None,
        "recorder": clip.recorder or None,
    }


def _spans(
    path: Path, every_s: float | None, part_s: tuple[float | None, float | None]
) -> Iterable[tuple[float | None, float | None]]:
    """Begins and ends of the clips of a recording, or of a part of it.

    Raises:
        UnusableSound: its length is wanted and it cannot be read.
    """
    if every_s is None:
        return [part_s]
    begin, end = part_s
    if end is None:
        with opened(path) as media:
            end = read_part(media, from_s=0.0, kept_s=0.1).duration_s
    offset = begin or 0.0
    cut = Cut("intervals", every_s)
    clips: list[Clip] = clips_of((), end - offset, cut)
    if len(clips) == 1 and clips[0].begin_s is None:
        return [part_s]
    return [(offset + (c.begin_s or 0.0), offset + (c.end_s or 0.0)) for c in clips]


def _of_table(origin: Path, options: SourceOptions) -> Source:
    if options.deployments is not None:
        raise ConfigError(f"{origin}: --deployments is for folders; a table has its own places")
    names = column_names(origin)
    columns = match_columns(names, options.columns, str(origin), needed=("audio",))
    calibration, column = _calibration(options.calibration, names, origin)
    begin, end = ("begin_s" if "begin_s" in names else ""), ("end_s" if "end_s" in names else "")
    folders = (origin.parent, origin.parent / "audio")
    clips = []
    for row in table_rows(origin):
        said = f"{row.cells.get(columns['audio'][0]) or ''}".strip()
        path = filenames.find(said, folders)
        problem = row.problem or ("" if path is not None else "no such audio file")
        value = calibration
        if column:
            value = delimited.number(f"{row.cells.get(column)}")
        part = _number(row.cells.get(begin)), _number(row.cells.get(end))
        cells: dict[str, Cell] = {name: _plain(row.cells.get(name)) for name in names}
        try:
            spans = [part] if problem or path is None else _spans(path, options.every_s, part)
        except UnusableSound as unusable:
            spans, problem = [part], _said(unusable.reason, unusable.detail)
        for from_s, to_s in spans:
            more = {"begin_s": from_s, "end_s": to_s} if options.every_s is not None else {}
            note = f"no calibration in column {column}" if column and value is None else ""
            clips.append(
                IndexedClip(
                    {**cells, **more}, path or origin.parent / said, from_s, to_s, value,
                    note=note, problem=problem,
                )
            )  # fmt: skip
    if not clips:
        raise MissingData(f"{origin}: the table has no rows")
    calibrated = bool(column) or calibration is not None
    return Source(TABLE, clips, calibrated=calibrated)


def _calibration(given: str | None, names: Sequence[str], origin: Path) -> tuple[float | None, str]:
    """A number of dB for all, or the name of a column."""
    if given is None:
        return None, ""
    if given in names:
        return None, given
    if (value := delimited.number(given)) is None:
        raise ConfigError(f"--calibration {given!r}: no number of dB, and no column of {origin}")
    return value, ""


def _number(cell: object) -> float | None:
    return None if cell is None else delimited.number(f"{cell}")


def _plain(cell: object) -> Cell:
    return cell if cell is None or isinstance(cell, (str, int, float)) else f"{cell}"


def _said(reason: str, detail: str) -> str:
    return f"{reason} ({detail})" if detail else reason
