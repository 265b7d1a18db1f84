"""Publishing: what others read of a data set, beside the shards."""

from __future__ import annotations

from collections.abc import Sequence

import yaml

from psm import __version__
from psm.collect.outputs import attribution, card, croissant, parquet
from psm.collect.outputs.recordings import About, Row
from psm.collect.run import Site
from psm.collect.stages.imaging import imager


def publish(site: Site, rows: Sequence[Row]) -> None:
    """Bring the table and the papers of a data set up to date.

    Raises:
        CorruptRecording: a file of a recording is missing, or is not the one that the row names.
    """
    site.heartbeat.begin("publish")
    said = about(site)
    parquet.write(site.folder, rows, said, workers=site.workers)
    attribution.write(site.folder, rows, said)
    croissant.write(site.folder, rows, said)
    card.write(site.folder, rows, said)


def about(site: Site) -> About:
    """What is to be said of the whole."""
    config = site.plan.config
    credit, licence = imager(site).credit()
    return About(
        date=config.date.isoformat(),
        version=__version__,
        config=yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False),
        terms={name: source.terms for name, source in site.sources.items()},
        refused=site.catalogue.refusals(),
        listed=sum(site.catalogue.counts().values()),
        preset=config.preset,
        sample_rate_hz=site.plan.framing.audio.sample_rate_hz,
        imagery=_name(config.imagery.source),
        imagery_attribution=credit,
        imagery_licence=licence,
        buffer_km=site.plan.buffer_km,
        models=_models(site),
    )


def _models(site: Site) -> dict[str, str]:
    config = site.plan.config
    models = {str(captioner.style): captioner.model for captioner in config.captioners}
    return models if config.scorer is None else {**models, "score": config.scorer}


def _name(imagery: str) -> str:
    """What the imagery is called in the columns of tables."""
    kind = imagery.partition(":")[0]
    return {"stac": "sentinel", "blue-marble": "blue_marble"}.get(kind, "tile")
