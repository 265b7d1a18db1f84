"""YAML as people write it: read strictly, with errors that name the file and the line.

Settings are pydantic models: :func:`parse` makes one of what was read, and :func:`write_yaml`
writes it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from psm.errors import ConfigError

Model = TypeVar("Model", bound=BaseModel)


class _DistinctKeys(yaml.SafeLoader):
    """YAML in which no key stands twice: the last one would silently win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if (name := repr(key.value)) in seen:
                twice = f"{name} stands there twice"
                raise yaml.MarkedYAMLError(problem=twice, problem_mark=key.start_mark)
            seen.add(name)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> Any:
    """A YAML file's content, with errors that name the file."""
    try:
        return yaml.load(path.read_text(encoding="utf-8-sig"), _DistinctKeys)
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file") from None
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark
        where = "" if mark is None else f"line {mark.line + 1}: "
        told = (problem.problem or problem.context or "not YAML").replace("'\\t'", "a tab")
        raise ConfigError(f"{path}: not readable as YAML ({where}{told})") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as problem:
        reason = str(problem).splitlines()[0]
        raise ConfigError(f"{path}: not readable as YAML ({reason})") from None


def parse(kind: type[Model], values: Any, origin: str) -> Model:
    """Validate ``values`` as ``kind``; the one-line error names the setting and ``origin``."""
    try:
        return kind.model_validate(values)
    except ValidationError as problem:
        first = problem.errors()[0]
        setting = ".".join(str(part) for part in first["loc"]) or "top level"
        raise ConfigError(f"{origin}: {setting}: {first['msg']}") from None


def write_yaml(config: BaseModel, path: Path) -> None:
    """Write ``config`` so that :func:`parse` of the file gives it back."""
    path.write_text(yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False))
