"""Interface of a format: recognises a data set, opens it, and reads its recordings part by part.

A new format is a module with a :class:`ForeignDataset` and a :class:`Format` that opens it, and a
line in the table of :mod:`psm.importing.formats`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from psm.data.shards import RawSample
from psm.importing.cutting import Tile

SHARD_SIZE = 128
"""Recordings of one shard, where the data set leaves the choice."""


@dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """Options of an import. A format refuses those that say nothing to it.

    Attributes:
        imagery: which imagery the tiles are, ``sentinel``, ``bingmap`` or ``googleEarth``; of the
            hub, which are taken. Of a table also where tiles come from, as for
            :func:`psm.imagery.open_imagery`.
        imagery_options: of that provider (tables).
        preset: what will be trained on the shards: frames the sound, says how large a tile must be.
        captions: folder of the published captions (published shards).
        columns: columns of a table by our names (tables; of recorders their deployments).
        gsd_m: metres per pixel of the tiles (tables, recorders).
        revision: of the repository (hub).
        splits: ours for splits of other names (hub); of recorders for ``all``.
        deployments: table that says where recorders stood (recorders).
        detections: table of what is heard, or a folder of them (recorders).
        least: confidence from which on a detection counts (recorders).
        least_score: the same for scores that are no confidences (recorders).
        cut: how recordings become clips: whole, detections or seconds (recorders).
        shrunk_first: order of CLAP's fused windows, see :func:`psm.data.audio.fused_log_mel`.
    """

    imagery: str | None = None
    imagery_options: Mapping[str, object] = field(default_factory=dict)
    preset: str | None = None
    captions: Path | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    gsd_m: float | None = None
    revision: str | None = None
    splits: Mapping[str, str] = field(default_factory=dict)
    deployments: Path | None = None
    detections: Path | None = None
    least: float | None = None
    least_score: float | None = None
    cut: str | None = None
    shrunk_first: bool = True


@dataclass(frozen=True)
class DatasetPart:
    """A piece of a data set that is read on its own.

    Attributes:
        name: of its shards, after the split.
        place: where it is; only its data set understands it.
    """

    name: str
    place: Any


class ForeignDataset(ABC):
    """Recordings in a foreign format, read part by part; base class of what a format opens.

    It travels to every worker, so that it is small and can be pickled.

    Example:
        One text file a part, one recording a line::

            class Lines(ForeignDataset):
                def describe(self):
                    return "a folder of lists"

                def fingerprint(self):
                    return {"format": "lists", "files": self.sizes()}

                def parts(self, cache):
                    return [DatasetPart(f"{i:05d}", path) for i, path in enumerate(self.paths())]

                def rows(self, part):
                    for line in part.place.read_text().splitlines():
                        yield line.partition(" ")[0], line

                def sample(self, part, name, row):
                    return RawSample(recording, tile_jpeg, mel)
    """

    @abstractmethod
    def describe(self) -> str:
        """Say what this is and what is read of it.

        Returns:
            A line for people.

        Raises:
            PSMError: it lacks what it needs.
        """

    def notes(self) -> list[str]:
        """Say what is not as one may expect: what is missing, left out or taken for something else.

        Returns:
            Lines for people; none where all is as it should be.
        """
        return []

    @abstractmethod
    def fingerprint(self) -> dict[str, Any]:
        """Tell this import from others: one goes on only where this is the same.

        Returns:
            All that the shards depend on, ready for JSON.
        """

    @abstractmethod
    def parts(self, cache: Path) -> list[DatasetPart]:
        """Cut the data set into parts, always in the same way.

        Args:
            cache: a folder for what is slow to find out, and for what the workers share.

        Returns:
            Parts whose places travel to the workers.

        Raises:
            PSMError: the data set cannot be read, or lacks what it needs.
        """

    @abstractmethod
    def rows(self, part: DatasetPart) -> Iterator[tuple[str, Any]]:
        """Read a part, recording by recording.

        Args:
            part: of :meth:`parts`.

        Returns:
            Pairs of the name of a recording, as it stands in ``refused.csv``, and its raw content,
            which :meth:`sample` takes.

        Raises:
            PSMError: the part cannot be read on: the import stops.
        """

    @abstractmethod
    def sample(self, part: DatasetPart, name: str, row: Any) -> RawSample:
        """Convert one recording.

        Args:
            part: of :meth:`parts`.
            name: of the recording, of :meth:`rows`.
            row: its raw content.

        Returns:
            Metadata, JPEG tile and float16 log-mel ``(windows, frames, bands)``.

        Raises:
            CorruptRecording, CorruptShard, ForeignPickle: it cannot be used. The message is alike
                for recordings that fail alike.
        """

    def tile_credit(self) -> dict[str, str]:
        """Say whose the imagery is that tiles are cut from.

        Returns:
            ``provider``, ``attribution`` and ``licence``; empty where tiles are not cut here.
        """
        return {}

    def doubts_of(self, row: Any) -> Sequence[str]:  # noqa: ARG002
        """Say what of an imported recording is unknown though its row names it.

        Args:
            row: raw content of the recording, of :meth:`rows`.

        Returns:
            Reasons, alike for recordings that are alike; ``report.json`` counts them.
        """
        return ()

    def tile_of(self, row: Any) -> Tile | None:  # noqa: ARG002
        """Look up the tile that was cut for a recording.

        Args:
            row: raw content of the recording, of :meth:`rows`.

        Returns:
            The tile, or ``None`` where tiles are not cut here.
        """
        return None


@dataclass(frozen=True, kw_only=True)
class Format:
    """A format of data sets.

    Attributes:
        name: as ``--format`` takes it.
        whose: whose an option is, for errors: ``of a table``.
        example: what is looked for in a folder, for errors.
        options: those of :class:`ImportOptions` that say something to it, beside ``imagery``,
            ``preset`` and ``shrunk_first``, which say something to all.
        recognises: whether a file, folder or hub id is of this format.
        open: the data set there.
    """

    name: str
    whose: str
    example: str
    options: frozenset[str]
    recognises: Callable[[str], bool]
    open: Callable[[str, ImportOptions], ForeignDataset]
