"""Lightning module of training: the loss of a step, the optimiser and validation."""

from __future__ import annotations

import math
from typing import Any

import lightning
import numpy as np
import torch
from torch import Tensor, nn

from psm.config import Experiment
from psm.curves import fit_logistic
from psm.data.context import Context
from psm.data.corpus import Corpus
from psm.gaussian import Gaussian, csd
from psm.inference.batches import encode_corpus, location_gaussians
from psm.inference.placefeatures import corpus_features
from psm.model import PSM
from psm.ranks import tied_ranks
from psm.seeding import torch_seed
from psm.training import distributed
from psm.training.dataloader import Batch, cached_text_features
from psm.training.frozenfeatures import cached_audio_features
from psm.training.labels import Labels
from psm.training.objective import Objective, draw_contexts
from psm.training.optimisation import build_optimizer
from psm.training.recomputation import encode_by_parts
from psm.training.resuming import require_fitting


class TrainingTask(lightning.LightningModule):
    """Trains a :class:`PSM` on batches of recordings and validates on all rows of a corpus.

    Args:
        model: what is trained.
        experiment: loss and recipe.
        validation: the validation split.
        total_steps: length of the learning-rate schedule.
        seed: names the stream of randomness.
        labels: of the training recordings, where the recipe has them named.
    """

    def __init__(
        self,
        model: PSM,
        experiment: Experiment,
        validation: Corpus,
        *,
        total_steps: int,
        seed: int,
        labels: Labels | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self.objective = Objective(experiment.loss, labels)
        self._label_texts = [] if labels is None else labels.texts(model)
        self.experiment = experiment
        self.validation = validation
        self.total_steps = total_steps
        self.seed = seed
        self._context = Context.of_recordings(validation.recordings)
        self._text = cached_text_features(model, validation, experiment.training.memory_gb)
        self._sound = cached_audio_features(model, validation, by_set=False)
        self._seen = corpus_features(model.config, validation)

    def transfer_batch_to_device(
        self,
        batch: Any,
        device: torch.device,
        dataloader_idx: int,  # noqa: ARG002
    ) -> Any:
        """Batches are frozen dataclasses, which Lightning does not take apart."""
        return batch.to(device) if isinstance(batch, Batch) else batch

    def train(self, mode: bool = True) -> TrainingTask:
        """Set training mode; batch norms that are to stay as they came do."""
        super().train(mode)
        if self.experiment.training.batch_norm == "fixed":
            for norm in batch_norms(self.model):
                norm.eval()
        return self

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Say in one line that a resume point does not fit, before PyTorch lists every tensor."""
        require_fitting(checkpoint, self)

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:  # noqa: ARG002
        """Make dropout depend on step and rank alone, so that a resumed run repeats the curve."""
        torch.manual_seed(torch_seed(self.seed, "step", self.global_step, distributed.rank()))
        self.objective.pair_loss.warm_up(self.global_step, self.total_steps)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:  # noqa: ARG002
        """The loss of one joint batch, of which this rank has a part."""
        loss, report = self.loss_of(batch)
        self.log_dict({f"train/{name}": value for name, value in report.items()})
        return loss

    def loss_of(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """The three-pair loss of the joint batch, averaged over draws of what context is known."""
        contexts = self._draw_contexts(batch.context)

        def encode(rows: slice) -> tuple[Gaussian, ...]:
            return self._encode(batch.rows(rows), [context.rows(rows) for context in contexts])

        audio, text, *locations = distributed.of_all_ranks(
            encode_by_parts(encode, batch.views, self.experiment.training.micro_batch)
        )
        # Autocast would take the dot products of the distances in half precision.
        with torch.autocast(audio.mean.device.type, enabled=False):
            is_named = self.objective.label_losses and batch.labels is not None
            labels = self._encode_text(self._label_texts) if is_named else None
            total, report = self.objective(
                locations, audio, text, labels=labels, given=batch.labels
            )
            return total, report

    def _draw_contexts(self, context: Context) -> list[Context]:
        generator = torch.Generator()
        generator.manual_seed(torch_seed(self.seed, "step", self.global_step))
        part = (distributed.rank(), distributed.world_size())
        return draw_contexts(context, self.model.config.context, generator, part=part)

    def _encode(self, batch: Batch, contexts: list[Context]) -> tuple[Gaussian, ...]:
        """Audio, text, and the locations once with each of ``contexts``."""
        image = self.model.image_features(batch.views, batch.gsd_m, batch.features)
        locations = [self.model.fuse(image, context) for context in contexts]
        audio = (
            self.model.audio_head(batch.mel)
            if self.model.config.audio_tower.frozen
            else self.model.encode_audio(batch.mel)
        )
        return audio, self._encode_text(batch.text), *locations

    def _encode_text(self, text: Tensor | list[str]) -> Gaussian:
        """Gaussians of texts, or of their features where the text tower is frozen."""
        if isinstance(text, Tensor):
            gaussian: Gaussian = self.model.text_head(text.to(self.device))
            return gaussian
        return self.model.encode_text(text)

    def on_validation_epoch_start(self) -> None:
        """Recall of all validation rows at once, both directions, image alone and with context."""
        scores = {f"val/{name}": value for name, value in self.validate().items()}
        self.log_dict(scores, sync_dist=True)  # equal on all ranks: Lightning wants to hear it

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        """Nothing here: recall is of the whole gallery, not of batches."""

    def validate(self) -> dict[str, float]:
        """R@10% on the validation split, each rank encoding its share of the rows.

        Of fewer than ten recordings it is NaN: a tenth of them is nobody.
        """
        was_training = self.training
        self.eval()
        corpus = self.validation
        rows = distributed.share_of(len(corpus))
        features, audio = encode_corpus(
            self.model, corpus, rows, sound=self._sound, seen=self._seen
        )
        with torch.inference_mode():
            text = (
                self.model.encode_text([r.caption for r in corpus.recordings[rows]])
                if self._text is None
                else self.model.text_head(self._text[rows].to(self.model.device))
            )
        context = self._context.rows(rows)
        locations = {
            "image": location_gaussians(self.model, features),
            "image_context": location_gaussians(self.model, features, context),
        }
        whole = {
            name: distributed.from_shares(own, len(corpus))
            for name, own in {**locations, "audio": audio, "text": text}.items()
        }
        names = [(name, "audio") for name in locations]
        names += [("audio", name) for name in locations]
        names += [("text", "audio"), ("text", "image_context")]
        scores = {f"{a}_to_{b}_r10": _recall(whole[a], whole[b]) for a, b in names}
        self.train(was_training)
        return scores

    def match_probability(self) -> tuple[float, float]:
        """Scale and shift of the match probability: as the loss learnt them, or fitted afterwards.

        What no loss taught is fitted to all pairs of the validation split.
        """
        learnt = self.objective.pair_loss.match_probability()
        if learnt is not None:
            return learnt
        features, audio = encode_corpus(
            self.model, self.validation, sound=self._sound, seen=self._seen
        )
        distance = csd(location_gaussians(self.model, features, self._context), audio)
        matched = np.eye(len(distance), dtype=bool)
        # Few pairs match: the likelihood is so flat that a coarse search ends 0.3 % off.
        pairs = distance.double().cpu().numpy().ravel()
        return fit_logistic(pairs, matched.ravel(), tolerance=1e-15)

    def configure_optimizers(self) -> Any:
        """See :func:`psm.training.optimisation.build_optimizer`."""
        others = [p for name, p in self.named_parameters() if not name.startswith("model.")]
        return build_optimizer(
            self.model, others, self.experiment.training, total_steps=self.total_steps
        )


def batch_norms(model: nn.Module) -> list[nn.Module]:
    """The batch norms of ``model``."""
    return [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]


def _recall(query: Gaussian, gallery: Gaussian) -> float:
    placed = tied_ranks(query, gallery)
    return float(placed.hit_share().mean()) if placed.has_share().all() else math.nan
