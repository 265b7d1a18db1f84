"""GeoCLIP's location encoder: as its equations say, from the one file of its wheel."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from pyproj import Transformer

from psm.errors import CheckpointMismatch, ForeignPickle, MissingExtra
from psm.features import open_features, vectors
from psm.features.geoclip import LocationEncoder, equal_earth

SPHERE = "+proj=longlat +R=1"
INSIDE = "geoclip/model/weights/location_encoder_weights.pth"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel with weights drawn at random, and code that must not run."""
    folder = tmp_path_factory.mktemp("geoclip")
    with torch.random.fork_rng():
        torch.manual_seed(7)
        encoder = LocationEncoder()
        for number, network in enumerate(encoder.children()):
            waves = network.capsule[0].b  # type: ignore[union-attr, index]
            waves.data.normal_(std=16.0**number)
    torch.save(encoder.state_dict(), folder / "weights.pth")
    path = folder / "geoclip-1.3.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(folder / "weights.pth", INSIDE)
        archive.writestr("geoclip/__init__.py", "raise AssertionError('imported')")
    return path


def naive(weights: dict[str, np.ndarray], lat: float, lon: float) -> np.ndarray:
    """The encoder written out, with the projection of PROJ on the unit sphere."""
    to_flat = Transformer.from_crs(SPHERE, "+proj=eqearth +R=1", always_xy=True)
    flat = np.array(to_flat.transform(lon, lat)) * 66.50336 / 180.0
    total = np.zeros(512)
    for number in range(3):
        of = {name: weights[f"LocEnc{number}.{name}"].astype(float) for name in NAMES}
        phase = 2.0 * np.pi * of["capsule.0.b"] @ flat
        seen = np.concatenate([np.cos(phase), np.sin(phase)])
        for layer in (1, 3, 5):
            seen = of[f"capsule.{layer}.weight"] @ seen + of[f"capsule.{layer}.bias"]
            seen = np.maximum(seen, 0.0)
        total += of["head.0.weight"] @ seen + of["head.0.bias"]
    return total


NAMES = [
    "capsule.0.b",
    *(f"capsule.{layer}.{what}" for layer in (1, 3, 5) for what in ("weight", "bias")),
    "head.0.weight",
    "head.0.bias",
]


def test_features_are_what_the_equations_say(wheel: Path) -> None:
    provider = open_features(f"geoclip:{wheel}")
    lat, lon = np.array([47.3, -33.9, 0.0]), np.array([8.5, 151.2, -179.0])
    weights = torch.load(wheel.with_name("weights.pth"), weights_only=True)
    plain = {name: tensor.numpy() for name, tensor in weights.items()}
    expected = np.stack([naive(plain, *place) for place in zip(lat, lon, strict=True)])
    # PROJ goes from the geodetic latitude of a sphere, as GeoCLIP does.
    np.testing.assert_allclose(vectors(provider, lat=lat, lon=lon), expected, atol=1e-4)
    assert (provider.size, provider.licence) == (512, "MIT")
    assert provider.version == open_features(f"geoclip:{wheel.with_name('weights.pth')}").version


def test_equal_earth_is_that_of_proj() -> None:
    to_flat = Transformer.from_crs(SPHERE, "+proj=eqearth +R=1", always_xy=True)
    places = np.array([[10.0, 20.0], [-80.0, -170.0], [90.0, 0.0]])
    expected = np.stack(to_flat.transform(places[:, 1], places[:, 0]), 1) * 66.50336 / 180.0
    np.testing.assert_allclose(equal_earth(torch.from_numpy(places)), expected, atol=1e-6)


def test_files_that_are_something_else(wheel: Path, tmp_path: Path) -> None:
    weights = torch.load(wheel.with_name("weights.pth"), weights_only=True)
    del weights["LocEnc2.head.0.bias"]
    torch.save(weights, tmp_path / "short.pth")
    with pytest.raises(CheckpointMismatch, match=r"LocEnc2\.head\.0\.bias is not as in GeoCLIP"):
        open_features(f"geoclip:{tmp_path / 'short.pth'}")
    torch.save({"x": Path("evil")}, tmp_path / "evil.pth")
    with pytest.raises(ForeignPickle, match="refused"):
        open_features(f"geoclip:{tmp_path / 'evil.pth'}")
    (tmp_path / "other.whl").write_bytes(b"")
    with pytest.raises(CheckpointMismatch, match="not a wheel with"):
        open_features(f"geoclip:{tmp_path / 'other.whl'}")


def test_without_the_package_one_line_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("psm.features.geoclip.find_spec", lambda _: None)
    with pytest.raises(MissingExtra, match="pip install --no-deps geoclip"):
        open_features("geoclip")
