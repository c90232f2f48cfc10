"""Encoders that read in front of the recurrent one, pretrained or not, and the table of those that are known.

A backbone is called with vectors (B, S, width), or with frames of a video (B, S, C, Y, X), and a mask (B, S), and gives
vectors (B, S', size) and their mask; it says `size`, and `frames_per_step`, how many of the S make one of the S'.
"""

from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, WhisperConfig
from transformers.masking_utils import create_bidirectional_mask
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from .configuration_frame_labeller import FrameEncoderConfig
from .layers_frames import make_frame_encoder


class WhisperBackbone(WhisperEncoder):
    """Whisper's encoder (Radford et al., 2023, 2.2), for windows of any length up to its own.

    The library's needs exactly 30 seconds. Here a shorter batch takes the first rows of the position table, and what
    pads a row is kept out of the convolutions and the attention, so that a recording gives the same vectors in any
    batch. A whole window without a mask gives Whisper's own vectors.
    """

    frames_per_step = 2

    def __init__(self, config: WhisperConfig) -> None:
        super().__init__(config)
        self.size = config.d_model

    def forward(self, input_features: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Reads log-mel frames (B, S, M) with mask (B, S), true at real frames: (B, S / 2, D) and its mask."""
        steps, most = (input_features.shape[1] + 1) // 2, self.max_source_positions
        if steps > most:
            raise ValueError(
                f"`input_features` must have at most {2 * most} frames, as the backbone has {most} positions, but has "
                f"{input_features.shape[1]}. Cut the recording into shorter pieces."
            )
        real = attention_mask.unsqueeze(1).to(input_features.dtype)
        vectors = F.gelu(self.conv1(input_features.transpose(1, 2) * real)) * real
        vectors = F.gelu(self.conv2(vectors)).transpose(1, 2) + self.embed_positions.weight[:steps]
        mask = attention_mask[:, ::2]
        seen = create_bidirectional_mask(config=self.config, inputs_embeds=vectors, attention_mask=mask)
        vectors = F.dropout(vectors, self.dropout, self.training)
        for layer in self.layers:
            vectors = layer(vectors, seen)
        return self.layer_norm(vectors), mask


# For each type of model its configuration, and what builds the encoder from that.
BACKBONES: dict[str, tuple[Any, Any]] = {
    "whisper": (WhisperConfig, WhisperBackbone),
    "frame_encoder": (FrameEncoderConfig, make_frame_encoder),
}


def make_backbone(config: dict[str, Any]) -> nn.Module:
    """Builds the encoder of a configuration, with fresh weights."""
    settings, build = _known(config)
    return build(settings.from_dict(config))


def load_backbone(name_or_path: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The configuration and the encoder's weights of a pretrained model, by folder or Hub id."""
    config = AutoConfig.from_pretrained(name_or_path).to_diff_dict()
    _known(config)
    for name in ("architectures", "dtype", "transformers_version"):
        config.pop(name, None)
    return config, AutoModel.from_pretrained(name_or_path).get_encoder().state_dict()


def _known(config: dict[str, Any]) -> tuple[Any, Any]:
    if config.get("model_type") not in BACKBONES:
        raise ValueError(
            f"`backbone_config` must be of one of these models: {', '.join(BACKBONES)}, but its `model_type` is "
            f"{config.get('model_type')!r}. Choose one of them, or read the features directly."
        )
    return BACKBONES[config["model_type"]]


__all__ = ["BACKBONES", "load_backbone", "make_backbone"]
