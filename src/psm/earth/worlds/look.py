"""Look of a foreign world: the same ground through another sensor, another air, another season."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, UInt8

_GREY = np.array([0.299, 0.587, 0.114], np.float32)
_AUTUMN = np.array([0.62, 0.43, 0.22], np.float32)
_TROPICS_DEG, _TEMPERATE_DEG = 15.0, 35.0


@dataclass(frozen=True, kw_only=True)
class Look:
    """What is done to every pixel of our Earth's imagery, in this order.

    Attributes:
        autumn: share of the green that has turned brown outside the tropics, 0 to 1.
        hemisphere: 1 where that is in the north, -1 in the south.
        saturation: 1 as it is, 0 grey.
        gains: of red, green and blue: the white balance of the sensor.
        gamma: above 1 the middle tones are darker.
        haze: share of the light that comes from the air, 0 to 1.
        haze_rgb: its colour, 0 to 1.
    """

    autumn: float
    hemisphere: int
    saturation: float
    gains: tuple[float, float, float]
    gamma: float
    haze: float
    haze_rgb: tuple[float, float, float]

    def applied(
        self, picture: UInt8[np.ndarray, "height width 3"], *, lat: float
    ) -> UInt8[np.ndarray, "height width 3"]:
        """A picture as this world shows it.

        Args:
            picture: RGB of our Earth.
            lat: of its middle, degrees.

        Returns:
            RGB, of the same size.
        """
        rgb = picture.astype(np.float32) / np.float32(255.0)
        rgb = self._in_season(rgb, lat)
        grey = (rgb @ _GREY)[..., None]
        rgb = grey + np.float32(self.saturation) * (rgb - grey)
        rgb = rgb * np.asarray(self.gains, np.float32)
        rgb = np.clip(rgb, 0.0, 1.0) ** np.float32(self.gamma)
        rgb += np.float32(self.haze) * (np.asarray(self.haze_rgb, np.float32) - rgb)
        return np.asarray(np.round(rgb * 255.0), np.uint8)

    def _in_season(
        self, rgb: Float32[np.ndarray, "height width 3"], lat: float
    ) -> Float32[np.ndarray, "height width 3"]:
        north = self.hemisphere * lat
        away = np.clip((north - _TROPICS_DEG) / (_TEMPERATE_DEG - _TROPICS_DEG), 0.0, 1.0)
        if not away:
            return rgb
        red, green, blue = np.moveaxis(rgb, -1, 0)
        light = rgb.mean(-1)
        is_green = np.clip((green - (red + blue) / 2.0) / np.maximum(light, 0.04) / 0.25, 0.0, 1.0)
        turned = (np.float32(self.autumn * away) * is_green)[..., None]
        brown = _AUTUMN / _AUTUMN.mean() * light[..., None]
        return np.asarray(rgb + turned * (brown - rgb), np.float32)


def draw_look(rng: np.random.Generator) -> tuple[Look, str]:
    """The look of a foreign world, and a sentence on it."""
    warm = float(rng.choice([-1.0, 1.0]) * rng.uniform(0.08, 0.2))
    air, colour = [("bluish", (0.72, 0.78, 0.86)), ("dusty", (0.82, 0.74, 0.62)),
                   ("grey", (0.75, 0.75, 0.75))][int(rng.integers(3))]  # fmt: skip
    look = Look(
        autumn=float(rng.uniform(0.5, 0.9)),
        hemisphere=int(rng.choice([-1, 1])),
        saturation=float(rng.choice([rng.uniform(0.45, 0.7), rng.uniform(1.3, 1.6)])),
        gains=(1.0 + warm, 1.0, 1.0 - warm),
        gamma=float(rng.choice([rng.uniform(0.7, 0.85), rng.uniform(1.15, 1.35)])),
        haze=float(rng.uniform(0.08, 0.3)),
        haze_rgb=colour,
    )
    return look, (
        f"{'Warmer' if warm > 0 else 'Colder'} and "
        f"{'paler' if look.saturation < 1 else 'stronger'} colours, "
        f"{'lighter' if look.gamma < 1 else 'darker'}, {look.haze:.0%} {air} haze; autumn in the "
        f"{'north' if look.hemisphere > 0 else 'south'}."
    )
