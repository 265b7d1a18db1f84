"""Experiments by name and from files: presets, what they extend, and what a caller overrides.

The files in ``psm/presets`` are experiments; one may start from another by ``extends: NAME`` and
state only what differs.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from psm.config import Experiment
from psm.errors import ConfigError
from psm.yamlfiles import parse, read_yaml


def presets() -> tuple[str, ...]:
    """Names of the presets that come with the package."""
    folder = resources.files("psm") / "presets"
    names = (entry.name for entry in folder.iterdir())
    return tuple(sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml")))


def load_experiment(preset: str | Path, overrides: dict[str, Any] | None = None) -> Experiment:
    """Read a preset by name, or an experiment from a YAML file.

    Args:
        preset: a name from :func:`presets`, or a path that ends in ``.yaml``.
        overrides: dotted keys to values, as ``{"training.epochs": 2}``.

    Raises:
        ConfigError: the preset is unknown or a setting does not fit.
    """
    return with_overrides(_read_preset(str(preset)), overrides or {}, origin=str(preset))


def with_overrides(
    values: dict[str, Any], overrides: Mapping[str, Any], *, origin: str
) -> Experiment:
    """An experiment from its settings, some of them changed.

    Args:
        values: as YAML has them; changed.
        overrides: dotted keys to values.
        origin: of the values, for errors.

    Raises:
        ConfigError: a setting does not fit.
    """
    for dotted, value in overrides.items():
        *parents, leaf = dotted.split(".")
        target = values
        for parent in parents:
            target = target.setdefault(parent, {})
            if not isinstance(target, dict):
                raise ConfigError(f"setting {dotted!r}: {parent!r} is not a group of settings")
        target[leaf] = value
    return parse(Experiment, values, origin)


def with_current_names(experiment: Any) -> Any:
    """Settings of an experiment as read from a file, which an earlier version may have written.

    What a tower starts from was called ``source``; it is ``weights`` now.
    """
    model = experiment.get("model") if isinstance(experiment, dict) else None
    for name in ("satellite", "audio_tower", "text_tower"):
        tower = model.get(name) if isinstance(model, dict) else None
        if isinstance(tower, dict) and "source" in tower and "weights" not in tower:
            tower["weights"] = tower.pop("source")
    return experiment


def _read_preset(preset: str) -> dict[str, Any]:
    if preset.lower().endswith((".yaml", ".yml")):
        values = read_yaml(Path(preset))
    else:
        known = presets()
        if preset not in known:
            raise ConfigError(f"unknown preset {preset!r}: choose one of {', '.join(known)}")
        text = (resources.files("psm") / "presets" / f"{preset}.yaml").read_text()
        values = yaml.safe_load(text)
    if not isinstance(values, dict):
        raise ConfigError(f"{preset}: expected settings by name, found {type(values).__name__}")
    values = with_current_names(values)
    base = values.pop("extends", None)
    return _merge(_read_preset(base), values) if base else values


def _merge(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in changes.items():
        old = merged.get(key)
        merged[key] = (
            _merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
        )
    return merged
