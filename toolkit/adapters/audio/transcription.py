"""The adapter for recordings with texts: transcripts, or their translation."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar
from unicodedata import normalize

import numpy as np
from datasets import Dataset
from torch import Tensor
from transformers import PreTrainedModel

from toolkit import metrics
from toolkit.adapters.audio import listening
from toolkit.adapters.audio.checks import repeated_names, row_sentence, sound_sentence, text_sentence
from toolkit.adapters.audio.cues import cues_of, joined, says_times
from toolkit.adapters.audio.learners import Learner, model_kind
from toolkit.adapters.audio.learners_recurrent import RecurrentLearner
from toolkit.adapters.audio.learners_whisper import WhisperLearner
from toolkit.adapters.audio.recordings import Excerpt, Sounds
from toolkit.adapters.audio.scoring import DEFAULT_METRIC, score_text, score_texts, selecting
from toolkit.adapters.audio.variation import at_speed, with_noise
from toolkit.adapters.audio.whisper import TASKS
from toolkit.adapters.base import Adapter
from toolkit.adapters.core import RecurrentCore
from toolkit.adapters.tokenizers import TOKENIZER_KINDS
from toolkit.collate import Pad
from toolkit.data import Fault, Split, shared_rows
from toolkit.metrics import Score
from toolkit.models import ATTENTION_TYPES
from toolkit.report import Section

LEARNERS: dict[str, type[Learner]] = {"recurrent_seq2seq": RecurrentLearner, "whisper": WhisperLearner}


@dataclass
class Transcription(RecurrentCore, Adapter):
    """Recordings and texts, through the recurrent core, the core on a Whisper encoder, or Whisper itself."""

    task: ClassVar[str] = "automatic-speech-recognition"
    hub_task: ClassVar[str] = "automatic-speech-recognition"
    purpose: ClassVar[str] = "Writes what is said in a recording, or its translation."
    stores_inputs: ClassVar[bool] = False
    source_unit: ClassVar[str] = "frames of 10 ms"

    attention_type: str = field(
        default="location", metadata={"help": "How the decoder listens.", "choices": list(ATTENTION_TYPES)}
    )
    file_column: str = field(default="file_name", metadata={"help": "Column that names the recordings."})
    text_column: str = field(default="text", metadata={"help": "Column to write: what is said, or its translation."})
    encoder: str = field(
        default="mel",
        metadata={"help": "mel: learn to hear from scratch; else a pretrained Whisper whose encoder hears."},
    )
    freeze_encoder: bool = field(default=True, metadata={"help": "Keep a pretrained encoder as it is."})
    model_name_or_path: str | None = field(
        default=None, metadata={"help": "Whisper to train on, or a speech model of this toolkit; none: a fresh core."}
    )
    sample_rate_hz: int = field(default=16000, metadata={"help": "What mel hears; recordings are resampled to it."})
    mel_bins: int = field(default=80, metadata={"help": "Bands of frequency that mel tells apart."})
    frame_stacking: int = field(default=3, metadata={"help": "Frames read as one, so that time is shorter."})
    pyramid: bool = field(default=False, metadata={"help": "Each encoder layer after the first halves time."})
    tokenizer: str = field(default="char", metadata={"help": f"Learn one of {', '.join(TOKENIZER_KINDS)} for texts."})
    vocab_size: int = field(default=1000, metadata={"help": "The most tokens to write with."})
    language: str | None = field(
        default=None,
        metadata={"help": "What is spoken, for scores and a Whisper of many languages; none: as saved, or English."},
    )
    speech_task: str | None = field(
        default=None,
        metadata={"help": "translate: into another language; none: as saved, or transcribe.", "choices": list(TASKS)},
    )
    window_seconds: int | None = field(
        default=None, metadata={"help": "Cut Whisper's window of 30 s: cheap for short recordings, useless for longer."}
    )
    lora_rank: int | None = field(default=None, metadata={"help": "Train updates of this rank, not all of Whisper."})
    speed_perturbation: bool = field(default=False, metadata={"help": "Train at 90, 100 and 110 % speed."})
    spec_augment: bool = field(default=False, metadata={"help": "Hide bands of time and frequency while training."})
    noise_snr_db: float | None = field(default=None, metadata={"help": "Train with noise at least so far below."})
    join_seconds: float | None = field(
        default=None,
        metadata={"help": "Join neighbouring rows of a recording up to this length; none: as far as Whisper hears."},
    )
    max_source_seconds: float = field(default=30.0, metadata={"help": "Refuse longer recordings."})
    num_beams: int | None = field(default=None, metadata={"help": "Hypotheses kept while writing; none: greedy."})
    length_penalty: float | None = field(default=None, metadata={"help": "Power of the length that divides a score."})
    metric: str = field(
        default=DEFAULT_METRIC,
        metadata={"help": "Score that selects the best checkpoint; cer without spaces; wer is chrf of translations."},
    )

    def __post_init__(self) -> None:
        if self.speech_task not in (None, *TASKS):
            raise ValueError(f"`speech_task` must be one of {', '.join(TASKS)}, but is {self.speech_task!r}.")
        for name in ("sample_rate_hz", "mel_bins", "frame_stacking", "max_source_seconds"):
            if getattr(self, name) <= 0:
                raise ValueError(f"`{name}` must be above 0, but is {getattr(self, name)}.")
        self.core_config()  # refuses sizes and kinds that do not fit, before any data is read
        self._learner = LEARNERS[model_kind(self.model_name_or_path, self.encoder)](self)
        self.metric = selecting(self.metric, self._learner.task)
        self._tokenize = "auto"
        self._train: Split | None = None
        self._read: list[Split] = []  # before any row was left out
        self.has_times = False
        self._sounds = Sounds()

    @property
    def columns(self) -> Sequence[str]:
        """The recording, and what is said in it."""
        return self.file_column, self.text_column

    @property
    def optional_columns(self) -> Sequence[str]:
        """Times, where a row is a part of a recording, and names of rows, which must not come twice."""
        return "start", "end", "id"

    @property
    def media_column(self) -> str:
        """The recording."""
        return self.file_column

    def fit(self, splits: Mapping[str, Split]) -> None:
        """Remembers the training texts, from which the vocabulary comes, and whether rows have times."""
        self._train = splits.get("train", self._train)
        self.has_times = any(map(says_times, splits.values()))
        self.__dict__.pop("processor", None)  # it may have learnt from rows that are left out now

    def training_texts(self) -> list[str]:
        """What is said in the training rows."""
        if self._train is None:
            raise ValueError("`fit` must see training rows before a vocabulary can be learnt, but has not.")
        return [row[self.text_column] for row in self._train.dataset]

    @cached_property
    def processor(self) -> Any:
        """The feature extractor and the tokenizer."""
        return self._learner.processor()

    @property
    def rate_hz(self) -> int:
        """Samples per second that the model hears."""
        return self.processor.feature_extractor.sampling_rate

    def model(self) -> PreTrainedModel:
        """What the flags name."""
        return self._learner.model()

    @property
    def generation(self) -> dict[str, Any]:
        """Greedy unless told."""
        given = {"num_beams": self.num_beams, "length_penalty": self.length_penalty}
        return {name: value for name, value in given.items() if value is not None}

    def inputs(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Frames of what the row names; what a frozen encoder made of them is kept on disk."""
        return self._learner.inputs_of(self._excerpt(row), lambda: self._samples(row))

    def varied_inputs(self, row: Mapping[str, Any], random: np.random.Generator) -> dict[str, Any]:
        """The same at another speed, in noise, or behind masks, as the flags say."""
        if not self.speed_perturbation and self.noise_snr_db is None:
            return self._learner.hidden(self.inputs(row), random)
        samples = self._samples(row)
        if self.speed_perturbation:
            is_timed = self._excerpt(row).end_seconds is not None
            speeds = self._learner.speeds(len(samples) / self.rate_hz, is_timed=is_timed)
            samples = at_speed(samples, int(random.choice(speeds)))
        if self.noise_snr_db is not None:
            samples = with_noise(samples, self.noise_snr_db + random.uniform(0, 30), random)
        return self._learner.hidden(self._learner.inputs(samples), random)

    def labels(self, row: Mapping[str, Any]) -> list[int]:
        """What is said, as the model writes it."""
        return self._learner.labels(cues_of(row, self._excerpt(row), row[self.text_column]))

    def examples(self, split: Split) -> Split:
        """Neighbouring rows of a recording together, where that is asked for or Whisper is to learn times.

        Never across a row that was left out. Where nothing is learnt each row has a prediction of its own.
        """
        if self._train is None or not self.has_times or not isinstance(split.dataset, Dataset):
            return split
        longest, most = self._learner.longest_joined, self._learner.longest_target
        if longest is None:
            return split
        return joined(
            split,
            file_column=self.file_column,
            text_column=self.text_column,
            longest_seconds=longest,
            can_be_written=lambda row: most is None or len(self.labels(row)) <= most,
            read=self._read,
        )

    @property
    def prompt_labels(self) -> int:
        """One, but for Whisper, which is told language and task."""
        return self._learner.prompt_labels

    def finished(self, model: PreTrainedModel) -> PreTrainedModel:
        """The model without what only training needed."""
        return self._learner.finished(model)

    def source_length(self, row: Mapping[str, Any]) -> int:
        """Frames of 10 ms."""
        return round(listening.FRAMES_PER_SECOND * len(self._samples(row)) / self.rate_hz)

    def _excerpt(self, row: Mapping[str, Any]) -> Excerpt:
        return Excerpt.of(row, self.file_column)

    def _samples(self, row: Mapping[str, Any]) -> Tensor:
        """The sound, (N,)."""
        return self._sounds.read(self._excerpt(row), self.rate_hz)

    @property
    def pad(self) -> Pad:
        """Silence is masked, and missing labels are ignored by the loss."""
        return self._learner.pad

    def shown(self, row: Mapping[str, Any]) -> str:
        """The path, with times if it is a part."""
        return str(self._excerpt(row))

    def expected(self, row: Mapping[str, Any]) -> str | None:
        """What is to be written, composed as models write it."""
        text = row.get(self.text_column)
        return None if text is None else normalize("NFC", text)

    def write(self, model: PreTrainedModel, batch: Mapping[str, Tensor], **generation: Any) -> list[list[int]]:
        """Label ids of each row."""
        return self._learner.write(model, batch, **generation)

    def decode(self, output: Sequence[int]) -> str:
        """The text without special tokens."""
        return normalize("NFC", self.processor.tokenizer.decode(output, skip_special_tokens=True).strip())

    def score(self, predicted: Iterable[str], expected: Iterable[str], *, only: str | None = None) -> dict[str, Score]:
        """Error rates, raw and as Whisper's authors normalise the language; BLEU and chrF of translations."""
        task, normalizer, tokenize = self._learner.task, self._learner.normalizer, self._tokenize
        return score_texts(predicted, expected, task=task, normalizer=normalizer, bleu_tokenizer=tokenize, only=only)

    def for_parts_of(self, expected: Iterable[str]) -> "Transcription":
        """Itself, with BLEU's tokenizer chosen by all of these references."""
        same = copy(self)
        same._tokenize = metrics.settings_of(expected)["bleu"]["tokenize"]
        return same

    def row_score(self, predicted: str, expected: str) -> float:
        """100 less the character error rate; the chrF of a translation."""
        return score_text(predicted, expected, task=self._learner.task)

    def sections(self, records: Iterable[Mapping[str, Any]], serve: Callable[..., Any]) -> Iterator[Section]:
        """Which words of a transcript were mistaken for which, and some recordings to listen to."""
        if self._learner.task == "transcribe":
            yield listening.mistakes(records, self._learner.normalizer)
        yield from listening.heard(records, serve)

    def questions(self, records: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, Any]]:
        """A second of a tone: recordings are not in the run folder."""
        tone = f"torch.arange({self.rate_hz}).mul(0.2).sin().numpy()"
        yield f'{{"raw": {tone}, "sampling_rate": {self.rate_hz}}}', None

    def check_row(self, row: Mapping[str, Any]) -> str | None:
        """Recordings that are missing, broken, silent or long; texts that are blank, long or of another script."""
        sentence = row_sentence(row, self.file_column, self.text_column)
        if sentence is not None:
            return sentence
        longest = min(self.max_source_seconds, self._learner.longest_seconds or self.max_source_seconds)
        try:
            excerpt = self._excerpt(row)
            samples = self._sounds.read(excerpt, self.rate_hz, most_seconds=longest + 1)
            seconds = len(samples) / self.rate_hz
            seconds = max(seconds, excerpt.seconds) if seconds > longest else seconds
        except ValueError as error:  # a MediaError is one
            return str(error)
        sentence = sound_sentence(samples, seconds, longest) or self._check_text(row)
        if sentence is not None:
            self._sounds.forget(excerpt)
        return sentence

    def _check_text(self, row: Mapping[str, Any]) -> str | None:
        if self.text_column not in row:
            return None
        unknown, most = self.processor.tokenizer.unk_token_id, self._learner.longest_target
        return text_sentence(
            row[self.text_column], self.labels(row), text_column=self.text_column, unknown=unknown, most_labels=most
        )

    def check(self, splits: Mapping[str, Split]) -> Iterator[Fault]:
        """Wrong rows, names that come twice, and recordings that would be trained on and scored."""
        self._read = list(splits.values())
        yield from super().check(splits)
        yield from repeated_names(splits.values())
        yield from shared_rows(splits, (self.file_column, "start", "end"))


__all__ = ["Transcription"]
