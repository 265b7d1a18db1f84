"""The loop over the stages: from settings to a data set, or as far as the archives let it."""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from psm.collect import paths
from psm.collect.archives.registry import open_source
from psm.collect.captions.captioning import caption_all
from psm.collect.catalogue import Catalogue
from psm.collect.cleaning.clean import clean_all
from psm.collect.columns import State
from psm.collect.comparing.duplicates import deduplicate_all
from psm.collect.comparing.selection import select_all
from psm.collect.comparing.splits import split_all
from psm.collect.config import BuildConfig, claim
from psm.collect.gathering import gather
from psm.collect.heartbeat import Heartbeat
from psm.collect.listing import list_all
from psm.collect.outputs.packing import pack_all
from psm.collect.plan import Plan
from psm.collect.run import Site
from psm.collect.tiles import image_all
from psm.errors import MissingData, UnfinishedBuild

_ROUNDS = 3
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


class Retry(StrEnum):
    """Which refused rows get another chance."""

    PASSING = "passing"
    ALL = "all"


@dataclass(frozen=True)
class Report:
    """How a build ended.

    Attributes:
        folder: of the build.
        states: rows by state.
        refusals: rows by stage and reason.
        may_pass: refused rows that may do better another time.
        troubles: by archive, why it could not be asked to the end.
    """

    folder: Path
    states: dict[str, int]
    refusals: dict[tuple[str, str], int]
    may_pass: int
    troubles: dict[str, str]

    def lines(self) -> Iterator[str]:
        """For people."""
        for (stage, reason), count in sorted(self.refusals.items(), key=lambda item: -item[1]):
            yield f"refused {count:6d}  {stage}: {reason}"
        packed = self.states.get(State.PACKED, 0)
        yield f"{self.folder}: {packed:,} recordings of {sum(self.states.values()):,} listed"
        if self.may_pass:
            yield f"{self.may_pass:,} were refused for a reason that may pass: try again by --retry"

    def check(self) -> None:
        """All archives were asked to the end, and something came of it.

        Raises:
            UnfinishedBuild: some were not; the message says which, and what to do.
            MissingData: no recording is left.
        """
        if self.troubles:
            told = "; ".join(f"{name}: {why}" for name, why in sorted(self.troubles.items()))
            raise UnfinishedBuild(
                f"{self.folder}: {told}. Run the same command with --retry later to go on"
            )
        if not self.states.get(State.PACKED):
            raise MissingData(
                f"{self.folder}: no recording is left; psm collect status {self.folder} says why"
            )


def build(
    folder: Path, config: BuildConfig, *, retry: Retry | None = None, workers: int | None = None
) -> Report:
    """Build a data set in a folder; what is there already is kept.

    It may be killed at any time and started again. The result depends on the settings and on what
    the archives answer.

    Raises:
        ConfigError: the folder holds something else, or a setting is wrong.
        PSMError: something that no archive is at fault of; what is done stays.
    """
    plan = Plan.of(config)
    sources = {name: open_source(name, s.options) for name, s in config.sources.items()}
    claim(folder, config, plan.facts())
    with Catalogue(folder) as catalogue, _beating(folder) as heartbeat:
        paths.sweep(folder)
        site = Site(folder, catalogue, plan, sources, heartbeat, workers)
        if retry is not None:
            catalogue.put_back(every=retry is Retry.ALL)
        try:
            _run(site)
            return _report(site)
        except OSError as problem:
            if problem.errno not in _NO_ROOM:
                raise
            raise UnfinishedBuild(
                f"{folder}: {problem.strerror}; make room and run the same command again"
            ) from None
        finally:
            with suppress(OSError):
                catalogue.snapshot(now=True)


def _run(site: Site) -> None:
    list_all(site)
    clean_all(site)
    for _ in range(_ROUNDS):
        site.is_complete = True
        select_all(site)
        gather(site)
        deduplicate_all(site)
        caption_all(site)
        image_all(site)
        split_all(site)
        pack_all(site)
        # A file that is no longer what the catalogue says is noticed when it is read.
        if site.is_complete:
            return


def _report(site: Site) -> Report:
    states: Counter[str] = Counter()
    for (_, state), count in site.catalogue.counts().items():
        states[state] += count
    return Report(
        folder=site.folder,
        states=dict(states),
        refusals=site.catalogue.refusals(),
        may_pass=site.catalogue.may_pass(),
        troubles=site.catalogue.silent() | site.troubles,
    )


@contextmanager
def _beating(folder: Path) -> Iterator[Heartbeat]:
    heartbeat = Heartbeat(folder)
    try:
        yield heartbeat
    finally:
        heartbeat.end()
