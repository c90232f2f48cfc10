"""Vectors in place of words: what shortens and projects frames of sound or film before the recurrent encoder.

Shapes: `B` batch, `S` steps that come in, `D` width of a vector. Masks are (B, S), true at real steps, which stand
before all padding.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .configuration_recurrent_seq2seq import RecurrentSeq2SeqConfig
from .layers_backbone import make_backbone


def stack_frames(vectors: Tensor, mask: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Puts neighbours side by side, so that time is shorter: (B, S, D) to (B, S / count, count * D), and the mask.

    A last step that is not full is filled with zeros, and so is what stands at padding: a row gives the same vectors
    in any batch.

    >>> stack_frames(torch.ones(1, 3, 1), torch.ones(1, 3, dtype=torch.bool), 2)[0].tolist()
    [[[1.0, 1.0], [1.0, 0.0]]]
    """
    if count == 1:
        return vectors, mask
    missing = -vectors.shape[1] % count
    vectors = F.pad(vectors.masked_fill(~mask.unsqueeze(-1), 0.0), (0, 0, 0, missing))
    return vectors.unflatten(1, (-1, count)).flatten(2), mask[:, ::count]


class FeatureReader(nn.Module):
    """Vectors (B, S, width) to vectors as wide as words: a pretrained encoder, if any, then stacking and projection.

    A frozen backbone has no gradient and no dropout, so its vectors can be computed once and kept.
    """

    def __init__(self, config: RecurrentSeq2SeqConfig) -> None:
        super().__init__()
        self.stacked, self.is_frozen = config.frame_stacking, config.freeze_backbone
        self.backbone: Any = None if config.backbone_config is None else make_backbone(config.backbone_config)
        width: Any = config.input_feature_size if self.backbone is None else self.backbone.size
        self.project = nn.Linear(self.stacked * width, config.embedding_size)
        self.train()

    @property
    def frames_per_step(self) -> int:
        """How many vectors that come in make one that goes out."""
        return self.stacked * (1 if self.backbone is None else self.backbone.frames_per_step)

    def train(self, mode: bool = True) -> "FeatureReader":
        """As in torch, but a frozen backbone stays as it serves."""
        super().train(mode)
        if self.backbone is not None and self.is_frozen:
            self.backbone.eval().requires_grad_(False)  # here, since loading puts fresh parameters in their place
        return self

    def through_backbone(self, features: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """The backbone's vectors and their mask; what comes in, if there is no backbone."""
        if self.backbone is None:
            return features, mask
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.is_frozen):
            return self.backbone(features, mask)

    def forward(self, features: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Reads what came through the backbone: (B, S, width) to (B, S / stacked, embedding_size), and the mask."""
        stacked, mask = stack_frames(features, mask, self.stacked)
        return self.project(stacked), mask


__all__ = ["FeatureReader", "stack_frames"]
