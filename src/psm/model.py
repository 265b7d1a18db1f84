"""PSM: locations, recordings and captions in one Gaussian space."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import torch
from huggingface_hub import HfApi
from huggingface_hub.errors import HFValidationError, HTTPError  # type: ignore[attr-defined]
from jaxtyping import Bool, Float, UInt8
from torch import Tensor, nn

from psm import checkpoints
from psm.config import Experiment, ModelConfig
from psm.data.context import Context
from psm.encoders.audiotowers import build_audio_tower
from psm.encoders.encoding import Encoding
from psm.encoders.fusion import ContextFusion
from psm.encoders.heads import GaussianHead
from psm.encoders.satellite import SatelliteEncoder
from psm.encoders.texttowers import TextTower, build_text_tower, encode_texts
from psm.errors import HubError
from psm.gaussian import Gaussian, match_probability, match_uncertainty
from psm.modelcard import model_card
from psm.precision import Precision, computing, resolved
from psm.reference import PointHead, PublishedEncoding


class PSM(nn.Module):
    """The model: three encoders, metadata fusion and a Gaussian head a modality.

    ``encode_*`` go from raw input to :class:`Gaussian`; each is split where work can be kept:
    ``image_features`` then ``fuse`` (another hour costs only the fusion), ``audio_features`` then
    ``audio_head``, ``text_features`` then ``text_head``.

    Attributes:
        config: what the model was built from; ``tokenizer``, a hub id or folder, takes the place of
            the one that comes with the text tower's weights.
        experiment: what the model was trained by, where it was loaded from a folder that says so.
        negative_scale: slope of the match probability in the distance (a).
        shift: its offset (b).
        precision: in which the towers compute. ``float32`` is exact; ``auto`` takes bfloat16 where
            it is native, but in reference mode, whose numbers are to be the published ones.
    """

    experiment: Experiment | None = None
    negative_scale: Tensor
    shift: Tensor
    precision: Precision = "float32"

    def __init__(self, config: ModelConfig, *, tokenizer: str | Path | None = None) -> None:
        super().__init__()
        self.config = config
        dim, heads = config.dim, config.heads
        is_bare = config.reference and not heads.probabilistic
        self.satellite = SatelliteEncoder(config.satellite, config.imagery, dim)
        encoding = PublishedEncoding() if config.reference else Encoding()
        self.fusion = ContextFusion(config.context, dim, encoding) if config.context.depth else None
        self.location_head = PointHead() if is_bare else GaussianHead(dim, dim, heads)
        self.audio = build_audio_tower(config.audio_tower, config.audio, dim)
        self.audio_head = GaussianHead(self.audio.out_dim, dim, heads)
        self.text: TextTower = build_text_tower(config.text_tower, dim, tokenizer)
        self.text_head = GaussianHead(self.text.out_dim, dim, heads)
        self.audio.requires_grad_(not config.audio_tower.frozen)
        self.text.requires_grad_(not config.text_tower.frozen)
        self.register_buffer("negative_scale", torch.tensor(5.0))
        self.register_buffer("shift", torch.tensor(5.0))

    @classmethod
    def from_pretrained(cls, source: str | Path, *, precision: Precision = "float32") -> PSM:
        """Load a folder written by :meth:`save_pretrained`, or the same layout from the hub.

        Args:
            source: the folder, or a hub id.
            precision: in which the towers compute.

        Raises:
            MissingData: there is no such folder or hub repository.
            CheckpointMismatch: the weights do not fit the configuration.
        """
        folder = checkpoints.resolve(source)
        experiment = checkpoints.read_experiment(folder)
        model = cls(experiment.model, tokenizer=checkpoints.tokenizer_folder(folder))
        checkpoints.load_weights(model, folder)
        model.experiment = experiment
        model.precision = precision
        return model.eval()

    def save_pretrained(
        self,
        folder: str | Path,
        experiment: Experiment | None = None,
        *,
        is_half: bool = False,
    ) -> None:
        """Write ``config.yaml`` and ``model.safetensors``; nothing is left half-written.

        With ``is_half`` the weights are stored in float16, half the size and three digits each.

        Towers whose weights are stored are stored with their settings and tokenizer too, so that
        the folder needs neither the hub nor the place that they started from.
        """
        experiment = experiment or self.experiment or Experiment(model=self.config)
        config = experiment.model.model_copy(
            update={
                "audio_tower": self.audio.standalone(self.config.audio_tower),
                "text_tower": self.text.standalone(self.config.text_tower),
                "satellite": experiment.model.satellite.model_copy(
                    update={"weights": None, "adapt": ()}
                ),
            }
        )
        folder = Path(folder)
        if config.text_tower.weights is None:  # first: the configuration, last, makes it a model
            self.text.tokenizer.save_pretrained(folder / checkpoints.TOKENIZER_NAME)
        stored = experiment.model_copy(update={"model": config})
        checkpoints.save(self, stored, folder, is_half=is_half)

    def push_to_hub(
        self,
        repository: str,
        experiment: Experiment | None = None,
        *,
        private: bool = False,
        license: str | None = None,
        datasets: Sequence[str] = (),
        results: Path | None = None,
    ) -> str:
        """Upload what :meth:`save_pretrained` writes, with a model card; returns the address.

        Args:
            repository: ``owner/name``; made if it is not there.
            experiment: what the model was trained by; by default that of the folder it came from.
            private: of a new repository.
            license: of the weights, by the hub's word for it, as ``cc-by-4.0``.
            datasets: hub ids of what it was trained on.
            results: a ``retrieval.json`` of ``psm evaluate``, for the card.

        Raises:
            HubError: the hub did not take it.
            MissingData, ConfigError: the results are not there, or not those of an evaluation.
        """
        known = experiment or self.experiment
        card = model_card(
            known or Experiment(model=self.config),
            repository,
            is_trained=known is not None,
            license=license,
            datasets=datasets,
            results=results,
        )
        with TemporaryDirectory() as folder:
            self.save_pretrained(folder, experiment)
            card.save(Path(folder) / "README.md")
            hub = HfApi()
            try:
                address = hub.create_repo(repository, private=private, exist_ok=True)
                hub.upload_folder(repo_id=repository, folder_path=folder)
            except (HTTPError, HFValidationError, OSError) as problem:
                reason = (str(problem) or type(problem).__name__).strip().splitlines()[0]
                raise HubError(
                    f"{repository}: the hub did not take it ({reason}); log in with `hf auth login`"
                ) from None
        return str(address)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.shift.device

    @property
    def computes_in(self) -> Literal["float32", "bfloat16"]:
        """What :attr:`precision` comes to where the weights are; another machine may differ."""
        return resolved(self.precision, self.device, is_exact=self.config.reference)

    def image_features(
        self,
        views: Float[Tensor, "batch 3 height width"] | UInt8[Tensor, "batch 3 height width"],
        gsd_m: Float[Tensor, " batch"],
    ) -> Float[Tensor, "batch dim"]:
        """Image features before fusion; ``views`` are RGB, uint8 or floats in [0, 1]."""
        pixels = views.float() / 255.0 if views.dtype == torch.uint8 else views
        with computing(self.computes_in, self.device):
            features: Tensor = self.satellite(pixels, gsd_m)
        return features.float()

    def location_features(
        self, image: Float[Tensor, "batch dim"], context: Context | None = None
    ) -> Float[Tensor, "batch dim"]:
        """Image features joined by what is known of the context, before the head."""
        if self.fusion is None:
            return image
        fused: Tensor = self.fusion(image, None if context is None else context.to(image.device))
        return fused

    def fuse(self, image: Float[Tensor, "batch dim"], context: Context | None = None) -> Gaussian:
        """Location Gaussians from image features and what is known of the context."""
        gaussian: Gaussian = self.location_head(self.location_features(image, context))
        return gaussian

    def encode_location(
        self,
        views: Float[Tensor, "batch 3 height width"] | UInt8[Tensor, "batch 3 height width"],
        gsd_m: Float[Tensor, " batch"],
        context: Context | None = None,
    ) -> Gaussian:
        """Gaussians of locations seen in ``views`` whose pixels cover ``gsd_m`` metres."""
        return self.fuse(self.image_features(views, gsd_m), context)

    def audio_features(
        self,
        mel: Float[Tensor, "batch windows frames bands"],
        is_longer: Bool[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, "batch features"]:
        """Features of log-mels in dB, before the head."""
        if is_longer is None and self.config.reference:  # the published loader says so of any clip
            is_longer = mel.new_ones(len(mel), dtype=torch.bool)
        with computing(self.computes_in, self.device):
            features: Tensor = self.audio(mel.float(), is_longer)
        return features.float()

    def encode_audio(
        self,
        mel: Float[Tensor, "batch windows frames bands"],
        is_longer: Bool[Tensor, " batch"] | None = None,
    ) -> Gaussian:
        """Gaussians of recordings given as log-mel windows in dB."""
        gaussian: Gaussian = self.audio_head(self.audio_features(mel, is_longer))
        return gaussian

    def text_features(self, texts: Sequence[str]) -> Float[Tensor, "batch features"]:
        """Features of captions before the head; without gradient where the tower is frozen."""
        with computing(self.computes_in, self.device):
            if self.config.text_tower.frozen:
                return encode_texts(self.text.eval(), texts).float()
            if not torch.is_grad_enabled():
                return encode_texts(self.text, texts).float()
            features: Tensor = self.text(texts)
        return features.float()

    def encode_text(self, texts: Sequence[str]) -> Gaussian:
        """Gaussians of captions or queries."""
        gaussian: Gaussian = self.text_head(self.text_features(texts))
        return gaussian

    def match_probability(self, a: Gaussian, b: Gaussian) -> Float[Tensor, "n m"]:
        """Probability of a match of every pair, with the learnt scale and shift."""
        return match_probability(a, b, negative_scale=self.negative_scale, shift=self.shift)

    def match_uncertainty(self, a: Gaussian, b: Gaussian) -> Float[Tensor, "n m"]:
        """Standard deviation of the match probability; see :func:`psm.gaussian`."""
        return match_uncertainty(a, b, negative_scale=self.negative_scale, shift=self.shift)

    def train(self, mode: bool = True) -> PSM:
        """Set training mode; frozen towers stay in evaluation (their batch statistics too)."""
        super().train(mode)
        for tower, frozen in (
            (self.audio, self.config.audio_tower.frozen),
            (self.text, self.config.text_tower.frozen),
        ):
            if frozen:
                tower.eval()
        return self
