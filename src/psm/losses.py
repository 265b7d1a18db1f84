"""Losses on pairs of Gaussian batches: PCME++ and the InfoNCE baseline.

Every :class:`PairLoss` is a module called as ``loss(a, b, matched=None) -> (scalar, report)``.
``matched[i, j]`` says how much ``a[i]`` and ``b[j]`` belong together; by default item i matches
item i alone. ``report`` holds detached scalars worth logging.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from psm.config import LossConfig
from psm.errors import ConfigError
from psm.gaussian import Gaussian, csd
from psm.plugins import load_plugin

Report = dict[str, Tensor]


class PairLoss(nn.Module, ABC):
    """Base class of losses; a new one is a subclass and a kind in :func:`build_loss`.

    Args:
        pseudo_positive_weight: weight of the terms with pseudo-positives (alpha).
        pseudo_positive_warmup: share of training over which they come in, see :meth:`warm_up`.
            Early on they are mostly wrong.
    """

    def __init__(
        self, pseudo_positive_weight: float = 0.0, pseudo_positive_warmup: float = 0.0
    ) -> None:
        super().__init__()
        self.pseudo_positive_weight = self._full_weight = pseudo_positive_weight
        self.pseudo_positive_warmup = pseudo_positive_warmup

    @abstractmethod
    def forward(
        self, a: Gaussian, b: Gaussian, matched: Float[Tensor, "n m"] | None = None
    ) -> tuple[Tensor, Report]:
        """Loss of ``a`` ``(n, dim)`` against ``b`` ``(m, dim)``, and what is worth logging."""

    def warm_up(self, step: int, steps: int) -> None:
        """Before each step, of ``steps`` in all: bring in the pseudo-positives linearly."""
        warm = self.pseudo_positive_warmup * steps
        share = min(1.0, step / warm) if warm else 1.0
        self.pseudo_positive_weight = self._full_weight * share

    def match_probability(self) -> tuple[float, float] | None:
        """The learnt scale and shift of :func:`psm.gaussian.match_probability`; ``None`` without.

        Where a loss learns none, they are fitted to the validation split after training.
        """
        return None


def build_loss(config: LossConfig) -> PairLoss:
    """The loss that ``config`` names.

    Raises:
        ConfigError: no package brings the plug-in, or what it brings is no loss.
    """
    if config.kind == "plugin":
        loss = load_plugin("losses", config.plugin)(**config.options)
        if not isinstance(loss, PairLoss):
            raise ConfigError(f"plug-in {config.plugin!r} of psm.losses gives no PairLoss")
        return loss
    if config.kind == "infonce":
        return InfoNCE(config.temperature)
    return PCMEPlusPlus(
        shift=config.shift,
        negative_scale=config.negative_scale,
        pseudo_positive_weight=config.pseudo_positive_weight,
        pseudo_positive_warmup=config.pseudo_positive_warmup,
        vib_weight=config.vib_weight,
        contrastive_weight=config.contrastive_weight,
    )


class PCMEPlusPlus(PairLoss):
    """Matching loss on the closed-form sampled distance (PCME++, Chun 2024, eq. 2 to 4).

    ``logit = shift - negative_scale * csd``; binary cross-entropy over all pairs, once for each
    direction, plus the same with pseudo-positives, plus the variational information bottleneck
    (KL to the standard normal, averaged over items and dimensions) of both sides.

    Args:
        shift: start of b.
        negative_scale: start of a. Its logarithm is learnt, so that it stays positive.
        pseudo_positive_weight: weight of the pseudo-positive terms (alpha).
        vib_weight: weight of the bottleneck (beta).
        contrastive_weight: weight of a deterministic InfoNCE term on the means, which steadies
            training from scratch. 0 is the published loss.
        pseudo_positive_warmup: share of training over which the pseudo-positive terms come in, see
            :meth:`warm_up`. Early on they are mostly wrong.
    """

    def __init__(
        self,
        shift: float = 5.0,
        negative_scale: float = 5.0,
        pseudo_positive_weight: float = 0.1,
        vib_weight: float = 1e-4,
        contrastive_weight: float = 0.0,
        *,
        pseudo_positive_warmup: float = 0.0,
    ) -> None:
        super().__init__(pseudo_positive_weight, pseudo_positive_warmup)
        self.shift = nn.Parameter(torch.tensor(float(shift)))
        self.log_scale = nn.Parameter(torch.tensor(math.log(negative_scale)))
        self.vib_weight = vib_weight
        self.contrastive_weight = contrastive_weight
        self.contrastive = InfoNCE() if contrastive_weight else None

    @property
    def negative_scale(self) -> Tensor:
        """a, the slope of the match probability in the distance."""
        return self.log_scale.exp()

    def match_probability(self) -> tuple[float, float] | None:
        """a and b as learnt."""
        return self.negative_scale.item(), self.shift.item()

    def forward(
        self, a: Gaussian, b: Gaussian, matched: Float[Tensor, "n m"] | None = None
    ) -> tuple[Tensor, Report]:
        """Loss of ``a`` ``(n, dim)`` against ``b`` ``(m, dim)``.

        Raises:
            ValueError: ``matched`` is missing although n and m differ.
        """
        matched = _identity(a, b) if matched is None else matched
        distance = csd(a, b)
        logits = self.shift - self.negative_scale * distance
        # Both directions see the same pairs, so the plain term counts twice.
        match_loss = 2.0 * F.binary_cross_entropy_with_logits(logits, matched)
        spread = a.var.sum(-1).mean() + b.var.sum(-1).mean()
        report: Report = {
            "match": match_loss.detach(),
            "mean_distance": (distance.mean() - spread).detach(),
            "variance_sum": spread.detach(),
        }
        loss = match_loss
        if self.pseudo_positive_weight:
            rows, columns = pseudo_positives(logits, matched), pseudo_positives(logits.T, matched.T)
            pseudo_loss = F.binary_cross_entropy_with_logits(
                logits, rows
            ) + F.binary_cross_entropy_with_logits(logits.T, columns)
            report["pseudo_positives"] = (rows != matched).sum().float()
            loss = loss + self.pseudo_positive_weight * pseudo_loss
        if self.vib_weight:
            bottleneck = kl_to_standard_normal(a).mean() + kl_to_standard_normal(b).mean()
            report["vib"] = bottleneck.detach()
            loss = loss + self.vib_weight * bottleneck
        if self.contrastive is not None:
            contrastive_loss, _ = self.contrastive(a, b)
            report["contrastive"] = contrastive_loss.detach()
            loss = loss + self.contrastive_weight * contrastive_loss
        report["loss"] = loss.detach()
        return loss, report


class InfoNCE(PairLoss):
    """Symmetric cross-entropy over cosine similarities of the means (the GeoCLAP baseline).

    With ``pseudo_positive_weight`` the same is added for targets with pseudo-positives, as in
    Sat2Sound. A row's target is spread evenly over its positives, and each direction has its own.

    Args:
        temperature: start of the temperature; ``log(1 / temperature)`` is learnt.
        pseudo_positive_weight: weight of the term with pseudo-positives; 0 leaves it out.
        pseudo_positive_warmup: share of training over which it comes in, see :meth:`warm_up`.
        published: targets with pseudo-positives are not spread: a row that has many weighs more;
            and those of the rows serve the columns too.
    """

    max_log_scale = math.log(100.0)

    def __init__(
        self,
        temperature: float = 0.07,
        pseudo_positive_weight: float = 0.0,
        *,
        pseudo_positive_warmup: float = 0.0,
        published: bool = False,
    ) -> None:
        super().__init__(pseudo_positive_weight, pseudo_positive_warmup)
        self.published = published
        self.log_scale = nn.Parameter(torch.tensor(math.log(1.0 / temperature)))

    def forward(
        self, a: Gaussian, b: Gaussian, matched: Float[Tensor, "n m"] | None = None
    ) -> tuple[Tensor, Report]:
        """Loss of unit means ``a`` ``(n, dim)`` against ``b`` ``(m, dim)``.

        Raises:
            ValueError: ``matched`` is missing although n and m differ.
        """
        matched = _identity(a, b) if matched is None else matched
        scale = self.log_scale.clamp(max=self.max_log_scale).exp()
        logits = scale * a.mean.float() @ b.mean.float().T
        loss = _both_ways(logits, _distribution(matched), _distribution(matched.T))
        report: Report = {"temperature": scale.detach().reciprocal()}
        if self.pseudo_positive_weight:
            rows = pseudo_positives(logits, matched)
            columns = rows.T if self.published else pseudo_positives(logits.T, matched.T)
            report["pseudo_positives"] = (rows != matched).sum().float()
            if not self.published:
                rows, columns = _distribution(rows), _distribution(columns)
            loss = loss + self.pseudo_positive_weight * _both_ways(logits, rows, columns)
        report["loss"] = loss.detach()
        return loss, report


class LabelLoss(nn.Module):
    """Names what a recording holds: binary cross-entropy of every label, weights are its text.

    ``logit = log-odds of the label's share + scale * cosine(mean, mean of the text) + shift``; the
    losses of all labels are summed. The share is that among training recordings, so that the space
    need not hold it.
    Rows without a label are not labelled and do not count.

    Args:
        shares: how often each label is given.
        scale: start of the scale. Its logarithm is learnt.
    """

    log_odds: Tensor

    def __init__(self, shares: Float[Tensor, " labels"], scale: float = 10.0) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(math.log(scale)))
        self.shift = nn.Parameter(torch.tensor(-2.0))
        self.register_buffer("log_odds", torch.logit(shares.float(), eps=1e-4), persistent=False)

    def forward(
        self, rows: Gaussian, labels: Gaussian, given: Bool[Tensor, "n labels"]
    ) -> Float[Tensor, ""]:
        """Loss of ``rows``, of which ``given`` says who has which label."""
        labelled = given.any(dim=1)
        cosines = _cosines(rows, labels)
        logits = self.log_odds + self.log_scale.exp() * cosines + self.shift
        loss = F.binary_cross_entropy_with_logits(logits, given.float(), reduction="none").sum(1)
        return (loss * labelled).sum() / labelled.sum().clamp_min(1)


class CategoricalLabelLoss(nn.Module):
    """Says which labels a place has, against each other: softmax over labels, weights their texts.

    ``logit = logarithm of the label's share + scale * cosine(mean, mean of the text)``; a row's
    target is spread evenly over its labels. What a recording holds is a few sounds of all that
    could be heard there, so that the labels of a place compete: one that is absent everywhere is
    rarer where others are many. Said of each label apart (:class:`LabelLoss`), nothing of that
    shows, and where a sound is nearly absent its map is in no order (``docs/recipes.md``).
    Rows without a label do not count.

    Args:
        shares: how often each label is given.
        scale: start of the scale. Its logarithm is learnt.
    """

    log_shares: Tensor

    def __init__(self, shares: Float[Tensor, " labels"], scale: float = 10.0) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(math.log(scale)))
        self.register_buffer("log_shares", shares.float().clamp_min(1e-4).log(), persistent=False)

    def forward(
        self, rows: Gaussian, labels: Gaussian, given: Bool[Tensor, "n labels"]
    ) -> Float[Tensor, ""]:
        """Loss of ``rows``, of which ``given`` says who has which label."""
        logits = self.log_shares + self.log_scale.exp() * _cosines(rows, labels)
        # Rows without a label have a target of zeros, and so no loss.
        loss = F.cross_entropy(logits, _distribution(given.float()), reduction="sum")
        return loss / given.any(dim=1).sum().clamp_min(1)


def pseudo_positives(
    logits: Float[Tensor, "n m"], matched: Float[Tensor, "n m"]
) -> Float[Tensor, "n m"]:
    """``matched`` with every pair that scores at least as high as its row's best match added.

    A pseudo-positive takes the weight of its row's match (Chun 2024, section 3.3).
    """
    weight, index = matched.max(dim=1, keepdim=True)
    return torch.where(logits.detach() >= logits.detach().gather(1, index), weight, matched)


def kl_to_standard_normal(gaussian: Gaussian) -> Float[Tensor, "*batch dim"]:
    """KL divergence to N(0, 1) of every dimension: the information bottleneck of PCME++."""
    mean, log_var = gaussian.mean.float(), gaussian.log_var.float()
    return 0.5 * (mean.square() + log_var.exp() - 1.0 - log_var)


def _identity(a: Gaussian, b: Gaussian) -> Tensor:
    if len(a.mean) != len(b.mean):
        raise ValueError(
            f"{len(a.mean)} against {len(b.mean)} items: say which match by a `matched` matrix"
        )
    return torch.eye(len(a.mean), device=a.mean.device)


def _both_ways(logits: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    return 0.5 * (F.cross_entropy(logits, rows) + F.cross_entropy(logits.T, columns))


def _cosines(a: Gaussian, b: Gaussian) -> Tensor:
    return F.normalize(a.mean.float(), dim=-1) @ F.normalize(b.mean.float(), dim=-1).T


def _distribution(matched: Tensor) -> Tensor:
    return matched / matched.sum(dim=1, keepdim=True).clamp_min(1e-12)
