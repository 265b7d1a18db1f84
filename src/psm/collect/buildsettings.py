"""Settings of a build: a validated YAML file, and the note of them in the folder."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from psm.collect.buildconfig import BuildConfig
from psm.collect.columns import Stage
from psm.errors import ConfigError, SettingsChanged
from psm.files import atomic_path
from psm.yamlfiles import parse, read_yaml

__all__ = ["CLAIM", "BuildConfig", "begun", "claim", "read_settings"]

CLAIM = "build.json"
"""What a build folder was begun with: all that shapes the result."""

_FORMAT_VERSION = 1
_DOES_NOT_SHAPE = {"keep_media"}

_FIRST_USER = {
    "preset": Stage.CLEAN,  # by the size of its tiles
    "tiles": Stage.CLEAN,
    "date": Stage.CLEAN,
    "worst_accuracy_m": Stage.CLEAN,
    "countries": Stage.SELECT,
    "months": Stage.SELECT,
    "licences": Stage.SELECT,
    "limit": Stage.SELECT,
    "most_per_species": Stage.SELECT,
    "seed": Stage.SELECT,
    "framing of the sound": Stage.DECODE,
    "refused_sounds": Stage.DECODE,
    "captioners": Stage.CAPTION,
    "scorer": Stage.CAPTION,
    "imagery": Stage.IMAGE,  # its pixels are "tiles" too
    "splits": Stage.SPLIT,
    "buffer_km": Stage.SPLIT,
    "shard_size": Stage.PACK,
}
"""Settings and facts by the first stage that works by them; all others shape the listing."""


def read_settings(folder: Path, path: Path | None, options: Mapping[str, Any]) -> BuildConfig:
    """Merge settings: a file, or those that the folder was begun with, then options.

    Args:
        folder: of the build.
        path: of a YAML file; ``None`` for the settings that the folder was begun with.
        options: of the command line, those that are ``None`` left out: ``archive`` is a list of
            names, ``licence`` one of licences, ``imagery`` a text, ``imagery_options`` its options
            by name, ``archive_options`` options by name by archive, others are as in the settings.

    Returns:
        The settings, validated; the date is that on which the folder was begun.

    Raises:
        ConfigError: a setting is unknown or does not fit, or nothing says what to build.
    """
    before = begun(folder)
    values = read_yaml(path) if path else before.model_dump(mode="json") if before else {}
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: expected settings by name, found {type(values).__name__}")
    given = {name: value for name, value in options.items() if value is not None}
    if names := given.pop("archive", None):
        known = _group(values, "sources")
        values["sources"] = {name: known.get(name) or {} for name in names}
    for name, settings in (given.pop("archive_options", None) or {}).items():
        _set_options(values, name, settings)
    if licences := given.pop("licence", None):
        values["licences"] = licences
    if imagery := given.pop("imagery", None):
        # Options are those of one kind of imagery, and mean nothing to another.
        values["imagery"] = {**_group(values, "imagery"), "options": {}, "source": imagery}
    if options_of_imagery := given.pop("imagery_options", None):
        before_that = _group(values, "imagery")
        kept = dict(before_that.get("options") or {})
        values["imagery"] = {**before_that, "options": {**kept, **options_of_imagery}}
    if "sources" not in values:
        raise ConfigError(
            f"{folder}: from which archives? give --archive, or --config with sources"
        )
    began = {} if before is None else {"date": before.date}
    return parse(BuildConfig, {**began, **values, **given}, str(path or folder))


def _group(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A group of settings; validation tells where something else stands in its place."""
    group = values.get(name) or {}
    if not isinstance(group, dict):
        raise ConfigError(f"{name}: expected settings by name, found {type(group).__name__}")
    return group


def _set_options(values: dict[str, Any], archive: str, options: Mapping[str, Any]) -> None:
    """Set options of an archive; an archive is named by having some."""
    known = _group(values, "sources")
    before = known.get(archive) or {}
    if known and archive not in known:
        raise ConfigError(
            f"{next(iter(options))} is an option of the archive {archive}, and that is none of "
            f"{', '.join(known)}: add --archive {archive}"
        )
    if not isinstance(before, dict):
        raise ConfigError(f"sources.{archive}: expected settings by name")
    kept = dict(before.get("options") or {})
    changed = {**before, "options": {**kept, **options}}
    values["sources"] = {**known, archive: changed}


def begun(folder: Path) -> BuildConfig | None:
    """Settings that a folder was begun with, or ``None`` where nothing was.

    Raises:
        ConfigError: something else is there.
    """
    note = _note(folder)
    return None if note is None else parse(BuildConfig, note["config"], str(folder / CLAIM))


def claim(
    folder: Path,
    config: BuildConfig,
    facts: Mapping[str, Any],
    *,
    begun: Collection[Stage] = tuple(Stage),
) -> None:
    """Take a folder for a build; one that is begun goes on only with the same settings.

    Settings of a stage that has not begun may change: nothing was made by them.

    Args:
        folder: of the build.
        config: the settings.
        facts: what they came to, where that is not said by the settings themselves.
        begun: stages that have done something.

    Raises:
        ConfigError: something else is there.
        SettingsChanged: another build is there; the message names the first setting that differs.
    """
    note = {"format_version": _FORMAT_VERSION, "config": config.model_dump(mode="json")}
    asked = {**note, "facts": dict(facts)}
    found = _note(folder)
    differences = [] if found is None else _differences(_shaping(found), _shaping(asked))
    if changed := [one for one in differences if _first_user(one[0], config) in begun]:
        name, was, now = changed[0]
        raise SettingsChanged(
            f"{folder}: was begun with another {name} (it was {was!s:.80}, now {now!s:.80}); "
            "choose another folder, or leave the settings as they were"
        )
    with atomic_path(folder / CLAIM) as path:
        path.write_text(json.dumps(asked, indent=2, ensure_ascii=False) + "\n")


def _note(folder: Path) -> dict[str, Any] | None:
    path = folder / CLAIM
    if not path.exists():
        if folder.is_dir() and all(entry.name.startswith(".") for entry in folder.iterdir()):
            return None
        if folder.exists():
            raise ConfigError(f"{folder}: holds something else; choose another folder")
        return None
    try:
        note = dict(json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        raise ConfigError(f"{path}: not readable as the note of a build") from None
    if note.get("format_version") != _FORMAT_VERSION:
        raise ConfigError(f"{folder}: begun by another version of psm; choose another folder")
    return note


def _first_user(name: str, config: BuildConfig) -> Stage:
    """The first stage that works by a setting."""
    if name.endswith(".quota"):
        return Stage.SELECT
    # How far a place may be off is by default half a tile.
    if name.partition(".")[0] == "tiles" and config.worst_accuracy_m is not None:
        return Stage.IMAGE
    longest = max((start for start in _FIRST_USER if _is_below(name, start)), key=len, default="")
    return _FIRST_USER.get(longest, Stage.LIST)


def _is_below(name: str, start: str) -> bool:
    return name == start or name.startswith(f"{start}.")


def _shaping(note: Mapping[str, Any]) -> dict[str, Any]:
    config = {k: v for k, v in note["config"].items() if k not in _DOES_NOT_SHAPE}
    # Under another prompt the captions of a folder are written anew; see captions.captioning.
    config["captioners"] = [
        {k: v for k, v in captioner.items() if k != "prompt"} for captioner in config["captioners"]
    ]
    return {**config, **note["facts"]}


def _differences(before: Any, after: Any, name: str = "") -> list[tuple[str, Any, Any]]:
    """Dotted names of the settings that differ, with both values."""
    if isinstance(before, dict) and isinstance(after, dict):
        return [
            found
            for key in sorted(before.keys() | after.keys())
            for found in _differences(
                before.get(key, "nothing"), after.get(key, "nothing"), f"{name}.{key}".strip(".")
            )
        ]
    return [] if before == after else [(name, before, after)]
