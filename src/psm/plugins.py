"""Plug-ins: parts that other installed packages bring, found by their entry points.

A package names what it brings in its ``pyproject.toml``, in a group for each kind of part::

    [project.entry-points."psm.imagery"]
    elevation = "my_package:Elevation"

Nothing of it is imported before somebody asks for it by name. What the house itself calls by a name
keeps it: a plug-in of the same name is listed, and never used. ``docs/plugins.md`` has the kinds.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from psm.errors import ConfigError

KINDS = {
    "imagery": "an imagery provider, opened by --imagery NAME:TEXT",
    "archives": "an archive of recordings, for psm collect",
    "audio_towers": "an audio tower, model.audio_tower.kind=plugin",
    "text_towers": "a text tower, model.text_tower.kind=plugin",
    "losses": "a loss of pairs, loss.kind=plugin",
}
"""Kinds of parts, and how one is asked for. The group of entry points is ``psm.`` and the kind."""


@dataclass(frozen=True)
class Plugin:
    """A part that some installed package brings.

    Attributes:
        kind: one of :data:`KINDS`.
        name: by which it is asked for.
        value: the object, as ``module:name``.
        package: that brings it, with its version.
    """

    kind: str
    name: str
    value: str
    package: str

    @property
    def entry(self) -> EntryPoint:
        """Its entry point."""
        return EntryPoint(self.name, self.value, f"psm.{self.kind}")

    def load(self) -> Any:
        """Import it.

        Raises:
            ConfigError: it cannot be imported; the reason and the package are named.
        """
        try:
            return self.entry.load()
        except Exception as problem:  # whatever another package does while it is imported
            reason = (str(problem) or type(problem).__name__).strip().splitlines()[0]
            raise ConfigError(
                f"plug-in {self.name!r} of {self.package}: {self.value} cannot be imported "
                f"({reason}); mend or uninstall that package"
            ) from problem


@cache
def plugins(kind: str) -> dict[str, Plugin]:
    """All plug-ins of a kind by name; of two of one name, the package that comes first.

    Args:
        kind: one of :data:`KINDS`.
    """
    found: dict[str, Plugin] = {}
    for entry in sorted(entry_points(group=f"psm.{kind}"), key=lambda one: (one.name, _of(one))):
        found.setdefault(entry.name, Plugin(kind, entry.name, entry.value, _of(entry)))
    return found


def load_plugin(kind: str, name: str | None) -> Any:
    """The object that a plug-in stands for.

    Args:
        kind: one of :data:`KINDS`.
        name: of the plug-in.

    Raises:
        ConfigError: there is none of that name, or it cannot be imported.
    """
    known = plugins(kind)
    if name not in known:
        names = ", ".join(known) or "none"
        raise ConfigError(
            f"no installed package brings {name!r} of psm.{kind}; there are: {names} (psm plugins)"
        )
    return known[name].load()


def _of(entry: EntryPoint) -> str:
    return "" if entry.dist is None else f"{entry.dist.name} {entry.dist.version}"
