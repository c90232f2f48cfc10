"""What looks at frames: sizes of fresh encoders, and what pretrained ones want to see."""

from collections.abc import Sequence
from typing import Any

from transformers import VideoMAEConfig, VideoMAEImageProcessor

from toolkit.adapters.pretrained import read_config


def pretrained_config(name_or_path: str, *, flag: str, others: str = "") -> Any:
    """The configuration of a pretrained VideoMAE.

    Args:
        name_or_path: a folder or Hub id.
        flag: where the user named it.
        others: what else might stand there.
    """
    config = read_config(name_or_path, flag=flag, wanted=f"{others}name a VideoMAE")
    if not isinstance(config, VideoMAEConfig):
        raise ValueError(
            f"`{flag}` must name a VideoMAE, but {name_or_path} is a {config.model_type} model. Choose another."
        )
    return config


def pretrained_frames(name_or_path: str) -> tuple[list[int], list[float], list[float]]:
    """Size, mean and spread of the frames that a VideoMAE was trained on."""
    config = VideoMAEConfig.from_pretrained(name_or_path)
    try:
        shown = VideoMAEImageProcessor.from_pretrained(name_or_path)
        mean, std = list(shown.image_mean), list(shown.image_std)
    except OSError:  # a checkpoint without one
        mean, std = config.num_channels * [0.5], config.num_channels * [0.25]
    size = config.image_size if isinstance(config.image_size, list | tuple) else [config.image_size] * 2
    return list(size), mean, std


def small_videomae(
    size: Sequence[int], channels: int, hidden_size: int = 128, layers: int = 4, frames: int = 16
) -> VideoMAEConfig:
    """A VideoMAE that learns from nothing in minutes: 0.8 million weights."""
    return VideoMAEConfig(
        image_size=list(size),
        patch_size=8,
        num_channels=channels,
        num_frames=frames,
        hidden_size=hidden_size,
        num_hidden_layers=layers,
        num_attention_heads=4,
        intermediate_size=4 * hidden_size,
    )


__all__ = ["pretrained_config", "pretrained_frames", "small_videomae"]
