"""The Lightning side of training: one step, the optimiser and validation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import lightning
import torch
from torch import Tensor, nn

from psm.config import Experiment
from psm.data.context import Context
from psm.data.corpus import Corpus
from psm.gaussian import Gaussian
from psm.inference import audio_gaussians, image_features, location_gaussians
from psm.losses import InfoNCE, PairLoss, PCMEPlusPlus
from psm.model import PSM
from psm.ranks import standing
from psm.seeding import torch_seed
from psm.training.batches import Batch, cached_text_features


def build_loss(experiment: Experiment) -> PCMEPlusPlus | InfoNCE:
    """The pair loss that ``experiment`` names."""
    config = experiment.loss
    if config.kind == "infonce":
        return InfoNCE(config.temperature)
    return PCMEPlusPlus(
        shift=config.shift,
        negative_scale=config.negative_scale,
        pseudo_positive_weight=config.pseudo_positive_weight,
        vib_weight=config.vib_weight,
        contrastive_weight=config.contrastive_weight,
    )


def three_pair_loss(
    loss: PairLoss,
    locations: Sequence[Gaussian],
    audio: Gaussian,
    text: Gaussian,
    *,
    text_weight: float,
) -> tuple[Tensor, dict[str, Tensor]]:
    """``(1 - w) L(location, audio) + w (L(location, text) + L(audio, text))`` (PSM, eq. 7).

    Several Gaussians of the same locations, fused with different parts of the context, count by
    their mean. The report is of the first.
    """
    with_audio, reports = zip(*(loss(location, audio) for location in locations), strict=True)
    with_text = [loss(location, text)[0] for location in locations]
    location_audio, location_text = (torch.stack(terms).mean() for terms in (with_audio, with_text))
    audio_text, _ = loss(audio, text)
    total = (1.0 - text_weight) * location_audio + text_weight * (location_text + audio_text)
    report = {
        **reports[0],
        "loss": total.detach(),
        "loss_location_audio": location_audio.detach(),
        "loss_location_text": location_text.detach(),
        "loss_audio_text": audio_text.detach(),
    }
    return total, report


class TrainingTask(lightning.LightningModule):
    """Trains a :class:`PSM` on batches of recordings and validates on all rows of a corpus.

    Args:
        model: what is trained.
        experiment: loss and recipe.
        validation: the validation split.
        total_steps: length of the learning-rate schedule.
        seed: names the stream of randomness.
    """

    def __init__(
        self,
        model: PSM,
        experiment: Experiment,
        validation: Corpus,
        *,
        total_steps: int,
        seed: int,
    ) -> None:
        super().__init__()
        self.model = model
        self.loss = build_loss(experiment)
        self.experiment = experiment
        self.validation = validation
        self.total_steps = total_steps
        self.seed = seed
        self._context = Context.of_recordings(validation.recordings)
        self._text = cached_text_features(model, validation)

    def transfer_batch_to_device(
        self,
        batch: Any,
        device: torch.device,
        dataloader_idx: int,  # noqa: ARG002
    ) -> Any:
        """Batches are frozen dataclasses, which Lightning does not take apart."""
        return batch.to(device) if isinstance(batch, Batch) else batch

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:  # noqa: ARG002
        """Make dropout depend on the step alone, so that a resumed run repeats the curve."""
        torch.manual_seed(torch_seed(self.seed, "step", self.global_step))
        if isinstance(self.loss, PCMEPlusPlus):
            recipe = self.experiment.loss
            warm = recipe.pseudo_positive_warmup * self.total_steps
            share = min(1.0, self.global_step / warm) if warm else 1.0
            self.loss.pseudo_positive_weight = recipe.pseudo_positive_weight * share

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:  # noqa: ARG002
        """The three-pair loss of one batch, averaged over draws of what is known of the context."""
        config = self.model.config.context
        image = self.model.image_features(batch.views, batch.gsd_m)
        locations = [
            self.model.fuse(
                image,
                batch.context.drop(
                    field=config.drop_field,
                    everything=config.drop_all,
                    sources=config.drop_sources,
                ),
            )
            for _ in range(config.draws)
        ]
        audio = self.model.encode_audio(batch.mel)
        text = (
            self.model.text_head(batch.text)
            if isinstance(batch.text, Tensor)
            else self.model.encode_text(batch.text)
        )
        loss, report = three_pair_loss(
            self.loss, locations, audio, text, text_weight=self.experiment.loss.text_weight
        )
        self.log_dict({f"train/{name}": value for name, value in report.items()})
        return loss

    def on_validation_epoch_start(self) -> None:
        """Recall of all validation rows at once, both directions, image alone and with context."""
        self.log_dict({f"val/{name}": value for name, value in self.validate().items()})

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        """Nothing here: recall is of the whole gallery, not of batches."""

    def validate(self) -> dict[str, float]:
        """R@10% on the validation split."""
        was_training = self.model.training
        self.model.eval()
        corpus, zoom = self.validation, min(self.validation.views_by_zoom)
        features = image_features(self.model, corpus.views(zoom), corpus.gsd_m * zoom)
        audio = audio_gaussians(self.model, corpus.mels)
        with torch.inference_mode():
            text = (
                self.model.encode_text([r.caption for r in corpus.recordings])
                if self._text is None
                else self.model.text_head(self._text)
            )
        locations = {
            "image": location_gaussians(self.model, features),
            "image_context": location_gaussians(self.model, features, self._context),
        }
        pairs = {f"{name}_to_audio": (g, audio) for name, g in locations.items()}
        pairs |= {f"audio_to_{name}": (audio, g) for name, g in locations.items()}
        pairs |= {
            "text_to_audio": (text, audio),
            "text_to_image_context": (text, locations["image_context"]),
        }
        scores = {f"{name}_r10": _recall(*pair) for name, pair in pairs.items()}
        self.model.train(was_training)
        return scores

    def configure_optimizers(self) -> Any:
        """AdamW without decay on scalars, norms, biases and embeddings; warm-up, then cosine."""
        recipe = self.experiment.training
        groups = parameter_groups(self.model, recipe.weight_decay)
        groups.append(
            {
                "params": list(self.loss.parameters()),
                "weight_decay": 0.0,
                "lr": recipe.loss_learning_rate,
            }
        )
        optimizer = torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=recipe.betas)
        warm = max(1, round(recipe.warmup * self.total_steps))

        def share(step: int) -> float:
            if step < warm:
                return (step + 1) / warm
            progress = (step - warm) / max(1, self.total_steps - warm)
            return 0.5 * (1.0 + math.cos(math.pi * min(1.0, progress)))

        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, share)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }


def parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Trainable parameters in two groups: decayed matrices, and all that should not decay."""
    embeddings = {
        id(parameter)
        for module in model.modules()
        if isinstance(module, nn.Embedding)
        for parameter in module.parameters()
    }
    decayed: list[nn.Parameter] = []
    kept: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        is_matrix = parameter.ndim >= 2 and id(parameter) not in embeddings
        (decayed if is_matrix and not name.endswith("cls") else kept).append(parameter)
    return [
        {"params": decayed, "weight_decay": weight_decay},
        {"params": kept, "weight_decay": 0.0},
    ]


def _recall(query: Gaussian, gallery: Gaussian) -> float:
    return float(standing(query, gallery).hit_share(0.1).mean())
