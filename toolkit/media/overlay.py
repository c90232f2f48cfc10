"""A video with what a model saw in it burnt into the picture."""

import os
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from toolkit.media.container import Source
from toolkit.media.values import Clip
from toolkit.media.video import VideoFile
from toolkit.media.video_writer import write_video

_READABLE_LINES = 240  # smaller pictures are enlarged, so that letters fit
_SHARE_OF_HEIGHT = 20  # one line of text takes this part of the picture
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
_INK, _BAR, _SHADE = (255, 255, 255), (66, 133, 244), (0, 0, 0)


def write_overlay(
    path: str | os.PathLike[str],
    source: VideoFile | Source,
    labels: Sequence[str],
    probabilities: Tensor,
    *,
    bars: int = 3,
    font_file: str | None = None,
) -> None:
    """Writes an mp4 of the video with, at each frame, its time, its likeliest labels and their probabilities as bars.

    Every frame of the video is there, at its own time; sound is copied. Memory does not grow with the length.

    Args:
        path: the file to write, which appears whole or not at all; another one than the video.
        source: the video.
        labels: V names; of what is called "", nothing is written.
        probabilities: (F, V), a row for each frame of the file.
        bars: how many labels to show.
        font_file: a TrueType font for labels that are not in Latin letters; without one, Pillow's own is taken.
    """
    video = source if isinstance(source, VideoFile) else VideoFile(source)
    header = video.header
    if probabilities.shape != (header.frames, len(labels)):
        raise ValueError(
            f"`probabilities` must have a row for each frame of `{header.name}` and a column for each label "
            f"({header.frames}, {len(labels)}), but its shape is {tuple(probabilities.shape)}. "
            "Spread what was predicted for samples over all frames first."
        )
    enlarged = -(-_READABLE_LINES // header.height) if header.height < _READABLE_LINES else 1
    size = header.height * enlarged, header.width * enlarged
    line = size[0] // _SHARE_OF_HEIGHT
    font = ImageFont.truetype(font_file, line) if font_file else ImageFont.load_default(line)
    clips = video.frames(size=size)
    write_video(path, _drawn(clips, labels, probabilities, bars, font), sound_from=video.source)


def _drawn(
    clips: Iterator[Clip],
    labels: Sequence[str],
    probabilities: Tensor,
    bars: int,
    font: Font,
) -> Iterator[Clip]:
    frame = 0
    for clip in clips:
        pictures = []
        for pixels, seconds in zip(clip.frames, clip.seconds.tolist(), strict=True):
            best = probabilities[frame].topk(min(bars, len(labels)))
            rows = [
                (labels[label], value)
                for value, label in zip(best.values.tolist(), best.indices.tolist(), strict=True)
                if labels[label]
            ]
            pictures.append(_picture(pixels, f"{seconds:.2f} s  frame {frame}", rows, font))
            frame += 1
        yield Clip(torch.stack(pictures), clip.seconds, clip.frames_per_second)


def _picture(pixels: Tensor, title: str, rows: list[tuple[str, float]], font: Font) -> Tensor:
    """One frame (C, Y, X) with a title and a bar for each (label, probability) in its upper left corner."""
    image = Image.fromarray(pixels.permute(1, 2, 0).numpy())
    draw = ImageDraw.Draw(image, "RGBA")
    height = image.height // _SHARE_OF_HEIGHT
    step, width = height * 5 // 4, image.width // 2
    draw.rectangle((0, 0, width, step * (len(rows) + 1)), fill=(*_SHADE, 150))
    draw.text((height // 3, 0), title, fill=_INK, font=font)
    for place, (label, probability) in enumerate(rows, start=1):
        top = place * step
        draw.rectangle((0, top, round(width * probability), top + step - 2), fill=(*_BAR, 200))
        draw.text((height // 3, top), f"{label} {100 * probability:.0f} %", fill=_INK, font=font)
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)
