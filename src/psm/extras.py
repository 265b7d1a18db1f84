"""Optional dependencies, imported where they are used."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from psm.errors import MissingExtra


def require(name: str, extra: str) -> ModuleType:
    """The module ``name``, which comes with ``psm[extra]``.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as problem:
        if problem.name is None or problem.name.partition(".")[0] != name.partition(".")[0]:
            raise
        raise MissingExtra(f"{name} is not installed: pip install 'psm[{extra}]'") from None
