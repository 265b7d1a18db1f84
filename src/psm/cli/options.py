"""Options that several commands share, and the reading of words from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from psm.features import FeatureProvider
    from psm.imagery import Provider
    from psm.model import PSM

MODEL = Path("runs/demo/model")
PRETRAINED = "earth-small"
"""The model that comes with the package."""

EARTH = Path("runs/demo/earth")

Features = tuple[str | None, list[str] | None]
"""``--features`` and ``--features-set``, as given."""
NO_FEATURES: Features = (None, None)

Seed = Annotated[int, typer.Option(help="Every random choice follows from it.", min=0)]
Model = Annotated[str, typer.Option("--model", help="Model folder, or a hub id.")]
Data = Annotated[Path, typer.Option("--data", help="Folder of shards.")]
Preset = Annotated[str, typer.Option(help="A preset, or a YAML file.")]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", help="Change a setting: training.epochs=2")
]
ServedModel = Annotated[
    str | None,
    typer.Option(
        "--model", help="Model folder or hub id; that of the demo, else the one included."
    ),
]
AsLearnt = Annotated[
    bool, typer.Option("--raw", help="The match probability as learnt, not calibrated.")
]
PrecisionOption = Annotated[
    Literal["auto", "float32", "bfloat16"],
    typer.Option("--precision", help="auto: bfloat16 where the processor has it."),
]
ImageryOption = Annotated[
    str | None,
    typer.Option(
        "--imagery",
        help="blue-marble, a raster file or pattern, xyz:…, stac:…; by default Blue Marble of the "
        "world that the model learnt last.",
    ),
]
ImagerySet = Annotated[
    list[str] | None,
    typer.Option("--imagery-set", help="Change a setting of the imagery: rate=2"),
]
FeaturesOption = Annotated[
    str | None,
    typer.Option(
        "--features",
        help="What others computed of places, for a model that sees through it: aef:FILES, "
        "tessera:ZARR, majortom:PARQUET, geoclip:WEIGHTS, a .npz or .parquet of your own.",
    ),
]
FeaturesSet = Annotated[
    list[str] | None,
    typer.Option("--features-set", help="Change a setting of the features: year=2023"),
]
AttentionHeads = Annotated[
    int | None, typer.Option(help="Attention heads; by default one for every 64 features.")
]

DeploymentsOption = Annotated[
    Path | None,
    typer.Option(
        "--deployments",
        help="Table of where recorders stood: site, latitude, longitude, from, to.",
    ),
]
DetectionsOption = Annotated[
    Path | None,
    typer.Option(
        "--detections",
        help="Table of what recorders heard, or a folder of them: BirdNET, Raven, "
        "Audacity, perch-hoplite, Kaleidoscope, opensoundscape, Darwin Core, ...",
    ),
]
LeastOption = Annotated[
    float | None,
    typer.Option("--least", help="Confidence from which on a detection counts; 0.5 by default."),
]
LeastScoreOption = Annotated[
    float | None, typer.Option("--least-score", help="The same for logits and other scores.")
]
CutOption = Annotated[
    str | None,
    typer.Option(
        "--cut",
        help="Clips of long recordings: whole, detections (by default, if there are), or seconds, "
        "as 60.",
    ),
]


def open_seen(
    imagery: str | None,
    given: list[str] | None,
    model: PSM,
    *,
    month: int | None = None,
    features: Features = NO_FEATURES,
) -> Provider:
    """What ``--imagery`` names; without it Blue Marble, as on the world that a model learnt last.

    Features stand beside it, or in its place, as the model sees.

    Args:
        imagery, given: of the command line, ``--imagery`` and ``--imagery-set``.
        model: that looks at it.
        month: for providers that have imagery of every month.
        features: of the command line, ``--features`` and ``--features-set``.
    """
    from psm.features import seen_through
    from psm.imagery import BlueMarble, open_imagery

    world = model.provenance.world
    default = f"{BlueMarble.name}:{world}" if world else BlueMarble.name
    seen = open_imagery(imagery or default, month=month, **settings(given))
    return seen_through(model.config, seen, open_named(*features))


def open_named(features: str | None, given: list[str] | None) -> FeatureProvider | None:
    """What ``--features`` names; ``None`` without it."""
    from psm.errors import ConfigError
    from psm.features import open_features

    if features is not None:
        return open_features(features, **settings(given))
    if given:
        raise ConfigError("--features-set: needs --features")
    return None


def settings(assignments: list[str] | None) -> dict[str, Any]:
    """``--set`` values by dotted key, read as YAML."""
    import yaml

    texts = assigned(assignments, "--set", "training.epochs=2")
    return {key: yaml.safe_load(value) for key, value in texts.items()}


def assigned(given: list[str] | None, option: str, example: str) -> dict[str, str]:
    """``KEY=VALUE`` words as a mapping; the error shows the ``example``."""
    from psm.errors import ConfigError

    values = {}
    for assignment in given or []:
        key, equals, value = assignment.partition("=")
        if not equals or not key:
            raise ConfigError(f"{option} {assignment!r}: write it as {example}")
        values[key] = value
    return values


def file_name(words: list[str]) -> str:
    """What was asked, as the name of a file."""
    kept = "".join(c if c.isalnum() else " " for c in " ".join(words).lower())
    return "-".join(kept.split())[:80] or "map"
