"""GeoCLIP's location encoder: 512 numbers of latitude and longitude alone.

Three networks see the place through random Fourier features of three widths, on Equal Earth's
projection, and what they say is added (Vivanco Cepeda et al. 2023, GeoCLIP: Clip-inspired alignment
between locations and images for effective worldwide geo-localization). The weights lie in the
package ``geoclip``, whose own dependencies drag torchvision: neither it nor they are imported, only
the one file is read, through PyTorch's allow-list.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from psm.errors import CheckpointMismatch, MissingExtra
from psm.features.provider import Vector
from psm.files import sha256_of
from psm.imagery.provider import NoImagery
from psm.weightfiles import named_tensors, read_weights, require_numbers

_INSIDE = "geoclip/model/weights/location_encoder_weights.pth"
_EARTH = (1.340264, -0.081106, 0.000893, 0.003796)
"""Coefficients of Equal Earth (Šavrič, Patterson and Jenny 2019)."""
_HALF_WIDTH = 66.50336 / 180.0
"""What GeoCLIP multiplies the projection by."""
_WAVES, _WIDTH, _SIZE, _SCALES = 256, 1024, 512, 3
_ROWS = 4096


class GeoClip:
    """GeoCLIP's features of where a place lies; no file but the encoder's weights is needed.

    Args:
        weights: ``location_encoder_weights.pth``, or the wheel that it lies in; by default those of
            the installed package.

    Raises:
        MissingExtra: no weights are named, and the package is not installed.
        MissingData: no such file.
        ForeignPickle, CheckpointMismatch: it holds something else.
    """

    name = "geoclip"
    size = _SIZE
    has_seasons = False
    year = None
    licence = "MIT"
    attribution = "GeoCLIP location encoder (Vivanco Cepeda, Nayak and Shah 2023)"
    is_simulated: ClassVar[bool] = False

    def __init__(self, weights: str = "") -> None:
        self._path = Path(weights) if weights else _installed()
        self.version = _read(self._path)[1]

    @property
    def settings(self) -> Mapping[str, object]:
        """The weights, by their hash."""
        return {"provider": self.name, "version": self.version}

    def read(
        self, *, lat: Float[np.ndarray, " n"], lon: Float[np.ndarray, " n"]
    ) -> Iterator[Vector | NoImagery]:
        """See :meth:`psm.features.FeatureProvider.read`.

        Args:
            lat, lon: degrees.

        Returns:
            A vector of every place.
        """
        encoder = _read(self._path)[0]
        for first in range(0, len(lat), _ROWS):
            rows = slice(first, first + _ROWS)
            places = torch.from_numpy(np.stack([lat[rows], lon[rows]], 1).astype(np.float64))
            with torch.inference_mode():
                yield from encoder(places).numpy()


class LocationEncoder(nn.Module):
    """The sum of three networks, each on Fourier features of its own width."""

    def __init__(self) -> None:
        super().__init__()
        for number in range(_SCALES):
            self.add_module(f"LocEnc{number}", _Network())

    def forward(self, latlon: Float[Tensor, "n 2"]) -> Float[Tensor, "n 512"]:
        """Features of places in degrees."""
        flat = equal_earth(latlon)
        found: Tensor = torch.stack([network(flat) for network in self.children()]).sum(0)
        return found


class _Network(nn.Module):
    """Named as the published weights are."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [_Fourier()]
        for fan_in in (2 * _WAVES, _WIDTH, _WIDTH):
            layers += [nn.Linear(fan_in, _WIDTH), nn.ReLU()]
        self.capsule = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.Linear(_WIDTH, _SIZE))

    def forward(self, flat: Float[Tensor, "n 2"]) -> Float[Tensor, "n 512"]:
        found: Tensor = self.head(self.capsule(flat))
        return found


class _Fourier(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.b = nn.Parameter(torch.zeros(_WAVES, 2), requires_grad=False)

    def forward(self, flat: Float[Tensor, "n 2"]) -> Float[Tensor, "n 512"]:
        # In float64: the finest waves turn hundreds of times between the poles.
        phase = 2.0 * torch.pi * flat.double() @ self.b.double().T
        return torch.cat([phase.cos(), phase.sin()], -1).to(self.b.dtype)


def equal_earth(latlon: Float[Tensor, "n 2"]) -> Float[Tensor, "n 2"]:
    """Places on Equal Earth's projection, scaled as GeoCLIP scales it.

    Args:
        latlon: degrees.
    """
    lat, lon = latlon.deg2rad().unbind(-1)
    a1, a2, a3, a4 = _EARTH
    root3 = 3.0**0.5
    theta = (root3 / 2.0 * lat.sin()).asin()
    squared = theta * theta
    slope = 9.0 * a4 * squared**4 + 7.0 * a3 * squared**3 + 3.0 * a2 * squared + a1
    x = 2.0 * root3 * lon * theta.cos() / (3.0 * slope)
    y = theta * (a4 * squared**4 + a3 * squared**3 + a2 * squared + a1)
    return torch.stack([x, y], -1) * _HALF_WIDTH


def _installed() -> Path:
    spec = find_spec("geoclip")  # found, not imported
    folders = [] if spec is None else list(spec.submodule_search_locations or [])
    if not folders:
        raise MissingExtra(
            "geoclip is not installed: pip install --no-deps geoclip, or name the wheel's file as "
            "--features geoclip:location_encoder_weights.pth"
        )
    return Path(folders[0]).parent / _INSIDE


@lru_cache(maxsize=2)
def _read(path: Path) -> tuple[LocationEncoder, str]:
    """The encoder, and a short name of its weights."""
    if path.suffix == ".whl":
        with TemporaryDirectory() as folder:
            return _of_file(_unpacked(path, Path(folder)), path)
    return _of_file(path, path)


def _unpacked(wheel: Path, folder: Path) -> Path:
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(_INSIDE) as stored:
            out = folder / "weights.pth"
            out.write_bytes(stored.read())
            return out
    except (OSError, KeyError, zipfile.BadZipFile):
        raise CheckpointMismatch(f"{wheel}: not a wheel with {_INSIDE} in it") from None


def _of_file(path: Path, origin: Path) -> tuple[LocationEncoder, str]:
    tensors = named_tensors(read_weights(path), str(origin))
    require_numbers(tensors, str(origin))
    encoder = LocationEncoder()
    wanted = {name: tensor.shape for name, tensor in encoder.state_dict().items()}
    for name in sorted(wanted.keys() | tensors.keys()):
        if name not in tensors or name not in wanted or tensors[name].shape != wanted[name]:
            raise CheckpointMismatch(f"{origin}: {name} is not as in GeoCLIP's location encoder")
    encoder.load_state_dict(tensors)
    return encoder.eval(), sha256_of(path)[:12]
