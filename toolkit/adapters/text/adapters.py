"""The adapter for pairs of texts; its tasks differ in the name of the answer and in what they are scored by."""

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, ClassVar

import sacrebleu
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer, PreTrainedModel

from toolkit import metrics
from toolkit.adapters.base import Adapter
from toolkit.adapters.core import RecurrentCore
from toolkit.adapters.text.tokenizers import TOKENIZER_KINDS, lowercasing, train_tokenizer
from toolkit.collate import Pad
from toolkit.data import Fault, Split, shared_rows
from toolkit.metrics import Score
from toolkit.models import RecurrentSeq2SeqForConditionalGeneration, Seq2SeqProcessor, load_processor

SCORES: dict[str, Callable[..., Score]] = {
    "bleu": metrics.bleu,
    "bleu_lowercase": partial(metrics.bleu, lowercase=True),
    "chrf": metrics.chrf,
    "ter": metrics.ter,
    "rouge1": partial(metrics.rouge, kind="1"),
    "rouge2": partial(metrics.rouge, kind="2"),
    "rougeL": partial(metrics.rouge, kind="l"),
    "cer": metrics.cer,
    "exact_match": metrics.exact_match,
    "length_ratio": metrics.length_ratio,
}


@dataclass
class TextToText(RecurrentCore, Adapter):
    """Pairs of texts, through the recurrent core or any pretrained `AutoModelForSeq2SeqLM`."""

    task: ClassVar[str] = "text2text-generation"
    scores: ClassVar[tuple[str, ...]] = ("chrf", "bleu", "bleu_lowercase", "cer", "exact_match", "length_ratio")

    source_column: str | None = field(default=None, metadata={"help": "Column to read; none: the first."})
    target_column: str | None = field(default=None, metadata={"help": "Column to write; none: the second."})
    model_name_or_path: str | None = field(
        default=None, metadata={"help": "Pretrained encoder-decoder to start from; none: a fresh recurrent one."}
    )
    tokenizer: str = field(
        default="bpe",
        metadata={"help": f"Learn one of {', '.join(TOKENIZER_KINDS)}, or a folder or Hub id of one to reuse."},
    )
    vocab_size: int = field(default=8000, metadata={"help": "The most tokens of each side, or of both if shared."})
    shared_vocabulary: bool = field(default=False, metadata={"help": "Learn one vocabulary from both sides."})
    lowercase_source: bool = field(default=False, metadata={"help": "Read without case."})
    max_source_length: int | None = field(default=None, metadata={"help": "Refuse longer sources, in tokens."})
    max_target_length: int | None = field(default=None, metadata={"help": "Refuse longer targets, in tokens."})
    num_beams: int = field(default=5, metadata={"help": "Hypotheses kept while writing; 1 is greedy."})
    length_penalty: float = field(default=1.0, metadata={"help": "Power of the length that divides a hypothesis' score."})
    metric: str = field(default="chrf", metadata={"help": "Score that selects the best checkpoint."})
    bleu_tokenizer: str = field(default="auto", metadata={"help": "sacreBLEU's tokenizer; auto: by the script."})

    def __post_init__(self) -> None:
        if (self.source_column is None) != (self.target_column is None):
            raise ValueError("`source_column` and `target_column` must be given together, but one is missing.")
        if self.metric not in self.scores:
            raise ValueError(f"`metric` must be one of {', '.join(self.scores)}, but is {self.metric!r}.")
        if self.num_beams < 1:
            raise ValueError(f"`num_beams` must be at least 1, but is {self.num_beams}.")
        self._names: tuple[str, ...] = tuple(self.columns or ())
        self._train: Split | None = None

    @property
    def columns(self) -> Sequence[str] | None:
        """Source and target, or none for the first two of the file."""
        return None if self.source_column is None else (self.source_column, str(self.target_column))

    def fit(self, splits: Mapping[str, Split]) -> None:
        """Notes the names of the columns, and the training texts that a vocabulary is learnt from."""
        first = next(iter(splits.values()))
        self._names = tuple(name for name in first.dataset.column_names if name != "line")
        self._train = splits.get("train")

    @cached_property
    def processor(self) -> Any:
        """Both tokenizers: those of the pretrained model, an existing one, or learnt from the training texts."""
        if self.model_name_or_path is not None:
            return load_processor(self.model_name_or_path)
        if self.tokenizer not in TOKENIZER_KINDS:
            return self._processor_of(AutoTokenizer.from_pretrained(self.tokenizer))
        if self.shared_vocabulary:
            return self._processor_of(self._learn(self._names))
        source, target = (self._learn([name], lowercase=self.lowercase_source and name == self._names[0])
                          for name in self._names)
        return Seq2SeqProcessor(tokenizer=target, source_tokenizer=source)

    def _processor_of(self, tokenizer: Any) -> Seq2SeqProcessor:
        source = lowercasing(tokenizer) if self.lowercase_source else tokenizer
        return Seq2SeqProcessor(tokenizer=tokenizer, source_tokenizer=source)

    def _learn(self, names: Sequence[str], *, lowercase: bool = False) -> Any:
        if self._train is None:
            raise ValueError("A vocabulary is learnt from training data, but there is none. Give `train_file`, "
                             "or `model_name_or_path` for a model that has one.")
        return train_tokenizer(
            self._texts(names), kind=self.tokenizer, vocab_size=self.vocab_size, lowercase=lowercase
        )

    def _texts(self, names: Sequence[str]) -> Iterator[str]:
        for batch in self._train.dataset.select_columns(list(names)).iter(batch_size=1000):  # type: ignore[union-attr]
            for name in names:
                lower = self.lowercase_source and name == self._names[0]
                yield from (text.lower() for text in batch[name]) if lower else batch[name]

    def model(self) -> PreTrainedModel:
        """The pretrained model, or a fresh recurrent one of the size that the vocabulary asks for."""
        if self.model_name_or_path is not None:
            return _pretrained(self.model_name_or_path)
        target, source = self.processor.tokenizer, self.processor.source_tokenizer
        start = next(i for i in (target.bos_token_id, target.cls_token_id, target.pad_token_id) if i is not None)
        shared = target.get_vocab() == source.get_vocab()
        config = self.core_config(
            vocab_size=len(target),
            source_vocab_size=None if shared else len(source),
            share_embeddings=shared and self.tie_word_embeddings,
            pad_token_id=target.pad_token_id,
            bos_token_id=start,
            eos_token_id=_end(target),
            decoder_start_token_id=start,
        )
        return RecurrentSeq2SeqForConditionalGeneration(config)

    @property
    def generation(self) -> dict[str, Any]:
        """Beam search with these widths and penalties."""
        return {"num_beams": self.num_beams, "length_penalty": self.length_penalty}

    def inputs(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """`input_ids` and `attention_mask`."""
        tokenizer = getattr(self.processor, "source_tokenizer", self.processor)
        encoded = tokenizer(row[self._names[0]])
        return {name: encoded[name] for name in ("input_ids", "attention_mask")}

    def labels(self, row: Mapping[str, Any]) -> list[int]:
        """The target's ids, with the end-of-sequence token last."""
        ids = list(self.processor(text_target=row[self._names[1]])[self._label_field])
        end = _end(self._target_tokenizer)
        return ids if ids and ids[-1] == end else [*ids, end]

    @property
    def _target_tokenizer(self) -> Any:
        return getattr(self.processor, "tokenizer", self.processor)

    @property
    def _label_field(self) -> str:
        return "labels" if hasattr(self.processor, "source_tokenizer") else "input_ids"

    @property
    def pad(self) -> Pad:
        """Padding is masked on the source side and ignored by the loss on the target side."""
        source = getattr(self.processor, "source_tokenizer", self.processor)
        return Pad({"input_ids": source.pad_token_id, "attention_mask": 0, "labels": -100})

    def shown(self, row: Mapping[str, Any]) -> str:
        """The source text."""
        return row[self._names[0]]

    def expected(self, row: Mapping[str, Any]) -> str | None:
        """The target text."""
        return row[self._names[1]] if len(self._names) > 1 else None

    def decode(self, output: Sequence[int]) -> str:
        """The text without special tokens."""
        return self._target_tokenizer.decode(output, skip_special_tokens=True)

    def score(
        self, predicted: Iterable[str], expected: Iterable[str], *, only: str | None = None
    ) -> dict[str, Score]:
        """The scores of the task."""
        names = self.scores if only is None else (only,)
        settings = {"bleu": {"tokenize": self.bleu_tokenizer}, "bleu_lowercase": {"tokenize": self.bleu_tokenizer}}
        return {name: SCORES[name](predicted, expected, **settings.get(name, {})) for name in names}

    def row_score(self, predicted: str, expected: str) -> float:
        """The chrF of one row."""
        return sacrebleu.sentence_chrf(predicted, [expected]).score

    def check_row(self, row: Mapping[str, Any]) -> str | None:
        """Blank texts, targets without a word, and texts beyond the lengths asked for."""
        for name in self._names:
            if not row[name].strip():
                return f"`{name}` is blank, so there is nothing to learn. Fill it or remove the row."
        expected = self.expected(row)
        if expected is not None and not _says_something(expected) and _says_something(self.shown(row)):
            return f"`{self._names[1]}` is only {expected.strip()[:20]!r}, without a word. Correct or remove the row."
        for name, limit, encode in (
            ("source", self.max_source_length, lambda: self.inputs(row)["input_ids"]),
            ("target", self.max_target_length, lambda: self.labels(row)),
        ):
            length = len(encode()) if limit is not None else 0
            if limit is not None and length > limit:
                return f"the {name} has {length} tokens, above `max_{name}_length` ({limit}). Shorten it or raise that."
        return None

    def check(self, splits: Mapping[str, Split]) -> Iterator[Fault]:
        """Wrong rows, and rows that would be trained on and scored."""
        yield from super().check(splits)
        if len(self._names) > 1:
            yield from shared_rows(splits, self._names)


@dataclass
class Translation(TextToText):
    """A sentence in another language."""

    task: ClassVar[str] = "translation"
    scores: ClassVar[tuple[str, ...]] = ("bleu", "bleu_lowercase", "chrf", "ter", "exact_match", "length_ratio")


@dataclass
class Summarization(TextToText):
    """A text in fewer words."""

    task: ClassVar[str] = "summarization"
    scores: ClassVar[tuple[str, ...]] = ("rougeL", "rouge1", "rouge2", "chrf", "exact_match", "length_ratio")
    metric: str = field(default="rougeL", metadata={"help": "Score that selects the best checkpoint."})


@dataclass
class Dialogue(TextToText):
    """An answer to what was said."""

    task: ClassVar[str] = "dialogue"

    repetition_penalty: float = field(default=1.2, metadata={"help": "Above 1: words already written cost more."})
    no_repeat_ngram_size: int = field(default=3, metadata={"help": "Never write so many tokens twice; 0: no guard."})
    do_sample: bool = field(default=False, metadata={"help": "Draw the answer instead of searching for the likeliest."})

    @property
    def generation(self) -> dict[str, Any]:
        """Search or sampling, guarded against loops."""
        guard = {name: getattr(self, name) for name in ("repetition_penalty", "no_repeat_ngram_size", "do_sample")}
        return {**super().generation, **({"num_beams": 1} if self.do_sample else {}), **guard}


def _pretrained(name_or_path: str) -> PreTrainedModel:
    try:
        return AutoModelForSeq2SeqLM.from_pretrained(name_or_path)
    except ValueError as error:
        raise ValueError(
            f"`model_name_or_path` must name an encoder-decoder, but {name_or_path} is none. "
            f"Choose a model of AutoModelForSeq2SeqLM. ({str(error).splitlines()[0]})"
        ) from error


def _end(tokenizer: Any) -> int:
    return tokenizer.eos_token_id if tokenizer.eos_token_id is not None else tokenizer.sep_token_id


def _says_something(text: str) -> bool:
    """Whether a text has a letter, a number or a pictograph."""
    return any(unicodedata.category(character)[0] in "LN" or unicodedata.category(character) == "So" for character in text)


__all__ = ["Dialogue", "Summarization", "TextToText", "Translation"]
