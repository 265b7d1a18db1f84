"""Reference mode: what the published implementation does, where trained weights depend on it.

An imported checkpoint carries ``reference: true`` in its configuration and is then built with the
encodings below; everything new is trained with :mod:`psm.encoders.encoding`. What the published
evaluation does differently (views, composed queries, recalls) stands here too, so that its numbers
can be reproduced, and nowhere else.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float, Num, Shaped, UInt8
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from psm.data.context import Context
from psm.data.recording import AudioSource, Recording
from psm.encoders.encoding import Encoding, circle
from psm.encoders.fusion import TokenFusion
from psm.encoders.heads import point
from psm.encoders.tokens import Tokens
from psm.gaussian import Gaussian

_ROLLOFF, _CROSSINGS = 0.99, 6


class PublishedEncoding(Encoding):
    """Latitude on a circle where both poles meet, and a day whose 23 h is its 0 h.

    Minutes are dropped. The month is as ours.
    """

    place_size = 4

    def place(self, latlon: Float[Tensor, "batch 2"]) -> Float[Tensor, "batch place_size"]:
        """Sine and cosine of twice the latitude, then of the longitude."""
        lat, lon = latlon.unbind(-1)
        return torch.cat([circle(lat / 180.0), circle(lon / 360.0)], dim=-1)

    def hour(self, hour: Float[Tensor, " batch"]) -> Float[Tensor, "batch 2"]:
        """Points on a circle of 23 hours, whole hours only."""
        return circle(hour.floor() / 23.0)


def published_view(
    tile: UInt8[np.ndarray, "height width 3"], *, zoom: int, tile_px: int, size: int = 224
) -> Float[Tensor, "3 size size"]:
    """A view as published: RGB around [0, 1], which it may leave, before normalisation.

    The centre crop of ``zoom * tile_px`` pixels, black where the tile is smaller, is resized to
    ``tile_px`` and then to ``size``: bicubic on floats both times, where ours resizes bytes once.
    ``tile_px`` is that of :func:`published_tile_px`.
    """
    pixels = _cropped(torch.tensor(tile).permute(2, 0, 1)[None].float() / 255.0, zoom * tile_px)
    return published_resize(published_resize(pixels, tile_px), size)[0]


def published_byte_view(
    tile: UInt8[np.ndarray, "height width 3"], *, zoom: int, tile_px: int, size: int = 224
) -> Float[Tensor, "3 size size"]:
    """A view as Sat2Sound's evaluation makes it: the same crop, resized once and as bytes."""
    crop = _cropped(torch.tensor(tile).permute(2, 0, 1)[None], zoom * tile_px)
    return published_byte_resize(crop, size)[0].float() / 255.0


def _cropped(pixels: Num[Tensor, "1 3 height width"], side: int) -> Num[Tensor, "1 3 side side"]:
    # Halves are rounded to even, as in the library that the published code crops with.
    top, left = (round((length - side) / 2.0) for length in pixels.shape[-2:])
    return F.pad(
        pixels, [-left, left + side - pixels.shape[-1], -top, top + side - pixels.shape[-2]]
    )


def published_byte_resize(
    pixels: UInt8[Tensor, "batch 3 side side"], size: int
) -> UInt8[Tensor, "batch 3 size size"]:
    """Pixels resized as Sat2Sound has them: bicubic on bytes, smoothed where they become fewer."""
    if pixels.shape[-1] == size:
        return pixels
    pictures = [Image.fromarray(rows) for rows in pixels.permute(0, 2, 3, 1).cpu().numpy()]
    smaller = np.stack([np.asarray(p.resize((size, size), Image.Resampling.BICUBIC))
                        for p in pictures])  # fmt: skip
    return torch.from_numpy(smaller).permute(0, 3, 1, 2).to(pixels.device)


def published_resize(
    pixels: Float[Tensor, "batch 3 side side"], size: int
) -> Float[Tensor, "batch 3 size size"]:
    """Pixels resized as published: bicubic on floats, smoothed where they become fewer."""
    if pixels.shape[-1] == size:
        return pixels
    return F.interpolate(pixels, (size, size), mode="bicubic", antialias=True)


class PublishedTokenFusion(TokenFusion):
    """Fusion of Sat2Sound as published: all tokens of the context go on, also those not known.

    Without gradients, and where no row of the batch has a gap before a known token, they are zeros
    (PyTorch packs such a batch); else they are what a token of zeros comes to that looks at the
    others. Either kind chooses among the codes. The order of the fields decides what is a gap:
    sources, place, month, hour.
    """

    _ORDER = ("audio_source", "caption_source", "latlon", "month", "hour")

    def told(self, context: Context, *, keep_all: bool = True) -> Tokens:
        """A token for each field of the model in the published order, zeros where not known."""
        told = super().told(context, keep_all=keep_all)
        order = [self.fields.index(field) for field in self._ORDER if field in self.fields]
        known = told.known[:, order]
        return Tokens(told.values[:, order] * known[..., None], known)

    def forward(
        self, image: Float[Tensor, "batch features"], context: Context | None = None
    ) -> Float[Tensor, "batch fused"]:
        """Fuse packed image tokens with the context; nothing of it is known if it is ``None``."""
        if context is None:
            nowhere = np.full(len(image), np.nan)
            context = Context.of(lat=nowhere, lon=nowhere).to(image.device)
        tokens = Tokens.all_known(image.reshape(len(image), -1, self.dim))
        return self.attend(tokens.beside(self.told(context))).values.flatten(1)

    def attend(self, tokens: Tokens) -> Tokens:
        """What all tokens come to, zeros for those not known where PyTorch packs the batch."""
        fused = super().attend(tokens)
        has_gap = (tokens.known[:, 1:] & ~tokens.known[:, :-1]).any()
        if self.training or torch.is_grad_enabled() or has_gap:
            return fused
        return Tokens(fused.values * tokens.known[..., None], tokens.known)


class PointHead(nn.Module):
    """No head: the published deterministic satellite encoder ends with its projection."""

    def forward(self, features: Float[Tensor, "batch dim"]) -> Gaussian:
        """Points at the normalised features."""
        return self.raw(features).unit()

    def raw(self, features: Float[Tensor, "batch dim"]) -> Gaussian:
        """Points at the features."""
        return point(features)


def published_tile_px(imagery: str) -> int:
    """Side of a zoom-1 tile of ``imagery`` in pixels, as the published code crops it."""
    return 300 if imagery == "bing" else 256


def published_resampling(
    waveform: Float[np.ndarray, " samples"], rate_hz: int, wanted_hz: int
) -> Float[np.ndarray, " resampled"]:
    """A waveform at another rate, as the published loader of Sat2Sound resamples it.

    A sum of sincs under a squared cosine, six zero crossings to each side, that lets through 99 %
    of what both rates can hold (Smith, "Digital audio resampling"). Ours uses a steeper filter.

    Args:
        waveform: mono.
        rate_hz: its rate.
        wanted_hz: the rate to bring it to.
    """
    common = math.gcd(rate_hz, wanted_hz)
    old, new = rate_hz // common, wanted_hz // common
    base = _ROLLOFF * min(old, new)
    reach = math.ceil(_CROSSINGS * old / base)
    count = -(-len(waveform) * new // old)
    padded = np.pad(np.asarray(waveform, np.float64), reach)
    taps = np.arange(-reach, reach + 1)
    resampled = np.empty(count)
    # Outputs that many steps of ``new`` apart lie alike between the samples: one filter for each.
    for phase in range(min(new, count)):
        whole, part = divmod(phase * old, new)
        at = np.clip(base * (taps / old - part / (old * new)), -_CROSSINGS, _CROSSINGS)
        kernel = base / old * np.sinc(at) * np.cos(np.pi * at / (2 * _CROSSINGS)) ** 2
        starts = np.arange(whole, whole + old * -(-(count - phase) // new), old)
        rows = np.minimum(starts[:, None] + np.arange(len(taps)), len(padded) - 1)
        resampled[phase::new] = padded[rows] @ kernel
    return resampled.astype(np.float32)


def published_order(
    mels: Shaped[np.ndarray, "windows frames bands"],
) -> Shaped[np.ndarray, "windows frames bands"]:
    """CLAP's fused windows in the order of the published data: the shrunk whole last.

    Args:
        mels: fours with the shrunk whole first, as :func:`psm.data.audio.fused_log_mel` gives them.
    """
    fours = mels.reshape(-1, 4, *mels.shape[1:])
    return np.roll(fours, -1, axis=1).reshape(mels.shape)


def published_context(recordings: Sequence[Recording]) -> Context:
    """Contexts as the published loader fills them in: a date without a time counts as midnight.

    Freesound's times stay unknown there too, but the month of the upload counts as that of the
    recording. A month that the date leaves open is taken from the day of the run in the published
    code; that nobody can reproduce, and it stays unknown.
    """
    return Context.of_recordings([_as_published(recording) for recording in recordings])


def _as_published(recording: Recording) -> Recording:
    if recording.month is None:
        recording = replace(recording, month=recording.upload_month)
    is_uploaded = recording.audio_source is AudioSource.FREESOUND
    if recording.hour is None and recording.month is not None and not is_uploaded:
        recording = replace(recording, hour=0.0)
    return recording


def published_composition(image: Gaussian, text: Gaussian) -> Gaussian:
    """A composed query as published: means *before* normalisation and *log*-variances are added."""
    return Gaussian(F.normalize(image.mean + text.mean, dim=-1), image.log_var + text.log_var)


def published_hits(rank: NDArray[np.float64], top: float) -> NDArray[np.float64]:
    """Which queries count for R@``top`` as published: 1-based ranks *below* it, one too few."""
    return (rank < top).astype(np.float64)
