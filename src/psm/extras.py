"""Optional dependencies: present, or an error that says how to install them."""

from __future__ import annotations

import importlib
from types import ModuleType

from psm.errors import MissingExtra


def require(name: str, extra: str) -> ModuleType:
    """The module ``name``, which ``psm[extra]`` installs.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError:
        raise MissingExtra(f"{name} is not installed: pip install 'psm[{extra}]'") from None
