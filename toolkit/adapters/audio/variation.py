"""How training recordings vary, so that a model does not learn them by heart: speed, noise, and masks over frames."""

import numpy as np
import torch
import torchaudio.functional as audio
from torch import Tensor

SPEEDS_PERCENT = (90, 100, 110)
MASKS = 2


def at_speed(samples: Tensor, percent: int) -> Tensor:
    """Plays a recording faster or slower, pitch included (Ko et al., 2015, Audio augmentation, 2.1).

    Args:
        samples: (N,)
        percent: of the speed it was recorded with.

    >>> at_speed(torch.zeros(900), 90).shape
    torch.Size([1000])
    """
    return samples if percent == 100 else audio.resample(samples, percent, 100)


def fitting_speeds(seconds: float, longest_seconds: float | None) -> tuple[int, ...]:
    """The speeds at which a recording can still be heard at once, in percent; its own is always one of them.

    Args:
        seconds: how long it lasts.
        longest_seconds: how much is heard at once; none: any.

    >>> fitting_speeds(28.0, 30.0)
    (100, 110)
    """
    if longest_seconds is None:
        return SPEEDS_PERCENT
    return tuple(speed for speed in SPEEDS_PERCENT if speed == 100 or 100 * seconds / speed <= longest_seconds)


def with_noise(samples: Tensor, snr_db: float, random: np.random.Generator) -> Tensor:
    """Adds white noise.

    Args:
        samples: (N,)
        snr_db: how far the noise lies below the recording, in decibels of mean power.
        random: draws the noise.
    """
    noise = torch.from_numpy(random.standard_normal(len(samples), dtype=np.float32))
    return samples + noise * (samples.square().mean() / 10 ** (snr_db / 10)).sqrt()


def with_masks(features: Tensor, random: np.random.Generator, *, filler: float = 0.0) -> Tensor:
    """Hides bands of time and of frequency (Park et al., 2019, SpecAugment, 2).

    Two of each are drawn, a band of time at most a tenth of the recording long, a band of frequency at most a fifth
    of all bins wide. We leave out the paper's warping of time, which it found to help least.

    Args:
        features: (S, M) frames of mel bins.
        random: draws the bands.
        filler: what a recording without sound would have there.
    """
    features = features.clone()
    for _ in range(MASKS):
        for axis, share in ((0, 0.1), (1, 0.2)):
            size = features.shape[axis]
            width = int(random.integers(0, int(size * share) + 1))
            start = int(random.integers(0, size - width + 1))
            features.narrow(axis, start, width).fill_(filler)
    return features


__all__ = ["at_speed", "fitting_speeds", "with_masks", "with_noise"]
