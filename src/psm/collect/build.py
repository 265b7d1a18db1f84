"""The loop over the stages: from settings to a data set, or as far as the archives let it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from psm.collect import paths
from psm.collect.catalogue import Catalogue
from psm.collect.config import BuildConfig, claim
from psm.collect.heartbeat import Heartbeat
from psm.collect.plan import Plan
from psm.collect.site import Site
from psm.collect.sources import open_source
from psm.collect.stages.cleaning import clean_all
from psm.collect.stages.gathering import gather
from psm.collect.stages.listing import list_all

_ROUNDS = 3


class Retry(StrEnum):
    """Which refused rows get another chance."""

    PASSING = "passing"
    ALL = "all"


@dataclass(frozen=True)
class Report:
    """How a build ended.

    Attributes:
        states: rows by state.
        refusals: rows by stage and reason.
        troubles: by archive, why it could not be asked to the end.
    """

    states: dict[str, int] = field(default_factory=dict)
    refusals: dict[tuple[str, str], int] = field(default_factory=dict)
    troubles: dict[str, str] = field(default_factory=dict)


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
        finally:
            catalogue.snapshot(now=True)
        states: dict[str, int] = {}
        for (_, state), count in catalogue.counts().items():
            states[state] = states.get(state, 0) + count
        return Report(states, catalogue.refusals(), dict(site.troubles))


def _run(site: Site) -> None:
    list_all(site)
    clean_all(site)
    gather(site)


@contextmanager
def _beating(folder: Path) -> Iterator[Heartbeat]:
    heartbeat = Heartbeat(folder)
    try:
        yield heartbeat
    finally:
        heartbeat.end()
