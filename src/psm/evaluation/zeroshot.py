"""Zero-shot classification of real recordings: which of the 28 phrases is nearest to each.

A folder holds sound files and a table ``manifest.csv`` with the columns ``file`` and ``sound``, the
latter one of the simulated Earth's sounds, several that are right with ``|`` between, or empty
where a recording is none of them. Such a recording is heard and listed, and counts in no share.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from rich import box
from rich.table import Table
from scipy.stats import binomtest

from psm.data.delimited import rows_of
from psm.earth.phrases import QUERY_PHRASES
from psm.earth.sounds import SOUNDS, Sound
from psm.errors import ConfigError, MissingData
from psm.evaluation.intervals import Interval
from psm.gaussian import csd
from psm.inference.batches import text_gaussians
from psm.mapping import Query
from psm.model import PSM
from psm.oserrors import one_line

MANIFEST_NAME = "manifest.csv"
_TOPS = (1, 3, 5)
_LISTED = 3


@dataclass(frozen=True, kw_only=True)
class NamedRecording:
    """What a model calls one recording.

    Attributes:
        file: its name in the manifest.
        sounds: what it may be called; none where it is none of the simulated Earth's sounds.
        names: all of those sounds, the nearest phrase first.
    """

    file: str
    sounds: tuple[str, ...]
    names: tuple[str, ...]

    @property
    def rank(self) -> int | None:
        """Place of the first right sound, from 1; ``None`` where there is none."""
        return min((self.names.index(sound) + 1 for sound in self.sounds), default=None)


@dataclass(frozen=True)
class ZeroShotReport:
    """What a model calls real recordings.

    Attributes:
        model: its name.
        recordings: in the order of the manifest.
    """

    model: str
    recordings: tuple[NamedRecording, ...]

    @property
    def ranks(self) -> list[int]:
        """Of those recordings that are one of the sounds."""
        return [one.rank for one in self.recordings if one.rank is not None]

    def top(self, count: int) -> tuple[float, Interval] | None:
        """Share of the right sounds among the first ``count``, with Wilson's 95 % interval.

        ``None`` where no recording is one of the sounds.
        """
        ranks = self.ranks
        if not ranks:
            return None
        right = sum(rank <= count for rank in ranks)
        found = binomtest(right, len(ranks)).proportion_ci(method="wilson")
        return right / len(ranks), (float(found.low), float(found.high))

    def to_json(self) -> dict[str, Any]:
        """JSON-ready."""
        shares = {f"top_{count}": self.top(count) for count in _TOPS}
        return {
            "model": self.model,
            "counted": len(self.ranks),
            "others": len(self.recordings) - len(self.ranks),
            "phrases": len(QUERY_PHRASES),
            **{name: None if found is None else found[0] for name, found in shares.items()},
            **{
                f"{name}_ci95": None if found is None else found[1]
                for name, found in shares.items()
            },
            "recordings": [{**asdict(one), "rank": one.rank} for one in self.recordings],
        }


@torch.inference_mode()
def name_recordings(
    model: PSM, folder: Path, manifest: Path | None = None, *, name: str | None = None
) -> ZeroShotReport:
    """Rank the 28 phrases by their distance to each recording of a folder.

    Args:
        model: in evaluation mode.
        folder: of sound files.
        manifest: the table with ``file`` and ``sound``; ``manifest.csv`` in the folder by default.
        name: the model's name in the report; its configured one by default.

    Raises:
        MissingData: there is no manifest, or a file that it names.
        ConfigError: the manifest lacks a column, or names a sound that there is not.
        CorruptRecording: a file cannot be read as sound.
    """
    rows = _manifest(folder, manifest or folder / MANIFEST_NAME)
    phrases = list(QUERY_PHRASES)
    texts = text_gaussians(model, list(QUERY_PHRASES.values()))
    found = []
    for file, sounds in rows:
        distance = csd(Query(audio=(folder / file,)).gaussian(model), texts)[0]
        order = torch.argsort(distance, stable=True).tolist()
        names = tuple(phrases[k].value for k in order)
        found.append(NamedRecording(file=file, sounds=sounds, names=names))
    return ZeroShotReport(name or model.config.name, tuple(found))


def _manifest(folder: Path, path: Path) -> list[tuple[str, tuple[str, ...]]]:
    """File and sounds of each row."""
    try:
        table = list(rows_of(path, needed=("file", "sound")))
    except OSError as problem:
        raise MissingData(
            f"{path}: no readable table of recordings ({one_line(problem)}); write one with the "
            "columns file and sound"
        ) from None
    rows = []
    for row in table:
        if row.problem:
            raise ConfigError(f"{path}, line {row.line}: {row.problem}")
        file = row.cells["file"].strip()
        sounds = tuple(name.strip() for name in row.cells["sound"].split("|") if name.strip())
        for sound in sounds:
            if sound not in SOUNDS:
                raise ConfigError(
                    f"{path}, line {row.line}: {sound!r} is no sound of the simulated Earth; leave "
                    f"it empty, or take one of: {', '.join(SOUNDS)}"
                )
        if not (folder / file).is_file():
            raise MissingData(f"{path}, line {row.line}: there is no {folder / file}")
        rows.append((file, sounds))
    if not rows:
        raise MissingData(f"{path}: it names no recording")
    return rows


def zeroshot_table(report: ZeroShotReport) -> Table:
    """Every recording with its first phrases, and the shares below."""
    shares = [
        f"top {count}: {share:.0%} ({low:.0%}–{high:.0%})"
        for count in _TOPS
        if (found := report.top(count)) is not None
        for share, (low, high) in [found]
    ]
    others = len(report.recordings) - len(report.ranks)
    told = f"of {len(report.ranks)} recordings, 95 % interval of Wilson" if shares else ""
    left = f"; {others} of none of the {len(SOUNDS)} sounds are not counted" if others else ""
    table = Table(
        title=f"Real recordings: what {report.model} calls them",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        header_style="bold",
        padding=0,
        caption=f"{', '.join(shares)} {told}{left}".strip("; "),
        caption_justify="left",
    )
    for heading in ("recording", "is", "called", "rank"):
        table.add_column(heading, justify="right" if heading == "rank" else "left")
    for one in report.recordings:
        called = "; ".join(QUERY_PHRASES[Sound(name)] for name in one.names[:_LISTED])
        rank = "" if one.rank is None else str(one.rank)
        is_right = one.rank == 1
        table.add_row(
            one.file, " or ".join(one.sounds) or "–", called, rank, style="bold" if is_right else ""
        )
    return table
