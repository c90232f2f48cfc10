"""How training videos vary, so that a model does not learn them by heart: light, mirror, place."""

import numpy as np
import torch.nn.functional as F
from torch import Tensor

FLIPS = ("none", "horizontal", "both")


def with_other_light(frames: Tensor, random: np.random.Generator) -> Tensor:
    """Changes contrast by up to 30 % and brightness by up to a fifth of the spread, alike in all frames.

    Args:
        frames: (F, C, Y, X), numbers around 0.
        random: draws both.
    """
    return frames * random.uniform(0.7, 1.3) + random.normal(0.0, 0.1)


def flipped(frames: Tensor, random: np.random.Generator, flips: str) -> Tensor:
    """Mirrors all frames or none: from left to right, and for cameras that look down also from top to bottom."""
    if flips != "none" and random.random() < 0.5:
        frames = frames.flip(-1)
    if flips == "both" and random.random() < 0.5:
        frames = frames.flip(-2)
    return frames


def shifted(frames: Tensor, random: np.random.Generator, share: float) -> Tensor:
    """Moves all frames alike by up to a share of their size; what comes in is the border, repeated.

    Args:
        frames: (F, C, Y, X)
        random: draws the direction.
        share: of height and width.
    """
    height, width = frames.shape[2:]
    down, right = (int(size * share) for size in (height, width))
    top, left = int(random.integers(0, 2 * down + 1)), int(random.integers(0, 2 * right + 1))
    padded = F.pad(frames, (right, right, down, down), mode="replicate")
    return padded[:, :, top : top + height, left : left + width]


__all__ = ["FLIPS", "flipped", "shifted", "with_other_light"]
