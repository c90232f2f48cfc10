"""Recordings of any length as windows that a model takes, cut in silences, in bounded memory."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import torch

from toolkit.adapters.audio.transcript import Skipped
from toolkit.media.values import Waveform

Span = tuple[float, float]
SpeechFinder = Callable[[Iterable[Waveform]], Iterable[Span]]

BLOCK_SECONDS = 2.0
"""What is decoded at once."""
LOOKAHEAD_SECONDS = 300.0
"""How much is searched for speech before windows are cut."""
LONGEST_SILENCE_SECONDS = 5.0
"""Shorter silences stay in a window, as a model has learnt them; longer ones are left out and told. In windows below 30
seconds it is a sixth of the window, so that none is cut before its speech begins."""
MARGIN_SECONDS = 0.5
"""What stays of a silence that is left out, at each of its ends; at most half of the longest that is not."""


def cut_windows(
    blocks: Iterable[Waveform], find_speech: SpeechFinder | None, *, longest_seconds: float
) -> Iterator[Waveform | Skipped]:
    """Cuts a recording into windows that hold all its speech, and tells what lies between them.

    A window takes as much as it may hold and ends in a silence. Speech without one is cut where it is quietest. A
    recording that fits into one window, and has no long silence, is one window, unchanged.

    Args:
        blocks: the recording, in order.
        find_speech: spans of speech in a stretch of it (`toolkit.media.voice.speech_spans`); none: all is speech.
        longest_seconds: what a window may hold.

    Returns:
        Windows and silences, in order; no memory grows with the recording.
    """
    cutter = _Cutter(longest_seconds)
    blocks = iter(blocks)
    while stretch := list(_first(blocks, LOOKAHEAD_SECONDS)):
        sound = _joined(stretch)
        if sound.seconds == 0:
            continue
        spans = [(sound.start_seconds, sound.end_seconds)] if find_speech is None else find_speech(stretch)
        yield from cutter.add(sound, spans)
    yield from cutter.finish()


@dataclass
class _Cutter:
    """What is known of a recording and not yet given away.

    Attributes:
        longest_seconds: what a window may hold.
        sound: all samples that a later window may need.
        spans: speech in it.
        done_seconds: everything before lies in a window or was told as silence.
    """

    longest_seconds: float
    sound: Waveform | None = None
    spans: list[Span] = field(default_factory=list)
    done_seconds: float = 0.0

    @property
    def silence_seconds(self) -> float:
        """The longest silence that stays in a window."""
        return min(LONGEST_SILENCE_SECONDS, self.longest_seconds / 6)

    @property
    def margin_seconds(self) -> float:
        """What stays at each end of a longer one."""
        return min(MARGIN_SECONDS, self.silence_seconds / 2)

    def add(self, sound: Waveform, spans: Iterable[Span]) -> Iterator[Waveform | Skipped]:
        """Takes the next stretch, and gives the windows that nothing later can change."""
        if self.sound is None:
            self.done_seconds = sound.start_seconds
        self.sound = sound if self.sound is None else _joined([self.sound, sound])
        for start, end in spans:
            if self.spans and start - self.spans[-1][1] < 0.1:  # one utterance across the border of two stretches
                self.spans[-1] = self.spans[-1][0], max(end, self.spans[-1][1])
            else:
                self.spans.append((start, end))
        while self.spans and self.sound.end_seconds - self._start() > self.longest_seconds + self.silence_seconds:
            yield from self._window()
        needed = self.spans[0][0] if self.spans else self.sound.end_seconds
        kept = max(self.done_seconds, needed - self.silence_seconds)
        self.sound = self.sound.cut(kept, self.sound.end_seconds)

    def finish(self) -> Iterator[Waveform | Skipped]:
        """Gives the rest."""
        if self.sound is None:
            return
        while self.spans:
            yield from self._window()
        if self.sound.end_seconds > self.done_seconds:
            yield Skipped(self.done_seconds, self.sound.end_seconds, "no speech")

    def _start(self) -> float:
        """Where the next window begins: at the end of the last one, or after a long silence."""
        first = self.spans[0][0]
        return self.done_seconds if first - self.done_seconds <= self.silence_seconds else first - self.margin_seconds

    def _window(self) -> Iterator[Waveform | Skipped]:
        assert self.sound is not None
        start = self._start()
        if start > self.done_seconds:
            yield Skipped(self.done_seconds, start, "no speech")
        limit, last = start + self.longest_seconds, 0
        while last + 1 < len(self.spans):
            if self.spans[last + 1][1] > limit or self.spans[last + 1][0] - self.spans[last][1] > self.silence_seconds:
                break
            last += 1
        speech_end = self.spans[last][1]
        if speech_end > limit:
            end = quietest(self.sound, limit - self.longest_seconds / 3, limit)
            self.spans[0] = end, speech_end
        else:
            following = self.spans[last + 1][0] if last + 1 < len(self.spans) else None
            silence = (self.sound.end_seconds if following is None else following) - speech_end
            if silence > self.silence_seconds:
                end = speech_end + self.margin_seconds
            else:
                end = speech_end + (silence if following is None else silence / 2)
            end = min(end, limit)
            del self.spans[: last + 1]
        self.done_seconds = end
        yield self.sound.cut(start, end)


def quietest(sound: Waveform, start_seconds: float, end_seconds: float) -> float:
    """The time between two others at which a tenth of a second has the least energy.

    >>> hum = torch.ones(16000 * 3)
    >>> hum[30000:36000] = 0
    >>> round(quietest(Waveform(hum, 16000), 1.0, 3.0), 1)
    1.9
    """
    part = sound.cut(start_seconds, end_seconds)
    step = max(1, part.sample_rate_hz // 50)
    steps = part.samples[: len(part.samples) // step * step].view(-1, step)
    if len(steps) < 5:
        return part.end_seconds
    energy = torch.nn.functional.avg_pool1d(steps.square().mean(1)[None], kernel_size=5, stride=1)[0]
    return part.start_seconds + (int(energy.argmin()) + 2.5) * step / part.sample_rate_hz


def _first(blocks: Iterator[Waveform], seconds: float) -> Iterator[Waveform]:
    """Blocks until they last so long."""
    while seconds > 0 and (block := next(blocks, None)) is not None:
        seconds -= block.seconds
        yield block


def _joined(parts: Iterable[Waveform]) -> Waveform:
    parts = list(parts)
    samples = torch.cat([part.samples for part in parts])
    return Waveform(samples, parts[0].sample_rate_hz, parts[0].start_seconds)


__all__ = ["BLOCK_SECONDS", "SpeechFinder", "cut_windows", "quietest"]
