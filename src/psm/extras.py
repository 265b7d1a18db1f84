"""Optional dependencies: imported where they are used, and how to install them.

On the package index the name ``psm`` belongs to another project, so that what is installed has a
name of its own; what is imported and the command are called ``psm``.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from psm.errors import MissingExtra

DISTRIBUTION = "psm-maps"
"""The name under which this package is installed."""


def install_line(extra: str | None = None) -> str:
    """The command that installs this package, perhaps with an extra; every message prints this."""
    return (
        f"pip install {DISTRIBUTION}" if extra is None else f"pip install '{DISTRIBUTION}[{extra}]'"
    )


def require(name: str, extra: str) -> ModuleType:
    """Import the module ``name``, which the extra brings.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as problem:
        if problem.name is None or problem.name.partition(".")[0] != name.partition(".")[0]:
            raise
        raise MissingExtra(f"{name} is not installed: {install_line(extra)}") from None
