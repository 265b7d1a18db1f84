"""Builds a data set: runs all stages in order, as far as the archives let it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from psm.collect.archives.registry import open_archive
from psm.collect.buildconfig import BuildConfig
from psm.collect.buildrun import BuildRun
from psm.collect.buildsettings import begun as begun_settings
from psm.collect.buildsettings import claim
from psm.collect.captions.captioning import caption_all
from psm.collect.catalogue import FILE as CATALOGUE
from psm.collect.catalogue import BuildCatalogue
from psm.collect.checking import check_settings
from psm.collect.cleaning.clean import clean_all
from psm.collect.columns import CandidateState, Stage
from psm.collect.comparing.duplicates import deduplicate_all
from psm.collect.comparing.heldout import split_all
from psm.collect.comparing.selection import select_all
from psm.collect.gathering import gather
from psm.collect.heartbeat import Heartbeat
from psm.collect.imaging import image_all
from psm.collect.listing import list_all
from psm.collect.outputs.packing import pack_all
from psm.collect.plan import BuildPlan
from psm.errors import MissingData, NoRoom, OutputError, UnfinishedBuild
from psm.files import room_for, sweep

_ROUNDS = 3


class Retry(StrEnum):
    """Which refused candidates get another chance."""

    PASSING = "passing"
    ALL = "all"


@dataclass(frozen=True)
class BuildReport:
    """Result of a build: candidates by state, refusals by reason, archives in trouble.

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
        """Lines for people: refusals by reason, the most frequent first, then what was built."""
        for (stage, reason), count in sorted(self.refusals.items(), key=lambda item: -item[1]):
            yield f"refused {count:6d}  {stage}: {reason}"
        packed = self.states.get(CandidateState.PACKED, 0)
        yield f"{self.folder}: {packed:,} recordings of {sum(self.states.values()):,} listed"
        if self.may_pass:
            yield f"{self.may_pass:,} were refused for a reason that may pass: try again by --retry"

    def check(self) -> None:
        """Raise where an archive was not asked to the end, or nothing came of the build.

        Raises:
            UnfinishedBuild: some were not; the message says which, and what to do.
            MissingData: no recording is left.
        """
        if self.troubles:
            told = "; ".join(f"{name}: {why}" for name, why in sorted(self.troubles.items()))
            raise UnfinishedBuild(
                f"{self.folder}: {told}. Run the same command with --retry later to go on"
            )
        if not self.states.get(CandidateState.PACKED):
            raise MissingData(
                f"{self.folder}: no recording is left; psm collect status {self.folder} says why"
            )


def build(
    folder: Path, config: BuildConfig, *, retry: Retry | None = None, workers: int | None = None
) -> BuildReport:
    """Build a data set in a folder; what is there already is kept.

    It may be killed at any time and started again. The result depends on the settings and on what
    the archives answer; not on timing, kills or the number of workers.

    Args:
        folder: of the build; made where there is none.
        config: what to build; see :func:`~psm.collect.buildsettings.read_settings` for YAML.
        retry: which refused candidates get another chance; none by default.
        workers: processes that clean, decode and pack; all cores by default.

    Returns:
        How the build ended. An archive that is down raises nothing here, so that the others go on:
        call :meth:`BuildReport.check` to have it raised.

    Raises:
        ConfigError: the folder holds something else, another process builds there, a setting is
            wrong, or credentials are missing.
        SettingsChanged: the folder was begun with other settings, or captioned by another model.
        UnfinishedBuild: the disk is full; what is done stays.
        MissingExtra: a package of the extra ``collect`` is not installed.
        PSMError: something else that no archive is at fault of; what is done stays.

    Example:
        >>> config = BuildConfig(sources={"aporee": {}}, region="Vienna, 300km", limit=500)
        >>> report = build(Path("vienna"), config)  # doctest: +SKIP
        >>> report.check()  # doctest: +SKIP
    """
    plan = BuildPlan.of(config)
    archives = {name: open_archive(name, s.options) for name, s in config.sources.items()}
    begun = _begun_stages(folder)
    check_settings(plan, begun=begun)
    claim(folder, config, plan.facts(), begun=begun)
    with BuildCatalogue(folder) as catalogue, _beating(folder) as heartbeat:
        sweep(folder)
        run = BuildRun(folder, catalogue, plan, archives, heartbeat, workers)
        if retry is not None:
            catalogue.put_back(every=retry is Retry.ALL)
        try:
            with room_for(folder):
                _run(run)
                return _report(run)
        except NoRoom as full:
            raise UnfinishedBuild(str(full)) from None
        finally:
            with suppress(OSError, OutputError):
                catalogue.snapshot(now=True)


def _begun_stages(folder: Path) -> frozenset[Stage]:
    """Stages that have done something in a folder of a build; none where there is no build."""
    if begun_settings(folder) is None or not (folder / CATALOGUE).exists():
        return frozenset()
    with BuildCatalogue(folder) as catalogue:
        return catalogue.begun()


def _run(run: BuildRun) -> None:
    list_all(run)
    clean_all(run)
    for _ in range(_ROUNDS):
        run.is_complete = True
        select_all(run)
        gather(run)
        deduplicate_all(run)
        caption_all(run)
        image_all(run)
        split_all(run)
        pack_all(run)
        # A file that is no longer what the catalogue says is noticed when it is read.
        if run.is_complete:
            return


def _report(run: BuildRun) -> BuildReport:
    states: Counter[str] = Counter()
    for (_, state), count in run.catalogue.counts().items():
        states[state] += count
    return BuildReport(
        folder=run.folder,
        states=dict(states),
        refusals=run.catalogue.refusals(),
        may_pass=run.catalogue.may_pass(),
        troubles=run.catalogue.silent() | run.troubles,
    )


@contextmanager
def _beating(folder: Path) -> Iterator[Heartbeat]:
    heartbeat = Heartbeat(folder)
    try:
        yield heartbeat
    finally:
        heartbeat.end()
