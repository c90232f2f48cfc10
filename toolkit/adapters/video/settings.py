"""The flags of video models, and which of their values can be meant."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from transformers import VideoMAEConfig

from toolkit.adapters.pretrained import read_config
from toolkit.adapters.video.encoders import pretrained_config
from toolkit.adapters.video.scoring import SCORES
from toolkit.adapters.video.variation import FLIPS
from toolkit.models import ATTENTION_TYPES, CELL_TYPES, FrameEncoderConfig, load_processor

DECODERS = ("frames", "events")
UNLABELLED = ("background", "ignored")
WEIGHTS = {"none": 0.0, "root": 0.5, "inverse": 1.0}
FRESH = {"cnn": 1, "videomae": VideoMAEConfig.tubelet_size}
"""What learns from nothing, with the frames that share one vector."""


@dataclass
class VideoSettings:
    """How videos are seen, and what learns from them."""

    file_column: str = field(default="file", metadata={"help": "Column that names the videos."})
    label_column: str = field(default="label", metadata={"help": "Column that names what happens."})
    background: str = field(default="background", metadata={"help": "Label of frames in which nothing happens."})
    unlabelled: str = field(
        default="background",
        metadata={
            "help": "Frames about which nothing is said: background, or ignored in training and scores.",
            "choices": list(UNLABELLED),
        },
    )
    decoder: str = field(
        default="frames", metadata={"help": "A label per frame, or events as words.", "choices": list(DECODERS)}
    )
    encoder: str = field(
        default="cnn", metadata={"help": "cnn (light), videomae (small, fresh), or a pretrained VideoMAE."}
    )
    freeze_encoder: bool = field(
        default=True, metadata={"help": "Keep a pretrained encoder as it is: each video is looked at once."}
    )
    model_name_or_path: str | None = field(
        default=None, metadata={"help": "An event model of this toolkit to go on from; none: a fresh one."}
    )
    frames_per_second: float = field(default=25.0, metadata={"help": "Rate at which the model sees videos."})
    frame_height: int = field(default=48, metadata={"help": "Rows of pixels that the model sees."})
    frame_width: int = field(default=64, metadata={"help": "Columns of pixels that the model sees."})
    colour: bool = field(default=False, metadata={"help": "See colours, not only light and dark."})
    subtract_median: bool = field(
        default=False, metadata={"help": "Subtract what does not move: for cameras that stand still."}
    )
    max_train_seconds: float = field(default=30.0, metadata={"help": "Train on stretches no longer than this."})
    cell_type: str = field(default="gru", metadata={"help": "Recurrent cell.", "choices": list(CELL_TYPES)})
    attention_type: str = field(
        default="general",
        metadata={"help": "How the events decoder looks at the video.", "choices": list(ATTENTION_TYPES)},
    )
    hidden_size: int = field(default=128, metadata={"help": "Width of all vectors."})
    num_hidden_layers: int = field(default=1, metadata={"help": "Depth of the recurrent network."})
    dropout: float = field(default=0.3, metadata={"help": "Share of elements set to zero while training."})
    class_weights: str = field(
        default="root",
        metadata={"help": "Weigh labels by how rare they are: power of their share.", "choices": list(WEIGHTS)},
    )
    smoothing: float = field(default=0.15, metadata={"help": "Weight of the loss against flicker of segments."})
    use_transitions: bool = field(
        default=True, metadata={"help": "Name frames also by which label followed which in training."}
    )
    augment: bool = field(default=True, metadata={"help": "Vary light and place of training videos."})
    flips: str = field(
        default="none", metadata={"help": "Also mirror them; both: for cameras above.", "choices": list(FLIPS)}
    )
    overlap_seconds: float = field(
        default=0.25,
        metadata={"help": "Labels of one track with other times may overlap by so much; the later one counts."},
    )
    frames_folder: str | None = field(
        default=None, metadata={"help": "Where decoded frames are kept; none: beside the Hub's cache."}
    )
    metric: str = field(default="frame_accuracy", metadata={"help": f"Selects checkpoints: {', '.join(SCORES)}."})

    def __post_init__(self) -> None:
        for name, choices in (
            ("metric", SCORES),
            ("decoder", DECODERS),
            ("unlabelled", UNLABELLED),
            ("class_weights", WEIGHTS),
            ("flips", FLIPS),
        ):
            if getattr(self, name) not in choices:
                raise ValueError(f"`{name}` must be one of {', '.join(choices)}, but is {getattr(self, name)!r}.")
        for name in ("frames_per_second", "frame_height", "frame_width", "max_train_seconds"):
            if not getattr(self, name) > 0:
                raise ValueError(f"`{name}` must be above 0, but is {getattr(self, name)}.")
        if self.model_name_or_path is not None:
            self._take_model(self.model_name_or_path)
        elif self.is_pretrained:
            pretrained_config(self.encoder, flag="encoder", others=f"be {', '.join(FRESH)} or ")

    def _take_model(self, name_or_path: str) -> None:
        """A trained model decides how it sees and answers, whatever the flags say."""
        config = read_config(name_or_path, flag="model_name_or_path")
        backbone = (getattr(config, "backbone_config", None) or {}).get("kind")
        if config.model_type != "frame_labeller" and backbone is None:
            raise ValueError(
                f"`model_name_or_path` must name an event model of this toolkit, but {name_or_path} is a "
                f"{config.model_type} model. To look with a pretrained VideoMAE, pass it as `encoder`."
            )
        processor = load_processor(name_or_path)
        self.decoder = "frames" if backbone is None else "events"
        self.encoder = config.frame_encoder.kind if backbone is None else backbone
        self.frames_per_second = processor.frames_per_second
        if processor.background is None:
            self.unlabelled = "ignored"
        else:
            self.background = processor.background
        if self.decoder == "events":
            self.max_train_seconds = processor.event_steps["steps"] * processor.event_steps["step_seconds"]

    @property
    def filler(self) -> str | None:
        """The label of frames about which nothing is said; none: they are left out."""
        return self.background if self.unlabelled == "background" else None

    @property
    def is_pretrained(self) -> bool:
        """Whether a pretrained encoder looks at the frames."""
        return self.encoder not in FRESH

    @cached_property
    def step_frames(self) -> int:
        """Frames that share one vector, as what looks at them says."""
        if self.model_name_or_path is not None:
            config: Any = read_config(self.model_name_or_path, flag="model_name_or_path")
            backbone = getattr(config, "backbone_config", None)
            return (config.frame_encoder if backbone is None else FrameEncoderConfig(**backbone)).frames_per_step
        if self.is_pretrained:
            return pretrained_config(self.encoder, flag="encoder").tubelet_size
        return FRESH[self.encoder]


__all__ = ["WEIGHTS", "VideoSettings"]
