"""The PSM model: locations, recordings and captions in one Gaussian space."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from psm.config import ModelConfig
from psm.data.context import Context
from psm.encoders.audioencoding import AudioTower
from psm.encoders.audiotowers import build_audio_tower
from psm.encoders.textencoding import TextTower, encode_texts
from psm.encoders.texttowers import build_text_tower
from psm.gaussian import Gaussian, match_probability, match_uncertainty
from psm.model.parts import (
    build_codebook,
    build_fusion,
    build_satellite,
    location_head,
    tower_head,
)
from psm.model.stored import StoredModel
from psm.precision import computing, resolved


class PSM(StoredModel):
    """The model: three encoders, context fusion and a Gaussian head for each modality.

    With ``config.heads.kind`` a codebook, features are tokens, one after the other in a vector, and
    the heads are points whose variance is not known (:mod:`psm.encoders.codebook`).

    ``encode_*`` go from raw input to :class:`Gaussian`; each is split where work can be kept:
    ``image_features`` then ``fuse`` (another hour costs only the fusion), ``audio_features`` then
    ``audio_head``, ``text_features`` then ``text_head``. Gradients are kept: wrap calls in
    ``torch.inference_mode()`` where none are wanted. For more items than fit in memory see
    :mod:`psm.inference.batches`.

    Example:
        >>> model = PSM.from_pretrained("earth-small")
        >>> views = torch.zeros(1, 3, 64, 64, dtype=torch.uint8)
        >>> places = model.encode_location(views, torch.tensor([1000.0]))
        >>> sounds = model.encode_text(["church bells", "frogs in a pond"])
        >>> tuple(model.match_probability(places, sounds).shape)
        (1, 2)

    Args:
        config: sizes, towers and imagery.
        tokenizer: hub id or folder that takes the place of the tokenizer of the text tower.

    Raises:
        ConfigError: the weights that a tower is to start from cannot be loaded.
        CheckpointMismatch: they do not fit the tower.

    Attributes:
        config: what the model was built from.
        negative_scale: slope of the match probability in the distance (a).
        shift: its offset (b).
        precision: in which towers and fusion compute. ``float32`` is exact; ``auto`` takes bfloat16
            where it is native, but in reference mode, whose numbers are to be the published ones.
    """

    negative_scale: Tensor
    shift: Tensor

    def __init__(self, config: ModelConfig, *, tokenizer: str | Path | None = None) -> None:
        super().__init__(config)
        dim = config.dim
        self.satellite = build_satellite(config)
        self.fusion = build_fusion(config)
        self.codebook = build_codebook(config)
        self.location_head = location_head(config, self.codebook)
        self.audio: AudioTower = build_audio_tower(config.audio_tower, config.audio, dim)
        self.audio_head = tower_head(config, self.audio, self.codebook)
        self.text: TextTower = build_text_tower(config.text_tower, dim, tokenizer)
        self.text_head = tower_head(config, self.text, self.codebook)
        self.audio.requires_grad_(not config.audio_tower.frozen)
        self.text.requires_grad_(not config.text_tower.frozen)
        self.register_buffer("negative_scale", torch.tensor(5.0))
        self.register_buffer("shift", torch.tensor(5.0))

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.shift.device

    @property
    def knows_uncertainty(self) -> bool:
        """Whether anything tells how far its answers may be off: variances, or second opinions."""
        return self.config.heads.probabilistic or self.uncertainty is not None

    @property
    def computes_in(self) -> Literal["float32", "bfloat16"]:
        """What :attr:`precision` comes to where the weights are; another machine may differ."""
        return resolved(self.precision, self.device, is_exact=self.config.reference)

    def image_features(
        self,
        views: Float[Tensor, "batch 3 height width"] | UInt8[Tensor, "batch 3 height width"],
        gsd_m: Float[Tensor, " batch"],
        features: Float[Tensor, "batch numbers"] | None = None,
    ) -> Float[Tensor, "batch features"]:
        """Image features before fusion: one vector a view, which serves every context.

        Args:
            views: ``(batch, 3, height, width)`` RGB, uint8 or floats in [0, 1], of the size
                ``config.imagery.view_px``.
            gsd_m: ``(batch,)`` ground sample distance of each view, metres per pixel.
            features: ``(batch, numbers)`` that somebody else computed of the places, where
                ``config.satellite`` sees through them; a row of NaN where there are none. The views
                of a model that sees through nothing else are ``(batch, 3, 0, 0)``.

        Returns:
            ``(batch, config.image_features)`` float32.

        Raises:
            ValueError: views are of another size, or features are missing, too many, or of another
                size.
        """
        pixels = views.float() / 255.0 if views.dtype == torch.uint8 else views
        given = () if features is None else (features.float(),)
        with computing(self.computes_in, self.device):
            image: Tensor = self.satellite(pixels, gsd_m, *given)
        return image.float()

    def location_features(
        self, image: Float[Tensor, "batch features"], context: Context | None = None
    ) -> Float[Tensor, "batch fused"]:
        """Image features joined by what is known of the context, before the head.

        Args:
            image: of :meth:`image_features`.
            context: place, time and sources of each row; ``None`` where nothing is known.

        Returns:
            ``(batch, dim)``, of tokens as many as there are; ``image`` itself without fusion.
        """
        if self.fusion is None:
            return image
        with computing(self.computes_in, self.device):
            fused: Tensor = self.fusion(
                image, None if context is None else context.to(image.device)
            )
        return fused.float()

    def fuse(
        self, image: Float[Tensor, "batch features"], context: Context | None = None
    ) -> Gaussian:
        """Location Gaussians from image features and what is known of the context.

        Args:
            image: of :meth:`image_features`.
            context: place, time and sources of each row; ``None`` where nothing is known.

        Returns:
            A Gaussian for each row, means of unit length.
        """
        gaussian: Gaussian = self.location_head(self.location_features(image, context))
        return gaussian

    def encode_location(
        self,
        views: Float[Tensor, "batch 3 height width"] | UInt8[Tensor, "batch 3 height width"],
        gsd_m: Float[Tensor, " batch"],
        context: Context | None = None,
        features: Float[Tensor, "batch numbers"] | None = None,
    ) -> Gaussian:
        """Gaussians of locations: how each sounds, seen from above and told the context.

        Args:
            views: ``(batch, 3, height, width)`` RGB, uint8 or floats in [0, 1], of the size
                ``config.imagery.view_px``.
            gsd_m: ``(batch,)`` ground sample distance of each view, metres per pixel.
            context: place, time and sources of each row; ``None`` where nothing is known.
            features: of each place, as of :meth:`image_features`.

        Returns:
            A Gaussian for each row, means of unit length.

        Raises:
            ValueError: views or features are of another size.

        Example:
            >>> from psm.data.context import Context
            >>> model = PSM.from_pretrained("earth-small")
            >>> june_dawn = Context.of(lat=[48.2], lon=[16.4], month=6, hour=5.0)
            >>> views = torch.zeros(1, 3, 64, 64, dtype=torch.uint8)
            >>> tuple(model.encode_location(views, torch.tensor([1000.0]), june_dawn).mean.shape)
            (1, 256)
        """
        return self.fuse(self.image_features(views, gsd_m, features), context)

    def audio_features(
        self,
        mel: Float[Tensor, "batch windows frames bands"],
        is_longer: Bool[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, "batch features"]:
        """Features of recordings before the head.

        Args:
            mel: ``(batch, windows, frames, bands)`` log-mels in dB, framed as ``config.audio``.
            is_longer: ``(batch,)`` marks clips cut into different windows, for towers that fuse
                them; by default clips whose windows differ.

        Returns:
            ``(batch, features)`` float32, as many as the audio tower has.
        """
        if is_longer is None and self.config.reference:  # the published loader says so of any clip
            is_longer = mel.new_ones(len(mel), dtype=torch.bool)
        with computing(self.computes_in, self.device):
            if self.config.has_tokens:
                return self.audio.tokens(mel.float(), is_longer).packed().float()
            features: Tensor = self.audio(mel.float(), is_longer)
        return features.float()

    def encode_audio(
        self,
        mel: Float[Tensor, "batch windows frames bands"],
        is_longer: Bool[Tensor, " batch"] | None = None,
    ) -> Gaussian:
        """Gaussians of recordings.

        Args:
            mel: ``(batch, windows, frames, bands)`` log-mels in dB, framed as ``config.audio``; see
                :func:`psm.data.audio.log_mel`.
            is_longer: ``(batch,)`` marks clips cut into different windows, for towers that fuse
                them; by default clips whose windows differ.

        Returns:
            A Gaussian for each recording, means of unit length.
        """
        gaussian: Gaussian = self.audio_head(self.audio_features(mel, is_longer))
        return gaussian

    def text_features(self, texts: Sequence[str]) -> Float[Tensor, "batch features"]:
        """Features of captions before the head; without gradient where the tower is frozen.

        Args:
            texts: captions or queries; what is longer than the tower reads is cut.

        Returns:
            ``(len(texts), features)`` float32, as many as the text tower has.
        """
        as_tokens = self.config.has_tokens
        with computing(self.computes_in, self.device):
            if self.config.text_tower.frozen:
                return encode_texts(self.text.eval(), texts, as_tokens=as_tokens).float()
            if not torch.is_grad_enabled():
                return encode_texts(self.text, texts, as_tokens=as_tokens).float()
            features: Tensor = self.text.tokens(texts).packed() if as_tokens else self.text(texts)
        return features.float()

    def encode_text(self, texts: Sequence[str]) -> Gaussian:
        """Gaussians of captions or queries.

        Args:
            texts: in a language that the text tower reads, English unless its settings say more, as
                ``"frogs in a pond"``; what is longer than it reads is cut.

        Returns:
            A Gaussian for each text, means of unit length.

        Example:
            >>> model = PSM.from_pretrained("earth-small")
            >>> tuple(model.encode_text(["church bells", "surf on a beach"]).mean.shape)
            (2, 256)
        """
        gaussian: Gaussian = self.text_head(self.text_features(texts))
        return gaussian

    def match_probability(self, a: Gaussian, b: Gaussian) -> Float[Tensor, "n m"]:
        """Probability of a match of every pair, with the learnt scale and shift.

        Args:
            a: ``(n, dim)``, locations say.
            b: ``(m, dim)``, recordings or captions say.

        Returns:
            ``(n, m)`` in [0, 1]; what they mean is up to the training batch until a
            :class:`psm.calibration.Calibration` takes their place.
        """
        return match_probability(a, b, negative_scale=self.negative_scale, shift=self.shift)

    def match_uncertainty(self, a: Gaussian, b: Gaussian) -> Float[Tensor, "n m"]:
        """Standard deviation of the match probability, see :mod:`psm.gaussian`.

        Args:
            a: ``(n, dim)``.
            b: ``(m, dim)``.

        Returns:
            ``(n, m)``; NaN of a model that gives points, whose variance is not known.
        """
        if not self.config.heads.probabilistic:
            return a.mean.new_full((len(a.mean), len(b.mean)), torch.nan)
        return match_uncertainty(a, b, negative_scale=self.negative_scale, shift=self.shift)

    def train(self, mode: bool = True) -> PSM:
        """Set training mode; frozen towers stay in evaluation (their batch statistics too).

        Args:
            mode: ``False`` sets evaluation mode.

        Returns:
            The model itself.
        """
        super().train(mode)
        for tower, frozen in (
            (self.audio, self.config.audio_tower.frozen),
            (self.text, self.config.text_tower.frozen),
        ):
            if frozen:
                tower.eval()
        return self
