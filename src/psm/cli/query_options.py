"""Options of commands that ask a model: the query, the moment, and the places that are asked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from psm.cli.options import NO_FEATURES, Features, open_seen
from psm.cli.region_options import Area

if TYPE_CHECKING:
    from psm.calibration import Calibration
    from psm.cli.asking import Subject
    from psm.geodata.frame import Frame
    from psm.mapping import Query
    from psm.mapping.distances import EmbeddedRegion
    from psm.mapping.timetable.compactstore import CompactPlaces
    from psm.model import PSM

Together = Literal["blend", "all", "any"]

Texts = Annotated[
    list[str] | None, typer.Argument(help="What to listen for: frogs, frogs*2, frogs|toads.")
]
Without = Annotated[
    list[str] | None, typer.Option("--not", help="What not to hear, written in the same way.")
]
Audio = Annotated[
    list[str] | None, typer.Option(help="A recording to look for; may be given several times.")
]
Match = Annotated[
    Together, typer.Option(help="Several terms: blend (something like both), all of them, or any.")
]
AudioSourceOption = Annotated[
    str | None, typer.Option(help="Archive that is meant: yfcc, inat, aporee, freesound.")
]
CaptionSourceOption = Annotated[
    str | None, typer.Option(help="Captions that are meant: meta, qwen, pengi.")
]
Ensemble = Annotated[bool, typer.Option("--ensemble", help="Ask every text in several wordings.")]
Month = Annotated[int | None, typer.Option(help="1..12; unknown by default.")]
Hour = Annotated[float | None, typer.Option(help="Local solar time, the same in every cell.")]
Utc = Annotated[float | None, typer.Option(help="One instant: every cell has its own local hour.")]
Zooms = Annotated[
    list[int] | None, typer.Option(help="Zoom level of the imagery; several are mixed.")
]
Raw = Annotated[
    bool, typer.Option("--raw", help="The match probability as learnt, not calibrated.")
]
StoreOption = Annotated[
    str | None, typer.Option("--store", help="Ask a store of `psm embed` instead of a region.")
]
MeasureOption = Annotated[
    str | None,
    typer.Option(
        "--measure",
        help="A number instead of a query: a folder of `psm measure fit`, or the name of its "
        "column in runs/measures.",
    ),
]
IndicatorOption = Annotated[
    str | None,
    typer.Option(
        "--indicator",
        help="A number of the whole soundscape instead of a query: biophony, geophony, "
        "anthropophony, sounds, predicted_ndsi, tranquillity, pleasantness, eventfulness.",
    ),
]
VocabularyOption = Annotated[
    Path | None,
    typer.Option(
        "--vocabulary", help="Of an indicator: CSV of sounds with columns sound, class and source."
    ),
]
Exact = Annotated[
    bool,
    typer.Option(
        "--exact",
        help="Fuse every cell, though the store is prepared, or the globe comes with the model.",
    ),
]


@dataclass(frozen=True)
class Where:
    """The places that are asked, as the command line says it."""

    checkpoint: str
    store: str | None
    exact: bool
    area: Area
    imagery: str | None
    imagery_set: list[str] | None
    zoom: list[int] | None
    month: int | None
    features: Features = NO_FEATURES

    def places(self, model: PSM, subject: Subject | None) -> EmbeddedRegion:
        """Embedded cells: of the store, of the globe that comes with the model where it can answer,
        or of the user's cache; one bar while they are embedded.

        Args:
            model: of the checkpoint.
            subject: what they are asked for; ``None`` where their means are wanted.
        """
        from psm.errors import ConfigError
        from psm.mapping import MixedZooms, embed_cells
        from psm.progress import console

        if self.store is not None:
            if self.area.region is not None:
                raise ConfigError("--store and --region: a store has its own region")
            return self._of_store(model, subject)
        if subject is not None and subject.query is not None:
            subject.query.require_recordings(model)
        cells = self.area.cells()
        globe = self._globe(model, cells.frame) if _is_answered_by_distances(subject) else None
        if globe is not None:
            console().print(
                f"{len(globe.cells):,} cells, of the globe that comes with {model.config.name}; "
                "--exact fuses each anew"
            )
            return globe
        console().print(f"{len(cells):,} cells")
        provider = open_seen(
            self.imagery, self.imagery_set, model, month=self.month, features=self.features
        )
        levels = self.zoom or model.config.imagery.zooms[:1]
        parts = [embed_cells(model, provider, cells, level) for level in levels]
        return parts[0] if len(parts) == 1 else MixedZooms(tuple(parts))

    def _globe(self, model: PSM, frame: Frame) -> CompactPlaces | None:
        """The globe that comes with the model, where it is what is asked for."""
        from psm import checkpoints
        from psm.mapping.timetable.compactstore import CompactStore

        is_plain = not (
            self.exact or self.imagery or self.imagery_set or self.features != NO_FEATURES
        )
        if not is_plain or self.area.land_only or not frame.is_globe:
            return None
        compact = CompactStore.find(checkpoints.resolve(self.checkpoint), model)
        if compact is None or compact.frame != frame:
            return None
        return compact.places if tuple(self.zoom or compact.zooms) == compact.zooms else None

    def _of_store(self, model: PSM, subject: Subject | None) -> EmbeddedRegion:
        from psm.mapping import MixedZooms, Store, Timetable

        store = Store.open(self.store or "")
        store.require_model(model)
        levels = self.zoom or store.zooms[:1]
        if len(levels) == 1 and _names_no_source(subject) and not self.exact:
            prepared = Timetable.find(store, model, levels[0])
            if prepared is not None:
                return prepared
        parts = [store.embedded(level) for level in levels]
        return parts[0] if len(parts) == 1 else MixedZooms(tuple(parts))


def _names_no_source(subject: Subject | None) -> bool:
    query = None if subject is None else subject.query
    return query is None or (query.audio_source is None and query.caption_source is None)


def _is_answered_by_distances(subject: Subject | None) -> bool:
    """Whether month, hour and distances are all that is needed, and no means of the cells."""
    return subject is not None and subject.measure is None and _names_no_source(subject)


def require_recordings(query: Query) -> None:
    """Refuse a recording that is not there, before any work."""
    from psm.errors import MissingData

    for term in query.all_terms:
        if term.audio is not None and not term.audio.is_file():
            what = "is a folder; name a recording" if term.audio.is_dir() else "no such file"
            raise MissingData(f"--audio {term.audio}: {what}")


def calibration_of(model: str, raw: bool) -> Calibration | None:
    """The calibration of a model folder, unless it is not wanted or not there."""
    from psm.calibration import Calibration

    return None if raw else Calibration.find(model)
