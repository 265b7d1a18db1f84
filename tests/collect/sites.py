"""Build folders with little archives."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from psm.collect.buildrun import BuildRun
from psm.collect.buildsettings import BuildConfig
from psm.collect.catalogue import BuildCatalogue
from psm.collect.columns import Stage
from psm.collect.heartbeat import Heartbeat
from psm.collect.plan import BuildPlan
from tests.collect.little import Little


def config(*names: str, **changes: object) -> BuildConfig:
    """Settings of a build of archives with these names."""
    values = {"sources": dict.fromkeys(names), "preset": "earth-tiny", "date": "2026-01-01"}
    return BuildConfig.model_validate({**values, **changes})


@contextmanager
def site(folder: Path, *sources: Little, **changes: object) -> Iterator[BuildRun]:
    """A build that goes on in ``folder``."""
    named = {source.name: source for source in sources}
    plan = BuildPlan.of(config(*named, **changes))
    folder.mkdir(exist_ok=True)
    with BuildCatalogue(folder) as catalogue:
        yield BuildRun(folder, catalogue, plan, named, Heartbeat(folder), workers=1)


def cleaned(site: BuildRun) -> None:
    """Take every place as the archive says it."""
    rows = site.catalogue.ready(Stage.CLEAN, ())
    found = {"lat": 1.0, "lon": 2.0, "licence": "CC0-1.0"}
    site.catalogue.apply(Stage.CLEAN, [(row["key"], found) for row in rows])
