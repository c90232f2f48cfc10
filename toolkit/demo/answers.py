"""What the page answers to a sentence, a recording or a video: a text, and the figures of a report."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.adapters.audio.listening import as_wav
from toolkit.media.audio import read_audio
from toolkit.media.video import VideoFile
from toolkit.media.video_writer import write_video
from toolkit.report import attention_map, recording, steps, timeline

LONGEST_SECONDS, LONGEST_LETTERS, MOST_TOKENS = 300.0, 2000, 80
PICTURE_HEIGHT, FRAMES_PER_SECOND = 240, 25.0


@dataclass(frozen=True)
class Upload:
    """A file that somebody gave, in memory: its name is all that is left of where it lay."""

    name: str
    content: bytes

    @classmethod
    def taken(cls, path: str) -> "Upload":
        """Reads a file and removes it."""
        file = Path(path)
        try:
            return cls(file.name, file.read_bytes())
        finally:
            file.unlink(missing_ok=True)

    @property
    def source(self) -> dict[str, Any]:
        """As the readers of media take it."""
        return {"path": self.name, "bytes": self.content}


def written(serve: Any, sentence: str) -> tuple[str, str]:
    """What a text model writes, where it looked, and what it considered.

    Args:
        serve: a text pipeline.
        sentence: what was typed.
    """
    if not sentence.strip():
        raise ValueError("There is nothing to read yet. Type a sentence.")
    if len(sentence) > LONGEST_LETTERS:
        raise ValueError(
            f"The text may have {LONGEST_LETTERS:,} letters on this page, but has {len(sentence):,}. Shorten it."
        )
    answer = serve(sentence, return_attentions=True, return_steps=True)[0]
    looked, figure = answer.get("attention"), ""
    if looked and max(len(looked["source_tokens"]), len(looked["target_tokens"])) <= MOST_TOKENS:
        figure = attention_map(looked["source_tokens"], looked["target_tokens"], looked["weights"])
    return answer[f"{serve.return_name}_text"], figure + steps(answer["steps"])


def heard(serve: Any, upload: Upload) -> tuple[str, str]:
    """What a recogniser writes, with each word under its sound.

    Args:
        serve: a transcriber.
        upload: a recording in any format.
    """
    rate_hz = serve.engine.sample_rate_hz
    sound = read_audio(upload.source, sample_rate_hz=rate_hz, end_seconds=LONGEST_SECONDS + 1)
    if sound.seconds > LONGEST_SECONDS:
        raise ValueError(_too_long(upload))
    samples = sound.samples.numpy()
    timestamps = "word" if getattr(serve.engine, "knows_words", True) else True
    answer = serve({"raw": samples, "sampling_rate": rate_hz}, return_timestamps=timestamps)
    words = [(chunk["text"], *chunk["timestamp"]) for chunk in answer["chunks"]]
    figure = recording(samples, rate_hz, words, sound=as_wav(sound), mime="audio/wav", caption=upload.name)
    return answer["text"], figure


def watched(serve: Any, upload: Upload) -> tuple[str, str]:
    """The events of a video, under a small copy of it that every browser plays.

    Args:
        serve: an event detector or a video classifier.
        upload: a video in any format.
    """
    video = VideoFile(upload.source)
    if video.header.duration_seconds > LONGEST_SECONDS:
        raise ValueError(_too_long(upload))
    answer = serve(video)
    end = video.header.end_seconds
    if isinstance(answer, list):  # labels of the whole video, the likeliest first
        events = [(answer[0]["label"], 0.0, end, answer[0]["score"])]
        said = ", ".join(f"{label['label']} {label['score']:.2f}" for label in answer)
    else:
        events = [
            (event["label"], max(0.0, event["start"]), max(0.0, event["end"]), event["score"])
            for event in answer["events"]
        ]
        said = f"{len(events)} events in {end:.1f} s"
    return said, timeline(None, events, seconds=end, video=_small_copy(video), caption=upload.name)


def _too_long(upload: Upload) -> str:
    return f"`{upload.name}` must last at most {LONGEST_SECONDS:.0f} s on this page, but is longer. Cut it."


def _small_copy(video: VideoFile) -> bytes:
    height = min(PICTURE_HEIGHT, video.header.height)
    width = max(1, round(height * video.header.width / video.header.height))
    rate = min(FRAMES_PER_SECOND, video.header.frames_per_second)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "copy.mp4"
        write_video(path, video.frames(frames_per_second=rate, size=(height, width)))
        return path.read_bytes()


__all__ = ["LONGEST_SECONDS", "Upload", "heard", "watched", "written"]
