"""YAML as people write it: read strictly, with errors that name the file and the line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from psm.errors import ConfigError


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
