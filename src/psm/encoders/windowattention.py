"""The window attention of CLAP's audio model in one fused kernel.

``transformers`` writes it as five passes over all scores; the kernel of PyTorch makes one, with the
same weights and the same result.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F
from transformers.models.clap.modeling_clap import ClapAudioSelfAttention


def fuse_attention(model: nn.Module) -> None:
    """Let every window attention in ``model`` use the kernel in evaluation; weights stay."""
    for module in model.modules():
        if type(module) is ClapAudioSelfAttention:
            module.__class__ = _FusedAttention


class _FusedAttention(ClapAudioSelfAttention):  # type: ignore[misc]  # transformers has no types
    def forward(
        self,
        hidden_states: Tensor,
        attention_mask: Tensor | None = None,
        output_attentions: bool | None = False,
    ) -> tuple[Tensor, ...]:
        """Attention within windows, ``(batch x windows, positions, features)`` each."""
        if self.training or output_attentions:
            # Windows are short: gradients are faster through plain products (as in
            # psm.encoders.layers), and the kernel keeps no probabilities.
            plain: tuple[Tensor, ...] = super().forward(
                hidden_states, attention_mask, output_attentions
            )
            return plain
        rows, positions, _ = hidden_states.shape
        query, key, value = (
            project(hidden_states)
            .view(rows, positions, -1, self.attention_head_size)
            .transpose(1, 2)
            for project in (self.query, self.key, self.value)
        )
        bias = self.relative_position_bias_table[self.relative_position_index.flatten()]
        bias = bias.view(positions, positions, -1).permute(2, 0, 1)[None]
        if attention_mask is not None:  # of each window of a view, alike for all of the batch
            bias = bias + attention_mask[:, None]
            bias = bias.repeat(rows // len(bias), 1, 1, 1)
        attended = F.scaled_dot_product_attention(query, key, value, attn_mask=bias.to(query.dtype))
        return (attended.transpose(1, 2).flatten(2),)
