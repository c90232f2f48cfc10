"""Videos and video models small enough to be built for one test."""

import torch
from torch import Tensor
from transformers import VideoMAEConfig

from toolkit.models import (
    FrameEncoderConfig,
    FrameLabellerConfig,
    FrameProcessor,
    RecurrentFrameLabeller,
    RecurrentSeq2SeqConfig,
    RecurrentSeq2SeqForConditionalGeneration,
)
from toolkit.models.layers_pointer import RARE

SIZE = (8, 12)
LABELS = ["nothing", "jump", "turn"]


def encoder_settings(kind: str, **settings: object) -> FrameEncoderConfig:
    """A tiny frame encoder; windows of 8 frames that start every 4 where there are windows."""
    if kind == "cnn":
        sizes = dict(hidden_size=6, channels=(4, 5), grid=(2, 3), frames_per_pass=5)
    else:
        videomae = VideoMAEConfig(
            image_size=SIZE,
            patch_size=4,
            num_channels=1,
            num_frames=8,
            hidden_size=8,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=8,
        )
        sizes = dict(videomae=videomae, windows_per_pass=2)
    return FrameEncoderConfig(kind=kind, **{**sizes, **settings})


def loud(model: torch.nn.Module) -> torch.nn.Module:
    """The model in double precision, with weights that all have something to say."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.normal_(0.0, 0.2 if "bias" in name else 0.6, generator=generator)
    return model.eval().double()


def labeller(kind: str, **settings: object) -> RecurrentFrameLabeller:
    """A tiny model without dropout that labels frames."""
    sizes = dict(num_labels=len(LABELS), embedding_size=6, hidden_size=8, dropout=0.0)
    return loud(
        RecurrentFrameLabeller(FrameLabellerConfig(**{**sizes, "frame_encoder": encoder_settings(kind), **settings}))
    )


def teller(kind: str, processor: FrameProcessor) -> RecurrentSeq2SeqForConditionalGeneration:
    """A tiny model without dropout that writes events."""
    config = RecurrentSeq2SeqConfig(
        vocab_size=len(processor.events.tokens),
        first_pointer=processor.events.first_time,
        backbone_config=encoder_settings(kind).to_dict(),
        freeze_backbone=False,
        embedding_size=6,
        hidden_size=8,
        embedding_dropout=0.0,
        dropout=0.0,
        output_dropout=0.0,
    )
    model = loud(RecurrentSeq2SeqForConditionalGeneration(config))
    with torch.no_grad():
        model.decoder.pointer.place.bias += RARE  # or it would write <eos> and nothing else
        model.lm_head.bias -= 2
    return model


def frame_processor(**settings: object) -> FrameProcessor:
    """What the tiny models want done to a video."""
    given = dict(size=SIZE, labels=LABELS, background="nothing", event_steps={"step_seconds": 0.08, "steps": 10})
    return FrameProcessor(**{**given, **settings})


def seen(count: int, rows: int = 1) -> Tensor:
    """Random frames as the models see them: (rows, count, 1, Y, X)."""
    return torch.randn(rows, count, 1, *SIZE, dtype=torch.float64, generator=torch.Generator().manual_seed(4))


def film(count: int, height: int = 16, width: int = 20) -> Tensor:
    """Random frames as a decoder gives them: (count, height, width, 3) bytes."""
    return torch.randint(
        0, 256, (count, height, width, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(5)
    )
