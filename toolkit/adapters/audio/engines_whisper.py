"""Whisper, whoever computes it: prompts, fallback, segments and words (Radford et al., 2023)."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from typing import cast

from transformers import PreTrainedTokenizerBase
from transformers.models.whisper.tokenization_whisper import LANGUAGES, _combine_tokens_into_words

from toolkit.adapters.audio.alignment import sentences, without_pauses
from toolkit.adapters.audio.engines import Reading, Request, unwritten
from toolkit.adapters.audio.languages import code, has_language
from toolkit.adapters.audio.repetition import compression_ratio, without_loop
from toolkit.adapters.audio.transcript import Segment, Skipped, Word
from toolkit.adapters.audio.written import Encoded, Written, longest_gap
from toolkit.media.values import Waveform

TICK_SECONDS = 0.02
"""Timestamp tokens and alignments count in steps of this length."""
UNREAD_SECONDS = 3.0
"""Where timestamps leave more than this out of a window, its text is doubted."""


class WhisperEngine(ABC):
    """What both engines share: subclasses say how states, tokens and alignments are computed.

    Args:
        tokenizer: of the checkpoint.
        multilingual: whether it knows languages and tasks.
        language: that it was tuned for, if any.
        task: that it was tuned for, if any.
        longest_seconds: what its encoder takes.
        positions: tokens that its decoder takes, prompt and end included.
    """

    sample_rate_hz = 16000
    begins_with_space = True

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        *,
        multilingual: bool,
        language: str | None = None,
        task: str | None = None,
        longest_seconds: float = 30.0,
        positions: int = 448,
    ) -> None:
        self.tokenizer, self.multilingual = tokenizer, multilingual
        self.language, self.task, self.longest_seconds, self.positions = language, task, longest_seconds, positions
        self.start, self.end, self.no_timestamps = (
            self.token(name) for name in ("<|startoftranscript|>", "<|endoftext|>", "<|notimestamps|>")
        )
        self.no_speech, self.first_timestamp = self.no_timestamps - 1, self.no_timestamps + 1

    @property
    @abstractmethod
    def name(self) -> str:
        """See `Engine.name`."""

    @abstractmethod
    def encode(self, windows: Sequence[Waveform]) -> Encoded:
        """Mel frames through the encoder."""

    @abstractmethod
    def take(self, encoded: Encoded, row: int) -> Encoded:
        """One window of a batch."""

    @abstractmethod
    def detect(self, encoded: Encoded) -> list[int]:
        """The likeliest language token of each window."""

    @abstractmethod
    def write(self, encoded: Encoded, prompts: list[list[int]], temperature: float, request: Request) -> list[Written]:
        """Decodes: searches at temperature 0, draws above it."""

    @abstractmethod
    def align(self, one: Encoded, opening: list[int], tokens: list[int], steps: int) -> list[int]:
        """The step of `TICK_SECONDS` in which each token of one window begins and, last, in which the text ends."""

    @abstractmethod
    def known_arguments(self) -> Callable[[str], bool]:
        """Which names of generation arguments it takes."""

    def token(self, name: str) -> int:
        """The id of a token."""
        return cast(int, self.tokenizer.convert_tokens_to_ids(name))

    def check(self, request: Request) -> None:
        """Refuses languages, tasks and arguments that this model does not know."""
        if request.language not in (None, "en") and not self.multilingual:
            raise ValueError(
                f"`language` must be English for this English-only model, but is {request.language!r}. "
                "Choose a multilingual checkpoint."
            )
        if request.language is not None and self.multilingual and not has_language(self.tokenizer, request.language):
            raise ValueError(
                f"`language` must be one that this checkpoint knows, but {request.language!r} came with later ones. "
                "Choose a newer one, or another language."
            )
        if request.task not in (None, "transcribe", "translate"):
            raise ValueError(
                f'`task` must be "transcribe" or "translate", but is {request.task!r}. Choose one of them.'
            )
        if request.task == "translate" and not self.multilingual:
            raise ValueError(
                '`task` cannot be "translate" with an English-only model. Choose a multilingual checkpoint.'
            )
        known = self.known_arguments()
        for name in request.generation:
            if not known(name):
                raise TypeError(
                    f"`{name}` is no argument of this pipeline nor of `generate` with this engine. "
                    "Leave it away, or check its spelling."
                )

    def room(self, prompt: Sequence[int], request: Request) -> int:
        """How many tokens may be written: as asked, else half of what the decoder takes, as in Whisper's own code.

        Where that cuts a text off it is written once more, with all the room there is.
        """
        most = self.positions - len(prompt) - 1  # its end is read too, when the text is aligned
        asked = request.generation.get("max_new_tokens")
        if asked is None and (total := request.generation.get("max_length")) is not None:
            asked = total - len(prompt)
        return max(1, min(most, self.positions // 2 if asked is None else asked))

    def languages(self, encoded: Encoded) -> list[str | None]:
        """Codes, by the model's own first step."""
        if not self.multilingual:
            return [None] * len(encoded.windows)
        if self.language is not None:
            return [code(self.language)] * len(encoded.windows)
        return [code(str(self.tokenizer.convert_ids_to_tokens(token))) for token in self.detect(encoded)]

    def opening(self, language: str | None, request: Request) -> list[int]:
        """Start, language and task; a multilingual model gets both always, or it writes garbage."""
        if not self.multilingual:
            return [self.start]
        return [self.start, self.token(f"<|{language or 'en'}|>"), self.token(f"<|{self.task_of(request)}|>")]

    def task_of(self, request: Request) -> str:
        """What is asked, or else what it was tuned for."""
        return request.task or self.task or "transcribe"

    def prompt(self, language: str | None, request: Request) -> list[int]:
        """What the decoder starts from: the user's own `prompt_ids`, the opening, and whether times are wanted."""
        own = [int(token) for token in request.generation.get("prompt_ids", ())]
        return [*own, *self.opening(language, request), *([] if request.timestamps else [self.no_timestamps])]

    def read(self, encoded: Encoded, languages: Sequence[str | None], request: Request) -> list[Reading]:
        """Decodes a batch, once more and alone what read badly, and gives the texts their times."""
        prompts = [self.prompt(language, request) for language in languages]
        readings = []
        for row, written in enumerate(self.write(encoded, prompts, request.temperature[0], request)):
            if self.doubts(written, request):
                written = self.fall_back(self.take(encoded, row), prompts[row], written, request)
            if self.was_cut(written, request):
                written = self.to_its_end(written, self.take(encoded, row), prompts[row], request)
            reading = self.reading(written, encoded.windows[row], request)
            if request.timestamps and longest_gap(reading, encoded.windows[row]) > UNREAD_SECONDS:
                reading = self.read_again(reading, self.take(encoded, row), languages[row], request)
            if request.timestamps == "word" and not any(segment.words for segment in reading.segments):
                reading = self.with_words(reading, self.take(encoded, row), languages[row], request)
            readings.append(reading if reading.segments or reading.skipped else unwritten(encoded.windows[row]))
        return readings

    def was_cut(self, written: Written, request: Request) -> bool:
        """Whether a text ended at the usual limit, and not in a loop, which has no end."""
        limited = any(request.generation.get(name) is not None for name in ("max_new_tokens", "max_length"))
        return not (written.finished or limited or self.repeats(written, request))

    def to_its_end(self, written: Written, one: Encoded, prompt: list[int], request: Request) -> Written:
        """A text that was cut, once more with all the room there is; as it was where that reads badly."""
        roomy = replace(request, generation={**request.generation, "max_new_tokens": self.positions})
        (again,) = self.write(one, [prompt], request.temperature[0], roomy)
        return written if self.doubts(again, request) else again

    def read_again(self, reading: Reading, one: Encoded, language: str | None, request: Request) -> Reading:
        """Fills a gap between timestamps: decoders that write times pass over whole sentences at times.

        Without timestamps they do not; alignment then gives the times. What says more is kept.
        """
        plain = replace(request, timestamps=False)
        prompt = self.prompt(language, plain)
        (written,) = self.write(one, [prompt], request.temperature[0], plain)
        if self.doubts(written, plain):
            written = self.fall_back(one, prompt, written, plain)
        again = self.reading(written, one.windows[0], plain)
        before, after = (sum(len(segment.text) for segment in each.segments) for each in (reading, again))
        if after <= before:
            return reading
        again = self.with_words(again, one, language, request)
        segments = [sentence for segment in again.segments for sentence in sentences(segment.words)]
        if request.timestamps != "word":
            segments = [replace(segment, words=()) for segment in segments]
        return replace(again, segments=tuple(segments))

    def doubts(self, written: Written, request: Request) -> bool:
        """Whether a text should be read again: it repeats itself, or is unlikely although something was said."""
        if self.is_silent(written, request):
            return False
        unlikely = request.logprob_threshold is not None and written.mean_log_probability < request.logprob_threshold
        return unlikely or self.repeats(written, request)

    def repeats(self, written: Written, request: Request) -> bool:
        """Whether the text shrinks too much."""
        limit = request.compression_ratio_threshold
        return limit is not None and compression_ratio(self.text(written.tokens).strip()) > limit

    def is_silent(self, written: Written, request: Request) -> bool:
        """Whether the first step found no speech, and the text is unlikely too."""
        if request.no_speech_threshold is None or written.no_speech_probability <= request.no_speech_threshold:
            return False
        return request.logprob_threshold is None or written.mean_log_probability < request.logprob_threshold

    def fall_back(self, one: Encoded, prompt: list[int], first: Written, request: Request) -> Written:
        """Draws at rising temperatures until a text reads well, or gives the likeliest that does not repeat itself."""
        tries = [first]
        for temperature in request.temperature[1:]:
            tries += self.write(one, [prompt], temperature, request)
            if not self.doubts(tries[-1], request):
                return tries[-1]
        fresh = [written for written in tries if not self.repeats(written, request)]
        return max(fresh or tries, key=lambda written: written.mean_log_probability)

    def reading(self, written: Written, window: Waveform, request: Request) -> Reading:
        """Segments by the timestamp tokens, without silence and loops."""
        if self.is_silent(written, request):
            reason, text = f"no speech (probability {written.no_speech_probability:.2f})", self.text(written.tokens)
            return Reading(skipped=(Skipped(window.start_seconds, window.end_seconds, reason, text),))
        kept, cut = without_loop(self.segments(written.tokens, window), request.compression_ratio_threshold)
        if kept and not written.finished and all(loop.start_seconds < kept[-1].end_seconds for loop in cut):
            reason = "text cut at the most tokens that were allowed"
            cut.append(Skipped(kept[-1].start_seconds, window.end_seconds, reason))
        return Reading(tuple(kept), tuple(cut))

    def segments(self, tokens: Sequence[int], window: Waveform) -> list[Segment]:
        """Text between two timestamps; without them the whole window, and to its end where the last one is missing."""
        segments, text, begun = [], list[int](), 0.0
        for token in [*tokens, None]:
            if token is not None and token < self.first_timestamp:
                text.append(token)
                continue
            at = window.seconds if token is None else (token - self.first_timestamp) * TICK_SECONDS
            at = min(max(at, begun), window.seconds)
            shown = self.text(text)
            if shown.strip():
                segments.append(Segment(shown, window.start_seconds + begun, window.start_seconds + at))
            text, begun = [], at
        return segments

    def text(self, tokens: Sequence[int]) -> str:
        """What a person reads."""
        return str(self.tokenizer.decode([token for token in tokens if token < self.end]))

    def with_words(self, reading: Reading, one: Encoded, language: str | None, request: Request) -> Reading:
        """Gives each segment its words with their times, and the times of its first and its last word."""
        if not reading.segments:
            return reading
        window = one.windows[0]
        written_in = "english" if self.task_of(request) == "translate" else LANGUAGES.get(language or "en")
        ids = [self.tokenizer(segment.text, add_special_tokens=False).input_ids for segment in reading.segments]
        steps = max(1, round(min(window.seconds, self.longest_seconds) / TICK_SECONDS))
        tokens = [token for own in ids for token in own]
        begins = self.align(one, self.opening(language, request), tokens, steps)
        clock = [window.start_seconds + step * TICK_SECONDS for step in begins]
        grouped = [_combine_tokens_into_words(self.tokenizer, own, written_in) for own in ids]
        words, place = [], 0
        for text, group in (pair for texts, groups, _ in grouped for pair in zip(texts, groups, strict=True)):
            words.append(Word(text, clock[place], clock[place + len(group)]))
            place += len(group)
        rest = iter(without_pauses(words))
        segments = []
        for segment, (texts, _, _) in zip(reading.segments, grouped, strict=True):
            own_words = tuple(islice(rest, len(texts)))
            segments.append(Segment(segment.text, own_words[0].start_seconds, own_words[-1].end_seconds, own_words))
        return replace(reading, segments=tuple(segments))


__all__ = ["TICK_SECONDS", "WhisperEngine"]
