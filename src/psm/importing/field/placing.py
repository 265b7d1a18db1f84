"""Place and time of a recording: from its own header, name and summary, and from deployments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from pathlib import PurePosixPath

from psm.data.dates import Clock
from psm.data.recorders import RecorderNote, times
from psm.data.recorders.names import prefixes_of
from psm.importing.field.deployments import NO_TIME, Deployments, Stay, Unplaced
from psm.importing.field.labels import Label

NO_PLACE = "no place: neither in the file nor in a table (--deployments)"
AHEAD = "its clock shows a day in the future"
SLOWED = "slowed down by its recorder: its pitch is not what was to be heard"

_DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class FieldClip:
    """A recording, or a clip of one.

    Attributes:
        file: below the folder; of what is of no file, what its table says.
        begin_s, end_s: of the clip; ``None`` where it is all of the file.
        lat, lon: degrees; ``None`` where nobody says the place.
        recorded, clock: begin of the clip as :func:`psm.data.dates.local_time` takes it.
        caption: what is heard.
        sounds: names of it.
        site, recorder: names.
        split: as the table of deployments has it.
        problem, detail: why it cannot be used.
    """

    file: str
    begin_s: float | None = None
    end_s: float | None = None
    lat: float | None = None
    lon: float | None = None
    recorded: str = ""
    clock: Clock = Clock.LOCAL
    caption: str = ""
    sounds: tuple[str, ...] = ()
    site: str = ""
    recorder: str = ""
    split: str = ""
    problem: str = ""
    detail: str = ""

    @property
    def name(self) -> str:
        """The file, and of a clip its begin and end in milliseconds."""
        if self.begin_s is None or self.end_s is None:
            return self.file
        path = PurePosixPath(self.file)
        span = f"{round(self.begin_s * 1000):07d}-{round(self.end_s * 1000):07d}ms"
        return str(path.with_name(f"{path.stem}-{span}{path.suffix}"))


def placed(
    name: str, note: RecorderNote, labels: Sequence[Label], deployments: Deployments | None
) -> FieldClip:
    """A whole recording with place and time, or with the reason why it has none.

    The table goes before what the file says, and the file before what was observed.

    Args:
        name: of the file, below the folder of all.
        note: what it says of itself.
        labels: of it.
        deployments: where recorders stood, if there is a table.
    """
    found = FieldClip(file=name, lat=note.lat, lon=note.lon, site=note.site, recorder=note.recorder)
    found = moved(found, note, 0.0)
    if note.slowed != 1.0:
        return replace(found, problem=SLOWED, detail=f"TE {note.slowed:g}")
    if note.is_set and note.clock is not None and note.clock > datetime.now() + _DAY:
        return replace(found, problem=AHEAD, detail=note.clock.isoformat(" ", "minutes"))
    why = Unplaced(NO_PLACE, note.recorder)
    if deployments is not None:
        stay = _stay(name, note, deployments)
        if isinstance(stay, Stay):
            return replace(found, lat=stay.lat, lon=stay.lon, site=stay.site, split=stay.split)
        why = stay
    if found.lat is not None:
        return found
    for label in labels:
        if label.lat is not None and not label.is_obscured:
            return replace(found, lat=label.lat, lon=label.lon)
    return replace(found, problem=why.reason, detail=why.detail)


def moved(clip: FieldClip, note: RecorderNote, begin_s: float) -> FieldClip:
    """The same with the time at which a clip of it begins."""
    if note.clock is not None and not note.is_set:  # said, so that it is counted as unknown
        return replace(clip, recorded=note.clock.isoformat(" ", "seconds"))
    if note.clock is not None:
        note = replace(note, clock=note.clock + timedelta(seconds=round(begin_s / note.slowed)))
    found = times.recorded(note, PurePosixPath(clip.file).stem)
    return clip if found is None else replace(clip, recorded=found[0], clock=found[1])


def started_at(label: Label, note: RecorderNote) -> Label:
    """A label with its begin in the file, where its table says the time of day."""
    if label.start_s is not None or label.begin is None or note.clock is None or not note.is_set:
        return label
    start_s = (label.begin - note.clock).total_seconds()
    if label.offset is not None and note.offset is not None:
        start_s -= (label.offset - note.offset).total_seconds()
    return replace(label, start_s=start_s, end_s=start_s + (label.end_s or 0.0))


def names_of_recorder(name: str, note: RecorderNote) -> list[str]:
    """What the recorder of a file may be called, the likeliest first.

    Args:
        name: of the file, below the folder of all.
        note: what the file says of itself.
    """
    path = PurePosixPath(name)
    outer, _, inner = note.recorder.partition(" (")
    inner = inner.rstrip(")")
    folders = [part for folder in path.parents for part in (folder.as_posix(), folder.name)]
    said = (note.recorder, outer, inner, inner.removeprefix("deployment "), note.site)
    names = dict.fromkeys((*said, *prefixes_of(path.stem), *folders))
    return [name for name in names if name not in ("", ".")]


def _stay(name: str, note: RecorderNote, deployments: Deployments) -> Stay | Unplaced:
    names = names_of_recorder(name, note)
    if note.clock is not None and note.is_set:
        return deployments.place_of(names, note.clock, note.offset)
    if note.day is None:
        return deployments.place_of(names, None)
    day = datetime.combine(note.day, time())
    first = deployments.place_of(names, day)
    last = deployments.place_of(names, day + _DAY - timedelta(seconds=1))
    if isinstance(first, Stay) and isinstance(last, Stay) and first != last:
        return Unplaced(NO_TIME, f"{name} on {note.day}")
    return first if isinstance(first, Unplaced) else last
