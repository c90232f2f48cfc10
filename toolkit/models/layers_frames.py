"""What looks at frames: a light convolutional network, or VideoMAE over overlapping windows.

Shapes: `B` videos, `F` frames, `C` channels, `Y` `X` height and width, `S` steps of time, `D` width of a vector.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from transformers import VideoMAEModel
from transformers.models.videomae import modeling_videomae

from .configuration_frame_labeller import FrameEncoderConfig


def step_mask(frame_mask: Tensor, frames_per_step: int) -> Tensor:
    """(B, F) real frames -> (B, S) real steps: those that cover at least one real frame.

    >>> step_mask(torch.tensor([[1, 1, 1, 0, 0]]), 2)
    tensor([[ True,  True, False]])
    """
    return frame_mask[:, ::frames_per_step].bool()


class FrameEncoder(nn.Module, ABC):
    """Reads videos of any length as streams of blocks of frames, so that memory does not grow with their length.

    A video is read alone and without its padding: neither its neighbours in a batch nor the size of the blocks in which
    it comes can change its vectors.
    """

    def __init__(self, config: FrameEncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.size, self.frames_per_step = config.feature_size, config.frames_per_step

    @abstractmethod
    def stream(self, blocks: Iterable[Tensor]) -> Iterator[Tensor]:
        """Reads one video.

        Args:
            blocks: (some frames, C, Y, X), one after the other.

        Yields:
            (some steps, D), one after the other: `ceil(F / frames_per_step)` in all.
        """

    def forward(self, frames: Tensor, attention_mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Reads a batch of videos.

        Args:
            frames: (B, F, C, Y, X)
            attention_mask: (B, F), 1 at real frames; padding stands at the end; none: all are real.

        Returns:
            (B, S, D), 0 at padding, and (B, S), true at real steps. Step `s` covers the frames from
            `s * frames_per_step` up to the next step's first, as far as the video goes.
        """
        if attention_mask is None:
            attention_mask = frames.new_ones(frames.shape[:2])
        lengths = attention_mask.bool().sum(1).tolist()
        if min(lengths) < 1:
            raise ValueError("`frames` must hold at least one real frame of each video, but one video has none.")
        rows = [torch.cat(list(self.stream([row[:length]]))) for row, length in zip(frames, lengths, strict=True)]
        mask = step_mask(attention_mask, self.frames_per_step)
        features = pad_sequence(rows, batch_first=True)
        return F.pad(features, (0, 0, 0, mask.shape[1] - features.shape[1])), mask


class ConvolutionalFrames(FrameEncoder):
    """One vector per frame from a few strided convolutions; the last map is read as a grid, so that places are kept.

    Light enough to learn from nothing without an accelerator. Motion comes in as the difference to the frame before.
    """

    def __init__(self, config: FrameEncoderConfig) -> None:
        super().__init__(config)
        sizes = [config.num_channels * (1 + config.sees_change), *config.channels]
        layers: list[nn.Module] = []
        for below, above in zip(sizes[:-1], sizes[1:], strict=True):
            layers += [nn.Conv2d(below, above, 3, stride=2, padding=1), nn.GroupNorm(1, above), nn.ReLU()]
        self.convolve = nn.Sequential(*layers)
        self.project = nn.Linear(sizes[-1] * config.grid[0] * config.grid[1], config.hidden_size)

    def stream(self, blocks: Iterable[Tensor]) -> Iterator[Tensor]:
        """Reads one video, frame by frame; of the frames before only the last one is kept."""
        before = None
        for block in blocks:
            for frames in block.split(self.config.frames_per_pass):
                before = frames[:1] if before is None else before
                change = frames - torch.cat([before, frames[:-1]])
                before = frames[-1:]
                yield self._look(torch.cat([frames, change], 1) if self.config.sees_change else frames)

    def _look(self, frames: Tensor) -> Tensor:
        """(F, C, Y, X) -> (F, D)."""
        frames = frames.contiguous(memory_format=torch.channels_last)  # half as fast again on a CPU
        maps = F.adaptive_avg_pool2d(self.convolve(frames), (self.config.grid[0], self.config.grid[1]))
        return F.relu(self.project(maps.flatten(1)))


class VideoMAEFrames(FrameEncoder):
    """One vector per tubelet of 2 frames from VideoMAE (Tong et al., 2022), over windows that overlap.

    A window starts every `stride` frames until the last frame is covered; what the last window lacks is filled with
    the last frame. Where windows overlap, each step is their average, weighted by the step's distance from the window's
    border, where a Transformer has seen one side only.
    """

    def __init__(self, config: FrameEncoderConfig) -> None:
        super().__init__(config)
        with quick_positions():
            self.videomae = VideoMAEModel(config.videomae)
        self.steps = config.window // config.frames_per_step

    def load_pretrained(self, name_or_path: str, *, revision: str = "main") -> None:
        """Takes the weights of any VideoMAE checkpoint, pretrained or fine-tuned as a classifier.

        Args:
            name_or_path: a folder or Hub id.
            revision: branch, tag or commit on the Hub.
        """
        with quick_positions():
            self.videomae = VideoMAEModel.from_pretrained(name_or_path, config=self.config.videomae, revision=revision)

    def stream(self, blocks: Iterable[Tensor]) -> Iterator[Tensor]:
        """Reads one video, window by window; kept are the frames and sums that the next windows overlap with."""
        window, stride, tube = self.config.window, self.config.window_stride, self.frames_per_step
        waiting, sums, frames_left = None, None, 0
        at_once = window + stride * (self.config.windows_per_pass - 1)
        for block in blocks:
            for frames in block.split(at_once):
                waiting = frames if waiting is None else torch.cat([waiting, frames])
                frames_left += len(frames)
                count = (len(waiting) - window) // stride + 1
                if count > 0:
                    sums = self._add(waiting[: window + stride * (count - 1)], sums)
                    done, sums = sums[: count * stride // tube], sums[count * stride // tube :]
                    waiting, frames_left = waiting[count * stride :], frames_left - count * stride
                    yield done[:, 1:] / done[:, :1]
        if waiting is None:
            return
        if sums is None or len(sums) * tube < frames_left:
            missing = waiting[-1:].expand(window - len(waiting), *waiting.shape[1:])
            sums = self._add(torch.cat([waiting, missing]), sums)
        done = sums[: -(-frames_left // tube)]
        yield done[:, 1:] / done[:, :1]

    def _add(self, frames: Tensor, sums: Tensor | None) -> Tensor:
        """Adds windows to what those before left over their common steps.

        Args:
            frames: (F, C, Y, X), exactly filled by windows.
            sums: (steps left over, 1 + D), the sum of the weights and of the weighted vectors.

        Returns:
            (steps, 1 + D), from the first window's first step to the last one's last.
        """
        window, stride = self.config.window, self.config.window_stride // self.frames_per_step
        windows = frames.unfold(0, window, self.config.window_stride).movedim(-1, 1)  # (windows, frames, C, Y, X)
        vectors = torch.cat([self._look(part) for part in windows.split(self.config.windows_per_pass)])
        border = torch.arange(1, self.steps + 1, device=vectors.device, dtype=vectors.dtype)
        weights = torch.minimum(border, border.flip(0))[:, None]
        weighted = torch.cat([weights.expand(len(vectors), -1, -1), vectors * weights], 2)
        total = weighted.new_zeros(self.steps + stride * (len(windows) - 1), weighted.shape[2])
        if sums is not None:
            total = torch.cat([total[: len(sums)] + sums, total[len(sums) :]])
        places = torch.arange(len(windows), device=total.device)[:, None] * stride + border.long() - 1
        return total.index_add(0, places.flatten(), weighted.flatten(0, 1))

    def _look(self, windows: Tensor) -> Tensor:
        """(windows, frames, C, Y, X) -> (windows, steps, D): mean over space, and VideoMAE's missing last norm.

        The norm has no weights of its own, since whatever reads the vectors starts with a projection.
        """
        patches = self.videomae(windows).last_hidden_state  # in the order of time, height, width
        vectors = patches.unflatten(1, (self.steps, -1)).mean(2)
        return F.layer_norm(vectors, vectors.shape[-1:])


def make_frame_encoder(config: FrameEncoderConfig) -> FrameEncoder:
    """Builds the frame encoder that a configuration names."""
    return {"cnn": ConvolutionalFrames, "videomae": VideoMAEFrames}[config.kind](config)


def position_table(places: int, size: int) -> Tensor:
    """Sines and cosines of each place (Vaswani et al., 2017, 3.5), as VideoMAE computes them: (1, places, size)."""
    exponents = torch.arange(size, dtype=torch.float64, device="cpu").div(2, rounding_mode="floor") * 2 / size
    angles = torch.arange(places, dtype=torch.float64, device="cpu")[:, None] / 10000**exponents
    return torch.where(torch.arange(size, device="cpu") % 2 == 0, angles.sin(), angles.cos()).float()[None]


@contextmanager
def quick_positions() -> Iterator[None]:
    """Lets VideoMAE models be built without the Python loops (seconds) in which the library fills that table."""
    theirs = modeling_videomae.get_sinusoid_encoding_table
    modeling_videomae.get_sinusoid_encoding_table = position_table
    try:
        yield
    finally:
        modeling_videomae.get_sinusoid_encoding_table = theirs


__all__ = [
    "ConvolutionalFrames",
    "FrameEncoder",
    "VideoMAEFrames",
    "make_frame_encoder",
    "quick_positions",
    "step_mask",
]
