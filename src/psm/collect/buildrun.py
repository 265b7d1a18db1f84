"""State of a running build: folder, catalogue, plan, archives, and what went wrong so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from psm.collect.archives.archive import Archive
from psm.collect.catalogue import BuildCatalogue
from psm.collect.columns import Stage
from psm.collect.heartbeat import Heartbeat
from psm.collect.plan import BuildPlan


@dataclass
class BuildRun:
    """A build that is running.

    Attributes:
        folder: of the build.
        catalogue: open.
        plan: what to build.
        archives: the archives by name.
        heartbeat: tells others how the build is doing.
        workers: processes; all cores by default.
        troubles: archives that could not be asked to the end, with what to do; the others go on.
        is_complete: nothing was found broken that has to be made again.
    """

    folder: Path
    catalogue: BuildCatalogue
    plan: BuildPlan
    archives: Mapping[str, Archive]
    heartbeat: Heartbeat
    workers: int | None = None
    troubles: dict[str, str] = field(default_factory=dict)
    is_complete: bool = True

    def listed(self) -> tuple[str, ...]:
        """Names of the archives that are listed to the end; the rows of others wait."""
        return tuple(name for name in self.archives if self.catalogue.listing(name).is_complete)

    def reset(self, stage: Stage, keys: Sequence[str]) -> None:
        """Have what a stage made of these rows made again, for it is broken."""
        if keys:
            self.catalogue.reset(stage, keys)
            self.is_complete = False

    def beat(self) -> None:
        """Between two items of work: tell others, now and then."""
        self.catalogue.snapshot()
        self.heartbeat.beat()
