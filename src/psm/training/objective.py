"""Objective of training: the three pairs of modalities, and what naming the labels adds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from psm.config import ContextConfig, LossConfig
from psm.data.context import Context
from psm.gaussian import Gaussian
from psm.losses import CategoricalLabelLoss, InfoNCE, LabelLoss, PairLoss, build_loss
from psm.training.labels import Labels


def draw_contexts(
    context: Context,
    config: ContextConfig,
    generator: torch.Generator,
    *,
    part: tuple[int, int] = (0, 1),
) -> list[Context]:
    """What is known of the context in a step, as often as ``config.draws`` says, dropped anew.

    ``part`` is that of :meth:`psm.data.context.Context.drop`.
    """
    return [
        context.drop(
            field=config.drop_field,
            everything=config.drop_all,
            sources=config.drop_sources,
            generator=generator,
            part=part,
        )
        for _ in range(config.draws)
    ]


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


class Sat2SoundLoss(nn.Module):
    """``[L(i, a) + L(i, c) + L(a, c)] / 3 + L(i, a + c)`` of image, audio, caption (Sat2Sound).

    L is :class:`psm.losses.InfoNCE` with pseudo-positives, each pair with a scale of its own; where
    there are captions of the images themselves, ``image_caption_weight * L(i, t)`` is added. What
    is added to a + c are the means as they are given: of unit length in training, in the published
    code not.

    Args:
        temperature: start of each pair's temperature.
        pseudo_positive_weight: weight of the terms with pseudo-positives (alpha).
        pseudo_positive_warmup: share of training over which they come in.
        combined: whether the image is matched with sound and caption together.
        image_caption_weight: of the captions of images.
        published: the pseudo-positives as published, see :class:`psm.losses.InfoNCE`.
    """

    def __init__(
        self,
        temperature: float = 0.07,
        pseudo_positive_weight: float = 0.1,
        *,
        pseudo_positive_warmup: float = 0.0,
        combined: bool = True,
        image_caption_weight: float = 0.0,
        published: bool = False,
    ) -> None:
        super().__init__()
        names = ["location_audio", "location_text", "audio_text"]
        names += ["location_both"] if combined else []
        names += ["location_caption"] if image_caption_weight else []
        self.pairs = nn.ModuleDict(
            {
                name: InfoNCE(
                    temperature,
                    pseudo_positive_weight,
                    pseudo_positive_warmup=pseudo_positive_warmup,
                    published=published,
                )
                for name in names
            }
        )
        self.image_caption_weight = image_caption_weight

    def warm_up(self, step: int, steps: int) -> None:
        """Before each step, of ``steps`` in all: bring in the pseudo-positives."""
        for pair in self.pairs.values():
            assert isinstance(pair, InfoNCE)
            pair.warm_up(step, steps)

    def match_probability(self) -> tuple[float, float] | None:
        """``None``: it is fitted to the validation split after training."""
        return None

    def forward(
        self,
        locations: Sequence[Gaussian],
        audio: Gaussian,
        text: Gaussian,
        image_captions: Gaussian | None = None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of a batch; several Gaussians of the same locations count by their mean."""
        together = Gaussian(audio.mean + text.mean, audio.log_var)
        terms = [
            {
                name: self.pairs[name](a.unit(), b.unit())
                for name, a, b in (
                    ("location_audio", location, audio),
                    ("location_text", location, text),
                    ("audio_text", audio, text),
                    ("location_both", location, together),
                    ("location_caption", location, image_captions),
                )
                if name in self.pairs and b is not None
            }
            for location in locations
        ]
        cost = {name: torch.stack([draw[name][0] for draw in terms]).mean() for name in terms[0]}
        total = (cost["location_audio"] + cost["location_text"] + cost["audio_text"]) / 3.0
        if "location_both" in cost:
            total = total + cost["location_both"]
        if "location_caption" in cost:
            total = total + self.image_caption_weight * cost["location_caption"]
        return total, {
            **terms[0]["location_audio"][1],
            "loss": total.detach(),
            **{f"loss_{name}": term.detach() for name, term in cost.items()},
        }


class Objective(nn.Module):
    """What a step makes smaller: the three-pair loss, and that of naming labels, if there are any.

    Args:
        recipe: kind and weights of the losses.
        labels: of the training recordings; ``None`` where none are named.

    Attributes:
        pair_loss: of two batches of Gaussians, or of the three modalities together.
        label_losses: by side: what a recording holds (``audio``), what a place sounds like
            (``location``); empty where none are named.
    """

    def __init__(self, recipe: LossConfig, labels: Labels | None = None) -> None:
        super().__init__()
        self.recipe = recipe
        self.pair_loss: PairLoss | Sat2SoundLoss = (
            Sat2SoundLoss(
                recipe.temperature,
                recipe.pseudo_positive_weight,
                pseudo_positive_warmup=recipe.pseudo_positive_warmup,
            )
            if recipe.kind == "sat2sound"
            else build_loss(recipe)
        )
        self.label_losses = nn.ModuleDict()
        if labels is not None and recipe.label_weight:
            self.label_losses["audio"] = LabelLoss(labels.shares)
        if labels is not None and recipe.location_label_weight:
            self.label_losses["location"] = CategoricalLabelLoss(labels.shares)

    def forward(
        self,
        locations: Sequence[Gaussian],
        audio: Gaussian,
        text: Gaussian,
        *,
        labels: Gaussian | None = None,
        given: Tensor | None = None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of a batch, and what is worth logging.

        Args:
            locations: of the batch, once for each draw of what is known of the context.
            audio, text: of the same recordings.
            labels: as the text side says them, ``(labels, dim)``.
            given: ``(batch, labels)``, which of them each recording has.
        """
        if isinstance(self.pair_loss, Sat2SoundLoss):
            total, report = self.pair_loss(locations, audio, text)
        else:
            total, report = three_pair_loss(
                self.pair_loss, locations, audio, text, text_weight=self.recipe.text_weight
            )
        if self.label_losses and labels is not None and given is not None:
            naming = self._naming({"audio": [audio], "location": locations}, labels, given)
            total = total + naming["loss_labels"]
            report |= {name: value.detach() for name, value in naming.items()}
            report["loss"] = total.detach()
        return total, report

    def _naming(
        self, sides: Mapping[str, Sequence[Gaussian]], labels: Gaussian, given: Tensor
    ) -> dict[str, Tensor]:
        """What naming the labels of recordings costs, by side and, weighted, in all."""
        weight = {"audio": self.recipe.label_weight, "location": self.recipe.location_label_weight}
        costs = {
            side: torch.stack([loss(rows, labels, given) for rows in sides[side]]).mean()
            for side, loss in self.label_losses.items()
        }
        total = torch.stack([weight[side] * cost for side, cost in costs.items()]).sum()
        return {f"loss_labels_{side}": cost for side, cost in costs.items()} | {
            "loss_labels": total
        }
