"""Optimisation: AdamW, which parameters it decays, and how its rate rises and falls."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from psm.config import TrainingConfig


def build_optimizer(
    model: nn.Module, others: Sequence[nn.Parameter], recipe: TrainingConfig, *, total_steps: int
) -> dict[str, Any]:
    """AdamW without decay on scalars, norms, biases and embeddings; warm-up, then cosine.

    Args:
        model: what is trained.
        others: parameters of the loss, at a rate of their own.
        recipe: rates, decay and warm-up.
        total_steps: length of the schedule.

    Returns:
        Optimiser and schedule, as Lightning takes them.
    """
    groups = parameter_groups(model, recipe.weight_decay)
    groups.append({"params": list(others), "weight_decay": 0.0, "lr": recipe.loss_learning_rate})
    optimizer = torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=recipe.betas)
    warm = max(1, round(recipe.warmup * total_steps))

    def share(step: int) -> float:
        if step < warm:
            return (step + 1) / warm
        progress = (step - warm) / max(1, total_steps - warm)
        return 0.5 * (1.0 + math.cos(math.pi * min(1.0, progress)))

    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, share)
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}


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
