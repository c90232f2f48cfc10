"""Configuration of what looks at frames, and of the model that gives every frame a label."""

from typing import Any

from huggingface_hub.dataclasses import strict
from transformers import PreTrainedConfig, VideoMAEConfig
from transformers.configuration_utils import SubConfigSpec

from .configuration_recurrent_seq2seq import RecurrentSeq2SeqConfig

FRAME_ENCODERS = ("cnn", "videomae")


@strict
class FrameEncoderConfig(PreTrainedConfig):
    """What turns frames into one vector per step of time.

    Args:
        kind: "cnn", one light convolutional network for each frame, or "videomae", a Video Transformer that looks at
            windows of frames (Tong et al., 2022).
        num_channels: 1 for grey frames, 3 for colour.
        hidden_size: width of the vectors of "cnn".
        channels: channels of each convolution of "cnn"; each halves height and width.
        grid: rows and columns of the map from which "cnn" reads where things are.
        sees_change: whether "cnn" also sees the difference to the frame before.
        frames_per_pass: frames that "cnn" looks at in one go: bounds the memory for long videos.
        videomae: sizes of "videomae"; its `num_frames` is the length of a window.
        stride: frames from one window to the next; none: half a window. Windows overlap, and their vectors are blended.
        windows_per_pass: windows that "videomae" looks at in one go.

    >>> FrameEncoderConfig(kind="videomae", videomae=VideoMAEConfig(num_frames=16)).window_stride
    8
    """

    model_type = "frame_encoder"
    sub_configs_defaults = {"videomae": SubConfigSpec(VideoMAEConfig, optional=True)}

    kind: str = "cnn"
    num_channels: int = 1
    hidden_size: int = 128
    channels: list[int] | tuple[int, ...] = (16, 32, 64, 64)
    grid: list[int] | tuple[int, ...] = (3, 4)
    sees_change: bool = True
    frames_per_pass: int = 256
    videomae: Any = None  # a VideoMAEConfig, once the library has read it
    stride: int | None = None
    windows_per_pass: int = 8

    def __post_init__(self, **kwargs: object) -> None:
        if self.kind == "videomae" and self.videomae is None:
            self.videomae = VideoMAEConfig(num_channels=self.num_channels)
        super().__post_init__(**kwargs)
        if self.kind not in FRAME_ENCODERS:
            raise ValueError(f"`kind` must be one of {', '.join(FRAME_ENCODERS)}, but is {self.kind!r}.")
        for name in ("num_channels", "hidden_size", "frames_per_pass", "windows_per_pass"):
            if getattr(self, name) < 1:
                raise ValueError(f"`{name}` must be at least 1, but is {getattr(self, name)}.")
        if self.kind == "videomae":
            self._check_windows()

    def _check_windows(self) -> None:
        window, tube = self.window, self.frames_per_step
        if window % tube:
            raise ValueError(
                f"`videomae.num_frames` must be a multiple of `tubelet_size` ({tube}), but is {window}. "
                "Lengthen the window to the next multiple."
            )
        if not 0 < self.window_stride <= window or self.window_stride % tube:
            raise ValueError(
                f"`stride` must be a multiple of `tubelet_size` ({tube}) and at most the window ({window} frames), "
                f"but is {self.window_stride}. Half a window is a good choice."
            )

    @property
    def window(self) -> int:
        """Frames that are looked at together."""
        return self.videomae.num_frames if self.kind == "videomae" else 1

    @property
    def window_stride(self) -> int:
        """Frames from one window to the next."""
        if self.kind == "cnn":
            return 1
        return (
            max(self.frames_per_step, self.window // 2 // self.frames_per_step * self.frames_per_step)
            if self.stride is None
            else self.stride
        )

    @property
    def frames_per_step(self) -> int:
        """Frames that share one vector: the real resolution in time."""
        return self.videomae.tubelet_size if self.kind == "videomae" else 1

    @property
    def feature_size(self) -> int:
        """Width of the vectors."""
        return self.videomae.hidden_size if self.kind == "videomae" else self.hidden_size


@strict
class FrameLabellerConfig(PreTrainedConfig):
    """What looks at the frames, and the recurrent network that reads the whole video before it names one of them.

    Args:
        frame_encoder: what turns frames into vectors.
        freeze_encoder: whether its weights stay as they are.
        embedding_size: width to which these vectors are brought.
        hidden_size: width of the recurrent network's states, both directions together.
        num_hidden_layers: its depth.
        cell_type: "lstm" or "gru".
        bidirectional: whether it also reads from the end to the start.
        dropout: share of the elements set to zero while training, of its input and of each layer's output.
        class_weights: what an error costs for each label; none: 1. Against imbalance.
        smoothing: weight of the second loss, against labels that flicker (Farha and Gall, 2019, 3.2: 0.15).
        smoothing_limit: change of a log-probability between two frames above which that loss grows no more.
        transitions: how often a frame of one label was followed by one of another while training, by names, at the
            rate at which the model sees; none: each frame's label is chosen by itself.

    >>> FrameLabellerConfig(num_labels=3, cell_type="gru").id2label
    {0: 'LABEL_0', 1: 'LABEL_1', 2: 'LABEL_2'}
    """

    model_type = "frame_labeller"
    sub_configs_defaults = {"frame_encoder": SubConfigSpec(FrameEncoderConfig)}

    frame_encoder: Any = None  # a FrameEncoderConfig
    freeze_encoder: bool = False
    embedding_size: int = 128
    hidden_size: int = 128
    num_hidden_layers: int = 1
    cell_type: str = "gru"
    bidirectional: bool = True
    dropout: float | int = 0.2
    class_weights: list[float] | tuple[float, ...] | None = None
    smoothing: float | int = 0.0
    smoothing_limit: float | int = 4.0
    transitions: dict[str, Any] | None = None

    def __post_init__(self, **kwargs: object) -> None:
        super().__post_init__(**kwargs)
        self.reader  # noqa: B018  # its own checks are ours too
        if self.class_weights is not None and len(self.class_weights) != self.num_labels:
            raise ValueError(
                f"`class_weights` must have one number for each of the {self.num_labels} labels, "
                f"but has {len(self.class_weights)}."
            )
        if self.smoothing < 0 or self.smoothing_limit <= 0:
            raise ValueError(
                "`smoothing` must be at least 0 and `smoothing_limit` above 0, "
                f"but they are {self.smoothing} and {self.smoothing_limit}."
            )

    @property
    def reader(self) -> RecurrentSeq2SeqConfig:
        """The recurrent network as the encoder-decoder describes its own."""
        return RecurrentSeq2SeqConfig(
            input_feature_size=self.frame_encoder.feature_size,
            embedding_size=self.embedding_size,
            hidden_size=self.hidden_size,
            num_hidden_layers=self.num_hidden_layers,
            cell_type=self.cell_type,
            bidirectional=self.bidirectional,
            dropout=self.dropout,
            attention_type="none",
        )


__all__ = ["FRAME_ENCODERS", "FrameEncoderConfig", "FrameLabellerConfig"]
